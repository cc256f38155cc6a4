//! `rbgc diff`: trees against trees, and the program with directories and Git revisions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use rbgc::diag::render::Colour;
use rbgc::diff::{self, Changes, Tree};
use serde_json::Value;

use crate::cli::{self, Run};
use crate::support::read;

/// A tree of files.
fn tree(files: &[(&str, &str)]) -> Tree {
    Tree { files: files.iter().map(|(p, t)| ((*p).into(), (*t).into())).collect(), locks: BTreeMap::new() }
}

#[track_caller]
fn compare(old: &[(&str, &str)], new: &[(&str, &str)]) -> Changes {
    diff::compare(&tree(old), &tree(new)).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn object(api: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{ name: {name}, namespace: n }}\n{rest}\n")
}

/// Checks the effect of replacing a text of an object.
#[track_caller]
fn edit(text: &str, old: &str, new: &str, expected: &str) {
    assert!(text.contains(old), "there is no `{old}`");
    let changes = compare(&[("a.yaml", text)], &[("a.yaml", &text.replacen(old, new, 1))]);
    let change = changes.objects.first().map_or(String::from("nothing"), |change| {
        let pods: Vec<String> =
            change.pods.iter().map(|p| format!(" {:?} {}", p.action, p.names).to_lowercase()).collect();
        format!("{} {}{}", change.effect.name(), change.immutable.join(","), pods.concat())
    });
    assert_eq!(change.replace("  ", " ").trim(), expected, "{old} -> {new}");
}

#[test]
fn each_kind_has_its_frozen_fields() {
    let set = object(
        "apps/v1",
        "StatefulSet",
        "a",
        "spec: { replicas: 3, serviceName: s, podManagementPolicy: Parallel, minReadySeconds: 1, selector: { x: y }, \
         volumeClaimTemplates: [{ metadata: { name: d } }], template: { spec: { containers: [{ name: c, image: i }] } } }",
    );
    edit(&set, "replicas: 3", "replicas: 5", "in-place create a-[3-4]");
    edit(&set, "replicas: 3", "replicas: 3, ordinals: { start: 1 }", "in-place create a-3 delete a-0");
    edit(&set, "minReadySeconds: 1", "minReadySeconds: 2", "in-place");
    edit(&set, "image: i", "image: j", "rolling-restart restart a-[0-2]");
    edit(&set, "kind: StatefulSet", "kind: StatefulSet # x", "no-op");
    edit(&set, "name: d", "name: e", "recreate spec.volumeClaimTemplates restart a-[0-2]");
    edit(&set, "Parallel", "OrderedReady", "recreate spec.podManagementPolicy restart a-[0-2]");
    edit(&set, "serviceName: s", "serviceName: t", "recreate spec.serviceName restart a-[0-2]");
    edit(&set, "x: y", "x: z", "recreate spec.selector restart a-[0-2]");
    edit(&set, "namespace: n", "namespace: n, labels: { a: b }", "metadata");
    let partition = set.replace("replicas: 3", "replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } }");
    edit(&partition, "image: i", "image: j", "rolling-restart restart a-2");
    let waits = set.replace("replicas: 3", "replicas: 3, updateStrategy: { type: OnDelete }");
    edit(&waits, "image: i", "image: j", "in-place");
    edit(&set.replace("replicas: 3", "replicas: 0"), "image: i", "image: j", "in-place");

    let deployment =
        object("apps/v1", "Deployment", "a", "spec: { replicas: 2, selector: { x: y }, template: { a: b } }");
    edit(&deployment, "a: b", "a: c", "rolling-restart restart a-*");
    edit(&deployment, "x: y", "x: z", "recreate spec.selector restart a-*");

    let service =
        object("v1", "Service", "a", "spec: { type: ClusterIP, clusterIP: None, ports: [{ name: p, port: 1 }] }");
    edit(&service, "port: 1", "port: 2", "in-place");
    edit(&service, "clusterIP: None, ", "", "recreate spec.clusterIP");
    edit(&service, "type: ClusterIP", "type: LoadBalancer", "in-place");

    let config = object("v1", "ConfigMap", "a", "data: { a: b }");
    edit(&config, "a: b", "a: c", "in-place");
    edit(&format!("{config}immutable: true\n"), "a: b", "a: c", "recreate data");
    edit(&format!("{config}immutable: true\n"), "immutable: true", "immutable: false", "recreate immutable");
    edit(&config, "\ndata:", "\nimmutable: true\ndata:", "in-place");
    edit(&object("v1", "Secret", "a", "type: Opaque"), "Opaque", "x", "recreate type");

    let claim = object("v1", "PersistentVolumeClaim", "a", "spec: { storageClassName: s, resources: { x: 1 } }");
    edit(&claim, "x: 1", "x: 2", "in-place");
    edit(&claim, "storageClassName: s", "storageClassName: t", "recreate spec.storageClassName");

    let binding =
        object("rbac.authorization.k8s.io/v1", "RoleBinding", "a", "roleRef: { name: r }\nsubjects: [{ name: s }]");
    edit(&binding, "name: r", "name: q", "recreate roleRef");
    edit(&binding, "name: s", "name: t", "in-place");

    let domain = object("resource.nvidia.com/v1beta1", "ComputeDomain", "a", "spec: { numNodes: 2 }");
    edit(&domain, "numNodes: 2", "numNodes: 3", "recreate spec.numNodes");
    for kind in ["HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "Ingress", "PodGroup"] {
        edit(&object("x/v1", kind, "a", "spec: { x: 1 }"), "x: 1", "x: 2", "in-place");
    }
}

