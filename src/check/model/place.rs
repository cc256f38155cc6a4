//! Placement clauses of the model.

use crate::source::Span;

/// A clause of `place`, with the roles spelt out.
#[derive(Debug, Clone)]
pub struct Clause {
    /// What it asks for.
    pub kind: ClauseKind,
    /// `None` when required; for `prefer` the weight, at least 1.
    pub prefer: Option<u32>,
    /// The clause.
    pub span: Span,
}

/// Kinds of clauses. Roles are indices in the group; levels are names.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// The pods of each instance of each of these roles share one domain.
    Instances {
        /// The roles.
        roles: Vec<usize>,
        /// The level.
        level: Level,
    },
    /// All pods of these roles share one domain (`group within` names all roles).
    Together {
        /// The roles.
        roles: Vec<usize>,
        /// The level.
        level: Level,
    },
    /// Each cell shares one domain: cell `k` has instances `k·share .. (k+1)·share` of each role.
    Cells {
        /// Role and share.
        shares: Vec<(usize, u32)>,
        /// The level.
        level: Level,
    },
    /// Each instance of `role` shares a domain with an instance of `to`.
    Near {
        /// The bound role.
        role: usize,
        /// The other.
        to: usize,
        /// The level.
        level: Level,
    },
    /// The instances of `role` are spread over domains.
    Spread {
        /// The role.
        role: usize,
        /// The level.
        level: Level,
        /// Largest difference between two domains that hold instances or could.
        max_skew: Option<u32>,
        /// Least number of domains.
        at_least: Option<u32>,
    },
    /// No two instances of `role` in one domain; with `from`, no instance of one with one of the other.
    Apart {
        /// The role.
        role: usize,
        /// The other.
        from: Option<usize>,
        /// The level.
        level: Level,
    },
    /// No other group's accelerator pods in the domains that this group's accelerator pods use.
    Exclusive {
        /// The level.
        level: Level,
    },
    /// Losing any `count` domains leaves every role of the group an instance.
    Survive {
        /// How many domains are lost.
        count: u32,
        /// The level.
        level: Level,
    },
    /// Only (or not) nodes of these pools.
    Pool {
        /// The roles.
        roles: Vec<usize>,
        /// Not these.
        not: bool,
        /// Names and places.
        pools: Vec<(String, Span)>,
    },
    /// Only (or not) nodes with one of these label values.
    Label {
        /// The roles.
        roles: Vec<usize>,
        /// Not these.
        not: bool,
        /// The key.
        key: String,
        /// The values; never empty.
        values: Vec<String>,
    },
}

/// A level by name, and where it is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Its name in the inventory.
    pub name: String,
    /// Where it is named.
    pub span: Span,
}
