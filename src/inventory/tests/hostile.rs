//! Inputs that are meant to hurt: each is refused at its place, none panics or runs away.

use std::fmt::Write;

use proptest::prelude::*;

use super::{EXAMPLE, check, consistent, loaded, whole};

#[test]
fn an_alias_bomb() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{inner}]").unwrap();
    }
    check(&bomb, "E0501 7:15 the file holds more than 4000000 values, those behind aliases counted each time");
}

#[test]
fn an_alias_inside_its_anchor() {
    check("nodes: &a [*a]", "E0501 1:12 an alias stands inside its own anchor");
    check("nodes: *a", "E0501 1:8 this is not YAML: while parsing node, found unknown anchor");
}

#[test]
fn duplicate_keys() {
    check("nodes: []\nnodes: []", "E0501 2:1 the key `nodes` stands twice in one map");
    check("nodes: [{ name: a, labels: { x: a, 'x': b } }]", "E0501 1:36 the key `x` stands twice in one map");
}

#[test]
fn a_hostlist_of_a_billion() {
    check(
        "pools: [{ name: p, nodes: 'n[1-1000000000]' }]",
        "E0505 1:27 the hostlist makes 1000000000 names, more than 1000000",
    );
    let square = "pools: [{ name: p, nodes: 'n[1-99999999999999999][1-99999999999999999]' }]";
    check(square, "E0505 1:27 the hostlist makes too many names, more than 1000000");
    let pattern =
        "levels: [{ name: r, label: r }]\npools: [{ name: p, nodes: n, domains: { r: 'r x999999999999999999' } }]";
    check(pattern, "E0505 2:44 the pattern has 999999999999999999 values for 1 node");
}

#[test]
fn pools_that_are_too_many_together() {
    let pools = "pools: [{ name: p, nodes: 'a[1-600000]' }, { name: q, nodes: 'b[1-600000]' }]";
    check(pools, "E0505 1:62 more than 1000000 nodes, or labels of more than 2 GiB, in one inventory");
}

#[test]
fn labels_that_are_too_many_together() {
    let labels: Vec<String> = (0..1000).map(|i| format!("l{i}: {}", "v".repeat(60))).collect();
    let pools = format!("pools: [{{ name: p, nodes: 'a[1-900000]', labels: {{ {} }} }}]", labels.join(", "));
    check(&pools, "E0505 1:27 more than 1000000 nodes, or labels of more than 2 GiB, in one inventory");
}

#[test]
fn names_that_are_too_long_to_unfold() {
    let prefix = "x".repeat(1 << 20);
    check(
        &format!("pools: [{{ name: p, nodes: '{prefix}[1-1000000]' }}]"),
        "E0505 1:28 names longer than 253 characters",
    );
}

#[test]
fn aliases_of_a_long_text() {
    let aliases = vec!["*a"; 200].join(", ");
    let bomb = format!("nodes: [&a {}, {aliases}]", "x".repeat(1 << 20));
    let (_, problems) = loaded(whole(&bomb).as_bytes());
    assert!(problems.ends_with("the file holds more than 4000000 values, those behind aliases counted each time"));
}

#[test]
fn many_unknown_pools_among_many() {
    let pools: Vec<String> = (0..2_000).map(|i| format!("- name: p{i}")).collect();
    let nodes: Vec<String> = (0..2_000).map(|i| format!("- {{ name: n{i}, pool: q{i} }}")).collect();
    let part = format!("pools:\n{}\nnodes:\n{}", pools.join("\n"), nodes.join("\n"));
    let (_, problems) = loaded(whole(&part).as_bytes());
    assert_eq!(problems.lines().count(), 101);
}

#[test]
fn deep_nesting() {
    check(&format!("nodes: {}", "[".repeat(10_000)), "E0501 1:263 lists and maps are nested deeper than 32");
    check(
        &format!("nodes: {}{}", "[".repeat(40), "]".repeat(40)),
        "E0501 1:39 lists and maps are nested deeper than 32",
    );
    let mut block = String::new();
    for depth in 0..10_000 {
        writeln!(block, "{}a:", " ".repeat(depth.min(300))).unwrap();
    }
    check(&block, "E0501 33:33 lists and maps are nested deeper than 32");
}

