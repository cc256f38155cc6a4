//! What a pod knows about itself: upstream's `RBG_*` variables, and texts that are completed by them.
//!
//! Upstream: `pkg/discovery/env_builder.go` of RoleBasedGroup. Its variables come before the
//! user's, so that these can name them as `$(RBG_…)`; the same names hold for every target, which
//! decides where each value comes from.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::check::{Check, Container, EnvValue, Form, PartKind, Piece, RuntimeText, RuntimeValue};

/// A variable of upstream's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// Number of the pod among the pods of its component, from 0. Workers have none: their label
    /// counts from 1, and nothing in Kubernetes subtracts.
    ComponentIndex,
    /// `leader`, `worker` or the name of the component.
    ComponentName,
    /// Name of the group.
    GroupName,
    /// Number of the instance in its role.
    RoleIndex,
    /// Name of the instance.
    InstanceName,
    /// Name of the role.
    RoleName,
    /// An address of the instance's first pod that resolves in the whole cluster.
    LeaderAddress,
    /// Rank of the pod in its instance: 0 for the leader.
    WorkerIndex,
    /// Pods of the instance.
    GroupSize,
}

impl Identity {
    /// The name of the variable.
    pub fn name(self) -> &'static str {
        match self {
            Identity::ComponentIndex => "RBG_COMPONENT_INDEX",
            Identity::ComponentName => "RBG_COMPONENT_NAME",
            Identity::GroupName => "RBG_GROUP_NAME",
            Identity::RoleIndex => "RBG_ROLE_INDEX",
            Identity::InstanceName => "RBG_ROLE_INSTANCE_NAME",
            Identity::RoleName => "RBG_ROLE_NAME",
            Identity::LeaderAddress => "RBG_LWP_LEADER_ADDRESS",
            Identity::WorkerIndex => "RBG_LWP_WORKER_INDEX",
            Identity::GroupSize => "RBG_LWP_GROUP_SIZE",
        }
    }

    /// What the pods of a part are told, in upstream's order. `wanted` are the values that the
    /// part's texts use: an address of the leader is given to others than leaders and workers
    /// only when they ask for it.
    pub fn of(form: Form, kind: &PartKind, wanted: &BTreeSet<RuntimeValue>) -> Vec<Identity> {
        use Identity::*;
        let mut list = match kind {
            PartKind::Single if form == Form::Deployment => vec![GroupName, RoleName],
            PartKind::Single => vec![GroupName, RoleIndex, InstanceName, RoleName],
            PartKind::Worker => vec![ComponentName, GroupName, RoleIndex, InstanceName, RoleName],
            PartKind::Leader | PartKind::Component(_) => {
                vec![ComponentIndex, ComponentName, GroupName, RoleIndex, InstanceName, RoleName]
            }
        };
        match kind {
            PartKind::Leader | PartKind::Worker => list.extend([LeaderAddress, WorkerIndex, GroupSize]),
            PartKind::Single | PartKind::Component(_) => {
                list.extend(wanted.contains(&RuntimeValue::LeaderAddress).then_some(LeaderAddress));
            }
        }
        list
    }
}

/// A field of the running pod that no variable of the contract carries. Its variable is given
/// only to containers that use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodField {
    /// The pod's address.
    Ip,
    /// The pod's name.
    Name,
    /// The node's name.
    Node,
    /// The node's address.
    HostIp,
}

impl PodField {
    /// The name of the variable; of the reserved prefix, so that it meets no variable of a user.
    pub fn name(self) -> &'static str {
        match self {
            PodField::Ip => "RBG_POD_IP",
            PodField::Name => "RBG_POD_NAME",
            PodField::Node => "RBG_NODE_NAME",
            PodField::HostIp => "RBG_HOST_IP",
        }
    }

    /// The `fieldRef` path.
    pub fn path(self) -> &'static str {
        match self {
            PodField::Ip => "status.podIP",
            PodField::Name => "metadata.name",
            PodField::Node => "spec.nodeName",
            PodField::HostIp => "status.hostIP",
        }
    }
}

