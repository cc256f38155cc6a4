//! How far the RoleBasedGroup controller lets roles differ while it updates them.
//!
//! It takes the role with the smallest share of updated instances and moves it towards the one with
//! the largest, at least by one and by half the bound (`calculateNextRollingTarget` in
//! `internal/controller/workloads/rolebasedgroup_controller.go`). That is played here to the end.

/// The largest difference between the shares of two roles after any pass, in millionths, when the
/// controller is told to keep `bound` percent. Instances are ready again before the next pass.
pub fn worst(instances: &[u32], bound: u32) -> u32 {
    let desired: Vec<i64> = instances.iter().filter(|n| **n > 0).map(|n| i64::from(*n)).collect();
    let mut updated = vec![0; desired.len()];
    let mut worst = 0;
    // Each pass updates an instance at least.
    for _ in 0..desired.iter().sum::<i64>() {
        let Some((slowest, target)) = next(&desired, &updated, i64::from(bound)) else { break };
        updated[slowest] = target;
        worst = worst.max(difference(&desired, &updated));
    }
    worst
}

/// The role that moves, and how many of its instances are updated then.
fn next(desired: &[i64], updated: &[i64], bound: i64) -> Option<(usize, i64)> {
    let order = |a: usize, b: usize| {
        let shares = (updated[a] * desired[b]).cmp(&(updated[b] * desired[a]));
        shares.then(desired[b].cmp(&desired[a]))
    };
    let slowest = (0..desired.len()).min_by(|a, b| order(*a, *b))?;
    let fastest = (0..desired.len()).max_by(|a, b| order(*a, *b))?;
    let (now, all) = (updated[slowest], desired[slowest]);
    if now >= all {
        return None;
    }
    let (a, b) = (updated[fastest], desired[fastest]);
    let round = |part: i64| (part.max(0) + 50 * b) / (100 * b);
    let (lower, upper) = (round(100 * a * all - bound * b * all), round(100 * a * all + bound * b * all));
    let balance = (lower + upper + 1) >> 1;
    let half = ((bound * all + 99) / 100).max(1) >> 1;
    let step = (balance - now).max(half).max(1);
    Some((slowest, (now + step).min(upper + 1).clamp(now + 1, all)))
}

fn difference(desired: &[i64], updated: &[i64]) -> u32 {
    let share = |role: usize| updated[role] * 1_000_000 / desired[role];
    let shares: Vec<i64> = (0..desired.len()).map(share).collect();
    let (least, most) = (shares.iter().min().copied().unwrap_or(0), shares.iter().max().copied().unwrap_or(0));
    u32::try_from(most - least).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_measured_on_the_controllers_own_algorithm() {
        assert_eq!(worst(&[7, 3], 1) / 1_000, 285);
        assert_eq!(worst(&[1, 1], 1), 1_000_000);
        assert!(worst(&[40, 20], 10) <= 50_000);
        assert_eq!(worst(&[3], 10), 0);
        assert_eq!(worst(&[0, 0], 10), 0);
    }
}
