//! Branch and bound: the cheapest placement of some groups on some machines while all else stays,
//! with a proof.
//!
//! Groups are placed one after the other, pod by pod, each pod on one machine of every kind that is
//! different for the rest of the search. Costs are compared as a whole, the most important number
//! first; such vectors keep their order when they are added, so what a group costs at least when it
//! has the machines for itself counts against every plan that still lacks it.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::objective::{Cost, INSIDE, add, group_cost, link_part, part};
use super::solve::complete;
use super::state::State;
use super::{Placement, verify};

mod guide;
mod layout;
mod orbits;
mod rest;

pub(super) use guide::Guide;
use guide::View;
use layout::Layout;
use orbits::Orbits;

/// More than any plan costs.
pub(super) const ENDLESS: Cost = [1 << 48; 7];

/// Pods placed at most to learn what a group costs for itself.
const ALONE: u64 = 2_000;

/// What a search found.
pub(super) struct Verdict {
    /// The cost of the plan that was found and now stands; `None` when none is below the bound, and
    /// then the groups do not stand.
    pub cost: Option<Cost>,
    /// What every plan of the groups costs at least.
    pub floor: Cost,
    /// Whether the search came to its end: then no plan costs less.
    pub complete: bool,
}

/// A choice for the next pod.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The whole instance where it was.
    Old,
    Machine(usize),
    /// The group is left out.
    Nowhere,
}

/// A partial plan: how far it is and what it costs.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// Position of the next pod.
    at: usize,
    /// Cost of the groups that stand or are left out.
    closed: Cost,
    /// Links, moves and machines that are not the preferred ones of the group that is begun.
    begun: Cost,
    /// Links inside the instance that is begun.
    inside: i64,
    /// The fragmentation at the end, at least.
    broken: i64,
}

struct Frame {
    node: Node,
    /// Pods placed before.
    depth: usize,
    /// What each choice adds, the cheapest first.
    choices: Vec<(Cost, Choice)>,
    next: usize,
}

struct Search<'a, 'g, 'm, 'i, 'p> {
    layout: &'a Layout,
    /// What the rest costs at least by prices, where these are known.
    guide: Option<&'g mut Guide<'m, 'i, 'p>>,
    orbits: Orbits,
    /// What the groups from each position of the order on cost at least.
    open: Vec<Cost>,
    alone: Vec<Cost>,
    best: Cost,
    plan: Option<Vec<(usize, usize, usize)>>,
    trail: Vec<(usize, usize)>,
    /// The least cost with which each situation was reached.
    seen: BTreeMap<(usize, u128), Cost>,
    steps: &'a mut u64,
}

/// What each group costs at least when only what stands now is in its way.
pub(super) fn floors(
    state: &mut State,
    groups: &[usize],
    machines: &[usize],
    steps: &mut u64,
) -> BTreeMap<usize, Cost> {
    let mut floors: BTreeMap<usize, Cost> = BTreeMap::new();
    for group in groups {
        let shape = state.index.groups[*group].shape;
        floors.entry(shape).or_insert_with(|| alone_cost(state, *group, machines, steps));
    }
    floors
}

/// Finds the cheapest placement of groups that do not stand, on these machines, if it costs less
/// than `below`: the sum of what the groups cost and of the whole fragmentation. `floors` tells by
/// shape what a group costs at least. `steps` is the work budget in pods placed, and what is left of
/// it afterwards.
pub(super) fn cheapest(
    state: &mut State,
    (groups, machines): (&[usize], &[usize]),
    below: Cost,
    floors: &BTreeMap<usize, Cost>,
    steps: &mut u64,
) -> Verdict {
    guided(state, (groups, machines), below, floors, None, steps)
}

