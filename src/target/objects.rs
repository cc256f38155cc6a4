//! The objects around the workloads, which are the same for every target that makes pods itself.

use super::pod::role_labels;
use super::{Object, Stage, text, texts};
use crate::check::{Autoscale, Metric};
use crate::data::{Data, Map};
use crate::fit::cluster::KEDA;
use crate::fit::compute::{self, ComputeDomain};
use crate::fit::gang::GangScheduler;
use crate::kinds::Target;
use crate::naming;
use crate::plan::files::FileSet;
use crate::plan::network::{Peer, Policy, PortKey, Rule};
use crate::plan::services::Service;
use crate::plan::template::DISCOVERY_KEY;
use crate::plan::{Group, Role};
use crate::quantity::Quantity;

/// The discovery file of a group.
pub fn discovery(group: &Group<'_>, target: Target) -> Object {
    let data = Map::new().with(DISCOVERY_KEY, text(&group.discovery));
    Object::new("v1", "ConfigMap", group.source.discovery(target), Stage::Base, Map::new().with("data", data))
}

/// A ComputeDomain: memory channels between the machines of its pods.
pub fn compute_domain(domain: &ComputeDomain) -> Object {
    let template = Map::new().with("name", naming::channel(&domain.name));
    let spec =
        Map::new().with("numNodes", domain.nodes).with("channel", Map::new().with("resourceClaimTemplate", template));
    let fields = Map::new().with("spec", spec);
    Object::new(compute::CAPABILITY, "ComputeDomain", domain.name.clone(), Stage::Base, fields)
}

/// What holds the pods of an instance together until all of them have a place.
pub fn pod_group(gang: GangScheduler, group: &Group<'_>, role: &Role<'_>, instance: u32) -> Object {
    let name = naming::instance(&group.source.name, &role.source.name, instance);
    let mut spec = Map::new().with("minMember", role.source.pods());
    spec.set_some("queue", gang.queue(group.source, role.source).map(text));
    let fields = Map::new().with("spec", spec);
    Object::new(gang.api(), "PodGroup", name, Stage::Base, fields)
}

/// The files of a role or part.
pub fn files(set: &FileSet<'_>) -> Object {
    let data: Map = set.files.iter().map(|f| (f.key.clone().into(), text(&f.text))).collect();
    Object::new("v1", "ConfigMap", set.name.clone(), Stage::Base, Map::new().with("data", data))
}

/// A Service.
pub fn service(group: &Group<'_>, role: &Role<'_>, service: &Service<'_>) -> Object {
    let mut selector = role_labels(&group.source.name, &role.source.name);
    selector.set_some(naming::LABEL_COMPONENT, service.part.map(text));
    let port = |port: &crate::check::Port| {
        Map::new()
            .with("name", text(&port.name))
            .with("port", u32::from(port.number))
            .with("protocol", port.protocol)
            .with("targetPort", text(&port.name))
    };
    let mut spec = Map::new().with("type", "ClusterIP");
    if service.headless {
        // Peers look for each other while they start, before any of them is ready.
        spec.set("clusterIP", "None").set("publishNotReadyAddresses", true);
    }
    spec.set("selector", selector).set_full("ports", service.ports.iter().map(port).collect::<Vec<_>>());
    spec.set_some("trafficDistribution", service.distribution.map(text));
    let stage = service.after.map_or(Stage::Base, Stage::Serve);
    Object::new("v1", "Service", service.name.clone(), stage, Map::new().with("spec", spec))
}

/// The service account of a role, unless the user brings one, and the right to look for pods.
pub fn access(group: &Group<'_>, role: &Role<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    if role.source.service_account.is_none() {
        let fields = Map::new().with("automountServiceAccountToken", false);
        objects.push(Object::new("v1", "ServiceAccount", role.name.clone(), Stage::Access, fields));
    }
    if role.source.discovers {
        objects.extend([reader(role), binding(group, role)]);
    }
    objects
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn reader(role: &Role<'_>) -> Object {
    let rule = |groups: &[&'static str], resources: &[&'static str]| {
        Map::new()
            .with("apiGroups", texts(groups.iter().copied()))
            .with("resources", texts(resources.iter().copied()))
            .with("verbs", texts(["get", "list", "watch"]))
    };
    let mut rules = vec![rule(&[""], &["pods"])];
    // What an endpoint picker reads besides its pods; the second group is that of kinds not yet stable.
    rules.extend(role.used.picks.then(|| {
        let groups = ["inference.networking.k8s.io", "inference.networking.x-k8s.io"];
        rule(&groups, &["inferencepools", "inferenceobjectives", "inferencemodelrewrites"])
    }));
    Object::new(RBAC, "Role", role.name.clone(), Stage::Access, Map::new().with("rules", rules))
}

