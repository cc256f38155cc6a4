//! Small clusters: how many random plans are proven optimal, and how long that takes.

#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rbgc::link::Link;
use rbgc::place::{Clause, ClauseKind, Criterion, Edge, Group, Machine, Placement, Pod, Problem, Role, solve, verify};
use rbgc::source::Span;

const BLOCK: usize = 1;
const RACK: usize = 2;
const NODE: usize = 3;

fn main() {
    let number = |name: &str, other: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(other);
    let (first, instances, effort) = (number("FIRST", 0), number("INSTANCES", 200), number("EFFORT", 1) as u32);
    let each = std::env::var_os("EACH").is_some();
    let (mut times, mut proven) = (Vec::new(), 0);
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in first..first + instances {
        let problem = Problem { effort, ..instance(&mut Dice(seed)) };
        let start = cpu();
        let plan = solve(&problem).expect("every instance was made around a plan");
        times.push(cpu() - start);
        proven += usize::from(plan.is_optimal());
        let unproven: Vec<&Criterion> = plan.objective.iter().filter(|c| c.bound < c.value).collect();
        unproven.first().into_iter().for_each(|c| *open.entry(c.name).or_default() += 1);
        if each || !unproven.is_empty() {
            let gap = unproven.iter().map(|c| format!("{} {}, bound {}", c.name, c.value, c.bound));
            let gap = if unproven.is_empty() { "proven".into() } else { gap.collect::<Vec<_>>().join("; ") };
            println!("{seed}: {}, {:.1?}: {gap}", size(&problem), times[times.len() - 1]);
        }
    }
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
    println!("{proven} of {instances} proven optimal; first criterion that is not: {open:?}");
    println!("CPU time: median {:.1?}, 95 % {:.1?}, worst {:.1?}", at(0.5), at(0.95), at(1.0));
}

/// CPU time of this thread where the system tells, else what the clock says.
fn cpu() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

