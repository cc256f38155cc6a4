//! Bad input, to the program itself: each has a code, exits with 1, and leaves the old tree whole.

use std::fs;
use std::path::Path;

use rbgc::order::Delivery;
use rbgc::resolve::MAX_MODULES;

use crate::cli;
use crate::support::Memory;
use crate::support::compile::{HOME, compile};
use crate::support::tree::{self, Tree};

const GOOD: &str = "group g {\n  namespace = \"demo\"\n  role a { image = \"nginx:1.27\"  replicas = 2 }\n}\n";
const INVENTORY: &str = "\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: small }
kubernetes: \"1.33\"
levels: [{ name: node, label: kubernetes.io/hostname }]
nodes:
  - { name: n1, allocatable: { cpu: 8, memory: 32Gi } }
  - { name: n2, allocatable: { cpu: 8, memory: 32Gi } }
";

/// A directory in which the good program was compiled into `out`.
struct Place {
    directory: tempfile::TempDir,
    before: Tree,
}

impl Place {
    #[track_caller]
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("src")).unwrap();
        fs::write(directory.path().join("src/main.rbg"), GOOD).unwrap();
        fs::write(directory.path().join("inventory.yaml"), INVENTORY).unwrap();
        let mut place = Place { directory, before: Tree::new() };
        let run = place.compile();
        assert_eq!(run.exit, 0, "{}", run.err);
        place.before = place.tree();
        assert!(place.before.len() > 3);
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn compile(&self) -> cli::Run {
        cli::run(self.directory.path(), &["compile", "src", "-i", "inventory.yaml", "-o", "out", "--delivery", "plain"])
    }

    fn tree(&self) -> Tree {
        tree::read(&self.path("out"))
    }

    /// The compilation fails with this code, says nothing on standard output, and changes nothing.
    #[track_caller]
    fn refuses(&self, code: &str) {
        self.refuses_in(code, &self.before);
    }

    #[track_caller]
    fn refuses_in(&self, code: &str, before: &Tree) {
        let run = self.compile();
        assert_eq!((run.exit, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.contains(&format!("error[{code}]")), "expected {code}:\n{}", run.err);
        assert!(run.err.len() < 20_000, "{} bytes of report", run.err.len());
        assert!(!run.err.contains('\u{1b}') && !run.err.contains('\u{202e}'), "{}", run.err);
        assert_eq!(&self.tree(), before, "the tree was changed");
    }
}

/// The good program with a text instead of its number of replicas.
fn with(replicas: &str) -> String {
    GOOD.replace("replicas = 2", replicas)
}

#[track_caller]
fn source(text: impl AsRef<[u8]>, code: &str) {
    Place::new().write("src/main.rbg", text).refuses(code);
}

#[track_caller]
fn inventory(old: &str, new: &str, code: &str) {
    assert!(INVENTORY.contains(old));
    Place::new().write("inventory.yaml", INVENTORY.replacen(old, new, 1)).refuses(code);
}

