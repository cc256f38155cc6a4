//! The tokens of a text as a tree of brackets.

use crate::syntax::lex::{Kind, Lexer, Token};
use crate::syntax::parse::Shape;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// A name, key or keyword.
    Word,
    /// A number, or a string on one line.
    Literal,
    /// A string of several lines, or a block that is not looked at.
    Lines,
    /// Punctuation and brackets.
    Mark,
    /// The `<` and `>` of a type.
    Angle,
    /// A comment.
    Comment,
}

/// A token of the text; a string with all that it holds is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'t> {
    /// Its text, without white space at the end.
    pub text: &'t str,
    /// What it is.
    pub kind: PieceKind,
    /// Its first byte in the text.
    pub lo: usize,
    /// How many line breaks stand before it.
    pub lines: usize,
    /// No white space stands before it.
    pub touches: bool,
    /// No white space stands behind it.
    pub touched: bool,
    /// With how much white space the line begins on which it stands.
    pub indent: usize,
}

/// A piece, or brackets and what they hold.
#[derive(Debug)]
pub(super) enum Node<'t> {
    /// A piece that is no bracket.
    Leaf(Piece<'t>),
    /// Brackets.
    Group(Group<'t>),
}

/// How the content of brackets is separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Statements or entries, by white space.
    Space,
    /// Elements, by commas; a last comma is allowed.
    Comma,
    /// One expression or comprehension.
    None,
}

/// Brackets and what they hold.
#[derive(Debug)]
pub(super) struct Group<'t> {
    /// The opening bracket.
    pub open: Piece<'t>,
    /// How the content is separated.
    pub separator: Separator,
    /// What stands between the brackets.
    pub inner: Vec<Node<'t>>,
    /// The closing bracket.
    pub close: Piece<'t>,
    /// The author broke a line where elements of this group begin or end.
    pub broken: bool,
    /// It cannot be written on one line.
    pub forced: bool,
}

impl<'t> Node<'t> {
    /// Its first piece.
    pub(super) fn first(&self) -> &Piece<'t> {
        match self {
            Node::Leaf(piece) => piece,
            Node::Group(group) => &group.open,
        }
    }

    /// Its last piece.
    pub(super) fn last(&self) -> &Piece<'t> {
        match self {
            Node::Leaf(piece) => piece,
            Node::Group(group) => &group.close,
        }
    }

    /// The comment that it is.
    pub(super) fn comment(&self) -> Option<&Piece<'t>> {
        match self {
            Node::Leaf(piece) if piece.kind == PieceKind::Comment => Some(piece),
            _ => None,
        }
    }

    /// Whether it is a comma.
    pub(super) fn is_comma(&self) -> bool {
        matches!(self, Node::Leaf(piece) if piece.text == ",")
    }
}

/// One element of a block or list, or a comment between elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element<'n, 't> {
    /// A comment.
    Comment(&'n Piece<'t>),
    /// A statement, entry, element or expression; never empty.
    Item(&'n [Node<'t>]),
}

/// The tree of a text that parses.
pub(super) fn tree<'t>(text: &'t str, shape: &Shape) -> Vec<Node<'t>> {
    let mut open: Vec<(Piece<'t>, Separator, Vec<Node<'t>>)> = Vec::new();
    let mut nodes: Vec<Node<'t>> = Vec::new();
    let mut in_use = false;
    for piece in pieces(text, shape) {
        match piece.text {
            "(" | "[" | "{" if piece.kind == PieceKind::Mark => {
                let separator = separator(&piece, nodes.last(), in_use, shape);
                open.push((piece, separator, std::mem::take(&mut nodes)));
            }
            ")" | "]" | "}" if piece.kind == PieceKind::Mark => {
                let Some((opening, separator, outer)) = open.pop() else { continue };
                let inner = std::mem::replace(&mut nodes, outer);
                nodes.push(Node::Group(group(opening, separator, inner, piece, shape)));
            }
            _ => {
                if open.is_empty() && shape.starts.binary_search(&piece.lo).is_ok() {
                    in_use = piece.text == "use";
                } else if piece.text == "use" && nodes.last().is_some_and(|n| n.first().text == "private") {
                    in_use = open.is_empty();
                }
                nodes.push(Node::Leaf(piece));
            }
        }
    }
    nodes
}

