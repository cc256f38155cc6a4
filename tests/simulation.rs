//! What is emitted, played through: a model of Argo CD and one of Flux bring the manifests of random
//! groups to a model of a cluster, with readiness by chance.
//!
//! In every run a role starts only when its warm-up and all that it comes after are there, of the new revision, and
//! ready; roles that are updated in step go on when a step is ready, and keep their bound after each;
//! roles that are scaled in step keep theirs at every moment, out and in;
//! it comes to an end; and then the cluster has exactly what the tree has. When all pods are lost at
//! once, which nobody brings in order, all of them become ready again, though many wait for others. The
//! models read manifests and nothing else. All targets are played: the order of the roles of a
//! RoleBasedGroup is that of its controller, which holds when they start; groups wait for each other on
//! every target.

mod argo;
mod cluster;
mod flux;
mod generation;
mod lws;
mod random;
mod rbg;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use cluster::{Cluster, Key, Live, digest, key};
use random::{Edges, Node};
use rbgc::emit::Group;
use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo::Options as Argo, flux::Options as Flux};

use crate::scheduler::dice::Dice;
use crate::support::compile::compile_for;
use crate::support::tree::{Object, Tree, at, objects, written};
use crate::support::{Memory, none, read, root};

/// Turns after which a run does not end.
const TURNS: usize = 40_000;
/// Groups in each program.
const GROUPS: usize = 4;

/// What is compiled of a program.
#[track_caller]
fn compiled(target: Target, source: &str, delivery: &Delivery) -> Vec<Group> {
    let mut world = Memory::default();
    world.add("/project/inventory.yaml", read(&root().join("tests/inventory.yaml")));
    world.add("/project/main.rbg", source);
    let outcome = compile_for(target, &world, &["main.rbg"], &[], delivery);
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
    let warm_up = Some(random::WARM_UP).filter(|_| object.kind() == "Job");
    (label("group-name"), label("role-name"), warm_up.or(component).unwrap_or_default().to_owned())
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
    for object in written(tree).into_iter().flat_map(with_pods) {
        let (key, digest) = (key(&object), digest(&object.value));
        found.entry(node(&object)).or_default().push(Workload { path: object.path, key, digest });
    }
    found
}

/// The objects that hold pods: an object of a tree, or what its controller makes of it.
fn with_pods(object: Object) -> Vec<Object> {
    match object.kind() {
        rbg::KIND => rbg::roles(&object).into_iter().map(|role| role.workload).collect(),
        lws::KIND => vec![object],
        _ => Some(object).filter(|object| object.template().is_some()).into_iter().collect(),
    }
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
    /// Whether the roles of a group are updated in order, and not only started.
    inside: bool,
}

impl Commit<'_> {
    /// The workloads that must be ready before one starts, with the digests of their objects. Roles
    /// that are updated in step come after each other in each step alone.
    fn before<'w>(&self, started: &Object, workloads: &'w BTreeMap<Node, Vec<Workload>>) -> Vec<&'w Workload> {
        let own = node(started);
        let step = self.steps.get(&started.path);
        let edges = self.edges.iter().filter(|(later, _)| random::is(&own, later)).map(|(_, earlier)| earlier);
        let earlier: Vec<&Node> = edges.filter(|earlier| self.inside || earlier.0 != own.0).collect();
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

/// Whether a cluster comes to rest by itself, whatever order its pods are made in.
fn settles(cluster: &mut Cluster, dice: &mut Dice) -> bool {
    (0..TURNS).any(|_| {
        cluster.step(dice, &mut |_, _| {});
        cluster.settled()
    })
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
        let wanted = written(tree).into_iter().filter(own);
        let made = |o: Object| {
            if o.kind() == rbg::KIND { with_pods(o.clone()).into_iter().chain([o]).collect() } else { vec![o] }
        };
        let wanted: Vec<Object> = wanted.flat_map(made).collect();
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
    in_order(Target::Native, 0..6);
}

#[test]
fn roles_of_leader_worker_sets_start_in_order() {
    in_order(Target::Lws, 0..3);
}

