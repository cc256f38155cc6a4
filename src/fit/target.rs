//! What the target cannot give: refused here, so that lowering need not fail.
//!
//! `LACKS` is the table of what a target has no means for; `docs/targets.md` shows it, and a test
//! compares the two. Beside it stand the checks of one target that depend on values.

use crate::check::{Amount, ClauseKind, Coordination, Group, Model, PartKind, Progression, Recovery, Role, VolumeKind};
use crate::diag::{Code, Diagnostic, Session};
use crate::graph;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::source::Span;

pub mod lws;
mod native;
pub mod rbg;
mod skew;

/// Something that a source may ask for and that not every target gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `claim` of pods with identity.
    Claims,
    /// A range of `replicas` of a multi-pod role.
    ScaledInstances,
    /// `cells within` as a requirement.
    Cells,
    /// `recover = "instance"` of a multi-pod role.
    InstanceRecovery,
    /// `recover = "role"` or `"group"`.
    WideRecovery,
    /// `rollout` of a `coordinate`.
    CoordinatedRollout,
    /// `scale` of a `coordinate`.
    CoordinatedScaling,
    /// `order = "scheduled"` of a `scale`.
    ScheduledOrder,
    /// `engine-runtimes`.
    EngineRuntimes,
    /// `expose`, `metrics` and `network` of a role.
    Routing,
}

impl Feature {
    /// All of them, in the order of the table.
    pub const ALL: [Feature; 10] = [
        Feature::Claims,
        Feature::ScaledInstances,
        Feature::Cells,
        Feature::InstanceRecovery,
        Feature::WideRecovery,
        Feature::CoordinatedRollout,
        Feature::CoordinatedScaling,
        Feature::ScheduledOrder,
        Feature::EngineRuntimes,
        Feature::Routing,
    ];

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Feature::Claims => "a `claim` for each pod with identity",
            Feature::ScaledInstances => "a range of `replicas` for instances of several pods",
            Feature::Cells => "`cells within` a level, required",
            Feature::InstanceRecovery => "`recover = \"instance\"` for instances of several pods",
            Feature::WideRecovery => "`recover = \"role\"` or `\"group\"`",
            Feature::CoordinatedRollout => "`rollout` of a `coordinate`",
            Feature::CoordinatedScaling => "`scale` of a `coordinate`",
            Feature::ScheduledOrder => "`order = \"scheduled\"` of a `scale`",
            Feature::EngineRuntimes => "`engine-runtimes`",
            Feature::Routing => "`expose`, `metrics` and `network`",
        }
    }
}

/// Why a target has no means for something, and what to do instead.
struct Lack {
    feature: Feature,
    target: Target,
    why: &'static str,
    instead: &'static str,
}

const SCHEDULED: &str = "Argo CD and Flux wait until objects are healthy, and know no moment before";

const NO_PROFILES: (&str, &str) = (
    "profiles are of the RoleBasedGroup controller",
    "write the containers as `sidecar`s and `init`s of a mixin, or compile for `rbg`",
);

const LACKS: [Lack; 10] = [
    Lack {
        feature: Feature::ScaledInstances,
        target: Target::Native,
        why: "its instances are objects of their own, and nothing scales their number",
        instead: "fix the number of instances, or compile for `lws` or `rbg`",
    },
    Lack {
        feature: Feature::WideRecovery,
        target: Target::Native,
        why: "the pods of an instance restart together, and nothing wider",
        instead: "say `recover = \"instance\"`",
    },
    Lack {
        feature: Feature::WideRecovery,
        target: Target::Lws,
        why: "its controller makes anew at most the pods of an instance",
        instead: "say `recover = \"instance\"`",
    },
    Lack {
        feature: Feature::ScheduledOrder,
        target: Target::Native,
        why: SCHEDULED,
        instead: "say `order = \"ready\"`, or compile for `rbg`",
    },
    Lack {
        feature: Feature::ScheduledOrder,
        target: Target::Lws,
        why: SCHEDULED,
        instead: "say `order = \"ready\"`, or compile for `rbg`",
    },
    Lack {
        feature: Feature::Claims,
        target: Target::Rbg,
        why: "a RoleBasedGroup has no templates of claims",
        instead: "mount a claim that exists, or an `empty` volume; or compile for `native`",
    },
    Lack {
        feature: Feature::Cells,
        target: Target::Rbg,
        why: "all instances share one template, and its controller knows no cells",
        instead: "keep the roles together (`a, b within …`), or wish for cells by `prefer`; or compile for `native`",
    },
    Lack {
        feature: Feature::WideRecovery,
        target: Target::Rbg,
        why: "its controller makes anew at most the pods of an instance",
        instead: "say `recover = \"instance\"`",
    },
    Lack { feature: Feature::EngineRuntimes, target: Target::Native, why: NO_PROFILES.0, instead: NO_PROFILES.1 },
    Lack { feature: Feature::EngineRuntimes, target: Target::Lws, why: NO_PROFILES.0, instead: NO_PROFILES.1 },
];

