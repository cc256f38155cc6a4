//! A problem as teams, bundles and classes of domains.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::{Measure, gcd};
use super::settled::Settled;
use super::split::{Table, Worth};
use super::team::Team;
use super::{Bundle, Certificate, SCALE, alone, earn};
use crate::place::index::Index;
use crate::place::objective::{Cost, part};
use crate::place::state::State;
use crate::place::topology::{Area, CLUSTER};
use crate::place::{Clause, Placement};

mod teams;
mod wishes;

/// Comparisons of subsets made for all teams together; teams beyond that are counted without their domains.
const WORK: usize = 4_000_000;

/// Domains with equal room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Class {
    /// In each measure.
    pub room: Vec<i64>,
    /// Whether using it breaks something whole, which the fragmentation counts.
    pub whole: bool,
}

/// Equal teams.
#[derive(Debug)]
pub(in crate::place) struct Teams {
    /// One of them.
    pub team: Team,
    /// Its subsets.
    pub table: Table,
    /// How many there are.
    pub count: i64,
}

/// Groups with equal teams.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Shape {
    /// The teams of a group, and how many of each.
    pub teams: Vec<(usize, i64)>,
    /// What it costs to leave the group out.
    pub weight: i64,
    /// There is no place for it, even alone.
    pub hopeless: bool,
}

/// What a group costs at least.
#[derive(Debug, Clone, Default)]
pub(in crate::place) struct Share {
    /// The criterion that counts its links.
    pub criterion: usize,
    /// Its teams, and how many of each.
    pub teams: Vec<(usize, i64)>,
    /// Roles with the team that an instance of it is.
    pub instances: Vec<(usize, usize)>,
    /// Its links besides those of the teams.
    pub links: i128,
    /// Its unmet preferences besides.
    pub unmet: i128,
    /// Its deficit of spreading besides.
    pub spread: i128,
}

/// What a criterion costs at least besides the teams.
#[derive(Debug, Clone, Copy, Default)]
struct Base {
    cost: i128,
    /// Whether that is more than a bound, so that what divides the rest divides all of it.
    loose: bool,
}

/// A problem as far as bounds look at it.
pub(in crate::place) struct Model<'a, 'p> {
    pub index: &'a Index<'p>,
    pub(super) placement: &'a Placement,
    /// The earlier criteria of the plans that are looked at.
    cost: Cost,
    /// The criteria from which on the model holds.
    from: usize,
    /// Roles of which no instance is divided at a level, and the level.
    whole: BTreeMap<usize, usize>,
    /// Instances that cannot stand elsewhere.
    settled: Settled,
    /// What is free beside those.
    free: Vec<i64>,
    measures: Vec<Measure>,
    /// The levels of the topology that differ, widest first; none when domains overlap.
    pub levels: Vec<usize>,
    /// What a pair costs that shares a domain there and no narrower one.
    pub downgrades: Vec<i64>,
    /// For each level its domains.
    pub classes: Vec<BTreeMap<Class, i64>>,
    /// What there is a price for, and how often it can occur in one domain.
    pub bundles: Vec<(Bundle, i64)>,
    pub teams: Vec<Teams>,
    /// The groups, and how many of each shape.
    pub shapes: BTreeMap<Shape, i64>,
    /// Whether groups may be left out.
    pub partial: bool,
    /// What each group costs.
    pub shares: Vec<Share>,
    /// Machines that nobody uses but those who are placed anew.
    untouched: Vec<bool>,
    base: BTreeMap<usize, Base>,
}

impl<'a, 'p> Model<'a, 'p> {
    /// The model for criteria from `from` on, for plans that are not worse in those before.
    pub fn new(
        index: &'a Index<'p>,
        placement: &'a Placement,
        cost: &Cost,
        from: usize,
        whole: BTreeMap<usize, usize>,
    ) -> Self {
        let topology = &index.topology;
        // Who may be left out need not stay.
        let partial = cost[part::UNPLACED] > 0;
        let settled = Settled::new(index, (from > part::MOVES && !partial).then_some(cost[part::MOVES]));
        let free = free(index, &settled);
        let levels = if topology.nested { topology.distinct.clone() } else { Vec::new() };
        let mut model = Model {
            index,
            placement,
            cost: *cost,
            from,
            whole,
            measures: Measure::all(index, &free),
            settled,
            free,
            downgrades: levels.iter().map(|l| topology.downgrade(*l)).collect(),
            levels,
            classes: Vec::new(),
            bundles: Vec::new(),
            teams: Vec::new(),
            shapes: BTreeMap::new(),
            partial,
            shares: Vec::new(),
            untouched: Vec::new(),
            base: BTreeMap::new(),
        };
        let kept = model.kept_machines();
        let untouched = |m: usize| index.problem.machines[m].holders.is_empty() && !kept.contains(&m);
        model.untouched = (0..index.problem.machines.len()).map(untouched).collect();
        model.classes = model.classify();
        model.gather();
        model
    }

