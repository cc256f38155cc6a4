//! What holds of the hardware of every node on which a part may run.
//!
//! A template is written before a pod has a node, so what it says must hold on all of them. They are
//! those that the part may use by product, pools, labels and size, not the planned ones: so facts
//! change with the hardware alone, and neither a move nor a new node restarts a pod.

use std::collections::BTreeMap;

use crate::check::{Model, Part, Role, RuntimeValue};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Node};
use crate::link::Link;

use super::eligible::Eligible;

/// Variants of adapters that one message shows.
const SHOWN: usize = 3;

/// What holds of every node that a part may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// What `node.nics` says, where the part names it.
    pub nics: Option<String>,
    /// The link that any two accelerators of a pod have at worst, where a pod has two and the
    /// inventory knows all of the nodes. Which accelerators a pod gets is decided on the node.
    pub gpu_link: Option<Link>,
}

/// The hardware of the parts of which something is known, by group, role and part. Reports parts
/// that name adapters, and whose nodes have unlike or unknown ones.
pub(super) fn hardware(
    session: &mut Session,
    model: &Model,
    inventory: &Inventory,
    eligible: &Eligible,
) -> BTreeMap<[usize; 3], Hardware> {
    let linked = inventory.nodes.iter().any(|node| node.gpu_links.is_some());
    let mut links: BTreeMap<(usize, u32, u32), Option<Link>> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (id, role) in model.roles() {
        let mut told = false;
        for (index, (part, set)) in role.parts.iter().zip(&eligible.of[id.group][id.role]).enumerate() {
            let nodes = || candidates(part, &eligible.sets[*set], inventory);
            let mut hardware = Hardware::default();
            if linked && part.pod.gpus > 1 {
                let key = (*set, part.pod.gpus, part.pod.rdma);
                hardware.gpu_link = *links.entry(key).or_insert_with(|| worst(nodes()));
            }
            if names_adapters(part) {
                match common(nodes()) {
                    Ok(text) => hardware.nics = Some(text),
                    // The other parts of the role mostly name the same nodes.
                    Err(variants) if !std::mem::replace(&mut told, true) => session.report(unlike(role, &variants)),
                    Err(_) => {}
                }
            }
            if hardware != Hardware::default() {
                all.insert([id.group, id.role, index], hardware);
            }
        }
    }
    all
}

/// The nodes that a part may use and that have as many devices as its pods ask for: others are no
/// candidates, however empty they are.
fn candidates<'i>(part: &Part, set: &'i [bool], inventory: &'i Inventory) -> impl Iterator<Item = &'i Node> {
    let (gpus, rdma) = (i64::from(part.pod.gpus), i64::from(part.pod.rdma));
    let large_enough = move |node: &&Node| {
        let has = |resource: &String| node.allocatable.get(resource).copied().unwrap_or(0);
        has(&inventory.resources.gpu) >= gpus && inventory.resources.rdma.as_ref().is_none_or(|name| has(name) >= rdma)
    };
    let may = inventory.nodes.iter().zip(set).filter(|(_, may)| **may).map(|(node, _)| node);
    may.filter(large_enough)
}

/// The worst link between two accelerators of one of these nodes; `None` where one is not known.
fn worst<'i>(mut nodes: impl Iterator<Item = &'i Node>) -> Option<Link> {
    nodes.try_fold(Link::Nvlink, |worst, node| Some(worst.min(node.gpu_links.as_ref()?.worst()?)))
}

/// Whether a text of the part names the adapters.
fn names_adapters(part: &Part) -> bool {
    let pod = &part.pod;
    let containers = std::iter::once(&pod.main).chain(&pod.inits).chain(&pod.sidecars);
    containers.flat_map(|container| container.runtime_values()).any(|value| value == RuntimeValue::Nics)
}

/// A node, how many others have the same adapters, and these; `None` where they are unknown.
type Variant<'i> = (&'i Node, usize, Option<String>);

/// The adapters that all nodes have; else the variants, in the order of the nodes.
fn common<'i>(nodes: impl Iterator<Item = &'i Node>) -> Result<String, Vec<Variant<'i>>> {
    let mut variants: Vec<Variant<'i>> = Vec::new();
    let mut known: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for node in nodes {
        let text = node.rails().map(|names| names.join(","));
        match known.get(&text) {
            Some(variant) => variants[*variant].1 += 1,
            None => {
                known.insert(text.clone(), variants.len());
                variants.push((node, 0, text));
            }
        }
    }
    match variants.as_slice() {
        // Without a node it is another problem, which is told.
        [] => Ok(String::new()),
        [(_, _, Some(text))] => Ok(text.clone()),
        _ => Err(variants),
    }
}

fn unlike(role: &Role, variants: &[Variant<'_>]) -> Diagnostic {
    let unknown = variants.iter().any(|(_, _, text)| text.is_none());
    let (why, help) = if unknown {
        (
            "the adapters of a node that it may use are not known",
            "list them in the inventory, at the pool or node: `nics: \"mlx5_[0-7]\"`; or keep the role away from such nodes, by `gpu`, `on pool` or `on label`",
        )
    } else {
        (
            "the nodes that it may use have unlike adapters",
            "keep the role on nodes that are alike, by `gpu`, `on pool` or `on label`, or write a role for each kind",
        )
    };
    let message = format!("`node.nics` has no single value in `{}`: {why}", role.name);
    let mut problem = Diagnostic::new(Code::UnlikeNics, role.span, message).help(help);
    for (node, more, text) in variants.iter().take(SHOWN) {
        let others = if *more > 0 { format!(" and {more} more") } else { String::new() };
        let adapters = text.as_ref().map_or("nothing is known of adapters".to_owned(), |text| text.clone());
        problem = problem.label(node.span, format!("`{}`{others}: {adapters}", node.name));
    }
    problem
}
