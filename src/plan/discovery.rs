//! The discovery file `/etc/rbg/config.yaml`: upstream's form, and what the plan adds to it.
//!
//! Upstream (`pkg/discovery/config_builder.go`, and #471 for roles of several pods) writes `group`
//! and `roles` with sorted keys; readers find those keys as they are used to. Added: the namespace,
//! a schema version, the domains that each pod is kept in, and the links that its accelerators and
//! each connection have at worst. All of it holds for as long as the manifests do, whatever the scheduler decides.
//!
//! The text is a part of no template: it changes with the number of replicas, and the kubelet
//! brings it into running pods.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::check::{self, Port};
use crate::fit::compute::ComputeDomain;
use crate::fit::links::uses_rdma;
use crate::inventory::Inventory;
use crate::link::Link;
use crate::naming;
use crate::plan::affinity::Site;
use crate::plan::{Part, Role, addressed_by, pods_of};

mod keys;

/// The version of what is added to upstream's form.
pub const SCHEMA: &str = "rbgc.dev/v1";

/// The text of the file. `links` tells for each level the link of two pods that share a domain of
/// it and no narrower one and no ComputeDomain of `compute_domains`.
pub fn text(
    group: &check::Group,
    roles: &[Role<'_>],
    inventory: &Inventory,
    links: &[Link],
    compute_domains: &[ComputeDomain],
) -> String {
    let mut out = String::new();
    let link = |c: &check::Connection| {
        if compute_domains.iter().any(|d| d.joins(group, c)) {
            return Link::Nvlink;
        }
        let link = guaranteed(&roles[c.from], &roles[c.to], inventory, links);
        let adapters = [c.from, c.to].iter().all(|r| uses_rdma(&group.roles[*r], inventory));
        // RDMA that a pod has no adapter for is the ordinary network.
        if link == Link::Rdma && !adapters { Link::Vpc } else { link }
    };
    connections(&mut out, group, link);
    let listed: Vec<&Role> = roles.iter().filter(|r| r.addressable()).collect();
    let _ = write!(out, "group:\n  name: {}\n  namespace: {}\n", scalar(&group.name), scalar(&group.namespace));
    out.push_str(if listed.is_empty() { "  roles: []\n" } else { "  roles:\n" });
    for role in &listed {
        let _ = writeln!(out, "  - {}", scalar(&role.source.name));
    }
    let _ = writeln!(out, "  size: {}", listed.len());
    out.push_str(if listed.is_empty() { "roles: {}\n" } else { "roles:\n" });
    for role in keys::sorted(listed, |role| &role.source.name) {
        push_role(&mut out, group, role, inventory);
    }
    let _ = writeln!(out, "schema: {SCHEMA}");
    out
}

fn push_role(out: &mut String, group: &check::Group, role: &Role<'_>, inventory: &Inventory) {
    let _ = writeln!(out, "  {}:", scalar(&role.source.name));
    let mut instances = String::new();
    let mut size = 0;
    for unit in &role.units {
        let service = addressed_by(group, role.source, unit.instance);
        let domains: Vec<_> = unit.sites.iter().map(|site| domains(site, inventory)).collect();
        let all = unit.instance.map_or(0..role.instances(), |i| i..i.saturating_add(1));
        for instance in all.filter(|instance| !role.source.leaves(*instance)) {
            for (part, domains) in role.parts.iter().zip(&domains) {
                for pod in pods_of(group, role.source, instance, part.source) {
                    let _ = writeln!(instances, "    - address: {}", scalar(&naming::address(&pod, &service, None)));
                    push_entry(&mut instances, role, instance, part, domains);
                    size += 1;
                }
            }
        }
    }
    out.push_str(if size == 0 { "    instances: []\n" } else { "    instances:\n" });
    out.push_str(&instances);
    if role.autoscaled() {
        let replicas = role.source.replicas;
        let _ = writeln!(out, "    replicas:\n      max: {}\n      min: {}", replicas.max, replicas.min);
    }
    let _ = writeln!(out, "    size: {size}");
}

/// What follows the address of a pod.
fn push_entry(out: &mut String, role: &Role<'_>, instance: u32, part: &Part<'_>, domains: &BTreeMap<&str, &str>) {
    if role.source.multi_pod() {
        let _ = writeln!(out, "      component: {}", scalar(part.source.kind.name()));
    }
    if !domains.is_empty() {
        out.push_str("      domains:\n");
        for (level, domain) in domains {
            let _ = writeln!(out, "        {}: {}", scalar(level), scalar(domain));
        }
    }
    if let Some(link) = part.gpu_link {
        let _ = writeln!(out, "      gpu_link: {}", link.name());
    }
    if role.source.multi_pod() {
        let _ = writeln!(out, "      instance: {instance}");
    }
    push_ports(out, &part.source.pod.main.ports);
}

/// Keys as upstream: lower case, `_` for `-`.
fn push_ports(out: &mut String, ports: &[Port]) {
    let key = |port: &Port| port.name.to_ascii_lowercase().replace('-', "_");
    if !ports.is_empty() {
        out.push_str("      ports:\n");
    }
    for (key, number) in keys::sorted(ports.iter().map(|port| (key(port), port.number)), |(key, _)| key) {
        let _ = writeln!(out, "        {}: {number}", scalar(&key));
    }
}

/// The domains that all pods of a site are kept in, by level.
fn domains<'m>(site: &Site<'_>, inventory: &'m Inventory) -> BTreeMap<&'m str, &'m str> {
    let Some((level, _)) = site.guaranteed else { return BTreeMap::new() };
    let Some(node) = site.nodes.first() else { return BTreeMap::new() };
    let name = |l: usize| {
        let domain = inventory.nodes[*node].domains.get(l).copied().flatten()?;
        Some((inventory.levels[l].name.as_str(), inventory.domains[l][domain].path.last()?.as_str()))
    };
    (0..=level).filter_map(name).collect()
}

