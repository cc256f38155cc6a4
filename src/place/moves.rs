//! Why an instance stands elsewhere than before: read from the problem and the plan alone, so that
//! a reason does not depend on how the plan was found.
//!
//! The question is asked of each instance by itself: what would be wrong if it were where it was, and
//! everybody else where the plan has them?

use std::collections::BTreeSet;

use super::conflict::clause_label;
use super::verify::{self, may_use};
use super::{ClauseKind, Edge, Placement, Problem};

/// An instance that stands elsewhere than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Group.
    pub group: usize,
    /// Role in the group.
    pub role: usize,
    /// Instance of the role.
    pub instance: usize,
    /// Why it moves.
    pub reason: Reason,
    /// Its pods, all of which start anew at most.
    pub pods: usize,
}

/// Why an instance moves: what is wrong with its old place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The machine of this pod is no longer there.
    Gone {
        /// Index of the pod.
        pod: usize,
    },
    /// A machine takes no pods any more.
    Closed {
        /// The machine.
        machine: usize,
    },
    /// A machine is no longer one that the pods may use: its labels, taints, product or pool, or
    /// what the sources ask of them.
    Ineligible {
        /// The machine.
        machine: usize,
    },
    /// A machine is too small for what stood there: the pods ask for more, or less is free.
    TooSmall {
        /// The machine.
        machine: usize,
        /// Column of the resource.
        resource: usize,
    },
    /// A required clause of the group would not hold.
    Clause {
        /// Index of the clause in the group.
        clause: usize,
    },
    /// A link would be worse than an edge of the group allows.
    Floor {
        /// Index of the edge in the group.
        edge: usize,
    },
    /// A group outside of this compilation holds the domain alone.
    Taken {
        /// Level.
        level: usize,
        /// Domain.
        domain: usize,
    },
    /// Another instance, which was not there before, has the room or a claim on the domain.
    MakesRoom {
        /// Its group.
        group: usize,
        /// Its role.
        role: usize,
        /// The instance.
        instance: usize,
    },
    /// Nothing is wrong: the group's objective is `locality`, and other places have better links.
    Locality,
    /// Nothing is wrong with the old place alone; the search did not find a plan that keeps it.
    Unforced,
}

impl Move {
    /// The reason in words. `before` are the names of the old machines, for those that are gone.
    pub fn why(&self, problem: &Problem, before: &[String]) -> String {
        let machine = |m: usize| problem.machines.get(m).map_or("", |m| m.name.as_str());
        let group = &problem.groups[self.group];
        match self.reason {
            Reason::Gone { pod } => match before.get(pod) {
                Some(name) => format!("`{name}` is gone"),
                None => "a node is gone".into(),
            },
            Reason::Closed { machine: m } => {
                format!("`{}` is {}", machine(m), problem.machines[m].closed.unwrap_or("closed"))
            }
            Reason::Ineligible { machine: m } => format!("`{}` is no longer eligible", machine(m)),
            Reason::TooSmall { machine: m, resource } => {
                let free = problem.machines[m].free.get(resource).copied().unwrap_or(0);
                let name = problem.resources.get(resource).map_or("", String::as_str);
                format!("`{}` is too small now: {free} `{name}` free", machine(m))
            }
            Reason::Clause { clause } => clause_label(problem, &group.clauses[clause].kind),
            Reason::Floor { .. } => "required: every instance has this link to every other".into(),
            Reason::Taken { level, domain } => {
                let name = problem.domains.get(level).and_then(|d| d.get(domain)).map_or("", String::as_str);
                format!("another group holds `{name}` alone")
            }
            Reason::MakesRoom { group, role, instance } => {
                let other = &problem.groups[group];
                format!("makes room for `{}/{}/{instance}`", other.name, other.roles[role].name)
            }
            Reason::Locality => "better links: the objective is locality".into(),
            Reason::Unforced => "no plan was found that keeps it".into(),
        }
    }
}

/// The moves of a plan, each with its reason.
pub(super) fn moves(problem: &Problem, groups: &[Vec<Vec<Vec<usize>>>]) -> Vec<Move> {
    let moved = verify::moves(problem, groups);
    if moved.is_empty() {
        return Vec::new();
    }
    let mut plan = Placement { groups: groups.to_vec(), ..Placement::default() };
    let occupants = occupants(problem, groups);
    let explain = |(group, role, instance): (usize, usize, usize)| {
        let reason = reason(problem, &mut plan, &occupants, (group, role, instance));
        Move { group, role, instance, reason, pods: problem.groups[group].roles[role].pods.len() }
    };
    moved.into_iter().map(explain).collect()
}

/// Group, role and instance.
type Name = (usize, usize, usize);

/// For each machine the pods that stand there.
fn occupants(problem: &Problem, groups: &[Vec<Vec<Vec<usize>>>]) -> Vec<Vec<(Name, usize)>> {
    let mut occupants = vec![Vec::new(); problem.machines.len()];
    for (g, roles) in groups.iter().enumerate() {
        for (r, instances) in roles.iter().enumerate() {
            for (i, pods) in instances.iter().enumerate() {
                for (p, machine) in pods.iter().enumerate() {
                    occupants[*machine].push(((g, r, i), p));
                }
            }
        }
    }
    occupants
}

