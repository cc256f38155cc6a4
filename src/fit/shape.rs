//! Clauses that no domain of their level can hold, even if the cluster were empty.

use crate::check::{ClauseKind, Group, Model, Part, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Node};
use crate::source::Span;

use super::eligible::Eligible;

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory, eligible: &Eligible) {
    let largest: Vec<i64> = eligible.sets.iter().map(|set| largest_node(inventory, set)).collect();
    for (index, group) in model.groups.iter().enumerate() {
        for (role_index, role) in group.roles.iter().enumerate() {
            nodes(session, role, &largest, &eligible.of[index][role_index]);
        }
        for clause in group.clauses.iter().filter(|c| c.prefer.is_none()) {
            self::clause(session, group, &clause.kind, clause.span, inventory, eligible, &eligible.of[index]);
        }
    }
}

/// A pod that asks for more accelerators than any machine has.
fn nodes(session: &mut Session, role: &Role, largest: &[i64], sets: &[usize]) {
    for (part, set) in role.parts.iter().zip(sets) {
        let most = largest[*set];
        if i64::from(part.pod.gpus) > most {
            let message = format!(
                "a pod of `{}` asks for {} accelerators; the largest node that it may use has {most}",
                role.name, part.pod.gpus
            );
            let help = "ask for fewer per pod and more `pods`, or for another product";
            session.report(Diagnostic::new(Code::ShapeTooLarge, role.span, message).help(help));
        }
    }
}

/// Accelerators of the largest machine of a set.
fn largest_node(inventory: &Inventory, set: &[bool]) -> i64 {
    let nodes = inventory.nodes.iter().zip(set).filter(|(_, flag)| **flag);
    nodes.map(|(node, _)| accelerators(node, inventory)).max().unwrap_or(0)
}

fn accelerators(node: &Node, inventory: &Inventory) -> i64 {
    node.allocatable.get(&inventory.resources.gpu).copied().unwrap_or(0)
}

#[allow(clippy::too_many_arguments)]
fn clause(
    session: &mut Session,
    group: &Group,
    kind: &ClauseKind,
    span: Span,
    inventory: &Inventory,
    eligible: &Eligible,
    sets: &[Vec<usize>],
) {
    let Some(level) = super::clauses::level_of(kind).and_then(|l| inventory.level(&l.name)) else { return };
    let count = inventory.domains[level].len() as u64;
    let word = &inventory.levels[level].name;
    match kind {
        ClauseKind::Instances { roles, .. } => {
            for role in roles {
                let parts = [(&group.roles[*role], 1, &sets[*role])];
                holds(session, &parts, level, span, inventory, eligible);
            }
        }
        ClauseKind::Together { roles, .. } => {
            let parts: Vec<_> =
                roles.iter().map(|r| (&group.roles[*r], group.roles[*r].replicas.max, &sets[*r])).collect();
            holds(session, &parts, level, span, inventory, eligible);
        }
        ClauseKind::Cells { shares, .. } => {
            let parts: Vec<_> = shares.iter().map(|(r, share)| (&group.roles[*r], *share, &sets[*r])).collect();
            holds(session, &parts, level, span, inventory, eligible);
        }
        ClauseKind::Apart { role, from: None, .. } => {
            let instances = u64::from(group.roles[*role].replicas.max);
            if instances > count {
                let message = format!(
                    "{instances} instances of `{}` cannot be apart: there are {count} of `{word}`",
                    group.roles[*role].name
                );
                session.report(too_large(span, message).help("use fewer instances or a narrower level"));
            }
        }
        ClauseKind::Spread { role, at_least: Some(n), .. } => {
            let instances = u64::from(group.roles[*role].replicas.min);
            let n = u64::from(*n);
            if n > instances.min(count) {
                let message = format!(
                    "`{}` cannot be spread over {n} of `{word}`: it has {instances} instances and there are {count}",
                    group.roles[*role].name
                );
                session.report(too_large(span, message).help("ask for fewer domains, or for more instances"));
            }
        }
        ClauseKind::Survive { count: lost, .. } => {
            for role in &group.roles {
                if u64::from(role.replicas.min) <= u64::from(*lost) {
                    let message = format!(
                        "role `{}` cannot survive the loss of {lost} of `{word}`: its instances are too few",
                        role.name
                    );
                    let problem = too_large(span, message).label(role.replicas_span, "the number of its instances");
                    session.report(problem.help(format!("it needs at least {} instances", lost + 1)));
                }
            }
        }
        ClauseKind::Spread { .. }
        | ClauseKind::Apart { .. }
        | ClauseKind::Near { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Pool { .. }
        | ClauseKind::Label { .. } => {}
    }
}

/// Whether some domain, if it were empty, could hold these instances: counted by accelerators,
/// which bind first, pod by pod.
fn holds(
    session: &mut Session,
    parts: &[(&Role, u32, &Vec<usize>)],
    level: usize,
    span: Span,
    inventory: &Inventory,
    eligible: &Eligible,
) {
    let needed: i64 = parts.iter().map(|(role, n, _)| i64::from(role.gpus()) * i64::from(*n)).sum();
    if needed == 0 {
        return;
    }
    let room = |domain: &crate::inventory::Domain| -> i64 {
        let nodes = domain.nodes.iter();
        nodes
            .filter(|n| parts.iter().any(|(role, _, sets)| usable(role, sets, **n, eligible)))
            .map(|n| largest_fill(parts, accelerators(&inventory.nodes[*n], inventory)))
            .sum()
    };
    let best = inventory.domains[level].iter().map(|d| (room(d), d)).max_by_key(|(room, _)| *room);
    let Some((most, domain)) = best else { return };
    if needed > most {
        let names: Vec<String> = parts.iter().map(|(role, n, _)| format!("{n} × `{}`", role.name)).collect();
        let word = &inventory.levels[level].name;
        let message = format!(
            "no `{word}` is large enough for {}: {needed} accelerators, the largest (`{}`) has room for {most}",
            names.join(" and "),
            domain.path.join("/")
        );
        session.report(too_large(span, message).help("name a wider level, or make the instances smaller"));
    }
}

fn usable(role: &Role, sets: &[usize], node: usize, eligible: &Eligible) -> bool {
    role.parts.iter().zip(sets).any(|(part, set)| part.pod.gpus > 0 && eligible.sets[*set][node])
}

/// The most accelerators of a machine that pods of these roles can use together: with one size of
/// pod a whole number of them.
fn largest_fill(parts: &[(&Role, u32, &Vec<usize>)], capacity: i64) -> i64 {
    let mut sizes: Vec<i64> = parts
        .iter()
        .flat_map(|(role, ..)| role.parts.iter().map(|p: &Part| i64::from(p.pod.gpus)))
        .filter(|size| *size > 0)
        .collect();
    sizes.dedup();
    match sizes.as_slice() {
        [one] => capacity / one * one,
        _ => capacity,
    }
}

fn too_large(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::ShapeTooLarge, span, message)
}
