//! What is exposed, across roles and groups: ports that exist, and each host and path once.

use std::collections::BTreeMap;

use super::role_value::undeclared_port;
use super::{Backend, Expose, Model, Picker, PickerService, Role, RoleId, client_port};
use crate::diag::{Code, Diagnostic, Session};
use crate::source::Span;

pub(super) fn check(session: &mut Session, model: &Model) {
    let mut routes: BTreeMap<(&str, &str), (RoleId, Span)> = BTreeMap::new();
    for (id, role) in model.roles() {
        if let Some((_, span)) = role.traffic_distribution.as_ref().filter(|_| role.ports().is_empty()) {
            let message = format!("role `{}` has no ports, and so no Service whose traffic is distributed", role.name);
            session.report(
                Diagnostic::new(Code::FieldConflict, *span, message).help("declare a port: `port http = 8000`"),
            );
        }
        let Some(expose) = &role.expose else { continue };
        for host in &expose.hosts {
            let path = expose.path.trim_end_matches('/');
            if let Some(earlier) = routes.insert((host, path), (id, expose.span)) {
                session.report(routed_twice(model, (host, &expose.path), (id, expose.span), earlier));
                break;
            }
        }
        backends(session, model, id, expose);
        if let Some(picker) = &expose.picker {
            self::picker(session, model, id, picker);
        }
    }
}

fn backends(session: &mut Session, model: &Model, id: RoleId, expose: &Expose) {
    for (index, backend) in expose.backends.iter().enumerate() {
        let name = &model.role(backend.role).name;
        if backend.role == id || expose.backends[..index].iter().any(|other| other.role == backend.role) {
            let message = format!("role `{name}` gets requests twice");
            let problem = Diagnostic::new(Code::FieldConflict, backend.span, message);
            session.report(problem.help("name it once; the share of the role itself is `weight` of its `expose`"));
            return;
        }
        if let Some(problem) = unreachable(model.role(backend.role), backend) {
            session.report(problem);
        }
    }
    let sum: u64 = expose.backends.iter().map(|b| u64::from(b.weight)).sum();
    if sum + u64::from(expose.weight) == 0 {
        let problem = Diagnostic::new(Code::OutOfRange, expose.span, "all weights are 0: every request would fail");
        session.report(problem.help("give one of the roles a weight"));
    }
}

/// Why requests cannot reach a backend.
fn unreachable(role: &Role, backend: &Backend) -> Option<Diagnostic> {
    let known: Vec<&str> = role.ports().iter().map(|port| port.name.as_str()).collect();
    match (client_port(role.ports(), backend.port.as_deref()), &backend.port) {
        (Some(port), _) if port.protocol == "TCP" => None,
        (Some(port), _) => {
            let message = format!("port `{}` of role `{}` speaks {}", port.name, role.name, port.protocol);
            Some(Diagnostic::new(Code::FieldConflict, backend.span, message).help("requests come over TCP"))
        }
        (None, Some(name)) => Some(undeclared_port(name, &role.name, backend.span, &known)),
        (None, None) => {
            let message = format!("role `{}` has no port that requests could mean", role.name);
            let problem = Diagnostic::new(Code::MissingValue, backend.span, message);
            Some(problem.help("say which: `{ role = …  port = \"…\" }`; by default it is the only one beside that of metrics, or `http`"))
        }
    }
}

fn picker(session: &mut Session, model: &Model, id: RoleId, picker: &Picker) {
    let PickerService::Role(other) = picker.service else { return };
    let role = model.role(other);
    let problem = |message: String| Diagnostic::new(Code::FieldConflict, picker.span, message);
    if other == id || model.group_of(other).namespace != model.group_of(id).namespace {
        let message = format!("role `{}` cannot pick: it is the pool itself, or of another namespace", role.name);
        session.report(problem(message).help("a picker is a role of its own in the namespace of the pool"));
    } else if !role.ports().iter().any(|port| port.number == picker.port && port.protocol == "TCP") {
        let message = format!("role `{}` has no port {}, at which it would be asked", role.name, picker.port);
        session.report(problem(message).help("declare it, or say which: `picker-port = ROLE.port.NAME`"));
    } else if !role.discovers && role.service_account.is_none() {
        let message = format!("role `{}` may not look for the pods that it picks", role.name);
        session.report(problem(message).help("set `discovers = true` in it, or give it a `service-account`"));
    }
}

fn routed_twice(
    model: &Model,
    (host, path): (&str, &str),
    (id, span): (RoleId, Span),
    (earlier, first): (RoleId, Span),
) -> Diagnostic {
    let name = |id: RoleId| format!("`{}.{}`", model.group_of(id).name, model.role(id).name);
    let message = format!("requests to `{host}` with the path `{path}` go to {} and {}", name(earlier), name(id));
    let problem = Diagnostic::new(Code::RoutedTwice, span, message);
    let problem = if first == span { problem } else { problem.label(first, format!("here to {}", name(earlier))) };
    problem.help("give each a host or path of its own, or name one in the `backends` of the other")
}
