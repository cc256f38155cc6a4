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
use super::objective::{Cost, part};

mod alone;
mod earn;
mod measure;
mod model;
mod settled;
mod split;
mod team;

pub(super) use model::{Class, Model};
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

/// A lower bound of every criterion over all plans whose earlier criteria are not worse than those of
/// a plan. Without certificates what follows from each group alone.
pub(super) fn bounds(
    index: &Index,
    placement: &Placement,
    cost: &Cost,
    certificates: &BTreeMap<usize, Certificate>,
) -> Cost {
    let mut bounds = Cost::default();
    let none = Certificate::default();
    for settled in [false, true] {
        let criteria = if settled { part::MOVES + 1..bounds.len() } else { 0..part::MOVES + 1 };
        let model = Model::new(index, placement, cost, settled);
        for criterion in criteria.filter(|c| cost[*c] > 0) {
            let certificate = certificates.get(&criterion).unwrap_or(&none);
            bounds[criterion] = model.bound(criterion, cost, certificate);
        }
    }
    bounds
}