fn reason(problem: &Problem, plan: &mut Placement, occupants: &[Vec<(Name, usize)>], name: Name) -> Reason {
    let (g, r, i) = name;
    let role = &problem.groups[g].roles[r];
    let before = &role.previous[i];
    if let Some(pod) = before.iter().position(Option::is_none) {
        return Reason::Gone { pod };
    }
    let old: Vec<usize> = before.iter().flatten().copied().collect();
    let places = || old.iter().copied().zip(&role.pods);
    if let Some(machine) = old.iter().copied().find(|m| problem.machines[*m].closed.is_some()) {
        return Reason::Closed { machine };
    }
    if let Some((machine, _)) = places().find(|(m, pod)| !may_use(problem, pod.eligible, *m)) {
        return Reason::Ineligible { machine };
    }
    crowded(problem, occupants, name, &old)
        .or_else(|| taken(problem, name, &old))
        .or_else(|| claimed(problem, occupants, name, &old))
        .or_else(|| broken(problem, plan, name, &old))
        .unwrap_or(if problem.groups[g].locality { Reason::Locality } else { Reason::Unforced })
}

/// The first machine on which the pods find no room beside those that the plan has there.
fn crowded(problem: &Problem, occupants: &[Vec<(Name, usize)>], name: Name, old: &[usize]) -> Option<Reason> {
    let own = &problem.groups[name.0].roles[name.1].pods;
    for machine in old {
        let others: Vec<&(Name, usize)> = occupants[*machine].iter().filter(|(other, _)| *other != name).collect();
        for resource in 0..problem.resources.len() {
            let asks = |(g, r, _): Name, pod: usize| {
                problem.groups[g].roles[r].pods[pod].request.get(resource).copied().unwrap_or(0)
            };
            let mine: i64 = (0..own.len()).filter(|p| old[*p] == *machine).map(|p| asks(name, p)).sum();
            let theirs: i64 = others.iter().map(|(other, pod)| asks(*other, *pod)).sum();
            let free = problem.machines[*machine].free.get(resource).copied().unwrap_or(0);
            if mine == 0 || mine.saturating_add(theirs) <= free {
                continue;
            }
            let came = others.iter().find(|(other, pod)| {
                asks(*other, *pod) > 0 && previous(problem, *other).get(*pod).copied().flatten() != Some(*machine)
            });
            return Some(match came {
                Some(((group, role, instance), _)) => {
                    Reason::MakesRoom { group: *group, role: *role, instance: *instance }
                }
                None => Reason::TooSmall { machine: *machine, resource },
            });
        }
    }
    None
}

fn previous(problem: &Problem, (g, r, i): Name) -> &[Option<usize>] {
    problem.groups[g].roles[r].previous.get(i).map_or(&[], Vec::as_slice)
}

fn uses_accelerators(problem: &Problem, (g, r, _): Name, pod: usize) -> bool {
    problem.groups[g].roles[r].pods[pod].request.get(problem.gpu).is_some_and(|n| *n > 0)
}

/// A domain that a group outside of this compilation holds alone, or is in when this one wants it alone.
fn taken(problem: &Problem, name: Name, old: &[usize]) -> Option<Reason> {
    let own = &problem.groups[name.0].clauses;
    let alone = |level: usize| own.iter().any(|c| c.prefer.is_none() && c.kind == ClauseKind::Exclusive { level });
    let pods = old.iter().enumerate().filter(|(p, _)| uses_accelerators(problem, name, *p));
    for (_, machine) in pods {
        for (level, domain) in problem.machines[*machine].domains.iter().enumerate() {
            let Some(domain) = *domain else { continue };
            let among = |sets: &[BTreeSet<usize>]| sets.get(level).is_some_and(|s| s.contains(&domain));
            if among(&problem.taken) || (alone(level) && among(&problem.occupied)) {
                return Some(Reason::Taken { level, domain });
            }
        }
    }
    None
}

/// Another group that has, with this one, accelerator pods in a domain that one of them wants alone.
fn claimed(problem: &Problem, occupants: &[Vec<(Name, usize)>], name: Name, old: &[usize]) -> Option<Reason> {
    let wants = |group: usize| {
        let clauses = problem.groups[group].clauses.iter().filter(|c| c.prefer.is_none());
        clauses.filter_map(|c| if let ClauseKind::Exclusive { level } = c.kind { Some(level) } else { None })
    };
    let own: BTreeSet<usize> = wants(name.0).collect();
    let levels: BTreeSet<usize> = (0..problem.groups.len()).flat_map(wants).collect();
    for (_, machine) in old.iter().enumerate().filter(|(p, _)| uses_accelerators(problem, name, *p)) {
        for level in levels.iter().copied() {
            let held = |group: usize| own.contains(&level) || wants(group).any(|l| l == level);
            let here = problem.machines[*machine].domains.get(level).copied().flatten();
            let inside = |m: usize| m == *machine || (here.is_some() && problem.machines[m].domains[level] == here);
            let pods = occupants.iter().enumerate().filter(|(m, _)| inside(*m)).flat_map(|(_, pods)| pods);
            let other = pods
                .filter(|(other, pod)| other.0 != name.0 && uses_accelerators(problem, *other, *pod))
                .find(|(other, _)| held(other.0));
            if let Some(((group, role, instance), _)) = other {
                return Some(Reason::MakesRoom { group: *group, role: *role, instance: *instance });
            }
        }
    }
    None
}

