//! What is to run, for any target: units, Services, files, policies and the discovery file.
//!
//! A plan knows pods, labels and addresses, but no workload object: which kinds hold the pods is
//! the target's choice. It borrows from the model and the inventory, so that a plan of a thousand
//! groups copies no templates.
//!
//! Everything that a pod is made from stands in its [`Part`], which is one for all instances, and
//! in the [`Site`] of its unit. Neither may depend on the number of replicas, on other groups or
//! on the size of the inventory: what changes there restarts pods.

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::check::{self, Form, Model, RoleId};
use crate::fit::Fitted;
use crate::fit::compute::ComputeDomain;
use crate::fit::gang::GangScheduler;
use crate::fit::hardware::Hardware;
use crate::graph::Application;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::link::Link;
use crate::lock;
use crate::naming;
use crate::place::Placement;
use crate::rollout::Skew;
use crate::source::Span;

pub mod affinity;
pub mod discovery;
pub mod env;
pub mod files;
pub mod kept;
pub mod network;
pub mod pins;
pub mod rendezvous;
pub mod routing;
pub mod services;
pub mod template;
pub mod wait;
mod workloads;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use affinity::{Rules, Site};
use files::FileSet;
use network::Policy;
use pins::Topology;
use routing::{Exposed, Used};
use services::{Service, entrances, services};
use template::PodTemplate;

pub use workloads::{addressed_by, first_ordinal, pods_of, workload_name};

/// What is to run.
#[derive(Debug)]
pub struct Plan<'m> {
    /// What workloads become.
    pub target: Target,
    /// The machines.
    pub inventory: &'m Inventory,
    /// The groups, in the order of the model.
    pub groups: Vec<Group<'m>>,
    /// The scheduler that places the pods of an instance together, where the cluster has one.
    pub gang: Option<GangScheduler>,
    /// Groups that are delivered together; every group is in exactly one.
    pub applications: Vec<Application>,
}

/// A group.
#[derive(Debug)]
pub struct Group<'m> {
    /// The group in the terms of the language.
    pub source: &'m check::Group,
    /// The text of the discovery file.
    pub discovery: String,
    /// The sets of pods with NVLink between machines.
    pub compute_domains: &'m [ComputeDomain],
    /// The roles, in the order of the model.
    pub roles: Vec<Role<'m>>,
    /// How its roles that are coordinated are updated in step.
    pub rollouts: Vec<Rollout>,
}

/// The update of some roles, or the way of their new instances, instance by instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Its roles, by their index in [`Group::roles`].
    pub roles: Vec<RolloutRole>,
    /// What its steps bring.
    pub brings: Brings,
    /// The largest difference of the roles' updated shares after a step; of their ready shares where
    /// its steps bring new instances.
    pub skew: Skew,
    /// The same while a step is under way.
    pub under_way: Skew,
    /// The bound on the ready shares that no order of its steps keeps: where it stands.
    pub unkept: Option<Span>,
}

/// What the steps of a rollout bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brings {
    /// Updates: every instance gets what the sources say, and new ones come in their turn.
    Updates,
    /// New instances only. Those that stand have the steps that they were last updated in.
    Instances,
    /// Removals: instances leave, in a commit for each step.
    Removals,
    /// Nothing: no instance is new, and each is updated by itself.
    Nothing,
}

/// A role in a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutRole {
    /// Its index in [`Group::roles`].
    pub role: usize,
    /// What its instances are made from, without where they run.
    pub template: lock::Digest,
    /// For each instance the step that updates it.
    pub steps: Vec<u32>,
}

/// A role.
#[derive(Debug)]
pub struct Role<'m> {
    /// The role in the terms of the language.
    pub source: &'m check::Role,
    /// The name of its objects, `<group>-<role>`.
    pub name: String,
    /// When it starts: after all roles of lower stages.
    pub stage: u32,
    /// How many roles come before it, one after the other, in every step of the rollout that they share.
    pub within: u32,
    /// Who may reach it.
    pub policy: Policy<'m>,
    /// ConfigMaps with its files.
    pub files: Vec<FileSet<'m>>,
    /// Its Services.
    pub services: Vec<Service<'m>>,
    /// How it is exposed.
    pub exposed: Option<Exposed<'m>>,
    /// What others that are exposed make of it.
    pub used: Used<'m>,
    /// The pods of an instance.
    pub parts: Vec<Part<'m>>,
    /// Where the parts run: one unit for all instances, or one for each.
    pub units: Vec<Unit<'m>>,
}

