//! Members and elements of values.

use super::state::{Checker, Context};
use super::value::Value;
use super::{Piece, RuntimeValue, mistakes};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Binding;
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, Ident};

impl<'p> Checker<'_, '_, 'p> {
    pub fn field_access(&mut self, base: &'p Expr, member: &'p Ident, cx: Context<'_>) -> Value {
        if let ExprKind::Name(_) = &base.kind {
            match self.program.binding(base.span.lo) {
                Some(Binding::Runtime(word)) => return runtime(word, &member.name),
                Some(Binding::Namespace(_)) => {
                    return match self.program.binding(member.span.lo) {
                        Some(Binding::Item(def)) => self.item(def, member.span),
                        _ => Value::Error,
                    };
                }
                _ => {}
            }
        }
        let value = self.eval(base, cx);
        self.member(value, member, base.span, cx)
    }

    /// `value.member`.
    pub fn member(&mut self, value: Value, member: &Ident, base: Span, cx: Context<'_>) -> Value {
        let name = member.name.as_str();
        let found = match &value {
            Value::Error => return Value::Error,
            Value::Role(view) => return self.role_member(*view, member, cx),
            Value::Instance(view, index) => return self.instance_member(*view, *index, member, cx),
            Value::Group(group) => return self.group_member(*group, member),
            Value::Fields(view, field) => return self.entry(*view, field, name, member.span),
            Value::Ports(view) => return self.port(*view, member),
            Value::Map(map) => map.get(name).cloned(),
            Value::Range(min, max) => match name {
                "min" => Some(Value::Int(*min)),
                "max" => Some(Value::Int(*max)),
                _ => None,
            },
            Value::Int(i) if matches!(name, "min" | "max") => Some(Value::Int(*i)),
            Value::Model(model) => match name {
                "name" => Some(Value::str(&model.name)),
                "path" => Some(Value::str(&model.path)),
                "claim" => Some(model.claim.as_ref().map_or(Value::Unset, Value::str)),
                _ => None,
            },
            _ => None,
        };
        found.unwrap_or_else(|| {
            let known: Vec<&str> = match &value {
                Value::Map(map) => map.keys().map(String::as_str).collect(),
                Value::Range(..) | Value::Int(_) => vec!["min", "max"],
                Value::Model(_) => vec!["name", "path", "claim"],
                _ => vec![],
            };
            self.report(mistakes::no_field(member, &known, base, value.kind()));
            Value::Error
        })
    }

    pub fn index(&mut self, base: &'p Expr, index: &'p Expr, span: Span, cx: Context<'_>) -> Value {
        let value = self.eval(base, cx);
        self.indexed(value, index, span, cx)
    }

    /// `value[index]`.
    pub fn indexed(&mut self, value: Value, index: &'p Expr, span: Span, cx: Context<'_>) -> Value {
        let value = self.forced(value);
        let at = self.eval(index, cx);
        match (&value, &at) {
            (Value::Error, _) | (_, Value::Error) => Value::Error,
            (Value::List(items), Value::Int(i)) => {
                let found = usize::try_from(*i).ok().and_then(|i| items.get(i)).cloned();
                found.unwrap_or_else(|| self.bad_index(&at, items.len(), index.span))
            }
            (Value::Map(map), Value::Str(key)) => {
                map.get(key.as_ref()).cloned().unwrap_or_else(|| self.bad_index(&at, map.len(), index.span))
            }
            (Value::Role(view), Value::Int(i)) => self.instance(*view, *i, index.span),
            _ => {
                self.report(mistakes::not_indexed(value.kind(), at.kind(), span));
                Value::Error
            }
        }
    }

    pub fn bad_index(&mut self, index: &Value, length: usize, span: Span) -> Value {
        let message = format!("nothing at {}: there are {length} elements", index.brief());
        self.report(Diagnostic::new(Code::BadIndex, span, message).help("elements are counted from 0"));
        Value::Error
    }

    pub fn is_made_from(&mut self, value: Value, path: &'p [Ident], span: Span) -> Value {
        match (value, self.program.definition(path)) {
            (Value::Role(view), Some(def)) => Value::Bool(self.role(view.role).templates.contains(&def)),
            (Value::Error, _) | (_, None) => Value::Error,
            (other, _) => {
                self.report(mistakes::not_a_role(other.kind(), span));
                Value::Error
            }
        }
    }
}

fn runtime(word: &str, member: &str) -> Value {
    let value = match (word, member) {
        ("leader", "address") => RuntimeValue::LeaderAddress,
        ("self", "rank") => RuntimeValue::Rank,
        ("self", "index") => RuntimeValue::Index,
        ("self", "instance") => RuntimeValue::Instance,
        ("pod", "ip") => RuntimeValue::PodIp,
        ("pod", "name") => RuntimeValue::PodName,
        ("pod", "namespace") => RuntimeValue::PodNamespace,
        ("pod", "node") => RuntimeValue::NodeName,
        ("pod", "host-ip") => RuntimeValue::HostIp,
        ("node", "nics") => RuntimeValue::Nics,
        _ => return Value::Error,
    };
    Value::text(vec![Piece::Value(value)])
}
