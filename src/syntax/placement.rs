//! Order, traffic and placement as written.

use super::{Expr, Ident};
use crate::source::Span;

/// Who must be ready before.
#[derive(Debug, Clone, PartialEq)]
pub struct AfterTarget {
    /// `group` stands before it.
    pub group: bool,
    /// A role (`a`), a role of another group (`store.master`), a parameter, or a group.
    pub path: Vec<Ident>,
    /// Which of several groups: `store[0].master`. How many names stand before it, and the number.
    pub index: Option<(usize, Expr)>,
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
