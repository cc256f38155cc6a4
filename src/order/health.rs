//! When custom resources are healthy. Neither engine knows: a wave or Kustomization with one of them
//! counts as done as soon as it is applied, unless it is told.
//!
//! Sources: LeaderWorkerSet `api/leaderworkerset/v1`, RoleBasedGroup `api/workloads/v1alpha2`; how
//! the engines judge: gitops-engine `pkg/sync/sync_context.go`, cli-utils `pkg/kstatus/status`.

use crate::data::Map;

/// How the health of a kind is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Health {
    /// The kind.
    pub kind: &'static str,
    /// Its API group.
    pub group: &'static str,
    /// For Argo CD: a script in Lua; `None` where it brings its own.
    pub script: Option<&'static str>,
    /// For Flux: an expression in CEL that is true while the object is on its way.
    in_progress: Option<&'static str>,
    /// For Flux: an expression in CEL that is true when the object is ready. It says that some
    /// condition exists, because what is said of all conditions holds while there are none.
    current: &'static str,
}

/// All kinds that need it.
pub const ALL: [Health; 3] = [
    Health {
        kind: "LeaderWorkerSet",
        group: "leaderworkerset.x-k8s.io",
        script: Some(include_str!("health/leaderworkerset.lua")),
        in_progress: Some(include_str!("health/leaderworkerset.in-progress.cel")),
        current: include_str!("health/leaderworkerset.current.cel"),
    },
    Health {
        kind: "RoleBasedGroup",
        group: "workloads.x-k8s.io",
        script: Some(include_str!("health/rolebasedgroup.lua")),
        in_progress: None,
        current: include_str!("health/rolebasedgroup.current.cel"),
    },
    // Its condition `Ready` is false while Prometheus does not answer. As with any autoscaler nobody
    // waits for that: those who come after the role may be what is measured.
    Health { kind: "ScaledObject", group: "keda.sh", script: None, in_progress: None, current: "true" },
];

/// What must be told about objects of an API group and kind.
pub fn of(group: &str, kind: &str) -> Option<&'static Health> {
    ALL.iter().find(|health| health.group == group && health.kind == kind)
}

impl Health {
    /// An element of `healthCheckExprs` of a Kustomization.
    pub fn expression(&self, api_version: &str) -> Map {
        let mut map = Map::new().with("apiVersion", api_version.to_owned()).with("kind", self.kind);
        map.set_some("inProgress", self.in_progress.map(str::trim_end));
        map.with("current", self.current.trim_end())
    }

    /// The key of the script in the ConfigMap `argocd-cm`.
    pub fn key(&self) -> String {
        format!("resource.customizations.health.{}_{}", self.group, self.kind)
    }
}
