//! Schedules against a search that knows nothing of theirs.

use super::*;

fn update<'a>(instances: &'a [u32], limits: &'a [u32], shared: bool) -> Update<'a> {
    Update { instances, limits, shared }
}

#[track_caller]
fn check(a: u32, b: u32, shared: bool, percent: f64) {
    let found = most_even(update(&[a, b], &[1, 1], shared)).unwrap().skew.percent();
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

/// The states that can be reached step by step when none of a larger skew is entered, by the fewest
/// steps: layer by layer, from the definition.
fn layers(a: u32, b: u32, limits: (u32, u32), shared: bool, bound: Skew) -> Option<u32> {
    let mut layer = std::collections::BTreeSet::from([(0, 0)]);
    for steps in 0..=a + b {
        if layer.contains(&(a, b)) {
            return Some(steps);
        }
        let mut next = std::collections::BTreeSet::new();
        for (x, y) in layer {
            for (dx, dy) in (0..=limits.0).flat_map(|dx| (0..=limits.1).map(move |dy| (dx, dy))) {
                let to = (x + dx, y + dy);
                let allowed = shared || dx == 0 || dy == 0;
                if allowed && to.0 <= a && to.1 <= b && Skew::between((to.0, a), (to.1, b)) <= bound {
                    next.insert(to);
                }
            }
        }
        layer = next;
    }
    None
}

/// What a schedule must be, whatever it is the best of.
fn assert_sound(found: &Schedule, instances: &[u32], limits: &[u32], shared: bool) {
    let mut before = vec![0; instances.len()];
    for after in &found.steps {
        let more: Vec<u32> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
        assert!(more.iter().zip(limits).all(|(more, limit)| more <= limit), "{found:?}");
        assert!(shared || more.iter().filter(|more| **more > 0).count() == 1, "{found:?}");
        assert!(skew(instances, after) <= found.skew);
        before = after.clone();
    }
    assert_eq!(before, instances);
    assert!(found.under_way(instances) >= found.skew);
}

#[test]
fn schedules_equal_the_optimum_of_an_exhaustive_search() {
    for (a, b) in (1..=12).flat_map(|a| (1..=12).map(move |b| (a, b))) {
        let possible = (0..=a).flat_map(|x| (0..=b).map(move |y| Skew::between((x, a), (y, b))));
        let mut possible: Vec<Skew> = possible.collect();
        possible.sort();
        possible.dedup();
        for (limits, shared) in [((1, 1), true), ((1, 1), false), ((2, 3), true), ((3, 1), false)] {
            let limit = [limits.0, limits.1];
            let update = update(&[a, b], &limit, shared).instances.to_vec();
            let this = Update { instances: &update, limits: &limit, shared };
            let least = possible.iter().find(|bound| layers(a, b, limits, shared, **bound).is_some()).unwrap();
            let even = most_even(this).unwrap();
            assert_sound(&even, &update, &limit, shared);
            assert_eq!(even.skew, *least, "{a}/{b} {limits:?} {shared}");
            for bound in possible.iter().step_by(3).chain([least]) {
                let found = quickest(this, Some(*bound)).unwrap();
                let steps = found.as_ref().map(|s| s.steps.len() as u32);
                assert_eq!(steps, layers(a, b, limits, shared, *bound), "{a}/{b} {limits:?} {shared} {bound:?}");
                if let Some(found) = found {
                    assert_sound(&found, &update, &limit, shared);
                    assert!(found.skew <= *bound);
                }
            }
        }
    }
}

#[test]
fn three_roles_stay_in_step() {
    let found = quickest(update(&[2, 4, 6], &[1, 2, 3], true), Some(Skew::NONE)).unwrap().unwrap();
    assert_eq!(found.steps, [[1, 2, 3], [2, 4, 6]]);
    assert_eq!((found.step_of(0, 1), found.step_of(1, 1), found.step_of(2, 2)), (1, 0, 0));
    assert_eq!(found.under_way(&[2, 4, 6]).percent(), 50.0);
}

#[test]
fn what_is_too_large_is_refused() {
    assert_eq!(most_even(update(&[100_000, 100_000], &[1, 1], true)), Err(TooLarge));
    assert_eq!(most_even(update(&[u32::MAX; 9], &[1; 9], true)), Err(TooLarge));
    assert_eq!(most_even(update(&[1000, 1000], &[500, 500], true)), Err(TooLarge));
    assert_eq!(most_even(update(&[0, 0], &[0, 0], true)).unwrap().steps, Vec::<Vec<u32>>::new());
}