/// The same for all groups that do not stand, with what is known about the rest of a plan.
pub(super) fn guided(
    state: &mut State,
    (groups, machines): (&[usize], &[usize]),
    below: Cost,
    floors: &BTreeMap<usize, Cost>,
    guide: Option<&mut Guide>,
    steps: &mut u64,
) -> Verdict {
    let layout = Layout::new(state, groups, machines);
    let alone = |g: &usize| {
        let empty = !layout.places.iter().any(|p| p.group == *g);
        let known = floors.get(&state.index.groups[*g].shape).filter(|_| !empty).copied();
        known.unwrap_or_else(|| layout.least(state, *g))
    };
    let alone: Vec<Cost> = layout.groups.iter().map(alone).collect();
    let mut open = vec![[0; 7]; alone.len() + 1];
    for at in (0..alone.len()).rev() {
        open[at] = open[at + 1];
        add(&mut open[at], &alone[at]);
    }
    let mut floor = open[0];
    floor[part::FRAGMENTATION] = rest::least(state, &layout, 0).max(state.fragmentation);
    let orbits = Orbits::new(state, &layout);
    let mut search = Search {
        layout: &layout,
        guide,
        orbits,
        open,
        alone,
        best: below,
        plan: None,
        trail: Vec::new(),
        seen: BTreeMap::new(),
        steps,
    };
    let complete = search.run(state);
    search.unwind(state, 0);
    let (best, plan) = (search.best, search.plan);
    let cost = plan.map(|plan| {
        plan.into_iter().for_each(|(instance, pod, machine)| state.put(instance, pod, machine));
        best
    });
    let floor = if complete { cost.unwrap_or(below) } else { floor };
    Verdict { cost, floor, complete }
}

/// What a group costs at least when only what stands now is in its way, without fragmentation.
fn alone_cost(state: &mut State, group: usize, machines: &[usize], steps: &mut u64) -> Cost {
    let before = state.fragmentation;
    let mut few = ALONE.min(*steps);
    *steps -= few;
    let verdict = cheapest(state, (&[group], machines), ENDLESS, &BTreeMap::new(), &mut few);
    *steps += few;
    if verdict.cost.is_some() {
        state.index.groups[group].instances.clone().for_each(|i| state.take_instance(i));
    }
    debug_assert_eq!(before, state.fragmentation);
    let mut floor = verdict.floor;
    floor[part::FRAGMENTATION] = 0;
    floor
}

