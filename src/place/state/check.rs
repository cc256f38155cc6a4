//! The rules for one more pod: each is kept at once, and none is given up for good.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{Marks, Refusal, State};
use crate::place::index::Source;
use crate::place::topology::Area;
use crate::place::verify;

impl State<'_, '_> {
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
        let outside = |sets: &[BTreeSet<usize>], level: usize| {
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

    /// What other groups than this one do in a domain of an exclusive level, as words: who holds it,
    /// or who is there at all; by name only where a preference looks at each.
    pub fn others(&self, at: usize, domain: usize, group: usize) -> impl Iterator<Item = u64> {
        let (domain, group) = (domain as u32, group as u32);
        let held = other_key(&self.holders[at], domain, group).is_some();
        let used = other_key(&self.users[at], domain, group).is_some();
        let range = (Bound::Included((domain, 0)), Bound::Included((domain, u32::MAX)));
        let names = self.index.watches_users().then(|| self.users[at].range(range)).into_iter().flatten();
        [u64::from(held) + 2 * u64::from(used)].into_iter().chain(names.map(|((_, group), _)| u64::from(*group) + 4))
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
                let set: BTreeSet<usize> = machines.into_iter().map(domain).collect();
                let known = |d: &usize| self.index.topology.is_known(Area { level: survival.level, domain: *d });
                set.iter().all(known).then_some(set)
            };
            let sets: Vec<_> = instances.clone().filter_map(touched).collect();
            if verify::can_hit(&sets, survival.count, &mut BTreeSet::new()) {
                return Err(Refusal::Rule(Source::Clause(survival.clause)));
            }
        }
        Ok(())
    }
}

/// A key beside `own` in a domain.
fn other_key(marks: &Marks, domain: u32, own: u32) -> Option<u32> {
    let range = (Bound::Included((domain, 0)), Bound::Included((domain, u32::MAX)));
    marks.range(range).map(|((_, key), _)| *key).find(|key| *key != own)
}
