//! What can be wrong with the output directory.

use std::io::ErrorKind;
use std::path::Path;

use super::claims::Claims;
use super::journal::Failure;
use super::tree::{Entry, Obstacle};
use crate::diag::{Code, Diagnostic};

/// A path as people know it: with the output directory before it, as it was given.
pub(super) fn shown(out: &Path, path: &str) -> String {
    let out = out.to_string_lossy().replace('\\', "/");
    match (out.trim_end_matches('/'), path) {
        ("", "") => out,
        ("", path) if out.is_empty() => path.to_string(),
        (out, "") => out.to_string(),
        (out, path) => format!("{out}/{path}"),
    }
}

pub(super) fn bad_group(name: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::InvalidName, format!("`{}` is no name of a group", name.escape_debug()))
        .help("a group's name has at most 63 of `a-z`, `0-9` and `-`, with no hyphen at either end")
}

pub(super) fn reserved_group(name: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::NameCollision, format!("`{name}` is the directory of a delivery tool, and of this group"))
        .help("rename the group")
}

pub(super) fn group_twice(name: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::NameCollision, format!("two groups are named `{name}`"))
        .help("rename one of them, or write them to different output directories")
}

pub(super) fn pruned_and_declared(name: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::BadArguments, format!("group `{name}` is to be pruned, but the sources declare it"))
        .help("remove it from the sources first, or leave out `--prune-group`")
}

pub(super) fn foreign(out: &Path, path: &str, claims: &Claims) -> Diagnostic {
    let shown = shown(out, path);
    match claims.theirs.get(path) {
        Some(group) => Diagnostic::nowhere(Code::ForeignFile, format!("`{shown}` belongs to group `{group}`"))
            .help("compile both groups together, or rename the application of one"),
        None => Diagnostic::nowhere(Code::ForeignFile, format!("`{shown}` exists and is not ours: no lock names it"))
            .help("move it away, or choose another output directory"),
    }
}

pub(super) fn in_the_way(out: &Path, path: &str, entry: Entry) -> Diagnostic {
    let shown = shown(out, path);
    match entry {
        Entry::Link => link(&shown),
        Entry::Directory { .. } => Diagnostic::nowhere(
            Code::ForeignFile,
            format!("`{shown}` is a directory, and a file is to be written there"),
        )
        .help("move it away, or choose another output directory"),
        Entry::Missing | Entry::File { .. } | Entry::Other => {
            Diagnostic::nowhere(Code::ForeignFile, format!("`{shown}` is no regular file"))
                .help("move it away, or choose another output directory")
        }
    }
}

pub(super) fn obstacle(out: &Path, obstacle: &Obstacle) -> Diagnostic {
    match obstacle {
        Obstacle::LinkOnTheWay(path) => link(&shown(out, path)),
        Obstacle::NoDirectory(path) => {
            let message = format!("`{}` is no directory, and one is needed there", shown(out, path));
            Diagnostic::nowhere(Code::ForeignFile, message).help("move it away, or choose another output directory")
        }
        Obstacle::Unreadable(path, error) => unreadable(out, path, error),
    }
}

fn link(shown: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::OutsideOutput, format!("`{shown}` is a symbolic link"))
        .help("replace it by what it points to: nothing is written through links")
}

pub(super) fn unreadable(out: &Path, path: &str, error: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::WriteFailed, format!("cannot read `{}`: {error}", shown(out, path)))
        .help("make it readable, then compile again; nothing was changed")
}

pub(super) fn read_only(out: &Path, path: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::WriteFailed, format!("`{}` is read-only", shown(out, path)))
        .help("make it writable, then compile again; nothing was changed")
}

pub(super) fn lock_not_text(out: &Path, path: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::BadLock, format!("the lock `{}` is damaged: it is not UTF-8", shown(out, path)))
        .help("restore it from version control; after a merge take either side, then compile again")
}

pub(super) fn undeclared_group(out: &Path, name: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::UnprunedGroup, format!("no source declares the group in `{}`", shown(out, name)))
        .help(format!("delete it with `--prune-group {name}`, or compile its source too"))
}

pub(super) fn changed_file_kept(out: &Path, path: &str) -> Diagnostic {
    let message = format!("`{}` is no longer made, but was changed since it was written", shown(out, path));
    Diagnostic::nowhere(Code::ChangedFile, message).help("it was left alone: delete it, or move it out of the output")
}

pub(super) fn failed(out: &Path, failure: &Failure) -> Diagnostic {
    let path = failure.path.strip_prefix(out).unwrap_or(&failure.path);
    let path = shown(out, &path.to_string_lossy().replace('\\', "/"));
    let what = match failure.error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "make it writable",
        ErrorKind::AlreadyExists => "somebody else wrote there at the same time: let them finish",
        _ => "remove the cause",
    };
    let mut help = format!("{what}, then compile again; ");
    if failure.lost.is_empty() {
        help += "everything is as it was";
    } else {
        help += "these files could not be put back:";
        for (target, backup) in &failure.lost {
            let (target, backup) = (target.display(), backup.display());
            help += &format!(" `{target}` (its old content is in `{backup}`)");
        }
    }
    Diagnostic::nowhere(Code::WriteFailed, format!("cannot {} `{path}`: {}", failure.doing, failure.error)).help(help)
}
