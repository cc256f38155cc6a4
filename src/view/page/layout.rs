//! Where everything stands in the picture. Lengths are in pixels.

use std::fmt::Write;

use serde::Serialize;

use super::super::topology::{self, Branch};
use super::super::usage::Usage;
use super::super::{Scene, Seat};
use super::paint::Paints;

/// With more nodes they are drawn without words.
const ROOMY: usize = 400;
/// So many nodes stand below each other before the next column begins.
const SHELF: usize = 36;
/// The same of nodes beside domains that others are in, of which there may be any number.
const LOW_SHELF: usize = 4;
/// Beyond so many accelerators a node shows no single ones.
const COUNTABLE: i64 = 32;
/// So many pods are listed in the words about a node.
const LISTED: usize = 40;
/// The width of a letter in a cell, in tenths of a pixel: more than most letters have.
const LETTER: usize = 58;

/// The measures of a node.
struct Measures {
    width: i64,
    /// From one node to the next.
    pitch: i64,
    /// Where its bar begins, and how high it is.
    bar: (i64, i64),
    words: bool,
}

const LARGE: Measures = Measures { width: 176, pitch: 44, bar: (17, 20), words: true };
const SMALL: Measures = Measures { width: 48, pitch: 10, bar: (1, 8), words: false };

/// A domain.
#[derive(Debug, Serialize)]
pub(super) struct Area {
    level: String,
    name: String,
    /// Accelerators in use; none where there are no accelerators.
    used: Option<i64>,
    free: i64,
    areas: Vec<Area>,
    shelves: Vec<Shelf>,
}

/// Nodes below each other.
#[derive(Debug, Serialize)]
struct Shelf {
    width: i64,
    height: i64,
    nodes: Vec<Cell>,
}

/// A node.
#[derive(Debug, Serialize)]
struct Cell {
    id: usize,
    y: i64,
    bar: i64,
    height: i64,
    width: i64,
    name: String,
    words: bool,
    title: String,
    /// `cordoned or not ready`, `lost`.
    closed: Option<&'static str>,
    /// It has no accelerators.
    plain: bool,
    /// The lines between accelerators.
    slots: String,
    runs: Vec<Run>,
}

/// Something on a node: a pod, or what others use.
#[derive(Debug, Serialize)]
struct Run {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    group: Option<usize>,
    paint: Option<usize>,
    reserved: bool,
    moved: bool,
    label: String,
}

/// Whether nodes are drawn without words.
pub(super) fn is_compact(scene: &Scene<'_>) -> bool {
    scene.inventory.nodes.len() > ROOMY
}

/// The whole cluster.
pub(super) fn cluster(scene: &Scene<'_>, usage: &[Usage], paints: &Paints) -> Area {
    let measures = if is_compact(scene) { SMALL } else { LARGE };
    let drawing = Drawing { scene, usage, paints, measures, keys: scene.model().groups.len() > 1 };
    drawing.area(&topology::tree(scene.inventory, (0..usage.len()).collect()))
}

struct Drawing<'s, 'p> {
    scene: &'s Scene<'p>,
    usage: &'s [Usage],
    paints: &'s Paints,
    measures: Measures,
    /// Groups are told apart by keys.
    keys: bool,
}

impl Drawing<'_, '_> {
    fn area(&self, branch: &Branch) -> Area {
        let inventory = self.scene.inventory;
        let (level, name) = match branch.domain {
            Some((level, domain)) => {
                let path = &inventory.domains[level][domain].path;
                (inventory.levels[level].name.clone(), path.last().cloned().unwrap_or_default())
            }
            None => ("cluster".to_owned(), inventory.name.clone()),
        };
        let machines = branch.all();
        let all = || machines.iter().map(|m| &self.usage[*m]);
        let used: i64 = all().map(|u| u.planned + u.others).sum();
        let shelf = if branch.inside.is_empty() { SHELF } else { LOW_SHELF };
        Area {
            level,
            name,
            used: all().any(|u| u.total > 0).then_some(used),
            free: all().filter(|u| u.closed.is_none()).map(|u| u.free).sum(),
            areas: branch.inside.iter().map(|inside| self.area(inside)).collect(),
            shelves: branch.machines.chunks(shelf).map(|nodes| self.shelf(nodes)).collect(),
        }
    }

    fn shelf(&self, machines: &[usize]) -> Shelf {
        let m = &self.measures;
        let nodes = machines.iter().enumerate().map(|(at, machine)| self.cell(*machine, at as i64 * m.pitch));
        Shelf { width: m.width, height: machines.len() as i64 * m.pitch, nodes: nodes.collect() }
    }

    fn cell(&self, machine: usize, y: i64) -> Cell {
        let (m, usage) = (&self.measures, &self.usage[machine]);
        let plain = usage.total == 0;
        let mut runs = if plain { self.plain_runs(usage, y) } else { self.runs(usage, y) };
        if !plain && m.words {
            runs.extend(self.chips(usage, y));
        }
        Cell {
            id: machine,
            y,
            bar: y + m.bar.0,
            height: m.bar.1,
            width: m.width,
            name: self.scene.node(machine).to_owned(),
            words: m.words,
            title: self.title(machine),
            closed: usage.closed,
            plain,
            slots: self.slots(usage, y),
            runs,
        }
    }

