//! Changes that let old and new ends of a connection meet.
//!
//! Engines that hand on their KV cache compare versions and layouts when they meet, and refuse each
//! other where these differ. A router that all instances share pairs any with any: while its
//! backends are updated one after the other, it pairs old with new. Steps that keep roles in
//! proportion do not help, because there are old and new instances after each of them.

use std::collections::BTreeMap;

use super::Fitted;
use crate::check::{Connection, Form, Group, Role};
use crate::diag::{Code, Diagnostic, Session};
use crate::lock::{self, Lock};

/// Refuses changes of what connected roles must agree on at any time. `None` when one was refused.
pub fn check(session: &mut Session, fitted: &Fitted) -> Option<()> {
    let mut sound = true;
    for (group, lock) in fitted.model.groups.iter().zip(&fitted.locks) {
        for connection in group.connections.iter().filter(|connection| several_pairs(group, connection)) {
            let changes = changes(group, connection, lock);
            if !changes.is_empty() {
                session.report(mixed(group, connection, &changes));
                sound = false;
            }
        }
    }
    sound.then_some(())
}

/// Whether an old instance of one end can stand beside a new one of the other and serve. When each
/// end has one instance, the service stops while the two are replaced, whatever is in them.
fn several_pairs(group: &Group, connection: &Connection) -> bool {
    // A Deployment makes a new pod before it deletes the old one.
    let most = |role: &Role| role.replicas.max.saturating_add(u32::from(role.form == Form::Deployment));
    let [from, to] = [connection.from, connection.to].map(|role| most(&group.roles[role]));
    from.saturating_mul(to) > 1
}

/// What was agreed on before, and what would be now. Of what a lock does not know nothing is said.
fn changes(group: &Group, connection: &Connection, lock: &Lock) -> Vec<(String, String, String)> {
    let [from, to] = [connection.from, connection.to].map(|role| group.roles[role].name.clone());
    let none = BTreeMap::new();
    let known = lock.revisions.get(&(from, to)).unwrap_or(&none);
    let change = |(name, value): (&String, &String)| {
        let (old, new) = (known.get(name)?, lock::remembered(value));
        (*old != new).then(|| (name.clone(), old.clone(), new))
    };
    connection.revision.iter().filter_map(change).collect()
}

fn mixed(group: &Group, connection: &Connection, changes: &[(String, String, String)]) -> Diagnostic {
    let [from, to] = [connection.from, connection.to].map(|role| &group.roles[role]);
    let edge = connection.edge.as_deref().unwrap_or("connection");
    let names: Vec<String> = changes.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let message = format!(
        "old and new instances of `{}` and `{}` would meet, which differ in {}",
        from.name,
        to.name,
        names.join(", ")
    );
    let change = |(name, old, new): &(String, String, String)| format!("{name} was {old} and becomes {new}");
    let problem = Diagnostic::new(Code::MixedRevisions, connection.span, message)
        .here(format!("the ends of `{edge}` must agree at any time"))
        .label(from.span, changes.iter().map(change).collect::<Vec<_>>().join("; "))
        .label(to.span, "its instances serve while those of the other end are updated");
    problem.help("make the change in a group of another name beside this one, move the traffic, then remove this one")
}
