//! Placement clauses against the levels of the inventory and against each other.

use crate::check::{Clause, ClauseKind, Group, Level, Model};
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::inventory::Inventory;

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    for group in &model.groups {
        let before = session.problems.len();
        for clause in &group.clauses {
            levels(session, clause, inventory);
            pools(session, clause, inventory);
        }
        if session.problems.len() == before {
            alone(session, group);
            pairs(session, group, inventory);
        }
    }
}

/// The level of a clause.
pub(super) fn level_of(kind: &ClauseKind) -> Option<&Level> {
    match kind {
        ClauseKind::Instances { level, .. }
        | ClauseKind::Together { level, .. }
        | ClauseKind::Cells { level, .. }
        | ClauseKind::Near { level, .. }
        | ClauseKind::Spread { level, .. }
        | ClauseKind::Apart { level, .. }
        | ClauseKind::Exclusive { level }
        | ClauseKind::Survive { level, .. } => Some(level),
        ClauseKind::Pool { .. } | ClauseKind::Label { .. } => None,
    }
}

fn levels(session: &mut Session, clause: &Clause, inventory: &Inventory) {
    let Some(level) = level_of(&clause.kind) else { return };
    if inventory.level(&level.name).is_none() {
        let known: Vec<&str> = inventory.levels.iter().map(|l| l.name.as_str()).collect();
        let message = format!("the inventory `{}` has no level `{}`", inventory.name, level.name);
        let mut problem = Diagnostic::new(Code::UnknownLevel, level.span, message);
        problem.help = suggestion(&level.name, &known);
        session.report(problem);
    }
}

fn pools(session: &mut Session, clause: &Clause, inventory: &Inventory) {
    let ClauseKind::Pool { pools, .. } = &clause.kind else { return };
    for (name, span) in pools {
        match inventory.pools.iter().find(|p| p.name == *name) {
            Some(pool) if pool.labels.is_empty() => {
                let message = format!("pool `{name}` has no labels to choose it by");
                let help = "give the machines of the pool a label in the cluster and in the inventory";
                session.report(Diagnostic::new(Code::UnknownPool, *span, message).help(help));
            }
            Some(pool) => {
                let named = |name: &str| pools.iter().any(|(n, _)| n == name);
                let covers = |other: &&crate::inventory::Pool| {
                    !named(&other.name) && pool.labels.iter().all(|(k, v)| other.labels.get(k) == Some(v))
                };
                if let Some(other) = inventory.pools.iter().find(covers) {
                    let message = format!("the labels of pool `{name}` do not tell it from pool `{}`", other.name);
                    let help = "give the pools labels of their own in the cluster and in the inventory";
                    session.report(Diagnostic::new(Code::UnknownPool, *span, message).help(help));
                }
            }
            None => {
                let known: Vec<&str> = inventory.pools.iter().map(|p| p.name.as_str()).collect();
                let message = format!("the inventory `{}` has no pool `{name}`", inventory.name);
                let mut problem = Diagnostic::new(Code::UnknownPool, *span, message);
                problem.help = suggestion(name, &known);
                session.report(problem);
            }
        }
    }
}

/// Clauses that by the shape of their roles ask for nothing.
fn alone(session: &mut Session, group: &Group) {
    for clause in &group.clauses {
        let nothing = match &clause.kind {
            ClauseKind::Instances { roles, .. } if roles.len() < group.roles.len() || roles.len() == 1 => roles
                .iter()
                .find(|r| group.roles[**r].pods() == 1)
                .map(|r| format!("an instance of `{}` is one pod", group.roles[*r].name)),
            ClauseKind::Spread { role, .. } | ClauseKind::Apart { role, from: None, .. }
                if group.roles[*role].replicas.max <= 1 =>
            {
                Some(format!("`{}` has one instance", group.roles[*role].name))
            }
            ClauseKind::Apart { role, from: Some(from), .. } | ClauseKind::Near { role, to: from, .. }
                if role == from =>
            {
                Some(format!("`{}` is named twice", group.roles[*role].name))
            }
            _ => None,
        };
        let Some(why) = nothing else { continue };
        let code = if clause.prefer.is_some() { Code::VoidPreference } else { Code::VoidClause };
        session.report(
            Diagnostic::new(code, clause.span, format!("this clause asks for nothing: {why}")).help("remove it"),
        );
    }
}

