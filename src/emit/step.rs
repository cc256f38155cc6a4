//! How far a rollout has come in the output, and what its next step leaves as it is.

use std::collections::BTreeMap;

use super::{Group, Lock, path};
use crate::plan::Brings;
use crate::transition::{Deferred, Ladder};

/// How much of a step the output has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All its files are as they will be.
    Written,
    /// At least one is not.
    Open,
}

/// For each step of a rollout of a group how far it is. `before` is the lock that was written last.
pub fn progress(group: &Group, ladder: &Ladder, before: Option<&Lock>) -> Vec<Progress> {
    if ladder.brings == Brings::Removals {
        // What has left is in no step.
        return vec![Progress::Open; ladder.steps.len()];
    }
    let open = |instance: &Deferred| is_open(group, instance, before);
    let step = |step: &Vec<Deferred>| if step.iter().any(open) { Progress::Open } else { Progress::Written };
    ladder.steps.iter().map(step).collect()
}

fn is_open(group: &Group, instance: &Deferred, before: Option<&Lock>) -> bool {
    let mut own = instance.files.iter().map(|file| path::in_lock(&group.name, file));
    own.any(|file| group.lock.files.get(&file) != before.and_then(|lock| lock.files.get(&file)))
}

/// Defers what the first open step of each rollout does not update.
pub fn hold_back(groups: &mut [Group], before: &BTreeMap<String, Lock>) {
    for group in groups {
        let lock = before.get(&group.name);
        let mut later = Vec::new();
        for ladder in group.rollouts.iter().filter(|ladder| ladder.brings != Brings::Removals) {
            let next = progress(group, ladder, lock).iter().position(|step| *step == Progress::Open);
            let rest = ladder.steps.iter().skip(next.map_or(usize::MAX, |next| next + 1)).flatten();
            later.extend(rest.filter(|instance| is_open(group, instance, lock)).cloned());
        }
        group.deferred.extend(later);
    }
}
