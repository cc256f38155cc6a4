//! What the checker knows while it works: groups, roles, layers, frames and memos.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::table::PartTable;
use super::value::Value;
use crate::diag::{Diagnostic, Session};
use crate::resolve::{DefId, ModuleId, Program, Type};
use crate::source::Span;
use crate::syntax::{Body, Connect, Expr, Ident, Statement};

/// Index of a group in [`Checker::groups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupIx(pub u32);

/// Index of a role in [`Checker::roles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoleIx(pub u32);

/// Index of a frame in [`Checker::frames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FrameIx(pub u32);

/// A role as one of its parts sees it: fields may differ between leader and workers. Part 0
/// answers for the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct View {
    pub role: RoleIx,
    pub part: u16,
}

/// The names that a body sees.
#[derive(Clone)]
pub(super) struct Frame<'p> {
    pub parent: Option<FrameIx>,
    pub names: BTreeMap<&'p str, u32>,
    pub group: Option<GroupIx>,
}

/// What a local name stands for.
#[derive(Clone)]
pub(super) enum Slot<'p> {
    /// An expression, evaluated when needed, and the type that it must have.
    Thunk { expr: &'p Expr, frame: FrameIx, ty: Option<Type> },
    /// A value that is known.
    Value(Value),
}

/// A slot and what it evaluated to for each view.
#[derive(Clone)]
pub(super) struct SlotState<'p> {
    pub name: &'p str,
    pub slot: Slot<'p>,
    pub memo: BTreeMap<Option<View>, Memo>,
}

/// The state of an evaluation.
#[derive(Clone)]
pub(super) enum Memo {
    Busy,
    Done(Value, Option<Arc<[Use]>>),
}

/// A use of another role's addresses, Services, selectors or ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub to: RoleIx,
    pub port: Option<String>,
    pub addresses: bool,
}

/// What is being evaluated: to find cycles.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Goal {
    Item(DefId),
    Slot(u32, Option<View>),
    Field(View, &'static str),
    Entry(View, &'static str, String),
    Port(View, String),
}

/// A goal on the way, and the place that asked for it.
pub(super) struct Step {
    pub goal: Goal,
    pub span: Span,
}

/// One body that contributes to a role or group.
#[derive(Clone, Copy)]
pub(super) struct Layer<'p> {
    pub body: &'p Body,
    pub frame: FrameIx,
    /// Layers of one number may not contradict each other: sibling mixins, edges, refinements.
    pub tie: Option<u32>,
    /// A refinement: it may change only what exists.
    pub refine: bool,
    /// The template call that brings the body; outermost, where the user wrote it.
    pub call: Option<Span>,
}

/// A role while it is checked.
#[derive(Clone)]
pub(super) struct RoleState<'p> {
    pub name: &'p Ident,
    pub doc: &'p [String],
    pub group: GroupIx,
    pub layers: Vec<Layer<'p>>,
    /// Templates that it is made from.
    pub templates: BTreeSet<DefId>,
    /// A template could not be found, which was reported: what it would have given is not missed.
    pub broken: bool,
    /// Its `when`, and where its names are looked up.
    pub when: Option<(&'p Expr, FrameIx)>,
    /// How many of the last layers are bodies of the role itself: what edges give lies below them.
    pub bodies: usize,
    /// `when` was false: the place of the condition.
    pub absent: Option<Span>,
    /// One table for each part that was asked for.
    pub tables: BTreeMap<u16, Arc<PartTable<'p>>>,
    pub fields: BTreeMap<(u16, &'static str), Memo>,
    pub entries: BTreeMap<(u16, &'static str), BTreeMap<String, Memo>>,
    pub ports: BTreeMap<(u16, String), Memo>,
    /// Index in the group's list of present roles; set when the model is built.
    pub model: Option<super::RoleId>,
}

/// A group while it is checked.
#[derive(Clone)]
pub(super) struct GroupState<'p> {
    /// The name of its objects.
    pub name: String,
    /// The same without the generation.
    pub stem: String,
    pub generation: u32,
    pub declared: &'p Ident,
    pub index: Option<u32>,
    pub doc: &'p [String],
    pub source: String,
    pub layers: Vec<Layer<'p>>,
    pub roles: Vec<RoleIx>,
    pub connects: Vec<ConnectState<'p>>,
    pub namespace: Option<Value>,
}

/// A `connect` whose ends are known.
#[derive(Clone)]
pub(super) struct ConnectState<'p> {
    pub connect: &'p Connect,
    pub statement: &'p Statement,
    pub frame: FrameIx,
    pub from: RoleIx,
    pub to: RoleIx,
    /// The edge's declaration and the frame in which its ends are named.
    pub edge: Option<(DefId, FrameIx)>,
}

