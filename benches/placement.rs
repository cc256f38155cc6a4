//! Placement at large sizes: CPU time, time, the most memory, objective with bounds. Each case runs once
//! and in a process of its own, since it takes seconds and memory is not given back; words on the
//! command line choose cases, or families of them such as `fill` and `growth`.

#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::time::Instant;

use rbgc::link::Link;
use rbgc::place::{Clause, ClauseKind, Edge, Group, Machine, Placement, Pod, Problem, Role, solve};
use rbgc::source::Span;

/// Machines that 1,000 groups ask for.
const WANTED: usize = 5_166;

/// Tells that this process is for one case.
const ALONE: &str = "--alone";

fn main() {
    let large = |percent: usize| problem([4, 40, 8, 8], 1000, WANTED * 100 / percent);
    case("fill-70", || large(70));
    case("fill-82", || large(82));
    case("fill-91", || large(91));
    case("fill-99", || large(99));
    case("partial-101", || Problem { partial: true, ..large(101) });
    case("too-many", || one_more(&[1; 3000], None));
    case("too-wide", || one_more(&[9], Some(2)));
    case("exclusive", exclusive);
    case("replan-nothing", || settled(large(70)));
    case("replan-lost", || one_lost([4, 40, 8, 8], 1000, WANTED * 100 / 70));
    case("replan-lost-82", || one_lost([4, 40, 8, 8], 1000, WANTED * 100 / 82));
    case("replan-lost-large", || one_lost([4, 400, 8, 8], 5000, WANTED * 500 / 70));
    for scale in [1, 10, 40, 100] {
        let groups = 50 * scale;
        let name = format!("growth-{}", scale * 1024);
        case(&name, || problem([4, scale * 4, 8, 8], groups, groups * WANTED / 700));
    }
}

/// Solves a problem, if it is asked for, and prints a line.
fn case(name: &str, problem: impl FnOnce() -> Problem) {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut asked = words.iter().filter(|word| !word.starts_with("--")).peekable();
    let chosen =
        |word: &String| name.strip_prefix(word.as_str()).is_some_and(|rest| !rest.starts_with(char::is_numeric));
    if words.iter().any(|word| word == ALONE) {
        if asked.any(|word| word == name) {
            run(name, &problem());
        }
    } else if (asked.peek().is_none() || asked.any(chosen))
        && let Ok(program) = std::env::current_exe()
    {
        let status = std::process::Command::new(program).args([ALONE, name]).status();
        assert!(status.is_ok_and(|status| status.success()), "{name} failed");
    }
}

/// Solves a problem and prints a line.
fn run(name: &str, problem: &Problem) {
    let (start, before) = (Instant::now(), cpu());
    let plan = solve(problem);
    let (time, cpu) = (start.elapsed(), cpu() - before);
    let size = format!("{} nodes, {} groups", problem.machines.len(), problem.groups.len());
    let cost = format!("{:.2} s CPU, {time:.2?}, {} MiB", cpu as f64 / 1e9, peak());
    match plan {
        Ok(plan) => println!("{name}: {size}: {cost}, {}", objective(&plan)),
        Err(conflicts) => {
            println!("{name}: {size}: {cost}, {} groups without a place", conflicts.len());
            let shown = conflicts[0].diagnostic(problem);
            println!("    {}\n    {}", shown.message, shown.help.unwrap_or_default());
        }
    }
}

/// Nanoseconds that the threads of this process have run.
fn cpu() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

/// Every part of the objective: its value, and what bounds it when that is less.
fn objective(plan: &Placement) -> String {
    let part = |c: &rbgc::place::Criterion| match c.value - c.bound {
        0 => format!("{} {}", c.name, c.value),
        gap => format!("{} {} (at least {})", c.name, c.value, c.value - gap),
    };
    plan.objective.iter().filter(|c| c.value > 0).map(part).collect::<Vec<_>>().join(", ")
}

/// The most memory that this process had at any time.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) / 1024
}

/// Every group in one block, its racks for itself: about as many as fit.
fn exclusive() -> Problem {
    let mut problem = problem([4, 40, 8, 8], 500, 7214);
    for group in &mut problem.groups {
        group.clauses[2].kind = ClauseKind::Together { roles: vec![0, 1], level: 1 };
        let exclusive = ClauseKind::Exclusive { level: 2 };
        group.clauses.push(Clause { kind: exclusive, prefer: None, span: Span::default() });
    }
    problem
}

/// A plan stands, and one machine of it is lost.
fn one_lost(shape: [usize; 4], groups: usize, free: usize) -> Problem {
    let mut problem = settled(problem(shape, groups, free));
    let used = problem.groups[0].roles[0].previous[0][0].unwrap_or(0);
    problem.machines[used].closed = Some("not ready");
    problem
}

/// Prefill and decode by pods an instance.
const SHAPES: [(&[usize], &[usize]); 6] =
    [(&[1], &[1]), (&[1, 1], &[2]), (&[1, 1], &[1, 1]), (&[2], &[2, 2]), (&[2, 2], &[4, 4]), (&[1], &[2])];

/// A cluster of this shape, so many groups, and so many free machines.
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
    Group {
        name: format!("g{number}"),
        roles: vec![role("prefill", prefill, 8), role("decode", decode, 8), role("router", &[1, 1], 0)],
        clauses: vec![
            required(ClauseKind::Instances { role: 0, level: 2 }),
            required(ClauseKind::Instances { role: 1, level: 2 }),
            required(ClauseKind::Together { roles: vec![0, 1, 2], level: 0 }),
        ],
        edges: vec![Edge { from: 0, to: 1, floor: None, weight: 10, span: Span::default() }],
        preferences: Vec::new(),
        locality: false,
    }
}

/// Groups that fit, and one that does not.
fn one_more(pods: &[usize], level: Option<usize>) -> Problem {
    let mut problem = problem([4, 40, 8, 8], 1000, WANTED * 100 / 70);
    let mut last = group(1000, (pods, &[1]));
    last.clauses = level.map(|level| ClauseKind::Instances { role: 0, level }).into_iter().map(required).collect();
    problem.groups.push(last);
    problem
}

fn required(kind: ClauseKind) -> Clause {
    Clause { kind, prefer: None, span: Span::default() }
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
