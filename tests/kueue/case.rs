//! A case of Kueue's table in our terms.

use std::collections::{BTreeMap, BTreeSet};

use rbgc::link::Link;
use rbgc::place::{Clause, ClauseKind, Group, Machine, Pod, Problem, Role};
use rbgc::quantity::Quantity;
use rbgc::source::Span;
use serde_json::Value;

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Why a case is not compared at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Foreign {
    Refused,
    Nested,
    Uneven,
    Replacement,
    Affinity,
    Usage,
}

impl Foreign {
    /// The reason, as the document gives it.
    pub fn why(self) -> &'static str {
        match self {
            Foreign::Refused => {
                "The request is malformed in Kueue's terms (an unknown level, slices without a size or above the level asked for); sources cannot say it"
            }
            Foreign::Nested => {
                "Slices within slices (alpha behind the gate `TASMultiLayerTopology`): an instance has one `instances within`"
            }
            Foreign::Uneven => "Slices that do not divide the pods: all instances of a role are alike",
            Foreign::Replacement => {
                "It depends on a Workload object that waits for its failed node, which is a decision of Kueue's controller"
            }
            Foreign::Affinity => "It prefers nodes by a label that is no level: sources have no soft choice of nodes",
            Foreign::Usage => "What is in use is told by quotas of Kueue; an inventory tells it node by node",
        }
    }
}

/// A case that both sides understand.
pub struct Case<'v> {
    pub problem: Problem,
    /// Kueue's levels, widest first.
    pub levels: Vec<String>,
    /// Roles that Kueue packs together, as one.
    pub teams: Vec<Vec<usize>>,
    pub value: &'v Value,
}

pub fn sets(case: &Value) -> &[Value] {
    case["podSets"].as_array().map_or(&[], Vec::as_slice)
}

fn empty(value: &Value) -> bool {
    value.is_null()
        || value.as_array().is_some_and(Vec::is_empty)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The case in our terms, or why it has none.
pub fn translated(value: &Value) -> Result<Case<'_>, Foreign> {
    foreign(value)?;
    let levels: Vec<String> =
        value["levels"].as_array().unwrap().iter().map(|level| level.as_str().unwrap().to_owned()).collect();
    let resources = resources(value);
    let machines = machines(value, &levels, &resources);
    let mut ours = levels.clone();
    if ours.last().is_none_or(|level| level != HOSTNAME) {
        ours.push(HOSTNAME.into());
    }
    let group = group(value, &levels, &resources, &machines)?;
    let domains = (0..ours.len()).map(|l| {
        let count = machines.iter().filter_map(|m| m.domains[l]).max().map_or(0, |most| most + 1);
        (0..count).map(|d| d.to_string()).collect()
    });
    let problem = Problem {
        gpu: resources.len() - 1,
        links: vec![Link::Vpc; ours.len()],
        domains: domains.collect(),
        eligible: sets(value).iter().map(|set| eligible(value, set)).collect(),
        groups: vec![group],
        occupied: vec![BTreeSet::new(); ours.len()],
        taken: vec![BTreeSet::new(); ours.len()],
        resources,
        levels: ours,
        machines,
        ..Problem::default()
    };
    Ok(Case { problem, levels, teams: teams(value), value })
}

fn foreign(case: &Value) -> Result<(), Foreign> {
    let any = |key: &str| sets(case).iter().any(|set| !empty(&set[key]));
    let reason = |set: &Value| set["wantReason"].as_str().unwrap_or("").to_owned();
    let refused = ["no requested", "is above", "slice size not provided"];
    if sets(case).iter().any(|set| refused.iter().any(|text| reason(set).contains(text))) {
        return Err(Foreign::Refused);
    }
    let layered = |set: &Value| !empty(&set["topologyRequest"]["PodsetSliceRequiredTopologyConstraints"]);
    if sets(case).iter().any(layered) {
        return Err(Foreign::Nested);
    }
    if !empty(&case["workload"]) {
        return Err(Foreign::Replacement);
    }
    if any("nodeAffinity") {
        return Err(Foreign::Affinity);
    }
    if !empty(&case["priorFlavorUsage"]) || !empty(&case["priorOwnUsage"]) {
        return Err(Foreign::Usage);
    }
    Ok(())
}

