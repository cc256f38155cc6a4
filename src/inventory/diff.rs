//! What differs between two inventories, fact by fact.

use std::collections::BTreeMap;

use super::{Inventory, Node};
use crate::naming::natural;

/// A fact that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which fact: `label x`, `allocatable cpu`, `domain rack`.
    pub fact: String,
    /// What it was; `None` when it was not there.
    pub old: Option<String>,
    /// What it is; `None` when it is gone.
    pub new: Option<String>,
}

/// What differs between two inventories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Facts of the cluster: levels, capabilities, resources, version.
    pub cluster: Vec<Change>,
    /// Names of nodes that are new.
    pub added: Vec<String>,
    /// Names of nodes that are gone.
    pub removed: Vec<String>,
    /// Nodes with facts that differ, by name.
    pub changed: Vec<(String, Vec<Change>)>,
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Difference::default()
    }
}

/// Compares two inventories. How a file describes its machines plays no part: a node of a pool
/// equals the same node described by itself, but for the name of the pool.
pub fn difference(old: &Inventory, new: &Inventory) -> Difference {
    let mut difference = Difference { cluster: changes(cluster(old), cluster(new)), ..Difference::default() };
    // Both lists are in natural order.
    let (mut a, mut b) = (old.nodes.iter().peekable(), new.nodes.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return difference,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(x), Some(y)) => natural(&x.name, &y.name),
        };
        let (x, y) = (if order.is_le() { a.next() } else { None }, if order.is_ge() { b.next() } else { None });
        match (x, y) {
            (Some(x), Some(y)) => {
                let changes = changes(facts(x, old), facts(y, new));
                if !changes.is_empty() {
                    difference.changed.push((x.name.clone(), changes));
                }
            }
            (Some(x), None) => difference.removed.push(x.name.clone()),
            (None, Some(y)) => difference.added.push(y.name.clone()),
            (None, None) => {}
        }
    }
}

type Facts = BTreeMap<String, String>;

/// Entries that differ, by key.
fn changes(mut old: Facts, new: Facts) -> Vec<Change> {
    let mut changes = Vec::new();
    for (fact, value) in new {
        let before = old.remove(&fact);
        if before.as_ref() != Some(&value) {
            changes.push(Change { fact, old: before, new: Some(value) });
        }
    }
    changes.extend(old.into_iter().map(|(fact, value)| Change { fact, old: Some(value), new: None }));
    changes.sort_by(|a, b| natural(&a.fact, &b.fact));
    changes
}

fn cluster(inventory: &Inventory) -> Facts {
    let mut facts = Facts::new();
    facts.insert("name".into(), inventory.name.clone());
    facts.insert("kubernetes".into(), format!("{}.{}", inventory.kubernetes.0, inventory.kubernetes.1));
    for api in &inventory.capabilities {
        facts.insert(format!("capability {api}"), "yes".into());
    }
    let order: Vec<&str> = inventory.levels.iter().map(|level| level.name.as_str()).collect();
    facts.insert("levels".into(), order.join(", "));
    for level in &inventory.levels {
        facts.insert(format!("level {}", level.name), level.label.clone());
        if let Some(link) = &level.link {
            let needs = link.needs.as_ref().map_or(String::new(), |needs| format!(" with {needs}"));
            facts.insert(format!("link of {}", level.name), format!("{}{needs}", link.class.name()));
        }
    }
    let resources = &inventory.resources;
    let names =
        [("gpu", Some(&resources.gpu)), ("rdma", resources.rdma.as_ref()), ("hugepages", resources.hugepages.as_ref())];
    facts.extend(names.into_iter().filter_map(|(word, name)| Some((format!("resource {word}"), name?.clone()))));
    facts.insert("label of products".into(), inventory.gpu_label.clone());
    for (word, namespaces) in
        [("gateway", &inventory.namespaces.gateway), ("monitoring", &inventory.namespaces.monitoring)]
    {
        facts.extend(namespaces.iter().map(|name| (format!("namespace of {word} {name}"), "yes".into())));
    }
    let routing = &inventory.routing;
    if let Some(gateway) = &routing.gateway {
        let section = gateway.section.as_ref().map_or(String::new(), |section| format!("#{section}"));
        facts.insert("gateway".into(), format!("{}/{}{section}", gateway.namespace, gateway.name));
    }
    facts.extend(routing.ingress_class.iter().map(|class| ("class of ingresses".into(), class.clone())));
    facts.extend(routing.monitor_labels.iter().map(|(key, value)| (format!("label of monitors {key}"), value.clone())));
    facts.extend(
        inventory.reserved_ports.iter().map(|(from, to)| (format!("reserved ports {from}-{to}"), "yes".into())),
    );
    facts
}

fn facts(node: &Node, inventory: &Inventory) -> Facts {
    let mut facts = Facts::new();
    let mut put = |fact: String, value: String| drop(facts.insert(fact, value));
    put("hostname".into(), node.hostname.clone());
    put("takes pods".into(), yes(node.schedulable));
    for (flag, set) in [
        ("dedicated", node.dedicated),
        ("elastic", node.elastic),
        ("spot", node.spot),
        ("unlimited memlock", node.memlock_unlimited),
    ] {
        put(flag.into(), yes(set));
    }
    node.pool.iter().for_each(|pool| put("pool".into(), inventory.pools[*pool].name.clone()));
    node.gpu.iter().for_each(|gpu| put("product".into(), gpu.clone()));
    for (level, domain) in inventory.levels.iter().zip(&node.domains).take(inventory.levels.len().saturating_sub(1)) {
        let domain = domain.map(|domain| &inventory.domains[inventory.level(&level.name).unwrap_or(0)][domain]);
        domain.iter().for_each(|domain| put(format!("domain {}", level.name), domain.path.join("/")));
    }
    let is_level = |key: &str| inventory.levels.iter().any(|level| level.label == key);
    for (key, value) in node.labels.iter().filter(|(key, _)| !is_level(key)) {
        put(format!("label {key}"), value.clone());
    }
    for taint in &node.taints {
        put(format!("taint {}={}:{}", taint.key, taint.value, taint.effect), "yes".into());
    }
    for (word, amounts) in [("allocatable", &node.allocatable), ("used", &node.used)] {
        for (resource, amount) in amounts {
            put(format!("{word} {resource}"), super::shown_amount(resource, *amount));
        }
    }
    node.nics.iter().for_each(|nics| put("adapters".into(), nics.join(",")));
    if let Some(links) = &node.gpu_links {
        let rows = links.gpus.iter().map(|links| super::gpu_links::row(links));
        let nics = links.nics.iter().map(|(name, links)| format!("{name}: {}", super::gpu_links::row(links)));
        put("links of accelerators".into(), rows.chain(nics).collect::<Vec<_>>().join("; "));
    }
    facts
}

fn yes(set: bool) -> String {
    if set { "yes" } else { "no" }.to_owned()
}
