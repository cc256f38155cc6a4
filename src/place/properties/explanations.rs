//! Explanations against brute force: what is blamed conflicts and nothing of it can be missed, and
//! what is offered helps.

use proptest::prelude::*;

use super::{brute, disturb, feasible, problem};
use crate::place::conflict::{Conflict, Remedy};
use crate::place::explain::studies;
use crate::place::solve::STEPS;
use crate::place::{Problem, solve};

/// The problem in which the group requires these clauses and the floors of these edges only.
fn requiring(problem: &Problem, clauses: &[usize], edges: &[usize]) -> Problem {
    let mut problem = problem.clone();
    let group = &mut problem.groups[0];
    for (c, clause) in group.clauses.iter_mut().enumerate() {
        clause.prefer = if clauses.contains(&c) { None } else { Some(1) };
    }
    for (e, edge) in group.edges.iter_mut().enumerate() {
        edge.floor = edge.floor.filter(|_| edges.contains(&e));
    }
    problem
}

fn without(of: &[usize], one: usize) -> Vec<usize> {
    of.iter().copied().filter(|other| *other != one).collect()
}

/// Nothing fits with all that is blamed; without any one of it there is a plan.
fn is_minimal(conflict: &Conflict, lone: &Problem) -> Result<(), TestCaseError> {
    let (clauses, edges) = (&conflict.clauses, &conflict.edges);
    let fits = |clauses: &[usize], edges: &[usize]| brute(&requiring(lone, clauses, edges), &[]).is_some();
    prop_assert!(!fits(clauses, edges), "what is blamed leaves a plan");
    for clause in clauses {
        prop_assert!(fits(&without(clauses, *clause), edges), "clause {clause} is not needed");
    }
    for edge in edges {
        prop_assert!(fits(clauses, &without(edges, *edge)), "edge {edge} is not needed");
    }
    Ok(())
}

/// With the change everybody has a place who had one, and the group too.
fn helps(problem: &Problem, conflict: &Conflict, remedy: &Remedy, missing: &[usize]) -> Result<(), TestCaseError> {
    let mut changed = problem.clone();
    for group in missing.iter().filter(|g| **g != conflict.group) {
        changed.groups[*group].roles.iter_mut().for_each(|role| {
            role.instances = 0;
            role.previous.clear();
        });
    }
    remedy.apply(&mut changed, problem, conflict.group, conflict.role);
    prop_assert!(feasible(&changed), "{remedy:?} does not help");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_blamed_conflicts_and_what_is_offered_helps(
        mut problem in problem(),
        raw in prop::collection::vec((0..9usize, 0..9usize), 16),
        disturbed in any::<bool>(),
    ) {
        if disturbed {
            disturb(&mut problem, &raw);
        }
        prop_assume!(solve(&problem).is_err());
        let studies = studies(&problem, STEPS);
        prop_assert!(!studies.is_empty());
        let missing: Vec<usize> = studies.iter().map(|(conflict, _)| conflict.group).collect();
        for (conflict, lone) in &studies {
            prop_assert!(!conflict.exhausted);
            is_minimal(conflict, lone)?;
            for remedy in &conflict.remedies {
                helps(&problem, conflict, remedy, &missing)?;
            }
        }
    }
}
