//! Where workloads may run, by clauses and pins.

use super::affinity::{self, Site};
use super::plan;
use super::testing::*;
use crate::check::{self, Clause, ClauseKind, Form, Pin};
use crate::inventory::{Inventory, Pool};
use crate::link::Link;
use crate::place::{ClauseKind as Kind, Placement};

/// The site of the first part of the first unit of the first role, in words.
#[track_caller]
fn shown(group: check::Group, clauses: Vec<crate::place::Clause>, inventory: &Inventory) -> String {
    let fitted = fit(vec![group], vec![clauses]);
    let plan = plan(&fitted, inventory, &place(&fitted, inventory));
    show(&plan.groups[0].roles[0].units[0].sites[0])
}

fn show(site: &Site<'_>) -> String {
    let term = |term: &affinity::Term| {
        let expression = |e: &affinity::Expression| {
            format!("{} {} {}", e.key, if e.not { "not in" } else { "in" }, e.values.join("|"))
        };
        term.iter().map(expression).collect::<Vec<_>>().join(" & ")
    };
    let mut out = String::new();
    for required in &site.required {
        out += &format!("required {}\n", term(required));
    }
    for (weight, preferred) in &site.preferred {
        out += &format!("preferred {weight} {}\n", term(preferred));
    }
    for pods in &site.pods {
        out += &format!("{} {:?} by {}\n", if pods.near { "near" } else { "apart from" }, pods.pods, pods.topology);
    }
    for spread in &site.spread {
        let strict = if spread.required { "strictly" } else { "if possible" };
        out += &format!("spread by {} max {} {strict}\n", spread.topology, spread.max_skew);
    }
    out
}

/// A role of single pods with accelerators, three instances.
fn decode() -> check::Group {
    let mut role = role("decode", Form::PerInstance, 3);
    role.parts[0].pod.gpus = 8;
    group("g", vec![role])
}

fn rack() -> Vec<crate::place::Clause> {
    vec![require(Kind::Instances { role: 0, level: 2 })]
}

