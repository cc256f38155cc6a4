//! What is emitted, played through: a model of Argo CD and one of Flux bring the manifests of random
//! groups to a model of a cluster, with readiness by chance.
//!
//! In every run a role starts only when all that it comes after is there, of the new revision, and
//! ready; it comes to an end; and then the cluster has exactly what the tree has. The models read
//! manifests and nothing else.

mod argo;
mod cluster;
mod flux;
mod random;

use std::collections::BTreeMap;

use cluster::{Cluster, Key, digest, key};
use random::{Edges, Node};
use rbgc::order::{Delivery, argo::Options as Argo, flux::Options as Flux};

use crate::scheduler::dice::Dice;
use crate::support::compile::compile;
use crate::support::tree::{Object, Tree, at, objects};
use crate::support::{Memory, none, read, root};

/// Turns after which a run does not end.
const TURNS: usize = 40_000;
/// Groups in each program.
const GROUPS: usize = 4;

/// The tree of a program.
#[track_caller]
fn tree(source: &str, delivery: &Delivery) -> Tree {
    let mut world = Memory::default();
    world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
    world.add("/project/main.rbg", source);
    let outcome = compile(&world, &["main.rbg"], &[], delivery);
    let groups = outcome.groups.unwrap_or_else(|| panic!("{source}\n{:?}", outcome.problems));
    groups.into_iter().flat_map(|group| group.files).collect()
}

/// The role of a workload, and its component where it has some.
fn node(object: &Object) -> Node {
    let label = |name: &str| object.text(&["metadata", "labels", &format!("rbg.workloads.x-k8s.io/{name}")]).to_owned();
    let selector = at(&object.value, &["spec", "selector", "matchLabels"]);
    let component = selector.and_then(|s| s.get("rbg.workloads.x-k8s.io/component-name")?.as_str());
    (label("group-name"), label("role-name"), component.unwrap_or_default().to_owned())
}

/// The workloads of a tree by role, each with the digest of its object.
fn workloads(tree: &Tree) -> BTreeMap<Node, Vec<(Key, u64)>> {
    let mut found: BTreeMap<Node, Vec<(Key, u64)>> = BTreeMap::new();
    for object in objects(tree).into_iter().filter(|o| o.template().is_some()) {
        found.entry(node(&object)).or_default().push((key(&object), digest(&object.value)));
    }
    found
}

/// Whether an object is in the cluster as it shall be, and all its pods are ready.
fn is_ready(cluster: &Cluster, key: &Key, digest: u64) -> bool {
    cluster.objects.get(key).is_some_and(|live| live.digest == digest && live.settled())
}

/// Brings a tree to a cluster. `edges` says what each role comes after.
fn bring(engine: &mut Engine, cluster: &mut Cluster, tree: &Tree, edges: &Edges, dice: &mut Dice) -> Vec<String> {
    let workloads = workloads(tree);
    let mut problems = Vec::new();
    let mut watch = |cluster: &Cluster, started: &Key| {
        let own = node(&cluster.objects[started].object);
        let before = edges.iter().filter(|(later, _)| random::is(&own, later)).map(|(_, earlier)| earlier);
        for earlier in before {
            let all = workloads.iter().filter(|(node, _)| random::is(node, earlier)).flat_map(|(_, list)| list);
            let early = all.filter(|(key, digest)| !is_ready(cluster, key, *digest));
            problems.extend(
                early.map(|(key, _)| format!("{} {} started before {} {}", started.0, started.2, key.0, key.2)),
            );
        }
    };
    engine.fetch(tree);
    let mut turns = 0;
    while !engine.done() && turns < TURNS {
        turns += 1;
        engine.advance(cluster, dice);
        if dice.below(3) == 0 {
            cluster.step(dice, &mut watch);
        }
    }
    // Argo CD does not wait after the last wave.
    while !cluster.settled() && turns < TURNS {
        turns += 1;
        cluster.step(dice, &mut watch);
    }
    if turns == TURNS {
        problems.push("it does not come to an end".into());
    }
    problems.extend(engine.wrong(cluster, tree));
    problems
}

/// A delivery tool.
enum Engine {
    Argo(Vec<argo::Sync>),
    Flux(flux::Flux),
}

