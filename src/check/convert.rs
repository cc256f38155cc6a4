//! From a value to the type that is wanted: the few conversions there are, and the errors.

use std::sync::Arc;

use super::builtins::{model_value, quantity_of};
use super::mistakes;
use super::state::Checker;
use super::value::{Value, ValueMap};
use super::{Piece, RuntimeText};
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, StrPart};

impl Checker<'_, '_, '_> {
    /// The value as a value of the type. `unset` stays unset. Reports what does not fit.
    pub fn convert(&mut self, value: Value, ty: &Type, span: Span) -> Value {
        let value = match ty {
            Type::Any => return value,
            _ => self.forced(value),
        };
        match (ty, value) {
            (_, Value::Unset) => Value::Unset,
            (_, Value::Error) => Value::Error,
            (Type::Int, v @ Value::Int(_)) | (Type::Float, v @ Value::Float(_)) | (Type::Bool, v @ Value::Bool(_)) => v,
            (Type::Float, Value::Int(i)) => Value::Float(i as f64),
            (Type::String | Type::Level | Type::Link, v @ Value::Str(_)) => v,
            (Type::String, Value::Model(model)) => Value::str(&model.name),
            (Type::Image, v @ Value::Str(_)) => v,
            (Type::Quantity, v @ Value::Quantity(_)) => v,
            (Type::Quantity, Value::Int(i)) => Value::Quantity(Quantity::units(i)),
            (Type::Quantity, Value::Float(f)) => match quantity_of(&Value::Float(f)) {
                Some(quantity) => Value::Quantity(quantity),
                None => {
                    let message = format!("{f} is finer than a thousandth");
                    self.report(
                        Diagnostic::new(Code::OutOfRange, span, message).help("quantities are counted in thousandths"),
                    );
                    Value::Error
                }
            },
            (Type::Duration, v @ Value::Duration(_)) => v,
            (Type::Percent, v @ Value::Percent(_)) => v,
            (Type::Ratio, v @ Value::Ratio(..)) => v,
            (Type::Range, v @ Value::Range(..)) => v,
            (Type::Range, Value::Int(i)) => Value::Range(i, i),
            (Type::Port, Value::Int(i)) => self.port_number(i, span),
            (Type::Model, v @ Value::Model(_)) => v,
            (Type::Model, Value::Str(name)) => Value::Model(Arc::new(model_value(&name, None, None))),
            (Type::Runtime, v @ (Value::Str(_) | Value::Runtime(_))) => v,
            (Type::Group, v @ Value::Group(_)) => v,
            (Type::Union(words), Value::Str(word)) => self.word(word, words, span),
            (Type::List(element), Value::List(items)) => {
                Value::list(items.iter().map(|v| self.convert(v.clone(), element, span)).collect())
            }
            // One role where roles are wanted: what a router over one backend reads best as.
            (Type::List(element), v @ Value::Role(_)) if matches!(**element, Type::Role(_)) => {
                let role = self.convert(v, element, span);
                if role.is_error() { role } else { Value::list(vec![role]) }
            }
            (Type::Map(element), Value::Map(map)) => {
                let entries = map.iter().map(|(k, v)| (k.clone(), self.convert(v.clone(), element, span)));
                Value::map(entries.collect::<ValueMap>())
            }
            (Type::Record(_), Value::Map(map)) => self.record(&map, ty, span),
            (Type::Role(None), v @ Value::Role(_)) => v,
            (Type::Role(Some((def, name))), Value::Role(view)) => {
                if self.role(view.role).templates.contains(def) {
                    return Value::Role(view);
                }
                let role = self.role(view.role);
                if role.broken {
                    return Value::Error;
                }
                let problem = mistakes::not_made_from(role.name, name, span);
                self.report(problem);
                Value::Error
            }
            (ty, other) => {
                self.report(mismatch(&ty.to_string(), &other, span));
                Value::Error
            }
        }
    }

    fn word(&mut self, word: Arc<str>, words: &[String], span: Span) -> Value {
        if words.iter().any(|w| **w == *word) {
            return Value::Str(word);
        }
        self.report(mistakes::not_a_word(&word, words, span));
        Value::Error
    }

    /// A port number, 1 to 65535.
    pub fn port_number(&mut self, number: i64, span: Span) -> Value {
        if (1..=65_535).contains(&number) {
            return Value::Int(number);
        }
        let message = format!("{number} is not a port number");
        self.report(Diagnostic::new(Code::OutOfRange, span, message).help("ports are 1 to 65535"));
        Value::Error
    }

    fn record(&mut self, map: &ValueMap, ty: &Type, span: Span) -> Value {
        let Type::Record(fields) = ty else { return Value::Error };
        let mut out = ValueMap::new();
        for (key, value) in map {
            match fields.iter().find(|f| f.name == *key) {
                Some(field) => {
                    let value = self.convert(value.clone(), &field.ty, span);
                    out.insert(key.clone(), value);
                }
                None => {
                    let known: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
                    self.report(mistakes::unknown_key(key, ty, &known, span));
                }
            }
        }
        for field in fields {
            if out.contains_key(&field.name) {
                continue;
            }
            let Some(default) = &field.default else {
                let message = format!("key `{}` is missing", field.name);
                self.report(Diagnostic::new(Code::MissingValue, span, message).help(format!("expected `{ty}`")));
                continue;
            };
            let value = literal(default).unwrap_or_else(|| {
                let message = "the default of a record's key is a literal";
                self.report(Diagnostic::new(Code::TypeMismatch, default.span, message));
                Value::Error
            });
            let value = self.convert(value, &field.ty, default.span);
            out.insert(field.name.clone(), value);
        }
        Value::map(out)
    }

    /// A text in which values of the running pod are legal; numbers and the like are written out.
    pub fn runtime_text(&mut self, value: Value, span: Span) -> Option<RuntimeText> {
        self.text_pieces(value, span).map(RuntimeText)
    }

    /// A text that must be known now.
    pub fn known_text(&mut self, value: Value, span: Span) -> Option<String> {
        match self.text_pieces(value, span)?.as_slice() {
            [] => Some(String::new()),
            [Piece::Text(text)] => Some(text.clone()),
            _ => {
                self.report(mistakes::runtime_value(span));
                None
            }
        }
    }

    /// A list of texts in which values of the running pod are legal.
    pub fn runtime_texts(&mut self, value: Value, span: Span) -> Option<Vec<RuntimeText>> {
        match value {
            Value::Unset => Some(Vec::new()),
            Value::Error => None,
            Value::List(items) => items.iter().map(|v| self.runtime_text(v.clone(), span)).collect(),
            other => {
                self.report(mismatch("List<String>", &other, span));
                None
            }
        }
    }
}