/// The columns: `pods`, what is requested, and an accelerator that nobody asks for.
fn resources(case: &Value) -> Vec<String> {
    let requests = sets(case).iter().flat_map(|set| set["requests"].as_object().into_iter().flatten());
    let named: BTreeSet<String> = requests.map(|(name, _)| name.clone()).filter(|name| name != "pods").collect();
    assert!(!named.contains("none"), "{}", case["name"]);
    ["pods".to_owned()].into_iter().chain(named).chain(["none".to_owned()]).collect()
}

/// Amounts in thousandths, so that every request is a whole number.
fn amount(value: &Value) -> i64 {
    match value {
        Value::String(text) => i64::try_from(Quantity::parse(text).unwrap().milli).unwrap(),
        number => number.as_i64().unwrap() * 1000,
    }
}

fn machines(case: &Value, levels: &[String], resources: &[String]) -> Vec<Machine> {
    let mut known: Vec<BTreeMap<Vec<String>, usize>> = vec![BTreeMap::new(); levels.len()];
    let nodes = case["nodes"].as_array().unwrap();
    let machine = |(index, node): (usize, &Value)| {
        let label = |level: &String| node["labels"][level].as_str().map(String::from);
        let path: Option<Vec<String>> = levels.iter().map(label).collect();
        let mut domains: Vec<Option<usize>> = vec![None; levels.len()];
        for (level, domain) in domains.iter_mut().enumerate() {
            if let Some(path) = &path {
                let next = known[level].len();
                *domain = Some(*known[level].entry(path[..=level].to_vec()).or_insert(next));
            }
        }
        if levels.last().is_none_or(|level| level != HOSTNAME) {
            domains.push(Some(index));
        }
        let ours = matches(node, &case["flavorNodeLabels"]);
        let open = node["ready"] != false && node["unschedulable"] != true && ours && path.is_some();
        Machine {
            name: node["name"].as_str().unwrap().into(),
            free: resources.iter().map(|resource| free(case, node, resource)).collect(),
            domains,
            closed: (!open).then_some("not for us"),
            holders: Vec::new(),
        }
    };
    nodes.iter().enumerate().map(machine).collect()
}

/// Whether a node has these labels.
fn matches(node: &Value, labels: &Value) -> bool {
    labels.as_object().into_iter().flatten().all(|(key, value)| node["labels"][key] == *value)
}

/// The nodes that a pod set may use.
fn eligible(case: &Value, set: &Value) -> Vec<bool> {
    let tolerates = |taint: &Value| {
        let all = set["tolerations"].as_array().into_iter().flatten();
        let mut same = all.filter(|t| t["Key"] == taint["Key"]);
        same.any(|t| t["Operator"] == "Exists" || t["Value"] == taint["Value"])
    };
    let open = |node: &Value| {
        let taints = node["taints"].as_array().into_iter().flatten();
        matches(node, &set["nodeSelector"])
            && taints.into_iter().all(|t| t["Effect"] == "PreferNoSchedule" || tolerates(t))
    };
    case["nodes"].as_array().unwrap().iter().map(open).collect()
}

/// What a node has left of a resource, after the pods that stand on it.
fn free(case: &Value, node: &Value, resource: &str) -> i64 {
    let total = &node["allocatable"][resource];
    let total = if total.is_null() { 0 } else { amount(total) };
    let used = case["nonTASPods"].as_array().into_iter().flatten().filter(|pod| {
        let done = matches!(pod["phase"].as_str(), Some("Failed" | "Succeeded"));
        pod["nodeName"] == node["name"] && !done
    });
    let each = |pod: &Value| match &pod["requests"][resource] {
        Value::Null if resource == "pods" => 1000,
        Value::Null => 0,
        request => amount(request),
    };
    (total - used.map(each).sum::<i64>()).max(0)
}

