//! The discovery file and the environment of pods against upstream's contract (`pkg/discovery` of
//! RoleBasedGroup), which is written down here once more, from its description: what the
//! controller would write for a group, byte for byte, and what its pods would be told.
//!
//! What the compiler adds to the file is taken out line by line. Everywhere else it may differ in
//! what `docs/targets.md` says and nothing else: instances with objects of their own have pods with
//! one more number in their names, and single pods have no variables of components.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rbgc::kinds::Target;
use rbgc::order::Delivery;
use serde_yaml::Value;

use crate::scheduler::dice::Dice;
use crate::support::compile::compile_for;
use crate::support::rbg::running;
use crate::support::tree::{Object, Tree, at, resolvable, scaled};
use crate::support::{Memory, none, read, root};

/// Random groups of each test.
const GROUPS: u64 = 40;

/// What upstream's file has no word for: the indentation and the name of the key.
const ADDED: [(usize, &str); 8] = [
    (0, "connections"),
    (0, "schema"),
    (2, "namespace"),
    (4, "replicas"),
    (6, "component"),
    (6, "domains"),
    (6, "gpu_link"),
    (6, "instance"),
];

/// How the pods of a role are made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Interchangeable,
    Stable,
    /// With an object for each instance.
    Apart,
    LeaderAndWorkers,
    Components,
}

const SINGLE: [Form; 3] = [Form::Interchangeable, Form::Stable, Form::Apart];
const ALL: [Form; 5] = [Form::Interchangeable, Form::Stable, Form::Apart, Form::LeaderAndWorkers, Form::Components];

#[derive(Debug, Clone)]
struct Role {
    name: &'static str,
    form: Form,
    replicas: u64,
    /// Whether it is scaled, from that number on.
    scaled: bool,
    ports: Vec<(&'static str, u64)>,
}

#[derive(Debug, Clone)]
struct Group {
    name: &'static str,
    roles: Vec<Role>,
}

/// Names that are hard to write or to sort, in no order.
const NAMES: [&str; 14] =
    ["web", "off", "no", "y", "null", "r2", "r02", "r10", "s1b", "s12", "a-b", "ab", "a", "schema"];
const PORTS: [&str; 10] = ["http", "http-1", "http2", "http10", "grpc", "p1b", "p12", "n", "true", "a-0"];

fn group(forms: &[Form], dice: &mut Dice) -> Group {
    let mut names = NAMES.to_vec();
    dice.shuffle(&mut names);
    let roles = names.into_iter().take(1 + dice.below(6)).map(|name| {
        let form = *dice.of(forms);
        let mut ports = PORTS.to_vec();
        dice.shuffle(&mut ports);
        let ports = ports.into_iter().take(dice.below(6)).zip(8000..).collect();
        // Nothing is apart of one instance.
        let replicas = if form == Form::Apart { 2 + dice.below(3) } else { dice.below(4) } as u64;
        let scaled = form == Form::Stable && replicas > 0 && dice.below(3) == 0;
        Role { name, form, replicas, scaled, ports }
    });
    let roles = roles.collect();
    Group { name: ["g", "no-1", "a10"][dice.below(3)], roles }
}

impl Group {
    fn source(&self) -> String {
        let mut text = format!("group {} {{\n  namespace = \"demo\"\n", self.name);
        for Role { name, form, replicas, scaled, ports } in &self.roles {
            let range = if *scaled { format!("{replicas}..9") } else { replicas.to_string() };
            let _ = writeln!(text, "  role {name} {{\n    image = \"example.com/a:1\"\n    replicas = {range}");
            text.push_str(match form {
                Form::Interchangeable | Form::Apart => "",
                Form::Stable => "    identity = \"stable\"\n",
                Form::LeaderAndWorkers => "    pods = 3\n",
                Form::Components => {
                    "    component one { cpu = 1  PORTS }\n    component two { cpu = 1  pods = 2  PORTS }\n"
                }
            });
            text.push_str(if *scaled { "    cpu = 1\n    autoscale { cpu = 70% }\n" } else { "" });
            let written: String = ports.iter().map(|(name, number)| format!("port {name} = {number}  ")).collect();
            match form {
                Form::Components => text = text.replace("PORTS", &written),
                _ => text.push_str(&format!("    {written}\n")),
            }
            text.push_str("    sidecar log { image = \"example.com/log:1\" }\n    env { OWN = \"1\" }\n  }\n");
        }
        for role in self.roles.iter().filter(|role| role.form == Form::Apart) {
            let _ = writeln!(text, "  place {{ {} apart at node }}", role.name);
        }
        text + "}\n"
    }

