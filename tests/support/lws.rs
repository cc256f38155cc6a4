//! What the controller of LeaderWorkerSets makes of one, told after its source: `pkg/controllers`
//! and `pkg/webhooks` of kubernetes-sigs/lws.

use serde_yaml::{Mapping, Value};

use super::tree::{Object, at};

/// The StatefulSet of the leaders, one for the workers of each, and the headless Service that all
/// of them name. `replicas` is what an autoscaler sets, where there is one.
pub fn made(set: &Object, replicas: Option<u64>) -> Vec<Object> {
    let template = |field| at(&set.value, &["spec", "leaderWorkerTemplate", field]).cloned().unwrap_or_default();
    let size = template("size").as_u64().unwrap_or(1);
    let replicas = replicas.unwrap_or(set.replicas());
    let leaders =
        stateful_set(set, set.name(), (0, replicas), labelled(template("leaderTemplate"), "worker-index", "0"));
    let workers = (0..replicas).map(|group| {
        let template = labelled(template("workerTemplate"), "group-index", &group.to_string());
        stateful_set(set, &format!("{}-{group}", set.name()), (1, size - 1), template)
    });
    let selector = map([("leaderworkerset.sigs.k8s.io/name", set.name().into())]);
    let service = object(set, "Service", set.name(), map([("clusterIP", "None".into()), ("selector", selector)]));
    [service, leaders].into_iter().chain(workers).collect()
}

fn stateful_set(set: &Object, name: &str, (first, replicas): (u64, u64), template: Value) -> Object {
    let template = labelled(template, "name", set.name());
    let spec = [
        ("serviceName", set.name().into()),
        ("replicas", replicas.into()),
        ("ordinals", map([("start", first.into())])),
        ("template", template),
    ];
    object(set, "StatefulSet", name, map(spec))
}

/// The controller copies the labels and annotations of the LeaderWorkerSet.
fn object(set: &Object, kind: &str, name: &str, spec: Value) -> Object {
    let mut metadata = at(&set.value, &["metadata"]).cloned().unwrap_or_default();
    metadata["name"] = name.into();
    let value = map([("kind", kind.into()), ("metadata", metadata), ("spec", spec)]);
    Object { path: set.path.clone(), value }
}

fn labelled(mut template: Value, key: &str, value: &str) -> Value {
    template["metadata"]["labels"][format!("leaderworkerset.sigs.k8s.io/{key}").as_str()] = value.into();
    template
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<Mapping>())
}
