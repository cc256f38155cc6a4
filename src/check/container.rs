//! Containers: image, command, environment, ports, resources.

use std::collections::BTreeMap;

use super::state::{Checker, Context, View};
use super::table::{Contribution, FieldValue, PartTable};
use super::value::Value;
use super::{Container, EnvValue, Piece, Resources, RuntimeText};
use crate::diag::{Code, Diagnostic};
use crate::quantity::Quantity;
use crate::resolve::vocabulary;
use crate::source::Span;
use crate::syntax::{Key, MapEntry, StatementKind};

/// The fields of a container: those of a part of a role, or those of a sidecar's body.
#[derive(Clone, Copy)]
pub(super) struct Source<'t, 'p> {
    pub view: View,
    pub table: &'t PartTable<'p>,
    /// The part itself, whose fields can be asked for by name from elsewhere.
    pub main: bool,
}

impl<'p> Checker<'_, '_, 'p> {
    /// A container from its fields.
    pub fn container(&mut self, source: Source<'_, 'p>, name: &str, declared: Span) -> Option<Container> {
        let image = self.image(source, declared);
        let pull = match self.get(source, "pull", declared) {
            Value::Str(word) if &*word == "Always" => Some("Always"),
            Value::Str(word) if &*word == "Never" => Some("Never"),
            Value::Str(_) => Some("IfNotPresent"),
            _ => None,
        };
        let command = self.texts(source, "command", declared);
        let mut args = self.texts(source, "args", declared);
        args.extend(self.flags(source, declared));
        let env = self.environment(source);
        let ports = self.ports(source);
        let resources = self.resources(source, declared);
        let probes = self.probes(source, &ports);
        let mounts = self.mounts(source);
        let (image, image_span) = image?;
        let [ready, live, startup] = probes;
        Some(Container {
            name: name.to_owned(),
            image,
            image_span,
            pull,
            command,
            args,
            env,
            ports,
            resources,
            ready,
            live,
            startup,
            mounts,
        })
    }

    /// A scalar field.
    pub fn get(&mut self, source: Source<'_, 'p>, name: &'static str, span: Span) -> Value {
        if source.main {
            return self.field(source.view, name, span);
        }
        let contributions = source.table.field(name);
        match vocabulary::role_field(name) {
            Some(field) if !contributions.is_empty() => {
                self.scalar_below(source.view, name, field.kind, contributions, span)
            }
            _ => Value::Unset,
        }
    }

