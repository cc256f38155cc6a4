//! The linear programme whose solution are prices, and its growth.
//!
//! It is the dual of the one with a column for each split of a team and each contents of a domain:
//! a variable for what each team costs and each domain earns, limited by the splits and contents that are
//! known. Those that the prices make cheapest and dearest are added until there are no others
//! (Kelley's cutting planes; column generation seen from the other side).

use std::collections::{BTreeMap, BTreeSet};

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use crate::place::certify::{Certificate, Class, Model, SCALE, SHARE, Split, Teams, Worth, worth};
use crate::place::objective::{Cost, part};

/// Bundles with a price at most; those of narrow levels come first.
const PRICES: usize = 400;

/// Classes of domains of a level at most; a level with more gets no prices.
const CLASSES: usize = 300;

/// Criteria whose plans may be worse for a fine.
const FINED: [usize; 5] = [part::UNPLACED, part::LOCALITY, part::LINKS, part::UNMET, part::SPREAD];

/// A limit of the programme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// A team costs no more than this split.
    Team(usize, Split),
    /// A domain of a class earns no less than these contents.
    Domain(usize, Vec<usize>),
}

/// The programme of one criterion.
pub(super) struct Master<'m, 'a, 'p> {
    model: &'m Model<'a, 'p>,
    criterion: usize,
    cost: &'m Cost,
    /// The least that the links of each team cost.
    least: Vec<i128>,
    /// Bundles with a price, by their index in the model.
    prices: BTreeSet<usize>,
    /// Level and class of each variable of a domain.
    domains: Vec<(usize, &'m Class, i64)>,
    limits: BTreeSet<Limit>,
    /// What costs are counted in, so that the numbers of the programme are small.
    unit: f64,
}

impl<'m, 'a, 'p> Master<'m, 'a, 'p> {
    /// The programme with the splits that are best without prices, and domains full of one bundle.
    pub fn new(model: &'m Model<'a, 'p>, criterion: usize, cost: &'m Cost) -> Self {
        let free = vec![0; model.bundles.len()];
        let split = |t: usize| model.teams[t].table.split(&model.downgrades, Worth::LINKS, &free);
        let splits: Vec<Option<Split>> = (0..model.teams.len()).map(split).collect();
        let least = splits.iter().map(|split| split.as_ref().map_or(0, |s| s.links)).collect();
        let levels = (1..model.levels.len()).rev().filter(|l| model.classes[*l].len() <= CLASSES);
        let levels: BTreeSet<usize> = levels.collect();
        let mut rows: Vec<usize> =
            (0..model.bundles.len()).filter(|r| levels.contains(&model.bundles[*r].0.0)).collect();
        rows.sort_by_key(|r| (std::cmp::Reverse(model.bundles[*r].0.0), *r));
        rows.truncate(PRICES);
        let prices: BTreeSet<usize> = rows.into_iter().collect();
        let classes =
            |l: &usize| model.classes[*l].iter().map(|(class, count)| (*l, class, *count)).collect::<Vec<_>>();
        let domains = levels.iter().flat_map(classes).collect();
        let unit = if criterion >= part::UNMET { 1.0 } else { model.divisor(criterion).max(1) as f64 };
        let mut master = Master { model, criterion, cost, least, prices, domains, limits: BTreeSet::new(), unit };
        for (team, split) in splits.into_iter().enumerate().filter_map(|(t, split)| Some((t, split?))) {
            master.limits.insert(Limit::Team(team, split));
        }
        master.fill();
        master
    }

    /// Domains full of one kind of bundle.
    fn fill(&mut self) {
        for (d, (level, class, _)) in self.domains.iter().enumerate() {
            for row in self.prices.iter().filter(|row| self.model.bundles[**row].0.0 == *level) {
                let ((_, size), copies) = &self.model.bundles[*row];
                let fit = size.iter().zip(&class.room).filter(|(size, _)| **size > 0).map(|(size, room)| room / size);
                let count = fit.min().unwrap_or(0).min(*copies);
                if count > 0 {
                    self.limits.insert(Limit::Domain(d, vec![*row; count as usize]));
                }
            }
        }
    }

