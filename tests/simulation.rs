//! What is emitted, played through: a model of Argo CD and one of Flux bring the manifests of random
//! groups to a model of a cluster, with readiness by chance.
//!
//! In every run a role starts only when all that it comes after is there, of the new revision, and
//! ready; roles that are updated in step go on when a step is ready, and keep their bound after each;
//! it comes to an end; and then the cluster has exactly what the tree has. The models read
//! manifests and nothing else.

mod argo;
mod cluster;
mod flux;
mod generation;
mod random;

use std::collections::BTreeMap;

use cluster::{Cluster, Key, Live, digest, key};
use random::{Edges, Node};
use rbgc::emit::Group;
use rbgc::order::{Delivery, argo::Options as Argo, flux::Options as Flux};

use crate::scheduler::dice::Dice;
use crate::support::compile::compile;
use crate::support::tree::{Object, Tree, at, objects};
use crate::support::{Memory, none, read, root};

/// Turns after which a run does not end.
const TURNS: usize = 40_000;
/// Groups in each program.
const GROUPS: usize = 4;

/// What is compiled of a program.
#[track_caller]
fn compiled(source: &str, delivery: &Delivery) -> Vec<Group> {
    let mut world = Memory::default();
    world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
    world.add("/project/main.rbg", source);
    let outcome = compile(&world, &["main.rbg"], &[], delivery);
    outcome.groups.unwrap_or_else(|| panic!("{source}\n{:?}", outcome.problems))
}

fn tree(groups: &[Group]) -> Tree {
    groups.iter().flat_map(|group| group.files.clone()).collect()
}

/// For the path of each workload that is updated in step with others its group and step.
type Steps = BTreeMap<String, (String, usize)>;

fn steps(groups: &[Group]) -> Steps {
    let of = |group: &Group| -> Vec<(String, (String, usize))> {
        let steps = group.rollouts.iter().flat_map(|ladder| ladder.steps.iter().enumerate());
        let files =
            steps.flat_map(|(step, list)| list.iter().flat_map(move |one| one.files.iter().map(move |f| (f, step))));
        files.map(|(path, step)| (path.clone(), (group.name.clone(), step))).collect()
    };
    groups.iter().flat_map(of).collect()
}

/// The largest difference of updated shares at the end of a step, in percent.
fn skew(group: &Group) -> f64 {
    let mut skew: f64 = 0.0;
    for ladder in &group.rollouts {
        let all = ladder.steps.iter().flatten().map(|one| one.instance.role.as_str());
        let mut total: BTreeMap<&str, usize> = BTreeMap::new();
        all.for_each(|role| *total.entry(role).or_default() += 1);
        let mut done: BTreeMap<&str, usize> = total.keys().map(|role| (*role, 0)).collect();
        for step in &ladder.steps {
            step.iter().for_each(|one| *done.get_mut(one.instance.role.as_str()).expect("a role") += 1);
            let shares = || total.iter().map(|(role, all)| done[role] as f64 / *all as f64 * 100.0);
            skew = skew.max(shares().fold(0.0, f64::max) - shares().fold(100.0, f64::min));
        }
    }
    skew
}

/// The role of a workload, and its component where it has some.
fn node(object: &Object) -> Node {
    let label = |name: &str| object.text(&["metadata", "labels", &format!("rbg.workloads.x-k8s.io/{name}")]).to_owned();
    let selector = at(&object.value, &["spec", "selector", "matchLabels"]);
    let component = selector.and_then(|s| s.get("rbg.workloads.x-k8s.io/component-name")?.as_str());
    (label("group-name"), label("role-name"), component.unwrap_or_default().to_owned())
}

/// A workload of a tree.
struct Workload {
    path: String,
    key: Key,
    /// The digest of its object.
    digest: u64,
}

/// The workloads of a tree by role.
fn workloads(tree: &Tree) -> BTreeMap<Node, Vec<Workload>> {
    let mut found: BTreeMap<Node, Vec<Workload>> = BTreeMap::new();
    for object in objects(tree).into_iter().filter(|o| o.template().is_some()) {
        let (key, digest) = (key(&object), digest(&object.value));
        found.entry(node(&object)).or_default().push(Workload { path: object.path, key, digest });
    }
    found
}

/// Whether an object is in the cluster as it shall be, and all its pods are ready.
fn is_ready(cluster: &Cluster, key: &Key, digest: u64) -> bool {
    cluster.objects.get(key).is_some_and(|live| live.digest == digest && live.settled())
}

/// What a commit asks for.
struct Commit<'a> {
    tree: &'a Tree,
    /// What each role comes after.
    edges: &'a Edges,
    steps: &'a Steps,
}

