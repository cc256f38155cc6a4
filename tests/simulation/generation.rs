//! A new generation of a group: in every run whatever the traffic leads to is whole, and at the end
//! the old generation is gone.

use std::collections::BTreeMap;

use rbgc::emit::{Group, Lock};
use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo::Options as Argo};

use super::cluster::Cluster;
use super::{Engine, TURNS, tree};
use crate::scheduler::dice::Dice;
use crate::support::compile::compile_upon;
use crate::support::tree::Tree;
use crate::support::{Memory, none, read, root};

/// A pair with its router, and a role of another group that is after it.
const PAIR: &str = "\
use std.vllm { Decode, KvTransfer, Prefill, Router }

group pair {
  namespace = \"demo\"
  generation = 1
  role prefill is Prefill(\"m\") { gpus = 1  replicas = 2  image = \"vllm/vllm-openai:v0.27.1\" }
  role decode is Decode(\"m\") { gpus = 1  replicas = 3  image = \"vllm/vllm-openai:v0.27.1\" }
  role router is Router(prefill, decode) { replicas = 2 }
  connect prefill -> decode as KvTransfer
  coordinate prefill, decode { rollout { } }
}

group front {
  namespace = \"demo\"
  role web { image = \"example.com/web:1.0.0\"  env { UPSTREAM = pair.router.url(\"http\") }  after pair.router }
}
";

fn compiled(source: &str, before: &[Group]) -> Vec<Group> {
    let mut world = Memory::default();
    world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
    world.add("/project/main.rbg", source);
    let locks: BTreeMap<String, Lock> = before.iter().map(|g| (g.name.clone(), g.lock.clone())).collect();
    let delivery = Delivery::Argocd(Argo::default());
    let outcome = compile_upon(&locks, Target::Native, &world, &["main.rbg"], &[], (&delivery, false));
    outcome.groups.unwrap_or_else(|| panic!("{:?}", outcome.problems))
}

/// The label by which the Service of the router selects a generation.
const GROUP: &str = "rbg.workloads.x-k8s.io/group-name";

/// What is wrong with the generation that the traffic goes to.
fn broken(cluster: &Cluster) -> Option<String> {
    let service = cluster.objects.get(&("Service".into(), "demo".into(), "pair-router".into()))?;
    let generation = service.object.text(&["spec", "selector", GROUP]).to_owned();
    let workloads = cluster.objects.values().filter(|live| {
        live.object.template().is_some() && live.object.text(&["metadata", "labels", GROUP]) == generation
    });
    let roles: Vec<(&str, bool)> = workloads.map(|live| (live.object.name(), live.settled())).collect();
    // Two instances of prefill, three of decode, the router.
    match roles.iter().find(|(_, settled)| !settled) {
        Some((name, _)) => Some(format!("{name} serves and is not ready")),
        None if roles.len() != 6 => Some(format!("{generation} serves with {roles:?}")),
        None => None,
    }
}

/// Brings a tree to a cluster that stands, and tells what was wrong on the way.
fn bring(tree: &Tree, cluster: &mut Cluster, dice: &mut Dice, serving: bool) -> Vec<String> {
    let mut engine = Engine::Argo(Vec::new());
    engine.fetch(tree);
    let (mut problems, mut turns) = (Vec::new(), 0);
    while !(engine.done() && cluster.settled()) && turns < TURNS {
        turns += 1;
        engine.advance(cluster, dice);
        problems.extend(broken(cluster).filter(|_| serving));
        cluster.step(dice, &mut |_, _| {});
    }
    if turns == TURNS {
        problems.push("it does not come to an end".into());
    }
    problems.extend(engine.wrong(cluster, tree));
    problems
}

/// Two generations, one after the other, of which the second was changed by hand.
fn generations(seed: u64, edits: &[(&str, &str)]) -> Vec<String> {
    let first = compiled(PAIR, &[]);
    let source = PAIR.replace("generation = 1", "generation = 2").replace(":v0.27.1", ":v0.28.0");
    let mut second = tree(&compiled(&source, &first));
    for text in second.values_mut() {
        *text = edits.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new));
    }
    let (mut cluster, mut dice) = (Cluster::default(), Dice::new(seed));
    let mut problems = bring(&tree(&first), &mut cluster, &mut dice, false);
    problems.extend(bring(&second, &mut cluster, &mut dice, true));
    let old = cluster.objects.values().filter(|live| live.object.text(&["metadata", "labels", GROUP]) == "pair");
    problems.extend(old.map(|live| format!("{} is left", live.object.name())));
    problems
}

#[test]
fn traffic_moves_last() {
    let problems: Vec<String> = (0..20).flat_map(|seed| generations(seed, &[])).collect();
    none(&problems);
}

/// Where the order is not kept, the models find it.
#[test]
fn traffic_that_moves_early_is_found() {
    let early = generations(1, &[("sync-wave: \"29\"", "sync-wave: \"-10\"")]);
    assert!(early.iter().any(|problem| problem.contains("serves")), "{early:?}");
    let pruned = generations(1, &[("    - PruneLast=true\n", "")]);
    assert!(pruned.iter().any(|problem| problem.contains("serves with")), "{pruned:?}");
}