    /// A lower bound of a criterion over plans whose earlier criteria are not worse than `cost`.
    pub fn bound(&self, criterion: usize, cost: &Cost, certificate: &Certificate) -> i64 {
        let bound = match criterion {
            part::MOVES | part::UNMET | part::SPREAD if self.partial => 0,
            part::MOVES => i128::from(self.settled.least),
            part::UNMET | part::SPREAD => {
                let alone = i128::from(alone::least(self.index, self.placement, &self.settled, criterion));
                alone.max(self.round(criterion, self.relaxed(criterion, cost, certificate)))
            }
            _ => self.round(criterion, self.relaxed(criterion, cost, certificate)),
        };
        i64::try_from(bound.max(0)).unwrap_or(i64::MAX)
    }

    /// The bound that prices prove, in parts of a unit.
    pub fn relaxed(&self, criterion: usize, cost: &Cost, certificate: &Certificate) -> i128 {
        let prices = self.prices(certificate);
        let fine = |c: usize| fine(criterion, certificate, c);
        let each = self.each(criterion, certificate, &prices);
        let paid = |(shape, count): (&Shape, &i64)| {
            let placed: i128 = shape.teams.iter().map(|(team, n)| i128::from(*n) * each[*team]).sum();
            let left_out = fine(part::UNPLACED) * i128::from(shape.weight);
            let least = if shape.hopeless { left_out } else { placed.min(left_out) };
            i128::from(*count) * if self.partial { least } else { placed }
        };
        let earned = |level: usize| -> i128 {
            let items = self.items(level, &prices);
            let each =
                |(class, count): (&Class, &i64)| i128::from(*count) * self.earns(level, class, criterion, &items).0;
            self.classes[level].iter().map(each).sum()
        };
        let base: i128 = self.base.iter().map(|(c, base)| fine(*c) * base.cost).sum();
        let allowed: i128 = (0..criterion).map(|c| fine(c) * i128::from(cost[c])).sum();
        let earned: i128 = (1..self.levels.len()).map(earned).sum();
        base + self.shapes.iter().map(paid).sum::<i128>() - allowed - earned
    }

    /// The price of each bundle.
    pub fn prices(&self, certificate: &Certificate) -> Vec<i128> {
        let price = |bundle: &Bundle| certificate.prices.get(bundle).copied().unwrap_or(0).max(0);
        self.bundles.iter().map(|(bundle, _)| price(bundle)).collect()
    }

    /// What each team costs at least, with what it pays.
    pub fn each(&self, criterion: usize, certificate: &Certificate, prices: &[i128]) -> Vec<i128> {
        let cheapest = |teams: &Teams| {
            let worth = worth(criterion, certificate, teams.team.criterion);
            teams.table.cheapest(&self.downgrades, worth, prices).unwrap_or(0)
        };
        self.teams.iter().map(cheapest).collect()
    }

    /// Roles whose instances are not divided at a level, and the level, in any plan that costs no more
    /// than the one at hand in a criterion and all before it: to divide one would cost more than is left
    /// above what is proven.
    pub fn undivided_roles(&self, criterion: usize, certificate: &Certificate) -> BTreeMap<usize, usize> {
        let mut whole = BTreeMap::new();
        if self.partial || self.levels.is_empty() {
            return whole;
        }
        let prices = self.prices(certificate);
        let each = self.each(criterion, certificate, &prices);
        let left = SCALE * i128::from(self.cost[criterion]) - self.relaxed(criterion, &self.cost, certificate);
        let shares = self.shares.iter().filter(|share| share.criterion == criterion);
        for (role, team) in shares.flat_map(|share| &share.instances) {
            let worth = worth(criterion, certificate, criterion);
            let table = &self.teams[*team].table;
            let dear = |level: &usize| {
                let divided = table.divided(*level, &self.downgrades, worth, &prices);
                divided.is_none_or(|divided| divided - each[*team] > left)
            };
            if let Some(level) = (1..self.levels.len()).rev().find(dear) {
                whole.insert(*role, self.levels[level]);
            }
        }
        whole
    }

