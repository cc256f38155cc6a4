//! A checker of plans that knows nothing of the solver: it reads the problem and the plan alone.
//!
//! Whatever the solver returns goes through it, so that a mistake in the search can never reach a
//! manifest. Two pods share a domain of a level when they stand on one machine, or on two machines
//! whose domain there is known and equal.

use std::collections::{BTreeMap, BTreeSet};

use super::{Edge, Placement, Problem, Role};
use crate::link::Link;

mod clauses;

use clauses::trespasses;

pub(super) use clauses::{Users, can_hit, holds, users};

/// Something that a plan does and the problem forbids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The plan has not the groups, roles, instances and pods of the problem, names a machine that does
    /// not exist, or leaves out a group without leave.
    Shape,
    /// The pods on a machine ask for more than it has.
    Capacity {
        /// Index of the machine.
        machine: usize,
        /// Column of the resource.
        resource: usize,
    },
    /// A pod stands on a machine that it may not use.
    Ineligible {
        /// Group, role, instance and pod.
        pod: [usize; 4],
        /// Index of the machine.
        machine: usize,
    },
    /// A pod stands on a machine that takes none.
    Closed {
        /// Group, role, instance and pod.
        pod: [usize; 4],
        /// Index of the machine.
        machine: usize,
    },
    /// A required clause does not hold.
    Clause {
        /// Group.
        group: usize,
        /// Index of the clause in the group.
        clause: usize,
    },
    /// Two instances have a worse link than an edge allows.
    Floor {
        /// Group.
        group: usize,
        /// Index of the edge in the group.
        edge: usize,
    },
    /// An accelerator pod stands in a domain that a group outside of this compilation holds alone.
    Taken {
        /// Group.
        group: usize,
        /// Level.
        level: usize,
        /// Domain.
        domain: usize,
    },
    /// The list of moves is not what differs from the previous plan.
    Moves,
}

/// Everything that is wrong with a plan, in a stable order; empty when it is sound. Groups that are
/// left out break no clause, where the problem allows to leave them out.
pub fn verify(problem: &Problem, placement: &Placement) -> Vec<Violation> {
    if !shaped(problem, placement) {
        return vec![Violation::Shape];
    }
    let mut found = capacities(problem, placement);
    found.extend(admissions(problem, placement));
    found.extend(rules(problem, placement, |_| true));
    let told = placement.moves.iter().map(|m| (m.group, m.role, m.instance));
    if !told.eq(moves(problem, &placement.groups)) {
        found.push(Violation::Moves);
    }
    found
}

/// Clauses and links of some groups, and the domains that others hold.
fn rules(problem: &Problem, placement: &Placement, of: impl Fn(usize) -> bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let users = users(problem, placement);
    let stands = |g: &usize| placement.unplaced.binary_search(g).is_err() && of(*g);
    for (g, group) in problem.groups.iter().enumerate().filter(|(g, _)| stands(g)) {
        let placed = &placement.groups[g];
        for (c, clause) in group.clauses.iter().enumerate() {
            if clause.prefer.is_none() && !holds(problem, placed, &users, g, &clause.kind) {
                found.push(Violation::Clause { group: g, clause: c });
            }
        }
        for (e, edge) in group.edges.iter().enumerate() {
            if edge.floor.is_some_and(|floor| !floor_holds(problem, placed, edge, floor)) {
                found.push(Violation::Floor { group: g, edge: e });
            }
        }
    }
    found.extend(trespasses(problem, &users));
    found
}

/// Everything that is wrong with where instances stand, before anything is planned anew, in a stable
/// order. Instances of which a machine is gone are left out, and clauses of groups that lack one of
/// those that stood.
pub fn standing(problem: &Problem) -> Vec<Violation> {
    let mut whole = Vec::new();
    let groups = problem.groups.iter().map(|group| {
        let mut complete = true;
        let roles = group.roles.iter().map(|role| {
            let stood = |pods: &Vec<Option<usize>>| -> Option<Vec<usize>> {
                pods.iter().copied().collect::<Option<Vec<usize>>>().filter(|pods| pods.len() == role.pods.len())
            };
            let last = role.previous.iter().rposition(|pods| !pods.is_empty()).map_or(0, |last| last + 1);
            let places: Vec<Option<Vec<usize>>> =
                role.previous.iter().take(last).map(|pods| stood(pods).filter(|pods| !pods.is_empty())).collect();
            complete &= places.iter().all(Option::is_some);
            places.into_iter().map(Option::unwrap_or_default).collect()
        });
        let roles: Vec<Vec<Vec<usize>>> = roles.collect();
        whole.push(complete);
        roles
    });
    let placement = Placement { groups: groups.collect(), ..Placement::default() };
    let mut found = capacities(problem, &placement);
    found.extend(admissions(problem, &placement));
    found.extend(rules(problem, &placement, |group| whole[group]));
    found
}

