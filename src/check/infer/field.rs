//! Fields of roles, groups and edges, and the options of statements.

use super::super::Exposure;
use super::super::fields::is_map;
use super::super::mistakes;
use super::Inference;
use super::expr::Entry;
use super::fit::{Texts, literal, misfit};
use super::kind::Kind;
use super::statement::Place;
use crate::resolve::Type;
use crate::resolve::vocabulary::{FieldKind, role_field};
use crate::source::Span;
use crate::syntax::{Expr, ExprKind, Ident, Key, MapBody, MapEntry, StatementKind};

/// What an option or the key of a map field wants.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Int,
    Bool,
    Text,
    Texts,
    Quantity,
    Duration,
    Percent,
    Ratio,
    Metric,
    Word(&'static [&'static str]),
    /// A size, or `true`.
    Empty,
    /// What becomes an argument: a list of texts, of lists of them, or one of either.
    Flag,
    /// What becomes a variable: a text, `secret(…)` or `config(…)`.
    Variable,
    /// Whatever can stand in a text that is known when compiled.
    KnownText,
}

type Options = &'static [(&'static str, Wanted)];

const PORT: Options = &[("protocol", Wanted::Word(&["TCP", "UDP", "SCTP"]))];
const FILE: Options = &[("mode", Wanted::Int), ("restart", Wanted::Bool)];
const MOUNT: Options = &[("read-only", Wanted::Bool), ("sub-path", Wanted::Text)];
const AFTER: Options = &[("wait", Wanted::Bool)];
const PROBE: Options = &[
    ("every", Wanted::Duration),
    ("delay", Wanted::Duration),
    ("timeout", Wanted::Duration),
    ("failures", Wanted::Int),
    ("successes", Wanted::Int),
];
const VOLUME: Options = &[
    ("claim", Wanted::Text),
    ("read-only", Wanted::Bool),
    ("empty", Wanted::Empty),
    ("memory", Wanted::Bool),
    ("config", Wanted::Text),
    ("secret", Wanted::Text),
    ("host", Wanted::Text),
];
const CLAIM: Options = &[
    ("size", Wanted::Quantity),
    ("class", Wanted::Text),
    ("access", Wanted::Word(&["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"])),
];
const AUTOSCALE: Options = &[
    ("activation", Wanted::Quantity),
    ("cooldown", Wanted::Duration),
    ("cpu", Wanted::Percent),
    ("memory", Wanted::Percent),
    ("metric", Wanted::Metric),
    ("stabilization", Wanted::Duration),
];
const SECURITY: Options = &[
    ("user", Wanted::Int),
    ("non-root", Wanted::Bool),
    ("read-only-root", Wanted::Bool),
    ("privileged", Wanted::Bool),
    ("writable", Wanted::Texts),
    ("capabilities", Wanted::Texts),
];
const WARM_UP: Options = &[
    ("command", Wanted::Texts),
    ("cpu", Wanted::Quantity),
    ("deadline", Wanted::Duration),
    ("images", Wanted::Texts),
    ("memory", Wanted::Quantity),
    ("nodes", Wanted::Word(&["planned", "eligible"])),
    ("retries", Wanted::Int),
];
const EXPOSE: Options = &[
    ("type", Wanted::Word(&Exposure::NAMES)),
    ("host", Wanted::Text),
    ("hosts", Wanted::Texts),
    ("path", Wanted::Text),
    ("port", Wanted::Text),
    ("tls", Wanted::Text),
    ("timeout", Wanted::Duration),
    ("weight", Wanted::Int),
    ("picker-port", Wanted::Int),
];
const NETWORK: Options = &[("namespaces", Wanted::Texts), ("blocks", Wanted::Texts), ("ports", Wanted::Texts)];
const METRICS: Options = &[("port", Wanted::Text), ("path", Wanted::Text), ("interval", Wanted::Duration)];
const COORDINATE: Options = &[("ratio", Wanted::Ratio)];

/// The options of a statement.
pub(super) fn known_options(kind: &StatementKind) -> Options {
    match kind {
        StatementKind::Port { .. } => PORT,
        StatementKind::File { .. } => FILE,
        StatementKind::Mount { .. } => MOUNT,
        StatementKind::Probe(_) => PROBE,
        StatementKind::After { .. } => AFTER,
        StatementKind::Volume { keyword, .. } if keyword.name == "claim" => CLAIM,
        StatementKind::Volume { .. } => VOLUME,
        _ => &[],
    }
}

