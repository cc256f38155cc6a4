//! LeaderWorkerSets: what their controller and an autoscaler do beside what StatefulSets have as well.
//! `pkg/controllers` of kubernetes-sigs/lws.

use serde_yaml::Value;

use super::cluster::{Cluster, Pod};
use crate::scheduler::dice::Dice;
use crate::support::tree::{Object, at};

/// Their kind.
pub const KIND: &str = "LeaderWorkerSet";

/// Autoscalers set the replicas of the LeaderWorkerSets that leave them to one.
pub fn scale(cluster: &mut Cluster) {
    let target = |object: &Object| {
        let of = |field: &str| object.text(&["spec", "scaleTargetRef", field]).to_owned();
        let least = at(&object.value, &["spec", "minReplicas"])?.as_u64()?;
        Some(((of("kind"), object.namespace().to_owned(), of("name")), least as usize))
    };
    let scalers = cluster.objects.values().map(|live| &live.object);
    let scalers = scalers.filter(|object| object.kind() == "HorizontalPodAutoscaler");
    for (key, least) in scalers.filter_map(target).filter(|(key, _)| key.0 == KIND).collect::<Vec<_>>() {
        if let Some(live) = cluster.objects.get_mut(&key) {
            live.scaled = Some(least);
        }
    }
}

/// Lets the pods of an instance start: the leader, then its workers. Until all are ready, one may
/// fail, with which all start anew unless the object says that it is to start alone.
pub fn progress(object: &Object, instance: &mut Pod, dice: &mut Dice) {
    let size =
        at(&object.value, &["spec", "leaderWorkerTemplate", "size"]).and_then(Value::as_u64).unwrap_or(1) as usize;
    if instance.ready {
        return;
    }
    if instance.members.is_empty() {
        instance.members.push(false);
    } else if dice.below(12) == 0 {
        let alone = object.text(&["spec", "leaderWorkerTemplate", "restartPolicy"]) == "None";
        let failed = dice.below(instance.members.len());
        if alone { instance.members[failed] = false } else { instance.members.clear() }
    } else {
        instance.members.iter_mut().for_each(|ready| *ready |= dice.below(3) == 0);
        instance.members.resize(size, false);
    }
    instance.ready = instance.members.len() == size && instance.members.iter().all(|ready| *ready);
}
