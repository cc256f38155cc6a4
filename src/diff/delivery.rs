//! Which unit of a delivery brings an object, and which move between two of them deletes it first.
//!
//! Flux prunes what a Kustomization no longer has, unless another one has taken it over before
//! (kustomize-controller, issues 338 and 339): only one that the old owner waits for is sure to have.
//! An Application of Argo CD with `FailOnSharedResource` does not take over what another one has, so
//! the old owner prunes first; one that is deleted leaves its objects, unless it has the finalizer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::objects::{Object, Objects};

/// Who brings a part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tool {
    Flux,
    Argocd,
}

/// A Kustomization or an Application.
#[derive(Debug)]
struct Unit {
    /// The directories that it brings, as parts of their paths in the repository.
    directories: Vec<Vec<String>>,
    /// The names of those it waits for.
    after: Vec<String>,
    /// It removes what it no longer has.
    prunes: bool,
    /// Its objects go with it.
    takes_along: bool,
}

/// The units of a tree.
#[derive(Debug, Default)]
pub(super) struct Units {
    units: BTreeMap<(Tool, String), Unit>,
    /// For each tool how many parts of a path lead to the output directory.
    depths: BTreeMap<Tool, usize>,
}

impl Units {
    /// Those of which the objects are in the tree.
    pub(super) fn of(objects: &Objects) -> Self {
        let mut units = Units::default();
        for (id, object) in objects {
            match (id.api.as_str(), id.kind.as_str()) {
                ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
                    units.units.insert((Tool::Flux, id.name.clone()), kustomization(object));
                }
                ("argoproj.io", "Application") => {
                    units.units.insert((Tool::Argocd, id.name.clone()), application(object));
                }
                _ => {}
            }
        }
        if units.units.is_empty() {
            return units;
        }
        let mut known: BTreeSet<Vec<&str>> = BTreeSet::from([Vec::new()]);
        for object in objects.values() {
            let parts: Vec<&str> = object.path.split('/').collect();
            known.extend((1..parts.len()).map(|length| parts[..length].to_vec()));
        }
        for tool in [Tool::Flux, Tool::Argocd] {
            if let Some(depth) = units.depth(tool, &known) {
                units.depths.insert(tool, depth);
            }
        }
        units
    }

    /// How many parts of the paths of a tool lead to the output directory: the least number after
    /// which all paths are directories of the tree.
    fn depth(&self, tool: Tool, known: &BTreeSet<Vec<&str>>) -> Option<usize> {
        let of_tool = self.units.iter().filter(|((t, _), _)| *t == tool);
        let paths: Vec<&Vec<String>> = of_tool.flat_map(|(_, unit)| &unit.directories).collect();
        let shortest = paths.iter().map(|path| path.len()).min()?;
        let fits = |depth: &usize| {
            paths.iter().all(|path| known.contains(&path[*depth..].iter().map(String::as_str).collect::<Vec<_>>()))
        };
        (0..=shortest).find(fits)
    }

    /// Who brings a file: the unit with the narrowest directory around it.
    fn owner(&self, path: &str) -> Option<(&(Tool, String), &Unit)> {
        let parts: Vec<&str> = path.split('/').collect();
        let directory = &parts[..parts.len() - 1];
        let mut best: Option<(usize, _)> = None;
        for (key, unit) in &self.units {
            let Some(depth) = self.depths.get(&key.0) else { continue };
            for own in unit.directories.iter().filter_map(|path| path.get(*depth..)) {
                let around = own.len() <= directory.len() && own.iter().zip(directory).all(|(a, b)| a == b);
                if around && best.as_ref().is_none_or(|(length, _)| own.len() > *length) {
                    best = Some((own.len(), (key, unit)));
                }
            }
        }
        best.map(|(_, owner)| owner)
    }

    /// Whether a unit waits for another one, also through others.
    fn waits(&self, tool: Tool, who: &str, whom: &str) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![who.to_owned()]);
        while let Some(name) = open.pop() {
            let after = self.units.get(&(tool, name.clone())).map_or(&[][..], |unit| &unit.after);
            if after.iter().any(|name| name == whom) {
                return true;
            }
            if seen.insert(name) {
                open.extend(after.iter().filter(|name| !seen.contains(*name)).cloned());
            }
        }
        false
    }
}

/// Why an object is deleted and made again when it moves from one tree to the other; `None` when it
/// stays, or is taken over.
pub(super) fn deleted_first((before, old): (&Units, &Object), (after, new): (&Units, &Object)) -> Option<String> {
    let ((tool, from), unit) = before.owner(&old.path)?;
    let ((other, to), _) = after.owner(&new.path)?;
    if tool != other || from == to {
        return None;
    }
    let stays = after.units.contains_key(&(*tool, from.clone()));
    let deletes = if stays { unit.prunes && !is_kept(old) } else { unit.takes_along };
    let (kind, by) = match tool {
        Tool::Flux => ("Kustomization", "Flux"),
        Tool::Argocd => ("Application", "Argo CD"),
    };
    (deletes && !after.waits(*tool, from, to))
        .then(|| format!("it moves from the {kind} `{from}` to `{to}`: {by} deletes it before it makes it again"))
}

/// Whether an object is never pruned.
fn is_kept(object: &Object) -> bool {
    let annotation = object.text("/metadata/annotations/kustomize.toolkit.fluxcd.io~1prune");
    annotation.eq_ignore_ascii_case("disabled")
}

fn kustomization(object: &Object) -> Unit {
    let after = object.value.pointer("/spec/dependsOn").and_then(Value::as_array).into_iter().flatten();
    let prunes = object.value.pointer("/spec/prune") == Some(&Value::Bool(true));
    let policy = object.text("/spec/deletionPolicy");
    Unit {
        directories: vec![parts(object.text("/spec/path"))],
        after: after.filter_map(|other| Some(other.get("name")?.as_str()?.to_owned())).collect(),
        prunes,
        // Without a policy that says otherwise, the objects mirror what `prune` says.
        takes_along: match policy {
            "Orphan" => false,
            "Delete" | "WaitForTermination" => true,
            _ => prunes,
        },
    }
}

fn application(object: &Object) -> Unit {
    let root = parts(object.text("/spec/source/path"));
    let include = object.text("/spec/source/directory/include").trim_matches(['{', '}']);
    let below = include.split(',').filter_map(|pattern| pattern.strip_suffix("/**"));
    let mut directories: Vec<Vec<String>> = below.map(|path| [root.clone(), parts(path)].concat()).collect();
    if directories.is_empty() {
        directories.push(root);
    }
    let finalizers = object.value.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    let cascades =
        |name: &Value| name.as_str().is_some_and(|n| n.starts_with("resources-finalizer.argocd.argoproj.io"));
    Unit { directories, after: Vec::new(), prunes: true, takes_along: finalizers.into_iter().any(cascades) }
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}
