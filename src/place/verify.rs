//! A checker of plans that knows nothing of the solver: it reads the problem and the plan alone.
//!
//! Whatever the solver returns goes through it, so that a mistake in the search can never reach a
//! manifest. Two pods share a domain of a level when they stand on one machine, or on two machines
//! whose domain there is known and equal.

use std::collections::{BTreeMap, BTreeSet};

use super::{ClauseKind, Edge, Placement, Problem};
use crate::link::Link;

/// Something that a plan does and the problem forbids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The plan has not the groups, roles, instances and pods of the problem, or names a machine that does not exist.
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

/// Everything that is wrong with a plan, in a stable order; empty when it is sound.
pub fn verify(problem: &Problem, placement: &Placement) -> Vec<Violation> {
    if !shaped(problem, placement) {
        return vec![Violation::Shape];
    }
    let mut found = capacities(problem, placement);
    found.extend(admissions(problem, placement));
    let users = users(problem, placement);
    for (g, group) in problem.groups.iter().enumerate() {
        for (c, clause) in group.clauses.iter().enumerate() {
            if clause.prefer.is_none() && !holds(problem, placement, &users, g, &clause.kind) {
                found.push(Violation::Clause { group: g, clause: c });
            }
        }
        for (e, edge) in group.edges.iter().enumerate() {
            if edge.floor.is_some_and(|floor| !floor_holds(problem, placement, g, edge, floor)) {
                found.push(Violation::Floor { group: g, edge: e });
            }
        }
    }
    found.extend(trespasses(problem, &users));
    if placement.moves != moves(problem, &placement.groups) {
        found.push(Violation::Moves);
    }
    found
}

/// The instances that stand elsewhere than before: group, role, instance, in order. An instance
/// that was nowhere cannot move.
pub fn moves(problem: &Problem, placed: &[Vec<Vec<Vec<usize>>>]) -> Vec<(usize, usize, usize)> {
    let mut moved = Vec::new();
    for (g, group) in problem.groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            for (i, before) in role.previous.iter().enumerate().take(role.instances) {
                let now = &placed[g][r][i];
                let same = before.len() == now.len() && before.iter().zip(now).all(|(b, n)| *b == Some(*n));
                if !before.is_empty() && !same {
                    moved.push((g, r, i));
                }
            }
        }
    }
    moved
}

