//! What of a coordination the cluster or the target cannot bring about.

use std::collections::BTreeMap;

use crate::check::{CoordinatedScaling, Coordination, Group, Model};
use crate::diag::{Code, Diagnostic, Session};
use crate::kinds::Target;
use crate::lock::Lock;
use crate::rollout::Growth;

/// Refuses what would have no effect, and bounds that no order of instances keeps. `locks` tell
/// which instances stand.
pub fn check(session: &mut Session, model: &Model, locks: &BTreeMap<String, Lock>, target: Target) {
    if target == Target::Rbg {
        return;
    }
    let none = Lock::default();
    for group in &model.groups {
        for coordination in &group.coordinations {
            if let Some(scale) = coordination.scale {
                let lock = locks.get(&group.name).unwrap_or(&none);
                scaling(session, group, (coordination, scale), lock);
            }
        }
    }
}

fn scaling(
    session: &mut Session,
    group: &Group,
    (coordination, scale): (&Coordination, CoordinatedScaling),
    lock: &Lock,
) {
    let roles = || coordination.roles.iter().filter_map(|(role, _)| group.roles.get(*role));
    if let Some(role) = roles().find(|role| role.replicas.autoscaled()) {
        let message =
            format!("role `{}` is scaled in step with others, and an autoscaler chooses its number", role.name);
        let problem = Diagnostic::new(Code::BadCoordination, scale.span, message);
        let help = "fix the number, or leave `scale` out: one metric of both keeps a `ratio`";
        return session.report(problem.label(role.replicas_span, "a range").help(help));
    }
    let Some(bound) = scale.bound() else { return };
    let wanted: Vec<u32> = roles().map(|role| role.replicas.min).collect();
    let standing: Vec<u32> = roles().map(|role| lock.standing(&role.name).count() as u32).collect();
    let at_most = |a: &[u32], b: &[u32]| -> Vec<u32> { a.iter().zip(b).map(|(a, b)| *a.min(b)).collect() };
    let both = at_most(&standing, &wanted);
    // Instances leave as they would have come, in the other direction.
    for (word, growth) in [
        ("new", Growth { standing: &both, instances: &wanted }),
        ("leaving", Growth { standing: &both, instances: &standing }),
    ] {
        let least = growth.least();
        if least > bound.max(growth.at_first()) {
            let names: Vec<String> = roles().map(|role| format!("`{}`", role.name)).collect();
            let message = format!(
                "no order of {word} instances keeps {} within this bound: the best is {:.1}%",
                names.join(", "),
                least.percent()
            );
            let help = "raise `max-skew` to it, leave it out, or choose numbers with a common divisor";
            session.report(Diagnostic::new(Code::SkewUnreachable, scale.span, message).help(help));
        }
    }
}
