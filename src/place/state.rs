//! A partial plan: what stands where, what is free, and whether one more pod may join.
//!
//! Every rule is kept pod by pod: [`State::check`] allows a pod only where no required clause is
//! broken and where the clauses that look at all instances can still be met.

use std::collections::BTreeMap;

use super::index::{Index, Source};
use super::slots::{Slots, room};
use super::topology::Area;

mod check;
mod marks;

/// Stands for "not placed" and "no domain yet".
pub(super) const NONE: u32 = u32::MAX;

/// Why a pod may not stand on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// The machine takes no pods.
    Closed,
    /// The pod may not use the machine.
    Ineligible,
    /// Too little is free of this resource.
    Short(usize),
    /// A rule of its own group.
    Rule(Source),
    /// Another group of the compilation is in the way of an exclusive clause, or has one.
    Held(usize),
    /// A group outside of the compilation holds the domain, or is in the way of an exclusive clause.
    Foreign(usize),
}

/// Marks of a domain: a key beside it and how many pods.
type Marks = BTreeMap<(u32, u32), u32>;

/// A partial plan.
pub(super) struct State<'i, 'p> {
    pub index: &'i Index<'p>,
    /// What is free, machine by machine.
    pub free: Vec<i64>,
    /// The machine of each pod.
    pub machine_of: Vec<u32>,
    /// Areas and machines that may still be looked at: the measure of work.
    pub work: u64,
    slots: Slots,
    /// The domain of each scope, and how many pods of it stand.
    scopes: Vec<(u32, u32)>,
    /// For each table of touched domains, the instances that touch them.
    touches: Vec<Marks>,
    /// For each table of leaders, their number by domain.
    pub leaders: Vec<BTreeMap<u32, i64>>,
    /// Leaders placed of each role.
    pub placed: Vec<i64>,
    /// For each exclusive level, groups with accelerator pods by domain.
    users: Vec<Marks>,
    /// The same for groups that want the domain for themselves.
    holders: Vec<Marks>,
    /// Pods on each machine, and in each domain of the grain.
    loads: (Vec<u32>, Vec<u32>),
    /// The last part of the objective, as far as pods stand.
    pub fragmentation: i64,
}

impl<'i, 'p> State<'i, 'p> {
    /// The empty plan.
    pub fn new(index: &'i Index<'p>) -> Self {
        let mut free = Vec::with_capacity(index.problem.machines.len() * index.columns);
        for machine in &index.problem.machines {
            free.extend((0..index.columns).map(|c| machine.free.get(c).copied().unwrap_or(0)));
        }
        State {
            index,
            free,
            machine_of: vec![NONE; index.pods],
            work: u64::MAX,
            slots: Slots::default(),
            scopes: vec![(NONE, 0); index.scopes.len()],
            touches: vec![Marks::new(); index.touches.len()],
            leaders: vec![BTreeMap::new(); index.leaders.len()],
            placed: vec![0; index.roles.len()],
            users: vec![Marks::new(); index.exclusive.len()],
            holders: vec![Marks::new(); index.exclusive.len()],
            loads: (vec![0; index.whole.0.len()], vec![0; index.whole.1.len()]),
            fragmentation: 0,
        }
    }

    /// Pods of a class that fit into an area, counted machine by machine. Quick when the class is open.
    pub fn room(&self, class: usize, area: Area) -> i64 {
        self.slots.get(class, area).unwrap_or_else(|| {
            let machines = self.index.topology.machines(area);
            machines.map(|m| room(self.index, &self.free, class, m)).sum()
        })
    }

    /// What [`State::room`] says of every domain of a level, for a class that is open.
    pub fn rooms(&self, class: usize, level: usize) -> Option<&[i64]> {
        self.slots.level(class, level)
    }

    /// Counts so many looks against the work budget.
    pub fn spend(&mut self, looks: usize) {
        self.work = self.work.saturating_sub(looks as u64);
    }

    /// Makes [`State::room`] quick for a class.
    pub fn open(&mut self, class: usize) {
        self.slots.open(self.index, &self.free, class);
    }

    /// Whether every pod of an instance stands.
    pub fn stands(&self, instance: usize) -> bool {
        self.index.pods_of(instance).all(|pod| self.machine_of[pod] != NONE)
    }

    /// The machine of an instance's leader.
    pub fn leader(&self, instance: usize) -> Option<usize> {
        let pod = self.index.instances[instance].first_pod;
        self.machine_of.get(pod).filter(|m| **m != NONE).map(|m| *m as usize)
    }

    /// The machines of an instance.
    pub fn machines(&self, instance: usize) -> Vec<usize> {
        self.index.pods_of(instance).map(|pod| self.machine_of[pod] as usize).collect()
    }

    /// The machines of each role and instance of a group; those of an instance that does not stand are none.
    pub fn rows(&self, group: usize) -> Vec<Vec<Vec<usize>>> {
        let instance = |i: usize| if self.stands(i) { self.machines(i) } else { Vec::new() };
        let role = |r: usize| {
            let first = self.index.roles[r].first_instance;
            (first..first + self.index.roles[r].role.instances).map(instance).collect()
        };
        self.index.groups[group].roles.clone().map(role).collect()
    }

    /// The domain that a scope is bound to.
    pub fn scope(&self, scope: usize) -> Option<Area> {
        let (domain, _) = self.scopes[scope];
        (domain != NONE).then_some(Area { level: self.index.scopes[scope].level, domain: domain as usize })
    }

