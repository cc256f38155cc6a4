//! Runs of kube-scheduler 1.35.4 (default profile, in one process with a fake API) in
//! `tests/data/kube-scheduler`: nodes, pods in the order of creation, where they ended, and what
//! was said of those that wait.
//!
//! A run is reproduced when there is an order of binding in which every recorded node is one that
//! the model finds best, when no pod that waits has a node in the model at the end, and when the
//! model says of each of them word for word what the scheduler said (up to preemption, which is
//! not modelled).

use rbgc::scheduler::{Attempt, Scheduler, State};
use serde_json::Value;

use crate::support::{files, none, pods, read, shown};

#[test]
fn all_runs_are_reproduced() {
    let (mut problems, mut runs) = (Vec::new(), 0);
    for path in files("tests/data/kube-scheduler", &[".json"]) {
        let run: Value = serde_json::from_str(&read(&path)).unwrap();
        if run["pods_in_creation_order"].is_null() {
            continue;
        }
        runs += 1;
        match replay(&run) {
            Ok(how) => println!("{}: {how}", run["name"].as_str().unwrap_or("?")),
            Err(problem) => problems.push(format!("{}: {problem}", shown(&path))),
        }
    }
    none(&problems);
    assert_eq!(runs, 24);
}

fn replay(run: &Value) -> Result<String, String> {
    let nodes: Vec<_> = run["nodes"].as_array().unwrap().iter().map(pods::node).collect();
    let objects = run["pods_in_creation_order"].as_array().unwrap();
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let pods: Vec<_> = objects.iter().map(|o| pods::pod(&name(o), "default", o)).collect();
    let recorded = |pod: usize| {
        let node = run["bindings"][&pods[pod].name].as_str().unwrap_or("");
        nodes.iter().position(|n| n.name == node)
    };
    let scheduler = Scheduler::new(&nodes, &pods);
    let mut state = scheduler.start();
    let (mut forced, mut tied) = (0, 0);
    let mut waiting: Vec<usize> = (0..pods.len()).filter(|pod| recorded(*pod).is_some()).collect();
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|pod| matches!(state.attempt(*pod), Attempt::Fits { .. }));
        let pod = waiting.remove(ready.ok_or_else(|| refusals(&state, &pods, &waiting))?);
        let node = recorded(pod).unwrap();
        let Attempt::Fits { best, .. } = state.attempt(pod) else { unreachable!() };
        if !best.contains(&node) {
            let names: Vec<&str> = best.iter().map(|n| nodes[*n].name.as_str()).collect();
            return Err(format!("{} is on {}; the model finds {names:?} best", pods[pod].name, nodes[node].name));
        }
        *(if best.len() == 1 { &mut forced } else { &mut tied }) += 1;
        state.bind(pod, node);
    }
    let mut said = 0;
    for pod in (0..pods.len()).filter(|pod| recorded(*pod).is_none()) {
        let attempt = state.attempt(pod);
        let full = run["pending_reasons"][&pods[pod].name].as_str().unwrap_or("");
        let expected = full.split_once(" no new claims").map_or(full, |(head, _)| head);
        if attempt.message() != expected {
            return Err(format!("{} waits: `{expected}`; the model says `{}`", pods[pod].name, attempt.message()));
        }
        if matches!(attempt, Attempt::Fits { .. }) {
            return Err(format!("{} waits; the model gives it a node", pods[pod].name));
        }
        said += 1;
    }
    Ok(format!("only best node: {forced}, one of several: {tied}, waiting for the same reason: {said}"))
}

fn refusals(state: &State<'_, '_>, pods: &[rbgc::scheduler::Pod], waiting: &[usize]) -> String {
    let says = |pod: &usize| format!("{}: {}", pods[*pod].name, state.attempt(*pod).message());
    format!("the model has no node for {}", waiting.iter().map(says).collect::<Vec<_>>().join("; "))
}