/// Clauses that make each other void, or that cannot hold at once.
fn pairs(session: &mut Session, group: &Group, inventory: &Inventory) {
    let depth = |kind: &ClauseKind| level_of(kind).and_then(|l| inventory.level(&l.name)).unwrap_or(0);
    for (i, a) in group.clauses.iter().enumerate() {
        for (j, b) in group.clauses.iter().enumerate() {
            if i == j || b.prefer.is_some() {
                continue;
            }
            // `b` is required; does it make `a` void or impossible?
            let (wide, narrow) = (depth(&a.kind), depth(&b.kind));
            if implied(&a.kind, &b.kind, wide, narrow) && (narrow > wide || a.prefer.is_some() || i > j) {
                session.report(void(a, b));
            } else if a.prefer.is_none() && excluded(group, &a.kind, &b.kind, wide, narrow) {
                session.report(contradiction(group, a, b));
            }
        }
    }
}

/// Whether `b` at level `narrow` already gives what `a` asks for at level `wide`.
fn implied(a: &ClauseKind, b: &ClauseKind, wide: usize, narrow: usize) -> bool {
    let within = |inner: &[usize], outer: &[usize]| inner.iter().all(|r| outer.contains(r));
    if narrow < wide {
        return false;
    }
    match (a, b) {
        (ClauseKind::Instances { roles: x, .. }, ClauseKind::Instances { roles: y, .. })
        | (ClauseKind::Instances { roles: x, .. }, ClauseKind::Together { roles: y, .. })
        | (ClauseKind::Together { roles: x, .. }, ClauseKind::Together { roles: y, .. }) => within(x, y),
        (ClauseKind::Cells { shares, .. }, ClauseKind::Together { roles, .. }) => {
            shares.iter().all(|(r, _)| roles.contains(r))
        }
        (ClauseKind::Near { role, to, .. }, ClauseKind::Together { roles, .. }) => {
            roles.contains(role) && roles.contains(to)
        }
        (ClauseKind::Near { role, to, .. }, ClauseKind::Near { role: r, to: t, .. }) => role == r && to == t,
        _ => false,
    }
}

/// Whether `a` keeps apart at level `wide` what `b` brings together at level `narrow`.
fn excluded(group: &Group, a: &ClauseKind, b: &ClauseKind, wide: usize, narrow: usize) -> bool {
    if narrow < wide {
        return false;
    }
    let together = |x: usize, y: usize| match b {
        ClauseKind::Together { roles, .. } => roles.contains(&x) && roles.contains(&y),
        ClauseKind::Near { role, to, .. } => x != y && ((*role, *to) == (x, y) || (*role, *to) == (y, x)),
        ClauseKind::Cells { shares, .. } => {
            let share = |r: usize| shares.iter().find(|(role, _)| *role == r).map_or(0, |(_, s)| *s);
            if x == y { share(x) > 1 } else { share(x) > 0 && share(y) > 0 }
        }
        _ => false,
    };
    match a {
        ClauseKind::Apart { role, from: None, .. } => group.roles[*role].replicas.max > 1 && together(*role, *role),
        ClauseKind::Apart { role, from: Some(from), .. } => together(*role, *from),
        ClauseKind::Spread { role, at_least: Some(n), .. } => {
            *n > 1 && matches!(b, ClauseKind::Together { roles, .. } if roles.contains(role))
        }
        ClauseKind::Survive { .. } => matches!(b, ClauseKind::Together { .. }),
        _ => false,
    }
}

fn void(a: &Clause, b: &Clause) -> Diagnostic {
    let code = if a.prefer.is_some() { Code::VoidPreference } else { Code::VoidClause };
    Diagnostic::new(code, a.span, "this clause has no effect")
        .label(b.span, "this one already asks for as much or more")
        .help("remove it, or name a narrower level")
}

fn contradiction(group: &Group, a: &Clause, b: &Clause) -> Diagnostic {
    let message = format!("two clauses of group `{}` contradict each other", group.name);
    Diagnostic::new(Code::ContradictingClauses, a.span, message)
        .here("this one keeps apart")
        .label(b.span, "what this one brings together")
        .help("remove one of them, bring together at a wider level or keep apart at a narrower one")
}
