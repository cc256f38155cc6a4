//! The trees that are compared: what locks name, of a directory or a revision.

use std::collections::BTreeMap;
use std::path::Path;

use super::git::Revision;
use crate::cli::locks;
use crate::diag::{Diagnostic, Session};
use crate::diff::Tree;
use crate::emit::Group;
use crate::lock::{Lock, path};

/// The tree below a directory: the files that its locks name. `None` when that was reported.
pub(super) fn of_directory(session: &mut Session<'_>, directory: &Path) -> Option<Tree> {
    let known = session.problems.len();
    let locks = locks::read(session, directory);
    let mut files = BTreeMap::new();
    for path in named(&locks) {
        let full = directory.join(&path);
        // What is no file is in the way of the writer, which says so.
        if full.symlink_metadata().is_ok_and(|about| about.is_file()) {
            let file = session.read(&full, &full.display().to_string(), None);
            files.extend(file.map(|file| (path, session.sources.file(file).text.clone())));
        }
    }
    (session.problems.len() == known).then_some(Tree { files, locks })
}

/// The tree of a revision, in the same way.
pub(super) fn of_revision(session: &mut Session<'_>, revision: &Revision) -> Option<Tree> {
    let report = |session: &mut Session<'_>, problem: Diagnostic| session.report(problem);
    let is_lock = |path: &&str| path.split_once('/').is_some_and(|(_, name)| name == path::LOCK);
    let paths: Vec<String> = revision.paths().filter(is_lock).map(str::to_owned).collect();
    let texts = revision.read(&paths).map_err(|problem| report(session, problem)).ok()?;
    let mut locks = BTreeMap::new();
    for (path, text) in texts {
        let group = path.split('/').next().unwrap_or_default().to_owned();
        let file = session.add(&format!("{}:{path}", revision.name), Ok(text), None)?;
        locks.insert(group, Lock::parse(session, file)?);
    }
    let paths: Vec<String> = named(&locks).collect();
    let files = revision.read(&paths).map_err(|problem| report(session, problem)).ok()?;
    Some(Tree { files, locks })
}

/// The paths of the files that locks name, from the output directory.
fn named(locks: &BTreeMap<String, Lock>) -> impl Iterator<Item = String> {
    locks.iter().flat_map(|(group, lock)| lock.files.keys().map(move |file| path::from_lock(group, file)))
}

/// A tree as it is when groups are written to it, and others are removed.
pub(super) fn with(mut tree: Tree, groups: &[Group], pruned: &[String]) -> Tree {
    let gone = groups.iter().map(|group| &group.name).chain(pruned);
    for name in gone {
        if let Some(lock) = tree.locks.remove(name) {
            lock.files.keys().for_each(|file| drop(tree.files.remove(&path::from_lock(name, file))));
        }
    }
    for group in groups {
        tree.files.extend(group.files.iter().map(|(path, text)| (path.clone(), text.clone())));
        tree.locks.insert(group.name.clone(), group.lock.clone());
    }
    tree
}
