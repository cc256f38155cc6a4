//! Problems as text: for people in a terminal, as JSON, as GitHub annotations, and as SARIF.
//!
//! A [`Report`] is what all of them show: the problems that count, each once, in the order of their
//! places. Nothing of a source or a message reaches a terminal unescaped.

use super::{Code, Diagnostic, Severity};
use crate::source::SourceMap;

mod escape;
mod excerpt;
mod github;
mod human;
mod json;
mod sarif;

pub use escape::visible;
pub use github::github;
pub use human::{Colour, human};
pub use json::{json, json_schema};
pub use sarif::sarif;

/// The problems of one run, ready to be shown.
#[derive(Debug)]
pub struct Report<'a> {
    /// Each problem once, sorted by place; those without a place stand at the end.
    pub problems: Vec<(&'a Diagnostic, Severity)>,
    /// The texts that they point into.
    pub sources: &'a SourceMap,
}

impl<'a> Report<'a> {
    /// Sorts the problems by file, place, code and message, and drops repetitions, also of a file
    /// that was read more than once. `severity` says how bad each kind of problem is in this run;
    /// `None` leaves it out.
    pub fn new(
        problems: &'a [Diagnostic],
        sources: &'a SourceMap,
        severity: impl Fn(Code) -> Option<Severity>,
    ) -> Self {
        let mut keyed: Vec<_> = problems
            .iter()
            .filter_map(|problem| Some((Key::new(problem, sources), (problem, severity(problem.code)?))))
            .collect();
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        keyed.dedup_by(|(a, _), (b, _)| a == b);
        Report { problems: keyed.into_iter().map(|(_, problem)| problem).collect(), sources }
    }

    /// How many problems of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|(_, s)| *s == severity).count()
    }

    /// Whether any of the problems is an error.
    pub fn failed(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// `3 errors, 1 warning`; empty when there is nothing to report.
    pub fn summary(&self) -> String {
        let plural = |n: usize, word: &str| match n {
            0 => None,
            1 => Some(format!("1 {word}")),
            n => Some(format!("{n} {word}s")),
        };
        let errors = plural(self.count(Severity::Error), "error");
        let warnings = plural(self.count(Severity::Warning), "warning");
        errors.into_iter().chain(warnings).collect::<Vec<_>>().join(", ")
    }
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// What problems are ordered by, and what makes two of them the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    /// Problems with a place come first.
    nowhere: bool,
    place: Option<Place<'a>>,
    code: Code,
    message: &'a str,
    further: Vec<(Option<Place<'a>>, &'a str)>,
    help: Option<&'a str>,
}

/// File, first byte and end in it.
type Place<'a> = (&'a str, u32, u32);

impl<'a> Key<'a> {
    fn new(problem: &'a Diagnostic, sources: &'a SourceMap) -> Self {
        let place = |span| {
            let file = sources.file(sources.file_of(span)?);
            Some((file.name.as_str(), span.lo - file.start, span.hi - file.start))
        };
        let labels = problem.labels.iter().map(|l| (place(l.span), l.message.as_str()));
        let primary = problem.span().and_then(place);
        Key {
            nowhere: primary.is_none(),
            place: primary,
            code: problem.code,
            message: &problem.message,
            further: labels.collect(),
            help: problem.help.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