    /// What the controller writes for single pods.
    fn config(&self) -> String {
        let stateful = || self.roles.iter().filter(|role| role.form != Form::Interchangeable);
        let names = stateful().map(|role| Yaml::Text(role.name.into())).collect::<Vec<_>>();
        let own = map([
            ("name", Yaml::Text(self.name.into())),
            ("size", Yaml::Number(names.len() as u64)),
            ("roles", Yaml::List(names)),
        ]);
        let roles = stateful().map(|role| (role.name.to_owned(), role.config(self.name))).collect();
        map([("group", own), ("roles", Yaml::Map(roles))]).text()
    }
}

impl Role {
    fn config(&self, group: &str) -> Yaml {
        let ports: Vec<_> =
            self.ports.iter().map(|(name, number)| (name.replace('-', "_"), Yaml::Number(*number))).collect();
        let instance = |index: u64| {
            let name = format!("{group}-{}", self.name);
            // A StatefulSet of one pod adds its ordinal to the name of the instance.
            let ordinal = if self.form == Form::Apart { "-0" } else { "" };
            let address = Yaml::Text(format!("{name}-{index}{ordinal}.s-{name}"));
            let ports = Some(("ports", Yaml::Map(ports.clone()))).filter(|_| !ports.is_empty());
            map([("address", address)].into_iter().chain(ports))
        };
        let instances = Yaml::List((0..self.replicas).map(instance).collect());
        map([("size", Yaml::Number(self.replicas)), ("instances", instances)])
    }

