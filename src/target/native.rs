//! Deployments and StatefulSets: what every cluster of Kubernetes 1.28 or later knows.
//!
//! A multi-pod instance is two StatefulSets (leader, workers), or one for each component: their
//! pods have upstream's names, or names from which rank and instance are read as upstream's are.

use super::objects::{self, Scaled, account};
use super::pod::{self, Dress, field_ref, role_labels};
use super::scheduling::guarantee;
use super::{Manifest, Object, Owner, Stage, common_labels, labels, listed, text};
use crate::check::{self, Form, PartKind, Pin};
use crate::data::{Data, Map};
use crate::fit::gang::is_gang;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::naming;
use crate::plan::env::Identity;
use crate::plan::template::Claim;
use crate::plan::{Group, Part, Plan, Role, Unit, first_ordinal, ordinals, workload_name};

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
    for unit in &role.units {
        let gang = plan.gang.filter(|_| is_gang(role.source));
        objects.extend(gang.zip(unit.instance).map(|(gang, i)| objects::pod_group(gang, group, role, i)));
        for index in 0..role.parts.len() {
            objects.push(Workload { plan, owner, role, unit, index, part: &role.parts[index] }.object());
        }
    }
    let autoscale = role.source.autoscale.as_ref().filter(|_| role.autoscaled());
    let scaled = Scaled { api: "apps/v1", kind: kind(role.source.form) };
    objects.extend(autoscale.map(|a| objects::autoscaler(role, a, scaled)));
    objects
}

/// The kind of a role's workloads.
pub fn kind(form: Form) -> &'static str {
    match form {
        Form::Deployment => "Deployment",
        Form::StatefulSet | Form::PerInstance | Form::InstanceSet => "StatefulSet",
    }
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
        Form::StatefulSet => parts
            .map(|part| {
                let ordinal = first_ordinal(&part.kind).saturating_add(instance);
                naming::ordinal(&workload_name(group, role, None, &part.kind), ordinal)
            })
            .collect(),
        Form::PerInstance | Form::InstanceSet => {
            parts.flat_map(|part| ordinals(group, role, Some(instance), part, part.count)).collect()
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
struct Workload<'p, 'm> {
    plan: &'p Plan<'m>,
    owner: Owner<'p, 'm>,
    role: &'p Role<'m>,
    unit: &'p Unit<'m>,
    /// Of the part in its role.
    index: usize,
    part: &'p Part<'m>,
}

impl<'p, 'm> Workload<'p, 'm> {
    fn group(&self) -> &'p Group<'m> {
        self.owner.group
    }

    fn object(&self) -> Object {
        let spec = match self.role.source.form {
            Form::Deployment => self.deployment(),
            Form::StatefulSet | Form::PerInstance | Form::InstanceSet => self.stateful_set(),
        };
        let name = workload_name(self.group().source, self.role.source, self.unit.instance, &self.part.source.kind);
        let stage = Stage::Run(self.role.stage, self.part.step);
        let fields = Map::new().with("spec", spec);
        let mut object = Object::new("apps/v1", kind(self.role.source.form), name, stage, fields);
        object.annotations = self.annotations();
        object
    }

    /// Where the workload comes from and where it is planned: on the workload, never in its
    /// template, because both change without a reason to restart.
    fn annotations(&self) -> Map {
        let own = self.role.source.annotations.iter();
        let mut map: Map = own.map(|(key, value)| (key.clone().into(), text(value))).collect();
        let group = self.group().source;
        map.set("rbgc.dev/source", format!("{}#{}.{}", group.source, group.declared, self.role.source.name));
        map.set_some("rbgc.dev/restarts-with", listed(self.plan, self.group(), self.role));
        let site = &self.unit.sites[self.index];
        let names: Vec<&str> = site.nodes.iter().map(|n| self.plan.inventory.nodes[*n].name.as_str()).collect();
        map.set_some("rbgc.dev/plan", (!names.is_empty()).then(|| names.join(",")));
        map.set("rbgc.dev/guarantee", guarantee(site, self.plan.inventory));
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
        spec.set("serviceName", naming::headless(&group.name, &self.role.source.name))
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
        let replicas = match self.unit.instance {
            Some(_) => Some(self.part.source.count),
            None => (!self.role.autoscaled()).then_some(self.role.source.replicas.min),
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

    fn template(&self) -> Data {
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
        match identity {
            Identity::GroupName => text(&group.name),
            Identity::RoleName => text(&role.name),
            Identity::RoleIndex => self.unit.instance.map_or_else(|| field_ref(POD_INDEX), |i| i.to_string().into()),
            Identity::InstanceName => self.instance_name().map_or_else(|| field_ref("metadata.name"), Data::from),
            Identity::ComponentName => text(part.kind.name()),
            Identity::ComponentIndex if part.kind == PartKind::Leader => "0".into(),
            Identity::ComponentIndex => field_ref(POD_INDEX),
            Identity::WorkerIndex if part.kind == PartKind::Leader => "0".into(),
            Identity::WorkerIndex => field_ref(POD_INDEX),
            Identity::GroupSize => role.pods().to_string().into(),
            Identity::LeaderAddress => self.leader_address(),
        }
    }

    /// A pod of a Deployment has no name that resolves, but it has an address; a pod of a
    /// StatefulSet for all instances is its own leader.
    fn leader_address(&self) -> Data {
        let (group, role) = (self.group().source, self.role.source);
        let service = naming::headless(&group.name, &role.name);
        let namespace = Some(group.namespace.as_str());
        match (role.form, self.unit.instance) {
            (Form::Deployment, _) => field_ref("status.podIP"),
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
fn claim(claim: &Claim<'_>) -> Map {
    Map::new()
        .with("apiVersion", "v1")
        .with("kind", "PersistentVolumeClaim")
        .with("metadata", Map::new().with("name", text(claim.name)))
        .with("spec", pod::claim_spec(claim))
}
