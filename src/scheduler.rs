//! A small model of kube-scheduler: which nodes it would give a pod, for the nodes there are and
//! the pods that stand on them.
//!
//! Filters and scores are those of the default profile of Kubernetes 1.35 as far as placement
//! depends on them: node affinity, taints, resources, pod affinity and anti-affinity, topology
//! spread and scheduling gates, with their weights. Where the scheduler throws dice (nodes of one
//! score) the caller chooses, so that a test can choose what is worst.
//!
//! Left out: volumes, ports of nodes, images, claims of devices, preemption, priorities, the
//! spread that the scheduler adds by itself to pods of a Service (it only scores), and the sample
//! of nodes that is scored in clusters of more than a hundred (a caller that takes *any* node that
//! passes the filters covers what a sample may lead to).

use std::collections::BTreeMap;

mod cluster;
mod filter;
mod score;
mod selector;
mod terms;

pub use cluster::{Attempt, Scheduler, State};
pub use filter::Reason;
pub use selector::{Operator, Requirement};

/// Labels of a node or of a pod.
pub type Labels = BTreeMap<String, String>;

/// Conditions on labels that hold together.
pub type Selector = Vec<Requirement>;

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// What pods may request, in whole units of any kind that requests use too: thousandths of a
    /// core, bytes, devices. `pods` is their number.
    pub allocatable: BTreeMap<String, i64>,
    /// It was cordoned.
    pub unschedulable: bool,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// A pod that waits for a node.
#[derive(Debug, Clone, Default)]
pub struct Pod {
    /// Its name, for the caller.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
    /// What it requests, in the units of the nodes; without `pods`.
    pub requests: BTreeMap<String, i64>,
    /// Labels that its node must carry.
    pub node_selector: Labels,
    /// A node must satisfy one of these; `None` asks for nothing, an empty list cannot be satisfied.
    pub required_nodes: Option<Vec<Selector>>,
    /// Wishes and their weights, 1 to 100.
    pub preferred_nodes: Vec<(i64, Selector)>,
    /// Pods that must be near.
    pub required_pods: Vec<PodTerm>,
    /// Pods that must not be near.
    pub excluded_pods: Vec<PodTerm>,
    /// Pods that should be near, by weight; a negative weight keeps away from them.
    pub preferred_pods: Vec<(i64, PodTerm)>,
    /// How it is spread among its like.
    pub spread: Vec<Spread>,
    /// The taints that it tolerates.
    pub tolerations: Vec<Toleration>,
    /// Somebody else must open a gate first.
    pub gated: bool,
}

/// A condition on the pods that share a domain.
#[derive(Debug, Clone)]
pub struct PodTerm {
    /// The node label that tells the domains apart.
    pub topology: String,
    /// The pods; `None` matches none.
    pub selector: Option<Selector>,
    /// Their namespaces; `None` stands for all of them.
    pub namespaces: Option<Vec<String>>,
}

/// An even spread over domains.
#[derive(Debug, Clone)]
pub struct Spread {
    /// The node label that tells the domains apart.
    pub topology: String,
    /// Largest difference between a domain and the emptiest one.
    pub max_skew: i64,
    /// With fewer domains the emptiest one counts as empty.
    pub min_domains: usize,
    /// `DoNotSchedule`; else `ScheduleAnyway`.
    pub required: bool,
    /// The pods that count, of the pod's own namespace.
    pub selector: Selector,
    /// `nodeAffinityPolicy: Honor`, the default: only nodes count that the pod's own affinity allows.
    pub honour_affinity: bool,
    /// `nodeTaintsPolicy: Honor`: only nodes count whose taints it tolerates. Not the default.
    pub honour_taints: bool,
}

/// A taint that is tolerated.
#[derive(Debug, Clone, Default)]
pub struct Toleration {
    /// Key; empty stands for all of them.
    pub key: String,
    /// Whatever the value; else it must be `value`.
    pub exists: bool,
    /// Value.
    pub value: String,
    /// Effect; empty stands for all of them.
    pub effect: String,
}
