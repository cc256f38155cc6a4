//! What instances need whose pods restart together without a controller for it.

use super::lacks;
use crate::check::{Container, Interpreter, Model, Part, PartKind, Pod, Role};
use crate::data::Data;
use crate::diag::{Code, Diagnostic, Session};
use crate::naming::RENDEZVOUS_PORT;

pub(super) fn check(session: &mut Session, model: &Model) {
    let together = model.roles().map(|(_, role)| role).filter(|role| role.recovers_together());
    for (role, span) in together.filter_map(|role| Some((role, role.recover?.1))) {
        if role.has_components() {
            let message = format!("the components of `{}` cannot restart together", role.name);
            session.report(
                lacks(span, message)
                    .help("say `recover = \"pod\"`, make the instance of a leader and workers, or compile for `rbg`"),
            );
            continue;
        }
        let problem = role.parts.iter().find_map(|part| obstacle(role, part));
        session.problems.extend(problem.map(|(code, (message, help))| {
            let problem = Diagnostic::new(code, span, message).here("its pods shall restart together");
            problem.label(role.span, "declared here").help(help)
        }));
    }
}

/// Why the start of a part cannot be supervised, and what to do.
fn obstacle(role: &Role, part: &Part) -> Option<(Code, (String, String))> {
    let (pod, kind, name) = (&part.pod, part.kind.name(), &role.name);
    let main = &pod.main;
    let why = if pod.interpreter != Some(Interpreter::Python) {
        let message = format!("the {kind} of `{name}` must be started by a script of Python");
        let help = "if its image has Python 3.8 or later, say `interpreter = \"python3\"`; or compile for `lws`";
        return Some((Code::NoInterpreter, (message, help.to_owned())));
    } else if main.command.is_empty() {
        ("runs what its image says, which is not known here", "say it: `command = [\"serve\"]`")
    } else if replaced(pod, name) {
        ("has its command replaced in `pod { … }`", "say it by the fields `command` and `args`")
    } else if part.kind == PartKind::Worker && (main.ready.is_some() || main.startup.is_some()) {
        (
            "has a probe that an update waits for, while it waits for the others",
            "remove `ready` and `startup` of the worker",
        )
    } else if containers(pod).any(|container| container.ports.iter().any(|port| port.number == RENDEZVOUS_PORT)) {
        ("has a port with the number by which its instance gathers, 7117", "choose another number")
    } else {
        return None;
    };
    Some((Code::Unsupervised, (format!("the {kind} of `{name}` {}", why.0), why.1.to_owned())))
}

fn containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    std::iter::once(&pod.main).chain(&pod.sidecars)
}

/// Whether `pod { … }`, which counts last, says what the main container runs.
fn replaced(pod: &Pod, role: &str) -> bool {
    let containers = pod.overrides.at(&["containers"]).and_then(Data::as_list).unwrap_or_default();
    let mut main = containers.iter().filter(|container| {
        let name = container.at(&["name"]).and_then(Data::as_str);
        name.is_some_and(|name| name == "main" || name == role)
    });
    main.any(|container| ["command", "args"].iter().any(|field| container.at(&[field]).is_some()))
}
