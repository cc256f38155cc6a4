//! A small cluster: objects, and pods of workloads that come, become ready and are replaced as their
//! controllers do it. Who starts when is told to a watch, which may look at everything: it is where
//! order is checked, and where a bound on skew can be.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_yaml::Value;

use super::{lws, rbg};
use crate::scheduler::dice::Dice;
use crate::support::tree::{Object, at};

/// Kind, namespace and name.
pub type Key = (String, String, String);

/// The key of an object.
pub fn key(object: &Object) -> Key {
    (object.kind().into(), object.namespace().into(), object.name().into())
}

/// A number that tells a value from others.
pub fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A pod, or an instance of a LeaderWorkerSet.
#[derive(Debug, Clone)]
pub struct Pod {
    /// The template that it was made from: its digest.
    pub template: u64,
    /// Whether it is ready.
    pub ready: bool,
    /// Whom it waits for before it starts: host and port.
    waits: Vec<(String, String)>,
    /// Which pods of an instance of a LeaderWorkerSet there are, and whether each is ready.
    pub members: Vec<bool>,
}

/// The template of the pods that answer for an instance.
fn answering(object: &Object) -> Option<&Value> {
    object.template().or_else(|| at(&object.value, &["spec", "leaderWorkerTemplate", "leaderTemplate"]))
}

/// Whom the pods of a workload wait for.
fn waits(object: &Object) -> Vec<(String, String)> {
    let inits = answering(object).and_then(|template| at(template, &["spec", "initContainers"])?.as_sequence());
    let wait = inits.into_iter().flatten().find(|init| init["name"] == "rbg-wait");
    let args: Vec<&str> =
        wait.and_then(|w| w["args"].as_sequence()).into_iter().flatten().filter_map(Value::as_str).collect();
    // The first one is the name of the script.
    let pairs = args.get(1..).unwrap_or_default().chunks_exact(2);
    pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

/// The template of a workload's pods: its digest.
fn template(object: &Object) -> Option<u64> {
    match object.kind() {
        "LeaderWorkerSet" => at(&object.value, &["spec", "leaderWorkerTemplate"]).map(digest),
        _ => object.template().map(digest),
    }
}

/// An object in the cluster.
#[derive(Debug, Clone)]
pub struct Live {
    /// As it was applied last.
    pub object: Object,
    /// The digests of the object, and of the template of its pods.
    pub digest: u64,
    template: Option<u64>,
    /// Who applied it last.
    pub owner: String,
    /// Its pods: by ordinal, or for a Deployment in any order.
    pub pods: Vec<Option<Pod>>,
    /// The number of replicas that an autoscaler set.
    pub scaled: Option<usize>,
    /// Its controller has not done yet what was applied last. Only of objects that hold others.
    pub unfinished: bool,
}

impl Live {
    /// The number at a path of keys.
    pub fn number(&self, keys: &[&str], default: u64) -> usize {
        at(&self.object.value, keys).and_then(Value::as_u64).unwrap_or(default) as usize
    }

    /// How many pods it should have.
    fn wanted(&self) -> usize {
        self.scaled.unwrap_or(self.object.replicas() as usize)
    }

    /// Whether all pods that it should have are of its template and ready, and it has no others.
    pub fn settled(&self) -> bool {
        let Some(template) = self.template else { return !self.unfinished };
        let fine = |pod: &Option<Pod>| pod.as_ref().is_some_and(|pod| pod.ready && pod.template == template);
        self.pods.len() == self.wanted() && self.pods.iter().all(fine)
    }
}

/// Called when a pod is started, after it is there.
pub type Watch<'w> = &'w mut dyn FnMut(&Cluster, &Key);

/// All objects.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// By kind, namespace and name.
    pub objects: BTreeMap<Key, Live>,
}

impl Cluster {
    /// Creates or changes an object.
    pub fn apply(&mut self, object: &Object, owner: &str) {
        let (pods, scaled) = self.objects.remove(&key(object)).map(|live| (live.pods, live.scaled)).unwrap_or_default();
        let (digest, template) = (digest(&object.value), template(object));
        let unfinished = object.kind() == rbg::KIND;
        let live = Live { object: object.clone(), digest, template, owner: owner.into(), pods, scaled, unfinished };
        self.objects.insert(key(object), live);
        lws::scale(self);
    }

    /// Whether every workload is as it shall be.
    pub fn settled(&self) -> bool {
        self.objects.values().all(Live::settled)
    }

    /// One turn of all controllers and kubelets.
    pub fn step(&mut self, dice: &mut Dice, watch: Watch<'_>) {
        rbg::control(self, dice);
        let workloads = self.objects.iter().filter(|(_, live)| live.template.is_some()).map(|(key, _)| key.clone());
        for key in workloads.collect::<Vec<_>>() {
            let pods = self.objects.get(&key).into_iter().flat_map(|live| live.pods.iter().flatten());
            let free = |pod: &Pod| !pod.ready && pod.waits.iter().all(|wait| self.accepts(&key.1, wait));
            let free: Vec<bool> = pods.map(free).collect();
            let Live { object, pods, .. } = self.objects.get_mut(&key).expect("an object");
            for (pod, _) in pods.iter_mut().flatten().zip(free).filter(|(_, free)| *free) {
                match key.0.as_str() {
                    lws::KIND => lws::progress(object, pod, dice),
                    _ => pod.ready |= dice.below(3) == 0,
                }
            }
            if dice.below(4) > 0 {
                self.control(&key, watch);
            }
        }
    }

