//! What the formatter makes of texts, and that it changes nothing else.

use super::{lay_out, same_meaning};
use crate::syntax::parse::parse_text;
use crate::syntax::parse::tests::{DEEPSEEK, EVERYTHING, QWEN};

/// Formats without the safety net, and checks what holds for every text.
#[track_caller]
fn formatted(text: &str) -> String {
    let parsed = parse_text(text, 0);
    let problems: Vec<_> = parsed.problems.iter().map(|p| (&p.message, p.span())).collect();
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    let once = lay_out(text, &parsed);
    assert!(same_meaning(&parsed, &once), "the meaning changed:\n{text}\n---\n{once}");
    let twice = lay_out(&once, &parse_text(&once, 0));
    assert_eq!(once, twice, "not idempotent:\n{text}");
    once
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
}

#[test]
fn zz_show() {
    println!("{}", formatted(QWEN));
    println!("{}", formatted(DEEPSEEK));
    println!("{}", formatted(EVERYTHING));
    check("", "");
}
