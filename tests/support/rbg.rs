//! What the RoleBasedGroup controller makes of a group, as far as names and labels go.

use serde_json::{Value as Json, json};
use serde_yaml::Value;

use super::tree::{Object, Tree, at, objects};

/// The objects of a tree, and those that the controller makes of its RoleBasedGroups: headless
/// Services, and the pods as StatefulSets of the same names.
#[track_caller]
pub fn running(tree: &Tree) -> Vec<Object> {
    let written = objects(tree);
    let made: Vec<Object> =
        written.iter().filter(|o| o.kind() == "RoleBasedGroup").flat_map(|o| made(o, &written)).collect();
    written.into_iter().chain(made).collect()
}

fn made(group: &Object, written: &[Object]) -> Vec<Object> {
    let roles = at(&group.value, &["spec", "roles"]).and_then(Value::as_sequence).cloned().unwrap_or_default();
    roles.iter().flat_map(|role| of_role(group, role, written)).collect()
}

/// The replicas of a role, which an autoscaler may set through an adapter of the role's name.
fn replicas(workload: &str, group: &Object, role: &Value, written: &[Object]) -> u64 {
    let scales = |o: &&Object| {
        let target = |field| o.text(&["spec", "scaleTargetRef", field]);
        o.namespace() == group.namespace()
            && (target("kind"), target("name")) == ("RoleBasedGroupScalingAdapter", workload)
    };
    let least = written.iter().find(scales).and_then(|o| at(&o.value, &["spec", "minReplicas"]));
    at(role, &["replicas"]).or(least).and_then(Value::as_u64).unwrap_or(1)
}

fn of_role(group: &Object, role: &Value, written: &[Object]) -> Vec<Object> {
    let name = at(role, &["name"]).and_then(Value::as_str).unwrap_or("");
    let workload = format!("{}-{name}", group.name());
    let service = format!("s-{workload}");
    let labels = |component: &str| {
        json!({
            "rbg.workloads.x-k8s.io/group-name": group.name(),
            "rbg.workloads.x-k8s.io/role-name": name,
            "rbg.workloads.x-k8s.io/component-name": component,
        })
    };
    let object = |kind: &str, name: &str, spec: Json| {
        let metadata = json!({ "name": name, "namespace": group.namespace() });
        let value = json!({ "kind": kind, "metadata": metadata, "spec": spec });
        Object { path: group.path.clone(), value: serde_yaml::to_value(value).unwrap() }
    };
    let set = |set: &str, pods: &Value, component: &str, specs: &[Option<&Value>]| {
        let template = json!({ "metadata": { "labels": labels(component) }, "spec": specs });
        object("StatefulSet", set, json!({ "replicas": pods, "serviceName": service, "template": template }))
    };
    let mut selector = labels("");
    selector.as_object_mut().unwrap().remove("rbg.workloads.x-k8s.io/component-name");
    let mut found = vec![object("Service", &service, json!({ "selector": selector }))];
    let replicas = replicas(&workload, group, role, written);
    let part = |path: &[&str]| at(role, path);
    if part(&["standalonePattern"]).is_some() {
        found.push(set(&workload, &replicas.into(), name, &[part(&["standalonePattern", "template"])]));
    }
    for instance in 0..replicas {
        let workload = format!("{workload}-{instance}");
        if let Some(pattern) = part(&["leaderWorkerPattern"]) {
            let specs = ["template", "leaderTemplatePatch", "workerTemplatePatch"].map(|field| pattern.get(field));
            found.push(set(&workload, &pattern["size"], "leader", &specs));
        }
        let components = part(&["customComponentsPattern", "components"]).and_then(Value::as_sequence);
        for component in components.into_iter().flatten() {
            let name = component["name"].as_str().unwrap_or("");
            found.push(set(&format!("{workload}-{name}"), &component["size"], name, &[component.get("template")]));
        }
    }
    found
}
