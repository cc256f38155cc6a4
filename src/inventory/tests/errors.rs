//! Where each mistake is shown, and that no mistake hides another.

use super::{check, loaded, whole};

const RACKS: &str = "levels: [{ name: block, label: b }, { name: rack, label: r }]";

#[test]
fn the_head_is_needed() {
    assert_eq!(
        loaded(b"nodes: []\n").1,
        "E0501 1:1 the inventory has no `apiVersion`\nE0501 1:1 the inventory has no `kind`\n\
         E0501 1:1 the inventory has no `metadata`\nE0501 1:1 the inventory has no `kubernetes`"
    );
    let head = "apiVersion: rbgc.dev/v2\nkind: Inventory\nmetadata: { nam: x }\nkubernetes: 1.30\n";
    assert_eq!(
        loaded(head.as_bytes()).1,
        "E0501 1:13 unknown apiVersion `rbgc.dev/v2`\nE0501 2:7 unknown kind `Inventory`\n\
         E0501 3:11 `metadata` has no `name`\nE0501 3:13 `metadata` has no field `nam`\n\
         E0501 4:13 expected a text, found the number `1.30`"
    );
}

#[test]
fn keys_are_strict() {
    check(
        "pool: []\nnodes: [{ name: a, label: {} }]",
        "E0501 1:1 the inventory has no field `pool`\nE0501 2:20 a node has no field `label`",
    );
    check("nodes: [{ name: a, gpu-links: {} }]", "E0501 1:31 `gpu-links` has no `gpus`");
}

#[test]
fn types_are_strict() {
    check("nodes: [a]", "E0501 1:9 expected a map (a node), found the text `a`");
    check("nodes: [{ name: 1 }]", "E0501 1:17 expected a text, found the number `1`");
    check("nodes: [{ name: a, labels: { x: true } }]", "E0501 1:33 expected a text, found `true`");
    check("nodes: [{ name: a, unschedulable: yes }]", "E0501 1:35 expected `true` or `false`, found the text `yes`");
    check("nodes: [{ name: a, used: { cpu: [1] } }]", "E0501 1:33 expected a single value, found a list");
    check("levels: {}", "E0501 1:9 expected a list, found a map");
    check("links: rdma", "E0501 1:8 expected a map, found the text `rdma`");
}

#[test]
fn names_are_legal() {
    check(
        "nodes: [{ name: A }, { name: a_b }]",
        "E0501 1:17 `A` is not the name of a node\nE0501 1:30 `a_b` is not the name of a node",
    );
    check("pools: [{ name: p, nodes: 'N[1-2]' }]", "E0501 1:27 `N1` is not the name of a node");
    check(
        "nodes: [{ name: a, labels: { 'x y': a, x: -a } }]",
        "E0501 1:30 `x y` is not the key of a label\nE0501 1:43 `-a` is not the value of a label",
    );
    check(
        "capabilities: [v1, a.b/v1, a.b/1]",
        "E0501 1:16 `v1` is not an API group and version\nE0501 1:28 `a.b/1` is not an API group and version",
    );
    check("namespaces: { gateway: [A] }", "E0501 1:25 `A` is not the name of a namespace");
    check("gpuLabel: a/b/c", "E0501 1:11 `a/b/c` is not the key of a label");
    check("resources: { gpu: gpu, rdma: rdma/hca }", "E0501 1:19 `gpu` is not the name of a resource");
    let long = "a.".repeat(40) + "a";
    check(
        &format!("nodes: [{{ name: {long} }}]"),
        &format!("E0501 1:17 the name `{}…` is too long for a label", &long[..60]),
    );
}

#[test]
fn taints_are_legal() {
    check(
        "nodes: [{ name: a, taints: [{ key: k, effect: noSchedule }] }]",
        "E0501 1:47 unknown effect of a taint `noSchedule`",
    );
    check("nodes: [{ name: a, taints: [{ effect: NoExecute }] }]", "E0501 1:29 a taint has no `key`");
}

#[test]
fn levels_are_distinct() {
    check("levels: [{ name: a, label: x }, { name: a, label: y }]", "E0501 1:41 two levels with the name `a`");
    check("levels: [{ name: a, label: x }, { name: b, label: x }]", "E0501 1:51 two levels with the label `x`");
    check("levels: [{ name: Rack, label: x }]", "E0501 1:18 `Rack` is not a name like `rack` or `nvl-domain`");
    check(
        "levels: [{ name: node, label: x }]",
        "E0501 1:18 the level `node` must have the label `kubernetes.io/hostname`",
    );
    check(
        "levels: [{ name: n, label: kubernetes.io/hostname }, { name: r, label: r }]",
        "E0501 1:28 the level of `kubernetes.io/hostname` must be the last: nothing is narrower than a node",
    );
    let many: Vec<String> = (0..18).map(|i| format!("{{ name: l{i}, label: l{i} }}")).collect();
    check(&format!("levels: [{}]", many.join(",\n")), "E0501 17:1 more than 16 levels");
}

