//! From a plan to a better one: parts of it are placed anew, and stay where they are unless the whole
//! gets cheaper.

use std::collections::{BTreeMap, BTreeSet};

use super::branch::{cheapest, users};
use super::construct::role_size;
use super::objective::{Cost, add, group_cost, part};
use super::prove::{self, Known};
use super::solve::{complete, take_group};
use super::state::State;
use super::topology::Area;

/// Machines up to which all groups are placed anew at once.
const SMALL: usize = 64;

/// Pods placed to find a better place for one group.
const ONE: u64 = 300;

/// Pods placed to improve a cluster, for each machine, and at first for one of its areas.
const EACH: u64 = 40;
const MOST: u64 = 1_000_000;
const AREA: u64 = 400;

/// Pods of a group from which on it stays where it was put first.
const MANY: usize = 300;

/// Machines of an area that is placed anew as a whole.
const WIDE: usize = 128;

/// Groups placed anew at a time, and areas tried for one of them.
const GROUPS: usize = 10;
const TRIED: usize = 8;

/// Makes a plan cheaper. Returns what every plan costs at least.
pub(super) fn improve(state: &mut State) -> Known {
    let effort = u64::from(state.index.problem.effort.max(1));
    let all: Vec<usize> = (0..state.index.groups.len()).collect();
    let machines: Vec<usize> = (0..state.index.problem.machines.len()).collect();
    let small = machines.len() <= SMALL;
    if small {
        for group in &all {
            anew(state, (&[*group], &machines), &BTreeMap::new(), &mut (ONE * effort));
        }
    }
    Neighbourhoods::new(state, MOST.min(EACH * machines.len() as u64) * effort).improve(state);
    if small { prove::prove(state, effort) } else { Known::default() }
}

/// Where instances stand.
pub(super) type Stands = Vec<(usize, Vec<usize>)>;

pub(super) fn save(state: &State, groups: &[usize]) -> Stands {
    let instances = groups.iter().flat_map(|g| state.index.groups[*g].instances.clone());
    instances.filter(|i| state.stands(*i)).map(|i| (i, state.machines(i))).collect()
}

pub(super) fn restore(state: &mut State, stands: &Stands) {
    for (instance, machines) in stands {
        machines.iter().enumerate().for_each(|(pod, machine)| state.put(*instance, pod, *machine));
    }
}

/// Places groups anew on some machines: at less cost, or as they were. Returns what they cost at
/// least, and whether they got cheaper.
pub(super) fn anew(
    state: &mut State,
    (groups, machines): (&[usize], &[usize]),
    floors: &BTreeMap<usize, Cost>,
    steps: &mut u64,
) -> (Cost, bool) {
    let below = cost_of(state, groups);
    let before = save(state, groups);
    groups.iter().for_each(|g| take_group(state, *g));
    let verdict = cheapest(state, (groups, machines), below, floors, steps);
    if verdict.cost.is_none() {
        restore(state, &before);
    }
    (verdict.floor, verdict.cost.is_some())
}

/// What groups cost, with the whole fragmentation.
pub(super) fn cost_of(state: &State, groups: &[usize]) -> Cost {
    let users = users(state);
    let mut total = [0; 7];
    for group in groups {
        let rows = complete(state, *group).then(|| state.rows(*group));
        add(&mut total, &group_cost(state.index, *group, rows.as_deref(), &users));
    }
    total[part::FRAGMENTATION] = state.fragmentation;
    total
}

/// Large neighbourhood search: groups that cost more than others of their shape are placed anew
/// together with those around them, area by area.
struct Neighbourhoods {
    /// The level of the areas.
    level: usize,
    /// Groups with a pod in each area.
    tenants: Vec<BTreeSet<usize>>,
    /// What each group costs alone.
    costs: Vec<Cost>,
    /// The least of those by shape.
    floors: BTreeMap<usize, Cost>,
    steps: u64,
}

impl Neighbourhoods {
    fn new(state: &State, steps: u64) -> Self {
        let topology = &state.index.topology;
        let largest = |level: usize| {
            (0..topology.sizes[level]).map(|domain| topology.count(Area { level, domain })).max().unwrap_or(0)
        };
        let mut levels = topology.distinct.iter().copied().filter(|l| *l != topology.machine_level());
        let level = levels.clone().find(|l| largest(*l) <= WIDE).or(levels.next_back()).unwrap_or(0);
        let mut all = Neighbourhoods {
            level,
            tenants: vec![BTreeSet::new(); topology.sizes[level]],
            costs: vec![[0; 7]; state.index.groups.len()],
            floors: BTreeMap::new(),
            steps,
        };
        (0..state.index.groups.len()).for_each(|g| all.note(state, g));
        all
    }

