//! A plan as text, for terminals and logs.

use std::fmt::Write;

use super::loss::{Aftermath, Failures};
use super::topology::{self, Branch};
use super::usage::{Usage, usage};
use super::{Overview, Scene};

mod capacity;
mod columns;

pub use capacity::reservations;
pub(crate) use columns::Columns;

use crate::diag::plural;

/// The plan as a tree: domains, nodes and pods, as far as they are used.
pub fn tree(scene: &Scene<'_>) -> String {
    let usage = usage(scene);
    let used = (0..usage.len()).filter(|m| !usage[*m].seats.is_empty()).collect();
    let mut rows = Columns::default();
    let accelerated = usage.iter().any(|u| u.total > 0);
    children(scene, &usage, &topology::tree(scene.inventory, used), "", true, accelerated, &mut rows);
    rows.finish()
}

/// What a line of the tree is about.
enum Entry<'b> {
    Domain(&'b Branch),
    Machine(usize),
}

/// The entries below a branch. Those of the cluster stand at the margin.
fn children(
    scene: &Scene<'_>,
    usage: &[Usage],
    branch: &Branch,
    indent: &str,
    outermost: bool,
    accelerated: bool,
    rows: &mut Columns,
) {
    let entries: Vec<Entry> =
        branch.inside.iter().map(Entry::Domain).chain(branch.machines.iter().map(|m| Entry::Machine(*m))).collect();
    let count = entries.len();
    for (at, entry) in entries.into_iter().enumerate() {
        let last = at + 1 == count;
        let (stem, below) = match (outermost, last) {
            (true, _) => (String::new(), String::new()),
            (false, false) => (format!("{indent}├─ "), format!("{indent}│  ")),
            (false, true) => (format!("{indent}└─ "), format!("{indent}   ")),
        };
        match entry {
            Entry::Domain(domain) => {
                let numbers = numbers(usage, &whole(scene, domain), accelerated);
                rows.push([format!("{stem}{}", title(scene, domain)), numbers]);
                children(scene, usage, domain, &below, false, accelerated, rows);
            }
            Entry::Machine(machine) => {
                let mut facts = numbers(usage, &[machine], accelerated);
                if let Some(why) = usage[machine].closed {
                    let _ = write!(facts, "  {why}");
                }
                rows.push([format!("{stem}{}", scene.node(machine)), facts]);
                pods(scene, &usage[machine], &below, rows);
            }
        }
    }
}

/// `rack r1`.
fn title(scene: &Scene<'_>, branch: &Branch) -> String {
    let Some((level, domain)) = branch.domain else { return scene.inventory.name.clone() };
    let name = scene.inventory.domains[level][domain].path.last().map_or("", String::as_str);
    format!("{} {name}", scene.inventory.levels[level].name)
}

/// All machines of a domain, also those that are not used.
fn whole(scene: &Scene<'_>, branch: &Branch) -> Vec<usize> {
    match branch.domain {
        Some((level, domain)) => scene.inventory.domains[level][domain].nodes.clone(),
        None => branch.all(),
    }
}

/// `24 used  8 free`, of accelerators.
fn numbers(usage: &[Usage], machines: &[usize], accelerated: bool) -> String {
    let machines = || machines.iter().map(|m| &usage[*m]);
    if !accelerated || machines().all(|u| u.total == 0) {
        return String::new();
    }
    let used: i64 = machines().map(|u| u.planned + u.others).sum();
    let free: i64 = machines().filter(|u| u.closed.is_none()).map(|u| u.free).sum();
    format!("{used:>4} used {free:>4} free")
}

fn pods(scene: &Scene<'_>, usage: &Usage, indent: &str, rows: &mut Columns) {
    for (at, seat) in usage.seats.iter().enumerate() {
        let stem = if at + 1 == usage.seats.len() { "└─ " } else { "├─ " };
        let name = scene.names(seat.group, seat.role, seat.instance).swap_remove(seat.pod);
        let asked = scene.request(*seat, scene.problem().gpu);
        let mut facts = if asked > 0 { format!("{asked:>4}") } else { String::new() };
        if is_reserved(scene, seat.group, seat.role, seat.instance) {
            facts.push_str(if facts.is_empty() { "     reserved" } else { " reserved" });
        }
        rows.push([format!("{indent}{stem}{name}"), facts]);
    }
}

