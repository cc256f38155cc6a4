//! The model: what the sources say, evaluated and in terms of roles.

use std::collections::BTreeMap;

use crate::kinds::Target;
pub use crate::link::Link;
use crate::naming;
use crate::source::Span;

mod autoscale;
mod coordination;
mod engine_runtime;
mod place;
mod pod;
mod routing;
mod warm_up;

pub use autoscale::*;
pub use coordination::*;
pub use engine_runtime::*;
pub use place::*;
pub use pod::*;
pub use routing::*;
pub use warm_up::*;

/// Everything that the sources say, evaluated.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The groups to compile, in the order of files (sorted by name) and declarations.
    pub groups: Vec<Group>,
}

/// A role of the model: index of the group, index of the role in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleId {
    /// Index in [`Model::groups`].
    pub group: usize,
    /// Index in [`Group::roles`].
    pub role: usize,
}

impl Model {
    /// The role with this index.
    pub fn role(&self, id: RoleId) -> &Role {
        &self.groups[id.group].roles[id.role]
    }

    /// The group of a role.
    pub fn group_of(&self, id: RoleId) -> &Group {
        &self.groups[id.group]
    }

    /// All roles with their index, in order.
    pub fn roles(&self) -> impl Iterator<Item = (RoleId, &Role)> {
        self.groups
            .iter()
            .enumerate()
            .flat_map(|(group, g)| g.roles.iter().enumerate().map(move |(role, r)| (RoleId { group, role }, r)))
    }
}

/// One service of several roles: one element of `group g x N`.
#[derive(Debug, Clone)]
pub struct Group {
    /// The name of the objects: `g`, or `g-0` for the first of `x N`; with the number of the generation
    /// behind it from the second on. A DNS label.
    pub name: String,
    /// The name without the generation: of its directory, its lock, and of the Services by which others
    /// reach it.
    pub stem: String,
    /// Which set of objects this is, from 1. A later one comes up beside the one before.
    pub generation: u32,
    /// Where that is said, else the name of the group.
    pub generation_span: Span,
    /// The name in the source.
    pub declared: String,
    /// Its number, for `x N`.
    pub index: Option<u32>,
    /// The namespace. A DNS label.
    pub namespace: String,
    /// Labels for every object of the group.
    pub labels: BTreeMap<String, String>,
    /// Annotations for every object of the group.
    pub annotations: BTreeMap<String, String>,
    /// How firmly the plan is written into the manifests.
    pub pin: Pin,
    /// What the solver prefers when a better link would cost a move.
    pub objective: Objective,
    /// The roles, in the order of the source; absent ones (`when false`) are left out.
    pub roles: Vec<Role>,
    /// The `connect` statements.
    pub connections: Vec<Connection>,
    /// Who names whom: from uses of addresses and ports. Sorted, without repetition.
    pub references: Vec<Reference>,
    /// The clauses of `place`, of the group and of its roles.
    pub clauses: Vec<Clause>,
    /// The `coordinate` statements.
    pub coordinations: Vec<Coordination>,
    /// The file that declares it, as in the source map.
    pub source: String,
    /// Where its name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Vec<String>,
}

impl Group {
    /// The Service by which those who are not of the group reach a role; its name is the same in all
    /// generations.
    pub fn client_service(&self, role: &Role) -> String {
        naming::workload(&self.stem, &role.name)
    }

    /// The name of the objects of the generation before, which may still stand.
    pub fn before(&self) -> Option<String> {
        match self.generation {
            0 | 1 => None,
            2 => Some(self.stem.clone()),
            number => Some(naming::generation(&self.stem, number - 1)),
        }
    }

    /// The ConfigMap with the discovery file. The RoleBasedGroup controller makes one of the group's
    /// name, but writes addresses into it that pods of multi-pod roles do not have (upstream #448);
    /// groups with such roles get one of their own.
    pub fn discovery(&self, target: Target) -> String {
        match target {
            Target::Rbg if self.writes_discovery(target) => naming::discovery(&self.name),
            Target::Native | Target::Lws | Target::Rbg => self.name.clone(),
        }
    }

    /// Whether the discovery file is ours to write.
    pub fn writes_discovery(&self, target: Target) -> bool {
        match target {
            Target::Native | Target::Lws => true,
            Target::Rbg => self.roles.iter().any(Role::multi_pod),
        }
    }
}

