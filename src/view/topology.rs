//! The machines as a tree of the domains that people think in.

use std::collections::BTreeMap;

use crate::inventory::{Domain, Inventory};

/// A domain with what lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    /// Level and index of the domain; `None` for the whole cluster.
    pub domain: Option<(usize, usize)>,
    /// Narrower domains, in order.
    pub inside: Vec<Branch>,
    /// Machines of no narrower domain, in order.
    pub machines: Vec<usize>,
}

impl Branch {
    /// All machines in it.
    pub(super) fn all(&self) -> Vec<usize> {
        self.inside.iter().flat_map(Branch::all).chain(self.machines.iter().copied()).collect()
    }
}

/// The levels above the node that tell people something: some domain has more than one node.
pub(super) fn levels(inventory: &Inventory) -> Vec<usize> {
    let above = inventory.levels.len().saturating_sub(1);
    (0..above).filter(|level| inventory.domains[*level].iter().any(|d| d.nodes.len() > 1)).collect()
}

/// Some machines as a tree.
pub(super) fn tree(inventory: &Inventory, machines: Vec<usize>) -> Branch {
    branch(inventory, &levels(inventory), None, machines)
}

fn branch(inventory: &Inventory, levels: &[usize], domain: Option<(usize, usize)>, machines: Vec<usize>) -> Branch {
    let Some((level, narrower)) = levels.split_first() else { return Branch { domain, inside: Vec::new(), machines } };
    let mut inside: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut outside = Vec::new();
    for machine in machines {
        match inventory.nodes[machine].domains[*level] {
            Some(domain) => inside.entry(domain).or_default().push(machine),
            None => outside.push(machine),
        }
    }
    let inside = inside.into_iter().map(|(d, machines)| branch(inventory, narrower, Some((*level, d)), machines));
    Branch { domain, inside: inside.collect(), machines: outside }
}

/// The levels at which some machines share a domain, widest first, and its name there.
pub(super) fn common<'i>(inventory: &'i Inventory, machines: &[usize]) -> Vec<(&'i str, &'i str)> {
    let Some((first, others)) = machines.split_first() else { return Vec::new() };
    let first = &inventory.nodes[*first].domains;
    let shared = |level: &usize| {
        let domain = first[*level]?;
        others.iter().all(|m| inventory.nodes[*m].domains[*level] == Some(domain)).then_some(domain)
    };
    let name = |level: usize| {
        let domain = shared(&level)?;
        Some((inventory.levels[level].name.as_str(), inventory.domains[level][domain].path.last()?.as_str()))
    };
    (0..inventory.levels.len()).map_while(name).collect()
}

/// The name of a domain: its path, or the name of the node.
pub(super) fn name(inventory: &Inventory, level: usize, domain: &Domain) -> String {
    match domain.nodes.first().filter(|_| level + 1 == inventory.levels.len()) {
        Some(node) => inventory.nodes[*node].name.clone(),
        None => domain.path.join("/"),
    }
}

/// The domains of a machine above the node: `a/b1/r3`.
pub(super) fn path(inventory: &Inventory, machine: usize) -> String {
    let above = inventory.levels.len().saturating_sub(1);
    let domain = |level: usize| Some(&inventory.domains[level][inventory.nodes[machine].domains[level]?]);
    (0..above).rev().find_map(domain).map_or(String::new(), |domain| domain.path.join("/"))
}
