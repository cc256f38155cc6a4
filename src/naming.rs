//! Names of objects, pods and addresses: upstream's contract, in one place.
//!
//! The names follow RoleBasedGroup (`pkg/discovery`, `pkg/reconciler`), so that images and commands
//! written for its controller find their peers: workload `<group>-<role>`, headless Service
//! `s-<group>-<role>`, leader pod `<group>-<role>-<i>-0`.

/// Label of everything that belongs to a group: the name of the group.
pub const LABEL_GROUP: &str = "rbg.workloads.x-k8s.io/group-name";
/// Label of everything that belongs to a role: the name of the role.
pub const LABEL_ROLE: &str = "rbg.workloads.x-k8s.io/role-name";
/// Label of the pods of an instance with objects of its own: the number of the instance.
pub const LABEL_INSTANCE_INDEX: &str = "rbg.workloads.x-k8s.io/role-instance-index";
/// Label of the pods of an instance with objects of its own: the name of the instance.
pub const LABEL_INSTANCE_NAME: &str = "rbg.workloads.x-k8s.io/role-instance-name";
/// Label of the pods of a multi-pod role: `leader`, `worker` or the name of the component.
pub const LABEL_COMPONENT: &str = "rbg.workloads.x-k8s.io/component-name";
/// Label of pods with accelerators, for `exclusive`: always `true`.
pub const LABEL_ACCELERATED: &str = "rbgc.dev/accelerated";

/// The init container in which a pod waits for the roles that must be ready before.
pub const WAIT: &str = "rbg-wait";

/// The port on which the leader of an instance gathers its workers, where they restart together.
pub const RENDEZVOUS_PORT: u16 = 7117;
/// The name that the objects of a later generation of a group carry.
pub fn generation(group: &str, number: u32) -> String {
    format!("{group}-{number}")
}

/// The workload of a role, its ClusterIP Service, its ServiceAccount and its policies.
pub fn workload(group: &str, role: &str) -> String {
    format!("{group}-{role}")
}

/// The headless Service of a role. The prefix keeps names legal that begin with a digit.
pub fn headless(group: &str, role: &str) -> String {
    format!("s-{group}-{role}")
}

/// The Service of a role with an address outside of the cluster.
pub fn external(group: &str, role: &str) -> String {
    format!("{group}-{role}-external")
}

/// The workload of one instance: the leader's, or the only pod's.
pub fn instance(group: &str, role: &str, index: u32) -> String {
    format!("{group}-{role}-{index}")
}

/// The workload of the workers of one instance. Its ordinals begin at 1, so that they are ranks.
pub fn workers(group: &str, role: &str, index: u32) -> String {
    format!("{group}-{role}-{index}-workers")
}

/// The workload of a component of one instance.
pub fn component(group: &str, role: &str, index: u32, component: &str) -> String {
    format!("{group}-{role}-{index}-{component}")
}

/// The LeaderWorkerSet of all instances of a role. Its controller makes a headless Service of the
/// same name, by which its pods are addressed; `<group>-<role>` is the Service for clients.
pub fn leader_worker_set(group: &str, role: &str) -> String {
    headless(group, role)
}

/// The ComputeDomain of a cell.
pub fn cell(group: &str, index: u32) -> String {
    format!("{group}-cell-{index}")
}

/// The template that the driver makes for a ComputeDomain, from which pods claim their channel.
pub fn channel(compute_domain: &str) -> String {
    format!("{compute_domain}-channel")
}

/// The ConfigMap with the discovery file, where a controller makes one of the group's name.
pub fn discovery(group: &str) -> String {
    format!("{group}-discovery")
}

/// The ConfigMap with the files of a role, or of one part of it when its parts have unlike files.
pub fn files(group: &str, role: &str, part: Option<&str>) -> String {
    match part {
        Some(part) => format!("{group}-{role}-{part}-files"),
        None => format!("{group}-{role}-files"),
    }
}

/// The Flux Kustomization of a group, which brings those of its roles.
pub fn kustomization(namespace: &str, group: &str) -> String {
    format!("{namespace}-{group}")
}

