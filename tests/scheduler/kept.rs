//! What stands already keeps its affinity, whatever comes beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rbgc::diag::Session;
use rbgc::plan::affinity::Promise;
use rbgc::plan::kept::History;
use rbgc::{check, fit, graph, inventory, place, plan, resolve, robust};

use super::random::{LEVELS, node};
use crate::support::Memory;
use crate::support::compile::HOME;

/// For each role the level that its first pods are bound to, and what is promised of them, when
/// the workloads of these groups stand already.
fn bound(source: &str, standing: &[&str]) -> BTreeMap<String, (String, Promise)> {
    let mut world = Memory::default();
    let nodes: String = (0..8).map(|n| node(n, "z0", "b0", &format!("r{}", n / 4), 0)).collect();
    world.add(Path::new(HOME).join("main.rbg"), source);
    world.add(Path::new(HOME).join("inventory.yaml"), format!("{LEVELS}{nodes}"));
    let mut session = Session::new(&world, HOME);
    let program = resolve::resolve(&mut session, &[PathBuf::from(HOME).join("main.rbg")]);
    let model = check::check(&mut session, &program, &check::Options::default());
    let stages = graph::stages(&mut session, &model).unwrap();
    let inventory = inventory::load(&mut session, &Path::new(HOME).join("inventory.yaml"), "i").unwrap();
    let fitted = fit::fit(&mut session, model, stages, &inventory, &BTreeMap::new(), Default::default()).unwrap();
    let placement = place::place(&mut session, &fitted.problem).unwrap();
    let mut plan = plan::plan(&fitted, &inventory, &placement);
    for group in plan.groups.iter_mut().filter(|g| standing.contains(&g.source.name.as_str())) {
        let units = group.roles.iter_mut().flat_map(|role| &mut role.units);
        units.flat_map(|unit| &mut unit.sites).for_each(|site| site.history = History::Kept);
    }
    let plan = robust::robust(&mut session, &fitted.problem, plan).unwrap();
    let level = |level: Option<usize>| level.map_or("none".into(), |l| inventory.levels[l].name.clone());
    let roles = plan.groups.iter().flat_map(|g| g.roles.iter().map(|role| (&g.source.name, role)));
    let first = roles.map(|(group, role)| (group, role, &role.units[0].sites[0]));
    first.map(|(g, r, site)| (format!("{g}.{}", r.source.name), (level(site.level), site.promise))).collect()
}

const WIDE: &str = "group wide {
  role a { image = \"x/y:1\"  replicas = 2  gpus = 8  gpu = \"H100\" }
  place { a within block }
}
";
const FULL: &str = "group full {
  role a { image = \"x/y:1\"  pods = 4  gpus = 8  gpu = \"H100\" }
  place { instances of a within rack }
}
";
const HALF: &str = "group half {
  role a { image = \"x/y:1\"  replicas = 2  gpus = 4  gpu = \"H100\" }
  place { a within rack }
}
";

#[track_caller]
fn check(sources: &[&str], standing: &[&str], expected: &[(&str, &str, Promise)]) {
    let found = bound(&sources.concat(), standing);
    let found: Vec<_> =
        found.iter().map(|(name, (level, promise))| (name.as_str(), level.as_str(), *promise)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_lone_group_keeps_its_domain() {
    check(&[WIDE], &[], &[("wide.a", "block", Promise::Always)]);
    check(&[WIDE, HALF], &[], &[("half.a", "rack", Promise::Always), ("wide.a", "block", Promise::Always)]);
}

#[test]
fn the_wide_one_makes_way_for_the_full_one() {
    check(&[WIDE, FULL], &[], &[("full.a", "rack", Promise::Always), ("wide.a", "rack", Promise::Always)]);
}

#[test]
fn what_stands_is_not_touched_and_the_new_one_says_so() {
    check(&[WIDE, FULL], &["wide"], &[("full.a", "rack", Promise::Standing), ("wide.a", "block", Promise::Always)]);
}

#[test]
fn the_new_one_makes_way_for_what_stands() {
    check(&[WIDE, FULL], &["full"], &[("full.a", "rack", Promise::Always), ("wide.a", "rack", Promise::Always)]);
}
