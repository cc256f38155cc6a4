//! What a domain can earn at most: a knapsack of bundles.

use std::collections::BTreeMap;

/// Contents of a domain that are looked at; beyond that the bound is that of fractions.
const CONTENTS: usize = 20_000;

/// Something that may be in a domain.
#[derive(Debug, Clone)]
pub(in crate::place) struct Item {
    /// Its size in each measure.
    pub size: Vec<i64>,
    /// What it pays; more than nothing.
    pub price: i128,
    /// How often it can occur.
    pub copies: i64,
    /// Which price it is.
    pub row: usize,
}

/// The dearest contents of a domain: what they pay, and what they are when they were counted one by one.
pub(super) fn dearest(items: &[Item], room: &[i64]) -> (i128, Vec<usize>) {
    let fits = |item: &&Item| item.size.iter().zip(room).all(|(size, room)| size <= room);
    let mut items: Vec<&Item> = items.iter().filter(fits).collect();
    items.sort_by_key(|item| (std::cmp::Reverse(item.price), item.row));
    // For each rest of the room the most that the rest of the space was sold for, and how.
    let mut seen: BTreeMap<Vec<i64>, (i128, Vec<usize>)> = BTreeMap::from([(room.to_vec(), (0, Vec::new()))]);
    for item in &items {
        for (mut left, (mut paid, mut contents)) in seen.clone() {
            for _ in 0..item.copies {
                if item.size.iter().zip(&left).any(|(size, left)| size > left) {
                    break;
                }
                left.iter_mut().zip(&item.size).for_each(|(left, size)| *left -= size);
                paid += item.price;
                contents.push(item.row);
                let known = seen.entry(left.clone()).or_insert((-1, Vec::new()));
                if known.0 < paid {
                    *known = (paid, contents.clone());
                }
            }
            if seen.len() > CONTENTS {
                return (fractions(&items, room), Vec::new());
            }
        }
    }
    seen.into_values().max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))).unwrap_or_default()
}

/// What the contents pay when the best of each measure may be cut at will.
fn fractions(items: &[&Item], room: &[i64]) -> i128 {
    let bound = |measure: usize| -> i128 {
        let (sized, free): (Vec<&Item>, Vec<&Item>) = items.iter().copied().partition(|item| item.size[measure] > 0);
        let free: i128 = free.iter().map(|item| item.price * i128::from(item.copies)).sum();
        let best = |item: &Item| item.price * i128::from(room[measure]) / i128::from(item.size[measure]) + 1;
        free + sized.into_iter().map(best).max().unwrap_or(0)
    };
    (0..room.len()).map(bound).min().unwrap_or_else(|| items.iter().map(|i| i.price * i128::from(i.copies)).sum())
}
