//! From a problem to a plan: what stands stays, what is new finds a place, and what does not fit
//! makes room.

use super::conflict::Conflict;
use super::construct::{Effort, place_group, size};
use super::exact::{Exact, Outcome, Pick};
use super::index::Index;
use super::quotes::Quotes;
use super::repair::{repair, return_home};
use super::state::State;
use super::{Criterion, Placement, Problem, explain, improve, moves, objective, relax, settle, verify};

/// The effort of the first attempt.
const FIRST: Effort = Effort { width: 6, areas: 3, steps: 24 };

/// Machines up to which the search is complete as long as its budget lasts.
const SMALL: usize = 64;

/// Pods of a role from which on they are counted before anything is searched.
const MANY: usize = 1_000;

/// Pods placed in the complete search; it is a few microseconds for each.
pub(super) const STEPS: u64 = 100_000;

/// A plan, checked, or the groups that found no place.
pub(super) fn solve(problem: &Problem, prove: bool) -> Result<Placement, Vec<Conflict>> {
    let oversized = oversized(problem);
    if !oversized.is_empty() {
        return Err(oversized);
    }
    let index = Index::new(problem);
    let mut state = State::new(&index);
    let mut missing = search(&mut state, STEPS);
    if !missing.is_empty() && !problem.partial {
        let conflicts = explain::explain(&mut state, std::mem::take(&mut missing));
        if !conflicts.is_empty() {
            return Err(conflicts);
        }
    }
    missing.iter().for_each(|missing| take_group(&mut state, missing.group));
    let known = improve::improve(&mut state);
    settle::settle(&mut state);
    let mut placement = assemble(&index, &state);
    bound(&mut placement, &known.floor);
    placement.moves = moves::moves(problem, &placement.groups);
    let violations = verify::verify(problem, &placement);
    assert!(violations.is_empty(), "the solver made a plan that its checker refuses: {violations:?}");
    if prove && !placement.is_optimal() {
        let cost = placement.objective.iter().map(|criterion| criterion.value);
        let known = known.bounds.filter(|(of, _)| cost.eq(of.iter().copied()));
        let fresh = || relax::bounds(&index, &placement, relax::Budget::new(problem.effort));
        let bounds = known.map_or_else(fresh, |(_, bounds)| bounds);
        for (criterion, bound) in placement.objective.iter_mut().zip(bounds) {
            criterion.bound = criterion.bound.max(bound);
        }
    }
    Ok(placement)
}

/// Roles that ask for more pods than all machines together hold. Found by counting, so that a
/// mistyped replica count costs nothing.
fn oversized(problem: &Problem) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (g, group) in problem.groups.iter().enumerate() {
        let many = |role: &super::Role| role.instances.saturating_mul(role.pods.len()) > MANY;
        for (r, role) in group.roles.iter().enumerate().filter(|(_, role)| many(role)) {
            let fits =
                |pod: &super::Pod| problem.machines.iter().enumerate().map(|(m, x)| room(problem, pod, m, x)).sum();
            let few = |pod: &super::Pod| {
                let alike = role.pods.iter().filter(|p| *p == pod).count();
                let room: usize = fits(pod);
                role.instances.saturating_mul(alike) > room
            };
            if role.pods.first().into_iter().chain(role.pods.last()).any(few) {
                found.push(explain::oversized(problem, g, r));
            }
        }
    }
    found
}

/// Pods that a machine holds, at most a million.
fn room(problem: &Problem, pod: &super::Pod, machine: usize, free: &super::Machine) -> usize {
    let eligible = problem.eligible.get(pod.eligible).and_then(|set| set.get(machine)).copied().unwrap_or(false);
    if free.closed.is_some() || !eligible {
        return 0;
    }
    let each =
        pod.request.iter().zip(&free.free).filter(|(wanted, _)| **wanted > 0).map(|(wanted, free)| free / wanted);
    each.min().unwrap_or(1_000_000).clamp(0, 1_000_000) as usize
}

