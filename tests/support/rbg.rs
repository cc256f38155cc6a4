//! What the RoleBasedGroup controller makes of a group, as far as names, labels and templates go.

use serde_json::{Value as Json, json};
use serde_yaml::Value;

use super::tree::{Object, Tree, at, objects};

/// The objects of a tree, and those that the controller makes of its RoleBasedGroups: headless
/// Services, and the pods as StatefulSets that make the same names.
#[track_caller]
pub fn running(tree: &Tree) -> Vec<Object> {
    let written = objects(tree);
    let made: Vec<Object> =
        written.iter().filter(|o| o.kind() == "RoleBasedGroup").flat_map(|o| made(o, &written)).collect();
    written.into_iter().chain(made).collect()
}

/// The workloads and headless Services of a group. A Deployment stands for interchangeable pods.
pub fn made(group: &Object, written: &[Object]) -> Vec<Object> {
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
    let set = |kind: &str, set: &str, (first, pods): (u64, u64), component: &str, template: Value| {
        let template = json!({ "metadata": { "labels": labels(component) }, "spec": template.get("spec") });
        let spec =
            json!({ "replicas": pods, "serviceName": service, "ordinals": { "start": first }, "template": template });
        object(kind, set, spec)
    };
    let mut selector = labels("");
    selector.as_object_mut().unwrap().remove("rbg.workloads.x-k8s.io/component-name");
    let mut found = vec![object("Service", &service, json!({ "selector": selector }))];
    let replicas = replicas(&workload, group, role, written);
    let part = |path: &[&str]| at(role, path);
    let annotation = at(role, &["annotations", "rbg.workloads.x-k8s.io/role-instance-pattern"]);
    let kind = if annotation.is_some_and(|pattern| pattern == "Stateless") { "Deployment" } else { "StatefulSet" };
    if let Some(template) = part(&["standalonePattern", "template"]) {
        found.push(set(kind, &workload, (0, replicas), name, template.clone()));
    }
    let size = |of: &Value| of["size"].as_u64().unwrap_or(1);
    for instance in 0..replicas {
        let workload = format!("{workload}-{instance}");
        if let Some(pattern) = part(&["leaderWorkerPattern"]) {
            let leader = patched(&pattern["template"], pattern.get("leaderTemplatePatch"));
            let worker = patched(&pattern["template"], pattern.get("workerTemplatePatch"));
            found.push(set(kind, &workload, (0, 1), "leader", leader));
            found.push(set(kind, &workload, (1, size(pattern) - 1), "worker", worker));
        }
        let components = part(&["customComponentsPattern", "components"]).and_then(Value::as_sequence);
        for component in components.into_iter().flatten() {
            let name = component["name"].as_str().unwrap_or("");
            let workload = format!("{workload}-{name}");
            found.push(set(kind, &workload, (0, size(component)), name, component["template"].clone()));
        }
    }
    found
}

/// A template with a strategic merge patch laid over it.
pub fn patched(template: &Value, patch: Option<&Value>) -> Value {
    let mut template = template.clone();
    patch.into_iter().for_each(|patch| lay_over(&mut template, patch));
    template
}

/// Elements of the lists that are patched here are told apart by their names.
fn lay_over(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Mapping(map), Value::Mapping(patch)) => {
            for (key, patch) in patch {
                lay_over(map.entry(key.clone()).or_insert(Value::Null), patch);
            }
        }
        (Value::Sequence(all), Value::Sequence(patches)) if patches.iter().all(|p| p.get("name").is_some()) => {
            for patch in patches {
                match all.iter_mut().find(|one| one.get("name") == patch.get("name")) {
                    Some(known) => lay_over(known, patch),
                    None => all.push(patch.clone()),
                }
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}