    /// Puts a pod on a machine. It must not stand yet.
    pub fn put(&mut self, instance: usize, pod: usize, machine: usize) {
        self.machine_of[self.index.instances[instance].first_pod + pod] = machine as u32;
        self.change(instance, pod, machine, true);
    }

    /// Takes a pod away, when it stands.
    pub fn take(&mut self, instance: usize, pod: usize) {
        let at = self.index.instances[instance].first_pod + pod;
        let machine = self.machine_of[at];
        if machine != NONE {
            self.machine_of[at] = NONE;
            self.change(instance, pod, machine as usize, false);
        }
    }

    /// Takes an instance away, as far as it stands.
    pub fn take_instance(&mut self, instance: usize) {
        for pod in (0..self.index.pods_of(instance).len()).rev() {
            self.take(instance, pod);
        }
    }

    /// Puts an instance on given machines if every pod may stand there; else changes nothing.
    pub fn put_instance(&mut self, instance: usize, machines: &[usize]) -> bool {
        for (pod, machine) in machines.iter().enumerate() {
            if self.check(instance, pod, *machine).is_err() {
                self.take_instance(instance);
                return false;
            }
            self.put(instance, pod, *machine);
        }
        true
    }

    /// Returns to an earlier plan, given by the machines of all pods.
    pub fn restore(&mut self, machine_of: &[u32]) {
        let differs = |state: &Self, i: &usize| state.index.pods_of(*i).any(|p| state.machine_of[p] != machine_of[p]);
        let changed: Vec<usize> = (0..self.index.instances.len()).filter(|i| differs(self, i)).collect();
        for instance in &changed {
            self.take_instance(*instance);
        }
        for instance in changed {
            for (pod, id) in self.index.pods_of(instance).enumerate() {
                if machine_of[id] != NONE {
                    self.put(instance, pod, machine_of[id] as usize);
                }
            }
        }
    }

    /// Pods that stand on a machine, and in its domain of the grain.
    pub fn load(&self, machine: usize) -> (u32, u32) {
        let grain = self.index.grain.map_or(0, |level| self.loads.1[self.index.topology.domain(machine, level)]);
        (self.loads.0[machine], grain)
    }

    /// By how much a pod on a machine would add to the fragmentation.
    pub fn breaks(&self, instance: usize, pod: usize, machine: usize) -> i64 {
        let index = self.index;
        let stranger = !index.roles[index.instances[instance].role].accelerated[pod] && index.has_gpu(machine);
        let load = self.load(machine);
        let grain =
            index.grain.is_some_and(|level| load.1 == 0 && index.whole.1[index.topology.domain(machine, level)]);
        i64::from(stranger) + i64::from(load.0 == 0 && index.whole.0[machine]) + i64::from(grain)
    }

    fn change(&mut self, instance: usize, pod: usize, machine: usize, join: bool) {
        let index = self.index;
        let row = &index.instances[instance];
        let role = &index.roles[row.role];
        let sign = if join { 1 } else { -1 };
        let broken = if join { self.breaks(instance, pod, machine) } else { 0 };
        let step = |load: &mut u32| *load = load.wrapping_add_signed(sign as i32);
        step(&mut self.loads.0[machine]);
        if let Some(level) = index.grain {
            step(&mut self.loads.1[index.topology.domain(machine, level)]);
        }
        let mended = if join { 0 } else { self.breaks(instance, pod, machine) };
        self.fragmentation += broken - mended;
        let columns = index.columns;
        let free = &mut self.free[machine * columns..][..columns];
        for (free, wanted) in free.iter_mut().zip(&index.classes[role.classes[pod]].request) {
            *free -= sign * wanted.max(&0);
        }
        self.slots.update(index, &self.free, machine);
        let leader_scopes: &[usize] = if pod == 0 { &row.leader_scopes } else { &[] };
        for scope in row.scopes.iter().chain(leader_scopes) {
            let (domain, count) = &mut self.scopes[*scope];
            *count = count.wrapping_add_signed(sign as i32);
            *domain =
                if *count == 0 { NONE } else { index.topology.domain(machine, index.scopes[*scope].level) as u32 };
        }
        for touch in &role.touches {
            let domain = index.topology.domain(machine, index.touches[*touch].1) as u32;
            mark(&mut self.touches[*touch], (domain, instance as u32), join);
        }
        if role.accelerated[pod] {
            for (at, level) in index.exclusive.iter().enumerate() {
                let key = (index.topology.domain(machine, *level) as u32, row.group as u32);
                mark(&mut self.users[at], key, join);
                if index.groups[row.group].exclusive.iter().any(|(own, _)| *own == at) {
                    mark(&mut self.holders[at], key, join);
                }
            }
        }
        if pod == 0 {
            self.placed[row.role] += sign;
            for table in &role.leaders {
                let domain = index.topology.domain(machine, index.leaders[*table].1) as u32;
                let count = self.leaders[*table].entry(domain).or_insert(0);
                *count += sign;
                if *count == 0 {
                    self.leaders[*table].remove(&domain);
                }
            }
        }
    }
}

fn mark(marks: &mut Marks, key: (u32, u32), join: bool) {
    if join {
        *marks.entry(key).or_insert(0) += 1;
    } else if let Some(count) = marks.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            marks.remove(&key);
        }
    }
}
