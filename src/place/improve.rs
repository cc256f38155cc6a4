//! Small steps to a better plan, for clusters small enough to measure each of them.

use super::candidates::candidates;
use super::construct::pack;
use super::index::Index;
use super::objective::{Cost, cost};
use super::solve::assemble;
use super::state::State;
use super::topology::CLUSTER;

/// Pods measured at most, plan by plan.
const MEASURED: usize = 60_000;

/// Moves one instance at a time as long as the plan gets better.
pub(super) fn improve(index: &Index, state: &mut State) {
    let mut left = MEASURED / (index.pods + 10);
    let mut best = cost(index, &assemble(index, state));
    loop {
        let before = best;
        for instance in 0..index.instances.len() {
            if left == 0 {
                return;
            }
            best = improve_one(index, state, instance, best, &mut left);
        }
        if best == before {
            return;
        }
    }
}

/// The best place for an instance while all others stay.
fn improve_one(index: &Index, state: &mut State, instance: usize, best: Cost, left: &mut usize) -> Cost {
    let row = &index.instances[instance];
    let settled = row.previous.as_ref().is_some_and(|old| *old == state.machines(instance));
    if !state.stands(instance) || (settled && !index.problem.groups[row.group].locality) {
        return best;
    }
    let home = state.machines(instance);
    state.take_instance(instance);
    let areas = candidates(state, instance, CLUSTER, 16);
    let mut found = (best, home);
    for area in areas {
        if *left == 0 {
            break;
        }
        if pack(state, instance, area) {
            *left -= 1;
            let now = cost(index, &assemble(index, state));
            if now < found.0 {
                found = (now, state.machines(instance));
            }
            state.take_instance(instance);
        }
    }
    for (pod, machine) in found.1.iter().enumerate() {
        state.put(instance, pod, *machine);
    }
    found.0
}
