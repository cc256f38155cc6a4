//! The complete search for small clusters: pod after pod, each on one machine of every kind that is
//! different for the rest of the search. What was shown to lead nowhere is not looked at twice.

use std::collections::{BTreeMap, BTreeSet};

use super::candidates::{holds, scope_fits};
use super::slots::room;
use super::state::State;
use super::symmetry::Symmetry;
use super::topology::{Area, CLUSTER};

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything stands.
    Found,
    /// There is no plan.
    Impossible,
    /// The work budget was used up.
    Exhausted,
}

/// A choice for the next pod.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The whole instance where it was.
    Old,
    Machine(usize),
}

struct Frame {
    /// Pods placed before, in the order of the search.
    at: usize,
    key: (usize, u128, i64),
    choices: Vec<Choice>,
    next: usize,
    moved: i64,
}

/// A search over all pods that do not stand yet.
pub(super) struct Exact<'a> {
    order: Vec<(usize, usize)>,
    /// Largest weight of moved instances; `None` when moves do not matter.
    moves: Option<i64>,
    steps: &'a mut u64,
    /// Position, plan and moves left.
    dead: BTreeSet<(usize, u128, i64)>,
}

impl<'a> Exact<'a> {
    /// A search over the instances in this order. `steps` is the work budget, and what is left of it afterwards.
    pub fn new(state: &State, instances: &[usize], moves: Option<i64>, steps: &'a mut u64) -> Self {
        let pods = |i: &usize| (0..state.index.pods_of(*i).len()).map(|p| (*i, p)).collect::<Vec<_>>();
        Exact { order: instances.iter().flat_map(pods).collect(), moves, steps, dead: BTreeSet::new() }
    }

    /// Places everything, or leaves the state as it was.
    pub fn run(mut self, state: &mut State) -> Outcome {
        let mut frames: Vec<Frame> = Vec::new();
        let (mut at, mut moved) = (0, 0);
        while at < self.order.len() {
            match self.frame(state, at, moved) {
                Some(frame) => frames.push(frame),
                None if *self.steps == 0 => {
                    self.unwind(state, 0);
                    return Outcome::Exhausted;
                }
                None => {}
            }
            // Back to the last pod with a choice left.
            loop {
                let Some(frame) = frames.last_mut() else { return Outcome::Impossible };
                let start = frame.at;
                self.unwind(state, start);
                if let Some((next, weight)) = self.advance(state, frames.len() - 1, &mut frames) {
                    (at, moved) = (next, weight);
                    break;
                }
                if let Some(frame) = frames.pop() {
                    self.dead.insert(frame.key);
                }
            }
        }
        Outcome::Found
    }

    /// Takes away every pod from this position on.
    fn unwind(&self, state: &mut State, from: usize) {
        for (instance, pod) in self.order[from..].iter().rev() {
            state.take(*instance, *pod);
        }
    }

    /// Tries the remaining choices of a frame: the next position and the weight moved so far.
    fn advance(&self, state: &mut State, depth: usize, frames: &mut [Frame]) -> Option<(usize, i64)> {
        let frame = &mut frames[depth];
        let (instance, pod) = self.order[frame.at];
        let row = &state.index.instances[instance];
        while let Some(choice) = frame.choices.get(frame.next).copied() {
            frame.next += 1;
            match choice {
                Choice::Old => {
                    let old = row.previous.as_deref().unwrap_or_default();
                    if state.put_instance(instance, old) {
                        return Some((frame.at + old.len(), frame.moved));
                    }
                }
                Choice::Machine(machine) => {
                    state.put(instance, pod, machine);
                    let weight = if pod == 0 && row.moves { state.index.pods_of(instance).len() as i64 } else { 0 };
                    return Some((frame.at + 1, frame.moved + weight));
                }
            }
        }
        None
    }

    /// The choices at a position; `None` when it is known or seen at once that none leads anywhere.
    fn frame(&mut self, state: &mut State, at: usize, moved: i64) -> Option<Frame> {
        if *self.steps == 0 {
            return None;
        }
        *self.steps -= 1;
        let (instance, pod) = self.order[at];
        if self.hopeless(state, at) || self.too_many_moves(state, at, moved) {
            return None;
        }
        let rest = &self.order[at..];
        let bounded = self.moves.is_some();
        let wishes = rest.iter().filter(|(_, p)| bounded && *p == 0).flat_map(|(i, _)| {
            let old = state.index.instances[*i].previous.iter().flatten();
            old.enumerate().map(|(p, m)| (*m, ((*i as u64) << 20) + p as u64))
        });
        let symmetry = Symmetry::new(state, wishes);
        let key = (at, symmetry.whole(), self.moves.map_or(0, |moves| moves - moved));
        if self.dead.contains(&key) {
            return None;
        }
        let row = &state.index.instances[instance];
        let mut choices = Vec::new();
        if pod == 0 && row.previous.is_some() {
            choices.push(Choice::Old);
        }
        let weight = if pod == 0 && row.moves { state.index.pods_of(instance).len() as i64 } else { 0 };
        if self.moves.is_none_or(|moves| moved + weight <= moves) {
            choices.extend(self.machines(state, &symmetry, instance, pod));
        }
        Some(Frame { at, key, choices, next: 0, moved })
    }

