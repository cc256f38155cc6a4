//! The objects that bring traffic from outside to roles, and let Prometheus read them.
//!
//! What the API server would add by default is written, because tools that compare what they apply
//! with what is there see a difference in every field that they did not name.

use super::pod::role_labels;
use super::{Object, Stage, text, texts};
use crate::check::{Exposure, Metrics};
use crate::data::{Data, Map};
use crate::fit::routing::{GATEWAY_API, GRANT_API, MONITOR_API, POOL_API};
use crate::inventory::{Gateway, Inventory};
use crate::naming;
use crate::plan::routing::{Destination, Exposed};
use crate::plan::{Group, Plan, Role};
use crate::quantity;

const GATEWAY: &str = "gateway.networking.k8s.io";
const POOL: &str = "inference.networking.k8s.io";
const INGRESS: &str = "networking.k8s.io/v1";

/// What a role is exposed, measured and permitted by.
pub fn objects(plan: &Plan<'_>, group: &Group<'_>, role: &Role<'_>) -> Vec<Object> {
    let mut objects = Vec::new();
    objects.extend(role.source.metrics.as_ref().map(|metrics| pod_monitor(plan.inventory, group, role, metrics)));
    objects.extend((!role.used.by_routes_of.is_empty()).then(|| reference_grant(group, role)));
    if let Some(exposed) = &role.exposed {
        let mut object = match exposed.form {
            Exposure::HttpRoute => http_route(plan.inventory, (group, role), exposed, services(exposed)),
            Exposure::InferencePool => http_route(plan.inventory, (group, role), exposed, vec![to_pool(role)]),
            Exposure::Ingress => ingress(plan.inventory, (group, role), exposed),
            Exposure::LoadBalancer => load_balancer(group, role, exposed),
        };
        let own = exposed.source.annotations.iter();
        object.annotations = own.map(|(key, value)| (key.clone().into(), text(value))).collect();
        objects.push(object);
    }
    objects
}

/// The InferencePools of a group. An endpoint picker is ready when it has read its pool, so that this
/// is there before any role starts.
pub fn pools(group: &Group<'_>) -> Vec<Object> {
    group.roles.iter().filter_map(|role| inference_pool(group, role)).collect()
}

fn inference_pool(group: &Group<'_>, role: &Role<'_>) -> Option<Object> {
    let exposed = role.exposed.as_ref().filter(|exposed| exposed.form == Exposure::InferencePool)?;
    let (picker, port) = exposed.picker.as_ref()?;
    let target = Map::new().with("number", u32::from(exposed.source.port.number));
    let picker = Map::new()
        .with("group", "")
        .with("kind", "Service")
        .with("name", text(picker))
        .with("port", Map::new().with("number", u32::from(*port)))
        .with("failureMode", "FailClose");
    let spec = Map::new()
        .with("selector", Map::new().with("matchLabels", answering(group, role)))
        .with("targetPorts", vec![target])
        .with("endpointPickerRef", picker);
    let fields = Map::new().with("spec", spec);
    Some(Object::new(POOL_API, "InferencePool", role.name.clone(), Stage::Base, fields))
}

/// The labels of the pods that answer for a role: leaders, where it has several in an instance.
fn answering(group: &Group<'_>, role: &Role<'_>) -> Map {
    let mut labels = role_labels(&group.source.name, &role.source.name);
    let part = role.source.multi_pod().then(|| text(role.source.parts[0].kind.name()));
    labels.set_some(naming::LABEL_COMPONENT, part);
    labels
}

/// What clients come by keeps its name over all generations of a group, and is changed last.
fn http_route(
    inventory: &Inventory,
    (group, role): (&Group<'_>, &Role<'_>),
    exposed: &Exposed<'_>,
    backends: Vec<Map>,
) -> Object {
    let path = Map::new().with("type", "PathPrefix").with("value", text(&exposed.source.path));
    let mut rule = Map::new().with("matches", vec![Map::new().with("path", path)]);
    let timeout = exposed.source.timeout.map(|seconds| quantity::go_duration(u64::from(seconds)));
    rule.set_some("timeouts", timeout.map(|timeout| Data::from(Map::new().with("request", timeout))));
    rule.set("backendRefs", backends);
    let spec = Map::new()
        .with("parentRefs", inventory.routing.gateway.iter().map(parent).collect::<Vec<_>>())
        .with("hostnames", texts(exposed.source.hosts.iter().map(String::as_str)))
        .with("rules", vec![rule]);
    let name = group.source.client_service(role.source);
    Object::new(GATEWAY_API, "HTTPRoute", name, Stage::Expose, Map::new().with("spec", spec))
}

