//! What stands against what is planned: `rbgc plan --verify` and `rbgc plan --steps`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::jobs::Job;
use crate::cli::{Exit, delivery};
use crate::diag::Session;
use crate::fit::Fitted;
use crate::inventory::Inventory;
use crate::lock::Lock;
use crate::order::{Delivery, Order};
use crate::place::Placement;
use crate::plan;
use crate::transition::{Act, Before, transition};
use crate::view::standing;

/// Holds the committed plan against the inventory: the text, and how the run ends.
pub(super) fn verify(
    fitted: &Fitted,
    inventory: &Inventory,
    locks: &BTreeMap<String, Lock>,
    json: bool,
) -> (String, Exit) {
    let standing = standing::standing(fitted, inventory, locks);
    let exit = if standing.broken.is_empty() { Exit::Fine } else { Exit::Stale };
    (if json { super::json(&standing) } else { standing::text(&standing) }, exit)
}

/// A commit, for programs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Step")]
struct Step<'a> {
    /// Its number, from 1.
    step: usize,
    /// The instances that come, move and go.
    instances: &'a [Act],
}

/// The JSON Schema of the commits.
pub(in crate::cli) fn schema() -> serde_json::Value {
    schemars::schema_for!(Vec<Step<'_>>).to_value()
}

/// The commits that a plan takes. `None` when there are none that come to an end; that was reported.
pub(super) fn steps(
    session: &mut Session<'_>,
    job: &Job,
    (fitted, inventory): (&Fitted, &Inventory),
    (placement, removed): (&Placement, &BTreeMap<String, Lock>),
    json: bool,
) -> Option<String> {
    let plan = plan::plan(fitted, inventory, placement);
    // What the project file says was checked when it was read.
    let delivery = delivery::Arguments::default().delivery(job).unwrap_or(Delivery::Plain);
    let order = Order::new(&plan, &delivery, false);
    let before = Before { fitted, plan: &plan, placement, order: &order, removed };
    let transition = transition(&before).map_err(|problem| session.report(problem)).ok()?;
    let name = |act: &Act| format!("{}/{}/{}", act.group, act.role, act.instance);
    if json {
        let steps = transition.steps.iter().enumerate();
        return Some(super::json(&steps.map(|(n, acts)| Step { step: n + 1, instances: acts }).collect::<Vec<_>>()));
    }
    if transition.steps.is_empty() {
        return Some("nothing comes, moves or goes\n".into());
    }
    let mut text = String::new();
    for (number, acts) in transition.steps.iter().enumerate() {
        text += &format!("commit {}\n", number + 1);
        for act in acts {
            let (from, to) = (act.from.join(","), act.to.join(","));
            text += &match (act.from.is_empty(), act.to.is_empty()) {
                (true, _) => format!("  {} comes to {to}\n", name(act)),
                (_, true) => format!("  {} goes from {from}\n", name(act)),
                _ => format!("  {} moves from {from} to {to}\n", name(act)),
            };
        }
    }
    Some(text)
}
