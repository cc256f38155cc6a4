//! The tree of topology domains, from the level labels of the nodes.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::levels::Levels;
use super::{Domain, Level, Node};
use crate::diag::{Code, Diagnostic};
use crate::naming::natural;
use crate::source::Span;
use crate::tree::{Reader, shown};

/// Builds the domains of every level and fills [`Node::domains`].
///
/// A domain is the tuple of values down to its level: rack `r1` of block `b1` is not rack `r1` of
/// block `b2`. A node without the label of a level is in none of its domains. Only the node level
/// may stand below such a gap; anywhere else a value below a gap is reported, because nobody can
/// say which domain it belongs to.
pub fn build(levels: &Levels, nodes: &mut [Node], reader: &mut Reader<'_>) -> Vec<Vec<Domain>> {
    report_gaps(&levels.list, nodes, reader);
    for node in nodes.iter_mut() {
        node.domains = Vec::with_capacity(levels.list.len());
    }
    let domains: Vec<Vec<Domain>> = (0..levels.list.len()).map(|index| level(&levels.list, index, nodes)).collect();
    for index in (1..levels.list.len()).filter(|index| levels.unique[*index]) {
        report_crossings(&levels.list, index, &domains, nodes, reader);
    }
    domains
}

/// The domains of one level, when those of all wider ones are built.
fn level(levels: &[Level], index: usize, nodes: &mut [Node]) -> Vec<Domain> {
    let domains = grouped(levels, index, nodes);
    for node in nodes.iter_mut() {
        node.domains.push(None);
    }
    for (number, domain) in domains.iter().enumerate() {
        for member in &domain.nodes {
            nodes[*member].domains[index] = Some(number);
        }
    }
    domains
}

/// The nodes with a value for the level, by paths: the domains of wider levels stand in the order
/// of their own paths already, so that a node's domains so far order it.
fn grouped(levels: &[Level], index: usize, nodes: &[Node]) -> Vec<Domain> {
    let values: Vec<&str> = nodes.iter().map(|node| value(node, &levels[index]).unwrap_or("")).collect();
    let same = |a: &usize, b: &usize| values[*a] == values[*b] && nodes[*a].domains == nodes[*b].domains;
    let by_path = |a: &usize, b: &usize| {
        let wider = nodes[*a].domains.cmp(&nodes[*b].domains);
        wider.then_with(|| if values[*a] == values[*b] { Ordering::Equal } else { natural(values[*a], values[*b]) })
    };
    let mut order: Vec<usize> = (0..nodes.len()).filter(|node| !values[*node].is_empty()).collect();
    // The sort is stable: the members of a domain stay ascending.
    order.sort_by(by_path);
    let domain = |members: &[usize]| {
        let first = &nodes[members[0]];
        Domain {
            path: levels[..=index].iter().map(|level| value(first, level).unwrap_or("").to_owned()).collect(),
            parent: index.checked_sub(1).and_then(|wider| first.domains[wider]),
            nodes: members.to_vec(),
        }
    };
    order.chunk_by(same).map(domain).collect()
}

/// The value of a level's label. An empty one names no domain.
fn value<'n>(node: &'n Node, level: &Level) -> Option<&'n str> {
    node.labels.get(&level.label).map(String::as_str).filter(|value| !value.is_empty())
}

/// Reports nodes with a value at a level (not the node's) that lack one at a wider level.
fn report_gaps(levels: &[Level], nodes: &[Node], reader: &mut Reader<'_>) {
    let mut reported: BTreeMap<(Span, usize), (usize, usize, &str)> = BTreeMap::new();
    for node in nodes {
        let above = &levels[..levels.len().saturating_sub(1)];
        let Some(missing) = above.iter().position(|level| value(node, level).is_none()) else { continue };
        let below = (missing + 1..above.len()).find(|index| value(node, &above[*index]).is_some());
        if let Some(present) = below {
            reported.entry((node.span, missing)).or_insert((present, 0, &node.name)).1 += 1;
        }
    }
    for ((span, missing), (present, count, name)) in reported {
        let (missing, present) = (&levels[missing], &levels[present]);
        reader.report(|_| gap(span, name, count, present, missing));
    }
}

/// Reports values of a unique level that lie under two domains of the next wider level.
fn report_crossings(levels: &[Level], index: usize, domains: &[Vec<Domain>], nodes: &[Node], reader: &mut Reader<'_>) {
    let mut first: BTreeMap<&str, &Domain> = BTreeMap::new();
    for domain in &domains[index] {
        let name = domain.path[index].as_str();
        match first.get(name) {
            Some(other) => {
                let places = (nodes[other.nodes[0]].span, nodes[domain.nodes[0]].span);
                reader.report(|_| crossing(&levels[index], &levels[index - 1], (other, domain), places));
            }
            None => {
                first.insert(name, domain);
            }
        }
    }
}

fn gap(span: Span, node: &str, count: usize, present: &Level, missing: &Level) -> Diagnostic {
    let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let message = format!(
        "node `{node}`{others} has a value for the level `{}` but none for the wider level `{}`",
        present.name, missing.name
    );
    Diagnostic::new(Code::CrossedDomains, span, message).help(format!(
        "give the label `{}` a value, or leave out `{}`; a node may lack a level only together with all narrower ones",
        missing.label, present.label
    ))
}

fn crossing(level: &Level, wider: &Level, pair: (&Domain, &Domain), places: (Span, Span)) -> Diagnostic {
    let path = |domain: &Domain| domain.path[..domain.path.len() - 1].join("/");
    let name = pair.1.path.last().map_or("", String::as_str);
    let message = format!("the {} {} lies under two domains of the level `{}`", level.name, shown(name), wider.name);
    Diagnostic::new(Code::CrossedDomains, places.1, message)
        .here(format!("under `{}` here", path(pair.1)))
        .label(places.0, format!("under `{}` here", path(pair.0)))
        .help(format!(
            "correct the values; or list `{}` before `{}` when it is the wider one; or set `unique: false` when its values repeat",
            level.name, wider.name
        ))
}
