//! Trees of switches, and the labels that they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::alias::TIER;
use super::{Found, MAX_NODES, problems};
use crate::diag::{Code, Diagnostic};
use crate::inventory::hostlist::Hostlist;
use crate::naming::{is_dns_subdomain, is_label_value};
use crate::tree::{At, Reader, shown};

/// The most switches above one another.
const MAX_DEPTH: usize = 16;

/// Switches with what is below them, each below one other at most.
#[derive(Debug, Default)]
pub struct Switches {
    /// The switch above each switch, and where that is said.
    above: BTreeMap<String, (String, At<String>)>,
    /// The switch of each node.
    nodes: BTreeMap<String, (String, At<String>)>,
    declared: BTreeSet<String>,
    /// What a switch is called elsewhere.
    pub names: BTreeMap<String, String>,
}

impl Switches {
    /// A switch exists.
    pub fn declare(&mut self, name: &At<String>) {
        self.declared.insert(name.value.clone());
    }

    /// A switch stands below another.
    pub fn below(&mut self, switch: &At<String>, child: At<String>, reader: &mut Reader<'_>) {
        place(&mut self.above, &switch.value, child, reader);
    }

    /// A node stands below a switch.
    pub fn node(&mut self, switch: &At<String>, node: At<String>, reader: &mut Reader<'_>) {
        place(&mut self.nodes, &switch.value, node, reader);
    }

    /// Gives every node the labels of the switches above it.
    pub fn finish(self, reader: &mut Reader<'_>, found: &mut Found) {
        for (child, (_, at)) in &self.above {
            if !self.declared.contains(child) {
                let message = format!("no switch {} is described, so that nothing is known below it", shown(child));
                reader.report(|_| problems::left_out(at.span, message, "describe it, or take it out of the list"));
            }
        }
        let mut paths = Vec::new();
        for (switch, node) in self.nodes.values() {
            let Some(mut path) = self.path(switch) else {
                reader.report(|_| {
                    problems::malformed(node.span, format!("the switches above {} form a ring", shown(&node.value)))
                });
                return;
            };
            path.reverse();
            let named = |switch: &str| self.names.get(switch).map_or(switch, String::as_str).to_owned();
            let path = path.into_iter().map(|switch| At { value: named(switch), span: node.span }).collect();
            paths.push((node.clone(), path));
        }
        tiers(paths, reader, found);
    }

    /// The switches above a node, closest first; `None` when they form a ring.
    fn path<'s>(&'s self, mut switch: &'s str) -> Option<Vec<&'s str>> {
        let mut path = vec![switch];
        while let Some((above, _)) = self.above.get(switch) {
            switch = above;
            path.push(switch);
            if path.len() > MAX_DEPTH {
                return None;
            }
        }
        Some(path)
    }
}

fn place(map: &mut BTreeMap<String, (String, At<String>)>, parent: &str, child: At<String>, reader: &mut Reader<'_>) {
    match map.get(&child.value) {
        Some((other, first)) if other != parent => {
            reader.report(|_| problems::two_parents(&child, (other, parent), first.span));
        }
        _ => drop(map.insert(child.value.clone(), (parent.to_owned(), child))),
    }
}

/// Gives nodes the labels of topograph's tiers, from their switches, widest first. The widest of all
/// paths agree in their level, so that a node with fewer switches lacks the closest ones.
pub fn tiers(
    paths: impl IntoIterator<Item = (At<String>, Vec<At<String>>)>,
    reader: &mut Reader<'_>,
    found: &mut Found,
) {
    let paths: Vec<_> = paths.into_iter().collect();
    let depth = paths.iter().map(|(_, path)| path.len()).max().unwrap_or(0);
    if depth > MAX_DEPTH {
        let deepest =
            paths.iter().find(|(_, path)| path.len() == depth).map_or_else(Default::default, |(node, _)| node.span);
        reader.report(|_| problems::malformed(deepest, format!("more than {MAX_DEPTH} switches above one node")));
        return;
    }
    for (node, path) in paths {
        found.named(&node);
        for (index, switch) in path.into_iter().enumerate() {
            let label = format!("{TIER}{}", depth - 1 - index);
            if !is_label_value(&switch.value) {
                reader.report(|_| {
                    problems::malformed(switch.span, format!("{} is not the value of a label", shown(&switch.value)))
                });
                continue;
            }
            found.label(&node, &label, switch, reader);
            if !found.described.contains(&label) {
                found.described.insert(label);
            }
        }
    }
}

/// The names of a hostlist, which must be those of nodes. What is malformed or too long is reported.
pub fn expanded(text: &At<String>, reader: &mut Reader<'_>) -> Vec<At<String>> {
    let names = names(text, reader);
    // Slurm's names may have capitals, those of nodes may not.
    let bad = names.iter().find(|name| !is_dns_subdomain(&name.value.to_ascii_lowercase()));
    if let Some(bad) = bad {
        reader.report(|_| problems::malformed(bad.span, format!("{} is not the name of a node", shown(&bad.value))));
        return Vec::new();
    }
    names
}

/// The names of a hostlist.
pub fn names(text: &At<String>, reader: &mut Reader<'_>) -> Vec<At<String>> {
    match Hostlist::parse(&text.value) {
        Ok(list) if list.count() > MAX_NODES => {
            reader.report(|_| too_long(text, list.count()));
            Vec::new()
        }
        Ok(list) => list.expand().into_iter().map(|value| At { value, span: text.span }).collect(),
        Err(problem) => {
            let span = reader.within(text, problem.lo, problem.hi);
            reader.report(|_| Diagnostic::new(Code::BadHostlist, span, problem.message));
            Vec::new()
        }
    }
}

fn too_long(text: &At<String>, count: u64) -> Diagnostic {
    let many = if count == u64::MAX { "too many".to_owned() } else { count.to_string() };
    let message = format!("the hostlist {} makes {many} names, more than {MAX_NODES}", shown(&text.value));
    Diagnostic::new(Code::BadHostlist, text.span, message).help("check the range in brackets")
}
