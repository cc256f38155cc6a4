//! What RoleBasedGroups and their controller cannot bring about.
//!
//! All instances of a role share its templates, so a clause about single instances holds only where
//! an affinity between pods says it: that takes a label that tells the domains of the level apart,
//! and for the pods of one instance Kubernetes 1.31.

use std::collections::BTreeSet;

use super::{capability, skew, staged, whole_percent};
use crate::check::{Amount, Clause, ClauseKind, Coordination, Group, Level, Model, Progression, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::fit::clauses::level_of;
use crate::fit::gang::GangScheduler;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::source::Span;

/// What the inventory must name under `capabilities`.
/// The API of all kinds of the controller.
pub const API: &str = "workloads.x-k8s.io/v1alpha2";
/// The first Kubernetes whose affinities between pods compare a label of the pods themselves by
/// default (KEP-3633, beta).
const OWN_LABELS: (u32, u32) = (1, 31);

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    if let Some(group) = model.groups.first() {
        capability(session, inventory, (Target::Rbg, API), group.span);
    }
    for (index, group) in model.groups.iter().enumerate() {
        for clause in group.clauses.iter().filter(|clause| clause.prefer.is_none()) {
            unkept((index, group), clause, inventory).into_iter().for_each(|problem| session.report(problem));
        }
        group.coordinations.iter().for_each(|c| bounds(session, group, c));
        gang(session, (index, group), inventory);
    }
}

/// A group and its index in the model.
type GroupAt<'m> = (usize, &'m Group);

/// Why the pods of a group cannot be placed together. The controller makes one gang of the whole
/// group, which waits for pods that are not made yet when roles start one after the other, and
/// counts an instance of components as one pod.
pub fn gang_obstacle((index, group): GroupAt<'_>, scheduler: GangScheduler) -> Option<&'static str> {
    let inner = |role: &Role| role.after.iter().any(|after| after.role.group == index);
    if scheduler == GangScheduler::Kai {
        Some("its controller makes no PodGroups for KAI")
    } else if group.roles.iter().any(inner) {
        Some("its controller would wait for the pods of roles that wait for others")
    } else if group.roles.iter().any(staged) {
        Some("its controller counts an instance of components as one pod")
    } else if group.coordinations.iter().any(|c| c.scale.is_some()) {
        Some("its controller would wait for instances that `scale` holds back")
    } else {
        None
    }
}

fn gang(session: &mut Session, group: GroupAt<'_>, inventory: &Inventory) {
    let Some(scheduler) = GangScheduler::of(inventory) else { return };
    let several = group.1.roles.iter().find(|role| role.pods() > 1);
    if let (Some(role), Some(why)) = (several, gang_obstacle(group, scheduler)) {
        let message = format!("the pods of an instance of `{}` are not placed together", role.name);
        let help = format!(
            "remove what stands in the way, or leave `{}` out of the `capabilities` of the inventory",
            scheduler.api()
        );
        session.report(Diagnostic::new(Code::NoGang, role.span, message).here(why).help(help));
    }
}

/// Groups whose roles wait for each other crosswise.
pub fn crossed(model: &Model, cycle: &[(usize, Span)]) -> Diagnostic {
    let name = |group: usize| model.groups.get(group).map_or("", |g| g.name.as_str());
    let names: Vec<String> = cycle.iter().map(|(group, _)| format!("`{}`", name(*group))).collect();
    let span = cycle.first().map_or_else(Span::default, |(_, span)| *span);
    let message = format!("{} wait for each other, and each is one object", names.join(", "));
    let problem = Diagnostic::new(Code::CrossedGroups, span, message);
    let labels = cycle.iter().skip(1);
    labels
        .fold(problem, |problem, (group, span)| problem.label(*span, format!("`{}` waits here", name(*group))))
        .help("move the roles that wait for each other into one group, or compile for `native`")
}

/// Why a required clause may not hold.
fn unkept(at: GroupAt<'_>, clause: &Clause, inventory: &Inventory) -> Option<Diagnostic> {
    let group = at.1;
    let level = level_of(&clause.kind)?;
    let number = inventory.level(&level.name)?;
    let several = |role: &usize| group.roles[*role].multi_pod();
    let distinct = inventory.is_distinct(number);
    let own = inventory.kubernetes >= OWN_LABELS;
    let why = match &clause.kind {
        ClauseKind::Instances { roles, .. } if roles.iter().any(several) => obstacle(distinct, own),
        ClauseKind::Apart { role, from: None, .. } if several(role) => obstacle(distinct, own),
        ClauseKind::Near { role, to, .. } => near(at, *role, *to).or(obstacle(distinct, true)),
        ClauseKind::Survive { .. } => survive(group, number, inventory).or(obstacle(distinct, true)),
        ClauseKind::Spread { .. } | ClauseKind::Apart { .. } | ClauseKind::Exclusive { .. } => obstacle(distinct, true),
        ClauseKind::Instances { .. }
        | ClauseKind::Together { .. }
        | ClauseKind::Cells { .. }
        | ClauseKind::Pool { .. }
        | ClauseKind::Label { .. } => None,
    };
    Some(not_kept(clause, level, why?))
}

fn obstacle(distinct: bool, own: bool) -> Option<&'static str> {
    match (distinct, own) {
        (false, _) => Some("the label of the level has one value for several domains"),
        (true, false) => Some("pods find those of their instance from Kubernetes 1.31 on"),
        (true, true) => None,
    }
}

