//! Assertions, and why they failed.

use super::state::{Checker, Context, RoleIx, View};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{Assert, BinaryOp, ExprKind, ItemKind, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// Checks one assertion. `at` is where it is reported when that is not its own place: the use
    /// of the template or edge that makes it.
    pub fn assertion(&mut self, assert: &'p Assert, cx: Context<'_>, at: Option<Span>) {
        if self.condition(&assert.condition, cx) != Some(false) {
            return;
        }
        let said = assert.message.as_ref().and_then(|message| {
            let value = self.eval(message, cx);
            self.known_text(value, message.span)
        });
        let condition =
            self.session.sources.text(assert.condition.span).split_whitespace().collect::<Vec<_>>().join(" ");
        let message = said.clone().unwrap_or_else(|| format!("assertion failed: `{condition}`"));
        let mut problem = Diagnostic::new(Code::AssertionFailed, at.unwrap_or(assert.condition.span), message);
        let sides = self.sides(assert, cx);
        problem = match at {
            None => problem.here(sides),
            Some(_) => {
                let why =
                    if sides.is_empty() { "this must hold".to_owned() } else { format!("this must hold: {sides}") };
                problem.label(assert.condition.span, why)
            }
        };
        self.report(problem);
    }

    /// The values of the two sides of a comparison.
    fn sides(&mut self, assert: &'p Assert, cx: Context<'_>) -> String {
        let ExprKind::Binary(op, left, right) = &assert.condition.kind else { return String::new() };
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return String::new();
        }
        let left = self.eval(left, cx);
        let right = self.eval(right, cx);
        match (self.forced(left), self.forced(right)) {
            (Value::Error, _) | (_, Value::Error) => String::new(),
            (left, right) => format!("left is {}, right is {}", left.brief(), right.brief()),
        }
    }

    /// Assertions of a role, its templates and mixins.
    pub fn role_assertions(&mut self, ix: RoleIx) {
        let layers = self.role(ix).layers.clone();
        for layer in layers {
            for statement in &layer.body.statements {
                if let StatementKind::Assert(assert) = &statement.kind {
                    self.assertion(assert, Context::of(layer.frame, View { role: ix, part: 0 }), layer.call);
                }
            }
        }
    }

    /// Assertions of files, groups, group templates and edges.
    pub fn other_assertions(&mut self) {
        let program = self.program;
        for (module, source) in program.modules() {
            for item in &source.ast.items {
                if let ItemKind::Assert(assert) = &item.kind {
                    let frame = self.module_frame(module);
                    self.assertion(assert, Context::new(frame), None);
                }
            }
        }
        for index in 0..self.groups.len() {
            let layers = self.groups[index].layers.clone();
            for layer in layers {
                for statement in &layer.body.statements {
                    if let StatementKind::Assert(assert) = &statement.kind {
                        self.assertion(assert, Context::new(layer.frame), layer.call);
                    }
                }
            }
            let edges: Vec<_> =
                self.groups[index].connects.iter().filter_map(|c| c.edge.map(|e| (e, c.statement.span))).collect();
            for ((def, frame), span) in edges {
                let ItemKind::Edge(edge) = &program.item(def).kind else { continue };
                for statement in &edge.body.statements {
                    if let StatementKind::Assert(assert) = &statement.kind {
                        self.assertion(assert, Context::new(frame), Some(span));
                    }
                }
            }
        }
    }
}
