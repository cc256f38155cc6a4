//! Types, defaults, units, evaluation, assertions and the rules between roles: from a [`Program`]
//! to a [`Model`] in which every value is known and checked.
//!
//! The model knows roles, not Kubernetes objects and not machines: what a level or an accelerator
//! is called in the cluster is decided in `fit`, what a workload looks like in `plan` and `target`.
//!
//! Everything is evaluated when it is needed and once: fields of roles may use each other in any
//! order, and a cycle is found when a value is needed while it is being evaluated.

use std::collections::BTreeMap;

use crate::diag::Session;
use crate::kinds::Target;
use crate::resolve::Program;

mod after;
mod assertions;
mod autoscale;
mod builtins;
mod clauses;
mod components;
mod container;
mod convert;
mod coordinate;
mod edges;
mod engine_runtimes;
mod expose;
mod exposed;
mod expr;
mod fields;
mod group;
mod infer;
mod lists;
mod maps;
mod member;
mod memo;
mod metadata;
mod metrics;
mod mistakes;
mod model;
mod network;
mod operators;
mod parallel;
mod params;
mod pod;
pub mod podspec;
mod ports;
mod probe;
mod role;
mod role_value;
mod setup;
mod shape;
mod state;
mod storage;
mod table;
mod text;
mod text_template;
mod value;
mod warm_up;

pub use model::*;

/// Settings from outside the sources.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Values of parameters: name and text, the last one of a name counts.
    pub set: Vec<(String, String)>,
    /// What workloads become: it decides the names and forms of pods.
    pub target: Target,
}

/// Steps of evaluation in one compilation.
pub const MAX_FUEL: u64 = 20_000_000;
/// Pods of one instance.
pub const MAX_PODS: i64 = 10_000;
/// Instances of one role, and of a compilation.
pub const MAX_INSTANCES: i64 = 100_000;
/// Groups of one declaration `group g x N`.
pub const MAX_GROUPS: i64 = 10_000;

/// Evaluates and checks a program. Problems are reported; what could be evaluated is returned.
pub fn check(session: &mut Session, program: &Program, options: &Options) -> Model {
    shape::check(session, program);
    let (model, findings) = rayon::join(|| evaluate(session, program, options), || infer::findings(program));
    infer::report(session, findings);
    exposed::check(session, &model);
    let instances: u64 = model.roles().map(|(_, r)| u64::from(r.replicas.max)).sum();
    if instances > MAX_INSTANCES as u64 {
        let message = format!("{instances} instances are more than {MAX_INSTANCES}");
        session.report(crate::diag::Diagnostic::nowhere(crate::diag::Code::LimitExceeded, message));
    }
    model
}

/// Evaluates what the groups of the entry files need.
fn evaluate(session: &mut Session, program: &Program, options: &Options) -> Model {
    let mut checker = state::Checker {
        session,
        program,
        options,
        frames: Vec::new(),
        slots: Vec::new(),
        module_frames: Vec::new(),
        items: BTreeMap::new(),
        groups: Vec::new(),
        group_of: BTreeMap::new(),
        roles: Vec::new(),
        steps: Vec::new(),
        trace: Vec::new(),
        fuel: MAX_FUEL,
        setting_up: true,
        ties: 0,
    };
    checker.check_params();
    checker.set_up();
    checker.build()
}
