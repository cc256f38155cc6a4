//! What all converters from pest's pairs to the tree share.
//!
//! A converter returns `None` when the pairs do not have the shape of the grammar, which cannot
//! happen; the item is then reported as unreadable instead of a panic.

use pest::iterators::{Pair, Pairs};

use super::scan::{Chunk, RawComment};
use super::{Rule, Shape};
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::syntax::Ident;
use crate::syntax::parse::errors::{self, Style};

/// One pair of pest's.
pub(super) type Node<'t> = Pair<'t, Rule>;

/// Turns the pairs of one item into its tree.
pub(super) struct Convert<'t> {
    /// The whole text, comments and all.
    pub text: &'t str,
    /// Where the item begins in the text.
    pub offset: usize,
    /// Where the text begins in the address space.
    pub base: u32,
    /// What was found wrong in values; pest had no objections.
    pub problems: Vec<Diagnostic>,
    /// Which comments became documentation, by their index.
    pub attached: Vec<usize>,
    /// What the formatter must know.
    pub shape: Shape,
    comments: &'t [RawComment],
    /// The comments before this one lie before the last statement.
    passed: usize,
}

impl<'t> Convert<'t> {
    /// A converter for one item of a text that begins with `base` in the address space.
    pub(super) fn new(text: &'t str, base: u32, chunk: &Chunk, comments: &'t [RawComment]) -> Self {
        let passed = comments.partition_point(|c| c.hi <= chunk.lo);
        let (problems, attached, shape) = (Vec::new(), Vec::new(), Shape::default());
        Convert { text, offset: chunk.lo, base, problems, attached, shape, comments, passed }
    }

    /// The place of a pair.
    pub(super) fn span(&self, node: &Node) -> Span {
        let span = node.as_span();
        self.at(span.start(), span.end())
    }

    /// The place of a range of the item.
    pub(super) fn at(&self, lo: usize, hi: usize) -> Span {
        let start = self.base + self.offset as u32;
        Span::new(start + lo as u32, start + hi as u32)
    }

    /// Remembers that something begins here that has a place of its own in a block.
    pub(super) fn begins(&mut self, node: &Node) {
        self.shape.starts.push(self.offset + node.as_span().start());
    }

    /// The range of a pair in the text.
    pub(super) fn range(&self, node: &Node) -> (usize, usize) {
        let span = node.as_span();
        (self.offset + span.start(), self.offset + span.end())
    }

    /// A word as it stands.
    pub(super) fn word(&self, node: &Node) -> Ident {
        Ident { name: node.as_str().to_owned(), span: self.span(node) }
    }

    /// A word that must be written in a certain way; reports it if not.
    pub(super) fn styled(&mut self, node: &Node, style: Style) -> Ident {
        let ident = self.word(node);
        if !style.fits(&ident.name) {
            self.problems.push(errors::wrong_style(&ident, style));
        }
        ident
    }

    /// The name of a value, role, field or level.
    pub(super) fn name(&mut self, node: &Node) -> Ident {
        self.styled(node, Style::Name)
    }

    /// The lines of `///` that stand directly before the declaration at this place of the item.
    /// Declarations are asked for in the order of the text.
    pub(super) fn docs(&mut self, node: &Node) -> Vec<String> {
        let start = self.offset + node.as_span().start();
        while self.comments.get(self.passed).is_some_and(|c| c.hi <= start) {
            self.passed += 1;
        }
        let mut lines = Vec::new();
        let mut next = start;
        for index in (0..self.passed).rev() {
            let comment = self.comments[index];
            if !self.text[comment.hi..next].bytes().all(|b| b.is_ascii_whitespace()) {
                break;
            }
            next = comment.lo;
            if comment.doc {
                let line = &self.text[comment.lo + 3..comment.hi];
                lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned());
                self.attached.push(index);
            }
        }
        lines.reverse();
        lines
    }
}

/// The pairs within a pair, without punctuation and keywords that carry no meaning of their own.
pub(super) struct Cursor<'t> {
    pairs: Pairs<'t, Rule>,
    next: Option<Node<'t>>,
}

impl<'t> Cursor<'t> {
    /// The pairs within this one.
    pub(super) fn new(node: Node<'t>) -> Self {
        let mut pairs = node.into_inner();
        let next = next_of(&mut pairs);
        Cursor { pairs, next }
    }

    /// The rule of the next pair that means something.
    pub(super) fn peek(&self) -> Option<Rule> {
        self.next.as_ref().map(Pair::as_rule)
    }

    /// The next pair that means something, still there.
    pub(super) fn peek_node(&self) -> Option<&Node<'t>> {
        self.next.as_ref()
    }

    /// The next pair that means something.
    pub(super) fn next(&mut self) -> Option<Node<'t>> {
        let next = next_of(&mut self.pairs);
        std::mem::replace(&mut self.next, next)
    }

    /// The next pair, if it is of this rule.
    pub(super) fn take(&mut self, rule: Rule) -> Option<Node<'t>> {
        if self.peek() == Some(rule) { self.next() } else { None }
    }
}

fn next_of<'t>(pairs: &mut Pairs<'t, Rule>) -> Option<Node<'t>> {
    pairs.find(|pair| !is_mark(pair.as_rule()))
}

/// Whether a rule is punctuation or a keyword whose place in the grammar says everything.
fn is_mark(rule: Rule) -> bool {
    use Rule as R;
    matches!(
        rule,
        R::open
            | R::close
            | R::open_list
            | R::close_list
            | R::open_paren
            | R::close_paren
            | R::comma
            | R::colon
            | R::dot
            | R::eq
            | R::arrow
            | R::plus
            | R::bar
            | R::less
            | R::more
            | R::kw_use
            | R::kw_param
            | R::kw_let
            | R::kw_template
            | R::kw_edge
            | R::kw_group
            | R::kw_refine
            | R::kw_assert
            | R::kw_is
            | R::kw_for
            | R::kw_x
            | R::kw_when
            | R::kw_role
            | R::kw_port
            | R::kw_file
            | R::kw_mount
            | R::kw_after
            | R::kw_connect
            | R::kw_place
            | R::kw_coordinate
            | R::kw_http
            | R::kw_tcp
            | R::kw_grpc
            | R::kw_exec
            | R::kw_on
            | R::kw_as
            | R::kw_over
            | R::kw_weight
            | R::kw_instances
            | R::kw_of
            | R::kw_within
            | R::kw_cells
            | R::kw_near
            | R::kw_at
            | R::kw_apart
            | R::kw_from
            | R::kw_spread
            | R::kw_max_skew
            | R::kw_at_least
            | R::kw_exclusive
            | R::kw_survive
            | R::kw_pool
            | R::kw_label
            | R::kw_if
            | R::kw_then
            | R::kw_else
            | R::kw_in
            | R::EOI
    )
}
