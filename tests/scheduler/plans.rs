//! Plans under adversarial orders: whatever the order of the pods and the choice among nodes, each
//! pod ends in the domain that its workload promises.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rbgc::diag::render::{Colour, Report, human};
use rbgc::inventory::{self, Inventory};
use rbgc::order::Delivery;
use rbgc::scheduler::{Node, Operator, Pod, PodTerm, Requirement, Scheduler};
use serde_json::Value;

use super::dice::Dice;
use super::random;
use crate::support::compile::{HOME, Outcome, compile, compile_for, targets};
use crate::support::tree::{self, Tree};
use crate::support::{Memory, directories, none, pods, root};

/// Orders in the test that runs always, and in the full one.
const FEW: usize = 12;
const MANY: usize = 200;

#[test]
fn examples_end_in_their_plan() {
    none(&directories("examples").iter().flat_map(|name| example(name, FEW)).collect::<Vec<_>>());
}

#[test]
#[ignore = "minutes without optimisation; .ci/run runs it with"]
fn examples_end_in_their_plan_in_200_orders() {
    none(&directories("examples").iter().flat_map(|name| example(name, MANY)).collect::<Vec<_>>());
}

#[test]
fn random_plans_come_true() {
    none(&random_plans(8, FEW));
}

#[test]
#[ignore = "minutes without optimisation; .ci/run runs it with"]
fn random_plans_come_true_in_200_orders() {
    none(&random_plans(50, MANY));
}

