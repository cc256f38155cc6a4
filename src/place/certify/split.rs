//! The cheapest way to split a team over nested domains.

use super::team::Team;

/// Stands for what is not allowed.
const NEVER: i128 = i128::MAX;

/// Wishes that are not met count in this part of a unit, so that what several domains share in can
/// be divided among them.
pub(in crate::place) const SHARE: i64 = 5_040;

/// What a unit of each cost of a team is worth.
#[derive(Debug, Clone, Copy)]
pub(in crate::place) struct Worth {
    /// A downgrade of a link.
    pub links: i128,
    /// A preference that is not met.
    pub unmet: i128,
    /// An instance that would have to stand elsewhere for an even spread.
    pub spread: i128,
}

impl Worth {
    /// Only links count.
    pub const LINKS: Worth = Worth { links: 1, unmet: 0, spread: 0 };

    fn of(&self, (unmet, spread): (i64, i64)) -> i128 {
        (self.unmet * i128::from(unmet) + self.spread * i128::from(spread)).div_euclid(i128::from(SHARE))
    }
}

/// A team with all its subsets.
#[derive(Debug)]
pub(in crate::place) struct Table {
    /// Number of subsets.
    count: usize,
    /// For each subset the parts of it that have its first kind: so each division is seen once.
    parts: Vec<Vec<usize>>,
    /// Weighted pairs in each.
    pairs: Vec<i128>,
    /// For each level and subset what is not met when it stands in one domain: preferences, spread.
    wishes: Vec<Vec<(i64, i64)>>,
    /// For each level the subsets that may stand in one domain, with the price that they pay: an
    /// index in the model's list.
    pub bundles: Vec<Vec<(usize, Option<usize>)>>,
}

/// A way to split a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Split {
    /// What its links cost.
    pub links: i128,
    /// Preferences that are not met, and the deficit of spreading, in shares.
    pub wishes: (i64, i64),
    /// The prices that it pays, with repetitions.
    pub bundles: Vec<usize>,
}

/// What links cost by level: for each position the downgrade of a pair that shares a domain there and no
/// narrower one.
pub(in crate::place) type Downgrades = [i64];

impl Table {
    /// The table of a team of `count` subsets; `bundle` tells whether a subset fits a domain of a level
    /// and what it pays.
    pub fn new(
        team: &Team,
        count: usize,
        levels: usize,
        mut bundle: impl FnMut(&[i64], usize) -> Option<Option<usize>>,
    ) -> Table {
        let subsets: Vec<Vec<i64>> = (0..count).map(|n| team.subset(n)).collect();
        let pairs = subsets.iter().map(|subset| team.pairs(subset)).collect();
        let wishes = |level: usize| subsets.iter().map(|subset| team.unmet(subset, level)).collect();
        let wishes = (0..levels).map(wishes).collect();
        let parts = (0..count).map(|number| (1..=number).filter(|part| inside(&subsets, *part, number)).collect());
        let mut bundles = Vec::new();
        for level in 0..levels {
            // Everything stands in the widest domain.
            let numbers = if level == 0 { count - 1..count } else { 1..count };
            let allowed = numbers.filter(|n| team.allows(&subsets[*n], level));
            bundles.push(allowed.filter_map(|n| Some((n, bundle(&subsets[n], level)?))).collect());
        }
        Table { count, parts: parts.collect(), pairs, wishes, bundles }
    }

    /// The least cost of the team: what its links and wishes are worth, and what its bundles pay. `None`
    /// when no way is allowed.
    pub fn cheapest(&self, downgrades: &Downgrades, worth: Worth, prices: &[i128]) -> Option<i128> {
        let (_, one) = self.costs(downgrades, worth, prices);
        one.first()?.last().copied().filter(|cost| *cost < NEVER)
    }

