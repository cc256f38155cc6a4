//! Where the pods of a workload may run: the plan, as what a scheduler understands.
//!
//! A required clause must hold whatever the scheduler does, so the domain that it was planned in
//! is required; inside it the planned nodes are preferred. A template that several instances share
//! carries neither their nodes nor their domains unless they must all be in one: it would change,
//! and restart everybody, with their number. Leaders and workers of which each instance must share a
//! domain are the exception: they are bound to the nodes planned for the most instances there may be.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::check::{self, Pin};
use crate::data::Data;
use crate::fit::tolerated;
use crate::inventory::{Inventory, Taint};
use crate::kinds::Target;
use crate::lock;
use crate::plan::kept::History;
use crate::plan::pins::{Bounds, PodTerm, Spread};

/// The label that a planned node is named by.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// A condition on a node's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression<'m> {
    /// The label.
    pub key: &'m str,
    /// One of these values; none of them when `not` is set.
    pub values: Vec<Cow<'m, str>>,
    /// Turns the condition round.
    pub not: bool,
}

/// Conditions that hold together.
pub type Term<'m> = Vec<Expression<'m>>;

/// Where the pods of one workload may run.
#[derive(Debug, Clone, Default)]
pub struct Site<'m> {
    /// The planned nodes: indices in the inventory, ascending, without repetition.
    pub nodes: Vec<usize>,
    /// A node must satisfy one of these; any node will do when there is none.
    pub required: Vec<Term<'m>>,
    /// The part of `required` that does not come from the plan: product, pools and labels.
    pub eligible: Vec<Term<'m>>,
    /// Wishes and their weights, 1 to 100.
    pub preferred: Vec<(u32, Term<'m>)>,
    /// Conditions on the pods that are near.
    pub pods: Vec<PodTerm<'m>>,
    /// How the pods of a shared template are spread.
    pub spread: Vec<Spread<'m>>,
    /// Taints that are tolerated: those of the planned nodes.
    pub tolerations: Vec<Toleration<'m>>,
    /// The pods need the right to lock memory, for RDMA.
    pub lock_memory: bool,
    /// The ComputeDomain that its pods with accelerators claim a channel of.
    pub compute_domain: Option<&'m str>,
    /// Level and domain that all its pods share whatever the scheduler does.
    pub guaranteed: Option<(usize, usize)>,
    /// The level whose domains are required, when any are.
    pub level: Option<usize>,
    /// The narrowest level whose domains may be required; `None` where the template must not name any.
    pub narrowest: Option<usize>,
    /// A digest of what the sources ask for; see [`super::kept::asked`].
    pub asked: u64,
    /// What became of the affinity that these pods had before.
    pub history: History,
    /// What is promised of the pods, whatever the order in which they are scheduled.
    pub promise: Promise,
}

/// What is promised of the pods of a workload: that each finds a node among those that its affinity
/// requires, and so in its domain, in whatever order all pods are scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Promise {
    /// It holds.
    Always,
    /// It holds as long as those that stand already are not scheduled anew at the same time.
    Standing,
    /// Nothing was proved yet.
    #[default]
    Unproved,
    /// Nothing is promised, and why.
    None(Doubt),
}

/// Why nothing is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The sources ask for no affinity, or bring one of their own.
    Unpinned,
    /// An autoscaler makes and removes nodes.
    Elastic,
    /// Nodes may be taken away at any time.
    Spot,
    /// Pods of others may come.
    Foreign,
    /// Where the pods may run depends on other pods.
    Pods,
    /// Others may take the room first.
    Contested,
}

/// A taint that pods tolerate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration<'m> {
    /// Key of the taint.
    pub key: &'m str,
    /// Its value; may be empty.
    pub value: &'m str,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: &'m str,
}

impl<'m> Toleration<'m> {
    /// The toleration of a taint.
    pub fn of(taint: &'m Taint) -> Self {
        Toleration { key: &taint.key, value: &taint.value, effect: &taint.effect }
    }

    /// As a lock remembers it.
    pub fn owned(&self) -> lock::affinity::Taint {
        lock::affinity::Taint { key: self.key.into(), value: self.value.into(), effect: self.effect.into() }
    }

    /// Whether tolerations of the user's own cover it.
    pub fn tolerated_by(&self, tolerations: &[Data]) -> bool {
        let lock::affinity::Taint { key, value, effect } = self.owned();
        tolerated(&Taint { key, value, effect }, tolerations)
    }
}

