//! Objects of Kubernetes, as `kubectl get … -o json` or `-o yaml` prints them: one, a list, or many
//! documents. Each is read by its kind.

use super::kueue;
use super::pod::pod;
use super::shared::{Facts, Words};
use super::{Found, problems};
use crate::inventory::facts::{amount, bad_quantity, is_resource};
use crate::inventory::import::found::{Amounts, Machine};
use crate::inventory::{HOSTNAME, Taint, yaml};
use crate::naming::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::tree::{At, Reader, Tree, Value, shown};

use super::alias::{is_level, is_noise};

/// Reads all objects of a file.
pub fn read(reader: &mut Reader<'_>, found: &mut Found) {
    let mut skipped = false;
    yaml::each(reader, &mut |tree, reader| {
        // What stands behind the last `---`.
        if !matches!(tree.value, Value::Null) {
            object(&tree, reader, found, &mut skipped);
        }
    });
}

/// What an object is; elements of a `NodeList` or `PodList` do not say it.
fn kind(object: &Tree) -> Option<String> {
    let told = object.get("kind").and_then(Tree::text).map(|kind| kind.value);
    told.or_else(|| object.at(&["spec", "containers"]).map(|_| "Pod".to_owned()))
        .or_else(|| object.at(&["status", "allocatable"]).map(|_| "Node".to_owned()))
}

fn object(object: &Tree, reader: &mut Reader<'_>, found: &mut Found, skipped: &mut bool) {
    match kind(object).as_deref() {
        Some("Node") => node(object, reader, found),
        Some("Pod") => pod(object, reader, found),
        Some("Topology") => kueue::topology(object, reader, found),
        Some("CustomResourceDefinition") => definition(object, found),
        // What lists hold has been visited already.
        Some("List" | "NodeList" | "PodList" | "TopologyList" | "CustomResourceDefinitionList") => {}
        Some(other) if !std::mem::replace(skipped, true) => {
            let span = object.get("kind").map_or(object.span, |kind| kind.span);
            let known = ["Node", "Pod", "Topology", "CustomResourceDefinition"];
            reader.report(|_| problems::unknown_word(span, "kind of object", other, &known));
        }
        None if !std::mem::replace(skipped, true) => {
            reader.report(|_| problems::malformed(object.span, "an object without a `kind`"));
        }
        Some(_) | None => {}
    }
}

fn node(object: &Tree, reader: &mut Reader<'_>, found: &mut Found) {
    let Some(name) = object.at(&["metadata", "name"]).and_then(Tree::text) else {
        reader.report(|_| problems::malformed(object.span, "a Node without `metadata.name`"));
        return;
    };
    if !is_dns_subdomain(&name.value) {
        reader.report(|_| problems::malformed(name.span, format!("{} is not the name of a node", shown(&name.value))));
        return;
    }
    let text = |path: &[&str]| object.at(path).and_then(Tree::text).map(|text| text.value);
    let provider = text(&["metadata", "annotations", "topograph.run/instance"]).or_else(|| {
        let id = text(&["spec", "providerID"])?;
        id.rsplit('/').next().filter(|tail| !tail.is_empty()).map(str::to_owned)
    });
    let mut machine = Machine {
        span: name.span,
        instance: provider,
        labels: labels(object.at(&["metadata", "labels"]), &mut found.words, reader),
        cordoned: text(&["spec", "unschedulable"]).as_deref() == Some("true"),
        not_ready: !is_ready(object),
        kubelet: text(&["status", "nodeInfo", "kubeletVersion"]).and_then(|version| minor(&version)),
        ..Machine::default()
    };
    taints(object, &mut machine, reader);
    if let Some(amounts) = object.at(&["status", "allocatable"]) {
        machine.allocatable = self::amounts(amounts, &mut found.words, reader);
    }
    // Without accelerators nothing is counted of a resource anyway.
    machine.allocatable.retain(|resource, amount| amount.milli > 0 || !resource.contains(['/', '-']));
    found.object(name, machine, reader);
}

/// A node without conditions, as in files written by hand, counts as ready.
fn is_ready(node: &Tree) -> bool {
    let conditions = node.at(&["status", "conditions"]).map_or(&[][..], Tree::items);
    let text = |condition: &Tree, key| condition.get(key).and_then(Tree::text).map(|text| text.value);
    let ready = conditions.iter().find(|condition| text(condition, "type").as_deref() == Some("Ready"));
    ready.is_none_or(|condition| text(condition, "status").as_deref() == Some("True"))
}

/// Major and minor of a version such as `v1.33.4-eks-1234567`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v').unwrap_or(version).split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn labels(tree: Option<&Tree>, words: &mut Words, reader: &mut Reader<'_>) -> Facts<At<String>> {
    let mut labels = Facts::default();
    for (key, value) in tree.map_or(&[][..], Tree::entries) {
        if is_noise(&key.value) && !is_level(&key.value) && key.value != HOSTNAME {
            continue;
        }
        let value = value.text().filter(|value| is_label_value(&value.value));
        match value.filter(|_| is_qualified_name(&key.value)) {
            Some(value) => labels.insert(words.shared(&key.value), value),
            None => reader.report(|_| problems::malformed(key.span, format!("{} is no label", shown(&key.value)))),
        }
    }
    labels
}

/// Taints; those that tell of the condition of a node become that.
fn taints(node: &Tree, machine: &mut Machine, reader: &mut Reader<'_>) {
    for taint in node.at(&["spec", "taints"]).map_or(&[][..], Tree::items) {
        let text = |key| taint.get(key).and_then(Tree::text).map(|text| text.value);
        let (Some(key), Some(effect)) = (text("key"), text("effect")) else {
            reader.report(|_| problems::malformed(taint.span, "a taint without `key` and `effect`"));
            continue;
        };
        match key.as_str() {
            "node.kubernetes.io/unschedulable" => machine.cordoned = true,
            "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable" => machine.not_ready = true,
            _ if !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect.as_str()) => {
                reader.report(|_| {
                    problems::malformed(taint.span, format!("unknown effect {} of a taint", shown(&effect)))
                });
            }
            _ => machine.taints.push(Taint { key, value: text("value").unwrap_or_default(), effect }),
        }
    }
    machine.taints.sort();
    machine.taints.dedup();
}

/// Amounts by resource; what is none is reported.
pub fn amounts(tree: &Tree, words: &mut Words, reader: &mut Reader<'_>) -> Amounts {
    let mut amounts = Amounts::default();
    for (resource, value) in tree.entries() {
        let Some(text) = value.text().filter(|_| is_resource(&resource.value)) else {
            reader.report(|_| problems::malformed(resource.span, format!("{} is no resource", shown(&resource.value))));
            continue;
        };
        match amount(&resource.value, &text.value) {
            Ok(quantity) => amounts.insert(words.shared(&resource.value), quantity),
            Err(why) => reader.report(|_| bad_quantity(&resource.value, &text.value, text.span, why)),
        }
    }
    amounts
}

/// The APIs that a definition of custom resources serves.
fn definition(object: &Tree, found: &mut Found) {
    let Some(group) = object.at(&["spec", "group"]).and_then(Tree::text) else { return };
    for version in object.at(&["spec", "versions"]).map_or(&[][..], Tree::items) {
        let text = |key| version.get(key).and_then(Tree::text).map(|text| text.value);
        if let (Some(name), Some("true")) = (text("name"), text("served").as_deref()) {
            found.capabilities.insert(format!("{}/{name}", group.value));
        }
    }
}
