//! How evenly two roles of whole instances can be updated.

/// The smallest largest difference of updated shares, over all orders in which `a` instances of one
/// role and `b` of another are updated, as a fraction. With `shared` one of each may be updated in
/// one step. Exact: the best path through the lattice of updated counts.
pub(super) fn optimum(a: usize, b: usize, shared: bool) -> f64 {
    // Differences are compared as whole numbers: |x·b − y·a| of a·b.
    let skew = |x: usize, y: usize| (x * b).abs_diff(y * a);
    let mut row: Vec<usize> = Vec::with_capacity(b + 1);
    for x in 0..=a {
        let mut diagonal = 0;
        for y in 0..=b {
            let above = row.get(y).copied();
            let left = if y > 0 { Some(row[y - 1]) } else { None };
            let corner = if x > 0 && y > 0 && shared { Some(diagonal) } else { None };
            let above = if x > 0 { above } else { None };
            let before = [above, left, corner].into_iter().flatten().min().unwrap_or(0);
            diagonal = row.get(y).copied().unwrap_or(0);
            let here = before.max(skew(x, y));
            match row.get_mut(y) {
                Some(cell) => *cell = here,
                None => row.push(here),
            }
        }
    }
    row[b] as f64 / (a * b) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: usize, b: usize, shared: bool, percent: f64) {
        let found = optimum(a, b, shared) * 100.0;
        assert!((found - percent).abs() < 0.06, "{a}/{b}: {found}");
    }

    #[test]
    fn known_optima() {
        check(7, 3, true, 14.3);
        check(7, 3, false, 23.8);
        check(40, 20, true, 2.5);
        check(10, 4, true, 10.0);
        check(10, 4, false, 15.0);
        check(4, 2, true, 25.0);
        check(1, 1, true, 0.0);
        check(1, 1, false, 100.0);
    }
}
