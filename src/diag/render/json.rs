//! Problems for programs: a JSON array, one object a problem.

use serde::Serialize;

use super::Report;
use crate::source::{Location, SourceMap, Span};

/// One problem. Lines and columns count from 1, columns in characters; a problem without a place
/// has `null` there and no labels. The end is the first character after the range.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
    labels: Vec<Place<'a>>,
    help: Option<&'a str>,
}

/// A place that contributes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    message: &'a str,
}

/// The report as a JSON array with a line break at its end: `[]` when there is nothing to report.
pub fn json(report: &Report<'_>) -> String {
    let problems: Vec<Problem<'_>> = report
        .problems
        .iter()
        .map(|(problem, severity)| {
            let at = problem.span().and_then(|span| report.sources.locate(span));
            Problem {
                code: problem.code.text(),
                severity: severity.name(),
                message: &problem.message,
                line: at.as_ref().map(|l| l.line),
                column: at.as_ref().map(|l| l.column),
                end_line: at.as_ref().map(|l| l.end_line),
                end_column: at.as_ref().map(|l| l.end_column),
                file: at.map(|l| l.file),
                labels: problem.labels.iter().filter_map(|l| label(report.sources, l.span, &l.message)).collect(),
                help: problem.help.as_deref(),
            }
        })
        .collect();
    // Strings, numbers and lists of them: serialising these to memory cannot fail.
    serde_json::to_string_pretty(&problems).unwrap_or_else(|_| "[]".into()) + "\n"
}

fn label<'a>(sources: &SourceMap, span: Span, message: &'a str) -> Option<Place<'a>> {
    let Location { file, line, column, end_line, end_column } = sources.locate(span)?;
    Some(Place { file, line, column, end_line, end_column, message })
}
