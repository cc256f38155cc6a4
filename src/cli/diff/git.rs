//! A tree at a revision of a Git repository, read through `git` itself.
//!
//! No shell takes part. A revision is resolved to the name of a commit before anything else, so that
//! nothing that a user or a branch is called can be taken for an option. Only plumbing that runs no
//! filters and no hooks is used, and nothing is fetched.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::diag::{Code, Diagnostic, MAX_FILE_BYTES};

/// A directory at a revision.
pub(super) struct Revision {
    /// A directory of the repository that exists.
    place: PathBuf,
    /// As the user calls it.
    pub name: String,
    /// For each file the name of its content, by path from the directory.
    files: BTreeMap<String, String>,
}

impl Revision {
    /// Finds a directory, which need not exist any more, at a revision. Where that has no such
    /// directory, it has no files.
    ///
    /// # Errors
    /// When there is no git, no repository around the directory, or no such revision.
    pub(super) fn open(directory: &Path, revision: &str) -> Result<Revision, Diagnostic> {
        if revision.starts_with('-') || revision.is_empty() {
            return Err(no_revision(format!("`{}` is neither a directory nor a revision", revision.escape_debug())));
        }
        let (place, below) = existing(directory);
        let prefix = said(git(&place, &["rev-parse", "--show-prefix"], &[])?).map_err(|why| {
            no_revision(format!("`{}` is in no Git repository that can be read: {why}", directory.display()))
        })?;
        let commit = format!("{revision}^{{commit}}");
        let commit = said(git(&place, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit], &[])?)
            .map_err(|_| unknown(revision))?;
        let path = format!("{}{below}", prefix.trim_end_matches('\n'));
        let tree = format!("{}:{}", commit.trim(), path.trim_end_matches('/'));
        let mut found = Revision { place, name: revision.to_owned(), files: BTreeMap::new() };
        let here = git(&found.place, &["rev-parse", "--verify", "--quiet", &tree], &[])?;
        if here.status.success() {
            let list = git(&found.place, &["ls-tree", "--full-tree", "-r", "-z", "-l", &tree], &[])?;
            let list = said(list).map_err(|why| no_revision(format!("cannot list `{revision}`: {why}")))?;
            found.files = list.split('\0').filter_map(entry).collect();
        }
        Ok(found)
    }

    /// The paths of all files, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The texts of some files, by path; those that it does not have are left out.
    ///
    /// # Errors
    /// When git does not give them, or one is no text.
    pub(super) fn read(&self, paths: &[String]) -> Result<BTreeMap<String, String>, Diagnostic> {
        let wanted: Vec<(&String, &String)> = paths.iter().filter_map(|p| self.files.get_key_value(p)).collect();
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let input: String = wanted.iter().map(|(_, content)| format!("{content}\n")).collect();
        let output = git(&self.place, &["cat-file", "--batch"], input.as_bytes())?;
        let failed = |why: &str| no_revision(format!("cannot read `{}` at `{}`", why.escape_debug(), self.name));
        let mut rest = output.stdout.as_slice();
        let mut texts = BTreeMap::new();
        for (path, _) in wanted {
            let bytes = blob(&mut rest).ok_or_else(|| failed(path))?;
            let text = std::str::from_utf8(bytes).map_err(|_| failed(path))?;
            texts.insert(path.clone(), text.to_owned());
        }
        Ok(texts)
    }
}

/// The deepest part of a path that exists, and what is left of it.
fn existing(directory: &Path) -> (PathBuf, String) {
    let mut below = Vec::new();
    let mut here = directory;
    while !here.as_os_str().is_empty() && !here.is_dir() {
        below.extend(here.file_name().map(|name| name.to_string_lossy().into_owned()));
        here = here.parent().unwrap_or(Path::new(""));
    }
    below.reverse();
    let here = if here.as_os_str().is_empty() { Path::new(".") } else { here };
    (here.to_owned(), below.join("/"))
}

/// A line of `ls-tree -l`: the path of a regular file that is not too large, and its content.
fn entry(line: &str) -> Option<(String, String)> {
    let (about, path) = line.split_once('\t')?;
    let mut words = about.split_whitespace();
    let (mode, kind, content, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let small = size.parse::<u64>().is_ok_and(|size| size <= MAX_FILE_BYTES);
    (kind == "blob" && mode.starts_with("100") && small).then(|| (path.to_owned(), content.to_owned()))
}

/// The next object of `cat-file --batch`: `<name> blob <size>`, a line feed, its bytes, a line feed.
fn blob<'o>(rest: &mut &'o [u8]) -> Option<&'o [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    let size: usize = head.split(' ').nth(2)?.parse().ok()?;
    let bytes = rest.get(end + 1..)?.get(..size)?;
    *rest = rest.get(end + 1 + size + 1..)?;
    Some(bytes)
}

/// Runs git in a directory, with this on its standard input.
fn git(place: &Path, arguments: &[&str], input: &[u8]) -> Result<Output, Diagnostic> {
    let mut command = Command::new("git");
    command.arg("-C").arg(place).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The repository is the one around the directory, also when a hook of another one runs us.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE"] {
        command.env_remove(name);
    }
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0");
    command.env("LC_ALL", "C");
    let mut run = || -> io::Result<Output> {
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        // Git answers while it reads: who writes everything first may wait for ever.
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        })
    };
    run().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => no_revision("there is no `git` on the path".to_owned()),
        _ => no_revision(format!("cannot run `git`: {e}")),
    })
}

/// What git said, or why it failed.
fn said(output: Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let why = text(&output.stderr);
    Err(why.lines().next().unwrap_or("git says nothing").trim_start_matches("fatal: ").to_owned())
}

fn unknown(revision: &str) -> Diagnostic {
    let message = format!("`{}` is neither a directory nor a revision", revision.escape_debug());
    no_revision(message)
}

fn no_revision(message: String) -> Diagnostic {
    Diagnostic::nowhere(Code::NoRevision, message).help(
        "`--against` takes a directory, or a branch, tag or commit of the repository that the output is in; \
         fetch it first: a shallow clone has its own commit only",
    )
}
