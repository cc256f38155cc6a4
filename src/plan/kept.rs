//! The affinity that pods were given before, and whether it is still true.
//!
//! Deriving it anew could give another text without any need: the inventory has a level more, a
//! taint was lifted, two racks got one name, the compiler learnt something. So what was written is
//! written again as long as the sources ask for the same, the planned nodes satisfy it, and it
//! allows no node that an affinity derived today would forbid. The last condition is what makes
//! every clause hold: whatever a scheduler does under the old affinity, it could do under the new.

use std::borrow::Cow;

use crate::check::{self, ClauseKind};
use crate::inventory::{Inventory, Node};
use crate::lock::{Digest, affinity as lock};
use crate::plan::affinity::{Expression, HOSTNAME, Rules, Site, Term, Toleration};
use crate::plan::pins::{PodTerm, Pods, Spread};

/// What became of the affinity that the pods of a site had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum History {
    /// None is remembered.
    #[default]
    New,
    /// It is given again.
    Kept,
    /// Another one is given: the pods restart.
    Changed(Why),
}

/// Why an affinity is no longer given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The sources ask for something else.
    Asked,
    /// Other nodes are planned.
    Nodes,
    /// A planned node has not the labels that are required: its index in the inventory.
    Labels(usize),
    /// It allows nodes beyond the planned domain: the index of one.
    Wider(usize),
    /// A planned node has a taint that is not tolerated, or locks less memory.
    Node(usize),
    /// A level has another label, or its label no longer tells its domains apart.
    Topology,
}

/// The site with the affinity that is remembered for it, if there is one and it is still true;
/// else as it is.
pub fn keep<'m>(mut fresh: Site<'m>, part: &check::Part, rules: &Rules<'m>, key: &lock::Site) -> Site<'m> {
    let Some(kept) = rules.kept.and_then(|kept| kept.get(key)) else { return fresh };
    let same = lock::Affinity { asked: kept.asked, ..remembered(&fresh) } == *kept;
    let why = if same { None } else { untrue(&fresh, kept, part, rules.inventory) };
    fresh.history = why.map_or(History::Kept, History::Changed);
    if same || why.is_some() {
        return fresh;
    }
    fresh.required = kept.required.iter().map(borrowed).collect();
    fresh.preferred = kept.preferred.iter().map(|(weight, term)| (*weight, borrowed(term))).collect();
    fresh.pods = kept.pods.iter().map(pod_term).collect();
    fresh.tolerations =
        kept.taints.iter().map(|t| Toleration { key: &t.key, value: &t.value, effect: &t.effect }).collect();
    fresh.lock_memory = kept.lock_memory;
    fresh.level = level(&fresh.required, rules.inventory).or(fresh.level);
    fresh
}

/// The narrowest level that all these terms name domains of.
fn level(terms: &[Term<'_>], inventory: &Inventory) -> Option<usize> {
    let named = |label: &str| terms.iter().all(|term| term.iter().any(|e| e.key == label && !e.not));
    (0..inventory.levels.len()).rev().find(|level| !terms.is_empty() && named(&inventory.levels[*level].label))
}

/// What a lock remembers of a site.
pub fn remembered(site: &Site<'_>) -> lock::Affinity {
    lock::Affinity {
        asked: site.asked,
        required: site.required.iter().map(owned).collect(),
        preferred: site.preferred.iter().map(|(weight, term)| (*weight, owned(term))).collect(),
        pods: site.pods.iter().map(owned_pods).collect(),
        spread: site.spread.iter().map(owned_spread).collect(),
        taints: site.tolerations.iter().map(Toleration::owned).collect(),
        lock_memory: site.lock_memory,
    }
}

/// Why a remembered affinity cannot be given again.
fn untrue(fresh: &Site<'_>, kept: &lock::Affinity, part: &check::Part, inventory: &Inventory) -> Option<Why> {
    if kept.asked != fresh.asked {
        return Some(Why::Asked);
    }
    let nodes = || fresh.nodes.iter().copied();
    if let Some(node) = nodes().find(|n| !matches(&kept.required, &inventory.nodes[*n])) {
        return Some(Why::Labels(node));
    }
    let named: Vec<lock::Term> = kept.preferred.iter().map(|(_, t)| t).filter(|t| names_nodes(t)).cloned().collect();
    let wanted = fresh.preferred.iter().map(|(_, term)| owned(term)).filter(names_nodes);
    // Where the nodes are required, they need not be preferred.
    let bound = !kept.required.is_empty() && kept.required.iter().all(names_nodes);
    if !bound && !wanted.eq(named) {
        return Some(Why::Nodes);
    }
    let unknown =
        |taint: &&Toleration<'_>| !kept.taints.contains(&taint.owned()) && !taint.tolerated_by(&part.pod.tolerations);
    let harmful = fresh.tolerations.iter().filter(|t| t.effect != "PreferNoSchedule").find(unknown);
    if let Some(taint) = harmful {
        let tainted = |n: &usize| inventory.nodes[*n].taints.iter().any(|t| Toleration::of(t) == *taint);
        return Some(nodes().find(tainted).map_or(Why::Topology, Why::Node));
    }
    if fresh.lock_memory && !kept.lock_memory {
        return Some(nodes().find(|n| !inventory.nodes[*n].memlock_unlimited).map_or(Why::Topology, Why::Node));
    }
    let known: Vec<lock::PodTerm> = fresh.pods.iter().map(owned_pods).collect();
    let spread: Vec<lock::Spread> = fresh.spread.iter().map(owned_spread).collect();
    if spread != kept.spread || !kept.pods.iter().all(|term| known.contains(term)) {
        return Some(Why::Topology);
    }
    let required: Vec<lock::Term> = fresh.required.iter().map(owned).collect();
    let beyond = |node: &Node| matches(&kept.required, node) && !matches(&required, node);
    inventory.nodes.iter().position(beyond).map(Why::Wider)
}

/// Whether pods with an affinity may run on a node, by its labels.
pub fn allows(affinity: &lock::Affinity, node: &Node) -> bool {
    matches(&affinity.required, node)
}

/// Whether a node satisfies one of these terms; any does when there is none.
fn matches(terms: &[lock::Term], node: &Node) -> bool {
    let value = |key: &str| if key == HOSTNAME { Some(&node.hostname) } else { node.labels.get(key) };
    // The last condition is mostly the narrowest: it tells soonest that a node is not meant.
    let holds = |e: &lock::Expression| value(&e.key).is_some_and(|v| e.values.contains(v)) != e.not;
    terms.is_empty() || terms.iter().any(|term| term.iter().rev().all(holds))
}

fn names_nodes(term: &lock::Term) -> bool {
    term.iter().any(|e| e.key == HOSTNAME)
}

fn borrowed(term: &lock::Term) -> Term<'_> {
    fn values(e: &lock::Expression) -> Vec<Cow<'_, str>> {
        e.values.iter().map(|v| Cow::Borrowed(v.as_str())).collect()
    }
    term.iter().map(|e| Expression { key: &e.key, values: values(e), not: e.not }).collect()
}

