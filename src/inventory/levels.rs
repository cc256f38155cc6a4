//! The levels of an inventory and the links between pods that share their domains.

use super::facts::checked;
use super::raw::{LinkClass, RawLevel, RawLink};
use super::{HOSTNAME, Level, LevelLink};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::link::Link;
use crate::naming::is_qualified_name;
use crate::source::Span;
use crate::tree::{At, Entries, Reader, shown};

/// The most levels, as in Kueue's Topology.
const MAX_LEVELS: usize = 16;
/// The name of the node level where the inventory declares none.
const NODE: &str = "node";
/// `<cluster>.<clique>`: a value names one NVLink partition of one cluster of switches.
const CLIQUE: &str = "nvidia.com/gpu.clique";

/// The levels, widest first; the last is the node.
pub struct Levels {
    /// The levels.
    pub list: Vec<Level>,
    /// Per level whether a value names one domain in the whole cluster.
    pub unique: Vec<bool>,
    /// A declaration was refused, so that an unknown level may be one of those.
    incomplete: bool,
}

impl Levels {
    /// The index of a level that is not the node; reports the others.
    pub fn find(&self, name: &At<String>, reader: &mut Reader<'_>) -> Option<usize> {
        let index = self.index(name, reader)?;
        if index + 1 == self.list.len() {
            reader.report(|code| node_level_is_filled(code, name));
            return None;
        }
        Some(index)
    }

    fn index(&self, name: &At<String>, reader: &mut Reader<'_>) -> Option<usize> {
        let found = self.list.iter().position(|level| level.name == name.value);
        if found.is_none() && !self.incomplete {
            reader.report(|_| unknown_level(name, &self.list));
        }
        found
    }
}

/// Checks the declared levels and adds the node's.
pub fn levels(raw: Vec<RawLevel>, reader: &mut Reader<'_>) -> Levels {
    let mut declared: Vec<(At<String>, At<String>, bool)> = Vec::new();
    let mut incomplete = false;
    for (count, level) in raw.into_iter().enumerate() {
        let name = level.name.and_then(|n| checked(n, is_level_name, "a name like `rack` or `nvl-domain`", reader));
        let label = level.label.and_then(|l| checked(l, is_qualified_name, "the key of a label", reader));
        if count == MAX_LEVELS {
            reader.report(|code| too_many_levels(code, level.span));
        }
        let (Some(name), Some(label), true) = (name, label, count < MAX_LEVELS) else {
            incomplete = true;
            continue;
        };
        let same_name = declared.iter().find(|(other, ..)| other.value == name.value);
        let same_label = declared.iter().find(|(_, other, _)| other.value == label.value);
        match (same_name, same_label) {
            (Some((first, ..)), _) => reader.report(|code| duplicate_level(code, "name", first, &name)),
            (None, Some((_, first, _))) => reader.report(|code| duplicate_level(code, "label", first, &label)),
            (None, None) => {
                let unique = level.unique.unwrap_or(label.value == CLIQUE);
                declared.push((name, label, unique));
            }
        }
    }
    add_node_level(&mut declared, reader);
    let unique = declared.iter().map(|(_, _, unique)| *unique).collect();
    let list = declared.into_iter().map(|(name, label, _)| Level { name: name.value, label: label.value, link: None });
    Levels { list: list.collect(), unique, incomplete }
}

fn add_node_level(declared: &mut Vec<(At<String>, At<String>, bool)>, reader: &mut Reader<'_>) {
    match declared.iter().position(|(_, label, _)| label.value == HOSTNAME) {
        Some(at) if at + 1 < declared.len() => {
            reader.report(|code| node_level_not_last(code, &declared[at].1, &declared[at + 1].0));
            let node = declared.remove(at);
            declared.push(node);
        }
        Some(_) => {}
        None => {
            if let Some((name, label, _)) = declared.iter().find(|(name, ..)| name.value == NODE) {
                reader.report(|code| node_level_of_other_label(code, name, label));
            }
            let nowhere = Span::default();
            let at = |text: &str| At { value: text.to_owned(), span: nowhere };
            declared.push((at(NODE), at(HOSTNAME), false));
        }
    }
}

/// Adds the links to their levels.
pub fn links(entries: Entries<RawLink>, levels: &mut Levels, reader: &mut Reader<'_>) {
    for (name, link) in entries.0 {
        if let Some(index) = levels.index(&name, reader) {
            levels.list[index].link = Some(LevelLink { class: class(link.class), needs: link.needs.map(String::from) });
        }
    }
}

fn class(class: LinkClass) -> Link {
    match class {
        LinkClass::Nvlink => Link::Nvlink,
        LinkClass::Pcie => Link::Pcie,
        LinkClass::Rdma => Link::Rdma,
        LinkClass::Vpc => Link::Vpc,
    }
}

/// Levels are named like values in sources: `[a-z][a-z0-9]*(-[a-z0-9]+)*`.
fn is_level_name(text: &str) -> bool {
    crate::naming::is_dns_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.contains("--")
}

fn unknown_level(name: &At<String>, levels: &[Level]) -> Diagnostic {
    let known: Vec<&str> = levels.iter().map(|level| level.name.as_str()).collect();
    let problem =
        Diagnostic::new(Code::UnknownLevelInInventory, name.span, format!("unknown level {}", shown(&name.value)));
    match suggestion(&name.value, &known) {
        Some(help) => problem.help(help),
        None => problem.help("declare it in `levels`"),
    }
}

fn node_level_is_filled(code: Code, name: &At<String>) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("the level {} is filled from the names of the nodes", shown(&name.value)))
        .help(format!("remove it; where the label `{HOSTNAME}` differs from the name, write it under `labels`"))
}

fn too_many_levels(code: Code, span: Span) -> Diagnostic {
    Diagnostic::new(code, span, format!("more than {MAX_LEVELS} levels"))
}

fn duplicate_level(code: Code, what: &str, first: &At<String>, again: &At<String>) -> Diagnostic {
    Diagnostic::new(code, again.span, format!("two levels with the {what} {}", shown(&again.value)))
        .here("again here")
        .label(first.span, "first here")
}

fn node_level_not_last(code: Code, label: &At<String>, next: &At<String>) -> Diagnostic {
    Diagnostic::new(
        code,
        label.span,
        format!("the level of `{HOSTNAME}` must be the last: nothing is narrower than a node"),
    )
    .label(next.span, format!("{} stands after it", shown(&next.value)))
    .help("list the levels widest first")
}

fn node_level_of_other_label(code: Code, name: &At<String>, label: &At<String>) -> Diagnostic {
    let message = format!("the level `{NODE}` must have the label `{HOSTNAME}`");
    Diagnostic::new(code, name.span, message)
        .label(label.span, "another label here")
        .help(format!("rename this level, or declare one with `label: {HOSTNAME}` at the end"))
}
