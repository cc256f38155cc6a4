//! Small models and inventories for the tests of the back end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::check::*;
use crate::data::Data;
use crate::fit::Fitted;
use crate::graph::{Application, Stages};
use crate::inventory::Inventory;
use crate::kinds::Target;
use crate::link::Link;
use crate::place::{self, Placement, Problem};
use crate::quantity::Quantity;
use crate::source::Span;

mod machines;

pub use machines::{add_node, inventory};

pub const HERE: Span = Span { lo: 0, hi: 0 };

pub fn container(name: &str) -> Container {
    Container {
        name: name.into(),
        image: format!("registry.example.com/{name}:1.0"),
        image_span: HERE,
        pull: None,
        command: Vec::new(),
        args: Vec::new(),
        env: BTreeMap::new(),
        ports: Vec::new(),
        resources: Resources {
            cpu: Some(Quantity::units(4)),
            memory: Some(Quantity::bytes(8 << 30)),
            ..Resources::default()
        },
        ready: None,
        live: None,
        startup: None,
        mounts: Vec::new(),
    }
}

pub fn pod(name: &str) -> Pod {
    Pod {
        main: container(name),
        inits: Vec::new(),
        sidecars: Vec::new(),
        gpus: 0,
        gpu: None,
        rdma: 0,
        rdma_span: HERE,
        shm: None,
        volumes: Vec::new(),
        files: Vec::new(),
        image_pull_secrets: Vec::new(),
        grace: None,
        drain: None,
        interpreter: None,
        priority: None,
        tolerations: Vec::new(),
        security: Security::default(),
        overrides: Data::Null,
    }
}

pub fn role(name: &str, form: Form, replicas: u32) -> Role {
    Role {
        name: name.into(),
        span: HERE,
        doc: Vec::new(),
        templates: Vec::new(),
        replicas: Replicas { min: replicas, max: replicas },
        replicas_span: HERE,
        form,
        parts: vec![Part { kind: PartKind::Single, count: 1, pod: pod(name), after: Vec::new() }],
        after: Vec::new(),
        autoscale: None,
        leaving: 0,
        recover: None,
        min_ready: 0,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        service_account: None,
        discovers: false,
        engine_runtimes: Vec::new(),
        warm_up: None,
        expose: None,
        metrics: None,
        network: None,
        traffic_distribution: None,
    }
}

pub fn port(name: &str, number: u16) -> Port {
    Port { name: name.into(), number, protocol: "TCP", span: HERE }
}

pub fn probe(check: Check, failures: u32) -> Probe {
    Probe { check, every: 10, delay: 0, timeout: 1, failures, successes: 1 }
}

pub fn text(text: &str) -> RuntimeText {
    RuntimeText::from(text.to_string())
}

pub fn value(before: &str, value: RuntimeValue) -> RuntimeText {
    RuntimeText(vec![Piece::Text(before.into()), Piece::Value(value)])
}

/// A role of leaders and workers with eight accelerators a pod.
pub fn gang(name: &str, replicas: u32, pods: u32) -> Role {
    let mut role = role(name, Form::PerInstance, replicas);
    let mut leader = pod(name);
    leader.gpus = 8;
    leader.gpu = Some(("H100".into(), HERE));
    leader.rdma = 1;
    leader.shm = Some(Quantity::bytes(30 << 30));
    leader.main.ports = vec![port("http", 8000), port("metrics", 9090)];
    leader.main.args = vec![
        value("--dist-init-addr=", RuntimeValue::LeaderAddress),
        value("--node-rank=", RuntimeValue::Rank),
        value("--host=", RuntimeValue::PodIp),
    ];
    let mut worker = leader.clone();
    leader.main.ready = Some(probe(Check::Http("/health".into(), "http".into()), 3));
    leader.main.startup = Some(probe(Check::Http("/health".into(), "http".into()), 180));
    worker.main.ports = Vec::new();
    role.parts = vec![
        Part { kind: PartKind::Leader, count: 1, pod: leader, after: Vec::new() },
        Part { kind: PartKind::Worker, count: pods - 1, pod: worker, after: Vec::new() },
    ];
    role
}

