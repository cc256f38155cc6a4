//! The best plan of a small cluster, with a proof.
//!
//! Branch and bound alone settles most of them. Where it does not, prices are found that bound what
//! is left, and it is searched again with these.

use std::collections::BTreeMap;

use super::branch::{Guide, floors, guided};
use super::certify::Models;
use super::improve::{anew, cost_of, restore, save};
use super::objective::{Cost, part};
use super::relax;
use super::solve::{assemble, take_group};
use super::state::{NONE, State};

/// Pods placed before prices are looked for.
const QUICK: u64 = 6_000;

/// Pods placed with prices.
const PROOF: u64 = 8_000;

/// Pods placed to empty domains of the grain.
const TIDIED: u64 = 3_000;

/// Pods placed to find another place for the groups of one such domain, and these groups at most.
const TIDY: u64 = 200;
const TENANTS: usize = 4;

/// How often prices are looked for: they are those of a plan, and better ones are found.
const ROUNDS: usize = 2;

/// What is known of all plans.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// No plan costs less as a whole.
    pub floor: Cost,
    /// A cost that was found, and for each criterion what no plan falls below whose earlier ones are not
    /// worse.
    pub bounds: Option<(Cost, Cost)>,
}

/// Looks for the best plan of all groups.
pub(super) fn prove(state: &mut State, effort: u64) -> Known {
    tidy(state, TIDIED * effort);
    prove_within(state, effort, QUICK * effort, PROOF * effort)
}

/// The same with so many steps before there are prices, and so many each time with them.
pub(super) fn prove_within(state: &mut State, effort: u64, mut quick: u64, proof: u64) -> Known {
    let groups: Vec<usize> = (0..state.index.groups.len()).collect();
    let machines: Vec<usize> = (0..state.index.problem.machines.len()).collect();
    let before = save(state, &groups);
    groups.iter().for_each(|g| take_group(state, *g));
    let floors = floors(state, &groups, &machines, &mut quick);
    restore(state, &before);
    let mut search = Search { groups, machines, floors };
    let mut known = Known::default();
    let (floor, complete) = search.run(state, None, quick);
    known.floor = floor;
    if complete || state.index.problem.partial {
        return known;
    }
    for _ in 0..ROUNDS {
        let placement = assemble(state.index, state);
        let models = Models::new(state.index, &placement);
        if models.cost()[part::UNPLACED] > 0 {
            break;
        }
        let (refined, certificates, bounds) = relax::proven(&models, relax::Budget::small(effort as u32));
        known.bounds = Some((*models.cost(), bounds));
        if bounds.iter().zip(models.cost()).all(|(bound, cost)| bound >= cost) {
            break;
        }
        let mut guide = Guide::new(refined.as_ref().unwrap_or(&models), &certificates, bounds);
        let (floor, complete) = search.run(state, Some(&mut guide), proof);
        if complete {
            known.floor = floor;
            break;
        }
        // The prices are still those of the best plan known.
        if cost_of(state, &search.groups) == *models.cost() {
            break;
        }
    }
    known
}

/// Places the few groups anew that have begun a domain which would else be whole: what they cost for
/// themselves is as good as it can be, so that nobody else looks at them.
fn tidy(state: &mut State, mut steps: u64) {
    let Some(level) = state.index.grain else { return };
    let machines: Vec<usize> = (0..state.index.problem.machines.len()).collect();
    let mut better = true;
    while better {
        better = false;
        for domain in (0..state.index.topology.sizes[level]).filter(|domain| state.index.whole.1[*domain]) {
            let inside = |pod: usize| {
                let machine = Some(state.machine_of[pod]).filter(|machine| *machine != NONE);
                machine.is_some_and(|machine| state.index.topology.domain(machine as usize, level) == domain)
            };
            let here = |g: &usize| {
                let mut instances = state.index.groups[*g].instances.clone();
                instances.any(|i| state.index.pods_of(i).any(inside))
            };
            let groups: Vec<usize> = (0..state.index.groups.len()).filter(here).collect();
            if groups.is_empty() || groups.len() > TENANTS || steps == 0 {
                continue;
            }
            let mut few = TIDY.min(steps);
            steps -= few;
            better |= anew(state, (&groups, &machines), &BTreeMap::new(), &mut few).1;
            steps += few;
        }
    }
}

/// All groups on all machines.
struct Search {
    groups: Vec<usize>,
    machines: Vec<usize>,
    floors: BTreeMap<usize, Cost>,
}

impl Search {
    /// Places everything anew, at less cost or as it was. Returns what every plan costs at least
    /// and whether the search was complete.
    fn run(&mut self, state: &mut State, guide: Option<&mut Guide>, mut steps: u64) -> (Cost, bool) {
        let below = cost_of(state, &self.groups);
        let before = save(state, &self.groups);
        self.groups.iter().for_each(|g| take_group(state, *g));
        let verdict = guided(state, (&self.groups, &self.machines), below, &self.floors, guide, &mut steps);
        if verdict.cost.is_none() {
            restore(state, &before);
        }
        (verdict.floor, verdict.complete)
    }
}
