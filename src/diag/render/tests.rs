//! What each rendering looks like, and that none of them panics.

use super::*;
use crate::source::Span;
use insta::assert_snapshot;
use proptest::prelude::*;

fn map(files: &[(&str, &str)]) -> SourceMap {
    let mut map = SourceMap::default();
    for (name, text) in files {
        map.add(*name, *text).unwrap();
    }
    map
}

/// The span of the `n`th occurrence, from 0, of a word in the file with this index.
fn span(map: &SourceMap, file: usize, word: &str, n: usize) -> Span {
    let file = &map.files()[file];
    let at = file.text.match_indices(word).nth(n).unwrap().0 as u32 + file.start;
    Span::new(at, at + word.len() as u32)
}

fn report<'a>(problems: &'a [Diagnostic], sources: &'a SourceMap) -> Report<'a> {
    Report::new(problems, sources, |code| Some(code.severity()))
}

#[track_caller]
fn plain(problems: &[Diagnostic], sources: &SourceMap) -> String {
    human(&report(problems, sources), Colour::None)
}

const MAIN: &str = "use \"./lib.rbg\" { Server }\n\ngroup g {\n  role a is Server(1) { gpus = \"x\" }\n}\n";
const LIB: &str = "\n\n\ntemplate Server(n: Int) for role {\n  gpus = n\n}\n";

