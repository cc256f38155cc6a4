//! Text, positions and the outside world.
//!
//! All sources of a compilation live in one [`SourceMap`] and share one address space, so that a
//! [`Span`] needs two numbers and a diagnostic can point into several files at once.

use std::io;
use std::path::{Path, PathBuf};

/// A half-open range of bytes in the address space of a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub lo: u32,
    /// First byte after the range; never below `lo`.
    pub hi: u32,
}

impl Span {
    /// A span from `lo` to `hi`, both in the address space of the source map.
    pub fn new(lo: u32, hi: u32) -> Self {
        Span { lo, hi: hi.max(lo) }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Self {
        Span { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }
}

/// A place as a person counts it: file, line and column, both from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Name of the file as it was given, with forward slashes.
    pub file: String,
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character, in characters.
    pub column: u32,
    /// Line of the first character after the range.
    pub end_line: u32,
    /// Column of the first character after the range, in characters.
    pub end_column: u32,
}

/// Index of a file in a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// One text of a compilation.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Name shown to people and written to headers: relative to the project root, `/` separated.
    pub name: String,
    /// The text, valid UTF-8.
    pub text: String,
    /// Where the text begins in the address space.
    pub start: u32,
    line_starts: Vec<u32>,
}

/// All texts of a compilation, end to end in one address space.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text and returns its index. Files are separated by one unused position, so that a
    /// span at the end of one file never belongs to the next.
    ///
    /// Returns `None` when the address space of four gigabytes is full.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> Option<FileId> {
        let text = text.into();
        let start = self.files.last().map_or(0, |f| f.start + f.text.len() as u32 + 1);
        let length = u32::try_from(text.len()).ok()?;
        start.checked_add(length)?.checked_add(1)?;
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        self.files.push(SourceFile { name: name.into(), text, start, line_starts });
        Some(FileId(self.files.len() as u32 - 1))
    }

    /// Appends all texts of another map. Returns what must be added to both ends of its spans, or
    /// `None`, and appends nothing, when the address space is full.
    pub fn append(&mut self, other: SourceMap) -> Option<u32> {
        let end = |files: &[SourceFile]| files.last().map_or(0, |f| f.span().hi + 1);
        let shift = end(&self.files);
        shift.checked_add(end(&other.files))?;
        self.files.extend(other.files.into_iter().map(|f| SourceFile { start: f.start + shift, ..f }));
        Some(shift)
    }

    /// The file with this index.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files, in the order in which they were added.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The file that contains a span, by its first byte.
    pub fn file_of(&self, span: Span) -> Option<FileId> {
        let after = self.files.partition_point(|f| f.start <= span.lo);
        let index = after.checked_sub(1)?;
        let file = &self.files[index];
        (span.lo - file.start <= file.text.len() as u32).then_some(FileId(index as u32))
    }

    /// The text that a span covers, cut at the end of its file.
    pub fn text(&self, span: Span) -> &str {
        let Some(id) = self.file_of(span) else { return "" };
        let file = self.file(id);
        let lo = (span.lo - file.start) as usize;
        let hi = ((span.hi - file.start) as usize).min(file.text.len());
        file.text.get(lo..hi).unwrap_or("")
    }

    /// File, line and column of a span.
    pub fn locate(&self, span: Span) -> Option<Location> {
        let file = self.file(self.file_of(span)?);
        let (line, column) = file.line_column(span.lo - file.start);
        let (end_line, end_column) = file.line_column((span.hi - file.start).min(file.text.len() as u32));
        Some(Location { file: file.name.clone(), line, column, end_line, end_column })
    }
}

impl SourceFile {
    /// Line and column, both from 1, of a byte offset within this file.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1] as usize;
        let mut end = offset as usize;
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        (line as u32, self.text[start..end].chars().count() as u32 + 1)
    }

    /// The byte offset, within this file, of a line and column, both from 1.
    pub fn offset(&self, line: u32, column: u32) -> u32 {
        let last = self.line_starts.len() as u32;
        let start = self.line_starts[(line.clamp(1, last) - 1) as usize];
        let rest = &self.text[start as usize..];
        let within = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(i, _)| i);
        start + within as u32
    }

    /// The span of the whole text.
    pub fn span(&self) -> Span {
        Span::new(self.start, self.start + self.text.len() as u32)
    }
}

/// Everything that the compiler may ask of the outside. The core reads files through it and does
/// no other input or output, so that tests and editors can answer from memory. Several files may be
/// asked for at once.
pub trait World: Sync {
    /// The bytes of a regular file.
    ///
    /// # Errors
    /// Whatever the file system says; `InvalidInput` for something that is not a regular file and
    /// `FileTooLarge` for one above `limit` bytes.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The path with every link resolved.
    ///
    /// # Errors
    /// When the path does not exist.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut map = SourceMap::default();
        map.add("a", "x\n").unwrap();
        let id = map.add("b", "é = 1\nyy").unwrap();
        let start = map.file(id).start;
        let location = map.locate(Span::new(start + 3, start + 4)).unwrap();
        assert_eq!((location.file.as_str(), location.line, location.column), ("b", 1, 3));
        assert_eq!(map.file(id).offset(1, 3), 3);
        assert_eq!(map.locate(Span::new(start + 8, start + 9)).unwrap().line, 2);
    }

    #[test]
    fn maps_are_appended() {
        let (mut map, mut other) = (SourceMap::default(), SourceMap::default());
        map.add("a", "xy").unwrap();
        other.add("b", "z").unwrap();
        other.add("c", "w").unwrap();
        let shift = map.append(other).unwrap();
        assert_eq!(map.text(Span::new(shift, shift + 1)), "z");
        assert_eq!(map.locate(Span::new(shift + 2, shift + 3)).unwrap().file, "c");
        assert_eq!(SourceMap::default().append(SourceMap::default()), Some(0));
    }

    #[test]
    fn the_end_of_a_file_belongs_to_it() {
        let mut map = SourceMap::default();
        map.add("a", "x").unwrap();
        map.add("b", "y").unwrap();
        assert_eq!(map.file_of(Span::new(1, 1)), Some(FileId(0)));
        assert_eq!(map.file_of(Span::new(2, 3)), Some(FileId(1)));
    }
}
