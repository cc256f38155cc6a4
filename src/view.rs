//! A plan as people and programs look at it: what runs where, what is free, what it costs.
//!
//! Everything here is said about a finished [`Placement`]; nothing of it reaches a manifest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::check::{self, Model};
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::lock::{Instance as Key, Lock};
use crate::place::{self, Placement, Problem};
use crate::plan::Plan;
use crate::target::{self, Target};

pub mod capacity;

pub mod links;
pub mod loss;
pub mod page;
pub mod standing;
pub mod text;
mod topology;
mod usage;

use capacity::Capacity;
use loss::Aftermath;

/// What a view is made from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'p> {
    /// The model and the placement problem.
    pub fitted: &'p Fitted,
    /// The machines.
    pub inventory: &'p Inventory,
    /// What runs.
    pub plan: &'p Plan<'p>,
    /// Where it runs.
    pub placement: &'p Placement,
    /// Where it ran, by group.
    pub locks: &'p BTreeMap<String, Lock>,
    /// Who names the pods.
    pub target: Target,
}

/// A pod in its place: indices of group, role, instance, pod in the instance, and machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    group: usize,
    role: usize,
    instance: usize,
    pod: usize,
    machine: usize,
}

impl<'p> Scene<'p> {
    fn model(&self) -> &'p Model {
        &self.fitted.model
    }

    fn problem(&self) -> &'p Problem {
        &self.fitted.problem
    }

    fn role(&self, group: usize, role: usize) -> &'p check::Role {
        &self.model().groups[group].roles[role]
    }

    /// All pods, in the order of the model.
    fn seats(&self) -> impl Iterator<Item = Seat> + 'p {
        let roles = self.placement.groups.iter().enumerate();
        let instances = roles.flat_map(|(group, roles)| {
            let roles = roles.iter().enumerate();
            roles.flat_map(move |(role, list)| list.iter().enumerate().map(move |(i, pods)| (group, role, i, pods)))
        });
        instances.flat_map(|(group, role, instance, pods)| {
            let pods = pods.iter().enumerate();
            pods.map(move |(pod, machine)| Seat { group, role, instance, pod, machine: *machine })
        })
    }

    /// What a pod asks for of a resource, by column.
    fn request(&self, seat: Seat, column: usize) -> i64 {
        let pod = &self.problem().groups[seat.group].roles[seat.role].pods[seat.pod];
        pod.request.get(column).copied().unwrap_or(0)
    }

    /// The names of the pods of an instance.
    fn names(&self, group: usize, role: usize, instance: usize) -> Vec<String> {
        let group = &self.model().groups[group];
        target::pod_names(self.target, group, &group.roles[role], instance as u32)
    }

    /// `group/role/instance`.
    fn instance(&self, group: usize, role: usize, instance: usize) -> String {
        format!("{}/{}/{instance}", self.model().groups[group].name, self.role(group, role).name)
    }

    fn node(&self, machine: usize) -> &'p str {
        &self.inventory.nodes[machine].name
    }
}

/// A plan for programs: what `rbgc plan --json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
pub struct Overview {
    /// The name of the inventory.
    pub inventory: String,
    /// Whether no plan is better: every part of the objective has reached its bound.
    pub optimal: bool,
    /// What was minimised, most important first.
    pub objective: Vec<Criterion>,
    /// Where everything runs.
    pub groups: Vec<Group>,
    /// Groups that found no place.
    pub unplaced: Vec<String>,
    /// Instances that run elsewhere than in the previous plan.
    pub moves: Vec<Move>,
    /// What is left.
    pub capacity: Capacity,
    /// What `--without` asks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<Aftermath>,
}

/// A part of the objective.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Criterion {
    /// What is counted.
    pub name: String,
    /// What the plan costs.
    pub value: i64,
    /// What every plan costs at least that is as good in all parts before.
    pub bound: i64,
}

/// A group.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its roles, in the order of the source.
    pub roles: Vec<Role>,
}

/// A role.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its instances; none when the group found no place.
    pub instances: Vec<Instance>,
}

/// An instance.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Instance {
    /// Its number, from 0.
    pub index: u32,
    /// It does not run yet: room for it is kept, so that an autoscaler can add it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub reserved: bool,
    /// Its pods: leader first.
    pub pods: Vec<Pod>,
    /// For each level at which all its pods share a domain the name of that domain.
    pub domains: BTreeMap<String, String>,
}

