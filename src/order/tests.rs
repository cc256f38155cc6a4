//! What holds for whole trees: order, stability, names and addresses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Delivery, File, Order, Tool, Tree, argo, order};
use crate::check::{Group, Part, PartKind, Role, RoleId};
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::place::Clause;
use crate::place::ClauseKind::{Instances, Spread};
use crate::plan::plan;
use crate::plan::testing::*;
use crate::target::lower;
use crate::target::testing::{Json, checked, env, json, pod_spec};

mod applications;
mod health;
mod kustomizations;

fn compile(fitted: &Fitted, inventory: &Inventory, delivery: &Delivery) -> Tree {
    compile_with(fitted, inventory, delivery, false)
}

fn compile_with(fitted: &Fitted, inventory: &Inventory, delivery: &Delivery, kustomization: bool) -> Tree {
    let placement = place(fitted, inventory);
    let plan = plan(fitted, inventory, &placement);
    order(lower(&plan), &plan, delivery, kustomization)
}

/// The files of groups for Argo CD, on four racks of four nodes.
#[track_caller]
fn tree(groups: Vec<Group>, clauses: Vec<Vec<Clause>>) -> Json {
    tree_on(&inventory(4, 4), groups, clauses)
}

#[track_caller]
fn tree_on(inventory: &Inventory, groups: Vec<Group>, clauses: Vec<Vec<Clause>>) -> Json {
    let tree = compile(&fit(groups, clauses), inventory, &Delivery::Argocd(argo::Options::default()));
    tree.files.into_iter().map(|(path, file)| (path, checked(&file.body))).collect()
}

/// A store, a service that starts after it, and one that has nothing to do with them.
fn site() -> Vec<Group> {
    let mut store = group("store", vec![assembly("cache"), elastic("meta", 1, 3)]);
    store.roles[1].after = vec![after(0, 0)];
    let mut pd = service_at("pd", 1);
    pd.roles[0].after = vec![after(0, 1)];
    vec![store, pd, service_at("other", 2)]
}

fn clauses() -> Vec<Vec<Clause>> {
    let rack = require(Instances { role: 0, level: 2 });
    let spread = require(Spread { role: 1, level: 2, max_skew: Some(1), at_least: None });
    vec![vec![], vec![rack.clone(), spread.clone()], vec![rack, spread]]
}

fn wave(object: &Value) -> i64 {
    let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
    wave.as_str().and_then(|w| w.parse().ok()).expect("every object has a wave")
}

/// The workloads of a role, by component.
fn workloads<'t>(tree: &'t Json, group: &Group, role: &Role) -> Vec<&'t Value> {
    let directory = format!("{}/{}/", group.name, role.name);
    let inside = tree.iter().filter(|(path, _)| path.starts_with(&directory));
    inside.map(|(_, o)| o).filter(|o| o["spec"]["template"].is_object()).collect()
}

fn component(workload: &Value) -> &str {
    workload["spec"]["selector"]["matchLabels"]["rbg.workloads.x-k8s.io/component-name"].as_str().unwrap_or_default()
}

#[test]
fn waves_follow_after() {
    let groups = site();
    let tree = tree(site(), clauses());
    let mut edges = 0;
    for group in &groups {
        for role in &group.roles {
            let own = workloads(&tree, group, role).into_iter().map(wave).min();
            for after in &role.after {
                let before = &groups[after.role.group];
                let before = workloads(&tree, before, &before.roles[after.role.role]).into_iter().map(wave).max();
                assert!(before < own, "{before:?} {own:?} {}", role.name);
                edges += 1;
            }
        }
    }
    assert_eq!(edges, 6);
    let cache = workloads(&tree, &groups[0], &groups[0].roles[0]);
    let of = |name: &str| cache.iter().find(|w| component(w) == name).map(|w| wave(w));
    assert!(of("master") < of("shard"));
    assert_eq!(wave(&tree["store/cache/service-s-store-cache.yaml"]), -10);
    assert_eq!(wave(&tree["store/cache/networkpolicy-store-cache.yaml"]), -20);
    assert_eq!(wave(&tree["store/meta/horizontalpodautoscaler-store-meta.yaml"]), 90);
}

