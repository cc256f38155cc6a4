//! A pod template: what all pods of a part share, before their identity and their place are added.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::check::{self, Check, EnvValue, Form, VolumeKind};
use crate::inventory::{Inventory, ResourceNames};
use crate::kinds::Target;
use crate::plan::env::{self, Identity, PodField, Voice};
use crate::plan::files::{self, Item};
use crate::quantity::Quantity;

/// The volume and directory of the discovery file: upstream's.
pub const DISCOVERY_VOLUME: &str = "rbg-cluster-config";
/// Where the discovery file is mounted.
pub const DISCOVERY_DIRECTORY: &str = "/etc/rbg";
/// The key of the discovery file.
pub const DISCOVERY_KEY: &str = "config.yaml";

/// What all pods of a part share.
#[derive(Debug)]
pub struct PodTemplate<'m> {
    /// The pod in the terms of the language; what is not repeated here is taken from it.
    pub pod: &'m check::Pod,
    /// The part is asked for its token, to discover others by selector.
    pub token: bool,
    /// What the containers are told about the pod, in order.
    pub identity: Vec<Identity>,
    /// The role's container.
    pub main: Container<'m>,
    /// Containers that run to their end before, in order.
    pub inits: Vec<Container<'m>>,
    /// Native sidecars, in order.
    pub sidecars: Vec<Container<'m>>,
    /// Volumes.
    pub volumes: Vec<Volume<'m>>,
    /// Claims of every pod's own.
    pub claims: Vec<Claim<'m>>,
    /// Of the files that restart the pod.
    pub checksum: Option<String>,
    /// Seconds between the request to end and the kill.
    pub grace: Option<u32>,
    /// The pod uses the node's network.
    pub host_network: bool,
}

/// A container.
#[derive(Debug)]
pub struct Container<'m> {
    /// The container in the terms of the language; what is not repeated here is taken from it.
    pub source: &'m check::Container,
    /// Its name.
    pub name: Cow<'m, str>,
    /// It is told what the pod knows about itself.
    pub told: bool,
    /// Its declared ports.
    pub ports: &'m [check::Port],
    /// A port of the compiler's own that it listens on.
    pub listens: Option<u16>,
    /// Entry point; empty keeps the image's.
    pub command: Vec<Cow<'m, str>>,
    /// Arguments.
    pub args: Vec<Cow<'m, str>>,
    /// Fields of the pod that its texts use.
    pub fields: BTreeSet<PodField>,
    /// The user's variables, sorted by name.
    pub env: Vec<(&'m str, EnvSource<'m>)>,
    /// Requests, which are also the limits.
    pub resources: Vec<(Cow<'m, str>, Quantity)>,
    /// Mounts; no path twice.
    pub mounts: Vec<Mount<'m>>,
    /// Readiness.
    pub ready: Option<Probe<'m>>,
    /// Liveness.
    pub live: Option<Probe<'m>>,
    /// Start-up.
    pub startup: Option<Probe<'m>>,
    /// Seconds of sleep before the container is asked to end.
    pub drain: Option<u32>,
    /// The switches of the pod; only the role's container has those that give rights or take the
    /// root file system.
    pub security: Option<&'m check::Security>,
}

/// The value of a variable.
#[derive(Debug)]
pub enum EnvSource<'m> {
    /// A text.
    Text(Cow<'m, str>),
    /// A field of the pod.
    Field(PodField),
    /// A key of a Secret or ConfigMap that exists.
    Key(&'m EnvValue),
}

/// A health check.
#[derive(Debug)]
pub struct Probe<'m> {
    /// The probe in the terms of the language.
    pub source: &'m check::Probe,
    /// The command, when it is one.
    pub exec: Vec<Cow<'m, str>>,
}

/// A mount.
#[derive(Debug, Clone)]
pub struct Mount<'m> {
    /// The volume.
    pub volume: Cow<'m, str>,
    /// The path in the container.
    pub path: Cow<'m, str>,
    /// Mounted read-only.
    pub read_only: bool,
    /// A directory or file in the volume.
    pub sub_path: Option<Cow<'m, str>>,
}

/// A volume.
#[derive(Debug)]
pub struct Volume<'m> {
    /// Its name.
    pub name: Cow<'m, str>,
    /// What it is.
    pub source: Source<'m>,
}

