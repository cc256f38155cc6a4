//! Smaller problems, each solved, and few enough of them that an explanation takes no longer than a plan.

use crate::place::index::Index;
use crate::place::solve::search;
use crate::place::state::State;
use crate::place::{ClauseKind, Pod, Problem};

/// Work budget of the complete search of each problem.
pub(super) const STEPS: u64 = 2_000;

/// Problems solved in all.
const SOLVES: usize = 240;

/// Problems solved for one group.
const EACH: usize = 120;

/// Machines of all problems together.
const MACHINES: usize = 400_000;

/// What is known of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is a plan.
    Fits,
    /// No plan was found.
    Fails {
        /// There is none.
        proven: bool,
    },
}

/// What may still be tried.
#[derive(Debug)]
pub(super) struct Trials {
    solves: usize,
    machines: usize,
    /// Of the solves, those that are left for other groups.
    reserved: usize,
}

impl Trials {
    /// The whole budget.
    pub fn new() -> Self {
        Trials { solves: SOLVES, machines: MACHINES, reserved: 0 }
    }

    /// Begins with the next group, which may not use up what is there for all.
    pub fn next_group(&mut self) {
        self.reserved = self.solves.saturating_sub(EACH);
    }

    /// Solves a problem; `None` when the budget is used up.
    pub fn verdict(&mut self, problem: &Problem) -> Option<Verdict> {
        let small = relevant(problem);
        let left = self.machines.checked_sub(small.machines.len())?;
        if self.solves <= self.reserved {
            return None;
        }
        (self.machines, self.solves) = (left, self.solves - 1);
        let index = Index::new(&small);
        let missing = search(&mut State::new(&index), STEPS);
        Some(match missing.is_empty() {
            true => Verdict::Fits,
            false => Verdict::Fails { proven: missing.iter().any(|m| m.proven) },
        })
    }

    /// Whether a plan is known; no when the budget is used up.
    pub fn fits(&mut self, problem: &Problem) -> bool {
        self.verdict(problem) == Some(Verdict::Fits)
    }

    /// Whether no plan was found; no when the budget is used up.
    pub fn fails(&mut self, problem: &Problem) -> bool {
        matches!(self.verdict(problem), Some(Verdict::Fails { .. }))
    }
}

/// The problem without the machines that can matter to nobody. On a cluster that is almost full few
/// are left, so that the complete search decides.
pub(super) fn relevant(problem: &Problem) -> Problem {
    let mut pods: Vec<&Pod> = Vec::new();
    for role in problem.groups.iter().flat_map(|g| &g.roles).filter(|role| role.instances > 0) {
        role.pods.iter().for_each(|pod| {
            if !pods.contains(&pod) {
                pods.push(pod)
            }
        });
    }
    // A spread with a skew counts the domains of full machines too.
    let clauses = || problem.groups.iter().flat_map(|g| &g.clauses);
    let counts = clauses().any(|c| matches!(c.kind, ClauseKind::Spread { max_skew: Some(_), .. }));
    let matters = |m: usize| {
        let machine = &problem.machines[m];
        let admits = |pod: &&Pod| problem.eligible.get(pod.eligible).and_then(|set| set.get(m)) == Some(&true);
        let holds = |pod: &Pod| pod.request.iter().zip(&machine.free).all(|(wanted, free)| wanted <= free);
        machine.closed.is_none() && pods.iter().filter(|pod| admits(pod)).any(|pod| counts || holds(pod))
    };
    let kept: Vec<usize> = (0..problem.machines.len()).filter(|m| matters(*m)).collect();
    Problem {
        resources: problem.resources.clone(),
        gpu: problem.gpu,
        levels: problem.levels.clone(),
        links: problem.links.clone(),
        machines: kept.iter().map(|m| problem.machines[*m].clone()).collect(),
        domains: problem.domains.clone(),
        eligible: problem
            .eligible
            .iter()
            .map(|set| kept.iter().map(|m| set.get(*m) == Some(&true)).collect())
            .collect(),
        groups: problem.groups.clone(),
        occupied: problem.occupied.clone(),
        taken: problem.taken.clone(),
        ..Problem::default()
    }
}
