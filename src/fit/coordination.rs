//! What of a coordination the target has the means for, and the compiler does not use yet.

use crate::check::{Model, not_yet};
use crate::diag::Session;
use crate::kinds::Target;

use super::target::Feature;

/// What a target could give and is not given yet.
pub const LATER: [(Target, Feature); 2] =
    [(Target::Native, Feature::CoordinatedScaling), (Target::Lws, Feature::CoordinatedScaling)];

/// Refuses what would have no effect.
pub fn check(session: &mut Session, model: &Model, target: Target) {
    if target == Target::Rbg {
        return;
    }
    for coordination in model.groups.iter().flat_map(|group| &group.coordinations) {
        if let Some(scale) = coordination.scale {
            session.report(not_yet(scale.span, "`scale`"));
        }
    }
}
