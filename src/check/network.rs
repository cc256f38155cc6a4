//! Who may reach a role besides those whom the compiler knows of: the block `network`.

use std::net::IpAddr;

use super::container::Source;
use super::role_value::undeclared_port;
use super::state::{Checker, View};
use super::value::Value;
use super::{Network, Part, Port};
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::resolve::Type;
use crate::source::Span;

impl Checker<'_, '_, '_> {
    /// Further sources of traffic; `None` when there are none, or when something is wrong with them.
    pub fn network(&mut self, view: View, parts: &[Part]) -> Option<Network> {
        let table = self.table(view);
        let contributions = table.field("network");
        let span = contributions.last()?.statement.span;
        let entries = self.get_map(Source { view, table: &table, main: true }, "network");
        if entries.is_empty() && self.is_taken_away(view, contributions) {
            return None;
        }
        let mut network = Network { namespaces: Vec::new(), blocks: Vec::new(), ports: Vec::new() };
        let known: Vec<Port> = parts.iter().flat_map(Part::ports).cloned().collect();
        let mut named = None;
        for (key, value, at) in entries {
            let Value::List(items) = self.convert(value, &Type::List(Box::new(Type::String)), at) else { continue };
            let texts: Vec<String> = items.iter().filter_map(Value::shown).collect();
            match key.as_str() {
                "namespaces" => network.namespaces = self.legal(texts, at, naming::is_dns_label, NAMESPACE),
                "blocks" => network.blocks = self.legal(texts, at, is_block, BLOCK),
                "ports" => named = Some((texts, at)),
                _ => {}
            }
        }
        if network.namespaces.is_empty() && network.blocks.is_empty() {
            let problem = Diagnostic::new(Code::MissingValue, span, "`network` lets nobody in");
            self.report(problem.help("`namespaces = [\"…\"]`, or `blocks = [\"10.0.0.0/8\"]`"));
        }
        if named.as_ref().map_or(known.is_empty(), |(names, _)| names.is_empty()) {
            let problem = Diagnostic::new(Code::FieldConflict, span, "`network` opens no port");
            self.report(problem.help("declare one: `port http = 8000`, and leave `ports` out for all of them"));
        }
        network.ports = match named {
            Some((names, at)) => self.named_ports(view, &names, at, &known),
            None => known,
        };
        Some(network)
    }

    fn named_ports(&mut self, view: View, names: &[String], at: Span, known: &[Port]) -> Vec<Port> {
        for name in names.iter().filter(|name| !known.iter().any(|port| port.name == **name)) {
            let words: Vec<&str> = known.iter().map(|port| port.name.as_str()).collect();
            let problem = undeclared_port(name, &self.role(view.role).name.name, at, &words);
            self.report(problem);
        }
        known.iter().filter(|port| names.contains(&port.name)).cloned().collect()
    }

    fn legal(
        &mut self,
        texts: Vec<String>,
        at: Span,
        legal: fn(&str) -> bool,
        (what, help): (&str, &str),
    ) -> Vec<String> {
        for text in texts.iter().filter(|text| !legal(text)) {
            let problem = Diagnostic::new(Code::InvalidName, at, format!("\"{text}\" is not {what}"));
            self.report(problem.help(help));
        }
        texts
    }
}

const NAMESPACE: (&str, &str) = ("the name of a namespace", "at most 63 lower-case letters, digits and hyphens");
const BLOCK: (&str, &str) =
    ("a block of addresses", "write it like `10.0.0.0/8` or `2001:db8::/32`, with the first address of the block");

/// Whether a text is a block of addresses in the notation of CIDR: no bit is set beyond the prefix,
/// because the API server refuses such blocks from 1.36 and warns of them before.
fn is_block(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u32>()) else { return false };
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    prefix <= width && bits.checked_shl(prefix).unwrap_or(0) == 0 && !text.contains('+')
}
