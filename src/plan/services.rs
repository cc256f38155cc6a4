//! The Services of roles: for peers, for clients, and the names that outlast a generation.

use super::Role;
use crate::check::{self, Form, Port, RoleId};
use crate::fit::Fitted;
use crate::naming;

/// A Service of a role.
#[derive(Debug)]
pub struct Service<'m> {
    /// Its name.
    pub name: String,
    /// For peers, with an address for every pod, ready or not; else for clients, with one address
    /// for all pods that are ready.
    pub headless: bool,
    /// Its ports.
    pub ports: &'m [Port],
    /// The part whose pods it selects; all when `None`.
    pub part: Option<&'m str>,
    /// Which of its pods it prefers, in the words of Kubernetes.
    pub distribution: Option<&'m str>,
    /// It leads to this generation only when the roles of this stage are ready; `None` when it is there
    /// before all roles.
    pub after: Option<u32>,
}

/// The Services of a role.
pub fn services<'m>(group: &check::Group, role: &'m check::Role) -> Vec<Service<'m>> {
    let peers = Service {
        name: naming::headless(&group.name, &role.name),
        headless: true,
        ports: &[],
        part: None,
        distribution: None,
        after: None,
    };
    let clients = Service {
        name: naming::workload(&group.name, &role.name),
        headless: false,
        ports: role.ports(),
        part: role.multi_pod().then(|| role.parts[0].kind.name()),
        distribution: role.traffic_distribution.as_ref().map(|(word, _)| word.as_str()),
        after: None,
    };
    let peers = (role.form != Form::Deployment).then_some(peers);
    peers.into_iter().chain((!role.ports().is_empty()).then_some(clients)).collect()
}

/// Gives the roles of a later generation the Services that others know them by. These lead to it as
/// late as can be: when all of the group is ready, but before those of other groups that wait for it.
pub fn entrances(fitted: &Fitted, index: usize, roles: &mut [Role<'_>]) {
    let source = &fitted.model.groups[index];
    if source.generation == 1 {
        return;
    }
    let stages = &fitted.stages.stage;
    let stage = |id: RoleId| match &fitted.group_stages {
        Some(whole) => whole.get(id.group).copied(),
        None => stages.get(id.group).and_then(|group| group.get(id.role)).copied(),
    };
    let waits = |role: &check::Role| role.after.iter().any(|after| after.role.group == index);
    let others = fitted.model.roles().filter(|(id, role)| id.group != index && waits(role));
    let needed = others.filter_map(|(id, _)| stage(id)).min().unwrap_or(u32::MAX).saturating_sub(1);
    let last = roles.iter().map(|role| role.stage).max().unwrap_or(0);
    for role in roles {
        let Some(own) = role.services.iter().find(|service| !service.headless) else { continue };
        let after = Some(role.stage.max(last.min(needed)));
        let known = Service { name: source.client_service(role.source), after, ..*own };
        role.services.push(known);
    }
}