#[test]
fn groups_of_leaders_and_workers_restart_as_a_whole() {
    let set = object(
        "leaderworkerset.x-k8s.io/v1",
        "LeaderWorkerSet",
        "a",
        "spec: { replicas: 2, leaderWorkerTemplate: { size: 3, subGroupPolicy: { subGroupSize: 3 }, \
         leaderTemplate: { spec: { containers: [{ name: c, image: i }] } }, \
         workerTemplate: { spec: { containers: [{ name: c, image: w }] } } } }",
    );
    edit(&set, "image: w", "image: x", "rolling-restart restart a-[0-1] restart a-[0-1]-[1-2]");
    edit(&set, "size: 3,", "size: 4,", "rolling-restart restart a-[0-1] restart a-[0-1]-[1-2] create a-[0-1]-3");
    edit(&set, "replicas: 2", "replicas: 3", "in-place create a-2 create a-2-[1-2]");
    let frozen = "recreate spec.leaderWorkerTemplate.subGroupPolicy.subGroupSize restart a-[0-1] restart a-[0-1]-[1-2]";
    edit(&set, "subGroupSize: 3", "subGroupSize: 1", frozen);
}

#[test]
fn roles_of_a_group_restart_apart() {
    let group = object(
        "workloads.x-k8s.io/v1alpha2",
        "RoleBasedGroup",
        "g",
        "spec: { roleTemplates: [{ name: t, template: { spec: { containers: [{ name: c, image: shared }] } } }], roles: [\
         { name: one, replicas: 2, standalonePattern: { template: { spec: { containers: [{ name: c, image: i }] } } } }, \
         { name: two, leaderWorkerPattern: { size: 2, templateRef: { name: t }, workerTemplatePatch: { p: q } } }, \
         { name: three, customComponentsPattern: { components: [{ name: x, size: 2, template: { image: x } }, { name: y, template: { image: y } }] } }] }",
    );
    edit(&group, "image: i", "image: j", "rolling-restart restart g-one-[0-1]");
    edit(&group, "image: shared", "image: j", "rolling-restart restart g-two-0-0 restart g-two-0-1");
    edit(&group, "p: q", "p: r", "rolling-restart restart g-two-0-1");
    edit(&group, "image: x", "image: z", "rolling-restart restart g-three-0-x-[0-1]");
    edit(&group, "name: one", "name: zero", "in-place create g-zero-[0-1] delete g-one-[0-1]");
    edit(&group, "replicas: 2", "replicas: 1", "in-place delete g-one-1");
}

fn kustomization(name: &str, path: &str, after: &str) -> String {
    object(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        name,
        &format!("spec: {{ prune: true, path: ./clusters/prod/{path}, dependsOn: [{after}] }}"),
    )
}

