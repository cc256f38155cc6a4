//! Slurm: `topology.conf` and `topology.yaml`, trees and blocks.
//!
//! Format: <https://slurm.schedmd.com/topology.conf.html> and `topology.yaml.html`. Switches become the
//! tiers of topograph, blocks its accelerator domains: that is what they are made from there.

use super::alias::ACCELERATOR;
use super::switches::{Switches, expanded, names};
use super::{Found, problems};
use crate::inventory::yaml;
use crate::naming::is_label_value;
use crate::source::Span;
use crate::tree::{At, Reader, Tree, shown};

/// Whether a text is a `topology.conf`.
pub fn is_conf(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
    let key = first.split('=').next().unwrap_or("").to_ascii_lowercase();
    first.contains('=') && ["switchname", "blockname", "blocksizes", "ringname"].contains(&key.as_str())
}

/// Reads a file of either form.
pub fn read(reader: &mut Reader<'_>, found: &mut Found) {
    if is_conf(&reader.file.text) { conf(reader, found) } else { documents(reader, found) }
}

/// A word `Key=Value` of a line.
struct Pair {
    key: String,
    span: Span,
    value: At<String>,
}

fn conf(reader: &mut Reader<'_>, found: &mut Found) {
    let file = reader.file;
    let mut switches = Switches::default();
    let mut lo = file.start;
    for line in file.text.split('\n') {
        let words = line.split('#').next().unwrap_or("").trim_end_matches(['\r', '\\']);
        match line.strip_prefix('#') {
            Some(comment) => real_name(comment, &mut switches),
            None => self::line(&pairs(words, lo), &mut switches, reader, found),
        }
        lo += line.len() as u32 + 1;
    }
    switches.finish(reader, found);
}

/// topograph writes the real name of a switch as a comment above it: `# switch.3.1=core`.
fn real_name(comment: &str, switches: &mut Switches) {
    let mut words = comment.split_whitespace();
    if let (Some(word), None) = (words.next(), words.next())
        && let Some((name, real)) = word.split_once('=').filter(|(_, real)| !real.is_empty() && is_label_value(real))
    {
        switches.names.insert(name.to_owned(), real.to_owned());
    }
}

/// The words of a line; those without a sign of equality have an empty key.
fn pairs(line: &str, start: u32) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for word in line.split_whitespace() {
        // A word of a line begins where its text does.
        let lo = start + (word.as_ptr() as usize - line.as_ptr() as usize) as u32;
        let (key, value) = word.split_once('=').unwrap_or(("", word));
        let middle = lo + (word.len() - value.len()) as u32;
        pairs.push(Pair {
            key: key.to_ascii_lowercase(),
            span: Span::new(lo, lo + word.len() as u32),
            value: At { value: value.to_owned(), span: Span::new(middle, middle + value.len() as u32) },
        });
    }
    pairs
}

fn line(pairs: &[Pair], switches: &mut Switches, reader: &mut Reader<'_>, found: &mut Found) {
    const KNOWN: [&str; 7] = ["SwitchName", "Switches", "Nodes", "LinkSpeed", "BlockName", "BlockSizes", "BlockLevels"];
    for pair in pairs {
        if !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(&pair.key)) {
            let word = if pair.key.is_empty() { &pair.value.value } else { &pair.key };
            reader.report(|_| problems::unknown_word(pair.span, "word", word, &KNOWN));
        }
    }
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).map(|pair| &pair.value);
    if let Some(switch) = value("switchname") {
        let below = value("switches").map_or_else(Vec::new, |list| names(list, reader));
        let nodes = value("nodes").map_or_else(Vec::new, |list| expanded(list, reader));
        switch_of(switch, below, nodes, switches, reader);
    } else if let (Some(block), Some(list)) = (value("blockname"), value("nodes")) {
        let block = At { value: switches.names.get(&block.value).unwrap_or(&block.value).clone(), span: block.span };
        block_of(&block, expanded(list, reader), reader, found);
    }
}

fn switch_of(
    switch: &At<String>,
    below: Vec<At<String>>,
    nodes: Vec<At<String>>,
    switches: &mut Switches,
    reader: &mut Reader<'_>,
) {
    switches.declare(switch);
    below.into_iter().for_each(|child| switches.below(switch, child, reader));
    nodes.into_iter().for_each(|node| switches.node(switch, node, reader));
}

fn block_of(block: &At<String>, nodes: Vec<At<String>>, reader: &mut Reader<'_>, found: &mut Found) {
    if !is_label_value(&block.value) || block.value.is_empty() {
        reader.report(|_| {
            problems::malformed(block.span, format!("{} is not the value of a label", shown(&block.value)))
        });
        return;
    }
    found.described.insert(ACCELERATOR.to_owned());
    for node in nodes {
        let first = found.named(&node).labels.get(ACCELERATOR).filter(|first| first.value != block.value).cloned();
        match first {
            Some(first) => {
                reader.report(|_| problems::two_parents(&node, (&first.value, &block.value), first.span));
            }
            None => found.label(&node, ACCELERATOR, At { value: block.value.clone(), span: node.span }, reader),
        }
    }
}

/// `topology.yaml`: a list of topologies, each a tree, blocks, or flat.
fn documents(reader: &mut Reader<'_>, found: &mut Found) {
    let mut documents = Vec::new();
    if yaml::each(reader, &mut |tree, _| documents.push(tree)).is_none() {
        return;
    }
    for topology in documents.iter().flat_map(Tree::items) {
        let mut switches = Switches::default();
        for switch in topology.at(&["tree", "switches"]).map_or(&[][..], Tree::items) {
            let list = |key| switch.get(key).and_then(Tree::text);
            let Some(name) = list("switch") else {
                reader.report(|_| problems::malformed(switch.span, "a switch without its name, `switch`"));
                continue;
            };
            let below = list("children").map_or_else(Vec::new, |list| names(&list, reader));
            let nodes = list("nodes").map_or_else(Vec::new, |list| expanded(&list, reader));
            switch_of(&name, below, nodes, &mut switches, reader);
        }
        switches.finish(reader, found);
        for block in topology.at(&["block", "blocks"]).map_or(&[][..], Tree::items) {
            let (name, nodes) = (block.get("block").and_then(Tree::text), block.get("nodes").and_then(Tree::text));
            match (name, nodes) {
                (Some(name), Some(nodes)) => block_of(&name, expanded(&nodes, reader), reader, found),
                _ => reader.report(|_| problems::malformed(block.span, "a block without `block` and `nodes`")),
            }
        }
        if topology.get("torus3d").is_some() {
            reader.report(|_| problems::malformed(topology.span, "a torus is no tree of domains"));
        }
    }
}
