//! Flux: each batch is a Kustomization that waits for exactly those that it depends on.
//!
//! A Kustomization is applied when those it depends on are ready at the same revision of the source,
//! removes what it no longer has as soon as it is applied, and is ready when all its objects are.
//! The Kustomizations of a group are brought by a parent, which removes those that are no longer
//! made, and with them their objects. All of them come after it, or one could be applied at a new
//! revision with the dependencies of the old. Names and contents of Kustomizations never follow from the
//! order: an object that moves from one to another could be deleted by the first.
//!
//! Sources: kustomize-controller `internal/controller/kustomization_controller.go`, fluxcd/pkg `ssa`.

use std::collections::{BTreeMap, BTreeSet};

use super::seen::Seen;
use super::{Extra, GENERATED, Moment, join};
use crate::check::{PartKind, Role, RoleId};
use crate::data::Map;
use crate::fit::names::kustomization;
use crate::graph::batches::{Batch, Batches, Turns};
use crate::naming;
use crate::plan::{self, Plan};
use crate::quantity::go_duration;
use crate::target::{self, Manifest, Stage, native};

/// Where Flux finds the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The source that Kustomizations refer to.
    pub source: Source,
    /// The output directory in the source; `.` is its root.
    pub path: String,
    /// The namespace of the source and of all Kustomizations.
    pub namespace: String,
}

impl Default for Options {
    /// The source and namespace that `flux bootstrap` makes.
    fn default() -> Self {
        let source = Source { kind: SourceKind::GitRepository, name: "flux-system".into(), made: None };
        Options { source, path: ".".into(), namespace: "flux-system".into() }
    }
}

/// A source of Flux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its kind.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// Where it reads, when it is to be made; `None` when it exists.
    pub made: Option<Remote>,
}

/// What a source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The URL of the repository.
    pub url: String,
    /// A branch, a full reference (`refs/…`) or a commit of a GitRepository, by default the branch
    /// `main`; a tag or digest of an OCIRepository, by default `latest`.
    pub revision: Option<String>,
}

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A Git repository.
    GitRepository,
    /// An artifact in a container registry.
    OciRepository,
}

impl SourceKind {
    /// The kind of the object.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::GitRepository => "GitRepository",
            SourceKind::OciRepository => "OCIRepository",
        }
    }
}

impl Source {
    /// A source from what users say: `KIND/NAME`, and the URL of its repository when it is to be
    /// made. Without a name one that is made is called `rbgc`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn new(named: Option<&str>, url: Option<&str>, revision: Option<&str>) -> Result<Source, String> {
        let named = named.map(parse_name).transpose()?;
        let Some(url) = url else {
            let default = Options::default().source;
            return Ok(named.map_or(default, |(kind, name)| Source { kind, name: name.to_owned(), made: None }));
        };
        let kind = match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("oci") => SourceKind::OciRepository,
            Some("http" | "https" | "ssh") => SourceKind::GitRepository,
            _ => return Err(format!("Flux reads `https://`, `ssh://` and `oci://`, not `{url}`")),
        };
        if let Some((other, _)) = named.filter(|(named, _)| *named != kind) {
            return Err(format!("`{url}` is read by {}, not by {}", kind.name(), other.name()));
        }
        let made = Some(Remote { url: url.to_owned(), revision: revision.map(str::to_owned) });
        Ok(Source { kind, name: named.map_or("rbgc", |(_, name)| name).to_owned(), made })
    }
}

/// Reads `KIND/NAME`.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_name(text: &str) -> Result<(SourceKind, &str), String> {
    let kinds = [SourceKind::GitRepository, SourceKind::OciRepository];
    let kind = |word: &str| kinds.into_iter().find(|kind| kind.name() == word);
    match text.split_once('/').and_then(|(word, name)| Some((kind(word)?, name))) {
        Some((kind, name)) if naming::is_dns_subdomain(name) => Ok((kind, name)),
        _ => Err("write GitRepository/NAME or OCIRepository/NAME".into()),
    }
}

/// Which instances of a rollout are updated after which: step by step, and in each of them role by
/// role where these wait for each other.
fn turns(group: &plan::Group<'_>, rollout: &plan::Rollout) -> Turns {
    let mut turns: BTreeMap<(u32, u32), Vec<(usize, u32)>> = BTreeMap::new();
    for member in &rollout.roles {
        for (instance, step) in (0..).zip(&member.steps) {
            turns.entry((*step, group.roles[member.role].within)).or_default().push((member.role, instance));
        }
    }
    turns.into_values().collect()
}

