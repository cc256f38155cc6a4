//! From a model and an inventory to a placement problem: whole numbers and indices.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{self, Container, Model, Objective, Part, Resources};
use crate::inventory::{Inventory, scaled};
use crate::lock::{Instance, Lock};
use crate::place::{Clause, ClauseKind, Edge, Group, Machine, Pod, Problem, Role};
use crate::quantity::Quantity;

use super::eligible::Eligible;

/// The pods that a kubelet runs when the inventory does not say: its default of 110.
const DEFAULT_PODS: i64 = 110;
/// Room of a resource that every machine has but the inventory does not count.
const UNCOUNTED: i64 = i64::MAX / 4;

pub(super) fn problem(
    model: &Model,
    inventory: &Inventory,
    eligible: Eligible,
    locks: &BTreeMap<String, Lock>,
) -> Problem {
    let compiled: BTreeSet<&str> = model.groups.iter().map(|g| g.stem.as_str()).collect();
    let others: Vec<(&String, &Lock)> = locks.iter().filter(|(name, _)| !compiled.contains(name.as_str())).collect();
    let resources = columns(model, inventory, &others);
    let index: BTreeMap<&str, usize> = inventory.nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let mut problem = Problem {
        gpu: resources.iter().position(|r| *r == inventory.resources.gpu).unwrap_or(0),
        levels: inventory.levels.iter().map(|l| l.name.clone()).collect(),
        links: super::links::links(inventory, super::compute::offered(inventory)),
        machines: machines(inventory, &resources),
        domains: inventory.domains.iter().map(|l| l.iter().map(|d| d.path.join("/")).collect()).collect(),
        groups: Vec::new(),
        occupied: vec![BTreeSet::new(); inventory.levels.len()],
        taken: vec![BTreeSet::new(); inventory.levels.len()],
        eligible: Vec::new(),
        resources,
        partial: false,
        effort: 1,
    };
    for (name, lock) in others {
        hold(&mut problem, inventory, name, lock, &index);
    }
    for (g, group) in model.groups.iter().enumerate() {
        let empty = Lock::default();
        let lock = locks.get(&group.stem).unwrap_or(&empty);
        problem.groups.push(self::group(group, (&eligible, g), &problem, inventory, lock, &index));
    }
    problem.eligible = eligible.sets;
    problem
}

/// The resources that anybody asks for: `pods` and the accelerator first, the others by name.
fn columns(model: &Model, inventory: &Inventory, others: &[(&String, &Lock)]) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (_, role) in model.roles() {
        for part in &role.parts {
            names.extend(requests(part, inventory).into_keys());
        }
    }
    for (_, lock) in others {
        names.extend(lock.uses.values().flatten().flat_map(|pod| pod.keys().cloned()));
    }
    let gpu = inventory.resources.gpu.clone();
    let rest = names.into_iter().filter(|n| *n != gpu && n != "pods");
    ["pods".to_owned(), gpu.clone()].into_iter().chain(rest).collect()
}

/// What a pod asks for by resource name, in the units of [`scaled`]: containers that run together
/// add up, init containers run alone before.
pub(super) fn requests(part: &Part, inventory: &Inventory) -> BTreeMap<String, i64> {
    let pod = &part.pod;
    let mut total: BTreeMap<String, i64> = BTreeMap::new();
    for container in std::iter::once(&pod.main).chain(&pod.sidecars) {
        for (name, amount) in container_requests(container, inventory) {
            let sum = total.entry(name).or_insert(0);
            *sum = sum.saturating_add(amount);
        }
    }
    let mut add = |name: &str, amount: u32| {
        if amount > 0 {
            *total.entry(name.to_owned()).or_insert(0) += i64::from(amount);
        }
    };
    add(&inventory.resources.gpu, pod.gpus);
    if let Some(rdma) = &inventory.resources.rdma {
        add(rdma, pod.rdma);
    }
    for container in &pod.inits {
        for (name, amount) in container_requests(container, inventory) {
            let most = total.entry(name).or_insert(0);
            *most = (*most).max(amount);
        }
    }
    total.insert("pods".to_owned(), 1);
    total
}

fn container_requests(container: &Container, inventory: &Inventory) -> Vec<(String, i64)> {
    let Resources { cpu, memory, ephemeral, hugepages, extra } = &container.resources;
    let mut out = Vec::new();
    let mut add = |name: &str, quantity: &Option<Quantity>| {
        if let Some(quantity) = quantity {
            out.push((name.to_owned(), scaled(name, *quantity, true)));
        }
    };
    add("cpu", cpu);
    add("memory", memory);
    add("ephemeral-storage", ephemeral);
    if let Some(name) = &inventory.resources.hugepages {
        add(name, hugepages);
    }
    for (name, quantity) in extra {
        add(name, &Some(*quantity));
    }
    out
}

fn machines(inventory: &Inventory, resources: &[String]) -> Vec<Machine> {
    let free = |node: &crate::inventory::Node| {
        resources
            .iter()
            .map(|resource| {
                let all = node.allocatable.get(resource).copied().unwrap_or(match resource.as_str() {
                    "pods" => DEFAULT_PODS,
                    "cpu" | "memory" | "ephemeral-storage" => UNCOUNTED,
                    _ => 0,
                });
                (all - node.used.get(resource).copied().unwrap_or(0)).max(0)
            })
            .collect()
    };
    inventory
        .nodes
        .iter()
        .map(|node| Machine {
            name: node.name.clone(),
            free: free(node),
            domains: node.domains.clone(),
            closed: (!node.schedulable).then_some("cordoned or not ready"),
            holders: Vec::new(),
        })
        .collect()
}

