//! Two pod templates as what they have in common, and what each adds to it.
//!
//! The controller lays the second over the first by a strategic merge patch. Such a patch that only
//! adds needs neither directives nor nulls: maps merge, lists of maps merge by their key, and every
//! other value stands in the patch alone when the two differ in it.

use crate::data::{Data, Map};
use crate::target::overrides::merge_key;

/// Volumes are of one kind each, and two kinds do not merge.
const WHOLE: &str = "volumes";

/// What two templates have in common.
pub fn common(a: &Map, b: &Map) -> Map {
    let shared = |(field, one): (&str, &Data)| {
        let value = common_value(field, one, b.get(field)?)?;
        Some((field.to_owned().into(), value))
    };
    a.iter().filter_map(shared).collect()
}

fn common_value(field: &str, one: &Data, other: &Data) -> Option<Data> {
    match (one, other) {
        (one, other) if one == other => Some(one.clone()),
        (Data::Map(one), Data::Map(other)) => Some(common(one, other)).filter(|m| !m.is_empty()).map(Data::from),
        (Data::List(one), Data::List(other)) if aligned(field, one, other) => {
            let pairs = one.iter().zip(other).filter_map(|(a, b)| Some((a.as_map()?, b.as_map()?)));
            Some(Data::List(pairs.map(|(a, b)| common(a, b).into()).collect()))
        }
        _ => None,
    }
}

/// What a template adds to a part of it that was made by [`common`].
pub fn addition(whole: &Map, part: &Map) -> Map {
    let added = |(field, value): (&str, &Data)| {
        let value = match part.get(field) {
            None => value.clone(),
            Some(known) => addition_value(field, value, known)?,
        };
        Some((field.to_owned().into(), value))
    };
    whole.iter().filter_map(added).collect()
}

fn addition_value(field: &str, whole: &Data, part: &Data) -> Option<Data> {
    match (whole, part) {
        (whole, part) if whole == part => None,
        (Data::Map(whole), Data::Map(part)) => Some(addition(whole, part).into()),
        (Data::List(whole), Data::List(part)) => {
            let key = merge_key(field)?;
            let pairs = whole.iter().zip(part).filter_map(|(a, b)| Some((a.as_map()?, b.as_map()?)));
            let elements = pairs.filter(|(a, b)| a != b).map(|(a, b)| {
                let named = Map::new().with(key, a.get(key).cloned().unwrap_or(Data::Null));
                addition(a, b).into_iter().fold(named, |map, (field, value)| map.with(field, value)).into()
            });
            Some(Data::List(elements.collect()))
        }
        (whole, _) => Some(whole.clone()),
    }
}

/// Whether the elements of two lists are the same by their key, in the same order.
fn aligned(field: &str, one: &[Data], other: &[Data]) -> bool {
    let Some(key) = merge_key(field).filter(|_| field != WHOLE) else { return false };
    let name = |data: &Data| data.as_map().and_then(|map| map.get(key)).cloned();
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| name(a).is_some() && name(a) == name(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::overrides;

    fn list(elements: Vec<Map>) -> Data {
        Data::List(elements.into_iter().map(Data::from).collect())
    }

    fn container(args: &[&str]) -> Map {
        let args = args.iter().map(|a| Data::from((*a).to_owned())).collect();
        Map::new().with("name", "c").with("image", "i").with("args", Data::List(args))
    }

    fn variable(name: &'static str, value: &'static str) -> Map {
        Map::new().with("name", name).with("value", value)
    }

    #[track_caller]
    fn check(a: &Map, b: &Map) -> Map {
        let shared = common(a, b);
        for whole in [a, b] {
            let mut merged = shared.clone();
            overrides::apply(&mut merged, &addition(whole, &shared).into(), "c");
            let sorted = |map: &Map| format!("{:?}", crate::target::testing::json(&map.clone().into()));
            assert_eq!(sorted(&merged), sorted(whole));
        }
        shared
    }

    #[test]
    fn what_differs_is_added_to_what_is_common() {
        let leader = container(&["serve"]).with("readinessProbe", Map::new().with("periodSeconds", 5));
        let worker = container(&["join", "leader"]);
        let volumes = |name: &'static str| list(vec![Map::new().with("name", name).with("emptyDir", Map::new())]);
        let spec = |main: Map, env: Vec<Map>, volume| {
            Map::new().with("containers", list(vec![main.with("env", list(env))])).with("volumes", volumes(volume))
        };
        let a = spec(leader, vec![variable("A", "1"), variable("B", "2")], "v");
        let b = spec(worker, vec![variable("A", "1"), variable("B", "3")], "w");
        let shared = check(&a, &b);
        let env = list(vec![variable("A", "1"), Map::new().with("name", "B")]);
        let expected = Map::new().with("name", "c").with("image", "i").with("env", env);
        assert_eq!(shared, Map::new().with("containers", list(vec![expected])));
    }

    #[test]
    fn lists_of_other_elements_are_not_common() {
        let with = |env: Vec<Map>| container(&[]).with("env", list(env));
        let shared = check(&with(vec![variable("A", "1")]), &with(vec![variable("B", "1"), variable("A", "1")]));
        assert_eq!(shared, container(&[]));
        assert_eq!(check(&with(vec![variable("A", "1")]), &with(vec![variable("A", "1")])).len(), 4);
    }
}
