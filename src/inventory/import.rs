//! Inventories from what other tools print about a cluster.
//!
//! Each format is read into one set of facts by a file of its own. Then names are matched, levels are
//! ordered by how their values nest, nodes that are alike become pools, and the result is written as
//! the YAML that [`super::load`] reads. What is missing or contradicts is reported at its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic, MAX_FILE_BYTES, Session};
use crate::source::Span;
use crate::tree::Reader;

mod alias;
mod before;
mod fold;
mod found;
mod kubernetes;
mod kueue;
mod levels;
mod merge;
mod names;
mod nvidia_smi;
mod pod;
mod pools;
mod problems;
mod shared;
mod slurm;
mod switches;
mod table;
mod topograph;
mod write;

#[cfg(test)]
mod tests;

use before::Before;
use found::Found;

/// The most nodes that a hostlist may name.
const MAX_NODES: u64 = 1_000_000;
/// The largest file that is read, in bytes: a million nodes take about a gigabyte.
pub const MAX_BYTES: u64 = 3 << 30;
/// So many problems between files are told.
const MAX_PROBLEMS: usize = 100;

/// A format of facts about machines.
trait Format: Sync {
    /// The word for it on the command line.
    fn name(&self) -> &'static str;
    /// Whether a text is clearly of this format.
    fn recognises(&self, text: &str) -> bool;
    /// Reads a file, reporting every mistake.
    fn read(&self, reader: &mut Reader<'_>, found: &mut Found);
}

macro_rules! formats {
    ($($(#[$about:meta])* $format:ident $name:literal, $recognises:expr, $read:path;)*) => {
        $(
            $(#[$about])*
            struct $format;

            impl Format for $format {
                fn name(&self) -> &'static str {
                    $name
                }
                fn recognises(&self, text: &str) -> bool {
                    let recognises: fn(&str) -> bool = $recognises;
                    recognises(text)
                }
                fn read(&self, reader: &mut Reader<'_>, found: &mut Found) {
                    $read(reader, found);
                }
            }
        )*

        /// All formats.
        const FORMATS: &[&dyn Format] = &[$(&$format),*];
    };
}

formats! {
    /// Objects that `kubectl` prints.
    Kubectl "kubectl", is_objects, kubernetes::read;
    /// NVIDIA topograph.
    Topograph "topograph", |text| has_key(text, &["instances", "blocks"]), topograph::read;
    /// Slurm.
    Slurm "slurm", |text| slurm::is_conf(text) || has_key(text, &["- topology"]), slurm::read;
    /// NVIDIA's tool.
    NvidiaSmi "nvidia-smi", nvidia_smi::is_matrix, nvidia_smi::read;
    /// Kueue's Topology is an object like others.
    Kueue "kueue", |_| false, kubernetes::read;
    /// Tables.
    Csv "csv", table::is_table, table::read;
}

/// The words for the formats on the command line.
pub fn formats() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}

/// So much of a text is looked at to recognise its format, in bytes.
const HEAD: usize = 64 << 10;

/// Whether a text begins like objects of Kubernetes.
fn is_objects(text: &str) -> bool {
    has_key(text, &["apiVersion", "kind"]) || (has_key(text, &["items"]) && text.contains("metadata"))
}

/// Whether one of these keys stands at the beginning of a line, in YAML or in JSON.
fn has_key(text: &str, keys: &[&str]) -> bool {
    let json = text.trim_start().starts_with('{');
    keys.iter().any(|key| {
        if json {
            return text.contains(&format!("\"{key}\""));
        }
        text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
    })
}

/// The format that a text clearly has.
fn recognised(text: &str) -> Option<&'static dyn Format> {
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    FORMATS.iter().copied().find(|format| format.recognises(&text[..end]))
}

/// A file to import.
#[derive(Debug, Clone)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// Its text, when it has been read already.
    pub text: Option<String>,
    /// The pool or hostlist that a matrix of links in it is about.
    pub of: Option<String>,
}

/// What to import, and what no file tells.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The files, in any order.
    pub files: Vec<Input>,
    /// The format of all of them; without it each is recognised.
    pub format: Option<&'static str>,
    /// What the inventory is called in messages.
    pub output: String,
    /// Name of the cluster; without it that of the inventory that stands, then that of the output.
    pub name: Option<String>,
    /// The text of the inventory that stands: what the files do not tell is kept of it.
    pub before: Option<String>,
    /// Kubernetes version, as major and minor; without it the oldest of the kubelets.
    pub kubernetes: Option<(u32, u32)>,
    /// Exactly these levels, widest first: name and label. Without any those that are found.
    pub levels: Vec<(String, String)>,
}

/// An inventory that was made.
#[derive(Debug)]
pub struct Made {
    /// Its text.
    pub text: String,
    /// What was kept of the inventory that stood, in words: facts that files do not tell.
    pub kept: Vec<String>,
}

