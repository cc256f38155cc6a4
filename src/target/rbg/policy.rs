//! The CoordinatedPolicy of a group: how its roles are updated and scaled together.

use super::API;
use crate::check::{Amount, CoordinatedRollout, CoordinatedScaling, Coordination, Progression};
use crate::data::{Data, Map};
use crate::plan::Group;
use crate::target::{Object, Stage, text, texts};

/// The policy, when some roles are coordinated in a way that needs one. Only the name ties it to the
/// group; it is read when the group changes, so it is brought before.
pub fn policy(group: &Group<'_>) -> Option<Object> {
    let rules: Vec<Map> = group.source.coordinations.iter().filter_map(|c| rule(group, c)).collect();
    let fields = Map::new().with("spec", Map::new().with("policies", rules.clone()));
    let object = || Object::new(API, "CoordinatedPolicy", group.source.name.clone(), Stage::Base, fields);
    (!rules.is_empty()).then(object)
}

fn rule(group: &Group<'_>, coordination: &Coordination) -> Option<Map> {
    let roles = coordination.roles.iter().filter_map(|(role, _)| group.source.roles.get(*role));
    let names: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
    let mut strategy = Map::new();
    strategy
        .set_some("rollingUpdate", coordination.rollout.as_ref().map(rolling_update).filter(|map| !map.is_empty()))
        .set_some("scaling", coordination.scale.as_ref().map(scaling));
    let rule = || Map::new().with("name", names.join("-")).with("roles", texts(names.iter().copied()));
    (!strategy.is_empty()).then(|| rule().with("strategy", strategy))
}

fn rolling_update(rollout: &CoordinatedRollout) -> Map {
    let mut map = Map::new();
    map.set_some("maxSkew", rollout.max_skew.map(|share| amount(Amount::Share(share))))
        .set_some("maxUnavailable", rollout.max_unavailable.map(amount));
    map
}

/// The progression is always written: without one the controller waits for nothing, and there is no
/// default.
fn scaling(scaling: &CoordinatedScaling) -> Map {
    let progression = match scaling.order {
        Progression::Scheduled => "OrderScheduled",
        Progression::Ready => "OrderReady",
    };
    let mut map = Map::new();
    map.set_some("maxSkew", scaling.max_skew.map(|share| amount(Amount::Share(share))));
    map.with("progression", progression)
}

/// Shares are whole percentages, which `fit` has seen to.
fn amount(amount: Amount) -> Data {
    match amount {
        Amount::Count(count) => count.into(),
        Amount::Share(share) => text(&format!("{}%", share.millionths / 10_000)),
    }
}
