//! What can be wrong with the files of an import.

use crate::diag::{Code, Diagnostic, plural};
use crate::source::Span;
use crate::tree::{At, shown};

/// So many names are told; of the rest the number.
const NAMES: usize = 3;

/// Some names: `a`, `b`, `c` and 9 more.
pub fn some<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let told: Vec<String> = names.iter().take(NAMES).map(|name| shown(name)).collect();
    match names.len().saturating_sub(NAMES) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

/// Something in a file cannot be understood.
pub fn malformed(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::BadImport, span, message)
}

/// A file whose format nobody recognises.
pub fn unknown_format(name: &str, span: Span, formats: &[&str]) -> Diagnostic {
    let known: Vec<String> = formats.iter().map(|format| format!("`--from {format}`")).collect();
    Diagnostic::new(Code::BadImport, span, format!("the format of {} is not clear", shown(name)))
        .help(format!("say it: {}", known.join(", ")))
}

/// Something that a format has and an import does not read.
pub fn unknown_word(span: Span, what: &str, word: &str, known: &[&str]) -> Diagnostic {
    let problem = Diagnostic::new(Code::BadImport, span, format!("unknown {what} {}", shown(word)));
    match crate::diag::suggestion(word, known) {
        Some(help) => problem.help(help),
        None => problem.help(format!("known here: {}", known.join(", "))),
    }
}

/// Two Node objects of one name.
pub fn two_objects(name: &At<String>, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DuplicateNode, name.span, format!("two nodes of the name {}", shown(&name.value)))
        .here("again here")
        .label(first, "first here")
        .help("give the nodes of one cluster, each once")
}

/// Two nodes with one value of the label `kubernetes.io/hostname`.
pub fn shared_hostname(hostname: &At<String>, nodes: (&str, &str), first: Span) -> Diagnostic {
    let message =
        format!("the nodes {} and {} share the hostname {}", shown(nodes.0), shown(nodes.1), shown(&hostname.value));
    Diagnostic::new(Code::DuplicateNode, hostname.span, message)
        .here("again here")
        .label(first, "first here")
        .help("an affinity cannot tell them apart: correct the label `kubernetes.io/hostname` of one of them")
}

/// Two values of one label.
pub fn two_values(node: &str, label: &str, first: &At<String>, again: &At<String>) -> Diagnostic {
    let message = format!(
        "the label `{label}` of the node {} is {} and {}",
        shown(node),
        shown(&first.value),
        shown(&again.value)
    );
    Diagnostic::new(Code::ContradictingImports, again.span, message)
        .here(format!("{} here", shown(&again.value)))
        .label(first.span, format!("{} here", shown(&first.value)))
        .help("correct one of them, or leave the file out that is not up to date")
}

/// Two amounts, matrices or other facts about one node.
pub fn two_facts(node: &str, what: &str, first: Span, again: Span) -> Diagnostic {
    Diagnostic::new(Code::ContradictingImports, again, format!("two files tell {what} of the node {}", shown(node)))
        .here("again here")
        .label(first, "first here")
        .help("give one of the files only")
}

/// A switch or node below two others.
pub fn two_parents(child: &At<String>, parents: (&str, &str), first: Span) -> Diagnostic {
    let message = format!("{} lies below {} and below {}", shown(&child.value), shown(parents.0), shown(parents.1));
    Diagnostic::new(Code::CrossedDomains, child.span, message)
        .here(format!("below {} here", shown(parents.1)))
        .label(first, format!("below {} here", shown(parents.0)))
        .help("a topology is a tree: name each switch and node below one parent; of several rails describe one")
}

/// A value of a level below two values of a wider one, where a value names one domain.
pub fn crossing(levels: (&str, &str), value: &At<String>, parents: (&At<String>, &At<String>)) -> Diagnostic {
    let ((narrow, wide), (first, again)) = (levels, parents);
    let message = format!(
        "the {narrow} {} lies under the {wide} {} and under the {wide} {}",
        shown(&value.value),
        shown(&first.value),
        shown(&again.value)
    );
    Diagnostic::new(Code::CrossedDomains, value.span, message)
        .here(format!("under {} here", shown(&again.value)))
        .label(first.span, format!("under {} here", shown(&first.value)))
        .help("correct the labels; or choose the levels that are sound, widest first, by `--level NAME=LABEL`")
}

/// Values of a level that occur under several domains of a wider one, where that may be meant.
pub fn repeated(levels: (&str, &str), value: &At<String>, values: usize) -> Diagnostic {
    let message = format!(
        "{} of the level `{}` under two domains of the level `{}`, such as {}",
        if values == 1 { "one value".to_owned() } else { format!("{values} values") },
        levels.0,
        levels.1,
        shown(&value.value)
    );
    Diagnostic::new(Code::UnclearLevels, value.span, format!("{message}: taken as different domains"))
        .help("a domain is the path of values down to its level; if one machine has a wrong value, correct it")
}

