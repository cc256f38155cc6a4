//! Whose pods an object makes, and which of them another version of it replaces.
//!
//! A Deployment replaces all its pods when its template changes, a StatefulSet those from its
//! partition on. A LeaderWorkerSet replaces whole groups: its revision covers all of
//! `leaderWorkerTemplate` and `networkConfig` (`pkg/utils/revision`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::objects::{Object, Objects};
use super::{Role, capacity};

mod role_based_group;

/// What happens to pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// They are replaced by others of the same name, or, where names are made up, of the same number.
    Restart,
    /// They come.
    Create,
    /// They go.
    Delete,
}

/// Pods of one workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pods {
    /// What happens to them.
    pub action: Action,
    /// Their group, where the object says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Their role, where the object says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Their names: `web-[0-3]` for four of them, `web-*` where the cluster completes the name.
    pub names: String,
    /// How many they are.
    pub count: u64,
}

/// The pods of one template: a row for each instance, with the numbers of its pods in it.
#[derive(Debug)]
pub(super) struct Set<'v> {
    /// What tells it from the others of the object.
    part: String,
    /// The group and the role.
    pub owner: (Option<String>, Option<String>),
    /// The beginning of all names.
    stem: String,
    /// The cluster completes the names of rows.
    unnamed: bool,
    rows: Range<u64>,
    /// What stands between the number of the row and that in the row.
    infix: String,
    /// The numbers in a row; none where a row is one pod.
    columns: Option<Range<u64>>,
    /// What the pods are made of: when it changes, they are replaced.
    template: Vec<Option<Cow<'v, Value>>>,
    /// The first row that is replaced; none when the pods wait for somebody to delete them.
    partition: Option<u64>,
    /// What each of them requests.
    pub requests: capacity::Requests,
    /// Rows that stand beside the others while these are replaced.
    surge: u64,
    /// Who says how many there are.
    scaled: Scaled,
}

/// Who says how many pods there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scaled {
    /// The object itself.
    Fixed,
    /// An autoscaler.
    ByAnother,
    /// The object is that autoscaler.
    Scaler,
}

/// The sets of an object; none of one without pods.
pub(super) fn sets<'v>(object: Option<&'v Object>, all: &Objects) -> Vec<Set<'v>> {
    let Some(object) = object else { return Vec::new() };
    let api = object.text("/apiVersion").rsplit_once('/').map_or("", |(api, _)| api);
    match (api, object.text("/kind")) {
        ("apps", "Deployment") => vec![deployment(object, all)],
        ("apps", "StatefulSet") => vec![stateful_set(object, all)],
        ("leaderworkerset.x-k8s.io", "LeaderWorkerSet") => leader_worker_set(object, all),
        ("workloads.x-k8s.io", "RoleBasedGroup") => role_based_group::sets(object, all),
        ("autoscaling", "HorizontalPodAutoscaler") | ("keda.sh", "ScaledObject") => vec![autoscaler(object)],
        _ => Vec::new(),
    }
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// The autoscaler of an object that leaves its replicas to one.
fn autoscaler_of<'o>(object: &Object, all: &'o Objects) -> Option<&'o Object> {
    let own = (object.text("/kind"), object.text("/metadata/name"));
    if object.value.pointer("/spec/replicas").is_some() { None } else { scaler(object, own, all) }
}

/// The autoscaler of a kind and name in the namespace of an object.
fn scaler<'o>(object: &Object, scaled: (&str, &str), all: &'o Objects) -> Option<&'o Object> {
    let scales = |other: &&Object| {
        let target = |field: &str| other.text(&format!("/spec/scaleTargetRef/{field}"));
        ["HorizontalPodAutoscaler", "ScaledObject"].contains(&other.text("/kind"))
            && other.text("/metadata/namespace") == object.text("/metadata/namespace")
            && (target("kind"), target("name")) == scaled
    };
    all.values().find(scales)
}

/// The least number of pods that an autoscaler keeps.
fn least(autoscaler: &Object) -> u64 {
    match autoscaler.text("/kind") {
        // KEDA itself may leave none.
        "ScaledObject" => number(&autoscaler.value, "/spec/minReplicaCount").unwrap_or(0),
        _ => number(&autoscaler.value, "/spec/minReplicas").unwrap_or(1),
    }
}

