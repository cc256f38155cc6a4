//! What another tree of manifests does to a cluster that has this one: object by object, pod by pod.
//!
//! Two trees are compared as what Kubernetes reads of them; how they came about plays no part. What
//! the API servers refuse to change is listed in `kinds`, whose pods an object makes in `pods`,
//! and which delivery deletes before it creates in `delivery`.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diag::Diagnostic;
use crate::lock::Lock;
use crate::record;

mod bundle;
mod capacity;
mod delivery;
mod fields;
mod kinds;
mod markdown;
mod moves;
mod objects;
mod pods;
mod summary;
mod text;

pub use capacity::Amount;
pub use fields::Field;
pub use markdown::markdown;
pub use pods::{Action, Pods};
pub use summary::summary;
pub use text::text;

use objects::{Id, Object};

/// What is written below an output directory.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// Texts by path, relative to the output directory; locks are not among them.
    pub files: BTreeMap<String, String>,
    /// The locks by the names of their groups.
    pub locks: BTreeMap<String, Lock>,
}

/// What happens to an object. The order is that of how much is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing: only its file differs, by a comment, the order of its keys or its path.
    NoOp,
    /// Labels or annotations of the object itself; no pod notices.
    Metadata,
    /// It is changed, and its pods run on; pods may be added or removed.
    InPlace,
    /// It is new.
    Create,
    /// The template of its pods is another one: they are replaced.
    RollingRestart,
    /// It can only be deleted and made again, with all its pods.
    Recreate,
    /// It goes.
    Delete,
}

/// The difference between two trees. [`Changes::is_empty`] when no object differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The cluster of the project file, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How many objects are the same in both trees.
    pub unchanged: usize,
    /// The objects that differ, by group, role and name.
    pub objects: Vec<Change>,
    /// The roles whose pods come, go or restart: what is replaced together.
    pub roles: Vec<Role>,
    /// Instances that stand on other nodes than before.
    pub moves: Vec<Move>,
    /// What the pods of all objects request, before, after and on the way.
    pub capacity: Vec<Amount>,
    /// Instances that must wait for a later commit, because room for them is freed by this one.
    pub waiting: Vec<String>,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// What happens to it.
    pub effect: Effect,
    /// The version of its API.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; none of an object of the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its file, relative to the output directory.
    pub path: String,
    /// The group that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The role that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The fields that differ, when it is in both trees.
    pub fields: Vec<Field>,
    /// The fields that differ and that the API server refuses to change.
    pub immutable: Vec<String>,
    /// Why its delivery deletes it before it makes it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_first: Option<String>,
    /// The pods that come, go or restart.
    pub pods: Vec<Pods>,
}

/// The pods of a role that come, go or restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// How many pods stood before.
    pub before: u64,
    /// How many pods are replaced by others of the same workload.
    pub restart: u64,
    /// How many pods come.
    pub create: u64,
    /// How many pods go.
    pub delete: u64,
}

/// An instance that stands on other nodes than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// Its number, from 0.
    pub instance: u32,
    /// The nodes of its pods before.
    pub from: Vec<String>,
    /// The nodes of its pods after.
    pub to: Vec<String>,
    /// Why, when the compilation was told where it stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Compares two trees.
///
/// # Errors
/// The files that hold no objects, or one twice.
pub fn compare(old: &Tree, new: &Tree) -> Result<Changes, Vec<Diagnostic>> {
    let (before, after) = objects::read(old, new)?;
    let mut changes = Changes { moves: moves::moves(&old.locks, &new.locks), ..Changes::default() };
    let units = (delivery::Units::of(&before), delivery::Units::of(&after));
    let mut roles = BTreeMap::new();
    let mut amounts = capacity::Amounts::default();
    let ids: BTreeSet<&Id> = before.keys().chain(after.keys()).collect();
    for id in ids {
        let sides = (before.get(id), after.get(id));
        let sets = (pods::sets(sides.0, &before), pods::sets(sides.1, &after));
        let change = change(id, sides, &sets, &units);
        let effect = change.as_ref().map(|change| change.effect);
        amounts.add(&sets, effect);
        pods::count(&mut roles, &sets.0, change.as_ref().map_or(&[], |change| &change.pods));
        match change {
            Some(change) => changes.objects.push(change),
            None => changes.unchanged += 1,
        }
    }
    changes.objects.sort_by(|a, b| place(a).cmp(&place(b)));
    changes.roles = roles.into_values().filter(|role: &Role| !role.is_calm()).collect();
    changes.capacity = amounts.finish();
    Ok(changes)
}

