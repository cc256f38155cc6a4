//! Syntax errors: what could have stood there, in words, and what was probably meant.

use super::Rule;
use super::scan::{Chunk, ITEM_WORDS};
use super::words::{CLAUSE, ENTRY, EXPRESSION, ITEM, ITEM_SHOWN, STATEMENT, alternatives, expected_words};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::lex::{Kind, Lexer, Token};

/// A broken item, its tokens and the one that does not fit.
struct Place<'t> {
    text: &'t str,
    /// The tokens before the one that does not fit.
    before: Vec<Token>,
    /// The one that does not fit; `None` at the end of the item.
    found: Option<Token>,
    /// That one and all behind it.
    rest: Vec<Token>,
}

/// The problem that pest met at this byte, where any of these rules would have helped.
pub(super) fn problem(text: &str, base: u32, chunk: &Chunk, at: usize, positives: &[Rule]) -> Diagnostic {
    let place = Place::new(&text[..chunk.hi], chunk, at);
    let span = |lo: usize, hi: usize| Span::new(base + lo as u32, base + hi as u32);
    let mut words = expected_words(positives);
    let open = place.innermost_open();
    if let (None, Some(open)) = (place.found, open)
        && !words.contains(&closing(place.str(open)))
    {
        words = vec![closing(place.str(open))];
    }
    let message = format!("expected {}", alternatives(&words));
    let mut problem = match place.found {
        Some(token) => {
            let found = place.shown(token);
            Diagnostic::new(Code::Syntax, span(token.lo, token.hi), format!("{message}, found {found}"))
        }
        None => Diagnostic::new(Code::Syntax, span(chunk.hi, chunk.hi), message).here("the declaration ends here"),
    };
    let open = open.filter(|open| words.contains(&closing(place.str(*open))));
    let unclosed = open.and_then(|open| place.unclosed(open));
    if let Some(open) = unclosed {
        problem = problem.label(span(open.lo, open.hi), format!("this `{}` is never closed", place.str(open)));
    }
    match place.slip(positives, &words, unclosed.is_some()) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => "`)`",
        "[" => "`]`",
        _ => "`}`",
    }
}

impl<'t> Place<'t> {
    fn new(text: &'t str, chunk: &Chunk, at: usize) -> Self {
        let tokens = Lexer::new(&text[chunk.lo..]).filter(|t| t.kind != Kind::Comment);
        let tokens = tokens.map(|t| Token { lo: t.lo + chunk.lo, hi: t.hi + chunk.lo, ..t });
        // Within a token pest may have stopped early; what does not fit begins there.
        let (before, rest): (Vec<Token>, Vec<Token>) = tokens.partition(|t| t.hi <= at);
        let found = rest.first().map(|token| Token { lo: token.lo.max(at), ..*token });
        Place { text, before, found, rest }
    }

