//! Why a group found no place, in numbers and in words.

use super::{ClauseKind, Problem};
use crate::diag::{Code, Diagnostic};

/// A group that found no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The group.
    pub group: usize,
    /// The role that stands for it: the first of which an instance is missing.
    pub role: usize,
    /// Required clauses of the group that together leave no place; without any one of them there is one.
    pub clauses: Vec<usize>,
    /// Edges of the group whose floor takes part in the same way.
    pub edges: Vec<usize>,
    /// The group would not fit on the machines either if no other group of the compilation were there.
    pub alone: bool,
    /// The search gave up: there may be a plan that it did not find.
    pub exhausted: bool,
    /// What an instance needs.
    pub need: Need,
    /// For each level from the narrowest to the widest the domain that offers most.
    pub nearest: Vec<Offer>,
    /// What would make it fit, cheapest first, each tried.
    pub remedies: Vec<Remedy>,
}

/// What one instance of a role needs at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Number of pods.
    pub pods: usize,
    /// Column of the resource that matters most: the accelerator when it asks for any.
    pub resource: usize,
    /// Amount of it a pod.
    pub amount: i64,
    /// The level whose domain the pods must share, when there is one.
    pub level: Option<usize>,
}

/// What a domain offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The level; `None` is the whole cluster.
    pub level: Option<usize>,
    /// The domain by its name.
    pub name: String,
    /// Pods that fit.
    pub pods: usize,
    /// The machines of the domain that take none of the pods, and why.
    pub excluded: Vec<(usize, Excluded)>,
}

/// Why a machine takes none of the pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// It takes no pods at all: `cordoned`, `not ready`.
    Closed(&'static str),
    /// The pods may not use it.
    Ineligible,
    /// Too little of a resource is free.
    Short {
        /// Column of the resource.
        resource: usize,
        /// What is free of it, groups of this compilation left out.
        free: i64,
    },
    /// Another group of this compilation has the room.
    Used,
    /// A clause of this group or of another one keeps the pods away.
    Clause,
}

/// What would make it fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Ask for a wider level in this clause.
    Widen {
        /// Index of the clause.
        clause: usize,
        /// The level that would do.
        level: usize,
    },
    /// Leave out this clause.
    Drop {
        /// Index of the clause.
        clause: usize,
    },
    /// Leave out the floor of this edge.
    Floor {
        /// Index of the edge.
        edge: usize,
    },
    /// Run so many instances.
    Replicas {
        /// The largest number that fits.
        instances: usize,
    },
}

impl Conflict {
    /// The conflict as a problem of the sources.
    pub fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let group = &problem.groups[self.group];
        let role = &group.roles[self.role];
        let message = format!("role `{}` of group `{}`: {}", role.name, group.name, self.need(problem));
        let mut diagnostic = nothing_fits(role.span, message).here(self.summary(problem));
        for clause in &self.clauses {
            let clause = &group.clauses[*clause];
            diagnostic = diagnostic.label(clause.span, clause_label(problem, &clause.kind));
        }
        for edge in &self.edges {
            diagnostic = diagnostic.label(group.edges[*edge].span, "this link is required");
        }
        match self.help(problem) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    fn need(&self, problem: &Problem) -> String {
        let need = &self.need;
        let _ = problem;
        format!("{} pods", need.pods)
    }

    fn summary(&self, _problem: &Problem) -> String {
        if self.exhausted { "no place found within the effort".into() } else { "no place".into() }
    }

    fn help(&self, _problem: &Problem) -> Option<String> {
        None
    }
}

fn nothing_fits(span: crate::source::Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::NothingFits, span, message)
}

fn clause_label(_problem: &Problem, _kind: &ClauseKind) -> String {
    "required here".into()
}
