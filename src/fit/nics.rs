//! What `node.nics` says: the RDMA adapters that every node has on which a part may run.
//!
//! A template is written before a pod has a node, so the text must hold on all of them. It is taken
//! from the nodes that the part may use by product, pools, labels and size, not from the planned
//! ones: so it changes with the adapters alone, and neither a move nor a new node restarts a pod.

use std::collections::BTreeMap;

use crate::check::{Model, Part, Role, RuntimeValue};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Node};

use super::eligible::Eligible;

/// Variants of adapters that one message shows.
const SHOWN: usize = 3;

/// The adapters of each part that names them, by group, role and part. Reports parts whose nodes
/// have unlike adapters, or unknown ones.
pub(super) fn nics(
    session: &mut Session,
    model: &Model,
    inventory: &Inventory,
    eligible: &Eligible,
) -> BTreeMap<[usize; 3], String> {
    let mut all = BTreeMap::new();
    for (id, role) in model.roles() {
        let sets = &eligible.of[id.group][id.role];
        for (index, (part, set)) in role.parts.iter().zip(sets).enumerate().filter(|(_, (part, _))| wanted(part)) {
            let nodes = inventory.nodes.iter().zip(&eligible.sets[*set]);
            let nodes = nodes.filter(|(node, may)| **may && large_enough(node, part, inventory)).map(|(node, _)| node);
            match common(nodes) {
                Ok(text) => drop(all.insert([id.group, id.role, index], text)),
                Err(variants) => {
                    session.report(unlike(role, &variants));
                    // The other parts of the role mostly name the same nodes.
                    break;
                }
            }
        }
    }
    all
}

/// Whether a text of the part names the adapters.
fn wanted(part: &Part) -> bool {
    let pod = &part.pod;
    let containers = std::iter::once(&pod.main).chain(&pod.inits).chain(&pod.sidecars);
    containers.flat_map(|container| container.runtime_values()).any(|value| value == RuntimeValue::Nics)
}

/// Whether a node has as many devices as a pod asks for, were it empty: others are no candidates,
/// whatever else they are.
fn large_enough(node: &Node, part: &Part, inventory: &Inventory) -> bool {
    let has = |resource: &String| node.allocatable.get(resource).copied().unwrap_or(0);
    has(&inventory.resources.gpu) >= i64::from(part.pod.gpus)
        && inventory.resources.rdma.as_ref().is_none_or(|rdma| has(rdma) >= i64::from(part.pod.rdma))
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
