//! What pods request: before, after, and at the most on the way.
//!
//! New pods are there before those that go, because every delivery prunes when it has applied; a
//! surge stands beside what it replaces; a StatefulSet deletes a pod before it makes the next one.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Effect;
use super::pods::Set;
use crate::quantity::Quantity;

/// An amount of a resource that pods request, as Kubernetes writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Amount {
    /// The resource.
    pub resource: String,
    /// What the old tree requests.
    pub before: String,
    /// What the new tree requests.
    pub after: String,
    /// The most that may be requested at once while the one becomes the other.
    pub most: String,
}

/// What one pod requests, by resource.
pub(super) type Requests = BTreeMap<String, Quantity>;

/// What a pod of a template requests: containers together, or the largest init container beside the
/// sidecars (`k8s.io/component-helpers/resource`). A limit without a request is one.
pub(super) fn requests(template: Option<&Value>) -> Requests {
    let list = |name: &str| template.and_then(|t| t.pointer(&format!("/spec/{name}"))).and_then(Value::as_array);
    let inits: Vec<&Value> = list("initContainers").into_iter().flatten().collect();
    let (sidecars, inits): (Vec<&Value>, Vec<&Value>) =
        inits.into_iter().partition(|c| c.get("restartPolicy").and_then(Value::as_str) == Some("Always"));
    let mut total = Requests::new();
    for container in list("containers").into_iter().flatten().chain(sidecars) {
        for (resource, amount) in of_container(container) {
            let sum = total.entry(resource).or_insert(Quantity { milli: 0, binary: amount.binary });
            sum.milli = sum.milli.saturating_add(amount.milli);
        }
    }
    for (resource, amount) in inits.into_iter().flat_map(of_container) {
        let sum = total.entry(resource).or_insert(amount);
        *sum = (*sum).max(amount);
    }
    total
}

fn of_container(container: &Value) -> Requests {
    let amounts = |name: &str| container.pointer(&format!("/resources/{name}")).and_then(Value::as_object);
    let all = amounts("limits").into_iter().chain(amounts("requests")).flatten();
    let amount = |(resource, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((resource.clone(), Quantity::parse(&text)?))
    };
    all.filter_map(amount).collect()
}

/// The sums over all objects.
#[derive(Debug, Default)]
pub(super) struct Amounts(BTreeMap<String, Sums>);

/// Before, after, at the most.
#[derive(Debug, Default)]
struct Sums {
    binary: bool,
    before: i128,
    after: i128,
    most: i128,
}

impl Amounts {
    /// Adds the pods of an object; `effect` is none when it stays as it is.
    pub(super) fn add(&mut self, (old, new): &(Vec<Set<'_>>, Vec<Set<'_>>), effect: Option<Effect>) {
        let (before, after) = (all(old), all(new));
        let surge = if effect == Some(Effect::RollingRestart) { surges(new) } else { Requests::new() };
        let resources: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for resource in resources {
            let of = |amounts: &Requests| amounts.get(resource).map_or(0, |amount| amount.milli);
            let sums = self.0.entry(resource.clone()).or_default();
            let most = of(&before).max(of(&after)).saturating_add(of(&surge));
            sums.binary |= before.get(resource).or(after.get(resource)).is_some_and(|amount| amount.binary);
            sums.before = sums.before.saturating_add(of(&before));
            sums.after = sums.after.saturating_add(of(&after));
            sums.most = sums.most.saturating_add(most);
        }
    }

    /// The resources of which more or less is requested for a while or from then on.
    pub(super) fn finish(self) -> Vec<Amount> {
        let differs = |(_, sums): &(String, Sums)| sums.before != sums.after || sums.most > sums.after;
        let amount = |(resource, sums): (String, Sums)| {
            let shown = |milli| Quantity { milli, binary: sums.binary }.to_string();
            Amount { resource, before: shown(sums.before), after: shown(sums.after), most: shown(sums.most) }
        };
        self.0.into_iter().filter(differs).map(amount).collect()
    }
}

fn all(sets: &[Set<'_>]) -> Requests {
    sum(sets.iter().map(|set| (set, set.count())))
}

fn surges(sets: &[Set<'_>]) -> Requests {
    sum(sets.iter().map(|set| (set, set.surging())))
}

fn sum<'s, 'v: 's>(sets: impl Iterator<Item = (&'s Set<'v>, u64)>) -> Requests {
    let mut total = Requests::new();
    for (set, pods) in sets {
        for (resource, amount) in &set.requests {
            let sum = total.entry(resource.clone()).or_insert(Quantity { milli: 0, binary: amount.binary });
            sum.milli = sum.milli.saturating_add(amount.milli.saturating_mul(i128::from(pods)));
        }
    }
    total
}
