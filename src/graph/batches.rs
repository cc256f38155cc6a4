//! What can be brought to a cluster one after the other: the objects of a group, of a role, or of
//! an instance or component of its own, with the exact dependencies between them.
//!
//! What belongs to which batch depends on the roles alone and never on their order, so that another
//! `after` changes who waits for whom and moves no object from one batch to another: a tool that
//! prunes each batch by itself would delete it and make it again.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Group, RoleId};
use crate::naming;

/// Objects that are brought together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Batch {
    /// Its group: an index.
    pub group: usize,
    /// Its role: an index; `None` for what the whole group has.
    pub role: Option<usize>,
    /// Its instance, where instances are brought one by one; `None` for what all of them have.
    pub instance: Option<u32>,
    /// Its component: an index in [`parts`](crate::check::Role::parts), where components are brought one by one.
    pub part: Option<usize>,
    /// What of its group or role it has.
    pub content: Content,
}

/// What of a group or role a batch has, in the order in which it is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// What makes nodes ready for its pods.
    WarmUp,
    /// All that is in no other.
    Main,
    /// What brings traffic from outside to it.
    Exposure,
}

impl Content {
    /// The directory of its objects below that of the group or role, where it is one of its own.
    pub fn directory(self) -> Option<&'static str> {
        match self {
            Content::WarmUp => Some(naming::WARM_UP),
            Content::Main => None,
            Content::Exposure => Some(naming::EXPOSE),
        }
    }
}

impl Batch {
    /// What a whole group has.
    pub fn of_group(group: usize) -> Batch {
        Batch { group, role: None, instance: None, part: None, content: Content::Main }
    }
}

/// All batches of some groups.
#[derive(Debug, Clone)]
pub struct Batches {
    /// The batches: those of a group stand together, in the order of its roles.
    pub list: Vec<Batch>,
    /// For each batch those that must be ready before it, without those that follow from others.
    pub before: Vec<Vec<usize>>,
    index: BTreeMap<Batch, usize>,
    divided: bool,
}

/// Which workloads of a role are batches of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Division {
    /// Each instance.
    instances: bool,
    /// Each component, of each instance or of all.
    components: bool,
}