fn separator(open: &Piece, before: Option<&Node>, in_use: bool, shape: &Shape) -> Separator {
    let keyword = |p: &Piece| matches!(p.text, "if" | "then" | "else" | "and" | "or" | "not" | "in" | "is" | "x");
    let operand = before.map(Node::last).is_some_and(|p| {
        matches!(p.text, ")" | "]") || (p.kind == PieceKind::Word && !keyword(p)) || p.kind == PieceKind::Angle
    });
    match open.text {
        "{" if in_use => Separator::Comma,
        "{" => Separator::Space,
        "(" if operand => Separator::Comma,
        "(" => Separator::None,
        _ if operand && open.touches => Separator::None,
        _ if shape.starts.binary_search(&open.lo).is_ok() => Separator::None,
        _ => Separator::Comma,
    }
}

fn group<'t>(
    open: Piece<'t>,
    mut separator: Separator,
    inner: Vec<Node<'t>>,
    close: Piece<'t>,
    shape: &Shape,
) -> Group<'t> {
    // A comprehension is one element and bears no comma.
    if open.text == "[" && inner.iter().find(|n| n.comment().is_none()).is_some_and(|n| n.first().text == "for") {
        separator = Separator::None;
    }
    let elements = elements(&inner, separator, shape);
    let breaks = elements.iter().any(|element| match element {
        Element::Comment(_) => true,
        Element::Item(nodes) => nodes.first().is_some_and(|n| n.first().lines > 0),
    });
    let broken = breaks || (close.lines > 0 && !inner.is_empty());
    let forced = broken || elements.iter().any(|e| matches!(e, Element::Item(nodes) if is_forced(nodes)));
    Group { open, separator, inner, close, broken, forced }
}

/// Whether a row of nodes cannot be written on one line.
pub(super) fn is_forced(nodes: &[Node]) -> bool {
    let inner = nodes.iter().any(|node| match node {
        Node::Leaf(piece) => matches!(piece.kind, PieceKind::Comment | PieceKind::Lines),
        Node::Group(group) => group.forced,
    });
    inner || nodes.windows(2).any(|pair| matches!(pair, [a, b] if keeps_break(a.last(), b.first())))
}

/// Whether a line break between two pieces of one statement is the author's choice: around
/// operators and before the words that begin a part of a statement.
pub(super) fn keeps_break(before: &Piece, next: &Piece) -> bool {
    let operator = |p: &Piece| {
        p.kind != PieceKind::Angle
            && matches!(
                p.text,
                "+" | "*" | "/" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "in" | "is" | "then" | "else"
            )
    };
    next.lines > 0
        && (operator(before)
            || operator(next)
            || before.text == ","
            || before.text == "|"
            || next.text == "|"
            || matches!(next.text, "when" | "as" | "over" | "weight" | "for" | "if"))
}

/// Splits the content of brackets. A comment between two elements, before the first or behind the
/// last is an element of its own; one within an element stays there.
pub(super) fn elements<'n, 't>(nodes: &'n [Node<'t>], separator: Separator, shape: &Shape) -> Vec<Element<'n, 't>> {
    let begins = |index: usize| match separator {
        Separator::Space => shape.starts.binary_search(&nodes[index].first().lo).is_ok(),
        Separator::Comma => nodes[index].is_comma(),
        Separator::None => false,
    };
    let mut out = Vec::new();
    let mut index = 0;
    while index < nodes.len() {
        if let Some(comment) = nodes[index].comment() {
            out.push(Element::Comment(comment));
            index += 1;
            continue;
        }
        if nodes[index].is_comma() && separator == Separator::Comma {
            index += 1;
            continue;
        }
        let start = index;
        let mut end = index + 1;
        index = end;
        // Comments count as part of the element once more of it follows.
        while index < nodes.len() {
            if nodes[index].comment().is_none() {
                if begins(index) {
                    break;
                }
                end = index + 1;
            }
            index += 1;
        }
        index = end;
        out.push(Element::Item(&nodes[start..end]));
    }
    out
}

