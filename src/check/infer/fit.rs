//! Whether a value fits what is wanted: the conversions of `convert.rs`, without the values.

use super::super::convert::mismatch;
use super::super::mistakes;
use super::super::value::Value;
use super::Inference;
use super::expr::Entry;
use super::kind::Kind;
use crate::diag::Diagnostic;
use crate::quantity::Quantity;
use crate::resolve::Type;
use crate::resolve::types::RecordField;
use crate::source::Span;
use crate::syntax::{self, Expr, ExprKind, MapBody, StrPart, TypeKind};

/// What a list or text may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    /// Only what is known when compiled.
    Known,
    /// Values of the running pod as well.
    Runtime,
}

impl<'p> Inference<'p> {
    /// Checks that a value fits a type. Mistakes are reported at `span`.
    pub fn expect(&mut self, expr: &'p Expr, ty: &Type, span: Span) {
        for leaf in self.leaves(expr) {
            match (&leaf.kind, ty) {
                (ExprKind::Unset, _) => {}
                (ExprKind::List(items), Type::List(element)) => {
                    items.iter().for_each(|item| self.expect(item, element, span));
                }
                (ExprKind::For { variables, iterable, condition, element: value }, Type::List(element)) => {
                    self.each(variables, iterable, condition.as_deref(), |inference| {
                        inference.expect(value, element, span);
                    });
                }
                (ExprKind::Map(body), Type::Map(_) | Type::Record(_)) => self.expect_map(body, ty, span),
                _ => {
                    let kind = self.infer(leaf);
                    if let Some(problem) = misfit(&kind, ty, literal(leaf).as_ref(), span) {
                        self.report(problem);
                    }
                }
            }
        }
    }

    fn expect_map(&mut self, body: &'p MapBody, ty: &Type, span: Span) {
        self.entries(body, &mut |inference, key, entry| {
            let wanted = match (ty, key) {
                (Type::Map(value), _) => Some(&**value),
                (Type::Record(fields), Some(key)) => {
                    let field = fields.iter().find(|f| f.name == *key);
                    if field.is_none() {
                        inference.report(mistakes::unknown_key(key, ty, &names(fields), span));
                    }
                    field.map(|f| &f.ty)
                }
                _ => None,
            };
            match (entry, wanted) {
                (Entry::Value(value), Some(wanted)) => inference.expect(value, wanted, span),
                (Entry::Value(value), None) => drop(inference.infer(value)),
                (Entry::Body(body), Some(Type::Map(_) | Type::Record(_))) => {
                    if let Some(wanted) = wanted {
                        inference.expect_map(body, wanted, span);
                    }
                }
                (Entry::Body(body), wanted) => {
                    let kind = inference.map(body);
                    if let Some(problem) = wanted.and_then(|w| misfit(&kind, w, None, span)) {
                        inference.report(problem);
                    }
                }
            }
        });
    }

    /// Checks that a value can stand in a text.
    pub fn expect_text(&mut self, expr: &'p Expr, texts: Texts, span: Span) {
        for leaf in self.leaves(expr) {
            if leaf.kind != ExprKind::Unset {
                let kind = self.infer(leaf);
                self.in_text(&kind, texts, span);
            }
        }
    }

    /// Checks that a value is a list of texts in which values of the running pod are legal. `wanted`
    /// is what that is called.
    pub fn expect_texts(&mut self, expr: &'p Expr, wanted: &str) {
        let span = expr.span;
        for leaf in self.leaves(expr) {
            match &leaf.kind {
                ExprKind::Unset => {}
                ExprKind::List(items) => items.iter().for_each(|item| self.expect_text(item, Texts::Runtime, span)),
                _ => match self.infer(leaf) {
                    Kind::Any => {}
                    Kind::List(element) => self.in_text(&element, Texts::Runtime, span),
                    other => self.report(mistakes::type_mismatch(wanted, other.name(), span)),
                },
            }
        }
    }

    /// Checks one text, or a list of them.
    pub fn expect_text_or_texts(&mut self, expr: &'p Expr, texts: Texts, span: Span) {
        for leaf in self.leaves(expr) {
            match &leaf.kind {
                ExprKind::Unset => {}
                ExprKind::List(items) => items.iter().for_each(|item| self.expect_text(item, texts, span)),
                _ => {
                    let kind = self.infer(leaf);
                    let inside = if let Kind::List(element) = &kind { element } else { &kind };
                    self.in_text(inside, texts, span);
                }
            }
        }
    }

    /// Reports a kind that cannot stand in a text.
    pub fn in_text(&mut self, kind: &Kind, texts: Texts, span: Span) {
        if !kind.in_text() {
            self.report(mistakes::not_in_a_text(kind.name(), span));
        } else if *kind == Kind::Runtime && texts == Texts::Known {
            self.report(mistakes::runtime_value(span));
        }
    }