#[test]
fn levels_are_known() {
    check(&format!("{RACKS}\nlinks: {{ rak: rdma }}"), "E0503 2:10 unknown level `rak`");
    check("nodes: [{ name: a, domains: { rack: r } }]", "E0503 1:31 unknown level `rack`");
    check("pools: [{ name: a, nodes: n, domains: { rack: r } }]", "E0503 1:41 unknown level `rack`");
    check(
        "nodes: [{ name: a, domains: { node: a } }]",
        "E0501 1:31 the level `node` is filled from the names of the nodes",
    );
}

#[test]
fn an_unknown_level_that_may_be_a_refused_one_is_not_reported() {
    check(
        "levels: [{ name: Rack, label: x }]\nlinks: { rack: rdma }",
        "E0501 1:18 `Rack` is not a name like `rack` or `nvl-domain`",
    );
}

#[test]
fn links_are_known() {
    check(&format!("{RACKS}\nlinks: {{ rack: rmda }}"), "E0501 2:16 unknown link class `rmda`");
    check(&format!("{RACKS}\nlinks: {{ rack: {{ class: rdma, needs: x }} }}"), "E0501 2:38 unknown need of a link `x`");
}

#[test]
fn quantities_are_amounts() {
    check(
        "nodes: [{ name: a, allocatable: { cpu: -1, memory: 1.5Gib, gpus: 8, nvidia.com/gpu: 0.5, pods: .inf } }]",
        "E0504 1:40 `-1` of `cpu` is negative\nE0504 1:52 `1.5Gib` of `memory` is not a quantity\n\
         E0501 1:60 `gpus` is not the name of a resource\n\
         E0504 1:85 `0.5` of `nvidia.com/gpu` is not a whole number, and it cannot be divided\n\
         E0504 1:96 `.inf` of `pods` is not a quantity",
    );
    check("nodes: [{ name: a, used: { memory: -1Gi } }]", "E0504 1:36 `-1Gi` of `memory` is negative");
}

#[test]
fn nodes_are_declared_once() {
    check("nodes:\n- name: a\n- name: b\n- name: a", "E0502 4:9 two nodes of the name `a`");
    check(
        "pools: [{ name: p, nodes: 'a[1-9]' }, { name: q, nodes: 'a[5-12]' }]",
        "E0502 1:57 two nodes of the name `a5` (and 4 more)",
    );
    check("pools: [{ name: p, nodes: 'a[1-2],a2' }]", "E0502 1:27 two nodes of the name `a2`");
    check(
        "pools: [{ name: p, nodes: 'a[1-2]' }]\nnodes: [{ name: a2, pool: p }]",
        "E0502 2:17 two nodes of the name `a2`",
    );
    check(
        "nodes: [{ name: a, labels: { kubernetes.io/hostname: b } }, { name: b }]",
        "E0502 1:69 two nodes of the hostname `b`",
    );
}

#[test]
fn pools_are_known_and_distinct() {
    check("pools: [{ name: p }, { name: p }]", "E0501 1:30 two pools named `p`");
    check("pools: [{ name: h200 }]\nnodes: [{ name: a, pool: h20 }]", "E0501 2:26 unknown pool `h20`");
    check(
        "pools: [{ name: p, labels: { x: a } }]\nnodes: [{ name: a, pool: p, labels: { x: b } }]",
        "E0501 2:42 the label `x` differs from the pool's",
    );
    check(
        "pools: [{ name: p, labels: { kubernetes.io/hostname: b } }]",
        "E0501 1:54 a pool cannot set `kubernetes.io/hostname` for all its machines",
    );
}

#[test]
fn hostlists_are_well_formed() {
    check("pools: [{ name: p, nodes: 'a[1-2' }]", "E0505 1:29 `[` is not closed");
    check("pools: [{ name: p, nodes: \"a]\" }]", "E0505 1:29 `]` closes nothing");
    check("pools: [{ name: p, nodes: 'a[[1]]' }]", "E0505 1:30 brackets cannot be nested");
    check("pools: [{ name: p, nodes: 'a,,b' }]", "E0505 1:30 a name is missing here");
    check("pools: [{ name: p, nodes: '' }]", "E0505 1:28 a name is missing here");
    check("pools: [{ name: p, nodes: 'a b' }]", "E0505 1:29 a name cannot hold white space");
    check("pools: [{ name: p, nodes: 'a[1-2,x]' }]", "E0505 1:34 expected numbers such as `1-8`");
    check("pools: [{ name: p, nodes: 'a[2-1]' }]", "E0505 1:30 the range runs backwards");
    check(
        "pools: [{ name: p, nodes: 'a[01-100]' }]",
        "E0505 1:30 padded numbers must have the same width on both sides",
    );
    check("pools: [{ name: p, nodes: 'a[1-9999999999999999999]' }]", "E0505 1:30 expected numbers such as `1-8`");
    check("pools: [{ name: p, nodes: \"\\x61[2-1]\" }]", "E0505 1:27 the range runs backwards");
}