    /// What the controller tells all containers of a pod, in its order: `part` is the component and
    /// the number of the pod in it.
    fn variables(&self, group: &str, index: u64, (part, number): (&str, u64)) -> Vec<(String, String)> {
        let name = format!("{group}-{}", self.name);
        let (stateful, several) = (self.form != Form::Interchangeable, !SINGLE.contains(&self.form));
        // Labels count workers from 0, which Kubernetes cannot copy from a number that begins at 1.
        let counted = several && part != "worker";
        let base = [
            ("RBG_COMPONENT_INDEX", counted.then(|| number.to_string())),
            ("RBG_COMPONENT_NAME", several.then(|| part.to_owned())),
            ("RBG_GROUP_NAME", Some(group.to_owned())),
            ("RBG_ROLE_INDEX", stateful.then(|| index.to_string())),
            ("RBG_ROLE_INSTANCE_NAME", stateful.then(|| format!("{name}-{index}"))),
            ("RBG_ROLE_NAME", Some(self.name.to_owned())),
        ];
        let leader = self.form == Form::LeaderAndWorkers;
        let more = [
            ("RBG_LWP_LEADER_ADDRESS", format!("{name}-{index}-0.s-{name}.demo")),
            ("RBG_LWP_WORKER_INDEX", number.to_string()),
            ("RBG_LWP_GROUP_SIZE", "3".to_owned()),
        ];
        let more = more.into_iter().filter(|_| leader);
        let base = base.into_iter().filter_map(|(name, value)| Some((name, value?)));
        base.chain(more).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The pods of an instance: their names, component and number in it.
    fn pods(&self, group: &str, index: u64) -> Vec<(String, &'static str, u64)> {
        let name = format!("{group}-{}-{index}", self.name);
        match self.form {
            Form::Interchangeable => Vec::new(),
            Form::Stable => vec![(name, "", 0)],
            Form::Apart => vec![(format!("{name}-0"), "", 0)],
            Form::LeaderAndWorkers => vec![
                (format!("{name}-0"), "leader", 0),
                (format!("{name}-workers-1"), "worker", 1),
                (format!("{name}-workers-2"), "worker", 2),
            ],
            Form::Components => vec![
                (format!("{name}-one-0"), "one", 0),
                (format!("{name}-two-0"), "two", 0),
                (format!("{name}-two-1"), "two", 1),
            ],
        }
    }
}

/// What Go's YAML library is given.
#[derive(Debug, Clone)]
enum Yaml {
    Text(String),
    Number(u64),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Yaml)>) -> Yaml {
    Yaml::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl Yaml {
    fn text(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }

    /// As yaml.v2 writes it: lists are not indented below their key, keys are sorted.
    fn lines(&self) -> Vec<String> {
        match self {
            Yaml::Text(text) => vec![quoted(text)],
            Yaml::Number(number) => vec![number.to_string()],
            Yaml::List(items) if items.is_empty() => vec!["[]".into()],
            Yaml::Map(entries) if entries.is_empty() => vec!["{}".into()],
            Yaml::List(items) => {
                let item = |item: &Yaml| -> Vec<String> {
                    let lines = item.lines().into_iter().enumerate();
                    lines.map(|(n, line)| format!("{}{line}", if n == 0 { "- " } else { "  " })).collect()
                };
                items.iter().flat_map(item).collect()
            }
            Yaml::Map(entries) => in_order(entries).into_iter().flat_map(|(key, value)| entry(key, value)).collect(),
        }
    }
}

fn entry(key: &str, value: &Yaml) -> Vec<String> {
    let (key, lines) = (quoted(key), value.lines());
    let (nested, indent) = match value {
        Yaml::Text(_) | Yaml::Number(_) => (false, ""),
        Yaml::List(items) => (!items.is_empty(), ""),
        Yaml::Map(entries) => (!entries.is_empty(), "  "),
    };
    if !nested {
        return vec![format!("{key}: {}", lines[0])];
    }
    std::iter::once(format!("{key}:")).chain(lines.iter().map(|line| format!("{indent}{line}"))).collect()
}

/// Names that are lower-case DNS labels, or keys of ports: of these only words are no texts.
fn quoted(text: &str) -> String {
    let words = ["y", "yes", "on", "true", "n", "no", "off", "false", "null"];
    if words.contains(&text) { format!("\"{text}\"") } else { text.to_owned() }
}

/// The entries in yaml.v2's order, each the one that comes before all others that are left.
fn in_order(entries: &[(String, Yaml)]) -> Vec<(&str, &Yaml)> {
    let mut left: Vec<(&str, &Yaml)> = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let first = (0..left.len()).find(|a| (0..left.len()).all(|b| *a == b || less(left[*a].0, left[b].0)));
        sorted.push(left.remove(first.expect("keys that have an order")));
    }
    sorted
}

fn less(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(i) = (0..a.len().min(b.len())).find(|i| a[*i] != b[*i]) else { return a.len() < b.len() };
    match (a[i].is_alphabetic(), b[i].is_alphabetic()) {
        (true, true) => return a[i] < b[i],
        (false, false) => {}
        (_, letter) => return letter,
    }
    // A zero inside of a number is no leading one: both numbers get a digit in front.
    let digits = (0..i).rev().take_while(|j| a[*j].is_ascii_digit());
    let inside = (a[i] == '0' || b[i] == '0') && digits.into_iter().any(|j| a[j] != '0');
    let number = |text: &[char]| {
        let digits = text[i..].iter().map_while(|c| c.to_digit(10));
        digits.fold((u64::from(inside), 0), |(value, length), digit| (value * 10 + u64::from(digit), length + 1))
    };
    (number(&a), a[i]) < (number(&b), b[i])
}

/// A file without the lines that the compiler adds.
fn upstreams(text: &str) -> String {
    let (mut kept, mut section, mut skipped) = (String::new(), "", None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        if skipped.is_some_and(|outer| indent > outer) {
            continue;
        }
        let key = line[indent..].split(':').next().unwrap_or_default();
        section = if indent == 0 { key } else { section };
        let is_added = ADDED.contains(&(indent, key)) && (indent != 2 || section == "group");
        skipped = is_added.then_some(indent);
        if !is_added {
            kept.push_str(&format!("{line}\n"));
        }
    }
    kept
}

#[track_caller]
fn compiled(target: Target, source: &str) -> Tree {
    let mut world = Memory::default();
    world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
    world.add("/project/main.rbg", source);
    let outcome = compile_for(target, &world, &["main.rbg"], &[], &Delivery::Plain);
    let groups = outcome.groups.unwrap_or_else(|| panic!("{source}\n{:?}", outcome.problems));
    groups.into_iter().flat_map(|group| group.files).collect()
}

/// The text of the discovery file.
#[track_caller]
fn discovery<'o>(objects: &'o [Object], name: &str) -> &'o str {
    let config = objects.iter().find(|o| o.kind() == "ConfigMap" && o.name() == name).expect("a discovery file");
    config.text(&["data", "config.yaml"])
}

