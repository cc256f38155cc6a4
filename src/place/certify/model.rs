//! A problem as teams, bundles and classes of domains.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::{Measure, gcd};
use super::settled::Settled;
use super::split::Table;
use super::team::Team;
use super::{Bundle, Certificate, SCALE, alone, earn};
use crate::place::Placement;
use crate::place::index::Index;
use crate::place::objective::{Cost, part};
use crate::place::topology::{Area, CLUSTER};

mod teams;

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
    placement: &'a Placement,
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
    base: BTreeMap<usize, Base>,
}

impl<'a, 'p> Model<'a, 'p> {
    /// The model; with `settled` for plans that move no more than this one.
    pub fn new(index: &'a Index<'p>, placement: &'a Placement, cost: &Cost, settled: bool) -> Self {
        let topology = &index.topology;
        let settled = Settled::new(index, settled.then_some(cost[part::MOVES]));
        let free = free(index, &settled);
        let levels = if topology.nested { topology.distinct.clone() } else { Vec::new() };
        let mut model = Model {
            index,
            placement,
            measures: Measure::all(index, &free),
            settled,
            free,
            downgrades: levels.iter().map(|l| topology.downgrade(*l)).collect(),
            levels,
            classes: Vec::new(),
            bundles: Vec::new(),
            teams: Vec::new(),
            base: BTreeMap::new(),
        };
        model.classes = model.classify();
        model.gather();
        model
    }

    /// A lower bound of a criterion over plans whose earlier criteria are not worse than `cost`.
    pub fn bound(&self, criterion: usize, cost: &Cost, certificate: &Certificate) -> i64 {
        let bound = match criterion {
            part::MOVES => i128::from(self.settled.least),
            part::UNMET | part::SPREAD => {
                i128::from(alone::least(self.index, self.placement, &self.settled, criterion))
            }
            _ => self.round(criterion, self.relaxed(criterion, cost, certificate)),
        };
        i64::try_from(bound.max(0)).unwrap_or(i64::MAX)
    }

    /// The bound that prices prove, in parts of a unit.
    pub fn relaxed(&self, criterion: usize, cost: &Cost, certificate: &Certificate) -> i128 {
        let price = |bundle: &Bundle| certificate.prices.get(bundle).copied().unwrap_or(0).max(0);
        let prices: Vec<i128> = self.bundles.iter().map(|(bundle, _)| price(bundle)).collect();
        let fine = |c: usize| match c.cmp(&criterion) {
            std::cmp::Ordering::Less => certificate.fines.get(&c).copied().unwrap_or(0).max(0),
            std::cmp::Ordering::Equal => SCALE,
            std::cmp::Ordering::Greater => 0,
        };
        let paid = |teams: &Teams| {
            let fine = fine(teams.team.criterion);
            i128::from(teams.count) * teams.table.cheapest(&self.downgrades, fine, &prices).unwrap_or(0)
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
        base + self.teams.iter().map(paid).sum::<i128>() - allowed - earned
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
        let divisor = self.divisor(criterion);
        if criterion == part::FRAGMENTATION || divisor < 2 {
            return bound;
        }
        let widest = i128::from(self.downgrades.first().copied().unwrap_or(0));
        let teams = self.teams.iter().filter(|teams| teams.team.criterion == criterion);
        let pairs: i128 = teams.map(|teams| i128::from(teams.count) * teams.team.pairs(&teams.team.whole())).sum();
        bound + (self.base(criterion) + pairs * widest - bound).rem_euclid(i128::from(divisor))
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

    /// What a criterion costs at least besides the teams.
    pub fn base(&self, criterion: usize) -> i128 {
        self.base.get(&criterion).map_or(0, |base| base.cost)
    }

    /// The domains of each level, equal ones together.
    fn classify(&self) -> Vec<BTreeMap<Class, i64>> {
        let index = self.index;
        let kept = self.kept_machines();
        let room = |m: usize| -> Class {
            let free = &self.free[m * index.columns..][..index.columns];
            let whole = index.problem.machines[m].holders.is_empty() && !kept.contains(&m);
            Class { room: self.measures.iter().map(|measure| measure.room(index, m, free)).collect(), whole }
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
