//! Who waits for whom, and the scripts, run.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::check::{Check, Interpreter, Role};
use crate::plan::testing::{self, after, group, port, probe};
use crate::target::testing::{pod_spec, tree};

/// A role that waits for the first one of the first group.
fn waiting(name: &str, interpreter: Interpreter) -> Role {
    let mut role = testing::role(name, crate::check::Form::Deployment, 1);
    role.parts[0].pod.interpreter = Some(interpreter);
    role.after = vec![crate::check::After { wait: true, ..after(0, 0) }];
    role
}

/// A role that is found ready at its second port.
fn awaited() -> Role {
    let mut role = testing::role("store", crate::check::Form::Deployment, 1);
    role.parts[0].pod.main.ports = vec![port("peers", 7000), port("rpc", 5000)];
    role.parts[0].pod.main.ready = Some(probe(Check::Tcp("rpc".into()), 3));
    role
}

#[test]
fn the_first_init_container_waits() {
    let mut near = waiting("near", Interpreter::Python);
    near.parts[0].pod.inits = vec![testing::container("fetch")];
    let mut elsewhere = group("h", vec![waiting("far", Interpreter::Bash)]);
    elsewhere.namespace = "other".into();
    let objects = tree(vec![group("g", vec![awaited(), near]), elsewhere], Vec::new());
    let inits = |path: &str| pod_spec(&objects[path])["initContainers"].clone();
    let near = inits("g/near/deployment-g-near");
    assert_eq!((&near[0]["name"], &near[1]["name"]), (&json!("rbg-wait"), &json!("fetch")));
    assert_eq!(near[0]["image"], "registry.example.com/near:1.0");
    assert_eq!(near[0]["command"], json!(["python3", "-IS", "-c", super::PYTHON]));
    assert_eq!(near[0]["args"], json!(["g-store", "5000"]));
    assert_eq!(near[0]["resources"]["limits"], json!({"cpu": "100m", "memory": "64Mi"}));
    assert_eq!((&near[0]["env"], &near[0]["ports"]), (&json!(null), &json!(null)));
    let far = inits("h/far/deployment-h-far");
    assert_eq!(far[0]["command"], json!(["bash", "-c", super::BASH]));
    assert_eq!(far[0]["args"], json!(["rbg-wait", "g-store.llm", "5000"]));
}

#[test]
fn the_policy_lets_the_connection_in() {
    let objects = tree(vec![group("g", vec![awaited(), waiting("near", Interpreter::Python)])], Vec::new());
    let rules = &objects["g/store/networkpolicy-g-store"]["spec"]["ingress"];
    let label = "rbg.workloads.x-k8s.io/role-name";
    let rules = rules.as_array().expect("rules").iter();
    let rule: Vec<_> = rules.filter(|r| r["from"][0]["podSelector"]["matchLabels"][label] == "near").collect();
    assert_eq!(rule.len(), 1, "{rule:?}");
    assert_eq!(rule[0]["ports"], json!([{"port": 5000, "protocol": "TCP"}]));
}

/// Waiting takes no more than the role itself: the pod needs no larger place.
#[test]
fn waiting_takes_no_more_than_the_role() {
    let mut small = waiting("small", Interpreter::Python);
    let resources = &mut small.parts[0].pod.main.resources;
    resources.cpu = Some(crate::quantity::Quantity { milli: 20, binary: false });
    resources.memory = None;
    let objects = tree(vec![group("g", vec![awaited(), small])], Vec::new());
    let wait = &pod_spec(&objects["g/small/deployment-g-small"])["initContainers"][0];
    assert_eq!(wait["resources"]["requests"], json!({"cpu": "20m"}));
}

/// Runs a script with two places to connect to, of which the second one is not there at first.
#[track_caller]
fn waits(command: &[&str], own_name: &[&str]) {
    if cfg!(not(target_os = "linux"))
        || Command::new(command[0]).arg("--version").stdout(Stdio::null()).status().is_err()
    {
        eprintln!("skipped: there is no {} here", command[0]);
        return;
    }
    let listen = |port: u16| TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let ports = [testing::free_port(), testing::free_port()];
    let first = listen(ports[0]);
    let places = ports.map(|port| port.to_string());
    let mut script = Command::new(command[0])
        .args(&command[1..])
        .args(own_name)
        .args(["127.0.0.1", &places[0], "127.0.0.1", &places[1]])
        .stdout(Stdio::null())
        .spawn()
        .expect("the interpreter");
    first.accept().expect("a connection to the first place");
    assert!(script.try_wait().expect("its state").is_none(), "it did not wait for the second place");
    listen(ports[1]).accept().expect("a connection to the second place");
    assert_eq!(script.wait().expect("its end").code(), Some(0));
}

#[test]
fn python_waits() {
    waits(&["python3", "-IS", "-c", super::PYTHON], &[]);
}

#[test]
fn bash_waits() {
    waits(&["bash", "-c", super::BASH], &["rbg-wait"]);
}
