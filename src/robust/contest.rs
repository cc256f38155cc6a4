//! Who may take whose room.
//!
//! Pods of one size take slots: a node has as many for a pod as the scarcest resource allows. A
//! workload of `d` pods with the nodes `S` cannot be left without one, in whatever order pods come,
//! when its slots are at least `d` and all that others can take of them. What others can take of a
//! node is bounded by the slots that remain when as many of their pods as there are, and as many
//! as fit, stand on it; what one workload can take anywhere, by the slots that each of its pods
//! costs. With one slot a node this is
//! `|S| ≥ d + min(Σ min(d_i, |S ∩ S_i|), |S ∩ ⋃ S_i|)`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::claims::{Claim, Dependence};
use crate::place::Problem;

/// Claims that are alike: of one size on the same nodes, so that nobody can tell their pods apart.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Indices of the claims.
    pub claims: Vec<usize>,
    nodes: Rc<Vec<usize>>,
    request: Vec<i64>,
    demand: i64,
    most: i64,
    accelerated: bool,
    exclusive: Vec<usize>,
    /// The group, where that matters.
    group: Option<usize>,
    dependent: Dependence,
}

/// The buckets of some claims.
pub(super) fn buckets(problem: &Problem, claims: &[Claim]) -> Vec<Bucket> {
    let mut index: BTreeMap<_, usize> = BTreeMap::new();
    let mut buckets: Vec<Bucket> = Vec::new();
    for (number, claim) in claims.iter().enumerate() {
        let group = (!claim.exclusive.is_empty()).then_some(claim.at[0]);
        let alone = (claim.dependent != Dependence::Free).then_some(number);
        let key = (&*claim.nodes, &claim.request, group, alone);
        let bucket = *index.entry(key).or_insert_with(|| {
            buckets.push(Bucket {
                claims: Vec::new(),
                nodes: claim.nodes.clone(),
                request: claim.request.clone(),
                demand: 0,
                most: 0,
                accelerated: claim.request.get(problem.gpu).is_some_and(|n| *n > 0),
                exclusive: claim.exclusive.clone(),
                group,
                dependent: claim.dependent,
            });
            buckets.len() - 1
        });
        let bucket = &mut buckets[bucket];
        bucket.claims.push(number);
        bucket.demand += claim.demand;
        bucket.most += claim.most;
    }
    buckets
}

/// All buckets on the nodes.
pub(super) struct Contest<'p> {
    problem: &'p Problem,
    buckets: &'p [Bucket],
    /// For each node the buckets that may have pods there.
    guests: Vec<Vec<usize>>,
    /// For each node what all of them can take of each resource.
    load: Vec<Vec<i64>>,
    /// For each level with exclusive buckets the accelerated ones by domain.
    touched: BTreeMap<usize, BTreeMap<usize, Vec<usize>>>,
}

/// What remains for a bucket on a node.
struct Room {
    node: usize,
    /// Slots when nobody else is there.
    full: i64,
    /// Slots that nobody can take.
    sure: i64,
    /// Another bucket may close the whole domain.
    blocked: bool,
}

impl<'p> Contest<'p> {
    pub(super) fn new(problem: &'p Problem, buckets: &'p [Bucket]) -> Self {
        let nodes = problem.machines.len();
        let mut contest = Contest {
            problem,
            buckets,
            guests: vec![Vec::new(); nodes],
            load: vec![vec![0; problem.resources.len()]; nodes],
            touched: BTreeMap::new(),
        };
        for level in buckets.iter().flat_map(|bucket| &bucket.exclusive) {
            contest.touched.entry(*level).or_default();
        }
        for (index, bucket) in buckets.iter().enumerate() {
            for node in bucket.nodes.iter() {
                let pods = contest.slots(*node, bucket).min(bucket.most);
                if pods > 0 {
                    contest.guests[*node].push(index);
                    add(&mut contest.load[*node], &bucket.request, pods);
                    contest.touch(index, *node);
                }
            }
        }
        contest
    }

    fn touch(&mut self, index: usize, node: usize) {
        if !self.buckets[index].accelerated {
            return;
        }
        for (level, domains) in &mut self.touched {
            if let Some(domain) = self.problem.machines[node].domains[*level] {
                let guests = domains.entry(domain).or_default();
                if guests.last() != Some(&index) {
                    guests.push(index);
                }
            }
        }
    }

    fn slots(&self, node: usize, bucket: &Bucket) -> i64 {
        fitting(&self.problem.machines[node].free, &bucket.request)
    }

    /// `None` when no order of scheduling leaves a pod of a bucket without a node; else the buckets
    /// that may take its room.
    pub(super) fn rivals(&self, index: usize) -> Option<BTreeSet<usize>> {
        let bucket = &self.buckets[index];
        let rooms: Vec<Room> = bucket.nodes.iter().map(|node| self.room(index, *node)).collect();
        let holds = match bucket.dependent {
            Dependence::Free => self.sure(index, rooms.iter()) >= bucket.demand,
            Dependence::Spread(level, skew, least) => {
                let domains = self.by_domain(index, &rooms, level);
                spread_holds(&domains, bucket.demand, skew, least)
            }
            Dependence::Apart(level) => {
                let domains = self.by_domain(index, &rooms, level);
                domains.iter().filter(|sure| **sure > 0).count() as i64 >= bucket.demand
            }
            Dependence::Follow(level, each, before) => self.follows(index, &rooms, level, (each, before)),
            Dependence::Other => false,
        };
        (!holds).then(|| self.contenders(index, &rooms))
    }

