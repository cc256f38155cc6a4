//! The first of several commits: what must wait stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Lock, dependencies, path};
use crate::naming;
use crate::order;
use crate::record::Change;
use crate::transition::Deferred;

/// The groups as the first commit leaves them: the files of instances that must wait are as they
/// were, or away when they are new, and so are their entries in the locks. `before` are the locks
/// that were written last, and `read` gives the text of a file of the output.
pub fn defer(groups: Vec<Group>, before: &BTreeMap<String, Lock>, read: impl Fn(&str) -> Option<String>) -> Vec<Group> {
    let files: BTreeSet<String> = groups.iter().flat_map(|g| &g.deferred).flat_map(|d| d.files.clone()).collect();
    let none = Lock::default();
    let old = |group: &Group| before.get(&group.name).unwrap_or(&none);
    let mut groups: Vec<Group> =
        groups.into_iter().map(|group| keep_files(old(&group), group, &files, &read)).collect();
    dependencies::renew(&mut groups);
    groups.into_iter().map(|group| keep_entries(old(&group), group)).collect()
}

fn keep_files(old: &Lock, mut group: Group, files: &BTreeSet<String>, read: &impl Fn(&str) -> Option<String>) -> Group {
    let name = group.name.clone();
    let stood = |path: &str| old.files.contains_key(&path::in_lock(&name, path)).then(|| read(path)).flatten();
    for path in files.iter().filter(|path| path.starts_with(&format!("{}/", group.name))) {
        group.files.remove(path);
        group.files.extend(stood(path).map(|text| (path.clone(), text)));
    }
    // Nobody is told of pods that do not exist yet.
    let fresh = group.deferred.iter().any(|d| !stood_before(old, &name, d));
    super::lists::renew(&group.name, &mut group.files);
    let discovery = order::path_of(&group.name, naming::BASE, "ConfigMap", "");
    let discovery = discovery.trim_end_matches(".yaml");
    for (path, file) in group.files.iter_mut().filter(|(path, _)| fresh && path.starts_with(discovery)) {
        *file = stood(path).unwrap_or_else(|| file.clone());
    }
    group
}

/// Whether an instance that must wait stood before, in the objects that it is going to have.
fn stood_before(old: &Lock, group: &str, deferred: &Deferred) -> bool {
    let written = |path: &String| old.files.contains_key(&path::in_lock(group, path));
    old.places.contains_key(&deferred.instance) && deferred.files.iter().any(written)
}

fn keep_entries(old: &Lock, group: Group) -> Group {
    let mut lock = group.lock;
    for deferred in &group.deferred {
        let instance = &deferred.instance;
        lock.places.remove(instance);
        lock.pins.remove(instance);
        if !old.places.contains_key(instance) {
            // What does not stand yet is given its step when it comes.
            lock.steps.remove(instance);
        }
        let own = |site: &super::lock::affinity::Site| site.role == instance.role && site.index == Some(instance.index);
        lock.affinities.retain(|site, _| !own(site));
        if !stood_before(old, &group.name, deferred) {
            continue;
        }
        lock.places.extend(old.places.get_key_value(instance).map(|(k, v)| (k.clone(), v.clone())));
        lock.pins.extend(old.pins.get_key_value(instance).map(|(k, v)| (k.clone(), v.clone())));
        lock.affinities
            .extend(old.affinities.iter().filter(|(site, _)| own(site)).map(|(k, v)| (k.clone(), v.clone())));
        // Until all of its instances are made from it, a role does not have its new template.
        lock.templates.extend(old.templates.get_key_value(&instance.role).map(|(k, v)| (k.clone(), *v)));
    }
    let deferred = group.deferred;
    let later = |c: &Change| deferred.iter().any(|d| d.instance.role == c.role && Some(d.instance.index) == c.instance);
    let changes = group.changes.into_iter().filter(|change| !later(change)).collect();
    Group { changes, deferred, ..Group::new(group.name, group.files, lock) }
}