impl Batches {
    /// The batches of these groups, which wait for each other without a cycle. Where roles have no
    /// objects of their own (`divided` is not set), a group is one batch. Else a role is divided,
    /// where instances and components have objects of their own, by instances when it is
    /// coordinated with others, and by components when it has some.
    /// `turns` tells for each group how its coordinated roles are updated in step, `warm` of each
    /// role whether nodes are made ready for it.
    pub fn new(groups: &[&Group], divided: bool, turns: &[Vec<Turns>], warm: &dyn Fn(RoleId) -> bool) -> Batches {
        let mut batches = Batches { list: Vec::new(), before: Vec::new(), index: BTreeMap::new(), divided };
        for (group, source) in groups.iter().enumerate() {
            batches.add(Batch::of_group(group));
            for role in 0..source.roles.len() {
                let head = batches.head(RoleId { group, role });
                let warm_up = batches.warm_up(RoleId { group, role });
                if warm(RoleId { group, role }) && batches.find(&warm_up).is_none() {
                    batches.add(warm_up);
                }
                if divided {
                    batches.leaves(&head, source).into_iter().chain([head]).for_each(|batch| batches.add(batch));
                }
            }
            let exposed = (0..source.roles.len()).filter(|role| source.roles[*role].expose.is_some());
            exposed.for_each(|role| batches.add(Batches::exposing(RoleId { group, role })));
        }
        let mut before: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); batches.list.len()];
        for (group, source) in groups.iter().enumerate() {
            let turns = turns.get(group).map_or(&[][..], Vec::as_slice);
            (0..source.roles.len()).for_each(|role| batches.edges(groups, RoleId { group, role }, turns, &mut before));
            (0..source.roles.len()).for_each(|role| batches.exposed(groups, RoleId { group, role }, &mut before));
            turns.iter().for_each(|turns| batches.in_turn(group, source, turns, &mut before));
        }
        batches.before = reduced(&before);
        batches
    }

    fn add(&mut self, batch: Batch) {
        self.index.insert(batch.clone(), self.list.len());
        self.list.push(batch);
    }

    /// The batch with these indices.
    pub fn find(&self, batch: &Batch) -> Option<usize> {
        self.index.get(batch).copied()
    }

    /// The batch of a role with all that is in no other: that of its group where groups are not divided.
    pub fn head(&self, id: RoleId) -> Batch {
        Batch { role: Some(id.role).filter(|_| self.divided), ..Batch::of_group(id.group) }
    }

    /// The batch of what makes nodes ready for a role.
    pub fn warm_up(&self, id: RoleId) -> Batch {
        Batch { content: Content::WarmUp, ..self.head(id) }
    }

    /// The batch of what brings traffic from outside to a role.
    pub fn exposing(id: RoleId) -> Batch {
        Batch { role: Some(id.role), content: Content::Exposure, ..Batch::of_group(id.group) }
    }

    /// The last batches of a role: those that must be ready for the role to be.
    fn last(&self, groups: &[&Group], id: RoleId) -> Vec<Batch> {
        let head = self.head(id);
        let leaves = self.leaves(&head, groups[id.group]);
        if leaves.is_empty() { vec![head] } else { leaves }
    }

    /// The batch of the workload of a part of an instance, or of all instances.
    pub fn of_workload(&self, group: &Group, id: RoleId, instance: Option<u32>, part: usize) -> Option<usize> {
        let division = self.division(group, id.role);
        let instance = instance.filter(|_| division.instances);
        let part = Some(part).filter(|_| division.components);
        self.find(&Batch { instance, part, ..self.head(id) })
    }

    fn division(&self, group: &Group, role: usize) -> Division {
        let own = self.divided && group.roles[role].by_instance();
        let coordinated = group.coordinations.iter().any(|c| c.roles.iter().any(|(r, _)| *r == role));
        Division { instances: own && coordinated, components: own && group.roles[role].has_components() }
    }

    /// The batches of a role besides its first: one for each instance, component, or both.
    fn leaves(&self, head: &Batch, group: &Group) -> Vec<Batch> {
        let Some(role) = head.role else { return Vec::new() };
        let Division { instances, components } = self.division(group, role);
        if !instances && !components {
            return Vec::new();
        }
        let role = &group.roles[role];
        let numbers = if instances { (0..role.replicas.min).map(Some).collect() } else { vec![None] };
        let parts = if components { (0..role.parts.len()).map(Some).collect() } else { vec![None] };
        let of = |instance| parts.iter().map(move |part| Batch { instance, part: *part, ..head.clone() });
        numbers.into_iter().flat_map(of).collect()
    }

    /// What must be ready before the batches of a role. The first of them waits for other roles,
    /// and the rest for it: many instances that wait for many others give few edges.
    fn edges(&self, groups: &[&Group], id: RoleId, turns: &[Turns], before: &mut [BTreeSet<usize>]) {
        let role = &groups[id.group].roles[id.role];
        let first = self.head(id);
        let Some(this) = self.find(&first) else { return };
        let in_step = |other: RoleId| {
            let both = |turns: &Turns| [other, id].iter().all(|id| turns.iter().flatten().any(|(r, _)| *r == id.role));
            other.group == id.group && turns.iter().any(both)
        };
        // What roles that are updated in step wait for among themselves holds in each of their turns.
        let after = || role.after.iter().filter(|after| !in_step(after.role));
        for after in after() {
            let last = self.last(groups, after.role);
            before[this].extend(last.iter().filter_map(|batch| self.find(batch)));
        }
        let warm_up = self.find(&self.warm_up(id));
        before[this].extend(warm_up);
        if !self.divided {
            before[this].remove(&this);
        } else if !after().any(|after| after.role.group == id.group) {
            before[this].extend(self.find(&Batch { role: None, ..first.clone() }));
        }
        if let Some(warm_up) = warm_up.filter(|_| self.divided) {
            before[warm_up].extend(self.find(&Batch { role: None, ..first.clone() }));
        }
        for leaf in self.leaves(&first, groups[id.group]) {
            let Some(own) = self.find(&leaf) else { continue };
            before[own].insert(this);
            let earlier = leaf.part.map_or(&[][..], |part| role.parts[part].after.as_slice());
            before[own].extend(earlier.iter().filter_map(|p| self.find(&Batch { part: Some(*p), ..leaf.clone() })));
        }
    }

    /// What brings traffic from outside waits for all roles that it leads to.
    fn exposed(&self, groups: &[&Group], id: RoleId, before: &mut [BTreeSet<usize>]) {
        let Some(expose) = &groups[id.group].roles[id.role].expose else { return };
        let Some(this) = self.find(&Batches::exposing(id)) else { return };
        for other in std::iter::once(id).chain(expose.others()) {
            before[this].extend(self.last(groups, other).iter().filter_map(|batch| self.find(batch)));
        }
    }

    /// The instances of a turn wait for those of the turn before.
    fn in_turn(&self, group: usize, source: &Group, turns: &Turns, before: &mut [BTreeSet<usize>]) {
        let of = |turn: &Vec<(usize, u32)>| -> Vec<usize> {
            let leaves = |(role, instance): &(usize, u32)| {
                let leaves = self.leaves(&self.head(RoleId { group, role: *role }), source);
                leaves.into_iter().filter(|leaf| leaf.instance == Some(*instance)).collect::<Vec<Batch>>()
            };
            turn.iter().flat_map(leaves).filter_map(|leaf| self.find(&leaf)).collect()
        };
        for pair in turns.windows(2) {
            let earlier = of(&pair[0]);
            of(&pair[1]).into_iter().for_each(|batch| before[batch].extend(&earlier));
        }
    }
}

