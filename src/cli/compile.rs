//! `rbgc compile`: from sources and inventories to written trees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::disk::Disk;
use super::jobs::{self, Inputs, Job, Refusal};
use super::report::{self, Gathered};
use super::{Exit, Terminal, delivery, locks};
use crate::diag::Session;
use crate::emit::write::{self, Changes, Difference, Stale};
use crate::emit::{self, Group, Lock};
use crate::fit::leaving::ScaleIn;
use crate::order::Delivery;
use crate::plan::Brings;
use crate::record::{self, Change};
use crate::transition;

/// Compile sources to manifests
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc compile qwen.rbg --inventory lab.yaml -o deploy
                               one file, for one cluster
  rbgc compile services --inventory lab.yaml -o - --delivery plain | kubectl apply -f -
                               a directory, as one stream
  rbgc compile                 every cluster of rbgc.toml
  rbgc compile --cluster prod-east --check
                               is what is committed up to date?
  rbgc compile --max-moves 2   refuse to move more than two instances")]
pub(super) struct Arguments {
    #[command(flatten)]
    compilation: Compilation,
    /// Write nothing; list what is not up to date, and exit with 3 if anything is
    #[arg(long)]
    check: bool,
    /// Refuse to move or restart more than so many instances
    #[arg(long, value_name = "N")]
    max_moves: Option<usize>,
    /// When one commit cannot bring the change about, write the first that can: commit it, let it
    /// sync, and compile again
    #[arg(long)]
    step: bool,
    #[command(flatten)]
    report: report::Arguments,
    /// Write the next step of every rollout only: `rbgc rollout next`.
    #[arg(skip)]
    pub(super) next_step: bool,
}

/// What is made of what: the arguments that `diff` and `rollout` share.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Compilation {
    #[command(flatten)]
    pub inputs: Inputs,
    /// The output directory, or `-` for one stream on standard output
    #[arg(short, long, value_name = "DIR|-")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    delivery: delivery::Arguments,
    /// Delete what was written for this group, which the sources no longer declare; may be repeated
    #[arg(long = "prune-group", value_name = "NAME")]
    pub prune: Vec<String>,
    /// The tree whose locks say what is placed where; by default the output directory
    #[arg(long, value_name = "DIR")]
    pub lock: Option<PathBuf>,
    /// How hard to look for a better plan: a factor of the work, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    effort: u32,
    /// For a cluster where nothing stands yet: start roles that are updated in step all at once
    #[arg(long)]
    install: bool,
}

/// Where the result goes.
enum Output {
    Stream,
    Directory(PathBuf),
}

/// A job that was compiled.
struct Compiled<'w> {
    session: Session<'w>,
    groups: Vec<Group>,
    output: Output,
    whole: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let compilation = &arguments.compilation;
    let jobs = match compilation.jobs(&mut gathered, |jobs| misuse(arguments, jobs)) {
        Ok(jobs) => jobs,
        Err(refusal) => return refusal.show(&gathered, &arguments.report, terminal),
    };
    let world = Disk::default();
    let mut compiled = Vec::new();
    for (job, delivery) in jobs {
        let mut session = Session::new(&world, &job.root);
        let output = compilation.out(&job).map_or(Output::Stream, Output::Directory);
        match terminal.busy("compiling", || compile(&mut session, arguments, &job, delivery)) {
            Some(groups) => compiled.push(Compiled { session, groups, output, whole: job.whole }),
            None => gathered.take(session),
        }
    }
    deliver(arguments, compiled, gathered, terminal)
}

/// What clap cannot know to be wrong.
fn misuse(arguments: &Arguments, jobs: &[Job]) -> Option<&'static str> {
    let output = arguments.compilation.output.as_deref();
    let stream = output == Some(Path::new("-"));
    if jobs.iter().any(|job| job.cluster.is_none() && output.is_none()) {
        Some("where to? give `-o DIR`, or `-o -` for standard output")
    } else if stream && arguments.check {
        Some("`--check` compares a directory: give it by `-o DIR`")
    } else if stream && arguments.report.format.is_result() {
        Some("`-o -` and `--format json` or `sarif` would both write to standard output")
    } else {
        None
    }
}