/// How the texts of a part are completed.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'m> {
    /// The form of the role.
    pub form: Form,
    /// The part.
    pub kind: &'m PartKind,
    /// The namespace, which is known already.
    pub namespace: &'m str,
    /// The adapters of the nodes, which are known as well; empty where no text names them.
    pub nics: &'m str,
}

/// Where a value of the running pod is found.
enum Spoken<'m> {
    Known(&'m str),
    Identity(Identity),
    Field(PodField),
}

impl<'m> Voice<'m> {
    fn speak(self, value: RuntimeValue) -> Spoken<'m> {
        match value {
            RuntimeValue::PodNamespace => Spoken::Known(self.namespace),
            RuntimeValue::Nics => Spoken::Known(self.nics),
            RuntimeValue::PodIp => Spoken::Field(PodField::Ip),
            RuntimeValue::PodName => Spoken::Field(PodField::Name),
            RuntimeValue::NodeName => Spoken::Field(PodField::Node),
            RuntimeValue::HostIp => Spoken::Field(PodField::HostIp),
            RuntimeValue::LeaderAddress => Spoken::Identity(Identity::LeaderAddress),
            RuntimeValue::Index => Spoken::Identity(Identity::RoleIndex),
            // A pod of a Deployment is its own instance.
            RuntimeValue::Instance if self.form == Form::Deployment => Spoken::Field(PodField::Name),
            RuntimeValue::Instance => Spoken::Identity(Identity::InstanceName),
            RuntimeValue::Rank => match self.kind {
                PartKind::Single => Spoken::Known("0"),
                PartKind::Leader | PartKind::Worker => Spoken::Identity(Identity::WorkerIndex),
                PartKind::Component(_) => Spoken::Identity(Identity::ComponentIndex),
            },
        }
    }

    fn field(self, value: RuntimeValue) -> Option<PodField> {
        match self.speak(value) {
            Spoken::Field(field) => Some(field),
            Spoken::Known(_) | Spoken::Identity(_) => None,
        }
    }

    /// The fields that some of these values need.
    pub fn fields(self, values: &BTreeSet<RuntimeValue>) -> BTreeSet<PodField> {
        values.iter().filter_map(|v| self.field(*v)).collect()
    }

    /// The field that alone makes up a text, so that no helper variable is needed.
    pub fn lone_field(self, text: &RuntimeText) -> Option<PodField> {
        match text.0.as_slice() {
            [Piece::Value(value)] => self.field(*value),
            _ => None,
        }
    }

    /// A text of `command`, `args` or `env`, with `$(NAME)` for what is known in the pod only.
    pub fn text(self, text: &'m RuntimeText) -> Cow<'m, str> {
        match text.0.as_slice() {
            [] => Cow::Borrowed(""),
            [Piece::Text(known)] => Cow::Borrowed(known),
            pieces => Cow::Owned(self.join(pieces)),
        }
    }

    fn join(self, pieces: &'m [Piece]) -> String {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(known) => out.push_str(known),
                Piece::Value(value) => match self.speak(*value) {
                    Spoken::Known(known) => out.push_str(known),
                    Spoken::Identity(identity) => push_variable(&mut out, identity.name()),
                    Spoken::Field(field) => push_variable(&mut out, field.name()),
                },
            }
        }
        out
    }

    /// The command of an exec probe. The kubelet expands only literal variables there, so a
    /// command with a value of the pod goes through the image's shell.
    pub fn probe_command(self, words: &'m [RuntimeText]) -> Vec<Cow<'m, str>> {
        let literal = |piece: &Piece| matches!(piece, Piece::Text(_) | Piece::Value(RuntimeValue::Nics));
        if words.iter().all(|w| w.0.iter().all(literal)) {
            return words.iter().map(|w| self.text(w)).collect();
        }
        let mut script = String::from("exec");
        for word in words {
            script.push(' ');
            if word.0.is_empty() {
                script.push_str("''");
            }
            for piece in &word.0 {
                match piece {
                    Piece::Text(known) => push_quoted(&mut script, known),
                    Piece::Value(value) => match self.speak(*value) {
                        Spoken::Known(known) => push_quoted(&mut script, known),
                        Spoken::Identity(identity) => script.extend(["\"$", identity.name(), "\""]),
                        Spoken::Field(field) => script.extend(["\"$", field.name(), "\""]),
                    },
                }
            }
        }
        vec![Cow::Borrowed("sh"), Cow::Borrowed("-c"), Cow::Owned(script)]
    }
}

