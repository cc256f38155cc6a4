//! Mutated programs through the whole compiler: it reports, and never panics or hangs.
//!
//! `PROPERTY_CASES=20000 cargo test properties` looks longer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use rbgc::diag::render::{Colour, Report, github, human, json};
use rbgc::order::Delivery;

use crate::support::compile::{HOME, Outcome, compile};
use crate::support::{Memory, files, program, read, root};

/// Texts to begin with: the examples, the cases and the standard library.
fn seeds() -> Vec<String> {
    let mut seeds: Vec<String> = files("examples", &[".rbg"]).iter().map(|p| read(p)).collect();
    seeds.extend(files("stdlib", &[".rbg"]).iter().map(|p| read(p)));
    for path in files("tests/cases", &[".rbg"]) {
        let programs = program::programs(&read(&path)).unwrap();
        seeds.extend(programs.into_iter().map(|p| p.files[0].text.clone()));
    }
    seeds
}

/// Pieces that hurt.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "\"\"\"",
    "#\"",
    "${",
    "=",
    "..",
    ",",
    " - ",
    "//",
    "///",
    "\n",
    "\r\n",
    "\t",
    " ",
    "0",
    "-1",
    "99999999999999999999",
    "9223372036854775807",
    "1e309",
    "80Gi",
    "1:0",
    "0..0",
    "5..1",
    "100%",
    "1000000h",
    "unset",
    "inherited",
    "when",
    "for x in",
    "if true then",
    "not",
    "group ",
    "role ",
    "template ",
    "edge ",
    "use ",
    "param ",
    "let ",
    "refine group ",
    "place {",
    "pod {",
    "after ",
    "connect ",
    "leader {",
    "component x {",
    "x 1000000000",
    "self.rank",
    "leader.address",
    "range(1000000000)",
    "template(\"x\")",
    "\u{202e}",
    "\u{0}",
    "\u{feff}",
    "é",
    "漢",
    "👩‍👩‍👧",
    "group g { role a { image = \"x:1\" } }\n",
    "assert false\n",
    "private ",
    "std.sglang",
    "../../../etc/passwd",
];

/// A change to a text. Positions are parts of a thousand.
#[derive(Debug, Clone)]
enum Change {
    Insert(usize, usize),
    Delete(usize, usize),
    Repeat(usize, usize, usize),
    Swap(usize, usize),
    Word(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = || 0..1000usize;
    let change = prop_oneof![
        (at(), 0..PIECES.len()).prop_map(|(a, p)| Change::Insert(a, p)),
        (at(), 1..40usize).prop_map(|(a, n)| Change::Delete(a, n)),
        (at(), 1..60usize, 1..30usize).prop_map(|(a, n, t)| Change::Repeat(a, n, t)),
        (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at(), at()).prop_map(|(a, b)| Change::Word(a, b)),
    ];
    prop::collection::vec(change, 1..6)
}

fn mutate(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        let place = |part: usize, chars: &[char]| (chars.len() * part / 1000).min(chars.len());
        match *change {
            Change::Insert(at, piece) => {
                let at = place(at, &chars);
                chars.splice(at..at, PIECES[piece].chars());
            }
            Change::Delete(at, count) => {
                let at = place(at, &chars);
                let end = (at + count).min(chars.len());
                chars.drain(at..end);
            }
            Change::Repeat(at, count, times) => {
                let at = place(at, &chars);
                let part: Vec<char> = chars[at..(at + count).min(chars.len())].to_vec();
                chars.splice(at..at, part.iter().copied().cycle().take(part.len() * times));
            }
            Change::Swap(a, b) => swap_lines(&mut chars, a, b),
            Change::Word(a, b) => {
                let (from, to) = (word(&chars, place(a, &chars)), word(&chars, place(b, &chars)));
                let text: Vec<char> = chars[from].to_vec();
                chars.splice(to, text);
            }
        }
    }
    chars.into_iter().collect()
}

fn swap_lines(chars: &mut Vec<char>, a: usize, b: usize) {
    let text: String = chars.iter().collect();
    let mut lines: Vec<&str> = text.split('\n').collect();
    let (a, b) = (lines.len() * a / 1000, lines.len() * b / 1000);
    lines.swap(a, b);
    *chars = lines.join("\n").chars().collect();
}

/// The word around a position.
fn word(chars: &[char], at: usize) -> std::ops::Range<usize> {
    let inside = |c: &char| c.is_alphanumeric() || *c == '-';
    let start = chars[..at].iter().rposition(|c| !inside(c)).map_or(0, |i| i + 1);
    let end = chars[at..].iter().position(|c| !inside(c)).map_or(chars.len(), |i| at + i);
    start..end
}

fn run(source: &str, inventory: &str) -> Outcome {
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("inventory.yaml"), inventory);
    world.add(Path::new(HOME).join("main.rbg"), source);
    for path in files("examples", &[".j2", "platform.rbg"]) {
        world.add(Path::new(HOME).join(path.file_name().unwrap()), read(&path));
    }
    compile(&world, &["main.rbg"], &[], &Delivery::Plain)
}

/// Fails when a text makes the compiler panic, or take longer than any sane program does.
fn survives(source: &str, inventory: &str) -> Result<(), TestCaseError> {
    let begin = Instant::now();
    let run = catch_unwind(AssertUnwindSafe(|| {
        let outcome = run(source, inventory);
        let report = Report::new(&outcome.problems, &outcome.sources, |code| Some(code.severity()));
        (human(&report, Colour::None), json(&report), github(&report), report.failed(), outcome.groups.is_some())
    }));
    let Ok((.., failed, written)) = run else {
        return Err(TestCaseError::fail("the compiler panics"));
    };
    prop_assert!(failed || written, "nothing is written, and no error says why");
    prop_assert!(begin.elapsed().as_secs() < 20, "it takes {:?}", begin.elapsed());
    Ok(())
}

fn cases() -> u32 {
    std::env::var("PROPERTY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

/// A runner with the same cases on every run, so that a failure is one for everybody.
fn runner(seed: u64) -> TestRunner {
    let config =
        Config { cases: cases(), failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    TestRunner::new(config)
}

#[test]
fn mutated_sources_never_panic() {
    let (seeds, inventory) = (seeds(), read(&root().join("tests/inventory.yaml")));
    let strategy = (0..seeds.len(), changes());
    let outcome = runner(1).run(&strategy, |(seed, changes)| {
        let source = mutate(&seeds[seed], &changes);
        survives(&source, &inventory).map_err(|e| TestCaseError::fail(format!("{e}\n{source}")))
    });
    if let Err(e) = outcome {
        panic!("{e}");
    }
}

#[test]
fn mutated_inventories_never_panic() {
    let source = read(&root().join("examples/qwen-pd/qwen-pd.rbg"));
    let seeds: Vec<String> = files("examples", &["inventory.yaml"]).iter().map(|p| read(p)).collect();
    let strategy = (0..seeds.len(), changes());
    let outcome = runner(2).run(&strategy, |(seed, changes)| {
        let inventory = mutate(&seeds[seed], &changes);
        survives(&source, &inventory).map_err(|e| TestCaseError::fail(format!("{e}\n{inventory}")))
    });
    if let Err(e) = outcome {
        panic!("{e}");
    }
}
