//! YAML text to a [`Tree`]: the only place that knows YAML.
//!
//! The parser below serde-saphyr gives events with byte ranges; they are stacked here without
//! recursion. YAML is read by the 1.2 core schema. What would make a document say more than it
//! shows is refused: tags, merge keys, keys that are no scalars, a second document. Aliases are
//! allowed, and counted.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{self, ErrorKind, Event, Parser, ScalarStyle};

use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::tree::{At, Kind, Reader, Scalar, Tree, Value, duplicate_key, repeated_keys};

/// The deepest nesting of lists and maps.
const MAX_DEPTH: usize = 32;
/// The most values in a document, those behind aliases counted each time, and a long text as one
/// value for each [`VALUE_BYTES`].
const MAX_VALUES: usize = 4_000_000;
/// So many bytes of a text count as another value.
const VALUE_BYTES: usize = 32;

/// Reads the one document of the reader's file. `None` after a mistake that leaves no tree.
pub fn parse(reader: &mut Reader<'_>) -> Option<Tree> {
    let mut builder = Builder { base: reader.file.start, ..Builder::default() };
    run(&mut builder, reader, &mut |_, _| ())?;
    if builder.root.is_none() {
        reader.report(|code| empty(code, reader.file.span()));
    }
    builder.root
}

/// Visits the documents of the reader's file, one after the other. What a list `items` at the top
/// of a document holds is visited first, element by element, and not kept: lists of Kubernetes are
/// long. `None` after a mistake that ends the reading.
pub fn each(reader: &mut Reader<'_>, visit: &mut dyn FnMut(Tree, &mut Reader<'_>)) -> Option<()> {
    let mut builder = Builder { base: reader.file.start, many: true, ..Builder::default() };
    run(&mut builder, reader, visit)
}

fn run(builder: &mut Builder, reader: &mut Reader<'_>, visit: &mut dyn FnMut(Tree, &mut Reader<'_>)) -> Option<()> {
    let file = reader.file;
    let options = granit_parser::options! { emit_comments: false, max_directive_bytes: 1024 };
    for next in Parser::new_from_str_with_options(&file.text, options) {
        let step = match next {
            Ok((event, span)) => match event.tag() {
                Some(tag) => {
                    let place = builder.span(&span.tag_span().unwrap_or(span));
                    Err(Box::new(tagged(place, &tag.to_string())))
                }
                None => builder.event(event, builder.span(&span), reader),
            },
            Err(error) => {
                let at = file.start + error.marker().byte_offset().unwrap_or(0).min(file.text.len()) as u32;
                let span = Span::new(at, at);
                let deep = matches!(error.kind(), ErrorKind::RecursionLimitExceeded);
                let open =
                    matches!(error.kind(), ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnclosedQuotedScalar);
                let ended = builder.many && (open || at - file.start >= file.text.trim_end().len() as u32);
                Err(Box::new(match (deep, ended) {
                    (true, _) => too_deep(span),
                    (false, true) => truncated(span),
                    (false, false) => syntax(span, &error.info()),
                }))
            }
        };
        if let Err(problem) = step {
            reader.report(|code| Diagnostic { code, ..*problem });
            return None;
        }
        if let Some(tree) = builder.ready.take() {
            visit(tree, reader);
        }
    }
    Some(())
}

/// A list or map that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    values: usize,
    content: Content,
}

enum Content {
    List(Vec<Tree>),
    Map(Vec<(At<String>, Tree)>, Option<At<String>>),
}

#[derive(Default)]
struct Builder {
    base: u32,
    documents: usize,
    values: usize,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Tree, usize)>,
    root: Option<Tree>,
    /// Trees are handed out as soon as they are complete: documents, and elements of `items`.
    many: bool,
    ready: Option<Tree>,
}

type Step = Result<(), Box<Diagnostic>>;

