//! The project file `rbgc.toml`: it marks the project root and names sources, lints and clusters.
//!
//! Keys are strict, and every mistake (E0805) is shown at its place in the TOML.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diag::{Code, Diagnostic, Session, Severity};
use crate::naming::is_dns_label;
use crate::source::Span;
use crate::tree::{At, Entries, FromTree, Reader, Scalar, shown, unknown_word};

mod raw;
mod toml;

pub use raw::{DeliveryWord, Lint, TargetWord};
use raw::{RawCluster, RawProject};

/// The name of the file.
pub const FILE: &str = "rbgc.toml";

/// The API server that Argo CD itself runs on.
const SERVER: &str = "https://kubernetes.default.svc";

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory of the project file: no source path leaves it.
    pub root: PathBuf,
    /// The language edition; 2026 is the only one so far.
    pub edition: u32,
    /// Files or directories with sources, relative to the root, `/` separated.
    pub sources: Vec<At<String>>,
    /// What is done about a warning; those that are not listed are shown.
    pub lints: BTreeMap<Code, Lint>,
    /// The clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
}

/// A cluster that the project is compiled for. Paths are relative to the root, `/` separated.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where its name is declared.
    pub span: Span,
    /// Its inventory file.
    pub inventory: At<String>,
    /// What the manifests are made of; `None` leaves it to the command line.
    pub target: Option<At<TargetWord>>,
    /// How stages reach the cluster; `None` leaves it to the command line.
    pub delivery: Option<At<DeliveryWord>>,
    /// The directory that is written.
    pub out: At<String>,
    /// Whether groups have a `kustomization.yaml`; `None` leaves it to the command line.
    pub kustomization: Option<At<bool>>,
    /// The repository that Argo CD or Flux reads; always there when the delivery is Argo CD.
    pub repo: Option<At<String>>,
    /// Branch, tag or commit that it follows.
    pub revision: Option<At<String>>,
    /// The output directory as it sees it in the repository; without it `out`.
    pub path: Option<At<String>>,
    /// The AppProject of the Applications.
    pub argocd_project: Option<At<String>>,
    /// The namespace that Argo CD looks for Applications in.
    pub argocd_namespace: Option<At<String>>,
    /// An Application that brings all others.
    pub argocd_apps: Option<At<String>>,
    /// The source of Flux: `KIND/NAME`.
    pub flux_source: Option<At<String>>,
    /// The namespace of Flux.
    pub flux_namespace: Option<At<String>>,
    /// The API server that Argo CD delivers to; its own by default.
    pub server: String,
    /// Parameters, as `--set` would give them.
    pub set: BTreeMap<String, At<String>>,
}

/// Reads the project file at `path`, which is called `name` in messages. Every mistake is reported
/// at its place; `None` when there was any.
pub fn load(session: &mut Session<'_>, path: &Path, name: &str) -> Option<Project> {
    let file = session.read(path, name, None)?;
    let mut reader = Reader::new(Code::BadProject, session.sources.file(file));
    let root = path.parent().unwrap_or(Path::new(""));
    let project = read(root, &mut reader);
    let sound = reader.sound();
    for problem in reader.finish() {
        session.report(problem);
    }
    project.filter(|_| sound)
}

/// The JSON Schema of the project file, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RawProject).to_value()
}

fn read(root: &Path, reader: &mut Reader<'_>) -> Option<Project> {
    let tree = toml::parse(reader)?;
    let raw = RawProject::from_tree(tree, reader)?;
    let sources = raw.sources.unwrap_or_else(|| vec![At { value: ".".to_owned(), span: raw.span }]);
    Some(Project {
        root: root.to_owned(),
        edition: 2026,
        sources: sources.into_iter().filter_map(|source| below_root(source, reader)).collect(),
        lints: lints(raw.lints.unwrap_or_default(), reader),
        clusters: clusters(raw.cluster.unwrap_or_default(), reader),
    })
}

fn lints(entries: Entries<Lint>, reader: &mut Reader<'_>) -> BTreeMap<Code, Lint> {
    let mut lints = BTreeMap::new();
    for (name, lint) in entries.0 {
        match Code::parse(&name.value) {
            Some(code) if code.severity() == Severity::Warning => {
                if lints.insert(code, lint).is_some() {
                    reader.report(|problem| same_lint(problem, &name));
                }
            }
            Some(_) => reader.report(|problem| error_as_lint(problem, &name)),
            None => reader.report(|problem| unknown_lint(problem, &name)),
        }
    }
    lints
}

fn clusters(entries: Entries<RawCluster>, reader: &mut Reader<'_>) -> BTreeMap<String, Cluster> {
    let mut clusters: BTreeMap<String, Cluster> = BTreeMap::new();
    for (name, raw) in entries.0 {
        if !is_dns_label(&name.value) {
            reader.report(|code| bad_cluster_name(code, &name));
        }
        let cluster = cluster(&name, raw, reader);
        clusters.extend(cluster.map(|cluster| (name.value, cluster)));
    }
    report_overlaps(&clusters, reader);
    clusters
}

/// Reports outputs of which one is the other or lies in it.
fn report_overlaps(clusters: &BTreeMap<String, Cluster>, reader: &mut Reader<'_>) {
    let parts = |out: &At<String>| out.value.split('/').filter(|part| *part != ".").map(str::to_owned).collect();
    let mut outputs: Vec<(Vec<String>, &At<String>)> = clusters.values().map(|c| (parts(&c.out), &c.out)).collect();
    // What lies in a directory follows it in this order, with nothing else between.
    outputs.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.span.cmp(&b.1.span)));
    for pair in outputs.windows(2).filter(|pair| pair[1].0.starts_with(&pair[0].0)) {
        let (a, b) = (pair[0].1, pair[1].1);
        let (first, again) = if a.span < b.span { (a, b) } else { (b, a) };
        reader.report(|code| shared_output(code, first, again));
    }
}

