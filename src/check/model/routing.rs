//! How traffic comes to a role from outside of its group, and how its metrics are read.

use std::collections::BTreeMap;

use super::{Port, RoleId};
use crate::source::Span;

/// A role that clients outside of the cluster speak to.
#[derive(Debug, Clone)]
pub struct Expose {
    /// The form that the source asks for; `None` leaves it to what the cluster has.
    pub form: Option<Exposure>,
    /// The names that clients call it by, without repetition; the first label may be `*`.
    pub hosts: Vec<String>,
    /// What the path of a request begins with, by whole segments; `/` is every path.
    pub path: String,
    /// The port that it answers at.
    pub port: Port,
    /// The Secret with the certificate.
    pub tls: Option<String>,
    /// Seconds until a request is given up; 0 is never, `None` is for the gateway to choose.
    pub timeout: Option<u32>,
    /// Its share of the requests, beside the weights of `backends`.
    pub weight: u32,
    /// Other roles that share its requests.
    pub backends: Vec<Backend>,
    /// Who chooses the pod for each request.
    pub picker: Option<Picker>,
    /// Annotations of the object that exposes it, for its controller.
    pub annotations: BTreeMap<String, String>,
    /// The options that the source sets, and where.
    pub options: Vec<(String, Span)>,
    /// The block.
    pub span: Span,
}

impl Expose {
    /// The other roles that its requests pass, or may go to.
    pub fn others(&self) -> impl Iterator<Item = RoleId> {
        let picker = self.picker.as_ref().and_then(|picker| match picker.service {
            PickerService::Role(role) => Some(role),
            PickerService::Named(_) => None,
        });
        self.backends.iter().map(|backend| backend.role).chain(picker)
    }
}

/// How a role is exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// By an HTTPRoute of the Gateway API to its Service.
    HttpRoute,
    /// By an Ingress to its Service.
    Ingress,
    /// By a Service with an address outside of the cluster.
    LoadBalancer,
    /// By an HTTPRoute to an InferencePool of its pods.
    InferencePool,
}

impl Exposure {
    /// The words of the language.
    pub const NAMES: [&'static str; 4] = ["http-route", "ingress", "load-balancer", "inference-pool"];

    /// The form of this name.
    pub fn parse(name: &str) -> Option<Exposure> {
        use Exposure::{HttpRoute, InferencePool, Ingress, LoadBalancer};
        [HttpRoute, Ingress, LoadBalancer, InferencePool].into_iter().find(|form| form.name() == name)
    }

    /// Its name in the language.
    pub fn name(self) -> &'static str {
        let [http_route, ingress, load_balancer, inference_pool] = Exposure::NAMES;
        match self {
            Exposure::HttpRoute => http_route,
            Exposure::Ingress => ingress,
            Exposure::LoadBalancer => load_balancer,
            Exposure::InferencePool => inference_pool,
        }
    }
}

/// A role that shares the requests of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Who.
    pub role: RoleId,
    /// The port by name; as for an `expose` of its own when `None`.
    pub port: Option<String>,
    /// Its share of the requests: its weight of the sum of all.
    pub weight: u32,
    /// Where it is named.
    pub span: Span,
}

/// What chooses a pod of an InferencePool for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picker {
    /// Who.
    pub service: PickerService,
    /// The port of its Service.
    pub port: u16,
    /// Where it is named.
    pub span: Span,
}

/// Who picks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PickerService {
    /// The Service of a role.
    Role(RoleId),
    /// A Service that exists, in the same namespace.
    Named(String),
}

/// Metrics that Prometheus reads.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// The port, of any container.
    pub port: Port,
    /// The path.
    pub path: String,
    /// Seconds between two readings; `None` is for Prometheus to choose.
    pub interval: Option<u32>,
    /// The parts whose pods are read: indices in [`Role::parts`](super::Role::parts), ascending.
    pub parts: Vec<usize>,
    /// The block.
    pub span: Span,
}

/// Sources of traffic that nothing else in the sources tells of.
#[derive(Debug, Clone)]
pub struct Network {
    /// The pods of these namespaces.
    pub namespaces: Vec<String>,
    /// These blocks of addresses, in the notation of CIDR.
    pub blocks: Vec<String>,
    /// What they reach.
    pub ports: Vec<Port>,
}

/// The port of a role that clients mean: the named one; without a name the only one that is not for
/// metrics, or `http`.
pub fn client_port<'r>(ports: &'r [Port], named: Option<&str>) -> Option<&'r Port> {
    let called = |name: &str| ports.iter().find(|port| port.name == name);
    let mut meant = ports.iter().filter(|port| !port.is_metrics());
    match (named, meant.next(), meant.next()) {
        (Some(name), ..) => called(name),
        (None, Some(only), None) => Some(only),
        (None, ..) => called("http"),
    }
}
