//! The knapsack by several measures at once.

use super::{Item, SUMS};

/// Contents of a domain that are looked at; beyond that the bound is that of fractions.
const CONTENTS: usize = 20_000;

/// Contents of a part of the room.
#[derive(Debug, Clone, Copy)]
struct Contents {
    /// What is left in each measure, packed.
    left: u128,
    paid: i128,
    /// The last thing in it: a place in the list of all.
    last: usize,
}

/// The dearest contents by several measures, rest by rest of the room; `None` when there are too many.
pub(super) fn dearest(items: &[&Item], room: &[i64]) -> Option<(i128, Vec<usize>)> {
    let packing = Packing::new(items, room)?;
    // All contents seen, each with the one before and what was added; the first is empty.
    let mut chain: Vec<(usize, usize)> = vec![(0, 0)];
    // For each rest of the room the dearest contents, in order of what is left.
    let mut seen = vec![Contents { left: packing.room, paid: 0, last: 0 }];
    for item in items {
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
            if seen.len() > CONTENTS || chain.len() > SUMS {
                return None;
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
    Some((paid, contents))
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
