//! From declarations to groups, roles and their layers.

use std::collections::{BTreeMap, BTreeSet};

use super::state::*;
use super::value::Value;
use crate::diag::{Code, Diagnostic, suggestion};
use crate::resolve::{DefId, ModuleId, Type};
use crate::source::Span;
use crate::syntax::*;

/// The deepest chain of templates that are built on each other.
const MAX_TEMPLATES: usize = 64;
/// The most templates that one role or group is made from, each counted as often as it is used.
const MAX_LAYERS: usize = 1_000;

/// The layers of a role or group while they are gathered.
struct Gathered<'p> {
    layers: Vec<Layer<'p>>,
    templates: BTreeSet<DefId>,
    /// A template could not be found.
    broken: bool,
}

/// What a chain of template calls is gathered for.
#[derive(Clone, Copy)]
struct Target {
    kind: TemplateTarget,
    group: GroupIx,
}

impl<'p> Checker<'_, '_, 'p> {
    /// Sets up every group of the entry files and every group that is refined.
    pub fn set_up(&mut self) {
        let program = self.program;
        for _ in program.modules() {
            let frame = self.new_frame(None, None);
            self.module_frames.push(frame);
        }
        let refinements = self.refinements();
        for (module, source) in program.modules() {
            for (index, item) in source.ast.items.iter().enumerate() {
                let def = DefId { module, item: index as u32 };
                self.refuse_reserved(item);
                let ItemKind::Group(group) = &item.kind else { continue };
                if source.entry || refinements.contains_key(&def) {
                    let refines = refinements.get(&def).map_or(&[][..], Vec::as_slice);
                    self.set_up_declaration(def, group, &item.doc, refines);
                }
            }
        }
        for index in 0..self.groups.len() {
            self.connect_group(GroupIx(index as u32));
        }
        self.setting_up = false;
    }

