//! From a problem to a plan: what stands stays, what is new finds a place, and what does not fit
//! makes room.

use super::conflict::Conflict;
use super::construct::{Effort, place_group, size};
use super::index::Index;
use super::state::State;
use super::{Placement, Problem, explain, objective, verify};

/// The effort of the first attempt.
const FIRST: Effort = Effort { width: 6, areas: 3, steps: 24 };

/// A plan, checked, or the groups that found no place.
pub(super) fn solve(problem: &Problem) -> Result<Placement, Vec<Conflict>> {
    let index = Index::new(problem);
    let mut state = State::new(&index);
    keep(&mut state);
    let missing = construct(&mut state);
    if !missing.is_empty() {
        return Err(missing.into_iter().map(|g| explain::explain(&state, g)).collect());
    }
    let placement = assemble(&index, &state);
    let violations = verify::verify(problem, &placement);
    assert!(violations.is_empty(), "the solver made a plan that its checker refuses: {violations:?}");
    Ok(placement)
}

/// Instances that stay where they are as far as that is allowed, one after the other.
pub(super) fn keep(state: &mut State) {
    for instance in 0..state.index.instances.len() {
        if let Some(previous) = &state.index.instances[instance].previous {
            state.put_instance(instance, previous);
        }
    }
}

/// Places what is missing, the hardest groups first. Returns the groups that found no place.
pub(super) fn construct(state: &mut State) -> Vec<usize> {
    let mut open: Vec<usize> = (0..state.index.groups.len()).filter(|g| !complete(state, *g)).collect();
    open.sort_by_cached_key(|g| (std::cmp::Reverse(hardness(state, *g)), *g));
    open.retain(|g| !place_group(state, *g, FIRST));
    open
}

/// Whether every instance of a group stands.
pub(super) fn complete(state: &State, group: usize) -> bool {
    state.index.groups[group].instances.clone().all(|i| state.stands(i))
}

/// Groups that want domains for themselves, then large instances, then many of them.
fn hardness(state: &State, group: usize) -> (bool, (i64, usize), i64) {
    let row = &state.index.groups[group];
    let sizes = row.instances.clone().map(|i| size(state, i));
    let largest = sizes.clone().max().unwrap_or_default();
    (!row.exclusive.is_empty(), largest, sizes.map(|(gpus, _)| gpus).sum())
}

/// The plan of a complete state.
pub(super) fn assemble(index: &Index, state: &State) -> Placement {
    let machines = |role: usize| {
        let row = &index.roles[role];
        let instances = row.first_instance..row.first_instance + row.role.instances;
        instances.map(|i| state.machines(i)).collect::<Vec<_>>()
    };
    let groups: Vec<Vec<Vec<Vec<usize>>>> =
        index.groups.iter().map(|row| row.roles.clone().map(machines).collect()).collect();
    let moves = verify::moves(index.problem, &groups);
    let mut placement = Placement { groups, objective: Vec::new(), moves };
    let cost = objective::cost(index, &placement);
    placement.objective = objective::NAMES.into_iter().zip(cost).collect();
    placement
}
