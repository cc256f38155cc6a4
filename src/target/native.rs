//! Deployments and StatefulSets: what every cluster of Kubernetes 1.28 or later knows.
//!
//! A multi-pod instance is two StatefulSets (leader, workers), or one for each component: their
//! pods have upstream's names, or names from which rank and instance are read as upstream's are.
//! On the target `lws` leaders and workers have the form of a LeaderWorkerSet; all else is the same.

use std::cmp::Reverse;

use super::objects::{self, Scaled, account};
use super::pod::{self, Dress, field_ref, role_labels};
use super::scheduling::guarantee;
use super::{Manifest, Object, Owner, Stage, common_labels, labels, listed, lws, routing, text, warm_up};
use crate::check::{self, Form, PartKind, Pin, ReplicasOwner};
use crate::data::{Data, Map};
use crate::fit::gang::is_gang;
use crate::fit::target::lws::CAPABILITY;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::naming;
use crate::plan::affinity::Site;
use crate::plan::env::Identity;
use crate::plan::template::Claim;
use crate::plan::{Group, Part, Plan, Role, Unit, addressed_by, first_ordinal, pods_of, workload_name};

/// The label that holds the ordinal of a StatefulSet's pod (Kubernetes 1.28).
const POD_INDEX: &str = "metadata.labels['apps.kubernetes.io/pod-index']";

/// Seconds that a Deployment is given beside its start-up: to schedule and to pull the image.
const DEADLINE_MARGIN: u32 = 600;

/// The objects of a group, role by role.
pub fn lower(plan: &Plan<'_>, index: usize) -> Vec<Manifest> {
    let group = &plan.groups[index];
    let owner = Owner { index, group, role: None };
    let mut manifests = vec![objects::discovery(group, Target::Native).own(owner)];
    manifests.extend(group.compute_domains.iter().map(|domain| objects::compute_domain(domain).own(owner)));
    manifests.extend(routing::pools(group).into_iter().map(|pool| pool.own(owner)));
    for role in group.roles.iter().enumerate() {
        let owner = Owner { index, group, role: Some(role) };
        let objects = lower_role(plan, owner, role.1).into_iter();
        manifests.extend(objects.map(|object| object.own(owner)));
    }
    manifests
}

fn lower_role(plan: &Plan<'_>, owner: Owner<'_, '_>, role: &Role<'_>) -> Vec<Object> {
    let group = owner.group;
    let mut objects = objects::access(group, role);
    objects.push(objects::network_policy(group, role));
    objects.extend(role.files.iter().map(objects::files));
    objects.extend(role.services.iter().map(|s| objects::service(group, role, s)));
    objects.push(objects::disruption_budget(group, role, ("maxUnavailable", 1)));
    objects.extend(warm_up::jobs(plan, group, role));
    for unit in &role.units {
        let gang = plan.gang.filter(|_| is_gang(role.source));
        objects.extend(gang.zip(unit.instance).map(|(gang, i)| objects::pod_group(gang, group, role, i)));
        let workload = |(index, part)| Workload { plan, owner, role, unit, index, part };
        let mut workloads = role.parts.iter().enumerate().map(workload);
        match role.source.form {
            Form::LeaderWorkerSet => objects.extend(workloads.next().map(|leader| lws::object(&leader))),
            _ => objects.extend(workloads.map(|workload| workload.object())),
        }
    }
    if let ReplicasOwner::Autoscaler(autoscale) = role.source.replicas_owner() {
        objects.push(objects::autoscaler(role, autoscale, &scaled(group.source, role.source)));
    }
    objects.extend(routing::objects(plan, group, role));
    objects
}

/// The kind of a role's workloads.
pub fn kind(form: Form) -> &'static str {
    match form {
        Form::Deployment => "Deployment",
        Form::StatefulSet | Form::PerInstance | Form::InstanceSet => "StatefulSet",
        Form::LeaderWorkerSet => lws::KIND,
    }
}

