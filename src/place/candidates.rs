//! Where an instance could go: areas in the order in which they are worth trying.
//!
//! Narrow areas come first, since links inside an instance count most; among equals those near the
//! instances that it talks to, then those that it fills best, then natural order.

use super::index::{Index, RoleRow};
use super::state::State;
use super::topology::{Area, Topology};

/// Domains of a level that are all looked at; of more, those in the most promising wider ones are.
const SCAN: usize = 4096;
const PROMISING: usize = 16;

/// Machines of peers from which on their links are counted domain by domain.
const CROWD: usize = 16;

/// What makes one area better than another; smaller is better, the first number counts most.
pub(super) type Rank = [i64; 6];

/// The best few of many, in order.
pub(super) struct Best {
    width: usize,
    items: Vec<(Rank, Area)>,
    /// The last rank that is kept once there are enough: asked for every domain of the cluster.
    worst: Option<Rank>,
}

impl Best {
    pub fn new(width: usize) -> Self {
        Best { width: width.max(1), items: Vec::new(), worst: None }
    }

    /// Whether something of this rank would be kept.
    pub fn wants(&self, rank: &Rank) -> bool {
        self.worst.is_none_or(|worst| *rank < worst)
    }

    /// Whether whatever begins with these numbers comes too late.
    pub fn beyond(&self, head: &[i64; 4]) -> bool {
        self.worst.is_some_and(|worst| head[..] > worst[..4])
    }

    pub fn add(&mut self, rank: Rank, area: Area) {
        if self.wants(&rank) {
            let at = self.items.partition_point(|(other, _)| *other <= rank);
            self.items.insert(at, (rank, area));
            self.items.truncate(self.width);
            self.worst = self.items.get(self.width - 1).map(|(worst, _)| *worst);
        }
    }

    pub fn areas(self) -> impl Iterator<Item = Area> {
        self.items.into_iter().map(|(_, area)| area)
    }
}

/// The areas for an instance within `limit`, narrowest first, at most `width` of each level.
pub(super) fn candidates(state: &mut State, instance: usize, limit: Area, width: usize) -> Vec<Area> {
    let index = state.index;
    let row = &index.instances[instance];
    let role = &index.roles[row.role];
    for (class, _) in &role.demand {
        state.open(*class);
    }
    let (mut area, mut hard) = (limit, 0);
    for scope in &row.scopes {
        hard = hard.max(index.scopes[*scope].level);
        if let Some(fixed) = state.scope(*scope).filter(|fixed| fixed.level > area.level) {
            area = fixed;
        }
    }
    let topology = &index.topology;
    let mut pull = Pull::new(state, instance);
    let single = role.classes.len() == 1;
    let mut found = Vec::new();
    for level in topology.distinct.iter().rev().copied().filter(|l| *l >= hard || *l == topology.machine_level()) {
        if level < area.level || (single && level < topology.machine_level()) {
            break;
        }
        let own = [area.domain as u32];
        let all = if level == area.level { &own[..] } else { topology.inside(area, level) };
        let mut best = Best::new(width);
        if all.len() > SCAN {
            pull.looks_ahead = true;
            let few = promising(state, &pull, instance, area, level, width);
            pull.looks_ahead = false;
            scan(state, &pull, instance, level, &few, &mut best);
        }
        if best.items.is_empty() {
            scan(state, &pull, instance, level, all, &mut best);
        }
        found.extend(best.areas());
    }
    found
}

/// The domains of a level in those wider ones that are most worth looking at, so that one instance
/// costs less than a look at the whole cluster.
fn promising(state: &mut State, pull: &Pull, instance: usize, area: Area, level: usize, width: usize) -> Vec<u32> {
    let topology = &state.index.topology;
    let mut wider = topology.distinct.iter().rev().copied().filter(|l| *l > area.level && *l < level);
    let few = wider.clone().find(|l| topology.inside(area, *l).len() <= SCAN).or(wider.next_back());
    let Some(wide) = few else { return Vec::new() };
    let mut best = Best::new(width.max(PROMISING));
    scan(state, pull, instance, wide, topology.inside(area, wide), &mut best);
    best.areas().flat_map(|wide| topology.inside(wide, level)).copied().collect()
}

