//! A problem made flat: roles, instances and pods by one number each, and clauses as the rules that
//! the search keeps.

use std::collections::BTreeMap;

use super::topology::Topology;
use super::{Group, Pod, Problem};
use crate::link::Link;

mod preferences;
mod rules;

/// A problem with everything that the search looks up.
pub(super) struct Index<'p> {
    pub problem: &'p Problem,
    pub topology: Topology,
    /// Number of resources.
    pub columns: usize,
    /// Distinct pods.
    pub classes: Vec<&'p Pod>,
    pub groups: Vec<GroupRow>,
    pub roles: Vec<RoleRow<'p>>,
    pub instances: Vec<InstanceRow>,
    /// Number of pods.
    pub pods: usize,
    pub scopes: Vec<Scope>,
    pub aparts: Vec<Apart>,
    pub spreads: Vec<Spread>,
    pub nears: Vec<Near>,
    pub survivals: Vec<Survival>,
    pub floors: Vec<Floor>,
    /// Role and level of each table of touched domains.
    pub touches: Vec<(usize, usize)>,
    /// Role and level of each table of leaders by domain.
    pub leaders: Vec<(usize, usize)>,
    /// Levels of which some group wants domains for itself, or would like to.
    pub exclusive: Vec<usize>,
    /// By set of machines that somebody prefers, for each level the domains without one of them.
    pub without: BTreeMap<usize, Vec<Vec<bool>>>,
    /// The level beside that of the machines whose domains are worth keeping whole.
    pub grain: Option<usize>,
    /// Machines, and domains of the grain, that nobody uses before anything is placed.
    pub whole: (Vec<bool>, Vec<bool>),
    /// For each level whether a domain has a machine without free accelerators.
    pub plain: Vec<Vec<bool>>,
    watches_users: bool,
}

/// A group: its roles and what concerns it as a whole.
pub(super) struct GroupRow {
    pub roles: std::ops::Range<usize>,
    pub instances: std::ops::Range<usize>,
    /// Index in [`Index::exclusive`] and the clause that says so.
    pub exclusive: Vec<(usize, usize)>,
    /// Weighted traffic: two roles and the weight.
    pub edges: Vec<(usize, usize, i64)>,
    /// The first group that differs from this one in nothing but its name. Groups that stood
    /// somewhere are like no other.
    pub shape: usize,
}

/// A role.
pub(super) struct RoleRow<'p> {
    pub role: &'p super::Role,
    pub group: usize,
    pub first_instance: usize,
    /// Class of each pod of an instance.
    pub classes: Vec<usize>,
    /// How often each class occurs in an instance, largest accelerator count first.
    pub demand: Vec<(usize, i64)>,
    /// Whether a pod of it uses accelerators, pod by pod.
    pub accelerated: Vec<bool>,
    pub aparts: Vec<usize>,
    pub spreads: Vec<usize>,
    pub nears: Vec<usize>,
    pub survivals: Vec<usize>,
    /// Sets of machines that its pods prefer, with the weights.
    pub preferences: Vec<(usize, i64)>,
    pub floors: Vec<usize>,
    pub touches: Vec<usize>,
    pub leaders: Vec<usize>,
    /// Level of its `instances within`, 0 when there is none.
    pub level: usize,
}

/// An instance.
pub(super) struct InstanceRow {
    pub role: usize,
    pub group: usize,
    /// Its number in the role.
    pub number: usize,
    pub first_pod: usize,
    /// Scopes of all its pods.
    pub scopes: Vec<usize>,
    /// Scopes of its leader alone.
    pub leader_scopes: Vec<usize>,
    /// Where it was, when it was somewhere with all its pods.
    pub previous: Option<Vec<usize>>,
    /// Whether it was anywhere, so that another place is a move.
    pub moves: bool,
}

/// What made a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Clause(usize),
    Edge(usize),
}

/// Pods that must share a domain.
pub(super) struct Scope {
    pub level: usize,
    pub source: Source,
    /// The instances that it covers, in runs of one role: role, first instance, count.
    pub runs: Vec<(usize, usize, usize)>,
    /// It covers leaders only.
    pub leaders: bool,
    /// Number of pods that it covers.
    pub pods: u32,
}

