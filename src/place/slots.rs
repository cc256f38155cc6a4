//! How many pods of a class fit into each domain, kept up to date for the classes in use.

use std::collections::BTreeMap;

use super::index::Index;
use super::topology::Area;

/// Tables kept at a time: more are rebuilt when they are asked for again.
const TABLES: usize = 32;

/// Room by class.
#[derive(Debug, Default)]
pub(super) struct Slots {
    tables: BTreeMap<usize, Table>,
    clock: u64,
}

#[derive(Debug)]
struct Table {
    /// For each level the pods that fit into each domain, counted machine by machine.
    counts: Vec<Vec<i64>>,
    used: u64,
}

impl Slots {
    /// Makes sure that a class has a table.
    pub fn open(&mut self, index: &Index, free: &[i64], class: usize) {
        self.clock += 1;
        if let Some(table) = self.tables.get_mut(&class) {
            table.used = self.clock;
            return;
        }
        if self.tables.len() >= TABLES
            && let Some(oldest) = self.tables.iter().min_by_key(|(_, t)| t.used).map(|(c, _)| *c)
        {
            self.tables.remove(&oldest);
        }
        let mut counts: Vec<Vec<i64>> = index.topology.sizes.iter().map(|n| vec![0; *n]).collect();
        for machine in 0..index.problem.machines.len() {
            let fits = room(index, free, class, machine);
            for (level, domain) in index.topology.path(machine).iter().enumerate() {
                counts[level][*domain as usize] += fits;
            }
        }
        self.tables.insert(class, Table { counts, used: self.clock });
    }

    /// Pods of a class in an area, when its table is open.
    pub fn get(&self, class: usize, area: Area) -> Option<i64> {
        self.tables.get(&class).map(|t| t.counts[area.level][area.domain])
    }

    /// Pods of a class in each domain of a level, when its table is open.
    pub fn level(&self, class: usize, level: usize) -> Option<&[i64]> {
        self.tables.get(&class).map(|t| t.counts[level].as_slice())
    }

    /// Follows a change of what is free on a machine.
    pub fn update(&mut self, index: &Index, free: &[i64], machine: usize) {
        let leaf = index.topology.machine_level();
        for (class, table) in &mut self.tables {
            let now = room(index, free, *class, machine);
            let change = now - table.counts[leaf][machine];
            if change != 0 {
                for (level, domain) in index.topology.path(machine).iter().enumerate() {
                    table.counts[level][*domain as usize] += change;
                }
            }
        }
    }
}

/// Pods of a class that fit on a machine, at most a million: pods that ask for nothing fit in any number.
pub(super) fn room(index: &Index, free: &[i64], class: usize, machine: usize) -> i64 {
    if !index.admits(class, machine) {
        return 0;
    }
    let mut fits = 1_000_000;
    for (wanted, free) in index.classes[class].request.iter().zip(&free[machine * index.columns..][..index.columns]) {
        if *wanted > 0 {
            if free < wanted {
                return 0;
            }
            fits = fits.min(free / wanted);
        }
    }
    fits
}