/// Two levels of which nobody can say which is the wider.
pub fn unclear_order(span: Span, a: &str, b: &str) -> Diagnostic {
    let message = format!("nothing tells which of the labels `{a}` and `{b}` is the wider level; `{a}` was taken");
    Diagnostic::new(Code::UnclearLevels, span, message)
        .help("say it, widest first: `--level NAME=LABEL` for each level")
}

/// A declared order that the nodes contradict.
pub fn wrong_order(wide: &At<String>, narrow: &At<String>) -> Diagnostic {
    let message = format!(
        "`{}` is declared wider than `{}`, but on the nodes it is the other way round",
        wide.value, narrow.value
    );
    Diagnostic::new(Code::UnclearLevels, wide.span, message)
        .label(narrow.span, "declared as the narrower one")
        .help("the declared order was taken; if the nodes are right, correct it or say `--level NAME=LABEL` for each level, widest first")
}

/// A declared level whose label no node carries.
pub fn unused_level(label: &At<String>) -> Diagnostic {
    let message = format!("no node carries the label `{}`, which is declared as a level", label.value);
    Diagnostic::new(Code::MissingFacts, label.span, message).help("it is left out; label the nodes and import again")
}

/// More levels than an inventory can have.
pub fn too_many_levels(span: Span, count: usize, most: usize) -> Diagnostic {
    Diagnostic::new(Code::BadImport, span, format!("{count} levels were found, more than {most}"))
        .help("choose them, widest first, by `--level NAME=LABEL`")
}

/// Nodes without the label of a level.
pub fn no_value(level: &str, label: &str, nodes: &[&str], all: usize, span: Span) -> Diagnostic {
    let message = format!(
        "{} of {all} without the label `{label}`, and so in no domain of the level `{level}`: {}",
        plural(nodes.len(), "node"),
        some(nodes.iter().copied())
    );
    Diagnostic::new(Code::MissingFacts, span, message)
        .help("give them the label if they belong to a domain; else nothing has to be done")
}

/// Nodes whose values of narrower levels were left out, because a wider one is missing.
pub fn dropped(level: &str, wider: &str, nodes: &[&str], span: Span) -> Diagnostic {
    let message = format!(
        "the level `{level}` of {} is left out, because the wider level `{wider}` is missing: {}",
        plural(nodes.len(), "node"),
        some(nodes.iter().copied())
    );
    Diagnostic::new(Code::MissingFacts, span, message)
        .help("give them the label of the wider level, or choose the levels by `--level NAME=LABEL`")
}

/// Machines of which there is no Node object, though others have one.
pub fn no_object(nodes: &[&str], span: Span) -> Diagnostic {
    let message = format!("no Node object for {}: {}", plural(nodes.len(), "name"), some(nodes.iter().copied()));
    Diagnostic::new(Code::MissingFacts, span, message)
        .help("they are left out; give the output of `kubectl get nodes` of the same day and cluster")
}

/// A level whose label no Node object carries.
pub fn unlabelled(label: &str, node: &str, value: &At<String>) -> Diagnostic {
    let message = format!("no Node object carries the label `{label}`, which this file tells");
    Diagnostic::new(Code::MissingFacts, value.span, message).help(format!(
        "pods are placed by it: label the nodes before anything is applied, such as `kubectl label node {node} {label}={}`",
        value.value
    ))
}

/// Nodes that take no pods.
pub fn closed(nodes: &[(&str, &str)], span: Span) -> Diagnostic {
    let told: Vec<String> = nodes.iter().take(NAMES).map(|(name, why)| format!("{} ({why})", shown(name))).collect();
    let more = nodes.len().saturating_sub(NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let verb = if nodes.len() == 1 { "takes" } else { "take" };
    Diagnostic::new(
        Code::ClosedNodes,
        span,
        format!("{} {verb} no pods: {}{more}", plural(nodes.len(), "node"), told.join(", ")),
    )
    .help("nothing is placed there; import again when they are back")
}

/// Nodes whose label differs from their name.
pub fn other_hostname(nodes: &[(&str, &str)], span: Span) -> Diagnostic {
    let (name, hostname) = nodes.first().copied().unwrap_or_default();
    let message = format!(
        "the hostname of {} differs from the name, such as {} of {}",
        plural(nodes.len(), "node"),
        shown(hostname),
        shown(name)
    );
    Diagnostic::new(Code::OtherHostname, span, message)
        .help("affinities name the hostname, as the scheduler does; `kubectl` names the node")
}

/// Something that the inventory cannot say.
pub fn left_out(span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::MissingFacts, span, message).help(help)
}
