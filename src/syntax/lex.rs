//! Text to tokens: no more than is needed to find comments, strings and brackets.
//!
//! The parser uses them to prepare a text for pest, the formatter to lay it out anew. Every byte
//! that is not white space belongs to exactly one token, whatever the text is.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, key or keyword.
    Word,
    /// A number with everything that touches it: `8`, `80Gi`, `25%`, `1:2`.
    Number,
    /// The opening quotes of a string.
    StringStart(Quote),
    /// A stretch of text in a string.
    Text,
    /// `${`.
    HoleStart,
    /// The `}` of a `${`.
    HoleEnd,
    /// The closing quotes of a string.
    StringEnd,
    /// `#"raw"#` as a whole.
    Raw,
    /// From `//` to the end of the line.
    Comment,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// One or two characters of punctuation: `=`, `==`, `->`, `..`.
    Mark,
    /// A character that begins no token. `#` takes the rest of its line, as it is meant as a comment.
    Stray,
    /// A string, from its opening quotes to where it was given up.
    UnclosedString,
    /// A `${` whose line ends before its `}`: the place of the `${`.
    UnclosedHole,
}

/// The kinds of strings that hold `${…}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"…"`: ends on its line.
    Line,
    /// `"""…"""`.
    Block,
}

/// A token: `text[lo..hi]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub lo: usize,
    /// First byte after it.
    pub hi: usize,
}

/// The most `#` that a raw string may begin with; the grammar lists them.
const MAX_HASHES: usize = 4;

/// Where the lexer stands: outside of all strings when there is no mode.
#[derive(Debug, Clone, Copy)]
enum Mode {
    /// In the text of a string that began here.
    String(Quote, usize),
    /// In a `${` that began here, with so many braces open.
    Hole(usize, u32),
}

/// Cuts a text into tokens; see [`Kind`].
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    modes: Vec<Mode>,
    /// No raw string with this many hashes ends behind here.
    unclosed_raw: usize,
}

impl<'t> Lexer<'t> {
    /// A lexer that begins with the first byte, or behind a byte order mark.
    pub(super) fn new(text: &'t str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Lexer { text, at, modes: Vec::new(), unclosed_raw: usize::MAX }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn token(&mut self, kind: Kind, hi: usize) -> Option<Token> {
        let token = Token { kind, lo: self.at, hi };
        self.at = hi;
        Some(token)
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = &self.text.as_bytes()[from..];
        rest.iter().position(|b| *b == b'\n').map_or(self.text.len(), |i| from + i)
    }

