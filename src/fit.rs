//! The model against this inventory and this target: the last refusals but one.
//!
//! What is asked for is held against what there is by shape: levels, products, pools, resources,
//! capabilities, the size of domains. Whether it fits with everything else is for `place` to say.

use std::collections::BTreeMap;

use crate::check::Model;
use crate::diag::Session;
use crate::graph::Stages;
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::link::Link;
use crate::lock::Lock;
use crate::place::Problem;

mod clauses;
pub mod cluster;
pub mod compute;
mod coordination;
mod eligible;
pub mod gang;
pub mod hardware;
pub mod leaving;
pub mod links;
pub mod names;
mod problem;
pub mod revision;
pub mod routing;
mod shape;
pub mod target;
mod wait;
mod warm_up;

pub(crate) use eligible::tolerated;

/// A model that this cluster and target can hold by shape, and the placement problem it poses.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What workloads become.
    pub target: Target,
    /// The model.
    pub model: Model,
    /// Its stages.
    pub stages: Stages,
    /// For each group its stage, where a group is one object and starts as a whole.
    pub group_stages: Option<Vec<u32>>,
    /// What is to be placed. Groups, roles and pods stand in the order of the model: the pods of
    /// an instance are those of its parts, one after the other.
    pub problem: Problem,
    /// For each group the sets of pods with NVLink between machines.
    pub compute_domains: Vec<Vec<compute::ComputeDomain>>,
    /// The scheduler that places the pods of an instance together, where the cluster has one.
    pub gang: Option<gang::GangScheduler>,
    /// What holds of the hardware of every node that a part may use, by group, role and part; parts
    /// of which nothing is known are absent.
    pub hardware: BTreeMap<[usize; 3], hardware::Hardware>,
    /// For each level the link of two pods that share a domain of it and no narrower one, without
    /// what takes a ComputeDomain.
    pub links: Vec<Link>,
    /// For each group what was remembered of it; empty when nothing was.
    pub locks: Vec<Lock>,
    /// For each group the instances that leave in step.
    pub leaving: Vec<Vec<leaving::Leaving>>,
    /// For each group the generation that stands, where it is another one.
    pub retired: Vec<Option<u32>>,
}

/// Fits a model to a cluster. `locks` are those of all groups in the output, by the name of the
/// group: of groups that are compiled now they tell where instances stand, of others what they hold.
/// Instances that do not leave with this commit yet are put back into the model.
/// `None` when something was refused.
pub fn fit(
    session: &mut Session,
    mut model: Model,
    stages: Stages,
    inventory: &Inventory,
    locks: &BTreeMap<String, Lock>,
    (target, commit): (Target, leaving::Commit),
) -> Option<Fitted> {
    names::check(session, &model, target);
    revision::names(session, &model, locks);
    cluster::check(session, &model, inventory);
    routing::check(session, &model, inventory);
    let group_stages = target::stages(session, &model, inventory, target);
    clauses::check(session, &model, inventory);
    coordination::check(session, &model, locks, (target, commit.install));
    wait::check(session, &model);
    let leaving = leaving::leaving(session, &mut model, locks, (target, commit));
    session.gate()?;
    let eligible = eligible::sets(session, &model, inventory);
    shape::check(session, &model, inventory, &eligible);
    let compute_domains = compute::domains(session, &model, inventory, &eligible);
    let gang = gang::scheduler(session, &model, inventory);
    let hardware = hardware::hardware(session, &model, inventory, &eligible);
    links::check(session, &model, inventory, &compute_domains);
    warm_up::check(session, &model, inventory, &eligible);
    session.gate()?;
    let retired = revision::retired(&model, locks);
    let locks = revision::beside(&model, locks, &retired);
    let problem = problem::problem(&model, inventory, eligible, &locks);
    let locks = model.groups.iter().map(|group| locks.get(&group.stem).cloned().unwrap_or_default()).collect();
    let links = links::links(inventory, false);
    Some(Fitted {
        target,
        model,
        stages,
        group_stages,
        problem,
        compute_domains,
        gang,
        hardware,
        links,
        locks,
        leaving,
        retired,
    })
}
