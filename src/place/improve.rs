//! From a plan to a better one: parts of it are placed anew, and stay where they are unless the whole
//! gets cheaper.

use super::branch::{cheapest, users};
use super::objective::{Cost, FRAGMENTATION, add, group_cost};
use super::solve::{complete, take_group};
use super::state::State;

/// Machines up to which all groups are placed anew at once.
const SMALL: usize = 64;

/// Pods placed to find the best plan of a small cluster and to prove it; some microseconds each.
const PROOF: u64 = 20_000;

/// Pods placed to find a better place for one group.
const ONE: u64 = 300;

/// Makes a plan cheaper. Returns what every plan costs at least.
pub(super) fn improve(state: &mut State) -> Cost {
    let effort = u64::from(state.index.problem.effort.max(1));
    if state.index.problem.machines.len() > SMALL {
        return [0; 7];
    }
    let all: Vec<usize> = (0..state.index.groups.len()).collect();
    let machines: Vec<usize> = (0..state.index.problem.machines.len()).collect();
    for _ in 0..2 {
        let better = all.iter().filter(|g| anew(state, &[**g], &machines, &mut (ONE * effort)).1).count();
        if better == 0 {
            break;
        }
    }
    let mut steps = PROOF * effort;
    anew(state, &all, &machines, &mut steps).0
}

/// Places groups anew on some machines: at less cost, or as they were. Returns what they cost at
/// least, and whether they got cheaper.
fn anew(state: &mut State, groups: &[usize], machines: &[usize], steps: &mut u64) -> (Cost, bool) {
    let below = cost_of(state, groups);
    let before = state.machine_of.clone();
    groups.iter().for_each(|g| take_group(state, *g));
    let verdict = cheapest(state, groups, machines, below, steps);
    if verdict.cost.is_none() {
        state.restore(&before);
    }
    (verdict.floor, verdict.cost.is_some())
}

/// What groups cost, with the whole fragmentation.
fn cost_of(state: &State, groups: &[usize]) -> Cost {
    let users = users(state);
    let mut total = [0; 7];
    for group in groups {
        let rows = complete(state, *group).then(|| state.rows(*group));
        add(&mut total, &group_cost(state.index, *group, rows.as_deref(), &users));
    }
    total[FRAGMENTATION] = state.fragmentation;
    total
}