fn list<'v>(value: &'v Value, keys: &[&str]) -> impl Iterator<Item = &'v Value> + use<'v> {
    at(value, keys).and_then(Value::as_sequence).into_iter().flatten()
}

/// The pods of StatefulSets and Deployments by name, with their templates and ordinals; those of
/// a Deployment by the name of it.
fn pods(objects: &[Object]) -> BTreeMap<String, (&Object, u64)> {
    let mut pods = BTreeMap::new();
    for object in objects.iter().filter(|o| o.template().is_some()) {
        if object.kind() == "Deployment" {
            pods.insert(object.name().to_owned(), (object, 0));
            continue;
        }
        let first = at(&object.value, &["spec", "ordinals", "start"]).and_then(Value::as_u64).unwrap_or(0);
        let replicas = scaled(objects, object, "minReplicas").unwrap_or(object.replicas());
        for ordinal in first..first + replicas {
            pods.insert(format!("{}-{ordinal}", object.name()), (object, ordinal));
        }
    }
    pods
}

/// What the containers of a pod are told by variables that begin with `RBG_`, as the kubelet reads
/// the fields of the pod. Those must stand before all others.
fn told(container: &Value, template: &Value, pod: &str, ordinal: u64) -> Vec<(String, String)> {
    let value = |variable: &Value| {
        let Some(path) = at(variable, &["valueFrom", "fieldRef", "fieldPath"]) else {
            return variable["value"].as_str().expect("a value").to_owned();
        };
        match path.as_str().expect("a path") {
            "metadata.name" => pod.to_owned(),
            "metadata.labels['apps.kubernetes.io/pod-index']" => ordinal.to_string(),
            path => {
                let label = path.strip_prefix("metadata.labels['").and_then(|path| path.strip_suffix("']"));
                let label = label.unwrap_or_else(|| panic!("{path}"));
                at(template, &["metadata", "labels", label]).and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        }
    };
    let all: Vec<(String, String)> =
        list(container, &["env"]).map(|v| (v["name"].as_str().unwrap_or_default().to_owned(), value(v))).collect();
    let own = all.iter().take_while(|(name, _)| name.starts_with("RBG_")).count();
    assert!(all[own..].iter().all(|(name, _)| !name.starts_with("RBG_")), "{pod}: a variable of the user comes first");
    all[..own].to_vec()
}

/// Whether a container finds the file where upstream mounts it.
fn is_mounted(container: &Value, template: &Value, group: &str) -> bool {
    let mount = list(container, &["volumeMounts"]).find(|mount| mount["mountPath"] == "/etc/rbg");
    let volume = mount.and_then(|m| list(template, &["spec", "volumes"]).find(|v| v["name"] == m["name"]));
    let name = volume.and_then(|volume| at(volume, &["configMap", "name"])?.as_str());
    mount.is_some_and(|m| m["readOnly"] == true && m["name"] == "rbg-cluster-config") && name == Some(group)
}

/// The discovery file that upstream's own test expects (`pkg/discovery/config_builder_test.go`).
#[test]
fn the_contract_is_what_upstreams_test_expects() {
    let role = |name, replicas, ports| Role { name, form: Form::Stable, replicas, scaled: false, ports };
    let roles = vec![role("worker", 3, vec![("http", 8080)]), role("leader", 1, vec![("api", 6443)])];
    let text = "\
group:
  name: test-cluster
  roles:
  - worker
  - leader
  size: 2
roles:
  leader:
    instances:
    - address: test-cluster-leader-0.s-test-cluster-leader
      ports:
        api: 6443
    size: 1
  worker:
    instances:
    - address: test-cluster-worker-0.s-test-cluster-worker
      ports:
        http: 8080
    - address: test-cluster-worker-1.s-test-cluster-worker
      ports:
        http: 8080
    - address: test-cluster-worker-2.s-test-cluster-worker
      ports:
        http: 8080
    size: 3
";
    let group = Group { name: "test-cluster", roles };
    assert_eq!(group.config(), text);
    let tree = compiled(Target::Native, &group.source());
    let written = running(&tree);
    let written = discovery(&written, "test-cluster");
    assert_eq!(upstreams(written), text);
    assert_eq!(written.lines().count(), text.lines().count() + 2, "{written}");
}

#[test]
fn single_pods_find_upstreams_file_byte_for_byte() {
    let (mut problems, mut listed) = (Vec::new(), 0);
    for seed in 0..GROUPS {
        let group = group(&SINGLE, &mut Dice::new(seed));
        let objects = running(&compiled(Target::Native, &group.source()));
        let (written, expected) = (discovery(&objects, group.name), group.config());
        listed += expected.matches("address:").count();
        if upstreams(written) != expected {
            problems.push(format!("{}\nis written as\n{written}\nand expected\n{expected}", group.source()));
        }
    }
    none(&problems);
    assert!(listed > 100, "only {listed} pods were listed");
}

#[test]
fn pods_are_told_what_upstream_tells_them() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for seed in 0..GROUPS {
        let group = group(&ALL, &mut Dice::new(seed));
        let objects = running(&compiled(Target::Native, &group.source()));
        let found = pods(&objects);
        for role in &group.roles {
            let named =
                (0..role.replicas).flat_map(|index| role.pods(group.name, index).into_iter().map(move |p| (index, p)));
            let deployed = (0, (format!("{}-{}", group.name, role.name), "", 0));
            let named: Vec<_> = if role.form == Form::Interchangeable { vec![deployed] } else { named.collect() };
            for (index, (name, part, number)) in named {
                let Some((object, ordinal)) = found.get(&name) else {
                    problems.push(format!("seed {seed}: there is no pod {name}"));
                    continue;
                };
                let template = object.template().expect("a template");
                let expected = role.variables(group.name, index, (part, number));
                let lists = ["containers", "initContainers"].into_iter();
                for container in lists.flat_map(|field| list(template, &["spec", field])) {
                    count += 1;
                    let told = told(container, template, &name, *ordinal);
                    if told != expected {
                        problems.push(format!("seed {seed}: {name} is told {told:?}, upstream tells {expected:?}"));
                    }
                    if !is_mounted(container, template, group.name) {
                        problems.push(format!("seed {seed}: {name} does not find the discovery file"));
                    }
                }
            }
        }
    }
    none(&problems);
    assert!(count > 200, "only {count} containers were looked at");
}

