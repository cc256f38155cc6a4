//! Objects with the same change are told once: the instances of a role are edited together.

use serde_json::Value;

use super::{Action, Change, Changes, Effect, Field, Pods, summary};

/// Objects of one kind and role with the same change.
pub(super) struct Bundle<'c> {
    pub objects: Vec<&'c Change>,
}

/// Names that are shown of one bundle.
const NAMES: usize = 4;
/// Fields that are shown of one object.
pub(super) const FIELDS: usize = 12;
/// Characters that are shown of a value.
const WIDTH: usize = 100;
/// Lines that are shown of a text, of those that went and of those that came.
const LINES: usize = 8;

/// The objects that differ, in their order; those without effect are left out.
pub(super) fn bundles(changes: &Changes) -> Vec<Bundle<'_>> {
    let mut bundles: Vec<Bundle<'_>> = Vec::new();
    for change in changes.objects.iter().filter(|change| change.effect != Effect::NoOp) {
        match bundles.last_mut().filter(|bundle| alike(bundle.first(), change)) {
            Some(bundle) => bundle.objects.push(change),
            None => bundles.push(Bundle { objects: vec![change] }),
        }
    }
    bundles
}

fn alike(a: &Change, b: &Change) -> bool {
    let key = |c: &Change| (c.effect, c.kind.clone(), c.namespace.clone(), c.group.clone(), c.role.clone());
    key(a) == key(b) && a.fields == b.fields && a.immutable == b.immutable && a.deleted_first == b.deleted_first
}

impl<'c> Bundle<'c> {
    pub(super) fn first(&self) -> &'c Change {
        self.objects[0]
    }

    /// `StatefulSet llm/a, b, c, d and 4 more`.
    pub(super) fn title(&self) -> String {
        let first = self.first();
        let place = first.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        let names: Vec<&str> = self.objects.iter().take(NAMES).map(|change| change.name.as_str()).collect();
        let more = self.objects.len().saturating_sub(NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        one_line(&format!("{} {place}{}{more}", first.kind, names.join(", ")))
    }

    /// What happens, in words: `rolling restart: 2 pods restart`.
    pub(super) fn effect(&self) -> String {
        let first = self.first();
        let mut text = first.effect.name().replace('-', " ");
        if first.effect == Effect::Metadata {
            text = "metadata only".into();
        }
        let pods = self.pods();
        if !pods.is_empty() {
            text += &format!(": {pods}");
        }
        text
    }

    /// `2 pods restart, 1 comes`.
    fn pods(&self) -> String {
        let all = || self.objects.iter().flat_map(|change| &change.pods);
        let count = |action| all().filter(|p: &&Pods| p.action == action).map(|p| p.count).fold(0, u64::saturating_add);
        summary::pods([Action::Restart, Action::Create, Action::Delete].map(count)).join(", ")
    }
}

/// The lines of a field: what was with `-`, what is with `+`.
pub(super) fn lines(field: &Field) -> Vec<(char, String)> {
    if let (Some(Value::String(old)), Some(Value::String(new))) = (&field.old, &field.new)
        && (old.contains('\n') || new.contains('\n'))
    {
        return texts(old, new);
    }
    let elements = field.path.ends_with("…]");
    let values = |sign: char, value: &Option<Value>| -> Vec<(char, String)> {
        match value {
            Some(Value::Array(list)) if elements => limited(sign, &list.iter().map(shown).collect::<Vec<_>>()),
            value => value.iter().map(|value| (sign, shown(value))).collect(),
        }
    };
    [values('-', &field.old), values('+', &field.new)].concat()
}

/// Some lines, and how many there are more.
fn limited<T: AsRef<str>>(sign: char, lines: &[T]) -> Vec<(char, String)> {
    let more = lines.len().saturating_sub(LINES);
    let shown = lines.iter().take(LINES).map(|line| (sign, cut(line.as_ref())));
    shown.chain((more > 0).then(|| (sign, format!("… {more} more lines")))).collect()
}

/// The lines of two texts between their common beginning and their common end.
fn texts(old: &str, new: &str) -> Vec<(char, String)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    [limited('-', &old[start..old.len() - end]), limited('+', &new[start..new.len() - end])].concat()
}

/// A value on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => cut(text),
        value => cut(&value.to_string()),
    }
}

/// Whether a text is nothing but itself without quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains(['"', '\n'])
        && serde_json::from_str::<Value>(text).is_err()
}

/// A text without line breaks: a name that has some must not begin a line.
pub(super) fn one_line(text: &str) -> String {
    text.replace('\n', "\\n").replace('\t', "\\t")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
