//! In which steps roles get new instances, so that they grow in step; read backwards, in which
//! steps they lose some.
//!
//! The share of a role is the number of its instances that are ready, of those that it shall have.
//! A step may be of any size, so a bound after each step alone would allow everything at once. It
//! holds at every moment: while a step is under way its instances become ready in any order, and any
//! role may be through while another has not begun.
//!
//! How far a step may take a role depends on where the others stand before it, and the further they
//! are, the further it may go. So the largest step is always the best one, and no search is needed.

use super::{Schedule, Skew};

/// What is to come.
#[derive(Debug, Clone, Copy)]
pub struct Growth<'a> {
    /// For each role how many instances are there.
    pub standing: &'a [u32],
    /// For each role how many there shall be, at least as many.
    pub instances: &'a [u32],
}

impl Growth<'_> {
    /// The roles that grow. All others have their whole share, and hold up nobody.
    fn roles(&self) -> Vec<usize> {
        let grows = |role: &usize| self.standing.get(*role).is_some_and(|there| *there < self.instances[*role]);
        (0..self.instances.len()).filter(grows).collect()
    }

    /// How far the shares are apart before the first step: no schedule can do anything about that.
    pub fn at_first(&self) -> Skew {
        let roles = self.roles();
        let share = |role: usize| (self.standing[role], self.instances[role]);
        let pairs = roles.iter().enumerate().flat_map(|(i, a)| roles[i + 1..].iter().map(move |b| (*a, *b)));
        pairs.map(|(a, b)| Skew::between(share(a), share(b))).max().unwrap_or(Skew::NONE)
    }

    /// The smallest bound that a schedule can keep at every moment.
    pub fn least(&self) -> Skew {
        let roles = self.roles();
        let mut counts = self.standing.to_vec();
        let mut bound = self.at_first();
        // Every round either ends or brings an instance at least.
        while counts != self.instances {
            let after = self.furthest(&roles, &counts, bound);
            if after == counts {
                // Whoever leaves this state first takes one instance more.
                let open = roles.iter().filter(|role| counts[**role] < self.instances[**role]);
                let needed = open.filter_map(|role| self.skew_of_one(&roles, &counts, *role)).min();
                let Some(needed) = needed else { break };
                bound = bound.max(needed);
            } else {
                counts = after;
            }
        }
        bound
    }

    /// The schedule with the fewest steps of those that keep the bound at every moment, and of these
    /// one whose skew is the smallest, to a ten-thousandth of a percent. `None` when none keeps it.
    /// Where the shares are further apart before the first step, they never are further than that.
    pub fn quickest(&self, bound: Option<Skew>) -> Option<Schedule> {
        let bound = bound.unwrap_or(Skew::of_millionths(WHOLE)).max(self.at_first());
        let mut best = self.steps(bound)?;
        let (mut below, mut enough) = (0, WHOLE);
        while below < enough {
            let middle = below.midpoint(enough);
            match self.steps(Skew::of_millionths(middle).min(bound)) {
                Some(even) if even.steps.len() <= best.steps.len() => (enough, best) = (middle, even),
                _ => below = middle + 1,
            }
        }
        Some(best)
    }

    /// The largest steps that keep a bound.
    fn steps(&self, bound: Skew) -> Option<Schedule> {
        let roles = self.roles();
        let mut counts = self.standing.to_vec();
        let mut steps = Vec::new();
        while counts != self.instances {
            let after = self.furthest(&roles, &counts, bound);
            if after == counts {
                return None;
            }
            counts.clone_from(&after);
            steps.push(after);
        }
        let skew = self.skew(&steps);
        Some(Schedule { steps, skew })
    }

    /// The largest skew at any moment.
    fn skew(&self, steps: &[Vec<u32>]) -> Skew {
        let roles = self.roles();
        let start = self.standing.to_vec();
        let befores = std::iter::once(&start).chain(steps);
        let all = befores.zip(steps).map(|(before, after)| self.under_way(&roles, before, after));
        all.max().unwrap_or(Skew::NONE).max(self.at_first())
    }

    /// The largest skew while a step is under way: one role is through, another has not begun.
    fn under_way(&self, roles: &[usize], before: &[u32], after: &[u32]) -> Skew {
        let of = |a: usize, b: usize| Skew::between((after[a], self.instances[a]), (before[b], self.instances[b]));
        let pairs = roles.iter().flat_map(|a| roles.iter().map(move |b| (*a, *b)));
        pairs.filter(|(a, b)| a != b).map(|(a, b)| of(a, b)).max().unwrap_or(Skew::NONE)
    }

    /// Whether a step of an update keeps a bound, which replaces the instances that are there one
    /// after the other and then brings those that are missing.
    pub(super) fn allows(&self, bound: Skew, (before, after): (&[u32], &[u32])) -> bool {
        let ready = |updated: &[u32]| -> Vec<u32> {
            updated.iter().zip(self.standing).map(|(updated, standing)| *updated.max(standing)).collect()
        };
        self.under_way(&self.roles(), &ready(before), &ready(after)) <= bound.max(self.at_first())
    }

    /// The most that a step can bring: no role gets further ahead of where another one is before.
    fn furthest(&self, roles: &[usize], counts: &[u32], bound: Skew) -> Vec<u32> {
        let mut after = counts.to_vec();
        for role in roles {
            let all = u64::from(self.instances[*role]);
            let others = roles.iter().filter(|other| *other != role);
            let most = others.map(|other| {
                let (there, of) = (u128::from(counts[*other]), u128::from(self.instances[*other]));
                // (there / of + bound) of all, rounded down.
                let part = (there * u128::from(bound.of)).saturating_add(u128::from(bound.part) * of);
                let most = part.saturating_mul(u128::from(all)) / (of * u128::from(bound.of)).max(1);
                u32::try_from(most).unwrap_or(u32::MAX)
            });
            let most = most.min().unwrap_or(u32::MAX).min(self.instances[*role]);
            after[*role] = most.max(counts[*role]);
        }
        after
    }

    /// How far a role is ahead of the last one when it gets one instance more.
    fn skew_of_one(&self, roles: &[usize], counts: &[u32], role: usize) -> Option<Skew> {
        let more = (counts[role] + 1, self.instances[role]);
        let ahead = |other: &&usize| {
            let (a, b) = (u64::from(more.0) * u64::from(self.instances[**other]), u64::from(counts[**other]));
            a > b * u64::from(more.1)
        };
        let others = roles.iter().filter(|other| **other != role);
        others.filter(ahead).map(|other| Skew::between(more, (counts[*other], self.instances[*other]))).max()
    }
}

