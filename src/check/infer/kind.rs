//! What is known of a value before it is evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::resolve::vocabulary::{FieldKind, role_field};
use crate::resolve::{DefId, Type};
use crate::syntax::Ident;

/// The most kinds inside one kind; what is larger is forgotten. Keeps every walk over a kind short.
const MOST_INSIDE: usize = 256;
/// The most texts that are remembered of a value.
const MOST_WORDS: usize = 32;

/// The kind of a value: which variant of [`super::super::value::Value`] it will be. Every kind but
/// [`Kind::Any`] leaves open whether there is a value at all.
#[derive(Clone, PartialEq)]
pub(super) enum Kind {
    /// Nothing is known.
    Any,
    Bool,
    Int,
    Float,
    /// A text that is known when compiled; one of these, where they are known.
    Str(Option<Rc<[String]>>),
    /// A text that the running pod completes.
    Runtime,
    /// A text of either sort.
    Text,
    Quantity,
    Duration,
    Percent,
    Ratio,
    Range,
    List(Rc<Kind>),
    Map(Rc<Kind>),
    /// A map that has no keys but these.
    Record(Rc<BTreeMap<String, Kind>>),
    /// A role; with its declaration where that is known.
    Role(Option<Rc<KnownRole>>),
    Instance,
    /// A group; with its declaration where that is known.
    Group(Option<DefId>),
    Model,
    Env,
    Metric,
    Claim,
    /// A map field of a role.
    Fields(&'static str),
    Ports,
}

/// A role whose declaration is known.
#[derive(PartialEq)]
pub(super) struct KnownRole {
    pub name: Ident,
    /// All templates that it is made from.
    pub templates: BTreeSet<DefId>,
}

impl Kind {
    /// The kind of a text of which nothing else is known.
    pub const STR: Kind = Kind::Str(None);

    pub fn list(element: Kind) -> Kind {
        Kind::List(Rc::new(if element.size() < MOST_INSIDE { element } else { Kind::Any }))
    }

    pub fn map(element: Kind) -> Kind {
        Kind::Map(Rc::new(if element.size() < MOST_INSIDE { element } else { Kind::Any }))
    }

    pub fn record(fields: BTreeMap<String, Kind>) -> Kind {
        let size = fields.values().fold(0, |sum: usize, k| sum.saturating_add(k.size()));
        if size < MOST_INSIDE { Kind::Record(Rc::new(fields)) } else { Kind::map(Kind::Any) }
    }

    pub fn word(text: &str) -> Kind {
        Kind::Str(Some(Rc::from([text.to_owned()])))
    }

    /// The kind of the values that a type admits, once they are converted to it.
    pub fn of(ty: &Type) -> Kind {
        match ty {
            Type::Any => Kind::Any,
            Type::Int | Type::Port => Kind::Int,
            Type::Float => Kind::Float,
            Type::Bool => Kind::Bool,
            Type::String | Type::Image | Type::Level | Type::Link => Kind::STR,
            Type::Union(words) if words.len() <= MOST_WORDS => Kind::Str(Some(Rc::from(words.as_slice()))),
            Type::Union(_) => Kind::STR,
            Type::Quantity => Kind::Quantity,
            Type::Duration => Kind::Duration,
            Type::Percent => Kind::Percent,
            Type::Ratio => Kind::Ratio,
            Type::Range => Kind::Range,
            Type::Model => Kind::Model,
            Type::Runtime => Kind::Text,
            Type::List(element) => Kind::list(Kind::of(element)),
            Type::Map(element) => Kind::map(Kind::of(element)),
            Type::Record(fields) => Kind::record(fields.iter().map(|f| (f.name.clone(), Kind::of(&f.ty))).collect()),
            Type::Role(_) => Kind::Role(None),
            Type::Group => Kind::Group(None),
        }
    }

    /// What reading a field of a role gives.
    pub fn of_field(name: &'static str) -> Kind {
        let Some(field) = role_field(name) else { return Kind::Any };
        match field.kind {
            FieldKind::Int(_) => Kind::Int,
            FieldKind::Range => Kind::Range,
            FieldKind::Bool => Kind::Bool,
            FieldKind::Text | FieldKind::Image | FieldKind::Word(_) => Kind::STR,
            FieldKind::Quantity => Kind::Quantity,
            FieldKind::Duration => Kind::Duration,
            FieldKind::Texts => Kind::list(Kind::STR),
            FieldKind::RuntimeTexts => Kind::list(Kind::Any),
            FieldKind::Maps => Kind::list(Kind::map(Kind::Any)),
            FieldKind::RuntimeMap
            | FieldKind::Options(_)
            | FieldKind::TextMap
            | FieldKind::QuantityMap
            | FieldKind::PodSpec => Kind::Fields(field.name),
            FieldKind::Ports => Kind::Ports,
            FieldKind::Later => Kind::Any,
        }
    }

