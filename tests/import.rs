//! The commands about inventories: what they write, say and print, and how they end.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::{self, Run};

const NODES: &str = "\
node,zone,rack,gpus,free,cpu
n1,a,r1,8,8,64
n2,a,r1,8,3,64
n3,a,r2,8,8,64
n4,a,r2,8,8,64
";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        place.write("nodes.csv", NODES)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    /// Runs a command of `rbgc inventory` and expects this exit code.
    #[track_caller]
    fn says(&self, exit: i32, line: &str) -> Run {
        let words: Vec<&str> = ["inventory"].into_iter().chain(line.split_whitespace()).collect();
        let run = cli::run(self.0.path(), &words);
        assert_eq!(run.exit, exit, "{line}\n{}{}", run.out, run.err);
        run
    }
}

const IMPORT: &str = "import nodes.csv --kubernetes 1.33 -o lab.yaml";

#[test]
fn an_import_writes_once() {
    let place = Place::new();
    let run = place.says(0, IMPORT);
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", "lab.yaml  written\n"));
    let text = fs::read_to_string(place.path("lab.yaml")).unwrap();
    assert!(text.contains("metadata: { name: lab }"), "{text}");
    assert_eq!(place.says(0, IMPORT).err, "lab.yaml  unchanged\n");
    // What an import made, an import may replace.
    let place = place.write("nodes.csv", &NODES.replace("n4,a,r2", "n4,a,r3"));
    assert_eq!(place.says(0, IMPORT).err, "lab.yaml  written\n");
    let stream = place.says(0, "import nodes.csv --kubernetes 1.33 --name lab -o -");
    assert_eq!(stream.out, fs::read_to_string(place.path("lab.yaml")).unwrap());
    assert_eq!(stream.err, "");
}

#[test]
fn a_file_of_others_is_kept() {
    let place = Place::new().write("lab.yaml", "by hand\n");
    let run = place.says(1, IMPORT);
    assert!(run.err.contains("error[E0801]: `lab.yaml` was not made by an import"), "{}", run.err);
    assert_eq!(fs::read_to_string(place.path("lab.yaml")).unwrap(), "by hand\n");
    place.says(0, &format!("{IMPORT} --force"));
    assert!(fs::read_to_string(place.path("lab.yaml")).unwrap().starts_with("# Made by"));
}

/// What people add to an imported inventory.
const ADDED: [(&str, &str); 8] = [
    ("name: zone, label: topology.kubernetes.io/zone", "name: hall, label: topology.kubernetes.io/zone"),
    (
        "links: { zone: vpc }",
        "links: { hall: rdma }\nreserved: { ports: \"30000-32767\" }\nnamespaces: { monitoring: [watch] }\n\
         gateway: { name: shared, namespace: infra, section: https }\ningress: { class: nginx }\n\
         monitoring: { labels: { release: stack } }",
    ),
    ("levels:", "capabilities:\n  - leaderworkerset.x-k8s.io/v1\nlevels:"),
    (
        "domains: { zone: a,",
        "dedicated: true\n    memlock: unlimited\n    nics: \"mlx5_[0-1]\"\n    domains: { hall: a,",
    ),
    ("- name: gpu", "- name: big"),
    ("pool: gpu", "pool: big, dedicated: false"),
    ("metadata: { name: lab }", "metadata: { name: lab-7 }"),
    ("label: topology.rbgc.dev/rack", "label: topology.rbgc.dev/rack, unique: true"),
];

