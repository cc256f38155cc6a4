//! The command line: arguments, exit codes, and one file a command.
//!
//! Only this module (and the writer of trees) touches the disk, the environment and the clock.
//! Results go to standard output, everything said about them to standard error; JSON diagnostics
//! are a result.

// The ban protects the compiler's core, which must not depend on where and when it runs.
#![allow(clippy::disallowed_methods)]

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

mod check;
mod compile;
mod completions;
mod delivery;
mod diff;
mod disk;
mod dump;
mod explain;
mod fmt;
mod graph;
mod guard;
mod inventory;
mod jobs;
mod locks;
mod plan;
mod report;
mod rollout;
mod schema;
mod sources;
mod std_library;
mod terminal;
mod version;

use terminal::Terminal;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is fine.
    Fine = 0,
    /// The input is wrong, or the output could not be written; diagnostics say why.
    Problems = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Something differs: `compile --check`, `diff --exit-code`, `fmt --check` or `inventory diff`
    /// found it.
    Stale = 3,
    /// The compiler itself is wrong.
    Internal = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Compiles groups of roles to placed, ordered Kubernetes manifests for GitOps.
#[derive(Debug, Parser)]
#[command(name = "rbgc", version, about, after_help = EXIT_CODES, infer_subcommands = false)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  the input is wrong, or the output could not be written
  2  the command line is wrong
  3  something differs or is left: `compile --check`, `diff --exit-code`, `fmt --check`,
     `inventory diff`, `rollout status`
  4  an error of the compiler itself

`rbgc <COMMAND> --help` shows examples.";

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = "Global options")]
    directory: Option<PathBuf>,
    /// Use colours; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are heeded
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, help_heading = "Global options")]
    color: terminal::When,
    /// Print errors and results only
    #[arg(short, long, global = true, help_heading = "Global options")]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(visible_alias = "build")]
    Compile(compile::Arguments),
    Check(check::Arguments),
    Plan(plan::Arguments),
    Rollout(rollout::Arguments),
    Diff(diff::Arguments),
    Fmt(fmt::Arguments),
    Explain(explain::Arguments),
    Dump(dump::Arguments),
    Graph(graph::Arguments),
    Inventory(inventory::Arguments),

    Std(std_library::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
    Version(version::Arguments),
}

/// Runs the program with the arguments and standard streams of the process.
pub fn main() -> ExitCode {
    guard::run(|| run(std::env::args_os().collect())).into()
}

fn run(arguments: Vec<OsString>) -> Exit {
    let matches = Cli::command().try_get_matches_from(arguments);
    let cli = match matches.and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => return usage(&e),
    };
    let terminal = Terminal::new(cli.global.color, cli.global.quiet);
    if let Some(directory) = &cli.global.directory
        && let Err(e) = std::env::set_current_dir(directory)
    {
        return terminal.misuse(&format!("cannot change to `{}`: {e}", directory.display()));
    }
    match cli.command {
        Command::Compile(arguments) => compile::run(&arguments, &terminal),
        Command::Check(arguments) => check::run(&arguments, &terminal),
        Command::Plan(arguments) => plan::run(&arguments, &terminal),
        Command::Rollout(arguments) => rollout::run(arguments, &terminal),
        Command::Diff(arguments) => diff::run(&arguments, &terminal),
        Command::Dump(arguments) => dump::run(&arguments, &terminal),
        Command::Graph(arguments) => graph::run(&arguments, &terminal),
        Command::Inventory(arguments) => inventory::run(&arguments, &terminal),
        Command::Fmt(arguments) => fmt::run(&arguments, &terminal),
        Command::Explain(arguments) => explain::run(&arguments, &terminal),

        Command::Std(arguments) => std_library::run(&arguments, &terminal),
        Command::Schema(arguments) => schema::run(&arguments, &terminal),
        Command::Completions(arguments) => completions::run(&arguments, &terminal),
        Command::Version(arguments) => version::run(&arguments, &terminal),
    }
}

/// Prints what clap has to say: help and version to standard output, mistakes to standard error.
fn usage(error: &clap::Error) -> Exit {
    // There is nobody left to tell when even this cannot be printed.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Fine }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
