//! Trees of manifests: files by path, their objects, and the names that resolve in a cluster that
//! runs them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_yaml::Value;

use super::lws;

/// Texts by path from the root of the tree, `/` separated.
pub type Tree = BTreeMap<String, String>;

/// Every file below a directory.
#[track_caller]
pub fn read(directory: &Path) -> Tree {
    let walk = walkdir::WalkDir::new(directory).sort_by_file_name();
    walk.into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(directory).unwrap().to_string_lossy().replace('\\', "/");
            (path, super::read(entry.path()))
        })
        .collect()
}

/// An object of a tree.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its file.
    pub path: String,
    /// What stands there.
    pub value: Value,
}

impl Object {
    /// The text at a path of keys; empty when there is none.
    pub fn text(&self, keys: &[&str]) -> &str {
        at(&self.value, keys).and_then(Value::as_str).unwrap_or("")
    }

    /// `StatefulSet`.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
    }

    /// The template of its pods.
    pub fn template(&self) -> Option<&Value> {
        at(&self.value, &["spec", "template"])
    }

    /// Number of pods; 1 where nothing is said.
    pub fn replicas(&self) -> u64 {
        at(&self.value, &["spec", "replicas"]).and_then(Value::as_u64).unwrap_or(1)
    }
}

/// The value at a path of keys.
pub fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

/// All objects of the YAML files, in the order of paths, and what controllers make of them.
#[track_caller]
pub fn objects(tree: &Tree) -> Vec<Object> {
    objects_at(tree, "minReplicas")
}

/// The objects of the YAML files alone.
#[track_caller]
pub fn written(tree: &Tree) -> Vec<Object> {
    let mut objects = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".yaml")) {
        for document in serde_yaml::Deserializer::from_str(text) {
            let value = serde::Deserialize::deserialize(document).unwrap_or_else(|e| panic!("{path}: {e}"));
            objects.push(Object { path: path.clone(), value });
        }
    }
    objects
}

/// All objects, with so many replicas as that field of autoscalers says.
#[track_caller]
pub fn objects_at(tree: &Tree, bound: &str) -> Vec<Object> {
    let mut objects = written(tree);
    let sets = objects.iter().filter(|o| o.kind() == "LeaderWorkerSet");
    let made: Vec<Object> = sets.flat_map(|set| lws::made(set, scaled(&objects, set, bound))).collect();
    objects.extend(made);
    objects
}

/// The number of replicas that a field of its autoscaler says, if it has one.
pub fn scaled(objects: &[Object], workload: &Object, bound: &str) -> Option<u64> {
    let target = |o: &&Object| {
        let of = |field| o.text(&["spec", "scaleTargetRef", field]);
        o.kind() == "HorizontalPodAutoscaler"
            && o.namespace() == workload.namespace()
            && (of("kind"), of("name")) == (workload.kind(), workload.name())
    };
    at(&objects.iter().find(target)?.value, &["spec", bound])?.as_u64()
}

/// The templates of all workloads by kind and name.
pub fn templates(tree: &Tree) -> BTreeMap<(String, String), Value> {
    let key = |object: &Object| (object.kind().to_owned(), object.name().to_owned());
    objects(tree).iter().filter_map(|o| Some((key(o), o.template()?.clone()))).collect()
}

/// Every name that resolves in the cluster, with the ports of Services: `name.namespace`, and
/// `name` for use inside of `namespace`. A pod resolves through the headless Service that its
/// StatefulSet names, if that Service is in the tree and selects it.
pub fn resolvable(objects: &[Object], namespace: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: String, of: &str| {
        for suffix in ["", ".svc", ".svc.cluster.local"] {
            names.insert(format!("{name}.{of}{suffix}"));
        }
        if of == namespace {
            names.insert(name);
        }
    };
    for service in objects.iter().filter(|o| o.kind() == "Service") {
        add(service.name().into(), service.namespace());
    }
    for set in objects.iter().filter(|o| o.kind() == "StatefulSet") {
        let service = set.text(&["spec", "serviceName"]);
        let found =
            objects.iter().find(|o| o.kind() == "Service" && o.name() == service && o.namespace() == set.namespace());
        if !found.is_some_and(|service| selects(service, set)) {
            continue;
        }
        let least = scaled(objects, set, "minReplicas");
        let first = at(&set.value, &["spec", "ordinals", "start"]).and_then(Value::as_u64).unwrap_or(0);
        for ordinal in first..first + least.unwrap_or(set.replicas()) {
            add(format!("{}-{ordinal}.{service}", set.name()), set.namespace());
        }
    }
    names
}

/// Whether a Service's selector matches the pods of a workload.
pub fn selects(service: &Object, workload: &Object) -> bool {
    let labels = at(&workload.value, &["spec", "template", "metadata", "labels"]);
    let selector = at(&service.value, &["spec", "selector"]);
    let Some(selector) = selector.map(|s| s.get("matchLabels").unwrap_or(s)).and_then(Value::as_mapping) else {
        return false;
    };
    !selector.is_empty() && selector.iter().all(|(key, value)| labels.and_then(|l| l.get(key)) == Some(value))
}

/// Every text in a value, with the path to it.
pub fn texts(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => found.push((path.to_owned(), text.clone())),
            Value::Sequence(list) => {
                list.iter().enumerate().for_each(|(i, v)| walk(v, &format!("{path}[{i}]"), found));
            }
            Value::Mapping(map) => {
                for (key, v) in map {
                    walk(v, &format!("{path}/{}", key.as_str().unwrap_or("?")), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// The host names of this cluster that a text names: hosts of URLs, `host:port`, and every name
/// through a headless Service (`….s-…`, or `<set>-….<set>…` of a LeaderWorkerSet). Other names with
/// a dot are outside of the cluster; an `upstream` of nginx is a name of its own.
pub fn hosts(text: &str) -> Vec<String> {
    let upstream: Vec<&str> =
        text.split("upstream ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(legal) {
        let before = &rest[..start];
        let word: &str = rest[start..].split(|c| !legal(c)).next().unwrap_or("");
        let after = &rest[start + word.len()..];
        let port = after.strip_prefix(':').is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit()));
        let url = before.ends_with("://");
        let numeric = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        let of_set = word.split_once('.').is_some_and(|(pod, rest)| {
            let set = rest.split('.').next().unwrap_or_default();
            pod.strip_prefix(set).is_some_and(|ordinals| ordinals.starts_with('-'))
        });
        let headless = word.contains(".s-") || of_set;
        let local = matches!(word, "localhost" | "0.0.0.0" | "127.0.0.1");
        let image = before.ends_with('/') && !url;
        if headless
            || (!upstream.contains(&word) && (url || port) && !numeric && !local && !image && !word.contains('.'))
        {
            found.push(word.trim_end_matches('.').to_owned());
        }
        rest = after;
    }
    found
}

#[test]
fn hosts_are_found() {
    let text = "--peers http://web-0.s-g-web:80,http://g-web:8000/x --bind 0.0.0.0:80 docker.io/a:1 x: 5 store:50051";
    assert_eq!(hosts(text), ["web-0.s-g-web", "g-web", "store"]);
    assert_eq!(hosts("https://example.com/ 10.0.0.1:5 lmsysorg/sglang:0.5"), [""; 0]);
    assert_eq!(hosts("address: g-r-0-0.s-g-r.llm"), ["g-r-0-0.s-g-r.llm"]);
    assert_eq!(hosts("address: g-r-0-0-1.g-r-0"), ["g-r-0-0-1.g-r-0"]);
}
