//! Pods of an instance that restart together on the target `native`: `recover = "instance"`.
//!
//! StatefulSets restart pod by pod. So every command of such an instance is started by a script, as
//! the first process of its container: workers connect to the leader, and the command begins when all
//! connections are there at the same time. From then on a connection that ends ends the script, its
//! command and its container, on both sides; the kubelet starts them again, and they gather anew.
//! That the instance always comes together again, and that nobody restarts without a failure, is
//! proven by the model in `tests`.

use std::borrow::Cow;

use super::Role;
use crate::check::PartKind;
use crate::kinds::Target;
use crate::naming::RENDEZVOUS_PORT;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

/// The script; what it runs follows as arguments.
const SCRIPT: &str = include_str!("scripts/rendezvous.py");

/// Lets the pods of each instance restart together, where the target has no other means and the
/// source asks for it.
pub fn supervise(role: &mut Role<'_>, target: Target) {
    if target != Target::Native || !role.source.recovers_together() {
        return;
    }
    for part in &mut role.parts {
        let main = &mut part.template.main;
        let command = std::mem::take(&mut main.command);
        main.command = ["python3", "-IS", "-c", SCRIPT].map(Cow::Borrowed).to_vec();
        main.args.splice(0..0, command);
        main.listens = (part.source.kind == PartKind::Leader).then_some(RENDEZVOUS_PORT);
    }
}
