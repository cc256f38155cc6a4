//! Who starts when: dependency stages of all roles, and which groups are delivered together.

use std::collections::{BTreeMap, VecDeque};

use petgraph::Direction;
use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;

use crate::check::{Model, RoleId};
use crate::diag::{Code, Diagnostic, Session};
use crate::source::Span;

pub mod batches;

/// The stages of a model.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// For each group and role its stage, from 0: one more than the highest stage it waits for.
    pub stage: Vec<Vec<u32>>,
    /// For each group and role how many roles come before it, one after the other, in every step of
    /// the rollout that they share; 0 for roles that are updated alone.
    pub within: Vec<Vec<u32>>,
    /// Sets of groups that are tied by `after` and therefore delivered by one Application.
    pub applications: Vec<Application>,
}

/// Groups that are delivered together.
#[derive(Debug, Clone)]
pub struct Application {
    /// The name of its first group.
    pub name: String,
    /// Indices of its groups, ascending.
    pub groups: Vec<usize>,
}

/// A node is a role, or several that are updated in step; an edge leads to who waits.
type Graph = DiGraph<Vec<RoleId>, Span>;

/// Orders all roles. Cycles are reported, each with every edge; `None` when there is one.
pub fn stages(session: &mut Session, model: &Model) -> Option<Stages> {
    let roles = dependencies(model, false);
    let in_step = dependencies(model, true);
    if report_cycles(session, model, &roles) || report_cycles(session, model, &in_step) {
        return None;
    }
    let mut stages = Stages { stage: empty(model), within: empty(model), applications: applications(model) };
    for (node, longest) in longest_paths(&in_step)? {
        in_step[node].iter().for_each(|id| stages.stage[id.group][id.role] = longest);
    }
    for members in in_step.node_weights().filter(|members| members.len() > 1) {
        let internal = roles.filter_map(|_, id| members.contains(&id[0]).then(|| id.clone()), |_, span| Some(*span));
        for (node, longest) in longest_paths(&internal)? {
            internal[node].iter().for_each(|id| stages.within[id.group][id.role] = longest);
        }
    }
    Some(stages)
}

fn empty(model: &Model) -> Vec<Vec<u32>> {
    model.groups.iter().map(|g| vec![0; g.roles.len()]).collect()
}

/// For each node the edges of the longest path to it. `None` when there is a cycle.
fn longest_paths(graph: &Graph) -> Option<BTreeMap<NodeIndex, u32>> {
    let mut longest: BTreeMap<NodeIndex, u32> = BTreeMap::new();
    for node in toposort(graph, None).ok()? {
        let here = *longest.entry(node).or_default();
        for next in graph.neighbors(node) {
            let later = longest.entry(next).or_default();
            *later = (*later).max(here + 1);
        }
    }
    Some(longest)
}

/// For each group its stage when it starts as a whole: one more than the highest stage of the groups
/// that some role of it waits for.
///
/// # Errors
/// The groups that wait for each other, each with an `after` that says so.
pub fn group_stages(model: &Model) -> Result<Vec<u32>, Vec<(usize, Span)>> {
    let mut graph: DiGraph<usize, Span> = DiGraph::new();
    let nodes: Vec<NodeIndex> = (0..model.groups.len()).map(|group| graph.add_node(group)).collect();
    for (id, role) in model.roles() {
        for after in role.after.iter().filter(|after| after.role.group != id.group) {
            graph.update_edge(nodes[after.role.group], nodes[id.group], after.span);
        }
    }
    let Ok(order) = toposort(&graph, None) else {
        let component =
            kosaraju_scc(&graph).into_iter().filter(|c| c.len() > 1).min_by_key(|c| c.iter().min().copied());
        let mut component = component.unwrap_or_default();
        component.sort();
        let inside = |node: &NodeIndex| {
            let mut edges =
                graph.edges_directed(*node, Direction::Incoming).filter(|e| component.contains(&e.source()));
            edges.next().map(|edge| (graph[*node], *edge.weight()))
        };
        return Err(component.iter().filter_map(inside).collect());
    };
    let mut stages = vec![0; nodes.len()];
    for node in order {
        for next in graph.neighbors(node) {
            stages[graph[next]] = stages[graph[next]].max(stages[graph[node]] + 1);
        }
    }
    Ok(stages)
}

