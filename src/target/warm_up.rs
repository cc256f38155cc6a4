//! Jobs that warm nodes up: each pulls the images of a role on one node, and runs a command there,
//! before the role starts.
//!
//! A Job for each node, because nothing else reaches every node and each exactly once: the pods of
//! one Job may all go to the node that ends first, since an affinity between pods sees only those
//! that still run. A Job cannot be changed, and runs once. So its name ends in a digest of what it
//! does and where: a node more is a Job more, another image makes all anew, and all else leaves
//! them as they are. A time to live would make the delivery tool run it again.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::pod::{env_entry, mount, names, pod_security, unprivileged, variable, volume};
use super::rollout::feed;
use super::scheduling::{node_affinity, tolerations};
use super::{Object, Stage, labels, text, texts};
use crate::check::{EnvValue, Piece, VolumeKind, WarmNodes, WarmUp};
use crate::data::{Data, Map};
use crate::naming;
use crate::plan::affinity::Site;
use crate::plan::template::{Container, PodTemplate, Source, Volume};
use crate::plan::{Group, Part, Plan, Role};
use crate::quantity::Quantity;
use crate::robust::admitted;

/// What runs in an image that is there for its pull alone.
const NOTHING: [&str; 1] = ["true"];

/// The Jobs of a role, by name.
pub(super) fn jobs(plan: &Plan<'_>, group: &Group<'_>, role: &Role<'_>) -> Vec<Object> {
    let Some(warm_up) = &role.source.warm_up else { return Vec::new() };
    // Parts that are alike share the Job of a node.
    let mut jobs: BTreeMap<String, Object> = BTreeMap::new();
    for (part, nodes) in role.parts.iter().zip(nodes(plan, role)) {
        let about = Warming { plan, group, role, part, warm_up };
        jobs.extend(nodes.into_iter().map(|node| about.job(node)).map(|job| (job.name.clone(), job)));
    }
    jobs.into_values().collect()
}

/// For each part of a role the nodes that are warmed up for it: indices in the inventory. Those that
/// take no pods, and those that an autoscaler makes and removes, are never among them.
pub fn nodes(plan: &Plan<'_>, role: &Role<'_>) -> Vec<BTreeSet<usize>> {
    let Some(warm_up) = &role.source.warm_up else { return Vec::new() };
    let lasting = |node: &usize| plan.inventory.nodes[*node].schedulable && !plan.inventory.nodes[*node].elastic;
    let of_part = |(index, part): (usize, &Part<'_>)| {
        let sites = role.units.iter().map(|unit| &unit.sites[index]);
        let all: BTreeSet<usize> = match warm_up.nodes {
            WarmNodes::Planned => sites.flat_map(|site| site.nodes.iter().copied()).collect(),
            WarmNodes::Eligible => sites.flat_map(|site| admitted(plan.inventory, site, part)).collect(),
        };
        all.into_iter().filter(lasting).collect()
    };
    role.parts.iter().enumerate().map(of_part).collect()
}

/// What the Jobs of a part are made from.
struct Warming<'p, 'm> {
    plan: &'p Plan<'m>,
    group: &'p Group<'m>,
    role: &'p Role<'m>,
    part: &'p Part<'m>,
    warm_up: &'p WarmUp,
}

impl Warming<'_, '_> {
    fn job(&self, node: usize) -> Object {
        let spec = Map::new()
            .with("activeDeadlineSeconds", self.warm_up.deadline)
            .with("backoffLimit", self.warm_up.retries)
            .with("template", self.template(node));
        let spec = Data::from(spec);
        let mut hash = Sha256::new();
        feed(&mut hash, &spec, &[]);
        let (group, role) = (self.group.source, self.role.source);
        let name = naming::warm_up(&group.name, &role.name, hash.finalize().into());
        let mut job = Object::new("batch/v1", "Job", name, Stage::WarmUp, Map::new().with("spec", spec));
        job.annotations
            .set("rbgc.dev/source", format!("{}#{}.{}", group.source, group.declared, role.name))
            .set("rbgc.dev/plan", text(&self.plan.inventory.nodes[node].name));
        job
    }

    fn template(&self, node: usize) -> Map {
        let (pod, site) = (&self.part.source.pod, Site::of_node(self.plan.inventory, node));
        let (volumes, mounts) = self.storage();
        let images = self.warm_up.images.iter().enumerate();
        let images = images.map(|(n, image)| container(&format!("image-{n}"), image, None, (texts(NOTHING), true)));
        let spec = Map::new()
            .with("restartPolicy", "Never")
            .with("automountServiceAccountToken", false)
            .with("enableServiceLinks", false);
        let mut spec = spec.full("imagePullSecrets", names(&pod.image_pull_secrets));
        // The account of the role's own comes with the role, which may be later.
        spec.set_some("serviceAccountName", self.role.source.service_account.clone())
            .set("securityContext", pod_security(&pod.security))
            .set("affinity", Map::new().with("nodeAffinity", node_affinity(&site)))
            .set_full("tolerations", tolerations(&pod.tolerations, &site))
            .set_full("initContainers", images.collect::<Vec<_>>())
            .set("containers", vec![self.main(mounts)])
            .set_full("volumes", volumes);
        Map::new().with("metadata", Map::new().with("labels", self.labels())).with("spec", spec)
    }