/// A value of another kind than wanted, with help where its text tells what was meant.
pub(super) fn mismatch(wanted: &str, found: &Value, span: Span) -> Diagnostic {
    let problem = mistakes::type_mismatch(wanted, found.kind(), span);
    match (wanted, found) {
        ("Quantity", Value::Str(text)) if Quantity::parse(text).is_some() => {
            problem.help(format!("write it without quotes: `{text}`"))
        }
        ("Int" | "Bool" | "Range", Value::Str(text)) if !text.is_empty() => {
            problem.help(format!("write it without quotes: `{text}`"))
        }
        ("Duration", Value::Int(i)) => problem.help(format!("with a unit: `{i}s`")),
        ("Duration", Value::Quantity(q)) => {
            problem.help(format!("`m` means thousandths; minutes are `{}min`", q.milli))
        }
        ("Percent", Value::Int(i)) => problem.help(format!("with a sign: `{i}%`")),
        ("Percent", Value::Float(f)) => problem.help(format!("as a percentage: `{}%`", (f * 1_000.0).round() / 10.0)),
        ("String", Value::Int(i)) => problem.help(format!("quote it: `\"{i}\"`")),
        _ => problem,
    }
}

/// The value of a literal; `None` for an expression that must be evaluated.
fn literal(expr: &Expr) -> Option<Value> {
    Some(match &expr.kind {
        ExprKind::Int(i) => Value::Int(*i),
        ExprKind::Float(f) => Value::Float(*f),
        ExprKind::Bool(b) => Value::Bool(*b),
        ExprKind::Quantity(text) => Value::Quantity(Quantity::parse(text)?),
        ExprKind::Duration(ms) => Value::Duration(i64::try_from(*ms).ok()?),
        ExprKind::Percent(p) => Value::Percent(*p),
        ExprKind::Ratio(a, b) => Value::Ratio(*a, *b),
        ExprKind::Unset => Value::Unset,
        ExprKind::Str(parts) => match parts.as_slice() {
            [] => Value::str(""),
            [StrPart::Text(text)] => Value::str(text),
            _ => return None,
        },
        _ => return None,
    })
}
