//! All statements that contribute to one part of a role, lowest layer first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PartKind;
use super::state::{Checker, FrameIx, Layer, RoleIx, Slot, View};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::source::Span;
use crate::syntax::{Body, Expr, Key, MapBody, MapEntry, Statement, StatementKind};

/// A statement that contributes, and where its names are looked up.
#[derive(Clone, Copy)]
pub(super) struct Contribution<'p> {
    pub statement: &'p Statement,
    pub frame: FrameIx,
    /// Number of the layer, lowest first.
    pub layer: usize,
    pub tie: Option<u32>,
    pub refine: bool,
}

impl<'p> Contribution<'p> {
    /// The value or entries of a field statement.
    pub fn field(&self) -> Option<FieldValue<'p>> {
        match &self.statement.kind {
            StatementKind::Field { value, .. } => Some(FieldValue::Replace(value)),
            StatementKind::Map { body, .. } => Some(FieldValue::Merge(body)),
            _ => None,
        }
    }

    /// The block `key { … }` in `field { … }`.
    pub fn block(&self, key: &str) -> Option<&'p MapBody> {
        let Some(FieldValue::Merge(body)) = self.field() else { return None };
        body.entries.iter().find_map(|entry| match entry {
            MapEntry::Merge { key: Key::Name(name), name: None, body } if name.name == key => Some(body),
            _ => None,
        })
    }

    /// Where the contributed value stands.
    pub fn span(&self) -> Span {
        match self.field() {
            Some(FieldValue::Replace(value)) => value.span,
            _ => self.statement.span,
        }
    }
}

/// `field = value` or `field { … }`.
#[derive(Clone, Copy)]
pub(super) enum FieldValue<'p> {
    Replace(&'p Expr),
    Merge(&'p MapBody),
}

/// What a child statement declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChildKind {
    Port,
    File,
    Volume,
    Mount,
    Init,
    Sidecar,
    Probe,
}

/// The statements of one part of a role, or of a container in it.
#[derive(Default)]
pub(super) struct PartTable<'p> {
    pub fields: BTreeMap<&'p str, Vec<Contribution<'p>>>,
    /// Named children, each with its statements; in order of first appearance.
    pub children: Vec<(ChildKind, &'p str, Vec<Contribution<'p>>)>,
}

impl<'p> PartTable<'p> {
    /// The children of one kind, in order.
    pub fn children(&self, kind: ChildKind) -> impl Iterator<Item = (&'p str, &[Contribution<'p>])> {
        self.children.iter().filter(move |(k, ..)| *k == kind).map(|(_, name, list)| (*name, list.as_slice()))
    }

    /// The statements of one child.
    pub fn child(&self, kind: ChildKind, name: &str) -> Option<&[Contribution<'p>]> {
        self.children(kind).find(|(n, _)| *n == name).map(|(_, list)| list)
    }

    /// The contributions to a field, lowest first.
    pub fn field(&self, name: &str) -> &[Contribution<'p>] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, body: &'p Body, frame: FrameIx, layer: usize, from: &Layer<'p>, probes: bool) {
        for statement in &body.statements {
            let contribution = Contribution { statement, frame, layer, tie: from.tie, refine: from.refine };
            match &statement.kind {
                StatementKind::Field { name, .. } | StatementKind::Map { name, .. } => {
                    self.fields.entry(&name.name).or_default().push(contribution);
                }
                _ => {
                    if let Some((kind, name)) = child_of(&statement.kind)
                        && (kind != ChildKind::Probe || probes)
                    {
                        self.add_child(kind, name, contribution);
                    }
                }
            }
        }
    }

    fn add_child(&mut self, kind: ChildKind, name: &'p str, contribution: Contribution<'p>) {
        match self.children.iter_mut().find(|(k, n, _)| *k == kind && *n == name) {
            Some((.., list)) => list.push(contribution),
            None => self.children.push((kind, name, vec![contribution])),
        }
    }
}

fn child_of(kind: &StatementKind) -> Option<(ChildKind, &str)> {
    Some(match kind {
        StatementKind::Port { name, .. } => (ChildKind::Port, &name.name),
        StatementKind::File { path, .. } => (ChildKind::File, &path.name),
        StatementKind::Volume { name, .. } => (ChildKind::Volume, &name.name),
        StatementKind::Mount { path, .. } => (ChildKind::Mount, &path.name),
        StatementKind::Probe(probe) => (ChildKind::Probe, &probe.kind.name),
        StatementKind::Child { keyword, name, .. } if keyword.name == "init" => (ChildKind::Init, &name.name),
        StatementKind::Child { keyword, name, .. } if keyword.name == "sidecar" => (ChildKind::Sidecar, &name.name),
        _ => return None,
    })
}

