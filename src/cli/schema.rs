//! `rbgc schema`: JSON Schemas for editors and programs.

use clap::{Args, ValueEnum};

use super::plan::commits;
use super::{Exit, Terminal};
use crate::diag::render;
use crate::view::standing;
use crate::{diff, inventory, project, view};

/// Print a JSON Schema
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc schema inventory > inventory.schema.json    for editors, of the inventory
  rbgc schema project                              of rbgc.toml
  rbgc schema diagnostics                          of what --format json prints
  rbgc schema plan                                 of what plan --json prints
  rbgc schema diff                                 of what diff --format json prints")]
pub(super) struct Arguments {
    /// What to describe
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The inventory of a cluster
    Inventory,
    /// The project file `rbgc.toml`
    Project,
    /// The output of `--format json`
    Diagnostics,
    /// The output of `plan --json`
    Plan,
    /// The output of `plan --fail-each LEVEL --json`
    Failures,
    /// The output of `plan --verify --json`
    Verify,
    /// The output of `plan --steps --json`
    Steps,
    /// The output of `diff --format json`
    Diff,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let schema = match arguments.what {
        What::Inventory => inventory::schema(),
        What::Project => project::schema(),
        What::Diagnostics => render::json_schema(),
        What::Plan => view::schema(),
        What::Failures => view::failures_schema(),
        What::Verify => standing::schema(),
        What::Steps => commits::schema(),
        What::Diff => diff::schema(),
    };
    terminal.result(&format!("{schema:#}\n"), Exit::Fine)
}