#[test]
fn deep_nesting() {
    source(format!("let x = {}1{}\n", "(".repeat(100_000), ")".repeat(100_000)), "E0005");
    source(format!("let x = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000)), "E0005");
    source(format!("let x = {}true\n", "not ".repeat(100_000)), "E0005");
    source(format!("let x = {}1\n", "if true then 1 else ".repeat(100_000)), "E0005");
    source(format!("let x = {}\"\"{}\n", "\"${".repeat(100_000), "}\"".repeat(100_000)), "E0005");
    source(format!("group g {}{}\n", "{ role a ".repeat(50_000), "}".repeat(50_000)), "E0005");
}

#[test]
fn many_of_everything() {
    source(with("replicas = 1000000000"), "E0902");
    source(GOOD.replace("group g", "group g x 1000000000"), "E0902");
    source(with("args = range(1000000000)"), "E0902");
    let doubled: String = (1..=60).map(|i| format!("let a{i} = \"${{a{}}}${{a{}}}\"\n", i - 1, i - 1)).collect();
    source(format!("let a0 = \"x\"\n{doubled}{}", with("args = [a60]")), "E0902");
}

#[test]
fn import_cycles() {
    let place = Place::new();
    place.write("src/a.rbg", "use \"./b.rbg\" { B }\ntemplate A is B { }\n");
    place.write("src/b.rbg", "use \"./a.rbg\" { A }\ntemplate B is A { }\n").refuses("E0105");
}

#[test]
fn imports_that_leave_the_project() {
    source(format!("use \"../../x.rbg\" {{ A }}\n{GOOD}"), "E0106");
    source(format!("use \"/etc/passwd\" {{ A }}\n{GOOD}"), "E0106");
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_project() {
    let place = Place::new();
    place.write("secret.rbg", "template A { image = \"x:1\" }\n");
    std::os::unix::fs::symlink(place.path("secret.rbg"), place.path("src/link.rbg")).unwrap();
    place.write("src/main.rbg", format!("use \"./link.rbg\" {{ A }}\n{GOOD}")).refuses("E0106");
}

#[test]
fn bytes_that_are_no_text() {
    source(b"group g \xff\xfe {}\n", "E0003");
    source(format!("\u{feff}{GOOD}"), "E0003");
    source(with("args = [\"\u{202e}x\"]"), "E0006");
    source(with("args = [\"\u{1b}[2J\"]"), "E0006");
    source("group g\u{0} {\n}\n", "E0006");
}

#[test]
fn files_that_are_too_large() {
    let place = Place::new();
    let file = fs::File::create(place.path("src/main.rbg")).unwrap();
    file.set_len(100 << 20).unwrap();
    place.refuses("E0002");
    let place = Place::new();
    fs::File::create(place.path("inventory.yaml")).unwrap().set_len(100 << 20).unwrap();
    place.refuses("E0002");
}

#[cfg(unix)]
#[test]
fn things_that_are_no_files() {
    let place = Place::new();
    fs::remove_file(place.path("inventory.yaml")).unwrap();
    place.refuses("E0001");
    std::os::unix::fs::symlink("/dev/zero", place.path("inventory.yaml")).unwrap();
    place.refuses("E0001");
    fs::remove_file(place.path("inventory.yaml")).unwrap();
    fs::create_dir(place.path("inventory.yaml")).unwrap();
    place.refuses("E0001");
}

#[test]
fn templates_that_do_not_end() {
    let place = Place::new();
    place.write("src/main.rbg", with("file \"/etc/x\" = template(\"x.j2\")"));
    place.write("src/x.j2", "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}");
    place.refuses("E0211");
    place.write("src/x.j2", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}").refuses("E0211");
    place.write("src/x.j2", "{{ nobody }}").refuses("E0211");
    place.write("src/x.j2", "{% include \"/etc/passwd\" %}").refuses("E0211");
}

#[test]
fn inventories() {
    inventory("name: n2", "name: n1", "E0502");
    inventory("levels:", "links: { rack: rdma }\nlevels:", "E0503");
    inventory("cpu: 8", "cpu: -8", "E0504");
    inventory("cpu: 8", "cpu: 8Xi", "E0504");
    inventory("nodes:", "pools: [{ name: p, nodes: \"n[1-9999999999]\" }]\nnodes:", "E0505");
    inventory("nodes:", "nodse:", "E0501");
    inventory("kubernetes:", "kubernetes: \"1.33\"\nkubernetes:", "E0501");
    let bomb: String = (1..30).map(|i| format!("a{i}: &a{i} [{}]\n", format!("*a{}, ", i - 1).repeat(9))).collect();
    inventory("kubernetes:", &format!("a0: &a0 [x, x, x, x]\n{bomb}kubernetes:"), "E0501");
    inventory("nodes:", &format!("nodes: {}{}\nx:", "[".repeat(50_000), "]".repeat(50_000)), "E0501");
}

#[test]
fn a_file_of_somebody_else_in_the_way() {
    let place = Place::new();
    let path = place.before.keys().find(|p| p.ends_with(".yaml")).unwrap();
    fs::remove_file(place.path("out/g/rbgc.lock")).unwrap();
    place.write(&format!("out/{path}"), "mine: true\n");
    let before = place.tree();
    place.refuses_in("E0801", &before);
}

#[test]
fn a_damaged_lock() {
    let place = Place::new();
    place.write("out/g/rbgc.lock", "rbgc.lock 1\nfile ../../../etc/passwd sha256:00\n");
    let before = place.tree();
    place.refuses_in("E0804", &before);
}

#[cfg(unix)]
#[test]
fn more_files_than_anybody_has() {
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("inventory.yaml"), INVENTORY);
    let names: Vec<String> = (0..MAX_MODULES + 3).map(|i| format!("{i}.rbg")).collect();
    names.iter().for_each(|name| world.add(Path::new(HOME).join(name), ""));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let outcome = compile(&world, &names, &[], &Delivery::Plain);
    let told: Vec<&str> = outcome.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(told, ["more than 20000 files"]);
}

#[test]
fn links_in_the_output() {
    let place = Place::new();
    let elsewhere = place.path("elsewhere");
    fs::rename(place.path("out/g"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.path("out/g")).unwrap();
    let before = tree::read(&elsewhere);
    place.write("src/main.rbg", with("replicas = 3"));
    let run = place.compile();
    assert_eq!(run.exit, 1, "{}", run.err);
    assert!(run.err.contains("error[E0802]") || run.err.contains("error[E0801]"), "{}", run.err);
    assert_eq!(tree::read(&elsewhere), before);
}

#[test]
fn an_output_that_is_a_file() {
    let place = Place::new();
    fs::remove_dir_all(place.path("out")).unwrap();
    place.write("out", "mine\n");
    let run = place.compile();
    assert_eq!(run.exit, 1, "{}", run.err);
    assert!(run.err.contains("error[E08"), "{}", run.err);
    assert_eq!(fs::read_to_string(place.path("out")).unwrap(), "mine\n");
}

/// `/dev/full` cannot be a directory, so a small file system stands in where one can be mounted;
/// the writer's own tests inject the fault at every step.
#[cfg(target_os = "linux")]
#[test]
fn an_output_where_nothing_can_be_made() {
    let place = Place::new();
    let arguments = ["compile", "src", "-i", "inventory.yaml", "-o", "/proc/rbgc-out"];
    let run = cli::run(place.directory.path(), &arguments);
    assert_eq!(run.exit, 1, "{}", run.err);
    assert!(run.err.contains("error[E0803]"), "{}", run.err);
    assert!(!Path::new("/proc/rbgc-out").exists());
}
