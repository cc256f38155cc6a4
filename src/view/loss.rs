//! What happens when machines are lost: who dies, what is placed anew, what a person must do.

use std::collections::BTreeSet;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Scene, topology};
use crate::check::{Form, Model};
use crate::diag::suggestion;
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::place::{self, Clause, ClauseKind, Conflict, Placement, Problem};

/// Why a lost machine takes no pods.
const LOST: &str = "lost";
/// So many names are compared with a misspelt one.
const MAX_CANDIDATES: usize = 1_000;
/// The taint by which a person says that a node is off; Kubernetes 1.28 and later act on it.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute";

/// A domain that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its level.
    pub level: usize,
    /// Its path: `a/b1/r3`; the name of a node.
    pub name: String,
    /// Its machines, ascending.
    pub machines: Vec<usize>,
}

/// An instance: indices of group, role and instance.
pub type Place = (usize, usize, usize);

/// What a loss does.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Running instances with a pod on a lost machine.
    pub dead: Vec<Place>,
    /// Those that find no other place.
    pub unplaced: Vec<Place>,
    /// Where everything runs afterwards; instances without a place have no pods.
    pub placement: Placement,
    /// Why not everything finds a place.
    pub conflicts: Vec<Conflict>,
    /// There is room for the least numbers of autoscaled instances only, or not even for these.
    pub reduced: bool,
}

/// What the loss of each domain of a level does: what `rbgc plan --fail-each LEVEL --json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Failures")]
pub struct Failures {
    /// The name of the inventory.
    pub inventory: String,
    /// The level.
    pub level: String,
    /// Its domains, in natural order.
    pub domains: Vec<Failure>,
}

/// What the loss of one domain does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// The domain.
    pub domain: String,
    /// Its nodes.
    pub nodes: usize,
    /// Instances that die: `group/role/index`.
    pub dies: Vec<String>,
    /// Roles without an instance until something is placed anew: `group/role`.
    pub down: Vec<String>,
    /// Instances that die and find no other place.
    pub unplaced: Vec<String>,
    /// Instances that die and find another place.
    pub replaced: usize,
    /// Instances that must move to make room although they did not die.
    pub moves: usize,
    /// No room is left to scale to the maximum.
    pub reduced: bool,
}

/// What a loss did, and what must be done about it: what `rbgc plan --without` adds to a plan.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Aftermath {
    /// What is lost: `rack=a/b1/r3`.
    pub lost: Vec<String>,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// Instances that die: `group/role/index`.
    pub dies: Vec<String>,
    /// Roles without an instance until something is placed anew: `group/role`.
    pub down: Vec<String>,
    /// Instances that die and find no other place.
    pub unplaced: Vec<String>,
    /// No room is left to scale to the maximum.
    pub reduced: bool,
    /// What must be done, in order.
    pub steps: Vec<Step>,
}

/// What must be done after a loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// What, and why.
    pub what: String,
    /// Commands that do it, one after the other.
    pub commands: Vec<String>,
}

/// The domain that `level=name` speaks of. A name is the path of a domain, its last part where
/// that is enough to tell it, or the name of a node.
///
/// # Errors
/// What is wrong with the text.
pub fn find(inventory: &Inventory, text: &str) -> Result<Loss, String> {
    let Some((level, name)) = text.split_once('=') else { return Err(format!("`{text}`: write LEVEL=NAME")) };
    let level = level_of(inventory, level)?;
    let node_level = level + 1 == inventory.levels.len();
    let known = &inventory.domains[level];
    let last = |d: &crate::inventory::Domain| d.path.last().cloned().unwrap_or_default();
    if node_level && let Some(node) = inventory.nodes.iter().position(|n| n.name == name || n.hostname == name) {
        return Ok(Loss { level, name: inventory.nodes[node].name.clone(), machines: vec![node] });
    }
    let matching: Vec<_> = known.iter().filter(|d| d.path.join("/") == name || last(d) == name).collect();
    match matching.as_slice() {
        [one] if !node_level => Ok(Loss { level, name: one.path.join("/"), machines: one.nodes.clone() }),
        [_, _, ..] if !node_level => {
            let names: Vec<String> = matching.iter().map(|d| format!("`{}`", d.path.join("/"))).collect();
            Err(format!("there are {} of the name `{name}`: {}", names.len(), names.join(", ")))
        }
        _ => {
            let names: Vec<String> = known.iter().take(MAX_CANDIDATES).map(last).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = suggestion(name, &names).map_or(String::new(), |s| format!("; {s}"));
            Err(format!("the inventory has no `{}` of the name `{name}`{near}", inventory.levels[level].name))
        }
    }
}

