//! Where there is room: capacity and free capacity of every domain, and what still fits.

use std::collections::BTreeMap;

use super::Inventory;
use crate::lock::Lock;

/// The room of a set of machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// Machines.
    pub nodes: usize,
    /// Machines that take no pods; nothing of them is free.
    pub closed: usize,
    /// Machines that take pods and have all of their accelerators free; without accelerators, those
    /// of which nothing is used.
    pub whole: usize,
    /// The most accelerators that are free on one machine.
    pub largest: i64,
    /// By resource what there is, and what is free.
    pub amounts: BTreeMap<String, (i64, i64)>,
}

impl Room {
    fn add(&mut self, other: &Room) {
        self.nodes += other.nodes;
        self.closed += other.closed;
        self.whole += other.whole;
        self.largest = self.largest.max(other.largest);
        for (resource, (all, free)) in &other.amounts {
            let sum = self.amounts.entry(resource.clone()).or_insert((0, 0));
            *sum = (sum.0.saturating_add(*all), sum.1.saturating_add(*free));
        }
    }

    /// All and free of a resource.
    pub fn of(&self, resource: &str) -> (i64, i64) {
        self.amounts.get(resource).copied().unwrap_or((0, 0))
    }

    /// Whether some of a resource is free and some is not.
    pub fn partly(&self, resource: &str) -> bool {
        let (all, free) = self.of(resource);
        0 < free && free < all
    }
}

/// The room of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooms {
    /// Of all machines.
    pub total: Room,
    /// For each level that of its domains, as in [`Inventory::domains`]; the last level is the node.
    pub domains: Vec<Vec<Room>>,
}

/// What a level can still take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The most whole machines in one domain, and the first such domain.
    pub whole: (usize, Option<usize>),
    /// The most free accelerators in one domain, and the first such domain.
    pub free: (i64, Option<usize>),
    /// Free accelerators in domains that are partly free.
    pub fragmented: i64,
}

/// Counts the room of an inventory, less what the groups of locks take.
pub fn rooms(inventory: &Inventory, locks: &BTreeMap<String, Lock>) -> Rooms {
    let mut taken: Vec<BTreeMap<&str, i64>> = vec![BTreeMap::new(); inventory.nodes.len()];
    let index: BTreeMap<&str, usize> = inventory.nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    for lock in locks.values() {
        for (instance, nodes) in &lock.places {
            let pods = lock.uses.get(&instance.role).map_or(&[][..], Vec::as_slice);
            for (node, pod) in nodes.iter().zip(pods) {
                let Some(node) = index.get(node.as_str()) else { continue };
                for (resource, amount) in pod {
                    let sum = taken[*node].entry(resource).or_insert(0);
                    *sum = sum.saturating_add(*amount);
                }
            }
        }
    }
    let nodes: Vec<Room> = (0..inventory.nodes.len()).map(|node| room(inventory, node, &taken[node])).collect();
    let sum = |members: &mut dyn Iterator<Item = usize>| {
        let mut room = Room::default();
        members.for_each(|node| room.add(&nodes[node]));
        room
    };
    Rooms {
        total: sum(&mut (0..nodes.len())),
        domains: inventory
            .domains
            .iter()
            .map(|level| level.iter().map(|domain| sum(&mut domain.nodes.iter().copied())).collect())
            .collect(),
    }
}

/// The room of one machine.
fn room(inventory: &Inventory, node: usize, taken: &BTreeMap<&str, i64>) -> Room {
    let node = &inventory.nodes[node];
    let open = node.schedulable;
    let used = |resource: &str| {
        let taken = taken.get(resource).copied().unwrap_or(0);
        node.used.get(resource).copied().unwrap_or(0).saturating_add(taken)
    };
    let amount = |(resource, all): (&String, &i64)| {
        let free = if open { (all.saturating_sub(used(resource))).max(0) } else { 0 };
        (resource.clone(), (*all, free))
    };
    let amounts: BTreeMap<String, (i64, i64)> = node.allocatable.iter().map(amount).collect();
    let (gpus, free) = amounts.get(&inventory.resources.gpu).copied().unwrap_or((0, 0));
    let idle = node.used.values().all(|used| *used == 0) && taken.is_empty();
    let whole = open && if gpus > 0 { free == gpus } else { idle };
    Room { nodes: 1, closed: usize::from(!open), whole: usize::from(whole), largest: free, amounts }
}

/// What each level can still take.
pub fn fits(inventory: &Inventory, rooms: &Rooms) -> Vec<Fit> {
    let gpu = inventory.resources.gpu.as_str();
    let fit = |domains: &Vec<Room>| {
        let mut fit = Fit { whole: (0, None), free: (0, None), fragmented: 0 };
        for (index, room) in domains.iter().enumerate() {
            let free = room.of(gpu).1;
            if room.whole > fit.whole.0 {
                fit.whole = (room.whole, Some(index));
            }
            if free > fit.free.0 {
                fit.free = (free, Some(index));
            }
            fit.fragmented += if room.partly(gpu) { free } else { 0 };
        }
        fit
    };
    rooms.domains.iter().map(fit).collect()
}
