//! A pod template as a core/v1 PodTemplateSpec.

use std::collections::BTreeSet;

use super::scheduling::{affinity, spread, tolerations};
use super::{overrides, text, texts};
use crate::check::{Check, EnvValue, Probe as SourceProbe, VolumeKind};
use crate::data::{Data, Map};
use crate::naming;
use crate::plan::affinity::Site;
use crate::plan::files::Item;
use crate::plan::template::{Claim, Container, EnvSource, Mount, PodTemplate, Probe, Source, Volume};

/// The name under which a pod claims its channel of a ComputeDomain.
const CHANNEL: &str = "compute-domain-channel";

/// What a target adds to a template: who the pod is.
pub struct Dress<'d> {
    /// The labels of the pods.
    pub labels: Map,
    /// The annotations of the pods.
    pub annotations: Map,
    /// The variables of upstream's contract: name and `value` or `valueFrom`.
    pub identity: Vec<(&'static str, Data)>,
    /// The scheduler, when it is not the default one.
    pub scheduler: Option<&'static str>,
    /// The service account.
    pub account: &'d str,
    /// The group, for conditions on other pods.
    pub group: &'d str,
    /// The role, likewise.
    pub role: &'d str,
    /// The part, where the pods of a role are of several kinds and share no objects.
    pub component: Option<&'d str>,
    /// Variables that the cluster itself gives the role's container: taken, and not written there.
    pub injected: Vec<&'static str>,
    /// Whether preStop knows `sleep` (Kubernetes 1.30).
    pub sleep: bool,
}

/// The template with its identity and its place; the user's `pod { … }` comes last.
pub fn template(template: &PodTemplate<'_>, site: &Site<'_>, dress: Dress<'_>) -> Data {
    let mut spec = spec(template, site, &dress);
    overrides::apply(&mut spec, &template.pod.overrides, &template.main.source.name);
    let mut annotations = dress.annotations;
    annotations.set_some("checksum/files", template.checksum.clone());
    let metadata = Map::new().with("labels", dress.labels).full("annotations", annotations);
    Map::new().with("metadata", metadata).with("spec", spec).into()
}

fn spec(template: &PodTemplate<'_>, site: &Site<'_>, dress: &Dress<'_>) -> Map {
    let pod = template.pod;
    let mut main = container(&template.main, dress, &dress.injected);
    main.set("securityContext", container_security(&template.main, site.lock_memory));
    if site.compute_domain.is_some() {
        main.set("resources", resources(&template.main).with("claims", vec![Map::new().with("name", CHANNEL)]));
    }
    let sidecar = |c| container(c, dress, &[]).with("restartPolicy", "Always");
    let before = template.inits.iter().map(|c| container(c, dress, &[]));
    let before: Vec<Map> = before.chain(template.sidecars.iter().map(sidecar)).collect();
    let mut spec = Map::new();
    spec.set("serviceAccountName", text(dress.account))
        .set("automountServiceAccountToken", template.token)
        .set("enableServiceLinks", false)
        .set_full("imagePullSecrets", names(&pod.image_pull_secrets))
        .set_some("schedulerName", dress.scheduler)
        .set_some("priorityClassName", pod.priority.clone())
        .set_some("terminationGracePeriodSeconds", template.grace)
        .set("securityContext", pod_security(&pod.security))
        .set_full("affinity", affinity(site, dress))
        .set_full("topologySpreadConstraints", site.spread.iter().map(|s| spread(s, dress)).collect::<Vec<_>>())
        .set_full("tolerations", tolerations(&pod.tolerations, site))
        .set_full("initContainers", before)
        .set("containers", vec![main])
        .set_full("volumes", template.volumes.iter().map(volume).collect::<Vec<_>>())
        .set_full("resourceClaims", site.compute_domain.map(channel_claim).into_iter().collect::<Vec<_>>());
    if template.host_network {
        // Without it names of the cluster do not resolve on the node's network.
        spec.set("dnsPolicy", "ClusterFirstWithHostNet");
    }
    spec
}

/// The claim of a channel of a ComputeDomain, from the template that the driver makes for it.
fn channel_claim(compute_domain: &str) -> Map {
    Map::new().with("name", CHANNEL).with("resourceClaimTemplateName", naming::channel(compute_domain))
}

/// A list of references by name.
pub fn names(list: &[String]) -> Vec<Map> {
    list.iter().map(|name| Map::new().with("name", text(name))).collect()
}

fn container(container: &Container<'_>, dress: &Dress<'_>, injected: &[&str]) -> Map {
    let source = container.source;
    let mut map = Map::new();
    map.set("name", text(&container.name))
        .set("image", text(&source.image))
        .set_some("imagePullPolicy", source.pull)
        .set_full("command", texts(container.command.iter().map(AsRef::as_ref)))
        .set_full("args", texts(container.args.iter().map(AsRef::as_ref)))
        .set_full("env", env(container, dress, injected))
        .set_full("ports", ports(container))
        .set_full("resources", resources(container))
        .set_some("startupProbe", container.startup.as_ref().map(probe))
        .set_some("readinessProbe", container.ready.as_ref().map(probe))
        .set_some("livenessProbe", container.live.as_ref().map(probe))
        .set_some("lifecycle", container.drain.map(|seconds| drain(seconds, dress.sleep)))
        .set("securityContext", container_security(container, false))
        .set_full("volumeMounts", container.mounts.iter().map(mount).collect::<Vec<_>>());
    map
}

