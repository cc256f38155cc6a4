//! The listings in README.md and docs/ are what they say.
//!
//! The words behind the fence tell what a block is:
//!
//! - `rbg`: a program that compiles without errors; with codes (`rbg E0203`) one that reports
//!   exactly these, warnings included. It may have further files, begun by `+++ path +++` as in
//!   `tests/cases.rs`; without an inventory it is compiled for `tests/inventory.yaml`.
//! - `yaml inventory`: an inventory that loads. `yaml E0501`: a part of one that reports this code,
//!   and perhaps that other parts are missing.
//! - `toml`: a project file that loads; with a code, one that reports it.
//! - `console`: commands behind `$ `, run one after the other by a shell in a directory with the
//!   examples, each with what it prints on standard output, then on standard error. A line `…`
//!   stands for any lines.
//! - `text printed`, below a program with codes: what it prints; see `gallery`.
//! - everything else is only for people.

use std::path::{Path, PathBuf};

use rbgc::diag::{Code, Session};
use rbgc::{inventory, project};

use crate::support::compile::{HOME, compile_program};
use crate::support::{Memory, files, none, program, read, root, shown};

/// A fenced block.
pub struct Block {
    /// The file and the line of its fence.
    pub place: String,
    /// The line on which its text begins.
    pub line: usize,
    /// The words behind the fence.
    words: Vec<String>,
    /// What it contains.
    pub text: String,
}

/// The fenced blocks of a document.
pub fn blocks(path: &Path) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fence: Option<String> = None;
    for (index, line) in read(path).lines().enumerate() {
        let trimmed = line.trim_start();
        match &fence {
            Some(end) if trimmed == end => fence = None,
            Some(_) => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None if trimmed.starts_with("```") => {
                let ticks = trimmed.chars().take_while(|c| *c == '`').count();
                fence = Some("`".repeat(ticks));
                blocks.push(Block {
                    place: format!("{}:{}", shown(path), index + 1),
                    line: index + 2,
                    words: trimmed[ticks..].split_whitespace().map(String::from).collect(),
                    text: String::new(),
                });
            }
            None => {}
        }
    }
    blocks
}

impl Block {
    /// The codes that the fence names.
    fn codes(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).filter(|w| Code::parse(w).is_some()).collect()
    }

    /// Whether the fence names a language, and a further word.
    pub fn is(&self, language: &str, word: Option<&str>) -> bool {
        self.words.first().is_some_and(|w| w == language)
            && word.is_none_or(|word| self.words.iter().any(|w| w == word))
    }

    /// What is wrong with the block.
    fn check(&self) -> Option<String> {
        let expected = self.codes();
        let found = if self.is("rbg", None) {
            let outcome = compile_program(&program::program(&self.place, &self.text, self.line));
            let warnings = expected.is_empty();
            outcome.codes().into_iter().filter(|c| !warnings || !c.starts_with('W')).collect()
        } else if self.is("yaml", Some("inventory")) || (self.is("yaml", None) && !expected.is_empty()) {
            self.load(|session, path| drop(inventory::load(session, path, "inventory.yaml")))
        } else if self.is("toml", None) {
            self.load(|session, path| drop(project::load(session, path, "rbgc.toml")))
        } else {
            return None;
        };
        let agreed = if self.is("rbg", None) || expected.is_empty() {
            found == expected
        } else {
            expected.iter().all(|code| found.contains(code))
        };
        (!agreed).then(|| format!("{}: reports {found:?}, the fence says {expected:?}", self.place))
    }

    fn load(&self, load: impl FnOnce(&mut Session<'_>, &Path)) -> Vec<&'static str> {
        let mut world = Memory::default();
        let path = Path::new(HOME).join("file");
        world.add(&path, self.text.as_str());
        let mut session = Session::new(&world, HOME);
        load(&mut session, &path);
        let mut codes: Vec<_> = session.problems.iter().map(|p| p.code.text()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

fn documents() -> impl Iterator<Item = PathBuf> {
    [root().join("README.md"), root().join("CHANGELOG.md")].into_iter().chain(files("docs", &[".md"]))
}

#[test]
fn listings_are_what_they_say() {
    let problems: Vec<String> = documents().flat_map(|path| blocks(&path)).filter_map(|block| block.check()).collect();
    none(&problems);
}

/// What the commands of a console block print, in the form of the block.
#[cfg(unix)]
fn console(text: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root().join("examples"), directory.path().join("examples")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_rbgc")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    for part in format!("\n{text}").split("\n$ ").skip(1) {
        let (line, expected) = part.split_once('\n').unwrap_or((part, ""));
        let mut command = std::process::Command::new("sh");
        command.args(["-c", line]).current_dir(directory.path()).env("PATH", &path).env_remove("CLICOLOR_FORCE");
        let output = command.output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        if !like(&printed.lines().collect::<Vec<_>>(), &expected.lines().collect::<Vec<_>>()) {
            return Err(format!("`{line}` prints\n{printed}"));
        }
    }
    Ok(())
}

/// Whether lines are as expected, where `…` stands for any lines. Empty lines do not count.
#[cfg(unix)]
fn like(printed: &[&str], expected: &[&str]) -> bool {
    match (printed, expected) {
        (_, ["…", rest @ ..]) => (0..=printed.len()).any(|skip| like(&printed[skip..], rest)),
        (["", rest @ ..], _) => like(rest, expected),
        (_, ["", rest @ ..]) => like(printed, rest),
        ([a, printed @ ..], [b, expected @ ..]) => a.trim_end() == b.trim_end() && like(printed, expected),
        ([], []) => true,
        _ => false,
    }
}

#[cfg(unix)]
#[test]
fn commands_print_what_is_shown() {
    let blocks = documents().flat_map(|path| blocks(&path)).filter(|block| block.is("console", None));
    let problems: Vec<String> = blocks
        .filter_map(|block| console(&block.text).err().map(|message| format!("{}: {message}", block.place)))
        .collect();
    none(&problems);
}

#[test]
fn the_example_of_a_page_fails_with_its_code() {
    let mut problems = Vec::new();
    for code in Code::ALL {
        let path = root().join(format!("docs/diagnostics/{}.md", code.text()));
        for block in blocks(&path) {
            let tested = block.is("rbg", None) || block.is("yaml", None) || block.is("toml", None);
            let others = block.codes();
            if tested && !others.is_empty() && !others.contains(&code.text()) {
                problems.push(format!("{}: shows {others:?} instead of its own code", block.place));
            }
        }
    }
    none(&problems);
}

#[test]
fn the_first_listing_of_the_readme_is_the_example() {
    let readme = read(&root().join("README.md"));
    let example = read(&root().join("examples/qwen-pd/qwen-pd.rbg"));
    let code = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty() && !l.trim_start().starts_with("//"));
        lines.map(String::from).collect()
    };
    let listing =
        blocks(&root().join("README.md")).into_iter().find(|b| b.is("rbg", None)).expect("README.md has a listing");
    assert!(readme.contains("examples/qwen-pd"));
    assert_eq!(code(&listing.text), code(&example));
}
