//! Which labels are levels, and in which order.

use super::{imported, node, with};

/// Nodes with two or more labels, one a line: `a x=1 y=2`.
fn nodes(lines: &str) -> String {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or("");
        let labels: Vec<String> = words.map(|word| word.replacen('=', ": \"", 1) + "\"").collect();
        node(name, &labels.join(", "), "")
    };
    lines.lines().filter(|l| !l.trim().is_empty()).map(line).collect()
}

/// The levels that are found, and the problems.
#[track_caller]
fn check(lines: &str, levels: &str, problems: &str) {
    let outcome = imported(&[("n", &nodes(lines))]);
    assert_eq!(outcome.problems, problems);
    let found = outcome.inventory.map_or_else(Vec::new, |inventory| {
        inventory.levels.iter().map(|level| format!("{}={}", level.name, level.label)).collect()
    });
    let found: Vec<String> = found.into_iter().filter(|level| !level.starts_with("node=")).collect();
    assert_eq!(found.join(" "), levels);
}

#[test]
fn the_first_layer_of_amazon_is_the_widest() {
    let layer = |n| format!("topology.k8s.aws/network-node-layer-{n}");
    let (one, two, three) = (layer(1), layer(2), layer(3));
    check(
        &format!("a {one}=x {two}=y1 {three}=z1\nb {one}=x {two}=y1 {three}=z2\nc {one}=x {two}=y2 {three}=z3"),
        &format!("core={one} block={two} rack={three}"),
        "",
    );
}

#[test]
fn the_tier_zero_of_topograph_is_the_closest() {
    let tier = |n| format!("fabric.topograph.run/tier-{n}");
    let (zero, one) = (tier(0), tier(1));
    check(&format!("a {zero}=l1 {one}=s1\nb {zero}=l2 {one}=s1"), &format!("block={one} rack={zero}"), "");
    let old = |n| format!("network.topology.nvidia.com/{n}");
    let (leaf, spine) = (old("leaf"), old("spine"));
    check(&format!("a {leaf}=l1 {spine}=s1\nb {leaf}=l2 {spine}=s1"), &format!("spine={spine} rack={leaf}"), "");
}

#[test]
fn nesting_decides_against_the_table() {
    // An NVLink domain that spans two leaf switches is the wider one.
    let (leaf, domain) = ("fabric.topograph.run/tier-0", "accelerator.topograph.run/domain");
    let text = format!("a {leaf}=l1 {domain}=d\nb {leaf}=l2 {domain}=d");
    check(&text, &format!("nvlink={domain} rack={leaf}"), "");
    let text = format!("a {leaf}=l {domain}=d1\nb {leaf}=l {domain}=d2");
    check(&text, &format!("rack={leaf} nvlink={domain}"), "");
}

#[test]
fn equal_partitions_take_the_order_of_the_table() {
    let (zone, region) = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region");
    check(&format!("a {zone}=z {region}=r\nb {zone}=z {region}=r"), &format!("region={region} zone={zone}"), "");
}

#[test]
fn equal_partitions_of_one_rank_are_reported() {
    let (a, b) = ("fabric.topograph.run/tier-0", "cloud.google.com/gce-topology-subblock");
    check(
        &format!("x {a}=1 {b}=2"),
        &format!("tier-0={a} rack={b}"),
        &format!("W0054 n:5:42 nothing tells which of the labels `{a}` and `{b}` is the wider level; `{a}` was taken"),
    );
}

#[test]
fn a_value_under_two_parents() {
    let (leaf, spine) = ("fabric.topograph.run/tier-0", "fabric.topograph.run/tier-1");
    check(
        &format!("a {leaf}=l1 {spine}=s1\nb {leaf}=l1 {spine}=s2\nc {leaf}=l2 {spine}=s2"),
        "",
        "E0506 n:14:42 the rack `l1` lies under the block `s1` and under the block `s2`",
    );
}

