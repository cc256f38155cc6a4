//! Whose the files in the output are: what the locks there say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use super::tree::{Entry, Tree};
use super::{Options, report};
use crate::diag::{MAX_FILE_BYTES, Session};
use crate::emit::lock::{Digest, FIRST_LINE, Lock};
use crate::emit::{Group, path};
use crate::source::FileId;

/// Who claims which file, by path from the output directory.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Files of the groups that are written or pruned, with the hash that they were written with.
    pub ours: BTreeMap<String, Digest>,
    /// Files of deliveries that belong to a group which is left alone, with its name.
    pub theirs: BTreeMap<String, String>,
    /// Groups to be pruned that are there.
    pub pruned: BTreeSet<String>,
}

/// Reads the locks in the output. Reports those that are damaged and concern us, and groups that
/// nobody declares.
pub(super) fn read(s: &mut Session, tree: &mut Tree, groups: &[Group], options: &Options) -> Claims {
    let mut claims = Claims::default();
    if let Err(obstacle) = tree.directory("") {
        s.report(report::obstacle(tree.out, &obstacle));
        return claims;
    }
    let written: BTreeSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    for name in written.iter().copied().chain(options.prune.iter().map(String::as_str)) {
        if let Some(lock) = own_lock(s, tree, name) {
            claims.ours.extend(lock.files.iter().map(|(path, digest)| (path::from_lock(name, path), *digest)));
            if options.prune.contains(name) {
                claims.pruned.insert(name.to_string());
            }
        }
    }
    let directories = match tree.top_directories() {
        Ok(directories) => directories,
        Err(e) => {
            s.report(report::unreadable(tree.out, "", &e.to_string()));
            return claims;
        }
    };
    let others =
        directories.into_iter().filter(|name| !written.contains(name.as_str()) && !options.prune.contains(name));
    for name in others {
        let Some(text) = other_lock(tree, &name) else { continue };
        if options.declared.as_ref().is_some_and(|declared| !declared.contains(&name)) {
            s.report(report::undeclared_group(tree.out, &name));
        }
        let files =
            text.lines().filter_map(|line| line.strip_prefix("file ../")).filter_map(|line| line.split(' ').next());
        claims.theirs.extend(files.map(|path| (path.to_string(), name.clone())));
    }
    claims
}

/// The lock of a group that is written or pruned: it must be sound.
fn own_lock(s: &mut Session, tree: &mut Tree, group: &str) -> Option<Lock> {
    let path = path::lock_of(group);
    match tree.entry(&path) {
        Ok(Entry::Missing) => None,
        Ok(Entry::File { length, .. }) => read_lock(s, tree, &path, length).and_then(|file| Lock::parse(s, file)),
        Ok(entry) => {
            s.report(report::in_the_way(tree.out, &path, entry));
            None
        }
        Err(obstacle) => {
            s.report(report::obstacle(tree.out, &obstacle));
            None
        }
    }
}

fn read_lock(s: &mut Session, tree: &Tree, path: &str, length: u64) -> Option<FileId> {
    let bytes = if length > MAX_FILE_BYTES { Err(ErrorKind::FileTooLarge.into()) } else { tree.read(path, length) };
    let text = match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            s.report(report::lock_not_text(tree.out, path));
            return None;
        }
        Err(e) => {
            s.report(report::unreadable(tree.out, path, &e.to_string()));
            return None;
        }
    };
    s.sources.add(report::shown(tree.out, path), text)
}

/// The text of the lock of a group that is left alone; damage is its own group's matter.
fn other_lock(tree: &mut Tree, group: &str) -> Option<String> {
    let path = path::lock_of(group);
    let Ok(Entry::File { length: length @ ..=MAX_FILE_BYTES, .. }) = tree.entry(&path) else { return None };
    let text = String::from_utf8(tree.read(&path, length).ok()?).ok()?;
    text.starts_with(FIRST_LINE).then_some(text)
}
