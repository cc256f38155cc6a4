//! What targets make of each part of a plan.

use serde_json::Value;

use super::testing::tree;
use crate::check::Role;
use crate::plan::testing::group;

mod gang;
mod lws;
mod objects;
mod pods;
mod rbg;
mod warm_up;
mod workloads;

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).expect("JSON is YAML")
}

/// One role in a group of its own, with its workload's path.
#[track_caller]
fn alone(role: Role, file: &str) -> Value {
    let name = role.name.clone();
    tree(vec![group("g", vec![role])], vec![])[&format!("g/{name}/{file}")].clone()
}
