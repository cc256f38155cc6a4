//! Good prices for the bounds of [`certify`](super::certify), from linear programmes.
//!
//! Equal groups and equal domains are one row each, and their splits and contents are the columns, so
//! that the programmes stay small however large the cluster is. Nothing that floats decides
//! anything: prices are rounded to integers, and what they prove is counted by the checker.

use std::collections::BTreeMap;

use super::Placement;
use super::certify::{Certificate, Model, Models, SCALE};
use super::index::Index;
use super::objective::{Cost, part};

mod master;
#[cfg(test)]
mod tests;

use master::Master;

/// Programmes solved for one criterion with an effort of 1.
const ROUNDS: usize = 40;

/// Criteria that groups compete for.
const PRICED: [usize; 4] = [part::UNPLACED, part::LOCALITY, part::LINKS, part::FRAGMENTATION];

/// How much work a bound is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Linear programmes solved for one criterion.
    pub rounds: usize,
}

impl Budget {
    /// The budget for an effort; 0 counts as 1.
    pub fn new(effort: u32) -> Self {
        Budget { rounds: ROUNDS * effort.max(1) as usize }
    }
}

/// For each criterion a bound that no plan falls below whose earlier criteria are not worse than those
/// of this one, as the checker counts it.
pub(super) fn bounds(index: &Index, placement: &Placement, budget: Budget) -> Cost {
    let models = Models::new(index, placement);
    models.bounds(&certificates(&models, budget))
}

/// Prices for every criterion that is not proven without.
pub(super) fn certificates(models: &Models, budget: Budget) -> BTreeMap<usize, Certificate> {
    let (cost, simple) = (models.cost(), models.bounds(&BTreeMap::new()));
    let open = PRICED.into_iter().filter(|c| simple[*c] < cost[*c]);
    open.filter_map(|c| Some((c, certificate(models.of(c)?, c, cost, budget)))).collect()
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
