//! Which statement may stand where, and what may stand there only once: checked on the tree, so
//! that templates that nobody uses are checked as well, each once.

use std::collections::BTreeMap;

use super::container::options_of;
use super::role::is_unset;
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::resolve::Program;
use crate::resolve::vocabulary::{
    self, EDGE_FIELDS, Field, FieldKind, GROUP_FIELDS, GROUP_STATEMENTS, ROLE_STATEMENTS,
};
use crate::source::Span;
use crate::syntax::*;

/// What a body is the body of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Group,
    Role,
    Part,
    Component,
    Container,
    Sidecar,
    Edge,
}

impl Place {
    fn word(self) -> &'static str {
        match self {
            Place::Group => "a group",
            Place::Role => "a role",
            Place::Part => "a part of an instance",
            Place::Component => "a component",
            Place::Container => "an init container",
            Place::Sidecar => "a sidecar",
            Place::Edge => "an edge",
        }
    }
}

/// Checks all bodies of the program.
pub(super) fn check(session: &mut Session, program: &Program) {
    for (_, module) in program.modules() {
        for item in &module.ast.items {
            match &item.kind {
                ItemKind::Group(group) => body(session, &group.body, Place::Group, &[]),
                ItemKind::Refine(refine) => body(session, &refine.body, Place::Group, &[]),
                ItemKind::Template(template) => {
                    let place = match template.target {
                        TemplateTarget::Role => Place::Role,
                        TemplateTarget::Group => Place::Group,
                    };
                    body(session, &template.body, place, &[]);
                }
                ItemKind::Edge(edge) => body(session, &edge.body, Place::Edge, &edge.params),
                ItemKind::Use(_)
                | ItemKind::Param(_)
                | ItemKind::Let(_)
                | ItemKind::Assert(_)
                | ItemKind::Reserved { .. } => {}
            }
        }
    }
}

fn body(session: &mut Session, body: &Body, place: Place, ends: &[Param]) {
    let mut seen: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    for statement in &body.statements {
        if let Some((kind, name, span)) = unique(&statement.kind)
            && statement.when.is_none()
            && let Some(earlier) = seen.insert((kind, name), span)
        {
            session.report(twice(kind, name, span, earlier));
        }
        self::statement(session, statement, place, ends);
    }
}

/// What may stand once in a body: its kind, its name and its place. Roles are checked with their
/// groups.
fn unique(kind: &StatementKind) -> Option<(&'static str, &str, Span)> {
    Some(match kind {
        StatementKind::Field { name, .. } => ("field", &name.name, name.span),
        StatementKind::Port { name, .. } => ("port", &name.name, name.span),
        StatementKind::File { path, .. } => ("file", &path.name, path.span),
        StatementKind::Volume { name, .. } => ("volume", &name.name, name.span),
        StatementKind::Mount { path, .. } => ("mount", &path.name, path.span),
        StatementKind::Child { keyword, name, .. } if keyword.name == "component" => {
            ("component", &name.name, name.span)
        }
        StatementKind::Child { name, .. } => ("container", &name.name, name.span),
        StatementKind::Probe(probe) => ("probe", &probe.kind.name, probe.kind.span),
        StatementKind::Part { name, .. } => ("block", &name.name, name.span),
        _ => return None,
    })
}

