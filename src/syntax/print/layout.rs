//! Where lines break.

use super::nodes::{Element, Group, Node, Piece, PieceKind, Separator, elements, is_forced, keeps_break, spaced};
use crate::syntax::parse::Shape;

/// The longest line that is written if it can be helped, in characters.
const WIDTH: usize = 120;

/// Writes the items of a file.
pub(super) fn write(nodes: &[Node], shape: &Shape) -> String {
    let mut writer = Writer { out: String::new(), column: 0, shape };
    writer.lines(&elements(nodes, Separator::Space, shape), Separator::Space, 0);
    if !writer.out.is_empty() {
        writer.out.push('\n');
    }
    writer.out
}

struct Writer<'s> {
    out: String,
    /// Characters on the current line.
    column: usize,
    shape: &'s Shape,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn newline(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// Elements on lines of their own. Those that share a line stay together if they fit.
    fn lines(&mut self, elements: &[Element], separator: Separator, indent: usize) {
        let mut index = 0;
        while let Some(element) = elements.get(index) {
            match element {
                Element::Comment(comment) if comment.lines == 0 && !self.out.is_empty() => {
                    self.push("  ");
                    self.push(comment.text);
                    index += 1;
                }
                Element::Comment(comment) => {
                    self.begin_line(comment.lines, index == 0, indent);
                    self.push(comment.text);
                    index += 1;
                }
                Element::Item(nodes) => {
                    let run = run(&elements[index..]);
                    let lines = nodes.first().map_or(0, |n| n.first().lines);
                    self.begin_line(lines, index == 0, indent);
                    self.run(&run, separator, indent);
                    index += run.len();
                }
            }
        }
    }

    /// A new line, after at most one blank one, which a block does not begin with.
    fn begin_line(&mut self, lines: usize, first: bool, indent: usize) {
        if self.out.is_empty() {
            return;
        }
        if lines > 1 && !first {
            self.out.push('\n');
        }
        self.newline(indent);
    }

    fn run(&mut self, run: &[&[Node]], separator: Separator, indent: usize) {
        let comma = if separator == Separator::Comma { "," } else { "" };
        if run.len() > 1 {
            let between = if separator == Separator::Comma { ", " } else { "  " };
            let flat: Option<Vec<String>> = run.iter().map(|nodes| self.flat(nodes, WIDTH)).collect();
            let line = flat.map(|parts| parts.join(between) + comma);
            if let Some(line) = line.filter(|line| indent + line.chars().count() <= WIDTH) {
                return self.push(&line);
            }
        }
        for (index, nodes) in run.iter().enumerate() {
            if index > 0 {
                self.newline(indent);
            }
            self.row(nodes, indent, comma.len());
            self.push(comma);
        }
    }

    /// One statement or element, which may take several lines. `after` is the number of characters
    /// that must follow it on its last line.
    fn row(&mut self, nodes: &[Node], indent: usize, after: usize) {
        let mut line_indent = indent;
        let breaks = self.widest_of_long_header(nodes);
        for (index, node) in nodes.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|i| nodes.get(i));
            let next = node.first();
            if let Some(before) = before {
                let own_line = next.kind == PieceKind::Comment && next.lines > 0;
                if before.comment().is_some() || own_line || keeps_break(before.last(), next) {
                    line_indent = indent + 2;
                    self.newline(line_indent);
                } else if next.kind == PieceKind::Comment {
                    self.push("  ");
                } else if spaced(before.last(), next) {
                    self.push(" ");
                }
            }
            match node {
                Node::Leaf(piece) if piece.kind == PieceKind::Lines => self.text_lines(piece, line_indent),
                Node::Leaf(piece) => self.push(piece.text),
                Node::Group(group) => {
                    let rest = &nodes[index + 1..];
                    let after = tail(rest).unwrap_or(after);
                    self.group(group, line_indent, if breaks == Some(index) { WIDTH } else { after });
                }
            }
        }
    }

    /// The brackets that are best broken when what stands before the block of a statement is longer
    /// than a line.
    fn widest_of_long_header(&self, nodes: &[Node]) -> Option<usize> {
        let end = nodes.iter().rposition(|n| matches!(n, Node::Group(g) if g.separator == Separator::Space))?;
        let header = &nodes[..end];
        if is_forced(header) || self.flat(header, WIDTH.saturating_sub(self.column + 2)).is_some() {
            return None;
        }
        let length = |node: &Node| match node {
            Node::Group(group) => self.flat_group(group, usize::MAX / 2).map_or(0, |flat| flat.len()),
            Node::Leaf(_) => 0,
        };
        let widest = (0..end).max_by_key(|index| (length(&header[*index]), std::cmp::Reverse(*index)))?;
        (length(&header[widest]) > 2).then_some(widest)
    }

    fn group(&mut self, group: &Group, indent: usize, after: usize) {
        let room = WIDTH.saturating_sub(self.column + after);
        if !group.forced
            && let Some(flat) = self.flat_group(group, room)
        {
            return self.push(&flat);
        }
        let elements = elements(&group.inner, group.separator, self.shape);
        let hug = group.forced && !group.broken && group.separator != Separator::Space;
        self.push(group.open.text);
        if hug {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    self.push(", ");
                }
                if let Element::Item(nodes) = element {
                    self.row(nodes, indent, 1);
                }
            }
        } else {
            self.lines(&elements, group.separator, indent + 2);
            self.newline(indent);
        }
        self.push(group.close.text);
    }

    /// A row on one line, if it can be and is no longer than this.
    fn flat(&self, nodes: &[Node], room: usize) -> Option<String> {
        if is_forced(nodes) {
            return None;
        }
        let mut out = String::new();
        for (index, node) in nodes.iter().enumerate() {
            if index > 0 && spaced(nodes[index - 1].last(), node.first()) {
                out.push(' ');
            }
            match node {
                Node::Leaf(piece) => out.push_str(piece.text),
                Node::Group(group) => out.push_str(&self.flat_group(group, room.checked_sub(out.len())?)?),
            }
            if out.len() > room && out.chars().count() > room {
                return None;
            }
        }
        Some(out)
    }

    fn flat_group(&self, group: &Group, room: usize) -> Option<String> {
        let mut parts = Vec::new();
        let mut length = 2;
        for element in elements(&group.inner, group.separator, self.shape) {
            let Element::Item(nodes) = element else { return None };
            let part = self.flat(nodes, room)?;
            length += part.chars().count() + 2;
            parts.push(part);
            if length > room + 2 {
                return None;
            }
        }
        let inner = match group.separator {
            Separator::Space => parts.join("  "),
            Separator::Comma | Separator::None => parts.join(", "),
        };
        let (open, close) = (group.open.text, group.close.text);
        let out = if open == "{" && !inner.is_empty() {
            format!("{open} {inner} {close}")
        } else {
            format!("{open}{inner}{close}")
        };
        (out.chars().count() <= room).then_some(out)
    }

    /// A string of several lines. A `"""` block moves with its statement: its closing quotes, and
    /// so its lines, stand under the statement or one step further in, as the author chose.
    fn text_lines(&mut self, piece: &Piece, indent: usize) {
        let lines: Vec<&str> = piece.text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
        let closing = lines.last().copied().unwrap_or("");
        let old = &closing[..closing.len() - closing.trim_start_matches([' ', '\t']).len()];
        let block = piece.text.starts_with("\"\"\"") && closing.len() == old.len() + 3;
        if !block {
            self.out.push_str(piece.text);
            self.column = closing.chars().count();
            return;
        }
        let new = if old.len() > piece.indent { indent + 2 } else { indent };
        for (index, line) in lines.iter().enumerate() {
            if index == 0 {
                self.push(line.trim_end_matches([' ', '\t']));
                continue;
            }
            match line.strip_prefix(old) {
                Some("") | None => self.out.push('\n'),
                Some(rest) => {
                    self.newline(new);
                    self.push(rest);
                }
            }
        }
    }
}

/// The items that share a line with the first one.
fn run<'n, 't>(elements: &[Element<'n, 't>]) -> Vec<&'n [Node<'t>]> {
    let mut run = Vec::new();
    for element in elements {
        match element {
            Element::Item(nodes) if run.is_empty() || nodes.first().is_some_and(|n| n.first().lines == 0) => {
                run.push(*nodes);
            }
            _ => break,
        }
    }
    run
}

/// How many characters must follow on the line: up to the next place where it can break. `None`
/// when nothing follows in the row.
fn tail(nodes: &[Node]) -> Option<usize> {
    let mut length = 0;
    let mut last: Option<&Node> = None;
    for node in nodes {
        length += usize::from(last.is_none_or(|before| spaced(before.last(), node.first())));
        match node {
            Node::Group(_) => return Some(length + 1),
            Node::Leaf(piece) if matches!(piece.kind, PieceKind::Comment | PieceKind::Lines) => break,
            Node::Leaf(piece) if last.is_some_and(|before| keeps_break(before.last(), piece)) => break,
            Node::Leaf(piece) => length += piece.text.chars().count(),
        }
        last = Some(node);
    }
    last.map(|_| length)
}