/// Looks at domains of a level and keeps the best.
fn scan(state: &mut State, pull: &Pull, instance: usize, level: usize, domains: &[u32], best: &mut Best) {
    let index = state.index;
    let role = &index.roles[index.instances[instance].role];
    let idle = pull.idle();
    let wider = index.topology.distinct.iter().rev().copied().find(|l| *l < level);
    let around = wider.zip(role.demand.first().map(|(class, _)| *class));
    state.spend(domains.len());
    for (order, domain) in domains.iter().enumerate() {
        let candidate = Area { level, domain: *domain as usize };
        // Most domains have no room or lose at once, which a look at one number tells.
        let rooms = match role.demand.as_slice() {
            [(class, need)] => state.rooms(*class, level).map(|rooms| rooms[candidate.domain] - need),
            _ => None,
        };
        let Some(left) = rooms.or_else(|| leftover(state, instance, candidate)).filter(|left| *left >= 0) else {
            continue;
        };
        if idle && best.beyond(&[0, 0, 0, left]) {
            continue;
        }
        let Some(machine) = index.topology.any_machine(candidate) else { continue };
        let [links, wishes, wasted] = pull.head(index, candidate, machine);
        if best.beyond(&[links, wishes, wasted, left]) {
            continue;
        }
        let room = |(wider, class)| Some(state.rooms(class, wider)?[index.topology.domain(machine, wider)]);
        let rank = [links, wishes, wasted, left, around.and_then(room).unwrap_or(0), order as i64];
        if best.wants(&rank) && open_to(state, instance, candidate) {
            best.add(rank, candidate);
        }
    }
}

/// Pods of the largest class that would still fit into the area beside the instance; `None` when it does not fit.
fn leftover(state: &State, instance: usize, area: Area) -> Option<i64> {
    let role = &state.index.roles[state.index.instances[instance].role];
    let mut first = None;
    for (class, need) in &role.demand {
        let room = state.room(*class, area) - need;
        if room < 0 {
            return None;
        }
        first = first.or(Some(room));
    }
    first
}

