//! Problems for programs: a JSON array, one object a problem.

use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use crate::source::{Location, SourceMap, Span};

/// One problem. Lines and columns count from 1, columns in characters; a problem without a place
/// has `null` there and no labels. The end is the first character after the range.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    /// `E0203`; `rbgc explain` tells more.
    code: &'a str,
    /// `error` or `warning`.
    severity: &'a str,
    /// What is wrong.
    message: &'a str,
    /// The file of the primary place, relative to the project root.
    #[schemars(required)]
    file: Option<String>,
    /// The line of the first character.
    #[schemars(required)]
    line: Option<u32>,
    /// The column of the first character.
    #[schemars(required)]
    column: Option<u32>,
    /// The line of the first character after the range.
    #[schemars(required)]
    end_line: Option<u32>,
    /// The column of the first character after the range.
    #[schemars(required)]
    end_column: Option<u32>,
    /// All places that contribute, the primary one first.
    labels: Vec<Place<'a>>,
    /// What to do about it.
    #[schemars(required)]
    help: Option<&'a str>,
}

/// A place that contributes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    /// The file, relative to the project root.
    file: String,
    /// The line of the first character.
    line: u32,
    /// The column of the first character.
    column: u32,
    /// The line of the first character after the range.
    end_line: u32,
    /// The column of the first character after the range.
    end_column: u32,
    /// What the place has to do with the problem; may be empty.
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

/// The JSON Schema of what [`json`] makes.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Vec<Problem<'_>>).to_value()
}

fn label<'a>(sources: &SourceMap, span: Span, message: &'a str) -> Option<Place<'a>> {
    let Location { file, line, column, end_line, end_column } = sources.locate(span)?;
    Some(Place { file, line, column, end_line, end_column, message })
}
