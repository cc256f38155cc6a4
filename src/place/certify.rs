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
//! beyond the group itself, `near`, cells, exclusive domains, pods of two sizes that fit a machine
//! by sums but not one by one, and spreading by more than the largest share of a domain.

use std::collections::BTreeMap;

use super::Placement;
use super::index::Index;
use super::objective::{self, Cost, cost};

mod alone;
mod earn;
mod measure;
mod model;
mod settled;
mod split;
mod team;

pub(super) use model::{Class, Model, Teams};
pub(super) use split::Split;

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
    /// For criteria up to the moves.
    before: Model<'a, 'p>,
    /// For those after them, when instances cannot move any more.
    after: Option<Model<'a, 'p>>,
    cost: Cost,
}

impl<'a, 'p> Models<'a, 'p> {
    /// The models for plans that are not worse than one.
    pub fn new(index: &'a Index<'p>, placement: &'a Placement) -> Self {
        let cost = cost(index, placement);
        let before = Model::new(index, placement, &cost, false);
        let stood = index.instances.iter().any(|row| row.moves) && cost[objective::UNPLACED] == 0;
        let after = stood.then(|| Model::new(index, placement, &cost, true));
        Models { before, after, cost }
    }

    /// The model for a criterion.
    pub fn of(&self, criterion: usize) -> &Model<'a, 'p> {
        self.after.as_ref().filter(|_| criterion > objective::MOVES).unwrap_or(&self.before)
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
            bounds[criterion] = self.of(criterion).bound(criterion, &self.cost, certificate);
        }
        bounds
    }
}
