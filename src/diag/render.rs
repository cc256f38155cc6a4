//! Problems as text: for people in a terminal, as JSON, and as GitHub annotations.
//!
//! A [`Report`] is what all three show: the problems that count, each once, in the order of their
//! places. Nothing of a source or a message reaches a terminal unescaped.

use std::collections::BTreeSet;

use super::{Code, Diagnostic, Severity};
use crate::source::SourceMap;

mod escape;
mod excerpt;
mod github;
mod human;
mod json;

pub use escape::visible;
pub use github::github;
pub use human::{Colour, human};
pub use json::json;

/// The problems of one run, ready to be shown.
#[derive(Debug)]
pub struct Report<'a> {
    /// Each problem once, sorted by place; those without a place stand at the end.
    pub problems: Vec<(&'a Diagnostic, Severity)>,
    /// The texts that they point into.
    pub sources: &'a SourceMap,
}

impl<'a> Report<'a> {
    /// Sorts the problems by file, place, code and message, and drops repetitions. `severity` says
    /// how bad each kind of problem is in this run; `None` leaves it out.
    pub fn new(
        problems: &'a [Diagnostic],
        sources: &'a SourceMap,
        severity: impl Fn(Code) -> Option<Severity>,
    ) -> Self {
        let mut seen = BTreeSet::new();
        let mut shown: Vec<_> = problems
            .iter()
            .filter_map(|p| Some((p, severity(p.code)?)))
            .map(|(p, severity)| (place(p, sources), p, severity))
            .filter(|(place, p, _)| seen.insert((*place, identity(p))))
            .collect();
        shown.sort_by(|(a, p, _), (b, q, _)| (a, p.code, &p.message).cmp(&(b, q.code, &q.message)));
        Report { problems: shown.into_iter().map(|(_, p, severity)| (p, severity)).collect(), sources }
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

/// The key of the order: problems with a place come first, by file name, then by position.
fn place<'a>(problem: &Diagnostic, sources: &'a SourceMap) -> (bool, &'a str, u32, u32) {
    match problem.span().and_then(|span| Some((span, sources.file_of(span)?))) {
        Some((span, id)) => (false, &sources.file(id).name, span.lo, span.hi),
        None => (true, "", 0, 0),
    }
}

/// What makes two problems at one place the same.
type Identity<'a> = (Code, &'a str, Option<&'a str>, Vec<(u32, u32, &'a str)>);

fn identity(problem: &Diagnostic) -> Identity<'_> {
    let labels = problem.labels.iter().map(|l| (l.span.lo, l.span.hi, l.message.as_str())).collect();
    (problem.code, &problem.message, problem.help.as_deref(), labels)
}

#[cfg(test)]
mod tests;
