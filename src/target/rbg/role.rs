//! A role of a RoleBasedGroup.

use super::{gang, patch};
use crate::check::{EngineRuntime, Form, PartKind, Port, Recovery, ReplicasOwner};
use crate::data::{Data, Map};
use crate::kinds::Target;
use crate::naming;
use crate::plan::env::Identity;
use crate::plan::{Group, Part, Plan, Role};
use crate::target::objects::account;
use crate::target::pod::{self, Dress, env_entry, field_ref};
use crate::target::{Owner, common_labels, labels, surges, text, texts};

/// How the controller numbers instances; without it, it does.
const PATTERN: &str = "rbg.workloads.x-k8s.io/role-instance-pattern";
/// Components that must be ready before a component starts, as JSON.
const STARTS_AFTER: &str = "rolebasedgroup.workloads.x-k8s.io/component-depends-on";

/// A role by its index in the group.
pub fn role(plan: &Plan<'_>, owner: Owner<'_, '_>, (index, role): (usize, &Role<'_>)) -> Map {
    let group = owner.group;
    let source = role.source;
    let make = Pods { plan, group, role, owner: Owner { role: Some((index, role)), ..owner } };
    let stateless = (source.form == Form::Deployment).then(|| Map::new().with(PATTERN, "Stateless"));
    let (replicas, adapter) = match source.replicas_owner() {
        ReplicasOwner::Sources(replicas) => (Some(replicas), None),
        ReplicasOwner::Autoscaler(_) => (None, Some(Map::new().with("enable", true))),
    };
    let mut map = Map::new().with("name", text(&source.name));
    map.set_some("replicas", replicas)
        .set_full("labels", labels(source.labels.iter()))
        .set_some("annotations", stateless)
        .set_full("dependencies", texts(before(owner, role)))
        .set_full("servicePorts", source.ports().iter().map(port).collect::<Vec<_>>())
        .set("podManagementPolicy", "Parallel")
        .set("minReadySeconds", source.min_ready)
        .set("rolloutStrategy", rollout(group, role))
        .set_full("engineRuntimes", source.engine_runtimes.iter().map(engine_runtime).collect::<Vec<_>>())
        .set_some("scalingAdapter", adapter);
    let (field, pattern) = make.pattern();
    map.with(field, pattern)
}

/// The roles of the same group that must be ready before. For those of other groups the delivery waits.
fn before<'p>(owner: Owner<'p, '_>, role: &'p Role<'_>) -> impl Iterator<Item = &'p str> {
    let own = role.source.after.iter().map(|after| after.role).filter(move |id| id.group == owner.index);
    own.filter_map(move |id| owner.group.source.roles.get(id.role)).map(|role| role.name.as_str())
}

/// What the controller writes into the discovery file; it makes no ports of Services from it.
fn port(port: &Port) -> Map {
    Map::new()
        .with("name", text(&port.name))
        .with("port", u32::from(port.number))
        .with("protocol", port.protocol)
        .with("targetPort", text(&port.name))
}

/// The controller adds the arguments and variables to those of the profile's container, and looks at
/// nothing else of what is said of it (`pkg/discovery/sidecar_builder.go`).
fn engine_runtime(runtime: &EngineRuntime) -> Map {
    let variable = |(name, value): (&String, &String)| env_entry(name, text(value));
    let container = runtime.container.as_ref().map(|name| {
        Map::new()
            .with("name", text(name))
            .full("args", texts(runtime.args.iter().map(String::as_str)))
            .full("env", runtime.env.iter().map(variable).collect::<Vec<_>>())
    });
    Map::new().with("profileName", text(&runtime.profile)).full("containers", container.into_iter().collect::<Vec<_>>())
}

/// A change of images alone is made in running pods, unless files restart them: the checksum that
/// tells so is an annotation, and the controller would change annotations in place, too.
fn rollout(group: &Group<'_>, role: &Role<'_>) -> Map {
    let part = &role.parts[0];
    let surge = surges(Target::Rbg, group, role, part);
    let restarted = role.parts.iter().any(|part| part.template.checksum.is_some());
    let rolling = Map::new()
        .with("type", if restarted { "RecreatePod" } else { "InPlaceIfPossible" })
        .with("maxUnavailable", u32::from(!surge))
        .with("maxSurge", u32::from(surge))
        .with("partition", 0);
    Map::new().with("type", "RollingUpdate").with("rollingUpdate", rolling)
}

/// The pods of a role.
struct Pods<'p, 'm> {
    plan: &'p Plan<'m>,
    group: &'p Group<'m>,
    role: &'p Role<'m>,
    owner: Owner<'p, 'm>,
}

impl Pods<'_, '_> {
    /// The pattern of the instances, and the field that holds it.
    fn pattern(&self) -> (&'static str, Map) {
        match self.role.source.parts[0].kind {
            PartKind::Single => ("standalonePattern", Map::new().with("template", self.template(0))),
            PartKind::Leader | PartKind::Worker => ("leaderWorkerPattern", self.leader_and_workers()),
            PartKind::Component(_) => ("customComponentsPattern", self.components()),
        }
    }

    fn leader_and_workers(&self) -> Map {
        let (leader, worker) = (self.template(0), self.template(1));
        let shared = patch::common(&leader, &worker);
        let (leader, worker) = (patch::addition(&leader, &shared), patch::addition(&worker, &shared));
        Map::new()
            .with("size", self.role.source.pods())
            // Else workers have no addresses.
            .with("sharedServiceSelection", "All")
            .with("restartPolicyConfig", self.restarts())
            .with("template", shared)
            .full("leaderTemplatePatch", leader)
            .full("workerTemplatePatch", worker)
    }

