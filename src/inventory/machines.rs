//! The machines of an inventory: pools unfolded, single nodes completed by their pools.

use std::collections::BTreeMap;

use super::facts::{self, checked, is_dns_subdomain, is_label_value};
use super::hostlist::{Hostlist, Malformed};
use super::levels::Levels;
use super::raw::{RawNode, RawPool};
use super::{HOSTNAME, Node, Pool};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming::natural;
use crate::source::Span;
use crate::tree::{At, Entries, Reader, shown};

/// The most nodes of an inventory.
pub const MAX_NODES: u64 = 1_000_000;
/// The most memory that the facts of all nodes may take, estimated, in bytes.
const MAX_BYTES: u64 = 2 << 30;

/// A pool, and what its machines have in common.
struct Draft {
    name: At<String>,
    labels: BTreeMap<String, At<String>>,
    template: Node,
    members: Option<Members>,
}

/// The machines that a pool names.
struct Members {
    hosts: At<String>,
    names: Hostlist,
    /// Per level the values in the order of the names.
    patterns: Vec<(usize, At<Hostlist>)>,
}

/// What all machines have to be checked against.
pub struct Context<'a> {
    /// The levels.
    pub levels: &'a Levels,
    /// The label that tells the accelerator product.
    pub gpu_label: &'a str,
}

/// The pools, sorted by name, and all machines in natural order of their names.
pub fn machines(
    pools: Vec<RawPool>,
    singles: Vec<RawNode>,
    context: &Context<'_>,
    reader: &mut Reader<'_>,
) -> (Vec<Pool>, Vec<Node>) {
    let incomplete = pools.iter().any(|pool| pool.name.is_none());
    let mut drafts: Vec<Draft> = pools.into_iter().filter_map(|pool| draft(pool, context, reader)).collect();
    drafts.sort_by(|a, b| natural(&a.name.value, &b.name.value).then(a.name.span.cmp(&b.name.span)));
    for pair in drafts.windows(2).filter(|pair| pair[0].name.value == pair[1].name.value) {
        reader.report(|code| duplicate_pool(code, &pair[0].name, &pair[1].name));
    }
    let mut fleet = Fleet::default();
    for (index, pool) in drafts.iter().enumerate() {
        if !fleet.unfold(index, pool, context, reader) {
            break;
        }
    }
    for single in singles {
        fleet.add(single, &drafts, incomplete, context, reader);
    }
    let nodes = fleet.finish(reader);
    let plain = |labels: BTreeMap<String, At<String>>| labels.into_iter().map(|(k, v)| (k, v.value)).collect();
    (drafts.into_iter().map(|d| Pool { name: d.name.value, labels: plain(d.labels) }).collect(), nodes)
}

fn draft(raw: RawPool, context: &Context<'_>, reader: &mut Reader<'_>) -> Option<Draft> {
    let name = raw.name.and_then(|name| checked(name, is_dns_subdomain, "the name of a pool", reader));
    let labels = facts::labels(raw.labels.unwrap_or_default(), reader);
    if let Some(hostname) = labels.get(HOSTNAME) {
        reader.report(|code| hostname_of_pool(code, hostname));
    }
    let template = Node {
        name: String::new(),
        hostname: String::new(),
        pool: None,
        gpu: raw.gpu.map(|gpu| gpu.value),
        labels: labels.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect(),
        taints: facts::taints(raw.taints.unwrap_or_default(), reader),
        allocatable: facts::amounts(raw.allocatable.unwrap_or_default(), false, reader),
        used: BTreeMap::new(),
        schedulable: true,
        domains: Vec::new(),
        dedicated: raw.dedicated.unwrap_or(false),
        elastic: raw.elastic.unwrap_or(false),
        spot: raw.spot.unwrap_or(false),
        memlock_unlimited: raw.memlock.is_some(),
        span: raw.span,
    };
    let hosts = raw.nodes.map(|hosts| (parsed(&hosts, Hostlist::parse, reader), hosts));
    let mut draft = Draft { name: name?, labels, template, members: None };
    let patterns = patterns(&mut draft, raw.domains.unwrap_or_default(), hosts.as_ref(), context, reader);
    if let Some((Some(names), hosts)) = hosts {
        draft.template.span = hosts.span;
        draft.members = Some(Members { hosts, names, patterns });
    }
    Some(draft)
}

