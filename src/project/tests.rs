//! Loading: what a project file means, and where each mistake is shown.

use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{DeliveryWord, Lint, Project, TargetWord, load};
use crate::diag::{Code, Session};
use crate::source::World;

/// A world of one file.
struct One<'t>(&'t [u8]);

impl World for One<'_> {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Loads a text; the problems as `E0805 3:7 message`, one a line.
fn loaded(text: &[u8]) -> (Option<Project>, String) {
    let world = One(text);
    let mut session = Session::new(&world, "");
    let project = load(&mut session, Path::new("work/rbgc.toml"), "rbgc.toml");
    let mut lines = Vec::new();
    for problem in &session.problems {
        let place = problem.span().and_then(|span| session.sources.locate(span));
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        lines.push(format!("{} {line}:{column} {}", problem.code.text(), problem.message));
    }
    (project, lines.join("\n"))
}

/// Loads a text and compares the problems. The edition stands before it, in line 1.
#[track_caller]
fn check(text: &str, expected: &str) {
    let (project, problems) = loaded(format!("edition = \"2026\"\n{text}").as_bytes());
    assert_eq!(problems, expected);
    assert_eq!(project.is_some(), expected.is_empty());
}

const EXAMPLE: &str = r#"edition = "2026"
sources = ["services", "./shared/../lib/"]

[lints]
W0001 = "deny"
w0002 = "allow"

[cluster.prod-east]
inventory = "clusters/prod-east.yaml"
target    = "native"
delivery  = "argocd"
out       = "deploy/prod-east"
repo      = "https://git.example.com/llm.git"
revision  = "main"
path      = "llm/deploy/prod-east"
argocd-project = "llm"
argocd-namespace = "argocd"
set       = { tier = "prod", replicas = 3, mask = 0x1F, big = 1_000, share = 0.5, on = true }

[cluster.lab]
inventory = "clusters/lab.yaml"
out       = "deploy/lab"
server    = "https://10.0.0.1:6443"
"#;

#[test]
fn the_example_loads() {
    let (project, problems) = loaded(EXAMPLE.as_bytes());
    assert_eq!(problems, "");
    let project = project.unwrap();
    assert_eq!((project.root.as_path(), project.edition), (Path::new("work"), 2026));
    assert_eq!(project.sources.iter().map(|source| source.value.as_str()).collect::<Vec<_>>(), ["services", "lib"]);
    assert_eq!(project.lints.get(&Code::FloatingTag), Some(&Lint::Deny));
    assert_eq!(project.lints.get(&Code::UnusedName), Some(&Lint::Allow));
    let east = &project.clusters["prod-east"];
    assert_eq!(east.target.as_ref().map(|target| target.value), Some(TargetWord::Native));
    assert_eq!(east.delivery.as_ref().map(|delivery| delivery.value), Some(DeliveryWord::Argocd));
    assert_eq!(east.server, "https://kubernetes.default.svc");
    assert_eq!(east.path.as_ref().map(|path| path.value.as_str()), Some("llm/deploy/prod-east"));
    let set: Vec<String> = east.set.iter().map(|(key, value)| format!("{key}={}", value.value)).collect();
    assert_eq!(set.join(" "), "big=1000 mask=31 on=true replicas=3 share=0.5 tier=prod");
    let lab = &project.clusters["lab"];
    assert_eq!((lab.inventory.value.as_str(), lab.server.as_str()), ("clusters/lab.yaml", "https://10.0.0.1:6443"));
    assert!(lab.target.is_none() && lab.delivery.is_none() && lab.set.is_empty());
}

#[test]
fn sources_are_the_whole_project_by_default() {
    let project = loaded(b"edition = \"2026\"").0.unwrap();
    assert_eq!(project.sources.iter().map(|source| source.value.as_str()).collect::<Vec<_>>(), ["."]);
}

#[test]
fn the_edition_is_needed_and_known() {
    assert_eq!(loaded(b"").1, "E0805 1:1 the project file has no `edition`");
    assert_eq!(loaded(b"edition = 2026").1, "E0805 1:11 expected a text, found the number `2026`");
    assert_eq!(loaded(b"edition = \"2025\"").1, "E0805 1:11 unknown edition `2025`");
}

#[test]
fn keys_are_strict() {
    check(
        "source = []\n[lint]\nW0001 = 'deny'",
        "E0805 2:1 the project file has no field `source`\nE0805 3:2 the project file has no field `lint`",
    );
    check(
        "[cluster.a]\ninventroy = 'i'\nout = 'o'",
        "E0805 2:10 a cluster has no `inventory`\nE0805 3:1 a cluster has no field `inventroy`",
    );
    check("cluster = []", "E0805 2:11 expected a map, found a list");
    check("sources = 'a'", "E0805 2:11 expected a list, found the text `a`");
    check("sources = [2026-11-21]", "E0805 2:12 expected a text, found the time `2026-11-21`");
}

#[test]
fn lints_are_warnings() {
    check("[lints]\nW0001 = 'den'", "E0805 3:9 unknown level of a lint `den`");
    check("[lints]\nE0101 = 'allow'", "E0805 3:1 `E0101` is an error, and errors cannot be allowed");
    check("[lints]\nW9999 = 'allow'", "E0805 3:1 unknown lint `W9999`");
    check("[lints]\nW0001 = 'allow'\nw0001 = 'deny'", "E0805 4:1 the lint `w0001` is set twice");
}

