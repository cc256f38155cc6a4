//! Finds the reason why a group has no place: on smaller problems, each solved again, so that what
//! is said is known to be true.

use super::conflict::{Conflict, Need, Rival};
use super::index::Index;
use super::solve::{Missing, search, take_group};
use super::state::{NONE, State};
use super::{ClauseKind, Problem};

mod minimal;
mod offers;
mod remedies;
mod trials;

use minimal::{minimal, only, split};
use offers::offers;
use remedies::remedies;
use trials::{Trials, Verdict};

/// Groups that are explained in full, the first ones.
const EXPLAINED: usize = 10;

/// Machines of all full explanations together.
const SEARCHED: usize = 20_000;

/// Machines of all explanations with numbers together.
const COUNTED: usize = 200_000;

/// Groups named that use what another one lacks.
const RIVALS: usize = 3;

/// A group without a place, and what was found out about it.
struct Study<'a, 'i, 'p> {
    state: &'a State<'i, 'p>,
    /// For each machine the groups of the compilation that stand there.
    tenants: &'a [Vec<usize>],
    /// The problem of this group on what the others leave.
    beside: Problem,
    /// The same on all machines, when it has no place there either.
    alone: Option<Problem>,
    conflict: Conflict,
}

/// The reasons why groups have no place beside what stands. A group that has one after all is put
/// there: when no reason is left, the state is complete.
pub(super) fn explain(state: &mut State, missing: Vec<Missing>) -> Vec<Conflict> {
    explained(state, missing).into_iter().map(|(conflict, _)| conflict).collect()
}

/// Each conflict with the problem in which it was studied.
fn explained(state: &mut State, missing: Vec<Missing>) -> Vec<(Conflict, Problem)> {
    let machines = state.index.problem.machines.len().max(1);
    let full = |n: usize| n < EXPLAINED && n * machines < SEARCHED;
    let mut places = missing.into_iter().enumerate();
    let missing: Vec<Missing> = std::iter::from_fn(|| places.next())
        .filter(|(n, missing)| !full(*n) || !place_beside(state, missing.group))
        .map(|(_, missing)| missing)
        .collect();
    let tenants = tenants(state);
    let mut trials = Trials::new();
    let one = |(n, missing): (usize, &Missing)| {
        if n * machines >= COUNTED {
            return (bare(state.index.problem, *missing), Problem::default());
        }
        trials.next_group();
        let study = Study::new(state, *missing, &tenants, full(n).then_some(&mut trials));
        (study.conflict, study.alone.unwrap_or(study.beside))
    };
    missing.iter().enumerate().map(one).collect()
}

/// Every conflict of a problem with the smaller problem in which it was studied.
#[cfg(test)]
pub(super) fn studies(problem: &Problem, steps: u64) -> Vec<(Conflict, Problem)> {
    let index = Index::new(problem);
    let mut state = State::new(&index);
    let missing = search(&mut state, steps);
    explained(&mut state, missing)
}

/// Who stands on each machine.
fn tenants(state: &State) -> Vec<Vec<usize>> {
    let mut tenants = vec![Vec::new(); state.index.problem.machines.len()];
    for (i, row) in state.index.instances.iter().enumerate() {
        for machine in state.index.pods_of(i).map(|p| state.machine_of[p]).filter(|m| *m != NONE) {
            tenants[machine as usize].push(row.group);
        }
    }
    tenants
}

/// Puts a group where the others leave room for it, if they do: the search that placed all of them
/// may have missed that.
fn place_beside(state: &mut State, group: usize) -> bool {
    let lone = residual(state, group, None);
    let index = Index::new(&lone);
    let mut plan = State::new(&index);
    if !search(&mut plan, trials::STEPS).is_empty() {
        return false;
    }
    let before = state.machine_of.clone();
    take_group(state, group);
    let first = state.index.groups[group].instances.start;
    let placed = (0..index.instances.len()).all(|i| state.put_instance(first + i, &plan.machines(i)));
    if !placed {
        state.restore(&before);
    }
    placed
}

/// A role that asks for more pods than all machines together hold, before anything is searched.
pub(super) fn oversized(problem: &Problem, group: usize, role: usize) -> Conflict {
    let mut lone = alone(problem, group);
    lone.groups[0].roles.iter_mut().for_each(|role| role.instances = 0);
    let mut conflict = bare(problem, Missing { group, proven: true });
    (conflict.role, conflict.alone) = (role, true);
    conflict.need = need(&lone, role, &[]);
    conflict.need.instances = problem.groups[group].roles[role].instances;
    conflict.nearest = offers(&lone, group, role, None);
    conflict
}