#[test]
fn patterns_match_their_nodes() {
    let pool = |rest: &str| format!("{RACKS}\npools: [{{ name: p, {rest} }}]");
    check(&pool("nodes: 'a[1-4]', domains: { block: 'b[1-2] x3' }"), "E0505 2:55 the pattern has 6 values for 4 nodes");
    check(&pool("nodes: 'a[1-4]', domains: { block: 'b x3' }"), "E0505 2:55 the pattern has 3 values for 4 nodes");
    check(&pool("nodes: 'a[1-4]', domains: { block: 'b[1-2] y2' }"), "E0505 2:63 expected a repetition such as `x8`");
    check(&pool("nodes: 'a[1-4]', domains: { block: 'b[1-2] x0' }"), "E0505 2:63 expected a repetition such as `x8`");
    check(&pool("nodes: 'a[1-4]', domains: { block: -b }"), "E0501 2:55 `-b` is not the value of a label");
    check(&pool("nodes: 'a[1-2]', domains: { block: '_[1-2]' }"), "E0501 2:55 `_1` is not the value of a label");
    check(
        &pool("domains: { block: 'b[1-2]' }"),
        "E0501 2:38 a pattern of several values in a pool that lists no nodes",
    );
}

#[test]
fn labels_and_levels_agree() {
    let text = "the level `block` and its label `b` disagree";
    let node = "nodes: [{ name: a, labels: { b: x }, domains: { block: y } }]";
    check(&format!("{RACKS}\n{node}"), &format!("E0501 2:56 {text}"));
    let pool = "pools: [{ name: p, nodes: 'a[1-2]', labels: { b: x }, domains: { block: 'b[1-2]' } }]";
    check(&format!("{RACKS}\n{pool}"), &format!("E0501 2:73 {text}"));
    let inherited = "pools: [{ name: p, labels: { b: x } }]\nnodes: [{ name: a, pool: p, domains: { block: y } }]";
    check(&format!("{RACKS}\n{inherited}"), &format!("E0501 3:47 {text}"));
}

#[test]
fn a_value_below_a_gap_is_reported() {
    check(
        &format!("{RACKS}\npools: [{{ name: p, nodes: 'a[1-2]', domains: {{ rack: r }} }}]"),
        "E0506 2:27 node `a1` (and 1 more) has a value for the level `rack` but none for the wider level `block`",
    );
}

#[test]
fn a_unique_value_lies_under_one_domain() {
    let levels = "levels: [{ name: rack, label: r }, { name: nvlink, label: nvidia.com/gpu.clique }]";
    let nodes =
        "nodes:\n- { name: a, domains: { rack: r1, nvlink: c } }\n- { name: b, domains: { rack: r2, nvlink: c } }";
    check(&format!("{levels}\n{nodes}"), "E0506 4:11 the nvlink `c` lies under two domains of the level `rack`");
    let loose = levels.replace("clique }", "clique, unique: false }");
    check(&format!("{loose}\n{nodes}"), "");
    let strict = "levels: [{ name: rack, label: r }, { name: nvlink, label: x, unique: true }]";
    check(&format!("{strict}\n{nodes}"), "E0506 4:11 the nvlink `c` lies under two domains of the level `rack`");
}

#[test]
fn links_of_accelerators_describe_one_machine() {
    let node = |links: &str| format!("nodes:\n- name: a\n  gpu-links: {{ gpus: {links} }}");
    check(&node("[X NV4, NV4 X], nics: { mlx5_0: PIX SYS }"), "");
    check(
        &node("[X NVL, NVL X]"),
        "E0501 3:23 unknown link `NVL`\nE0501 3:30 unknown link `NVL`".split('\n').next().unwrap(),
    );
    check(&node("[X SYS, SYS]"), "E0501 3:30 the row has 1 links for 2 accelerators");
    check(&node("[X SYS, PIX X]"), "E0501 3:30 the links between the accelerators 0 and 1 differ by direction");
    check(&node("[X SYS, X SYS]"), "E0501 3:30 `X` stands where row and column meet, here at the place 2");
    check(&node("[X], nics: { m: X }"), "E0501 3:38 an adapter has a link to each of the 1 accelerators");
}

#[test]
fn ports_are_ports() {
    check(
        "reserved: { ports: '80, 0, 70000, 90-80,' }",
        "E0501 1:25 `0` is not a range of ports\nE0501 1:28 `70000` is not a range of ports\n\
         E0501 1:35 `90-80` is not a range of ports\nE0501 1:41 `` is not a range of ports",
    );
}

#[test]
fn columns_count_characters() {
    check("nodes: [{ 'nämé': a, name: b }]", "E0501 1:11 a node has no field `nämé`");
    check(
        "nodes: [{ name: a, labels: { x: 'é€', y: '💥' } }]",
        "E0501 1:33 `é€` is not the value of a label\nE0501 1:42 `💥` is not the value of a label",
    );
}

#[test]
fn only_some_of_many_problems_are_kept() {
    let nodes: Vec<String> = (0..150).map(|_| "- 1".to_owned()).collect();
    let problems = loaded(whole(&format!("nodes:\n{}", nodes.join("\n"))).as_bytes()).1;
    assert_eq!(problems.lines().count(), 101);
    assert!(problems.ends_with("50 more problems in this file"), "{problems}");
}
