//! Programs drawn by chance that fill nine tenths of a small cluster.

use std::fmt::Write as _;

use super::dice::Dice;

/// The label of racks in these clusters.
pub const RACK: &str = "fabric.topograph.run/tier-0";

/// The head of an inventory, up to its nodes.
pub const LEVELS: &str = "\
apiVersion: rbgc.dev/v1
kind: ClusterInventory
metadata: { name: random }
kubernetes: \"1.33\"
levels:
  - { name: zone,  label: topology.kubernetes.io/zone }
  - { name: block, label: fabric.topograph.run/tier-1 }
  - { name: rack,  label: fabric.topograph.run/tier-0 }
  - { name: node,  label: kubernetes.io/hostname }
pools:
  - name: h100
    gpu: H100
    labels: { nvidia.com/gpu.product: NVIDIA-H100 }
    taints: [{ key: nvidia.com/gpu, effect: NoSchedule }]
    dedicated: true
    allocatable: { cpu: 192, memory: 2Ti, nvidia.com/gpu: 8 }
nodes:
";

/// A source, an inventory, and how much of what is free is asked for, in hundredths.
pub fn program(seed: u64) -> Option<(String, String, i64)> {
    let mut dice = Dice::new(seed);
    let (inventory, free) = inventory(&mut dice);
    let (mut source, mut asked) = (String::new(), 0);
    for number in 0..60 {
        if asked * 100 >= free * 90 {
            break;
        }
        let (text, gpus) = group(&mut dice, number);
        if (asked + gpus) * 100 <= free * 95 {
            source.push_str(&text);
            asked += gpus;
        }
    }
    (asked * 100 >= free * 90).then(|| (source, inventory, asked * 100 / free))
}

/// Two zones of two blocks of two racks of four nodes. Used nodes come in runs, as real ones do.
fn inventory(dice: &mut Dice) -> (String, i64) {
    let (mut text, mut free, mut run) = (LEVELS.to_owned(), 0, 0);
    for n in 0..32 {
        if run == 0 && dice.below(8) == 0 {
            run = 1 + dice.below(4);
        }
        let used = if run > 0 { *dice.of(&[8, 8, 4]) } else { 0 };
        run = run.saturating_sub(1);
        free += 8 - used;
        let (zone, block, rack) = (n / 16, n / 8, n / 4);
        text.push_str(&node(n, &format!("z{zone}"), &format!("b{block}"), &format!("r{rack}"), used));
    }
    (text, free)
}

/// A node with eight accelerators in an inventory.
pub fn node(number: usize, zone: &str, block: &str, rack: &str, used: i64) -> String {
    format!(
        "  - {{ name: n{number:02}, pool: h100, domains: {{ zone: {zone}, block: {block}, rack: {rack} }}, used: {{ nvidia.com/gpu: {used} }} }}\n"
    )
}

/// A group of one or two roles of pods of whole, half or quarter nodes, and its accelerators.
fn group(dice: &mut Dice, number: usize) -> (String, i64) {
    let mut text = format!("group g{number} {{\n");
    let (mut gpus, mut clauses) = (0, Vec::new());
    for role in ["a", "b"].into_iter().take(1 + dice.below(2)) {
        let (pods, size) = *dice.of(&[(1, 8), (1, 8), (2, 8), (2, 8), (4, 8), (3, 8), (1, 4), (1, 2), (2, 4)]);
        let replicas = 1 + dice.below(3);
        let gang = if pods > 1 { format!("pods = {pods}  ") } else { String::new() };
        let _ = writeln!(
            text,
            "  role {role} {{ image = \"example/engine:1.0\"  replicas = {replicas}  {gang}gpus = {size}  gpu = \"H100\"  cpu = 8  memory = 64Gi }}"
        );
        gpus += (pods * size * replicas) as i64;
        let level = *dice.of(&["rack", "rack", "rack", "block", "zone"]);
        let preferred = *dice.of(&["", "", "", "prefer "]);
        match (pods, replicas, dice.below(3)) {
            (2.., _, _) => clauses.push(format!("{preferred}instances of {role} within {level}")),
            (_, 2.., 0) => clauses.push(format!("spread {role} over {level} max-skew 1")),
            (_, 2.., _) => clauses.push(format!("prefer spread {role} over {level}")),
            _ => clauses.push(format!("{role} within {level}")),
        }
    }
    if dice.below(4) == 0 {
        clauses.push("group within zone".to_owned());
    }
    if !clauses.is_empty() {
        let _ = writeln!(text, "  place {{\n    {}\n  }}", clauses.join("\n    "));
    }
    text.push_str("}\n");
    (text, gpus)
}
