//! What is left after a plan, what is kept for autoscalers, and what a rollout needs for a while.

use schemars::JsonSchema;
use serde::Serialize;

use super::usage::{Usage, usage};
use super::{Scene, topology};
use crate::fit::Fitted;
use crate::place::conflict::Remedy;
use crate::place::{self, Problem};
use crate::target;

/// The room that a plan leaves.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Accelerators of the cluster.
    pub accelerators: Accelerators,
    /// What is free in the domains of each level, widest first, the node included.
    pub levels: Vec<Headroom>,
    /// Roles that an autoscaler may scale, with room at their maximum.
    pub reservations: Vec<Reservation>,
    /// Roles of which a new pod stands beside an old one during a rollout.
    pub surges: Vec<Surge>,
}

/// Accelerators by their use; all but the first add up to the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accelerators {
    /// The name of the resource.
    pub resource: String,
    /// All of them.
    pub total: i64,
    /// Used by the plan, without what is kept for autoscalers.
    pub planned: i64,
    /// Kept for autoscalers.
    pub reserved: i64,
    /// Used by others: foreign pods, and groups that are not compiled now.
    pub others: i64,
    /// Free on nodes that take no pods.
    pub closed: i64,
    /// Free.
    pub free: i64,
}

/// What is free in the domains of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Headroom {
    /// The level.
    pub level: String,
    /// Domains with accelerators.
    pub domains: usize,
    /// Those of which every accelerator is free.
    pub whole: usize,
    /// The most accelerators that are free in one domain.
    pub free: i64,
    /// The most nodes in one domain of which every accelerator is free: the largest instance of
    /// whole nodes that still fits.
    pub nodes: usize,
    /// The accelerators of these nodes together.
    pub accelerators: i64,
    /// The domain with these nodes: the first that has so many.
    pub domain: String,
}

/// A role with a number of instances that an autoscaler chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reservation {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// The least number of instances.
    pub min: u32,
    /// The largest number of instances.
    pub max: u32,
    /// The largest number for which there is room; equal to `max` when it fits. None when not even
    /// the least number fits.
    pub fits: Option<u32>,
    /// Nodes that are missing for the largest number, when that is known.
    pub missing: Option<Missing>,
}

/// Nodes that would have to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Missing {
    /// How many.
    pub nodes: usize,
    /// A node that they would have to be like.
    pub like: String,
}

/// A role whose pods are replaced by pods that stand beside them for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Surge {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// Pods beside those of the plan, at the same time.
    pub pods: u32,
    /// A node with room for them, when the roles before have theirs; none when the rollout waits
    /// for room.
    pub node: Option<String>,
}

impl Capacity {
    /// Replaces what is said about some autoscaled roles.
    pub fn correct(&mut self, better: Vec<Reservation>) {
        for role in better {
            let same = |r: &&mut Reservation| (&r.group, &r.role) == (&role.group, &role.role);
            if let Some(known) = self.reservations.iter_mut().find(same) {
                *known = role;
            }
        }
    }
}

pub(super) fn capacity(scene: &Scene<'_>) -> Capacity {
    let usage = usage(scene);
    Capacity {
        accelerators: accelerators(scene, &usage),
        levels: (0..scene.inventory.levels.len()).filter_map(|level| headroom(scene, &usage, level)).collect(),
        reservations: reservations(scene),
        surges: surges(scene),
    }
}

fn accelerators(scene: &Scene<'_>, usage: &[Usage]) -> Accelerators {
    let mut sum = Accelerators { resource: scene.inventory.resources.gpu.clone(), ..Accelerators::default() };
    for machine in usage {
        sum.total += machine.total;
        sum.others += machine.others;
        match machine.closed {
            Some(_) => sum.closed += machine.free,
            None => sum.free += machine.free,
        }
    }
    for seat in scene.seats() {
        let asked = scene.request(seat, scene.problem().gpu);
        match seat.instance as u32 >= scene.role(seat.group, seat.role).replicas.min {
            true => sum.reserved += asked,
            false => sum.planned += asked,
        }
    }
    sum
}

/// `None` when no domain of the level has accelerators.
fn headroom(scene: &Scene<'_>, usage: &[Usage], level: usize) -> Option<Headroom> {
    let inventory = scene.inventory;
    let mut found = Headroom {
        level: inventory.levels[level].name.clone(),
        domains: 0,
        whole: 0,
        free: 0,
        nodes: 0,
        accelerators: 0,
        domain: String::new(),
    };
    for domain in &inventory.domains[level] {
        let machines = || domain.nodes.iter().map(|n| &usage[*n]).filter(|u| u.total > 0);
        if machines().next().is_none() {
            continue;
        }
        let whole = || machines().filter(|u| u.is_whole());
        found.domains += 1;
        found.whole += usize::from(machines().all(Usage::is_whole));
        found.free = found.free.max(machines().filter(|u| u.closed.is_none()).map(|u| u.free).sum());
        let accelerators = whole().map(|u| u.total).sum();
        if accelerators > found.accelerators {
            (found.nodes, found.accelerators) = (whole().count(), accelerators);
            found.domain = topology::name(inventory, level, domain);
        }
    }
    (found.domains > 0).then_some(found)
}

