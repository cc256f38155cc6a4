//! Single changes that would make a group fit; each is tried before it is offered.

use super::{fails, need};
use crate::place::conflict::{Offer, Remedy};
use crate::place::index::Index;
use crate::place::slots::room;
use crate::place::state::State;
use crate::place::{ClauseKind, Group, Problem};

/// Machines that are added at most when asking how many are missing.
const MORE_MACHINES: usize = 4;

/// Replica counts that are tried at most.
const FEWER: usize = 8;

/// Changes that make the group fit, each tried.
pub(super) fn remedies_for(
    lone: &Problem,
    clauses: &[usize],
    edges: &[usize],
    role: usize,
    nearest: &[Offer],
) -> Vec<Remedy> {
    let solves = |change: &dyn Fn(&mut Problem)| {
        let mut changed = lone.clone();
        change(&mut changed);
        fails(&changed).is_none()
    };
    let mut found = Vec::new();
    for clause in clauses.iter().copied() {
        let now = wide_level(&mut lone.groups[0].clone(), clause).map(|l| *l).unwrap_or(0);
        let widen = |level: usize| {
            move |p: &mut Problem| {
                if let Some(l) = wide_level(&mut p.groups[0], clause) {
                    *l = level;
                }
            }
        };
        match (0..now).rev().find(|level| solves(&widen(*level))) {
            Some(level) => found.push(Remedy::Widen { clause, level }),
            None if solves(&|p| p.groups[0].clauses[clause].prefer = Some(1)) => found.push(Remedy::Drop { clause }),
            None => {}
        }
    }
    let floors = edges.iter().copied().filter(|e| solves(&|p| p.groups[0].edges[*e].floor = None));
    found.extend(floors.map(|edge| Remedy::Floor { edge }));
    let instances = lone.groups[0].roles[role].instances;
    let fewer = (1..instances).rev().take(FEWER).find(|n| solves(&|p| p.groups[0].roles[role].instances = *n));
    found.extend(fewer.map(|instances| Remedy::Replicas { instances }));
    found.extend(more_machines(lone, role, nearest));
    found
}

/// The level of a clause that gets easier to meet when it is wider.
fn wide_level(group: &mut Group, clause: usize) -> Option<&mut usize> {
    match &mut group.clauses[clause].kind {
        ClauseKind::Instances { level, .. }
        | ClauseKind::Together { level, .. }
        | ClauseKind::Cells { level, .. }
        | ClauseKind::Near { level, .. } => Some(level),
        ClauseKind::Spread { .. }
        | ClauseKind::Apart { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Survive { .. } => None,
    }
}

/// How many machines more, like the roomiest one for these pods, would do in the nearest domain.
fn more_machines(lone: &Problem, role: usize, nearest: &[Offer]) -> Option<Remedy> {
    let index = Index::new(lone);
    let state = State::new(&index);
    let (class, _) = index.roles[role].demand.first().copied()?;
    let like = (0..lone.machines.len()).rev().max_by_key(|m| room(&index, &state.free, class, *m))?;
    if room(&index, &state.free, class, like) == 0 {
        return None;
    }
    let level = need(lone, role, &required(&lone.groups[0])).level;
    let offer = nearest.iter().find(|o| o.level == level)?;
    let domain = level.and_then(|l| lone.domains.get(l)?.iter().position(|name| *name == offer.name));
    let within = |m: &usize| level.is_none_or(|l| lone.machines[*m].domains.get(l).copied().flatten() == domain);
    let beside = (0..lone.machines.len()).find(within)?;
    let mut more = lone.clone();
    for machines in 1..=MORE_MACHINES {
        let mut machine = lone.machines[like].clone();
        machine.name = format!("new-{machines}");
        machine.domains = lone.machines[beside].domains.clone();
        if let Some(node) = machine.domains.last_mut() {
            *node = None;
        }
        more.machines.push(machine);
        more.eligible.iter_mut().for_each(|set| {
            let same = set.get(like).copied().unwrap_or(false);
            set.push(same);
        });
        if fails(&more).is_none() {
            return Some(Remedy::Machines { machines, like, domain: level.zip(domain) });
        }
    }
    None
}

fn required(group: &Group) -> Vec<usize> {
    (0..group.clauses.len()).filter(|c| group.clauses[*c].prefer.is_none()).collect()
}
