//! Instances that had to move keep as many of their machines as they can: whoever lost one node of
//! four gets one other, and pods that are alike stay where one of them was.
//!
//! No criterion of the objective tells such plans apart, since an instance moves as a whole. But the
//! parts of an instance restart one by one, and a difference that need not be is one to be read.

use super::objective::cost;
use super::slots::room;
use super::solve::assemble;
use super::state::State;

/// Pods measured at most, plan by plan; beyond that only links inside of instances are compared.
const MEASURED: usize = 60_000;

/// Brings moved instances back to their machines, one by one, as long as the plan gets no worse.
pub(super) fn settle(state: &mut State) {
    let mut left = MEASURED / (state.index.pods + 10);
    for instance in 0..state.index.instances.len() {
        let row = &state.index.instances[instance];
        let (role, number) = (&state.index.roles[row.role], row.number);
        let Some(old) = role.role.previous.get(number).filter(|old| old.len() == role.classes.len()) else { continue };
        let alone = old.len() < 2;
        if alone || !state.stands(instance) || old.iter().copied().eq(state.machines(instance).into_iter().map(Some)) {
            continue;
        }
        stay_beside(state, instance, old, &mut left);
        exchange(state, instance, old);
    }
}

/// The old machines as far as they are free, and the nearest others for the rest.
fn stay_beside(state: &mut State, instance: usize, old: &[Option<usize>], left: &mut usize) {
    let now = state.machines(instance);
    let before = (*left > 0).then(|| cost(state.index, &assemble(state.index, state)));
    state.take_instance(instance);
    let target = beside(state, instance, old);
    let better =
        target.filter(|target| target != &now && state.put_instance(instance, target)).is_some_and(
            |target| match before {
                Some(before) => {
                    *left -= 1;
                    cost(state.index, &assemble(state.index, state)) <= before
                }
                None => {
                    let role = state.index.instances[instance].role;
                    let unmet = |pods: &[usize]| pods.iter().map(|m| state.index.unmet_on(role, *m)).sum::<i64>();
                    inside(state, &target) <= inside(state, &now)
                        && near(state, target[0], now[0])
                        && unmet(&target) <= unmet(&now)
                }
            },
        );
    if !better {
        state.take_instance(instance);
        for (pod, machine) in now.into_iter().enumerate() {
            state.put(instance, pod, machine);
        }
    }
}

/// A place with as many old machines as possible; the instance is not placed before and after.
fn beside(state: &mut State, instance: usize, old: &[Option<usize>]) -> Option<Vec<usize>> {
    let topology = &state.index.topology;
    let mut target: Vec<Option<usize>> = vec![None; old.len()];
    for (pod, machine) in old.iter().enumerate() {
        if let Some(machine) = machine.filter(|m| open_to(state, instance, pod, *m)) {
            join(state, instance, pod, machine);
            target[pod] = Some(machine);
        }
    }
    let kept: Vec<usize> = target.iter().flatten().copied().collect();
    let last = target.last().copied().flatten();
    let classes = &state.index.roles[state.index.instances[instance].role].classes;
    if !kept.is_empty() {
        for (pod, place) in target.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            let distance = |m: usize| kept.iter().map(|k| topology.levels - topology.shared(*k, m)).sum::<usize>();
            let machines = (0..state.index.problem.machines.len()).filter(|m| open_to(state, instance, pod, *m));
            // The last pod has no place yet, but one in mind.
            let free = |m: &usize| Some(*m) != last || room(state.index, &state.free, classes[pod], *m) > 1;
            let machines = machines.filter(free);
            *place = machines.min_by_key(|m| (distance(*m), *m));
            if let Some(machine) = *place {
                join(state, instance, pod, machine);
            }
        }
    }
    state.take_instance(instance);
    if kept.is_empty() { None } else { target.into_iter().collect() }
}

/// Whether a pod may stand on a machine while others of its instance are still missing: the rules of
/// the last pod look at the whole instance, so of it only the room is known.
fn open_to(state: &State, instance: usize, pod: usize, machine: usize) -> bool {
    let classes = &state.index.roles[state.index.instances[instance].role].classes;
    if pod + 1 < classes.len() {
        state.check(instance, pod, machine).is_ok()
    } else {
        room(state.index, &state.free, classes[pod], machine) > 0
    }
}