#[test]
fn what_was_added_by_hand_is_kept() {
    let place = Place::new();
    place.says(0, IMPORT);
    let mut text = fs::read_to_string(place.path("lab.yaml")).unwrap();
    for (old, new) in ADDED {
        assert!(text.contains(old), "{old}\n{text}");
        text = text.replace(old, new);
    }
    let place = place.write("lab.yaml", &text);
    let run = place.says(0, "import nodes.csv -o lab.yaml");
    assert_snapshot!(run.err, @r"
    lab.yaml  written
      kept: `capabilities`, the link of `hall`, the name of the pool `big`, `dedicated` of the pool `big`, `memlock` of the pool `big`, `nics` of the pool `big`, what is said of the node `n2`, `reserved` and 2 more
    ");
    assert_snapshot!(fs::read_to_string(place.path("lab.yaml")).unwrap(), @r#"
    # Made by `rbgc inventory import`, which keeps what was added by hand; without this line it is left alone.
    apiVersion: rbgc.dev/v1
    kind: ClusterInventory
    metadata: { name: lab-7 }
    kubernetes: "1.33"
    capabilities:
      - leaderworkerset.x-k8s.io/v1
    levels:
      - { name: hall, label: topology.kubernetes.io/zone }
      - { name: rack, label: topology.rbgc.dev/rack, unique: true }
    links: { hall: rdma }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: big
        nodes: "n[1,3-4]"
        dedicated: true
        memlock: unlimited
        domains: { hall: a, rack: "r1,r2 x2" }
        allocatable: { cpu: 64, nvidia.com/gpu: 8 }
        nics: "mlx5_[0-1]"
    nodes:
      - { name: n2, pool: big, dedicated: false, domains: { rack: r1 }, used: { nvidia.com/gpu: 5 } }
    reserved: { ports: "30000-32767" }
    namespaces: { monitoring: [watch] }
    gateway: { name: shared, namespace: infra, section: https }
    ingress: { class: nginx }
    monitoring: { labels: { release: stack } }
    "#);
    assert!(place.says(0, "import nodes.csv -o lab.yaml").err.starts_with("lab.yaml  unchanged\n"));
    // Only what has changed in the cluster changes.
    let place = place.write("nodes.csv", &NODES.replace("n2,a,r1,8,3,64", "n2,a,r1,8,8,64"));
    place.says(0, "import nodes.csv -o lab.yaml");
    let again = fs::read_to_string(place.path("lab.yaml")).unwrap();
    assert!(again.contains("n2, pool: big, dedicated: false, domains: { rack: r1 } }"), "{again}");
    // All machines are new: nothing is known of the pool that they make.
    let place = place.write("nodes.csv", &NODES.replace('n', "m").replace("mode,zome", "node,zone"));
    place.says(0, "import nodes.csv -o lab.yaml");
    let again = fs::read_to_string(place.path("lab.yaml")).unwrap();
    assert!(again.contains("- name: gpu\n") && again.contains("reserved:") && !again.contains("dedicated"), "{again}");
    let run = place.says(0, &format!("{IMPORT} --fresh"));
    assert_eq!(run.err, "lab.yaml  written\n");
    assert!(!fs::read_to_string(place.path("lab.yaml")).unwrap().contains("reserved"));
}

#[test]
fn a_file_that_stands_and_is_broken_is_told() {
    let place = Place::new();
    place.says(0, IMPORT);
    let text =
        fs::read_to_string(place.path("lab.yaml")).unwrap().replace("links: { zone: vpc }", "links: { zone: vcp }");
    let place = place.write("lab.yaml", &text);
    let run = place.says(1, IMPORT);
    assert!(run.err.contains("lab.yaml:"), "{}", run.err);
    assert_eq!(fs::read_to_string(place.path("lab.yaml")).unwrap(), text);
    place.says(0, &format!("{IMPORT} --fresh"));
}

#[test]
fn a_file_by_hand_that_is_replaced_is_kept_in_part() {
    let place = Place::new();
    place.says(0, IMPORT);
    let text = fs::read_to_string(place.path("lab.yaml")).unwrap();
    let own = text.split_once('\n').unwrap().1.replace("- name: gpu", "- name: gpu\n    dedicated: true");
    let place = place.write("lab.yaml", &own);
    place.says(1, IMPORT);
    let run = place.says(0, &format!("{IMPORT} --force"));
    assert_eq!(run.err, "lab.yaml  written\n  kept: `dedicated` of the pool `gpu`\n");
}

#[test]
fn a_bad_file_writes_nothing() {
    let place = Place::new().write("nodes.csv", "node,gpus\nn1,-8\n");
    let run = place.says(1, IMPORT);
    assert!(run.err.contains("error[E0504]") && run.err.contains("nodes.csv:2:4"), "{}", run.err);
    assert!(!place.path("lab.yaml").exists());
    let json = place.says(1, &format!("{IMPORT} --format json"));
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()[0]["code"], "E0504");
    assert!(place.says(1, "import none.json -o lab.yaml").err.contains("error[E0001]"));
}

#[test]
fn warnings_do_not_hinder_unless_they_are_denied() {
    let place = Place::new().write("nodes.csv", &NODES.replace("n4,a,r2", "n4,a,"));
    assert!(place.says(0, IMPORT).err.contains("warning[W0051]"));
    fs::remove_file(place.path("lab.yaml")).unwrap();
    assert!(place.says(1, &format!("{IMPORT} --deny-warnings")).err.contains("error[W0051]"));
    assert!(!place.path("lab.yaml").exists());
}

#[test]
fn a_wrong_command_line() {
    let place = Place::new();
    place.says(2, "import -o lab.yaml");
    place.says(2, "import nodes.csv");
    place.says(2, "import nodes.csv --from yaml -o lab.yaml");
    place.says(2, "import nodes.csv --kubernetes new -o lab.yaml");
    place.says(2, "import nodes.csv --level rack -o lab.yaml");
    place.says(2, "import nodes.csv -o - --format json");
    place.says(2, "show");
    place.says(0, IMPORT);
    assert!(place.says(2, "show -i lab.yaml --level rak").err.contains("did you mean `rack`?"));
}

#[test]
fn the_tree_shows_where_there_is_room() {
    let place = Place::new();
    place.says(0, IMPORT);
    assert_snapshot!(place.says(0, "show -i lab.yaml").out, @r"
    lab          4 nodes  27/32 accelerators  3 whole  256/256 cpu
      zone a     4 nodes  27/32 accelerators  3 whole  256/256 cpu
        rack r1  2 nodes  11/16 accelerators  1 whole  128/128 cpu
        rack r2  2 nodes  16/16 accelerators  2 whole  128/128 cpu

    level  domains  whole nodes in one  free in one  partly free
    zone   1        3 (a)               27 (a)       27
    rack   2        2 (a/r2)            16 (a/r2)    11
    node   4        1 (n1)              8 (n1)       3
    ");
    let nodes = place.says(0, "show -i lab.yaml --level node").out;
    assert!(nodes.contains("\n      node n2  1 node   3/8 accelerators             64/64 cpu\n"), "{nodes}");
    let json: Value = serde_json::from_str(&place.says(0, "show -i lab.yaml --json").out).unwrap();
    assert_eq!(json["total"]["resources"]["nvidia.com/gpu"], serde_json::json!({ "capacity": 32, "free": 27 }));
    assert_eq!(json["levels"][1]["largest"]["wholeNodes"], serde_json::json!({ "count": 2, "domain": "a/r2" }));
    assert_eq!(json["total"]["domains"][0]["domains"][0]["path"], serde_json::json!(["a", "r1"]));
}

#[test]
fn what_groups_take_is_not_free() {
    let place = Place::new();
    place.says(0, IMPORT);
    fs::create_dir_all(place.path("out/web")).unwrap();
    let lock = "rbgc.lock 1\nedition 2026\nplace front/0 n3\nuses front nvidia.com/gpu=8\n";
    fs::write(place.path("out/web/rbgc.lock"), lock).unwrap();
    let out = place.says(0, "show -i lab.yaml --out out").out;
    assert!(out.starts_with("lab          4 nodes  19/32 accelerators  2 whole"), "{out}");
    fs::write(place.path("out/web/rbgc.lock"), "broken\n").unwrap();
    assert!(place.says(1, "show -i lab.yaml --out out").err.contains("E0804"));
}

#[test]
fn differences_are_told() {
    let place = Place::new();
    place.says(0, IMPORT);
    let same = place.says(0, "diff lab.yaml lab.yaml");
    assert_eq!((same.out.as_str(), same.err.as_str()), ("", ""));
    let changed = "node,zone,rack,gpus,free,cpu,unschedulable\nn2,a,r2,8,8,64,true\nn3,a,r2,8,8,64,\nn4,a,r2,8,8,32,\nn5,a,r2,8,8,64,\n";
    let place = place.write("nodes.csv", changed);
    place.says(0, "import nodes.csv --kubernetes 1.34 --name lab -o new.yaml");
    assert_snapshot!(place.says(3, "diff lab.yaml new.yaml").out, @r"
    ~ kubernetes: 1.33 -> 1.34
    - node n1
    + node n5
    ~ node n2
        domain rack: a/r1 -> a/r2
        takes pods: yes -> no
        used nvidia.com/gpu: 5 -> none
    ~ node n4
        allocatable cpu: 64 -> 32
    ");
    let json: Value = serde_json::from_str(&place.says(3, "diff lab.yaml new.yaml --json").out).unwrap();
    assert_eq!((&json["equal"], &json["added"][0], &json["removed"][0]), (&false.into(), &"n5".into(), &"n1".into()));
    let place = place.write("bad.yaml", "nodes: 1\n");
    assert!(place.says(1, "diff lab.yaml bad.yaml").err.contains("error[E0501]"));
}

#[test]
fn helps() {
    let place = Place::new();
    for command in ["import", "show", "diff"] {
        let help = place.says(0, &format!("{command} --help")).out;
        assert!(help.contains("\nExamples:\n") && help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