fn push_variable(text: &mut String, name: &'static str) {
    // `$$(X)` would be read as an escaped `$(X)`.
    if text.bytes().rev().take_while(|b| *b == b'$').count() % 2 == 1 {
        text.push('$');
    }
    text.extend(["$(", name, ")"]);
}

fn push_quoted(script: &mut String, text: &str) {
    script.push('\'');
    script.push_str(&text.replace('\'', r"'\''"));
    script.push('\'');
}

/// The values of the running pod that a container's texts use. With `helpers`, a variable that is
/// nothing but one value does not count: it can be taken from its field directly.
pub fn values(container: &Container, helpers: bool) -> BTreeSet<RuntimeValue> {
    let mut found = BTreeSet::new();
    let mut look = |text: &RuntimeText| {
        for piece in &text.0 {
            if let Piece::Value(value) = piece {
                found.insert(*value);
            }
        }
    };
    container.command.iter().chain(&container.args).for_each(&mut look);
    for probe in [&container.ready, &container.live, &container.startup].into_iter().flatten() {
        if let Check::Exec(words) = &probe.check {
            words.iter().for_each(&mut look);
        }
    }
    for value in container.env.values() {
        if let EnvValue::Text(text) = value
            && !(helpers && matches!(text.0.as_slice(), [Piece::Value(_)]))
        {
            look(text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: Voice<'_> =
        Voice { form: Form::PerInstance, kind: &PartKind::Worker, namespace: "llm", nics: "mlx5_0" };

    fn text(pieces: &[Piece]) -> RuntimeText {
        RuntimeText(pieces.to_vec())
    }

    #[test]
    fn values_become_variables() {
        let line = text(&[
            Piece::Text("tcp://".into()),
            Piece::Value(RuntimeValue::LeaderAddress),
            Piece::Text(":5000/".into()),
            Piece::Value(RuntimeValue::Rank),
            Piece::Value(RuntimeValue::PodNamespace),
        ]);
        assert_eq!(WORKER.text(&line), "tcp://$(RBG_LWP_LEADER_ADDRESS):5000/$(RBG_LWP_WORKER_INDEX)llm");
        let single = Voice { kind: &PartKind::Single, ..WORKER };
        assert_eq!(single.text(&text(&[Piece::Value(RuntimeValue::Rank)])), "0");
    }

    #[test]
    fn a_dollar_before_a_value_is_escaped() {
        let with = |t: &str| text(&[Piece::Text(t.into()), Piece::Value(RuntimeValue::Index)]);
        assert_eq!(WORKER.text(&with("a$")), "a$$$(RBG_ROLE_INDEX)");
        assert_eq!(WORKER.text(&with("a$$")), "a$$$(RBG_ROLE_INDEX)");
        assert_eq!(WORKER.text(&with("a")), "a$(RBG_ROLE_INDEX)");
    }

    #[test]
    fn exec_probes_with_values_go_through_the_shell() {
        let words =
            [text(&[Piece::Text("it's".into())]), text(&[Piece::Text("a:".into()), Piece::Value(RuntimeValue::PodIp)])];
        assert_eq!(WORKER.probe_command(&words), ["sh", "-c", r#"exec 'it'\''s' 'a:'"$RBG_POD_IP""#]);
        assert_eq!(WORKER.probe_command(&words[..1]), ["it's"]);
        assert_eq!(WORKER.probe_command(&[text(&[Piece::Value(RuntimeValue::Nics)])]), ["mlx5_0"]);
    }
}
