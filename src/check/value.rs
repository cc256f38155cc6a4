//! Values of the language while it is evaluated.

use std::sync::Arc;

use indexmap::IndexMap;

use super::state::{GroupIx, View};
use super::{EnvValue, Metric, Piece, RuntimeText};
use crate::quantity::Quantity;

/// A map of the language: in the order of writing.
pub(super) type ValueMap = IndexMap<String, Value>;

/// A value. Copies are cheap.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// No value.
    Unset,
    /// A mistake was reported where this came from; nothing more is said about it.
    Error,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    /// A text that the running pod completes; has at least one piece that is not text.
    Runtime(Arc<RuntimeText>),
    Quantity(Quantity),
    /// Milliseconds.
    Duration(i64),
    /// The number before the sign.
    Percent(f64),
    Ratio(u32, u32),
    Range(i64, i64),
    List(Arc<Vec<Value>>),
    Map(Arc<ValueMap>),
    /// A role, seen from outside: its first part.
    Role(View),
    /// One instance of a role.
    Instance(View, u32),
    Group(GroupIx),
    Model(Arc<ModelValue>),
    /// From `secret(…)` or `config(…)`.
    Env(Arc<EnvValue>),
    Metric(Arc<Metric>),
    /// From `claim(…)`: a PersistentVolumeClaim that exists, and whether it is mounted read-only.
    Claim(Arc<str>, bool),
    /// A map field of a role, looked up key by key.
    Fields(View, &'static str),
    /// The ports of a role.
    Ports(View),
}

/// A model from `model(…)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelValue {
    pub name: String,
    pub claim: Option<String>,
    pub path: String,
}

impl Value {
    pub fn str(text: impl AsRef<str>) -> Value {
        Value::Str(Arc::from(text.as_ref()))
    }

    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(items))
    }

    pub fn map(map: ValueMap) -> Value {
        Value::Map(Arc::new(map))
    }

    /// A text with pieces of the running pod, or a plain one when there are none.
    pub fn text(pieces: Vec<Piece>) -> Value {
        let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(after)) => before.push_str(&after),
                (_, piece) => joined.push(piece),
            }
        }
        match joined.as_slice() {
            [] => Value::str(""),
            [Piece::Text(only)] => Value::str(only),
            _ => Value::Runtime(Arc::new(RuntimeText(joined))),
        }
    }

    /// The pieces of a text; `None` for anything else.
    pub fn pieces(&self) -> Option<Vec<Piece>> {
        match self {
            Value::Str(text) => Some(vec![Piece::Text(text.to_string())]),
            Value::Runtime(text) => Some(text.0.clone()),
            _ => None,
        }
    }

    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error)
    }

    /// The kind of value, for messages: `a String`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Unset => "unset",
            Value::Error => "an error",
            Value::Bool(_) => "a Bool",
            Value::Int(_) => "an Int",
            Value::Float(_) => "a Float",
            Value::Str(_) => "a String",
            Value::Runtime(_) => "a value of the running pod",
            Value::Quantity(_) => "a Quantity",
            Value::Duration(_) => "a Duration",
            Value::Percent(_) => "a Percent",
            Value::Ratio(..) => "a Ratio",
            Value::Range(..) => "a Range",
            Value::List(_) => "a List",
            Value::Map(_) | Value::Fields(..) => "a Map",
            Value::Role(_) => "a Role",
            Value::Instance(..) => "an instance of a role",
            Value::Group(_) => "a Group",
            Value::Model(_) => "a Model",
            Value::Env(_) => "a reference to a Secret or ConfigMap",
            Value::Metric(_) => "a metric",
            Value::Claim(..) => "a claim",
            Value::Ports(_) => "the ports of a role",
        }
    }

    /// The value as a person would write it in a text; `None` for what has no such form.
    pub fn shown(&self) -> Option<String> {
        Some(match self {
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => f.to_string(),
            Value::Str(text) => text.to_string(),
            Value::Quantity(q) => q.to_string(),
            Value::Duration(ms) => duration_text(*ms),
            Value::Percent(p) => format!("{p}%"),
            Value::Ratio(a, b) => format!("{a}:{b}"),
            Value::Range(a, b) if a == b => a.to_string(),
            Value::Range(a, b) => format!("{a}..{b}"),
            _ => return None,
        })
    }

    /// The value for messages, cut when long.
    pub fn brief(&self) -> String {
        let text = match self {
            Value::Str(text) => format!("\"{text}\""),
            Value::List(items) => {
                let parts: Vec<String> = items.iter().take(4).map(Value::brief).collect();
                let more = if items.len() > 4 { ", …" } else { "" };
                format!("[{}{more}]", parts.join(", "))
            }
            other => other.shown().unwrap_or_else(|| other.kind().to_owned()),
        };
        if text.chars().count() > 60 { text.chars().take(57).collect::<String>() + "…" } else { text }
    }
}

/// A time with its largest whole unit.
pub(super) fn duration_text(ms: i64) -> String {
    for (unit, size) in [("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
        if ms != 0 && ms % size == 0 {
            return format!("{}{unit}", ms / size);
        }
    }
    if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") }
}
