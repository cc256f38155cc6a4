//! Which labels are levels, and which of two is the wider.
//!
//! The order comes from nesting: where each value of one label goes together with one value of
//! another, the other one is the wider. A number in a key says nothing: the first layer of one
//! provider is the widest, the tier 0 of another tool the closest. Where two labels divide the nodes
//! alike, or neither nests in the other, the order of columns decides, then the table of known labels.
//! Only an order that somebody declared, as Kueue's Topology does, counts more than nesting.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::alias::{self, Kind, alias_of, is_level, rank};
use super::found::{Found, Machine};
use super::{Machines, problems};
use crate::diag::Diagnostic;
use crate::inventory::HOSTNAME;
use crate::source::Span;
use crate::tree::At;

/// The most levels of an inventory, the node's included.
const MAX_LEVELS: usize = 16;
/// The name that the level of the node has.
const NODE: &str = "node";

/// The levels above the node, widest first.
#[derive(Debug, Default)]
pub struct Levels(pub Vec<Level>);

/// A level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The word in sources.
    pub name: String,
    /// The label that tells the domain.
    pub label: String,
}

impl Level {
    /// What the level is about, where that is known.
    pub fn kind(&self) -> Option<Kind> {
        alias::kind(&self.label)
    }
}

/// The value of a label; an empty one is none.
fn value<'m>(machine: &'m Machine, label: &str) -> Option<&'m At<String>> {
    machine.labels.get(label).filter(|value| !value.value.is_empty())
}

impl Levels {
    /// The domains of a machine, widest first, up to the first level that it has no value for: those
    /// of narrower levels belong to no known domain.
    pub fn path<'m>(&self, machine: &'m Machine) -> Vec<&'m str> {
        self.0.iter().map_while(|level| Some(value(machine, &level.label)?.value.as_str())).collect()
    }

    /// How many levels tell the domain of a machine, from the widest down.
    pub fn depth(&self, machine: &Machine) -> usize {
        self.0.iter().take_while(|level| value(machine, &level.label).is_some()).count()
    }

    /// The domain of a machine at a level; `None` where a wider one is not known either.
    pub fn domain<'m>(&self, machine: &'m Machine, level: usize) -> Option<&'m str> {
        let wider = self.0.get(..=level)?.iter();
        let last = wider.map(|level| value(machine, &level.label)).try_fold(None, |_, value| value.map(Some));
        last?.map(|value| value.value.as_str())
    }

    /// Whether a label is that of a level.
    pub fn has(&self, label: &str) -> bool {
        self.0.iter().any(|level| level.label == label)
    }

    /// Reports machines that a level has no domain for.
    pub fn report_missing(&self, machines: &Machines, problems: &mut Vec<Diagnostic>) {
        let mut missing: BTreeMap<usize, Vec<(&str, Span)>> = BTreeMap::new();
        let mut dropped: BTreeMap<(usize, usize), Vec<(&str, Span)>> = BTreeMap::new();
        for (name, machine) in machines {
            let depth = self.depth(machine);
            for (index, level) in self.0.iter().enumerate().skip(depth) {
                match value(machine, &level.label) {
                    Some(at) => dropped.entry((index, depth)).or_default().push((name, at.span)),
                    // By design only machines with NVLink between nodes have the label.
                    None if level.kind() == Some(Kind::Nvlink) => {}
                    None => missing.entry(index).or_default().push((name, machine.span)),
                }
            }
        }
        let names = |list: &[(&str, Span)]| (list[0].1, list.len());
        for (index, list) in missing {
            let nodes: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            let Level { name, label } = &self.0[index];
            problems.push(problems::no_value(name, label, &nodes, machines.len(), names(&list).0));
        }
        for ((index, wider), list) in dropped {
            let nodes: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            problems.push(problems::dropped(&self.0[index].name, &self.0[wider].name, &nodes, names(&list).0));
        }
    }
}

