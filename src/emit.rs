//! Bytes, then disk: the only part of the compiler that knows how YAML looks and that writes files.
//!
//! A compilation ends as one [`Group`] for each group compiled: its files by path, and its lock.
//! [`write::write()`] brings them to a directory, [`stream`] to a pipe.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::diag::Diagnostic;
use crate::order::{Documents, File, Lists, Order, Seen};
use crate::record::Change;
use crate::transition::{Deferred, Ladder};
use crate::yaml;

mod collisions;
mod defer;
mod dependencies;
mod lists;
mod step;
pub mod write;

pub use crate::lock::{self, Lock, path};
pub use defer::defer;
pub use step::{Progress, hold_back, progress};

/// Texts by path: relative to the output directory, separated by `/`, sound as [`path::check`] says.
pub type Files = BTreeMap<String, String>;

/// What one group becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name, which is also that of its directory.
    pub name: String,
    /// Its files: below `<name>/`, and those in [`path::DELIVERIES`] that it answers for. Where an
    /// application delivers several groups, its files belong to the first of them. The lock is not
    /// among them.
    pub files: Files,
    /// What is recorded. Its list of files is made from `files`.
    pub lock: Lock,
    /// What moves or restarts, against the lock before.
    pub changes: Vec<Change>,
    /// Instances that must wait for a later commit.
    pub deferred: Vec<Deferred>,
    /// The steps in which roles that are coordinated are updated.
    pub rollouts: Vec<Ladder>,
}

impl Group {
    /// A group with its files; completes the lock by their paths and hashes.
    pub fn new(name: impl Into<String>, files: Files, mut lock: Lock) -> Self {
        let name = name.into();
        lock.files =
            files.iter().map(|(path, text)| (path::in_lock(&name, path), lock::Digest::of(text.as_bytes()))).collect();
        Group { name, files, lock, changes: Vec::new(), deferred: Vec::new(), rollouts: Vec::new() }
    }

    /// Where the group's lock stands, relative to the output directory.
    pub fn lock_path(&self) -> String {
        path::lock_of(&self.name)
    }
}

/// Every document as YAML, each group with its files and its lock. `locks` are those of all groups;
/// `documents` makes those of one group by its number. Also returns what is to be known about the
/// order of what was made.
///
/// Groups are independent of each other, and a group's documents are dropped as soon as they are
/// text, so that memory holds texts only.
pub fn render(
    locks: Vec<(String, Lock)>,
    order: &Order<'_, '_>,
    lists: Lists,
    documents: impl Fn(usize) -> Documents + Sync,
) -> (Vec<Group>, Vec<Diagnostic>) {
    let made = |index| {
        let Documents { files, seen } = documents(index);
        (files.into_iter().map(|(path, file)| (path, text(&file))).collect(), seen)
    };
    let (mut files, seen): (Vec<Files>, Vec<Seen>) = (0..locks.len()).into_par_iter().map(made).unzip();
    for (path, file) in order.extra(&seen) {
        files[file.owner].insert(path, text(&file));
    }
    let complete = |((name, lock), mut files): ((String, Lock), Files)| {
        lists::add(&name, lists, &mut files);
        Group::new(name, files, lock)
    };
    (locks.into_par_iter().zip(files).map(complete).collect(), order.warnings(&seen))
}

/// Tells groups what changes in them and how they are updated, in their order, and what must wait.
pub fn tell(groups: &mut [Group], changes: Vec<Vec<Change>>, rollouts: Vec<Vec<Ladder>>, deferred: Vec<Deferred>) {
    for ((group, changes), rollouts) in groups.iter_mut().zip(changes).zip(rollouts) {
        group.changes = changes;
        group.rollouts = rollouts;
    }
    let index: BTreeMap<String, usize> = groups.iter().enumerate().map(|(i, g)| (g.name.clone(), i)).collect();
    for one in deferred {
        if let Some(group) = index.get(&one.group).and_then(|i| groups.get_mut(*i)) {
            group.deferred.push(one);
        }
    }
}

fn text(file: &File) -> String {
    yaml::document(&file.body, Some(&file.header))
}

/// All objects of all groups as one stream of documents, in the order of paths: for `kubectl` and
/// for Argo CD's plug-ins, which want the objects of an Application and nothing else. Locks,
/// `kustomization.yaml` and the objects of delivery tools, which say where files are, are not part
/// of it.
///
/// The texts are not copied: they are to be written one after another.
pub fn stream(groups: &[Group]) -> Vec<&str> {
    let is_object = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let delivery = path.split('/').next().is_some_and(|top| path::DELIVERIES.contains(&top));
        name.ends_with(".yaml") && name != path::KUSTOMIZATION && !delivery
    };
    let mut files: Vec<(&String, &String)> =
        groups.iter().flat_map(|g| &g.files).filter(|(path, _)| is_object(path)).collect();
    files.sort();
    files.into_iter().flat_map(|(_, text)| ["---\n", text.as_str()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, files: &[(&str, &str)]) -> Group {
        let files = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
        Group::new(name, files, Lock::default())
    }

    #[test]
    fn a_stream_has_objects_only_in_the_order_of_paths() {
        let b = group("b", &[("b/x.yaml", "x: 1\n"), ("b/kustomization.yaml", "k: 1\n")]);
        let a = group("a", &[("a/y.yaml", "y: 1\n"), ("argocd/a.yaml", "z: 1\n")]);
        assert_eq!(stream(&[b, a]).concat(), "---\ny: 1\n---\nx: 1\n");
    }

    #[test]
    fn the_lock_names_files_from_the_directory_of_the_group() {
        let a = group("a", &[("a/y.yaml", "y: 1\n"), ("argocd/a.yaml", "z: 1\n")]);
        let paths: Vec<&str> = a.lock.files.keys().map(String::as_str).collect();
        assert_eq!(paths, ["../argocd/a.yaml", "y.yaml"]);
        assert_eq!(a.lock_path(), "a/rbgc.lock");
    }
}
