//! Kinds of operators: what evaluation in `operators.rs` does, without the values.

use super::super::mistakes;
use super::Inference;
use super::kind::Kind;
use crate::source::Span;
use crate::syntax::{BinaryOp, Expr, UnaryOp};

impl<'p> Inference<'p> {
    pub fn unary(&mut self, op: UnaryOp, operand: &'p Expr) -> Kind {
        let kind = self.infer(operand);
        match (op, &kind) {
            (UnaryOp::Not, Kind::Bool | Kind::Any) => Kind::Bool,
            (UnaryOp::Negate, Kind::Int | Kind::Float | Kind::Quantity | Kind::Duration | Kind::Any) => kind,
            _ => {
                self.report(mistakes::bad_operand(op, kind.name(), operand.span));
                if op == UnaryOp::Not { Kind::Bool } else { Kind::Any }
            }
        }
    }

    /// All operators with two operands but `and` and `or`.
    pub fn binary(&mut self, op: BinaryOp, left: &'p Expr, right: &'p Expr, span: Span) -> Kind {
        let a = self.infer(left).forced();
        let b = self.infer(right).forced();
        for (kind, at) in [(&a, left.span), (&b, right.span)] {
            if *kind == Kind::Runtime && op != BinaryOp::Add {
                self.report(mistakes::runtime_value(at));
                return outcome(op);
            }
        }
        result(op, &a, &b).unwrap_or_else(|| {
            self.report(mistakes::bad_operands(op, (a.name(), left.span), (b.name(), right.span), span));
            outcome(op)
        })
    }
}

/// What an operator gives whatever its operands are.
fn outcome(op: BinaryOp) -> Kind {
    match op {
        BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual
        | BinaryOp::In => Kind::Bool,
        BinaryOp::Range => Kind::Range,
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => Kind::Any,
    }
}

/// The kind of the result; `None` when the operator takes no such operands.
fn result(op: BinaryOp, a: &Kind, b: &Kind) -> Option<Kind> {
    let takes = match op {
        BinaryOp::Or | BinaryOp::And => true,
        BinaryOp::Equal | BinaryOp::NotEqual => comparable(a, b),
        BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => ordered(a, b),
        BinaryOp::In => contains(a, b),
        BinaryOp::Range => matches!((a, b), (Kind::Int | Kind::Any, Kind::Int | Kind::Any)),
        BinaryOp::Add => return added(a, b),
        BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => {
            return arithmetic(op, a, b);
        }
    };
    takes.then(|| outcome(op))
}

fn comparable(a: &Kind, b: &Kind) -> bool {
    let text = |k: &Kind| matches!(k, Kind::Str(_) | Kind::Text);
    let map = |k: &Kind| matches!(k, Kind::Map(_) | Kind::Record(_));
    match (a, b) {
        (Kind::Any, _) | (_, Kind::Any) => true,
        (Kind::Model, other) | (other, Kind::Model) if text(other) => true,
        (Kind::Range, Kind::Int) | (Kind::Int, Kind::Range) => true,
        _ if text(a) && text(b) || map(a) && map(b) => true,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) || ordered(a, b),
    }
}

/// Whether two values have an order.
pub(super) fn ordered(a: &Kind, b: &Kind) -> bool {
    let sort = |kind: &Kind| match kind {
        Kind::Int => Some([true, true, false, false, false]),
        Kind::Float => Some([true, false, false, false, false]),
        Kind::Quantity => Some([false, true, false, false, false]),
        Kind::Duration => Some([false, false, true, false, false]),
        Kind::Percent => Some([false, false, false, true, false]),
        Kind::Str(_) | Kind::Text => Some([false, false, false, false, true]),
        Kind::Any => Some([true; 5]),
        _ => None,
    };
    match (sort(a), sort(b)) {
        (Some(a), Some(b)) => a.iter().zip(b).any(|(a, b)| *a && b),
        _ => false,
    }
}

fn contains(needle: &Kind, hay: &Kind) -> bool {
    match hay {
        Kind::Any | Kind::List(_) => true,
        Kind::Map(_) | Kind::Record(_) | Kind::Str(_) | Kind::Text => {
            matches!(needle, Kind::Str(_) | Kind::Text | Kind::Any)
        }
        Kind::Range => matches!(needle, Kind::Int | Kind::Any),
        _ => false,
    }
}

fn added(a: &Kind, b: &Kind) -> Option<Kind> {
    let text = |k: &Kind| matches!(k, Kind::Str(_) | Kind::Runtime | Kind::Text);
    match (a, b) {
        (Kind::Any, _) | (_, Kind::Any) => {
            let other = if *a == Kind::Any { b } else { a };
            addable(other).then_some(Kind::Any)
        }
        (Kind::Str(_), Kind::Str(_)) => Some(Kind::STR),
        (Kind::Runtime, b) if text(b) => Some(Kind::Runtime),
        (a, Kind::Runtime) if text(a) => Some(Kind::Runtime),
        (a, b) if text(a) && text(b) => Some(Kind::Text),
        (Kind::List(x), Kind::List(y)) => Some(Kind::list((**x).clone().join((**y).clone()))),
        _ => arithmetic(BinaryOp::Add, a, b),
    }
}

/// Whether a value can be added to anything.
fn addable(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Any
            | Kind::Int
            | Kind::Float
            | Kind::Quantity
            | Kind::Duration
            | Kind::Str(_)
            | Kind::Runtime
            | Kind::Text
            | Kind::List(_)
    )
}

fn arithmetic(op: BinaryOp, a: &Kind, b: &Kind) -> Option<Kind> {
    use BinaryOp::{Add, Divide, Multiply, Subtract};
    let number = |k: &Kind| matches!(k, Kind::Int | Kind::Float);
    match (a, b) {
        (Kind::Any, Kind::Any) => Some(Kind::Any),
        (Kind::Any, other) | (other, Kind::Any) => {
            let calculates = number(other) || matches!(other, Kind::Quantity | Kind::Duration);
            calculates.then_some(Kind::Any)
        }
        (Kind::Int, Kind::Int) => Some(Kind::Int),
        (a, b) if number(a) && number(b) => Some(Kind::Float),
        (Kind::Quantity, Kind::Quantity) | (Kind::Duration, Kind::Duration) => match op {
            Divide => Some(Kind::Float),
            Add | Subtract => Some(a.clone()),
            _ => None,
        },
        (Kind::Quantity | Kind::Duration, Kind::Int) => matches!(op, Multiply | Divide).then(|| a.clone()),
        (Kind::Int, Kind::Quantity | Kind::Duration) => (op == Multiply).then(|| b.clone()),
        _ => None,
    }
}
