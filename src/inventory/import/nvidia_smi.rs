//! `nvidia-smi topo -m`: the matrix of links within one node.
//!
//! The program separates columns by tabs, with a doubled one before the last column; what people
//! paste is often aligned by spaces, and may have lost rows of adapters at its end.

use super::found::Matrix;
use super::{Found, problems};
use crate::inventory::GpuLink;
use crate::inventory::gpu_links::{GpuLinks, fault, unknown_link};
use crate::source::Span;
use crate::tree::Reader;

/// Whether a text has the head of such a matrix.
pub fn is_matrix(text: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().next() == Some("GPU0") && line.contains("GPU0"))
        && text.lines().any(|line| line.split_whitespace().nth(1) == Some("X"))
}

/// A row: its name and what follows, each with its place.
type Row<'t> = Vec<(&'t str, Span)>;

/// Reads a matrix.
pub fn read(reader: &mut Reader<'_>, found: &mut Found) {
    let file = reader.file;
    let rows: Vec<Row<'_>> = rows(&file.text, file.start);
    let Some(head) = rows.iter().position(|row| row.first().is_some_and(|(word, _)| *word == "GPU0")) else {
        reader.report(|_| problems::malformed(Span::new(file.start, file.start), "no matrix of `nvidia-smi topo -m`"));
        return;
    };
    // The head ends where the columns about processors begin: their names have blanks.
    let columns: Vec<&str> =
        rows[head].iter().map(|(word, _)| *word).take_while(|word| !["CPU", "NUMA"].contains(word)).collect();
    let gpus = columns.iter().filter(|name| is_gpu(name)).count();
    let mut links = GpuLinks {
        gpus: Vec::new(),
        nics: columns[gpus..].iter().map(|nic| ((*nic).to_owned(), Vec::new())).collect(),
    };
    let mut spans = Vec::new();
    for row in rows[head + 1..].iter().take_while(|row| row.first().is_some_and(|(name, _)| columns.contains(name))) {
        let (name, span) = row[0];
        let Some(cells) = cells(&row[1..], columns.len(), span, reader) else { return };
        if is_gpu(name) {
            spans.push(span);
            links.gpus.push(cells[..gpus].to_vec());
            links.nics.iter_mut().zip(&cells[gpus..]).for_each(|((_, row), cell)| row.push(*cell));
        }
    }
    if links.gpus.len() != gpus {
        let message = format!("the matrix has {} of its {gpus} rows", links.gpus.len());
        reader.report(|_| {
            problems::malformed(rows[head][0].1, message).help("give the whole output of `nvidia-smi topo -m`")
        });
    } else if let Some((index, why)) = fault(&links) {
        reader.report(|_| problems::malformed(spans.get(index).copied().unwrap_or(rows[head][0].1), why));
    } else {
        legend(&rows, &mut links);
        let matrix = Matrix { links: links.into(), span: rows[head][0].1, of: found.matrix_of.clone() };
        found.matrices.push(matrix);
    }
}

fn is_gpu(name: &str) -> bool {
    name.strip_prefix("GPU").is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn rows(text: &str, start: u32) -> Vec<Row<'_>> {
    let place = |word: &str| start + (word.as_ptr() as usize - text.as_ptr() as usize) as u32;
    let row =
        |line| str::split_whitespace(line).map(|word| (word, Span::new(place(word), place(word) + word.len() as u32)));
    text.lines().map(|line| row(line).collect()).collect()
}

/// The links of a row; what follows them is about processors.
fn cells(row: &[(&str, Span)], count: usize, name: Span, reader: &mut Reader<'_>) -> Option<Vec<GpuLink>> {
    let mut cells = Vec::new();
    for (word, span) in row.iter().take(count) {
        match GpuLink::parse(word) {
            Some(link) => cells.push(link),
            None => {
                reader.report(|code| unknown_link(code, *span, word));
                return None;
            }
        }
    }
    if cells.len() < count {
        reader.report(|_| problems::malformed(name, format!("the row has {} links of {count}", cells.len())));
        return None;
    }
    Some(cells)
}

/// Newer drivers call adapters `NIC0` and tell their names below: `NIC0: mlx5_0`.
fn legend(rows: &[Row<'_>], links: &mut GpuLinks) {
    for row in rows {
        if let [(nic, _), (name, _)] = row.as_slice()
            && let Some(number) = nic.strip_suffix(':')
            && let Some((own, _)) = links.nics.iter_mut().find(|(own, _)| own == number)
        {
            *own = (*name).to_owned();
        }
    }
}
