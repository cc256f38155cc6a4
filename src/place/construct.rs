//! Placing one group into what is left: areas that could hold its instances, best first, with
//! bounded backtracking.

use super::candidates::{Best, candidates, holds_all, open_all};
use super::state::State;
use super::topology::{Area, CLUSTER};

/// How hard to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    /// Areas of one level tried for an instance.
    pub width: usize,
    /// Areas of one level tried for instances that talk to each other.
    pub areas: usize,
    /// Placements of an instance tried in one area.
    pub steps: usize,
}

/// Places every instance of a group that does not stand yet; on failure nothing has changed.
pub(super) fn place_group(state: &mut State, group: usize, effort: Effort) -> bool {
    let open: Vec<usize> = state.index.groups[group].instances.clone().filter(|i| !state.stands(*i)).collect();
    place_instances(state, group, &open, effort)
}

/// Places these instances of a group; on failure nothing has changed.
pub(super) fn place_instances(state: &mut State, group: usize, open: &[usize], effort: Effort) -> bool {
    for component in components(state, group, open) {
        if !place_component(state, group, &component, effort) {
            for instance in open {
                state.take_instance(*instance);
            }
            return false;
        }
    }
    true
}

/// The instances of a group in the order in which they are best placed.
pub(super) fn sequence(state: &State, group: usize) -> Vec<usize> {
    let all: Vec<usize> = state.index.groups[group].instances.clone().collect();
    components(state, group, &all).concat()
}

/// The instances of a group that talk to each other and are the hardest to place.
pub(super) fn main_component(state: &State, group: usize) -> Vec<usize> {
    let all: Vec<usize> = state.index.groups[group].instances.clone().collect();
    components(state, group, &all).into_iter().next().unwrap_or_default()
}

/// Whether a domain that is narrower than a level could hold the main component of a group.
pub(super) fn is_narrow(state: &mut State, group: usize, level: usize) -> bool {
    let demand = demand(state, &main_component(state, group));
    let narrowest = narrowest_common_level(state, &demand);
    let levels = state.index.topology.distinct.iter().rev().copied().filter(|l| (level + 1..narrowest).contains(l));
    levels.into_iter().any(|level| !common_areas(state, group, &demand, level, 1).is_empty())
}

/// Instances by roles that talk to each other, the largest first; within, cell by cell.
fn components(state: &State, group: usize, open: &[usize]) -> Vec<Vec<usize>> {
    let index = state.index;
    let row = &index.groups[group];
    let mut part: Vec<usize> = (0..row.roles.len()).collect();
    for (from, to, _) in &row.edges {
        let (a, b) = (part[from - row.roles.start], part[to - row.roles.start]);
        for p in part.iter_mut().filter(|p| **p == a.max(b)) {
            *p = a.min(b);
        }
    }
    let shares = index.problem.groups[group].clauses.iter().find_map(|c| match &c.kind {
        super::ClauseKind::Cells { shares, .. } => Some(shares),
        _ => None,
    });
    let cell = |instance: usize| {
        let (role, number) = (index.instances[instance].role - row.roles.start, index.instances[instance].number);
        let share = shares.and_then(|s| s.iter().find(|(r, _)| *r == role)).map(|(_, n)| (*n).max(1) as usize);
        share.map_or(0, |share| number / share)
    };
    let mut components: Vec<Vec<usize>> = Vec::new();
    for p in 0..part.len() {
        let mut list: Vec<usize> =
            open.iter().copied().filter(|i| part[index.instances[*i].role - row.roles.start] == p).collect();
        list.sort_by_key(|i| (cell(*i), std::cmp::Reverse(size(state, *i)), *i));
        components.push(list);
    }
    components.retain(|list| !list.is_empty());
    components.sort_by_key(|list| std::cmp::Reverse(list.iter().map(|i| size(state, *i)).max()));
    components
}

/// How hard an instance is to place: bound to narrow domains, many accelerators, many pods.
pub(super) fn size(state: &State, instance: usize) -> (i64, usize) {
    role_size(state, state.index.instances[instance].role)
}

/// The size of every instance of a role.
pub(super) fn role_size(state: &State, role: usize) -> (i64, usize) {
    let index = state.index;
    let role = &index.roles[role];
    let gpus = |class: usize| index.classes[class].request.get(index.problem.gpu).copied().unwrap_or(0);
    (role.classes.iter().map(|c| gpus(*c)).sum(), role.classes.len())
}

fn place_component(state: &mut State, group: usize, instances: &[usize], effort: Effort) -> bool {
    let index = state.index;
    let talk = index.groups[group].edges.iter().any(|(from, to, _)| {
        instances.iter().any(|i| index.instances[*i].role == *from || index.instances[*i].role == *to)
    });
    if instances.len() > 1 && talk {
        let demand = demand(state, instances);
        let narrowest = narrowest_common_level(state, &demand);
        for level in index.topology.distinct.iter().rev().filter(|l| **l > 0 && **l < narrowest) {
            for area in common_areas(state, group, &demand, *level, effort.areas) {
                if fill(state, instances, area, effort) {
                    return true;
                }
            }
        }
    }
    fill(state, instances, CLUSTER, effort)
}

/// So many instances of each role.
fn demand(state: &State, instances: &[usize]) -> Vec<(usize, i64)> {
    let mut demand: Vec<(usize, i64)> = Vec::new();
    for instance in instances {
        let role = state.index.instances[*instance].role;
        match demand.iter_mut().find(|(r, _)| *r == role) {
            Some((_, count)) => *count += 1,
            None => demand.push((role, 1)),
        }
    }
    demand
}