/// The index of a level.
///
/// # Errors
/// That there is no such level.
pub fn level_of(inventory: &Inventory, name: &str) -> Result<usize, String> {
    inventory.level(name).ok_or_else(|| {
        let known: Vec<&str> = inventory.levels.iter().map(|l| l.name.as_str()).collect();
        format!("the inventory has no level `{name}`; it has {}", known.join(", "))
    })
}

/// Places everything anew without some machines, so that what did not die stays where it can. A
/// group for which there is no room as a whole keeps what did not die where it is.
pub fn lose(fitted: &Fitted, before: &Placement, machines: &BTreeSet<usize>) -> Outcome {
    let mut outcome = Outcome {
        dead: dead(&fitted.model, before, machines),
        unplaced: Vec::new(),
        placement: Placement { moves: Vec::new(), ..before.clone() },
        conflicts: Vec::new(),
        reduced: false,
    };
    if before.groups.iter().flatten().flatten().flatten().all(|m| !machines.contains(m)) {
        return outcome;
    }
    let mut problem = without(&fitted.problem, before, machines);
    let mut held = BTreeSet::new();
    loop {
        match place::solve(&problem) {
            Ok(placement) => {
                outcome.placement = placement;
                break;
            }
            Err(_) if !outcome.reduced && reduce(&mut problem, &fitted.model) => outcome.reduced = true,
            Err(conflicts) => {
                let fresh: Vec<usize> = conflicts.iter().map(|c| c.group).filter(|g| held.insert(*g)).collect();
                outcome.conflicts.extend(conflicts);
                if fresh.is_empty() {
                    break;
                }
                fresh.into_iter().for_each(|group| hold(&mut problem, before, group));
            }
        }
    }
    outcome.unplaced = outcome.dead.iter().copied().filter(|(g, _, _)| held.contains(g)).collect();
    if let Some(first) = outcome.placement.objective.first_mut() {
        first.value += outcome.unplaced.len() as i64; // it counts instances without a place
    }
    for group in held {
        let alive = |pods: &Vec<usize>| pods.iter().all(|m| !machines.contains(m));
        let keep = |pods: &Vec<usize>| if alive(pods) { pods.clone() } else { Vec::new() };
        let keep = |instances: &Vec<Vec<usize>>| instances.iter().map(keep).collect();
        outcome.placement.groups[group] = before.groups[group].iter().map(keep).collect();
    }
    outcome
}

/// The problem after a loss.
pub fn without(problem: &Problem, before: &Placement, machines: &BTreeSet<usize>) -> Problem {
    let mut problem = problem.clone();
    for machine in machines {
        problem.machines[*machine].closed = Some(LOST);
    }
    for (group, placed) in problem.groups.iter_mut().zip(&before.groups) {
        for (role, instances) in group.roles.iter_mut().zip(placed) {
            role.previous = instances.iter().map(|pods| pods.iter().map(|m| Some(*m)).collect()).collect();
        }
    }
    problem
}

/// Leaves autoscaled roles their least number of instances. Tells whether that is fewer.
fn reduce(problem: &mut Problem, model: &Model) -> bool {
    let mut fewer = false;
    for (id, role) in model.roles().filter(|(_, role)| role.replicas.autoscaled()) {
        problem.groups[id.group].roles[id.role].instances = role.replicas.min as usize;
        fewer = true;
    }
    fewer
}