fn parent(gateway: &Gateway) -> Map {
    let mut parent = Map::new()
        .with("group", GATEWAY)
        .with("kind", "Gateway")
        .with("name", text(&gateway.name))
        .with("namespace", text(&gateway.namespace));
    parent.set_some("sectionName", gateway.section.as_deref().map(text));
    parent
}

fn services(exposed: &Exposed<'_>) -> Vec<Map> {
    let backend = |to: &Destination<'_>| {
        let mut map = Map::new().with("group", "").with("kind", "Service").with("name", text(&to.service));
        map.set_some("namespace", to.namespace.map(text));
        map.with("port", u32::from(to.port)).with("weight", to.weight)
    };
    exposed.backends.iter().map(backend).collect()
}

fn to_pool(role: &Role<'_>) -> Map {
    Map::new().with("group", POOL).with("kind", "InferencePool").with("name", text(&role.name)).with("weight", 1)
}

/// Lets routes of other namespaces lead to the Service of a role. It stands before they do.
fn reference_grant(group: &Group<'_>, role: &Role<'_>) -> Object {
    let name = group.source.client_service(role.source);
    let from = |namespace: &&str| {
        Map::new().with("group", GATEWAY).with("kind", "HTTPRoute").with("namespace", text(namespace))
    };
    let to = Map::new().with("group", "").with("kind", "Service").with("name", text(&name));
    let from: Vec<Map> = role.used.by_routes_of.iter().map(from).collect();
    let spec = Map::new().with("from", from).with("to", vec![to]);
    Object::new(GRANT_API, "ReferenceGrant", name, Stage::Access, Map::new().with("spec", spec))
}

fn ingress(inventory: &Inventory, (group, role): (&Group<'_>, &Role<'_>), exposed: &Exposed<'_>) -> Object {
    let name = group.source.client_service(role.source);
    let service =
        Map::new().with("name", text(&name)).with("port", Map::new().with("name", text(&exposed.source.port.name)));
    let path = Map::new()
        .with("path", text(&exposed.source.path))
        .with("pathType", "Prefix")
        .with("backend", Map::new().with("service", service));
    let http = Map::new().with("paths", vec![path]);
    let rule = |host: &String| Map::new().with("host", text(host)).with("http", http.clone());
    let hosts = || exposed.source.hosts.iter();
    let tls =
        |secret: &String| Map::new().with("hosts", texts(hosts().map(String::as_str))).with("secretName", text(secret));
    let mut spec = Map::new();
    spec.set_some("ingressClassName", inventory.routing.ingress_class.as_deref().map(text))
        .set_full("tls", exposed.source.tls.iter().map(tls).collect::<Vec<_>>())
        .set("rules", hosts().map(rule).collect::<Vec<_>>());
    Object::new(INGRESS, "Ingress", name, Stage::Expose, Map::new().with("spec", spec))
}

/// A Service of its own: that for clients inside the cluster is there before the role is ready.
fn load_balancer(group: &Group<'_>, role: &Role<'_>, exposed: &Exposed<'_>) -> Object {
    let port = &exposed.source.port;
    let port = Map::new()
        .with("name", text(&port.name))
        .with("port", u32::from(port.number))
        .with("protocol", port.protocol)
        .with("targetPort", text(&port.name));
    let spec =
        Map::new().with("type", "LoadBalancer").with("selector", answering(group, role)).with("ports", vec![port]);
    let name = naming::external(&group.source.stem, &role.source.name);
    Object::new("v1", "Service", name, Stage::Expose, Map::new().with("spec", spec))
}

fn pod_monitor(inventory: &Inventory, group: &Group<'_>, role: &Role<'_>, metrics: &Metrics) -> Object {
    let mut selector = Map::new().with("matchLabels", role_labels(&group.source.name, &role.source.name));
    if metrics.parts.len() < role.source.parts.len() {
        let parts = metrics.parts.iter().map(|part| role.source.parts[*part].kind.name());
        let components =
            Map::new().with("key", naming::LABEL_COMPONENT).with("operator", "In").with("values", texts(parts));
        selector.set("matchExpressions", vec![components]);
    }
    let mut endpoint = Map::new().with("port", text(&metrics.port.name)).with("path", text(&metrics.path));
    endpoint.set_some("interval", metrics.interval.map(|seconds| quantity::go_duration(u64::from(seconds))));
    let spec = Map::new().with("selector", selector).with("podMetricsEndpoints", vec![endpoint]);
    let mut object =
        Object::new(MONITOR_API, "PodMonitor", role.name.clone(), Stage::Base, Map::new().with("spec", spec));
    let labels = inventory.routing.monitor_labels.iter();
    object.labels = labels.map(|(key, value)| (key.clone().into(), text(value))).collect();
    object
}
