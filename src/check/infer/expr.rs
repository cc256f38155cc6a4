//! Kinds of expressions.

use std::collections::BTreeMap;

use super::super::mistakes;
use super::Inference;
use super::kind::Kind;
use crate::resolve::{Binding, DefId};
use crate::source::Span;
use crate::syntax::{BinaryOp, Expr, ExprKind, Ident, ItemKind, Key, MapBody, MapEntry, StrPart};

/// The value of a map entry.
#[derive(Clone, Copy)]
pub(super) enum Entry<'p> {
    /// `key = value`.
    Value(&'p Expr),
    /// `key { … }`.
    Body(&'p MapBody),
}

impl<'p> Inference<'p> {
    /// The kind of an expression. Everything in it is checked.
    pub fn infer(&mut self, expr: &'p Expr) -> Kind {
        self.depth += 1;
        let kind = self.kind_of(expr);
        self.depth -= 1;
        kind
    }

    fn kind_of(&mut self, expr: &'p Expr) -> Kind {
        match &expr.kind {
            ExprKind::Int(_) => Kind::Int,
            ExprKind::Float(_) => Kind::Float,
            ExprKind::Bool(_) => Kind::Bool,
            ExprKind::Str(parts) => self.string(parts),
            ExprKind::Quantity(_) => Kind::Quantity,
            ExprKind::Duration(_) => Kind::Duration,
            ExprKind::Percent(_) => Kind::Percent,
            ExprKind::Ratio(..) => Kind::Ratio,
            ExprKind::List(items) => Kind::list(self.joined(items.iter())),
            ExprKind::Map(body) => self.map(body),
            ExprKind::Name(name) => self.name(name, expr.span),
            ExprKind::Field(base, member) => self.field_access(base, member),
            ExprKind::Index(base, index) => self.index(base, index, expr.span),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, expr.span),
            ExprKind::Unary(op, operand) => self.unary(*op, operand),
            ExprKind::Binary(BinaryOp::And | BinaryOp::Or, left, right) => {
                self.condition(left);
                self.condition(right);
                Kind::Bool
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, expr.span),
            ExprKind::Is(value, _) => self.is_made_from(value, expr.span),
            ExprKind::If(..) => {
                let leaves = self.leaves(expr);
                self.joined(leaves.into_iter())
            }
            ExprKind::For { variables, iterable, condition, element } => {
                let mut kind = Kind::Any;
                self.each(variables, iterable, condition.as_deref(), |inference| kind = inference.infer(element));
                Kind::list(kind)
            }
            ExprKind::Unset => Kind::Any,
            ExprKind::Inherited => self.inherited.clone(),
        }
    }

    /// What is known of a value that is one of these; `unset` tells nothing.
    fn joined(&mut self, exprs: impl Iterator<Item = &'p Expr>) -> Kind {
        let mut all: Option<Kind> = None;
        for expr in exprs.filter(|e| e.kind != ExprKind::Unset) {
            let kind = self.infer(expr);
            all = Some(match all {
                Some(before) => before.join(kind),
                None => kind,
            });
        }
        all.unwrap_or(Kind::Any)
    }

    /// The values that an expression may have: both branches of an `if`, whose conditions are
    /// checked here, and theirs.
    pub fn leaves(&mut self, expr: &'p Expr) -> Vec<&'p Expr> {
        let mut leaves = Vec::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            match &expr.kind {
                ExprKind::If(condition, then, otherwise) => {
                    self.condition(condition);
                    open.extend([&**otherwise, &**then]);
                }
                _ => leaves.push(expr),
            }
        }
        leaves
    }

    /// Checks a condition.
    pub fn condition(&mut self, expr: &'p Expr) {
        let kind = self.infer(expr);
        if !matches!(kind, Kind::Any | Kind::Bool) {
            self.report(mistakes::not_a_condition(kind.name(), expr.span));
        }
    }

    fn string(&mut self, parts: &'p [StrPart]) -> Kind {
        if let [StrPart::Text(text)] = parts {
            return Kind::word(text);
        }
        let mut all = Kind::STR;
        for part in parts {
            let StrPart::Expr(expr) = part else { continue };
            match self.infer(expr) {
                Kind::Runtime => all = Kind::Runtime,
                Kind::Any | Kind::Text if all != Kind::Runtime => all = Kind::Text,
                kind if !kind.in_text() => self.report(mistakes::not_in_a_text(kind.name(), expr.span)),
                _ => {}
            }
        }
        all
    }

    /// The kind of a map body.
    pub fn map(&mut self, body: &'p MapBody) -> Kind {
        let mut fields = BTreeMap::new();
        let mut open = false;
        let mut all: Option<Kind> = None;
        self.entries(body, &mut |inference, key, entry| {
            let kind = match entry {
                Entry::Value(value) => inference.infer(value),
                Entry::Body(body) => inference.map(body),
            };
            all = Some(all.take().map_or(kind.clone(), |before| before.join(kind.clone())));
            match key {
                Some(key) => {
                    fields.insert(key.to_owned(), kind);
                }
                None => open = true,
            }
        });
        if open { Kind::map(all.unwrap_or(Kind::Any)) } else { Kind::record(fields) }
    }

    /// Visits the entries of a map with their keys, where these are written out.
    pub fn entries(&mut self, body: &'p MapBody, visit: &mut dyn FnMut(&mut Self, Option<&'p str>, Entry<'p>)) {
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key, value } => {
                    let key = self.key(key);
                    visit(self, key, Entry::Value(value));
                }
                MapEntry::Merge { key, body, .. } => {
                    let key = self.key(key);
                    visit(self, key, Entry::Body(body));
                }
                MapEntry::For { variables, iterable, condition, key, value } => {
                    self.each(variables, iterable, condition.as_ref(), |inference| {
                        inference.key(key);
                        visit(inference, None, Entry::Value(value));
                    });
                }
            }
        }
    }

    fn key(&mut self, key: &'p Key) -> Option<&'p str> {
        match key {
            Key::Name(name) => Some(&name.name),
            Key::Computed(expr) => {
                let kind = self.infer(expr);
                if !matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text) {
                    self.report(mistakes::not_a_key(kind.name(), expr.span));
                }
                None
            }
        }
    }

    /// Visits what a `for` repeats, its variables being visible.
    pub fn each(
        &mut self,
        variables: &'p [Ident],
        iterable: &'p Expr,
        condition: Option<&'p Expr>,
        visit: impl FnOnce(&mut Self),
    ) {
        let pair = variables.len() > 1;
        let (first, second) = match self.infer(iterable).forced() {
            Kind::List(element) if pair => (Kind::Int, (*element).clone()),
            Kind::List(element) => ((*element).clone(), Kind::Any),
            Kind::Map(value) => (Kind::STR, (*value).clone()),
            Kind::Record(fields) => (Kind::STR, fields.values().cloned().reduce(Kind::join).unwrap_or(Kind::Any)),
            // The reference lets a range be walked.
            Kind::Range => (Kind::Int, Kind::Any),
            Kind::Any => (Kind::Any, Kind::Any),
            other => {
                self.report(mistakes::not_a_collection(other.name(), iterable.span));
                (Kind::Any, Kind::Any)
            }
        };
        let outer = self.loops.len();
        self.loops.extend(variables.iter().map(|v| v.name.as_str()).zip([first, second]));
        if let Some(condition) = condition {
            self.condition(condition);
        }
        visit(self);
        self.loops.truncate(outer);
    }

    /// The kind of a bound name.
    pub fn name(&mut self, name: &str, span: Span) -> Kind {
        match self.binding_at(span) {
            Some(Binding::Loop) => {
                let found = self.loops.iter().rfind(|(variable, _)| *variable == name);
                found.map_or(Kind::Any, |(_, kind)| kind.clone())
            }
            Some(Binding::Field(field)) => Kind::of_field(field),
            Some(Binding::Local) => self.local(name),
            Some(Binding::Index) => Kind::Int,
            Some(Binding::Item(def)) => self.declared(def, span),
            Some(Binding::Group) => Kind::Group(self.group),
            Some(Binding::Runtime(word)) => {
                self.report(mistakes::lone_runtime(word, span));
                Kind::Any
            }
            Some(Binding::Namespace(_) | Binding::Builtin(_)) | None => Kind::Any,
        }
    }

    /// The kind of a declaration as a value.
    fn declared(&mut self, def: DefId, span: Span) -> Kind {
        let program = self.program;
        match &program.item(def).kind {
            ItemKind::Param(_) | ItemKind::Let(_) => self.value_of_item(def),
            ItemKind::Group(group) if group.count.is_some() => Kind::list(Kind::Group(Some(def))),
            ItemKind::Group(_) => Kind::Group(Some(def)),
            _ => {
                self.report(mistakes::not_a_value(program.name(def), span));
                Kind::Any
            }
        }
    }

    fn field_access(&mut self, base: &'p Expr, member: &'p Ident) -> Kind {
        if let ExprKind::Name(_) = &base.kind {
            match self.binding_at(base.span) {
                // An unknown member was reported when names were bound.
                Some(Binding::Runtime(_)) => return Kind::Runtime,
                Some(Binding::Namespace(_)) => {
                    return match self.binding_at(member.span) {
                        Some(Binding::Item(def)) => self.declared(def, member.span),
                        _ => Kind::Any,
                    };
                }
                _ => {}
            }
        }
        let kind = self.infer(base);
        self.member(&kind, member, base)
    }

    fn index(&mut self, base: &'p Expr, index: &'p Expr, span: Span) -> Kind {
        let kind = self.infer(base).forced();
        let at = self.infer(index);
        match (&kind, &at) {
            (Kind::List(element), Kind::Int | Kind::Any) => (**element).clone(),
            (Kind::Map(value), Kind::Str(_) | Kind::Text | Kind::Any) => (**value).clone(),
            (Kind::Record(_), Kind::Str(_) | Kind::Text | Kind::Any) => Kind::Any,
            (Kind::Role(_), Kind::Int | Kind::Any) => Kind::Instance,
            (Kind::Any, Kind::Any | Kind::Int | Kind::Str(_) | Kind::Text) => Kind::Any,
            _ => {
                self.report(mistakes::not_indexed(kind.name(), at.name(), span));
                Kind::Any
            }
        }
    }

    fn is_made_from(&mut self, value: &'p Expr, span: Span) -> Kind {
        let kind = self.infer(value);
        if !matches!(kind, Kind::Any | Kind::Role(_)) {
            self.report(mistakes::not_a_role(kind.name(), span));
        }
        Kind::Bool
    }
}
