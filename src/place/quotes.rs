//! What a group would cost in each area, so that groups which fit into no narrow domain go where
//! their links are as short as anywhere and the least room is left over beside them.
//!
//! A quote is found by a short branch and bound. It holds until something is placed in its area, so
//! that placing a thousand equal groups needs one new quote for each of them and not one for each area.

use std::collections::{BTreeMap, BTreeSet};

use super::branch::{ENDLESS, cheapest};
use super::construct::{Effort, is_narrow, main_component, place_group};
use super::objective::{Cost, part};
use super::solve::{complete, take_group};
use super::state::{NONE, State};
use super::topology::Area;

/// Pods placed for one quote.
const STEPS: u64 = 300;

/// Quotes in all: so many, and one for so many machines.
const LEAST: usize = 2_000;
const MACHINES: usize = 2;

/// Pods of a group for which areas are compared.
const MANY: usize = 60;

/// Machines of an area at most.
const WIDE: usize = 128;

/// Cost without fragmentation, room left over in the domains that are used, and the fragmentation.
type Quote = (Cost, i64, i64);

/// Quotes by shape of groups.
pub(super) struct Quotes {
    /// The level of the areas; `None` when none is useful.
    level: Option<usize>,
    shapes: BTreeMap<usize, Shape>,
    /// Quotes that may still be made.
    left: usize,
}

/// The quotes for groups of one shape.
#[derive(Default)]
struct Shape {
    quotes: BTreeMap<usize, Quote>,
    order: BTreeSet<(Quote, usize)>,
    /// Areas in which something changed since.
    stale: BTreeSet<usize>,
}

impl Shape {
    fn set(&mut self, area: usize, quote: Option<Quote>) {
        if let Some(old) = self.quotes.remove(&area) {
            self.order.remove(&(old, area));
        }
        if let Some(quote) = quote {
            self.quotes.insert(area, quote);
            self.order.insert((quote, area));
        }
    }
}

impl Quotes {
    /// No quotes yet. They are for the widest domains that are small enough to search.
    pub fn new(state: &State) -> Self {
        let topology = &state.index.topology;
        let largest = |level: usize| {
            (0..topology.sizes[level]).map(|domain| topology.count(Area { level, domain })).max().unwrap_or(0)
        };
        let grain = state.index.grain.unwrap_or(0);
        let level = topology.distinct.iter().copied().find(|l| (1..grain).contains(l) && largest(*l) <= WIDE);
        let left = LEAST + state.index.problem.machines.len() / MACHINES;
        Quotes { level: level.filter(|_| topology.nested), shapes: BTreeMap::new(), left }
    }

    /// Places a group of which nothing stands and that fits into no narrower domain, in the area where it
    /// costs least. Whether that was done; else nothing has changed.
    pub fn place(&mut self, state: &mut State, group: usize, effort: Effort) -> bool {
        let Some(level) = self.level.filter(|level| concerns(state, group, *level)) else { return false };
        let shape = state.index.groups[group].shape;
        let table = self
            .shapes
            .entry(shape)
            .or_insert_with(|| Shape { stale: (0..state.index.topology.sizes[level]).collect(), ..Shape::default() });
        let Some(left) = self.left.checked_sub(table.stale.len() + 1) else { return false };
        self.left = left;
        for area in std::mem::take(&mut table.stale) {
            let quote = quote(state, group, Area { level, domain: area });
            take_group(state, group);
            table.set(area, quote);
        }
        let Some((_, area)) = table.order.first().copied() else { return false };
        let main: BTreeSet<usize> = main_component(state, group).into_iter().collect();
        let found = quote(state, group, Area { level, domain: area }).is_some();
        // The others are not bound to the area.
        let others = state.index.groups[group].instances.clone().filter(|i| !main.contains(i));
        others.for_each(|i| state.take_instance(i));
        if found && place_group(state, group, effort) {
            return true;
        }
        take_group(state, group);
        false
    }

    /// Notes that a group was placed.
    pub fn note(&mut self, state: &State, group: usize) {
        let Some(level) = self.level.filter(|_| !self.shapes.is_empty()) else { return };
        let pods = state.index.groups[group].instances.clone().flat_map(|i| state.index.pods_of(i));
        let machines = pods.map(|pod| state.machine_of[pod]).filter(|m| *m != NONE);
        let areas: BTreeSet<usize> = machines.map(|m| state.index.topology.domain(m as usize, level)).collect();
        self.shapes.values_mut().for_each(|shape| shape.stale.extend(&areas));
    }
}

