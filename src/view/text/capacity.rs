//! What is left, as text.

use std::fmt::Write;

use super::columns::Columns;
use crate::diag::plural;
use crate::view::capacity::{Capacity, Headroom, Reservation, Surge};

pub(super) fn capacity(capacity: &Capacity, out: &mut String) {
    let a = &capacity.accelerators;
    if a.total > 0 {
        let parts = [
            (a.planned, "planned"),
            (a.reserved, "reserved"),
            (a.others, "used by others"),
            (a.closed, "on closed nodes"),
            (a.free, "free"),
        ];
        let parts = parts.iter().filter(|(n, what)| *n > 0 || *what == "free").map(|(n, what)| format!("{n} {what}"));
        let _ = writeln!(out, "\n{}: {} of {}", a.resource, parts.collect::<Vec<_>>().join(", "), a.total);
        let mut rows = Columns::indented("  ");
        capacity.levels.iter().for_each(|level| rows.push(headroom(level)));
        out.push_str(&rows.finish());
    }
    if !capacity.reservations.is_empty() {
        out.push_str("\nautoscaled:\n");
        out.push_str(&reservations(&capacity.reservations));
    }
    if !capacity.surges.is_empty() {
        out.push_str("\nrollouts that need more room for a while:\n");
        let mut rows = Columns::indented("  ");
        capacity.surges.iter().for_each(|surge| rows.push(self::surge(surge)));
        out.push_str(&rows.finish());
    }
}

fn headroom(level: &Headroom) -> [String; 3] {
    let largest = match level.nodes {
        0 => "no node is free as a whole".to_owned(),
        nodes => format!(
            "the largest instance that still fits: {}, {} accelerators in {}",
            plural(nodes, "node"),
            level.accelerators,
            level.domain
        ),
    };
    [level.level.clone(), format!("{} of {} free", level.whole, level.domains), largest]
}

/// One line a role: what fits, and what is missing.
pub fn reservations(list: &[Reservation]) -> String {
    let mut rows = Columns::indented("  ");
    for r in list {
        let short = match &r.missing {
            Some(m) => format!(": {} like {} short", plural(m.nodes, "node"), m.like),
            None => String::new(),
        };
        let verdict = match r.fits {
            Some(fits) if fits == r.max => format!("fits at {}", r.max),
            Some(fits) => format!("fits at {fits}, not at {}{short}", r.max),
            None => format!("does not fit at {}{short}", r.min),
        };
        rows.push([format!("{}/{}", r.group, r.role), format!("{} to {}", r.min, r.max), verdict]);
    }
    rows.finish()
}

fn surge(surge: &Surge) -> [String; 3] {
    let room = match &surge.node {
        Some(node) => format!("there is room on {node}"),
        None => "no room: the rollout waits".to_owned(),
    };
    [format!("{}/{}", surge.group, surge.role), plural(surge.pods as usize, "pod"), room]
}
