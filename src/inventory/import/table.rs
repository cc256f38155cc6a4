//! Tables, for everybody else: `node,zone,rack,gpus,free`, separated by commas, semicolons or tabs.
//!
//! Commas in quotes and doubled quotes are read as RFC 4180 says. A row is one line.

use std::sync::Arc;

use super::alias::{GPUS, OWN, OWN_WORDS, PRODUCT_LABELS, WORDS, is_level};
use super::found::Machine;
use super::{Found, problems};
use crate::diag::plural;
use crate::inventory::HOSTNAME;
use crate::inventory::facts::{amount, bad_quantity, is_resource};
use crate::naming::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::quantity::Quantity;
use crate::source::Span;
use crate::tree::{At, Reader, shown};

/// What a column tells.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Node,
    Label(Arc<str>),
    Allocatable(Arc<str>),
    /// Accelerators that nobody uses.
    Free,
    Ready,
    Cordoned,
}

const KNOWN: [&str; 10] =
    ["node", "hostname", "gpus", "free", "product", "cpu", "memory", "pods", "ready", "unschedulable"];

/// Whether the first line of a text is the head of a table.
pub fn is_table(text: &str) -> bool {
    let first = text.lines().next().unwrap_or("");
    let separator = separator(first);
    let words: Vec<String> = first.split(separator).map(|word| word.trim().trim_matches('"').to_lowercase()).collect();
    words.len() > 1 && ["node", "name", "nodename"].iter().any(|word| words.iter().any(|w| w == word))
}

fn separator(line: &str) -> char {
    // The first of these that occurs: labels hold none of them.
    ['\t', ';', ','].into_iter().find(|c| line.contains(*c)).unwrap_or(',')
}

/// Reads a table.
pub fn read(reader: &mut Reader<'_>, found: &mut Found) {
    let file = reader.file;
    let separator = separator(file.text.lines().next().unwrap_or(""));
    let mut columns: Option<Vec<Option<Column>>> = None;
    let mut lo = file.start;
    for line in file.text.split('\n') {
        let cells = cells(line.trim_end_matches('\r'), lo, separator, reader);
        lo += line.len() as u32 + 1;
        let Some(cells) = cells.filter(|cells| cells.len() > 1 || !cells[0].value.is_empty()) else { continue };
        match &columns {
            None => columns = Some(head(cells, reader, found)),
            Some(columns) => row(columns, &cells, reader, found),
        }
    }
    if columns.is_none() {
        reader.report(|_| problems::malformed(Span::new(file.start, file.start), "the table has no head"));
    }
}

/// The cells of a line, without the blanks around them.
fn cells(line: &str, start: u32, separator: char, reader: &mut Reader<'_>) -> Option<Vec<At<String>>> {
    let (mut cells, mut value, mut quoted, mut lo) = (Vec::new(), String::new(), false, 0);
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if quoted && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                value.push('"');
            }
            '"' if quoted || value.trim().is_empty() => quoted = !quoted,
            _ if c == separator && !quoted => {
                cells.push(cell(&value, start, lo, at));
                value.clear();
                lo = at + 1;
            }
            _ => value.push(c),
        }
    }
    if quoted {
        let span = Span::new(start + lo as u32, start + line.len() as u32);
        reader.report(|_| problems::malformed(span, "a quote is not closed in this line"));
        return None;
    }
    cells.push(cell(&value, start, lo, line.len()));
    Some(cells)
}

fn cell(value: &str, start: u32, lo: usize, hi: usize) -> At<String> {
    At { value: value.trim().to_owned(), span: Span::new(start + lo as u32, start + hi as u32) }
}

fn head(cells: Vec<At<String>>, reader: &mut Reader<'_>, found: &mut Found) -> Vec<Option<Column>> {
    let mut columns: Vec<Option<Column>> = Vec::new();
    let mut chain = Vec::new();
    for cell in &cells {
        let column = column(cell, found);
        match &column {
            None => reader.report(|_| unknown_column(cell)),
            Some(known) if columns.iter().flatten().any(|other| other == known) => {
                reader.report(|_| {
                    problems::malformed(cell.span, format!("the column {} is there twice", shown(&cell.value)))
                });
            }
            Some(Column::Label(label)) if is_declared(label, cell, found) => {
                found.described.insert(label.to_string());
                chain.push(At { value: label.to_string(), span: cell.span });
            }
            Some(_) => {}
        }
        columns.push(column);
    }
    if !columns.contains(&Some(Column::Node)) {
        let span = cells.first().map_or_else(Span::default, |cell| cell.span);
        reader.report(|_| problems::malformed(span, "the table has no column `node`"));
    }
    found.chains.push((chain, false));
    columns
}

/// Whether a column is a level, and not another label.
fn is_declared(label: &str, cell: &At<String>, found: &Found) -> bool {
    label != HOSTNAME
        && !PRODUCT_LABELS.contains(&label)
        && (is_level(label) || *label == cell.value || found.asked.iter().any(|(_, l)| l == label))
}

