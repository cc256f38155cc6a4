//! The text of an inventory: a line for each level, node and fact of a pool, in a fixed order.

use std::collections::BTreeSet;

use super::alias::{Kind, PRODUCT_LABELS};
use super::before::{Before, Said};
use super::found::Amounts;
use super::levels::Levels;
use super::names::Names;
use super::pools::{Fleet, Labels, Pool, Single};
use crate::data::{Data, Map};
use crate::inventory::gpu_links::row;
use crate::inventory::{GpuLink, GpuLinks, HOSTNAME, Routing, Taint};
use crate::naming::natural;
use crate::quantity::Quantity;
use crate::yaml;

/// The first line: by it a file is known to be made by an import.
pub const MARK: &str = "# Made by `rbgc inventory import`";

/// The name that the level of the node has unless another is given.
const NODE: &str = "node";

/// What stands at the head.
#[derive(Debug)]
pub struct Head<'a> {
    /// Name of the cluster.
    pub name: &'a str,
    /// Kubernetes version.
    pub kubernetes: (u32, u32),
    /// APIs that are served.
    pub capabilities: &'a BTreeSet<String>,
    /// The inventory that stands.
    pub before: Option<&'a Before>,
}

/// The whole inventory.
pub fn inventory(head: &Head<'_>, levels: &Levels, names: &Names, fleet: &Fleet<'_>) -> String {
    let mut out = format!(
        "{MARK}, which keeps what was added by hand; without this line it is left alone.\napiVersion: rbgc.dev/v1\nkind: ClusterInventory\n"
    );
    entry(&mut out, "metadata", Map::new().with("name", head.name.to_owned()));
    let (major, minor) = head.kubernetes;
    out.push_str(&format!("kubernetes: \"{major}.{minor}\"\n"));
    lines(&mut out, "capabilities", head.capabilities.iter().map(|api| Data::from(api.clone())));
    let level = |level: &super::levels::Level| {
        let mut fields = Map::new().with("name", level.name.clone()).with("label", level.label.clone());
        fields.set_some("unique", head.before.and_then(|before| before.unique.get(&level.label)).copied());
        fields.into()
    };
    let node = node_level(head.before);
    let own = (node != NODE).then(|| Map::new().with("name", node.to_owned()).with("label", HOSTNAME).into());
    lines(&mut out, "levels", levels.0.iter().map(level).chain(own));
    let links = links(head.before, levels, names, fleet);
    if !links.is_empty() {
        entry(&mut out, "links", links);
    }
    let resources = Map::new().with("gpu", names.gpu.clone().unwrap_or_else(|| super::alias::GPUS[0].to_owned()));
    let resources = [("rdma", &names.rdma), ("hugepages", &names.hugepages)]
        .into_iter()
        .fold(resources, |map, (key, name)| name.iter().fold(map, |map, name| map.with(key, name.clone())));
    entry(&mut out, "resources", resources);
    if let Some(label) = names.product_label.as_ref().filter(|label| *label != PRODUCT_LABELS[0]) {
        out.push_str(&format!("gpuLabel: {label}\n"));
    }
    if !fleet.pools.is_empty() {
        out.push_str("pools:\n");
        fleet.pools.iter().for_each(|of| pool(&mut out, of));
    }
    lines(&mut out, "nodes", fleet.singles.iter().map(single));
    if let Some(before) = head.before {
        kept(&mut out, before);
    }
    out
}

/// What no file of an import tells.
fn kept(out: &mut String, before: &Before) {
    if let Some(ports) = &before.ports {
        entry(out, "reserved", Map::new().with("ports", ports.clone()));
    }
    let names = &before.inventory.namespaces;
    let list = |names: &[String]| names.iter().map(|name| Data::from(name.clone())).collect::<Vec<_>>();
    let namespaces = Map::new().full("gateway", list(&names.gateway)).full("monitoring", list(&names.monitoring));
    if !namespaces.is_empty() {
        entry(out, "namespaces", namespaces);
    }
    routing(out, &before.inventory.routing);
}

