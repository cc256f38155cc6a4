//! The links between the accelerators of one node, in the words of `nvidia-smi topo -m`.

use std::fmt;

use super::nics::{is_adapter, not_an_adapter};
use super::raw::RawGpuLinks;
use crate::diag::{Code, Diagnostic};
use crate::link::Link;
use crate::source::Span;
use crate::tree::{At, Reader, shown};

/// The most accelerators of one node.
const MAX_GPUS: usize = 64;

/// How the accelerators of one node are connected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GpuLinks {
    /// For each accelerator its link to each; symmetric, [`GpuLink::Own`] on the diagonal.
    pub gpus: Vec<Vec<GpuLink>>,
    /// For each network adapter, by name, its link to each accelerator.
    pub nics: Vec<(String, Vec<GpuLink>)>,
}

/// A link within a node, best first, as the legend of `nvidia-smi topo -m` defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GpuLink {
    /// The device itself: `X`.
    Own,
    /// A bonded set of so many NVLinks: `NV18`.
    Nvlink(u8),
    /// At most one PCIe bridge: `PIX`.
    Pix,
    /// Several PCIe bridges, no host bridge: `PXB`.
    Pxb,
    /// A host bridge, normally the CPU: `PHB`.
    Phb,
    /// The interconnect between the host bridges of one NUMA node: `NODE`.
    Node,
    /// The interconnect between NUMA nodes: `SYS`.
    Sys,
}

impl GpuLinks {
    /// The link that any two accelerators have at worst: NVLink, or PCI Express of any length. `None`
    /// where there are not two.
    pub fn worst(&self) -> Option<Link> {
        let worst = self.gpus.iter().flatten().max().filter(|link| **link != GpuLink::Own)?;
        Some(if matches!(worst, GpuLink::Nvlink(_)) { Link::Nvlink } else { Link::Pcie })
    }

    /// The adapters in the order of the rails: for each accelerator its nearest one, of those that
    /// are equally near the first that no accelerator before it has. Adapters that are nearest to
    /// nobody, as those for storage and management, are none. `None` where an adapter has no name
    /// but its number in the matrix.
    pub fn rails(&self) -> Option<Vec<&str>> {
        let mut rails: Vec<&str> = Vec::new();
        for gpu in 0..self.gpus.len() {
            let link = |nic: &(String, Vec<GpuLink>)| nic.1.get(gpu).copied();
            let nearest = self.nics.iter().filter_map(link).min();
            let mut near = self.nics.iter().filter(|nic| link(nic) == nearest).map(|(name, _)| name.as_str());
            rails.extend(near.find(|name| !rails.contains(name)));
        }
        let nameless = |name: &&str| name.strip_prefix("NIC").is_some_and(|rest| rest.parse::<u32>().is_ok());
        (!rails.is_empty() && !rails.iter().any(nameless)).then_some(rails)
    }
}

impl GpuLink {
    /// The link that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "X" => Some(GpuLink::Own),
            "PIX" => Some(GpuLink::Pix),
            "PXB" => Some(GpuLink::Pxb),
            "PHB" => Some(GpuLink::Phb),
            "NODE" => Some(GpuLink::Node),
            "SYS" => Some(GpuLink::Sys),
            _ => {
                let digits = word.strip_prefix("NV")?;
                let count = digits.parse().ok().filter(|n: &u8| *n > 0 && n.to_string() == digits)?;
                Some(GpuLink::Nvlink(count))
            }
        }
    }
}

impl fmt::Display for GpuLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GpuLink::Own => f.write_str("X"),
            GpuLink::Nvlink(count) => write!(f, "NV{count}"),
            GpuLink::Pix => f.write_str("PIX"),
            GpuLink::Pxb => f.write_str("PXB"),
            GpuLink::Phb => f.write_str("PHB"),
            GpuLink::Node => f.write_str("NODE"),
            GpuLink::Sys => f.write_str("SYS"),
        }
    }
}

/// A row as it is written: `X NV18 NV18`.
pub fn row(links: &[GpuLink]) -> String {
    links.iter().map(GpuLink::to_string).collect::<Vec<_>>().join(" ")
}

/// Why links do not describe one machine, and the index of the row.
pub fn fault(links: &GpuLinks) -> Option<(usize, String)> {
    let count = links.gpus.len();
    for (i, row) in links.gpus.iter().enumerate() {
        if row.len() != count {
            return Some((i, format!("the row has {} links for {count} accelerators", row.len())));
        }
        if row[i] != GpuLink::Own || row.iter().filter(|link| **link == GpuLink::Own).count() != 1 {
            return Some((i, format!("`X` stands where row and column meet, here at the place {}", i + 1)));
        }
    }
    let rows = 0..count;
    let unlike = rows.flat_map(|i| (0..i).map(move |j| (i, j))).find(|(i, j)| links.gpus[*i][*j] != links.gpus[*j][*i]);
    if let Some((i, j)) = unlike {
        return Some((i, format!("the links between the accelerators {j} and {i} differ by direction")));
    }
    let short = links.nics.iter().position(|(_, row)| row.len() != count || row.contains(&GpuLink::Own));
    short.map(|nic| (count + nic, format!("an adapter has a link to each of the {count} accelerators")))
}

