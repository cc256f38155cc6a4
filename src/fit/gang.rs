//! Gang scheduling: the pods of an instance are placed together or not at all.
//!
//! Which scheduler does it is told by the inventory's capabilities; each has its own PodGroup and
//! its own way to tell whose pod it is: scheduler-plugins `apis/scheduling/v1alpha1/types.go`,
//! Volcano `pkg/scheduler/api/job_info.go`, KAI `pkg/common/constants`.
//!
//! A PodGroup never spans roles, nor parts that start one after the other: it would wait for pods
//! that wait for it.

use crate::check::{Group, Model, Pin, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::Inventory;

/// A scheduler that knows PodGroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GangScheduler {
    /// Coscheduling of scheduler-plugins.
    Coscheduling,
    /// The same before its API moved to `scheduling.x-k8s.io` (scheduler-plugins 0.24).
    CoschedulingBefore,
    /// Volcano.
    Volcano,
    /// KAI.
    Kai,
}

/// The label by which KAI finds the queue of a pod.
const KAI_QUEUE: &str = "kai.scheduler/queue";
/// The annotation by which Volcano finds it.
const VOLCANO_QUEUE: &str = "scheduling.volcano.sh/queue-name";
/// What Kueue's annotations that choose domains begin with.
const KUEUE_TOPOLOGY: &str = "kueue.x-k8s.io/podset-";

impl GangScheduler {
    const ALL: [GangScheduler; 4] =
        [GangScheduler::Coscheduling, GangScheduler::CoschedulingBefore, GangScheduler::Volcano, GangScheduler::Kai];

    /// The scheduler that a cluster names first.
    pub fn of(inventory: &Inventory) -> Option<GangScheduler> {
        GangScheduler::ALL.into_iter().find(|scheduler| inventory.capabilities.contains(scheduler.api()))
    }

    /// The API of its PodGroup: what the inventory names under `capabilities`.
    pub fn api(self) -> &'static str {
        match self {
            GangScheduler::Coscheduling => "scheduling.x-k8s.io/v1alpha1",
            GangScheduler::CoschedulingBefore => "scheduling.sigs.k8s.io/v1alpha1",
            GangScheduler::Volcano => "scheduling.volcano.sh/v1beta1",
            GangScheduler::Kai => "scheduling.run.ai/v2alpha2",
        }
    }

    /// Labels that tell whose pod it is.
    pub fn labels(self, pod_group: &str) -> Vec<(&'static str, String)> {
        match self {
            GangScheduler::Coscheduling => vec![("scheduling.x-k8s.io/pod-group", pod_group.to_owned())],
            GangScheduler::CoschedulingBefore => vec![("pod-group.scheduling.sigs.k8s.io", pod_group.to_owned())],
            GangScheduler::Volcano | GangScheduler::Kai => Vec::new(),
        }
    }

    /// Annotations that tell whose pod it is. KAI's own grouping of pods by their owner is
    /// switched off: the owner is one part of the instance only.
    pub fn annotations(self, pod_group: &str) -> Vec<(&'static str, String)> {
        match self {
            GangScheduler::Coscheduling | GangScheduler::CoschedulingBefore => Vec::new(),
            GangScheduler::Volcano => vec![("scheduling.k8s.io/group-name", pod_group.to_owned())],
            GangScheduler::Kai => {
                vec![("kai.scheduler/skip-podgrouper", "true".into()), ("pod-group-name", pod_group.to_owned())]
            }
        }
    }

    /// The scheduler that the pods name. Coscheduling is a plugin: the scheduler that has it may
    /// have any name, and often is the default one.
    pub fn scheduler_name(self) -> Option<&'static str> {
        match self {
            GangScheduler::Coscheduling | GangScheduler::CoschedulingBefore => None,
            GangScheduler::Volcano => Some("volcano"),
            GangScheduler::Kai => Some("kai-scheduler"),
        }
    }

    /// The queue that a role's pods wait in.
    pub fn queue<'m>(self, group: &'m Group, role: &'m Role) -> Option<&'m str> {
        let queue = match self {
            GangScheduler::Coscheduling | GangScheduler::CoschedulingBefore => None,
            GangScheduler::Volcano => role.annotations.get(VOLCANO_QUEUE),
            GangScheduler::Kai => role.labels.get(KAI_QUEUE).or_else(|| group.labels.get(KAI_QUEUE)),
        };
        queue.map(String::as_str)
    }
}

