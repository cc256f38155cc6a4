//! Binds every name to what it means.
//!
//! The order of look-up, innermost first: variables of a `for`, fields of the enclosing role,
//! `let`s and parameters, roles of the group, declarations of the file, built-in functions. A name
//! that is a field and something else as well is an error, never a silent choice.

use std::collections::BTreeMap;

use super::load::Loaded;
use super::scope::Scopes;
use super::vocabulary::{self, BUILTINS, RUNTIME};
use super::{Binding, DefId, ModuleId, Program, item_name};
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::source::Span;
use crate::syntax::*;

mod expr;
mod statement;

pub(super) struct Binder<'a> {
    problems: Vec<Diagnostic>,
    modules: &'a [super::Module],
    uses: &'a [BTreeMap<u32, ModuleId>],
    module: ModuleId,
    scopes: Scopes<'a>,
    bindings: Vec<(u32, Binding)>,
    /// Where each path that named a declaration stands, for templates that are built on others.
    paths: BTreeMap<u32, DefId>,
    context: Context,
}

/// What encloses the expression that is being bound.
#[derive(Clone, Copy, Default)]
struct Context {
    /// Fields of a role are visible.
    role: bool,
    /// There is an enclosing group.
    group: bool,
    /// The enclosing group is one of `x N`.
    indexed: bool,
    /// A component, whose `after` names its siblings.
    component: bool,
}

pub(super) fn bind(session: &mut Session, loaded: Loaded) -> Program {
    let mut binder = Binder {
        problems: Vec::new(),
        modules: &loaded.modules,
        uses: &loaded.uses,
        module: ModuleId(0),
        scopes: Scopes::default(),
        bindings: Vec::new(),
        paths: BTreeMap::new(),
        context: Context::default(),
    };
    for index in 0..loaded.modules.len() {
        binder.module(ModuleId(index as u32));
    }
    let Binder { problems, mut bindings, .. } = binder;
    session.problems.extend(problems);
    bindings.sort_by_key(|(lo, _)| *lo);
    bindings.dedup_by_key(|(lo, _)| *lo);
    Program { modules: loaded.modules, bindings }
}

impl<'a> Binder<'a> {
    fn module(&mut self, id: ModuleId) {
        self.module = id;
        let module = &self.modules[id.0 as usize];
        self.scopes.push(module.entry);
        for (index, item) in module.ast.items.iter().enumerate() {
            self.declare_item(id, index as u32, item);
        }
        for name in &module.ast.broken {
            // What a broken item would have declared is not reported again where it is used.
            self.scopes.declare(&name.name, Binding::Namespace(id), name.span, true);
        }
        for item in &module.ast.items {
            self.item(item);
        }
        self.close();
    }

    fn declare_item(&mut self, module: ModuleId, index: u32, item: &'a Item) {
        if let ItemKind::Use(import) = &item.kind {
            if let Some(target) = self.uses[module.0 as usize].get(&index) {
                self.declare_imports(import, *target);
            } else {
                self.declare_unknown(import);
            }
            return;
        }
        if let Some(name) = item_name(item) {
            self.declare(name, Binding::Item(DefId { module, item: index }), true);
        }
    }

    fn declare_imports(&mut self, import: &'a Use, target: ModuleId) {
        match (&import.names, &import.path) {
            (None, UsePath::Module(parts)) => {
                if let Some(last) = parts.last() {
                    self.declare(last, Binding::Namespace(target), false);
                }
            }
            (None, UsePath::File(text)) => {
                // The namespace is called like the file.
                let stem = text.name.rsplit('/').next().and_then(|f| f.strip_suffix(".rbg")).unwrap_or(&text.name);
                if let Some(earlier) = self.scopes.declare(stem, Binding::Namespace(target), text.span, false) {
                    let name = Ident { name: stem.to_owned(), span: text.span };
                    self.problems.push(declared_twice(&name, earlier));
                }
            }
            (Some(names), _) => {
                for name in names {
                    if let Some(def) = self.exported(target, name) {
                        self.declare(name, Binding::Item(def), false);
                    } else {
                        // Declared all the same, so that its uses are not reported a second time.
                        self.scopes.declare(&name.name, Binding::Namespace(target), name.span, true);
                    }
                }
            }
        }
    }

