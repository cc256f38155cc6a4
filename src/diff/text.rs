//! The difference for people.

use super::bundle::{Bundle, FIELDS, bundles, lines, one_line};
use super::{Changes, Effect, Field, Role, summary};
use crate::diag::render::{Colour, visible};
use crate::record;
use crate::view::text::Columns;

/// Bytes of two values that stand on one line.
const SHORT: usize = 80;

/// The difference as text, with a summary at its end.
pub fn text(changes: &Changes, colour: Colour) -> String {
    let mut out = String::new();
    for bundle in bundles(changes) {
        out.push_str(&object(&bundle, colour));
    }
    let sections = [restarts(&changes.roles), moves(changes), capacity(changes), waiting(changes)];
    for section in sections.iter().filter(|section| !section.is_empty()) {
        out.push_str(if out.is_empty() { "" } else { "\n" });
        out.push_str(&visible(section));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out + &format!("{}\n", visible(&summary(changes)))
}

/// An object and its fields.
fn object(bundle: &Bundle<'_>, colour: Colour) -> String {
    let first = bundle.first();
    let (sign, paint) = match first.effect {
        Effect::Create => ("+", "32"),
        Effect::Delete => ("-", "31"),
        Effect::Recreate => ("-/+", "31"),
        Effect::RollingRestart => ("~", "33"),
        Effect::NoOp | Effect::Metadata | Effect::InPlace => ("~", "36"),
    };
    let head = format!("{sign} {}  {}", bundle.title(), bundle.effect());
    let mut out = format!("{}\n", painted(&visible(&head), paint, colour));
    if let Some(why) = &first.deleted_first {
        out.push_str(&format!("    {}\n", visible(why)));
    }
    if !first.immutable.is_empty() {
        out.push_str(&format!("    cannot be changed: {}\n", visible(&one_line(&first.immutable.join(", ")))));
    }
    first.fields.iter().take(FIELDS).for_each(|field| out.push_str(&self::field(field, colour)));
    let more = first.fields.len().saturating_sub(FIELDS);
    if more > 0 {
        out.push_str(&format!("    and {more} more fields\n"));
    }
    out
}

/// A field on one line when both values are short, else with a line for each part of them.
fn field(field: &Field, colour: Colour) -> String {
    let (gone, come) = ("31", "32");
    let path = one_line(&field.path);
    let lines = lines(field);
    if let [('-', old), ('+', new)] = lines.as_slice()
        && old.len() + new.len() <= SHORT
    {
        let [old, new] = [(old, gone), (new, come)].map(|(text, paint)| painted(&visible(text), paint, colour));
        return format!("    {}: {old} -> {new}\n", visible(&path));
    }
    let line = |(sign, line): &(char, String)| {
        let paint = if *sign == '+' { come } else { gone };
        format!("      {}\n", painted(&visible(&format!("{sign} {line}")), paint, colour))
    };
    format!("    {}\n{}", visible(&path), lines.iter().map(line).collect::<String>())
}

fn painted(text: &str, paint: &str, colour: Colour) -> String {
    match colour {
        Colour::Ansi => format!("\x1b[{paint}m{text}\x1b[0m"),
        Colour::None => text.to_owned(),
    }
}

/// The pods that are replaced, role by role.
fn restarts(roles: &[Role]) -> String {
    if roles.is_empty() {
        return String::new();
    }
    let mut columns = Columns::indented("");
    columns.push(["PODS OF", "BEFORE", "RESTART", "COME", "GO"].map(str::to_owned));
    for role in roles {
        let name = format!("{}/{}", role.group, role.role);
        let [before, restart, create, delete] =
            [role.before, role.restart, role.create, role.delete].map(|count| count.to_string());
        columns.push([name, before, restart, create, delete]);
    }
    columns.finish()
}

fn moves(changes: &Changes) -> String {
    let line = |m: &super::Move| {
        let reason = m.reason.as_ref().map_or(String::new(), |reason| format!("  {reason}"));
        let (from, to) = record::different(&m.from, &m.to);
        format!("  {}/{}/{}  {from} -> {to}{reason}\n", m.group, m.role, m.instance)
    };
    let lines: String = changes.moves.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("moves:\n{lines}") }
}

fn capacity(changes: &Changes) -> String {
    if changes.capacity.is_empty() {
        return String::new();
    }
    let mut columns = Columns::indented("");
    columns.push(["REQUESTED", "BEFORE", "AFTER", "AT MOST"].map(str::to_owned));
    for amount in &changes.capacity {
        columns.push([&amount.resource, &amount.before, &amount.after, &amount.most].map(String::clone));
    }
    columns.finish()
}

fn waiting(changes: &Changes) -> String {
    if changes.waiting.is_empty() {
        return String::new();
    }
    format!(
        "one commit cannot bring this about: {} must wait for room that it frees; `rbgc plan --steps` shows the steps\n",
        changes.waiting.join(", ")
    )
}