/// What a volume is.
#[derive(Debug)]
pub enum Source<'m> {
    /// A volume of the language.
    Model(&'m VolumeKind),
    /// A ConfigMap, or some of its keys when `items` is not empty.
    Config {
        /// The ConfigMap.
        name: Cow<'m, str>,
        /// The keys.
        items: Vec<Item<'m>>,
    },
    /// An empty directory.
    Empty {
        /// Size limit.
        size: Option<Quantity>,
        /// In memory.
        memory: bool,
    },
    /// A claim that lives as long as its pod, where pods have no ordinals.
    Ephemeral(Claim<'m>),
}

/// A claim of every pod's own.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'m> {
    /// The name of the volume.
    pub name: &'m str,
    /// Size.
    pub size: Quantity,
    /// StorageClass; `None` takes the default one.
    pub class: Option<&'m str>,
    /// Access mode.
    pub access: &'static str,
}

/// The template of a part. `set` is the ConfigMap with its files, `nics` what `node.nics` says.
pub fn template<'m>(
    group: &'m check::Group,
    role: &'m check::Role,
    part: &'m check::Part,
    (set, nics): (&str, &'m str),
    (target, inventory): (Target, &'m Inventory),
) -> PodTemplate<'m> {
    let pod = &part.pod;
    let voice = Voice { form: role.form, kind: &part.kind, namespace: &group.namespace, nics };
    let wanted = containers(pod).flat_map(|c| env::values(c, false)).collect();
    let files = files::mount(set, pod);
    let (mut volumes, claims) = own_volumes(pod, role.form);
    volumes.push(discovery_volume(group.discovery(target)));
    volumes.extend(files.volumes);
    volumes.extend(pod.shm.map(|size| empty("rbg-shm".into(), Some(size), true)));
    let mut main = container(&pod.main, voice);
    main.security = Some(&pod.security);
    main.drain = pod.drain;
    devices(&mut main.resources, pod, &inventory.resources);
    main.mounts.extend(files.mounts);
    main.mounts.extend(pod.shm.map(|_| writable("rbg-shm".into(), "/dev/shm")));
    if pod.security.read_only_root {
        for (number, path) in pod.security.writable.iter().enumerate() {
            let name = format!("rbg-writable-{number}");
            volumes.push(empty(name.clone().into(), None, false));
            main.mounts.push(writable(name.into(), path));
        }
    }
    let mut sidecars: Vec<Container> = pod.sidecars.iter().map(|c| container(c, voice)).collect();
    let mut inits: Vec<Container> = pod.inits.iter().map(|c| container(c, voice)).collect();
    for running in std::iter::once(&mut main).chain(&mut sidecars) {
        running.mounts.push(discovery_mount());
    }
    for each in std::iter::once(&mut main).chain(&mut sidecars).chain(&mut inits) {
        drop_repeated(&mut each.mounts);
        size_hugepages(&mut each.resources, each.source, &inventory.resources);
    }
    PodTemplate {
        pod,
        token: role.discovers,
        identity: Identity::of(role.form, &part.kind, &wanted),
        main,
        inits,
        sidecars,
        volumes,
        claims,
        checksum: files.checksum,
        grace: pod.grace.or(pod.drain.map(|drain| drain.saturating_add(30))),
        host_network: pod.overrides.at(&["hostNetwork"]) == Some(&crate::data::Data::Bool(true)),
    }
}

fn containers(pod: &check::Pod) -> impl Iterator<Item = &check::Container> {
    std::iter::once(&pod.main).chain(&pod.inits).chain(&pod.sidecars)
}

fn container<'m>(source: &'m check::Container, voice: Voice<'m>) -> Container<'m> {
    let probe = |p: &'m Option<check::Probe>| p.as_ref().map(|p| probe(p, voice));
    Container {
        source,
        name: Cow::Borrowed(&source.name),
        told: true,
        ports: &source.ports,
        listens: None,
        command: source.command.iter().map(|t| voice.text(t)).collect(),
        args: source.args.iter().map(|t| voice.text(t)).collect(),
        fields: voice.fields(&env::values(source, true)),
        env: source.env.iter().map(|(name, value)| (name.as_str(), variable(value, voice))).collect(),
        resources: resources(&source.resources),
        mounts: source.mounts.iter().map(mount).collect(),
        ready: probe(&source.ready),
        live: probe(&source.live),
        startup: probe(&source.startup),
        drain: None,
        security: None,
    }
}