/// The checks that cost more: the rules for a single pod, what others hold, and room for the rest of its scopes.
fn open_to(state: &mut State, instance: usize, area: Area) -> bool {
    let index = state.index;
    let row = &index.instances[instance];
    let role = &index.roles[row.role];
    if area.level == index.topology.machine_level() && state.check(instance, 0, area.domain).is_err() {
        return false;
    }
    if role.demand.iter().any(|(class, need)| capacity(state, row.group, *class, area) < *need) {
        return false;
    }
    for scope in row.leader_scopes.iter().chain(&row.scopes) {
        let level = index.scopes[*scope].level;
        match state.scope(*scope) {
            Some(fixed) if !overlap(&index.topology, fixed, area) => return false,
            None if level < area.level || (level == area.level && index.scopes[*scope].runs.len() > 1) => {
                let Some(wide) = index.topology.around(area, level) else { return false };
                if !scope_fits(state, *scope, wide) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

/// Whether an area could hold what is still to be placed of a scope.
pub(super) fn scope_fits(state: &mut State, scope: usize, area: Area) -> bool {
    let scope = &state.index.scopes[scope];
    let open = |(role, first, count): &(usize, usize, usize)| {
        (*role, (*first..first + count).filter(|i| state.leader(*i).is_none()).count() as i64)
    };
    let demand: Vec<(usize, i64)> = scope.runs.iter().map(open).filter(|(_, n)| *n > 0).collect();
    let Some((role, _)) = demand.first() else { return true };
    holds(state, state.index.roles[*role].group, &demand, area, scope.leaders)
}

fn overlap(topology: &Topology, a: Area, b: Area) -> bool {
    let (wide, narrow) = if a.level <= b.level { (a, b) } else { (b, a) };
    topology.around(narrow, wide.level) == Some(wide)
}

/// Pods of a class of a group that an area holds, without what others keep for themselves.
pub(super) fn capacity(state: &State, group: usize, class: usize, area: Area) -> i64 {
    let index = state.index;
    let count = |a: Area| state.room(class, a);
    let Some(guarded) = index.guarded().filter(|_| index.accelerated(class)) else { return count(area) };
    if !index.topology.nested {
        let open = index.topology.machines(area).filter(|m| state.check_exclusive(group, *m).is_ok());
        return open.map(|m| count(Area { level: index.topology.machine_level(), domain: m })).sum();
    }
    let open = |a: Area| index.topology.any_machine(a).is_some_and(|m| state.check_exclusive(group, m).is_ok());
    if guarded <= area.level {
        return if open(area) { count(area) } else { 0 };
    }
    let parts = index.topology.inside(area, guarded).iter().map(|d| Area { level: guarded, domain: *d as usize });
    parts.filter(|part| open(*part)).map(count).sum()
}

/// Whether an area could hold so many instances of these roles: every class counted for itself, and
/// instances that must stay together counted domain by domain.
pub(super) fn holds(state: &mut State, group: usize, demand: &[(usize, i64)], area: Area, leaders: bool) -> bool {
    open_all(state, demand);
    holds_all(state, group, demand, area, leaders)
}

/// Makes [`State::room`] quick for the pods of these roles.
pub(super) fn open_all(state: &mut State, demand: &[(usize, i64)]) {
    let index = state.index;
    demand.iter().flat_map(|(role, _)| &index.roles[*role].demand).for_each(|(class, _)| state.open(*class));
}

/// As [`holds`], and quick when the classes are open.
pub(super) fn holds_all(state: &State, group: usize, demand: &[(usize, i64)], area: Area, leaders: bool) -> bool {
    let index = state.index;
    let mut totals: Vec<(usize, i64)> = Vec::new();
    for (role, count) in demand {
        let row = &index.roles[*role];
        for (class, each) in &row.demand {
            let each = if leaders { i64::from(row.classes.first() == Some(class)) } else { *each };
            match totals.iter_mut().find(|(c, _)| c == class) {
                Some((_, sum)) => *sum += each * count,
                None => totals.push((*class, each * count)),
            }
        }
    }
    if totals.iter().any(|(class, need)| capacity(state, group, *class, area) < *need) {
        return false;
    }
    leaders || demand.iter().all(|(role, count)| whole_instances(state, *role, area, *count) >= *count)
}

/// Instances of a role that an area holds when each must stay in one domain of its level; counting stops at `enough`.
fn whole_instances(state: &State, role: usize, area: Area, enough: i64) -> i64 {
    let index = state.index;
    let row = &index.roles[role];
    if row.level <= area.level || row.classes.len() < 2 {
        return enough;
    }
    let mut sum = 0;
    for domain in index.topology.inside(area, row.level) {
        let part = Area { level: row.level, domain: *domain as usize };
        let each = row.demand.iter().map(|(class, need)| capacity(state, row.group, *class, part) / need);
        sum += each.min().unwrap_or(enough);
        if sum >= enough {
            break;
        }
    }
    sum
}

/// What draws an instance to some areas: the instances that it talks to, and those that it shuns or seeks.
struct Pull {
    /// Machines of leaders and the weight of the traffic to them.
    peers: Vec<(usize, i64)>,
    /// The same weights by domain, level by level, when there are many of them.
    crowds: Vec<std::collections::BTreeMap<usize, i64>>,
    /// A level, its leaders by domain, and what each of them there costs or, negative, earns.
    preferences: Vec<(usize, std::collections::BTreeMap<usize, i64>, i64)>,
    accelerated: bool,
    role: usize,
    /// Whether its pods prefer some machines.
    choosy: bool,
    /// Wide areas count for the machines in them.
    looks_ahead: bool,
}

impl Pull {
    fn new(state: &State, instance: usize) -> Self {
        let index = state.index;
        let row = &index.instances[instance];
        let role = &index.roles[row.role];
        let mut peers: std::collections::BTreeMap<usize, i64> = std::collections::BTreeMap::new();
        for (from, to, weight) in &index.groups[row.group].edges {
            let others = [(*from, *to), (*to, *from)];
            for (_, other) in others.iter().take(if from == to { 1 } else { 2 }).filter(|(own, _)| *own == row.role) {
                for leader in leaders(state, *other) {
                    *peers.entry(leader).or_default() += weight;
                }
            }
        }
        let mut crowds = Vec::new();
        if peers.len() > CROWD && index.topology.nested {
            crowds = vec![std::collections::BTreeMap::new(); index.topology.levels];
            for (machine, weight) in &peers {
                for (crowd, domain) in crowds.iter_mut().zip(index.topology.path(*machine)) {
                    *crowd.entry(*domain as usize).or_default() += weight;
                }
            }
        }
        Pull {
            peers: peers.into_iter().collect(),
            crowds,
            preferences: super::wishes::wishes(state, instance),
            accelerated: role.accelerated.iter().any(|a| *a),
            role: row.role,
            choosy: !role.preferences.is_empty(),
            looks_ahead: false,
        }
    }

    /// Whether nothing draws the instance anywhere.
    fn idle(&self) -> bool {
        self.peers.is_empty() && self.preferences.is_empty() && !self.choosy
    }

    /// The first numbers of the rank of an area, given by one of its machines.
    fn head(&self, index: &Index, area: Area, machine: usize) -> [i64; 3] {
        let topology = &index.topology;
        let mut links = 0;
        for (level, crowd) in self.crowds.iter().enumerate().take(area.level + 1) {
            let near = crowd.get(&topology.domain(machine, level)).copied().unwrap_or(0);
            links +=
                near * (topology.downgrade(level) - level.checked_sub(1).map_or(0, |wider| topology.downgrade(wider)));
        }
        for (peer, weight) in self.peers.iter().filter(|_| self.crowds.is_empty()) {
            links += weight * topology.downgrade(topology.shared(machine, *peer).min(area.level));
        }
        let mut wishes = index.unmet_in(self.role, area) * index.roles[self.role].classes.len() as i64;
        for (level, counts, cost) in &self.preferences {
            let here = (*level <= area.level).then(|| counts.get(&topology.domain(machine, *level))).flatten();
            wishes += cost * here.copied().unwrap_or(0);
        }
        let counts = self.looks_ahead || area.level == topology.machine_level();
        let wasted = i64::from(!self.accelerated && counts && !index.plain[area.level][area.domain]);
        [links, wishes, wasted]
    }
}

/// The machines of the leaders of a role, as far as they stand.
pub(super) fn leaders<'s>(state: &'s State, role: usize) -> impl Iterator<Item = usize> + 's {
    let row: &RoleRow = &state.index.roles[role];
    (row.first_instance..row.first_instance + row.role.instances).filter_map(|i| state.leader(i))
}

impl Index<'_> {
    /// The narrowest level at which anybody keeps domains for himself.
    pub fn guarded(&self) -> Option<usize> {
        let taken = self.problem.taken.iter().enumerate().filter(|(_, set)| !set.is_empty()).map(|(l, _)| l + 1);
        taken.chain(self.exclusive.iter().copied()).max()
    }

    /// Whether a machine has accelerators free.
    pub fn has_gpu(&self, machine: usize) -> bool {
        self.problem.machines[machine].free.get(self.problem.gpu).is_some_and(|n| *n > 0)
    }
}
