//! Whether the nodes are known that a role wants warmed up.

use super::eligible::Eligible;
use crate::check::{ClauseKind, Form, Group, Model, Pin, RoleId, WarmNodes, WarmUp};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::Inventory;

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory, eligible: &Eligible) {
    for (id, role) in model.roles() {
        let Some(warm_up) = &role.warm_up else { continue };
        if let Some(problem) = unplanned(model.group_of(id), id.role, warm_up) {
            session.report(problem);
        } else if may_use_elastic(id, inventory, eligible) {
            session.report(elastic(&role.name, warm_up));
        }
    }
}

/// Why pods may start on other nodes than those that the plan gives them.
fn unplanned(group: &Group, index: usize, warm_up: &WarmUp) -> Option<Diagnostic> {
    let role = &group.roles[index];
    let name = &role.name;
    match warm_up.nodes {
        WarmNodes::Planned if group.pin == Pin::None => {
            let message = format!("`{name}` has no planned nodes to warm up: group `{}` is not pinned", group.name);
            let problem = Diagnostic::new(Code::UnplannedWarmUp, warm_up.span, message);
            Some(problem.help("say `nodes = \"eligible\"` in the warm-up, or remove `pin = \"none\"`"))
        }
        WarmNodes::Planned if !names_nodes(group, index) => {
            let message = format!("pods of `{name}` may start on other nodes than those that are warmed up");
            Some(
                Diagnostic::new(Code::UnboundWarmUp, warm_up.span, message)
                    .label(role.span, "its instances share one template, which names no nodes")
                    .help("warm up all nodes that its pods may use: `nodes = \"eligible\"`"),
            )
        }
        WarmNodes::Planned | WarmNodes::Eligible => None,
    }
}

/// Whether the templates of a role name the planned nodes: each instance has its own, or one names
/// those of all.
fn names_nodes(group: &Group, index: usize) -> bool {
    let role = &group.roles[index];
    let kept = |kind: &ClauseKind| matches!(kind, ClauseKind::Instances { roles, .. } if roles.contains(&index));
    let required = || group.clauses.iter().any(|clause| clause.prefer.is_none() && kept(&clause.kind));
    role.by_instance() || group.pin == Pin::Nodes || (role.form == Form::LeaderWorkerSet && required())
}

fn may_use_elastic(id: RoleId, inventory: &Inventory, eligible: &Eligible) -> bool {
    let mut sets = eligible.of[id.group][id.role].iter().map(|set| &eligible.sets[*set]);
    sets.any(|set| set.iter().zip(&inventory.nodes).any(|(may, node)| *may && node.elastic))
}

fn elastic(name: &str, warm_up: &WarmUp) -> Diagnostic {
    let message = format!("nodes that an autoscaler makes are not warmed up for `{name}`");
    Diagnostic::new(Code::ElasticWarmUp, warm_up.span, message).here("they do not exist yet").help(
        "keep the role off them with `place { not on pool … }`, or put the image into the machine image of their pool",
    )
}
