//! Which instance runs where.
//!
//! Input is a [`Problem`]: whole numbers, indices and nothing of the language, so that the solver
//! and its checker can be read and tested alone. `fit` makes it; see there for the meaning of each
//! demand. Output is a [`Placement`], or the reason why there is none.

use crate::diag::Session;
use crate::link::Link;
use crate::source::Span;

pub mod conflict;
pub mod verify;

mod bounds;
mod branch;
mod candidates;
mod certify;
mod construct;
mod exact;
mod explain;
mod improve;
mod index;
mod moves;
mod objective;
mod prove;
mod quotes;
mod relax;
mod repair;
mod settle;
mod slots;
mod solve;
mod state;
mod symmetry;
mod topology;
mod wishes;

#[cfg(test)]
mod planted;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use conflict::Conflict;
pub use moves::{Move, Reason};

/// Places all groups, or reports for each group without a place what stands in its way.
pub fn place(session: &mut Session, problem: &Problem) -> Option<Placement> {
    match solve_unproven(problem) {
        Ok(placement) => Some(placement),
        Err(conflicts) => {
            for conflict in conflicts {
                session.report(conflict.diagnostic(problem));
            }
            None
        }
    }
}

/// Places all groups: every required clause holds, and an instance that stands stays where it is
/// whenever that is possible. The same problem always gives the same plan.
///
/// With at most 64 machines the search is complete and the plan the best of all, as long as its work
/// budget lasts; beyond that it is the best that was found. The bounds of the objective tell.
///
/// Indices in the problem must be in range, amounts not negative, and every pod must ask for as many
/// resources as the problem names.
///
/// # Errors
/// The groups that find no place, each with the reason. With [`Problem::partial`] only those that ask
/// for more pods than all machines together hold.
pub fn solve(problem: &Problem) -> Result<Placement, Vec<Conflict>> {
    solve::solve(problem, true)
}

/// The same plan for those who do not ask how good it is: its bounds are only what the search knows
/// by the way.
///
/// # Errors
/// As [`solve`].
pub fn solve_unproven(problem: &Problem) -> Result<Placement, Vec<Conflict>> {
    solve::solve(problem, false)
}

/// A placement problem: all groups of a compilation on one inventory.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// Names of the resources, the columns of [`Machine::free`] and [`Pod::request`]. The first is
    /// `pods`; which is the accelerator is told by [`Problem::gpu`].
    pub resources: Vec<String>,
    /// Column of the accelerator.
    pub gpu: usize,
    /// Names of the levels, widest first; the last one is the node.
    pub levels: Vec<String>,
    /// For each level the link that two pods have at best when they share a domain of it and no
    /// narrower one; levels that say nothing inherit from the next wider one, [`Link::Vpc`] at worst.
    pub links: Vec<Link>,
    /// Machines in natural order of their names.
    pub machines: Vec<Machine>,
    /// For each level the names of its domains, for messages: `zone-a/b1/r3`.
    pub domains: Vec<Vec<String>>,
    /// Distinct sets of machines that pods may use, or would rather use: one flag a machine.
    pub eligible: Vec<Vec<bool>>,
    /// The groups.
    pub groups: Vec<Group>,
    /// For each level, domains in which accelerator pods of groups that are not compiled now run:
    /// an exclusive clause must stay away from them.
    pub occupied: Vec<std::collections::BTreeSet<usize>>,
    /// For each level, domains that groups which are not compiled now hold exclusively.
    pub taken: Vec<std::collections::BTreeSet<usize>>,
    /// Groups without a place are left out instead of failing.
    pub partial: bool,
    /// Factor of the work budgets; 0 counts as 1.
    pub effort: u32,
}

impl Problem {
    /// What a clause of a group asks for, in words.
    pub fn clause(&self, group: usize, clause: usize) -> String {
        conflict::clause_label(self, &self.groups[group].clauses[clause].kind)
    }
}

/// A node with room.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Free amount of each resource; never negative.
    pub free: Vec<i64>,
    /// For each level the index of its domain; `None` where unknown: then it shares no domain there
    /// with any other machine.
    pub domains: Vec<Option<usize>>,
    /// Why it takes no pods at all, when it does not: `cordoned`, `not ready`.
    pub closed: Option<&'static str>,
    /// Who uses it already, for messages.
    pub holders: Vec<String>,
}

/// A group to place.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name, for messages.
    pub name: String,
    /// Its roles, for messages and clauses.
    pub roles: Vec<Role>,
    /// What must or should hold.
    pub clauses: Vec<Clause>,
    /// Traffic, which pulls instances together.
    pub edges: Vec<Edge>,
    /// Machines that some of its pods would rather stand on.
    pub preferences: Vec<Preference>,
    /// A better link may cost a move.
    pub locality: bool,
}