/// The contract's variables, then the fields that texts use, then the user's: each can name those
/// before it. A user's variable of a name that is taken is dropped, as upstream does.
fn env(container: &Container<'_>, dress: &Dress<'_>, injected: &[&str]) -> Vec<Data> {
    let identity = dress.identity.iter().filter(|_| container.told).map(|(name, value)| (*name, value.clone()));
    let fields = container.fields.iter().map(|field| (field.name(), field_ref(field.path())));
    let given: Vec<(&str, Data)> = identity.chain(fields).collect();
    let taken: BTreeSet<&str> = given.iter().map(|(name, _)| *name).chain(injected.iter().copied()).collect();
    let own = container.env.iter().filter(|(name, _)| !taken.contains(name));
    let own = own.map(|(name, source)| (*name, variable(source)));
    let written = given.iter().filter(|(name, _)| !injected.contains(name)).cloned();
    written.chain(own).map(|(name, value)| env_entry(name, value)).collect()
}

/// A variable: its name, and its value or where that comes from.
pub fn env_entry(name: &str, value: Data) -> Data {
    let mut entry = Map::new().with("name", text(name));
    entry.set(if matches!(value, Data::Map(_)) { "valueFrom" } else { "value" }, value);
    Data::Map(entry)
}

/// A variable's value taken from the running pod.
pub fn field_ref(path: &'static str) -> Data {
    // The API server would fill in the version, which shows as a difference to tools.
    Map::new().with("fieldRef", Map::new().with("apiVersion", "v1").with("fieldPath", path)).into()
}

/// The value of a variable.
pub fn variable(source: &EnvSource<'_>) -> Data {
    let key_ref = |reference: &'static str, name: &str, key: &str, optional: bool| {
        let mut selector = Map::new().with("name", text(name)).with("key", text(key));
        selector.set_some("optional", optional.then_some(true));
        Data::Map(Map::new().with(reference, selector))
    };
    match source {
        EnvSource::Text(value) => text(value),
        EnvSource::Field(field) => field_ref(field.path()),
        EnvSource::Key(EnvValue::Secret { name, key, optional }) => key_ref("secretKeyRef", name, key, *optional),
        EnvSource::Key(EnvValue::Config { name, key, optional }) => key_ref("configMapKeyRef", name, key, *optional),
        EnvSource::Key(EnvValue::Text(_)) => Data::Null,
    }
}

fn ports(container: &Container<'_>) -> Vec<Map> {
    let port = |name: Option<&str>, number: u16, protocol: &'static str| {
        let mut map = Map::new();
        map.set_some("name", name.map(text));
        map.with("containerPort", u32::from(number)).with("protocol", protocol)
    };
    let declared = container.ports.iter().map(|p| port(Some(&p.name), p.number, p.protocol));
    declared.chain(container.listens.map(|number| port(None, number, "TCP"))).collect()
}

fn resources(container: &Container<'_>) -> Map {
    let amounts = container.resources.iter();
    let amounts: Map = amounts.map(|(name, amount)| (name.to_string().into(), amount.to_string().into())).collect();
    let mut both = Map::new();
    both.set_full("limits", amounts.clone()).set_full("requests", amounts);
    both
}

fn probe(probe: &Probe<'_>) -> Map {
    let SourceProbe { check, every, delay, timeout, failures, successes } = probe.source;
    let mut map = Map::new();
    match check {
        Check::Http(path, port) => {
            map.set("httpGet", Map::new().with("path", text(path)).with("port", text(port)).with("scheme", "HTTP"))
        }
        Check::Tcp(port) => map.set("tcpSocket", Map::new().with("port", text(port))),
        Check::Grpc(port, service) => {
            let service = service.as_deref().unwrap_or("");
            map.set("grpc", Map::new().with("port", u32::from(*port)).with("service", text(service)))
        }
        Check::Exec(_) => map.set("exec", Map::new().with("command", texts(probe.exec.iter().map(AsRef::as_ref)))),
    };
    map.set_some("initialDelaySeconds", (*delay > 0).then_some(*delay))
        .set("periodSeconds", *every)
        .set("timeoutSeconds", *timeout)
        .set("failureThreshold", *failures)
        .set("successThreshold", *successes);
    map
}

/// Serves on for a while after the pod was asked to end, so that routers notice first.
fn drain(seconds: u32, sleep: bool) -> Map {
    let action = if sleep {
        Map::new().with("sleep", Map::new().with("seconds", seconds))
    } else {
        Map::new().with("exec", Map::new().with("command", texts(["sleep", seconds.to_string().as_str()])))
    };
    Map::new().with("preStop", action)
}

