//! Texts that are meant to break the parser: it must answer, in time, and without a panic. No test
//! here looks at a clock; what is not linear does not end.

use crate::diag::Code;
use crate::syntax::parse::parse_text;

/// The parser answers, and the first problem has this code.
#[track_caller]
fn refused(text: &str, code: Code) {
    let problems = parse_text(text, 0).problems;
    assert_eq!(problems.first().map(|p| p.code), Some(code), "{}", &text[..text.len().min(60)]);
}

#[track_caller]
fn accepted(text: &str) {
    let problems = parse_text(text, 0).problems;
    assert!(problems.is_empty(), "{:?}", problems[0]);
}

const MANY: usize = 100_000;
const LONG: usize = 20_000;

#[test]
fn deep_nesting() {
    for open in
        ["(", "[", "{ a = ", "f(", "[for x in ", "not ", "-", "a[", "if ", "if a then ", "if a then b else ", "a..if "]
    {
        refused(&format!("let x = {}", open.repeat(MANY)), Code::TooDeep);
    }
    for open in ["List<", "{ a: ", "A | List<", "Map<{ b: "] {
        refused(&format!("param x: {}", open.repeat(MANY)), Code::TooDeep);
    }
    refused(&format!("group g {}", "{ leader ".repeat(MANY)), Code::TooDeep);
    refused(&format!("group g {}", "{ init a ".repeat(MANY)), Code::TooDeep);
    refused(&format!("tenant g {}", "{".repeat(MANY)), Code::TooDeep);
    refused(&format!("let x = {}", "{ [".repeat(MANY)), Code::TooDeep);
}

#[test]
fn nesting_at_the_limit() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(", ")"), ("{ a = ", " }"), ("if a then b else ", ""), ("not ", "")]
    {
        accepted(&format!("let x = {}1{}", open.repeat(64), close.repeat(64)));
        refused(&format!("let x = {}1{}", open.repeat(65), close.repeat(65)), Code::TooDeep);
    }
    accepted(&format!("param x: {}Int{}", "List<".repeat(64), ">".repeat(64)));
    refused(&format!("param x: {}Int{}", "List<".repeat(65), ">".repeat(65)), Code::TooDeep);
    accepted(&format!("group g {} {}", "{ leader ".repeat(63) + "{", "}".repeat(64)));
    // On a thread of the pool, with its smaller stack.
    let deep = format!("let x = {}1{}\n", "[f({ a = not -a[".repeat(10), "] })]".repeat(10));
    accepted(&deep.repeat(1_000));
}

#[test]
fn many_of_what_nests_side_by_side() {
    let many = |text: &str| text.repeat(300);
    accepted(&format!("group g {{ {} }}", many("a = if not b then -c else d  assert not a  ")));
    accepted(&format!("let x = [{}]", many("if a then b else c, not d, ")));
    accepted(&format!("let x = f({})", many("a = if b then c else -1, ")));
    accepted(&format!("let x = {{ {} }}", many("a = if b then c else -1 ")));
    accepted(&format!("template T({}) {{}}", many("a: List<Int> = if b then c else d, ")));
    accepted(&format!("group g {{ {} }}", many("after a when not b connect a -> b weight if c then 1 else 2 ")));
}

#[test]
fn long_chains() {
    for link in [" + a", ".a", "[0]", "(1)", " is A", " - -1"] {
        let problems = parse_text(&format!("let x = a{}", link.repeat(LONG)), 0).problems;
        assert!(problems.iter().any(|p| p.code == Code::TooDeep) || link == "(1)", "{link}");
        assert!(problems.len() <= 100);
    }
    refused(&format!("let x = a{}", " + a".repeat(MANY)), Code::TooDeep);
    accepted(&format!("let x = a{}", " + a".repeat(256)));
    refused(&format!("let x = a{}", " + a".repeat(257)), Code::TooDeep);
    // Each part is low, the whole is high.
    let mut text = "a".to_owned();
    for _ in 0..20 {
        text = format!("({text}{})", " + a".repeat(50));
    }
    refused(&format!("let x = {text}"), Code::TooDeep);
    accepted(&format!("let x = [{}]", "1, ".repeat(LONG)));
    accepted(&format!("param x: {}\"b\"", "\"a\" | ".repeat(LONG)));
    accepted(&format!("group g {{ {} }}", "a = 1 ".repeat(LONG)));
}

