//! The model: what the sources say, evaluated and in terms of roles.

use std::collections::BTreeMap;

use crate::data::Data;
pub use crate::link::Link;
use crate::quantity::Quantity;
use crate::source::Span;

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
    /// The name of the objects: `g`, or `g-0` for the first of `x N`. A DNS label.
    pub name: String,
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

    /// Accelerators of one instance.
    pub fn gpus(&self) -> u32 {
        self.parts.iter().map(|p| p.count * p.pod.gpus).sum()
    }

    /// The ports of the part that answers for the instance.
    pub fn ports(&self) -> &[Port] {
        &self.parts[0].pod.main.ports
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

/// A pod template in the terms of the language.
#[derive(Debug, Clone)]
pub struct Pod {
    /// The container of the role; it carries the role's name.
    pub main: Container,
    /// Containers that run to their end before, in order.
    pub inits: Vec<Container>,
    /// Native sidecars, in order.
    pub sidecars: Vec<Container>,
    /// Accelerators.
    pub gpus: u32,
    /// The accelerator product by the inventory's name, and where it is asked for.
    pub gpu: Option<(String, Span)>,
    /// Units of the RDMA resource.
    pub rdma: u32,
    /// Where `rdma` is set.
    pub rdma_span: Span,
    /// Size of `/dev/shm`.
    pub shm: Option<Quantity>,
    /// Volumes to mount by name.
    pub volumes: Vec<Volume>,
    /// Files from the compilation, mounted one by one.
    pub files: Vec<File>,
    /// Secrets to pull images with.
    pub image_pull_secrets: Vec<String>,
    /// Seconds between the request to end and the kill.
    pub grace: Option<u32>,
    /// Seconds that a pod goes on serving after it was asked to end, before it is told.
    pub drain: Option<u32>,
    /// Name of a PriorityClass.
    pub priority: Option<String>,
    /// Tolerations besides those that placement needs: core/v1 Toleration, checked.
    pub tolerations: Vec<Data>,
    /// What the security context is to be.
    pub security: Security,
    /// `pod { … }`: a part of a core/v1 PodSpec, checked by name and type, merged last. Lists with
    /// a Kubernetes merge key are lists of maps whose key field is set. Empty when not used.
    pub overrides: Data,
}

/// The security switches of a pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Security {
    /// User and group to run as.
    pub run_as_user: Option<i64>,
    /// The image is known to run without root.
    pub non_root: bool,
    /// The image is known to run with a read-only root file system.
    pub read_only_root: bool,
    /// Directories that are made writable (each an emptyDir) under a read-only root.
    pub writable: Vec<String>,
    /// Linux capabilities to add.
    pub capabilities: Vec<String>,
    /// All of the host's devices and rights.
    pub privileged: bool,
}

/// A container.
#[derive(Debug, Clone)]
pub struct Container {
    /// A DNS label.
    pub name: String,
    /// The image.
    pub image: String,
    /// Where the image is set.
    pub image_span: Span,
    /// `Always`, `IfNotPresent` or `Never`; `None` leaves it to Kubernetes.
    pub pull: Option<&'static str>,
    /// Entry point; empty keeps the image's.
    pub command: Vec<RuntimeText>,
    /// Arguments, flags already spelt out at the end.
    pub args: Vec<RuntimeText>,
    /// Environment, sorted by name, without what the compiler adds.
    pub env: BTreeMap<String, EnvValue>,
    /// Ports by declaration.
    pub ports: Vec<Port>,
    /// Processor, memory and others; accelerators and RDMA stand at the pod.
    pub resources: Resources,
    /// Readiness.
    pub ready: Option<Probe>,
    /// Liveness.
    pub live: Option<Probe>,
    /// Start-up.
    pub startup: Option<Probe>,
    /// Where volumes are mounted.
    pub mounts: Vec<Mount>,
}

impl Container {
    /// Seconds that the start-up probe (or else the readiness probe's delay) allows.
    pub fn startup_budget(&self) -> u32 {
        let startup = self.startup.as_ref().map(|p| p.delay + p.every * p.failures);
        startup.or(self.ready.as_ref().map(|p| p.delay)).unwrap_or(0)
    }
}