/// Variables of `for`, innermost first.
pub(super) struct Loops<'l> {
    pub name: &'l str,
    pub value: Value,
    pub outer: Option<&'l Loops<'l>>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(super) struct Context<'l> {
    pub frame: FrameIx,
    /// The role whose fields are in scope.
    pub view: Option<View>,
    pub loops: Option<&'l Loops<'l>>,
    /// What `inherited` means.
    pub inherited: Option<Inherited<'l>>,
}

/// A value below a layer.
#[derive(Clone, Copy)]
pub(super) struct Inherited<'l> {
    pub view: View,
    pub field: &'static str,
    pub key: Option<&'l str>,
    /// Contributions before this index count.
    pub below: usize,
}

/// The checker.
pub(super) struct Checker<'s, 'w, 'p> {
    pub session: &'s mut Session<'w>,
    pub program: &'p Program,
    pub options: &'s super::Options,
    pub frames: Vec<Frame<'p>>,
    pub slots: Vec<SlotState<'p>>,
    pub module_frames: Vec<FrameIx>,
    pub items: BTreeMap<DefId, Memo>,
    pub groups: Vec<GroupState<'p>>,
    /// The groups of each group declaration.
    pub group_of: BTreeMap<DefId, Vec<GroupIx>>,
    pub roles: Vec<RoleState<'p>>,
    /// Goals being evaluated, outermost first.
    pub steps: Vec<Step>,
    /// Uses of other roles since the beginning of the outermost goal.
    pub trace: Vec<Use>,
    /// Evaluation steps left.
    pub fuel: u64,
    /// Groups and roles are still being set up: their fields are not complete.
    pub setting_up: bool,
    pub ties: u32,
}

impl<'p> Checker<'_, '_, 'p> {
    pub fn report(&mut self, problem: Diagnostic) {
        self.session.report(problem);
    }

    pub fn role(&self, ix: RoleIx) -> &RoleState<'p> {
        &self.roles[ix.0 as usize]
    }

    pub fn role_mut(&mut self, ix: RoleIx) -> &mut RoleState<'p> {
        &mut self.roles[ix.0 as usize]
    }

    pub fn group(&self, ix: GroupIx) -> &GroupState<'p> {
        &self.groups[ix.0 as usize]
    }

    pub fn new_frame(&mut self, parent: Option<FrameIx>, group: Option<GroupIx>) -> FrameIx {
        self.frames.push(Frame { parent, names: BTreeMap::new(), group });
        FrameIx(self.frames.len() as u32 - 1)
    }

    /// Makes a name visible in a frame. A later declaration of the same name wins; that it is
    /// one too many was reported when names were bound.
    pub fn define(&mut self, frame: FrameIx, name: &'p str, slot: Slot<'p>) {
        self.slots.push(SlotState { name, slot, memo: BTreeMap::new() });
        let index = self.slots.len() as u32 - 1;
        self.frames[frame.0 as usize].names.insert(name, index);
    }

    /// The slot of a local name, from the innermost frame outwards.
    pub fn find_slot(&self, frame: FrameIx, name: &str) -> Option<u32> {
        let mut at = Some(frame);
        while let Some(FrameIx(index)) = at {
            let frame = &self.frames[index as usize];
            if let Some(slot) = frame.names.get(name) {
                return Some(*slot);
            }
            at = frame.parent;
        }
        None
    }

    /// The group that encloses a frame.
    pub fn frame_group(&self, frame: FrameIx) -> Option<GroupIx> {
        let mut at = Some(frame);
        while let Some(FrameIx(index)) = at {
            let frame = &self.frames[index as usize];
            if frame.group.is_some() {
                return frame.group;
            }
            at = frame.parent;
        }
        None
    }

    pub fn module_frame(&self, module: ModuleId) -> FrameIx {
        self.module_frames[module.0 as usize]
    }
}

impl<'l> Context<'l> {
    pub fn new(frame: FrameIx) -> Context<'static> {
        Context { frame, view: None, loops: None, inherited: None }
    }

    pub fn of(frame: FrameIx, view: View) -> Context<'static> {
        Context { frame, view: Some(view), loops: None, inherited: None }
    }
}