/// Puts a pod that was checked on a machine. The last one was not, and comes when all others are there.
fn join(state: &mut State, instance: usize, pod: usize, machine: usize) {
    if pod + 1 < state.index.pods_of(instance).len() {
        state.put(instance, pod, machine);
    }
}

/// What the links between the pods of an instance cost.
fn inside(state: &State, pods: &[usize]) -> i64 {
    let topology = &state.index.topology;
    let pairs = pods.iter().enumerate().flat_map(|(i, a)| pods[..i].iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| topology.downgrade(topology.shared(*a, *b))).sum()
}

/// Whether two machines are alike for all but their own level.
fn near(state: &State, a: usize, b: usize) -> bool {
    let topology = &state.index.topology;
    topology.shared(a, b) + 1 >= topology.machine_level()
}

/// Lets pods that are alike change places, so that as many as possible stand where they were. The
/// leader is not one of them.
fn exchange(state: &mut State, instance: usize, old: &[Option<usize>]) {
    let classes = &state.index.roles[state.index.instances[instance].role].classes;
    let mut now = state.machines(instance);
    for pod in 1..now.len() {
        let alike = |other: usize| classes[other] == classes[pod] && old[other] != Some(now[other]);
        if let Some(wanted) = old[pod].filter(|wanted| *wanted != now[pod])
            && let Some(other) = (1..now.len()).find(|other| now[*other] == wanted && alike(*other))
        {
            now.swap(pod, other);
        }
    }
    state.take_instance(instance);
    for (pod, machine) in now.into_iter().enumerate() {
        state.put(instance, pod, machine);
    }
}

#[cfg(test)]
mod tests {
    use crate::place::testing::*;
    use crate::place::{ClauseKind, Problem};

    /// One group of one instance of four pods, which stood on these machines.
    fn gang(text: &str, before: [Option<usize>; 4], clauses: Vec<ClauseKind>) -> Problem {
        let mut group = group("g", &["4x8"], clauses);
        group.roles[0].previous = vec![before.to_vec()];
        with(cluster(text), vec![group])
    }

    #[test]
    fn one_lost_machine_is_one_other_machine() {
        let within = || vec![ClauseKind::Instances { role: 0, level: RACK }];
        let stood = [Some(0), Some(1), Some(2), Some(3)];
        // The other rack would be filled exactly, but three of four can stay.
        check(&gang("a/r1 8 8! 8 8 8 8, a/r2 8 8 8 8", stood, within()), "m0 m4 m2 m3");
        check(&gang("a/r1 8! 8 8 8 8 8, a/r2 8 8 8 8", stood, within()), "m4 m1 m2 m3");
        check(&gang("a/r1 8 8 8 8! 8 8, a/r2 8 8 8 8", stood, vec![]), "m0 m1 m2 m4");
        // Where the rack has no room for all, the instance leaves it.
        check(&gang("a/r1 8 8! 8 8, a/r2 8 8 8 8", stood, within()), "m4 m5 m6 m7");
        // The links inside of it count more than staying.
        check(&gang("a/r1 8 8! 8 8, a/r2 8 8 8 8", stood, vec![]), "m4 m5 m6 m7");
    }

    #[test]
    fn pods_that_are_alike_change_places() {
        // The last but one goes; nobody else changes.
        check(&gang("a/r1 8 8 8! 8 8", [Some(4), Some(3), Some(2), Some(1)], vec![]), "m4 m3 m0 m1");
        // A machine that is gone.
        check(&gang("a/r1 8 8 8 8", [Some(3), None, Some(1), Some(0)], vec![]), "m3 m2 m1 m0");
    }

    #[test]
    fn on_large_clusters_too() {
        let racks: Vec<String> = (0..40).map(|r| format!("z/r{r} 8 8 8 8 8 8")).collect();
        let mut problem = gang(&racks.join(", "), [Some(12), Some(13), Some(14), Some(15)], vec![]);
        problem.machines[14].closed = Some("not ready");
        check(&problem, "m12 m13 m16 m15");
    }
}
