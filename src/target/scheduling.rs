//! Where pods may run, in the terms of core/v1: affinities, tolerations, spread constraints.

use super::pod::{Dress, role_labels};
use super::{lws, text, texts};
use crate::check::PartKind;
use crate::data::{Data, Map};
use crate::inventory::Inventory;
use crate::naming;
use crate::plan::affinity::{Doubt, Expression, Promise, Site, Term};
use crate::plan::pins::{PodTerm, Pods, Spread};

/// The user's tolerations, and those of the taints of the planned nodes.
pub fn tolerations(own: &[Data], site: &Site<'_>) -> Vec<Data> {
    let mut all = own.to_vec();
    for taint in &site.tolerations {
        let mut map = Map::new().with("key", text(taint.key));
        if taint.value.is_empty() {
            map.set("operator", "Exists");
        } else {
            map.set("operator", "Equal").set("value", text(taint.value));
        }
        map.set("effect", text(taint.effect));
        let toleration = Data::Map(map);
        if !all.contains(&toleration) {
            all.push(toleration);
        }
    }
    all
}

/// What a scheduler is told about nodes and other pods.
pub fn affinity(site: &Site<'_>, dress: &Dress<'_>) -> Map {
    let pods = |near: bool| {
        let terms = site.pods.iter().filter(|t| t.near == near).map(|t| pod_term(t, dress));
        let mut map = Map::new();
        map.set_full("requiredDuringSchedulingIgnoredDuringExecution", terms.collect::<Vec<_>>());
        map
    };
    let mut map = Map::new();
    map.set_full("nodeAffinity", node_affinity(site))
        .set_full("podAffinity", pods(true))
        .set_full("podAntiAffinity", pods(false));
    map
}

/// The part of it that is about nodes.
pub fn node_affinity(site: &Site<'_>) -> Map {
    let mut node = Map::new();
    if !site.required.is_empty() {
        let terms: Vec<Map> = site.required.iter().map(node_term).collect();
        node.set("requiredDuringSchedulingIgnoredDuringExecution", Map::new().with("nodeSelectorTerms", terms));
    }
    let wishes = site.preferred.iter();
    let wishes = wishes.map(|(w, term)| Map::new().with("weight", *w).with("preference", node_term(term)));
    node.set_full("preferredDuringSchedulingIgnoredDuringExecution", wishes.collect::<Vec<_>>());
    node
}

fn node_term(term: &Term<'_>) -> Map {
    Map::new().with("matchExpressions", term.iter().map(node_expression).collect::<Vec<_>>())
}

fn node_expression(expression: &Expression<'_>) -> Map {
    Map::new()
        .with("key", text(expression.key))
        .with("operator", if expression.not { "NotIn" } else { "In" })
        .with("values", texts(expression.values.iter().map(AsRef::as_ref)))
}

fn pod_term(term: &PodTerm<'_>, dress: &Dress<'_>) -> Map {
    let map = Map::new().with("topologyKey", text(term.topology));
    match term.pods {
        Pods::Role(role) if term.near && role == dress.role && dress.labels.get(naming::LABEL_COMPONENT).is_some() => {
            let labels = role_labels(dress.group, role).with(naming::LABEL_COMPONENT, PartKind::Leader.name());
            map.with("labelSelector", Map::new().with("matchLabels", labels))
                .with("matchLabelKeys", texts([lws::GROUP_INDEX_LABEL]))
        }
        Pods::Role(role) => map.with("labelSelector", Map::new().with("matchLabels", role_labels(dress.group, role))),
        Pods::Instance(part) => {
            let mut labels = role_labels(dress.group, dress.role);
            labels.set_some(naming::LABEL_COMPONENT, part.map(text));
            map.with("labelSelector", Map::new().with("matchLabels", labels))
                .with("matchLabelKeys", texts([naming::LABEL_INSTANCE_NAME]))
        }
        Pods::OtherInstances => map
            .with("labelSelector", Map::new().with("matchLabels", role_labels(dress.group, dress.role)))
            .with("mismatchLabelKeys", texts([naming::LABEL_INSTANCE_NAME])),
        Pods::OtherGroups => {
            let others = Map::new()
                .with("key", naming::LABEL_GROUP)
                .with("operator", "NotIn")
                .with("values", texts([dress.group]));
            let selector = Map::new()
                .with("matchLabels", Map::new().with(naming::LABEL_ACCELERATED, "true"))
                .with("matchExpressions", vec![others]);
            map.with("labelSelector", selector).with("namespaceSelector", Map::new())
        }
    }
}

/// What is promised of the pods of a workload, for people: the level whose domain they all end in.
pub fn guarantee(site: &Site<'_>, inventory: &Inventory) -> String {
    let kept = site.level.map_or("some node", |level| &inventory.levels[level].name);
    let why = match site.promise {
        Promise::Always => return kept.to_owned(),
        Promise::Standing => return format!("{kept}, unless others start anew at the same time"),
        Promise::Unproved | Promise::None(Doubt::Contested) => "others may take the room first",
        Promise::None(Doubt::Unpinned) => "the source asks for no pin",
        Promise::None(Doubt::Elastic) => "an autoscaler makes and removes nodes",
        Promise::None(Doubt::Spot) => "nodes may be taken away",
        Promise::None(Doubt::Foreign) => "pods of others may come",
        Promise::None(Doubt::Pods) => "it depends on other pods",
    };
    format!("none: {why}")
}

/// An even spread of the pods of a role.
pub fn spread(spread: &Spread<'_>, dress: &Dress<'_>) -> Map {
    let mut labels = role_labels(dress.group, dress.role);
    labels.set_some(naming::LABEL_COMPONENT, dress.component.map(text));
    let mut map = Map::new()
        .with("maxSkew", spread.max_skew)
        .with("topologyKey", text(spread.topology))
        // Nodes whose taints keep the pods away would count as empty domains for ever.
        .with("nodeTaintsPolicy", "Honor")
        .with("whenUnsatisfiable", if spread.required { "DoNotSchedule" } else { "ScheduleAnyway" })
        .with("labelSelector", Map::new().with("matchLabels", labels));
    map.set_some("minDomains", spread.domains.filter(|_| spread.required));
    map
}
