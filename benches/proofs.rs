//! Small clusters: how many random plans are proven optimal, and how long that takes.

#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rbgc::link::Link;
use rbgc::place::{Clause, ClauseKind, Edge, Group, Machine, Placement, Pod, Problem, Role, solve};
use rbgc::source::Span;

const BLOCK: usize = 1;
const RACK: usize = 2;
const NODE: usize = 3;

fn main() {
    let instances: u64 = std::env::var("INSTANCES").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let mut times = Vec::new();
    let (mut proven, mut placed, mut largest) = (0, 0, (0, 0));
    for seed in 0..instances {
        let problem = instance(&mut Dice(seed));
        largest = largest.max((problem.machines.len(), problem.groups.len()));
        let start = Instant::now();
        let plan = solve(&problem);
        let time = start.elapsed();
        times.push(time);
        placed += usize::from(plan.is_ok());
        let optimal = plan.as_ref().is_ok_and(Placement::is_optimal);
        proven += usize::from(optimal);
        if std::env::var_os("EACH").is_some() {
            let gap =
                |p: &Placement| p.objective.iter().map(|c| format!("{}/{}", c.value, c.bound)).collect::<Vec<_>>();
            let shown = plan.as_ref().map(gap).unwrap_or_default().join(" ");
            let (nodes, groups) = (problem.machines.len(), problem.groups.len());
            println!("{seed}: {nodes} nodes, {groups} groups, {time:?}, optimal {optimal}: {shown}");
        }
    }
    times.sort();
    let worst = times.last().copied().unwrap_or(Duration::ZERO);
    println!("{instances} instances, up to {largest:?} nodes and groups: {placed} placed, {proven} proven optimal");
    println!("median {:?}, worst {worst:?}", times[times.len() / 2]);
}

/// A stream of small numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

/// A cluster of 16 to 64 nodes and groups that fit, some of which stand already.
fn instance(dice: &mut Dice) -> Problem {
    for _ in 0..8 {
        dice.roll(2);
    }
    let mut problem = cluster(dice);
    let free: i64 = problem.machines.iter().map(|m| m.free[1]).sum();
    let fill = dice.pick(&[40, 55, 70, 80, 90]);
    let mut left = free * fill / 100;
    for g in 0..3 + dice.roll(28) {
        let group = group(dice, g);
        let gpus = |r: &Role| r.pods.iter().map(|p| p.request[1]).sum::<i64>() * r.instances as i64;
        let need: i64 = group.roles.iter().map(gpus).sum();
        if need <= left {
            left -= need;
            problem.groups.push(group);
        }
    }
    let mut plan = solve(&problem);
    while plan.is_err() {
        problem.groups.pop();
        plan = solve(&problem);
    }
    if let (Ok(plan), 0) = (plan, dice.roll(3)) {
        settle(dice, &mut problem, &plan);
        while solve(&problem).is_err() {
            problem.groups.pop();
        }
    }
    problem
}

/// Most groups stand where a plan put them; then a node is lost.
fn settle(dice: &mut Dice, problem: &mut Problem, plan: &Placement) {
    for (group, placed) in problem.groups.iter_mut().zip(&plan.groups) {
        if dice.roll(4) > 0 {
            for (role, instances) in group.roles.iter_mut().zip(placed) {
                role.previous = instances.iter().map(|pods| pods.iter().map(|m| Some(*m)).collect()).collect();
            }
        }
    }
    let lost = dice.roll(problem.machines.len());
    problem.machines[lost].closed = Some("not ready");
}

