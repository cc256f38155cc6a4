//! Good prices for the bounds of [`certify`](super::certify), from linear programmes.
//!
//! Equal groups and equal domains are one row each, and their splits and contents are the columns, so
//! that the programmes stay small however large the cluster is. Nothing that floats decides
//! anything: prices are rounded to integers, and what they prove is counted by the checker.

use std::collections::BTreeMap;

use super::Placement;
use super::certify::{self, Certificate, Model, SCALE};
use super::index::Index;
use super::objective::{Cost, cost, part};

mod master;

use master::Master;

/// How much work a bound is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Linear programmes solved for one criterion.
    pub rounds: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { rounds: 40 }
    }
}

/// For each criterion a bound that no plan falls below whose earlier criteria are not worse than those
/// of this one, as the checker counts it.
pub(super) fn bounds(index: &Index, placement: &Placement, budget: Budget) -> Cost {
    let cost = cost(index, placement);
    let certificates = certificates(index, placement, &cost, budget);
    certify::bounds(index, placement, &cost, &certificates)
}

/// Prices for every criterion that is not proven without.
pub(super) fn certificates(
    index: &Index,
    placement: &Placement,
    cost: &Cost,
    budget: Budget,
) -> BTreeMap<usize, Certificate> {
    let simple = certify::bounds(index, placement, cost, &BTreeMap::new());
    let priced = [part::LOCALITY, part::LINKS, part::FRAGMENTATION];
    let mut models: BTreeMap<bool, Model> = BTreeMap::new();
    let mut certificates = BTreeMap::new();
    for criterion in priced.into_iter().filter(|c| simple[*c] < cost[*c]) {
        let settled = criterion > part::MOVES;
        let model = models.entry(settled).or_insert_with(|| Model::new(index, placement, cost, settled));
        certificates.insert(criterion, certificate(model, criterion, cost, budget));
    }
    certificates
}

/// The best prices that are found within the budget.
fn certificate(model: &Model, criterion: usize, cost: &Cost, budget: Budget) -> Certificate {
    let mut master = Master::new(model, criterion, cost);
    let (mut best, mut bound) = (Certificate::default(), model.relaxed(criterion, cost, &Certificate::default()));
    for _ in 0..budget.rounds {
        let Some(certificate) = master.solve() else { break };
        let found = model.relaxed(criterion, cost, &certificate);
        if found > bound {
            (best, bound) = (certificate.clone(), found);
        }
        if bound > SCALE * (i128::from(cost[criterion]) - 1) || !master.extend(&certificate) {
            break;
        }
    }
    best
}
