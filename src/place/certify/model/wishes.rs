//! What the clauses of groups count against a part of a team in one domain.

use super::Model;
use crate::place::certify::team::{Counted, Wish};
use crate::place::objective::{part, spread_deficit, unmet};
use crate::place::{Clause, ClauseKind, verify};

impl Model<'_, '_> {
    /// What the clauses count against a part of these leaders in one domain.
    pub(super) fn leader_wishes(&self, g: usize, leaders: &[usize]) -> Vec<Wish> {
        let first = self.index.groups[g].roles.start;
        let kind = |r: usize| leaders.iter().position(|l| *l == first + r);
        let mut wishes = Vec::new();
        for clause in &self.index.problem.groups[g].clauses {
            self.spread_wishes(&clause.kind, kind, &mut wishes, first);
            let Some(weight) = clause.prefer.map(i64::from) else { continue };
            for (level, count) in self.unmet_wishes(g, &clause.kind, kind) {
                let level = level.map_or(Some(0), |level| self.inner(level + 1));
                wishes.extend(level.map(|level| Wish { level, spread: false, weight, count }));
            }
        }
        wishes.sort();
        wishes
    }

    /// What a preference counts, with the level of its domains; without one it counts in any case.
    fn unmet_wishes(
        &self,
        g: usize,
        clause: &ClauseKind,
        kind: impl Fn(usize) -> Option<usize>,
    ) -> Vec<(Option<usize>, Counted)> {
        let index = self.index;
        let first = index.groups[g].roles.start;
        let instances = |r: usize| index.roles[first + r].role.instances as i64;
        match clause {
            ClauseKind::Together { roles, level } => {
                let kinds: Vec<usize> = roles.iter().filter_map(|r| kind(*r)).collect();
                let none = kinds.is_empty();
                let all = vec![(None, Counted::Always(-1)), (Some(*level), Counted::Any(kinds))];
                if none { Vec::new() } else { all }
            }
            ClauseKind::Apart { role, from, level } => match (kind(*role), from.map_or(kind(*role), &kind)) {
                (Some(a), Some(b)) if a == b => vec![(Some(*level), Counted::Crowd(a))],
                (Some(a), Some(b)) => vec![(Some(*level), Counted::Beside(a, b))],
                _ => Vec::new(),
            },
            ClauseKind::Near { role, to, level } => match (kind(*role), kind(*to)) {
                (Some(a), Some(b)) if a != b && self.all_open(first + to) => {
                    vec![(Some(*level), Counted::Without(a, b))]
                }
                _ => Vec::new(),
            },
            ClauseKind::Spread { role, level, at_least: Some(least), .. } => {
                let (Some(kind), all) = (kind(*role), instances(*role)) else { return Vec::new() };
                let most = all - i64::from(*least) + 1;
                match most {
                    ..=0 => vec![(None, Counted::Always(1))],
                    // Only one domain can hold so many.
                    _ if 2 * (most + 1) > all => vec![(Some(*level), Counted::Over(kind, most))],
                    _ => Vec::new(),
                }
            }
            ClauseKind::Survive { count, level } if *count > 0 => {
                let roles = 0..index.groups[g].roles.len();
                let known: Vec<(i64, usize)> = roles.filter_map(|r| Some((instances(r), kind(r)?))).collect();
                match known.into_iter().min() {
                    Some((least, _)) if least <= i64::from(*count) => vec![(None, Counted::Always(1))],
                    Some((least, kind)) => vec![(Some(*level), Counted::Over(kind, least - 1))],
                    None => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }

    /// The deficit of spreading that a clause counts.
    fn spread_wishes(
        &self,
        clause: &ClauseKind,
        kind: impl Fn(usize) -> Option<usize>,
        wishes: &mut Vec<Wish>,
        first: usize,
    ) {
        let ClauseKind::Spread { role, level, at_least, .. } = clause else { return };
        let (Some(kind), Some(at)) = (kind(*role), self.inner(level + 1)) else { return };
        let wish = |level: usize, count: Counted| Wish { level, spread: true, weight: 1, count };
        if let Some(share) = self.share(first + role, clause) {
            wishes.push(wish(at, Counted::Beyond(kind, share)));
        }
        if let Some(least) = at_least {
            let most = self.index.roles[first + role].role.instances as i64 - i64::from(*least) + 1;
            wishes.push(if most > 0 {
                wish(at, Counted::Beyond(kind, most))
            } else {
                wish(0, Counted::Always(1 - most))
            });
        }
    }

    /// What preferences count against a part of an instance of several pods in one domain.
    pub(super) fn instance_wishes(&self, r: usize) -> Vec<Wish> {
        let group = self.index.roles[r].group;
        let own = r - self.index.groups[group].roles.start;
        let clauses = self.index.problem.groups[group].clauses.iter();
        let wish = |clause: &Clause| match clause.kind {
            ClauseKind::Instances { role, level } if role == own => {
                let weight = i64::from(clause.prefer?);
                Some(Wish { level: self.inner(level + 1)?, spread: false, weight, count: Counted::Divided })
            }
            _ => None,
        };
        let mut wishes: Vec<Wish> = clauses.filter_map(wish).collect();
        wishes.sort();
        wishes
    }

    /// What groups do not meet of which every instance stays.
    pub(super) fn add_stayers(&mut self) {
        let users = verify::Users::new();
        for g in 0..self.index.groups.len() {
            let mut instances = self.index.groups[g].instances.clone();
            if self.partial || instances.is_empty() || !instances.all(|i| self.settled.stays[i]) {
                continue;
            }
            let placed = &self.placement.groups[g];
            let (mut missed, mut uneven) = (0, 0);
            for clause in &self.index.problem.groups[g].clauses {
                if !matches!(clause.kind, ClauseKind::Exclusive { .. }) {
                    let weight = i128::from(clause.prefer.unwrap_or(0));
                    missed += weight * i128::from(unmet(self.index, placed, &users, g, &clause.kind));
                }
                uneven += i128::from(spread_deficit(self.index, placed, &clause.kind));
            }
            (self.shares[g].unmet, self.shares[g].spread) = (missed, uneven);
            self.add_base(part::UNMET, missed, false);
            self.add_base(part::SPREAD, uneven, false);
        }
    }
}