    /// Rows by columns.
    pub fn size(&self) -> usize {
        self.limits.len() * (self.model.teams.len() + self.prices.len() + self.domains.len())
    }

    /// The prices that are best for what is known; `None` when the programme has no solution that can be used.
    /// With them comes what the programme promises, in parts of a unit: nothing proves more.
    pub fn solve(&self) -> Option<(Certificate, i128)> {
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let most = self.most();
        // Without groups that may be left out a team counts by itself.
        let worth = |teams: &Teams| if self.model.partial { 0.0 } else { teams.count as f64 };
        let teams: Vec<Variable> =
            self.model.teams.iter().map(|t| problem.add_var(worth(t), (-most, most * 8.0))).collect();
        let prices: BTreeMap<usize, Variable> =
            self.prices.iter().map(|row| (*row, problem.add_var(0.0, (0.0, most)))).collect();
        let domains: Vec<Variable> =
            self.domains.iter().map(|(.., count)| problem.add_var(-(*count as f64), (0.0, f64::INFINITY))).collect();
        let fines: BTreeMap<usize, Variable> = FINED
            .into_iter()
            .filter(|c| *c < self.criterion)
            .map(|c| (c, problem.add_var(-self.slack(c), (0.0, most))))
            .collect();
        for limit in &self.limits {
            match limit {
                Limit::Team(team, split) => {
                    let mut row = vec![(teams[*team], 1.0)];
                    row.extend(count(&split.bundles).filter_map(|(r, n)| Some((*prices.get(&r)?, -n))));
                    let mut fixed = 0.0;
                    for (criterion, cost) in self.costs(*team, split) {
                        if criterion == self.criterion {
                            fixed += cost / self.unit;
                        }
                        row.extend(fines.get(&criterion).map(|fine| (*fine, -cost / self.unit_of(criterion))));
                    }
                    row.retain(|(_, n)| *n != 0.0);
                    problem.add_constraint(row.as_slice(), ComparisonOp::Le, fixed);
                }
                Limit::Domain(domain, contents) => {
                    let (level, class, _) = self.domains[*domain];
                    let broken = self.criterion == part::FRAGMENTATION && self.model.breaks(level, class);
                    let mut row = vec![(domains[*domain], -1.0)];
                    row.extend(count(contents).filter_map(|(r, n)| Some((*prices.get(&r)?, n))));
                    problem.add_constraint(row.as_slice(), ComparisonOp::Le, f64::from(u8::from(broken)));
                }
            }
        }
        if self.model.partial {
            self.add_shapes(&mut problem, &teams, &fines);
        }
        let outcome = problem.solve().ok()?;
        let solution = outcome.solution()?;
        let whole = |variable: &Variable, unit: f64| -> i128 {
            let value = solution.var_value(*variable) * unit * SCALE as f64;
            if value.is_finite() { (value.round() as i128).max(0) } else { 0 }
        };
        let least: i128 = self
            .model
            .teams
            .iter()
            .zip(&self.least)
            .filter(|(t, _)| t.team.criterion == self.criterion)
            .map(|(t, n)| i128::from(t.count) * n)
            .sum();
        let most = whole_signed(solution.objective() * self.unit) + SCALE * (least + self.model.base(self.criterion));
        let certificate = Certificate {
            prices: prices.iter().map(|(r, v)| (self.model.bundles[*r].0.clone(), whole(v, self.unit))).collect(),
            fines: fines.iter().map(|(c, v)| (*c, whole(v, self.unit / self.unit_of(*c)))).collect(),
        };
        // Where groups may be left out the least is not part of every plan.
        Some((certificate, if self.model.partial { i128::MAX } else { most }))
    }

