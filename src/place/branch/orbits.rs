//! Which machines are the same for the rest of a search, and which partial plans are.
//!
//! What can still matter about a machine is hashed: its room, who would like to return there, the
//! pods of the group that is begun. The hash of a domain is made of those of the domains in it in any
//! order, so that plans which differ by an exchange of equal domains have one hash.

use std::collections::BTreeMap;

use super::layout::{Layout, Place};
use crate::place::ClauseKind;
use crate::place::state::State;
use crate::place::symmetry::mix;
use crate::place::topology::Area;

/// Hashes of the machines of a search and of their domains.
pub(super) struct Orbits {
    /// What never changes of a machine.
    fixed: Vec<u128>,
    /// The machine with what is free.
    room: Vec<u128>,
    /// For each group of the order, the wishes of it and of those after it, machine by machine; none
    /// when nobody stood anywhere.
    wishes: Vec<Vec<u128>>,
    /// The levels between the cluster and the machines that differ, narrowest first, with the domains
    /// of the machines by local number, the parent of each and what never changes of it.
    levels: Vec<Level>,
    /// What matters of the instances of each group of the order once they stand.
    traces: Vec<Trace>,
    positions: BTreeMap<usize, usize>,
    leaves: Vec<u128>,
    whole: u128,
    of: Vec<u128>,
    nested: bool,
}

struct Level {
    /// Local number of the domain of each machine.
    domain: Vec<usize>,
    /// Local number of the domain around, at the next wider level.
    parent: Vec<usize>,
    fixed: Vec<u128>,
    hash: Vec<u128>,
}

impl Orbits {
    pub fn new(state: &State, layout: &Layout) -> Self {
        let index = state.index;
        let nested = index.topology.nested;
        let wide = index.topology.distinct.iter().rev().copied().filter(|l| *l != index.topology.machine_level());
        let mut levels: Vec<Level> = wide.map(|level| Level::new(state, layout, level)).collect();
        for at in 1..levels.len() {
            let (narrow, wide) = levels.split_at_mut(at);
            for (machine, domain) in narrow[at - 1].domain.iter().enumerate() {
                narrow[at - 1].parent[*domain] = wide[0].domain[machine];
            }
        }
        let fixed = |m: &usize| fixed(state, *m, nested);
        let fixed: Vec<u128> = layout.machines.iter().map(fixed).collect();
        let mut orbits = Orbits {
            room: vec![0; fixed.len()],
            leaves: vec![0; fixed.len()],
            of: vec![0; fixed.len()],
            fixed,
            wishes: wishes(state, layout),
            levels,
            traces: layout.groups.iter().map(|g| Trace::new(state, *g)).collect(),
            positions: layout.machines.iter().copied().zip(0..).collect(),
            whole: 0,
            nested,
        };
        layout.machines.iter().for_each(|m| orbits.note(state, *m));
        orbits
    }

    /// Follows a change on a machine.
    pub fn note(&mut self, state: &State, machine: usize) {
        let Some(at) = self.positions.get(&machine).copied() else { return };
        let free = &state.free[machine * state.index.columns..][..state.index.columns];
        let begun = u64::from(state.load(machine).0 > 0);
        self.room[at] = free.iter().fold(mix(self.fixed[at], begun), |hash, free| mix(hash, *free as u64));
    }

    /// Takes a pod away and follows.
    pub fn forget(&mut self, state: &mut State, instance: usize, pod: usize, take: impl Fn(&mut State)) {
        let machine = state.machine_of[state.index.instances[instance].first_pod + pod] as usize;
        take(state);
        self.note(state, machine);
    }

    /// The hashes of the plan as it is, before the pod of this place.
    pub fn gather(&mut self, state: &State, layout: &Layout, place: &Place) {
        self.leaves.copy_from_slice(&self.room);
        if let Some(wishes) = self.wishes.get(place.order) {
            self.leaves.iter_mut().zip(wishes).for_each(|(leaf, wish)| *leaf = leaf.wrapping_add(*wish));
        }
        let index = state.index;
        for role in index.groups[place.group].roles.clone() {
            self.mark_role(state, place, role);
        }
        self.mark_users(state, layout, place.group);
        self.climb();
    }

