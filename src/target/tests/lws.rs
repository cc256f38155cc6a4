//! LeaderWorkerSets: their objects, what their pods know, and by which names they are known.

use serde_json::{Value, json};

use crate::check::{Form, Part, Recovery, Replicas, Role, Volume, VolumeKind};
use crate::plan::testing::{self, gang, group};
use crate::quantity::Quantity;
use crate::target::testing::{env_of, tree};

fn set(name: &str, replicas: u32, pods: u32) -> Role {
    Role { form: Form::LeaderWorkerSet, ..gang(name, replicas, pods) }
}

/// A role whose number of instances an autoscaler owns.
fn elastic(min: u32, max: u32) -> Role {
    let autoscale = testing::elastic("decode", min, max).autoscale;
    Role { replicas: Replicas { min, max }, autoscale, ..set("decode", min, 3) }
}

fn template<'o>(object: &'o Value, part: &str) -> &'o Value {
    &object["spec"]["leaderWorkerTemplate"][part]
}

#[test]
fn an_instance_is_an_object() {
    let tree = tree(vec![group("g", vec![set("prefill", 2, 2)])], Vec::new());
    let sets: Vec<&String> = tree.keys().filter(|path| path.contains("set-")).collect();
    assert_eq!(sets, ["g/prefill/leaderworkerset-g-prefill-0", "g/prefill/leaderworkerset-g-prefill-1"]);
    let object = &tree[sets[1]];
    let spec = &object["spec"];
    assert_eq!((&spec["replicas"], &spec["leaderWorkerTemplate"]["size"]), (&json!(1), &json!(2)));
    assert_eq!(spec["leaderWorkerTemplate"]["restartPolicy"], "RecreateGroupOnPodRestart");
    assert_eq!(object["metadata"]["annotations"]["rbgc.dev/plan"], "gpu-0002,gpu-0003");
    for part in ["leader", "worker"] {
        let labels = &template(object, &format!("{part}Template"))["metadata"]["labels"];
        assert_eq!(labels["rbg.workloads.x-k8s.io/component-name"], part);
        assert_eq!(labels["rbg.workloads.x-k8s.io/role-instance-name"], "g-prefill-1");
    }
}

#[test]
fn the_controller_tells_rank_and_leader() {
    let tree = tree(vec![group("g", vec![set("prefill", 2, 2)])], Vec::new());
    let object = &tree["g/prefill/leaderworkerset-g-prefill-1"];
    let told = |part: &str| -> Vec<String> {
        let env = env_of(&template(object, part)["spec"]).into_iter();
        env.filter(|(name, _)| name.contains("_LWP_") || name.contains("_INDEX"))
            .map(|(n, v)| format!("{n}={v}"))
            .collect()
    };
    assert_eq!(
        told("workerTemplate"),
        [
            "RBG_ROLE_INDEX=1",
            "RBG_LWP_LEADER_ADDRESS=$(LWS_LEADER_ADDRESS)",
            "RBG_LWP_WORKER_INDEX=$(LWS_WORKER_INDEX)",
            "RBG_LWP_GROUP_SIZE=2",
        ]
    );
    assert_eq!(told("leaderTemplate")[..2], ["RBG_COMPONENT_INDEX=0", "RBG_ROLE_INDEX=1"]);
    assert!(told("leaderTemplate").contains(&"RBG_LWP_WORKER_INDEX=0".into()));
}

#[test]
fn an_autoscaler_owns_one_object_for_all() {
    let tree = tree(vec![group("g", vec![elastic(1, 4)])], Vec::new());
    let object = &tree["g/decode/leaderworkerset-s-g-decode"];
    assert_eq!(object["spec"]["replicas"], Value::Null);
    let target = &tree["g/decode/horizontalpodautoscaler-g-decode"]["spec"]["scaleTargetRef"];
    let expected =
        json!({"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "s-g-decode"});
    assert_eq!(target, &expected);
    let env = env_of(&template(object, "workerTemplate")["spec"]);
    let value = |name: &str| env.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value);
    assert_eq!(value("RBG_ROLE_INDEX"), "<metadata.labels['leaderworkerset.sigs.k8s.io/group-index']>");
    assert_eq!(value("RBG_ROLE_INSTANCE_NAME"), "g-decode-$(RBG_ROLE_INDEX)");
    let place = |name: &str| env.iter().position(|(n, _)| n == name);
    assert!(place("RBG_ROLE_INDEX") < place("RBG_ROLE_INSTANCE_NAME"), "a variable can name those before it only");
}

#[test]
fn addresses_are_those_of_the_controller() {
    let file = |role| {
        let tree = tree(vec![group("g", vec![role])], Vec::new());
        let text = tree["g/base/configmap-g"]["data"]["config.yaml"].as_str().unwrap().to_owned();
        let addresses = text.lines().filter_map(|line| Some(line.split_once("- address: ")?.1.to_owned()));
        addresses.collect::<Vec<_>>()
    };
    assert_eq!(file(set("a", 2, 2)), ["g-a-0-0.g-a-0", "g-a-0-0-1.g-a-0", "g-a-1-0.g-a-1", "g-a-1-0-1.g-a-1"]);
    let all = ["0", "0-1", "0-2", "1", "1-1", "1-2"].map(|pod| format!("s-g-decode-{pod}.s-g-decode"));
    assert_eq!(file(elastic(2, 4)), all);
}

#[test]
fn the_source_says_who_restarts() {
    for (recover, policy) in [(Recovery::Pod, "None"), (Recovery::Instance, "RecreateGroupOnPodRestart")] {
        let role = Role { recover: Some((recover, testing::HERE)), ..set("a", 1, 2) };
        let tree = tree(vec![group("g", vec![role])], Vec::new());
        assert_eq!(tree["g/a/leaderworkerset-g-a-0"]["spec"]["leaderWorkerTemplate"]["restartPolicy"], policy);
    }
}

#[test]
fn claims_are_of_all_pods() {
    let mut role = set("a", 1, 2);
    let kind = VolumeKind::Template { size: Quantity::bytes(1 << 30), class: None, access: "ReadWriteOnce" };
    let volume = Volume { name: "scratch".into(), kind, span: testing::HERE };
    role.parts.iter_mut().for_each(|part: &mut Part| part.pod.volumes.push(volume.clone()));
    let tree = tree(vec![group("g", vec![role])], Vec::new());
    let claims = &tree["g/a/leaderworkerset-g-a-0"]["spec"]["leaderWorkerTemplate"]["volumeClaimTemplates"];
    assert_eq!(claims.as_array().map(Vec::len), Some(1));
    assert_eq!(claims[0]["metadata"]["name"], "scratch");
}