/// A group whose pods are bound to their nodes, beside one that is bound to its block.
const PINNED: &str = "\
group pinned {
  pin = \"nodes\"
  role engine { image = \"x/y:1\"  replicas = 2  pods = 2  gpus = 8  gpu = \"H100\" }
  role small { image = \"x/y:1\"  replicas = 3  gpus = 2  gpu = \"H100\"  identity = \"stable\" }
  place { instances of engine within rack }
}
group wide {
  role a { image = \"x/y:1\"  replicas = 2  gpus = 8  gpu = \"H100\" }
  place { a within block }
}
";

#[test]
fn pods_that_are_bound_to_nodes_find_them() {
    let nodes: String = (0..8).map(|n| random::node(n, "z0", "b0", &format!("r{}", n / 4), 0)).collect();
    let inventory = format!("{}{nodes}", random::LEVELS);
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("main.rbg"), PINNED);
    world.add(Path::new(HOME).join("inventory.yaml"), inventory.as_str());
    let case = Case::new(&compile(&world, &["main.rbg"], &[], &Delivery::Plain), &load(&inventory));
    let scheduler = Scheduler::new(&case.nodes, &case.pods);
    let mut bound = 0;
    for (pod, workload) in case.of.iter().enumerate() {
        let (name, planned, labels) = &case.workloads[*workload];
        if name.starts_with("pinned-") {
            // Promised is the narrowest level, and required are exactly the planned nodes.
            assert_eq!(labels.as_ref().map(Vec::len), Some(4), "{name}");
            let planned: BTreeSet<usize> = planned.iter().copied().collect();
            assert_eq!(scheduler.admitted(pod).into_iter().collect::<BTreeSet<_>>(), planned, "{name}");
            bound += 1;
        }
    }
    assert_eq!(bound, 7);
    none(&case.all_orders(MANY, 1));
}

fn example(name: &str, orders: usize) -> Vec<String> {
    let mut world = Memory::default();
    let files = tree::read(&root().join("examples").join(name));
    let sources: Vec<&str> = files.keys().map(String::as_str).filter(|path| path.ends_with(".rbg")).collect();
    files.iter().for_each(|(path, text)| world.add(Path::new(HOME).join(path), text.as_str()));
    let inventory = load(&files["inventory.yaml"]);
    let mut problems = Vec::new();
    for target in targets(name) {
        let case = Case::new(&compile_for(target, &world, &sources, &[], &Delivery::Plain), &inventory);
        let name = format!("examples/{name} on {}", target.name());
        println!("{name}: {}", case.summary());
        problems.extend(case.all_orders(orders, 1).into_iter().map(|problem| format!("{name}: {problem}")));
    }
    problems
}

fn random_plans(plans: usize, orders: usize) -> Vec<String> {
    let (mut problems, mut made, mut seed) = (Vec::new(), 0, 0);
    let (mut stuck, mut refused) = ([0, 0], 0);
    while made < plans {
        seed += 1;
        let Some((source, inventory, fill)) = random::program(seed) else { continue };
        let mut world = Memory::default();
        world.add(Path::new(HOME).join("main.rbg"), source.as_str());
        world.add(Path::new(HOME).join("inventory.yaml"), inventory.as_str());
        let outcome = compile(&world, &["main.rbg"], &[], &Delivery::Plain);
        match outcome.codes()[..] {
            [] => {}
            ["E0703"] => {
                refused += 1;
                continue;
            }
            // At this fill not everything that was drawn can be placed, nor is every clause of use.
            ["E0701" | "E0607" | "E0609"] => continue,
            _ => {}
        }
        made += 1;
        let case = Case::new(&outcome, &load(&inventory));
        println!("seed {seed}, {fill} % full: {}", case.summary());
        let found = case.all_orders(orders, seed).into_iter();
        problems.extend(found.map(|problem| format!("seed {seed}: {problem}\n{source}\n{inventory}")));
        let plain = case.with_rack_affinity_alone();
        let scheduler = Scheduler::new(&plain.nodes, &plain.pods);
        for order in 0..orders as u64 {
            let placed = plain.run(&scheduler, &mut Dice::new(seed * 1_000 + order), Policy::Chance);
            let gangs = plain.gangs(&placed);
            stuck[0] += gangs.iter().filter(|complete| !**complete).count();
            stuck[1] += gangs.len();
        }
    }
    println!("{made} plans hold; {refused} were refused, because no affinity keeps them");
    println!(
        "with rack affinity alone {} of {} gangs wait for ever: {} %",
        stuck[0],
        stuck[1],
        stuck[0] * 100 / stuck[1]
    );
    assert!(stuck[0] * 10 > stuck[1], "the comparison shows nothing");
    problems
}

fn load(text: &str) -> Inventory {
    let mut world = Memory::default();
    let path = Path::new(HOME).join("inventory.yaml");
    world.add(&path, text);
    let mut session = rbgc::diag::Session::new(&world, HOME);
    inventory::load(&mut session, &path, "inventory.yaml").unwrap()
}

/// How a node is chosen.
#[derive(Debug, Clone, Copy)]
enum Policy {
    /// As the scheduler does: one of the best.
    Chance,
    /// Any that passes the filters: what a sample of nodes or another profile may lead to.
    Any,
    /// One that most other pods want too, and that is not planned for this one.
    Worst,
}

/// The pods of a compilation on its nodes.
struct Case {
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    /// For each pod its workload, the planned nodes, and the label of the level that is promised,
    /// with all wider ones.
    workloads: Vec<(String, Vec<usize>, Option<Vec<String>>)>,
    of: Vec<usize>,
    /// For each node how many pods may be given it.
    wanted: Vec<usize>,
}

impl Case {
    fn new(outcome: &Outcome, inventory: &Inventory) -> Case {
        let report = Report::new(&outcome.problems, &outcome.sources, |c| Some(c.severity()));
        assert!(outcome.groups.is_some(), "{}", human(&report, Colour::None));
        let mut files = Tree::new();
        outcome.groups.iter().flatten().for_each(|group| files.extend(group.files.clone()));
        let nodes = pods::nodes(inventory);
        let mut case = Case { nodes, pods: Vec::new(), workloads: Vec::new(), of: Vec::new(), wanted: Vec::new() };
        let objects = tree::objects_at(&files, "maxReplicas");
        let most: BTreeMap<&str, u64> = objects
            .iter()
            .filter(|o| o.kind() == "HorizontalPodAutoscaler")
            .filter_map(|o| {
                Some((o.text(&["spec", "scaleTargetRef", "name"]), o.value["spec"]["maxReplicas"].as_u64()?))
            })
            .collect();
        // The pods of Jobs request nothing, and are bound to a node each.
        for object in objects.iter().filter(|o| o.template().is_some() && o.kind() != "Job") {
            let mut template: Value = serde_json::to_value(object.template()).unwrap();
            let leads = template["metadata"]["labels"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0";
            let guarantee = object.text(&["metadata", "annotations", "rbgc.dev/guarantee"]);
            let level = inventory.level(guarantee);
            let labels = level.map(|l| inventory.levels[..=l].iter().map(|level| level.label.clone()).collect());
            assert!(level.is_some() || guarantee == "some node" || guarantee.starts_with("none: "), "{guarantee}");
            let planned = object.text(&["metadata", "annotations", "rbgc.dev/plan"]).split(',');
            let planned = planned.map(|name| inventory.nodes.iter().position(|n| n.name == name).unwrap()).collect();
            case.workloads.push((object.name().to_owned(), planned, labels));
            for ordinal in 0..most.get(object.name()).copied().unwrap_or(object.replicas()) {
                let name = format!("{}-{ordinal}", object.name());
                if leads {
                    let labels = &mut template["metadata"]["labels"];
                    labels["leaderworkerset.sigs.k8s.io/group-index"] = ordinal.to_string().into();
                }
                case.pods.push(pods::pod(&name, object.namespace(), &template));
                case.of.push(case.workloads.len() - 1);
            }
        }
        let scheduler = Scheduler::new(&case.nodes, &case.pods);
        let admitted: Vec<Vec<usize>> = (0..case.pods.len()).map(|pod| scheduler.admitted(pod)).collect();
        case.wanted =
            (0..case.nodes.len()).map(|n| admitted.iter().filter(|nodes| nodes.contains(&n)).count()).collect();
        case
    }

    fn summary(&self) -> String {
        let promised = self.workloads.iter().filter(|(_, _, labels)| labels.is_some()).count();
        format!(
            "{} pods of {} workloads, {promised} with a domain that is promised",
            self.pods.len(),
            self.workloads.len()
        )
    }

    /// Every pod has a node, and where a domain is promised it is the planned one.
    fn all_orders(&self, orders: usize, seed: u64) -> Vec<String> {
        let mut problems = Vec::new();
        let scheduler = Scheduler::new(&self.nodes, &self.pods);
        for order in 0..orders {
            let policy = [Policy::Chance, Policy::Any, Policy::Worst][order % 3];
            let placed = self.run(&scheduler, &mut Dice::new(seed * 1_000_003 + order as u64), policy);
            for (pod, node) in placed.iter().enumerate() {
                let (_, planned, labels) = &self.workloads[self.of[pod]];
                let name = &self.pods[pod].name;
                let Some(node) = node else {
                    problems.push(format!("order {order} ({policy:?}): {name} waits"));
                    continue;
                };
                let value = |node: usize, label: &String| self.nodes[node].labels.get(label);
                let same = |other: &usize| labels.iter().flatten().all(|l| value(*node, l) == value(*other, l));
                if !planned.iter().any(same) {
                    problems.push(format!("order {order} ({policy:?}): {name} is on {}", self.nodes[*node].name));
                }
            }
            if !problems.is_empty() {
                break;
            }
        }
        problems
    }

    fn run(&self, scheduler: &Scheduler<'_>, dice: &mut Dice, policy: Policy) -> Vec<Option<usize>> {
        let mut order: Vec<usize> = (0..self.pods.len()).collect();
        dice.shuffle(&mut order);
        if let Policy::Worst = policy {
            // Those that may go anywhere come before those that need a certain place.
            order.sort_by_cached_key(|pod| std::cmp::Reverse(scheduler.admitted(*pod).len()));
        }
        let state = scheduler.run(&order, |pod, feasible, best| match policy {
            Policy::Chance => *dice.of(best),
            Policy::Any => *dice.of(feasible),
            Policy::Worst => {
                let planned = &self.workloads[self.of[pod]].1;
                *feasible.iter().max_by_key(|node| (!planned.contains(node), self.wanted[**node])).unwrap()
            }
        });
        state.places().to_vec()
    }

    /// The same pods as other tools write them: those of an instance must share a rack, and nothing
    /// says which. Instances that are planned in several racks stay without a condition.
    fn with_rack_affinity_alone(&self) -> Case {
        let instance = |workload: usize| self.workloads[workload].0.trim_end_matches("-workers").to_owned();
        let mut racks: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for (workload, (_, planned, _)) in self.workloads.iter().enumerate() {
            let all = planned.iter().map(|node| &self.nodes[*node].labels[random::RACK]);
            racks.entry(instance(workload)).or_default().extend(all);
        }
        let mut pods = self.pods.clone();
        for (pod, workload) in pods.iter_mut().zip(&self.of) {
            let instance = instance(*workload);
            pod.required_nodes = None;
            pod.preferred_nodes = Vec::new();
            if racks[&instance].len() > 1 {
                continue;
            }
            pod.labels.insert("instance".into(), instance.clone());
            let own = Requirement { key: "instance".into(), operator: Operator::In, values: vec![instance] };
            let term = PodTerm { topology: random::RACK.into(), selector: Some(vec![own]), namespaces: None };
            pod.required_pods = vec![term];
        }
        Case {
            nodes: self.nodes.clone(),
            pods,
            workloads: self.workloads.clone(),
            of: self.of.clone(),
            wanted: self.wanted.clone(),
        }
    }

    /// For each instance of several pods that must share a rack whether all of them have a node.
    fn gangs(&self, placed: &[Option<usize>]) -> Vec<bool> {
        let mut gangs: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
        for (pod, node) in self.pods.iter().zip(placed) {
            if let Some(instance) = pod.labels.get("instance") {
                gangs.entry(instance).or_default().push(node.is_some());
            }
        }
        gangs.into_values().filter(|pods| pods.len() > 1).map(|pods| pods.into_iter().all(|placed| placed)).collect()
    }
}
