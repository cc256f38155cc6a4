//! The proof against all orders of scheduling, one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;

use super::claims::{Claim, Dependence};
use super::contested;
use crate::place::{Machine, Problem};

/// Machines with so much of the only resource, in racks of two.
fn problem(free: &[i64]) -> Problem {
    let machine = |(index, free): (usize, &i64)| Machine {
        name: format!("m{index}"),
        free: vec![*free],
        domains: vec![Some(index / 2), Some(index)],
        closed: None,
        holders: Vec::new(),
    };
    Problem {
        resources: vec!["gpu".into()],
        levels: vec!["rack".into(), "node".into()],
        machines: free.iter().enumerate().map(machine).collect(),
        ..Problem::default()
    }
}

/// So many pods of a size on these machines.
fn claim(number: usize, demand: i64, size: i64, nodes: &[usize]) -> Claim {
    Claim {
        at: [number, 0, 0, 0],
        demand,
        most: demand,
        request: vec![size],
        nodes: Rc::new(nodes.to_vec()),
        exclusive: Vec::new(),
        kept: false,
        own: false,
        dependent: Dependence::Free,
    }
}

fn failing(problem: &Problem, claims: &[Claim]) -> BTreeSet<usize> {
    contested(problem, claims).into_iter().flat_map(|(claims, _)| claims).collect()
}

#[track_caller]
fn check(free: &[i64], claims: &[Claim], expected: &[usize]) {
    let problem = problem(free);
    assert_eq!(failing(&problem, claims).into_iter().collect::<Vec<_>>(), expected);
    let stuck = stuck(&problem, claims);
    assert!(stuck.iter().all(|claim| expected.contains(claim)), "the search leaves {stuck:?} without a node");
}

#[test]
fn the_last_node_of_one_may_be_taken_by_another() {
    check(&[8, 8], &[claim(0, 1, 8, &[0, 1]), claim(1, 1, 8, &[0])], &[1]);
    check(&[8, 8], &[claim(0, 1, 8, &[1]), claim(1, 1, 8, &[0])], &[]);
    check(&[8, 8], &[claim(0, 1, 8, &[0, 1]), claim(1, 1, 8, &[0, 1])], &[]);
}

#[test]
fn one_shared_spare_is_enough_for_the_first_placement() {
    check(&[8, 8, 8], &[claim(0, 1, 8, &[0, 2]), claim(1, 1, 8, &[1, 2])], &[]);
    check(&[8, 8, 8, 8], &[claim(0, 2, 8, &[0, 1, 2, 3]), claim(1, 2, 8, &[0, 1, 2, 3])], &[]);
}

#[test]
fn small_pods_scatter_and_leave_no_whole_node() {
    let all = [0, 1, 2, 3];
    check(&[8, 8, 8, 8], &[claim(0, 4, 4, &all), claim(1, 2, 8, &all)], &[1]);
    check(&[8, 8, 8, 8], &[claim(0, 4, 4, &[0, 1]), claim(1, 2, 8, &[2, 3])], &[]);
    check(&[8, 8, 8, 8], &[claim(0, 1, 4, &all), claim(1, 3, 8, &all)], &[]);
    check(&[8, 8], &[claim(0, 2, 4, &[0, 1]), claim(1, 4, 2, &[0, 1])], &[0]);
}

#[test]
fn an_exclusive_group_is_shut_out_by_any_stranger() {
    let exclusive = |claim: Claim| Claim { exclusive: vec![0], ..claim };
    let alone = exclusive(claim(0, 2, 8, &[0, 1]));
    check(&[8, 8, 8, 8], &[alone.clone(), claim(1, 1, 8, &[0, 1, 2, 3])], &[0]);
    check(&[8, 8, 8, 8], &[alone.clone(), claim(1, 1, 8, &[2, 3])], &[]);
    check(&[9, 9, 8, 8], &[alone.clone(), claim(1, 1, 1, &[0, 1])], &[0, 1]);
    let own = exclusive(Claim { at: [0, 1, 0, 0], ..claim(0, 1, 1, &[0, 1]) });
    check(&[9, 9, 8, 8], &[alone, own], &[]);
}

#[test]
fn a_spread_needs_room_in_its_emptiest_domain() {
    let spread = |demand: i64, skew: i64| Claim {
        dependent: Dependence::Spread(0, skew, 1),
        ..claim(0, demand, 8, &[0, 1, 2, 3])
    };
    check(&[8, 8, 8, 8], &[spread(4, 1)], &[]);
    check(&[8, 0, 8, 8], &[spread(3, 1)], &[]);
    check(&[0, 0, 8, 8], &[spread(2, 1)], &[0]);
    check(&[8, 8, 8, 8], &[spread(3, 1), claim(1, 1, 8, &[0, 1])], &[1]);
    check(&[9, 9, 8, 8], &[spread(4, 1), claim(1, 1, 1, &[0, 1])], &[]);
    check(&[8, 8, 8, 8], &[spread(4, 1), claim(1, 1, 1, &[0, 1])], &[0, 1]);
    let apart = |demand: i64| Claim { dependent: Dependence::Apart(0), ..claim(0, demand, 8, &[0, 1, 2, 3]) };
    check(&[8, 8, 8, 8], &[apart(2)], &[]);
    check(&[8, 8, 8, 8], &[apart(3)], &[0]);
    let workers =
        |demand, nodes: &[usize]| Claim { dependent: Dependence::Follow(0, 1, 1), ..claim(0, demand, 8, nodes) };
    check(&[8, 8, 8, 8], &[claim(0, 2, 8, &[0, 2]), workers(2, &[1, 3])], &[]);
    // Two leaders may come where one worker has room.
    check(&[16, 8, 8, 8], &[claim(0, 2, 8, &[0, 2]), workers(2, &[1, 3])], &[1]);
    // Leaders may take the nodes of workers.
    check(&[8, 8, 8, 8], &[claim(0, 2, 8, &[0, 1, 2]), workers(2, &[1, 3])], &[1]);
}

