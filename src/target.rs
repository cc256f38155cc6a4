//! A plan as Kubernetes objects.

use crate::check::{self, Form};
use crate::data::{Data, Map};
pub use crate::kinds::{NotATarget, Target};
use crate::naming;
use crate::plan::{Group, Part, Plan, Role, workload_name};

pub mod lws;
pub mod native;
mod objects;
mod overrides;
mod pod;
mod rbg;
pub mod rollout;
mod routing;
mod scheduling;
pub mod standards;
pub mod warm_up;

pub use overrides::merge_key;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

/// When an object is brought to the cluster; the order of variants is the order in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Accounts, rights and network policies.
    Access,
    /// What pods read and are found by: ConfigMaps, Services, disruption budgets.
    Base,
    /// What makes nodes ready for workloads.
    WarmUp,
    /// Workloads, by stage of the role and step within it.
    Run(u32, u32),
    /// Services that lead to what runs once the roles of a stage are ready.
    Serve(u32),
    /// What acts on running workloads.
    Last,
    /// What brings traffic from outside to roles that are ready.
    Expose,
}

/// A Kubernetes object.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its group: an index in [`Plan::groups`], which also tells namespace and source.
    pub group: usize,
    /// Its role: an index in [`Group::roles`]; `None` for objects of the whole group.
    pub role: Option<usize>,
    /// When it is brought to the cluster.
    pub stage: Stage,
    /// The object.
    pub body: Data,
}

/// Brings a whole plan to the kinds of a target.
#[cfg(test)]
pub(crate) fn lower(plan: &Plan<'_>) -> Vec<Manifest> {
    (0..plan.groups.len()).flat_map(|group| lower_group(plan, group)).collect()
}

/// The objects of one group, by its index in [`Plan::groups`].
pub fn lower_group(plan: &Plan<'_>, group: usize) -> Vec<Manifest> {
    match plan.target {
        Target::Native | Target::Lws => native::lower(plan, group),
        Target::Rbg => rbg::lower(plan, group),
    }
}

/// The names of the pods of an instance, in the order of its parts. Where the cluster completes a
/// name, `*` stands for what it adds.
pub fn pod_names(target: Target, group: &check::Group, role: &check::Role, instance: u32) -> Vec<String> {
    match target {
        Target::Native | Target::Lws => native::pod_names(group, role, instance),
        Target::Rbg => rbg::pod_names(group, role, instance),
    }
}

/// The object that holds the pods of a part of an instance, or of all: the role that its file stands
/// under (`None` for the group's), its kind and its name.
pub fn workload<'m>(
    target: Target,
    group: &check::Group,
    role: &'m check::Role,
    instance: Option<u32>,
    part: &check::Part,
) -> (Option<&'m str>, &'static str, String) {
    match target {
        Target::Native | Target::Lws => {
            (Some(&role.name), native::kind(role.form), workload_name(group, role, instance, &part.kind))
        }
        Target::Rbg => (None, rbg::KIND, group.name.clone()),
    }
}

/// Whether a new pod of a part stands beside the one that it replaces when the role is rolled out.
pub fn surges(target: Target, group: &Group<'_>, role: &Role<'_>, part: &Part<'_>) -> bool {
    match target {
        Target::Native | Target::Lws | Target::Rbg => {
            role.source.form == Form::Deployment && native::surges(group, part)
        }
    }
}

/// Whether roles, and instances and components with a form of their own, are objects of their own,
/// which can be brought to the cluster one by one.
pub fn divides(target: Target) -> bool {
    match target {
        Target::Native | Target::Lws => true,
        Target::Rbg => false,
    }
}

/// Whose object it is.
#[derive(Clone, Copy)]
struct Owner<'p, 'm> {
    index: usize,
    group: &'p Group<'m>,
    role: Option<(usize, &'p Role<'m>)>,
}

/// What an object is, before it is dressed with metadata.
struct Object {
    api: &'static str,
    kind: &'static str,
    name: String,
    stage: Stage,
    labels: Map,
    annotations: Map,
    /// The fields beside `metadata`, such as `spec`.
    fields: Map,
}