    /// The position of an accelerator, from 0.
    fn at(&self, usage: &Usage, accelerator: i64) -> i64 {
        self.measures.width * accelerator / usage.total.max(1)
    }

    /// The bar of a node with accelerators: what others use, then the pods of the plan.
    fn runs(&self, usage: &Usage, y: i64) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut from = 0;
        if usage.others > 0 {
            runs.push(self.run(y, (0, self.at(usage, usage.others)), None));
            from = usage.others;
        }
        for seat in &usage.seats {
            let asked = self.scene.request(*seat, self.scene.problem().gpu);
            if asked > 0 {
                runs.push(self.run(y, (self.at(usage, from), self.at(usage, from + asked)), Some(*seat)));
                from += asked;
            }
        }
        runs
    }

    /// The bar of a node without accelerators is shared by its pods.
    fn plain_runs(&self, usage: &Usage, y: i64) -> Vec<Run> {
        let count = usage.seats.len() as i64;
        let at = |n: i64| self.measures.width * n / count.max(4);
        let pods = usage.seats.iter().enumerate();
        pods.map(|(n, seat)| self.run(y, (at(n as i64), at(n as i64 + 1)), Some(*seat))).collect()
    }

    /// The pods without accelerators on a node with some: small, above its bar.
    fn chips(&self, usage: &Usage, y: i64) -> Vec<Run> {
        let plain = |seat: &&Seat| self.scene.request(**seat, self.scene.problem().gpu) <= 0;
        let chip = |(n, seat): (usize, &Seat)| {
            let right = self.measures.width - 12 * n as i64;
            let run = self.run(y, (right - 10, right), Some(*seat));
            Run { y: y + 4, height: 9, label: String::new(), ..run }
        };
        usage.seats.iter().filter(plain).take(6).enumerate().map(chip).collect()
    }

    fn run(&self, y: i64, (from, to): (i64, i64), seat: Option<Seat>) -> Run {
        let bar = self.measures.bar;
        let words = seat.filter(|_| self.measures.words);
        let moves = &self.scene.placement.moves;
        let moves_to = |s: Seat| {
            let place = (s.group, s.role, s.instance);
            moves.binary_search_by_key(&place, |m| (m.group, m.role, m.instance)).is_ok()
        };
        Run {
            x: from,
            y: y + bar.0,
            width: to - from,
            height: bar.1,
            group: seat.map(|seat| seat.group),
            paint: seat.map(|seat| self.paints.of(seat.group, seat.role)),
            reserved: seat.is_some_and(|s| s.instance as u32 >= self.scene.role(s.group, s.role).replicas.min),
            moved: seat.is_some_and(moves_to),
            label: words.map_or(String::new(), |seat| self.label(seat, to - from)),
        }
    }

    /// The longest words about a pod that fit.
    fn label(&self, seat: Seat, width: i64) -> String {
        let role = &self.scene.role(seat.group, seat.role).name;
        let (key, index) = (seat.group + 1, seat.instance);
        let pod =
            if self.scene.role(seat.group, seat.role).pods() > 1 { format!("/{}", seat.pod) } else { String::new() };
        let initial = role.chars().next().map(String::from).unwrap_or_default();
        let words = match self.keys {
            true => [format!("{key} {role} {index}{pod}"), format!("{key} {initial}{index}"), format!("{key}")],
            false => [format!("{role} {index}{pod}"), format!("{initial}{index}"), index.to_string()],
        };
        let fits = |text: &String| text.chars().count() * LETTER / 10 + 6 <= usize::try_from(width).unwrap_or(0);
        words.into_iter().find(fits).unwrap_or_default()
    }

    /// The lines between accelerators, as a path.
    fn slots(&self, usage: &Usage, y: i64) -> String {
        let (top, height) = self.measures.bar;
        let mut path = String::new();
        if self.measures.words && usage.total <= COUNTABLE {
            for accelerator in 1..usage.total {
                let _ = write!(path, "M{} {}v{height}", self.at(usage, accelerator), y + top);
            }
        }
        path
    }

    /// What is said about a node: a line each.
    fn title(&self, machine: usize) -> String {
        let usage = &self.usage[machine];
        let mut lines = vec![self.scene.node(machine).to_owned()];
        let path = topology::path(self.scene.inventory, machine);
        lines.extend((!path.is_empty()).then_some(path));
        lines.extend(usage.closed.map(String::from));
        if usage.total > 0 {
            let others = if usage.others > 0 { format!(", {} used by others", usage.others) } else { String::new() };
            lines.push(format!("{} accelerators: {} planned{others}, {} free", usage.total, usage.planned, usage.free));
        }
        for seat in usage.seats.iter().take(LISTED) {
            let name = self.scene.names(seat.group, seat.role, seat.instance).swap_remove(seat.pod);
            let asked = self.scene.request(*seat, self.scene.problem().gpu);
            lines.push(if asked > 0 { format!("{name}: {asked}") } else { name });
        }
        let more = usage.seats.len().saturating_sub(LISTED);
        lines.extend((more > 0).then(|| format!("and {more} more")));
        lines.join("\n")
    }
}
