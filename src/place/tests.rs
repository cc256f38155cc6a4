//! One test for each kind of clause and each promise of the solver.

use super::testing::*;
use super::{ClauseKind, solve, verify};
use crate::link::Link;

#[test]
fn pods_fill_the_tightest_machine() {
    check(&with(cluster("a/r1 8 8 2"), vec![group("g", &["1x2"], vec![])]), "m2");
}

#[test]
fn capacity_counts_every_resource() {
    let mut problem = with(cluster("a/r1 8 8"), vec![group("g", &["1x1*2"], vec![])]);
    problem.machines[0].free[2] = 1;
    problem.machines[1].free[0] = 1;
    check(&problem, "m0, m1");
    problem.groups[0].roles[0].instances = 3;
    check(&problem, "none");
}

#[test]
fn closed_and_ineligible_machines_stay_empty() {
    let mut problem = with(cluster("a/r1 8! 8 8"), vec![group("g", &["1x8"], vec![])]);
    check(&problem, "m1");
    problem.eligible[0][1] = false;
    check(&problem, "m2");
    problem.eligible[0][2] = false;
    check(&problem, "none");
}

#[test]
fn instances_stay_in_a_domain() {
    let clause = ClauseKind::Instances { role: 0, level: RACK };
    check(&with(cluster("a/r1 8, a/r2 8, a/r3 8 8"), vec![group("g", &["2x8"], vec![clause.clone()])]), "m2 m3");
    check(&with(cluster("a/r1 8, a/r2 8, a/r3 8"), vec![group("g", &["2x8"], vec![clause.clone()])]), "none");
    check(&with(cluster("a/- 8 8, a/r3 8 8"), vec![group("g", &["2x8"], vec![clause])]), "m2 m3");
}

#[test]
fn better_links_are_preferred() {
    let mut g = group("g", &["1x8", "1x8"], vec![]);
    g.edges = vec![edge(0, 1, None)];
    check(&with(cluster("a/r1 8, a/r2 8 8, b/r1 8"), vec![g]), "m1 | m2");
}

#[test]
fn a_floor_is_kept() {
    let mut g = group("g", &["1x8", "1x8*2"], vec![]);
    g.edges = vec![edge(0, 1, Some(Link::Rdma))];
    check(&with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8 8"), vec![g.clone()]), "m4 | m5, m6");
    check(&with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8"), vec![g]), "none");
}

#[test]
fn plans_of_plans_move_nothing() {
    let groups = vec![group("g", &["2x4*2", "1x2*3"], vec![ClauseKind::Instances { role: 0, level: RACK }])];
    let mut problem = with(cluster("a/r1 8 8, a/r2 8 8, b/r1 8 8"), groups);
    let first = plan(&problem);
    settle(&mut problem, &first);
    let second = solve(&problem).expect("a plan");
    assert_eq!((second.groups, second.moves), (first.groups, vec![]));
    assert_eq!(verify::moves(&problem, &plan(&problem).groups), []);
}
