//! Syntax errors: what could have stood there, in words, and what was probably meant.

use super::Rule;
use super::scan::{Chunk, ITEM_WORDS};
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
    /// The token behind that.
    next: Option<Token>,
}

/// The problem that pest met at this byte, where any of these rules would have helped.
pub(super) fn problem(text: &str, base: u32, chunk: &Chunk, at: usize, positives: &[Rule]) -> Diagnostic {
    let place = Place::new(&text[..chunk.hi], chunk, at);
    let span = |lo: usize, hi: usize| Span::new(base + lo as u32, base + hi as u32);
    let words = expected_words(positives);
    let message = format!("expected {}", alternatives(&words));
    let mut problem = match place.found {
        Some(token) => {
            let found = place.shown(token);
            Diagnostic::new(Code::Syntax, span(token.lo, token.hi), format!("{message}, found {found}"))
        }
        None => Diagnostic::new(Code::Syntax, span(chunk.hi, chunk.hi), message).here("the item ends here"),
    };
    let unclosed = place.unclosed(&words);
    if let Some(open) = unclosed {
        problem = problem.label(span(open.lo, open.hi), format!("this `{}` is never closed", place.str(open)));
    }
    match place.slip(positives, &words) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

impl<'t> Place<'t> {
    fn new(text: &'t str, chunk: &Chunk, at: usize) -> Self {
        let tokens = Lexer::new(&text[chunk.lo..]).filter(|t| t.kind != Kind::Comment);
        let mut tokens = tokens.map(|t| Token { lo: t.lo + chunk.lo, hi: t.hi + chunk.lo, ..t });
        let mut before = Vec::new();
        let mut found = None;
        for token in tokens.by_ref() {
            if token.hi > at {
                // Within a token pest may have stopped early; what does not fit begins there.
                found = Some(Token { lo: token.lo.max(at), ..token });
                break;
            }
            before.push(token);
        }
        Place { text, before, found, next: tokens.next() }
    }

    fn str(&self, token: Token) -> &'t str {
        self.text.get(token.lo..token.hi).unwrap_or("")
    }

    fn found_str(&self) -> &'t str {
        self.found.map_or("", |t| self.str(t))
    }

    fn shown(&self, token: Token) -> String {
        match token.kind {
            Kind::StringStart(_) | Kind::Raw => "a string".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Stray if self.str(token).starts_with('#') => "`#`".to_owned(),
            _ => format!("`{}`", self.str(token)),
        }
    }

    /// The opening bracket that waits for its end where the text does not fit: where the item
    /// ends, or a bracket of another kind closes.
    fn unclosed(&self, words: &[&str]) -> Option<Token> {
        let closes = self.found.is_none_or(|t| t.kind == Kind::Close);
        if !closes || !words.iter().any(|w| matches!(*w, "`}`" | "`)`" | "`]`")) {
            return None;
        }
        let mut open: Vec<Token> = Vec::new();
        let mut suspect = None;
        for token in &self.before {
            match token.kind {
                Kind::Open | Kind::HoleStart => open.push(*token),
                Kind::Close | Kind::HoleEnd => {
                    // A block whose brace closes further left than it began has lost its own.
                    let opener = open.pop()?;
                    let block = self.str(opener) == "{" && self.indent(token.lo, true) < self.indent(opener.lo, false);
                    suspect = suspect.or(block.then_some(opener));
                }
                _ => {}
            }
        }
        let open = open.pop()?;
        let matches = matches!((self.str(open), self.found_str()), ("{", "}") | ("(", ")") | ("[", "]"));
        if matches { None } else { suspect.or(Some(open)) }
    }

    /// The column where the line of a byte begins; without bound when something else must be first
    /// on that line and is not.
    fn indent(&self, at: usize, first: bool) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let blank = self.text[line..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
        if first && line + blank < at { usize::MAX } else { blank }
    }

    /// What was probably meant.
    fn slip(&self, positives: &[Rule], words: &[&str]) -> Option<String> {
        let expects = |rule: Rule| positives.contains(&rule);
        let listing = words.iter().any(|w| matches!(*w, STATEMENT | ENTRY | CLAUSE));
        let found = self.found?;
        let previous = self.before.last().copied();
        let after_operand = expects(Rule::infix);
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
            "=" if expects(Rule::colon) => "a name and its type are joined with `:`",
            "==" if expects(Rule::eq) => "a value is given with one `=`",
            "=" if after_operand => "a comparison is written `==`",
            "-" if self.first_on_line(found) => "a list is written `[a, b]`",
            s @ ("-" | "%") if after_operand => return Some(blanks(s)),
            "(" if after_operand && self.blank_before(found) => "the parenthesis of a call touches its name: `f(x)`",
            "[" if after_operand && self.blank_before(found) => "the bracket of an index touches its value: `xs[0]`",
            "." if after_operand => "a field touches its value: `x.field`",
            "not" if after_operand => "write `not (x in xs)`",
            "elif" | "elsif" | "elseif" if expects(Rule::kw_else) => "write `else if`",
            "when" => "`when` stands before the block: `role r is T when condition { … }`",
            "}" | ")" | "]" if expects(Rule::EOI) => "nothing is open that this could close",
            s if ITEM_WORDS.contains(&s) && expects(Rule::EOI) => {
                "a declaration begins in the first column of its line"
            }
            s if expects(Rule::kw_template) && self.before.is_empty() => {
                let near = crate::diag::did_you_mean(s, ITEM_WORDS);
                return Some(match near {
                    Some(near) if near != s => format!("did you mean `{near}`?"),
                    _ => format!("a declaration begins with one of {}", alternatives(&ITEM_SHOWN)),
                });
            }
            s if expects(Rule::eq) && matches!(found.kind, Kind::StringStart(_) | Kind::Number | Kind::Raw) => {
                let name = previous.map_or("name", |t| self.str(t));
                let value = if found.kind == Kind::Number { s } else { "…" };
                return Some(format!("write `{name} = {value}`"));
            }
            _ => return None,
        };
        Some(help.to_owned())
    }

    fn first_on_line(&self, token: Token) -> bool {
        self.indent(token.lo, true) != usize::MAX && self.next.is_some_and(|n| n.lo > token.hi)
    }

    fn blank_before(&self, token: Token) -> bool {
        self.text[..token.lo].ends_with(|c: char| c.is_ascii_whitespace())
    }
}

