//! Against data of others, which is not part of this repository: `RBGC_SHARED_DATA` names its
//! directory. Without it these tests say so and check nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rbgc::diag::Session;
use rbgc::inventory::Inventory;
use rbgc::inventory::import::{Input, Request, import};
use rbgc::link::Link;
use rbgc::place::{self, Clause, ClauseKind, Group, Machine, Pod, Problem, Role, verify};
use rbgc::quantity::Quantity;
use rbgc::source::{Span, World};
use serde_json::Value;

use crate::support::none;

/// The place of a file of the data; `None`, and said so, without the data.
fn place(path: &str) -> Option<PathBuf> {
    let Some(directory) = std::env::var_os("RBGC_SHARED_DATA") else {
        println!("SKIPPED: RBGC_SHARED_DATA is not set");
        return None;
    };
    Some(PathBuf::from(directory).join(path))
}

fn shared(path: &str) -> Option<Value> {
    Some(serde_json::from_str(&crate::support::read(&place(path)?)).unwrap())
}

/// The inventory that an import makes of a file, and the codes of what it says.
fn imported(path: &str) -> Option<(Inventory, Vec<&'static str>)> {
    let path = place(path)?;
    let mut session = Session::new(&NoFiles, "");
    let text = Some(crate::support::read(&path));
    let files = vec![Input { path, text, of: None }];
    let request = Request { files, kubernetes: Some((1, 33)), name: "c".into(), ..Request::default() };
    let text = import(&mut session, &request);
    let codes = session.problems.iter().map(|problem| problem.code.text()).collect();
    let file = session.sources.add("inventory.yaml", text.expect("an inventory")).unwrap();
    Some((rbgc::inventory::parse(&mut session, file).unwrap(), codes))
}

/// Nothing is read but what is given.
struct NoFiles;

impl World for NoFiles {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Real Node objects: Alibaba's cluster-trace-gpu-v2023.
#[test]
fn real_nodes_are_imported() {
    let Some((inventory, codes)) = imported("nodes/openb_node_list_gpu_node.yaml") else { return };
    assert_eq!((inventory.nodes.len(), codes.len()), (1213, 0));
    assert_eq!(inventory.resources.gpu, "alibabacloud.com/gpu-count");
    let gpus: i64 = inventory.nodes.iter().map(|node| node.allocatable["alibabacloud.com/gpu-count"]).sum();
    let text = crate::support::read(&place("nodes/openb_node_list_gpu_node.yaml").unwrap());
    let count = |line: &str| {
        line.trim().strip_prefix("alibabacloud.com/gpu-count: ").map(|n| n.trim_matches('\'').parse::<i64>().unwrap())
    };
    // Each document tells it twice: allocatable and capacity.
    assert_eq!(gpus * 2, text.lines().filter_map(count).sum::<i64>());
    let products: std::collections::BTreeSet<&str> =
        inventory.nodes.iter().filter_map(|node| node.gpu.as_deref()).collect();
    assert_eq!(products.into_iter().collect::<Vec<_>>(), ["A10", "G2", "G3", "P100", "T4", "V100M16", "V100M32"]);
}

/// topograph's models and the Slurm files that it makes of them: the same domains.
#[test]
fn topologies_of_topograph_are_imported() {
    let racks = |inventory: &Inventory, level: &str| {
        let level = inventory.level(level).unwrap();
        let mut racks: Vec<usize> = inventory.domains[level].iter().map(|domain| domain.nodes.len()).collect();
        racks.sort_unstable();
        (inventory.nodes.len(), racks)
    };
    let at = |file: &str| imported(&format!("topology-samples/topograph/{file}"));
    let Some((tree, codes)) = at("expected.slinky-oci-sim-tree.conf") else { return };
    assert_eq!((racks(&tree, "rack"), racks(&tree, "block")), ((96, vec![8; 12]), (96, vec![16; 6])));
    assert_eq!(codes, [""; 0]);
    let (model, _) = at("models/large.yaml").unwrap();
    let paths =
        |inventory: &Inventory| inventory.domains[2].iter().map(|domain| domain.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&model), paths(&tree));
    let (blocks, _) = at("expected.slinky-dra-block.conf").unwrap();
    assert_eq!(racks(&blocks, "nvlink"), (96, vec![8; 12]));
    let (nvl72, _) = at("models/nvl72.yaml").unwrap();
    assert_eq!(racks(&nvl72, "nvlink"), (72, vec![18; 4]));
    for model in ["medium", "small-tree", "dual-xclr-regular", "dual-xclr-irregular"] {
        assert!(!at(&format!("models/{model}.yaml")).unwrap().0.nodes.is_empty());
    }
}

/// Kueue's table of topology assignments (`tas_cache_test.go`, `TestFindTopologyAssignments`): where
/// a single pod set is asked for in words that we have too, both fit or neither does.
#[test]
fn kueue_places_what_we_place() {
    let Some(data) = shared("kueue-tas-cases/kueue_tas_cases.json") else { return };
    let (mut problems, mut compared) = (Vec::new(), [0, 0]);
    for case in data["cases"].as_array().unwrap() {
        let name = format!("{} (line {})", case["name"], case["line"]);
        let Some(problem) = problem(case) else { continue };
        let expected = !case["podSets"][0]["wantAssignment"].is_null();
        compared[usize::from(expected)] += 1;
        match place::solve(&problem) {
            Ok(placement) => {
                let broken = verify::verify(&problem, &placement);
                if !broken.is_empty() {
                    problems.push(format!("{name}: a plan that breaks {broken:?}"));
                } else if !expected {
                    problems.push(format!("{name}: placed; Kueue says {}", case["podSets"][0]["wantReason"]));
                }
            }
            Err(_) if expected => problems.push(format!("{name}: not placed, as Kueue does")),
            Err(_) => {}
        }
    }
    none(&problems);
    let [rejected, placed] = compared;
    println!("{placed} placed by both, {rejected} by neither");
    assert!(placed > 30 && rejected > 10, "only {placed} and {rejected} cases were compared");
}

