//! What a complete plan costs, measured on the plan alone: whole numbers, the most important first.

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::topology::Area;
use super::{ClauseKind, Placement, verify};

/// Weight of the traffic between two pods of one instance, against edges of weight 1 and above.
pub(super) const INSIDE: i64 = 100;

/// The parts of the objective, in order.
pub(super) const NAMES: [&str; 6] =
    ["links of groups that prefer locality", "moved pods", "links", "unmet preferences", "spread", "fragmentation"];

/// The places of the criteria in [`NAMES`].
pub(super) mod part {
    pub const LOCALITY: usize = 0;
    pub const MOVES: usize = 1;
    pub const LINKS: usize = 2;
    pub const UNMET: usize = 3;
    pub const SPREAD: usize = 4;
    pub const FRAGMENTATION: usize = 5;
}

/// The cost of a complete plan; smaller is better, the first number counts most.
pub(super) type Cost = [i64; 6];

/// The cost of a plan.
pub(super) fn cost(index: &Index, placement: &Placement) -> Cost {
    let mut total = [0; 6];
    let problem = index.problem;
    let users = verify::users(problem, placement);
    for (g, group) in problem.groups.iter().enumerate() {
        let links = links(index, placement, g);
        total[if group.locality { 0 } else { 2 }] += links;
        for clause in &group.clauses {
            if let Some(weight) = clause.prefer {
                total[3] += i64::from(weight) * unmet(index, placement, &users, g, &clause.kind);
            }
            total[4] += spread_deficit(index, placement, g, &clause.kind);
        }
    }
    for (g, r, _) in verify::moves(problem, &placement.groups) {
        total[1] += problem.groups[g].roles[r].pods.len() as i64;
    }
    total[5] = fragmentation(index, placement);
    total
}

/// Downgrades of the links of a group: between leaders by weight of their edge, and inside instances.
pub(super) fn links(index: &Index, placement: &Placement, g: usize) -> i64 {
    let placed = &placement.groups[g];
    let mut total = 0;
    for pods in placed.iter().flatten().filter(|pods| pods.len() > 1) {
        total += INSIDE * pairs_within(index, &count(pods));
    }
    for edge in &index.problem.groups[g].edges {
        let leaders = |r: usize| count(placed[r].iter().filter_map(|pods| pods.first()));
        let (from, to) = (leaders(edge.from), leaders(edge.to));
        let sum = if edge.from == edge.to { pairs_within(index, &from) } else { pairs_between(index, &from, &to) };
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

fn pairs_between(index: &Index, from: &BTreeMap<usize, i64>, to: &BTreeMap<usize, i64>) -> i64 {
    let topology = &index.topology;
    let one = |(a, n): (&usize, &i64)| -> i64 {
        to.iter().map(|(b, m)| n * m * topology.downgrade(topology.shared(*a, *b))).sum()
    };
    from.iter().map(one).sum()
}

fn pairs_within(index: &Index, machines: &BTreeMap<usize, i64>) -> i64 {
    let own: i64 = machines.values().sum::<i64>() * index.topology.downgrade(index.topology.machine_level());
    (pairs_between(index, machines, machines) - own) / 2
}

/// How often a clause is not met: by instances, cells or roles, whatever it speaks of.
pub(super) fn unmet(index: &Index, placement: &Placement, users: &verify::Users, g: usize, kind: &ClauseKind) -> i64 {
    let placed = &placement.groups[g];
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
            i64::from(!verify::holds(index.problem, placement, users, g, kind))
        }
    }
}

/// Instances that would have to stand elsewhere for an even spread, or domains that are missing.
pub(super) fn spread_deficit(index: &Index, placement: &Placement, g: usize, kind: &ClauseKind) -> i64 {
    let ClauseKind::Spread { role, level, max_skew, at_least } = kind else { return 0 };
    let instances = &placement.groups[g][*role];
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
    let topology = &index.topology;
    let mut touched: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut strangers = 0;
    for (group, placed) in problem.groups.iter().zip(&placement.groups) {
        for (role, instances) in group.roles.iter().zip(placed) {
            for (pod, machine) in instances.iter().flat_map(|pods| role.pods.iter().zip(pods)) {
                let plain = pod.request.get(problem.gpu).is_none_or(|n| *n <= 0);
                strangers += i64::from(plain && index.has_gpu(*machine));
                touched.extend((1..topology.levels).map(|l| (l, topology.domain(*machine, l))));
            }
        }
    }
    let grain = topology.distinct.iter().rev().nth(1).copied().filter(|l| *l > 0);
    let levels = [Some(topology.machine_level()), grain];
    let whole = |(level, domain): &&(usize, usize)| {
        levels.contains(&Some(*level))
            && topology
                .machines(Area { level: *level, domain: *domain })
                .all(|m| problem.machines[m].holders.is_empty())
    };
    strangers + touched.iter().filter(whole).count() as i64
}
