//! Groups of the model.

use std::collections::BTreeMap;

use super::container::key_span;
use super::edges::images;
use super::state::{Checker, ConnectState, Context, GroupIx, RoleIx};
use super::table::{Contribution, FieldValue};
use super::value::Value;
use super::{Connection, Coordination, Group, Link, Model, Objective, Pin, Role, RoleId};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{Ident, ItemKind, StatementKind};

/// The highest generation of a group: its digits are a part of many names.
const MOST_GENERATIONS: u32 = 9999;

impl<'p> Checker<'_, '_, 'p> {
    /// All groups with everything evaluated.
    pub fn build(&mut self) -> Model {
        self.number_roles();
        self.evaluate_items();
        if let Some(groups) = self.build_in_parallel() {
            return Model { groups };
        }
        let mut model = Model::default();
        for index in 0..self.groups.len() {
            let group = self.build_group(GroupIx(index as u32));
            model.groups.push(group);
        }
        self.other_assertions();
        model
    }

    /// Gives every role that is present its place in the model.
    fn number_roles(&mut self) {
        for group in 0..self.groups.len() {
            let present: Vec<RoleIx> =
                self.groups[group].roles.iter().copied().filter(|r| self.role(*r).absent.is_none()).collect();
            for (role, ix) in present.into_iter().enumerate() {
                self.role_mut(ix).model = Some(RoleId { group, role });
            }
        }
    }

    /// One group with everything evaluated.
    pub fn build_group(&mut self, ix: GroupIx) -> Group {
        self.check_group_name(ix);
        let namespace = self.namespace(ix);
        if !naming::is_dns_label(&namespace) {
            let span = self.group_field_span(ix, "namespace");
            let message = format!("the namespace `{namespace}` is not a DNS label");
            let help = "at most 63 lower-case letters, digits and hyphens, with a letter or digit at both ends";
            self.report(Diagnostic::new(Code::InvalidName, span, message).help(help));
        }
        let mut roles = Vec::new();
        let mut references = Vec::new();
        for role in self.group(ix).roles.clone() {
            if self.role(role).absent.is_some() {
                continue;
            }
            if let Some((role, found)) = self.build_role(role) {
                roles.push(role);
                references.extend(found);
            }
        }
        references.sort();
        references.dedup();
        let connections = self.connections(ix, &roles);
        let coordinations = self.coordinations(ix);
        recover_together(&mut roles, &coordinations);
        let present = self.group(ix).roles.iter().filter(|role| self.role(**role).absent.is_none()).count();
        if present == roles.len() {
            self.check_ratios(&coordinations, &roles);
        }
        let clauses = self.clauses(ix, &coordinations);
        let labels = self.group_map(ix, "labels");
        let annotations = self.group_map(ix, "annotations");
        let pin = match self.group_word(ix, "pin", &["domain", "nodes", "none"]).as_deref() {
            Some("nodes") => Pin::Nodes,
            Some("none") => Pin::None,
            _ => Pin::Domain,
        };
        let objective = match self.group_word(ix, "objective", &["stability", "locality"]).as_deref() {
            Some("locality") => Objective::Locality,
            _ => Objective::Stability,
        };
        let state = self.group(ix);
        if roles.is_empty() && state.roles.is_empty() {
            let message = format!("group `{}` has no roles", state.declared.name);
            let span = state.declared.span;
            self.report(Diagnostic::new(Code::MissingValue, span, message).help("declare one: `role server { … }`"));
        }
        let state = self.group(ix);
        Group {
            name: state.name.clone(),
            stem: state.stem.clone(),
            generation: state.generation,
            generation_span: self.group_field_span(ix, "generation"),
            declared: state.declared.name.clone(),
            index: state.index,
            namespace,
            labels,
            annotations,
            pin,
            objective,
            roles,
            connections,
            references,
            clauses,
            coordinations,
            source: state.source.clone(),
            span: state.declared.span,
            doc: state.doc.to_vec(),
        }
    }

