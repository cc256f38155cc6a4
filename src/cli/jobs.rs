//! From the arguments of a command to what is to be compiled, for which cluster.

use std::path::{Path, PathBuf};

use clap::Args;

use super::delivery;
use super::disk::Disk;
use super::report::{self, Gathered};
use super::sources::{self, Sources};
use super::{Exit, Terminal};
use crate::check;
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::kinds::{NotATarget, Target};
use crate::project::{self, Cluster, Project, TargetWord};

/// What is compiled.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub(super) struct Inputs {
    /// Source files, or directories with `*.rbg` files; without any, the sources of rbgc.toml
    #[arg(value_name = "FILE|DIR")]
    pub sources: Vec<PathBuf>,
    /// The inventory of the cluster; without it, that of each cluster in rbgc.toml
    #[arg(short, long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Compile for this cluster of rbgc.toml only; may be repeated
    #[arg(long = "cluster", value_name = "NAME", conflicts_with = "inventory")]
    pub clusters: Vec<String>,
    /// Set a parameter of the sources; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// What workloads are made of: native (default), lws, rbg
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub target: Option<Target>,
}

/// Sources to compile for one cluster.
#[derive(Debug)]
pub(super) struct Job {
    /// The name and settings of the cluster, when it is one of the project file.
    pub cluster: Option<(String, Cluster)>,
    /// The project root.
    pub root: PathBuf,
    /// The sources, sorted.
    pub files: Vec<PathBuf>,
    /// Whether these are all sources of the project.
    pub whole: bool,
    /// The inventory; only `check` does without one.
    pub inventory: Option<PathBuf>,
    /// Parameters.
    pub set: Vec<(String, String)>,
    /// The target.
    pub target: Target,
}

impl Job {
    /// The output directory of its cluster, when it is one of the project file.
    pub(super) fn out(&self) -> Option<PathBuf> {
        self.cluster.as_ref().map(|(_, cluster)| self.root.join(&cluster.out.value))
    }

    /// The parameters as the checker takes them.
    pub(super) fn parameters(&self) -> check::Options {
        check::Options { set: self.set.clone(), target: self.target }
    }
}

/// Why there is nothing to do.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The command line is wrong.
    Misuse(String),
    /// Problems were reported.
    Reported,
}

impl Refusal {
    /// There are several clusters, and the command is about one.
    pub(super) fn several_clusters() -> Refusal {
        Refusal::Misuse("this is about one cluster: choose it by `--cluster`".into())
    }

    /// There is no inventory to compile for.
    pub(super) fn no_cluster() -> Refusal {
        Refusal::Misuse("which cluster? give `--inventory FILE`, or clusters in an `rbgc.toml`".into())
    }

    /// Tells what is wrong with the command line, or shows the problems.
    pub(super) fn show(&self, gathered: &Gathered, report: &report::Arguments, terminal: &Terminal) -> Exit {
        match self {
            Refusal::Misuse(message) => terminal.misuse(message),
            Refusal::Reported => gathered.show(report, terminal, Exit::Problems),
        }
    }
}

/// The one job of a command whose result is about one cluster.
pub(super) fn one(inputs: &Inputs, gathered: &mut Gathered) -> Result<Job, Refusal> {
    let mut jobs = plan(inputs, None, gathered)?;
    match (jobs.pop(), jobs.is_empty()) {
        (Some(job), true) => Ok(job),
        _ => Err(Refusal::several_clusters()),
    }
}

/// Finds out what is to be compiled. `output` is the directory that is written, if one is given.
/// Problems of the project file are gathered.
pub(super) fn plan(inputs: &Inputs, output: Option<&Path>, gathered: &mut Gathered) -> Result<Vec<Job>, Refusal> {
    let outputs: Vec<PathBuf> = output.map(Path::to_owned).into_iter().collect();
    let found = match inputs.sources.as_slice() {
        [] => None,
        given => Some(find(given, &outputs, gathered)?),
    };
    let project = match &found {
        Some(found) => found.project.clone(),
        None => Some(project_here()?),
    };
    let project = project.map(|path| load(&path, gathered)).transpose()?;
    let whole = found.is_none();
    let (root, files) = match (found, &project) {
        (Some(found), _) => (found.root, found.files),
        (None, Some(project)) => all_sources(project, outputs, gathered)?,
        (None, None) => return Err(Refusal::Misuse("no source is given".into())),
    };
    let job = |cluster: Option<(String, Cluster)>, inventory: Option<PathBuf>| Job {
        set: parameters(inputs, cluster.as_ref().map(|(_, c)| c)),
        target: inputs.target.or_else(|| target_of(cluster.as_ref())).unwrap_or_default(),
        root: root.clone(),
        files: files.clone(),
        whole,
        inventory,
        cluster,
    };
    match (&inputs.inventory, &project) {
        (Some(inventory), _) => Ok(vec![job(None, Some(inventory.clone()))]),
        (None, Some(project)) if !project.clusters.is_empty() => Ok(clusters(project, &inputs.clusters)?
            .into_iter()
            .map(|(name, cluster)| {
                let inventory = project.root.join(&cluster.inventory.value);
                job(Some((name, cluster)), Some(inventory))
            })
            .collect()),
        _ if !inputs.clusters.is_empty() => Err(Refusal::Misuse("`--cluster` needs clusters in an `rbgc.toml`".into())),
        _ => Ok(vec![job(None, None)]),
    }
}

