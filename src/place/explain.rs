//! Finds the reason why a group has no place: on smaller problems, each solved again, so that what
//! is said is known to be true.

use super::conflict::{Conflict, Need};
use super::index::Index;
use super::solve::{Missing, search};
use super::state::{NONE, State};
use super::{ClauseKind, Problem};

mod offers;
mod remedies;

use offers::offers;
use remedies::remedies_for;

/// Work budget of each of the smaller problems.
const STEPS: u64 = 2_000;

/// Machines of all full explanations together: each solves some twenty smaller problems.
const EXPLAINED: usize = 20_000;

/// Machines of all explanations with numbers together.
const COUNTED: usize = 200_000;

/// The reasons why groups have no place beside what stands.
pub(super) fn explain(state: &State, missing: &[Missing]) -> Vec<Conflict> {
    let machines = state.index.problem.machines.len().max(1);
    let mut tenants = vec![Vec::new(); machines];
    for (i, row) in state.index.instances.iter().enumerate() {
        for machine in state.index.pods_of(i).map(|p| state.machine_of[p]).filter(|m| *m != NONE) {
            tenants[machine as usize].push(row.group);
        }
    }
    let one = |(n, m): (usize, &Missing)| {
        if n * machines >= COUNTED {
            return bare(state.index.problem, *m);
        }
        explain_one(state, *m, n * machines < EXPLAINED && n < 10, &tenants)
    };
    missing.iter().enumerate().map(one).collect()
}

/// A role that asks for more pods than all machines together hold, before anything is searched.
pub(super) fn oversized(problem: &Problem, group: usize, role: usize) -> Conflict {
    let mut lone = alone(problem, group);
    lone.groups[0].roles.iter_mut().for_each(|role| role.instances = 0);
    let mut conflict = bare(problem, Missing { group, proven: true });
    (conflict.role, conflict.alone) = (role, true);
    conflict.need = need(&lone, role, &[]);
    conflict.need.instances = problem.groups[group].roles[role].instances;
    conflict.nearest = offers(&lone, group, role, None);
    conflict
}

/// A conflict without numbers of the cluster.
fn bare(problem: &Problem, missing: Missing) -> Conflict {
    Conflict {
        group: missing.group,
        role: 0,
        clauses: Vec::new(),
        edges: Vec::new(),
        alone: false,
        exhausted: !missing.proven,
        need: need(&Problem { groups: vec![problem.groups[missing.group].clone()], ..Problem::default() }, 0, &[]),
        nearest: Vec::new(),
        remedies: Vec::new(),
    }
}

fn explain_one(state: &State, missing: Missing, full: bool, tenants: &[Vec<usize>]) -> Conflict {
    let problem = state.index.problem;
    let group = missing.group;
    let mut lone = alone(problem, group);
    let verdict = if full { fails(&lone) } else { None };
    let alone = verdict.is_some();
    if !alone {
        lone = residual(state, group);
    }
    let (clauses, edges) = if full { culprits(&mut lone) } else { (Vec::new(), Vec::new()) };
    let role = if full { failing_role(&lone) } else { 0 };
    let need = need(&lone, role, &clauses);
    let nearest = offers(&lone, group, role, (!alone).then_some((problem, tenants)));
    let remedies = if full { remedies_for(&lone, &clauses, &edges, role, &nearest) } else { Vec::new() };
    // What fails alone with certainty fails with the others too.
    let exhausted = !missing.proven && verdict != Some(true);
    Conflict { group, role, clauses, edges, alone, exhausted, need, nearest, remedies }
}

/// Whether a problem has no plan: `None` when it has one, else whether that is certain.
fn fails(problem: &Problem) -> Option<bool> {
    let index = Index::new(problem);
    let mut state = State::new(&index);
    let missing = search(&mut state, STEPS);
    (!missing.is_empty()).then(|| missing.iter().any(|m| m.proven))
}

/// The problem of one group that has the machines for itself.
fn alone(problem: &Problem, group: usize) -> Problem {
    let mut group = problem.groups[group].clone();
    group.roles.iter_mut().for_each(|role| role.previous.clear());
    Problem {
        resources: problem.resources.clone(),
        gpu: problem.gpu,
        levels: problem.levels.clone(),
        links: problem.links.clone(),
        machines: problem.machines.clone(),
        domains: problem.domains.clone(),
        eligible: problem.eligible.clone(),
        groups: vec![group],
        occupied: problem.occupied.clone(),
        taken: problem.taken.clone(),
        ..Problem::default()
    }
}

