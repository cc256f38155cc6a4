//! What a complete plan costs, measured on the plan alone: whole numbers, the most important first.
//!
//! All but the last number are sums over the groups; the last belongs to the machines.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::topology::{Area, Topology};
use super::{ClauseKind, Placement, verify};

/// Weight of the traffic between two pods of one instance, against edges of weight 1 and above.
pub(super) const INSIDE: i64 = 100;

/// The parts of the objective, in order.
pub(super) const NAMES: [&str; 7] = [
    "unplaced instances",
    "links of groups that prefer locality",
    "moved pods",
    "links",
    "unmet preferences",
    "spread",
    "fragmentation",
];

/// The places of the criteria in [`NAMES`].
pub(super) mod part {
    pub const UNPLACED: usize = 0;
    pub const LOCALITY: usize = 1;
    pub const MOVES: usize = 2;
    pub const LINKS: usize = 3;
    pub const UNMET: usize = 4;
    pub const SPREAD: usize = 5;
    pub const FRAGMENTATION: usize = 6;
}

/// The cost of a complete plan; smaller is better, the first number counts most.
pub(super) type Cost = [i64; 7];

/// Place of the links of a group in a cost.
pub(super) fn link_part(index: &Index, group: usize) -> usize {
    if index.problem.groups[group].locality { part::LOCALITY } else { part::LINKS }
}

/// The cost of a plan.
pub(super) fn cost(index: &Index, placement: &Placement) -> Cost {
    let mut total = [0; NAMES.len()];
    let users = verify::users(index.problem, placement);
    for (g, placed) in placement.groups.iter().enumerate() {
        let here = placement.unplaced.binary_search(&g).is_err().then_some(placed.as_slice());
        add(&mut total, &group_cost(index, g, here, &users));
    }
    total[part::FRAGMENTATION] = fragmentation(index, placement);
    total
}

/// Adds one cost to another.
pub(super) fn add(total: &mut Cost, more: &Cost) {
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}

/// What a group alone is to blame for; `None` when it is left out.
pub(super) fn group_cost(index: &Index, g: usize, placed: Option<&[Vec<Vec<usize>>]>, users: &verify::Users) -> Cost {
    let mut total = [0; NAMES.len()];
    let row = &index.groups[g];
    let Some(placed) = placed else {
        total[part::UNPLACED] = row.instances.len() as i64;
        return total;
    };
    let group = &index.problem.groups[g];
    total[link_part(index, g)] = links(index, placed, g);
    for clause in &group.clauses {
        if let Some(weight) = clause.prefer {
            total[part::UNMET] += i64::from(weight) * unmet(index, placed, users, g, &clause.kind);
        }
        total[part::SPREAD] += spread_deficit(index, placed, &clause.kind);
    }
    for (instance, machines) in row.instances.clone().zip(placed.iter().flatten()) {
        let instance = &index.instances[instance];
        total[part::UNMET] += machines.iter().map(|machine| index.unmet_on(instance.role, *machine)).sum::<i64>();
        if instance.moves && instance.previous.as_ref() != Some(machines) {
            total[part::MOVES] += machines.len() as i64;
        }
    }
    total
}

/// Downgrades of the links of a group: between leaders by weight of their edge, and inside instances.
fn links(index: &Index, placed: &[Vec<Vec<usize>>], g: usize) -> i64 {
    let topology = &index.topology;
    let mut total = 0;
    for pods in placed.iter().flatten().filter(|pods| pods.len() > 1) {
        total += INSIDE * pairs_within(topology, &count(pods));
    }
    for edge in &index.problem.groups[g].edges {
        let leaders = |r: usize| count(placed[r].iter().filter_map(|pods| pods.first()));
        let from = leaders(edge.from);
        let sum = if edge.from == edge.to {
            pairs_within(topology, &from)
        } else {
            pairs_between(topology, &from, &leaders(edge.to))
        };
        total += i64::from(edge.weight) * sum;
    }
    total
}

fn count<'a>(machines: impl IntoIterator<Item = &'a usize>) -> BTreeMap<usize, i64> {
    let mut counts = BTreeMap::new();
    for machine in machines {
        *counts.entry(*machine).or_insert(0) += 1;
    }
    counts
}

/// Downgrades of all pairs. Where domains are nested, pairs are counted domain by domain, so that
/// large roles cost no more than their machines.
fn pairs_between(topology: &Topology, from: &BTreeMap<usize, i64>, to: &BTreeMap<usize, i64>) -> i64 {
    if !topology.nested || from.len() * to.len() <= 16 {
        let one = |(a, n): (&usize, &i64)| -> i64 {
            to.iter().map(|(b, m)| n * m * topology.downgrade(topology.shared(*a, *b))).sum()
        };
        return from.iter().map(one).sum();
    }
    let sum = |counts: &BTreeMap<usize, i64>| counts.values().sum::<i64>();
    let mut total = sum(from) * sum(to) * topology.downgrade(0);
    for level in 1..topology.levels {
        let by_domain = |counts: &BTreeMap<usize, i64>| {
            let mut sums: BTreeMap<usize, i64> = BTreeMap::new();
            for (machine, n) in counts {
                *sums.entry(topology.domain(*machine, level)).or_default() += n;
            }
            sums
        };
        let others = by_domain(to);
        let pairs: i64 = by_domain(from).iter().filter_map(|(d, n)| Some(n * others.get(d)?)).sum();
        total += pairs * (topology.downgrade(level) - topology.downgrade(level - 1));
    }
    total
}

