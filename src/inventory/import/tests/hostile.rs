//! Files that are meant to hurt.

use proptest::prelude::*;

use super::{imported, node, with};

#[test]
fn a_file_that_ends_in_the_middle() {
    let text = r#"{"apiVersion":"v1","items":[{"kind":"Node","metadata":{"name":"a"}},{"kind":"Node","meta"#;
    for end in [text.len(), text.len() - 6, 70, 40] {
        let problems = imported(&[("n", &text[..end])]).problems;
        assert!(
            problems.starts_with("E0507 n:1:") && problems.ends_with("this is not complete when the file ends"),
            "{end}: {problems}"
        );
    }
}

#[test]
fn nothing_at_all() {
    assert_eq!(imported(&[("n", "")]).problems, "E0507 n:1:1 the format of `n` is not clear");
    assert_eq!(imported(&[]).problems, "E0507 no file tells of a node");
    let empty = r#"{"apiVersion":"v1","items":[],"kind":"List"}"#;
    assert_eq!(imported(&[("n", empty)]).problems, "E0507 no file tells of a node");
}

#[test]
fn objects_that_are_something_else() {
    let check = |text: &str, expected: &str| assert_eq!(imported(&[("n", text)]).problems, expected);
    check("apiVersion: v1\nkind: ConfigMap\n", "E0507 n:2:7 unknown kind of object `ConfigMap`");
    check("apiVersion: v1\nkind: Node\n", "E0507 n:1:1 a Node without `metadata.name`");
    check("apiVersion: v1\nkind: Node\nmetadata: { name: A_b }\n", "E0507 n:3:19 `A_b` is not the name of a node");
    check("apiVersion: v1\nkind: [Node]\n", "E0507 n:1:1 an object without a `kind`");
    check(&node("a", "x: [1]", ""), "E0507 n:5:13 `x` is no label");
    check(&node("a", "", "spec: { taints: [{ key: k }] }"), "E0507 n:6:18 a taint without `key` and `effect`");
}

#[test]
fn amounts_that_cannot_be_added() {
    let pod = "apiVersion: v1\nkind: Pod\nspec: { nodeName: a, containers: [{ resources: { requests: { memory: 8E } } }] }\n---\n";
    let problems = imported(&[("n", &node("a", "", "")), ("p", &pod.repeat(2))]).problems;
    assert_eq!(problems, "E0507 p:5:1 the requests of this pod are too large to be added");
}

#[test]
fn many_nodes() {
    let mut table = String::from("node,block,rack,gpus\n");
    for i in 0..20_000 {
        table.push_str(&format!("n{i},b{},r{},8\n", i / 1000, i / 10));
    }
    let outcome = imported(&[("t", &table)]);
    assert_eq!(outcome.problems, "");
    let inventory = outcome.inventory.unwrap();
    assert_eq!((inventory.nodes.len(), inventory.domains[1].len()), (20_000, 2_000));
    assert!(outcome.text.unwrap().len() < 1_000);
}

#[test]
fn too_many_levels() {
    let labels: Vec<String> = (0..20).map(|i| format!("x.io/l{i}: v")).collect();
    let text = node("a", &labels.join(", "), "");
    let levels = (0..20).map(|i| (format!("l{i}"), format!("x.io/l{i}"))).collect();
    let problems = with(&[("n", &text)], |request| request.levels = levels).problems;
    assert_eq!(problems, "E0507 n:5:208 21 levels were found, more than 16");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// No text makes any reader panic, and what is made can be read.
    #[test]
    fn mutated_files_never_panic(format in 0_usize..6, at in 0_usize..400, with_text in "[a-z0-9\\[\\]{}:,=\"\\t\\n #-]{0,6}", cut in 0_usize..8) {
        let samples = [
            node("a", "topology.kubernetes.io/zone: z", "spec: { unschedulable: true }"),
            r#"{"instances":[{"id":"i","network_layers":["l","s"],"labels":{}}]}"#.to_owned(),
            "SwitchName=s0 Nodes=dev[0-5]\nSwitchName=s3 Switches=s[0-2]\n".to_owned(),
            "\tGPU0\tGPU1\tNIC0\nGPU0\t X \tNV4\tPIX\nGPU1\tNV4\t X \tSYS\n".to_owned(),
            "node,rack,gpus,free\nn1,r1,8,8\nn2,r2,8,4\n".to_owned(),
            "- topology: t\n  block: { blocks: [{ block: b1, nodes: 'n[01-04]' }] }\n".to_owned(),
        ];
        let mut text = samples[format].clone();
        let at = at % (text.len() + 1);
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &with_text);
        let outcome = imported(&[("x", &text)]);
        prop_assert_eq!(outcome.text.is_some(), outcome.inventory.is_some());
    }
}
