//! Changes in a line each, and the commits that they take.

use super::*;
use crate::order::{Moment, moment};

/// A change on machines `0`, `1`, … with room for one pod each. A task is `x 10: 0 1 > 2 3`: its
/// instance and wave, what it leaves and what it takes; `last` is pruned at the end, `x@1` is
/// another application's, `~` before the wave goes pod by pod, `x<y` needs `y`.
fn change(text: &str) -> (Change, Vec<&str>) {
    let mut names: Vec<&str> = Vec::new();
    let mut number = |name| {
        names.iter().position(|n| *n == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        })
    };
    let mut moments: Vec<Moment> = Vec::new();
    let mut change = Change { free: vec![vec![1]; 12], used: vec![vec![0]; 12], ..Change::default() };
    for line in text.split(',').map(str::trim) {
        let (head, rooms) = line.split_once(':').expect("a colon");
        let (name, wave) = head.trim().split_once(' ').expect("a name and a wave");
        let (name, needs) = name.split_once('<').map_or((name, None), |(n, m)| (n, Some(m)));
        let (name, application) = name.split_once('@').unwrap_or((name, "0"));
        let (leaving, entering) = rooms.split_once('>').expect("an arrow");
        let seats = |text: &str| -> Vec<Seat> {
            let machines = text.split_whitespace().map(|word| word.parse().expect("a machine"));
            machines.map(|machine| Seat { machine, amounts: vec![1] }).collect()
        };
        let instance = number(name);
        if let Some(whom) = needs {
            let whom = number(whom);
            change.needs.push((instance, whom));
        }
        let number = |text: &str| text.trim_start_matches('~').parse().expect("a wave");
        moments.push(match application {
            "end" => Moment::End,
            _ => Moment::Wave {
                application: application.parse().expect("a number"),
                wave: if wave == "last" { i64::MAX } else { number(wave) },
            },
        });
        change.tasks.push(Task {
            instance,
            moment: 0,
            leaving: seats(leaving),
            entering: seats(entering),
            at_once: !wave.starts_with('~'),
        });
    }
    let sorted: Vec<Moment> = moments.iter().copied().collect::<BTreeSet<Moment>>().into_iter().collect();
    for (task, moment) in change.tasks.iter_mut().zip(&moments) {
        task.moment = sorted.partition_point(|m| m < moment);
    }
    change.before = moment::before(&sorted, |_| &[]);
    (change, names)
}

/// Checks the commits: `x y | z`, or `x waits for 2 of y` for those that none can do.
#[track_caller]
fn check(text: &str, expected: &str) {
    let (change, names) = change(text);
    let list = |set: &BTreeSet<usize>| set.iter().map(|i| names[*i]).collect::<Vec<_>>().join(" ");
    let found = match change.steps() {
        Ok(steps) => steps.iter().map(list).collect::<Vec<_>>().join(" | "),
        Err(waits) => {
            let wait = |w: &Wait| format!("{} waits for {} of {}", names[w.instance], w.machine, list(&w.holders));
            waits.iter().map(wait).collect::<Vec<_>>().join(", ")
        }
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn room_that_is_free_takes_one_commit() {
    check("x 10: 0 > 1", "x");
    check("x 10: > 1, y 20: > 2", "x y");
    check("x 10: 0 1 > 2 3, y 10: 4 > 0", "x y");
}

#[test]
fn a_swap_within_a_wave_takes_one_commit() {
    // Each workload deletes its pod before it makes the new one.
    check("x 10: 0 > 1, y 10: 1 > 0", "x y");
    check("x ~10: 0 1 2 > 3 4 5, y ~10: 3 4 5 > 0 1 2", "x y");
    check("x@0 10: 0 > 1, y@1 10: 1 > 0", "x y");
}

#[test]
fn a_swap_across_waves_is_a_cycle() {
    check("x 10: 0 > 1, y 20: 1 > 0", "x waits for 1 of y, y waits for 0 of x");
}

#[test]
fn a_chain_goes_from_its_end() {
    // Room that is freed in the same wave, or in an earlier one.
    check("x 10: 0 > 1, y 10: 1 > 2, z 20: > 0", "x y z");
    // Room that is freed in a later wave.
    check("x 10: 0 > 1, y 20: 1 > 2", "y | x");
    check("x 10: 0 > 1, y 20: 1 > 2, z 30: 2 > 3", "z | y | x");
}

#[test]
fn cycles_within_a_wave_turn() {
    check("x 10: 0 > 1, y 10: 1 > 2, z 10: 2 > 0", "x y z");
    let waits = "y waits for 2 of z, x waits for 1 of y, z waits for 0 of x";
    check("x 10: 0 > 1, y 10: 1 > 2, z 20: 2 > 0", waits);
}

#[test]
fn what_is_pruned_frees_its_room_last() {
    check("old last: 0 1 >, new 10: > 2 3", "old new");
    check("old last: 0 1 >, new 10: > 1 2", "old | new");
    // Others are not held up, unless they come after.
    check("old last: 0 >, new 10: > 0, other 20: 5 > 6", "old other | new");
    check("old last: 0 >, new 10: > 0, router<new 20: > 6", "old | new router");
    // Another application prunes its own when it is done.
    check("old@1 last: 0 >, new 10: > 0", "old new");
    check("old@1 last: 0 >, busy@1 10: > 1, new 10: 1 > 0", "old busy new");
    check("old@end 0: 0 >, new 10: > 0", "old | new");
}

#[test]
fn applications_wait_for_each_other() {
    check("x@0 10: 0 > 1, y@1 10: 1 > 2", "x y");
    // The first wave of each waits for the second of the other.
    check("a@0 10: 0 > 4, b@0 20: 1 > 5, c@1 10: 4 > 6, d@1 20: 5 > 7", "a b c d");
    check("a@0 10: > 5, b@0 20: 4 > 6, c@1 10: > 4, d@1 20: 5 > 7", "b d | a c");
}

#[test]
fn room_counts_for_all_who_are_planned() {
    let (mut change, _) = change("x 10: > 0, y 20: > 0, old last: 0 >");
    change.free[0] = vec![2];
    // One of the two would fit beside the old one, but which of them a scheduler takes is not known.
    assert_eq!(change.steps().unwrap().len(), 2);
}
