//! What the clauses of `place` ask of the workloads of one role.

use std::borrow::Cow;

use crate::check::{self, Form, Pin};
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::place::{self, ClauseKind};
use crate::plan::affinity::{Expression, Term, cross};

/// What the clauses ask of one role.
#[derive(Debug, Default)]
pub struct Bounds<'m> {
    /// Alternatives of node labels from `on` and `not on`.
    pub eligible: Vec<Term<'m>>,
    /// The same from `prefer on`.
    pub preferred: Vec<(u32, Term<'m>)>,
    /// Only the names of the planned nodes tell where its pods may run: those of a pool without
    /// labels, or of leaders and workers that share their templates.
    pub by_name: bool,
    /// How the instances of a shared template are spread.
    pub spread: Vec<Spread<'m>>,
    levels: Vec<Bound>,
    pods: Vec<(Scope, PodTerm<'m>)>,
    /// Labels of the levels whose domain the pods of an instance of a shared template share.
    together: Vec<&'m str>,
}

/// A level at which a domain is to be kept.
#[derive(Debug, Clone, Copy)]
struct Bound {
    level: usize,
    /// Only the first pod of each instance counts.
    leader: bool,
    /// All instances share the domain, whatever their number.
    one: bool,
}

/// Which workloads carry a condition on other pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Those whose template several instances share; others are kept in place by their domain.
    Shared,
    /// The same, and only the part that answers for the instance.
    SharedFirst,
    /// Those with accelerators.
    Accelerated,
    /// All parts but the first of instances that share their templates.
    Followers,
}

/// A condition on the pods of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodTerm<'m> {
    /// The node label of the level.
    pub topology: &'m str,
    /// Which pods.
    pub pods: Pods<'m>,
    /// Such a pod must be there; else none may be.
    pub near: bool,
}

/// Pods that a condition speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pods<'m> {
    /// Those of a role of the same group; of the own role that are near, the leader of the instance.
    Role(&'m str),
    /// Those with accelerators of all other groups, in every namespace.
    OtherGroups,
    /// Those of the same instance: of a part, or all of them.
    Instance(Option<&'m str>),
    /// Those of the other instances of the same role.
    OtherInstances,
}

/// An even spread over the domains of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread<'m> {
    /// The node label of the level.
    pub topology: &'m str,
    /// Largest difference between two domains.
    pub max_skew: u32,
    /// Least number of domains.
    pub domains: Option<u32>,
    /// Required; else preferred.
    pub required: bool,
}

impl<'m> Bounds<'m> {
    /// The level of the narrowest clause that binds a part. Of a shared template only clauses
    /// count that put all instances into one domain.
    pub fn level(&self, first: bool, shared: bool) -> Option<usize> {
        self.levels.iter().filter(|b| (first || !b.leader) && (b.one || !shared)).map(|b| b.level).max()
    }

    /// The conditions of a part on other pods.
    pub fn pod_terms(&self, role: &'m check::Role, index: usize, shared: bool) -> Vec<PodTerm<'m>> {
        let accelerated = role.parts[index].pod.gpus > 0;
        let applies = |scope: Scope| match scope {
            Scope::Shared => shared,
            Scope::SharedFirst => shared && index == 0,
            Scope::Accelerated => accelerated,
            Scope::Followers => shared && index > 0,
        };
        let terms = self.pods.iter().filter(|(scope, _)| applies(*scope)).map(|(_, term)| term.clone());
        terms.chain(self.with_own(role, index)).collect()
    }

    /// What keeps the pods of an instance together where no domain can be named: they follow the
    /// part that comes first, and that part, made anew, follows those that still run. Were all
    /// alike, a worker could be first and go where the leader may not.
    fn with_own(&self, role: &'m check::Role, index: usize) -> Vec<PodTerm<'m>> {
        let anchor = anchor(role);
        let part = (index != anchor).then(|| role.parts[anchor].kind.name());
        self.together.iter().map(|topology| PodTerm { topology, pods: Pods::Instance(part), near: true }).collect()
    }

    /// How a part of a shared template is spread: of an instance from one set of templates only one part counts.
    pub fn spread_of(&self, role: &check::Role, index: usize) -> Vec<Spread<'m>> {
        if role.form != Form::InstanceSet {
            return self.spread.clone();
        }
        let counted = if self.together.is_empty() { 0 } else { anchor(role) };
        if index == counted { self.spread.clone() } else { Vec::new() }
    }
}

/// The part of an instance that others follow: the first that waits for no other part.
fn anchor(role: &check::Role) -> usize {
    role.parts.iter().position(|part| part.after.is_empty()).unwrap_or(0)
}

/// The levels of the inventory, as pod affinities see them.
#[derive(Debug)]
pub struct Topology<'m> {
    /// The machines.
    pub inventory: &'m Inventory,
    /// For each level whether its label alone tells the domains apart.
    distinct: Vec<bool>,
}