/// The directory of what is handed to Flux: the source and the parents.
const GROUPS: &str = "flux/groups";
/// The directory of the Kustomizations of each group.
pub const ROLES: &str = "flux/roles";

const API: &str = "kustomize.toolkit.fluxcd.io/v1";
const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";

/// Seconds to schedule pods and pull their images.
const PULL: u64 = 600;
/// Seconds to apply objects that nobody waits for.
const APPLY: u64 = 300;

/// What Flux is told about a plan.
#[derive(Debug)]
pub struct Flux<'p> {
    options: &'p Options,
    batches: Batches,
}

impl<'p> Flux<'p> {
    /// Looks at the dependencies of all groups.
    pub fn new(plan: &Plan<'_>, options: &'p Options) -> Self {
        let groups: Vec<_> = plan.groups.iter().map(|g| g.source).collect();
        let turns: Vec<Vec<Turns>> =
            plan.groups.iter().map(|g| g.rollouts.iter().map(|r| turns(g, r)).collect()).collect();
        // What has no objects has no Kustomization, and must not be waited for.
        let warm = |id: RoleId| {
            let nodes = target::warm_up::nodes(plan, &plan.groups[id.group].roles[id.role]);
            nodes.iter().any(|nodes| !nodes.is_empty())
        };
        Flux { options, batches: Batches::new(&groups, target::divides(plan.target), &turns, &warm) }
    }

    /// The batch of the workload of a part of an instance, or of all instances.
    pub fn workload(
        &self,
        plan: &Plan<'_>,
        (group, role): (usize, usize),
        instance: Option<u32>,
        part: usize,
    ) -> usize {
        let found = self.batches.of_workload(plan.groups[group].source, RoleId { group, role }, instance, part);
        found.unwrap_or_default()
    }

