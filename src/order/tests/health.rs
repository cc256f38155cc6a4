//! Custom resources whose health no engine knows: as no target here makes them, by objects made by hand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::{Data, Map};
use crate::diag::Code;
use crate::order::{Delivery, Documents, Order, argo, flux, health};
use crate::plan::plan;
use crate::plan::testing::*;
use crate::target::testing::json as value;
use crate::target::{Manifest, Stage};

fn object(kind: &'static str, api: &'static str, role: usize, stage: u32) -> Manifest {
    let metadata = Map::new().with("name", "pd-prefill");
    let body: Data = Map::new().with("apiVersion", api).with("kind", kind).with("metadata", metadata).into();
    let stage = Stage::Run(stage, 0);
    Manifest { kind, name: "pd-prefill".into(), group: 0, role: Some(role), stage, body }
}

/// The files of one group with these objects, and the codes of what is told about them.
fn files(manifests: &[Manifest], delivery: &Delivery) -> (BTreeMap<String, Value>, Vec<Code>) {
    let (fitted, inventory) = (fit(vec![service("pd")], vec![]), inventory(4, 4));
    let placement = place(&fitted, &inventory);
    let plan = plan(&fitted, &inventory, &placement);
    let order = Order::new(&plan, delivery, false);
    let Documents { files, seen } = order.documents(0, manifests.to_vec());
    let seen = [seen];
    let files = files.into_iter().chain(order.extra(&seen)).map(|(path, file)| (path, value(&file.body)));
    (files.collect(), order.warnings(&seen).iter().map(|problem| problem.code).collect())
}

fn argocd() -> Delivery {
    Delivery::Argocd(argo::Options::default())
}

const LWS: &str = "leaderworkerset.x-k8s.io/v1";
const RBG: &str = "workloads.x-k8s.io/v1alpha2";

#[test]
fn argo_is_given_a_script_for_each_kind() {
    let (files, codes) = files(&[object("LeaderWorkerSet", LWS, 0, 0), object("RoleBasedGroup", RBG, 1, 0)], &argocd());
    // The router comes after them.
    assert_eq!(codes, [Code::UngatedWave]);
    for health in health::ALL.iter().filter(|health| health.script.is_some()) {
        let patch = &files[&format!("argocd/patches/configmap-{}.yaml", health.kind.to_lowercase())];
        assert_eq!(patch["metadata"], json!({"name": "argocd-cm", "namespace": "argocd"}));
        assert_eq!(patch["data"], json!({ health.key(): health.script }));
    }
    let kinds = files["argocd/appproject-pd.yaml"]["spec"]["namespaceResourceWhitelist"].as_array().unwrap();
    assert!(kinds.contains(&json!({"group": "leaderworkerset.x-k8s.io", "kind": "LeaderWorkerSet"})));
    assert!(kinds.contains(&json!({"group": "workloads.x-k8s.io", "kind": "RoleBasedGroup"})));
}

#[test]
fn nothing_is_told_where_nothing_comes_after() {
    let (tree, codes) = files(&[object("LeaderWorkerSet", LWS, 2, 1)], &argocd());
    assert!(codes.is_empty());
    assert!(tree.contains_key("argocd/patches/configmap-leaderworkerset.yaml"));
    // Another API of the same kind is not known.
    let (tree, codes) = files(&[object("LeaderWorkerSet", "example.com/v1", 0, 0)], &argocd());
    assert!(codes.is_empty() && !tree.keys().any(|path| path.contains("patches")));
}

#[test]
fn flux_is_given_an_expression_for_each_kind() {
    let delivery = Delivery::Flux(flux::Options::default());
    let (files, codes) = files(&[object("LeaderWorkerSet", LWS, 0, 0), object("RoleBasedGroup", RBG, 1, 0)], &delivery);
    assert!(codes.is_empty());
    let of =
        |role: &str| &files[&format!("flux/roles/pd/kustomization-llm-pd-{role}.yaml")]["spec"]["healthCheckExprs"];
    let prefill = &of("prefill")[0];
    assert_eq!((&prefill["apiVersion"], &prefill["kind"]), (&json!(LWS), &json!("LeaderWorkerSet")));
    assert!(prefill["inProgress"].is_string());
    let decode = &of("decode")[0];
    assert_eq!((&decode["apiVersion"], &decode["kind"]), (&json!(RBG), &json!("RoleBasedGroup")));
    // What is said of all conditions would hold while there are none.
    for expression in [prefill, decode].map(|e| e["current"].as_str().unwrap()) {
        assert!(expression.contains(".exists(") && !expression.contains(".all(") && !expression.contains('\n'));
    }
}

#[test]
fn what_an_autoscaler_owns_is_not_compared() {
    let target = Map::new().with("apiVersion", LWS).with("kind", "LeaderWorkerSet").with("name", "pd-prefill");
    let mut scaler = object("HorizontalPodAutoscaler", "autoscaling/v2", 0, 0);
    scaler.body.as_map_mut().unwrap().set("spec", Map::new().with("scaleTargetRef", target));
    let (files, _) = files(&[scaler], &argocd());
    let ignored = json!([{
        "group": "leaderworkerset.x-k8s.io", "kind": "LeaderWorkerSet", "name": "pd-prefill", "namespace": "llm",
        "jsonPointers": ["/spec/replicas"],
    }]);
    assert_eq!(files["argocd/application-pd.yaml"]["spec"]["ignoreDifferences"], ignored);
}
