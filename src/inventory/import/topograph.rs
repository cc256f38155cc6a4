//! NVIDIA topograph: what its engine `graph` prints, and the models of its simulations.
//!
//! The output is `{"instances": [{"id": …, "network_layers": [closest, …], "labels": {…}}]}`, a model
//! has `switches` and `blocks`. Layers become the labels that its engine `k8s` would set.

use std::collections::BTreeMap;

use super::alias::{ACCELERATOR, is_level};
use super::switches::{Switches, expanded};
use super::{Found, problems};
use crate::inventory::yaml;
use crate::naming::is_label_value;
use crate::tree::{At, Reader, Tree, shown};

/// Reads a file of either form.
pub fn read(reader: &mut Reader<'_>, found: &mut Found) {
    let mut documents = Vec::new();
    if yaml::each(reader, &mut |tree, _| documents.push(tree)).is_none() {
        return;
    }
    for document in documents {
        match (document.get("instances"), document.get("blocks")) {
            (Some(instances), _) => graph(instances, reader, found),
            (None, Some(blocks)) => model(&document, blocks, reader, found),
            (None, None) => {
                reader.report(|_| {
                    problems::malformed(document.span, "neither `instances` nor `blocks` in a file of topograph")
                });
            }
        }
    }
}

fn graph(instances: &Tree, reader: &mut Reader<'_>, found: &mut Found) {
    let mut paths: BTreeMap<String, (At<String>, Vec<At<String>>)> = BTreeMap::new();
    for instance in instances.items() {
        let Some(id) = instance.get("id").and_then(Tree::text) else {
            reader.report(|_| problems::malformed(instance.span, "an instance without an `id`"));
            continue;
        };
        found.named(&id);
        for (key, value) in instance.get("labels").map_or(&[][..], Tree::entries) {
            let Some(value) = value.text().filter(|_| is_level(&key.value)) else { continue };
            if legal(&value, reader) {
                found.described.insert(key.value.clone());
                found.label(&id, &key.value, value, reader);
            }
        }
        let layers = instance.get("network_layers").map_or(&[][..], Tree::items);
        let path: Vec<At<String>> = layers.iter().rev().filter_map(Tree::text).collect();
        if let Some((first, _)) = paths.get(&id.value) {
            let first = first.span;
            reader.report(|_| problems::two_objects(&id, first));
        } else if path.iter().all(|value| legal(value, reader)) {
            paths.insert(id.value.clone(), (id, path));
        }
    }
    super::switches::tiers(paths.into_values(), reader, found);
}

/// A model: `switches` name the switches below them, `blocks` the nodes of a switch.
fn model(document: &Tree, blocks: &Tree, reader: &mut Reader<'_>, found: &mut Found) {
    let mut switches = Switches::default();
    for (name, switch) in document.get("switches").map_or(&[][..], Tree::entries) {
        for child in switch.get("switches").map_or(&[][..], Tree::items).iter().filter_map(Tree::text) {
            switches.below(name, child, reader);
        }
        switches.declare(name);
    }
    for block in blocks.items() {
        let Some(switch) = block.get("switch").and_then(Tree::text) else {
            reader.report(|_| problems::malformed(block.span, "a block without a `switch`"));
            continue;
        };
        let domain =
            block.get("annotations").map_or(&[][..], Tree::entries).iter().find(|(key, _)| is_accelerator(&key.value));
        let domain = domain.and_then(|(_, value)| value.text());
        for list in block.get("nodes").map_or(&[][..], Tree::items).iter().filter_map(Tree::text) {
            for node in expanded(&list, reader) {
                if let Some(domain) = domain.clone().filter(|domain| legal(domain, reader)) {
                    found.described.insert(ACCELERATOR.to_owned());
                    found.label(&node, ACCELERATOR, domain, reader);
                }
                switches.node(&switch, node, reader);
            }
        }
        switches.declare(&switch);
    }
    switches.finish(reader, found);
}

/// The accelerator domain has several keys in models, all ending alike.
fn is_accelerator(key: &str) -> bool {
    key.starts_with("accelerator.") && key.ends_with("/domain")
}

fn legal(value: &At<String>, reader: &mut Reader<'_>) -> bool {
    let legal = !value.value.is_empty() && is_label_value(&value.value);
    if !legal {
        let message = format!("{} is not the value of a label", shown(&value.value));
        reader.report(|_| problems::malformed(value.span, message));
    }
    legal
}