/// A clause or an edge of the group that would not hold.
fn broken(problem: &Problem, plan: &mut Placement, (g, r, i): Name, old: &[usize]) -> Option<Reason> {
    let now = std::mem::replace(&mut plan.groups[g][r][i], old.to_vec());
    let users = verify::Users::new();
    let group = &problem.groups[g];
    let mut clauses = group.clauses.iter().enumerate().filter(|(_, c)| c.prefer.is_none());
    let clause = clauses.find(|(_, c)| !verify::holds(problem, &plan.groups[g], &users, g, &c.kind));
    let weak = |e: &Edge| e.floor.is_some_and(|floor| !verify::floor_holds(problem, &plan.groups[g], e, floor));
    let edge = group.edges.iter().position(|e| (e.from == r || e.to == r) && weak(e));
    let reason =
        clause.map(|(clause, _)| Reason::Clause { clause }).or_else(|| edge.map(|edge| Reason::Floor { edge }));
    plan.groups[g][r][i] = now;
    reason
}

#[cfg(test)]
mod tests {
    use crate::link::Link;
    use crate::place::testing::*;
    use crate::place::{ClauseKind, Problem};

    /// A group whose instances stood on these machines, pod by pod; `None` is one that is gone.
    fn stood(text: &str, clauses: Vec<ClauseKind>, before: &[&[Option<usize>]]) -> crate::place::Group {
        let mut group = group("g", &[text], clauses);
        group.roles[0].previous = before.iter().map(|pods| pods.to_vec()).collect();
        group
    }

    #[track_caller]
    fn check(problem: &Problem, expected: &[&str]) {
        assert_eq!(moves(problem), expected);
    }

    #[test]
    fn machines_go() {
        let mut problem = with(cluster("a/r1 8! 8"), vec![stood("1x8", vec![], &[&[Some(0)]])]);
        check(&problem, &["g/r0/0: `m0` is cordoned"]);
        problem.machines[0].closed = None;
        check(&problem, &[]);
        problem.eligible[0][0] = false;
        check(&problem, &["g/r0/0: `m0` is no longer eligible"]);
        problem.groups = vec![stood("2x8", vec![], &[&[Some(1), None]])];
        problem.eligible[0][0] = true;
        check(&problem, &["g/r0/0: a node is gone"]);
    }

    #[test]
    fn pods_grow() {
        let problem = with(cluster("a/r1 4 8"), vec![stood("1x8", vec![], &[&[Some(0)]])]);
        check(&problem, &["g/r0/0: `m0` is too small now: 4 `nvidia.com/gpu` free"]);
        let problem = with(cluster("a/r1 4 8"), vec![stood("1x3*2", vec![], &[&[Some(0)], &[Some(0)]])]);
        check(&problem, &["g/r0/1: `m0` is too small now: 4 `nvidia.com/gpu` free"]);
    }

    #[test]
    fn clauses_come() {
        let within = ClauseKind::Instances { role: 0, level: RACK };
        let problem = with(cluster("a/r1 8, a/r2 8 8"), vec![stood("2x8", vec![within], &[&[Some(0), Some(1)]])]);
        check(&problem, &["g/r0/0: required: the pods of an instance share a `rack`"]);
        let mut group = group("g", &["1x8", "1x8"], vec![]);
        group.edges = vec![edge(0, 1, Some(Link::Rdma))];
        group.roles[0].previous = vec![vec![Some(0)]];
        group.roles[1].previous = vec![vec![Some(1)]];
        let problem = with(cluster("a/r1 8, b/r1 8 8"), vec![group]);
        check(&problem, &["g/r0/0: required: every instance has this link to every other"]);
    }

    #[test]
    fn others_come() {
        let wide = group("h", &["2x8"], vec![ClauseKind::Instances { role: 0, level: RACK }]);
        let problem = with(cluster("a/r1 8 8, a/r2 8"), vec![stood("1x8", vec![], &[&[Some(0)]]), wide]);
        check(&problem, &["g/r0/0: makes room for `h/r0/0`"]);
        let alone = group(
            "h",
            &["2x8"],
            vec![ClauseKind::Exclusive { level: RACK }, ClauseKind::Instances { role: 0, level: RACK }],
        );
        let problem = with(cluster("a/r1 8 8 8, a/r2 8"), vec![stood("1x8", vec![], &[&[Some(0)]]), alone]);
        check(&problem, &["g/r0/0: makes room for `h/r0/0`"]);
        let mut problem = with(cluster("a/r1 8, a/r2 8"), vec![stood("1x8", vec![], &[&[Some(0)]])]);
        problem.taken[RACK].insert(0);
        check(&problem, &["g/r0/0: another group holds `a/r1` alone"]);
    }
}