impl<'p> Checker<'_, '_, 'p> {
    /// The statements of a part. Role-level statements count for every part, except that probes
    /// are the leader's; the part's own block counts after them within its layer.
    pub fn table(&mut self, view: View) -> Arc<PartTable<'p>> {
        if let Some(table) = self.role(view.role).tables.get(&view.part) {
            return Arc::clone(table);
        }
        let kind = self.part_kind(view);
        let component = matches!(kind, PartKind::Component(_));
        let mut table = PartTable::default();
        let layers = self.role(view.role).layers.clone();
        for (index, layer) in layers.iter().enumerate() {
            table.add(layer.body, layer.frame, index, layer, view.part == 0 && !component);
            for body in part_bodies(layer.body, &kind) {
                let frame = self.body_frame(body, layer.frame);
                table.add(body, frame, index, layer, true);
            }
        }
        for (kind, name, contributions) in &table.children {
            if *kind != ChildKind::Probe && contributions[0].refine {
                let known: Vec<&str> = table.children(*kind).map(|(n, _)| n).filter(|n| n != name).collect();
                let problem = refines_unknown(*kind, name, contributions[0].statement, &known);
                self.report(problem);
            }
        }
        let table = Arc::new(table);
        self.role_mut(view.role).tables.insert(view.part, Arc::clone(&table));
        table
    }

    /// The statements of a sidecar or init container: of all bodies that contribute to it.
    pub fn container_table(&mut self, contributions: &[Contribution<'p>]) -> PartTable<'p> {
        let mut table = PartTable::default();
        for contribution in contributions {
            let StatementKind::Child { body, .. } = &contribution.statement.kind else { continue };
            let frame = self.body_frame(body, contribution.frame);
            let layer = Layer { body, frame, tie: contribution.tie, refine: contribution.refine, call: None };
            table.add(body, frame, contribution.layer, &layer, true);
        }
        table
    }

    /// The frame of a nested body: its own when it declares names.
    pub fn body_frame(&mut self, body: &'p Body, outer: FrameIx) -> FrameIx {
        if !body.statements.iter().any(|s| matches!(s.kind, StatementKind::Let(_))) {
            return outer;
        }
        let frame = self.new_frame(Some(outer), None);
        self.define_lets(body, frame);
        frame
    }

    /// Makes the `let`s of a body visible in its frame.
    pub fn define_lets(&mut self, body: &'p Body, frame: FrameIx) {
        for statement in &body.statements {
            if let StatementKind::Let(binding) = &statement.kind {
                let ty = binding.ty.as_ref().map(|t| crate::resolve::Type::of(self.program, t));
                self.define(frame, &binding.name.name, Slot::Thunk { expr: &binding.value, frame, ty });
            }
        }
    }

    /// The names of the components of a role, in order of first appearance.
    pub fn components(&self, role: RoleIx) -> Vec<&'p str> {
        let mut names: Vec<&str> = Vec::new();
        for layer in &self.role(role).layers {
            for statement in &layer.body.statements {
                if let StatementKind::Child { keyword, name, .. } = &statement.kind
                    && keyword.name == "component"
                    && !names.contains(&name.name.as_str())
                {
                    names.push(&name.name);
                }
            }
        }
        names
    }

    /// What the pods of a part are. Whether a role without components has workers is told by its
    /// `pods`; here part 1 is always the workers.
    pub fn part_kind(&self, view: View) -> PartKind {
        let components = self.components(view.role);
        match (components.get(usize::from(view.part)), view.part) {
            (Some(name), _) => PartKind::Component((*name).to_owned()),
            (None, 0) => PartKind::Leader,
            (None, _) => PartKind::Worker,
        }
    }
}

fn refines_unknown(kind: ChildKind, name: &str, statement: &Statement, known: &[&str]) -> Diagnostic {
    let (word, span) = match (kind, &statement.kind) {
        (_, StatementKind::Port { name, .. }) => ("port", name.span),
        (_, StatementKind::File { path, .. }) => ("file", path.span),
        (_, StatementKind::Volume { name, .. }) => ("volume", name.span),
        (_, StatementKind::Mount { path, .. }) => ("mount", path.span),
        (_, StatementKind::Child { name, .. }) => ("container", name.span),
        _ => ("child", statement.span),
    };
    let mut problem = Diagnostic::new(Code::RefineUnknown, span, format!("there is no {word} `{name}` to refine"));
    problem.help = suggestion(name, known);
    problem
}

/// The blocks of a body that concern a part. The only pod of a role is its leader.
pub(super) fn part_bodies<'p>(body: &'p Body, kind: &PartKind) -> Vec<&'p Body> {
    let wanted = |statement: &'p Statement| match (&statement.kind, kind) {
        (StatementKind::Part { name, body }, PartKind::Leader | PartKind::Single) if name.name == "leader" => {
            Some(body)
        }
        (StatementKind::Part { name, body }, PartKind::Worker) if name.name == "worker" => Some(body),
        (StatementKind::Child { keyword, name, body }, PartKind::Component(wanted))
            if keyword.name == "component" && name.name == *wanted =>
        {
            Some(body)
        }
        _ => None,
    };
    body.statements.iter().filter_map(wanted).collect()
}