/// Takes the room of a group that is not compiled now.
fn hold(problem: &mut Problem, inventory: &Inventory, name: &str, lock: &Lock, index: &BTreeMap<&str, usize>) {
    for (instance, nodes) in &lock.places {
        let Some(pods) = lock.uses.get(&instance.role) else { continue };
        let accelerated = pods.iter().any(|pod| pod.get(&inventory.resources.gpu).is_some_and(|n| *n > 0));
        for (node, pod) in nodes.iter().zip(pods) {
            let Some(machine) = index.get(node.as_str()) else { continue };
            for (column, resource) in problem.resources.iter().enumerate() {
                let free = &mut problem.machines[*machine].free[column];
                *free = (*free - pod.get(resource).copied().unwrap_or(0)).max(0);
            }
            let holder = format!("{name}/{instance}");
            if problem.machines[*machine].holders.last() != Some(&holder) {
                problem.machines[*machine].holders.push(holder);
            }
            if !accelerated {
                continue;
            }
            for (level, domain) in problem.machines[*machine].domains.clone().into_iter().enumerate() {
                let Some(domain) = domain else { continue };
                problem.occupied[level].insert(domain);
                if lock.exclusive.contains(&problem.levels[level]) {
                    problem.taken[level].insert(domain);
                }
            }
        }
    }
}

fn group(
    group: &check::Group,
    (eligible, g): (&Eligible, usize),
    problem: &Problem,
    inventory: &Inventory,
    lock: &Lock,
    index: &BTreeMap<&str, usize>,
) -> Group {
    let roles = group
        .roles
        .iter()
        .zip(&eligible.of[g])
        .map(|(role, sets)| {
            let pods: Vec<Pod> = role
                .parts
                .iter()
                .zip(sets)
                .flat_map(|(part, set)| {
                    let asked = requests(part, inventory);
                    let request = problem.resources.iter().map(|r| asked.get(r).copied().unwrap_or(0)).collect();
                    std::iter::repeat_n(Pod { request, eligible: *set }, part.count as usize)
                })
                .collect();
            Role {
                name: role.name.clone(),
                span: role.span,
                instances: role.replicas.max as usize,
                previous: previous(role, pods.len(), lock, index),
                accelerated: role.gpus() > 0,
                pods,
            }
        })
        .collect();
    Group {
        name: group.stem.clone(),
        roles,
        clauses: group.clauses.iter().flat_map(|c| clauses(c, inventory)).collect(),
        edges: group
            .connections
            .iter()
            .map(|c| Edge { from: c.from, to: c.to, floor: c.floor.map(|(l, _)| l), weight: c.weight, span: c.span })
            .collect(),
        preferences: eligible.preferred[g].clone(),
        locality: group.objective == Objective::Locality,
    }
}

/// Where the instances of a role stood. An instance whose number of pods changed stood nowhere.
fn previous(role: &check::Role, pods: usize, lock: &Lock, index: &BTreeMap<&str, usize>) -> Vec<Vec<Option<usize>>> {
    (0..role.replicas.max)
        .map(|i| {
            let key = Instance { role: role.name.clone(), index: i };
            let nodes = lock.places.get(&key).filter(|nodes| nodes.len() == pods);
            nodes.map_or(Vec::new(), |nodes| nodes.iter().map(|n| index.get(n.as_str()).copied()).collect())
        })
        .collect()
}

fn clauses(clause: &check::Clause, inventory: &Inventory) -> Vec<Clause> {
    let level = super::clauses::level_of(&clause.kind).and_then(|l| inventory.level(&l.name));
    let Some(level) = level else { return Vec::new() };
    let kinds = match &clause.kind {
        check::ClauseKind::Instances { roles, .. } => {
            roles.iter().map(|role| ClauseKind::Instances { role: *role, level }).collect()
        }
        check::ClauseKind::Together { roles, .. } => vec![ClauseKind::Together { roles: roles.clone(), level }],
        check::ClauseKind::Cells { shares, .. } => vec![ClauseKind::Cells { shares: shares.clone(), level }],
        check::ClauseKind::Near { role, to, .. } => vec![ClauseKind::Near { role: *role, to: *to, level }],
        check::ClauseKind::Spread { role, max_skew, at_least, .. } => {
            vec![ClauseKind::Spread { role: *role, level, max_skew: *max_skew, at_least: *at_least }]
        }
        check::ClauseKind::Apart { role, from, .. } => vec![ClauseKind::Apart { role: *role, from: *from, level }],
        check::ClauseKind::Exclusive { .. } => vec![ClauseKind::Exclusive { level }],
        check::ClauseKind::Survive { count, .. } => vec![ClauseKind::Survive { count: *count, level }],
        check::ClauseKind::Pool { .. } | check::ClauseKind::Label { .. } => Vec::new(),
    };
    kinds.into_iter().map(|kind| Clause { kind, prefer: clause.prefer, span: clause.span }).collect()
}
