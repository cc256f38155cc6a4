//! Text templates: minijinja files that fill a file or a text, never structure.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};

use super::builtins::Call;
use super::mistakes;
use super::state::{Checker, Context, RoleIx, View};
use super::value::Value;
use crate::data::{Data, Map};
use crate::diag::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// Steps of the template engine for one text.
const FUEL: u64 = 1_000_000;

impl Checker<'_, '_, '_> {
    /// `template("router.yaml.j2", name = value, …)`.
    pub fn text_template(&mut self, call: Call<'_>, cx: Context<'_>) -> Value {
        let [(Value::Str(path), at)] = call.positional.as_slice() else {
            self.report(mistakes::needs_a_path(call.span));
            return Value::Error;
        };
        let Some(file) = self.template_file(path, *at) else { return Value::Error };
        let mut facts = Map::new();
        if let Some(group) = cx.view.map(|v| self.role(v.role).group).or_else(|| self.frame_group(cx.frame)) {
            facts.set("group", self.group_facts(group));
        }
        if let Some(view) = cx.view {
            facts.set("role", self.role_facts(view.role));
        }
        for (name, value, span) in call.named {
            let Some(data) = self.data_of(value, span) else { return Value::Error };
            facts.set(name.replace('-', "_"), data);
        }
        self.rendered(file, &Data::Map(facts), call.span)
    }

    fn template_file(&mut self, path: &str, at: Span) -> Option<FileId> {
        let from = self.session.sources.file_of(at)?;
        let name = self.session.sources.file(from).name.clone();
        let directory = Path::new(&name).parent().unwrap_or(Path::new(""));
        let relative = Path::new(path);
        let inside = relative.is_relative()
            && directory
                .join(relative)
                .components()
                .try_fold(0_i32, |depth, part| {
                    let depth = match part {
                        std::path::Component::ParentDir => depth - 1,
                        std::path::Component::CurDir => depth,
                        _ => depth + 1,
                    };
                    (depth >= 0).then_some(depth)
                })
                .is_some();
        let joined = self.session.root.join(directory).join(relative);
        let real = if inside { self.session.world.resolve(&joined).ok() } else { None };
        match real {
            Some(real) if real.starts_with(&self.session.root) => {
                let shown = crate::resolve::display_name(&self.session.root, &real);
                if let Some(known) = self.session.sources.files().iter().position(|f| f.name == shown) {
                    return Some(FileId(known as u32));
                }
                self.session.read(&real, &shown, Some(at))
            }
            None if inside => {
                let message = format!("there is no file `{path}` beside the source");
                let problem = Diagnostic::new(Code::UnreadableFile, at, message);
                self.report(problem.help("the path is relative to the source, below the project root"));
                None
            }
            Some(_) | None => {
                let message = format!("`{path}` leads out of the project root");
                let problem = Diagnostic::new(Code::ImportOutsideRoot, at, message);
                self.report(problem.help("the path is relative to the source, below the project root"));
                None
            }
        }
    }

    fn rendered(&mut self, file: FileId, facts: &Data, span: Span) -> Value {
        let source = self.session.sources.file(file);
        let (name, start) = (source.name.clone(), source.start);
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let rendered =
            environment.template_from_named_str(&name, &source.text).and_then(|t| t.render(engine_value(facts)));
        match rendered {
            Ok(text) if self.text_fits(text.len(), span) => Value::str(text),
            Ok(_) => Value::Error,
            Err(error) => {
                let place = error.range().map(|r| Span::new(start + r.start as u32, start + r.end as u32));
                let line = error.line().and_then(|l| u32::try_from(l).ok()).map(|l| {
                    let at = start + self.session.sources.file(file).offset(l, 1);
                    Span::new(at, at + 1)
                });
                let detail = error.detail().map(|d| format!(": {d}")).unwrap_or_default();
                let message = format!("the text template failed: {}{detail}", error.kind());
                let place = place.or(line).unwrap_or(Span::new(start, start));
                let mut problem = Diagnostic::new(Code::TextTemplate, place, message).label(span, "rendered here");
                if error.kind() == minijinja::ErrorKind::UndefinedError {
                    problem = problem.help("known are `group`, `role` and the named arguments of `template`");
                }
                self.report(problem);
                Value::Error
            }
        }
    }

    fn group_facts(&mut self, group: super::state::GroupIx) -> Data {
        let state = self.group(group);
        let (name, index, roles) = (state.name.clone(), state.index, state.roles.clone());
        let mut facts = Map::new();
        facts.set("name", name);
        facts.set("namespace", self.namespace(group));
        facts.set_some("index", index);
        let present: Vec<RoleIx> = roles.into_iter().filter(|r| self.role(*r).absent.is_none()).collect();
        let list: Vec<Data> = present.into_iter().map(|r| self.role_facts(r)).collect();
        facts.set("roles", Data::List(list));
        Data::Map(facts)
    }

    fn role_facts(&mut self, role: RoleIx) -> Data {
        let view = View { role, part: 0 };
        let span = self.role(role).name.span;
        let mut facts = Map::new();
        facts.set("name", self.role(role).name.name.clone());
        if let Value::Range(min, max) = self.field(view, "replicas", span) {
            facts.set("replicas", Map::new().with("min", min).with("max", max));
        }
        for name in ["pods", "gpus"] {
            facts.set(name, self.count(view, name));
        }
        facts.set_some("image", self.text_field(view, "image"));
        let table = self.table(view);
        let mut ports = Map::new();
        for (name, contributions) in table.children(super::table::ChildKind::Port) {
            if let Some(Value::Int(number)) = self.port_value(contributions, view) {
                ports.set(name.replace('-', "_"), number);
            }
        }
        facts.set("ports", ports);
        Data::Map(facts)
    }
}

/// Data in the terms of the template engine.
fn engine_value(data: &Data) -> minijinja::Value {
    match data {
        Data::Null => minijinja::Value::from(()),
        Data::Bool(b) => minijinja::Value::from(*b),
        Data::Int(i) => minijinja::Value::from(*i),
        Data::Float(f) => minijinja::Value::from(*f),
        Data::Str(text) => minijinja::Value::from(text.as_ref()),
        Data::List(items) => minijinja::Value::from(items.iter().map(engine_value).collect::<Vec<_>>()),
        Data::Map(map) => {
            let entries: BTreeMap<String, minijinja::Value> =
                map.iter().map(|(k, v)| (k.to_owned(), engine_value(v))).collect();
            minijinja::Value::from(entries)
        }
    }
}