/// Whether quotes are of use for a group: it is new, not large, its instances talk to each other, and no
/// narrower domain holds them all.
fn concerns(state: &mut State, group: usize, level: usize) -> bool {
    let row = &state.index.groups[group];
    let pods: usize = row.instances.clone().map(|i| state.index.pods_of(i).len()).sum();
    let fresh = row.instances.clone().all(|i| !state.index.instances[i].moves && state.leader(i).is_none());
    fresh && pods <= MANY && !row.edges.is_empty() && !state.index.watches_users() && !is_narrow(state, group, level)
}

/// Places a group in an area; tells what that costs.
fn quote(state: &mut State, group: usize, area: Area) -> Option<Quote> {
    let index = state.index;
    let machines: Vec<usize> = index.topology.machines(area).collect();
    let before = state.fragmentation;
    let mut steps = STEPS;
    let mut cost = cheapest(state, (&[group], &machines), ENDLESS, &BTreeMap::new(), &mut steps).cost?;
    if !complete(state, group) {
        // To leave it out is not a place for it.
        return None;
    }
    let broken = std::mem::take(&mut cost[part::FRAGMENTATION]) - before;
    let main = main_component(state, group);
    let class = main.first().and_then(|i| index.roles[index.instances[*i].role].demand.first())?.0;
    let grain = index.grain?;
    let pods = main.iter().flat_map(|i| index.pods_of(*i)).map(|pod| state.machine_of[pod] as usize);
    let domains: BTreeSet<usize> = pods.map(|m| index.topology.domain(m, grain)).collect();
    state.open(class);
    let left = domains.into_iter().map(|domain| state.room(class, Area { level: grain, domain })).sum();
    Some((cost, left, broken))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::ClauseKind;
    use crate::place::index::Index;
    use crate::place::testing::*;

    const EFFORT: Effort = Effort { width: 6, areas: 3, steps: 24 };

    /// Two prefills of two machines and two decodes of four, each within a rack.
    fn twelve(name: &str) -> crate::place::Group {
        let within = |role| ClauseKind::Instances { role, level: RACK };
        let mut group = group(name, &["2x8*2", "4x8*2"], vec![within(0), within(1)]);
        group.edges = vec![edge(0, 1, None)];
        group
    }

    #[test]
    fn short_links_first_then_little_waste() {
        // The first zone is the fullest that could hold twelve machines, but only over four racks.
        let zones = "a/r1 8 8 8 8, a/r2 8 8 8 8, a/r3 8 8, a/r4 8 8, b/r1 8 8 8 8 8 8 8, b/r2 8 8 8 8 8 8 8, \
                     c/r1 8 8 8 8 8 8 8 8, c/r2 8 8 8 8";
        let problem = with(cluster(zones), vec![twelve("g"), twelve("h"), twelve("i"), twelve("j")]);
        let index = Index::new(&problem);
        let mut state = State::new(&index);
        let mut quotes = Quotes::new(&state);
        let mut zone = |group: usize| {
            let placed = quotes.place(&mut state, group, EFFORT);
            quotes.note(&state, group);
            let pods = index.groups[group].instances.clone().flat_map(|i| index.pods_of(i));
            let zones = pods.map(|pod| state.machine_of[pod] as usize).map(|m| index.topology.domain(m, ZONE + 1));
            placed.then(|| zones.collect::<BTreeSet<usize>>().into_iter().collect::<Vec<_>>())
        };
        // What was placed in an area changes its quote.
        assert_eq!([zone(0), zone(1), zone(2), zone(3)], [Some(vec![2]), Some(vec![1]), Some(vec![0]), None]);
        assert!(index.groups[3].instances.clone().all(|i| state.leader(i).is_none()));
    }

    #[test]
    fn groups_that_fit_a_rack_are_left_alone() {
        let problem = with(cluster("a/r1 8 8 8 8 8 8 8 8 8 8 8 8, a/r2 8, b/r1 8"), vec![twelve("g")]);
        let index = Index::new(&problem);
        let mut state = State::new(&index);
        assert!(!Quotes::new(&state).place(&mut state, 0, EFFORT));
    }
}