/// The levels of the machines: those that the user asked for, or those that the labels show.
pub fn levels(machines: &Machines, found: &mut Found, asked: &[(String, String)]) -> Levels {
    let all: Vec<&Machine> = machines.values().collect();
    // The level of the node is filled from the nodes.
    let asked: Vec<&(String, String)> = asked.iter().filter(|(_, label)| label != HOSTNAME).collect();
    let mut columns: Vec<Column<'_>> = match asked.as_slice() {
        [] => candidates(machines, found).into_iter().map(|label| Column::new(label, &all)).collect(),
        asked => asked.iter().map(|(_, label)| Column::new(label.clone(), &all)).collect(),
    };
    if asked.is_empty() {
        columns.retain(|column| !column.values.is_empty());
        let known = |label: &str| label == HOSTNAME || columns.iter().any(|column| column.label == label);
        let declared = found.chains.iter().filter(|(_, meant)| *meant).flat_map(|(chain, _)| chain);
        let unknown: Vec<Diagnostic> = declared.filter(|at| !known(&at.value)).map(problems::unused_level).collect();
        found.problems.extend(unknown);
        columns = ordered(columns, &all, found);
    }
    if columns.len() >= MAX_LEVELS {
        let span = columns[MAX_LEVELS - 1].place(&all);
        found.problems.push(problems::too_many_levels(span, columns.len() + 1, MAX_LEVELS));
        return Levels::default();
    }
    let names = match asked.as_slice() {
        [] => names(&columns),
        asked => asked.iter().map(|(name, _)| name.clone()).collect(),
    };
    let list: Vec<Level> =
        names.into_iter().zip(&columns).map(|(name, column)| Level { name, label: column.label.clone() }).collect();
    for index in 1..columns.len() {
        cross(&list, (&columns[index - 1], index - 1), (&columns[index], index), &all, found);
    }
    Levels(list)
}

/// Labels that may be levels.
fn candidates(machines: &Machines, found: &Found) -> BTreeSet<String> {
    let listed = found.chains.iter().flat_map(|(chain, _)| chain).map(|label| &label.value);
    let mut labels: BTreeSet<String> = listed.chain(&found.described).cloned().collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for label in machines.values().flat_map(|machine| machine.labels.keys()) {
        if seen.insert(label) && is_level(label) {
            labels.insert(label.to_owned());
        }
    }
    labels.remove(HOSTNAME);
    labels
}

/// A label, and for each machine the number of its value.
struct Column<'m> {
    label: String,
    values: Vec<&'m At<String>>,
    of: Vec<Option<usize>>,
}

impl<'m> Column<'m> {
    fn new(label: String, machines: &[&'m Machine]) -> Self {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut values = Vec::new();
        let mut number = |machine: &&'m Machine| {
            let value = value(machine, &label)?;
            Some(*known.entry(&value.value).or_insert_with(|| {
                values.push(value);
                values.len() - 1
            }))
        };
        let of = machines.iter().map(&mut number).collect();
        Column { label, values, of }
    }

    fn place(&self, machines: &[&Machine]) -> Span {
        self.values.first().map_or_else(|| machines.first().map_or_else(Span::default, |m| m.span), |value| value.span)
    }
}

/// How the values of one column go together with those of another.
#[derive(Debug, Default)]
struct Nesting {
    /// So many values go together with several of the other column.
    broken: usize,
    /// The machines of the first that does, with two values of the other column.
    first: Option<(usize, usize)>,
}

/// Whether each value of a column goes together with one value of another.
fn nesting(narrow: &Column<'_>, wide: &Column<'_>) -> Nesting {
    let mut above: Vec<Option<(usize, usize, bool)>> = vec![None; narrow.values.len()];
    let mut nesting = Nesting::default();
    for (machine, pair) in narrow.of.iter().zip(&wide.of).enumerate() {
        let (Some(value), Some(parent)) = (pair.0, *pair.1) else { continue };
        match &mut above[*value] {
            Some((other, first, whole)) if *other != parent => {
                nesting.broken += usize::from(std::mem::replace(whole, false));
                nesting.first.get_or_insert((*first, machine));
            }
            Some(_) => {}
            empty => *empty = Some((parent, machine, true)),
        }
    }
    nesting
}

/// The columns, widest first.
fn ordered<'m>(columns: Vec<Column<'m>>, machines: &[&Machine], found: &mut Found) -> Vec<Column<'m>> {
    let mut wider = vec![0; columns.len()];
    for (a, first) in columns.iter().enumerate() {
        for (b, second) in columns.iter().enumerate().skip(a + 1) {
            let narrower = match compare(first, second, machines, found) {
                Ordering::Less => b,
                Ordering::Equal | Ordering::Greater => a,
            };
            wider[narrower] += 1;
        }
    }
    let mut sorted: Vec<(usize, Column<'m>)> = wider.into_iter().zip(columns).collect();
    sorted.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.label.cmp(&y.label)));
    sorted.into_iter().map(|(_, column)| column).collect()
}

