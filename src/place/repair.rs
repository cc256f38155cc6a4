//! Making room: what stands in the way of a group moves aside, as little as possible.

use std::collections::{BTreeMap, BTreeSet};

use super::construct::{Effort, place_group, place_instances, size};
use super::state::State;
use super::topology::{Area, CLUSTER};

/// The effort for what did not fit at first.
const MORE: Effort = Effort { width: 48, areas: 24, steps: 400 };

/// Areas looked at for one group.
const AREAS: usize = 12;

/// Attempts to make room in all.
const ATTEMPTS: usize = 400;

/// Areas and machines looked at in all: some seconds on a large cluster.
const WORK: u64 = 200_000_000;

/// Places the missing groups by letting others make room. Returns those for which it failed.
pub(super) fn repair(state: &mut State, missing: Vec<usize>) -> Vec<usize> {
    let mut left = ATTEMPTS;
    state.work = WORK;
    let missing = missing.into_iter().filter(|g| !insist(state, *g, &mut left, 2)).collect();
    state.work = u64::MAX;
    missing
}

/// Places a group with all means: a wider search, other places for its own instances, room made by others.
fn insist(state: &mut State, group: usize, left: &mut usize, depth: usize) -> bool {
    if place_group(state, group, MORE) {
        return true;
    }
    let before = state.machine_of.clone();
    let standing = state.index.groups[group].instances.clone().filter(|i| state.stands(*i));
    let mut standing: Vec<usize> = standing.collect();
    standing.sort_by_key(|i| (size(state, *i), *i));
    for instance in &standing {
        state.take_instance(*instance);
        if place_group(state, group, MORE) {
            return true;
        }
        state.restore(&before);
    }
    if standing.len() > 1 {
        standing.iter().for_each(|i| state.take_instance(*i));
        if place_group(state, group, MORE) {
            return true;
        }
        state.restore(&before);
    }
    let areas = crowded_areas(state, group);
    areas.into_iter().any(|area| {
        if *left == 0 || state.work == 0 {
            return false;
        }
        *left -= 1;
        make_room(state, group, area, left, depth) || {
            state.restore(&before);
            false
        }
    })
}

/// The areas in which the hardest missing instance would have to go, those first that lack least.
fn crowded_areas(state: &mut State, group: usize) -> Vec<Area> {
    let index = state.index;
    let missing = index.groups[group].instances.clone().filter(|i| !state.stands(*i));
    let Some(instance) = missing.max_by_key(|i| (size(state, *i), std::cmp::Reverse(*i))) else { return Vec::new() };
    let row = &index.instances[instance];
    let role = &index.roles[row.role];
    let Some((class, _)) = role.demand.first().copied() else { return Vec::new() };
    state.open(class);
    let hard = row.scopes.iter().map(|s| index.scopes[*s].level).max();
    let narrow = index.topology.distinct.iter().rev().nth(usize::from(role.classes.len() > 1)).copied();
    let level = hard.or(narrow).unwrap_or(0);
    let within = row.scopes.iter().filter_map(|s| state.scope(*s)).max_by_key(|a| a.level).unwrap_or(CLUSTER);
    if within.level >= level {
        return vec![within];
    }
    let areas = index.topology.inside(within, level).iter().map(|d| Area { level, domain: *d as usize });
    let mut areas: Vec<Area> = areas.filter(|a| index.topology.machines(*a).any(|m| index.admits(class, m))).collect();
    areas.sort_by_cached_key(|a| (std::cmp::Reverse(state.room(class, *a)), a.domain));
    areas.truncate(AREAS);
    areas
}

/// Ejects instances from an area, the easiest first, until the group fits, and finds them other places.
fn make_room(state: &mut State, group: usize, area: Area, left: &mut usize, depth: usize) -> bool {
    let machines: BTreeSet<usize> = state.index.topology.machines(area).collect();
    let mut victims: Vec<usize> = (0..state.index.instances.len())
        .filter(|i| state.index.instances[*i].group != group && state.stands(*i))
        .filter(|i| state.machines(*i).iter().any(|m| machines.contains(m)))
        .collect();
    victims.sort_by_cached_key(|i| (state.index.instances[*i].moves, size(state, *i), *i));
    let mut ejected: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut placed = false;
    for victim in victims {
        ejected.entry(state.index.instances[victim].group).or_default().push(victim);
        state.take_instance(victim);
        placed = place_group(state, group, MORE);
        if placed || state.work == 0 {
            break;
        }
    }
    placed
        && ejected.into_iter().all(|(other, instances)| {
            place_instances(state, other, &instances, MORE)
                || (depth > 0 && *left > 0 && {
                    *left -= 1;
                    insist(state, other, left, depth - 1)
                })
        })
}

/// Lets moved instances return to where they were, as far as that is free again.
pub(super) fn return_home(state: &mut State) {
    for instance in 0..state.index.instances.len() {
        let Some(old) = &state.index.instances[instance].previous else { continue };
        let now = state.machines(instance);
        if now == *old {
            continue;
        }
        state.take_instance(instance);
        if !state.put_instance(instance, old) {
            for (pod, machine) in now.into_iter().enumerate() {
                state.put(instance, pod, machine);
            }
        }
    }
}