    /// Whether a Service accepts connections from a namespace: it has the port, and leads to a ready pod.
    fn accepts(&self, from: &str, (host, port): &(String, String)) -> bool {
        let (name, namespace) = host.split_once('.').unwrap_or((host, from));
        let service = self.objects.get(&("Service".into(), namespace.into(), name.into()));
        let Some(service) = service.map(|live| &live.object.value) else { return false };
        let ports = at(service, &["spec", "ports"]).and_then(Value::as_sequence);
        let open = ports.is_some_and(|ports| ports.iter().any(|p| p["port"].as_u64() == port.parse().ok()));
        let selector = at(service, &["spec", "selector"]).and_then(Value::as_mapping);
        let labels = |live: &Live| at(answering(&live.object)?, &["metadata", "labels"]).cloned();
        let selects = |live: &Live| {
            let labels = labels(live).filter(|_| live.object.namespace() == namespace);
            selector
                .zip(labels)
                .is_some_and(|(selector, labels)| selector.iter().all(|(k, v)| labels.get(k) == Some(v)))
        };
        let ready = |live: &Live| live.pods.iter().flatten().any(|pod| pod.ready);
        open && self.objects.values().any(|live| ready(live) && selects(live))
    }

    /// All pods are lost at once, as when the power fails.
    pub fn black_out(&mut self) {
        self.objects.values_mut().for_each(|live| live.pods.iter_mut().for_each(|pod| *pod = None));
    }

    /// One turn of the controller of a workload.
    fn control(&mut self, key: &Key, watch: Watch<'_>) {
        let Some(live) = self.objects.get(key) else { return };
        let (Some(template), wanted) = (live.template, live.wanted()) else { return };
        match key.0.as_str() {
            "Deployment" => self.deployment(key, template, wanted, watch),
            _ => self.ordinals(key, template, wanted, watch),
        }
    }

    fn start(&mut self, key: &Key, slot: usize, template: u64, watch: Watch<'_>) {
        let Live { object, pods, scaled, .. } = self.objects.get_mut(key).expect("an object");
        // What an autoscaler adds it adds at any time.
        let added = scaled.is_some() && slot >= pods.len().max(object.replicas() as usize);
        pods.resize(pods.len().max(slot + 1), None);
        pods[slot] = Some(Pod { template, ready: false, members: Vec::new(), waits: waits(object) });
        if !added {
            watch(self, key);
        }
    }

    /// A StatefulSet whose pods are made at once, and replaced from the last one, each when those
    /// behind it are ready; a LeaderWorkerSet does so with its instances.
    fn ordinals(&mut self, key: &Key, template: u64, wanted: usize, watch: Watch<'_>) {
        let live = self.objects.get_mut(key).expect("an object");
        live.pods.truncate(wanted);
        let missing = (0..wanted).find(|slot| live.pods.get(*slot).is_none_or(Option::is_none));
        let strategy = if key.0 == "LeaderWorkerSet" { "rolloutStrategy" } else { "updateStrategy" };
        let rolling = if key.0 == "LeaderWorkerSet" { "rollingUpdateConfiguration" } else { "rollingUpdate" };
        let most = live.number(&["spec", strategy, rolling, "maxUnavailable"], 1).max(1);
        if let Some(slot) = missing {
            return self.start(key, slot, template, watch);
        }
        let down = live.pods.iter().flatten().filter(|pod| !pod.ready).count();
        let stale = live.pods.iter().rposition(|pod| pod.as_ref().is_some_and(|pod| pod.template != template));
        if let Some(slot) = stale.filter(|_| down < most) {
            live.pods[slot] = None;
        }
    }

    fn deployment(&mut self, key: &Key, template: u64, wanted: usize, watch: Watch<'_>) {
        let live = self.objects.get_mut(key).expect("an object");
        let surge = live.number(&["spec", "strategy", "rollingUpdate", "maxSurge"], 1);
        let lost = live.number(&["spec", "strategy", "rollingUpdate", "maxUnavailable"], 0);
        live.pods.retain(Option::is_some);
        let is_new = |pod: &Option<Pod>| pod.as_ref().is_some_and(|pod| pod.template == template);
        let fresh = live.pods.iter().filter(|pod| is_new(pod)).count();
        if fresh < wanted && live.pods.len() < wanted + surge {
            let slot = live.pods.len();
            return self.start(key, slot, template, watch);
        }
        let ready = live.pods.iter().flatten().filter(|pod| pod.ready).count();
        let excess = |pod: &Option<Pod>| !is_new(pod) || fresh > wanted;
        if let Some(slot) = live.pods.iter().position(excess) {
            let counts = live.pods[slot].as_ref().is_some_and(|pod| pod.ready);
            if !counts || ready + lost > wanted {
                live.pods.remove(slot);
            }
        }
    }
}
