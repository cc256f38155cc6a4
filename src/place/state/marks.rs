//! What of a partial plan still matters to pods that are not placed, domain by domain.

use super::{NONE, State};
use crate::place::topology::Area;

impl State<'_, '_> {
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
}
