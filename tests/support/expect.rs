//! Expectations in comments: which problems a program must report, and where.
//!
//! Under a line, a comment of the file's kind (`//`, or `#` in YAML and TOML) tells what is wrong
//! with that line:
//!
//! ```text
//!   port http = 80800
//!   //          ^^^^^ E0307: 65535
//! ```
//!
//! - The carets stand exactly under the primary place. `^^^...` is a place that ends on a later line.
//! - `: text` is a part of the message, of a label, or of the help. It may be left out.
//! - Carets cannot stand under the comment's own slashes. There the columns are written out:
//!   `//@ 1-6 E0102`. `//@ line E0102` is anywhere on the line above.
//! - `// --- E0301: text` is a further label of a problem with that code: the dashes stand under
//!   it, the text is a part of the label's own. Labels need not be listed.
//! - `//@ nowhere E0001` is a problem without a place; `//@ in std.sglang.rbg E0208: text` one whose
//!   primary place is in a file that is not part of the program.
//! - `// ok` says that nothing is reported. A program must say this or something else.
//!
//! Every problem is expected exactly once: a second one needs a second line, a missing or
//! unexpected one fails the case.

use rbgc::diag::Diagnostic;
use rbgc::source::{Location, SourceMap};

use super::program::Program;

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Expected {
    place: Place,
    code: String,
    text: String,
    /// Of a label that is not the primary one.
    further: bool,
    /// The line of the test file, for the report.
    at: usize,
}

/// Where a problem is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A line of a file; columns from and to, the latter `None` when it ends on a later line.
    Columns(String, u32, u32, Option<u32>),
    /// Anywhere on a line.
    Line(String, u32),
    /// In another file.
    In(String),
    /// Without a place.
    Nowhere,
}

/// What differs between the problems and the expectations of a program; empty when they agree.
pub fn differences(program: &Program, problems: &[Diagnostic], sources: &SourceMap) -> Vec<String> {
    let (mut expected, ok) = match expectations(program) {
        Ok(found) => found,
        Err(message) => return vec![message],
    };
    if expected.is_empty() && !ok {
        return vec!["expects nothing: write `// ok` if that is meant".into()];
    }
    let mut differences = Vec::new();
    let mut unique: Vec<&Diagnostic> = Vec::new();
    for problem in problems {
        if !unique.contains(&problem) {
            unique.push(problem);
        }
    }
    for problem in &unique {
        let at = problem.span().and_then(|span| sources.locate(span));
        match expected.iter().position(|e| !e.further && e.fits(problem, at.as_ref())) {
            Some(index) => drop(expected.remove(index)),
            None => differences.push(format!("unexpected: {}", describe(problem, at.as_ref(), program))),
        }
    }
    for e in expected {
        let found = e.further && unique.iter().any(|p| e.fits_label(p, sources));
        if !found {
            let text = if e.text.is_empty() { String::new() } else { format!(": {}", e.text) };
            let kind = if e.further { "missing label" } else { "missing" };
            differences.push(format!("{kind}: line {}: {}{text}", e.at, e.code));
        }
    }
    differences
}

impl Expected {
    fn fits(&self, problem: &Diagnostic, at: Option<&Location>) -> bool {
        let told = std::iter::once(&problem.message)
            .chain(problem.labels.iter().map(|l| &l.message))
            .chain(&problem.help)
            .any(|text| text.contains(&self.text));
        problem.code.text() == self.code && told && self.place.fits(at)
    }

    fn fits_label(&self, problem: &Diagnostic, sources: &SourceMap) -> bool {
        problem.code.text() == self.code
            && problem
                .labels
                .iter()
                .skip(1)
                .any(|label| label.message.contains(&self.text) && self.place.fits(sources.locate(label.span).as_ref()))
    }
}

impl Place {
    fn fits(&self, at: Option<&Location>) -> bool {
        match (self, at) {
            (Place::Nowhere, None) => true,
            (Place::In(file), Some(at)) => *file == at.file,
            (Place::Line(file, line), Some(at)) => (file, *line) == (&at.file, at.line),
            (Place::Columns(file, line, from, to), Some(at)) => {
                let end = if at.end_line == at.line { Some(at.end_column.max(at.column + 1)) } else { None };
                (file, *line, *from, *to) == (&at.file, at.line, at.column, end)
            }
            _ => false,
        }
    }
}

/// A problem as an expectation that could be pasted into the file.
fn describe(problem: &Diagnostic, at: Option<&Location>, program: &Program) -> String {
    let told = format!("{}: {}", problem.code.text(), problem.message);
    let Some(at) = at else { return format!("//@ nowhere {told}") };
    let Some(file) = program.files.iter().find(|f| f.path == at.file) else {
        return format!("//@ in {} {told}", at.file);
    };
    let source = file.text.lines().nth(at.line as usize - 1).unwrap_or("");
    let pad = "·".repeat(at.column as usize - 1);
    let more = at.end_line != at.line;
    let end = if more { source.chars().count() as u32 + 1 } else { at.end_column };
    let carets = "^".repeat(end.saturating_sub(at.column).max(1) as usize) + if more { "..." } else { "" };
    let line = file.line + at.line as usize - 1;
    format!("line {line}: {} columns {}-{end}\n    {source}\n    {pad}{carets} {told}", at.file, at.column)
}

/// The expectations of all files, and whether one says `ok`.
fn expectations(program: &Program) -> Result<(Vec<Expected>, bool), String> {
    let (mut expected, mut ok) = (Vec::new(), false);
    for file in &program.files {
        let mut last = 0;
        for (index, line) in file.text.lines().enumerate() {
            let at = file.line + index;
            match parse(line, &file.path, last, at) {
                Ok(Line::Source) => last = index as u32 + 1,
                Ok(Line::Setting) => {}
                Ok(Line::Okay) => ok = true,
                Ok(Line::Expected(e)) => expected.push(e),
                Err(message) => return Err(format!("line {at}: {message}")),
            }
        }
    }
    if ok && !expected.is_empty() { Err("says `ok` and expects problems".into()) } else { Ok((expected, ok)) }
}

