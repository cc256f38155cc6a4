//! What a LeaderWorkerSet cannot give to leaders and workers, and who restarts with whom.

use std::collections::BTreeSet;

use super::clauses::level_of;
use crate::check::{Clause, ClauseKind, Form, Group, Model, Part, PartKind, Recover, Role, Volume, VolumeKind};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::Inventory;
use crate::source::Span;

/// The API of LeaderWorkerSets: what the inventory must name under `capabilities`.
pub const CAPABILITY: &str = "leaderworkerset.x-k8s.io/v1";

/// The oldest Kubernetes whose pod affinities compare a label of the pod itself (`matchLabelKeys`,
/// KEP-3633, beta), which tells the leader of an instance from the others.
const FOLLOWING: (u32, u32) = (1, 31);

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    let sets = || model.roles().filter(|(_, role)| role.form == Form::LeaderWorkerSet);
    if let Some((_, role)) = sets().next().filter(|_| !inventory.capabilities.contains(CAPABILITY)) {
        session.report(missing(role, inventory));
    }
    sets().for_each(|(_, role)| parts(session, role));
    for (_, role) in model.roles() {
        recover(session, role);
    }
    for group in &model.groups {
        group.clauses.iter().for_each(|clause| one_template(session, group, clause, inventory));
    }
}

/// The shape of an instance: one leader and workers, with the same claims.
fn parts(session: &mut Session, role: &Role) {
    let Some(leader) = role.parts.first().filter(|part| part.kind == PartKind::Leader) else {
        session.report(lacks(role.span, format!("the components of `{}` are no leader with workers", role.name)).help(
            "use the target `native`, or make the instance of a leader and workers: `pods = 4`, `leader { … }`, `worker { … }`",
        ));
        return;
    };
    if role.min_ready > 0 {
        let message = format!("a LeaderWorkerSet has no `min-ready`, which `{}` asks for", role.name);
        session.report(lacks(role.span, message).help("remove it, and let the readiness probe of the leader tell"));
    }
    let written = |part| claims(part).map(|volume| (&volume.name, &volume.kind));
    if let Some(part) = role.parts.iter().find(|part| !written(part).eq(written(leader))) {
        let message = format!("the {} of `{}` has not the claims of its leader", part.kind.name(), role.name);
        let span = claims(part).chain(claims(leader)).next().map_or(role.span, |volume| volume.span);
        session.report(
            lacks(span, message)
                .label(role.span, "a LeaderWorkerSet has one list of claims for all its pods")
                .help("give `leader` and `worker` the same claims, or mount one that exists"),
        );
    }
}

fn claims(part: &Part) -> impl Iterator<Item = &Volume> {
    part.pod.volumes.iter().filter(|volume| matches!(volume.kind, VolumeKind::Template { .. }))
}

/// What restarts together is for the workload to know.
fn recover(session: &mut Session, role: &Role) {
    let Some((recover, span)) = role.recover else { return };
    let (message, help) = match (recover, role.form) {
        (Recover::Pod, _) | (Recover::Instance, Form::LeaderWorkerSet) => return,
        (Recover::Instance, _) if role.pods() == 1 => return,
        (Recover::Instance, _) => (
            format!("a StatefulSet restarts one pod of `{}`, not its whole instance", role.name),
            "use the target `lws`, or say `recover = \"pod\"` and let the engine end when a peer is lost",
        ),
        (Recover::Role | Recover::Group, _) => (
            format!("nothing restarts the whole {} of `{}` with one pod", recover.name(), role.name),
            "say \"pod\" or \"instance\"",
        ),
    };
    session.report(lacks(span, message).help(help));
}

/// All instances that an autoscaler makes share the templates of one leader and one worker. What
/// the planned domain of each instance would have to keep, no template can; workers can follow
/// their leader into a domain that one label names.
fn one_template(session: &mut Session, group: &Group, clause: &Clause, inventory: &Inventory) {
    let (roles, what): (Vec<usize>, &str) = match &clause.kind {
        ClauseKind::Instances { roles, .. } => (roles.clone(), "instances"),
        ClauseKind::Cells { shares, .. } => (shares.iter().map(|(role, _)| *role).collect(), "cells"),
        ClauseKind::Near { role, to, .. } => (vec![*role, *to], "near"),
        ClauseKind::Spread { role, .. } => (vec![*role], "spread"),
        ClauseKind::Apart { role, from, .. } => ([*role].into_iter().chain(*from).collect(), "apart"),
        ClauseKind::Survive { .. } => ((0..group.roles.len()).collect(), "survive"),
        ClauseKind::Together { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Pool { .. }
        | ClauseKind::Label { .. } => return,
    };
    let shared = |role: &&Role| role.form == Form::LeaderWorkerSet && !role.by_instance();
    let role = roles.iter().filter_map(|role| group.roles.get(*role)).find(shared);
    if let (Some(role), None) = (role, clause.prefer) {
        let level = level_of(&clause.kind).map_or("", |level| level.name.as_str());
        let instances = matches!(clause.kind, ClauseKind::Instances { .. });
        if instances && inventory.kubernetes < FOLLOWING {
            session.report(too_old(clause, inventory));
            return;
        }
        if instances && inventory.level(level).is_none_or(|level| distinct(inventory, level)) {
            return;
        }
        let message =
            format!("one LeaderWorkerSet for all instances of `{}` cannot keep `{what}` at `{level}`", role.name);
        session.report(
            Diagnostic::new(Code::SharedTemplate, clause.span, message)
                .label(role.replicas_span, "an autoscaler owns the number of instances")
                .help("fix the number of instances, say `prefer`, or put all of them into one domain: `a within rack`"),
        );
    }
}

/// Whether the label of a level alone tells its domains apart, as a scheduler looks at it.
fn distinct(inventory: &Inventory, level: usize) -> bool {
    let domains = inventory.domains.get(level).map_or(&[][..], Vec::as_slice);
    let names: BTreeSet<_> = domains.iter().map(|domain| domain.path.last()).collect();
    names.len() == domains.len()
}

fn too_old(clause: &Clause, inventory: &Inventory) -> Diagnostic {
    let (major, minor) = inventory.kubernetes;
    let message =
        format!("workers follow their leader from Kubernetes 1.31 on, `{}` has {major}.{minor}", inventory.name);
    Diagnostic::new(Code::MissingCapability, clause.span, message)
        .help("upgrade the cluster, or fix the number of instances")
}

fn lacks(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::TargetLacks, span, message)
}

fn missing(role: &Role, inventory: &Inventory) -> Diagnostic {
    let message = format!("the target `lws` needs LeaderWorkerSets, which `{}` does not name", inventory.name);
    Diagnostic::new(Code::MissingCapability, role.span, message).help(format!(
        "install LeaderWorkerSet 0.7 or later and say `capabilities: [{CAPABILITY}]` in the inventory, or use the target `native`"
    ))
}
