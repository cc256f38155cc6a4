//! The names of all objects that will be made: legal, short enough and unique.
//!
//! Limits: a StatefulSet has at most 52 characters, because its pods carry its name and a hash of
//! ten characters in a label of 63 (kubernetes/kubernetes#64023); a Service, a pod's host name and
//! a label value have 63.

use std::collections::BTreeMap;

use crate::check::{Form, Group, Model, Part, PartKind, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::naming;
use crate::source::Span;

const STATEFUL_SET: usize = 52;
const LABEL: usize = 63;

/// A name that will be made.
#[derive(Clone)]
struct Made {
    kind: &'static str,
    name: String,
    limit: usize,
    span: Span,
}

/// Checks the names of all objects of a model.
pub fn check(session: &mut Session, model: &Model) {
    let mut seen: BTreeMap<(&'static str, &str, String), (Span, String)> = BTreeMap::new();
    for group in &model.groups {
        let mut longest: BTreeMap<(&'static str, Span), Made> = BTreeMap::new();
        for made in names_of(group) {
            if made.name.len() > made.limit {
                let long = longest.entry((made.kind, made.span)).or_insert_with(|| made.clone());
                if long.name.len() < made.name.len() {
                    *long = made.clone();
                }
            }
            if made.kind == "pod" {
                continue;
            }
            let key = (made.kind, group.namespace.as_str(), made.name.clone());
            let owner = format!("group `{}`", group.name);
            if let Some((earlier, other)) = seen.get(&key) {
                session.report(collision(made.kind, &made.name, &group.namespace, made.span, *earlier, other));
            } else {
                seen.insert(key, (made.span, owner));
            }
        }
        longest.into_values().for_each(|made| session.report(too_long(&made)));
    }
}

fn names_of(group: &Group) -> Vec<Made> {
    let mut made = vec![
        Made { kind: "ConfigMap", name: group.name.clone(), limit: LABEL, span: group.span },
    ];
    for role in &group.roles {
        names_of_role(group, role, &mut made);
    }
    made
}

fn names_of_role(group: &Group, role: &Role, made: &mut Vec<Made>) {
    let (g, r) = (group.name.as_str(), role.name.as_str());
    let mut add = |kind, name: String, limit| made.push(Made { kind, name, limit, span: role.span });
    add("Service", naming::headless(g, r), LABEL);
    add("Service", naming::workload(g, r), LABEL);
    add("ServiceAccount", naming::workload(g, r), LABEL);
    add("ConfigMap", format!("{}-files", naming::workload(g, r)), LABEL);
    let most = role.replicas.max;
    match role.form {
        Form::Deployment => add("Deployment", naming::workload(g, r), LABEL - 17),
        Form::StatefulSet => {
            add("StatefulSet", naming::workload(g, r), STATEFUL_SET);
            let last = most.saturating_sub(1);
            add("pod", naming::ordinal(&naming::workload(g, r), last), LABEL);
        }
        Form::PerInstance => {
            for index in 0..most {
                for part in &role.parts {
                    let workload = workload_of(g, r, index, part);
                    add("StatefulSet", workload.clone(), STATEFUL_SET);
                    add("pod", naming::ordinal(&workload, part.count), LABEL);
                }
            }
        }
    }
}

/// The StatefulSet of a part of an instance.
fn workload_of(group: &str, role: &str, index: u32, part: &Part) -> String {
    match &part.kind {
        PartKind::Single | PartKind::Leader => naming::instance(group, role, index),
        PartKind::Worker => naming::workers(group, role, index),
        PartKind::Component(name) => naming::component(group, role, index, name),
    }
}

fn too_long(made: &Made) -> Diagnostic {
    let over = made.name.len() - made.limit;
    let message =
        format!("the {} `{}` would have {} characters, {over} too many", made.kind, made.name, made.name.len());
    Diagnostic::new(Code::NameTooLong, made.span, message)
        .help(format!("at most {} are allowed: shorten the group, the role or the component", made.limit))
}

fn collision(kind: &str, name: &str, namespace: &str, span: Span, earlier: Span, other: &str) -> Diagnostic {
    Diagnostic::new(Code::NameCollision, span, format!("two objects {kind} `{name}` in namespace `{namespace}`"))
        .label(earlier, format!("the other one, of {other}"))
        .help("rename a group or a role, or use another namespace")
}