    /// The batch of an object: that of its role's workload of the same name, else that of the role.
    pub fn batch_of(&self, plan: &Plan<'_>, manifest: &Manifest) -> usize {
        let Some(role) = manifest.role else { return self.base(manifest.group) };
        let id = RoleId { group: manifest.group, role };
        if matches!(manifest.stage, Stage::Run(..)) {
            let (group, source) = (plan.groups[id.group].source, &plan.groups[id.group].roles[role]);
            let named = |instance, part: &plan::Part<'_>| {
                plan::workload_name(group, source.source, instance, &part.source.kind) == manifest.name
            };
            // The number of the instance follows the name that all instances share.
            let digits = manifest.name.strip_prefix(&format!("{}-", source.name)).unwrap_or_default();
            let instance = digits.split('-').next().and_then(|digits| digits.parse().ok());
            if let Some(part) = source.parts.iter().position(|part| named(instance, part)) {
                return self.workload(plan, (id.group, role), instance, part);
            }
        }
        let batch = match manifest.stage {
            Stage::WarmUp => self.batches.warm_up(id),
            Stage::Expose => Batches::exposing(id),
            Stage::Access | Stage::Base | Stage::Run(..) | Stage::Serve(_) | Stage::Last => self.batches.head(id),
        };
        self.batches.find(&batch).unwrap_or_default()
    }

    fn base(&self, group: usize) -> usize {
        self.batches.find(&Batch::of_group(group)).unwrap_or_default()
    }

    /// What a batch depends on.
    pub fn before(&self, batch: usize) -> &[usize] {
        self.batches.before.get(batch).map_or(&[], Vec::as_slice)
    }

    /// When an instance is removed that its group no longer has: with the batch that it was in, or
    /// where that is gone too, at once.
    pub fn removal(&self, plan: &Plan<'_>, group: usize, role: Option<usize>) -> Moment {
        let Some(role) = role else { return Moment::Alone(0) };
        let source = plan.groups[group].source;
        let last = source.roles[role].parts.len().saturating_sub(1);
        let batch = self.workload(plan, (group, role), Some(0), last);
        match self.batches.list.get(batch) {
            Some(Batch { instance: None, .. }) => Moment::Batch(batch),
            _ => Moment::Alone(0),
        }
    }

    /// The directory of the objects of a batch.
    pub fn directory(&self, plan: &Plan<'_>, batch: usize) -> String {
        let Some(batch) = self.batches.list.get(batch) else { return String::new() };
        let group = plan.groups[batch.group].source;
        let content = batch.content.directory();
        let Some(role) = batch.role.map(|role| &group.roles[role]) else {
            return format!("{}/{}", group.stem, content.unwrap_or(naming::BASE));
        };
        let mut path = format!("{}/{}", group.stem, role.name);
        content.iter().for_each(|content| path.push_str(&format!("/{content}")));
        batch.instance.iter().for_each(|index| path.push_str(&format!("/{index}")));
        batch.part.iter().for_each(|part| path.push_str(&format!("/{}", role.parts[*part].kind.name())));
        path
    }

    /// The Kustomizations of a group that has these objects: the parent, and one for each batch.
    pub(super) fn kustomizations(&self, plan: &Plan<'_>, group: usize, manifests: &[Manifest]) -> Vec<Extra> {
        let mut of_batch: BTreeMap<usize, Vec<&Manifest>> = BTreeMap::new();
        for manifest in manifests {
            of_batch.entry(self.batch_of(plan, manifest)).or_default().push(manifest);
        }
        let child = |(batch, manifests): (usize, Vec<&Manifest>)| self.child(plan, batch, &manifests);
        let children = of_batch.into_iter().map(child);
        std::iter::once(self.parent(plan, group)).chain(children).collect()
    }

    fn parent(&self, plan: &Plan<'_>, group: usize) -> Extra {
        let source = plan.groups[group].source;
        let path = format!("{ROLES}/{}", source.stem);
        // It does not wait, so that a new revision reaches all its Kustomizations at once.
        let spec = self.spec(APPLY, false).with("path", self.path(&path));
        let name = naming::kustomization(&source.namespace, &source.stem);
        self.extra(GROUPS.into(), name, group, spec)
    }

    fn child(&self, plan: &Plan<'_>, index: usize, manifests: &[&Manifest]) -> Extra {
        let batch = &self.batches.list[index];
        let source = plan.groups[batch.group].source;
        let parent = batch.role.is_none().then(|| naming::kustomization(&source.namespace, &source.stem));
        let dependency = |before: &usize| {
            let other = &self.batches.list[*before];
            let mut map = Map::new().with("name", kustomization(plan.groups[other.group].source, other));
            map.set_some("namespace", (other.group != batch.group).then(|| self.options.namespace.clone()));
            map
        };
        let parent = parent.into_iter().map(|name| Map::new().with("name", name));
        let dependencies: Vec<Map> = parent.chain(self.before(index).iter().map(dependency)).collect();
        let seen = Seen::of(manifests.iter().copied());
        let expressions: Vec<Map> = seen.health().map(|(api, health)| health.expression(api)).collect();
        let spec = self
            .spec(timeout(plan, manifests), true)
            .full("dependsOn", dependencies)
            .full("healthCheckExprs", expressions)
            .with("path", self.path(&self.directory(plan, index)));
        self.extra(format!("{ROLES}/{}", source.stem), kustomization(source, batch), batch.group, spec)
    }

    fn spec(&self, timeout: u64, wait: bool) -> Map {
        let source =
            Map::new().with("kind", self.options.source.kind.name()).with("name", self.options.source.name.clone());
        let mut spec = Map::new()
            .with("interval", "1h")
            .with("retryInterval", "2m")
            .with("timeout", go_duration(timeout))
            .with("sourceRef", source)
            .with("prune", true);
        spec.set_some("wait", wait.then_some(true));
        spec
    }

    fn extra(&self, directory: String, name: String, owner: usize, spec: Map) -> Extra {
        let body = self.object(API, "Kustomization", &name, spec);
        Extra { directory, kind: "Kustomization", name, owner, header: None, body: body.into() }
    }

    fn object(&self, api: &'static str, kind: &'static str, name: &str, spec: Map) -> Map {
        let metadata = Map::new()
            .with("name", name.to_owned())
            .with("namespace", self.options.namespace.clone())
            .with("labels", Map::new().with("app.kubernetes.io/managed-by", "rbgc"));
        Map::new().with("apiVersion", api).with("kind", kind).with("metadata", metadata).with("spec", spec)
    }

    /// A path in the source, as Flux writes them.
    fn path(&self, directory: &str) -> String {
        format!("./{}", join(&self.options.path, directory))
    }

    /// The source, when it is to be made.
    pub(super) fn source(&self, plan: &Plan<'_>) -> Option<Extra> {
        let Source { kind, name, made } = &self.options.source;
        let remote = made.as_ref().filter(|_| !plan.groups.is_empty())?;
        let spec =
            Map::new().with("interval", "1m").with("url", remote.url.clone()).with("ref", reference(*kind, remote));
        let body = self.object(SOURCE_API, kind.name(), name, spec).into();
        let header = Some(GENERATED.to_owned());
        Some(Extra { directory: GROUPS.into(), kind: kind.name(), name: name.clone(), owner: 0, header, body })
    }
}