/// A role of unlike parts: the second starts after the first.
pub fn assembly(name: &str) -> Role {
    let mut role = role(name, Form::PerInstance, 1);
    let component = |component: &str, count: u32, after: Vec<usize>| {
        let mut pod = pod(name);
        pod.main.ports = vec![port("rpc", 7000)];
        pod.main.args = vec![value("--master=", RuntimeValue::LeaderAddress), value("--id=", RuntimeValue::Rank)];
        Part { kind: PartKind::Component(component.into()), count, pod, after }
    };
    role.parts = vec![component("master", 1, Vec::new()), component("shard", 2, vec![0])];
    role
}

/// A router in front of others, told their addresses.
pub fn router(backends: &[&str]) -> Role {
    let mut role = role("router", Form::Deployment, 1);
    let main = &mut role.parts[0].pod.main;
    main.ports = vec![port("http", 8080)];
    main.args = backends.iter().map(|b| text(&format!("--backend=http://{b}:8000"))).collect();
    main.ready = Some(probe(Check::Http("/health".into(), "http".into()), 3));
    role
}

/// A single-pod role whose number an autoscaler chooses.
pub fn elastic(name: &str, min: u32, max: u32) -> Role {
    let mut role = role(name, Form::StatefulSet, min);
    role.replicas = Replicas { min, max };
    let metric = Metric::Resource { name: "cpu".into(), utilization: 70 };
    role.autoscale = Some(Autoscale { metric, stabilization: Some(300), activation: None, cooldown: None, span: HERE });
    role.parts[0].pod.main.ports = vec![port("http", 8000)];
    role.parts[0].pod.main.args = vec![value("--me=", RuntimeValue::Instance), value("--rank=", RuntimeValue::Index)];
    role
}

pub fn group(name: &str, roles: Vec<Role>) -> Group {
    Group {
        name: name.into(),
        stem: name.into(),
        generation: 1,
        generation_span: HERE,
        declared: name.into(),
        index: None,
        namespace: "llm".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        pin: Pin::Domain,
        objective: Objective::Stability,
        roles,
        connections: Vec::new(),
        references: Vec::new(),
        clauses: Vec::new(),
        coordinations: Vec::new(),
        source: format!("services/{name}.rbg"),
        span: HERE,
        doc: Vec::new(),
    }
}

pub fn connection(from: usize, to: usize) -> Connection {
    Connection { from, to, edge: None, floor: None, weight: 1, revision: BTreeMap::new(), span: HERE }
}

pub fn reference(from: usize, to: RoleId, port: Option<&str>) -> Reference {
    Reference { from, to, port: port.map(str::to_string), addresses: false }
}

pub fn after(group: usize, role: usize) -> After {
    After { role: RoleId { group, role }, span: HERE, wait: false }
}

/// Two prefill instances of two pods, three decode instances of one, and a router after both.
pub fn service(name: &str) -> Group {
    service_at(name, 0)
}

/// The same as the group with this index.
pub fn service_at(name: &str, index: usize) -> Group {
    let mut decode = role("decode", Form::PerInstance, 3);
    decode.parts[0].pod.gpus = 8;
    decode.parts[0].pod.rdma = 1;
    decode.parts[0].pod.main.ports = vec![port("http", 8000)];
    let backends = [format!("{name}-prefill-0-0.s-{name}-prefill"), format!("{name}-decode-0-0.s-{name}-decode")];
    let mut router = router(&[&backends[0], &backends[1]]);
    router.after = vec![after(index, 0), after(index, 1)];
    let mut group = group(name, vec![gang("prefill", 2, 2), decode, router]);
    group.connections = vec![connection(0, 1)];
    let to = |role| RoleId { group: index, role };
    group.references = vec![reference(2, to(0), Some("http")), reference(2, to(1), Some("http"))];
    group
}

