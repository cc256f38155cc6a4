//! Problems: what went wrong, where, and what to do about it.
//!
//! Every phase reports into the [`Session`] and goes on, so that one run shows every independent
//! mistake. Each problem has a [`Code`] from one table; see [`codes`].

use std::path::{Path, PathBuf};

use crate::source::{FileId, SourceMap, Span, World};

pub mod codes;
pub mod render;

pub use codes::Code;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written.
    Error,
    /// Reported, but the compilation goes on.
    Warning,
}

/// A place that contributes to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The text that is underlined.
    pub span: Span,
    /// What this place has to do with the problem; may be empty at the primary place.
    pub message: String,
}

/// One problem, complete: built by one function beside the phase that finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of problem it is.
    pub code: Code,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// The places; the first is the primary one, where editors show the problem.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem at one place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let label = Label { span, message: String::new() };
        Diagnostic { code, message: message.into(), labels: vec![label], help: None }
    }

    /// A problem that belongs to no place in a source, such as a missing file on the command line.
    pub fn nowhere(code: Code, message: impl Into<String>) -> Self {
        Diagnostic { code, message: message.into(), labels: Vec::new(), help: None }
    }

    /// Says what the primary place has to do with the problem.
    #[must_use]
    pub fn here(mut self, message: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.message = message.into();
        }
        self
    }

    /// Adds a place that contributes.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where the problem is shown.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|l| l.span)
    }
}

/// What a compilation reads and reports: the world, the texts and the problems so far.
pub struct Session<'w> {
    /// The outside.
    pub world: &'w dyn World,
    /// All texts read so far.
    pub sources: SourceMap,
    /// All problems found so far, in the order of finding.
    pub problems: Vec<Diagnostic>,
    /// The project root: no source path leaves it.
    pub root: PathBuf,
}

/// Marks that errors were reported and that the caller should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// The largest text that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

impl<'w> Session<'w> {
    /// A session that has read nothing. `root` is the directory that no source path may leave.
    pub fn new(world: &'w dyn World, root: impl Into<PathBuf>) -> Self {
        Session { world, sources: SourceMap::default(), problems: Vec::new(), root: root.into() }
    }

    /// Adds a problem.
    pub fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Whether any error (not only warnings) was reported.
    pub fn failed(&self) -> bool {
        self.problems.iter().any(|p| p.code.severity() == Severity::Error)
    }

    /// `None` when an error was reported, so that a phase that needs a sound input can stop with `?`.
    pub fn gate(&self) -> Option<()> {
        (!self.failed()).then_some(())
    }

    /// Reads a text into the source map. Reports and returns `None` when it cannot be read, is too
    /// large, or is not UTF-8 without a byte order mark. `blame` is the place that asked for it.
    pub fn read(&mut self, path: &Path, name: &str, blame: Option<Span>) -> Option<FileId> {
        self.read_up_to(path, name, blame, MAX_FILE_BYTES)
    }

    /// The same with another limit than [`MAX_FILE_BYTES`].
    pub fn read_up_to(&mut self, path: &Path, name: &str, blame: Option<Span>, limit: u64) -> Option<FileId> {
        let at = |code, message: String| match blame {
            Some(span) => Diagnostic::new(code, span, message),
            None => Diagnostic::nowhere(code, message),
        };
        let bytes = match self.world.read(path, limit) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::FileTooLarge => {
                self.report(at(Code::FileTooLarge, format!("`{name}` is larger than {} MiB", limit >> 20)));
                return None;
            }
            Err(e) => {
                self.report(at(Code::UnreadableFile, format!("cannot read `{name}`: {e}")));
                return None;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let good = e.utf8_error().valid_up_to();
                let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
                self.report(at(Code::NotUtf8, format!("`{name}` is not UTF-8: bad byte in line {line}")));
                return None;
            }
        };
        if text.starts_with('\u{feff}') {
            self.report(
                at(Code::NotUtf8, format!("`{name}` begins with a byte order mark"))
                    .help("save it as UTF-8 without one"),
            );
            return None;
        }
        let file = self.sources.add(name, text);
        if file.is_none() {
            self.report(at(Code::FileTooLarge, "all sources together are larger than 4 GiB".into()));
        }
        file
    }
}

/// Longer words are no misspelt names; comparing them would take time and memory.
const LONGEST_NAME: usize = 256;

/// The candidate nearest to a misspelt word, when one is near enough to be meant.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > LONGEST_NAME {
        return None;
    }
    // Short words are near to everything.
    let allowed = match word.chars().count() {
        0..=2 => 0,
        length => (length / 3).max(1),
    };
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(word, c), c))
        .filter(|(distance, c)| *distance <= allowed || (word.len() >= 4 && c.starts_with(word)))
        .min()
        .map(|(_, c)| c)
}

/// The help line for a misspelt word: the nearest candidate, or all of them when they are few.
pub fn suggestion(word: &str, candidates: &[&str]) -> Option<String> {
    if let Some(near) = did_you_mean(word, candidates.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (1..=12).contains(&candidates.len()).then(|| {
        let list: Vec<String> = candidates.iter().map(|c| format!("`{c}`")).collect();
        format!("known here: {}", list.join(", "))
    })
}
