//! Kustomizations of Flux in a commit that leaves something for later: one without objects, which
//! Flux would call broken, is left away, and who waits for it waits for what comes before it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, Group};
use crate::order::flux::ROLES;

/// What a Kustomization waits for: the name of each dependency with its lines.
type Dependencies = Vec<(String, String)>;

/// The line that dependencies follow.
const HEAD: &str = "  dependsOn:\n";

/// Makes the Kustomizations of all groups fit for the objects that are there.
pub fn renew(groups: &mut [Group]) {
    let mut absent: BTreeMap<String, Dependencies> = BTreeMap::new();
    for group in groups.iter_mut() {
        let directories: BTreeSet<&str> =
            group.files.keys().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
        let is_empty = |text: &str| !directories.iter().any(|d| objects(text).ends_with(&format!("/{d}")));
        let empty = own(&group.files).filter(|(.., text)| is_empty(text));
        let empty: Vec<(String, String, Dependencies)> =
            empty.map(|(path, name, text)| (path.clone(), name.to_owned(), dependencies(text))).collect();
        for (path, name, dependencies) in empty {
            group.files.remove(&path);
            absent.insert(name, dependencies);
        }
    }
    if absent.is_empty() {
        return;
    }
    for group in groups {
        let changed: Vec<(String, String)> = own(&group.files)
            .filter(|(.., text)| dependencies(text).iter().any(|(name, _)| absent.contains_key(name)))
            .map(|(path, _, text)| (path.clone(), without(text, &absent)))
            .collect();
        group.files.extend(changed);
    }
}

/// The paths, names and texts of the Kustomizations with objects.
fn own(files: &Files) -> impl Iterator<Item = (&String, &str, &str)> {
    files.iter().filter_map(|(path, text)| {
        let (_, file) = path.strip_prefix(ROLES)?.rsplit_once('/')?;
        Some((path, file.strip_prefix("kustomization-")?.strip_suffix(".yaml")?, text.as_str()))
    })
}

/// The directory of a Kustomization's objects.
fn objects(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("  path: ")).unwrap_or_default().trim_matches('"')
}

/// The lines of the dependencies, and what follows them.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(HEAD)? + HEAD.len();
    let (before, rest) = text.split_at(start);
    let is_inside = |line: &&str| line.starts_with("  - ") || line.starts_with("    ");
    let length = rest.split_inclusive('\n').take_while(is_inside).map(str::len).sum();
    let (list, after) = rest.split_at(length);
    Some((before, list, after))
}

fn dependencies(text: &str) -> Dependencies {
    let mut found: Dependencies = Vec::new();
    for line in split(text).map_or("", |(_, list, _)| list).split_inclusive('\n') {
        match (line.strip_prefix("  - name: "), found.last_mut()) {
            (Some(name), _) => found.push((name.trim().trim_matches('"').to_owned(), line.to_owned())),
            (None, Some((_, lines))) => lines.push_str(line),
            (None, None) => {}
        }
    }
    found
}

/// A Kustomization that waits for those before the absent ones instead.
fn without(text: &str, absent: &BTreeMap<String, Dependencies>) -> String {
    let Some((before, _, after)) = split(text) else { return text.to_owned() };
    let (mut seen, mut lines) = (BTreeSet::new(), String::new());
    let mut open: Dependencies = dependencies(text).into_iter().rev().collect();
    while let Some((name, own)) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match absent.get(&name) {
            Some(earlier) => open.extend(earlier.iter().rev().cloned()),
            None => lines.push_str(&own),
        }
    }
    format!("{before}{lines}{after}")
}
