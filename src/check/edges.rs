//! Connections: their ends, and what an edge gives to them.

use std::collections::BTreeMap;

use super::state::{Checker, ConnectState, Context, FrameIx, GroupIx, Layer, RoleIx, Slot, View};
use super::value::Value;
use super::{Piece, Role};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{Body, Connect, Ident, ItemKind, Param, Statement, StatementKind, TypeKind};

impl<'p> Checker<'_, '_, 'p> {
    /// Finds the ends of every `connect` and lets edges contribute to them.
    pub fn connect_group(&mut self, group: GroupIx) {
        let layers = self.group(group).layers.clone();
        let mut edge_layers: BTreeMap<RoleIx, Vec<Layer<'p>>> = BTreeMap::new();
        let mut ties: BTreeMap<RoleIx, u32> = BTreeMap::new();
        for layer in &layers {
            for statement in &layer.body.statements {
                let StatementKind::Connect(connect) = &statement.kind else { continue };
                if let Some(when) = &statement.when
                    && self.condition(when, Context::new(layer.frame)) != Some(true)
                {
                    continue;
                }
                let Some(state) = self.connection(group, connect, statement, layer) else { continue };
                for (role, body, frame) in self.edge_bodies(&state) {
                    let tie = *ties.entry(role).or_insert_with(|| {
                        self.ties += 1;
                        self.ties
                    });
                    let frame = self.body_frame(body, frame);
                    edge_layers.entry(role).or_default().push(Layer {
                        body,
                        frame,
                        tie: Some(tie),
                        refine: false,
                        call: None,
                    });
                }
                self.groups[group.0 as usize].connects.push(state);
            }
        }
        for (role, extra) in edge_layers {
            // What edges give lies below the bodies of the role, which are its last layers that
            // come from no template.
            let bodies = self.role(role).bodies;
            let layers = &mut self.role_mut(role).layers;
            let at = layers.len().saturating_sub(bodies);
            layers.splice(at..at, extra);
        }
    }

