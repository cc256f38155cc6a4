//! Properties of texts that nobody wrote.

use proptest::prelude::*;

use super::formatted;
use crate::syntax::lex::{Kind, Lexer};
use crate::syntax::parse::parse_text;
use crate::syntax::parse::tests::{DEEPSEEK, EVERYTHING, QWEN};

const CORPUS: [&str; 3] = [QWEN, DEEPSEEK, EVERYTHING];

/// What is put into a text to break it.
const SNIPPETS: [&str; 40] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "\"\"\"",
    "${",
    "#\"",
    "\"#",
    "//",
    "///",
    "\n",
    " ",
    "=",
    "==",
    ",",
    ":",
    ".",
    "..",
    "-",
    "->",
    "%",
    "not ",
    "if ",
    " then ",
    " else ",
    "for x in ",
    "\nlet ",
    "\ngroup g ",
    " when ",
    "is ",
    "9",
    "1:2",
    "Gi",
    "é",
    "\u{feff}",
    "\\",
    "\t",
];

/// What white space may become without a change of meaning, where it may.
const SPACES: [&str; 8] = [" ", "  ", "\n ", "\n\n\n  ", "\n      ", " // note\n  ", " /// note\n  ", "\t"];

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// Deletes, doubles and inserts.
fn mutate(text: &str, edits: &[(u8, usize, usize, usize)]) -> String {
    let mut text = text.to_owned();
    for (what, at, length, snippet) in edits {
        let lo = boundary(&text, at % (text.len() + 1));
        let hi = boundary(&text, lo + length % 60).max(lo);
        match what % 4 {
            0 => text.replace_range(lo..hi, ""),
            1 => text = [&text[..hi], &text[lo..]].concat(),
            2 => text.insert_str(lo, SNIPPETS[snippet % SNIPPETS.len()]),
            _ => text.replace_range(lo..hi, SNIPPETS[snippet % SNIPPETS.len()]),
        }
    }
    text
}

/// The same tokens with other white space between them.
fn respace(text: &str, choices: &[usize]) -> String {
    let mut out = String::new();
    let mut end = 0;
    let mut choices = choices.iter().cycle();
    let mut depth = 0;
    for token in Lexer::new(text) {
        let gap = &text[end..token.lo];
        let tight = |at: usize| matches!(text.as_bytes().get(at), Some(b'-' | b'%'));
        let item = token.lo == 0 || text[..token.lo].ends_with('\n');
        let fixed = item || depth > 0 || gap.is_empty() || out.ends_with(['-', '%']) || tight(token.lo);
        let comment = token.kind == Kind::Comment || text[..end].lines().last().is_some_and(|l| l.contains("//"));
        let choice = choices.next().map_or(0, |c| *c);
        out.push_str(if fixed || comment { gap } else { SPACES[choice % SPACES.len()] });
        out.push_str(&text[token.lo..token.hi]);
        match token.kind {
            Kind::StringStart(_) => depth += 1,
            Kind::StringEnd => depth -= 1,
            _ => {}
        }
        end = token.hi;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_texts_are_answered(
        which in 0..3_usize,
        edits in prop::collection::vec(any::<(u8, usize, usize, usize)>(), 1..6),
    ) {
        let text = mutate(CORPUS[which], &edits);
        let parsed = parse_text(&text, 7);
        for problem in &parsed.problems {
            for label in &problem.labels {
                prop_assert!(label.span.lo >= 7 && label.span.hi as usize <= text.len() + 7);
                prop_assert!(text.is_char_boundary(label.span.lo as usize - 7));
                prop_assert!(text.is_char_boundary(label.span.hi as usize - 7));
            }
        }
        if parsed.problems.is_empty() {
            formatted(&text);
        }
    }

    #[test]
    fn any_text_is_answered(text in "(?s)[a-z{}()\\[\\]\"$#/=.,:\\-\n 0-9A-Zé]{0,200}") {
        if parse_text(&text, 0).problems.is_empty() {
            formatted(&text);
        }
    }

    #[test]
    fn the_layout_does_not_matter(which in 0..3_usize, choices in prop::collection::vec(0..8_usize, 1..60)) {
        let text = respace(CORPUS[which], &choices);
        prop_assert!(parse_text(&text, 0).problems.is_empty(), "{}", text);
        formatted(&text);
    }
}
