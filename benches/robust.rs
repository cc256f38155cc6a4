//! How long the proof takes that every order of scheduling ends in the plan, and the narrowing:
//! 1,000 groups on 10,240 machines, where instances of a rack, of a block and of a zone meet.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use rbgc::diag::Session;
use rbgc::fit::Fitted;
use rbgc::inventory::Inventory;
use rbgc::place::Placement;
use rbgc::plan::Plan;
use rbgc::source::World;
use rbgc::{check, fit, graph, inventory, place, plan, resolve, robust};

fn main() {
    divan::main();
}

/// Two files.
struct Texts([(&'static str, String); 2]);

impl World for Texts {
    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let known = self.0.iter().find(|(name, _)| Path::new(name) == path);
        known.map(|(_, text)| text.clone().into_bytes()).ok_or(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

const INVENTORY: &str = r#"
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: large }
kubernetes: "1.33"
levels:
  - { name: zone,  label: topology.kubernetes.io/zone }
  - { name: block, label: fabric.topograph.run/tier-1 }
  - { name: rack,  label: fabric.topograph.run/tier-0 }
pools:
  - name: h100
    nodes: "gpu-[00001-10240]"
    gpu: H100
    labels: { nvidia.com/gpu.product: NVIDIA-H100 }
    dedicated: true
    domains: { zone: "z[1-4] x2560", block: "b[001-160] x64", rack: "r[0001-1280] x8" }
    allocatable: { cpu: 192, memory: 2Ti, nvidia.com/gpu: 8 }
"#;

/// Prefill and decode by pods, accelerators a pod, replicas and level.
const SHAPES: [[(u32, u32, u32, &str); 2]; 5] = [
    [(2, 8, 2, "rack"), (4, 8, 1, "rack")],
    [(1, 8, 2, "zone"), (2, 8, 2, "block")],
    [(1, 4, 3, "rack"), (2, 8, 2, "rack")],
    [(4, 8, 2, "rack"), (8, 8, 1, "block")],
    [(1, 2, 4, "block"), (1, 8, 2, "rack")],
];

fn sources() -> String {
    let mut text = String::new();
    for group in 0..1000 {
        let _ = writeln!(text, "group g{group} {{");
        let mut clauses = Vec::new();
        for (name, (pods, gpus, replicas, level)) in ["prefill", "decode"].iter().zip(SHAPES[group % 5]) {
            let gang = if pods > 1 { format!("pods = {pods}  ") } else { String::new() };
            let _ = writeln!(
                text,
                "  role {name} {{ image = \"a/b:1\"  replicas = {replicas}  {gang}gpus = {gpus}  gpu = \"H100\"  cpu = 8  memory = 64Gi }}"
            );
            clauses.push(if pods > 1 {
                format!("instances of {name} within {level}")
            } else {
                format!("{name} within {level}")
            });
        }
        let _ = writeln!(text, "  place {{\n    {}\n  }}\n}}", clauses.join("\n    "));
    }
    text
}

/// Everything before the plan, once.
fn placed(session: &mut Session) -> Option<(Fitted, Inventory, Placement)> {
    let program = resolve::resolve(session, &[PathBuf::from("/p/main.rbg")]);
    let model = check::check(session, &program, &check::Options::default());
    let stages = graph::stages(session, &model)?;
    let inventory = inventory::load(session, Path::new("/p/inventory.yaml"), "inventory.yaml")?;
    let fitted = fit::fit(session, model, stages, &inventory, &Default::default(), Default::default())?;
    let placement = place::place(session, &fitted.problem)?;
    Some((fitted, inventory, placement))
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn machines_10240_groups_1000(bencher: divan::Bencher) {
    let world = Texts([("/p/main.rbg", sources()), ("/p/inventory.yaml", INVENTORY.into())]);
    let mut session = Session::new(&world, "/p");
    let (fitted, inventory, placement) = placed(&mut session).expect("the program has a plan");
    let plan = || plan::plan(&fitted, &inventory, &placement);
    let narrowed = |plan: &Plan| -> (usize, usize) {
        let roles = plan.groups.iter().flat_map(|group| &group.roles);
        let sites: Vec<_> = roles.flat_map(|role| &role.units).flat_map(|unit| &unit.sites).map(|s| s.level).collect();
        (sites.iter().filter(|level| **level == Some(3)).count(), sites.len())
    };
    if let Some(plan) = robust::robust(&mut session, &fitted.problem, plan()) {
        let (narrow, all) = narrowed(&plan);
        println!("{narrow} of {all} workloads are bound to their nodes");
    }
    bencher.with_inputs(plan).bench_local_values(|plan| {
        let mut session = Session::new(&world, "/p");
        robust::robust(&mut session, &fitted.problem, plan).is_some()
    });
}