enum Line {
    Source,
    Setting,
    Okay,
    Expected(Expected),
}

fn parse(line: &str, path: &str, last: u32, at: usize) -> Result<Line, String> {
    let trimmed = line.trim_start();
    let Some(comment) = trimmed.strip_prefix("//").or_else(|| trimmed.strip_prefix('#')) else {
        return Ok(Line::Source);
    };
    if comment.trim() == "ok" {
        return Ok(Line::Okay);
    }
    let content = comment.trim_start();
    if content.starts_with("@ set ") || content.starts_with("@ target ") {
        return Ok(Line::Setting);
    }
    let (place, further, rest) = if let Some(words) = content.strip_prefix("@ ") {
        let (place, rest) = written_place(words, path, last)?;
        (place, false, rest)
    } else if content.starts_with("^") || content.starts_with("--- ") || content.starts_with("- ") {
        let mark = if content.starts_with('^') { '^' } else { '-' };
        let from = line.chars().count() - content.chars().count() + 1;
        let length = content.chars().take_while(|c| *c == mark).count();
        let rest = &content[length..];
        let (to, rest) = match rest.strip_prefix("...") {
            Some(rest) => (None, rest),
            None => (Some((from + length) as u32), rest),
        };
        (Place::Columns(path.into(), last, from as u32, to), mark == '-', rest.trim_start())
    } else {
        return Ok(Line::Source);
    };
    let (code, text) = rest.split_once(": ").unwrap_or((rest, ""));
    let code = code.trim();
    if rbgc::diag::Code::parse(code).is_none() {
        return Err(format!("`{code}` is not a code"));
    }
    let expected = Expected { place, code: code.into(), text: text.trim_end().into(), further, at };
    Ok(Line::Expected(expected))
}

/// `1-6 E0102`, `line E0102`, `nowhere E0001`, `in FILE E0208`.
fn written_place<'t>(words: &'t str, path: &str, last: u32) -> Result<(Place, &'t str), String> {
    let (word, rest) = words.split_once(' ').ok_or("`@` needs a place and a code")?;
    match word {
        "line" => Ok((Place::Line(path.into(), last), rest)),
        "nowhere" => Ok((Place::Nowhere, rest)),
        "in" => {
            let (file, rest) = rest.split_once(' ').ok_or("`@ in` needs a file and a code")?;
            Ok((Place::In(file.into()), rest))
        }
        columns => {
            let (from, to) = columns.split_once('-').ok_or_else(|| format!("`{columns}` is no place"))?;
            let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{columns}` is no place"));
            let to = if to == "..." { None } else { Some(number(to)?) };
            Ok((Place::Columns(path.into(), last, number(from)?, to), rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::program;
    use super::*;
    use rbgc::diag::Code;
    use rbgc::source::Span;

    /// The differences when `x` on the first line is reported as unknown, with a label at `y`.
    fn compare(text: &str) -> Vec<String> {
        let mut sources = SourceMap::default();
        sources.add("main.rbg", text).unwrap();
        let at = |c: char| text.find(c).map(|i| Span::new(i as u32, i as u32 + 1));
        let problems: Vec<_> = at('x')
            .map(|x| Diagnostic::new(Code::UnknownName, x, "unknown name").help("declare it"))
            .map(|p| if let Some(y) = at('y') { p.label(y, "seen here") } else { p })
            .into_iter()
            .collect();
        differences(&program("p", text, 1), &problems, &sources)
    }

    #[test]
    fn expectations_are_met_or_told() {
        assert_eq!(compare("let a = x\n//      ^ E0101: unknown\n"), [""; 0]);
        assert_eq!(compare("let a = x\n//      ^ E0101: declare it\n"), [""; 0]);
        assert_eq!(compare("let a = x + y\n//      ^ E0101\n//          - E0101: seen\n"), [""; 0]);
        assert_eq!(compare("x\n//@ 1-2 E0101\n"), [""; 0]);
        assert_eq!(compare("x\n//@ line E0101\n"), [""; 0]);
        assert_eq!(compare("let a = 1\n// ok\n"), [""; 0]);
        assert_eq!(compare("let a = x\n//     ^ E0101\n").len(), 2);
        assert_eq!(compare("let a = x\n//      ^ E0102\n").len(), 2);
        assert_eq!(compare("let a = x\n//      ^ E0101: other\n").len(), 2);
        assert_eq!(compare("let a = x + y\n//      ^ E0101\n//         - E0101: seen\n").len(), 1);
        assert_eq!(compare("let a = x\n// ok\n").len(), 1);
        assert_eq!(compare("let a = 1\n").len(), 1);
        assert_eq!(compare("let a = 1\n// ^ E9999\n").len(), 1);
    }

    #[test]
    fn places_can_span_lines() {
        let text = "let a = x(\n1)\n//@ line E0101\n";
        let mut sources = SourceMap::default();
        sources.add("main.rbg", text).unwrap();
        let problem = || vec![Diagnostic::new(Code::UnknownName, Span::new(8, 12), "m")];
        let wide = "let a = x(\n//      ^^...  E0101\n1)\n";
        assert!(differences(&program("p", wide, 1), &problem(), &sources).is_empty());
        let narrow = "let a = x(\n//      ^^  E0101\n1)\n";
        assert_eq!(differences(&program("p", narrow, 1), &problem(), &sources).len(), 2);
    }
}