/// All instances of these roles fit into a domain of a wider level than this one at best.
fn narrowest_common_level(state: &State, demand: &[(usize, i64)]) -> usize {
    let index = state.index;
    let mut level = index.topology.levels;
    for (role, _) in demand {
        let row = &index.roles[*role];
        if row.role.instances < 2 {
            continue;
        }
        for spread in row.spreads.iter().map(|s| &index.spreads[*s]) {
            if spread.at_least > 1
                || spread.max_skew.is_some_and(|s| spread.domains > 1 && s < row.role.instances as i64)
            {
                level = level.min(spread.level);
            }
        }
        level = row.survivals.iter().map(|s| index.survivals[*s].level).fold(level, usize::min);
        let same = row.aparts.iter().map(|a| &index.aparts[*a]).filter(|a| a.roles.0 == a.roles.1);
        level = same.map(|a| a.level).fold(level, usize::min);
    }
    level
}

/// Areas of a level that could hold everything, the fullest first.
fn common_areas(state: &mut State, group: usize, demand: &[(usize, i64)], level: usize, width: usize) -> Vec<Area> {
    let index = state.index;
    let mut best = Best::new(width);
    let main = demand.iter().filter_map(|(role, _)| index.roles[*role].demand.first()).map(|(class, _)| *class).next();
    let Some(main) = main else { return Vec::new() };
    let each = |role: usize| index.roles[role].demand.iter().find(|(class, _)| *class == main).map_or(0, |(_, n)| *n);
    let need: i64 = demand.iter().map(|(role, count)| each(*role) * count).sum();
    open_all(state, demand);
    // Last, so that its table is not the one that gives way.
    state.open(main);
    let domains = index.topology.inside(CLUSTER, level);
    state.spend(domains.len());
    // Most domains have no room or come too late, which a look at one number tells.
    let rooms = state.rooms(main, level).unwrap_or_default();
    for (order, domain) in domains.iter().enumerate() {
        let left = rooms.get(*domain as usize).copied().unwrap_or(0);
        if left < need.max(1) {
            continue;
        }
        let area = Area { level, domain: *domain as usize };
        let pods = |(role, count): &(usize, i64)| count * index.roles[*role].classes.len() as i64;
        let unmet = demand.iter().map(|part| pods(part) * index.unmet_in(part.0, area)).sum();
        let rank = [0, unmet, 0, left, 0, order as i64];
        if best.wants(&rank) && holds_all(state, group, demand, area, false) {
            best.add(rank, area);
        }
    }
    best.areas().collect()
}

/// An attempt at an instance: its old place, or the areas in turn.
struct Frame {
    old: bool,
    areas: Vec<Area>,
    next: usize,
}

/// Places instances one after the other within an area, going back when one does not fit.
fn fill(state: &mut State, instances: &[usize], area: Area, effort: Effort) -> bool {
    let mut frames: Vec<Frame> = Vec::new();
    let mut steps = effort.steps.max(instances.len() * 2);
    while frames.len() < instances.len() || !state.stands(instances[frames.len() - 1]) {
        let depth = frames.len();
        if depth == 0 || state.stands(instances[depth - 1]) {
            let instance = instances[depth];
            let areas = candidates(state, instance, area, effort.width);
            frames.push(Frame { old: state.index.instances[instance].previous.is_some(), areas, next: 0 });
        }
        if advance(state, instances, &mut frames, &mut steps) {
            continue;
        }
        frames.pop();
        if frames.is_empty() || steps == 0 {
            for instance in instances {
                state.take_instance(*instance);
            }
            return false;
        }
        state.take_instance(instances[frames.len() - 1]);
    }
    true
}

/// Tries the rest of the last frame; whether the instance stands then.
fn advance(state: &mut State, instances: &[usize], frames: &mut [Frame], steps: &mut usize) -> bool {
    let depth = frames.len() - 1;
    let (instance, frame) = (instances[depth], &mut frames[depth]);
    if std::mem::take(&mut frame.old)
        && let Some(old) = &state.index.instances[instance].previous
        && state.put_instance(instance, old)
    {
        return true;
    }
    while let Some(area) = frame.areas.get(frame.next).copied() {
        if *steps == 0 || state.work == 0 {
            *steps = 0;
            return false;
        }
        *steps -= 1;
        frame.next += 1;
        if pack(state, instance, area) {
            return true;
        }
    }
    false
}

/// Puts the pods of an instance on machines of an area, each next to the ones before.
pub(super) fn pack(state: &mut State, instance: usize, area: Area) -> bool {
    let index = state.index;
    let role = &index.roles[index.instances[instance].role];
    let mut own: Vec<usize> = Vec::new();
    for pod in 0..role.classes.len() {
        let class = role.classes[pod];
        state.open(class);
        state.spend(index.topology.count(area));
        let room = |level: usize, m: usize| state.room(class, Area { level, domain: index.topology.domain(m, level) });
        let near = index.topology.distinct.iter().rev().nth(1).copied().unwrap_or(0);
        let rank = |m: usize| {
            let distance = own.iter().map(|o| -(index.topology.shared(*o, m) as i64)).min().unwrap_or(0);
            let wasted = i64::from(!role.accelerated[pod] && index.has_gpu(m));
            let unmet = index.unmet_on(index.instances[instance].role, m);
            (distance, unmet, wasted, -room(near, m), room(index.topology.machine_level(), m), m)
        };
        let machines = index.topology.machines(area);
        let fitting = machines.filter(|m| room(index.topology.machine_level(), *m) > 0);
        let Some((_, machine)) = fitting.filter(|m| state.check(instance, pod, *m).is_ok()).map(|m| (rank(m), m)).min()
        else {
            state.take_instance(instance);
            return false;
        };
        state.put(instance, pod, machine);
        own.push(machine);
    }
    true
}
