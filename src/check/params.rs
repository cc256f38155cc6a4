//! Parameters of files, set from outside.

use super::state::Checker;
use super::value::Value;
use crate::diag::{Code, Diagnostic, suggestion};
use crate::quantity::Quantity;
use crate::resolve::{DefId, Type};
use crate::syntax::{ItemKind, Param};

impl Checker<'_, '_, '_> {
    /// The value that the command line or the project file gives to a parameter of an entry file.
    pub fn set_param(&mut self, def: DefId, param: &Param) -> Option<Value> {
        if !self.program.modules[def.module.0 as usize].entry {
            return None;
        }
        let text = &self.options.set.iter().rev().find(|(name, _)| *name == param.name.name)?.1;
        let ty = Type::of(self.program, &param.ty);
        match read(text, &ty) {
            Some(value) => Some(self.convert(value, &ty, param.name.span)),
            None => {
                let message = format!("`{}` cannot be \"{text}\": expected {ty}", param.name.name);
                let problem = Diagnostic::new(Code::BadParameter, param.name.span, message);
                self.report(problem.help(format!("set it with `--set {}=…`", param.name.name)));
                Some(Value::Error)
            }
        }
    }

    pub fn missing_param(&mut self, param: &Param) -> Value {
        let message = format!("parameter `{}` has no value", param.name.name);
        let help = format!("set it with `--set {}=…`, or give it a default", param.name.name);
        self.report(Diagnostic::new(Code::MissingValue, param.name.span, message).help(help));
        Value::Error
    }

    /// Reports settings that no file declares.
    pub fn check_params(&mut self) {
        let program = self.program;
        let mut known: Vec<&str> = Vec::new();
        for (_, module) in program.modules().filter(|(_, m)| m.entry) {
            for item in &module.ast.items {
                if let ItemKind::Param(param) = &item.kind {
                    known.push(&param.name.name);
                }
            }
        }
        known.sort_unstable();
        for (name, _) in &self.options.set {
            if !known.contains(&name.as_str()) {
                let mut problem =
                    Diagnostic::nowhere(Code::BadParameter, format!("no file declares the parameter `{name}`"));
                problem.help = suggestion(name, &known);
                self.session.report(problem);
            }
        }
    }
}

impl Checker<'_, '_, '_> {
    /// Evaluates every parameter and `let` of the entry files, so that a mistake in one is reported
    /// even when nothing uses it.
    pub fn evaluate_items(&mut self) {
        let program = self.program;
        for (module, source) in program.modules().filter(|(_, m)| m.entry) {
            for (index, item) in source.ast.items.iter().enumerate() {
                let span = match &item.kind {
                    ItemKind::Param(param) => param.name.span,
                    ItemKind::Let(binding) => binding.name.span,
                    _ => continue,
                };
                self.item(DefId { module, item: index as u32 }, span);
            }
        }
    }
}

/// A text as a value of a type; `None` when it is not one.
fn read(text: &str, ty: &Type) -> Option<Value> {
    Some(match ty {
        Type::Int | Type::Port => Value::Int(text.parse().ok()?),
        Type::Float => Value::Float(text.parse().ok().filter(|f: &f64| f.is_finite())?),
        Type::Bool => Value::Bool(text.parse().ok()?),
        Type::Union(words) if words.iter().all(|word| word != text) => return None,
        Type::Quantity => Value::Quantity(Quantity::parse(text)?),
        Type::Percent => Value::Percent(text.strip_suffix('%')?.parse().ok().filter(|p: &f64| p.is_finite())?),
        Type::Duration => {
            let split = text.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, unit) = text.split_at(split);
            let size = match unit {
                "ms" => 1,
                "s" => 1_000,
                "min" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            Value::Duration(number.parse::<i64>().ok()?.checked_mul(size)?)
        }
        Type::Ratio => {
            let (a, b) = text.split_once(':')?;
            let (a, b) = (a.parse().ok()?, b.parse().ok()?);
            if a == 0 || b == 0 {
                return None;
            }
            Value::Ratio(a, b)
        }
        Type::Range => match text.split_once("..") {
            Some((a, b)) => {
                let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
                if a > b {
                    return None;
                }
                Value::Range(a, b)
            }
            None => Value::Int(text.parse().ok()?),
        },
        Type::List(element) if text.is_empty() => {
            let _ = element;
            Value::list(Vec::new())
        }
        // A list on the command line is separated by commas.
        Type::List(element) => Value::list(text.split(',').map(|t| read(t, element)).collect::<Option<_>>()?),
        Type::String | Type::Image | Type::Model | Type::Level | Type::Link | Type::Runtime | Type::Union(_) => {
            Value::str(text)
        }
        Type::Any | Type::Map(_) | Type::Record(_) | Type::Role(_) | Type::Group => return None,
    })
}