    /// The pods of a role of the group that is begun, as far as they still matter.
    fn mark_role(&mut self, state: &State, place: &Place, role: usize) {
        let index = state.index;
        let trace = &self.traces[place.order];
        let row = &index.roles[role];
        let open = |r: usize| state.placed[r] < index.roles[r].role.instances as i64;
        let edges = &index.groups[place.group].edges;
        let talks = edges.iter().any(|(a, b, _)| (*a == role && open(*b)) || (*b == role && open(*a)));
        let begun = index.instances[place.instance].role == role;
        if !(begun || talks || trace.leaders || trace.pods) {
            return;
        }
        for instance in row.first_instance..row.first_instance + row.role.instances {
            let current = instance == place.instance;
            let pods = if current || trace.pods {
                index.pods_of(instance)
            } else {
                index.pods_of(instance).start..index.pods_of(instance).start + usize::from(!row.classes.is_empty())
            };
            for (pod, id) in pods.enumerate() {
                let Some(at) = self.positions.get(&(state.machine_of[id] as usize)) else { continue };
                let name = if current || trace.named { instance as u64 + 1 } else { 0 };
                let pod = if name > 0 { pod as u64 + 1 } else { u64::from(pod == 0) };
                let mark = [8, role as u64, name, pod].iter().fold(7, |hash, word| mix(hash, *word));
                self.leaves[*at] = self.leaves[*at].wrapping_add(mark);
            }
        }
    }

    /// Other groups with accelerator pods in the domains that somebody wants for himself.
    fn mark_users(&mut self, state: &State, layout: &Layout, group: usize) {
        for (at, level) in state.index.exclusive.iter().enumerate() {
            let mut last = None;
            for (leaf, machine) in self.leaves.iter_mut().zip(&layout.machines) {
                let domain = state.index.topology.domain(*machine, *level);
                let (_, mark) = last.filter(|(d, _)| *d == domain).unwrap_or_else(|| {
                    let others = state.others(at, domain, group);
                    (domain, others.fold(mix(11, at as u64), mix))
                });
                last = Some((domain, mark));
                *leaf = leaf.wrapping_add(mark);
            }
        }
    }

    /// The hashes of the domains from those of the machines, then the way down for each machine.
    fn climb(&mut self) {
        for at in 0..self.levels.len() {
            let (narrow, wide) = self.levels.split_at_mut(at);
            let level = &mut wide[0];
            level.hash.copy_from_slice(&level.fixed);
            let mut add = |domain: usize, hash: u128| {
                level.hash[domain] = level.hash[domain].wrapping_add(mix(hash, 2));
            };
            match narrow.last() {
                None => level.domain.iter().zip(&self.leaves).for_each(|(d, hash)| add(*d, *hash)),
                Some(below) => below.parent.iter().zip(&below.hash).for_each(|(d, hash)| add(*d, *hash)),
            }
            level.hash.iter_mut().for_each(|hash| *hash = mix(*hash, 3));
        }
        let sum = |hashes: &[u128]| hashes.iter().fold(0u128, |sum, hash| sum.wrapping_add(mix(*hash, 4)));
        self.whole = if self.nested {
            self.levels.last().map_or(sum(&self.leaves), |level| sum(&level.hash))
        } else {
            self.levels.iter().map(|level| sum(&level.hash)).fold(sum(&self.leaves), u128::wrapping_add)
        };
        for at in (0..self.levels.len()).rev() {
            let (narrow, wide) = self.levels.split_at_mut(at + 1);
            if let Some(around) = wide.first() {
                let level = &mut narrow[at];
                for (hash, parent) in level.hash.iter_mut().zip(&level.parent) {
                    *hash = mix(*hash ^ around.hash[*parent], 6);
                }
            }
        }
        for (at, leaf) in self.leaves.iter().enumerate() {
            let around = self.levels.first().map_or(0, |level| level.hash[level.domain[at]]);
            self.of[at] = mix(leaf ^ around, 6);
        }
    }

    /// The hash of the whole plan.
    pub fn whole(&self) -> u128 {
        self.whole
    }

    /// Equal for machines that can be exchanged.
    pub fn of(&self, at: usize) -> u128 {
        self.of[at]
    }
}

