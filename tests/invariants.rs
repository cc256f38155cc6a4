//! What holds between compilations, and between the parts of one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rbgc::check::{self, Model};
use rbgc::diag::Session;
use rbgc::resolve;

use crate::cli::{self, Run};
use crate::support::compile::{HOME, targets};
use crate::support::rbg::running;
use crate::support::tree::{self, Object, Tree};
use crate::support::{Memory, directories, none, root};

/// A directory with a copy of an example, and an output directory beside it.
struct Workshop {
    directory: tempfile::TempDir,
    example: &'static str,
}

impl Workshop {
    fn new(example: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let from = root().join("examples").join(example);
        for (path, text) in tree::read(&from) {
            let to = directory.path().join(example).join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, text).unwrap();
        }
        Workshop { directory, example }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(self.example).join(name)
    }

    /// Replaces a text, which must be there, in the example's source or another of its files.
    #[track_caller]
    fn edit(&self, name: &str, old: &str, new: &str) {
        let path = self.file(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{name} has no `{old}`:\n{text}");
        fs::write(path, text.replacen(old, new, 1)).unwrap();
    }

    /// Compiles into the directory `out` and returns what was said and the tree.
    #[track_caller]
    fn compile(&self, out: &str) -> (Run, Tree) {
        let inventory = format!("{}/inventory.yaml", self.example);
        let run = cli::run(self.directory.path(), &["compile", self.example, "--inventory", &inventory, "-o", out]);
        assert_eq!(run.exit, 0, "{}", run.err);
        (run, tree::read(&self.directory.path().join(out)))
    }
}

/// Paths of the files that differ between two trees.
fn changed<'t>(a: &'t Tree, b: &'t Tree) -> BTreeSet<&'t str> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).map(String::as_str).collect()
}

/// Names of the workloads in both trees whose pods would restart.
fn restarted(a: &Tree, b: &Tree) -> Vec<String> {
    let (a, b) = (tree::templates(a), tree::templates(b));
    a.iter().filter(|(key, t)| b.get(*key).is_some_and(|u| u != *t)).map(|((_, name), _)| name.clone()).collect()
}

#[test]
fn compiling_again_changes_nothing() {
    for example in ["qwen-pd", "mooncake-shared", "autoscaled"] {
        let workshop = Workshop::new(example);
        let (_, first) = workshop.compile("out");
        let times = |tree: &Tree| -> Vec<_> {
            let out = workshop.directory.path().join("out");
            tree.keys().map(|path| fs::metadata(out.join(path)).unwrap().modified().unwrap()).collect()
        };
        let before = times(&first);
        let (run, second) = workshop.compile("out");
        assert!(changed(&first, &second).is_empty(), "{example}");
        assert_eq!(before, times(&second), "{example}: files were touched");
        assert!(run.err.contains("0 written"), "{}", run.err);
        let inventory = workshop.file("inventory.yaml");
        let check = ["compile", example, "--inventory", inventory.to_str().unwrap(), "-o", "out", "--check"];
        assert_eq!(cli::run(workshop.directory.path(), &check).exit, 0);
    }
}

#[test]
fn the_same_bytes_from_anywhere() {
    let workshop = Workshop::new("deepseek-r1");
    let (_, expected) = workshop.compile("out");
    let base = workshop.directory.path();
    let absolute = |name: &str| base.join(name).display().to_string();
    let (platform, main) = (absolute("deepseek-r1/platform.rbg"), absolute("deepseek-r1/deepseek-r1.rbg"));
    let (inventory, elsewhere) = (absolute("deepseek-r1/inventory.yaml"), absolute("deepseek-r1"));
    let runs: [&[&str]; 4] = [
        &["-C", &elsewhere, "compile", ".", "--inventory", "inventory.yaml"],
        &["compile", "-C", &elsewhere, "platform.rbg", "deepseek-r1.rbg", "--inventory", &inventory],
        &["compile", &main, &platform, &main, "--inventory", &inventory],
        &["compile", &elsewhere, "--inventory", &inventory],
    ];
    for (index, arguments) in runs.iter().enumerate() {
        let out = absolute(&format!("other-{index}"));
        let mut command = cli::command(Path::new("/"), &[*arguments, &["-o", &out]].concat());
        let variables = [("LC_ALL", "C"), ("TZ", "Asia/Tokyo"), ("LANG", "tr_TR.UTF-8"), ("RAYON_NUM_THREADS", "1")];
        for (name, value) in variables.iter().take(index + 1) {
            command.env(name, value);
        }
        let run = cli::finish(command);
        assert_eq!(run.exit, 0, "{}", run.err);
        let other = tree::read(Path::new(&out));
        assert!(changed(&expected, &other).is_empty(), "{arguments:?}: {:?}", changed(&expected, &other));
    }
}