    fn str(&self, token: Token) -> &'t str {
        self.text.get(token.lo..token.hi).unwrap_or("")
    }

    fn shown(&self, token: Token) -> String {
        match token.kind {
            Kind::StringStart(_) | Kind::Raw => "a string".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Stray if self.str(token).starts_with('#') => "`#`".to_owned(),
            _ => format!("`{}`", self.str(token)),
        }
    }

    /// The innermost bracket that is open where the text does not fit.
    fn innermost_open(&self) -> Option<Token> {
        let mut depth = 0_usize;
        for token in self.before.iter().rev() {
            match token.kind {
                Kind::Close | Kind::HoleEnd => depth += 1,
                Kind::Open | Kind::HoleStart if depth == 0 => return Some(*token),
                Kind::Open | Kind::HoleStart => depth -= 1,
                _ => {}
            }
        }
        None
    }

    /// The bracket that has no end, if what comes does not close this one.
    fn unclosed(&self, open: Token) -> Option<Token> {
        let mut depth = 0_usize;
        for token in &self.rest {
            match token.kind {
                Kind::Open | Kind::HoleStart => depth += 1,
                Kind::Close | Kind::HoleEnd if depth > 0 => depth -= 1,
                Kind::Close | Kind::HoleEnd => {
                    let closes = closing(self.str(open)).trim_matches('`') == self.str(*token);
                    return if closes { None } else { Some(open) };
                }
                _ => {}
            }
        }
        Some(self.suspect().unwrap_or(open))
    }

    /// The first block whose brace closes further left than the block began: it has lost its own.
    fn suspect(&self) -> Option<Token> {
        let mut open: Vec<Token> = Vec::new();
        for token in &self.before {
            match token.kind {
                Kind::Open | Kind::HoleStart => open.push(*token),
                Kind::Close | Kind::HoleEnd => {
                    let opener = open.pop()?;
                    let column = self.first_column(token.lo);
                    if column.is_some_and(|column| column < self.indent(opener.lo)) {
                        return Some(opener);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// With how much white space the line of a byte begins.
    fn indent(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        self.text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
    }

    /// How much white space stands before a byte, if nothing else does on its line.
    fn first_column(&self, at: usize) -> Option<usize> {
        let before = self.text[..at].trim_end_matches([' ', '\t']);
        (before.is_empty() || before.ends_with('\n')).then_some(at - before.len())
    }

    /// What was probably meant.
    fn slip(&self, positives: &[Rule], words: &[&str], unclosed: bool) -> Option<String> {
        let expects = |rule: Rule| positives.contains(&rule);
        let listing = words.iter().any(|w| matches!(*w, STATEMENT | ENTRY | CLAUSE));
        let found = self.found?;
        let previous = self.before.last().map_or("", |t| self.str(*t));
        let operand = self
            .before
            .last()
            .is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Number | Kind::StringEnd | Kind::Raw | Kind::Close));
        let after_operand = operand && !words.contains(&EXPRESSION) && !expects(Rule::eq);
        let listed = expects(Rule::comma) && !listing;
        let help = match self.str(found) {
            s if found.kind == Kind::Stray && s.starts_with('#') => "comments begin with `//`",
            "'" => "strings are written between double quotes",
            "!" => "negation is written `not x`, inequality `a != b`",
            "&" => "both conditions: write `a and b`",
            "|" if after_operand => "either condition: write `a or b`",
            "?" => "a choice is written `if condition then a else b`",
            ";" => "statements and entries are separated by white space; remove the `;`",
            "," if listing => "statements and entries are separated by white space; remove the `,`",
            ":" if expects(Rule::eq) => "a key and its value are joined with `=`",
            ":" if listed && expects(Rule::close_paren) => "an argument with a name is written `name = value`",
            ":" if listing => "a block stands between braces: `role a { … }`",
            "=" if expects(Rule::colon) => "a name and its type are joined with `:`",
            "=" if previous == "=" || self.text[..found.lo].ends_with('=') => "a value is given with one `=`",
            "=" if after_operand => "a comparison is written `==`",
            "-" if self.first_on_line(found) => "a list is written `[a, b]`",
            s @ ("-" | "%") if after_operand => return Some(blanks(s)),
            "(" if after_operand && self.blank_before(found) => "the parenthesis of a call touches its name: `f(x)`",
            "[" if after_operand && self.blank_before(found) => "the bracket of an index touches its value: `xs[0]`",
            "." if after_operand => "a field touches its value: `x.field`",
            "in" if previous == "not" => "write `not (x in xs)`",
            _ if previous == "when" && expects(Rule::eq) => {
                "`when` stands before a block: `role r is T when condition { … }`; \
                 a field decides in its value: `if condition then … else unset`"
            }
            "elif" | "elsif" | "elseif" if expects(Rule::kw_else) => "write `else if`",
            "}" | ")" | "]" if expects(Rule::EOI) => "nothing is open that this could close",
            s if ITEM_WORDS.contains(&s) && expects(Rule::EOI) => {
                "a declaration begins in the first column of its line"
            }
            s if words == [ITEM] => {
                let near = crate::diag::did_you_mean(s, ITEM_WORDS);
                return Some(match near {
                    Some(near) if near != s => format!("did you mean `{near}`?"),
                    _ => format!("a declaration begins with one of {}", alternatives(&ITEM_SHOWN)),
                });
            }
            s if expects(Rule::eq) && matches!(found.kind, Kind::StringStart(_) | Kind::Number | Kind::Raw) => {
                let value = if found.kind == Kind::Number { s } else { "…" };
                return Some(format!("write `{previous} = {value}`"));
            }
            _ if listed && operand && !unclosed && starts_operand(found.kind) => "put a `,` between the two",
            _ => return None,
        };
        Some(help.to_owned())
    }

    fn first_on_line(&self, token: Token) -> bool {
        self.first_column(token.lo).is_some() && self.text[token.hi..].starts_with([' ', '\t'])
    }

    fn blank_before(&self, token: Token) -> bool {
        self.text[..token.lo].ends_with(|c: char| c.is_ascii_whitespace())
    }
}

fn starts_operand(kind: Kind) -> bool {
    matches!(kind, Kind::Word | Kind::Number | Kind::StringStart(_) | Kind::Raw | Kind::Open)
}

fn blanks(operator: &str) -> String {
    format!("`{operator}` between two values needs white space on both sides, on one line")
}
