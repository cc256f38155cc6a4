//! The commands that compile: what they say, where, and how they end.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::{self, Run};
use crate::support::tree;

const SOURCE: &str = "\
param copies: Int = 1

group web {
  namespace = \"demo\"
  role front { image = \"nginx:1.27\"  replicas = copies  port http = 80 }
}
";
const INVENTORY: &str = "\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: small }
kubernetes: \"1.33\"
levels: [{ name: node, label: kubernetes.io/hostname }]
nodes:
  - { name: n1, allocatable: { cpu: 8, memory: 32Gi } }
";
const PROJECT: &str = "\
edition = \"2026\"
sources = [\"src\"]

[cluster.east]
inventory = \"inventory.yaml\"
delivery = \"plain\"
out = \"deploy/east\"
set = { copies = 2 }

[cluster.west]
inventory = \"inventory.yaml\"
delivery = \"argocd\"
repo = \"https://git.example.com/web.git\"
out = \"deploy/west\"
";

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        place.write("src/main.rbg", SOURCE).write("inventory.yaml", INVENTORY);
        place
    }

    fn project() -> Self {
        let place = Place::new();
        place.write("rbgc.toml", PROJECT);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn run(&self, line: &str) -> Run {
        cli::run(self.directory.path(), &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs and expects this exit code; nothing is said to the other stream.
    #[track_caller]
    fn says(&self, exit: i32, line: &str) -> Run {
        let run = self.run(line);
        assert_eq!(run.exit, exit, "{line}\n{}{}", run.out, run.err);
        run
    }
}

const COMPILE: &str = "compile src -i inventory.yaml --delivery plain";

#[test]
fn compile_tells_what_it_wrote() {
    let place = Place::new();
    let run = place.says(0, &format!("{COMPILE} -o out"));
    assert_eq!(run.out, "");
    assert_snapshot!(run.err, @r"
    out
      web  7 written, 0 unchanged, 0 deleted
    ");
    assert!(place.path("out/web/rbgc.lock").is_file());
    let run = place.says(0, &format!("-q {COMPILE} -o out"));
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
}

#[test]
fn build_is_compile() {
    Place::new().says(0, "build src -i inventory.yaml -o out");
}

#[test]
fn problems_go_to_standard_error() {
    let place = Place::new();
    place.write("src/main.rbg", &SOURCE.replace("copies  port", "copys  port"));
    let run = place.says(1, &format!("{COMPILE} -o out"));
    assert_eq!(run.out, "");
    assert_snapshot!(run.err, @r#"
    error[E0101]: unknown name `copys`
       ╭─[main.rbg:5:49]
     4 │   namespace = "demo"
     5 │   role front { image = "nginx:1.27"  replicas = copys  port http = 80 }
       ·                                                 ─────
     6 │ }
       ╰────
      help: a text is quoted: `"copys"`

    1 error
    for more about it: `rbgc explain E0101`
    "#);
    assert!(!place.path("out").exists());
    assert!(!place.says(1, "-q check src").err.is_empty());
}

#[test]
fn problems_as_json_go_to_standard_output() {
    let place = Place::new();
    place.write("src/main.rbg", &SOURCE.replace("copies  port", "copys  port"));
    let run = place.says(1, "check src --format json");
    assert_eq!(run.err, "");
    let problems: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(problems[0]["code"], "E0101");
    assert_eq!(
        (&problems[0]["line"], &problems[0]["column"], &problems[0]["endColumn"]),
        (&5.into(), &49.into(), &54.into())
    );
    assert_eq!(problems[0]["labels"][0]["file"], "main.rbg");
    assert_eq!(place.write("src/main.rbg", SOURCE).says(0, "check src --format json").out, "[]\n");
    let missing = place.says(1, "check nowhere --format json");
    let problems: Value = serde_json::from_str(&missing.out).unwrap();
    assert_eq!((&problems[0]["code"], &problems[0]["file"]), (&"E0001".into(), &Value::Null));
}

#[test]
fn problems_for_code_scanning() {
    let place = Place::new();
    place.write("src/main.rbg", &SOURCE.replace("copies  port", "copys  port").replace("nginx:1.27", "nginx"));
    place.write("src/a b.rbg", "group web { namespace = \"x\"  role a { image = \"a:1.0\" } }\n");
    let run = place.says(1, "check src --format sarif");
    assert_eq!(run.err, "");
    let log: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&log["version"], log["runs"].as_array().unwrap().len()), (&"2.1.0".into(), 1));
    let sarif = &log["runs"][0];
    let rules = sarif["tool"]["driver"]["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.contains(&"E0101") && ids.contains(&"E0603"), "{ids:?}");
    for rule in rules {
        let page = rule["help"]["markdown"].as_str().unwrap();
        assert!(page.starts_with(&format!(
            "# {}: {}",
            rule["id"].as_str().unwrap(),
            rule["shortDescription"]["text"].as_str().unwrap()
        )));
    }
    let results = sarif["results"].as_array().unwrap();
    let of = |code: &str| results.iter().find(|result| result["ruleId"] == code).unwrap();
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains([' ', ':', '\\']), "{uri}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let region = &of("E0101")["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region, &serde_json::json!({ "startLine": 5, "startColumn": 44, "endLine": 5, "endColumn": 49 }));
    assert_eq!(of("E0101")["level"], "error");
    let related = &of("E0603")["relatedLocations"][0];
    assert!(
        related["message"]["text"].is_string() && related["physicalLocation"]["region"]["startLine"].is_u64(),
        "{related}"
    );
    assert!(run.out.contains("a%20b.rbg"), "{}", run.out);
    assert_eq!(sarif["invocations"][0]["executionSuccessful"], false);
    // Problems without a place are told of the run: readers want a place of each result.
    let log: Value = serde_json::from_str(&place.says(1, "check nowhere --format sarif").out).unwrap();
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(
        (&log["runs"][0]["results"], &invocation["toolExecutionNotifications"][0]["descriptor"]["id"]),
        (&serde_json::json!([]), &"E0001".into())
    );
    place.says(2, "compile src -i inventory.yaml -o - --format sarif");
}

#[test]
fn problems_for_github() {
    let place = Place::new();
    place.write("src/main.rbg", &SOURCE.replace("copies  port", "copys  port"));
    let run = place.says(1, "check src --format github");
    assert!(
        run.err.starts_with("::error file=main.rbg,line=5,col=49,endLine=5,endColumn=54,title=E0101::"),
        "{}",
        run.err
    );
    assert_eq!(run.out, "");
}

#[test]
fn colours_are_used_when_asked() {
    let place = Place::new();
    place.write("src/main.rbg", "let x = y\n");
    assert!(!place.says(1, "check src").err.contains('\u{1b}'));
    assert!(place.says(1, "check src --color always").err.contains('\u{1b}'));
    let force = |value: &str, color: &str| {
        let mut command = cli::command(place.directory.path(), &["check", "src", "--color", color]);
        command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", value);
        cli::finish(command).err.contains('\u{1b}')
    };
    assert!(force("", "auto") && !force("1", "auto") && !force("", "never") && force("1", "always"));
}

#[test]
fn a_stream_holds_objects_alone() {
    let place = Place::new();
    let run = place.says(0, &format!("{COMPILE} -o -"));
    assert_eq!(run.err, "");
    assert!(run.out.starts_with("---\n"));
    let kinds = |text: &str| text.lines().filter(|l| l.starts_with("kind: ")).count();
    assert!(kinds(&run.out) > 3);
    place.says(0, &format!("{COMPILE} -o out"));
    let files: usize = tree::read(&place.path("out")).values().map(|text| kinds(text)).sum();
    assert_eq!(files, kinds(&run.out));
}

#[test]
fn check_lists_what_is_stale() {
    let place = Place::new();
    let line = format!("{COMPILE} -o out --check");
    let run = place.says(3, &line);
    assert!(run.out.lines().all(|l| l.starts_with("missing out/")), "{}", run.out);
    assert!(!place.path("out").exists());
    place.says(0, &format!("{COMPILE} -o out"));
    assert_eq!(place.says(0, &line).out, "");
    let run = place.says(3, &format!("{line} --set copies=2"));
    assert!(run.out.contains("stale out/web/"), "{}", run.out);
    fs::write(place.path("out/web/rbgc.lock"), "broken").unwrap();
    place.says(1, &line);
}

#[test]
fn parameters_are_set() {
    let place = Place::new();
    let one = place.says(0, &format!("{COMPILE} -o -"));
    let three = place.says(0, &format!("{COMPILE} -o - --set copies=2 --set copies=3"));
    assert!(one.out.contains("replicas: 1\n") && three.out.contains("replicas: 3\n"));
    assert!(place.says(1, &format!("{COMPILE} -o - --set copies=many")).err.contains("error[E0207]"));
    assert!(place.says(1, &format!("{COMPILE} -o - --set copy=1")).err.contains("error[E0207]"));
    assert!(place.says(2, &format!("{COMPILE} -o - --set copies")).err.contains("NAME=VALUE"));
}

#[test]
fn denied_warnings_write_nothing() {
    let place = Place::new();
    place.write("src/main.rbg", &SOURCE.replace("nginx:1.27", "nginx"));
    let run = place.says(1, &format!("{COMPILE} -o out --deny-warnings"));
    assert!(run.err.contains("error[W0001]") && !place.path("out").exists(), "{}", run.err);
    let run = place.says(0, &format!("{COMPILE} -o out"));
    assert!(run.err.contains("warning[W0001]") && run.err.contains("1 warning"), "{}", run.err);
}

#[test]
fn a_project_compiles_every_cluster() {
    let place = Place::project();
    let run = place.says(0, "compile");
    assert!(run.err.contains("deploy/east") && run.err.contains("deploy/west"), "{}", run.err);
    let (east, west) = (tree::read(&place.path("deploy/east")), tree::read(&place.path("deploy/west")));
    assert!(!east.keys().any(|p| p.starts_with("argocd/")) && west.keys().any(|p| p.starts_with("argocd/")));
    let application = west.iter().find(|(p, _)| p.contains("argocd/application")).unwrap().1;
    assert!(application.contains("repoURL: https://git.example.com/web.git"), "{application}");
    assert!(application.contains("path: deploy/west"), "{application}");
    assert!(east.values().any(|text| text.contains("replicas: 2")), "the cluster's parameters are used");
    place.says(0, "compile --check");
    let below = cli::run(&place.path("src"), &["compile", "--check"]);
    assert_eq!(below.exit, 0, "{}", below.err);
}

#[test]
fn a_cluster_is_chosen() {
    let place = Place::project();
    place.says(0, "compile --cluster west -o elsewhere");
    assert!(place.path("elsewhere/web").is_dir() && !place.path("deploy").exists());
    assert!(place.says(2, "compile --cluster wset").err.contains("did you mean `west`"));
    assert!(place.says(2, "compile -o elsewhere").err.contains("`-o` is for one cluster"));
    place.says(0, "dump placement --cluster east");
    assert!(place.says(2, "dump placement").err.contains("--cluster"));
}

#[test]
fn the_project_file_judges_warnings() {
    let place = Place::project();
    place.write("src/main.rbg", &SOURCE.replace("nginx:1.27", "nginx"));
    let run = place.says(0, "check");
    assert_eq!(run.err.matches("warning[W0001]").count(), 1, "once for both clusters:\n{}", run.err);
    place.write("rbgc.toml", &format!("{PROJECT}\n[lints]\nW0001 = \"allow\"\n"));
    assert_eq!(place.says(0, "check").err, "");
    place.write("rbgc.toml", &format!("{PROJECT}\n[lints]\nW0001 = \"deny\"\n"));
    assert!(place.says(1, "compile").err.contains("error[W0001]"));
    assert!(!place.path("deploy").exists());
}

#[test]
fn a_wrong_project_file_is_told() {
    let place = Place::project();
    place.write("rbgc.toml", &PROJECT.replace("[\"src\"]", "[\"scr\"]"));
    assert!(place.says(1, "compile").err.contains("error[E0805]"));
    place.write("rbgc.toml", &PROJECT.replace("\"plain\"", "\"plain\"\ntarget = \"helm\""));
    assert!(place.says(1, "compile").err.contains("error[E0805]"));
    place.write("rbgc.toml", &PROJECT.replace("\"plain\"", "\"flux\"\nflux-source = \"Bucket/x\""));
    assert!(place.says(1, "compile").err.contains("write GitRepository/NAME or OCIRepository/NAME"));
    place.write("rbgc.toml", &PROJECT.replace("\"plain\"", "\"flux\"\nrepo = \"git@example.com:x.git\""));
    assert!(place.says(1, "compile").err.contains("Flux reads `https://`, `ssh://` and `oci://`"));
    place.write("rbgc.toml", "edition = \"2026\"\n");
    assert!(place.says(2, "compile").err.contains("which cluster?"));
}

#[test]
fn groups_are_pruned_by_name() {
    let place = Place::project();
    place.write("src/other.rbg", "group other {\n  namespace = \"demo\"\n  role a { image = \"nginx:1.27\" }\n}\n");
    place.says(0, "compile");
    fs::remove_file(place.path("src/other.rbg")).unwrap();
    let run = place.says(0, "compile --cluster east");
    assert!(run.err.contains("warning[W0005]") && place.path("deploy/east/other").is_dir(), "{}", run.err);
    let run = place.says(0, "compile --cluster east --prune-group other");
    assert!(!run.err.contains("W0005") && !place.path("deploy/east/other").exists(), "{}", run.err);
    assert!(place.path("deploy/west/other").is_dir());
}

#[test]
fn a_lock_can_come_from_elsewhere() {
    let place = Place::new();
    let node = |name: &str| format!("nodes:\n  - {{ name: {name}, allocatable: {{ cpu: 8, memory: 32Gi }} }}");
    let (two, three) = (
        INVENTORY.replace("nodes:", &node("n2")),
        INVENTORY.replace("nodes:", &node("n2")).replace("nodes:", &node("n0")),
    );
    let source = SOURCE.replace("port http = 80", "cpu = 1  place { front apart at node }");
    place.write("src/main.rbg", &source.replace("= copies", "= 2")).write("inventory.yaml", &two);
    place.says(0, &format!("{COMPILE} -o out"));
    place.write("inventory.yaml", &three);
    assert!(!place.says(0, &format!("{COMPILE} -o - --lock out")).out.contains("n0"));
    assert!(place.says(0, &format!("{COMPILE} -o -")).out.contains("n0"));
}

#[test]
fn wrong_command_lines() {
    let place = Place::new();
    for line in [
        "compile",
        "compile src",
        "compile src -i inventory.yaml",
        "compile src -i inventory.yaml -o - --check",
        "compile src -i inventory.yaml -o - --format json",
        "compile src -i inventory.yaml -o out --target helm",
        "compile src -i inventory.yaml -o out --delivery helm",
        "compile src -i inventory.yaml -o out --delivery flux --flux-source x",
        "compile src -i inventory.yaml -o out --delivery flux --flux-source OCIRepository/x --repo https://a/b",
        "compile src -i inventory.yaml -o out --kustomization maybe",
        "compile src -i inventory.yaml --cluster east",
        "check --cluster east src",
        "dump placement src",
        "dump everything src",
        "graph src --format svg",
        "std show nothing",
        "schema everything",
    ] {
        let run = place.says(2, line);
        assert!(run.out.is_empty() && run.err.starts_with("error: "), "{line}: {}", run.err);
    }
    assert!(!place.path("out").exists());
}

#[test]
fn forms_are_dumped() {
    let place = Place::new();
    for form in ["ast", "model", "graph", "placement", "plan", "security"] {
        let run = place.says(0, &format!("dump {form} src -i inventory.yaml"));
        assert!(run.out.contains("front") && run.err.is_empty(), "{form}: {}{}", run.out, run.err);
    }
    assert_snapshot!(place.says(0, "dump graph src").out, @r"
    stage 0: web/front
    application web: web
    ");
    assert_snapshot!(place.says(0, "dump security src -i inventory.yaml").out, @r"
    namespace demo: baseline
    web/front: baseline: container `front` may run as root
    ");
    place.write("src/main.rbg", "group\n");
    for form in ["ast", "model", "graph", "placement", "plan", "security"] {
        let run = place.says(1, &format!("dump {form} src -i inventory.yaml"));
        assert!(run.out.is_empty() && run.err.contains("error[E0004]"), "{form}: {}{}", run.out, run.err);
    }
}

#[test]
fn graphs_are_drawn() {
    let root = crate::support::root();
    let draw = |format: &str| cli::run(&root, &["graph", "examples/qwen-pd", "--format", format]).out;
    assert_snapshot!(draw("mermaid"), @r#"
    flowchart TD
      subgraph g0["llm/qwen-pd"]
        g0r0["prefill<br/>2 x 4 pods"]
        g0r1["decode<br/>4 x 2 pods"]
        g0r2["router<br/>1 pod"]
      end
      g0r0 --> g0r2
      g0r1 --> g0r2
      g0r0 <==>|rdma| g0r1
      g0r2 -.->|bootstrap, http| g0r0
      g0r2 -.->|http| g0r1
    "#);
    assert_snapshot!(draw("dot"), @r#"
    digraph rbgc {
      node [shape=box];
      subgraph cluster_g0 {
        label="llm/qwen-pd";
        g0r0 [label="prefill\n2 x 4 pods"];
        g0r1 [label="decode\n4 x 2 pods"];
        g0r2 [label="router\n1 pod"];
      }
      g0r0 -> g0r2;
      g0r1 -> g0r2;
      g0r0 -> g0r1 [dir=both, style=bold, label="rdma"];
      g0r2 -> g0r0 [style=dotted, label="bootstrap, http"];
      g0r2 -> g0r1 [style=dotted, label="http"];
    }
    "#);
    // What is waited for whenever a pod starts is told from the order of the delivery.
    let waits = |format: &str| cli::run(&root, &["graph", "examples/recovery", "--format", format]).out;
    assert!(waits("mermaid").contains("  g0r0 -->|wait| g1r0\n") && waits("mermaid").contains("  g1r0 --> g1r1\n"));
    assert!(waits("dot").contains("  g0r0 -> g1r0 [label=\"wait\"];\n"));
}

#[test]
fn the_standard_library_is_shown() {
    let place = Place::new();
    let list = place.says(0, "std list").out;
    for module in ["std.demo", "std.mooncake", "std.sglang", "std.vllm"] {
        assert!(list.lines().any(|l| l.starts_with(module)), "{list}");
        let text = place.says(0, &format!("std show {module}")).out;
        assert!(text.contains("template "), "{text}");
        assert_eq!(text, place.says(0, &format!("std show {}", module.trim_start_matches("std."))).out);
    }
    assert_snapshot!(place.says(0, "std show demo.Router").out, @r"
    template Router
      Passes requests on to its backends in turn.

      backends: List<Role<Server>>
        The servers.
    ");
    let text = place.says(2, "std show demo.Ruoter").err;
    assert!(text.contains("did you mean `Router`?"), "{text}");
}

#[test]
fn schemas_are_json() {
    let place = Place::new();
    for what in ["inventory", "project", "diagnostics", "plan", "failures", "verify", "steps"] {
        let schema: Value = serde_json::from_str(&place.says(0, &format!("schema {what}")).out).unwrap();
        assert!(schema["$schema"].is_string(), "{schema}");
    }
}

#[test]
fn the_output_is_no_source() {
    let place = Place::new();
    place.write("rbgc.toml", &PROJECT.replace("[\"src\"]", "[\".\"]"));
    place.says(0, "compile");
    place.write("deploy/east/web/copy.rbg", "this is no program\n");
    place.says(0, "compile");
    assert!(place.says(1, "compile src deploy -i inventory.yaml -o other").err.contains("E0004"));
}

#[test]
fn another_directory_is_worked_in() {
    let place = Place::project();
    let path = place.directory.path().to_str().unwrap().to_owned();
    let run = cli::run(Path::new("/"), &["-C", &path, "compile", "--cluster", "east"]);
    assert_eq!(run.exit, 0, "{}", run.err);
    assert!(place.path("deploy/east/web").is_dir());
}

const UGLY: &str = "group   web{\n namespace=\"demo\" // why\nrole front {image=\"nginx:1.27\"}\n}\n";

#[test]
fn sources_are_formatted() {
    let place = Place::new();
    place.write("src/main.rbg", SOURCE).write("src/deep/ugly.rbg", UGLY).write("src/broken.rbg", "group {\n");
    let run = place.says(1, "fmt src --check");
    assert_eq!(run.out, "deep/ugly.rbg\n");
    assert!(run.err.contains("error[E0004]") && run.err.contains("broken.rbg"), "{}", run.err);
    fs::remove_file(place.path("src/broken.rbg")).unwrap();
    assert_eq!(place.says(3, "fmt --check").out, "src/deep/ugly.rbg\n");
    assert_eq!(fs::read_to_string(place.path("src/deep/ugly.rbg")).unwrap(), UGLY);
    let run = place.says(0, "fmt");
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", "src/deep/ugly.rbg\n"));
    let formatted = fs::read_to_string(place.path("src/deep/ugly.rbg")).unwrap();
    assert_snapshot!(formatted, @r#"
    group web {
      namespace = "demo"  // why
      role front { image = "nginx:1.27" }
    }
    "#);
    let touched = fs::metadata(place.path("src/main.rbg")).unwrap().modified().unwrap();
    let run = place.says(0, "fmt src/main.rbg src");
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    assert_eq!(fs::metadata(place.path("src/main.rbg")).unwrap().modified().unwrap(), touched);
    place.says(0, "fmt --check");
}

#[cfg(unix)]
#[test]
fn formatting_keeps_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.write("src/main.rbg", UGLY);
    let path = place.path("src/main.rbg");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    place.says(0, "fmt");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    place.write("src/main.rbg", UGLY);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    assert!(place.says(1, "fmt").err.contains("error[E0803]"));
    assert_eq!(fs::read_to_string(&path).unwrap(), UGLY);
    assert_eq!(fs::read_dir(place.path("src")).unwrap().count(), 1);
}

/// Runs with a text on standard input.
fn with_input(arguments: &[&str], input: &[u8]) -> Run {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = cli::command(Path::new("/"), arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { exit: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn standard_input_is_formatted() {
    let run = with_input(&["fmt", "-"], UGLY.as_bytes());
    assert!(run.exit == 0 && run.out.starts_with("group web {\n") && run.err.is_empty(), "{run:?}");
    let again = with_input(&["fmt", "-", "--check"], run.out.as_bytes());
    assert_eq!((again.exit, again.out.as_str()), (0, ""));
    assert_eq!(with_input(&["fmt", "-", "--check"], UGLY.as_bytes()).exit, 3);
    let broken = with_input(&["fmt", "-"], b"group {");
    assert!(broken.exit == 1 && broken.out.is_empty() && broken.err.contains("<stdin>:1:"), "{broken:?}");
    assert!(with_input(&["fmt", "-"], b"\xff").err.contains("error[E0003]"));
    assert_eq!(with_input(&["fmt", "-", "x.rbg"], b"").exit, 2);
}

#[test]
fn help_of_fmt() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "fmt -h").out, @r"
    Format sources

    Usage: rbgc fmt [OPTIONS] [FILE|DIR|-]...

    Arguments:
      [FILE|DIR|-]...  Files, directories with `*.rbg` files, or `-`; by default the current directory

    Options:
          --check            Change nothing; list the files that are not formatted, and exit with 3 if
                             there are any
          --format <FORMAT>  How to print diagnostics: for people and for GitHub on standard error, as
                             JSON and SARIF on standard output [default: human] [possible values: human,
                             json, github, sarif]
          --deny-warnings    Treat warnings as errors
      -h, --help             Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc fmt                     every source in this directory and below
      rbgc fmt services/qwen.rbg   one file
      rbgc fmt --check             change nothing; list what is not formatted, and exit with 3
      rbgc fmt - < in > out        from standard input to standard output, for editors
    ");
}

#[test]
fn help_of_compile() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "compile -h").out, @r"
    Compile sources to manifests

    Usage: rbgc compile [OPTIONS] [FILE|DIR]...

    Arguments:
      [FILE|DIR]...  Source files, or directories with `*.rbg` files; without any, the sources of
                     rbgc.toml

    Options:
      -i, --inventory <FILE>        The inventory of the cluster; without it, that of each cluster in
                                    rbgc.toml
          --cluster <NAME>          Compile for this cluster of rbgc.toml only; may be repeated
          --set <NAME=VALUE>        Set a parameter of the sources; may be repeated
          --target <TARGET>         What workloads are made of: native (default), lws, rbg
      -o, --output <DIR|->          The output directory, or `-` for one stream on standard output
          --delivery <DELIVERY>     How manifests reach the cluster: argocd (default), flux, plain
          --kustomization <on|off>  Whether to list the objects of each group in a `kustomization.yaml`
                                    [default: off]
          --prune-group <NAME>      Delete what was written for this group, which the sources no longer
                                    declare; may be repeated
          --lock <DIR>              The tree whose locks say what is placed where; by default the output
                                    directory
          --effort <N>              How hard to look for a better plan: a factor of the work, from 1
                                    [default: 1]
          --install                 For a cluster where nothing stands yet: start roles that are updated
                                    in step all at once
          --check                   Write nothing; list what is not up to date, and exit with 3 if
                                    anything is
          --max-moves <N>           Refuse to move or restart more than so many instances
          --step                    When one commit cannot bring the change about, write the first that
                                    can: commit it, let it sync, and compile again
          --format <FORMAT>         How to print diagnostics: for people and for GitHub on standard
                                    error, as JSON and SARIF on standard output [default: human]
                                    [possible values: human, json, github, sarif]
          --deny-warnings           Treat warnings as errors
      -h, --help                    Print help (see more with '--help')

    Argo CD and Flux:
          --repo <URL>               The repository that Argo CD or Flux reads
          --revision <REVISION>      The branch, tag or commit that it follows
          --repo-path <PATH>         The output directory as it sees it in the repository
          --argocd-project <NAME>    An AppProject that exists; by default one is made
          --argocd-apps <NAME>       Make an Application of this name that brings all others
          --flux-source <KIND/NAME>  The source of Flux: GitRepository/NAME or OCIRepository/NAME; with
                                     `--repo` it is made

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc compile qwen.rbg --inventory lab.yaml -o deploy
                                   one file, for one cluster
      rbgc compile services --inventory lab.yaml -o - --delivery plain | kubectl apply -f -
                                   a directory, as one stream
      rbgc compile                 every cluster of rbgc.toml
      rbgc compile --cluster prod-east --check
                                   is what is committed up to date?
      rbgc compile --max-moves 2   refuse to move more than two instances
    ");
}

#[test]
fn help_of_check() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "check -h").out, @r"
    Check sources, and that the cluster can hold them

    Usage: rbgc check [OPTIONS] [FILE|DIR]...

    Arguments:
      [FILE|DIR]...  Source files, or directories with `*.rbg` files; without any, the sources of
                     rbgc.toml

    Options:
      -i, --inventory <FILE>  The inventory of the cluster; without it, that of each cluster in
                              rbgc.toml
          --cluster <NAME>    Compile for this cluster of rbgc.toml only; may be repeated
          --set <NAME=VALUE>  Set a parameter of the sources; may be repeated
          --target <TARGET>   What workloads are made of: native (default), lws, rbg
          --format <FORMAT>   How to print diagnostics: for people and for GitHub on standard error, as
                              JSON and SARIF on standard output [default: human] [possible values:
                              human, json, github, sarif]
          --deny-warnings     Treat warnings as errors
      -h, --help              Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc check qwen.rbg                            names, types, rules
      rbgc check qwen.rbg --inventory lab.yaml       and whether the cluster can hold it
      rbgc check --format github --deny-warnings     all of rbgc.toml, for a workflow
    ");
}

#[test]
fn help_of_dump() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "dump -h").out, @r"
    Print an intermediate form of a program

    Usage: rbgc dump [OPTIONS] <FORM> [FILE|DIR]...

    Arguments:
      <FORM>         Which form [possible values: ast, model, graph, placement, plan, security]
      [FILE|DIR]...  Source files, or directories with `*.rbg` files; without any, the sources of
                     rbgc.toml

    Options:
      -i, --inventory <FILE>  The inventory of the cluster; without it, that of each cluster in
                              rbgc.toml
          --cluster <NAME>    Compile for this cluster of rbgc.toml only; may be repeated
          --set <NAME=VALUE>  Set a parameter of the sources; may be repeated
          --target <TARGET>   What workloads are made of: native (default), lws, rbg
      -h, --help              Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc dump ast qwen.rbg                            the tree as it was read
      rbgc dump graph qwen.rbg                          who starts when
      rbgc dump placement qwen.rbg -i lab.yaml          which pod runs where
      rbgc dump security qwen.rbg -i lab.yaml           what its namespaces must allow

    The forms are for reading, and change with the compiler.
    ");
}

#[test]
fn help_of_graph() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "graph -h").out, @r"
    Draw who waits for whom and who talks to whom

    Usage: rbgc graph [OPTIONS] [FILE|DIR]...

    Arguments:
      [FILE|DIR]...  Source files, or directories with `*.rbg` files; without any, the sources of
                     rbgc.toml

    Options:
      -i, --inventory <FILE>  The inventory of the cluster; without it, that of each cluster in
                              rbgc.toml
          --cluster <NAME>    Compile for this cluster of rbgc.toml only; may be repeated
          --set <NAME=VALUE>  Set a parameter of the sources; may be repeated
          --target <TARGET>   What workloads are made of: native (default), lws, rbg
          --format <FORMAT>   The language of the picture [default: mermaid] [possible values: mermaid,
                              dot]
      -h, --help              Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc graph qwen.rbg                                  for Markdown on GitHub and GitLab
      rbgc graph qwen.rbg --format dot | dot -Tsvg > qwen.svg

    An arrow leads from the role that starts first to the one that waits for it (`wait`: whenever it
    starts); a double one is a connection, a dotted one leads to a role that is named by its address or
    port.
    ");
}

