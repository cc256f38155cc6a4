//! `rbgc inventory import`: an inventory from what other tools print.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::super::disk::{self, Disk};
use super::super::report::{self, Gathered};
use super::super::{Exit, Terminal};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{
    self,
    import::{self, Input, Request},
};
use crate::naming::{is_dns_label, is_qualified_name};

/// Make an inventory from what other tools print
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kubectl get nodes -o json > nodes.json
  kubectl get pods -A -o json > pods.json
  rbgc inventory import nodes.json pods.json -o prod-east.yaml
                               machines, and what others use of them
  rbgc inventory import nodes.json topology.conf --gpu-links h200=topo.txt -o prod-east.yaml
                               with the switches of Slurm and a matrix of nvidia-smi
  rbgc inventory import machines.csv --kubernetes 1.33 -o lab.yaml
                               from a table: node,rack,gpus,free
  rbgc inventory import nodes.json --level zone=topology.kubernetes.io/zone \\
      --level rack=example.com/rack -o -
                               with exactly these levels, to standard output
  rbgc inventory import nodes.json -o prod-east.yaml
                               every night: what was added to the file by hand is kept

Reads objects of kubectl (nodes, pods, Kueue topologies, custom resource definitions), topograph,
Slurm, `nvidia-smi topo -m` and tables. Several files are put together.")]
pub(in super::super) struct Arguments {
    /// Files to read; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "gpu_links")]
    files: Vec<PathBuf>,
    /// The format of all files; without it each is recognised
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(import::formats()))]
    from: Option<String>,
    /// The file to write, or `-` for standard output. One that an import has made is replaced
    #[arg(short, long, value_name = "FILE|-")]
    output: PathBuf,
    /// Replace a file that was not made by an import
    #[arg(long)]
    force: bool,
    /// Begin anew: keep nothing that was added to the file by hand
    #[arg(long)]
    fresh: bool,
    /// Name of the cluster; by default that of the file that is written
    #[arg(long, value_name = "NAME", value_parser = cluster)]
    name: Option<String>,
    /// Version of Kubernetes; by default that of the oldest kubelet
    #[arg(long, value_name = "VERSION", value_parser = version)]
    kubernetes: Option<(u32, u32)>,
    /// A level and its node label, widest first; may be repeated, and then only these count
    #[arg(long = "level", value_name = "NAME=LABEL", value_parser = level)]
    levels: Vec<(String, String)>,
    /// A matrix of `nvidia-smi topo -m` for the nodes of a pool or hostlist; may be repeated
    #[arg(long, value_name = "NODES=FILE", value_parser = pair)]
    gpu_links: Vec<(String, String)>,
    #[command(flatten)]
    report: report::Arguments,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let stream = arguments.output == Path::new("-");
    if stream && arguments.report.format.is_result() {
        return terminal.misuse("`-o -` and `--format json` or `sarif` would both write to standard output");
    }
    let mut gathered = Gathered::default();
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let made = request(arguments, stream, &mut session)
        .and_then(|request| terminal.busy("importing", || import::import(&mut session, &request)));
    gathered.take(session);
    let Some(made) = made.filter(|_| !gathered.failed(&arguments.report)) else {
        return gathered.show(&arguments.report, terminal, Exit::Problems);
    };
    if stream {
        let exit = gathered.show(&arguments.report, terminal, Exit::Fine);
        return terminal.result(&made.text, exit);
    }
    let written = write(&arguments.output, &made.text, arguments.force);
    let note = match written {
        Ok(changed) => {
            let state = if changed { "written" } else { "unchanged" };
            format!("{}  {state}\n{}", arguments.output.display(), kept(&made.kept))
        }
        Err(problem) => {
            gathered.report(*problem);
            String::new()
        }
    };
    let exit = gathered.show(&arguments.report, terminal, Exit::Fine);
    terminal.note(&note);
    exit
}

/// The request that the arguments mean; `None` when standard input cannot be read.
fn request(arguments: &Arguments, stream: bool, session: &mut Session<'_>) -> Option<Request> {
    let mut files = Vec::new();
    for path in &arguments.files {
        let (path, text) = if path == Path::new("-") {
            match disk::stdin(import::MAX_BYTES) {
                Ok(text) => (PathBuf::from(disk::STDIN), Some(text)),
                Err(problem) => {
                    session.report(problem);
                    return None;
                }
            }
        } else {
            (path.clone(), None)
        };
        files.push(Input { path, text, of: None });
    }
    let matrix = |(of, file): &(String, String)| Input { path: file.into(), text: None, of: Some(of.clone()) };
    files.extend(arguments.gpu_links.iter().map(matrix));
    Some(Request {
        files,
        // The words are those of the formats.
        format: import::formats().into_iter().find(|format| arguments.from.as_deref() == Some(format)),
        output: if stream { "<stdout>".into() } else { arguments.output.display().to_string() },
        name: arguments.name.clone(),
        before: if stream { None } else { before(arguments) },
        kubernetes: arguments.kubernetes,
        levels: arguments.levels.clone(),
    })
}

/// The inventory that stands and is to be kept in part; of a file of others only when it is one.
fn before(arguments: &Arguments) -> Option<String> {
    let text = std::fs::read_to_string(&arguments.output).ok().filter(|_| !arguments.fresh)?;
    if import::is_made(&text) {
        return Some(text);
    }
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let file = session.sources.add("", text.as_str())?;
    inventory::parse(&mut session, file).filter(|_| arguments.force).map(|_| text)
}

/// So much of what was kept is told.
const KEPT: usize = 8;

/// What was kept of the file that stood.
fn kept(facts: &[String]) -> String {
    let told = facts.iter().take(KEPT).map(String::as_str).collect::<Vec<_>>().join(", ");
    match facts.len().saturating_sub(KEPT) {
        0 if facts.is_empty() => String::new(),
        0 => format!("  kept: {told}\n"),
        more => format!("  kept: {told} and {more} more\n"),
    }
}

/// Writes the inventory unless it is there already. Returns whether anything changed.
fn write(path: &Path, text: &str, force: bool) -> Result<bool, Box<Diagnostic>> {
    match std::fs::read_to_string(path) {
        Ok(old) if old == text => return Ok(false),
        Ok(old) if !force && !import::is_made(&old) => return Err(Box::new(foreign(path))),
        // What cannot be read as text is certainly not ours.
        Err(e) if !force && e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Box::new(disk::unwritable(&path.display().to_string(), &e)));
        }
        Ok(_) | Err(_) => {}
    }
    let name = path.display().to_string();
    disk::replace(path, text).map(|()| true).map_err(|e| Box::new(disk::unwritable(&name, &e)))
}

fn foreign(path: &Path) -> Diagnostic {
    Diagnostic::nowhere(Code::ForeignFile, format!("`{}` was not made by an import", path.display()))
        .help("write another file and compare them by `rbgc inventory diff`, or replace it by `--force`")
}

fn cluster(text: &str) -> Result<String, String> {
    if is_dns_label(text) { Ok(text.to_owned()) } else { Err("write a DNS label, such as `prod-east`".into()) }
}

fn version(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed.ok_or_else(|| "write major and minor, such as `1.33`".into())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok((left.to_owned(), right.to_owned())),
        _ => Err("write two words with `=` between them".into()),
    }
}

fn level(text: &str) -> Result<(String, String), String> {
    let (name, label) = pair(text)?;
    if is_dns_label(&name) && is_qualified_name(&label) {
        Ok((name, label))
    } else {
        Err("write a name and the key of a label, such as `rack=example.com/rack`".into())
    }
}
