//! Loading: what a file means, and where each mistake is shown.

use std::io;
use std::path::{Path, PathBuf};

use super::{Inventory, load};
use crate::diag::Session;
use crate::naming::natural;
use crate::source::World;

mod errors;
mod hostile;
mod meaning;
mod pages;

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

/// A part of an inventory as a whole one; what every inventory needs stands below it, so that
/// lines count from the first line of the part.
pub fn whole(part: &str) -> String {
    format!("{part}\napiVersion: rbgc.dev/v1\nkind: ClusterInventory\nmetadata: {{ name: c }}\nkubernetes: \"1.33\"\n")
}

/// Loads a part of an inventory and compares the problems.
#[track_caller]
pub fn check(part: &str, expected: &str) {
    let (inventory, problems) = loaded(whole(part).as_bytes());
    assert_eq!(problems, expected);
    assert_eq!(inventory.is_some(), expected.is_empty());
    inventory.iter().for_each(consistent);
}

/// Loads a part of an inventory that is sound.
#[track_caller]
pub fn sound(part: &str) -> Inventory {
    let (inventory, problems) = loaded(whole(part).as_bytes());
    assert_eq!(problems, "");
    let inventory = inventory.expect("no problem, so there is an inventory");
    consistent(&inventory);
    inventory
}

/// What holds for every inventory that loads.
#[track_caller]
pub fn consistent(inventory: &Inventory) {
    let last = inventory.levels.len() - 1;
    assert_eq!(inventory.levels[last].label, super::HOSTNAME);
    assert_eq!(inventory.domains.len(), inventory.levels.len());
    assert!(inventory.nodes.is_sorted_by(|a, b| natural(&a.name, &b.name).is_lt()));
    for (level, domains) in inventory.domains.iter().enumerate() {
        for (index, domain) in domains.iter().enumerate() {
            assert_eq!(domain.path.len(), level + 1);
            assert!(domain.nodes.is_sorted_by(|a, b| a < b) && !domain.nodes.is_empty());
            assert!(domain.nodes.iter().all(|node| inventory.nodes[*node].domains[level] == Some(index)));
            let parents = domain.nodes.iter().map(|node| inventory.nodes[*node].domains[level.saturating_sub(1)]);
            assert!(level == 0 || parents.clone().all(|parent| parent == domain.parent));
            if let (Some(parent), true) = (domain.parent, level > 0) {
                assert_eq!(inventory.domains[level - 1][parent].path, domain.path[..level]);
            }
        }
    }
    for node in &inventory.nodes {
        assert_eq!(node.domains.len(), inventory.levels.len());
        assert!(node.domains[last].is_some_and(|own| inventory.domains[last][own].nodes.len() == 1));
        assert!(node.allocatable.values().chain(node.used.values()).all(|amount| *amount >= 0));
    }
}
