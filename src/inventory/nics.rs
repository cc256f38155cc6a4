//! The RDMA adapters of a machine by name, such as `mlx5_0`: what engines are told by flags.

use super::hostlist::Hostlist;
use super::pools::parsed;
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::tree::{At, Reader, shown};

/// The most adapters of one machine.
const MAX_NICS: u64 = 64;
/// The longest name that the kernel gives an RDMA device, in bytes: `IB_DEVICE_NAME_MAX` without the end.
const LONGEST: usize = 63;

/// Whether a text may be the name of an RDMA device. The kernel takes more; what is left out would
/// end a name in the list of a flag, or be read as something else than text by a shell.
pub fn is_adapter(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    text.len() <= LONGEST && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(legal)
}

/// Reads the adapters of a node or pool: a hostlist in the order of the rails.
pub fn nics(text: &At<String>, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let list = parsed(text, Hostlist::parse, reader)?;
    if list.count() > MAX_NICS {
        reader.report(|_| too_many(text.span));
        return None;
    }
    let names = list.expand();
    if let Some(bad) = names.iter().find(|name| !is_adapter(name)) {
        reader.report(|code| not_an_adapter(code, text.span, bad));
        return None;
    }
    if let Some((_, twice)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        reader.report(|code| twice_listed(code, text.span, twice));
        return None;
    }
    Some(names)
}

fn too_many(span: Span) -> Diagnostic {
    Diagnostic::new(Code::BadHostlist, span, format!("more than {MAX_NICS} adapters in one machine"))
        .help("check the range in brackets")
}

/// A name that no adapter has.
pub fn not_an_adapter(code: Code, span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("{} is not the name of an RDMA adapter", shown(name)))
        .help("names are those of `ibv_devices`, such as `mlx5_0`")
}

fn twice_listed(code: Code, span: Span, name: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("the adapter {} is listed twice", shown(name)))
        .help("list each adapter once: the first for the first accelerator, and so on")
}