/// Why an instance may not find one of another role beside it.
fn near((index, group): GroupAt<'_>, role: usize, to: usize) -> Option<&'static str> {
    if group.roles[to].multi_pod() {
        return Some("a pod beside it need not be the one that answers for its instance");
    }
    let mut reached = BTreeSet::from([to]);
    let mut open = vec![to];
    while let Some(next) = open.pop() {
        let before = group.roles[next].after.iter().map(|after| after.role).filter(|id| id.group == index);
        open.extend(before.map(|id| id.role).filter(|role| reached.insert(*role)));
    }
    reached.contains(&role).then_some("it would wait for pods that are made when it is ready")
}

/// An instance that is spread over domains itself may be lost with any of them.
fn survive(group: &Group, level: usize, inventory: &Inventory) -> Option<&'static str> {
    let kept = |role: usize| {
        group.clauses.iter().filter(|clause| clause.prefer.is_none()).any(|clause| match &clause.kind {
            ClauseKind::Instances { roles, level: own } => {
                roles.contains(&role) && inventory.level(&own.name).is_some_and(|own| own >= level)
            }
            _ => false,
        })
    };
    let loose = (0..group.roles.len()).find(|role| group.roles[*role].multi_pod() && !kept(*role));
    loose.map(|_| "instances of several pods must be kept within one domain, by `instances of … within`")
}

fn not_kept(clause: &Clause, level: &Level, why: &'static str) -> Diagnostic {
    let message = format!("the templates of the target `rbg` cannot keep this clause about `{}`", level.name);
    Diagnostic::new(Code::UnkeptByTemplate, clause.span, message)
        .here(why)
        .help("make it a preference by `prefer`, name another level, or compile for `native`")
}

/// Bounds of a coordination that the controller reads in another way, or does not keep.
fn bounds(session: &mut Session, group: &Group, coordination: &Coordination) {
    let rollout = coordination.rollout.iter().flat_map(|rollout| {
        let skew = rollout.max_skew.map(|share| (Amount::Share(share), rollout.span));
        skew.into_iter().chain(rollout.max_unavailable.map(|amount| (amount, rollout.span)))
    });
    let scale = coordination.scale.iter().filter_map(|s| s.max_skew.map(|share| (Amount::Share(share), s.span)));
    if let Some((_, span)) = rollout.chain(scale).find(|(amount, _)| !whole_percent(*amount)) {
        let message = "the controller of `rbg` reads whole percentages only";
        session.report(Diagnostic::new(Code::UnkeptSkew, span, message).help("round it to one"));
        return;
    }
    let scheduled = coordination.scale.filter(|s| s.order == Progression::Scheduled);
    let several = |(role, _): &(usize, u32)| group.roles.get(*role).is_some_and(|role| role.pods() > 1);
    if let Some(scale) = scheduled.filter(|_| coordination.roles.iter().any(several)) {
        let message =
            "the controller of `rbg` compares scheduled pods with instances, and does not wait for all of them";
        session.report(Diagnostic::new(Code::UnkeptSkew, scale.span, message).help("say `order = \"ready\"`"));
    }
    if let Some((rollout, bound)) = coordination.rollout.as_ref().and_then(|r| Some((r, r.max_skew?))) {
        let instances: Vec<u32> =
            coordination.roles.iter().filter_map(|(role, _)| Some(group.roles.get(*role)?.replicas.min)).collect();
        let worst = skew::worst(&instances, bound.millionths / 10_000);
        if worst > bound.millionths {
            let percent = f64::from(worst / 1_000) / 10.0;
            let message = format!("the controller of `rbg` lets these roles differ by {percent:.1}%");
            let help =
                format!("allow that, `max-skew = {}%`, or use numbers with a common divisor", worst.div_ceil(10_000));
            session.report(Diagnostic::new(Code::UnkeptSkew, rollout.span, message).help(help));
        }
    }
}
