//! Rules of the grammar in words for people.

use super::Rule;

/// An item at the top of a file.
pub(super) const ITEM: &str = "a declaration";
/// Something in a body.
pub(super) const STATEMENT: &str = "a statement";
/// The beginning of an entry in a map.
pub(super) const ENTRY: &str = "a key";
/// Something in `place`.
pub(super) const CLAUSE: &str = "a clause";
/// A value.
pub(super) const EXPRESSION: &str = "an expression";
const OPERATOR: &str = "an operator";
const NAME: &str = "a name";

/// The words that begin an item, as they are shown.
pub(super) const ITEM_SHOWN: [&str; 11] = [
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
pub(super) fn expected_words(positives: &[Rule]) -> Vec<&'static str> {
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
pub(super) fn alternatives(words: &[&str]) -> String {
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
        R::index | R::after_index | R::open_list => "`[`",
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
