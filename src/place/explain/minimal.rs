//! Which requirements of a group conflict: QuickXplain (Junker, AAAI 2004).
//!
//! Of n requirements of which k conflict it solves some 2k·log(n/k) + 2k problems, where leaving out one after
//! the other solves n.

use super::trials::Trials;
use crate::place::{ClauseKind, Group, Problem};

/// A requirement that can be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A required clause.
    Clause(usize),
    /// The floor of an edge.
    Floor(usize),
}

/// The requirements of a group, those first that are blamed rather than others: clauses, the narrowest
/// first, then the floors of edges.
pub(super) fn parts(group: &Group) -> Vec<Part> {
    let required = (0..group.clauses.len()).filter(|c| group.clauses[*c].prefer.is_none());
    let mut clauses: Vec<usize> = required.collect();
    clauses.sort_by_key(|c| (std::cmp::Reverse(level(&group.clauses[*c].kind)), *c));
    let floors = (0..group.edges.len()).filter(|e| group.edges[*e].floor.is_some());
    clauses.into_iter().map(Part::Clause).chain(floors.map(Part::Floor)).collect()
}

/// Which of the parts are clauses and which are floors of edges, each in order.
pub(super) fn split(parts: &[Part]) -> (Vec<usize>, Vec<usize>) {
    let (mut clauses, mut edges) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Clause(clause) => clauses.push(*clause),
            Part::Floor(edge) => edges.push(*edge),
        }
    }
    clauses.sort_unstable();
    edges.sort_unstable();
    (clauses, edges)
}

/// The level of a clause.
pub(super) fn level(kind: &ClauseKind) -> usize {
    match kind {
        ClauseKind::Instances { level, .. }
        | ClauseKind::Together { level, .. }
        | ClauseKind::Cells { level, .. }
        | ClauseKind::Near { level, .. }
        | ClauseKind::Spread { level, .. }
        | ClauseKind::Apart { level, .. }
        | ClauseKind::Exclusive { level }
        | ClauseKind::Survive { level, .. } => *level,
    }
}

/// The problem in which the group requires these parts only.
pub(super) fn only(problem: &Problem, parts: &[Part]) -> Problem {
    let mut problem = problem.clone();
    for group in &mut problem.groups {
        for (c, clause) in group.clauses.iter_mut().enumerate() {
            if !parts.contains(&Part::Clause(c)) {
                clause.prefer = clause.prefer.or(Some(1));
            }
        }
        for (e, edge) in group.edges.iter_mut().enumerate() {
            edge.floor = edge.floor.filter(|_| parts.contains(&Part::Floor(e)));
        }
    }
    problem
}

/// A set of parts with which there is no plan, and with any one of them given up there is one; empty
/// when there is no plan without any of them. `problem` with all of them has none.
pub(super) fn minimal(problem: &Problem, trials: &mut Trials) -> Vec<Part> {
    let parts = parts(&problem.groups[0]);
    if parts.is_empty() || trials.fails(&only(problem, &[])) {
        return Vec::new();
    }
    narrow(problem, &[], false, &parts, trials)
}

/// The parts among `parts` that conflict beside `base`. `grown` tells that nobody knows yet whether
/// `base` conflicts alone.
fn narrow(problem: &Problem, base: &[Part], grown: bool, parts: &[Part], trials: &mut Trials) -> Vec<Part> {
    if grown && trials.fails(&only(problem, base)) {
        return Vec::new();
    }
    if parts.len() == 1 {
        return parts.to_vec();
    }
    let (first, second) = parts.split_at(parts.len().div_ceil(2));
    let with_first = [base, first].concat();
    let late = narrow(problem, &with_first, true, second, trials);
    let with_late = [base, &late].concat();
    let early = narrow(problem, &with_late, !late.is_empty(), first, trials);
    [early, late].concat()
}