/// A mount of a container.
pub fn mount(mount: &Mount<'_>) -> Map {
    let mut map = Map::new().with("name", text(&mount.volume)).with("mountPath", text(&mount.path));
    map.set_some("readOnly", mount.read_only.then_some(true));
    map.set_some("subPath", mount.sub_path.as_deref().map(text));
    map
}

/// A volume of a pod.
pub fn volume(volume: &Volume<'_>) -> Map {
    let mut map = Map::new().with("name", text(&volume.name));
    match &volume.source {
        Source::Model(kind) => model_volume(&mut map, kind),
        Source::Config { name, items } => {
            let mut config = Map::new().with("name", text(name));
            config.set_full("items", items.iter().map(item).collect::<Vec<_>>());
            map.set("configMap", config);
        }
        Source::Empty { size, memory } => {
            map.set("emptyDir", empty(size.map(|s| s.to_string()), *memory));
        }
        Source::Ephemeral(of) => {
            let template = Map::new().with("spec", claim_spec(of));
            map.set("ephemeral", Map::new().with("volumeClaimTemplate", template));
        }
    }
    map
}

fn model_volume(map: &mut Map, kind: &VolumeKind) {
    match kind {
        VolumeKind::Claim { name, read_only } => {
            let mut claim = Map::new().with("claimName", text(name));
            claim.set_some("readOnly", read_only.then_some(true));
            map.set("persistentVolumeClaim", claim)
        }
        VolumeKind::Empty { size, memory } => map.set("emptyDir", empty(size.map(|s| s.to_string()), *memory)),
        VolumeKind::Config(name) => map.set("configMap", Map::new().with("name", text(name))),
        VolumeKind::Secret(name) => map.set("secret", Map::new().with("secretName", text(name))),
        VolumeKind::Host(path) => map.set("hostPath", Map::new().with("path", text(path))),
        // Lowered as claims; see `PodTemplate::claims` and `Source::Ephemeral`.
        VolumeKind::Template { .. } => map,
    };
}

fn empty(size: Option<String>, memory: bool) -> Map {
    let mut map = Map::new();
    map.set_some("medium", memory.then_some("Memory")).set_some("sizeLimit", size);
    map
}

fn item(item: &Item<'_>) -> Map {
    let mut map = Map::new().with("key", text(item.key)).with("path", text(item.path));
    map.set_some("mode", item.mode);
    map
}

/// The spec of a PersistentVolumeClaim.
pub fn claim_spec(claim: &Claim<'_>) -> Map {
    let requests = Map::new().with("storage", claim.size.to_string());
    let mut spec =
        Map::new().with("accessModes", texts([claim.access])).with("resources", Map::new().with("requests", requests));
    spec.set_some("storageClassName", claim.class.map(text));
    spec
}

/// The security context of a pod.
pub fn pod_security(security: &crate::check::Security) -> Map {
    let mut map = Map::new().with("seccompProfile", Map::new().with("type", "RuntimeDefault"));
    map.set_some("runAsNonRoot", security.non_root.then_some(true));
    if let Some(user) = security.run_as_user {
        map.set("runAsUser", user).set("runAsGroup", user).set("fsGroup", user);
        // Walking through a volume of weights at every start takes minutes.
        map.set("fsGroupChangePolicy", "OnRootMismatch");
    }
    map
}

/// No rights but those asked for. RDMA needs locked memory: where the node's limit does not allow
/// it, a root container gets the capability; it has no effect for another user.
fn container_security(container: &Container<'_>, lock_memory: bool) -> Map {
    let security = container.security;
    if security.is_some_and(|s| s.privileged) {
        return Map::new().with("privileged", true);
    }
    let asked = security.map_or(&[][..], |s| s.capabilities.as_slice());
    let lock = lock_memory && security.is_some_and(|s| !s.non_root);
    let mut added: Vec<&str> = asked.iter().map(String::as_str).collect();
    added.extend((lock && !added.contains(&"IPC_LOCK")).then_some("IPC_LOCK"));
    unprivileged(security.is_some_and(|s| s.read_only_root), &added)
}

/// The security context of a container that has no rights but these capabilities.
pub fn unprivileged(read_only_root: bool, capabilities: &[&str]) -> Map {
    let dropped = Map::new().with("drop", texts(["ALL"]));
    let capabilities = dropped.full("add", texts(capabilities.iter().copied()));
    let mut map = Map::new().with("allowPrivilegeEscalation", false).with("capabilities", capabilities);
    map.set_some("readOnlyRootFilesystem", read_only_root.then_some(true));
    map
}

/// The labels that select the pods of a role.
pub fn role_labels(group: &str, role: &str) -> Map {
    Map::new().with(naming::LABEL_GROUP, text(group)).with(naming::LABEL_ROLE, text(role))
}
