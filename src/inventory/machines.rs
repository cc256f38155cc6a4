//! The machines of an inventory: pools unfolded, single nodes completed by their pools.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{self, checked};
use super::gpu_links::gpu_links;
use super::nics::nics;
use super::pools::{Context, Draft, blank, drafts, product, two_values};
use super::raw::{RawNode, RawPool};
use super::{HOSTNAME, Node, Pool};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming::natural;
use crate::naming::{is_dns_subdomain, is_label_value};
use crate::source::Span;
use crate::tree::{At, Entries, Reader, shown};

/// The most nodes of an inventory.
const MAX_NODES: u64 = 1_000_000;
/// The most memory that the facts of all nodes may take, estimated, in bytes.
const MAX_BYTES: u64 = 2 << 30;
/// So many names are compared with a misspelt one.
const MAX_CANDIDATES: usize = 1_000;

/// The pools, sorted by name, and all machines in natural order of their names.
pub fn machines(
    pools: Vec<RawPool>,
    singles: Vec<RawNode>,
    context: &Context<'_>,
    reader: &mut Reader<'_>,
) -> (Vec<Pool>, Vec<Node>) {
    let drafts = drafts(pools, context, reader);
    let mut fleet = Fleet::default();
    // Counting comes first: what cannot fit together is refused before a name is made.
    if drafts.iter().all(|pool| fleet.room_for(pool, reader)) {
        for (index, pool) in drafts.iter().enumerate() {
            fleet.unfold(index, pool, context, reader);
        }
    }
    let by_name: BTreeMap<&str, usize> = drafts.iter().enumerate().map(|(i, d)| (d.name.value.as_str(), i)).collect();
    for single in singles {
        // Beyond a limit the rest is not looked at: it may be very long.
        if fleet.full() {
            break;
        }
        let pool = single.pool.as_ref().and_then(|name| find_pool(name, &by_name, reader));
        fleet.add(single, pool.map(|index| (index, &drafts[index])), context, reader);
    }
    let nodes = fleet.finish(reader);
    let plain = |labels: BTreeMap<String, At<String>>| labels.into_iter().map(|(k, v)| (k, v.value)).collect();
    (drafts.into_iter().map(|d| Pool { name: d.name.value, labels: plain(d.labels) }).collect(), nodes)
}

/// The index of a pool; reports when there is none, unless it may be one whose name was refused.
fn find_pool(name: &At<String>, pools: &BTreeMap<&str, usize>, reader: &mut Reader<'_>) -> Option<usize> {
    let found = pools.get(name.value.as_str()).copied();
    if found.is_none() && !pools.contains_key("") {
        reader.report(|code| unknown_pool(code, name, pools));
    }
    found
}

/// All machines so far.
#[derive(Default)]
struct Fleet {
    nodes: Vec<Node>,
    count: u64,
    bytes: u64,
}

impl Fleet {
    /// Whether a limit is exceeded already.
    fn full(&self) -> bool {
        self.count > MAX_NODES || self.bytes > MAX_BYTES
    }

    /// Whether there is room for so many more nodes like this one; reports when there is not.
    fn room(&mut self, count: u64, like: &Node, span: Span, reader: &mut Reader<'_>) -> bool {
        if self.full() {
            return false;
        }
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(count.saturating_mul(weight(like)));
        if self.full() {
            reader.report(|_| if count > MAX_NODES { too_long(span, count) } else { too_many_nodes(span) });
        }
        !self.full()
    }

    /// Whether there is room for the machines that a pool names.
    fn room_for(&mut self, draft: &Draft, reader: &mut Reader<'_>) -> bool {
        let Some(members) = &draft.members else { return true };
        self.room(members.names.count(), &draft.template, members.hosts.span, reader)
    }

    /// Adds the machines that a pool names.
    fn unfold(&mut self, pool: usize, draft: &Draft, context: &Context<'_>, reader: &mut Reader<'_>) {
        let Some(members) = &draft.members else { return };
        let names = members.names.expand();
        if !all_legal(&names, members.hosts.span, is_dns_subdomain, "the name of a node", reader) {
            return;
        }
        let mut columns: Vec<(&str, std::vec::IntoIter<String>)> = Vec::new();
        for (level, pattern) in &members.patterns {
            let values = pattern.value.expand();
            all_legal(&values, pattern.span, is_label_value, "the value of a label", reader);
            columns.push((&context.levels.list[*level].label, values.into_iter()));
        }
        for name in names {
            let mut node = draft.template.clone();
            node.pool = Some(pool);
            for (label, values) in &mut columns {
                node.labels.extend(values.next().map(|value| ((*label).to_owned(), value)));
            }
            self.push(node, At { value: name, span: members.hosts.span }, context, reader);
        }
    }

