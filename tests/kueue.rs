//! Against Kueue's own table of topology assignments (`tas_cache_test.go`,
//! `TestFindTopologyAssignments`), which is not part of this repository: `RBGC_SHARED_DATA` names the
//! directory of the data. Where a request means the same on both sides, both place it or neither
//! does, and our plan uses no more domains. `docs/kueue.md` is the list;
//! `UPDATE_GOLDEN=1 cargo test kueue` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rbgc::place::{self, Placement, verify};
use serde_json::Value;

use crate::conformance::shared;
use crate::support::{none, read, root};

mod case;

use case::{Case, Foreign, sets, translated};

/// What a plan costs in Kueue's terms: pods that move, then for each level, widest first, how many
/// domains are used.
type Cost = Vec<usize>;

/// What became of a case.
enum Outcome {
    Foreign(Foreign),
    /// Neither places it.
    Neither,
    /// Both do: theirs and ours.
    Both(Cost, Cost),
}

#[test]
fn kueue_is_met_or_beaten() {
    let Some(data) = shared("kueue-tas-cases/kueue_tas_cases.json") else { return };
    let (mut problems, mut rows) = (Vec::new(), Vec::new());
    for value in data["cases"].as_array().unwrap() {
        let name = format!("{} (line {})", value["name"].as_str().unwrap(), value["line"]);
        match outcome(value) {
            Ok(outcome) => {
                if let Outcome::Both(theirs, ours) = &outcome
                    && ours > theirs
                {
                    problems.push(format!("{name}: {ours:?}, Kueue has {theirs:?}"));
                }
                rows.push((value, outcome));
            }
            Err(problem) => problems.push(format!("{name}: {problem}")),
        }
    }
    none(&problems);
    let text = document(&data, &rows);
    let path = root().join("docs/kueue.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(read(&path) == text, "docs/kueue.md is stale: `UPDATE_GOLDEN=1 cargo test kueue` writes it anew");
}

fn outcome(value: &Value) -> Result<Outcome, String> {
    let case = match translated(value) {
        Ok(case) => case,
        Err(foreign) => return Ok(Outcome::Foreign(foreign)),
    };
    let expected = sets(value).iter().all(|set| !set["wantAssignment"].is_null());
    match place::solve_unproven(&case.problem) {
        Ok(placement) => {
            let broken = verify::verify(&case.problem, &placement);
            if !broken.is_empty() {
                Err(format!("a plan that breaks {broken:?}"))
            } else if !expected {
                Err("placed, and not by Kueue".into())
            } else {
                Ok(Outcome::Both(theirs(&case), ours(&case, &placement)))
            }
        }
        Err(_) if expected => Err("not placed, as Kueue does".into()),
        Err(_) => Ok(Outcome::Neither),
    }
}

/// The cost of a plan, of which the machine of every pod is known, role by role.
fn cost(case: &Case<'_>, pods: &[Vec<usize>]) -> Cost {
    let moved = sets(case.value).iter().zip(pods).map(|(set, pods)| {
        let mut before = case::previous(set, &case.levels, &case.problem.machines);
        let kept = before.len().min(pods.len());
        let stays = |machine: &&usize| {
            let found = before.iter().position(|other| *other == Some(**machine));
            found.is_some_and(|index| before.remove(index).is_some())
        };
        kept - pods.iter().filter(stays).count().min(kept)
    });
    let mut cost = vec![moved.sum()];
    for level in 0..case.levels.len() {
        let domains = case.teams.iter().map(|team| {
            let machines = team.iter().flat_map(|role| &pods[*role]);
            machines.map(|machine| case.problem.machines[*machine].domains[level]).collect::<BTreeSet<_>>().len()
        });
        cost.push(domains.sum());
    }
    cost
}

fn ours(case: &Case<'_>, placement: &Placement) -> Cost {
    let pods: Vec<Vec<usize>> =
        placement.groups[0].iter().map(|instances| instances.iter().flatten().copied().collect()).collect();
    cost(case, &pods)
}

/// The cost of Kueue's plan. Where it ends above the node, any node of the domain stands for it.
fn theirs(case: &Case<'_>) -> Cost {
    let nodes = case.value["nodes"].as_array().unwrap();
    let pods = |set: &Value| -> Vec<usize> {
        let assigned = set["wantAssignment"]["levels"].as_array().unwrap();
        let levels = &case.levels[case.levels.len() - assigned.len()..];
        let machine = |domain: &Value| {
            let values = domain["values"].as_array().unwrap();
            let inside = |node: &Value| levels.iter().zip(values).all(|(level, value)| node["labels"][level] == *value);
            let count = usize::try_from(domain["count"].as_u64().unwrap()).unwrap();
            vec![nodes.iter().position(inside).unwrap(); count]
        };
        set["wantAssignment"]["domains"].as_array().unwrap().iter().flat_map(machine).collect()
    };
    cost(case, &sets(case.value).iter().map(pods).collect::<Vec<_>>())
}

/// What stands above the lists of `docs/kueue.md`.
const HEAD: &str = "\
# Against Kueue's own cases

Kueue's topology-aware scheduling is tested upstream by a table of assignments, `TestFindTopologyAssignments`. Where a
request of that table means the same in sources, [a test](../tests/kueue.rs) solves it and holds the plan against the one
that Kueue's authors expect: both place it or neither does, and ours costs no more. It writes this page too.

| Kueue | here |
|---|---|
| a pod set, or all sets of one `podSetGroupName` | roles of a group |
| `Required` level | `group within` the level |
| slices with their size and level | instances of so many pods, `instances within` the level |
| `Preferred`, `Unconstrained`, and what is packed below the level that holds | `prefer group within` every level, the wider ones first |
| the nodes of the flavor, node selectors, tolerations, readiness | closed and not eligible nodes |
| pods without topology that run already | `used` |
| the assignment before, of an elastic workload | where instances stand |

What is compared is what Kueue minimises for a request with a level: pods that move, then the domains in use of the widest
level, then of the next, down to the nodes. It packs without looking ahead, and it departs from that aim for sets without a
level, which it sends into what is left over, and with balanced placement, which fills domains evenly: hence most of the
cases with a lower cost here. Which of several equal domains is taken is not compared: Kueue takes the tightest, and here
fragmentation decides.
";

fn document(data: &Value, rows: &[(&Value, Outcome)]) -> String {
    let mut both = Vec::new();
    let mut neither = Vec::new();
    let mut foreign: BTreeMap<Foreign, Vec<String>> = BTreeMap::new();
    for (case, outcome) in rows {
        let name = format!("{} ({})", case["name"].as_str().unwrap(), case["line"]);
        match outcome {
            Outcome::Both(theirs, ours) => both.push((name, theirs, ours)),
            Outcome::Neither => neither.push(name),
            Outcome::Foreign(why) => foreign.entry(*why).or_default().push(name),
        }
    }
    let beaten = both.iter().filter(|(_, theirs, ours)| ours < theirs).count();
    let left_out = foreign.values().map(Vec::len).sum::<usize>();
    let commit = data["commit"].as_str().unwrap_or_default().get(..7).unwrap_or_default();
    let mut out = HEAD.to_owned();
    writeln!(
        out,
        "\nOf the {} cases at commit {commit}, {} are placed by both: {} with the same cost and {beaten} with a lower one here. {} are\n\
         placed by neither, and {left_out} are not compared. The number behind a name is the line of the case.",
        rows.len(),
        both.len(),
        both.len() - beaten,
        neither.len(),
    )
    .unwrap();
    out.push_str(
        "\n## Placed by both\n\nDomains in use, widest level first.\n\n| case | Kueue | here |\n|---|---|---|\n",
    );
    for (name, theirs, ours) in &both {
        let moves = theirs[0] + ours[0] > 0;
        let ours = if ours < theirs { format!("**{}**", shown(ours, moves)) } else { shown(ours, moves) };
        writeln!(out, "| {name} | {} | {ours} |", shown(theirs, moves)).unwrap();
    }
    out.push_str("\n## Placed by neither\n\n");
    neither.iter().for_each(|name| writeln!(out, "- {name}").unwrap());
    out.push_str("\n## Not compared\n");
    for (why, names) in &foreign {
        writeln!(out, "\n{}:\n", why.why()).unwrap();
        names.iter().for_each(|name| writeln!(out, "- {name}").unwrap());
    }
    out
}

/// Domains by level, and the pods that move where there are any.
fn shown(cost: &Cost, moves: bool) -> String {
    let domains: Vec<String> = cost[1..].iter().map(ToString::to_string).collect();
    let moved = if moves { format!("; {} moved", cost[0]) } else { String::new() };
    format!("{}{moved}", domains.join(", "))
}
