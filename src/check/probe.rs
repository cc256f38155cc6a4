//! Health checks.

use super::container::Source;
use super::state::{Checker, Context, View};
use super::table::{ChildKind, Contribution};
use super::value::Value;
use super::{Check, Port, Probe, role_value};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::syntax::{Ident, ProbeCheck, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// The readiness, liveness and start-up probes of a container.
    pub fn probes(&mut self, source: Source<'_, 'p>, ports: &[Port]) -> [Option<Probe>; 3] {
        ["ready", "live", "startup"].map(|kind| self.probe(source, kind, ports))
    }

    fn probe(&mut self, source: Source<'_, 'p>, kind: &str, ports: &[Port]) -> Option<Probe> {
        let all = source.table.child(ChildKind::Probe, kind)?;
        // `ready = unset` removes what lower layers say.
        let removed = source.table.field(kind).iter().filter(|c| is_unset(c)).map(|c| c.layer).max();
        let contributions: Vec<Contribution<'p>> =
            all.iter().filter(|c| removed.is_none_or(|layer| c.layer > layer)).copied().collect();
        self.present_child(&contributions, source.view)?;
        let check = contributions.iter().rev().find_map(|c| match &c.statement.kind {
            StatementKind::Probe(probe) => probe.check.as_ref().map(|check| (check, *c)),
            _ => None,
        });
        let Some((check, from)) = check else {
            let span = contributions.last()?.statement.span;
            let message = format!("`{kind}` has options but no check");
            let help = format!("for example `{kind} http \"/health\" on http`");
            self.report(Diagnostic::new(Code::MissingValue, span, message).help(help));
            return None;
        };
        let check = self.probe_check(check, &from, source, ports)?;
        let view = source.view;
        let mut seconds = |key, default, least| self.probe_seconds(&contributions, view, key, default, least);
        let (every, delay, timeout) = (seconds("every", 10, 1), seconds("delay", 0, 0), seconds("timeout", 1, 1));
        let failures = self.probe_count(&contributions, view, "failures", 3);
        let successes = self.probe_count(&contributions, view, "successes", 1);
        if kind != "ready" && successes != 1 {
            let (_, span) = self.option(&contributions, view, "successes");
            let message = format!("`successes` of `{kind}` can only be 1");
            self.report(Diagnostic::new(Code::OutOfRange, span, message));
        }
        Some(Probe { check, every, delay, timeout, failures, successes })
    }

    fn probe_check(
        &mut self,
        check: &'p ProbeCheck,
        from: &Contribution<'p>,
        source: Source<'_, 'p>,
        ports: &[Port],
    ) -> Option<Check> {
        let cx = Context::of(from.frame, source.view);
        Some(match check {
            ProbeCheck::Http { path, port } => {
                let value = self.eval(path, cx);
                let text = self.known_text(value, path.span)?;
                Check::Http(text, self.probe_port(port, ports, source.view)?.name.clone())
            }
            ProbeCheck::Tcp { port } => Check::Tcp(self.probe_port(port, ports, source.view)?.name.clone()),
            ProbeCheck::Grpc { service, port } => {
                let service = match service {
                    Some(expr) => {
                        let value = self.eval(expr, cx);
                        Some(self.known_text(value, expr.span)?)
                    }
                    None => None,
                };
                Check::Grpc(self.probe_port(port, ports, source.view)?.number, service)
            }
            ProbeCheck::Exec { command } => {
                let value = self.eval(command, cx);
                Check::Exec(self.runtime_texts(value, command.span)?)
            }
        })
    }

    fn probe_port<'q>(&mut self, name: &Ident, ports: &'q [Port], view: View) -> Option<&'q Port> {
        let found = ports.iter().find(|p| p.name == name.name);
        if found.is_none() {
            let known: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
            let role = &self.role(view.role).name.name;
            let problem = role_value::undeclared_port(&name.name, role, name.span, &known);
            self.report(problem);
        }
        found
    }

    fn probe_seconds(
        &mut self,
        contributions: &[Contribution<'p>],
        view: View,
        key: &str,
        default: u32,
        least: u32,
    ) -> u32 {
        let (value, span) = self.option(contributions, view, key);
        match self.convert(value, &Type::Duration, span) {
            Value::Duration(ms) => self.seconds(ms, span).unwrap_or(default).max(least),
            _ => default,
        }
    }

    /// A time in whole seconds; reports fractions and what is too long.
    pub fn seconds(&mut self, ms: i64, span: crate::source::Span) -> Option<u32> {
        let seconds = u32::try_from(ms / 1_000).ok().filter(|s| ms % 1_000 == 0 && *s <= 31_536_000);
        if seconds.is_none() {
            let message = format!("{} is not a whole number of seconds up to a year", super::value::duration_text(ms));
            self.report(Diagnostic::new(Code::OutOfRange, span, message));
        }
        seconds
    }

    fn probe_count(&mut self, contributions: &[Contribution<'p>], view: View, key: &str, default: u32) -> u32 {
        let (value, span) = self.option(contributions, view, key);
        match self.convert(value, &Type::Int, span) {
            Value::Int(n) if (1..=1_000_000).contains(&n) => u32::try_from(n).unwrap_or(default),
            Value::Int(n) => {
                let message = format!("`{key}` cannot be {n}");
                self.report(Diagnostic::new(Code::OutOfRange, span, message).help("1 to 1000000"));
                default
            }
            _ => default,
        }
    }
}

fn is_unset(contribution: &Contribution<'_>) -> bool {
    matches!(&contribution.statement.kind,
        StatementKind::Field { value, .. } if super::role::is_unset(value))
}