/// A clause of the placement problem.
pub fn require(kind: place::ClauseKind) -> place::Clause {
    place::Clause { kind, prefer: None, span: HERE }
}

/// The model with its stages, and a problem that has these clauses for each group.
pub fn fit(groups: Vec<Group>, clauses: Vec<Vec<place::Clause>>) -> Fitted {
    let model = Model { groups };
    let stages = stages(&model);
    let clauses = clauses.into_iter().chain(std::iter::repeat(Vec::new()));
    let groups = model.groups.iter().zip(clauses).map(|(group, clauses)| place::Group {
        name: group.name.clone(),
        roles: Vec::new(),
        clauses,
        edges: group
            .connections
            .iter()
            .map(|c| place::Edge {
                from: c.from,
                to: c.to,
                floor: c.floor.map(|f| f.0),
                weight: c.weight,
                span: c.span,
            })
            .collect(),
        preferences: Vec::new(),
        locality: false,
    });
    let links = vec![Link::Vpc, Link::Rdma, Link::Rdma, Link::Pcie];
    let compute_domains = vec![Vec::new(); model.groups.len()];
    let problem = Problem { groups: groups.collect(), links: links.clone(), ..Problem::default() };
    Fitted {
        target: Target::Native,
        group_stages: None,
        model,
        stages,
        problem,
        compute_domains,
        gang: None,
        hardware: BTreeMap::new(),
        links,
        locks: Vec::new(),
        leaving: Vec::new(),
        retired: Vec::new(),
    }
}

/// One Application for all groups that are tied by `after`, as `graph` makes them.
fn stages(model: &Model) -> Stages {
    let mut stage: Vec<Vec<u32>> = model.groups.iter().map(|g| vec![0; g.roles.len()]).collect();
    let mut tied: Vec<usize> = (0..model.groups.len()).collect();
    for _ in model.roles() {
        for (id, role) in model.roles() {
            for after in &role.after {
                let before = stage[after.role.group][after.role.role] + 1;
                stage[id.group][id.role] = stage[id.group][id.role].max(before);
                let first = tied[id.group].min(tied[after.role.group]);
                (tied[id.group], tied[after.role.group]) = (first, first);
            }
        }
    }
    let firsts: BTreeSet<usize> = tied.iter().copied().collect();
    let application = |first: usize| Application {
        name: model.groups[first].name.clone(),
        groups: (0..tied.len()).filter(|g| tied[*g] == first).collect(),
    };
    let within = model.groups.iter().map(|g| vec![0; g.roles.len()]).collect();
    Stages { stage, within, applications: firsts.into_iter().map(application).collect() }
}

/// A port on which nobody listens, for processes that a test runs. It is none that the system gives to
/// connections, which could take it in between.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + std::process::id() % 1_000 * 10;
    let ports = std::iter::repeat_with(|| first as u16 + NEXT.fetch_add(1, Ordering::Relaxed)).take(1_000);
    let is_free =
        |port: &u16| TcpListener::bind(("::", *port)).or_else(|_| TcpListener::bind(("0.0.0.0", *port))).is_ok();
    ports.into_iter().find(is_free).expect("a free port")
}

/// Every pod on the next node, role by role. A role's room does not depend on the others, so that
/// a change of one leaves the places of the others as they are.
pub fn place(fitted: &Fitted, inventory: &Inventory) -> Placement {
    let nodes = inventory.nodes.len().min(16);
    let groups = fitted.model.groups.iter().map(|group| {
        let roles = group.roles.iter().enumerate().map(|(index, role)| {
            let (pods, first) = (role.pods() as usize, index * 4);
            let instances = 0..role.replicas.max as usize;
            instances.map(|i| (0..pods).map(|p| (first + i * pods + p) % nodes).collect()).collect()
        });
        roles.collect()
    });
    Placement { groups: groups.collect(), ..Placement::default() }
}