fn binding(group: &Group<'_>, role: &Role<'_>) -> Object {
    let reference =
        Map::new().with("apiGroup", "rbac.authorization.k8s.io").with("kind", "Role").with("name", text(&role.name));
    let subject = Map::new()
        .with("kind", "ServiceAccount")
        .with("name", text(account(role)))
        .with("namespace", text(&group.source.namespace));
    let fields = Map::new().with("roleRef", reference).with("subjects", vec![subject]);
    Object::new(RBAC, "RoleBinding", role.name.clone(), Stage::Access, fields)
}

/// The service account of a role's pods.
pub fn account<'p>(role: &'p Role<'_>) -> &'p str {
    role.source.service_account.as_deref().unwrap_or(&role.name)
}

/// What may reach a role; all else is denied.
pub fn network_policy(group: &Group<'_>, role: &Role<'_>) -> Object {
    let Policy { rules } = &role.policy;
    let selector = Map::new().with("matchLabels", role_labels(&group.source.name, &role.source.name));
    let spec = Map::new()
        .with("podSelector", selector)
        .with("policyTypes", texts(["Ingress"]))
        .full("ingress", rules.iter().map(ingress).collect::<Vec<_>>());
    let fields = Map::new().with("spec", spec);
    Object::new("networking.k8s.io/v1", "NetworkPolicy", role.name.clone(), Stage::Access, fields)
}

fn ingress(rule: &Rule<'_>) -> Map {
    const NAMESPACE: &str = "kubernetes.io/metadata.name";
    let peers = match &rule.from {
        Peer::Anyone => Vec::new(),
        Peer::Blocks(blocks) => {
            let peer = |block: &String| Map::new().with("ipBlock", Map::new().with("cidr", text(block)));
            blocks.iter().map(peer).collect()
        }
        Peer::Role { group, role, namespace } => {
            let mut peer = Map::new();
            if let Some(namespace) = namespace {
                let labels = Map::new().with(NAMESPACE, text(namespace));
                peer.set("namespaceSelector", Map::new().with("matchLabels", labels));
            }
            vec![peer.with("podSelector", Map::new().with("matchLabels", role_labels(group, role)))]
        }
        Peer::Namespaces(names) => {
            let names = texts(names.iter().map(String::as_str));
            let expression = Map::new().with("key", NAMESPACE).with("operator", "In").with("values", names);
            vec![Map::new().with("namespaceSelector", Map::new().with("matchExpressions", vec![expression]))]
        }
    };
    let port = |(number, protocol): &PortKey| Map::new().with("port", u32::from(*number)).with("protocol", *protocol);
    Map::new().full("from", peers).full("ports", rule.ports.iter().map(port).collect::<Vec<_>>())
}

