//! What a domain can earn at most: a knapsack of bundles.

mod space;

/// Sums, or contents one on top of the other, that are looked at; beyond that the bound is that of fractions.
const SUMS: usize = 400_000;

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

/// The dearest contents of a domain: what they pay at most, and contents that pay it or, where too
/// many would have to be looked at, nearly so.
pub(super) fn dearest(items: &[Item], room: &[i64]) -> (i128, Vec<usize>) {
    let fits = |item: &&Item| item.size.iter().zip(room).all(|(size, room)| size <= room);
    let mut items: Vec<&Item> = items.iter().filter(fits).collect();
    items.sort_by_key(|item| (std::cmp::Reverse(item.price), item.row));
    let found = match room {
        [room] => along_line(&items, *room),
        _ => space::dearest(&items, room),
    };
    found.unwrap_or_else(|| (fractions(&items, room), packed(&items, room)))
}

/// So many copies of an item, as one choice: one, two, four, … and the rest, which add up to any number.
fn choices<'i>(items: &[&'i Item], room: i64) -> Vec<(&'i Item, i64)> {
    let mut choices = Vec::new();
    for item in items {
        let most = if item.size[0] > 0 { room / item.size[0] } else { item.copies };
        let (mut left, mut copies) = (item.copies.min(most), 1);
        while left > 0 {
            choices.push((*item, copies.min(left)));
            left -= copies;
            copies *= 2;
        }
    }
    choices
}

/// The dearest contents by one measure, sum by sum; `None` when there are too many.
fn along_line(items: &[&Item], room: i64) -> Option<(i128, Vec<usize>)> {
    let choices = choices(items, room);
    let sums = usize::try_from(room).ok()?.checked_add(1)?;
    if sums.checked_mul(choices.len())? > SUMS {
        return None;
    }
    let mut best = vec![0i128; sums];
    let mut taken = vec![false; sums * choices.len()];
    for ((item, copies), taken) in choices.iter().zip(taken.chunks_mut(sums)) {
        let (size, price) = ((item.size[0] * copies) as usize, item.price * i128::from(*copies));
        for sum in (size..sums).rev() {
            let paid = best[sum - size] + price;
            if paid > best[sum] {
                (best[sum], taken[sum]) = (paid, true);
            }
        }
    }
    let (mut sum, mut contents) = (sums - 1, Vec::new());
    for ((item, copies), taken) in choices.iter().zip(taken.chunks(sums)).rev() {
        if taken[sum] {
            sum -= (item.size[0] * copies) as usize;
            contents.extend(std::iter::repeat_n(item.row, *copies as usize));
        }
    }
    Some((best[sums - 1], contents))
}

/// What the contents pay at most when the last item of each measure may be cut: the best for their
/// size come first.
fn fractions(items: &[&Item], room: &[i64]) -> i128 {
    let bound = |measure: usize| -> i128 {
        let mut left = i128::from(room[measure]);
        let mut paid = 0;
        for item in by_worth(items, measure) {
            let (size, copies) = (i128::from(item.size[measure]), i128::from(item.copies));
            if size * copies > left {
                return paid + (item.price * left + size - 1) / size;
            }
            left -= size * copies;
            paid += item.price * copies;
        }
        paid
    };
    (0..room.len()).map(bound).min().unwrap_or_else(|| items.iter().map(|i| i.price * i128::from(i.copies)).sum())
}

/// Items by what they pay for their size in a measure, the best first.
fn by_worth<'i>(items: &[&'i Item], measure: usize) -> Vec<&'i Item> {
    let mut items = items.to_vec();
    let size = |item: &Item| item.size.get(measure).map_or(0, |size| i128::from(*size));
    items.sort_by(|a, b| (b.price * size(a)).cmp(&(a.price * size(b))).then(a.row.cmp(&b.row)));
    items
}

/// Contents that are found by taking whole items, the best for their size first.
fn packed(items: &[&Item], room: &[i64]) -> Vec<usize> {
    let (mut left, mut contents) = (room.to_vec(), Vec::new());
    for item in by_worth(items, 0) {
        let fit = item.size.iter().zip(&left).filter(|(size, _)| **size > 0).map(|(size, left)| left / size);
        let copies = fit.min().unwrap_or(item.copies).min(item.copies);
        left.iter_mut().zip(&item.size).for_each(|(left, size)| *left -= size * copies);
        contents.extend(std::iter::repeat_n(item.row, copies.max(0) as usize));
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items by size, price and copies.
    fn items(rows: &[(&[i64], i128, i64)]) -> Vec<Item> {
        let item = |(row, (size, price, copies)): (usize, &(&[i64], _, _))| Item {
            size: size.to_vec(),
            price: *price,
            copies: *copies,
            row,
        };
        rows.iter().enumerate().map(item).collect()
    }

    /// Checks that contents fit and pay what was told.
    #[track_caller]
    fn check(items: &[Item], room: &[i64], (paid, contents): &(i128, Vec<usize>)) {
        let of = |row: usize| contents.iter().filter(|r| **r == row).count() as i64;
        assert!(items.iter().all(|item| of(item.row) <= item.copies), "{contents:?}");
        for (measure, room) in room.iter().enumerate() {
            assert!(items.iter().map(|item| item.size[measure] * of(item.row)).sum::<i64>() <= *room, "{contents:?}");
        }
        assert_eq!(*paid, items.iter().map(|item| item.price * i128::from(of(item.row))).sum::<i128>());
    }

    #[test]
    fn every_way_to_count_agrees() {
        let mut seed = 1u64;
        let mut roll = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) % sides) as i64
        };
        for _ in 0..200 {
            let rows: Vec<([i64; 1], i128, i64)> =
                (0..5).map(|_| ([roll(5)], i128::from(1 + roll(9)), 1 + roll(6))).collect();
            let rows: Vec<(&[i64], i128, i64)> = rows.iter().map(|(size, p, n)| (&size[..], *p, *n)).collect();
            let (all, room) = (items(&rows), [roll(30)]);
            let fitting: Vec<&Item> = all.iter().filter(|item| item.size[0] <= room[0]).collect();
            let line = along_line(&fitting, room[0]).expect("few sums");
            let space = space::dearest(&fitting, &room).expect("few rests");
            check(&all, &room, &line);
            check(&all, &room, &space);
            assert_eq!(line.0, space.0, "{all:?} in {room:?}");
            let packed = packed(&fitting, &room);
            let worth = packed.iter().map(|row| all[*row].price).sum();
            check(&all, &room, &(worth, packed));
            assert!((worth..=fractions(&fitting, &room)).contains(&line.0), "{all:?} in {room:?}");
        }
    }

    #[test]
    fn large_domains_are_counted_in_fractions() {
        let all = items(&[(&[7], 10, 100_000), (&[3], 4, 100_000)]);
        let (paid, contents) = dearest(&all, &[100_000]);
        assert_eq!(paid, 142_858);
        assert_eq!(contents.len(), 14_285 + 1);
        // No measure says anything: everything fits.
        assert_eq!(dearest(&items(&[(&[], 2, 500_000)]), &[]).0, 1_000_000);
    }
}