impl Commit<'_> {
    /// The workloads that must be ready before one starts, with the digests of their objects. Roles
    /// that are updated in step come after each other in each step alone.
    fn before<'w>(&self, started: &Object, workloads: &'w BTreeMap<Node, Vec<Workload>>) -> Vec<&'w Workload> {
        let own = node(started);
        let step = self.steps.get(&started.path);
        let earlier: Vec<&Node> = self.edges.iter().filter(|(l, _)| random::is(&own, l)).map(|(_, e)| e).collect();
        let comes_first = |node: &Node, other: &Workload| {
            let is_earlier = || earlier.iter().any(|named| random::is(node, named));
            match (step, self.steps.get(&other.path)) {
                (Some((group, own)), Some((of, step))) if group == of => step < own || (step == own && is_earlier()),
                _ => is_earlier(),
            }
        };
        let all = workloads.iter().flat_map(|(node, list)| list.iter().map(move |workload| (node, workload)));
        all.filter(|(node, workload)| comes_first(node, workload)).map(|(_, workload)| workload).collect()
    }
}

/// Brings a commit to a cluster.
fn bring(engine: &mut Engine, cluster: &mut Cluster, commit: &Commit<'_>, dice: &mut Dice) -> Vec<String> {
    let tree = commit.tree;
    let workloads = workloads(tree);
    let mut problems = Vec::new();
    let mut watch = |cluster: &Cluster, started: &Key| {
        let before = commit.before(&cluster.objects[started].object, &workloads);
        let early = before.into_iter().filter(|other| !is_ready(cluster, &other.key, other.digest));
        let told =
            |Workload { key, .. }: &Workload| format!("{} {} started before {} {}", started.0, started.2, key.0, key.2);
        problems.extend(early.map(told));
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
        // With an Application that goes, what it had and nobody took over stays: `docs/argocd.md`.
        let is_tended = |live: &Live| match self {
            Engine::Argo(syncs) => syncs.iter().any(|sync| sync.name == live.owner),
            Engine::Flux(_) => true,
        };
        let left = cluster.objects.iter().filter(|(key, live)| !keys.contains(key) && is_tended(live));
        let left = left.map(|(key, _)| format!("{key:?} is left"));
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
    let (mut problems, mut edges, mut in_step, programs) = (Vec::new(), 0, 0, seeds.end - seeds.start);
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
                let groups = compiled(&commit.source(), &delivery);
                let steps = steps(&groups);
                in_step += steps.len() as u64;
                let wide = groups.iter().filter(|group| skew(group) > random::MOST_SKEW);
                let mut found: Vec<String> = wide.map(|g| format!("{} is {}% apart", g.name, skew(g))).collect();
                let commit = Commit { tree: &tree(&groups), edges: &after, steps: &steps };
                found.extend(bring(&mut engine, &mut cluster, &commit, &mut dice));
                let told = |problem| format!("{name}, seed {seed}, commit {number}: {problem}");
                problems.extend(found.into_iter().take(3).map(told));
            }
        }
    }
    none(&problems);
    assert!(edges > 20 * programs, "only {edges} dependencies were looked at");
    assert!(in_step > 10 * programs, "only {in_step} workloads were updated in step");
}

/// Where nothing is in order, the models find it: they are no checks that cannot fail.
#[test]
fn a_missing_order_is_found() {
    let node = |role: &str| ("g".to_owned(), role.to_owned(), String::new());
    let base = "- name: demo-g-base\n";
    // A role loses its wave, and what it waits for.
    let edits = [("sync-wave: \"20\"", "sync-wave: \"10\""), ("- name: demo-g-a\n", base)];
    check_disorder(("after a", ""), &vec![(node("b"), node("a"))], &edits);
    // So do the steps behind the first.
    let edits = [
        ("sync-wave: \"11\"", "sync-wave: \"10\""),
        ("sync-wave: \"12\"", "sync-wave: \"10\""),
        ("- name: demo-g-a-0\n", base),
        ("- name: demo-g-b-0\n", base),
    ];
    check_disorder(("", "coordinate a, b { rollout { } }"), &Vec::new(), &edits);
}

/// Checks that the models find what is wrong when these texts are replaced in the manifests of two
/// roles, the second of which and the rest of whose group say so.
#[track_caller]
fn check_disorder((role, rest): (&str, &str), edges: &Edges, edits: &[(&str, &str)]) {
    let source = format!(
        "group g {{\n  namespace = \"demo\"\n  role a {{ image = \"example.com/a:1\"  replicas = 3 }}\n  \
         role b {{ image = \"example.com/b:1\"  replicas = 3  {role} }}\n  {rest}\n}}\n"
    );
    for (name, delivery, mut engine) in engines() {
        let groups = compiled(&source, &delivery);
        let (mut tree, steps) = (tree(&groups), steps(&groups));
        for text in tree.values_mut() {
            *text = edits.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new));
        }
        let commit = Commit { tree: &tree, edges, steps: &steps };
        let found = bring(&mut engine, &mut Cluster::default(), &commit, &mut Dice::new(1));
        assert!(found.iter().any(|p| p.contains("started before")), "{name}: {found:?}");
    }
}