impl<'p> Inference<'p> {
    /// `field = value`.
    pub fn field(&mut self, name: &'p Ident, value: &'p Expr, place: Place) {
        let span = value.span;
        match (place, name.name.as_str()) {
            (Place::Group, "pin") => self.wants(value, Wanted::Word(&["domain", "nodes", "none"]), span),
            (Place::Group, "objective") => self.wants(value, Wanted::Word(&["stability", "locality"]), span),
            (Place::Group, "namespace") | (Place::Edge, "over") => self.wants(value, Wanted::Text, span),
            (Place::Group, "labels" | "annotations") => self.whole_map(value, &|_| Some(Wanted::KnownText)),
            (Place::Edge, "weight") => self.wants(value, Wanted::Int, span),
            (Place::Edge, "revision") => self.wants(value, Wanted::Word(&["same"]), span),
            (Place::Group | Place::Edge, _) => drop(self.infer(value)),
            (Place::Role, _) => self.role_field(name, value),
        }
    }

    fn role_field(&mut self, name: &'p Ident, value: &'p Expr) {
        let Some(field) = role_field(&name.name) else { return drop(self.infer(value)) };
        if is_map(field.kind) {
            return self.whole_map(value, &|key| entry_of(field.kind, field.name, key));
        }
        let before = std::mem::replace(&mut self.inherited, Kind::of_field(field.name));
        match (field.kind, scalar_type(field.kind)) {
            (FieldKind::RuntimeTexts, _) => self.expect_texts(value, "List<Runtime>"),
            (_, Some(ty)) => self.expect(value, &ty, value.span),
            (_, None) => drop(self.infer(value)),
        }
        self.inherited = before;
    }

    /// A map that is assigned as a whole; its entries are reported at the whole value.
    fn whole_map(&mut self, value: &'p Expr, entry_of: &dyn Fn(Option<&str>) -> Option<Wanted>) {
        for leaf in self.leaves(value) {
            match &leaf.kind {
                ExprKind::Unset => {}
                ExprKind::Map(body) => self.entries(body, &mut |inference, key, entry| match (entry, entry_of(key)) {
                    (Entry::Value(inner), Some(wanted)) => inference.wants(inner, wanted, value.span),
                    (Entry::Value(inner), None) => drop(inference.infer(inner)),
                    (Entry::Body(body), _) => drop(inference.map(body)),
                }),
                _ => {
                    let kind = self.infer(leaf);
                    let problem = match entry_of(None) {
                        _ if !kind.is_map() => Some(mistakes::type_mismatch("Map", kind.name(), value.span)),
                        Some(Wanted::Text) => misfit(&kind, &Type::Map(Box::new(Type::String)), None, value.span),
                        Some(Wanted::Quantity) => misfit(&kind, &Type::Map(Box::new(Type::Quantity)), None, value.span),
                        _ => None,
                    };
                    problem.into_iter().for_each(|p| self.report(p));
                }
            }
        }
    }

    /// `field { … }`.
    pub fn map_field(&mut self, name: &'p Ident, body: &'p MapBody, place: Place) {
        let field = match place {
            Place::Role => role_field(&name.name),
            Place::Group | Place::Edge => None,
        };
        let before = std::mem::replace(&mut self.inherited, Kind::Any);
        self.entries(body, &mut |inference, key, entry| {
            let wanted = match (field, place) {
                (Some(field), _) => {
                    inference.inherited = Kind::of_entry(field.name);
                    entry_of(field.kind, field.name, key)
                }
                (None, Place::Group) => Some(Wanted::KnownText),
                (None, _) => None,
            };
            inference.option(wanted, entry);
        });
        self.inherited = before;
    }

    /// One option or key.
    pub fn option(&mut self, wanted: Option<Wanted>, entry: Entry<'p>) {
        match (entry, wanted) {
            (Entry::Value(value), Some(wanted)) => self.wants(value, wanted, value.span),
            (Entry::Value(value), None) => drop(self.infer(value)),
            (Entry::Body(body), wanted) => {
                self.map(body);
                if let Some(wanted) = wanted {
                    self.not_a_map(wanted, body.span);
                }
            }
        }
    }

    /// A block where no map is wanted.
    fn not_a_map(&mut self, wanted: Wanted, span: Span) {
        match wanted {
            Wanted::Flag | Wanted::Variable | Wanted::KnownText => self.report(mistakes::not_in_a_text("a Map", span)),
            // Evaluation does not look at such blocks of options.
            _ => {}
        }
    }