#[test]
fn many_steps_take_more_than_one_gap() {
    let mut cache = assembly("cache");
    let shard = cache.parts[1].clone();
    for step in 2..14 {
        let part = Part { kind: PartKind::Component(format!("c{step}")), after: vec![step - 1], ..shard.clone() };
        cache.parts.push(part);
    }
    let mut later = router(&[]);
    later.after = vec![after(0, 0)];
    let tree = tree(vec![group("g", vec![cache, later])], vec![]);
    assert_eq!(wave(&tree["g/cache/statefulset-g-cache-0-c13.yaml"]), 23);
    assert_eq!(wave(&tree["g/router/deployment-g-router.yaml"]), 30);
}

/// The templates of all workloads by path.
fn templates(tree: Json) -> BTreeMap<String, Value> {
    tree.into_iter().map(|(path, o)| (path, o["spec"]["template"].clone())).filter(|(_, t)| t.is_object()).collect()
}

/// All of `before` is in `after` and equal.
#[track_caller]
fn all_kept(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    for (path, template) in before {
        assert_eq!(after.get(path), Some(template), "{path}");
    }
}

#[test]
fn no_template_knows_how_many_replicas_there_are() {
    let before = templates(tree(site(), clauses()));
    for (group, role) in [(0, 1), (1, 0), (1, 1), (1, 2)] {
        let mut groups = site();
        let replicas = &mut groups[group].roles[role].replicas;
        (replicas.min, replicas.max) = (replicas.min + 1, replicas.max + 1);
        all_kept(&before, &templates(tree(groups, clauses())));
    }
}

#[test]
fn no_template_knows_other_groups_or_nodes() {
    let before = templates(tree(site(), clauses()));
    let mut groups = site();
    let mut more = service_at("more", 3);
    more.references.push(reference(2, RoleId { group: 1, role: 2 }, None));
    groups.push(more);
    all_kept(&before, &templates(tree(groups, clauses())));
    let mut inventory = inventory(4, 4);
    add_node(&mut inventory, 4);
    inventory.nodes[16].labels.insert("nvidia.com/gpu.product".into(), "NVIDIA-H200".into());
    all_kept(&before, &templates(tree_on(&inventory, site(), clauses())));
}

/// All pods that a tree makes by name, with their namespace.
fn pods(tree: &Json) -> BTreeSet<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let least = |name: &str| {
        let scaler = tree.values().find(|o| o["spec"]["scaleTargetRef"]["name"] == name);
        scaler.and_then(|o| o["spec"]["minReplicas"].as_u64()).unwrap_or(1)
    };
    let mut pods = BTreeSet::new();
    for set in tree.values().filter(|o| o["kind"] == "StatefulSet") {
        let name = text(&set["metadata"]["name"]);
        let first = set["spec"]["ordinals"]["start"].as_u64().unwrap_or(0);
        let count = set["spec"]["replicas"].as_u64().unwrap_or_else(|| least(&name));
        let service = text(&set["spec"]["serviceName"]);
        let address = |n: u64| (format!("{name}-{n}.{service}"), text(&set["metadata"]["namespace"]));
        pods.extend((first..first + count).map(address));
    }
    pods
}