fn reservations(scene: &Scene<'_>) -> Vec<Reservation> {
    let roles = scene.model().roles().filter(|(_, role)| role.replicas.autoscaled());
    roles
        .map(|(id, role)| {
            let placed = scene.placement.groups[id.group][id.role].iter().filter(|pods| !pods.is_empty()).count();
            Reservation {
                group: scene.model().group_of(id).name.clone(),
                role: role.name.clone(),
                min: role.replicas.min,
                max: role.replicas.max,
                fits: u32::try_from(placed).ok().filter(|placed| *placed >= role.replicas.min),
                missing: None,
            }
        })
        .collect()
}

/// For each autoscaled role of some groups the largest number of instances that finds a place,
/// while the other autoscaled roles of all groups stand at their least number.
pub fn shortfalls(fitted: &Fitted, concerned: impl Fn(usize) -> bool) -> Vec<Reservation> {
    let mut least = fitted.problem.clone();
    for (id, role) in fitted.model.roles() {
        least.groups[id.group].roles[id.role].instances = role.replicas.min as usize;
    }
    let roles = fitted.model.roles().filter(|(id, role)| role.replicas.autoscaled() && concerned(id.group));
    roles
        .map(|(id, role)| {
            let (min, max) = (role.replicas.min, role.replicas.max);
            let fits = largest(&mut least, (id.group, id.role), min, max);
            Reservation {
                group: fitted.model.group_of(id).name.clone(),
                role: role.name.clone(),
                min,
                max,
                missing: if fits == Some(max) { None } else { missing(&mut least, (id.group, id.role), min, max) },
                fits,
            }
        })
        .collect()
}

/// The largest number of instances of a role with which everything finds a place. More never make
/// it easier, so half of what is left is ruled out by each try.
fn largest(problem: &mut Problem, (g, r): (usize, usize), min: u32, max: u32) -> Option<u32> {
    let mut fits = |n: u32| {
        problem.groups[g].roles[r].instances = n as usize;
        place::solve_unproven(problem).is_ok()
    };
    if !fits(min) {
        return None;
    }
    let (mut good, mut bad) = (min, max.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    problem.groups[g].roles[r].instances = min as usize;
    Some(good)
}

/// The nodes that are missing for the largest number, where the explanation of the conflict names
/// some that were tried.
fn missing(problem: &mut Problem, (g, r): (usize, usize), min: u32, max: u32) -> Option<Missing> {
    problem.groups[g].roles[r].instances = max as usize;
    let conflicts = place::solve_unproven(problem).err().unwrap_or_default();
    problem.groups[g].roles[r].instances = min as usize;
    let remedies = conflicts.into_iter().filter(|c| c.group == g).flat_map(|c| c.remedies);
    remedies
        .filter_map(|remedy| match remedy {
            Remedy::Machines { machines, like, .. } => {
                Some(Missing { nodes: machines, like: problem.machines[like].name.clone() })
            }
            _ => None,
        })
        .next()
}

/// The pods of a rollout stand for a while only, but all roles may be rolled out at once.
fn surges(scene: &Scene<'_>) -> Vec<Surge> {
    let problem = scene.problem();
    let mut free: Vec<Vec<i64>> = problem.machines.iter().map(|m| m.free.clone()).collect();
    for seat in scene.seats() {
        let pod = &problem.groups[seat.group].roles[seat.role].pods[seat.pod];
        free[seat.machine].iter_mut().zip(&pod.request).for_each(|(free, asked)| *free -= asked);
    }
    let mut surges = Vec::new();
    for (g, group) in scene.plan.groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            let placed = scene.placement.groups[g][r].iter().any(|pods| !pods.is_empty());
            let surging = role.parts.iter().any(|part| target::surges(scene.target, group, role, part));
            let Some(pod) = problem.groups[g].roles[r].pods.first().filter(|_| placed && surging) else { continue };
            let fits = |m: &usize| {
                let machine = &problem.machines[*m];
                let eligible = problem.eligible.get(pod.eligible).and_then(|set| set.get(*m)).copied().unwrap_or(false);
                machine.closed.is_none()
                    && eligible
                    && pod.request.iter().zip(&free[*m]).all(|(a, f)| *a <= 0 || a <= f)
            };
            let machine = (0..problem.machines.len()).find(fits);
            if let Some(m) = machine {
                free[m].iter_mut().zip(&pod.request).for_each(|(free, asked)| *free -= asked);
            }
            surges.push(Surge {
                group: group.source.stem.clone(),
                role: role.source.name.clone(),
                pods: 1,
                node: machine.map(|m| scene.node(m).to_owned()),
            });
        }
    }
    surges
}
