//! What each workload may take: so many pods of one size on these nodes.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::check::Form;
use crate::fit::tolerated;
use crate::inventory::Inventory;
use crate::place::Problem;
use crate::plan::affinity::{Expression, HOSTNAME, Site, Term, Toleration};
use crate::plan::kept::History;
use crate::plan::pins::{PodTerm, Pods};
use crate::plan::{Part, Plan, Role, Unit};

/// Fields of a PodSpec that decide where a pod runs. Where a source sets one, nothing is known of
/// the nodes.
const SCHEDULING: [&str; 7] = [
    "affinity",
    "nodeName",
    "nodeSelector",
    "schedulerName",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
];

/// What the pods of a part of a unit may take.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Group, role, unit and part in the plan.
    pub at: [usize; 4],
    /// Pods that there are at once, without those that a rollout adds.
    pub demand: i64,
    /// Pods that there are at most.
    pub most: i64,
    /// What each of them requests.
    pub request: Vec<i64>,
    /// The nodes that they may be given.
    pub nodes: Rc<Vec<usize>>,
    /// Levels whose domains they share with no accelerator pods of other groups.
    pub exclusive: Vec<usize>,
    /// The affinity stays as it is.
    pub kept: bool,
    /// The source itself says where the pods run.
    pub own: bool,
    /// They also depend on where other pods are.
    pub dependent: Dependence,
}

/// How the nodes of a pod depend on other pods of its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dependence {
    /// Not at all.
    Free,
    /// They are spread over the domains of a level: largest difference, least number.
    Spread(usize, i64, usize),
    /// No two of them in one domain of a level.
    Apart(usize),
    /// So many of them in the domain of a level that the leader of their instance is in, whose
    /// claim stands so far before this one.
    Follow(usize, i64, usize),
    /// In a way that nothing is proved about.
    Other,
}

/// The nodes by label, to find those of an affinity without looking at all of them.
pub(super) struct Atlas<'p> {
    inventory: &'p Inventory,
    by_label: BTreeMap<&'p str, BTreeMap<&'p str, Vec<usize>>>,
    known: BTreeMap<Admission, Rc<Vec<usize>>>,
}

/// Everything that decides which nodes take a pod, as text.
type Admission = String;

impl<'p> Atlas<'p> {
    pub(super) fn new(inventory: &'p Inventory) -> Self {
        let mut by_label: BTreeMap<&str, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
        let keys = inventory.levels.iter().map(|level| level.label.as_str());
        for key in keys.chain([HOSTNAME, inventory.gpu_label.as_str()]) {
            let values = by_label.entry(key).or_default();
            if values.is_empty() {
                for (index, node) in inventory.nodes.iter().enumerate() {
                    let value = value(node, key);
                    value.into_iter().for_each(|v| values.entry(v).or_default().push(index));
                }
            }
        }
        Atlas { inventory, by_label, known: BTreeMap::new() }
    }

    /// The claim of a part of a unit as its affinity is now.
    pub(super) fn claim(&mut self, plan: &Plan<'_>, problem: &Problem, at: [usize; 4]) -> Claim {
        let [g, r, u, p] = at;
        let role = &plan.groups[g].roles[r];
        let (unit, part) = (&role.units[u], &role.parts[p]);
        let site = &unit.sites[p];
        let own = places_itself(part);
        let demand = pods(role, unit, part);
        let first: usize = role.source.parts[..p].iter().map(|part| part.count as usize).sum();
        Claim {
            at,
            demand,
            most: demand + i64::from(role.source.form == Form::Deployment && part.source.pod.gpus == 0),
            request: problem.groups[g].roles[r].pods.get(first).map_or_else(Vec::new, |pod| pod.request.clone()),
            nodes: self.nodes(site, part, own),
            exclusive: site.pods.iter().filter_map(|term| self.exclusive(term)).collect(),
            // To change what stays would restart pods.
            kept: site.history == History::Kept,
            own,
            dependent: self.dependence(site, role, p),
        }
    }