fn routing(out: &mut String, routing: &Routing) {
    if let Some(gateway) = &routing.gateway {
        let mut map = Map::new().with("name", gateway.name.clone()).with("namespace", gateway.namespace.clone());
        map.set_some("section", gateway.section.clone());
        entry(out, "gateway", map);
    }
    if let Some(class) = &routing.ingress_class {
        entry(out, "ingress", Map::new().with("class", class.clone()));
    }
    if !routing.monitor_labels.is_empty() {
        let label = |(key, value): (&String, &String)| (key.clone().into(), value.clone().into());
        entry(out, "monitoring", Map::new().with("labels", routing.monitor_labels.iter().map(label).collect::<Map>()));
    }
}

/// The name of the level that is the node.
pub fn node_level(before: Option<&Before>) -> &str {
    let last = before.and_then(|before| before.inventory.levels.last());
    last.map_or(NODE, |level| level.name.as_str())
}

fn entry(out: &mut String, key: &str, value: impl Into<Data>) {
    out.push_str(key);
    out.push_str(": ");
    yaml::append_flow(out, &value.into());
    out.push('\n');
}

/// A list with a line for each element; nothing when there is none.
fn lines(out: &mut String, key: &str, items: impl Iterator<Item = Data>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        out.push_str(key);
        out.push_str(":\n");
    }
    for item in items {
        out.push_str("  - ");
        yaml::append_flow(out, &item);
        out.push('\n');
    }
}

/// The links: those of the inventory that stands, and for other levels those that are found.
fn links(before: Option<&Before>, levels: &Levels, names: &Names, fleet: &Fleet<'_>) -> Map {
    let found = found_links(node_level(before), levels, names, fleet);
    let all = levels.0.iter().map(|level| level.name.as_str()).chain([node_level(before)]);
    let mut links = Map::new();
    for level in all {
        let kept = before.and_then(|before| before.link(level));
        links.set_some(level.to_owned(), kept.or_else(|| found.get(level).cloned()));
    }
    links
}

/// Links that follow from what was read: NVLink between nodes from its label, RDMA within the widest
/// domain of a fabric when nodes have an adapter, links within nodes from their matrices.
pub fn found_links(node: &str, levels: &Levels, names: &Names, fleet: &Fleet<'_>) -> Map {
    let needing = |class: &'static str, needs: &'static str| Map::new().with("class", class).with("needs", needs);
    let mut links = Map::new();
    let fabric = levels.0.iter().position(|level| level.kind() == Some(Kind::Fabric)).filter(|_| names.rdma.is_some());
    for (index, level) in levels.0.iter().enumerate() {
        if level.kind() == Some(Kind::Nvlink) {
            links.set(level.name.clone(), needing("nvlink", "compute-domain"));
        } else if fabric == Some(index) {
            links.set(level.name.clone(), "rdma");
        } else if index == 0 {
            links.set(level.name.clone(), "vpc");
        }
    }
    let matrices = fleet
        .pools
        .iter()
        .map(|pool| &pool.gpu_links)
        .chain(fleet.singles.iter().map(|single| &single.machine.gpu_links));
    let matrices: Vec<&GpuLinks> = matrices.flatten().map(AsRef::as_ref).collect();
    if !matrices.is_empty() {
        let all = matrices.iter().flat_map(|links| links.gpus.iter().flatten());
        let nvlink = all.into_iter().all(|link| matches!(link, GpuLink::Own | GpuLink::Nvlink(_)));
        links.set(node.to_owned(), needing(if nvlink { "nvlink" } else { "pcie" }, "shared-devices"));
    }
    links
}

