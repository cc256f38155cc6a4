//! The teams of all groups.

use std::collections::{BTreeMap, BTreeSet};

use super::{Model, Shape, Share, Table, Teams, WORK};
use crate::place::certify::split::Worth;
use crate::place::certify::team::{Kind, Rule, Team};
use crate::place::certify::{alone, settled};
use crate::place::index::Source;
use crate::place::objective::{INSIDE, link_part, part};
use crate::place::topology::Area;
use crate::place::{Clause, ClauseKind};

/// Subsets of a team up to which leaders without traffic are counted with those that have some.
const FEW: usize = 256;

/// What became of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its place in the model.
    At(usize),
    /// It has too many subsets to look at.
    Uncounted,
    /// It fits nowhere, even alone.
    Nowhere,
}

impl Model<'_, '_> {
    /// Finds the teams of all groups, and counts what concerns instances that stay.
    pub(super) fn gather(&mut self) {
        let mut teams: BTreeMap<Team, i64> = BTreeMap::new();
        let mut groups: Vec<Vec<(Team, i64, Option<usize>)>> = Vec::new();
        for g in 0..self.index.groups.len() {
            let criterion = link_part(self.index, g);
            let (cost, loose) = settled::links(self.index, &self.settled, &self.free, g);
            self.add_base(criterion, cost, loose);
            self.shares.push(Share { criterion, links: cost, ..Share::default() });
            groups.push(self.teams_of(g, criterion));
            for (team, count, _) in groups.last().into_iter().flatten() {
                *teams.entry(team.clone()).or_insert(0) += count;
            }
        }
        if !self.partial {
            let strangers = alone::strangers(self.index, &self.settled, &self.free);
            let broken = alone::broken(self.index, &self.settled) + strangers;
            self.add_base(part::FRAGMENTATION, i128::from(broken), false);
        }
        self.add_stayers();
        let mut work = WORK;
        let fates: BTreeMap<Team, Fate> =
            teams.into_iter().map(|(team, count)| (team.clone(), self.add_team(team, count, &mut work))).collect();
        for (g, (row, teams)) in self.index.groups.iter().zip(groups).enumerate() {
            let fate = |(team, count, _): &(Team, i64, Option<usize>)| Some((*fates.get(team)?, *count));
            let fates: Vec<(Fate, i64)> = teams.iter().filter_map(fate).collect();
            let uncounted = teams.iter().zip(&fates).filter(|(_, (fate, _))| *fate == Fate::Uncounted);
            let links = uncounted.map(|((team, count, _), _)| self.uncounted(team, *count)).sum::<i128>();
            self.shares[g].links += links;
            for ((_, _, role), (fate, _)) in teams.iter().zip(&fates) {
                if let (Some(role), Fate::At(team)) = (role, fate) {
                    self.shares[g].instances.push((*role, *team));
                }
            }
            // Roles of one group can have equal teams.
            let mut counted: BTreeMap<usize, i64> = BTreeMap::new();
            for (fate, count) in &fates {
                if let Fate::At(team) = fate {
                    *counted.entry(*team).or_insert(0) += count;
                }
            }
            let shape = Shape {
                teams: counted.into_iter().collect(),
                weight: row.instances.len() as i64,
                hopeless: fates.iter().any(|(fate, _)| *fate == Fate::Nowhere),
            };
            self.shares[g].teams = shape.teams.clone();
            *self.shapes.entry(shape).or_insert(0) += 1;
        }
    }

    /// What the links of teams cost at least that have too many subsets.
    fn uncounted(&self, team: &Team, count: i64) -> i128 {
        let best = (0..self.index.topology.levels).map(|l| self.index.topology.downgrade(l)).min().unwrap_or(0);
        i128::from(count) * team.pairs(&team.whole()) * i128::from(best.max(0))
    }

    pub(super) fn add_base(&mut self, criterion: usize, cost: i128, loose: bool) {
        let base = self.base.entry(criterion).or_default();
        base.cost += cost;
        base.loose |= loose;
    }