/// What the objects of a change are ordered by.
fn place(change: &Change) -> impl Ord + '_ {
    (&change.group, &change.role, &change.kind, &change.namespace, &change.name)
}

/// `None` when an object is the same in both trees, and in the same file.
fn change(
    id: &Id,
    sides: (Option<&Object>, Option<&Object>),
    sets: &(Vec<pods::Set<'_>>, Vec<pods::Set<'_>>),
    units: &(delivery::Units, delivery::Units),
) -> Option<Change> {
    let shown = sides.1.or(sides.0)?;
    let (mut differing, mut immutable, mut deleted_first) = (Vec::new(), Vec::new(), None);
    if let (Some(old), Some(new)) = sides {
        deleted_first = delivery::deleted_first((&units.0, old), (&units.1, new));
        if old.same_file(new) && deleted_first.is_none() {
            return None;
        }
        differing = fields::differences(&old.value, &new.value);
        immutable = kinds::immutable(id, &old.value, &new.value);
    }
    let again = deleted_first.is_some() || !immutable.is_empty();
    let pods = pods::changes(&sets.0, &sets.1, again);
    let metadata = |field: &Field| field.path.starts_with("metadata.");
    let effect = match sides {
        (None, _) => Effect::Create,
        (_, None) => Effect::Delete,
        _ if again => Effect::Recreate,
        _ if differing.is_empty() => Effect::NoOp,
        _ if pods.iter().any(|pods| pods.action == Action::Restart) => Effect::RollingRestart,
        _ if differing.iter().all(metadata) => Effect::Metadata,
        _ => Effect::InPlace,
    };
    let (group, role) = shown.owner();
    Some(Change {
        effect,
        api_version: shown.text("/apiVersion").to_owned(),
        kind: id.kind.clone(),
        namespace: (!id.namespace.is_empty()).then(|| id.namespace.clone()),
        name: id.name.clone(),
        path: shown.path.clone(),
        group,
        role,
        fields: differing,
        immutable,
        deleted_first,
        pods,
    })
}

impl Changes {
    /// Whether nothing changes in the cluster. Files may differ by a comment or their path.
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty() && self.objects.iter().all(|change| change.effect == Effect::NoOp)
    }

    /// Adds the reasons of moves, as the compilation knows them.
    pub fn explain(&mut self, known: &[record::Change]) {
        for moved in &mut self.moves {
            let same = |c: &&record::Change| {
                (&c.group, &c.role, c.instance) == (&moved.group, &moved.role, Some(moved.instance))
                    && c.nodes.as_ref().is_some_and(|(from, to)| (from, to) == (&moved.from, &moved.to))
            };
            moved.reason = known.iter().find(same).map(|change| change.reason.clone());
        }
    }

    /// How many objects have this effect.
    pub fn count(&self, effect: Effect) -> usize {
        self.objects.iter().filter(|change| change.effect == effect).count()
    }
}

impl Role {
    fn new(group: String, role: String) -> Self {
        Role { group, role, before: 0, restart: 0, create: 0, delete: 0 }
    }

    /// Whether nothing happens to its pods.
    fn is_calm(&self) -> bool {
        self.restart == 0 && self.create == 0 && self.delete == 0
    }
}

impl Effect {
    /// All of them, the least disturbing first.
    pub const ALL: [Effect; 7] = [
        Effect::NoOp,
        Effect::Metadata,
        Effect::InPlace,
        Effect::Create,
        Effect::RollingRestart,
        Effect::Recreate,
        Effect::Delete,
    ];

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Effect::NoOp => "no-op",
            Effect::Metadata => "metadata",
            Effect::InPlace => "in-place",
            Effect::Create => "create",
            Effect::RollingRestart => "rolling-restart",
            Effect::Recreate => "recreate",
            Effect::Delete => "delete",
        }
    }
}

/// The differences of some clusters as JSON, with a line break at its end.
pub fn json(changes: &[Changes]) -> String {
    serde_json::to_string_pretty(changes).expect("invariant: these types have JSON forms") + "\n"
}

/// The JSON Schema of [`json`].
pub fn schema() -> Value {
    schemars::schema_for!(Vec<Changes>).to_value()
}
