//! What each group costs at least when it has the cluster for itself, or stays where it is.

use std::collections::{BTreeMap, BTreeSet};

use super::settled::Settled;
use crate::place::index::Index;
use crate::place::objective::{part, spread_deficit, unmet};
use crate::place::slots::room;
use crate::place::topology::Area;
use crate::place::{ClauseKind, Placement, Preference, verify};

/// The least sum over all groups of unmet preferences, or of the deficit of spreading.
pub(super) fn least(index: &Index, placement: &Placement, settled: &Settled, criterion: usize) -> i64 {
    let users = verify::users(index.problem, placement);
    let mut rooms = Rooms { index, free: free(index), rooms: BTreeMap::new() };
    let mut sum = 0;
    for (g, group) in index.problem.groups.iter().enumerate() {
        let stays = index.groups[g].instances.clone().all(|i| settled.stays[i]);
        for clause in &group.clauses {
            sum += match (criterion, clause.prefer, &clause.kind) {
                (part::UNMET, None, _) | (part::UNMET, _, ClauseKind::Exclusive { .. }) => 0,
                (part::UNMET, Some(weight), kind) => {
                    let count =
                        if stays { unmet(index, &placement.groups[g], &users, g, kind) } else { rooms.unmet(g, kind) };
                    i64::from(weight) * count
                }
                (_, _, kind) if stays => spread_deficit(index, &placement.groups[g], kind),
                (_, _, kind) => rooms.deficit(g, kind),
            };
        }
        for preference in group.preferences.iter().filter(|_| criterion == part::UNMET) {
            let elsewhere =
                if stays { elsewhere(index, &placement.groups[g], preference) } else { rooms.elsewhere(g, preference) };
            sum += i64::from(preference.weight) * elsewhere;
        }
    }
    sum
}

/// Pods that do not stand on the machines that they prefer.
fn elsewhere(index: &Index, placed: &[Vec<Vec<usize>>], preference: &Preference) -> i64 {
    let set = index.problem.eligible.get(preference.machines);
    let meant = |machine: &usize| set.and_then(|set| set.get(*machine)).copied().unwrap_or(false);
    let pods = preference.roles.iter().flat_map(|role| placed[*role].iter().flatten());
    pods.filter(|machine| !meant(machine)).count() as i64
}

fn free(index: &Index) -> Vec<i64> {
    let free = |m: &crate::place::Machine| -> Vec<i64> {
        (0..index.columns).map(|c| m.free.get(c).copied().unwrap_or(0)).collect()
    };
    index.problem.machines.iter().flat_map(free).collect()
}

/// How many pods of a class each domain holds when it holds nothing else.
struct Rooms<'a, 'p> {
    index: &'a Index<'p>,
    free: Vec<i64>,
    /// By class and level of the topology.
    rooms: BTreeMap<(usize, usize), Vec<i64>>,
}

impl Rooms<'_, '_> {
    fn of(&mut self, class: usize, level: usize) -> &[i64] {
        let (index, free) = (self.index, &self.free);
        self.rooms.entry((class, level)).or_insert_with(|| {
            let mut rooms = vec![0; index.topology.sizes[level]];
            for machine in 0..index.problem.machines.len() {
                rooms[index.topology.domain(machine, level)] += room(index, free, class, machine);
            }
            rooms
        })
    }

    /// The least number of domains of a level that hold these pods: for each class counted alone.
    fn domains(&mut self, pods: &BTreeMap<usize, i64>, level: usize) -> i64 {
        let mut most = i64::from(!pods.is_empty());
        for (class, count) in pods {
            let mut rooms = self.of(*class, level).to_vec();
            rooms.sort_unstable();
            let mut left = *count;
            let used = rooms.iter().rev().take_while(|room| {
                let goes_on = left > 0;
                left -= **room;
                goes_on
            });
            most = most.max(used.count() as i64);
        }
        most
    }

