//! The order in which branch and bound places pods, and what the rest of a group costs at least.

use std::collections::{BTreeMap, BTreeSet};

use crate::place::construct::{role_size, sequence};
use crate::place::index::Index;
use crate::place::objective::{Cost, INSIDE, link_part};
use crate::place::slots::room;
use crate::place::state::State;

/// A pod in the order.
pub(super) struct Place {
    pub group: usize,
    /// Position of the group in the order.
    pub order: usize,
    pub instance: usize,
    pub pod: usize,
    /// Position after the last pod of the group.
    pub group_end: usize,
    starts_group: bool,
    /// Links inside an instance of the role cost at least so much.
    pub inside: i64,
    /// Links of the group cost at least so much beyond what stands once this instance does.
    pub rest: i64,
}

impl Place {
    pub fn starts_group(&self) -> bool {
        self.starts_group
    }
}

/// Everything that stays the same during a search.
pub(super) struct Layout {
    pub places: Vec<Place>,
    /// The groups in order.
    pub groups: Vec<usize>,
    /// The machines, domain by domain.
    pub machines: Vec<usize>,
    /// The same in order of their numbers, with their positions.
    positions: Vec<(usize, usize)>,
    /// Pods by class of the groups from each position on.
    pub classes: Vec<BTreeMap<usize, i64>>,
}

impl Layout {
    pub fn new(state: &State, groups: &[usize], machines: &[usize]) -> Self {
        let index = state.index;
        let mut machines = machines.to_vec();
        machines.sort_by(|a, b| index.topology.path(*a).cmp(index.topology.path(*b)));
        machines.dedup();
        let mut positions: Vec<(usize, usize)> = machines.iter().copied().zip(0..).collect();
        positions.sort_unstable();
        let mut order: Vec<(usize, usize)> = groups.iter().map(|g| (index.groups[*g].shape, *g)).collect();
        let hardness = |g: usize| {
            let sizes = index.groups[g].roles.clone().map(|r| role_size(state, r));
            (std::cmp::Reverse(!index.groups[g].exclusive.is_empty()), std::cmp::Reverse(sizes.max()))
        };
        order.sort_by_cached_key(|(shape, g)| (hardness(*shape), *shape, *g));
        let mut layout = Layout {
            places: Vec::new(),
            groups: order.iter().map(|(_, g)| *g).collect(),
            machines,
            positions,
            classes: vec![BTreeMap::new()],
        };
        let most = Most::new(state, &layout.groups, &layout.machines);
        for at in 0..layout.groups.len() {
            layout.add_group(state, at, &most);
        }
        for group in layout.groups.iter().rev() {
            let mut sums = layout.classes.last().cloned().unwrap_or_default();
            for instance in index.groups[*group].instances.clone() {
                for class in &index.roles[index.instances[instance].role].classes {
                    *sums.entry(*class).or_default() += 1;
                }
            }
            layout.classes.push(sums);
        }
        layout.classes.reverse();
        layout
    }

    /// Whether a machine takes part.
    pub fn has(&self, machine: usize) -> bool {
        self.position(machine).is_some()
    }

    /// The position of a machine.
    pub fn position(&self, machine: usize) -> Option<usize> {
        let at = self.positions.binary_search_by_key(&machine, |(m, _)| *m).ok()?;
        Some(self.positions[at].1)
    }

    /// What a group costs at least, counted.
    pub fn least(&self, state: &State, group: usize) -> Cost {
        let mut cost = [0; 7];
        if let Some(place) = self.places.iter().find(|p| p.group == group) {
            cost[link_part(state.index, group)] = place.rest + place.inside;
        }
        cost
    }

    fn add_group(&mut self, state: &State, order: usize, most: &Most) {
        let index = state.index;
        let group = self.groups[order];
        let instances = sequence(state, group);
        let first = self.places.len();
        let pods: usize = instances.iter().map(|i| index.pods_of(*i).len()).sum();
        let mut placed: BTreeMap<usize, i64> = BTreeMap::new();
        let mut waiting: i64 = instances.iter().map(|i| most.inside(index, index.instances[*i].role)).sum();
        for instance in instances {
            let role = index.instances[instance].role;
            let inside = most.inside(index, role);
            waiting -= inside;
            *placed.entry(role).or_default() += 1;
            let edges = index.groups[group].edges.iter();
            let rest = edges.map(|(from, to, weight)| weight * most.between(index, (*from, *to), &placed)).sum::<i64>();
            let count = index.pods_of(instance).len();
            for pod in 0..count {
                self.places.push(Place {
                    group,
                    order,
                    instance,
                    pod,
                    group_end: first + pods,
                    starts_group: self.places.len() == first,
                    inside,
                    rest: rest + waiting,
                });
            }
        }
    }
}

