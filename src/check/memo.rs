//! Values are evaluated once; one that is needed while it is being evaluated is a cycle.

use std::sync::Arc;

use super::state::{Checker, Goal, Memo, Step, Use, View};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;

/// The most values that wait for each other at once.
const MAX_STEPS: usize = 400;

impl Checker<'_, '_, '_> {
    /// Evaluates a goal once, finds cycles, and keeps which roles were used on the way.
    pub fn remember(
        &mut self,
        goal: Goal,
        span: Span,
        memo: Option<Memo>,
        evaluate: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        match memo {
            Some(Memo::Done(value, uses)) => {
                self.trace.extend(uses.iter().flat_map(|uses| uses.iter()).cloned());
                return value;
            }
            Some(Memo::Busy) => return self.value_cycle(&goal, span),
            None => {}
        }
        if self.steps.len() >= MAX_STEPS {
            let message = format!("more than {MAX_STEPS} values wait for each other");
            self.report(Diagnostic::new(Code::LimitExceeded, span, message));
            return Value::Error;
        }
        self.store(&goal, Memo::Busy);
        self.steps.push(Step { goal: goal.clone(), span });
        let mark = self.trace.len();
        let value = evaluate(self);
        let uses: Option<Arc<[Use]>> = (self.trace.len() > mark).then(|| self.trace[mark..].into());
        self.steps.pop();
        self.store(&goal, Memo::Done(value.clone(), uses));
        value
    }

    /// What a goal is called in messages.
    fn goal_name(&self, goal: &Goal) -> String {
        let role = |view: &View| &self.role(view.role).name.name;
        match goal {
            Goal::Item(def) => self.program.name(*def).to_owned(),
            Goal::Slot(index, _) => self.slots[*index as usize].name.to_owned(),
            Goal::Field(view, field) => format!("{}.{field}", role(view)),
            Goal::Entry(view, field, key) => format!("{}.{field}.{key}", role(view)),
            Goal::Port(view, name) => format!("{}.port.{name}", role(view)),
        }
    }

    fn store(&mut self, goal: &Goal, memo: Memo) {
        match goal {
            Goal::Item(def) => {
                self.items.insert(*def, memo);
            }
            Goal::Slot(index, view) => {
                self.slots[*index as usize].memo.insert(*view, memo);
            }
            Goal::Field(view, field) => {
                self.role_mut(view.role).fields.insert((view.part, field), memo);
            }
            Goal::Entry(view, field, key) => {
                let entries = self.role_mut(view.role).entries.entry((view.part, field)).or_default();
                entries.insert(key.clone(), memo);
            }
            Goal::Port(view, name) => {
                self.role_mut(view.role).ports.insert((view.part, name.clone()), memo);
            }
        }
    }

    fn value_cycle(&mut self, goal: &Goal, span: Span) -> Value {
        let start = self.steps.iter().position(|s| s.goal == *goal).unwrap_or(0);
        let steps = &self.steps[start..];
        let names: Vec<String> = steps.iter().map(|s| self.goal_name(&s.goal)).collect();
        let chain: Vec<String> = names.iter().chain(names.first()).map(|n| format!("`{n}`")).collect();
        let first = names.first().cloned().unwrap_or_default();
        let mut problem =
            Diagnostic::new(Code::ValueCycle, span, format!("values depend on each other: {}", chain.join(" → ")))
                .here(format!("needs `{first}` again"));
        for (step, name) in steps.iter().zip(&names).skip(1) {
            problem = problem.label(step.span, format!("needs `{name}`"));
        }
        self.report(problem.help("give one of them a value that does not depend on the others"));
        Value::Error
    }
}