fn statement(session: &mut Session, statement: &Statement, place: Place, ends: &[Param]) {
    let legal = match &statement.kind {
        StatementKind::Field { name, value } => return field(session, name, Some(value), place),
        StatementKind::Map { name, body } => {
            field(session, name, None, place);
            return map(session, body, name.name == "pod");
        }
        StatementKind::Let(_) | StatementKind::Assert(_) => {
            !matches!(place, Place::Part | Place::Component) || matches!(statement.kind, StatementKind::Let(_))
        }
        StatementKind::Role(role) => {
            body(session, &role.body, Place::Role, &[]);
            place == Place::Group
        }
        StatementKind::Part { name, body: inner } => return part(session, name, inner, place, ends),
        StatementKind::Child { keyword, body: inner, .. } => {
            let (inside, legal) = match keyword.name.as_str() {
                "component" => (Place::Component, place == Place::Role),
                "init" => (Place::Container, matches!(place, Place::Role | Place::Part | Place::Component)),
                _ => (Place::Sidecar, matches!(place, Place::Role | Place::Part | Place::Component)),
            };
            body(session, inner, inside, &[]);
            legal
        }
        StatementKind::Port { .. } | StatementKind::Mount { .. } => !matches!(place, Place::Group | Place::Edge),
        StatementKind::File { .. } | StatementKind::Volume { .. } => {
            matches!(place, Place::Role | Place::Part | Place::Component)
        }
        StatementKind::Probe(_) => matches!(place, Place::Role | Place::Part | Place::Component | Place::Sidecar),
        StatementKind::After { .. } => matches!(place, Place::Role | Place::Group | Place::Component),
        StatementKind::Place(_) => matches!(place, Place::Role | Place::Group),
        StatementKind::Connect(_) | StatementKind::Coordinate { .. } => place == Place::Group,
    };
    if !legal {
        session.report(misplaced(statement, place));
    }
    options(session, &statement.kind);
}

fn part(session: &mut Session, name: &Ident, inner: &Body, place: Place, ends: &[Param]) {
    let legal = match name.name.as_str() {
        "leader" | "worker" => matches!(place, Place::Role),
        "defaults" => place == Place::Group,
        end => place == Place::Edge && ends.iter().any(|p| p.name.name == end),
    };
    if !legal {
        let message = format!("`{} {{ … }}` does not belong into {}", name.name, place.word());
        session.report(Diagnostic::new(Code::MisplacedStatement, name.span, message));
    }
    let inside = if matches!(name.name.as_str(), "leader" | "worker") { Place::Part } else { Place::Role };
    body(session, inner, inside, &[]);
}

/// Fields of a role that a part cannot have: they are the instance's.
const OF_THE_INSTANCE: &[&str] = &[
    "annotations",
    "autoscale",
    "discovers",
    "engine-runtimes",
    "expose",
    "identity",
    "labels",
    "metrics",
    "min-ready",
    "network",
    "replicas",
    "service-account",
    "recover",
    "traffic-distribution",
    "warm-up",
];

fn field(session: &mut Session, name: &Ident, value: Option<&Expr>, place: Place) {
    let word = name.name.as_str();
    // The parser reports names that are written otherwise, with the name that is meant.
    if !word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return;
    }
    match place {
        Place::Group if GROUP_FIELDS.contains(&word) => return,
        Place::Edge if EDGE_FIELDS.contains(&word) => return,
        Place::Group | Place::Edge => return session.report(unknown_field(name, place)),
        Place::Role | Place::Part | Place::Component | Place::Container | Place::Sidecar => {}
    }
    if matches!(word, "ready" | "live" | "startup") {
        if !value.is_some_and(is_unset) {
            let problem = Diagnostic::new(Code::TypeMismatch, name.span, format!("`{word}` is not assigned"));
            session.report(problem.help(format!("write `{word} http \"/health\" on http`, or `{word} = unset`")));
        }
        return;
    }
    let Some(known) = vocabulary::role_field(word).filter(|f| f.kind != FieldKind::Ports) else {
        return session.report(unknown_field(name, place));
    };
    check_field_place(session, name, known, place);
    let map = super::fields::is_map(known.kind);
    if value.is_none() && !map && known.kind != FieldKind::Later {
        let problem = Diagnostic::new(Code::TypeMismatch, name.span, format!("`{word}` is not a map"));
        session.report(problem.help(format!("write `{word} = …`")));
    }
}

fn check_field_place(session: &mut Session, name: &Ident, known: &Field, place: Place) {
    let word = name.name.as_str();
    let container = matches!(place, Place::Container | Place::Sidecar);
    let part = matches!(place, Place::Part | Place::Component);
    if container && !known.container {
        let message = format!("a container has no `{word}` of its own");
        session.report(Diagnostic::new(Code::MisplacedStatement, name.span, message).help("set it in the role"));
    } else if part && (OF_THE_INSTANCE.contains(&word) || (place == Place::Part && word == "pods")) {
        let message = format!("`{word}` is of the whole role, not of a part");
        session.report(Diagnostic::new(Code::MisplacedStatement, name.span, message).help("set it in the role"));
    }
}

