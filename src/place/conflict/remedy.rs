//! Changes with which a group fits.

use crate::place::{ClauseKind, Group, Problem};

/// A change with which a group fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Let these machines take pods again.
    Open {
        /// The machines.
        machines: Vec<usize>,
    },
    /// Ask for a wider level in this clause.
    Widen {
        /// Index of the clause.
        clause: usize,
        /// The narrowest level that does.
        level: usize,
    },
    /// Ask for less in this clause.
    Loosen {
        /// Index of the clause.
        clause: usize,
        /// The clause that does.
        kind: ClauseKind,
    },
    /// Prefer these clauses only, and leave out the floors of these edges.
    Relax {
        /// Indices of the clauses.
        clauses: Vec<usize>,
        /// Indices of the edges.
        edges: Vec<usize>,
    },
    /// Let another group prefer only to have domains for itself.
    Share {
        /// The other group.
        group: usize,
        /// Its clause.
        clause: usize,
    },
    /// Run so many instances of the role.
    Replicas {
        /// The largest number that was found to fit.
        instances: usize,
    },
    /// Add machines.
    Machines {
        /// How many.
        machines: usize,
        /// A machine that they have to be like: with as much free as it has before anything is placed.
        like: usize,
        /// Where they are needed.
        site: Site,
    },
}

/// Where machines are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Beside the machine that they are like.
    Beside,
    /// In a domain: its level and its index.
    Domain(usize, usize),
    /// Each in a new domain of this level.
    Own(usize),
}

impl Remedy {
    /// Makes the change in a problem. `group` and `role` are the ones that find no place, `whole` is the
    /// problem that machines are described by: `problem` itself, or the one that it is a part of.
    pub fn apply(&self, problem: &mut Problem, whole: &Problem, group: usize, role: usize) {
        match self {
            Remedy::Open { machines } => machines.iter().for_each(|m| problem.machines[*m].closed = None),
            Remedy::Widen { clause, level } => {
                if let Some(now) = wide_level(&mut problem.groups[group], *clause) {
                    *now = *level;
                }
            }
            Remedy::Loosen { clause, kind } => problem.groups[group].clauses[*clause].kind = kind.clone(),
            Remedy::Relax { clauses, edges } => {
                let group = &mut problem.groups[group];
                clauses.iter().for_each(|c| group.clauses[*c].prefer = Some(1));
                edges.iter().for_each(|e| group.edges[*e].floor = None);
            }
            Remedy::Share { group, clause } => problem.groups[*group].clauses[*clause].prefer = Some(1),
            Remedy::Replicas { instances } => {
                let role = &mut problem.groups[group].roles[role];
                role.instances = *instances;
                role.previous.truncate(*instances);
            }
            Remedy::Machines { machines, like, site } => {
                (0..*machines).for_each(|_| add_machine(problem, whole, *like, *site));
            }
        }
    }
}

/// The level of a clause that gets easier to meet when it is wider.
pub(in crate::place) fn wide_level(group: &mut Group, clause: usize) -> Option<&mut usize> {
    match &mut group.clauses[clause].kind {
        ClauseKind::Instances { level, .. }
        | ClauseKind::Together { level, .. }
        | ClauseKind::Cells { level, .. }
        | ClauseKind::Near { level, .. } => Some(level),
        ClauseKind::Spread { .. }
        | ClauseKind::Apart { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Survive { .. } => None,
    }
}

/// Adds an open machine like another one, which is a node of its own.
fn add_machine(problem: &mut Problem, whole: &Problem, like: usize, site: Site) {
    let mut machine = whole.machines[like].clone();
    (machine.closed, machine.holders) = (None, Vec::new());
    let node = machine.domains.len().saturating_sub(1);
    let fresh = match site {
        Site::Beside => node,
        Site::Domain(level, domain) => {
            let inside = problem.machines.iter().find(|m| m.domains.get(level) == Some(&Some(domain)));
            machine.domains = inside.map_or(machine.domains, |m| m.domains.clone());
            node
        }
        Site::Own(level) => level,
    };
    machine.name = format!("new-{}", problem.machines.len());
    for (level, domain) in machine.domains.iter_mut().enumerate().skip(fresh) {
        *domain = problem.domains.get(level).map(Vec::len);
        problem.domains[level].push(machine.name.clone());
    }
    problem.machines.push(machine);
    for set in &mut problem.eligible {
        let same = set.get(like).copied().unwrap_or(false);
        set.push(same);
    }
}