/// Reads the domains of a pool: constants become labels of its template, the others are returned.
fn patterns(
    draft: &mut Draft,
    domains: Entries<At<String>>,
    hosts: Option<&(Option<Hostlist>, At<String>)>,
    context: &Context<'_>,
    reader: &mut Reader<'_>,
) -> Vec<(usize, At<Hostlist>)> {
    let mut patterns = Vec::new();
    for (level, text) in domains.0 {
        let Some(index) = context.levels.find(&level, reader) else { continue };
        let Some(pattern) = parsed(&text, Hostlist::parse_pattern, reader) else { continue };
        let label = &context.levels.list[index].label;
        if let Some(other) = draft.labels.get(label).filter(|other| pattern.constant() != Some(&other.value)) {
            reader.report(|code| two_values(code, &level.value, &text, label, other));
        }
        if let Some(value) = pattern.constant() {
            if checked(text.clone(), is_label_value, "the value of a label", reader).is_some() {
                draft.template.labels.insert(label.clone(), value.to_owned());
            }
            continue;
        }
        match hosts {
            Some((Some(names), hosts)) if names.count() != pattern.count() => {
                reader.report(|_| counts_differ(&text, pattern.count(), hosts, names.count()));
            }
            Some(_) => patterns.push((index, At { value: pattern, span: text.span })),
            None => reader.report(|code| pattern_without_nodes(code, &text)),
        }
    }
    patterns
}

fn parsed(
    text: &At<String>,
    parse: fn(&str) -> Result<Hostlist, Malformed>,
    reader: &mut Reader<'_>,
) -> Option<Hostlist> {
    match parse(&text.value) {
        Ok(list) => Some(list),
        Err(problem) => {
            let span = reader.within(text, problem.lo, problem.hi);
            reader.report(|_| bad_hostlist(text, span, &problem.message));
            None
        }
    }
}

/// All machines so far.
#[derive(Default)]
struct Fleet {
    nodes: Vec<Node>,
    count: u64,
    bytes: u64,
}

impl Fleet {
    /// Whether there is room for so many more nodes like this one; reports when there is not.
    fn room(&mut self, count: u64, like: &Node, span: Span, reader: &mut Reader<'_>) -> bool {
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(count.saturating_mul(weight(like)));
        let fits = self.count <= MAX_NODES && self.bytes <= MAX_BYTES;
        if !fits {
            reader.report(|_| if count > MAX_NODES { too_long(span, count) } else { too_many_nodes(span) });
        }
        fits
    }