fn is_reserved(scene: &Scene<'_>, group: usize, role: usize, instance: usize) -> bool {
    instance as u32 >= scene.role(group, role).replicas.min
}

/// The plan as a table: one line a pod.
pub fn table(scene: &Scene<'_>) -> String {
    let mut rows = Columns::default();
    rows.push(["GROUP", "ROLE", "INSTANCE", "POD", "NODE", "DOMAINS"].map(String::from));
    for (g, group) in scene.model().groups.iter().enumerate() {
        for (r, role) in group.roles.iter().enumerate() {
            for (i, machines) in scene.placement.groups[g][r].iter().enumerate() {
                for (pod, machine) in scene.names(g, r, i).into_iter().zip(machines) {
                    let node = scene.node(*machine).to_owned();
                    let path = topology::path(scene.inventory, *machine);
                    rows.push([group.name.clone(), role.name.clone(), i.to_string(), pod, node, path]);
                }
            }
        }
    }
    rows.finish()
}

/// What there is to say beside the places: numbers, objective, moves, capacity.
pub fn summary(scene: &Scene<'_>, overview: &Overview) -> String {
    let mut out = head(scene, overview);
    objective(overview, &mut out);
    moves(overview, &mut out);
    capacity::capacity(&overview.capacity, &mut out);
    out
}

/// `prod-east: 1 group, 5 instances, 8 pods on 5 of 36 nodes`.
fn head(scene: &Scene<'_>, overview: &Overview) -> String {
    let instances: usize = overview.groups.iter().flat_map(|g| &g.roles).map(|r| r.instances.len()).sum();
    let nodes: std::collections::BTreeSet<usize> = scene.seats().map(|seat| seat.machine).collect();
    format!(
        "{}: {}, {}, {} on {} of {}\n",
        overview.inventory,
        plural(overview.groups.len(), "group"),
        plural(instances, "instance"),
        plural(scene.seats().count(), "pod"),
        nodes.len(),
        plural(scene.inventory.nodes.len(), "node"),
    )
}

fn objective(overview: &Overview, out: &mut String) {
    let verdict = if overview.optimal { "no plan is better" } else { "a better plan may exist" };
    let _ = writeln!(out, "\nobjective: {verdict}");
    let mut rows = Columns::indented("  ");
    for c in &overview.objective {
        let found = match gap(c.value, c.bound) {
            None => "optimal".to_owned(),
            Some(gap) => format!("at best {}, {gap}", c.bound),
        };
        rows.push([c.name.clone(), format!("{:>6}", c.value), found]);
    }
    out.push_str(&rows.finish());
}

/// How far a value is from its bound; `None` when it has reached it.
pub(super) fn gap(value: i64, bound: i64) -> Option<String> {
    let distance = value.saturating_sub(bound);
    match (distance, value) {
        (0, _) => None,
        (_, 0) => Some(format!("gap {distance}")),
        // In tenths of a percent of the value, rounded up: a gap is never shown as none.
        _ => {
            let tenths = (i128::from(distance) * 1000 + i128::from(value) - 1) / i128::from(value);
            Some(format!("gap {}.{} %", tenths / 10, tenths % 10))
        }
    }
}

fn moves(overview: &Overview, out: &mut String) {
    if !overview.unplaced.is_empty() {
        let _ = writeln!(out, "\nwithout a place: {}", overview.unplaced.join(", "));
    }
    if overview.moves.is_empty() {
        out.push_str("\nmoves: none\n");
        return;
    }
    let pods: usize = overview.moves.iter().map(|m| m.to.len()).sum();
    let restart = if pods == 1 { "restarts" } else { "restart" };
    let instances = plural(overview.moves.len(), "instance");
    let _ = writeln!(out, "\nmoves: {instances}, {} {restart}", plural(pods, "pod"));
    let mut rows = Columns::indented("  ");
    for m in &overview.moves {
        let name = format!("{}/{}/{}", m.group, m.role, m.instance);
        rows.push([name, format!("{} -> {}", m.from.join(","), m.to.join(",")), m.reason.clone()]);
    }
    out.push_str(&rows.finish());
}

