//! What a domain can earn at most: a knapsack of bundles.

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

/// Contents of a part of the room.
#[derive(Debug, Clone, Copy)]
struct Contents {
    /// What is left in each measure, packed.
    left: u128,
    paid: i128,
    /// The last thing in it: a place in the list of all.
    last: usize,
}

/// The dearest contents of a domain: what they pay, and what they are when they were counted one by one.
pub(super) fn dearest(items: &[Item], room: &[i64]) -> (i128, Vec<usize>) {
    let fits = |item: &&Item| item.size.iter().zip(room).all(|(size, room)| size <= room);
    let mut items: Vec<&Item> = items.iter().filter(fits).collect();
    items.sort_by_key(|item| (std::cmp::Reverse(item.price), item.row));
    let Some(packing) = Packing::new(&items, room) else { return (fractions(&items, room), Vec::new()) };
    // All contents seen, each with the one before and what was added; the first is empty.
    let mut chain: Vec<(usize, usize)> = vec![(0, 0)];
    // For each rest of the room the dearest contents, in order of what is left.
    let mut seen = vec![Contents { left: packing.room, paid: 0, last: 0 }];
    for item in &items {
        let size = packing.pack(&item.size);
        let mut more = seen.clone();
        for _ in 0..item.copies {
            more.retain(|contents| packing.holds(contents.left, size));
            if more.is_empty() {
                break;
            }
            for contents in &mut more {
                chain.push((contents.last, item.row));
                let (left, paid) = (contents.left - size, contents.paid + item.price);
                *contents = Contents { left, paid, last: chain.len() - 1 };
            }
            seen = merge(&seen, &mut more);
            if seen.len() > CONTENTS {
                return (fractions(&items, room), Vec::new());
            }
        }
    }
    let best = seen.into_iter().max_by_key(|contents| contents.paid);
    let (mut at, paid) = best.map_or((0, 0), |contents| (contents.last, contents.paid));
    let mut contents = Vec::new();
    while at > 0 {
        contents.push(chain[at].1);
        at = chain[at].0;
    }
    (paid, contents)
}

/// Both lists in order of what is left, of equal rests the dearer one; of `more` only what is dearer
/// remains.
fn merge(seen: &[Contents], more: &mut Vec<Contents>) -> Vec<Contents> {
    let mut merged = Vec::with_capacity(seen.len() + more.len());
    let mut known = seen.iter().copied().peekable();
    more.retain(|contents| {
        while let Some(before) = known.next_if(|before| before.left < contents.left) {
            merged.push(before);
        }
        match known.next_if(|before| before.left == contents.left) {
            Some(before) if before.paid >= contents.paid => {
                merged.push(before);
                false
            }
            _ => {
                merged.push(*contents);
                true
            }
        }
    });
    merged.extend(known);
    merged
}

/// Amounts of all measures in one number, with a bit before each that tells when too much is taken.
struct Packing {
    shifts: Vec<u32>,
    guards: u128,
    /// The room, no more than all items can use.
    room: u128,
}

impl Packing {
    /// `None` when the amounts have too many digits.
    fn new(items: &[&Item], room: &[i64]) -> Option<Packing> {
        let mut packing = Packing { shifts: Vec::new(), guards: 0, room: 0 };
        let mut shift = 0;
        let mut rooms = Vec::new();
        for (measure, room) in room.iter().enumerate() {
            let used = items.iter().map(|item| i128::from(item.size[measure]) * i128::from(item.copies));
            let useful = used.sum::<i128>().min(i128::from(*room)).max(0) as u128;
            packing.shifts.push(shift);
            rooms.push(useful);
            shift += 128 - useful.leading_zeros();
            if shift >= 128 {
                return None;
            }
            packing.guards |= 1 << shift;
            shift += 1;
        }
        packing.room = rooms.iter().zip(&packing.shifts).map(|(room, shift)| room << shift).sum();
        Some(packing)
    }

    fn pack(&self, size: &[i64]) -> u128 {
        size.iter().zip(&self.shifts).map(|(size, shift)| (*size as u128) << shift).sum()
    }

    fn holds(&self, left: u128, size: u128) -> bool {
        ((left | self.guards) - size) & self.guards == self.guards
    }
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