/// How many pods a domain of each level holds at most.
struct Most {
    /// By class and level.
    rooms: BTreeMap<usize, Vec<i64>>,
    /// Pairs of classes of which one machine holds one each.
    pairs: BTreeMap<(usize, usize), bool>,
    /// What a link costs at a level more than at the next wider one, when it costs less.
    steps: Vec<i64>,
    widest: i64,
    nested: bool,
}

impl Most {
    fn new(state: &State, groups: &[usize], machines: &[usize]) -> Self {
        let index = state.index;
        let topology = &index.topology;
        let step = |l: usize| (topology.downgrade(l) - topology.downgrade(l - 1)).min(0);
        let mut most = Most {
            rooms: BTreeMap::new(),
            pairs: BTreeMap::new(),
            steps: (1..topology.levels).map(step).collect(),
            widest: topology.downgrade(0),
            nested: topology.nested,
        };
        let roles = groups.iter().flat_map(|g| index.groups[*g].roles.clone());
        let classes: BTreeSet<usize> = roles.flat_map(|r| index.roles[r].classes.iter().copied()).collect();
        for class in classes {
            let mut largest = vec![0; topology.levels];
            let mut sums: Vec<BTreeMap<usize, i64>> = vec![BTreeMap::new(); topology.levels];
            for machine in machines {
                let fits = room(index, &state.free, class, *machine);
                for (level, sums) in sums.iter_mut().enumerate().filter(|_| fits > 0) {
                    let sum = sums.entry(topology.domain(*machine, level)).or_default();
                    *sum += fits;
                    largest[level] = largest[level].max(*sum);
                }
            }
            most.rooms.insert(class, largest);
        }
        let edges = groups.iter().flat_map(|g| &index.groups[*g].edges);
        for (from, to, _) in edges {
            let classes = |r: usize| index.roles[r].classes.first().copied();
            if let (Some(a), Some(b)) = (classes(*from), classes(*to)) {
                most.pairs.entry((a, b)).or_insert_with(|| machines.iter().any(|m| holds_both(state, (a, b), *m)));
            }
        }
        most
    }

    /// Links inside an instance of a role.
    fn inside(&self, index: &Index, role: usize) -> i64 {
        let row = &index.roles[role];
        let pods = row.classes.len() as i64;
        let within = |level: usize| -> i64 {
            let room = row.demand.iter().map(|(class, need)| self.rooms[class][level].min(*need)).sum::<i64>();
            pairs(pods, room)
        };
        INSIDE * self.sum(pods * (pods - 1) / 2, within)
    }

    /// Links between leaders of two roles that are still missing when so many stand.
    fn between(&self, index: &Index, (from, to): (usize, usize), placed: &BTreeMap<usize, i64>) -> i64 {
        let count = |r: usize| index.roles[r].role.instances as i64;
        let stand = |r: usize| placed.get(&r).copied().unwrap_or(0);
        let (Some(a), Some(b)) = (index.roles[from].classes.first(), index.roles[to].classes.first()) else { return 0 };
        let machine = index.topology.machine_level();
        if from == to {
            let all = |n: i64| n * (n - 1) / 2;
            let missing = all(count(from)) - all(stand(from));
            return self.sum(missing, |level| pairs(count(from), self.rooms[a][level]).min(missing));
        }
        let missing = count(from) * count(to) - stand(from) * stand(to);
        let within = |level: usize| {
            if level == machine && !self.pairs.get(&(*a, *b)).copied().unwrap_or(true) {
                return 0;
            }
            let (x, y) = (count(from), count(to));
            (x * y.min(self.rooms[b][level])).min(y * x.min(self.rooms[a][level])).min(missing)
        };
        self.sum(missing, within)
    }

    /// Downgrades of so many pairs when at most `within` of them share a domain of each level.
    fn sum(&self, pairs: i64, within: impl Fn(usize) -> i64) -> i64 {
        // Where domains do not nest, a pair may share a narrow one and none of the wider ones.
        let close = |level: usize| match self.nested {
            true => within(level),
            false => (level..=self.steps.len()).map(&within).sum::<i64>().min(pairs),
        };
        let steps = self.steps.iter().enumerate().filter(|(_, step)| **step < 0);
        (pairs * self.widest + steps.map(|(l, step)| step * close(l + 1)).sum::<i64>()).max(0)
    }
}

/// The most pairs in one domain when so many things stand in domains that hold so many each.
fn pairs(things: i64, room: i64) -> i64 {
    let room = room.min(things);
    if room < 2 {
        return 0;
    }
    let rest = things % room;
    things / room * (room * (room - 1) / 2) + rest * (rest - 1) / 2
}

fn holds_both(state: &State, (a, b): (usize, usize), machine: usize) -> bool {
    let index = state.index;
    let wanted = |class: usize, column: usize| index.classes[class].request.get(column).copied().unwrap_or(0).max(0);
    let fits = |c: usize| wanted(a, c) + wanted(b, c) <= state.free[machine * index.columns + c].max(0);
    index.admits(a, machine) && index.admits(b, machine) && (0..index.columns).all(fits)
}
