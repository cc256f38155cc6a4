//! Finds mistakes of types in what was not evaluated: templates and edges that nobody uses,
//! branches that are not taken, values that nothing needs.
//!
//! The kind of every expression is inferred from the tree alone, and what can never be evaluated
//! without a problem is reported, in the words of evaluation. Where nothing is known, nothing is
//! said. That a value may be unset is not followed: what is there must fit.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::{Diagnostic, Session, Severity};
use crate::resolve::{Binding, DefId, Program, Type};
use crate::source::Span;
use crate::syntax::{ItemKind, Let, Param};
use kind::Kind;

mod builtins;
mod call;
mod clauses;
mod expr;
mod field;
mod fit;
mod kind;
mod member;
mod operators;
mod roles;
mod statement;
#[cfg(test)]
mod tests;

/// Values are inferred ahead of their turn up to this depth of nested expressions. What lies deeper
/// has no known kind where it is used first; it is checked nevertheless.
const DEEPEST: usize = 64;

/// The mistakes of a program, by place.
pub(super) fn findings(program: &Program) -> Vec<Diagnostic> {
    let mut inference = Inference {
        program,
        findings: Vec::new(),
        scopes: Vec::new(),
        loops: Vec::new(),
        items: BTreeMap::new(),
        roles: BTreeMap::new(),
        group: None,
        inherited: Kind::Any,
        depth: 0,
    };
    for (id, module) in program.modules() {
        for index in 0..module.ast.items.len() {
            inference.item(DefId { module: id, item: index as u32 });
        }
    }
    let mut findings = inference.findings;
    findings.sort_by_key(Diagnostic::span);
    findings.dedup_by_key(|f| f.span());
    findings
}

/// Reports the mistakes that evaluation has not found: nothing is said about a place that already
/// has a problem.
pub(super) fn report(session: &mut Session, findings: Vec<Diagnostic>) {
    let known = Known::new(&session.problems);
    for finding in findings {
        if finding.span().is_some_and(|span| !known.touches(span)) {
            session.report(finding);
        }
    }
}

/// The state of the pass.
struct Inference<'p> {
    program: &'p Program,
    findings: Vec<Diagnostic>,
    /// Names of enclosing bodies, outermost first.
    scopes: Vec<Scope<'p>>,
    /// Variables of enclosing `for`, outermost first.
    loops: Vec<(&'p str, Kind)>,
    items: BTreeMap<DefId, Memo>,
    /// The roles of groups.
    roles: BTreeMap<DefId, Option<Rc<roles::Roles<'p>>>>,
    /// The enclosing group, where it is known.
    group: Option<DefId>,
    /// What `inherited` means.
    inherited: Kind,
    /// Expressions around the one at hand.
    depth: usize,
}

type Scope<'p> = BTreeMap<&'p str, Local<'p>>;

/// A name of a body.
enum Local<'p> {
    /// Not looked at yet.
    Let(&'p Let),
    Found(Memo),
}

/// The kind of a named value.
#[derive(Clone)]
enum Memo {
    /// Being inferred: a value that needs itself.
    Busy,
    Done(Kind),
}

impl Memo {
    fn kind(&self) -> Kind {
        match self {
            Memo::Busy => Kind::Any,
            Memo::Done(kind) => kind.clone(),
        }
    }
}

impl<'p> Inference<'p> {
    fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Checks a declaration, unless that was done because something named it.
    fn item(&mut self, def: DefId) {
        let program = self.program;
        match &program.item(def).kind {
            ItemKind::Param(_) | ItemKind::Let(_) => {
                self.value_of_item(def);
            }
            ItemKind::Template(template) => self.template(template),
            ItemKind::Edge(edge) => self.edge(edge),
            ItemKind::Group(group) => self.declared_group(def, group),
            ItemKind::Refine(refine) => self.refine(refine),
            ItemKind::Assert(assert) => self.assert(assert),
            ItemKind::Use(_) | ItemKind::Reserved { .. } => {}
        }
    }

