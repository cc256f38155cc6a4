//! Nodes, pods, and who stands where.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::{self, Reason};
use super::score;
use super::terms::Surroundings;
use super::{Node, Pod};

/// What a container is taken to request where it says nothing, for scores alone: a tenth of a core
/// and 200 MiB.
const ASSUMED: [i64; 2] = [100, 200 << 20];

/// The scheduler with its nodes and all pods that it will see.
#[derive(Debug)]
pub struct Scheduler<'c> {
    pub(super) nodes: &'c [Node],
    pub(super) pods: &'c [Pod],
    resources: Vec<&'c str>,
    /// For each node and resource.
    allocatable: Vec<Vec<i64>>,
    /// For each pod and resource.
    requests: Vec<Vec<i64>>,
    /// For each pod and node what does not depend on other pods.
    refused: Vec<Vec<Option<Reason>>>,
}

/// Which pods stand where.
#[derive(Debug, Clone)]
pub struct State<'s, 'c> {
    pub(super) scheduler: &'s Scheduler<'c>,
    /// For each node and resource.
    used: Vec<Vec<i64>>,
    /// For each node processor and memory, where pods that ask for none count too.
    assumed: Vec<[i64; 2]>,
    /// For each pod its node.
    places: Vec<Option<usize>>,
    /// The pods that have a node, in the order of binding.
    bound: Vec<usize>,
}

/// What the scheduler finds for a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// A gate is closed.
    Gated,
    /// No node: for each of them why.
    Pending(Vec<Vec<Reason>>),
    /// Nodes.
    Fits {
        /// All that pass the filters, in their order.
        feasible: Vec<usize>,
        /// Those of the highest score: the scheduler takes one of them by chance.
        best: Vec<usize>,
    },
}

impl Attempt {
    /// What the scheduler says: empty unless no node fits.
    pub fn message(&self) -> String {
        let Attempt::Pending(nodes) = self else { return String::new() };
        let mut counts: BTreeMap<&Reason, usize> = BTreeMap::new();
        nodes.iter().flatten().for_each(|reason| *counts.entry(reason).or_insert(0) += 1);
        let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        texts.sort();
        format!("0/{} nodes are available: {}.", nodes.len(), texts.join(", "))
    }
}

impl<'c> Scheduler<'c> {
    /// Looks once at what does not change while pods are bound.
    pub fn new(nodes: &'c [Node], pods: &'c [Pod]) -> Self {
        let names = pods.iter().flat_map(|pod| pod.requests.keys());
        let names: BTreeSet<&str> = names.map(String::as_str).chain(["cpu", "memory"]).collect();
        let resources: Vec<&str> = ["pods"].into_iter().chain(names.into_iter().filter(|n| *n != "pods")).collect();
        let amounts = |of: &BTreeMap<String, i64>| -> Vec<i64> {
            resources.iter().map(|resource| of.get(*resource).copied().unwrap_or(0)).collect()
        };
        let request = |pod: &Pod| {
            let mut request = amounts(&pod.requests);
            request[0] = 1;
            request
        };
        Scheduler {
            allocatable: nodes.iter().map(|node| amounts(&node.allocatable)).collect(),
            requests: pods.iter().map(request).collect(),
            refused: pods.iter().map(|pod| nodes.iter().map(|node| filter::labels(pod, node)).collect()).collect(),
            nodes,
            pods,
            resources,
        }
    }

    /// An empty cluster.
    pub fn start(&self) -> State<'_, 'c> {
        State {
            scheduler: self,
            used: vec![vec![0; self.resources.len()]; self.nodes.len()],
            assumed: vec![[0; 2]; self.nodes.len()],
            places: vec![None; self.pods.len()],
            bound: Vec::new(),
        }
    }

    /// Schedules pods in the order given, and those that found no node again whenever others have
    /// been bound, until nothing moves. `choose` gets the pod and what fits, and takes one of the
    /// feasible nodes.
    pub fn run(&self, order: &[usize], mut choose: impl FnMut(usize, &[usize], &[usize]) -> usize) -> State<'_, 'c> {
        let mut state = self.start();
        let mut waiting = order.to_vec();
        loop {
            let before = waiting.len();
            waiting.retain(|pod| match state.attempt(*pod) {
                Attempt::Fits { feasible, best } => {
                    let node = choose(*pod, &feasible, &best);
                    state.bind(*pod, node);
                    false
                }
                Attempt::Gated | Attempt::Pending(_) => true,
            });
            if waiting.len() == before {
                return state;
            }
        }
    }

