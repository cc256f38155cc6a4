//! Finds the reason why a group has no place.

use super::conflict::{Conflict, Need};
use super::solve::Missing;
use super::state::State;

/// The reasons why groups have no place beside what stands.
pub(super) fn explain(state: &State, missing: &[Missing]) -> Vec<Conflict> {
    missing.iter().map(|m| explain_one(state, *m)).collect()
}

fn explain_one(state: &State, Missing { group, proven }: Missing) -> Conflict {
    let index = state.index;
    let row = &index.groups[group];
    let missing = row.instances.clone().find(|i| !state.stands(*i)).unwrap_or(row.instances.start);
    let role = index.instances[missing].role;
    let level = index.roles[role].level.checked_sub(1);
    Conflict {
        group,
        role: role - row.roles.start,
        clauses: Vec::new(),
        edges: Vec::new(),
        alone: false,
        exhausted: !proven,
        need: Need { pods: index.roles[role].classes.len(), resource: 0, amount: 0, level },
        nearest: Vec::new(),
        remedies: Vec::new(),
    }
}