fn owned(term: &Term<'_>) -> lock::Term {
    let expression = |e: &Expression<'_>| lock::Expression {
        key: e.key.to_owned(),
        values: e.values.iter().map(|v| v.to_string()).collect(),
        not: e.not,
    };
    term.iter().map(expression).collect()
}

fn pod_term(term: &lock::PodTerm) -> PodTerm<'_> {
    let pods = match &term.pods {
        lock::Pods::OtherGroups => Pods::OtherGroups,
        lock::Pods::Role(role) => Pods::Role(role),
        lock::Pods::Instance(part) => Pods::Instance(part.as_deref()),
        lock::Pods::OtherInstances => Pods::OtherInstances,
    };
    PodTerm { topology: &term.topology, pods, near: term.near }
}

fn owned_pods(term: &PodTerm<'_>) -> lock::PodTerm {
    let pods = match term.pods {
        Pods::OtherGroups => lock::Pods::OtherGroups,
        Pods::Role(role) => lock::Pods::Role(role.to_owned()),
        Pods::Instance(part) => lock::Pods::Instance(part.map(str::to_owned)),
        Pods::OtherInstances => lock::Pods::OtherInstances,
    };
    lock::PodTerm { topology: term.topology.to_owned(), pods, near: term.near }
}

fn owned_spread(spread: &Spread<'_>) -> lock::Spread {
    lock::Spread {
        topology: spread.topology.to_owned(),
        max_skew: spread.max_skew,
        domains: spread.domains,
        required: spread.required,
    }
}

/// A digest of all that the sources ask of a part's affinity, by names, so that neither the order
/// of roles nor the levels of the inventory matter.
pub fn asked(group: &check::Group, role: usize, part: &check::Part) -> u64 {
    let own = &group.roles[role];
    let product = part.pod.gpu.as_ref().map_or("", |(product, _)| product.as_str());
    let mut lines = vec![format!(
        "{:?} {:?} {} gpu {product} {} rdma {}",
        group.pin,
        own.form,
        part.kind.name(),
        part.pod.gpus > 0,
        part.pod.rdma > 0
    )];
    for clause in &group.clauses {
        lines.extend(said(group, role, &clause.kind).map(|text| format!("{:?} {text}", clause.prefer)));
    }
    for c in group.connections.iter().filter(|c| c.from == role || c.to == role) {
        lines.extend(c.floor.map(|(link, _)| format!("link {}", link.name())));
    }
    lines.sort();
    lines.dedup();
    let Digest(digest) = Digest::of(lines.join("\n").as_bytes());
    digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A clause in words, when it concerns the role.
fn said(group: &check::Group, role: usize, kind: &ClauseKind) -> Option<String> {
    let name = |r: &usize| group.roles.get(*r).map_or("", |r| r.name.as_str());
    let not = |not: &bool| if *not { "not " } else { "" };
    match kind {
        ClauseKind::Instances { roles, level } => roles.contains(&role).then(|| format!("instances {}", level.name)),
        ClauseKind::Together { roles, level } => roles.contains(&role).then(|| format!("together {}", level.name)),
        ClauseKind::Cells { shares, level } => {
            shares.iter().any(|(r, _)| *r == role).then(|| format!("cells {}", level.name))
        }
        ClauseKind::Near { role: from, to, level } => {
            (role == *from || role == *to).then(|| format!("near {} {} {}", name(from), name(to), level.name))
        }
        ClauseKind::Spread { role: of, level, max_skew, at_least } => {
            (role == *of).then(|| format!("spread {} {max_skew:?} {at_least:?}", level.name))
        }
        ClauseKind::Apart { role: of, from, level } => {
            let from = from.as_ref().unwrap_or(of);
            (role == *of || role == *from).then(|| format!("apart {} {} {}", name(of), name(from), level.name))
        }
        ClauseKind::Exclusive { level } => Some(format!("exclusive {}", level.name)),
        ClauseKind::Survive { count, level } => Some(format!("survive {count} {}", level.name)),
        ClauseKind::Pool { roles, not: without, pools } => roles.contains(&role).then(|| {
            let names: Vec<&str> = pools.iter().map(|(name, _)| name.as_str()).collect();
            format!("{}pool {}", not(without), names.join(" "))
        }),
        ClauseKind::Label { roles, not: without, key, values } => {
            roles.contains(&role).then(|| format!("{}label {key} {}", not(without), values.join(" ")))
        }
    }
}
