//! The objects of a tree, read from its texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use super::Tree;
use crate::diag::{Code, Diagnostic};
use crate::lock::path;
use crate::naming;

/// What tells an object from all others. The version of an API does not: it is one object in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// The API without its version; empty for the core.
    pub api: String,
    pub kind: String,
    /// Empty for an object of the whole cluster.
    pub namespace: String,
    pub name: String,
}

/// An object and where it was read.
#[derive(Debug)]
pub(super) struct Object {
    pub path: String,
    /// The text of its file: two objects with the same are the same.
    text: String,
    pub value: Arc<Value>,
}

pub(super) type Objects = BTreeMap<Id, Object>;

/// The deepest nesting of lists and maps. The deepest field of a pod template in a custom resource
/// lies at about twenty.
const MAX_DEPTH: usize = 64;

/// Problems that are told of one tree.
const SHOWN: usize = 10;

/// What the files of a tree hold, by path.
type Documents<'t> = BTreeMap<&'t str, (&'t str, Result<Vec<(Id, Arc<Value>)>, Diagnostic>)>;

/// Reads all objects of two trees. Most files are the same in both, and read once.
///
/// # Errors
/// The files that hold something else, and objects that stand twice.
pub(super) fn read(old: &Tree, new: &Tree) -> Result<(Objects, Objects), Vec<Diagnostic>> {
    let before = parse(old, &Documents::new());
    let after = parse(new, &before);
    match (gather(before), gather(after)) {
        (Ok(before), Ok(after)) => Ok((before, after)),
        (before, after) => Err([before.err(), after.err()].into_iter().flatten().flatten().collect()),
    }
}

fn parse<'t>(tree: &'t Tree, known: &Documents<'_>) -> Documents<'t> {
    let files: Vec<(&String, &String)> = tree.files.iter().filter(|(path, _)| is_manifest(path)).collect();
    let read = |(path, text): &(&'t String, &'t String)| {
        let same = known.get(path.as_str()).filter(|(other, _)| other == text);
        let documents = same.map_or_else(|| documents(path, text), |(_, documents)| documents.clone());
        (path.as_str(), (text.as_str(), documents))
    };
    files.par_iter().map(read).collect()
}

fn gather(read: Documents<'_>) -> Result<Objects, Vec<Diagnostic>> {
    let (mut objects, mut problems) = (Objects::new(), Vec::new());
    for (path, (text, documents)) in read {
        let documents = documents.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        for (id, value) in documents {
            let object = Object { path: path.to_owned(), text: text.to_owned(), value };
            let known = format!("{} `{}`", id.kind, id.name);
            if let Some(other) = objects.insert(id, object) {
                problems.push(twice(&known, &other.path, path));
            }
        }
    }
    problems.truncate(SHOWN);
    if problems.is_empty() { Ok(objects) } else { Err(problems) }
}

/// Whether a file holds objects. The list of files that kustomize reads is none.
fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    (name.ends_with(".yaml") || name.ends_with(".yml")) && name != path::KUSTOMIZATION
}

fn documents(path: &str, text: &str) -> Result<Vec<(Id, Arc<Value>)>, Diagnostic> {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_depth = MAX_DEPTH;
    let options = serde_saphyr::options! { budget: Some(budget) };
    let values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let message = error.without_snippet().to_string();
        unreadable(path, &format!("is not YAML: {}", message.lines().next().unwrap_or_default()))
    })?;
    let object = |value: Value| match id(&value) {
        Some(id) => Ok((id, Arc::new(value))),
        None => Err(unreadable(path, "holds something else than objects of Kubernetes")),
    };
    values.into_iter().map(object).collect()
}

fn id(value: &Value) -> Option<Id> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let version = text("/apiVersion")?;
    Some(Id {
        api: version.rsplit_once('/').map_or("", |(api, _)| api).to_owned(),
        kind: text("/kind")?.to_owned(),
        namespace: text("/metadata/namespace").unwrap_or_default().to_owned(),
        name: text("/metadata/name")?.to_owned(),
    })
}

fn unreadable(path: &str, what: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::BadTree, format!("`{}` {what}", path.escape_debug()))
        .help("`rbgc compile` writes it anew; or compare with a tree that is whole, by `--against`")
}

fn twice(object: &str, first: &str, then: &str) -> Diagnostic {
    let message = format!("{object} stands in `{}` and in `{}`", first.escape_debug(), then.escape_debug());
    Diagnostic::nowhere(Code::BadTree, message)
        .help("remove the file that `rbgc` did not write; or compare with a tree that is whole, by `--against`")
}

impl Object {
    /// The text at a JSON pointer; empty when there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the other object is this one, in the same file.
    pub(super) fn same_file(&self, other: &Object) -> bool {
        self.path == other.path && self.text == other.text
    }

    /// The group and the role that its labels name.
    pub(super) fn owner(&self) -> (Option<String>, Option<String>) {
        let labels = self.value.pointer("/metadata/labels");
        let label = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str).map(str::to_owned);
        (label(naming::LABEL_GROUP), label(naming::LABEL_ROLE))
    }
}