/// The case in our terms; `None` where Kueue asks for something that we do not have, or refuses the
/// request itself.
fn problem(case: &Value) -> Option<Problem> {
    let [set] = case["podSets"].as_array()?.as_slice() else { return None };
    let empty = |value: &Value| {
        value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(|o| o.is_empty())
    };
    let foreign = ["podSetGroupName", "previousAssignment", "nodeAffinity", "nodeSelector", "tolerations"];
    let more = ["workload", "priorFlavorUsage", "priorOwnUsage", "flavorNodeLabels"];
    if foreign.iter().any(|key| !empty(&set[*key])) || more.iter().any(|key| !empty(&case[*key])) {
        return None;
    }
    let refused = ["no topology domains", "no requested", "is above", "slice size not provided"];
    let reason = set["wantReason"].as_str().unwrap_or("");
    if refused.iter().any(|text| reason.contains(text)) {
        return None;
    }
    let mut levels: Vec<String> =
        case["levels"].as_array()?.iter().filter_map(|l| l.as_str()).map(String::from).collect();
    let resources = resources(case, set);
    let machines = machines(case, &levels, &resources);
    if levels.last().is_none_or(|level| level != HOSTNAME) {
        levels.push(HOSTNAME.into());
    }
    let (roles, clauses) = demand(set, &levels, &resources)?;
    let group = Group { name: "g".into(), roles, clauses, edges: Vec::new(), preferences: Vec::new(), locality: false };
    let domains = levels.iter().enumerate().map(|(l, _)| {
        let count = machines.iter().filter_map(|m| m.domains[l]).max().map_or(0, |most| most + 1);
        (0..count).map(|d| d.to_string()).collect()
    });
    Some(Problem {
        gpu: resources.len() - 1,
        links: vec![Link::Vpc; levels.len()],
        domains: domains.collect(),
        eligible: vec![vec![true; machines.len()]],
        groups: vec![group],
        occupied: vec![Default::default(); levels.len()],
        taken: vec![Default::default(); levels.len()],
        resources,
        levels,
        machines,
        ..Problem::default()
    })
}

const HOSTNAME: &str = "kubernetes.io/hostname";

/// The columns: `pods`, what is requested, and an accelerator that nobody asks for.
fn resources(case: &Value, set: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        set["requests"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    names.retain(|name| name != "pods");
    names.insert(0, "pods".into());
    assert!(!names.contains(&"none".to_owned()), "{}", case["name"]);
    names.push("none".into());
    names
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
        let tainted = node["taints"].as_array().into_iter().flatten().any(|t| t["Effect"] != "PreferNoSchedule");
        let open = node["ready"] != false && node["unschedulable"] != true && !tainted && path.is_some();
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

/// The pod set as a role: slices are instances.
fn demand(set: &Value, levels: &[String], resources: &[String]) -> Option<(Vec<Role>, Vec<Clause>)> {
    let request = |resource: &String| match &set["requests"][resource] {
        // Given in thousandths for `cpu`, in units for all others.
        Value::Null if resource == "pods" => 1000,
        Value::Null => 0,
        number if resource == "cpu" => number.as_i64().unwrap(),
        number => number.as_i64().unwrap() * 1000,
    };
    let pod = Pod { request: resources.iter().map(request).collect(), eligible: 0 };
    let topology = &set["topologyRequest"];
    let known = ["Required", "Preferred", "Unconstrained", "PodSetSliceRequiredTopology", "PodSetSliceSize"];
    if topology.as_object().is_some_and(|t| t.keys().any(|key| !known.contains(&key.as_str()))) {
        return None;
    }
    let level = |key: &str| levels.iter().position(|l| topology[key] == l.as_str());
    let count = usize::try_from(set["count"].as_u64()?).ok()?;
    let slice = level("PodSetSliceRequiredTopology");
    let size = if slice.is_some() { usize::try_from(topology["PodSetSliceSize"].as_u64()?).ok()? } else { 1 };
    if size == 0 || count % size != 0 {
        return None;
    }
    let role = Role {
        name: "r".into(),
        span: Span::default(),
        pods: vec![pod; size],
        instances: count / size,
        previous: Vec::new(),
        accelerated: false,
    };
    let required = level("Required").map(|level| ClauseKind::Together { roles: vec![0], level });
    let preferred = level("Preferred").map(|level| ClauseKind::Together { roles: vec![0], level });
    let sliced = slice.map(|level| ClauseKind::Instances { role: 0, level });
    let clause = |kind, prefer| Clause { kind, prefer, span: Span::default() };
    let mut clauses: Vec<Clause> = required.into_iter().chain(sliced).map(|kind| clause(kind, None)).collect();
    clauses.extend(preferred.map(|kind| clause(kind, Some(1))));
    Some((vec![role], clauses))
}