/// What is said of a ConfigMap that moves from the directory `g/a` to `g/b`, each with a Kustomization
/// that waits for others.
fn moved(a: &str, b: &str, text: &str) -> Option<String> {
    let units = [("flux/a.yaml", kustomization("a", "g/a", a)), ("flux/b.yaml", kustomization("b", "g/b", b))];
    let other = object("v1", "ConfigMap", "other", "data: {}");
    let side = |path: &str| -> Changes {
        let files = |mine: &str| -> Vec<(String, String)> {
            let own = [
                (mine.to_owned(), text.to_owned()),
                ("g/a/o.yaml".into(), other.clone()),
                ("g/b/p.yaml".into(), object("v1", "ConfigMap", "p", "data: {}")),
            ];
            units.iter().map(|(p, t)| ((*p).to_owned(), t.clone())).chain(own).collect()
        };
        let side = |files: Vec<(String, String)>| Tree { files: files.into_iter().collect(), locks: BTreeMap::new() };
        diff::compare(&side(files("g/a/x.yaml")), &side(files(path))).unwrap()
    };
    let changes = side("g/b/x.yaml");
    assert_eq!(changes.objects.len(), 1, "{changes:#?}");
    changes.objects[0].deleted_first.clone()
}

#[test]
fn flux_deletes_what_moves_to_a_later_kustomization() {
    let config = object("v1", "ConfigMap", "x", "data: { a: b }");
    let said = "it moves from the Kustomization `a` to `b`: Flux deletes it before it makes it again";
    assert_eq!(moved("", "{ name: a }", &config).as_deref(), Some(said), "the new owner comes later");
    assert_eq!(moved("", "", &config).as_deref(), Some(said), "nobody knows who comes first");
    assert_eq!(moved("{ name: b }", "", &config), None, "the new owner has taken it over");
    let kept = config.replace("name: x", "name: x, annotations: { kustomize.toolkit.fluxcd.io/prune: Disabled }");
    assert_eq!(moved("", "{ name: a }", &kept), None, "it is never pruned");
}

#[test]
fn argo_cd_deletes_what_another_application_takes() {
    let application = |name: &str, include: &str| {
        let spec = format!("spec: {{ source: {{ path: ., directory: {{ include: \"{include}\" }} }} }}");
        (format!("argocd/{name}.yaml"), object("argoproj.io/v1alpha1", "Application", name, &spec))
    };
    let config = |name: &str| (format!("{name}/c.yaml"), object("v1", "ConfigMap", name, "data: {}"));
    let side = |applications: Vec<(String, String)>| Tree {
        files: applications.into_iter().chain([config("a"), config("b")]).collect(),
        locks: BTreeMap::new(),
    };
    let one = side(vec![application("a", "{a/**,b/**}")]);
    let two = side(vec![application("a", "a/**"), application("b", "b/**")]);
    let first = |old: &Tree, new: &Tree| -> Vec<String> {
        let changes = diff::compare(old, new).unwrap().objects;
        changes
            .iter()
            .filter(|c| c.deleted_first.is_some())
            .map(|c| format!("{} {}", c.effect.name(), c.name))
            .collect()
    };
    assert_eq!(first(&one, &two), ["recreate b"], "the first application still knows it");
    assert_eq!(first(&two, &one), [""; 0], "an application that goes leaves its objects");
}

#[test]
fn capacity_counts_what_stands_together() {
    let pods = |name: &str, kind: &str, spec: &str, cpu: &str| {
        object(
            "apps/v1",
            kind,
            name,
            &format!(
                "spec: {{ {spec}, template: {{ spec: {{ containers: [{{ name: c, resources: {{ requests: {{ cpu: \"{cpu}\" }} }} }}] }} }} }}"
            ),
        )
    };
    let amounts = |old: &[(&str, &str)], new: &[(&str, &str)]| -> Vec<String> {
        let changes = compare(old, new);
        changes.capacity.iter().map(|a| format!("{} {} {} {}", a.resource, a.before, a.after, a.most)).collect()
    };
    let surge = "replicas: 4, strategy: { rollingUpdate: { maxSurge: 1 } }";
    let web = |cpu: &str| pods("web", "Deployment", surge, cpu);
    assert_eq!(amounts(&[("a.yaml", &web("2"))], &[("a.yaml", &web("3"))]), ["cpu 8 12 15"]);
    let set = |name: &str, cpu: &str| pods(name, "StatefulSet", "replicas: 4", cpu);
    assert_eq!(amounts(&[("a.yaml", &set("a", "2"))], &[("a.yaml", &set("a", "1"))]), ["cpu 8 4 8"]);
    assert_eq!(amounts(&[("a.yaml", &set("a", "2"))], &[("a.yaml", &set("b", "2"))]), ["cpu 8 8 16"], "a rename");
    assert_eq!(amounts(&[("a.yaml", &set("a", "2"))], &[("b.yaml", &set("a", "2"))]), [""; 0]);
}

