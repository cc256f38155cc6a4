//! A rollout commit by commit, for those who want to look before they go on.

use std::collections::BTreeSet;

use super::tasks::held_back;
use super::{Before, Deferred};
use crate::fit::leaving::Leaving;
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
    let leaving =
        |g: usize| before.fitted.leaving.get(g).into_iter().flatten().map(move |one| removals(before, g, one));
    let of = |(g, group): (usize, &plan::Group<'_>)| {
        let rollouts = group.rollouts.iter().filter(moving).map(|rollout| ladder(before, g, rollout));
        rollouts.chain(leaving(g)).collect()
    };
    groups.map(of).collect()
}

fn removals(before: &Before<'_, '_>, g: usize, leaving: &Leaving) -> Ladder {
    let group = before.plan.groups[g].source;
    let one = |instance: &Instance| {
        let role = group.roles.iter().find(|role| role.name == instance.role);
        let span = role.map_or(group.span, |role| role.span);
        Deferred { group: group.name.clone(), instance: instance.clone(), span, files: BTreeSet::new() }
    };
    let steps = leaving.commits.iter().map(|commit| commit.iter().map(one).collect()).collect();
    Ladder { brings: Brings::Removals, steps, skew: leaving.skew, under_way: leaving.skew }
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