    fn check_group_name(&mut self, ix: GroupIx) {
        let state = self.group(ix);
        if matches!(state.stem.as_str(), "argocd" | "flux" | "base") {
            let message = format!("`{}` cannot be the name of a group: a directory of the output has it", state.stem);
            let span = state.declared.span;
            self.report(Diagnostic::new(Code::InvalidName, span, message));
        }
    }

    /// Names the objects of a group after its generation, before anything asks for their names.
    pub fn set_generation(&mut self, ix: GroupIx) {
        let before = self.session.problems.len();
        let Some((value, span)) = self.group_field(ix, "generation") else { return };
        if value.is_error() && self.session.problems.len() == before {
            // The roles are not there yet, because they are named after it.
            let message = "the generation is not known before the roles: it cannot use them";
            self.report(
                Diagnostic::new(Code::ValueCycle, span, message).help("a number, or a `param` or `let` of one"),
            );
        }
        let Value::Int(number) = self.convert(value, &Type::Int, span) else { return };
        match u32::try_from(number).ok().filter(|number| (1..=MOST_GENERATIONS).contains(number)) {
            Some(1) => {}
            Some(number) => {
                let state = &mut self.groups[ix.0 as usize];
                state.generation = number;
                state.name = naming::generation(&state.stem, number);
            }
            None => {
                let message = format!("{number} is no generation");
                self.report(Diagnostic::new(Code::OutOfRange, span, message).help(format!("1 to {MOST_GENERATIONS}")));
            }
        }
    }

    /// The topmost value of a field of a group, and where it stands.
    pub fn group_field(&mut self, ix: GroupIx, name: &str) -> Option<(Value, Span)> {
        let (expr, frame) = self.group_contributions(ix, name).last().and_then(|c| match c.field() {
            Some(FieldValue::Replace(expr)) => Some((expr, c.frame)),
            _ => None,
        })?;
        Some((self.eval(expr, Context::new(frame)), expr.span))
    }

