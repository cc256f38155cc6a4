//! The machines of a cluster as a tree of topology domains.
//!
//! This is the only reader of YAML. Every error points at the line and column in the inventory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::link::Link;
use crate::quantity::Quantity;
use crate::source::Span;

pub mod diff;
mod domains;
mod facts;
mod gpu_links;
mod hostlist;
pub mod import;
mod levels;
mod load;
mod machines;
mod nics;
mod pools;
mod raw;
pub mod room;
mod yaml;

pub use gpu_links::{GpuLink, GpuLinks};
pub use load::{load, parse};

/// The label whose value is the machine: what the narrowest level is filled from.
pub const HOSTNAME: &str = "kubernetes.io/hostname";

/// The word in [`LevelLink::needs`] for a link that takes a ComputeDomain.
pub const NEEDS_COMPUTE_DOMAIN: &str = "compute-domain";

/// The JSON Schema of the inventory file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::RawInventory).to_value()
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Its name.
    pub name: String,
    /// Kubernetes version: major and minor.
    pub kubernetes: (u32, u32),
    /// CRDs that the compiler may use, such as `leaderworkerset.x-k8s.io/v1`.
    pub capabilities: BTreeSet<String>,
    /// Topology levels, widest first. The last one is always the node.
    pub levels: Vec<Level>,
    /// The Kubernetes names of the language's resources.
    pub resources: ResourceNames,
    /// The label whose value tells the accelerator product, normally `nvidia.com/gpu.product`.
    pub gpu_label: String,
    /// The pools, sorted by name.
    pub pools: Vec<Pool>,
    /// All machines in natural order of their names.
    pub nodes: Vec<Node>,
    /// For each level its domains, in natural order of their paths.
    pub domains: Vec<Vec<Domain>>,
    /// Namespaces of others, for network policies.
    pub namespaces: Namespaces,
    /// What roles are exposed and measured by.
    pub routing: Routing,
    /// Port ranges that hostNetwork pods must not use, inclusive.
    pub reserved_ports: Vec<(u16, u16)>,
}

/// A topology level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The word in sources: `rack`.
    pub name: String,
    /// The node label that tells the domain: `topology.kubernetes.io/zone`.
    pub label: String,
    /// The best link between two pods that share a domain of this level and no narrower one.
    pub link: Option<LevelLink>,
}

/// A link and what it needs to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelLink {
    /// The class.
    pub class: Link,
    /// What must be emitted for it (`compute-domain`, `shared-devices`); without that the next
    /// wider level's link counts.
    pub needs: Option<String>,
}

/// What the words of the language are called in this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNames {
    /// `gpus`: normally `nvidia.com/gpu`.
    pub gpu: String,
    /// `rdma`: for example `rdma/hca`; `None` when the cluster has no such resource.
    pub rdma: Option<String>,
    /// `hugepages`: for example `hugepages-2Mi`.
    pub hugepages: Option<String>,
}

/// Namespaces that may reach the groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Where gateways run.
    pub gateway: Vec<String>,
    /// Where monitoring runs.
    pub monitoring: Vec<String>,
}

/// What the cluster offers to bring traffic to roles, and to read their metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// The Gateway that HTTPRoutes are attached to.
    pub gateway: Option<Gateway>,
    /// The name of the IngressClass of Ingresses.
    pub ingress_class: Option<String>,
    /// Labels by which Prometheus selects the monitors that it reads.
    pub monitor_labels: BTreeMap<String, String>,
}

/// A Gateway of the Gateway API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The listener that routes are attached to; all that admit the host when `None`.
    pub section: Option<String>,
}

/// A set of machines that share a domain of a level. A domain is the path of values down to its
/// level: rack `r1` of block `b1` is not rack `r1` of block `b2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The label values, widest level first, down to this level. Empty where the machine lacks the
    /// label of a wider level, which only happens at the node level.
    pub path: Vec<String>,
    /// Index of the domain of the next wider level in [`Inventory::domains`]; `None` at the widest
    /// and where the machine lacks the label of that level.
    pub parent: Option<usize>,
    /// Its machines: indices in [`Inventory::nodes`], ascending.
    pub nodes: Vec<usize>,
}