impl<'m> Topology<'m> {
    /// Looks at all domains once.
    pub fn new(inventory: &'m Inventory) -> Self {
        Topology { inventory, distinct: (0..inventory.levels.len()).map(|l| inventory.is_distinct(l)).collect() }
    }
}

/// The bounds of every role of a group.
pub fn bounds<'m>(fitted: &'m Fitted, group: usize, topology: &Topology<'m>) -> Vec<Bounds<'m>> {
    let model = &fitted.model.groups[group];
    let mut all: Vec<Bounds> = model.roles.iter().map(|_| Bounds::default()).collect();
    for clause in &model.clauses {
        eligibility(&mut all, clause, topology.inventory);
    }
    let Some(problem) = fitted.problem.groups.get(group) else { return all };
    for clause in &problem.clauses {
        match clause.prefer {
            None => require(&mut all, model, &clause.kind, topology),
            Some(_) => wish(&mut all, &clause.kind, topology),
        }
    }
    for edge in &problem.edges {
        if let Some(level) = edge.floor.and_then(|floor| floor_level(&fitted.problem, floor)) {
            for role in [edge.from, edge.to] {
                all[role].levels.push(Bound { level, leader: true, one: true });
            }
        }
    }
    all
}

/// The widest level from which on every narrower one has at least this link.
fn floor_level(problem: &place::Problem, floor: crate::link::Link) -> Option<usize> {
    let good = problem.links.iter().rev().take_while(|l| **l >= floor).count();
    (good > 0).then(|| problem.links.len() - good)
}

fn require<'m>(all: &mut [Bounds<'m>], group: &'m check::Group, kind: &ClauseKind, topology: &Topology<'m>) {
    let mut bind = |role: usize, level: usize, leader: bool, one: bool| {
        all[role].levels.push(Bound { level, leader, one });
    };
    match kind {
        ClauseKind::Instances { role, level } => {
            bind(*role, *level, false, false);
            let source = &group.roles[*role];
            if source.form == Form::LeaderWorkerSet && !source.by_instance() {
                // Leaders take their nodes; workers take theirs, where their leader is.
                all[*role].by_name |= group.pin != Pin::None;
                pod_term(&mut all[*role], Scope::Followers, topology, *level, Pods::Role(&source.name), true);
            }
            let label = &topology.inventory.levels[*level].label;
            let several = source.form == Form::InstanceSet;
            if several && topology.distinct[*level] && !all[*role].together.contains(&label.as_str()) {
                all[*role].together.push(label);
            }
        }
        ClauseKind::Together { roles, level } => roles.iter().for_each(|r| bind(*r, *level, false, true)),
        ClauseKind::Cells { shares, level } => shares.iter().for_each(|(r, _)| bind(*r, *level, false, false)),
        ClauseKind::Near { role, to, level } => {
            bind(*role, *level, true, false);
            bind(*to, *level, true, false);
            pod_term(&mut all[*role], Scope::SharedFirst, topology, *level, Pods::Role(&group.roles[*to].name), true);
        }
        ClauseKind::Spread { role, level, max_skew, at_least } => {
            bind(*role, *level, true, false);
            let required = max_skew.is_some() || at_least.is_some();
            let spread = spread(topology, *level, max_skew.unwrap_or(1), *at_least, required);
            all[*role].spread.push(spread);
        }
        ClauseKind::Apart { role, from, level } => {
            let other = from.unwrap_or(*role);
            for (one, two) in [(*role, other), (other, *role)] {
                all[one].levels.push(Bound { level: *level, leader: false, one: false });
                let own = one == two && group.roles[one].form == Form::InstanceSet;
                let others = if own { Pods::OtherInstances } else { Pods::Role(&group.roles[two].name) };
                pod_term(&mut all[one], Scope::Shared, topology, *level, others, false);
            }
        }
        ClauseKind::Exclusive { level } => {
            for (bounds, _) in all.iter_mut().zip(&group.roles).filter(|(_, r)| r.gpus() > 0) {
                bounds.levels.push(Bound { level: *level, leader: false, one: false });
                pod_term(bounds, Scope::Accelerated, topology, *level, Pods::OtherGroups, false);
            }
        }
        ClauseKind::Survive { count, level } => {
            for (bounds, role) in all.iter_mut().zip(&group.roles) {
                bounds.levels.push(Bound { level: *level, leader: false, one: false });
                if !role.by_instance() {
                    bounds.spread.push(spread(topology, *level, 1, Some(count.saturating_add(1)), true));
                }
            }
        }
    }
}

