//! Sizes of pods and room of machines in whole steps of one resource.

use std::collections::BTreeSet;

use crate::place::Pod;
use crate::place::index::Index;

/// Measures used at most: more cost time and seldom say more.
const MEASURES: usize = 5;

/// Steps of one resource that are looked at for each set of machines.
const STEPS: usize = 5;

/// A measure says little when all pods together need less than this part of the room.
const SLACK: i128 = 6;

/// A resource in steps, on the machines of one set. A pod has a size when it may use no others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Measure {
    resource: usize,
    /// Amounts count in whole steps. What pods need is rounded down, like what is free, so that the
    /// sum of sizes on a machine is never more than its room.
    step: i64,
    /// Index in the problem's sets of machines.
    eligible: usize,
    /// For each set of machines whether it is part of this one.
    within: Vec<bool>,
}

impl Measure {
    /// The steps that a pod needs.
    pub fn size(&self, pod: &Pod) -> i64 {
        let counts = self.within.get(pod.eligible).copied().unwrap_or(false);
        let amount = pod.request.get(self.resource).copied().unwrap_or(0).max(0);
        if counts { amount / self.step } else { 0 }
    }

    /// The steps that a machine has left of `free`.
    pub fn room(&self, index: &Index, machine: usize, free: &[i64]) -> i64 {
        let may = index.problem.eligible.get(self.eligible).and_then(|set| set.get(machine)).copied().unwrap_or(false);
        if may && index.problem.machines[machine].closed.is_none() {
            free.get(self.resource).copied().unwrap_or(0).max(0) / self.step
        } else {
            0
        }
    }

    /// The measures that say something of a problem, the accelerators first.
    pub fn all(index: &Index, free: &[i64]) -> Vec<Measure> {
        let machines = index.problem.machines.len();
        let room = |measure: &Measure| -> Vec<i64> {
            (0..machines).map(|m| measure.room(index, m, &free[m * index.columns..][..index.columns])).collect()
        };
        let mut kept: Vec<(Measure, Vec<i64>, Vec<i64>)> = Vec::new();
        for measure in proposed(index) {
            let sizes: Vec<i64> = index.classes.iter().map(|pod| measure.size(pod)).collect();
            let room = room(&measure);
            if says_something(index, &sizes, &room) && !kept.iter().any(|k| implies((&k.1, &k.2), (&sizes, &room))) {
                kept.retain(|k| !implies((&sizes, &room), (&k.1, &k.2)));
                kept.push((measure, sizes, room));
            }
        }
        kept.truncate(MEASURES);
        kept.into_iter().map(|(measure, ..)| measure).collect()
    }
}

/// Every resource in steps of each size that pods ask for, and of what divides all of them.
fn proposed(index: &Index) -> Vec<Measure> {
    let problem = index.problem;
    let sets: BTreeSet<usize> = index.classes.iter().map(|pod| pod.eligible).collect();
    let mut resources: Vec<usize> = (0..index.columns).collect();
    resources.sort_by_key(|r| (*r != problem.gpu, *r));
    let mut measures = Vec::new();
    for resource in resources {
        for set in &sets {
            let within = |other: usize| -> bool {
                let pairs = problem.eligible.get(other).into_iter().flatten().zip(&problem.eligible[*set]);
                other == *set || pairs.into_iter().all(|(inner, outer)| !inner || *outer)
            };
            let within: Vec<bool> = (0..problem.eligible.len()).map(|o| sets.contains(&o) && within(o)).collect();
            let counted = index.classes.iter().filter(|pod| within[pod.eligible]);
            let amounts: BTreeSet<i64> = counted.map(|pod| pod.request[resource]).filter(|n| *n > 0).collect();
            let divisor = amounts.iter().copied().reduce(gcd);
            let largest = amounts.iter().rev().take(STEPS).copied();
            for step in divisor.into_iter().chain(largest).collect::<BTreeSet<_>>() {
                measures.push(Measure { resource, step, eligible: *set, within: within.clone() });
            }
        }
    }
    measures
}

/// Whether pods could meet the limit of the measure at all.
fn says_something(index: &Index, sizes: &[i64], room: &[i64]) -> bool {
    let pods = index.roles.iter().flat_map(|r| r.demand.iter().map(|(c, n)| (*c, *n * r.role.instances as i64)));
    let need: i128 = pods.map(|(class, count)| i128::from(sizes[class]) * i128::from(count)).sum();
    let have: i128 = room.iter().map(|n| i128::from(*n)).sum();
    let (largest, most) = (sizes.iter().max().unwrap_or(&0), room.iter().max().unwrap_or(&0));
    need > 0 && (need.saturating_mul(SLACK) > have || i128::from(*largest) * SLACK > i128::from(*most))
}

/// Whether what obeys the first measure on a machine always obeys the second.
fn implies(first: (&[i64], &[i64]), second: (&[i64], &[i64])) -> bool {
    let pairs = |f: (i64, i64), s: (i64, i64)| {
        let wide = |a: i64, b: i64| i128::from(a) * i128::from(b);
        wide(s.0, f.1) <= wide(f.0, s.1)
    };
    let sizes: BTreeSet<(i64, i64)> = first.0.iter().copied().zip(second.0.iter().copied()).collect();
    let rooms: BTreeSet<(i64, i64)> = first.1.iter().copied().zip(second.1.iter().copied()).collect();
    rooms.into_iter().all(|(f, s)| sizes.iter().all(|(a, b)| pairs((*a, f), (*b, s))))
}

/// The largest number that divides both.
pub(super) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}
