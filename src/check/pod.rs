//! Pods: the containers of a part and what they share.

use super::container::Source;
use super::state::{Checker, View};
use super::table::{ChildKind, Contribution};
use super::value::Value;
use super::{Container, Interpreter, Pod, Security, mistakes};
use crate::data::Data;
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::StatementKind;

/// What the API server takes in a ConfigMap, with room for its metadata.
const CONFIG_MAP_BYTES: usize = 1_000_000;

impl<'p> Checker<'_, '_, 'p> {
    /// The pod of a part of a role.
    pub fn pod(&mut self, view: View) -> Option<Pod> {
        let table = self.table(view);
        let source = Source { view, table: &table, main: true };
        let declared = self.role(view.role).name.span;
        let name = self.role(view.role).name.name.clone();
        let main = self.container(source, &name, declared);
        let volumes = self.volumes(source);
        let inits = self.containers(source, ChildKind::Init);
        let sidecars = self.containers(source, ChildKind::Sidecar);
        let main = main?;
        for container in std::iter::once(&main).chain(&inits).chain(&sidecars) {
            self.check_mounts(source, &container.mounts, &volumes);
        }
        self.check_pod_ports(&main, &sidecars);
        let gpus = self.count(view, "gpus");
        let gpu = match self.field(view, "gpu", declared) {
            Value::Str(product) => Some((product.to_string(), self.field_span(view, "gpu"))),
            _ => None,
        };
        if let (0, Some((product, span))) = (gpus, &gpu) {
            let message = format!("`gpu` asks for \"{product}\", but `gpus` is 0");
            self.report(Diagnostic::new(Code::FieldConflict, *span, message).help("set `gpus`, or leave `gpu` out"));
        }
        let pod = Pod {
            files: self.files(source),
            gpus,
            gpu,
            rdma: self.count(view, "rdma"),
            rdma_span: self.field_span(view, "rdma"),
            shm: match self.field(view, "shm", declared) {
                Value::Quantity(q) => Some(q),
                _ => None,
            },
            volumes,
            image_pull_secrets: self.text_list(view, "image-pull-secrets"),
            grace: self.seconds_field(view, "grace"),
            drain: self.seconds_field(view, "drain"),
            interpreter: self.text_field(view, "interpreter").and_then(|name| Interpreter::parse(&name)),
            priority: self.text_field(view, "priority"),
            tolerations: self.tolerations(view),
            security: self.security(source),
            overrides: self.pod_overrides(source),
            main,
            inits,
            sidecars,
        };
        self.check_pod(&pod, view);
        Some(pod)
    }

    fn containers(&mut self, source: Source<'_, 'p>, kind: ChildKind) -> Vec<Container> {
        let children: Vec<(&'p str, Vec<Contribution<'p>>)> =
            source.table.children(kind).map(|(n, list)| (n, list.to_vec())).collect();
        let mut containers = Vec::new();
        for (name, contributions) in children {
            let Some(top) = self.present_child(&contributions, source.view) else { continue };
            let StatementKind::Child { name: ident, .. } = &top.statement.kind else { continue };
            if name.len() > naming::DNS_LABEL {
                self.report(mistakes::too_long_for_a_label("container", ident));
            }
            let taken = match name {
                naming::WAIT => Some("the container that waits for others"),
                "main" => Some("the role's own container"),
                name => (name == self.role(source.view.role).name.name).then_some("the role's own container"),
            };
            if let Some(of) = taken {
                let message = format!("`{name}` is the name of {of}");
                self.report(Diagnostic::new(Code::DuplicateChild, ident.span, message).help("choose another name"));
            }
            let table = self.container_table(&contributions);
            let inner = Source { view: source.view, table: &table, main: false };
            containers.extend(self.container(inner, name, ident.span));
        }
        containers
    }

    /// Ports of the containers of one pod share its address.
    fn check_pod_ports(&mut self, main: &Container, sidecars: &[Container]) {
        let mut seen = main.ports.clone();
        for port in sidecars.iter().flat_map(|c| &c.ports) {
            let clash =
                seen.iter().find(|p| p.name == port.name || (p.number == port.number && p.protocol == port.protocol));
            if let Some(other) = clash {
                let message = format!("ports `{}` and `{}` of one pod clash", other.name, port.name);
                let problem = Diagnostic::new(Code::DuplicateChild, port.span, message);
                self.report(problem.label(other.span, "declared here").help("names and numbers are unique in a pod"));
            }
            seen.push(port.clone());
        }
    }

