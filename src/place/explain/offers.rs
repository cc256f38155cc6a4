//! What each level has to offer, and why it is not more.

use crate::place::conflict::{Excluded, Offer};
use crate::place::index::Index;
use crate::place::slots::room;
use crate::place::state::State;
use crate::place::topology::{Area, CLUSTER};
use crate::place::{ClauseKind, Problem};

/// What the groups of the compilation have left: the problem before, and who stands on each machine.
pub(super) type Before<'a> = (&'a Problem, &'a [Vec<usize>]);

/// For each level, narrowest first, the domain with most room for pods of the role.
pub(super) fn offers(lone: &Problem, group: usize, role: usize, before: Option<Before>) -> Vec<Offer> {
    let index = Index::new(lone);
    let state = State::new(&index);
    let topology = &index.topology;
    let Some((class, _)) = index.roles[role].demand.first().copied() else { return Vec::new() };
    let guarded = index.roles[role].accelerated.iter().any(|a| *a);
    let fits = |m: usize| {
        let open = !guarded || state.check_exclusive(0, m).is_ok();
        if open { room(&index, &state.free, class, m) } else { 0 }
    };
    let mut offers = Vec::new();
    for level in (0..topology.machine_level()).rev() {
        let mut best: Option<(i64, Area)> = None;
        let own = [0];
        let domains = if level == 0 { &own[..] } else { topology.inside(CLUSTER, level) };
        for area in domains.iter().map(|d| Area { level, domain: *d as usize }).filter(|a| topology.is_known(*a)) {
            let pods: i64 = topology.machines(area).map(fits).sum();
            if best.is_none_or(|(most, _)| pods > most) {
                best = Some((pods, area));
            }
        }
        let Some((pods, area)) = best else { continue };
        let shut = topology.machines(area).filter(|m| fits(*m) == 0);
        let excluded = shut.map(|m| (m, why_not(&index, class, m, group, before))).collect();
        let named = |l: usize| lone.domains.get(l).and_then(|names| names.get(area.domain)).cloned();
        let level = level.checked_sub(1);
        let name = level.and_then(named).unwrap_or_default();
        offers.push(Offer { level, domain: area.domain, name, pods: pods as usize, excluded });
    }
    offers
}

/// Why a machine takes no pod of a class.
fn why_not(index: &Index, class: usize, machine: usize, group: usize, before: Option<Before>) -> Excluded {
    if let Some(reason) = index.problem.machines[machine].closed {
        return Excluded::Closed(reason);
    }
    if !index.admits(class, machine) {
        return Excluded::Ineligible;
    }
    let request = &index.classes[class].request;
    let short = |problem: &Problem| {
        let free = |c: usize| problem.machines[machine].free.get(c).copied().unwrap_or(0);
        (0..request.len()).find(|c| request[*c] > free(*c)).map(|resource| (resource, free(resource)))
    };
    let (first, tenants) = before.unwrap_or((index.problem, &[]));
    if let Some((resource, free)) = short(first) {
        return Excluded::Short { resource, free };
    }
    match short(index.problem) {
        Some(_) => {
            let others = tenants.get(machine).into_iter().flatten().copied();
            Excluded::Used(others.filter(|g| *g != group).min())
        }
        None => Excluded::Exclusive(neighbour(index, machine, group, tenants)),
    }
}

/// The first group of the compilation that shares a domain with a machine which somebody wants alone.
fn neighbour(index: &Index, machine: usize, group: usize, tenants: &[Vec<usize>]) -> Option<usize> {
    let problem = index.problem;
    let among = |level: usize, domain: usize| {
        let inside = |set: &std::collections::BTreeSet<usize>| set.contains(&domain);
        let own = ClauseKind::Exclusive { level };
        let alone = problem.groups.iter().flat_map(|g| &g.clauses).any(|c| c.prefer.is_none() && c.kind == own);
        problem.taken.get(level).is_some_and(inside) || (alone && problem.occupied.get(level).is_some_and(inside))
    };
    let domains = problem.machines[machine].domains.iter().enumerate();
    let (level, domain) = domains.filter_map(|(l, d)| Some((l, (*d)?))).find(|(l, d)| among(*l, *d))?;
    let there = |m: usize| problem.machines[m].domains.get(level) == Some(&Some(domain));
    let others = tenants.iter().enumerate().filter(|(m, _)| there(*m)).flat_map(|(_, groups)| groups);
    others.copied().filter(|g| *g != group).min()
}
