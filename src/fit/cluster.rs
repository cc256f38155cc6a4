//! What the cluster must have: its version, products, resources, links.

use crate::check::{Autoscale, Metric, Model, ReplicasOwner};
use crate::diag::{Code, Diagnostic, Session, suggestion};
use crate::inventory::Inventory;

/// The oldest Kubernetes whose pods carry their ordinal in a label (KEP-4017), which ranks and
/// start ordinals need.
const OLDEST: (u32, u32) = (1, 28);

/// The oldest Kubernetes that runs native sidecars by default (KEP-753).
const SIDECARS: (u32, u32) = (1, 29);

pub(super) fn check(session: &mut Session, model: &Model, inventory: &Inventory) {
    version(session, model, inventory);
    for (_, role) in model.roles() {
        if let ReplicasOwner::Autoscaler(autoscale) = role.replicas_owner() {
            scaler(session, inventory, autoscale);
        }
        for part in &role.parts {
            if let Some((product, span)) = &part.pod.gpu {
                let known: Vec<&str> = products(inventory);
                if !known.contains(&product.as_str()) {
                    let message = format!("the inventory `{}` has no accelerator `{product}`", inventory.name);
                    let mut problem = Diagnostic::new(Code::UnknownProduct, *span, message);
                    problem.help = suggestion(product, &known);
                    session.report(problem);
                }
            }
            let limited = inventory.nodes.iter().any(|n| !n.memlock_unlimited);
            if part.pod.rdma > 0 && part.pod.security.non_root && limited {
                session.report(locked_memory(part.pod.rdma_span));
            }
            if !part.pod.sidecars.is_empty() && inventory.kubernetes < SIDECARS {
                let (major, minor) = inventory.kubernetes;
                let message = format!("sidecars need Kubernetes 1.29, `{}` has {major}.{minor}", inventory.name);
                session
                    .report(Diagnostic::new(Code::MissingCapability, role.span, message).help("upgrade the cluster"));
            }
            if part.pod.rdma > 0 && inventory.resources.rdma.is_none() {
                session.report(no_resource("rdma", part.pod.rdma_span));
            }
            if part.pod.main.resources.hugepages.is_some() && inventory.resources.hugepages.is_none() {
                session.report(no_resource("hugepages", role.span));
            }
        }
    }
}

/// The API of KEDA's autoscalers.
pub const KEDA: &str = "keda.sh/v1alpha1";

fn scaler(session: &mut Session, inventory: &Inventory, autoscale: &Autoscale) {
    let keda = matches!(autoscale.metric, Metric::Prometheus { .. });
    if keda && !inventory.capabilities.contains(KEDA) {
        let message =
            format!("`prometheus(…)` is measured by KEDA, `{KEDA}`, which `{}` does not name", inventory.name);
        let help = format!("install KEDA, and add `{KEDA}` to `capabilities`; or measure `metric(…)` or `external(…)`");
        session.report(Diagnostic::new(Code::MissingCapability, autoscale.span, message).help(help));
    }
}

fn version(session: &mut Session, model: &Model, inventory: &Inventory) {
    let Some(group) = model.groups.first().filter(|_| inventory.kubernetes < OLDEST) else { return };
    let (major, minor) = inventory.kubernetes;
    let message = format!("the target `native` needs Kubernetes 1.28, `{}` has {major}.{minor}", inventory.name);
    session.report(Diagnostic::new(Code::MissingCapability, group.span, message).help("upgrade the cluster"));
}

fn products(inventory: &Inventory) -> Vec<&str> {
    let mut known: Vec<&str> = inventory.nodes.iter().filter_map(|n| n.gpu.as_deref()).collect();
    known.sort_unstable();
    known.dedup();
    known
}

fn locked_memory(span: crate::source::Span) -> Diagnostic {
    let message = "RDMA locks memory, which a container that is not root may not do on these nodes";
    Diagnostic::new(Code::MissingCapability, span, message)
        .help("run as root, or raise the limit on the nodes and say `memlock: unlimited` in the inventory")
}

fn no_resource(word: &str, span: crate::source::Span) -> Diagnostic {
    Diagnostic::new(Code::MissingResource, span, format!("the inventory does not say what `{word}` is called"))
        .help(format!("name it in the inventory: `resources: {{ {word}: … }}`"))
}