fn variable<'m>(value: &'m EnvValue, voice: Voice<'m>) -> EnvSource<'m> {
    match value {
        EnvValue::Text(text) => match voice.lone_field(text) {
            Some(field) => EnvSource::Field(field),
            None => EnvSource::Text(voice.text(text)),
        },
        EnvValue::Secret { .. } | EnvValue::Config { .. } => EnvSource::Key(value),
    }
}

fn probe<'m>(source: &'m check::Probe, voice: Voice<'m>) -> Probe<'m> {
    let exec = match &source.check {
        Check::Exec(words) => voice.probe_command(words),
        Check::Http(..) | Check::Tcp(_) | Check::Grpc(..) => Vec::new(),
    };
    Probe { source, exec }
}

fn mount(mount: &check::Mount) -> Mount<'_> {
    Mount {
        volume: Cow::Borrowed(&mount.volume),
        path: Cow::Borrowed(&mount.path),
        read_only: mount.read_only,
        sub_path: mount.sub_path.as_deref().map(Cow::Borrowed),
    }
}

fn resources(wanted: &check::Resources) -> Vec<(Cow<'_, str>, Quantity)> {
    let plain = [("cpu", wanted.cpu), ("memory", wanted.memory), ("ephemeral-storage", wanted.ephemeral)];
    let plain = plain.into_iter().filter_map(|(name, amount)| Some((Cow::Borrowed(name), amount?)));
    plain.chain(wanted.extra.iter().map(|(name, amount)| (Cow::Borrowed(name.as_str()), *amount))).collect()
}

/// Huge pages are called after their size, which the inventory knows.
fn size_hugepages<'m>(
    resources: &mut Vec<(Cow<'m, str>, Quantity)>,
    source: &check::Container,
    names: &'m ResourceNames,
) {
    if let (Some(amount), Some(name)) = (source.resources.hugepages, &names.hugepages) {
        resources.push((Cow::Borrowed(name), amount));
    }
}

/// Accelerators and RDMA devices, by the inventory's names.
fn devices<'m>(resources: &mut Vec<(Cow<'m, str>, Quantity)>, pod: &check::Pod, names: &'m ResourceNames) {
    let wanted = [(Some(&names.gpu), pod.gpus), (names.rdma.as_ref(), pod.rdma)];
    for (name, count) in wanted.into_iter().filter(|(_, count)| *count > 0) {
        resources.extend(name.map(|n| (Cow::Borrowed(n.as_str()), Quantity::units(i64::from(count)))));
    }
}

/// The volumes of the language, and the claims among them.
fn own_volumes(pod: &check::Pod, form: Form) -> (Vec<Volume<'_>>, Vec<Claim<'_>>) {
    let (mut volumes, mut claims) = (Vec::new(), Vec::new());
    for volume in &pod.volumes {
        let name = Cow::Borrowed(volume.name.as_str());
        match &volume.kind {
            VolumeKind::Template { size, class, access } => {
                let claim = Claim { name: &volume.name, size: *size, class: class.as_deref(), access };
                match form {
                    Form::Deployment => volumes.push(Volume { name, source: Source::Ephemeral(claim) }),
                    Form::StatefulSet | Form::PerInstance | Form::LeaderWorkerSet | Form::InstanceSet => {
                        claims.push(claim)
                    }
                }
            }
            kind => volumes.push(Volume { name, source: Source::Model(kind) }),
        }
    }
    (volumes, claims)
}

fn discovery_volume<'m>(config_map: String) -> Volume<'m> {
    let items = vec![Item { key: DISCOVERY_KEY, path: DISCOVERY_KEY, mode: None }];
    let source = Source::Config { name: Cow::Owned(config_map), items };
    Volume { name: DISCOVERY_VOLUME.into(), source }
}

fn discovery_mount<'m>() -> Mount<'m> {
    let (volume, path) = (DISCOVERY_VOLUME.into(), DISCOVERY_DIRECTORY.into());
    Mount { volume, path, read_only: true, sub_path: None }
}

fn empty(name: Cow<'_, str>, size: Option<Quantity>, memory: bool) -> Volume<'_> {
    Volume { name, source: Source::Empty { size, memory } }
}

fn writable<'m>(volume: Cow<'m, str>, path: &'m str) -> Mount<'m> {
    Mount { volume, path: Cow::Borrowed(path), read_only: false, sub_path: None }
}

/// Keeps the first mount of each path: the user's own before the compiler's.
fn drop_repeated(mounts: &mut Vec<Mount<'_>>) {
    let mut seen = BTreeSet::new();
    mounts.retain(|m| seen.insert(m.path.trim_end_matches('/').to_string()));
}
