//! A compiler from role groups to Kubernetes manifests for GitOps.
//!
//! The modules stand in pipeline order; each imports only from those above it.

pub mod check;
pub mod data;
pub mod diag;
pub mod emit;
pub mod fit;
pub mod graph;
pub mod inventory;
pub mod link;
pub mod naming;
pub mod place;
pub mod quantity;
pub mod source;
pub mod syntax;
