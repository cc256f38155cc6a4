//! Which instances stand on other nodes: what two trees remember.

use std::collections::BTreeMap;

use super::Move;
use crate::lock::Lock;

/// The instances that both remember, on other nodes.
pub(super) fn moves(old: &BTreeMap<String, Lock>, new: &BTreeMap<String, Lock>) -> Vec<Move> {
    let mut moves = Vec::new();
    for (group, before) in old {
        // Another generation is made of other objects: nothing of it moves.
        let same = |after: &&Lock| after.generation == before.generation;
        let Some(after) = new.get(group).filter(same) else { continue };
        for (instance, from) in &before.places {
            let Some(to) = after.places.get(instance).filter(|to| *to != from) else { continue };
            moves.push(Move {
                group: group.clone(),
                role: instance.role.clone(),
                instance: instance.index,
                from: from.clone(),
                to: to.clone(),
                reason: None,
            });
        }
    }
    moves
}
