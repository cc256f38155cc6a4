//! Conditions on labels, with the meaning that Kubernetes gives them.

use super::{Labels, Node, Pod, PodTerm, Selector, Taint};

/// A condition on one label.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
    /// With these values.
    pub values: Vec<String>,
}

/// What is asked of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It has one of the values.
    In,
    /// It has none of them, or is missing.
    NotIn,
    /// It is there.
    Exists,
    /// It is missing.
    DoesNotExist,
    /// It is a number larger than the value; for nodes only.
    Gt,
    /// It is a number smaller than the value; for nodes only.
    Lt,
}

impl Requirement {
    pub(super) fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = || value.is_some_and(|v| self.values.contains(v));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => self.numbers(value).is_some_and(|(own, bound)| own > bound),
            Operator::Lt => self.numbers(value).is_some_and(|(own, bound)| own < bound),
        }
    }

    fn numbers(&self, value: Option<&String>) -> Option<(i64, i64)> {
        Some((value?.parse().ok()?, self.values.first()?.parse().ok()?))
    }
}

/// Whether labels satisfy all conditions; none at all are satisfied by everything.
pub(super) fn selects(selector: &Selector, labels: &Labels) -> bool {
    selector.iter().all(|requirement| requirement.holds(labels))
}

/// Whether a node satisfies a term of an affinity; an empty term is satisfied by none.
pub(super) fn node_term(term: &Selector, node: &Node) -> bool {
    !term.is_empty() && selects(term, &node.labels)
}

/// Whether a node satisfies what a pod requires of its labels.
pub(super) fn node_affinity(pod: &Pod, node: &Node) -> bool {
    let selected = pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    selected && pod.required_nodes.as_ref().is_none_or(|terms| terms.iter().any(|term| node_term(term, node)))
}

/// Whether a term speaks of a pod.
pub(super) fn speaks_of(term: &PodTerm, pod: &Pod) -> bool {
    term.namespaces.as_ref().is_none_or(|all| all.contains(&pod.namespace))
        && term.selector.as_ref().is_some_and(|selector| selects(selector, &pod.labels))
}

/// Whether a pod tolerates a taint.
pub(super) fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    pod.tolerations.iter().any(|toleration| {
        let key = if toleration.key.is_empty() { toleration.exists } else { toleration.key == taint.key };
        let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
        key && effect && (toleration.exists || toleration.value == taint.value)
    })
}

/// Whether a taint keeps pods away that do not tolerate it.
pub(super) fn repels(taint: &Taint) -> bool {
    taint.effect == "NoSchedule" || taint.effect == "NoExecute"
}
