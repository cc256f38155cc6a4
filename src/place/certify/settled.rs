//! Which instances must move, and which cannot when others must.

use std::collections::{BTreeMap, BTreeSet};

use crate::place::index::Index;
use crate::place::objective::INSIDE;
use crate::place::slots::room;
use crate::place::topology::Area;

/// What is known of the instances that stood somewhere.
pub(super) struct Settled {
    /// For each instance whether it stays in every plan that moves no more than one at hand.
    pub stays: Vec<bool>,
    /// The least weight that moves in any plan.
    pub least: i64,
}

impl Settled {
    /// Compares the least weight with `moved`, what a plan at hand moves; `None` when there is none.
    pub fn new(index: &Index, moved: Option<i64>) -> Settled {
        let weight = |i: usize| index.pods_of(i).len() as i64;
        let instances = 0..index.instances.len();
        let forced: Vec<bool> = instances.clone().map(|i| index.instances[i].moves && must_move(index, i)).collect();
        let alone: i64 = instances.clone().filter(|i| forced[*i]).map(weight).sum();
        let exact = moved == Some(alone);
        let stays = |i: usize| exact && !forced[i] && index.instances[i].moves;
        Settled { stays: instances.map(stays).collect(), least: alone + overfull(index, &forced) }
    }
}

/// Whether an instance cannot stand where it was, whatever else stands elsewhere.
fn must_move(index: &Index, instance: usize) -> bool {
    let row = &index.instances[instance];
    let role = &index.roles[row.role];
    let Some(old) = &row.previous else { return true };
    let mut need: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
    for (class, machine) in role.classes.iter().zip(old) {
        if !index.admits(*class, *machine) {
            return true;
        }
        add(need.entry(*machine).or_insert_with(|| vec![0; index.columns]), &index.classes[*class].request);
    }
    let taken = |machine: usize| {
        index.problem.taken.iter().enumerate().any(|(level, set)| {
            let area = Area { level: level + 1, domain: index.topology.domain(machine, level + 1) };
            index.topology.is_known(area) && set.contains(&area.domain)
        })
    };
    let split = |scope: &usize| {
        let level = index.scopes[*scope].level;
        old.iter().map(|m| index.topology.domain(*m, level)).collect::<BTreeSet<_>>().len() > 1
    };
    need.iter().any(|(machine, need)| !holds(index, *machine, need))
        || role.accelerated.iter().zip(old).any(|(accelerated, machine)| *accelerated && taken(*machine))
        || row.scopes.iter().any(split)
}

/// The least weight that moves beside these, because machines have become too small for what stood there.
fn overfull(index: &Index, forced: &[bool]) -> i64 {
    let mut stood: BTreeMap<usize, (Vec<i64>, BTreeSet<usize>)> = BTreeMap::new();
    for (i, row) in index.instances.iter().enumerate().filter(|(i, _)| !forced[*i]) {
        for (class, machine) in index.roles[row.role].classes.iter().zip(row.previous.iter().flatten()) {
            let (need, instances) = stood.entry(*machine).or_insert_with(|| (vec![0; index.columns], BTreeSet::new()));
            add(need, &index.classes[*class].request);
            instances.insert(i);
        }
    }
    // Each instance is counted once, with one machine.
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    let mut least = 0;
    for (machine, (need, instances)) in stood {
        if !holds(index, machine, &need) && seen.is_disjoint(&instances) {
            least += instances.iter().map(|i| index.pods_of(*i).len() as i64).min().unwrap_or(0);
            seen.extend(instances);
        }
    }
    least
}

fn add(sum: &mut [i64], request: &[i64]) {
    sum.iter_mut().zip(request).for_each(|(sum, amount)| *sum = sum.saturating_add(*amount.max(&0)));
}

fn holds(index: &Index, machine: usize, need: &[i64]) -> bool {
    let free = |column: usize| index.problem.machines[machine].free.get(column).copied().unwrap_or(0);
    need.iter().enumerate().all(|(column, need)| *need == 0 || *need <= free(column))
}

/// What the links of a group cost that touch instances which stay, and whether that is only a bound.
/// Instances that do not stay may have any machine with room for their leader, of `free`.
pub(super) fn links(index: &Index, settled: &Settled, free: &[i64], g: usize) -> (i128, bool) {
    let row = &index.groups[g];
    let (staying, moving): (Vec<usize>, Vec<usize>) = row.instances.clone().partition(|i| settled.stays[*i]);
    if staying.is_empty() {
        return (0, false);
    }
    let machines = |i: usize| index.instances[i].previous.as_deref().unwrap_or_default();
    let downgrade = |a: usize, b: usize| i128::from(index.topology.downgrade(index.topology.shared(a, b)));
    let mut cost = 0;
    for pods in staying.iter().map(|i| machines(*i)) {
        let pairs = pods.iter().enumerate().flat_map(|(n, a)| pods[..n].iter().map(move |b| (*a, *b)));
        cost += i128::from(INSIDE) * pairs.map(|(a, b)| downgrade(a, b)).sum::<i128>();
    }
    // Traffic of one instance with another, by their roles.
    let weight = |a: usize, b: usize| -> i128 {
        let (a, b) = (index.instances[a].role, index.instances[b].role);
        let between = row.edges.iter().filter(|(from, to, _)| (*from, *to) == (a, b) || (*from, *to) == (b, a));
        between.map(|(.., weight)| i128::from(*weight)).sum()
    };
    let led: Vec<(usize, usize)> = staying.iter().filter_map(|i| Some((*i, *machines(*i).first()?))).collect();
    for (n, (a, at)) in led.iter().enumerate() {
        cost += led[..n].iter().map(|(b, there)| weight(*a, *b) * downgrade(*at, *there)).sum::<i128>();
    }
    let mut loose = false;
    for instance in moving {
        let peers: Vec<(usize, i128)> =
            led.iter().map(|(b, m)| (*m, weight(instance, *b))).filter(|p| p.1 > 0).collect();
        let Some(class) = index.roles[index.instances[instance].role].classes.first().filter(|_| !peers.is_empty())
        else {
            continue;
        };
        let open = (0..index.problem.machines.len()).filter(|m| room(index, free, *class, *m) > 0);
        let sum = |m: usize| peers.iter().map(|(peer, weight)| weight * downgrade(m, *peer)).sum::<i128>();
        cost += open.map(sum).min().unwrap_or(0);
        loose = true;
    }
    (cost, loose)
}
