//! Pods of the model: containers, probes, volumes, files.

use std::collections::BTreeMap;

use crate::data::Data;
use crate::quantity::Quantity;
use crate::source::Span;

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
    /// What the image of the main container has to run a script with.
    pub interpreter: Option<Interpreter>,
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

/// What an image has to run a script with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpreter {
    /// Python 3.8 or later.
    Python,
    /// Bash with `/dev/tcp`, and `sleep`.
    Bash,
}

impl Interpreter {
    /// The interpreter of this name.
    pub fn parse(name: &str) -> Option<Interpreter> {
        [Interpreter::Python, Interpreter::Bash].into_iter().find(|interpreter| interpreter.name() == name)
    }

    /// The command that runs it, which is its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Interpreter::Python => "python3",
            Interpreter::Bash => "bash",
        }
    }
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
    /// The values of the running pod that its texts name.
    pub fn runtime_values(&self) -> impl Iterator<Item = RuntimeValue> {
        let env = self.env.values().filter_map(|value| match value {
            EnvValue::Text(text) => Some(text),
            EnvValue::Secret { .. } | EnvValue::Config { .. } => None,
        });
        let probes = [&self.ready, &self.live, &self.startup].into_iter().flatten();
        let probes = probes.flat_map(|probe| match &probe.check {
            Check::Exec(words) => words.as_slice(),
            Check::Http(..) | Check::Tcp(_) | Check::Grpc(..) => &[],
        });
        let texts = self.command.iter().chain(&self.args).chain(env).chain(probes);
        texts.flat_map(|text| &text.0).filter_map(|piece| match piece {
            Piece::Value(value) => Some(*value),
            Piece::Text(_) => None,
        })
    }

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
    /// `node.nics`: the RDMA adapters of the nodes that the pod may use, in the order of the rails.
    /// The compiler knows it, once it knows the machines.
    Nics,
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

impl Port {
    /// Whether it is named after metrics.
    pub fn is_metrics(&self) -> bool {
        self.name.split('-').any(|word| matches!(word, "metrics" | "prometheus" | "prom"))
    }
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