    /// Adds the machines that a pool names. `false` when there is no room for any more.
    fn unfold(&mut self, pool: usize, draft: &Draft, context: &Context<'_>, reader: &mut Reader<'_>) -> bool {
        let Some(members) = &draft.members else { return true };
        if !self.room(members.names.count(), &draft.template, members.hosts.span, reader) {
            return false;
        }
        let names = members.names.expand();
        if let Some(bad) = names.iter().find(|name| !is_dns_subdomain(name)) {
            let bad = At { value: bad.clone(), span: members.hosts.span };
            checked(bad, is_dns_subdomain, "the name of a node", reader);
            return true;
        }
        let mut columns: Vec<(&str, std::vec::IntoIter<String>)> = Vec::new();
        for (level, pattern) in &members.patterns {
            let values = pattern.value.expand();
            if let Some(bad) = values.iter().find(|value| !is_label_value(value)) {
                let bad = At { value: bad.clone(), span: pattern.span };
                checked(bad, is_label_value, "the value of a label", reader);
            }
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
        true
    }

    /// Adds a machine that is listed by itself.
    fn add(&mut self, raw: RawNode, pools: &[Draft], incomplete: bool, context: &Context<'_>, reader: &mut Reader<'_>) {
        let pool = raw.pool.as_ref().and_then(|name| find_pool(name, pools, incomplete, reader));
        let mut node = match pool {
            Some(index) => Node { pool, ..pools[index].template.clone() },
            None => blank(),
        };
        let own = facts::labels(raw.labels.unwrap_or_default(), reader);
        let inherited = pool.map(|index| &pools[index].labels);
        for (key, value) in &own {
            if let Some(theirs) = inherited.and_then(|labels| labels.get(key)).filter(|v| v.value != value.value) {
                reader.report(|code| other_than_pool(code, key, value, theirs));
            }
            node.labels.insert(key.clone(), value.value.clone());
        }
        for (level, value) in raw.domains.unwrap_or_default().0 {
            let Some(index) = context.levels.find(&level, reader) else { continue };
            let Some(value) = checked(value, is_label_value, "the value of a label", reader) else { continue };
            let label = &context.levels.list[index].label;
            let labelled = own.get(label).or_else(|| inherited.and_then(|labels| labels.get(label)));
            if let Some(other) = labelled.filter(|other| other.value != value.value) {
                reader.report(|code| two_values(code, &level.value, &value, label, other));
            }
            node.labels.insert(label.clone(), value.value);
        }
        if let Some(taints) = raw.taints {
            node.taints = facts::taints(taints, reader);
        }
        node.gpu = raw.gpu.map(|gpu| gpu.value).or(node.gpu);
        node.allocatable.extend(facts::amounts(raw.allocatable.unwrap_or_default(), false, reader));
        node.used = facts::amounts(raw.used.unwrap_or_default(), true, reader);
        node.dedicated = raw.dedicated.unwrap_or(node.dedicated);
        node.elastic = raw.elastic.unwrap_or(node.elastic);
        node.spot = raw.spot.unwrap_or(node.spot);
        node.memlock_unlimited |= raw.memlock.is_some();
        node.schedulable = raw.ready.unwrap_or(true) && !raw.unschedulable.unwrap_or(false);
        let name = raw.name.and_then(|name| checked(name, is_dns_subdomain, "the name of a node", reader));
        let Some(name) = name else { return };
        node.span = name.span;
        if self.count <= MAX_NODES && self.bytes <= MAX_BYTES && self.room(1, &node, name.span, reader) {
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

fn find_pool(name: &At<String>, pools: &[Draft], incomplete: bool, reader: &mut Reader<'_>) -> Option<usize> {
    let found = pools.iter().position(|pool| pool.name.value == name.value);
    if found.is_none() && !incomplete {
        reader.report(|code| unknown_pool(code, name, pools));
    }
    found
}

fn blank() -> Node {
    Node {
        name: String::new(),
        hostname: String::new(),
        pool: None,
        gpu: None,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        allocatable: BTreeMap::new(),
        used: BTreeMap::new(),
        schedulable: true,
        domains: Vec::new(),
        dedicated: false,
        elastic: false,
        spot: false,
        memlock_unlimited: false,
        span: Span::default(),
    }
}

/// The memory of a node, estimated, in bytes.
fn weight(node: &Node) -> u64 {
    let texts = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| k.len() + v.len() + 64).sum::<usize>();
    let amounts = |map: &BTreeMap<String, i64>| map.keys().map(|k| k.len() + 48).sum::<usize>();
    let taints: usize = node.taints.iter().map(|t| t.key.len() + t.value.len() + t.effect.len() + 72).sum();
    (512 + texts(&node.labels) + amounts(&node.allocatable) + amounts(&node.used) + taints) as u64
}

fn bad_hostlist(text: &At<String>, span: Span, message: &str) -> Diagnostic {
    let problem = Diagnostic::new(Code::BadHostlist, span, message);
    if text.value.len() <= 60 {
        problem.help(format!("in {}; write lists like `gpu-[001-128]` or `a[1-3,7],b[01-02]`", shown(&text.value)))
    } else {
        problem
    }
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

fn counts_differ(text: &At<String>, values: u64, hosts: &At<String>, names: u64) -> Diagnostic {
    Diagnostic::new(
        Code::BadHostlist,
        text.span,
        format!("the pattern has {} for {}", many(values, "value"), many(names, "node")),
    )
    .here(many(values, "value"))
    .label(hosts.span, many(names, "node"))
    .help("`r[01-16] x8` gives 16 values to eight nodes each; a text without brackets holds for all nodes")
}

fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn pattern_without_nodes(code: Code, text: &At<String>) -> Diagnostic {
    Diagnostic::new(code, text.span, "a pattern of several values in a pool that lists no nodes")
        .help("write the value at each node, or one value that holds for all")
}

fn duplicate_pool(code: Code, first: &At<String>, again: &At<String>) -> Diagnostic {
    Diagnostic::new(code, again.span, format!("two pools named {}", shown(&again.value)))
        .here("again here")
        .label(first.span, "first here")
}

fn duplicate_node(what: &str, name: &str, count: usize, first: Span, again: Span) -> Diagnostic {
    let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    let message = format!("two nodes of the {what} {}{others}", shown(name));
    Diagnostic::new(Code::DuplicateNode, again, message)
        .here("again here")
        .label(first, "first here")
        .help("describe each machine once, in a pool or under `nodes`; a node under `nodes` names its pool by `pool`")
}

fn unknown_pool(code: Code, name: &At<String>, pools: &[Draft]) -> Diagnostic {
    let known: Vec<&str> = pools.iter().map(|pool| pool.name.value.as_str()).collect();
    let problem = Diagnostic::new(code, name.span, format!("unknown pool {}", shown(&name.value)));
    match suggestion(&name.value, &known) {
        Some(help) => problem.help(help),
        None => problem.help("declare it in `pools`"),
    }
}

fn hostname_of_pool(code: Code, value: &At<String>) -> Diagnostic {
    Diagnostic::new(code, value.span, format!("a pool cannot set `{HOSTNAME}` for all its machines"))
        .help("list the machines under `nodes`, each with its label")
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

fn two_values(code: Code, level: &str, value: &At<String>, label: &str, other: &At<String>) -> Diagnostic {
    Diagnostic::new(code, value.span, format!("the level {} and its label {} disagree", shown(level), shown(label)))
        .label(other.span, "the label says otherwise")
        .help("write one of them; each follows from the other")
}
