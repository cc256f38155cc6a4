//! What is made ready on nodes before pods of a role start there.

use super::container::Source;
use super::state::{Checker, Context, View};
use super::table::FieldValue;
use super::value::Value;
use super::{WarmNodes, WarmUp};
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::resolve::Type;
use crate::source::Span;

const FIELD: &str = "warm-up";

/// Seconds for the largest engine images and a few hundred gigabytes of weights.
const DEADLINE: u32 = 1_800;
/// Registries and networks fail for a moment.
const RETRIES: u32 = 3;
/// More tries than a deadline has room for: what fails so often fails for ever.
const MOST_RETRIES: i64 = 100;

impl Checker<'_, '_, '_> {
    /// The warm-up of a role; `None` when it has none.
    pub fn warm_up(&mut self, view: View) -> Option<WarmUp> {
        if !self.asks_for_warm_up(view) {
            return None;
        }
        let table = self.table(view);
        let span = table.field(FIELD).last()?.statement.span;
        let mut warm_up = WarmUp {
            command: None,
            images: Vec::new(),
            nodes: WarmNodes::Planned,
            cpu: None,
            memory: None,
            deadline: DEADLINE,
            retries: RETRIES,
            span,
        };
        for (key, value, at) in self.get_map(Source { view, table: &table, main: true }, FIELD) {
            self.warm_up_option(&mut warm_up, &key, value, at);
        }
        Some(warm_up)
    }

    /// A block asks for it, even an empty one; `= unset` takes that back.
    fn asks_for_warm_up(&mut self, view: View) -> bool {
        let table = self.table(view);
        let mut asked = false;
        for contribution in table.field(FIELD) {
            asked = match contribution.field() {
                Some(FieldValue::Merge(_)) => true,
                Some(FieldValue::Replace(expr)) => {
                    let value = self.eval(expr, Context::of(contribution.frame, view));
                    !matches!(value, Value::Unset | Value::Error)
                }
                None => asked,
            };
        }
        asked
    }

    fn warm_up_option(&mut self, warm_up: &mut WarmUp, key: &str, value: Value, at: Span) {
        match key {
            "command" => warm_up.command = self.warm_up_command(value, at),
            "images" => {
                if let Value::List(items) = self.convert(value, &Type::List(Box::new(Type::Image)), at) {
                    warm_up.images = items.iter().filter_map(Value::shown).collect();
                    warm_up.images.iter().for_each(|image| self.check_image(image, at));
                }
            }
            "nodes" => warm_up.nodes = self.warm_up_nodes(value, at),
            "cpu" => warm_up.cpu = self.warm_up_amount(value, at),
            "memory" => warm_up.memory = self.warm_up_amount(value, at),
            "deadline" => {
                if let Value::Duration(ms) = self.convert(value, &Type::Duration, at)
                    && let Some(seconds) = self.seconds(ms, at)
                {
                    warm_up.deadline = self.at_least_a_second(seconds, at);
                }
            }
            _ => {
                if let Value::Int(count) = self.convert(value, &Type::Int, at) {
                    warm_up.retries = self.tries(count, at);
                }
            }
        }
    }

    fn warm_up_amount(&mut self, value: Value, at: Span) -> Option<Quantity> {
        match self.convert(value, &Type::Quantity, at) {
            Value::Quantity(amount) if amount.milli >= 0 => Some(amount),
            Value::Quantity(_) => {
                self.negative(at);
                None
            }
            _ => None,
        }
    }

    fn warm_up_command(&mut self, value: Value, at: Span) -> Option<Vec<String>> {
        let Value::List(items) = self.convert(value, &Type::List(Box::new(Type::String)), at) else { return None };
        if items.is_empty() {
            let problem = Diagnostic::new(Code::OutOfRange, at, "`command` of a warm-up runs nothing");
            self.report(problem.help("leave it out to pull the image alone"));
            return None;
        }
        Some(items.iter().filter_map(Value::shown).collect())
    }

    fn warm_up_nodes(&mut self, value: Value, at: Span) -> WarmNodes {
        match self.convert(value, &Type::Union(vec!["planned".into(), "eligible".into()]), at) {
            Value::Str(word) if &*word == "eligible" => WarmNodes::Eligible,
            _ => WarmNodes::Planned,
        }
    }

    fn at_least_a_second(&mut self, seconds: u32, at: Span) -> u32 {
        if seconds == 0 {
            let problem = Diagnostic::new(Code::OutOfRange, at, "`deadline` of a warm-up cannot be 0s");
            self.report(problem.help("it covers the pull of the image and the command, for example `30min`"));
        }
        seconds.max(1)
    }

    fn tries(&mut self, count: i64, at: Span) -> u32 {
        if !(0..=MOST_RETRIES).contains(&count) {
            let message = format!("`retries` of a warm-up cannot be {count}");
            self.report(Diagnostic::new(Code::OutOfRange, at, message).help(format!("from 0 to {MOST_RETRIES}")));
        }
        u32::try_from(count).unwrap_or(0)
    }
}