    /// What reading a key of a map field of a role gives.
    pub fn of_entry(field: &str) -> Kind {
        match role_field(field).map(|f| f.kind) {
            Some(FieldKind::TextMap) => Kind::STR,
            Some(FieldKind::QuantityMap) => Kind::Quantity,
            _ => Kind::Any,
        }
    }

    /// A map field of a role as an ordinary map.
    pub fn forced(self) -> Kind {
        match self {
            Kind::Fields(field) => Kind::map(Kind::of_entry(field)),
            other => other,
        }
    }

    /// The kind in the words of [`super::super::value::Value::kind`].
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Any => "a value",
            Kind::Bool => "a Bool",
            Kind::Int => "an Int",
            Kind::Float => "a Float",
            Kind::Str(_) | Kind::Text => "a String",
            Kind::Runtime => super::super::mistakes::RUNTIME,
            Kind::Quantity => "a Quantity",
            Kind::Duration => "a Duration",
            Kind::Percent => "a Percent",
            Kind::Ratio => "a Ratio",
            Kind::Range => "a Range",
            Kind::List(_) => "a List",
            Kind::Map(_) | Kind::Record(_) | Kind::Fields(_) => "a Map",
            Kind::Role(_) => "a Role",
            Kind::Instance => "an instance of a role",
            Kind::Group(_) => "a Group",
            Kind::Model => "a Model",
            Kind::Env => "a reference to a Secret or ConfigMap",
            Kind::Metric => "a metric",
            Kind::Claim => "a claim",
            Kind::Ports => "the ports of a role",
        }
    }

    /// Whether it may be a map.
    pub fn is_map(&self) -> bool {
        matches!(self, Kind::Any | Kind::Map(_) | Kind::Record(_) | Kind::Fields(_))
    }

    /// Whether a text can be made of it by interpolation. Yes when nothing is known.
    pub fn in_text(&self) -> bool {
        match self {
            Kind::Any
            | Kind::Bool
            | Kind::Int
            | Kind::Float
            | Kind::Str(_)
            | Kind::Runtime
            | Kind::Text
            | Kind::Quantity
            | Kind::Duration
            | Kind::Percent
            | Kind::Ratio
            | Kind::Range => true,
            Kind::List(_)
            | Kind::Map(_)
            | Kind::Record(_)
            | Kind::Role(_)
            | Kind::Instance
            | Kind::Group(_)
            | Kind::Model
            | Kind::Env
            | Kind::Metric
            | Kind::Claim
            | Kind::Fields(_)
            | Kind::Ports => false,
        }
    }

    /// What is known of a value that is one or the other.
    pub fn join(self, other: Kind) -> Kind {
        match (self, other) {
            (a, b) if a == b => a,
            (Kind::Str(a), Kind::Str(b)) => Kind::Str(both(a, b)),
            (Kind::Str(_) | Kind::Runtime | Kind::Text, Kind::Str(_) | Kind::Runtime | Kind::Text) => Kind::Text,
            (Kind::List(a), Kind::List(b)) => Kind::list((*a).clone().join((*b).clone())),
            (Kind::Role(_), Kind::Role(_)) => Kind::Role(None),
            (Kind::Group(_), Kind::Group(_)) => Kind::Group(None),
            (Kind::Fields(_) | Kind::Map(_) | Kind::Record(_), Kind::Fields(_) | Kind::Map(_) | Kind::Record(_)) => {
                Kind::map(Kind::Any)
            }
            _ => Kind::Any,
        }
    }

    /// Number of kinds in it, itself included.
    fn size(&self) -> usize {
        match self {
            Kind::List(element) | Kind::Map(element) => element.size().saturating_add(1),
            Kind::Record(fields) => fields.values().fold(1, |sum: usize, k| sum.saturating_add(k.size())),
            _ => 1,
        }
    }
}

/// The texts of two values, as long as they are few.
fn both(a: Option<Rc<[String]>>, b: Option<Rc<[String]>>) -> Option<Rc<[String]>> {
    let (a, b) = (a?, b?);
    if a.len() + b.len() > MOST_WORDS {
        return None;
    }
    let words: BTreeSet<&String> = a.iter().chain(b.iter()).collect();
    Some(words.into_iter().cloned().collect())
}