/// The pods that an autoscaler keeps at least: they are those of its target, which is not the one to
/// say when they come or go.
fn autoscaler(object: &Object) -> Set<'_> {
    let name = object.text("/spec/scaleTargetRef/name");
    Set {
        part: String::new(),
        owner: object.owner(),
        stem: format!("{name}-"),
        unnamed: object.text("/spec/scaleTargetRef/kind") == "Deployment",
        rows: 0..least(object),
        infix: String::new(),
        columns: None,
        template: Vec::new(),
        partition: None,
        requests: capacity::Requests::new(),
        surge: 0,
        scaled: Scaled::Scaler,
    }
}

/// A set of an object with one template at `/spec/template`.
fn simple<'v>(object: &'v Object, all: &Objects) -> Set<'v> {
    let template = object.value.pointer("/spec/template");
    let scaler = autoscaler_of(object, all);
    let replicas = number(&object.value, "/spec/replicas").or_else(|| scaler.map(least)).unwrap_or(1);
    Set {
        part: String::new(),
        owner: object.owner(),
        stem: format!("{}-", object.text("/metadata/name")),
        unnamed: false,
        rows: 0..replicas,
        infix: String::new(),
        columns: None,
        template: vec![template.map(Cow::Borrowed)],
        partition: Some(0),
        requests: capacity::requests(template),
        surge: 0,
        scaled: if scaler.is_some() { Scaled::ByAnother } else { Scaled::Fixed },
    }
}

fn deployment<'v>(object: &'v Object, all: &Objects) -> Set<'v> {
    let set = simple(object, all);
    let recreates = object.text("/spec/strategy/type") == "Recreate";
    let most = object.value.pointer("/spec/strategy/rollingUpdate/maxSurge");
    let surge = if recreates { 0 } else { share(most, "25%", set.rows.end) };
    Set { unnamed: true, surge, ..set }
}

/// A number of pods, or a share of them, rounded up.
fn share(value: Option<&Value>, default: &str, of: u64) -> u64 {
    if let Some(number) = value.and_then(Value::as_u64) {
        return number;
    }
    let percent = value.and_then(Value::as_str).unwrap_or(default).trim_end_matches('%').parse::<u64>();
    percent.map_or(0, |percent| percent.saturating_mul(of).div_ceil(100))
}

fn stateful_set<'v>(object: &'v Object, all: &Objects) -> Set<'v> {
    let set = simple(object, all);
    let first = number(&object.value, "/spec/ordinals/start").unwrap_or(0);
    let partition = number(&object.value, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let waits = object.text("/spec/updateStrategy/type") == "OnDelete";
    let rows = first..first.saturating_add(set.rows.end);
    Set { rows, partition: (!waits).then_some(partition), ..set }
}

fn leader_worker_set<'v>(object: &'v Object, all: &Objects) -> Vec<Set<'v>> {
    let template = |name: &str| object.value.pointer(&format!("/spec/leaderWorkerTemplate/{name}"));
    let size = number(&object.value, "/spec/leaderWorkerTemplate/size").unwrap_or(1);
    let rolling =
        |name: &str| object.value.pointer(&format!("/spec/rolloutStrategy/rollingUpdateConfiguration/{name}"));
    let revision = || {
        ["/spec/leaderWorkerTemplate", "/spec/networkConfig"]
            .map(|p| object.value.pointer(p).map(Cow::Borrowed))
            .to_vec()
    };
    let set = || {
        let groups = simple(object, all);
        Set {
            partition: Some(rolling("partition").and_then(Value::as_u64).unwrap_or(0)),
            surge: share(rolling("maxSurge"), "0", groups.rows.end),
            template: revision(),
            ..groups
        }
    };
    let worker = template("workerTemplate");
    let leader = template("leaderTemplate").or(worker);
    vec![
        Set { part: "leader".into(), requests: capacity::requests(leader), ..set() },
        Set {
            part: "worker".into(),
            requests: capacity::requests(worker),
            infix: "-".into(),
            columns: Some(1..size.max(1)),
            ..set()
        },
    ]
}

