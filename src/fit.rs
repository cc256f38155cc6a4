//! The model against this inventory and this target: the last refusals but one.

use crate::check::Model;
use crate::graph::Stages;
use crate::place::Problem;

/// A model that this cluster and target can hold by shape, and the placement problem it poses.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// Its stages.
    pub stages: Stages,
    /// What is to be placed. Groups, roles and pods stand in the order of the model: the pods of
    /// an instance are those of its parts, one after the other.
    pub problem: Problem,
}