/// An alternative that is tried twice on each level would take 2^60 steps.
#[test]
fn no_backtracking_over_nested_prefixes() {
    for open in [
        "{ leader ",
        "{ ready ",
        "{ place ",
        "{ init a ",
        "{ a ",
        "{ role a ",
        "{ role a is T(",
        "{ port a = {",
        "{ from ",
        "{ to ",
        "{ a = { for x in [",
        "{ a = [for x in [",
        "{ a = {[{[",
        "{ a = f(a = g(",
        "{ flags { a b ",
        "{ a { for x ",
        "{ a = \"${\"${",
        "{ a = if if ",
        "{ volume v { a = ",
        "{ after a { b ",
        "{ coordinate a { b ",
        "{ connect a -> b when {",
        "{ assert a, [",
        "{ let x: { a: ",
        "{ file \"a\" = { b = ",
        "{ ready http [",
        "{ live exec [",
    ] {
        for end in ["", "!", "}"] {
            parse_text(&format!("group g {}{end}", open.repeat(20)), 0);
            parse_text(&format!("edge E(from: A, to: B) {}{end}", open.repeat(20)), 0);
        }
    }
    for open in ["List<{ a: ", "A | { b: ", "List<List<"] {
        parse_text(&format!("param x: {}!", open.repeat(20)), 0);
    }
}

#[test]
fn everything_unclosed() {
    for text in [
        "(",
        "[",
        "{",
        "\"",
        "\"\"\"",
        "#\"",
        "##\"",
        "\"${",
        "\"\"\"${",
        "\"${\"",
        "\"\"\"\n${",
        "#",
        "//",
        "/",
        "'",
        "\\",
        "\"\\",
        "\"\"\"\\\"\"\"",
        "${",
        "}",
        ")",
        "]",
        "<",
        "\"a\\",
        "\"${{",
        "\"${}",
        "\"\"",
        "\"\"\"\"",
        "\"\"\"\"\"",
    ] {
        for before in ["", "let x = ", "group g { a = ", "use ", "let x = \"\"\"\n"] {
            for times in [1, 2, 3, 1000] {
                let broken = format!("{before}{}\nlet y = 1\n", text.repeat(times));
                parse_text(&broken, 0);
                parse_text(broken.trim_end(), 0);
                parse_text(&format!("{before}{}", format!("{text}\n").repeat(times)), 0);
            }
        }
    }
}

#[test]
fn large_texts() {
    let line = "let x = [".to_owned() + &"a.b + \"c\", ".repeat(LONG) + "]";
    accepted(&line);
    parse_text(&line.replace("c\"", "c"), 0);
    parse_text(&("let x = ".to_owned() + &"{}".repeat(LONG)), 0);
    parse_text(&("let x = ".to_owned() + &"{}\n".repeat(MANY) + "!"), 0);
    parse_text(&"#\"\n".repeat(MANY), 0);
    parse_text(&"let x = \"\"\"\n\\".repeat(MANY), 0);
    parse_text(&"\"\"\"\n\\\"\"\"".repeat(MANY), 0);
    parse_text(&("let x = ".to_owned() + &"-".repeat(MANY)), 0);
    parse_text(&"// a\n".repeat(MANY), 0);
    parse_text(&"/// a\n".repeat(MANY), 0);
    parse_text(&"let\n".repeat(MANY), 0);
    parse_text(&"\n".repeat(MANY), 0);
    parse_text(&" ".repeat(MANY), 0);
    parse_text(&("let x = ".to_owned() + &"9".repeat(MANY)), 0);
    parse_text(&("let x = ".to_owned() + &"a-".repeat(MANY)), 0);
    parse_text(&("let x = 1.".to_owned() + &"5".repeat(MANY) + "s"), 0);
}
