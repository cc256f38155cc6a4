//! `rbgc diff`: what a compilation would change of what was written.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

mod git;
mod trees;

use super::compile::{self, Compilation};
use super::disk::Disk;
use super::jobs::Job;
use super::report::{self, Gathered};
use super::{Exit, Terminal};
use crate::diag::{Code, Diagnostic, Session, plural};
use crate::diff::{self, Changes, Effect, Tree};
use crate::fit::leaving::ScaleIn;
use crate::order::Delivery;

/// Show what compiling would change: objects, restarts, moves
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc diff qwen.rbg -i lab.yaml -o deploy        what compiling now would change
  rbgc diff --against main                        against another branch, every cluster
  rbgc diff --against origin/main --format markdown > comment.md
                                                  for a comment on a pull request
  rbgc diff --against main --deny recreate,delete,move
                                                  fail when anything must be deleted or moves

Nothing is written.")]
pub(super) struct Arguments {
    #[command(flatten)]
    compilation: Compilation,
    /// Compare with this directory, or with the output directory at this revision of Git; by default
    /// with the output directory as it is
    #[arg(long, value_name = "DIR|REV")]
    against: Option<String>,
    /// How to print the difference
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Exit with 3 when anything differs
    #[arg(long)]
    exit_code: bool,
    /// Exit with 1 when any of this happens; separated by commas
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    deny: Vec<Denied>,
}

/// A form of the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for a terminal
    Human,
    /// An array with an object a cluster, as `rbgc schema diff` describes it
    Json,
    /// Tables and folded details for a comment
    Markdown,
}

/// What is not to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Denied {
    /// Labels or annotations of an object change, and nothing else
    Metadata,
    /// An object changes, and its pods run on
    InPlace,
    /// An object is new
    Create,
    /// Pods are replaced, because their template changes
    RollingRestart,
    /// An object is deleted and made again
    Recreate,
    /// An object goes
    Delete,
    /// An instance stands on other nodes than before
    Move,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let report = report::Arguments::default();
    let jobs = match arguments.compilation.jobs(&mut gathered, |jobs| misuse(arguments, jobs)) {
        Ok(jobs) => jobs,
        Err(refusal) => return refusal.show(&gathered, &report, terminal),
    };
    let all = jobs.len();
    let world = Disk::default();
    let mut found = Vec::new();
    for (job, delivery) in jobs {
        let mut session = Session::new(&world, &job.root);
        let changes = terminal.busy("comparing", || one(&mut session, arguments, (&job, delivery)));
        if let Some(changes) = &changes {
            denied(&arguments.deny, changes).into_iter().for_each(|problem| session.report(problem));
        }
        found.extend(changes);
        gathered.take(session);
    }
    let differs = arguments.exit_code && found.iter().any(|changes| !changes.is_empty());
    let exit = gathered.show(&report, terminal, if differs { Exit::Stale } else { Exit::Fine });
    if found.len() < all { exit } else { terminal.result(&shown(&found, arguments.format, terminal), exit) }
}

/// What clap cannot know to be wrong.
fn misuse(arguments: &Arguments, jobs: &[Job]) -> Option<&'static str> {
    if arguments.compilation.output.as_deref() == Some(Path::new("-")) {
        Some("`-o -` is no tree to compare with: give a directory")
    } else if jobs.iter().any(|job| output_of(arguments, job).is_none()) {
        Some("compare with what? give the output directory by `-o DIR`")
    } else if jobs.len() > 1 && arguments.against.as_deref().is_some_and(|against| Path::new(against).is_dir()) {
        Some("`--against DIR` is for one cluster: choose it by `--cluster`")
    } else {
        None
    }
}

/// The directory that would be written. Without any it is the one that is compared with.
fn output_of(arguments: &Arguments, job: &Job) -> Option<PathBuf> {
    let against = || arguments.against.as_ref().map(PathBuf::from).filter(|path| path.is_dir());
    arguments.compilation.output.clone().or_else(|| job.out()).or_else(against)
}

