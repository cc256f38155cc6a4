//! Gathers the problems of a run and shows them in the form that was asked for.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::{Exit, Terminal};
use crate::diag::render::{self, Report};
use crate::diag::{Code, Diagnostic, Session, Severity};
use crate::project::Lint;
use crate::source::{SourceMap, Span};

/// How problems are shown.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// How to print diagnostics: for people and for GitHub on standard error, as JSON and SARIF on
    /// standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Treat warnings as errors
    #[arg(long)]
    pub deny_warnings: bool,
}

/// A form of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// Text with excerpts of the sources
    #[default]
    Human,
    /// An array of objects
    Json,
    /// Annotations of GitHub workflows
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

impl Format {
    /// Whether it goes to standard output, and must stay alone there.
    pub(super) fn is_result(self) -> bool {
        matches!(self, Format::Json | Format::Sarif)
    }
}

/// The problems of all sessions of a run.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    sources: SourceMap,
    problems: Vec<Diagnostic>,
    /// What the project file says about warnings.
    pub lints: BTreeMap<Code, Lint>,
}

impl Gathered {
    /// Adds a problem that has no place.
    pub(super) fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Takes the problems of a session and the texts that they point into.
    pub(super) fn take(&mut self, session: Session<'_>) {
        let shift = self.sources.append(session.sources);
        self.problems.extend(session.problems.into_iter().map(|mut problem| {
            match shift {
                Some(shift) => problem.labels.iter_mut().for_each(|label| {
                    label.span = Span::new(label.span.lo + shift, label.span.hi.saturating_add(shift));
                }),
                // Better a problem without its places than none.
                None => problem.labels.clear(),
            }
            problem
        }));
    }

    /// Whether a problem counts as an error under these arguments.
    pub(super) fn failed(&self, arguments: &Arguments) -> bool {
        self.fails(&self.problems, arguments)
    }

    /// Shows the problems. Returns the given exit code, or [`Exit::Problems`] when any of them is
    /// an error.
    pub(super) fn show(&self, arguments: &Arguments, terminal: &Terminal, exit: Exit) -> Exit {
        let report = self.shown(arguments);
        let exit = if report.failed() { Exit::Problems } else { exit };
        match arguments.format {
            Format::Human if terminal.quiet && !report.failed() => {}
            Format::Human => terminal.say(&render::human(&report, terminal.colour)),
            Format::Json => return terminal.result(&render::json(&report), exit),
            Format::Github => terminal.say(&render::github(&report)),
            Format::Sarif => return terminal.result(&render::sarif(&report), exit),
        }
        exit
    }

    /// Whether any of these problems counts as an error under these arguments.
    pub(super) fn fails(&self, problems: &[Diagnostic], arguments: &Arguments) -> bool {
        problems.iter().any(|p| self.severity(p.code, arguments) == Some(Severity::Error))
    }

    fn shown(&self, arguments: &Arguments) -> Report<'_> {
        Report::new(&self.problems, &self.sources, |code| self.severity(code, arguments))
    }

    /// How bad a kind of problem is in this run; `None` when it is allowed.
    fn severity(&self, code: Code, arguments: &Arguments) -> Option<Severity> {
        let severity = match (code.severity(), self.lints.get(&code)) {
            (Severity::Warning, Some(Lint::Allow)) => return None,
            (Severity::Warning, Some(Lint::Deny)) => Severity::Error,
            (severity, _) => severity,
        };
        Some(if arguments.deny_warnings { Severity::Error } else { severity })
    }
}