    /// Checks the defaults in a type: those of the keys of records.
    pub fn defaults_in(&mut self, ty: &'p syntax::Type) {
        match &ty.kind {
            TypeKind::Literal(_) => {}
            TypeKind::Named { arguments: parts, .. } | TypeKind::Union(parts) => {
                parts.iter().for_each(|part| self.defaults_in(part));
            }
            TypeKind::Record(fields) => {
                for field in fields {
                    self.defaults_in(&field.ty);
                    if let Some(default) = &field.default {
                        let wanted = Type::of(self.program, &field.ty);
                        self.expect(default, &wanted, default.span);
                    }
                }
            }
        }
    }
}

/// The problem of a value that cannot be converted to a type; `None` when it may well be. The value
/// itself, where it is written out, makes the words better.
pub(super) fn misfit(kind: &Kind, ty: &Type, literal: Option<&Value>, span: Span) -> Option<Diagnostic> {
    if fits(kind, ty) {
        return inner_misfit(kind, ty, span);
    }
    Some(match literal {
        Some(value) => mismatch(&ty.to_string(), value, span),
        None => mistakes::type_mismatch(&ty.to_string(), kind.name(), span),
    })
}

/// Whether the kind itself can be converted, whatever is in it.
fn fits(kind: &Kind, ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Int | Type::Port => matches!(kind, Kind::Any | Kind::Int),
        Type::Float => matches!(kind, Kind::Any | Kind::Int | Kind::Float),
        Type::Bool => matches!(kind, Kind::Any | Kind::Bool),
        Type::String | Type::Model => matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text | Kind::Model),
        Type::Image | Type::Level | Type::Link | Type::Union(_) => {
            matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text)
        }
        Type::Quantity => matches!(kind, Kind::Any | Kind::Int | Kind::Float | Kind::Quantity),
        Type::Duration => matches!(kind, Kind::Any | Kind::Duration),
        Type::Percent => matches!(kind, Kind::Any | Kind::Percent),
        Type::Ratio => matches!(kind, Kind::Any | Kind::Ratio),
        Type::Range => matches!(kind, Kind::Any | Kind::Int | Kind::Range),
        Type::Runtime => matches!(kind, Kind::Any | Kind::Str(_) | Kind::Text | Kind::Runtime),
        Type::List(element) => {
            let one_role = matches!(kind, Kind::Role(_)) && matches!(**element, Type::Role(_));
            one_role || matches!(kind, Kind::Any | Kind::List(_))
        }
        Type::Map(_) | Type::Record(_) => kind.is_map(),
        Type::Role(_) => matches!(kind, Kind::Any | Kind::Role(_)),
        Type::Group => matches!(kind, Kind::Any | Kind::Group(_)),
    }
}

/// What does not fit in a value whose kind does.
fn inner_misfit(kind: &Kind, ty: &Type, span: Span) -> Option<Diagnostic> {
    match (kind, ty) {
        (Kind::Str(Some(texts)), Type::Union(words)) => {
            let first = texts.first().filter(|_| texts.iter().all(|text| !words.contains(text)))?;
            Some(mistakes::not_a_word(first, words, span))
        }
        (Kind::List(inside), Type::List(element)) | (Kind::Map(inside), Type::Map(element)) => {
            misfit(inside, element, None, span)
        }
        (Kind::Role(_), Type::List(element)) => misfit(kind, element, None, span),
        (Kind::Fields(field), Type::Map(element)) => misfit(&Kind::of_entry(field), element, None, span),
        (Kind::Record(fields), Type::Map(element)) => {
            fields.values().find_map(|inside| misfit(inside, element, None, span))
        }
        (Kind::Record(found), Type::Record(fields)) => {
            found.iter().find_map(|(key, inside)| match fields.iter().find(|f| f.name == *key) {
                Some(field) => misfit(inside, &field.ty, None, span),
                None => Some(mistakes::unknown_key(key, ty, &names(fields), span)),
            })
        }
        (Kind::Role(Some(role)), Type::Role(Some((def, template)))) => {
            (!role.templates.contains(def)).then(|| mistakes::not_made_from(&role.name, template, span))
        }
        _ => None,
    }
}

fn names(fields: &[RecordField]) -> Vec<&str> {
    fields.iter().map(|f| f.name.as_str()).collect()
}

/// The value of an expression that is written out.
pub(super) fn literal(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Int(i) => Value::Int(*i),
        ExprKind::Str(parts) => match parts.as_slice() {
            [StrPart::Text(text)] => Value::str(text),
            _ => return None,
        },
        ExprKind::Quantity(text) => Value::Quantity(Quantity::parse(text)?),
        _ => return None,
    })
}
