//! What pods that restart together run, and the script itself, run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use super::SCRIPT;
use crate::check::{Form, Recovery, Role};
use crate::naming::RENDEZVOUS_PORT;
use crate::plan::testing::{HERE, free_port, gang, group, text};
use crate::target::testing::{pod_spec, tree};

/// A pod of an instance: the script as the kubelet starts it, on one machine for all.
struct Pod {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Pod {
    /// Runs `command` by `sh` at this rank of three. `None` where there is no Python.
    fn start(port: u16, rank: usize, command: &str) -> Option<Pod> {
        let script = SCRIPT.replace(&RENDEZVOUS_PORT.to_string(), &port.to_string());
        let mut process = Command::new("python3")
            .args(["-IS", "-c", &script, "sh", "-c", command])
            .env("RBG_LWP_LEADER_ADDRESS", "localhost")
            .env("RBG_LWP_WORKER_INDEX", rank.to_string())
            .env("RBG_LWP_GROUP_SIZE", "3")
            .env("RBG_ROLE_INSTANCE_NAME", "g-a-0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::piped())
            .spawn()
            .ok()?;
        let output = BufReader::new(process.stdout.take()?);
        Some(Pod { process, output })
    }

    /// The next line that its command prints; empty when it prints none any more.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        line
    }

    /// The code with which it ends by itself; `None` when a signal ends it.
    fn code(mut self) -> Option<i32> {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        self.process.wait().expect("an end").code()
    }