impl Engine {
    fn fetch(&mut self, tree: &Tree) {
        match self {
            Engine::Argo(syncs) => *syncs = argo::syncs(tree),
            Engine::Flux(flux) => flux.fetch(tree),
        }
    }

    fn done(&self) -> bool {
        match self {
            Engine::Argo(syncs) => syncs.iter().all(|sync| sync.done),
            Engine::Flux(flux) => flux.done(),
        }
    }

    fn advance(&mut self, cluster: &mut Cluster, dice: &mut Dice) {
        match self {
            Engine::Argo(syncs) => {
                let which = dice.below(syncs.len());
                syncs[which].advance(cluster, dice);
            }
            Engine::Flux(flux) => flux.advance(cluster, dice),
        }
    }

    /// What is in the cluster and not in the tree, or the other way round, or not ready.
    fn wrong(&self, cluster: &Cluster, tree: &Tree) -> Vec<String> {
        let own = |o: &Object| {
            let list = o.text(&["apiVersion"]).starts_with("kustomize.config.k8s.io/");
            !list && (matches!(self, Engine::Flux(_)) || !o.path.starts_with("argocd/"))
        };
        let wanted: Vec<Object> = objects(tree).into_iter().filter(own).collect();
        let keys: Vec<Key> = wanted.iter().map(key).collect();
        let missing = wanted
            .iter()
            .filter(|o| !is_ready(cluster, &key(o), digest(&o.value)))
            .map(|o| format!("{} is not ready", o.path));
        let left = cluster.objects.keys().filter(|key| !keys.contains(key)).map(|key| format!("{key:?} is left"));
        missing.chain(left).collect()
    }
}

/// The tools, with the delivery that is made for each.
fn engines() -> [(&'static str, Delivery, Engine); 2] {
    [
        ("argocd", Delivery::Argocd(Argo::default()), Engine::Argo(Vec::new())),
        ("flux", Delivery::Flux(Flux::default()), Engine::Flux(flux::Flux::default())),
    ]
}

#[test]
fn roles_start_in_order_and_every_commit_ends() {
    in_order(0..10);
}

/// The same for five hundred groups: `.ci/run`.
#[test]
#[ignore = "takes minutes"]
fn roles_of_500_groups_start_in_order() {
    in_order(0..125);
}

#[track_caller]
fn in_order(seeds: std::ops::Range<u64>) {
    let (mut problems, mut edges, programs) = (Vec::new(), 0, seeds.end - seeds.start);
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let first = random::program(GROUPS, &mut dice);
        let mut second = first.clone();
        second.change(&mut dice);
        for (name, delivery, mut engine) in engines() {
            let mut cluster = Cluster::default();
            for (number, commit) in [&first, &second].into_iter().enumerate() {
                let after = commit.edges();
                edges += after.len() as u64;
                let tree = tree(&commit.source(), &delivery);
                let found = bring(&mut engine, &mut cluster, &tree, &after, &mut dice);
                let told = |problem| format!("{name}, seed {seed}, commit {number}: {problem}");
                problems.extend(found.into_iter().take(3).map(told));
            }
        }
    }
    none(&problems);
    assert!(edges > 20 * programs, "only {edges} dependencies were looked at");
}

/// Where nothing is in order, the models find it: they are no checks that cannot fail.
#[test]
fn a_missing_order_is_found() {
    let source = "group g {\n  namespace = \"demo\"\n  role a { image = \"example.com/a:1\"  replicas = 3 }\n  role b { image = \"example.com/b:1\"  after a }\n}\n";
    let node = |role: &str| ("g".to_owned(), role.to_owned(), String::new());
    let edges = vec![(node("b"), node("a"))];
    for (name, delivery, mut engine) in engines() {
        let mut tree = tree(source, &delivery);
        for text in tree.values_mut() {
            *text = text
                .replace("sync-wave: \"20\"", "sync-wave: \"10\"")
                .replace("- name: demo-g-a\n", "- name: demo-g-base\n");
        }
        let found = bring(&mut engine, &mut Cluster::default(), &tree, &edges, &mut Dice::new(1));
        assert!(found.iter().any(|p| p.contains("started before")), "{name}: {found:?}");
    }
}
