//! Imports, the embedded standard library, and the meaning of every name.
//!
//! After this phase no later one looks at scopes again: each name in an expression, each template,
//! edge, group and type that a source names has a [`Binding`].

use std::path::PathBuf;

use crate::diag::Session;
use crate::source::FileId;
use crate::syntax::{Ast, Item, ItemKind};

mod load;
mod names;
mod scope;
pub mod std_lib;
pub mod types;
pub mod vocabulary;

pub use load::{MAX_MODULES, display_name};
pub use types::Type;

/// Index of a module in [`Program::modules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModuleId(pub u32);

/// A declaration: a module and the index of the item in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefId {
    /// The module.
    pub module: ModuleId,
    /// Index in [`Ast::items`].
    pub item: u32,
}

/// All files of a compilation, their imports followed and their names bound.
#[derive(Debug, Default)]
pub struct Program {
    /// Files, each once, imported ones before those that import them.
    pub modules: Vec<Module>,
    bindings: Vec<(u32, Binding)>,
}

/// A file of the program.
#[derive(Debug)]
pub struct Module {
    /// Its text in the source map.
    pub file: FileId,
    /// What it declares.
    pub ast: Ast,
    /// Its groups are compiled, and `--set` reaches its parameters.
    pub entry: bool,
    /// `std.sglang` for a module of the standard library, else the file's name.
    pub name: String,
}

/// What a name means where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// A field of the enclosing role.
    Field(&'static str),
    /// A parameter, a `let` or a role of an enclosing template, role body or group.
    Local,
    /// A variable of a `for`.
    Loop,
    /// A declaration of this file or an imported one.
    Item(DefId),
    /// An imported module as a namespace.
    Namespace(ModuleId),
    /// A built-in function.
    Builtin(&'static str),
    /// `leader`, `self`, `pod` or `node`: values of the running pod and its node.
    Runtime(&'static str),
    /// `group`: the enclosing group.
    Group,
    /// `index`: the number of the group in `x N`.
    Index,
}

impl Program {
    /// What the name that begins at this position means; `None` when it is unknown, which was
    /// reported.
    pub fn binding(&self, at: u32) -> Option<Binding> {
        let index = self.bindings.binary_search_by_key(&at, |(lo, _)| *lo).ok()?;
        Some(self.bindings[index].1)
    }

    /// The declaration behind a path such as `Prefill` or `sglang.Prefill`.
    pub fn definition(&self, path: &[crate::syntax::Ident]) -> Option<DefId> {
        match self.binding(path.last()?.span.lo)? {
            Binding::Item(def) => Some(def),
            _ => None,
        }
    }

    /// The item of a declaration.
    pub fn item(&self, def: DefId) -> &Item {
        &self.modules[def.module.0 as usize].ast.items[def.item as usize]
    }

    /// The declared name of an item; empty for items without one.
    pub fn name(&self, def: DefId) -> &str {
        item_name(self.item(def)).map_or("", |n| n.name.as_str())
    }

    /// All modules with their index.
    pub fn modules(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(i, m)| (ModuleId(i as u32), m))
    }
}

/// The name that an item declares.
pub fn item_name(item: &Item) -> Option<&crate::syntax::Ident> {
    match &item.kind {
        ItemKind::Param(param) => Some(&param.name),
        ItemKind::Let(binding) => Some(&binding.name),
        ItemKind::Template(template) => Some(&template.name),
        ItemKind::Edge(edge) => Some(&edge.name),
        ItemKind::Group(group) => Some(&group.name),
        ItemKind::Use(_) | ItemKind::Refine(_) | ItemKind::Assert(_) | ItemKind::Reserved { .. } => None,
    }
}

/// Reads the sources and all they import, and binds every name. Problems are reported; what could
/// be read is returned.
pub fn resolve(session: &mut Session, sources: &[PathBuf]) -> Program {
    let loaded = load::load(session, sources);
    names::bind(session, loaded)
}
