//! Machines as a tree of domains, with one rule for what is unknown.
//!
//! Levels here are those of the problem with two more around them: level 0 is the whole cluster,
//! the last one is the machine itself. A machine whose domain at a level is unknown gets a private
//! domain there, so that every machine has exactly one domain at every level.

use std::collections::BTreeMap;

use super::Problem;
use crate::link::Link;

/// A domain of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Area {
    pub level: usize,
    pub domain: usize,
}

/// The whole cluster.
pub(super) const CLUSTER: Area = Area { level: 0, domain: 0 };

/// Which machine lies where.
#[derive(Debug)]
pub(super) struct Topology {
    /// Number of levels, the two outer ones included.
    pub levels: usize,
    /// For each level the number of domains, private ones included.
    pub sizes: Vec<usize>,
    /// Whether machines that share a domain share all wider ones.
    pub nested: bool,
    /// Levels that differ from the next narrower one: those worth looking at.
    pub distinct: Vec<usize>,
    /// For each level, how many domains are known; those from there on are private.
    known: Vec<usize>,
    /// Domain of each machine at each level, machine by machine.
    domains: Vec<u32>,
    /// `inside[level][domain][narrower - level - 1]`: domains in order of their first machine.
    inside: Vec<Vec<Vec<Vec<u32>>>>,
    /// For each level the first machine of each domain; [`NOWHERE`] for domains without any.
    first: Vec<Vec<u32>>,
    links: Vec<Link>,
}

/// Stands for "no machine".
const NOWHERE: u32 = u32::MAX;

impl Topology {
    pub fn new(problem: &Problem) -> Self {
        let machines = problem.machines.len();
        let levels = problem.levels.len() + 2;
        let mut domains = vec![0u32; machines * levels];
        let mut sizes = vec![1; levels];
        let mut known = vec![1; levels];
        for level in 1..levels - 1 {
            let at = |m: usize| problem.machines[m].domains.get(level - 1).copied().flatten();
            known[level] = (0..machines).filter_map(at).map(|d| d + 1).max().unwrap_or(0);
            let mut next = known[level];
            for m in 0..machines {
                domains[m * levels + level] = at(m).unwrap_or_else(|| {
                    next += 1;
                    next - 1
                }) as u32;
            }
            sizes[level] = next;
        }
        sizes[levels - 1] = machines;
        known[levels - 1] = machines;
        for m in 0..machines {
            domains[m * levels + levels - 1] = m as u32;
        }
        let link = |level: usize| problem.links.get(level).copied().unwrap_or(Link::Vpc);
        let mut links = vec![Link::Vpc];
        links.extend((0..problem.levels.len()).map(link));
        links.push(problem.levels.len().checked_sub(1).map_or(Link::Vpc, link));
        let mut first: Vec<Vec<u32>> = sizes.iter().map(|n| vec![NOWHERE; *n]).collect();
        for (m, path) in domains.chunks(levels).enumerate().rev() {
            path.iter().zip(&mut first).for_each(|(domain, first)| first[*domain as usize] = m as u32);
        }
        let (distinct, inside) = (Vec::new(), Vec::new());
        let mut topology = Topology { levels, sizes, nested: true, distinct, known, domains, inside, first, links };
        topology.index();
        topology
    }

    fn index(&mut self) {
        let machines = self.domains.len() / self.levels;
        self.inside = (0..self.levels).map(|l| vec![vec![Vec::new(); self.levels - 1 - l]; self.sizes[l]]).collect();
        for narrow in 1..self.levels {
            let mut parents: BTreeMap<(usize, u32), u32> = BTreeMap::new();
            let mut seen = vec![Vec::new(); self.sizes[narrow]];
            for m in 0..machines {
                let child = self.domain(m, narrow);
                for wide in 0..narrow {
                    let parent = self.domain(m, wide) as u32;
                    if seen[child].contains(&(wide, parent)) {
                        continue;
                    }
                    seen[child].push((wide, parent));
                    self.nested &= parents.insert((wide, child as u32), parent).is_none();
                    self.inside[wide][parent as usize][narrow - wide - 1].push(child as u32);
                }
            }
        }
        let same = |l: usize| self.inside[l].iter().all(|narrower| narrower[0].len() <= 1);
        self.distinct = (0..self.levels).filter(|l| *l == self.levels - 1 || !same(*l)).collect();
    }

    /// The level of the machines.
    pub fn machine_level(&self) -> usize {
        self.levels - 1
    }

    /// The domain of a machine at a level.
    pub fn domain(&self, machine: usize, level: usize) -> usize {
        self.domains[machine * self.levels + level] as usize
    }

    /// The domains of a machine, widest first.
    pub fn path(&self, machine: usize) -> &[u32] {
        &self.domains[machine * self.levels..][..self.levels]
    }

    /// Whether a domain is one of the inventory, not one made up for a machine without any.
    pub fn is_known(&self, area: Area) -> bool {
        area.domain < self.known[area.level]
    }

    /// The domains of `level`, at least as narrow as the area's, with a machine in the area.
    pub fn inside(&self, area: Area, level: usize) -> &[u32] {
        &self.inside[area.level][area.domain][level - area.level - 1]
    }

    /// The machines in an area, in order.
    pub fn machines(&self, area: Area) -> impl Iterator<Item = usize> + '_ {
        let machine = (area.level == self.machine_level()).then_some(area.domain);
        let rest: &[u32] = if machine.is_some() { &[] } else { self.inside(area, self.machine_level()) };
        machine.into_iter().chain(rest.iter().map(|m| *m as usize))
    }

    /// Number of machines in an area.
    pub fn count(&self, area: Area) -> usize {
        if area.level == self.machine_level() { 1 } else { self.inside(area, self.machine_level()).len() }
    }

    /// A machine of the area, when it has any.
    pub fn any_machine(&self, area: Area) -> Option<usize> {
        Some(self.first[area.level][area.domain]).filter(|m| *m != NOWHERE).map(|m| m as usize)
    }

    /// The area at a wider or equal level that holds this one (by its first machine).
    pub fn around(&self, area: Area, level: usize) -> Option<Area> {
        if level == area.level {
            return Some(area);
        }
        Some(Area { level, domain: self.domain(self.any_machine(area)?, level) })
    }

    /// Whether a machine lies in an area.
    pub fn contains(&self, area: Area, machine: usize) -> bool {
        self.domain(machine, area.level) == area.domain
    }

    /// The narrowest level of which two machines share a domain.
    pub fn shared(&self, a: usize, b: usize) -> usize {
        (0..self.levels).rev().find(|l| self.domain(a, *l) == self.domain(b, *l)).unwrap_or(0)
    }

    /// The link of two pods that share this level and no narrower one.
    pub fn link(&self, level: usize) -> Link {
        self.links[level]
    }

    /// How far a link is from the best, as a whole number: its class first, then its tier.
    pub fn downgrade(&self, shared: usize) -> i64 {
        let class = Link::Nvlink as i64 - self.links[shared] as i64;
        class * self.levels as i64 + (self.machine_level() - shared) as i64
    }

    /// The widest level at which a link is as good as the floor, when every narrower one is too.
    pub fn level_of_floor(&self, floor: Link) -> Option<usize> {
        let first = (0..self.levels).find(|l| self.links[*l] >= floor)?;
        (first..self.levels).all(|l| self.links[l] >= floor).then_some(first)
    }
}
