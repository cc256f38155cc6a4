//! Objects of Kubernetes.

use insta::assert_snapshot;

use super::{imported, made, node, with};

const LIST: &str = r#"{
    "apiVersion": "v1",
    "items": [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": "gpu-002",
                "labels": {
                    "kubernetes.io/hostname": "gpu-002",
                    "kubernetes.io/arch": "amd64",
                    "feature.node.kubernetes.io/cpu-model.id": "143",
                    "nvidia.com/gpu.product": "NVIDIA-H200",
                    "topology.kubernetes.io/zone": "a"
                }
            },
            "spec": { "taints": [{ "key": "nvidia.com/gpu", "effect": "NoSchedule" }] },
            "status": {
                "allocatable": { "cpu": "191450m", "memory": "2113562924Ki", "nvidia.com/gpu": "8", "hugepages-1Gi": "0", "pods": "110" },
                "conditions": [{ "type": "Ready", "status": "True" }],
                "nodeInfo": { "kubeletVersion": "v1.33.4-gke.100" }
            }
        },
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": "gpu-001",
                "labels": {
                    "kubernetes.io/hostname": "gpu-001",
                    "kubernetes.io/arch": "amd64",
                    "nvidia.com/gpu.product": "NVIDIA-H200",
                    "topology.kubernetes.io/zone": "a"
                }
            },
            "spec": { "taints": [{ "key": "nvidia.com/gpu", "effect": "NoSchedule" }] },
            "status": {
                "allocatable": { "cpu": "191450m", "memory": "2113562924Ki", "nvidia.com/gpu": "8", "hugepages-1Gi": "0", "pods": "110" },
                "conditions": [{ "type": "Ready", "status": "True" }],
                "nodeInfo": { "kubeletVersion": "v1.33.4-gke.100" }
            }
        }
    ],
    "kind": "List",
    "metadata": { "resourceVersion": "" }
}
"#;

#[test]
fn a_list_of_nodes() {
    assert_snapshot!(made(&[("nodes.json", LIST)]), @r#"
    levels:
      - { name: zone, label: topology.kubernetes.io/zone }
    links: { zone: vpc }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: h200
        nodes: "gpu-[001-002]"
        gpu: H200
        labels: { kubernetes.io/arch: amd64, nvidia.com/gpu.product: NVIDIA-H200 }
        taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]
        domains: { zone: a }
        allocatable: { cpu: 191450m, memory: 2113562924Ki, pods: 110, nvidia.com/gpu: 8 }
    "#);
}

#[test]
fn the_version_is_that_of_the_oldest_kubelet() {
    let newer = LIST.replacen("v1.33.4-gke.100", "v1.34.0", 1);
    let outcome = with(&[("nodes.json", &newer)], |request| request.kubernetes = None);
    assert!(outcome.text.unwrap().contains("kubernetes: \"1.33\""));
    let none = with(&[("n", &node("a", "", ""))], |request| request.kubernetes = None);
    assert_eq!(none.problems, "E0507 no file tells the version of Kubernetes");
}

#[test]
fn json_without_line_breaks_and_raw_lists() {
    let raw = LIST.split_whitespace().collect::<Vec<_>>().join("").replace("\"kind\":\"Node\",", "");
    assert_eq!(made(&[("raw.json", &raw.replace("\"List\"", "\"NodeList\""))]), made(&[("nodes.json", LIST)]));
}