/// How firmly the plan is written into the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pin {
    /// Required: the domain of the narrowest required clause. Preferred: the planned nodes.
    #[default]
    Domain,
    /// Required: exactly the planned nodes.
    Nodes,
    /// Nothing but what makes a node eligible.
    None,
}

/// What comes first when the solver re-plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objective {
    /// Move as little as possible.
    #[default]
    Stability,
    /// The best links.
    Locality,
}

/// A number of instances, from `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    /// Lower bound.
    pub min: u32,
    /// Upper bound; equal to `min` when the number is fixed.
    pub max: u32,
}

impl Replicas {
    /// Whether an autoscaler owns the number.
    pub fn autoscaled(self) -> bool {
        self.min < self.max
    }
}

/// Which workload objects a role becomes. The source alone decides, so that a scale-up never
/// changes the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Interchangeable pods without identity: one Deployment.
    Deployment,
    /// Pods with ordinals, all from one template: one StatefulSet.
    StatefulSet,
    /// Objects of its own for every instance: multi-pod instances, and single pods that are placed
    /// by a clause or coordinated.
    PerInstance,
    /// Leaders and workers on the target `lws`: a LeaderWorkerSet for every instance, or one for all
    /// when an autoscaler owns their number.
    LeaderWorkerSet,
    /// Instances of several pods that a controller of the cluster makes, all from one set of
    /// templates: one object for all.
    InstanceSet,
}

/// One kind of process of a group.
#[derive(Debug, Clone)]
pub struct Role {
    /// A DNS label.
    pub name: String,
    /// Where its name stands.
    pub span: Span,
    /// Its doc comment.
    pub doc: Vec<String>,
    /// The templates it is made from, outermost last, for messages.
    pub templates: Vec<String>,
    /// Number of instances.
    pub replicas: Replicas,
    /// Where `replicas` is set; the role's name when it is not.
    pub replicas_span: Span,
    /// Workload objects.
    pub form: Form,
    /// The pods of one instance: one [`PartKind::Single`]; a leader and workers; or components.
    /// Never empty. The first one answers for the instance.
    pub parts: Vec<Part>,
    /// Roles that must be ready before, within and across groups, without repetition.
    pub after: Vec<After>,
    /// How the number of instances is chosen, for a true range.
    pub autoscale: Option<Autoscale>,
    /// How many of its instances, the last ones, stand for this commit still, and are on their way out.
    pub leaving: u32,
    /// What restarts together when a pod fails, and where that is said: in the role, or else in the
    /// coordination that it is part of.
    pub recover: Option<(Recovery, Span)>,
    /// Seconds that a pod must be ready to count as available.
    pub min_ready: u32,
    /// Labels on the workload and its pods.
    pub labels: BTreeMap<String, String>,
    /// Annotations on the workload and its pods.
    pub annotations: BTreeMap<String, String>,
    /// The service account that the user brings; `None` makes one of its own.
    pub service_account: Option<String>,
    /// What its service account may do in its namespace, for discovery by selector.
    pub discovers: bool,
    /// Profiles whose containers a controller adds to its pods.
    pub engine_runtimes: Vec<EngineRuntime>,
    /// What is made ready on nodes before its pods start there.
    pub warm_up: Option<WarmUp>,
    /// How clients outside of the cluster reach it.
    pub expose: Option<Expose>,
    /// How its metrics are read.
    pub metrics: Option<Metrics>,
    /// Who may reach it besides those who are known.
    pub network: Option<Network>,
    /// Which of its pods its Service for clients prefers, in the words of Kubernetes, and where that
    /// is said.
    pub traffic_distribution: Option<(String, Span)>,
}

impl Role {
    /// Pods of one instance.
    pub fn pods(&self) -> u32 {
        self.parts.iter().map(|p| p.count).sum()
    }

    /// Whether an instance is more than one pod by its shape: a leader with workers, or components.
    pub fn multi_pod(&self) -> bool {
        !matches!(self.parts[0].kind, PartKind::Single)
    }

    /// Whether it is made of named components.
    pub fn has_components(&self) -> bool {
        matches!(self.parts[0].kind, PartKind::Component(_))
    }

    /// Whether an instance is on its way out: it stands, and nobody is told of it.
    pub fn leaves(&self, instance: u32) -> bool {
        self.leaving > 0 && instance >= self.replicas.min.saturating_sub(self.leaving)
    }

