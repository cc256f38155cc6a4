//! RoleBasedGroups: patterns, what the controller is left to do, and what is worked around.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::check::{
    Amount, CoordinatedRollout, CoordinatedScaling, Coordination, EngineRuntime, Form, Group, PartKind, Progression,
    Recovery, Role, Share,
};
use crate::fit::gang::GangScheduler;
use crate::kinds::Target;
use crate::place::{Clause, ClauseKind};
use crate::plan::plan;
use crate::plan::testing::{self, HERE, after, elastic, gang, group, require, role, service};
use crate::rollout::Schedule;
use crate::target::testing::checked;
use crate::target::{lower, pod_names};

/// The objects of a group by kind and name.
fn objects(mut group: Group, clauses: Vec<Clause>, scheduler: Option<GangScheduler>) -> BTreeMap<String, Value> {
    let several = group.roles.iter_mut().filter(|role| role.multi_pod());
    several.for_each(|role| role.form = Form::InstanceSet);
    let mut fitted = testing::fit(vec![group], vec![clauses]);
    fitted.target = Target::Rbg;
    fitted.gang = scheduler;
    let inventory = testing::inventory(4, 4);
    let plan = plan(&fitted, &inventory, &testing::place(&fitted, &inventory));
    let objects = lower(&plan).into_iter();
    objects.map(|object| (format!("{}/{}", object.kind, object.name), checked(&object.body))).collect()
}

/// The first role of the RoleBasedGroup.
fn first(group: Group, clauses: Vec<Clause>) -> Value {
    let name = format!("RoleBasedGroup/{}", group.name);
    objects(group, clauses, None)[&name]["spec"]["roles"][0].clone()
}

#[test]
fn leaders_and_workers_share_a_template() {
    let role = first(group("g", vec![gang("prefill", 2, 3)]), vec![]);
    let pattern = &role["leaderWorkerPattern"];
    assert_eq!((&role["replicas"], &pattern["size"]), (&json!(2), &json!(3)));
    assert_eq!(pattern["sharedServiceSelection"], "All");
    let main = &pattern["template"]["spec"]["containers"][0];
    assert_eq!(main["readinessProbe"], Value::Null);
    let leader = &pattern["leaderTemplatePatch"]["spec"]["containers"][0];
    assert_eq!((&leader["name"], &leader["readinessProbe"]["httpGet"]["path"]), (&json!("prefill"), &json!("/health")));
    assert_eq!(pattern["workerTemplatePatch"], Value::Null);
    let policy = json!({ "type": "RecreateRoleInstanceOnPodRestart", "baseDelaySeconds": 30, "maxDelaySeconds": 600 });
    assert_eq!(pattern["restartPolicyConfig"], policy);
}

#[test]
fn the_controller_gives_variables_to_all_but_init_containers() {
    let mut source = gang("prefill", 1, 2);
    for part in &mut source.parts {
        part.pod.inits = vec![testing::container("warm")];
    }
    let role = first(group("g", vec![source]), vec![]);
    let spec = &role["leaderWorkerPattern"]["template"]["spec"];
    let names = |container: &Value| -> Vec<String> {
        let env = container["env"].as_array().cloned().unwrap_or_default();
        env.iter().filter_map(|e| e["name"].as_str().map(String::from)).collect()
    };
    assert_eq!(names(&spec["containers"][0]), ["RBG_POD_IP"]);
    let leader = &role["leaderWorkerPattern"]["leaderTemplatePatch"]["spec"]["initContainers"][0];
    let all = [names(&spec["initContainers"][0]), names(leader)].concat();
    for name in ["RBG_GROUP_NAME", "RBG_ROLE_INDEX", "RBG_LWP_LEADER_ADDRESS", "RBG_LWP_WORKER_INDEX"] {
        assert!(all.contains(&name.to_owned()), "{name} is not in {all:?}");
    }
}

