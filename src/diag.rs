//! Problems: what went wrong, where, and what to do about it.
//!
//! Every phase reports into the [`Session`] and goes on, so that one run shows every independent
//! mistake. Each problem has a [`Code`] from one table; see [`codes`].

use std::panic::Location;
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

/// Where in the compiler's own sources a problem was built. Two problems that say the same are
/// equal wherever they come from, so all origins are.
#[derive(Debug, Clone, Copy)]
pub struct Origin(pub &'static Location<'static>);

impl PartialEq for Origin {
    fn eq(&self, _: &Origin) -> bool {
        true
    }
}

impl Eq for Origin {}

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
    /// For the test that every problem is provoked by some case.
    pub origin: Origin,
}

impl Diagnostic {
    /// A problem at one place.
    #[track_caller]
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        let label = Label { span, message: String::new() };
        let origin = Origin(Location::caller());
        Diagnostic { code, message: message.into(), labels: vec![label], help: None, origin }
    }

    /// A problem that belongs to no place in a source, such as a missing file on the command line.
    #[track_caller]
    pub fn nowhere(code: Code, message: impl Into<String>) -> Self {
        let origin = Origin(Location::caller());
        Diagnostic { code, message: message.into(), labels: Vec::new(), help: None, origin }
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
        self.add(name, fetch(self.world, path, name, blame, MAX_FILE_BYTES), blame)
    }

    /// The same with another limit than [`MAX_FILE_BYTES`].
    pub fn read_up_to(&mut self, path: &Path, name: &str, blame: Option<Span>, limit: u64) -> Option<FileId> {
        self.add(name, fetch(self.world, path, name, blame, limit), blame)
    }

    /// Adds a text that was fetched to the source map, or reports why it could not be.
    pub fn add(&mut self, name: &str, fetched: Result<String, Diagnostic>, blame: Option<Span>) -> Option<FileId> {
        let file = match fetched {
            Ok(text) => self.sources.add(name, text),
            Err(problem) => {
                self.report(problem);
                return None;
            }
        };
        if file.is_none() {
            self.report(blamed(Code::FileTooLarge, blame, "all sources together are larger than 4 GiB".into()));
        }
        file
    }
}

/// Reads a text for [`Session::add`], which several threads may do at once.
///
/// # Errors
/// When it cannot be read, is too large, or is not UTF-8 without a byte order mark. `blame` is the
/// place that asked for it.
pub fn fetch(
    world: &dyn World,
    path: &Path,
    name: &str,
    blame: Option<Span>,
    limit: u64,
) -> Result<String, Diagnostic> {
    let bytes = world.read(path, limit).map_err(|e| match e.kind() {
        std::io::ErrorKind::FileTooLarge => {
            blamed(Code::FileTooLarge, blame, format!("`{name}` is larger than {} MiB", limit >> 20))
        }
        _ => blamed(Code::UnreadableFile, blame, format!("cannot read `{name}`: {e}")),
    })?;
    let text = String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        blamed(Code::NotUtf8, blame, format!("`{name}` is not UTF-8: bad byte in line {line}"))
    })?;
    if text.starts_with('\u{feff}') {
        let message = format!("`{name}` begins with a byte order mark");
        return Err(blamed(Code::NotUtf8, blame, message).help("save it as UTF-8 without one"));
    }
    Ok(text)
}

fn blamed(code: Code, blame: Option<Span>, message: String) -> Diagnostic {
    match blame {
        Some(span) => Diagnostic::new(code, span, message),
        None => Diagnostic::nowhere(code, message),
    }
}

/// So many of something, for messages: `1 node`, `2 nodes`.
pub fn plural(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
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
