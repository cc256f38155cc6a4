//! Operators.

use std::cmp::Ordering;

use super::expr::MAX_ELEMENTS;
use super::mistakes;
use super::state::Checker;
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::source::Span;
use crate::syntax::{BinaryOp, UnaryOp};

impl Checker<'_, '_, '_> {
    pub fn unary(&mut self, op: UnaryOp, value: Value, span: Span) -> Value {
        let result = match (op, &value) {
            (_, Value::Error) => return Value::Error,
            (UnaryOp::Not, Value::Bool(b)) => Some(Value::Bool(!b)),
            (UnaryOp::Negate, Value::Int(i)) => match i.checked_neg() {
                Some(i) => Some(Value::Int(i)),
                None => return self.overflow(span),
            },
            (UnaryOp::Negate, Value::Float(f)) => Some(Value::Float(-f)),
            (UnaryOp::Negate, Value::Duration(ms)) => Some(Value::Duration(ms.saturating_neg())),
            (UnaryOp::Negate, Value::Quantity(q)) => {
                Some(Value::Quantity(Quantity { milli: -q.milli, binary: q.binary }))
            }
            _ => None,
        };
        result.unwrap_or_else(|| {
            self.report(mistakes::bad_operand(op, value.kind(), span));
            Value::Error
        })
    }

    /// An operator with two evaluated operands; `and` and `or` are evaluated elsewhere.
    pub fn binary(&mut self, op: BinaryOp, left: (Value, Span), right: (Value, Span), span: Span) -> Value {
        let a = self.forced(left.0);
        let b = self.forced(right.0);
        if a.is_error() || b.is_error() {
            return Value::Error;
        }
        for (value, at) in [(&a, left.1), (&b, right.1)] {
            if matches!(value, Value::Runtime(_)) && op != BinaryOp::Add {
                self.report(mistakes::runtime_value(at));
                return Value::Error;
            }
        }
        let result = match op {
            BinaryOp::Or | BinaryOp::And => None,
            BinaryOp::Equal => self.equal(&a, &b).map(Value::Bool),
            BinaryOp::NotEqual => self.equal(&a, &b).map(|e| Value::Bool(!e)),
            BinaryOp::Less => compare(&a, &b).map(|o| Value::Bool(o == Ordering::Less)),
            BinaryOp::LessEqual => compare(&a, &b).map(|o| Value::Bool(o != Ordering::Greater)),
            BinaryOp::Greater => compare(&a, &b).map(|o| Value::Bool(o == Ordering::Greater)),
            BinaryOp::GreaterEqual => compare(&a, &b).map(|o| Value::Bool(o != Ordering::Less)),
            BinaryOp::In => contains(&a, &b).map(Value::Bool),
            BinaryOp::Range => match (&a, &b) {
                (Value::Int(x), Value::Int(y)) => return self.range(*x, *y, span),
                _ => None,
            },
            BinaryOp::Add => return self.add(a, b, left.1, right.1, span),
            BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => {
                return self.arithmetic(op, a, b, left.1, right.1, span);
            }
        };
        result.unwrap_or_else(|| self.bad_operands(op, &a, &b, left.1, right.1, span))
    }

    fn range(&mut self, from: i64, to: i64, span: Span) -> Value {
        if from > to {
            let message = format!("the range {from}..{to} is empty");
            self.report(Diagnostic::new(Code::BadOperands, span, message).help(format!("did you mean {to}..{from}?")));
            return Value::Error;
        }
        Value::Range(from, to)
    }

    /// Equality of values of one kind; `None` when they can never be equal by their kinds.
    fn equal(&self, a: &Value, b: &Value) -> Option<bool> {
        match (a, b) {
            (Value::Unset, _) | (_, Value::Unset) => Some(a == b),
            (Value::Model(m), Value::Str(text)) | (Value::Str(text), Value::Model(m)) => Some(m.name == text.as_ref()),
            (Value::Range(x, y), Value::Int(i)) | (Value::Int(i), Value::Range(x, y)) => Some(x == i && y == i),
            _ if std::mem::discriminant(a) == std::mem::discriminant(b) => Some(a == b),
            _ => compare(a, b).map(|o| o == Ordering::Equal),
        }
    }

    fn add(&mut self, a: Value, b: Value, left: Span, right: Span, span: Span) -> Value {
        match (&a, &b) {
            (Value::Str(_) | Value::Runtime(_), _) if b.pieces().is_some() => {
                let mut pieces = a.pieces().unwrap_or_default();
                pieces.extend(b.pieces().unwrap_or_default());
                let bytes = pieces.iter().map(|p| if let super::Piece::Text(t) = p { t.len() } else { 0 }).sum();
                if !self.text_fits(bytes, span) {
                    return Value::Error;
                }
                Value::text(pieces)
            }
            (Value::List(x), Value::List(y)) => {
                if x.len() + y.len() > MAX_ELEMENTS {
                    return self.too_many(span);
                }
                if !self.burn((x.len() + y.len()) as u64 / 8, span) {
                    return Value::Error;
                }
                Value::list(x.iter().chain(y.iter()).cloned().collect())
            }
            _ => self.arithmetic(BinaryOp::Add, a, b, left, right, span),
        }
    }

    /// Reports a list that is too long.
    pub fn too_many(&mut self, span: Span) -> Value {
        let message = format!("more than {MAX_ELEMENTS} elements");
        self.report(Diagnostic::new(Code::LimitExceeded, span, message));
        Value::Error
    }

    fn arithmetic(&mut self, op: BinaryOp, a: Value, b: Value, left: Span, right: Span, span: Span) -> Value {
        let zero = matches!(&b, Value::Int(0) | Value::Duration(0))
            || matches!(&b, Value::Float(f) if *f == 0.0)
            || matches!(&b, Value::Quantity(q) if q.milli == 0);
        if zero && matches!(op, BinaryOp::Divide | BinaryOp::Remainder) {
            self.report(Diagnostic::new(Code::Arithmetic, span, "division by zero").label(right, "this is zero"));
            return Value::Error;
        }
        let result = match (&a, &b) {
            (Value::Int(x), Value::Int(y)) => integers(op, *x, *y).map(|r| r.map(Value::Int)),
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                floats(op, number(&a), number(&b)).map(|r| r.is_finite().then_some(Value::Float(r)))
            }
            (Value::Quantity(x), Value::Quantity(y)) if op == BinaryOp::Divide => {
                // How often one fits into the other is a number without a unit.
                Some(Some(Value::Float(x.milli as f64 / y.milli as f64)))
            }
            (Value::Quantity(_), Value::Quantity(_) | Value::Int(_)) | (Value::Int(_), Value::Quantity(_)) => {
                quantities(op, &a, &b).map(|r| r.map(Value::Quantity))
            }
            (Value::Duration(x), Value::Duration(y)) if op == BinaryOp::Divide => {
                Some(Some(Value::Float(*x as f64 / *y as f64)))
            }
            (Value::Duration(x), Value::Duration(y)) if matches!(op, BinaryOp::Add | BinaryOp::Subtract) => {
                integers(op, *x, *y).map(|r| r.map(Value::Duration))
            }
            (Value::Duration(x), Value::Int(y)) if matches!(op, BinaryOp::Multiply | BinaryOp::Divide) => {
                integers(op, *x, *y).map(|r| r.map(Value::Duration))
            }
            (Value::Int(x), Value::Duration(y)) if op == BinaryOp::Multiply => {
                integers(op, *x, *y).map(|r| r.map(Value::Duration))
            }
            _ => None,
        };
        match result {
            Some(Some(value)) => value,
            Some(None) => self.overflow(span),
            None => self.bad_operands(op, &a, &b, left, right, span),
        }
    }

    fn overflow(&mut self, span: Span) -> Value {
        self.report(Diagnostic::new(Code::Arithmetic, span, "the result is too large"));
        Value::Error
    }

    fn bad_operands(&mut self, op: BinaryOp, a: &Value, b: &Value, left: Span, right: Span, span: Span) -> Value {
        self.report(mistakes::bad_operands(op, (a.kind(), left), (b.kind(), right), span));
        Value::Error
    }
}

