//! `rbgc compile`: from sources and inventories to written trees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::disk::Disk;
use super::jobs::{self, Inputs, Job};
use super::report::{self, Format, Gathered};
use super::{Exit, Terminal, locks};
use crate::diag::Session;
use crate::emit::write::{self, Changes, Difference, Stale};
use crate::emit::{self, Group};
use crate::order::{Delivery, NotADelivery, argo};
use crate::project::{Cluster, DeliveryWord};
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
    inputs: Inputs,
    /// The directory to write, or `-` for one stream on standard output
    #[arg(short, long, value_name = "DIR|-")]
    output: Option<PathBuf>,
    /// How manifests reach the cluster: argocd (default), plain
    #[arg(long, value_name = "DELIVERY", value_parser = delivery)]
    delivery: Option<Word>,
    /// Write nothing; list what is not up to date, and exit with 3 if anything is
    #[arg(long)]
    check: bool,
    /// Delete what was written for this group, which the sources no longer declare; may be repeated
    #[arg(long = "prune-group", value_name = "NAME")]
    prune: Vec<String>,
    /// The tree whose locks say what is placed where; by default the output directory
    #[arg(long, value_name = "DIR")]
    lock: Option<PathBuf>,
    /// Refuse to move or restart more than so many instances
    #[arg(long, value_name = "N")]
    max_moves: Option<usize>,
    /// How hard to look for a better plan: a factor of the work, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    effort: u32,
    /// When one commit cannot bring the change about, write the first that can: commit it, let it
    /// sync, and compile again
    #[arg(long)]
    step: bool,
    /// The repository that Argo CD reads
    #[arg(long, value_name = "URL", help_heading = "Argo CD")]
    repo: Option<String>,
    /// The branch, tag or commit that Argo CD follows
    #[arg(long, value_name = "REVISION", help_heading = "Argo CD")]
    revision: Option<String>,
    /// The output directory as Argo CD sees it in the repository
    #[arg(long, value_name = "PATH", help_heading = "Argo CD")]
    repo_path: Option<String>,
    /// An AppProject that exists; by default one is made
    #[arg(long, value_name = "NAME", help_heading = "Argo CD")]
    argocd_project: Option<String>,
    #[command(flatten)]
    report: report::Arguments,
}

/// A delivery by name.
#[derive(Debug, Clone, Copy)]
enum Word {
    Argocd,
    Plain,
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
    let directory = arguments.output.as_deref().filter(|path| *path != Path::new("-"));
    let jobs = match jobs::plan(&arguments.inputs, directory, &mut gathered) {
        Ok(jobs) => jobs,
        Err(refusal) => return refusal.show(&gathered, &arguments.report, terminal),
    };
    if let Some(message) = misuse(arguments, &jobs) {
        return terminal.misuse(&message);
    }
    let world = Disk::default();
    let mut compiled = Vec::new();
    for job in &jobs {
        let mut session = Session::new(&world, &job.root);
        let output = output(arguments, job);
        match terminal.busy("compiling", || compile(&mut session, arguments, job, &output)) {
            Some(groups) => compiled.push(Compiled { session, groups, output, whole: job.whole }),
            None => gathered.take(session),
        }
    }
    deliver(arguments, compiled, gathered, terminal)
}

/// What clap cannot know to be wrong.
fn misuse(arguments: &Arguments, jobs: &[Job]) -> Option<String> {
    let stream = arguments.output.as_deref() == Some(Path::new("-"));
    let homeless = jobs.iter().any(|job| job.cluster.is_none() && arguments.output.is_none());
    if jobs.iter().any(|job| job.inventory.is_none()) {
        Some("which cluster? give `--inventory FILE`, or clusters in an `rbgc.toml`".into())
    } else if homeless {
        Some("where to? give `-o DIR`, or `-o -` for standard output".into())
    } else if arguments.output.is_some() && jobs.len() > 1 {
        Some("`-o` is for one cluster: choose it by `--cluster`".into())
    } else if stream && arguments.check {
        Some("`--check` compares a directory: give it by `-o DIR`".into())
    } else if stream && arguments.report.format == Format::Json {
        Some("`-o -` and `--format json` would both write to standard output".into())
    } else {
        None
    }
}

fn output(arguments: &Arguments, job: &Job) -> Output {
    match (&arguments.output, &job.cluster) {
        (Some(path), _) if path == Path::new("-") => Output::Stream,
        (Some(path), _) => Output::Directory(path.clone()),
        (None, Some((_, cluster))) => Output::Directory(job.root.join(&cluster.out.value)),
        (None, None) => Output::Stream,
    }
}

