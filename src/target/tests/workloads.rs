//! Forms: which workloads a role becomes, and how they are updated.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::super::testing::{env, pod_spec, tree, tree_on};
use super::{alone, yaml};
use crate::check::*;
use crate::plan::testing::*;
use crate::quantity::Quantity;

#[track_caller]
fn show_env(object: &Value) -> String {
    env(object).iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

#[test]
fn a_leader_and_workers_are_two_stateful_sets() {
    let tree = tree(vec![group("g", vec![gang("prefill", 1, 3)])], vec![]);
    let leader = &tree["g/prefill/statefulset-g-prefill-0"];
    let workers = &tree["g/prefill/statefulset-g-prefill-0-workers"];
    assert_eq!(leader["spec"]["replicas"], 1);
    assert_eq!(workers["spec"]["replicas"], 2);
    assert_eq!(workers["spec"]["ordinals"]["start"], 1);
    assert_eq!(workers["spec"]["podManagementPolicy"], "Parallel");
    assert_eq!(workers["spec"]["serviceName"], "s-g-prefill");
    assert_eq!(workers["spec"]["updateStrategy"], json!({"type": "RollingUpdate"}));
    assert!(pod_spec(workers)["containers"][0].get("readinessProbe").is_none());
    assert_snapshot!(show_env(leader), @r"
    RBG_COMPONENT_INDEX = 0
    RBG_COMPONENT_NAME = leader
    RBG_GROUP_NAME = g
    RBG_ROLE_INDEX = 0
    RBG_ROLE_INSTANCE_NAME = g-prefill-0
    RBG_ROLE_NAME = prefill
    RBG_LWP_LEADER_ADDRESS = g-prefill-0-0.s-g-prefill.llm
    RBG_LWP_WORKER_INDEX = 0
    RBG_LWP_GROUP_SIZE = 3
    RBG_POD_IP = <status.podIP>
    ");
    assert_snapshot!(show_env(workers), @r"
    RBG_COMPONENT_NAME = worker
    RBG_GROUP_NAME = g
    RBG_ROLE_INDEX = 0
    RBG_ROLE_INSTANCE_NAME = g-prefill-0
    RBG_ROLE_NAME = prefill
    RBG_LWP_LEADER_ADDRESS = g-prefill-0-0.s-g-prefill.llm
    RBG_LWP_WORKER_INDEX = <metadata.labels['apps.kubernetes.io/pod-index']>
    RBG_LWP_GROUP_SIZE = 3
    RBG_POD_IP = <status.podIP>
    ");
    assert_snapshot!(yaml(&leader["spec"]["selector"]), @r"
    matchLabels:
      rbg.workloads.x-k8s.io/component-name: leader
      rbg.workloads.x-k8s.io/group-name: g
      rbg.workloads.x-k8s.io/role-instance-index: '0'
      rbg.workloads.x-k8s.io/role-name: prefill
    ");
}

#[test]
fn workers_are_replaced_together_where_kubernetes_can() {
    let mut inventory = inventory(1, 4);
    inventory.kubernetes = (1, 35);
    let tree = tree_on(&inventory, vec![group("g", vec![gang("p", 1, 4)])], vec![]);
    let strategy = &tree["g/p/statefulset-g-p-0-workers"]["spec"]["updateStrategy"];
    assert_eq!(*strategy, json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}));
}

#[test]
fn components_are_a_stateful_set_each() {
    let tree = tree(vec![group("g", vec![assembly("store")])], vec![]);
    let shard = &tree["g/store/statefulset-g-store-0-shard"];
    assert_eq!(shard["spec"]["replicas"], 2);
    assert_snapshot!(show_env(shard), @r"
    RBG_COMPONENT_INDEX = <metadata.labels['apps.kubernetes.io/pod-index']>
    RBG_COMPONENT_NAME = shard
    RBG_GROUP_NAME = g
    RBG_ROLE_INDEX = 0
    RBG_ROLE_INSTANCE_NAME = g-store-0
    RBG_ROLE_NAME = store
    RBG_LWP_LEADER_ADDRESS = g-store-0-master-0.s-g-store.llm
    ");
    assert_eq!(pod_spec(shard)["containers"][0]["args"][1], "--id=$(RBG_COMPONENT_INDEX)");
    let clients = &tree["g/store/service-g-store"]["spec"];
    assert_eq!(clients["selector"]["rbg.workloads.x-k8s.io/component-name"], "master");
}

#[test]
fn keda_scales_by_what_prometheus_says() {
    let mut role = elastic("embed", 0, 5);
    let autoscale = role.autoscale.as_mut().unwrap();
    let (server, query) = ("http://prometheus.monitoring:9090".into(), "sum(queue{role=\"embed\"})".into());
    autoscale.metric = Metric::Prometheus { server, query, average: Quantity { milli: 2_500, binary: false } };
    (autoscale.activation, autoscale.cooldown) = (Some(Quantity::units(1)), Some(600));
    let object = alone(role, "scaledobject-g-embed");
    assert_eq!(object["metadata"]["annotations"]["scaledobject.keda.sh/transfer-hpa-ownership"], "true");
    assert_snapshot!(yaml(&object["spec"]), @r#"
    advanced:
      horizontalPodAutoscalerConfig:
        behavior:
          scaleDown:
            stabilizationWindowSeconds: 300
        name: g-embed
    cooldownPeriod: 600
    maxReplicaCount: 5
    minReplicaCount: 0
    scaleTargetRef:
      apiVersion: apps/v1
      kind: StatefulSet
      name: g-embed
    triggers:
    - metadata:
        activationThreshold: '1'
        query: sum(queue{role="embed"})
        serverAddress: http://prometheus.monitoring:9090
        threshold: '2.5'
      metricType: AverageValue
      type: prometheus
    "#);
}

#[test]
fn an_external_metric_is_shared_out() {
    let mut role = elastic("embed", 1, 5);
    let labels = [("model".to_owned(), "qwen".to_owned())].into();
    role.autoscale.as_mut().unwrap().metric =
        Metric::External { name: "queue".into(), labels, average: Quantity::units(8) };
    assert_snapshot!(yaml(&alone(role, "horizontalpodautoscaler-g-embed")["spec"]["metrics"]), @r"
    - external:
        metric:
          name: queue
          selector:
            matchLabels:
              model: qwen
        target:
          averageValue: '8'
          type: AverageValue
      type: External
    ");
}

#[test]
fn a_stateful_set_for_all_reads_its_labels() {
    let embed = alone(elastic("embed", 2, 5), "statefulset-g-embed");
    assert!(embed["spec"].get("replicas").is_none());
    assert_snapshot!(show_env(&embed), @r"
    RBG_GROUP_NAME = g
    RBG_ROLE_INDEX = <metadata.labels['apps.kubernetes.io/pod-index']>
    RBG_ROLE_INSTANCE_NAME = <metadata.name>
    RBG_ROLE_NAME = embed
    ");
    assert_eq!(pod_spec(&embed)["containers"][0]["args"][0], "--me=$(RBG_ROLE_INSTANCE_NAME)");
    assert_snapshot!(yaml(&alone(elastic("embed", 2, 5), "horizontalpodautoscaler-g-embed")["spec"]), @r"
    behavior:
      scaleDown:
        stabilizationWindowSeconds: 300
    maxReplicas: 5
    metrics:
    - resource:
        name: cpu
        target:
          averageUtilization: 70
          type: Utilization
      type: Resource
    minReplicas: 2
    scaleTargetRef:
      apiVersion: apps/v1
      kind: StatefulSet
      name: g-embed
    ");
}

#[test]
fn deployments_replace_in_place_when_they_hold_accelerators() {
    let strategy = |role: Role| alone(role, "deployment-g-router")["spec"]["strategy"]["rollingUpdate"].clone();
    assert_eq!(strategy(router(&[])), json!({"maxSurge": 1, "maxUnavailable": 0}));
    let mut accelerated = router(&[]);
    accelerated.parts[0].pod.gpus = 1;
    assert_eq!(strategy(accelerated), json!({"maxSurge": 0, "maxUnavailable": 1}));
    let mut slow = router(&[]);
    slow.parts[0].pod.main.startup = Some(probe(Check::Tcp("http".into()), 180));
    slow.parts[0].pod.grace = Some(60);
    assert_eq!(alone(slow, "deployment-g-router")["spec"]["progressDeadlineSeconds"], 1800 + 60 + 600);
}

#[test]
fn claims_follow_the_form() {
    let kind =
        VolumeKind::Template { size: Quantity::bytes(100 << 30), class: Some("fast".into()), access: "ReadWriteOnce" };
    let with = |mut role: Role| {
        role.parts[0].pod.volumes = vec![Volume { name: "data".into(), kind: kind.clone(), span: HERE }];
        role
    };
    let stateful = alone(with(role("r", Form::StatefulSet, 2)), "statefulset-g-r");
    assert_snapshot!(yaml(&stateful["spec"]["volumeClaimTemplates"]), @r"
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
      spec:
        accessModes:
        - ReadWriteOnce
        resources:
          requests:
            storage: 100Gi
        storageClassName: fast
    ");
    let stateless = alone(with(router(&[])), "deployment-g-router");
    assert_eq!(
        pod_spec(&stateless)["volumes"][0]["ephemeral"]["volumeClaimTemplate"]["spec"]["storageClassName"],
        "fast"
    );
}