/// A conflict without numbers of the cluster.
fn bare(problem: &Problem, missing: Missing) -> Conflict {
    Conflict {
        group: missing.group,
        role: 0,
        clauses: Vec::new(),
        edges: Vec::new(),
        alone: false,
        exhausted: !missing.proven,
        need: need(&Problem { groups: vec![problem.groups[missing.group].clone()], ..Problem::default() }, 0, &[]),
        nearest: Vec::new(),
        rivals: Vec::new(),
        remedies: Vec::new(),
    }
}

impl<'a, 'i, 'p> Study<'a, 'i, 'p> {
    /// Studies a group: with trials in full, else by counting alone.
    fn new(state: &'a State<'i, 'p>, missing: Missing, tenants: &'a [Vec<usize>], trials: Option<&mut Trials>) -> Self {
        let beside = residual(state, missing.group, None);
        let conflict = bare(state.index.problem, missing);
        let mut study = Study { state, tenants, beside, alone: None, conflict };
        match trials {
            Some(trials) => study.search(trials),
            None => study.count(),
        }
        study
    }

    /// The smallest problem that shows why there is no place.
    fn lone(&self) -> &Problem {
        self.alone.as_ref().unwrap_or(&self.beside)
    }

    fn search(&mut self, trials: &mut Trials) {
        let lone = alone(self.state.index.problem, self.conflict.group);
        if let Some(Verdict::Fails { proven }) = trials.verdict(&lone) {
            // What fails alone with certainty fails with the others too.
            self.conflict.exhausted &= !proven;
            self.conflict.alone = true;
            self.alone = Some(lone);
        }
        let core = trials::relevant(self.lone());
        let parts = if trials.fails(&core) { minimal(&core, trials) } else { Vec::new() };
        (self.conflict.clauses, self.conflict.edges) = split(&parts);
        self.conflict.role = failing_role(&only(&core, &parts), trials);
        self.count();
        self.conflict.remedies = remedies(self, trials);
    }

    /// The numbers: what is needed, what each level offers, and who has it.
    fn count(&mut self) {
        let problem = self.state.index.problem;
        let (group, role) = (self.conflict.group, self.conflict.role);
        self.conflict.need = need(self.lone(), role, &self.conflict.clauses);
        let before = (!self.conflict.alone).then_some((problem, self.tenants));
        self.conflict.nearest = offers(self.lone(), group, role, before);
        if self.conflict.alone {
            self.conflict.exhausted &= !self.counts_tell();
        } else {
            self.conflict.rivals = self.rivals();
        }
    }

    /// Whether the numbers alone show that there is no place: equal pods of which no domain holds enough.
    fn counts_tell(&self) -> bool {
        let (Some(best), need) = (self.conflict.best(), &self.conflict.need) else { return false };
        let pods = &self.lone().groups[0].roles[self.conflict.role].pods;
        let known =
            |level: usize| self.lone().machines.iter().all(|m| m.domains.get(level).is_some_and(Option::is_some));
        pods.windows(2).all(|pair| pair[0] == pair[1])
            && need.level.is_none_or(known)
            && need.instances > 0
            && best.pods < if need.level.is_some() { need.pods } else { need.pods.saturating_mul(need.instances) }
    }

    /// Those who use most of the scarce resource in the domain that comes nearest.
    fn rivals(&self) -> Vec<Rival> {
        let Some(best) = self.conflict.best() else { return Vec::new() };
        let index = self.state.index;
        let inside = |m: usize| {
            best.level.is_none_or(|level| index.problem.machines[m].domains.get(level) == Some(&Some(best.domain)))
        };
        let mut found: std::collections::BTreeMap<usize, Rival> = std::collections::BTreeMap::new();
        for (i, row) in index.instances.iter().enumerate().filter(|(_, row)| row.group != self.conflict.group) {
            let role = row.role - index.groups[row.group].roles.start;
            for (pod, id) in index.pods_of(i).enumerate().filter(|(_, id)| self.state.machine_of[*id] != NONE) {
                let request = &index.classes[index.roles[row.role].classes[pod]].request;
                let amount = request.get(self.conflict.need.resource).copied().unwrap_or(0);
                if amount > 0 && inside(self.state.machine_of[id] as usize) {
                    found.entry(row.group).or_insert(Rival { group: row.group, role, amount: 0 }).amount += amount;
                }
            }
        }
        let mut rivals: Vec<Rival> = found.into_values().collect();
        rivals.sort_by_key(|rival| (std::cmp::Reverse(rival.amount), rival.group));
        rivals.truncate(RIVALS);
        rivals
    }
}

/// The problem of one group that has the machines for itself.
fn alone(problem: &Problem, group: usize) -> Problem {
    let mut group = problem.groups[group].clone();
    group.roles.iter_mut().for_each(|role| role.previous.clear());
    Problem {
        resources: problem.resources.clone(),
        gpu: problem.gpu,
        levels: problem.levels.clone(),
        links: problem.links.clone(),
        machines: problem.machines.clone(),
        domains: problem.domains.clone(),
        eligible: problem.eligible.clone(),
        groups: vec![group],
        occupied: problem.occupied.clone(),
        taken: problem.taken.clone(),
        ..Problem::default()
    }
}

