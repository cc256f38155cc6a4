//! Small problems in few words, for tests.

use std::collections::BTreeSet;

use super::{Clause, ClauseKind, Edge, Group, Machine, Placement, Pod, Problem, Role, solve, verify};
use crate::link::Link;
use crate::source::Span;

/// Levels of the problems made here, narrowest last.
pub const ZONE: usize = 0;
pub const RACK: usize = 1;
pub const NODE: usize = 2;

/// A cluster from a text such as `a/r1 8 8, a/r2 8 4!, b/- 0`: zone and rack (`-` when unknown), then
/// the free accelerators of each machine; `!` marks a cordoned one. Machines are named `m0`, `m1`, ….
pub fn cluster(text: &str) -> Problem {
    let mut problem = Problem {
        resources: vec!["pods".into(), "nvidia.com/gpu".into(), "cpu".into()],
        gpu: 1,
        levels: vec!["zone".into(), "rack".into(), "node".into()],
        links: vec![Link::Vpc, Link::Rdma, Link::Pcie],
        domains: vec![Vec::new(); 3],
        occupied: vec![BTreeSet::new(); 3],
        taken: vec![BTreeSet::new(); 3],
        ..Problem::default()
    };
    for part in text.split(',').map(str::trim) {
        let mut words = part.split_whitespace();
        let (zone, rack) = words.next().and_then(|w| w.split_once('/')).expect("zone/rack");
        for word in words {
            let name = format!("m{}", problem.machines.len());
            let zone = (zone != "-").then(|| domain(&mut problem, ZONE, zone.into()));
            let rack = (rack != "-").then(|| domain(&mut problem, RACK, part.split(' ').next().unwrap_or("").into()));
            let node = Some(domain(&mut problem, NODE, name.clone()));
            problem.machines.push(Machine {
                name,
                free: vec![20, word.trim_end_matches('!').parse().expect("accelerators"), 100],
                domains: vec![zone, rack, node],
                closed: word.ends_with('!').then_some("cordoned"),
                holders: Vec::new(),
            });
        }
    }
    problem.eligible = vec![vec![true; problem.machines.len()]];
    problem
}

fn domain(problem: &mut Problem, level: usize, name: String) -> usize {
    let names = &mut problem.domains[level];
    names.iter().position(|n| *n == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

/// A role from a text such as `2x8*3`: two pods of eight accelerators, three instances; `1x0*2` has none.
pub fn role(name: &str, text: &str) -> Role {
    let (shape, instances) = text.split_once('*').unwrap_or((text, "1"));
    let (pods, gpus) = shape.split_once('x').expect("pods x accelerators");
    let gpus = gpus.parse().expect("a number");
    let pod = Pod { request: vec![1, gpus, 1], eligible: 0 };
    Role {
        name: name.into(),
        span: Span::default(),
        pods: vec![pod; pods.parse().expect("a number")],
        instances: instances.parse().expect("a number"),
        previous: Vec::new(),
        accelerated: gpus > 0,
    }
}

/// A group of roles `r0`, `r1`, … with required clauses.
pub fn group(name: &str, roles: &[&str], clauses: Vec<ClauseKind>) -> Group {
    Group {
        name: name.into(),
        roles: roles.iter().enumerate().map(|(i, text)| role(&format!("r{i}"), text)).collect(),
        clauses: clauses.into_iter().map(required).collect(),
        edges: Vec::new(),
        preferences: Vec::new(),
        locality: false,
    }
}

/// A required clause.
pub fn required(kind: ClauseKind) -> Clause {
    Clause { kind, prefer: None, span: Span::default() }
}

/// Traffic between two roles.
pub fn edge(from: usize, to: usize, floor: Option<Link>) -> Edge {
    Edge { from, to, floor, weight: 1, span: Span::default() }
}

/// The problem with these groups.
pub fn with(mut problem: Problem, groups: Vec<Group>) -> Problem {
    problem.groups = groups;
    problem
}

/// Lets every instance stand where a plan puts it.
pub fn settle(problem: &mut Problem, placement: &Placement) {
    for (group, placed) in problem.groups.iter_mut().zip(&placement.groups) {
        for (role, instances) in group.roles.iter_mut().zip(placed) {
            role.previous = instances.iter().map(|pods| pods.iter().map(|m| Some(*m)).collect()).collect();
        }
    }
}

/// A plan of the problem, which must exist and be sound.
#[track_caller]
pub fn plan(problem: &Problem) -> Placement {
    let placement = solve(problem).expect("a plan");
    assert_eq!(verify::verify(problem, &placement), [], "{placement:?}");
    placement
}

/// Checks where the instances of the first group stand: `m0 m1 | m2` for each role, instances by `,`,
/// pods by spaces, roles by `|`; or `none` when there must be no plan.
#[track_caller]
pub fn check(problem: &Problem, expected: &str) {
    let text = match solve(problem) {
        Err(conflicts) => {
            assert!(conflicts.iter().all(|c| !c.exhausted), "the search gave up: {conflicts:?}");
            "none".into()
        }
        Ok(placement) => show(problem, &placement.groups[0]),
    };
    assert_eq!(text, expected);
}

fn show(problem: &Problem, roles: &[Vec<Vec<usize>>]) -> String {
    let pods = |pods: &Vec<usize>| pods.iter().map(|m| problem.machines[*m].name.clone()).collect::<Vec<_>>().join(" ");
    let role = |instances: &Vec<Vec<usize>>| instances.iter().map(pods).collect::<Vec<_>>().join(", ");
    roles.iter().map(role).collect::<Vec<_>>().join(" | ")
}

/// The moves of a plan of the problem, each with its reason: `g/r0/1: …`.
#[track_caller]
pub fn moves(problem: &Problem) -> Vec<String> {
    let show = |m: &super::Move| {
        let group = &problem.groups[m.group];
        format!("{}/{}/{}: {}", group.name, group.roles[m.role].name, m.instance, m.why(problem, &[]))
    };
    plan(problem).moves.iter().map(show).collect()
}
