//! Roles, instances and groups as values: addresses, Services, selectors, ports.

use super::mistakes;
use super::state::{Checker, Context, Goal, GroupIx, GroupState, RoleIx, Use, View};
use super::table::ChildKind;
use super::value::Value;
use super::{Form, PartKind};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::kinds::Target;
use crate::naming;
use crate::resolve::vocabulary::{ROLE_FIELDS, ROLE_PROPERTIES, role_field};
use crate::source::Span;
use crate::syntax::{ClauseKind, Ident, Statement, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// `role.member`: a property or a field.
    pub fn role_member(&mut self, view: View, member: &Ident, cx: Context<'_>) -> Value {
        let role = self.role(view.role);
        let (name, group) = (role.name.name.clone(), role.group);
        match member.name.as_str() {
            "name" => Value::str(name),
            "group" => Value::str(&self.group(group).name),
            "namespace" => Value::str(self.namespace(group)),
            "autoscaled" => {
                self.fixed_replicas(view.role, member.span).map_or(Value::Error, |n| Value::Bool(n.is_none()))
            }
            "service" => {
                self.used(view.role, None, false);
                Value::str(self.service_host(view.role, cx))
            }
            "headless" => {
                self.used(view.role, None, false);
                let host = naming::headless(&self.group(group).name, &name);
                Value::str(self.qualified(host, group, cx))
            }
            "addresses" => self
                .addresses(view.role, None, member.span, cx)
                .map_or(Value::Error, |a| Value::list(a.iter().map(Value::str).collect())),
            "selector" => {
                self.used(view.role, None, false);
                let pairs = self.selector(view.role);
                Value::list(pairs.iter().map(|(k, v)| Value::str(format!("{k}={v}"))).collect())
            }
            "url" | "urls" => {
                self.report(mistakes::not_called(member, &name));
                Value::Error
            }
            field => match role_field(field) {
                Some(field) => self.field(view, field.name, member.span),
                None => self.unknown_member(member, &format!("`{name}`"), role_words()),
            },
        }
    }

    fn unknown_member(&mut self, member: &Ident, of: &str, known: Vec<&str>) -> Value {
        self.report(mistakes::no_member(of, member, &known));
        Value::Error
    }

    /// `group.member`: a property, or a role of the group.
    pub fn group_member(&mut self, group: GroupIx, member: &Ident) -> Value {
        let state = self.group(group);
        match member.name.as_str() {
            "name" => Value::str(&state.name),
            "namespace" => Value::str(self.namespace(group)),
            "roles" => {
                let present = state.roles.iter().filter(|r| self.role(**r).absent.is_none());
                Value::list(present.map(|r| Value::Role(View { role: *r, part: 0 })).collect())
            }
            name => match self.role_named(group, name) {
                Some(role) => self.present(View { role, part: 0 }, member.span),
                None => {
                    let of = format!("`{}`", state.name);
                    let roles = state.roles.iter().map(|r| self.role(*r).name.name.as_str());
                    let known: Vec<&str> = roles.chain(["name", "namespace", "roles"]).collect();
                    let problem = mistakes::no_member(&of, member, &known);
                    self.report(problem);
                    Value::Error
                }
            },
        }
    }

    /// The role of a group with this name.
    pub fn role_named(&self, group: GroupIx, name: &str) -> Option<RoleIx> {
        self.group(group).roles.iter().copied().find(|r| self.role(*r).name.name == name)
    }

    /// `role[i]`.
    pub fn instance(&mut self, view: View, index: i64, span: Span) -> Value {
        let Some(count) = self.fixed_replicas(view.role, span) else { return Value::Error };
        let Some(count) = count else {
            self.report(autoscaled(&self.role(view.role).name.name, span));
            return Value::Error;
        };
        match u32::try_from(index) {
            Ok(i) if i < count => Value::Instance(view, i),
            _ => {
                let name = &self.role(view.role).name.name;
                let message = format!("role `{name}` has no instance {index}: there are {count}");
                self.report(Diagnostic::new(Code::BadIndex, span, message).help("instances are counted from 0"));
                Value::Error
            }
        }
    }

    /// `role[i].member`.
    pub fn instance_member(&mut self, view: View, index: u32, member: &Ident, cx: Context<'_>) -> Value {
        match member.name.as_str() {
            "index" => Value::Int(i64::from(index)),
            "name" => {
                let role = self.role(view.role);
                Value::str(naming::instance(&self.group(role.group).name, &role.name.name, index))
            }
            "address" => {
                let Some(all) = self.addresses(view.role, None, member.span, cx) else { return Value::Error };
                all.get(index as usize).map_or(Value::Error, Value::str)
            }
            _ => self.unknown_member(member, "an instance", vec!["address", "index", "name"]),
        }
    }

    /// `port.http`: the number of a port.
    pub fn port(&mut self, view: View, name: &Ident) -> Value {
        let key = name.name.clone();
        let role = self.role(view.role);
        let memo = role.ports.get(&(view.part, key.clone())).cloned();
        self.used(view.role, Some(key.clone()), false);
        self.remember(Goal::Port(view, key.clone()), name.span, memo, |checker| {
            let table = checker.table(view);
            let found = table.child(ChildKind::Port, &key).map(<[_]>::to_vec);
            let number = found.and_then(|list| checker.port_value(&list, view));
            number.unwrap_or_else(|| {
                let known: Vec<&str> = table.children(ChildKind::Port).map(|(n, _)| n).collect();
                let role = &checker.role(view.role).name.name;
                let problem = undeclared_port(&key, role, name.span, &known);
                checker.report(problem);
                Value::Error
            })
        })
    }

    /// `role.urls("http")` and `role.url("http")`.
    pub fn url(&mut self, view: View, method: &Ident, port: &str, span: Span, cx: Context<'_>) -> Value {
        let ident = Ident { name: port.to_owned(), span };
        let Value::Int(number) = self.port(view, &ident) else { return Value::Error };
        if method.name == "url" {
            return Value::str(format!("http://{}:{number}", self.service_host(view.role, cx)));
        }
        let Some(addresses) = self.addresses(view.role, Some(port), method.span, cx) else { return Value::Error };
        Value::list(addresses.iter().map(|a| Value::str(format!("http://{a}:{number}"))).collect())
    }

    /// One resolvable name for each instance: that of its leader.
    /// `port` is the one that they are asked for with, if one is.
    fn addresses(&mut self, role: RoleIx, port: Option<&str>, span: Span, cx: Context<'_>) -> Option<Vec<String>> {
        let Some(count) = self.fixed_replicas(role, span)? else {
            self.report(autoscaled(&self.role(role).name.name, span));
            return None;
        };
        let form = self.form(role)?;
        let state = self.role(role);
        let (name, group) = (state.name.name.clone(), state.group);
        if form == Form::Deployment {
            let problem = no_identity(&name, span, state.name.span);
            self.report(problem);
            return None;
        }
        self.used(role, port.map(str::to_owned), true);
        let components = self.components(role);
        let group_name = self.group(group).name.clone();
        let headless = naming::headless(&group_name, &name);
        let host = |index: u32| {
            let instance = naming::instance(&group_name, &name, index);
            match (form, components.first()) {
                (Form::PerInstance | Form::InstanceSet, Some(component)) => {
                    let workload = naming::component(&group_name, &name, index, component);
                    naming::address(&naming::ordinal(&workload, 0), &headless, None)
                }
                (Form::PerInstance | Form::InstanceSet, None) => {
                    naming::address(&naming::ordinal(&instance, 0), &headless, None)
                }
                (Form::LeaderWorkerSet, _) => naming::address(&naming::ordinal(&instance, 0), &instance, None),
                (Form::Deployment | Form::StatefulSet, _) => naming::address(&instance, &headless, None),
            }
        };
        Some((0..count).map(|i| self.qualified(host(i), group, cx)).collect())
    }

    /// The number of instances; `Some(None)` when an autoscaler owns it.
    pub fn fixed_replicas(&mut self, role: RoleIx, span: Span) -> Option<Option<u32>> {
        match self.field(View { role, part: 0 }, "replicas", span) {
            Value::Range(min, max) if min == max => Some(u32::try_from(max).ok()),
            Value::Range(..) => Some(None),
            _ => None,
        }
    }

    /// Which workload objects a role becomes.
    pub fn form(&mut self, role: RoleIx) -> Option<Form> {
        let view = View { role, part: 0 };
        let span = self.role(role).name.span;
        let pods = match self.field(view, "pods", span) {
            Value::Int(pods) => pods,
            _ => return None,
        };
        let target = self.options.target;
        if pods > 1 || !self.components(role).is_empty() {
            return Some(match target {
                Target::Native => Form::PerInstance,
                Target::Lws => Form::LeaderWorkerSet,
                Target::Rbg => Form::InstanceSet,
            });
        }
        // The controller of `rbg` has one template for all instances, whatever is asked of their places.
        if target != Target::Rbg && self.fixed_replicas(role, span)?.is_some() && self.placed_by_clause(role) {
            return Some(Form::PerInstance);
        }
        match self.field(view, "identity", span) {
            Value::Str(word) if &*word == "none" => Some(Form::Deployment),
            Value::Str(_) => Some(Form::StatefulSet),
            _ => None,
        }
    }

    /// Whether a clause places the role's instances, or a `coordinate` pairs them.
    fn placed_by_clause(&self, role: RoleIx) -> bool {
        let state = self.role(role);
        let name = &state.name.name;
        let own = state.layers.iter().flat_map(|l| &l.body.statements);
        if own
            .clone()
            .any(|s| matches!(&s.kind, StatementKind::Place(clauses) if clauses.iter().any(|c| places(&c.kind, None))))
        {
            return true;
        }
        let group = self.group(state.group).layers.iter().flat_map(|l| &l.body.statements);
        group.into_iter().any(|s: &Statement| match &s.kind {
            StatementKind::Place(clauses) => clauses.iter().any(|c| places(&c.kind, Some(name))),
            StatementKind::Coordinate { roles, .. } => roles.iter().any(|r| r.name == *name),
            _ => false,
        })
    }

    /// The namespace of a group.
    pub fn namespace(&mut self, group: GroupIx) -> String {
        if let Some(namespace) = &self.group(group).namespace {
            return namespace.shown().unwrap_or_default();
        }
        let value = self
            .group_field(group, "namespace")
            .map_or(Value::str("default"), |(value, span)| self.convert(value, &crate::resolve::Type::String, span));
        let text = value.shown().unwrap_or_else(|| "default".to_owned());
        self.groups[group.0 as usize].namespace = Some(value);
        text
    }

    /// A host name as it is seen from where an expression stands.
    fn qualified(&mut self, host: String, group: GroupIx, cx: Context<'_>) -> String {
        let namespace = self.namespace(group);
        match self.standpoint(cx) {
            Some(here) if self.namespace(here) == namespace => host,
            _ => format!("{host}.{namespace}"),
        }
    }

    /// The group in which an expression stands.
    fn standpoint(&self, cx: Context<'_>) -> Option<GroupIx> {
        cx.view.map(|v| self.role(v.role).group).or_else(|| self.frame_group(cx.frame))
    }

    fn service_host(&mut self, role: RoleIx, cx: Context<'_>) -> String {
        let state = self.role(role);
        let (name, group) = (state.name.name.clone(), state.group);
        // Those of its own group talk to its own generation.
        let own = self.standpoint(cx) == Some(group);
        let GroupState { name: generation, stem, .. } = self.group(group);
        let host = naming::workload(if own { generation } else { stem }, &name);
        self.qualified(host, group, cx)
    }

    /// The labels that select the pods which answer for the role.
    fn selector(&mut self, role: RoleIx) -> Vec<(&'static str, String)> {
        let multi = self.role_pods(role) > 1 || !self.components(role).is_empty();
        let leader = self.part_kind(View { role, part: 0 });
        let state = self.role(role);
        let component = match &leader {
            PartKind::Component(name) => Some(name.as_str()),
            _ if multi => Some("leader"),
            _ => None,
        };
        naming::selector(&self.group(state.group).name, &state.name.name, component)
    }

    fn role_pods(&mut self, role: RoleIx) -> i64 {
        let span = self.role(role).name.span;
        match self.field(View { role, part: 0 }, "pods", span) {
            Value::Int(pods) => pods,
            _ => 1,
        }
    }

    fn used(&mut self, to: RoleIx, port: Option<String>, addresses: bool) {
        self.trace.push(Use { to, port, addresses });
    }
}

