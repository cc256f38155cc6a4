//! From a tree to records: one description gives reader and schema.

use super::{At, Entries, Kind, Reader, Scalar, Tree, Value};
use super::{missing_key, unknown_key, wrong_type};

/// What can be read from a tree.
pub trait FromTree: Sized {
    /// Reads it, reporting every mistake; `None` when there is nothing to go on with.
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self>;
}

impl FromTree for Scalar {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        match tree.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => {
                reader.report(|code| wrong_type(code, &tree, "a single value"));
                None
            }
        }
    }
}

impl FromTree for String {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        match tree.value {
            Value::Scalar(Scalar { text, kind: Kind::Text }) => Some(text),
            _ => {
                reader.report(|code| wrong_type(code, &tree, "a text"));
                None
            }
        }
    }
}

impl FromTree for bool {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        match &tree.value {
            Value::Scalar(Scalar { text, kind: Kind::Bool }) => Some(text.eq_ignore_ascii_case("true")),
            _ => {
                reader.report(|code| wrong_type(code, &tree, "`true` or `false`"));
                None
            }
        }
    }
}

impl FromTree for i64 {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match &tree.value {
            Value::Scalar(Scalar { text, kind: Kind::Int }) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            reader.report(|code| wrong_type(code, &tree, "a whole number"));
        }
        number
    }
}

impl<T: FromTree> FromTree for At<T> {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        let span = tree.span;
        Some(At { value: T::from_tree(tree, reader)?, span })
    }
}

impl<T: FromTree> FromTree for Vec<T> {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        match tree.value {
            Value::List(items) => Some(items.into_iter().filter_map(|item| T::from_tree(item, reader)).collect()),
            _ => {
                reader.report(|code| wrong_type(code, &tree, "a list"));
                None
            }
        }
    }
}

impl<T: FromTree> FromTree for Entries<T> {
    fn from_tree(tree: Tree, reader: &mut Reader<'_>) -> Option<Self> {
        match tree.value {
            Value::Map(entries) => {
                let read = |(key, value)| Some((key, T::from_tree(value, reader)?));
                Some(Entries(entries.into_iter().filter_map(read).collect()))
            }
            _ => {
                reader.report(|code| wrong_type(code, &tree, "a map"));
                None
            }
        }
    }
}

/// The entries of a map whose keys are known.
pub struct Fields {
    what: &'static str,
    /// Where the map stands.
    pub span: crate::source::Span,
    entries: Vec<(At<String>, Tree)>,
}

impl Fields {
    /// Takes a map apart and reports the keys that are not `known`.
    pub fn new(tree: Tree, what: &'static str, known: &[&str], reader: &mut Reader<'_>) -> Option<Self> {
        let Value::Map(entries) = tree.value else {
            reader.report(|code| wrong_type(code, &tree, &format!("a map ({what})")));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.value.as_str())) {
            reader.report(|code| unknown_key(code, what, key, known));
        }
        Some(Fields { what, span: tree.span, entries })
    }

    /// Reads one field. An empty value counts as absent.
    pub fn take<T: FromTree>(&mut self, key: &str, required: bool, reader: &mut Reader<'_>) -> Option<T> {
        let found = self.entries.iter().position(|(k, v)| k.value == key && !matches!(v.value, Value::Null));
        match found {
            Some(index) => T::from_tree(self.entries.swap_remove(index).1, reader),
            None if required => {
                reader.report(|code| missing_key(code, self.what, self.span, key));
                None
            }
            None => None,
        }
    }
}

/// Describes a map with known keys: `record! { /// doc Name "what it is" { /// doc field "key" [required]: Type, … } }`.
///
/// Every field becomes an `Option`: `None` when the key is absent or its value was refused, which
/// then has been reported. `required` keys are reported when they are absent.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident $what:literal {
        $($(#[$about:meta])* $field:ident $key:literal $([$required:ident])? : $type:ty,)*
    }) => {
        #[derive(Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        $(#[$meta])*
        #[allow(dead_code, reason = "reading checks some fields, and nobody needs their values")]
        pub struct $name {
            /// Where the map stands.
            #[schemars(skip)]
            pub span: $crate::source::Span,
            $($(#[$about])* #[schemars(rename = $key $(, $required)?)] pub $field: Option<$type>,)*
        }

        impl $crate::tree::FromTree for $name {
            fn from_tree(tree: $crate::tree::Tree, reader: &mut $crate::tree::Reader<'_>) -> Option<Self> {
                let mut fields = $crate::tree::Fields::new(tree, $what, &[$($key),*], reader)?;
                Some($name {
                    span: fields.span,
                    $($field: fields.take($key, <[&str]>::len(&[$(stringify!($required))?]) == 1, reader),)*
                })
            }
        }
    };
}

/// Describes a closed set of words: `words! { /// doc Name "what it is" { /// doc Variant "word", … } }`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident $what:literal { $($(#[$about:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub enum $name { $($(#[$about])* #[schemars(rename = $word)] $variant,)* }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                match word { $($name::$variant => $word.to_owned(),)* }
            }
        }

        impl $crate::tree::FromTree for $name {
            fn from_tree(tree: $crate::tree::Tree, reader: &mut $crate::tree::Reader<'_>) -> Option<Self> {
                let text = $crate::tree::At::<String>::from_tree(tree, reader)?;
                match text.value.as_str() {
                    $($word => Some($name::$variant),)*
                    _ => {
                        reader.report(|code| $crate::tree::unknown_word(code, $what, &text, &[$($word),*]));
                        None
                    }
                }
            }
        }
    };
}

pub(crate) use {record, words};
