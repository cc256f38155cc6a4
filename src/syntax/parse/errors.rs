//! What the parser reports: one function for each mistake.

use pest::error::{Error, ErrorVariant, InputLocation};

use super::Rule;
use super::expected;
use super::expr::MAX_HEIGHT;
use super::scan::{Chunk, MAX_NESTING, Problem};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Ident;
use crate::syntax::lex::{Kind, Lexer};

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `tp-size`: values, roles, groups, fields, levels.
    Name,
    /// `Prefill`: templates, edges, types.
    Type,
}

impl Style {
    /// Whether a word is written so. It consists of letters, digits, `_` and inner hyphens.
    pub(super) fn fits(self, word: &str) -> bool {
        match self {
            Style::Name => {
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                word.starts_with(|c: char| c.is_ascii_lowercase()) && word.bytes().all(plain)
            }
            Style::Type => {
                word.starts_with(|c: char| c.is_ascii_uppercase()) && word.bytes().all(|b| b.is_ascii_alphanumeric())
            }
        }
    }

    /// The word, written so.
    fn apply(self, word: &str) -> String {
        let mut out = String::new();
        let mut start = true;
        for c in word.chars() {
            match self {
                Style::Name if c == '_' || c == '-' => start = !out.is_empty(),
                Style::Name => {
                    let hump = c.is_ascii_uppercase() && out.ends_with(|l: char| l.is_ascii_lowercase());
                    if (start || hump) && !out.is_empty() {
                        out.push('-');
                    }
                    start = false;
                    out.push(c.to_ascii_lowercase());
                }
                Style::Type if c == '_' || c == '-' => start = true,
                Style::Type => {
                    out.push(if start { c.to_ascii_uppercase() } else { c });
                    start = false;
                }
            }
        }
        out
    }
}

/// A word in the wrong case.
pub(super) fn wrong_style(ident: &Ident, style: Style) -> Diagnostic {
    let (what, rule) = match style {
        Style::Name => ("name", "names are lower case with hyphens between words"),
        Style::Type => ("template, edge or type", "their names begin with a capital and have no hyphens"),
    };
    let message = format!("`{}` is not the name of a {what}", ident.name);
    let message = if style == Style::Name { format!("`{}` is not a name", ident.name) } else { message };
    let better = style.apply(&ident.name);
    let help = if style.fits(&better) { format!("{rule}: `{better}`") } else { rule.to_owned() };
    Diagnostic::new(Code::Syntax, ident.span, message).help(help)
}

/// A `${…}` where only plain text makes sense.
pub(super) fn not_plain(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::Syntax, span, format!("{what} is plain text, without `${{…}}`"))
        .help("for a dollar sign before a brace write `\\$`")
}

/// `a, b near c`.
pub(super) fn one_role_near(second: &Ident) -> Diagnostic {
    Diagnostic::new(Code::Syntax, second.span, "`near` binds one role")
        .help(format!("write one clause for each role: `{} near … at …`", second.name))
}

/// `f(a = 1, b)`.
pub(super) fn positional_after_named(span: Span) -> Diagnostic {
    Diagnostic::new(Code::Syntax, span, "an argument without a name after one with a name")
        .help("write the arguments without names first")
}

/// `[1](2)`.
pub(super) fn not_callable(span: Span) -> Diagnostic {
    Diagnostic::new(Code::Syntax, span, "this cannot be called").help("only builtins and methods of roles are called")
}

/// `a -b`, or a minus at the end of a line.
pub(super) fn blanks_missing(span: Span, operator: &str) -> Diagnostic {
    Diagnostic::new(Code::Syntax, span, format!("`{operator}` needs white space on both sides, on one line"))
        .help(format!("write `a {operator} b` on one line"))
}

/// A literal that is out of range or malformed.
pub(super) fn bad_literal(span: Span, message: String, help: Option<String>) -> Diagnostic {
    let problem = Diagnostic::new(Code::BadLiteral, span, message);
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// `\x`.
pub(super) fn bad_escape(span: Span, escape: &str) -> Diagnostic {
    Diagnostic::new(Code::BadLiteral, span, format!("unknown escape `{escape}`"))
        .help("known are `\\n`, `\\t`, `\\\\`, `\\\"`, `\\$` and `\\u{1f600}`; a `#\"raw string\"#` has no escapes")
}

/// A line of a block to the left of its closing quotes.
pub(super) fn indented_too_little(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadLiteral, span, "this line is indented less than the closing `\"\"\"`")
        .help("the white space before the closing `\"\"\"` is removed from every line; move the quotes to the left")
}

/// An expression that is a long chain.
pub(super) fn expression_too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::TooDeep, span, format!("this expression is more than {MAX_HEIGHT} operations deep"))
        .help("give parts of it names with `let`; many texts or lists are joined with `join` or in one list")
}

