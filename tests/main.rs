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
mod diff;
mod discovery;
mod docs;
mod edits;
mod gallery;
mod golden;
mod import;
mod invariants;
mod kueue;
mod plan;
mod plugin;
mod properties;
mod routing;
mod scheduler;
mod security;
mod simulation;
mod templates;
mod targets;
mod tidy;
