//! What is counted once for a pod before it is held against each node: the pods that its
//! affinities and spreads speak of, and those that speak of it, by domain.

use std::collections::BTreeMap;

use super::selector::{node_affinity, repels, selects, speaks_of, tolerates};
use super::{Labels, Node, Pod, PodTerm, Spread, State};

/// Numbers by node label and value.
pub(super) type Counts<'c> = BTreeMap<(&'c str, &'c str), i64>;

/// What a pod meets.
pub(super) struct Surroundings<'c> {
    /// Pods that satisfy all its required terms at once.
    pub near: Counts<'c>,
    /// Pods that one of its exclusions speaks of.
    pub excluded: Counts<'c>,
    /// Pods with an exclusion that speaks of it.
    pub excluding: Counts<'c>,
    /// For each of its required spreads the pods by domain.
    pub spread: Vec<(&'c Spread, BTreeMap<&'c str, i64>)>,
}

impl<'c> Surroundings<'c> {
    pub(super) fn of(state: &State<'_, 'c>, pod: &'c Pod) -> Self {
        let mut found = Surroundings {
            near: Counts::new(),
            excluded: Counts::new(),
            excluding: Counts::new(),
            spread: spreads(state, pod),
        };
        for (other, node) in state.standing() {
            if all(&pod.required_pods, other) {
                pod.required_pods.iter().for_each(|term| count(&mut found.near, term, node, 1));
            }
            for term in pod.excluded_pods.iter().filter(|term| speaks_of(term, other)) {
                count(&mut found.excluded, term, node, 1);
            }
            for term in other.excluded_pods.iter().filter(|term| speaks_of(term, pod)) {
                count(&mut found.excluding, term, node, 1);
            }
        }
        found
    }
}

/// Whether all terms speak of a pod.
pub(super) fn all(terms: &[PodTerm], pod: &Pod) -> bool {
    !terms.is_empty() && terms.iter().all(|term| speaks_of(term, pod))
}

/// Counts a pod in the domain of its node, where that has the label.
pub(super) fn count<'c>(counts: &mut Counts<'c>, term: &'c PodTerm, node: &'c Node, weight: i64) {
    if let Some(value) = node.labels.get(&term.topology) {
        *counts.entry((&term.topology, value)).or_insert(0) += weight;
    }
}

/// Whether a node has the labels of all these spreads.
pub(super) fn labelled<'s>(mut spreads: impl Iterator<Item = &'s Spread>, labels: &Labels) -> bool {
    spreads.all(|spread| labels.contains_key(&spread.topology))
}

/// Whether a node counts for a spread.
pub(super) fn included(spread: &Spread, pod: &Pod, node: &Node) -> bool {
    let repelled = || node.taints.iter().any(|taint| repels(taint) && !tolerates(pod, taint));
    (!spread.honour_affinity || node_affinity(pod, node)) && !(spread.honour_taints && repelled())
}

fn spreads<'c>(state: &State<'_, 'c>, pod: &'c Pod) -> Vec<(&'c Spread, BTreeMap<&'c str, i64>)> {
    let required = || pod.spread.iter().filter(|spread| spread.required);
    let domains = |spread: &'c Spread| {
        let mut domains: BTreeMap<&str, i64> = BTreeMap::new();
        let counts = |node: &Node| labelled(required(), &node.labels) && included(spread, pod, node);
        for node in state.nodes().iter().filter(|node| counts(node)) {
            domains.entry(&node.labels[&spread.topology]).or_insert(0);
        }
        for (other, node) in state.standing() {
            if other.namespace == pod.namespace && counts(node) && selects(&spread.selector, &other.labels) {
                *domains.entry(&node.labels[&spread.topology]).or_insert(0) += 1;
            }
        }
        (spread, domains)
    };
    required().map(domains).collect()
}
