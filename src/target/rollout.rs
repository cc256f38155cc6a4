//! The steps in which coordinated roles are updated and get new instances, instance by instance.
//!
//! A schedule of updates is chosen when the template of one of its roles changes, and kept otherwise:
//! another number of instances, or a flattened first installation, changes no annotation of those
//! that stand. Instances that do not stand yet are brought in steps of their own.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Stage, divides, lower_group};
use crate::check::{Amount, Coordination, Share};
use crate::data::{Data, Map};
use crate::fit::Fitted;
use crate::lock::{Digest, Instance, Lock};
use crate::plan::{Brings, Group, Plan, Role, Rollout, RolloutRole, kept, remembered_as};
use crate::rollout::{Schedule, Skew, Update, most_even, quickest};

mod growing;

use growing::Growing;

/// Chooses the steps of all units that are updated in step with others. With `install`, all of them
/// come at once: nothing stands yet that could fail them.
pub fn schedule(plan: &mut Plan<'_>, fitted: &Fitted, install: bool) {
    if !divides(plan.target) {
        return; // its controller updates roles in step
    }
    for index in 0..plan.groups.len() {
        let source = plan.groups[index].source;
        if source.coordinations.iter().all(|coordination| !coordination.in_step()) {
            continue;
        }
        let templates = templates(plan, index);
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

/// The rollout of some roles; `None` when each is updated alone. Bounds that no schedule keeps were
/// refused in `check` and `fit`.
fn rollout(
    group: &Group<'_>,
    coordination: &Coordination,
    templates: &BTreeMap<usize, Digest>,
    lock: &Lock,
    install: bool,
) -> Option<Rollout> {
    if !coordination.in_step() {
        return None;
    }
    let members: Vec<&Role<'_>> = coordination.roles.iter().map(|(role, _)| &group.roles[*role]).collect();
    let instances: Vec<u32> = members.iter().map(|role| role.instances()).collect();
    let unchanged =
        coordination.roles.iter().zip(&members).all(|((index, _), role)| {
            lock.templates.get(&role.source.name) == templates.get(index) && stays(role, lock)
        });
    let updates = coordination.rollout.is_some() && !unchanged;
    let growing = coordination.scale.filter(|_| !install).and_then(|scale| Growing::new(scale, &members, lock));
    let (schedule, kept) = schedule_of(coordination, &instances, growing.as_ref().filter(|_| updates));
    let new = growing.as_ref().filter(|_| !updates);
    let role = |(number, ((index, _), role)): (usize, (&(usize, u32), &&Role<'_>))| RolloutRole {
        role: *index,
        template: templates.get(index).copied().unwrap_or(Digest([0; 32])),
        steps: (0..instances[number])
            .map(|i| match lock.steps.get(&Instance { role: role.source.name.clone(), index: i }) {
                _ if let Some(step) = new.and_then(|growing| growing.step_of(number, i)) => step,
                Some(step) if !updates => *step,
                _ if install => 0,
                _ => schedule.step_of(number, i),
            })
            .collect(),
    };
    let roles: Vec<RolloutRole> = coordination.roles.iter().zip(&members).enumerate().map(role).collect();
    let chosen = Schedule::of(&roles.iter().map(|role| role.steps.as_slice()).collect::<Vec<_>>());
    let (brings, skew, under_way) = match new {
        Some(growing) => (Brings::Instances, growing.skew(), growing.skew()),
        None if coordination.rollout.is_some() => (Brings::Updates, chosen.skew, chosen.under_way(&instances)),
        None => (Brings::Nothing, Skew::NONE, Skew::NONE),
    };
    let unkept = coordination.scale.filter(|_| !kept).map(|scale| scale.span);
    Some(Rollout { roles, brings, skew, under_way, unkept })
}

/// The schedule of an update, and whether it also keeps the bound of the roles that grow meanwhile.
fn schedule_of(coordination: &Coordination, instances: &[u32], growing: Option<&Growing>) -> (Schedule, bool) {
    let Some(rollout) = &coordination.rollout else {
        return (Schedule { steps: Vec::new(), skew: Skew::NONE }, true);
    };
    let limits = Amount::limits(rollout.max_unavailable, instances);
    let update = Update { instances, limits: &limits, shared: true };
    let bound = rollout.max_skew.map(Share::skew);
    // While instances are on their way out there are others than the bound was checked for.
    let others = rollout.schedule.steps.last().is_some_and(|last| last != instances);
    let anew = || quickest(update, bound).ok().flatten().or_else(|| most_even(update).ok());
    let alone = || others.then(anew).flatten().unwrap_or_else(|| rollout.schedule.clone());
    let Some(growing) = growing else { return (alone(), true) };
    let both = growing.during(update, bound);
    (both.clone().unwrap_or_else(alone), both.is_some())
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
fn templates(plan: &Plan<'_>, group: usize) -> BTreeMap<usize, Digest> {
    let manifests = lower_group(plan, group);
    let runs =
        |role: usize| manifests.iter().filter(move |m| m.role == Some(role) && matches!(m.stage, Stage::Run(..)));
    let template = |(role, planned): (usize, &Role<'_>)| {
        let first = runs(role).count() / planned.units.len().max(1);
        let mut hash = Sha256::new();
        for spec in runs(role).take(first).filter_map(|manifest| manifest.body.at(&["spec"])) {
            feed(&mut hash, spec, &PLACE);
        }
        (role, Digest(hash.finalize().into()))
    };
    plan.groups[group].roles.iter().enumerate().map(template).collect()
}

/// Where pods run.
const PLACE: [&str; 2] = ["affinity", "tolerations"];

/// Every value with its kind and length, so that no two objects are fed alike; `without` some fields,
/// wherever they stand. The order of keys on paper does not matter.
pub(super) fn feed(hash: &mut Sha256, data: &Data, without: &[&str]) {
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
            items.iter().for_each(|item| feed(hash, item, without));
        }
        Data::Map(map) => feed_map(hash, map, without),
    }
}

fn feed_map(hash: &mut Sha256, map: &Map, without: &[&str]) {
    for (key, value) in map.iter().filter(|(key, _)| !without.contains(key)) {
        feed(hash, &Data::from(key.to_owned()), without);
        feed(hash, value, without);
    }
    hash.update(b"e");
}
