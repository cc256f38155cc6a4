//! Declarations and statements.

use super::super::container::options_of;
use super::super::mistakes;
use super::fit::Texts;
use super::kind::Kind;
use super::{Inference, Local, Memo, Scope};
use crate::resolve::{DefId, Type};
use crate::syntax::*;

/// What a body is the body of: which fields it has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Group,
    Edge,
    Role,
}

impl<'p> Inference<'p> {
    pub fn template(&mut self, template: &'p Template) {
        let mut scope = self.params(&template.params);
        let mut place = Place::Role;
        if template.target == TemplateTarget::Group {
            scope.extend(self.roles_of_template(template));
            place = Place::Group;
        }
        self.scopes.push(scope);
        template.params.iter().for_each(|param| drop(self.param(param)));
        self.calls(&template.bases, template.target);
        self.statements(&template.body, place);
        self.scopes.pop();
    }

    pub fn edge(&mut self, edge: &'p Edge) {
        let scope = self.params(&edge.params);
        self.scopes.push(scope);
        self.statements(&edge.body, Place::Edge);
        self.scopes.pop();
    }

    pub fn declared_group(&mut self, def: DefId, group: &'p Group) {
        if let Some(count) = &group.count {
            self.expect(count, &Type::Int, count.span);
        }
        let scope = self.group_scope(def);
        self.group = Some(def);
        self.scopes.push(scope);
        self.calls(&group.bases, TemplateTarget::Group);
        self.statements(&group.body, Place::Group);
        self.scopes.pop();
        self.group = None;
    }

    pub fn refine(&mut self, refine: &'p Refine) {
        let Some(def) = self.program.definition(&refine.group) else { return };
        let scope = self.group_scope(def);
        self.group = Some(def);
        self.scopes.push(scope);
        self.statements(&refine.body, Place::Group);
        self.scopes.pop();
        self.group = None;
    }

    /// The names of parameters; what they are given must be of their types.
    fn params(&mut self, params: &'p [Param]) -> Scope<'p> {
        let kind = |param: &'p Param| Memo::Done(Kind::of(&Type::of(self.program, &param.ty)));
        params.iter().map(|param| (param.name.name.as_str(), Local::Found(kind(param)))).collect()
    }

    fn group_scope(&mut self, def: DefId) -> Scope<'p> {
        let Some(roles) = self.roles_of(def) else { return Scope::new() };
        roles.iter().map(|(name, kind)| (*name, Local::Found(Memo::Done(kind.clone())))).collect()
    }

    /// A body with names of its own.
    fn body(&mut self, body: &'p Body, place: Place) {
        self.scopes.push(Scope::new());
        self.statements(body, place);
        self.scopes.pop();
    }

    /// The statements of the innermost scope.
    fn statements(&mut self, body: &'p Body, place: Place) {
        if let Some(scope) = self.scopes.last_mut() {
            for statement in &body.statements {
                if let StatementKind::Let(binding) = &statement.kind {
                    scope.insert(&binding.name.name, Local::Let(binding));
                }
            }
        }
        for statement in &body.statements {
            if let Some(when) = &statement.when {
                self.condition(when);
            }
            self.statement(&statement.kind, place);
            self.options(&statement.kind);
        }
    }

    fn statement(&mut self, kind: &'p StatementKind, place: Place) {
        match kind {
            StatementKind::Field { name, value } => self.field(name, value, place),
            StatementKind::Map { name, body } => self.map_field(name, body, place),
            StatementKind::Let(binding) => drop(self.local(&binding.name.name)),
            StatementKind::Assert(assert) => self.assert(assert),
            StatementKind::Role(role) => {
                self.calls(&role.bases, TemplateTarget::Role);
                self.body(&role.body, Place::Role);
            }
            StatementKind::Part { body, .. } | StatementKind::Child { body, .. } => self.body(body, Place::Role),
            StatementKind::Port { value: Some(value), .. } => self.expect(value, &Type::Port, value.span),
            StatementKind::File { value: Some(value), .. } => self.expect_text(value, Texts::Known, value.span),
            StatementKind::Mount { value: Some(value), .. } => self.mounted(value),
            StatementKind::Probe(probe) => self.probe(probe),
            StatementKind::Connect(connect) => {
                connect.weight.iter().for_each(|weight| self.expect(weight, &Type::Int, weight.span));
            }
            StatementKind::Place(clauses) => clauses.iter().for_each(|clause| self.clause(clause)),
            StatementKind::Coordinate { body, .. } => self.coordinate(body),
            StatementKind::After { targets, .. } => {
                let numbers = targets.iter().filter_map(|target| target.index.as_ref());
                numbers.for_each(|(_, number)| self.expect(number, &Type::Int, number.span));
            }
            StatementKind::Port { value: None, .. }
            | StatementKind::File { value: None, .. }
            | StatementKind::Mount { value: None, .. }
            | StatementKind::Volume { .. } => {}
        }
    }

    /// Checks an assertion: its condition, and the message that is made when it fails.
    pub fn assert(&mut self, assert: &'p Assert) {
        self.condition(&assert.condition);
        if let Some(message) = &assert.message {
            self.expect_text(message, Texts::Known, message.span);
        }
    }

    /// A mount names a volume or a claim.
    fn mounted(&mut self, value: &'p Expr) {
        for leaf in self.leaves(value) {
            let kind = self.infer(leaf);
            if !matches!(kind, Kind::Any | Kind::Claim | Kind::Str(_) | Kind::Text | Kind::Model) {
                self.report(mistakes::type_mismatch("String", kind.name(), value.span));
            }
        }
    }

    fn probe(&mut self, probe: &'p Probe) {
        match &probe.check {
            Some(ProbeCheck::Http { path, .. }) => self.expect_text(path, Texts::Known, path.span),
            Some(ProbeCheck::Grpc { service: Some(service), .. }) => {
                self.expect_text(service, Texts::Known, service.span);
            }
            Some(ProbeCheck::Exec { command }) => self.expect_texts(command, "List<String>"),
            Some(ProbeCheck::Grpc { service: None, .. } | ProbeCheck::Tcp { .. }) | None => {}
        }
    }

    /// The options of a statement that has some.
    fn options(&mut self, kind: &'p StatementKind) {
        let Some(body) = options_of(kind) else { return };
        let known = super::field::known_options(kind);
        let volume = matches!(kind, StatementKind::Volume { .. } | StatementKind::File { .. });
        self.entries(body, &mut |inference, key, entry| {
            let option = key.and_then(|key| known.iter().find(|(name, _)| *name == key));
            inference.option(option.map(|(_, wanted)| *wanted), entry);
        });
        if volume {
            self.unknown_options(body, known);
        }
    }
}
