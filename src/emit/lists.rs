//! `kustomization.yaml`: which files are objects, so that kustomize and Flux take these and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::{Files, path};
use crate::data::{Data, Map};
use crate::order::{GENERATED, Lists};
use crate::yaml;

/// Adds the lists of a group's directories.
pub fn add(group: &str, lists: Lists, files: &mut Files) {
    let directories = match lists {
        Lists::None => return,
        Lists::Directories | Lists::All => directories(group, files),
    };
    for (directory, names) in &directories {
        files.insert(format!("{directory}/{}", path::KUSTOMIZATION), text(names));
    }
    if lists == Lists::All && !directories.is_empty() {
        let below = |directory: &String| directory.strip_prefix(&format!("{group}/")).map(str::to_owned);
        files.insert(format!("{group}/{}", path::KUSTOMIZATION), text(&directories.keys().filter_map(below).collect()));
    }
}

/// Makes the lists anew that are there, after files came or went.
pub fn renew(group: &str, files: &mut Files) {
    let is_list = |path: &&String| path.ends_with(&format!("/{}", path::KUSTOMIZATION));
    let old: Vec<String> = files.keys().filter(is_list).cloned().collect();
    let lists = match old.first() {
        None => return,
        Some(_) if files.contains_key(&format!("{group}/{}", path::KUSTOMIZATION)) => Lists::All,
        Some(_) => Lists::Directories,
    };
    old.iter().for_each(|path| drop(files.remove(path)));
    add(group, lists, files);
}

/// The names of the objects in each directory of a group.
fn directories(group: &str, files: &Files) -> BTreeMap<String, BTreeSet<String>> {
    let mut directories: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let own = files.keys().filter(|path| path.starts_with(&format!("{group}/")) && path.ends_with(".yaml"));
    for (directory, name) in own.filter_map(|path| path.rsplit_once('/')) {
        directories.entry(directory.to_owned()).or_default().insert(name.to_owned());
    }
    directories
}

fn text(resources: &BTreeSet<String>) -> String {
    let resources = Data::List(resources.iter().map(|name| Data::from(name.clone())).collect());
    let body = Map::new()
        .with("apiVersion", "kustomize.config.k8s.io/v1beta1")
        .with("kind", "Kustomization")
        .with("resources", resources);
    yaml::document(&body.into(), Some(GENERATED))
}
