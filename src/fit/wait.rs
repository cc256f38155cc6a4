//! Whether pods can wait for other roles whenever they start.

use crate::check::{After, Coordination, Model, Part, PartKind, Role, RoleId};
use crate::diag::{Code, Diagnostic, Session};
use crate::naming;

pub(super) fn check(session: &mut Session, model: &Model) {
    for (id, role) in model.roles() {
        let waits: Vec<&After> = role.after.iter().filter(|after| after.wait).collect();
        for after in &waits {
            let to = model.role(after.role);
            if in_step(model, id, after.role) {
                session.report(out_of_step(role, to, after));
            } else if to.awaited_port().is_none() {
                session.report(without_port(role, to, after));
            } else if to.replicas.max == 0 {
                session.report(without_instances(role, to, after));
            }
        }
        if role.name == naming::WAIT && !waits.is_empty() {
            session.report(without_name(role));
        }
        let unable = role.parts.iter().find(|part| part.pod.interpreter.is_none());
        if let (Some(after), Some(part)) = (waits.first(), unable) {
            session.report(without_interpreter(role, part, model.role(after.role), after));
        }
    }
}

/// Whether instances of both roles come in steps, of which the first may have none of one role.
fn in_step(model: &Model, one: RoleId, other: RoleId) -> bool {
    let holds = |coordination: &Coordination, id: RoleId| coordination.roles.iter().any(|(role, _)| *role == id.role);
    let steps = model.group_of(one).coordinations.iter().filter(|coordination| coordination.in_step());
    one.group == other.group && steps.into_iter().any(|c| holds(c, one) && holds(c, other))
}

fn out_of_step(role: &Role, to: &Role, after: &After) -> Diagnostic {
    let message = format!("`{}` would wait for ever where a step brings it before any `{}`", role.name, to.name);
    Diagnostic::new(Code::BadDependency, after.span, message)
        .here("both come in steps, and in each step this order holds")
        .help("leave `{ wait = true }` out, or do not coordinate the two")
}

fn without_port(role: &Role, to: &Role, after: &After) -> Diagnostic {
    let message = format!("`{}` has no TCP port at which `{}` could find it ready", to.name, role.name);
    Diagnostic::new(Code::NothingToWaitFor, after.span, message)
        .label(to.span, "declared here")
        .help("declare a port that it listens on when it is ready: `port http = 8000`; or leave `{ wait = true }` out")
}

fn without_instances(role: &Role, to: &Role, after: &After) -> Diagnostic {
    let message = format!("`{}` would wait for ever: `{}` has no instances", role.name, to.name);
    Diagnostic::new(Code::NothingToWaitFor, after.span, message)
        .label(to.replicas_span, "none")
        .help("give it instances, or leave `{ wait = true }` out")
}

/// The container of a role has the role's name.
fn without_name(role: &Role) -> Diagnostic {
    let message = format!("`{}` is the name of the container that waits", role.name);
    Diagnostic::new(Code::NameCollision, role.span, message).help("give the role another name")
}

fn without_interpreter(role: &Role, part: &Part, to: &Role, after: &After) -> Diagnostic {
    let whose = match &part.kind {
        PartKind::Single => format!("`{}`", role.name),
        PartKind::Leader | PartKind::Worker => format!("the {} of `{}`", part.kind.name(), role.name),
        PartKind::Component(component) => format!("component `{component}` of `{}`", role.name),
    };
    let message = format!("waiting for `{}` takes a script, and the image of {whose} is not known to run any", to.name);
    Diagnostic::new(Code::NoInterpreter, after.span, message)
        .label(role.span, "this role waits")
        .help("say what the image has: `interpreter = \"python3\"` or `\"bash\"`; or leave `{ wait = true }` out")
}
