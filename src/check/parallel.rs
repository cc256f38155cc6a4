//! Groups on all cores.
//!
//! Every thread evaluates its groups on a copy of what is known, and remembers for itself. Values do
//! not depend on the order in which they are evaluated, but what is reported does, and how often. So
//! this is only for programs without a mistake: else all is done again, in order.

use rayon::prelude::*;

use super::Group;
use super::state::{Checker, GroupIx};
use crate::diag::Session;

/// Copying what is known does not pay for fewer groups.
const MANY: usize = 64;

impl<'p> Checker<'_, '_, 'p> {
    /// All groups, and all assertions checked; `None` when it must be done in order.
    pub fn build_in_parallel(&self) -> Option<Vec<Group>> {
        let (groups, threads) = (self.groups.len(), rayon::current_num_threads());
        if threads < 2 || groups < MANY {
            return None;
        }
        let size = groups.div_ceil(threads);
        let starts: Vec<usize> = (0..groups).step_by(size).collect();
        let build = |start: usize| {
            let indices = start..groups.min(start + size);
            self.alone(|checker| indices.map(|i| checker.build_group(GroupIx(i as u32))).collect::<Vec<Group>>())
        };
        let (built, asserted) = rayon::join(
            || starts.into_par_iter().map(build).collect::<Option<Vec<_>>>(),
            || self.alone(|checker| checker.other_assertions()),
        );
        let (built, ((), asserted)) = (built?, asserted?);
        // In order it takes no more steps than this, because less is evaluated twice.
        let steps = built.iter().map(|(_, steps)| steps).sum::<u64>() + asserted;
        (steps < self.fuel).then(|| built.into_iter().flat_map(|(groups, _)| groups).collect())
    }

    /// The result of some work on a copy of this checker, and the steps that it took; `None` when
    /// anything was reported or read on the way.
    fn alone<T>(&self, work: impl FnOnce(&mut Checker<'_, '_, 'p>) -> T) -> Option<(T, u64)> {
        let mut session = Session::new(self.session.world, &self.session.root);
        session.sources = self.session.sources.clone();
        let files = session.sources.files().len();
        let mut copy = Checker {
            session: &mut session,
            program: self.program,
            options: self.options,
            frames: self.frames.clone(),
            slots: self.slots.clone(),
            module_frames: self.module_frames.clone(),
            items: self.items.clone(),
            groups: self.groups.clone(),
            group_of: self.group_of.clone(),
            roles: self.roles.clone(),
            steps: Vec::new(),
            trace: Vec::new(),
            fuel: self.fuel,
            setting_up: self.setting_up,
            ties: self.ties,
        };
        let result = work(&mut copy);
        let steps = self.fuel - copy.fuel;
        (session.problems.is_empty() && session.sources.files().len() == files).then_some((result, steps))
    }
}