#[test]
fn labels_in_several_files() {
    let map = map(&[("lib.rbg", LIB), ("main.rbg", MAIN)]);
    let problem = Diagnostic::new(Code::TypeMismatch, span(&map, 1, "\"x\"", 0), "expected `Int`, found `String`")
        .here("a `String`")
        .label(span(&map, 0, "gpus", 0), "`gpus` is an `Int` here")
        .help("write a number");
    assert_snapshot!(plain(&[problem], &map), @r#"
    error[E0201]: expected `Int`, found `String`
       ╭─[main.rbg:4:32]
     3 │ group g {
     4 │   role a is Server(1) { gpus = "x" }
       ·                                ─┬─
       ·                                 ╰── a `String`
     5 │ }
       ╰────
       ╭─[lib.rbg:5:3]
     4 │ template Server(n: Int) for role {
     5 │   gpus = n
       ·   ──┬─
       ·     ╰── `gpus` is an `Int` here
     6 │ }
       ╰────
      help: write a number

    1 error
    for more about it: `rbgc explain E0201`
    "#);
}

#[test]
fn labels_in_one_line_and_across_lines() {
    let text = "role a { x = 1 }\nrole b {\n  y = 2\n}\nrole c {\n 1\n 2\n 3\n 4\n 5\n 6\n}\n";
    let map = map(&[("a.rbg", text)]);
    let problem = Diagnostic::new(Code::MixinConflict, span(&map, 0, "x", 0), "both")
        .here("one")
        .label(span(&map, 0, "1", 0), "two")
        .label(Span::new(17, 36), "three")
        .label(Span::new(37, text.len() as u32), "long");
    assert_snapshot!(plain(&[problem], &map), @r"
    error[E0302]: both
       ╭─[a.rbg:1:10]
     1 │     role a { x = 1 }
       ·              ┬   ┬
       ·              │   ╰── two
       ·              ╰── one
     2 │ ╭─▶ role b {
     3 │ │     y = 2
     4 │ ├─▶ }
       · ╰──── three
     5 │     role c {
       ·      ───┬───
       ·         ╰── long
     6 │      1
       ╰────

    1 error
    for more about it: `rbgc explain E0302`
    ");
}

#[test]
fn wide_characters_tabs_and_carriage_returns_align() {
    let map = map(&[("a.rbg", "x\r\n\tлет 漢字 = wrong\r\ny\r\n")]);
    let problem = Diagnostic::new(Code::UnknownName, span(&map, 0, "wrong", 0), "unknown name `wrong`").here("here");
    assert_snapshot!(plain(&[problem], &map), @r"
    error[E0101]: unknown name `wrong`
       ╭─[a.rbg:2:11]
     1 │ x
     2 │     лет 漢字 = wrong
       ·                ──┬──
       ·                  ╰── here
     3 │ y
       ╰────

    1 error
    for more about it: `rbgc explain E0101`
    ");
}

#[test]
fn hidden_characters_are_spelt_out() {
    let map = map(&[("\u{1b}]0;a.rbg", "a = \"\u{1b}[31m\u{202e}\" + wrong\r# b\n")]);
    let problem = Diagnostic::new(Code::UnknownName, span(&map, 0, "wrong", 0), "unknown `\u{9b}31m`")
        .here("bad\u{7}")
        .label(span(&map, 0, "\u{202e}", 0), "turns around")
        .help("\u{1b}c");
    assert_snapshot!(plain(&[problem], &map), @r#"
    error[E0101]: unknown `\u{9b}31m`
       ╭─[\u{1b}]0;a.rbg:1:16]
     1 │ a = "\u{1b}[31m\u{202e}" + wrong\u{d}# b
       ·                ────┬───    ──┬──
       ·                    │         ╰── bad\u{7}
       ·                    ╰── turns around
       ╰────
      help: \u{1b}c

    1 error
    for more about it: `rbgc explain E0101`
    "#);
}

#[test]
fn long_lines_are_cut() {
    let text = format!("a\nlet é = [{}wrong{}]\nb\n", "\"é\", ".repeat(200), ", 1".repeat(20_000));
    let map = map(&[("a.rbg", &text)]);
    let problem = Diagnostic::new(Code::UnknownName, span(&map, 0, "wrong", 0), "unknown name").here("here");
    let shown = plain(&[problem], &map);
    assert!(shown.len() < 2_000, "{shown}");
    assert!(shown.contains("a.rbg:2:1010") && shown.contains("wrong"), "{shown}");
}

#[test]
fn a_problem_without_a_place_comes_last() {
    let map = map(&[("a.rbg", "x = y\n")]);
    let problems = [
        Diagnostic::nowhere(Code::UnreadableFile, "cannot read `b.rbg`: no such file"),
        Diagnostic::new(Code::UnusedName, span(&map, 0, "x", 0), "nobody uses `x`"),
        Diagnostic::new(Code::UnknownName, span(&map, 0, "y", 0), "unknown name `y`"),
        Diagnostic::new(Code::UnknownName, span(&map, 0, "y", 0), "unknown name `y`"),
    ];
    assert_snapshot!(plain(&problems, &map), @r"
    warning[W0002]: nobody uses `x`
       ╭─[a.rbg:1:1]
     1 │ x = y
       · ─
       ╰────

    error[E0101]: unknown name `y`
       ╭─[a.rbg:1:5]
     1 │ x = y
       ·     ─
       ╰────

    error[E0001]: cannot read `b.rbg`: no such file

    2 errors, 1 warning
    for more about it: `rbgc explain E0101` (also E0001, W0002)
    ");
}

#[test]
fn an_empty_report_is_silent() {
    let map = map(&[]);
    assert_eq!(plain(&[], &map), "");
    assert_eq!(json(&report(&[], &map)), "[]\n");
    assert_eq!(github(&report(&[], &map)), "");
}

#[test]
fn colour_only_when_asked() {
    let map = map(&[("a.rbg", "x\n")]);
    let problems = [Diagnostic::new(Code::UnknownName, Span::new(0, 1), "unknown name `x`")];
    assert!(!plain(&problems, &map).contains('\u{1b}'));
    let coloured = human(&report(&problems, &map), Colour::Ansi);
    assert!(coloured.contains("\u{1b}[1;31m"), "{coloured:?}");
}

#[test]
fn severities_can_be_changed() {
    let map = map(&[("a.rbg", "x\n")]);
    let problems = [
        Diagnostic::new(Code::UnusedName, Span::new(0, 1), "unused"),
        Diagnostic::new(Code::FloatingTag, Span::new(0, 1), "floating"),
    ];
    let denied = Report::new(&problems, &map, |code| (code != Code::UnusedName).then_some(Severity::Error));
    assert!(denied.failed());
    assert_eq!(denied.summary(), "1 error");
}

#[test]
fn json_counts_characters_from_one() {
    let map = map(&[("lib.rbg", LIB), ("main.rbg", "é = \"x\"\n")]);
    let problems = [
        Diagnostic::new(Code::TypeMismatch, span(&map, 1, "\"x\"", 0), "wrong")
            .label(span(&map, 0, "gpus", 0), "here")
            .help("do"),
        Diagnostic::nowhere(Code::BadProject, "no project"),
    ];
    assert_snapshot!(json(&report(&problems, &map)), @r#"
    [
      {
        "code": "E0201",
        "severity": "error",
        "message": "wrong",
        "file": "main.rbg",
        "line": 1,
        "column": 5,
        "endLine": 1,
        "endColumn": 8,
        "labels": [
          {
            "file": "main.rbg",
            "line": 1,
            "column": 5,
            "endLine": 1,
            "endColumn": 8,
            "message": ""
          },
          {
            "file": "lib.rbg",
            "line": 5,
            "column": 3,
            "endLine": 5,
            "endColumn": 7,
            "message": "here"
          }
        ],
        "help": "do"
      },
      {
        "code": "E0805",
        "severity": "error",
        "message": "no project",
        "file": null,
        "line": null,
        "column": null,
        "endLine": null,
        "endColumn": null,
        "labels": [],
        "help": null
      }
    ]
    "#);
}

#[test]
fn github_escapes() {
    let map = map(&[("a,b:c.rbg", "x = y\n")]);
    let problems = [
        Diagnostic::new(Code::UnknownName, span(&map, 0, "y", 0), "50% of\nit").here("this\r").help("look"),
        Diagnostic::nowhere(Code::UnusedName, "x"),
    ];
    assert_snapshot!(github(&report(&problems, &map)), @r"
    ::error file=a%2Cb%3Ac.rbg,line=1,col=5,endLine=1,endColumn=6,title=E0101::50%25 of%0Ait%0Aa,b:c.rbg:1:5: this\u{d}%0Ahelp: look
    ::warning title=W0002::x
    ");
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_string()),
        Just("\r\n".to_string()),
        Just("\t".to_string()),
        Just("漢".to_string()),
        Just("e\u{301}👩‍👩‍👧".to_string()),
        Just("\u{1b}[2J".to_string()),
        Just("\u{202e}".to_string()),
        Just("\r".to_string()),
        Just("x".repeat(250)),
        "[a-z =]{0,12}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_span_panics(
        files in prop::collection::vec(texts(), 0..4),
        spans in prop::collection::vec((0u32..3000, 0u32..3000, ".{0,8}"), 0..5),
        far in any::<bool>(),
    ) {
        let mut map = SourceMap::default();
        for (i, text) in files.iter().enumerate() {
            map.add(format!("f{i}"), text.as_str()).unwrap();
        }
        let total = map.files().last().map_or(1, |f| f.span().hi + 2);
        let scale = |n: u32| if far { n * 1_000_000 } else { n % total };
        let mut problem = Diagnostic::nowhere(Code::Syntax, "m\u{1b}").help("h\u{9b}");
        for (lo, hi, message) in spans {
            problem = problem.label(Span::new(scale(lo), scale(hi)), message);
        }
        let problems = [problem];
        let report = report(&problems, &map);
        let shown = human(&report, Colour::None);
        prop_assert!(!shown.contains(escape::is_hidden), "{shown:?}");
        human(&report, Colour::Ansi);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json(&report)).is_ok());
        prop_assert_eq!(github(&report).lines().count(), 1);
    }
}
