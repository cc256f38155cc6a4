//! Whatever the order in which a scheduler sees the pods: each ends in its planned domain.
//!
//! A scheduler takes pod after pod and gives each the node that it likes best now. It neither looks
//! ahead nor takes back, so a plan that exists may be missed: a pod that could go anywhere takes the
//! last node that another one needs. What is required of the nodes must leave no such choice. This
//! phase proves that for every workload by counting (see `contest`), relies on filters alone and
//! on no score, and where the proof fails narrows what is required: from the domain of the clause
//! to narrower ones that hold the planned nodes, down to these nodes themselves; the widest first,
//! and only those who may take another's room. What an earlier compilation gave stays.
//!
//! Workers that share a template follow their leader into its domain: each domain must have as much
//! room for them as the leaders that may come there need.
//!
//! Where nothing can be narrowed (a template that instances share, `pin = "none"`), a required
//! clause that may then be missed is refused; otherwise the workload says that nothing is promised.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::check::Pin;
use crate::diag::Session;
use crate::inventory::{Inventory, Node};
use crate::place::Problem;
use crate::plan::affinity::{Doubt, Promise, Site};
use crate::plan::{Part, Plan};

mod claims;
mod contest;
mod refusal;

#[cfg(test)]
mod tests;

use claims::{Atlas, Claim, Dependence};
use contest::{Contest, buckets, fitting};

/// Narrows the sites of a plan until every order of scheduling ends in it, and says of each what is
/// promised. `None` when a required clause cannot be kept that way.
pub fn robust<'m>(session: &mut Session, problem: &Problem, mut plan: Plan<'m>) -> Option<Plan<'m>> {
    let mut field = Field::new(problem, &plan);
    field.settle();
    let verdicts = field.verdicts();
    let Field { claims, levels, .. } = field;
    for ((claim, level), (promise, _)) in claims.iter().zip(levels).zip(&verdicts) {
        let [g, r, u, p] = claim.at;
        let site = &mut plan.groups[g].roles[r].units[u].sites[p];
        if site.level != level {
            site.bind(plan.inventory, level);
        }
        site.promise = *promise;
    }
    refusal::report(session, &plan, &claims, &verdicts);
    session.gate()?;
    Some(plan)
}

/// The nodes that a pod of a part may be given at this site, and that have the accelerators that it
/// asks for: indices in the inventory, ascending.
pub fn admitted(inventory: &Inventory, site: &Site<'_>, part: &Part<'_>) -> Vec<usize> {
    let nodes = Atlas::new(inventory).nodes(site, part, claims::places_itself(part));
    let accelerators = |node: &usize| inventory.nodes[*node].allocatable.get(&inventory.resources.gpu).copied();
    let asked = i64::from(part.source.pod.gpus);
    nodes.iter().copied().filter(|node| accelerators(node).unwrap_or(0) >= asked).collect()
}

/// What must hold of a claim before narrowing may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Aim {
    /// Every order of all pods.
    Always,
    /// Every order of the new ones: what stands already keeps its nodes.
    Standing,
    /// Nothing: it cannot be had.
    Nothing,
}

/// All claims while they are narrowed.
struct Field<'p, 'm> {
    problem: &'p Problem,
    plan: &'p Plan<'m>,
    atlas: Atlas<'p>,
    claims: Vec<Claim>,
    /// For each claim the level that it is bound to now.
    levels: Vec<Option<usize>>,
    aims: Vec<Aim>,
}

impl<'p, 'm> Field<'p, 'm> {
    fn new(problem: &'p Problem, plan: &'p Plan<'m>) -> Self {
        let mut atlas = Atlas::new(plan.inventory);
        let mut claims = Vec::new();
        for (g, group) in plan.groups.iter().enumerate() {
            for (r, role) in group.roles.iter().enumerate() {
                for (u, unit) in role.units.iter().enumerate() {
                    claims.extend((0..unit.sites.len()).map(|p| atlas.claim(plan, problem, [g, r, u, p])));
                }
            }
        }
        let levels = claims.iter().map(|claim| site(plan, claim).level).collect();
        let aims = vec![Aim::Always; claims.len()];
        Field { problem, plan, atlas, claims, levels, aims }
    }

    /// Narrows until every claim has what is aimed at; what cannot have it is content with less,
    /// and is not narrowed for, nor are others for its sake.
    fn settle(&mut self) {
        let natural = (self.claims.clone(), self.levels.clone());
        loop {
            while self.narrow() {}
            let failing: BTreeSet<usize> = self.failing().into_iter().flat_map(|(claims, _)| claims).collect();
            if failing.is_empty() {
                return;
            }
            let standing = self.claims.iter().any(|claim| claim.kept);
            for claim in failing {
                let less = self.aims[claim] == Aim::Always && standing;
                self.aims[claim] = if less { Aim::Standing } else { Aim::Nothing };
            }
            (self.claims, self.levels) = natural.clone();
        }
    }