    fn components(&self) -> Map {
        let component = |index: usize| {
            let part = &self.role.parts[index];
            let mut map = Map::new().with("name", text(part.source.kind.name())).with("size", part.source.count);
            map.set_full("annotations", self.starts_after(part)).set("template", self.template(index));
            map
        };
        Map::new()
            .with("restartPolicyConfig", self.restarts())
            .with("components", (0..self.role.parts.len()).map(component).collect::<Vec<_>>())
    }

    /// An instance is of no use without one of its pods, so all are made anew unless the source
    /// says `pod`; again and again, with the controller's own delays.
    fn restarts(&self) -> Map {
        let alone = self.role.source.recover.is_some_and(|(word, _)| word == Recovery::Pod);
        Map::new()
            .with("type", if alone { "None" } else { "RecreateRoleInstanceOnPodRestart" })
            .with("baseDelaySeconds", 30)
            .with("maxDelaySeconds", 600)
    }

    fn starts_after(&self, part: &Part<'_>) -> Map {
        let names: Vec<&str> =
            part.source.after.iter().map(|before| self.role.source.parts[*before].kind.name()).collect();
        let order = serde_json::json!({ "startAfter": names }).to_string();
        Map::new().full(STARTS_AFTER, if names.is_empty() { Data::Null } else { order.into() })
    }

    fn template(&self, index: usize) -> Map {
        let (group, source) = (self.group.source, self.role.source);
        let part = &self.role.parts[index];
        let site = &self.role.units[0].sites[index];
        let mut pod_labels = labels(group.labels.iter().chain(&source.labels));
        common_labels(&mut pod_labels, self.owner);
        // The controller's own.
        pod_labels.remove(naming::LABEL_GROUP);
        pod_labels.remove(naming::LABEL_ROLE);
        if part.source.pod.gpus > 0 {
            pod_labels.set(naming::LABEL_ACCELERATED, "true");
        }
        let dress = Dress {
            labels: pod_labels,
            annotations: labels(source.annotations.iter()),
            scheduler: gang(self.plan, self.owner.index).and_then(|gang| gang.scheduler_name()),
            identity: part.template.identity.iter().map(|i| (i.name(), self.identity(*i, part))).collect(),
            injected: injected(source.form, &part.source.kind),
            account: account(self.role),
            group: &group.name,
            role: &source.name,
            component: source.multi_pod().then(|| part.source.kind.name()),
            sleep: self.plan.inventory.kubernetes >= (1, 30),
        };
        match pod::template(&part.template, site, dress) {
            Data::Map(map) => map,
            _ => Map::new(),
        }
    }

    /// The contract's variables for containers that the controller gives none, from where it takes
    /// them itself (`pkg/discovery/env_builder.go`).
    fn identity(&self, identity: Identity, part: &Part<'_>) -> Data {
        match identity {
            Identity::GroupName => text(&self.group.source.name),
            Identity::RoleName => text(&self.role.source.name),
            Identity::RoleIndex => field_ref("metadata.labels['rbg.workloads.x-k8s.io/role-instance-index']"),
            Identity::InstanceName => field_ref("metadata.labels['rbg.workloads.x-k8s.io/role-instance-name']"),
            Identity::ComponentName => field_ref("metadata.labels['rbg.workloads.x-k8s.io/component-name']"),
            Identity::ComponentIndex => field_ref("metadata.labels['rbg.workloads.x-k8s.io/component-id']"),
            Identity::WorkerIndex => field_ref("metadata.labels['rbg.workloads.x-k8s.io/component-index']"),
            Identity::GroupSize => field_ref("metadata.labels['rbg.workloads.x-k8s.io/component-size']"),
            Identity::LeaderAddress => self.leader_address(part),
        }
    }

    /// The address of the first pod of the instance.
    fn leader_address(&self, part: &Part<'_>) -> Data {
        let (group, role) = (self.group.source, self.role.source);
        let own = format!("$({})", Identity::InstanceName.name());
        let leader = match (&part.source.kind, &role.parts[0].kind) {
            (PartKind::Single, _) => own,
            (_, PartKind::Component(first)) => format!("{own}-{first}-0"),
            (PartKind::Leader | PartKind::Worker | PartKind::Component(_), _) => format!("{own}-0"),
        };
        let service = naming::headless(&group.name, &role.name);
        naming::address(&leader, &service, Some(&group.namespace)).into()
    }
}

/// What the controller gives the role's container, before the user's variables: all but the address
/// of a leader where the pattern has none.
fn injected(form: Form, kind: &PartKind) -> Vec<&'static str> {
    use Identity::{
        ComponentIndex, ComponentName, GroupName, GroupSize, InstanceName, LeaderAddress, RoleIndex, RoleName,
        WorkerIndex,
    };
    let mut list = vec![ComponentIndex, ComponentName, GroupName, InstanceName, RoleName];
    list.extend((form != Form::Deployment).then_some(RoleIndex));
    if matches!(kind, PartKind::Leader | PartKind::Worker) {
        list.extend([LeaderAddress, WorkerIndex, GroupSize]);
    }
    list.into_iter().map(Identity::name).collect()
}
