//! The tree as written.
//!
//! Syntax knows nothing of Kubernetes, types or names: a statement is kept even where it makes no
//! sense, and `check` says so. [`parse`] makes the tree, [`mod@print`] writes it back.

use crate::source::Span;

mod expression;
mod lex;
pub mod parse;
mod placement;
pub mod print;
mod statement;

pub use expression::*;
pub use placement::*;
pub use statement::*;

/// One parsed file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ast {
    /// What the file declares, in order. Broken items were reported and are absent.
    pub items: Vec<Item>,
    /// All comments (`//`, and `///` that stands before no declaration), in order.
    pub comments: Vec<Comment>,
    /// The names that broken items would have declared, so that their uses need not be reported.
    pub broken: Vec<Ident>,
}

/// A `//` comment, without its slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From the first slash to the end of the line.
    pub span: Span,
    /// The text after the slashes.
    pub text: String,
}

/// A word with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ident {
    /// The word.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A declaration at the top of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Lines of `///` before it, without slashes and one leading space.
    pub doc: Vec<String>,
    /// `private` stands before it.
    pub private: bool,
    /// From the first keyword to the end.
    pub span: Span,
    /// What is declared.
    pub kind: ItemKind,
}

/// The kinds of declarations.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// `use std.sglang { Prefill }`, `use "./x.rbg" { A }`, `use std.sglang`.
    Use(Use),
    /// `param tier: "staging" | "prod" = "staging"`.
    Param(Param),
    /// `let x = 1`.
    Let(Let),
    /// `template T(a: Int) is Base(a) + Mixin for role { … }`.
    Template(Template),
    /// `edge E(from: T, to: U) { … }`.
    Edge(Edge),
    /// `group g x 3 for tenant { … }`.
    Group(Group),
    /// `refine group g { … }`.
    Refine(Refine),
    /// `assert cond, "message"`.
    Assert(Assert),
    /// `tenant t { … }` or `policy p { … }`: parsed as a name with a body that is not looked at.
    Reserved {
        /// `tenant` or `policy`.
        keyword: Ident,
        /// Its name.
        name: Ident,
    },
}

/// An import.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// What is imported from.
    pub path: UsePath,
    /// The names brought into the file; `None` brings the module itself as a namespace.
    pub names: Option<Vec<Ident>>,
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum UsePath {
    /// `std.sglang`: the parts in order.
    Module(Vec<Ident>),
    /// `"./platform.rbg"`: the text and its place, quotes included.
    File(Ident),
}

/// A parameter of a file, template or edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// The `///` lines before it in a list of parameters; those before `param` are the item's.
    pub doc: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
    /// Its default.
    pub default: Option<Expr>,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: TypeKind,
}

/// The forms of types.
#[derive(Debug, Clone, PartialEq)]
pub enum TypeKind {
    /// `Int`, `List<String>`, `Role<Prefill>`, `sglang.Prefill`.
    Named {
        /// One name, or a namespace and a name.
        path: Vec<Ident>,
        /// The types in angle brackets.
        arguments: Vec<Type>,
    },
    /// `"staging"`.
    Literal(String),
    /// `"a" | "b"`; at least two.
    Union(Vec<Type>),
    /// `{ name: String  size: Int = 1 }`.
    Record(Vec<Param>),
}

/// `let NAME[: Type] = expr`.
#[derive(Debug, Clone, PartialEq)]
pub struct Let {
    /// Its name.
    pub name: Ident,
    /// Its type, when written.
    pub ty: Option<Type>,
    /// Its value.
    pub value: Expr,
}

/// A reusable body.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name, `[A-Z][A-Za-z0-9]*`.
    pub name: Ident,
    /// Its parameters.
    pub params: Vec<Param>,
    /// After `is`: the base and then the mixins.
    pub bases: Vec<TemplateCall>,
    /// After `for`: `role` (also when nothing is written) or `group`.
    pub target: TemplateTarget,
    /// What it contributes.
    pub body: Body,
}

/// What a template is a template of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateTarget {
    /// A role.
    Role,
    /// A group.
    Group,
}

/// `Prefill(weights, tp = 4)`, also without parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateCall {
    /// One name, or a namespace and a name.
    pub path: Vec<Ident>,
    /// Arguments: positional ones first.
    pub arguments: Vec<Argument>,
    /// From the path to the closing parenthesis.
    pub span: Span,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// For `name = value`.
    pub name: Option<Ident>,
    /// The value.
    pub value: Expr,
}

/// A kind of connection. `params` are its two ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Its name.
    pub name: Ident,
    /// The two ends (more or fewer are reported by `check`).
    pub params: Vec<Param>,
    /// Fields, assertions and one block for each end.
    pub body: Body,
}

/// A service of several roles.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: Ident,
    /// After `x`.
    pub count: Option<Expr>,
    /// After `for`.
    pub tenant: Option<Ident>,
    /// After `is`.
    pub bases: Vec<TemplateCall>,
    /// Its content.
    pub body: Body,
}

/// A typed overlay of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Refine {
    /// The group: one name, or a namespace and a name.
    pub group: Vec<Ident>,
    /// What it changes.
    pub body: Body,
}

/// `assert cond, "message ${x}"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assert {
    /// What must hold.
    pub condition: Expr,
    /// What is said when it does not.
    pub message: Option<Expr>,
    /// The whole statement.
    pub span: Span,
}
