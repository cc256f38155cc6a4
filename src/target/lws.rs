//! LeaderWorkerSets (`leaderworkerset.x-k8s.io/v1`, 0.7 or later): the leaders and workers of one
//! instance, or of all.
//!
//! What the controller makes of one (`pkg/controllers`, `pkg/webhooks` of kubernetes-sigs/lws): the
//! pods `<name>-<i>` (leaders) and `<name>-<i>-<rank>` (workers), a headless Service of its own name
//! by which they are addressed, and the variables `LWS_LEADER_ADDRESS`, `LWS_GROUP_SIZE` and
//! `LWS_WORKER_INDEX` before all others of every container, so that ours can name them.

use super::Object;
use super::native::{Workload, claim};
use crate::check::Recovery;
use crate::data::Map;
use crate::fit::target::lws::CAPABILITY;

/// Their kind, of the API [`CAPABILITY`].
pub const KIND: &str = "LeaderWorkerSet";

/// The label of a pod that holds the number of its instance.
pub const GROUP_INDEX_LABEL: &str = "leaderworkerset.sigs.k8s.io/group-index";
/// The same as the path of a field.
pub const GROUP_INDEX: &str = "metadata.labels['leaderworkerset.sigs.k8s.io/group-index']";
/// The address of the leader, as the controller tells it.
pub const LEADER_ADDRESS: &str = "$(LWS_LEADER_ADDRESS)";
/// The rank of the pod, as the controller tells it.
pub const WORKER_INDEX: &str = "$(LWS_WORKER_INDEX)";

/// The LeaderWorkerSet of the unit that a leader belongs to.
pub(super) fn object(leader: &Workload<'_, '_>) -> Object {
    let source = leader.role.source;
    let mut spec = Map::new();
    // What an autoscaler owns is not written; an instance of its own is one group.
    spec.set_some("replicas", leader.unit.instance.map(|_| 1))
        .set("startupPolicy", "LeaderCreated")
        .set("rolloutStrategy", rollout())
        .set("networkConfig", Map::new().with("subdomainPolicy", "Shared"));
    let claims = leader.part.template.claims.iter().map(claim).collect::<Vec<_>>();
    let mut template = Map::new()
        .with("size", source.pods())
        .with("restartPolicy", restart(source.recover.map(|(recover, _)| recover)))
        .with("leaderTemplate", leader.template());
    let workers = (1..leader.role.parts.len()).map(|index| leader.sibling(index));
    workers.for_each(|worker| {
        template.set("workerTemplate", worker.template());
    });
    spec.set("leaderWorkerTemplate", template.full("volumeClaimTemplates", claims));
    leader.named(CAPABILITY, KIND, spec, &leader.unit.sites)
}

/// One instance at a time, in place: there is no room for another beside it.
fn rollout() -> Map {
    let rolling = Map::new().with("partition", 0).with("maxUnavailable", 1).with("maxSurge", 0);
    Map::new().with("type", "RollingUpdate").with("rollingUpdateConfiguration", rolling)
}

/// What restarts with a pod. An instance of several pods is of no use without one of them, so all
/// of them do, as the controller has it, unless the source says otherwise.
fn restart(recover: Option<Recovery>) -> &'static str {
    match recover {
        Some(Recovery::Pod) => "None",
        // `fit` refused the wider ones.
        None | Some(Recovery::Instance | Recovery::Role | Recovery::Group) => "RecreateGroupOnPodRestart",
    }
}
