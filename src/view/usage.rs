//! Who uses the accelerators of each machine.

use super::{Scene, Seat};

/// A machine and what is on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Accelerators that it has.
    pub total: i64,
    /// Those that are used by others: foreign pods, and groups that are not compiled now.
    pub others: i64,
    /// Those that this plan uses.
    pub planned: i64,
    /// Those that are free.
    pub free: i64,
    /// The pods of this plan.
    pub seats: Vec<Seat>,
    /// It takes no pods.
    pub closed: Option<&'static str>,
}

impl Usage {
    /// All its accelerators are free.
    pub(super) fn is_whole(&self) -> bool {
        self.closed.is_none() && self.total > 0 && self.free == self.total
    }
}

/// The usage of every machine.
pub(super) fn usage(scene: &Scene<'_>) -> Vec<Usage> {
    let (problem, inventory) = (scene.problem(), scene.inventory);
    let machine = |(machine, node): (&crate::place::Machine, &crate::inventory::Node)| {
        let total = node.allocatable.get(&inventory.resources.gpu).copied().unwrap_or(0).max(0);
        let free = machine.free.get(problem.gpu).copied().unwrap_or(0).min(total);
        Usage { total, others: total - free, free, closed: machine.closed, ..Usage::default() }
    };
    let mut all: Vec<Usage> = problem.machines.iter().zip(&inventory.nodes).map(machine).collect();
    for seat in scene.seats() {
        let asked = scene.request(seat, problem.gpu);
        let usage = &mut all[seat.machine];
        usage.planned += asked;
        usage.free -= asked;
        usage.seats.push(seat);
    }
    all
}