/// The problem of one group on what the others leave.
fn residual(state: &State, group: usize) -> Problem {
    let index = state.index;
    let mut problem = alone(index.problem, group);
    for (m, machine) in problem.machines.iter_mut().enumerate() {
        machine.free = state.free[m * index.columns..][..index.columns].iter().map(|free| (*free).max(0)).collect();
    }
    let exclusive = |g: usize| index.groups[g].exclusive.iter().map(|(at, _)| index.exclusive[*at]).collect::<Vec<_>>();
    for (i, row) in index.instances.iter().enumerate() {
        for (pod, id) in index.pods_of(i).enumerate().filter(|(_, id)| state.machine_of[*id] != NONE) {
            let machine = state.machine_of[id] as usize;
            if row.group == group {
                let request = &index.classes[index.roles[row.role].classes[pod]].request;
                problem.machines[machine].free.iter_mut().zip(request).for_each(|(free, wanted)| *free += wanted);
            } else if index.roles[row.role].accelerated[pod] {
                let known = |level: usize| index.problem.machines[machine].domains.get(level).copied().flatten();
                for (level, set) in problem.occupied.iter_mut().enumerate() {
                    set.extend(known(level));
                }
                for level in exclusive(row.group) {
                    if let Some(set) = problem.taken.get_mut(level - 1) {
                        set.extend(known(level - 1));
                    }
                }
            }
        }
    }
    problem
}

/// Drops one required clause or floor after the other, and puts back those without which there is
/// a plan. What remains is a smallest set in the sense that none can be left out.
fn culprits(lone: &mut Problem) -> (Vec<usize>, Vec<usize>) {
    for clause in 0..lone.groups[0].clauses.len() {
        if lone.groups[0].clauses[clause].prefer.is_none() {
            lone.groups[0].clauses[clause].prefer = Some(1);
            if fails(lone).is_none() {
                lone.groups[0].clauses[clause].prefer = None;
            }
        }
    }
    for edge in 0..lone.groups[0].edges.len() {
        if let Some(floor) = lone.groups[0].edges[edge].floor.take()
            && fails(lone).is_none()
        {
            lone.groups[0].edges[edge].floor = Some(floor);
        }
    }
    let group = &lone.groups[0];
    let clauses = (0..group.clauses.len()).filter(|c| group.clauses[*c].prefer.is_none());
    let edges = (0..group.edges.len()).filter(|e| group.edges[*e].floor.is_some());
    (clauses.collect(), edges.collect())
}

/// The role that fails without the others, else the one with the largest instances.
fn failing_role(lone: &Problem) -> usize {
    let with_role = |r: usize| {
        let mut problem = lone.clone();
        let others = problem.groups[0].roles.iter_mut().enumerate().filter(|(other, _)| *other != r);
        others.for_each(|(_, role)| role.instances = 0);
        problem
    };
    let roles = &lone.groups[0].roles;
    let placed: Vec<usize> = (0..roles.len()).filter(|r| roles[*r].instances > 0).collect();
    let failing = placed.iter().copied().find(|r| placed.len() > 1 && fails(&with_role(*r)).is_some());
    let amount = |r: usize| roles[r].pods.iter().filter_map(|p| p.request.get(lone.gpu)).sum::<i64>();
    let largest = placed.iter().copied().max_by_key(|r| (amount(*r), roles[*r].pods.len(), std::cmp::Reverse(*r)));
    failing.or(largest).unwrap_or(0)
}

fn need(lone: &Problem, role: usize, clauses: &[usize]) -> Need {
    let group = &lone.groups[0];
    let level = clauses.iter().filter_map(|c| level_of(&group.clauses[*c].kind, role)).max();
    let request = group.roles[role].pods.first().map(|p| p.request.as_slice()).unwrap_or_default();
    let amount = |column: usize| request.get(column).copied().unwrap_or(0);
    // The accelerator, else what fits least often on the roomiest machine.
    let scarce = (0..lone.resources.len())
        .filter(|c| amount(*c) > 0)
        .min_by_key(|c| lone.machines.iter().filter_map(|m| m.free.get(*c)).max().copied().unwrap_or(0) / amount(*c));
    let resource = if amount(lone.gpu) > 0 { lone.gpu } else { scarce.unwrap_or(0) };
    let role = &group.roles[role];
    Need { pods: role.pods.len(), instances: role.instances, resource, amount: amount(resource), level }
}

/// The level whose domain a clause wants the pods of an instance of the role to share.
fn level_of(kind: &ClauseKind, role: usize) -> Option<usize> {
    match kind {
        ClauseKind::Instances { role: r, level } => (*r == role).then_some(*level),
        ClauseKind::Together { roles, level } => roles.contains(&role).then_some(*level),
        ClauseKind::Cells { shares, level } => shares.iter().any(|(r, _)| *r == role).then_some(*level),
        ClauseKind::Near { .. }
        | ClauseKind::Spread { .. }
        | ClauseKind::Apart { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Survive { .. } => None,
    }
}