    fn check_pod(&mut self, pod: &Pod, view: View) {
        if let (Some(drain), Some(grace)) = (pod.drain, pod.grace)
            && drain > grace
        {
            let span = self.field_span(view, "drain");
            let message = format!("`drain` of {drain}s is longer than `grace` of {grace}s");
            let at = self.field_span(view, "grace");
            self.report(Diagnostic::new(Code::FieldConflict, span, message).label(at, "the pod is killed then"));
        }
        if let (Some(shm), Some(memory)) = (pod.shm, pod.main.resources.memory)
            && shm > memory
        {
            let span = self.field_span(view, "shm");
            let message = format!("`shm` of {shm} is larger than `memory` of {memory}");
            let problem = Diagnostic::new(Code::FieldConflict, span, message);
            let at = self.field_span(view, "memory");
            self.report(problem.label(at, "shared memory counts against it").help("raise `memory`"));
        }
        let bytes: usize = pod.files.iter().map(|f| f.text.len()).sum();
        if bytes > CONFIG_MAP_BYTES {
            let span = self.role(view.role).name.span;
            let message = format!("the files of the role have {bytes} bytes; a ConfigMap holds {CONFIG_MAP_BYTES}");
            self.report(Diagnostic::new(Code::LimitExceeded, span, message).help("bring large files in a volume"));
        }
        for (i, file) in pod.files.iter().enumerate() {
            if let Some(other) = pod.files[..i].iter().find(|f| f.key == file.key) {
                let span = self.role(view.role).name.span;
                let message = format!(
                    "the files `{}` and `{}` would both have the key `{}` in the ConfigMap",
                    other.path, file.path, file.key
                );
                self.report(Diagnostic::new(Code::DuplicateChild, span, message).help("rename one of them"));
            }
        }
    }

    /// A count field as it is in the model.
    pub fn count(&mut self, view: View, name: &'static str) -> u32 {
        let span = self.role(view.role).name.span;
        match self.field(view, name, span) {
            Value::Int(n) => u32::try_from(n).unwrap_or(0),
            _ => 0,
        }
    }

    pub fn text_field(&mut self, view: View, name: &'static str) -> Option<String> {
        let span = self.role(view.role).name.span;
        match self.field(view, name, span) {
            Value::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// A time field in whole seconds.
    pub fn seconds_field(&mut self, view: View, name: &'static str) -> Option<u32> {
        let span = self.role(view.role).name.span;
        match self.field(view, name, span) {
            Value::Duration(ms) => {
                let span = self.field_span(view, name);
                self.seconds(ms, span)
            }
            _ => None,
        }
    }

    fn text_list(&mut self, view: View, name: &'static str) -> Vec<String> {
        let span = self.role(view.role).name.span;
        match self.field(view, name, span) {
            Value::List(items) => items.iter().filter_map(Value::shown).collect(),
            _ => Vec::new(),
        }
    }

    fn tolerations(&mut self, view: View) -> Vec<Data> {
        let span = self.field_span(view, "tolerate");
        let Value::List(items) = self.field(view, "tolerate", span) else { return Vec::new() };
        items.iter().filter_map(|item| self.toleration(item.clone(), span)).collect()
    }

    fn toleration(&mut self, value: Value, span: Span) -> Option<Data> {
        let mut data = self.data_of(value, span)?;
        let map = data.as_map_mut()?;
        if let Some(seconds) = map.remove("seconds") {
            map.set("tolerationSeconds", seconds);
        }
        let text = super::text::json_text(&data);
        let mut unknown = Vec::new();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read: Result<k8s_openapi::api::core::v1::Toleration, _> =
            serde_ignored::deserialize(&mut reader, |path| unknown.push(path.to_string()));
        let effect = data.at(&["effect"]).and_then(Data::as_str).unwrap_or("NoSchedule");
        let operator = data.at(&["operator"]).and_then(Data::as_str).unwrap_or("Equal");
        let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
        if read.is_err() || !unknown.is_empty() || !known || !["Equal", "Exists"].contains(&operator) {
            let help = "keys are `key`, `operator` (\"Equal\", \"Exists\"), `value`, `effect` (\"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"), `seconds`";
            self.report(Diagnostic::new(Code::FieldConflict, span, "this is not a toleration").help(help));
            return None;
        }
        Some(data)
    }

    fn security(&mut self, source: Source<'_, 'p>) -> Security {
        let mut security = Security::default();
        for (key, value, span) in self.get_map(source, "security") {
            let ty = match key.as_str() {
                "user" => Type::Int,
                "writable" | "capabilities" => Type::List(Box::new(Type::String)),
                _ => Type::Bool,
            };
            let value = self.convert(value, &ty, span);
            let flag = value == Value::Bool(true);
            let texts = || match &value {
                Value::List(items) => items.iter().filter_map(Value::shown).collect(),
                _ => Vec::new(),
            };
            match key.as_str() {
                "user" => security.run_as_user = if let Value::Int(user) = value { Some(user) } else { None },
                "non-root" => security.non_root = flag,
                "read-only-root" => security.read_only_root = flag,
                "privileged" => security.privileged = flag,
                "writable" => security.writable = texts(),
                "capabilities" => security.capabilities = texts(),
                _ => {}
            }
        }
        if security.non_root && security.run_as_user == Some(0) {
            let span = self.field_span(source.view, "security");
            self.report(Diagnostic::new(Code::FieldConflict, span, "`non-root` and `user = 0` contradict each other"));
        }
        security
    }
}