/// Keeps a group where it is, outside of what is placed: its room is taken on the machines that are left.
fn hold(problem: &mut Problem, before: &Placement, group: usize) {
    let exclusive = |clause: &Clause| match clause.kind {
        ClauseKind::Exclusive { level } if clause.prefer.is_none() => Some(level),
        _ => None,
    };
    let exclusive: Vec<usize> = problem.groups[group].clauses.iter().filter_map(exclusive).collect();
    for (role, instances) in problem.groups[group].roles.iter_mut().zip(&before.groups[group]) {
        let machines = &mut problem.machines;
        let alive = |pods: &&Vec<usize>| pods.iter().all(|m| machines[*m].closed != Some(LOST));
        let alive: Vec<&Vec<usize>> = instances.iter().take(role.instances).filter(alive).collect();
        for (pod, machine) in alive.into_iter().flat_map(|pods| role.pods.iter().zip(pods)) {
            let machine = &mut machines[*machine];
            machine.free.iter_mut().zip(&pod.request).for_each(|(free, asked)| *free = (*free - asked).max(0));
            if pod.request.get(problem.gpu).is_none_or(|asked| *asked <= 0) {
                continue;
            }
            for (level, domain) in machine.domains.iter().enumerate() {
                let Some(domain) = domain else { continue };
                problem.occupied[level].insert(*domain);
                if exclusive.contains(&level) {
                    problem.taken[level].insert(*domain);
                }
            }
        }
        role.instances = 0;
    }
}

fn dead(model: &Model, placement: &Placement, machines: &BTreeSet<usize>) -> Vec<Place> {
    let mut dead = Vec::new();
    for (id, role) in model.roles() {
        let running = placement.groups[id.group][id.role].iter().take(role.replicas.min as usize).enumerate();
        let hit = running.filter(|(_, pods)| pods.iter().any(|m| machines.contains(m)));
        dead.extend(hit.map(|(i, _)| (id.group, id.role, i)));
    }
    dead
}

/// Roles that have running instances, all of which are among these.
fn down(scene: &Scene<'_>, dead: &[Place]) -> Vec<String> {
    let roles = scene.model().roles().filter(|(id, role)| {
        let running = scene.placement.groups[id.group][id.role].iter().take(role.replicas.min as usize);
        let running = running.filter(|pods| !pods.is_empty()).count();
        running > 0 && dead.iter().filter(|(g, r, _)| (*g, *r) == (id.group, id.role)).count() == running
    });
    roles.map(|(id, role)| format!("{}/{}", scene.model().group_of(id).name, role.name)).collect()
}

/// Loses every domain of a level, one at a time. The scene is that of the plan before.
pub fn each(scene: &Scene<'_>, level: usize) -> Failures {
    let domains = &scene.inventory.domains[level];
    let one = |domain: &crate::inventory::Domain| {
        let machines: BTreeSet<usize> = domain.nodes.iter().copied().collect();
        let outcome = lose(scene.fitted, scene.placement, &machines);
        let name = topology::name(scene.inventory, level, domain);
        failure(scene, name, domain.nodes.len(), &outcome)
    };
    Failures {
        inventory: scene.inventory.name.clone(),
        level: scene.inventory.levels[level].name.clone(),
        domains: domains.par_iter().map(one).collect(),
    }
}

fn failure(scene: &Scene<'_>, domain: String, nodes: usize, outcome: &Outcome) -> Failure {
    let name = |(g, r, i): &Place| scene.instance(*g, *r, *i);
    let lost: BTreeSet<Place> = outcome.dead.iter().copied().collect();
    let moved: Vec<Place> = outcome.placement.moves.iter().map(|m| (m.group, m.role, m.instance)).collect();
    let running = |(g, r, i): &&Place| *i < scene.role(*g, *r).replicas.min as usize;
    Failure {
        domain,
        nodes,
        dies: outcome.dead.iter().map(name).collect(),
        down: down(scene, &outcome.dead),
        replaced: outcome.dead.len() - outcome.unplaced.len(),
        unplaced: outcome.unplaced.iter().map(name).collect(),
        moves: moved.iter().filter(running).filter(|place| !lost.contains(place)).count(),
        reduced: outcome.reduced,
    }
}

/// What a loss did. The scene is that of the plan before.
pub fn aftermath(scene: &Scene<'_>, losses: &[Loss], outcome: &Outcome) -> Aftermath {
    let machines = machines(losses);
    let level = |loss: &Loss| &scene.inventory.levels[loss.level].name;
    let names = |places: &[Place]| places.iter().map(|(g, r, i)| scene.instance(*g, *r, *i)).collect();
    Aftermath {
        lost: losses.iter().map(|loss| format!("{}={}", level(loss), loss.name)).collect(),
        nodes: machines.iter().map(|m| scene.node(*m).to_owned()).collect(),
        dies: names(&outcome.dead),
        down: down(scene, &outcome.dead),
        unplaced: names(&outcome.unplaced),
        reduced: outcome.reduced,
        steps: steps(scene, &machines, outcome),
    }
}

