//! The teams of all groups.

use std::collections::BTreeMap;

use super::{Base, Model, Table, Teams, WORK};
use crate::place::ClauseKind;
use crate::place::certify::team::{Kind, Rule, Team};
use crate::place::certify::{alone, settled};
use crate::place::index::Source;
use crate::place::objective::{INSIDE, part};

impl Model<'_, '_> {
    /// Finds the teams of all groups, and counts what concerns instances that stay.
    pub(super) fn gather(&mut self) {
        let mut teams: BTreeMap<Team, i64> = BTreeMap::new();
        for g in 0..self.index.groups.len() {
            let criterion = if self.index.problem.groups[g].locality { part::LOCALITY } else { part::LINKS };
            let (cost, loose) = settled::links(self.index, &self.settled, &self.free, g);
            self.add_base(criterion, cost, loose);
            for (team, count) in self.teams_of(g, criterion) {
                *teams.entry(team).or_insert(0) += count;
            }
        }
        let broken = alone::broken(self.index, &self.settled) + alone::strangers(self.index, &self.settled, &self.free);
        self.add_base(part::FRAGMENTATION, i128::from(broken), false);
        let mut work = WORK;
        for (team, count) in teams {
            self.add_team(team, count, &mut work);
        }
    }

    fn add_base(&mut self, criterion: usize, cost: i128, loose: bool) {
        let base = self.base.entry(criterion).or_default();
        base.cost += cost;
        base.loose |= loose;
    }

    /// Adds a team with its subsets, or what its links cost at least when these are too many.
    fn add_team(&mut self, team: Team, count: i64, work: &mut usize) {
        let subsets = team.subsets().filter(|n| n * n * self.levels.len().max(1) <= *work);
        if let (Some(subsets), false) = (subsets, self.levels.is_empty()) {
            *work -= subsets * subsets * self.levels.len();
            let rooms: Vec<Vec<&[i64]>> =
                self.classes.iter().map(|c| c.keys().map(|c| &c.room[..]).collect()).collect();
            let bundles = &mut self.bundles;
            let before: Vec<i64> = bundles.iter().map(|(_, copies)| *copies).collect();
            let table = Table::new(&team, subsets, rooms.len(), |subset, level| {
                let size = team.size(subset, level, false);
                let fits = rooms[level].iter().any(|room| size.iter().zip(*room).all(|(size, room)| size <= room));
                let pays = team.size(subset, level, true);
                fits.then(|| {
                    (level > 0 && pays.iter().any(|n| *n > 0)).then(|| {
                        let key = (level, pays);
                        let at = bundles.iter().position(|(known, _)| *known == key).unwrap_or(bundles.len());
                        if at == bundles.len() {
                            bundles.push((key, 0));
                        }
                        // One domain holds at most one bundle of a team.
                        bundles[at].1 = before.get(at).copied().unwrap_or(0) + count;
                        at
                    })
                })
            });
            if table.cheapest(&self.downgrades, 1, &vec![0; self.bundles.len()]).is_some() {
                self.teams.push(Teams { team, table, count });
                return;
            }
        }
        let best = (0..self.index.topology.levels).map(|l| self.index.topology.downgrade(l)).min().unwrap_or(0);
        let least = i128::from(count) * team.pairs(&team.whole()) * i128::from(best.max(0));
        self.add_base(team.criterion, least, least > 0);
    }

    /// The teams of a group, with how many of each there are.
    fn teams_of(&self, g: usize, criterion: usize) -> Vec<(Team, i64)> {
        let index = self.index;
        let open = |r: usize| -> i64 {
            let first = index.roles[r].first_instance;
            (first..first + index.roles[r].role.instances).filter(|i| !self.settled.stays[*i]).count() as i64
        };
        let alive = |r: usize| open(r) > 0 && !index.roles[r].classes.is_empty();
        let edges: Vec<(usize, usize, i64)> =
            index.groups[g].edges.iter().copied().filter(|(a, b, _)| alive(*a) && alive(*b)).collect();
        let mut leaders: Vec<usize> = edges.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
        leaders.sort_unstable();
        leaders.dedup();
        let mut teams = Vec::new();
        if !leaders.is_empty() {
            let kind = |r: usize| leaders.iter().position(|l| *l == r).unwrap_or(0);
            teams.push((
                Team {
                    criterion,
                    kinds: leaders.iter().map(|r| self.leader_kind(*r, open(*r))).collect(),
                    traffic: edges.iter().map(|(a, b, weight)| (kind(*a), kind(*b), *weight)).collect(),
                    rules: self.leader_rules(g, &leaders),
                },
                1,
            ));
        }
        for r in index.groups[g].roles.clone().filter(|r| alive(*r)) {
            let talks = leaders.contains(&r);
            if index.roles[r].classes.len() > 1 || !talks {
                teams.push((self.instance(r, criterion, talks), open(r)));
            }
        }
        teams
    }

