//! How the metrics of a role are read: the block `metrics`. And what it shares with `expose`.

use super::container::Source;
use super::role_value::undeclared_port;
use super::state::{Checker, Context, View};
use super::table::{Contribution, FieldValue, part_bodies};
use super::value::Value;
use super::{Metrics, Part, Port, client_port};
use crate::diag::{Code, Diagnostic};
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::{Body, StatementKind};

impl<'p> Checker<'_, '_, 'p> {
    /// How the metrics of a role are read.
    pub fn metrics(&mut self, view: View, parts: &[Part]) -> Option<Metrics> {
        let table = self.table(view);
        let contributions = table.field("metrics");
        let span = contributions.last()?.statement.span;
        let entries = self.get_map(Source { view, table: &table, main: true }, "metrics");
        if entries.is_empty() && self.is_taken_away(view, contributions) {
            return None;
        }
        let (mut path, mut interval, mut named) = ("/metrics".to_owned(), None, None);
        for (key, value, at) in entries {
            match key.as_str() {
                "port" => named = self.text_of(value, at).map(|name| (name, at)),
                "path" => path = self.path_prefix(value, at).unwrap_or(path),
                "interval" => interval = self.interval(value, at),
                _ => {}
            }
        }
        let ports: Vec<Port> = parts[0].ports().cloned().collect();
        let known = named.clone().or_else(|| Some((ports.iter().find(|p| p.is_metrics())?.name.clone(), span)));
        let port = self.port_of(view, &ports, known.as_ref(), ("metrics", span))?;
        let of_all = |part: &usize| *part == 0 || self.declares(view, *part, &port.name);
        let parts = (0..parts.len()).filter(of_all).collect();
        Some(Metrics { port, path, interval, parts, span })
    }

    fn interval(&mut self, value: Value, at: Span) -> Option<u32> {
        let seconds = self.seconds_of(value, at)?;
        if seconds == 0 {
            let problem = Diagnostic::new(Code::OutOfRange, at, "an `interval` cannot be 0");
            self.report(problem.help("for example `interval = 15s`"));
        }
        Some(seconds)
    }

    /// Whether the block of a part itself declares a port, which every other part then may lack: what
    /// is said of the whole role holds for workers too, but engines answer in the leader only.
    fn declares(&self, view: View, part: usize, port: &str) -> bool {
        let kind = self.part_kind(View { part: part as u16, ..view });
        let layers = &self.role(view.role).layers;
        layers.iter().flat_map(|layer| part_bodies(layer.body, &kind)).any(|body| has_port(body, port))
    }

    /// The port that a block means: the named one, or that which clients mean.
    pub fn port_of(
        &mut self,
        view: View,
        ports: &[Port],
        named: Option<&(String, Span)>,
        (block, span): (&str, Span),
    ) -> Option<Port> {
        let found = client_port(ports, named.map(|(name, _)| name.as_str()));
        if found.is_none() {
            let role = &self.role(view.role).name.name;
            let known: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
            let problem = match named {
                Some((name, at)) => undeclared_port(name, role, *at, &known),
                None => no_port(block, role, span),
            };
            self.report(problem);
        }
        found.cloned()
    }

    /// Whether the topmost statement about a map field is `= unset`.
    pub fn is_taken_away(&mut self, view: View, contributions: &[Contribution<'p>]) -> bool {
        let Some(last) = contributions.last() else { return true };
        let Some(FieldValue::Replace(expr)) = last.field() else { return false };
        self.eval(expr, Context::of(last.frame, view)) == Value::Unset
    }

    pub fn text_of(&mut self, value: Value, at: Span) -> Option<String> {
        match self.convert(value, &Type::String, at) {
            Value::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    pub fn seconds_of(&mut self, value: Value, at: Span) -> Option<u32> {
        match self.convert(value, &Type::Duration, at) {
            Value::Duration(ms) => self.seconds(ms, at),
            _ => None,
        }
    }

    /// The beginning of the path of a request.
    pub fn path_prefix(&mut self, value: Value, at: Span) -> Option<String> {
        let path = self.text_of(value, at)?;
        let sound = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(c);
        let plain = path.split('/').all(|segment| !matches!(segment, "." | ".."));
        if path.starts_with('/') && path.len() <= 1024 && path.chars().all(sound) && plain && !path.contains("//") {
            return Some(path);
        }
        let problem = Diagnostic::new(Code::OutOfRange, at, format!("\"{path}\" is not the path of a request"));
        self.report(problem.help("begin it with `/`, without empty segments, `.`, `..`, `%`, `?` and `#`"));
        None
    }
}

/// Whether a body, or a container in it, declares a port.
fn has_port(body: &Body, port: &str) -> bool {
    body.statements.iter().any(|statement| match &statement.kind {
        StatementKind::Port { name, .. } => name.name == port,
        StatementKind::Child { body, .. } => has_port(body, port),
        _ => false,
    })
}

fn no_port(field: &str, role: &str, span: Span) -> Diagnostic {
    let message = format!("`{field}` needs a port, and role `{role}` has none that is meant");
    Diagnostic::new(Code::MissingValue, span, message)
        .help("say which: `port = \"…\"`; by default it is the only one beside that of metrics, or `http`")
}
