//! Large placements as integer programmes for other solvers, beside what ours makes of them:
//! `cargo bench --bench models -- DIRECTORY`, then `python3 benches/highs.py DIRECTORY`.
//!
//! The programme knows racks by their free machines and looks at every way to split a group over the
//! racks of one block. It leaves out plans that divide a group over blocks, so that its optimum is
//! that of all plans when our bound equals it.

#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use rbgc::link::Link;
use rbgc::place::{Placement, Problem, solve};

#[allow(dead_code)]
#[path = "placement.rs"]
mod family;

/// Levels of the family.
const BLOCK: usize = 1;
const RACK: usize = 2;

/// Weight of the traffic inside an instance, as the objective has it.
const INSIDE: usize = 100;

fn main() {
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let Some(directory) = directory else { return println!("usage: models DIRECTORY") };
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory).expect("a directory");
    let mut table = String::new();
    for (name, shape, groups, free) in [
        ("1024-100", [2, 8, 8, 8], 100, 650),
        ("10240-1000-72", [4, 40, 8, 8], 1000, 7214),
        ("10240-1000-80", [4, 40, 8, 8], 1000, 6493),
        ("10240-1000-98", [4, 40, 8, 8], 1000, 5268),
    ] {
        let problem = family::problem(shape, groups, free);
        let start = Instant::now();
        let plan = match solve(&problem) {
            Ok(plan) => plan,
            Err(conflicts) => {
                println!("{name}: {} groups without a place", conflicts.len());
                continue;
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let racks = racks(&problem);
        let links = of(&plan, "links");
        for (stage, limit) in [("links", None), ("fragmentation", Some(links.0))] {
            let (value, bound) = of(&plan, stage);
            let model = model(&problem, &racks, limit);
            std::fs::write(directory.join(format!("{name}-{stage}.lp")), model).expect("a file");
            writeln!(table, "{name}-{stage},{value},{bound},{seconds:.3}").expect("a text");
        }
    }
    print!("{table}");
    std::fs::write(directory.join("ours.csv"), table).expect("a file");
}

/// Value and bound of a criterion.
fn of(plan: &Placement, name: &str) -> (i64, i64) {
    plan.objective.iter().find(|c| c.name == name).map_or((0, 0), |c| (c.value, c.bound))
}

/// A rack: its block, its free machines, and whether nobody uses it.
struct Rack {
    block: usize,
    free: usize,
    whole: bool,
}

fn racks(problem: &Problem) -> Vec<Rack> {
    let mut racks: BTreeMap<usize, Rack> = BTreeMap::new();
    for machine in &problem.machines {
        let (Some(block), Some(rack)) = (machine.domains[BLOCK], machine.domains[RACK]) else { continue };
        let rack = racks.entry(rack).or_insert(Rack { block, free: 0, whole: true });
        rack.free += usize::from(machine.free[problem.gpu] > 0);
        rack.whole &= machine.holders.is_empty();
    }
    racks.into_values().collect()
}

/// What a pair of pods costs that shares a domain of a level and no narrower one.
fn downgrade(problem: &Problem, level: usize) -> usize {
    let levels = problem.levels.len() + 2;
    (Link::Nvlink as usize - problem.links[level] as usize) * levels + levels - 1 - (level + 1)
}

/// A way to split a group over racks: its cost and the machines in each.
type Split = (usize, Vec<usize>);

/// All splits of prefill and decode instances of so many pods, over racks of eight machines.
fn splits(problem: &Problem, pods: [usize; 2], left: [usize; 2], weight: usize) -> BTreeSet<Split> {
    let near = downgrade(problem, RACK);
    if left == [0, 0] {
        return BTreeSet::from([(0, Vec::new())]);
    }
    let mut found = BTreeSet::new();
    for prefill in 0..=left[0] {
        for decode in 0..=left[1] {
            let size = prefill * pods[0] + decode * pods[1];
            let first = if left[0] > 0 { prefill > 0 } else { decode > 0 };
            if first && size <= 8 {
                let far = downgrade(problem, BLOCK) * (prefill * (left[1] - decode) + decode * (left[0] - prefill));
                for (cost, mut rest) in splits(problem, pods, [left[0] - prefill, left[1] - decode], weight) {
                    rest.push(size);
                    rest.sort_unstable();
                    found.insert((cost + weight * (prefill * decode * near + far), rest));
                }
            }
        }
    }
    found
}

/// The programme in the LP format: links, or the racks broken when links cost no more than `limit`.
fn model(problem: &Problem, racks: &[Rack], limit: Option<i64>) -> String {
    let mut shapes: BTreeMap<[usize; 4], usize> = BTreeMap::new();
    for group in &problem.groups {
        let role = |r: usize| (group.roles[r].pods.len(), group.roles[r].instances);
        let ((a, n), (b, m)) = (role(0), role(1));
        *shapes.entry([a, n, b, m]).or_insert(0) += 1;
    }
    let blocks: BTreeSet<usize> = racks.iter().map(|rack| rack.block).collect();
    let (mut links, mut counts) = (String::new(), String::new());
    let mut sizes: BTreeMap<(usize, usize), String> = BTreeMap::new();
    let mut integers = String::new();
    let weight = problem.groups.first().map_or(0, |group| group.edges[0].weight as usize);
    for (s, ([a, n, b, m], count)) in shapes.iter().enumerate() {
        let pairs = n * (a * (a - 1) / 2) + m * (b * (b - 1) / 2);
        let inside = INSIDE * downgrade(problem, RACK) * pairs;
        write!(counts, " shape{s}:").expect("a text");
        for (c, (cost, parts)) in splits(problem, [*a, *b], [*n, *m], weight).into_iter().enumerate() {
            for block in &blocks {
                let name = format!("u{s}_{c}_{block}");
                writeln!(links, " + {} {name}", cost + inside).expect("a text");
                writeln!(counts, " + {name}").expect("a text");
                writeln!(integers, " {name}").expect("a text");
                for part in parts.chunk_by(|a, b| a == b) {
                    let row = sizes.entry((*block, part[0])).or_default();
                    writeln!(row, " + {} {name}", part.len()).expect("a text");
                }
            }
        }
        writeln!(counts, " = {count}").expect("a text");
    }
    let mut broken = String::new();
    for (r, rack) in racks.iter().enumerate() {
        write!(counts, " rack{r}:").expect("a text");
        for size in 1..=rack.free {
            if let Some(row) = sizes.get_mut(&(rack.block, size)) {
                writeln!(row, " - w{r}_{size}").expect("a text");
                writeln!(counts, " + {size} w{r}_{size}").expect("a text");
                writeln!(integers, " w{r}_{size}").expect("a text");
            }
        }
        // A rack that is whole is broken by the first machine.
        writeln!(counts, " - {} y{r} <= 0", rack.free).expect("a text");
        writeln!(integers, " y{r}").expect("a text");
        if rack.whole {
            writeln!(broken, " + y{r}").expect("a text");
        }
    }
    for ((block, size), row) in &sizes {
        writeln!(counts, " size{block}_{size}: {row} <= 0").expect("a text");
    }
    let bounds: String = (0..racks.len()).map(|r| format!(" 0 <= y{r} <= 1\n")).collect();
    let objective = match limit {
        None => links,
        Some(limit) => {
            writeln!(counts, " links: {links} <= {limit}").expect("a text");
            // Every machine that is begun counts, whatever the plan is.
            let pods = |role: &rbgc::place::Role| if role.accelerated { role.instances * role.pods.len() } else { 0 };
            let machines: usize = problem.groups.iter().flat_map(|group| &group.roles).map(pods).sum();
            format!("{broken} + {machines} begun\n")
        }
    };
    let fixed = if limit.is_some() { " begun = 1\n" } else { "" };
    format!("Minimize\n cost:{objective}Subject To\n{counts}Bounds\n{fixed}{bounds}General\n{integers}End\n")
}
