//! Machines that pods would rather stand on.

use super::Index;
use crate::place::Problem;
use crate::place::topology::{Area, Topology};

impl Index<'_> {
    pub(super) fn add_preferences(&mut self, g: usize) {
        let (problem, first) = (self.problem, self.groups[g].roles.start);
        for preference in &problem.groups[g].preferences {
            let set = preference.machines;
            for role in &preference.roles {
                self.roles[first + role].preferences.push((set, i64::from(preference.weight)));
            }
            let topology = &self.topology;
            self.without.entry(set).or_insert_with(|| without(problem, topology, set));
        }
    }

    /// What a pod of a role costs on a machine: the weights of the preferences that it does not meet.
    pub fn unmet_on(&self, role: usize, machine: usize) -> i64 {
        self.unmet_in(role, Area { level: self.topology.machine_level(), domain: machine })
    }

    /// What a pod of a role costs at least in an area.
    pub fn unmet_in(&self, role: usize, area: Area) -> i64 {
        let preferences = self.roles[role].preferences.iter();
        let lacking = |set: &usize| self.without.get(set).is_some_and(|levels| levels[area.level][area.domain]);
        preferences.filter(|(set, _)| lacking(set)).map(|(_, weight)| weight).sum()
    }
}

/// For each level the domains without a machine of a set.
fn without(problem: &Problem, topology: &Topology, set: usize) -> Vec<Vec<bool>> {
    let mut without: Vec<Vec<bool>> = topology.sizes.iter().map(|n| vec![true; *n]).collect();
    let flags = problem.eligible.get(set).into_iter().flatten();
    for (machine, _) in flags.enumerate().filter(|(_, flag)| **flag) {
        for (level, domain) in topology.path(machine).iter().enumerate() {
            without[level][*domain as usize] = false;
        }
    }
    without
}
