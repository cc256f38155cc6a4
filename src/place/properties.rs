//! The solver against brute force, and what must not change a verdict.

use proptest::prelude::*;

use super::index::Index;
use super::objective::{self, Cost};
use super::testing::{NODE, RACK, ZONE, cluster, required, settle, with};
use super::{ClauseKind, Edge, Group, Placement, Pod, Preference, Problem, Role, moves, solve, verify};
use crate::link::Link;
use crate::source::Span;

mod explanations;
mod naive;
mod proofs;

/// Raw numbers of a machine: zone, rack, accelerators, processors, closed, eligible for the second set.
type RawMachine = (u8, u8, i64, i64, u8, u8);
/// Raw numbers of a role: pods, accelerators, instances, set of machines, unlike second pod.
type RawRole = (usize, i64, usize, usize, bool);
/// Raw numbers of a clause: kind, roles, level, two options, required.
type RawClause = (u8, usize, usize, usize, u32, u32);

fn machines() -> impl Strategy<Value = Vec<RawMachine>> {
    prop::collection::vec((0..4u8, 0..4u8, 0..4i64, 1..4i64, 0..8u8, 0..4u8), 1..=8)
}

fn groups() -> impl Strategy<Value = Vec<(Vec<RawRole>, Vec<RawClause>, Option<u8>)>> {
    let role = (1..=2usize, 0..3i64, 1..=3usize, 0..2usize, any::<bool>());
    let clause = (0..10u8, 0..2usize, 0..2usize, 0..3usize, 0..3u32, 0..4u32);
    let group =
        (prop::collection::vec(role, 1..=2), prop::collection::vec(clause, 0..=3), prop::option::weighted(0.3, 0..4u8));
    prop::collection::vec(group, 1..=2)
}