/// A pod.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Pod {
    /// Its name; ends with `*` where the cluster completes it, as for pods of a Deployment.
    pub name: String,
    /// The node.
    pub node: String,
    /// The link that any two of its accelerators have at worst on this node: `nvlink` or `pcie`.
    /// Absent when it has not two, and where the inventory knows no `gpu-links` of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_link: Option<String>,
}

/// An instance that runs elsewhere than before.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Move {
    /// The group.
    pub group: String,
    /// The role.
    pub role: String,
    /// The number of the instance.
    pub instance: u32,
    /// The nodes of its pods before.
    pub from: Vec<String>,
    /// The nodes of its pods now.
    pub to: Vec<String>,
    /// Why it moves, in words.
    pub reason: String,
}

/// The JSON Schema of [`Overview`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Overview).to_value()
}

/// The JSON Schema of [`loss::Failures`].
pub fn failures_schema() -> serde_json::Value {
    schemars::schema_for!(loss::Failures).to_value()
}

/// Everything that there is to say about a plan.
pub fn overview(scene: &Scene<'_>) -> Overview {
    let placement = scene.placement;
    let criterion = |c: &place::Criterion| Criterion { name: c.name.into(), value: c.value, bound: c.bound };
    Overview {
        inventory: scene.inventory.name.clone(),
        optimal: placement.is_optimal(),
        objective: placement.objective.iter().map(criterion).collect(),
        groups: (0..scene.model().groups.len()).map(|g| group(scene, g)).collect(),
        unplaced: placement.unplaced.iter().map(|g| scene.model().groups[*g].name.clone()).collect(),
        moves: moves(scene),
        capacity: capacity::capacity(scene),
        without: None,
    }
}

fn group(scene: &Scene<'_>, g: usize) -> Group {
    let group = &scene.model().groups[g];
    let role = |(r, role): (usize, &check::Role)| {
        let placed = scene.placement.groups.get(g).and_then(|roles| roles.get(r)).map_or(&[][..], Vec::as_slice);
        let standing = placed.iter().enumerate().filter(|(_, machines)| !machines.is_empty());
        let instances = standing.map(|(i, machines)| instance(scene, (g, r, i), machines)).collect();
        Role { name: role.name.clone(), instances }
    };
    Group { name: group.stem.clone(), roles: group.roles.iter().enumerate().map(role).collect() }
}

fn instance(scene: &Scene<'_>, (g, r, i): (usize, usize, usize), machines: &[usize]) -> Instance {
    let names = scene.names(g, r, i).into_iter();
    let pod = |(pod, (name, machine)): (usize, (String, &usize))| {
        let seat = Seat { group: g, role: r, instance: i, pod, machine: *machine };
        let links = scene.inventory.nodes[*machine].gpu_links.as_ref();
        let links = links.filter(|_| scene.request(seat, scene.problem().gpu) > 1);
        let gpu_link = links.and_then(|links| links.worst()).map(|link| link.name().to_owned());
        Pod { name, node: scene.node(*machine).to_owned(), gpu_link }
    };
    Instance {
        index: i as u32,
        reserved: i as u32 >= scene.role(g, r).replicas.min,
        pods: names.zip(machines).enumerate().map(pod).collect(),
        domains: topology::common(scene.inventory, machines).into_iter().map(|(l, d)| (l.into(), d.into())).collect(),
    }
}

fn moves(scene: &Scene<'_>) -> Vec<Move> {
    let one = |m: &place::Move| {
        let (group, role) = (&scene.model().groups[m.group].name, &scene.role(m.group, m.role).name);
        let key = Key { role: role.clone(), index: m.instance as u32 };
        // The lock knows the names of nodes that are gone.
        let locked = scene.locks.get(group).and_then(|lock| lock.places.get(&key));
        let before = &scene.problem().groups[m.group].roles[m.role].previous[m.instance];
        let known = before.iter().flatten().map(|m| scene.node(*m).to_owned());
        let from = locked.cloned().unwrap_or_else(|| known.collect());
        Move {
            group: group.clone(),
            role: role.clone(),
            instance: m.instance as u32,
            reason: m.why(scene.problem(), &from),
            from,
            to: scene.placement.groups[m.group][m.role][m.instance].iter().map(|m| scene.node(*m).to_owned()).collect(),
        }
    };
    scene.placement.moves.iter().map(one).collect()
}