#[test]
fn roles_of_role_based_groups_start_in_order() {
    in_order(Target::Rbg, 0..3);
}

/// The programs of the long runs, of four groups each: five hundred groups in all.
const MANY: [(Target, std::ops::Range<u64>); 3] =
    [(Target::Native, 100..145), (Target::Lws, 100..140), (Target::Rbg, 100..140)];

/// The same for five hundred groups: `.ci/run`.
#[test]
#[ignore = "takes minutes"]
fn roles_of_500_groups_start_in_order() {
    let [(target, seeds), ..] = MANY;
    in_order(target, seeds);
}

#[test]
#[ignore = "takes minutes"]
fn leader_worker_sets_of_500_groups_start_in_order() {
    let [_, (target, seeds), _] = MANY;
    in_order(target, seeds);
}

#[test]
#[ignore = "takes minutes"]
fn role_based_groups_of_500_groups_start_in_order() {
    let [.., (target, seeds)] = MANY;
    in_order(target, seeds);
}

/// In the long runs every pair of kinds of edges meets at some role, on every target.
#[test]
fn every_pair_of_edges_is_played() {
    let mut missing = Vec::new();
    for (target, seeds) in MANY {
        let program = |seed| random::program(target, GROUPS, &mut Dice::new(seed));
        let found: BTreeSet<_> = seeds.flat_map(|seed| program(seed).pairs()).collect();
        let kinds = if target == Target::Rbg { &random::KINDS[..8] } else { &random::KINDS };
        let pairs = kinds.iter().flat_map(|one| kinds.iter().map(move |other| (*one, *other)));
        for (one, other) in pairs.filter(|pair| pair.0 < pair.1 && !found.contains(pair)) {
            missing.push(format!("{}: no role has {one}, and {other}", target.name()));
        }
    }
    none(&missing);
}

/// Plays two commits of each of some programs.
#[track_caller]
fn in_order(target: Target, seeds: std::ops::Range<u64>) {
    let (mut problems, mut edges, mut in_step, programs) = (Vec::new(), 0, 0, seeds.end - seeds.start);
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let first = random::program(target, GROUPS, &mut dice);
        let mut second = first.clone();
        second.change(&mut dice);
        for (name, delivery, mut engine) in engines() {
            let mut cluster = Cluster::default();
            for (number, commit) in [&first, &second].into_iter().enumerate() {
                let after = commit.edges();
                edges += after.len() as u64;
                let groups = compiled(target, &commit.source(), &delivery);
                let steps = steps(&groups);
                in_step += steps.len() as u64;
                let wide = groups.iter().filter(|group| skew(group) > random::MOST_SKEW);
                let mut found: Vec<String> = wide.map(|g| format!("{} is {}% apart", g.name, skew(g))).collect();
                let tree = tree(&groups);
                found.extend(otherwise_ordered(&tree, &after));
                let inside = target != Target::Rbg || number == 0;
                let commit = Commit { tree: &tree, edges: &after, steps: &steps, inside };
                found.extend(bring(&mut engine, &mut cluster, &commit, &mut dice));
                cluster.black_out();
                found.extend((!settles(&mut cluster, &mut dice)).then(|| "it stays dark".into()));
                let told = |problem| format!("{} {name}, seed {seed}, commit {number}: {problem}", target.name());
                problems.extend(found.into_iter().take(3).map(told));
            }
        }
    }
    none(&problems);
    assert!(edges > 20 * programs, "only {edges} dependencies were looked at");
    assert!(target == Target::Rbg || in_step > 5 * programs, "only {in_step} workloads were updated in step");
}

/// What the dependencies in RoleBasedGroups say else than the source does: who comes after whom, also
/// by way of others.
fn otherwise_ordered(tree: &Tree, edges: &Edges) -> Vec<String> {
    let mut problems = Vec::new();
    for group in written(tree).into_iter().filter(|object| object.kind() == rbg::KIND) {
        // What makes nodes ready is outside of the object.
        let inside = |node: &Node| node.0 == group.name() && node.2 != random::WARM_UP;
        let name = |node: &Node| inside(node).then(|| node.1.clone());
        let said = edges.iter().filter_map(|(later, earlier)| Some((name(later)?, name(earlier)?))).collect();
        let roles = rbg::roles(&group).into_iter();
        let told = roles.flat_map(|role| role.dependencies.into_iter().map(move |other| (role.name.clone(), other)));
        let (said, told) = (closed(said), closed(told.collect()));
        if said != told {
            problems.push(format!("{}: the source says {said:?}, the object {told:?}", group.name()));
        }
    }
    problems
}