/// What a loss did, and what a person must do, as a numbered list.
pub fn aftermath(aftermath: &Aftermath) -> String {
    let mut out = format!("without {} ({}):\n", aftermath.lost.join(", "), plural(aftermath.nodes.len(), "node"));
    let mut rows = Columns::indented("  ");
    let names = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    rows.push(["instances that die".into(), names(&aftermath.dies)]);
    rows.push(["of these without another place".into(), names(&aftermath.unplaced)]);
    rows.push(["roles down until then".into(), names(&aftermath.down)]);
    if aftermath.reduced {
        rows.push(["autoscaled roles".into(), "no room for their maximum; placed at their minimum".into()]);
    }
    out.push_str(&rows.finish());
    if aftermath.dies.is_empty() {
        return out;
    }
    out.push_str("\nwhat to do:\n");
    for (at, step) in aftermath.steps.iter().enumerate() {
        let _ = writeln!(out, "  {}. {}", at + 1, wrapped(&step.what, "     "));
        for command in &step.commands {
            let _ = writeln!(out, "       {command}");
        }
    }
    out
}

/// A text in lines of at most a hundred characters, all but the first indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut width = indent.len();
    for word in text.split(' ') {
        if width + word.len() > 100 {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(indent);
            width = indent.len();
        }
        out.push_str(word);
        out.push(' ');
        width += word.len() + 1;
    }
    out.truncate(out.trim_end().len());
    out
}

/// The loss of each domain of a level: totals, then a line for each domain where something runs.
pub fn failures(failures: &Failures) -> String {
    let hit: Vec<_> = failures.domains.iter().filter(|d| !d.dies.is_empty() || d.reduced).collect();
    let count = |f: fn(&super::loss::Failure) -> bool| failures.domains.iter().filter(|d| f(d)).count();
    let mut out = format!(
        "{}: loss of one `{}` of {}\n",
        failures.inventory,
        failures.level,
        plural(failures.domains.len(), "domain")
    );
    let mut rows = Columns::indented("  ");
    let mut total = |number: usize, what: &str| rows.push([format!("{number:>5}"), what.to_owned()]);
    total(count(|d| d.dies.is_empty()), "hold no instance");
    total(count(|d| !d.dies.is_empty() && d.unplaced.is_empty()), "hold instances that all find another place");
    total(count(|d| !d.unplaced.is_empty()), "hold instances that find no other place");
    total(count(|d| !d.down.is_empty()), "take a role down until it is placed anew");
    total(count(|d| d.reduced), "leave too little room for the maximum of autoscaled roles");
    out.push_str(&rows.finish());
    if hit.is_empty() {
        return out;
    }
    out.push('\n');
    let mut rows = Columns::default();
    rows.push(["DOMAIN", "NODES", "DIE", "REPLACED", "MOVES", "WITHOUT A PLACE", "ROLES DOWN"].map(String::from));
    for d in hit {
        let names = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(",") };
        let numbers = [d.nodes, d.dies.len(), d.replaced, d.moves].map(|n| n.to_string());
        let [nodes, dies, replaced, moves] = numbers;
        rows.push([d.domain.clone(), nodes, dies, replaced, moves, names(&d.unplaced), names(&d.down)]);
    }
    out + &rows.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_never_shown_as_none() {
        assert_eq!(gap(7, 7), None);
        assert_eq!(gap(100, 90).as_deref(), Some("gap 10.0 %"));
        assert_eq!(gap(1_000_000, 999_999).as_deref(), Some("gap 0.1 %"));
        assert_eq!(gap(0, -3).as_deref(), Some("gap 3"));
        assert_eq!(gap(i64::MAX, i64::MIN).as_deref(), Some("gap 100.0 %"));
    }

    #[test]
    fn long_texts_are_wrapped() {
        let text = wrapped(&"word ".repeat(40), "  ");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(wrapped("", "  "), "");
    }
}
