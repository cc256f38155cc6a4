//! The objects alone.

use super::{Tree, file};
use crate::plan::Plan;
use crate::target::Manifest;

/// Puts every object into its file.
pub fn order(manifests: Vec<Manifest>, plan: &Plan<'_>) -> Tree {
    Tree { files: manifests.into_iter().map(|m| file(m, plan)).collect() }
}
