//! Jobs that warm nodes up.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::super::testing::{Json, pod_spec, tree, tree_on};
use super::yaml;
use crate::check::*;
use crate::place::ClauseKind::Instances;
use crate::plan::testing::*;
use crate::quantity::Quantity;

fn warm_up() -> WarmUp {
    WarmUp {
        command: None,
        images: Vec::new(),
        nodes: WarmNodes::Planned,
        cpu: None,
        memory: None,
        deadline: 1_800,
        retries: 3,
        span: HERE,
    }
}

/// Two instances of two pods, each on a whole node, that warm up.
fn warm(with: WarmUp) -> Role {
    let mut role = gang("prefill", 2, 2);
    role.warm_up = Some(with);
    role
}

fn jobs_of(tree: &Json) -> Vec<&Value> {
    tree.values().filter(|object| object["kind"] == "Job").collect()
}

fn jobs(role: Role) -> Vec<Value> {
    let tree = tree(vec![group("g", vec![role])], vec![vec![require(Instances { role: 0, level: 2 })]]);
    jobs_of(&tree).into_iter().cloned().collect()
}

fn node(job: &Value) -> &str {
    job["metadata"]["annotations"]["rbgc.dev/plan"].as_str().unwrap_or_default()
}

fn nodes(jobs: &[Value]) -> Vec<&str> {
    let mut nodes: Vec<&str> = jobs.iter().map(node).collect();
    nodes.sort_unstable();
    nodes
}