fn compile(session: &mut Session<'_>, arguments: &Arguments, job: &Job, delivery: Delivery) -> Option<Vec<Group>> {
    let tree = arguments.compilation.tree(job);
    let previous = tree.as_ref().map_or_else(BTreeMap::new, |tree| locks::read(session, tree));
    let scale_in = if arguments.next_step || arguments.step { ScaleIn::NextStep } else { ScaleIn::AtOnce };
    let mut groups = arguments.compilation.make(session, (job, delivery), (&previous, scale_in))?;
    let deferred: Vec<_> = groups.iter().flat_map(|g| g.deferred.iter().cloned()).collect();
    let many = arguments.max_moves.and_then(|most| record::too_many(&changes(&groups), most));
    let split = transition::needs_steps(&deferred).filter(|_| !arguments.step);
    let refusals: Vec<_> = many.into_iter().chain(split).collect();
    if !refusals.is_empty() {
        refusals.into_iter().for_each(|problem| session.report(problem));
        return None;
    }
    if arguments.next_step {
        emit::hold_back(&mut groups, &previous);
    }
    let read = |path: &str| std::fs::read_to_string(tree.as_ref()?.join(path)).ok();
    Some(if groups.iter().all(|group| group.deferred.is_empty()) {
        groups
    } else {
        emit::defer(groups, &previous, read)
    })
}

impl Compilation {
    /// The output directory that was asked for, when it is one.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// The directory that a job is written to; `None` when it is streamed.
    fn out(&self, job: &Job) -> Option<PathBuf> {
        match &self.output {
            Some(_) => self.directory().map(Path::to_owned),
            None => job.out(),
        }
    }

    /// The tree whose locks say what stands where.
    pub(super) fn tree(&self, job: &Job) -> Option<PathBuf> {
        self.lock.clone().or_else(|| self.out(job))
    }

    /// What is to be compiled, and how it reaches its cluster. `misuse` tells what the command itself
    /// finds wrong with its arguments.
    pub(super) fn jobs(
        &self,
        gathered: &mut Gathered,
        misuse: impl FnOnce(&[Job]) -> Option<&'static str>,
    ) -> Result<Vec<(Job, Delivery)>, Refusal> {
        let jobs = jobs::plan(&self.inputs, self.directory(), gathered)?;
        if jobs.iter().any(|job| job.inventory.is_none()) {
            return Err(Refusal::no_cluster());
        }
        let several =
            (self.output.is_some() && jobs.len() > 1).then_some("`-o` is for one cluster: choose it by `--cluster`");
        if let Some(message) = several.or_else(|| misuse(&jobs)) {
            return Err(Refusal::Misuse(message.into()));
        }
        let with_delivery = |job: Job| match self.delivery.delivery(&job) {
            Ok(delivery) => Ok((job, delivery)),
            Err(message) => Err(Refusal::Misuse(message)),
        };
        jobs.into_iter().map(with_delivery).collect()
    }

    /// The groups of a job, against the locks of what stands. `None` when an error was reported.
    pub(super) fn make(
        &self,
        session: &mut Session<'_>,
        (job, delivery): (&Job, Delivery),
        (previous, scale_in): (&BTreeMap<String, Lock>, ScaleIn),
    ) -> Option<Vec<Group>> {
        let cluster = job.cluster.as_ref().map(|(_, cluster)| cluster);
        let options = crate::Options {
            check: job.parameters(),
            delivery,
            kustomization: self.delivery.kustomization(cluster),
            prune: self.prune.iter().cloned().collect(),
            install: self.install,
            scale_in,
            effort: self.effort,
        };
        crate::compile(session, &job.files, job.inventory.as_deref()?, previous, &options)
    }
}

/// What moves or restarts, group by group.
pub(super) fn changes(groups: &[Group]) -> Vec<Change> {
    groups.iter().flat_map(|group| group.changes.iter().cloned()).collect()
}