/// At most so many pods of the role are evicted at a time, or at least so many stay. With several pods an instance the count is
/// still of pods of the whole role: a budget of each instance would let a drain take one pod of
/// every instance, and so break all of them. Pods that are not ready may always go.
pub fn disruption_budget(group: &Group<'_>, role: &Role<'_>, (bound, pods): (&'static str, u32)) -> Object {
    let selector = Map::new().with("matchLabels", role_labels(&group.source.name, &role.source.name));
    let spec =
        Map::new().with(bound, pods).with("selector", selector).with("unhealthyPodEvictionPolicy", "AlwaysAllow");
    let fields = Map::new().with("spec", spec);
    Object::new("policy/v1", "PodDisruptionBudget", role.name.clone(), Stage::Base, fields)
}

/// The object whose number of replicas an autoscaler owns.
pub struct Scaled {
    /// Group and version of its API.
    pub api: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// The autoscaler of a role with this workload: one, whoever it is.
pub fn autoscaler(role: &Role<'_>, autoscale: &Autoscale, scaled: &Scaled) -> Object {
    let metric = match &autoscale.metric {
        Metric::Prometheus { server, query, average } => {
            let trigger = prometheus(server, query, (average, autoscale.activation.as_ref()));
            return scaled_object(role, autoscale, scaled, trigger);
        }
        Metric::Resource { name, utilization } => {
            let target = Map::new().with("type", "Utilization").with("averageUtilization", *utilization);
            let resource = Map::new().with("name", text(name)).with("target", target);
            Map::new().with("type", "Resource").with("resource", resource)
        }
        Metric::Pods { name, average } => {
            let target = Map::new().with("type", "AverageValue").with("averageValue", average.to_string());
            let pods = Map::new().with("metric", Map::new().with("name", text(name))).with("target", target);
            Map::new().with("type", "Pods").with("pods", pods)
        }
        Metric::External { name, labels, average } => {
            let target = Map::new().with("type", "AverageValue").with("averageValue", average.to_string());
            let labels: Map = labels.iter().map(|(key, value)| (key.clone().into(), text(value))).collect();
            let mut metric = Map::new().with("name", text(name));
            metric.set_some("selector", (!labels.is_empty()).then(|| Map::new().with("matchLabels", labels)));
            Map::new()
                .with("type", "External")
                .with("external", Map::new().with("metric", metric).with("target", target))
        }
    };
    let mut spec = Map::new()
        .with("scaleTargetRef", reference(scaled))
        .with("minReplicas", role.source.replicas.min)
        .with("maxReplicas", role.source.replicas.max)
        .with("metrics", vec![metric]);
    spec.set_some("behavior", behavior(autoscale).map(Data::from));
    let fields = Map::new().with("spec", spec);
    Object::new("autoscaling/v2", "HorizontalPodAutoscaler", role.name.clone(), Stage::Last, fields)
}

fn reference(scaled: &Scaled) -> Map {
    Map::new().with("apiVersion", scaled.api).with("kind", scaled.kind).with("name", text(&scaled.name))
}

fn behavior(autoscale: &Autoscale) -> Option<Map> {
    let window = |seconds: u32| Map::new().with("scaleDown", Map::new().with("stabilizationWindowSeconds", seconds));
    autoscale.stabilization.map(window)
}

/// What KEDA asks Prometheus. It reads all numbers from texts.
fn prometheus(server: &str, query: &str, (average, activation): (&Quantity, Option<&Quantity>)) -> Map {
    let mut metadata = Map::new();
    metadata.set_some("activationThreshold", activation.map(|least| least.decimal()));
    let metadata =
        metadata.with("query", text(query)).with("serverAddress", text(server)).with("threshold", average.decimal());
    Map::new().with("type", "prometheus").with("metricType", "AverageValue").with("metadata", metadata)
}

/// An autoscaler of KEDA, which makes a HorizontalPodAutoscaler of the name that ours would have. One
/// that stands already becomes KEDA's: its webhook refuses two of one workload.
fn scaled_object(role: &Role<'_>, autoscale: &Autoscale, scaled: &Scaled, trigger: Map) -> Object {
    let mut config = Map::new().with("name", text(&role.name));
    config.set_some("behavior", behavior(autoscale));
    let mut spec = Map::new()
        .with("scaleTargetRef", reference(scaled))
        .with("minReplicaCount", role.source.replicas.min)
        .with("maxReplicaCount", role.source.replicas.max);
    spec.set_some("cooldownPeriod", autoscale.cooldown)
        .set("advanced", Map::new().with("horizontalPodAutoscalerConfig", config))
        .set("triggers", vec![trigger]);
    let fields = Map::new().with("spec", spec);
    let mut object = Object::new(KEDA, "ScaledObject", role.name.clone(), Stage::Last, fields);
    object.annotations = Map::new().with("scaledobject.keda.sh/transfer-hpa-ownership", "true");
    object
}