fn reference(kind: SourceKind, remote: &Remote) -> Map {
    let revision = remote.revision.as_deref();
    let (key, value) = match (kind, revision) {
        (SourceKind::GitRepository, Some(name)) if name.starts_with("refs/") => ("name", name),
        (SourceKind::GitRepository, Some(commit)) if is_commit(commit) => ("commit", commit),
        (SourceKind::GitRepository, branch) => ("branch", branch.unwrap_or("main")),
        (SourceKind::OciRepository, Some(digest)) if digest.starts_with("sha256:") => ("digest", digest),
        (SourceKind::OciRepository, tag) => ("tag", tag.unwrap_or("latest")),
    };
    Map::new().with(key, value.to_owned())
}

/// Whether a text is the SHA-1 or SHA-256 of a commit.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// How long the objects of a batch may take to be ready, in seconds: an update replaces pods one
/// after the other, each as slow as a start may be, and each node pulls the image meanwhile.
fn timeout(plan: &Plan<'_>, manifests: &[&Manifest]) -> u64 {
    let mut roles: BTreeSet<(usize, usize)> = BTreeSet::new();
    for manifest in manifests.iter().filter(|m| matches!(m.stage, Stage::Run(..))) {
        match manifest.role {
            Some(role) => roles.extend([(manifest.group, role)]),
            None => roles.extend((0..plan.groups[manifest.group].roles.len()).map(|role| (manifest.group, role))),
        }
    }
    let warm_ups = manifests.iter().filter(|m| m.stage == Stage::WarmUp);
    let warm_ups = warm_ups.filter_map(|m| plan.groups[m.group].roles[m.role?].source.warm_up.as_ref());
    let warm_up = warm_ups.map(|warm_up| APPLY + u64::from(warm_up.deadline)).max();
    let of_role = |(group, role): &(usize, usize)| {
        let role: &plan::Role<'_> = &plan.groups[*group].roles[*role];
        let start = u64::from(role.source.startup_budget()) + u64::from(role.source.min_ready);
        let grace = role.parts.iter().filter_map(|part| part.template.grace).max().unwrap_or(30);
        serial(plan, role.source).saturating_mul(start).saturating_add(PULL + u64::from(grace))
    };
    roles.iter().map(of_role).max().max(warm_up).unwrap_or(APPLY)
}

/// How many pods of a role are replaced one after the other, each when the one before is ready.
fn serial(plan: &Plan<'_>, role: &Role) -> u64 {
    use crate::check::Form::{Deployment, InstanceSet, LeaderWorkerSet, PerInstance, StatefulSet};
    let at_once = native::replaces_workers_at_once(plan.inventory);
    let of_part = |part: &crate::check::Part| match part.kind {
        // Workers that are not probed are ready as soon as they run.
        PartKind::Worker if at_once || part.pod.main.ready.is_none() => 1,
        PartKind::Single | PartKind::Leader | PartKind::Worker | PartKind::Component(_) => u64::from(part.count),
    };
    match role.form {
        Deployment | StatefulSet | InstanceSet => u64::from(role.replicas.max).max(1),
        PerInstance => role.parts.iter().map(of_part).max().unwrap_or(1),
        // All pods of an instance are made at once; one object for all of them has one at a time.
        LeaderWorkerSet if role.by_instance() => 1,
        LeaderWorkerSet => u64::from(role.replicas.max).max(1),
    }
}