fn cluster(dice: &mut Dice) -> Problem {
    let (nodes, rack) = (16 + dice.roll(49), 4 + dice.roll(5));
    let racks = 2 + dice.roll(3);
    let mut problem = Problem {
        resources: ["pods", "nvidia.com/gpu", "cpu"].map(String::from).to_vec(),
        gpu: 1,
        levels: ["zone", "block", "rack", "node"].map(String::from).to_vec(),
        links: vec![Link::Vpc, Link::Rdma, Link::Rdma, Link::Pcie],
        domains: vec![Vec::new(); 4],
        occupied: vec![BTreeSet::new(); 4],
        taken: vec![BTreeSet::new(); 4],
        ..Problem::default()
    };
    let plain = dice.roll(3) * 2;
    for m in 0..nodes {
        let (r, b) = (m / rack, m / rack / racks);
        let domains = [b / 2, b, r, m];
        for (level, domain) in domains.into_iter().enumerate() {
            if problem.domains[level].len() == domain {
                problem.domains[level].push(format!("{}-{domain}", problem.levels[level]));
            }
        }
        let used = match dice.roll(10) {
            0 => 8,
            1 => dice.pick(&[1, 2, 4, 4]),
            _ => 0,
        };
        let gpus = if m + plain >= nodes { 0 } else { 8 - used };
        problem.machines.push(Machine {
            name: format!("n{m}"),
            free: vec![100, gpus, 190 - used * 20],
            domains: domains.map(Some).to_vec(),
            closed: None,
            holders: if used > 0 { vec!["other".into()] } else { Vec::new() },
        });
    }
    problem.eligible = vec![vec![true; nodes]];
    problem
}

fn group(dice: &mut Dice, number: usize) -> Group {
    let count = dice.pick(&[1, 1, 2, 2, 3, 4]);
    let mut clauses = Vec::new();
    let roles: Vec<Role> = (0..count)
        .map(|r| {
            let gpus = if r == 3 { 0 } else { dice.pick(&[8, 8, 4, 2, 1]) };
            let pods = if gpus == 8 { dice.pick(&[1, 1, 1, 2, 2, 3, 4]) } else { 1 };
            let instances = dice.pick(&[1, 1, 1, 2, 2, 3]);
            if pods > 1 {
                clauses.push((dice.pick(&[true, true, false]), ClauseKind::Instances { role: r, level: RACK }));
            }
            role(&format!("r{r}"), pods, gpus, instances)
        })
        .collect();
    for _ in 0..dice.roll(3) {
        let (role, other) = (dice.roll(count), dice.roll(count));
        let level = dice.pick(&[BLOCK, RACK, NODE]);
        let kind = match dice.roll(8) {
            0 | 1 => ClauseKind::Spread { role, level: RACK, max_skew: None, at_least: Some(1 + dice.roll(2) as u32) },
            2 | 3 => ClauseKind::Apart { role, from: None, level: dice.pick(&[RACK, NODE]) },
            4 | 5 => ClauseKind::Near { role, to: other, level: RACK },
            6 => ClauseKind::Together { roles: (0..count).collect(), level: BLOCK },
            _ if number.is_multiple_of(7) => ClauseKind::Exclusive { level: RACK },
            _ => ClauseKind::Apart { role, from: Some(other), level },
        };
        let required = matches!(kind, ClauseKind::Exclusive { .. }) || dice.roll(2) == 0;
        clauses.push((required, kind));
    }
    let clause =
        |(required, kind)| Clause { kind, prefer: if required { None } else { Some(1) }, span: Span::default() };
    let mut edges = Vec::new();
    for to in 1..count {
        if dice.roll(4) > 0 {
            let weight = dice.pick(&[1, 1, 2, 10]);
            edges.push(Edge { from: to - 1, to, floor: None, weight, span: Span::default() });
        }
    }
    Group {
        name: format!("g{number}"),
        roles,
        clauses: clauses.into_iter().map(clause).collect(),
        edges,
        preferences: Vec::new(),
        locality: dice.roll(6) == 0,
    }
}

fn role(name: &str, pods: usize, gpus: i64, instances: usize) -> Role {
    Role {
        name: name.into(),
        span: Span::default(),
        pods: vec![Pod { request: vec![1, gpus, 2 + gpus], eligible: 0 }; pods],
        instances,
        previous: Vec::new(),
        accelerated: gpus > 0,
    }
}