/// Many groups that need values of each other.
const FLEET: &str = r#"
let nginx = "nginx:1.27"
template Web(path: String = "/health") for role {
  image = nginx
  port http = 8080
  ready http path on http
}
group web x 90 {
  namespace = "web-${index % 3}"
  role server is Web { replicas = 1 + index % 2 }
  role client is Web("/ready") {
    env { PEER = server.url("http")  STORE = store.keys.url("http") }
    args = [template("client.j2")]
    after server, group store
  }
}
group store {
  role keys is Web { replicas = 2 }
  assert keys.replicas == 2, "two"
}
group reader {
  role reader is Web { after group web }
}
"#;

#[test]
fn any_number_of_threads_says_the_same() {
    let plain = FLEET.replace("args = [template(\"client.j2\")]", "");
    let programs = [
        (0, FLEET.to_owned()),
        (0, plain.clone()),
        (1, plain.replace("1 + index % 2", "\"many\"")),
        (1, plain.replace("8080", "80800")),
        (1, plain.replace("== 2, \"two\"", "== 3")),
        (1, plain.replace("keys.url(\"http\")", "keys.url(\"grpc\")").replace("path on http", "path on web")),
        (1, plain.replace("replicas = 2 }", "replicas = web[3].client.replicas }").replace("\"http\")  ", "\"x\")  ")),
    ];
    for (exit, program) in programs {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("fleet.rbg"), &program).unwrap();
        fs::write(directory.path().join("client.j2"), "{{ group.name }} {{ role.replicas.min }}").unwrap();
        let inventory = root().join("tests/inventory.yaml").display().to_string();
        let runs = ["1", "2", "7"].map(|threads| {
            let mut command =
                cli::command(directory.path(), &["compile", "fleet.rbg", "--inventory", &inventory, "-o", "-"]);
            command.env("RAYON_NUM_THREADS", threads);
            cli::finish(command)
        });
        assert_eq!(runs[0].exit, exit, "{program}\n{}", runs[0].err);
        assert!(runs.iter().all(|run| *run == runs[0]), "{program}\n{}\n{}", runs[0].err, runs[1].err);
    }
}

#[test]
fn more_replicas_change_their_role_only() {
    let workshop = Workshop::new("qwen-pd");
    let (_, before) = workshop.compile("out");
    workshop.edit("qwen-pd.rbg", "replicas = 2", "replicas = 3");
    let (_, after) = workshop.compile("out");
    // A static router lists its backends by design; its workload says so.
    let listing: Vec<Object> = tree::objects(&after)
        .into_iter()
        .filter(|o| {
            o.text(&["metadata", "annotations", "rbgc.dev/restarts-with"]).split([',', ' ']).any(|r| r == "prefill")
        })
        .collect();
    assert_eq!(listing.iter().map(Object::name).collect::<Vec<_>>(), ["qwen-pd-router"]);
    let mut problems = Vec::new();
    for path in changed(&before, &after) {
        let own = path.starts_with("qwen-pd/prefill/");
        let shared = path == "qwen-pd/rbgc.lock" || path.ends_with("/configmap-qwen-pd.yaml");
        if !own && !shared && !listing.iter().any(|o| o.path == path) {
            problems.push(format!("{path} changed"));
        }
    }
    let restarts = restarted(&before, &after).into_iter().filter(|name| !listing.iter().any(|o| o.name() == name));
    problems.extend(restarts.map(|name| format!("{name} restarts")));
    none(&problems);
}

#[test]
fn one_more_group_changes_nothing_that_exists() {
    let workshop = Workshop::new("qwen-pd");
    let (_, before) = workshop.compile("out");
    let group =
        "group another {\n  namespace = \"llm\"\n  role web { image = \"nginx:1.27\"  replicas = 2  gpus = 1 }\n}\n";
    fs::write(workshop.file("another.rbg"), group).unwrap();
    let (_, after) = workshop.compile("out");
    let old: Vec<String> =
        before.iter().filter(|(path, text)| after.get(*path) != Some(*text)).map(|(p, _)| p.clone()).collect();
    none(&old);
    assert!(after.keys().any(|path| path.starts_with("another/")));
}

