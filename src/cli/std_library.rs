//! `rbgc std`: the standard library that the compiler carries.

use clap::{Args, Subcommand};

use super::{Exit, Terminal};
use crate::diag::suggestion;
use crate::resolve::std_lib::{self, MODULES};

/// Show the standard library
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc std list           list the modules
  rbgc std show sglang    print the source of std.sglang, with its rules and their reasons")]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the modules
    List,
    /// Print the source of a module
    Show {
        /// The module, with or without `std.`
        module: String,
    },
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    match &arguments.action {
        Action::List => {
            let width = MODULES.iter().map(|m| m.name.len()).max().unwrap_or(0);
            let line = |m: &std_lib::StdModule| {
                format!("{:width$}  {}\n", m.name, purpose(m.text)).trim_end().to_owned() + "\n"
            };
            terminal.result(&MODULES.iter().map(line).collect::<String>(), Exit::Fine)
        }
        Action::Show { module } => show(module, terminal),
    }
}

fn show(name: &str, terminal: &Terminal) -> Exit {
    let full = if name.starts_with("std.") { name.to_owned() } else { format!("std.{name}") };
    match std_lib::find(&full) {
        Some(module) => terminal.result(module.text, Exit::Fine),
        None => {
            let known: Vec<&str> = MODULES.iter().map(|m| m.name).collect();
            let near = suggestion(&full, &known).map_or(String::new(), |s| format!("; {s}"));
            terminal.misuse(&format!("the standard library has no module `{full}`{near}"))
        }
    }
}

/// The first line of the comment at the head of a module.
fn purpose(text: &str) -> &str {
    text.lines().next().and_then(|line| line.strip_prefix("//")).map_or("", |line| line.trim_start_matches('/').trim())
}
