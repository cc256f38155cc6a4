//! How a role is exposed: the block `expose`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::container::{Source, entry_span, key_span};
use super::mistakes;
use super::state::{Checker, View};
use super::value::{Value, ValueMap};
use super::{Backend, Expose, Exposure, Part, Picker, PickerService};
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::Ident;

/// The most names of an HTTPRoute (Gateway API, `HTTPRouteSpec.hostnames`).
const MAX_HOSTS: usize = 16;
/// The most roles that share requests (Gateway API, `HTTPRouteRule.backendRefs`).
const MAX_BACKENDS: usize = 16;
/// The largest weight (Gateway API, `BackendRef.weight`).
const MAX_WEIGHT: i64 = 1_000_000;
/// Where endpoint pickers listen by convention.
const PICKER_PORT: u16 = 9002;

/// What the options of an `expose` say.
#[derive(Default)]
struct Draft {
    form: Option<Exposure>,
    hosts: Vec<String>,
    path: Option<String>,
    port: Option<(String, Span)>,
    tls: Option<String>,
    timeout: Option<u32>,
    weight: Option<u32>,
    backends: Vec<Backend>,
    picker: Option<PickerService>,
    picker_port: Option<u16>,
    annotations: BTreeMap<String, String>,
    options: Vec<(String, Span)>,
}

impl Draft {
    /// Where an option is set.
    fn span(&self, option: &str) -> Option<Span> {
        self.options.iter().find(|(key, _)| key == option).map(|(_, at)| *at)
    }
}

impl<'p> Checker<'_, '_, 'p> {
    /// How a role is reached from outside; `None` when it is not, or when something is wrong with it.
    pub fn expose(&mut self, view: View, parts: &[Part]) -> Option<Expose> {
        // What is named here is reached by a gateway, not by the role.
        let mark = self.trace.len();
        let options = self.expose_options(view);
        self.trace.truncate(mark);
        let (draft, span) = options?;
        self.check_expose(&draft, span)?;
        let port = self.port_of(view, &parts[0].pod.main.ports, draft.port.as_ref(), ("expose", span))?;
        if port.protocol != "TCP" && draft.form != Some(Exposure::LoadBalancer) {
            let message = format!("port `{}` speaks {}, and requests come over TCP", port.name, port.protocol);
            self.report(Diagnostic::new(Code::FieldConflict, span, message).help("expose another port"));
        }
        let at = draft.span("picker").unwrap_or(span);
        let picker_port = draft.picker_port.unwrap_or(PICKER_PORT);
        Some(Expose {
            form: draft.form,
            hosts: draft.hosts,
            path: draft.path.unwrap_or_else(|| "/".to_owned()),
            port,
            tls: draft.tls,
            timeout: draft.timeout,
            weight: draft.weight.unwrap_or(1),
            backends: draft.backends,
            picker: draft.picker.map(|service| Picker { service, port: picker_port, span: at }),
            annotations: draft.annotations,
            options: draft.options,
            span,
        })
    }

    /// The options of the block, and where it stands.
    fn expose_options(&mut self, view: View) -> Option<(Draft, Span)> {
        let table = self.table(view);
        let contributions = table.field("expose");
        let span = contributions.last()?.statement.span;
        let entries = self.get_map(Source { view, table: &table, main: true }, "expose");
        if entries.is_empty() && self.is_taken_away(view, contributions) {
            return None;
        }
        // Those that are wrong count as set, or what follows from that would be told as well.
        let set = self.keys(view, "expose").into_iter();
        let set = set.filter(|key| self.entry(view, "expose", key, span) != Value::Unset);
        let options = set.map(|key| (key.clone(), key_span(contributions, &key))).collect();
        let mut draft = Draft { options, ..Draft::default() };
        for (key, value, at) in entries {
            match key.as_str() {
                "type" => draft.form = self.exposure(value, at),
                "host" | "hosts" => self.hosts(value, at, &mut draft.hosts),
                "path" => draft.path = self.path_prefix(value, at),
                "port" => draft.port = self.text_of(value, at).map(|name| (name, at)),
                "tls" => draft.tls = self.object_name("Secret", value, at),
                "timeout" => draft.timeout = self.seconds_of(value, at),
                "weight" => draft.weight = self.share_of_requests(value, at),
                "backends" => draft.backends = self.backends(value, at),
                "picker" => draft.picker = self.picker(value, at),
                "picker-port" => draft.picker_port = self.number_of_port(value, at),
                "annotations" => draft.annotations = self.own_annotations(view, entry_span(contributions, &key)),
                _ => {}
            }
        }
        Some((draft, span))
    }

