//! How roles are reached from outside: routes, what they lead to, and who permits it.

use crate::check::{Backend, Expose, Exposure, Model, PickerService, RoleId, client_port};
use crate::fit::routing::form;
use crate::inventory::Routing;
use crate::naming;

/// A role that is exposed.
#[derive(Debug)]
pub struct Exposed<'m> {
    /// The block in the source.
    pub source: &'m Expose,
    /// How it is exposed in this cluster.
    pub form: Exposure,
    /// What shares its requests, the role itself first.
    pub backends: Vec<Destination<'m>>,
    /// The Service that chooses the pod for each request, and its port.
    pub picker: Option<(String, u16)>,
}

/// A Service that requests go to.
#[derive(Debug)]
pub struct Destination<'m> {
    /// Its name.
    pub service: String,
    /// Its namespace, when that is not the route's.
    pub namespace: Option<&'m str>,
    /// Its port.
    pub port: u16,
    /// Its share of the sum of all weights.
    pub weight: u32,
}

/// How a role is exposed, if it is.
pub fn exposed<'m>(model: &'m Model, id: RoleId, routing: &Routing) -> Option<Exposed<'m>> {
    let source = model.role(id).expose.as_ref()?;
    let own =
        Destination { service: service(model, id), namespace: None, port: source.port.number, weight: source.weight };
    let others = source.backends.iter().filter_map(|backend| destination(model, id, backend));
    let picker = source.picker.as_ref().map(|picker| match &picker.service {
        PickerService::Role(role) => (picking(model, id, *role), picker.port),
        PickerService::Named(name) => (name.clone(), picker.port),
    });
    let backends = std::iter::once(own).chain(others).collect();
    Some(Exposed { source, form: form(source, routing), backends, picker })
}

fn destination<'m>(model: &'m Model, from: RoleId, backend: &Backend) -> Option<Destination<'m>> {
    let port = client_port(model.role(backend.role).ports(), backend.port.as_deref())?;
    let namespace = model.group_of(backend.role).namespace.as_str();
    let other = namespace != model.group_of(from).namespace;
    Some(Destination {
        service: service(model, backend.role),
        namespace: other.then_some(namespace),
        port: port.number,
        weight: backend.weight,
    })
}

/// The Service of an endpoint picker. That of the own group picks among the pods of its generation.
fn picking(model: &Model, id: RoleId, picker: RoleId) -> String {
    let (group, role) = (model.group_of(picker), model.role(picker));
    if picker.group == id.group { naming::workload(&group.name, &role.name) } else { group.client_service(role) }
}

fn service(model: &Model, id: RoleId) -> String {
    model.group_of(id).client_service(model.role(id))
}

/// What other roles may do with one because of what they expose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used<'m> {
    /// Other namespaces whose routes lead to it; sorted, without repetition.
    pub by_routes_of: Vec<&'m str>,
    /// It chooses pods of an InferencePool.
    pub picks: bool,
}

/// For each group and role what routes make of it.
pub fn used(model: &Model) -> Vec<Vec<Used<'_>>> {
    let mut used: Vec<Vec<Used<'_>>> = model.groups.iter().map(|g| vec![Used::default(); g.roles.len()]).collect();
    let exposed = model.roles().filter_map(|(id, role)| Some((id, role.expose.as_ref()?)));
    for (id, expose) in exposed {
        let namespace = model.group_of(id).namespace.as_str();
        for backend in &expose.backends {
            let known = &mut used[backend.role.group][backend.role.role].by_routes_of;
            if model.group_of(backend.role).namespace != namespace && !known.contains(&namespace) {
                known.push(namespace);
                known.sort_unstable();
            }
        }
        if let Some(PickerService::Role(picker)) = expose.picker.as_ref().map(|picker| &picker.service) {
            used[picker.group][picker.role].picks = true;
        }
    }
    used
}
