//! What a sound inventory means.

use super::{EXAMPLE, check, consistent, loaded, sound};
use crate::inventory::Inventory;
use crate::link::Link;

#[test]
fn the_example_loads() {
    let (inventory, problems) = loaded(EXAMPLE.as_bytes());
    assert_eq!(problems, "");
    let inventory = inventory.unwrap();
    consistent(&inventory);
    assert_eq!(inventory.nodes.len(), 128);
    assert_eq!(inventory.domains.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 16, 0, 128]);
    let node = &inventory.nodes[64];
    assert_eq!(node.name, "gpu-065");
    assert_eq!(inventory.domains[2][node.domains[2].unwrap()].path, ["a", "b2", "r09"]);
    assert_eq!(inventory.domains[4][64].path, ["a", "b2", "r09", "", "gpu-065"]);
    assert_eq!(node.allocatable["cpu"], 192_000);
    assert_eq!(node.allocatable["memory"], 2 << 40);
    assert_eq!(inventory.shared_level(64, 71), Some(2));
    assert_eq!(inventory.shared_level(63, 64), Some(0));
}

/// The names of all nodes.
fn names(inventory: &Inventory) -> String {
    inventory.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// The paths of a level's domains with their nodes.
fn paths(inventory: &Inventory, level: usize) -> String {
    let one = |domain: &crate::inventory::Domain| {
        let nodes: Vec<&str> = domain.nodes.iter().map(|node| inventory.nodes[*node].name.as_str()).collect();
        format!("{}: {}", domain.path.join("/"), nodes.join(" "))
    };
    inventory.domains[level].iter().map(one).collect::<Vec<_>>().join("\n")
}

const RACKS: &str = "levels: [{ name: block, label: b }, { name: rack, label: r }]";

#[test]
fn nothing_but_the_head_is_needed() {
    let inventory = sound("");
    assert_eq!(inventory.kubernetes, (1, 33));
    assert_eq!(inventory.levels.iter().map(|level| level.name.as_str()).collect::<Vec<_>>(), ["node"]);
    assert_eq!(inventory.gpu_label, "nvidia.com/gpu.product");
    assert_eq!(inventory.resources.gpu, "nvidia.com/gpu");
    assert_eq!((inventory.resources.rdma, inventory.resources.hugepages), (None, None));
}

#[test]
fn empty_values_count_as_absent() {
    check("levels:\npools:\nnodes:\nlinks: ~\nreserved:\nnamespaces:", "");
}

#[test]
fn nodes_stand_in_natural_order() {
    assert_eq!(
        names(&sound("nodes: [{ name: n10 }, { name: n9 }]\npools: [{ name: p, nodes: 'n[1-2],m1' }]")),
        "m1 n1 n2 n9 n10"
    );
}

#[test]
fn patterns_follow_the_order_of_the_hostlist() {
    let pools = "pools: [{ name: p, nodes: 'n[4,1,3,2]', domains: { block: b, rack: 'x,r[1-2],x' } }]";
    assert_eq!(paths(&sound(&format!("{RACKS}\n{pools}")), 1), "b/r1: n1\nb/r2: n3\nb/x: n2 n4");
}

#[test]
fn terms_of_a_pattern_repeat_by_themselves() {
    let pools = "pools: [{ name: p, nodes: 'n[1-6]', domains: { block: 'a x2, b x4' } }]";
    assert_eq!(paths(&sound(&format!("{RACKS}\n{pools}")), 0), "a: n1 n2\nb: n3 n4 n5 n6");
}

#[test]
fn a_rack_may_have_the_name_of_a_rack_elsewhere() {
    let pools = "pools: [{ name: p, nodes: 'n[1-4]', domains: { block: 'b[1-2] x2', rack: 'r1,r2,r1,r2' } }]";
    let inventory = sound(&format!("{RACKS}\n{pools}"));
    assert_eq!(paths(&inventory, 1), "b1/r1: n1\nb1/r2: n2\nb2/r1: n3\nb2/r2: n4");
    assert_eq!(inventory.shared_level(0, 2), None);
}

#[test]
fn a_node_without_a_label_is_in_no_domain_of_that_level_and_of_narrower_ones() {
    let inventory = sound(&format!(
        "{RACKS}\nnodes: [{{ name: a, domains: {{ block: b1 }} }}, {{ name: b, labels: {{ b: '' }} }}]"
    ));
    assert_eq!(paths(&inventory, 0), "b1: a");
    assert_eq!(paths(&inventory, 1), "");
    assert_eq!(paths(&inventory, 2), "//b: b\nb1//a: a");
    assert_eq!(inventory.domains[2][1].parent, None);
}

#[test]
fn labels_and_domains_say_the_same() {
    let nodes = "nodes: [{ name: a, labels: { b: x, r: y } }, { name: b, domains: { block: x, rack: y } }]";
    let inventory = sound(&format!("{RACKS}\n{nodes}"));
    assert_eq!(paths(&inventory, 1), "x/y: a b");
    assert_eq!(inventory.nodes[1].labels["r"], "y");
    assert_eq!(inventory.nodes[1].labels["kubernetes.io/hostname"], "b");
}

#[test]
fn the_hostname_may_differ_from_the_name() {
    let inventory =
        sound("nodes: [{ name: ip-10-0-0-1.example, labels: { kubernetes.io/hostname: n1 } }, { name: n2 }]");
    assert_eq!(inventory.nodes[0].hostname, "n1");
    assert_eq!(paths(&inventory, 0), "n1: ip-10-0-0-1.example\nn2: n2");
}

#[test]
fn the_node_level_may_have_any_name() {
    let inventory = sound("levels: [{ name: host, label: kubernetes.io/hostname }]\nlinks: { host: pcie }");
    assert_eq!(inventory.levels[0].name, "host");
    assert_eq!(inventory.levels[0].link.as_ref().map(|link| link.class), Some(Link::Pcie));
}

#[test]
fn a_node_takes_what_it_does_not_say_from_its_pool() {
    let inventory = sound(
        "levels: [{ name: zone, label: z }]
pools:
  - name: p
    gpu: H200
    labels: { a: x }
    taints: [{ key: t, effect: NoSchedule }]
    dedicated: true
    spot: true
    memlock: unlimited
    domains: { zone: here }
    allocatable: { cpu: 8, nvidia.com/gpu: 8 }
nodes:
  - { name: n1, pool: p }
  - { name: n2, pool: p, gpu: H100, labels: { b: y }, taints: [], spot: false, domains: { zone: there },
      allocatable: { cpu: 0.5 }, used: { cpu: 100m }, unschedulable: true }",
    );
    let [first, second] = &inventory.nodes[..] else { panic!("two nodes") };
    assert_eq!((first.pool, first.gpu.as_deref(), first.taints.len()), (Some(0), Some("H200"), 1));
    assert_eq!((second.pool, second.gpu.as_deref(), second.taints.len()), (Some(0), Some("H100"), 0));
    assert!(first.dedicated && first.spot && first.memlock_unlimited && first.schedulable);
    assert!(second.dedicated && !second.spot && second.memlock_unlimited && !second.schedulable);
    assert_eq!((second.labels["a"].as_str(), second.labels["b"].as_str()), ("x", "y"));
    assert_eq!((second.allocatable["cpu"], second.allocatable["nvidia.com/gpu"], second.used["cpu"]), (500, 8, 100));
    assert_eq!(paths(&inventory, 0), "here: n1\nthere: n2");
    assert_eq!(inventory.pools[0].labels.len(), 1);
}

#[test]
fn the_product_is_the_label_unless_it_is_named() {
    let inventory =
        sound("gpuLabel: g\nnodes: [{ name: a, labels: { g: X-1 } }, { name: b, gpu: X, labels: { g: X-1 } }]");
    assert_eq!(inventory.nodes[0].gpu.as_deref(), Some("X-1"));
    assert_eq!(inventory.nodes[1].gpu.as_deref(), Some("X"));
}

#[test]
fn what_is_used_is_rounded_up_and_what_can_be_used_down() {
    let inventory = sound("nodes: [{ name: a, allocatable: { memory: 1500m }, used: { memory: 1500m } }]");
    assert_eq!((inventory.nodes[0].allocatable["memory"], inventory.nodes[0].used["memory"]), (1, 2));
}

#[test]
fn an_unready_node_takes_no_pods() {
    assert!(!sound("nodes: [{ name: a, ready: false }]").nodes[0].schedulable);
}

#[test]
fn pools_stand_in_natural_order() {
    let inventory = sound("pools: [{ name: p10, nodes: a }, { name: p9, nodes: b }]");
    assert_eq!(inventory.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["p9", "p10"]);
    assert_eq!(inventory.nodes[0].pool, Some(1));
}

#[test]
fn links_need_or_do_not() {
    let links = "links: { node: { class: pcie, needs: shared-devices }, block: rdma }";
    let inventory = sound(&format!("{RACKS}\n{links}"));
    let link = |level: usize| inventory.levels[level].link.clone().map(|link| (link.class, link.needs));
    assert_eq!(link(0), Some((Link::Rdma, None)));
    assert_eq!(link(1), None);
    assert_eq!(link(2), Some((Link::Pcie, Some("shared-devices".to_owned()))));
}

#[test]
fn ports_are_ranges() {
    assert_eq!(sound("reserved: { ports: '8472, 30000-32767' }").reserved_ports, [(8472, 8472), (30_000, 32_767)]);
}

#[test]
fn aliases_stand_for_whole_values() {
    let inventory = sound(
        "pools:\n- { name: a, nodes: a1, taints: &t [{ key: k, effect: NoExecute }] }\n- { name: b, nodes: b1, taints: *t }",
    );
    assert_eq!(inventory.nodes[0].taints, inventory.nodes[1].taints);
}

#[test]
fn the_schema_knows_every_key() {
    let schema = crate::inventory::schema();
    assert_eq!(schema["title"], "ClusterInventory");
    assert_eq!(schema["required"], serde_json::json!(["apiVersion", "kind", "metadata", "kubernetes"]));
    assert_eq!(schema["additionalProperties"], serde_json::json!(false));
    let pool = &schema["$defs"]["Pool"];
    assert_eq!(pool["required"], serde_json::json!(["name"]));
    assert_eq!(pool["properties"]["allocatable"]["additionalProperties"]["minimum"], 0);
    assert!(pool["properties"]["domains"]["description"].as_str().is_some_and(|text| text.contains("r[01-16] x8")));
}