    /// Adds a team with its subsets, or what its links cost at least when these are too many.
    fn add_team(&mut self, team: Team, count: i64, work: &mut usize) -> Fate {
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
            if table.cheapest(&self.downgrades, Worth::LINKS, &vec![0; self.bundles.len()]).is_none() {
                return Fate::Nowhere;
            }
            self.teams.push(Teams { team, table, count });
            return Fate::At(self.teams.len() - 1);
        }
        if self.partial {
            return Fate::Uncounted;
        }
        let least = self.uncounted(&team, count);
        self.add_base(team.criterion, least, least > 0);
        Fate::Uncounted
    }

    /// The teams of a group, with how many of each there are.
    /// For a team that is an instance its role is told.
    fn teams_of(&self, g: usize, criterion: usize) -> Vec<(Team, i64, Option<usize>)> {
        let index = self.index;
        let open = |r: usize| -> i64 {
            let first = index.roles[r].first_instance;
            (first..first + index.roles[r].role.instances).filter(|i| !self.settled.stays[*i]).count() as i64
        };
        let alive = |r: usize| open(r) > 0 && !index.roles[r].classes.is_empty();
        let edges: Vec<(usize, usize, i64)> =
            index.groups[g].edges.iter().copied().filter(|(a, b, _)| alive(*a) && alive(*b)).collect();
        let talking: BTreeSet<usize> = edges.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
        let bound: BTreeSet<usize> = self.bound_roles(g).into_iter().filter(|r| alive(*r)).collect();
        let team = |leaders: Vec<usize>| {
            let kind = |r: usize| leaders.iter().position(|l| *l == r).unwrap_or(0);
            let team = Team {
                criterion,
                kinds: leaders.iter().map(|r| self.leader_kind(*r, open(*r))).collect(),
                traffic: edges.iter().map(|(a, b, weight)| (kind(*a), kind(*b), *weight)).collect(),
                rules: self.leader_rules(g, &leaders),
                wishes: self.leader_wishes(g, &leaders),
            };
            (team, leaders)
        };
        let all = team(talking.union(&bound).copied().collect());
        let few = |team: &Team| team.subsets().is_some_and(|n| n <= FEW);
        let (leading, leaders) = if few(&all.0) { all } else { team(talking.into_iter().collect()) };
        let mut teams = Vec::new();
        if !leaders.is_empty() {
            teams.push((leading, 1, None));
        }
        for r in index.groups[g].roles.clone().filter(|r| alive(*r)) {
            let talks = leaders.contains(&r);
            if index.roles[r].classes.len() > 1 || !talks {
                teams.push((self.instance(r, criterion, talks), open(r), Some(r)));
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
            wishes: if single { Vec::new() } else { self.instance_wishes(r) },
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
        levels.into_iter().max().unwrap_or(0).max(self.whole.get(&r).copied().unwrap_or(0))
    }

    /// Roles of which a domain may not hold all leaders.
    fn bound_roles(&self, g: usize) -> Vec<usize> {
        let first = self.index.groups[g].roles.start;
        let roles = |clause: &Clause| match &clause.kind {
            ClauseKind::Spread { role, .. } => vec![first + role],
            ClauseKind::Apart { role, from, .. } => vec![first + role, first + from.unwrap_or(*role)],
            ClauseKind::Survive { .. } => self.index.groups[g].roles.clone().collect(),
            ClauseKind::Near { role, to, .. } => vec![first + role, first + to],
            ClauseKind::Together { roles, .. } => roles.iter().map(|r| first + r).collect(),
            ClauseKind::Cells { shares, .. } if self.requires(clause) => {
                shares.iter().map(|(r, _)| first + r).collect()
            }
            _ => Vec::new(),
        };
        self.index.problem.groups[g].clauses.iter().flat_map(roles).collect()
    }

    /// How many leaders a domain holds at most when the deficit of spreading is no larger than the plan's.
    fn even(&self, role: usize, kind: &ClauseKind) -> Option<i64> {
        let share = self.share(role, kind).filter(|_| self.from > part::SPREAD)?;
        Some(share + self.cost[part::SPREAD])
    }

    /// How many leaders a domain holds without a deficit of spreading.
    pub(super) fn share(&self, role: usize, kind: &ClauseKind) -> Option<i64> {
        let ClauseKind::Spread { level, max_skew, .. } = kind else { return None };
        let topology = &self.index.topology;
        let domains = topology.sizes[level + 1];
        let known = (0..domains).all(|domain| topology.is_known(Area { level: level + 1, domain }));
        let instances = self.index.roles[role].role.instances as i64;
        let share = (instances + domains.max(1) as i64 - 1) / domains.max(1) as i64;
        known.then_some(share + max_skew.map_or(0, i64::from).saturating_sub(1))
    }

    /// The clauses that hold as far as they concern leaders.
    fn leader_rules(&self, g: usize, leaders: &[usize]) -> Vec<Rule> {
        let first = self.index.groups[g].roles.start;
        let kind = |r: usize| leaders.iter().position(|l| *l == r);
        // A domain of a level in the list that is not wider, and one that is not narrower.
        let outer = |level: usize| self.levels.iter().rposition(|l| *l <= level);
        let inner = |level: usize| self.inner(level);
        let mut rules = Vec::new();
        for clause in self.index.problem.groups[g].clauses.iter() {
            if let ClauseKind::Spread { role, level, .. } = &clause.kind
                && let (Some(kind), Some(at)) = (kind(first + role), inner(level + 1))
            {
                rules.extend(self.even(first + role, &clause.kind).map(|most| Rule::Most(at, kind, most)));
            }
            if !self.requires(clause) {
                continue;
            }
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
                ClauseKind::Near { role, to, level } if role != to && self.all_open(first + to) => {
                    if let (Some(a), Some(b), Some(at)) = (kind(first + role), kind(first + to), inner(level + 1)) {
                        rules.push(Rule::Needs(at, a, b));
                    }
                }
                ClauseKind::Cells { shares, level } => {
                    let kinds: Vec<usize> = shares.iter().filter_map(|(r, _)| kind(first + r)).collect();
                    let open = shares.iter().all(|(r, _)| self.all_open(first + r));
                    if let (true, true, Some(at)) = (open, kinds.len() == shares.len(), outer(level + 1)) {
                        rules.push(Rule::Sums(at, kinds, self.cell_sums(first, shares)));
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

    /// How many leaders of each role some of the cells have.
    fn cell_sums(&self, first: usize, shares: &[(usize, u32)]) -> BTreeSet<Vec<i64>> {
        let mut sums = BTreeSet::from([vec![0; shares.len()]]);
        for cell in self.index.cells(first, shares) {
            let more = sums.iter().map(|sum| sum.iter().zip(&cell).map(|(sum, (.., n))| sum + *n as i64).collect());
            let more: Vec<Vec<i64>> = more.collect();
            sums.extend(more);
        }
        sums
    }

    /// Whether no instance of a role stays.
    pub(super) fn all_open(&self, r: usize) -> bool {
        let first = self.index.roles[r].first_instance;
        (first..first + self.index.roles[r].role.instances).all(|i| !self.settled.stays[i])
    }

    /// The level of the list whose domains are those of a level.
    pub(super) fn inner(&self, level: usize) -> Option<usize> {
        self.levels.iter().position(|l| *l >= level)
    }
}