/// The API of a role's workloads.
fn api(form: Form) -> &'static str {
    match form {
        Form::Deployment | Form::StatefulSet | Form::PerInstance | Form::InstanceSet => "apps/v1",
        Form::LeaderWorkerSet => CAPABILITY,
    }
}

/// What an autoscaler of a role scales.
fn scaled(group: &check::Group, role: &check::Role) -> Scaled {
    let name = workload_name(group, role, None, &role.parts[0].kind);
    Scaled { api: api(role.form), kind: kind(role.form), name }
}

/// The names of the pods of an instance, in the order of its parts.
pub fn pod_names(group: &check::Group, role: &check::Role, instance: u32) -> Vec<String> {
    let parts = role.parts.iter();
    match role.form {
        // The cluster completes the names.
        Form::Deployment => parts
            .flat_map(|part| {
                let workload = workload_name(group, role, None, &part.kind);
                std::iter::repeat_n(format!("{workload}-*"), part.count as usize)
            })
            .collect(),
        Form::StatefulSet | Form::PerInstance | Form::LeaderWorkerSet | Form::InstanceSet => {
            parts.flat_map(|part| pods_of(group, role, instance, part)).collect()
        }
    }
}

/// Whether a pod of a Deployment is replaced by one that stands beside it for a while. One with
/// accelerators cannot: there is no room. Neither can one that holds ports of its node or is bound
/// to exactly its planned node.
pub fn surges(group: &Group<'_>, part: &Part<'_>) -> bool {
    part.source.pod.gpus == 0 && !part.template.host_network && group.source.pin != Pin::Nodes
}

/// Whether a StatefulSet can replace several pods at a time (Kubernetes 1.35).
pub fn replaces_workers_at_once(inventory: &Inventory) -> bool {
    inventory.kubernetes >= (1, 35)
}

/// The workload of a part of a unit.
pub(super) struct Workload<'p, 'm> {
    plan: &'p Plan<'m>,
    owner: Owner<'p, 'm>,
    pub role: &'p Role<'m>,
    pub unit: &'p Unit<'m>,
    /// Of the part in its role.
    index: usize,
    pub part: &'p Part<'m>,
}

impl<'p, 'm> Workload<'p, 'm> {
    fn group(&self) -> &'p Group<'m> {
        self.owner.group
    }

    fn object(&self) -> Object {
        let form = self.role.source.form;
        let spec = if form == Form::Deployment { self.deployment() } else { self.stateful_set() };
        self.named(api(form), kind(form), spec, &self.unit.sites[self.index..=self.index])
    }

    /// The workload of another part of the unit.
    pub fn sibling(&self, index: usize) -> Self {
        Workload { index, part: &self.role.parts[index], ..*self }
    }