impl Search<'_, '_, '_, '_, '_> {
    /// Whether the search was complete.
    fn run(&mut self, state: &mut State) -> bool {
        let mut closed = [0; 7];
        for group in self.layout.groups.iter().filter(|g| !self.layout.places.iter().any(|p| p.group == **g)) {
            add(&mut closed, &group_cost(state.index, *group, Some(&state.rows(*group)), &verify::Users::new()));
        }
        let root = Node { at: 0, closed, begun: [0; 7], inside: 0, broken: state.fragmentation };
        let mut frames: Vec<Frame> = Vec::new();
        frames.extend(self.expand(state, root));
        while let Some(frame) = frames.last_mut() {
            let Some((more, choice)) = frame.choices.get(frame.next).copied() else {
                frames.pop();
                continue;
            };
            frame.next += 1;
            let (node, depth) = (frame.node, frame.depth);
            self.unwind(state, depth);
            if self.floor(state, &node, &more, choice) >= self.best {
                continue;
            }
            if *self.steps == 0 {
                return false;
            }
            *self.steps -= 1;
            if let Some(node) = self.apply(state, node, &more, choice) {
                frames.extend(self.expand(state, node));
            }
        }
        true
    }

    fn unwind(&mut self, state: &mut State, depth: usize) {
        while self.trail.len() > depth {
            if let Some((instance, pod)) = self.trail.pop() {
                self.orbits.forget(state, instance, pod, |state| state.take(instance, pod));
            }
        }
    }

    /// What every plan costs at least that makes this choice here.
    fn floor(&self, state: &State, node: &Node, more: &Cost, choice: Choice) -> Cost {
        let place = &self.layout.places[node.at];
        let mut floor = node.closed;
        let mut begun = node.begun;
        let broken = state.fragmentation + more[part::FRAGMENTATION];
        add(&mut begun, more);
        begun[part::FRAGMENTATION] = 0;
        if !matches!(choice, Choice::Nowhere) {
            let links = link_part(state.index, place.group);
            let inside = match choice {
                Choice::Old => place.inside,
                _ if place.pod == 0 => 0,
                _ => node.inside + more[links],
            };
            begun[links] += place.rest + (place.inside - inside).max(0);
            begun = begun.max(self.alone[place.order]);
        }
        add(&mut floor, &begun);
        add(&mut floor, &self.open[place.order + 1]);
        floor[part::FRAGMENTATION] = broken.max(node.broken);
        floor
    }

    fn apply(&mut self, state: &mut State, mut node: Node, more: &Cost, choice: Choice) -> Option<Node> {
        let place = &self.layout.places[node.at];
        let (instance, pod) = (place.instance, place.pod);
        match choice {
            Choice::Nowhere => {
                add(&mut node.closed, more);
                (node.at, node.begun, node.inside) = (place.group_end, [0; 7], 0);
                return Some(node);
            }
            Choice::Old => {
                let old = state.index.instances[instance].previous.clone().unwrap_or_default();
                for (pod, machine) in old.iter().enumerate() {
                    self.put(state, instance, pod, *machine);
                }
                (node.at, node.inside) = (node.at + old.len(), 0);
            }
            Choice::Machine(machine) => {
                self.put(state, instance, pod, machine);
                node.inside = if pod == 0 { 0 } else { node.inside + more[link_part(state.index, place.group)] };
                node.at += 1;
            }
        }
        add(&mut node.begun, more);
        node.begun[part::FRAGMENTATION] = 0;
        if node.at == place.group_end {
            let rows = state.rows(place.group);
            add(&mut node.closed, &group_cost(state.index, place.group, Some(&rows), &verify::Users::new()));
            (node.begun, node.inside) = ([0; 7], 0);
        }
        Some(node)
    }

    fn put(&mut self, state: &mut State, instance: usize, pod: usize, machine: usize) {
        state.put(instance, pod, machine);
        self.orbits.note(state, machine);
        self.trail.push((instance, pod));
    }

    /// The choices for the next pod; `None` at the end, and where it is seen at once that none is better.
    fn expand(&mut self, state: &mut State, mut node: Node) -> Option<Frame> {
        let Some(place) = self.layout.places.get(node.at) else {
            self.finish(state, &node);
            return None;
        };
        if place.starts_group() {
            if !rest::fits(state, self.layout, place.order) && !state.index.problem.partial {
                return None;
            }
            node.broken = node.broken.max(rest::least(state, self.layout, place.order));
        }
        self.orbits.gather(state, self.layout, place);
        if place.pod == 0 {
            let mut sum = node.closed;
            add(&mut sum, &node.begun);
            sum[part::FRAGMENTATION] = state.fragmentation;
            let key = (node.at, self.orbits.whole());
            if self.seen.get(&key).is_some_and(|before| *before <= sum) {
                return None;
            }
            self.seen.insert(key, sum);
            if self.excludes(state, &node) {
                return None;
            }
        }
        let choices = self.choices(state, &node);
        Some(Frame { node, depth: self.trail.len(), choices, next: 0 })
    }

    /// Whether prices show that nothing better comes from here.
    fn excludes(&mut self, state: &State, node: &Node) -> bool {
        let place = &self.layout.places[node.at];
        let Some(guide) = &mut self.guide else { return false };
        let mut closed = node.closed;
        add(&mut closed, &node.begun);
        let open = place.order + usize::from(!place.starts_group());
        let view = View { closed, open, layout: self.layout, alone: &self.alone };
        let before = guide.work;
        let excluded = guide.excludes(state, &view, &self.best);
        *self.steps = self.steps.saturating_sub(guide.work - before);
        excluded
    }

    fn choices(&mut self, state: &mut State, node: &Node) -> Vec<(Cost, Choice)> {
        let index = state.index;
        let place = &self.layout.places[node.at];
        let (instance, pod) = (place.instance, place.pod);
        let row = &index.instances[instance];
        let links = link_part(index, place.group);
        let mut ranked: Vec<(Cost, [i64; 3], Choice)> = Vec::new();
        let old = row.previous.as_ref().filter(|_| pod == 0);
        if let Some(old) = old.filter(|old| old.iter().all(|m| self.layout.has(*m))) {
            let before = state.fragmentation;
            if state.put_instance(instance, old) {
                let mut more = [0; 7];
                more[links] = leader_links(state, instance, old[0]) + INSIDE * inside_links(index, old);
                more[part::UNMET] = old.iter().map(|machine| index.unmet_on(row.role, *machine)).sum();
                more[part::FRAGMENTATION] = state.fragmentation - before;
                state.take_instance(instance);
                ranked.push((more, [i64::MIN; 3], Choice::Old));
            }
        }
        let mut kinds: BTreeSet<u128> = BTreeSet::new();
        let own: Vec<usize> = (row.first_pod..row.first_pod + pod).map(|p| state.machine_of[p] as usize).collect();
        for (at, machine) in self.layout.machines.iter().copied().enumerate() {
            if !kinds.insert(self.orbits.of(at)) || state.check(instance, pod, machine).is_err() {
                continue;
            }
            let mut more = [0; 7];
            if pod == 0 {
                more[part::MOVES] = if row.moves { index.pods_of(instance).len() as i64 } else { 0 };
                more[links] = leader_links(state, instance, machine);
            } else {
                let downgrade = |m: &usize| index.topology.downgrade(index.topology.shared(*m, machine));
                more[links] = INSIDE * own.iter().map(downgrade).sum::<i64>();
            }
            more[part::UNMET] = index.unmet_on(row.role, machine);
            more[part::FRAGMENTATION] = state.breaks(instance, pod, machine);
            let free = state.free.get(machine * index.columns + index.problem.gpu).copied().unwrap_or(0);
            let grain = index.grain.map_or(0, |level| {
                let area = super::topology::Area { level, domain: index.topology.domain(machine, level) };
                state.room(index.roles[row.role].classes[pod], area)
            });
            ranked.push((more, [grain, free, machine as i64], Choice::Machine(machine)));
        }
        if place.starts_group() && index.problem.partial {
            let out = group_cost(index, place.group, None, &verify::Users::new());
            ranked.push((out, [i64::MAX; 3], Choice::Nowhere));
        }
        ranked.sort_unstable_by_key(|(more, rank, _)| (*more, *rank));
        ranked.into_iter().map(|(more, _, choice)| (more, choice)).collect()
    }

    /// A plan is complete: it is kept when it is the best so far.
    fn finish(&mut self, state: &State, node: &Node) {
        let mut cost = node.closed;
        cost[part::FRAGMENTATION] = state.fragmentation;
        if state.index.watches_users() {
            cost = self.true_cost(state);
        }
        if cost < self.best {
            self.best = cost;
            let stand = |(instance, pod): &(usize, usize)| {
                let at = state.index.instances[*instance].first_pod + pod;
                (*instance, *pod, state.machine_of[at] as usize)
            };
            self.plan = Some(self.trail.iter().map(stand).collect());
        }
    }

    /// The cost of a complete plan with the preferences that look at other groups.
    fn true_cost(&self, state: &State) -> Cost {
        let users = users(state);
        let mut total = [0; 7];
        for group in &self.layout.groups {
            let rows = complete(state, *group).then(|| state.rows(*group));
            add(&mut total, &group_cost(state.index, *group, rows.as_deref(), &users));
        }
        total[part::FRAGMENTATION] = state.fragmentation;
        total
    }
}