/// A cluster with another line.
#[track_caller]
fn check_cluster(line: &str, expected: &str) {
    check(&format!("[cluster.a]\ninventory = 'i'\nout = 'o'\n{line}"), expected);
}

#[test]
fn words_are_known() {
    check_cluster("target = 'nativ'", "E0805 5:10 unknown target `nativ`");
    check_cluster("delivery = 'argo'", "E0805 5:12 unknown delivery `argo`");
    check_cluster("target = 'lws'\ndelivery = 'flux'", "");
}

#[test]
fn argo_needs_a_repository() {
    check_cluster("delivery = 'argocd'", "E0805 2:10 the cluster `a` is delivered by Argo CD and has no `repo`");
    check_cluster("repo = 'a b'", "E0805 5:8 `a b` is empty or holds white space");
    check_cluster("argocd-project = 'A'", "E0805 5:18 `A` is not a DNS label");
}

#[test]
fn parameters_are_single_values() {
    check_cluster("set = { a = [1] }", "E0805 5:13 expected a single value, found a list");
}

#[test]
fn cluster_names_are_labels() {
    check("[cluster.A_b]\ninventory = 'i'\nout = 'o'", "E0805 2:10 `A_b` is not a DNS label");
}

#[test]
fn outputs_do_not_overlap() {
    let two = |a: &str, b: &str| {
        format!("[cluster.a]\ninventory = 'i'\nout = '{a}'\n[cluster.b]\ninventory = 'i'\nout = '{b}'")
    };
    check(&two("d/a", "d/b"), "");
    check(&two("d/a", "d/ab"), "");
    check(&two("d", "d"), "E0805 7:7 the outputs `d` and `d` of two clusters overlap");
    check(&two("d", "./d/b/"), "E0805 7:7 the outputs `d` and `d/b` of two clusters overlap");
    check(&two("d/a", "."), "E0805 7:7 the outputs `d/a` and `.` of two clusters overlap");
}

#[test]
fn paths_stay_below_the_root() {
    check_cluster("path = '../x'", "E0805 5:8 `../x` leaves the project root");
    check_cluster("path = 'a/../../x'", "E0805 5:8 `a/../../x` leaves the project root");
    check_cluster("path = '/x'", "E0805 5:8 `/x` leaves the project root");
    check_cluster("path = '~/x'", "E0805 5:8 `~/x` leaves the project root");
    check_cluster("path = 'C:/x'", "E0805 5:8 `C:/x` leaves the project root");
    check_cluster("path = 'a\\b'", "E0805 5:8 `a\\\\b` is not a path with `/` between its parts");
    check_cluster("path = ''", "E0805 5:8 `` is not a path with `/` between its parts");
    check_cluster("path = 'a/../b'", "");
}

#[test]
fn syntax_errors_have_places() {
    check("edition = \"2026\"", "E0805 2:1 this is not TOML: duplicate key");
    check("sources = ", "E0805 2:11 this is not TOML: string values must be quoted, expected literal string");
    check(
        "[cluster\n[lints]\nx",
        "E0805 2:9 this is not TOML: unclosed table, expected `]`\nE0805 4:2 this is not TOML: key with no value, expected `=`",
    );
    check("a\0 = 1", "E0805 2:2 this is not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`");
    assert_eq!(loaded(b"\xff").1, "E0003 0:0 `rbgc.toml` is not UTF-8: bad byte in line 1");
}

#[test]
fn deep_nesting_is_refused() {
    check(&format!("{} = 1", vec!["a"; 100_000].join(".")), "E0805 1:1 this is not TOML: recursion limit");
    check(&format!("[{}]", vec!["a"; 100_000].join(".")), "E0805 1:1 this is not TOML: recursion limit");
    let problems = loaded(format!("a = {}", "[".repeat(100_000)).as_bytes()).1;
    assert!(problems.starts_with("E0805 1:85 this is not TOML: cannot recurse further"), "{problems}");
}

/// The fenced TOML blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let fenced = page.split("```toml").skip(1).filter_map(|rest| rest.split_once("\n")?.1.split_once("```"));
    fenced.map(|(text, _)| text.to_owned()).collect()
}

#[test]
fn the_page_of_the_code_holds() {
    let blocks = blocks(include_str!("../../docs/diagnostics/E0805.md"));
    let problems = loaded(blocks[0].as_bytes()).1;
    assert_eq!(problems.lines().count(), 4, "{problems}");
    assert!(problems.lines().all(|line| line.starts_with("E0805")));
    assert_eq!(loaded(blocks[1].as_bytes()).1, "");
}

#[test]
fn the_schema_knows_every_key() {
    let schema = super::schema();
    let cluster = &schema["$defs"]["Cluster"];
    assert_eq!(schema["required"], serde_json::json!(["edition"]));
    assert_eq!(cluster["required"], serde_json::json!(["inventory", "out"]));
    assert_eq!(cluster["additionalProperties"], serde_json::json!(false));
    assert_eq!(cluster["properties"]["set"]["additionalProperties"]["type"][0], "string");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_projects_load_or_are_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..30, "[\\[\\]{}=.,'\"a-c#\n ]{0,4}"), 1..5),
    ) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        for (at, length, new) in edits {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        let (project, problems) = loaded(text.as_bytes());
        prop_assert_eq!(project.is_some(), problems.is_empty());
    }
}
