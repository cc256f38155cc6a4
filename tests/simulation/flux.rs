//! Flux: every Kustomization by itself, whenever it likes, as kustomize-controller does it
//! (`internal/controller/kustomization_controller.go`): when those that it depends on are ready at
//! the revision of the source, it applies its objects, prunes what it no longer has, and waits.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use super::cluster::{Cluster, Key, key};
use crate::scheduler::dice::Dice;
use crate::support::tree::{Object, Tree, at, written};

/// The Kustomization by which users bring what is made for them.
const ROOT: &str = "root";

/// A Kustomization in the cluster.
#[derive(Debug, Clone, Default)]
struct Kustomization {
    path: String,
    depends: Vec<String>,
    wait: bool,
    /// Kinds whose health it is told.
    judged: BTreeSet<String>,
    inventory: BTreeSet<Key>,
    /// The revision that it was applied at, and whether all was healthy since.
    applied: u64,
    ready: bool,
}

/// Flux in a cluster.
#[derive(Debug, Default)]
pub struct Flux {
    kustomizations: BTreeMap<String, Kustomization>,
    revision: u64,
    tree: Tree,
}

impl Flux {
    /// A new revision of the source.
    pub fn fetch(&mut self, tree: &Tree) {
        self.revision += 1;
        self.tree = tree.clone();
        let path = "flux/groups".to_owned();
        self.kustomizations.entry(ROOT.into()).or_insert_with(|| Kustomization { path, ..Kustomization::default() });
    }

    /// Whether everything is ready at the last revision.
    pub fn done(&self) -> bool {
        self.kustomizations.values().all(|k| k.ready && k.applied == self.revision)
    }

    /// Lets one Kustomization look what it can do.
    pub fn advance(&mut self, cluster: &mut Cluster, dice: &mut Dice) {
        let names: Vec<String> = self.kustomizations.keys().cloned().collect();
        let name = dice.of(&names);
        let own = &self.kustomizations[name];
        if own.applied == self.revision {
            let healthy = !own.wait || own.inventory.iter().all(|key| own.healthy(cluster, key));
            self.kustomizations.get_mut(name).expect("it is there").ready = healthy;
        } else if own.depends.iter().all(|other| self.ready(other)) {
            self.reconcile(name, cluster);
        }
    }

    fn ready(&self, name: &str) -> bool {
        self.kustomizations.get(name).is_some_and(|k| k.ready && k.applied == self.revision)
    }

    fn reconcile(&mut self, name: &str, cluster: &mut Cluster) {
        let objects = self.build(&self.kustomizations[name].path);
        let new: BTreeSet<Key> = objects.iter().map(key).collect();
        for object in &objects {
            if is_kustomization(object) {
                self.accept(object);
            }
            cluster.apply(object, name);
        }
        let own = self.kustomizations.get_mut(name).expect("it is there");
        let stale: Vec<Key> = own.inventory.difference(&new).cloned().collect();
        (own.inventory, own.applied, own.ready) = (new, self.revision, false);
        self.prune(name, &stale, cluster);
    }

    /// Removes objects that are still their Kustomization's; with a Kustomization all that it has.
    fn prune(&mut self, owner: &str, stale: &[Key], cluster: &mut Cluster) {
        for key in stale {
            if cluster.objects.get(key).is_none_or(|live| live.owner != owner) {
                continue;
            }
            cluster.objects.remove(key);
            if key.0 == "Kustomization"
                && let Some(gone) = self.kustomizations.remove(&key.2)
            {
                self.prune(&key.2, &gone.inventory.into_iter().collect::<Vec<_>>(), cluster);
            }
        }
    }

    /// Takes over the specification of a Kustomization.
    fn accept(&mut self, object: &Object) {
        let names = |keys: &[&str], name: &str| -> Vec<String> {
            let list = at(&object.value, keys).and_then(Value::as_sequence).into_iter().flatten();
            list.filter_map(|value| value.get(name)?.as_str().map(str::to_owned)).collect()
        };
        let own = self.kustomizations.entry(object.name().into()).or_default();
        own.path = object.text(&["spec", "path"]).trim_start_matches("./").to_owned();
        own.depends = names(&["spec", "dependsOn"], "name");
        own.wait = at(&object.value, &["spec", "wait"]).and_then(Value::as_bool).unwrap_or(false);
        own.judged = names(&["spec", "healthCheckExprs"], "kind").into_iter().collect();
    }

    /// The objects of a path: those that its list names, or without one all below it.
    fn build(&self, path: &str) -> Vec<Object> {
        let below: Tree = self.tree.iter().filter(|(p, _)| p.starts_with(&format!("{path}/"))).map(pair).collect();
        assert!(!below.is_empty(), "{path} does not exist");
        let Some(list) = below.get(&format!("{path}/kustomization.yaml")) else { return written(&below) };
        let list: Value = serde_yaml::from_str(list).expect("YAML");
        let names = list["resources"].as_sequence().into_iter().flatten().filter_map(Value::as_str);
        let file = |name: &str| {
            let path = format!("{path}/{name}");
            below.get_key_value(&path).map(pair).unwrap_or_else(|| panic!("{path} does not exist"))
        };
        written(&names.map(file).collect())
    }
}

fn pair((path, text): (&String, &String)) -> (String, String) {
    (path.clone(), text.clone())
}

fn is_kustomization(object: &Object) -> bool {
    object.text(&["apiVersion"]).starts_with("kustomize.toolkit.fluxcd.io/")
}

impl Kustomization {
    /// Of kinds that it is not told about Flux takes all objects for ready, but for those of Kubernetes.
    /// A Job is ready when it is complete (fluxcd/pkg `runtime/statusreaders/job.go`).
    fn healthy(&self, cluster: &Cluster, key: &Key) -> bool {
        let judged = ["Deployment", "StatefulSet", "Job"].contains(&key.0.as_str()) || self.judged.contains(&key.0);
        !judged || cluster.objects.get(key).is_some_and(|live| live.settled())
    }
}
