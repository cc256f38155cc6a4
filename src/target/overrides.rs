//! `pod { … }`: a part of a PodSpec, laid over the one that the compiler makes.
//!
//! Maps merge, single values replace, lists replace unless Kubernetes knows a merge key for them
//! (`patchMergeKey` in `k8s.io/api/core/v1/types.go`): then their elements merge by it.

use crate::data::{Data, Map};

/// The name that `containers` may use for the role's container, whatever the role's name.
const MAIN: &str = "main";

/// Lays `overrides` over a PodSpec whose first container is called `main`.
pub fn apply(spec: &mut Map, overrides: &Data, main: &str) {
    let Some(overrides) = overrides.as_map() else { return };
    for (field, value) in overrides.iter() {
        if field == "containers" {
            merge_field(spec, field, rename_main(value, main));
        } else {
            merge_field(spec, field, value.clone());
        }
    }
    for list in ["containers", "initContainers"] {
        if let Some(Data::List(list)) = spec.get_mut(list) {
            list.iter_mut().filter_map(Data::as_map_mut).for_each(settle_privileges);
        }
    }
}

/// The API server refuses a container that is privileged and may not escalate its privileges.
fn settle_privileges(container: &mut Map) {
    let Some(security) = container.get_mut("securityContext").and_then(Data::as_map_mut) else { return };
    if security.get("privileged") == Some(&Data::Bool(true)) {
        security.remove("allowPrivilegeEscalation");
    }
}

fn rename_main(containers: &Data, main: &str) -> Data {
    let mut containers = containers.clone();
    if let Data::List(list) = &mut containers {
        for container in list.iter_mut().filter_map(Data::as_map_mut) {
            if container.get("name").and_then(Data::as_str) == Some(MAIN) {
                container.set("name", main.to_string());
            }
        }
    }
    containers
}

/// The key by which the elements of a list are told apart.
pub fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates" => Some("name"),
        "ports" => Some("containerPort"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

fn merge_field(base: &mut Map, field: &str, value: Data) {
    if value == Data::Null {
        base.remove(field);
        return;
    }
    let Some(old) = base.get_mut(field) else {
        base.set(field.to_string(), value);
        return;
    };
    match (old, value) {
        (Data::Map(old), Data::Map(new)) => new.into_iter().for_each(|(key, value)| merge_field(old, &key, value)),
        (Data::List(old), Data::List(new)) => match merge_key(field) {
            Some(key) => new.into_iter().for_each(|element| merge_element(old, field, key, element)),
            None => *old = new,
        },
        (old, new) => *old = new,
    }
}

fn merge_element(list: &mut Vec<Data>, field: &str, key: &str, element: Data) {
    let wanted = element.as_map().and_then(|m| m.get(key)).cloned();
    let same = |d: &&mut Data| wanted.is_some() && d.as_map().and_then(|m| m.get(key)) == wanted.as_ref();
    match (list.iter_mut().find(same).and_then(Data::as_map_mut), element) {
        (Some(old), Data::Map(new)) => {
            if replaces(field, old, &new) {
                *old = Map::new();
            }
            new.into_iter().for_each(|(key, value)| merge_field(old, &key, value));
        }
        (_, element) => list.push(element),
    }
}

/// Volumes and variables are of one kind each: another kind takes the place of the old one.
fn replaces(field: &str, old: &Map, new: &Map) -> bool {
    matches!(field, "volumes" | "env") && new.iter().any(|(key, _)| key != "name" && old.get(key).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[(&str, &str, i64)]) -> Data {
        let entry = |(n, k, v): &(&str, &str, i64)| {
            Data::Map(Map::new().with("name", (*n).to_string()).with((*k).to_string(), *v))
        };
        Data::List(names.iter().map(entry).collect())
    }

    #[test]
    fn elements_merge_by_their_key() {
        let mut spec = Map::new().with("containers", list(&[("r", "a", 1)])).with("volumes", list(&[("v", "x", 1)]));
        let over = Map::new()
            .with("hostNetwork", true)
            .with("containers", list(&[("main", "b", 2), ("extra", "c", 3)]))
            .with("volumes", list(&[("v", "y", 2)]));
        apply(&mut spec, &over.into(), "r");
        let both = Data::Map(Map::new().with("name", "r").with("a", 1_i64).with("b", 2_i64));
        assert_eq!(spec.get("containers").and_then(Data::as_list).map(|l| l[0].clone()), Some(both));
        assert_eq!(spec.get("volumes"), Some(&list(&[("v", "y", 2)])));
        assert_eq!(spec.get("hostNetwork"), Some(&Data::Bool(true)));
    }

    #[test]
    fn nothing_removes() {
        let mut spec = Map::new().with("affinity", Map::new().with("nodeAffinity", true).with("podAffinity", true));
        apply(&mut spec, &Map::new().with("affinity", Map::new().with("nodeAffinity", Data::Null)).into(), "r");
        assert_eq!(spec, Map::new().with("affinity", Map::new().with("podAffinity", true)));
    }
}