/// All pairs that follow from some.
fn closed(mut pairs: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    loop {
        let next = |(a, b): &(String, String)| {
            let further = pairs.iter().filter(|(later, _)| later == b).map(|(_, earlier)| earlier.clone());
            further.map(|earlier| (a.clone(), earlier)).collect::<Vec<_>>()
        };
        let more: Vec<_> = pairs.iter().flat_map(next).filter(|pair| !pairs.contains(pair)).collect();
        if more.is_empty() {
            return pairs;
        }
        pairs.extend(more);
    }
}

/// Where nothing is in order, the models find it: they are no checks that cannot fail.
#[test]
fn a_missing_order_is_found() {
    let node = |role: &str| ("g".to_owned(), role.to_owned(), String::new());
    let base = "- name: demo-g-base\n";
    // A role loses its wave, and what it waits for.
    let edits = [("sync-wave: \"20\"", "sync-wave: \"10\""), ("- name: demo-g-a\n", base)];
    check_disorder(("after a", ""), &vec![(node("b"), node("a"))], &edits);
    // A warm-up is in the wave of its role, and not waited for.
    let edits = [("sync-wave: \"0\"", "sync-wave: \"10\""), ("- name: demo-g-b-warm-up\n", base)];
    let warm_up = ("g".to_owned(), "b".to_owned(), random::WARM_UP.to_owned());
    check_disorder(("pods = 2  warm-up {}", ""), &vec![(node("b"), warm_up)], &edits);
    // The steps behind the first lose theirs.
    let edits = [
        ("sync-wave: \"11\"", "sync-wave: \"10\""),
        ("sync-wave: \"12\"", "sync-wave: \"10\""),
        ("- name: demo-g-a-0\n", base),
        ("- name: demo-g-b-0\n", base),
    ];
    check_disorder(("", "coordinate a, b { rollout { } }"), &Vec::new(), &edits);
}

/// Pods that wait for each other never start, and the models find it: the compiler refuses such a
/// program, but the waits of a manifest can be edited into it.
#[test]
fn a_circle_of_waits_is_found() {
    let source = "group g {
  role a { image = \"example.com/a:1\"  interpreter = \"bash\"  port http = 8000 }
  role b { image = \"example.com/b:1\"  interpreter = \"bash\"  port http = 8000  after a { wait = true } }
  role c { image = \"example.com/c:1\"  interpreter = \"bash\"  port http = 8000  after b { wait = true } }
}
";
    let tree = tree(&compiled(Target::Native, source, &Delivery::Plain));
    let settles = |edit: (&str, &str)| {
        let mut cluster = Cluster::default();
        for mut object in objects(&tree) {
            if object.name() == "g-b" && object.template().is_some() {
                let text = serde_yaml::to_string(&object.value).expect("a text").replace(edit.0, edit.1);
                object.value = serde_yaml::from_str(&text).expect("an object");
            }
            cluster.apply(&object, "");
        }
        settles(&mut cluster, &mut Dice::new(1))
    };
    assert!(settles(("- g-a", "- g-a")));
    assert!(!settles(("- g-a", "- g-c")));
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
        let groups = compiled(Target::Native, &source, &delivery);
        let (mut tree, steps) = (tree(&groups), steps(&groups));
        for text in tree.values_mut() {
            *text = edits.iter().fold(text.clone(), |text, (old, new)| text.replace(old, new));
        }
        let commit = Commit { tree: &tree, edges, steps: &steps, inside: true };
        let found = bring(&mut engine, &mut Cluster::default(), &commit, &mut Dice::new(1));
        assert!(found.iter().any(|p| p.contains("started before")), "{name}: {found:?}");
    }
}
