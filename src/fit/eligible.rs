//! Which machines each pod may use, and which it would rather use: product, pools, labels, taints.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Clause, ClauseKind, Group, Model, Part};
use crate::data::Data;
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, Node, Taint};
use crate::place::Preference;

/// Sets of machines, each once, and who uses them.
#[derive(Debug, Default)]
pub(super) struct Eligible {
    pub sets: Vec<Vec<bool>>,
    /// For each group, role and part the index of the set that it may use.
    pub of: Vec<Vec<Vec<usize>>>,
    /// For each group the preferences for machines.
    pub preferred: Vec<Vec<Preference>>,
}

pub(super) fn sets(session: &mut Session, model: &Model, inventory: &Inventory) -> Eligible {
    let mut eligible = Eligible::default();
    let mut known: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
    let mut meant: BTreeMap<String, usize> = BTreeMap::new();
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
        eligible.preferred.push(preferences(group, inventory, &mut known, &mut meant));
    }
    let mut sets: Vec<(Vec<bool>, usize)> = known.into_iter().collect();
    sets.sort_by_key(|(_, index)| *index);
    eligible.sets = sets.into_iter().map(|(flags, _)| flags).collect();
    report_empty(session, model, &eligible, inventory);
    report_void(session, model, &eligible);
    eligible
}

/// The preferences of a group for machines: `prefer on`. Groups made from one template say the same,
/// which `meant` remembers.
fn preferences(
    group: &Group,
    inventory: &Inventory,
    known: &mut BTreeMap<Vec<bool>, usize>,
    meant: &mut BTreeMap<String, usize>,
) -> Vec<Preference> {
    let preference = |clause: &Clause| {
        let (ClauseKind::Pool { roles, .. } | ClauseKind::Label { roles, .. }) = &clause.kind else { return None };
        let weight = clause.prefer?;
        let machines = *meant.entry(format!("{:?}", clause.kind)).or_insert_with(|| {
            let flags = inventory.nodes.iter().map(|node| meets(&clause.kind, node, inventory)).collect();
            let next = known.len();
            *known.entry(flags).or_insert(next)
        });
        let roles = BTreeSet::from_iter(roles.iter().copied()).into_iter().collect();
        Some(Preference { roles, machines, weight, span: clause.span })
    };
    group.clauses.iter().filter_map(preference).collect()
}

fn shape_key(group: &Group, role: usize, part: &Part) -> String {
    let concerned = group.clauses.iter().filter(|clause| concerns(&clause.kind, role));
    let clauses: Vec<_> = concerned.map(|clause| (&clause.kind, clause.prefer.is_some())).collect();
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
    for clause in group.clauses.iter().filter(|clause| concerns(&clause.kind, role)) {
        let meant = meets(&clause.kind, node, inventory);
        if !meant && clause.prefer.is_none() {
            return false;
        }
        pool_named |= meant && matches!(clause.kind, ClauseKind::Pool { not: false, .. });
    }
    // Taints keep others off machines with accelerators: roles that use accelerators (with all
    // their parts, which belong together) and roles that name the pool, be it as a preference, are
    // meant to be there. All others must tolerate them on their own.
    let invited = group.roles[role].gpus() > 0 || pool_named;
    invited
        || node.taints.iter().all(|taint| taint.effect == "PreferNoSchedule" || tolerated(taint, &part.pod.tolerations))
}

/// Whether a node is one of those that an `on` clause asks for; other clauses ask for none.
fn meets(kind: &ClauseKind, node: &Node, inventory: &Inventory) -> bool {
    match kind {
        ClauseKind::Pool { not, pools, .. } => {
            let pool = node.pool.map(|pool| &inventory.pools[pool].name);
            pools.iter().any(|(name, _)| Some(name) == pool) != *not
        }
        ClauseKind::Label { not, key, values, .. } => {
            node.labels.get(key).is_some_and(|value| values.contains(value)) != *not
        }
        _ => true,
    }
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

/// Preferences that no choice of machines can meet, or that every choice meets.
fn report_void(session: &mut Session, model: &Model, eligible: &Eligible) {
    for ((group, preferences), of) in model.groups.iter().zip(&eligible.preferred).zip(&eligible.of) {
        for preference in preferences {
            let meant = &eligible.sets[preference.machines];
            let sets = preference.roles.iter().flat_map(|role| &of[*role]).map(|set| &eligible.sets[*set]);
            let (mut met, mut missed) = (false, false);
            for (_, meant) in sets.flat_map(|set| set.iter().zip(meant)).filter(|(may, _)| **may) {
                met |= meant;
                missed |= !meant;
            }
            let why = match (met, missed) {
                (true, false) => "there are no other nodes that they may use",
                (false, true) => "they may use none of these nodes",
                (true, true) | (false, false) => continue,
            };
            session.report(void(group, preference, why));
        }
    }
}

fn void(group: &Group, preference: &Preference, why: &str) -> Diagnostic {
    let roles: Vec<String> = preference.roles.iter().map(|role| format!("`{}`", group.roles[*role].name)).collect();
    let message = format!("this preference has no effect on {}: {why}", roles.join(", "));
    Diagnostic::new(Code::VoidPreference, preference.span, message)
        .help("remove it; product, required clauses and taints decide which nodes a role may use")
}
