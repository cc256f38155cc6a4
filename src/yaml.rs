//! Documents on paper: block style as kubectl writes it, one way to write everything.
//!
//! `- ` stands at the column of its parent's key, lines end with a line feed, keys have a fixed
//! order (see `order`), and a text is quoted whenever any reader could take it for something else
//! (see `scalar`). There are no anchors, no tags, no folded lines and no `null`.

use crate::data::{Data, Map};

mod flow;
#[cfg(test)]
mod oracle;
mod order;
mod scalar;
#[cfg(test)]
mod tests;

pub use flow::write as append_flow;
use order::Field;

/// One document, with a final line feed. See [`append`].
pub fn document(data: &Data, header: Option<&str>) -> String {
    let mut out = String::new();
    append(&mut out, data, header);
    out
}

/// Documents one after another, each behind a `---` of its own.
pub fn stream<'d>(documents: impl IntoIterator<Item = &'d Data>) -> String {
    let mut out = String::new();
    for data in documents {
        out.push_str("---\n");
        append(&mut out, data, None);
    }
    out
}

/// Appends one document, with a final line feed, behind comment lines with the text of `header`.
///
/// Entries and elements that are [`Data::Null`] are left out; a map or list without any other is
/// written as `{}` or `[]`, because an empty `podSelector` or `emptyDir` means something. The depth
/// of `data` is bounded by the parser's limit; this walk needs a stack frame a level.
pub fn append(out: &mut String, data: &Data, header: Option<&str>) {
    for line in header.into_iter().flat_map(str::lines) {
        write_comment(out, line);
    }
    let mut writer = Writer { out, entries: Vec::with_capacity(64) };
    match data {
        Data::Map(map) if !is_void(data) => writer.map(map, 0, Field::UNKNOWN, false),
        Data::List(list) if !is_void(data) => writer.list(list, 0, false),
        Data::Str(text) => {
            // Readers disagree about the indentation of a block at the top.
            scalar::write_inline(writer.out, text);
            writer.out.push('\n');
        }
        _ => {
            writer.scalar(data, 0);
            writer.out.push('\n');
        }
    }
}

/// Appends what has no lines of its own, for [`append_flow`].
fn append_scalar(out: &mut String, data: &Data) {
    Writer { out, entries: Vec::new() }.scalar(data, 0);
}

/// Writes a comment line. Nothing in its text can end the line or hide from a reader.
fn write_comment(out: &mut String, line: &str) {
    out.push('#');
    if !line.is_empty() {
        out.push(' ');
    }
    for c in line.chars() {
        if scalar::is_shown(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out.push('\n');
}

/// Appends spaces.
fn pad(out: &mut String, columns: usize) {
    const SPACES: &str = "                                                                ";
    let mut left = columns;
    while left > SPACES.len() {
        out.push_str(SPACES);
        left -= SPACES.len();
    }
    out.push_str(&SPACES[..left]);
}

/// Whether a list or map has nothing that is written.
fn is_void(data: &Data) -> bool {
    match data {
        Data::List(list) => list.iter().all(|item| *item == Data::Null),
        Data::Map(map) => map.iter().all(|(_, value)| *value == Data::Null),
        _ => false,
    }
}

/// The longest key, in bytes of its text, that is written before a colon: YAML looks no further
/// than 1024 characters for it, and an escape takes up to six times its bytes.
const LONGEST_SIMPLE_KEY: usize = 160;

struct Writer<'o, 'd> {
    out: &'o mut String,
    /// The entries of all maps that are being written, outermost first; kept for its memory.
    entries: Vec<(Field, &'d str, &'d Data)>,
}

impl<'d> Writer<'_, 'd> {
    /// Writes the entries of a map at a column, the first one at once when the line has begun.
    /// `parent` is the field whose value this is.
    fn map(&mut self, map: &'d Map, column: usize, parent: Field, begun: bool) {
        let first = self.entries.len();
        let place = |key| if parent.user_map { Field::UNKNOWN } else { order::field(key) };
        self.entries
            .extend(map.iter().filter(|(_, value)| **value != Data::Null).map(|(key, value)| (place(key), key, value)));
        self.entries[first..].sort_unstable_by(|(a, x, _), (b, y, _)| (a.rank, x).cmp(&(b.rank, y)));
        for index in first..self.entries.len() {
            let (field, key, value) = self.entries[index];
            if index > first || !begun {
                pad(self.out, column);
            }
            self.key(key, field, column);
            self.value(value, field, column);
        }
        self.entries.truncate(first);
    }

    /// Writes a key and its colon.
    fn key(&mut self, key: &str, field: Field, column: usize) {
        if field.is_known() {
            self.out.push_str(key);
        } else if key.len() <= LONGEST_SIMPLE_KEY {
            scalar::write_inline(self.out, key);
        } else {
            self.out.push_str("? ");
            scalar::write_inline(self.out, key);
            self.out.push('\n');
            pad(self.out, column);
        }
        self.out.push(':');
    }

    /// Writes what stands behind the colon of a key at `column`, to the end of the line.
    fn value(&mut self, value: &'d Data, field: Field, column: usize) {
        match value {
            Data::Map(map) if !is_void(value) => {
                self.out.push('\n');
                self.map(map, column + 2, field, false);
            }
            Data::List(list) if !is_void(value) => {
                self.out.push('\n');
                self.list(list, column, false);
            }
            _ => {
                self.out.push(' ');
                self.scalar(value, column + 2);
                self.out.push('\n');
            }
        }
    }

    /// Writes the elements of a list at a column, the first one at once when the line has begun.
    fn list(&mut self, list: &'d [Data], column: usize, begun: bool) {
        let mut begun = begun;
        for item in list.iter().filter(|item| **item != Data::Null) {
            if !begun {
                pad(self.out, column);
            }
            begun = false;
            self.out.push_str("- ");
            match item {
                Data::Map(map) if !is_void(item) => self.map(map, column + 2, Field::UNKNOWN, true),
                Data::List(inner) if !is_void(item) => self.list(inner, column + 2, true),
                _ => {
                    self.scalar(item, column + 2);
                    self.out.push('\n');
                }
            }
        }
    }

    /// Writes what has no lines of its own. The lines of a block begin at `indent`.
    fn scalar(&mut self, data: &Data, indent: usize) {
        match data {
            Data::Null => self.out.push_str("null"),
            Data::Bool(true) => self.out.push_str("true"),
            Data::Bool(false) => self.out.push_str("false"),
            Data::Int(number) => self.out.push_str(&number.to_string()),
            Data::Float(number) => self.float(*number),
            Data::Str(text) => scalar::write(self.out, text, indent),
            Data::List(_) => self.out.push_str("[]"),
            Data::Map(_) => self.out.push_str("{}"),
        }
    }

    /// Writes a number with a point and a signed exponent: without, YAML 1.1 readers see a text.
    fn float(&mut self, number: f64) {
        if number.is_nan() {
            return self.out.push_str(".nan");
        }
        if number.is_infinite() {
            return self.out.push_str(if number > 0.0 { ".inf" } else { "-.inf" });
        }
        let text = format!("{number:?}");
        let Some((mantissa, exponent)) = text.split_once('e') else { return self.out.push_str(&text) };
        self.out.push_str(mantissa);
        if !mantissa.contains('.') {
            self.out.push_str(".0");
        }
        self.out.push('e');
        if !exponent.starts_with('-') {
            self.out.push('+');
        }
        self.out.push_str(exponent);
    }
}
