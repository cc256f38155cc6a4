//! The objective of large problems with its bounds.

use std::time::Instant;

use rbgc::place::solve;

#[allow(dead_code)]
#[path = "placement.rs"]
mod placement;

fn main() {
    for free in [7214, 6493, 5268] {
        let problem = placement::problem([4, 40, 8, 8], 1000, free);
        let start = Instant::now();
        match solve(&problem) {
            Ok(plan) => {
                println!("{free} free: {:?}", start.elapsed());
                for criterion in plan.objective {
                    println!("  {:40} {:>10} >= {:>10}", criterion.name, criterion.value, criterion.bound);
                }
            }
            Err(conflicts) => println!("{free} free: {} groups without a place", conflicts.len()),
        }
    }
}