    /// Notes where a group stands and what it costs.
    fn note(&mut self, state: &State, group: usize) {
        for area in self.areas(state, group) {
            self.tenants[area].insert(group);
        }
        let mut cost = cost_of(state, &[group]);
        cost[part::FRAGMENTATION] = 0;
        self.costs[group] = cost;
        let row = &state.index.groups[group];
        if row.instances.clone().all(|i| !state.index.instances[i].moves) {
            let floor = self.floors.entry(row.shape).or_insert(cost);
            *floor = cost.min(*floor);
        }
    }

    fn areas(&self, state: &State, group: usize) -> BTreeSet<usize> {
        let pods = state.index.groups[group].instances.clone().flat_map(|i| state.index.pods_of(i));
        let machines = pods.map(|pod| state.machine_of[pod]).filter(|m| *m != super::state::NONE);
        machines.map(|m| state.index.topology.domain(m as usize, self.level)).collect()
    }

    /// Whether a group could stand better: it costs more than another of its shape.
    fn wants(&self, state: &State, group: usize) -> bool {
        let floor = self.floors.get(&state.index.groups[group].shape).copied().unwrap_or([0; 7]);
        let settled = state.index.groups[group]
            .instances
            .clone()
            .all(|i| state.index.instances[i].previous.as_ref().is_some_and(|old| *old == state.machines(i)));
        let pods: usize = state.index.groups[group].instances.clone().map(|i| state.index.pods_of(i).len()).sum();
        self.costs[group] > floor && pods < MANY && (!settled || state.index.problem.groups[group].locality)
    }

    /// Looks at every group that could stand better, again as long as that helps, then with more work.
    fn improve(&mut self, state: &mut State) {
        let mut wider = 0;
        while self.steps > 0 && wider < 3 {
            let mut open: Vec<usize> = (0..self.costs.len()).filter(|g| self.wants(state, *g)).collect();
            open.sort_by_cached_key(|g| (std::cmp::Reverse(self.excess(state, *g)), *g));
            let mut better = 0;
            for group in open {
                better += usize::from(self.wants(state, group) && self.improve_group(state, group, wider));
            }
            wider += usize::from(better == 0);
        }
    }

    fn excess(&self, state: &State, group: usize) -> Cost {
        let mut excess = self.costs[group];
        let floor = self.floors.get(&state.index.groups[group].shape).copied().unwrap_or([0; 7]);
        excess.iter_mut().zip(floor).for_each(|(cost, floor)| *cost -= floor);
        excess
    }

    /// Tries the areas for a group, those where it stands first, then those with the most room.
    fn improve_group(&mut self, state: &mut State, group: usize, wider: usize) -> bool {
        let own = self.areas(state, group);
        let wanted: Vec<usize> = state.index.groups[group].roles.clone().collect();
        let Some(main) = wanted.into_iter().max_by_key(|r| role_size(state, *r)) else { return false };
        let Some(class) = state.index.roles[main].classes.first().copied() else { return false };
        state.open(class);
        let mut areas: Vec<(bool, i64, usize)> = (0..self.tenants.len())
            .map(|d| (!own.contains(&d), -state.room(class, Area { level: self.level, domain: d }), d))
            .collect();
        areas.sort_unstable();
        for (_, _, area) in areas.into_iter().take(own.len() + (TRIED << wider)) {
            if self.steps == 0 {
                return false;
            }
            if self.improve_area(state, group, (area, AREA << (2 * wider)), &own) {
                return true;
            }
        }
        false
    }

    /// Places a group and those that stand wholly in an area anew, there and where the group was.
    fn improve_area(
        &mut self,
        state: &mut State,
        group: usize,
        (area, most): (usize, u64),
        own: &BTreeSet<usize>,
    ) -> bool {
        let inside = |g: &usize| self.areas(state, *g).iter().all(|a| *a == area || own.contains(a));
        let mut others: Vec<usize> =
            self.tenants[area].iter().copied().filter(|g| *g != group && self.free(state, *g) && inside(g)).collect();
        others.sort_by_cached_key(|g| (std::cmp::Reverse(self.excess(state, *g)), *g));
        let mut groups = vec![group];
        groups.extend(others.into_iter().take(GROUPS - 1));
        let topology = &state.index.topology;
        let machines: Vec<usize> = topology.machines(Area { level: self.level, domain: area }).collect();
        let mut steps = most.min(self.steps);
        self.steps -= steps;
        let before: Vec<BTreeSet<usize>> = groups.iter().map(|g| self.areas(state, *g)).collect();
        let (_, better) = anew(state, (&groups, &machines), &self.floors, &mut steps);
        self.steps += steps;
        if better {
            for (g, areas) in groups.iter().zip(before) {
                areas.into_iter().for_each(|a| _ = self.tenants[a].remove(g));
                self.note(state, *g);
            }
        }
        better
    }

    /// Whether a group may be placed anew for the sake of another: it did not stand anywhere before.
    fn free(&self, state: &State, group: usize) -> bool {
        complete(state, group) && state.index.groups[group].instances.clone().all(|i| !state.index.instances[i].moves)
    }
}
