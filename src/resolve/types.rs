//! Types with their names resolved.

use std::fmt;

use super::{Binding, DefId, Program};
use crate::syntax;

/// A type of the language.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Anything: where inference knows nothing.
    Any,
    /// A whole number of 64 bits.
    Int,
    /// A number with a fraction.
    Float,
    /// `true` or `false`.
    Bool,
    /// A text.
    String,
    /// `80Gi`; a whole number is one.
    Quantity,
    /// `30s`.
    Duration,
    /// `25%`.
    Percent,
    /// `1:2`.
    Ratio,
    /// `1..4`; a whole number is one.
    Range,
    /// A container image: a text with a name and a tag or digest.
    Image,
    /// A port number.
    Port,
    /// A model; a text is one.
    Model,
    /// A topology level, by name.
    Level,
    /// A kind of link, by name.
    Link,
    /// A text that the running pod completes; every text is one.
    Runtime,
    /// One of these texts.
    Union(Vec<String>),
    /// A list.
    List(Box<Type>),
    /// A map with text keys.
    Map(Box<Type>),
    /// A map with these keys.
    Record(Vec<RecordField>),
    /// A role; with a template, one made from it or from one built on it.
    Role(Option<(DefId, String)>),
    /// A group.
    Group,
}

/// A field of a record type.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordField {
    /// Its key.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// What it is when it is left out: a literal. Without one it is required.
    pub default: Option<syntax::Expr>,
}

/// Names of the types that take no arguments.
pub const PLAIN: &[(&str, Type)] = &[
    ("Any", Type::Any),
    ("Int", Type::Int),
    ("Float", Type::Float),
    ("Bool", Type::Bool),
    ("String", Type::String),
    ("Quantity", Type::Quantity),
    ("Duration", Type::Duration),
    ("Percent", Type::Percent),
    ("Ratio", Type::Ratio),
    ("Range", Type::Range),
    ("Image", Type::Image),
    ("Port", Type::Port),
    ("Model", Type::Model),
    ("Level", Type::Level),
    ("Link", Type::Link),
    ("Runtime", Type::Runtime),
    ("Group", Type::Group),
    ("Role", Type::Role(None)),
];

/// Names of the types that take one argument, besides `Role`.
pub const GENERIC: &[&str] = &["List", "Map"];

impl Type {
    /// The type that a source wrote. What is unknown was reported and becomes [`Type::Any`].
    pub fn of(program: &Program, ty: &syntax::Type) -> Type {
        match &ty.kind {
            syntax::TypeKind::Literal(text) => Type::Union(vec![text.clone()]),
            syntax::TypeKind::Union(parts) => Type::union(parts.iter().map(|p| Type::of(program, p)).collect()),
            syntax::TypeKind::Record(fields) => Type::Record(
                fields
                    .iter()
                    .map(|f| RecordField {
                        name: f.name.name.clone(),
                        ty: Type::of(program, &f.ty),
                        default: f.default.clone(),
                    })
                    .collect(),
            ),
            syntax::TypeKind::Named { path, arguments } => Type::named(program, path, arguments),
        }
    }

    fn union(parts: Vec<Type>) -> Type {
        let mut words = Vec::new();
        for part in parts {
            match part {
                Type::Union(texts) => words.extend(texts),
                _ => return Type::Any,
            }
        }
        Type::Union(words)
    }

    fn named(program: &Program, path: &[syntax::Ident], arguments: &[syntax::Type]) -> Type {
        let [name] = path else { return template_at(program, path).map_or(Type::Any, |t| Type::Role(Some(t))) };
        let argument = || arguments.first().map_or(Type::Any, |a| Type::of(program, a));
        match name.name.as_str() {
            "List" => Type::List(Box::new(argument())),
            "Map" => Type::Map(Box::new(argument())),
            "Role" => Type::Role(arguments.first().and_then(|a| template_of(program, a))),
            plain => match PLAIN.iter().find(|(n, _)| *n == plain) {
                Some((_, ty)) => ty.clone(),
                None => template_at(program, path).map_or(Type::Any, |t| Type::Role(Some(t))),
            },
        }
    }
}

fn template_of(program: &Program, ty: &syntax::Type) -> Option<(DefId, String)> {
    let syntax::TypeKind::Named { path, .. } = &ty.kind else { return None };
    template_at(program, path)
}

fn template_at(program: &Program, path: &[syntax::Ident]) -> Option<(DefId, String)> {
    let last = path.last()?;
    match program.binding(last.span.lo) {
        Some(Binding::Item(def)) => Some((def, last.name.clone())),
        _ => None,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Union(words) => {
                let quoted: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
                f.write_str(&quoted.join(" | "))
            }
            Type::List(element) => write!(f, "List<{element}>"),
            Type::Map(element) => write!(f, "Map<{element}>"),
            Type::Record(fields) => {
                let parts: Vec<String> = fields.iter().map(|r| format!("{}: {}", r.name, r.ty)).collect();
                write!(f, "{{ {} }}", parts.join("  "))
            }
            Type::Role(Some((_, name))) => write!(f, "Role<{name}>"),
            plain => f.write_str(PLAIN.iter().find(|(_, t)| t == plain).map_or("Any", |(n, _)| n)),
        }
    }
}