/// The instances that stand elsewhere than before: group, role, instance, in order. An instance
/// that was nowhere cannot move, and one that is left out does not.
pub fn moves(problem: &Problem, placed: &[Vec<Vec<Vec<usize>>>]) -> Vec<(usize, usize, usize)> {
    let mut moved = Vec::new();
    for (g, group) in problem.groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            for (i, before) in role.previous.iter().enumerate().take(role.instances) {
                let now = &placed[g][r][i];
                let same = before.len() == now.len() && before.iter().zip(now).all(|(b, n)| *b == Some(*n));
                if !before.is_empty() && !now.is_empty() && !same {
                    moved.push((g, r, i));
                }
            }
        }
    }
    moved
}

fn shaped(problem: &Problem, placement: &Placement) -> bool {
    let unplaced = &placement.unplaced;
    placement.groups.len() == problem.groups.len()
        && (problem.partial || unplaced.is_empty())
        && unplaced.windows(2).all(|pair| pair[0] < pair[1])
        && unplaced.last().is_none_or(|g| *g < problem.groups.len())
        && problem.groups.iter().zip(&placement.groups).enumerate().all(|(g, (group, placed))| {
            let pods = |role: &Role| if unplaced.binary_search(&g).is_ok() { 0 } else { role.pods.len() };
            group.roles.len() == placed.len()
                && group.roles.iter().zip(placed).all(|(role, instances)| {
                    instances.len() == role.instances
                        && instances.iter().all(|machines| {
                            machines.len() == pods(role) && machines.iter().all(|m| *m < problem.machines.len())
                        })
                })
        })
}

fn capacities(problem: &Problem, placement: &Placement) -> Vec<Violation> {
    let mut used: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for_each_pod(problem, placement, |[g, r, _, p], machine| {
        for (resource, amount) in problem.groups[g].roles[r].pods[p].request.iter().enumerate() {
            let sum = used.entry((machine, resource)).or_default();
            *sum = sum.saturating_add(*amount);
        }
    });
    let free = |machine: usize, resource: usize| problem.machines[machine].free.get(resource).copied().unwrap_or(0);
    used.into_iter()
        .filter(|((machine, resource), sum)| *sum > 0 && *sum > free(*machine, *resource))
        .map(|((machine, resource), _)| Violation::Capacity { machine, resource })
        .collect()
}

fn admissions(problem: &Problem, placement: &Placement) -> Vec<Violation> {
    let mut found = Vec::new();
    for_each_pod(problem, placement, |pod, machine| {
        let wants = &problem.groups[pod[0]].roles[pod[1]].pods[pod[3]];
        if !may_use(problem, wants.eligible, machine) {
            found.push(Violation::Ineligible { pod, machine });
        }
        if problem.machines[machine].closed.is_some() {
            found.push(Violation::Closed { pod, machine });
        }
    });
    found
}

pub(super) fn may_use(problem: &Problem, eligible: usize, machine: usize) -> bool {
    problem.eligible.get(eligible).and_then(|set| set.get(machine)).copied().unwrap_or(false)
}

fn for_each_pod(problem: &Problem, placement: &Placement, mut visit: impl FnMut([usize; 4], usize)) {
    for g in 0..problem.groups.len() {
        for (r, instances) in placement.groups[g].iter().enumerate() {
            for (i, pods) in instances.iter().enumerate() {
                for (p, machine) in pods.iter().enumerate() {
                    visit([g, r, i, p], *machine);
                }
            }
        }
    }
}

/// A domain as this checker sees it: a known one by its index, or the machine whose domain is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Domain {
    Known(usize),
    Unknown(usize),
}

fn domain(problem: &Problem, machine: usize, level: usize) -> Domain {
    match problem.machines[machine].domains.get(level).copied().flatten() {
        Some(known) => Domain::Known(known),
        None => Domain::Unknown(machine),
    }
}

/// The domains of a level on which some pods stand.
fn domains<'a>(problem: &Problem, pods: impl IntoIterator<Item = &'a usize>, level: usize) -> BTreeSet<Domain> {
    pods.into_iter().map(|machine| domain(problem, *machine, level)).collect()
}

/// The link between two pods: that of the narrowest level of which they share a domain.
fn link(problem: &Problem, a: usize, b: usize) -> Link {
    let shared = (0..problem.levels.len()).rev().find(|level| domain(problem, a, *level) == domain(problem, b, *level));
    shared.and_then(|level| problem.links.get(level)).copied().unwrap_or(Link::Vpc)
}

pub(super) fn floor_holds(problem: &Problem, placed: &[Vec<Vec<usize>>], edge: &Edge, floor: Link) -> bool {
    let heads = |role: usize| -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for pods in &placed[role] {
            if let Some(leader) = pods.first() {
                *count.entry(*leader).or_insert(0) += 1;
            }
        }
        count
    };
    let (from, to) = (heads(edge.from), heads(edge.to));
    let same_role = edge.from == edge.to;
    from.iter().all(|(a, number)| {
        // An instance has no link to itself, two of one role on one machine have.
        to.keys().filter(|b| !(same_role && *b == a && *number == 1)).all(|b| link(problem, *a, *b) >= floor)
    })
}
