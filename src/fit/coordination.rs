//! What of a coordination the cluster or the target cannot bring about.

use std::collections::BTreeMap;

use crate::check::{CoordinatedScaling, Coordination, Group, Model, Share};
use crate::diag::{Code, Diagnostic, Session};
use crate::kinds::Target;
use crate::lock::Lock;
use crate::rollout::{Growth, Skew};

/// Refuses what would have no effect, and bounds that no order of instances keeps. `locks` tell
/// which instances stand; with `install` all start at once.
pub fn check(session: &mut Session, model: &Model, locks: &BTreeMap<String, Lock>, (target, install): (Target, bool)) {
    if target == Target::Rbg {
        return;
    }
    let none = Lock::default();
    for group in &model.groups {
        for coordination in &group.coordinations {
            if let Some(scale) = coordination.scale {
                let lock = locks.get(&group.stem).unwrap_or(&none);
                let fixed = fixed(session, group, (coordination, scale));
                // Of a generation that comes up beside another nothing serves yet.
                let beside = !lock.places.is_empty() && lock.generation != group.generation;
                if fixed && !install && !beside {
                    reachable(session, group, (coordination, scale), lock);
                }
            }
        }
    }
}

/// Refuses roles that are scaled in step and by an autoscaler. Whether there is none.
fn fixed(session: &mut Session, group: &Group, (coordination, scale): (&Coordination, CoordinatedScaling)) -> bool {
    let mut roles = coordination.roles.iter().filter_map(|(role, _)| group.roles.get(*role));
    let Some(role) = roles.find(|role| role.replicas.autoscaled()) else { return true };
    let message = format!("role `{}` is scaled in step with others, and an autoscaler chooses its number", role.name);
    let problem = Diagnostic::new(Code::BadCoordination, scale.span, message);
    let help = "fix the number, or leave `scale` out: one metric of both keeps a `ratio`";
    session.report(problem.label(role.replicas_span, "a range").help(help));
    false
}

/// Refuses a bound that no order of new instances keeps.
fn reachable(
    session: &mut Session,
    group: &Group,
    (coordination, scale): (&Coordination, CoordinatedScaling),
    lock: &Lock,
) {
    let roles = || coordination.roles.iter().filter_map(|(role, _)| group.roles.get(*role));
    let Some(bound) = scale.max_skew.map(Share::skew) else { return };
    let wanted: Vec<u32> = roles().map(|role| role.replicas.min).collect();
    let standing: Vec<u32> = roles().map(|role| lock.standing(&role.name).count() as u32).collect();
    let standing: Vec<u32> = standing.iter().zip(&wanted).map(|(a, b)| *a.min(b)).collect();
    let growth = Growth { standing: &standing, instances: &wanted };
    let least = growth.least();
    if least > bound.max(growth.at_first()) {
        let names: Vec<&str> = roles().map(|role| role.name.as_str()).collect();
        session.report(unreachable(scale, "new", &names, least));
    }
}

/// A bound that no order of instances keeps, which are new or leave.
pub(super) fn unreachable(scale: CoordinatedScaling, which: &str, roles: &[&str], least: Skew) -> Diagnostic {
    let names: Vec<String> = roles.iter().map(|name| format!("`{name}`")).collect();
    let (names, least) = (names.join(", "), least.percent());
    let message = format!("no order of {which} instances keeps {names} within this bound: the best is {least:.1}%");
    let help = "raise `max-skew` to it, leave it out, or choose numbers with a common divisor";
    Diagnostic::new(Code::SkewUnreachable, scale.span, message).help(help)
}
