//! The cheapest way to split a team over nested domains.

use super::team::Team;

/// Stands for what is not allowed.
const NEVER: i128 = i128::MAX;

/// A team with all its subsets.
#[derive(Debug)]
pub(in crate::place) struct Table {
    /// How many of each kind, by the number of the subset.
    subsets: Vec<Vec<i64>>,
    /// Weighted pairs in each.
    pairs: Vec<i128>,
    /// For each level the subsets that may stand in one domain, with the price that they pay: an
    /// index in the model's list.
    pub bundles: Vec<Vec<(usize, Option<usize>)>>,
}

/// A way to split a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Split {
    /// What its links cost.
    pub links: i128,
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
        let mut bundles = Vec::new();
        for level in 0..levels {
            // Everything stands in the widest domain.
            let numbers = if level == 0 { count - 1..count } else { 1..count };
            let allowed = numbers.filter(|n| team.allows(&subsets[*n], level));
            bundles.push(allowed.filter_map(|n| Some((n, bundle(&subsets[n], level)?))).collect());
        }
        Table { subsets, pairs, bundles }
    }

    /// The least cost of the team: its links `fine` each, and what its bundles pay. `None` when no way
    /// is allowed.
    pub fn cheapest(&self, downgrades: &Downgrades, fine: i128, prices: &[i128]) -> Option<i128> {
        let (_, one) = self.costs(downgrades, fine, prices);
        one.first()?.last().copied().filter(|cost| *cost < NEVER)
    }

    /// A way to split the team that costs the least.
    pub fn split(&self, downgrades: &Downgrades, fine: i128, prices: &[i128]) -> Option<Split> {
        let (parts, one) = self.costs(downgrades, fine, prices);
        let all = self.subsets.len() - 1;
        one.first()?.last().filter(|cost| **cost < NEVER)?;
        let mut split = Split { links: 0, bundles: Vec::new() };
        let mut open = vec![(0, all)];
        while let Some((level, number)) = open.pop() {
            split.links += self.pairs[number] * step(downgrades, level);
            let price = self.bundles[level].iter().find(|(n, _)| *n == number).and_then(|(_, price)| *price);
            split.bundles.extend(price);
            let mut rest = number;
            while level + 1 < self.bundles.len() && rest > 0 {
                let (part, _) = *self.bundles[level + 1].iter().find(|(n, _)| {
                    self.inside(*n, rest) && one[level + 1][*n] + parts[level][rest - n] == parts[level][rest]
                })?;
                open.push((level + 1, part));
                rest -= part;
            }
        }
        split.bundles.sort_unstable();
        Some(split)
    }

    /// For each level and subset the least cost over domains of the next level, and in one domain.
    fn costs(&self, downgrades: &Downgrades, fine: i128, prices: &[i128]) -> (Vec<Vec<i128>>, Vec<Vec<i128>>) {
        let (levels, count) = (self.bundles.len(), self.subsets.len());
        let mut one = vec![vec![NEVER; count]; levels];
        let mut parts = vec![vec![0; count]; levels];
        for level in (0..levels).rev() {
            if level + 1 < levels {
                parts[level] = self.partition(&self.bundles[level + 1], &one[level + 1]);
            }
            for (number, price) in &self.bundles[level] {
                let links = fine * self.pairs[*number] * step(downgrades, level);
                let pays = price.map_or(0, |p| prices[p]);
                if parts[level][*number] < NEVER {
                    one[level][*number] = links + pays + parts[level][*number];
                }
            }
        }
        (parts, one)
    }

    /// The least sum over all ways to divide each subset into bundles.
    fn partition(&self, bundles: &[(usize, Option<usize>)], one: &[i128]) -> Vec<i128> {
        let mut best = vec![NEVER; self.subsets.len()];
        best[0] = 0;
        for number in 1..best.len() {
            for (part, _) in bundles.iter().take_while(|(part, _)| *part <= number) {
                if best[number - part] < NEVER && one[*part] < NEVER && self.inside(*part, number) {
                    best[number] = best[number].min(one[*part] + best[number - part]);
                }
            }
        }
        best
    }

    /// Whether a subset is part of another and has its first kind: so each division is seen once.
    fn inside(&self, part: usize, number: usize) -> bool {
        let pairs = self.subsets[part].iter().zip(&self.subsets[number]);
        let first = self.subsets[number].iter().position(|n| *n > 0).unwrap_or(0);
        part <= number && self.subsets[part][first] > 0 && pairs.into_iter().all(|(part, all)| part <= all)
    }
}

/// What a pair costs more, or less, when it shares a domain of a level.
fn step(downgrades: &Downgrades, level: usize) -> i128 {
    let wider = if level == 0 { 0 } else { downgrades[level - 1] };
    i128::from(downgrades[level]) - i128::from(wider)
}
