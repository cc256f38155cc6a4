//! What no plan can beat, proven in whole numbers.
//!
//! A bound is proven by prices. Whoever puts some pods of a group into one domain pays for them by
//! their size; a domain earns at most what the dearest contents that fit into it pay. Then for any
//! prices that are not negative every plan costs at least
//!
//! > the sum over all groups of the cheapest way to split it over domains, with what it pays,
//! > less the sum over all domains of what it can earn at most.
//!
//! This is Lagrangian relaxation of the capacities (Geoffrion, 1974) over the columns of Dantzig and
//! Wolfe. Where the prices come from does not matter, so that no rounding can make a false claim:
//! nothing here knows of linear programmes or of the search, and every step counts in integers.
//!
//! Left out, which makes a bound lower but never wrong: how narrow domains lie in wider ones
//! beyond the group itself, exclusive domains, pods of two sizes that fit a machine
//! by sums but not one by one, and spreading but for the largest share of a domain.

use std::collections::BTreeMap;

use super::index::Index;
use super::objective::{Cost, cost, part};
use super::{ClauseKind, Placement};

mod alone;
mod earn;
mod measure;
mod model;
mod settled;
mod split;
mod team;

pub(super) use earn::Item;
pub(super) use model::{Class, Model, Share, Teams, fine, worth};
pub(super) use split::{SHARE, Split, Worth};

/// Prices and fines are whole numbers of this part of a unit.
pub(super) const SCALE: i128 = 1 << 20;

/// Pods of a group in one domain: the position of its level in [`Model::levels`], and how large they
/// are in each measure.
pub(super) type Bundle = (usize, Vec<i64>);

/// What proves a bound of one criterion: none of the numbers is negative, and any others would
/// prove something too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    /// What a bundle pays; nothing when it is absent.
    pub prices: BTreeMap<Bundle, i128>,
    /// What a unit of each earlier criterion costs.
    pub fines: BTreeMap<usize, i128>,
}

/// A problem as bounds look at it, beside a plan.
pub(super) struct Models<'a, 'p> {
    index: &'a Index<'p>,
    placement: &'a Placement,
    /// From the last criteria to the first: from which one on it holds, and the model.
    models: Vec<(usize, Model<'a, 'p>)>,
    cost: Cost,
}

impl<'a, 'p> Models<'a, 'p> {
    /// The models for plans that are not worse than one.
    pub fn new(index: &'a Index<'p>, placement: &'a Placement) -> Self {
        let cost = cost(index, placement);
        let stood = index.instances.iter().any(|row| row.moves) && cost[part::UNPLACED] == 0;
        // What comes after the moves knows who stays, and what comes last which preferences hold.
        let wished = index.problem.groups.iter().flat_map(|group| &group.clauses);
        let wished = wished.clone().any(|c| c.prefer.is_some() || matches!(c.kind, ClauseKind::Spread { .. }));
        let stages = [(part::FRAGMENTATION, wished), (part::LINKS, stood), (0, true)];
        let used = stages.into_iter().filter(|(_, used)| *used);
        let model = |from: usize| (from, Model::new(index, placement, &cost, from, BTreeMap::new()));
        Models { index, placement, models: used.map(|(from, _)| model(from)).collect(), cost }
    }

    /// The same with what follows for instances of several pods: which of them no plan divides that is
    /// as good. `None` when nothing follows.
    pub fn refined(&self, certificates: &BTreeMap<usize, Certificate>) -> Option<Self> {
        let none = Certificate::default();
        let whole = |criterion: usize| {
            let certificate = certificates.get(&criterion).unwrap_or(&none);
            self.of(criterion).map(|model| model.undivided_roles(criterion, certificate)).unwrap_or_default()
        };
        let early = whole(part::LOCALITY);
        let mut all = whole(part::LINKS);
        all.extend(early.clone());
        if all.is_empty() {
            return None;
        }
        // What the links show holds for what comes after them, and for links themselves as they are to be
        // better than those of the plan.
        let stages = [(part::FRAGMENTATION, &all), (part::LINKS, &all), (0, &early)];
        let model = |(from, whole): (usize, &BTreeMap<usize, usize>)| {
            Model::new(self.index, self.placement, &self.cost, from, whole.clone())
        };
        let models = stages.into_iter().map(|stage| (stage.0, model(stage))).collect();
        Some(Models { index: self.index, placement: self.placement, models, cost: self.cost })
    }

    /// The model for a criterion.
    pub fn of(&self, criterion: usize) -> Option<&Model<'a, 'p>> {
        self.models.iter().find(|(from, _)| *from <= criterion).map(|(_, model)| model)
    }

    /// What the plan costs.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// A lower bound of every criterion over all plans whose earlier criteria are not worse than those
    /// of the plan. Without certificates what follows from each group alone.
    pub fn bounds(&self, certificates: &BTreeMap<usize, Certificate>) -> Cost {
        let none = Certificate::default();
        let mut bounds = Cost::default();
        for criterion in (0..bounds.len()).filter(|c| self.cost[*c] > 0) {
            let certificate = certificates.get(&criterion).unwrap_or(&none);
            let bound = self.of(criterion).map_or(0, |m| m.bound(criterion, &self.cost, certificate));
            // The plan itself costs no more.
            bounds[criterion] = bound.min(self.cost[criterion]);
        }
        bounds
    }
}
