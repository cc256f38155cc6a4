//! A partial plan: what stands where, what is free, and whether one more pod may join.
//!
//! Every rule is kept pod by pod: [`State::check`] allows a pod only where no required clause is
//! broken and where the clauses that look at all instances can still be met.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::index::{Index, Source};
use super::slots::{Slots, room};
use super::topology::Area;

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
        }
    }

    /// Pods of a class that fit into an area, counted machine by machine. Quick when the class is open.
    pub fn room(&self, class: usize, area: Area) -> i64 {
        self.slots.get(class, area).unwrap_or_else(|| {
            let machines = self.index.topology.machines(area);
            machines.map(|m| room(self.index, &self.free, class, m)).sum()
        })
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

    /// The domain that a scope is bound to.
    pub fn scope(&self, scope: usize) -> Option<Area> {
        let (domain, _) = self.scopes[scope];
        (domain != NONE).then_some(Area { level: self.index.scopes[scope].level, domain: domain as usize })
    }

    /// Whether a pod of an instance may stand on a machine.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check(&self, instance: usize, pod: usize, machine: usize) -> Result<(), Refusal> {
        let row = &self.index.instances[instance];
        let role = &self.index.roles[row.role];
        let class = role.classes[pod];
        if !self.index.admits(class, machine) {
            let closed = self.index.problem.machines[machine].closed.is_some();
            return Err(if closed { Refusal::Closed } else { Refusal::Ineligible });
        }
        let free = &self.free[machine * self.index.columns..][..self.index.columns];
        for (column, (wanted, free)) in self.index.classes[class].request.iter().zip(free).enumerate() {
            if *wanted > 0 && wanted > free {
                return Err(Refusal::Short(column));
            }
        }
        let leader_scopes: &[usize] = if pod == 0 { &row.leader_scopes } else { &[] };
        for scope in row.scopes.iter().chain(leader_scopes) {
            if self.scope(*scope).is_some_and(|area| !self.index.topology.contains(area, machine)) {
                return Err(Refusal::Rule(self.index.scopes[*scope].source));
            }
        }
        if role.accelerated[pod] {
            self.check_exclusive(row.group, machine)?;
        }
        self.check_aparts(instance, machine)?;
        if pod == 0 {
            self.check_leader(instance, machine)?;
        }
        if pod + 1 == role.classes.len() {
            self.check_survival(instance, machine)?;
        }
        Ok(())
    }

    /// Whether accelerator pods of a group may stand on a machine next to those of other groups.
    ///
    /// # Errors
    /// Who is in the way.
    pub fn check_exclusive(&self, group: usize, machine: usize) -> Result<(), Refusal> {
        let topology = &self.index.topology;
        let outside = |sets: &[std::collections::BTreeSet<usize>], level: usize| {
            let area = Area { level, domain: topology.domain(machine, level) };
            topology.is_known(area) && sets.get(level - 1).is_some_and(|set| set.contains(&area.domain))
        };
        for level in 1..=self.index.problem.taken.len().min(topology.levels - 2) {
            if outside(&self.index.problem.taken, level) {
                return Err(Refusal::Foreign(level));
            }
        }
        for (at, level) in self.index.exclusive.iter().enumerate() {
            let domain = topology.domain(machine, *level) as u32;
            if let Some(other) = other_key(&self.holders[at], domain, group as u32) {
                return Err(Refusal::Held(other as usize));
            }
            if self.index.groups[group].exclusive.iter().any(|(own, _)| *own == at) {
                if let Some(other) = other_key(&self.users[at], domain, group as u32) {
                    return Err(Refusal::Held(other as usize));
                }
                if outside(&self.index.problem.occupied, *level) {
                    return Err(Refusal::Foreign(*level));
                }
            }
        }
        Ok(())
    }

    fn check_aparts(&self, instance: usize, machine: usize) -> Result<(), Refusal> {
        let role = self.index.instances[instance].role;
        for apart in &self.index.roles[role].aparts {
            let apart = &self.index.aparts[*apart];
            let other = if apart.roles.0 == role { apart.touches.1 } else { apart.touches.0 };
            let domain = self.index.topology.domain(machine, apart.level) as u32;
            if other_key(&self.touches[other], domain, instance as u32).is_some() {
                return Err(Refusal::Rule(Source::Clause(apart.clause)));
            }
        }
        Ok(())
    }

    fn check_leader(&self, instance: usize, machine: usize) -> Result<(), Refusal> {
        let role = self.index.instances[instance].role;
        let row = &self.index.roles[role];
        for spread in &row.spreads {
            if !self.spread_allows(*spread, machine) {
                return Err(Refusal::Rule(Source::Clause(self.index.spreads[*spread].clause)));
            }
        }
        for near in &row.nears {
            if !self.near_allows(*near, role, machine) {
                return Err(Refusal::Rule(Source::Clause(self.index.nears[*near].clause)));
            }
        }
        for floor in &row.floors {
            let floor = &self.index.floors[*floor];
            let other = if floor.roles.0 == role { floor.roles.1 } else { floor.roles.0 };
            let first = self.index.roles[other].first_instance;
            let good = (first..first + self.index.roles[other].role.instances).all(|peer| {
                let peer = if peer == instance { None } else { self.leader(peer) };
                let link = |m| self.index.topology.link(self.index.topology.shared(machine, m));
                peer.is_none_or(|m| link(m) >= floor.floor)
            });
            if !good {
                return Err(Refusal::Rule(Source::Edge(floor.edge)));
            }
        }
        Ok(())
    }

    /// One more leader here, and the rest can still even it out.
    fn spread_allows(&self, spread: usize, machine: usize) -> bool {
        let spread = &self.index.spreads[spread];
        let domain = self.index.topology.domain(machine, spread.level);
        let counts = &self.leaders[spread.leaders];
        let known = |d: usize| self.index.topology.is_known(Area { level: spread.level, domain: d });
        let rest = self.index.roles[spread.role].role.instances as i64 - self.placed[spread.role] - 1;
        let here = counts.get(&(domain as u32)).copied().unwrap_or(0);
        let used = counts.keys().filter(|d| known(**d as usize)).count() as i64;
        let used = used + i64::from(here == 0 && known(domain));
        if used + rest < spread.at_least {
            return false;
        }
        let Some(skew) = spread.max_skew else { return true };
        if !known(domain) {
            return false;
        }
        let most = counts.values().copied().max().unwrap_or(0).max(here + 1);
        let wanted = (most - skew).max(0);
        let mut missing = (spread.domains - used) * wanted + (wanted - here - 1).max(0);
        for (d, count) in counts {
            if *d as usize != domain {
                missing += (wanted - count).max(0);
            }
        }
        missing <= rest
    }

    /// A leader beside its target, or enough targets left to serve it and all who wait.
    fn near_allows(&self, near: usize, role: usize, machine: usize) -> bool {
        let near = &self.index.nears[near];
        let domain = self.index.topology.domain(machine, near.level) as u32;
        let (bound, targets) = (&self.leaders[near.leaders.0], &self.leaders[near.leaders.1]);
        let mut rest = self.index.roles[near.to].role.instances as i64 - self.placed[near.to];
        let mut waiting = bound.keys().filter(|d| !targets.contains_key(d)).count() as i64;
        let is_waiting = bound.contains_key(&domain) && !targets.contains_key(&domain);
        if role == near.to {
            rest -= 1;
            waiting -= i64::from(is_waiting);
        } else {
            waiting += i64::from(!is_waiting && !targets.contains_key(&domain));
        }
        waiting <= rest
    }

    /// With the last pod of the last instance of a role, some instance must outlive every loss.
    fn check_survival(&self, instance: usize, machine: usize) -> Result<(), Refusal> {
        let role = self.index.instances[instance].role;
        let row = &self.index.roles[role];
        if row.survivals.is_empty() {
            return Ok(());
        }
        let instances = row.first_instance..row.first_instance + row.role.instances;
        if instances.clone().any(|i| i != instance && !self.stands(i)) {
            return Ok(());
        }
        for survival in &row.survivals {
            let survival = &self.index.survivals[*survival];
            let touched = |i: usize| {
                let mut machines: Vec<usize> = self.machines(i);
                if i == instance {
                    machines.pop();
                    machines.push(machine);
                }
                let domain = |m: usize| self.index.topology.domain(m, survival.level);
                let set: std::collections::BTreeSet<usize> = machines.into_iter().map(domain).collect();
                let known = |d: &usize| self.index.topology.is_known(Area { level: survival.level, domain: *d });
                set.iter().all(known).then_some(set)
            };
            let sets: Vec<_> = instances.clone().filter_map(touched).collect();
            if super::verify::can_hit(&sets, survival.count, &mut std::collections::BTreeSet::new()) {
                return Err(Refusal::Rule(Source::Clause(survival.clause)));
            }
        }
        Ok(())
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

    /// Every fact beside what is free that can still matter to instances which are not placed, as a
    /// mark on a domain: level, domain and what there is.
    pub fn each_mark(&self, mut visit: impl FnMut(usize, usize, &[u64])) {
        let index = self.index;
        let partial = |i: usize| self.leader(i).is_some() && !self.stands(i);
        let open: Vec<bool> = index.groups.iter().map(|g| g.instances.clone().any(|i| !self.stands(i))).collect();
        let matters = |role: usize| open[index.roles[role].group];
        for (id, (domain, count)) in self.scopes.iter().enumerate() {
            if *count > 0 && *count < index.scopes[id].pods {
                visit(index.scopes[id].level, *domain as usize, &[10, id as u64]);
            }
        }
        for (id, marks) in self.touches.iter().enumerate().filter(|(id, _)| matters(index.touches[*id].0)) {
            for (domain, instance) in marks.keys() {
                let owner = if partial(*instance as usize) { u64::from(*instance) + 1 } else { 0 };
                visit(index.touches[id].1, *domain as usize, &[11, id as u64, owner]);
            }
        }
        for (id, counts) in self.leaders.iter().enumerate().filter(|(id, _)| matters(index.leaders[*id].0)) {
            for (domain, count) in counts {
                visit(index.leaders[id].1, *domain as usize, &[12, id as u64, *count as u64]);
            }
        }
        for (at, level) in index.exclusive.iter().enumerate() {
            let open = |group: u32| if open[group as usize] { u64::from(group) + 1 } else { 0 };
            for (kind, marks) in [(13, &self.users[at]), (14, &self.holders[at])] {
                for (domain, group) in marks.keys() {
                    visit(*level, *domain as usize, &[kind, at as u64, open(*group)]);
                }
            }
        }
        for (kind, sets) in [(15, &index.problem.occupied), (16, &index.problem.taken)] {
            for (level, domains) in sets.iter().enumerate() {
                let known = |d: &&usize| index.topology.is_known(Area { level: level + 1, domain: **d });
                for domain in domains.iter().filter(known) {
                    visit(level + 1, *domain, &[kind]);
                }
            }
        }
        self.each_stand(&open, visit);
    }

    /// Marks for clauses that look at whole instances or at pairs of leaders.
    fn each_stand(&self, open: &[bool], mut visit: impl FnMut(usize, usize, &[u64])) {
        let index = self.index;
        let leaf = index.topology.machine_level();
        for (r, role) in index.roles.iter().enumerate() {
            let instances = role.first_instance..role.first_instance + role.role.instances;
            if !role.floors.is_empty() && open[role.group] {
                for machine in instances.clone().filter_map(|i| self.leader(i)) {
                    visit(leaf, machine, &[17, r as u64]);
                }
            }
            if !role.survivals.is_empty() && !instances.clone().all(|i| self.stands(i)) {
                for i in instances {
                    for machine in index.pods_of(i).map(|p| self.machine_of[p]).filter(|m| *m != NONE) {
                        visit(leaf, machine as usize, &[18, i as u64]);
                    }
                }
            }
        }
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

    fn change(&mut self, instance: usize, pod: usize, machine: usize, join: bool) {
        let index = self.index;
        let row = &index.instances[instance];
        let role = &index.roles[row.role];
        let sign = if join { 1 } else { -1 };
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

/// A key beside `own` in a domain.
fn other_key(marks: &Marks, domain: u32, own: u32) -> Option<u32> {
    let range = (Bound::Included((domain, 0)), Bound::Included((domain, u32::MAX)));
    marks.range(range).map(|((_, key), _)| *key).find(|key| *key != own)
}