#[test]
fn one_more_node_changes_no_template() {
    let workshop = Workshop::new("qwen-pd");
    let (_, before) = workshop.compile("out");
    let text = fs::read_to_string(workshop.file("inventory.yaml")).unwrap();
    let node = "nodes:\n  - { name: extra-1, labels: { topology.kubernetes.io/zone: a }, allocatable: { cpu: 192, memory: 2Ti, nvidia.com/gpu: 8, rdma/hca: 8 } }\n";
    fs::write(workshop.file("inventory.yaml"), format!("{text}{node}")).unwrap();
    let (_, after) = workshop.compile("out");
    none(&restarted(&before, &after));
    // Nor does it in a new tree, where no lock holds anything in its place.
    let (_, fresh) = workshop.compile("fresh");
    assert_eq!(fresh.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
}

#[test]
fn adapters_are_named_by_kind_of_node_and_not_by_plan() {
    let workshop = Workshop::new("qwen-pd");
    let pool = "dedicated: true\n";
    workshop.edit("inventory.yaml", pool, "dedicated: true\n    nics: \"mlx5_[0-1,4]\"\n");
    workshop.edit(
        "qwen-pd.rbg",
        "role prefill is Prefill(weights) {",
        "role prefill is Prefill(weights) { flags { disaggregation-ib-device = node.nics }",
    );
    let (_, before) = workshop.compile("out");
    let named = |tree: &Tree| tree.values().filter(|text| text.contains("mlx5_0,mlx5_1,mlx5_4")).count();
    assert_eq!(named(&before), 4, "leaders and workers of two instances");
    // Another node of the pool, and a plan that must move.
    workshop.edit("inventory.yaml", "gpu-[1-4]", "gpu-[2-6]");
    workshop.edit("inventory.yaml", "r[1-2] x2", "r1, r[2-3] x2");
    let (run, after) = workshop.compile("out");
    assert!(run.err.contains("gpu-1"), "{}", run.err);
    assert_eq!(named(&after), named(&before));
}

#[test]
fn links_inside_a_pod_are_those_of_the_worst_pair() {
    let row = |gpu: usize, near: usize| -> String {
        let link = |other: usize| {
            if other == gpu {
                "X"
            } else if other / near == gpu / near {
                "NV18"
            } else {
                "SYS"
            }
        };
        (0..8).map(link).collect::<Vec<_>>().join(" ")
    };
    for (near, class) in [(8, "nvlink"), (4, "pcie")] {
        let workshop = Workshop::new("qwen-pd");
        let rows: Vec<String> = (0..8).map(|gpu| row(gpu, near)).collect();
        let links = format!("dedicated: true\n    gpu-links: {{ gpus: [{}] }}\n", rows.join(", "));
        workshop.edit("inventory.yaml", "dedicated: true\n", &links);
        workshop.edit("qwen-pd.rbg", "pods = 2  gpus = 1", "pods = 2  gpus = 2");
        let (_, tree) = workshop.compile("out");
        let told = format!("gpu_link: {class}");
        let discovery = tree.values().find(|text| text.contains("schema: rbgc.dev/v1")).unwrap();
        assert_eq!(discovery.matches(&told).count(), 8, "the pods of `decode`, the others have one: {discovery}");
        let inventory = workshop.file("inventory.yaml").display().to_string();
        let run = cli::run(workshop.directory.path(), &["plan", workshop.example, "-i", &inventory, "--json"]);
        assert_eq!(run.out.matches(&format!("\"gpu_link\": \"{class}\"")).count(), 8, "{}", run.out);
    }
}

/// The goldens by example and target with delivery.
fn goldens() -> Vec<(String, Tree)> {
    let mut found = Vec::new();
    for example in directories("golden") {
        for form in directories(&format!("golden/{example}")) {
            let name = format!("{example}/{form}");
            let tree = tree::read(&root().join("golden").join(&name));
            found.push((name, tree));
        }
    }
    assert!(found.len() >= 2 * directories("examples").len());
    found
}

/// The sync wave of an object; 0 where none is said, as Argo CD has it.
fn wave(object: &Object) -> i64 {
    object.text(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]).parse().unwrap_or(0)
}

