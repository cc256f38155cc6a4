//! `rbgc inventory show`: the tree of domains, and where there is room.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::super::disk::Disk;
use super::super::jobs::{self, Inputs, Refusal};
use super::super::report::{self, Gathered};
use super::super::{Exit, Terminal, locks};
use crate::diag::{Session, plural, suggestion};
use crate::inventory::room::{Fit, Room, Rooms, fits, rooms};
use crate::inventory::{Inventory, shown_amount};

/// Show the domains of a cluster, and where there is room
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc inventory show -i prod-east.yaml                   what the machines have free
  rbgc inventory show -i prod-east.yaml --out deploy      less what compiled groups take
  rbgc inventory show --cluster prod-east                 both, from rbgc.toml
  rbgc inventory show -i prod-east.yaml --level node      down to the nodes")]
pub(in super::super) struct Arguments {
    /// The inventory; without it, that of the cluster in rbgc.toml
    #[arg(short, long, value_name = "FILE")]
    inventory: Option<PathBuf>,
    /// The cluster of rbgc.toml
    #[arg(long, value_name = "NAME", conflicts_with = "inventory")]
    cluster: Option<String>,
    /// A directory that was written: what its groups take is not free
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The narrowest level to show; by default the one above the nodes
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let (path, out) = match files(arguments) {
        Ok(files) => files,
        Err((refusal, gathered)) => return refusal.show(&gathered, &report::Arguments::default(), terminal),
    };
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let Some(inventory) = super::load(&mut session, &path) else {
        return super::finish(session, &report::Arguments::default(), terminal, None);
    };
    let depth = match &arguments.level {
        None => inventory.levels.len() - 1,
        Some(name) => match inventory.level(name) {
            Some(level) => level + 1,
            None => return terminal.misuse(&unknown_level(&inventory, name)),
        },
    };
    let locks = out.map_or_else(BTreeMap::new, |out| locks::read(&mut session, &out));
    let rooms = rooms(&inventory, &locks);
    let view = View { inventory: &inventory, rooms: &rooms, depth, children: children(&inventory) };
    let text = if arguments.json { format!("{:#}\n", view.json()) } else { view.text() };
    super::finish(session, &report::Arguments::default(), terminal, Some((text, Exit::Fine)))
}

/// The inventory, and the tree whose locks count.
fn files(arguments: &Arguments) -> Result<(PathBuf, Option<PathBuf>), (Refusal, Gathered)> {
    if let Some(inventory) = &arguments.inventory {
        return Ok((inventory.clone(), arguments.out.clone()));
    }
    let inputs = Inputs {
        sources: Vec::new(),
        inventory: None,
        clusters: arguments.cluster.iter().cloned().collect(),
        set: Vec::new(),
        target: None,
    };
    let mut gathered = Gathered::default();
    let jobs = match jobs::plan(&inputs, None, &mut gathered) {
        Ok(jobs) => jobs,
        Err(Refusal::Misuse(_)) if arguments.cluster.is_none() => {
            return Err((Refusal::no_cluster(), gathered));
        }
        Err(refusal) => return Err((refusal, gathered)),
    };
    match jobs.as_slice() {
        [job] => match (&job.inventory, job.out()) {
            (Some(inventory), Some(out)) => Ok((inventory.clone(), arguments.out.clone().or(Some(out)))),
            _ => Err((Refusal::no_cluster(), gathered)),
        },
        _ => Err((Refusal::several_clusters(), gathered)),
    }
}

fn unknown_level(inventory: &Inventory, name: &str) -> String {
    let known: Vec<&str> = inventory.levels.iter().map(|level| level.name.as_str()).collect();
    let near = suggestion(name, &known).map_or(String::new(), |help| format!("; {help}"));
    format!("`{}` has no level `{name}`{near}", inventory.name)
}

/// What is shown.
struct View<'a> {
    inventory: &'a Inventory,
    rooms: &'a Rooms,
    /// So many levels are shown.
    depth: usize,
    /// For each level its domains by the domain of the next wider level.
    children: Vec<BTreeMap<Option<usize>, Vec<usize>>>,
}

fn children(inventory: &Inventory) -> Vec<BTreeMap<Option<usize>, Vec<usize>>> {
    let level = |domains: &Vec<crate::inventory::Domain>| {
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (index, domain) in domains.iter().enumerate() {
            children.entry(domain.parent).or_default().push(index);
        }
        children
    };
    inventory.domains.iter().map(level).collect()
}