fn column(cell: &At<String>, found: &Found) -> Option<Column> {
    let word = cell.value.to_lowercase();
    let asked = found.asked.iter().find(|(name, label)| *name == word || *label == cell.value);
    let known = WORDS.iter().find(|(known, _)| *known == word);
    Some(match word.as_str() {
        "node" | "name" | "nodename" => Column::Node,
        _ if asked.is_some() => Column::Label(asked?.1.as_str().into()),
        "hostname" => Column::Label(HOSTNAME.into()),
        "gpus" | "gpu" => Column::Allocatable(GPUS[0].into()),
        "free" | "free gpus" | "gpus free" => Column::Free,
        "product" | "model" => Column::Label(PRODUCT_LABELS[0].into()),
        "ready" => Column::Ready,
        "unschedulable" | "cordoned" => Column::Cordoned,
        "cpu" | "memory" | "pods" | "ephemeral-storage" => Column::Allocatable(word.into()),
        _ if known.is_some() => Column::Label(known?.1.into()),
        _ if OWN_WORDS.contains(&word.as_str()) => Column::Label(format!("{OWN}{word}").into()),
        // A key with a domain is a resource where it is one of those that are counted.
        _ if GPUS.contains(&cell.value.as_str()) || cell.value.starts_with("rdma/") => {
            Column::Allocatable(cell.value.as_str().into())
        }
        _ if is_qualified_name(&cell.value) && cell.value.contains('/') => Column::Label(cell.value.as_str().into()),
        _ if is_resource(&cell.value) => Column::Allocatable(cell.value.as_str().into()),
        _ => return None,
    })
}

fn unknown_column(cell: &At<String>) -> crate::diag::Diagnostic {
    let known: Vec<&str> = KNOWN.iter().chain(OWN_WORDS).chain(WORDS.iter().map(|(word, _)| word)).copied().collect();
    let problem = problems::malformed(cell.span, format!("unknown column {}", shown(&cell.value)));
    let near = crate::diag::did_you_mean(&cell.value, known).map(|near| format!("did you mean `{near}`? "));
    problem.help(format!(
        "{}columns are `{}`, words for levels such as `zone` and `rack`, and keys of labels; others are named by `--level NAME=LABEL`",
        near.unwrap_or_default(),
        KNOWN.join("`, `")
    ))
}

fn row(columns: &[Option<Column>], cells: &[At<String>], reader: &mut Reader<'_>, found: &mut Found) {
    let whole = cells[0].span.to(cells[cells.len() - 1].span);
    if cells.len() != columns.len() {
        let message = format!("the row has {} for {}", plural(cells.len(), "cell"), plural(columns.len(), "column"));
        reader.report(|_| problems::malformed(whole, message));
        return;
    }
    let of = |column: &Column| columns.iter().position(|c| c.as_ref() == Some(column)).map(|index| &cells[index]);
    let Some(node) = of(&Column::Node) else { return };
    if !is_dns_subdomain(&node.value) {
        reader.report(|_| problems::malformed(node.span, format!("{} is not the name of a node", shown(&node.value))));
        return;
    }
    if let Some(first) = found.named.get(&node.value).filter(|first| same_file(first.span, reader)) {
        let first = first.span;
        reader.report(|_| problems::two_objects(node, first));
        return;
    }
    let machine = found.named(node);
    for (column, cell) in columns.iter().zip(cells).filter(|(_, cell)| !cell.value.is_empty()) {
        match column {
            Some(Column::Label(label)) if is_label_value(&cell.value) => {
                machine.label(&node.value, Arc::clone(label), cell.clone(), reader);
            }
            Some(Column::Label(_)) => {
                reader.report(|_| {
                    problems::malformed(cell.span, format!("{} is not the value of a label", shown(&cell.value)))
                });
            }
            Some(Column::Allocatable(resource)) => {
                if let Some(amount) = quantity(resource, cell, reader) {
                    machine.allocatable.insert(Arc::clone(resource), amount);
                }
            }
            Some(Column::Ready) => machine.not_ready |= !truth(cell, reader),
            Some(Column::Cordoned) => machine.cordoned |= truth(cell, reader),
            Some(Column::Node | Column::Free) | None => {}
        }
    }
    if let Some(free) = of(&Column::Free).filter(|cell| !cell.value.is_empty()) {
        used(machine, free, reader);
    }
}

fn same_file(span: Span, reader: &Reader<'_>) -> bool {
    let file = reader.file.span();
    file.lo <= span.lo && span.lo <= file.hi
}

fn quantity(resource: &str, cell: &At<String>, reader: &mut Reader<'_>) -> Option<Quantity> {
    match amount(resource, &cell.value) {
        Ok(amount) => Some(amount),
        Err(why) => {
            reader.report(|_| bad_quantity(resource, &cell.value, cell.span, why));
            None
        }
    }
}

fn truth(cell: &At<String>, reader: &mut Reader<'_>) -> bool {
    match cell.value.to_lowercase().as_str() {
        "true" | "yes" | "1" => true,
        "false" | "no" | "0" => false,
        _ => {
            reader.report(|_| {
                problems::malformed(cell.span, format!("expected `true` or `false`, found {}", shown(&cell.value)))
            });
            true
        }
    }
}

/// What is not free is used.
fn used(machine: &mut Machine, free: &At<String>, reader: &mut Reader<'_>) {
    let gpu = GPUS.iter().find_map(|gpu| Some((*gpu, *machine.allocatable.get(gpu)?)));
    let (name, all) = gpu.unwrap_or((GPUS[0], Quantity::units(0)));
    let Some(amount) = quantity(name, free, reader) else { return };
    match all.checked_sub(amount).filter(|used| used.milli >= 0) {
        Some(used) if used.milli > 0 => machine.used.insert(name.into(), used),
        Some(_) => {}
        None => reader.report(|_| problems::malformed(free.span, format!("{amount} accelerators are free of {all}"))),
    }
}
