//! Prices where groups compete for room.

use super::{Budget, bounds, certificates};
use crate::place::certify::Models;
use crate::place::index::Index;
use crate::place::objective::{Cost, cost, part};
use crate::place::testing::{cluster, edge, group, plan, with};
use crate::place::{Group, Problem};

/// Pairs that would like one rack each; racks of three machines hold one pair and a half.
fn pairs(cluster_of: &str, count: usize) -> Problem {
    let pair = |g: usize| Group { edges: vec![edge(0, 1, None)], ..group(&format!("g{g}"), &["1x8", "1x8"], vec![]) };
    with(cluster(cluster_of), (0..count).map(pair).collect())
}

#[test]
fn competition_is_priced() {
    for (text, count) in [("a/r1 8 8 8, a/r2 8 8 8", 3), ("a/r1 8 8 8, a/r2 8 8 8, a/r3 8 8 8, b/r4 8 8 8", 6)] {
        let problem = pairs(text, count);
        let (index, plan) = (Index::new(&problem), plan(&problem));
        let found = cost(&index, &plan)[part::LINKS];
        let alone = Models::new(&index, &plan).bounds(&Default::default())[part::LINKS];
        assert!(alone < found, "{alone} {found}");
        assert_eq!(bounds(&index, &plan, Budget::new(1))[part::LINKS], found);
    }
}

#[test]
fn no_other_prices_prove_more_than_holds() {
    let problem = pairs("a/r1 8 8 8, a/r2 8 8 8", 3);
    let (index, plan) = (Index::new(&problem), plan(&problem));
    let models = Models::new(&index, &plan);
    let best = certificates(&models, &Cost::default(), Budget::new(1), |_| true);
    let found = models.cost()[part::LINKS];
    for percent in 0..300 {
        let mut turned = best.clone();
        for price in turned.values_mut().flat_map(|certificate| certificate.prices.values_mut()) {
            *price = *price * percent / 100 + percent - 150;
        }
        assert!(models.bounds(&turned)[part::LINKS] <= found, "{percent}");
    }
}