/// What all workloads of a role have in common.
pub struct Rules<'m> {
    /// What workloads become.
    pub target: Target,
    /// The machines.
    pub inventory: &'m Inventory,
    /// How firmly the plan is written.
    pub pin: Pin,
    /// What the clauses ask for.
    pub bounds: Bounds<'m>,
    /// What the workloads of the group were given before.
    pub kept: Option<&'m BTreeMap<lock::affinity::Site, lock::affinity::Affinity>>,
}

/// The site of the pods of a part of a role. `shared` is set when they are of several instances.
pub fn site<'m>(rules: &Rules<'m>, role: &'m check::Role, index: usize, nodes: Vec<usize>, shared: bool) -> Site<'m> {
    let (inventory, part) = (rules.inventory, &role.parts[index]);
    let mut site = Site {
        tolerations: tolerations(inventory, &nodes),
        lock_memory: part.pod.rdma > 0 && !nodes.iter().all(|n| inventory.nodes[*n].memlock_unlimited),
        preferred: rules.bounds.preferred.clone(),
        pods: rules.bounds.pod_terms(role, index, shared),
        spread: if shared { rules.bounds.spread_of(role, index) } else { Vec::new() },
        nodes,
        ..Site::default()
    };
    site.eligible = rules.bounds.eligible.clone();
    restrict(&mut site.eligible, product(inventory, &part.pod, &site.nodes));
    let lasting = narrowest_lasting(inventory, &site.nodes);
    let level = match rules.pin {
        Pin::None => None,
        Pin::Nodes => Some(inventory.levels.len().saturating_sub(1)),
        Pin::Domain => rules.bounds.level(index == 0, shared),
    };
    let level = if rules.bounds.by_name { Some(inventory.levels.len().saturating_sub(1)) } else { level };
    if rules.pin == Pin::Domain && !shared {
        site.preferred.extend(planned(inventory, &site, level));
    }
    site.narrowest = (rules.pin != Pin::None && !shared).then_some(lasting);
    site.bind(inventory, level.map(|level| level.min(lasting)));
    site
}

impl<'m> Site<'m> {
    /// The site of a pod that belongs on one node and nowhere else.
    pub fn of_node(inventory: &'m Inventory, node: usize) -> Self {
        let nodes = vec![node];
        let required = vec![vec![hostnames(inventory, &nodes)]];
        Site { required, tolerations: tolerations(inventory, &nodes), nodes, ..Site::default() }
    }

    /// Requires the domains of a level that hold the planned nodes; without nodes there are none.
    pub fn bind(&mut self, inventory: &'m Inventory, level: Option<usize>) {
        self.level = level.filter(|_| !self.nodes.is_empty());
        self.required = self.eligible.clone();
        self.guaranteed = None;
        if let Some(level) = self.level {
            cross(&mut self.required, &domains(inventory, &self.nodes, level));
            self.guaranteed = common(inventory, &self.nodes, level);
            if level + 1 >= inventory.levels.len() {
                // What is required need not be preferred.
                let planned = [hostnames(inventory, &self.nodes)];
                self.preferred.retain(|(_, term)| *term != planned);
            }
        }
        self.required.retain(|term| !term.is_empty());
    }
}

/// Taints that a pod may tolerate: those that Kubernetes sets by itself tell of trouble.
fn tolerations<'m>(inventory: &'m Inventory, nodes: &[usize]) -> Vec<Toleration<'m>> {
    let all = nodes.iter().flat_map(|n| &inventory.nodes[*n].taints);
    let lasting = all.filter(|t| !t.key.starts_with("node.kubernetes.io/"));
    let mut tolerations: Vec<Toleration> = lasting.map(Toleration::of).collect();
    tolerations.sort();
    tolerations.dedup();
    tolerations
}

/// The accelerator product, when one is named and all planned nodes tell theirs by the label.
fn product<'m>(inventory: &'m Inventory, pod: &check::Pod, nodes: &[usize]) -> Option<Expression<'m>> {
    pod.gpu.as_ref()?;
    let label = |n: &usize| inventory.nodes[*n].labels.get(&inventory.gpu_label);
    let mut values: Vec<Cow<str>> =
        nodes.iter().map(|n| label(n).map(|v| Cow::Borrowed(v.as_str()))).collect::<Option<_>>()?;
    values.sort();
    values.dedup();
    (!values.is_empty()).then_some(Expression { key: &inventory.gpu_label, values, not: false })
}

