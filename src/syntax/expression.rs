//! Expressions and maps as written.

use super::{Argument, Ident};
use crate::source::Span;

/// The entries between two braces of a map.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MapBody {
    /// In order.
    pub entries: Vec<MapEntry>,
    /// Braces included.
    pub span: Span,
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub enum MapEntry {
    /// `key = value`: sets or replaces.
    Set {
        /// The key.
        key: Key,
        /// The value.
        value: Expr,
    },
    /// `key { … }` or `key name { … }`: merges. With a name it is an element of a list with a
    /// merge key, such as `containers main { … }` in `pod`.
    Merge {
        /// The key.
        key: Key,
        /// The element's name.
        name: Option<Ident>,
        /// Its entries.
        body: MapBody,
    },
    /// `for x in xs [if c]: key = value`.
    For {
        /// The variables: one, or two for `for k, v in map`.
        variables: Vec<Ident>,
        /// What is walked.
        iterable: Expr,
        /// After `if`.
        condition: Option<Expr>,
        /// The key.
        key: Key,
        /// The value.
        value: Expr,
    },
}

/// The key of a map entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// `tp-size`, `NCCL_DEBUG` or `"a key"`.
    Name(Ident),
    /// `[expr]`.
    Computed(Expr),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The forms of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `8`.
    Int(i64),
    /// `0.85`.
    Float(f64),
    /// `true`.
    Bool(bool),
    /// `"text ${expr}"`, also `"""` blocks (indent stripped) and raw strings.
    Str(Vec<StrPart>),
    /// `80Gi`, `500m`, `2k`: the text, well formed.
    Quantity(String),
    /// `30s`: milliseconds.
    Duration(u64),
    /// `25%`, also `12.5%`: the number before the sign.
    Percent(f64),
    /// `1:2`; neither side is zero.
    Ratio(u32, u32),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ a = 1  b = 2 }`.
    Map(MapBody),
    /// A name.
    Name(String),
    /// `x.field`.
    Field(Box<Expr>, Ident),
    /// `x[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `len(xs)`, `prefill.urls("http")`: the callee is a name or a field access.
    Call(Box<Expr>, Vec<Argument>),
    /// `-x`, `not x`.
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`; `a..b` is a range.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `r is Prefill`: whether a role is made from a template. One name, or a namespace and a name.
    Is(Box<Expr>, Vec<Ident>),
    /// `if c then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `[for x in xs if c: e]`.
    For {
        /// The variables: one, or two for `for k, v in map`.
        variables: Vec<Ident>,
        /// What is walked.
        iterable: Box<Expr>,
        /// After `if`.
        condition: Option<Box<Expr>>,
        /// The element.
        element: Box<Expr>,
    },
    /// `unset`: no value; removes a key, restores a default.
    Unset,
    /// `inherited`: the value below this layer.
    Inherited,
}

/// A piece of a string.
#[derive(Debug, Clone, PartialEq)]
pub enum StrPart {
    /// Text, escapes resolved.
    Text(String),
    /// `${expr}`.
    Expr(Expr),
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`.
    Negate,
    /// `not`.
    Not,
}

/// Operators with two operands, weakest binding first: `or`, `and`, comparisons and `in`, `..`,
/// `+ -`, `* / %`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `in`: an element of a list, a key of a map, a part of a string.
    In,
    /// `..`.
    Range,
    /// `+`: numbers, strings, lists.
    Add,
    /// `-`, with white space on both sides.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`, with white space on both sides.
    Remainder,
}

impl BinaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Or => "or",
            BinaryOp::And => "and",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::In => "in",
            BinaryOp::Range => "..",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Remainder => "%",
        }
    }
}
