//! What the rest of a search costs at least by the prices that prove the bounds of the whole.
//!
//! Prices that are good for the empty cluster are good for what is left of it too: whatever stands
//! has its true cost, what does not stand yet costs what its teams cost at least, and a domain earns
//! what the dearest contents of its rest pay.

use std::collections::BTreeMap;

use super::layout::Layout;
use crate::place::certify::{Certificate, Class, Item, Model, Models, SCALE, fine};
use crate::place::index::Index;
use crate::place::objective::{Cost, part};
use crate::place::slots::room;
use crate::place::state::State;
use crate::place::topology::{Area, CLUSTER};

/// What is known about plans that are not worse than one at hand.
pub(in crate::place) struct Guide<'m, 'a, 'p> {
    /// What that plan costs.
    cost: Cost,
    /// What no plan falls below whose earlier criteria are not worse.
    bounds: Cost,
    /// How to bound the rest of each criterion that is open.
    proofs: Vec<Proof<'m, 'a, 'p>>,
    /// Contents of domains that were looked for: the measure of work.
    pub(super) work: u64,
}

/// A partial plan as bounds look at it.
pub(super) struct View<'v> {
    /// What stands costs.
    pub closed: Cost,
    /// Position of the first group of which nothing stands.
    pub open: usize,
    pub layout: &'v Layout,
    /// What each group of the order costs at least, as a whole.
    pub alone: &'v [Cost],
}

struct Proof<'m, 'a, 'p> {
    criterion: usize,
    model: &'m Model<'a, 'p>,
    fines: Cost128,
    /// What each group costs at least.
    groups: Vec<i128>,
    /// The levels with prices.
    levels: Vec<Level>,
    /// What all plans have in common that divides what they cost more or less than each other.
    step: i128,
}

type Cost128 = [i128; 7];

/// A level with prices.
struct Level {
    level: usize,
    items: Vec<Item>,
    /// The machines of each domain.
    domains: Vec<Vec<usize>>,
    /// What a domain earns with such a room.
    earned: BTreeMap<Class, i128>,
}

impl<'m, 'a, 'p> Guide<'m, 'a, 'p> {
    /// What certificates prove.
    pub fn new(models: &'m Models<'a, 'p>, certificates: &BTreeMap<usize, Certificate>, bounds: Cost) -> Self {
        let cost = *models.cost();
        let open = (0..cost.len()).filter(|c| bounds[*c] < cost[*c]);
        let proofs = open.filter_map(|c| Some(Proof::new(models.of(c)?, c, certificates.get(&c)?))).collect();
        Guide { cost, bounds, proofs, work: 0 }
    }

    /// Whether no way to complete a partial plan costs less than `best`.
    ///
    /// A better plan is the same up to some criterion and better there. So each criterion is excluded,
    /// under the condition that those before it are no worse than they are now.
    pub(super) fn excludes(&mut self, state: &State, view: &View, best: &Cost) -> bool {
        (0..best.len()).filter(|c| best[*c] > 0).all(|criterion| {
            let valid = (0..criterion).all(|c| best[c] <= self.cost[c]);
            valid && (self.bounds[criterion] >= best[criterion] || self.excluded(state, view, criterion, best))
        })
    }

    fn excluded(&mut self, state: &State, view: &View, criterion: usize, best: &Cost) -> bool {
        if criterion == part::MOVES {
            // Moves are the first of the numbers of a group that does not prefer its links to them.
            let first = |at: usize| !state.index.problem.groups[view.layout.groups[at]].locality;
            let open = (view.open..view.alone.len()).filter(|at| first(*at));
            return view.closed[part::MOVES] + open.map(|at| view.alone[at][part::MOVES]).sum::<i64>()
                >= best[part::MOVES];
        }
        let proof = self.proofs.iter_mut().find(|proof| proof.criterion == criterion);
        let work = &mut self.work;
        proof.is_some_and(|proof| {
            proof.least(state, view, best, work) > SCALE * i128::from(best[criterion]) - SCALE * proof.step
        })
    }
}

