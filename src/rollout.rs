//! In which steps the instances of several roles are updated, so that the roles stay in step.
//!
//! After each step every role has a share of its instances updated. The *skew* is the largest
//! difference between the shares of two roles. A schedule is a path through the lattice of updated
//! counts, and what is best over all paths is found exactly, in whole numbers.

use std::cmp::Ordering;

mod growth;
#[cfg(test)]
mod tests;

pub use growth::Growth;

/// How many states there are at most, so that they take less than 100 MiB.
const MOST_STATES: u64 = 2_000_000;
/// How many pairs of a state and a step are looked at, at most: about a second of work.
const MOST_WORK: u64 = 10_000_000;

/// A fraction from 0 to 1, compared exactly.
#[derive(Debug, Clone, Copy)]
pub struct Skew {
    part: u64,
    of: u64,
}

/// What is to be updated, and how much of it at a time.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The instances of each role.
    pub instances: &'a [u32],
    /// How many instances of each role a step may update, at least one.
    pub limits: &'a [u32],
    /// Whether one step may update instances of several roles.
    pub shared: bool,
}

/// The steps of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// For each step and role the number of instances that are updated after it.
    pub steps: Vec<Vec<u32>>,
    /// The largest skew after a step.
    pub skew: Skew,
}

/// There are too many instances, or too many at a time, to look at every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl Skew {
    /// No difference at all.
    pub const NONE: Skew = Skew { part: 0, of: 1 };

    /// A number of millionths.
    pub fn of_millionths(millionths: u32) -> Skew {
        Skew { part: u64::from(millionths), of: 1_000_000 }
    }

    /// The difference of the shares `a` of `all_a` and `b` of `all_b`. A role without instances is
    /// never behind another.
    pub fn between((a, all_a): (u32, u32), (b, all_b): (u32, u32)) -> Skew {
        if all_a == 0 || all_b == 0 {
            return Skew::NONE;
        }
        let (all_a, all_b) = (u64::from(all_a), u64::from(all_b));
        Skew { part: (u64::from(a) * all_b).abs_diff(u64::from(b) * all_a), of: all_a * all_b }
    }

    /// In percent, rounded to tenths.
    pub fn percent(self) -> f64 {
        (self.part as f64 / self.of as f64 * 1000.0).round() / 10.0
    }
}

impl Ord for Skew {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (u128::from(self.part), u128::from(other.part));
        (a * u128::from(other.of)).cmp(&(b * u128::from(self.of)))
    }
}

