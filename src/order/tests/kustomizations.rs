//! Kustomizations of Flux: their graph, names, paths and times.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serde_json::Value;

use super::{clauses, compile, site};
use crate::check::{Coordination, Group};
use crate::order::Delivery;
use crate::order::flux::{Options, Source, SourceKind};
use crate::plan::testing::*;
use crate::target::testing::{Json, json};

fn tree_of(groups: Vec<Group>, options: Options) -> Json {
    let tree = compile(&fit(groups, clauses()), &inventory(4, 4), &Delivery::Flux(options));
    tree.files.into_iter().map(|(path, file)| (path, json(&file.body))).collect()
}

fn tree(groups: Vec<Group>) -> Json {
    tree_of(groups, Options::default())
}

/// What each Kustomization depends on, a line each.
fn edges(tree: &Json) -> String {
    let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_string();
    let line = |object: &Value| {
        let before: Vec<String> = object["spec"]["dependsOn"].as_array().into_iter().flatten().map(name).collect();
        format!("{}: {}", name(&object["metadata"]), before.join(" "))
    };
    let all = tree.iter().filter(|(path, _)| path.starts_with("flux/roles/"));
    all.map(|(_, object)| line(object).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn dependencies_are_exact_and_reduced() {
    assert_snapshot!(edges(&tree(site())), @r"
    llm-other-base: llm-other
    llm-other-decode: llm-other-base
    llm-other-prefill: llm-other-base
    llm-other-router: llm-other-prefill llm-other-decode
    llm-pd-base: llm-pd
    llm-pd-decode: llm-pd-base
    llm-pd-prefill: llm-store-meta llm-pd-base
    llm-pd-router: llm-pd-prefill llm-pd-decode
    llm-store-base: llm-store
    llm-store-cache-master: llm-store-cache
    llm-store-cache-shard: llm-store-cache-master
    llm-store-cache: llm-store-base
    llm-store-meta: llm-store-cache-shard
    ");
}

#[test]
fn another_order_renames_nothing_and_moves_nothing() {
    let before = tree(site());
    let mut groups = site();
    groups[0].roles[1].after.clear();
    groups[2].roles[0].after = vec![after(0, 1)];
    groups[0].roles[0].parts[1].after.clear();
    let after = tree(groups);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    let paths = |tree: &Json| -> BTreeMap<String, String> {
        tree.iter().map(|(path, object)| (path.clone(), object["spec"]["path"].to_string())).collect()
    };
    assert_eq!(paths(&before), paths(&after));
    assert_ne!(edges(&before), edges(&after));
}

#[test]
fn coordinated_roles_are_brought_instance_by_instance() {
    let mut group = service("pd");
    group.coordinations = vec![Coordination {
        roles: vec![(0, 1), (1, 1)],
        ratio: None,
        rollout: None,
        scale: None,
        recover: None,
        span: HERE,
    }];
    let tree = tree(vec![group]);
    assert_snapshot!(edges(&tree), @r"
    llm-pd-base: llm-pd
    llm-pd-decode-0: llm-pd-decode
    llm-pd-decode-1: llm-pd-decode
    llm-pd-decode-2: llm-pd-decode
    llm-pd-decode: llm-pd-base
    llm-pd-prefill-0: llm-pd-prefill
    llm-pd-prefill-1: llm-pd-prefill
    llm-pd-prefill: llm-pd-base
    llm-pd-router: llm-pd-prefill-0 llm-pd-prefill-1 llm-pd-decode-0 llm-pd-decode-1 llm-pd-decode-2
    ");
    assert!(tree.contains_key("pd/prefill/0/statefulset-pd-prefill-0-workers.yaml"));
    assert!(tree.contains_key("pd/prefill/service-pd-prefill.yaml"));
    assert_eq!(tree["flux/roles/pd/kustomization-llm-pd-prefill-1.yaml"]["spec"]["path"], "./pd/prefill/1");
}

#[test]
fn every_object_is_in_one_kustomization() {
    for groups in [site(), vec![service("pd")]] {
        let tree = tree(groups);
        let objects = |prefix: &str| -> BTreeSet<&str> {
            let own = tree.iter().filter(|(path, _)| path.starts_with(prefix));
            own.filter_map(|(_, object)| object["spec"]["path"].as_str()).collect()
        };
        let paths = objects("flux/roles/");
        for path in tree.keys().filter(|path| !path.starts_with("flux/")) {
            let directory = format!("./{}", path.rsplit_once('/').unwrap().0);
            assert!(paths.contains(directory.as_str()), "{path}");
        }
        // Nor is there one without objects.
        for path in paths {
            let directory = format!("{}/", path.trim_start_matches("./"));
            let own = tree.keys().filter(|p| p.strip_prefix(&directory).is_some_and(|rest| !rest.contains('/')));
            assert!(own.count() > 0, "{path}");
        }
    }
}

#[test]
fn what_a_kustomization_says() {
    let yaml = |tree: &Json, path: &str| serde_yaml::to_string(&tree[path]).expect("JSON is YAML");
    let tree = tree_of(site(), Options { path: "clusters/prod/".into(), ..Options::default() });
    assert_snapshot!(yaml(&tree, "flux/groups/kustomization-llm-pd.yaml"), @r"
    apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata:
      labels:
        app.kubernetes.io/managed-by: rbgc
      name: llm-pd
      namespace: flux-system
    spec:
      interval: 1h
      path: ./clusters/prod/flux/roles/pd
      prune: true
      retryInterval: 2m
      sourceRef:
        kind: GitRepository
        name: flux-system
      timeout: 5m
    ");
    assert_snapshot!(yaml(&tree, "flux/roles/pd/kustomization-llm-pd-prefill.yaml"), @r"
    apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata:
      labels:
        app.kubernetes.io/managed-by: rbgc
      name: llm-pd-prefill
      namespace: flux-system
    spec:
      dependsOn:
      - name: llm-store-meta
        namespace: flux-system
      - name: llm-pd-base
      interval: 1h
      path: ./clusters/prod/pd/prefill
      prune: true
      retryInterval: 2m
      sourceRef:
        kind: GitRepository
        name: flux-system
      timeout: 40m30s
      wait: true
    ");
}

#[test]
fn sources_are_made_or_named() {
    let source = |named: Option<&str>, url: Option<&str>, revision: Option<&str>| {
        let source = Source::new(named, url, revision)?;
        let tree = tree_of(vec![service("pd")], Options { source, ..Options::default() });
        let made = tree.iter().find(|(path, _)| path.contains("repository-"));
        let reference = &tree["flux/roles/pd/kustomization-llm-pd-base.yaml"]["spec"]["sourceRef"];
        Ok::<_, String>(format!("{reference} {}", made.map_or(String::new(), |(_, o)| o["spec"].to_string())))
    };
    let check = |named, url, revision, expected: &str| {
        assert_eq!(source(named, url, revision).unwrap_or_else(|e| e), expected);
    };
    check(None, None, None, r#"{"kind":"GitRepository","name":"flux-system"} "#);
    check(Some("OCIRepository/llm"), None, None, r#"{"kind":"OCIRepository","name":"llm"} "#);
    let git = r#"{"kind":"GitRepository","name":"rbgc"} "#;
    let url = Some("ssh://git@example.com/llm.git");
    let spec = |key: &str, value: &str| {
        format!(r#"{git}{{"interval":"1m","ref":{{"{key}":"{value}"}},"url":"ssh://git@example.com/llm.git"}}"#)
    };
    check(None, url, None, &spec("branch", "main"));
    check(None, url, Some("release"), &spec("branch", "release"));
    check(None, url, Some("refs/tags/v1"), &spec("name", "refs/tags/v1"));
    let commit = "0123456789abcdef0123456789abcdef01234567";
    check(None, url, Some(commit), &spec("commit", commit));
    let oci = |key: &str, value: &str| {
        let kind = r#"{"kind":"OCIRepository","name":"a.b"} "#;
        format!(r#"{kind}{{"interval":"1m","ref":{{"{key}":"{value}"}},"url":"oci://example.com/llm"}}"#)
    };
    let (named, url) = (Some("OCIRepository/a.b"), Some("oci://example.com/llm"));
    check(named, url, None, &oci("tag", "latest"));
    check(named, url, Some("sha256:0"), &oci("digest", "sha256:0"));
    check(Some("GitRepository/x"), url, None, "`oci://example.com/llm` is read by OCIRepository, not by GitRepository");
    check(
        None,
        Some("git@example.com:x"),
        None,
        "Flux reads `https://`, `ssh://` and `oci://`, not `git@example.com:x`",
    );
    check(Some("Bucket/x"), None, None, "write GitRepository/NAME or OCIRepository/NAME");
    check(Some("GitRepository/X_"), None, None, "write GitRepository/NAME or OCIRepository/NAME");
    assert_eq!(SourceKind::OciRepository.name(), "OCIRepository");
}

#[test]
fn timeouts_cover_the_slowest_update() {
    let time = |groups: Vec<Group>, name: &str| {
        let tree = tree(groups);
        tree[&format!("flux/roles/g/kustomization-llm-g-{name}.yaml")]["spec"]["timeout"].as_str().unwrap().to_owned()
    };
    // A leader that may take 30 minutes, and workers that nobody probes.
    assert_eq!(time(vec![group("g", vec![gang("prefill", 2, 4)])], "prefill"), "40m30s");
    // Three pods, one after the other.
    assert_eq!(time(vec![group("g", vec![elastic("meta", 1, 3)])], "meta"), "13m30s");
    assert_eq!(time(vec![group("g", vec![elastic("meta", 1, 3)])], "base"), "5m");
    let mut slow = elastic("meta", 1, 300);
    slow.min_ready = 540;
    assert_eq!(time(vec![group("g", vec![slow])], "meta"), "50h10m30s");
}

/// A warm-up of the planned nodes.
fn warm(role: &mut crate::check::Role) {
    let nodes = crate::check::WarmNodes::Planned;
    let (command, images, cpu, memory) = (None, Vec::new(), None, None);
    let warm_up = crate::check::WarmUp { command, images, nodes, cpu, memory, deadline: 600, retries: 3, span: HERE };
    role.warm_up = Some(warm_up);
}

#[test]
fn a_role_waits_for_its_own_warm_up_alone() {
    let mut groups = site();
    warm(&mut groups[0].roles[0]);
    warm(&mut groups[1].roles[2]);
    groups[2].roles[0].replicas = crate::check::Replicas { min: 0, max: 0 };
    warm(&mut groups[2].roles[0]);
    let tree = tree(groups);
    assert_snapshot!(edges(&tree), @r"
    llm-other-base: llm-other
    llm-other-decode: llm-other-base
    llm-other-prefill: llm-other-base
    llm-other-router: llm-other-prefill llm-other-decode
    llm-pd-base: llm-pd
    llm-pd-decode: llm-pd-base
    llm-pd-prefill: llm-store-meta llm-pd-base
    llm-pd-router-warm-up: llm-pd-base
    llm-pd-router: llm-pd-prefill llm-pd-decode llm-pd-router-warm-up
    llm-store-base: llm-store
    llm-store-cache-master: llm-store-cache
    llm-store-cache-shard: llm-store-cache-master
    llm-store-cache-warm-up: llm-store-base
    llm-store-cache: llm-store-cache-warm-up
    llm-store-meta: llm-store-cache-shard
    ");
    assert_eq!(tree["flux/roles/pd/kustomization-llm-pd-router-warm-up.yaml"]["spec"]["timeout"], "15m");
}