#[test]
fn nodes_that_take_no_pods() {
    let down = "  conditions: [{ type: Ready, status: Unknown }]";
    let text = [
        node(
            "a",
            "",
            "spec: { unschedulable: true, taints: [{ key: node.kubernetes.io/unschedulable, effect: NoSchedule }] }",
        ),
        node("b", "", ""),
        node("c", "", "").replace("status:\n", &format!("status:\n{down}\n")),
        node("d", "", ""),
        node("e", "", "spec: { taints: [{ key: node.kubernetes.io/unreachable, effect: NoExecute }] }"),
    ];
    let outcome = imported(&[("nodes.yaml", &text.concat())]);
    assert_eq!(
        outcome.problems,
        "W0052 nodes.yaml:4:9 3 nodes take no pods: `a` (cordoned), `c` (not ready), `e` (not ready)"
    );
    assert_snapshot!(super::body(&outcome), @r#"
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: gpu
        nodes: "b,d"
        allocatable: { cpu: 8, nvidia.com/gpu: 8 }
    nodes:
      - { name: a, pool: gpu, unschedulable: true }
      - { name: c, pool: gpu, ready: false }
      - { name: e, pool: gpu, ready: false }
    "#);
}

#[test]
fn hostnames_that_differ() {
    let text = [node("a.example.com", "kubernetes.io/hostname: a", ""), node("b", "kubernetes.io/hostname: b", "")];
    let outcome = imported(&[("n", &text.concat())]);
    assert_eq!(
        outcome.problems,
        "W0053 n:5:37 the hostname of 1 node differs from the name, such as `a` of `a.example.com`"
    );
    let inventory = outcome.inventory.unwrap();
    assert_eq!(inventory.nodes.iter().map(|n| n.hostname.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn nodes_share_neither_name_nor_hostname() {
    let names = imported(&[("n", &[node("a", "", ""), node("a", "", "")].concat()), ("m", &node("a", "", ""))]);
    assert_eq!(names.problems, "E0502 n:13:9 two nodes of the name `a`\nE0502 m:4:9 two nodes of the name `a`");
    let hosts = [node("a", "kubernetes.io/hostname: x", ""), node("b", "kubernetes.io/hostname: x", "")];
    let hosts = imported(&[("n", &hosts.concat())]).problems;
    assert!(hosts.contains("E0502 n:14:37 the nodes `a` and `b` share the hostname `x`"), "{hosts}");
    let own = imported(&[("n", &[node("a", "", ""), node("b", "kubernetes.io/hostname: a", "")].concat())]);
    assert!(own.problems.contains("E0502 n:14:37 the nodes `a` and `b` share the hostname `a`"), "{}", own.problems);
}

#[test]
fn quantities_are_whole_and_not_negative() {
    let text = node("a", "", "").replace("'8', nvidia.com/gpu: '8'", "-1, nvidia.com/gpu: '0.5', memory: lots");
    assert_eq!(
        imported(&[("n", &text)]).problems,
        "E0504 n:8:23 `-1` of `cpu` is negative\n\
         E0504 n:8:43 `0.5` of `nvidia.com/gpu` is not a whole number, and it cannot be divided\n\
         E0504 n:8:58 `lots` of `memory` is not a quantity"
    );
}

#[test]
fn flags_come_from_labels() {
    let labels = "karpenter.sh/nodepool: burst, karpenter.sh/capacity-type: spot";
    let outcome = imported(&[("n", &node("a", labels, ""))]);
    let one = &outcome.inventory.unwrap().nodes[0];
    assert!(one.spot && one.elastic && !one.dedicated);
    let steady = node("b", "karpenter.sh/nodepool: burst, karpenter.sh/capacity-type: on-demand", "");
    let outcome = imported(&[("n", &[node("a", labels, ""), steady].concat())]);
    let spot: Vec<bool> = outcome.inventory.unwrap().nodes.iter().map(|node| node.spot).collect();
    assert_eq!(spot, [true, false]);
}

#[test]
fn nodes_that_differ_a_little_are_listed_with_their_difference() {
    let pool = "pool: p";
    let nodes: String = (1..=4).map(|i| node(&format!("n{i}"), &format!("{pool}, disk: d{}", i / 4), "")).collect();
    let nodes = nodes.replacen("cpu: '8'", "cpu: '7'", 1);
    assert_snapshot!(made(&[("n", &nodes)]), @r#"
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: p
        labels: { pool: p }
        allocatable: { cpu: 8, nvidia.com/gpu: 8 }
    nodes:
      - { name: n1, pool: p, labels: { disk: d0 }, allocatable: { cpu: 7 } }
      - { name: n2, pool: p, labels: { disk: d0 } }
      - { name: n3, pool: p, labels: { disk: d0 } }
      - { name: n4, pool: p, labels: { disk: d1 } }
    "#);
}

#[test]
fn capabilities_come_from_definitions() {
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  group: x.io\n  \
        versions: [{ name: v1, served: true }, { name: v1beta1, served: false }]\n---\n";
    let made = made(&[("crds.yaml", definition), ("n", &node("a", "", ""))]);
    assert!(made.starts_with("capabilities:\n  - x.io/v1\nresources"), "{made}");
}

fn pod(name: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: {name} }}\nspec:\n  nodeName: a\n{rest}\n---\n")
}

/// What is used of the only node.
#[track_caller]
fn used(pods: &[String]) -> String {
    let outcome = imported(&[("n", &node("a", "", "")), ("p", &pods.concat())]);
    assert_eq!(outcome.problems, "");
    let inventory = outcome.inventory.unwrap();
    inventory.nodes[0].used.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn pods_use_what_the_scheduler_counts() {
    let one = "  containers: [{ resources: { requests: { cpu: 500m, nvidia.com/gpu: 1 } } }, { resources: { requests: { cpu: 1 } } }]";
    assert_eq!(used(&[pod("x", one)]), "cpu=1500 nvidia.com/gpu=1 pods=1");
    assert_eq!(used(&[pod("x", one), pod("y", one)]), "cpu=3000 nvidia.com/gpu=2 pods=2");
    let init = format!("  initContainers: [{{ resources: {{ requests: {{ cpu: 4 }} }} }}]\n{one}");
    assert_eq!(used(&[pod("x", &init)]), "cpu=4000 nvidia.com/gpu=1 pods=1");
    let sidecar = "  initContainers:\n  - { restartPolicy: Always, resources: { requests: { cpu: 2 } } }\n  - { resources: { requests: { cpu: 1 } } }";
    // Both containers and the sidecar run together; the init container has only the sidecar beside it.
    assert_eq!(used(&[pod("x", &format!("{sidecar}\n{one}"))]), "cpu=3500 nvidia.com/gpu=1 pods=1");
    let overhead = format!("{one}\n  overhead: {{ cpu: 250m }}");
    assert_eq!(used(&[pod("x", &overhead)]), "cpu=1750 nvidia.com/gpu=1 pods=1");
    let whole = format!("{one}\n  resources: {{ requests: {{ cpu: 7 }} }}");
    assert_eq!(used(&[pod("x", &whole)]), "cpu=7000 nvidia.com/gpu=1 pods=1");
}

#[test]
fn pods_that_take_nothing() {
    let container = "  containers: [{ resources: { requests: { cpu: 1 } } }]";
    let ended = pod("x", &format!("{container}\nstatus: {{ phase: Succeeded }}"));
    let pending = pod("y", container).replace("  nodeName: a\n", "");
    let own = pod("z", container).replace("name: z", "name: z, labels: { app.kubernetes.io/managed-by: rbgc }");
    assert_eq!(used(&[ended, pending, own]), "");
}

#[test]
fn pods_of_unknown_nodes() {
    let text = pod("x", "  containers: []").replace("nodeName: a", "nodeName: b");
    let outcome = imported(&[("n", &node("a", "", "")), ("p", &text)]);
    assert_eq!(outcome.problems, "W0051 p:5:13 no Node object for 1 name: `b`");
}