    /// The kind of a parameter or `let` of a file. Files see nothing of the bodies around a use.
    fn value_of_item(&mut self, def: DefId) -> Kind {
        if let Some(memo) = self.items.get(&def) {
            return memo.kind();
        }
        if self.depth > DEEPEST {
            return Kind::Any;
        }
        self.items.insert(def, Memo::Busy);
        let scopes = std::mem::take(&mut self.scopes);
        let group = self.group.take();
        let program = self.program;
        let kind = self.apart(|inference| match &program.item(def).kind {
            ItemKind::Param(param) => inference.param(param),
            ItemKind::Let(binding) => inference.binding(binding),
            _ => Kind::Any,
        });
        (self.scopes, self.group) = (scopes, group);
        self.items.insert(def, Memo::Done(kind.clone()));
        kind
    }

    /// The kind of a parameter: that of its type, which its default must fit.
    fn param(&mut self, param: &'p Param) -> Kind {
        self.defaults_in(&param.ty);
        let ty = Type::of(self.program, &param.ty);
        if let Some(default) = &param.default {
            self.expect(default, &ty, default.span);
        }
        Kind::of(&ty)
    }

    /// The kind of a `let`.
    fn binding(&mut self, binding: &'p Let) -> Kind {
        let Some(ty) = &binding.ty else { return self.infer(&binding.value) };
        self.defaults_in(ty);
        let ty = Type::of(self.program, ty);
        self.expect(&binding.value, &ty, binding.value.span);
        Kind::of(&ty)
    }

    /// The kind of a name of a body around here.
    fn local(&mut self, name: &str) -> Kind {
        let found = self.scopes.iter().rposition(|scope| scope.contains_key(name));
        match found.and_then(|at| Some((at, self.scopes[at].get(name)?))) {
            Some((at, Local::Let(binding))) if self.depth <= DEEPEST => {
                let binding = *binding;
                self.local_let(at, binding)
            }
            Some((_, Local::Found(memo))) => memo.kind(),
            Some((_, Local::Let(_))) | None => Kind::Any,
        }
    }

    /// Infers a `let` of the scope with this number, which sees only that scope and those around it.
    fn local_let(&mut self, at: usize, binding: &'p Let) -> Kind {
        let name = binding.name.name.as_str();
        let inner = self.scopes.split_off(at + 1);
        self.set_local(at, name, Memo::Busy);
        let kind = self.apart(|inference| inference.binding(binding));
        self.set_local(at, name, Memo::Done(kind.clone()));
        self.scopes.extend(inner);
        kind
    }

    fn set_local(&mut self, at: usize, name: &'p str, memo: Memo) {
        if let Some(scope) = self.scopes.get_mut(at) {
            scope.insert(name, Local::Found(memo));
        }
    }

    /// Works on a named value: variables of `for` and `inherited` are not seen there.
    fn apart<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let loops = std::mem::take(&mut self.loops);
        let inherited = std::mem::replace(&mut self.inherited, Kind::Any);
        let result = work(self);
        (self.loops, self.inherited) = (loops, inherited);
        result
    }

    /// What a bound name means.
    fn binding_at(&self, span: Span) -> Option<Binding> {
        self.program.binding(span.lo)
    }
}

/// Where errors were reported.
struct Known {
    /// Primary places, sorted.
    spans: Vec<Span>,
    /// For each place the furthest end of it and those before it.
    furthest: Vec<u32>,
    /// For each place the nearest end of it and those after it.
    nearest: Vec<u32>,
}

impl Known {
    fn new(problems: &[Diagnostic]) -> Known {
        let errors = problems.iter().filter(|p| p.code.severity() == Severity::Error);
        let mut spans: Vec<Span> = errors.filter_map(Diagnostic::span).collect();
        spans.sort_unstable();
        let mut furthest: Vec<u32> = spans.iter().map(|s| s.hi).collect();
        let mut nearest = furthest.clone();
        for i in 1..furthest.len() {
            furthest[i] = furthest[i].max(furthest[i - 1]);
        }
        for i in (1..nearest.len()).rev() {
            nearest[i - 1] = nearest[i - 1].min(nearest[i]);
        }
        Known { spans, furthest, nearest }
    }

    /// Whether one of the places contains this one or lies in it: then it has the same cause.
    fn touches(&self, span: Span) -> bool {
        let after = self.spans.partition_point(|s| s.lo <= span.lo);
        let from = self.spans.partition_point(|s| s.lo < span.lo);
        let around = after > 0 && self.furthest[after - 1] >= span.hi;
        let inside = self.nearest.get(from).is_some_and(|hi| *hi <= span.hi);
        around || inside
    }
}
