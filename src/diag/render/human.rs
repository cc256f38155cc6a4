//! Problems for people: a message, the places with their text, and what to do.

use std::collections::BTreeMap;
use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::excerpt::{Excerpt, Pages};
use super::{Report, Severity, visible};
use crate::diag::Diagnostic;
use crate::source::{FileId, SourceMap};

/// Whether colours are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// ANSI colours, for a terminal.
    Ansi,
    /// Text alone.
    #[default]
    None,
}

/// A label of more lines than this is shown by its first line.
const MANY_LINES: usize = 6;

/// The report with excerpts of the sources, a summary line, and where to read more. Empty when
/// there is nothing to report.
pub fn human(report: &Report<'_>, colour: Colour) -> String {
    let theme = match colour {
        Colour::Ansi => GraphicalTheme::unicode(),
        Colour::None => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).without_syntax_highlighting().with_wrap_lines(false);
    let excerpts = excerpts(report);
    let mut out = String::new();
    for (problem, severity) in &report.problems {
        let shown = Shown::new(problem, *severity, report.sources, &excerpts);
        out.push_str(&header(problem, *severity, colour));
        let mut body = String::new();
        // miette fails only where it cannot read a label, and each was placed inside its page;
        // should that ever break, the message above must still be seen.
        if handler.render_report(&mut body, &shown).is_ok() {
            // Its own line for the message is empty, because ours stands above.
            out.push_str(body.split_once('\n').map_or("", |(_, rest)| rest));
        }
        out.push('\n');
    }
    out.push_str(&ending(report));
    out
}

/// `error[E0203]: message`.
fn header(problem: &Diagnostic, severity: Severity, colour: Colour) -> String {
    let (kind, code, message) = (severity.name(), problem.code.text(), visible(&problem.message));
    match (colour, severity) {
        (Colour::None, _) => format!("{kind}[{code}]: {message}\n"),
        (Colour::Ansi, Severity::Error) => format!("\x1b[1;31m{kind}[{code}]\x1b[0;1m: {message}\x1b[0m\n"),
        (Colour::Ansi, Severity::Warning) => format!("\x1b[1;33m{kind}[{code}]\x1b[0;1m: {message}\x1b[0m\n"),
    }
}

/// The summary, and the command that tells more.
fn ending(report: &Report<'_>) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for severity in [Severity::Error, Severity::Warning] {
        for (problem, _) in report.problems.iter().filter(|(_, s)| *s == severity) {
            if !codes.contains(&problem.code.text()) {
                codes.push(problem.code.text());
            }
        }
    }
    let Some((first, rest)) = codes.split_first() else { return String::new() };
    let also = match rest.len() {
        0 => String::new(),
        1..=6 => format!(" (also {})", rest.join(", ")),
        more => format!(" (also {} and {} others)", rest[..5].join(", "), more - 5),
    };
    format!("{}\nfor more about it: `rbgc explain {first}`{also}\n", report.summary())
}

/// The excerpt of every file that some label points into.
fn excerpts<'a>(report: &Report<'a>) -> BTreeMap<FileId, Excerpt<'a>> {
    let mut marks: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
    for label in report.problems.iter().flat_map(|(p, _)| &p.labels) {
        let Some(id) = report.sources.file_of(label.span) else { continue };
        let start = report.sources.file(id).start;
        marks.entry(id).or_default().extend([label.span.lo - start, label.span.hi - start].map(|o| o as usize));
    }
    marks
        .into_iter()
        .map(|(id, mut marks)| {
            marks.sort_unstable();
            marks.dedup();
            (id, Excerpt::new(report.sources.file(id), &marks))
        })
        .collect()
}

/// One problem in the terms of miette, without its message.
struct Shown<'e, 'a> {
    help: Option<String>,
    severity: Severity,
    labels: Vec<LabeledSpan>,
    pages: Pages<'e, 'a>,
}

impl<'e, 'a> Shown<'e, 'a> {
    fn new(
        problem: &Diagnostic,
        severity: Severity,
        sources: &SourceMap,
        excerpts: &'e BTreeMap<FileId, Excerpt<'a>>,
    ) -> Self {
        let mut files: Vec<FileId> = Vec::new();
        for id in problem.labels.iter().filter_map(|l| sources.file_of(l.span)) {
            if !files.contains(&id) {
                files.push(id);
            }
        }
        let pages = Pages::new(files.iter().filter_map(|id| excerpts.get(id)));
        let labels = problem.labels.iter().enumerate().filter_map(|(i, label)| {
            let id = sources.file_of(label.span)?;
            let (start, page) = pages.iter().nth(files.iter().position(|f| *f == id)?)?;
            let within = |offset: u32| page.shown((offset - sources.file(id).start) as usize).min(page.len());
            let (lo, hi) = shorten(page, within(label.span.lo), within(label.span.hi));
            let text = (!label.message.is_empty()).then(|| visible(&label.message).into_owned());
            let span = (start + lo, hi - lo);
            Some(if i == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            })
        });
        Shown {
            help: problem.help.as_deref().map(|h| visible(h).into_owned()),
            severity,
            labels: labels.collect(),
            pages,
        }
    }
}

/// The first line of a range that covers many.
fn shorten(page: &Excerpt<'_>, lo: usize, hi: usize) -> (usize, usize) {
    let hi = hi.max(lo);
    let line = page.line(lo);
    if page.line(hi) - line < MANY_LINES { (lo, hi) } else { (lo, page.line_end(line).max(lo)) }
}

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Debug for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Shown<'_, '_> {}

impl miette::Diagnostic for Shown<'_, '_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'s>(&'s self) -> Option<Box<dyn fmt::Display + 's>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = _>>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.pages)
    }
}
