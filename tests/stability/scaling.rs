//! Roles that are scaled in step: new instances come in waves of their own, and those that stand stay.

use std::collections::BTreeMap;

use rbgc::emit::Group;
use rbgc::order::{Delivery, argo};

use super::{Desk, INVENTORY, Shop, cli, restarted, tree};
use crate::support::tree::objects;

/// Two prefills and four decodes that grow within a quarter of each other.
const SCALE: &str = "\
group g {
  namespace = \"llm\"
  role prefill { image = \"example.com/engine:1.0.0\"  replicas = 2  pods = 2  cpu = 1 }
  role decode { image = \"example.com/engine:1.0.0\"  replicas = 4  cpu = 1  after prefill }
  role router { image = \"example.com/router:1.0.0\"  replicas = 2  after decode }
  coordinate prefill, decode { scale { max-skew = 25% } }
}
";

/// Compiles for Argo CD.
#[track_caller]
fn deliver(shop: &Shop, before: &[Group]) -> Vec<Group> {
    let argocd = Delivery::Argocd(argo::Options::default());
    shop.deliver(before, &argocd, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The waves of all workloads but those of workers, by name.
fn waves(groups: &[Group]) -> BTreeMap<String, i64> {
    let all = objects(&tree(groups)).into_iter().filter(|o| o.template().is_some() && !o.name().ends_with("-workers"));
    let wave = |name: &str| name.parse::<i64>().expect("a number");
    all.map(|o| (o.name().to_owned(), wave(o.text(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]))))
        .collect()
}

#[test]
fn new_instances_come_in_step() {
    let mut shop = Shop::new(SCALE);
    let first = deliver(&shop, &[]);
    let old = waves(&first);
    // A prefill is half of all, and must never be more than a quarter ahead. A step is two waves.
    let steps = [("decode-0", 11), ("prefill-0", 12), ("decode-1", 15), ("decode-2", 15), ("prefill-1", 16)];
    for (name, wave) in steps {
        assert_eq!(old[&format!("g-{name}")], wave, "{old:?}");
    }
    assert_eq!((old["g-decode-3"], old["g-router"]), (19, 1010));
    shop.edit("replicas = 2  pods", "replicas = 3  pods").edit("replicas = 4", "replicas = 6");
    let more = deliver(&shop, &first);
    assert_eq!(restarted(&first, &more), [""; 0]);
    let new = waves(&more);
    assert!(old.iter().all(|(name, wave)| new[name] == *wave), "{old:?} {new:?}");
    // 66.7 %: a decode more is 83.3 %, then the prefill and the last decode.
    assert_eq!([new["g-decode-4"], new["g-prefill-2"], new["g-decode-5"]], [11, 12, 15], "{new:?}");
    // And what came stays where it is.
    assert_eq!(tree(&deliver(&shop, &more)), tree(&more));
}

#[test]
fn a_first_installation_starts_at_once() {
    let mut shop = Shop::new(SCALE);
    shop.install = true;
    let first = deliver(&shop, &[]);
    let all = waves(&first);
    assert!(
        all.iter().all(|(name, wave)| *wave
            == if name.contains("prefill") {
                10
            } else if name.contains("decode") {
                11
            } else {
                1010
            }),
        "{all:?}"
    );
    shop.install = false;
    assert_eq!(tree(&first), tree(&deliver(&shop, &first)));
}

#[test]
fn new_instances_come_commit_by_commit() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with = |command: &str| format!("{command} main.rbg -i inventory.yaml -o out");
    desk.write("inventory.yaml", INVENTORY);
    desk.write("main.rbg", SCALE);
    desk.run(0, &with("compile --install"));
    assert!(desk.run(0, &with("rollout plan")).out.starts_with("no roles are updated or scaled in step"));
    desk.write(
        "main.rbg",
        &SCALE.replace("replicas = 2  pods", "replicas = 3  pods").replace("replicas = 4", "replicas = 6"),
    );
    let plan = desk.run(0, &with("rollout plan")).out;
    let steps = "g: decode, prefill in 3 steps; new instances; ready shares differ by at most 16.7% at any moment\n    \
                 1  open     decode/4\n    2  open     prefill/2\n    3  open     decode/5\n";
    assert_eq!(plan, steps);
    // Each commit brings the next one, whatever the steps are counted from.
    for rest in ["prefill/2 decode/5", "decode/5", ""] {
        desk.run(0, &with("rollout next"));
        let left = desk.run(if rest.is_empty() { 0 } else { 3 }, &with("rollout status")).out;
        assert!(rest.is_empty() || left.contains(&format!("next {}", rest.split(' ').next().unwrap())), "{left}");
    }
    desk.run(0, &with("compile --check"));
}

#[test]
fn instances_leave_in_step() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with = |command: &str| format!("{command} main.rbg -i inventory.yaml -o out");
    let source =
        SCALE.replace("replicas = 2  pods", "replicas = 4  pods").replace("replicas = 4  cpu", "replicas = 8  cpu");
    desk.write("inventory.yaml", INVENTORY);
    desk.write("main.rbg", &source);
    desk.run(0, &with("compile --install"));
    desk.write("main.rbg", SCALE);
    let refused = desk.run(1, &with("compile"));
    assert!(refused.err.contains("E0941"), "{}", refused.err);
    desk.run(0, &with("diff"));
    let plan = desk.run(0, &with("rollout plan")).out;
    let steps = "g: decode, prefill in 2 steps; instances leave; shares of what stood differ by at most 25% at any moment\n    \
                 1  open     prefill/3 decode/6 decode/7\n    2  open     prefill/2 decode/4 decode/5\n";
    assert_eq!(plan, steps);
    let tree = || tree::read(&desk.0.path().join("out"));
    let before = tree();
    let mut standing = vec![(4, 8)];
    for _ in 0..9 {
        if cli::run(desk.0.path(), &with("rollout status").split(' ').collect::<Vec<_>>()).exit == 0 {
            break;
        }
        desk.run(0, &with("rollout next"));
        let tree = tree();
        let count = |role: &str| {
            tree.keys()
                .filter(|path| path.starts_with(&format!("g/{role}/statefulset-")) && !path.ends_with("-workers.yaml"))
                .count()
        };
        standing.push((count("prefill"), count("decode")));
        // Nobody is told of those that leave later.
        assert!(!tree["g/base/configmap-g.yaml"].contains("g-decode-4-0"));
        for (path, text) in tree.iter().filter(|(path, _)| path.contains("/statefulset-")) {
            assert_eq!(before[path], *text, "{path}");
        }
    }
    assert_eq!(standing, [(4, 8), (3, 6), (2, 4)]);
    desk.run(0, &with("compile --check"));
}

#[test]
fn whoever_lists_an_instance_drops_it_first() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with =
        |command: &str, delivery: &str| format!("{command} main.rbg -i inventory.yaml -o out --delivery {delivery}");
    let source = SCALE
        .replace("max-skew = 25%", "order = \"ready\"")
        .replace("after decode }", "after decode  args = decode.addresses }");
    for delivery in ["flux", "argocd"] {
        desk.write("inventory.yaml", INVENTORY);
        desk.write("main.rbg", &source.replace("replicas = 4", "replicas = 6"));
        desk.run(0, &with("compile", delivery));
        desk.write("main.rbg", &source);
        let router = || std::fs::read_to_string(desk.0.path().join("out/g/router/deployment-g-router.yaml")).unwrap();
        let there = || {
            let tree = tree::read(&desk.0.path().join("out"));
            tree.keys().any(|path| path.contains("statefulset-g-decode-5"))
        };
        if delivery == "flux" {
            let refused = desk.run(1, &with("compile", delivery)).err;
            assert!(refused.contains("E0941") && refused.contains("gone before those who list them"), "{refused}");
            let plan = desk.run(0, &with("rollout plan", delivery)).out;
            assert!(
                plan.contains("1  open     take them out of whoever lists them\n    2  open     decode/4 decode/5\n"),
                "{plan}"
            );
            let next = desk.run(0, &with("rollout next", delivery));
            assert!(next.err.contains("go on by `rbgc rollout next` for g/decode/4, g/decode/5"), "{}", next.err);
            assert!(!router().contains("g-decode-5") && there());
        }
        desk.run(0, &with("compile", delivery));
        assert!(!router().contains("g-decode-5") && !there());
        desk.run(0, &with("compile --check", delivery));
        std::fs::remove_dir_all(desk.0.path().join("out")).unwrap();
    }
}
