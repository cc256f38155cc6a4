//! `rbgc inventory`: make, show and compare inventories.

use std::path::Path;

use clap::{Args, Subcommand};

use super::report::Gathered;
use super::{Exit, Terminal};
use crate::diag::Session;
use crate::inventory::{self, Inventory};

mod diff;
mod import;
mod show;

/// Make, show and compare inventories
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  kubectl get nodes -o json > nodes.json
  rbgc inventory import nodes.json -o prod-east.yaml     from what kubectl prints
  rbgc inventory show -i prod-east.yaml                  where is room?
  rbgc inventory diff prod-east.yaml today.yaml          what has changed?

`rbgc inventory <COMMAND> --help` shows more."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::Arguments),
    Show(show::Arguments),
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    match &arguments.command {
        Command::Import(arguments) => import::run(arguments, terminal),
        Command::Show(arguments) => show::run(arguments, terminal),
        Command::Diff(arguments) => diff::run(arguments, terminal),
    }
}

/// Loads an inventory under the name that it was given by.
fn load(session: &mut Session<'_>, path: &Path) -> Option<Inventory> {
    inventory::load(session, path, &path.display().to_string())
}

/// Prints a result, unless a problem was reported.
fn finish(
    session: Session<'_>,
    report: &super::report::Arguments,
    terminal: &Terminal,
    result: Option<(String, Exit)>,
) -> Exit {
    let mut gathered = Gathered::default();
    gathered.take(session);
    match (gathered.show(report, terminal, Exit::Fine), result) {
        (Exit::Fine, Some((text, exit))) => terminal.result(&text, exit),
        (exit, _) => exit,
    }
}