/// Instances that are updated one set after the other: in each set roles and their instances.
pub type Turns = Vec<Vec<(usize, u32)>>;

/// A graph without the edges that follow from others (its transitive reduction). It has no cycle.
fn reduced(before: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let levels = levels(before);
    let without = |edges: &BTreeSet<usize>| {
        // What lies below all ends cannot lead to any of them.
        let lowest = edges.iter().map(|b| levels[*b]).min().unwrap_or(0);
        let mut seen = BTreeSet::new();
        let mut open: Vec<usize> = edges.iter().flat_map(|b| before[*b].iter().copied()).collect();
        while let Some(batch) = open.pop() {
            if levels[batch] >= lowest && seen.insert(batch) {
                open.extend(&before[batch]);
            }
        }
        edges.iter().copied().filter(|b| !seen.contains(b)).collect()
    };
    before.iter().map(without).collect()
}

/// For each batch the length of the longest way to it.
fn levels(before: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); before.len()];
    let mut open: Vec<usize> = before.iter().map(BTreeSet::len).collect();
    before.iter().enumerate().for_each(|(this, edges)| edges.iter().for_each(|b| after[*b].push(this)));
    let mut levels = vec![0; before.len()];
    let mut ready: Vec<usize> = (0..before.len()).filter(|b| open[*b] == 0).collect();
    while let Some(batch) = ready.pop() {
        for next in &after[batch] {
            levels[*next] = levels[*next].max(levels[batch] + 1);
            open[*next] -= 1;
            if open[*next] == 0 {
                ready.push(*next);
            }
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the reduction of `(a, b)`, where `b` waits for `a`.
    #[track_caller]
    fn check(edges: &[(usize, usize)], expected: &[(usize, usize)]) {
        let many = edges.iter().map(|(a, b)| a.max(b) + 1).max().unwrap_or(0);
        let mut before = vec![BTreeSet::new(); many];
        for (a, b) in edges {
            before[*b].insert(*a);
        }
        let found: Vec<(usize, usize)> =
            reduced(&before).iter().enumerate().flat_map(|(b, list)| list.iter().map(move |a| (*a, b))).collect();
        assert_eq!(found, expected, "{edges:?}");
    }

    #[test]
    fn edges_that_follow_from_others_are_left_out() {
        check(&[(0, 1), (1, 2), (0, 2)], &[(0, 1), (1, 2)]);
        check(&[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        check(&[(0, 1), (1, 2), (2, 3), (0, 3), (1, 3)], &[(0, 1), (1, 2), (2, 3)]);
        // Two ways of unlike length to the same end: both of its edges are needed.
        check(&[(0, 3), (1, 2), (2, 3)], &[(1, 2), (0, 3), (2, 3)]);
        check(&[], &[]);
    }
}
