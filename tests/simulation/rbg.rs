//! RoleBasedGroups: their controller makes a workload of each role, when those that it depends on are
//! ready. `internal/controller/workloads` and `pkg/dependency` of sgl-project/rbg.
//!
//! Ready means that all replicas are, of whatever revision: a commit that changes two roles starts to
//! update both. Only roles that are new are certain to wait.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::{Mapping, Value};

use super::cluster::{Cluster, Key, key};
use crate::scheduler::dice::Dice;
use crate::support::tree::{Object, at};

/// Their kind.
pub const KIND: &str = "RoleBasedGroup";

/// What the controller makes of a role.
pub struct Role {
    /// Its name.
    pub name: String,
    /// The roles that it depends on.
    pub dependencies: Vec<String>,
    /// Its workload.
    pub workload: Object,
}

/// The roles of a RoleBasedGroup, each behind those that it depends on.
pub fn roles(group: &Object) -> Vec<Role> {
    let list = at(&group.value, &["spec", "roles"]).and_then(Value::as_sequence).into_iter().flatten();
    let mut left: Vec<Role> = list.map(|role| of(group, role)).collect();
    let mut sorted: Vec<Role> = Vec::new();
    while !left.is_empty() {
        let known = |role: &Role| role.dependencies.iter().all(|name| sorted.iter().any(|other| other.name == *name));
        let next = left.iter().position(known).expect("dependencies on roles that exist, without a circle");
        sorted.push(left.remove(next));
    }
    sorted
}

fn of(group: &Object, role: &Value) -> Role {
    let name = role["name"].as_str().unwrap_or_default();
    let dependencies = role["dependencies"].as_sequence().into_iter().flatten();
    let map = |entries: &[(&str, Value)]| -> Value {
        entries.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect::<Mapping>().into()
    };
    let prefix = "rbg.workloads.x-k8s.io";
    let labels = [(format!("{prefix}/group-name"), group.name()), (format!("{prefix}/role-name"), name)];
    let labels = labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<Mapping>().into();
    let metadata = [
        ("name", format!("{}-{name}", group.name()).into()),
        ("namespace", group.namespace().into()),
        ("labels", labels),
    ];
    // What pods are made of: neither how many there are nor what they wait for.
    let template = role.as_mapping().into_iter().flatten();
    let template = template.filter(|(key, _)| *key != "replicas" && *key != "dependencies");
    let template: Mapping = template.map(|(key, value)| (key.clone(), value.clone())).collect();
    let replicas = role.get("replicas").cloned().unwrap_or(Value::from(1));
    let spec = map(&[("replicas", replicas), ("template", template.into())]);
    let value = map(&[("kind", "RoleInstanceSet".into()), ("metadata", map(&metadata)), ("spec", spec)]);
    Role {
        name: name.to_owned(),
        dependencies: dependencies.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        workload: Object { path: group.path.clone(), value },
    }
}

/// One turn of the controller of each group, and of the collector of what belongs to groups that are
/// gone.
pub fn control(cluster: &mut Cluster, dice: &mut Dice) {
    let groups: Vec<Object> =
        cluster.objects.values().map(|live| &live.object).filter(|o| o.kind() == KIND).cloned().collect();
    let owners: BTreeMap<String, BTreeSet<Key>> = groups
        .iter()
        .map(|group| (owner(group), roles(group).iter().map(|role| key(&role.workload)).collect()))
        .collect();
    cluster.objects.retain(|key, live| key.0 != "RoleInstanceSet" || owners.contains_key(&live.owner));
    for group in groups.iter().filter(|_| dice.below(3) > 0) {
        let done = reconcile(cluster, group, &owners[&owner(group)]);
        cluster.objects.get_mut(&key(group)).expect("a group").unfinished = !done;
    }
}

fn owner(group: &Object) -> String {
    format!("{KIND} {}/{}", group.namespace(), group.name())
}

/// Makes what may be made, and returns whether all is there and ready.
fn reconcile(cluster: &mut Cluster, group: &Object, own: &BTreeSet<Key>) -> bool {
    let (roles, owner) = (roles(group), owner(group));
    for role in &roles {
        let ready = |name: &String| {
            let other = roles.iter().find(|other| other.name == *name).expect("a role");
            cluster.objects.get(&key(&other.workload)).is_some_and(|live| {
                live.pods.len() == live.object.replicas() as usize && live.pods.iter().flatten().all(|pod| pod.ready)
            })
        };
        if !role.dependencies.iter().all(ready) {
            return false;
        }
        let known = cluster.objects.get(&key(&role.workload));
        if known.is_none_or(|live| live.object.value != role.workload.value) {
            cluster.apply(&role.workload, &owner);
        }
    }
    cluster.objects.retain(|key, live| live.owner != owner || own.contains(key));
    own.iter().all(|key| cluster.objects.get(key).is_some_and(super::cluster::Live::settled))
}