/// All texts of a tree that name a pod behind a headless Service.
fn addresses(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let word = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
            found.extend(text.split(word).filter(|w| w.contains(".s-")).map(str::to_string));
        }
        Value::Array(list) => list.iter().for_each(|v| addresses(v, found)),
        Value::Object(map) => map.values().for_each(|v| addresses(v, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn every_address_resolves() {
    let tree = tree(site(), clauses());
    let pods = pods(&tree);
    let services: BTreeSet<&str> =
        tree.values().filter(|o| o["kind"] == "Service").filter_map(|o| o["metadata"]["name"].as_str()).collect();
    let mut count = 0;
    for object in tree.values() {
        let mut found = BTreeSet::new();
        addresses(object, &mut found);
        for address in found {
            let mut words = address.split('.');
            let (pod, service, namespace) = (words.next(), words.next(), words.next());
            let key = format!("{}.{}", pod.unwrap_or_default(), service.unwrap_or_default());
            assert!(pods.contains(&(key, namespace.unwrap_or("llm").into())), "{address}");
            assert!(services.contains(service.unwrap_or_default()), "{address}");
            count += 1;
        }
    }
    assert!(count > 20);
}

#[test]
fn every_service_account_and_selector_has_its_object() {
    let tree = tree(site(), clauses());
    let names = |kind: &str| -> BTreeSet<String> {
        let objects = tree.values().filter(|o| o["kind"] == kind);
        objects.filter_map(|o| Some(o["metadata"]["name"].as_str()?.to_string())).collect()
    };
    let (accounts, services) = (names("ServiceAccount"), names("Service"));
    let workloads: Vec<&Value> = tree.values().filter(|o| o["spec"]["template"].is_object()).collect();
    for workload in &workloads {
        assert!(accounts.contains(pod_spec(workload)["serviceAccountName"].as_str().unwrap_or_default()));
        assert!(
            workload["kind"] == "Deployment"
                || services.contains(workload["spec"]["serviceName"].as_str().unwrap_or_default())
        );
        assert!(selects(&workload["spec"]["selector"]["matchLabels"], workload));
        assert!(env(workload).iter().filter(|(name, _)| name == "RBG_GROUP_NAME").count() == 1);
    }
    for service in tree.values().filter(|o| o["kind"] == "Service") {
        assert!(workloads.iter().any(|w| selects(&service["spec"]["selector"], w)));
    }
}

fn selects(selector: &Value, workload: &Value) -> bool {
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    selector.as_object().is_some_and(|s| s.iter().all(|(key, value)| labels[key] == *value))
}

#[test]
fn no_two_workloads_select_each_others_pods() {
    let tree = tree(site(), clauses());
    let workloads: Vec<&Value> = tree.values().filter(|o| o["spec"]["template"].is_object()).collect();
    for one in &workloads {
        let same = workloads.iter().filter(|w| selects(&one["spec"]["selector"]["matchLabels"], w)).count();
        assert_eq!(same, 1, "{}", one["metadata"]["name"]);
    }
}

#[test]
fn objects_and_files_are_one_to_one() {
    let fitted = fit(site(), clauses());
    let tree = compile(&fitted, &inventory(4, 4), &Delivery::Plain);
    let identity = |file: &File| {
        let object = json(&file.body);
        (
            object["kind"].to_string(),
            object["metadata"]["namespace"].to_string(),
            object["metadata"]["name"].to_string(),
        )
    };
    let unique: BTreeSet<_> = tree.files.values().map(identity).collect();
    assert_eq!(unique.len(), tree.files.len());
}

#[test]
fn group_by_group_makes_the_same_files() {
    let (fitted, inventory) = (fit(site(), clauses()), inventory(4, 4));
    let delivery = Delivery::Argocd(argo::Options::default());
    let placement = place(&fitted, &inventory);
    let plan = plan(&fitted, &inventory, &placement);
    let order = Order::new(&plan, &delivery, false);
    let lower = |g| crate::target::lower_group(&plan, g);
    let documents: Vec<_> = (0..plan.groups.len()).map(|g| order.documents(g, lower(g))).collect();
    let (files, seen): (Vec<_>, Vec<_>) = documents.into_iter().map(|d| (d.files, d.seen)).unzip();
    let files = files.into_iter().flatten().chain(order.extra(&seen)).collect();
    assert_eq!(Tree { files }, compile(&fitted, &inventory, &delivery));
}

#[test]
fn plain_has_nothing_of_argo() {
    let fitted = fit(site(), clauses());
    let tree = compile(&fitted, &inventory(4, 4), &Delivery::Plain);
    assert!(tree.files.values().all(|f| !json(&f.body).to_string().contains("argoproj.io")));
    let router = &tree.files["pd/router/deployment-pd-router.yaml"];
    assert_eq!(router.header, "Code generated by rbgc from services/pd.rbg. DO NOT EDIT.");
    assert_eq!(router.owner, 1);
}

#[test]
fn a_path_cannot_end_its_comment() {
    let mut groups = site();
    groups[0].source = "a\nkind: Pod\u{2028}b".into();
    let tree = compile(&fit(groups, vec![]), &inventory(4, 4), &Delivery::Plain);
    assert_eq!(
        tree.files["store/base/configmap-store.yaml"].header,
        "Code generated by rbgc from a?kind: Pod?b. DO NOT EDIT."
    );
}

#[test]
fn words_of_deliveries() {
    assert_eq!(Tool::NAMES.map(Tool::parse), [Some(Tool::Argocd), Some(Tool::Flux), Some(Tool::Plain)]);
    assert_eq!(Tool::parse("helm"), None);
}
