//! How fast documents become text, beside `serde_yaml`, and files: 9,000 objects of 1,000 services.

use std::io;
use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::BytesCount;
use rbgc::data::{Data, Map};
use rbgc::diag::Session;
use rbgc::emit::{Files, Group, Lock, write};
use rbgc::source::World;
use rbgc::yaml;

fn main() {
    divan::main();
}

/// The objects of one service: three roles with a ConfigMap, a Service and a StatefulSet each.
fn service(index: usize) -> Vec<Data> {
    ["prefill", "decode", "router"].into_iter().flat_map(|role| objects(&format!("svc-{index}"), role)).collect()
}

fn objects(group: &str, role: &str) -> [Data; 3] {
    let name = format!("{group}-{role}");
    let object = |version: &'static str, kind: &'static str| {
        Map::new().with("apiVersion", version).with("kind", kind).with("metadata", metadata(&name, group, role))
    };
    let config = "# made for tests\nmodel: \"x\"\nargs:\n  - --port\n  - \"8000\"\n".repeat(3);
    let port = Map::new().with("name", "http").with("port", 8000).with("protocol", "TCP").with("targetPort", "http");
    let service = Map::new().with("ports", vec![port]).with("selector", labels(group, role)).with("type", "ClusterIP");
    let template = Map::new()
        .with("metadata", Map::new().with("labels", labels(group, role)))
        .with("spec", Map::new().with("containers", vec![container(role)]).with("enableServiceLinks", false));
    let workload = Map::new()
        .with("replicas", 2)
        .with("selector", Map::new().with("matchLabels", labels(group, role)))
        .with("template", template);
    [
        object("v1", "ConfigMap").with("data", Map::new().with("config.yaml", config)).into(),
        object("v1", "Service").with("spec", service).into(),
        object("apps/v1", "StatefulSet").with("spec", workload).into(),
    ]
}

fn metadata(name: &str, group: &str, role: &str) -> Map {
    Map::new()
        .with("name", name.to_string())
        .with("namespace", "inference")
        .with("labels", labels(group, role))
        .with("annotations", Map::new().with("argocd.argoproj.io/sync-wave", "10"))
}

fn labels(group: &str, role: &str) -> Map {
    Map::new()
        .with("rbg.workloads.x-k8s.io/role-name", role.to_string())
        .with("rbg.workloads.x-k8s.io/group-name", group.to_string())
        .with("app.kubernetes.io/managed-by", "rbgc")
}

fn container(role: &str) -> Map {
    let probe =
        Map::new().with("httpGet", Map::new().with("path", "/health").with("port", "http")).with("periodSeconds", 5);
    let amounts = Map::new().with("cpu", "8").with("memory", "64Gi").with("nvidia.com/gpu", "8");
    let env = |name: &'static str, value: &'static str| Map::new().with("name", name).with("value", value);
    Map::new()
        .with("name", role.to_string())
        .with("image", "lmsysorg/sglang:v0.5.3")
        .with("command", vec!["python3", "-m", "sglang.launch_server"])
        .with("args", vec!["--model-path", "Qwen/Qwen3-0.6B", "--host", "0.0.0.0", "--port", "8000", "--tp-size", "8"])
        .with("env", vec![env("NCCL_DEBUG", "WARN"), env("RBG_ROLE_INDEX", "0"), env("EXTRA", "{\"a\": 1}")])
        .with("ports", vec![Map::new().with("name", "http").with("containerPort", 8000).with("protocol", "TCP")])
        .with("resources", Map::new().with("limits", amounts.clone()).with("requests", amounts))
        .with("readinessProbe", probe.clone())
        .with("livenessProbe", probe)
}

fn corpus() -> Vec<Data> {
    (0..1000).flat_map(service).collect()
}

#[divan::bench(name = "rbgc, 9,000 objects")]
fn ours(bencher: Bencher) {
    let corpus = corpus();
    let bytes = yaml::stream(&corpus).len();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| yaml::stream(&corpus));
}

#[divan::bench(name = "serde_yaml, 9,000 objects")]
fn theirs(bencher: Bencher) {
    let corpus = corpus();
    let values: Vec<serde_yaml::Value> =
        corpus.iter().map(|d| serde_yaml::from_str(&yaml::document(d, None)).expect("our own text")).collect();
    let write = || values.iter().fold(String::new(), |out, v| out + &serde_yaml::to_string(v).expect("a value"));
    bencher.counter(BytesCount::new(write().len())).bench_local(write);
}

/// A world that is not asked.
struct Nothing;

impl World for Nothing {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, _: &Path) -> io::Result<PathBuf> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// One group a service, one file an object.
fn groups(header: &str) -> Vec<Group> {
    let group = |index: usize| {
        let name = format!("svc-{index}");
        let text =
            |(at, data): (usize, &Data)| (format!("{name}/{}/{at}.yaml", at / 3), yaml::document(data, Some(header)));
        let files: Files = service(index).iter().enumerate().map(text).collect();
        Group::new(name.clone(), files, Lock::default())
    };
    (0..1000).map(group).collect()
}

fn write_to(out: &Path, groups: &[Group]) {
    let mut session = Session::new(&Nothing, ".");
    write::write(&mut session, out, groups, &write::Options::default()).expect("an empty directory of our own");
}

#[divan::bench(name = "render to files, 9,000 objects")]
fn render() -> Vec<Group> {
    groups("from a.rbg")
}

#[divan::bench(name = "write 9,000 new files", sample_count = 5, sample_size = 1)]
fn fresh(bencher: Bencher) {
    let groups = groups("from a.rbg");
    bencher.with_inputs(|| tempfile::tempdir().expect("a directory")).bench_local_values(|dir| {
        write_to(dir.path(), &groups);
        dir
    });
}

#[divan::bench(name = "replace 9,000 files", sample_count = 5, sample_size = 1)]
fn replace(bencher: Bencher) {
    let dir = tempfile::tempdir().expect("a directory");
    let versions = [groups("from a.rbg"), groups("from b.rbg")];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        write_to(dir.path(), &versions[turn % 2]);
    });
}

#[divan::bench(name = "find 9,000 files unchanged", sample_count = 5, sample_size = 1)]
fn unchanged(bencher: Bencher) {
    let dir = tempfile::tempdir().expect("a directory");
    let groups = groups("from a.rbg");
    write_to(dir.path(), &groups);
    bencher.bench_local(|| write_to(dir.path(), &groups));
}
