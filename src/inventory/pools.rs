//! Pools: what their machines have in common, before they are unfolded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{self, checked, is_word};
use super::gpu_links::gpu_links;
use super::hostlist::{Hostlist, Malformed};
use super::levels::Levels;
use super::nics::nics;
use super::raw::RawPool;
use super::{HOSTNAME, Node};
use crate::diag::{Code, Diagnostic, plural};
use crate::naming::is_label_value;
use crate::naming::natural;
use crate::source::Span;
use crate::tree::{At, Entries, Reader, shown};

/// A pool, and what its machines have in common.
pub struct Draft {
    /// Its name; empty when that was refused.
    pub name: At<String>,
    /// Labels that all its machines carry.
    pub labels: BTreeMap<String, At<String>>,
    /// A machine without its name.
    pub template: Node,
    /// The machines that it names, unless the text was refused.
    pub members: Option<Members>,
}

/// The machines that a pool names.
pub struct Members {
    /// The hostlist as it is written.
    pub hosts: At<String>,
    /// The same, parsed.
    pub names: Hostlist,
    /// Per level the values in the order of the names.
    pub patterns: Vec<(usize, At<Hostlist>)>,
}

/// What all machines have to be checked against.
pub struct Context<'a> {
    /// The levels.
    pub levels: &'a Levels,
    /// The label that tells the accelerator product.
    pub gpu_label: &'a str,
}

/// The pools in natural order of their names.
pub fn drafts(pools: Vec<RawPool>, context: &Context<'_>, reader: &mut Reader<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = pools.into_iter().map(|pool| draft(pool, context, reader)).collect();
    drafts.sort_by(|a, b| natural(&a.name.value, &b.name.value).then(a.name.span.cmp(&b.name.span)));
    for pair in drafts.windows(2).filter(|pair| pair[0].name.value == pair[1].name.value) {
        if !pair[0].name.value.is_empty() {
            reader.report(|code| duplicate_pool(code, &pair[0].name, &pair[1].name));
        }
    }
    drafts
}

fn draft(raw: RawPool, context: &Context<'_>, reader: &mut Reader<'_>) -> Draft {
    let name = raw.name.and_then(|name| checked(name, is_word, "the name of a pool", reader));
    let labels = facts::labels(raw.labels.unwrap_or_default(), reader);
    if let Some(hostname) = labels.get(HOSTNAME) {
        reader.report(|code| hostname_of_pool(code, hostname));
    }
    let template = Node {
        gpu: raw.gpu.and_then(|gpu| product(gpu, reader)),
        labels: labels.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect(),
        taints: facts::taints(raw.taints.unwrap_or_default(), reader),
        allocatable: facts::amounts(raw.allocatable.unwrap_or_default(), false, reader),
        dedicated: raw.dedicated.unwrap_or(false),
        elastic: raw.elastic.unwrap_or(false),
        spot: raw.spot.unwrap_or(false),
        memlock_unlimited: raw.memlock.is_some(),
        nics: raw.nics.and_then(|names| nics(&names, reader)).map(Arc::new),
        gpu_links: raw.gpu_links.and_then(|links| gpu_links(links, reader)).map(Arc::new),
        ..blank()
    };
    let hosts = raw.nodes.map(|hosts| (parsed(&hosts, Hostlist::parse, reader), hosts));
    let name = name.unwrap_or(At { value: String::new(), span: raw.span });
    let mut draft = Draft { name, labels, template, members: None };
    let patterns = patterns(&mut draft, raw.domains.unwrap_or_default(), hosts.as_ref(), context, reader);
    if let Some((Some(names), hosts)) = hosts {
        draft.template.span = hosts.span;
        draft.members = Some(Members { hosts, names, patterns });
    }
    draft
}

/// The accelerator product as sources name it.
pub fn product(gpu: At<String>, reader: &mut Reader<'_>) -> Option<String> {
    checked(gpu, is_word, "the name of an accelerator", reader).map(|gpu| gpu.value)
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

/// Reads a hostlist or pattern; reports the first place that is malformed.
pub fn parsed(
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

/// A machine of which nothing is known.
pub fn blank() -> Node {
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
        nics: None,
        gpu_links: None,
        span: Span::default(),
    }
}

fn bad_hostlist(text: &At<String>, span: Span, message: &str) -> Diagnostic {
    let problem = Diagnostic::new(Code::BadHostlist, span, message);
    if text.value.len() <= 60 {
        problem.help(format!("in {}; write lists like `gpu-[001-128]` or `a[1-3,7],b[01-02]`", shown(&text.value)))
    } else {
        problem
    }
}

fn counts_differ(text: &At<String>, values: u64, hosts: &At<String>, names: u64) -> Diagnostic {
    let told = |number: u64, word| plural(usize::try_from(number).unwrap_or(usize::MAX), word);
    let (values, names) = (told(values, "value"), told(names, "node"));
    Diagnostic::new(Code::BadHostlist, text.span, format!("the pattern has {values} for {names}"))
        .here(values)
        .label(hosts.span, names)
        .help("`r[01-16] x8` gives 16 values to eight nodes each; a text without brackets holds for all nodes")
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

fn hostname_of_pool(code: Code, value: &At<String>) -> Diagnostic {
    Diagnostic::new(code, value.span, format!("a pool cannot set `{HOSTNAME}` for all its machines"))
        .help("list the machines under `nodes`, each with its label")
}

/// A level and its label with different values.
pub fn two_values(code: Code, level: &str, value: &At<String>, label: &str, other: &At<String>) -> Diagnostic {
    Diagnostic::new(code, value.span, format!("the level {} and its label {} disagree", shown(level), shown(label)))
        .label(other.span, "the label says otherwise")
        .help("write one of them; each follows from the other")
}
