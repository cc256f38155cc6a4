//! Several files, their order, and what they disagree about.

use proptest::prelude::*;

use super::{body, imported, node, with};
use crate::inventory::diff;

const TABLE: &str = "node,rack\na,r1\nb,r2\n";

#[test]
fn the_order_of_files_and_rows_plays_no_part() {
    let nodes = [node("a", "", ""), node("b", "", "")];
    let pods =
        "apiVersion: v1\nkind: Pod\nspec: { nodeName: a, containers: [{ resources: { requests: { cpu: 1 } } }] }\n";
    let (ab, ba) = (nodes.concat(), [nodes[1].as_str(), &nodes[0]].concat());
    let first = body(&imported(&[("n", &ab), ("t", TABLE), ("p", pods)]));
    assert_eq!(body(&imported(&[("p", pods), ("t", "node,rack\nb,r2\na,r1\n"), ("n", &ba)])), first);
    assert!(first.contains("{ name: a, pool: gpu, domains: { rack: r1 }, used: { cpu: 1, pods: 1 } }"), "{first}");
}

#[test]
fn files_disagree() {
    let check = |other: &str, expected: &str| {
        let nodes = node("a", "example.com/x: '1'", "");
        assert_eq!(imported(&[("n", &nodes), ("t", other)]).problems, expected);
    };
    check("node,example.com/x\na,2\n", "E0508 t:2:3 the label `example.com/x` of the node `a` is `1` and `2`");
    check("node,gpus\na,4\n", "E0508 t:2:1 two files tell different amounts of `nvidia.com/gpu` of the node `a`");
    check("node,gpus\nb,4\n", "W0051 t:2:1 no Node object for 1 name: `b`");
    let matrices = imported(&[
        ("t", "node,gpus\na,2\n"),
        ("m", "\tGPU0\tGPU1\nGPU0\t X \tSYS\nGPU1\tSYS\t X \n"),
        ("o", "\tGPU0\tGPU1\nGPU0\t X \tPHB\nGPU1\tPHB\t X \n"),
    ]);
    assert_eq!(matrices.problems, "E0508 o:1:2 two files tell different links of the node `a`");
}

#[test]
fn a_matrix_is_about_a_pool_or_a_hostlist() {
    let table = ("t", "node,gpus,example.com/x,pool\nn1,2,,\nn2,2,,\n");
    let matrix = ("m", "\tGPU0\tGPU1\nGPU0\t X \tSYS\nGPU1\tSYS\t X \n");
    let linked = |of: &str| {
        let outcome =
            with(&[("t", "node,gpus\nn1,2\nn2,2\n"), matrix], |request| request.files[1].of = Some(of.into()));
        let linked = outcome.inventory.map(|i| i.nodes.iter().filter(|n| n.gpu_links.is_some()).count());
        (linked, outcome.problems)
    };
    assert_eq!(linked("gpu"), (Some(2), String::new()));
    assert_eq!(linked("n[2]"), (Some(1), String::new()));
    assert_eq!(linked("n[2-3]"), (Some(1), "W0051 m:1:2 no Node object for 1 name: `n3`".into()));
    assert_eq!(imported(&[table]).problems, "E0507 t:1:25 unknown column `pool`");
}

#[test]
fn several_resources_for_one_word() {
    let text = node("a", "", "")
        .replace("nvidia.com/gpu: '8'", "nvidia.com/gpu: '8', amd.com/gpu: '4', rdma/a: '1', rdma/b: '1'");
    assert_eq!(
        imported(&[("n", &text)]).problems,
        "W0051 n:4:9 accelerators are called `nvidia.com/gpu` and `amd.com/gpu` here; `nvidia.com/gpu` was taken\n\
         W0051 n:4:9 several resources may be `rdma`, such as `rdma/a` and `rdma/b`; none was taken"
    );
}

/// Racks of a few nodes, some with other amounts, used, down or without a rack.
fn cluster() -> impl Strategy<Value = Vec<(String, Option<u8>, u8, u8, bool)>> {
    let node = ("[ab]-[0-2]{1,2}", prop::option::weighted(0.9, 0_u8..3), 6_u8..9, 0_u8..3, prop::bool::weighted(0.1));
    prop::collection::btree_map("[ab]-[0-9]{1,2}", node, 1..24).prop_map(|map| {
        map.into_iter().map(|(name, (_, rack, cpu, used, down))| (name, rack, cpu, used, down)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pools say the same as a list of nodes that is written here by hand.
    #[test]
    fn pools_are_exact(cluster in cluster()) {
        let mut table = String::from("node,rack,cpu,gpus,free,ready\n");
        let mut plain = String::from(
            "apiVersion: rbgc.dev/v1\nkind: ClusterInventory\nmetadata: { name: c }\nkubernetes: \"1.33\"\n\
             levels: [{ name: rack, label: topology.rbgc.dev/rack }]\nlinks: { rack: vpc }\npools: [{ name: gpu }]\nnodes:\n",
        );
        for (name, rack, cpu, used, down) in &cluster {
            let rack = rack.map_or(String::new(), |rack| format!("r{rack}"));
            table.push_str(&format!("{name},{rack},{cpu},8,{},{}\n", 8 - used, !down));
            let domains = if rack.is_empty() { String::new() } else { format!(", domains: {{ rack: {rack} }}") };
            let used = if *used > 0 { format!(", used: {{ nvidia.com/gpu: {used} }}") } else { String::new() };
            plain.push_str(&format!(
                "- {{ name: {name}, pool: gpu, allocatable: {{ cpu: {cpu}, nvidia.com/gpu: 8 }}{domains}{used}, ready: {} }}\n", !down
            ));
        }
        // A cluster without any rack has no such level.
        prop_assume!(cluster.iter().any(|(_, rack, ..)| rack.is_some()));
        let outcome = imported(&[("t", &table)]);
        let (expected, problems) = crate::inventory::tests::loaded(plain.as_bytes());
        prop_assert_eq!(problems, "");
        let difference = diff::difference(&outcome.inventory.expect("an inventory"), &expected.expect("an inventory"));
        prop_assert_eq!(difference, diff::Difference::default());
    }
}
