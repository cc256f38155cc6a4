//! Which links two pods can have, and whether a connection can have the link that it requires.

use crate::check::{Clause, ClauseKind, Connection, Group, Model, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, NEEDS_COMPUTE_DOMAIN};
use crate::link::Link;
use crate::source::Span;

use super::compute::ComputeDomain;

/// For each level the link of two pods that share a domain of it and no narrower one. Levels that
/// say nothing, or whose link needs what nobody provides, have that of the next wider level.
pub(super) fn links(inventory: &Inventory, compute_domains: bool) -> Vec<Link> {
    let provided = |needs: &Option<String>| match needs.as_deref() {
        None => true,
        Some(needs) => needs == NEEDS_COMPUTE_DOMAIN && compute_domains,
    };
    let mut wider = Link::Vpc;
    let levels = inventory.levels.iter().map(|level| {
        if let Some(link) = level.link.as_ref().filter(|l| provided(&l.needs)) {
            wider = link.class;
        }
        wider
    });
    levels.collect()
}

/// Checks the floors of all connections against what the cluster and the pods provide.
pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory, domains: &[Vec<ComputeDomain>]) {
    let plain = links(inventory, false);
    for (group, domains) in model.groups.iter().zip(domains) {
        for connection in &group.connections {
            let Some((floor, span)) = connection.floor.filter(|(floor, _)| *floor > Link::Vpc) else { continue };
            let joined = domains.iter().any(|d| d.joins(group, connection));
            let idle = [connection.from, connection.to].map(|r| &group.roles[r]);
            if let Some(role) = idle.into_iter().find(|r| floor == Link::Rdma && !uses_rdma(r, inventory)) {
                session.report(no_adapter(role, span));
            } else if !joined && !without_domain(group, connection, floor, inventory, &plain) {
                session.report(no_link(group, connection, floor, span, inventory));
            }
        }
    }
}

/// Whether the first pod of an instance has an adapter for RDMA, as far as the inventory knows of any.
pub fn uses_rdma(role: &Role, inventory: &Inventory) -> bool {
    inventory.resources.rdma.is_none() || role.parts.first().is_some_and(|part| part.pod.rdma > 0)
}

fn no_adapter(role: &Role, span: Span) -> Diagnostic {
    let message = format!("the connection is `over rdma`, and `{}` asks for no RDMA adapter", role.name);
    Diagnostic::new(Code::BadConnection, span, message)
        .label(role.span, "a pod reaches RDMA only through an adapter that it asks for")
        .help(format!("say `rdma = 1` in `{}`, or ask for less", role.name))
}

/// Whether two ends that have no ComputeDomain in common can have a link all the same. Where the
/// solver takes a shared NVLink domain for the best link, only a clause keeps it from doing so here.
fn without_domain(group: &Group, connection: &Connection, floor: Link, inventory: &Inventory, plain: &[Link]) -> bool {
    let solved = links(inventory, super::compute::offered(inventory));
    let honest = plain.iter().zip(&solved).all(|(plain, solved)| (*plain >= floor) == (*solved >= floor));
    let kept = |clause: &Clause| match &clause.kind {
        ClauseKind::Together { roles, level } if clause.prefer.is_none() => {
            let at = inventory.level(&level.name).and_then(|at| plain.get(at));
            roles.contains(&connection.from) && roles.contains(&connection.to) && at.is_some_and(|l| *l >= floor)
        }
        _ => false,
    };
    if honest { plain.iter().any(|link| *link >= floor) } else { group.clauses.iter().any(kept) }
}

fn no_link(group: &Group, connection: &Connection, floor: Link, span: Span, inventory: &Inventory) -> Diagnostic {
    let (from, to) = (&group.roles[connection.from].name, &group.roles[connection.to].name);
    let across = super::compute::level(inventory).filter(|_| floor == Link::Nvlink);
    let (message, help) = match across {
        Some(level) => {
            let level = &inventory.levels[level].name;
            (
                format!("`{from}` and `{to}` have no ComputeDomain in common, which NVLink between machines takes"),
                format!("keep both in one domain, `place {{ {from}, {to} within {level} }}`, or ask for less"),
            )
        }
        None => (
            format!("no two pods in `{}` can have a link of `{}`", inventory.name, floor.name()),
            "declare it under `links` of the inventory, or ask for less".to_owned(),
        ),
    };
    Diagnostic::new(Code::MissingCapability, span, message).help(help)
}
