//! A small cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::HERE;
use crate::inventory::{Domain, Inventory, Level, LevelLink, Namespaces, Node, Pool, ResourceNames, Routing, Taint};
use crate::link::Link;

/// `racks` racks of `size` nodes with eight H100 each, four racks a block, one zone.
pub fn inventory(racks: usize, size: usize) -> Inventory {
    let names = ["zone", "block", "rack", "node"];
    let labels = ["topology.kubernetes.io/zone", "x/block", "x/rack", "kubernetes.io/hostname"];
    let links = [Some(Link::Vpc), Some(Link::Rdma), None, Some(Link::Pcie)];
    let level = |l: usize| Level {
        name: names[l].into(),
        label: labels[l].into(),
        link: links[l].map(|class| LevelLink { class, needs: None }),
    };
    let mut inventory = Inventory {
        name: "test".into(),
        kubernetes: (1, 33),
        capabilities: BTreeSet::new(),
        levels: (0..4).map(level).collect(),
        resources: ResourceNames {
            gpu: "nvidia.com/gpu".into(),
            rdma: Some("rdma/hca".into()),
            hugepages: Some("hugepages-2Mi".into()),
        },
        gpu_label: "nvidia.com/gpu.product".into(),
        pools: vec![Pool { name: "h100".into(), labels: BTreeMap::from([("pool".into(), "h100".into())]) }],
        nodes: Vec::new(),
        domains: vec![vec![Domain { path: vec!["a".into()], parent: None, nodes: Vec::new() }], vec![], vec![], vec![]],
        routing: Routing::default(),
        namespaces: Namespaces { gateway: vec!["envoy".into()], monitoring: vec!["monitoring".into()] },
        reserved_ports: Vec::new(),
    };
    for rack in 0..racks {
        for _ in 0..size {
            add_node(&mut inventory, rack);
        }
    }
    inventory
}

/// One more node in a rack.
pub fn add_node(inventory: &mut Inventory, rack: usize) {
    let index = inventory.nodes.len();
    let name = format!("gpu-{index:04}");
    let path = ["a".to_string(), format!("b{}", rack / 4), format!("r{rack}"), name.clone()];
    let domains: Vec<usize> = vec![0, rack / 4, rack, index];
    for (level, domain) in domains.iter().enumerate() {
        if inventory.domains[level].len() <= *domain {
            let parent = level.checked_sub(1).map(|l| domains[l]);
            inventory.domains[level].push(Domain { path: path[..=level].to_vec(), parent, nodes: Vec::new() });
        }
        inventory.domains[level][*domain].nodes.push(index);
    }
    let mut labels: BTreeMap<String, String> =
        inventory.levels.iter().zip(&path).map(|(level, value)| (level.label.clone(), value.clone())).collect();
    labels.insert("nvidia.com/gpu.product".into(), "NVIDIA-H100-80GB-HBM3".into());
    labels.insert("pool".into(), "h100".into());
    inventory.nodes.push(Node {
        name: name.clone(),
        hostname: name,
        pool: Some(0),
        gpu: Some("H100".into()),
        labels,
        taints: vec![Taint { key: "nvidia.com/gpu".into(), value: String::new(), effect: "NoSchedule".into() }],
        allocatable: BTreeMap::new(),
        used: BTreeMap::new(),
        schedulable: true,
        domains: domains.into_iter().map(Some).collect(),
        dedicated: true,
        elastic: false,
        spot: false,
        memlock_unlimited: false,
        nics: None,
        gpu_links: None,
        span: HERE,
    });
}
