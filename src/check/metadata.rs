//! Labels and annotations: well formed, and not those of others.

use std::collections::BTreeMap;

use super::container::{SKIP_MARKER, Source, key_span, skip_marker};
use super::state::{Checker, View};
use super::value::Value;
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::source::Span;

impl Checker<'_, '_, '_> {
    /// Labels or annotations: well formed, and not those of others.
    pub fn metadata(&mut self, view: View, field: &'static str) -> BTreeMap<String, String> {
        let table = self.table(view);
        let source = Source { view, table: &table, main: true };
        let contributions = table.field(field);
        let entries = self.get_map(source, field).into_iter();
        let entries = entries.map(|(key, value, span)| (key_span(contributions, &key), key, value, span)).collect();
        self.checked_metadata(entries, field)
    }

    /// Labels or annotations that may be emitted, from the place of the key, key, value and its place.
    pub fn checked_metadata(
        &mut self,
        entries: Vec<(Span, String, Value, Span)>,
        field: &str,
    ) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for (key_at, key, value, span) in entries {
            let Some(text) = self.known_text(value, span) else { continue };
            if let Some(owner) = reserved(&key) {
                let message = format!("`{key}` belongs to {owner}");
                self.report(Diagnostic::new(Code::ReservedAnnotation, key_at, message).help("leave it out"));
            } else if !naming::is_qualified_name(&key) {
                let message = format!("`{key}` is not the key of a label or annotation");
                self.report(
                    Diagnostic::new(Code::InvalidName, key_at, message).help("`name` or `domain.example/name`"),
                );
            } else if field == "labels" && !naming::is_label_value(&text) {
                let message = format!("\"{text}\" is not the value of a label");
                let help = "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
                self.report(Diagnostic::new(Code::InvalidName, span, message).help(help));
            } else if text.contains(SKIP_MARKER) {
                self.report(skip_marker(span));
            } else {
                out.insert(key, text);
            }
        }
        out
    }
}

/// Who owns a key that users must not set.
fn reserved(key: &str) -> Option<&'static str> {
    const APP: &[&str] = &["name", "instance", "component", "part-of", "managed-by"];
    let (domain, name) = key.split_once('/').unwrap_or(("", key));
    match domain {
        "argocd.argoproj.io" => Some("Argo CD"),
        "helm.sh" => Some("Helm"),
        "kubectl.kubernetes.io" => Some("kubectl"),
        "rbgc.dev" => Some("the compiler"),
        "rbg.workloads.x-k8s.io" | "rolebasedgroup.workloads.x-k8s.io" => Some("the compiler (upstream's contract)"),
        "leaderworkerset.sigs.k8s.io" => Some("LeaderWorkerSet"),
        "statefulset.kubernetes.io" | "apps.kubernetes.io" | "deployment.kubernetes.io" => Some("Kubernetes"),
        "app.kubernetes.io" if APP.contains(&name) => Some("the compiler"),
        "" if ["controller-revision-hash", "pod-template-hash"].contains(&name) => Some("Kubernetes"),
        _ if domain.ends_with("fluxcd.io") => Some("Flux"),
        _ if domain.ends_with(".rbgc.dev") => Some("the compiler"),
        _ => None,
    }
}