/// What a container asks for; requests and limits are equal.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Processors.
    pub cpu: Option<Quantity>,
    /// Memory, `/dev/shm` included.
    pub memory: Option<Quantity>,
    /// Local disk.
    pub ephemeral: Option<Quantity>,
    /// Huge pages.
    pub hugepages: Option<Quantity>,
    /// Resources by their Kubernetes name, from `resources { … }`.
    pub extra: BTreeMap<String, Quantity>,
}

/// A text in which parts are known in the running pod only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuntimeText(pub Vec<Piece>);

/// A piece of a [`RuntimeText`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// Known text.
    Text(String),
    /// A value of the running pod.
    Value(RuntimeValue),
}

/// Values that the running pod knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuntimeValue {
    /// `leader.address`: a name of the instance's leader that resolves everywhere.
    LeaderAddress,
    /// `self.rank`: 0 in the leader, 1 and above in workers.
    Rank,
    /// `self.index`: the number of the instance in its role.
    Index,
    /// `self.instance`: the name of the instance.
    Instance,
    /// `pod.ip`.
    PodIp,
    /// `pod.name`.
    PodName,
    /// `pod.namespace`.
    PodNamespace,
    /// `pod.node`: the name of the node.
    NodeName,
    /// `pod.host-ip`.
    HostIp,
}

impl From<String> for RuntimeText {
    fn from(text: String) -> Self {
        RuntimeText(vec![Piece::Text(text)])
    }
}

/// The value of an environment variable.
#[derive(Debug, Clone, PartialEq)]
pub enum EnvValue {
    /// A text.
    Text(RuntimeText),
    /// A key of a Secret that exists.
    Secret {
        /// The Secret.
        name: String,
        /// The key.
        key: String,
        /// The pod starts without it.
        optional: bool,
    },
    /// A key of a ConfigMap that exists.
    Config {
        /// The ConfigMap.
        name: String,
        /// The key.
        key: String,
        /// The pod starts without it.
        optional: bool,
    },
}

/// A named port.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// At most 15 of `a-z 0-9 -`, with a letter.
    pub name: String,
    /// 1 to 65535.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// Where its name stands.
    pub span: Span,
}

/// A health check.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// How it looks.
    pub check: Check,
    /// Seconds between two looks; at least 1.
    pub every: u32,
    /// Seconds before the first.
    pub delay: u32,
    /// Seconds until a look counts as failed; at least 1.
    pub timeout: u32,
    /// Failures in a row that count; at least 1.
    pub failures: u32,
    /// Successes in a row that count; at least 1.
    pub successes: u32,
}

/// How a probe looks.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// An HTTP GET of a path on a named port.
    Http(String, String),
    /// A connection to a named port.
    Tcp(String),
    /// The gRPC health protocol on a numbered port, for a service.
    Grpc(u16, Option<String>),
    /// A command.
    Exec(Vec<RuntimeText>),
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// A DNS label.
    pub name: String,
    /// What it is.
    pub kind: VolumeKind,
    /// Where its name stands.
    pub span: Span,
}

/// Kinds of volumes.
#[derive(Debug, Clone, PartialEq)]
pub enum VolumeKind {
    /// A PersistentVolumeClaim that exists.
    Claim {
        /// Its name.
        name: String,
        /// Mounted read-only.
        read_only: bool,
    },
    /// A claim of its own for every pod, from `claim NAME { … }`.
    Template {
        /// Size.
        size: Quantity,
        /// StorageClass; `None` takes the default one.
        class: Option<String>,
        /// `ReadWriteOnce`, `ReadWriteOncePod`, `ReadWriteMany` or `ReadOnlyMany`.
        access: &'static str,
    },
    /// An empty directory.
    Empty {
        /// Size limit.
        size: Option<Quantity>,
        /// In memory.
        memory: bool,
    },
    /// A ConfigMap that exists.
    Config(String),
    /// A Secret that exists.
    Secret(String),
    /// A directory of the node.
    Host(String),
}

/// A volume in a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Mount {
    /// Absolute path in the container.
    pub path: String,
    /// Name of a volume of the pod.
    pub volume: String,
    /// Mounted read-only.
    pub read_only: bool,
    /// A directory or file in the volume.
    pub sub_path: Option<String>,
}