/// Instances that must not touch one domain.
pub(super) struct Apart {
    pub roles: (usize, usize),
    pub level: usize,
    pub clause: usize,
    /// Tables of the two roles.
    pub touches: (usize, usize),
}

/// Instances over domains.
pub(super) struct Spread {
    pub role: usize,
    pub max_skew: Option<i64>,
    pub at_least: i64,
    pub clause: usize,
    pub leaders: usize,
    /// Number of domains that count.
    pub domains: i64,
    pub level: usize,
}

/// Leaders that need another role's leader beside them.
pub(super) struct Near {
    pub role: usize,
    pub to: usize,
    pub level: usize,
    pub clause: usize,
    /// Tables of the two roles.
    pub leaders: (usize, usize),
}

/// Losses that every role must outlive.
pub(super) struct Survival {
    pub count: u32,
    pub level: usize,
    pub clause: usize,
}

/// A link floor that is not the same as sharing a domain of one level.
pub(super) struct Floor {
    pub roles: (usize, usize),
    pub floor: Link,
    pub edge: usize,
}

impl<'p> Index<'p> {
    pub fn new(problem: &'p Problem) -> Self {
        let topology = Topology::new(problem);
        let grain = topology.distinct.iter().rev().nth(1).copied().filter(|l| *l > 0);
        let empty: Vec<bool> = problem.machines.iter().map(|m| m.holders.is_empty()).collect();
        let mut grains = vec![true; grain.map_or(0, |level| topology.sizes[level])];
        for (m, empty) in empty.iter().enumerate() {
            if let Some(level) = grain {
                grains[topology.domain(m, level)] &= empty;
            }
        }
        let mut plain: Vec<Vec<bool>> = topology.sizes.iter().map(|n| vec![false; *n]).collect();
        let has_gpu = |m: &super::Machine| m.free.get(problem.gpu).is_some_and(|n| *n > 0);
        for (m, _) in problem.machines.iter().enumerate().filter(|(_, machine)| !has_gpu(machine)) {
            topology.path(m).iter().zip(&mut plain).for_each(|(domain, plain)| plain[*domain as usize] = true);
        }
        let prefers = |c: &super::Clause| c.prefer.is_some() && matches!(c.kind, super::ClauseKind::Exclusive { .. });
        let watches_users = problem.groups.iter().flat_map(|g| &g.clauses).any(prefers);
        let mut index = Index {
            problem,
            topology,
            grain,
            whole: (empty, grains),
            plain,
            watches_users,
            columns: problem.resources.len(),
            classes: Vec::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            instances: Vec::new(),
            pods: 0,
            scopes: Vec::new(),
            aparts: Vec::new(),
            spreads: Vec::new(),
            nears: Vec::new(),
            survivals: Vec::new(),
            floors: Vec::new(),
            touches: Vec::new(),
            leaders: Vec::new(),
            exclusive: Vec::new(),
            without: BTreeMap::new(),
        };
        let (mut known, mut shapes) = (BTreeMap::new(), BTreeMap::new());
        for (g, group) in problem.groups.iter().enumerate() {
            index.add_roles(g, group, &mut known);
            index.add_preferences(g);
            index.groups[g].shape = *shapes.entry(index.shape(g)).or_insert(g);
            for (c, clause) in group.clauses.iter().enumerate() {
                if clause.prefer.is_none() {
                    index.add_clause(g, c, &clause.kind);
                } else if let super::ClauseKind::Exclusive { level } = clause.kind {
                    index.watch(level + 1);
                }
            }
            for (e, edge) in group.edges.iter().enumerate() {
                if let Some(floor) = edge.floor {
                    index.add_floor(g, e, (edge.from, edge.to), floor);
                }
            }
        }
        index
    }