#[test]
fn each_planned_node_has_a_job() {
    let jobs = jobs(warm(warm_up()));
    assert_eq!(nodes(&jobs), ["gpu-0000", "gpu-0001", "gpu-0002", "gpu-0003"]);
    let first = jobs.iter().find(|job| node(job) == "gpu-0000").expect("the job of the node");
    assert_snapshot!(yaml(first), @r"
    apiVersion: batch/v1
    kind: Job
    metadata:
      annotations:
        rbgc.dev/plan: gpu-0000
        rbgc.dev/source: services/g.rbg#g.prefill
      labels:
        app.kubernetes.io/managed-by: rbgc
        app.kubernetes.io/name: prefill
        app.kubernetes.io/part-of: g
        rbg.workloads.x-k8s.io/group-name: g
        rbg.workloads.x-k8s.io/role-name: prefill
      name: g-prefill-warm-up-d38b863013
      namespace: llm
    spec:
      activeDeadlineSeconds: 1800
      backoffLimit: 3
      template:
        metadata:
          labels:
            app.kubernetes.io/component: warm-up
            app.kubernetes.io/managed-by: rbgc
            app.kubernetes.io/name: prefill
            app.kubernetes.io/part-of: g
        spec:
          affinity:
            nodeAffinity:
              requiredDuringSchedulingIgnoredDuringExecution:
                nodeSelectorTerms:
                - matchExpressions:
                  - key: kubernetes.io/hostname
                    operator: In
                    values:
                    - gpu-0000
          automountServiceAccountToken: false
          containers:
          - command:
            - 'true'
            image: registry.example.com/prefill:1.0
            name: warm-up
            resources:
              requests:
                cpu: '0'
                memory: '0'
            securityContext:
              allowPrivilegeEscalation: false
              capabilities:
                drop:
                - ALL
              readOnlyRootFilesystem: true
          enableServiceLinks: false
          restartPolicy: Never
          securityContext:
            seccompProfile:
              type: RuntimeDefault
          tolerations:
          - effect: NoSchedule
            key: nvidia.com/gpu
            operator: Exists
    ");
}

#[test]
fn a_command_has_the_volumes_and_variables_of_its_role() {
    let mut role = warm(WarmUp {
        command: Some(vec!["cat".into(), "/models/weights".into()]),
        images: vec!["example.com/agent:1.0".into()],
        memory: Some(Quantity::bytes(64 << 30)),
        ..warm_up()
    });
    for part in &mut role.parts {
        let kinds = [
            ("models", VolumeKind::Host("/models".into())),
            ("own", VolumeKind::Template { size: Quantity::bytes(1 << 30), class: None, access: "ReadWriteOnce" }),
        ];
        for (name, kind) in kinds {
            part.pod.volumes.push(Volume { name: name.into(), kind, span: HERE });
            let path = format!("/{name}");
            let mount = Mount { path, volume: name.into(), read_only: true, sub_path: None };
            part.pod.main.mounts.push(mount);
        }
        let main = &mut part.pod.main;
        main.env.insert("HOME".into(), EnvValue::Text(text("/tmp")));
        main.env.insert("RANK".into(), EnvValue::Text(value("", RuntimeValue::Rank)));
        let token = EnvValue::Secret { name: "hub".into(), key: "token".into(), optional: false };
        main.env.insert("TOKEN".into(), token);
    }
    let jobs = jobs(role);
    assert_eq!(jobs.len(), 4);
    let main = &pod_spec(&jobs[0])["containers"][0];
    let token = json!({ "secretKeyRef": { "name": "hub", "key": "token" } });
    assert_eq!(main["env"], json!([{ "name": "HOME", "value": "/tmp" }, { "name": "TOKEN", "valueFrom": token }]));
    assert_eq!(main["volumeMounts"], json!([{ "name": "models", "mountPath": "/models", "readOnly": true }]));
    assert_eq!(main["resources"]["limits"], json!({ "memory": "64Gi" }));
    assert_eq!(main["resources"]["requests"], json!({ "cpu": "0", "memory": "64Gi" }));
    assert_eq!(pod_spec(&jobs[0])["volumes"], json!([{ "name": "models", "hostPath": { "path": "/models" } }]));
    assert_eq!(pod_spec(&jobs[0])["initContainers"][0]["image"], "example.com/agent:1.0");
}

#[test]
fn leaders_and_workers_with_unlike_images_share_no_job() {
    let mut role = warm(warm_up());
    role.parts[1].pod.main.image = "registry.example.com/worker:1.0".into();
    // Two instances of which each has a node for its leader and one for its worker.
    let jobs = jobs(role);
    let image = |job: &Value| pod_spec(job)["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
    let workers = jobs.iter().filter(|job| image(job).contains("worker")).count();
    assert_eq!((jobs.len(), workers), (4, 2));
}

#[test]
fn all_nodes_that_pods_may_use_on_demand() {
    let mut engine = role("engine", Form::StatefulSet, 1);
    engine.parts[0].pod.gpus = 1;
    engine.warm_up = Some(WarmUp { nodes: WarmNodes::Eligible, ..warm_up() });
    let mut machines = inventory(1, 5);
    machines.nodes[1].elastic = true;
    machines.nodes[2].schedulable = false;
    machines.nodes[..4].iter_mut().for_each(|node| {
        node.allocatable.insert("nvidia.com/gpu".into(), 8);
    });
    let warmed = |engine: &Role| {
        let tree = tree_on(&machines, vec![group("g", vec![engine.clone()])], vec![]);
        nodes(&jobs_of(&tree).into_iter().cloned().collect::<Vec<_>>()).into_iter().map(str::to_owned).collect()
    };
    let found: Vec<String> = warmed(&engine);
    assert_eq!(found, ["gpu-0000", "gpu-0003"]);
    engine.parts[0].pod.gpus = 0;
    let found: Vec<String> = warmed(&engine);
    assert_eq!(found, ["gpu-0000", "gpu-0003", "gpu-0004"]);
}

#[test]
fn nobody_selects_the_pods_of_a_job() {
    let tree = tree(vec![group("g", vec![warm(warm_up())])], vec![]);
    let labels = &jobs_of(&tree)[0]["spec"]["template"]["metadata"]["labels"];
    for object in tree.values() {
        let spec = &object["spec"];
        let selectors = [&spec["selector"]["matchLabels"], &spec["selector"], &spec["podSelector"]["matchLabels"]];
        let selects =
            |s: &&Value| s.as_object().is_some_and(|s| !s.is_empty() && s.iter().all(|(k, v)| labels[k] == *v));
        assert!(!selectors.iter().any(selects), "{}", object["kind"]);
    }
}