    /// Checks a value against what is wanted of it. Mistakes are reported at `span`.
    pub fn wants(&mut self, value: &'p Expr, wanted: Wanted, span: Span) {
        let ty = match wanted {
            Wanted::Int => Type::Int,
            Wanted::Bool => Type::Bool,
            Wanted::Text => Type::String,
            Wanted::Texts => Type::List(Box::new(Type::String)),
            Wanted::Quantity => Type::Quantity,
            Wanted::Duration => Type::Duration,
            Wanted::Percent => Type::Percent,
            Wanted::Ratio => Type::Ratio,
            Wanted::Word(words) => Type::Union(words.iter().map(|w| (*w).to_owned()).collect()),
            Wanted::Empty | Wanted::Metric | Wanted::Flag | Wanted::Variable => {
                return self.wants_special(value, wanted, span);
            }
            Wanted::KnownText => return self.expect_text(value, Texts::Known, span),
        };
        self.expect(value, &ty, span);
    }

    fn wants_special(&mut self, value: &'p Expr, wanted: Wanted, span: Span) {
        for leaf in self.leaves(value) {
            let kind = match (&leaf.kind, wanted) {
                (ExprKind::Unset, _) => continue,
                (ExprKind::List(rows), Wanted::Flag) => {
                    rows.iter().for_each(|row| self.expect_text_or_texts(row, Texts::Runtime, span));
                    continue;
                }
                _ => self.infer(leaf),
            };
            match (wanted, &kind) {
                (Wanted::Empty, Kind::Bool) | (Wanted::Metric, Kind::Metric | Kind::Any) => {}
                (Wanted::Variable, Kind::Env) => {}
                (Wanted::Empty, kind) => {
                    let problem = misfit(kind, &Type::Quantity, literal(leaf).as_ref(), span);
                    problem.into_iter().for_each(|p| self.report(p));
                }
                (Wanted::Metric, kind) => self.report(mistakes::type_mismatch("metric(…)", kind.name(), span)),
                (Wanted::Flag, Kind::List(row)) => match &**row {
                    Kind::List(element) => self.in_text(element, Texts::Runtime, span),
                    element => self.in_text(element, Texts::Runtime, span),
                },
                (_, kind) => self.in_text(kind, Texts::Runtime, span),
            }
        }
    }

    /// Reports options that a volume, claim or file does not have, whatever it is.
    pub fn unknown_options(&mut self, body: &'p MapBody, known: Options) {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key: Key::Name(key), .. } if !names.contains(&key.name.as_str()) => {
                    self.report(mistakes::unknown_option(key, &names));
                }
                _ => {}
            }
        }
    }

    /// The entries of `coordinate`.
    pub fn coordinate(&mut self, body: &'p MapBody) {
        self.entries(body, &mut |inference, key, entry| {
            let wanted = key.and_then(|key| COORDINATE.iter().find(|(name, _)| *name == key));
            inference.option(wanted.map(|(_, wanted)| *wanted), entry);
        });
    }
}

/// What the entries of a map field want; `None` when nothing is known of them.
fn entry_of(kind: FieldKind, field: &str, key: Option<&str>) -> Option<Wanted> {
    let option = |options: Options| options.iter().find(|(name, _)| Some(*name) == key).map(|(_, wanted)| *wanted);
    match (kind, field) {
        (FieldKind::TextMap, _) => Some(Wanted::Text),
        (FieldKind::QuantityMap, _) => Some(Wanted::Quantity),
        (FieldKind::RuntimeMap, "flags") => Some(Wanted::Flag),
        (FieldKind::RuntimeMap, "env") => Some(Wanted::Variable),
        (FieldKind::Options(_), "autoscale") => option(AUTOSCALE),
        (FieldKind::Options(_), "expose") => option(EXPOSE),
        (FieldKind::Options(_), "metrics") => option(METRICS),
        (FieldKind::Options(_), "network") => option(NETWORK),
        (FieldKind::Options(_), "security") => option(SECURITY),
        (FieldKind::Options(_), "warm-up") => option(WARM_UP),
        _ => None,
    }
}

/// The type of a field that is not a map.
fn scalar_type(kind: FieldKind) -> Option<Type> {
    Some(match kind {
        FieldKind::Int(_) => Type::Int,
        FieldKind::Range => Type::Range,
        FieldKind::Bool => Type::Bool,
        FieldKind::Text => Type::String,
        FieldKind::Image => Type::Image,
        FieldKind::Quantity => Type::Quantity,
        FieldKind::Duration => Type::Duration,
        FieldKind::Word(words) => Type::Union(words.iter().map(|w| (*w).to_owned()).collect()),
        FieldKind::Texts => Type::List(Box::new(Type::String)),
        FieldKind::Maps => Type::List(Box::new(Type::Map(Box::new(Type::Any)))),
        FieldKind::RuntimeTexts
        | FieldKind::RuntimeMap
        | FieldKind::Options(_)
        | FieldKind::TextMap
        | FieldKind::QuantityMap
        | FieldKind::PodSpec
        | FieldKind::Ports
        | FieldKind::Later => return None,
    })
}
