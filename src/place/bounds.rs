//! Counting arguments that show early that what is left cannot be placed.

use std::collections::{BTreeMap, BTreeSet};

use super::candidates::{holds, scope_fits};
use super::state::State;
use super::topology::{Area, CLUSTER};

/// Largest free amount for which sums of pods are counted one by one.
const SUMS: i64 = 256;

/// What is left to place.
pub(super) struct Rest {
    /// Pods by class.
    pub classes: BTreeMap<usize, i64>,
    /// Whole instances by role.
    roles: BTreeMap<usize, i64>,
    /// Scopes that more than one instance or a begun one is bound to.
    scopes: BTreeSet<usize>,
}

impl Rest {
    /// What a state lacks.
    pub fn new(state: &State) -> Self {
        let index = state.index;
        let mut rest = Rest { classes: BTreeMap::new(), roles: BTreeMap::new(), scopes: BTreeSet::new() };
        for (i, row) in index.instances.iter().enumerate().filter(|(i, _)| !state.stands(*i)) {
            for (class, pod) in index.roles[row.role].classes.iter().zip(index.pods_of(i)) {
                if state.machine_of[pod] == super::state::NONE {
                    *rest.classes.entry(*class).or_default() += 1;
                }
            }
            if state.leader(i).is_none() {
                *rest.roles.entry(row.role).or_default() += 1;
            }
            let bound = |s: &&usize| index.scopes[**s].runs.len() > 1 || state.scope(**s).is_some();
            rest.scopes.extend(row.scopes.iter().filter(bound));
            rest.scopes.extend(&row.leader_scopes);
        }
        rest
    }
}

/// A resource is short: counted in pods of at least some size, and in what pods can add up to.
pub(super) fn crowded(state: &State, column: usize, rest: &BTreeMap<usize, i64>) -> bool {
    let index = state.index;
    let amount = |class: usize| index.classes[class].request.get(column).copied().unwrap_or(0);
    let machines = (0..index.problem.machines.len()).filter(|m| index.problem.machines[*m].closed.is_none());
    let free: Vec<i64> = machines.map(|m| state.free[m * index.columns + column]).collect();
    let thresholds: BTreeSet<i64> = rest.keys().map(|c| amount(*c)).filter(|a| *a > 0).collect();
    let short = |threshold: i64| {
        let need: i64 = rest.iter().filter(|(c, _)| amount(**c) >= threshold).map(|(_, n)| n).sum();
        free.iter().map(|f| f / threshold).sum::<i64>() < need
    };
    if thresholds.is_empty() {
        return false;
    }
    if thresholds.into_iter().any(short) {
        return true;
    }
    let need = rest.iter().map(|(class, count)| amount(*class).saturating_mul(*count)).fold(0, i64::saturating_add);
    let sums = reachable(rest.iter().map(|(c, n)| (amount(*c), *n)), free.iter().copied().max().unwrap_or(0));
    let usable = |free: &i64| match &sums {
        Some(sums) => (0..=*free as usize).rev().find(|sum| sums[*sum]).unwrap_or(0) as i64,
        None => *free,
    };
    free.iter().map(usable).fold(0, i64::saturating_add) < need
}

/// Which amounts up to `largest` are sums of these; `None` when that is too much to count.
fn reachable(amounts: impl Iterator<Item = (i64, i64)>, largest: i64) -> Option<Vec<bool>> {
    if !(0..=SUMS).contains(&largest) {
        return None;
    }
    let mut reached = vec![false; largest as usize + 1];
    reached[0] = true;
    for (size, count) in amounts.filter(|(size, _)| (1..=largest).contains(size)) {
        for _ in 0..count.min(largest / size) {
            for sum in (size as usize..reached.len()).rev() {
                reached[sum] |= reached[sum - size as usize];
            }
        }
    }
    Some(reached)
}

/// A role has fewer places than instances left, or a scope no domain that could hold its rest.
pub(super) fn scopes_hopeless(state: &mut State, rest: &Rest) -> bool {
    let index = state.index;
    for (role, count) in &rest.roles {
        if !holds(state, index.roles[*role].group, &[(*role, *count)], CLUSTER, false) {
            return true;
        }
    }
    rest.scopes.iter().any(|scope| match state.scope(*scope) {
        Some(area) => !scope_fits(state, *scope, area),
        None => {
            let level = index.scopes[*scope].level;
            let areas = (0..index.topology.sizes[level]).map(|domain| Area { level, domain });
            !areas.into_iter().any(|area| scope_fits(state, *scope, area))
        }
    })
}