fn shaped(problem: &Problem, placement: &Placement) -> bool {
    placement.groups.len() == problem.groups.len()
        && problem.groups.iter().zip(&placement.groups).all(|(group, placed)| {
            group.roles.len() == placed.len()
                && group.roles.iter().zip(placed).all(|(role, instances)| {
                    instances.len() == role.instances
                        && instances.iter().all(|pods| {
                            pods.len() == role.pods.len() && pods.iter().all(|m| *m < problem.machines.len())
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

fn may_use(problem: &Problem, eligible: usize, machine: usize) -> bool {
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

/// Whether a clause of a group holds, required or not.
pub(super) fn holds(
    problem: &Problem,
    placement: &Placement,
    users: &Users,
    group: usize,
    clause: &ClauseKind,
) -> bool {
    let placed = &placement.groups[group];
    match clause {
        ClauseKind::Instances { role, level } => {
            placed[*role].iter().all(|pods| domains(problem, pods, *level).len() <= 1)
        }
        ClauseKind::Together { roles, level } => {
            let pods = roles.iter().flat_map(|role| placed[*role].iter().flatten());
            domains(problem, pods, *level).len() <= 1
        }
        ClauseKind::Cells { shares, level } => cells_hold(problem, placed, shares, *level),
        ClauseKind::Near { role, to, level } => {
            let targets = leaders(problem, &placed[*to], *level);
            leaders(problem, &placed[*role], *level).iter().all(|d| targets.contains(d))
        }
        ClauseKind::Spread { role, level, max_skew, at_least } => {
            spread_holds(problem, placement, (group, *role), *level, (*max_skew, *at_least))
        }
        ClauseKind::Apart { role, from, level } => apart_holds(problem, placed, *role, *from, *level),
        ClauseKind::Exclusive { level } => exclusive_holds(problem, users, group, *level),
        ClauseKind::Survive { count, level } => {
            placed.iter().filter(|r| !r.is_empty()).all(|r| survives(problem, r, *count, *level))
        }
    }
}

fn leaders(problem: &Problem, instances: &[Vec<usize>], level: usize) -> BTreeSet<Domain> {
    domains(problem, instances.iter().filter_map(|pods| pods.first()), level)
}

fn cells_hold(problem: &Problem, placed: &[Vec<Vec<usize>>], shares: &[(usize, u32)], level: usize) -> bool {
    let count = |(role, share): &(usize, u32)| placed[*role].len().div_ceil((*share).max(1) as usize);
    let cells = shares.iter().map(count).max().unwrap_or(0);
    (0..cells).all(|cell| {
        let pods = shares.iter().flat_map(|(role, share)| {
            let share = (*share).max(1) as usize;
            placed[*role].iter().skip(cell * share).take(share).flatten()
        });
        domains(problem, pods, level).len() <= 1
    })
}

/// Spreading is about failures, so only known domains count; with a skew every leader needs one.
fn spread_holds(
    problem: &Problem,
    placement: &Placement,
    (group, role): (usize, usize),
    level: usize,
    (max_skew, at_least): (Option<u32>, Option<u32>),
) -> bool {
    let instances = &placement.groups[group][role];
    let Some(leader) = problem.groups[group].roles[role].pods.first() else { return true };
    if instances.is_empty() {
        return true;
    }
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for (m, machine) in problem.machines.iter().enumerate() {
        if let Domain::Known(known) = domain(problem, m, level)
            && machine.closed.is_none()
            && may_use(problem, leader.eligible, m)
        {
            counts.entry(known).or_insert(0);
        }
    }
    let mut homeless = false;
    for pods in instances {
        match domain(problem, pods[0], level) {
            Domain::Known(known) => *counts.entry(known).or_insert(0) += 1,
            Domain::Unknown(_) => homeless = true,
        }
    }
    let (least, most) = (counts.values().min().copied().unwrap_or(0), counts.values().max().copied().unwrap_or(0));
    let used = counts.values().filter(|n| **n > 0).count();
    max_skew.is_none_or(|skew| !homeless && most - least <= skew) && at_least.is_none_or(|n| used >= n as usize)
}

fn apart_holds(problem: &Problem, placed: &[Vec<Vec<usize>>], role: usize, from: Option<usize>, level: usize) -> bool {
    let touched = |r: usize| placed[r].iter().map(|pods| domains(problem, pods, level)).collect::<Vec<_>>();
    let own = touched(role);
    match from.filter(|from| *from != role) {
        None => {
            let mut seen = BTreeSet::new();
            own.iter().flatten().all(|d| seen.insert(*d))
        }
        Some(from) => {
            let others: BTreeSet<Domain> = touched(from).into_iter().flatten().collect();
            own.iter().flatten().all(|d| !others.contains(d))
        }
    }
}

/// Groups with accelerator pods by level and domain, for every level that a clause or another
/// compilation keeps for somebody.
pub(super) type Users = BTreeMap<usize, BTreeMap<Domain, BTreeSet<usize>>>;

/// Who uses accelerators where.
pub(super) fn users(problem: &Problem, placement: &Placement) -> Users {
    let mut users = Users::new();
    for clause in problem.groups.iter().flat_map(|g| &g.clauses) {
        if let ClauseKind::Exclusive { level } = clause.kind {
            users.entry(level).or_default();
        }
    }
    let taken = problem.taken.iter().enumerate().filter(|(_, set)| !set.is_empty());
    users.extend(taken.map(|(level, _)| (level, BTreeMap::new())));
    for_each_pod(problem, placement, |[g, r, _, p], machine| {
        if problem.groups[g].roles[r].pods[p].request.get(problem.gpu).is_some_and(|n| *n > 0) {
            for (level, by_domain) in &mut users {
                by_domain.entry(domain(problem, machine, *level)).or_default().insert(g);
            }
        }
    });
    users
}

fn exclusive_holds(problem: &Problem, users: &Users, group: usize, level: usize) -> bool {
    let outside = |d: &Domain| {
        let among = |sets: &[BTreeSet<usize>]| matches!(d, Domain::Known(k) if sets.get(level).is_some_and(|set| set.contains(k)));
        among(&problem.occupied) || among(&problem.taken)
    };
    users
        .get(&level)
        .into_iter()
        .flatten()
        .filter(|(_, groups)| groups.contains(&group))
        .all(|(d, groups)| groups.len() == 1 && !outside(d))
}

fn trespasses(problem: &Problem, users: &Users) -> Vec<Violation> {
    let mut found = Vec::new();
    for (level, taken) in problem.taken.iter().enumerate().filter(|(_, taken)| !taken.is_empty()) {
        for (d, groups) in users.get(&level).into_iter().flatten() {
            if let Domain::Known(domain) = *d
                && taken.contains(&domain)
            {
                found.extend(groups.iter().map(|group| Violation::Taken { group: *group, level, domain }));
            }
        }
    }
    found
}

/// An instance on a machine whose domain is unknown promises nothing: any loss may hit it.
fn survives(problem: &Problem, instances: &[Vec<usize>], count: u32, level: usize) -> bool {
    let touched: Vec<BTreeSet<Domain>> = instances
        .iter()
        .map(|pods| domains(problem, pods, level))
        .filter(|set| set.iter().all(|d| matches!(d, Domain::Known(_))))
        .collect();
    !can_hit(&touched, count, &mut BTreeSet::new())
}

/// Whether `count` more domains suffice to touch every set.
pub(super) fn can_hit<D: Copy + Ord>(sets: &[BTreeSet<D>], count: u32, lost: &mut BTreeSet<D>) -> bool {
    let mut disjoint: BTreeSet<D> = BTreeSet::new();
    let mut apart = 0;
    for set in sets.iter().filter(|set| set.is_disjoint(lost)) {
        if set.is_disjoint(&disjoint) {
            disjoint.extend(set);
            apart += 1;
        }
    }
    // Sets without a common domain need a loss each.
    if apart > count {
        return false;
    }
    let Some(first) = sets.iter().find(|set| set.is_disjoint(lost)) else { return true };
    first.iter().any(|d| {
        lost.insert(*d);
        let hit = can_hit(sets, count - 1, lost);
        lost.remove(d);
        hit
    })
}

/// The link between two pods: that of the narrowest level of which they share a domain.
fn link(problem: &Problem, a: usize, b: usize) -> Link {
    let shared = (0..problem.levels.len()).rev().find(|level| domain(problem, a, *level) == domain(problem, b, *level));
    shared.and_then(|level| problem.links.get(level)).copied().unwrap_or(Link::Vpc)
}

fn floor_holds(problem: &Problem, placement: &Placement, group: usize, edge: &Edge, floor: Link) -> bool {
    let heads = |role: usize| -> BTreeMap<usize, usize> {
        let mut count = BTreeMap::new();
        for pods in &placement.groups[group][role] {
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
