//! Text to tree. pest stays inside this module.
//!
//! A text is cut into its top-level items, each of which begins with its keyword in the first
//! column, and each item is parsed alone, so that a broken one hides nothing of the others. What
//! pest could not bear, such as deep nesting, is refused by [`scan`] before pest sees the text.

use pest::Parser;

use crate::diag::{Diagnostic, Session};
use crate::source::FileId;
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

use convert::Convert;
use grammar::{Grammar, Rule};
use scan::Chunk;

/// Parses a file of the session. What is wrong is reported into the session (E0004 to E0007), once
/// for each broken item, and the items that could be read are returned.
pub fn parse(session: &mut Session, file: FileId) -> Ast {
    let source = session.sources.file(file);
    let (ast, problems) = parse_text(&source.text, source.start);
    session.problems.extend(problems);
    ast
}

/// Parses a text whose spans begin with `base`.
pub(super) fn parse_text(text: &str, base: u32) -> (Ast, Vec<Diagnostic>) {
    let mut problems = errors::forbidden_characters(text, base);
    let forbidden = problems.len();
    let scan = scan::scan(text);
    let mut convert = Convert::new(text, base, &scan.comments);
    let mut ast = Ast::default();
    for chunk in &scan.items {
        let found = match chunk.problem {
            Some(problem) => Err(errors::unparsable(text, base, problem)),
            None => parse_item(&scan.blanked, base, chunk, &mut convert),
        };
        match found {
            Ok(item) => ast.items.push(item),
            Err(problem) => {
                ast.broken.extend(errors::declared_name(text, base, chunk));
                let known = problems[..forbidden].iter().any(|p| p.span() == problem.span());
                if !known {
                    problems.push(problem);
                }
            }
        }
        problems.append(&mut convert.problems);
    }
    ast.comments =
        convert.loose_comments().map(|c| Comment { span: c.span(base), text: text[c.lo + 2..c.hi].into() }).collect();
    (ast, problems)
}

fn parse_item(text: &str, base: u32, chunk: &Chunk, convert: &mut Convert) -> Result<Item, Diagnostic> {
    match Grammar::parse(Rule::item, &text[chunk.lo..chunk.hi]) {
        Ok(pairs) => {
            convert.offset = chunk.lo;
            convert.item(pairs).ok_or_else(|| errors::unreadable(base, chunk))
        }
        Err(error) => Err(errors::syntax(convert.text, base, chunk, &error)),
    }
}

#[cfg(test)]
mod tests;