/// Who uses accelerators where, as far as preferences look at it.
pub(super) fn users(state: &State) -> verify::Users {
    if !state.index.watches_users() {
        return verify::Users::new();
    }
    let rows = (0..state.index.groups.len()).map(|g| state.rows(g)).collect();
    verify::users(state.index.problem, &Placement { groups: rows, ..Placement::default() })
}

/// Downgrades of the links from a leader on a machine to the leaders that stand.
fn leader_links(state: &State, instance: usize, machine: usize) -> i64 {
    let index = state.index;
    let row = &index.instances[instance];
    let mut total = 0;
    for (from, to, weight) in &index.groups[row.group].edges {
        let others = [(*from, *to), (*to, *from)];
        for (_, other) in others.iter().take(if from == to { 1 } else { 2 }).filter(|(own, _)| *own == row.role) {
            let role = &index.roles[*other];
            let peers = role.first_instance..role.first_instance + role.role.instances;
            for peer in peers.filter(|p| *p != instance).filter_map(|p| state.leader(p)) {
                total += weight * index.topology.downgrade(index.topology.shared(machine, peer));
            }
        }
    }
    total
}

/// Downgrades of the links between the machines of an instance.
fn inside_links(index: &Index, machines: &[usize]) -> i64 {
    let pairs = machines.iter().enumerate().flat_map(|(i, a)| machines[..i].iter().map(move |b| (*a, *b)));
    pairs.map(|(a, b)| index.topology.downgrade(index.topology.shared(a, b))).sum()
}
