//! Roles of the model.

use super::setup::not_yet;
use super::state::{Checker, RoleIx, View};
use super::value::Value;
use super::{Form, Part, PartKind, Recovery, Reference, Replicas, Role};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{AfterTarget, Body, ExprKind, MapBody, StatementKind};

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
        let expose = self.expose(view, &parts);
        let metrics = self.metrics(view, &parts);
        let network = self.network(view, &parts);
        let traffic = self.text_field(view, "traffic-distribution");
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
            leaving: 0,
            recover: self.recover(view),
            min_ready: self.seconds_field(view, "min-ready").unwrap_or(0),
            labels,
            annotations,
            service_account: self.text_field(view, "service-account"),
            discovers: self.field(view, "discovers", span) == Value::Bool(true),
            engine_runtimes: self.engine_runtimes(view),
            warm_up: self.warm_up(view),
            expose,
            metrics,
            network,
            traffic_distribution: traffic.map(|word| (word, self.field_span(view, "traffic-distribution"))),
        };
        Some((role, references))
    }

    /// Fields that the language describes and this compiler does not build.
    fn refuse_later(&mut self, view: View) {
        let table = self.table(view);
        for name in ["rollout", "scale"] {
            if let Some(contribution) = table.field(name).last() {
                let statement = contribution.statement;
                let span = match &statement.kind {
                    StatementKind::Field { name, .. } | StatementKind::Map { name, .. } => name.span,
                    _ => statement.span,
                };
                self.report(not_yet(span, &format!("`{name}`")));
            }
        }
    }

    /// What restarts together when a pod fails, and where that is said.
    fn recover(&mut self, view: View) -> Option<(Recovery, Span)> {
        let word = Recovery::parse(&self.text_field(view, "recover")?)?;
        Some((word, self.field_span(view, "recover")))
    }

    fn replicas_of(&mut self, view: View) -> Option<Replicas> {
        let span = self.role(view.role).name.span;
        match self.field(view, "replicas", span) {
            Value::Range(min, max) => Some(Replicas { min: u32::try_from(min).ok()?, max: u32::try_from(max).ok()? }),
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
        let needs = containers.flat_map(super::Container::runtime_values).find(|v| {
            matches!(v, super::RuntimeValue::Index | super::RuntimeValue::LeaderAddress | super::RuntimeValue::Instance)
        });
        if needs.is_some() {
            let message = "`leader.address`, `self.index` and `self.instance` need pods with stable identity";
            self.report(
                Diagnostic::new(Code::FieldConflict, span, message).help("set `identity = \"stable\"` in this role"),
            );
        }
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

/// The targets and options of the `after` statements of a body.
pub(super) fn afters(body: &Body) -> impl Iterator<Item = (&[AfterTarget], Option<&MapBody>)> {
    body.statements.iter().filter_map(|s| match &s.kind {
        StatementKind::After { targets, options } => Some((targets.as_slice(), options.as_ref())),
        _ => None,
    })
}

/// Whether an expression is the word `unset`.
pub(super) fn is_unset(expr: &crate::syntax::Expr) -> bool {
    expr.kind == ExprKind::Unset
}
