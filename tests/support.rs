//! What the tests share: paths, files, a world in memory, programs with expectations.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use rbgc::source::World;

pub mod compile;
pub mod expect;
pub mod lws;
pub mod pods;
pub mod program;
pub mod rbg;
pub mod schema;
pub mod tree;

/// The directory of the package.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a directory of the package with one of these endings, sorted; none when the
/// directory does not exist.
pub fn files(directory: &str, endings: &[&str]) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root().join(directory)).sort_by_file_name();
    walk.into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(walkdir::DirEntry::into_path)
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .collect()
}

/// The names of the directories directly below one of the package, sorted.
pub fn directories(directory: &str) -> Vec<String> {
    let walk = walkdir::WalkDir::new(root().join(directory)).min_depth(1).max_depth(1).sort_by_file_name();
    walk.into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// The text of a file.
#[track_caller]
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A path as messages show it: relative to the package.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all problems at once, so that one run shows them all.
#[track_caller]
pub fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Files in memory. Paths are absolute; there are no links.
#[derive(Debug, Default, Clone)]
pub struct Memory {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Memory {
    /// Adds a file.
    pub fn add(&mut self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(normalize(path.as_ref()), bytes.into());
    }
}

impl World for Memory {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.files.get(&normalize(path)).ok_or(io::ErrorKind::NotFound)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.clone()) }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let path = normalize(path);
        let known = self.files.keys().any(|file| file.starts_with(&path));
        if known { Ok(path) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

/// The path without `.` and `..`.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
