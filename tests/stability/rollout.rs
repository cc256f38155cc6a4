//! Roles that are updated in step: the waves that Argo CD brings them in.

use std::collections::{BTreeMap, BTreeSet};

use rbgc::emit::Group;
use rbgc::order::{Delivery, argo, flux};
use serde_yaml::Value;

use super::{Desk, INVENTORY, Shop, tree};
use crate::support::tree::{Object, at, objects, read};

/// Seven and three instances: 14.3 % apart at best.
const STEPS: &str = "\
group g {
  namespace = \"llm\"
  role prefill { image = \"example.com/engine:1.0.0\"  replicas = 7  pods = 2  cpu = 1  port http = 80 }
  role decode { image = \"example.com/engine:1.0.0\"  replicas = 3  cpu = 1  after prefill }
  role router { image = \"example.com/router:1.0.0\"  replicas = 2  after decode }
  coordinate prefill, decode { rollout { max-skew = 15% } }
}
";

/// Compiles for Argo CD.
#[track_caller]
fn deliver(shop: &Shop, before: &[Group]) -> Vec<Group> {
    let argocd = Delivery::Argocd(argo::Options::default());
    shop.deliver(before, &argocd, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The workloads of a role with their waves, by wave.
fn waves(groups: &[Group], role: &str) -> Vec<(i64, String)> {
    let wave = |o: &Object| o.text(&["metadata", "annotations", "argocd.argoproj.io/sync-wave"]).parse().unwrap();
    let own = objects(&tree(groups)).into_iter();
    let own = own.filter(|o| o.template().is_some() && o.path.starts_with(&format!("g/{role}/")));
    let mut found: Vec<(i64, String)> = own.map(|o| (wave(&o), o.name().to_owned())).collect();
    found.sort();
    found
}

/// The largest difference of the shares that are updated, in percent, whenever all waves up to one
/// are healthy and a step has come to its end: when the last role of the step has.
fn skew(groups: &[Group]) -> f64 {
    let leaders = |role: &str| waves(groups, role).into_iter().filter(|(_, name)| !name.ends_with("-workers"));
    let (prefill, decode): (Vec<_>, Vec<_>) = (leaders("prefill").collect(), leaders("decode").collect());
    // A step of `g` is two waves: what waits for the other role has the second one.
    let ends = (1..=7).map(|step| 10 + 2 * step);
    let share = |role: &[(i64, String)], end: i64| {
        role.iter().filter(|(wave, _)| *wave < end).count() as f64 / role.len() as f64
    };
    ends.map(|end| (share(&prefill, end) - share(&decode, end)).abs() * 100.0).fold(0.0, f64::max)
}

#[test]
fn instances_are_updated_in_step() {
    let groups = deliver(&Shop::new(STEPS), &[]);
    let found = skew(&groups);
    assert!((14.2..14.4).contains(&found), "{found}");
    let (prefill, decode) = (waves(&groups, "prefill"), waves(&groups, "decode"));
    for role in [&prefill, &decode] {
        let mut distinct: Vec<i64> = role.iter().map(|(wave, _)| *wave).collect();
        distinct.dedup();
        let instances = role.iter().filter(|(_, name)| !name.ends_with("-workers")).count();
        assert_eq!(distinct.len(), instances, "one instance at a time: {role:?}");
    }
    // Seven steps of two waves; the router comes after all of them.
    assert_eq!(prefill.last().unwrap().0, 10 + 2 * 6);
    assert!(decode.iter().all(|(wave, _)| wave % 2 == 1), "{decode:?}");
    assert!(waves(&groups, "router")[0].0 > prefill.last().unwrap().0.max(decode.last().unwrap().0));
}

/// What each Kustomization waits for, directly or not.
fn waits(groups: &[Group]) -> BTreeMap<String, BTreeSet<String>> {
    let all = objects(&tree(groups)).into_iter().filter(|o| o.path.starts_with("flux/roles/"));
    let before = |o: &Object| -> Vec<String> {
        let list = at(&o.value, &["spec", "dependsOn"]).and_then(Value::as_sequence).into_iter().flatten();
        list.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let direct: BTreeMap<String, Vec<String>> = all.map(|o| (o.name().to_owned(), before(&o))).collect();
    let closure = |name: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), direct[name].clone());
        while let Some(other) = open.pop() {
            if seen.insert(other.clone()) {
                open.extend(direct.get(&other).into_iter().flatten().cloned());
            }
        }
        seen
    };
    direct.keys().map(|name| (name.clone(), closure(name))).collect()
}

#[test]
fn flux_brings_instances_turn_by_turn() {
    let flux = Delivery::Flux(flux::Options::default());
    for (edit, limit) in [(("", ""), 14.4), (("max-skew = 15%", "max-skew = 40%  max-unavailable = 3"), 40.0)] {
        let mut shop = Shop::new(STEPS);
        shop.edit(edit.0, edit.1);
        let groups = shop.deliver(&[], &flux, &[]).unwrap();
        let waits = waits(&groups);
        let instance = |name: &String| name.rsplit('-').next().unwrap().parse::<u32>().is_ok();
        let mut earlier: BTreeSet<String> = BTreeSet::new();
        let mut done = [0.0, 0.0];
        for step in &groups[0].rollouts[0].steps {
            // Decode after prefill, in each step.
            for (role, done) in ["prefill", "decode"].into_iter().zip(&mut done) {
                let turn = step.iter().filter(|one| one.instance.role == role);
                let turn: Vec<String> = turn.map(|one| format!("llm-g-{role}-{}", one.instance.index)).collect();
                for name in &turn {
                    let before: BTreeSet<String> = waits[name].iter().filter(|n| instance(n)).cloned().collect();
                    assert_eq!(before, earlier, "{name}");
                }
                *done += turn.len() as f64;
                earlier.extend(turn);
            }
            let skew = (done[0] / 7.0 - done[1] / 3.0).abs() * 100.0;
            assert!(skew <= limit, "{skew}");
        }
        assert_eq!(done, [7.0, 3.0]);
        assert!((0..3).all(|i| waits["llm-g-router"].contains(&format!("llm-g-decode-{i}"))), "{waits:?}");
        assert!(waits.iter().all(|(name, before)| !before.contains(name)), "a circle: {waits:?}");
    }
}

#[test]
fn more_instances_at_a_time_take_fewer_steps() {
    let mut shop = Shop::new(STEPS);
    shop.edit("max-skew = 15%", "max-unavailable = 100%");
    let groups = deliver(&shop, &[]);
    assert_eq!(waves(&groups, "prefill").iter().filter(|(wave, _)| *wave == 10).count(), 2 * 7);
    assert_eq!(waves(&groups, "decode").iter().filter(|(wave, _)| *wave == 11).count(), 3);
}

#[test]
fn the_steps_are_kept_until_a_template_changes() {
    let mut shop = Shop::new(STEPS);
    let first = deliver(&shop, &[]);
    let again = deliver(&shop, &first);
    assert_eq!(tree(&first), tree(&again));
    shop.edit("replicas = 3", "replicas = 4").edit("max-skew = 15%", "max-skew = 20%");
    let more = deliver(&shop, &again);
    let (old, new) = (tree(&again), tree(&more));
    let changed: Vec<&String> =
        old.iter().filter(|(path, text)| new.get(*path) != Some(text)).map(|(p, _)| p).collect();
    assert_eq!(changed, ["g/base/configmap-g.yaml"], "of what stood");
    shop.edit("engine:1.0.0", "engine:1.1.0");
    let other = deliver(&shop, &more);
    assert_ne!(waves(&more, "decode"), waves(&other, "decode"));
    assert_eq!(waves(&other, "decode"), waves(&deliver(&shop, &[]), "decode"));
}

#[test]
fn a_first_installation_starts_at_once() {
    let mut shop = Shop::new(STEPS);
    shop.install = true;
    let first = deliver(&shop, &[]);
    assert!(waves(&first, "prefill").iter().all(|(wave, _)| *wave == 10));
    assert!(waves(&first, "decode").iter().all(|(wave, _)| *wave == 11));
    shop.install = false;
    assert_eq!(tree(&first), tree(&deliver(&shop, &first)));
    shop.edit("engine:1.0.0", "engine:1.1.0");
    let found = skew(&deliver(&shop, &first));
    assert!((14.2..14.4).contains(&found), "{found}");
}

#[test]
fn a_rollout_goes_commit_by_commit() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with = |command: &str| format!("{command} main.rbg -i inventory.yaml -o out");
    let source = STEPS.replace("replicas = 7", "replicas = 2").replace("replicas = 3", "replicas = 2");
    desk.write("inventory.yaml", INVENTORY);
    desk.write("main.rbg", &source);
    desk.run(0, &with("compile"));
    let stream = desk.run(2, "rollout status main.rbg -i inventory.yaml -o -");
    assert!(stream.err.contains("which tree? give the output directory by `-o DIR`"), "{}", stream.err);
    assert_eq!(desk.run(0, &with("rollout status")).out, "g: decode, prefill: 2 of 2 steps written, done\n");
    desk.write("main.rbg", &source.replace("engine:1.0.0", "engine:1.1.0"));
    let steps = |first: &str, second: &str| {
        format!(
            "g: decode, prefill in 2 steps; updated shares differ by at most 0% after a step, 50% during one\n    \
             1  {first}  prefill/0 decode/0\n    2  {second}  prefill/1 decode/1\n"
        )
    };
    assert_eq!(desk.run(0, &with("rollout plan")).out, steps("open   ", "open   "));
    let next = desk.run(0, &with("rollout next"));
    assert!(next.err.contains("go on by `rbgc rollout next` for g/prefill/1, g/decode/1"), "{}", next.err);
    assert_eq!(desk.run(0, &with("rollout plan")).out, steps("written", "open   "));
    let status = desk.run(3, &with("rollout status")).out;
    assert_eq!(status, "g: decode, prefill: 1 of 2 steps written, next prefill/1 decode/1\n");
    desk.run(0, &with("rollout next"));
    desk.run(0, &with("rollout status"));
    let check = desk.run(0, &with("compile --check"));
    assert_eq!(check.out, "");
    desk.write("main.rbg", &source.replace("coordinate", "// coordinate"));
    assert!(desk.run(0, &with("rollout plan")).out.starts_with("no roles are updated or scaled in step"));
}

#[test]
fn an_update_that_brings_new_instances_goes_on_step_by_step() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with = |command: &str| format!("{command} main.rbg -i inventory.yaml -o out");
    let source = "\
group g {
  namespace = \"llm\"
  role prefill { image = \"example.com/engine:1.0.0\"  replicas = 2  cpu = 1 }
  role decode { image = \"example.com/engine:1.0.0\"  replicas = 2  cpu = 1  after prefill }
  coordinate prefill, decode {
    rollout { max-skew = 50%  max-unavailable = 1 }
    scale { max-skew = 50% }
  }
}
";
    desk.write("inventory.yaml", INVENTORY);
    desk.write("main.rbg", source);
    desk.run(0, &with("compile"));
    desk.write("main.rbg", &source.replace("replicas = 2", "replicas = 3").replace("engine:1.0.0", "engine:1.1.0"));
    let next = || {
        desk.run(0, &with("rollout next"));
        let tree = read(&desk.0.path().join("out"));
        let made = |version: &str| {
            tree.iter().filter(|(path, text)| path.contains("statefulset") && text.contains(version)).count()
        };
        (made("engine:1.0.0"), made("engine:1.1.0"))
    };
    // One of each is updated with each commit, and only then come the new ones.
    assert_eq!((next(), next(), next()), ((2, 2), (0, 4), (0, 6)));
    desk.run(0, &with("rollout status"));
    desk.run(0, &with("compile --check"));
}

#[test]
fn flux_is_told_of_no_step_that_is_not_written() {
    let desk = Desk(tempfile::tempdir().unwrap());
    let with = |command: &str| format!("{command} main.rbg -i inventory.yaml -o out --delivery flux");
    desk.write("inventory.yaml", INVENTORY);
    desk.write("main.rbg", &STEPS.replace("replicas = 7", "replicas = 2").replace("replicas = 3", "replicas = 2"));
    let waits = |role: &str, expected: &str| {
        let tree = read(&desk.0.path().join("out"));
        for object in objects(&tree).iter().filter(|o| o.path.starts_with("flux/")) {
            let path = format!("{}/", object.text(&["spec", "path"]).trim_start_matches("./"));
            assert!(tree.keys().any(|file| file.starts_with(&path)), "{path} has no objects");
        }
        let text = &tree[&format!("flux/roles/g/kustomization-llm-g-{role}.yaml")];
        assert!(text.contains(&format!("  dependsOn:\n  - name: llm-g-{expected}\n  prune: true\n")), "{text}");
    };
    desk.run(0, &with("rollout next"));
    waits("router", "decode-0");
    desk.run(0, &with("rollout next"));
    waits("prefill-1", "decode-0");
    waits("router", "decode-1");
    desk.run(0, &with("compile --check"));
    // An instance more comes with its own step, and the router waits for it.
    desk.write("main.rbg", &STEPS.replace("replicas = 7", "replicas = 4").replace("replicas = 3", "replicas = 4"));
    desk.run(0, &with("rollout next"));
    waits("decode-2", "prefill-2");
    waits("router", "decode-2");
    desk.run(3, &with("rollout status"));
}
