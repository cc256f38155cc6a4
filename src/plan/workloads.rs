//! What workloads and their pods are called.

use crate::check::{self, Form};
use crate::naming;

/// The pods of a part of an instance by name.
pub fn pods_of(group: &check::Group, role: &check::Role, instance: u32, part: &check::Part) -> Vec<String> {
    let own = role.by_instance() || role.form == Form::InstanceSet;
    let workload = workload_name(group, role, own.then_some(instance), &part.kind);
    let first = first_ordinal(&part.kind);
    let ordinals = first..first.saturating_add(part.count);
    match role.form {
        Form::Deployment | Form::StatefulSet => vec![naming::ordinal(&workload, instance)],
        Form::PerInstance | Form::InstanceSet => ordinals.map(|ordinal| naming::ordinal(&workload, ordinal)).collect(),
        Form::LeaderWorkerSet => {
            let leader = naming::ordinal(&workload, if role.by_instance() { 0 } else { instance });
            match part.kind {
                check::PartKind::Worker => ordinals.map(|rank| naming::ordinal(&leader, rank)).collect(),
                _ => vec![leader],
            }
        }
    }
}

/// The name of the workload of a part, after which its pods are called: of an instance, or of all
/// instances.
pub fn workload_name(
    group: &check::Group,
    role: &check::Role,
    instance: Option<u32>,
    kind: &check::PartKind,
) -> String {
    use check::PartKind::{Component, Leader, Single, Worker};
    match (role.form, instance, kind) {
        (Form::LeaderWorkerSet, None, _) => naming::leader_worker_set(&group.name, &role.name),
        (_, None, _) => naming::workload(&group.name, &role.name),
        (Form::LeaderWorkerSet, Some(i), _) | (_, Some(i), Single | Leader) => {
            naming::instance(&group.name, &role.name, i)
        }
        // The controller counts the pods of an instance through.
        (Form::InstanceSet, Some(i), Worker) => naming::instance(&group.name, &role.name, i),
        (_, Some(i), Worker) => naming::workers(&group.name, &role.name, i),
        (_, Some(i), Component(component)) => naming::component(&group.name, &role.name, i, component),
    }
}

/// The headless Service that gives the pods of an instance, or of all instances, their addresses.
/// That of a LeaderWorkerSet is made by its controller, and has its name.
pub fn addressed_by(group: &check::Group, role: &check::Role, instance: Option<u32>) -> String {
    match (role.form, instance) {
        (Form::LeaderWorkerSet, Some(i)) => naming::instance(&group.name, &role.name, i),
        _ => naming::headless(&group.name, &role.name),
    }
}

/// The first ordinal of a part: ordinals of workers are ranks.
pub fn first_ordinal(kind: &check::PartKind) -> u32 {
    u32::from(*kind == check::PartKind::Worker)
}