/// Reads the links of a node or pool.
pub fn gpu_links(raw: RawGpuLinks, reader: &mut Reader<'_>) -> Option<GpuLinks> {
    let (rows, nics) = (raw.gpus?, raw.nics.unwrap_or_default().0);
    if rows.len() > MAX_GPUS || nics.len() > MAX_GPUS {
        reader.report(|code| wrong_links(code, raw.span, format!("more than {MAX_GPUS} rows")));
        return None;
    }
    let spans: Vec<Span> = rows.iter().map(|row| row.span).chain(nics.iter().map(|(_, row)| row.span)).collect();
    let gpus = rows.iter().map(|row| words(row, reader)).collect::<Option<_>>()?;
    if let Some((name, _)) = nics.iter().find(|(name, _)| !is_adapter(&name.value)) {
        reader.report(|code| not_an_adapter(code, name.span, &name.value));
        return None;
    }
    let nics = nics.into_iter().map(|(name, row)| Some((name.value, words(&row, reader)?))).collect::<Option<_>>()?;
    let links = GpuLinks { gpus, nics };
    match fault(&links) {
        Some((index, why)) => {
            reader.report(|code| wrong_links(code, spans.get(index).copied().unwrap_or(raw.span), why));
            None
        }
        None => Some(links),
    }
}

fn words(row: &At<String>, reader: &mut Reader<'_>) -> Option<Vec<GpuLink>> {
    let mut links = Vec::new();
    for word in row.value.split_whitespace() {
        match GpuLink::parse(word) {
            Some(link) => links.push(link),
            None => {
                reader.report(|code| unknown_link(code, row.span, word));
                return None;
            }
        }
    }
    Some(links)
}

fn wrong_links(code: Code, span: Span, why: String) -> Diagnostic {
    Diagnostic::new(code, span, why)
        .help("`gpus` has a row for each accelerator, `nics` one for each adapter, as `nvidia-smi topo -m` prints them")
}

/// A word that is no link.
pub fn unknown_link(code: Code, span: Span, word: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("unknown link {}", shown(word))).help(
        "known: `NV#` with the number of NVLinks, `PIX`, `PXB`, `PHB`, `NODE`, `SYS`, and `X` for the device itself",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rails(gpus: usize, nics: &[(&str, &str)]) -> Option<String> {
        let words = |row: &str| row.split(' ').map(|word| GpuLink::parse(word).unwrap()).collect();
        let row = |i| (0..gpus).map(|j| if i == j { GpuLink::Own } else { GpuLink::Nvlink(18) }).collect();
        let nics = nics.iter().map(|(name, row)| ((*name).to_owned(), words(row))).collect();
        GpuLinks { gpus: (0..gpus).map(row).collect(), nics }.rails().map(|names| names.join(","))
    }

    #[test]
    fn rails_follow_the_accelerators() {
        let each = [("mlx5_3", "SYS PIX"), ("storage", "NODE SYS"), ("mlx5_7", "PIX SYS")];
        assert_eq!(rails(2, &each).unwrap(), "mlx5_7,mlx5_3");
        assert_eq!(rails(2, &[("a", "PXB PXB"), ("b", "PXB PXB"), ("c", "NODE NODE")]).unwrap(), "a,b");
        assert_eq!(rails(4, &[("a", "PIX PIX SYS SYS"), ("b", "SYS SYS PIX PIX")]).unwrap(), "a,b");
        assert_eq!(rails(2, &[]), None);
        // The matrix of a newer driver without its legend.
        assert_eq!(rails(2, &[("NIC0", "PIX SYS")]), None);
    }

    #[test]
    fn the_worst_pair_tells_what_any_two_have() {
        let worst = |rows: &[&str]| {
            let words = |row: &&str| row.split(' ').map(|word| GpuLink::parse(word).unwrap()).collect();
            GpuLinks { gpus: rows.iter().map(words).collect(), nics: Vec::new() }.worst()
        };
        assert_eq!(worst(&["X NV18", "NV18 X"]), Some(Link::Nvlink));
        assert_eq!(worst(&["X NV2 NV1", "NV2 X NV2", "NV1 NV2 X"]), Some(Link::Nvlink));
        // Two islands: a pod of two may get one of each.
        assert_eq!(worst(&["X NV4 SYS SYS", "NV4 X SYS SYS", "SYS SYS X NV4", "SYS SYS NV4 X"]), Some(Link::Pcie));
        assert_eq!(worst(&["X"]), None);
    }
}
