//! What the pods that run take of their nodes.

use std::sync::Arc;

use super::found::{Amounts, Found, add};
use super::kubernetes::amounts;
use super::problems;
use super::shared::Words;
use crate::naming;
use crate::quantity::Quantity;
use crate::tree::{Reader, Tree};

/// Adds a pod to what its node uses. A pod that is not bound or has ended takes nothing; the pods
/// of the compiler's own groups are not counted, because their locks hold their room.
pub fn pod(object: &Tree, reader: &mut Reader<'_>, found: &mut Found) {
    let text = |path: &[&str]| object.at(path).and_then(Tree::text);
    let Some(node) = text(&["spec", "nodeName"]).filter(|node| !node.value.is_empty()) else { return };
    let ended = text(&["status", "phase"]).is_some_and(|phase| ["Succeeded", "Failed"].contains(&phase.value.as_str()));
    let label = |key| text(&["metadata", "labels", key]).map(|label| label.value);
    let own =
        label("app.kubernetes.io/managed-by").as_deref() == Some("rbgc") || label(naming::LABEL_ACCELERATED).is_some();
    if ended || own {
        return;
    }
    let requests = requests(object, &mut found.words, reader).and_then(|amounts| found.uses(&node, amounts));
    if requests.is_none() {
        reader.report(|_| problems::malformed(object.span, "the requests of this pod are too large to be added"));
    }
}

/// What a pod requests, by the rule of the scheduler (`k8s.io/component-helpers/resource`,
/// `PodRequests`): containers add up; an init container needs its own amount together with that of
/// the sidecars before it; requests of the pod as a whole replace both; the overhead comes on top.
fn requests(pod: &Tree, words: &mut Words, reader: &mut Reader<'_>) -> Option<Amounts> {
    let list = |key| pod.at(&["spec", key]).map_or(&[][..], Tree::items);
    let mut total = Amounts::default();
    for container in list("containers") {
        add(&mut total, asked(container.at(&["resources", "requests"]), words, reader))?;
    }
    let (mut sidecars, mut peak) = (Amounts::default(), Amounts::default());
    for container in list("initContainers") {
        let asked = asked(container.at(&["resources", "requests"]), words, reader);
        let policy = container.get("restartPolicy").and_then(Tree::text);
        if policy.is_some_and(|policy| policy.value == "Always") {
            add(&mut sidecars, asked)?;
            raise(&mut peak, &sidecars);
        } else {
            let mut alone = sidecars.clone();
            add(&mut alone, asked)?;
            raise(&mut peak, &alone);
        }
    }
    add(&mut total, sidecars)?;
    raise(&mut total, &peak);
    total.extend(asked(pod.at(&["spec", "resources", "requests"]), words, reader));
    add(&mut total, asked(pod.at(&["spec", "overhead"]), words, reader))?;
    total.insert(words.shared("pods"), Quantity::units(1));
    Some(total)
}

fn asked(tree: Option<&Tree>, words: &mut Words, reader: &mut Reader<'_>) -> Amounts {
    tree.map(|tree| amounts(tree, words, reader)).unwrap_or_default()
}

/// Makes every amount at least as large as another.
fn raise(amounts: &mut Amounts, least: &Amounts) {
    for (resource, least) in least.iter() {
        let most = amounts.get(resource).map_or(*least, |amount| (*amount).max(*least));
        amounts.insert(Arc::clone(resource), most);
    }
}
