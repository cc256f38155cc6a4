//! The pods of a RoleBasedGroup.
//!
//! What its controller does when a role changes (`pkg/inplace`, `rolloutStrategy.rollingUpdate.type`):
//! by `RecreatePod` the instance is made anew. By `InPlaceIfPossible`, the default, the pods of a
//! component are replaced, or their containers restarted in place, which is a restart all the same,
//! when its template changed, patches laid over; labels and annotations are changed in running pods;
//! and another size makes the instance anew.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};

use super::{Scaled, Set, least, number, scaler, share};
use crate::diff::capacity;
use crate::diff::objects::{Object, Objects};
use crate::target::merge_key;

/// Pods of a role with one template: `part` tells them from the others, `infix` and `columns` are as
/// in [`Set`].
struct Part {
    part: String,
    infix: String,
    columns: Option<Range<u64>>,
    template: Value,
}

/// The sets of all roles.
pub(super) fn sets<'v>(object: &'v Object, all: &Objects) -> Vec<Set<'v>> {
    let roles = object.value.pointer("/spec/roles").and_then(Value::as_array);
    roles.into_iter().flatten().flat_map(|role| of_role(object, role, all)).collect()
}

fn of_role<'v>(object: &'v Object, role: &'v Value, all: &Objects) -> Vec<Set<'v>> {
    let (group, name) = (object.text("/metadata/name"), role.get("name").and_then(Value::as_str).unwrap_or_default());
    let adapter = format!("{group}-{name}");
    let scaler = scaler(object, ("RoleBasedGroupScalingAdapter", &adapter), all);
    let (replicas, scaled) = match (number(role, "/replicas"), scaler) {
        (None, Some(scaler)) => (least(scaler), Scaled::ByAnother),
        (replicas, _) => (replicas.unwrap_or(1), Scaled::Fixed),
    };
    let rolling = |field: &str| role.pointer(&format!("/rolloutStrategy/rollingUpdate/{field}"));
    let pattern = "/annotations/rbg.workloads.x-k8s.io~1role-instance-pattern";
    let parts = parts(object, role);
    let replaced = |part: &Part| -> Vec<Option<Cow<'v, Value>>> {
        let sizes = parts.iter().map(|p| Value::from(p.columns.as_ref().map_or(1, |c| c.end)));
        let whole = rolling("type").and_then(Value::as_str) == Some("RecreatePod");
        let templates: Vec<Value> = if whole {
            parts.iter().map(|part| part.template.clone()).collect()
        } else {
            let mut template = part.template.clone();
            template.as_object_mut().and_then(|template| template.remove("metadata"));
            vec![template]
        };
        sizes.chain(templates).map(|value| Some(Cow::Owned(value))).collect()
    };
    let set = |part: &Part| Set {
        part: format!("{name}/{}", part.part),
        owner: (Some(group.to_owned()), Some(name.to_owned())),
        stem: format!("{group}-{name}-"),
        unnamed: role.pointer(pattern).and_then(Value::as_str) == Some("Stateless"),
        rows: 0..replicas,
        infix: part.infix.clone(),
        columns: part.columns.clone(),
        requests: capacity::requests(Some(&part.template)),
        template: replaced(part),
        partition: Some(rolling("partition").and_then(Value::as_u64).unwrap_or(0)),
        surge: share(rolling("maxSurge"), "0", replicas),
        scaled,
    };
    parts.iter().map(set).collect()
}

fn parts(object: &Object, role: &Value) -> Vec<Part> {
    if let Some(components) = role.pointer("/customComponentsPattern/components").and_then(Value::as_array) {
        let one = |component: &Value| {
            let part = component.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let columns = Some(0..number(component, "/size").unwrap_or(1));
            Part { infix: format!("-{part}-"), part, columns, template: template(object, component, None) }
        };
        return components.iter().map(one).collect();
    }
    if let Some(pattern) = role.get("leaderWorkerPattern") {
        let size = number(pattern, "/size").unwrap_or(1);
        let part = |part: &str, columns, patch| {
            let template = template(object, pattern, pattern.get(patch));
            Part { part: part.into(), infix: "-".into(), columns: Some(columns), template }
        };
        return vec![
            part("leader", 0..size.min(1), "leaderTemplatePatch"),
            part("worker", 1..size.max(1), "workerTemplatePatch"),
        ];
    }
    let pattern = role.get("standalonePattern").unwrap_or(role);
    vec![Part { part: String::new(), infix: String::new(), columns: None, template: template(object, pattern, None) }]
}

/// The template of a pattern: its own, or one of the group that it refers to, with the patches that
/// are laid over it.
fn template(object: &Object, pattern: &Value, patch: Option<&Value>) -> Value {
    let reference = pattern.get("templateRef");
    let name = reference.and_then(|reference| reference.get("name"));
    let shared = object.value.pointer("/spec/roleTemplates").and_then(Value::as_array).into_iter().flatten();
    let mut meant = shared.filter(|template| name.is_some() && template.get("name") == name);
    let base = pattern.get("template").or_else(|| meant.find_map(|template| template.get("template")));
    let mut template = base.cloned().unwrap_or_default();
    let patches = [reference.and_then(|reference| reference.get("patch")), patch];
    patches.into_iter().flatten().for_each(|patch| lay_over(&mut template, patch, ""));
    template
}

/// Lays a strategic merge patch over the value of a field. Directives (`$patch`) are taken for fields:
/// the compiler writes none.
fn lay_over(value: &mut Value, patch: &Value, field: &str) {
    match (value, patch) {
        (Value::Object(map), Value::Object(patch)) => lay_fields(map, patch),
        (Value::Array(list), Value::Array(patch)) if merge_key(field).is_some() => {
            let key = merge_key(field).unwrap_or_default();
            for element in patch {
                match list.iter_mut().find(|known| known.get(key).is_some() && known.get(key) == element.get(key)) {
                    Some(known) => lay_over(known, element, ""),
                    None => list.push(element.clone()),
                }
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

fn lay_fields(map: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (field, patch) in patch {
        match map.get_mut(field) {
            _ if patch.is_null() => drop(map.remove(field)),
            Some(value) => lay_over(value, patch, field),
            None => drop(map.insert(field.clone(), patch.clone())),
        }
    }
}
