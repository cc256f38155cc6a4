//! Sources as miette reads them: several files in one address space, harmless and not too wide.
//!
//! An [`Excerpt`] is the text of one file as it is shown: hidden characters are spelt out, and the
//! far parts of very long lines are cut. Line breaks are never added or removed, so that only
//! columns need translation. [`Pages`] puts the excerpts of one problem end to end.

use std::borrow::Cow;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::escape::{is_hidden, visible};
use crate::source::SourceFile;

/// Lines longer than this many bytes are cut.
const LONG_LINE: usize = 400;
/// Bytes of a long line that are kept on each side of a label's ends.
const MARGIN: usize = 120;

/// The text of one file as it is shown.
pub(super) struct Excerpt<'a> {
    file: &'a SourceFile,
    name: Cow<'a, str>,
    text: Cow<'a, str>,
    line_starts: Vec<usize>,
    edits: Vec<Edit>,
}

/// A range of the file that is shown as another text.
struct Edit {
    /// First byte in the file, and how many bytes it replaces.
    at: usize,
    removed: usize,
    /// First byte in the shown text, and how many bytes stand there instead.
    shown: usize,
    inserted: usize,
}

impl<'a> Excerpt<'a> {
    /// The excerpt of a file. `marks` are the offsets in it that must stay visible, ascending.
    pub(super) fn new(file: &'a SourceFile, marks: &[usize]) -> Self {
        let cuts = long_lines(&file.text, marks);
        let harmless = cuts.is_empty() && !file.text.chars().any(is_hidden);
        let (text, edits) =
            if harmless { (Cow::Borrowed(file.text.as_str()), Vec::new()) } else { rewrite(&file.text, &cuts) };
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Excerpt { file, name: visible(&file.name), text, line_starts, edits }
    }

    /// Where a byte of the file stands in the shown text.
    pub(super) fn shown(&self, offset: usize) -> usize {
        let before = self.edits.partition_point(|e| e.at < offset);
        let Some(edit) = before.checked_sub(1).and_then(|i| self.edits.get(i)) else { return offset };
        edit.shown + edit.inserted + offset.saturating_sub(edit.at + edit.removed)
    }

    /// Which byte of the file stands at a byte of the shown text.
    fn original(&self, shown: usize) -> usize {
        let before = self.edits.partition_point(|e| e.shown <= shown);
        let Some(edit) = before.checked_sub(1).and_then(|i| self.edits.get(i)) else { return shown };
        match shown.checked_sub(edit.shown + edit.inserted) {
            Some(after) => edit.at + edit.removed + after,
            None => edit.at,
        }
    }

    /// Length of the shown text.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The line, from 0, of a byte of the shown text.
    pub(super) fn line(&self, shown: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= shown) - 1
    }

    /// The end of a line's text, its line break left out.
    pub(super) fn line_end(&self, line: usize) -> usize {
        let end = self.line_starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        if self.text[..end].ends_with('\r') && end < self.text.len() { end - 1 } else { end }
    }

    /// Lines that cover a range and some around it, and the text before the range's first byte.
    fn read(&self, lo: usize, hi: usize, before: usize, after: usize) -> (std::ops::Range<usize>, usize, usize) {
        let last = self.line(if hi > lo { hi - 1 } else { hi }) + after;
        let end = self.line_starts.get(last + 1).copied().unwrap_or(self.text.len()).max(hi);
        let first = self.line(lo);
        if before == 0 {
            let (_, column) = self.file.line_column(self.original(lo) as u32);
            return (lo..end, first, column as usize - 1);
        }
        let first = first.saturating_sub(before);
        (self.line_starts[first]..end, first, 0)
    }
}

/// The ranges to cut from lines that are too long: what is far from every mark.
fn long_lines(text: &str, marks: &[usize]) -> Vec<std::ops::Range<usize>> {
    let mut cuts = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\r', '\n']).len();
        if end - start > LONG_LINE {
            let first = marks.partition_point(|m| *m < start);
            let mut keep = start;
            for mark in marks[first..].iter().take_while(|m| **m <= end) {
                cut(text, keep, mark.saturating_sub(MARGIN), &mut cuts);
                keep = keep.max(mark + MARGIN);
            }
            cut(text, if keep == start { start + 2 * MARGIN } else { keep }, end, &mut cuts);
        }
        start += line.len();
    }
    cuts
}

/// Cuts from `lo` to `hi`, both moved to the borders of characters, if that saves anything.
fn cut(text: &str, lo: usize, hi: usize, cuts: &mut Vec<std::ops::Range<usize>>) {
    if lo + 8 < hi && hi <= text.len() {
        let lo = (lo..=hi).find(|i| text.is_char_boundary(*i)).unwrap_or(hi);
        let hi = (lo..=hi).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(lo);
        if lo < hi {
            cuts.push(lo..hi);
        }
    }
}

/// The text with the cuts made and hidden characters spelt out. The carriage return of a line
/// break stays: it is not shown.
fn rewrite<'a>(text: &str, cuts: &[std::ops::Range<usize>]) -> (Cow<'a, str>, Vec<Edit>) {
    let (mut out, mut edits) = (String::with_capacity(text.len()), Vec::new());
    let mut cuts = cuts.iter().peekable();
    let mut replace = |out: &mut String, at: usize, removed: usize, by: &str| {
        edits.push(Edit { at, removed, shown: out.len(), inserted: by.len() });
        out.push_str(by);
    };
    let mut skip_to = 0;
    for (at, c) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if let Some(cut) = cuts.next_if(|cut| cut.start <= at) {
            skip_to = cut.end;
            replace(&mut out, at, cut.end - at, "…");
        } else if is_hidden(c) && !(c == '\r' && text[at + 1..].starts_with('\n')) {
            replace(&mut out, at, c.len_utf8(), &c.escape_unicode().to_string());
        } else {
            out.push(c);
        }
    }
    (Cow::Owned(out), edits)
}

/// The excerpts that one problem needs, end to end, with one unused position between them.
pub(super) struct Pages<'e, 'a> {
    pages: Vec<(usize, &'e Excerpt<'a>)>,
}

impl<'e, 'a> Pages<'e, 'a> {
    /// Lays the excerpts out in this order.
    pub(super) fn new(excerpts: impl IntoIterator<Item = &'e Excerpt<'a>>) -> Self {
        let mut next = 0;
        let place = |e: &'e Excerpt<'a>| {
            let start = next;
            next += e.len() + 1;
            (start, e)
        };
        Pages { pages: excerpts.into_iter().map(place).collect() }
    }

    /// Where each excerpt begins, and the excerpt.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &'e Excerpt<'a>)> {
        self.pages.iter().copied()
    }
}

impl SourceCode for Pages<'_, '_> {
    fn read_span<'s>(
        &'s self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'s> + 's>, MietteError> {
        let index = self.pages.partition_point(|(start, _)| *start <= span.offset());
        let (start, page) = index.checked_sub(1).and_then(|i| self.pages.get(i)).ok_or(MietteError::OutOfBounds)?;
        let lo = span.offset() - start;
        let hi = lo + span.len();
        if hi > page.len() {
            return Err(MietteError::OutOfBounds);
        }
        let (range, line, column) = page.read(lo, hi, before, after);
        let data = &page.text.as_bytes()[range.clone()];
        let lines = data.iter().filter(|b| **b == b'\n').count();
        let place = SourceSpan::from((start + range.start, range.len()));
        let name = page.name.clone().into_owned();
        Ok(Box::new(MietteSpanContents::new_named(name, data, place, line, column, lines)))
    }
}