    fn kill(mut self) {
        self.process.kill().expect("a process");
        self.process.wait().expect("an end");
    }
}

/// Says that it runs, and goes on until nobody reads from it or writes to it.
const SERVE: &str = "echo runs; read forever";

/// Whether the script can be run here. It is for Linux and its sockets.
fn has_python() -> bool {
    let probe = Command::new("python3").args(["-IS", "-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status();
    let found = cfg!(target_os = "linux") && probe.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: there is no python3 of 3.8 or later on Linux");
    }
    found
}

#[test]
fn the_port_is_the_one_that_is_checked() {
    assert_eq!(SCRIPT.matches(&RENDEZVOUS_PORT.to_string()).count(), 1);
    assert!(!SCRIPT.contains("$("), "the kubelet would replace it");
    assert!(!SCRIPT.contains("${"), "Flux would replace it");
}

fn together(form: Form) -> Role {
    let mut role = Role { form, recover: Some((Recovery::Instance, HERE)), ..gang("a", 1, 3) };
    role.parts.iter_mut().for_each(|part| part.pod.main.command = vec![text("serve")]);
    role
}

#[test]
fn the_script_runs_the_command_of_all_pods() {
    let objects = tree(vec![group("g", vec![together(Form::PerInstance)])], Vec::new());
    for (name, ports) in [("g-a-0", 3), ("g-a-0-workers", 0)] {
        let main = &pod_spec(&objects[&format!("g/a/statefulset-{name}")])["containers"][0];
        assert_eq!(main["command"], serde_json::json!(["python3", "-IS", "-c", SCRIPT]));
        assert_eq!(main["args"][0], "serve");
        assert!(main["args"][1].as_str().is_some_and(|flag| flag.starts_with("--dist-init-addr=")));
        assert_eq!(main["ports"].as_array().map_or(0, Vec::len), ports);
    }
}

#[test]
fn others_run_as_they_are() {
    for role in [
        Role { recover: None, ..together(Form::PerInstance) },
        Role { recover: Some((Recovery::Pod, HERE)), ..together(Form::PerInstance) },
    ] {
        let objects = tree(vec![group("g", vec![role])], Vec::new());
        let main = &pod_spec(&objects["g/a/statefulset-g-a-0"])["containers"][0];
        assert_eq!(main["command"], serde_json::json!(["serve"]));
        assert_eq!(main["ports"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn pods_start_together_and_end_together() {
    if !has_python() {
        return;
    }
    let port = free_port();
    let start = |rank, command| Pod::start(port, rank, command).expect("python3");
    let (mut leader, mut first) = (start(0, SERVE), start(1, SERVE));
    let mut second = start(2, SERVE);
    for pod in [&mut leader, &mut first, &mut second] {
        assert_eq!(pod.line(), "runs\n");
    }
    // A worker is killed: the leader follows, and the other worker follows it.
    first.kill();
    assert_eq!((leader.code(), second.code()), (Some(1), Some(1)));
    // They are started again, in another order.
    let (mut second, mut first) = (start(2, SERVE), start(1, SERVE));
    let mut leader = start(0, SERVE);
    for pod in [&mut leader, &mut first, &mut second] {
        assert_eq!(pod.line(), "runs\n");
    }
    leader.kill();
    assert_eq!((first.code(), second.code()), (Some(1), Some(1)));
}

#[test]
fn a_command_that_ends_ends_all_and_is_told() {
    if !has_python() {
        return;
    }
    let port = free_port();
    let start = |rank, command| Pod::start(port, rank, command).expect("python3");
    let (leader, failing, other) = (start(0, SERVE), start(1, "exit 7"), start(2, SERVE));
    assert_eq!((failing.code(), leader.code(), other.code()), (Some(7), Some(1), Some(1)));
}

#[test]
fn a_worker_that_ends_before_the_start_stops_nobody() {
    if !has_python() {
        return;
    }
    let port = free_port();
    let start = |rank, command| Pod::start(port, rank, command).expect("python3");
    let (mut leader, first) = (start(0, SERVE), start(1, SERVE));
    first.kill();
    let (mut second, mut first) = (start(2, SERVE), start(1, SERVE));
    for pod in [&mut leader, &mut first, &mut second] {
        assert_eq!(pod.line(), "runs\n");
    }
    [leader, first, second].into_iter().for_each(Pod::kill);
}

/// Who speaks of another instance or size, of a rank that there is not, or of nothing that is
/// understood, is turned away and counts for nobody.
#[test]
fn strangers_are_turned_away() {
    if !has_python() {
        return;
    }
    let port = free_port();
    let start = |rank, command| Pod::start(port, rank, command).expect("python3");
    let (mut leader, mut first) = (start(0, SERVE), start(1, SERVE));
    // Until the leader listens, there is nobody to connect to.
    let mut open = std::iter::repeat_with(|| TcpStream::connect(("localhost", port)).ok()).take(1 << 24).flatten();
    for hello in [
        "g-a-1/3 2",
        "g-a-0/2 2",
        "g-a-0/3 0",
        "g-a-0/3 3",
        "g-a-0/3 -1",
        "g-a-0/3 two",
        "g-a-0/3 \u{b2}",
        "GET / HTTP/1.1\r\n",
        "\u{7f}",
    ] {
        let mut stranger = open.next().expect("a connection");
        stranger.write_all(hello.as_bytes()).expect("a connection");
        let mut answer = Vec::new();
        assert_eq!(stranger.read_to_end(&mut answer).ok().unwrap_or(0), 0, "{hello} is answered");
    }
    let mut second = start(2, SERVE);
    for pod in [&mut leader, &mut first, &mut second] {
        assert_eq!(pod.line(), "runs\n");
    }
    [leader, first, second].into_iter().for_each(Pod::kill);
}

#[test]
fn the_request_to_end_reaches_the_command() {
    if !has_python() {
        return;
    }
    let port = free_port();
    // A request that comes at once is held until it is waited for.
    let polite = "exec python3 -c 'import signal; asked = [signal.SIGTERM]; \
                  signal.pthread_sigmask(signal.SIG_BLOCK, asked); print(\"runs\", flush=True); \
                  signal.sigwait(asked); print(\"asked\")'";
    let start = |rank, command| Pod::start(port, rank, command).expect("python3");
    let (mut leader, first, second) = (start(0, polite), start(1, SERVE), start(2, SERVE));
    assert_eq!(leader.line(), "runs\n");
    let pid = leader.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert_eq!(leader.line(), "asked\n");
    assert_eq!((leader.code(), first.code(), second.code()), (Some(0), Some(1), Some(1)));
}