    pub(super) fn nodes(&mut self, site: &Site<'_>, part: &Part<'_>, own: bool) -> Rc<Vec<usize>> {
        let user = &part.source.pod.tolerations;
        let key = if own { String::new() } else { format!("{:?} {:?} {user:?}", site.required, site.tolerations) };
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let takes = |node: &usize| {
            let node = &self.inventory.nodes[*node];
            let repels = |taint: &&crate::inventory::Taint| {
                taint.effect != "PreferNoSchedule"
                    && !site.tolerations.contains(&Toleration::of(taint))
                    && !tolerated(taint, user)
            };
            node.schedulable && (own || !node.taints.iter().any(|taint| repels(&taint)))
        };
        let found: Vec<usize> = match &site.required[..] {
            terms if own || terms.is_empty() => (0..self.inventory.nodes.len()).filter(takes).collect(),
            terms => {
                let mut all: Vec<usize> = terms.iter().flat_map(|term| self.admitted(term)).collect();
                all.sort_unstable();
                all.dedup();
                all.into_iter().filter(takes).collect()
            }
        };
        let found = Rc::new(found);
        self.known.insert(key, found.clone());
        found
    }

    /// The nodes that satisfy a term: the fewest that an index gives, then one by one.
    fn admitted(&self, term: &Term<'_>) -> Vec<usize> {
        let listed = |e: &Expression<'_>| -> Option<Vec<usize>> {
            let values = self.by_label.get(e.key).filter(|_| !e.not)?;
            Some(e.values.iter().filter_map(|v| values.get(v.as_ref())).flatten().copied().collect())
        };
        let fewest = term.iter().filter_map(listed).min_by_key(Vec::len);
        let candidates = fewest.unwrap_or_else(|| (0..self.inventory.nodes.len()).collect());
        let holds = |node: usize| {
            term.iter().all(|e| {
                let value = value(&self.inventory.nodes[node], e.key);
                value.is_some_and(|value| e.values.iter().any(|v| v == value)) != e.not
            })
        };
        candidates.into_iter().filter(|node| holds(*node)).collect()
    }

    fn level(&self, label: &str) -> Option<usize> {
        self.inventory.levels.iter().position(|level| level.label == label)
    }

    /// The level of a label, where its values alone tell the domains apart.
    fn distinct(&self, label: &str) -> Option<usize> {
        let level = self.level(label)?;
        (self.by_label.get(label)?.len() == self.inventory.domains[level].len()).then_some(level)
    }

    fn exclusive(&self, term: &PodTerm<'_>) -> Option<usize> {
        (term.pods == Pods::OtherGroups && !term.near).then(|| self.level(term.topology))?
    }

    fn dependence(&self, site: &Site<'_>, role: &Role<'_>, part: usize) -> Dependence {
        let name = role.source.name.as_str();
        let pods: Vec<&PodTerm> = site.pods.iter().filter(|term| term.pods != Pods::OtherGroups).collect();
        let spread: Vec<_> = site.spread.iter().filter(|spread| spread.required).collect();
        match (&pods[..], &spread[..]) {
            ([], []) => Some(Dependence::Free),
            ([], [one]) => self
                .distinct(one.topology)
                .map(|level| Dependence::Spread(level, i64::from(one.max_skew), one.domains.unwrap_or(1) as usize)),
            ([one], []) if one.pods == Pods::Role(name) && !one.near => {
                self.distinct(one.topology).map(Dependence::Apart)
            }
            ([one], []) if one.pods == Pods::Role(name) && part > 0 => self
                .distinct(one.topology)
                .map(|level| Dependence::Follow(level, i64::from(role.source.parts[part].count), part)),
            _ => None,
        }
        .unwrap_or(Dependence::Other)
    }
}

/// Whether the source itself says where the pods of a part run.
pub(super) fn places_itself(part: &Part<'_>) -> bool {
    SCHEDULING.iter().any(|field| part.source.pod.overrides.at(&[field]).is_some())
}

/// The value of a label of a node.
fn value<'n>(node: &'n crate::inventory::Node, key: &str) -> Option<&'n str> {
    if key == HOSTNAME { Some(&node.hostname) } else { node.labels.get(key).map(String::as_str) }
}

fn pods(role: &Role<'_>, unit: &Unit<'_>, part: &Part<'_>) -> i64 {
    let instances = if unit.instance.is_some() { 1 } else { role.source.replicas.max };
    i64::from(instances) * i64::from(part.source.count)
}