/// The pod sets as roles of one group: slices are instances.
fn group(case: &Value, levels: &[String], resources: &[String], machines: &[Machine]) -> Result<Group, Foreign> {
    let (mut roles, mut clauses) = (Vec::new(), Vec::new());
    let clause = |kind, prefer| Clause { kind, prefer, span: Span::default() };
    for (index, set) in sets(case).iter().enumerate() {
        let topology = &set["topologyRequest"];
        let level = |key: &str| levels.iter().position(|l| topology[key] == l.as_str());
        let slice = level("PodSetSliceRequiredTopology");
        let size = slice.and_then(|_| topology["PodSetSliceSize"].as_u64()).unwrap_or(1);
        let (size, count) = (usize::try_from(size).unwrap(), usize::try_from(set["count"].as_u64().unwrap()).unwrap());
        if size == 0 || count % size != 0 {
            return Err(Foreign::Uneven);
        }
        roles.push(role(set, index, (count, size), resources, (levels, machines)));
        clauses.extend(slice.map(|level| clause(ClauseKind::Instances { role: index, level }, None)));
        // A team has one level; its sets all name it.
        let team = teams(case).into_iter().find(|team| team.contains(&index)).unwrap_or_default();
        let required = level("Required").map(|level| ClauseKind::Together { roles: team, level });
        clauses.extend(required.map(|kind| clause(kind, None)));
    }
    // Kueue uses the fewest domains of the widest level, then of the next: so are the weights.
    for roles in teams(case) {
        for level in 0..levels.len() {
            let weight = 100_u32.pow(u32::try_from(levels.len() - 1 - level).unwrap());
            clauses.push(clause(ClauseKind::Together { roles: roles.clone(), level }, Some(weight)));
        }
    }
    Ok(Group { name: "g".into(), roles, clauses, edges: Vec::new(), preferences: Vec::new(), locality: false })
}

/// Pod sets of one `podSetGroupName`, which Kueue places as one; the others by themselves.
fn teams(case: &Value) -> Vec<Vec<usize>> {
    let mut teams: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
    for (index, set) in sets(case).iter().enumerate() {
        let name = set["podSetGroupName"].as_str();
        match teams.iter_mut().find(|(team, _)| name.is_some() && *team == name) {
            Some((_, members)) => members.push(index),
            None => teams.push((name, vec![index])),
        }
    }
    teams.into_iter().map(|(_, members)| members).collect()
}

fn role(
    set: &Value,
    index: usize,
    (count, size): (usize, usize),
    resources: &[String],
    (levels, machines): (&[String], &[Machine]),
) -> Role {
    let request = |resource: &String| match &set["requests"][resource] {
        // Given in thousandths for `cpu`, in units for all others.
        Value::Null if resource == "pods" => 1000,
        Value::Null => 0,
        number if resource == "cpu" => number.as_i64().unwrap(),
        number => number.as_i64().unwrap() * 1000,
    };
    let pod = Pod { request: resources.iter().map(request).collect(), eligible: index };
    let mut before = previous(set, levels, machines);
    before.truncate(count);
    Role {
        name: format!("r{index}"),
        span: Span::default(),
        pods: vec![pod; size],
        instances: count / size,
        previous: before.chunks(size).map(<[_]>::to_vec).collect(),
        accelerated: false,
    }
}

/// Where the pods of a set stood, node by node.
pub fn previous(set: &Value, levels: &[String], machines: &[Machine]) -> Vec<Option<usize>> {
    let before = &set["previousAssignment"];
    if empty(before) {
        return Vec::new();
    }
    assert_eq!((before["Levels"][0].as_str(), levels.last().map(String::as_str)), (Some(HOSTNAME), Some(HOSTNAME)));
    let pods = |domain: &Value| {
        let machine = machines.iter().position(|machine| domain["Values"][0] == machine.name.as_str());
        vec![machine; usize::try_from(domain["Count"].as_u64().unwrap()).unwrap()]
    };
    before["Domains"].as_array().unwrap().iter().flat_map(pods).collect()
}