#[test]
fn components_start_in_order_and_know_their_leader() {
    let mut source = gang("engine", 1, 3);
    source.parts[0].kind = PartKind::Component("master".into());
    source.parts[1].kind = PartKind::Component("shard".into());
    source.parts[1].after = vec![0];
    let role = first(group("g", vec![source]), vec![]);
    let components = &role["customComponentsPattern"]["components"];
    assert_eq!((&components[0]["name"], &components[1]["size"]), (&json!("master"), &json!(2)));
    let order = &components[1]["annotations"]["rolebasedgroup.workloads.x-k8s.io/component-depends-on"];
    assert_eq!(order, r#"{"startAfter":["master"]}"#);
    let env = components[1]["template"]["spec"]["containers"][0]["env"].as_array().cloned().unwrap_or_default();
    let address =
        json!({ "name": "RBG_LWP_LEADER_ADDRESS", "value": "$(RBG_ROLE_INSTANCE_NAME)-master-0.s-g-engine.llm" });
    assert!(env.contains(&address), "{env:?}");
}

#[test]
fn pods_have_upstreams_names() {
    let mut several = gang("p", 2, 2);
    several.form = Form::InstanceSet;
    let mut parts = several.clone();
    parts.parts[0].kind = PartKind::Component("master".into());
    parts.parts[1].kind = PartKind::Component("shard".into());
    let group = group("g", vec![]);
    let names = |role: Role| pod_names(Target::Rbg, &group, &role, 1);
    assert_eq!(names(several), ["g-p-1-0", "g-p-1-1"]);
    assert_eq!(names(parts), ["g-p-1-master-0", "g-p-1-shard-0"]);
    assert_eq!(names(role("r", Form::StatefulSet, 2)), ["g-r-1"]);
    assert_eq!(names(role("r", Form::Deployment, 2)), ["g-r-*"]);
}

#[test]
fn dependencies_are_the_controllers_and_gangs_are_not_made_of_them() {
    let role =
        |objects: &BTreeMap<String, Value>, index: usize| objects["RoleBasedGroup/pd"]["spec"]["roles"][index].clone();
    let gangs = "rbg.workloads.x-k8s.io/group-gang-scheduling";
    let found = objects(service("pd"), vec![], Some(GangScheduler::Volcano));
    assert_eq!(role(&found, 2)["dependencies"], json!(["prefill", "decode"]));
    assert_eq!(role(&found, 2)["annotations"], json!({ "rbg.workloads.x-k8s.io/role-instance-pattern": "Stateless" }));
    assert_eq!(found["RoleBasedGroup/pd"]["metadata"]["annotations"][gangs], Value::Null);
    let mut together = service("pd");
    together.roles[2].after.clear();
    let found = objects(together, vec![], Some(GangScheduler::Volcano));
    assert_eq!(found["RoleBasedGroup/pd"]["metadata"]["annotations"][gangs], "true");
    assert_eq!(role(&found, 0)["leaderWorkerPattern"]["template"]["spec"]["schedulerName"], "volcano");
}

#[test]
fn instances_are_kept_together_by_their_own_label() {
    let clause = vec![require(ClauseKind::Instances { role: 0, level: 2 })];
    let role = first(group("g", vec![gang("p", 2, 2)]), clause);
    let term = |patch: &str| {
        let affinity = &role["leaderWorkerPattern"][patch]["spec"]["affinity"]["podAffinity"];
        affinity["requiredDuringSchedulingIgnoredDuringExecution"][0].clone()
    };
    let (leader, worker) = (term("leaderTemplatePatch"), term("workerTemplatePatch"));
    assert_eq!(leader["matchLabelKeys"], json!(["rbg.workloads.x-k8s.io/role-instance-name"]));
    let component = "rbg.workloads.x-k8s.io/component-name";
    assert_eq!(leader["labelSelector"]["matchLabels"][component], Value::Null);
    assert_eq!(worker["labelSelector"]["matchLabels"][component], "leader");
    let text = role.to_string();
    assert!(
        !text.contains("x/rack\",\"operator\"") && !text.contains("gpu-00"),
        "a shared template names no place: {text}"
    );
}

#[test]
fn a_spread_counts_leaders() {
    let spread = vec![require(ClauseKind::Spread { role: 0, level: 2, max_skew: Some(1), at_least: None })];
    let role = first(group("g", vec![gang("p", 2, 2)]), spread);
    let constraint = |patch: &str| role["leaderWorkerPattern"][patch]["spec"]["topologySpreadConstraints"].clone();
    assert_eq!(constraint("workerTemplatePatch"), Value::Null);
    let labels = &constraint("leaderTemplatePatch")[0]["labelSelector"]["matchLabels"];
    assert_eq!(labels["rbg.workloads.x-k8s.io/component-name"], "leader");
}

#[test]
fn an_autoscaler_scales_the_adapter() {
    let found = objects(group("g", vec![elastic("embed", 2, 4)]), vec![], None);
    let role = &found["RoleBasedGroup/g"]["spec"]["roles"][0];
    assert_eq!((&role["replicas"], &role["scalingAdapter"]), (&Value::Null, &json!({ "enable": true })));
    let target = &found["HorizontalPodAutoscaler/g-embed"]["spec"]["scaleTargetRef"];
    let adapter = json!({
        "apiVersion": "workloads.x-k8s.io/v1alpha2",
        "kind": "RoleBasedGroupScalingAdapter",
        "name": "g-embed",
    });
    assert_eq!(*target, adapter);
}

#[test]
fn a_budget_counts_the_pods_that_stay() {
    let found = objects(group("g", vec![gang("p", 2, 3)]), vec![], None);
    assert_eq!(found["PodDisruptionBudget/g-p"]["spec"]["minAvailable"], 5);
    assert!(!found.contains_key("Service/s-g-p"), "the headless Service is the controller's");
    assert!(found.contains_key("Service/g-p"));
}

#[test]
fn the_discovery_file_is_ours_where_the_controllers_is_wrong() {
    let several = objects(group("g", vec![gang("p", 1, 2)]), vec![], None);
    let file = several["ConfigMap/g-discovery"]["data"]["config.yaml"].to_string();
    assert!(file.contains("g-p-0-0.s-g-p") && file.contains("g-p-0-1.s-g-p"), "{file}");
    let single = objects(group("g", vec![role("r", Form::StatefulSet, 2)]), vec![], None);
    assert!(!single.keys().any(|name| name.starts_with("ConfigMap/")), "{:?}", single.keys());
}

#[test]
fn files_that_restart_pods_make_new_ones() {
    let plain = first(group("g", vec![role("r", Form::StatefulSet, 2)]), vec![]);
    assert_eq!(plain["rolloutStrategy"]["rollingUpdate"]["type"], "InPlaceIfPossible");
    let mut source = role("r", Form::StatefulSet, 2);
    let file = |restart| crate::check::File {
        path: "/etc/app/a.conf".into(),
        key: "a.conf".into(),
        text: "a".into(),
        mode: None,
        restart,
    };
    source.parts[0].pod.files = vec![file(true)];
    let role = first(group("g", vec![source]), vec![]);
    assert_eq!(role["rolloutStrategy"]["rollingUpdate"]["type"], "RecreatePod");
}

#[test]
fn a_policy_has_the_groups_name_and_a_progression() {
    let share = Share { millionths: 500_000 };
    let max_unavailable = Some(Amount::Count(1));
    let schedule = Schedule::of(&[]);
    let rollout = CoordinatedRollout { max_skew: Some(share), max_unavailable, schedule, span: HERE };
    let scale = CoordinatedScaling { max_skew: Some(share), order: Progression::Ready, span: HERE };
    let decode = Role { recover: Some((Recovery::Pod, HERE)), ..gang("decode", 4, 2) };
    let mut source = group("g", vec![gang("prefill", 2, 2), decode]);
    source.coordinations = vec![Coordination {
        roles: vec![(0, 1), (1, 2)],
        ratio: None,
        rollout: Some(rollout),
        scale: Some(scale),
        recover: Some((Recovery::Pod, HERE)),
        span: HERE,
    }];
    let found = objects(source, vec![], None);
    let rule = json!({
        "name": "prefill-decode",
        "roles": ["prefill", "decode"],
        "strategy": {
            "rollingUpdate": { "maxSkew": "50%", "maxUnavailable": 1 },
            "scaling": { "maxSkew": "50%", "progression": "OrderReady" },
        },
    });
    assert_eq!(found["CoordinatedPolicy/g"]["spec"]["policies"], json!([rule]));
    let pattern = &found["RoleBasedGroup/g"]["spec"]["roles"][1]["leaderWorkerPattern"];
    assert_eq!(pattern["restartPolicyConfig"]["type"], "None");
}

#[test]
fn a_role_of_another_group_is_no_dependency() {
    let mut source = group("g", vec![role("r", Form::Deployment, 1)]);
    source.roles[0].after = vec![after(1, 0)];
    let mut fitted = testing::fit(vec![source, group("h", vec![role("s", Form::Deployment, 1)])], vec![]);
    (fitted.target, fitted.group_stages) = (Target::Rbg, Some(vec![1, 0]));
    let inventory = testing::inventory(1, 4);
    let plan = plan(&fitted, &inventory, &testing::place(&fitted, &inventory));
    let objects = lower(&plan);
    let group = objects.iter().find(|o| o.kind == "RoleBasedGroup" && o.name == "g").expect("a group");
    assert_eq!(group.stage, crate::target::Stage::Run(1, 0));
    assert!(!checked(&group.body).to_string().contains("dependencies"));
}

#[test]
fn scaling_touches_no_template() {
    let scaled = |replicas: u32| {
        let clauses = vec![require(ClauseKind::Instances { role: 0, level: 2 })];
        let mut role = first(group("g", vec![gang("p", replicas, 2)]), clauses);
        assert_eq!(role["replicas"], replicas);
        role["replicas"] = Value::Null;
        role
    };
    assert_eq!(scaled(1), scaled(3));
}

#[test]
fn profiles_of_the_cluster_are_named() {
    let mut group = service("pd");
    let runtime = EngineRuntime {
        profile: "patio".into(),
        container: Some("agent".into()),
        args: vec!["--debug".into()],
        env: BTreeMap::from([("LEVEL".into(), "1".into())]),
        span: HERE,
    };
    let bare = EngineRuntime { container: None, args: Vec::new(), env: BTreeMap::new(), ..runtime.clone() };
    group.roles[0].engine_runtimes = vec![runtime, bare];
    let found = objects(group, vec![], None);
    let roles = &found["RoleBasedGroup/pd"]["spec"]["roles"];
    let agent = json!({ "name": "agent", "args": ["--debug"], "env": [{ "name": "LEVEL", "value": "1" }] });
    let named = json!([{ "profileName": "patio", "containers": [agent] }, { "profileName": "patio" }]);
    assert_eq!(roles[0]["engineRuntimes"], named);
    assert_eq!(roles[1]["engineRuntimes"], Value::Null);
}
