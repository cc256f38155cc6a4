//! Loading: what a file means, and where each mistake is shown.

use std::io;
use std::path::{Path, PathBuf};

use super::{Inventory, load};
use crate::diag::Session;
use crate::source::World;

/// A world of one file.
struct One<'t>(&'t [u8]);

impl World for One<'_> {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Loads a text; the problems as `E0501 3:7 message`, one a line.
pub fn loaded(text: &[u8]) -> (Option<Inventory>, String) {
    let world = One(text);
    let mut session = Session::new(&world, "");
    let inventory = load(&mut session, Path::new("inventory.yaml"), "inventory.yaml");
    let mut lines = Vec::new();
    for problem in &session.problems {
        let place = problem.span().and_then(|span| session.sources.locate(span));
        let (line, column) = place.map_or((0, 0), |place| (place.line, place.column));
        lines.push(format!("{} {line}:{column} {}", problem.code.text(), problem.message));
    }
    (inventory, lines.join("\n"))
}

/// The example of the design.
pub const EXAMPLE: &str = r#"apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: prod-east }
kubernetes: "1.33"
capabilities: [leaderworkerset.x-k8s.io/v1, gateway.networking.k8s.io/v1]
levels:
  - { name: zone,   label: topology.kubernetes.io/zone }
  - { name: block,  label: fabric.topograph.run/tier-1 }
  - { name: rack,   label: fabric.topograph.run/tier-0 }
  - { name: nvlink, label: nvidia.com/gpu.clique }
  - { name: node,   label: kubernetes.io/hostname }
links:
  node: { class: pcie, needs: shared-devices }
  nvlink: { class: nvlink, needs: compute-domain }
  block: rdma
  zone: vpc
resources: { gpu: nvidia.com/gpu, rdma: rdma/hca }
pools:
  - name: h200
    nodes: "gpu-[001-128]"
    gpu: H200
    labels: { nvidia.com/gpu.product: NVIDIA-H200 }
    taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]
    dedicated: true
    domains: { zone: "a", block: "b[1-2] x64", rack: "r[01-16] x8" }
    allocatable: { cpu: 192, memory: 2Ti, nvidia.com/gpu: 8, rdma/hca: 8 }
nodes: []
reserved: { ports: "30000-32767" }
namespaces: { gateway: [envoy-gateway-system], monitoring: [monitoring] }
"#;

#[test]
fn the_example_loads() {
    let (inventory, problems) = loaded(EXAMPLE.as_bytes());
    assert_eq!(problems, "");
    let inventory = inventory.unwrap();
    assert_eq!(inventory.nodes.len(), 128);
    assert_eq!(inventory.domains.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 16, 0, 128]);
    let node = &inventory.nodes[64];
    assert_eq!(node.name, "gpu-065");
    assert_eq!(inventory.domains[2][node.domains[2].unwrap()].path, ["a", "b2", "r09"]);
    assert_eq!(inventory.domains[4][64].path, ["a", "b2", "r09", "", "gpu-065"]);
    assert_eq!(node.allocatable["cpu"], 192_000);
    assert_eq!(node.allocatable["memory"], 2 << 40);
    assert_eq!(inventory.shared_level(64, 71), Some(2));
    assert_eq!(inventory.shared_level(63, 64), Some(0));
}
