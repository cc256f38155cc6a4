//! What all converters from pest's pairs to the tree share.
//!
//! A converter returns `None` when the pairs do not have the shape of the grammar, which cannot
//! happen; the item is then reported as unreadable instead of a panic.

use pest::iterators::{Pair, Pairs};

use super::Rule;
use super::scan::RawComment;
use crate::diag::Diagnostic;
use crate::source::Span;
use crate::syntax::Ident;
use crate::syntax::parse::errors::{self, Style};

/// One pair of pest's.
pub(super) type Node<'t> = Pair<'t, Rule>;

/// Turns the pairs of the items of one text into its tree.
pub(super) struct Convert<'t> {
    /// The whole text, comments and all.
    pub text: &'t str,
    /// Where the item begins in the text.
    pub offset: usize,
    /// What was found wrong in values; pest had no objections.
    pub problems: Vec<Diagnostic>,
    /// Where the text begins in the address space.
    pub base: u32,
    comments: &'t [RawComment],
    /// Which comments became documentation.
    attached: Vec<bool>,
    /// The comments before this one lie before the last statement.
    passed: usize,
}

impl<'t> Convert<'t> {
    /// A converter for a text that begins with `base` in the address space.
    pub(super) fn new(text: &'t str, base: u32, comments: &'t [RawComment]) -> Self {
        let attached = vec![false; comments.len()];
        Convert { text, offset: 0, problems: Vec::new(), base, comments, attached, passed: 0 }
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
        let first = self.passed;
        while self.comments.get(self.passed).is_some_and(|c| c.hi <= start) {
            self.passed += 1;
        }
        let mut lines = Vec::new();
        let mut next = start;
        for index in (first..self.passed).rev() {
            let comment = self.comments[index];
            if !self.text[comment.hi..next].bytes().all(|b| b.is_ascii_whitespace()) {
                break;
            }
            next = comment.lo;
            if comment.doc {
                let line = &self.text[comment.lo + 3..comment.hi];
                lines.push(line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned());
                self.attached[index] = true;
            }
        }
        lines.reverse();
        lines
    }

    /// The comments that are no documentation.
    pub(super) fn loose_comments(&self) -> impl Iterator<Item = RawComment> {
        self.comments.iter().zip(&self.attached).filter(|(_, attached)| !**attached).map(|(comment, _)| *comment)
    }
}

/// The pairs within a pair, without punctuation and keywords that carry no meaning of their own.
pub(super) struct Cursor<'t> {
    pairs: Pairs<'t, Rule>,
}

impl<'t> Cursor<'t> {
    /// The pairs within this one.
    pub(super) fn new(node: Node<'t>) -> Self {
        Cursor { pairs: node.into_inner() }
    }

    /// The next pair that means something.
    pub(super) fn next(&mut self) -> Option<Node<'t>> {
        self.pairs.by_ref().find(|pair| !is_mark(pair.as_rule()))
    }

    /// The next pair, if it is of this rule.
    pub(super) fn take(&mut self, rule: Rule) -> Option<Node<'t>> {
        while let Some(pair) = self.pairs.peek() {
            if pair.as_rule() == rule {
                return self.pairs.next();
            }
            if !is_mark(pair.as_rule()) {
                return None;
            }
            self.pairs.next();
        }
        None
    }
}

/// Whether a rule is punctuation or a keyword whose place in the grammar says everything.
fn is_mark(rule: Rule) -> bool {
    use Rule as R;
    match rule {
        R::open | R::close | R::open_list | R::close_list | R::open_paren | R::close_paren => true,
        R::comma | R::colon | R::dot | R::eq | R::arrow | R::plus | R::bar | R::less | R::more | R::quote => true,
        R::kw_use | R::kw_param | R::kw_let | R::kw_template | R::kw_edge | R::kw_group | R::kw_refine => true,
        R::kw_assert | R::kw_is | R::kw_for | R::kw_x | R::kw_when | R::kw_role | R::kw_port | R::kw_file => true,
        R::kw_mount | R::kw_after | R::kw_connect | R::kw_place | R::kw_coordinate | R::kw_http | R::kw_tcp => true,
        R::kw_grpc | R::kw_exec | R::kw_on | R::kw_as | R::kw_over | R::kw_weight | R::kw_instances => true,
        R::kw_of | R::kw_within | R::kw_cells | R::kw_near | R::kw_at | R::kw_apart | R::kw_from => true,
        R::kw_spread | R::kw_max_skew | R::kw_at_least | R::kw_exclusive | R::kw_survive | R::kw_pool => true,
        R::kw_label | R::kw_if | R::kw_then | R::kw_else | R::kw_in | R::raw_block | R::EOI => true,
        _ => false,
    }
}
