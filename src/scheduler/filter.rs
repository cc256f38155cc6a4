//! Why a node is no place for a pod.

use std::fmt;

use super::selector::{node_affinity, repels, selects, speaks_of, tolerates};
use super::terms::{Counts, Surroundings};
use super::{Node, Pod, Taint};

/// Why a node is no place for a pod, in the words of kube-scheduler.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The node is cordoned.
    Unschedulable,
    /// It has a taint that the pod does not tolerate.
    Taint,
    /// Its labels are not those that the pod requires.
    NodeAffinity,
    /// It runs as many pods as it may.
    TooManyPods,
    /// It has not enough left of a resource.
    Insufficient(String),
    /// It lacks the label of a spread.
    SpreadLabel,
    /// Its domain has more of the pod's like than the spread allows.
    Spread,
    /// No pod that the pod must be near is in its domain.
    Affinity,
    /// A pod that the pod must not be near is.
    AntiAffinity,
    /// A pod is that does not bear this one near.
    ExistingAntiAffinity,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Reason::Unschedulable => "node(s) were unschedulable",
            Reason::Taint => "node(s) had untolerated taint(s)",
            Reason::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Reason::TooManyPods => "Too many pods",
            Reason::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
            Reason::SpreadLabel => "node(s) didn't match pod topology spread constraints (missing required label)",
            Reason::Spread => "node(s) didn't match pod topology spread constraints",
            Reason::Affinity => "node(s) didn't match pod affinity rules",
            Reason::AntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Reason::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
        };
        f.write_str(text)
    }
}

/// What kube-scheduler finds before it looks at other pods: cordons, taints, labels, in its order.
pub(super) fn labels(pod: &Pod, node: &Node) -> Option<Reason> {
    let cordon =
        Taint { key: "node.kubernetes.io/unschedulable".into(), value: String::new(), effect: "NoSchedule".into() };
    if node.unschedulable && !tolerates(pod, &cordon) {
        return Some(Reason::Unschedulable);
    }
    if node.taints.iter().any(|taint| repels(taint) && !tolerates(pod, taint)) {
        return Some(Reason::Taint);
    }
    (!node_affinity(pod, node)).then_some(Reason::NodeAffinity)
}

/// Spread and pod affinity, which come after the resources.
pub(super) fn pods(pod: &Pod, node: &Node, around: &Surroundings<'_>) -> Option<Reason> {
    spread(pod, node, around).or_else(|| affinity(pod, node, around))
}

fn spread(pod: &Pod, node: &Node, around: &Surroundings<'_>) -> Option<Reason> {
    for (spread, domains) in &around.spread {
        let Some(value) = node.labels.get(&spread.topology) else { return Some(Reason::SpreadLabel) };
        let known = !domains.is_empty() && domains.len() >= spread.min_domains;
        let least = domains.values().min().copied().filter(|_| known).unwrap_or(0);
        let own = i64::from(selects(&spread.selector, &pod.labels));
        if domains.get(value.as_str()).copied().unwrap_or(0) + own - least > spread.max_skew {
            return Some(Reason::Spread);
        }
    }
    None
}

fn affinity(pod: &Pod, node: &Node, around: &Surroundings<'_>) -> Option<Reason> {
    let near = pod.required_pods.iter().map(|term| {
        let value = node.labels.get(&term.topology)?;
        Some(around.near.contains_key(&(term.topology.as_str(), value.as_str())))
    });
    // The first pod of a set that must be together may stand anywhere.
    let first = around.near.is_empty() && pod.required_pods.iter().all(|term| speaks_of(term, pod));
    let near = near.collect::<Option<Vec<bool>>>();
    if !near.is_some_and(|near| first || near.iter().all(|found| *found)) {
        return Some(Reason::Affinity);
    }
    let there =
        |counts: &Counts<'_>| counts.keys().any(|(key, value)| node.labels.get(*key).is_some_and(|own| own == value));
    if there(&around.excluded) {
        return Some(Reason::AntiAffinity);
    }
    there(&around.excluding).then_some(Reason::ExistingAntiAffinity)
}