/// Only `pod` has named blocks; keys stand once.
fn map(session: &mut Session, body: &MapBody, pod: bool) {
    let mut seen: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    for entry in &body.entries {
        match entry {
            MapEntry::Set { key: Key::Name(key), .. } => {
                if let Some(earlier) = seen.insert((&key.name, ""), key.span) {
                    session.report(twice("key", &key.name, key.span, earlier));
                }
            }
            MapEntry::Merge { key: Key::Name(key), name, body } => {
                let id = name.as_ref().map_or("", |n| n.name.as_str());
                if let Some(earlier) = seen.insert((&key.name, id), key.span) {
                    session.report(twice("key", &key.name, key.span, earlier));
                }
                if let Some(name) = name.as_ref().filter(|_| !pod) {
                    session.report(super::expr::named_block(name));
                }
                map(session, body, pod);
            }
            MapEntry::Set { .. } | MapEntry::Merge { .. } | MapEntry::For { .. } => {}
        }
    }
}

/// Options of the statements that have a fixed set.
fn options(session: &mut Session, kind: &StatementKind) {
    let known: &[&str] = match kind {
        StatementKind::Port { .. } => &["protocol"],
        StatementKind::Mount { .. } => &["read-only", "sub-path"],
        StatementKind::After { .. } => &["wait"],
        StatementKind::Probe(_) => &["delay", "every", "failures", "successes", "timeout"],
        _ => return,
    };
    let Some(body) = options_of(kind) else { return };
    map(session, body, false);
    for entry in &body.entries {
        let key = match entry {
            MapEntry::Set { key: Key::Name(key), .. } | MapEntry::Merge { key: Key::Name(key), .. } => key,
            MapEntry::Set { .. } | MapEntry::Merge { .. } | MapEntry::For { .. } => continue,
        };
        if !known.contains(&key.name.as_str()) {
            let mut problem = Diagnostic::new(Code::UnknownField, key.span, format!("unknown option `{}`", key.name));
            problem.help = suggestion(&key.name, known);
            session.report(problem);
        }
    }
}

fn unknown_field(name: &Ident, place: Place) -> Diagnostic {
    let known: Vec<&str> = match place {
        Place::Group => GROUP_FIELDS.iter().chain(GROUP_STATEMENTS).copied().collect(),
        Place::Edge => EDGE_FIELDS.to_vec(),
        Place::Role | Place::Part | Place::Component | Place::Container | Place::Sidecar => {
            vocabulary::ROLE_FIELDS.iter().map(|f| f.name).chain(ROLE_STATEMENTS.iter().copied()).collect()
        }
    };
    let message = format!("{} has no field `{}`", place.word(), name.name);
    let mut problem = Diagnostic::new(Code::UnknownField, name.span, message);
    problem.help = suggestion(&name.name, &known);
    problem
}

fn misplaced(statement: &Statement, place: Place) -> Diagnostic {
    let word = match &statement.kind {
        StatementKind::Role(_) => "role",
        StatementKind::Child { keyword, .. } | StatementKind::Volume { keyword, .. } => &keyword.name,
        StatementKind::Port { .. } => "port",
        StatementKind::File { .. } => "file",
        StatementKind::Mount { .. } => "mount",
        StatementKind::Probe(probe) => &probe.kind.name,
        StatementKind::After { .. } => "after",
        StatementKind::Connect(_) => "connect",
        StatementKind::Place(_) => "place",
        StatementKind::Coordinate { .. } => "coordinate",
        StatementKind::Assert(_) => "assert",
        StatementKind::Field { name, .. } | StatementKind::Map { name, .. } | StatementKind::Part { name, .. } => {
            &name.name
        }
        StatementKind::Let(_) => "let",
    };
    let message = format!("`{word}` does not belong into {}", place.word());
    Diagnostic::new(Code::MisplacedStatement, statement.span, message)
}

fn twice(kind: &str, name: &str, span: Span, earlier: Span) -> Diagnostic {
    let code = if matches!(kind, "field" | "key") { Code::DuplicateName } else { Code::DuplicateChild };
    Diagnostic::new(code, span, format!("{kind} `{name}` stands twice in one body"))
        .label(earlier, "first written here")
        .help("remove one of them; a later layer may override, one body may not")
}