impl Builder {
    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span::new(self.base + range.start as u32, self.base + range.end as u32)
    }

    fn event(&mut self, event: Event<'_>, span: Span, reader: &mut Reader<'_>) -> Step {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 && !self.many { Err(Box::new(second_document(span))) } else { Ok(()) }
            }
            Event::Scalar(text, style, anchor, _) => {
                let size = 1 + text.len() / VALUE_BYTES;
                self.spend(size, span)?;
                let value = scalar(text.into_owned(), style);
                self.finished(Tree { span, value }, anchor, size)
            }
            Event::Alias(anchor) => {
                let Some(values) = self.anchors.get(&anchor).map(|(_, values)| *values) else {
                    return Err(Box::new(recursive_alias(span)));
                };
                self.spend(values, span)?;
                let copy = self.anchors.get(&anchor).map(|(tree, _)| tree.clone());
                copy.map_or(Ok(()), |tree| self.add(tree, values))
            }
            Event::SequenceStart(_, anchor, _) => self.open(span, anchor, Content::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.open(span, anchor, Content::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(reader),
            _ => Ok(()),
        }
    }

    /// Counts values that are about to be kept.
    fn spend(&mut self, values: usize, span: Span) -> Step {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES { Err(Box::new(too_many_values(span))) } else { Ok(()) }
    }

    fn open(&mut self, span: Span, anchor: usize, content: Content) -> Step {
        if self.stack.len() == MAX_DEPTH {
            return Err(Box::new(too_deep(span)));
        }
        self.spend(1, span)?;
        self.stack.push(Open { span, anchor, values: 1, content });
        Ok(())
    }

    fn close(&mut self, reader: &mut Reader<'_>) -> Step {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let (first, value) = match open.content {
            Content::List(items) => (items.first().map(|item| item.span), Value::List(items)),
            Content::Map(entries, _) => {
                for (first, key) in repeated_keys(&entries) {
                    reader.report(|code| duplicate_key(code, first, key));
                }
                (entries.first().map(|(key, _)| key.span), Value::Map(entries))
            }
        };
        // A block collection has no bracket: its first child stands for it.
        let span = if open.span.lo == open.span.hi { first.unwrap_or(open.span) } else { open.span };
        self.finished(Tree { span, value }, open.anchor, open.values)
    }

    /// Takes a value that is complete; `values` counts it with all that is in it.
    fn finished(&mut self, tree: Tree, anchor: usize, values: usize) -> Step {
        if anchor != 0 {
            self.spend(values, tree.span)?;
            self.anchors.insert(anchor, (tree.clone(), values));
        }
        self.add(tree, values)
    }

    /// Whether the next value stands by itself: a document, or an element of its list `items`.
    fn hands_out(&self) -> bool {
        match self.stack.as_slice() {
            [] => true,
            [Open { content: Content::Map(_, Some(key)), .. }, Open { content: Content::List(_), .. }] => {
                key.value == "items"
            }
            _ => false,
        }
    }

    /// Puts a value into the list or map that is open.
    fn add(&mut self, tree: Tree, values: usize) -> Step {
        if self.many && self.hands_out() {
            self.values = self.values.saturating_sub(values);
            self.ready = Some(tree);
            return Ok(());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(tree);
            return Ok(());
        };
        open.values += values;
        match &mut open.content {
            Content::List(items) => items.push(tree),
            Content::Map(_, key @ None) => *key = Some(as_key(tree)?),
            Content::Map(entries, key) => entries.extend(key.take().map(|key| (key, tree))),
        }
        Ok(())
    }
}

fn as_key(tree: Tree) -> Result<At<String>, Box<Diagnostic>> {
    let span = tree.span;
    match tree.value {
        Value::Scalar(Scalar { text, kind: Kind::Text }) if text == "<<" => Err(Box::new(merge_key(span))),
        Value::Scalar(Scalar { text, .. }) => Ok(At { value: text, span }),
        Value::Null | Value::List(_) | Value::Map(_) => Err(Box::new(strange_key(&tree))),
    }
}

/// What a scalar is by the YAML 1.2 core schema.
fn scalar(text: String, style: ScalarStyle) -> Value {
    let plain = matches!(style, ScalarStyle::Plain);
    let kind = match text.as_str() {
        _ if !plain => Kind::Text,
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Bool,
        other if is_int(other) => Kind::Int,
        other if is_float(other) => Kind::Float,
        _ => Kind::Text,
    };
    Value::Scalar(Scalar { text, kind })
}

fn is_int(text: &str) -> bool {
    let all = |digits: &str, legal: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(legal);
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| (b'0'..=b'7').contains(b));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    all(text.strip_prefix(['-', '+']).unwrap_or(text), u8::is_ascii_digit)
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // What Rust reads beyond YAML are words such as `inf`; they hold other letters than `e`.
    unsigned.starts_with(|c: char| c == '.' || c.is_ascii_digit())
        && unsigned.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && unsigned.parse::<f64>().is_ok()
}

fn syntax(span: Span, message: &str) -> Diagnostic {
    let message = message.trim().trim_end_matches('.');
    Diagnostic::new(Code::BadInventory, span, format!("this is not YAML: {message}"))
}

fn truncated(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, span, "this is not complete when the file ends")
        .help("write the file again if it was cut off: the command that made it may have been interrupted")
}

fn empty(code: Code, span: Span) -> Diagnostic {
    Diagnostic::new(code, Span::new(span.lo, span.lo), "the file holds nothing")
        .help("an inventory begins with `apiVersion: rbgc.dev/v1` and `kind: ClusterInventory`")
}

fn tagged(span: Span, tag: &str) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, span, format!("a YAML tag ({}) is not allowed here", crate::tree::shown(tag)))
        .help("remove the tag; quote a value that is meant as text")
}

fn second_document(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, span, "a second document in one inventory")
        .help("one file describes one cluster")
}

fn recursive_alias(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, span, "an alias stands inside its own anchor")
}

fn too_deep(span: Span) -> Diagnostic {
    let message = format!("lists and maps are nested deeper than {MAX_DEPTH}");
    Diagnostic::new(Code::BadInventory, span, message)
}

fn too_many_values(span: Span) -> Diagnostic {
    let message = format!("the file holds more than {MAX_VALUES} values, those behind aliases counted each time");
    Diagnostic::new(Code::BadInventory, span, message).help("describe nodes that are alike by one pool")
}

fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, span, "the merge key `<<` is not allowed here")
        .help("write the keys out, or use an alias for a whole value")
}

fn strange_key(tree: &Tree) -> Diagnostic {
    Diagnostic::new(Code::BadInventory, tree.span, format!("a key must be a text, found {}", tree.described()))
}
