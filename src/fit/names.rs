//! The names of all objects that will be made: legal, short enough and unique.
//!
//! Limits: a StatefulSet has at most 52 characters, because its pods carry its name and a hash of
//! ten characters in a label of 63 (kubernetes/kubernetes#64023); a Service, a pod's host name and
//! a label value have 63. The workers of a LeaderWorkerSet are StatefulSets `<its name>-<i>`.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::check::{Exposure, Form, Group, Model, Part, PartKind, Role, RoleId};
use crate::diag::{Code, Diagnostic, Session};
use crate::graph::batches::{Batch, Batches};
use crate::kinds::Target;
use crate::naming;
use crate::source::Span;

const STATEFUL_SET: usize = 52;
const LABEL: usize = naming::DNS_LABEL;
const OBJECT: usize = 253;
/// What is added to the names of pods that are not numbered: two hashes and their hyphens.
const RANDOM: usize = 17;

/// A name that will be made.
#[derive(Clone)]
struct Made {
    kind: &'static str,
    name: String,
    limit: usize,
    span: Span,
}

impl Made {
    /// Characters above the limit.
    fn excess(&self) -> usize {
        self.name.len().saturating_sub(self.limit)
    }
}

/// Checks the names of all objects of a model. Of the names that one role makes too long, and of
/// those that two roles both make, the first is reported: the others have the same cause.
pub fn check(session: &mut Session, model: &Model, target: Target) {
    let mut seen: IndexMap<(&'static str, &str, String), (Span, &str)> = IndexMap::new();
    let mut groups: BTreeMap<&str, Span> = BTreeMap::new();
    for group in &model.groups {
        if let Some(earlier) = groups.insert(&group.stem, group.span) {
            session.report(same_group(group, earlier));
            continue;
        }
        if listed(group) > LISTED {
            session.report(too_many(group));
        }
        let mut longest: BTreeMap<Span, Made> = BTreeMap::new();
        let mut clashes: BTreeMap<(Span, Span), Diagnostic> = BTreeMap::new();
        for made in names_of(group, target) {
            if made.excess() > longest.get(&made.span).map_or(0, Made::excess) {
                longest.insert(made.span, made.clone());
            }
            if made.kind == "pod" {
                continue;
            }
            let key = (made.kind, group.namespace.as_str(), made.name.clone());
            match seen.get(&key) {
                Some((earlier, other)) => {
                    let object = (made.kind, made.name.as_str(), group.namespace.as_str());
                    let problem = collision(object, made.span, (*earlier, other));
                    clashes.entry((made.span, *earlier)).or_insert(problem);
                }
                None => {
                    seen.insert(key, (made.span, &group.name));
                }
            }
        }
        session.problems.extend(clashes.into_values());
        session.problems.extend(longest.into_values().map(|made| too_long(&made)));
    }
}

/// Checks the names of the Kustomizations that Flux is given, which all stand in its own namespace;
/// `divided` as for [`Batches::new`]. `None` when something was reported.
pub fn check_kustomizations(session: &mut Session, model: &Model, divided: bool, namespace: &str) -> Option<()> {
    let groups: Vec<&Group> = model.groups.iter().collect();
    let warm = |id: RoleId| model.role(id).warm_up.is_some();
    let batches = Batches::new(&groups, divided, &[], &warm).list.into_iter();
    let of_batch = |batch: Batch| {
        let group = groups[batch.group];
        (group, batch.role.map_or(group.span, |r| group.roles[r].span), kustomization(group, &batch))
    };
    let parents = groups.iter().map(|g| (*g, g.span, naming::kustomization(&g.namespace, &g.stem)));
    let mut seen: BTreeMap<String, (Span, &str)> = BTreeMap::new();
    // Of the many batches of a role the first mistake tells enough.
    let mut told: BTreeSet<Span> = BTreeSet::new();
    for (group, span, name) in parents.chain(batches.map(of_batch)) {
        let made = Made { kind: KUSTOMIZATION, name, limit: LABEL, span };
        if made.excess() > 0 && told.insert(span) {
            session.report(too_long(&made));
        }
        if let Some(earlier) = seen.insert(made.name.clone(), (span, &group.name))
            && told.insert(span)
        {
            session.report(collision((KUSTOMIZATION, &made.name, namespace), span, earlier));
        }
    }
    told.is_empty().then_some(())
}

const KUSTOMIZATION: &str = "Kustomization";

/// The name of the Kustomization of a batch.
pub fn kustomization(group: &Group, batch: &Batch) -> String {
    let role = batch.role.map(|r| &group.roles[r]);
    let part = role.zip(batch.part).map(|(role, part)| role.parts[part].kind.name());
    let content = batch.content.directory();
    let name = role.map_or(content.unwrap_or(naming::BASE), |role| role.name.as_str());
    let component = part.or(content.filter(|_| role.is_some()));
    naming::kustomization_of((&group.namespace, &group.stem), name, batch.instance, component)
}

fn names_of(group: &Group, target: Target) -> Vec<Made> {
    let mut made = vec![Made { kind: "ConfigMap", name: group.name.clone(), limit: OBJECT, span: group.span }];
    let discovery = group.discovery(target);
    if discovery != group.name {
        made.push(Made { kind: "ConfigMap", name: discovery, limit: OBJECT, span: group.span });
    }
    for role in &group.roles {
        names_of_role(group, role, target, &mut made);
    }
    made
}

fn names_of_role(group: &Group, role: &Role, target: Target, made: &mut Vec<Made>) {
    let (g, r) = (group.name.as_str(), role.name.as_str());
    let mut add = |kind, name: String, limit| made.push(Made { kind, name, limit, span: role.span });
    add("Service", naming::headless(g, r), LABEL);
    add("Service", naming::workload(g, r), LABEL);
    if group.generation > 1 {
        add("Service", group.client_service(role), LABEL);
    }
    add("ServiceAccount", naming::workload(g, r), OBJECT);
    if role.expose.as_ref().is_some_and(|expose| expose.form == Some(Exposure::LoadBalancer)) {
        add("Service", naming::external(&group.stem, r), LABEL);
    }
    if role.parts.iter().any(|p| !p.pod.files.is_empty()) {
        add("ConfigMap", naming::files(g, r, None), OBJECT);
    }
    if role.warm_up.is_some() {
        add("Job", naming::warm_up(g, r, [0; 32]), LABEL);
    }
    let most = role.replicas.max;
    if target == Target::Rbg {
        // The controller cuts longer names off, and does not look whether the rest is unique.
        let random = if role.form == Form::Deployment { RANDOM } else { 0 };
        add("RoleInstanceSet", naming::workload(g, r), LABEL - random);
    }
    match role.form {
        Form::Deployment if target == Target::Rbg => {}
        Form::StatefulSet if target == Target::Rbg => {
            add("pod", naming::instance(g, r, most.saturating_sub(1)), LABEL);
        }
        Form::InstanceSet => {
            let instance = most.saturating_sub(1);
            for part in &role.parts {
                let workload = match &part.kind {
                    PartKind::Component(name) => naming::component(g, r, instance, name),
                    PartKind::Single | PartKind::Leader | PartKind::Worker => naming::instance(g, r, instance),
                };
                add("pod", naming::ordinal(&workload, part.count), LABEL);
            }
        }
        Form::Deployment => add("Deployment", naming::workload(g, r), LABEL - RANDOM),
        Form::StatefulSet => {
            add("StatefulSet", naming::workload(g, r), STATEFUL_SET);
            let last = most.saturating_sub(1);
            add("pod", naming::ordinal(&naming::workload(g, r), last), LABEL);
        }
        Form::LeaderWorkerSet => {
            let sets = if role.by_instance() { most } else { 1 };
            for index in 0..sets {
                let (name, groups) = if role.by_instance() {
                    (naming::instance(g, r, index), 1)
                } else {
                    (naming::leader_worker_set(g, r), most)
                };
                let last = naming::ordinal(&name, groups.saturating_sub(1));
                // A StatefulSet for all leaders, one for the workers of each, and a Service.
                add("LeaderWorkerSet", name.clone(), STATEFUL_SET - (last.len() - name.len()));
                add("StatefulSet", name.clone(), OBJECT);
                (0..groups).for_each(|group| add("StatefulSet", naming::ordinal(&name, group), OBJECT));
                if role.by_instance() {
                    add("Service", name, LABEL);
                }
            }
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

/// The most pods that a discovery file lists: a ConfigMap holds one mebibyte.
const LISTED: u64 = 4_000;

/// Pods with addresses.
fn listed(group: &Group) -> u64 {
    let roles = group.roles.iter().filter(|r| r.form != Form::Deployment);
    roles.map(|r| u64::from(r.pods()) * u64::from(r.replicas.max)).sum()
}

fn too_many(group: &Group) -> Diagnostic {
    let message = format!("group `{}` has {} pods with addresses, more than {LISTED}", group.name, listed(group));
    Diagnostic::new(Code::LimitExceeded, group.span, message)
        .help("its discovery file would not fit into a ConfigMap: split the group")
}

fn same_group(group: &Group, earlier: Span) -> Diagnostic {
    Diagnostic::new(Code::NameCollision, group.span, format!("two groups `{}`", group.stem))
        .label(earlier, "the other one")
        .help("rename one: each group has a directory of its own in the output")
}

fn too_long(made: &Made) -> Diagnostic {
    let (kind, name, length, over) = (made.kind, &made.name, made.name.len(), made.excess());
    let message = format!("the {kind} `{name}` would have {length} characters, {over} too many");
    Diagnostic::new(Code::NameTooLong, made.span, message)
        .help(format!("at most {} are allowed: shorten the group, the role or the component", made.limit))
}

/// Two objects of one kind, namespace and name: at `span`, and of the group `other`.
pub(super) fn collision(
    (kind, name, namespace): (&str, &str, &str),
    span: Span,
    (earlier, other): (Span, &str),
) -> Diagnostic {
    Diagnostic::new(Code::NameCollision, span, format!("two objects {kind} `{name}` in namespace `{namespace}`"))
        .label(earlier, format!("the other one, of group `{other}`"))
        .help("rename a group or a role, or use another namespace")
}
