//! What a LeaderWorkerSet cannot give to leaders and workers.

use super::{capability, lacks};
use crate::check::{Clause, ClauseKind, Form, Group, Model, Part, PartKind, Role, Volume, VolumeKind};
use crate::diag::{Code, Diagnostic, Session};
use crate::fit::clauses::level_of;
use crate::inventory::Inventory;
use crate::kinds::Target;

/// The API of LeaderWorkerSets: what the inventory must name under `capabilities`.
pub const CAPABILITY: &str = "leaderworkerset.x-k8s.io/v1";

/// The oldest Kubernetes whose pod affinities compare a label of the pod itself (`matchLabelKeys`,
/// KEP-3633, beta), which tells the leader of an instance from the others.
const FOLLOWING: (u32, u32) = (1, 31);

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    let sets = || model.roles().filter(|(_, role)| role.form == Form::LeaderWorkerSet);
    if let Some((_, role)) = sets().next() {
        capability(session, inventory, (Target::Lws, CAPABILITY), role.span);
    }
    sets().for_each(|(_, role)| parts(session, role));
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
        if instances && inventory.level(level).is_none_or(|level| inventory.is_distinct(level)) {
            return;
        }
        let message =
            format!("one LeaderWorkerSet for all instances of `{}` cannot keep `{what}` at `{level}`", role.name);
        session.report(
            Diagnostic::new(Code::UnkeptByTemplate, clause.span, message)
                .label(role.replicas_span, "an autoscaler owns the number of instances")
                .help("fix the number of instances, say `prefer`, or put all of them into one domain: `a within rack`"),
        );
    }
}

fn too_old(clause: &Clause, inventory: &Inventory) -> Diagnostic {
    let (major, minor) = inventory.kubernetes;
    let message =
        format!("workers follow their leader from Kubernetes 1.31 on, `{}` has {major}.{minor}", inventory.name);
    Diagnostic::new(Code::MissingCapability, clause.span, message)
        .help("upgrade the cluster, or fix the number of instances")
}