impl Level {
    fn new(state: &State, layout: &Layout, level: usize) -> Self {
        let topology = &state.index.topology;
        let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
        let mut domains = Vec::new();
        let mut local = |domain: usize| {
            *numbers.entry(domain).or_insert_with(|| {
                domains.push(domain);
                domains.len() - 1
            })
        };
        let domain: Vec<usize> = layout.machines.iter().map(|m| local(topology.domain(*m, level))).collect();
        let fixed = |d: &usize| {
            let area = Area { level, domain: *d };
            let problem = state.index.problem;
            let known = topology.is_known(area);
            let among = |sets: &[std::collections::BTreeSet<usize>]| {
                known && level > 0 && sets.get(level - 1).is_some_and(|set| set.contains(d))
            };
            let whole = state.index.grain == Some(level) && state.index.whole.1[*d];
            let begun =
                topology.any_machine(area).is_some_and(|m| state.index.grain == Some(level) && state.load(m).1 > 0);
            let flags = [known, among(&problem.occupied), among(&problem.taken), whole, begun];
            flags.iter().fold(level as u128, |hash, flag| mix(hash, u64::from(*flag)))
        };
        let fixed: Vec<u128> = domains.iter().map(fixed).collect();
        Level { domain, parent: vec![0; domains.len()], hash: vec![0; domains.len()], fixed }
    }
}

fn fixed(state: &State, machine: usize, nested: bool) -> u128 {
    let index = state.index;
    let mut hash = mix(9, u64::from(index.problem.machines[machine].closed.is_some()));
    for set in &index.problem.eligible {
        hash = mix(hash, u64::from(set.get(machine).copied().unwrap_or(false)));
    }
    hash = mix(hash, u64::from(index.has_gpu(machine)));
    hash = mix(hash, u64::from(index.whole.0[machine]));
    // Levels that are the same as that of the machines still tell whether a domain is known, or who has it.
    for level in 1..index.topology.levels {
        if !index.topology.distinct.contains(&level) {
            let domain = index.topology.domain(machine, level);
            let among = |sets: &[std::collections::BTreeSet<usize>]| {
                sets.get(level - 1).is_some_and(|set| set.contains(&domain))
            };
            let known = index.topology.is_known(Area { level, domain });
            let flags = [known, known && among(&index.problem.occupied), known && among(&index.problem.taken)];
            hash = flags.iter().fold(hash, |hash, flag| mix(hash, u64::from(*flag)));
        }
    }
    // Without nesting nothing is exchanged: each machine is itself.
    if nested { hash } else { mix(hash, machine as u64 + 1) }
}

fn wishes(state: &State, layout: &Layout) -> Vec<Vec<u128>> {
    let index = state.index;
    let homes = |g: &usize| index.groups[*g].instances.clone().any(|i| index.instances[i].previous.is_some());
    if !layout.groups.iter().any(homes) {
        return Vec::new();
    }
    let mut sums = vec![vec![0u128; layout.machines.len()]];
    for group in layout.groups.iter().rev() {
        let mut sum = sums.last().cloned().unwrap_or_default();
        for instance in index.groups[*group].instances.clone() {
            for (pod, machine) in index.instances[instance].previous.iter().flatten().enumerate() {
                if let Some(at) = layout.position(*machine) {
                    sum[at] = sum[at].wrapping_add([1, instance as u64, pod as u64].iter().fold(5, |h, w| mix(h, *w)));
                }
            }
        }
        sums.push(sum);
    }
    sums.reverse();
    sums
}

/// What the rules of a group look at once an instance stands.
struct Trace {
    /// Where the leaders are, even when nobody talks to them any more.
    leaders: bool,
    /// Where all pods are.
    pods: bool,
    /// Which instance is which.
    named: bool,
}

impl Trace {
    fn new(state: &State, group: usize) -> Self {
        let group = &state.index.problem.groups[group];
        let (mut trace, edges) = (Trace { leaders: false, pods: false, named: false }, &group.edges);
        trace.leaders |= edges.iter().any(|e| e.floor.is_some());
        for clause in &group.clauses {
            let preferred = clause.prefer.is_some();
            match clause.kind {
                ClauseKind::Exclusive { .. } => {}
                ClauseKind::Instances { .. } => {
                    (trace.pods, trace.named) = (trace.pods || preferred, trace.named || preferred)
                }
                ClauseKind::Cells { .. } | ClauseKind::Survive { .. } => (trace.pods, trace.named) = (true, true),
                ClauseKind::Apart { .. } => (trace.pods, trace.named) = (true, trace.named || preferred),
                ClauseKind::Together { .. } => (trace.leaders, trace.pods) = (true, trace.pods || preferred),
                ClauseKind::Near { .. } | ClauseKind::Spread { .. } => trace.leaders = true,
            }
        }
        trace
    }
}