/// The claims that some order of scheduling leaves without a node, by trying all of them.
fn stuck(problem: &Problem, claims: &[Claim]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![vec![vec![0_i64; problem.machines.len()]; claims.len()]];
    while let Some(state) = open.pop() {
        if !seen.insert(state.clone()) {
            continue;
        }
        for (index, claim) in claims.iter().enumerate() {
            if state[index].iter().sum::<i64>() >= claim.demand {
                continue;
            }
            let nodes: Vec<usize> =
                claim.nodes.iter().copied().filter(|n| fits(problem, claims, &state, index, *n)).collect();
            let without = match claim.dependent {
                // They wait for their leader; it must not stand where they cannot.
                Dependence::Follow(level, each, before) => {
                    let open = missing(problem, &state, (index, index - before), level, each);
                    let has = |domain| nodes.iter().any(|n| problem.machines[*n].domains[level] == domain);
                    !open.into_iter().all(has)
                }
                _ => nodes.is_empty(),
            };
            if without {
                found.insert(index);
            }
            for node in nodes {
                let mut next = state.clone();
                next[index][node] += 1;
                open.push(next);
            }
        }
    }
    found
}

/// The domains with leaders that lack followers.
fn missing(
    problem: &Problem,
    state: &[Vec<i64>],
    (own, leader): (usize, usize),
    level: usize,
    each: i64,
) -> BTreeSet<Option<usize>> {
    let domain = |node: usize| problem.machines[node].domains[level];
    let count =
        |claim: usize, at| (0..problem.machines.len()).filter(|n| domain(*n) == at).map(|n| state[claim][n]).sum();
    let all: BTreeSet<Option<usize>> = (0..problem.machines.len()).map(domain).collect();
    all.into_iter()
        .filter(|at| {
            let (followers, leaders): (i64, i64) = (count(own, *at), count(leader, *at));
            followers < leaders * each
        })
        .collect()
}

fn fits(problem: &Problem, claims: &[Claim], state: &[Vec<i64>], index: usize, node: usize) -> bool {
    let claim = &claims[index];
    let used: i64 = claims.iter().zip(state).map(|(claim, pods)| claim.request[0] * pods[node]).sum();
    let domain = |level: usize, node: usize| problem.machines[node].domains[level];
    let stranger = |other: &usize| {
        let other_claim = &claims[*other];
        let levels = claim.exclusive.iter().chain(&other_claim.exclusive);
        let mut meets = levels.filter(|level| {
            let here = domain(**level, node);
            state[*other].iter().enumerate().any(|(n, pods)| *pods > 0 && domain(**level, n) == here)
        });
        other_claim.at[0] != claim.at[0] && meets.next().is_some()
    };
    let own = |level: usize| -> BTreeMap<usize, i64> {
        let mut counts = BTreeMap::new();
        for n in claim.nodes.iter() {
            *counts.entry(domain(level, *n).unwrap_or(0)).or_insert(0) += state[index][*n];
        }
        counts
    };
    let dependent = match claim.dependent {
        Dependence::Free | Dependence::Other => true,
        Dependence::Spread(level, skew, least) => {
            let counts = own(level);
            let emptiest = if counts.len() < least { 0 } else { counts.values().min().copied().unwrap_or(0) };
            counts[&domain(level, node).unwrap_or(0)] + 1 - emptiest <= skew
        }
        Dependence::Apart(level) => own(level)[&domain(level, node).unwrap_or(0)] == 0,
        Dependence::Follow(level, each, before) => {
            missing(problem, state, (index, index - before), level, each).contains(&domain(level, node))
        }
    };
    used + claim.request[0] <= problem.machines[node].free[0]
        && dependent
        && !(0..claims.len()).any(|other| stranger(&other))
}

fn some_claims() -> impl Strategy<Value = Vec<Claim>> {
    let one = (1..4_i64, prop::sample::select(vec![1, 2, 4]), prop::bits::u8::between(0, 4), 0..12_u8);
    prop::collection::vec(one, 1..4).prop_map(|all| {
        let leaders: Vec<i64> = all.iter().map(|(demand, ..)| *demand).collect();
        let claim = |(number, (demand, size, nodes, kind)): (usize, (i64, i64, u8, u8))| {
            let nodes: Vec<usize> = (0..4).filter(|n| nodes & (1 << n) != 0).collect();
            let claim = claim(number, demand, size, &nodes);
            match kind {
                0 => Claim { exclusive: vec![0], ..claim },
                1 => Claim { dependent: Dependence::Spread(0, 1, 1), ..claim },
                2 => Claim { dependent: Dependence::Apart(0), ..claim },
                3 | 4 if number > 0 => {
                    let demand = leaders[number - 1] * demand.min(2);
                    Claim {
                        demand,
                        most: demand,
                        dependent: Dependence::Follow(0, demand / leaders[number - 1], 1),
                        ..claim
                    }
                }
                _ => claim,
            }
        };
        all.into_iter().enumerate().map(claim).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is proved holds in every order.
    #[test]
    fn the_proof_is_sound(free in prop::collection::vec(0..5_i64, 4), claims in some_claims()) {
        let problem = problem(&free);
        let (failing, stuck) = (failing(&problem, &claims), stuck(&problem, &claims));
        prop_assert!(stuck.is_subset(&failing), "proved, but {stuck:?} can be left without a node; refused: {failing:?}");
    }
}