#[test]
fn every_listed_name_is_that_of_a_pod() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for target in [Target::Native, Target::Lws, Target::Rbg] {
        for seed in 0..GROUPS / 2 {
            // LeaderWorkerSets know no components.
            let forms = if target == Target::Lws { &ALL[..4] } else { &ALL };
            let group = group(forms, &mut Dice::new(seed));
            let several = group.roles.iter().any(|role| !SINGLE.contains(&role.form));
            // The controller writes the file of a group of single pods.
            if target == Target::Rbg && !several {
                continue;
            }
            let objects = running(&compiled(target, &group.source()));
            let name = if target == Target::Rbg { format!("{}-discovery", group.name) } else { group.name.to_owned() };
            let config: Value = serde_yaml::from_str(discovery(&objects, &name)).expect("YAML");
            let roles = config["roles"].as_mapping().into_iter().flatten();
            let addresses = roles.flat_map(|(_, role)| list(role, &["instances"]));
            let listed: BTreeSet<&str> = addresses.filter_map(|one| one["address"].as_str()).collect();
            count += listed.len();
            let names = resolvable(&objects, "demo");
            let lost = listed.iter().filter(|name| !names.contains(**name));
            problems.extend(lost.map(|name| format!("{target:?}, seed {seed}: `{name}` resolves to nothing")));
            // Short names through headless Services are those of pods.
            let of_pods = names.iter().filter(|name| name.matches('.').count() == 1 && !name.ends_with(".demo"));
            let missing = of_pods.filter(|name| !listed.contains(name.as_str()));
            problems.extend(missing.map(|name| format!("{target:?}, seed {seed}: `{name}` is not listed")));
        }
    }
    none(&problems);
    assert!(count > 300, "only {count} names were looked at");
}

/// Every key that is added is one that the documentation tells of.
#[test]
fn what_is_added_is_documented() {
    let text = read(&root().join("docs/targets.md"));
    let (_, section) = text.split_once("### The discovery file").expect("the section");
    let section = section.split("\n### ").next().unwrap_or_default();
    for (_, key) in ADDED {
        let forms = [format!("`{key}`"), format!("`{key}:"), format!(".{key}`")];
        assert!(forms.iter().any(|form| section.contains(form)), "`{key}` is not in docs/targets.md");
    }
}
