//! How stages reach a cluster in order, and which file holds which object.

use crate::check::Part;
use crate::data::Data;
use crate::diag::Diagnostic;
use crate::lock::Lock;
use crate::naming;
use crate::plan::{Plan, Unit};
use crate::target::{self, Manifest};

pub mod argo;
pub mod flux;
pub mod health;
pub mod moment;
mod seen;

#[cfg(test)]
mod tests;

pub use moment::Moment;
pub use seen::Seen;

/// A tool that manifests are delivered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Argo CD.
    Argocd,
    /// Flux.
    Flux,
    /// Any other.
    Plain,
}

impl Tool {
    /// The words that [`Tool::parse`] accepts.
    pub const NAMES: [&str; 3] = ["argocd", "flux", "plain"];

    /// The tool of this name.
    pub fn parse(name: &str) -> Option<Tool> {
        match name {
            "argocd" => Some(Tool::Argocd),
            "flux" => Some(Tool::Flux),
            "plain" => Some(Tool::Plain),
            _ => None,
        }
    }
}

/// How manifests are brought to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Argo CD: sync waves, and an Application for each set of groups that depend on each other.
    Argocd(argo::Options),
    /// Flux: a Kustomization for each role, with its dependencies.
    Flux(flux::Options),
    /// Nothing but the objects, for other tools.
    Plain,
}

impl Delivery {
    /// Whether what is no longer made is removed before what takes its place is ready.
    pub fn removes_first(&self) -> bool {
        match self {
            Delivery::Flux(_) => true,
            Delivery::Argocd(_) | Delivery::Plain => false,
        }
    }

    /// The directories that kustomize is told the files of: with `kustomization` all, else those
    /// that the tool reads as such.
    pub fn lists(&self, kustomization: bool) -> Lists {
        match (self, kustomization) {
            (_, true) => Lists::All,
            (Delivery::Flux(_), false) => Lists::Directories,
            (Delivery::Argocd(_) | Delivery::Plain, false) => Lists::None,
        }
    }
}

/// Which directories have a `kustomization.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// None.
    None,
    /// Those with objects in them.
    Directories,
    /// Those, and the directory of each group.
    All,
}

/// A file: one object.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// The object.
    pub body: Data,
    /// The comment at its head: one line, without its end.
    pub header: String,
    /// The group whose lock names the file: an index in [`Plan::groups`].
    pub owner: usize,
}

/// All files of a plan at once.
#[cfg(test)]
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    /// By path below the output directory, with `/` on every system.
    pub files: std::collections::BTreeMap<String, File>,
}

/// Puts every object into its file and adds what the delivery needs.
#[cfg(test)]
pub(crate) fn order(manifests: Vec<Manifest>, plan: &Plan<'_>, delivery: &Delivery, kustomization: bool) -> Tree {
    let order = Order::new(plan, delivery, kustomization);
    let (mut files, mut seen) = (Vec::new(), Vec::new());
    for group in 0..plan.groups.len() {
        let documents = order.documents(group, manifests.iter().filter(|m| m.group == group).cloned().collect());
        files.extend(documents.files);
        seen.push(documents.seen);
    }
    Tree { files: files.into_iter().chain(order.extra(&seen)).collect() }
}

/// The files of a group, and what is remembered of its objects.
#[derive(Debug, Default)]
pub struct Documents {
    /// Files by path.
    pub files: Vec<(String, File)>,
    /// What the objects are.
    pub seen: Seen,
}

/// The order of a plan, to put objects into files group by group: a large compilation lowers, orders
/// and writes in parallel, and never holds all objects at once.
#[derive(Debug)]
pub struct Order<'p, 'm> {
    plan: &'p Plan<'m>,
    /// The head of the files of each group.
    headers: Vec<String>,
    engine: Engine<'p>,
}

