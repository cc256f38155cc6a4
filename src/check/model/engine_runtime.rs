//! Profiles of the cluster whose containers the RoleBasedGroup controller adds to pods.

use std::collections::BTreeMap;

use crate::source::Span;

/// A ClusterEngineRuntimeProfile that the pods of a role are given, and what is added for this role
/// to one of its containers.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineRuntime {
    /// The name of the profile, which somebody else brings.
    pub profile: String,
    /// The container of it that `args` and `env` are for.
    pub container: Option<String>,
    /// Arguments behind those that the profile gives.
    pub args: Vec<String>,
    /// Variables behind those that the profile gives.
    pub env: BTreeMap<String, String>,
    /// The field.
    pub span: Span,
}
