//! Which roles must be ready before.

use super::After;
use super::state::{Checker, Context, GroupIx, RoleIx, View};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::resolve::{Binding, Type};
use crate::syntax::{AfterTarget, Ident, Key, MapBody, MapEntry, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// The roles that must be ready before, of all `after` statements of the role and its group.
    pub fn dependencies(&mut self, ix: RoleIx) -> Vec<After> {
        let group = self.role(ix).group;
        let own = self.role(ix).layers.clone();
        let shared = self.group(group).layers.clone();
        let mut after: Vec<After> = Vec::new();
        for layer in own.iter().chain(&shared) {
            for statement in &layer.body.statements {
                let StatementKind::After { targets, options } = &statement.kind else { continue };
                let cx = Context { view: Some(View { role: ix, part: 0 }), ..Context::new(layer.frame) };
                if let Some(when) = &statement.when
                    && self.condition(when, cx) != Some(true)
                {
                    continue;
                }
                let wait = options.as_ref().is_some_and(|options| self.waits(options, cx));
                for target in targets {
                    for role in self.after_target(target, cx) {
                        let Some(id) = self.role(role).model else { continue };
                        match after.iter_mut().find(|known| known.role == id) {
                            Some(known) if wait && !known.wait => *known = After { role: id, span: target.span, wait },
                            Some(_) => {}
                            None => after.push(After { role: id, span: target.span, wait }),
                        }
                    }
                }
            }
        }
        after
    }

    /// Whether the options of an `after` ask for waiting whenever a pod starts. Other options were
    /// reported with the shape of the body.
    fn waits(&mut self, options: &'p MapBody, cx: Context<'_>) -> bool {
        let said = options.entries.iter().find_map(|entry| match entry {
            MapEntry::Set { key: Key::Name(key), value } if key.name == "wait" => Some(value),
            MapEntry::Set { .. } | MapEntry::Merge { .. } | MapEntry::For { .. } => None,
        });
        said.is_some_and(|value| {
            let wait = self.eval(value, cx);
            self.convert(wait, &Type::Bool, value.span) == Value::Bool(true)
        })
    }

    /// The roles that a target of `after` means.
    pub fn after_target(&mut self, target: &'p AfterTarget, cx: Context<'_>) -> Vec<RoleIx> {
        let Some(first) = target.path.first() else { return Vec::new() };
        let value = self.target_value(target, cx);
        match value {
            Value::Error => Vec::new(),
            Value::Role(view) => vec![view.role],
            Value::Group(group) => self.whole_group(group, target, first),
            Value::List(items) => items
                .iter()
                .flat_map(|item| match item {
                    Value::Role(view) => vec![view.role],
                    Value::Group(group) => self.whole_group(*group, target, first),
                    _ => Vec::new(),
                })
                .collect(),
            Value::Unset => Vec::new(),
            other => {
                let message = format!("expected a role, found {}", other.kind());
                self.report(Diagnostic::new(Code::BadDependency, target.span, message));
                Vec::new()
            }
        }
    }

    pub fn whole_group(&mut self, group: GroupIx, target: &AfterTarget, first: &Ident) -> Vec<RoleIx> {
        if !target.group {
            let message = format!("`{}` is a group", first.name);
            let help = format!("wait for all of it: `after group {0}`, or for a role: `after {0}.…`", first.name);
            self.report(Diagnostic::new(Code::BadDependency, target.span, message).help(help));
            return Vec::new();
        }
        let roles = self.group(group).roles.clone();
        roles.into_iter().filter(|r| self.role(*r).absent.is_none()).collect()
    }

    /// What the path of a target leads to; its first name is bound.
    pub fn target_value(&mut self, target: &'p AfterTarget, cx: Context<'_>) -> Value {
        let path = &target.path;
        let mut value = Value::Unset;
        for (index, part) in path.iter().enumerate() {
            value = match (index, &value) {
                (0, _) => self.bound_value(part, cx),
                // The namespace of an imported module before its group.
                (1, Value::Unset) => self.bound_value(part, cx),
                (_, Value::Group(group)) => self.group_member(*group, part),
                (_, Value::List(_)) => {
                    let message = format!("`{}` is several groups", path[index - 1].name);
                    let problem = Diagnostic::new(Code::BadDependency, part.span, message);
                    let help = format!(
                        "wait for one: `after {0}[0].{1}`, or for all: `after group {0}`",
                        path[index - 1].name,
                        part.name
                    );
                    self.report(problem.help(help));
                    Value::Error
                }
                (_, Value::Error) => Value::Error,
                _ => {
                    let message = format!("`{}` is {}, not a group", path[index - 1].name, value.kind());
                    let problem = Diagnostic::new(Code::BadDependency, part.span, message);
                    self.report(problem.help("a role of another group is `group.role`"));
                    Value::Error
                }
            };
            if let Some((at, number)) = &target.index
                && *at == index + 1
            {
                value = self.indexed(value, number, path[0].span.to(number.span), cx);
            }
        }
        value
    }

    pub fn bound_value(&mut self, name: &'p Ident, cx: Context<'_>) -> Value {
        match self.program.binding(name.span.lo) {
            Some(Binding::Namespace(_)) => Value::Unset,
            Some(_) => self.name(&name.name, name.span, cx),
            None => Value::Error,
        }
    }
}
