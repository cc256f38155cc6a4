//! The complete search for small clusters: pod after pod, each on one machine of every kind that is
//! different for the rest of the search. What was shown to lead nowhere is not looked at twice.

use std::collections::BTreeSet;

use super::bounds::{self, Rest};
use super::construct::role_size;
use super::slots::room;
use super::state::State;
use super::symmetry::Symmetry;

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

/// Which instance comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// That of the role with the fewest machines to go to.
    Fewest,
    /// The largest.
    Largest,
}

struct Frame {
    instance: usize,
    pod: usize,
    /// Pods placed before.
    depth: usize,
    key: u128,
    machines: Vec<usize>,
    next: usize,
}

/// A search over all instances of a problem, from an empty state.
pub(super) struct Exact<'a> {
    pick: Pick,
    /// Roles, the largest first.
    roles: Vec<usize>,
    steps: &'a mut u64,
    /// The pods placed, in order.
    trail: Vec<(usize, usize)>,
    /// Plans that lead nowhere.
    dead: BTreeSet<u128>,
}

impl<'a> Exact<'a> {
    /// A search; `steps` is the work budget, and what is left of it afterwards.
    pub fn new(state: &State, pick: Pick, steps: &'a mut u64) -> Self {
        let mut roles: Vec<usize> = (0..state.index.roles.len()).collect();
        roles.sort_by_cached_key(|r| (std::cmp::Reverse(role_size(state, *r)), *r));
        Exact { pick, roles, steps, trail: Vec::new(), dead: BTreeSet::new() }
    }

    /// Places everything, or leaves the state empty.
    pub fn run(mut self, state: &mut State) -> Outcome {
        let mut frames: Vec<Frame> = Vec::new();
        while self.trail.len() < state.index.pods {
            if *self.steps == 0 {
                self.unwind(state, 0);
                return Outcome::Exhausted;
            }
            *self.steps -= 1;
            frames.extend(self.frame(state));
            // Back to the last pod with a choice left.
            loop {
                let Some(frame) = frames.last_mut() else { return Outcome::Impossible };
                self.unwind(state, frame.depth);
                if let Some(machine) = frame.machines.get(frame.next).copied() {
                    frame.next += 1;
                    state.put(frame.instance, frame.pod, machine);
                    self.trail.push((frame.instance, frame.pod));
                    break;
                }
                self.dead.extend(frames.pop().map(|frame| frame.key));
            }
        }
        Outcome::Found
    }

    /// Takes away every pod placed after so many.
    fn unwind(&mut self, state: &mut State, depth: usize) {
        while self.trail.len() > depth {
            if let Some((instance, pod)) = self.trail.pop() {
                state.take(instance, pod);
            }
        }
    }

    /// The choices for the next pod; `None` when it is known or seen at once that none leads anywhere.
    fn frame(&mut self, state: &mut State) -> Option<Frame> {
        let (instance, pod) = self.next(state)?;
        let rest = Rest::new(state);
        if self.hopeless(state, &rest) {
            return None;
        }
        let symmetry = Symmetry::new(state);
        let placed = state.index.roles.iter().enumerate().map(|(r, _)| state.placed[r] as u64);
        let begun = if pod > 0 { state.index.instances[instance].role as u64 + 1 } else { 0 };
        let key = placed.chain([pod as u64, begun]).fold(symmetry.whole(), super::symmetry::mix);
        if self.dead.contains(&key) {
            return None;
        }
        let machines = self.machines(state, &symmetry, instance, pod);
        Some(Frame { instance, pod, depth: self.trail.len(), key, machines, next: 0 })
    }

    /// The next pod of an instance that is begun, else the first of another; within a role in order.
    /// `None` when an instance has no place at all.
    fn next(&self, state: &State) -> Option<(usize, usize)> {
        if let Some((instance, pod)) = self.trail.last()
            && pod + 1 < state.index.pods_of(*instance).len()
        {
            return Some((*instance, pod + 1));
        }
        let mut best: Option<(usize, usize)> = None;
        for role in self.roles.iter().map(|r| &state.index.roles[*r]).filter(|role| !role.classes.is_empty()) {
            let mut instances = role.first_instance..role.first_instance + role.role.instances;
            let Some(instance) = instances.find(|i| state.leader(*i).is_none()) else { continue };
            let machines = 0..state.index.problem.machines.len();
            let open = machines.filter(|m| state.check(instance, 0, *m).is_ok()).count();
            if open == 0 {
                return None;
            }
            let better = |(_, fewest): &(usize, usize)| self.pick == Pick::Fewest && open < *fewest;
            if best.as_ref().is_none_or(better) {
                best = Some((instance, open));
            }
        }
        best.map(|(instance, _)| (instance, 0))
    }

    /// A machine of each kind for a pod, the most promising first.
    fn machines(&self, state: &State, symmetry: &Symmetry, instance: usize, pod: usize) -> Vec<usize> {
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
                let fits = room(index, &state.free, role.classes[pod], machine);
                let left = state.free.get(machine * index.columns + index.problem.gpu).copied().unwrap_or(0);
                ranked.push((near, wasted, left, fits, machine));
            }
        }
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., machine)| machine).collect()
    }

    /// Necessary conditions for the rest, counted: room by class, sums of amounts, scopes.
    fn hopeless(&self, state: &mut State, rest: &Rest) -> bool {
        let index = state.index;
        let machines = 0..index.problem.machines.len();
        let short = |(class, need): (&usize, &i64)| {
            machines.clone().map(|m| room(index, &state.free, *class, m)).sum::<i64>() < *need
        };
        rest.classes.iter().any(short)
            || (0..index.columns).any(|column| bounds::crowded(state, column, &rest.classes))
            || bounds::scopes_hopeless(state, rest)
    }
}