/// Pods of an instance that share a template.
#[derive(Debug)]
pub struct Part<'m> {
    /// The part in the terms of the language.
    pub source: &'m check::Part,
    /// When it starts within its role: after all parts of lower steps.
    pub step: u32,
    /// The link that any two accelerators of a pod have at worst, where that is known.
    pub gpu_link: Option<Link>,
    /// The template.
    pub template: PodTemplate<'m>,
}

/// What is made of its own workload objects: an instance, or all instances of a role.
#[derive(Debug)]
pub struct Unit<'m> {
    /// The number of the instance; `None` for all.
    pub instance: Option<u32>,
    /// When it starts within its stage: after all units of lower steps. Its parts follow in their own steps.
    pub step: u32,
    /// For each part where its pods run.
    pub sites: Vec<Site<'m>>,
}

impl Role<'_> {
    /// Whether an autoscaler owns the number of instances.
    pub fn autoscaled(&self) -> bool {
        self.source.replicas.autoscaled()
    }

    /// Whether its pods have names that resolve.
    pub fn addressable(&self) -> bool {
        self.source.form != Form::Deployment
    }

    /// Instances that exist at all times.
    pub fn instances(&self) -> u32 {
        self.source.replicas.min
    }
}

/// With fewer groups, starting threads takes longer than it saves.
const WORTH_THREADS: usize = 64;

/// Makes the plan. It cannot fail: what could not be lowered was refused in `check` and `fit`.
pub fn plan<'m>(fitted: &'m Fitted, inventory: &'m Inventory, placement: &Placement) -> Plan<'m> {
    let policies = network::policies(&fitted.model, &fitted.stages, inventory);
    let topology = Topology::new(inventory);
    let used = routing::used(&fitted.model);
    let policies: Vec<_> = policies.into_iter().zip(used).collect();
    let group = |(g, policies)| group(fitted, &topology, placement, g, policies);
    let groups = if policies.len() < WORTH_THREADS {
        policies.into_iter().enumerate().map(group).collect()
    } else {
        policies.into_par_iter().enumerate().map(group).collect()
    };
    Plan {
        target: fitted.target,
        inventory,
        groups,
        gang: fitted.gang,
        applications: applications(&fitted.stages.applications, &fitted.model),
    }
}

/// The applications, completed by one for every group that is in none.
fn applications(known: &[Application], model: &Model) -> Vec<Application> {
    let covered: BTreeSet<usize> = known.iter().flat_map(|a| a.groups.iter().copied()).collect();
    let alone = (0..model.groups.len()).filter(|g| !covered.contains(g));
    let alone = alone.map(|g| Application { name: model.groups[g].stem.clone(), groups: vec![g] });
    known.iter().cloned().chain(alone).collect()
}

fn group<'m>(
    fitted: &'m Fitted,
    topology: &Topology<'m>,
    placement: &Placement,
    index: usize,
    (policies, used): (Vec<Policy<'m>>, Vec<Used<'m>>),
) -> Group<'m> {
    let source = &fitted.model.groups[index];
    let bounds = pins::bounds(fitted, index, topology);
    let compute_domains = fitted.compute_domains.get(index).map_or(&[][..], Vec::as_slice);
    let roles = bounds.into_iter().zip(policies).zip(used).enumerate();
    let roles = roles.map(|(r, ((bounds, policy), used))| {
        let kept = fitted.locks.get(index).map(|lock| &lock.affinities);
        let rules = Rules { target: fitted.target, inventory: topology.inventory, pin: source.pin, bounds, kept };
        let placed = placement.groups.get(index).and_then(|g| g.get(r)).map_or(&[][..], Vec::as_slice);
        let of = |list: &[Vec<u32>]| list.get(index).and_then(|s| s.get(r)).copied().unwrap_or(0);
        let whole = fitted.group_stages.as_ref().and_then(|stages| stages.get(index));
        let stage = whole.map_or_else(|| (of(&fitted.stages.stage), of(&fitted.stages.within)), |whole| (*whole, 0));
        let hardware = |part| fitted.hardware.get(&[index, r, part]);
        let mut role = role(source, r, &rules, placed, (stage, policy), hardware);
        claim(&mut role, r, compute_domains);
        wait::gate(&mut role, &fitted.model, source);
        rendezvous::supervise(&mut role, fitted.target);
        let id = RoleId { group: index, role: r };
        (role.exposed, role.used) = (routing::exposed(&fitted.model, id, &topology.inventory.routing), used);
        role
    });
    let mut roles: Vec<Role> = roles.collect();
    entrances(fitted, index, &mut roles);
    let discovery = discovery::text(source, &roles, topology.inventory, &fitted.links, compute_domains);
    Group { source, discovery, compute_domains, roles, rollouts: Vec::new() }
}

