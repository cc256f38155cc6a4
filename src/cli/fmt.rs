//! `rbgc fmt`: one layout for all sources.

use std::path::{Path, PathBuf};

use clap::Args;

use super::disk::{self, Disk, STDIN};
use super::report::{self, Gathered};
use super::{Exit, Terminal, sources};
use crate::diag::{MAX_FILE_BYTES, Session};
use crate::resolve;
use crate::syntax::print;

/// Format sources
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc fmt                     every source in this directory and below
  rbgc fmt services/qwen.rbg   one file
  rbgc fmt --check             change nothing; list what is not formatted, and exit with 3
  rbgc fmt - < in > out        from standard input to standard output, for editors")]
pub(super) struct Arguments {
    /// Files, directories with `*.rbg` files, or `-`; by default the current directory
    #[arg(value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Change nothing; list the files that are not formatted, and exit with 3 if there are any
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    report: report::Arguments,
}

/// A file that is not as it should be.
struct Change {
    path: PathBuf,
    name: String,
    text: String,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let stdin = Path::new("-");
    match arguments.sources.as_slice() {
        [path] if path == stdin => stream(arguments, terminal),
        paths if paths.iter().any(|path| path == stdin) => terminal.misuse("`-` stands alone"),
        [] => files(arguments, &[PathBuf::from(".")], terminal),
        paths => files(arguments, paths, terminal),
    }
}

/// Formats files in place.
fn files(arguments: &Arguments, paths: &[PathBuf], terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let found = match sources::find(paths, &[]) {
        Ok(found) => found,
        Err(problem) => {
            gathered.report(problem);
            return gathered.show(&arguments.report, terminal, Exit::Problems);
        }
    };
    let world = Disk::default();
    let mut session = Session::new(&world, &found.root);
    let changes: Vec<Change> = found.files.iter().filter_map(|path| format(&mut session, path)).collect();
    if !arguments.check {
        for change in &changes {
            if let Err(error) = disk::replace(&change.path, &change.text) {
                session.report(disk::unwritable(&change.name, &error));
            }
        }
    }
    gathered.take(session);
    let stale = arguments.check && !changes.is_empty();
    let exit = gathered.show(&arguments.report, terminal, if stale { Exit::Stale } else { Exit::Fine });
    let list: String = changes.iter().map(|change| format!("{}\n", change.name)).collect();
    match arguments.report.format {
        report::Format::Human | report::Format::Github if arguments.check => terminal.result(&list, exit),
        _ => {
            terminal.note(&list);
            exit
        }
    }
}

/// The formatted text of a file, when it is another one. A file that does not parse is reported.
fn format(session: &mut Session<'_>, path: &Path) -> Option<Change> {
    let name = resolve::display_name(&session.root, path);
    let file = session.read(path, &name, None)?;
    let text = print::format(session, file)?;
    (text != session.sources.file(file).text).then(|| Change { path: path.to_owned(), name, text })
}

/// Formats standard input to standard output.
fn stream(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let text = match disk::stdin(MAX_FILE_BYTES) {
        Ok(text) => text,
        Err(problem) => {
            gathered.report(problem);
            return gathered.show(&arguments.report, terminal, Exit::Problems);
        }
    };
    let formatted = session.sources.add(STDIN, text.as_str()).and_then(|file| print::format(&mut session, file));
    gathered.take(session);
    match (gathered.show(&arguments.report, terminal, Exit::Fine), formatted) {
        (Exit::Fine, Some(formatted)) if arguments.check && formatted != text => {
            terminal.result(&format!("{STDIN}\n"), Exit::Stale)
        }
        (Exit::Fine, Some(formatted)) if !arguments.check => terminal.result(&formatted, Exit::Fine),
        (exit, _) => exit,
    }
}
