//! Roles that are scaled in step, and have instances that do not stand yet.

use std::collections::BTreeSet;

use crate::check::{CoordinatedScaling, Share};
use crate::lock::Lock;
use crate::plan::Role;
use crate::rollout::{Growth, Schedule, Skew, Update, quickest, quickest_growing};

/// The new instances of some roles.
pub(super) struct Growing {
    /// For each role how many of its instances stand, and how many it shall have.
    standing: Vec<u32>,
    instances: Vec<u32>,
    /// For each role the instances that do not stand yet.
    new: Vec<Vec<u32>>,
    bound: Option<Skew>,
    /// The steps of the new instances, when nothing else happens.
    schedule: Schedule,
}

impl Growing {
    /// `None` when no instance is new. A bound that no order keeps was refused in `fit`.
    pub fn new(scale: CoordinatedScaling, members: &[&Role<'_>], lock: &Lock) -> Option<Growing> {
        let instances: Vec<u32> = members.iter().map(|role| role.instances()).collect();
        let known = |role: &&Role<'_>| lock.standing(&role.source.name).collect::<BTreeSet<u32>>();
        let new = |role: &&Role<'_>| -> Vec<u32> {
            let known = known(role);
            (0..role.instances()).filter(|index| !known.contains(index)).collect()
        };
        let new: Vec<Vec<u32>> = members.iter().map(new).collect();
        if new.iter().all(Vec::is_empty) {
            return None;
        }
        let standing: Vec<u32> = instances.iter().zip(&new).map(|(all, new)| all - new.len() as u32).collect();
        let bound = scale.max_skew.map(Share::skew);
        let schedule = Growth { standing: &standing, instances: &instances }.quickest(bound)?;
        Some(Growing { standing, instances, new, bound, schedule })
    }

    /// The step of a new instance, from 0; `None` of one that stands.
    pub fn step_of(&self, role: usize, instance: u32) -> Option<u32> {
        let number = self.new.get(role)?.binary_search(&instance).ok()?;
        Some(self.schedule.step_of(role, self.standing[role] + number as u32))
    }

    /// How far the shares of ready instances are apart at most, at any moment.
    pub fn skew(&self) -> Skew {
        self.schedule.skew
    }

    /// The schedule of an update that brings the new instances as well. `None` when none keeps both
    /// bounds, or there are too many orders to know.
    pub fn during(&self, update: Update<'_>, bound: Option<Skew>) -> Option<Schedule> {
        let growth = Growth { standing: &self.standing, instances: &self.instances };
        match self.bound {
            Some(kept) => quickest_growing(update, bound, (growth, kept)).ok()?,
            None => quickest(update, bound).ok()?,
        }
    }
}