#[test]
fn who_waits_has_the_later_wave() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for example in directories("examples") {
        let target = targets(&example)[0].name();
        let tree = tree::read(&root().join("golden").join(&example).join(format!("{target}-argocd")));
        let workloads: Vec<Object> = tree::objects(&tree).into_iter().filter(|o| o.template().is_some()).collect();
        let waves = |model: &Model, id| -> Vec<i64> {
            let directory = format!("{}/{}/", model.group_of(id).name, model.role(id).name);
            let own: Vec<i64> = workloads.iter().filter(|o| o.path.starts_with(&directory)).map(wave).collect();
            assert!(!own.is_empty(), "{example}: no workload below {directory}");
            own
        };
        let model = model(&example);
        for (id, role) in model.roles() {
            for after in &role.after {
                count += 1;
                let (first, then) = (waves(&model, after.role), waves(&model, id));
                if first.iter().max() >= then.iter().min() {
                    let other = &model.role(after.role).name;
                    problems.push(format!("{example}: `{}` {then:?} waits for `{other}` {first:?}", role.name));
                }
            }
        }
    }
    none(&problems);
    assert!(count >= 5, "only {count} dependencies were looked at");
}

/// What the sources of an example say.
fn model(example: &str) -> Model {
    let mut world = Memory::default();
    let mut sources = Vec::new();
    for (path, text) in tree::read(&root().join("examples").join(example)) {
        let path = Path::new(HOME).join(path);
        world.add(&path, text);
        if path.extension().is_some_and(|e| e == "rbg") {
            sources.push(path);
        }
    }
    let mut session = Session::new(&world, HOME);
    let program = resolve::resolve(&mut session, &sources);
    check::check(&mut session, &program, &check::Options::default())
}

#[test]
fn every_address_resolves() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for (name, tree) in goldens() {
        let objects = running(&tree);
        for object in &objects {
            let names = tree::resolvable(&objects, object.namespace());
            let values = match object.kind() {
                "ConfigMap" => tree::at(&object.value, &["data"]),
                _ => object.template().and_then(|t| tree::at(t, &["spec"])),
            };
            for (path, text) in values.map(tree::texts).unwrap_or_default() {
                if path.ends_with("/image") {
                    continue;
                }
                for host in tree::hosts(&text) {
                    count += 1;
                    if !names.contains(&host) {
                        problems.push(format!("{name}/{}: {path}: `{host}` resolves to nothing", object.path));
                    }
                }
            }
        }
    }
    none(&problems);
    assert!(count > 20, "only {count} addresses were looked at");
}

#[test]
fn every_service_selects_something() {
    let mut problems = Vec::new();
    for (name, tree) in goldens() {
        let objects = running(&tree);
        let selecting = ["Service", "InferencePool", "PodMonitor"];
        for service in objects.iter().filter(|o| selecting.contains(&o.kind())) {
            if !objects
                .iter()
                .any(|o| o.namespace() == service.namespace() && o.template().is_some() && tree::selects(service, o))
            {
                problems.push(format!("{name}: {} {} selects no pod", service.kind(), service.name()));
            }
        }
    }
    none(&problems);
}

#[test]
fn every_object_is_in_one_kustomization() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for (name, tree) in goldens().into_iter().filter(|(name, _)| name.ends_with("-flux")) {
        let objects = tree::objects(&tree);
        let is_flux = |o: &&Object| o.text(&["apiVersion"]).starts_with("kustomize.toolkit.fluxcd.io/");
        let kustomizations: Vec<&Object> = objects.iter().filter(is_flux).collect();
        let names: BTreeSet<&str> = kustomizations.iter().map(|o| o.name()).collect();
        for object in &kustomizations {
            count += 1;
            let depends = tree::at(&object.value, &["spec", "dependsOn"]).and_then(|list| list.as_sequence());
            let depends = depends.into_iter().flatten().filter_map(|d| d.get("name")?.as_str());
            let lost = depends.filter(|other| !names.contains(other));
            problems.extend(lost.map(|other| format!("{name}: {} waits for `{other}`", object.name())));
            if object.name().len() > 63 {
                problems.push(format!("{name}: {} is too long", object.name()));
            }
        }
        let paths: Vec<&str> = kustomizations.iter().map(|o| o.text(&["spec", "path"])).collect();
        for object in objects.iter().filter(|o| !o.path.starts_with("flux/groups/")) {
            let (directory, file) = object.path.rsplit_once('/').unwrap();
            let listed = tree.get(&format!("{directory}/kustomization.yaml"));
            let listed = listed.is_none_or(|list| list.lines().any(|line| line == format!("- {file}")));
            let own = paths.iter().filter(|path| path.strip_prefix("./") == Some(directory)).count();
            if file != "kustomization.yaml" && (own != 1 || !listed) {
                problems.push(format!("{name}/{} is in {own} Kustomizations, listed: {listed}", object.path));
            }
        }
    }
    none(&problems);
    assert!(count > 50, "only {count} Kustomizations were looked at");
}
