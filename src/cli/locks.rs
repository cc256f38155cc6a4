//! The locks of an output tree: what was placed where when it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::diag::{Code, Diagnostic, Session};
use crate::emit::Lock;
use crate::emit::path::LOCK;

/// Reads the lock of every group in a directory, by the name of the group. A directory that does not
/// exist has none. Damaged locks are reported.
pub(super) fn read(session: &mut Session<'_>, out: &Path) -> BTreeMap<String, Lock> {
    let mut locks = BTreeMap::new();
    let names = match directories(out) {
        Ok(names) => names,
        // Where no directory is, nothing was placed; the writer says so if it is in the way.
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return locks,
        Err(e) => {
            session.report(unreadable(out, &e));
            return locks;
        }
    };
    for name in names {
        let path = out.join(&name).join(LOCK);
        // A link is refused by the writer, which says so.
        if path.symlink_metadata().is_ok_and(|about| about.is_file()) {
            let file = session.read(&path, &path.display().to_string(), None);
            if let Some(lock) = file.and_then(|file| Lock::parse(session, file)) {
                locks.insert(name, lock);
            }
        }
    }
    locks
}

/// Names of the directories directly below one; links are not followed.
fn directories(path: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

fn unreadable(out: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::nowhere(Code::UnreadableFile, format!("cannot read `{}`: {error}", out.display()))
}