/// [`Ordering::Less`] when the first one is the wider.
fn compare(a: &Column<'_>, b: &Column<'_>, machines: &[&Machine], found: &mut Found) -> Ordering {
    let (a_in_b, b_in_a) = (nesting(a, b).broken == 0, nesting(b, a).broken == 0);
    let declared = declared(&a.label, &b.label, found);
    match (a_in_b, b_in_a) {
        (false, true) | (true, false) => {
            let order = if b_in_a { Ordering::Less } else { Ordering::Greater };
            match declared {
                Some((told, true, (wide, narrow))) if told != order => {
                    found.problems.push(problems::wrong_order(&wide, &narrow));
                    told
                }
                _ => order,
            }
        }
        _ => match (declared, rank(&a.label), rank(&b.label)) {
            (Some((told, ..)), ..) => told,
            (None, Some(a), Some(b)) if a.0 != b.0 => a.cmp(&b),
            (None, x, y) => {
                let first = match (x, y) {
                    (Some(x), Some(y)) => x.cmp(&y),
                    _ => x.is_none().cmp(&y.is_none()).then_with(|| a.label.cmp(&b.label)),
                };
                let (wide, narrow) = if first.is_lt() { (a, b) } else { (b, a) };
                found.problems.push(problems::unclear_order(wide.place(machines), &wide.label, &narrow.label));
                first
            }
        },
    }
}

/// A declared order of two labels: which is the wider, whether that was meant, and where it stands
/// (the wider one first).
type Declared = (Ordering, bool, (At<String>, At<String>));

fn declared(a: &str, b: &str, found: &Found) -> Option<Declared> {
    found.chains.iter().find_map(|(chain, meant)| {
        let at = |label: &str| chain.iter().position(|other| other.value == label);
        let (x, y) = (at(a)?, at(b)?);
        Some((x.cmp(&y), *meant, (chain[x.min(y)].clone(), chain[x.max(y)].clone())))
    })
}

/// Reports values of a level under several domains of the next wider one.
fn cross(
    levels: &[Level],
    (wide, above): (&Column<'_>, usize),
    (narrow, index): (&Column<'_>, usize),
    machines: &[&Machine],
    found: &mut Found,
) {
    let nesting = nesting(narrow, wide);
    let Some((first, again)) = nesting.first else { return };
    let labels = (levels[index].name.as_str(), levels[above].name.as_str());
    let at = |machine: usize, label: &str| value(machines[machine], label).cloned();
    let (Some(value), Some(x), Some(y)) = (at(again, &narrow.label), at(first, &wide.label), at(again, &wide.label))
    else {
        return;
    };
    let unique = alias_of(&narrow.label).map_or(narrow.label.starts_with(alias::TIER), |alias| alias.unique);
    found.problems.push(match unique {
        true => problems::crossing(labels, &value, (&x, &y)),
        false => problems::repeated(labels, &value, nesting.broken),
    });
}

/// Names of the levels: those of the table where they are free, from the narrowest up, so that the
/// closest switch is the rack whatever its label is called.
fn names(columns: &[Column<'_>]) -> Vec<String> {
    let mut taken: BTreeSet<String> = [NODE.to_owned()].into();
    let mut names: Vec<String> = Vec::new();
    for column in columns.iter().rev() {
        let preferred = alias_of(&column.label).map_or(&[][..], |alias| alias.names);
        let own = slug(&column.label);
        let free =
            preferred.iter().map(|name| (*name).to_owned()).chain([own.clone()]).find(|name| !taken.contains(name));
        let name = free
            .unwrap_or_else(|| (2..).map(|n| format!("{own}-{n}")).find(|name| !taken.contains(name)).unwrap_or(own));
        taken.insert(name.clone());
        names.push(name);
    }
    names.reverse();
    names
}

/// The last part of a key as the name of a level.
fn slug(label: &str) -> String {
    let last = label.rsplit('/').next().unwrap_or(label).to_ascii_lowercase();
    let last = last.strip_prefix("topology-").or_else(|| last.strip_prefix("network-node-")).unwrap_or(&last);
    let words = last.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-");
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() < 50 { name } else { "level".to_owned() }
}
