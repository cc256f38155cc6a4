//! Placement at the sizes that the issue names.

use std::collections::BTreeSet;

use rbgc::link::Link;
use rbgc::place::{Clause, ClauseKind, Edge, Group, Machine, Pod, Problem, Role, solve};
use rbgc::source::Span;

fn main() {
    divan::main();
}

/// Free machines of 10,240 that 1,000 groups fill to 80, 87 and 99 %; they need 5,166.
const FREE: [usize; 3] = [7214, 6493, 5268];

/// 4 zones of 40 blocks of 8 racks of 8 machines, 1,000 groups in six shapes.
#[divan::bench(args = FREE, sample_count = 5, sample_size = 1)]
fn machines_10240_groups_1000(bencher: divan::Bencher, free: usize) {
    bencher.with_inputs(|| problem([4, 40, 8, 8], 1000, free)).bench_refs(|p| placed(p));
}

/// Every group in one block, its racks for itself: about as many as fit.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn machines_10240_exclusive(bencher: divan::Bencher) {
    bencher
        .with_inputs(|| {
            let mut problem = problem([4, 40, 8, 8], 500, 7214);
            for group in &mut problem.groups {
                group.clauses[2].kind = ClauseKind::Together { roles: vec![0, 1], level: 1 };
                let exclusive = ClauseKind::Exclusive { level: 2 };
                group.clauses.push(Clause { kind: exclusive, prefer: None, span: Span::default() });
            }
            problem
        })
        .bench_refs(|p| placed(p));
}

/// The same without a single change: everything stays.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn machines_10240_again(bencher: divan::Bencher) {
    bencher.with_inputs(|| settled(problem([4, 40, 8, 8], 1000, 7214))).bench_refs(|p| placed(p));
}

/// One machine is lost.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn machines_10240_one_lost(bencher: divan::Bencher) {
    bencher
        .with_inputs(|| {
            let mut problem = settled(problem([4, 40, 8, 8], 1000, 7214));
            let used = problem.groups[0].roles[0].previous[0][0].unwrap_or(0);
            problem.machines[used].closed = Some("not ready");
            problem
        })
        .bench_refs(|p| placed(p));
}

/// 2 zones of 2 blocks of 4 racks of 4 machines, 10 groups.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn machines_64_groups_10(bencher: divan::Bencher) {
    bencher.with_inputs(|| problem([2, 2, 4, 4], 10, 58)).bench_refs(|p| placed(p));
}

/// How many groups were placed: all, or what the conflicts leave.
fn placed(problem: &Problem) -> usize {
    match solve(problem) {
        Ok(placement) => placement.groups.len(),
        Err(conflicts) => {
            eprintln!("{} groups without a place", conflicts.len());
            problem.groups.len() - conflicts.len()
        }
    }
}

/// Prefill and decode by pods an instance.
const SHAPES: [(&[usize], &[usize]); 6] =
    [(&[1], &[1]), (&[1, 1], &[2]), (&[1, 1], &[1, 1]), (&[2], &[2, 2]), (&[2, 2], &[4, 4]), (&[1], &[2])];

pub fn problem(shape: [usize; 4], groups: usize, free: usize) -> Problem {
    let mut problem = Problem {
        resources: ["pods", "cpu", "memory", "nvidia.com/gpu", "rdma/hca"].map(String::from).to_vec(),
        gpu: 3,
        levels: ["zone", "block", "rack", "node"].map(String::from).to_vec(),
        links: vec![Link::Vpc, Link::Rdma, Link::Rdma, Link::Rdma],
        domains: vec![Vec::new(); 4],
        occupied: vec![BTreeSet::new(); 4],
        taken: vec![BTreeSet::new(); 4],
        ..Problem::default()
    };
    machines(&mut problem, shape, free);
    problem.eligible = vec![vec![true; problem.machines.len()]];
    problem.groups = (0..groups).map(|g| group(g, SHAPES[g * 7 % 6])).collect();
    problem
}

/// Machines in tree order; the used ones come in runs, as real ones do.
fn machines(problem: &mut Problem, [zones, blocks, racks, nodes]: [usize; 4], free: usize) {
    let total = zones * blocks * racks * nodes;
    let mut used = vec![false; total];
    let (mut left, mut seed) = (total.saturating_sub(free), 7u64);
    while left > 0 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (at, length) = ((seed >> 33) as usize % total, 1 + (seed >> 20) as usize % 6);
        for used in used.iter_mut().skip(at).take(length).filter(|used| !**used).take(left) {
            *used = true;
            left -= 1;
        }
    }
    for (m, used) in used.into_iter().enumerate() {
        let (rack, block, zone) = (m / nodes, m / nodes / racks, m / nodes / racks / blocks);
        let domains = [zone, block, rack, m];
        for (level, domain) in domains.into_iter().enumerate() {
            if problem.domains[level].len() == domain {
                problem.domains[level].push(format!("{}-{domain}", problem.levels[level]));
            }
        }
        let gpus = if used { 0 } else { 8 };
        problem.machines.push(Machine {
            name: format!("n{m}"),
            free: vec![100, 180_000, 2_000_000, gpus, gpus],
            domains: domains.map(Some).to_vec(),
            closed: None,
            holders: if used { vec!["svc".into()] } else { Vec::new() },
        });
    }
}

fn group(number: usize, (prefill, decode): (&[usize], &[usize])) -> Group {
    let pods = |gpus: i64| Pod { request: vec![1, 8_000 + gpus, 64_000, gpus, gpus], eligible: 0 };
    let role = |name: &str, instances: &[usize], gpus: i64| Role {
        name: name.into(),
        span: Span::default(),
        pods: vec![pods(gpus); instances[0]],
        instances: instances.len(),
        previous: Vec::new(),
        accelerated: gpus > 0,
    };
    let required = |kind| Clause { kind, prefer: None, span: Span::default() };
    Group {
        name: format!("g{number}"),
        roles: vec![role("prefill", prefill, 8), role("decode", decode, 8), role("router", &[1, 1], 0)],
        clauses: vec![
            required(ClauseKind::Instances { role: 0, level: 2 }),
            required(ClauseKind::Instances { role: 1, level: 2 }),
            required(ClauseKind::Together { roles: vec![0, 1, 2], level: 0 }),
        ],
        edges: vec![Edge { from: 0, to: 1, floor: None, weight: 10, span: Span::default() }],
        locality: false,
    }
}

fn settled(mut problem: Problem) -> Problem {
    if let Ok(placement) = solve(&problem) {
        for (group, placed) in problem.groups.iter_mut().zip(placement.groups) {
            for (role, instances) in group.roles.iter_mut().zip(placed) {
                role.previous = instances.iter().map(|pods| pods.iter().map(|m| Some(*m)).collect()).collect();
            }
        }
    }
    problem
}