/// The difference of one cluster. `None` when there is none to be shown; that was reported.
fn one(session: &mut Session<'_>, arguments: &Arguments, (job, delivery): (&Job, Delivery)) -> Option<Changes> {
    let out = output_of(arguments, job)?;
    let standing = trees::of_directory(session, &out)?;
    let old = match &arguments.against {
        None => standing.clone(),
        Some(path) if Path::new(path).is_dir() => trees::of_directory(session, Path::new(path))?,
        Some(revision) => {
            let revision = git::Revision::open(&out, revision).map_err(|problem| session.report(problem)).ok()?;
            trees::of_revision(session, &revision)?
        }
    };
    let locks = match &arguments.compilation.lock {
        Some(tree) => super::locks::read(session, tree),
        None => standing.locks.clone(),
    };
    let groups = arguments.compilation.make(session, (job, delivery), (&locks, ScaleIn::AtLast))?;
    let new = trees::with(standing, &groups, &arguments.compilation.prune);
    let mut changes = compared(session, &old, &new)?;
    changes.cluster = job.cluster.as_ref().map(|(name, _)| name.clone());
    changes.explain(&compile::changes(&groups));
    let deferred = groups.iter().flat_map(|group| &group.deferred);
    changes.waiting = deferred.map(|d| format!("{}/{}", d.group, d.instance)).collect();
    Some(changes)
}

fn compared(session: &mut Session<'_>, old: &Tree, new: &Tree) -> Option<Changes> {
    diff::compare(old, new).map_err(|problems| problems.into_iter().for_each(|p| session.report(p))).ok()
}

/// What happens although it is not to, a problem for each kind.
fn denied(denied: &[Denied], changes: &Changes) -> Vec<Diagnostic> {
    let problem = |denied: &Denied| {
        let names = happening(*denied, changes);
        let first = names.first()?;
        let more = names.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let word = denied.to_possible_value()?.get_name().to_owned();
        let cluster = changes.cluster.as_ref().map_or(String::new(), |name| format!(" in `{name}`"));
        let message = format!("{} of `{word}`{cluster}, which is denied: {first}{more}", plural(names.len(), "change"));
        Some(
            Diagnostic::nowhere(Code::DeniedChange, message)
                .help("the difference shows why; allow it by `--deny` without this word"),
        )
    };
    denied.iter().filter_map(problem).collect()
}

/// The names of what changes in a way.
fn happening(denied: Denied, changes: &Changes) -> Vec<String> {
    let effect = match denied {
        Denied::Metadata => Effect::Metadata,
        Denied::InPlace => Effect::InPlace,
        Denied::Create => Effect::Create,
        Denied::RollingRestart => Effect::RollingRestart,
        Denied::Recreate => Effect::Recreate,
        Denied::Delete => Effect::Delete,
        Denied::Move => {
            return changes.moves.iter().map(|m| format!("`{}/{}/{}`", m.group, m.role, m.instance)).collect();
        }
    };
    // A Job that goes has done its work, and no pod of a service goes with it.
    let done = |change: &&diff::Change| effect == Effect::Delete && change.kind == "Job";
    let objects = changes.objects.iter().filter(|change| change.effect == effect && !done(change));
    objects.map(|change| format!("{} `{}`", change.kind, change.name)).collect()
}

fn shown(found: &[Changes], format: Format, terminal: &Terminal) -> String {
    match format {
        Format::Json => diff::json(found),
        Format::Markdown => diff::markdown(found),
        Format::Human => {
            let one = |changes: &Changes| {
                let head =
                    changes.cluster.as_ref().filter(|_| found.len() > 1).map_or(String::new(), |c| format!("{c}:\n"));
                head + &diff::text(changes, terminal.results)
            };
            found.iter().map(one).collect::<Vec<_>>().join("\n")
        }
    }
}