    /// The entries of a map field with their places; unset ones are left out.
    pub fn get_map(&mut self, source: Source<'_, 'p>, field: &'static str) -> Vec<(String, Value, Span)> {
        let contributions = source.table.field(field);
        let keys = self.keys_below(Some(source.view), contributions);
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            let span = entry_span(contributions, &key);
            let value = match source.main {
                true => self.entry(source.view, field, &key, span),
                false => self.entry_below(source.view, field, &key, contributions, true),
            };
            if !matches!(value, Value::Unset | Value::Error) {
                entries.push((key, value, span));
            }
        }
        entries
    }

    fn span_of(&self, source: Source<'_, 'p>, name: &str, declared: Span) -> Span {
        source.table.field(name).last().map_or(declared, Contribution::span)
    }

    fn image(&mut self, source: Source<'_, 'p>, declared: Span) -> Option<(String, Span)> {
        let span = self.span_of(source, "image", declared);
        match self.get(source, "image", declared) {
            Value::Str(image) => {
                self.check_image(&image, span);
                Some((image.to_string(), span))
            }
            Value::Unset if self.role(source.view.role).broken => None,
            Value::Unset => {
                let problem = Diagnostic::new(Code::MissingValue, declared, "`image` is not set");
                self.report(problem.help("set it here, or in the template"));
                None
            }
            _ => None,
        }
    }

    pub fn check_image(&mut self, image: &str, span: Span) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        if image.is_empty() || !image.chars().all(legal) || image.starts_with(['/', ':', '@', '.', '-']) {
            let message = format!("\"{image}\" is not an image reference");
            self.report(
                Diagnostic::new(Code::TypeMismatch, span, message).help("for example `\"python:3.13.1-slim\"`"),
            );
            return;
        }
        let last = image.rsplit('/').next().unwrap_or(image);
        let floating = match (image.contains('@'), last.split_once(':')) {
            (true, _) => None,
            (false, None) => Some("it has no tag"),
            (false, Some((_, tag))) => {
                let moving = ["latest", "main", "master", "nightly", "edge", "stable", "dev"];
                moving.contains(&tag).then_some("its tag moves")
            }
        };
        if let Some(why) = floating {
            let problem = Diagnostic::new(Code::FloatingTag, span, format!("the image \"{image}\" may change: {why}"));
            self.report(problem.help("name a version, or better a digest: `\"name:1.2.3@sha256:…\"`"));
        }
    }

    fn texts(&mut self, source: Source<'_, 'p>, name: &'static str, declared: Span) -> Vec<RuntimeText> {
        let span = self.span_of(source, name, declared);
        let value = self.get(source, name, declared);
        let texts = self.runtime_texts(value, span).unwrap_or_default();
        texts.iter().for_each(|t| self.check_text(t, span));
        texts
    }

    /// Flags spelt out as arguments.
    fn flags(&mut self, source: Source<'_, 'p>, declared: Span) -> Vec<RuntimeText> {
        let equals = matches!(self.get(source, "flag-style", declared), Value::Str(s) if &*s == "equals");
        let mut args = Vec::new();
        for (key, value, span) in self.get_map(source, "flags") {
            let dashes = if key.chars().count() == 1 { "-" } else { "--" };
            let flag = format!("{dashes}{key}");
            match value {
                Value::Bool(true) => args.push(RuntimeText::from(flag)),
                Value::Bool(false) => {}
                Value::List(rows) => {
                    for row in rows.iter() {
                        self.flag(&flag, row.clone(), equals, span, &mut args);
                    }
                }
                one => self.flag(&flag, one, equals, span, &mut args),
            }
        }
        args
    }

    fn flag(&mut self, flag: &str, value: Value, equals: bool, span: Span, args: &mut Vec<RuntimeText>) {
        let values = match value {
            Value::List(_) if equals => {
                let problem = Diagnostic::new(Code::FieldConflict, span, "several values have no form `--key=value`");
                self.report(problem.help("use `flag-style = \"space\"`"));
                return;
            }
            Value::List(items) => items.to_vec(),
            one => vec![one],
        };
        let Some(texts) = self.runtime_texts(Value::list(values), span) else { return };
        texts.iter().for_each(|t| self.check_text(t, span));
        if equals {
            args.extend(texts.into_iter().map(|t| {
                let mut pieces = vec![Piece::Text(format!("{flag}="))];
                pieces.extend(t.0);
                RuntimeText(pieces)
            }));
        } else {
            args.push(RuntimeText::from(flag.to_owned()));
            args.extend(texts);
        }
    }

    fn environment(&mut self, source: Source<'_, 'p>) -> BTreeMap<String, EnvValue> {
        let mut env = BTreeMap::new();
        for (name, value, span) in self.get_map(source, "env") {
            if !is_env_name(&name) {
                let message = format!("`{name}` is not the name of an environment variable");
                let help = "letters, digits, `_`, `.` and `-`, not beginning with a digit";
                self.report(Diagnostic::new(Code::InvalidName, span, message).help(help));
                continue;
            }
            if name.starts_with("RBG_") {
                let message = format!("`{name}` belongs to the compiler, like all variables that begin with `RBG_`");
                self.report(Diagnostic::new(Code::FieldConflict, span, message).help("choose another name"));
                continue;
            }
            let value = match value {
                Value::Env(reference) => (*reference).clone(),
                other => {
                    let Some(text) = self.runtime_text(other, span) else { continue };
                    self.check_secret(&name, &text, span);
                    self.check_text(&text, span);
                    EnvValue::Text(text)
                }
            };
            env.insert(name, value);
        }
        env
    }

    pub fn check_secret(&mut self, name: &str, text: &RuntimeText, span: Span) {
        let [Piece::Text(text)] = text.0.as_slice() else { return };
        let harmless = text.is_empty() || text.parse::<f64>().is_ok() || matches!(text.as_str(), "true" | "false");
        if harmless || !looks_secret(name) {
            return;
        }
        let message = format!("`{name}` looks like a secret, and its value would be in Git");
        let key = name.to_lowercase().replace('_', "-");
        self.report(
            Diagnostic::new(Code::LiteralSecret, span, message)
                .help(format!("keep it in a Secret of the cluster: `{name} = secret(\"{key}\", \"value\")`")),
        );
    }

    /// Text that would make a delivery tool skip the file.
    pub fn check_text(&mut self, text: &RuntimeText, span: Span) {
        if text.0.iter().any(|p| matches!(p, Piece::Text(t) if t.contains(SKIP_MARKER))) {
            self.report(skip_marker(span));
        }
    }

    /// The topmost contribution whose `when` holds; `None` when the child is dropped.
    pub fn present_child(&mut self, contributions: &[Contribution<'p>], view: View) -> Option<Contribution<'p>> {
        let mut top = None;
        for contribution in contributions {
            let holds = match &contribution.statement.when {
                Some(when) => self.condition(when, Context::of(contribution.frame, view)) == Some(true),
                None => true,
            };
            if holds {
                top = Some(*contribution);
            }
        }
        top
    }

    /// An option of a child statement: the topmost one that is given.
    pub fn option(&mut self, contributions: &[Contribution<'p>], view: View, key: &str) -> (Value, Span) {
        for contribution in contributions.iter().rev() {
            let Some(options) = options_of(&contribution.statement.kind) else { continue };
            for entry in options.entries.iter().rev() {
                if let MapEntry::Set { key: Key::Name(name), value } = entry
                    && name.name == key
                {
                    return (self.eval(value, Context::of(contribution.frame, view)), value.span);
                }
            }
        }
        (Value::Unset, contributions.first().map_or(Span::default(), |c| c.statement.span))
    }

    fn resources(&mut self, source: Source<'_, 'p>, declared: Span) -> Resources {
        let quantity = |checker: &mut Self, name| match checker.get(source, name, declared) {
            Value::Quantity(q) => Some(q),
            _ => None,
        };
        let mut extra = BTreeMap::new();
        for (name, value, span) in self.get_map(source, "resources") {
            if let Value::Quantity(q) = value {
                if !name.contains('/') && !name.starts_with("hugepages-") {
                    let message = format!("`{name}` is not an extended resource");
                    let help = "`resources` takes names such as `example.com/device`; the others are fields: `cpu`, `memory`, `ephemeral`";
                    self.report(Diagnostic::new(Code::FieldConflict, span, message).help(help));
                } else if !q.is_whole() {
                    self.report(Diagnostic::new(Code::OutOfRange, span, format!("`{name}` is counted in whole units")));
                } else {
                    extra.insert(name, q);
                }
            }
        }
        Resources {
            cpu: quantity(self, "cpu"),
            memory: quantity(self, "memory").map(|q: Quantity| Quantity { binary: true, ..q }),
            ephemeral: quantity(self, "ephemeral"),
            hugepages: if source.main { quantity(self, "hugepages") } else { None },
            extra,
        }
    }
}

/// The options of a child statement.
pub(super) fn options_of(kind: &StatementKind) -> Option<&crate::syntax::MapBody> {
    match kind {
        StatementKind::Port { options, .. }
        | StatementKind::File { options, .. }
        | StatementKind::Mount { options, .. }
        | StatementKind::After { options, .. } => options.as_ref(),
        StatementKind::Probe(probe) => probe.options.as_ref(),
        StatementKind::Volume { body, .. } => Some(body),
        _ => None,
    }
}

/// Where a key of a map field gets its value.
pub(super) fn entry_span(contributions: &[Contribution<'_>], key: &str) -> Span {
    for contribution in contributions.iter().rev() {
        match contribution.field() {
            Some(FieldValue::Merge(body)) => {
                for entry in body.entries.iter().rev() {
                    match entry {
                        MapEntry::Set { key: Key::Name(name), value } if name.name == key => return value.span,
                        MapEntry::Merge { key: Key::Name(name), body, .. } if name.name == key => return body.span,
                        _ => {}
                    }
                }
            }
            Some(FieldValue::Replace(expr)) => return expr.span,
            None => {}
        }
    }
    contributions.last().map_or(Span::default(), Contribution::span)
}

/// Where the key of a map field stands, in the layer that counts.
pub(super) fn key_span(contributions: &[Contribution<'_>], key: &str) -> Span {
    for contribution in contributions.iter().rev() {
        let Some(FieldValue::Merge(body)) = contribution.field() else { break };
        for entry in body.entries.iter().rev() {
            match entry {
                MapEntry::Set { key: Key::Name(name), .. } | MapEntry::Merge { key: Key::Name(name), .. }
                    if name.name == key =>
                {
                    return name.span;
                }
                _ => {}
            }
        }
    }
    entry_span(contributions, key)
}

/// A text that makes Argo CD ignore a whole file, whose objects it would then delete.
pub(super) const SKIP_MARKER: &str = "+argocd:skip-file-rendering";

pub(super) fn skip_marker(span: Span) -> Diagnostic {
    Diagnostic::new(Code::ForbiddenText, span, format!("the text contains `{SKIP_MARKER}`"))
        .help("Argo CD skips a file with this text and deletes its objects: write it differently")
}

fn is_env_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || "_.-".contains(c))
        && chars.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Whether the words of a name say that its value is secret: `HF_TOKEN`, but not `MAX_TOKENS` and
/// not `TOKEN_FILE`.
fn looks_secret(name: &str) -> bool {
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper.split(['_', '-', '.']).collect();
    if words.last().is_some_and(|w| ["FILE", "PATH", "NAME", "DIR", "URL", "HOST", "PORT"].contains(w)) {
        return false;
    }
    let single = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY", "CREDENTIAL", "CREDENTIALS"];
    let pairs = [["API", "KEY"], ["ACCESS", "KEY"], ["PRIVATE", "KEY"], ["AUTH", "KEY"]];
    words.iter().any(|w| single.contains(w)) || words.windows(2).any(|w| pairs.iter().any(|p| w == p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_words() {
        for name in ["HF_TOKEN", "API_KEY", "db-password", "AWS_SECRET_ACCESS_KEY"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["MAX_TOKENS", "TOKEN_FILE", "TOKENIZER", "KEY", "SECRET_NAME"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