fn role<'m>(
    group: &'m check::Group,
    index: usize,
    rules: &Rules<'m>,
    placed: &[Vec<usize>],
    ((stage, within), policy): ((u32, u32), Policy<'m>),
    hardware: impl Fn(usize) -> Option<&'m Hardware>,
) -> Role<'m> {
    let source = &group.roles[index];
    let steps = if rules.target == Target::Rbg { vec![0; source.parts.len()] } else { steps(&source.parts) };
    let part = |(index, (part, step)): (usize, (&'m check::Part, u32))| {
        let set = files::set_name(&group.name, source, part);
        let hardware = hardware(index);
        let nics = hardware.and_then(|hardware| hardware.nics.as_deref()).unwrap_or_default();
        let template = template::template(group, source, part, (&set, nics), (rules.target, rules.inventory));
        Part { source: part, step, gpu_link: hardware.and_then(|hardware| hardware.gpu_link), template }
    };
    Role {
        source,
        name: naming::workload(&group.name, &source.name),
        stage,
        within,
        policy,
        files: files::sets(&group.name, source),
        services: services(group, source),
        exposed: None,
        used: Used::default(),
        parts: source.parts.iter().zip(steps).enumerate().map(part).collect(),
        units: units((group, index), rules, placed),
    }
}

/// For each part how many parts must start before it, one after the other. The parts are few and
/// without cycles, so a step is settled after at most as many rounds as there are parts.
fn steps(parts: &[check::Part]) -> Vec<u32> {
    let mut steps = vec![0; parts.len()];
    for _ in parts {
        for (index, part) in parts.iter().enumerate() {
            steps[index] = part.after.iter().map(|before| steps[*before] + 1).max().unwrap_or(0);
        }
    }
    steps
}

/// A role by its group and index.
type RoleOf<'m> = (&'m check::Group, usize);

fn units<'m>((group, index): RoleOf<'m>, rules: &Rules<'m>, placed: &[Vec<usize>]) -> Vec<Unit<'m>> {
    let role = &group.roles[index];
    if !role.by_instance() {
        return vec![Unit { instance: None, step: 0, sites: sites((group, index), rules, placed, None) }];
    }
    let unit = |i: u32| {
        let own = placed.get(i as usize).map_or(&[][..], std::slice::from_ref);
        Unit { instance: Some(i), step: 0, sites: sites((group, index), rules, own, Some(i)) }
    };
    (0..role.replicas.min).map(unit).collect()
}

/// Lets the pods with accelerators claim a channel of the ComputeDomain that they belong to.
fn claim<'m>(role: &mut Role<'m>, index: usize, domains: &'m [ComputeDomain]) {
    for unit in &mut role.units {
        let Some(domain) = domains.iter().find(|d| d.holds(index, unit.instance)) else { continue };
        let parts = role.source.parts.iter().zip(&mut unit.sites);
        for (_, site) in parts.filter(|(part, _)| part.pod.gpus > 0) {
            site.compute_domain = Some(&domain.name);
        }
    }
}

/// The sites of the parts of an instance, or of all instances.
fn sites<'m>(
    (group, r): RoleOf<'m>,
    rules: &Rules<'m>,
    instances: &[Vec<usize>],
    number: Option<u32>,
) -> Vec<Site<'m>> {
    let role = &group.roles[r];
    let mut first = 0;
    let site = |(index, part): (usize, &'m check::Part)| {
        let pods = first..first + part.count as usize;
        first = pods.end;
        let nodes = instances.iter().flat_map(|i| i.get(pods.clone()).unwrap_or(&[]).iter().copied());
        let nodes: BTreeSet<usize> = nodes.filter(|n| *n < rules.inventory.nodes.len()).collect();
        let mut site = affinity::site(rules, role, index, nodes.into_iter().collect(), number.is_none());
        site.asked = kept::asked(group, r, part);
        kept::keep(site, part, rules, &remembered_as(role, number, part))
    };
    role.parts.iter().enumerate().map(site).collect()
}

/// The name by which a lock remembers the affinity of a part of an instance, or of all instances.
pub fn remembered_as(role: &check::Role, index: Option<u32>, part: &check::Part) -> lock::affinity::Site {
    lock::affinity::Site { role: role.name.clone(), index, part: part.kind.name().to_owned() }
}