    /// Whether every domain has room for the followers of as many leaders as may ever come there.
    fn follows(&self, index: usize, rooms: &[Room], level: usize, (each, before): (i64, usize)) -> bool {
        let leader = self.buckets[index].claims.first().and_then(|claim| claim.checked_sub(before));
        let leaders = self.buckets.iter().find(|bucket| leader.is_some_and(|claim| bucket.claims.contains(&claim)));
        let Some(leaders) = leaders else { return false };
        let mut wanted: BTreeMap<Option<usize>, i64> = BTreeMap::new();
        for node in leaders.nodes.iter() {
            let domain = self.problem.machines[*node].domains[level];
            *wanted.entry(domain).or_insert(0) += self.slots(*node, leaders);
        }
        wanted.retain(|_, leaders| *leaders > 0);
        let inside = |domain: Option<usize>| {
            let here = rooms.iter().filter(move |room| self.problem.machines[room.node].domains[level] == domain);
            self.sure(index, here)
        };
        let pods = |slots: i64| slots.min(leaders.most).saturating_mul(each);
        wanted.into_iter().all(|(domain, slots)| domain.is_some() && inside(domain) >= pods(slots))
    }

    fn room(&self, index: usize, node: usize) -> Room {
        let bucket = &self.buckets[index];
        let full = self.slots(node, bucket);
        let blocked = full > 0 && self.blockers(index, node).next().is_some();
        let mut free = self.problem.machines[node].free.clone();
        add(&mut free, &bucket.request, full.min(bucket.most));
        free.iter_mut().zip(&self.load[node]).for_each(|(free, load)| *free = free.saturating_sub(*load));
        let sure = if blocked { 0 } else { fitting(&free, &bucket.request).clamp(0, full) };
        Room { node, full, sure, blocked }
    }

    /// The buckets that close the domain of a node to this one by their mere presence, or do not
    /// bear it.
    fn blockers(&self, index: usize, node: usize) -> impl Iterator<Item = usize> + '_ {
        let bucket = &self.buckets[index];
        let levels = self.touched.iter().filter(|_| bucket.accelerated);
        let guests = levels.filter_map(move |(level, domains)| {
            let domain = self.problem.machines[node].domains[*level]?;
            Some((*level, domains.get(&domain)?))
        });
        guests.flat_map(move |(level, guests)| {
            guests.iter().copied().filter(move |other| {
                let other = &self.buckets[*other];
                other.group != bucket.group && (bucket.exclusive.contains(&level) || other.exclusive.contains(&level))
            })
        })
    }

    /// The slots on some nodes that others cannot take: node by node, or counted by what each of
    /// them can take at all.
    fn sure<'r>(&self, index: usize, rooms: impl Iterator<Item = &'r Room> + Clone) -> i64 {
        let bucket = &self.buckets[index];
        let alone: i64 = rooms.clone().map(|room| room.sure).sum();
        if alone >= bucket.demand {
            return alone;
        }
        let mut shared: BTreeMap<usize, i64> = BTreeMap::new();
        for room in rooms.clone().filter(|room| !room.blocked) {
            for other in self.guests[room.node].iter().filter(|other| **other != index) {
                *shared.entry(*other).or_insert(0) += room.full - room.sure;
            }
        }
        let taken = |(other, shared): (&usize, &i64)| {
            let other = &self.buckets[*other];
            other.most.saturating_mul(cost(&other.request, &bucket.request)).min(*shared)
        };
        let taken = shared.iter().map(taken).fold(0, i64::saturating_add);
        let open: i64 = rooms.filter(|room| !room.blocked).map(|room| room.full).sum();
        alone.max(open.saturating_sub(taken))
    }

    /// The same for each domain of a level.
    fn by_domain(&self, index: usize, rooms: &[Room], level: usize) -> Vec<i64> {
        let mut domains: BTreeMap<usize, Vec<&Room>> = BTreeMap::new();
        for room in rooms {
            if let Some(domain) = self.problem.machines[room.node].domains[level] {
                domains.entry(domain).or_default().push(room);
            }
        }
        domains.values().map(|rooms| self.sure(index, rooms.iter().copied())).collect()
    }

    /// The buckets that may take some of this one's room.
    fn contenders(&self, index: usize, rooms: &[Room]) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        for room in rooms.iter().filter(|room| room.sure < room.full) {
            all.extend(self.guests[room.node].iter().filter(|other| **other != index));
            all.extend(self.blockers(index, room.node));
        }
        all
    }
}

/// As long as pods are missing, a domain that has fewer than the emptiest one and the difference
/// allow has a slot: what the emptiest can hold decides.
fn spread_holds(domains: &[i64], demand: i64, skew: i64, least: usize) -> bool {
    let emptiest = domains.iter().min().copied().filter(|_| domains.len() >= least).unwrap_or(0);
    domains.iter().map(|sure| (*sure).min(emptiest.saturating_add(skew))).sum::<i64>() >= demand
}

/// How many pods fit into some room.
pub(super) fn fitting(free: &[i64], request: &[i64]) -> i64 {
    let slots = free.iter().zip(request).filter(|(_, asked)| **asked > 0).map(|(free, asked)| free / asked);
    slots.min().unwrap_or(0).max(0)
}

/// How many slots for one pod another pod can cost.
fn cost(taken: &[i64], request: &[i64]) -> i64 {
    let parts = taken.iter().zip(request).filter(|(_, asked)| **asked > 0);
    parts.map(|(taken, asked)| (taken + asked - 1) / asked).max().unwrap_or(0)
}

fn add(sum: &mut [i64], request: &[i64], pods: i64) {
    sum.iter_mut().zip(request).for_each(|(sum, amount)| *sum = sum.saturating_add(amount.saturating_mul(pods)));
}
