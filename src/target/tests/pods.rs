//! Pod templates: containers, volumes, files, security.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::super::testing::{pod_spec, tree, tree_on};
use super::{alone, yaml};
use crate::check::*;
use crate::data::Map;
use crate::plan::testing::*;

#[test]
fn a_pod_is_safe_by_default() {
    let leader = alone(gang("p", 1, 2), "statefulset-g-p-0");
    assert_snapshot!(yaml(&leader["spec"]["template"]), @r"
    metadata:
      labels:
        app.kubernetes.io/managed-by: rbgc
        app.kubernetes.io/name: p
        app.kubernetes.io/part-of: g
        rbg.workloads.x-k8s.io/component-name: leader
        rbg.workloads.x-k8s.io/group-name: g
        rbg.workloads.x-k8s.io/role-instance-index: '0'
        rbg.workloads.x-k8s.io/role-instance-name: g-p-0
        rbg.workloads.x-k8s.io/role-name: p
        rbgc.dev/accelerated: 'true'
    spec:
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - preference:
              matchExpressions:
              - key: kubernetes.io/hostname
                operator: In
                values:
                - gpu-0000
            weight: 100
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - key: nvidia.com/gpu.product
                operator: In
                values:
                - NVIDIA-H100-80GB-HBM3
      automountServiceAccountToken: false
      containers:
      - args:
        - --dist-init-addr=$(RBG_LWP_LEADER_ADDRESS)
        - --node-rank=$(RBG_LWP_WORKER_INDEX)
        - --host=$(RBG_POD_IP)
        env:
        - name: RBG_COMPONENT_INDEX
          value: '0'
        - name: RBG_COMPONENT_NAME
          value: leader
        - name: RBG_GROUP_NAME
          value: g
        - name: RBG_ROLE_INDEX
          value: '0'
        - name: RBG_ROLE_INSTANCE_NAME
          value: g-p-0
        - name: RBG_ROLE_NAME
          value: p
        - name: RBG_LWP_LEADER_ADDRESS
          value: g-p-0-0.s-g-p.llm
        - name: RBG_LWP_WORKER_INDEX
          value: '0'
        - name: RBG_LWP_GROUP_SIZE
          value: '2'
        - name: RBG_POD_IP
          valueFrom:
            fieldRef:
              apiVersion: v1
              fieldPath: status.podIP
        image: registry.example.com/p:1.0
        name: p
        ports:
        - containerPort: 8000
          name: http
          protocol: TCP
        - containerPort: 9090
          name: metrics
          protocol: TCP
        readinessProbe:
          failureThreshold: 3
          httpGet:
            path: /health
            port: http
            scheme: HTTP
          periodSeconds: 10
          successThreshold: 1
          timeoutSeconds: 1
        resources:
          limits:
            cpu: '4'
            memory: 8Gi
            nvidia.com/gpu: '8'
            rdma/hca: '1'
          requests:
            cpu: '4'
            memory: 8Gi
            nvidia.com/gpu: '8'
            rdma/hca: '1'
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            add:
            - IPC_LOCK
            drop:
            - ALL
        startupProbe:
          failureThreshold: 180
          httpGet:
            path: /health
            port: http
            scheme: HTTP
          periodSeconds: 10
          successThreshold: 1
          timeoutSeconds: 1
        volumeMounts:
        - mountPath: /dev/shm
          name: rbg-shm
        - mountPath: /etc/rbg
          name: rbg-cluster-config
          readOnly: true
      enableServiceLinks: false
      securityContext:
        seccompProfile:
          type: RuntimeDefault
      serviceAccountName: g-p
      tolerations:
      - effect: NoSchedule
        key: nvidia.com/gpu
        operator: Exists
      volumes:
      - configMap:
          items:
          - key: config.yaml
            path: config.yaml
          name: g
        name: rbg-cluster-config
      - emptyDir:
          medium: Memory
          sizeLimit: 30Gi
        name: rbg-shm
    ");
}

#[test]
fn security_switches() {
    let mut role = router(&[]);
    role.parts[0].pod.security = Security {
        run_as_user: Some(10_001),
        non_root: true,
        read_only_root: true,
        writable: vec!["/tmp".into(), "/home/app".into()],
        ..Security::default()
    };
    let router = alone(role, "deployment-g-router");
    assert_snapshot!(yaml(&pod_spec(&router)["securityContext"]), @r"
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    runAsGroup: 10001
    runAsNonRoot: true
    runAsUser: 10001
    seccompProfile:
      type: RuntimeDefault
    ");
    assert_snapshot!(yaml(&pod_spec(&router)["containers"][0]["securityContext"]), @r"
    allowPrivilegeEscalation: false
    capabilities:
      drop:
      - ALL
    readOnlyRootFilesystem: true
    ");
    let mounts = &pod_spec(&router)["containers"][0]["volumeMounts"];
    assert_eq!(mounts[0], json!({"name": "rbg-writable-0", "mountPath": "/tmp"}));
    let mut privileged = self::router(&[]);
    privileged.parts[0].pod.security.privileged = true;
    let router = alone(privileged, "deployment-g-router");
    assert_eq!(pod_spec(&router)["containers"][0]["securityContext"], json!({"privileged": true}));
}

#[test]
fn rdma_needs_locked_memory() {
    let added = |unlimited: bool, non_root: bool| {
        let mut inventory = inventory(1, 4);
        inventory.nodes.iter_mut().for_each(|n| n.memlock_unlimited = unlimited);
        let mut role = gang("p", 1, 2);
        role.parts[0].pod.security.non_root = non_root;
        let tree = tree_on(&inventory, vec![group("g", vec![role])], vec![]);
        let leader = &tree["g/p/statefulset-g-p-0"];
        pod_spec(leader)["containers"][0]["securityContext"]["capabilities"]["add"].clone()
    };
    assert_eq!(added(false, false), json!(["IPC_LOCK"]));
    assert_eq!(added(true, false), Value::Null);
    assert_eq!(added(false, true), Value::Null);
}

fn file(path: &str, text: &str, restart: bool) -> File {
    let key = path.trim_start_matches('/').replace('/', "_");
    File { path: path.into(), key, text: text.into(), mode: None, restart }
}

#[test]
fn files_are_mounted_alone_or_by_directory() {
    let with = |once: &str, live: &str| {
        let mut role = router(&[]);
        role.parts[0].pod.files = vec![file("/etc/a.yaml", once, true), file("/etc/live/b.yaml", live, false)];
        tree(vec![group("g", vec![role])], vec![])
    };
    let before = with("a", "b");
    assert_eq!(before["g/router/configmap-g-router-files"]["data"]["etc_a.yaml"], "a");
    let template = |tree: &BTreeMap<String, Value>| tree["g/router/deployment-g-router"]["spec"]["template"].clone();
    assert_snapshot!(yaml(&template(&before)["spec"]["containers"][0]["volumeMounts"]), @r"
    - mountPath: /etc/a.yaml
      name: rbg-files
      readOnly: true
      subPath: etc_a.yaml
    - mountPath: /etc/live
      name: rbg-files-0
      readOnly: true
    - mountPath: /etc/rbg
      name: rbg-cluster-config
      readOnly: true
    ");
    assert_snapshot!(yaml(&template(&before)["spec"]["volumes"]), @r"
    - configMap:
        items:
        - key: config.yaml
          path: config.yaml
        name: g
      name: rbg-cluster-config
    - configMap:
        name: g-router-files
      name: rbg-files
    - configMap:
        items:
        - key: etc_live_b.yaml
          path: b.yaml
        name: g-router-files
      name: rbg-files-0
    ");
    let checksum = |tree: &BTreeMap<String, Value>| template(tree)["metadata"]["annotations"]["checksum/files"].clone();
    assert_ne!(checksum(&before), checksum(&with("changed", "b")));
    assert_eq!(template(&before), template(&with("a", "changed")));
}

#[test]
fn unlike_parts_have_files_of_their_own() {
    let mut role = gang("p", 1, 2);
    role.parts[0].pod.files = vec![file("/etc/a", "leader", true)];
    role.parts[1].pod.files = vec![file("/etc/a", "worker", true)];
    let tree = tree(vec![group("g", vec![role])], vec![]);
    assert_eq!(tree["g/p/configmap-g-p-leader-files"]["data"]["etc_a"], "leader");
    assert_eq!(tree["g/p/configmap-g-p-worker-files"]["data"]["etc_a"], "worker");
}

#[test]
fn containers_before_and_beside() {
    let mut role = router(&[]);
    let mut sidecar = container("proxy");
    sidecar.env.insert("POD".into(), EnvValue::Text(RuntimeText(vec![Piece::Value(RuntimeValue::PodIp)])));
    role.parts[0].pod.inits = vec![container("fetch")];
    role.parts[0].pod.sidecars = vec![sidecar];
    role.parts[0].pod.drain = Some(20);
    let router = alone(role, "deployment-g-router");
    let before = &pod_spec(&router)["initContainers"];
    assert_eq!((&before[0]["name"], &before[1]["name"]), (&json!("fetch"), &json!("proxy")));
    assert_eq!(before[1]["restartPolicy"], "Always");
    assert!(before[0].get("volumeMounts").is_none());
    assert_eq!(before[1]["volumeMounts"][0]["mountPath"], "/etc/rbg");
    assert_eq!(before[1]["env"][2]["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP");
    assert_eq!(pod_spec(&router)["containers"][0]["lifecycle"], json!({"preStop": {"sleep": {"seconds": 20}}}));
    assert_eq!(pod_spec(&router)["terminationGracePeriodSeconds"], 50);
}

#[test]
fn overrides_come_last() {
    let mut role = router(&[]);
    let main = Map::new().with("name", "main").with("securityContext", Map::new().with("privileged", true));
    let over = Map::new().with("hostNetwork", true).with("containers", vec![main]);
    role.parts[0].pod.overrides = over.into();
    let router = alone(role, "deployment-g-router");
    let spec = pod_spec(&router);
    assert_eq!((&spec["hostNetwork"], &spec["dnsPolicy"]), (&json!(true), &json!("ClusterFirstWithHostNet")));
    assert_eq!(spec["containers"].as_array().map(Vec::len), Some(1));
    assert_eq!(spec["containers"][0]["securityContext"]["privileged"], true);
    assert!(spec["containers"][0]["securityContext"].get("allowPrivilegeEscalation").is_none());
}