/// All machines of some losses.
pub fn machines(losses: &[Loss]) -> BTreeSet<usize> {
    losses.iter().flat_map(|loss| loss.machines.iter().copied()).collect()
}

/// What a person must do after a loss, in order. The scene is that of the plan before.
fn steps(scene: &Scene<'_>, machines: &BTreeSet<usize>, outcome: &Outcome) -> Vec<Step> {
    let lost: Vec<_> = scene.seats().filter(|seat| machines.contains(&seat.machine)).collect();
    let running = |seat: &&super::Seat| (seat.instance as u32) < scene.role(seat.group, seat.role).replicas.min;
    let kept = |seat: &&super::Seat| scene.role(seat.group, seat.role).form != Form::Deployment;
    let nodes: BTreeSet<usize> = lost.iter().filter(running).filter(kept).map(|seat| seat.machine).collect();
    let names = nodes.iter().map(|m| scene.node(*m)).collect::<Vec<_>>().join(" ");
    let say = |what: &str, commands: Vec<String>| Step { what: what.to_owned(), commands };
    let mut steps = Vec::new();
    if !outcome.unplaced.is_empty() {
        steps.push(say(
            "make room for what finds no place, as its problem says: until then nothing compiles",
            Vec::new(),
        ));
    } else if outcome.reduced {
        steps.push(say("lower the maximum of autoscaled roles to what fits: until then nothing compiles", Vec::new()));
    }
    steps.push(say(
        "mark the lost nodes `ready: false` in the inventory, or take them out; compile, review and merge: new pods \
         then go to their new places",
        Vec::new(),
    ));
    if !nodes.is_empty() {
        steps.push(say(
            "make sure that the lost nodes are switched off, not only out of reach: a pod that still runs there would \
             meet its successor of the same name",
            Vec::new(),
        ));
        steps.push(say(
            "tell Kubernetes that they are off. A StatefulSet makes no second pod of a name, and a node that does not \
             answer never confirms that the first has ended: without the taint its pods stay `Terminating` for ever. \
             With it they are deleted and their volumes detached",
            vec![format!("kubectl taint nodes {names} {OUT_OF_SERVICE}")],
        ));
    }
    steps.extend(claims(scene, &lost));
    if lost.iter().filter(running).any(|seat| !kept(&seat)) {
        steps.push(say(
            "pods of Deployments need nothing: Kubernetes replaces them after some five minutes",
            Vec::new(),
        ));
    }
    if !nodes.is_empty() {
        steps.push(say(
            "before a node serves again, take the taint away",
            vec![format!("kubectl taint nodes {names} {OUT_OF_SERVICE}-")],
        ));
    }
    steps
}

/// Claims of lost pods: those on local disks hold their pods to the lost node.
fn claims(scene: &Scene<'_>, lost: &[super::Seat]) -> Option<Step> {
    let mut commands = Vec::new();
    for seat in lost {
        let group = &scene.plan.groups[seat.group];
        let role = &group.roles[seat.role];
        if seat.instance as u32 >= role.source.replicas.min {
            continue;
        }
        let parts = role.parts.iter().flat_map(|p| std::iter::repeat_n(p, p.source.count as usize));
        let Some(part) = parts.clone().nth(seat.pod) else { continue };
        let names = scene.names(seat.group, seat.role, seat.instance);
        let Some(pod) = names.get(seat.pod) else { continue };
        let namespace = &group.source.namespace;
        let delete = |claim: &crate::plan::template::Claim| {
            format!("kubectl -n {namespace} delete pvc {}-{pod} --wait=false", claim.name)
        };
        commands.extend(part.template.claims.iter().map(delete));
    }
    (!commands.is_empty()).then(|| Step {
        what: "if their claims are on disks of the lost nodes, give them up with what is stored there; claims on \
               network storage follow their pods and stay"
            .into(),
        commands,
    })
}
