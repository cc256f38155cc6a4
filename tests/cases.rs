//! Small programs, each with what it must report.
//!
//! A file `tests/cases/<phase>/<topic>.rbg` holds many of them:
//!
//! ```text
//! --- a port out of range ---
//! group g {
//!   role a {
//!     image = "example.com/server:1.4.0"
//!     port http = 80800
//!     //          ^^^^^ E0307: 65535
//!   }
//! }
//!
//! --- an import of a private name ---
//! use "./lib.rbg" { Hidden }
//! //                ^^^^^^ E0107
//! +++ lib.rbg +++
//! private template Hidden { image = "example.com/server:1.4.0" }
//! ```
//!
//! - `--- name ---` begins a program; the text up to the next such line, or the first `+++` line, is
//!   its `main.rbg`. The name is unique in the file.
//! - `+++ path +++` begins a further file of the program, its path relative to `main.rbg`:
//!   a source, a text template, or `inventory.yaml` in the place of the common `tests/inventory.yaml`.
//! - What is expected is written in comments under the lines: see `tests/support/expect.rs`. A
//!   program that reports nothing says `// ok`.
//! - `//@ set name=value` sets a parameter, as `--set` does; `//@ delivery flux` delivers by Flux, `argocd` by Argo CD;
//!   `//@ target name` chooses another target than `native`.
//!
//! Every program runs through the whole compiler, so that the phase of the directory is where the
//! problem belongs, not where the test stops. Every place in the phases that builds a problem is
//! reached by a case: what no program provokes is either untested or cannot happen.
//!
//! `CASE=text cargo test cases` runs only the programs whose file or name contains the text.

use std::collections::BTreeSet;

use crate::support::compile::compile_program;
use crate::support::{expect, files, none, program, read, shown};

/// Where the phases that judge a program build their problems. What reads and writes files has its
/// own tests: `bad_input`, `cli`, `commands` and those beside the code.
const PHASES: [&str; 7] = ["check", "fit", "graph", "inventory", "place", "resolve", "syntax"];

/// Functions whose problems no small program in memory can provoke, and who provokes them.
const ELSEWHERE: [(&str, &str); 7] = [
    // Too large for a case: see the tests of hostile input beside the code.
    ("src/inventory/machines.rs", "too_many_nodes"),
    ("src/inventory/yaml.rs", "too_many_values"),
    // A case cannot end in the middle of a value: `import`.
    ("src/inventory/yaml.rs", "truncated"),
    // Of the world around a program: `bad_input`.
    ("src/resolve/load.rs", "file"),
    ("src/resolve/load.rs", "read_ahead"),
    // When grammar and parser disagree, which would be a mistake of the compiler.
    ("src/syntax/parse/errors.rs", "syntax"),
    ("src/syntax/parse/errors.rs", "unreadable"),
];

#[test]
fn cases() {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let (mut problems, mut count) = (Vec::new(), 0);
    let mut provoked: BTreeSet<(String, usize)> = BTreeSet::new();
    for path in files("tests/cases", &[".rbg"]) {
        let programs = match program::programs(&read(&path)) {
            Ok(programs) => programs,
            Err(message) => {
                problems.push(format!("{}: {message}", shown(&path)));
                continue;
            }
        };
        for program in programs {
            let name = format!("{}: {}", shown(&path), program.name);
            if !name.contains(&wanted) {
                continue;
            }
            count += 1;
            let outcome = compile_program(&program);
            provoked
                .extend(outcome.problems.iter().map(|p| (p.origin.0.file().to_owned(), p.origin.0.line() as usize)));
            let differences = expect::differences(&program, &outcome.problems, &outcome.sources);
            if !differences.is_empty() {
                problems.push(format!("--- {name}\n  {}", differences.join("\n  ")));
            }
        }
    }
    assert!(count > 0, "no program contains `{wanted}`");
    if wanted.is_empty() {
        problems
            .extend(built().difference(&provoked).map(|(file, line)| format!("{file}:{line}: no case provokes this")));
    }
    none(&problems);
}

/// Every place in the phases that builds a problem: its file and line.
fn built() -> BTreeSet<(String, usize)> {
    let mut found = BTreeSet::new();
    let roots = PHASES.iter().flat_map(|phase| [format!("src/{phase}"), format!("src/{phase}.rs")]);
    for path in roots.flat_map(|root| files(&root, &[".rs"])) {
        let file = shown(&path);
        // What other tools write is read by a command of its own: `tests/import.rs`.
        if file.starts_with("src/inventory/import") {
            continue;
        }
        let mut function = String::new();
        for (index, line) in read(&path).lines().enumerate().take_while(|(_, line)| !line.starts_with("mod tests")) {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            }
            let builds = line.contains("Diagnostic::new(") || line.contains("Diagnostic::nowhere(");
            if builds && !ELSEWHERE.contains(&(file.as_str(), function.as_str())) {
                found.insert((file.clone(), index + 1));
            }
        }
    }
    found
}
