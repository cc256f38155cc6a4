//! The tree as written.
//!
//! Syntax knows nothing of Kubernetes, types or names: a statement is kept even where it makes no
//! sense, and `check` says so. [`parse`] makes the tree, [`mod@print`] writes it back.

use crate::source::Span;

mod lex;
pub mod parse;
pub mod print;

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

/// The statements between two braces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// In order.
    pub statements: Vec<Statement>,
    /// Braces included.
    pub span: Span,
}

/// A statement in a role, group, template, edge, component or container.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Lines of `///` before it.
    pub doc: Vec<String>,
    /// The whole statement.
    pub span: Span,
    /// After `when`: the statement counts only if this holds. Allowed for `role`, `port`, `file`,
    /// `volume`, `mount`, `claim`, `init`, `sidecar`, `component`, `after`, `connect` and probes.
    pub when: Option<Expr>,
    /// What it says.
    pub kind: StatementKind,
}

/// The kinds of statements.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `replicas = 2`, `namespace = "llm"`, `flags = { a = 1 }`, `ready = unset`.
    Field {
        /// The field.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// `flags { tp-size = 16 }`, `env { … }`, `rollout { … }`, `pod { … }`: merges key by key.
    Map {
        /// The field.
        name: Ident,
        /// The entries.
        body: MapBody,
    },
    /// `let x = 1`.
    Let(Let),
    /// `assert …`.
    Assert(Assert),
    /// `role NAME [is T(a) + M] { … }`.
    Role(Role),
    /// `leader { … }`, `worker { … }`, `defaults { … }`, and in an edge the names of its ends.
    Part {
        /// The word.
        name: Ident,
        /// What differs there.
        body: Body,
    },
    /// `component NAME { … }`, `init NAME { … }`, `sidecar NAME { … }`.
    Child {
        /// `component`, `init` or `sidecar`.
        keyword: Ident,
        /// Its name.
        name: Ident,
        /// Its content.
        body: Body,
    },
    /// `port http = 8000 { protocol = "UDP" }`.
    Port {
        /// Its name.
        name: Ident,
        /// Its number; absent in a block that only changes options.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `file "/etc/x.yaml" = expr { mode = 420 }`.
    File {
        /// Where it is mounted: the text of the string.
        path: Ident,
        /// Its content; absent in a block that only changes options.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `volume NAME { … }` or `claim NAME { … }`.
    Volume {
        /// `volume` or `claim`.
        keyword: Ident,
        /// Its name.
        name: Ident,
        /// What it is.
        body: MapBody,
    },
    /// `mount "/models" = "weights" { read-only = true }`.
    Mount {
        /// Where it is mounted: the text of the string.
        path: Ident,
        /// The volume.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `ready http "/health" on http { every = 10s }`.
    Probe(Probe),
    /// `after a, b { wait = true }`, `after group store`.
    After {
        /// Who must be ready before.
        targets: Vec<AfterTarget>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `connect a -> b as Edge over rdma weight 10`.
    Connect(Connect),
    /// `place { … }`.
    Place(Vec<Clause>),
    /// `coordinate a, b { … }`.
    Coordinate {
        /// The roles.
        roles: Vec<Ident>,
        /// `ratio`, `rollout { … }`, `scale { … }`, `recover`.
        body: MapBody,
    },
}

/// A role of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: Ident,
    /// After `is`: base, then mixins.
    pub bases: Vec<TemplateCall>,
    /// Its content.
    pub body: Body,
}

/// A health check.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// `ready`, `live` or `startup`.
    pub kind: Ident,
    /// How it is checked; absent in a block that only changes options (`ready { every = 5s }`).
    pub check: Option<ProbeCheck>,
    /// `every`, `delay`, `timeout`, `failures`, `successes`.
    pub options: Option<MapBody>,
}

/// How a probe looks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeCheck {
    /// `http "/health" on http`.
    Http {
        /// The path.
        path: Expr,
        /// The port's name.
        port: Ident,
    },
    /// `tcp on http`.
    Tcp {
        /// The port's name.
        port: Ident,
    },
    /// `grpc on grpc` or `grpc "service" on grpc`.
    Grpc {
        /// The service asked for.
        service: Option<Expr>,
        /// The port's name.
        port: Ident,
    },
    /// `exec ["sh", "-c", "true"]`.
    Exec {
        /// The command: a list.
        command: Expr,
    },
}

/// Who must be ready before.
#[derive(Debug, Clone, PartialEq)]
pub struct AfterTarget {
    /// `group` stands before it.
    pub group: bool,
    /// A role (`a`), a role of another group (`store.master`), a parameter, or a group.
    pub path: Vec<Ident>,
    /// The whole target.
    pub span: Span,
}

/// Traffic between the instances of two roles.
#[derive(Debug, Clone, PartialEq)]
pub struct Connect {
    /// The role that speaks first.
    pub from: Ident,
    /// The role that answers.
    pub to: Ident,
    /// After `as`: one name, or a namespace and a name.
    pub edge: Option<Vec<Ident>>,
    /// After `over`: the worst link allowed.
    pub over: Option<Ident>,
    /// After `weight`.
    pub weight: Option<Expr>,
}

/// One clause of `place`.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// `prefer` stands before it.
    pub prefer: bool,
    /// After `weight`.
    pub weight: Option<Expr>,
    /// The whole clause.
    pub span: Span,
    /// What it asks for.
    pub kind: ClauseKind,
}

/// The kinds of placement clauses. In a role, an empty list of roles means that role; in a group
/// it means what each kind says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// `instances [of r, s] within L`.
    Instances {
        /// The roles.
        roles: Vec<Ident>,
        /// The level.
        level: Ident,
    },
    /// `r, s within L`.
    Roles {
        /// The roles.
        roles: Vec<Ident>,
        /// The level.
        level: Ident,
    },
    /// `group within L`.
    Group {
        /// The level.
        level: Ident,
    },
    /// `cells within L`.
    Cells {
        /// The level.
        level: Ident,
    },
    /// `[r] near s at L`.
    Near {
        /// The role that is bound; `None` in a role means that role.
        role: Option<Ident>,
        /// The role that must be near.
        to: Ident,
        /// The level.
        level: Ident,
    },
    /// `spread [r] over L [max-skew n] [at-least n]`.
    Spread {
        /// The roles, each spread for itself.
        roles: Vec<Ident>,
        /// The level.
        level: Ident,
        /// After `max-skew`.
        max_skew: Option<Expr>,
        /// After `at-least`: the number of domains.
        at_least: Option<Expr>,
    },
    /// `[r] apart at L` or `[r] apart from s at L`.
    Apart {
        /// The roles; each for itself when there is no `from`.
        roles: Vec<Ident>,
        /// The other role.
        from: Option<Ident>,
        /// The level.
        level: Ident,
    },
    /// `exclusive L`.
    Exclusive {
        /// The level.
        level: Ident,
    },
    /// `survive 1 rack`.
    Survive {
        /// How many domains are lost.
        count: Expr,
        /// The level.
        level: Ident,
    },
    /// `[r, s] [not] on pool "a", "b"`.
    Pool {
        /// The roles; empty in a group means all.
        roles: Vec<Ident>,
        /// `not` stands before it.
        not: bool,
        /// The pools: strings.
        pools: Vec<Expr>,
    },
    /// `[r, s] [not] on label k = v`.
    Label {
        /// The roles; empty in a group means all.
        roles: Vec<Ident>,
        /// `not` stands before it.
        not: bool,
        /// The key: a name or string.
        key: Ident,
        /// The value: a string or a list of strings.
        value: Expr,
    },
}

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
