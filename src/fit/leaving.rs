//! Instances that leave while roles are scaled in step: in which commits, and which of them still
//! stand after this one.
//!
//! Nobody puts objects that are gone in order: a delivery tool removes all that a commit no longer
//! has at once, Argo CD after everything else is healthy, Flux before. So instances whose roles
//! would get too far apart leave in several commits, and what stays meanwhile is a part of the model
//! like any other; only that nobody is told of it any more. Under Flux those who list an instance by
//! its address drop it in a commit before.

use std::collections::{BTreeMap, BTreeSet};

use super::coordination;
use crate::check::{CoordinatedScaling, Coordination, Group, Model, Share};
use crate::diag::{Code, Diagnostic, Session};
use crate::kinds::Target;
use crate::lock::{Instance, Lock};
use crate::rollout::{Growth, Schedule, Skew};

/// How instances may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScaleIn {
    /// In however many commits: what stands in the end is looked at.
    #[default]
    AtLast,
    /// In one commit, or not at all.
    AtOnce,
    /// In the next of several commits.
    NextStep,
}

/// How a commit reaches the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commit {
    /// How instances may leave.
    pub scale_in: ScaleIn,
    /// What is gone is removed before what remains is updated.
    pub prunes_first: bool,
    /// All instances start at once: nothing stands yet.
    pub install: bool,
}

/// Instances of roles that are scaled in together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// For each commit from this one on those that leave with it. None leave with one after which
    /// nobody lists them any more.
    pub commits: Vec<Vec<Instance>>,
    /// For each role how many instances stood before the first one left.
    pub stood: BTreeMap<String, u32>,
    /// How far the shares are apart at most, at any moment. The share of a role is the number of its
    /// instances that have not left, of all that stood.
    pub skew: Skew,
}

/// For each group the instances that leave in step. Those that stay for now are put back into the
/// model. Refuses what one commit cannot do, where there is to be one.
pub fn leaving(
    session: &mut Session,
    model: &mut Model,
    locks: &BTreeMap<String, Lock>,
    (target, commit): (Target, Commit),
) -> Vec<Vec<Leaving>> {
    if target == Target::Rbg || commit.scale_in == ScaleIn::AtLast {
        return vec![Vec::new(); model.groups.len()];
    }
    let listed = listed(model);
    let mut found = Vec::new();
    for (index, group) in model.groups.iter_mut().enumerate() {
        // Another generation leaves as a whole.
        let lock = locks.get(&group.stem).filter(|lock| lock.generation == group.generation);
        let coordinations = group.coordinations.clone();
        let scaled = coordinations.iter().filter_map(|c| Some((c, c.scale?)));
        let of = |(coordination, scale): (&Coordination, CoordinatedScaling)| {
            let names = |role: usize| listed.contains(&(index, role));
            let shrinking = Shrinking::new(group, coordination, lock?)?;
            let Some(leaving) = shrinking.leaving(scale, |role| commit.prunes_first && names(role)) else {
                session.report(shrinking.unreachable(scale));
                return None;
            };
            match commit.scale_in {
                ScaleIn::AtOnce if leaving.commits.len() > 1 => session.report(several(scale, &leaving)),
                ScaleIn::AtOnce | ScaleIn::AtLast => {}
                ScaleIn::NextStep => shrinking.put_back(group, &leaving),
            }
            Some(leaving)
        };
        found.push(scaled.filter_map(of).collect());
    }
    found
}

/// The roles, with their groups, whose instances some role lists by address.
fn listed(model: &Model) -> BTreeSet<(usize, usize)> {
    let references = model.groups.iter().flat_map(|group| &group.references).filter(|r| r.addresses);
    references.map(|reference| (reference.to.group, reference.to.role)).collect()
}

fn several(scale: CoordinatedScaling, leaving: &Leaving) -> Diagnostic {
    let why = match leaving.commits.first() {
        Some(first) if first.is_empty() => "they would be gone before those who list them are updated",
        _ => "all at once, their roles would be further apart than this",
    };
    let names: Vec<String> = leaving.commits.iter().flatten().map(|one| format!("`{one}`")).take(SHOWN).collect();
    let more = leaving.commits.iter().map(Vec::len).sum::<usize>().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!("{}{more} leave in {} commits, not in one", names.join(", "), leaving.commits.len());
    Diagnostic::new(Code::LeavesInSteps, scale.span, message)
        .here(why)
        .help("`rbgc rollout plan` shows the steps; `rbgc rollout next` writes the next one: commit it, let it sync, and go on")
}

