//! One text as a YAML scalar: bare where no reader of YAML 1.1 or 1.2 can take it for anything but
//! this text, else quoted, or as a block of lines.
//!
//! Kubernetes reads YAML 1.1 (`sigs.k8s.io/yaml`, go-yaml v2), tools around it PyYAML, libyaml, Ruby
//! or YAML 1.2 readers. The rule is simpler and stricter than each of theirs: quoting too much costs
//! two characters, quoting too little a wrong deployment.

/// Properties of the bytes of a text, gathered in one pass.
mod class {
    /// Occurs in no number, date or time of any reader.
    pub const WORD: u8 = 1;
    /// A space.
    pub const SPACE: u8 = 1 << 1;
    /// A colon.
    pub const COLON: u8 = 1 << 2;
    /// Printable, but means something in YAML or looks as if it did.
    pub const INDICATOR: u8 = 1 << 3;
    /// `"` and `\`: escaped in double quotes.
    pub const ESCAPED: u8 = 1 << 4;
    /// `'`: doubled in single quotes.
    pub const APOSTROPHE: u8 = 1 << 5;
    /// A line feed.
    pub const BREAK: u8 = 1 << 6;
    /// A control character, a tab, or a byte of a character beyond ASCII.
    pub const ODD: u8 = 1 << 7;
}

/// The class of every byte.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [class::ODD; 256];
    let mut byte = 0x20;
    while byte < 0x7F {
        classes[byte] = match byte as u8 {
            b' ' => class::SPACE,
            b':' => class::COLON,
            b'"' | b'\\' => class::ESCAPED,
            b'\'' => class::APOSTROPHE,
            // Digits, signs, separators (`_` in YAML 1.1, `,` in Ruby), hexadecimal digits and
            // exponents, `0x 0o 0b`, and the letters of a timestamp.
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'_' | b',' => 0,
            b'a'..=b'f' | b'A'..=b'F' | b'x' | b'X' | b'o' | b'O' | b't' | b'T' | b'z' | b'Z' => 0,
            b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'@' | b'%' | b'=' | b'$' | b'(' | b')' | b';' | b'^' | b'~' => {
                class::WORD
            }
            _ => class::INDICATOR,
        };
        byte += 1;
    }
    classes[b'\n' as usize] = class::BREAK;
    classes
}

/// Writes a text that stands in one line: a key, or a value at the top of a document.
pub(super) fn write_inline(out: &mut String, text: &str) {
    let seen = scan(text);
    if is_plain(text, seen) {
        out.push_str(text);
    } else {
        write_quoted(out, text, seen);
    }
}

/// Writes a text in one line and in quotes.
pub(super) fn write_in_quotes(out: &mut String, text: &str) {
    write_quoted(out, text, scan(text));
}

/// Writes a value. A text of several lines becomes a block, whose lines begin at column `indent`
/// (two more than that of the parent).
pub(super) fn write(out: &mut String, text: &str, indent: usize) {
    let seen = scan(text);
    if is_plain(text, seen) {
        out.push_str(text);
    } else if seen & class::BREAK != 0 && is_block(text, seen) {
        write_block(out, text, indent);
    } else {
        write_quoted(out, text, seen);
    }
}

/// All classes that occur.
fn scan(text: &str) -> u8 {
    text.bytes().fold(0, |seen, byte| seen | CLASSES[usize::from(byte)])
}

/// Whether a text can stand bare.
fn is_plain(text: &str, seen: u8) -> bool {
    const NEVER: u8 = class::INDICATOR | class::ESCAPED | class::APOSTROPHE | class::BREAK | class::ODD;
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if seen & NEVER != 0 || matches!(last, b':' | b' ') {
        return false;
    }
    if seen & class::COLON != 0 && seen & class::SPACE != 0 && text.contains(": ") {
        return false;
    }
    match first {
        b'a'..=b'z' | b'A'..=b'Z' => !is_reserved(text),
        b'0'..=b'9' => seen & class::WORD != 0,
        b'/' | b'$' | b'(' | b'_' => true,
        b'-' => is_flag(bytes),
        _ => false,
    }
}

/// A command line option: one or two hyphens and a letter. Everything else with a hyphen could be a
/// number, a list element or the start of a document.
fn is_flag(bytes: &[u8]) -> bool {
    match bytes {
        [b'-', b'-', letter, ..] | [b'-', letter, ..] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// The words of YAML 1.1 that are no texts, in any case: readers disagree about cases.
fn is_reserved(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a text with line feeds can be a block of lines.
fn is_block(text: &str, seen: u8) -> bool {
    if seen & class::ODD != 0 && !text.chars().all(|c| matches!(c, '\n' | '\t') || is_shown(c)) {
        return false;
    }
    // Readers disagree about blocks that begin with a tab or end with a line of blanks.
    let body = text.trim_end_matches('\n');
    let last = body.rsplit('\n').next().unwrap_or_default();
    !text.starts_with('\t') && !last.trim_matches([' ', '\t']).is_empty()
}

/// Writes the lines of a text behind `|`.
fn write_block(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        // The reader cannot tell the indentation from the first line.
        out.push('2');
    }
    let body = match text.strip_suffix('\n') {
        None => {
            out.push('-');
            text
        }
        Some(body) => {
            if body.ends_with('\n') {
                out.push('+');
            }
            body
        }
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            super::pad(out, indent);
            out.push_str(line);
        }
    }
}

/// Writes a text in single quotes where they spare escapes, else in double quotes.
fn write_quoted(out: &mut String, text: &str, seen: u8) {
    if seen & class::ESCAPED != 0 && seen & (class::APOSTROPHE | class::BREAK | class::ODD) == 0 {
        out.push('\'');
        out.push_str(text);
        out.push('\'');
        return;
    }
    out.push('"');
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| matches!(c, '"' | '\\') || !is_shown(*c)) {
        out.push_str(&rest[..at]);
        write_escape(out, c);
        rest = &rest[at + c.len_utf8()..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Writes one character as an escape that YAML 1.1, 1.2 and, below U+10000, JSON know.
fn write_escape(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c => {
            let code = c as u32;
            let digits = if code > 0xFFFF { 8 } else { 4 };
            out.push_str(if code > 0xFFFF { "\\U" } else { "\\u" });
            for digit in (0..digits).rev() {
                out.push(char::from_digit(code >> (4 * digit) & 0xF, 16).unwrap_or('0'));
            }
        }
    }
}

/// Whether a character is written as it is: printable to YAML, visible to a reader, and without
/// power over the direction or the breaks of a line.
pub(super) fn is_shown(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{A0}' | '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{3164}' => false,
        '\u{2000}'..='\u{200F}' | '\u{2028}'..='\u{202F}' | '\u{205F}'..='\u{206F}' => false,
        '\u{E000}'..='\u{F8FF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' => false,
        '\u{FDD0}'..='\u{FDEF}' | '\u{FFF0}'..='\u{FFFF}' => false,
        '\u{E0000}'.. => false,
        _ => true,
    }
}
