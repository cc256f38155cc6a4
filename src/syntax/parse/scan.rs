//! Before pest: cuts a text into items, counts nesting, and finds comments and unclosed strings.

use std::borrow::Cow;

use crate::source::Span;
use crate::syntax::lex::{Kind, Lexer, Token};

/// The words that begin an item in the first column.
pub(super) const ITEM_WORDS: [&str; 11] =
    ["use", "param", "let", "template", "edge", "group", "tenant", "policy", "refine", "assert", "private"];

/// How deep brackets, blocks, `not`, unary minus, `if` and `${` may be nested in each other.
pub(in crate::syntax) const MAX_NESTING: usize = 64;

/// A text, prepared for pest.
pub(super) struct Scan<'t> {
    /// The items, in order; together they hold every token.
    pub items: Vec<Chunk>,
    /// Comments of both kinds, in order.
    pub comments: Vec<RawComment>,
    /// The text with its comments blanked; every byte where it was.
    pub blanked: Cow<'t, str>,
}

/// The text of one item: `text[lo..hi]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// First byte of the first token.
    pub lo: usize,
    /// First byte after the last token.
    pub hi: usize,
    /// What forbids parsing it.
    pub problem: Option<Problem>,
}

/// Something that pest must not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// The token that exceeds [`MAX_NESTING`].
    TooDeep(Token),
    /// A string without an end.
    UnclosedString(Token),
    /// A `${` without an end on its line.
    UnclosedHole(Token),
}

/// A comment with its slashes: `text[lo..hi]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawComment {
    /// The first slash.
    pub lo: usize,
    /// The end of the line.
    pub hi: usize,
    /// It begins with exactly three slashes and is the first on its line.
    pub doc: bool,
}

impl RawComment {
    /// Where it stands, in the address space that begins with `base`.
    pub(super) fn span(self, base: u32) -> Span {
        Span::new(base + self.lo as u32, base + self.hi as u32)
    }
}

/// Prepares a text. Linear in its length.
pub(super) fn scan(text: &str) -> Scan<'_> {
    let mut items: Vec<Chunk> = Vec::new();
    let mut comments = Vec::new();
    let mut depth = Depth::default();
    for token in Lexer::new(text) {
        if token.kind == Kind::Comment {
            comments.push(comment(text, token));
            continue;
        }
        let begins = token.kind == Kind::Word
            && matches!(&text[..token.lo], before if before.is_empty() || before.ends_with(['\n', '\u{feff}']))
            && ITEM_WORDS.contains(&&text[token.lo..token.hi]);
        let chunk = match items.last_mut() {
            Some(chunk) if !begins => {
                chunk.hi = token.hi.max(chunk.hi);
                chunk
            }
            _ => {
                depth = Depth::default();
                items.push(Chunk { lo: token.lo, hi: token.hi, problem: None });
                let Some(chunk) = items.last_mut() else { break };
                chunk
            }
        };
        let problem = match token.kind {
            Kind::UnclosedString => Some(Problem::UnclosedString(token)),
            Kind::UnclosedHole => Some(Problem::UnclosedHole(token)),
            _ => (depth.after(text, token) > MAX_NESTING).then_some(Problem::TooDeep(token)),
        };
        chunk.problem = chunk.problem.or(problem);
    }
    let blanked = blank(text, &comments);
    Scan { items, comments, blanked }
}

fn comment(text: &str, token: Token) -> RawComment {
    let slashes = text.as_bytes()[token.lo..token.hi].iter().take_while(|b| **b == b'/').count();
    let line = text[..token.lo].rfind('\n').map_or(0, |i| i + 1);
    let first = text[line..token.lo].bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r'));
    let hi = token.lo + text[token.lo..token.hi].trim_end_matches('\r').len();
    RawComment { lo: token.lo, hi, doc: slashes == 3 && first }
}