/// A text that is not shown to pest.
pub(super) fn unparsable(text: &str, base: u32, problem: Problem) -> Diagnostic {
    let at = |lo: usize, hi: usize| Span::new(base + lo as u32, base + hi as u32);
    match problem {
        Problem::TooDeep(t) => {
            let message = format!("nesting is deeper than {MAX_NESTING} levels");
            Diagnostic::new(Code::TooDeep, at(t.lo, t.hi), message)
                .help("give inner parts names with `let`, or move them into templates")
        }
        Problem::UnclosedHole(t) => {
            Diagnostic::new(Code::BadLiteral, at(t.lo, t.hi), "this `${` has no `}` on its line")
                .help("close it with `}`; for a dollar sign before a brace write `\\$`")
        }
        Problem::UnclosedString(t) => unclosed_string(at(t.lo, t.hi), &text[t.lo..t.hi]),
    }
}

fn unclosed_string(span: Span, text: &str) -> Diagnostic {
    let hashes = text.bytes().take_while(|b| *b == b'#').count();
    let close = match text {
        _ if hashes > 0 => format!("\"{}", "#".repeat(hashes)),
        _ if text.starts_with("\"\"\"") => "\"\"\"".to_owned(),
        _ => "\"".to_owned(),
    };
    let help = match close.as_str() {
        "\"" => "close it with `\"` on the same line; a text of several lines is written between `\"\"\"`".to_owned(),
        _ => format!("close it with `{close}`"),
    };
    Diagnostic::new(Code::Syntax, span, "this string is never closed").help(help)
}

/// An item whose pairs do not have the shape of the grammar: a mistake of the compiler.
pub(super) fn unreadable(base: u32, chunk: &Chunk) -> Diagnostic {
    let span = Span::new(base + chunk.lo as u32, base + chunk.hi as u32);
    Diagnostic::new(Code::Syntax, span, "this cannot be read")
        .help("this is a mistake in the compiler; please report it")
}

/// What pest found wrong.
pub(super) fn syntax(text: &str, base: u32, chunk: &Chunk, error: &Error<Rule>) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => chunk.lo + at,
    };
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        let span = Span::new(base + chunk.lo as u32, base + chunk.hi as u32);
        return Diagnostic::new(Code::TooDeep, span, "this item is nested too deeply to be read");
    };
    expected::problem(text, base, chunk, at, positives)
}

/// The name that a broken item would have declared.
pub(super) fn declared_name(text: &str, base: u32, chunk: &Chunk) -> Option<Ident> {
    let tokens = Lexer::new(&text[chunk.lo..chunk.hi]).take(6).filter(|t| t.kind != Kind::Comment);
    let mut words = tokens.map(|t| (t, &text[chunk.lo + t.lo..chunk.lo + t.hi]));
    let (_, mut keyword) = words.next()?;
    if keyword == "private" {
        keyword = words.next()?.1;
    }
    if !["param", "let", "template", "edge", "group"].contains(&keyword) {
        return None;
    }
    let (token, name) = words.next().filter(|(t, _)| t.kind == Kind::Word)?;
    let lo = base + (chunk.lo + token.lo) as u32;
    Some(Ident { name: name.to_owned(), span: Span::new(lo, lo + name.len() as u32) })
}

/// Control and bidirectional characters, at most one for each line and 20 for each file.
pub(super) fn forbidden_characters(text: &str, base: u32) -> Vec<Diagnostic> {
    const MOST: usize = 20;
    let mut found = Vec::new();
    if text.bytes().all(|b| (0x20..0x7f).contains(&b) || matches!(b, b'\n' | b'\t' | b'\r')) {
        return found;
    }
    let mut lo = 0;
    for line in text.split_inclusive('\n') {
        if let Some((i, c)) = line.char_indices().find(|(_, c)| is_forbidden(*c)) {
            let start = base + (lo + i) as u32;
            found.push(forbidden_character(Span::new(start, start + c.len_utf8() as u32), c, lo + i == 0));
            if found.len() == MOST {
                break;
            }
        }
        lo += line.len();
    }
    found
}

fn is_forbidden(c: char) -> bool {
    match c {
        '\n' | '\t' | '\r' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        _ => c.is_control(),
    }
}

fn forbidden_character(span: Span, c: char, first: bool) -> Diagnostic {
    let code = c as u32;
    let (what, help) = match c {
        '\u{feff}' if first => {
            ("a byte order mark", "save the file as UTF-8 without a byte order mark (BOM)".to_owned())
        }
        '\u{feff}' => ("a byte order mark", "remove it".to_owned()),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => (
            "a character that changes the direction of text",
            format!("what is shown is not what is compiled; remove it, or write `\\u{{{code:x}}}` in a string"),
        ),
        _ => ("a control character", format!("remove it, or write `\\u{{{code:x}}}` in a string")),
    };
    Diagnostic::new(Code::ForbiddenCharacter, span, format!("{what}, U+{code:04X}")).help(help)
}
