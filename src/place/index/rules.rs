//! Clauses and floors as rules: scopes that bind pods to one domain, and what is counted by domain.

use super::{Apart, Floor, Index, Near, Scope, Source, Spread, Survival};
use crate::link::Link;
use crate::place::ClauseKind;
use crate::place::topology::Area;

impl Index<'_> {
    pub(super) fn add_clause(&mut self, g: usize, clause: usize, kind: &ClauseKind) {
        let first = self.groups[g].roles.start;
        match kind {
            ClauseKind::Instances { role, level } => {
                let role = first + role;
                self.roles[role].level = self.roles[role].level.max(level + 1);
                for number in 0..self.roles[role].role.instances {
                    self.add_scope(level + 1, Source::Clause(clause), &[(role, number, 1)], false);
                }
            }
            ClauseKind::Together { roles, level } => {
                let all: Vec<_> = roles.iter().map(|r| (first + r, 0, self.roles[first + r].role.instances)).collect();
                self.add_scope(level + 1, Source::Clause(clause), &all, false);
            }
            ClauseKind::Cells { shares, level } => {
                for cell in self.cells(first, shares) {
                    self.add_scope(level + 1, Source::Clause(clause), &cell, false);
                }
            }
            ClauseKind::Near { role, to, level } => {
                let (role, to, level) = (first + role, first + to, level + 1);
                if role != to {
                    self.add_near(Near { role, to, level, clause, leaders: (0, 0) });
                }
            }
            ClauseKind::Spread { role, level, max_skew, at_least } => {
                self.add_spread(first + role, level + 1, (*max_skew, *at_least), clause);
            }
            ClauseKind::Apart { role, from, level } => {
                self.add_apart((first + role, first + from.unwrap_or(*role)), level + 1, clause);
            }
            ClauseKind::Exclusive { level } => {
                let at = self.watch(level + 1);
                self.groups[g].exclusive.push((at, clause));
            }
            ClauseKind::Survive { count, level } => {
                self.survivals.push(Survival { count: *count, level: level + 1, clause });
                for role in self.groups[g].roles.clone() {
                    self.roles[role].survivals.push(self.survivals.len() - 1);
                }
            }
        }
    }

    /// Notes who uses accelerators in each domain of a level.
    pub(super) fn watch(&mut self, level: usize) -> usize {
        let known = self.exclusive.iter().position(|l| *l == level);
        known.unwrap_or_else(|| {
            self.exclusive.push(level);
            self.exclusive.len() - 1
        })
    }

    /// The cells of a ratio: for each the roles with first instance and number of instances.
    pub fn cells(&self, first_role: usize, shares: &[(usize, u32)]) -> Vec<Vec<(usize, usize, usize)>> {
        let size = |share: u32| share.max(1) as usize;
        let count = |(r, share): &(usize, u32)| self.roles[first_role + r].role.instances.div_ceil(size(*share));
        let cells = shares.iter().map(count).max().unwrap_or(0);
        let part = |cell: usize, (r, share): &(usize, u32)| {
            let from = (cell * size(*share)).min(self.roles[first_role + r].role.instances);
            let to = (from + size(*share)).min(self.roles[first_role + r].role.instances);
            (first_role + r, from, to - from)
        };
        (0..cells).map(|cell| shares.iter().map(|s| part(cell, s)).collect()).collect()
    }

    /// Adds a scope over runs of instances: role, first number, count.
    fn add_scope(&mut self, level: usize, source: Source, parts: &[(usize, usize, usize)], leaders: bool) {
        let pods = |(role, _, count): &(usize, usize, usize)| {
            if leaders { *count } else { count * self.roles[*role].classes.len() }
        };
        let pods = parts.iter().map(pods).sum::<usize>();
        if pods < 2 {
            return;
        }
        let id = self.scopes.len();
        for (role, from, count) in parts {
            let first = self.roles[*role].first_instance + from;
            for instance in &mut self.instances[first..first + count] {
                let list = if leaders { &mut instance.leader_scopes } else { &mut instance.scopes };
                list.push(id);
            }
        }
        let run =
            |(role, from, count): &(usize, usize, usize)| (*role, self.roles[*role].first_instance + from, *count);
        let runs = parts.iter().map(run).filter(|(_, _, count)| *count > 0).collect();
        self.scopes.push(Scope { level, source, runs, leaders, pods: pods as u32 });
    }

    fn add_near(&mut self, mut near: Near) {
        near.leaders = (self.leader_table(near.role, near.level), self.leader_table(near.to, near.level));
        for role in [near.role, near.to] {
            self.roles[role].nears.push(self.nears.len());
        }
        self.nears.push(near);
    }

    fn add_spread(&mut self, role: usize, level: usize, bounds: (Option<u32>, Option<u32>), clause: usize) {
        let leaders = self.leader_table(role, level);
        let mut counted = vec![false; self.topology.sizes[level]];
        if let Some(class) = self.roles[role].classes.first() {
            for m in (0..self.problem.machines.len()).filter(|m| self.admits(*class, *m)) {
                counted[self.topology.domain(m, level)] = true;
            }
        }
        let known = |d: usize| self.topology.is_known(Area { level, domain: d });
        let domains = (0..counted.len()).filter(|d| counted[*d] && known(*d)).count() as i64;
        self.roles[role].spreads.push(self.spreads.len());
        self.spreads.push(Spread {
            role,
            max_skew: bounds.0.map(i64::from),
            at_least: bounds.1.map_or(0, i64::from),
            clause,
            leaders,
            domains,
            level,
        });
    }

    fn add_apart(&mut self, roles: (usize, usize), level: usize, clause: usize) {
        let touches = (self.touch_table(roles.0, level), self.touch_table(roles.1, level));
        self.roles[roles.0].aparts.push(self.aparts.len());
        if roles.1 != roles.0 {
            self.roles[roles.1].aparts.push(self.aparts.len());
        }
        self.aparts.push(Apart { roles, level, clause, touches });
    }

    /// A floor is a scope of the leaders when links only get better inside a domain; else pairs are compared.
    pub(super) fn add_floor(&mut self, g: usize, edge: usize, (from, to): (usize, usize), floor: Link) {
        let first = self.groups[g].roles.start;
        let roles = (first + from, first + to);
        let counts = (self.roles[roles.0].role.instances, self.roles[roles.1].role.instances);
        if counts.0 == 0 || counts.1 == 0 {
            return;
        }
        match self.topology.level_of_floor(floor).filter(|_| self.topology.nested) {
            Some(level) => {
                let mut parts = vec![(roles.0, 0, counts.0), (roles.1, 0, counts.1)];
                parts.dedup();
                self.add_scope(level, Source::Edge(edge), &parts, true);
            }
            None => {
                self.roles[roles.0].floors.push(self.floors.len());
                if roles.1 != roles.0 {
                    self.roles[roles.1].floors.push(self.floors.len());
                }
                self.floors.push(Floor { roles, floor, edge });
            }
        }
    }

    fn touch_table(&mut self, role: usize, level: usize) -> usize {
        table(&mut self.touches, &mut self.roles[role].touches, (role, level))
    }

    fn leader_table(&mut self, role: usize, level: usize) -> usize {
        table(&mut self.leaders, &mut self.roles[role].leaders, (role, level))
    }
}

/// The table for a role and level, made when it is missing.
fn table(all: &mut Vec<(usize, usize)>, own: &mut Vec<usize>, key: (usize, usize)) -> usize {
    if let Some(found) = own.iter().find(|t| all[**t] == key) {
        return *found;
    }
    all.push(key);
    own.push(all.len() - 1);
    all.len() - 1
}