    /// The workload as an object, which runs pods at these sites.
    pub fn named(&self, api: &'static str, kind: &'static str, spec: Map, sites: &[Site<'_>]) -> Object {
        let name = workload_name(self.group().source, self.role.source, self.unit.instance, &self.part.source.kind);
        let stage = Stage::Run(self.role.stage, self.unit.step + self.part.step);
        let mut object = Object::new(api, kind, name, stage, Map::new().with("spec", spec));
        object.annotations = self.annotations(sites);
        object
    }

    /// Where the workload comes from and where it is planned: on the workload, never in its
    /// template, because both change without a reason to restart.
    fn annotations(&self, sites: &[Site<'_>]) -> Map {
        let own = self.role.source.annotations.iter();
        let mut map: Map = own.map(|(key, value)| (key.clone().into(), text(value))).collect();
        let group = self.group().source;
        map.set("rbgc.dev/source", format!("{}#{}.{}", group.source, group.declared, self.role.source.name));
        map.set_some("rbgc.dev/restarts-with", listed(self.plan, self.group(), self.role));
        let inventory = self.plan.inventory;
        let mut names: Vec<&str> = Vec::new();
        for node in sites.iter().flat_map(|site| &site.nodes) {
            let name = inventory.nodes[*node].name.as_str();
            names.extend((!names.contains(&name)).then_some(name));
        }
        map.set_some("rbgc.dev/plan", (!names.is_empty()).then(|| names.join(",")));
        let weakest = sites.iter().max_by_key(|site| (site.promise, Reverse(site.level)));
        map.set_some("rbgc.dev/guarantee", weakest.map(|site| guarantee(site, inventory)));
        map
    }

    fn deployment(&self) -> Map {
        let source = self.role.source;
        let mut spec = self.common();
        let surge = surges(self.group(), self.part);
        let rolling = Map::new().with("maxSurge", u32::from(surge)).with("maxUnavailable", u32::from(!surge));
        // Beyond the deadline Argo CD fails the whole sync, so it covers the slowest start.
        let startup = source.startup_budget().saturating_add(source.min_ready);
        let ending = self.part.template.grace.unwrap_or(30);
        let deadline = startup.saturating_add(ending).saturating_add(DEADLINE_MARGIN).min(i32::MAX as u32);
        spec.set("strategy", Map::new().with("type", "RollingUpdate").with("rollingUpdate", rolling));
        spec.set("progressDeadlineSeconds", deadline);
        spec
    }

    fn stateful_set(&self) -> Map {
        let group = self.group().source;
        let mut spec = self.common();
        let first = first_ordinal(&self.part.source.kind);
        spec.set("serviceName", addressed_by(group, self.role.source, self.unit.instance))
            .set("podManagementPolicy", "Parallel")
            .set_some("ordinals", (first > 0).then(|| Data::from(Map::new().with("start", first))))
            .set("updateStrategy", self.update_strategy())
            .set_full("volumeClaimTemplates", self.part.template.claims.iter().map(claim).collect::<Vec<_>>());
        spec
    }

    /// Workers are replaced all at once where Kubernetes can (1.35): one by one, a new worker
    /// would meet old ones, and none of them is of use without the others.
    fn update_strategy(&self) -> Map {
        let strategy = Map::new().with("type", "RollingUpdate");
        if self.part.source.kind == PartKind::Worker && replaces_workers_at_once(self.plan.inventory) {
            let rolling = Map::new().with("maxUnavailable", self.part.source.count);
            return strategy.with("rollingUpdate", rolling);
        }
        strategy
    }

    fn common(&self) -> Map {
        let replicas = match (self.unit.instance, self.role.source.replicas_owner()) {
            (Some(_), _) => Some(self.part.source.count),
            (None, ReplicasOwner::Sources(replicas)) => Some(replicas),
            (None, ReplicasOwner::Autoscaler(_)) => None,
        };
        let min_ready = Some(self.role.source.min_ready).filter(|seconds| *seconds > 0);
        let mut spec = Map::new();
        spec.set_some("replicas", replicas)
            .set_some("minReadySeconds", min_ready)
            .set("selector", Map::new().with("matchLabels", self.selector()))
            .set("template", self.template());
        spec
    }

    /// The least that tells these pods from all others: a selector can never be changed.
    fn selector(&self) -> Map {
        let mut labels = role_labels(&self.group().source.name, &self.role.source.name);
        labels.set_some(naming::LABEL_INSTANCE_INDEX, self.unit.instance.map(|i| i.to_string()));
        if self.role.source.multi_pod() {
            labels.set(naming::LABEL_COMPONENT, text(self.part.source.kind.name()));
        }
        labels
    }

    pub fn template(&self) -> Data {
        let (group, source) = (self.group().source, self.role.source);
        let mut pod_labels = labels(group.labels.iter().chain(&source.labels));
        common_labels(&mut pod_labels, self.owner);
        self.selector().into_iter().for_each(|(key, value)| {
            pod_labels.set(key, value);
        });
        pod_labels.set_some(naming::LABEL_INSTANCE_NAME, self.instance_name());
        if self.part.source.pod.gpus > 0 {
            pod_labels.set(naming::LABEL_ACCELERATED, "true");
        }
        let mut annotations = labels(source.annotations.iter());
        let gang = self.plan.gang.filter(|_| is_gang(source));
        if let (Some(gang), Some(name)) = (gang, self.instance_name()) {
            gang.labels(&name).into_iter().for_each(|(key, value)| {
                pod_labels.set(key, value);
            });
            gang.annotations(&name).into_iter().for_each(|(key, value)| {
                annotations.set(key, value);
            });
        }
        let dress = Dress {
            labels: pod_labels,
            annotations,
            scheduler: gang.and_then(|g| g.scheduler_name()),
            identity: self.part.template.identity.iter().map(|i| (i.name(), self.identity(*i))).collect(),
            account: account(self.role),
            group: &group.name,
            role: &source.name,
            component: None,
            injected: Vec::new(),
            sleep: self.plan.inventory.kubernetes >= (1, 30),
        };
        pod::template(&self.part.template, &self.unit.sites[self.index], dress)
    }

    /// The name of the instance, when the template is of one instance only.
    fn instance_name(&self) -> Option<String> {
        let (group, role) = (&self.group().source.name, &self.role.source.name);
        self.unit.instance.map(|i| naming::instance(group, role, i))
    }

    fn identity(&self, identity: Identity) -> Data {
        let (group, role, part) = (self.group().source, self.role.source, self.part.source);
        let sets = role.form == Form::LeaderWorkerSet;
        let own_index = if sets { lws::GROUP_INDEX } else { POD_INDEX };
        match identity {
            Identity::GroupName => text(&group.name),
            Identity::RoleName => text(&role.name),
            Identity::RoleIndex => self.unit.instance.map_or_else(|| field_ref(own_index), |i| i.to_string().into()),
            Identity::InstanceName => match self.instance_name() {
                Some(name) => name.into(),
                None if sets => format!("{}-$({})", self.role.name, Identity::RoleIndex.name()).into(),
                None => field_ref("metadata.name"),
            },
            Identity::ComponentName => text(part.kind.name()),
            Identity::ComponentIndex if part.kind == PartKind::Leader => "0".into(),
            Identity::ComponentIndex => field_ref(POD_INDEX),
            Identity::WorkerIndex if part.kind == PartKind::Leader => "0".into(),
            Identity::WorkerIndex if sets => lws::WORKER_INDEX.into(),
            Identity::WorkerIndex => field_ref(POD_INDEX),
            Identity::GroupSize => role.pods().to_string().into(),
            Identity::LeaderAddress => self.leader_address(),
        }
    }

    /// A pod of a Deployment has no name that resolves, but it has an address; a pod of a
    /// StatefulSet for all instances is its own leader.
    fn leader_address(&self) -> Data {
        let (group, role) = (self.group().source, self.role.source);
        let service = addressed_by(group, role, self.unit.instance);
        let namespace = Some(group.namespace.as_str());
        match (role.form, self.unit.instance) {
            (Form::Deployment, _) => field_ref("status.podIP"),
            (Form::LeaderWorkerSet, _) => lws::LEADER_ADDRESS.into(),
            (_, Some(_)) => {
                let leader = workload_name(group, role, self.unit.instance, &role.parts[0].kind);
                naming::address(&naming::ordinal(&leader, 0), &service, namespace).into()
            }
            (_, None) => {
                let own = format!("$({})", Identity::InstanceName.name());
                naming::address(&own, &service, namespace).into()
            }
        }
    }
}

/// A claim template. Kind and version are written because the API server adds them, which tools
/// would take for a difference.
pub(super) fn claim(claim: &Claim<'_>) -> Map {
    Map::new()
        .with("apiVersion", "v1")
        .with("kind", "PersistentVolumeClaim")
        .with("metadata", Map::new().with("name", text(claim.name)))
        .with("spec", pod::claim_spec(claim))
}
