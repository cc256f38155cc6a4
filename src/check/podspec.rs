//! The escape hatch `pod { … }`: a part of a PodSpec, merged over all layers and checked by name
//! and type against the Kubernetes API.

use k8s_openapi::api::core::v1::PodSpec;

use super::container::{SKIP_MARKER, Source, key_span, skip_marker};
use super::state::{Checker, Context};
use super::table::FieldValue;
use super::text::json_text;
use super::value::Value;
use crate::data::{Data, Map};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::{Ident, Key, MapBody, MapEntry};

/// Lists that are merged by a key of their elements (`x-kubernetes-patch-merge-key`).
pub const MERGE_KEYS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ports", "containerPort"),
    ("hostAliases", "ip"),
    ("imagePullSecrets", "name"),
    ("resourceClaims", "name"),
    ("topologySpreadConstraints", "topologyKey"),
];

/// Fields that the compiler decides: what they would say is said elsewhere in the language.
const TAKEN: &[(&str, &str)] = &[
    ("nodeName", "it bypasses the scheduler; use `place { on label … }`"),
    ("hostname", "the names of pods are the compiler's"),
    ("subdomain", "the names of pods are the compiler's"),
    ("serviceAccountName", "use `service-account`"),
    ("serviceAccount", "use `service-account`"),
    ("restartPolicy", "workloads restart their pods always"),
];

impl<'p> Checker<'_, '_, 'p> {
    /// `pod { … }` of all layers; [`Data::Null`] when there is none.
    pub fn pod_overrides(&mut self, source: Source<'_, 'p>) -> Data {
        let contributions = source.table.field("pod");
        let mut merged = Map::new();
        for contribution in contributions {
            let cx = Context::of(contribution.frame, source.view);
            match contribution.field() {
                Some(FieldValue::Merge(body)) => self.merge_body(body, cx, &mut merged),
                Some(FieldValue::Replace(expr)) => {
                    let value = self.eval(expr, cx);
                    match self.data_of(value, expr.span) {
                        Some(Data::Map(map)) => merged = map,
                        Some(Data::Null) => merged = Map::new(),
                        Some(_) => self.report(Diagnostic::new(Code::TypeMismatch, expr.span, "`pod` is a map")),
                        None => {}
                    }
                }
                None => {}
            }
        }
        if merged.is_empty() {
            return Data::Null;
        }
        for (key, value) in merged.iter() {
            self.check_pod_field(key, value, key_span(contributions, key));
        }
        Data::Map(merged)
    }

    fn merge_body(&mut self, body: &'p MapBody, cx: Context<'_>, into: &mut Map) {
        for entry in &body.entries {
            match entry {
                MapEntry::Set { key, value } => {
                    let Some(key) = self.key(key, cx) else { continue };
                    let evaluated = self.eval(value, cx);
                    if evaluated == Value::Unset {
                        into.remove(&key);
                    } else if let Some(data) = self.data_of(evaluated, value.span) {
                        into.set(key, data);
                    }
                }
                MapEntry::Merge { key, name: None, body } => {
                    let Some(key) = self.key(key, cx) else { continue };
                    let mut inner = take_map(into, &key);
                    self.merge_body(body, cx, &mut inner);
                    into.set(key, inner);
                }
                MapEntry::Merge { key: Key::Name(list), name: Some(name), body } => {
                    self.merge_element(list, name, body, cx, into);
                }
                MapEntry::Merge { key: Key::Computed(_), name: Some(name), .. } => {
                    let message = format!("the list of the block `{}` is computed", name.name);
                    let problem = Diagnostic::new(Code::InvalidPodField, name.span, message);
                    self.report(problem.help(format!("write its name: `containers {} {{ … }}`", name.name)));
                }
                MapEntry::For { variables, iterable, condition, key, value } => {
                    self.each(variables, iterable, condition.as_ref(), cx, &mut |checker, cx| {
                        let Some(key) = checker.key(key, cx) else { return };
                        let evaluated = checker.eval(value, cx);
                        if let Some(data) = checker.data_of(evaluated, value.span) {
                            into.set(key, data);
                        }
                    });
                }
            }
        }
    }

    /// `containers main { … }`: an element of a list by its merge key.
    fn merge_element(&mut self, list: &'p Ident, name: &'p Ident, body: &'p MapBody, cx: Context<'_>, into: &mut Map) {
        let Some((_, merge_key)) = MERGE_KEYS.iter().find(|(l, _)| *l == list.name) else {
            let message = format!("`{}` is not a list with named elements", list.name);
            let known: Vec<&str> = MERGE_KEYS.iter().map(|(l, _)| *l).collect();
            let mut problem = Diagnostic::new(Code::InvalidPodField, list.span, message);
            problem.help = crate::diag::suggestion(&list.name, &known);
            self.report(problem);
            return;
        };
        let id = match name.name.parse::<i64>() {
            Ok(number) if *merge_key == "containerPort" => Data::Int(number),
            _ => Data::from(name.name.clone()),
        };
        let mut elements = match into.remove(&list.name) {
            Some(Data::List(elements)) => elements,
            _ => Vec::new(),
        };
        let at = elements.iter().position(|e| e.at(&[merge_key]) == Some(&id));
        let mut element = match at.map(|i| elements.remove(i)) {
            Some(Data::Map(map)) => map,
            _ => Map::new().with(*merge_key, id),
        };
        self.merge_body(body, cx, &mut element);
        elements.insert(at.unwrap_or(elements.len()), Data::Map(element));
        into.set(list.name.clone(), Data::List(elements));
    }

    /// Whether a field exists in a PodSpec and has this type.
    fn check_pod_field(&mut self, key: &str, value: &Data, span: Span) {
        if let Some((_, why)) = TAKEN.iter().find(|(k, _)| *k == key) {
            let problem = Diagnostic::new(Code::InvalidPodField, span, format!("`{key}` cannot be set in `pod`"));
            self.report(problem.help(*why));
            return;
        }
        // The list of containers is required by the type, whatever else is checked.
        let mut spec = Map::new().with("containers", Data::List(Vec::new()));
        spec.set(key.to_owned(), value.clone());
        let text = json_text(&Data::Map(spec));
        if text.contains(SKIP_MARKER) {
            self.report(skip_marker(span));
        }
        let mut unknown = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read: Result<PodSpec, _> = serde_ignored::deserialize(&mut reader, |path| unknown.push(path.to_string()));
        if let Err(error) = read {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
            let message = format!("`{key}` is not what a PodSpec has there: {reason}");
            self.report(Diagnostic::new(Code::InvalidPodField, span, message));
        }
        for path in unknown {
            let message = format!("a PodSpec has no field `{}`", path.replace(".?", ""));
            self.report(
                Diagnostic::new(Code::InvalidPodField, span, message).help("field names are those of Kubernetes"),
            );
        }
    }
}

fn take_map(map: &mut Map, key: &str) -> Map {
    match map.remove(key) {
        Some(Data::Map(inner)) => inner,
        _ => Map::new(),
    }
}