    /// Leaders of a role; where an instance must not be divided they stand for all of it.
    fn leader_kind(&self, r: usize, count: i64) -> Kind {
        let role = &self.index.roles[r];
        let whole = self.undivided(r);
        let size = |level: &usize| -> Vec<i64> {
            let pods = if *level <= whole { &role.classes[..] } else { &role.classes[..1] };
            let sum = |measure: &crate::place::certify::measure::Measure| {
                pods.iter().map(|class| measure.size(self.index.classes[*class])).fold(0, i64::saturating_add)
            };
            self.measures.iter().map(sum).collect()
        };
        Kind {
            count,
            sizes: self.levels.iter().map(size).collect(),
            pays: self.levels.iter().map(|level| *level <= whole).collect(),
        }
    }

    /// The pods of one instance of a role; `talks` when its leader also pays for it in another team.
    fn instance(&self, r: usize, criterion: usize, talks: bool) -> Team {
        let role = &self.index.roles[r];
        let whole = self.undivided(r);
        let kind = |(class, count): &(usize, i64)| Kind {
            count: *count,
            sizes: vec![self.measures.iter().map(|m| m.size(self.index.classes[*class])).collect(); self.levels.len()],
            pays: self.levels.iter().map(|level| !talks || *level > whole).collect(),
        };
        let kinds: Vec<Kind> = role.demand.iter().map(kind).collect();
        let pairs = (0..kinds.len()).flat_map(|a| (a..kinds.len()).map(move |b| (a, b, INSIDE)));
        let all = (0..kinds.len()).collect();
        let bound = self.levels.iter().rposition(|level| *level <= whole);
        let single = role.classes.len() == 1;
        Team {
            criterion,
            traffic: if single { Vec::new() } else { pairs.collect() },
            rules: bound.filter(|_| !single).map(|at| Rule::All(at, all)).into_iter().collect(),
            kinds,
        }
    }

    /// The narrowest level at which an instance of a role must not be divided.
    fn undivided(&self, r: usize) -> usize {
        let role = &self.index.roles[r];
        if role.classes.len() < 2 {
            return usize::MAX;
        }
        let scopes = self.index.instances.get(role.first_instance).into_iter().flat_map(|row| &row.scopes);
        let levels: Vec<usize> = scopes.map(|scope| self.index.scopes[*scope].level).collect();
        levels.into_iter().max().unwrap_or(0)
    }

    /// The required clauses as far as they concern leaders.
    fn leader_rules(&self, g: usize, leaders: &[usize]) -> Vec<Rule> {
        let first = self.index.groups[g].roles.start;
        let kind = |r: usize| leaders.iter().position(|l| *l == r);
        // A domain of a level in the list that is not wider, and one that is not narrower.
        let outer = |level: usize| self.levels.iter().rposition(|l| *l <= level);
        let inner = |level: usize| self.levels.iter().position(|l| *l >= level);
        let mut rules = Vec::new();
        for clause in self.index.problem.groups[g].clauses.iter().filter(|c| c.prefer.is_none()) {
            match &clause.kind {
                ClauseKind::Together { roles, level } => {
                    let kinds: Vec<usize> = roles.iter().filter_map(|r| kind(first + r)).collect();
                    rules.extend(outer(level + 1).map(|at| Rule::All(at, kinds)));
                }
                ClauseKind::Apart { role, from, level } => {
                    let (a, b) = (kind(first + role), kind(first + from.unwrap_or(*role)));
                    if let (Some(a), Some(b), Some(at)) = (a, b, inner(level + 1)) {
                        rules.push(if a == b { Rule::Most(at, a, 1) } else { Rule::Foes(at, a, b) });
                    }
                }
                ClauseKind::Survive { count, level } => {
                    for r in self.index.groups[g].roles.clone() {
                        let most = (self.index.roles[r].role.instances as i64 - i64::from(*count)).max(0);
                        if let (Some(kind), Some(at), true) = (kind(r), inner(level + 1), *count > 0) {
                            rules.push(Rule::Most(at, kind, most));
                        }
                    }
                }
                _ => {}
            }
        }
        for spread in leaders.iter().flat_map(|r| &self.index.roles[*r].spreads).map(|s| &self.index.spreads[*s]) {
            let instances = self.index.roles[spread.role].role.instances as i64;
            let skewed = spread.max_skew.map(|skew| (instances + skew * (spread.domains - 1)) / spread.domains.max(1));
            let most = skewed.unwrap_or(instances).min(instances - (spread.at_least - 1).max(0));
            if let (Some(kind), Some(at)) = (kind(spread.role), inner(spread.level)) {
                rules.push(Rule::Most(at, kind, most));
            }
        }
        for scope in self.index.scopes.iter().filter(|scope| scope.leaders) {
            let roles: Vec<usize> = scope.runs.iter().map(|(r, ..)| *r).collect();
            let own = matches!(scope.source, Source::Edge(_)) && roles.iter().all(|r| kind(*r).is_some());
            if let (true, Some(at)) = (own, outer(scope.level)) {
                rules.push(Rule::All(at, roles.into_iter().filter_map(kind).collect()));
            }
        }
        rules.sort();
        rules.dedup();
        rules
    }
}
