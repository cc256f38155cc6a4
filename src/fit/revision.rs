//! Changes that let old and new ends of a connection meet, and generations, which keep them apart.
//!
//! Engines that hand on their KV cache compare versions and layouts when they meet, and refuse each
//! other where these differ. A router that all instances share pairs any with any: while its
//! backends are updated one after the other, it pairs old with new. Steps that keep roles in
//! proportion do not help, because there are old and new instances after each of them.
//!
//! Another generation of a group is a set of objects of its own. It needs room beside the one that
//! stands, which holds its own until it is pruned, last of all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Fitted;
use crate::check::{Connection, Form, Group, Model, Role, VolumeKind};
use crate::diag::{Code, Diagnostic, Session};
use crate::lock::{self, Lock};
use crate::naming;

/// For each group the generation that stands, where it is another one than that of the sources.
pub(super) fn retired(model: &Model, locks: &BTreeMap<String, Lock>) -> Vec<Option<u32>> {
    let of = |group: &Group| {
        let stands = locks.get(&group.stem).filter(|lock| !lock.places.is_empty())?.generation;
        (stands != group.generation).then_some(stands)
    };
    model.groups.iter().map(of).collect()
}

/// Refuses a group that takes the names of a generation which another group still has until its next
/// one serves.
pub(super) fn names(session: &mut Session, model: &Model, locks: &BTreeMap<String, Lock>) {
    for (group, stands) in model.groups.iter().zip(retired(model, locks)) {
        let Some(stands) = stands else { continue };
        let name = if stands == 1 { group.stem.clone() } else { naming::generation(&group.stem, stands) };
        let same = |other: &&Group| other.namespace == group.namespace && other.name == name;
        for other in model.groups.iter().filter(|other| other.stem != group.stem).filter(same) {
            let message = format!("generation {stands} of group `{}` still has the name `{name}`", group.stem);
            let problem = Diagnostic::new(Code::NameCollision, other.span, message);
            let help = "give this group another name, or add it when the new generation has taken over";
            session.report(problem.label(group.generation_span, "the next generation comes up beside it").help(help));
        }
    }
}

/// The locks, where a generation that is replaced is a group like any other that stands: it keeps its
/// room, and nothing of it is kept by the one that comes.
pub(super) fn beside<'l>(
    model: &Model,
    locks: &'l BTreeMap<String, Lock>,
    retired: &[Option<u32>],
) -> Cow<'l, BTreeMap<String, Lock>> {
    let mut locks = Cow::Borrowed(locks);
    for (group, generation) in model.groups.iter().zip(retired) {
        let Some(generation) = generation else { continue };
        let locks = locks.to_mut();
        if let Some(lock) = locks.remove(&group.stem) {
            locks.insert(format!("{} of generation {generation}", group.stem), lock);
        }
    }
    locks
}

/// Refuses what would let ends meet that do not agree, and generations that cannot follow the one
/// that stands. `removes_first`: what is no longer made is gone before its successor is ready.
/// `None` when something was refused.
pub fn check(session: &mut Session, fitted: &Fitted, removes_first: bool) -> Option<()> {
    let before = session.problems.len();
    for ((group, lock), retired) in fitted.model.groups.iter().zip(&fitted.locks).zip(&fitted.retired) {
        match retired {
            Some(stands) => session.problems.extend(obstacle(group, *stands, removes_first)),
            None => {
                let several = group.connections.iter().filter(|connection| several_pairs(group, connection, lock));
                let changes = several.map(|connection| (connection, changes(group, connection, lock)));
                let mixed = |(connection, changes): (&Connection, Vec<Change>)| {
                    (!changes.is_empty()).then(|| mixed(group, connection, &changes, removes_first))
                };
                session.problems.extend(changes.filter_map(mixed));
            }
        }
    }
    (session.problems.len() == before).then_some(())
}

/// Why a generation cannot come up beside the one that stands.
fn obstacle(group: &Group, stands: u32, removes_first: bool) -> Option<Diagnostic> {
    if group.generation != stands.saturating_add(1) {
        return Some(out_of_turn(group, stands));
    }
    if removes_first {
        let message =
            format!("Flux removes generation {stands} of group `{}` before the next one is ready", group.stem);
        return Some(Diagnostic::new(Code::BadGeneration, group.generation_span, message).help(ANOTHER_GROUP));
    }
    let keeps = |role: &&Role| {
        role.parts.iter().flat_map(|part| &part.pod.volumes).any(|v| matches!(v.kind, VolumeKind::Template { .. }))
    };
    let role = group.roles.iter().find(keeps)?;
    let message = format!("a new generation of role `{}` would have none of the data in its claims", role.name);
    let problem = Diagnostic::new(Code::BadGeneration, group.generation_span, message);
    Some(problem.label(role.span, "each of its pods has claims of its own").help("move the role to a group of its own"))
}

