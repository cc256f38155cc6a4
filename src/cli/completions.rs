//! `rbgc completions`: completion scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, Terminal};

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc completions bash > ~/.local/share/bash-completion/completions/rbgc
  rbgc completions zsh > ~/.zfunc/_rbgc
  rbgc completions fish > ~/.config/fish/completions/rbgc.fish")]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rbgc", &mut script);
    terminal.result(&String::from_utf8_lossy(&script), Exit::Fine)
}
