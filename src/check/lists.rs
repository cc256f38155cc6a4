//! Built-in functions of lists and maps.

use std::sync::Arc;

use super::Piece;
use super::expr::MAX_ELEMENTS;
use super::mistakes;
use super::operators::compare;
use super::state::Checker;
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::BinaryOp;

impl Checker<'_, '_, '_> {
    pub fn items(&mut self, value: Value, span: Span) -> Option<Arc<Vec<Value>>> {
        match value {
            Value::List(items) => Some(items),
            other => {
                self.wrong("List", &other, span);
                None
            }
        }
    }

    pub fn length(&mut self, value: Value, span: Span) -> Value {
        let length = match &value {
            Value::List(items) => items.len(),
            Value::Map(map) => map.len(),
            Value::Str(text) => text.chars().count(),
            Value::Group(group) => {
                let roles = &self.group(*group).roles;
                roles.iter().filter(|r| self.role(**r).absent.is_none()).count()
            }
            other => return self.wrong("List, Map or String", other, span),
        };
        Value::Int(length as i64)
    }

    pub fn sum(&mut self, value: Value, span: Span) -> Value {
        let Some(items) = self.items(value, span) else { return Value::Error };
        let mut items = items.iter();
        let Some(first) = items.next() else { return Value::Int(0) };
        if !matches!(first, Value::Int(_) | Value::Float(_) | Value::Quantity(_) | Value::Duration(_)) {
            return self.wrong("numbers, quantities or durations", first, span);
        }
        items.fold(first.clone(), |total, next| self.binary(BinaryOp::Add, (total, span), (next.clone(), span), span))
    }

    pub fn extreme(&mut self, items: Vec<Value>, largest: bool, span: Span) -> Value {
        let mut items = items.into_iter();
        let Some(mut best) = items.next() else {
            self.report(Diagnostic::new(Code::BadArguments, span, "there is nothing to choose from"));
            return Value::Error;
        };
        for item in items {
            match compare(&item, &best) {
                Some(order) if (order == std::cmp::Ordering::Greater) == largest && order.is_ne() => best = item,
                Some(_) => {}
                None => return self.incomparable(&best, &item, span),
            }
        }
        best
    }

    pub fn incomparable(&mut self, a: &Value, b: &Value, span: Span) -> Value {
        self.report(mistakes::no_order(a.kind(), b.kind(), span));
        Value::Error
    }

    pub fn sorted(&mut self, value: Value, span: Span) -> Value {
        let Some(items) = self.items(value, span) else { return Value::Error };
        if let Some(pair) = items.windows(2).find(|w| compare(&w[0], &w[1]).is_none()) {
            return self.incomparable(&pair[0], &pair[1], span);
        }
        let mut items = items.to_vec();
        items.sort_by(|a, b| compare(a, b).unwrap_or(std::cmp::Ordering::Equal));
        Value::list(items)
    }

    pub fn flatten(&mut self, value: Value, span: Span) -> Value {
        let Some(items) = self.items(value, span) else { return Value::Error };
        let mut out = Vec::new();
        for item in items.iter() {
            let Some(inner) = self.items(item.clone(), span) else { return Value::Error };
            out.extend(inner.iter().cloned());
            if out.len() > MAX_ELEMENTS {
                return self.too_many(span);
            }
        }
        Value::list(out)
    }

    pub fn zip(&mut self, args: &[(Value, Span)], span: Span) -> Value {
        let (Some(a), Some(b)) = (self.items(args[0].0.clone(), args[0].1), self.items(args[1].0.clone(), args[1].1))
        else {
            return Value::Error;
        };
        if a.len() != b.len() {
            let message = format!("the lists have {} and {} elements", a.len(), b.len());
            self.report(Diagnostic::new(Code::BadArguments, span, message));
            return Value::Error;
        }
        Value::list(a.iter().zip(b.iter()).map(|(x, y)| Value::list(vec![x.clone(), y.clone()])).collect())
    }

    pub fn numbers(&mut self, args: &[(Value, Span)], span: Span) -> Value {
        let (from, to) = match (&args[0].0, &args[1].0) {
            (Value::Int(n), Value::Unset) => (0, *n),
            (Value::Int(a), Value::Int(b)) => (*a, *b),
            (Value::Range(a, b), Value::Unset) => (*a, b.saturating_add(1)),
            (Value::Int(_), other) => return self.wrong("Int", other, args[1].1),
            (other, _) => return self.wrong("Int", other, args[0].1),
        };
        if to.saturating_sub(from) > MAX_ELEMENTS as i64 {
            return self.too_many(span);
        }
        if !self.burn(to.saturating_sub(from).max(0) as u64 / 4, span) {
            return Value::Error;
        }
        Value::list((from..to).map(Value::Int).collect())
    }

    pub fn entries_of(&mut self, value: Value, keys: bool, span: Span) -> Value {
        match value {
            Value::Map(map) if keys => Value::list(map.keys().map(Value::str).collect()),
            Value::Map(map) => Value::list(map.values().cloned().collect()),
            other => self.wrong("Map", &other, span),
        }
    }

    pub fn join(&mut self, args: &[(Value, Span)]) -> Value {
        let Some(items) = self.items(args[0].0.clone(), args[0].1) else { return Value::Error };
        let Value::Str(separator) = &args[1].0 else { return self.wrong("String", &args[1].0, args[1].1) };
        let mut pieces = Vec::new();
        let mut bytes = 0;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                pieces.push(Piece::Text(separator.to_string()));
                bytes += separator.len();
            }
            let Some(more) = self.text_pieces(item.clone(), args[0].1) else { return Value::Error };
            bytes += more.iter().map(|p| if let Piece::Text(t) = p { t.len() } else { 0 }).sum::<usize>();
            pieces.extend(more);
        }
        if self.text_fits(bytes, args[0].1) { Value::text(pieces) } else { Value::Error }
    }
}
