//! Who may reach whom: the rules of one NetworkPolicy a role, from the edges of the model.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Exposure, Group, Model, PickerService, Port, Role, RoleId, client_port};
use crate::fit::routing::form;
use crate::graph::Stages;
use crate::inventory::{Inventory, Namespaces};

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
    /// These blocks of addresses.
    Blocks(&'m [String]),
    /// Whoever it is, also outside of the cluster.
    Anyone,
}

/// Ports allowed from a role: `None` is all.
type Allowed = Option<BTreeSet<PortKey>>;

/// For each group and role who may reach it, by the `connect` statements, the references and the waits.
pub fn policies<'m>(model: &'m Model, stages: &Stages, inventory: &'m Inventory) -> Vec<Vec<Policy<'m>>> {
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
        for (role, source) in group.roles.iter().enumerate() {
            let from = RoleId { group: index, role };
            for after in source.after.iter().filter(|after| after.wait) {
                let port = model.role(after.role).awaited_port().map(key);
                allow(&mut allowed, after.role, from, Some(port.into_iter().collect()));
            }
        }
    }
    let outside = Outside::of(model, inventory);
    for (from, to, port) in &outside.picked {
        allow(&mut allowed, *to, *from, Some(BTreeSet::from([*port])));
    }
    let entry = |index: usize| {
        let stages = stages.stage.get(index).map_or(&[][..], Vec::as_slice);
        entries(index, &model.groups[index], stages)
    };
    let groups = allowed.iter().enumerate();
    groups
        .map(|(index, roles)| group_policies((model, index), roles, &entry(index), (&outside, &inventory.namespaces)))
        .collect()
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

/// Who is reached from outside of the cluster, and at which ports.
#[derive(Default)]
struct Outside {
    /// By gateways.
    gateway: BTreeMap<RoleId, BTreeSet<PortKey>>,
    /// By anyone.
    anyone: BTreeMap<RoleId, BTreeSet<PortKey>>,
    /// Who chooses pods of whom, and the port at which it asks for their load.
    picked: Vec<(RoleId, RoleId, PortKey)>,
}

impl Outside {
    fn of(model: &Model, inventory: &Inventory) -> Outside {
        let mut outside = Outside::default();
        let exposed = model.roles().filter_map(|(id, role)| Some((id, role.expose.as_ref()?)));
        for (id, expose) in exposed {
            let own = key(&expose.port);
            if form(expose, &inventory.routing) == Exposure::LoadBalancer {
                outside.anyone.entry(id).or_default().insert(own);
                continue;
            }
            outside.gateway.entry(id).or_default().insert(own);
            for backend in &expose.backends {
                let port = client_port(model.role(backend.role).ports(), backend.port.as_deref()).map(key);
                outside.gateway.entry(backend.role).or_default().extend(port);
            }
            let picker = expose.picker.as_ref().map(|picker| (&picker.service, picker.port));
            if let Some((PickerService::Role(picker), port)) = picker {
                outside.gateway.entry(*picker).or_default().insert((port, "TCP"));
                outside.picked.push((*picker, id, own));
            }
        }
        outside
    }

    /// The ports of a role that gateways reach: those that are exposed. Where nothing says what is,
    /// all of an entry point.
    fn of_gateways(&self, id: RoleId, role: &Role, entry: bool) -> BTreeSet<PortKey> {
        match self.gateway.get(&id) {
            Some(ports) => ports.clone(),
            None if entry && role.expose.is_none() => {
                role.ports().iter().filter(|port| !port.is_metrics()).map(key).collect()
            }
            None => BTreeSet::new(),
        }
    }
}

fn group_policies<'m>(
    (model, index): (&'m Model, usize),
    sources: &[BTreeMap<RoleId, Allowed>],
    entries: &BTreeSet<usize>,
    (outside, namespaces): (&Outside, &'m Namespaces),
) -> Vec<Policy<'m>> {
    let group = &model.groups[index];
    let policy = |(number, role): (usize, &'m Role)| {
        let id = RoleId { group: index, role: number };
        let mut rules: Vec<Rule> =
            sources[number].iter().flat_map(|(from, ports)| rules(model, group, *from, ports)).collect();
        let ports = outside.of_gateways(id, role, entries.contains(&number));
        rules.extend(from_namespaces(&namespaces.gateway, ports));
        rules.extend(from_namespaces(&namespaces.monitoring, scraped(role)));
        let anyone = outside.anyone.get(&id).map(|ports| ports.iter().copied().collect());
        rules.extend(anyone.map(|ports| Rule { from: Peer::Anyone, ports }));
        if let Some(network) = &role.network {
            let ports: BTreeSet<PortKey> = network.ports.iter().map(key).collect();
            rules.extend(from_namespaces(&network.namespaces, ports.clone()));
            let useful = !network.blocks.is_empty() && !ports.is_empty();
            let blocks = Some(Peer::Blocks(&network.blocks)).filter(|_| useful);
            rules.extend(blocks.map(|from| Rule { from, ports: ports.into_iter().collect() }));
        }
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

/// The ports that monitoring reads: that of `metrics`; else those named after metrics, of any
/// container; else `http`, where the engines serve `/metrics`.
fn scraped(role: &Role) -> BTreeSet<PortKey> {
    if let Some(metrics) = &role.metrics {
        let ports = metrics.parts.iter().flat_map(|part| role.parts[*part].ports());
        return ports.filter(|port| port.name == metrics.port.name).map(key).collect();
    }
    let ports: Vec<&Port> = role.parts.iter().flat_map(|part| part.ports()).collect();
    let named: BTreeSet<PortKey> = ports.iter().filter(|p| p.is_metrics()).map(|p| key(p)).collect();
    if named.is_empty() { ports.iter().filter(|p| p.name == "http").map(|p| key(p)).collect() } else { named }
}
