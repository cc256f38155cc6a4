//! Documents as trees with places: what the readers of the inventory and of the project file share.
//!
//! A reader turns YAML or TOML into a [`Tree`], in which every key and value knows its [`Span`].
//! `record!` then describes what a document may hold: from one description come the reader, which
//! reports every mistake and goes on, and the JSON Schema for editors, so that they cannot disagree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::diag::{Code, Diagnostic, suggestion};
use crate::source::{SourceFile, Span};

mod record;

pub use record::{Fields, FromTree};
pub(crate) use record::{record, words};

/// A value and the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// One node of a document.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The place of a scalar; of a list or map its bracket or first child, so that an error about
    /// the whole points at one line.
    pub span: Span,
    /// What stands there.
    pub value: Value,
}

/// What stands at a node.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing: in YAML an empty value or `null`.
    Null,
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Tree>),
    /// A map in the order of the text; the reader has refused duplicate keys.
    Map(Vec<(At<String>, Tree)>),
}

/// A single value as it is written, and what the notation takes it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub text: String,
    /// Its kind.
    pub kind: Kind,
}

/// What the notation takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction or exponent.
    Float,
    /// A text.
    Text,
    /// A date or time (TOML only).
    Time,
}

/// A map with keys of the user's choice, in the order of the text.
#[derive(Debug, Clone)]
pub struct Entries<T>(pub Vec<(At<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

/// So many problems are kept of one document; of the rest only the number is told.
pub const MAX_PROBLEMS: usize = 100;

/// Gathers the problems of one document.
pub struct Reader<'s> {
    /// The code of a mistake in the shape of the document.
    pub code: Code,
    /// The document.
    pub file: &'s SourceFile,
    problems: Vec<Diagnostic>,
    dropped: usize,
}

impl<'s> Reader<'s> {
    /// A reader that has found nothing yet.
    pub fn new(code: Code, file: &'s SourceFile) -> Self {
        Reader { code, file, problems: Vec::new(), dropped: 0 }
    }

    /// Adds a problem. It is built only while there is room, so that a hostile document cannot
    /// make a million of them.
    pub fn report(&mut self, problem: impl FnOnce(Code) -> Diagnostic) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = problem(self.code);
            self.problems.push(problem);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether nothing was reported.
    pub fn sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// The problems, sorted by place.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.problems.sort_by_key(Diagnostic::span);
        if self.dropped > 0 {
            let last = Span::new(self.file.span().hi, self.file.span().hi);
            self.problems.push(Diagnostic::new(
                self.code,
                last,
                format!("{} more problems in this file", self.dropped),
            ));
        }
        self.problems
    }

    /// The place of a part of a scalar, by byte offsets in its text. Where escapes or line breaks
    /// make text and source differ it is the whole scalar.
    pub fn within(&self, scalar: &At<String>, lo: usize, hi: usize) -> Span {
        let start = (scalar.span.lo - self.file.start) as usize;
        let end = (scalar.span.hi - self.file.start) as usize;
        let source = self.file.text.get(start..end).unwrap_or("");
        let quote = usize::from(source.starts_with(['"', '\'']));
        let same = source.get(quote..quote + scalar.value.len()) == Some(scalar.value.as_str());
        if !same || lo > hi || hi > scalar.value.len() {
            return scalar.span;
        }
        let base = scalar.span.lo + quote as u32;
        Span::new(base + lo as u32, base + hi as u32)
    }
}

/// A text for a message: in backticks, control characters escaped, cut when long.
pub fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    let short = short.replace("\\'", "'").replace("\\\"", "\"");
    if text.chars().nth(60).is_some() { format!("`{short}…`") } else { format!("`{short}`") }
}

impl Tree {
    /// The value of a key of a map, unless it is empty.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        let found = self.entries().iter().find(|(k, _)| k.value == key);
        found.map(|(_, value)| value).filter(|value| !matches!(value.value, Value::Null))
    }

    /// The value at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(At<String>, Tree)] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The elements of a list; none of anything else.
    pub fn items(&self) -> &[Tree] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// A single value as it is written, of whatever kind.
    pub fn text(&self) -> Option<At<String>> {
        let Value::Scalar(scalar) = &self.value else { return None };
        Some(At { value: scalar.text.clone(), span: self.span })
    }

    /// The kind of this node in a few words.
    pub fn described(&self) -> Cow<'static, str> {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
            Value::Scalar(Scalar { kind: Kind::Text, text }) => format!("the text {}", shown(text)).into(),
            Value::Scalar(Scalar { kind: Kind::Time, text }) => format!("the time {}", shown(text)).into(),
            Value::Scalar(Scalar { kind: Kind::Bool, text }) => shown(text).into(),
            Value::Scalar(Scalar { text, .. }) => format!("the number {}", shown(text)).into(),
        }
    }
}

/// The keys of a map that occur again: the earlier place and the later one.
pub fn repeated_keys(entries: &[(At<String>, Tree)]) -> Vec<(Span, &At<String>)> {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let mut repeated = Vec::new();
    for (key, _) in entries {
        match seen.get(key.value.as_str()) {
            Some(first) => repeated.push((*first, key)),
            None => {
                seen.insert(&key.value, key.span);
            }
        }
    }
    repeated
}

/// A value of another kind than wanted.
pub fn wrong_type(code: Code, tree: &Tree, expected: &str) -> Diagnostic {
    let problem = Diagnostic::new(code, tree.span, format!("expected {expected}, found {}", tree.described()));
    match &tree.value {
        Value::Scalar(Scalar { text, kind: Kind::Bool | Kind::Int | Kind::Float | Kind::Time })
            if expected.starts_with("a text") =>
        {
            problem.help(format!("write it in quotes: \"{}\"", shown(text).trim_matches('`')))
        }
        Value::Scalar(Scalar { kind: Kind::Text, .. }) if expected == "`true` or `false`" => {
            problem.help("write `true` or `false`, without quotes")
        }
        _ => problem,
    }
}

/// A key that means nothing here.
pub fn unknown_key(code: Code, what: &str, key: &At<String>, known: &[&str]) -> Diagnostic {
    let problem = Diagnostic::new(code, key.span, format!("{what} has no field {}", shown(&key.value)));
    match suggestion(&key.value, known) {
        Some(help) => problem.help(help),
        None => problem.help(format!("known here: {}", known.join(", "))),
    }
}

/// A required key that is absent.
pub fn missing_key(code: Code, what: &str, span: Span, key: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("{what} has no `{key}`")).help(format!("add `{key}`"))
}

/// A key that stands twice in one map.
pub fn duplicate_key(code: Code, first: Span, key: &At<String>) -> Diagnostic {
    Diagnostic::new(code, key.span, format!("the key {} stands twice in one map", shown(&key.value)))
        .here("again here")
        .label(first, "first here")
        .help("remove one of them")
}

/// A word that is not among those allowed here.
pub fn unknown_word(code: Code, what: &str, word: &At<String>, known: &[&str]) -> Diagnostic {
    let problem = Diagnostic::new(code, word.span, format!("unknown {what} {}", shown(&word.value)));
    match suggestion(&word.value, known) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
