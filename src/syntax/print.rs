//! Tree to text: the formatter, and the tree itself for people who look into the compiler.
//!
//! The formatter changes nothing but white space, and commas at the end of lists: it lays out the
//! tokens of a text anew, so that no comment can get lost. That the new text means the same is
//! verified for every text, not only in tests.

use crate::diag::Session;
use crate::source::FileId;
use crate::syntax::parse::{Parsed, parse_text};

mod dump;
mod layout;
mod nodes;

pub use dump::dump;

/// The text of a file, formatted. Reports what is wrong and returns `None` when it does not parse.
///
/// Blocks and lists that the author wrote on one line stay there if they fit; statements that share
/// a line stay together if they fit; single blank lines are kept. Formatting twice changes nothing.
pub fn format(session: &mut Session, file: FileId) -> Option<String> {
    let source = session.sources.file(file);
    let parsed = parse_text(&source.text, source.start);
    if !parsed.problems.is_empty() {
        session.problems.extend(parsed.problems);
        return None;
    }
    let text = lay_out(&source.text, &parsed);
    // If the layout had a mistake, the author's text is better than a changed meaning.
    let same = same_meaning(&parsed, &text);
    Some(if same { text } else { source.text.clone() })
}

/// The tokens of a text that parses, laid out anew.
fn lay_out(text: &str, parsed: &Parsed) -> String {
    layout::write(&nodes::tree(text, &parsed.shape), &parsed.shape)
}

fn same_meaning(before: &Parsed, after: &str) -> bool {
    let after = parse_text(after, 0);
    after.problems.is_empty() && dump(&before.ast) == dump(&after.ast)
}

#[cfg(test)]
mod tests;
