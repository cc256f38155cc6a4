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
mod slurm;
mod switches;
mod table;
mod topograph;
mod write;

#[cfg(test)]
mod tests;

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
    /// Name of the cluster.
    pub name: String,
    /// Kubernetes version, as major and minor; without it the oldest of the kubelets.
    pub kubernetes: Option<(u32, u32)>,
    /// Exactly these levels, widest first: name and label. Without any those that are found.
    pub levels: Vec<(String, String)>,
}

/// Reads the files and makes the text of an inventory. `None` when there is none to make; problems
/// are reported either way.
pub fn import(session: &mut Session<'_>, request: &Request) -> Option<String> {
    let text = made(session, request)?;
    readable(session, &request.output, &text).then_some(text)
}

/// The text, of which it is not known yet that it can be read.
fn made(session: &mut Session<'_>, request: &Request) -> Option<String> {
    let mut found = Found { asked: request.levels.clone(), ..Found::default() };
    for input in &request.files {
        read(session, input, request.format, &mut found);
    }
    let machines = merge::machines(&mut found);
    let version = request.kubernetes.or_else(|| machines.values().filter_map(|machine| machine.kubelet).min());
    if machines.is_empty() && !session.failed() {
        found.problems.push(nothing());
    } else if version.is_none() && !session.failed() {
        found.problems.push(no_version());
    }
    let levels = levels::levels(&machines, &mut found, &request.levels);
    merge::check(&machines, &levels, &mut found);
    let names = names::names(&machines, &mut found.problems);
    let problems = std::mem::take(&mut found.problems);
    problems.into_iter().take(MAX_PROBLEMS).for_each(|problem| session.report(problem));
    session.gate()?;
    let fleet = pools::fleet(&machines, &levels, &names);
    let head = write::Head { name: &request.name, kubernetes: version?, capabilities: &found.capabilities };
    Some(write::inventory(&head, &levels, &names, &fleet))
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