/// The order of two values that have one.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Some(x.cmp(y)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => number(a).partial_cmp(&number(b)),
        (Value::Quantity(x), Value::Quantity(y)) => Some(x.cmp(y)),
        (Value::Quantity(x), Value::Int(y)) => Some(x.cmp(&Quantity::units(*y))),
        (Value::Int(x), Value::Quantity(y)) => Some(Quantity::units(*x).cmp(y)),
        (Value::Duration(x), Value::Duration(y)) => Some(x.cmp(y)),
        (Value::Percent(x), Value::Percent(y)) => x.partial_cmp(y),
        (Value::Str(x), Value::Str(y)) => Some(x.cmp(y)),
        _ => None,
    }
}

fn contains(needle: &Value, hay: &Value) -> Option<bool> {
    match (needle, hay) {
        (_, Value::List(items)) => Some(items.contains(needle)),
        (Value::Str(key), Value::Map(map)) => Some(map.contains_key(key.as_ref())),
        (Value::Str(part), Value::Str(text)) => Some(text.contains(part.as_ref())),
        (Value::Int(i), Value::Range(from, to)) => Some((from..=to).contains(&i)),
        _ => None,
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(i) => *i as f64,
        Value::Float(f) => *f,
        _ => f64::NAN,
    }
}

/// `None`: not an operation of numbers; `Some(None)`: overflow.
fn integers(op: BinaryOp, x: i64, y: i64) -> Option<Option<i64>> {
    Some(match op {
        BinaryOp::Add => x.checked_add(y),
        BinaryOp::Subtract => x.checked_sub(y),
        BinaryOp::Multiply => x.checked_mul(y),
        BinaryOp::Divide => x.checked_div(y),
        BinaryOp::Remainder => x.checked_rem(y),
        _ => return None,
    })
}

fn floats(op: BinaryOp, x: f64, y: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => x + y,
        BinaryOp::Subtract => x - y,
        BinaryOp::Multiply => x * y,
        BinaryOp::Divide => x / y,
        BinaryOp::Remainder => x % y,
        _ => return None,
    })
}

fn quantities(op: BinaryOp, a: &Value, b: &Value) -> Option<Option<Quantity>> {
    match (op, a, b) {
        (BinaryOp::Add, Value::Quantity(x), Value::Quantity(y)) => Some(x.checked_add(*y)),
        (BinaryOp::Subtract, Value::Quantity(x), Value::Quantity(y)) => Some(x.checked_sub(*y)),
        (BinaryOp::Multiply, Value::Quantity(x), Value::Int(y))
        | (BinaryOp::Multiply, Value::Int(y), Value::Quantity(x)) => Some(x.checked_mul(*y)),
        (BinaryOp::Divide, Value::Quantity(x), Value::Int(y)) => Some(x.checked_div(*y)),
        _ => None,
    }
}