/// A role of a group: equal instances.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
    /// The pods of one instance: leader first.
    pub pods: Vec<Pod>,
    /// Number of instances.
    pub instances: usize,
    /// For each instance where its pods were, by machine index; empty when it was nowhere, and
    /// shorter than `instances` for new ones. A machine that is gone is absent as `None`.
    pub previous: Vec<Vec<Option<usize>>>,
    /// Whether it uses accelerators.
    pub accelerated: bool,
}

/// What one pod needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// Amount of each resource.
    pub request: Vec<i64>,
    /// Index in [`Problem::eligible`].
    pub eligible: usize,
}

/// A requirement or preference. Roles are indices in the group, levels in the problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What.
    pub kind: ClauseKind,
    /// `None` when required, else the weight.
    pub prefer: Option<u32>,
    /// Where it is written.
    pub span: Span,
}

/// Kinds of clauses; meanings as in [`crate::check::ClauseKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClauseKind {
    /// The pods of each instance of the role share a domain.
    Instances {
        /// Role.
        role: usize,
        /// Level.
        level: usize,
    },
    /// All pods of all these roles share a domain.
    Together {
        /// Roles.
        roles: Vec<usize>,
        /// Level.
        level: usize,
    },
    /// Each cell shares a domain.
    Cells {
        /// Role and share.
        shares: Vec<(usize, u32)>,
        /// Level.
        level: usize,
    },
    /// Each instance of `role` shares a domain (of its leader) with the leader of an instance of `to`.
    Near {
        /// Bound role.
        role: usize,
        /// Other role.
        to: usize,
        /// Level.
        level: usize,
    },
    /// Instances of the role over domains (counted by their leaders). The domains that count for
    /// `max_skew` are those with an eligible, open machine for the leader. Only known domains count:
    /// with `max_skew` every leader must stand in one.
    Spread {
        /// Role.
        role: usize,
        /// Level.
        level: usize,
        /// Largest difference.
        max_skew: Option<u32>,
        /// Least number of domains.
        at_least: Option<u32>,
    },
    /// No two instances of the role touch one domain; or none of `role` one with one of `from`.
    Apart {
        /// Role.
        role: usize,
        /// Other role.
        from: Option<usize>,
        /// Level.
        level: usize,
    },
    /// No accelerator pod of another group in a domain with an accelerator pod of this one. A pod
    /// is one when it asks for some of [`Problem::gpu`].
    Exclusive {
        /// Level.
        level: usize,
    },
    /// Losing any `count` domains leaves every role that has instances one that touches none of
    /// them. An instance on a machine without a known domain promises nothing.
    Survive {
        /// Domains lost.
        count: u32,
        /// Level.
        level: usize,
    },
}

/// Machines that pods should stand on: each pod elsewhere costs the weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// The roles of the pods, each once.
    pub roles: Vec<usize>,
    /// Index in [`Problem::eligible`].
    pub machines: usize,
    /// Importance.
    pub weight: u32,
    /// Where it is written.
    pub span: Span,
}

/// Traffic between all instances of two roles. An instance pair's link is that between the
/// machines of their leaders.
#[derive(Debug, Clone)]
pub struct Edge {
    /// Role.
    pub from: usize,
    /// Role.
    pub to: usize,
    /// The worst link allowed between any two instances; required.
    pub floor: Option<Link>,
    /// Importance.
    pub weight: u32,
    /// Where it is written.
    pub span: Span,
}

/// Where everything runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// For each group, role and instance the machine of each pod.
    pub groups: Vec<Vec<Vec<Vec<usize>>>>,
    /// Groups that were left out, in order; their instances have no pods in `groups`.
    pub unplaced: Vec<usize>,
    /// What the solver minimised, most important first.
    pub objective: Vec<Criterion>,
    /// Instances that stand elsewhere than before, by group, role and instance.
    pub moves: Vec<Move>,
}

impl Placement {
    /// Whether no plan is better: every criterion has reached its bound.
    pub fn is_optimal(&self) -> bool {
        self.objective.iter().all(|criterion| criterion.value == criterion.bound)
    }
}

/// A part of the objective: a whole number, the smaller the better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// What is counted.
    pub name: &'static str,
    /// What the plan costs.
    pub value: i64,
    /// What every plan costs at least that is as good in all more important criteria.
    pub bound: i64,
}
