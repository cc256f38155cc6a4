//! TOML text to a [`Tree`]: the only place that knows TOML.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diag::{Code, Diagnostic};
use crate::source::{SourceFile, Span};
use crate::tree::{At, Kind, Reader, Scalar, Tree, Value};

/// Reads the reader's file. Every mistake of syntax is reported; `None` when there was any.
pub fn parse(reader: &mut Reader<'_>) -> Option<Tree> {
    let file = reader.file;
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let span = place(file, error.span().unwrap_or(0..0));
        reader.report(|code| syntax(code, span, error.message()));
    }
    errors.is_empty().then(|| {
        let value = entries(file, table.into_inner());
        Tree { span: Span::new(file.start, file.start), value }
    })
}

fn place(file: &SourceFile, range: Range<usize>) -> Span {
    Span::new(file.start + range.start as u32, file.start + range.end as u32)
}

fn entries(file: &SourceFile, table: DeTable<'_>) -> Value {
    let mut entries: Vec<(At<String>, Tree)> = Vec::new();
    for (key, value) in table {
        let key = At { span: place(file, key.span()), value: key.into_inner().into_owned() };
        let span = match value.get_ref() {
            // The range of a table may begin at its header or be empty: its key is what people look for.
            DeValue::Table(_) => key.span,
            _ => place(file, value.span()),
        };
        entries.push((key, tree(file, span, value.into_inner())));
    }
    // The parser sorts tables by key; problems follow the text.
    entries.sort_by_key(|(key, _)| key.span);
    Value::Map(entries)
}

fn tree(file: &SourceFile, span: Span, value: DeValue<'_>) -> Tree {
    let scalar = |text: String, kind| Value::Scalar(Scalar { text, kind });
    let value = match value {
        DeValue::String(text) => scalar(text.into_owned(), Kind::Text),
        DeValue::Integer(number) => scalar(decimal(number.as_str(), number.radix()), Kind::Int),
        DeValue::Float(number) => scalar(number.as_str().to_owned(), Kind::Float),
        DeValue::Boolean(truth) => scalar(truth.to_string(), Kind::Bool),
        DeValue::Datetime(time) => scalar(time.to_string(), Kind::Time),
        DeValue::Array(items) => {
            let item = |item: toml::Spanned<DeValue<'_>>| tree(file, place(file, item.span()), item.into_inner());
            Value::List(items.into_iter().map(item).collect())
        }
        DeValue::Table(table) => entries(file, table),
    };
    Tree { span, value }
}

/// The parser keeps the digits as they are written.
fn decimal(digits: &str, radix: u32) -> String {
    i64::from_str_radix(digits, radix).map_or_else(|_| digits.to_owned(), |number| number.to_string())
}

fn syntax(code: Code, span: Span, message: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("this is not TOML: {message}"))
}
