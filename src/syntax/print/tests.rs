//! What the formatter makes of texts, and that it changes nothing else.

use super::{lay_out, same_meaning};
use crate::syntax::parse::parse_text;
use crate::syntax::parse::tests::{DEEPSEEK, EVERYTHING, QWEN};

mod random;

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

/// The text is formatted so.
#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected);
}

/// The text is formatted already.
#[track_caller]
fn kept(text: &str) {
    check(text, text);
}

#[test]
fn the_design_is_kept_but_for_alignment() {
    kept(
        &QWEN
            .replace("decode  is Decode(weights)  {", "decode is Decode(weights) {")
            .replace("router  is", "router is"),
    );
    let deepseek = formatted(DEEPSEEK);
    assert_eq!(deepseek.lines().count(), DEEPSEEK.lines().count());
    assert!(deepseek.contains("    gpus = 8  // per pod\n"));
    formatted(EVERYTHING);
}

#[test]
fn white_space_is_normalized() {
    check("", "");
    check("\n\n", "");
    check("// only\n", "// only\n");
    check("let   x=1\n\n\n\nlet y  =  2", "let x = 1\n\nlet y = 2\n");
    check("let x = 1\r\nlet y = 2\r\n", "let x = 1\nlet y = 2\n");
    check("let x = f( a,b , c = 1 )", "let x = f(a, b, c = 1)\n");
    check("let x = [ 1,2, ]", "let x = [1, 2]\n");
    check("let x = {a=1 b=2}", "let x = { a = 1  b = 2 }\n");
    check("let x = a+b*c", "let x = a + b * c\n");
    check("let x = 1 .. n", "let x = 1..n\n");
    check("let x = -a - -b", "let x = -a - -b\n");
    check("let x = if(a)then[b]else(c)", "let x = if (a) then [b] else (c)\n");
    check(
        "param x:List<Int>=[ ]",
        "param x: List<Int> = []
",
    );
}

#[test]
fn types_are_told_from_comparisons() {
    check("param x: Map<List<Int>>= f(a<b, c>d)", "param x: Map<List<Int>> = f(a < b, c > d)\n");
    check("param x:\"a\"|\"b\"=\"a\"", "param x: \"a\" | \"b\" = \"a\"\n");
    check("param x: {a:Int b:Int=1}", "param x: { a: Int  b: Int = 1 }\n");
}

#[test]
fn lines_stay_as_the_author_broke_them() {
    kept("group g {\n  a = 1  b = 2\n  c = 3\n\n  d { e = 1 }\n}\n");
    check("group g { a = 1\n b = 2 }", "group g {\n  a = 1\n  b = 2\n}\n");
    check("group g {\n\n a = 1\n\n\n}", "group g {\n  a = 1\n}\n");
    check("group g\n{\n}", "group g {}\n");
    kept("let x = [\n  1, 2,\n  3, 4,\n]\n");
    check("let x = [1,\n2]", "let x = [\n  1,\n  2,\n]\n");
    kept("let x = [for a in b: a]\n");
    check("let x = [\nfor a in b:\na ]", "let x = [\n  for a in b: a\n]\n");
    kept("let x = json({\n  a = 1\n})\n");
    kept("assert a\n  and b,\n  \"c\"\n");
    kept("let x = if a\n  then b\n  else c\n");
}

#[test]
fn what_does_not_fit_is_broken() {
    let many = |text: &str, n: usize| text.repeat(n);
    check(
        &format!("let x = [{}]", many("\"abcdefghij\", ", 12)),
        &format!("let x = [\n{}]\n", many("  \"abcdefghij\",\n", 12)),
    );
    check(
        &format!("group g {{ {} }}", many("abcdefghij = 1  ", 12)),
        &format!("group g {{\n{}}}\n", many("  abcdefghij = 1\n", 12)),
    );
    check(
        &format!("group g {{\n  {}\n}}", many("abcdefghij = 1  ", 12)),
        &format!("group g {{\n{}}}\n", many("  abcdefghij = 1\n", 12)),
    );
    let long = format!("template T({}) for role {{ a = 1 }}", many("abcdefghij: Int, ", 8));
    check(
        &long,
        &format!("template T(\n  {},\n) for role {{ a = 1 }}\n", ["abcdefghij: Int"; 6].join(", "))
            .replace(&["abcdefghij: Int"; 6].join(", "), &["abcdefghij: Int"; 8].join(",\n  ")),
    );
}

#[test]
fn comments_stay_where_they_are() {
    kept("// a\n\n// b\nuse std.x  // c\n\n/// d\nlet x = 1  // e\n// f\n");
    kept("group g {  // a\n  // b\n  c = 1  // d\n\n  // e\n}\n// f\n");
    check("group g { a = 1 // b\n}", "group g {\n  a = 1  // b\n}\n");
    check("let x = [ // a\n1, // b\n2 // c\n// d\n]", "let x = [  // a\n  1,  // b\n  2,  // c\n  // d\n]\n");
    check("let x = // why\n1", "let x =  // why\n  1\n");
    check("let x = f(a, // b\nc)", "let x = f(\n  a,  // b\n  c,\n)\n");
    check("group g { // a\n}", "group g {  // a\n}\n");
    check("let x = a // b\n  + c", "let x = a  // b\n  + c\n");
    check("use std.x {\n  A, // a\n  B\n}", "use std.x {\n  A,  // a\n  B,\n}\n");
    kept("group g {\n  /// doc\n  /// more\n  role a is B\n}\n");
    kept("/// doc\ntemplate T(\n  /// one\n  // no doc\n  a: Int,\n  /// two\n  b: Int = 1,\n) {}\n");
    kept("group g {\n  role a is B {\n    after store[0].master, group store[index + 1]\n  }\n}\n");
}

#[test]
fn texts_of_several_lines_move_with_their_statement() {
    let q = "\"\"\"";
    check(
        &format!("group g {{\nx = {q}\na\n  b\n\n{q}\n}}"),
        &format!("group g {{\n  x = {q}\n  a\n    b\n\n  {q}\n}}\n"),
    );
    check(
        &format!("group g {{\nx = {q}\n      a\n      {q}\n}}"),
        &format!("group g {{\n  x = {q}\n    a\n    {q}\n}}\n"),
    );
    kept(&format!("let x = f({q}\n  a\n  b{q})\n"));
    kept("let x = #\"\n  a\nb\n\"#\n");
    kept(&format!("group g {{\n  command = [\"sh\", \"-c\", {q}\n    a ${{b}}\n    {q}]\n}}\n"));
}

#[test]
fn blocks_that_are_not_read_are_not_touched() {
    kept("tenant t {  a=1\n   // b\n}\n");
}

#[test]
fn a_broken_file_is_not_formatted() {
    struct Nothing;
    impl crate::source::World for Nothing {
        fn read(&self, _: &std::path::Path, _: u64) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
        fn resolve(&self, _: &std::path::Path) -> std::io::Result<std::path::PathBuf> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }
    let mut session = crate::diag::Session::new(&Nothing, "");
    let good = session.sources.add("good.rbg", "let x=1").expect("it fits");
    let broken = session.sources.add("broken.rbg", "let x=").expect("it fits");
    assert_eq!(super::format(&mut session, good).as_deref(), Some("let x = 1\n"));
    assert!(!session.failed());
    assert_eq!(super::format(&mut session, broken), None);
    assert!(session.failed());
}
