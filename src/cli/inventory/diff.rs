//! `rbgc inventory diff`: what differs between two inventories.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::disk::Disk;
use super::super::report;
use super::super::{Exit, Terminal};
use crate::diag::Session;
use crate::inventory::diff::{Change, Difference, difference};

/// Tell what differs between two inventories; exit with 3 if anything does
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc inventory diff prod-east.yaml today.yaml
  rbgc inventory diff prod-east.yaml today.yaml --json | jq '.removed[]'")]
pub(in super::super) struct Arguments {
    /// The inventory that was
    old: PathBuf,
    /// The inventory that is
    new: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let (old, new) = (super::load(&mut session, &arguments.old), super::load(&mut session, &arguments.new));
    let result = old.zip(new).map(|(old, new)| {
        let difference = difference(&old, &new);
        let text = if arguments.json { format!("{:#}\n", json(&difference)) } else { text(&difference) };
        (text, if difference.is_empty() { Exit::Fine } else { Exit::Stale })
    });
    super::finish(session, &report::Arguments::default(), terminal, result)
}

/// A line for each node and each fact that differs.
fn text(difference: &Difference) -> String {
    let mut out: String = difference.cluster.iter().map(|change| format!("~ {}\n", shown(change))).collect();
    out.extend(difference.removed.iter().map(|name| format!("- node {name}\n")));
    out.extend(difference.added.iter().map(|name| format!("+ node {name}\n")));
    for (name, changes) in &difference.changed {
        out.push_str(&format!("~ node {name}\n"));
        out.extend(changes.iter().map(|change| format!("    {}\n", shown(change))));
    }
    out
}

fn shown(Change { fact, old, new }: &Change) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("{fact}: {old} -> {new}"),
        (Some(old), None) => format!("{fact}: {old} -> none"),
        (None, Some(new)) => format!("{fact}: none -> {new}"),
        (None, None) => fact.clone(),
    }
}

fn json(difference: &Difference) -> Value {
    let change = |change: &Change| json!({ "fact": change.fact, "old": change.old, "new": change.new });
    let changes = |changes: &[Change]| changes.iter().map(change).collect::<Vec<_>>();
    let node = |(name, list): &(String, Vec<Change>)| json!({ "name": name, "changes": changes(list) });
    json!({
        "equal": difference.is_empty(),
        "cluster": changes(&difference.cluster),
        "added": difference.added,
        "removed": difference.removed,
        "changed": difference.changed.iter().map(node).collect::<Vec<_>>(),
    })
}
