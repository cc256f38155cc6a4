//! Built-in functions of texts and numbers, and values as documents.

use std::borrow::Cow;

use super::builtins::{glob, quantity_of};
use super::mistakes;
use super::state::Checker;
use super::value::Value;
use crate::data::{Data, Map};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

impl Checker<'_, '_, '_> {
    /// Functions whose first argument is a text.
    pub fn text_function(&mut self, name: &str, args: &[(Value, Span)], span: Span) -> Value {
        let mut texts = Vec::new();
        for (value, at) in args {
            match value {
                Value::Str(text) => texts.push(text.to_string()),
                Value::Int(n) if name == "indent" => texts.push(n.to_string()),
                other => return self.wrong("String", other, *at),
            }
        }
        let text = texts.first().map_or("", String::as_str);
        let second = texts.get(1).map_or("", String::as_str);
        let third = texts.get(2).map_or("", String::as_str);
        if !self.burn(text.len() as u64 / 16, span) {
            return Value::Error;
        }
        match name {
            "lower" => Value::str(text.to_lowercase()),
            "upper" => Value::str(text.to_uppercase()),
            "starts-with" => Value::Bool(text.starts_with(second)),
            "ends-with" => Value::Bool(text.ends_with(second)),
            "matches" => {
                if !self.burn((text.len() as u64).saturating_mul(second.len() as u64) / 16, span) {
                    return Value::Error;
                }
                Value::Bool(glob(text, second))
            }
            "split" if second.is_empty() => {
                self.report(Diagnostic::new(Code::BadArguments, span, "the separator is empty"));
                Value::Error
            }
            "split" => {
                if text.len() > super::expr::MAX_ELEMENTS && text.matches(second).count() >= super::expr::MAX_ELEMENTS {
                    return self.too_many(span);
                }
                Value::list(text.split(second).map(Value::str).collect())
            }
            "replace" => self.replaced(text, second, third, span),
            "indent" => self.indented(text, second, span),
            _ => Value::Error,
        }
    }

    fn replaced(&mut self, text: &str, from: &str, to: &str, span: Span) -> Value {
        if from.is_empty() {
            self.report(Diagnostic::new(Code::BadArguments, span, "the text to be replaced is empty"));
            return Value::Error;
        }
        let growth = text.matches(from).count().saturating_mul(to.len());
        if !self.text_fits(text.len().saturating_add(growth), span) {
            return Value::Error;
        }
        Value::str(text.replace(from, to))
    }

    fn indented(&mut self, text: &str, by: &str, span: Span) -> Value {
        let Some(by) = by.parse::<usize>().ok().filter(|n| *n <= 100) else {
            self.report(Diagnostic::new(Code::BadArguments, span, "indentation is 0 to 100 spaces"));
            return Value::Error;
        };
        if !self.text_fits(text.len() + text.lines().count() * by, span) {
            return Value::Error;
        }
        Value::str(text.replace('\n', &format!("\n{}", " ".repeat(by))))
    }

    /// `int`, `float`, `quantity` and `string`.
    pub fn number_from(&mut self, name: &str, value: Value, span: Span) -> Value {
        let converted = match (name, &value) {
            ("string", _) => return self.text_pieces(value, span).map_or(Value::Error, Value::text),
            ("quantity", _) => quantity_of(&value).map(Value::Quantity),
            ("int", Value::Int(i)) => Some(Value::Int(*i)),
            ("int", Value::Float(f)) => return self.whole(*f, span),
            ("int", Value::Str(text)) => text.parse().ok().map(Value::Int),
            ("int", Value::Quantity(q)) if q.is_whole() => Some(Value::Int(q.ceil())),
            ("int", Value::Duration(ms)) if ms % 1000 == 0 => Some(Value::Int(ms / 1000)),
            ("float", Value::Float(f)) => Some(Value::Float(*f)),
            ("float", Value::Int(i)) => Some(Value::Float(*i as f64)),
            ("float", Value::Str(text)) => text.parse().ok().filter(|f: &f64| f.is_finite()).map(Value::Float),
            ("float", Value::Quantity(q)) => Some(Value::Float(q.milli as f64 / 1000.0)),
            ("float", Value::Duration(ms)) => Some(Value::Float(*ms as f64 / 1000.0)),
            _ => None,
        };
        converted.unwrap_or_else(|| {
            self.report(mistakes::not_a_number(&value.brief(), name, span));
            Value::Error
        })
    }

    /// A value as JSON on one line or as a YAML document.
    pub fn document(&mut self, value: Value, span: Span, json: bool) -> Value {
        let Some(data) = self.data_of(value, span) else { return Value::Error };
        let text = if json { json_text(&data) } else { crate::yaml::document(&data, None) };
        if self.text_fits(text.len(), span) { Value::str(text) } else { Value::Error }
    }

    /// A value as structured data; quantities and the like become their texts.
    pub fn data_of(&mut self, value: Value, span: Span) -> Option<Data> {
        Some(match self.forced(value) {
            Value::Unset => Data::Null,
            Value::Bool(b) => Data::Bool(b),
            Value::Int(i) => Data::Int(i),
            Value::Float(f) => Data::Float(f),
            Value::List(items) => {
                let items: Option<Vec<Data>> = items.iter().map(|v| self.data_of(v.clone(), span)).collect();
                Data::List(items?)
            }
            Value::Map(map) => {
                let mut out = Map::new();
                for (key, value) in map.iter() {
                    out.set(key.clone(), self.data_of(value.clone(), span)?);
                }
                Data::Map(out)
            }
            other => Data::Str(Cow::Owned(self.known_text(other, span)?)),
        })
    }
}

/// JSON on one line without spaces, keys in the order of the map.
pub(super) fn json_text(data: &Data) -> String {
    match data {
        Data::Null => "null".to_owned(),
        Data::Bool(b) => b.to_string(),
        Data::Int(i) => i.to_string(),
        Data::Float(f) => serde_json::json!(f).to_string(),
        Data::Str(text) => serde_json::json!(text).to_string(),
        Data::List(items) => {
            let parts: Vec<String> = items.iter().map(json_text).collect();
            format!("[{}]", parts.join(","))
        }
        Data::Map(map) => {
            let parts: Vec<String> =
                map.iter().map(|(k, v)| format!("{}:{}", serde_json::json!(k), json_text(v))).collect();
            format!("{{{}}}", parts.join(","))
        }
    }
}
