//! Pods restart when their template changes. So within an edition no build of the compiler may change
//! the template of a source that is as it was: the digests of all templates of the goldens are a
//! committed list, `tests/data/template-digests.txt`.
//!
//! `UPDATE_TEMPLATES=new cargo test templates` adds the templates of new goldens, and refuses when one
//! that is in the list is another one. `UPDATE_TEMPLATES=changed` takes over these, too: everybody who
//! uses the compiler restarts these pods then, which is worth an edition, or a word in CHANGELOG.md.

use std::collections::BTreeMap;
use std::fs;

use rbgc::lock::{Digest, EDITION};
use serde_yaml::Value;

use crate::support::tree;
use crate::support::{none, read, root};

const LIST: &str = "tests/data/template-digests.txt";

/// Digests by the file and the place of the template in it.
type Digests = BTreeMap<String, String>;

#[test]
fn digests_are_as_they_were() {
    let (edition, listed) = list();
    let found = goldens();
    assert!(found.len() >= 40, "only {} templates", found.len());
    let changed: Vec<String> = found
        .iter()
        .filter(|(place, digest)| listed.get(*place).is_some_and(|known| known != *digest))
        .map(|(place, _)| format!("{place}: another template"))
        .collect();
    let word = std::env::var("UPDATE_TEMPLATES").unwrap_or_default();
    if word == "changed" || word == "new" && (changed.is_empty() || edition != EDITION) {
        return write(&found);
    }
    let unlisted =
        found.keys().filter(|place| !listed.contains_key(*place)).map(|place| format!("{place}: not listed"));
    let gone = listed.keys().filter(|place| !found.contains_key(*place)).map(|place| format!("{place}: gone"));
    let mut problems: Vec<String> = changed.into_iter().chain(unlisted).chain(gone).collect();
    if edition != EDITION {
        problems.push(format!("{LIST} is of edition {edition}, the compiler of {EDITION}"));
    }
    if !problems.is_empty() {
        problems.push(format!("see tests/templates.rs about {LIST}"));
    }
    none(&problems);
}

/// The edition of the list, and what it says.
fn list() -> (u32, Digests) {
    let text = fs::read_to_string(root().join(LIST)).unwrap_or_default();
    let mut lines = text.lines();
    let edition = lines.next().and_then(|line| line.strip_prefix("edition ")?.parse().ok()).unwrap_or(0);
    let entry = |line: &str| line.split_once(' ').map(|(digest, place)| (place.to_owned(), digest.to_owned()));
    (edition, lines.filter_map(entry).collect())
}

fn write(found: &Digests) {
    let lines: String = found.iter().map(|(place, digest)| format!("{digest} {place}\n")).collect();
    fs::write(root().join(LIST), format!("edition {EDITION}\n{lines}")).unwrap();
}

/// The digests of all templates of the goldens.
fn goldens() -> Digests {
    let mut found = Digests::new();
    for (path, text) in tree::read(&root().join("golden")).iter().filter(|(path, _)| path.ends_with(".yaml")) {
        for document in serde_yaml::Deserializer::from_str(text) {
            let value: Value = serde::Deserialize::deserialize(document).unwrap();
            templates(&value, path, &mut found);
        }
    }
    found
}

/// Finds what has a pod's `spec`, wherever it stands: the kinds of a target have their own places.
fn templates(value: &Value, place: &str, found: &mut Digests) {
    let is_template = tree::at(value, &["spec", "containers"]).is_some_and(Value::is_sequence);
    match value {
        _ if is_template => drop(found.insert(place.to_owned(), Digest::of(canonical(value).as_bytes()).to_string())),
        Value::Mapping(map) => {
            for (key, value) in map {
                let key = key.as_str().unwrap_or_default();
                templates(value, &format!("{place}#{key}"), found);
            }
        }
        Value::Sequence(list) => {
            list.iter().enumerate().for_each(|(index, value)| templates(value, &format!("{place}#{index}"), found));
        }
        _ => {}
    }
}

/// A value as text in which the order of keys, which restarts nobody, plays no part.
fn canonical(value: &Value) -> String {
    match value {
        Value::Mapping(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}:{}", canonical(key), canonical(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        Value::Sequence(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => format!("{scalar:?}"),
    }
}

#[test]
fn the_order_of_keys_restarts_nobody() {
    let digest = |text: &str| {
        let mut found = Digests::new();
        templates(&serde_yaml::from_str(text).unwrap(), "f", &mut found);
        found
    };
    let first = digest("spec: { template: { spec: { containers: [{ name: a, image: b }], x: 1 } } }");
    assert_eq!(first.keys().collect::<Vec<_>>(), ["f#spec#template"]);
    assert_eq!(first, digest("spec: { template: { spec: { x: 1, containers: [{ image: b, name: a }] } } }"));
    assert_ne!(first, digest("spec: { template: { spec: { x: \"1\", containers: [{ image: b, name: a }] } } }"));
}

#[test]
fn the_list_is_sorted() {
    let text = read(&root().join(LIST));
    let places: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').nth(1)).collect();
    assert!(places.is_sorted());
}