/// Whether a target gives a feature.
pub fn gives(target: Target, feature: Feature) -> bool {
    lack(target, feature).is_none()
}

fn lack(target: Target, feature: Feature) -> Option<&'static Lack> {
    LACKS.iter().find(|lack| lack.target == target && lack.feature == feature)
}

/// Refuses what a target has no means for, whatever the cluster.
pub fn check(session: &mut Session, model: &Model, target: Target) {
    for group in &model.groups {
        for (feature, span, who) in asked(group) {
            if let Some(lack) = lack(target, feature) {
                session.report(refused(lack, span, &who));
            }
        }
    }
}

/// The stages of groups that start as a whole; `None` when each role starts on its own. Refuses what
/// the target cannot bring about in this cluster.
pub(super) fn stages(session: &mut Session, model: &Model, inventory: &Inventory, target: Target) -> Option<Vec<u32>> {
    check(session, model, target);
    match target {
        Target::Native => {
            native::check(session, model);
            None
        }
        Target::Lws => {
            lws::check(session, model, inventory);
            None
        }
        Target::Rbg => {
            rbg::check(session, model, inventory);
            match graph::group_stages(model) {
                Ok(stages) => Some(stages),
                Err(cycle) => {
                    session.report(rbg::crossed(model, &cycle));
                    None
                }
            }
        }
    }
}

/// Refuses a cluster that does not name the API of the objects that the target makes.
fn capability(session: &mut Session, inventory: &Inventory, (target, api): (Target, &str), span: Span) {
    if !inventory.capabilities.contains(api) {
        let message = format!("the target `{}` needs `{api}`, which `{}` does not name", target.name(), inventory.name);
        let help = format!("install its controller, and add `{api}` to `capabilities`; or compile for `native`");
        session.report(Diagnostic::new(Code::MissingCapability, span, message).help(help));
    }
}

/// What a group asks for, where, and for whom.
fn asked(group: &Group) -> Vec<(Feature, Span, String)> {
    let mut found = Vec::new();
    for role in &group.roles {
        let name = || format!("role `{}`", role.name);
        found.extend(claim(role).map(|span| (Feature::Claims, span, name())));
        if role.replicas.autoscaled() && role.multi_pod() {
            found.push((Feature::ScaledInstances, role.replicas_span, name()));
        }
        let whole = role.recover.filter(|(word, _)| *word == Recovery::Instance && role.pods() > 1);
        found.extend(whole.map(|(_, span)| (Feature::InstanceRecovery, span, name())));
        let shared = group.coordinations.iter().any(|c| c.recover.is_some() && c.recover == role.recover);
        found.extend(wide(role.recover).filter(|_| !shared).map(|span| (Feature::WideRecovery, span, name())));
        let profile = role.engine_runtimes.first();
        found.extend(profile.map(|runtime| (Feature::EngineRuntimes, runtime.span, name())));
    }
    for clause in group.clauses.iter().filter(|clause| clause.prefer.is_none()) {
        if matches!(clause.kind, ClauseKind::Cells { .. }) {
            found.push((Feature::Cells, clause.span, format!("group `{}`", group.name)));
        }
    }
    let of = |c: &Coordination| wide(c.recover).map(|span| (Feature::WideRecovery, span, "`coordinate`".to_owned()));
    found.extend(group.coordinations.iter().filter_map(of));
    let scales = group.coordinations.iter().filter_map(|coordination| coordination.scale);
    let scheduled = scales.filter(|scale| scale.order == Progression::Scheduled);
    found.extend(scheduled.map(|scale| (Feature::ScheduledOrder, scale.span, "`scale`".to_owned())));
    found
}

/// Claims of pods without identity go with their pod, and any target has them.
fn claim(role: &Role) -> Option<Span> {
    let stable = role.form != crate::check::Form::Deployment;
    let mut volumes = role.parts.iter().filter(|_| stable).flat_map(|part| &part.pod.volumes);
    volumes.find(|volume| matches!(volume.kind, VolumeKind::Template { .. })).map(|volume| volume.span)
}

fn wide(recover: Option<(Recovery, Span)>) -> Option<Span> {
    recover.filter(|(word, _)| matches!(word, Recovery::Role | Recovery::Group)).map(|(_, span)| span)
}

fn refused(lack: &Lack, span: Span, who: &str) -> Diagnostic {
    let (feature, target) = (lack.feature.name(), lack.target.name());
    let message = format!("{who} asks for {feature}, which the target `{target}` cannot give");
    Diagnostic::new(Code::TargetLacks, span, message).here(lack.why).help(lack.instead)
}

fn lacks(span: Span, message: String) -> Diagnostic {
    Diagnostic::new(Code::TargetLacks, span, message)
}

/// A share that a controller reads as a whole percentage.
fn whole_percent(amount: Amount) -> bool {
    match amount {
        Amount::Count(_) => true,
        Amount::Share(share) => share.millionths % 10_000 == 0,
    }
}

/// Whether the pods of an instance start one part after the other.
fn staged(role: &Role) -> bool {
    role.parts.iter().any(|part| matches!(part.kind, PartKind::Component(_)))
}
