//! What stands stays as it was written, byte for byte, until it must move; and who moves says why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rbgc::diag::{Diagnostic, Session};
use rbgc::emit::{self, Group, Lock};
use rbgc::fit::leaving::ScaleIn;
use rbgc::order::{Delivery, argo, flux};

use crate::cli::{self, Run};
use crate::support::Memory;
use crate::support::compile::HOME;
use crate::support::tree::{self, Tree};

mod generation;
mod rollout;
mod scaling;

const INVENTORY: &str = "\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: test }
kubernetes: \"1.33\"
levels:
  - { name: zone, label: topology.kubernetes.io/zone }
  - { name: rack, label: x/rack }
  - { name: node, label: kubernetes.io/hostname }
links: { node: pcie, rack: rdma, zone: vpc }
resources: { gpu: nvidia.com/gpu, rdma: rdma/hca }
pools:
  - name: h100
    nodes: \"n[1-8]\"
    gpu: H100
    labels: { nvidia.com/gpu.product: NVIDIA-H100 }
    taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]
    dedicated: true
    domains: { zone: a, rack: \"r[1-4] x2\" }
    allocatable: { cpu: 64, memory: 1Ti, nvidia.com/gpu: 8, rdma/hca: 8 }
  - name: cpu
    nodes: \"c[1-2]\"
    domains: { zone: a }
    allocatable: { cpu: 64, memory: 256Gi }
";

/// Two instances of two nodes each, kept in their racks, and a router.
const PAIR: &str = "\
group pair {
  namespace = \"llm\"
  role decode {
    image = \"example.com/engine:1.0.0\"
    pods = 2  replicas = 2  gpus = 8  gpu = \"H100\"  rdma = 1
    port http = 8000
  }
  role router { image = \"example.com/router:1.0.0\"  replicas = 2  port http = 80  after decode }
  place { instances of decode within rack }
}
";

/// A source and an inventory.
#[derive(Debug, Clone)]
struct Shop {
    source: String,
    inventory: String,
    /// Whether nothing stands in the cluster yet.
    install: bool,
    /// How instances may leave.
    scale_in: ScaleIn,
}

impl Shop {
    fn new(source: &str) -> Self {
        Shop { source: source.into(), inventory: INVENTORY.into(), install: false, scale_in: ScaleIn::AtOnce }
    }

    /// Replaces a text of the source or of the inventory, which must be there.
    #[track_caller]
    fn edit(&mut self, old: &str, new: &str) -> &mut Self {
        let text = if self.source.contains(old) { &mut self.source } else { &mut self.inventory };
        assert!(text.contains(old), "there is no `{old}`");
        *text = text.replacen(old, new, 1);
        self
    }

    /// Compiles against the locks of what was written before; the locks are written and read again.
    #[track_caller]
    fn compile(&self, before: &[Group]) -> Vec<Group> {
        self.deliver(before, &Delivery::Plain, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    /// The same for a delivery, without some groups that go.
    fn deliver(&self, before: &[Group], delivery: &Delivery, prune: &[&str]) -> Result<Vec<Group>, Vec<Diagnostic>> {
        let mut world = Memory::default();
        world.add(Path::new(HOME).join("main.rbg"), self.source.as_str());
        world.add(Path::new(HOME).join("inventory.yaml"), self.inventory.as_str());
        let mut session = Session::new(&world, HOME);
        let mut locks = BTreeMap::new();
        for group in before {
            let file = session.sources.add(group.lock_path(), group.lock.render()).unwrap();
            locks.insert(group.name.clone(), Lock::parse(&mut session, file).expect("a sound lock"));
        }
        let options = rbgc::Options {
            check: rbgc::check::Options::default(),
            delivery: delivery.clone(),
            install: self.install,
            scale_in: self.scale_in,
            kustomization: false,
            prune: prune.iter().map(|name| (*name).to_owned()).collect(),
            effort: 1,
        };
        let sources = [PathBuf::from(HOME).join("main.rbg")];
        let inventory = Path::new(HOME).join("inventory.yaml");
        let groups = rbgc::compile(&mut session, &sources, &inventory, &locks, &options);
        groups.ok_or(session.problems)
    }
}

fn tree(groups: &[Group]) -> Tree {
    groups.iter().flat_map(|group| group.files.clone()).collect()
}

/// What moves or restarts, a line each.
fn changes(groups: &[Group]) -> Vec<String> {
    groups.iter().flat_map(|group| &group.changes).map(ToString::to_string).collect()
}

/// Names of the workloads in both trees whose pods would restart.
fn restarted(before: &[Group], after: &[Group]) -> Vec<String> {
    let (old, new) = (tree::templates(&tree(before)), tree::templates(&tree(after)));
    let differ = old.iter().filter(|(key, template)| new.get(*key).is_some_and(|t| t != *template));
    differ.map(|((_, name), _)| name.clone()).collect()
}

/// Checks that an edit after the first compilation changes no template and that nothing is said of it.
#[track_caller]
fn stays(edits: &[(&str, &str)]) {
    let mut shop = Shop::new(PAIR);
    let before = shop.compile(&[]);
    for (old, new) in edits {
        shop.edit(old, new);
    }
    let after = shop.compile(&before);
    assert_eq!(changes(&after), [""; 0], "{edits:?}");
    assert_eq!(restarted(&before, &after), [""; 0], "{edits:?}");
    // And what was kept is kept again.
    let again = shop.compile(&after);
    assert_eq!((tree(&again), changes(&again)), (tree(&after), Vec::new()));
    assert_eq!(
        again.iter().map(|g| g.lock.render()).collect::<String>(),
        after.iter().map(|g| g.lock.render()).collect::<String>()
    );
}

/// Checks what an edit after the first compilation moves or restarts, and that no template of others changes.
#[track_caller]
fn moves(edits: &[(&str, &str)], expected: &[&str]) {
    let mut shop = Shop::new(PAIR);
    let before = shop.compile(&[]);
    for (old, new) in edits {
        shop.edit(old, new);
    }
    let after = shop.compile(&before);
    assert_eq!(changes(&after), expected, "{edits:?}");
    let told = expected.iter().map(|line| line.split([' ', ':']).next().unwrap().replace('/', "-"));
    let told: Vec<String> = told.collect();
    for name in restarted(&before, &after) {
        assert!(told.iter().any(|t| name.starts_with(t)), "nothing is said of {name}");
    }
    assert_eq!(changes(&shop.compile(&after)), [""; 0], "a plan of a plan moves nothing");
}

const RACK: &str = "  - { name: rack, label: x/rack }\n";
const BLOCK: &str = "  - { name: block, label: x/block }\n  - { name: rack, label: x/rack }\n";

#[test]
fn the_inventory_learns_more() {
    // A node more, in a rack that is in use.
    let node = "    allocatable: { cpu: 64, memory: 256Gi }\n";
    let more = format!(
        "{node}nodes:\n  - {{ name: n9, labels: {{ topology.kubernetes.io/zone: a, x/rack: r1 }}, allocatable: {{ cpu: 64 }} }}\n"
    );
    stays(&[(node, &more)]);
    // A level between zone and rack.
    stays(&[(RACK, BLOCK), ("zone: a, rack:", "zone: a, block: b1, rack:")]);
    // A taint that only warns, one that is gone, and no limit of locked memory any more.
    stays(&[("effect: NoSchedule }]", "effect: NoSchedule }, { key: x/old, effect: PreferNoSchedule }]")]);
    stays(&[("    taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]\n", "")]);
    stays(&[("    dedicated: true\n", "    dedicated: true\n    memlock: unlimited\n")]);
    // Machines come in front of others by name.
}

#[test]
fn the_sources_change_elsewhere() {
    stays(&[("  role router {", "  role extra { image = \"example.com/extra:1.0.0\" }\n  role router {")]);
    stays(&[("group pair {", "// a remark\ngroup pair {")]);
}

#[test]
fn what_must_change_says_why() {
    moves(
        &[("domains: { zone: a, rack: \"r[1-4] x2\" }", "domains: { zone: a, rack: \"s[1-4] x2\" }")],
        &[
            "pair/decode/0 stays, with another affinity: `n1` has other labels now; 2 pods restart",
            "pair/decode/1 stays, with another affinity: `n3` has other labels now; 2 pods restart",
        ],
    );
    moves(
        &[("{ key: nvidia.com/gpu, effect: NoSchedule }", "{ key: x/new, effect: NoSchedule }")],
        &[
            "pair/decode/0 stays, with another affinity: `n1` has another taint or memlock limit; 2 pods restart",
            "pair/decode/1 stays, with another affinity: `n3` has another taint or memlock limit; 2 pods restart",
        ],
    );
    moves(
        &[("  namespace = \"llm\"\n", "  namespace = \"llm\"\n  pin = \"nodes\"\n")],
        &[
            "pair/decode/0 stays, with another affinity: the sources ask for something else; 2 pods restart",
            "pair/decode/1 stays, with another affinity: the sources ask for something else; 2 pods restart",
            "pair/router stays, with another affinity: the sources ask for something else; 2 pods restart",
        ],
    );
    moves(
        &[("nodes: \"n[1-8]\"", "nodes: \"m1,n[2-8]\"")],
        &["pair/decode/0 moves from n1 to m1: `n1` is gone; 1 pod restarts"],
    );
}

#[test]
fn an_old_lock_without_affinities_works() {
    let shop = Shop::new(PAIR);
    let mut before = shop.compile(&[]);
    before.iter_mut().for_each(|group| group.lock.affinities.clear());
    let after = shop.compile(&before);
    assert_eq!((tree(&after), changes(&after)), (tree(&before), Vec::new()));
}

/// Eight nodes of one rack each: prefill first, then decode after it.
const STAGED: &str = "\
group staged {
  namespace = \"llm\"
  role prefill { image = \"example.com/engine:1.0.0\"  replicas = 4  gpus = 8  port http = 8000 }
  role decode { image = \"example.com/engine:1.0.0\"  replicas = 4  gpus = 8  port http = 8000  after prefill }
  place {
    prefill apart at node
    decode apart at node
  }
}
";

/// One compilation after the other as steps, each on the tree that the one before left. What each
/// step leaves for later, and the number of compilations until nothing is left.
#[track_caller]
fn commits(shop: &Shop, before: Vec<Group>, prune: &[&str]) -> Vec<Vec<String>> {
    commits_by(&Delivery::Argocd(argo::Options::default()), shop, before, prune)
}

#[track_caller]
fn commits_by(delivery: &Delivery, shop: &Shop, mut before: Vec<Group>, prune: &[&str]) -> Vec<Vec<String>> {
    let mut later = Vec::new();
    loop {
        let groups = shop.deliver(&before, delivery, prune).expect("a plan");
        let names: Vec<String> =
            groups.iter().flat_map(|g| &g.deferred).map(|d| format!("{}/{}", d.group, d.instance)).collect();
        let locks: BTreeMap<String, Lock> = before.iter().map(|g| (g.name.clone(), g.lock.clone())).collect();
        let files = tree(&before);
        let done = names.is_empty();
        let groups = emit::defer(groups, &locks, |path| files.get(path).cloned());
        consistent(&groups, &files, &names);
        later.push(names);
        if done {
            return later;
        }
        assert!(later.len() < 9, "no end: {later:?}");
        before = groups;
    }
}

/// Every instance of the locks has its workload, and those that wait are as they were.
#[track_caller]
fn consistent(groups: &[Group], before: &Tree, deferred: &[String]) {
    for group in groups {
        for (path, list) in group.files.iter().filter(|(path, _)| path.ends_with("/kustomization.yaml")) {
            for name in list.lines().filter_map(|line| line.strip_prefix("- ")) {
                let file = path.replace("kustomization.yaml", name);
                assert!(group.files.contains_key(&file), "{path} lists `{name}`");
            }
        }
        for instance in group.lock.places.keys() {
            let path = format!("{0}/{1}/statefulset-{0}-{1}-{2}.yaml", group.name, instance.role, instance.index);
            assert!(group.files.contains_key(&path), "{path} is not there");
        }
        for name in deferred.iter().filter_map(|name| name.strip_prefix(&format!("{}/", group.name))) {
            let (role, index) = name.split_once('/').unwrap();
            let path = format!("{0}/{role}/statefulset-{0}-{role}-{index}.yaml", group.name);
            assert_eq!(group.files.get(&path), before.get(&path), "{path}");
        }
    }
}

#[test]
fn nodes_of_removed_instances_take_two_commits() {
    let mut shop = Shop::new(STAGED);
    let argocd = Delivery::Argocd(argo::Options::default());
    let before = shop.deliver(&[], &argocd, &[]).unwrap();
    assert_eq!(commits(&shop, before.clone(), &[]), [[""; 0]]);
    // Two decode instances go, and two prefill instances come to their nodes.
    shop.edit(
        "decode { image = \"example.com/engine:1.0.0\"  replicas = 4",
        "decode { image = \"example.com/engine:1.0.0\"  replicas = 2",
    );
    assert_eq!(commits(&shop, before.clone(), &[]), [[""; 0]]);
    shop.edit(
        "prefill { image = \"example.com/engine:1.0.0\"  replicas = 4",
        "prefill { image = \"example.com/engine:1.0.0\"  replicas = 6",
    );
    assert_eq!(commits(&shop, before.clone(), &[]), [vec!["staged/prefill/4", "staged/prefill/5"], vec![]]);
    // Without an order of delivery one is enough: whoever has no room waits for it and holds up nobody.
    let plain = shop.deliver(&before, &Delivery::Plain, &[]).unwrap();
    assert!(plain.iter().all(|g| g.deferred.is_empty()));
}

#[test]
fn flux_removes_first() {
    let flux = Delivery::Flux(flux::Options::default());
    let argocd = Delivery::Argocd(argo::Options::default());
    let mut shop = Shop::new(
        &STAGED
            .replace("replicas = 4  gpus = 8  port http = 8000 }", "replicas = 6  gpus = 8  port http = 8000 }")
            .replace(
                "replicas = 4  gpus = 8  port http = 8000  after",
                "replicas = 2  gpus = 8  port http = 8000  after",
            ),
    );
    let before = [&flux, &argocd].map(|delivery| shop.deliver(&[], delivery, &[]).unwrap());
    shop.source = STAGED.into();
    // Two prefill instances go, and two decode instances come to their nodes, after prefill.
    assert_eq!(commits_by(&flux, &shop, before[0].clone(), &[]), [[""; 0]]);
    assert_eq!(
        commits_by(&argocd, &shop, before[1].clone(), &[]),
        [vec!["staged/decode/2", "staged/decode/3"], vec![]]
    );
    // A role that comes after another leaves its room after it, as under Argo CD.
    let mut shop = Shop { inventory: kinds("ppddoo"), ..Shop::new(KINDS) };
    let before = shop.deliver(&[], &flux, &[]).unwrap();
    shop.inventory = kinds("ooppdd");
    assert_eq!(commits_by(&flux, &shop, before.clone(), &[]), [vec!["kinds/prefill/0", "kinds/prefill/1"], vec![]]);
    shop.inventory = kinds("ddppoo");
    let problems = shop.deliver(&before, &flux, &[]).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.code.text()).collect::<Vec<_>>(), ["E0706"]);
    // Without `after` they swap.
    shop.source = KINDS.replace("  after prefill", "");
    assert_eq!(commits_by(&flux, &shop, before, &[]), [[""; 0]]);
}

#[test]
fn nodes_of_a_removed_group() {
    let mut shop = Shop::new(STAGED);
    let argocd = Delivery::Argocd(argo::Options::default());
    let before = shop.deliver(&[], &argocd, &[]).unwrap();
    // The old group has an Application of its own, which prunes it whatever the new one does.
    shop.edit("group staged {", "group fresh {");
    assert_eq!(commits(&shop, before.clone(), &["staged"]), [[""; 0]]);
    // A group that was tied to others goes with them, at the end.
    let tied: Vec<Group> = before
        .into_iter()
        .map(|mut group| {
            group.lock.files.retain(|path, _| !path.starts_with("../argocd/"));
            group
        })
        .collect();
    let later = commits(&shop, tied, &["staged"]);
    assert_eq!((later.len(), later[0].len()), (2, 8));
}

/// Prefill on nodes of one kind, decode after it on nodes of another; each fills its own.
const KINDS: &str = "\
group kinds {
  namespace = \"llm\"
  role prefill { image = \"example.com/engine:1.0.0\"  replicas = 2  gpus = 8  port http = 8000 }
  role decode { image = \"example.com/engine:1.0.0\"  replicas = 2  gpus = 8  port http = 8000  after prefill }
  place {
    prefill apart at node
    decode apart at node
    prefill on label \"x/kind\" = \"p\"
    decode on label \"x/kind\" = \"d\"
  }
}
";

/// Nodes of two each, of these kinds.
fn kinds(kinds: &str) -> String {
    let head = &INVENTORY[..INVENTORY.find("pools:").unwrap()];
    let node = |(index, kind): (usize, char)| {
        let labels = format!("{{ topology.kubernetes.io/zone: a, x/rack: r{index}, x/kind: {kind} }}");
        format!(
            "  - {{ name: n{index}, labels: {labels}, allocatable: {{ cpu: 64, memory: 1Ti, nvidia.com/gpu: 8 }} }}\n"
        )
    };
    format!("{head}nodes:\n{}", kinds.chars().enumerate().map(node).collect::<String>())
}

#[test]
fn room_that_is_freed_in_a_later_wave() {
    let argocd = Delivery::Argocd(argo::Options::default());
    let mut shop = Shop { inventory: kinds("ppddoo"), ..Shop::new(KINDS) };
    let before = shop.deliver(&[], &argocd, &[]).unwrap();
    // Decode leaves for the last two, but only after prefill: prefill must wait.
    shop.inventory = kinds("ooppdd");
    assert_eq!(commits(&shop, before.clone(), &[]), [vec!["kinds/prefill/0", "kinds/prefill/1"], vec![]]);
    // Nobody has anywhere else to go: neither can be the first.
    shop.inventory = kinds("ddppoo");
    let problems = shop.deliver(&before, &argocd, &[]).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.code.text()).collect::<Vec<_>>(), ["E0706"]);
    let first = &problems[0].labels[0].message;
    assert!(first.starts_with("`kinds/prefill/0` waits for room on `n2`, which `kinds/decode/0`"), "{first}");
    // Within one wave they change places.
    let together = Shop { inventory: kinds("ppddoo"), ..Shop::new(&KINDS.replace("  after prefill", "")) };
    let before = together.deliver(&[], &argocd, &[]).unwrap();
    let swapped = Shop { inventory: kinds("ddppoo"), ..together };
    assert_eq!(commits(&swapped, before, &[]), [[""; 0]]);
}

/// One StatefulSet for all instances, on all nodes.
const SHARED: &str = "\
group shared {
  namespace = \"llm\"
  role server { image = \"example.com/engine:1.0.0\"  replicas = 8  gpus = 8  port http = 8000 }
}
";

#[test]
fn an_object_for_each_instance_in_the_place_of_one_for_all() {
    let argocd = Delivery::Argocd(argo::Options::default());
    let flux = Delivery::Flux(flux::Options::default());
    let mut shop = Shop::new(SHARED);
    let before = [&argocd, &flux].map(|delivery| shop.deliver(&[], delivery, &[]).unwrap());
    shop.edit("http = 8000 }", "http = 8000 }\n  place { server apart at node }");
    // The old object goes last under Argo CD, first under Flux.
    let [first, second] = commits_by(&argocd, &shop, before[0].clone(), &[]).try_into().unwrap();
    assert_eq!((first.len(), second), (8, vec![]));
    assert_eq!(commits_by(&flux, &shop, before[1].clone(), &[]), [[""; 0]]);
    // And back.
    let apart = shop.deliver(&[], &argocd, &[]).unwrap();
    shop.source = SHARED.into();
    let back = shop.deliver(&apart, &argocd, &[]).unwrap();
    assert_eq!(back[0].deferred.len(), 8);
}

/// A directory in which the program runs.
struct Desk(tempfile::TempDir);

impl Desk {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Runs the program, which must end so.
    #[track_caller]
    fn run(&self, exit: i32, line: &str) -> Run {
        let run = cli::run(self.0.path(), &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(run.exit, exit, "{line}: {}{}", run.out, run.err);
        run
    }
}

#[test]
fn the_program_goes_step_by_step() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let compile = "compile main.rbg -i inventory.yaml -o out";
    desk.write("main.rbg", KINDS);
    desk.write("inventory.yaml", &kinds("ppddoo"));
    desk.run(0, compile);
    assert_eq!(desk.run(0, "plan main.rbg -i inventory.yaml -o out --steps").out, "nothing comes, moves or goes\n");
    let verify = "plan main.rbg -i inventory.yaml -o out --verify";
    assert_eq!(desk.run(0, verify).out, "the plan holds on `test`: 4 instances\n");

    desk.write("inventory.yaml", &kinds("ooppdd"));
    let broken = desk.run(3, verify).out;
    assert!(broken.contains("  kinds/prefill/1: `n1` is no longer eligible\n"), "{broken}");
    assert!(desk.run(1, &format!("{compile} --max-moves 3")).err.contains("E0704"));
    assert!(desk.run(1, compile).err.contains("E0705"));
    let steps = desk.run(0, "plan main.rbg -i inventory.yaml -o out --steps").out;
    let expected = "commit 1\n  kinds/decode/0 moves from n2 to n4\n  kinds/decode/1 moves from n3 to n5\n\
                    commit 2\n  kinds/prefill/0 moves from n0 to n2\n  kinds/prefill/1 moves from n1 to n3\n";
    assert_eq!(steps, expected);

    let first = desk.run(0, &format!("{compile} --step"));
    assert!(first.err.contains("kinds/decode/0 moves from n2 to n4: `n2` is no longer eligible; 1 pod restarts"));
    assert!(!first.err.contains("kinds/prefill/0 moves"), "{}", first.err);
    assert!(first.err.contains("compile again for kinds/prefill/0, kinds/prefill/1\n"), "{}", first.err);
    desk.run(3, &format!("{compile} --check"));
    let second = desk.run(0, compile);
    assert!(second.err.contains("kinds/prefill/0 moves from n0 to n2"), "{}", second.err);
    desk.run(0, &format!("{compile} --check"));
    desk.run(0, verify);
    assert!(desk.run(0, &format!("{compile} --max-moves 0")).err.contains("0 written"));
}
