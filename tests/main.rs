//! All tests that need files: one binary, because each costs a link. See each module.

// Tests read and write files; the ban protects the compiler's core.
#![allow(clippy::disallowed_methods)]

mod stability;
mod support;

mod bad_input;
mod cases;
mod cli;
mod commands;
mod conformance;
mod docs;
mod gallery;
mod golden;
mod import;
mod invariants;
mod plan;
mod properties;
mod scheduler;
mod targets;
mod tidy;
