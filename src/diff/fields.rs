//! Which fields of an object differ.
//!
//! Lists whose elements have names (containers, variables, ports, volumes) are compared by them,
//! all others by what is between their common beginning and their common end.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Field {
    /// Where it stands: `spec.template.spec.containers[server].image`. `args[3…]` are as many elements
    /// of a list, from the fourth on, as the values have.
    pub path: String,
    /// What it was; absent when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is; absent when it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// The fields that differ, in the order of their paths in the object.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    compare("", Some(old), Some(new), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(old), Some(new)) if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) => maps(path, old, new, found),
        (Some(Value::Array(old)), Some(Value::Array(new))) => match (by_name(old), by_name(new)) {
            (Some(a), Some(b)) if same_order(&a, &b) => named(path, &a, &b, found),
            _ => lists(path, old, new, found),
        },
        _ => found.push(Field { path: path.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

fn maps(path: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Field>) {
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        compare(&join(path, key), old.get(key), new.get(key), found);
    }
}

type Named<'v> = Vec<(&'v str, &'v Value)>;

/// The elements of a list by their names, when each has one of its own.
fn by_name(list: &[Value]) -> Option<Named<'_>> {
    let named: Option<Named<'_>> = list.iter().map(|v| Some((v.get("name")?.as_str()?, v))).collect();
    let named = named.filter(|named| !named.is_empty())?;
    let mut names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1]).then_some(named)
}

/// Whether the names that both lists have stand in the same order: else the order is a difference,
/// for a variable may use those before it.
fn same_order(a: &[(&str, &Value)], b: &[(&str, &Value)]) -> bool {
    let names = |list: &[(&str, &Value)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let (a, b) = (names(a), names(b));
    let (in_a, in_b): (BTreeSet<&String>, BTreeSet<&String>) = (a.iter().collect(), b.iter().collect());
    a.iter().filter(|name| in_b.contains(name)).eq(b.iter().filter(|name| in_a.contains(name)))
}

fn named(path: &str, old: &[(&str, &Value)], new: &[(&str, &Value)], found: &mut Vec<Field>) {
    let new_by_name: BTreeMap<&str, &Value> = new.iter().copied().collect();
    let old_names: BTreeSet<&str> = old.iter().map(|(name, _)| *name).collect();
    for (name, value) in old {
        element(path, name, Some(value), new_by_name.get(name).copied(), found);
    }
    for (name, value) in new.iter().filter(|(name, _)| !old_names.contains(name)) {
        element(path, name, None, Some(value), found);
    }
}

fn element(path: &str, name: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    compare(&format!("{path}[{name}]"), old, new, found);
}

/// Pairs of what is between the common ends, when both have as many; else all of it as one field, whose
/// path ends in `[3…]`: from the fourth element on.
fn lists(path: &str, old: &[Value], new: &[Value], found: &mut Vec<Field>) {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    if gone.len() == come.len() {
        for (index, (old, new)) in gone.iter().zip(come).enumerate() {
            compare(&format!("{path}[{}]", start + index), Some(old), Some(new), found);
        }
        return;
    }
    let some = |list: &[Value]| (!list.is_empty()).then(|| Value::Array(list.to_vec()));
    found.push(Field { path: format!("{path}[{start}…]"), old: some(gone), new: some(come) });
}

/// The path of a key: keys that are no plain words stand in brackets.
fn join(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    match (plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key}]"),
    }
}