/// What brings objects in order.
#[derive(Debug)]
enum Engine<'p> {
    Argo(argo::Argo<'p>),
    Flux(flux::Flux<'p>),
    None,
}

impl<'p, 'm> Order<'p, 'm> {
    /// Looks at the dependencies of all groups. `kustomization`: each group has a list of its
    /// objects for kustomize.
    pub fn new(plan: &'p Plan<'m>, delivery: &'p Delivery, kustomization: bool) -> Self {
        let headers = plan.groups.iter().map(|g| header(&g.source.source)).collect();
        let engine = match delivery {
            Delivery::Argocd(options) => Engine::Argo(argo::Argo::new(plan, options, kustomization)),
            Delivery::Flux(options) => Engine::Flux(flux::Flux::new(plan, options)),
            Delivery::Plain => Engine::None,
        };
        Order { plan, headers, engine }
    }

    /// The files of a group, made from its objects.
    pub fn documents(&self, group: usize, mut manifests: Vec<Manifest>) -> Documents {
        let seen = Seen::of(&manifests);
        let mut files = Vec::new();
        match &self.engine {
            Engine::Argo(argo) => manifests.iter_mut().for_each(|manifest| argo.annotate(manifest, self.plan)),
            Engine::Flux(flux) => {
                let objects = flux.kustomizations(self.plan, group, &manifests);
                files.extend(objects.into_iter().map(|object| self.extra_file(object)));
            }
            Engine::None => {}
        }
        files.extend(manifests.into_iter().map(|manifest| {
            let path = format!("{}/{}", self.directory(&manifest), file_name(manifest.kind, &manifest.name));
            (path, self.owned(manifest.group, manifest.body))
        }));
        Documents { files, seen }
    }

    /// The directory of an object: `<group>/base` or `<group>/<role>`, and below it where its
    /// instance or component is brought alone.
    fn directory(&self, manifest: &Manifest) -> String {
        let group = self.plan.groups[manifest.group].source;
        let Some(role) = manifest.role else { return format!("{}/{}", group.stem, naming::BASE) };
        match &self.engine {
            Engine::Flux(flux) => flux.directory(self.plan, flux.batch_of(self.plan, manifest)),
            Engine::Argo(_) | Engine::None => format!("{}/{}", group.stem, group.roles[role].name),
        }
    }

    /// The files of the workloads of a unit of a role.
    pub fn workloads(&self, group: usize, role: usize, unit: &Unit<'_>) -> Vec<String> {
        let parts = self.plan.groups[group].roles[role].parts.iter().enumerate();
        parts.map(|(part, p)| self.workload((group, role), unit, (part, p.source))).collect()
    }

    fn workload(&self, (group, role): (usize, usize), unit: &Unit<'_>, (part, source): (usize, &Part)) -> String {
        let owner = self.plan.groups[group].source;
        let (place, kind, name) = target::workload(self.plan.target, owner, &owner.roles[role], unit.instance, source);
        let directory = match &self.engine {
            Engine::Flux(flux) => {
                flux.directory(self.plan, flux.workload(self.plan, (group, role), unit.instance, part))
            }
            Engine::Argo(_) | Engine::None => format!("{}/{}", owner.stem, place.unwrap_or(naming::BASE)),
        };
        format!("{directory}/{}", file_name(kind, &name))
    }

    /// The files that the delivery adds for all groups, of which this was seen, with their paths.
    pub fn extra(&self, seen: &[Seen]) -> Vec<(String, File)> {
        let objects = match &self.engine {
            Engine::Argo(argo) => argo.objects(self.plan, seen),
            Engine::Flux(flux) => flux.source(self.plan).into_iter().collect(),
            Engine::None => Vec::new(),
        };
        objects.into_iter().map(|object| self.extra_file(object)).collect()
    }

    /// What is to be known about the order before it is trusted.
    pub fn warnings(&self, seen: &[Seen]) -> Vec<Diagnostic> {
        match &self.engine {
            Engine::Argo(argo) => argo.warnings(self.plan, seen),
            Engine::Flux(_) | Engine::None => Vec::new(),
        }
    }

    /// When the workload of a part of an instance, or of all instances, is brought.
    pub fn moment(&self, group: usize, role: usize, instance: Option<u32>, part: usize) -> Moment {
        match &self.engine {
            Engine::Argo(argo) => argo.moment(self.plan, (group, role), instance, part),
            Engine::Flux(flux) => Moment::Batch(flux.workload(self.plan, (group, role), instance, part)),
            Engine::None => Moment::Alone(0),
        }
    }

    /// When an instance is removed that its group no longer has: of this role, or of one that is
    /// gone too.
    pub fn removal(&self, group: usize, role: Option<usize>) -> Moment {
        match &self.engine {
            Engine::Argo(argo) => argo.removal(group),
            Engine::Flux(flux) => flux.removal(self.plan, group, role),
            Engine::None => Moment::Alone(0),
        }
    }

    /// When the instances of a group are removed that goes as a whole, the `number`th of those.
    pub fn removal_of_group(&self, number: usize, name: &str, lock: &Lock) -> Moment {
        match &self.engine {
            Engine::Argo(_) if !lock.files.contains_key(&argo::own_application(name)) => Moment::End,
            Engine::Argo(_) | Engine::Flux(_) | Engine::None => Moment::Alone(number + 1),
        }
    }

    /// For each of these moments those among them that must be over before it, without those that
    /// follow from others. They are sorted.
    pub fn before(&self, moments: &[Moment]) -> Vec<Vec<usize>> {
        match &self.engine {
            Engine::Flux(flux) => moment::before(moments, |batch| flux.before(batch)),
            Engine::Argo(_) | Engine::None => moment::before(moments, |_| &[]),
        }
    }

    fn extra_file(&self, object: Extra) -> (String, File) {
        let path = format!("{}/{}", object.directory, file_name(object.kind, &object.name));
        let header = object.header.unwrap_or_else(|| self.headers[object.owner].clone());
        (path, File { body: object.body, header, owner: object.owner })
    }

    fn owned(&self, owner: usize, body: Data) -> File {
        File { body, header: self.headers[owner].clone(), owner }
    }
}

/// An object that belongs to the delivery tool itself.
#[derive(Debug)]
struct Extra {
    /// The directory of its file.
    directory: String,
    kind: &'static str,
    name: String,
    /// The group whose lock names its file.
    owner: usize,
    /// The head of its file; `None` is that of its group. Files that several groups may answer for
    /// must not name one of them.
    header: Option<String>,
    body: Data,
}

/// The path of an object of a group below `place`, which is a role or `base`.
pub fn path_of(group: &str, place: &str, kind: &str, name: &str) -> String {
    format!("{group}/{place}/{}", file_name(kind, name))
}

fn file_name(kind: &str, name: &str) -> String {
    format!("{}-{name}.yaml", kind.to_ascii_lowercase())
}

/// A path below the root of a repository; `.` is the root itself.
fn join(root: &str, name: &str) -> String {
    let root = root.trim_end_matches('/');
    if matches!(root, "" | ".") { name.to_string() } else { format!("{root}/{name}") }
}

/// The head of files that belong to no single source.
pub const GENERATED: &str = "Code generated by rbgc. DO NOT EDIT.";

/// The comment at the head of a file, without its sign. Nothing in it changes without the source.
fn header(source: &str) -> String {
    // A line break of any YAML version would end the comment.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    format!("Code generated by rbgc from {}. DO NOT EDIT.", source.replace(breaks, "?"))
}
