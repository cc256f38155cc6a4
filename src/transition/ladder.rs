//! A rollout commit by commit, for those who want to look before they go on.

use super::tasks::held_back;
use super::{Before, Deferred};
use crate::lock::Instance;
use crate::plan::{self, Brings, Rollout};
use crate::rollout::Skew;

/// The steps of a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// What the steps do.
    pub brings: Brings,
    /// For each step the instances that it updates, and their files.
    pub steps: Vec<Vec<Deferred>>,
    /// The largest difference of the roles' shares after a step: of updated instances, or of those
    /// that are ready where new ones come.
    pub skew: Skew,
    /// The same while a step is under way.
    pub under_way: Skew,
}

/// The rollouts of every group, in the order of the plan.
pub fn ladders(before: &Before<'_, '_>) -> Vec<Vec<Ladder>> {
    let groups = before.plan.groups.iter().enumerate();
    let moving = |rollout: &&Rollout| rollout.brings != Brings::Nothing;
    let of = |g, group: &plan::Group<'_>| group.rollouts.iter().filter(moving).map(|r| ladder(before, g, r)).collect();
    groups.map(|(g, group)| of(g, group)).collect()
}

fn ladder(before: &Before<'_, '_>, g: usize, rollout: &Rollout) -> Ladder {
    let mut steps: Vec<Vec<Deferred>> = Vec::new();
    for member in &rollout.roles {
        for (index, step) in (0..).zip(&member.steps) {
            let step = *step as usize;
            let role = before.plan.groups[g].roles[member.role].source.name.clone();
            let instance = Instance { role, index };
            let fresh = before.fitted.locks.get(g).is_none_or(|lock| !lock.places.contains_key(&instance));
            if rollout.brings == Brings::Instances && !fresh {
                continue;
            }
            if steps.len() <= step {
                steps.resize(step + 1, Vec::new());
            }
            steps[step].extend(held_back(before, (g, member.role), instance, fresh));
        }
    }
    Ladder { brings: rollout.brings, steps, skew: rollout.skew, under_way: rollout.under_way }
}