impl PartialOrd for Skew {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Skew {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Skew {}

/// What makes one schedule better than another.
#[derive(Clone, Copy)]
enum Goal {
    /// A smaller skew; then fewer steps.
    Even,
    /// Fewer steps; then a smaller skew.
    Quick,
}

/// The schedule with the smallest skew that any can keep.
///
/// # Errors
/// When there are too many orders.
pub fn most_even(update: Update<'_>) -> Result<Schedule, TooLarge> {
    // Without a bound, one step after the other reaches the end.
    Ok(search(update, None, Goal::Even, |_, _| true)?.unwrap_or(Schedule { steps: Vec::new(), skew: Skew::NONE }))
}

/// The schedule with the fewest steps of those that keep `bound`, and of these the one with the
/// smallest skew. `None` when none keeps it.
///
/// # Errors
/// When there are too many orders.
pub fn quickest(update: Update<'_>, bound: Option<Skew>) -> Result<Option<Schedule>, TooLarge> {
    search(update, bound, Goal::Quick, |_, _| true)
}

/// The same for an update in which the roles also grow: at no moment are their shares of ready
/// instances further apart than `kept`, nor than they were before.
///
/// # Errors
/// When there are too many orders.
pub fn quickest_growing(
    update: Update<'_>,
    bound: Option<Skew>,
    (growth, kept): (Growth<'_>, Skew),
) -> Result<Option<Schedule>, TooLarge> {
    search(update, bound, Goal::Quick, |before, after| growth.allows(kept, (before, after)))
}

impl Schedule {
    /// The schedule that updates the instances of each role in these steps.
    pub fn of(steps: &[&[u32]]) -> Schedule {
        let instances: Vec<u32> = steps.iter().map(|role| role.len() as u32).collect();
        let last = steps.iter().flat_map(|role| role.iter().copied()).max();
        let counts = |step: u32| -> Vec<u32> {
            steps.iter().map(|role| role.iter().filter(|own| **own <= step).count() as u32).collect()
        };
        let steps: Vec<Vec<u32>> = last.map_or_else(Vec::new, |last| (0..=last).map(counts).collect());
        let skew = steps.iter().map(|counts| skew(&instances, counts)).max().unwrap_or(Skew::NONE);
        Schedule { steps, skew }
    }

    /// The step, from 0, that updates an instance of a role. All others are updated in the last one.
    pub fn step_of(&self, role: usize, instance: u32) -> u32 {
        let updates = |counts: &Vec<u32>| counts.get(role).is_some_and(|updated| *updated > instance);
        let step = self.steps.iter().position(updates).unwrap_or(self.steps.len().saturating_sub(1));
        u32::try_from(step).unwrap_or(u32::MAX)
    }

    /// The largest skew at any time: while a step is under way, some of its instances are updated
    /// and others are not yet, in any order.
    pub fn under_way(&self, instances: &[u32]) -> Skew {
        let start = vec![0; instances.len()];
        let befores = std::iter::once(&start).chain(&self.steps);
        let mixed = befores.zip(&self.steps).flat_map(|(before, after)| {
            pairs(instances).map(move |(a, b)| {
                let between = |x: u32, y: u32| Skew::between((x, instances[a]), (y, instances[b]));
                between(before[a], after[b]).max(between(after[a], before[b]))
            })
        });
        mixed.max().unwrap_or(Skew::NONE).max(self.skew)
    }
}

/// The best way to a state.
#[derive(Clone, Copy)]
struct Way {
    steps: u32,
    /// The largest skew on it.
    skew: Skew,
    /// The state before the last step.
    from: usize,
}

impl Way {
    fn is_better(&self, other: &Way, goal: Goal) -> bool {
        let (steps, skew) = (self.steps.cmp(&other.steps), self.skew.cmp(&other.skew));
        match goal {
            Goal::Even => skew.then(steps),
            Goal::Quick => steps.then(skew),
        }
        .is_lt()
    }
}

/// Both goals order the ways to a state as they order what follows from them, so the best way to
/// each state is enough. States are numbered such that every step leads to a higher number.
fn search(
    update: Update<'_>,
    bound: Option<Skew>,
    goal: Goal,
    allows: impl Fn(&[u32], &[u32]) -> bool,
) -> Result<Option<Schedule>, TooLarge> {
    let states = Lattice::new(update)?;
    let mut ways: Vec<Option<Way>> = vec![None; states.size];
    ways[0] = Some(Way { steps: 0, skew: Skew::NONE, from: 0 });
    for state in 0..states.size {
        let Some(way) = ways[state] else { continue };
        let counts = states.counts(state);
        for step in &states.moves {
            let after: Vec<u32> = counts.iter().zip(step).map(|(count, more)| count + more).collect();
            if after.iter().zip(update.instances).any(|(count, all)| count > all) {
                continue;
            }
            let skew = skew(update.instances, &after);
            if bound.is_some_and(|bound| skew > bound) || !allows(&counts, &after) {
                continue;
            }
            let found = Way { steps: way.steps + 1, skew: way.skew.max(skew), from: state };
            let known = &mut ways[states.number(&after)];
            if known.is_none_or(|known| found.is_better(&known, goal)) {
                *known = Some(found);
            }
        }
    }
    let last = states.size - 1;
    let Some(end) = ways[last] else { return Ok(None) };
    let mut steps = Vec::new();
    let mut state = last;
    while state != 0 {
        steps.push(states.counts(state));
        state = ways[state].map_or(0, |way| way.from);
    }
    steps.reverse();
    Ok(Some(Schedule { steps, skew: end.skew }))
}

/// All counts of updated instances.
struct Lattice {
    /// For each role one more than its instances.
    bases: Vec<usize>,
    size: usize,
    /// For each step the instances of each role that it updates.
    moves: Vec<Vec<u32>>,
}

impl Lattice {
    fn new(update: Update<'_>) -> Result<Lattice, TooLarge> {
        let bases: Vec<usize> = update.instances.iter().map(|all| *all as usize + 1).collect();
        let limits = update.instances.iter().zip(update.limits).map(|(all, limit)| (*limit).clamp(1, (*all).max(1)));
        let limits: Vec<u32> = limits.collect();
        let size = product(bases.iter().map(|base| *base as u64))?;
        let moves = match update.shared {
            true => product(limits.iter().map(|limit| u64::from(*limit) + 1))?,
            false => limits.iter().map(|limit| u64::from(*limit)).sum(),
        };
        if size > MOST_STATES || size.saturating_mul(moves) > MOST_WORK {
            return Err(TooLarge);
        }
        let mut moves: Vec<Vec<u32>> = vec![Vec::new()];
        for limit in limits {
            let longer = |step: &Vec<u32>| {
                let may = if update.shared || step.iter().all(|more| *more == 0) { limit } else { 0 };
                let step = step.clone();
                (0..=may).map(move |more| step.iter().copied().chain([more]).collect::<Vec<u32>>()).collect::<Vec<_>>()
            };
            moves = moves.iter().flat_map(longer).collect();
        }
        moves.retain(|step| step.iter().any(|more| *more > 0));
        Ok(Lattice { bases, size: size as usize, moves })
    }

    fn counts(&self, mut state: usize) -> Vec<u32> {
        let mut counts = vec![0; self.bases.len()];
        for (count, base) in counts.iter_mut().zip(&self.bases).rev() {
            *count = (state % base) as u32;
            state /= base;
        }
        counts
    }

    fn number(&self, counts: &[u32]) -> usize {
        counts.iter().zip(&self.bases).fold(0, |number, (count, base)| number * base + *count as usize)
    }
}

fn product(mut factors: impl Iterator<Item = u64>) -> Result<u64, TooLarge> {
    factors.try_fold(1u64, u64::checked_mul).ok_or(TooLarge)
}

fn pairs(instances: &[u32]) -> impl Iterator<Item = (usize, usize)> {
    let roles = instances.len();
    (0..roles).flat_map(move |a| (a + 1..roles).map(move |b| (a, b)))
}

fn skew(instances: &[u32], updated: &[u32]) -> Skew {
    let of = |(a, b): (usize, usize)| Skew::between((updated[a], instances[a]), (updated[b], instances[b]));
    pairs(instances).map(of).max().unwrap_or(Skew::NONE)
}
