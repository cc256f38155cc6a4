//! What the objects of a group are, as far as a delivery tool must be told of it. It is read from
//! the objects themselves, so that it holds for every target.

use std::collections::BTreeSet;

use super::health::{self, Health};
use crate::data::Data;
use crate::target::{Manifest, Stage};

/// What is remembered of the objects of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// API version and kind of every object.
    pub kinds: BTreeSet<(String, String)>,
    /// What autoscalers own the number of.
    pub scaled: Vec<Scaled>,
    /// The stages of workloads whose health must be told, the first and last object of each kind
    /// apart.
    stages: BTreeSet<(Stage, &'static str)>,
}

/// An object whose number of replicas is not the sources'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaled {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Its role whose number it is, where several stand in it.
    pub role: Option<String>,
}

/// The text of a field of an object.
fn text(body: &Data, path: &[&str]) -> String {
    body.at(path).and_then(Data::as_str).unwrap_or_default().to_owned()
}

/// The group of an API version; empty for the core.
pub fn api_group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The roles of an object whose numbers adapters of its controller own.
fn adapted(manifest: &Manifest) -> impl Iterator<Item = Scaled> {
    let roles = manifest.body.at(&["spec", "roles"]).and_then(Data::as_list).unwrap_or_default();
    roles.iter().filter(|role| role.at(&["scalingAdapter"]).is_some()).map(|role| Scaled {
        api_version: text(&manifest.body, &["apiVersion"]),
        kind: manifest.kind.to_owned(),
        name: manifest.name.clone(),
        role: Some(text(role, &["name"])),
    })
}

impl Seen {
    /// Looks at the objects of a group.
    pub fn of<'o>(manifests: impl IntoIterator<Item = &'o Manifest>) -> Seen {
        let mut seen = Seen::default();
        for manifest in manifests {
            let api_version = text(&manifest.body, &["apiVersion"]);
            let judged = health::of(api_group(&api_version), manifest.kind);
            if let Some(health) = judged.filter(|health| health.script.is_some()) {
                seen.stages.insert((manifest.stage, health.kind));
            }
            seen.kinds.insert((api_version, manifest.kind.to_owned()));
            let target =
                ["apiVersion", "kind", "name"].map(|key| text(&manifest.body, &["spec", "scaleTargetRef", key]));
            let [api_version, kind, name] = target;
            // An adapter writes what it is told into a role of its group.
            if !name.is_empty() && kind != "RoleBasedGroupScalingAdapter" {
                seen.scaled.push(Scaled { api_version, kind, name, role: None });
            }
            seen.scaled.extend(adapted(manifest));
        }
        seen
    }

    /// What must be told about the health of kinds, with their API versions.
    pub fn health(&self) -> impl Iterator<Item = (&str, &'static Health)> {
        self.kinds.iter().filter_map(|(api, kind)| Some((api.as_str(), health::of(api_group(api), kind)?)))
    }

    /// The first stage of objects whose health must be told, and their kind.
    pub fn first_to_wait_for(&self) -> Option<(Stage, &'static str)> {
        self.stages.first().copied()
    }
}
