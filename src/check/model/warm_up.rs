//! What is made ready on nodes before pods of a role start there.

use crate::quantity::Quantity;
use crate::source::Span;

/// What is made ready on nodes before pods of a role start there, and before they are updated.
#[derive(Debug, Clone, PartialEq)]
pub struct WarmUp {
    /// What runs on each node in the role's own image, which is pulled for it. `None` runs nothing
    /// but what every image has: it is there for the pull alone.
    pub command: Option<Vec<String>>,
    /// Images that are pulled besides the role's own.
    pub images: Vec<String>,
    /// Which nodes.
    pub nodes: WarmNodes,
    /// Processors of the command: request and limit.
    pub cpu: Option<Quantity>,
    /// Memory of the command: request and limit.
    pub memory: Option<Quantity>,
    /// Seconds after which it counts as failed; at least 1.
    pub deadline: u32,
    /// How often it is tried again.
    pub retries: u32,
    /// The statement.
    pub span: Span,
}

/// The nodes that are warmed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WarmNodes {
    /// Those that the plan gives the role.
    #[default]
    Planned,
    /// All that the manifests allow its pods.
    Eligible,
}
