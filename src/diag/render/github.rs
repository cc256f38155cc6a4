//! Problems as GitHub workflow commands, which show as annotations beside the code.

use std::fmt::Write;

use super::{Report, visible};

/// One line a problem: `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=E0203::message`.
///
/// The help and the places that contribute follow the message, because an annotation has no other
/// room for them.
pub fn github(report: &Report<'_>) -> String {
    let mut out = String::new();
    for (problem, severity) in &report.problems {
        let _ = write!(out, "::{} ", severity.name());
        if let Some(at) = problem.span().and_then(|span| report.sources.locate(span)) {
            let _ = write!(out, "file={},line={},col={},", property(&at.file), at.line, at.column);
            let _ = write!(out, "endLine={},endColumn={},", at.end_line, at.end_column);
        }
        let mut text = problem.message.clone();
        for label in problem.labels.iter().filter(|l| !l.message.is_empty()) {
            if let Some(at) = report.sources.locate(label.span) {
                let _ = write!(text, "\n{}:{}:{}: {}", at.file, at.line, at.column, label.message);
            }
        }
        if let Some(help) = &problem.help {
            let _ = write!(text, "\nhelp: {help}");
        }
        let _ = writeln!(out, "title={}::{}", problem.code.text(), data(&text));
    }
    out
}

/// Escapes the text of a command (`escapeData` in actions/toolkit, `packages/core/src/command.ts`).
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command (`escapeProperty`, same file).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
