//! The pest parser that is made from `grammar/rbg.pest`.
#![allow(missing_docs, reason = "pest derives an undocumented enum")]

/// The parser; its rules are those of the grammar.
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/rbg.pest"]
pub(super) struct Grammar;
