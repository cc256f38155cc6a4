//! Expressions: pest gives operands and operators in a row, here they get their strength.

use super::Rule;
use super::convert::{Convert, Cursor, Node};
use super::errors;
use crate::source::Span;
use crate::syntax::{Argument, BinaryOp, Expr, ExprKind, Ident, StrPart, UnaryOp};

/// How high an expression tree may grow. Later phases walk it by recursion.
pub(super) const MAX_HEIGHT: u32 = 256;

/// An expression with the length of the longest path within it.
pub(super) struct Tall {
    /// The expression.
    pub expr: Expr,
    /// 0 for a leaf.
    pub height: u32,
}

impl Tall {
    /// The text of a string without `${…}`.
    pub(super) fn plain(&self) -> Option<String> {
        match &self.expr.kind {
            ExprKind::Str(parts) => match parts.as_slice() {
                [] => Some(String::new()),
                [StrPart::Text(text)] => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// `for x in xs if c`.
pub(super) struct ForHead {
    /// One or two variables.
    pub variables: Vec<Ident>,
    /// What is walked.
    pub iterable: Expr,
    /// After `if`.
    pub condition: Option<Expr>,
    /// Of the higher of the two.
    pub height: u32,
}

const NOT: u8 = 3;
const COMPARISON: u8 = 4;

/// The operator that a text is, and how strongly it binds.
fn operator(text: &str) -> Option<(BinaryOp, u8)> {
    Some(match text {
        "or" => (BinaryOp::Or, 1),
        "and" => (BinaryOp::And, 2),
        "==" => (BinaryOp::Equal, COMPARISON),
        "!=" => (BinaryOp::NotEqual, COMPARISON),
        "<" => (BinaryOp::Less, COMPARISON),
        "<=" => (BinaryOp::LessEqual, COMPARISON),
        ">" => (BinaryOp::Greater, COMPARISON),
        ">=" => (BinaryOp::GreaterEqual, COMPARISON),
        "in" => (BinaryOp::In, COMPARISON),
        ".." => (BinaryOp::Range, 5),
        "+" => (BinaryOp::Add, 6),
        "-" => (BinaryOp::Subtract, 6),
        "*" => (BinaryOp::Multiply, 7),
        "/" => (BinaryOp::Divide, 7),
        "%" => (BinaryOp::Remainder, 7),
        _ => return None,
    })
}

impl Convert<'_> {
    /// An expression.
    pub(super) fn expr(&mut self, node: Node) -> Option<Expr> {
        Some(self.tall(node)?.expr)
    }

    /// An expression and its height.
    pub(super) fn tall(&mut self, node: Node) -> Option<Tall> {
        let mut row = Cursor::new(node);
        let tall = self.climb(&mut row, 0)?;
        row.next().is_none().then_some(tall)
    }

    /// `x N` of a group: an operand without operators.
    pub(super) fn count(&mut self, node: Node) -> Option<Expr> {
        let mut row = Cursor::new(node);
        Some(self.climb(&mut row, 0)?.expr)
    }

    /// An operand and what follows it with operators that bind at least this strongly.
    fn climb(&mut self, row: &mut Cursor, weakest: u8) -> Option<Tall> {
        let mut left = self.operand(row)?;
        while let Some(next) = row.peek_node() {
            if next.as_rule() == Rule::is_op {
                if weakest > COMPARISON {
                    break;
                }
                row.next();
                let path = row.next()?;
                let span = left.expr.span.to(self.span(&path));
                let path = self.type_path(path);
                left = self.higher(left, span, |value| ExprKind::Is(Box::new(value), path));
                continue;
            }
            let (op, strength) = operator(next.as_str())?;
            if strength < weakest {
                break;
            }
            let next = row.next()?;
            self.blanks_around(&next, op);
            let right = self.climb(row, strength + 1)?;
            let span = left.expr.span.to(right.expr.span);
            left.height = left.height.max(right.height);
            left = self.higher(left, span, |value| ExprKind::Binary(op, Box::new(value), Box::new(right.expr)));
        }
        Some(left)
    }

    /// Builds upon an expression, or refuses when the tree gets too high.
    fn higher(&mut self, below: Tall, span: Span, build: impl FnOnce(Expr) -> ExprKind) -> Tall {
        if below.height >= MAX_HEIGHT {
            // One report for each place where the tree is cut; the cut keeps the height.
            if below.height == MAX_HEIGHT {
                self.problems.push(errors::expression_too_deep(below.expr.span));
            }
            return Tall { expr: below.expr, height: MAX_HEIGHT + 1 };
        }
        Tall { expr: Expr { span, kind: build(below.expr) }, height: below.height + 1 }
    }

    /// `-` and `%` between operands need white space on both sides, on one line.
    fn blanks_around(&mut self, node: &Node, op: BinaryOp) {
        if !matches!(op, BinaryOp::Subtract | BinaryOp::Remainder) {
            return;
        }
        let at = self.offset + node.as_span().start();
        let before = &self.text[..at];
        let line = before.trim_end_matches([' ', '\t', '\r']);
        let after = self.text[at + 1..].trim_start_matches([' ', '\t', '\r']);
        let broken = line.len() == before.len() || line.ends_with('\n') || after.starts_with('\n');
        if broken || after.starts_with("//") {
            self.problems.push(errors::blanks_missing(self.span(node), node.as_str()));
        }
    }

    /// `not`, unary minus, a value, and fields, calls and indices behind it.
    fn operand(&mut self, row: &mut Cursor) -> Option<Tall> {
        let node = row.next()?;
        let start = self.span(&node);
        match node.as_rule() {
            Rule::not => {
                let operand = self.climb(row, NOT + 1)?;
                let span = start.to(operand.expr.span);
                Some(self.higher(operand, span, |value| ExprKind::Unary(UnaryOp::Not, Box::new(value))))
            }
            Rule::minus => {
                let operand = self.operand(row)?;
                let span = start.to(operand.expr.span);
                Some(self.higher(operand, span, |value| ExprKind::Unary(UnaryOp::Negate, Box::new(value))))
            }
            _ => {
                let mut value = self.primary(node)?;
                while let Some(Rule::field_name | Rule::call | Rule::index) = row.peek() {
                    value = self.postfix(value, row.next()?)?;
                }
                Some(value)
            }
        }
    }

    fn postfix(&mut self, mut below: Tall, node: Node) -> Option<Tall> {
        let rule = node.as_rule();
        let span = below.expr.span.to(self.span(&node));
        Some(match rule {
            Rule::field_name => {
                let field = self.word(&node);
                self.higher(below, span, |value| ExprKind::Field(Box::new(value), field))
            }
            Rule::call => {
                if !matches!(below.expr.kind, ExprKind::Name(_) | ExprKind::Field(..)) {
                    self.problems.push(errors::not_callable(below.expr.span));
                }
                let (arguments, height) = self.arguments(node)?;
                below.height = below.height.max(height);
                self.higher(below, span, |value| ExprKind::Call(Box::new(value), arguments))
            }
            _ => {
                let index = self.tall(Cursor::new(node).next()?)?;
                below.height = below.height.max(index.height);
                self.higher(below, span, |value| ExprKind::Index(Box::new(value), Box::new(index.expr)))
            }
        })
    }

    /// Arguments of a call or template, with the height of the highest.
    pub(super) fn arguments(&mut self, node: Node) -> Option<(Vec<Argument>, u32)> {
        let mut inner = Cursor::new(node);
        let mut arguments: Vec<Argument> = Vec::new();
        let mut height = 0;
        while let Some(argument) = inner.take(Rule::argument) {
            let mut inner = Cursor::new(argument);
            let name = inner.take(Rule::argument_name).map(|name| self.name(&name));
            let value = self.tall(inner.take(Rule::expr)?)?;
            height = height.max(value.height);
            if name.is_none() && arguments.last().is_some_and(|last| last.name.is_some()) {
                self.problems.push(errors::positional_after_named(value.expr.span));
            }
            arguments.push(Argument { name, value: value.expr });
        }
        Some((arguments, height))
    }

    fn primary(&mut self, node: Node) -> Option<Tall> {
        let span = self.span(&node);
        let leaf = |kind| Some(Tall { expr: Expr { span, kind }, height: 0 });
        match node.as_rule() {
            Rule::value_name => leaf(self.value_name(&node)),
            Rule::number => leaf(self.number(&node)),
            Rule::string => self.string(node),
            Rule::list => self.list(node),
            Rule::map => {
                let (map, height) = self.tall_map(node)?;
                Some(self.grown(span, ExprKind::Map(map), height))
            }
            Rule::paren => {
                let mut inner = self.tall(Cursor::new(node).next()?)?;
                inner.expr.span = span;
                Some(inner)
            }
            Rule::if_expr => {
                let mut inner = Cursor::new(node);
                let condition = self.tall(inner.take(Rule::expr)?)?;
                let yes = self.tall(inner.take(Rule::expr)?)?;
                let no = self.tall(inner.take(Rule::expr)?)?;
                let height = condition.height.max(yes.height).max(no.height);
                let kind = ExprKind::If(Box::new(condition.expr), Box::new(yes.expr), Box::new(no.expr));
                Some(self.grown(span, kind, height))
            }
            _ => None,
        }
    }

    /// A tree upon parts of this height; an empty list when that is too high.
    pub(super) fn grown(&mut self, span: Span, kind: ExprKind, below: u32) -> Tall {
        if below < MAX_HEIGHT {
            return Tall { expr: Expr { span, kind }, height: below + 1 };
        }
        if below == MAX_HEIGHT {
            self.problems.push(errors::expression_too_deep(span));
        }
        Tall { expr: Expr { span, kind: ExprKind::List(Vec::new()) }, height: 1 }
    }

    fn value_name(&mut self, node: &Node) -> ExprKind {
        match node.as_str() {
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "unset" => ExprKind::Unset,
            "inherited" => ExprKind::Inherited,
            // Whether such a name exists is more telling than how it is written.
            name => ExprKind::Name(name.to_owned()),
        }
    }

    /// `for x in xs if c`.
    pub(super) fn for_head(&mut self, node: Node) -> Option<ForHead> {
        let mut inner = Cursor::new(node);
        let mut variables = vec![self.name(&inner.take(Rule::name)?)];
        if let Some(second) = inner.take(Rule::name) {
            variables.push(self.name(&second));
        }
        let iterable = self.tall(inner.take(Rule::expr)?)?;
        let condition = match inner.take(Rule::for_if) {
            Some(condition) => Some(self.tall(Cursor::new(condition).next()?)?),
            None => None,
        };
        let height = condition.as_ref().map_or(0, |c| c.height).max(iterable.height);
        Some(ForHead { variables, iterable: iterable.expr, condition: condition.map(|c| c.expr), height })
    }

    fn list(&mut self, node: Node) -> Option<Tall> {
        let span = self.span(&node);
        let mut inner = Cursor::new(node);
        if let Some(head) = inner.take(Rule::for_head) {
            let head = self.for_head(head)?;
            let element = self.tall(inner.take(Rule::expr)?)?;
            let height = head.height.max(element.height);
            let kind = ExprKind::For {
                variables: head.variables,
                iterable: Box::new(head.iterable),
                condition: head.condition.map(Box::new),
                element: Box::new(element.expr),
            };
            return Some(self.grown(span, kind, height));
        }
        let mut elements = Vec::new();
        let mut height = 0;
        while let Some(element) = inner.take(Rule::expr) {
            let element = self.tall(element)?;
            height = height.max(element.height);
            elements.push(element.expr);
        }
        Some(self.grown(span, ExprKind::List(elements), height))
    }
}
