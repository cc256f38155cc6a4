//! Evaluates expressions.

use super::Piece;
use super::mistakes;
use super::state::{Checker, Context, Goal, Memo, Slot, View};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::resolve::{Binding, DefId, Type};
use crate::source::Span;
use crate::syntax::{BinaryOp, Expr, ExprKind, Ident, ItemKind, StrPart};

/// The most elements of a list or map.
pub(super) const MAX_ELEMENTS: usize = 100_000;
/// The most bytes of a text.
pub(super) const MAX_TEXT: usize = 1 << 20;

impl<'p> Checker<'_, '_, 'p> {
    /// The value of an expression. Mistakes are reported and give [`Value::Error`].
    pub fn eval(&mut self, expr: &'p Expr, cx: Context<'_>) -> Value {
        if !self.burn(1, expr.span) {
            return Value::Error;
        }
        match &expr.kind {
            ExprKind::Int(i) => Value::Int(*i),
            ExprKind::Float(f) => Value::Float(*f),
            ExprKind::Bool(b) => Value::Bool(*b),
            ExprKind::Str(parts) => self.string(parts, expr.span, cx),
            ExprKind::Quantity(text) => Quantity::parse(text).map_or(Value::Error, Value::Quantity),
            ExprKind::Duration(ms) => Value::Duration(i64::try_from(*ms).unwrap_or(i64::MAX)),
            ExprKind::Percent(p) => Value::Percent(*p),
            ExprKind::Ratio(a, b) => Value::Ratio(*a, *b),
            ExprKind::List(items) => Value::list(items.iter().map(|i| self.eval(i, cx)).collect()),
            ExprKind::Map(body) => self.map(body, cx),
            ExprKind::Name(name) => self.name(name, expr.span, cx),
            ExprKind::Field(base, member) => self.field_access(base, member, cx),
            ExprKind::Index(base, index) => self.index(base, index, expr.span, cx),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, expr.span, cx),
            ExprKind::Unary(op, operand) => {
                let value = self.eval(operand, cx);
                self.unary(*op, value, operand.span)
            }
            ExprKind::Binary(op, left, right) => self.binary_expr(*op, left, right, expr.span, cx),
            ExprKind::Is(value, path) => {
                let value = self.eval(value, cx);
                self.is_made_from(value, path, expr.span)
            }
            ExprKind::If(condition, then, otherwise) => match self.condition(condition, cx) {
                Some(true) => self.eval(then, cx),
                Some(false) => self.eval(otherwise, cx),
                None => Value::Error,
            },
            ExprKind::For { variables, iterable, condition, element } => {
                let mut items = Vec::new();
                let whole = self.each(variables, iterable, condition.as_deref(), cx, &mut |checker, cx| {
                    items.push(checker.eval(element, cx));
                });
                if whole { Value::list(items) } else { Value::Error }
            }
            ExprKind::Unset => Value::Unset,
            ExprKind::Inherited => self.inherited(expr.span, cx),
        }
    }

    /// Counts evaluation steps; false when the limit is reached, which is reported once.
    pub fn burn(&mut self, steps: u64, span: Span) -> bool {
        if self.fuel == 0 {
            return false;
        }
        self.fuel = self.fuel.saturating_sub(steps);
        if self.fuel == 0 {
            let message = format!("evaluation takes more than {} steps", super::MAX_FUEL);
            let help = "build smaller lists, or split the compilation";
            self.report(Diagnostic::new(Code::LimitExceeded, span, message).help(help));
            return false;
        }
        true
    }

    /// A condition: `None` when it is not a Bool, which is reported.
    pub fn condition(&mut self, expr: &'p Expr, cx: Context<'_>) -> Option<bool> {
        match self.eval(expr, cx) {
            Value::Bool(b) => Some(b),
            Value::Error => None,
            other => {
                self.report(mistakes::not_a_condition(other.kind(), expr.span));
                None
            }
        }
    }

    fn binary_expr(&mut self, op: BinaryOp, left: &'p Expr, right: &'p Expr, span: Span, cx: Context<'_>) -> Value {
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return match self.condition(left, cx) {
                None => Value::Error,
                Some(value) if value == (op == BinaryOp::Or) => Value::Bool(value),
                Some(_) => self.condition(right, cx).map_or(Value::Error, Value::Bool),
            };
        }
        let a = self.eval(left, cx);
        let b = self.eval(right, cx);
        self.binary(op, (a, left.span), (b, right.span), span)
    }

    fn string(&mut self, parts: &'p [StrPart], span: Span, cx: Context<'_>) -> Value {
        if let [StrPart::Text(text)] = parts {
            return Value::str(text);
        }
        let mut pieces = Vec::with_capacity(parts.len());
        let mut bytes = 0;
        for part in parts {
            match part {
                StrPart::Text(text) => pieces.push(Piece::Text(text.clone())),
                StrPart::Expr(expr) => {
                    let value = self.eval(expr, cx);
                    match self.text_pieces(value, expr.span) {
                        Some(more) => pieces.extend(more),
                        None => return Value::Error,
                    }
                }
            }
            if let Some(Piece::Text(text)) = pieces.last() {
                bytes += text.len();
            }
        }
        if !self.text_fits(bytes, span) {
            return Value::Error;
        }
        Value::text(pieces)
    }

    /// Whether a text is short enough; reports otherwise.
    pub fn text_fits(&mut self, bytes: usize, span: Span) -> bool {
        if bytes > MAX_TEXT {
            let message = format!("a text of more than {} MiB", MAX_TEXT >> 20);
            self.report(Diagnostic::new(Code::LimitExceeded, span, message));
            return false;
        }
        self.burn(bytes as u64 / 64, span)
    }

    /// A value inside a text.
    pub fn text_pieces(&mut self, value: Value, span: Span) -> Option<Vec<Piece>> {
        if let Some(pieces) = value.pieces() {
            return Some(pieces);
        }
        if let Some(text) = value.shown() {
            return Some(vec![Piece::Text(text)]);
        }
        if value == Value::Unset {
            let help = "test it first: `if x != unset then … else …`";
            self.report(Diagnostic::new(Code::MissingValue, span, "this has no value").help(help));
        } else if !value.is_error() {
            self.report(mistakes::not_in_a_text(value.kind(), span));
        }
        None
    }

    /// The value of a bound name.
    pub fn name(&mut self, name: &str, span: Span, cx: Context<'_>) -> Value {
        let Some(binding) = self.program.binding(span.lo) else { return Value::Error };
        match binding {
            Binding::Loop => {
                let mut at = cx.loops;
                while let Some(variable) = at {
                    if variable.name == name {
                        return variable.value.clone();
                    }
                    at = variable.outer;
                }
                Value::Error
            }
            Binding::Field(field) => match cx.view {
                Some(view) => self.field(view, field, span),
                None => Value::Error,
            },
            Binding::Local | Binding::Index => self.local(name, span, cx),
            Binding::Item(def) => self.item(def, span),
            Binding::Group => match cx.view.map(|v| self.role(v.role).group).or_else(|| self.frame_group(cx.frame)) {
                Some(group) => Value::Group(group),
                None => Value::Error,
            },
            Binding::Runtime(word) => {
                self.report(mistakes::lone_runtime(word, span));
                Value::Error
            }
            // A declaration or import that was reported as broken.
            Binding::Namespace(module)
                if self.session.sources.file_of(span) == Some(self.program.modules[module.0 as usize].file) =>
            {
                Value::Error
            }
            Binding::Namespace(_) => {
                self.report(Diagnostic::new(Code::TypeMismatch, span, format!("`{name}` is a module, not a value")));
                Value::Error
            }
            Binding::Builtin(_) => Value::Error,
        }
    }

    fn local(&mut self, name: &str, span: Span, cx: Context<'_>) -> Value {
        let Some(index) = self.find_slot(cx.frame, name) else { return Value::Error };
        let (expr, frame, ty) = match &self.slots[index as usize].slot {
            Slot::Value(Value::Role(view)) => {
                let view = *view;
                return self.present(view, span);
            }
            Slot::Value(value) => return value.clone(),
            Slot::Thunk { expr, frame, ty, .. } => (*expr, *frame, ty.clone()),
        };
        let goal = Goal::Slot(index, cx.view);
        let memo = self.slots[index as usize].memo.get(&cx.view).cloned();
        self.remember(goal, span, memo, |checker| {
            let value = checker.eval(expr, Context { frame, view: cx.view, loops: None, inherited: None });
            match ty {
                Some(ty) => checker.convert(value, &ty, expr.span),
                None => value,
            }
        })
    }

    /// A role that is there; an error for one whose condition is false.
    pub fn present(&mut self, view: View, span: Span) -> Value {
        let role = self.role(view.role);
        match role.absent {
            None => Value::Role(view),
            Some(when) => {
                let message = format!("role `{}` is absent here", role.name.name);
                self.report(
                    Diagnostic::new(Code::AbsentRole, span, message)
                        .label(when, "this condition is false")
                        .help("guard the use with the same condition: `if … then … else …` or `when …`"),
                );
                Value::Error
            }
        }
    }

    /// A parameter or `let` of a file, or a group as a value.
    pub fn item(&mut self, def: DefId, span: Span) -> Value {
        let program = self.program;
        let item = program.item(def);
        let (expr, ty) = match &item.kind {
            ItemKind::Param(param) => {
                if let Some(Memo::Done(value, _)) = self.items.get(&def) {
                    return value.clone();
                }
                let given = self.set_param(def, param);
                let given =
                    if param.default.is_none() { given.or_else(|| Some(self.missing_param(param))) } else { given };
                if let Some(value) = given {
                    self.items.insert(def, Memo::Done(value.clone(), None));
                    return value;
                }
                let Some(default) = &param.default else { return Value::Error };
                (default, Some(Type::of(program, &param.ty)))
            }
            ItemKind::Let(binding) => (&binding.value, binding.ty.as_ref().map(|t| Type::of(program, t))),
            ItemKind::Group(_) => return self.group_value(def, span),
            _ => {
                self.report(mistakes::not_a_value(program.name(def), span));
                return Value::Error;
            }
        };
        let memo = self.items.get(&def).cloned();
        let frame = self.module_frame(def.module);
        self.remember(Goal::Item(def), span, memo, |checker| {
            let value = checker.eval(expr, Context::new(frame));
            match ty {
                Some(ty) => checker.convert(value, &ty, expr.span),
                None => value,
            }
        })
    }

    fn group_value(&mut self, def: DefId, span: Span) -> Value {
        match self.group_of.get(&def).map(Vec::as_slice) {
            Some([only]) if self.group(*only).index.is_none() => Value::Group(*only),
            Some(many) if !many.is_empty() => Value::list(many.iter().map(|g| Value::Group(*g)).collect()),
            _ if self.setting_up => {
                let name = self.program.name(def);
                let message = format!("group `{name}` is not known yet: the number after `x` cannot use it");
                self.report(Diagnostic::new(Code::ValueCycle, span, message));
                Value::Error
            }
            _ => {
                let message = format!("group `{}` is not part of this compilation", self.program.name(def));
                let help = "compile its file as well: only groups that are compiled together can name each other";
                self.report(Diagnostic::new(Code::UnknownName, span, message).help(help));
                Value::Error
            }
        }
    }
}

pub(super) fn named_block(name: &Ident) -> Diagnostic {
    Diagnostic::new(Code::MisplacedStatement, name.span, format!("a named block `{}` stands only in `pod`", name.name))
        .help("write `key { … }` or `key = value`")
}
