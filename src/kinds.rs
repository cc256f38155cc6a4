//! The targets by name: the kinds of objects that workloads become.
//!
//! What a target can give, how its pods are called and how many templates it takes are asked by
//! phases long before anything is lowered, so the name stands above them all.

/// The kinds of objects that workloads become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Deployments and StatefulSets: any cluster.
    #[default]
    Native,
    /// The same, but a LeaderWorkerSet for leaders and workers.
    Lws,
    /// RoleBasedGroups, for the controller of that name.
    Rbg,
}

/// A word is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATarget;

impl Target {
    /// The words that [`Target::parse`] accepts.
    pub const NAMES: [&str; 3] = ["native", "lws", "rbg"];

    /// The target of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(name: &str) -> Result<Target, NotATarget> {
        match name {
            "native" => Ok(Target::Native),
            "lws" => Ok(Target::Lws),
            "rbg" => Ok(Target::Rbg),
            _ => Err(NotATarget),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Target::Native => "native",
            Target::Lws => "lws",
            Target::Rbg => "rbg",
        }
    }
}