impl<'m, 'a, 'p> Proof<'m, 'a, 'p> {
    fn new(model: &'m Model<'a, 'p>, criterion: usize, certificate: &Certificate) -> Self {
        let prices = model.prices(certificate);
        let each = model.each(criterion, certificate, &prices);
        let fines: Cost128 = std::array::from_fn(|c| fine(criterion, certificate, c));
        let group = |share: &crate::place::certify::Share| -> i128 {
            let teams: i128 = share.teams.iter().map(|(team, n)| i128::from(*n) * each[*team]).sum();
            let base = [(share.criterion, share.links), (part::UNMET, share.unmet), (part::SPREAD, share.spread)];
            teams + base.into_iter().map(|(c, cost)| fines[c] * cost).sum::<i128>()
        };
        let topology = &model.index.topology;
        let level = |level: usize| {
            let domains = topology.inside(CLUSTER, model.levels[level]).iter();
            let area = |domain: &u32| Area { level: model.levels[level], domain: *domain as usize };
            let domains = domains.map(|domain| topology.machines(area(domain)).collect()).collect();
            Level { level, items: model.items(level, &prices), domains, earned: BTreeMap::new() }
        };
        Proof {
            criterion,
            model,
            fines,
            groups: model.shares.iter().map(group).collect(),
            levels: (1..model.levels.len()).map(level).filter(|level| !level.items.is_empty()).collect(),
            step: i128::from(model.step(criterion)),
        }
    }

    /// A lower bound of the criterion, in parts of a unit.
    fn least(&mut self, state: &State, view: &View, best: &Cost, work: &mut u64) -> i128 {
        *work += 1;
        let fragmentation = self.criterion == part::FRAGMENTATION;
        let mut total: i128 = (0..part::FRAGMENTATION).map(|c| self.fines[c] * i128::from(view.closed[c])).sum();
        total -= (0..self.criterion).map(|c| self.fines[c] * i128::from(best[c])).sum::<i128>();
        total += view.layout.groups[view.open..].iter().map(|g| self.groups[*g]).sum::<i128>();
        if fragmentation {
            total += SCALE * i128::from(state.fragmentation + strangers(state, view) + self.model.kept(state));
        }
        let free = self.rest(state, view);
        let measures = self.model.measures();
        let machines = state.index.problem.machines.len();
        let mut rooms = vec![0; machines * measures];
        for (machine, rooms) in rooms.chunks_mut(measures.max(1)).enumerate().take(machines) {
            self.model.room(machine, &free[machine * state.index.columns..][..state.index.columns], rooms);
        }
        for level in &mut self.levels {
            for domain in &level.domains {
                let mut class = Class { room: vec![0; measures], whole: fragmentation };
                for machine in domain {
                    let rooms = &rooms[machine * measures..][..measures];
                    class.room.iter_mut().zip(rooms).for_each(|(sum, room)| *sum = sum.saturating_add(*room));
                    class.whole = class.whole && state.load(*machine).0 == 0 && self.model.untouched(*machine);
                }
                if let Some(earned) = level.earned.get(&class) {
                    total -= earned;
                    continue;
                }
                *work += 1;
                let (earned, _) = self.model.earns(level.level, &class, self.criterion, &level.items);
                total -= earned;
                level.earned.insert(class, earned);
            }
        }
        total
    }

    /// What is free beside the instances that will come back to where they were.
    fn rest(&self, state: &State, view: &View) -> Vec<i64> {
        let mut free = state.free.clone();
        for group in &view.layout.groups[view.open..] {
            for instance in state.index.groups[*group].instances.clone().filter(|i| self.model.stays(*i)) {
                let row = &state.index.instances[instance];
                for (class, machine) in state.index.roles[row.role].classes.iter().zip(row.previous.iter().flatten()) {
                    let free = &mut free[machine * state.index.columns..][..state.index.columns];
                    free.iter_mut().zip(&state.index.classes[*class].request).for_each(|(free, n)| *free -= *n.max(&0));
                }
            }
        }
        free
    }
}

/// Pods without accelerators of the open groups that find no machine without any.
fn strangers(state: &State, view: &View) -> i64 {
    let index: &Index = state.index;
    let plain = view.layout.classes[view.open].iter().filter(|(class, _)| !index.accelerated(**class));
    let short = |(class, need): (&usize, &i64)| {
        let machines = view.layout.machines.iter().filter(|m| !index.has_gpu(**m));
        need - machines.map(|m| room(index, &state.free, *class, *m)).sum::<i64>()
    };
    plain.map(short).max().unwrap_or(0).max(0)
}