impl View<'_> {
    fn text(&self) -> String {
        let mut lines = vec![self.line(0, self.inventory.name.clone(), &self.rooms.total)];
        self.below(0, None, &mut lines);
        let mut out = table(&lines);
        out.push('\n');
        let mut levels =
            vec![["level", "domains", "whole nodes in one", "free in one", "partly free"].map(String::from).to_vec()];
        levels.extend(self.inventory.levels.iter().zip(self.fits()).enumerate().map(|(index, (level, fit))| {
            let place = |domain: Option<usize>| {
                domain.map_or(String::new(), |domain| format!(" ({})", self.path(index, domain)))
            };
            vec![
                level.name.clone(),
                self.inventory.domains[index].len().to_string(),
                format!("{}{}", fit.whole.0, place(fit.whole.1)),
                format!("{}{}", fit.free.0, place(fit.free.1)),
                fit.fragmented.to_string(),
            ]
        }));
        out.push_str(&table(&levels));
        out
    }

    /// The lines of the domains of a level in one domain of the wider one, each with what is below.
    fn below(&self, level: usize, parent: Option<usize>, lines: &mut Vec<Vec<String>>) {
        if level == self.depth {
            return;
        }
        for &domain in self.children(level, parent) {
            let name = &self.inventory.levels[level].name;
            let value = self.inventory.domains[level][domain].path.last().map_or("", String::as_str);
            lines.push(self.line(level + 1, format!("{name} {value}"), &self.rooms.domains[level][domain]));
            self.below(level + 1, Some(domain), lines);
        }
    }

    fn children(&self, level: usize, parent: Option<usize>) -> &[usize] {
        self.children[level].get(&parent).map_or(&[], Vec::as_slice)
    }

    /// Name, nodes, accelerators, and what else pods ask for most.
    fn line(&self, indent: usize, name: String, room: &Room) -> Vec<String> {
        let gpu = &self.inventory.resources.gpu;
        let closed = if room.closed > 0 { format!(", {} closed", room.closed) } else { String::new() };
        let amount = |resource: &str| {
            let (all, free) = room.of(resource);
            let unit = if resource == gpu { "accelerators" } else { resource };
            let text = |amount| shown_amount(resource, amount);
            if all == 0 { String::new() } else { format!("{}/{} {unit}", text(free), text(all)) }
        };
        let whole = if room.whole > 0 { format!("{} whole", room.whole) } else { String::new() };
        vec![
            format!("{}{name}", "  ".repeat(indent)),
            format!("{}{closed}", plural(room.nodes, "node")),
            amount(gpu),
            whole,
            amount("cpu"),
            amount("memory"),
        ]
    }

    fn fits(&self) -> Vec<Fit> {
        fits(self.inventory, self.rooms)
    }

    fn path(&self, level: usize, domain: usize) -> String {
        let path = &self.inventory.domains[level][domain].path;
        // A node is known by its name alone.
        let from = if level + 1 == self.inventory.levels.len() { level } else { 0 };
        path[from..].join("/")
    }

    fn json(&self) -> Value {
        let level = |(index, (level, fit)): (usize, (&crate::inventory::Level, Fit))| {
            let place = |domain: Option<usize>| domain.map(|domain| self.path(index, domain));
            json!({
                "name": level.name,
                "label": level.label,
                "domains": self.inventory.domains[index].len(),
                "largest": {
                    "wholeNodes": { "count": fit.whole.0, "domain": place(fit.whole.1) },
                    "accelerators": { "count": fit.free.0, "domain": place(fit.free.1) },
                },
                "partlyFree": fit.fragmented,
            })
        };
        let levels: Vec<Value> = self.inventory.levels.iter().zip(self.fits()).enumerate().map(level).collect();
        let mut total = self.room(&self.rooms.total);
        total["domains"] = self.json_below(0, None);
        json!({
            "inventory": self.inventory.name,
            "accelerator": self.inventory.resources.gpu,
            "levels": levels,
            "total": total,
        })
    }

    fn json_below(&self, level: usize, parent: Option<usize>) -> Value {
        if level == self.depth {
            return json!([]);
        }
        let one = |&domain: &usize| {
            let mut value = self.room(&self.rooms.domains[level][domain]);
            value["level"] = json!(self.inventory.levels[level].name);
            value["path"] = json!(self.inventory.domains[level][domain].path);
            value["domains"] = self.json_below(level + 1, Some(domain));
            value
        };
        Value::Array(self.children(level, parent).iter().map(one).collect())
    }

    /// Amounts are in the units of the inventory: thousandths of a core, bytes, devices.
    fn room(&self, room: &Room) -> Value {
        let amounts: BTreeMap<&String, Value> = room
            .amounts
            .iter()
            .map(|(resource, (all, free))| (resource, json!({ "capacity": all, "free": free })))
            .collect();
        json!({ "nodes": room.nodes, "closed": room.closed, "wholeNodes": room.whole, "resources": amounts })
    }
}

/// Columns under one another, without blanks at the ends of lines.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in rows {
        let cells =
            row.iter().zip(&widths).filter(|(_, width)| **width > 0).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}
