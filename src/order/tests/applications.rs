//! Applications and AppProjects.

use insta::assert_snapshot;

use super::{clauses, compile, compile_with, site, tree};
use crate::order::{Delivery, argo};
use crate::plan::testing::{fit, inventory, service};
use crate::target::testing::json;

#[test]
fn groups_that_depend_on_each_other_are_one_application() {
    let tree = tree(site(), clauses());
    let argocd: Vec<&String> = tree.keys().filter(|p| p.starts_with("argocd/")).collect();
    assert_eq!(
        argocd,
        [
            "argocd/application-other.yaml",
            "argocd/application-store.yaml",
            "argocd/appproject-other.yaml",
            "argocd/appproject-store.yaml"
        ]
    );
    let yaml = |path: &str| serde_yaml::to_string(&tree[path]).expect("JSON is YAML");
    assert_snapshot!(yaml("argocd/application-store.yaml"), @r"
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata:
      annotations:
        argocd.argoproj.io/compare-options: ServerSideDiff=true,IncludeMutationWebhook=true
        argocd.argoproj.io/manifest-generate-paths: ./store;./pd
      labels:
        app.kubernetes.io/managed-by: rbgc
      name: store
      namespace: argocd
    spec:
      destination:
        namespace: llm
        server: https://kubernetes.default.svc
      ignoreDifferences:
      - group: apps
        jsonPointers:
        - /spec/replicas
        kind: StatefulSet
        name: store-meta
        namespace: llm
      project: store
      source:
        directory:
          include: '{store/**,pd/**}'
          recurse: true
        path: .
        repoURL: https://git.example.com/org/rendered.git
        targetRevision: HEAD
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
        retry:
          backoff:
            duration: 30s
            factor: 2
            maxDuration: 10m
          limit: 5
          refresh: true
        syncOptions:
        - ServerSideApply=true
        - RespectIgnoreDifferences=true
        - FailOnSharedResource=true
        - PruneLast=true
    ");
    assert_snapshot!(yaml("argocd/appproject-store.yaml"), @r"
    apiVersion: argoproj.io/v1alpha1
    kind: AppProject
    metadata:
      annotations:
        argocd.argoproj.io/sync-wave: '-1'
      labels:
        app.kubernetes.io/managed-by: rbgc
      name: store
      namespace: argocd
    spec:
      clusterResourceWhitelist: []
      description: Groups of the Application store
      destinations:
      - namespace: llm
        server: https://kubernetes.default.svc
      namespaceResourceWhitelist:
      - group: ''
        kind: ConfigMap
      - group: ''
        kind: Service
      - group: ''
        kind: ServiceAccount
      - group: apps
        kind: Deployment
      - group: apps
        kind: StatefulSet
      - group: autoscaling
        kind: HorizontalPodAutoscaler
      - group: networking.k8s.io
        kind: NetworkPolicy
      - group: policy
        kind: PodDisruptionBudget
      - group: rbac.authorization.k8s.io
        kind: Role
      - group: rbac.authorization.k8s.io
        kind: RoleBinding
      sourceRepos:
      - https://git.example.com/org/rendered.git
    ");
    let source = &tree["argocd/application-other.yaml"]["spec"]["source"];
    assert_eq!(
        *source,
        serde_json::json!({
            "repoURL": "https://git.example.com/org/rendered.git",
            "targetRevision": "HEAD",
            "path": "other",
            "directory": {"recurse": true},
        })
    );
}

#[test]
fn a_project_of_the_user_is_used() {
    let options = argo::Options { project: Some("ml".into()), path: "clusters/prod/".into(), ..Default::default() };
    let tree = compile(&fit(vec![service("pd")], vec![]), &inventory(4, 4), &Delivery::Argocd(options));
    assert!(!tree.files.contains_key("argocd/appproject-pd.yaml"));
    let application = json(&tree.files["argocd/application-pd.yaml"].body);
    assert_eq!(application["spec"]["project"], "ml");
    assert_eq!(application["spec"]["source"]["path"], "clusters/prod/pd");
}

#[test]
fn kustomize_reads_a_source_for_each_group() {
    let options = argo::Options { path: "clusters/prod".into(), ..Default::default() };
    let tree = compile_with(&fit(site(), clauses()), &inventory(4, 4), &Delivery::Argocd(options), true);
    let spec = |name: &str| json(&tree.files[&format!("argocd/application-{name}.yaml")].body)["spec"].clone();
    let source = |path: &str| {
        serde_json::json!({
            "repoURL": "https://git.example.com/org/rendered.git",
            "targetRevision": "HEAD",
            "path": path,
        })
    };
    assert_eq!(spec("other")["source"], source("clusters/prod/other"));
    let store = spec("store");
    assert_eq!(store["sources"], serde_json::json!([source("clusters/prod/store"), source("clusters/prod/pd")]));
    assert!(store["source"].is_null());
    let annotations = &json(&tree.files["argocd/application-store.yaml"].body)["metadata"]["annotations"];
    assert_eq!(annotations["argocd.argoproj.io/manifest-generate-paths"], "/clusters/prod/store;/clusters/prod/pd");
}

#[test]
fn an_application_brings_the_others() {
    let options = argo::Options { apps: Some("llm".into()), path: "out".into(), ..Default::default() };
    let tree = compile(&fit(site(), clauses()), &inventory(4, 4), &Delivery::Argocd(options));
    let file = &tree.files["argocd/application-llm.yaml"];
    assert_eq!(file.header, "Code generated by rbgc. DO NOT EDIT.");
    let spec = &json(&file.body)["spec"];
    assert_eq!((&spec["project"], &spec["source"]["path"]), (&"default".into(), &"out/argocd".into()));
    assert!(spec["source"]["directory"].is_null(), "what is applied by hand lies below it");
    assert_eq!(spec["destination"]["namespace"], "argocd");
}
