//! Which files a command is about, and the root of their project.
//!
//! The root is the directory of the nearest `rbgc.toml` at or above the sources; without one it is
//! the deepest directory that holds them all. The directory in which the program runs plays no part
//! in it, so that the names of sources, which stand in the output, are the same from everywhere.

use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::diag::{Code, Diagnostic};
use crate::project;

/// What a command is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sources {
    /// The root of the project, without links.
    pub root: PathBuf,
    /// The project file, when there is one.
    pub project: Option<PathBuf>,
    /// The files: without links, sorted, each once.
    pub files: Vec<PathBuf>,
}

/// Finds the files that the arguments mean: a file itself, a directory with every `*.rbg` below it.
/// Hidden directories, links and the output directories are not entered.
///
/// # Errors
/// When an argument does not exist or cannot be read, or a directory holds no source.
pub(super) fn find(arguments: &[PathBuf], outputs: &[PathBuf]) -> Result<Sources, Diagnostic> {
    let outputs: Vec<PathBuf> = outputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
    let mut files = Vec::new();
    let mut common: Option<PathBuf> = None;
    for argument in arguments {
        let path = argument.canonicalize().map_err(|e| unreadable(argument, &e))?;
        let directory = if path.is_dir() { path.clone() } else { path.parent().unwrap_or(&path).to_owned() };
        if path.is_dir() {
            files.extend(below(&path, argument, &outputs)?);
        } else {
            files.push(path);
        }
        common = Some(match common {
            Some(common) => shared(&common, &directory),
            None => directory,
        });
    }
    files.sort();
    files.dedup();
    let common = common.unwrap_or_default();
    match project_above(&common) {
        Some(project) => {
            let root = project.parent().unwrap_or(&common).to_owned();
            Ok(Sources { root, project: Some(project), files })
        }
        None => Ok(Sources { root: common, project: None, files }),
    }
}

/// The nearest project file in a directory or above it.
pub(super) fn project_above(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|d| d.join(project::FILE)).find(|file| file.is_file())
}

/// Every source below a directory, sorted.
fn below(directory: &Path, argument: &Path, outputs: &[PathBuf]) -> Result<Vec<PathBuf>, Diagnostic> {
    let enter = |entry: &DirEntry| {
        let hidden = entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
        !hidden && (entry.depth() == 0 || outputs.iter().all(|output| entry.path() != output))
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(directory).sort_by_file_name().into_iter().filter_entry(enter) {
        let entry = entry.map_err(|e| unreadable(argument, &e.into()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|ext| ext == "rbg") {
            files.push(entry.into_path());
        }
    }
    if files.is_empty() { Err(no_source(argument)) } else { Ok(files) }
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::nowhere(Code::UnreadableFile, format!("cannot read `{}`: {error}", path.display()))
}

fn no_source(path: &Path) -> Diagnostic {
    Diagnostic::nowhere(Code::UnreadableFile, format!("no `*.rbg` file below `{}`", path.display()))
        .help("hidden directories, links and the output directory are not searched")
}

/// The deepest directory that holds both.
fn shared(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(x, y)| x == y).map(|(x, _)| x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        directory
    }

    /// The root and the files, relative to the directory.
    #[track_caller]
    fn check(files: &[&str], arguments: &[&str], output: Option<&str>, root: &str, expected: &[&str]) {
        let directory = tree(files);
        let base = directory.path().canonicalize().unwrap();
        let arguments: Vec<PathBuf> = arguments.iter().map(|a| base.join(a)).collect();
        let found = find(&arguments, &output.map(|o| base.join(o)).into_iter().collect::<Vec<_>>()).unwrap();
        let shown = |path: &Path| path.strip_prefix(&base).unwrap().display().to_string();
        assert_eq!(shown(&found.root), root);
        assert_eq!(found.files.iter().map(|f| shown(f)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn directories_are_searched_in_order() {
        let files = ["b/2.rbg", "b/1.rbg", "a.rbg", ".git/x.rbg", "out/g.rbg", "c.yaml"];
        check(&files, &["."], Some("out"), "", &["a.rbg", "b/1.rbg", "b/2.rbg"]);
        check(&files, &["b/2.rbg", "b", "b/1.rbg"], None, "b", &["b/1.rbg", "b/2.rbg"]);
        check(&files, &["b", "a.rbg"], None, "", &["a.rbg", "b/1.rbg", "b/2.rbg"]);
    }

    #[test]
    fn the_project_file_marks_the_root() {
        let files = ["rbgc.toml", "b/c/2.rbg", "b/1.rbg"];
        check(&files, &["b/c"], None, "", &["b/c/2.rbg"]);
        check(&files[1..], &["b/c"], None, "b/c", &["b/c/2.rbg"]);
    }

    #[test]
    fn what_cannot_be_found_is_told() {
        let directory = tree(&["a/x.yaml"]);
        assert!(find(&[directory.path().join("a")], &[]).unwrap_err().message.starts_with("no `*.rbg` file below"));
        assert!(find(&[directory.path().join("b.rbg")], &[]).unwrap_err().message.starts_with("cannot read"));
    }
}
