//! Who starts when: dependency stages of all roles, and which groups are delivered together.

/// The stages of a model.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    /// For each group and role its stage, from 0: one more than the highest stage it waits for.
    pub stage: Vec<Vec<u32>>,
    /// Sets of groups that are tied by `after` and therefore delivered by one Application.
    pub applications: Vec<Application>,
}

/// Groups that are delivered together.
#[derive(Debug, Clone)]
pub struct Application {
    /// The name of its first group.
    pub name: String,
    /// Indices of its groups, ascending.
    pub groups: Vec<usize>,
}