    /// Groups cost no more than all their teams, nor more than being left out.
    fn add_shapes(&self, problem: &mut Problem, teams: &[Variable], fines: &BTreeMap<usize, Variable>) {
        for (shape, count) in &self.model.shapes {
            let group = problem.add_var(*count as f64, (f64::NEG_INFINITY, f64::INFINITY));
            let weight = shape.weight as f64;
            match fines.get(&part::UNPLACED) {
                Some(fine) => problem.add_constraint([(group, 1.0), (*fine, -weight)], ComparisonOp::Le, 0.0),
                None => problem.add_constraint([(group, 1.0)], ComparisonOp::Le, weight),
            }
            if !shape.hopeless {
                let least = |(team, n): &(usize, i64)| -> f64 {
                    let counts = self.model.teams[*team].team.criterion == self.criterion;
                    if counts { (self.least[*team] * i128::from(*n)) as f64 / self.unit } else { 0.0 }
                };
                let mut row = vec![(group, 1.0)];
                row.extend(shape.teams.iter().map(|(team, n)| (teams[*team], -(*n as f64))));
                problem.add_constraint(row.as_slice(), ComparisonOp::Le, shape.teams.iter().map(least).sum());
            }
        }
    }

    /// Adds the splits and contents that these prices make best. Whether there was a new one.
    pub fn extend(&mut self, certificate: &Certificate) -> bool {
        let known = self.limits.len();
        let price = |r: usize| certificate.prices.get(&self.model.bundles[r].0).copied().unwrap_or(0);
        let prices: Vec<i128> = (0..self.model.bundles.len()).map(price).collect();
        for (t, teams) in self.model.teams.iter().enumerate() {
            let worth = worth(self.criterion, certificate, teams.team.criterion);
            let split = teams.table.split(&self.model.downgrades, worth, &prices);
            self.limits.extend(split.map(|split| Limit::Team(t, split)));
        }
        for level in 1..self.model.levels.len() {
            let items = self.model.items(level, &prices);
            for (d, (_, class, _)) in self.domains.iter().enumerate().filter(|(_, (l, ..))| *l == level) {
                let (_, mut contents) = self.model.earns(level, class, self.criterion, &items);
                contents.sort_unstable();
                if !contents.is_empty() {
                    self.limits.insert(Limit::Domain(d, contents));
                }
            }
        }
        self.limits.len() > known
    }

    /// What a split costs a team, by criterion; of the links what is more than the least.
    fn costs(&self, team: usize, split: &Split) -> [(usize, f64); 3] {
        let share = |n: i64| n as f64 / SHARE as f64;
        let links = (split.links - self.least[team]) as f64;
        let own = self.model.teams[team].team.criterion;
        [(own, links), (part::UNMET, share(split.wishes.0)), (part::SPREAD, share(split.wishes.1))]
    }

    /// What the costs of an earlier criterion are counted in.
    fn unit_of(&self, criterion: usize) -> f64 {
        self.model.divisor(criterion).max(1) as f64
    }

    /// How much more than the least an earlier criterion may cost.
    fn slack(&self, criterion: usize) -> f64 {
        if self.model.partial {
            return self.cost[criterion] as f64 / self.unit_of(criterion);
        }
        let teams = self.model.teams.iter().zip(&self.least).filter(|(t, _)| t.team.criterion == criterion);
        let least: i128 = teams.map(|(t, least)| i128::from(t.count) * least).sum();
        (i128::from(self.cost[criterion]) - least - self.model.base(criterion)).max(0) as f64 / self.unit_of(criterion)
    }

    /// More than any price needs to be.
    fn most(&self) -> f64 {
        let worst = self.model.downgrades.iter().max().unwrap_or(&0) - self.model.downgrades.iter().min().unwrap_or(&0);
        let own = self.model.teams.iter().filter(|t| t.team.criterion == self.criterion);
        let pairs = own.map(|t| t.team.pairs(&t.team.whole())).max().unwrap_or(0);
        (pairs * i128::from(worst)) as f64 / self.unit + 16.0
    }
}

fn whole_signed(value: f64) -> i128 {
    let value = value * SCALE as f64;
    if value.is_finite() { value.round() as i128 } else { i128::MAX / 4 }
}

/// How often each number occurs in a sorted list.
fn count(numbers: &[usize]) -> impl Iterator<Item = (usize, f64)> + '_ {
    numbers.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64))
}