/// Reads the files and makes the text of an inventory. `None` when there is none to make; problems
/// are reported either way.
pub fn import(session: &mut Session<'_>, request: &Request) -> Option<Made> {
    let made = made(session, request)?;
    readable(session, &request.output, &made.text).then_some(made)
}

/// The text, of which it is not known yet that it can be read.
fn made(session: &mut Session<'_>, request: &Request) -> Option<Made> {
    let before = match &request.before {
        Some(text) => Some(Before::read(session, &request.output, text)?),
        None => None,
    };
    let before = before.as_ref();
    let asked = match before {
        Some(before) if request.levels.is_empty() => before.levels(),
        _ => request.levels.clone(),
    };
    let mut found = Found { asked: asked.clone(), ..Found::default() };
    for input in &request.files {
        read(session, input, request.format, &mut found);
    }
    let machines = merge::machines(&mut found);
    let version = request.kubernetes.or_else(|| machines.values().filter_map(|machine| machine.kubelet).min());
    let version = version.or_else(|| before.map(|before| before.inventory.kubernetes));
    if machines.is_empty() && !session.failed() {
        found.problems.push(nothing());
    } else if version.is_none() && !session.failed() {
        found.problems.push(no_version());
    }
    let levels = levels::levels(&machines, &mut found, &asked);
    merge::check(&machines, &levels, &mut found);
    let names = names::names(&machines, before, &mut found.problems);
    let problems = std::mem::take(&mut found.problems);
    problems.into_iter().take(MAX_PROBLEMS).for_each(|problem| session.report(problem));
    session.gate()?;
    let fleet = pools::fleet(&machines, &levels, &names, before);
    let capabilities = match before {
        Some(before) if found.capabilities.is_empty() => &before.inventory.capabilities,
        _ => &found.capabilities,
    };
    let old = before.map(|before| before.inventory.name.clone());
    let named = || cluster_name(Path::new(&request.output)).unwrap_or_else(|| "cluster".to_owned());
    let name = request.name.clone().or(old).unwrap_or_else(named);
    let head = write::Head { name: &name, kubernetes: version?, capabilities, before };
    let links = write::found_links(write::node_level(before), &levels, &names, &fleet);
    let kept = before.map_or_else(Vec::new, |before| before.kept(&found.capabilities, &links, &fleet));
    Some(Made { text: write::inventory(&head, &levels, &names, &fleet), kept })
}

/// Whether the compiler reads what was made: nothing is written that would be refused later.
fn readable(session: &mut Session<'_>, name: &str, text: &str) -> bool {
    if text.len() as u64 > MAX_FILE_BYTES {
        session.report(too_large(name));
        return false;
    }
    let file = session.sources.add(name, text);
    file.is_some_and(|file| super::parse(session, file).is_some())
}

fn read(session: &mut Session<'_>, input: &Input, format: Option<&'static str>, found: &mut Found) {
    let name = input.path.display().to_string().replace('\\', "/");
    let file = match &input.text {
        Some(text) => session.sources.add(name.as_str(), text.as_str()),
        None => session.read_up_to(&input.path, &name, None, MAX_BYTES),
    };
    let Some(file) = file else { return };
    let mut reader = Reader::new(Code::BadImport, session.sources.file(file));
    let named = format.and_then(|format| FORMATS.iter().copied().find(|known| known.name() == format));
    match named.or_else(|| recognised(&reader.file.text)) {
        Some(format) => {
            found.matrix_of = input.of.clone();
            format.read(&mut reader, found);
        }
        None => {
            let start = Span::new(reader.file.start, reader.file.start);
            reader.report(|_| problems::unknown_format(&name, start, &formats()));
        }
    }
    for problem in reader.finish() {
        session.report(problem);
    }
}

/// The name of a cluster after the file that is written, when it may be one.
pub fn cluster_name(output: &Path) -> Option<String> {
    let stem = output.file_stem()?.to_str()?.to_lowercase();
    crate::naming::is_dns_label(&stem).then_some(stem)
}

fn nothing() -> Diagnostic {
    Diagnostic::nowhere(Code::BadImport, "no file tells of a node")
        .help("begin with `kubectl get nodes -o json > nodes.json`")
}

fn too_large(name: &str) -> Diagnostic {
    let message = format!("the inventory `{name}` would be larger than {} MiB", MAX_FILE_BYTES >> 20);
    Diagnostic::nowhere(Code::FileTooLarge, message)
        .help("leave the pods out, so that nodes that are alike become pools; or import a part of the cluster")
}

fn no_version() -> Diagnostic {
    Diagnostic::nowhere(Code::BadImport, "no file tells the version of Kubernetes").help("say it: `--kubernetes 1.33`")
}

/// Whether a text was made by an import, and so may be replaced by another one.
pub fn is_made(text: &str) -> bool {
    text.starts_with(write::MARK)
}

/// Machines by name.
type Machines = BTreeMap<String, found::Machine>;