    fn group_contributions(&self, ix: GroupIx, name: &str) -> Vec<Contribution<'p>> {
        let mut found = Vec::new();
        for (index, layer) in self.group(ix).layers.iter().enumerate() {
            for statement in &layer.body.statements {
                let (StatementKind::Field { name: field, .. } | StatementKind::Map { name: field, .. }) =
                    &statement.kind
                else {
                    continue;
                };
                if field.name == name {
                    let (tie, refine) = (layer.tie, layer.refine);
                    found.push(Contribution { statement, frame: layer.frame, layer: index, tie, refine });
                }
            }
        }
        found
    }

    fn group_field_span(&self, ix: GroupIx, name: &str) -> Span {
        let found = self.group_contributions(ix, name);
        found.last().map_or(self.group(ix).declared.span, Contribution::span)
    }

    fn group_word(&mut self, ix: GroupIx, name: &str, words: &[&str]) -> Option<String> {
        let (value, span) = self.group_field(ix, name)?;
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        match self.convert(value, &Type::Union(words), span) {
            Value::Str(word) => Some(word.to_string()),
            _ => None,
        }
    }

    /// Labels or annotations of a group, merged over its layers.
    fn group_map(&mut self, ix: GroupIx, name: &'static str) -> BTreeMap<String, String> {
        let contributions = self.group_contributions(ix, name);
        let mut entries = Vec::new();
        for key in self.keys_below(None, &contributions) {
            match self.topmost_entry(&contributions, &key, |frame, _| Context::new(frame)) {
                None | Some((Value::Unset, ..)) => {}
                Some((value, span, _)) => entries.push((key_span(&contributions, &key), key, value, span)),
            }
        }
        self.checked_metadata(entries, name)
    }

    fn connections(&mut self, ix: GroupIx, roles: &[Role]) -> Vec<Connection> {
        let count = self.group(ix).connects.len();
        (0..count).filter_map(|i| self.connection_of(ix, i, roles)).collect()
    }

    fn connection_of(&mut self, ix: GroupIx, index: usize, roles: &[Role]) -> Option<Connection> {
        let ConnectState { connect, statement, frame, from, to, edge } = &self.group(ix).connects[index];
        let (connect, span, frame, from, to, edge) = (*connect, statement.span, *frame, *from, *to, *edge);
        if from == to {
            let message = format!("role `{}` is connected to itself", connect.from.name);
            let help = "the instances of one role always reach each other; name two roles";
            self.report(Diagnostic::new(Code::BadConnection, span, message).help(help));
            return None;
        }
        let earlier = self.group(ix).connects[..index].iter().find(|c| c.from == from && c.to == to);
        if let Some(earlier) = earlier.map(|c| c.statement.span) {
            let message = format!("`{}` and `{}` are connected twice", connect.from.name, connect.to.name);
            let problem = Diagnostic::new(Code::BadConnection, span, message).label(earlier, "first connected here");
            self.report(problem.help("merge the two statements"));
            return None;
        }
        let mut floor = connect.over.as_ref().and_then(|word| self.link(word));
        let mut weight = match &connect.weight {
            Some(expr) => {
                let value = self.eval(expr, Context::new(frame));
                self.weight(value, expr.span)
            }
            None => None,
        };
        let ends = [self.role(from).model?.role, self.role(to).model?.role];
        let mut revision = BTreeMap::new();
        let mut name = None;
        if let Some((def, edge_frame)) = edge {
            let program = self.program;
            name = Some(program.name(def).to_owned());
            let ItemKind::Edge(declared) = &program.item(def).kind else { return None };
            for statement in &declared.body.statements {
                let StatementKind::Field { name: field, value: expr } = &statement.kind else { continue };
                let value = self.eval(expr, Context::new(edge_frame));
                match field.name.as_str() {
                    "over" if floor.is_none() => {
                        if let Value::Str(word) = self.convert(value, &Type::Link, expr.span) {
                            floor = self.link(&Ident { name: word.to_string(), span: expr.span });
                        }
                    }
                    "weight" if weight.is_none() => weight = self.weight(value, expr.span),
                    "revision" => {
                        let words = vec!["same".to_owned()];
                        if let Value::Str(_) = self.convert(value, &Type::Union(words), expr.span) {
                            revision.insert("image".to_owned(), images(roles, ends));
                        }
                    }
                    "handshake" => revision.append(&mut self.handshake(value, expr.span, [from, to])),
                    _ => {}
                }
            }
        }
        Some(Connection { from: ends[0], to: ends[1], edge: name, floor, weight: weight.unwrap_or(1), revision, span })
    }

    fn link(&mut self, word: &Ident) -> Option<(Link, Span)> {
        let found = Link::ALL.into_iter().find(|l| l.name() == word.name);
        if found.is_none() {
            let known: Vec<&str> = Link::ALL.iter().rev().map(|l| l.name()).collect();
            let mut problem = Diagnostic::new(Code::UnknownName, word.span, format!("unknown link `{}`", word.name));
            problem.help = suggestion(&word.name, &known);
            self.report(problem);
        }
        found.map(|link| (link, word.span))
    }

    /// A weight: a whole number from 1 to a million.
    pub fn weight(&mut self, value: Value, span: Span) -> Option<u32> {
        match self.convert(value, &Type::Int, span) {
            Value::Int(n) if (1..=1_000_000).contains(&n) => u32::try_from(n).ok(),
            Value::Int(n) => {
                let message = format!("{n} is not a weight");
                self.report(Diagnostic::new(Code::OutOfRange, span, message).help("1 to 1000000"));
                None
            }
            _ => None,
        }
    }
}

/// Gives the roles of a coordination its `recover`, unless they say something themselves.
fn recover_together(roles: &mut [Role], coordinations: &[Coordination]) {
    for coordination in coordinations {
        for (index, _) in &coordination.roles {
            if let Some(role) = roles.get_mut(*index) {
                role.recover = role.recover.or(coordination.recover);
            }
        }
    }
}