    /// Claims that have not what is aimed at, with those that may take their room.
    fn failing(&self) -> Vec<(Vec<usize>, BTreeSet<usize>)> {
        let mut failing = Vec::new();
        for aim in [Aim::Always, Aim::Standing].into_iter().filter(|aim| self.aims.contains(aim)) {
            for (claims, rivals) in contested(self.problem, &self.seen(aim)) {
                let claims: Vec<usize> = claims.into_iter().filter(|c| self.aims[*c] == aim).collect();
                if !claims.is_empty() {
                    failing.push((claims, rivals));
                }
            }
        }
        failing
    }

    /// The claims as an aim sees them: those that stand have the nodes that they stand on.
    fn seen(&self, aim: Aim) -> Vec<Claim> {
        let mut claims = self.claims.clone();
        for claim in claims.iter_mut().filter(|claim| claim.kept && aim == Aim::Standing) {
            claim.nodes = Rc::new(site(self.plan, claim).nodes.clone());
        }
        claims
    }

    /// Narrows, around every claim that fails, the widest of all that may be narrowed, by a level.
    /// Whether there was one.
    fn narrow(&mut self) -> bool {
        let mut chosen = BTreeSet::new();
        for (claims, rivals) in self.failing() {
            let around = || claims.iter().chain(&rivals).copied().filter(|claim| self.next(*claim).is_some());
            let widest = around().map(|claim| self.levels[claim]).min();
            chosen.extend(around().filter(|claim| Some(self.levels[*claim]) == widest));
        }
        for claim in &chosen {
            let before = self.claims[*claim].nodes.clone();
            while self.claims[*claim].nodes == before
                && let Some(level) = self.next(*claim)
            {
                let [g, r, u, p] = self.claims[*claim].at;
                let role = &self.plan.groups[g].roles[r];
                let mut site = role.units[u].sites[p].clone();
                site.bind(self.plan.inventory, Some(level));
                self.claims[*claim].nodes = self.atlas.nodes(&site, &role.parts[p], false);
                self.levels[*claim] = Some(level);
            }
        }
        !chosen.is_empty()
    }

    /// The next narrower level that a claim may be bound to.
    fn next(&self, claim: usize) -> Option<usize> {
        let next = self.levels[claim].map_or(0, |level| level + 1);
        let claim = &self.claims[claim];
        let narrowest = site(self.plan, claim).narrowest.filter(|_| !claim.kept && !claim.own)?;
        (next <= narrowest).then_some(next)
    }

    /// For each claim what is promised, and who may take its room.
    fn verdicts(&self) -> Vec<(Promise, BTreeSet<usize>)> {
        let rivals = |aim| -> BTreeMap<usize, BTreeSet<usize>> {
            let all = contested(self.problem, &self.seen(aim)).into_iter();
            all.flat_map(|(claims, rivals)| claims.into_iter().map(move |c| (c, rivals.clone()))).collect()
        };
        let (always, standing) = (rivals(Aim::Always), rivals(Aim::Standing));
        let verdict = |(index, claim): (usize, &Claim)| {
            let promise = match (self.doubt(claim), always.get(&index), standing.get(&index)) {
                (Some(doubt), ..) => Promise::None(doubt),
                (None, None, _) => Promise::Always,
                (None, Some(_), None) => Promise::Standing,
                (None, ..) if claim.dependent == Dependence::Other => Promise::None(Doubt::Pods),
                (None, ..) => Promise::None(Doubt::Contested),
            };
            (promise, standing.get(&index).cloned().unwrap_or_default())
        };
        self.claims.iter().enumerate().map(verdict).collect()
    }

    /// What makes every proof worthless.
    fn doubt(&self, claim: &Claim) -> Option<Doubt> {
        let holds = |node: &&usize| fitting(&self.problem.machines[**node].free, &claim.request) > 0;
        let nodes: Vec<&Node> = claim.nodes.iter().filter(holds).map(|n| &self.plan.inventory.nodes[*n]).collect();
        let any = |test: fn(&Node) -> bool| nodes.iter().any(|node| test(node));
        let doubts = [
            (claim.own || self.plan.groups[claim.at[0]].source.pin == Pin::None, Doubt::Unpinned),
            (any(|node| node.elastic), Doubt::Elastic),
            (any(|node| node.spot), Doubt::Spot),
            (any(|node| !node.dedicated), Doubt::Foreign),
        ];
        doubts.into_iter().find(|(doubtful, _)| *doubtful).map(|(_, doubt)| doubt)
    }
}

fn site<'p, 'm>(plan: &'p Plan<'m>, claim: &Claim) -> &'p Site<'m> {
    let [g, r, u, p] = claim.at;
    &plan.groups[g].roles[r].units[u].sites[p]
}

/// The claims that may be left without a node, each set of like ones with those that may take it.
fn contested(problem: &Problem, claims: &[Claim]) -> Vec<(Vec<usize>, BTreeSet<usize>)> {
    let buckets = buckets(problem, claims);
    let contest = Contest::new(problem, &buckets);
    let members = |rivals: BTreeSet<usize>| rivals.iter().flat_map(|b| buckets[*b].claims.clone()).collect();
    let failing = buckets.iter().enumerate().filter_map(|(b, bucket)| Some((bucket, contest.rivals(b)?)));
    failing.map(|(bucket, rivals)| (bucket.claims.clone(), members(rivals))).collect()
}