impl Object {
    fn new(api: &'static str, kind: &'static str, name: String, stage: Stage, fields: Map) -> Object {
        Object { api, kind, name, stage, labels: Map::new(), annotations: Map::new(), fields }
    }

    /// Adds `apiVersion`, `kind` and `metadata`.
    fn own(self, owner: Owner<'_, '_>) -> Manifest {
        let source = owner.group.source;
        let mut annotations: Map = source.annotations.iter().map(|(k, v)| (k.clone().into(), text(v))).collect();
        self.annotations.into_iter().for_each(|(key, value)| {
            annotations.set(key, value);
        });
        if has_substitution(&self.fields) || has_substitution(&annotations) {
            annotations.set("kustomize.toolkit.fluxcd.io/substitute", "disabled");
        }
        let role_labels = owner.role.filter(|_| matches!(self.stage, Stage::Run(..))).map(|(_, r)| &r.source.labels);
        let mut labels = labels(source.labels.iter().chain(role_labels.into_iter().flatten()));
        self.labels.into_iter().for_each(|(key, value)| {
            labels.set(key, value);
        });
        common_labels(&mut labels, owner);
        let metadata = Map::new()
            .with("name", text(&self.name))
            .with("namespace", text(&source.namespace))
            .with("labels", labels)
            .full("annotations", annotations);
        let mut body = Map::new();
        body.set("apiVersion", self.api).set("kind", self.kind).set("metadata", metadata);
        self.fields.into_iter().for_each(|(key, value)| {
            body.set(key, value);
        });
        Manifest {
            kind: self.kind,
            name: self.name,
            group: owner.index,
            role: owner.role.map(|(index, _)| index),
            stage: self.stage,
            body: body.into(),
        }
    }
}

/// The roles whose single instances a role lists: when their number changes, it restarts.
fn listed(plan: &Plan<'_>, group: &Group<'_>, role: &Role<'_>) -> Option<String> {
    let group = group.source;
    let own = group.roles.iter().position(|r| r.name == role.source.name)?;
    let mut names: Vec<String> = group
        .references
        .iter()
        .filter(|r| r.from == own && r.addresses)
        .filter_map(|r| {
            let other = plan.groups.get(r.to.group)?;
            let role = &other.source.roles.get(r.to.role)?.name;
            let same = other.source.name == group.name;
            Some(if same { role.clone() } else { format!("{}.{role}", other.source.name) })
        })
        .collect();
    names.sort();
    names.dedup();
    (!names.is_empty()).then(|| names.join(","))
}

fn text(text: &str) -> Data {
    Data::from(text.to_string())
}

fn texts<'t>(list: impl IntoIterator<Item = &'t str>) -> Data {
    Data::List(list.into_iter().map(text).collect())
}

fn labels<'l>(list: impl Iterator<Item = (&'l String, &'l String)>) -> Map {
    list.map(|(key, value)| (key.clone().into(), text(value))).collect()
}

/// The labels of every object of a group or role; they win over the user's.
fn common_labels(labels: &mut Map, owner: Owner<'_, '_>) {
    labels.set("app.kubernetes.io/managed-by", "rbgc");
    labels.set("app.kubernetes.io/part-of", text(&owner.group.source.name));
    labels.set(naming::LABEL_GROUP, text(&owner.group.source.name));
    if let Some((_, role)) = owner.role {
        labels.set("app.kubernetes.io/name", text(&role.source.name));
        labels.set(naming::LABEL_ROLE, text(&role.source.name));
    }
}

/// Whether Flux would take a text for one with variables: `${…}`, or `$$` that it turns into `$`.
fn has_substitution(fields: &Map) -> bool {
    let touched = |t: &str| t.contains('$') && (t.contains("${") || t.contains("$$"));
    fn any(data: &Data, touched: &impl Fn(&str) -> bool) -> bool {
        match data {
            Data::Str(text) => touched(text),
            Data::List(list) => list.iter().any(|d| any(d, touched)),
            Data::Map(map) => map.iter().any(|(key, value)| touched(key) || any(value, touched)),
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => false,
        }
    }
    fields.iter().any(|(_, value)| any(value, &touched))
}
