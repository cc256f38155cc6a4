//! Ports of containers.

use super::Port;
use super::container::Source;
use super::state::{Checker, Context, View};
use super::table::{ChildKind, Contribution};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::StatementKind;

impl<'p> Checker<'_, '_, 'p> {
    pub fn ports(&mut self, source: Source<'_, 'p>) -> Vec<Port> {
        let mut ports: Vec<Port> = Vec::new();
        for (name, contributions) in source.table.children(ChildKind::Port) {
            let Some(last) = self.present_child(contributions, source.view) else { continue };
            let StatementKind::Port { name: ident, .. } = &last.statement.kind else { continue };
            let Some(Value::Int(number)) = self.port_value(contributions, source.view) else { continue };
            let Ok(number) = u16::try_from(number) else { continue };
            self.check_port_name(name, ident.span);
            let protocol = self.protocol(contributions, source.view);
            if let Some(other) = ports.iter().find(|p| p.number == number && p.protocol == protocol) {
                let problem = same_port(name, number, ident.span, &other.name, other.span);
                self.report(problem);
            }
            ports.push(Port { name: name.to_owned(), number, protocol, span: ident.span });
        }
        ports
    }

    /// The number of a port; `None` when nobody gives one that counts.
    pub fn port_value(&mut self, contributions: &[Contribution<'p>], view: View) -> Option<Value> {
        for contribution in contributions.iter().rev() {
            let StatementKind::Port { value: Some(expr), .. } = &contribution.statement.kind else { continue };
            let cx = Context::of(contribution.frame, view);
            if let Some(when) = &contribution.statement.when
                && self.condition(when, cx) != Some(true)
            {
                continue;
            }
            let value = self.eval(expr, cx);
            return match self.convert(value, &Type::Port, expr.span) {
                number @ Value::Int(_) => Some(number),
                Value::Unset => None,
                _ => Some(Value::Error),
            };
        }
        None
    }

    pub fn check_port_name(&mut self, name: &str, span: Span) {
        if name.len() > 15 {
            let message = format!("the port name `{name}` has {} characters", name.len());
            self.report(
                Diagnostic::new(Code::NameTooLong, span, message).help("a port name has at most 15 characters"),
            );
        }
    }

    pub fn protocol(&mut self, contributions: &[Contribution<'p>], view: View) -> &'static str {
        let (value, span) = self.option(contributions, view, "protocol");
        let words = ["TCP", "UDP", "SCTP"];
        match self.convert(value, &Type::Union(words.map(str::to_owned).to_vec()), span) {
            Value::Str(word) => words.into_iter().find(|w| **w == *word).unwrap_or("TCP"),
            _ => "TCP",
        }
    }
}

fn same_port(name: &str, number: u16, span: Span, other: &str, declared: Span) -> Diagnostic {
    Diagnostic::new(Code::DuplicateChild, span, format!("ports `{other}` and `{name}` are both {number}"))
        .label(declared, "declared here")
        .help("give one of them another number")
}
