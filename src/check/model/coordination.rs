//! Roles that act together: when they are updated, scaled, and when one fails.

use crate::rollout::{Schedule, Skew};
use crate::source::Span;

/// Roles that are paired, and rolled and scaled together.
#[derive(Debug, Clone)]
pub struct Coordination {
    /// Index of each role and its share of a cell; shares are 1 when no ratio is given.
    pub roles: Vec<(usize, u32)>,
    /// The ratio and where it stands.
    pub ratio: Option<Span>,
    /// How they are updated together; `None` when each is updated alone.
    pub rollout: Option<CoordinatedRollout>,
    /// How they are scaled together.
    pub scale: Option<CoordinatedScaling>,
    /// What restarts together, and where that is said.
    pub recover: Option<(Recovery, Span)>,
    /// The statement.
    pub span: Span,
}

/// Bounds of an update of roles that are coordinated. The share of a role is the number of its
/// instances that are updated and ready again, of all its instances.
#[derive(Debug, Clone, PartialEq)]
pub struct CoordinatedRollout {
    /// The largest difference between the shares of two roles.
    pub max_skew: Option<Share>,
    /// How many instances of a role are updated at a time; one when not given.
    pub max_unavailable: Option<Amount>,
    /// The fewest steps that keep these bounds, with the roles in the order of the statement.
    pub schedule: Schedule,
    /// The block.
    pub span: Span,
}

/// How roles that are coordinated get more or fewer instances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoordinatedScaling {
    /// The largest difference between the shares of two roles, as in [`CoordinatedRollout`].
    pub max_skew: Option<Share>,
    /// What the next instance waits for.
    pub order: Progression,
    /// The block.
    pub span: Span,
}

/// A part of a whole, exact to a ten-thousandth of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    /// Millionths, 0 to 1,000,000.
    pub millionths: u32,
}

/// A number of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many, at least one.
    Count(u32),
    /// A share of all instances of the role.
    Share(Share),
}

/// What an instance waits for before the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progression {
    /// That its pods are scheduled.
    Scheduled,
    /// That its pods are ready.
    Ready,
}

/// What restarts together when a pod fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The pod alone.
    Pod,
    /// All pods of its instance.
    Instance,
    /// All instances of its role.
    Role,
    /// All roles of its group.
    Group,
}

impl Recovery {
    /// The recovery of this name.
    pub fn parse(name: &str) -> Option<Recovery> {
        [Recovery::Pod, Recovery::Instance, Recovery::Role, Recovery::Group].into_iter().find(|r| r.name() == name)
    }

    /// Its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Recovery::Pod => "pod",
            Recovery::Instance => "instance",
            Recovery::Role => "role",
            Recovery::Group => "group",
        }
    }
}

impl Coordination {
    /// Whether its roles are updated or get new instances in steps.
    pub fn in_step(&self) -> bool {
        self.rollout.is_some() || self.scale.is_some()
    }
}

impl Share {
    /// The difference of two shares that is as large.
    pub fn skew(self) -> Skew {
        Skew::of_millionths(self.millionths)
    }
}

impl Amount {
    /// How many instances of each role are updated at a time: one of each when nothing is said.
    pub fn limits(most: Option<Amount>, instances: &[u32]) -> Vec<u32> {
        instances.iter().map(|all| most.map_or(1, |amount| amount.of(*all))).collect()
    }

    /// The number for a role of so many instances: a share is rounded down, and never below one.
    pub fn of(self, instances: u32) -> u32 {
        match self {
            Amount::Count(count) => count.max(1),
            Amount::Share(share) => {
                let whole = u64::from(instances) * u64::from(share.millionths) / 1_000_000;
                u32::try_from(whole).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}