fn pieces<'t>(text: &'t str, shape: &Shape) -> Vec<Piece<'t>> {
    let mut out: Vec<Piece<'t>> = Vec::new();
    let mut tokens = Lexer::new(text);
    let mut end = 0;
    let mut raw = shape.raw.iter().peekable();
    let (mut line, mut from) = (0, 0);
    while let Some(token) = tokens.next() {
        if token.lo < end {
            continue;
        }
        let hi = match raw.peek() {
            Some((lo, hi)) if *lo == token.lo => {
                raw.next();
                *hi.min(&text.len())
            }
            _ => whole(token, &mut tokens),
        };
        for (lo, hi) in split(text, token, hi, shape) {
            // Where the line begins on which this piece does, counted on from the last one.
            line = text[from..lo].rfind('\n').map_or(line, |i| from + i + 1);
            from = lo;
            out.push(piece(text, (line, end, lo, hi), token, shape));
            end = hi;
        }
    }
    out
}

/// The end of a token; of a string with all that it holds.
fn whole(token: Token, tokens: &mut Lexer) -> usize {
    let mut depth = usize::from(matches!(token.kind, Kind::StringStart(_)));
    let mut hi = token.hi;
    while depth > 0 {
        let Some(next) = tokens.next() else { break };
        match next.kind {
            Kind::StringStart(_) => depth += 1,
            Kind::StringEnd => depth -= 1,
            _ => {}
        }
        hi = next.hi;
    }
    hi
}

/// The `>=` of `List<Int>= x` is two pieces.
fn split(text: &str, token: Token, hi: usize, shape: &Shape) -> Vec<(usize, usize)> {
    let between = token.kind == Kind::Mark && &text[token.lo..hi] == ">=" && in_type(token.lo, shape);
    if between { vec![(token.lo, token.lo + 1), (token.lo + 1, hi)] } else { vec![(token.lo, hi)] }
}

fn in_type(at: usize, shape: &Shape) -> bool {
    // Ranges within others come behind them, so the search goes back over those that have ended.
    let before = shape.types.partition_point(|(lo, _)| *lo <= at);
    shape.types[..before].iter().rev().take(crate::syntax::parse::MAX_NESTING).any(|(_, hi)| at < *hi)
}

/// The places are: the beginning of the line, the end of the piece before, the beginning, the end.
fn piece<'t>(
    text: &'t str,
    (line, end, lo, hi): (usize, usize, usize, usize),
    token: Token,
    shape: &Shape,
) -> Piece<'t> {
    let bytes = text.as_bytes();
    let body = &text[lo..hi];
    let kind = match token.kind {
        Kind::Comment => PieceKind::Comment,
        Kind::Word => PieceKind::Word,
        _ if body.contains('\n') => PieceKind::Lines,
        Kind::Number | Kind::Raw | Kind::StringStart(_) => PieceKind::Literal,
        Kind::Mark if matches!(body, "<" | ">") && in_type(lo, shape) => PieceKind::Angle,
        _ => PieceKind::Mark,
    };
    let indent = bytes[line..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let lines = bytes[end..lo].iter().filter(|b| **b == b'\n').count();
    let blank = |b: Option<&u8>| b.is_none_or(u8::is_ascii_whitespace);
    let text = if kind == PieceKind::Comment { body.trim_end() } else { body };
    Piece { text, kind, lo, lines, touches: lo > 0 && lo == end, touched: !blank(bytes.get(hi)), indent }
}

/// Whether two pieces on one line are separated by a space.
pub(super) fn spaced(before: &Piece, next: &Piece) -> bool {
    let operand = |p: &Piece| {
        let keyword = matches!(p.text, "if" | "then" | "else" | "and" | "or" | "not" | "in" | "is" | "when");
        matches!(p.text, ")" | "]" | "}") || p.kind == PieceKind::Literal || (p.kind == PieceKind::Word && !keyword)
    };
    match (before, next) {
        (_, n) if matches!(n.text, "," | "." | ".." | ":") && n.kind == PieceKind::Mark => false,
        (b, _) if matches!(b.text, "." | "..") && b.kind == PieceKind::Mark => false,
        (_, n) if n.kind == PieceKind::Angle => false,
        (b, _) if b.kind == PieceKind::Angle && b.text == "<" => false,
        (b, _) if b.text == "-" && b.touched => false,
        (b, n) if matches!(n.text, "(" | "[") && n.kind == PieceKind::Mark => !(n.touches && operand(b)),
        _ => true,
    }
}