    /// No label that a Service, a budget or a workload selects by: its pods are none of the role.
    fn labels(&self) -> Map {
        labels(self.group.source.labels.iter())
            .with("app.kubernetes.io/managed-by", "rbgc")
            .with("app.kubernetes.io/part-of", text(&self.group.source.name))
            .with("app.kubernetes.io/name", text(&self.role.source.name))
            .with("app.kubernetes.io/component", "warm-up")
    }

    fn main(&self, mounts: Vec<Map>) -> Map {
        let PodTemplate { main, .. } = &self.part.template;
        let command = match &self.warm_up.command {
            Some(command) => texts(command.iter().map(String::as_str)),
            None => texts(NOTHING),
        };
        // Only a command of the user's own may want to write.
        let read_only = self.warm_up.command.is_none() || self.part.source.pod.security.read_only_root;
        let mut map = container("warm-up", &main.source.image, main.source.pull, (command, read_only));
        if self.warm_up.command.is_some() {
            map.set_full("env", environment(main)).set_full("volumeMounts", mounts);
            map.set("resources", self.resources());
        }
        map
    }

    /// Unless the user says what the command needs, nothing is requested, so that it also runs where
    /// the pods of the role have all; and nothing is a limit, so that what it reads stays in the cache
    /// of the node.
    fn resources(&self) -> Map {
        let asked = [("cpu", self.warm_up.cpu), ("memory", self.warm_up.memory)];
        let asked = asked.into_iter().filter_map(|(name, amount)| Some((name, amount?)));
        let asked: Map = asked.map(|(name, amount)| (name.into(), Data::from(amount.to_string()))).collect();
        let mut requests = nothing();
        asked.iter().for_each(|(name, amount)| {
            requests.set(name.to_owned(), amount.clone());
        });
        Map::new().full("limits", asked).with("requests", requests)
    }

    /// The volumes of the role that are not each pod's own, and where its container has them.
    fn storage(&self) -> (Vec<Map>, Vec<Map>) {
        if self.warm_up.command.is_none() {
            return (Vec::new(), Vec::new());
        }
        let PodTemplate { main, volumes, .. } = &self.part.template;
        let shared: Vec<&Volume<'_>> = volumes.iter().filter(|volume| is_shared(volume)).collect();
        let mounts: Vec<_> = main.mounts.iter().filter(|m| shared.iter().any(|v| v.name == m.volume)).collect();
        let used = shared.iter().filter(|volume| mounts.iter().any(|mount| mount.volume == volume.name));
        (used.map(|v| volume(v)).collect(), mounts.into_iter().map(mount).collect())
    }
}

fn container(name: &str, image: &str, pull: Option<&'static str>, (command, read_only): (Data, bool)) -> Map {
    let mut map = Map::new().with("name", text(name)).with("image", text(image));
    map.set_some("imagePullPolicy", pull)
        .set("command", command)
        .set("resources", Map::new().with("requests", nothing()))
        .set("securityContext", unprivileged(read_only, &[]));
    map
}

/// Zero is written, because a quota refuses pods that request nothing at all.
fn nothing() -> Map {
    let none = || Data::from(Quantity::units(0).to_string());
    Map::new().with("cpu", none()).with("memory", none())
}

fn is_shared(volume: &Volume<'_>) -> bool {
    match &volume.source {
        Source::Model(VolumeKind::Template { .. }) | Source::Ephemeral(_) | Source::Config { .. } => false,
        Source::Model(_) => true,
        // The directories that are writable under a read-only root, and not the shared memory.
        Source::Empty { memory, .. } => !memory,
    }
}

/// The variables of a container that mean something outside of its pod.
fn environment(container: &Container<'_>) -> Vec<Data> {
    let known = |name: &str| match container.source.env.get(name) {
        Some(EnvValue::Text(text)) => text.0.iter().all(|piece| matches!(piece, Piece::Text(_))),
        Some(EnvValue::Secret { .. } | EnvValue::Config { .. }) => true,
        None => false,
    };
    let own = container.env.iter().filter(|(name, _)| known(name));
    own.map(|(name, source)| env_entry(name, variable(source))).collect()
}