fn pairs_within(topology: &Topology, machines: &BTreeMap<usize, i64>) -> i64 {
    let own: i64 = machines.values().sum::<i64>() * topology.downgrade(topology.machine_level());
    (pairs_between(topology, machines, machines) - own) / 2
}

/// How often a clause is not met: by instances, cells or roles, whatever it speaks of.
pub(super) fn unmet(
    index: &Index,
    placed: &[Vec<Vec<usize>>],
    users: &verify::Users,
    g: usize,
    kind: &ClauseKind,
) -> i64 {
    let domains = |pods: &[usize], level: usize| -> BTreeSet<usize> {
        pods.iter().map(|m| index.topology.domain(*m, level + 1)).collect()
    };
    match kind {
        ClauseKind::Instances { role, level } => {
            placed[*role].iter().filter(|pods| domains(pods, *level).len() > 1).count() as i64
        }
        ClauseKind::Together { roles, level } => {
            let all: Vec<usize> = roles.iter().flat_map(|r| placed[*r].iter().flatten().copied()).collect();
            domains(&all, *level).len().saturating_sub(1) as i64
        }
        ClauseKind::Cells { shares, level } => {
            let first = index.groups[g].roles.start;
            let pods = |cell: &Vec<(usize, usize, usize)>| -> Vec<usize> {
                let run = |(r, from, n): &(usize, usize, usize)| placed[r - first][*from..from + n].iter().flatten();
                cell.iter().flat_map(run).copied().collect()
            };
            index.cells(first, shares).iter().filter(|cell| domains(&pods(cell), *level).len() > 1).count() as i64
        }
        ClauseKind::Near { role, to, level } => {
            let targets: Vec<usize> = placed[*to].iter().filter_map(|pods| pods.first().copied()).collect();
            let targets = domains(&targets, *level);
            let leaders = placed[*role].iter().filter_map(|pods| pods.first());
            leaders.filter(|m| !targets.contains(&index.topology.domain(**m, level + 1))).count() as i64
        }
        ClauseKind::Apart { role, from, level } => {
            let mut touched: BTreeMap<usize, i64> = BTreeMap::new();
            for pods in &placed[from.unwrap_or(*role)] {
                for d in domains(pods, *level) {
                    *touched.entry(d).or_default() += 1;
                }
            }
            let own = i64::from(from.is_none_or(|f| f == *role));
            let close =
                |pods: &&Vec<usize>| domains(pods, *level).iter().any(|d| touched.get(d).is_some_and(|n| *n > own));
            placed[*role].iter().filter(close).count() as i64
        }
        ClauseKind::Spread { .. } | ClauseKind::Exclusive { .. } | ClauseKind::Survive { .. } => {
            i64::from(!verify::holds(index.problem, placed, users, g, kind))
        }
    }
}

/// Instances that would have to stand elsewhere for an even spread, or domains that are missing.
pub(super) fn spread_deficit(index: &Index, placed: &[Vec<Vec<usize>>], kind: &ClauseKind) -> i64 {
    let ClauseKind::Spread { role, level, max_skew, at_least } = kind else { return 0 };
    let instances = &placed[*role];
    if instances.is_empty() {
        return 0;
    }
    let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
    for machine in instances.iter().filter_map(|pods| pods.first()) {
        let area = Area { level: level + 1, domain: index.topology.domain(*machine, level + 1) };
        if index.topology.is_known(area) {
            *counts.entry(area.domain).or_default() += 1;
        }
    }
    let missing = at_least.map_or(0, |n| (i64::from(n) - counts.len() as i64).max(0));
    let domains = index.topology.sizes[level + 1].max(1) as i64;
    let even = (instances.len() as i64 + domains - 1) / domains + max_skew.map_or(0, i64::from).saturating_sub(1);
    missing + counts.values().map(|n| (n - even).max(0)).sum::<i64>()
}

/// Whole domains that lose their wholeness, machines that are begun, and pods without accelerators
/// on machines with some.
fn fragmentation(index: &Index, placement: &Placement) -> i64 {
    let problem = index.problem;
    let (mut machines, mut grains) = (BTreeSet::new(), BTreeSet::new());
    let mut strangers = 0;
    for (group, placed) in problem.groups.iter().zip(&placement.groups) {
        for (role, instances) in group.roles.iter().zip(placed) {
            for (pod, machine) in instances.iter().flat_map(|pods| role.pods.iter().zip(pods)) {
                let plain = pod.request.get(problem.gpu).is_none_or(|n| *n <= 0);
                strangers += i64::from(plain && index.has_gpu(*machine));
                machines.insert(*machine);
                grains.extend(index.grain.map(|level| index.topology.domain(*machine, level)));
            }
        }
    }
    let broken =
        machines.iter().filter(|m| index.whole.0[**m]).count() + grains.iter().filter(|d| index.whole.1[**d]).count();
    strangers + broken as i64
}
