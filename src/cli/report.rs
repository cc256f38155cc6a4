//! Shows the problems of a run in the form that was asked for.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::{Exit, Terminal};
use crate::diag::render::{self, Report};
use crate::diag::{Code, Diagnostic, Severity};
use crate::source::SourceMap;

/// How problems are shown.
#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// How to print diagnostics: for people and for GitHub on standard error, as JSON on standard
    /// output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Treat warnings as errors
    #[arg(long)]
    pub deny_warnings: bool,
}

/// A form of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text with excerpts of the sources
    Human,
    /// An array of objects
    Json,
    /// Annotations of GitHub workflows
    Github,
}

impl Arguments {
    /// Shows the problems. `lints` says how bad warnings are where the project file says so.
    /// Returns the given exit code, or [`Exit::Problems`] when any of them is an error.
    pub(super) fn show(
        &self,
        problems: &[Diagnostic],
        sources: &SourceMap,
        lints: &BTreeMap<Code, Option<Severity>>,
        terminal: &Terminal,
        exit: Exit,
    ) -> Exit {
        let report = Report::new(problems, sources, |code| self.severity(code, lints));
        let exit = if report.failed() { Exit::Problems } else { exit };
        match self.format {
            Format::Human if terminal.quiet && !report.failed() => exit,
            Format::Human => {
                terminal.say(&render::human(&report, terminal.colour));
                exit
            }
            Format::Json => terminal.result(&render::json(&report), exit),
            Format::Github => {
                terminal.say(&render::github(&report));
                exit
            }
        }
    }

    fn severity(&self, code: Code, lints: &BTreeMap<Code, Option<Severity>>) -> Option<Severity> {
        match lints.get(&code).copied().unwrap_or(Some(code.severity()))? {
            Severity::Warning if self.deny_warnings => Some(Severity::Error),
            severity => Some(severity),
        }
    }
}