    /// The least cost of the team when no domain of a level holds all of it.
    pub fn divided(&self, level: usize, downgrades: &Downgrades, worth: Worth, prices: &[i128]) -> Option<i128> {
        let all = self.count - 1;
        let (_, one) = self.costs_where(downgrades, worth, prices, |at, number| at < level || number < all);
        one.first()?.last().copied().filter(|cost| *cost < NEVER)
    }

    /// A way to split the team that costs the least.
    pub fn split(&self, downgrades: &Downgrades, worth: Worth, prices: &[i128]) -> Option<Split> {
        let (parts, one) = self.costs(downgrades, worth, prices);
        let all = self.count - 1;
        one.first()?.last().filter(|cost| **cost < NEVER)?;
        let mut split = Split { links: 0, wishes: (0, 0), bundles: Vec::new() };
        let mut open = vec![(0, all)];
        while let Some((level, number)) = open.pop() {
            split.links += self.pairs[number] * step(downgrades, level);
            split.wishes.0 += self.wishes[level][number].0;
            split.wishes.1 += self.wishes[level][number].1;
            let price = self.bundles[level].iter().find(|(n, _)| *n == number).and_then(|(_, price)| *price);
            split.bundles.extend(price);
            let mut rest = number;
            while level + 1 < self.bundles.len() && rest > 0 {
                let part = *self.parts[rest].iter().find(|part| {
                    let (one, left) = (one[level + 1][**part], parts[level][rest - **part]);
                    one < NEVER && left < NEVER && one + left == parts[level][rest]
                })?;
                open.push((level + 1, part));
                rest -= part;
            }
        }
        split.bundles.sort_unstable();
        Some(split)
    }

    /// For each level and subset the least cost over domains of the next level, and in one domain.
    fn costs(&self, downgrades: &Downgrades, worth: Worth, prices: &[i128]) -> (Vec<Vec<i128>>, Vec<Vec<i128>>) {
        self.costs_where(downgrades, worth, prices, |_, _| true)
    }

    /// The same where only some subsets may stand in one domain of a level.
    fn costs_where(
        &self,
        downgrades: &Downgrades,
        worth: Worth,
        prices: &[i128],
        may: impl Fn(usize, usize) -> bool,
    ) -> (Vec<Vec<i128>>, Vec<Vec<i128>>) {
        let (levels, count) = (self.bundles.len(), self.count);
        let mut one = vec![vec![NEVER; count]; levels];
        let mut parts = vec![vec![0; count]; levels];
        for level in (0..levels).rev() {
            if level + 1 < levels {
                parts[level] = self.partition(&one[level + 1]);
            }
            for (number, price) in self.bundles[level].iter().filter(|(number, _)| may(level, *number)) {
                let links = worth.links * self.pairs[*number] * step(downgrades, level);
                let pays = price.map_or(0, |p| prices[p]);
                if parts[level][*number] < NEVER {
                    one[level][*number] = links + worth.of(self.wishes[level][*number]) + pays + parts[level][*number];
                }
            }
        }
        (parts, one)
    }

    /// The least sum over all ways to divide each subset into bundles.
    fn partition(&self, one: &[i128]) -> Vec<i128> {
        let mut best = vec![NEVER; self.count];
        best[0] = 0;
        for number in 1..best.len() {
            for part in &self.parts[number] {
                if best[number - part] < NEVER && one[*part] < NEVER {
                    best[number] = best[number].min(one[*part] + best[number - part]);
                }
            }
        }
        best
    }
}

/// Whether a subset is part of another and has its first kind.
fn inside(subsets: &[Vec<i64>], part: usize, number: usize) -> bool {
    let pairs = subsets[part].iter().zip(&subsets[number]);
    let first = subsets[number].iter().position(|n| *n > 0).unwrap_or(0);
    subsets[part][first] > 0 && pairs.into_iter().all(|(part, all)| part <= all)
}

/// What a pair costs more, or less, when it shares a domain of a level.
fn step(downgrades: &Downgrades, level: usize) -> i128 {
    let wider = if level == 0 { 0 } else { downgrades[level - 1] };
    i128::from(downgrades[level]) - i128::from(wider)
}
