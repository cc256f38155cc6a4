//! Against data of others, which is not part of this repository: `RBGC_SHARED_DATA` names its
//! directory. Without it these tests say so and check nothing.

use std::io;
use std::path::{Path, PathBuf};

use rbgc::diag::Session;
use rbgc::inventory::Inventory;
use rbgc::inventory::import::{Input, Request, import};
use rbgc::source::World;
use serde_json::Value;

/// The place of a file of the data; `None`, and said so, without the data.
fn place(path: &str) -> Option<PathBuf> {
    let Some(directory) = std::env::var_os("RBGC_SHARED_DATA") else {
        println!("SKIPPED: RBGC_SHARED_DATA is not set");
        return None;
    };
    Some(PathBuf::from(directory).join(path))
}

/// A file of the data as JSON; `None` without the data.
pub fn shared(path: &str) -> Option<Value> {
    Some(serde_json::from_str(&crate::support::read(&place(path)?)).unwrap())
}

/// The inventory that an import makes of a file, and the codes of what it says.
fn imported(path: &str) -> Option<(Inventory, Vec<&'static str>)> {
    let path = place(path)?;
    let mut session = Session::new(&NoFiles, "");
    let text = Some(crate::support::read(&path));
    let files = vec![Input { path, text, of: None }];
    let request = Request { files, kubernetes: Some((1, 33)), name: Some("c".into()), ..Request::default() };
    let text = import(&mut session, &request).map(|made| made.text);
    let codes = session.problems.iter().map(|problem| problem.code.text()).collect();
    let file = session.sources.add("inventory.yaml", text.expect("an inventory")).unwrap();
    Some((rbgc::inventory::parse(&mut session, file).unwrap(), codes))
}

/// Nothing is read but what is given.
struct NoFiles;

impl World for NoFiles {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// Real Node objects: Alibaba's cluster-trace-gpu-v2023.
#[test]
fn real_nodes_are_imported() {
    let Some((inventory, codes)) = imported("nodes/openb_node_list_gpu_node.yaml") else { return };
    assert_eq!((inventory.nodes.len(), codes.len()), (1213, 0));
    assert_eq!(inventory.resources.gpu, "alibabacloud.com/gpu-count");
    let gpus: i64 = inventory.nodes.iter().map(|node| node.allocatable["alibabacloud.com/gpu-count"]).sum();
    let text = crate::support::read(&place("nodes/openb_node_list_gpu_node.yaml").unwrap());
    let count = |line: &str| {
        line.trim().strip_prefix("alibabacloud.com/gpu-count: ").map(|n| n.trim_matches('\'').parse::<i64>().unwrap())
    };
    // Each document tells it twice: allocatable and capacity.
    assert_eq!(gpus * 2, text.lines().filter_map(count).sum::<i64>());
    let products: std::collections::BTreeSet<&str> =
        inventory.nodes.iter().filter_map(|node| node.gpu.as_deref()).collect();
    assert_eq!(products.into_iter().collect::<Vec<_>>(), ["A10", "G2", "G3", "P100", "T4", "V100M16", "V100M32"]);
}

/// topograph's models and the Slurm files that it makes of them: the same domains.
#[test]
fn topologies_of_topograph_are_imported() {
    let racks = |inventory: &Inventory, level: &str| {
        let level = inventory.level(level).unwrap();
        let mut racks: Vec<usize> = inventory.domains[level].iter().map(|domain| domain.nodes.len()).collect();
        racks.sort_unstable();
        (inventory.nodes.len(), racks)
    };
    let at = |file: &str| imported(&format!("topology-samples/topograph/{file}"));
    let Some((tree, codes)) = at("expected.slinky-oci-sim-tree.conf") else { return };
    assert_eq!((racks(&tree, "rack"), racks(&tree, "block")), ((96, vec![8; 12]), (96, vec![16; 6])));
    assert_eq!(codes, [""; 0]);
    let (model, _) = at("models/large.yaml").unwrap();
    let paths =
        |inventory: &Inventory| inventory.domains[2].iter().map(|domain| domain.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&model), paths(&tree));
    let (blocks, _) = at("expected.slinky-dra-block.conf").unwrap();
    assert_eq!(racks(&blocks, "nvlink"), (96, vec![8; 12]));
    let (nvl72, _) = at("models/nvl72.yaml").unwrap();
    assert_eq!(racks(&nvl72, "nvlink"), (72, vec![18; 4]));
    for model in ["medium", "small-tree", "dual-xclr-regular", "dual-xclr-irregular"] {
        assert!(!at(&format!("models/{model}.yaml")).unwrap().0.nodes.is_empty());
    }
}
