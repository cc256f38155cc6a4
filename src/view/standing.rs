//! Whether what was planned before still holds on the machines as they are now: nodes go, are
//! cordoned, get other labels and taints, lose room. What `rbgc plan --verify` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::check::Part;
use crate::fit::Fitted;
use crate::inventory::{Inventory, Node};
use crate::lock::{Instance, Lock};
use crate::place::Problem;
use crate::place::verify::{self, Violation};
use crate::plan::{affinity::Toleration, kept, remembered_as};

/// Whether a committed plan holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Standing")]
pub struct Standing {
    /// The name of the inventory.
    pub inventory: String,
    /// Instances that were looked at.
    pub instances: usize,
    /// What no longer holds; nothing when the plan holds.
    pub broken: Vec<Broken>,
}

/// Something that no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Broken {
    /// Whom it concerns: `group`, or `group/role/index`.
    pub name: String,
    /// What is wrong, in words.
    pub reason: String,
}

/// The JSON Schema of [`Standing`].
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Standing).to_value()
}

/// Holds the plan in the locks against the machines. `locks` are those of all groups in the output:
/// of groups that are not compiled only the nodes and labels are known.
pub fn standing(fitted: &Fitted, inventory: &Inventory, locks: &BTreeMap<String, Lock>) -> Standing {
    let nodes: BTreeMap<&str, &Node> = inventory.nodes.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut broken = Vec::new();
    for (group, lock) in locks {
        let compiled = fitted.model.groups.iter().position(|g| g.name == *group);
        for (instance, places) in &lock.places {
            let name = format!("{group}/{instance}");
            for node in distinct(places) {
                match nodes.get(node.as_str()) {
                    None => broken.push(Broken { name: name.clone(), reason: format!("`{node}` is gone") }),
                    Some(found) if compiled.is_none() && !found.schedulable => {
                        let reason = format!("`{node}` is cordoned or not ready");
                        broken.push(Broken { name: name.clone(), reason });
                    }
                    Some(_) => {}
                }
            }
        }
        if let Some(index) = compiled {
            affinities(fitted, index, lock, &nodes, &mut broken);
        }
    }
    broken.extend(verify::standing(&fitted.problem).iter().flat_map(|violation| told(&fitted.problem, violation)));
    broken.sort();
    broken.dedup();
    let instances = locks.values().map(|lock| lock.places.len()).sum();
    Standing { inventory: inventory.name.clone(), instances, broken }
}

fn distinct(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names.dedup();
    names
}

/// Nodes that the affinity of their pods no longer allows.
fn affinities(fitted: &Fitted, group: usize, lock: &Lock, nodes: &BTreeMap<&str, &Node>, broken: &mut Vec<Broken>) {
    let group = &fitted.model.groups[group];
    for role in &group.roles {
        for index in 0..role.replicas.max {
            let Some(places) = lock.places.get(&Instance { role: role.name.clone(), index }) else { continue };
            let mut first = 0;
            for part in &role.parts {
                let pods = first..first + part.count as usize;
                first = pods.end;
                let own = role.by_instance().then_some(index);
                let Some(affinity) = lock.affinities.get(&remembered_as(role, own, part)) else { continue };
                let places = distinct(places.get(pods).unwrap_or_default());
                let name = || format!("{}/{}/{index}", group.stem, role.name);
                for node in places.into_iter().filter_map(|name| nodes.get(name.as_str())) {
                    if !kept::allows(affinity, node) {
                        let reason = format!("`{}` has not the labels that its pods require", node.name);
                        broken.push(Broken { name: name(), reason });
                    }
                    if let Some(taint) = untolerated(affinity, part, node) {
                        let reason = format!("`{}` has the taint `{taint}`, which its pods do not tolerate", node.name);
                        broken.push(Broken { name: name(), reason });
                    }
                }
            }
        }
    }
}

/// A taint of a node that keeps pods away.
fn untolerated<'n>(affinity: &crate::lock::affinity::Affinity, part: &Part, node: &'n Node) -> Option<&'n str> {
    let hard = node.taints.iter().filter(|t| t.effect != "PreferNoSchedule");
    let mut lasting = hard.filter(|t| !t.key.starts_with("node.kubernetes.io/"));
    let known = |t: Toleration<'_>| affinity.taints.contains(&t.owned()) || t.tolerated_by(&part.pod.tolerations);
    lasting.find(|taint| !known(Toleration::of(taint))).map(|taint| taint.key.as_str())
}

/// A violation in words, for each instance that it concerns.
fn told(problem: &Problem, violation: &Violation) -> Vec<Broken> {
    let machine = |m: usize| &problem.machines[m].name;
    let instance =
        |[g, r, i, _]: [usize; 4]| format!("{}/{}/{i}", problem.groups[g].name, problem.groups[g].roles[r].name);
    let one = |name: String, reason: String| vec![Broken { name, reason }];
    match violation {
        Violation::Shape | Violation::Moves => Vec::new(),
        Violation::Capacity { machine: m, resource } => {
            let free = problem.machines[*m].free.get(*resource).copied().unwrap_or(0);
            let resource = &problem.resources[*resource];
            let reason = format!("`{}` is too small now: {free} `{resource}` free", machine(*m));
            let users = users(problem, *m).into_iter().map(instance);
            users.map(|name| Broken { name, reason: reason.clone() }).collect()
        }
        Violation::Ineligible { pod, machine: m } => {
            one(instance(*pod), format!("`{}` is no longer eligible", machine(*m)))
        }
        Violation::Closed { pod, machine: m } => {
            one(instance(*pod), format!("`{}` is {}", machine(*m), problem.machines[*m].closed.unwrap_or("closed")))
        }
        Violation::Clause { group, clause } => {
            one(problem.groups[*group].name.clone(), problem.clause(*group, *clause))
        }
        Violation::Floor { group, edge } => {
            let (group, edge) = (&problem.groups[*group], &problem.groups[*group].edges[*edge]);
            let (from, to) = (&group.roles[edge.from].name, &group.roles[edge.to].name);
            one(group.name.clone(), format!("`{from}` and `{to}` no longer have the link that is required"))
        }
        Violation::Taken { group, level, domain } => {
            let name = &problem.domains[*level][*domain];
            one(problem.groups[*group].name.clone(), format!("another group holds `{name}` alone"))
        }
    }
}

/// The pods that stood on a machine.
fn users(problem: &Problem, machine: usize) -> Vec<[usize; 4]> {
    let mut users = Vec::new();
    for (g, group) in problem.groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            for (i, pods) in role.previous.iter().enumerate() {
                users.extend(pods.iter().enumerate().filter(|(_, m)| **m == Some(machine)).map(|(p, _)| [g, r, i, p]));
            }
        }
    }
    users
}

/// A text for people.
pub fn text(standing: &Standing) -> String {
    let Standing { inventory, instances, broken } = standing;
    if broken.is_empty() {
        return format!("the plan holds on `{inventory}`: {instances} instances\n");
    }
    let lines: String = broken.iter().map(|b| format!("  {}: {}\n", b.name, b.reason)).collect();
    format!("the plan no longer holds on `{inventory}`:\n{lines}")
}
