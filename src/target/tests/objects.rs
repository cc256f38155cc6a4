//! The objects around the workloads.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::super::testing::{known, pod_spec, tree};
use super::super::{NotATarget, Target};
use super::{alone, yaml};
use crate::check::*;
use crate::place;
use crate::plan::testing::*;

#[track_caller]
fn paths(tree: &BTreeMap<String, Value>) -> String {
    tree.keys().map(|path| format!("{path}\n")).collect()
}

#[test]
fn a_service_has_these_objects() {
    assert_snapshot!(paths(&tree(vec![service("pd")], vec![])), @r"
    pd/base/configmap-pd
    pd/decode/networkpolicy-pd-decode
    pd/decode/poddisruptionbudget-pd-decode
    pd/decode/service-pd-decode
    pd/decode/service-s-pd-decode
    pd/decode/serviceaccount-pd-decode
    pd/decode/statefulset-pd-decode-0
    pd/decode/statefulset-pd-decode-1
    pd/decode/statefulset-pd-decode-2
    pd/prefill/networkpolicy-pd-prefill
    pd/prefill/poddisruptionbudget-pd-prefill
    pd/prefill/service-pd-prefill
    pd/prefill/service-s-pd-prefill
    pd/prefill/serviceaccount-pd-prefill
    pd/prefill/statefulset-pd-prefill-0
    pd/prefill/statefulset-pd-prefill-0-workers
    pd/prefill/statefulset-pd-prefill-1
    pd/prefill/statefulset-pd-prefill-1-workers
    pd/router/deployment-pd-router
    pd/router/networkpolicy-pd-router
    pd/router/poddisruptionbudget-pd-router
    pd/router/service-pd-router
    pd/router/serviceaccount-pd-router
    ");
}

#[test]
fn a_discovering_role_may_list_pods() {
    let mut role = router(&[]);
    role.discovers = true;
    let tree = tree(vec![group("g", vec![role])], vec![]);
    assert_eq!(pod_spec(&tree["g/router/deployment-g-router"])["automountServiceAccountToken"], true);
    assert_eq!(tree["g/router/serviceaccount-g-router"]["automountServiceAccountToken"], false);
    assert_snapshot!(yaml(&tree["g/router/role-g-router"]["rules"]), @r"
    - apiGroups:
      - ''
      resources:
      - pods
      verbs:
      - get
      - list
      - watch
    ");
    assert_eq!(tree["g/router/rolebinding-g-router"]["subjects"][0]["name"], "g-router");
}

#[test]
fn an_account_of_the_user_is_not_made() {
    let mut role = router(&[]);
    role.service_account = Some("mine".into());
    let tree = tree(vec![group("g", vec![role])], vec![]);
    assert!(!tree.contains_key("g/router/serviceaccount-g-router"));
    assert_eq!(pod_spec(&tree["g/router/deployment-g-router"])["serviceAccountName"], "mine");
}

#[test]
fn text_that_flux_would_change_is_marked() {
    let with = |value: &str| {
        let mut role = router(&[]);
        role.parts[0].pod.main.env.insert("X".into(), EnvValue::Text(text(value)));
        let object = alone(role, "deployment-g-router");
        object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/substitute"].clone()
    };
    assert_eq!(with("${HOME}"), "disabled");
    assert_eq!(with("a$$b"), "disabled");
    assert_eq!(with("$(RBG_ROLE_NAME) $HOME"), Value::Null);
}

#[test]
fn labels_and_annotations_of_the_user() {
    let mut role = router(&[]);
    role.labels.insert("team".into(), "search".into());
    role.annotations.insert("example.com/a".into(), "1".into());
    let mut g = group("g", vec![role]);
    g.labels.insert("cost".into(), "x".into());
    g.annotations.insert("example.com/b".into(), "2".into());
    let tree = tree(vec![g], vec![]);
    let workload = &tree["g/router/deployment-g-router"];
    let template = &workload["spec"]["template"]["metadata"];
    assert_eq!((&template["labels"]["team"], &template["labels"]["cost"]), (&json!("search"), &json!("x")));
    assert_eq!(template["annotations"], json!({"example.com/a": "1"}));
    assert_eq!(workload["metadata"]["annotations"]["example.com/b"], "2");
    assert_eq!(workload["metadata"]["annotations"]["rbgc.dev/source"], "services/g.rbg#g.router");
    let service = &tree["g/router/service-g-router"]["metadata"];
    assert_eq!((&service["labels"]["cost"], &service["labels"]["team"]), (&json!("x"), &Value::Null));
}

#[test]
fn network_policies_follow_the_edges() {
    let mut other = group("other", vec![router(&[])]);
    other.namespace = "apps".into();
    other.references = vec![reference(0, RoleId { group: 0, role: 0 }, Some("http"))];
    let tree = tree(vec![service("pd"), other], vec![]);
    assert_snapshot!(yaml(&tree["pd/prefill/networkpolicy-pd-prefill"]["spec"]), @r"
    ingress:
    - from:
      - podSelector:
          matchLabels:
            rbg.workloads.x-k8s.io/group-name: pd
            rbg.workloads.x-k8s.io/role-name: prefill
    - from:
      - podSelector:
          matchLabels:
            rbg.workloads.x-k8s.io/group-name: pd
            rbg.workloads.x-k8s.io/role-name: decode
    - from:
      - podSelector:
          matchLabels:
            rbg.workloads.x-k8s.io/group-name: pd
            rbg.workloads.x-k8s.io/role-name: router
      ports:
      - port: 8000
        protocol: TCP
    - from:
      - namespaceSelector:
          matchLabels:
            kubernetes.io/metadata.name: apps
        podSelector:
          matchLabels:
            rbg.workloads.x-k8s.io/group-name: other
            rbg.workloads.x-k8s.io/role-name: router
      ports:
      - port: 8000
        protocol: TCP
    - from:
      - namespaceSelector:
          matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values:
            - monitoring
      ports:
      - port: 9090
        protocol: TCP
    podSelector:
      matchLabels:
        rbg.workloads.x-k8s.io/group-name: pd
        rbg.workloads.x-k8s.io/role-name: prefill
    policyTypes:
    - Ingress
    ");
    assert_snapshot!(yaml(&tree["pd/router/networkpolicy-pd-router"]["spec"]), @r"
    ingress:
    - from:
      - namespaceSelector:
          matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values:
            - envoy
      ports:
      - port: 8080
        protocol: TCP
    - from:
      - namespaceSelector:
          matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values:
            - monitoring
      ports:
      - port: 8080
        protocol: TCP
    podSelector:
      matchLabels:
        rbg.workloads.x-k8s.io/group-name: pd
        rbg.workloads.x-k8s.io/role-name: router
    policyTypes:
    - Ingress
    ");
}

#[test]
fn the_discovery_file_lists_what_resolves() {
    use place::ClauseKind::Instances;
    let mut pd = service("pd");
    pd.roles.push(elastic("embed", 2, 6));
    let clauses = vec![require(Instances { role: 0, level: 1 }), require(Instances { role: 1, level: 2 })];
    let tree = tree(vec![pd], vec![clauses]);
    let text = tree["pd/base/configmap-pd"]["data"]["config.yaml"].as_str().unwrap_or_default();
    assert!(serde_yaml::from_str::<serde_yaml::Value>(text).is_ok());
    assert_snapshot!(text, @r"
    connections:
    - from: prefill
      link: rdma
      to: decode
    group:
      name: pd
      namespace: llm
      roles:
      - prefill
      - decode
      - embed
      size: 3
    roles:
      decode:
        instances:
        - address: pd-decode-0-0.s-pd-decode
          domains:
            block: b0
            rack: r1
            zone: a
          ports:
            http: 8000
        - address: pd-decode-1-0.s-pd-decode
          domains:
            block: b0
            rack: r1
            zone: a
          ports:
            http: 8000
        - address: pd-decode-2-0.s-pd-decode
          domains:
            block: b0
            rack: r1
            zone: a
          ports:
            http: 8000
        size: 3
      embed:
        instances:
        - address: pd-embed-0.s-pd-embed
          ports:
            http: 8000
        - address: pd-embed-1.s-pd-embed
          ports:
            http: 8000
        replicas:
          max: 6
          min: 2
        size: 2
      prefill:
        instances:
        - address: pd-prefill-0-0.s-pd-prefill
          component: leader
          domains:
            block: b0
            zone: a
          instance: 0
          ports:
            http: 8000
            metrics: 9090
        - address: pd-prefill-0-workers-1.s-pd-prefill
          component: worker
          domains:
            block: b0
            zone: a
          instance: 0
        - address: pd-prefill-1-0.s-pd-prefill
          component: leader
          domains:
            block: b0
            zone: a
          instance: 1
          ports:
            http: 8000
            metrics: 9090
        - address: pd-prefill-1-workers-1.s-pd-prefill
          component: worker
          domains:
            block: b0
            zone: a
          instance: 1
        size: 4
    schema: rbgc.dev/v1
    ");
}

#[test]
fn words_of_targets() {
    assert_eq!(Target::parse("native"), Ok(Target::Native));
    assert_eq!(Target::parse("lws"), Ok(Target::Lws));
    assert_eq!(Target::parse("rbg"), Ok(Target::Rbg));
    assert_eq!(Target::parse("helm"), Err(NotATarget));
}

#[test]
#[should_panic(expected = "unknown fields")]
fn unknown_fields_are_found() {
    known(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dota": {}}));
}