    /// Keeps the names of an import that failed from being reported again where they are used.
    fn declare_unknown(&mut self, import: &'a Use) {
        for name in import.names.iter().flatten() {
            self.scopes.declare(&name.name, Binding::Namespace(self.module), name.span, true);
        }
    }

    /// The declaration of a module with this name, unless it is private or absent, which is reported.
    fn exported(&mut self, module: ModuleId, name: &Ident) -> Option<DefId> {
        let target = &self.modules[module.0 as usize];
        let found = target.ast.items.iter().position(|i| item_name(i).is_some_and(|n| n.name == name.name));
        let Some(index) = found else {
            let known: Vec<&str> = target
                .ast
                .items
                .iter()
                .filter(|i| !i.private)
                .filter_map(|i| item_name(i).map(|n| n.name.as_str()))
                .collect();
            self.problems.push(not_exported(name, &target.name, &known));
            return None;
        };
        let item = &target.ast.items[index];
        if item.private && module != self.module {
            self.problems.push(private(name, item, &target.name));
        }
        Some(DefId { module, item: index as u32 })
    }

    fn declare(&mut self, name: &'a Ident, binding: Binding, used: bool) {
        if let Some(earlier) = self.scopes.declare(&name.name, binding, name.span, used) {
            self.problems.push(declared_twice(name, earlier));
        }
    }

    /// Ends a layer of names and warns of unused ones.
    fn close(&mut self) {
        let unused = self.scopes.pop();
        if !self.modules[self.module.0 as usize].entry {
            return;
        }
        for (name, span) in unused {
            let problem = Diagnostic::new(Code::UnusedName, span, format!("`{name}` is never used"));
            self.problems.push(problem.help("remove it"));
        }
    }

    fn record(&mut self, at: Span, binding: Binding) {
        self.bindings.push((at.lo, binding));
    }

    /// Binds a path to a declaration: `Prefill` or `sglang.Prefill`.
    fn path(&mut self, path: &'a [Ident], what: &'static str) -> Option<DefId> {
        let (first, rest) = path.split_first()?;
        let Some((binding, _)) = self.scopes.find(&first.name) else {
            let wanted = self.known_items(what);
            self.problems.push(unknown(what, first, &wanted));
            return None;
        };
        let def = match (binding, rest) {
            (Binding::Item(def), []) => def,
            (Binding::Namespace(module), [member]) => {
                self.record(first.span, binding);
                self.exported(module, member)?
            }
            // An import that failed: reported where it stands.
            (Binding::Namespace(_), []) => return None,
            _ => {
                self.problems.push(not_a(what, path.last()?));
                return None;
            }
        };
        let found = item_word(self.item_of(def));
        if found != what {
            self.problems.push(not_a(what, path.last()?).here(format!("this is {} {found}", article(found))));
            return None;
        }
        self.record(path.last()?.span, Binding::Item(def));
        self.paths.insert(path.last()?.span.lo, def);
        Some(def)
    }

