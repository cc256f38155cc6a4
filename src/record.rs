//! What is remembered of a compilation: the locks, and how they differ from those before.

use std::collections::BTreeMap;

use crate::check::ClauseKind;
use crate::fit::Fitted;
use crate::lock::{self, Instance, Lock};
use crate::place::Placement;
use crate::plan::{self, Plan, Unit, kept};

mod changes;

pub use changes::{Change, changes, different, summary, too_many};

/// The lock of every group, in the order of the model, still without its files.
pub fn locks(fitted: &Fitted, plan: &Plan<'_>, placement: &Placement) -> Vec<(String, Lock)> {
    let groups = fitted.model.groups.iter().enumerate();
    groups.map(|(index, group)| (group.stem.clone(), lock(fitted, plan, placement, index))).collect()
}

fn lock(fitted: &Fitted, plan: &Plan<'_>, placement: &Placement, index: usize) -> Lock {
    let group = &fitted.model.groups[index];
    let mut lock = Lock { generation: group.generation, ..Lock::default() };
    for clause in group.clauses.iter().filter(|c| c.prefer.is_none()) {
        if let ClauseKind::Exclusive { level } = &clause.kind {
            lock.exclusive.insert(level.name.clone());
        }
    }
    for (r, role) in group.roles.iter().enumerate() {
        let pods = &fitted.problem.groups[index].roles[r].pods;
        let uses = pods.iter().map(|pod| {
            let amounts = fitted.problem.resources.iter().cloned().zip(pod.request.iter().copied());
            amounts.filter(|(_, amount)| *amount > 0).collect::<BTreeMap<String, i64>>()
        });
        lock.uses.insert(role.name.clone(), uses.collect());
        for (i, machines) in placement.groups[index][r].iter().enumerate() {
            let key = Instance { role: role.name.clone(), index: i as u32 };
            let names = machines.iter().map(|m| fitted.problem.machines[*m].name.clone());
            lock.places.insert(key, names.collect());
        }
        for unit in &plan.groups[index].roles[r].units {
            pins(plan, unit, &role.name, &mut lock);
            for (part, site) in role.parts.iter().zip(&unit.sites) {
                lock.affinities.insert(plan::remembered_as(role, unit.instance, part), kept::remembered(site));
            }
        }
    }
    for connection in group.connections.iter().filter(|connection| !connection.revision.is_empty()) {
        let [from, to] = [connection.from, connection.to].map(|role| group.roles[role].name.clone());
        let values = connection.revision.iter().map(|(name, value)| (name.clone(), lock::remembered(value)));
        lock.revisions.insert((from, to), values.collect());
    }
    for member in plan.groups[index].rollouts.iter().flat_map(|rollout| &rollout.roles) {
        let role = &group.roles[member.role].name;
        lock.templates.insert(role.clone(), member.template);
        for (index, step) in (0..).zip(&member.steps) {
            lock.steps.insert(Instance { role: role.clone(), index }, *step);
        }
    }
    for leaving in fitted.leaving.get(index).into_iter().flatten() {
        let later = leaving.commits.iter().skip(1).flatten();
        lock.leaving.extend(later.map(|one| (one.clone(), leaving.stood.get(&one.role).copied().unwrap_or(0))));
    }
    lock
}

/// The domain that the affinity of an instance of its own requires.
fn pins(plan: &Plan<'_>, unit: &Unit<'_>, role: &str, lock: &mut Lock) {
    let Some(index) = unit.instance else { return };
    let Some((level, domain)) = unit.sites.first().and_then(|site| site.guaranteed) else { return };
    let path = &plan.inventory.domains[level][domain].path;
    let names = plan.inventory.levels.iter().map(|l| l.name.clone());
    let key = Instance { role: role.to_owned(), index };
    lock.pins.insert(key, names.zip(path.iter().cloned()).collect());
}