    fn refuse_reserved(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Reserved { keyword, .. } => {
                self.report(not_yet(keyword.span, &format!("`{}`", keyword.name)));
            }
            ItemKind::Group(Group { tenant: Some(tenant), .. }) => {
                self.report(not_yet(tenant.span, "a tenant"));
            }
            _ => {}
        }
    }

    /// All refinements of entry files by the group that they refine.
    fn refinements(&self) -> BTreeMap<DefId, Vec<(ModuleId, &'p Refine)>> {
        let mut found: BTreeMap<DefId, Vec<(ModuleId, &Refine)>> = BTreeMap::new();
        for (module, source) in self.program.modules().filter(|(_, m)| m.entry) {
            for item in &source.ast.items {
                if let ItemKind::Refine(refine) = &item.kind
                    && let Some(def) = self.program.definition(&refine.group)
                {
                    found.entry(def).or_default().push((module, refine));
                }
            }
        }
        found
    }

    fn set_up_declaration(
        &mut self,
        def: DefId,
        group: &'p Group,
        doc: &'p [String],
        refines: &[(ModuleId, &'p Refine)],
    ) {
        let count = match &group.count {
            None => None,
            Some(expr) => match self.group_count(expr, def.module) {
                Some(count) => Some(count),
                None => return,
            },
        };
        let numbers: Vec<Option<u32>> = match count {
            None => vec![None],
            Some(count) => (0..count).map(Some).collect(),
        };
        for index in numbers {
            let ix = self.set_up_group(def, group, doc, index, refines);
            self.group_of.entry(def).or_default().push(ix);
        }
    }

    /// The number after `x`.
    fn group_count(&mut self, expr: &'p Expr, module: ModuleId) -> Option<u32> {
        let frame = self.module_frame(module);
        let value = self.eval(expr, Context::new(frame));
        match self.convert(value, &Type::Int, expr.span) {
            Value::Int(n) if (0..=super::MAX_GROUPS).contains(&n) => u32::try_from(n).ok(),
            Value::Int(n) if n < 0 => {
                self.report(Diagnostic::new(Code::OutOfRange, expr.span, format!("{n} is not a number of groups")));
                None
            }
            Value::Int(n) => {
                let message = format!("{n} groups are more than {}", super::MAX_GROUPS);
                self.report(Diagnostic::new(Code::LimitExceeded, expr.span, message));
                None
            }
            _ => None,
        }
    }

    fn set_up_group(
        &mut self,
        def: DefId,
        group: &'p Group,
        doc: &'p [String],
        index: Option<u32>,
        refines: &[(ModuleId, &'p Refine)],
    ) -> GroupIx {
        let program = self.program;
        let ix = GroupIx(self.groups.len() as u32);
        let frame = self.new_frame(Some(self.module_frame(def.module)), Some(ix));
        if let Some(index) = index {
            self.define(frame, "index", Slot::Value(Value::Int(i64::from(index))));
        }
        self.define_lets(&group.body, frame);
        let stem = index.map_or(group.name.name.clone(), |i| format!("{}-{i}", group.name.name));
        self.groups.push(GroupState {
            name: stem.clone(),
            stem,
            generation: 1,
            declared: &group.name,
            index,
            doc,
            source: program.modules[def.module.0 as usize].name.clone(),
            layers: Vec::new(),
            roles: Vec::new(),
            connects: Vec::new(),
            namespace: None,
        });
        let target = Target { kind: TemplateTarget::Group, group: ix };
        let mut gathered = self.template_layers(&group.bases, frame, target);
        gathered.layers.push(Layer { body: &group.body, frame, tie: None, refine: false, call: None });
        let tie = self.new_tie();
        for (module, refine) in refines {
            let frame = self.new_frame(Some(self.module_frame(*module)), Some(ix));
            if let Some(index) = index {
                self.define(frame, "index", Slot::Value(Value::Int(i64::from(index))));
            }
            self.define_lets(&refine.body, frame);
            gathered.layers.push(Layer { body: &refine.body, frame, tie: Some(tie), refine: true, call: None });
        }
        self.groups[ix.0 as usize].layers = gathered.layers;
        self.set_generation(ix);
        self.set_up_roles(ix);
        ix
    }

    fn new_tie(&mut self) -> u32 {
        self.ties += 1;
        self.ties
    }

    /// The layers that template calls contribute: the base and then the mixins, each with what it
    /// is built on below it.
    fn template_layers(&mut self, calls: &'p [TemplateCall], frame: FrameIx, target: Target) -> Gathered<'p> {
        let mut gathered = Gathered { layers: Vec::new(), templates: BTreeSet::new(), broken: false };
        let mut path = Vec::new();
        self.gather(calls, frame, target, &mut gathered, &mut path);
        gathered
    }

    fn gather(
        &mut self,
        calls: &'p [TemplateCall],
        frame: FrameIx,
        target: Target,
        into: &mut Gathered<'p>,
        path: &mut Vec<(DefId, Span)>,
    ) {
        let tie = self.new_tie();
        for (index, call) in calls.iter().enumerate() {
            let Some(def) = self.program.definition(&call.path) else {
                into.broken = true;
                continue;
            };
            let ItemKind::Template(template) = &self.program.item(def).kind else { continue };
            if let Some(start) = path.iter().position(|(d, _)| *d == def) {
                self.report(template_cycle(self.program, &path[start..], call));
                continue;
            }
            if path.len() >= MAX_TEMPLATES || into.layers.len() >= MAX_LAYERS {
                if into.broken {
                    return;
                }
                into.broken = true;
                let message =
                    format!("more than {MAX_TEMPLATES} templates are built on each other, or {MAX_LAYERS} in all");
                let outermost = path.first().map_or(call.span, |(_, span)| *span);
                self.report(Diagnostic::new(Code::LimitExceeded, outermost, message));
                continue;
            }
            if template.target != target.kind {
                self.report(wrong_template(template, call, target.kind));
                continue;
            }
            let own = self.instantiate(def, template, call, frame, target.group);
            let outermost = path.first().map_or(call.span, |(_, span)| *span);
            path.push((def, call.span));
            self.gather(&template.bases, own, target, into, path);
            path.pop();
            into.templates.insert(def);
            let tie = (index > 0).then_some(tie);
            into.layers.push(Layer { body: &template.body, frame: own, tie, refine: false, call: Some(outermost) });
        }
    }

    /// A frame in which the parameters of a template are bound to the arguments of a call.
    fn instantiate(
        &mut self,
        def: DefId,
        template: &'p Template,
        call: &'p TemplateCall,
        caller: FrameIx,
        group: GroupIx,
    ) -> FrameIx {
        let frame = self.new_frame(Some(self.module_frame(def.module)), Some(group));
        let mut given: Vec<Option<&'p Expr>> = vec![None; template.params.len()];
        for (position, argument) in call.arguments.iter().enumerate() {
            let slot = match &argument.name {
                None => (position < given.len()).then_some(position),
                Some(name) => template.params.iter().position(|p| p.name.name == name.name),
            };
            match slot {
                None => self.report(no_parameter(template, argument)),
                Some(i) if given[i].is_some() => {
                    let message = format!("`{}` is given twice", template.params[i].name.name);
                    self.report(Diagnostic::new(Code::BadArguments, argument.value.span, message));
                }
                Some(i) => given[i] = Some(&argument.value),
            }
        }
        for (param, argument) in template.params.iter().zip(given) {
            let ty = Some(Type::of(self.program, &param.ty));
            match (argument, &param.default) {
                (Some(expr), _) => self.define(frame, &param.name.name, Slot::Thunk { expr, frame: caller, ty }),
                (None, Some(expr)) => self.define(frame, &param.name.name, Slot::Thunk { expr, frame, ty }),
                (None, None) => {
                    self.report(missing_argument(template, param, call));
                    self.define(frame, &param.name.name, Slot::Value(Value::Error));
                }
            }
        }
        self.define_lets(&template.body, frame);
        frame
    }

    /// Finds the roles of a group in all its layers and gathers their layers.
    fn set_up_roles(&mut self, group: GroupIx) {
        let layers = self.group(group).layers.clone();
        let mut known: BTreeMap<&'p str, RoleIx> = BTreeMap::new();
        for layer in &layers {
            let mut here: BTreeMap<&str, Span> = BTreeMap::new();
            for statement in &layer.body.statements {
                let StatementKind::Role(role) = &statement.kind else { continue };
                if let Some(earlier) = here.insert(&role.name.name, role.name.span) {
                    self.report(role_twice(&role.name, earlier));
                    continue;
                }
                match known.get(role.name.name.as_str()) {
                    Some(ix) => self.extend_role(*ix, role, layer),
                    None if layer.refine => {
                        let names: Vec<&str> = known.keys().copied().collect();
                        self.report(refines_unknown(&role.name, &names));
                    }
                    None => {
                        let ix = self.set_up_role(group, statement, role, layer, &layers);
                        known.insert(&role.name.name, ix);
                    }
                }
            }
        }
        self.define_roles(group, &layers);
        self.check_absent(group);
    }

    fn set_up_role(
        &mut self,
        group: GroupIx,
        statement: &'p Statement,
        role: &'p Role,
        layer: &Layer<'p>,
        all: &[Layer<'p>],
    ) -> RoleIx {
        let ix = RoleIx(self.roles.len() as u32);
        let target = Target { kind: TemplateTarget::Role, group };
        let mut layers: Vec<Layer<'p>> = Vec::new();
        for outer in all {
            for body in defaults(outer.body) {
                let frame = self.body_frame(body, outer.frame);
                layers.push(Layer { body, frame, tie: None, refine: outer.refine, call: None });
            }
        }
        let gathered = self.template_layers(&role.bases, layer.frame, target);
        layers.extend(gathered.layers);
        let frame = self.body_frame(&role.body, layer.frame);
        layers.push(Layer { body: &role.body, frame, tie: None, refine: false, call: None });
        self.roles.push(RoleState {
            name: &role.name,
            doc: &statement.doc,
            group,
            layers,
            templates: gathered.templates,
            broken: gathered.broken,
            when: statement.when.as_ref().map(|w| (w, layer.frame)),
            bodies: 1,
            absent: None,
            tables: BTreeMap::new(),
            fields: BTreeMap::new(),
            entries: BTreeMap::new(),
            ports: BTreeMap::new(),
            model: None,
        });
        self.groups[group.0 as usize].roles.push(ix);
        ix
    }

    /// A further body of a role: from the group over its template's, or from a refinement.
    fn extend_role(&mut self, ix: RoleIx, role: &'p Role, layer: &Layer<'p>) {
        if let Some(call) = role.bases.first() {
            let first = self.role(ix).name.span;
            let message = format!("role `{}` is made from its templates where it is first declared", role.name.name);
            let problem = Diagnostic::new(Code::MisplacedStatement, call.span, message);
            self.report(problem.label(first, "first declared here").help("leave `is …` out here"));
        }
        let frame = self.body_frame(&role.body, layer.frame);
        let body = Layer { body: &role.body, frame, tie: layer.tie, refine: layer.refine, call: None };
        self.role_mut(ix).layers.push(body);
        self.role_mut(ix).bodies += 1;
    }

    /// Makes the roles visible in the frames of all layers of their group.
    fn define_roles(&mut self, group: GroupIx, layers: &[Layer<'p>]) {
        let roles: Vec<(RoleIx, &'p str)> =
            self.group(group).roles.iter().map(|r| (*r, self.role(*r).name.name.as_str())).collect();
        let frames: BTreeSet<FrameIx> = layers.iter().map(|l| l.frame).collect();
        for frame in frames {
            for (role, name) in &roles {
                self.define(frame, name, Slot::Value(Value::Role(View { role: *role, part: 0 })));
            }
        }
    }

    fn check_absent(&mut self, group: GroupIx) {
        for ix in self.group(group).roles.clone() {
            if let Some((when, frame)) = self.role(ix).when
                && self.condition(when, Context::new(frame)) != Some(true)
            {
                self.role_mut(ix).absent = Some(when.span);
            }
        }
    }
}

fn defaults(body: &Body) -> impl Iterator<Item = &Body> {
    body.statements.iter().filter_map(|s| match &s.kind {
        StatementKind::Part { name, body } if name.name == "defaults" => Some(body),
        _ => None,
    })
}

/// A part of the language that is described but not built.
pub(crate) fn not_yet(span: Span, what: &str) -> Diagnostic {
    Diagnostic::new(Code::NotSupportedYet, span, format!("{what} is not supported yet"))
        .help("leave it out; nothing is accepted that would have no effect")
}

fn template_cycle(program: &crate::resolve::Program, path: &[(DefId, Span)], call: &TemplateCall) -> Diagnostic {
    let names: Vec<String> = path.iter().chain(path.first()).map(|(d, _)| format!("`{}`", program.name(*d))).collect();
    let mut problem = Diagnostic::new(
        Code::ValueCycle,
        call.span,
        format!("templates are built on each other: {}", names.join(" → ")),
    );
    for (def, span) in path.iter().skip(1) {
        problem = problem.label(*span, format!("built on `{}`", program.name(*def)));
    }
    problem.help("move what they share into a template of its own")
}

/// A template of a role where one of a group is needed, or the other way round.
pub(super) fn wrong_template(template: &Template, call: &TemplateCall, wanted: TemplateTarget) -> Diagnostic {
    let (is, needed) = match wanted {
        TemplateTarget::Role => ("group", "role"),
        TemplateTarget::Group => ("role", "group"),
    };
    let message = format!("`{}` is a template for a {is}, not for a {needed}", template.name.name);
    Diagnostic::new(Code::TypeMismatch, call.span, message).label(template.name.span, "declared here")
}

/// An argument that a template does not take.
pub(super) fn no_parameter(template: &Template, argument: &Argument) -> Diagnostic {
    let known: Vec<&str> = template.params.iter().map(|p| p.name.name.as_str()).collect();
    let (span, message, help) = match &argument.name {
        Some(name) => (
            name.span,
            format!("`{}` has no parameter `{}`", template.name.name, name.name),
            suggestion(&name.name, &known),
        ),
        None => (
            argument.value.span,
            format!("`{}` takes {} arguments", template.name.name, known.len()),
            (!known.is_empty()).then(|| format!("its parameters: {}", known.join(", "))),
        ),
    };
    let mut problem = Diagnostic::new(Code::BadArguments, span, message).label(template.name.span, "declared here");
    problem.help = help;
    problem
}

/// A parameter of a template that a call leaves out.
pub(super) fn missing_argument(template: &Template, param: &Param, call: &TemplateCall) -> Diagnostic {
    let message = format!("`{}` needs `{}`", template.name.name, param.name.name);
    Diagnostic::new(Code::BadArguments, call.span, message)
        .label(param.name.span, "this parameter has no default")
        .help(format!("pass it: `{}({} = …)`", template.name.name, param.name.name))
}

fn role_twice(name: &Ident, earlier: Span) -> Diagnostic {
    Diagnostic::new(Code::DuplicateChild, name.span, format!("role `{}` is declared twice", name.name))
        .label(earlier, "first declared here")
        .help("rename one of them, or merge the two bodies")
}

fn refines_unknown(name: &Ident, known: &[&str]) -> Diagnostic {
    let message = format!("there is no role `{}` to refine", name.name);
    let mut problem = Diagnostic::new(Code::RefineUnknown, name.span, message);
    problem.help = suggestion(&name.name, known);
    problem
}