/// A whole, in millionths.
const WHOLE: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn growth<'a>(standing: &'a [u32], instances: &'a [u32]) -> Growth<'a> {
        Growth { standing, instances }
    }

    /// The steps of the quickest schedule of two roles, from the definition: layer by layer all states that can be
    /// reached by steps of any size, of which every state between the two ends is within the bound.
    fn layers(from: (u32, u32), to: (u32, u32), bound: Skew) -> Option<usize> {
        let fine = |x: u32, y: u32| from.0 == to.0 || from.1 == to.1 || Skew::between((x, to.0), (y, to.1)) <= bound;
        let mut layer = std::collections::BTreeSet::from([from]);
        for steps in 0..=(to.0 + to.1) as usize {
            if layer.contains(&to) {
                return Some(steps);
            }
            let mut next = std::collections::BTreeSet::new();
            for (x, y) in &layer {
                for (a, b) in (*x..=to.0).flat_map(|a| (*y..=to.1).map(move |b| (a, b))) {
                    let mut between = (*x..=a).flat_map(|i| (*y..=b).map(move |j| (i, j)));
                    if between.all(|(i, j)| fine(i, j)) {
                        next.insert((a, b));
                    }
                }
            }
            layer = next;
        }
        None
    }

    #[test]
    fn schedules_equal_the_optimum_of_an_exhaustive_search() {
        let sizes = [1, 2, 3, 5];
        let ends = sizes.into_iter().flat_map(|a| sizes.map(|b| (a, b)));
        for (to, (x, y)) in ends.flat_map(|to| [(0, 0), (1, 1), (0, 2), (2, 1)].map(|from| (to, from))) {
            let from = (x.min(to.0), y.min(to.1));
            let (standing, instances) = ([from.0, from.1], [to.0, to.1]);
            let growth = growth(&standing, &instances);
            let possible = (0..=to.0).flat_map(|i| (0..=to.1).map(move |j| Skew::between((i, to.0), (j, to.1))));
            let mut possible: Vec<Skew> = possible.filter(|skew| *skew >= growth.at_first()).collect();
            possible.sort();
            possible.dedup();
            let least = possible.iter().find(|bound| layers(from, to, **bound).is_some()).copied();
            assert_eq!(growth.least(), least.unwrap_or(Skew::NONE), "{from:?} {to:?}");
            for bound in possible {
                let found = growth.quickest(Some(bound));
                let steps = found.as_ref().map(|schedule| schedule.steps.len());
                assert_eq!(steps, layers(from, to, bound), "{from:?} {to:?} {bound:?}");
                let Some(found) = found else { continue };
                assert!(found.skew <= bound, "{found:?}");
                assert_eq!(layers(from, to, found.skew), steps, "{found:?}");
            }
        }
    }

    #[test]
    fn roles_grow_in_step() {
        let half = Skew::of_millionths(500_000);
        let of = |standing: &[u32], instances: &[u32]| growth(standing, instances).quickest(Some(half)).unwrap().steps;
        assert_eq!(of(&[0, 0], &[2, 4]), [[1, 2], [2, 4]]);
        assert_eq!(of(&[2, 4], &[4, 8]), [[4, 8]]);
        assert_eq!(of(&[0, 0, 0], &[2, 4, 6]), [[1, 2, 3], [2, 4, 6]]);
        // A role that does not grow holds up nobody, and nobody grows alone in steps.
        assert_eq!(of(&[2, 1], &[2, 9]), [[2, 9]]);
        assert!(of(&[2, 4], &[2, 4]).is_empty());
        assert_eq!(growth(&[0, 0], &[7, 3]).least().percent(), 23.8);
        assert_eq!(growth(&[0, 0], &[7, 3]).quickest(None).unwrap().steps, [[7, 3]]);
        assert_eq!(growth(&[0, 0], &[7, 3]).quickest(Some(Skew::of_millionths(200_000))), None);
        // As many as there may be of all roles.
        assert_eq!(
            growth(&[0, 0], &[60_000, 40_000]).quickest(Some(Skew::of_millionths(100_000))).unwrap().steps.len(),
            10
        );
    }
}