    /// The nodes that a pod may be given as far as labels, taints and cordons tell.
    pub fn admitted(&self, pod: usize) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.refused[pod][*node].is_none()).collect()
    }

    fn column(&self, resource: &str) -> Option<usize> {
        self.resources.iter().position(|r| *r == resource)
    }
}

impl<'s, 'c> State<'s, 'c> {
    /// The node of each pod.
    pub fn places(&self) -> &[Option<usize>] {
        &self.places
    }

    pub(super) fn nodes(&self) -> &'c [Node] {
        self.scheduler.nodes
    }

    /// The pods that have a node, each with it.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&'c Pod, &'c Node)> + '_ {
        let node =
            |pod: &usize| self.places[*pod].map(|node| (&self.scheduler.pods[*pod], &self.scheduler.nodes[node]));
        self.bound.iter().filter_map(node)
    }

    /// Gives a pod a node, whatever it may think of it.
    pub fn bind(&mut self, pod: usize, node: usize) {
        let request = &self.scheduler.requests[pod];
        self.used[node].iter_mut().zip(request).for_each(|(used, amount)| *used += amount);
        let assumed = self.assumed_of(pod);
        self.assumed[node].iter_mut().zip(assumed).for_each(|(used, amount)| *used += amount);
        self.places[pod] = Some(node);
        self.bound.push(pod);
    }

    /// The nodes that a pod may be given now.
    pub fn attempt(&self, pod: usize) -> Attempt {
        let wanted = &self.scheduler.pods[pod];
        if wanted.gated {
            return Attempt::Gated;
        }
        let around = Surroundings::of(self, wanted);
        let verdict = |node: usize| {
            if let Some(reason) = &self.scheduler.refused[pod][node] {
                return vec![reason.clone()];
            }
            let lacking = self.lacking(pod, node);
            if !lacking.is_empty() {
                return lacking;
            }
            filter::pods(wanted, &self.scheduler.nodes[node], &around).into_iter().collect()
        };
        let verdicts: Vec<Vec<Reason>> = (0..self.nodes().len()).map(verdict).collect();
        let feasible: Vec<usize> = (0..verdicts.len()).filter(|node| verdicts[*node].is_empty()).collect();
        if feasible.is_empty() {
            return Attempt::Pending(verdicts);
        }
        let best = if feasible.len() == 1 { feasible.clone() } else { score::best(self, pod, &feasible) };
        Attempt::Fits { feasible, best }
    }

    fn lacking(&self, pod: usize, node: usize) -> Vec<Reason> {
        let (all, used) = (&self.scheduler.allocatable[node], &self.used[node]);
        let short = |column: &usize| {
            let asked = self.scheduler.requests[pod][*column];
            asked > 0 && used[*column] + asked > all[*column]
        };
        let reason = |column: usize| match self.scheduler.resources[column] {
            "pods" => Reason::TooManyPods,
            resource => Reason::Insufficient(resource.to_owned()),
        };
        (0..all.len()).filter(short).map(reason).collect()
    }

    /// For processor and memory: what the node has, what its pods and this one use, and the same
    /// where pods that ask for none count too.
    pub(super) fn loads(&self, pod: usize, node: usize) -> [[i64; 3]; 2] {
        let assumed = self.assumed_of(pod);
        let load = |index: usize, resource: &str| {
            let Some(column) = self.scheduler.column(resource) else { return [0; 3] };
            let all = self.scheduler.allocatable[node][column];
            let used = self.used[node][column] + self.scheduler.requests[pod][column];
            [all, used, self.assumed[node][index] + assumed[index]]
        };
        [load(0, "cpu"), load(1, "memory")]
    }

    fn assumed_of(&self, pod: usize) -> [i64; 2] {
        let asked = |resource: &str| self.scheduler.pods[pod].requests.get(resource).copied().filter(|n| *n > 0);
        [asked("cpu").unwrap_or(ASSUMED[0]), asked("memory").unwrap_or(ASSUMED[1])]
    }
}
