//! How stages reach a cluster in order, and which file holds which object.

use crate::data::Data;
use crate::plan::Plan;
use crate::target::{Manifest, Stage};

pub mod argo;

#[cfg(test)]
mod tests;

/// How manifests are brought to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Argo CD: sync waves, and an Application for each set of groups that depend on each other.
    Argocd(argo::Options),
    /// Nothing but the objects, for other tools.
    Plain,
}

/// Why a word is no delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotADelivery {
    /// It is one by design, but not built yet.
    NotYet,
    /// It is none.
    Unknown,
}

impl Delivery {
    /// The words that [`Delivery::parse`] accepts.
    pub const NAMES: [&str; 2] = ["argocd", "plain"];

    /// The delivery of this name; `options` are used when it is `argocd`.
    ///
    /// # Errors
    /// Tells an unknown word from a delivery that is designed and not supported yet.
    pub fn parse(name: &str, options: argo::Options) -> Result<Delivery, NotADelivery> {
        match name {
            "argocd" => Ok(Delivery::Argocd(options)),
            "plain" => Ok(Delivery::Plain),
            "flux" => Err(NotADelivery::NotYet),
            _ => Err(NotADelivery::Unknown),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Delivery::Argocd(_) => "argocd",
            Delivery::Plain => "plain",
        }
    }
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
pub(crate) fn order(manifests: Vec<Manifest>, plan: &Plan<'_>, delivery: &Delivery) -> Tree {
    let order = Order::new(plan, delivery);
    let files = manifests.into_iter().map(|m| order.file(m));
    Tree { files: files.chain(order.extra()).collect() }
}

/// The order of a plan, to put objects into files one by one: a large compilation lowers, orders
/// and writes group by group, in parallel, and never holds all objects at once.
#[derive(Debug)]
pub struct Order<'p, 'm> {
    plan: &'p Plan<'m>,
    /// The head of the files of each group.
    headers: Vec<String>,
    argo: Option<argo::Argo<'p>>,
}

impl<'p, 'm> Order<'p, 'm> {
    /// Looks at the stages of all groups.
    pub fn new(plan: &'p Plan<'m>, delivery: &'p Delivery) -> Self {
        let headers = plan.groups.iter().map(|g| header(&g.source.source)).collect();
        let argo = match delivery {
            Delivery::Argocd(options) => Some(argo::Argo::new(plan, options)),
            Delivery::Plain => None,
        };
        Order { plan, headers, argo }
    }

    /// The file of an object, and its path.
    pub fn file(&self, mut manifest: Manifest) -> (String, File) {
        if let Some(argo) = &self.argo {
            argo.annotate(&mut manifest, self.plan);
        }
        (path(&manifest, self.plan), self.owned(manifest.group, manifest.body))
    }

    /// Which application delivers a group, and in which wave it brings the workloads of a stage and
    /// step. `None` where nothing is in order.
    pub fn wave(&self, group: usize, stage: u32, step: u32) -> Option<(usize, i64)> {
        self.argo.as_ref()?.wave(group, Stage::Run(stage, step))
    }

    /// The files that the delivery adds, with their paths.
    pub fn extra(&self) -> Vec<(String, File)> {
        let objects = self.argo.as_ref().map(|argo| argo.objects(self.plan)).unwrap_or_default();
        let file = |object: argo::Extra| {
            let path = format!("argocd/{}", file_name(object.kind, &object.name));
            (path, self.owned(object.owner, object.body))
        };
        objects.into_iter().map(file).collect()
    }

    fn owned(&self, owner: usize, body: Data) -> File {
        File { body, header: self.headers[owner].clone(), owner }
    }
}

/// The path of an object: `<group>/<role or base>/<kind>-<name>.yaml`.
fn path(manifest: &Manifest, plan: &Plan<'_>) -> String {
    let group = &plan.groups[manifest.group];
    let place = manifest.role.map_or("base", |role| group.roles[role].source.name.as_str());
    path_of(&group.source.name, place, manifest.kind, &manifest.name)
}

/// The path of an object of a group below `place`, which is a role or `base`.
pub fn path_of(group: &str, place: &str, kind: &str, name: &str) -> String {
    format!("{group}/{place}/{}", file_name(kind, name))
}

fn file_name(kind: &str, name: &str) -> String {
    format!("{}-{name}.yaml", kind.to_ascii_lowercase())
}

/// The comment at the head of a file, without its sign. Nothing in it changes without the source.
fn header(source: &str) -> String {
    // A line break of any YAML version would end the comment.
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    format!("Code generated by rbgc from {}. DO NOT EDIT.", source.replace(breaks, "?"))
}