    /// Adds a machine that is listed by itself, of a pool or of none.
    fn add(&mut self, raw: RawNode, pool: Option<(usize, &Draft)>, context: &Context<'_>, reader: &mut Reader<'_>) {
        let mut node = pool.map_or_else(blank, |(_, draft)| draft.template.clone());
        node.pool = pool.map(|(index, _)| index);
        let inherited = pool.map(|(_, draft)| &draft.labels);
        let own = facts::labels(raw.labels.unwrap_or_default(), reader);
        label(&mut node, &own, inherited, raw.domains.unwrap_or_default(), context, reader);
        if let Some(taints) = raw.taints {
            node.taints = facts::taints(taints, reader);
        }
        node.gpu = raw.gpu.and_then(|gpu| product(gpu, reader)).or(node.gpu);
        node.allocatable.extend(facts::amounts(raw.allocatable.unwrap_or_default(), false, reader));
        node.used = facts::amounts(raw.used.unwrap_or_default(), true, reader);
        node.dedicated = raw.dedicated.unwrap_or(node.dedicated);
        node.elastic = raw.elastic.unwrap_or(node.elastic);
        node.spot = raw.spot.unwrap_or(node.spot);
        node.memlock_unlimited |= raw.memlock.is_some();
        if let Some(names) = raw.nics {
            node.nics = nics(&names, reader).map(Arc::new);
        }
        if let Some(links) = raw.gpu_links {
            node.gpu_links = gpu_links(links, reader).map(Arc::new);
        }
        node.schedulable = raw.ready.unwrap_or(true) && !raw.unschedulable.unwrap_or(false);
        let name = raw.name.and_then(|name| checked(name, is_dns_subdomain, "the name of a node", reader));
        let Some(name) = name else { return };
        if self.room(1, &node, name.span, reader) {
            self.push(node, name, context, reader);
        }
    }

    /// Names a machine and adds it.
    fn push(&mut self, mut node: Node, name: At<String>, context: &Context<'_>, reader: &mut Reader<'_>) {
        node.hostname = match node.labels.get(HOSTNAME) {
            Some(hostname) if !hostname.is_empty() => hostname.clone(),
            _ => {
                if !is_label_value(&name.value) {
                    reader.report(|code| needs_hostname(code, &name));
                }
                node.labels.insert(HOSTNAME.to_owned(), name.value.clone());
                name.value.clone()
            }
        };
        if node.gpu.is_none() {
            node.gpu = node.labels.get(context.gpu_label).filter(|product| !product.is_empty()).cloned();
        }
        node.span = name.span;
        node.name = name.value;
        self.nodes.push(node);
    }

    /// The machines in natural order of their names, each name once.
    fn finish(mut self, reader: &mut Reader<'_>) -> Vec<Node> {
        self.nodes.sort_by(|a, b| natural(&a.name, &b.name).then(a.span.cmp(&b.span)));
        report_twins(&self.nodes, "name", |node| &node.name, reader);
        self.nodes.dedup_by(|later, first| later.name == first.name);
        if self.nodes.iter().any(|node| node.hostname != node.name) {
            let mut by_hostname: Vec<&Node> = self.nodes.iter().collect();
            by_hostname.sort_by(|a, b| a.hostname.cmp(&b.hostname).then(a.span.cmp(&b.span)));
            report_twins(by_hostname, "hostname", |node| &node.hostname, reader);
        }
        self.nodes
    }
}

/// Gives a single machine its labels: its own, and those that its domains stand for.
fn label(
    node: &mut Node,
    own: &BTreeMap<String, At<String>>,
    inherited: Option<&BTreeMap<String, At<String>>>,
    domains: Entries<At<String>>,
    context: &Context<'_>,
    reader: &mut Reader<'_>,
) {
    let theirs = |key: &str| inherited.and_then(|labels| labels.get(key));
    for (key, value) in own {
        if let Some(theirs) = theirs(key).filter(|theirs| theirs.value != value.value) {
            reader.report(|code| other_than_pool(code, key, value, theirs));
        }
        node.labels.insert(key.clone(), value.value.clone());
    }
    for (level, value) in domains.0 {
        let Some(index) = context.levels.find(&level, reader) else { continue };
        let Some(value) = checked(value, is_label_value, "the value of a label", reader) else { continue };
        let label = &context.levels.list[index].label;
        if let Some(other) = own.get(label).or_else(|| theirs(label)).filter(|other| other.value != value.value) {
            reader.report(|code| two_values(code, &level.value, &value, label, other));
        }
        node.labels.insert(label.clone(), value.value);
    }
}