fn blank<'t>(text: &'t str, comments: &[RawComment]) -> Cow<'t, str> {
    if comments.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for comment in comments {
        out.push_str(&text[at..comment.lo]);
        out.extend(std::iter::repeat_n(' ', comment.hi - comment.lo));
        at = comment.hi;
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

/// How deep pest would have to recurse, never counted too low.
///
/// Brackets are seen as they are. `if`, `not`, unary minus and the `<` of types close nowhere; they
/// count until the expression that they stand in must have ended: at `,`, `=` or `:`, or where one
/// operand follows another without an operator between them.
#[derive(Default)]
struct Depth {
    /// For each open bracket, what opened it and the counts within.
    frames: Vec<Frame>,
    /// The counts outside of all brackets.
    outer: Counts,
    /// The sum over all frames but the innermost.
    below: usize,
    /// The last token ended an operand.
    operand: bool,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    ifs: usize,
    prefixes: usize,
    angles: usize,
}

impl Counts {
    fn sum(self) -> usize {
        self.ifs + self.prefixes + self.angles
    }
}

struct Frame {
    close: u8,
    counts: Counts,
}

impl Depth {
    /// The depth after one more token.
    fn after(&mut self, text: &str, token: Token) -> usize {
        let bytes = text.as_bytes();
        let operand = std::mem::replace(&mut self.operand, false);
        match token.kind {
            Kind::Open => self.push(match bytes[token.lo] {
                b'(' => b')',
                b'[' => b']',
                _ => b'}',
            }),
            Kind::HoleStart => self.push(b'$'),
            Kind::Close => self.pop(bytes[token.lo]),
            Kind::HoleEnd => self.pop(b'$'),
            Kind::Word => {
                let before = &bytes[..token.lo];
                let field = before.ends_with(b".") && !before.ends_with(b"..");
                self.word(&text[token.lo..token.hi], operand, field);
            }
            Kind::Number | Kind::Raw | Kind::StringStart(_) => self.begin_operand(operand),
            Kind::StringEnd => self.operand = true,
            Kind::Mark => self.mark(bytes, token),
            Kind::Text | Kind::Stray | Kind::Comment | Kind::UnclosedString | Kind::UnclosedHole => {}
        }
        self.below + self.frames.len() + self.counts().sum()
    }

    fn counts(&mut self) -> &mut Counts {
        self.frames.last_mut().map_or(&mut self.outer, |f| &mut f.counts)
    }

    fn push(&mut self, close: u8) {
        self.below += self.counts().sum();
        self.frames.push(Frame { close, counts: Counts::default() });
    }

    fn pop(&mut self, close: u8) {
        // After a bracket of the wrong kind pest goes no further, so the count need not be right.
        if self.frames.last().is_some_and(|f| f.close == close) {
            self.frames.pop();
            self.below -= self.counts().sum();
        }
        self.operand = true;
    }

    fn begin_operand(&mut self, after_operand: bool) {
        if after_operand {
            *self.counts() = Counts::default();
        }
        self.operand = true;
    }

    fn word(&mut self, word: &str, after_operand: bool, field: bool) {
        match word {
            _ if field => self.operand = true,
            "if" => {
                self.begin_operand(after_operand);
                self.operand = false;
                self.counts().ifs += 1;
            }
            "not" => {
                self.begin_operand(after_operand);
                self.operand = false;
                self.counts().prefixes += 1;
            }
            "then" | "else" | "and" | "or" | "in" | "is" => {
                self.counts().prefixes = 0;
                self.counts().angles = 0;
            }
            _ => self.begin_operand(after_operand),
        }
    }

    fn mark(&mut self, bytes: &[u8], token: Token) {
        let next = bytes.get(token.hi).copied().unwrap_or(b' ');
        let touches = token.lo.checked_sub(1).is_some_and(|i| crate::syntax::lex::in_word(bytes[i]));
        let counts = self.counts();
        match &bytes[token.lo..token.hi] {
            b"=" | b":" => *counts = Counts::default(),
            b"," => *counts = Counts { angles: counts.angles, ..Counts::default() },
            b"-" if !matches!(next, b' ' | b'\t' | b'\r' | b'\n') => counts.prefixes += 1,
            b"<" if touches => counts.angles += 1,
            b">" => counts.angles = counts.angles.saturating_sub(1),
            b"." | b"|" => {}
            _ => {
                counts.prefixes = 0;
                counts.angles = 0;
            }
        }
    }
}