#[test]
fn a_domain_is_required_and_its_nodes_preferred() {
    insta::assert_snapshot!(shown(decode(), rack(), &inventory(2, 4)), @r"
    required topology.kubernetes.io/zone in a & x/block in b0 & x/rack in r0
    preferred 100 kubernetes.io/hostname in gpu-0000
    ");
}

#[test]
fn without_a_clause_nothing_is_required() {
    insta::assert_snapshot!(shown(decode(), vec![], &inventory(2, 4)), @"preferred 100 kubernetes.io/hostname in gpu-0000");
}

#[test]
fn pins_choose_how_much_is_required() {
    let mut nodes = decode();
    nodes.pin = Pin::Nodes;
    insta::assert_snapshot!(shown(nodes, rack(), &inventory(2, 4)), @"required kubernetes.io/hostname in gpu-0000");
    let mut none = decode();
    none.pin = Pin::None;
    assert_eq!(shown(none, rack(), &inventory(2, 4)), "");
}

#[test]
fn elastic_nodes_are_not_named() {
    let mut inventory = inventory(2, 4);
    inventory.nodes.iter_mut().for_each(|n| n.elastic = true);
    insta::assert_snapshot!(shown(decode(), rack(), &inventory), @"required topology.kubernetes.io/zone in a");
}

#[test]
fn the_product_is_that_of_the_planned_nodes() {
    let mut group = decode();
    group.roles[0].parts[0].pod.gpu = Some(("H100".into(), HERE));
    insta::assert_snapshot!(shown(group.clone(), vec![], &inventory(2, 4)), @r"
    required nvidia.com/gpu.product in NVIDIA-H100-80GB-HBM3
    preferred 100 kubernetes.io/hostname in gpu-0000
    ");
    let mut bare = inventory(2, 4);
    bare.nodes[0].labels.remove("nvidia.com/gpu.product");
    insta::assert_snapshot!(shown(group, vec![], &bare), @"preferred 100 kubernetes.io/hostname in gpu-0000");
}

fn on(not: bool, pools: &[&str]) -> Clause {
    let pools = pools.iter().map(|p| ((*p).to_string(), HERE)).collect();
    Clause { kind: ClauseKind::Pool { roles: vec![0], not, pools }, prefer: None, span: HERE }
}

fn pools() -> Inventory {
    let mut inventory = inventory(2, 4);
    let labels = |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    inventory.pools = vec![
        Pool { name: "a".into(), labels: labels(&[("pool", "a"), ("tier", "gold")]) },
        Pool { name: "b".into(), labels: labels(&[("pool", "b")]) },
        Pool { name: "bare".into(), labels: labels(&[]) },
    ];
    inventory
}

#[test]
fn pools_are_told_by_their_labels() {
    let with = |clauses: Vec<Clause>| {
        let mut group = decode();
        group.pin = Pin::None;
        group.clauses = clauses;
        shown(group, vec![], &pools())
    };
    insta::assert_snapshot!(with(vec![on(false, &["a", "b"])]), @r"
    required pool in a & tier in gold
    required pool in b
    ");
    insta::assert_snapshot!(with(vec![on(true, &["a", "b"])]), @r"
    required pool not in a & pool not in b
    required tier not in gold & pool not in b
    ");
    insta::assert_snapshot!(with(vec![on(false, &["bare"])]), @"required kubernetes.io/hostname in gpu-0000");
    let label = ClauseKind::Label { roles: vec![0], not: false, key: "disk".into(), values: vec!["ssd".into()] };
    let wish = Clause { prefer: Some(500), ..on(false, &["b"]) };
    insta::assert_snapshot!(with(vec![Clause { kind: label, prefer: None, span: HERE }, wish]), @r"
    required disk in ssd
    preferred 100 pool in b
    ");
}

#[test]
fn exclusive_groups_keep_others_out() {
    let exclusive = vec![require(Kind::Exclusive { level: 2 })];
    insta::assert_snapshot!(shown(decode(), exclusive.clone(), &inventory(2, 4)), @r"
    required topology.kubernetes.io/zone in a & x/block in b0 & x/rack in r0
    preferred 100 kubernetes.io/hostname in gpu-0000
    apart from OtherGroups by x/rack
    ");
    let mut same = inventory(8, 2);
    same.domains[2][7].path[2] = "r0".into();
    insta::assert_snapshot!(shown(decode(), exclusive, &same), @r"
    required topology.kubernetes.io/zone in a & x/block in b0 & x/rack in r0
    preferred 100 kubernetes.io/hostname in gpu-0000
    ");
}

#[test]
fn a_shared_template_names_no_node_of_one_instance() {
    let mut embed = elastic("embed", 2, 4);
    embed.parts[0].pod.gpus = 1;
    let group = group("g", vec![embed]);
    let spread = require(Kind::Spread { role: 0, level: 2, max_skew: Some(2), at_least: None });
    insta::assert_snapshot!(shown(group.clone(), vec![spread], &inventory(2, 4)), @"spread by x/rack max 2 strictly");
    assert_eq!(shown(group.clone(), rack(), &inventory(2, 4)), "");
    let together = vec![require(Kind::Together { roles: vec![0], level: 1 })];
    insta::assert_snapshot!(shown(group, together, &inventory(2, 4)), @"required topology.kubernetes.io/zone in a & x/block in b0");
}

#[test]
fn near_and_apart_bind_both_sides() {
    let groups = || group("g", vec![elastic("a", 1, 2), elastic("b", 1, 2)]);
    let near = vec![require(Kind::Near { role: 0, to: 1, level: 2 })];
    insta::assert_snapshot!(shown(groups(), near, &inventory(2, 4)), @r#"near Role("b") by x/rack"#);
    let apart = vec![require(Kind::Apart { role: 1, from: Some(0), level: 2 })];
    insta::assert_snapshot!(shown(groups(), apart, &inventory(2, 4)), @r#"apart from Role("b") by x/rack"#);
}

#[test]
fn a_floor_of_links_keeps_both_ends_in_its_level() {
    let mut g = service("pd");
    g.connections[0].floor = Some((Link::Rdma, HERE));
    let fitted = fit(vec![g], vec![]);
    let inventory = inventory(2, 8);
    let plan = plan(&fitted, &inventory, &place(&fitted, &inventory));
    let sites = |role: usize| show(&plan.groups[0].roles[role].units[0].sites[0]);
    insta::assert_snapshot!(sites(0), @r"
    required nvidia.com/gpu.product in NVIDIA-H100-80GB-HBM3 & topology.kubernetes.io/zone in a & x/block in b0
    preferred 100 kubernetes.io/hostname in gpu-0000
    ");
    insta::assert_snapshot!(sites(1), @r"
    required topology.kubernetes.io/zone in a & x/block in b0
    preferred 100 kubernetes.io/hostname in gpu-0004
    ");
    assert!(plan.groups[0].discovery.starts_with("connections:\n- from: prefill\n  link: rdma\n  to: decode\n"));
}

#[test]
fn without_pins_no_link_is_promised() {
    let fitted = fit(vec![service("pd")], vec![]);
    let inventory = inventory(2, 8);
    let plan = plan(&fitted, &inventory, &place(&fitted, &inventory));
    assert!(plan.groups[0].discovery.contains("link: vpc"));
}

#[test]
fn an_unplaced_role_is_planned_all_the_same() {
    let fitted = fit(vec![service("pd")], vec![]);
    let inventory = inventory(2, 8);
    let plan = plan(&fitted, &inventory, &Placement::default());
    assert_eq!(plan.groups[0].roles[0].units.len(), 2);
    assert_eq!(show(&plan.groups[0].roles[0].units[0].sites[0]), "");
}

#[test]
fn upstreams_discovery_file() {
    let named = |name: &str, replicas: u32, number: (&str, u16)| {
        let mut role = role(name, Form::StatefulSet, replicas);
        role.parts[0].pod.main.ports = vec![port(number.0, number.1)];
        role
    };
    let roles = vec![named("worker", 2, ("http", 8080)), named("leader", 1, ("API-x", 6443))];
    let fitted = fit(vec![group("1-test", roles)], vec![]);
    let inventory = inventory(1, 4);
    let plan = plan(&fitted, &inventory, &place(&fitted, &inventory));
    insta::assert_snapshot!(plan.groups[0].discovery, @r"
    group:
      name: 1-test
      namespace: llm
      roles:
      - worker
      - leader
      size: 2
    roles:
      leader:
        instances:
        - address: 1-test-leader-0.s-1-test-leader
          ports:
            api_x: 6443
        size: 1
      worker:
        instances:
        - address: 1-test-worker-0.s-1-test-worker
          ports:
            http: 8080
        - address: 1-test-worker-1.s-1-test-worker
          ports:
            http: 8080
        size: 2
    schema: rbgc.dev/v1
    ");
}
