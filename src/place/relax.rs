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

/// The same for a small cluster, and how large the programmes of one criterion may be together.
const FEW: usize = 10;
const WORK: usize = 400_000;

/// Criteria that groups compete for.
const PRICED: [usize; 6] =
    [part::UNPLACED, part::LOCALITY, part::LINKS, part::UNMET, part::SPREAD, part::FRAGMENTATION];

/// How much work a bound is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Linear programmes solved for one criterion.
    pub rounds: usize,
    /// How large these may be together: the sum of rows by columns.
    pub work: usize,
}

impl Budget {
    /// What is left to do for a small cluster, which is searched beside.
    pub fn small(effort: u32) -> Self {
        let effort = effort.max(1) as usize;
        Budget { rounds: FEW * effort, work: WORK * effort }
    }

    /// The budget for an effort; 0 counts as 1.
    pub fn new(effort: u32) -> Self {
        Budget { rounds: ROUNDS * effort.max(1) as usize, work: usize::MAX }
    }
}

/// For each criterion a bound that no plan falls below whose earlier criteria are not worse than those
/// of this one, as the checker counts it.
pub(super) fn bounds(index: &Index, placement: &Placement, budget: Budget) -> Cost {
    let models = Models::new(index, placement);
    models.bounds(&certificates(&models, &Cost::default(), budget, |_| true))
}

/// The models that prove most, the prices for them, and what they prove.
pub(super) fn proven<'a, 'p>(
    models: &Models<'a, 'p>,
    budget: Budget,
) -> (Option<Models<'a, 'p>>, BTreeMap<usize, Certificate>, Cost) {
    // Only links show which instances are not divided; all else is proven once that is known.
    let links = certificates(models, &Cost::default(), budget, |c| c <= part::LINKS);
    let bounds = models.bounds(&links);
    if bounds == *models.cost() {
        return (None, links, bounds);
    }
    let refined = models.refined(&links);
    let best = refined.as_ref().unwrap_or(models);
    let known = if refined.is_some() { BTreeMap::new() } else { links };
    let mut all = certificates(best, &bounds, budget, |c| !known.contains_key(&c));
    all.extend(known);
    let mut more = best.bounds(&all);
    more.iter_mut().zip(bounds).for_each(|(more, bound)| *more = bound.max(*more));
    (refined, all, more)
}

/// Prices for every criterion that is not proven without, nor known to be as good as it can be.
pub(super) fn certificates(
    models: &Models,
    known: &Cost,
    budget: Budget,
    wanted: impl Fn(usize) -> bool,
) -> BTreeMap<usize, Certificate> {
    let (cost, simple) = (models.cost(), models.bounds(&BTreeMap::new()));
    let open = PRICED.into_iter().filter(|c| wanted(*c) && simple[*c].max(known[*c]) < cost[*c]);
    open.filter_map(|c| Some((c, certificate(models.of(c)?, c, cost, budget)))).collect()
}

/// The best prices that are found within the budget.
fn certificate(model: &Model, criterion: usize, cost: &Cost, budget: Budget) -> Certificate {
    let mut master = Master::new(model, criterion, cost);
    let (mut best, mut bound) = (Certificate::default(), model.relaxed(criterion, cost, &Certificate::default()));
    let mut work = 0;
    for _ in 0..budget.rounds {
        work += master.size();
        if work > budget.work {
            break;
        }
        let Some((certificate, most)) = master.solve() else { break };
        let found = model.relaxed(criterion, cost, &certificate);
        if found > bound {
            (best, bound) = (certificate.clone(), found);
        }
        // The programme knows too few limits, so that it promises too much.
        let reached = most.saturating_sub(bound) < SCALE / 64;
        if reached || bound > SCALE * (i128::from(cost[criterion]) - 1) || !master.extend(&certificate) {
            break;
        }
    }
    best
}