    /// The bundles with a price at a level.
    pub(in crate::place) fn items(&self, level: usize, prices: &[i128]) -> Vec<earn::Item> {
        let rows = self.bundles.iter().enumerate().filter(|(row, ((at, _), _))| *at == level && prices[*row] > 0);
        let item = |(row, ((_, size), copies)): (usize, &(Bundle, i64))| earn::Item {
            size: size.clone(),
            price: prices[row],
            copies: *copies,
            row,
        };
        rows.map(item).collect()
    }

    /// What a domain earns at most, and with which bundles.
    pub(in crate::place) fn earns(
        &self,
        level: usize,
        class: &Class,
        criterion: usize,
        items: &[earn::Item],
    ) -> (i128, Vec<usize>) {
        let (paid, contents) = earn::dearest(items, &class.room);
        let broken = if criterion == part::FRAGMENTATION && self.breaks(level, class) { SCALE } else { 0 };
        ((paid - broken).max(0), contents)
    }

    /// Whether the fragmentation counts it when something is put into such a domain.
    pub fn breaks(&self, level: usize, class: &Class) -> bool {
        class.whole && level + 2 >= self.levels.len() && self.levels[level] > 0
    }

    /// Rounds up to a whole number, and further to what the costs of links can add up to.
    fn round(&self, criterion: usize, bound: i128) -> i128 {
        let bound = -(-bound).div_euclid(SCALE);
        let step = self.step(criterion);
        if step < 2 {
            return bound;
        }
        let widest = i128::from(self.downgrades.first().copied().unwrap_or(0));
        let teams = self.teams.iter().filter(|teams| teams.team.criterion == criterion);
        let pairs: i128 = teams.map(|teams| i128::from(teams.count) * teams.team.pairs(&teams.team.whole())).sum();
        bound + (self.base(criterion) + pairs * widest - bound).rem_euclid(i128::from(step))
    }

    /// By how much two plans differ in a criterion at least when they differ, as far as that is known.
    pub fn step(&self, criterion: usize) -> i64 {
        if !LINKS.contains(&criterion) || self.partial { 1 } else { self.divisor(criterion).max(1) }
    }

    /// Number of measures.
    pub fn measures(&self) -> usize {
        self.measures.len()
    }

    /// The room of a machine in each measure when so much is free.
    pub fn room(&self, machine: usize, free: &[i64], rooms: &mut [i64]) {
        let each = self.measures.iter().map(|measure| measure.room(self.index, machine, free));
        rooms.iter_mut().zip(each).for_each(|(room, now)| *room = now);
    }

    /// Whether an instance stands where it was in every plan that is looked at.
    pub fn stays(&self, instance: usize) -> bool {
        self.settled.stays[instance]
    }

    /// Whether nobody uses a machine but those who are placed, and none of these was there.
    pub fn untouched(&self, machine: usize) -> bool {
        self.untouched[machine]
    }

    /// Machines, and domains of the grain, that are whole in a partial plan and to which instances come
    /// back.
    pub fn kept(&self, state: &State) -> i64 {
        let index = self.index;
        let machines: BTreeSet<usize> = self.kept_machines();
        let begun = machines.iter().filter(|m| index.whole.0[**m] && state.load(**m).0 == 0).count();
        let domain = |m: &usize| Some((index.topology.domain(*m, index.grain?), state.load(*m).1));
        let domains: BTreeSet<(usize, u32)> = machines.iter().filter_map(domain).collect();
        (begun + domains.iter().filter(|(domain, load)| index.whole.1[*domain] && *load == 0).count()) as i64
    }