impl Set<'_> {
    /// How many pods there are.
    pub(super) fn count(&self) -> u64 {
        if self.scaled == Scaled::Scaler { 0 } else { product(&self.rows, self.columns.as_ref()) }
    }

    /// How many pods stand beside the others while these are replaced.
    pub(super) fn surging(&self) -> u64 {
        self.surge.saturating_mul(self.columns.as_ref().map_or(1, length))
    }

    /// Some of the pods.
    fn pods(&self, action: Action, rows: Range<u64>, columns: Option<Range<u64>>) -> Option<Pods> {
        let count = product(&rows, columns.as_ref());
        let row = if self.unnamed { "*".to_owned() } else { span(&rows) };
        let column = columns.as_ref().map_or(String::new(), span);
        let names = format!("{}{row}{}{column}", self.stem, self.infix);
        let (group, role) = self.owner.clone();
        (count > 0).then_some(Pods { action, group, role, names, count })
    }

    /// Those of this set that the other does not have.
    fn beyond(&self, action: Action, other: &Set<'_>) -> Vec<Pods> {
        let rows =
            [self.rows.start..self.rows.end.min(other.rows.start), self.rows.start.max(other.rows.end)..self.rows.end];
        let whole = rows.into_iter().filter_map(|rows| self.pods(action, rows, self.columns.clone()));
        let common = both(&self.rows, &other.rows);
        let columns = self
            .columns
            .iter()
            .zip(&other.columns)
            .flat_map(|(own, theirs)| [own.start..own.end.min(theirs.start), own.start.max(theirs.end)..own.end]);
        let parts = columns.filter_map(|columns| self.pods(action, common.clone(), Some(columns)));
        whole.chain(parts).collect()
    }
}

fn both(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn product(rows: &Range<u64>, columns: Option<&Range<u64>>) -> u64 {
    length(rows).saturating_mul(columns.map_or(1, length))
}

/// `3`, or `[0-3]`.
fn span(range: &Range<u64>) -> String {
    match length(range) {
        1 => range.start.to_string(),
        _ => format!("[{}-{}]", range.start, range.end.saturating_sub(1)),
    }
}

/// The pods of an object that come, go or restart; `again` when the object is deleted first.
pub(super) fn changes(old: &[Set<'_>], new: &[Set<'_>], again: bool) -> Vec<Pods> {
    let mut found = Vec::new();
    for set in old {
        match new.iter().find(|other| other.part == set.part) {
            Some(other) if other.stem == set.stem && other.unnamed == set.unnamed => {
                let from = if again && set.scaled != Scaled::Scaler { Some(0) } else { other.partition };
                if let Some(from) = from.filter(|_| again || set.template != other.template) {
                    let rows = both(&set.rows, &other.rows);
                    let rows = rows.start.max(from)..rows.end;
                    let columns = set.columns.as_ref().zip(other.columns.as_ref()).map(|(a, b)| both(a, b));
                    found.extend(other.pods(Action::Restart, rows, columns));
                }
                if (set.scaled, other.scaled) != (Scaled::ByAnother, Scaled::ByAnother) {
                    found.extend(other.beyond(Action::Create, set));
                    found.extend(set.beyond(Action::Delete, other));
                }
            }
            _ if set.scaled == Scaled::Scaler => {}
            _ => found.extend(set.pods(Action::Delete, set.rows.clone(), set.columns.clone())),
        }
    }
    let known = |set: &&Set<'_>| old.iter().any(|other| other.part == set.part && other.stem == set.stem);
    let come = new.iter().filter(|set| !known(set) && set.scaled != Scaled::Scaler);
    found.extend(come.filter_map(|set| set.pods(Action::Create, set.rows.clone(), set.columns.clone())));
    found.sort_by_key(|pods| pods.action);
    found
}

/// Adds the pods of an object to their roles: all that stood before, and those that change.
pub(super) fn count(roles: &mut BTreeMap<(String, String), Role>, before: &[Set<'_>], changed: &[Pods]) {
    let mut of = |group: &Option<String>, role: &Option<String>, add: &dyn Fn(&mut Role)| {
        let Some((group, role)) = group.clone().zip(role.clone()) else { return };
        add(roles.entry((group.clone(), role.clone())).or_insert_with(|| Role::new(group, role)));
    };
    for set in before {
        of(&set.owner.0, &set.owner.1, &|role| role.before = role.before.saturating_add(set.count()));
    }
    for pods in changed {
        of(&pods.group, &pods.role, &|role| {
            let sum = match pods.action {
                Action::Restart => &mut role.restart,
                Action::Create => &mut role.create,
                Action::Delete => &mut role.delete,
            };
            *sum = sum.saturating_add(pods.count);
        });
    }
}