fn out_of_turn(group: &Group, stands: u32) -> Diagnostic {
    let message = format!("generation {} of group `{}` would follow generation {stands}", group.generation, group.stem);
    let problem = Diagnostic::new(Code::BadGeneration, group.generation_span, message);
    let next = stands.saturating_add(1);
    match group.generation < stands {
        true => problem
            .here("the Services of an earlier generation would lead to it before it is ready")
            .help(format!("to go back, set `generation = {next}` with what the earlier one was made from")),
        false => problem
            .here("the roles of other groups admit a generation and the one before")
            .help(format!("set `generation = {next}`")),
    }
}

/// Refuses a generation of which some instances would come in a later commit than the others: the one
/// that stands goes with the first. `waiting` are the groups of these instances. `None` when one was
/// refused.
pub fn whole<'w>(session: &mut Session, fitted: &Fitted, waiting: impl Iterator<Item = &'w str>) -> Option<()> {
    let waiting: BTreeSet<&str> = waiting.collect();
    let groups = fitted.model.groups.iter().zip(&fitted.retired).filter(|(_, retired)| retired.is_some());
    let split: Vec<&Group> = groups.map(|(group, _)| group).filter(|g| waiting.contains(g.stem.as_str())).collect();
    for group in &split {
        let message = format!(
            "generation {} of group `{}` would wait for room that is freed in the same change",
            group.generation, group.stem
        );
        let help = "compile first without the new generation, let that sync, then raise it";
        session.report(Diagnostic::new(Code::BadGeneration, group.generation_span, message).help(help));
    }
    split.is_empty().then_some(())
}

/// The way that is always there.
const ANOTHER_GROUP: &str =
    "make the change in a group of another name beside this one, move the traffic, then remove this one";

/// Whether an old instance of one end can stand beside a new one of the other and serve. When each
/// end has one instance, the service stops while the two are replaced, whatever is in them.
fn several_pairs(group: &Group, connection: &Connection, lock: &Lock) -> bool {
    let most = |role: &Role| {
        let stand = lock.places.keys().filter(|instance| instance.role == role.name).count();
        // A Deployment makes a new pod before it deletes the old one.
        (role.replicas.max as usize).max(stand).saturating_add(usize::from(role.form == Form::Deployment))
    };
    let [from, to] = [connection.from, connection.to].map(|role| most(&group.roles[role]));
    from.saturating_mul(to) > 1
}

/// The name of what changes, and its values before and after.
type Change = (String, String, String);

/// What was agreed on before, and what would be now. Of what a lock does not know nothing is said.
fn changes(group: &Group, connection: &Connection, lock: &Lock) -> Vec<Change> {
    let [from, to] = [connection.from, connection.to].map(|role| group.roles[role].name.clone());
    let none = BTreeMap::new();
    let known = lock.revisions.get(&(from, to)).unwrap_or(&none);
    let change = |(name, value): (&String, &String)| {
        let (old, new) = (known.get(name)?, lock::remembered(value));
        (*old != new).then(|| (name.clone(), old.clone(), new))
    };
    connection.revision.iter().filter_map(change).collect()
}

fn mixed(group: &Group, connection: &Connection, changes: &[Change], removes_first: bool) -> Diagnostic {
    let [from, to] = [connection.from, connection.to].map(|role| &group.roles[role]);
    let edge = connection.edge.as_deref().unwrap_or("connection");
    let names: Vec<String> = changes.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let message = format!(
        "old and new instances of `{}` and `{}` would meet, which differ in {}",
        from.name,
        to.name,
        names.join(", ")
    );
    let change = |(name, old, new): &Change| format!("{name} was {old} and becomes {new}");
    let problem = Diagnostic::new(Code::MixedRevisions, connection.span, message)
        .here(format!("the ends of `{edge}` must agree at any time"))
        .label(from.span, changes.iter().map(change).collect::<Vec<_>>().join("; "))
        .label(to.span, "its instances serve while those of the other end are updated");
    problem.help(match removes_first {
        true => ANOTHER_GROUP.to_owned(),
        false => format!(
            "set `generation = {}` in group `{}`: its instances come up beside those that stand, and the traffic moves last",
            group.generation.saturating_add(1),
            group.declared
        ),
    })
}