    /// What divides the difference between any two costs of the links of a criterion.
    pub fn divisor(&self, criterion: usize) -> i64 {
        if self.base.get(&criterion).is_some_and(|base| base.loose) {
            return 1;
        }
        let widest = self.downgrades.first().copied().unwrap_or(0);
        let steps = self.downgrades.iter().fold(0, |divisor, d| gcd(divisor, d - widest));
        let teams = self.teams.iter().filter(|teams| teams.team.criterion == criterion);
        teams.fold(0, |divisor, teams| gcd(divisor, teams.team.divisor().saturating_mul(steps)))
    }

    /// Whether every plan that is looked at meets a clause: it is required, or its weight is more than
    /// all that is not met.
    fn requires(&self, clause: &Clause) -> bool {
        let unmet = |weight: u32| self.from > part::UNMET && i64::from(weight) > self.cost[part::UNMET];
        clause.prefer.is_none_or(unmet)
    }

    /// What a criterion costs at least besides the teams.
    pub fn base(&self, criterion: usize) -> i128 {
        self.base.get(&criterion).map_or(0, |base| base.cost)
    }

    /// The domains of each level, equal ones together.
    fn classify(&self) -> Vec<BTreeMap<Class, i64>> {
        let index = self.index;
        let room = |m: usize| -> Class {
            let free = &self.free[m * index.columns..][..index.columns];
            let room = self.measures.iter().map(|measure| measure.room(index, m, free)).collect();
            Class { room, whole: self.untouched[m] }
        };
        let machines: Vec<Class> = (0..index.problem.machines.len()).map(room).collect();
        let sum = |area: Area| {
            let mut class = Class { room: vec![0; self.measures.len()], whole: true };
            for machine in index.topology.machines(area).map(|m| &machines[m]) {
                class.room.iter_mut().zip(&machine.room).for_each(|(sum, room)| *sum = sum.saturating_add(*room));
                class.whole &= machine.whole;
            }
            class
        };
        let count = |level: &usize| {
            let mut classes = BTreeMap::new();
            for domain in index.topology.inside(CLUSTER, *level) {
                *classes.entry(sum(Area { level: *level, domain: *domain as usize })).or_insert(0) += 1;
            }
            classes
        };
        let all = |level: &usize| if *level == 0 { BTreeMap::from([(sum(CLUSTER), 1)]) } else { count(level) };
        self.levels.iter().map(all).collect()
    }

    /// The machines of instances that stay.
    fn kept_machines(&self) -> BTreeSet<usize> {
        let rows = self.index.instances.iter().zip(&self.settled.stays).filter(|(_, stays)| **stays);
        rows.flat_map(|(row, _)| row.previous.iter().flatten().copied()).collect()
    }
}

/// The criteria that count links.
const LINKS: [usize; 2] = [part::LOCALITY, part::LINKS];

/// What a unit of a criterion costs in the proof of one.
pub(in crate::place) fn fine(criterion: usize, certificate: &Certificate, of: usize) -> i128 {
    match of.cmp(&criterion) {
        std::cmp::Ordering::Less => certificate.fines.get(&of).copied().unwrap_or(0).max(0),
        std::cmp::Ordering::Equal => SCALE,
        std::cmp::Ordering::Greater => 0,
    }
}

/// What the costs of a team are worth whose links are counted by a criterion.
pub(in crate::place) fn worth(criterion: usize, certificate: &Certificate, links: usize) -> Worth {
    let fine = |of: usize| fine(criterion, certificate, of);
    Worth { links: fine(links), unmet: fine(part::UNMET), spread: fine(part::SPREAD) }
}

/// What is free beside the instances that stay.
fn free(index: &Index, settled: &Settled) -> Vec<i64> {
    let machine = |m: &crate::place::Machine| -> Vec<i64> {
        (0..index.columns).map(|c| m.free.get(c).copied().unwrap_or(0)).collect()
    };
    let mut free: Vec<i64> = index.problem.machines.iter().flat_map(machine).collect();
    for (row, _) in index.instances.iter().zip(&settled.stays).filter(|(_, stays)| **stays) {
        for (class, machine) in index.roles[row.role].classes.iter().zip(row.previous.iter().flatten()) {
            let free = &mut free[machine * index.columns..][..index.columns];
            free.iter_mut().zip(&index.classes[*class].request).for_each(|(free, n)| *free -= *n.max(&0));
        }
    }
    free
}
