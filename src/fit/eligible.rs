//! Which machines each pod may use: product, pools, labels, taints.

use crate::check::{ClauseKind, Group, Model, Part};
use crate::data::Data;
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Node, Taint};

/// Sets of machines, each once, and for each group, role and part the index of its set.
#[derive(Debug, Default)]
pub(super) struct Eligible {
    pub sets: Vec<Vec<bool>>,
    pub of: Vec<Vec<Vec<usize>>>,
}

pub(super) fn sets(session: &mut Session, model: &Model, inventory: &Inventory) -> Eligible {
    let mut eligible = Eligible::default();
    let mut known: std::collections::BTreeMap<Vec<bool>, usize> = std::collections::BTreeMap::new();
    let mut shapes: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for group in &model.groups {
        let mut roles = Vec::new();
        for (index, role) in group.roles.iter().enumerate() {
            let mut parts = Vec::new();
            for part in &role.parts {
                // Most roles of a compilation ask for the same; the key spares looking at every
                // machine again.
                let key = shape_key(group, index, part);
                let set = *shapes.entry(key).or_insert_with(|| {
                    let flags: Vec<bool> =
                        inventory.nodes.iter().map(|node| allowed(group, index, part, node, inventory)).collect();
                    let next = known.len();
                    *known.entry(flags).or_insert(next)
                });
                parts.push(set);
            }
            roles.push(parts);
        }
        eligible.of.push(roles);
    }
    let mut sets: Vec<(Vec<bool>, usize)> = known.into_iter().collect();
    sets.sort_by_key(|(_, index)| *index);
    eligible.sets = sets.into_iter().map(|(flags, _)| flags).collect();
    report_empty(session, model, &eligible, inventory);
    eligible
}

fn shape_key(group: &Group, role: usize, part: &Part) -> String {
    let clauses: Vec<&ClauseKind> = group.clauses.iter().map(|c| &c.kind).filter(|k| concerns(k, role)).collect();
    let gpu = part.pod.gpu.as_ref().map(|(product, _)| product);
    format!("{} {gpu:?} {:?} {clauses:?}", group.roles[role].gpus() > 0, part.pod.tolerations)
}

fn concerns(kind: &ClauseKind, role: usize) -> bool {
    matches!(kind, ClauseKind::Pool { roles, .. } | ClauseKind::Label { roles, .. } if roles.contains(&role))
}

fn allowed(group: &Group, role: usize, part: &Part, node: &Node, inventory: &Inventory) -> bool {
    if let Some((product, _)) = &part.pod.gpu
        && node.gpu.as_ref() != Some(product)
    {
        return false;
    }
    let mut pool_named = false;
    for clause in group.clauses.iter().filter(|c| c.prefer.is_none()) {
        match &clause.kind {
            ClauseKind::Pool { roles, not, pools } if roles.contains(&role) => {
                let pool = node.pool.map(|p| &inventory.pools[p].name);
                let inside = pools.iter().any(|(name, _)| Some(name) == pool);
                if inside == *not {
                    return false;
                }
                pool_named |= inside;
            }
            ClauseKind::Label { roles, not, key, values } if roles.contains(&role) => {
                let inside = node.labels.get(key).is_some_and(|v| values.contains(v));
                if inside == *not {
                    return false;
                }
            }
            _ => {}
        }
    }
    // Taints keep others off machines with accelerators: roles that use accelerators (with all
    // their parts, which belong together) and roles that name the pool are meant to be there. All others must tolerate them on their own.
    let invited = group.roles[role].gpus() > 0 || pool_named;
    invited
        || node.taints.iter().all(|taint| taint.effect == "PreferNoSchedule" || tolerated(taint, &part.pod.tolerations))
}

/// Whether one of the tolerations matches a taint, by the rules of core/v1 Toleration.
pub(crate) fn tolerated(taint: &Taint, tolerations: &[Data]) -> bool {
    tolerations.iter().any(|toleration| {
        let text = |key| toleration.at(&[key]).and_then(Data::as_str).unwrap_or("");
        let exists = text("operator") == "Exists";
        let key = if text("key").is_empty() { exists } else { text("key") == taint.key };
        let value = exists || text("value") == taint.value;
        let effect = text("effect").is_empty() || text("effect") == taint.effect;
        key && value && effect
    })
}

fn report_empty(session: &mut Session, model: &Model, eligible: &Eligible, inventory: &Inventory) {
    for (id, role) in model.roles() {
        let sets = &eligible.of[id.group][id.role];
        let empty = sets.iter().any(|set| !eligible.sets[*set].iter().any(|flag| *flag));
        if empty {
            let message = format!("no node of `{}` may run role `{}`", inventory.name, role.name);
            let mut problem = Diagnostic::new(Code::NothingFits, role.span, message);
            for clause in &model.group_of(id).clauses {
                if concerns(&clause.kind, id.role) {
                    problem = problem.label(clause.span, "this clause leaves nodes out");
                }
            }
            let help = "ask for another product, pool or label, or tolerate the taints of the nodes: `tolerate = [{ key = … operator = \"Exists\" }]`";
            session.report(problem.help(help));
        }
    }
}
