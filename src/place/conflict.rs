//! Why a group found no place, in numbers and in words.

use super::Problem;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

mod remedy;
mod words;

pub(super) use remedy::wide_level;
pub use remedy::{Remedy, Site};
pub(super) use words::clause_label;

/// A group that found no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The group.
    pub group: usize,
    /// The role that stands for it: one that fails without the others, else that of the largest instances.
    pub role: usize,
    /// Required clauses of the group that together leave no place; without any one of them there is one.
    pub clauses: Vec<usize>,
    /// Edges of the group whose floor takes part in the same way.
    pub edges: Vec<usize>,
    /// The group would find no place either if no other group of the compilation were there.
    pub alone: bool,
    /// The search gave up: there may be a plan that it did not find.
    pub exhausted: bool,
    /// What the role needs.
    pub need: Need,
    /// For each level from the narrowest to the widest the domain that offers most.
    pub nearest: Vec<Offer>,
    /// The groups of this compilation that use most in the domain that comes nearest, at most three.
    pub rivals: Vec<Rival>,
    /// Changes with which it fits, each of them tried while the other groups stay where they are; the
    /// cheapest comes first.
    pub remedies: Vec<Remedy>,
}

/// What a role needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Pods of an instance.
    pub pods: usize,
    /// Number of instances.
    pub instances: usize,
    /// Column of the resource that matters most: the accelerator when a pod asks for any.
    pub resource: usize,
    /// Amount of it a pod.
    pub amount: i64,
    /// The level whose domain the pods of an instance must share, when there is one.
    pub level: Option<usize>,
}

/// What a domain offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The level; `None` is the whole cluster.
    pub level: Option<usize>,
    /// The domain in that level; 0 for the whole cluster.
    pub domain: usize,
    /// The domain by its name, empty for the whole cluster.
    pub name: String,
    /// Pods that fit, machine by machine.
    pub pods: usize,
    /// The machines of the domain that take none of the pods, and why.
    pub excluded: Vec<(usize, Excluded)>,
}

/// Why a machine takes none of the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// It takes no pods at all: `cordoned`, `not ready`.
    Closed(&'static str),
    /// The pods may not use it.
    Ineligible,
    /// Too little of a resource is free.
    Short {
        /// Column of the resource.
        resource: usize,
        /// What is free of it before anything is placed.
        free: i64,
    },
    /// A group of this compilation has the room: its index, when one group alone is in the way.
    Used(Option<usize>),
    /// Another group has the domain for itself, or this one would have to share it: the group, when
    /// it is one of this compilation.
    Exclusive(Option<usize>),
}

/// A group that uses what another one lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rival {
    /// The group.
    pub group: usize,
    /// The first of its roles there.
    pub role: usize,
    /// How much of the resource that matters most.
    pub amount: i64,
}

impl Conflict {
    /// The conflict as a problem of the sources.
    pub fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let group = &problem.groups[self.group];
        let mut diagnostic = nothing_fits(group.roles[self.role].span, words::message(self, problem));
        if let Some(why) = words::why(self, problem) {
            diagnostic = diagnostic.here(why);
        }
        for clause in &self.clauses {
            let clause = &group.clauses[*clause];
            diagnostic = diagnostic.label(clause.span, clause_label(problem, &clause.kind));
        }
        for edge in &self.edges {
            diagnostic =
                diagnostic.label(group.edges[*edge].span, "required: every instance has this link to every other");
        }
        for rival in &self.rivals {
            let span = problem.groups[rival.group].roles[rival.role].span;
            diagnostic = diagnostic.label(span, words::rival(self, problem, rival));
        }
        match words::help(self, problem) {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// The domain that the message speaks of.
    pub(super) fn best(&self) -> Option<&Offer> {
        self.nearest.iter().find(|offer| offer.level == self.need.level)
    }
}

fn nothing_fits(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::NothingFits, span, message)
}
