//! `rbgc version`.

use clap::Args;

use super::{Exit, Terminal};

/// Print the version
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc version")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, terminal: &Terminal) -> Exit {
    terminal.result(concat!("rbgc ", env!("CARGO_PKG_VERSION"), "\n"), Exit::Fine)
}
