//! A compiler from role groups to Kubernetes manifests for GitOps.
//!
//! The modules stand in pipeline order; each imports only from those above it.

pub mod source;
pub mod diag;
pub mod tree;
pub mod data;
pub mod quantity;
pub mod naming;
pub mod link;
pub mod lock;
pub mod yaml;
pub mod project;
pub mod syntax;
pub mod resolve;
pub mod check;
pub mod graph;
pub mod inventory;
pub mod place;
pub mod fit;
pub mod plan;
pub mod target;
pub mod order;
pub mod emit;
