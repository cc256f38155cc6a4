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
    /// RoleBasedGroups, for the controller of that name.
    Rbg,
}

/// Why a word is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotATarget {
    /// It is one by design, but not built yet.
    NotYet,
    /// It is none.
    Unknown,
}

impl Target {
    /// The words that [`Target::parse`] accepts.
    pub const NAMES: [&str; 2] = ["native", "rbg"];

    /// The target of this name.
    ///
    /// # Errors
    /// Tells an unknown word from a target that is designed and not supported yet.
    pub fn parse(name: &str) -> Result<Target, NotATarget> {
        match name {
            "native" => Ok(Target::Native),
            "rbg" => Ok(Target::Rbg),
            "lws" => Err(NotATarget::NotYet),
            _ => Err(NotATarget::Unknown),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Target::Native => "native",
            Target::Rbg => "rbg",
        }
    }
}