/// How a group fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missing {
    /// The group.
    pub group: usize,
    /// It was shown that there is no plan for all groups.
    pub proven: bool,
}

/// Completes a state, or tells which groups remain. `steps` bounds the complete search.
pub(super) fn search(state: &mut State, steps: u64) -> Vec<Missing> {
    keep(state);
    let missing = construct(state);
    let missing = repair(state, missing);
    if missing.is_empty() {
        return_home(state);
    }
    if state.index.problem.machines.len() > SMALL {
        return missing.into_iter().map(|group| Missing { group, proven: false }).collect();
    }
    if missing.is_empty() {
        return Vec::new();
    }
    let before = state.machine_of.clone();
    clear(state);
    match complete_search(state, steps) {
        Outcome::Found => {
            return_home(state);
            Vec::new()
        }
        outcome => {
            state.restore(&before);
            missing.into_iter().map(|group| Missing { group, proven: outcome == Outcome::Impossible }).collect()
        }
    }
}

/// The complete search over an empty state, in two orders that are good at different problems.
fn complete_search(state: &mut State, budget: u64) -> Outcome {
    for pick in [Pick::Largest, Pick::Fewest] {
        let mut steps = budget;
        let outcome = Exact::new(state, pick, &mut steps).run(state);
        if outcome != Outcome::Exhausted {
            return outcome;
        }
    }
    Outcome::Exhausted
}

/// Instances that stay where they are as far as that is allowed, one after the other.
fn keep(state: &mut State) {
    for instance in 0..state.index.instances.len() {
        if let Some(previous) = &state.index.instances[instance].previous {
            state.put_instance(instance, previous);
        }
    }
}

/// Places what is missing, the hardest groups first. Returns the groups that found no place.
fn construct(state: &mut State) -> Vec<usize> {
    let mut open: Vec<usize> = (0..state.index.groups.len()).filter(|g| !complete(state, *g)).collect();
    open.sort_by_cached_key(|g| (std::cmp::Reverse(hardness(state, *g)), *g));
    // Small clusters are searched as a whole later.
    let mut quotes = (state.index.problem.machines.len() > SMALL).then(|| Quotes::new(state));
    open.retain(|g| {
        let quoted = quotes.as_mut().is_some_and(|quotes| quotes.place(state, *g, FIRST));
        let placed = quoted || place_group(state, *g, FIRST);
        if let Some(quotes) = quotes.as_mut().filter(|_| placed) {
            quotes.note(state, *g);
        }
        !placed
    });
    open
}

fn clear(state: &mut State) {
    (0..state.index.groups.len()).for_each(|group| take_group(state, group));
}

/// Takes away every instance of a group.
pub(super) fn take_group(state: &mut State, group: usize) {
    state.index.groups[group].instances.clone().for_each(|instance| state.take_instance(instance));
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

/// Tells of each criterion what is known, when no plan costs less than `floor`: it bounds the first
/// criterion that does not reach it, and what comes after that is free.
fn bound(placement: &mut Placement, floor: &objective::Cost) {
    for (criterion, floor) in placement.objective.iter_mut().zip(floor) {
        criterion.bound = (*floor).min(criterion.value);
        if criterion.value > *floor {
            break;
        }
    }
}

/// The plan of a state, still without its moves: groups stand as a whole or not at all.
pub(super) fn assemble(index: &Index, state: &State) -> Placement {
    let groups: Vec<Vec<Vec<Vec<usize>>>> = (0..index.groups.len()).map(|g| state.rows(g)).collect();
    let unplaced = (0..index.groups.len()).filter(|g| !complete(state, *g)).collect();
    let mut placement = Placement { groups, unplaced, objective: Vec::new(), moves: Vec::new() };
    let cost = objective::cost(index, &placement);
    // Nothing is counted below zero, so that this much is known of every criterion.
    let criterion = |(name, value)| Criterion { name, value, bound: 0 };
    placement.objective = objective::NAMES.into_iter().zip(cost).map(criterion).collect();
    placement
}
