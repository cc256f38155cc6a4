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
    /// That one and all behind it.
    rest: Vec<Token>,
}

/// The problem that pest met at this byte, where any of these rules would have helped.
pub(super) fn problem(text: &str, base: u32, chunk: &Chunk, at: usize, positives: &[Rule]) -> Diagnostic {
    let place = Place::new(&text[..chunk.hi], chunk, at);
    let span = |lo: usize, hi: usize| Span::new(base + lo as u32, base + hi as u32);
    let mut words = expected_words(positives);
    let open = place.innermost_open();
    if let (None, Some(open)) = (place.found, open) {
        if !words.contains(&closing(place.str(open))) {
            words = vec![closing(place.str(open))];
        }
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
                "`when` stands before the block: `role r is T when condition { … }`"
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
            "`{`" | "`[`" | "`(`" | "`if`" | "`not`" | "a string" if expression => EXPRESSION,
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
        R::probe_word | R::edge_part | R::end_word | R::end_start | R::block_word => STATEMENT,
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