fn connections(out: &mut String, group: &check::Group, link: impl Fn(&check::Connection) -> Link) {
    if !group.connections.is_empty() {
        out.push_str("connections:\n");
    }
    for c in &group.connections {
        let link = link(c).name();
        let (from, to) = (scalar(&group.roles[c.from].name), scalar(&group.roles[c.to].name));
        let _ = writeln!(out, "- from: {from}\n  link: {link}\n  to: {to}");
    }
}

/// The link that two instances have at worst, by what is required of their first pods.
fn guaranteed(from: &Role<'_>, to: &Role<'_>, inventory: &Inventory, links: &[Link]) -> Link {
    let kept = |role: &Role<'_>| -> Option<BTreeSet<(usize, usize)>> {
        role.units.iter().map(|unit| unit.sites.first()?.guaranteed).collect()
    };
    let (Some(from), Some(to)) = (kept(from), kept(to)) else { return Link::Vpc };
    let pairs = from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b)));
    let link = |(a, b)| {
        let level = shared(a, b, inventory)?;
        links.get(level..)?.iter().copied().min()
    };
    pairs.map(|pair| link(pair).unwrap_or(Link::Vpc)).min().unwrap_or(Link::Vpc)
}

/// The narrowest level at which two domains are certainly one: they are equal, or lie in one.
fn shared(a: (usize, usize), b: (usize, usize), inventory: &Inventory) -> Option<usize> {
    let (mut a, mut b) = (Some(a), Some(b));
    while let (Some(x), Some(y)) = (a, b) {
        if x == y {
            return Some(x.0);
        }
        if x.0 >= y.0 { a = parent(x, inventory) } else { b = parent(y, inventory) }
    }
    None
}

fn parent((level, domain): (usize, usize), inventory: &Inventory) -> Option<(usize, usize)> {
    Some((level.checked_sub(1)?, inventory.domains.get(level)?.get(domain)?.parent?))
}

/// A text as YAML: plain where every reader takes it for a text, else in quotes, with the escapes
/// of JSON.
fn scalar(text: &str) -> Cow<'_, str> {
    let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    let letters_first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    // Numbers and dates hold no hyphen beside letters, but for the exponent's.
    let counted = text.starts_with(|c: char| c.is_ascii_digit())
        && text.contains('-')
        && text.bytes().any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E'));
    if text.bytes().all(safe) && (letters_first || counted) && !is_word(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(serde_json::Value::from(text).to_string())
}

/// Words that YAML 1.1 takes for something else than a text.
fn is_word(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    words.iter().any(|w| text.eq_ignore_ascii_case(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_look_like_other_types_are_quoted() {
        for plain in ["g", "qwen-pd", "1-test-cluster", "s-1.x", "port443", "rbgc.dev/v1"] {
            assert_eq!(scalar(plain), plain);
        }
        for quoted in ["1", "1e3", "1e-3", "no", "Y", "2020-01-01", "0x1f", "", "-a", "a b", "12:30"] {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
    }
}