/// Writes, compares or streams everything, if nothing is wrong anywhere.
fn deliver(arguments: &Arguments, compiled: Vec<Compiled<'_>>, mut gathered: Gathered, terminal: &Terminal) -> Exit {
    let wrong = |c: &Compiled<'_>| gathered.fails(&c.session.problems, &arguments.report);
    let stop = gathered.failed(&arguments.report) || compiled.iter().any(wrong);
    let (mut results, mut notes, mut stale) = (String::new(), String::new(), false);
    let mut streamed = Vec::new();
    for mut one in compiled {
        match &one.output {
            _ if stop => {}
            Output::Stream => streamed.append(&mut one.groups),
            Output::Directory(out) => {
                let options = options(arguments, &one);
                if arguments.check {
                    let found = write::compare(&mut one.session, out, &one.groups, &options).unwrap_or_default();
                    stale |= !found.is_empty();
                    results.push_str(&differences(out, &found));
                } else if let Some(changes) = write::write(&mut one.session, out, &one.groups, &options) {
                    notes.push_str(&summary(out, &changes));
                    notes.push_str(&record::summary(&self::changes(&one.groups)));
                    notes.push_str(&postponed(&one.groups, arguments.next_step));
                }
            }
        }
        gathered.take(one.session);
    }
    let exit = gathered.show(&arguments.report, terminal, if stale { Exit::Stale } else { Exit::Fine });
    terminal.note(&notes);
    if arguments.report.format.is_result() {
        terminal.note(&results);
        return exit;
    }
    let mut pieces = emit::stream(&streamed);
    pieces.push(&results);
    let exit = terminal.results(&pieces, exit);
    // As in the compilation: nobody needs to wait until it is taken apart.
    rayon::spawn(move || drop(streamed));
    exit
}

fn options(arguments: &Arguments, compiled: &Compiled<'_>) -> write::Options {
    let declared = || compiled.groups.iter().map(|g| g.name.clone()).collect();
    let prune = arguments.compilation.prune.iter().cloned().collect();
    write::Options { prune, declared: compiled.whole.then(declared) }
}

/// The instances that leave in later commits.
fn leaving(group: &Group) -> impl Iterator<Item = &transition::Deferred> {
    let ladders = group.rollouts.iter().filter(|ladder| ladder.brings == Brings::Removals);
    ladders.flat_map(|ladder| ladder.steps.iter().skip(1)).flatten()
}

/// What is left for a later commit.
fn postponed(groups: &[Group], rollout: bool) -> String {
    let names: Vec<String> = groups
        .iter()
        .flat_map(|g| g.deferred.iter().chain(leaving(g)))
        .map(|d| format!("{}/{}", d.group, d.instance))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let again = if rollout { "go on by `rbgc rollout next`" } else { "compile again" };
    format!("  a step: commit it, let it sync, and {again} for {}\n", names.join(", "))
}

/// One line a file: `stale deploy/qwen/base/configmap-qwen.yaml`.
fn differences(out: &Path, stale: &[Stale]) -> String {
    let line = |stale: &Stale| {
        let word = match stale.difference {
            Difference::Missing => "missing",
            Difference::Stale => "stale",
            Difference::Extra => "extra",
        };
        format!("{word} {}\n", out.join(&stale.path).display())
    };
    stale.iter().map(line).collect()
}

/// One line a group, and one for what belongs to all.
fn summary(out: &Path, changes: &Changes) -> String {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (index, list) in [&changes.written, &changes.unchanged, &changes.deleted].into_iter().enumerate() {
        for path in list {
            let directory = path.split('/').next().unwrap_or(path);
            counts.entry(directory).or_default()[index] += 1;
        }
    }
    let width = counts.keys().map(|name| name.len()).max().unwrap_or(0);
    let line = |(name, [written, unchanged, deleted]): (&&str, &[usize; 3])| {
        format!("  {name:width$}  {written} written, {unchanged} unchanged, {deleted} deleted\n")
    };
    format!("{}\n{}", out.display(), counts.iter().map(line).collect::<String>())
}