    fn code(&mut self) -> Option<Token> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(self.at) {
            if bytes[self.at] == b'\n' && !self.modes.is_empty() {
                return self.unclosed_hole();
            }
            self.at += 1;
        }
        let Some(first) = bytes.get(self.at).copied() else {
            return if self.modes.is_empty() { None } else { self.unclosed_hole() };
        };
        match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.token(Kind::Word, word_end(bytes, self.at)),
            b'0'..=b'9' => self.token(Kind::Number, number_end(bytes, self.at)),
            b'/' if self.byte(self.at + 1) == b'/' => self.token(Kind::Comment, self.line_end(self.at)),
            b'"' => self.string_start(),
            b'#' => self.hash(),
            b'{' | b'(' | b'[' => {
                if let (b'{', Some(Mode::Hole(_, braces))) = (first, self.modes.last_mut()) {
                    *braces += 1;
                }
                self.token(Kind::Open, self.at + 1)
            }
            b'}' => self.close_brace(),
            b')' | b']' => self.token(Kind::Close, self.at + 1),
            _ => match (first, self.byte(self.at + 1)) {
                (b'=' | b'!' | b'<' | b'>', b'=') | (b'-', b'>') | (b'.', b'.') => self.token(Kind::Mark, self.at + 2),
                (b'=' | b'<' | b'>' | b'.' | b',' | b':' | b'+' | b'-' | b'*' | b'/' | b'%' | b'|', _) => {
                    self.token(Kind::Mark, self.at + 1)
                }
                _ => {
                    let length = self.text[self.at..].chars().next().map_or(1, char::len_utf8);
                    self.token(Kind::Stray, self.at + length)
                }
            },
        }
    }

    fn close_brace(&mut self) -> Option<Token> {
        match self.modes.last_mut() {
            Some(Mode::Hole(_, 0)) => {
                self.modes.pop();
                self.token(Kind::HoleEnd, self.at + 1)
            }
            Some(Mode::Hole(_, braces)) => {
                *braces -= 1;
                self.token(Kind::Close, self.at + 1)
            }
            _ => self.token(Kind::Close, self.at + 1),
        }
    }

    fn string_start(&mut self) -> Option<Token> {
        let (quote, length) =
            if self.text[self.at..].starts_with("\"\"\"") { (Quote::Block, 3) } else { (Quote::Line, 1) };
        let lo = self.at;
        if quote == Quote::Block && !self.text[lo + 3..].contains("\"\"\"") {
            return self.token(Kind::UnclosedString, self.line_end(lo));
        }
        self.modes.push(Mode::String(quote, lo));
        self.token(Kind::StringStart(quote), lo + length)
    }

    fn hash(&mut self) -> Option<Token> {
        let rest = &self.text[self.at..];
        let hashes = rest.bytes().take_while(|b| *b == b'#').count();
        if self.byte(self.at + hashes) != b'"' || hashes > MAX_HASHES {
            return self.token(Kind::Stray, self.line_end(self.at));
        }
        if hashes < self.unclosed_raw {
            let closing = format!("\"{}", "#".repeat(hashes));
            if let Some(i) = rest[hashes + 1..].find(&closing) {
                return self.token(Kind::Raw, self.at + hashes + 1 + i + closing.len());
            }
            self.unclosed_raw = hashes;
        }
        self.token(Kind::UnclosedString, self.line_end(self.at))
    }

    fn string(&mut self, quote: Quote, start: usize) -> Option<Token> {
        let bytes = self.text.as_bytes();
        let mut end = self.at;
        loop {
            let here = bytes.get(end).copied();
            let next = self.byte(end + 1);
            match here {
                None => break,
                Some(b'\n') if quote == Quote::Line => break,
                Some(b'\\') if next != 0 && !(next == b'\n' && quote == Quote::Line) => end += 2,
                Some(b'"') if quote == Quote::Line || (next == b'"' && self.byte(end + 2) == b'"') => break,
                Some(b'$') if next == b'{' => break,
                Some(_) => end += 1,
            }
        }
        // A backslash may have skipped the first byte of a longer character; its other bytes were
        // passed one by one, so this is a boundary.
        if end > self.at {
            return self.token(Kind::Text, end);
        }
        match bytes.get(end) {
            Some(b'"') => {
                self.modes.pop();
                self.token(Kind::StringEnd, end + if quote == Quote::Block { 3 } else { 1 })
            }
            Some(b'$') => {
                self.modes.push(Mode::Hole(end, 0));
                self.token(Kind::HoleStart, end + 2)
            }
            _ => {
                self.modes.pop();
                if matches!(self.modes.last(), Some(Mode::Hole(..))) {
                    return self.unclosed_hole();
                }
                Some(Token { kind: Kind::UnclosedString, lo: start, hi: end })
            }
        }
    }

    /// Gives up every string of this line; a block around them goes on.
    fn unclosed_hole(&mut self) -> Option<Token> {
        let mut place = self.at;
        while let Some(mode) = self.modes.pop() {
            match mode {
                Mode::String(Quote::Block, _) if self.at < self.text.len() => {
                    self.modes.push(mode);
                    break;
                }
                Mode::Hole(start, _) => place = start,
                Mode::String(..) => {}
            }
        }
        Some(Token { kind: Kind::UnclosedHole, lo: place, hi: (place + 2).min(self.text.len()) })
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        match self.modes.last() {
            Some(Mode::String(quote, start)) => self.string(*quote, *start),
            _ => self.code(),
        }
    }
}

/// Whether a byte may stand in a word.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the word that begins here ends. A hyphen belongs to it when a word goes on behind.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    while let Some(byte) = bytes.get(end) {
        let hyphen = *byte == b'-' && bytes.get(end + 1).is_some_and(|b| in_word(*b));
        if !in_word(*byte) && !hyphen {
            break;
        }
        end += 1;
    }
    end
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let digits = |mut i: usize| {
        while at(i).is_ascii_digit() {
            i += 1;
        }
        i
    };
    let mut end = digits(start);
    if at(end) == b'.' && at(end + 1).is_ascii_digit() {
        end = digits(end + 1);
    }
    if matches!(at(end), b'e' | b'E') && matches!(at(end + 1), b'+' | b'-') && at(end + 2).is_ascii_digit() {
        end = digits(end + 2);
    }
    while in_word(at(end)) {
        end += 1;
    }
    if at(end) == b'%' && !in_word(at(end + 1)) && at(end + 1) != b'-' {
        return end + 1;
    }
    if at(end) == b':' && at(end + 1).is_ascii_digit() {
        end = digits(end + 1);
        while in_word(at(end)) || at(end) == b'-' {
            end += 1;
        }
    }
    end
}
