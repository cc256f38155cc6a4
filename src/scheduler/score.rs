//! Which of several possible nodes the scheduler likes best. Every plug-in gives 0 to 100; they
//! add up by the weights of the default profile.

use std::collections::{BTreeMap, BTreeSet};

use super::selector::{node_term, selects, speaks_of, tolerates};
use super::terms::{Counts, count, included, labelled};
use super::{Node, Pod, Spread, State};

const HIGHEST: i64 = 100;

const TAINTS: i64 = 3;
const NODE_AFFINITY: i64 = 2;
const SPREAD: i64 = 2;
const POD_AFFINITY: i64 = 2;
const LEAST_ALLOCATED: i64 = 1;
const BALANCED: i64 = 1;

/// The weight of another pod's required affinity to this one (`hardPodAffinityWeight`).
const REQUIRED_BY_OTHERS: i64 = 1;

/// The feasible nodes of the highest score.
pub(super) fn best(state: &State<'_, '_>, pod: usize, feasible: &[usize]) -> Vec<usize> {
    let wanted = &state.scheduler.pods[pod];
    let nodes: Vec<&Node> = feasible.iter().map(|node| &state.nodes()[*node]).collect();
    let mut totals: Vec<i64> = feasible.iter().map(|node| resources(state, pod, *node)).collect();
    let others = [
        (TAINTS, taints(wanted, &nodes)),
        (NODE_AFFINITY, node_affinity(wanted, &nodes)),
        (SPREAD, spread(state, wanted, feasible)),
        (POD_AFFINITY, pod_affinity(state, wanted, &nodes)),
    ];
    for (weight, scores) in others {
        totals.iter_mut().zip(scores).for_each(|(total, score)| *total += weight * score);
    }
    let highest = totals.iter().max().copied();
    feasible.iter().zip(totals).filter(|(_, total)| Some(*total) == highest).map(|(node, _)| *node).collect()
}

fn resources(state: &State<'_, '_>, pod: usize, node: usize) -> i64 {
    let loads = state.loads(pod, node);
    let known: Vec<[i64; 3]> = loads.into_iter().filter(|[all, ..]| *all > 0).collect();
    let free = known.iter().map(|[all, _, assumed]| (all - assumed).max(0) * HIGHEST / all);
    let least = if known.is_empty() { 0 } else { free.sum::<i64>() / known.len() as i64 };
    let asks = ["cpu", "memory"].iter().any(|r| state.scheduler.pods[pod].requests.get(*r).is_some_and(|n| *n > 0));
    LEAST_ALLOCATED * least + if asks { BALANCED * balanced(&known) } else { 0 }
}

/// How alike the used shares are. Floating point as upstream, so that the cut to a whole number
/// falls where it falls there.
fn balanced(known: &[[i64; 3]]) -> i64 {
    let shares: Vec<f64> = known.iter().map(|[all, used, _]| (*used as f64 / *all as f64).min(1.0)).collect();
    let deviation = if let [a, b] = shares[..] { ((a - b) / 2.0).abs() } else { 0.0 };
    ((1.0 - deviation) * HIGHEST as f64) as i64
}

fn taints(pod: &Pod, nodes: &[&Node]) -> Vec<i64> {
    let bad = |node: &&Node| {
        node.taints.iter().filter(|taint| taint.effect == "PreferNoSchedule" && !tolerates(pod, taint)).count() as i64
    };
    let scores = scaled(nodes.iter().map(bad).collect());
    scores.into_iter().map(|score| HIGHEST - score).collect()
}

fn node_affinity(pod: &Pod, nodes: &[&Node]) -> Vec<i64> {
    let score =
        |node: &&Node| pod.preferred_nodes.iter().filter(|(_, term)| node_term(term, node)).map(|(w, _)| w).sum();
    scaled(nodes.iter().map(score).collect())
}

/// Brings the highest score to 100, unless all are 0.
fn scaled(mut scores: Vec<i64>) -> Vec<i64> {
    let highest = scores.iter().max().copied().unwrap_or(0);
    if highest > 0 {
        scores.iter_mut().for_each(|score| *score = *score * HIGHEST / highest);
    }
    scores
}

fn pod_affinity(state: &State<'_, '_>, pod: &Pod, nodes: &[&Node]) -> Vec<i64> {
    let mut counts = Counts::new();
    for (other, node) in state.standing() {
        for (weight, term) in pod.preferred_pods.iter().filter(|(_, term)| speaks_of(term, other)) {
            count(&mut counts, term, node, *weight);
        }
        for (weight, term) in other.preferred_pods.iter().filter(|(_, term)| speaks_of(term, pod)) {
            count(&mut counts, term, node, *weight);
        }
        for term in other.required_pods.iter().filter(|term| speaks_of(term, pod)) {
            count(&mut counts, term, node, REQUIRED_BY_OTHERS);
        }
    }
    let score = |node: &&Node| -> i64 {
        let own = |((key, value), sum): (&(&str, &str), &i64)| {
            node.labels.get(*key).filter(|label| label == value).map(|_| *sum)
        };
        counts.iter().filter_map(own).sum()
    };
    let scores: Vec<i64> = nodes.iter().map(score).collect();
    let (least, most) = (scores.iter().min().copied().unwrap_or(0), scores.iter().max().copied().unwrap_or(0));
    let share = |score: i64| HIGHEST as f64 * ((score - least) as f64 / (most - least) as f64);
    scores.into_iter().map(|score| if most > least { share(score) as i64 } else { 0 }).collect()
}

/// The preferred spreads; nodes that lack the label of one of them score nothing.
fn spread(state: &State<'_, '_>, pod: &Pod, feasible: &[usize]) -> Vec<i64> {
    let wishes: Vec<&Spread> = pod.spread.iter().filter(|spread| !spread.required).collect();
    let nodes = state.nodes();
    let counted = |node: usize| labelled(wishes.iter().copied(), &nodes[node].labels);
    if wishes.is_empty() || !feasible.iter().any(|node| counted(*node)) {
        return vec![0; feasible.len()];
    }
    let mut raw = vec![0.0; feasible.len()];
    for wish in &wishes {
        let domain = |node: usize| nodes[node].labels.get(&wish.topology).map(String::as_str);
        let domains: BTreeSet<&str> =
            feasible.iter().filter(|node| counted(**node)).filter_map(|node| domain(*node)).collect();
        let mut pods: BTreeMap<&str, i64> = BTreeMap::new();
        for (other, node) in state.standing() {
            let here = labelled(wishes.iter().copied(), &node.labels) && included(wish, pod, node);
            if here && other.namespace == pod.namespace && selects(&wish.selector, &other.labels) {
                *pods.entry(&node.labels[&wish.topology]).or_insert(0) += 1;
            }
        }
        let weight = ((domains.len() + 2) as f64).ln();
        for (score, node) in raw.iter_mut().zip(feasible) {
            let count = domain(*node).and_then(|d| pods.get(d)).copied().unwrap_or(0);
            *score += count as f64 * weight + (wish.max_skew - 1) as f64;
        }
    }
    let scores: Vec<Option<i64>> =
        feasible.iter().zip(raw).map(|(node, score)| counted(*node).then(|| score.round() as i64)).collect();
    let least = scores.iter().flatten().min().copied().unwrap_or(0);
    let most = scores.iter().flatten().max().copied().unwrap_or(0);
    let share = |score: i64| if most == 0 { HIGHEST } else { HIGHEST * (most + least - score) / most };
    scores.into_iter().map(|score| score.map_or(0, share)).collect()
}