    fn item_of(&self, def: DefId) -> &'a Item {
        &self.modules[def.module.0 as usize].ast.items[def.item as usize]
    }

    fn known_items(&self, what: &str) -> Vec<&'a str> {
        let items = self.modules[self.module.0 as usize].ast.items.iter();
        let own = items.filter(|i| item_word(i) == what).filter_map(|i| item_name(i).map(|n| n.name.as_str()));
        let mut known: Vec<&str> = own.collect();
        known.extend(self.scopes.names().filter(|n| n.starts_with(|c: char| c.is_ascii_uppercase())));
        known.sort_unstable();
        known.dedup();
        known
    }

    fn ty(&mut self, ty: &'a Type) {
        match &ty.kind {
            TypeKind::Literal(_) => {}
            TypeKind::Union(parts) => parts.iter().for_each(|p| self.ty(p)),
            TypeKind::Record(fields) => {
                for field in fields {
                    self.ty(&field.ty);
                    if let Some(default) = &field.default {
                        self.expr(default);
                    }
                }
            }
            TypeKind::Named { path, arguments } => self.named_type(ty.span, path, arguments),
        }
    }

    fn named_type(&mut self, span: Span, path: &'a [Ident], arguments: &'a [Type]) {
        let plain = super::types::PLAIN.iter().map(|(n, _)| *n);
        let [name] = path else {
            self.path(path, "template");
            return;
        };
        let takes = if name.name == "Role" {
            0..=1
        } else if super::types::GENERIC.contains(&name.name.as_str()) {
            1..=1
        } else if plain.clone().any(|n| n == name.name) {
            0..=0
        } else if self.scopes.find(&name.name).is_some() {
            // The name of a template is the type of the roles that are made from it.
            self.path(path, "template");
            return;
        } else {
            let known: Vec<&str> = plain.chain(super::types::GENERIC.iter().copied()).collect();
            self.problems.push(unknown("type", name, &known));
            return;
        };
        if !takes.contains(&arguments.len()) {
            self.problems.push(wrong_arguments(name, span));
            return;
        }
        for argument in arguments {
            match (&argument.kind, name.name.as_str()) {
                (TypeKind::Named { path, .. }, "Role") => {
                    self.path(path, "template");
                }
                _ => self.ty(argument),
            }
        }
    }
}

/// The word for the kind of a declaration.
fn item_word(item: &Item) -> &'static str {
    match &item.kind {
        ItemKind::Use(_) => "import",
        ItemKind::Param(_) => "parameter",
        ItemKind::Let(_) => "value",
        ItemKind::Template(_) => "template",
        ItemKind::Edge(_) => "edge",
        ItemKind::Group(_) => "group",
        ItemKind::Refine(_) => "refinement",
        ItemKind::Assert(_) => "assertion",
        ItemKind::Reserved { .. } => "reserved word",
    }
}

fn unknown(what: &str, name: &Ident, known: &[&str]) -> Diagnostic {
    let mut problem = Diagnostic::new(Code::UnknownName, name.span, format!("unknown {what} `{}`", name.name));
    problem.help = suggestion(&name.name, known);
    problem
}

fn wrong_arguments(ty: &Ident, span: Span) -> Diagnostic {
    let (takes, example) = match ty.name.as_str() {
        "Role" => ("takes one template at most", "`Role` or `Role<Server>`".to_owned()),
        "List" | "Map" => ("takes one type", format!("for example `{}<String>`", ty.name)),
        _ => ("takes no arguments", format!("write `{}`", ty.name)),
    };
    Diagnostic::new(Code::TypeMismatch, span, format!("type `{}` {takes}", ty.name)).help(example)
}

fn not_a(what: &str, name: &Ident) -> Diagnostic {
    Diagnostic::new(Code::UnknownName, name.span, format!("`{}` is not {} {what}", name.name, article(what)))
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn not_exported(name: &Ident, module: &str, known: &[&str]) -> Diagnostic {
    let message = format!("`{module}` declares no `{}`", name.name);
    let mut problem = Diagnostic::new(Code::UnknownName, name.span, message);
    problem.help = suggestion(&name.name, known);
    problem
}

fn private(name: &Ident, item: &Item, module: &str) -> Diagnostic {
    let message = format!("`{}` is private to `{module}`", name.name);
    Diagnostic::new(Code::PrivateName, name.span, message)
        .label(item_name(item).map_or(item.span, |n| n.span), "declared private here")
        .help("remove `private` from the declaration if others may use it")
}

fn declared_twice(name: &Ident, earlier: Span) -> Diagnostic {
    Diagnostic::new(Code::DuplicateName, name.span, format!("`{}` is declared twice", name.name))
        .label(earlier, "first declared here")
        .help("rename one of them")
}