/// The narrowest level that outlives the machines: an autoscaler replaces nodes, so below the zone
/// nothing of an elastic node can be relied upon.
fn narrowest_lasting(inventory: &Inventory, nodes: &[usize]) -> usize {
    if !nodes.iter().any(|n| inventory.nodes[*n].elastic) {
        return inventory.levels.len().saturating_sub(1);
    }
    inventory.levels.iter().position(|l| l.label == ZONE || l.name == "zone").unwrap_or(0)
}

/// The planned nodes by name, unless the site requires them already or they come and go.
fn planned<'m>(inventory: &'m Inventory, site: &Site<'m>, level: Option<usize>) -> Option<(u32, Term<'m>)> {
    let node_level = inventory.levels.len().saturating_sub(1);
    if site.nodes.is_empty() || level == Some(node_level) || narrowest_lasting(inventory, &site.nodes) < node_level {
        return None;
    }
    Some((100, vec![hostnames(inventory, &site.nodes)]))
}

fn hostnames<'m>(inventory: &'m Inventory, nodes: &[usize]) -> Expression<'m> {
    let values = nodes.iter().map(|n| Cow::Borrowed(inventory.nodes[*n].hostname.as_str())).collect();
    Expression { key: HOSTNAME, values, not: false }
}

/// The domains of a level that hold these nodes: a term for each, by all labels on the way, since
/// rack `r1` of one block is not rack `r1` of another. Domains with one parent share a term.
fn domains<'m>(inventory: &'m Inventory, nodes: &[usize], level: usize) -> Vec<Term<'m>> {
    if level + 1 >= inventory.levels.len() {
        return vec![vec![hostnames(inventory, nodes)]];
    }
    let condition = |node: usize, level: usize| {
        let values = vec![Cow::Borrowed(label(inventory, node, level)?)];
        Some(Expression { key: &inventory.levels[level].label, values, not: false })
    };
    let mut terms: Vec<Term> = Vec::new();
    for node in nodes {
        let mut path: Term = (0..=level).filter_map(|l| condition(*node, l)).collect();
        let Some(last) = path.pop() else { continue };
        let siblings = terms.iter_mut().filter_map(|term| term.split_last_mut());
        let siblings = siblings.filter(|(own, parents)| own.key == last.key && **parents == *path);
        match siblings.map(|(own, _)| own).next() {
            Some(own) if own.values.contains(&last.values[0]) => {}
            Some(own) => own.values.extend(last.values),
            None => terms.push(path.into_iter().chain([last]).collect()),
        }
    }
    terms
}

/// The value of a node's label of a level.
fn label(inventory: &Inventory, node: usize, level: usize) -> Option<&str> {
    let domain = inventory.nodes[node].domains.get(level).copied().flatten()?;
    inventory.domains.get(level)?.get(domain)?.path.last().map(String::as_str)
}

/// The narrowest level, not below `level`, at which these nodes share a domain, and that domain.
pub fn common(inventory: &Inventory, nodes: &[usize], level: usize) -> Option<(usize, usize)> {
    let (first, rest) = nodes.split_first()?;
    let domain = |node: &usize, l: usize| inventory.nodes[*node].domains.get(l).copied().flatten();
    (0..=level).rev().find_map(|l| {
        let shared = domain(first, l)?;
        rest.iter().all(|n| domain(n, l) == Some(shared)).then_some((l, shared))
    })
}

/// Adds a condition to every alternative.
fn restrict<'m>(terms: &mut Vec<Term<'m>>, condition: Option<Expression<'m>>) {
    if let Some(condition) = condition {
        cross(terms, &[vec![condition]]);
    }
}

/// Makes every alternative of one side hold together with every alternative of the other.
pub fn cross<'m>(terms: &mut Vec<Term<'m>>, with: &[Term<'m>]) {
    if with.is_empty() {
        return;
    }
    if terms.is_empty() {
        terms.push(Term::new());
    }
    let pairs = terms.iter().flat_map(|a| {
        with.iter().map(move |b| {
            let more = b.iter().filter(|e| !a.contains(e)).cloned();
            a.iter().cloned().chain(more).collect::<Term>()
        })
    });
    *terms = pairs.collect();
}
