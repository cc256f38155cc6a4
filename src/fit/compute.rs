//! NVLink across machines: which pods share a ComputeDomain.
//!
//! A ComputeDomain (`resource.nvidia.com/v1beta1`, NVIDIA's DRA driver) opens memory channels
//! between the machines that its pods run on. It places no pods, and machines of one NVLink domain
//! without one have no NVLink between pods: so it is made for every set of pods that a required
//! clause keeps inside one NVLink domain, or the clause gives no NVLink and a warning says why.
//! A machine carries one ComputeDomain at a time.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::check::{Clause, ClauseKind, Connection, Form, Group, Model, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::inventory::{Inventory, NEEDS_COMPUTE_DOMAIN};
use crate::naming;

use super::clauses::level_of;
use super::eligible::Eligible;
use super::names::collision;

/// The API of ComputeDomains: what the inventory must name under `capabilities`.
pub const CAPABILITY: &str = "resource.nvidia.com/v1beta1";

/// The first Kubernetes with claims of devices on by default for those who enable the API (KEP-4381, beta).
const CLAIMS: (u32, u32) = (1, 32);

/// Pods that reach each other's accelerators over NVLink across machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeDomain {
    /// The name of the object.
    pub name: String,
    /// Machines that its pods run on: one for each pod with accelerators.
    pub nodes: u32,
    /// Roles, and which of their instances.
    pub members: Vec<(usize, Range<u32>)>,
}

impl ComputeDomain {
    /// Whether all instances of both ends of a connection belong to it.
    pub fn joins(&self, group: &Group, connection: &Connection) -> bool {
        let all = |role: usize| {
            let last = group.roles[role].replicas.max;
            self.members.iter().any(|(r, instances)| *r == role && *instances == (0..last))
        };
        all(connection.from) && all(connection.to)
    }

    /// Whether an instance of a role belongs to it; `None` asks for any.
    pub fn holds(&self, role: usize, instance: Option<u32>) -> bool {
        self.members.iter().any(|(r, instances)| *r == role && instance.is_none_or(|i| instances.contains(&i)))
    }
}

/// The level whose link takes a ComputeDomain.
pub(super) fn level(inventory: &Inventory) -> Option<usize> {
    let needs = |link: &crate::inventory::LevelLink| link.needs.as_deref() == Some(NEEDS_COMPUTE_DOMAIN);
    inventory.levels.iter().position(|l| l.link.as_ref().is_some_and(needs))
}

/// Whether the cluster can have ComputeDomains.
pub(super) fn offered(inventory: &Inventory) -> bool {
    inventory.kubernetes >= CLAIMS && inventory.capabilities.contains(CAPABILITY)
}

/// The ComputeDomains of each group, in the order of the model.
pub(super) fn domains(
    session: &mut Session,
    model: &Model,
    inventory: &Inventory,
    eligible: &Eligible,
) -> Vec<Vec<ComputeDomain>> {
    let Some(level) = level(inventory) else { return vec![Vec::new(); model.groups.len()] };
    let mut all = Vec::new();
    for (group, sets) in model.groups.iter().zip(&eligible.of) {
        let mut domains = Vec::new();
        for (clause, roles, bundles) in bundles(group, inventory, level) {
            let why = one_template(group, &roles, &bundles);
            match why.or_else(|| obstacle(group, &roles, inventory, eligible, sets)) {
                None => domains.extend(bundles),
                Some(why) => session.report(no_nvlink(clause, &inventory.levels[level].name, &why)),
            }
        }
        all.push(domains);
    }
    unique(session, model, &all);
    all
}

/// Checks that no two groups of a namespace make ComputeDomains of one name.
fn unique(session: &mut Session, model: &Model, all: &[Vec<ComputeDomain>]) {
    let mut seen: BTreeMap<(&str, &str), &Group> = BTreeMap::new();
    for (group, domains) in model.groups.iter().zip(all) {
        for domain in domains {
            if let Some(other) = seen.insert((&group.namespace, &domain.name), group)
                && other.name != group.name
            {
                let object = ("ComputeDomain", domain.name.as_str(), group.namespace.as_str());
                session.report(collision(object, group.span, (other.span, &other.name)));
            }
        }
    }
}

/// Roles, and which of their instances.
type Members = Vec<(usize, Range<u32>)>;