    /// Who chooses how many instances there are.
    pub fn replicas_owner(&self) -> ReplicasOwner<'_> {
        match &self.autoscale {
            Some(autoscale) if self.replicas.autoscaled() => ReplicasOwner::Autoscaler(autoscale),
            _ => ReplicasOwner::Sources(self.replicas.min),
        }
    }

    /// Whether every instance has objects of its own.
    pub fn by_instance(&self) -> bool {
        match self.form {
            Form::Deployment | Form::StatefulSet | Form::InstanceSet => false,
            Form::PerInstance => true,
            Form::LeaderWorkerSet => !self.replicas.autoscaled(),
        }
    }

    /// Accelerators of one instance.
    pub fn gpus(&self) -> u32 {
        self.parts.iter().map(|p| p.count * p.pod.gpus).sum()
    }

    /// The ports of the part that answers for the instance.
    pub fn ports(&self) -> &[Port] {
        &self.parts[0].pod.main.ports
    }

    /// The port by which others tell that the role is ready, because its Service lets connections
    /// through to ready pods only: the one of its readiness probe, else its first one.
    pub fn awaited_port(&self) -> Option<&Port> {
        let mut ports = self.ports().iter().filter(|port| port.protocol == "TCP");
        let probe = self.parts[0].pod.main.ready.as_ref().map(|probe| &probe.check);
        let probed = |port: &&Port| match probe {
            Some(Check::Http(_, name) | Check::Tcp(name)) => port.name == *name,
            Some(Check::Grpc(number, _)) => port.number == *number,
            Some(Check::Exec(_)) | None => false,
        };
        ports.clone().find(probed).or_else(|| ports.next())
    }

    /// Whether an instance has several pods, which the source wants to restart together.
    pub fn recovers_together(&self) -> bool {
        self.multi_pod() && self.pods() > 1 && matches!(self.recover, Some((Recovery::Instance, _)))
    }

    /// Seconds that a start may take by the start-up probe of the slowest part; at least 60.
    pub fn startup_budget(&self) -> u32 {
        self.parts.iter().map(|p| p.pod.main.startup_budget()).max().unwrap_or(0).max(60)
    }
}

/// Pods of an instance that share a template.
#[derive(Debug, Clone)]
pub struct Part {
    /// What they are.
    pub kind: PartKind,
    /// How many of them an instance has; at least 1.
    pub count: u32,
    /// Their template.
    pub pod: Pod,
    /// Components of the same instance that must be ready before: indices in [`Role::parts`].
    pub after: Vec<usize>,
}

impl Part {
    /// The ports of its containers.
    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        std::iter::once(&self.pod.main).chain(&self.pod.sidecars).flat_map(|container| &container.ports)
    }
}

/// The pods of an instance by their task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// The only pod.
    Single,
    /// The pod of rank 0.
    Leader,
    /// The pods of rank 1 and above.
    Worker,
    /// A named part of an instance of unlike parts.
    Component(String),
}

impl PartKind {
    /// The word in names, labels and messages.
    pub fn name(&self) -> &str {
        match self {
            PartKind::Single => "pod",
            PartKind::Leader => "leader",
            PartKind::Worker => "worker",
            PartKind::Component(name) => name,
        }
    }
}

/// A role that must be ready before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Who.
    pub role: RoleId,
    /// The `after` clause that says so.
    pub span: Span,
    /// Pods wait for it whenever they start, not only when the delivery brings them.
    pub wait: bool,
}

/// Traffic between the instances of two roles of a group.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Index of the role that speaks first.
    pub from: usize,
    /// Index of the role that answers.
    pub to: usize,
    /// The kind, when one is named.
    pub edge: Option<String>,
    /// The worst link allowed, and where that is said.
    pub floor: Option<(Link, Span)>,
    /// Importance; at least 1.
    pub weight: u32,
    /// What both ends must agree on at any time, by name: `image`, `args` and flags such as
    /// `--page-size`, each with the values of both ends. Empty when they need not.
    pub revision: BTreeMap<String, String>,
    /// The statement.
    pub span: Span,
}

/// A role that names another: by address, Service, selector or port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Index of the role, in this group, whose value names the other.
    pub from: usize,
    /// The role that is named, of this or another group.
    pub to: RoleId,
    /// The port by name, when one is named.
    pub port: Option<String>,
    /// The addresses of single instances are used, so a changed replica count changes `from`.
    pub addresses: bool,
}