/// The Flux Kustomization of what a role, an instance of it or a component has for itself; of what
/// the whole group has, where `role` is [`BASE`]. Never after its stage, so that nothing is renamed
/// when the order changes.
pub fn kustomization_of(
    (namespace, group): (&str, &str),
    role: &str,
    instance: Option<u32>,
    component: Option<&str>,
) -> String {
    let mut name = format!("{namespace}-{group}-{role}");
    instance.iter().for_each(|index| name.push_str(&format!("-{index}")));
    component.iter().for_each(|component| name.push_str(&format!("-{component}")));
    name
}

/// The Job that warms up a node for a role, by a digest of what it does and where.
pub fn warm_up(group: &str, role: &str, digest: [u8; 32]) -> String {
    let digits: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("{group}-{role}-{WARM_UP}-{digits}")
}

/// What the names of all that warms nodes up have in them.
pub const WARM_UP: &str = "warm-up";

/// The directory of the objects of a whole group.
pub const BASE: &str = "base";

/// The directory, below that of its role, of what brings traffic from outside to it.
pub const EXPOSE: &str = "expose";

/// A pod of a StatefulSet.
pub fn ordinal(workload: &str, ordinal: u32) -> String {
    format!("{workload}-{ordinal}")
}

/// The address of a pod behind a headless Service, relative to its namespace; with a namespace it
/// resolves from everywhere in the cluster.
pub fn address(pod: &str, service: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{pod}.{service}.{namespace}"),
        None => format!("{pod}.{service}"),
    }
}

/// The labels that select pods of a role; with a component only those of that part.
pub fn selector(group: &str, role: &str, component: Option<&str>) -> Vec<(&'static str, String)> {
    let mut labels = vec![(LABEL_GROUP, group.to_owned()), (LABEL_ROLE, role.to_owned())];
    labels.extend(component.map(|c| (LABEL_COMPONENT, c.to_owned())));
    labels
}

/// The most characters of a DNS label.
pub const DNS_LABEL: usize = 63;

/// Whether a text is a DNS label: at most 63 of `a-z 0-9 -`, not at either end a hyphen.
pub fn is_dns_label(text: &str) -> bool {
    (1..=DNS_LABEL).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a DNS subdomain: labels joined by dots, at most 253 characters. Node names
/// are such texts.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Whether a text is a qualified name: the key of a label or taint, the name of a resource
/// (`k8s.io/apimachinery/pkg/util/validation`, `IsQualifiedName`).
pub fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(p, n)| (Some(p), n));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Whether a text may be the value of a label: at most 63 of `A-Za-z0-9-_.`, a letter or digit at
/// both ends, or nothing (`IsValidLabelValue`).
pub fn is_label_value(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let ends = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    text.len() <= 63 && text.bytes().all(inside) && ends(text.as_bytes().first()) && ends(text.as_bytes().last())
}

/// Orders names as people count: `r2` before `r10`.
pub fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (mut a_rest, mut b_rest) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (a_rest.first(), b_rest.first()) {
        let (taken_a, taken_b) = (digits(a_rest), digits(b_rest));
        let order = if taken_a > 0 && taken_b > 0 {
            let (p, q) = (significant(&a_rest[..taken_a]), significant(&b_rest[..taken_b]));
            (a_rest, b_rest) = (&a_rest[taken_a..], &b_rest[taken_b..]);
            p.len().cmp(&q.len()).then_with(|| p.cmp(q))
        } else {
            (a_rest, b_rest) = (&a_rest[1..], &b_rest[1..]);
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
    }
    a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn significant(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|b| **b == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_counts() {
        let mut names = vec!["r10", "r2", "a", "r02", "r1-b", "r1"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "r1", "r1-b", "r02", "r2", "r10"]);
    }

    #[test]
    fn labels_are_dns_labels() {
        assert!(is_dns_label("a-1") && is_dns_label("1a"));
        assert!(!is_dns_label("-a") && !is_dns_label("a-") && !is_dns_label("A") && !is_dns_label(""));
        assert!(is_dns_label(&"a".repeat(63)) && !is_dns_label(&"a".repeat(64)));
    }
}
