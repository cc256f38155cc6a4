//! Each kind of clause against a complete plan.

use std::collections::{BTreeMap, BTreeSet};

use super::{Domain, Violation, domain, domains, for_each_pod, may_use};
use crate::place::{ClauseKind, Placement, Problem};

/// Whether a clause of a group holds, required or not, when its instances stand as in `placed`.
pub(in crate::place) fn holds(
    problem: &Problem,
    placed: &[Vec<Vec<usize>>],
    users: &Users,
    group: usize,
    clause: &ClauseKind,
) -> bool {
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
            spread_holds(problem, &placed[*role], (group, *role), *level, (*max_skew, *at_least))
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
    instances: &[Vec<usize>],
    (group, role): (usize, usize),
    level: usize,
    (max_skew, at_least): (Option<u32>, Option<u32>),
) -> bool {
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
pub(in crate::place) type Users = BTreeMap<usize, BTreeMap<Domain, BTreeSet<usize>>>;

/// Who uses accelerators where.
pub(in crate::place) fn users(problem: &Problem, placement: &Placement) -> Users {
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

pub(super) fn trespasses(problem: &Problem, users: &Users) -> Vec<Violation> {
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
pub(in crate::place) fn can_hit<D: Copy + Ord>(sets: &[BTreeSet<D>], count: u32, lost: &mut BTreeSet<D>) -> bool {
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