/// The problem of one group on what the others leave; `sharing` is one of them that would share its domains.
fn residual(state: &State, group: usize, sharing: Option<usize>) -> Problem {
    let index = state.index;
    let mut problem = alone(index.problem, group);
    for (m, machine) in problem.machines.iter_mut().enumerate() {
        machine.free = state.free[m * index.columns..][..index.columns].iter().map(|free| (*free).max(0)).collect();
    }
    // Where a domain is unknown, the machine itself is what is not shared: for accelerators alone.
    let mut alone_on = vec![false; problem.machines.len()];
    let exclusive = |g: usize| index.groups[g].exclusive.iter().map(|(at, _)| index.exclusive[*at]).collect::<Vec<_>>();
    for (i, row) in index.instances.iter().enumerate() {
        for (pod, id) in index.pods_of(i).enumerate().filter(|(_, id)| state.machine_of[*id] != NONE) {
            let machine = state.machine_of[id] as usize;
            if row.group == group {
                let request = &index.classes[index.roles[row.role].classes[pod]].request;
                problem.machines[machine].free.iter_mut().zip(request).for_each(|(free, wanted)| *free += wanted);
            } else if index.roles[row.role].accelerated[pod] {
                let known = |level: usize| index.problem.machines[machine].domains.get(level).copied().flatten();
                for (level, set) in problem.occupied.iter_mut().enumerate() {
                    set.extend(known(level));
                }
                let theirs = exclusive(row.group).into_iter().filter(|_| sharing != Some(row.group));
                for level in theirs.map(|level| level - 1) {
                    if let Some(set) = problem.taken.get_mut(level) {
                        set.extend(known(level));
                    }
                    alone_on[machine] |= known(level).is_none();
                }
                alone_on[machine] |= exclusive(group).into_iter().any(|level| known(level - 1).is_none());
            }
        }
    }
    for (machine, _) in problem.machines.iter_mut().zip(alone_on).filter(|(_, alone)| *alone) {
        if let Some(free) = machine.free.get_mut(index.problem.gpu) {
            *free = 0;
        }
    }
    problem
}

/// The role that fails without the others, else the one with the largest instances.
fn failing_role(lone: &Problem, trials: &mut Trials) -> usize {
    let with_role = |r: usize| {
        let mut problem = lone.clone();
        let others = problem.groups[0].roles.iter_mut().enumerate().filter(|(other, _)| *other != r);
        others.for_each(|(_, role)| role.instances = 0);
        problem
    };
    let roles = &lone.groups[0].roles;
    let placed: Vec<usize> = (0..roles.len()).filter(|r| roles[*r].instances > 0).collect();
    let failing = placed.iter().copied().find(|r| placed.len() > 1 && trials.fails(&with_role(*r)));
    let amount = |r: usize| roles[r].pods.iter().filter_map(|p| p.request.get(lone.gpu)).sum::<i64>();
    let largest = placed.iter().copied().max_by_key(|r| (amount(*r), roles[*r].pods.len(), std::cmp::Reverse(*r)));
    failing.or(largest).unwrap_or(0)
}

fn need(lone: &Problem, role: usize, clauses: &[usize]) -> Need {
    let group = &lone.groups[0];
    let level = clauses.iter().filter_map(|c| level_of(&group.clauses[*c].kind, role)).max();
    let request = group.roles[role].pods.first().map(|p| p.request.as_slice()).unwrap_or_default();
    let amount = |column: usize| request.get(column).copied().unwrap_or(0);
    // The accelerator, else what fits least often on the roomiest machine.
    let scarce = (0..lone.resources.len())
        .filter(|c| amount(*c) > 0)
        .min_by_key(|c| lone.machines.iter().filter_map(|m| m.free.get(*c)).max().copied().unwrap_or(0) / amount(*c));
    let resource = if amount(lone.gpu) > 0 { lone.gpu } else { scarce.unwrap_or(0) };
    let role = &group.roles[role];
    Need { pods: role.pods.len(), instances: role.instances, resource, amount: amount(resource), level }
}

/// The level whose domain a clause wants the pods of an instance of the role to share.
fn level_of(kind: &ClauseKind, role: usize) -> Option<usize> {
    match kind {
        ClauseKind::Instances { role: r, level } => (*r == role).then_some(*level),
        ClauseKind::Together { roles, level } => roles.contains(&role).then_some(*level),
        ClauseKind::Cells { shares, level } => shares.iter().any(|(r, _)| *r == role).then_some(*level),
        ClauseKind::Near { .. }
        | ClauseKind::Spread { .. }
        | ClauseKind::Apart { .. }
        | ClauseKind::Exclusive { .. }
        | ClauseKind::Survive { .. } => None,
    }
}
