//! Problems as SARIF 2.1.0 (OASIS), which code scanning reads: one run, its rules are the codes.
//!
//! Problems without a place are no results there, because readers expect a place of each; they are
//! notifications of the run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Report;
use crate::diag::{Code, Diagnostic, Severity};
use crate::source::{Location, SourceMap, Span};

/// The report as SARIF, with a line break at its end. Paths are relative to the project root.
pub fn sarif(report: &Report<'_>) -> String {
    let mut rules: BTreeMap<Code, usize> = report.problems.iter().map(|(problem, _)| (problem.code, 0)).collect();
    rules.values_mut().enumerate().for_each(|(index, number)| *number = index);
    let descriptors: Vec<Value> = rules.keys().map(|code| rule(*code)).collect();
    let (mut results, mut notifications) = (Vec::new(), Vec::new());
    for (problem, severity) in &report.problems {
        let index = rules.get(&problem.code).copied().unwrap_or(0);
        match problem.span().and_then(|span| report.sources.locate(span)) {
            Some(at) => results.push(result(problem, *severity, index, &at, report.sources)),
            None => notifications.push(json!({
                "descriptor": { "id": problem.code.text(), "index": index },
                "level": severity.name(),
                "message": { "text": message(problem) },
            })),
        }
    }
    let driver = json!({ "name": "rbgc", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": descriptors });
    let invocation = json!({ "executionSuccessful": !report.failed(), "toolExecutionNotifications": notifications });
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": results,
    });
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    format!("{log:#}\n")
}

/// A code, with its page as help.
fn rule(code: Code) -> Value {
    json!({
        "id": code.text(),
        "name": format!("{code:?}"),
        "shortDescription": { "text": code.title() },
        "help": { "text": code.page(), "markdown": code.page() },
        "defaultConfiguration": { "level": code.severity().name() },
    })
}

fn result(problem: &Diagnostic, severity: Severity, rule: usize, at: &Location, sources: &SourceMap) -> Value {
    let related = problem.labels.iter().skip(1).filter_map(|label| related(label.span, &label.message, sources));
    json!({
        "ruleId": problem.code.text(),
        "ruleIndex": rule,
        "level": severity.name(),
        "message": { "text": message(problem) },
        "locations": [{ "physicalLocation": place(at) }],
        "relatedLocations": related.collect::<Vec<_>>(),
    })
}

/// The message, what the primary place has to do with it, and what to do.
fn message(problem: &Diagnostic) -> String {
    let here = problem.labels.first().map(|label| label.message.as_str()).filter(|text| !text.is_empty());
    let here = here.map_or(String::new(), |text| format!(": {text}"));
    let help = problem.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
    format!("{}{here}{help}", problem.message)
}

fn related(span: Span, message: &str, sources: &SourceMap) -> Option<Value> {
    let at = sources.locate(span)?;
    let text = if message.is_empty() { "this contributes" } else { message };
    Some(json!({ "physicalLocation": place(&at), "message": { "text": text } }))
}

fn place(at: &Location) -> Value {
    json!({
        "artifactLocation": { "uri": uri(&at.file) },
        "region": {
            "startLine": at.line,
            "startColumn": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
        },
    })
}

/// A path as a relative reference (RFC 3986). A first part with a colon would be taken for a scheme.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_are_relative_references() {
        assert_eq!(uri("services/qwen-pd.rbg"), "services/qwen-pd.rbg");
        assert_eq!(uri("a b/ü:1%.rbg"), "a%20b/%C3%BC%3A1%25.rbg");
    }
}