fn size(problem: &Problem) -> String {
    let roles = problem.groups.iter().flat_map(|g| &g.roles);
    let pods: usize = roles.clone().map(|r| r.instances * r.pods.len()).sum();
    let need: i64 = roles.map(|r| r.instances as i64 * r.pods.iter().map(|p| p.request[1]).sum::<i64>()).sum();
    let open = problem.machines.iter().filter(|m| m.closed.is_none());
    let free: i64 = open.map(|m| m.free[1]).sum();
    let (nodes, groups) = (problem.machines.len(), problem.groups.len());
    format!("{nodes} nodes, {groups} groups, {pods} pods, {} % full", 100 * need / free.max(1))
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

/// A cluster of 16 to 64 nodes and groups that fit, some of which stand already. The plan that it is
/// made around is none of the solver's.
fn instance(dice: &mut Dice) -> Problem {
    for _ in 0..8 {
        dice.roll(2);
    }
    let mut problem = cluster(dice);
    let free: i64 = problem.machines.iter().map(|m| m.free[1]).sum();
    let mut left = free * dice.pick(&[50, 60, 70, 80, 90, 95]) / 100;
    let mut plan = Placement::default();
    for g in 0..1 + dice.roll(30) {
        let group = group(dice, g);
        let gpus = |r: &Role| r.pods.iter().map(|p| p.request[1]).sum::<i64>() * r.instances as i64;
        let need: i64 = group.roles.iter().map(gpus).sum();
        if need <= left && plant(dice, &mut problem, &mut plan, group) {
            left -= need;
        }
    }
    if dice.roll(3) == 0 {
        lose(dice, &mut problem, plan);
    }
    problem
}

/// Adds a group when some place is found for it beside the others, by trial.
fn plant(dice: &mut Dice, problem: &mut Problem, plan: &mut Placement, group: Group) -> bool {
    let mut free: Vec<Vec<i64>> = problem.machines.iter().map(|m| m.free.clone()).collect();
    for (group, placed) in problem.groups.iter().zip(&plan.groups) {
        for (role, instances) in group.roles.iter().zip(placed) {
            for (pod, machine) in instances.iter().flat_map(|pods| role.pods.iter().zip(pods)) {
                free[*machine].iter_mut().zip(&pod.request).for_each(|(free, n)| *free -= n);
            }
        }
    }
    let racks: BTreeSet<Option<usize>> = problem.machines.iter().map(|m| m.domains[RACK]).collect();
    problem.groups.push(group);
    for attempt in 0..60 {
        let mut ranks: Vec<usize> = (0..racks.len()).map(|_| dice.roll(1000)).collect();
        if attempt % 3 == 0 {
            let from = dice.roll(racks.len());
            ranks.iter_mut().enumerate().for_each(|(r, rank)| *rank = (r + racks.len() - from) % racks.len());
        }
        let mut order: Vec<(usize, usize)> = (0..problem.machines.len())
            .filter(|m| problem.machines[*m].closed.is_none())
            .map(|m| {
                (
                    if attempt % 3 == 2 {
                        dice.roll(1000)
                    } else {
                        ranks[problem.machines[m].domains[RACK].unwrap_or(0)]
                    },
                    m,
                )
            })
            .collect();
        order.sort_unstable();
        let Some(rows) = seats(problem, &order, free.clone()) else { continue };
        plan.groups.push(rows);
        if verify::verify(problem, plan).is_empty() {
            return true;
        }
        plan.groups.pop();
    }
    problem.groups.pop();
    false
}

/// The first place of each instance of the last group in an order of machines; instances that must
/// share a rack take the first rack that holds them.
fn seats(problem: &Problem, order: &[(usize, usize)], mut free: Vec<Vec<i64>>) -> Option<Vec<Vec<Vec<usize>>>> {
    let group = problem.groups.last()?;
    let mut rows = Vec::new();
    for (r, role) in group.roles.iter().enumerate() {
        let bound =
            |c: &Clause| c.prefer.is_none() && matches!(c.kind, ClauseKind::Instances { role, .. } if role == r);
        let bound = group.clauses.iter().any(bound);
        let apart = |c: &Clause| {
            c.prefer.is_none()
                && matches!(c.kind, ClauseKind::Apart { role, from: None, .. } | ClauseKind::Spread { role, .. } if role == r)
        };
        let apart = group.clauses.iter().any(apart);
        let mut placed: Vec<Vec<usize>> = Vec::new();
        for _ in 0..role.instances {
            let rack = |m: usize| problem.machines[m].domains[RACK];
            let used: BTreeSet<Option<usize>> = placed.iter().flatten().map(|m| rack(*m)).collect();
            let starts = order.iter().map(|(_, m)| *m).filter(|m| !apart || !used.contains(&rack(*m)));
            let pods = starts.into_iter().find_map(|start| {
                let mut left = free.clone();
                let pods: Option<Vec<usize>> = role
                    .pods
                    .iter()
                    .map(|pod| {
                        let mut open = order.iter().map(|(_, m)| *m).filter(|m| !bound || rack(*m) == rack(start));
                        let machine = open.find(|m| pod.request.iter().zip(&left[*m]).all(|(n, free)| n <= free))?;
                        left[machine].iter_mut().zip(&pod.request).for_each(|(free, n)| *free -= n);
                        Some(machine)
                    })
                    .collect();
                pods.map(|pods| (pods, left))
            });
            let (pods, left) = pods?;
            free = left;
            placed.push(pods);
        }
        rows.push(placed);
    }
    Some(rows)
}

/// Most groups stand where the plan has them; then a node is lost, and with it the groups that find no
/// other place.
fn lose(dice: &mut Dice, problem: &mut Problem, plan: Placement) {
    let lost = dice.roll(problem.machines.len());
    problem.machines[lost].closed = Some("not ready");
    let on_lost = |placed: &Vec<Vec<Vec<usize>>>| placed.iter().flatten().flatten().any(|m| *m == lost);
    let groups = std::mem::take(&mut problem.groups).into_iter().zip(plan.groups);
    let (gone, kept): (Vec<_>, Vec<_>) = groups.partition(|(_, placed)| on_lost(placed));
    let mut now = Placement::default();
    let mut before = Vec::new();
    for (group, placed) in kept {
        problem.groups.push(group);
        now.groups.push(placed.clone());
        before.push(placed);
    }
    for (group, placed) in gone {
        if plant(dice, problem, &mut now, group) {
            before.push(placed);
        }
    }
    for (group, placed) in problem.groups.iter_mut().zip(before) {
        if dice.roll(4) > 0 {
            for (role, instances) in group.roles.iter_mut().zip(placed) {
                role.previous = instances.iter().map(|pods| pods.iter().map(|m| Some(*m)).collect()).collect();
            }
        }
    }
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
        let kind = match dice.roll(12) {
            0 | 1 => ClauseKind::Spread { role, level: RACK, max_skew: None, at_least: Some(1 + dice.roll(2) as u32) },
            2 => ClauseKind::Spread { role, level: RACK, max_skew: Some(2), at_least: None },
            3 | 4 => ClauseKind::Apart { role, from: None, level: dice.pick(&[RACK, NODE]) },
            5 | 6 => ClauseKind::Near { role, to: other, level: RACK },
            7 => ClauseKind::Together { roles: (0..count).collect(), level: BLOCK },
            8 => ClauseKind::Cells {
                shares: (0..count.min(2)).map(|r| (r, 1)).collect(),
                level: dice.pick(&[BLOCK, RACK]),
            },
            9 => ClauseKind::Survive { count: 1, level: dice.pick(&[RACK, NODE]) },
            10 if number.is_multiple_of(5) => ClauseKind::Exclusive { level: RACK },
            _ => ClauseKind::Apart { role, from: Some(other), level },
        };
        let required = dice.roll(2) == 0;
        clauses.push((required, kind));
    }
    let clause =
        |(required, kind)| Clause { kind, prefer: if required { None } else { Some(1) }, span: Span::default() };
    let mut edges = Vec::new();
    for to in 1..count {
        if dice.roll(4) > 0 {
            let weight = dice.pick(&[1, 1, 2, 10]);
            let floor = (dice.roll(8) == 0).then_some(Link::Rdma);
            edges.push(Edge { from: to - 1, to, floor, weight, span: Span::default() });
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
