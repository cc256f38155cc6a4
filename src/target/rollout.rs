//! The steps in which coordinated roles are updated, instance by instance.
//!
//! A schedule is chosen when the template of one of its roles changes, and kept otherwise: another
//! number of instances, or a flattened first installation, changes no annotation of those that stand.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Stage, Target, divides, lower_group};
use crate::check::Coordination;
use crate::data::{Data, Map};
use crate::fit::Fitted;
use crate::lock::{Digest, Instance, Lock};
use crate::plan::{Group, Plan, Role, Rollout, RolloutRole, kept, remembered_as};
use crate::rollout::{Schedule, Skew, Update, quickest};

/// Chooses the steps of all units that are updated in step with others. With `install`, all of them
/// come at once: nothing stands yet that could fail them.
pub fn schedule(plan: &mut Plan<'_>, fitted: &Fitted, target: Target, install: bool) {
    if !divides(target) {
        return; // its controller updates roles in step
    }
    for index in 0..plan.groups.len() {
        let source = plan.groups[index].source;
        if source.coordinations.iter().all(|coordination| coordination.rollout.is_none()) {
            continue;
        }
        let templates = templates(plan, target, index);
        let none = Lock::default();
        let lock = fitted.locks.get(index).unwrap_or(&none);
        // Of a generation that comes up beside another nothing serves yet.
        let install = install || fitted.retired.get(index).is_some_and(Option::is_some);
        let rollout = |coordination| rollout(&plan.groups[index], coordination, &templates, lock, install);
        let rollouts: Vec<Rollout> = source.coordinations.iter().filter_map(rollout).collect();
        let group = &mut plan.groups[index];
        rollouts.iter().for_each(|rollout| set_steps(&mut group.roles, rollout));
        group.rollouts = rollouts;
    }
}

/// Bounds that no schedule keeps were refused in `check`.
fn rollout(
    group: &Group<'_>,
    coordination: &Coordination,
    templates: &BTreeMap<usize, Digest>,
    lock: &Lock,
    install: bool,
) -> Option<Rollout> {
    let bounds = coordination.rollout?;
    let members: Vec<&Role<'_>> = coordination.roles.iter().map(|(role, _)| &group.roles[*role]).collect();
    let instances: Vec<u32> = members.iter().map(|role| role.instances()).collect();
    let limits = bounds.limits(&instances);
    let update = Update { instances: &instances, limits: &limits, shared: true };
    let bound = bounds.max_skew.map(|share| Skew::of_millionths(share.millionths));
    let schedule = quickest(update, bound).ok()??;
    let unchanged =
        coordination.roles.iter().zip(&members).all(|((index, _), role)| {
            lock.templates.get(&role.source.name) == templates.get(index) && stays(role, lock)
        });
    let role = |(number, ((index, _), role)): (usize, (&(usize, u32), &&Role<'_>))| RolloutRole {
        role: *index,
        template: templates.get(index).copied().unwrap_or(Digest([0; 32])),
        steps: (0..instances[number])
            .map(|i| match lock.steps.get(&Instance { role: role.source.name.clone(), index: i }) {
                Some(step) if unchanged => *step,
                _ if install => 0,
                _ => schedule.step_of(number, i),
            })
            .collect(),
    };
    let roles: Vec<RolloutRole> = coordination.roles.iter().zip(&members).enumerate().map(role).collect();
    let chosen = Schedule::of(&roles.iter().map(|role| role.steps.as_slice()).collect::<Vec<_>>());
    Some(Rollout { roles, skew: chosen.skew, under_way: chosen.under_way(&instances) })
}

/// Whether no instance that stands gets another affinity, which would restart it.
fn stays(role: &Role<'_>, lock: &Lock) -> bool {
    role.units.iter().all(|unit| {
        role.source.parts.iter().zip(&unit.sites).all(|(part, site)| {
            let remembered = lock.affinities.get(&remembered_as(role.source, unit.instance, part));
            remembered.is_none_or(|known| *known == kept::remembered(site))
        })
    })
}

/// A step of a rollout has room for all parts of its roles, one role after the other where they
/// wait for each other.
fn set_steps(roles: &mut [Role<'_>], rollout: &Rollout) {
    let mut room: BTreeMap<u32, u32> = BTreeMap::new();
    for member in &rollout.roles {
        let role = &roles[member.role];
        let parts = role.parts.iter().map(|part| part.step + 1).max().unwrap_or(1);
        let known = room.entry(role.within).or_default();
        *known = parts.max(*known);
    }
    let all: u32 = room.values().sum();
    for member in &rollout.roles {
        let role = &mut roles[member.role];
        let first: u32 = room.range(..role.within).map(|(_, parts)| parts).sum();
        for (unit, step) in role.units.iter_mut().zip(&member.steps) {
            unit.step = step.saturating_mul(all).saturating_add(first);
        }
    }
}

/// What the instances of each role are made from: the workloads of its first instance, without
/// where that is to run.
fn templates(plan: &Plan<'_>, target: Target, group: usize) -> BTreeMap<usize, Digest> {
    let manifests = lower_group(plan, target, group);
    let runs =
        |role: usize| manifests.iter().filter(move |m| m.role == Some(role) && matches!(m.stage, Stage::Run(..)));
    let template = |(role, planned): (usize, &Role<'_>)| {
        let first = runs(role).count() / planned.units.len().max(1);
        let mut hash = Sha256::new();
        for spec in runs(role).take(first).filter_map(|manifest| manifest.body.at(&["spec"])) {
            feed(&mut hash, spec);
        }
        (role, Digest(hash.finalize().into()))
    };
    plan.groups[group].roles.iter().enumerate().map(template).collect()
}

/// Every value with its kind and length, so that no two objects are fed alike.
fn feed(hash: &mut Sha256, data: &Data) {
    let mut tagged = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    match data {
        Data::Null => tagged(b'n', b""),
        Data::Bool(value) => tagged(b'b', &[u8::from(*value)]),
        Data::Int(value) => tagged(b'i', value.to_string().as_bytes()),
        Data::Float(value) => tagged(b'f', &value.to_be_bytes()),
        Data::Str(text) => tagged(b's', text.as_bytes()),
        Data::List(items) => {
            tagged(b'l', &(items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| feed(hash, item));
        }
        Data::Map(map) => feed_map(hash, map),
    }
}

fn feed_map(hash: &mut Sha256, map: &Map) {
    const PLACE: [&str; 2] = ["affinity", "tolerations"];
    for (key, value) in map.iter().filter(|(key, _)| !PLACE.contains(key)) {
        feed(hash, &Data::from(key.to_owned()));
        feed(hash, value);
    }
    hash.update(b"e");
}
