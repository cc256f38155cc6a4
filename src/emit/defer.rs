//! The first of several commits: what must wait stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Lock, path};
use crate::order;
use crate::record::Change;

/// The groups as the first commit leaves them: the files of instances that must wait are as they
/// were, or away when they are new, and so are their entries in the locks. `before` are the locks
/// that were written last, and `read` gives the text of a file of the output.
pub fn defer(groups: Vec<Group>, before: &BTreeMap<String, Lock>, read: impl Fn(&str) -> Option<String>) -> Vec<Group> {
    let files: BTreeSet<String> = groups.iter().flat_map(|g| &g.deferred).flat_map(|d| d.files.clone()).collect();
    let first = |group| one(group, before, &files, &read);
    groups.into_iter().map(first).collect()
}

fn one(
    mut group: Group,
    before: &BTreeMap<String, Lock>,
    files: &BTreeSet<String>,
    read: &impl Fn(&str) -> Option<String>,
) -> Group {
    let empty = Lock::default();
    let old = before.get(&group.name).unwrap_or(&empty);
    let name = group.name.clone();
    let stood = |path: &str| old.files.contains_key(&path::in_lock(&name, path)).then(|| read(path)).flatten();
    for path in files.iter().filter(|path| path.starts_with(&format!("{}/", group.name))) {
        group.files.remove(path);
        group.files.extend(stood(path).map(|text| (path.clone(), text)));
    }
    // Nobody is told of pods that do not exist yet.
    let fresh = group.deferred.iter().any(|d| !old.places.contains_key(&d.instance));
    if fresh {
        keep_dependencies(&mut group, old, &stood);
    }
    super::lists::renew(&group.name, &mut group.files);
    let discovery = order::path_of(&group.name, "base", "ConfigMap", &group.name);
    if let Some(text) = stood(&discovery).filter(|_| fresh) {
        group.files.insert(discovery, text);
    }
    let mut lock = group.lock;
    for instance in group.deferred.iter().map(|d| &d.instance) {
        lock.places.remove(instance);
        lock.pins.remove(instance);
        lock.places.extend(old.places.get_key_value(instance).map(|(k, v)| (k.clone(), v.clone())));
        lock.pins.extend(old.pins.get_key_value(instance).map(|(k, v)| (k.clone(), v.clone())));
        let own = |site: &super::lock::affinity::Site| site.role == instance.role && site.index == Some(instance.index);
        lock.affinities.retain(|site, _| !own(site));
        lock.affinities
            .extend(old.affinities.iter().filter(|(site, _)| own(site)).map(|(k, v)| (k.clone(), v.clone())));
    }
    let deferred = group.deferred;
    let later = |c: &Change| deferred.iter().any(|d| d.instance.role == c.role && Some(d.instance.index) == c.instance);
    let changes = group.changes.into_iter().filter(|change| !later(change)).collect();
    Group { changes, deferred, ..Group::new(group.name, group.files, lock) }
}

/// Leaves the Kustomizations of a group as they were where they stood: none may depend on one that
/// does not exist yet. Those that did not stand come with the next commit.
fn keep_dependencies(group: &mut Group, old: &Lock, stood: &impl Fn(&str) -> Option<String>) {
    let directory = order::flux::roles_of(&group.name);
    let is_own = |path: &String| path.starts_with(&directory);
    if !old.files.keys().any(|path| is_own(&path::from_lock(&group.name, path))) {
        return;
    }
    group.files.retain(|path, _| !is_own(path));
    let paths: Vec<String> = old.files.keys().map(|path| path::from_lock(&group.name, path)).filter(is_own).collect();
    group.files.extend(paths.into_iter().filter_map(|path| Some((path.clone(), stood(&path)?))));
}