fn blanks(operator: &str) -> String {
    format!("`{operator}` between two values needs white space on both sides, on one line")
}

const ITEM: &str = "a declaration";
const STATEMENT: &str = "a statement";
const ENTRY: &str = "a key";
const CLAUSE: &str = "a clause";
const EXPRESSION: &str = "an expression";
const OPERATOR: &str = "an operator";
const NAME: &str = "a name";

const ITEM_SHOWN: [&str; 11] = [
    "`use`",
    "`param`",
    "`let`",
    "`template`",
    "`edge`",
    "`group`",
    "`tenant`",
    "`policy`",
    "`refine`",
    "`assert`",
    "`private`",
];

/// What the rules stand for, closing brackets first, each once.
fn expected_words(positives: &[Rule]) -> Vec<&'static str> {
    let has = |rule: Rule| positives.contains(&rule);
    let statement = has(Rule::kw_role);
    let clause = has(Rule::kw_instances);
    let item = has(Rule::kw_template);
    let entry = has(Rule::key_word) || has(Rule::entry);
    let expression = has(Rule::value_name) || has(Rule::expr);
    let mut words: Vec<&'static str> = Vec::new();
    for rule in positives {
        let word = describe(*rule);
        let of_item = item && !matches!(rule, Rule::EOI);
        let word = match word {
            _ if of_item => ITEM,
            NAME | "`group`" | "`role`" if statement => STATEMENT,
            "`group`" | "`not`" | "`on`" | "a role" if clause => CLAUSE,
            "a string" | "`[`" | "`for`" if entry => ENTRY,
            "`{`" | "`[`" | "`(`" | "`if`" | "a string" if expression => EXPRESSION,
            word => word,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    // After a value an operator, call, index or field is always possible and seldom meant.
    let noise = |w: &&str| matches!(*w, OPERATOR | "`.`" | "`(`" | "`[`");
    if words.contains(&OPERATOR) && words.iter().any(|w| !noise(w)) {
        words.retain(|w| !noise(w));
    }
    words.sort_by_key(|w| (rank(w), *w));
    words
}

fn rank(word: &str) -> u8 {
    match word {
        "`}`" | "`)`" | "`]`" => 0,
        _ if word.starts_with('`') => 1,
        "the end of the declaration" => 3,
        _ => 2,
    }
}

/// `a, b or c`.
fn alternatives(words: &[&str]) -> String {
    match words {
        [] => "something else".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A rule in words that make sense to someone who has never seen the grammar.
fn describe(rule: Rule) -> &'static str {
    use Rule as R;
    match rule {
        R::item | R::declaration | R::private | R::use_item | R::param_item | R::edge | R::refine | R::reserved => ITEM,
        R::group | R::template | R::reserved_word => ITEM,
        R::kw_use | R::kw_param | R::kw_template | R::kw_edge | R::kw_refine => ITEM,
        R::statement | R::field | R::map_field | R::role | R::part | R::child | R::port | R::file | R::mount => {
            STATEMENT
        }
        R::volume | R::probe | R::after | R::connect | R::coordinate | R::place | R::let_decl | R::assertion => {
            STATEMENT
        }
        R::kw_let | R::kw_assert | R::kw_role | R::kw_port | R::kw_file | R::kw_mount | R::kw_after => STATEMENT,
        R::kw_connect | R::kw_place | R::kw_coordinate | R::part_word | R::child_word | R::volume_word => STATEMENT,
        R::probe_word | R::edge_part | R::end_word | R::block_word => STATEMENT,
        R::clause | R::clause_kind | R::instances | R::whole_group | R::cells | R::spread | R::exclusive => CLAUSE,
        R::survive | R::role_clause | R::prefer | R::kw_instances | R::kw_cells | R::kw_spread => CLAUSE,
        R::kw_exclusive | R::kw_survive | R::clause_word => CLAUSE,
        R::entry | R::for_entry | R::key | R::key_word | R::computed_key => ENTRY,
        R::expr | R::operand | R::primary | R::value_name | R::number | R::minus | R::if_expr | R::list => EXPRESSION,
        R::paren | R::expression_word | R::argument | R::argument_name => EXPRESSION,
        R::not => "`not`",
        R::infix | R::is_op | R::operator_start => OPERATOR,
        R::name
        | R::word
        | R::word_rest
        | R::path
        | R::module_path
        | R::element_name
        | R::field_name
        | R::parameter
        | R::end => NAME,
        R::type_ | R::type_atom | R::type_name => "a type",
        R::role_name | R::roles => "a role",
        R::string | R::raw | R::block => "a string",
        R::text | R::block_text => "text",
        R::hole => "`${`",
        R::dot => "`.`",
        R::call | R::arguments | R::arguments_rest | R::parameters | R::ends | R::open_paren => "`(`",
        R::index | R::open_list => "`[`",
        R::open | R::map | R::body | R::edge_body | R::record | R::use_names | R::raw_block => "`{`",
        R::close => "`}`",
        R::close_list => "`]`",
        R::close_paren => "`)`",
        R::comma => "`,`",
        R::colon => "`:`",
        R::eq | R::assigned => "`=`",
        R::arrow => "`->`",
        R::plus => "`+`",
        R::bar => "`|`",
        R::less => "`<`",
        R::more => "`>`",
        R::kw_group | R::after_group => "`group`",
        R::target => "`role` or `group`",
        R::kw_is | R::bases | R::template_call => "`is`",
        R::kw_for | R::tenant | R::for_head => "`for`",
        R::kw_x | R::count => "`x`",
        R::kw_when | R::when => "`when`",
        R::check => "a check: `http`, `tcp`, `grpc` or `exec`",
        R::kw_http | R::check_http => "`http`",
        R::kw_tcp | R::check_tcp => "`tcp`",
        R::kw_grpc | R::check_grpc => "`grpc`",
        R::kw_exec | R::check_exec => "`exec`",
        R::kw_on | R::eligible => "`on`",
        R::kw_as | R::edge_ref => "`as`",
        R::kw_over | R::over => "`over`",
        R::kw_weight | R::weight => "`weight`",
        R::kw_of => "`of`",
        R::kw_within | R::within => "`within`",
        R::kw_near | R::near => "`near`",
        R::kw_at => "`at`",
        R::kw_apart | R::apart => "`apart`",
        R::kw_from | R::from => "`from`",
        R::kw_max_skew | R::max_skew => "`max-skew`",
        R::kw_at_least | R::at_least => "`at-least`",
        R::kw_pool | R::pool => "`pool`",
        R::kw_label | R::label => "`label`",
        R::kw_if | R::for_if => "`if`",
        R::kw_then => "`then`",
        R::kw_else => "`else`",
        R::kw_in => "`in`",
        R::after_target => "a role",
        R::EOI => "the end of the declaration",
        R::w | R::wc => "white space",
    }
}