    /// What the options say together.
    fn check_expose(&mut self, draft: &Draft, span: Span) -> Option<()> {
        if let (Some(host), Some(hosts)) = (draft.span("host"), draft.span("hosts")) {
            let problem = Diagnostic::new(Code::FieldConflict, hosts, "`host` and `hosts` say the same");
            self.report(problem.label(host, "the other one").help("keep one of them"));
        }
        if draft.hosts.len() > MAX_HOSTS || draft.backends.len() >= MAX_BACKENDS {
            let message = format!("a route has at most {MAX_HOSTS} hosts, and as many roles behind it");
            self.report(Diagnostic::new(Code::LimitExceeded, span, message));
        }
        if draft.form == Some(Exposure::InferencePool) && draft.span("picker").is_none() {
            let problem = Diagnostic::new(Code::MissingValue, span, "an inference pool needs a `picker`");
            self.report(problem.help("`picker = ROLE`, or the name of a Service with an endpoint picker"));
        }
        if let (Some(weight), None) = (draft.span("weight"), draft.span("backends")) {
            let problem = Diagnostic::new(Code::FieldConflict, weight, "`weight` is a share, and nobody shares");
            self.report(problem.help("name the others: `backends = [{ role = …  weight = … }]`"));
        }
        let named = ["host", "hosts"].iter().any(|option| draft.span(option).is_some());
        if draft.hosts.is_empty() && !named && draft.form != Some(Exposure::LoadBalancer) {
            let problem = Diagnostic::new(Code::MissingValue, span, "`expose` has no host");
            self.report(problem.help("`host = \"…\"`; or `type = \"load-balancer\"` for an address without a name"));
            return None;
        }
        Some(())
    }

    fn exposure(&mut self, value: Value, at: Span) -> Option<Exposure> {
        let words = Type::Union(Exposure::NAMES.map(str::to_owned).to_vec());
        match self.convert(value, &words, at) {
            Value::Str(word) => Exposure::parse(&word),
            _ => None,
        }
    }

    fn hosts(&mut self, value: Value, at: Span, hosts: &mut Vec<String>) {
        let value = if let Value::Str(_) = value { Value::list(vec![value]) } else { value };
        let Value::List(items) = self.convert(value, &Type::List(Box::new(Type::String)), at) else { return };
        if items.is_empty() {
            let problem = Diagnostic::new(Code::MissingValue, at, "there is no host among `hosts`");
            self.report(problem.help("name one: a route without hosts takes the requests of all"));
        }
        for host in items.iter().filter_map(Value::shown) {
            if !is_host(&host) {
                let problem = Diagnostic::new(Code::InvalidName, at, format!("\"{host}\" is not the name of a host"));
                self.report(problem.help("lower-case DNS labels joined by dots; the first one may be `*`"));
            } else if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }

    fn object_name(&mut self, kind: &str, value: Value, at: Span) -> Option<String> {
        let name = self.text_of(value, at)?;
        if naming::is_dns_subdomain(&name) {
            return Some(name);
        }
        let problem = Diagnostic::new(Code::InvalidName, at, format!("\"{name}\" is not the name of a {kind}"));
        self.report(problem.help("lower-case letters, digits, hyphens and dots"));
        None
    }

    fn share_of_requests(&mut self, value: Value, at: Span) -> Option<u32> {
        match self.convert(value, &Type::Int, at) {
            Value::Int(weight) if (0..=MAX_WEIGHT).contains(&weight) => u32::try_from(weight).ok(),
            Value::Int(weight) => {
                let problem = Diagnostic::new(Code::OutOfRange, at, format!("a weight cannot be {weight}"));
                self.report(problem.help(format!("0 to {MAX_WEIGHT}; 0 sends nothing")));
                None
            }
            _ => None,
        }
    }

    fn backends(&mut self, value: Value, at: Span) -> Vec<Backend> {
        let rows = Type::List(Box::new(Type::Map(Box::new(Type::Any))));
        let Value::List(items) = self.convert(value, &rows, at) else { return Vec::new() };
        let maps = items.iter().filter_map(|item| if let Value::Map(map) = item { Some(map) } else { None });
        maps.filter_map(|map| self.backend(map, at)).collect()
    }

    fn backend(&mut self, map: &ValueMap, at: Span) -> Option<Backend> {
        let known = ["role", "weight", "port"];
        if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
            let name = Ident { name: key.clone(), span: at };
            self.report(mistakes::unknown_option(&name, &known));
        }
        let view = match map.get("role").cloned().unwrap_or(Value::Unset) {
            Value::Unset => {
                let problem = Diagnostic::new(Code::MissingValue, at, "a backend names no `role`");
                self.report(problem.help("`backends = [{ role = GROUP.ROLE  weight = 10 }]`"));
                return None;
            }
            other => match self.convert(other, &Type::Role(None), at) {
                Value::Role(view) => view,
                _ => return None,
            },
        };
        let weight = map.get("weight").map(|value| self.share_of_requests(value.clone(), at));
        let port = map.get("port").map(|value| self.text_of(value.clone(), at));
        let role = self.role(view.role).model?;
        Some(Backend { role, port: port.flatten(), weight: weight.flatten().unwrap_or(1), span: at })
    }

    fn picker(&mut self, value: Value, at: Span) -> Option<PickerService> {
        match value {
            Value::Role(view) => self.role(view.role).model.map(PickerService::Role),
            other => self.object_name("Service", other, at).map(PickerService::Named),
        }
    }

    fn number_of_port(&mut self, value: Value, at: Span) -> Option<u16> {
        match self.convert(value, &Type::Port, at) {
            Value::Int(number) => u16::try_from(number).ok(),
            _ => None,
        }
    }

    /// The annotations of all layers.
    fn own_annotations(&mut self, view: View, at: Span) -> BTreeMap<String, String> {
        let entries = self.nested(view, "expose", "annotations").into_iter();
        self.checked_metadata(entries.map(|(key, value)| (at, key, value, at)).collect(), "annotations")
    }
}

/// Whether a text is the name of a host, as Gateways and Ingresses take it: no address, and at most
/// the first label a wildcard.
fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    naming::is_dns_subdomain(name) && text.len() <= 253 && name.parse::<Ipv4Addr>().is_err()
}