fn compile(session: &mut Session<'_>, arguments: &Arguments, job: &Job, output: &Output) -> Option<Vec<Group>> {
    let tree = match (&arguments.lock, output) {
        (Some(tree), _) => Some(tree),
        (None, Output::Directory(out)) => Some(out),
        (None, Output::Stream) => None,
    };
    let previous = tree.map_or_else(BTreeMap::new, |tree| locks::read(session, tree));
    let cluster = job.cluster.as_ref().map(|(_, cluster)| cluster);
    let options = crate::Options {
        check: job.parameters(),
        delivery: order(arguments, cluster),
        prune: arguments.prune.iter().cloned().collect(),
        effort: arguments.effort,
    };
    let groups = crate::compile(session, &job.files, job.inventory.as_deref()?, &previous, &options)?;
    let deferred: Vec<_> = groups.iter().flat_map(|g| g.deferred.iter().cloned()).collect();
    let many = arguments.max_moves.and_then(|most| record::too_many(&changes(&groups), most));
    let split = transition::needs_steps(&deferred).filter(|_| !arguments.step);
    let refusals: Vec<_> = many.into_iter().chain(split).collect();
    if !refusals.is_empty() {
        refusals.into_iter().for_each(|problem| session.report(problem));
        return None;
    }
    let read = |path: &str| std::fs::read_to_string(tree?.join(path)).ok();
    Some(if deferred.is_empty() { groups } else { emit::defer(groups, &previous, read) })
}

/// What moves or restarts, group by group.
fn changes(groups: &[Group]) -> Vec<Change> {
    groups.iter().flat_map(|group| group.changes.iter().cloned()).collect()
}

/// The delivery: what the command line says, then the project file, then Argo CD.
fn order(arguments: &Arguments, cluster: Option<&Cluster>) -> Delivery {
    let default = argo::Options::default();
    let of = |field: fn(&Cluster) -> &Option<crate::tree::At<String>>| {
        cluster.and_then(|c| field(c).as_ref()).map(|at| at.value.clone())
    };
    let path = arguments.repo_path.clone().or_else(|| of(|c| &c.path)).or_else(|| Some(cluster?.out.value.clone()));
    let options = argo::Options {
        repo: arguments.repo.clone().or_else(|| of(|c| &c.repo)).unwrap_or(default.repo),
        revision: arguments.revision.clone().or_else(|| of(|c| &c.revision)).unwrap_or(default.revision),
        path: path.unwrap_or(default.path),
        project: arguments.argocd_project.clone().or_else(|| of(|c| &c.argocd_project)),
        namespace: of(|c| &c.argocd_namespace).unwrap_or(default.namespace),
        server: cluster.map_or(default.server, |c| c.server.clone()),
    };
    let word = cluster.and_then(|c| c.delivery.as_ref()).map(|word| word.value);
    match (arguments.delivery, word) {
        (Some(Word::Plain), _) | (None, Some(DeliveryWord::Plain)) => Delivery::Plain,
        // `flux` was refused when the project file was read.
        (Some(Word::Argocd), _) | (None, Some(DeliveryWord::Argocd | DeliveryWord::Flux) | None) => {
            Delivery::Argocd(options)
        }
    }
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
                    notes.push_str(&postponed(&one.groups));
                }
            }
        }
        gathered.take(one.session);
    }
    let exit = gathered.show(&arguments.report, terminal, if stale { Exit::Stale } else { Exit::Fine });
    terminal.note(&notes);
    if arguments.report.format == Format::Json {
        // The array on standard output must stay alone there.
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
    write::Options { prune: arguments.prune.iter().cloned().collect(), declared: compiled.whole.then(declared) }
}

/// What is left for a later commit.
fn postponed(groups: &[Group]) -> String {
    let names: Vec<String> =
        groups.iter().flat_map(|g| &g.deferred).map(|d| format!("{}/{}", d.group, d.instance)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("  a step: commit it, let it sync, and compile again for {}\n", names.join(", "))
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

fn delivery(text: &str) -> Result<Word, String> {
    match Delivery::parse(text, argo::Options::default()) {
        Ok(Delivery::Argocd(_)) => Ok(Word::Argocd),
        Ok(Delivery::Plain) => Ok(Word::Plain),
        Err(NotADelivery::NotYet) => Err(format!("the delivery `{text}` is not supported yet (E0901)")),
        Err(NotADelivery::Unknown) => Err(format!("known deliveries: {}", Delivery::NAMES.join(", "))),
    }
}
