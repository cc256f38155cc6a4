//! Who chooses the number of instances, and by what.

use super::container::Source;
use super::state::{Checker, View};
use super::value::Value;
use super::{Autoscale, Metric, Part, Replicas};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;

/// What an autoscaler is told besides what it measures.
const BESIDE: [&str; 3] = ["activation", "cooldown", "stabilization"];

impl Checker<'_, '_, '_> {
    pub fn autoscale(&mut self, view: View) -> Option<Autoscale> {
        let table = self.table(view);
        let last = table.field("autoscale").last()?;
        let span = last.statement.span;
        let source = Source { view, table: &table, main: true };
        let entries = self.get_map(source, "autoscale");
        let mut metric = None;
        let (mut stabilization, mut activation, mut cooldown) = (None, None, None);
        for (key, value, at) in entries {
            match (key.as_str(), value) {
                ("stabilization", value) => {
                    if let Value::Duration(ms) = self.convert(value, &Type::Duration, at) {
                        stabilization = self.seconds(ms, at).filter(|seconds| self.can_look_back(*seconds, at));
                    }
                }
                ("cooldown", value) => {
                    if let Value::Duration(ms) = self.convert(value, &Type::Duration, at) {
                        cooldown = self.seconds(ms, at);
                    }
                }
                ("activation", value) => match self.convert(value, &Type::Quantity, at) {
                    Value::Quantity(least) if least.milli < 0 => drop(self.negative(at)),
                    Value::Quantity(least) => activation = Some(least),
                    _ => {}
                },
                ("metric", Value::Metric(m)) => metric = Some((*m).clone()),
                ("metric", other) => {
                    self.wrong("metric(…)", &other, at);
                }
                (name, value) => {
                    if let Value::Percent(p) = self.convert(value, &Type::Percent, at) {
                        if !(1.0..=1000.0).contains(&p) || p.fract() != 0.0 {
                            let message = format!("{p}% is not a whole percentage above 0");
                            self.report(Diagnostic::new(Code::OutOfRange, at, message));
                        } else {
                            metric = Some(Metric::Resource { name: name.to_owned(), utilization: p as u32 });
                        }
                    }
                }
            }
        }
        let Some(metric) = metric else {
            // What is there and wrong was reported.
            if self.keys(view, "autoscale").iter().any(|key| !BESIDE.contains(&key.as_str())) {
                return None;
            }
            let problem = Diagnostic::new(Code::MissingValue, span, "`autoscale` measures nothing");
            self.report(problem.help("`cpu = 70%`, `memory = 80%` or `metric = metric(\"name\", 10)`"));
            return None;
        };
        Some(Autoscale { metric, stabilization, activation, cooldown, span })
    }

    /// The API server refuses a longer stabilization window.
    fn can_look_back(&mut self, seconds: u32, at: Span) -> bool {
        const MOST: u32 = 3600;
        if seconds > MOST {
            let problem = Diagnostic::new(Code::OutOfRange, at, "autoscalers look back for an hour at most");
            self.report(problem.help("`stabilization = 1h` or less"));
        }
        seconds <= MOST
    }

    /// Nothing is left to measure when no instance runs, but what Prometheus knows.
    fn check_zero(&mut self, replicas: Replicas, autoscale: &Autoscale, span: Span) {
        let outside = matches!(autoscale.metric, Metric::Prometheus { .. });
        if replicas.min == 0 && !outside {
            let help = "an autoscaler needs at least one instance to measure; `metric = prometheus(…)` does not";
            let problem = Diagnostic::new(Code::OutOfRange, span, "`replicas` cannot begin at 0").help(help);
            self.report(problem);
        }
        let waits = autoscale.activation.is_some() || autoscale.cooldown.is_some();
        if waits && (replicas.min > 0 || !outside) {
            let message = "`activation` and `cooldown` are about the first instance, which always runs here";
            let problem = Diagnostic::new(Code::FieldConflict, autoscale.span, message);
            self.report(
                problem
                    .label(span, "from here")
                    .help("begin at 0 and measure by `prometheus(…)`, or say `stabilization` alone"),
            );
        }
    }

    pub fn check_autoscale(&mut self, view: View, replicas: Replicas, autoscale: Option<&Autoscale>, parts: &[Part]) {
        let span = self.field_span(view, "replicas");
        match (replicas.autoscaled(), autoscale) {
            (true, None) if self.table(view).field("autoscale").is_empty() => {
                let message = format!("`replicas = {}..{}` needs an `autoscale`", replicas.min, replicas.max);
                self.report(
                    Diagnostic::new(Code::MissingValue, span, message)
                        .help("for example `autoscale { cpu = 70% }`, or fix the number"),
                );
            }
            (false, Some(autoscale)) => {
                let problem = Diagnostic::new(Code::FieldConflict, autoscale.span, "`autoscale` of a fixed number");
                self.report(problem.label(span, "this is not a range").help("write a range: `replicas = 1..4`"));
            }
            (true, Some(autoscale)) => {
                self.check_zero(replicas, autoscale, span);
                if let Metric::Resource { name, .. } = &autoscale.metric {
                    let resources = &parts[0].pod.main.resources;
                    let asked = if name == "cpu" { resources.cpu } else { resources.memory };
                    if asked.is_none() {
                        let message = format!("`autoscale` measures `{name}`, which the role does not request");
                        let problem = Diagnostic::new(Code::MissingValue, autoscale.span, message);
                        self.report(problem.help(format!("set `{name}`: the percentage is one of the request")));
                    }
                }
            }
            (_, None) => {}
        }
    }
}