/// Of the preferences only the spread of a shared template has a scheduler's counterpart that
/// does not follow from the planned nodes.
fn wish<'m>(all: &mut [Bounds<'m>], kind: &ClauseKind, topology: &Topology<'m>) {
    if let ClauseKind::Spread { role, level, max_skew, .. } = kind {
        all[*role].spread.push(spread(topology, *level, max_skew.unwrap_or(1), None, false));
    }
}

fn spread<'m>(
    topology: &Topology<'m>,
    level: usize,
    max_skew: u32,
    domains: Option<u32>,
    required: bool,
) -> Spread<'m> {
    Spread { topology: &topology.inventory.levels[level].label, max_skew: max_skew.max(1), domains, required }
}

/// Adds a condition on other pods, where the label of the level is good enough for one.
fn pod_term<'m>(
    bounds: &mut Bounds<'m>,
    scope: Scope,
    topology: &Topology<'m>,
    level: usize,
    pods: Pods<'m>,
    near: bool,
) {
    let term = PodTerm { topology: &topology.inventory.levels[level].label, pods, near };
    if topology.distinct[level] && !bounds.pods.contains(&(scope, term.clone())) {
        bounds.pods.push((scope, term));
    }
}

/// `on` and `not on`, of pools and labels.
fn eligibility<'m>(all: &mut [Bounds<'m>], clause: &'m check::Clause, inventory: &'m Inventory) {
    let (roles, terms) = match &clause.kind {
        check::ClauseKind::Pool { roles, not, pools } => {
            let pools = pools.iter().filter_map(|(name, _)| inventory.pools.iter().find(|p| p.name == *name));
            let labels: Vec<Term> = pools.map(|p| p.labels.iter().map(|(k, v)| one(k, v)).collect()).collect();
            if labels.iter().any(Vec::is_empty) {
                roles.iter().for_each(|r| all[*r].by_name |= clause.prefer.is_none());
                return;
            }
            (roles, if *not { without(&labels) } else { labels })
        }
        check::ClauseKind::Label { roles, not, key, values } => {
            let values = values.iter().map(|v| Cow::Borrowed(v.as_str())).collect();
            (roles, vec![vec![Expression { key, values, not: *not }]])
        }
        check::ClauseKind::Instances { .. }
        | check::ClauseKind::Together { .. }
        | check::ClauseKind::Cells { .. }
        | check::ClauseKind::Near { .. }
        | check::ClauseKind::Spread { .. }
        | check::ClauseKind::Apart { .. }
        | check::ClauseKind::Exclusive { .. }
        | check::ClauseKind::Survive { .. } => return,
    };
    for role in roles {
        match clause.prefer {
            None => cross(&mut all[*role].eligible, &terms),
            Some(weight) => {
                all[*role].preferred.extend(terms.iter().map(|t| (weight.clamp(1, 100), t.clone())));
            }
        }
    }
}

fn one<'m>(key: &'m str, value: &'m str) -> Expression<'m> {
    Expression { key, values: vec![Cow::Borrowed(value)], not: false }
}

/// The nodes that lack at least one label of each of these pools.
fn without<'m>(pools: &[Term<'m>]) -> Vec<Term<'m>> {
    let mut terms = Vec::new();
    for pool in pools {
        let lacking = |e: &Expression<'m>| vec![Expression { not: true, ..e.clone() }];
        cross(&mut terms, &pool.iter().map(lacking).collect::<Vec<_>>());
    }
    terms
}