    /// Everything about a group that matters, as a text to compare.
    fn shape(&self, g: usize) -> String {
        let (row, group) = (&self.groups[g], &self.problem.groups[g]);
        let stood = row.instances.clone().any(|i| self.instances[i].moves).then_some(g);
        let roles: Vec<_> = row.roles.clone().map(|r| (&self.roles[r].classes, self.roles[r].role.instances)).collect();
        let clauses: Vec<_> = group.clauses.iter().map(|c| (&c.kind, c.prefer)).collect();
        let edges: Vec<_> = group.edges.iter().map(|e| (e.from, e.to, e.floor, e.weight)).collect();
        let preferences: Vec<_> = group.preferences.iter().map(|p| (&p.roles, p.machines, p.weight)).collect();
        format!("{:?}", (stood, roles, clauses, edges, preferences, group.locality))
    }

    /// Whether some group would like domains for itself, without need.
    pub fn watches_users(&self) -> bool {
        self.watches_users
    }

    /// Whether pods of a class use accelerators.
    pub fn accelerated(&self, class: usize) -> bool {
        is_accelerated(self.problem, self.classes[class])
    }

    /// The pods of an instance.
    pub fn pods_of(&self, instance: usize) -> std::ops::Range<usize> {
        let row = &self.instances[instance];
        row.first_pod..row.first_pod + self.roles[row.role].classes.len()
    }

    /// Whether pods of a class may stand on a machine as far as it alone is concerned.
    pub fn admits(&self, class: usize, machine: usize) -> bool {
        let eligible = self.problem.eligible.get(self.classes[class].eligible);
        self.problem.machines[machine].closed.is_none()
            && eligible.and_then(|set| set.get(machine)).copied().unwrap_or(false)
    }

    fn add_roles(&mut self, g: usize, group: &'p Group, known: &mut BTreeMap<&'p Pod, usize>) {
        let (first_role, first_instance) = (self.roles.len(), self.instances.len());
        for role in &group.roles {
            let mut classes = Vec::new();
            let mut demand: BTreeMap<usize, i64> = BTreeMap::new();
            for pod in &role.pods {
                let class = *known.entry(pod).or_insert(self.classes.len());
                if class == self.classes.len() {
                    self.classes.push(pod);
                }
                classes.push(class);
                *demand.entry(class).or_default() += 1;
            }
            let mut demand: Vec<_> = demand.into_iter().collect();
            let gpus = |class: usize| self.classes[class].request.get(self.problem.gpu).copied().unwrap_or(0);
            demand.sort_by_key(|(class, _)| (std::cmp::Reverse(gpus(*class)), *class));
            let accelerated = role.pods.iter().map(|p| is_accelerated(self.problem, p)).collect();
            let row = RoleRow {
                role,
                group: g,
                first_instance: self.instances.len(),
                classes,
                demand,
                accelerated,
                aparts: Vec::new(),
                spreads: Vec::new(),
                nears: Vec::new(),
                survivals: Vec::new(),
                preferences: Vec::new(),
                floors: Vec::new(),
                touches: Vec::new(),
                leaders: Vec::new(),
                level: 0,
            };
            self.roles.push(row);
            for number in 0..role.instances {
                self.add_instance(g, role, number);
            }
        }
        let edges = group.edges.iter().map(|e| (first_role + e.from, first_role + e.to, i64::from(e.weight)));
        self.groups.push(GroupRow {
            roles: first_role..self.roles.len(),
            instances: first_instance..self.instances.len(),
            exclusive: Vec::new(),
            edges: edges.collect(),
            shape: g,
        });
    }

    fn add_instance(&mut self, group: usize, role: &super::Role, number: usize) {
        let before = role.previous.get(number).map(Vec::as_slice).unwrap_or_default();
        let machines = self.problem.machines.len();
        let all: Option<Vec<usize>> = before.iter().map(|m| m.filter(|m| *m < machines)).collect();
        self.instances.push(InstanceRow {
            role: self.roles.len() - 1,
            group,
            number,
            first_pod: self.pods,
            scopes: Vec::new(),
            leader_scopes: Vec::new(),
            previous: all.filter(|all| all.len() == role.pods.len() && !all.is_empty()),
            moves: !before.is_empty(),
        });
        self.pods += role.pods.len();
    }
}

fn is_accelerated(problem: &Problem, pod: &Pod) -> bool {
    pod.request.get(problem.gpu).is_some_and(|n| *n > 0)
}
