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
//! - `//@ set name=value` sets a parameter, as `--set` does.
//!
//! Every program runs through the whole compiler, so that the phase of the directory is where the
//! problem belongs, not where the test stops. `CASE=text cargo test cases` runs only the programs
//! whose file or name contains the text.

use crate::support::compile::compile_program;
use crate::support::{expect, files, none, program, read, shown};

#[test]
fn cases() {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let (mut problems, mut count) = (Vec::new(), 0);
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
            let differences = expect::differences(&program, &outcome.problems, &outcome.sources);
            if !differences.is_empty() {
                problems.push(format!("--- {name}\n  {}", differences.join("\n  ")));
            }
        }
    }
    assert!(count > 0, "no program contains `{wanted}`");
    none(&problems);
}
