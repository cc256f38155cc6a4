//! A second opinion on a plan, from the definitions and as plain as possible.

use crate::link::Link;
use crate::place::{ClauseKind, Placement, Problem};

/// Pods as group, role, instance, pod, machine.
type Stand = (usize, usize, usize, usize, usize);

pub fn sound(problem: &Problem, plan: &Placement) -> bool {
    let mut stands: Vec<Stand> = Vec::new();
    for (g, roles) in plan.groups.iter().enumerate() {
        for (r, instances) in roles.iter().enumerate() {
            for (i, pods) in instances.iter().enumerate() {
                stands.extend(pods.iter().enumerate().map(|(p, m)| (g, r, i, p, *m)));
            }
        }
    }
    let request = |s: &Stand| &problem.groups[s.0].roles[s.1].pods[s.3];
    let fits = (0..problem.machines.len()).all(|m| {
        (0..3).all(|c| {
            let used: i64 = stands.iter().filter(|s| s.4 == m).map(|s| request(s).request[c]).sum();
            used <= problem.machines[m].free[c]
        })
    });
    let admitted =
        stands.iter().all(|s| problem.machines[s.4].closed.is_none() && problem.eligible[request(s).eligible][s.4]);
    fits && admitted
        && (0..problem.groups.len()).all(|g| {
            let clauses = problem.groups[g].clauses.iter().filter(|c| c.prefer.is_none());
            clauses.into_iter().all(|c| clause(problem, &stands, g, &c.kind)) && floors(problem, &stands, g)
        })
        && stands
            .iter()
            .filter(|s| request(s).request[1] > 0)
            .all(|s| (0..3).all(|l| problem.machines[s.4].domains[l].is_none_or(|d| !problem.taken[l].contains(&d))))
}

/// What pods on other machines than they prefer cost.
pub fn elsewhere(problem: &Problem, plan: &Placement) -> i64 {
    let mut sum = 0;
    for (group, roles) in problem.groups.iter().zip(&plan.groups) {
        for preference in &group.preferences {
            for role in &preference.roles {
                for machine in roles[*role].iter().flatten() {
                    sum +=
                        if problem.eligible[preference.machines][*machine] { 0 } else { i64::from(preference.weight) };
                }
            }
        }
    }
    sum
}

fn share(problem: &Problem, a: usize, b: usize, level: usize) -> bool {
    let at = |m: usize| problem.machines[m].domains[level];
    a == b || (at(a).is_some() && at(a) == at(b))
}

fn floors(problem: &Problem, stands: &[Stand], g: usize) -> bool {
    problem.groups[g].edges.iter().all(|e| {
        let leaders = |r: usize| stands.iter().filter(move |s| s.0 == g && s.1 == r && s.3 == 0);
        leaders(e.from).all(|a| {
            leaders(e.to).filter(|b| (a.1, a.2) != (b.1, b.2)).all(|b| {
                let level = (0..3).rev().find(|l| share(problem, a.4, b.4, *l));
                e.floor.is_none_or(|f| level.map_or(Link::Vpc, |l| problem.links[l]) >= f)
            })
        })
    })
}

fn clause(problem: &Problem, stands: &[Stand], g: usize, kind: &ClauseKind) -> bool {
    let own: Vec<&Stand> = stands.iter().filter(|s| s.0 == g).collect();
    let all_share =
        |pods: Vec<&&Stand>, level: usize| pods.iter().all(|a| pods.iter().all(|b| share(problem, a.4, b.4, level)));
    match kind {
        ClauseKind::Instances { role, level } => {
            (0..9).all(|i| all_share(own.iter().filter(|s| s.1 == *role && s.2 == i).collect(), *level))
        }
        ClauseKind::Together { roles, level } => {
            all_share(own.iter().filter(|s| roles.contains(&s.1)).collect(), *level)
        }
        ClauseKind::Cells { shares, level } => (0..9).all(|cell| {
            let within = |s: &&&Stand| shares.iter().any(|(r, n)| s.1 == *r && s.2 / *n as usize == cell);
            all_share(own.iter().filter(within).collect(), *level)
        }),
        ClauseKind::Near { role, to, level } => own
            .iter()
            .filter(|s| s.1 == *role && s.3 == 0)
            .all(|a| own.iter().filter(|s| s.1 == *to && s.3 == 0).any(|b| share(problem, a.4, b.4, *level))),
        ClauseKind::Spread { role, level, max_skew, at_least } => {
            spread(problem, &own, g, (*role, *level), (*max_skew, *at_least))
        }
        ClauseKind::Apart { role, from, level } => own.iter().filter(|s| s.1 == *role).all(|a| {
            own.iter()
                .filter(|s| s.1 == from.unwrap_or(*role) && (s.1, s.2) != (a.1, a.2))
                .all(|b| !share(problem, a.4, b.4, *level))
        }),
        ClauseKind::Exclusive { level } => {
            let gpu = |s: &&Stand| problem.groups[s.0].roles[s.1].pods[s.3].request[1] > 0;
            own.iter().copied().filter(gpu).all(|a| {
                stands.iter().filter(gpu).all(|b| b.0 == g || !share(problem, a.4, b.4, *level))
                    && problem.machines[a.4].domains[*level]
                        .is_none_or(|d| !problem.occupied[*level].contains(&d) && !problem.taken[*level].contains(&d))
            })
        }
        ClauseKind::Survive { count, level } => survive(problem, &own, g, *count, *level),
    }
}

fn spread(
    problem: &Problem,
    own: &[&Stand],
    g: usize,
    (role, level): (usize, usize),
    (max_skew, at_least): (Option<u32>, Option<u32>),
) -> bool {
    let leaders: Vec<Option<usize>> =
        own.iter().filter(|s| s.1 == role && s.3 == 0).map(|s| problem.machines[s.4].domains[level]).collect();
    let number = |d: usize| leaders.iter().filter(|l| **l == Some(d)).count() as u32;
    let set = problem.groups[g].roles[role].pods[0].eligible;
    let open = problem.machines.iter().enumerate().filter(|(m, x)| x.closed.is_none() && problem.eligible[set][*m]);
    let counts: Vec<u32> = open.filter_map(|(_, x)| x.domains[level]).map(number).collect();
    let skew = counts.iter().max().unwrap_or(&0) - counts.iter().min().unwrap_or(&0);
    let mut used: Vec<usize> = leaders.iter().flatten().copied().collect();
    used.sort_unstable();
    used.dedup();
    leaders.is_empty()
        || (max_skew.is_none_or(|s| skew <= s && leaders.iter().all(Option::is_some))
            && at_least.is_none_or(|n| used.len() >= n as usize))
}

/// Every choice of `count` domains, 0 to 2 of them.
fn survive(problem: &Problem, own: &[&Stand], g: usize, count: u32, level: usize) -> bool {
    let domains = problem.domains[level].len().max(6);
    let lost: Vec<Vec<usize>> = match count {
        0 => vec![vec![]],
        1 => (0..domains).map(|a| vec![a]).collect(),
        _ => (0..domains).flat_map(|a| (0..domains).map(move |b| vec![a, b])).collect(),
    };
    (0..problem.groups[g].roles.len()).filter(|r| problem.groups[g].roles[*r].instances > 0).all(|r| {
        lost.iter().all(|lost| {
            (0..problem.groups[g].roles[r].instances).any(|i| {
                own.iter()
                    .filter(|s| s.1 == r && s.2 == i)
                    .all(|s| problem.machines[s.4].domains[level].is_some_and(|d| !lost.contains(&d)))
            })
        })
    })
}
