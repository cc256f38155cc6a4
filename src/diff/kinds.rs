//! What the API servers refuse to change of each kind.
//!
//! | kind | frozen | source |
//! |---|---|---|
//! | StatefulSet | `spec` but for seven fields | `pkg/apis/apps/validation`, `ValidateStatefulSetUpdate` |
//! | Deployment | the selector | the same file, `ValidateDeploymentUpdate` |
//! | Job | `spec` but for what bounds and pauses it | `pkg/apis/batch/validation`, `ValidateJobSpecUpdate` |
//! | Service | a cluster IP, also none; the first family | `pkg/apis/core/validation`, `ValidateServiceUpdate` |
//! | ConfigMap, Secret | the data when `immutable`, and that word; the type of a Secret | `ValidateConfigMapUpdate`, `ValidateSecretUpdate` |
//! | PersistentVolumeClaim | `spec` but for size and attributes class | `ValidatePersistentVolumeClaimUpdate` |
//! | RoleBinding, ClusterRoleBinding | `roleRef` | `pkg/apis/rbac/validation`, `ValidateRoleBindingUpdate` |
//! | ComputeDomain | `spec` | the rule `self == oldSelf` of its definition in the DRA driver |
//! | LeaderWorkerSet | the size of subgroups; the claims, which its StatefulSet takes over | `pkg/webhooks/leaderworkerset_webhook.go`, `pkg/controllers` |
//!
//! Everything else is changed in place. So are RoleBasedGroups, of which the controller compares
//! revisions and checks no field against what it was, autoscalers, policies, budgets, Ingresses,
//! HTTPRoutes, ReferenceGrants, InferencePools and PodMonitors.

use serde_json::Value;

use super::objects::Id;

/// The fields of a kind that are frozen.
enum Frozen {
    /// These, by JSON pointer.
    Fields(&'static [&'static str]),
    /// All of `spec` but these.
    SpecBut(&'static [&'static str]),
}

const STATEFUL_SET: Frozen = Frozen::SpecBut(&[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
]);

const JOB: Frozen = Frozen::SpecBut(&[
    "activeDeadlineSeconds",
    "backoffLimit",
    "parallelism",
    "podReplacementPolicy",
    "suspend",
    "ttlSecondsAfterFinished",
]);

const LEADER_WORKER_SET: Frozen = Frozen::Fields(&[
    "/spec/leaderWorkerTemplate/subGroupPolicy/subGroupSize",
    "/spec/leaderWorkerTemplate/volumeClaimTemplates",
]);

const DATA: Frozen = Frozen::Fields(&["/immutable", "/data", "/binaryData", "/stringData"]);

/// The fields of an object that differ and cannot be changed, as paths.
pub(super) fn immutable(id: &Id, old: &Value, new: &Value) -> Vec<String> {
    let frozen: &[Frozen] = match (id.api.as_str(), id.kind.as_str()) {
        ("apps", "StatefulSet") => &[STATEFUL_SET],
        ("apps", "Deployment" | "DaemonSet") => &[Frozen::Fields(&["/spec/selector"])],
        ("batch", "Job") => &[JOB],
        ("", "Service") => &[Frozen::Fields(&["/spec/clusterIP", "/spec/clusterIPs", "/spec/ipFamilies/0"])],
        ("", "PersistentVolumeClaim") => &[Frozen::SpecBut(&["resources", "volumeAttributesClassName"])],
        ("", "ConfigMap") if is_immutable(old) => &[DATA],
        ("", "Secret") if is_immutable(old) => &[Frozen::Fields(&["/type"]), DATA],
        ("", "Secret") => &[Frozen::Fields(&["/type"])],
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &[Frozen::Fields(&["/roleRef"])],
        ("resource.nvidia.com", "ComputeDomain") => &[Frozen::SpecBut(&[])],
        ("leaderworkerset.x-k8s.io", "LeaderWorkerSet") => &[LEADER_WORKER_SET],
        _ => &[],
    };
    frozen.iter().flat_map(|frozen| touched(frozen, old, new)).collect()
}

fn is_immutable(object: &Value) -> bool {
    object.get("immutable") == Some(&Value::Bool(true))
}

fn touched(frozen: &Frozen, old: &Value, new: &Value) -> Vec<String> {
    match frozen {
        Frozen::Fields(pointers) => {
            let differ = |pointer: &&&str| old.pointer(pointer) != new.pointer(pointer);
            let path = |pointer: &&str| pointer.trim_start_matches('/').replace('/', ".");
            pointers.iter().filter(differ).map(path).collect()
        }
        Frozen::SpecBut(free) => {
            let keys = |value: &Value| -> Vec<String> {
                value.get("spec").and_then(Value::as_object).into_iter().flat_map(|spec| spec.keys().cloned()).collect()
            };
            let field = |value: &Value, key: &str| value.get("spec").and_then(|spec| spec.get(key)).cloned();
            let mut keys: Vec<String> = keys(old).into_iter().chain(keys(new)).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.retain(|key| !free.contains(&key.as_str()) && field(old, key) != field(new, key));
            keys.iter().map(|key| format!("spec.{key}")).collect()
        }
    }
}