/// Machines that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Labels that all its machines carry: what an affinity selects it by.
    pub labels: BTreeMap<String, String>,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Node {
    /// Name of the Node object.
    pub name: String,
    /// Value of its label `kubernetes.io/hostname`, which is what affinities must name.
    pub hostname: String,
    /// Index in [`Inventory::pools`].
    pub pool: Option<usize>,
    /// The accelerator product by the name that sources use.
    pub gpu: Option<String>,
    /// Labels, those of the levels included.
    pub labels: BTreeMap<String, String>,
    /// Taints.
    pub taints: Vec<Taint>,
    /// What pods may use, by resource name; see [`scaled`] for the unit.
    pub allocatable: BTreeMap<String, i64>,
    /// What pods that are not ours use already, in the same units.
    pub used: BTreeMap<String, i64>,
    /// Takes new pods: ready and not cordoned.
    pub schedulable: bool,
    /// For each level the index of its domain in [`Inventory::domains`]; `None` where the label is missing.
    pub domains: Vec<Option<usize>>,
    /// Only our pods run here.
    pub dedicated: bool,
    /// An autoscaler makes and removes such machines.
    pub elastic: bool,
    /// May be taken away at any time.
    pub spot: bool,
    /// Pods may lock memory without a capability.
    pub memlock_unlimited: bool,
    /// Its RDMA adapters in the order of the rails, where they are listed; see [`Node::rails`].
    pub nics: Option<Arc<Vec<String>>>,
    /// How its accelerators are connected, where that is known.
    pub gpu_links: Option<Arc<GpuLinks>>,
    /// Where it is declared.
    pub span: Span,
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// An amount of a resource as the whole number that placement counts with: thousandths of a core
/// for `cpu`, units (bytes, devices) for everything else, rounded up when `up` is set.
pub fn scaled(resource: &str, quantity: Quantity, up: bool) -> i64 {
    if resource == "cpu" {
        return i64::try_from(quantity.milli).unwrap_or(i64::MAX);
    }
    if up { quantity.ceil() } else { i64::try_from(quantity.milli.div_euclid(1_000)).unwrap_or(i64::MAX) }
}

/// An amount in the units of [`scaled`] as a quantity of Kubernetes.
pub fn shown_amount(resource: &str, amount: i64) -> String {
    match resource {
        "cpu" => Quantity { milli: amount.into(), binary: false }.to_string(),
        "memory" | "ephemeral-storage" => Quantity::bytes(amount).to_string(),
        name if name.starts_with("hugepages-") => Quantity::bytes(amount).to_string(),
        _ => amount.to_string(),
    }
}

impl Node {
    /// The names of its RDMA adapters in the order of the rails: those that are listed, else those
    /// that follow from [`Node::gpu_links`]. `None` where neither tells.
    pub fn rails(&self) -> Option<Vec<&str>> {
        match &self.nics {
            Some(nics) => Some(nics.iter().map(String::as_str).collect()),
            None => self.gpu_links.as_ref()?.rails(),
        }
    }
}

impl Inventory {
    /// The index of a level by its name.
    pub fn level(&self, name: &str) -> Option<usize> {
        self.levels.iter().position(|l| l.name == name)
    }

    /// Whether the label of a level alone tells its domains apart. Where it does not (rack `r1` of
    /// two blocks), a scheduler that compares one label takes two domains for one.
    pub fn is_distinct(&self, level: usize) -> bool {
        let mut values: Vec<Option<&String>> = self.domains[level].iter().map(|d| d.path.last()).collect();
        values.sort();
        values.windows(2).all(|w| w[0] != w[1])
    }

    /// The narrowest level at which two nodes share a domain.
    pub fn shared_level(&self, a: usize, b: usize) -> Option<usize> {
        let (a, b) = (&self.nodes[a].domains, &self.nodes[b].domains);
        (0..self.levels.len()).rev().find(|l| a[*l].is_some() && a[*l] == b[*l])
    }
}

#[cfg(test)]
mod tests;
