//! Who may reach whom: the rules of one NetworkPolicy a role, from the edges of the model.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Group, Model, Port, Role, RoleId};
use crate::graph::Stages;
use crate::inventory::Namespaces;

/// A number and a protocol.
pub type PortKey = (u16, &'static str);

/// What a role accepts. Everything else that comes from other pods is denied.
#[derive(Debug, Clone, Default)]
pub struct Policy<'m> {
    /// The allowances.
    pub rules: Vec<Rule<'m>>,
}

/// An allowance.
#[derive(Debug, Clone)]
pub struct Rule<'m> {
    /// From whom.
    pub from: Peer<'m>,
    /// To which ports; all when empty.
    pub ports: Vec<PortKey>,
}

/// The source of traffic.
#[derive(Debug, Clone)]
pub enum Peer<'m> {
    /// The pods of a role.
    Role {
        /// The name of its group's objects.
        group: Cow<'m, str>,
        /// Its name.
        role: &'m str,
        /// Its namespace, when that is another one.
        namespace: Option<&'m str>,
    },
    /// All pods of these namespaces.
    Namespaces(&'m [String]),
}

/// Ports allowed from a role: `None` is all.
type Allowed = Option<BTreeSet<PortKey>>;

/// For each group and role who may reach it, by the `connect` statements and the references.
pub fn policies<'m>(model: &'m Model, stages: &Stages, namespaces: &'m Namespaces) -> Vec<Vec<Policy<'m>>> {
    let mut allowed: Vec<Vec<BTreeMap<RoleId, Allowed>>> =
        model.groups.iter().map(|g| vec![BTreeMap::new(); g.roles.len()]).collect();
    for (index, group) in model.groups.iter().enumerate() {
        for (role, _) in group.roles.iter().enumerate().filter(|(_, r)| r.multi_pod()) {
            let own = RoleId { group: index, role };
            allow(&mut allowed, own, own, None);
        }
        for c in &group.connections {
            let (from, to) = (RoleId { group: index, role: c.from }, RoleId { group: index, role: c.to });
            allow(&mut allowed, from, to, None);
            allow(&mut allowed, to, from, None);
        }
        for r in &group.references {
            let from = RoleId { group: index, role: r.from };
            if from != r.to {
                allow(&mut allowed, r.to, from, Some(referenced(model.role(r.to), r.port.as_deref())));
            }
        }
    }
    let entry = |index: usize| {
        let stages = stages.stage.get(index).map_or(&[][..], Vec::as_slice);
        entries(index, &model.groups[index], stages)
    };
    let groups = allowed.iter().enumerate();
    groups.map(|(index, roles)| group_policies(model, index, roles, &entry(index), namespaces)).collect()
}

fn allow(allowed: &mut [Vec<BTreeMap<RoleId, Allowed>>], to: RoleId, from: RoleId, ports: Allowed) {
    let entry = allowed[to.group][to.role].entry(from).or_insert_with(|| Some(BTreeSet::new()));
    match (entry.as_mut(), ports) {
        (Some(known), Some(more)) => known.extend(more),
        (_, None) => *entry = None,
        (None, Some(_)) => {}
    }
}

/// The ports that a reference means: the named one, else all that are declared.
fn referenced(role: &Role, name: Option<&str>) -> BTreeSet<PortKey> {
    role.ports().iter().filter(|p| name.is_none_or(|n| n == p.name)).map(key).collect()
}

fn key(port: &Port) -> PortKey {
    (port.number, port.protocol)
}

fn group_policies<'m>(
    model: &'m Model,
    index: usize,
    sources: &[BTreeMap<RoleId, Allowed>],
    entries: &BTreeSet<usize>,
    namespaces: &'m Namespaces,
) -> Vec<Policy<'m>> {
    let group = &model.groups[index];
    let policy = |(index, role): (usize, &'m Role)| {
        let mut rules: Vec<Rule> =
            sources[index].iter().flat_map(|(from, ports)| rules(model, group, *from, ports)).collect();
        if entries.contains(&index) {
            let ports = role.ports().iter().filter(|p| !is_metrics(p)).map(key).collect();
            rules.extend(from_namespaces(&namespaces.gateway, ports));
        }
        rules.extend(from_namespaces(&namespaces.monitoring, scraped(role)));
        Policy { rules }
    };
    group.roles.iter().enumerate().map(policy).collect()
}

/// Nothing is allowed by a reference to a role without ports. Of another group the generation before
/// is admitted too: it serves until the new one does.
fn rules<'m>(model: &'m Model, group: &Group, from: RoleId, ports: &Allowed) -> Vec<Rule<'m>> {
    let source = model.group_of(from);
    let namespace = (source.namespace != group.namespace).then_some(source.namespace.as_str());
    let ports: Vec<PortKey> = match ports {
        None => Vec::new(),
        Some(ports) if ports.is_empty() => return Vec::new(),
        Some(ports) => ports.iter().copied().collect(),
    };
    let before = source.before().filter(|_| source.stem != group.stem);
    let names = before.map(Cow::Owned).into_iter().chain([Cow::Borrowed(source.name.as_str())]);
    let role = model.role(from).name.as_str();
    names.map(|group| Rule { from: Peer::Role { group, role, namespace }, ports: ports.clone() }).collect()
}

fn from_namespaces<'m>(names: &'m [String], ports: BTreeSet<PortKey>) -> Option<Rule<'m>> {
    let useful = !names.is_empty() && !ports.is_empty();
    useful.then(|| Rule { from: Peer::Namespaces(names), ports: ports.into_iter().collect() })
}

/// The roles that clients from outside speak to: those with ports that no other role of the group
/// refers to or connects to. When all are referred to, those that start last: they depend on the
/// others. Other groups do not count, so that a new group closes nobody's gateway.
fn entries(index: usize, group: &Group, stages: &[u32]) -> BTreeSet<usize> {
    let open: Vec<usize> = (0..group.roles.len()).filter(|r| !group.roles[*r].ports().is_empty()).collect();
    let inner = |role: usize| {
        let target = RoleId { group: index, role };
        group.connections.iter().any(|c| c.to == role && c.from != role)
            || group.references.iter().any(|r| r.to == target && r.from != role)
    };
    let outer: BTreeSet<usize> = open.iter().copied().filter(|r| !inner(*r)).collect();
    if !outer.is_empty() {
        return outer;
    }
    let stage = |role: &usize| stages.get(*role).copied().unwrap_or(0);
    let last = open.iter().map(stage).max();
    open.iter().copied().filter(|r| Some(stage(r)) == last).collect()
}

fn is_metrics(port: &Port) -> bool {
    port.name.split('-').any(|word| matches!(word, "metrics" | "prometheus" | "prom"))
}

/// The ports that monitoring reads: those named after metrics, of any container; else `http`,
/// where the engines serve `/metrics`.
fn scraped(role: &Role) -> BTreeSet<PortKey> {
    let pods = role.parts.iter().map(|p| &p.pod);
    let containers = pods.flat_map(|p| std::iter::once(&p.main).chain(&p.sidecars));
    let ports: Vec<&Port> = containers.flat_map(|c| &c.ports).collect();
    let named: BTreeSet<PortKey> = ports.iter().filter(|p| is_metrics(p)).map(|p| key(p)).collect();
    if named.is_empty() { ports.iter().filter(|p| p.name == "http").map(|p| key(p)).collect() } else { named }
}