fn report_cycles(session: &mut Session, model: &Model, graph: &Graph) -> bool {
    let paths = kosaraju_scc(graph).into_iter().filter_map(|component| cycle(graph, &component));
    let cycles: Vec<Diagnostic> = paths.map(|path| report(model, graph, &path)).collect();
    let any = !cycles.is_empty();
    session.problems.extend(cycles);
    any
}

/// An edge leads from a role to one that waits for it. With `in_step`, roles of one rollout are one
/// node, and what they wait for among themselves holds inside each of its steps.
fn dependencies(model: &Model, in_step: bool) -> Graph {
    let mut graph = Graph::new();
    let mut nodes: BTreeMap<RoleId, NodeIndex> = BTreeMap::new();
    for (group, source) in model.groups.iter().enumerate().filter(|_| in_step) {
        for coordination in source.coordinations.iter().filter(|c| c.in_step()) {
            let members: Vec<RoleId> =
                coordination.roles.iter().map(|(role, _)| RoleId { group, role: *role }).collect();
            let node = graph.add_node(members.clone());
            nodes.extend(members.into_iter().map(|id| (id, node)));
        }
    }
    for (id, _) in model.roles() {
        nodes.entry(id).or_insert_with(|| graph.add_node(vec![id]));
    }
    for (id, role) in model.roles() {
        for after in &role.after {
            if let (Some(before), Some(this)) = (nodes.get(&after.role), nodes.get(&id))
                && (before != this || !in_step)
            {
                graph.add_edge(*before, *this, after.span);
            }
        }
    }
    graph
}

/// A shortest cycle through the first role of a strongly connected component, if it has one.
fn cycle(graph: &Graph, component: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
    let start = component.iter().copied().min()?;
    let mut from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node) {
            if next == start {
                let mut path = vec![node];
                while let Some(before) = path.last().and_then(|n| from.get(n)) {
                    path.push(*before);
                }
                path.reverse();
                return Some(path);
            }
            if component.contains(&next) && next != start && !from.contains_key(&next) {
                from.insert(next, node);
                queue.push_back(next);
            }
        }
    }
    None
}

/// One diagnostic for a cycle, with a label on every `after` in it.
fn report(model: &Model, graph: &Graph, path: &[NodeIndex]) -> Diagnostic {
    let across = path.iter().any(|n| graph[*n][0].group != graph[path[0]][0].group);
    let name = |node: NodeIndex| {
        let name = |id: &RoleId| match across {
            true => format!("{}.{}", model.group_of(*id).name, model.role(*id).name),
            false => model.role(*id).name.clone(),
        };
        graph[node].iter().map(name).collect::<Vec<String>>().join("`, `")
    };
    // Read as people write it: who waits comes first.
    let waiting: Vec<NodeIndex> = path.iter().rev().copied().collect();
    let steps: Vec<(NodeIndex, NodeIndex)> =
        waiting.iter().copied().zip(waiting.iter().copied().cycle().skip(1)).take(waiting.len()).collect();
    let chain: Vec<String> = waiting.iter().chain(waiting.first()).map(|n| format!("`{}`", name(*n))).collect();
    let mut labels = steps.iter().filter_map(|(waits, before)| {
        let edge = graph.edges_connecting(*before, *waits).next()?;
        Some((*edge.weight(), format!("`{}` waits for `{}`", name(*waits), name(*before))))
    });
    let message = format!("roles wait for each other: {}", chain.join(" → "));
    // Every step of a cycle is an edge.
    let (span, first) = labels.next().unwrap_or_else(|| (model.role(graph[path[0]][0]).span, String::new()));
    let mut problem = Diagnostic::new(Code::DependencyCycle, span, message).here(first);
    for (span, text) in labels {
        problem = problem.label(span, text);
    }
    let in_step = path.iter().any(|node| graph[*node].len() > 1);
    problem.help(match in_step {
        false => "remove one of these `after`",
        true => "remove one of these `after`, or the `rollout` and `scale` of the roles that are brought in step",
    })
}

fn applications(model: &Model) -> Vec<Application> {
    let mut tied = UnionFind::<usize>::new(model.groups.len());
    for (id, role) in model.roles() {
        for after in &role.after {
            tied.union(id.group, after.role.group);
        }
    }
    let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for group in 0..model.groups.len() {
        sets.entry(tied.find_mut(group)).or_default().push(group);
    }
    let mut applications: Vec<Application> = sets
        .into_values()
        .filter_map(|groups| Some(Application { name: model.groups.get(*groups.first()?)?.stem.clone(), groups }))
        .collect();
    applications.sort_by_key(|a| a.groups.first().copied());
    applications
}
