//! Small facts of an inventory: names, labels, quantities, port ranges, and what is wrong with them.

use std::collections::BTreeMap;

use super::{Taint, scaled};
use crate::diag::{Code, Diagnostic, did_you_mean};
use crate::inventory::raw::{RawAmount, RawTaint};
use crate::naming::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};
use crate::quantity::Quantity;
use crate::source::Span;
use crate::tree::{At, Entries, Reader, shown};

/// Resources that Kubernetes itself counts; all others are `domain/name`.
const NATIVE: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pods"];

/// Whether a text may be the name of a pool or product: the value of a label that is not empty.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && is_label_value(text)
}

/// Checks a text by `legal`, else reports it as not being `expected`.
pub fn checked(
    text: At<String>,
    legal: fn(&str) -> bool,
    expected: &str,
    reader: &mut Reader<'_>,
) -> Option<At<String>> {
    if legal(&text.value) {
        return Some(text);
    }
    reader.report(|code| bad_text(code, &text, expected));
    None
}

/// Labels of a machine or pool.
pub fn labels(entries: Entries<At<String>>, reader: &mut Reader<'_>) -> BTreeMap<String, At<String>> {
    let mut labels = BTreeMap::new();
    for (key, value) in entries.0 {
        let key = checked(key, is_qualified_name, "the key of a label", reader);
        let value = checked(value, is_label_value, "the value of a label", reader);
        if let (Some(key), Some(value)) = (key, value) {
            labels.insert(key.value, value);
        }
    }
    labels
}

/// Taints of a machine or pool.
pub fn taints(raw: Vec<RawTaint>, reader: &mut Reader<'_>) -> Vec<Taint> {
    let mut taints = Vec::new();
    for taint in raw {
        let key = taint.key.and_then(|key| checked(key, is_qualified_name, "the key of a taint", reader));
        let value = match taint.value {
            Some(value) => checked(value, is_label_value, "the value of a taint", reader).map(|v| v.value),
            None => Some(String::new()),
        };
        if let (Some(key), Some(value), Some(effect)) = (key, value, taint.effect) {
            taints.push(Taint { key: key.value, value, effect: effect.into() });
        }
    }
    taints
}

/// Amounts by resource name, as whole numbers; see [`scaled`]. What is `used` is rounded up, what
/// can be used down.
pub fn amounts(entries: Entries<At<RawAmount>>, used: bool, reader: &mut Reader<'_>) -> BTreeMap<String, i64> {
    let mut amounts = BTreeMap::new();
    for (name, written) in entries.0 {
        if !is_resource(&name.value) {
            reader.report(|code| unknown_resource(code, &name));
            continue;
        }
        match amount(&name.value, &written.value.0.text) {
            Ok(quantity) => {
                amounts.insert(name.value.clone(), scaled(&name.value, quantity, used));
            }
            Err(why) => reader.report(|_| bad_quantity(&name.value, &written.value.0.text, written.span, why)),
        }
    }
    amounts
}

/// Reads an amount of a resource; else what is wrong with it.
pub fn amount(resource: &str, text: &str) -> Result<Quantity, &'static str> {
    let divisible = matches!(resource, "cpu" | "memory" | "ephemeral-storage");
    match Quantity::parse(text) {
        None => Err("is not a quantity"),
        Some(quantity) if quantity.milli < 0 => Err("is negative"),
        Some(quantity) if !divisible && !quantity.is_whole() => Err("is not a whole number, and it cannot be divided"),
        Some(quantity) => Ok(quantity),
    }
}

/// Whether a text is the name of a resource.
pub fn is_resource(name: &str) -> bool {
    let own = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    let native = NATIVE.contains(&name) || own("hugepages-") || own("attachable-volumes-");
    is_qualified_name(name) && (native || name.contains('/'))
}

/// Checks the name of a resource.
pub fn resource(name: At<String>, reader: &mut Reader<'_>) -> Option<String> {
    if is_resource(&name.value) {
        return Some(name.value);
    }
    reader.report(|code| unknown_resource(code, &name));
    None
}

/// Port ranges such as `8472,30000-32767`, inclusive.
pub fn ports(text: &At<String>, reader: &mut Reader<'_>) -> Vec<(u16, u16)> {
    let mut ranges = Vec::new();
    let mut lo = 0;
    for item in text.value.split(',') {
        let hi = lo + item.len();
        match port_range(item.trim()) {
            Some(range) => ranges.push(range),
            None => {
                let blank = item.len() - item.trim_start().len();
                let span = reader.within(text, lo + blank, hi);
                reader.report(|code| bad_ports(code, span, item.trim()));
            }
        }
        lo = hi + 1;
    }
    ranges
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let port = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u16>().ok()).flatten();
    let (from, to) = (port(from)?, port(to)?);
    (1 <= from && from <= to).then_some((from, to))
}

/// A Kubernetes version: major and minor.
pub fn version(text: &At<String>, reader: &mut Reader<'_>) -> Option<(u32, u32)> {
    let number =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
    let parsed = text.value.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
    if parsed.is_none() {
        reader.report(|code| bad_version(code, text));
    }
    parsed
}

/// Whether a text is the group and version of an API: `gateway.networking.k8s.io/v1`.
pub fn is_group_version(text: &str) -> bool {
    text.split_once('/').is_some_and(|(group, version)| {
        let rest = version.strip_prefix('v').unwrap_or("");
        is_dns_subdomain(group) && rest.starts_with(|c: char| c.is_ascii_digit()) && is_dns_label(version)
    })
}

fn bad_text(code: Code, text: &At<String>, expected: &str) -> Diagnostic {
    Diagnostic::new(code, text.span, format!("{} is not {expected}", shown(&text.value)))
}

/// An amount that is none, as [`amount`] says.
pub fn bad_quantity(resource: &str, text: &str, span: Span, why: &str) -> Diagnostic {
    let message = format!("{} of `{resource}` {why}", shown(text));
    let problem = Diagnostic::new(Code::BadQuantity, span, message);
    if why.contains("not a quantity") { problem.help("write it like `8`, `500m`, `2Ti` or `1.5Gi`") } else { problem }
}

fn unknown_resource(code: Code, name: &At<String>) -> Diagnostic {
    let problem = Diagnostic::new(code, name.span, format!("{} is not the name of a resource", shown(&name.value)));
    match (name.value.as_str(), did_you_mean(&name.value, NATIVE)) {
        ("gpu" | "gpus", _) => problem.help("write its Kubernetes name, such as `nvidia.com/gpu`"),
        (_, Some(near)) => problem.help(format!("did you mean `{near}`?")),
        _ => problem.help(format!(
            "known here: {}, `hugepages-…` and names like `nvidia.com/gpu`",
            NATIVE.map(|n| format!("`{n}`")).join(", ")
        )),
    }
}

fn bad_ports(code: Code, span: Span, item: &str) -> Diagnostic {
    Diagnostic::new(code, span, format!("{} is not a range of ports", shown(item)))
        .help("write ranges within 1-65535 like `30000-32767`, separated by commas")
}

fn bad_version(code: Code, text: &At<String>) -> Diagnostic {
    Diagnostic::new(code, text.span, format!("{} is not a version of Kubernetes", shown(&text.value)))
        .help("write major and minor, such as \"1.33\"")
}