#[test]
fn lists_are_compared_by_name_or_by_place() {
    let fields = |old: &str, new: &str| -> Vec<String> {
        let side = |text: &str| object("v1", "ConfigMap", "a", text);
        let changes = compare(&[("a.yaml", &side(old))], &[("a.yaml", &side(new))]);
        let shown = |v: &Option<Value>| v.as_ref().map_or("-".to_owned(), ToString::to_string);
        let fields = changes.objects.iter().flat_map(|c| &c.fields);
        fields.map(|f| format!("{} {} {}", f.path, shown(&f.old), shown(&f.new))).collect()
    };
    assert_eq!(fields("x: [a, b, c]", "x: [a, d, c]"), [r#"x[1] "b" "d""#]);
    assert_eq!(fields("x: [a, c]", "x: [a, b, c]"), [r#"x[1…] - ["b"]"#]);
    assert_eq!(fields("x: [a, a]", "x: [a]"), [r#"x[1…] ["a"] -"#]);
    assert_eq!(
        fields("x: [{ name: p, v: 1 }]", "x: [{ name: q }, { name: p, v: 2 }]"),
        ["x[p].v 1 2", r#"x[q] - {"name":"q"}"#]
    );
    let swapped = fields("x: [{ name: p }, { name: q }]", "x: [{ name: q }, { name: p }]");
    assert_eq!(swapped, [r#"x[0].name "p" "q""#, r#"x[1].name "q" "p""#], "the order of variables means something");
    assert_eq!(fields("x: { a.b/c: 1 }", "x: { a.b/c: 2 }"), ["x[a.b/c] 1 2"]);
    assert_eq!(fields("x: 1", "x: \"1\""), [r#"x 1 "1""#]);
    assert_eq!(fields("x: []", ""), ["x [] -"]);
}

#[test]
fn trees_that_are_not_whole_are_told() {
    let good = object("v1", "ConfigMap", "a", "data: {}");
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    for (text, said) in [
        ("a: [", "is not YAML: "),
        ("<<<<<<< HEAD\na: b\n", "is not YAML: "),
        ("<<<<<<< HEAD\n", "holds something else than objects of Kubernetes"),
        ("kind: ConfigMap\nmetadata: { name: a }\n", "holds something else than objects of Kubernetes"),
        ("a: 1\na: 2\n", "is not YAML"),
        (deep.as_str(), "is not YAML"),
    ] {
        let problems = diff::compare(&tree(&[("g/x.yaml", text)]), &tree(&[])).unwrap_err();
        assert!(
            problems[0].message.contains("`g/x.yaml`") && problems[0].message.contains(said),
            "{}",
            problems[0].message
        );
        assert_eq!(problems[0].code.text(), "E0971");
    }
    let twice = diff::compare(&tree(&[("a.yaml", &good), ("b.yaml", &good)]), &tree(&[])).unwrap_err();
    assert_eq!(twice[0].message, "ConfigMap `a` stands in `a.yaml` and in `b.yaml`");
    assert_eq!(compare(&[("kustomization.yaml", "resources: []")], &[("notes.txt", "x")]).objects, []);
    assert_eq!(compare(&[("empty.yaml", "")], &[]).objects, []);
}

#[test]
fn hostile_trees_do_no_harm() {
    let huge = "replicas: 18446744073709551615, ordinals: { start: 18446744073709551615 }";
    let set = |image: &str| {
        let container =
            format!("{{ name: c, image: {image}, resources: {{ requests: {{ cpu: 9223372036854775807 }} }} }}");
        object(
            "apps/v1",
            "StatefulSet",
            "a",
            &format!("spec: {{ {huge}, template: {{ spec: {{ containers: [{container}] }} }} }}"),
        )
    };
    assert_eq!(compare(&[("a.yaml", &set("i"))], &[("a.yaml", &set("j"))]).objects.len(), 1);
    let evil = "evil\\u001b[31m`|<b>@all\\n# x";
    let config = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: \"{evil}\" }}\ndata: {{ k: \"{value}\" }}\n")
    };
    let changes = compare(&[("a.yaml", &config("a"))], &[("a.yaml", &config("```\\n</details>\\u202e"))]);
    let text = diff::text(&changes, Colour::None);
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}[31m"), "{text}");
    let markdown = diff::markdown(&[changes]);
    assert!(!markdown.contains('\u{202e}') && !markdown.contains('\u{1b}'), "{markdown}");
    assert!(
        markdown.contains("\n````diff\n") && markdown.contains("\n````\n"),
        "the fence is longer than what is in it: {markdown}"
    );
    assert!(!markdown.lines().any(|line| line.starts_with("# x")), "{markdown}");
}

#[test]
fn comments_have_room_for_everything() {
    let files = |word: &str| -> Tree {
        let one = |i: usize| {
            let text = object("v1", "ConfigMap", &format!("c-{i}"), &format!("data: {{ a{i}: {} }}", word.repeat(80)));
            (format!("c-{i}.yaml"), text)
        };
        Tree { files: (0..2000).map(one).collect(), locks: BTreeMap::new() }
    };
    let changes = diff::compare(&files("a"), &files("b")).unwrap();
    let markdown = diff::markdown(&[changes.clone(), changes]);
    assert!(markdown.len() < 65_536, "{}", markdown.len());
    assert!(markdown.contains("and 1900 more rows") && markdown.contains("`rbgc diff` shows them"), "{markdown}");
}

const SOURCE: &str = "\
group web {
  namespace = \"demo\"
  role front { image = \"nginx:1.27\"  replicas = 2  cpu = 1  memory = 1Gi  port http = 80 }
  role store {
    image = \"store:1.0\"  identity = \"stable\"  replicas = 2  port http = 90
    claim data { size = 1Gi }  mount \"/data\" = \"data\"
  }
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
";
const DIFF: &str = "diff src -i inventory.yaml --delivery plain -o out";

/// A project in a directory, compiled.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        place.write("src/main.rbg", SOURCE).write("inventory.yaml", INVENTORY);
        place.says(0, "compile src -i inventory.yaml --delivery plain -o out");
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

    fn edit(&self, old: &str, new: &str) -> &Self {
        let text = read(&self.path("src/main.rbg"));
        assert!(text.contains(old), "there is no `{old}`");
        self.write("src/main.rbg", &text.replacen(old, new, 1))
    }

    /// Runs and expects this exit code.
    #[track_caller]
    fn says(&self, exit: i32, line: &str) -> Run {
        let run = cli::run(self.directory.path(), &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.exit, exit, "{line}\n{}{}", run.out, run.err);
        run
    }

    /// Makes a commit of everything.
    #[track_caller]
    fn commit(&self, message: &str) -> &Self {
        if !self.path(".git").exists() {
            self.git(&["init", "-q", "-b", "main"]);
        }
        self.git(&["add", "-A"]).git(&["commit", "-q", "-m", message])
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> &Self {
        let mut command = Command::new("git");
        command.current_dir(self.directory.path()).args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        self
    }
}

#[test]
fn what_compiling_would_change_is_shown() {
    let place = Place::new();
    let run = place.says(0, &format!("{DIFF} --exit-code --deny create,delete,move"));
    assert_eq!((run.out.as_str(), run.err.as_str()), ("no change: 12 unchanged\n", ""));
    place.edit("nginx:1.27", "nginx:1.28").edit("size = 1Gi", "size = 2Gi").edit("port http = 80 ", "port http = 81 ");
    let before = fs::read_dir(place.path("out/web")).unwrap().count();
    let run = place.says(0, DIFF);
    assert_eq!(run.err, "");
    assert_snapshot!(run.out, @r"
    ~ Deployment demo/web-front  rolling restart: 2 pods restart
        spec.template.spec.containers[front].image: nginx:1.27 -> nginx:1.28
        spec.template.spec.containers[front].ports[http].containerPort: 80 -> 81
    ~ Service demo/web-front  in place
        spec.ports[http].port: 80 -> 81
    -/+ StatefulSet demo/web-store  recreate: 2 pods restart
        cannot be changed: spec.volumeClaimTemplates
        spec.volumeClaimTemplates[0].spec.resources.requests.storage: 1Gi -> 2Gi

    PODS OF    BEFORE  RESTART  COME  GO
    web/front  2       2        0     0
    web/store  2       2        0     0

    REQUESTED  BEFORE  AFTER  AT MOST
    cpu        2       2      3
    memory     2Gi     2Gi    3Gi

    1 to recreate, 1 rolling restart, 1 in place, 9 unchanged; 4 pods restart
    ");
    assert_eq!(fs::read_dir(place.path("out/web")).unwrap().count(), before, "nothing is written");
    assert_snapshot!(place.says(0, &format!("{DIFF} --format markdown")).out, @r"
    ### Changes

    1 to recreate, 1 rolling restart, 1 in place, 9 unchanged; 4 pods restart

    |  | object | what happens |
    |---|---|---|
    | 🔄 | `Deployment demo/web-front` | rolling restart: 2 pods restart |
    | ✏️ | `Service demo/web-front` | in place |
    | ♻️ | `StatefulSet demo/web-store` | recreate: 2 pods restart; cannot be changed: spec.volumeClaimTemplates |

    | pods of | before | restart | come | go |
    |---|---|---|---|---|
    | `web/front` | 2 | 2 | 0 | 0 |
    | `web/store` | 2 | 2 | 0 | 0 |

    | requested | before | after | at most |
    |---|---|---|---|
    | `cpu` | `2` | `2` | `3` |
    | `memory` | `2Gi` | `2Gi` | `3Gi` |

    <details><summary>Fields</summary>

    ```diff
    @@ Deployment demo/web-front @@
      spec.template.spec.containers[front].image
    - nginx:1.27
    + nginx:1.28
      spec.template.spec.containers[front].ports[http].containerPort
    - 80
    + 81
    @@ Service demo/web-front @@
      spec.ports[http].port
    - 80
    + 81
    @@ StatefulSet demo/web-store @@
      spec.volumeClaimTemplates[0].spec.resources.requests.storage
    - 1Gi
    + 2Gi
    ```

    </details>
    ");
}

#[test]
fn exit_codes_tell_whether_anything_differs() {
    let place = Place::new();
    place.edit("replicas = 2  cpu", "replicas = 3  cpu");
    place.says(3, &format!("{DIFF} --exit-code"));
    let run = place.says(1, &format!("{DIFF} --exit-code --deny in-place,delete"));
    assert_snapshot!(run.err, @r"
    error[E0973]: 1 change of `in-place`, which is denied: Deployment `web-front`
      help: the difference shows why; allow it by `--deny` without this word

    1 error
    for more about it: `rbgc explain E0973`
    ");
    assert!(run.out.contains("Deployment demo/web-front  in place: 1 pod comes"), "{}", run.out);
    place.says(3, &format!("{DIFF} --exit-code --deny recreate,delete,move"));
    place.says(2, &format!("{DIFF} --deny everything"));
    // A comment in a source changes no object.
    place.write("src/main.rbg", &format!("// nothing\n{SOURCE}"));
    place.says(0, &format!("{DIFF} --exit-code"));
}

#[test]
fn programs_read_json() {
    let place = Place::new();
    place.edit("size = 1Gi", "size = 2Gi");
    let all: Value = serde_json::from_str(&place.says(0, &format!("{DIFF} --format json")).out).unwrap();
    let set = all[0]["objects"].as_array().unwrap().iter().find(|o| o["kind"] == "StatefulSet").unwrap();
    assert_eq!((&set["effect"], &set["immutable"][0]), (&"recreate".into(), &"spec.volumeClaimTemplates".into()));
    assert_eq!((&set["group"], &set["role"]), (&"web".into(), &"store".into()));
    assert_eq!(set["pods"][0]["names"], "web-store-[0-1]");
    assert_eq!((&all[0]["roles"][0]["restart"], &all[0]["roles"][0]["before"]), (&2.into(), &2.into()));
    let schema: Value = serde_json::from_str(&place.says(0, "schema diff").out).unwrap();
    assert_eq!(schema["type"], "array");
    let known = schema["$defs"]["Change"]["properties"].as_object().unwrap();
    assert!(set.as_object().unwrap().keys().all(|key| known.contains_key(key)), "{set}");
}

#[test]
fn revisions_are_read_through_git() {
    let place = Place::new();
    place.commit("one").git(&["tag", "v1"]).git(&["branch", "out/old"]);
    place.edit("replicas = 2  cpu", "replicas = 4  cpu");
    place.says(0, "compile src -i inventory.yaml --delivery plain -o out");
    assert_eq!(place.says(0, &format!("{DIFF} --exit-code")).out, "no change: 12 unchanged\n");
    for revision in ["main", "v1", "HEAD", "refs/heads/out/old"] {
        let run = place.says(3, &format!("{DIFF} --exit-code --against {revision}"));
        assert!(run.out.contains("2 pods come"), "{}", run.out);
    }
    place.commit("two");
    place.says(3, &format!("{DIFF} --exit-code --against HEAD~1"));
    place.says(0, &format!("{DIFF} --exit-code --against HEAD"));
    // Before the output was there, everything is new; a group that is gone is deleted.
    fs::rename(place.path("out"), place.path("gone")).unwrap();
    place.commit("three");
    place.says(0, "compile src -i inventory.yaml --delivery plain -o out");
    let run = place.says(0, &format!("{DIFF} --against HEAD"));
    assert!(run.out.ends_with("12 to create; 6 pods come\n"), "{}", run.out);
    place.commit("four").git(&["rm", "-rq", "out"]);
    place.write("src/main.rbg", "group other { namespace = \"demo\"  role a { image = \"a:1.0\" } }\n");
    let run = place.says(0, &format!("{DIFF} --against HEAD"));
    assert!(run.out.contains("12 to delete"), "{}", run.out);
}

#[test]
fn what_git_does_not_give_is_told() {
    let place = Place::new();
    let run = place.says(1, &format!("{DIFF} --against main"));
    assert!(
        run.err.contains("error[E0972]: `out` is in no Git repository that can be read: not a git repository"),
        "{}",
        run.err
    );
    place.commit("one");
    for revision in ["nothing", "-p", "--output=x", "HEAD:out", "HEAD..main", "", "a b"] {
        let against = format!("--against={revision}");
        let mut arguments: Vec<&str> = DIFF.split(' ').collect();
        arguments.push(&against);
        let run = cli::run(place.directory.path(), &arguments);
        assert_eq!(run.exit, 1, "{revision}: {}", run.err);
        assert!(run.err.contains("is neither a directory nor a revision"), "{revision}: {}", run.err);
    }
    assert!(!place.path("x").exists());
    let mut command =
        cli::command(place.directory.path(), &DIFF.split(' ').chain(["--against", "main"]).collect::<Vec<_>>());
    let run = cli::finish({
        command.env("PATH", place.path("nowhere"));
        command
    });
    assert!(run.err.contains("there is no `git` on the path"), "{}", run.err);
    // Whose hook runs us plays no part.
    let mut command =
        cli::command(place.directory.path(), &DIFF.split(' ').chain(["--against", "main"]).collect::<Vec<_>>());
    command.env("GIT_DIR", "/nowhere").env("GIT_INDEX_FILE", "/nowhere");
    assert_eq!(cli::finish(command).exit, 0);
}

#[test]
fn directories_are_compared() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    let run = place.says(0, &format!("{DIFF} --against empty"));
    assert!(run.out.ends_with("12 to create; 4 pods come\n"), "{}", run.out);
    // Without `-o` the directory is also what would be written.
    assert_eq!(
        place.says(0, "diff src -i inventory.yaml --delivery plain --against out").out,
        "no change: 12 unchanged\n"
    );
    // A file that is no longer what was written counts as it is; one that no lock names does not.
    let file = place.path("out/web/front/deployment-web-front.yaml");
    fs::write(&file, read(&file).replace("replicas: 2", "replicas: 7")).unwrap();
    place.write("out/web/mine.yaml", "not: an object\n");
    assert!(place.says(0, DIFF).out.contains("web-front  in place: 5 pods go"));
    fs::write(&file, "<<<<<<< HEAD\n").unwrap();
    assert!(place.says(1, DIFF).err.contains("error[E0971]: `web/front/deployment-web-front.yaml`"));
    fs::write(place.path("out/web/rbgc.lock"), "nonsense\n").unwrap();
    assert!(place.says(1, DIFF).err.contains("error[E0804]"));
}

#[test]
fn wrong_command_lines() {
    let place = Place::new();
    for (line, said) in [
        ("diff src", "which cluster?"),
        ("diff src -i inventory.yaml", "compare with what?"),
        ("diff src -i inventory.yaml -o -", "`-o -` is no tree"),
        ("diff src -i inventory.yaml --against nowhere", "compare with what?"),
    ] {
        let run = place.says(2, line);
        assert!(run.err.contains(said), "{line}: {}", run.err);
    }
    place.edit("nginx:1.27", "1 + ");
    assert_eq!(place.says(1, DIFF).out, "", "what does not compile is not compared");
}

#[test]
fn the_clusters_of_a_project_are_compared() {
    let place = Place::new();
    place.write("rbgc.toml", PROJECT);
    place.says(0, "compile");
    place.commit("one").edit("replicas = 2  cpu", "replicas = 3  cpu");
    let run = place.says(3, "diff --against main --exit-code");
    assert!(run.out.contains("1 pod comes"), "{}", run.out);
    assert!(place.says(0, "diff --format markdown").out.starts_with("### Changes of `east`\n"));
    // A group that the sources no longer declare stays, unless it is pruned.
    place.write("src/main.rbg", "group other { namespace = \"demo\"  role a { image = \"a:1.0\" } }\n");
    assert!(!place.says(0, "diff").out.contains("delete"));
    assert!(place.says(0, "diff --prune-group web").out.contains("12 to delete"));
}

/// The commands of the pages about pipelines and hooks run, in a project that is as it should be.
#[test]
fn the_commands_for_pipelines_run() {
    let place = Place::new();
    place.write("rbgc.toml", PROJECT);
    fs::remove_dir_all(place.path("out")).unwrap();
    place.says(0, "fmt");
    place.says(0, "compile");
    place.commit("one").git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let page = read(&crate::support::root().join("docs/ci.md"));
    let mut count = 0;
    for line in page.lines() {
        let Some(at) =
            line.find("rbgc ").filter(|at| !line[..*at].contains(['`', '#', '[']) && line.starts_with([' ', 'r']))
        else {
            continue;
        };
        let command = line[at..].split([';', '|', '>', '&']).next().unwrap().trim().trim_end_matches('"');
        let words: Vec<String> =
            command.split_whitespace().map(|word| word.trim_matches('"').replace("$BASE", "main")).collect();
        if !["check", "fmt", "compile", "diff"].contains(&words.get(1).map_or("", String::as_str)) {
            continue;
        }
        count += 1;
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = cli::run(place.directory.path(), &arguments);
        assert_eq!(run.exit, 0, "{command}: {}{}", run.out, run.err);
    }
    assert!(count >= 6, "only {count} commands");
}

#[test]
fn workflows_are_yaml() {
    let blocks = crate::docs::blocks(Path::new(&crate::support::root().join("docs/ci.md")));
    let workflows: Vec<_> = blocks.iter().filter(|block| block.is("yaml", Some("workflow"))).collect();
    assert_eq!(workflows.len(), 2);
    for block in workflows {
        let value: serde_yaml::Value =
            serde_yaml::from_str(&block.text).unwrap_or_else(|e| panic!("{}: {e}", block.place));
        assert!(value.get("jobs").and_then(serde_yaml::Value::as_mapping).is_some_and(|jobs| jobs.len() == 1));
        let permissions = value.get("permissions").expect("least privilege");
        assert!(permissions.as_mapping().is_some(), "{}", block.place);
        // Texts of others reach the shell through the environment only.
        for line in block.text.lines().skip_while(|line| !line.contains("steps:")).filter(|line| line.contains("${{")) {
            assert!(!line.trim_start().starts_with("run:"), "{}: {line}", block.place);
        }
    }
}
