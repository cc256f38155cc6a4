//! What of a coordination the target cannot carry out.

use crate::check::{Model, Recovery, not_yet};
use crate::diag::Session;
use crate::kinds::Target;

use super::target::Feature;

/// What a target has the means for, and the compiler does not use yet.
pub const LATER: [(Target, Feature); 4] = [
    (Target::Native, Feature::InstanceRecovery),
    (Target::Native, Feature::WideRecovery),
    (Target::Native, Feature::CoordinatedRollout),
    (Target::Native, Feature::CoordinatedScaling),
];

/// Refuses what would have no effect.
pub fn check(session: &mut Session, model: &Model, target: Target) {
    if target != Target::Native {
        return;
    }
    for (_, role) in model.roles() {
        // What Kubernetes does by itself needs no means.
        let other = role.recover.filter(|(word, _)| *word != Recovery::Pod || role.pods() > 1);
        if let Some((word, span)) = other {
            session.report(not_yet(span, &format!("`recover = \"{}\"` here", word.name())));
        }
    }
    for coordination in model.groups.iter().flat_map(|group| &group.coordinations) {
        let rollout = coordination.rollout.map(|rollout| (rollout.span, "`rollout`"));
        let scale = coordination.scale.map(|scale| (scale.span, "`scale`"));
        let recover = coordination.recover.map(|(_, span)| (span, "`recover`"));
        for (span, what) in [rollout, scale, recover].into_iter().flatten() {
            session.report(not_yet(span, what));
        }
    }
}
