//! Pods of a group whose links are counted together, and the ways to split them over domains.

use std::collections::BTreeSet;

use super::measure::gcd;
use super::split::SHARE;

/// Subsets of a team that are looked at.
const SUBSETS: usize = 1 << 12;

/// Pods of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Kind {
    /// How many there are.
    pub count: i64,
    /// For each level how large one is together with all that must share its domain there.
    pub sizes: Vec<Vec<i64>>,
    /// For each level whether it pays there; else another team pays for it.
    pub pays: Vec<bool>,
}

/// What a part of the team in one domain must obey. Levels are positions in the model's list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) enum Rule {
    /// All or none of these kinds, at this level and wider ones.
    All(usize, Vec<usize>),
    /// At most so many of a kind, at this level and narrower ones.
    Most(usize, usize, i64),
    /// Not both kinds, at this level and narrower ones.
    Foes(usize, usize, usize),
    /// Not the first kind without the second, at this level and wider ones.
    Needs(usize, usize, usize),
    /// So many of these kinds, at this level and wider ones.
    Sums(usize, Vec<usize>, BTreeSet<Vec<i64>>),
}

/// What is counted against a part of the team in one domain, at one level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Wish {
    /// The level; the widest for what is counted in any case.
    pub level: usize,
    /// It is part of the deficit of spreading, not of the preferences.
    pub spread: bool,
    /// How much each unit weighs.
    pub weight: i64,
    /// What is counted.
    pub count: Counted,
}

/// What is counted of a part of the team in one domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) enum Counted {
    /// So much.
    Always(i64),
    /// One when any of these kinds is there.
    Any(Vec<usize>),
    /// Those of a kind when there are two or more.
    Crowd(usize),
    /// Those of the first kind when there is one of the second.
    Beside(usize, usize),
    /// Those of the first kind when there is none of the second.
    Without(usize, usize),
    /// Those of a kind beyond so many.
    Beyond(usize, i64),
    /// One when there are more of a kind than so many.
    Over(usize, i64),
    /// The share of the part in the team, unless it is all of it.
    Divided,
}

/// Pods whose links are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::place) struct Team {
    /// The criterion that counts their links.
    pub criterion: usize,
    /// The kinds.
    pub kinds: Vec<Kind>,
    /// Traffic between each pod of a kind and each other one of another, or the same.
    pub traffic: Vec<(usize, usize, i64)>,
    /// What its parts must obey.
    pub rules: Vec<Rule>,
    /// What its parts should obey.
    pub wishes: Vec<Wish>,
}

impl Team {
    /// Number of its subsets; `None` when that is too many.
    pub fn subsets(&self) -> Option<usize> {
        let size = |product: usize, kind: &Kind| product.checked_mul(usize::try_from(kind.count).ok()? + 1);
        self.kinds.iter().try_fold(1, size).filter(|n| *n <= SUBSETS)
    }

    /// A subset by its number: how many of each kind.
    pub fn subset(&self, mut number: usize) -> Vec<i64> {
        let digit = |kind: &Kind| {
            let size = kind.count as usize + 1;
            let digit = number % size;
            number /= size;
            digit as i64
        };
        self.kinds.iter().map(digit).collect()
    }

    /// The weighted pairs in a subset.
    pub fn pairs(&self, subset: &[i64]) -> i128 {
        let pairs = |(a, b, weight): &(usize, usize, i64)| {
            let (n, m) = (i128::from(subset[*a]), i128::from(subset[*b]));
            i128::from(*weight) * if a == b { n * (n - 1) / 2 } else { n * m }
        };
        self.traffic.iter().map(pairs).sum()
    }

    /// All of it.
    pub fn whole(&self) -> Vec<i64> {
        self.kinds.iter().map(|kind| kind.count).collect()
    }

    /// Size of a subset in one domain of a level: of all, or of those who pay.
    pub fn size(&self, subset: &[i64], level: usize, paying: bool) -> Vec<i64> {
        let measures = self.kinds.first().map_or(0, |kind| kind.sizes[level].len());
        let counted = self.kinds.iter().zip(subset).filter(|(kind, _)| !paying || kind.pays[level]);
        counted.fold(vec![0; measures], |mut sum, (kind, n)| {
            sum.iter_mut()
                .zip(&kind.sizes[level])
                .for_each(|(sum, size)| *sum = size.saturating_mul(*n).saturating_add(*sum));
            sum
        })
    }

    /// Whether the rules allow this subset, and the rest elsewhere, in a domain of a level.
    pub fn allows(&self, subset: &[i64], level: usize) -> bool {
        self.rules.iter().all(|rule| match rule {
            Rule::All(at, kinds) => {
                level > *at
                    || kinds.iter().all(|k| subset[*k] == 0)
                    || kinds.iter().all(|k| subset[*k] == self.kinds[*k].count)
            }
            Rule::Most(at, kind, most) => level < *at || subset[*kind] <= *most,
            Rule::Foes(at, a, b) => level < *at || subset[*a] == 0 || subset[*b] == 0,
            Rule::Needs(at, a, b) => level > *at || subset[*a] == 0 || subset[*b] > 0,
            Rule::Sums(at, kinds, sums) => {
                level > *at || sums.contains(&kinds.iter().map(|k| subset[*k]).collect::<Vec<_>>())
            }
        })
    }

    /// What counts against a subset in one domain of a level, in shares: preferences, and spread.
    pub fn unmet(&self, subset: &[i64], level: usize) -> (i64, i64) {
        let mut sums = (0, 0);
        for wish in self.wishes.iter().filter(|wish| wish.level == level) {
            let units = SHARE.saturating_mul(wish.weight);
            let one = |holds: bool| if holds { units } else { 0 };
            let cost = match &wish.count {
                Counted::Always(n) => units.saturating_mul(*n),
                Counted::Any(kinds) => one(kinds.iter().any(|k| subset[*k] > 0)),
                Counted::Crowd(kind) => one(subset[*kind] > 1).saturating_mul(subset[*kind]),
                Counted::Beside(a, b) => one(subset[*b] > 0).saturating_mul(subset[*a]),
                Counted::Without(a, b) => one(subset[*b] == 0).saturating_mul(subset[*a]),
                Counted::Beyond(kind, most) => units.saturating_mul((subset[*kind] - most).max(0)),
                Counted::Over(kind, most) => one(subset[*kind] > *most),
                Counted::Divided => {
                    let (part, all) = (subset.iter().sum::<i64>(), self.whole().iter().sum::<i64>());
                    if part == all { 0 } else { units.saturating_mul(part) / all.max(1) }
                }
            };
            let sum = if wish.spread { &mut sums.1 } else { &mut sums.0 };
            *sum = cost.saturating_add(*sum);
        }
        sums
    }

    /// What divides the cost of all links but for a constant.
    pub fn divisor(&self) -> i64 {
        self.traffic.iter().map(|(.., weight)| *weight).fold(0, gcd)
    }
}
