//! Roles of the model.

use std::collections::BTreeMap;

use super::container::{Source, key_span, skip_marker, SKIP_MARKER};
use super::setup::not_yet;
use super::state::{Checker, Context, GroupIx, RoleIx, View};
use super::value::Value;
use super::{After, Autoscale, Form, Metric, Part, PartKind, Reference, Replicas, Role};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{AfterTarget, Body, ExprKind, Ident, MapBody, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// A role of the model, and which other roles its values name. `None` when something is so
    /// wrong that no role comes of it; the reason was reported.
    pub fn build_role(&mut self, ix: RoleIx) -> Option<(Role, Vec<Reference>)> {
        let view = View { role: ix, part: 0 };
        let span = self.role(ix).name.span;
        self.trace.clear();
        self.refuse_later(view);
        let replicas = self.replicas_of(view);
        let form = self.form(ix);
        let parts = self.parts(ix);
        let after = self.dependencies(ix);
        let autoscale = self.autoscale(view);
        let labels = self.metadata(view, "labels");
        let annotations = self.metadata(view, "annotations");
        self.role_assertions(ix);
        let (replicas, form, parts) = (replicas?, form?, parts?);
        self.check_autoscale(view, replicas, autoscale.as_ref(), &parts);
        self.check_identity(view, form, &parts);
        let references = self.references(ix);
        let state = self.role(ix);
        let mut templates: Vec<String> = state.templates.iter().map(|d| self.program.name(*d).to_owned()).collect();
        templates.sort();
        let (name, doc) = (state.name.name.clone(), state.doc.to_vec());
        let role = Role {
            name,
            span,
            doc,
            templates,
            replicas,
            replicas_span: self.field_span(view, "replicas"),
            form,
            parts,
            after,
            autoscale,
            min_ready: self.seconds_field(view, "min-ready").unwrap_or(0),
            labels,
            annotations,
            service_account: self.text_field(view, "service-account"),
            discovers: self.field(view, "discovers", span) == Value::Bool(true),
        };
        Some((role, references))
    }

    /// Fields that the language describes and this compiler does not build.
    fn refuse_later(&mut self, view: View) {
        let table = self.table(view);
        for name in ["expose", "rollout", "scale", "metrics", "network"] {
            if let Some(contribution) = table.field(name).last() {
                let statement = contribution.statement;
                let span = match &statement.kind {
                    StatementKind::Field { name, .. } | StatementKind::Map { name, .. } => name.span,
                    _ => statement.span,
                };
                self.report(not_yet(span, &format!("`{name}`")));
            }
        }
        if let Some(word) = self.text_field(view, "recover") {
            let multi = self.count(view, "pods") > 1;
            if word != "pod" || multi {
                let span = self.field_span(view, "recover");
                self.report(not_yet(span, &format!("`recover = \"{word}\"` here")));
            }
        }
    }

    fn replicas_of(&mut self, view: View) -> Option<Replicas> {
        let span = self.role(view.role).name.span;
        match self.field(view, "replicas", span) {
            Value::Range(min, max) => {
                Some(Replicas { min: u32::try_from(min).ok()?, max: u32::try_from(max).ok()? })
            }
            _ => None,
        }
    }

    fn parts(&mut self, ix: RoleIx) -> Option<Vec<Part>> {
        let components = self.components(ix);
        if !components.is_empty() {
            self.refuse_with_components(ix);
            return self.component_parts(ix, &components);
        }
        let view = View { role: ix, part: 0 };
        let pods = self.count(view, "pods");
        let first = self.pod(view);
        if pods <= 1 {
            return Some(vec![Part { kind: PartKind::Single, count: 1, pod: first?, after: Vec::new() }]);
        }
        let worker = self.pod(View { role: ix, part: 1 });
        Some(vec![
            Part { kind: PartKind::Leader, count: 1, pod: first?, after: Vec::new() },
            Part { kind: PartKind::Worker, count: pods - 1, pod: worker?, after: Vec::new() },
        ])
    }

    /// Statements that make no sense beside components.
    fn refuse_with_components(&mut self, ix: RoleIx) {
        let layers = self.role(ix).layers.clone();
        for statement in layers.iter().flat_map(|l| &l.body.statements) {
            let (StatementKind::Field { name, .. } | StatementKind::Part { name, .. }) = &statement.kind else { continue };
            if matches!(name.name.as_str(), "pods" | "leader" | "worker") {
                let message = format!("`{}` beside components", name.name);
                let problem = Diagnostic::new(Code::FieldConflict, name.span, message);
                self.report(problem.help("each component says its own `pods`, and is a part of its own"));
            }
        }
    }

    fn component_parts(&mut self, ix: RoleIx, names: &[&'p str]) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        let mut orders = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let view = View { role: ix, part: u16::try_from(index).ok()? };
            if !naming::is_dns_label(name) || ["workers", "leader"].contains(name) {
                let message = format!("`{name}` cannot be the name of a component");
                self.report(Diagnostic::new(Code::InvalidName, self.role(ix).name.span, message));
            }
            let order = self.component_order(view, names);
            let after = order.iter().map(|(before, _)| *before).collect();
            orders.push(order);
            let pod = self.pod(view);
            let count = self.count(view, "pods");
            parts.push(Part { kind: PartKind::Component((*name).to_owned()), count, pod: pod?, after });
        }
        self.check_component_cycles(names, &orders)?;
        Some(parts)
    }

    /// The components that must be ready before one, and where that is said.
    fn component_order(&mut self, view: View, names: &[&'p str]) -> Vec<(usize, Span)> {
        let kind = self.part_kind(view);
        let mut after: Vec<(usize, Span)> = Vec::new();
        let layers = self.role(view.role).layers.clone();
        for body in layers.iter().flat_map(|l| super::table::part_bodies(l.body, &kind)) {
            for target in afters(body).flatten() {
                let Some(first) = target.path.first() else { continue };
                match names.iter().position(|n| *n == first.name) {
                    Some(index) if !after.iter().any(|(known, _)| *known == index) => after.push((index, target.span)),
                    Some(_) => {}
                    None => {
                        let message = format!("the instance has no component `{}`", first.name);
                        let mut problem = Diagnostic::new(Code::BadDependency, first.span, message);
                        problem.help = suggestion(&first.name, names);
                        self.report(problem);
                    }
                }
            }
        }
        after
    }

    fn check_component_cycles(&mut self, names: &[&'p str], orders: &[Vec<(usize, Span)>]) -> Option<()> {
        // Follows one component that waits until it comes round: what is not done waits for
        // something that is not done.
        let mut done = vec![false; orders.len()];
        for _ in 0..orders.len() {
            for (i, order) in orders.iter().enumerate() {
                done[i] |= order.iter().all(|(before, _)| done[*before]);
            }
        }
        let Some(mut at) = done.iter().position(|d| !d) else { return Some(()) };
        let mut path: Vec<(usize, Span)> = Vec::new();
        while !path.iter().any(|(known, _)| *known == at) {
            let (next, span) = *orders[at].iter().find(|(before, _)| !done[*before])?;
            path.push((at, span));
            at = next;
        }
        let cycle = &path[path.iter().position(|(known, _)| *known == at)?..];
        let chain: Vec<String> = cycle.iter().chain(cycle.first()).map(|(i, _)| format!("`{}`", names[*i])).collect();
        let message = format!("components wait for each other: {}", chain.join(" → "));
        let waits = |i: usize| format!("`{}` waits for `{}`", names[cycle[i].0], names[cycle[(i + 1) % cycle.len()].0]);
        let mut problem = Diagnostic::new(Code::DependencyCycle, cycle[0].1, message).here(waits(0));
        for (i, (_, span)) in cycle.iter().enumerate().skip(1) {
            problem = problem.label(*span, waits(i));
        }
        self.report(problem.help("remove one of these `after`"));
        None
    }

    /// The roles that must be ready before, of all `after` statements of the role and its group.
    fn dependencies(&mut self, ix: RoleIx) -> Vec<After> {
        let group = self.role(ix).group;
        let own = self.role(ix).layers.clone();
        let shared = self.group(group).layers.clone();
        let mut after: Vec<After> = Vec::new();
        for layer in own.iter().chain(&shared) {
            for statement in &layer.body.statements {
                let StatementKind::After { targets, options } = &statement.kind else { continue };
                let cx = Context { view: Some(View { role: ix, part: 0 }), ..Context::new(layer.frame) };
                if let Some(when) = &statement.when {
                    if self.condition(when, cx) != Some(true) {
                        continue;
                    }
                }
                self.refuse_wait(options.as_ref());
                for target in targets {
                    for role in self.after_target(target, cx) {
                        let known = self.role(role).model;
                        if let Some(id) = known.filter(|id| !after.iter().any(|a| a.role == *id)) {
                            after.push(After { role: id, span: target.span });
                        }
                    }
                }
            }
        }
        after
    }

    fn refuse_wait(&mut self, options: Option<&MapBody>) {
        if let Some(options) = options.filter(|o| !o.entries.is_empty()) {
            self.report(not_yet(options.span, "waiting at run time"));
        }
    }

    /// The roles that a target of `after` means.
    fn after_target(&mut self, target: &'p AfterTarget, cx: Context<'_>) -> Vec<RoleIx> {
        let Some(first) = target.path.first() else { return Vec::new() };
        let value = self.path_value(&target.path, cx);
        match value {
            Value::Error => Vec::new(),
            Value::Role(view) => vec![view.role],
            Value::Group(group) => self.whole_group(group, target, first),
            Value::List(items) => items
                .iter()
                .flat_map(|item| match item {
                    Value::Role(view) => vec![view.role],
                    Value::Group(group) => self.whole_group(*group, target, first),
                    _ => Vec::new(),
                })
                .collect(),
            Value::Unset => Vec::new(),
            other => {
                let message = format!("expected a role, found {}", other.kind());
                self.report(Diagnostic::new(Code::BadDependency, target.span, message));
                Vec::new()
            }
        }
    }

    fn whole_group(&mut self, group: GroupIx, target: &AfterTarget, first: &Ident) -> Vec<RoleIx> {
        if !target.group {
            let message = format!("`{}` is a group", first.name);
            let help = format!("wait for all of it: `after group {0}`, or for a role: `after {0}.…`", first.name);
            self.report(Diagnostic::new(Code::BadDependency, target.span, message).help(help));
            return Vec::new();
        }
        let roles = self.group(group).roles.clone();
        roles.into_iter().filter(|r| self.role(*r).absent.is_none()).collect()
    }

    /// The value of a dotted path whose first name is bound.
    fn path_value(&mut self, path: &'p [Ident], cx: Context<'_>) -> Value {
        let mut value = Value::Unset;
        for (index, part) in path.iter().enumerate() {
            value = match (index, &value) {
                (0, _) => self.bound_value(part, cx),
                // The namespace of an imported module before its group.
                (1, Value::Unset) => self.bound_value(part, cx),
                (_, Value::Group(group)) => self.group_member(*group, part),
                (_, Value::List(_)) => {
                    let message = format!("`{}` is several groups", path[index - 1].name);
                    let problem = Diagnostic::new(Code::BadDependency, part.span, message);
                    self.report(problem.help(format!("wait for all: `after group {}`", path[index - 1].name)));
                    Value::Error
                }
                (_, Value::Error) => Value::Error,
                _ => {
                    let message = format!("`{}` has no role `{}`", path[index - 1].name, part.name);
                    self.report(Diagnostic::new(Code::BadDependency, part.span, message));
                    Value::Error
                }
            };
        }
        value
    }

    fn bound_value(&mut self, name: &'p Ident, cx: Context<'_>) -> Value {
        match self.program.binding(name.span.lo) {
            Some(crate::resolve::Binding::Namespace(_)) => Value::Unset,
            Some(_) => self.name(&name.name, name.span, cx),
            None => Value::Error,
        }
    }

    fn autoscale(&mut self, view: View) -> Option<Autoscale> {
        let table = self.table(view);
        let last = table.field("autoscale").last()?;
        let span = last.statement.span;
        let source = Source { view, table: &table, main: true };
        let entries = self.get_map(source, "autoscale");
        let mut metric = None;
        let mut stabilization = None;
        for (key, value, at) in entries {
            match (key.as_str(), value) {
                ("stabilization", value) => {
                    if let Value::Duration(ms) = self.convert(value, &Type::Duration, at) {
                        stabilization = self.seconds(ms, at);
                    }
                }
                ("metric", Value::Metric(m)) => metric = Some(Metric::Pods { name: m.name.clone(), average: m.average }),
                ("metric", other) => {
                    self.wrong("metric(…)", &other, at);
                }
                (name, value) => {
                    if let Value::Percent(p) = self.convert(value, &Type::Percent, at) {
                        if !(1.0..=1000.0).contains(&p) || p.fract() != 0.0 {
                            let message = format!("{p}% is not a whole percentage above 0");
                            self.report(Diagnostic::new(Code::OutOfRange, at, message));
                        } else {
                            metric = Some(Metric::Resource { name: name.to_owned(), utilization: p as u32 });
                        }
                    }
                }
            }
        }
        let Some(metric) = metric else {
            let problem = Diagnostic::new(Code::MissingValue, span, "`autoscale` measures nothing");
            self.report(problem.help("`cpu = 70%`, `memory = 80%` or `metric = metric(\"name\", 10)`"));
            return None;
        };
        Some(Autoscale { metric, stabilization, span })
    }

    fn check_autoscale(&mut self, view: View, replicas: Replicas, autoscale: Option<&Autoscale>, parts: &[Part]) {
        let span = self.field_span(view, "replicas");
        match (replicas.autoscaled(), autoscale) {
            (true, None) => {
                let message = format!("`replicas = {}..{}` needs an `autoscale`", replicas.min, replicas.max);
                self.report(
                    Diagnostic::new(Code::MissingValue, span, message)
                        .help("for example `autoscale { cpu = 70% }`, or fix the number"),
                );
            }
            (false, Some(autoscale)) => {
                let problem = Diagnostic::new(Code::FieldConflict, autoscale.span, "`autoscale` of a fixed number");
                self.report(problem.label(span, "this is not a range").help("write a range: `replicas = 1..4`"));
            }
            (true, Some(_)) if parts.len() > 1 || parts[0].kind != PartKind::Single => {
                let message = "instances of several pods cannot be autoscaled";
                self.report(
                    Diagnostic::new(Code::MissingCapability, span, message)
                        .help("the target `native` has nothing to scale here: fix the number of instances"),
                );
            }
            (true, Some(autoscale)) => {
                if let Metric::Resource { name, .. } = &autoscale.metric {
                    let resources = &parts[0].pod.main.resources;
                    let asked = if name == "cpu" { resources.cpu } else { resources.memory };
                    if asked.is_none() {
                        let message = format!("`autoscale` measures `{name}`, which the role does not request");
                        let problem = Diagnostic::new(Code::MissingValue, autoscale.span, message);
                        self.report(problem.help(format!("set `{name}`: the percentage is one of the request")));
                    }
                }
            }
            (false, None) => {}
        }
    }

    fn check_identity(&mut self, view: View, form: Form, parts: &[Part]) {
        let span = self.role(view.role).name.span;
        if form != Form::Deployment {
            return;
        }
        let pod = &parts[0].pod;
        let claim = pod.volumes.iter().find(|v| matches!(v.kind, super::VolumeKind::Template { .. }));
        if let Some(volume) = claim {
            let message = format!("claim `{}` needs pods with stable identity", volume.name);
            self.report(
                Diagnostic::new(Code::FieldConflict, volume.span, message)
                    .label(span, "its pods are interchangeable")
                    .help("set `identity = \"stable\"`, or mount an existing claim"),
            );
        }
        let containers = std::iter::once(&pod.main).chain(&pod.inits).chain(&pod.sidecars);
        let needs = containers.flat_map(runtime_values).find(|v| {
            matches!(
                v,
                super::RuntimeValue::Index | super::RuntimeValue::LeaderAddress | super::RuntimeValue::Instance
            )
        });
        if needs.is_some() {
            let message = "`leader.address`, `self.index` and `self.instance` need pods with stable identity";
            self.report(
                Diagnostic::new(Code::FieldConflict, span, message).help("set `identity = \"stable\"` in this role"),
            );
        }
    }

    /// Labels or annotations: well formed, and not those of others.
    fn metadata(&mut self, view: View, field: &'static str) -> BTreeMap<String, String> {
        let table = self.table(view);
        let source = Source { view, table: &table, main: true };
        let contributions = table.field(field);
        let entries = self.get_map(source, field).into_iter();
        let entries = entries.map(|(key, value, span)| (key_span(contributions, &key), key, value, span)).collect();
        self.checked_metadata(entries, field)
    }

    /// Labels or annotations that may be emitted, from the place of the key, key, value and its place.
    pub fn checked_metadata(&mut self, entries: Vec<(Span, String, Value, Span)>, field: &str) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for (key_at, key, value, span) in entries {
            let Some(text) = self.known_text(value, span) else { continue };
            if let Some(owner) = reserved(&key) {
                let message = format!("`{key}` belongs to {owner}");
                self.report(Diagnostic::new(Code::ReservedAnnotation, key_at, message).help("leave it out"));
            } else if !is_metadata_key(&key) {
                let message = format!("`{key}` is not the key of a label or annotation");
                self.report(Diagnostic::new(Code::InvalidName, key_at, message).help("`name` or `domain.example/name`"));
            } else if field == "labels" && !is_label_value(&text) {
                let message = format!("\"{text}\" is not the value of a label");
                let help = "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
                self.report(Diagnostic::new(Code::InvalidName, span, message).help(help));
            } else if text.contains(SKIP_MARKER) {
                self.report(skip_marker(span));
            } else {
                out.insert(key, text);
            }
        }
        out
    }

    /// Who the role names, from the uses gathered while its values were evaluated.
    fn references(&mut self, ix: RoleIx) -> Vec<Reference> {
        let uses = std::mem::take(&mut self.trace);
        let Some(own) = self.role(ix).model else { return Vec::new() };
        let mut references: Vec<Reference> = uses
            .into_iter()
            .filter(|u| u.to != ix)
            .filter_map(|u| {
                let to = self.role(u.to).model?;
                Some(Reference { from: own.role, to, port: u.port, addresses: u.addresses })
            })
            .collect();
        references.sort();
        references.dedup();
        references
    }
}

fn runtime_values(container: &super::Container) -> impl Iterator<Item = super::RuntimeValue> {
    let env = container.env.values().filter_map(|v| match v {
        super::EnvValue::Text(text) => Some(text),
        _ => None,
    });
    container.command.iter().chain(&container.args).chain(env).flat_map(|t| &t.0).filter_map(|p| match p {
        super::Piece::Value(value) => Some(*value),
        super::Piece::Text(_) => None,
    })
}

/// The targets of the `after` statements of a body.
fn afters(body: &Body) -> impl Iterator<Item = &Vec<AfterTarget>> {
    body.statements.iter().filter_map(|s| match &s.kind {
        StatementKind::After { targets, .. } => Some(targets),
        _ => None,
    })
}

/// Who owns a key that users must not set.
fn reserved(key: &str) -> Option<&'static str> {
    const APP: &[&str] = &["name", "instance", "component", "part-of", "managed-by"];
    let (domain, name) = key.split_once('/').unwrap_or(("", key));
    match domain {
        "argocd.argoproj.io" => Some("Argo CD"),
        "helm.sh" => Some("Helm"),
        "kubectl.kubernetes.io" => Some("kubectl"),
        "rbgc.dev" => Some("the compiler"),
        "rbg.workloads.x-k8s.io" | "rolebasedgroup.workloads.x-k8s.io" => Some("the compiler (upstream's contract)"),
        "leaderworkerset.sigs.k8s.io" => Some("LeaderWorkerSet"),
        "statefulset.kubernetes.io" | "apps.kubernetes.io" | "deployment.kubernetes.io" => Some("Kubernetes"),
        "app.kubernetes.io" if APP.contains(&name) => Some("the compiler"),
        "" if ["controller-revision-hash", "pod-template-hash"].contains(&name) => Some("Kubernetes"),
        _ if domain.ends_with("fluxcd.io") => Some("Flux"),
        _ => None,
    }
}

fn is_metadata_key(key: &str) -> bool {
    let (domain, name) = key.split_once('/').map_or((None, key), |(d, n)| (Some(d), n));
    let domain_good = domain.is_none_or(|d| d.len() <= 253 && d.split('.').all(naming::is_dns_label));
    domain_good && !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    text.len() <= 63 && text.bytes().all(inner) && edge(text.as_bytes().first()) && edge(text.as_bytes().last())
}

/// Whether an expression is the word `unset`.
pub(super) fn is_unset(expr: &crate::syntax::Expr) -> bool {
    expr.kind == ExprKind::Unset
}
