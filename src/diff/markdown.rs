//! The difference for comments on pull requests.
//!
//! A comment on GitHub holds 65,536 characters, and whatever stands in a tree is data: names are
//! code, values stand in fences that they cannot close.

use super::bundle::{Bundle, FIELDS, bundles, lines, one_line};
use super::{Changes, Effect, summary};
use crate::diag::render::visible;
use crate::record;

/// The most bytes of the differences together.
const MOST: usize = 60_000;
/// Rows of a table.
const ROWS: usize = 100;

/// The differences of some clusters, each with a head, tables, and the fields folded away.
pub fn markdown(changes: &[Changes]) -> String {
    let share = MOST / changes.len().max(1);
    let parts: Vec<String> = changes.iter().map(|one| part(one, share)).collect();
    parts.join("\n")
}

fn part(changes: &Changes, most: usize) -> String {
    let name = changes.cluster.as_ref().map_or(String::new(), |name| format!(" of {}", code(name)));
    let mut out = format!("### Changes{name}\n\n{}\n", code_free(&summary(changes)));
    let bundles = bundles(changes);
    let sign = |effect| match effect {
        Effect::Create => "➕",
        Effect::Delete => "➖",
        Effect::Recreate => "♻️",
        Effect::RollingRestart => "🔄",
        Effect::NoOp | Effect::Metadata | Effect::InPlace => "✏️",
    };
    let row = |bundle: &Bundle<'_>| {
        let first = bundle.first();
        let mut what = bundle.effect();
        if !first.immutable.is_empty() {
            what += &format!("; cannot be changed: {}", first.immutable.join(", "));
        }
        if let Some(why) = &first.deleted_first {
            what += &format!("; {why}");
        }
        [sign(first.effect).to_owned(), code(&bundle.title()), code_free(&what)]
    };
    table(&mut out, ["", "object", "what happens"], bundles.iter().map(row).collect());
    let role = |r: &super::Role| {
        let name = code(&format!("{}/{}", r.group, r.role));
        [name, r.before.to_string(), r.restart.to_string(), r.create.to_string(), r.delete.to_string()]
    };
    table(&mut out, ["pods of", "before", "restart", "come", "go"], changes.roles.iter().map(role).collect());
    let moved = |m: &super::Move| {
        let (from, to) = record::different(&m.from, &m.to);
        let reason = m.reason.as_deref().map_or(String::new(), code_free);
        [code(&format!("{}/{}/{}", m.group, m.role, m.instance)), code(&from), code(&to), reason]
    };
    table(&mut out, ["instance that moves", "from", "to", "why"], changes.moves.iter().map(moved).collect());
    let amount = |a: &super::Amount| [code(&a.resource), code(&a.before), code(&a.after), code(&a.most)];
    table(&mut out, ["requested", "before", "after", "at most"], changes.capacity.iter().map(amount).collect());
    if !changes.waiting.is_empty() {
        let names: Vec<String> = changes.waiting.iter().map(|name| code(name)).collect();
        out += &format!(
            "\n**One commit cannot bring this about**: {} must wait for room that it frees.\n",
            names.join(", ")
        );
    }
    let room = most.saturating_sub(out.len());
    out + &details(&bundles, room)
}

/// A table, unless it has no rows.
fn table<const N: usize>(out: &mut String, head: [&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        return;
    }
    out.push_str(&format!("\n| {} |\n|{}\n", head.join(" | "), "---|".repeat(N)));
    for row in rows.iter().take(ROWS) {
        out.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    if rows.len() > ROWS {
        out.push_str(&format!("\nand {} more rows\n", rows.len() - ROWS));
    }
}

/// The fields that differ, folded away, as far as there is room.
fn details(bundles: &[Bundle<'_>], room: usize) -> String {
    let mut body = String::new();
    let (mut shown, mut all) = (0, 0);
    for bundle in bundles.iter().filter(|bundle| !bundle.first().fields.is_empty()) {
        all += 1;
        let text = visible(&fields(bundle)).into_owned();
        // The fence and the words around it need some room, too.
        if shown + 1 == all && body.len() + text.len() + 400 <= room {
            body.push_str(&text);
            shown += 1;
        }
    }
    if all == 0 {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    let more =
        if shown < all { format!("\nand {} more; `rbgc diff` shows them\n", all - shown) } else { String::new() };
    format!("\n<details><summary>Fields</summary>\n\n{fence}diff\n{body}{fence}\n{more}\n</details>\n")
}

fn fields(bundle: &Bundle<'_>) -> String {
    let first = bundle.first();
    let mut out = format!("@@ {} @@\n", bundle.title());
    for field in first.fields.iter().take(FIELDS) {
        out.push_str(&format!("  {}\n", one_line(&field.path)));
        lines(field).iter().for_each(|(sign, line)| out.push_str(&format!("{sign} {line}\n")));
    }
    let more = first.fields.len().saturating_sub(FIELDS);
    if more > 0 {
        out.push_str(&format!("  and {more} more fields\n"));
    }
    out
}

/// The most backticks one after the other.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text as code in a cell of a table.
fn code(text: &str) -> String {
    let text = visible(&one_line(text)).replace('`', "'").replace('|', "\\|");
    if text.is_empty() { text } else { format!("`{text}`") }
}

/// A text of our own words and of names, as prose in a cell of a table: nothing in it is markup.
/// Names in backticks stay code.
fn code_free(text: &str) -> String {
    let text = visible(&one_line(text)).replace('|', "\\|");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('@', "&#64;").replace('[', "\\[").replace('*', "\\*")
}
