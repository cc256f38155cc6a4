//! Bounds against the best of all plans.

use proptest::prelude::*;

use super::{disturb, least_cost, names, problem};
use crate::place::certify::{Certificate, Model, Models, SCALE};
use crate::place::index::Index;
use crate::place::objective::{Cost, NAMES, cost, part};
use crate::place::prove::prove_within;
use crate::place::relax;
use crate::place::solve::{STEPS, assemble, search};
use crate::place::state::State;
use crate::place::testing::settle;
use crate::place::{Group, Placement, Problem, Role, moves, verify};

/// Every sound plan, at most so many; with all groups, or without some where that is allowed.
fn plans(problem: &Problem, most: usize) -> Option<Vec<Placement>> {
    let mut found = Vec::new();
    let groups = problem.groups.len();
    for left_out in 0..if problem.partial { 1 << groups } else { 1 } {
        let stands = |g: usize| left_out & (1 << g) == 0;
        let pods = |g: usize, role: &Role| if stands(g) { vec![usize::MAX; role.pods.len()] } else { Vec::new() };
        let empty =
            |(g, group): (usize, &Group)| group.roles.iter().map(|role| vec![pods(g, role); role.instances]).collect();
        let mut plan = Placement {
            groups: problem.groups.iter().enumerate().map(empty).collect(),
            unplaced: (0..groups).filter(|g| !stands(*g)).collect(),
            ..Placement::default()
        };
        let names = names(problem).into_iter().filter(|(g, ..)| stands(*g));
        let pods =
            |(g, r, i): (usize, usize, usize)| (0..problem.groups[g].roles[r].pods.len()).map(move |p| [g, r, i, p]);
        let pods: Vec<[usize; 4]> = names.flat_map(pods).collect();
        if problem.machines.len().pow(pods.len() as u32) > most {
            return None;
        }
        let mut free = problem.machines.iter().map(|m| m.free.clone()).collect();
        descend(problem, &pods, &mut free, &mut plan, &mut found);
    }
    Some(found)
}

fn descend(
    problem: &Problem,
    pods: &[[usize; 4]],
    free: &mut Vec<Vec<i64>>,
    plan: &mut Placement,
    found: &mut Vec<Placement>,
) {
    let Some(([g, r, i, p], rest)) = pods.split_first() else {
        plan.moves = moves::moves(problem, &plan.groups);
        if verify::verify(problem, plan).is_empty() {
            found.push(plan.clone());
        }
        return;
    };
    let request = &problem.groups[*g].roles[*r].pods[*p].request;
    for machine in 0..problem.machines.len() {
        if request.iter().zip(&free[machine]).all(|(wanted, free)| wanted <= free) {
            request.iter().zip(&mut free[machine]).for_each(|(wanted, free)| *free -= wanted);
            plan.groups[*g][*r][*i][*p] = machine;
            descend(problem, rest, free, plan, found);
            request.iter().zip(&mut free[machine]).for_each(|(wanted, free)| *free += wanted);
        }
    }
}

/// The least of a criterion over plans that are not worse than one in all earlier criteria.
fn least(costs: &[Cost], than: &Cost, criterion: usize) -> i64 {
    let good = costs.iter().filter(|c| (0..criterion).all(|k| c[k] <= than[k]));
    good.map(|c| c[criterion]).min().unwrap_or(i64::MAX)
}

/// Prices and fines out of thin air.
fn certificate(model: &Model, seed: &[u32]) -> Certificate {
    let mut seed = seed.iter().cycle().map(|n| i128::from(*n) * SCALE / 64);
    let mut certificate = Certificate::default();
    for (bundle, _) in &model.bundles {
        certificate.prices.insert(bundle.clone(), seed.next().unwrap_or(0));
    }
    certificate.fines = (0..Cost::default().len()).map(|c| (c, seed.next().unwrap_or(0) / 100)).collect();
    certificate
}

fn check(problem: &Problem, at: prop::sample::Index, seed: &[u32]) -> Result<(), TestCaseError> {
    let Some(plans) = plans(problem, 5_000).filter(|plans| !plans.is_empty()) else { return Ok(()) };
    let index = Index::new(problem);
    let costs: Vec<Cost> = plans.iter().map(|plan| cost(&index, plan)).collect();
    let best = (0..plans.len()).min_by_key(|p| costs[*p]).unwrap_or(0);
    for p in [best, at.index(plans.len())] {
        let models = Models::new(&index, &plans[p]);
        let bounds = relax::proven(&models, relax::Budget::new(1)).2;
        for (k, bound) in bounds.into_iter().enumerate() {
            let least = least(&costs, &costs[p], k);
            prop_assert!(bound <= least, "criterion {k}: {bound} is not below {least}");
        }
        let certificates = relax::certificates(&models, &Cost::default(), relax::Budget::new(1), |_| true);
        for from in [0, part::LINKS, part::FRAGMENTATION] {
            let model = Model::new(&index, &plans[p], &costs[p], from, Default::default());
            let random = certificate(&model, seed);
            let mut noisy = certificates.clone();
            for (n, price) in noisy.values_mut().flat_map(|c| c.prices.values_mut()).enumerate() {
                *price += i128::from(seed[n % seed.len()]) - 1000;
            }
            for k in from..NAMES.len() {
                let (bound, least) = (model.bound(k, &costs[p], &random), least(&costs, &costs[p], k));
                prop_assert!(bound <= least, "criterion {k}: {bound} {least}");
                let bound = noisy.get(&k).map_or(0, |noisy| model.bound(k, &costs[p], noisy));
                prop_assert!(bound <= least, "criterion {k}: {bound} {least}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_is_below_a_bound(
        mut problem in problem(),
        at in any::<prop::sample::Index>(),
        weights in prop::collection::vec(0..4u32, 1..4),
        seed in prop::collection::vec(0..2000u32, 1..12),
        locality in any::<bool>(),
        partial in any::<bool>(),
    ) {
        problem.groups[0].locality = locality;
        problem.partial = partial;
        for (edge, weight) in problem.groups.iter_mut().flat_map(|g| &mut g.edges).zip(weights) {
            edge.weight = weight;
        }
        check(&problem, at, &seed)?;
        if let Ok(first) = crate::place::solve(&problem) {
            if first.unplaced.is_empty() {
                settle(&mut problem, &first);
            }
            let closed = at.index(problem.machines.len());
            problem.machines[closed].closed = Some("not ready");
            check(&problem, at, &seed)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prices_exclude_no_better_plan(mut problem in problem(), raw in prop::collection::vec((0..9usize, 0..9usize), 16)) {
        disturb(&mut problem, &raw);
        let index = Index::new(&problem);
        let mut state = State::new(&index);
        if search(&mut state, STEPS).is_empty() {
            // Nothing is searched without prices.
            let known = prove_within(&mut state, 1, 0, 4_000);
            let found = cost(&index, &assemble(&index, &state));
            if known.floor == found {
                prop_assert_eq!(Some(found), least_cost(&problem));
            }
        }
    }
}