/// Whether a clause places instances of a role: of the one in whose body it stands, or of a named one.
fn places(kind: &ClauseKind, named: Option<&str>) -> bool {
    let any = |roles: &[Ident]| named.is_none_or(|n| roles.iter().any(|r| r.name == n));
    match kind {
        ClauseKind::Instances { roles, .. } | ClauseKind::Roles { roles, .. } | ClauseKind::Spread { roles, .. } => {
            any(roles)
        }
        ClauseKind::Apart { roles, from, .. } => {
            any(roles) || from.as_ref().is_some_and(|f| named.is_some_and(|n| f.name == n))
        }
        ClauseKind::Near { role, to, .. } => {
            named.is_none_or(|n| role.as_ref().is_some_and(|r| r.name == n) || to.name == n)
        }
        ClauseKind::Group { .. }
        | ClauseKind::Cells { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Survive { .. }
        | ClauseKind::Pool { .. }
        | ClauseKind::Label { .. } => false,
    }
}

/// What can be asked of a role.
pub(super) fn role_words() -> Vec<&'static str> {
    ROLE_FIELDS.iter().map(|f| f.name).chain(ROLE_PROPERTIES.iter().copied()).collect()
}

fn autoscaled(role: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::AutoscaledAddress, span, format!("role `{role}` is autoscaled: it has no fixed instances"))
        .help(format!("use `{role}.service`, or discover its pods by `{role}.selector`"))
}

fn no_identity(role: &str, span: Span, declared: Span) -> Diagnostic {
    Diagnostic::new(Code::FieldConflict, span, format!("the instances of role `{role}` have no addresses"))
        .label(declared, "its pods have no identity")
        .help(format!("use `{role}.service`, or set `identity = \"stable\"` in `{role}`"))
}

pub(super) fn undeclared_port(port: &str, role: &str, span: Span, known: &[&str]) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::UndeclaredPort, span, format!("role `{role}` declares no port `{port}`"));
    problem.help = suggestion(port, known).or(Some(format!("declare it: `port {port} = 8000`")));
    problem
}
