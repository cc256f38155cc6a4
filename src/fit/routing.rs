//! What exposes and measures roles, against what the cluster has for it.

use crate::check::{Expose, Exposure, Metrics, Model, Role, RoleId};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Routing};
use crate::source::Span;

/// The API of HTTPRoutes.
pub const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
/// The API of the permission to name a Service of another namespace. Every bundle of the Gateway API
/// since 0.6 serves it; only late ones serve it as `v1`.
pub const GRANT_API: &str = "gateway.networking.k8s.io/v1beta1";
/// The API of InferencePools.
pub const POOL_API: &str = "inference.networking.k8s.io/v1";
/// The API of PodMonitors.
pub const MONITOR_API: &str = "monitoring.coreos.com/v1";

/// The values of `trafficDistribution` and the Kubernetes that has each by default (KEP-4444, KEP-3015).
const DISTRIBUTIONS: [(&str, (u32, u32)); 3] =
    [("PreferClose", (1, 31)), ("PreferSameZone", (1, 34)), ("PreferSameNode", (1, 34))];

/// How a role is exposed: as its source asks, else by the Gateway of the cluster, or where it has
/// none, by its class of Ingresses.
pub fn form(expose: &Expose, routing: &Routing) -> Exposure {
    let best = match (&routing.gateway, &routing.ingress_class) {
        (None, Some(_)) => Exposure::Ingress,
        (Some(_), _) | (None, None) => Exposure::HttpRoute,
    };
    expose.form.unwrap_or(best)
}

/// The options that a form has, beside `type`, `port` and `annotations`.
fn options(form: Exposure) -> &'static [&'static str] {
    match form {
        Exposure::HttpRoute => &["host", "hosts", "path", "timeout", "weight", "backends"],
        Exposure::Ingress => &["host", "hosts", "path", "tls"],
        Exposure::LoadBalancer => &[],
        Exposure::InferencePool => &["host", "hosts", "path", "timeout", "picker", "picker-port"],
    }
}

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    for (id, role) in model.roles() {
        if let Some(expose) = &role.expose {
            exposed(session, (model, id), expose, inventory);
        }
        if let Some(metrics) = &role.metrics {
            measured(session, role, metrics, inventory);
        }
        if let Some((word, span)) = &role.traffic_distribution {
            distributed(session, word, *span, inventory);
        }
    }
}

fn exposed(session: &mut Session, (model, id): (&Model, RoleId), expose: &Expose, inventory: &Inventory) {
    let form = form(expose, &inventory.routing);
    let needed: &[&str] = match form {
        Exposure::HttpRoute => &[GATEWAY_API],
        Exposure::InferencePool => &[GATEWAY_API, POOL_API],
        Exposure::Ingress | Exposure::LoadBalancer => &[],
    };
    let lacking = match form {
        Exposure::HttpRoute | Exposure::InferencePool => inventory.routing.gateway.is_none(),
        Exposure::Ingress => inventory.routing.ingress_class.is_none(),
        Exposure::LoadBalancer => false,
    };
    if lacking {
        return session.report(nothing_to_expose_by(form, expose, inventory));
    }
    let namespace = &model.group_of(id).namespace;
    let crosses = expose.backends.iter().any(|backend| model.group_of(backend.role).namespace != *namespace);
    for api in needed.iter().copied().chain(crosses.then_some(GRANT_API)) {
        capability(session, inventory, api, expose.span);
    }
    let common = ["type", "port", "annotations"];
    let odd = expose.options.iter().filter(|(key, _)| ![&common[..], options(form)].concat().contains(&key.as_str()));
    odd.for_each(|(key, span)| session.report(form_lacks(form, key, *span)));
    if form != Exposure::LoadBalancer && inventory.namespaces.gateway.is_empty() {
        session.report(refused("a gateway", "gateway", model.role(id), expose.span));
    }
}

fn measured(session: &mut Session, role: &Role, metrics: &Metrics, inventory: &Inventory) {
    capability(session, inventory, MONITOR_API, metrics.span);
    if inventory.namespaces.monitoring.is_empty() {
        session.report(refused("Prometheus", "monitoring", role, metrics.span));
    }
}

fn distributed(session: &mut Session, word: &str, span: Span, inventory: &Inventory) {
    let needed = DISTRIBUTIONS.iter().find(|(name, _)| *name == word).map(|(_, version)| *version);
    let Some((major, minor)) = needed.filter(|version| inventory.kubernetes < *version) else { return };
    let (own_major, own_minor) = inventory.kubernetes;
    let message =
        format!("`{word}` needs Kubernetes {major}.{minor}, `{}` has {own_major}.{own_minor}", inventory.name);
    let older = word == "PreferSameZone" && inventory.kubernetes >= DISTRIBUTIONS[0].1;
    let help = if older { "say `\"PreferClose\"`, which means the same there" } else { "upgrade the cluster" };
    session.report(Diagnostic::new(Code::MissingCapability, span, message).help(help));
}

/// Refuses an object of an API that the cluster does not name.
fn capability(session: &mut Session, inventory: &Inventory, api: &str, span: Span) {
    if !inventory.capabilities.contains(api) {
        let message = format!("this takes `{api}`, which `{}` does not name", inventory.name);
        let problem = Diagnostic::new(Code::MissingCapability, span, message);
        session.report(problem.help(format!("install it, and add `{api}` to the `capabilities` of the inventory")));
    }
}

fn nothing_to_expose_by(form: Exposure, expose: &Expose, inventory: &Inventory) -> Diagnostic {
    let (what, help) = match (form, expose.form) {
        (Exposure::Ingress, _) => ("class of Ingresses", "add `ingress: { class: … }` to it"),
        (_, Some(_)) => ("Gateway", "add `gateway: { name: …, namespace: … }` to it"),
        (_, None) => (
            "Gateway and no class of Ingresses",
            "add `gateway: { name: …, namespace: … }` or `ingress: { class: … }` to it; or say `type = \"load-balancer\"`",
        ),
    };
    let message = format!("the inventory `{}` names no {what}", inventory.name);
    Diagnostic::new(Code::NothingToExposeBy, expose.span, message).help(help)
}

fn form_lacks(form: Exposure, option: &str, span: Span) -> Diagnostic {
    let message = format!("`{option}` has no meaning for `{}`, by which the role is exposed here", form.name());
    let help = match (form, option) {
        (Exposure::HttpRoute | Exposure::InferencePool, "tls") => {
            "leave it out: the listener of the Gateway has the certificate"
        }
        (Exposure::Ingress, "timeout") => "leave it out, and say it to the controller by one of its `annotations`",
        (Exposure::LoadBalancer, "host" | "hosts") => {
            "leave it out; a name is given by DNS, or an annotation of its controller"
        }
        _ => "leave it out, or choose the form that has it by `type`",
    };
    Diagnostic::new(Code::FormLacks, span, message).help(help)
}

fn refused(who: &str, key: &str, role: &Role, span: Span) -> Diagnostic {
    let message = format!("the NetworkPolicy of role `{}` lets {who} in from no namespace", role.name);
    Diagnostic::new(Code::RefusedTraffic, span, message)
        .help(format!("name the namespaces of its pods in the inventory: `namespaces: {{ {key}: […] }}`"))
}