    /// The pods of some instances of roles of a group, by class.
    fn pods(&self, g: usize, runs: impl Iterator<Item = (usize, i64)>) -> BTreeMap<usize, i64> {
        let first = self.index.groups[g].roles.start;
        let mut pods = BTreeMap::new();
        for (role, count) in runs {
            for (class, n) in &self.index.roles[first + role].demand {
                if count > 0 {
                    *pods.entry(*class).or_insert(0) += n * count;
                }
            }
        }
        pods
    }

    /// How many pods find no room on the machines that they prefer: for each class counted alone.
    fn elsewhere(&mut self, g: usize, preference: &Preference) -> i64 {
        let (index, first) = (self.index, self.index.groups[g].roles.start);
        let instances = |role: &usize| index.roles[first + role].role.instances as i64;
        let pods = self.pods(g, preference.roles.iter().map(|role| (*role, instances(role))));
        let meant: Vec<usize> = match index.problem.eligible.get(preference.machines) {
            Some(set) => (0..set.len()).filter(|machine| set[*machine]).collect(),
            None => Vec::new(),
        };
        let left = |(class, count): (&usize, &i64)| {
            let room: i64 = meant.iter().map(|machine| room(index, &self.free, *class, *machine)).sum();
            (count - room).max(0)
        };
        pods.iter().map(left).sum()
    }

    /// How often a preference is not met at least.
    fn unmet(&mut self, g: usize, kind: &ClauseKind) -> i64 {
        let (index, first) = (self.index, self.index.groups[g].roles.start);
        let instances = |role: usize| index.roles[first + role].role.instances as i64;
        match kind {
            ClauseKind::Instances { role, level } => {
                let pods = self.pods(g, [(*role, 1)].into_iter());
                if self.domains(&pods, level + 1) > 1 { instances(*role) } else { 0 }
            }
            ClauseKind::Together { roles, level } => {
                let distinct: BTreeSet<usize> = roles.iter().copied().collect();
                let pods = self.pods(g, distinct.into_iter().map(|r| (r, instances(r))));
                (self.domains(&pods, level + 1) - 1).max(0)
            }
            ClauseKind::Cells { shares, level } => {
                let cells = index.cells(first, shares);
                let pods = |cell: &Vec<(usize, usize, usize)>| {
                    self.pods(g, cell.iter().map(|(r, _, n)| (r - first, *n as i64)))
                };
                let cells: Vec<BTreeMap<usize, i64>> = cells.iter().map(pods).collect();
                cells.iter().filter(|pods| self.domains(pods, level + 1) > 1).count() as i64
            }
            ClauseKind::Near { role, to, .. } => {
                let silent = index.roles[first + role].classes.is_empty();
                if silent || instances(*to) > 0 && !index.roles[first + to].classes.is_empty() {
                    0
                } else {
                    instances(*role)
                }
            }
            ClauseKind::Apart { role, from, level } if from.is_none_or(|f| f == *role) => {
                let domains = self.leader_domains(first + role, level + 1, false);
                if instances(*role) > domains && !index.roles[first + role].classes.is_empty() {
                    instances(*role) - domains + 1
                } else {
                    0
                }
            }
            ClauseKind::Spread { role, level, at_least, .. } => {
                let domains = self.leader_domains(first + role, level + 1, true).min(instances(*role));
                let empty = index.roles[first + role].classes.is_empty() || instances(*role) == 0;
                i64::from(!empty && at_least.is_some_and(|n| domains < i64::from(n)))
            }
            ClauseKind::Survive { count, .. } => {
                let few = |r: usize| {
                    let row = &index.roles[r];
                    !row.classes.is_empty() && (1..=i64::from(*count)).contains(&(row.role.instances as i64))
                };
                i64::from(index.groups[g].roles.clone().any(few))
            }
            ClauseKind::Apart { .. } | ClauseKind::Exclusive { .. } => 0,
        }
    }

