//! `rbgc explain`: what a code means.

use clap::Args;

use super::{Exit, Terminal};
use crate::diag::{Code, suggestion};

/// Explain a diagnostic code
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc explain            list all codes
  rbgc explain E0203      what it means, an example, and what to do")]
pub(super) struct Arguments {
    /// The code, such as E0203; without it all codes are listed
    code: Option<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let Some(text) = &arguments.code else {
        let list: String = Code::ALL.iter().map(|c| format!("{}  {}\n", c.text(), c.title())).collect();
        return terminal.result(&list, Exit::Fine);
    };
    match Code::parse(text) {
        Some(code) => terminal.result(code.page(), Exit::Fine),
        None => {
            let known: Vec<&str> = Code::ALL.iter().map(|c| c.text()).collect();
            let near = suggestion(&text.to_uppercase(), &known).map_or(String::new(), |s| format!("; {s}"));
            terminal.misuse(&format!("`{text}` is not a code{near}"))
        }
    }
}