fn pool(out: &mut String, pool: &Pool<'_>) {
    let mut fields = Map::new().with("name", pool.name.clone());
    fields.set_some("nodes", pool.hosts.clone());
    fields.set_some("gpu", pool.product.clone());
    fields.set_full("labels", labels(&pool.labels));
    fields.set_full("taints", taints(pool.taints));
    fields.set_some("dedicated", pool.said.dedicated);
    fields.set_some("elastic", (pool.elastic || pool.said.elastic).then_some(true));
    fields.set_some("spot", (pool.spot || pool.said.spot).then_some(true));
    fields.set_some("memlock", pool.said.memlock.then_some("unlimited"));
    fields.set_full("domains", domains(pool.domains.iter().map(|(level, value)| (*level, value.as_str()))));
    fields.set_full("allocatable", amounts(&pool.allocatable));
    fields.set_some("nics", pool.said.nics.clone());
    fields.set_some("gpu-links", pool.gpu_links.as_deref().map(gpu_links));
    for (index, (key, value)) in fields.iter().enumerate() {
        out.push_str(if index == 0 { "  - " } else { "    " });
        entry(out, key, value.clone());
    }
}

fn single(single: &Single<'_>) -> Data {
    let machine = single.machine;
    let mut fields = Map::new().with("name", single.name.to_owned()).with("pool", single.pool.clone());
    if let Some(Said { dedicated, memlock, elastic, spot, gpu, nics }) = &single.said {
        fields.set_some("gpu", gpu.clone()).set_some("dedicated", *dedicated);
        fields.set_some("elastic", elastic.then_some(true)).set_some("spot", spot.then_some(true));
        fields.set_some("memlock", memlock.then_some("unlimited")).set_some("nics", nics.clone());
    }
    fields.set_full("labels", labels(&single.labels));
    fields.set_full("domains", domains(single.domains.iter().copied()));
    fields.set_full("allocatable", amounts(&single.allocatable));
    fields.set_full("used", amounts(&machine.used));
    fields.set_some("ready", machine.not_ready.then_some(false));
    fields.set_some("unschedulable", machine.cordoned.then_some(true));
    fields.set_some("gpu-links", single.gpu_links.as_deref().map(gpu_links));
    fields.into()
}

fn labels(labels: &Labels<'_>) -> Map {
    labels.iter().map(|(key, value)| ((*key).to_owned().into(), Data::from((*value).to_owned()))).collect()
}

fn domains<'a>(domains: impl Iterator<Item = (&'a str, &'a str)>) -> Map {
    domains.map(|(level, value)| (level.to_owned().into(), Data::from(value.to_owned()))).collect()
}

fn taints(taints: &[Taint]) -> Vec<Data> {
    let taint = |taint: &Taint| {
        let value = (!taint.value.is_empty()).then(|| taint.value.clone());
        let mut fields = Map::new().with("key", taint.key.clone());
        fields.set_some("value", value).set("effect", taint.effect.clone());
        fields.into()
    };
    taints.iter().map(taint).collect()
}

/// Amounts: what every machine has first, then the rest in natural order.
fn amounts(amounts: &Amounts) -> Map {
    let mut sorted: Vec<(&str, &Quantity)> = amounts.iter().map(|(resource, amount)| (&**resource, amount)).collect();
    sorted.sort_by(|(a, _), (b, _)| a.contains('/').cmp(&b.contains('/')).then_with(|| natural(a, b)));
    let number = |amount: &Quantity| match (amount.is_whole() && !amount.binary, i64::try_from(amount.milli / 1_000)) {
        // The canonical form of a count would be `1k`.
        (true, Ok(number)) => Data::Int(number),
        _ => amount.to_string().into(),
    };
    sorted.into_iter().map(|(resource, amount)| (resource.to_owned().into(), number(amount))).collect()
}

fn gpu_links(links: &GpuLinks) -> Data {
    let rows: Vec<Data> = links.gpus.iter().map(|links| row(links).into()).collect();
    let nics: Map = links.nics.iter().map(|(name, links)| (name.clone().into(), row(links).into())).collect();
    Map::new().with("gpus", rows).full("nics", nics).into()
}
