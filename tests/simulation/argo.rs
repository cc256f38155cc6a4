//! Argo CD: each Application works off its waves, the lowest first, and waits until all objects of
//! one are healthy; what it no longer has is pruned before, or last.
//!
//! The order of objects is that of gitops-engine, `pkg/sync/sync_tasks.go`.

use std::collections::BTreeSet;

use super::cluster::{Cluster, Key, key};
use crate::scheduler::dice::Dice;
use crate::support::tree::{Object, Tree, at, written};

/// Kinds in the order in which a wave applies them; all others come behind.
const KINDS: [&str; 14] = [
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "Role",
    "RoleBinding",
    "Service",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
];

/// Kinds whose health Argo CD knows; of others it must be told by a script.
const JUDGED: [&str; 3] = ["Deployment", "Job", "StatefulSet"];

fn annotation<'o>(object: &'o Object, name: &str) -> &'o str {
    object.text(&["metadata", "annotations", &format!("argocd.argoproj.io/{name}")])
}

fn wave(object: &Object) -> i64 {
    annotation(object, "sync-wave").parse().unwrap_or(0)
}

/// One synchronization of an Application.
pub struct Sync {
    /// The name of the Application.
    pub name: String,
    /// What is still to be applied, the next one last.
    rest: Vec<Object>,
    /// The objects of the wave at hand.
    current: Vec<Key>,
    /// What the Application shall have.
    desired: BTreeSet<Key>,
    /// Kinds whose health is known.
    judged: BTreeSet<String>,
    /// Whether the Application prunes everything last.
    patient: bool,
    pruned: bool,
    /// Whether everything was done.
    pub done: bool,
}

/// The synchronizations of all Applications of a tree.
pub fn syncs(tree: &Tree) -> Vec<Sync> {
    let all = written(tree);
    let scripts = all.iter().filter(|o| o.path.starts_with("argocd/patches/"));
    let data = scripts.filter_map(|o| at(&o.value, &["data"])?.as_mapping());
    let told = data.flat_map(|data| data.keys()).filter_map(|key| key.as_str()?.rsplit('_').next().map(str::to_owned));
    let judged: BTreeSet<String> = told.chain(JUDGED.map(str::to_owned)).collect();
    all.iter().filter(|o| o.kind() == "Application").map(|o| sync(o, &all, &judged)).collect()
}

/// The paths, from the root of the repository, below which an Application has its objects.
fn directories(application: &Object) -> Vec<String> {
    let path = application.text(&["spec", "source", "path"]);
    let include = application.text(&["spec", "source", "directory", "include"]);
    if include.is_empty() {
        return vec![format!("{path}/")];
    }
    let patterns = include.trim_start_matches('{').trim_end_matches('}').split(',');
    patterns.map(|pattern| pattern.strip_suffix("**").expect("a directory").to_owned()).collect()
}

fn sync(application: &Object, all: &[Object], judged: &BTreeSet<String>) -> Sync {
    let directories = directories(application);
    let own = all.iter().filter(|o| directories.iter().any(|d| o.path.starts_with(d)));
    let mut rest: Vec<Object> = own.cloned().collect();
    assert!(!rest.is_empty(), "Application {} has no objects", application.name());
    let kind = |o: &Object| KINDS.iter().position(|k| *k == o.kind()).unwrap_or(KINDS.len());
    rest.sort_by_cached_key(|o| (wave(o), kind(o), o.kind().to_owned(), o.name().to_owned()));
    rest.reverse();
    Sync {
        name: application.name().into(),
        desired: rest.iter().map(key).collect(),
        rest,
        current: Vec::new(),
        judged: judged.clone(),
        patient: at(&application.value, &["spec", "syncPolicy", "syncOptions"])
            .and_then(|options| options.as_sequence())
            .is_some_and(|options| options.iter().any(|option| option.as_str() == Some("PruneLast=true"))),
        pruned: false,
        done: false,
    }
}

impl Sync {
    /// Does the next thing, if there is one that may be done.
    pub fn advance(&mut self, cluster: &mut Cluster, dice: &mut Dice) {
        if !self.pruned {
            self.pruned = true;
            self.prune(cluster, false);
        }
        let last = self.current.last().and_then(|key| cluster.objects.get(key)).map(|live| wave(&live.object));
        match self.rest.last().map(wave) {
            Some(next) if last.is_none_or(|last| last == next) || self.healthy(cluster) => {
                if last.is_some_and(|last| last != next) {
                    self.current.clear();
                }
                // Some objects at a time: others may come between.
                for _ in 0..=dice.below(3) {
                    let Some(object) = self.rest.pop_if(|object| wave(object) == next) else { break };
                    cluster.apply(&object, &self.name);
                    self.current.push(key(&object));
                }
            }
            None if self.healthy(cluster) => {
                self.prune(cluster, true);
                self.done = true;
            }
            _ => {}
        }
    }

    fn healthy(&self, cluster: &Cluster) -> bool {
        let judged = self.current.iter().filter(|key| self.judged.contains(&key.0));
        judged.filter_map(|key| cluster.objects.get(key)).all(|live| live.settled())
    }

    /// Removes what the Application had and has no longer.
    fn prune(&self, cluster: &mut Cluster, last: bool) {
        cluster.objects.retain(|key, live| {
            let late = self.patient || annotation(&live.object, "sync-options").contains("PruneLast=true");
            live.owner != self.name || self.desired.contains(key) || late != last
        });
    }
}
