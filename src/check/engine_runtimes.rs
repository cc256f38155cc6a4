//! Profiles of the cluster whose containers the RoleBasedGroup controller adds to pods.

use std::collections::BTreeMap;

use super::EngineRuntime;
use super::state::{Checker, View};
use super::value::{Value, ValueMap};
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;

const FIELD: &str = "engine-runtimes";
const KEYS: [&str; 4] = ["args", "container", "env", "profile"];

impl Checker<'_, '_, '_> {
    /// The profiles that a role asks for, in the order of the source.
    pub fn engine_runtimes(&mut self, view: View) -> Vec<EngineRuntime> {
        let span = self.field_span(view, FIELD);
        let Value::List(items) = self.field(view, FIELD, span) else { return Vec::new() };
        let maps = items.iter().filter_map(|item| match item {
            Value::Map(map) => Some(map),
            _ => None,
        });
        maps.filter_map(|map| self.engine_runtime(map, span)).collect()
    }

    fn engine_runtime(&mut self, map: &ValueMap, span: Span) -> Option<EngineRuntime> {
        for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let mut problem =
                Diagnostic::new(Code::UnknownField, span, format!("unknown key `{key}` of an engine runtime"));
            problem.help = crate::diag::suggestion(key, &KEYS);
            self.report(problem);
        }
        let container = self.name_of(map, "container", span);
        let args = self.profile_args(map, span);
        let env = self.profile_env(map, span);
        if container.is_none() && !(args.is_empty() && env.is_empty()) {
            let problem = Diagnostic::new(Code::MissingValue, span, "`args` and `env` of no container of the profile");
            self.report(problem.help("say which one: `container = \"…\"`"));
        }
        let Some(profile) = self.name_of(map, "profile", span) else {
            if !map.contains_key("profile") {
                let problem = Diagnostic::new(Code::MissingValue, span, "an engine runtime without `profile`");
                self.report(problem.help("name a ClusterEngineRuntimeProfile of the cluster: `profile = \"…\"`"));
            }
            return None;
        };
        Some(EngineRuntime { profile, container, args, env, span })
    }

    fn name_of(&mut self, map: &ValueMap, key: &str, span: Span) -> Option<String> {
        let Value::Str(name) = self.convert(map.get(key)?.clone(), &Type::String, span) else { return None };
        if !naming::is_dns_subdomain(&name) {
            let problem =
                Diagnostic::new(Code::InvalidName, span, format!("`{key} = \"{name}\"` is no name of an object"));
            self.report(problem.help("names have lower-case letters, digits, `-` and `.`"));
            return None;
        }
        Some(name.to_string())
    }

    fn profile_args(&mut self, map: &ValueMap, span: Span) -> Vec<String> {
        let Some(value) = map.get("args") else { return Vec::new() };
        match self.convert(value.clone(), &Type::List(Box::new(Type::String)), span) {
            Value::List(items) => items.iter().filter_map(Value::shown).collect(),
            _ => Vec::new(),
        }
    }

    fn profile_env(&mut self, map: &ValueMap, span: Span) -> BTreeMap<String, String> {
        let Some(value) = map.get("env") else { return BTreeMap::new() };
        let Value::Map(env) = self.convert(value.clone(), &Type::Map(Box::new(Type::String)), span) else {
            return BTreeMap::new();
        };
        let mut variables = BTreeMap::new();
        for (name, value) in env.iter() {
            if let Value::Str(text) = value {
                self.check_secret(name, &text.to_string().into(), span);
                variables.insert(name.clone(), text.to_string());
            }
        }
        variables
    }
}