/// A file that the compilation makes.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Absolute path in the main container.
    pub path: String,
    /// Key in its ConfigMap: unique in the pod.
    pub key: String,
    /// Content.
    pub text: String,
    /// Permission bits.
    pub mode: Option<u32>,
    /// A change of the content restarts the pods; false when the process reads it again itself.
    pub restart: bool,
}

/// A role that must be ready before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Who.
    pub role: RoleId,
    /// The `after` clause that says so.
    pub span: Span,
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
    /// Both ends must run the same revision.
    pub same_revision: bool,
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

/// A clause of `place`, with the roles spelt out.
#[derive(Debug, Clone)]
pub struct Clause {
    /// What it asks for.
    pub kind: ClauseKind,
    /// `None` when required; for `prefer` the weight, at least 1.
    pub prefer: Option<u32>,
    /// The clause.
    pub span: Span,
}

/// Kinds of clauses. Roles are indices in the group; levels are names.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// The pods of each instance of each of these roles share one domain.
    Instances {
        /// The roles.
        roles: Vec<usize>,
        /// The level.
        level: Level,
    },
    /// All pods of these roles share one domain (`group within` names all roles).
    Together {
        /// The roles.
        roles: Vec<usize>,
        /// The level.
        level: Level,
    },
    /// Each cell shares one domain: cell `k` has instances `k·share .. (k+1)·share` of each role.
    Cells {
        /// Role and share.
        shares: Vec<(usize, u32)>,
        /// The level.
        level: Level,
    },
    /// Each instance of `role` shares a domain with an instance of `to`.
    Near {
        /// The bound role.
        role: usize,
        /// The other.
        to: usize,
        /// The level.
        level: Level,
    },
    /// The instances of `role` are spread over domains.
    Spread {
        /// The role.
        role: usize,
        /// The level.
        level: Level,
        /// Largest difference between two domains that hold instances or could.
        max_skew: Option<u32>,
        /// Least number of domains.
        at_least: Option<u32>,
    },
    /// No two instances of `role` in one domain; with `from`, no instance of one with one of the other.
    Apart {
        /// The role.
        role: usize,
        /// The other.
        from: Option<usize>,
        /// The level.
        level: Level,
    },
    /// No other group's accelerator pods in the domains that this group's accelerator pods use.
    Exclusive {
        /// The level.
        level: Level,
    },
    /// Losing any `count` domains leaves every role of the group an instance.
    Survive {
        /// How many domains are lost.
        count: u32,
        /// The level.
        level: Level,
    },
    /// Only (or not) nodes of these pools.
    Pool {
        /// The roles.
        roles: Vec<usize>,
        /// Not these.
        not: bool,
        /// Names and places.
        pools: Vec<(String, Span)>,
    },
    /// Only (or not) nodes with one of these label values.
    Label {
        /// The roles.
        roles: Vec<usize>,
        /// Not these.
        not: bool,
        /// The key.
        key: String,
        /// The values; never empty.
        values: Vec<String>,
    },
}

/// A level by name, and where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Its name in the inventory.
    pub name: String,
    /// Where it is named.
    pub span: Span,
}

/// Roles that are paired, and rolled and scaled together.
#[derive(Debug, Clone)]
pub struct Coordination {
    /// Index of each role and its share of a cell; shares are 1 when no ratio is given.
    pub roles: Vec<(usize, u32)>,
    /// The ratio and where it stands.
    pub ratio: Option<Span>,
    /// The statement.
    pub span: Span,
}

/// How the number of instances follows the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscale {
    /// What is measured.
    pub metric: Metric,
    /// Seconds to look back before scaling in.
    pub stabilization: Option<u32>,
    /// The statement.
    pub span: Span,
}

/// What an autoscaler measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Average use of a resource (`cpu` or `memory`), in percent of the request.
    Resource {
        /// `cpu` or `memory`.
        name: String,
        /// Percent.
        utilization: u32,
    },
    /// A metric of each pod, by its average.
    Pods {
        /// Its name.
        name: String,
        /// The average wanted.
        average: Quantity,
    },
}
