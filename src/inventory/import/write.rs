//! The text of an inventory: a line for each level, node and fact of a pool, in a fixed order.

use std::collections::BTreeSet;

use super::alias::{Kind, PRODUCT_LABELS};
use super::found::Amounts;
use super::levels::Levels;
use super::names::Names;
use super::pools::{Fleet, Labels, Pool, Single};
use crate::data::{Data, Map};
use crate::inventory::gpu_links::row;
use crate::inventory::{GpuLink, GpuLinks, Taint};
use crate::naming::natural;
use crate::quantity::Quantity;
use crate::yaml;

/// The first line: by it a file is known to be made by an import.
pub const MARK: &str = "# Made by `rbgc inventory import`";

/// What stands at the head.
#[derive(Debug)]
pub struct Head<'a> {
    /// Name of the cluster.
    pub name: &'a str,
    /// Kubernetes version.
    pub kubernetes: (u32, u32),
    /// APIs that are served.
    pub capabilities: &'a BTreeSet<String>,
}

/// The whole inventory.
pub fn inventory(head: &Head<'_>, levels: &Levels, names: &Names, fleet: &Fleet<'_>) -> String {
    let mut out = format!(
        "{MARK}, which replaces it; without this line it is kept.\napiVersion: rbgc.dev/v1\nkind: ClusterInventory\n"
    );
    entry(&mut out, "metadata", Map::new().with("name", head.name.to_owned()));
    let (major, minor) = head.kubernetes;
    out.push_str(&format!("kubernetes: \"{major}.{minor}\"\n"));
    lines(&mut out, "capabilities", head.capabilities.iter().map(|api| Data::from(api.clone())));
    let level = |level: &super::levels::Level| {
        Map::new().with("name", level.name.clone()).with("label", level.label.clone()).into()
    };
    lines(&mut out, "levels", levels.0.iter().map(level));
    links(&mut out, levels, names, fleet);
    let resources = Map::new().with("gpu", names.gpu.clone().unwrap_or_else(|| super::alias::GPUS[0].to_owned()));
    let resources = [("rdma", &names.rdma), ("hugepages", &names.hugepages)]
        .into_iter()
        .fold(resources, |map, (key, name)| name.iter().fold(map, |map, name| map.with(key, name.clone())));
    entry(&mut out, "resources", resources);
    if let Some(label) = names.product_label.filter(|label| *label != PRODUCT_LABELS[0]) {
        out.push_str(&format!("gpuLabel: {label}\n"));
    }
    if !fleet.pools.is_empty() {
        out.push_str("pools:\n");
        fleet.pools.iter().for_each(|of| pool(&mut out, of));
    }
    lines(&mut out, "nodes", fleet.singles.iter().map(single));
    out
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

/// Links that follow from what was read: NVLink between nodes from its label, RDMA within the widest
/// domain of a fabric when nodes have an adapter, links within nodes from their matrices.
fn links(out: &mut String, levels: &Levels, names: &Names, fleet: &Fleet<'_>) {
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
        links.set("node", needing(if nvlink { "nvlink" } else { "pcie" }, "shared-devices"));
    }
    if !links.is_empty() {
        entry(out, "links", links);
    }
}

fn pool(out: &mut String, pool: &Pool<'_>) {
    let mut fields = Map::new().with("name", pool.name.clone());
    fields.set_some("nodes", pool.hosts.clone());
    fields.set_some("gpu", pool.product.clone());
    fields.set_full("labels", labels(&pool.labels));
    fields.set_full("taints", taints(pool.taints));
    fields.set_some("elastic", pool.elastic.then_some(true));
    fields.set_some("spot", pool.spot.then_some(true));
    fields.set_full("domains", domains(pool.domains.iter().map(|(level, value)| (*level, value.as_str()))));
    fields.set_full("allocatable", amounts(&pool.allocatable));
    fields.set_some("gpu-links", pool.gpu_links.as_deref().map(gpu_links));
    for (index, (key, value)) in fields.iter().enumerate() {
        out.push_str(if index == 0 { "  - " } else { "    " });
        entry(out, key, value.clone());
    }
}

fn single(single: &Single<'_>) -> Data {
    let machine = single.machine;
    let mut fields = Map::new().with("name", single.name.to_owned()).with("pool", single.pool.clone());
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
    let mut sorted: Vec<(&String, &Quantity)> = amounts.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.contains('/').cmp(&b.contains('/')).then_with(|| natural(a, b)));
    let number = |amount: &Quantity| match (amount.is_whole() && !amount.binary, i64::try_from(amount.milli / 1_000)) {
        // The canonical form of a count would be `1k`.
        (true, Ok(number)) => Data::Int(number),
        _ => amount.to_string().into(),
    };
    sorted.into_iter().map(|(resource, amount)| (resource.clone().into(), number(amount))).collect()
}

fn gpu_links(links: &GpuLinks) -> Data {
    let rows: Vec<Data> = links.gpus.iter().map(|links| row(links).into()).collect();
    let nics: Map = links.nics.iter().map(|(name, links)| (name.clone().into(), row(links).into())).collect();
    Map::new().with("gpus", rows).full("nics", nics).into()
}
