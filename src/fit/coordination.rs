//! What of a coordination the target cannot carry out.

use crate::check::{Model, not_yet};
use crate::diag::Session;

/// Refuses what would have no effect.
pub fn check(session: &mut Session, model: &Model) {
    for coordination in model.groups.iter().flat_map(|group| &group.coordinations) {
        let scale = coordination.scale.map(|scale| (scale.span, "`scale`"));
        let recover = coordination.recover.map(|(_, span)| (span, "`recover`"));
        for (span, what) in [scale, recover].into_iter().flatten() {
            session.report(not_yet(span, what));
        }
    }
}