/// For each clause that keeps pods inside one domain: its roles, and the sets of pods. A role is in
/// the sets of one clause, the widest: what shares a domain with more pods needs no set of its own.
fn bundles<'g>(
    group: &'g Group,
    inventory: &Inventory,
    level: usize,
) -> Vec<(&'g Clause, Vec<usize>, Vec<ComputeDomain>)> {
    let across = |clause: &&Clause| {
        let at = level_of(&clause.kind).and_then(|l| inventory.level(&l.name));
        clause.prefer.is_none() && at.is_some_and(|at| at >= level && at + 1 < inventory.levels.len())
    };
    let mut clauses: Vec<&Clause> = group.clauses.iter().filter(across).collect();
    clauses.sort_by_key(|clause| match &clause.kind {
        ClauseKind::Together { .. } => 0,
        ClauseKind::Cells { .. } => 1,
        _ => 2,
    });
    let mut taken = vec![false; group.roles.len()];
    let mut found = Vec::new();
    for clause in clauses {
        let named: Vec<usize> = match &clause.kind {
            ClauseKind::Together { roles, .. } | ClauseKind::Instances { roles, .. } => roles.clone(),
            ClauseKind::Cells { shares, .. } => shares.iter().map(|(role, _)| *role).collect(),
            _ => continue,
        };
        let accelerated = named.into_iter().filter(|r| group.roles[*r].gpus() > 0);
        let roles: Vec<usize> = accelerated.filter(|r| !std::mem::replace(&mut taken[*r], true)).collect();
        let sets = sets(group, &clause.kind, &roles).into_iter().map(|set| domain(group, set));
        let sets: Vec<ComputeDomain> = sets.filter(|d| d.nodes > 1).collect();
        if !sets.is_empty() {
            found.push((clause, roles, sets));
        }
    }
    found
}

/// The sets that a clause makes of some of its roles, by the names of their ComputeDomains.
fn sets(group: &Group, kind: &ClauseKind, roles: &[usize]) -> Vec<(String, Members)> {
    let last = |role: usize| group.roles[role].replicas.max;
    match kind {
        ClauseKind::Together { .. } => vec![(group.name.clone(), roles.iter().map(|r| (*r, 0..last(*r))).collect())],
        ClauseKind::Cells { shares, .. } => {
            let shares = shares.iter().filter(|(role, _)| roles.contains(role)).map(|(r, share)| (*r, (*share).max(1)));
            let cells = shares.clone().map(|(r, share)| last(r).div_ceil(share)).max().unwrap_or(0);
            let part = |cell: u32, (r, share): (usize, u32)| {
                (r, (cell * share).min(last(r))..((cell + 1) * share).min(last(r)))
            };
            let cell = |cell| (naming::cell(&group.name, cell), shares.clone().map(|s| part(cell, s)).collect());
            (0..cells).map(cell).collect()
        }
        _ => {
            let instance = |r: usize, i| (naming::instance(&group.name, &group.roles[r].name, i), vec![(r, i..i + 1)]);
            roles.iter().flat_map(|r| (0..last(*r)).map(move |i| instance(*r, i))).collect()
        }
    }
}

fn domain(group: &Group, (name, members): (String, Members)) -> ComputeDomain {
    let pods = |role: &Role| role.parts.iter().filter(|p| p.pod.gpus > 0).map(|p| p.count).sum::<u32>();
    let nodes = members.iter().map(|(r, instances)| pods(&group.roles[*r]) * instances.len() as u32).sum();
    let members = members.into_iter().filter(|(_, instances)| !instances.is_empty()).collect();
    ComputeDomain { name, nodes, members }
}

/// One template for all instances can claim one ComputeDomain only.
fn one_template(group: &Group, roles: &[usize], sets: &[ComputeDomain]) -> Option<String> {
    let shared = roles.iter().find(|role| group.roles[**role].form == Form::InstanceSet)?;
    (sets.len() > 1).then(|| format!("the instances of `{}` share one template", group.roles[*shared].name))
}

/// Why the pods of some roles cannot have a ComputeDomain.
fn obstacle(
    group: &Group,
    roles: &[usize],
    inventory: &Inventory,
    eligible: &Eligible,
    sets: &[Vec<usize>],
) -> Option<String> {
    if !inventory.capabilities.contains(CAPABILITY) {
        return Some(format!("the inventory does not name `{CAPABILITY}` under `capabilities`"));
    }
    let (major, minor) = inventory.kubernetes;
    if !offered(inventory) {
        return Some(format!("claims of devices need Kubernetes 1.32, the cluster has {major}.{minor}"));
    }
    let several = |r: &&usize| group.roles[**r].replicas.autoscaled();
    if let Some(role) = roles.iter().find(several) {
        return Some(format!("an autoscaler changes the number of machines of `{}`", group.roles[*role].name));
    }
    let room = |node: &crate::inventory::Node| node.allocatable.get(&inventory.resources.gpu).copied().unwrap_or(0);
    for role in roles {
        for (part, set) in group.roles[*role].parts.iter().zip(&sets[*role]).filter(|(part, _)| part.pod.gpus > 0) {
            let machines = inventory.nodes.iter().zip(&eligible.sets[*set]).filter(|(_, may)| **may);
            let most = machines.map(|(node, _)| room(node)).max().unwrap_or(0);
            if i64::from(part.pod.gpus) * 2 <= most {
                return Some(format!(
                    "a pod of `{}` takes {} of {most} accelerators, and a machine has one ComputeDomain",
                    group.roles[*role].name, part.pod.gpus
                ));
            }
        }
    }
    None
}

fn no_nvlink(clause: &Clause, level: &str, why: &str) -> Diagnostic {
    let message = format!("pods that share a `{level}` get no NVLink between machines: {why}");
    Diagnostic::new(Code::NoComputeDomain, clause.span, message)
        .help("what keeps the ComputeDomain away must change, or name a level that promises no NVLink")
}