#[test]
fn truncated() {
    check("nodes: [{ name: a", "E0501 1:9 this is not YAML: unclosed bracket '{'");
    assert_eq!(loaded(&EXAMPLE.as_bytes()[..300]).0.map(|inventory| inventory.name), None);
}

#[test]
fn tabs() {
    check("pools:\n- name: a\n\tnodes: x", "E0501 2:9 this is not YAML: while scanning a plain scalar, found a tab");
}

#[test]
fn control_characters() {
    check("nodes: [{ name: a\0b }]", "E0501 1:18 this is not YAML: unexpected character: `\\u{0}'");
    check("nodes: [{ name: \"a\\0b\" }]", "E0501 1:17 `a\\0b` is not the name of a node");
    check("nodes: [{ name: \"a\\u202eb\" }]", "E0501 1:17 `a\\u{202e}b` is not the name of a node");
}

#[test]
fn what_says_more_than_it_shows() {
    check("---\nnodes: []\n---", "E0501 3:1 a second document in one inventory");
    check("nodes: !!seq []", "E0501 1:8 a YAML tag (`tag:yaml.org,2002:seq`) is not allowed here");
    check("<<: { nodes: [] }", "E0501 1:1 the merge key `<<` is not allowed here");
    check("? [a]\n: b", "E0501 1:3 a key must be a text, found a list");
    check("~: b", "E0501 1:1 a key must be a text, found nothing");
}

#[test]
fn what_is_no_inventory() {
    assert_eq!(loaded(b"").1, "E0501 1:1 the file holds nothing");
    assert_eq!(loaded(b"# nothing\n").1, "E0501 1:1 the file holds nothing");
    assert_eq!(loaded(b"- a").1, "E0501 1:3 expected a map (the inventory), found a list");
    assert_eq!(loaded(b"null").1, "E0501 1:1 expected a map (the inventory), found nothing");
    assert_eq!(loaded(b"a\xff").1, "E0003 0:0 `inventory.yaml` is not UTF-8: bad byte in line 1");
    assert_eq!(loaded(b"\xef\xbb\xbfa: b").1, "E0003 0:0 `inventory.yaml` begins with a byte order mark");
}

#[test]
fn a_long_word() {
    let long = "x".repeat(1 << 20);
    let shown = "x".repeat(60);
    let far = format!("E0501 1:{} this is not YAML: mapping values are not allowed in this context", long.len() + 1);
    check(&format!("{long}: a"), &far);
    check(&format!("'nodes': {long}"), &format!("E0501 1:10 expected a list, found the text `{shown}…`"));
}

/// Words that mean something somewhere.
const WORDS: [&str; 24] = [
    "name",
    "node",
    "nodes",
    "pool",
    "rack",
    "r[1-3] x8",
    "gpu-[001-128]",
    "-1",
    "1e9",
    "null",
    "true",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "&a ",
    "*a",
    "\n",
    "  ",
    "kubernetes.io/hostname",
    "!!str ",
    "\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_inventories_load_or_are_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, 0..WORDS.len(), any::<bool>()), 1..5),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, length, word, insert) in edits {
            let start = at.index(text.len());
            let end = if insert { start } else { (start + length).min(text.len()) };
            text.splice(start..end, WORDS[word].chars());
        }
        let text: String = text.into_iter().collect();
        let (inventory, problems) = loaded(text.as_bytes());
        prop_assert_eq!(inventory.is_some(), problems.is_empty());
        inventory.iter().for_each(consistent);
    }

    #[test]
    fn arbitrary_bytes_load_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        loaded(&bytes);
        loaded(whole(&text).as_bytes());
        loaded(whole(&format!("nodes: {text}")).as_bytes());
    }
}