fn problem() -> impl Strategy<Value = Problem> {
    (machines(), groups(), any::<bool>(), 0..6usize, any::<bool>()).prop_map(|(raw, groups, nested, outside, tree)| {
        let mut problem = with(cluster("a/r1"), Vec::new());
        let names = |prefix: &str, n: usize| (0..n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>();
        problem.domains = vec![names("z", 2), names("r", 6), names("m", raw.len())];
        if !tree {
            problem.links = vec![Link::Rdma, Link::Vpc, Link::Pcie];
        }
        for (m, (zone, rack, gpus, cpus, closed, _)) in raw.iter().enumerate() {
            let zone = usize::from(zone % 2);
            let domains = [
                (raw[m].0 < 3).then_some(zone),
                (*rack < 3).then_some(if nested { zone * 3 + usize::from(*rack) } else { usize::from(*rack) }),
                Some(m),
            ];
            problem.machines.push(super::Machine {
                name: format!("m{m}"),
                free: vec![3, *gpus, *cpus],
                domains: domains.to_vec(),
                closed: (*closed == 0).then_some("cordoned"),
                holders: Vec::new(),
            });
        }
        problem.eligible = vec![vec![true; raw.len()], raw.iter().map(|r| r.5 > 0).collect()];
        problem.eligible.push(raw.iter().map(|r| r.4 % 2 == 1).collect());
        match outside {
            0 => _ = problem.taken[RACK].insert(0),
            1 => _ = problem.occupied[RACK].insert(1),
            2 => _ = problem.occupied[ZONE].insert(1),
            _ => {}
        }
        let mut left = 4;
        problem.groups =
            groups.into_iter().map(|(roles, clauses, floor)| group(roles, clauses, floor, &mut left)).collect();
        problem
    })
}

fn group(roles: Vec<RawRole>, clauses: Vec<RawClause>, floor: Option<u8>, left: &mut usize) -> Group {
    let roles: Vec<Role> = roles
        .into_iter()
        .enumerate()
        .map(|(i, (pods, gpus, instances, eligible, unlike))| {
            let mut shape = vec![Pod { request: vec![1, gpus, 1], eligible }; pods];
            if let Some(last) = shape.last_mut().filter(|_| unlike) {
                last.request = vec![1, 1, 0];
            }
            let instances = instances.min(*left / pods);
            *left -= instances * pods;
            Role {
                name: format!("r{i}"),
                span: Span::default(),
                pods: shape,
                instances,
                previous: Vec::new(),
                accelerated: gpus > 0,
            }
        })
        .collect();
    let last = roles.len() - 1;
    let (preferences, clauses): (Vec<RawClause>, Vec<RawClause>) = clauses.into_iter().partition(|raw| raw.0 >= 8);
    let preferences = preferences.into_iter().map(|raw| preference(raw, last)).collect();
    let clauses = clauses.into_iter().map(|raw| {
        let mut clause = required(clause(raw, last));
        clause.prefer = (raw.5 == 0).then_some(2);
        clause
    });
    let edges = floor.map(|n| Edge {
        from: 0,
        to: last,
        floor: Some(Link::ALL[usize::from(n)]).filter(|l| *l < Link::Nvlink),
        weight: 1,
        span: Span::default(),
    });
    Group {
        name: "g".into(),
        clauses: clauses.collect(),
        edges: edges.into_iter().collect(),
        preferences,
        roles,
        locality: false,
    }
}

/// Lets some instances stand somewhere, some machines be in use, and some groups prefer locality.
fn disturb(problem: &mut Problem, raw: &[(usize, usize)]) {
    let machines = problem.machines.len();
    let mut raw = raw.iter().copied().cycle();
    let mut roll = || raw.next().unwrap_or_default();
    for group in &mut problem.groups {
        group.locality = roll().0 < 3;
        group.edges.iter_mut().for_each(|e| e.weight = 1 + roll().0 as u32 % 3);
        for role in &mut group.roles {
            for _ in 0..role.instances.min(roll().0 / 3) {
                let machine = |_| Some(roll()).filter(|(kind, _)| *kind > 0).map(|(_, m)| m % machines);
                role.previous.push((0..role.pods.len()).map(machine).collect());
            }
        }
    }
    for machine in problem.machines.iter_mut().filter(|_| roll().0 < 3) {
        machine.holders = vec!["other".into()];
    }
}

fn clause((kind, a, b, level, x, y): RawClause, last: usize) -> ClauseKind {
    let (role, other, level) = (a.min(last), b.min(last), [ZONE, RACK, NODE][level]);
    match kind {
        0 => ClauseKind::Instances { role, level },
        1 => ClauseKind::Together { roles: if a == b { vec![role] } else { (0..=last).collect() }, level },
        2 => ClauseKind::Cells { shares: (0..=last).map(|r| (r, 1 + (x + r as u32) % 2)).collect(), level },
        3 => ClauseKind::Near { role, to: other, level },
        4 => ClauseKind::Spread { role, level, max_skew: (x > 0).then_some(x), at_least: (y > 1).then(|| y - 1) },
        5 => ClauseKind::Apart { role, from: (x > 0).then_some(other), level },
        6 => ClauseKind::Exclusive { level },
        _ => ClauseKind::Survive { count: x.min(2), level },
    }
}

fn preference((_, a, b, _, x, y): RawClause, last: usize) -> Preference {
    let roles = if a == b { vec![a.min(last)] } else { (0..=last).collect() };
    Preference { roles, machines: 1 + y as usize % 2, weight: 1 + x, span: Span::default() }
}

/// Group, role and instance.
type Name = (usize, usize, usize);

fn names(problem: &Problem) -> Vec<Name> {
    (0..problem.groups.len())
        .flat_map(|g| (0..problem.groups[g].roles.len()).map(move |r| (g, r)))
        .flat_map(|(g, r)| (0..problem.groups[g].roles[r].instances).map(move |i| (g, r, i)))
        .collect()
}

/// Some plan by trying every machine for every pod; instances in `fixed` stay where they were.
fn brute(problem: &Problem, fixed: &[Name]) -> Option<Placement> {
    let empty = |role: &Role| vec![vec![usize::MAX; role.pods.len()]; role.instances];
    let mut placement = Placement {
        groups: problem.groups.iter().map(|g| g.roles.iter().map(empty).collect()).collect(),
        ..Placement::default()
    };
    let mut pods = Vec::new();
    for (g, r, i) in names(problem) {
        let role = &problem.groups[g].roles[r];
        let old = |p: usize| role.previous[i][p].filter(|_| fixed.contains(&(g, r, i)));
        pods.extend((0..role.pods.len()).map(|p| ([g, r, i, p], if role.previous.is_empty() { None } else { old(p) })));
    }
    let mut free: Vec<Vec<i64>> = problem.machines.iter().map(|m| m.free.clone()).collect();
    descend(problem, &pods, &mut free, &mut placement).then_some(placement)
}

fn descend(
    problem: &Problem,
    pods: &[([usize; 4], Option<usize>)],
    free: &mut Vec<Vec<i64>>,
    placement: &mut Placement,
) -> bool {
    let Some((([g, r, i, p], fixed), rest)) = pods.split_first() else {
        placement.moves = moves::moves(problem, &placement.groups);
        return verify::verify(problem, placement).is_empty();
    };
    let pod = &problem.groups[*g].roles[*r].pods[*p];
    for m in (0..free.len()).filter(|m| fixed.is_none_or(|f| f == *m)) {
        let fits = pod.request.iter().zip(&free[m]).all(|(wanted, free)| wanted <= free);
        if fits && problem.machines[m].closed.is_none() && problem.eligible[pod.eligible][m] {
            pod.request.iter().zip(&mut free[m]).for_each(|(wanted, free)| *free -= wanted);
            placement.groups[*g][*r][*i][*p] = m;
            let found = descend(problem, rest, free, placement);
            pod.request.iter().zip(&mut free[m]).for_each(|(wanted, free)| *free += wanted);
            if found {
                return true;
            }
        }
    }
    false
}

/// The least cost of all plans, by trying every machine for every pod; where groups may be left out,
/// for every choice of those.
fn least_cost(problem: &Problem) -> Option<Cost> {
    let index = Index::new(problem);
    let sets = 0..if problem.partial { 1u32 << problem.groups.len() } else { 1 };
    let mut least = None;
    for set in sets {
        let out = |g: usize| set & (1 << g) != 0;
        let pods = |g: usize, role: &Role| vec![usize::MAX; if out(g) { 0 } else { role.pods.len() }];
        let rows = |(g, group): (usize, &Group)| group.roles.iter().map(|r| vec![pods(g, r); r.instances]).collect();
        let mut placement = Placement {
            groups: problem.groups.iter().enumerate().map(rows).collect(),
            unplaced: (0..problem.groups.len()).filter(|g| out(*g)).collect(),
            ..Placement::default()
        };
        let placed = names(problem).into_iter().filter(|(g, ..)| !out(*g));
        let pods: Vec<[usize; 4]> = placed
            .flat_map(|(g, r, i)| (0..problem.groups[g].roles[r].pods.len()).map(move |p| [g, r, i, p]))
            .collect();
        let mut free: Vec<Vec<i64>> = problem.machines.iter().map(|m| m.free.clone()).collect();
        each_plan(&index, &pods, &mut free, &mut placement, &mut least);
    }
    least
}

fn each_plan(
    index: &Index,
    pods: &[[usize; 4]],
    free: &mut Vec<Vec<i64>>,
    placement: &mut Placement,
    least: &mut Option<Cost>,
) {
    let problem = index.problem;
    let Some(([g, r, i, p], rest)) = pods.split_first() else {
        placement.moves = moves::moves(problem, &placement.groups);
        let cost = objective::cost(index, placement);
        if least.is_none_or(|least| cost < least) && verify::verify(problem, placement).is_empty() {
            *least = Some(cost);
        }
        return;
    };
    let pod = &problem.groups[*g].roles[*r].pods[*p];
    for m in 0..free.len() {
        let fits = pod.request.iter().zip(&free[m]).all(|(wanted, free)| wanted <= free);
        if fits && problem.machines[m].closed.is_none() && problem.eligible[pod.eligible][m] {
            pod.request.iter().zip(&mut free[m]).for_each(|(wanted, free)| *free -= wanted);
            placement.groups[*g][*r][*i][*p] = m;
            each_plan(index, rest, free, placement, least);
            pod.request.iter().zip(&mut free[m]).for_each(|(wanted, free)| *free += wanted);
        }
    }
}

/// Whether there is a plan; a search that gave up fails the test.
fn feasible(problem: &Problem) -> bool {
    match solve(problem) {
        Ok(placement) => {
            assert_eq!(verify::verify(problem, &placement), []);
            true
        }
        Err(conflicts) => {
            assert!(!conflicts.is_empty() && conflicts.iter().all(|c| !c.exhausted), "{conflicts:?}");
            for conflict in conflicts {
                conflict.diagnostic(problem);
            }
            false
        }
    }
}

/// The objective of the best plan, which must be proven; `None` when there is no plan.
fn best(problem: &Problem) -> Option<Vec<i64>> {
    feasible(problem).then(|| {
        let plan = solve(problem).expect("a plan");
        assert!(plan.is_optimal(), "{:?}", plan.objective);
        plan.objective.iter().map(|c| c.value).collect()
    })
}

/// The same problem with machines and groups in the opposite order.
fn turned(problem: &Problem) -> Problem {
    let (mut turned, last) = (problem.clone(), problem.machines.len() - 1);
    turned.machines.reverse();
    turned.eligible.iter_mut().for_each(|set| set.reverse());
    turned.groups.reverse();
    let old = turned.groups.iter_mut().flat_map(|g| &mut g.roles).flat_map(|r| &mut r.previous).flatten();
    old.flatten().for_each(|m| *m = last - *m);
    turned
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_is_better(mut problem in problem(), raw in prop::collection::vec((0..9usize, 0..9usize), 16), partial in any::<bool>()) {
        disturb(&mut problem, &raw);
        problem.partial = partial;
        match (solve(&problem), least_cost(&problem)) {
            (Ok(plan), least) => {
                prop_assert_eq!(verify::verify(&problem, &plan), []);
                let value: Vec<i64> = plan.objective.iter().map(|c| c.value).collect();
                prop_assert_eq!(Some(value), least.map(Vec::from));
                prop_assert!(plan.is_optimal(), "{:?}", plan.objective);
                let mut plain = problem.clone();
                plain.groups.iter_mut().for_each(|group| group.preferences.clear());
                let unmet = |problem: &Problem| objective::cost(&Index::new(problem), &plan)[objective::part::UNMET];
                prop_assert_eq!(unmet(&problem) - unmet(&plain), naive::elsewhere(&problem, &plan));
            }
            (Err(_), least) => prop_assert_eq!(least, None),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_is_found_exactly_when_there_is_one(problem in problem()) {
        prop_assert_eq!(feasible(&problem), brute(&problem, &[]).is_some());
    }

    #[test]
    fn an_order_a_machine_and_a_clause_less_do_no_harm(problem in problem(), pick in any::<prop::sample::Index>()) {
        if let Some(cost) = best(&problem) {
            prop_assert_eq!(best(&turned(&problem)), Some(cost.clone()));
            let mut fewer = problem.clone();
            for group in &mut fewer.groups {
                if !group.clauses.is_empty() {
                    group.clauses.remove(pick.index(group.clauses.len()));
                }
            }
            prop_assert!(best(&fewer).is_some_and(|less| less <= cost));
            let mut more = problem.clone();
            let skewed = |g: &Group| g.clauses.iter().any(|c| matches!(c.kind, ClauseKind::Spread { .. }));
            if !more.groups.iter().any(skewed) {
                let mut machine = more.machines[0].clone();
                (machine.name, machine.closed) = ("new".into(), None);
                machine.domains = vec![None, None, Some(more.machines.len())];
                more.machines.push(machine);
                more.eligible.iter_mut().for_each(|set| set.push(true));
                prop_assert!(best(&more).is_some_and(|less| less <= cost));
            }
        }
    }

    #[test]
    fn what_stands_stays(mut problem in problem(), pick in any::<prop::sample::Index>()) {
        if let Ok(first) = solve(&problem) {
            settle(&mut problem, &first);
            let again = solve(&problem).map_err(|c| TestCaseError::fail(format!("{c:?}")))?;
            prop_assert_eq!(&again.groups, &first.groups);
            prop_assert_eq!(&again.moves, &vec![]);
            let closed = pick.index(problem.machines.len());
            problem.machines[closed].closed = Some("not ready");
            if let (Ok(plan), Some(least)) = (solve(&problem), fewest_moves(&problem)) {
                prop_assert_eq!(weight(&plan), least);
            }
        }
    }

    #[test]
    fn the_checker_sees_every_broken_clause(problem in problem()) {
        if let Some(plan) = brute(&problem, &[]) {
            for (g, r, i) in names(&problem) {
                for (p, m) in (0..problem.groups[g].roles[r].pods.len()).flat_map(|p| (0..problem.machines.len()).map(move |m| (p, m))) {
                    let mut other = plan.clone();
                    other.groups[g][r][i][p] = m;
                    prop_assert_eq!(verify::verify(&problem, &other).is_empty(), naive::sound(&problem, &other));
                }
            }
        }
    }
}

fn weight(plan: &Placement) -> usize {
    plan.moves.iter().map(|m| m.pods).sum()
}

/// The least weight of moves, over all sets of instances that stay.
fn fewest_moves(problem: &Problem) -> Option<usize> {
    let all = names(problem);
    let pods = |name: &Name| problem.groups[name.0].roles[name.1].pods.len();
    let total: usize = all.iter().map(pods).sum();
    let staying = |set: u32| -> Vec<Name> {
        all.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0).map(|(_, name)| *name).collect()
    };
    let sets = (0..1u32 << all.len()).map(staying);
    let possible = sets.filter(|set| brute(problem, set).is_some());
    possible.map(|set| total - set.iter().map(pods).sum::<usize>()).min()
}