    pub fn connection(
        &mut self,
        group: GroupIx,
        connect: &'p Connect,
        statement: &'p Statement,
        layer: &Layer<'p>,
    ) -> Option<ConnectState<'p>> {
        let from = self.named_role(group, &connect.from)?;
        let to = self.named_role(group, &connect.to)?;
        let mut state = ConnectState { connect, statement, frame: layer.frame, from, to, edge: None };
        let Some(path) = &connect.edge else { return Some(state) };
        let def = self.program.definition(path)?;
        let ItemKind::Edge(edge) = &self.program.item(def).kind else { return None };
        let [first, second] = edge.params.as_slice() else {
            let message = format!("edge `{}` does not have two ends", edge.name.name);
            let problem = Diagnostic::new(Code::BadConnection, edge.name.span, message);
            self.report(problem.help("an edge has two parameters: `edge E(from: A, to: B) { … }`"));
            return None;
        };
        let frame = self.new_frame(Some(self.module_frame(def.module)), Some(group));
        let mut good = true;
        for (param, role) in [(first, from), (second, to)] {
            good &= self.check_end(param, role, connect);
            self.define(frame, &param.name.name, Slot::Value(Value::Role(View { role, part: 0 })));
        }
        if !good {
            return Some(state);
        }
        self.define_lets(&edge.body, frame);
        state.edge = Some((def, frame));
        Some(state)
    }

    /// Whether a role may be an end of an edge: made from the template that the edge names.
    pub fn check_end(&mut self, param: &Param, role: RoleIx, connect: &Connect) -> bool {
        let wanted = match &param.ty.kind {
            TypeKind::Named { path, arguments } if arguments.is_empty() => self.program.definition(path),
            TypeKind::Named { arguments, .. } => match arguments.first().map(|a| &a.kind) {
                Some(TypeKind::Named { path, .. }) => self.program.definition(path),
                _ => None,
            },
            _ => None,
        };
        let Some(wanted) = wanted else { return true };
        let good = self.role(role).templates.contains(&wanted);
        if !self.role(role).templates.contains(&wanted) && !self.role(role).broken {
            let name = &self.role(role).name.name;
            let end = if connect.from.name == *name { &connect.from } else { &connect.to };
            let message = format!("role `{name}` is not made from `{}`", self.program.name(wanted));
            let problem = Diagnostic::new(Code::BadConnection, end.span, message)
                .label(param.ty.span, "this end asks for it")
                .label(self.role(role).name.span, "the role is declared here");
            self.report(problem);
        }
        good
    }

    /// The blocks of an edge for its ends, unless an end is absent.
    pub fn edge_bodies(&self, state: &ConnectState<'p>) -> Vec<(RoleIx, &'p Body, FrameIx)> {
        let Some((def, frame)) = state.edge else { return Vec::new() };
        let ItemKind::Edge(edge) = &self.program.item(def).kind else { return Vec::new() };
        let mut found = Vec::new();
        for statement in &edge.body.statements {
            let StatementKind::Part { name, body } = &statement.kind else { continue };
            let end = edge.params.iter().position(|p| p.name.name == name.name);
            match end {
                Some(0) => found.push((state.from, body, frame)),
                Some(1) => found.push((state.to, body, frame)),
                _ => {}
            }
        }
        found
    }

    /// What an edge says that its ends compare: flags, or `args` for the arguments beside them.
    pub fn handshake(&mut self, value: Value, span: Span, ends: [RoleIx; 2]) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let Value::List(names) = self.convert(value, &Type::List(Box::new(Type::String)), span) else { return found };
        for name in names.iter().filter_map(Value::shown) {
            if !naming::is_label_value(&name) || name.is_empty() {
                let problem = Diagnostic::new(Code::BadConnection, span, format!("`{name}` is no name of a flag"));
                self.report(problem.help("name flags without hyphens before them, or `args`"));
                continue;
            }
            let values = ends.map(|role| self.told(View { role, part: 0 }, &name, span));
            let key = if name == ARGUMENTS { name } else { format!("--{name}") };
            found.insert(key, both(values));
        }
        found
    }

    /// What the command line of a role tells of a flag, or all arguments that are none.
    fn told(&mut self, view: View, name: &str, span: Span) -> String {
        let value = match name {
            ARGUMENTS => self.field(view, ARGUMENTS, span),
            flag => self.entry(view, "flags", flag, span),
        };
        as_text(&value)
    }

    /// The role that a clause of a group names; absent ones are an error.
    pub fn named_role(&mut self, group: GroupIx, name: &Ident) -> Option<RoleIx> {
        match self.role_named(group, &name.name) {
            Some(role) => match self.present(View { role, part: 0 }, name.span) {
                Value::Role(_) => Some(role),
                _ => None,
            },
            None => {
                let state = self.group(group);
                let known: Vec<&str> = state.roles.iter().map(|r| self.role(*r).name.name.as_str()).collect();
                let message = format!("group `{}` has no role `{}`", state.declared.name, name.name);
                let mut problem = Diagnostic::new(Code::UnknownName, name.span, message);
                problem.help = suggestion(&name.name, &known);
                self.report(problem);
                None
            }
        }
    }
}

/// The word for the arguments of a role that are no flags.
const ARGUMENTS: &str = "args";

/// The images of two roles, of all their parts.
pub(super) fn images(roles: &[Role], ends: [usize; 2]) -> String {
    let of = |end: usize| {
        let parts = roles.get(end).map_or(&[][..], |role| &role.parts);
        let mut images: Vec<&str> = parts.iter().map(|part| part.pod.main.image.as_str()).collect();
        images.dedup();
        images.join("|")
    };
    both(ends.map(of))
}

/// The values of both ends as one text.
fn both([from, to]: [String; 2]) -> String {
    if from == to { from } else { format!("{from}|{to}") }
}

/// A value as text. What the running pod completes is the same in every revision.
fn as_text(value: &Value) -> String {
    if let Value::List(items) = value {
        return items.iter().map(as_text).collect::<Vec<_>>().join(",");
    }
    let text = |piece: &Piece| if let Piece::Text(text) = piece { text.clone() } else { "*".to_owned() };
    let pieces = value.pieces().map(|pieces| pieces.iter().map(text).collect());
    pieces.or_else(|| value.shown()).unwrap_or_else(|| "-".to_owned())
}
