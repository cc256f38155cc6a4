//! What a compilation changes of what stands: the instances that move, and the pods that are told
//! something else about nodes. Both restart pods, so each is told with its reason.

use std::fmt;

use crate::diag::{Code, Diagnostic, plural};
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::lock::{Instance, affinity::Affinity};
use crate::place::{Move, Placement};
use crate::plan::kept::{History, Why, remembered};
use crate::plan::{self, Plan, Role, Unit};
use crate::source::Span;

/// A change of what stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the group.
    pub group: String,
    /// Name of the role.
    pub role: String,
    /// Index of the instance; `None` where all instances share a template.
    pub instance: Option<u32>,
    /// The nodes before and after; `None` when the nodes stay and only the affinity changes.
    pub nodes: Option<(Vec<String>, Vec<String>)>,
    /// Why, in words.
    pub reason: String,
    /// How many pods restart by it.
    pub restarts: u32,
    /// Where the role is declared.
    pub span: Span,
}

/// Names shown of one change, and changes shown of one compilation.
const SHOWN: usize = 10;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.role)?;
        if let Some(instance) = self.instance {
            write!(f, "/{instance}")?;
        }
        match &self.nodes {
            Some((before, after)) => {
                let (before, after) = different(before, after);
                write!(f, " moves from {before} to {after}")?;
            }
            None => f.write_str(" stays, with another affinity")?,
        }
        let pods = if self.restarts == 1 { "pod restarts" } else { "pods restart" };
        write!(f, ": {}; {} {pods}", self.reason, self.restarts)
    }
}

/// The nodes that are left and entered, each once.
pub fn different(before: &[String], after: &[String]) -> (String, String) {
    let without = |these: &[String], those: &[String]| {
        let mut names: Vec<&str> = these.iter().filter(|n| !those.contains(n)).map(String::as_str).collect();
        names.dedup();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        match (names.is_empty(), more) {
            (true, _) => "its nodes".to_owned(),
            (false, 0) => names.join(","),
            (false, more) => format!("{} and {more} more", names.join(",")),
        }
    };
    (without(before, after), without(after, before))
}

/// A line for each change, at most ten.
pub fn summary(changes: &[Change]) -> String {
    let mut text: String = changes.iter().take(SHOWN).map(|change| format!("  {change}\n")).collect();
    if changes.len() > SHOWN {
        text.push_str(&format!("  and {} more\n", changes.len() - SHOWN));
    }
    text
}

/// More changes than are allowed: each is told at its role.
pub fn too_many(changes: &[Change], most: usize) -> Option<Diagnostic> {
    let (first, rest) = changes.split_first().filter(|_| changes.len() > most)?;
    let many = changes.len();
    let message = format!("{} would move or restart, more than the {most} of `--max-moves`", plural(many, "instance"));
    let problem = Diagnostic::new(Code::TooManyMoves, first.span, message).here(first.to_string());
    let problem = rest.iter().take(SHOWN - 1).fold(problem, |p, change| p.label(change.span, change.to_string()));
    Some(problem.help(match many.saturating_sub(SHOWN) {
        0 => "allow more, or make room: add nodes, ask for less, or let fewer groups change at a time".to_owned(),
        more => format!("and {more} more; allow them, or make room: add nodes, or let fewer groups change at a time"),
    }))
}

/// The changes of every group, in the order of the model.
pub fn changes(fitted: &Fitted, plan: &Plan<'_>, placement: &Placement) -> Vec<Vec<Change>> {
    let mut changes: Vec<Vec<Change>> = plan.groups.iter().map(|_| Vec::new()).collect();
    for moved in &placement.moves {
        changes[moved.group].push(moved_instance(fitted, plan, placement, moved));
    }
    for (g, changes) in changes.iter_mut().enumerate() {
        let moved: Vec<(usize, u32)> =
            placement.moves.iter().filter(|m| m.group == g).map(|m| (m.role, m.instance as u32)).collect();
        for (r, role) in plan.groups[g].roles.iter().enumerate() {
            let known = |unit: &&Unit<'_>| unit.instance.is_none_or(|i| !moved.contains(&(r, i)));
            changes.extend(role.units.iter().filter(known).filter_map(|unit| affinity(fitted, plan, (g, r), unit)));
        }
    }
    changes
}

fn moved_instance(fitted: &Fitted, plan: &Plan<'_>, placement: &Placement, moved: &Move) -> Change {
    let role = &plan.groups[moved.group].roles[moved.role];
    let instance = moved.instance as u32;
    let key = Instance { role: role.source.name.clone(), index: instance };
    let before = fitted.locks.get(moved.group).and_then(|lock| lock.places.get(&key)).cloned().unwrap_or_default();
    let after = &placement.groups[moved.group][moved.role][moved.instance];
    let unit = role.units.iter().find(|unit| unit.instance == Some(instance));
    Change {
        group: plan.groups[moved.group].source.stem.clone(),
        role: role.source.name.clone(),
        instance: Some(instance),
        reason: moved.why(&fitted.problem, &before),
        // A shared template names no nodes: its pods go where they may when they start anew.
        restarts: unit.map_or(0, |unit| restarts(fitted, (moved.group, role), unit, true)),
        span: role.source.span,
        nodes: Some((before, after.iter().map(|m| plan.inventory.nodes[*m].name.clone()).collect())),
    }
}

/// The pods of the parts of a unit whose affinity is another one; `unknown` counts those of which
/// none is remembered.
fn restarts(fitted: &Fitted, (group, role): (usize, &Role<'_>), unit: &Unit<'_>, unknown: bool) -> u32 {
    let kept = fitted.locks.get(group).map(|lock| &lock.affinities);
    let parts = role.source.parts.iter().zip(&unit.sites).filter(|(part, site)| {
        let old = kept.and_then(|kept| kept.get(&plan::remembered_as(role.source, unit.instance, part)));
        old.map_or(unknown, |old| *old != Affinity { asked: old.asked, ..remembered(site) })
    });
    let instances = if unit.instance.is_some() { 1 } else { role.instances() };
    parts.map(|(part, _)| part.count).sum::<u32>() * instances
}

/// The change of a unit that stays and is told something else.
fn affinity(fitted: &Fitted, plan: &Plan<'_>, (g, r): (usize, usize), unit: &Unit<'_>) -> Option<Change> {
    let (group, role) = (&plan.groups[g], &plan.groups[g].roles[r]);
    let restarts = restarts(fitted, (g, role), unit, false);
    let why = unit.sites.iter().find_map(|site| match site.history {
        History::Changed(why) => Some(why),
        History::New | History::Kept => None,
    });
    (restarts > 0).then(|| Change {
        group: group.source.stem.clone(),
        role: role.source.name.clone(),
        instance: unit.instance,
        nodes: None,
        span: role.source.span,
        reason: why.map_or_else(|| "others need the room".to_owned(), |why| words(why, plan.inventory)),
        restarts,
    })
}

fn words(why: Why, inventory: &Inventory) -> String {
    let name = |node: usize| inventory.nodes[node].name.as_str();
    match why {
        Why::Asked => "the sources ask for something else".into(),
        Why::Nodes => "other nodes are planned".into(),
        Why::Labels(node) => format!("`{}` has other labels now", name(node)),
        Why::Wider(node) => format!("its labels now stand for `{}` too", name(node)),
        Why::Node(node) => format!("`{}` has another taint or memlock limit", name(node)),
        Why::Topology => "the labels of the levels changed".into(),
    }
}
