//! What native makes of each part of a plan.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::testing::{env, known, pod_spec, tree, tree_on};
use super::{NotATarget, Target};
use crate::check::*;
use crate::data::Map;
use crate::place;
use crate::plan::testing::*;
use crate::quantity::Quantity;

#[track_caller]
fn paths(tree: &BTreeMap<String, Value>) -> String {
    tree.keys().map(|path| format!("{path}\n")).collect()
}

#[track_caller]
fn show_env(object: &Value) -> String {
    env(object).iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).expect("JSON is YAML")
}

/// One role in a group of its own, with its workload's path.
#[track_caller]
fn alone(role: Role, file: &str) -> Value {
    let name = role.name.clone();
    tree(vec![group("g", vec![role])], vec![])[&format!("g/{name}/{file}.yaml")].clone()
}

#[test]
fn a_service_has_these_objects() {
    assert_snapshot!(paths(&tree(vec![service("pd")], vec![])), @r"
    argocd/application-pd.yaml
    argocd/appproject-pd.yaml
    pd/base/configmap-pd.yaml
    pd/decode/networkpolicy-pd-decode.yaml
    pd/decode/poddisruptionbudget-pd-decode.yaml
    pd/decode/service-pd-decode.yaml
    pd/decode/service-s-pd-decode.yaml
    pd/decode/serviceaccount-pd-decode.yaml
    pd/decode/statefulset-pd-decode-0.yaml
    pd/decode/statefulset-pd-decode-1.yaml
    pd/decode/statefulset-pd-decode-2.yaml
    pd/prefill/networkpolicy-pd-prefill.yaml
    pd/prefill/poddisruptionbudget-pd-prefill.yaml
    pd/prefill/service-pd-prefill.yaml
    pd/prefill/service-s-pd-prefill.yaml
    pd/prefill/serviceaccount-pd-prefill.yaml
    pd/prefill/statefulset-pd-prefill-0-workers.yaml
    pd/prefill/statefulset-pd-prefill-0.yaml
    pd/prefill/statefulset-pd-prefill-1-workers.yaml
    pd/prefill/statefulset-pd-prefill-1.yaml
    pd/router/deployment-pd-router.yaml
    pd/router/networkpolicy-pd-router.yaml
    pd/router/poddisruptionbudget-pd-router.yaml
    pd/router/service-pd-router.yaml
    pd/router/serviceaccount-pd-router.yaml
    ");
}

#[test]
fn a_leader_and_workers_are_two_stateful_sets() {
    let tree = tree(vec![group("g", vec![gang("prefill", 1, 3)])], vec![]);
    let leader = &tree["g/prefill/statefulset-g-prefill-0.yaml"];
    let workers = &tree["g/prefill/statefulset-g-prefill-0-workers.yaml"];
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
    let strategy = &tree["g/p/statefulset-g-p-0-workers.yaml"]["spec"]["updateStrategy"];
    assert_eq!(*strategy, json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}));
}

#[test]
fn components_are_a_stateful_set_each() {
    let tree = tree(vec![group("g", vec![assembly("store")])], vec![]);
    let shard = &tree["g/store/statefulset-g-store-0-shard.yaml"];
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
    let clients = &tree["g/store/service-g-store.yaml"]["spec"];
    assert_eq!(clients["selector"]["rbg.workloads.x-k8s.io/component-name"], "master");
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
        let leader = &tree["g/p/statefulset-g-p-0.yaml"];
        pod_spec(leader)["containers"][0]["securityContext"]["capabilities"]["add"].clone()
    };
    assert_eq!(added(false, false), json!(["IPC_LOCK"]));
    assert_eq!(added(true, false), Value::Null);
    assert_eq!(added(false, true), Value::Null);
}

#[test]
fn a_discovering_role_may_list_pods() {
    let mut role = router(&[]);
    role.discovers = true;
    let tree = tree(vec![group("g", vec![role])], vec![]);
    assert_eq!(pod_spec(&tree["g/router/deployment-g-router.yaml"])["automountServiceAccountToken"], true);
    assert_eq!(tree["g/router/serviceaccount-g-router.yaml"]["automountServiceAccountToken"], false);
    assert_snapshot!(yaml(&tree["g/router/role-g-router.yaml"]["rules"]), @r"
    - apiGroups:
      - ''
      resources:
      - pods
      verbs:
      - get
      - list
      - watch
    ");
    assert_eq!(tree["g/router/rolebinding-g-router.yaml"]["subjects"][0]["name"], "g-router");
}

#[test]
fn an_account_of_the_user_is_not_made() {
    let mut role = router(&[]);
    role.service_account = Some("mine".into());
    let tree = tree(vec![group("g", vec![role])], vec![]);
    assert!(!tree.contains_key("g/router/serviceaccount-g-router.yaml"));
    assert_eq!(pod_spec(&tree["g/router/deployment-g-router.yaml"])["serviceAccountName"], "mine");
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
    assert_eq!(before["g/router/configmap-g-router-files.yaml"]["data"]["etc_a.yaml"], "a");
    let template =
        |tree: &BTreeMap<String, Value>| tree["g/router/deployment-g-router.yaml"]["spec"]["template"].clone();
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
    assert_eq!(tree["g/p/configmap-g-p-leader-files.yaml"]["data"]["etc_a"], "leader");
    assert_eq!(tree["g/p/configmap-g-p-worker-files.yaml"]["data"]["etc_a"], "worker");
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
    let workload = &tree["g/router/deployment-g-router.yaml"];
    let template = &workload["spec"]["template"]["metadata"];
    assert_eq!((&template["labels"]["team"], &template["labels"]["cost"]), (&json!("search"), &json!("x")));
    assert_eq!(template["annotations"], json!({"example.com/a": "1"}));
    assert_eq!(workload["metadata"]["annotations"]["example.com/b"], "2");
    assert_eq!(workload["metadata"]["annotations"]["rbgc.dev/source"], "services/g.rbg#g.router");
    let service = &tree["g/router/service-g-router.yaml"]["metadata"];
    assert_eq!((&service["labels"]["cost"], &service["labels"]["team"]), (&json!("x"), &Value::Null));
}

#[test]
fn network_policies_follow_the_edges() {
    let mut other = group("other", vec![router(&[])]);
    other.namespace = "apps".into();
    other.references = vec![reference(0, RoleId { group: 0, role: 0 }, Some("http"))];
    let tree = tree(vec![service("pd"), other], vec![]);
    assert_snapshot!(yaml(&tree["pd/prefill/networkpolicy-pd-prefill.yaml"]["spec"]), @r"
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
    assert_snapshot!(yaml(&tree["pd/router/networkpolicy-pd-router.yaml"]["spec"]), @r"
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
    let text = tree["pd/base/configmap-pd.yaml"]["data"]["config.yaml"].as_str().unwrap_or_default();
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
    assert_eq!(Target::parse("lws"), Err(NotATarget::NotYet));
    assert_eq!(Target::parse("helm"), Err(NotATarget::Unknown));
}

#[test]
#[should_panic(expected = "unknown fields")]
fn unknown_fields_are_found() {
    known(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dota": {}}));
}