fn cluster(name: &At<String>, raw: RawCluster, reader: &mut Reader<'_>) -> Option<Cluster> {
    let mut path = |path: Option<At<String>>| path.and_then(|path| below_root(path, reader));
    let (inventory, out, in_repo) = (path(raw.inventory), path(raw.out), path(raw.path));
    let argocd = raw.delivery.as_ref().filter(|delivery| delivery.value == DeliveryWord::Argocd);
    if let (Some(delivery), None) = (argocd, &raw.repo) {
        reader.report(|code| missing_repo(code, name, delivery.span));
    }
    for text in [&raw.repo, &raw.revision, &raw.server].into_iter().flatten() {
        if text.value.is_empty() || text.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
            reader.report(|code| blank_text(code, text));
        }
    }
    for text in
        [&raw.argocd_project, &raw.argocd_namespace, &raw.argocd_apps, &raw.flux_namespace].into_iter().flatten()
    {
        if !is_dns_label(&text.value) {
            reader.report(|code| bad_object_name(code, text));
        }
    }
    let set = raw.set.unwrap_or_default().0.into_iter().map(|(key, value)| (key.value, parameter(value)));
    Some(Cluster {
        span: name.span,
        inventory: inventory?,
        target: raw.target,
        delivery: raw.delivery,
        out: out?,
        kustomization: raw.kustomization,
        repo: raw.repo,
        revision: raw.revision,
        path: in_repo,
        argocd_project: raw.argocd_project,
        argocd_namespace: raw.argocd_namespace,
        argocd_apps: raw.argocd_apps,
        flux_source: raw.flux_source,
        flux_namespace: raw.flux_namespace,
        server: raw.server.map_or_else(|| SERVER.to_owned(), |server| server.value),
        set: set.collect(),
    })
}

fn parameter(value: At<Scalar>) -> At<String> {
    At { value: value.value.text, span: value.span }
}

/// A relative path without `.` and `..`, when it stays below the root.
fn below_root(path: At<String>, reader: &mut Reader<'_>) -> Option<At<String>> {
    let text = path.value.as_str();
    let odd = text.is_empty() || text.contains('\\') || text.contains(char::is_control);
    // A colon in the second place is a Windows drive.
    let absolute = text.starts_with(['/', '~']) || text.as_bytes().get(1) == Some(&b':');
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        let leaves = part == ".." && parts.pop().is_none();
        if odd || absolute || leaves {
            reader.report(|code| bad_path(code, &path, odd));
            return None;
        }
        if part != ".." {
            parts.push(part);
        }
    }
    if odd || absolute {
        reader.report(|code| bad_path(code, &path, odd));
        return None;
    }
    let value = if parts.is_empty() { ".".to_owned() } else { parts.join("/") };
    Some(At { value, span: path.span })
}

fn bad_path(code: Code, path: &At<String>, odd: bool) -> Diagnostic {
    let message = if odd { "is not a path with `/` between its parts" } else { "leaves the project root" };
    Diagnostic::new(code, path.span, format!("{} {message}", shown(&path.value)))
        .help("write a path relative to the directory of `rbgc.toml`")
}

fn unknown_lint(code: Code, name: &At<String>) -> Diagnostic {
    let known: Vec<&str> = Code::ALL.iter().map(|c| c.text()).filter(|text| text.starts_with('W')).collect();
    unknown_word(code, "lint", name, &known)
}

fn error_as_lint(code: Code, name: &At<String>) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("{} is an error, and errors cannot be allowed", shown(&name.value)))
        .help("only warnings (`W0…`) are listed under `[lints]`")
}

fn same_lint(code: Code, name: &At<String>) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("the lint {} is set twice", shown(&name.value)))
}

fn bad_cluster_name(code: Code, name: &At<String>) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("{} is not a DNS label", shown(&name.value)))
        .help("name clusters by `a-z`, `0-9` and `-`, at most 63 of them")
}

fn shared_output(code: Code, first: &At<String>, again: &At<String>) -> Diagnostic {
    let message = format!("the outputs {} and {} of two clusters overlap", shown(&first.value), shown(&again.value));
    Diagnostic::new(code, again.span, message)
        .label(first.span, "the other output")
        .help("give each cluster a directory of its own")
}

fn missing_repo(code: Code, name: &At<String>, delivery: Span) -> Diagnostic {
    Diagnostic::new(
        code,
        name.span,
        format!("the cluster {} is delivered by Argo CD and has no `repo`", shown(&name.value)),
    )
    .label(delivery, "this needs it")
    .help("add `repo = \"https://…\"`, the repository that Argo CD reads")
}

fn blank_text(code: Code, text: &At<String>) -> Diagnostic {
    Diagnostic::new(code, text.span, format!("{} is empty or holds white space", shown(&text.value)))
}

fn bad_object_name(code: Code, text: &At<String>) -> Diagnostic {
    Diagnostic::new(code, text.span, format!("{} is not a DNS label", shown(&text.value)))
        .help("use `a-z`, `0-9` and `-`, at most 63 of them")
}

#[cfg(test)]
mod tests;
