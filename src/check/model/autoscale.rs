//! Who chooses the number of instances, and by what.

use std::collections::BTreeMap;

use crate::quantity::Quantity;
use crate::source::Span;

/// How the number of instances follows the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscale {
    /// What is measured.
    pub metric: Metric,
    /// Seconds to look back before scaling in.
    pub stabilization: Option<u32>,
    /// What must be exceeded before the first instance starts, where none may run; above nothing when not given.
    pub activation: Option<Quantity>,
    /// Seconds without load before the last instance goes, where none may run.
    pub cooldown: Option<u32>,
    /// The statement.
    pub span: Span,
}

/// What an autoscaler measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Average use of a resource (`cpu` or `memory`), in percent of the request.
    Resource {
        /// `cpu` or `memory`.
        name: String,
        /// Percent.
        utilization: u32,
    },
    /// A metric of each pod, by its average.
    Pods {
        /// Its name.
        name: String,
        /// The average wanted.
        average: Quantity,
    },
    /// A metric of none of its pods, by its share for each of them.
    External {
        /// Its name in `external.metrics.k8s.io`.
        name: String,
        /// Labels that tell it from others of its name.
        labels: BTreeMap<String, String>,
        /// The share wanted.
        average: Quantity,
    },
    /// What Prometheus answers, by its share for each pod.
    Prometheus {
        /// The address of the server.
        server: String,
        /// The query, of one number.
        query: String,
        /// The share wanted.
        average: Quantity,
    },
}

impl Metric {
    /// The wanted averages of both, when both measure one and the same number, which is none of the
    /// pods of a role.
    pub fn of_one_number(&self, other: &Metric) -> Option<(Quantity, Quantity)> {
        match (self, other) {
            (
                Metric::External { name: a, labels: b, average: one },
                Metric::External { name: x, labels: y, average: two },
            ) if (a, b) == (x, y) => Some((*one, *two)),
            (
                Metric::Prometheus { server: a, query: b, average: one },
                Metric::Prometheus { server: x, query: y, average: two },
            ) if (a, b) == (x, y) => Some((*one, *two)),
            _ => None,
        }
    }
}

/// Who writes the number of instances of a role into the cluster. Everything that touches the number
/// follows from this: whether a workload states it, whether there is an autoscaler, and what
/// delivery tools compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ReplicasOwner<'r> {
    /// The sources: manifests state the number.
    Sources(u32),
    /// An autoscaler: no manifest states it.
    Autoscaler(&'r Autoscale),
}