#[test]
fn a_missing_label_leaves_the_node_out_of_the_level() {
    let (leaf, spine) = ("fabric.topograph.run/tier-0", "fabric.topograph.run/tier-1");
    let text = format!("a {leaf}=l1 {spine}=s1\nb {leaf}=l2 {spine}=s1\nc {spine}=s1\nd {leaf}=l1\ne");
    let outcome = imported(&[("n", &nodes(&text))]);
    assert_eq!(
        outcome.problems,
        format!(
            "W0051 n:31:9 2 nodes of 5 without the label `{spine}`, and so in no domain of the level `block`: `d`, `e`\n\
             W0051 n:22:9 2 nodes of 5 without the label `{leaf}`, and so in no domain of the level `rack`: `c`, `e`\n\
             W0051 n:32:42 the level `rack` of 1 node is left out, because the wider level `block` is missing: `d`"
        )
    );
    let inventory = outcome.inventory.unwrap();
    let known = |name: &str| {
        let node = inventory.nodes.iter().find(|n| n.name == name).unwrap();
        node.domains.iter().filter(|domain| domain.is_some()).count()
    };
    assert_eq!(["a", "c", "d", "e"].map(known), [3, 2, 1, 1]);
}

#[test]
fn nvlink_is_missing_by_design() {
    let (zone, clique) = ("topology.kubernetes.io/zone", "nvidia.com/gpu.clique");
    check(&format!("a {zone}=z {clique}=u.1\nb {zone}=z"), &format!("zone={zone} nvlink={clique}"), "");
}

const TOPOLOGY: &str = "apiVersion: kueue.x-k8s.io/v1beta2\nkind: Topology\nmetadata: { name: default }\nspec:\n  levels:\n  \
    - nodeLabel: cloud.provider.com/topology-block\n  - nodeLabel: cloud.provider.com/topology-rack\n  - nodeLabel: kubernetes.io/hostname\n";

#[test]
fn kueue_names_levels() {
    let (block, rack) = ("cloud.provider.com/topology-block", "cloud.provider.com/topology-rack");
    let outcome = imported(&[
        ("t", TOPOLOGY),
        ("n", &nodes(&format!("a {block}=b1 {rack}=r1\nb {block}=b1 {rack}=r2\nc {block}=b2 {rack}=r1"))),
    ]);
    assert_eq!(
        outcome.problems,
        "W0054 n:23:88 one value of the level `rack` under two domains of the level `block`, such as `r1`: taken as different domains"
    );
    let inventory = outcome.inventory.unwrap();
    assert_eq!(inventory.levels[..2].iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["block", "rack"]);
    assert_eq!(inventory.domains[1].len(), 3);
    let reversed = imported(&[
        ("t", TOPOLOGY),
        ("n", &nodes(&format!("a {block}=b1 {rack}=r1\nb {block}=b2 {rack}=r1\nc {block}=b3 {rack}=r2"))),
    ]);
    assert!(
        reversed.problems.starts_with(&format!("W0054 t:6:16 `{block}` is declared wider than `{rack}`")),
        "{}",
        reversed.problems
    );
    assert_eq!(reversed.inventory.unwrap().levels[0].name, "block");
}

#[test]
fn a_declared_level_that_no_node_has() {
    let text = nodes("a cloud.provider.com/topology-block=b");
    let outcome = imported(&[("t", TOPOLOGY), ("n", &text)]);
    assert_eq!(
        outcome.problems,
        "W0051 t:7:16 no node carries the label `cloud.provider.com/topology-rack`, which is declared as a level"
    );
}

#[test]
fn levels_can_be_chosen() {
    let text = nodes("a x.io/p=1 topology.kubernetes.io/zone=z\nb x.io/p=2 topology.kubernetes.io/zone=z");
    let outcome = with(&[("n", &text)], |request| request.levels = vec![("place".into(), "x.io/p".into())]);
    assert_eq!(outcome.problems, "");
    assert_eq!(outcome.inventory.unwrap().levels[0].name, "place");
    let both = vec![("place".into(), "x.io/p".into()), ("host".into(), "kubernetes.io/hostname".into())];
    assert_eq!(with(&[("n", &text)], |request| request.levels = both).problems, "");
}