fn find(paths: &[PathBuf], outputs: &[PathBuf], gathered: &mut Gathered) -> Result<Sources, Refusal> {
    sources::find(paths, outputs).map_err(|problem| {
        gathered.report(problem);
        Refusal::Reported
    })
}

/// The project file of the current directory.
fn project_here() -> Result<PathBuf, Refusal> {
    let here = std::env::current_dir().map_err(|e| Refusal::Misuse(format!("no current directory: {e}")))?;
    sources::project_above(&here)
        .ok_or_else(|| Refusal::Misuse("no source is given, and there is no `rbgc.toml` here or above".into()))
}

/// Reads the project file and sees to it that its sources exist.
fn load(path: &Path, gathered: &mut Gathered) -> Result<Project, Refusal> {
    let root = path.parent().unwrap_or(Path::new(""));
    let world = Disk::default();
    let mut session = Session::new(&world, root);
    let project = project::load(&mut session, path, project::FILE);
    for source in project.iter().flat_map(|p| &p.sources) {
        if !root.join(&source.value).exists() {
            session.report(
                Diagnostic::new(Code::BadProject, source.span, format!("`{}` does not exist", source.value))
                    .help("`sources` are files or directories below the directory of `rbgc.toml`"),
            );
        }
    }
    let clusters = project.iter().flat_map(|p| p.clusters.values());
    let wrong = clusters.filter_map(delivery::mistake);
    wrong.for_each(|problem| session.report(problem));
    let failed = session.failed();
    gathered.take(session);
    gathered.lints = project.as_ref().map(|p| p.lints.clone()).unwrap_or_default();
    project.filter(|_| !failed).ok_or(Refusal::Reported)
}

/// All sources of a project. Nothing below a directory that is written is one.
fn all_sources(
    project: &Project,
    mut outputs: Vec<PathBuf>,
    gathered: &mut Gathered,
) -> Result<(PathBuf, Vec<PathBuf>), Refusal> {
    outputs.extend(project.clusters.values().map(|c| project.root.join(&c.out.value)));
    let paths: Vec<PathBuf> = project.sources.iter().map(|s| project.root.join(&s.value)).collect();
    let found = find(&paths, &outputs, gathered)?;
    Ok((project.root.clone(), found.files))
}

/// The clusters that are asked for; all when none is.
fn clusters(project: &Project, names: &[String]) -> Result<Vec<(String, Cluster)>, Refusal> {
    if names.is_empty() {
        return Ok(project.clusters.clone().into_iter().collect());
    }
    let known: Vec<&str> = project.clusters.keys().map(String::as_str).collect();
    let find = |name: &String| match project.clusters.get(name) {
        Some(cluster) => Ok((name.clone(), cluster.clone())),
        None => {
            let near = suggestion(name, &known).map_or(String::new(), |s| format!("; {s}"));
            Err(Refusal::Misuse(format!("`rbgc.toml` has no cluster `{name}`{near}")))
        }
    };
    names.iter().map(find).collect()
}

/// What the cluster sets, then what the command line does: the last one of a name counts.
fn parameters(inputs: &Inputs, cluster: Option<&Cluster>) -> Vec<(String, String)> {
    let of_cluster = cluster.iter().flat_map(|c| &c.set).map(|(name, value)| (name.clone(), value.value.clone()));
    of_cluster.chain(inputs.set.iter().cloned()).collect()
}

fn target_of(cluster: Option<&(String, Cluster)>) -> Option<Target> {
    match cluster?.1.target.as_ref()?.value {
        TargetWord::Native => Some(Target::Native),
        TargetWord::Lws => Some(Target::Lws),
        TargetWord::Rbg => Some(Target::Rbg),
    }
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".into()),
    }
}

fn target(text: &str) -> Result<Target, String> {
    Target::parse(text).map_err(|NotATarget| format!("known targets: {}", Target::NAMES.join(", ")))
}
