//! What the tests of targets and deliveries share: objects as JSON, and the check that Kubernetes
//! knows every field of them.

use k8s_openapi::api::{apps, autoscaling, batch, core, networking, policy, rbac};
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::check::Group;
use crate::data::Data;
use crate::inventory::Inventory;
use crate::place::Clause;
use crate::plan::{plan, testing};
use crate::target::{Manifest, lower};

/// A tree of output by path, as JSON.
pub type Json = std::collections::BTreeMap<String, Value>;

pub fn json(data: &Data) -> Value {
    match data {
        Data::Null => Value::Null,
        Data::Bool(value) => Value::Bool(*value),
        Data::Int(value) => Value::Number((*value).into()),
        Data::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        Data::Str(text) => Value::String(text.to_string()),
        Data::List(list) => list.iter().map(json).collect(),
        Data::Map(map) => map.iter().map(|(key, value)| (key.to_string(), json(value))).collect(),
    }
}

/// The objects of groups on four racks of four nodes, by `<group>/<role or base>/<kind>-<name>`.
#[track_caller]
pub fn tree(groups: Vec<Group>, clauses: Vec<Vec<Clause>>) -> Json {
    tree_on(&testing::inventory(4, 4), groups, clauses)
}

#[track_caller]
pub fn tree_on(inventory: &Inventory, groups: Vec<Group>, clauses: Vec<Vec<Clause>>) -> Json {
    let fitted = testing::fit(groups, clauses);
    let placement = testing::place(&fitted, inventory);
    let plan = plan(&fitted, inventory, &placement);
    let object = |manifest: Manifest| {
        let group = &plan.groups[manifest.group];
        let role = manifest.role.map_or("base", |role| group.roles[role].source.name.as_str());
        let kind = manifest.kind.to_ascii_lowercase();
        (format!("{}/{role}/{kind}-{}", group.source.name, manifest.name), checked(&manifest.body))
    };
    lower(&plan).into_iter().map(object).collect()
}

/// An object as JSON, of which Kubernetes knows every field.
#[track_caller]
pub fn checked(body: &Data) -> Value {
    let value = json(body);
    known(&value);
    value
}

/// Panics when an object has a field that its kind does not have.
#[track_caller]
pub fn known(object: &Value) {
    match object["kind"].as_str().unwrap_or_default() {
        "ConfigMap" => all_known::<core::v1::ConfigMap>(object),
        "Service" => all_known::<core::v1::Service>(object),
        "ServiceAccount" => all_known::<core::v1::ServiceAccount>(object),
        "Deployment" => all_known::<apps::v1::Deployment>(object),
        "StatefulSet" => all_known::<apps::v1::StatefulSet>(object),
        "HorizontalPodAutoscaler" => all_known::<autoscaling::v2::HorizontalPodAutoscaler>(object),
        "NetworkPolicy" => all_known::<networking::v1::NetworkPolicy>(object),
        "PodDisruptionBudget" => all_known::<policy::v1::PodDisruptionBudget>(object),
        "Role" => all_known::<rbac::v1::Role>(object),
        "Ingress" => all_known::<networking::v1::Ingress>(object),
        "RoleBinding" => all_known::<rbac::v1::RoleBinding>(object),
        "Job" => all_known::<batch::v1::Job>(object),
        "LeaderWorkerSet" => {
            for template in ["leaderTemplate", "workerTemplate"] {
                all_known::<core::v1::PodTemplateSpec>(&object["spec"]["leaderWorkerTemplate"][template]);
            }
        }
        "Application" | "AppProject" | "ComputeDomain" | "PodGroup" | "ScaledObject" | "RoleBasedGroup"
        | "CoordinatedPolicy" => {}
        kind => panic!("unknown kind {kind}"),
    }
}

#[track_caller]
fn all_known<T: DeserializeOwned>(object: &Value) {
    let mut unknown = Vec::new();
    let read: Result<T, _> = serde_ignored::deserialize(object, |path| unknown.push(path.to_string()));
    assert!(read.is_ok(), "{}\n{object:#}", read.err().map(|e| e.to_string()).unwrap_or_default());
    assert!(unknown.is_empty(), "unknown fields {unknown:?}");
}

/// The pod spec of a workload.
#[track_caller]
pub fn pod_spec(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}

/// The variables of a workload's first container: name and value, or the field that it is.
pub fn env(object: &Value) -> Vec<(String, String)> {
    env_of(pod_spec(object))
}

/// The variables of the first container of a pod.
pub fn env_of(spec: &Value) -> Vec<(String, String)> {
    let list = spec["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let source = |e: &Value| match &e["value"] {
        Value::String(value) => value.clone(),
        _ => format!("<{}>", text(&e["valueFrom"]["fieldRef"]["fieldPath"])),
    };
    list.iter().map(|e| (text(&e["name"]), source(e))).collect()
}
