//! Which roles a group has, what they are made from, and calls of templates.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::{mistakes, setup};
use super::kind::{Kind, KnownRole};
use super::{Inference, Local, Memo, Scope};
use crate::resolve::{DefId, Program, Type};
use crate::syntax::{Body, Expr, Group, ItemKind, Role, StatementKind, Template, TemplateCall, TemplateTarget};

/// The most group templates that are followed.
const MOST_TEMPLATES: usize = 256;

/// The roles of a group by name.
pub(super) type Roles<'p> = BTreeMap<&'p str, Kind>;

impl<'p> Inference<'p> {
    /// The roles of a declared group; `None` when a template could not be found.
    pub fn roles_of(&mut self, def: DefId) -> Option<Rc<Roles<'p>>> {
        if let Some(known) = self.roles.get(&def) {
            return known.clone();
        }
        let program = self.program;
        let roles = match &program.item(def).kind {
            ItemKind::Group(group) => roles_of_group(program, group).map(Rc::new),
            _ => None,
        };
        self.roles.insert(def, roles.clone());
        roles
    }

    /// The names of the roles that the body of a group template sees. Another template of the same
    /// group may have declared them before, so what they are made from is not known.
    pub fn roles_of_template(&self, template: &'p Template) -> Scope<'p> {
        let mut found = Found::default();
        found.gather(self.program, &template.bases, &template.body);
        found.roles.into_keys().map(|name| (name, Local::Found(Memo::Done(Kind::Role(None))))).collect()
    }

    /// Calls after `is`.
    pub fn calls(&mut self, calls: &'p [TemplateCall], target: TemplateTarget) {
        for call in calls {
            self.template_call(call, target);
        }
    }

    fn template_call(&mut self, call: &'p TemplateCall, target: TemplateTarget) {
        let Some(template) = template_of(self.program, call) else {
            for argument in &call.arguments {
                self.infer(&argument.value);
            }
            return;
        };
        if template.target != target {
            self.report(setup::wrong_template(template, call, target));
        }
        let mut given: Vec<Option<&'p Expr>> = vec![None; template.params.len()];
        for (position, argument) in call.arguments.iter().enumerate() {
            let slot = match &argument.name {
                None => (position < given.len()).then_some(position),
                Some(name) => template.params.iter().position(|p| p.name.name == name.name),
            };
            match slot {
                Some(i) if given[i].is_none() => given[i] = Some(&argument.value),
                Some(i) => {
                    self.infer(&argument.value);
                    self.report(mistakes::given_twice(&template.params[i].name.name, argument.value.span));
                }
                None => {
                    self.infer(&argument.value);
                    self.report(setup::no_parameter(template, argument));
                }
            }
        }
        for (param, argument) in template.params.iter().zip(given) {
            match argument {
                Some(value) => {
                    let ty = Type::of(self.program, &param.ty);
                    self.expect(value, &ty, value.span);
                }
                None if param.default.is_none() => self.report(setup::missing_argument(template, param, call)),
                None => {}
            }
        }
    }
}

fn roles_of_group<'p>(program: &'p Program, group: &'p Group) -> Option<Roles<'p>> {
    let mut found = Found::default();
    found.gather(program, &group.bases, &group.body);
    let kinds = found.roles.into_iter().map(|(name, role)| {
        let templates = templates_of(program, &role.bases);
        let known = templates.map(|templates| Rc::new(KnownRole { name: role.name.clone(), templates }));
        (name, Kind::Role(known))
    });
    let kinds = kinds.collect();
    (!found.broken).then_some(kinds)
}

/// The first declarations of the roles of a group, in the order of its layers.
#[derive(Default)]
struct Found<'p> {
    roles: BTreeMap<&'p str, &'p Role>,
    seen: BTreeSet<DefId>,
    broken: bool,
}

impl<'p> Found<'p> {
    fn gather(&mut self, program: &'p Program, bases: &'p [TemplateCall], body: &'p Body) {
        for call in bases {
            let Some((def, base)) = program.definition(&call.path).zip(template_of(program, call)) else {
                self.broken = true;
                continue;
            };
            // What was there before says the first word. A chain that is too long is not followed.
            if self.seen.len() >= MOST_TEMPLATES {
                self.broken = true;
            } else if self.seen.insert(def) {
                self.gather(program, &base.bases, &base.body);
            }
        }
        for statement in &body.statements {
            if let StatementKind::Role(role) = &statement.kind {
                self.roles.entry(&role.name.name).or_insert(role);
            }
        }
    }
}

/// All templates that these calls bring; `None` when one could not be found.
fn templates_of(program: &Program, calls: &[TemplateCall]) -> Option<BTreeSet<DefId>> {
    let mut templates = BTreeSet::new();
    let mut open: Vec<&TemplateCall> = calls.iter().collect();
    while let Some(call) = open.pop() {
        let template = template_of(program, call)?;
        if templates.insert(program.definition(&call.path)?) {
            open.extend(&template.bases);
        }
    }
    Some(templates)
}

fn template_of<'p>(program: &'p Program, call: &TemplateCall) -> Option<&'p Template> {
    match &program.item(program.definition(&call.path)?).kind {
        ItemKind::Template(template) => Some(template),
        _ => None,
    }
}