    /// A machine of each kind for a pod, the most promising first.
    fn machines(&self, state: &State, symmetry: &Symmetry, instance: usize, pod: usize) -> Vec<Choice> {
        let index = state.index;
        let row = &index.instances[instance];
        let role = &index.roles[row.role];
        let mut kinds: BTreeSet<u128> = BTreeSet::new();
        let mut ranked = Vec::new();
        let own: Vec<usize> = (row.first_pod..row.first_pod + pod).map(|p| state.machine_of[p] as usize).collect();
        for machine in 0..index.problem.machines.len() {
            if state.check(instance, pod, machine).is_ok() && kinds.insert(symmetry.orbit(state, machine)) {
                let near = own.iter().map(|m| -(index.topology.shared(*m, machine) as i64)).sum::<i64>();
                let wasted = i64::from(!role.accelerated[pod] && index.has_gpu(machine));
                ranked.push((near, wasted, room(index, &state.free, role.classes[pod], machine), machine));
            }
        }
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, _, machine)| Choice::Machine(machine)).collect()
    }

    /// More instances must move than allowed: those that cannot stand where they were any more.
    fn too_many_moves(&self, state: &State, at: usize, moved: i64) -> bool {
        let Some(moves) = self.moves else { return false };
        let mut sum = moved;
        for (instance, _) in self.order[at..].iter().filter(|(_, pod)| *pod == 0) {
            let row = &state.index.instances[*instance];
            // The last of several pods looks at the whole instance, which does not stand here.
            let alone = |(p, _): &(usize, &usize)| *p == 0 || p + 1 < state.index.pods_of(*instance).len();
            let stays = row.previous.iter().any(|old| {
                old.iter().enumerate().filter(alone).all(|(p, m)| state.check(*instance, p, *m).is_ok())
            });
            if row.moves && !stays {
                sum += state.index.pods_of(*instance).len() as i64;
            }
        }
        sum > moves
    }

    /// Necessary conditions for the rest, counted: room by class, large pods by thresholds, scopes.
    fn hopeless(&self, state: &mut State, at: usize) -> bool {
        let index = state.index;
        let mut rest: BTreeMap<usize, i64> = BTreeMap::new();
        for (instance, pod) in &self.order[at..] {
            *rest.entry(index.roles[index.instances[*instance].role].classes[*pod]).or_default() += 1;
        }
        let machines = 0..index.problem.machines.len();
        let short = |(class, need): (&usize, &i64)| {
            machines.clone().map(|m| room(index, &state.free, *class, m)).sum::<i64>() < *need
        };
        if rest.iter().any(short) {
            return true;
        }
        for column in 0..index.columns {
            let amount = |class: usize| index.classes[class].request.get(column).copied().unwrap_or(0);
            let thresholds: BTreeSet<i64> = rest.keys().map(|c| amount(*c)).filter(|a| *a > 0).collect();
            for threshold in thresholds {
                let need: i64 = rest.iter().filter(|(c, _)| amount(**c) >= threshold).map(|(_, n)| n).sum();
                let open = machines.clone().filter(|m| index.problem.machines[*m].closed.is_none());
                if open.map(|m| state.free[m * index.columns + column] / threshold).sum::<i64>() < need {
                    return true;
                }
            }
        }
        self.scopes_hopeless(state, at)
    }

    fn scopes_hopeless(&self, state: &mut State, at: usize) -> bool {
        let index = state.index;
        let mut roles: BTreeMap<usize, i64> = BTreeMap::new();
        let mut scopes: BTreeSet<usize> = BTreeSet::new();
        for (instance, pod) in &self.order[at..] {
            let row = &index.instances[*instance];
            scopes.extend(row.scopes.iter().filter(|s| index.scopes[**s].runs.len() > 1 || state.scope(**s).is_some()));
            scopes.extend(&row.leader_scopes);
            *roles.entry(row.role).or_default() += i64::from(*pod == 0);
        }
        for (role, count) in roles.into_iter().filter(|(_, n)| *n > 0) {
            if !holds(state, index.roles[role].group, &[(role, count)], CLUSTER, false) {
                return true;
            }
        }
        scopes.into_iter().any(|scope| match state.scope(scope) {
            Some(area) => !scope_fits(state, scope, area),
            None => {
                let level = index.scopes[scope].level;
                let areas = (0..index.topology.sizes[level]).map(|domain| Area { level, domain });
                !areas.into_iter().any(|area| scope_fits(state, scope, area))
            }
        })
    }
}