/// Whether all texts that a list makes are legal; reports the first that is not.
fn all_legal(texts: &[String], span: Span, legal: fn(&str) -> bool, expected: &str, reader: &mut Reader<'_>) -> bool {
    let bad = texts.iter().find(|text| !legal(text));
    bad.is_none_or(|text| checked(At { value: text.clone(), span }, legal, expected, reader).is_some())
}

/// Reports neighbours that are equal, once for each pair of declarations.
fn report_twins<'n>(
    nodes: impl IntoIterator<Item = &'n Node>,
    what: &str,
    key: fn(&Node) -> &str,
    reader: &mut Reader<'_>,
) {
    let mut twins: BTreeMap<(Span, Span), (&str, usize)> = BTreeMap::new();
    let mut last: Option<&Node> = None;
    for node in nodes {
        if let Some(first) = last.filter(|first| key(first) == key(node)) {
            twins.entry((first.span, node.span)).or_insert((key(node), 0)).1 += 1;
        }
        last = Some(node);
    }
    for ((first, again), (name, count)) in twins {
        reader.report(|_| duplicate_node(what, name, count, first, again));
    }
}

/// The memory of a node, estimated, in bytes.
fn weight(node: &Node) -> u64 {
    let texts = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| k.len() + v.len() + 64).sum::<usize>();
    let amounts = |map: &BTreeMap<String, i64>| map.keys().map(|k| k.len() + 48).sum::<usize>();
    let taints: usize = node.taints.iter().map(|t| t.key.len() + t.value.len() + t.effect.len() + 72).sum();
    let nics: usize = node.nics.iter().flat_map(|nics| nics.iter()).map(|name| name.len() + 32).sum();
    (512 + texts(&node.labels) + amounts(&node.allocatable) + amounts(&node.used) + taints + nics) as u64
}

fn too_long(span: Span, count: u64) -> Diagnostic {
    let many = if count == u64::MAX { "too many".to_owned() } else { count.to_string() };
    Diagnostic::new(Code::BadHostlist, span, format!("the hostlist makes {many} names, more than {MAX_NODES}"))
        .help("check the range in brackets")
}

fn too_many_nodes(span: Span) -> Diagnostic {
    let message =
        format!("more than {MAX_NODES} nodes, or labels of more than {} GiB, in one inventory", MAX_BYTES >> 30);
    Diagnostic::new(Code::BadHostlist, span, message)
}

fn duplicate_node(what: &str, name: &str, count: usize, first: Span, again: Span) -> Diagnostic {
    let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let message = format!("two nodes of the {what} {}{others}", shown(name));
    Diagnostic::new(Code::DuplicateNode, again, message)
        .here("again here")
        .label(first, "first here")
        .help("describe each machine once, in a pool or under `nodes`; a node under `nodes` names its pool by `pool`")
}

fn needs_hostname(code: Code, name: &At<String>) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("the name {} is too long for a label", shown(&name.value)))
        .help(format!("write the value of its label `{HOSTNAME}` under `labels`"))
}

fn other_than_pool(code: Code, key: &str, value: &At<String>, theirs: &At<String>) -> Diagnostic {
    Diagnostic::new(code, value.span, format!("the label {} differs from the pool's", shown(key)))
        .label(theirs.span, "the pool says this of all its machines")
        .help("take the node out of the pool, or the label out of the pool's `labels`")
}

fn unknown_pool(code: Code, name: &At<String>, pools: &BTreeMap<&str, usize>) -> Diagnostic {
    let known: Vec<&str> = pools.keys().copied().take(MAX_CANDIDATES).collect();
    let problem = Diagnostic::new(code, name.span, format!("unknown pool {}", shown(&name.value)));
    match suggestion(&name.value, &known) {
        Some(help) => problem.help(help),
        None => problem.help("declare it in `pools`"),
    }
}
