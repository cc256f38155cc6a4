//! Every other format.

use insta::assert_snapshot;

use super::{body, imported, made, node};

const GRAPH: &str = r#"{"instances":[
{"id":"i-1","network_layers":["leaf-a","spine-a"],"labels":{"accelerator.topograph.run/domain":"nvl-1"}},
{"id":"i-2","network_layers":["leaf-b","spine-a"],"labels":{"accelerator.topograph.run/domain":"nvl-1"}}]}"#;

#[test]
fn the_graph_of_topograph() {
    assert_snapshot!(made(&[("graph.json", GRAPH)]), @r#"
    levels:
      - { name: block, label: fabric.topograph.run/tier-1 }
      - { name: nvlink, label: accelerator.topograph.run/domain }
      - { name: rack, label: fabric.topograph.run/tier-0 }
    links: { block: vpc, nvlink: { class: nvlink, needs: compute-domain } }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: nodes
        nodes: "i-[1-2]"
        domains: { block: spine-a, nvlink: nvl-1, rack: "leaf-a,leaf-b" }
    "#);
}

#[test]
fn an_instance_is_the_node_of_its_provider() {
    let nodes = ["aws:///us-east-1a/i-1", "aws:///us-east-1a/i-2"];
    let nodes: String = nodes
        .iter()
        .enumerate()
        .map(|(i, id)| node(&format!("n{i}"), "", &format!("spec: {{ providerID: '{id}' }}")))
        .collect();
    let outcome = imported(&[("graph.json", GRAPH), ("nodes.yaml", &nodes)]);
    assert_eq!(
        outcome.problems,
        "W0051 graph.json:2:96 no Node object carries the label `accelerator.topograph.run/domain`, which this file tells\n\
         W0051 graph.json:2:31 no Node object carries the label `fabric.topograph.run/tier-0`, which this file tells\n\
         W0051 graph.json:2:40 no Node object carries the label `fabric.topograph.run/tier-1`, which this file tells"
    );
    assert!(body(&outcome).contains("nodes: \"n[0-1]\""));
}

#[test]
fn a_model_of_topograph() {
    let model = "switches:\n  core: { switches: [s1, s2] }\nblocks:\n- { switch: s1, nodes: ['n[1-2]'], annotations: { accelerator.topology.test/domain: d1 } }\n\
        - { switch: s2, nodes: [n3], annotations: { accelerator.topology.test/domain: d2 } }\n";
    assert_snapshot!(made(&[("model.yaml", model)]), @r#"
    levels:
      - { name: block, label: fabric.topograph.run/tier-1 }
      - { name: rack, label: fabric.topograph.run/tier-0 }
      - { name: nvlink, label: accelerator.topograph.run/domain }
    links: { block: vpc, nvlink: { class: nvlink, needs: compute-domain } }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: nodes
        nodes: "n[1-3]"
        domains: { block: core, rack: "s1 x2,s2", nvlink: "d1 x2,d2" }
    "#);
}

#[test]
fn the_trees_of_slurm() {
    let conf = "# made by hand\nSwitchName=s0 Nodes=dev[0-1] LinkSpeed=100\nSwitchName=s1 Nodes=dev[2-3]\n# s9=core-1\nSwitchName=s9 Switches=s[0-1]\n";
    let yaml = "- topology: default\n  cluster_default: true\n  tree:\n    switches:\n    - { switch: s0, nodes: 'dev[0-1]' }\n    \
        - { switch: s1, nodes: 'dev[2-3]' }\n    - { switch: core-1, children: 's[0-1]' }\n";
    let expected = made(&[("topology.conf", conf)]);
    assert_eq!(made(&[("topology.yaml", yaml)]), expected);
    assert_snapshot!(expected, @r#"
    levels:
      - { name: block, label: fabric.topograph.run/tier-1 }
      - { name: rack, label: fabric.topograph.run/tier-0 }
    links: { block: vpc }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: nodes
        nodes: "dev[0-3]"
        domains: { block: core-1, rack: "s[0-1] x2" }
    "#);
}

#[test]
fn the_blocks_of_slurm() {
    let conf = "BlockName=b1 Nodes=n[1-2]\nBlockName=b2 Nodes=n[3-4]\nBlockSizes=2,4\n";
    let yaml = "- topology: t\n  block:\n    block_sizes: [2, 4]\n    blocks:\n    - { block: b1, nodes: 'n[1-2]' }\n    - { block: b2, nodes: 'n[3-4]' }\n";
    assert_eq!(made(&[("topology.conf", conf)]), made(&[("topology.yaml", yaml)]));
}

#[test]
fn trees_that_are_none() {
    let check = |conf: &str, expected: &str| assert_eq!(imported(&[("t", conf)]).problems, expected);
    check("SwitchName=a Nodes=n[1-2]\nSwitchName=b Nodes=n2\n", "E0506 t:2:20 `n2` lies below `a` and below `b`");
    check(
        "SwitchName=a Switches=b\nSwitchName=c Switches=b\nSwitchName=b Nodes=n1\n",
        "E0506 t:2:23 `b` lies below `a` and below `c`",
    );
    check(
        "SwitchName=a Switches=b\nSwitchName=b Switches=a Nodes=n1\n",
        "E0507 t:2:31 the switches above `n1` form a ring",
    );
    check(
        "SwitchName=a Nodes=n[1-1000000000]\n",
        "E0505 t:1:20 the hostlist `n[1-1000000000]` makes 1000000000 names, more than 1000000",
    );
    check("SwitchName=a Nodes=n[1-\n", "E0505 t:1:21 `[` is not closed");
    check(
        "SwitchName=a Knoten=n1\n",
        "E0507 t:1:14 unknown word `knoten`\nE0507 no file tells of a node".split('\n').next().unwrap(),
    );
    check("BlockName=a Nodes=n1\nBlockName=b Nodes=n1\n", "E0506 t:2:19 `n1` lies below `a` and below `b`");
}

#[test]
fn a_node_with_fewer_switches_lacks_the_closest_level() {
    let conf = "SwitchName=top Switches=mid,near\nSwitchName=mid Switches=leaf\nSwitchName=leaf Nodes=a\nSwitchName=near Nodes=b\n";
    let outcome = imported(&[("t", conf)]);
    assert_eq!(
        outcome.problems,
        "W0051 t:4:23 1 node of 2 without the label `fabric.topograph.run/tier-0`, and so in no domain of the level `rack`: `b`"
    );
}

const MATRIX: &str = "\tGPU0\tGPU1\tNIC0\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n\
GPU0\t X \tNV18\tPIX\t0-55,112-167\t0\t\tN/A\n\
GPU1\tNV18\t X \tSYS\t56-111\t1\t\tN/A\n\
NIC0\tPIX\tSYS\t X \t\t\t\t\n\nLegend:\n\n  X    = Self\n\nNIC Legend:\n\n  NIC0: mlx5_0\n";

#[test]
fn a_matrix_of_links() {
    let table = "node,gpus\nn1,2\nn2,2\nn3,8\n";
    let expected = made(&[("t", table), ("m", MATRIX)]);
    assert_snapshot!(expected, @r#"
    links: { node: { class: nvlink, needs: shared-devices } }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: gpu
        allocatable: { nvidia.com/gpu: 2 }
    nodes:
      - { name: n1, pool: gpu, gpu-links: { gpus: [X NV18, NV18 X], nics: { mlx5_0: PIX SYS } } }
      - { name: n2, pool: gpu, gpu-links: { gpus: [X NV18, NV18 X], nics: { mlx5_0: PIX SYS } } }
      - { name: n3, pool: gpu, allocatable: { nvidia.com/gpu: 8 } }
    "#);
    assert_eq!(made(&[("t", table), ("m", &MATRIX.replace('\t', "    "))]), expected);
}

#[test]
fn matrices_that_are_none() {
    let check = |matrix: &str, expected: &str| {
        let problems = imported(&[("t", "node,gpus\nn1,2\n"), ("m", matrix)]).problems;
        assert_eq!(problems, expected);
    };
    check(&MATRIX.replace("\tNV18\tPIX", "\tNVX\tPIX"), "E0507 m:2:10 unknown link `NVX`");
    check(
        &MATRIX.replace("\tNV18\tPIX", "\tSYS\tPIX"),
        "E0507 m:3:1 the links between the accelerators 0 and 1 differ by direction",
    );
    check(&MATRIX.replace("GPU1\tNV18", "GPUX\tNV18"), "E0507 m:1:2 the matrix has 1 of its 2 rows");
    check("\tGPU0\nGPU0\t X \n", "W0051 m:1:2 no node has the 1 accelerators of this matrix");
}

#[test]
fn tables() {
    let table = "node;zone;rack;gpus;free;ready;\"memory\"\nn1;a;r1;8;8;true;2Ti\nn2;a;r1;8;3;;2Ti\nn3;a;r2;8;8;;2Ti\nn4;a;r2;8;8;;2Ti\n";
    assert_snapshot!(made(&[("t", table)]), @r#"
    levels:
      - { name: zone, label: topology.kubernetes.io/zone }
      - { name: rack, label: topology.rbgc.dev/rack }
    links: { zone: vpc }
    resources: { gpu: nvidia.com/gpu }
    pools:
      - name: gpu
        nodes: "n[1,3-4]"
        domains: { zone: a, rack: "r1,r2 x2" }
        allocatable: { memory: 2Ti, nvidia.com/gpu: 8 }
    nodes:
      - { name: n2, pool: gpu, domains: { rack: r1 }, used: { nvidia.com/gpu: 5 } }
    "#);
}

#[test]
fn tables_that_are_none() {
    let check = |table: &str, expected: &str| assert_eq!(imported(&[("t", table)]).problems, expected);
    check("node,rak\nn1,r1\n", "E0507 t:1:6 unknown column `rak`");
    check("node,gpus,gpus\nn1,8,8\n", "E0507 t:1:11 the column `gpus` is there twice");
    check("node,gpus\nn1\n", "E0507 t:2:1 the row has 1 cell for 2 columns");
    check("node,gpus\nn1,8\nn1,8\n", "E0502 t:3:1 two nodes of the name `n1`");
    check(
        "node,gpus\nn1,-1\nn2,0.5\n",
        "E0504 t:2:4 `-1` of `nvidia.com/gpu` is negative\nE0504 t:3:4 `0.5` of `nvidia.com/gpu` is not a whole number, and it cannot be divided",
    );
    check("node,gpus,free\nn1,8,9\n", "E0507 t:2:6 9 accelerators are free of 8");
    check("node,rack\nn1,\"r1\n", "E0507 t:2:4 a quote is not closed in this line");
    check("node,rack\nN_1,r1\n", "E0507 t:2:1 `N_1` is not the name of a node");
    check("node,rack\nn1,r 1\n", "E0507 t:2:4 `r 1` is not the value of a label");
    check("a,b\n1,2\n", "E0507 t:1:1 the format of `t` is not clear");
}
