//! Full clusters of sixteen machines for which a plan is known to exist.

use proptest::prelude::*;

use super::index::Index;
use super::solve::{STEPS, assemble, search};
use super::state::State;
use super::testing::{RACK, cluster, required, role, with};
use super::verify::{Violation, verify};
use super::{ClauseKind, Group, Placement, Problem};

/// Machines are filled to the last accelerator: whole machines in pairs and fours within a rack, or
/// single pods of odd sizes; then everything is dealt to groups.
fn full(sizes: Vec<u8>, gangs: Vec<u8>, deal: Vec<u8>) -> Problem {
    let mut problem = cluster("a/r1 8 8 8 8, a/r2 8 8 8 8, b/r1 8 8 8 8, b/r2 8 8 8 8");
    let mut instances: Vec<(usize, i64)> = Vec::new();
    let (mut sizes, mut gangs) = (sizes.into_iter().cycle(), gangs.into_iter().cycle());
    for _rack in 0..4 {
        let mut left = 4;
        while left > 0 {
            let gang = usize::from(gangs.next().unwrap_or(0));
            if (2..=left).contains(&gang) {
                instances.push((gang, 8));
                left -= gang;
                continue;
            }
            let mut room = 8;
            while room > 0 {
                let size = i64::from(sizes.next().unwrap_or(1)).clamp(1, room);
                instances.push((1, size));
                room -= size;
            }
            left -= 1;
        }
    }
    let mut groups: Vec<Group> = (0..4)
        .map(|g| Group {
            name: format!("g{g}"),
            roles: vec![],
            clauses: vec![],
            edges: vec![],
            preferences: vec![],
            locality: false,
        })
        .collect();
    for ((pods, gpus), to) in instances.into_iter().zip(deal.into_iter().cycle()) {
        let group = &mut groups[usize::from(to % 4)];
        let name = format!("r{}", group.roles.len());
        if pods > 1 {
            group.clauses.push(required(ClauseKind::Instances { role: group.roles.len(), level: RACK }));
        }
        group.roles.push(role(&name, &format!("{pods}x{gpus}")));
    }
    problem.groups = groups;
    let groups = std::mem::take(&mut problem.groups);
    with(problem, groups)
}

/// A stream of small numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Groups thrown on sixteen machines; the machines are then cut down to little more than what they
/// hold, and every clause that happens to hold is required with some luck.
fn thrown(dice: &mut Dice) -> Problem {
    let mut problem = cluster("a/r1 0 0 0 0, a/r2 0 0 0 0, b/r1 0 0 0 0, b/r2 0 0 0 0");
    let mut plan = Placement::default();
    for g in 0..3 + dice.roll(4) {
        let (group, placed) = thrown_group(dice, format!("g{g}"));
        problem.groups.push(group);
        plan.groups.push(placed);
    }
    for machine in &mut problem.machines {
        machine.free = vec![20, dice.roll(3) as i64, 20];
    }
    for (group, placed) in problem.groups.iter().zip(&plan.groups) {
        for (role, instances) in group.roles.iter().zip(placed) {
            for (pod, machine) in instances.iter().flat_map(|pods| role.pods.iter().zip(pods)) {
                let free = &mut problem.machines[*machine].free;
                free.iter_mut().zip(&pod.request).for_each(|(free, wanted)| *free += wanted);
            }
        }
    }
    for g in 0..problem.groups.len() {
        for _ in 0..6 {
            let kind = thrown_clause(dice, problem.groups[g].roles.len());
            problem.groups[g].clauses.push(required(kind));
            if verify(&problem, &plan).iter().any(|v| matches!(v, Violation::Clause { .. })) {
                problem.groups[g].clauses.pop();
            }
        }
    }
    problem
}

fn thrown_group(dice: &mut Dice, name: String) -> (Group, Vec<Vec<Vec<usize>>>) {
    let mut group = Group { name, roles: vec![], clauses: vec![], edges: vec![], preferences: vec![], locality: false };
    let (mut placed, home) = (Vec::new(), dice.roll(16));
    let near = |dice: &mut Dice, base: usize, odds: usize| {
        if dice.roll(odds) > 0 { base / 4 * 4 + dice.roll(4) } else { dice.roll(16) }
    };
    for r in 0..1 + dice.roll(3) {
        let (pods, gpus, instances) = (1 + dice.roll(3), dice.roll(5), 1 + dice.roll(4));
        let mut role = role(&format!("r{r}"), &format!("{pods}x{gpus}*{instances}"));
        role.pods.iter_mut().for_each(|p| p.request[2] = 1 + dice.roll(3) as i64);
        group.roles.push(role);
        let mut instance = || {
            let base = near(dice, home, 3);
            (0..pods).map(|_| near(dice, base, 4)).collect()
        };
        placed.push((0..instances).map(|_| instance()).collect());
    }
    (group, placed)
}

fn thrown_clause(dice: &mut Dice, roles: usize) -> ClauseKind {
    let (role, other, level) = (dice.roll(roles), dice.roll(roles), dice.roll(3));
    match dice.roll(8) {
        0 => ClauseKind::Instances { role, level },
        1 => ClauseKind::Together { roles: (0..roles).filter(|_| dice.roll(3) > 0).collect(), level },
        2 => ClauseKind::Cells { shares: (0..roles).map(|r| (r, 1 + r as u32 % 2)).collect(), level },
        3 => ClauseKind::Near { role, to: other, level },
        4 => ClauseKind::Spread { role, level, max_skew: Some(1 + dice.roll(2) as u32), at_least: Some(2) },
        5 => ClauseKind::Apart { role, from: Some(other), level },
        6 => ClauseKind::Exclusive { level },
        _ => ClauseKind::Survive { count: 1, level },
    }
}

/// Checks that some plan is found; whether it is the best is for other tests.
#[track_caller]
fn is_found(problem: &Problem) {
    let index = Index::new(problem);
    let mut state = State::new(&index);
    assert!(search(&mut state, STEPS).is_empty());
    assert_eq!(verify(problem, &assemble(&index, &state)), []);
}

#[test]
fn what_was_thrown_is_found() {
    for seed in 0..12 {
        is_found(&thrown(&mut Dice(seed)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn full_clusters_are_filled(
        sizes in prop::collection::vec(1..=8u8, 1..20),
        gangs in prop::collection::vec(0..=8u8, 1..12),
        deal in prop::collection::vec(0..4u8, 1..20),
    ) {
        is_found(&full(sizes, gangs, deal));
    }
}