/// Instances that are named in a message.
const SHOWN: usize = 8;

/// Roles of which fewer instances are wanted than stand.
struct Shrinking<'l> {
    /// Their roles, by their index in the group.
    roles: Vec<usize>,
    names: Vec<String>,
    /// How many instances of each are wanted, how many stand, and how many stood before the first one left.
    wanted: Vec<u32>,
    standing: Vec<u32>,
    stood: Vec<u32>,
    lock: &'l Lock,
}

impl<'l> Shrinking<'l> {
    /// `None` when no role shrinks.
    fn new(group: &Group, coordination: &Coordination, lock: &'l Lock) -> Option<Self> {
        let (roles, names) = (Vec::new(), Vec::new());
        let [wanted, standing, stood] = [const { Vec::new() }; 3];
        let mut found = Shrinking { roles, names, wanted, standing, stood, lock };
        for (index, _) in &coordination.roles {
            let role = group.roles.get(*index).filter(|role| !role.replicas.autoscaled())?;
            // What stands is counted through from 0.
            let standing = lock.standing(&role.name).last().map_or(0, |last| last.saturating_add(1));
            if standing > role.replicas.min {
                let known = lock.leaving.iter().filter(|(one, _)| one.role == role.name).map(|(_, stood)| *stood);
                found.roles.push(*index);
                found.names.push(role.name.clone());
                found.wanted.push(role.replicas.min);
                found.standing.push(standing);
                found.stood.push(known.max().unwrap_or(standing).max(standing));
            }
        }
        (!found.roles.is_empty()).then_some(found)
    }

    /// They leave as they would come, in the other direction, and go on where they were. What was
    /// begun for other numbers begins anew. `None` when the bound cannot be kept. Those that a role
    /// lists are dropped by it first.
    fn leaving(&self, scale: CoordinatedScaling, listed: impl Fn(usize) -> bool) -> Option<Leaving> {
        let (stood, path) = match self.path(scale, &self.stood).filter(|path| path.steps.contains(&self.standing)) {
            Some(path) => (&self.stood, path),
            None => (&self.standing, self.path(scale, &self.standing)?),
        };
        let below = std::iter::once(&self.wanted).chain(&path.steps);
        let here = path.steps.iter().position(|counts| *counts == self.standing)?;
        let mut commits: Vec<Vec<Instance>> =
            below.zip(&path.steps).take(here + 1).map(|(to, from)| self.between(to, from)).collect();
        commits.reverse();
        let listed: Vec<&String> =
            (0..self.roles.len()).filter(|n| listed(self.roles[*n])).map(|n| &self.names[n]).collect();
        let mut all = commits.iter().flatten();
        if all.any(|one| listed.contains(&&one.role) && !self.lock.leaving.contains_key(one)) {
            commits.insert(0, Vec::new());
        }
        let stood = self.names.iter().cloned().zip(stood.iter().copied()).collect();
        Some(Leaving { commits, stood, skew: path.skew })
    }

    fn path(&self, scale: CoordinatedScaling, stood: &[u32]) -> Option<Schedule> {
        Growth { standing: &self.wanted, instances: stood }.quickest(scale.max_skew.map(Share::skew))
    }

    fn unreachable(&self, scale: CoordinatedScaling) -> Diagnostic {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let least = Growth { standing: &self.wanted, instances: &self.standing }.least();
        coordination::unreachable(scale, "leaving", &names, least)
    }

    /// The instances that stand in one state and no longer in another.
    fn between(&self, to: &[u32], from: &[u32]) -> Vec<Instance> {
        let of = |(role, name): (usize, &String)| {
            let all = (to[role]..from[role]).map(|index| Instance { role: name.clone(), index });
            all.filter(|instance| self.lock.places.contains_key(instance)).collect::<Vec<_>>()
        };
        self.names.iter().enumerate().flat_map(of).collect()
    }

    /// Those that do not leave with the first commit stand on.
    fn put_back(&self, group: &mut Group, leaving: &Leaving) {
        for (role, name) in self.roles.iter().zip(&self.names) {
            let stays = leaving.commits.iter().skip(1).flatten().filter(|one| one.role == *name);
            let Some(last) = stays.map(|one| one.index).max() else { continue };
            let role = &mut group.roles[*role];
            role.leaving = last.saturating_add(1).saturating_sub(role.replicas.min);
            role.replicas.min += role.leaving;
            role.replicas.max = role.replicas.min;
        }
    }
}
