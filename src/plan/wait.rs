//! Pods that wait for other roles whenever they start: `after x { wait = true }`.
//!
//! The first init container of every pod connects to the Service for clients of each role that it
//! waits for. Such a Service leads to ready pods only, so an accepted connection means that one is
//! ready. The container never fails, because a LeaderWorkerSet makes an instance anew when any of its
//! containers does; it runs the role's own image, which nothing more has to be pulled for.

use std::borrow::Cow;

use super::Role;
use super::template::Container;
use crate::check::{self, Interpreter, Model};
use crate::naming;
use crate::quantity::Quantity;

#[cfg(test)]
mod tests;

const PYTHON: &str = include_str!("scripts/wait.py");
const BASH: &str = include_str!("scripts/wait.sh");

/// Thousandths of a processor that waiting takes at most.
const CPU: i128 = 100;
/// Bytes that an interpreter takes at most.
const MEMORY: i64 = 64 << 20;

/// Lets the pods of a role wait for those that it asks to wait for.
pub fn gate<'m>(role: &mut Role<'m>, model: &'m Model, group: &'m check::Group) {
    let targets = targets(role.source, model, group);
    if targets.is_empty() {
        return;
    }
    for part in &mut role.parts {
        // `fit` refused a part without an interpreter.
        let Some(interpreter) = part.source.pod.interpreter else { continue };
        let gate = container(&part.template.main, interpreter, &targets);
        part.template.inits.insert(0, gate);
    }
}

/// The host and port of each role to wait for, as the arguments of the scripts.
fn targets(role: &check::Role, model: &Model, group: &check::Group) -> Vec<String> {
    let waits = role.after.iter().filter(|after| after.wait);
    let target = |after: &check::After| {
        let (to, theirs) = (model.role(after.role), model.group_of(after.role));
        // Those of its own generation are meant; those of other groups outlast theirs.
        let own = theirs.stem == group.stem;
        let service = if own { naming::workload(&theirs.name, &to.name) } else { theirs.client_service(to) };
        let elsewhere = theirs.namespace != group.namespace;
        let host = if elsewhere { format!("{service}.{}", theirs.namespace) } else { service };
        Some([host, to.awaited_port()?.number.to_string()])
    };
    waits.filter_map(target).flatten().collect()
}

fn container<'m>(main: &Container<'m>, interpreter: Interpreter, targets: &[String]) -> Container<'m> {
    // With `-c` bash takes the first argument for its own name.
    let (options, own_name): (&[&str], _) = match interpreter {
        Interpreter::Python => (&["python3", "-IS", "-c", PYTHON], None),
        Interpreter::Bash => (&["bash", "-c", BASH], Some(Cow::Borrowed(naming::WAIT))),
    };
    Container {
        source: main.source,
        name: Cow::Borrowed(naming::WAIT),
        told: false,
        ports: &[],
        listens: None,
        command: options.iter().map(|word| Cow::Borrowed(*word)).collect(),
        args: own_name.into_iter().chain(targets.iter().cloned().map(Cow::Owned)).collect(),
        fields: Default::default(),
        env: Vec::new(),
        resources: main.resources.iter().filter_map(|(name, amount)| small(name, *amount)).collect(),
        mounts: Vec::new(),
        ready: None,
        live: None,
        startup: None,
        drain: None,
        security: None,
    }
}

/// What waiting takes of a resource that the role limits: never more than the role itself, so that
/// the pod needs no larger place.
fn small(name: &str, amount: Quantity) -> Option<(Cow<'static, str>, Quantity)> {
    let most = match name {
        "cpu" => Quantity { milli: CPU, binary: false },
        "memory" => Quantity::bytes(MEMORY),
        _ => return None,
    };
    Some((Cow::Owned(name.to_owned()), if amount.milli < most.milli { amount } else { most }))
}