    /// Domains of a level with room for a leader of a role, all or only known ones.
    fn leader_domains(&mut self, role: usize, level: usize, known: bool) -> i64 {
        let topology = &self.index.topology;
        let Some(class) = self.index.roles[role].classes.first() else { return 0 };
        let counts = |d: usize| !known || topology.is_known(Area { level, domain: d });
        self.of(*class, level).iter().enumerate().filter(|(d, room)| **room > 0 && counts(*d)).count() as i64
    }

    /// The deficit of spreading that a clause has at least.
    fn deficit(&mut self, g: usize, kind: &ClauseKind) -> i64 {
        let ClauseKind::Spread { role, level, max_skew, at_least } = kind else { return 0 };
        let topology = &self.index.topology;
        let (role, level) = (self.index.groups[g].roles.start + role, level + 1);
        let row = &self.index.roles[role];
        let instances = row.role.instances as i64;
        if instances == 0 {
            return 0;
        }
        let Some(class) = row.classes.first() else { return at_least.map_or(0, i64::from) };
        let used = self.leader_domains(role, level, true).min(instances);
        let missing = at_least.map_or(0, |n| (i64::from(n) - used).max(0));
        let domains = topology.sizes[level].max(1) as i64;
        let even = (instances + domains - 1) / domains + max_skew.map_or(0, i64::from).saturating_sub(1);
        let even_room = |(domain, room): (usize, &i64)| {
            if topology.is_known(Area { level, domain }) { (*room).min(even) } else { *room }
        };
        let room: i64 = self.of(*class, level).iter().enumerate().map(even_room).sum();
        missing + (instances - room).max(0)
    }
}

/// Domains that instances which stay have begun, as the fragmentation counts them.
pub(super) fn broken(index: &Index, settled: &Settled) -> i64 {
    let topology = &index.topology;
    let grain = topology.distinct.iter().rev().nth(1).copied().filter(|level| *level > 0);
    let staying = index.instances.iter().zip(&settled.stays).filter(|(_, stays)| **stays);
    let machines: BTreeSet<usize> = staying.flat_map(|(row, _)| row.previous.iter().flatten().copied()).collect();
    let levels = [Some(topology.machine_level()), grain];
    let begun: BTreeSet<Area> = levels
        .into_iter()
        .flatten()
        .flat_map(|level| machines.iter().map(move |m| Area { level, domain: topology.domain(*m, level) }))
        .collect();
    let whole = |area: &&Area| topology.machines(**area).all(|m| index.problem.machines[m].holders.is_empty());
    begun.iter().filter(whole).count() as i64
}

/// Pods without accelerators that find no machine without any.
pub(super) fn strangers(index: &Index, settled: &Settled, free: &[i64]) -> i64 {
    let mut sum = 0;
    let mut open: BTreeMap<usize, i64> = BTreeMap::new();
    for (i, row) in index.instances.iter().enumerate() {
        let plain = index.roles[row.role].classes.iter().enumerate().filter(|(_, class)| !index.accelerated(**class));
        for (pod, class) in plain {
            match row.previous.as_ref().filter(|_| settled.stays[i]) {
                Some(old) => sum += i64::from(index.has_gpu(old[pod])),
                None => *open.entry(*class).or_insert(0) += 1,
            }
        }
    }
    let machines: Vec<usize> = (0..index.problem.machines.len()).filter(|m| !index.has_gpu(*m)).collect();
    let mut most = 0;
    for class in open.keys() {
        let request = &index.classes[*class].request;
        // Pods that need no less, on no other machines, take a place of this class each.
        let alike = |other: &usize| {
            let pod = index.classes[*other];
            pod.eligible == index.classes[*class].eligible && pod.request.iter().zip(request).all(|(a, b)| a >= b)
        };
        let need: i64 = open.iter().filter(|(other, _)| alike(other)).map(|(_, n)| n).sum();
        let room: i64 = machines.iter().map(|m| room(index, free, *class, *m)).sum();
        most = most.max(need - room);
    }
    sum + most
}
