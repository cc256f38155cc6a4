//! Text to tree. pest stays inside this module.
//!
//! A text is cut into its top-level items, each of which begins with its keyword in the first
//! column, and each item is parsed alone, so that a broken one hides nothing of the others. What
//! pest could not bear, such as deep nesting, is refused by `scan` before pest sees the text.

use pest::Parser;
use rayon::prelude::*;

use crate::diag::{Diagnostic, Session};
use crate::source::{FileId, SourceMap};
use crate::syntax::{Ast, Comment, Item};

mod body;
mod convert;
mod errors;
mod expected;
mod expr;
mod grammar;
mod item;
mod literal;
mod place;
mod scan;
mod words;

use convert::Convert;
use grammar::{Grammar, Rule};
use scan::{Chunk, Scan};

pub(super) use scan::MAX_NESTING;

/// Parses a file of the session. What is wrong is reported into the session (E0004 to E0007), once
/// for each broken item, and the items that could be read are returned.
pub fn parse(session: &mut Session, file: FileId) -> Ast {
    let source = session.sources.file(file);
    let parsed = parse_text(&source.text, source.start);
    session.problems.extend(parsed.problems);
    parsed.ast
}

/// Parses many files of a session, on all cores: trees and problems in the order of the files.
pub fn parse_all(sources: &SourceMap, files: &[FileId]) -> Vec<(Ast, Vec<Diagnostic>)> {
    let parse = |file: &FileId| {
        let source = sources.file(*file);
        let parsed = parse_text(&source.text, source.start);
        (parsed.ast, parsed.problems)
    };
    files.par_iter().map(parse).collect()
}

/// A parsed text.
pub(super) struct Parsed {
    /// Its tree.
    pub ast: Ast,
    /// What is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// Where its shape is not seen from its tokens alone.
    pub shape: Shape,
}

/// What the formatter must know about a text.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Where items, statements, entries, clauses and the fields of record types begin: byte offsets
    /// in the text, in ascending order.
    pub starts: Vec<usize>,
    /// Where types stand: byte ranges in ascending order; those within others may be listed too.
    pub types: Vec<(usize, usize)>,
    /// The blocks that are not looked at.
    pub raw: Vec<(usize, usize)>,
}

/// Texts above this many bytes are parsed on all cores; starting threads for less does not pay.
const PARALLEL: usize = 128 << 10;

/// The most problems with values that are reported for one item.
const MAX_PROBLEMS: usize = 100;

/// Parses a text whose spans begin with `base`.
pub(super) fn parse_text(text: &str, base: u32) -> Parsed {
    let mut problems = errors::forbidden_characters(text, base);
    let forbidden = problems.len();
    let scan = scan::scan(text);
    let parse = |chunk: &Chunk| parse_item(text, base, &scan, chunk);
    let found: Vec<Found> = match text.len() {
        0..PARALLEL => scan.items.iter().map(parse).collect(),
        _ => scan.items.par_iter().map(parse).collect(),
    };
    let mut ast = Ast::default();
    let mut shape = Shape::default();
    let mut attached = vec![false; scan.comments.len()];
    for (found, chunk) in found.into_iter().zip(&scan.items) {
        for index in found.attached {
            attached[index] = true;
        }
        match found.item {
            Ok(item) => ast.items.push(item),
            Err(problem) => {
                ast.broken.extend(errors::declared_name(text, base, chunk));
                // A forbidden character is reported once, not again as one that does not fit.
                if !problems[..forbidden].iter().any(|p| p.span() == problem.span()) {
                    problems.push(problem);
                }
            }
        }
        problems.extend(found.problems);
        shape.starts.extend(found.shape.starts);
        shape.types.extend(found.shape.types);
        shape.raw.extend(found.shape.raw);
    }
    let loose = scan.comments.iter().zip(attached).filter(|(_, attached)| !attached);
    ast.comments =
        loose.map(|(c, _)| Comment { span: c.span(base), text: text[c.lo + 2..c.hi].trim_end().to_owned() }).collect();
    shape.starts.sort_unstable();
    Parsed { ast, problems, shape }
}

/// What came of one item.
struct Found {
    item: Result<Item, Diagnostic>,
    /// What is wrong with values in it.
    problems: Vec<Diagnostic>,
    /// The comments that became documentation.
    attached: Vec<usize>,
    shape: Shape,
}

fn parse_item(text: &str, base: u32, scan: &Scan, chunk: &Chunk) -> Found {
    let broken =
        |problem| Found { item: Err(problem), problems: Vec::new(), attached: Vec::new(), shape: Shape::default() };
    if let Some(problem) = chunk.problem {
        return broken(errors::unparsable(text, base, problem));
    }
    match Grammar::parse(Rule::item, &scan.blanked[chunk.lo..chunk.hi]) {
        Ok(pairs) => {
            let mut convert = Convert::new(text, base, chunk, &scan.comments);
            let item = convert.item(pairs).ok_or_else(|| errors::unreadable(base, chunk));
            convert.problems.truncate(MAX_PROBLEMS);
            Found { item, problems: convert.problems, attached: convert.attached, shape: convert.shape }
        }
        Err(error) => broken(errors::syntax(text, base, chunk, &error)),
    }
}

#[cfg(test)]
pub(super) mod tests;