#[test]
fn help_of_std() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "std -h").out, @r"
    Show the standard library

    Usage: rbgc std [OPTIONS] <COMMAND>

    Commands:
      list  List the modules
      show  Print the source of a module, or the parameters of a template or edge
      help  Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc std list                   list the modules
      rbgc std show sglang            print the source of std.sglang, with its rules and their reasons
      rbgc std show sglang.Prefill    print what one template is for and takes
    ");
}

#[test]
fn help_of_schema() {
    let place = Place::new();
    assert_snapshot!(place.says(0, "schema -h").out, @r"
    Print a JSON Schema

    Usage: rbgc schema [OPTIONS] <WHAT>

    Arguments:
      <WHAT>  What to describe [possible values: inventory, project, diagnostics, plan, failures,
              verify, steps, diff]

    Options:
      -h, --help  Print help (see more with '--help')

    Global options:
      -C <DIR>            Run as if started in this directory
          --color <WHEN>  Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded [default: auto]
                          [possible values: auto, always, never]
      -q, --quiet         Print errors and results only

    Examples:
      rbgc schema inventory > inventory.schema.json    for editors, of the inventory
      rbgc schema project                              of rbgc.toml
      rbgc schema diagnostics                          of what --format json prints
      rbgc schema plan                                 of what plan --json prints
      rbgc schema diff                                 of what diff --format json prints
    ");
}