/// Whether the instances of a role are gangs: several pods with objects of their own.
pub fn is_gang(role: &Role) -> bool {
    role.by_instance() && role.pods() > 1
}

/// The scheduler of the cluster, when it has one; reports what it cannot do.
pub(super) fn scheduler(session: &mut Session, model: &Model, inventory: &Inventory) -> Option<GangScheduler> {
    kueue(session, model);
    let known = GangScheduler::ALL.into_iter().filter(|s| inventory.capabilities.contains(s.api()));
    let known: Vec<GangScheduler> = known.collect();
    let scheduler = *known.first()?;
    let gangs = model.roles().filter(|(_, role)| is_gang(role));
    for (number, (id, role)) in gangs.enumerate() {
        if let (0, Some(other)) = (number, known.get(1)) {
            session.report(ambiguous(role, scheduler, *other, inventory));
        }
        if role.parts.iter().any(|part| !part.after.is_empty()) {
            session.report(staged(role, scheduler));
        }
        let group = model.group_of(id);
        let own = scheduler.labels("").into_iter().chain(scheduler.annotations("")).map(|(key, _)| key);
        if let Some(key) =
            own.into_iter().find(|key| role.labels.contains_key(*key) || role.annotations.contains_key(*key))
        {
            session.report(taken(role, key));
        }
        if scheduler == GangScheduler::Kai && scheduler.queue(group, role).is_none() {
            session.report(no_queue(role));
        }
    }
    Some(scheduler)
}

/// Kueue chooses domains by its annotations, a pin does by the plan: one of them would be wrong.
fn kueue(session: &mut Session, model: &Model) {
    for (id, role) in model.roles() {
        let group = model.group_of(id);
        let key = role.annotations.keys().find(|key| key.starts_with(KUEUE_TOPOLOGY));
        if let Some(key) = key.filter(|_| group.pin != Pin::None) {
            session.report(two_planners(role, key));
        }
    }
}

fn ambiguous(role: &Role, one: GangScheduler, other: GangScheduler, inventory: &Inventory) -> Diagnostic {
    let message = format!(
        "`{}` names two gang schedulers, `{}` and `{}`, and `{}` needs one",
        inventory.name,
        one.api(),
        other.api(),
        role.name
    );
    Diagnostic::new(Code::MissingCapability, role.span, message)
        .help("leave the one that shall not be used out of `capabilities`")
}

fn staged(role: &Role, scheduler: GangScheduler) -> Diagnostic {
    let message =
        format!("the components of `{}` start one after the other, and its PodGroup waits for all", role.name);
    Diagnostic::new(Code::BadDependency, role.span, message).help(format!(
        "remove `after` between the components, or leave `{}` out of the `capabilities` of the inventory",
        scheduler.api()
    ))
}

fn taken(role: &Role, key: &str) -> Diagnostic {
    let message = format!("`{key}` of `{}` belongs to the PodGroups that are made for its instances", role.name);
    Diagnostic::new(Code::ReservedAnnotation, role.span, message).help("remove it")
}

fn no_queue(role: &Role) -> Diagnostic {
    let message = format!("`{}` has no queue, and KAI places no pod without one", role.name);
    Diagnostic::new(Code::MissingCapability, role.span, message)
        .help(format!("name it: `labels {{ \"{KAI_QUEUE}\" = \"…\" }}`"))
}

fn two_planners(role: &Role, key: &str) -> Diagnostic {
    let message = format!("`{key}` lets Kueue choose domains for `{}`, and the plan pins them", role.name);
    Diagnostic::new(Code::FieldConflict, role.span, message)
        .help("say `pin = \"none\"` in the group, or remove the annotation")
}
