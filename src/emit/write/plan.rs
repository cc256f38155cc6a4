//! What is to be done to each file, or why nothing may be done at all.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claims;
use super::report;
use super::tree::{Entry, Tree, parent};
use crate::diag::{Diagnostic, Session};
use crate::emit::{Group, path};

/// How a file is before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is not there.
    Missing,
    /// It has another content.
    Differs,
    /// It is as it should be.
    Same,
}

/// A file to be written.
#[derive(Debug)]
pub(super) struct Item<'g> {
    /// Its path from the output directory.
    pub path: &'g str,
    /// Its new content.
    pub text: &'g str,
    /// How it is now.
    pub state: State,
}

/// Everything to be done, in order.
#[derive(Debug, Default)]
pub(super) struct Plan<'g> {
    /// Files, by path.
    pub files: Vec<Item<'g>>,
    /// Files to be deleted, by path.
    pub deleted: Vec<String>,
    /// Files that are no longer made and stay because somebody changed them.
    pub kept: Vec<String>,
    /// Locks, after everything else.
    pub locks: Vec<Item<'g>>,
    /// Locks of pruned groups.
    pub deleted_locks: Vec<String>,
}

/// Looks at every path. Reports all that stands in the way; the plan is good only if nothing does.
pub(super) fn make<'g>(
    s: &mut Session,
    tree: &mut Tree,
    groups: &'g [Group],
    locks: &'g [(String, String)],
    claims: &Claims,
) -> Plan<'g> {
    let files: BTreeMap<&str, &str> =
        groups.iter().flat_map(|g| &g.files).map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let mut plan = Plan::default();
    for (path, text) in &files {
        let ours = claims.ours.contains_key(*path);
        match look(tree, path, text, |tree| if ours { Ok(()) } else { Err(report::foreign(tree.out, path, claims)) }) {
            Ok(state) => plan.files.push(Item { path, text, state }),
            Err(problem) => s.report(problem),
        }
    }
    for (path, text) in locks {
        match look(tree, path, text, |_| Ok(())) {
            Ok(state) => plan.locks.push(Item { path, text, state }),
            Err(problem) => s.report(problem),
        }
    }
    plan_deletions(s, tree, &files, claims, &mut plan);
    plan.deleted_locks = claims.pruned.iter().map(|group| path::lock_of(group)).collect();
    check_directories(s, tree, &plan);
    plan
}

/// How a file is, when it may be written; `claim` says whether it may be replaced.
fn look(
    tree: &mut Tree,
    path: &str,
    text: &str,
    claim: impl Fn(&Tree) -> Result<(), Diagnostic>,
) -> Result<State, Diagnostic> {
    match tree.entry(path).map_err(|obstacle| report::obstacle(tree.out, &obstacle))? {
        Entry::Missing => Ok(State::Missing),
        Entry::File { length, read_only } => {
            if tree.has_text(path, length, text) {
                return Ok(State::Same);
            }
            claim(tree)?;
            if read_only { Err(report::read_only(tree.out, path)) } else { Ok(State::Differs) }
        }
        entry => Err(report::in_the_way(tree.out, path, entry)),
    }
}

/// Finds what the old locks name and nobody makes any more.
fn plan_deletions(s: &mut Session, tree: &mut Tree, files: &BTreeMap<&str, &str>, claims: &Claims, plan: &mut Plan) {
    for (path, digest) in &claims.ours {
        if files.contains_key(path.as_str()) || claims.theirs.contains_key(path) {
            continue;
        }
        let entry = tree.entry(path);
        match entry {
            Ok(Entry::Missing) => {}
            Ok(Entry::File { read_only, .. }) if tree.digest(path).is_ok_and(|found| found == *digest) => {
                if read_only {
                    s.report(report::read_only(tree.out, path));
                }
                plan.deleted.push(path.clone());
            }
            _ => {
                s.report(report::changed_file_kept(tree.out, path));
                plan.kept.push(path.clone());
            }
        }
    }
}

/// Reports directories that must be changed and are read-only.
fn check_directories(s: &mut Session, tree: &mut Tree, plan: &Plan) {
    let written = plan.files.iter().chain(&plan.locks).filter(|item| item.state != State::Same).map(|item| item.path);
    let deleted = plan.deleted.iter().chain(&plan.deleted_locks).map(String::as_str);
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for path in written.chain(deleted) {
        let mut directory = parent(path);
        // A directory that is missing is made in the next one above.
        while !directory.is_empty() && matches!(tree.directory(directory), Ok(Entry::Missing)) {
            directory = parent(directory);
        }
        changed.insert(directory);
    }
    for directory in changed {
        // Obstacles were reported with the files that they are in the way of.
        if let Ok(Entry::Directory { read_only: true }) = tree.directory(directory) {
            s.report(report::read_only(tree.out, directory));
        }
    }
}
