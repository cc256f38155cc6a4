//! Changes that would make a group fit, the cheapest first; each is tried before it is offered.
//!
//! The order of costs: a machine that exists is taken back into use; a clause asks for less; a clause
//! or a floor is given up; another group shares its domains; instances are left out; machines are
//! bought. Moves are not among them: to find no place for a group, the solver has already tried to move
//! those that stand in its way.

use std::cmp::Reverse;

use super::minimal::{Part, level, only, parts, split};
use super::trials::Trials;
use super::{Study, residual};
use crate::place::conflict::{Remedy, Site, wide_level};
use crate::place::index::Index;
use crate::place::slots::room;
use crate::place::state::State;
use crate::place::{ClauseKind, Group, Problem};

/// Closed machines that are tried at most.
const CLOSED: usize = 8;

/// Steps by which a number of a clause is lowered or raised at most.
const LOOSER: u32 = 3;

/// Other groups of which each is asked to share.
const SHARING: usize = 3;

/// Machines added at most, and counts that are tried.
const MACHINES: (usize, usize) = (64, 4);

/// The changes that make the group fit.
pub(super) fn remedies(study: &Study, trials: &mut Trials) -> Vec<Remedy> {
    let mut desk = Desk { study, whole: study.state.index.problem, trials };
    let mut found: Vec<Remedy> = desk.open().into_iter().collect();
    let looser = desk.looser();
    found.extend(looser.iter().cloned());
    found.extend(desk.relax(&looser));
    found.extend(desk.share());
    found.extend(desk.replicas());
    found.extend(desk.machines());
    found
}

/// Where changes are tried.
struct Desk<'s, 'a, 'i, 'p, 't> {
    study: &'s Study<'a, 'i, 'p>,
    /// The problem with all groups.
    whole: &'p Problem,
    trials: &'t mut Trials,
}

impl Desk<'_, '_, '_, '_, '_> {
    fn works(&mut self, remedy: &Remedy) -> bool {
        let conflict = &self.study.conflict;
        let changed = match remedy {
            // This one alone is about a group that the smaller problem does not contain.
            Remedy::Share { group, .. } => residual(self.study.state, conflict.group, Some(*group)),
            _ => {
                let mut changed = self.study.beside.clone();
                remedy.apply(&mut changed, self.whole, 0, conflict.role);
                changed
            }
        };
        self.trials.fits(&changed)
    }

    fn group(&self) -> &Group {
        &self.study.beside.groups[0]
    }

    /// One closed machine that would do, else several of one domain of which none can be missed.
    fn open(&mut self) -> Option<Remedy> {
        let closed = self.closed();
        let single = |machine: &usize| Remedy::Open { machines: vec![*machine] };
        if let Some(one) = closed.iter().map(single).find(|remedy| self.works(remedy)) {
            return Some(one);
        }
        let at = |m: usize| self.study.conflict.need.level.map(|l| self.whole.machines[m].domains.get(l));
        let first = *closed.first()?;
        let mut machines: Vec<usize> = closed.iter().copied().filter(|m| at(*m) == at(first)).collect();
        if machines.len() < 2 || !self.works(&Remedy::Open { machines: machines.clone() }) {
            return None;
        }
        for machine in machines.clone() {
            let rest: Vec<usize> = machines.iter().copied().filter(|m| *m != machine).collect();
            if rest.len() > 1 && self.works(&Remedy::Open { machines: rest.clone() }) {
                machines = rest;
            }
        }
        machines.sort_unstable();
        Some(Remedy::Open { machines })
    }

    /// The closed machines with room for the role, those first in whose domain most is free.
    fn closed(&self) -> Vec<usize> {
        let lone = &self.study.beside;
        let mut opened = lone.clone();
        opened.machines.iter_mut().for_each(|machine| machine.closed = None);
        let index = Index::new(&opened);
        let state = State::new(&index);
        let Some((class, _)) = index.roles[self.study.conflict.role].demand.first().copied() else { return Vec::new() };
        let level = self.study.conflict.need.level.map_or(0, |level| level + 1);
        let mut rooms = vec![0; index.topology.sizes[level]];
        for machine in (0..lone.machines.len()).filter(|m| lone.machines[*m].closed.is_none()) {
            rooms[index.topology.domain(machine, level)] += room(&index, &state.free, class, machine);
        }
        let own = |m: usize| room(&index, &state.free, class, m);
        let closed = (0..lone.machines.len()).filter(|m| lone.machines[*m].closed.is_some() && own(*m) > 0);
        let mut closed: Vec<usize> = closed.collect();
        closed.sort_by_cached_key(|m| (Reverse(rooms[index.topology.domain(*m, level)] + own(*m)), *m));
        closed.truncate(CLOSED);
        closed
    }

    /// For each clause in conflict the least change that does: a wider level, a smaller number.
    fn looser(&mut self) -> Vec<Remedy> {
        let mut found = Vec::new();
        for clause in self.study.conflict.clauses.clone() {
            let now = wide_level(&mut self.group().clone(), clause).map(|level| *level);
            let wider = (0..now.unwrap_or(0)).rev().map(|level| Remedy::Widen { clause, level });
            let smaller = smaller(&self.group().clauses[clause].kind).map(|kind| Remedy::Loosen { clause, kind });
            let ways: Vec<Remedy> = wider.chain(smaller).collect();
            let works = ways.into_iter().enumerate().find(|(_, remedy)| self.works(remedy));
            found.extend(works.map(|(steps, remedy)| (steps, clause, remedy)));
        }
        found.sort_by_key(|(steps, clause, _)| (*steps, *clause));
        found.into_iter().map(|(.., remedy)| remedy).collect()
    }

    /// Requirements given up: each that does alone and could not ask for less, else the least of
    /// them together with which all others can stay.
    fn relax(&mut self, looser: &[Remedy]) -> Vec<Remedy> {
        let conflict = &self.study.conflict;
        let done = |c: &usize| {
            let about =
                |r: &Remedy| matches!(r, Remedy::Widen { clause, .. } | Remedy::Loosen { clause, .. } if clause == c);
            looser.iter().any(about)
        };
        let clauses = conflict.clauses.iter().filter(|c| !done(c)).map(|c| Part::Clause(*c));
        let singles: Vec<Part> = clauses.chain(conflict.edges.iter().map(|e| Part::Floor(*e))).collect();
        let mut found: Vec<Remedy> = singles.into_iter().map(|part| relaxed(&[part])).collect();
        found.retain(|remedy| self.works(remedy));
        if found.is_empty() && looser.is_empty() && conflict.clauses.len() + conflict.edges.len() > 0 {
            found.extend(self.together());
        }
        found
    }

    /// What has to be given up together: everything that cannot be kept, when the widest are kept first.
    fn together(&mut self) -> Option<Remedy> {
        let lone = &self.study.beside;
        let (mut kept, mut given) = (Vec::new(), Vec::new());
        for part in parts(&lone.groups[0]).into_iter().rev() {
            kept.push(part);
            if !self.trials.fits(&only(lone, &kept)) {
                given.extend(kept.pop());
            }
        }
        let remedy = relaxed(&given);
        self.works(&remedy).then_some(remedy)
    }

    /// Groups of the compilation that have domains for themselves in which this one would fit.
    fn share(&mut self) -> Vec<Remedy> {
        let alone = |group: &Group, c: &usize| {
            group.clauses[*c].prefer.is_none() && matches!(group.clauses[*c].kind, ClauseKind::Exclusive { .. })
        };
        // With two such clauses giving up one of them says little.
        let exclusive = |group: &Group| {
            let mut clauses = (0..group.clauses.len()).filter(|c| alone(group, c));
            clauses.next().filter(|_| clauses.next().is_none())
        };
        let groups = self.whole.groups.iter().enumerate().filter(|(g, _)| *g != self.study.conflict.group);
        let holders = groups.filter_map(|(group, other)| Some(Remedy::Share { group, clause: exclusive(other)? }));
        holders.take(SHARING).filter(|remedy| self.works(remedy)).collect()
    }

    /// The largest number of instances that fits, found by halving: more never make it easier, but for
    /// clauses that want many. A role in cells has no number of its own.
    fn replicas(&mut self) -> Option<Remedy> {
        let role = self.study.conflict.role;
        let celled = |kind: &ClauseKind| matches!(kind, ClauseKind::Cells { shares, .. } if shares.iter().any(|(r, _)| *r == role));
        if self.group().clauses.iter().any(|clause| celled(&clause.kind)) {
            return None;
        }
        let (mut good, mut bad) = (0, self.group().roles[self.study.conflict.role].instances);
        while bad > good + 1 {
            let instances = good + (bad - good) / 2;
            if self.works(&Remedy::Replicas { instances }) { good = instances } else { bad = instances }
        }
        (good > 0).then_some(Remedy::Replicas { instances: good })
    }

    /// The least number of further machines, like the roomiest one for the role.
    fn machines(&mut self) -> Option<Remedy> {
        let conflict = &self.study.conflict;
        let whole = Index::new(self.whole);
        let state = State::new(&whole);
        let (class, _) =
            whole.roles[whole.groups[conflict.group].roles.start + conflict.role].demand.first().copied()?;
        let roomy = |m: &usize| room(&whole, &state.free, class, *m);
        let like = (0..self.whole.machines.len()).rev().max_by_key(roomy).filter(|m| roomy(m) > 0)?;
        let offer = conflict.best()?;
        let need = &conflict.need;
        let wanted = if need.level.is_some() { need.pods } else { need.pods.saturating_mul(need.instances) };
        let short = wanted.saturating_sub(offer.pods).div_ceil(roomy(&like).max(1) as usize).max(1);
        let site = offer.level.map_or(Site::Beside, |level| Site::Domain(level, offer.domain));
        let widest =
            conflict.clauses.iter().map(|c| &self.group().clauses[*c].kind).filter(|k| apart(k)).map(level).max();
        let sites = std::iter::once(site).chain(widest.map(Site::Own));
        let ways = sites.flat_map(|site| (short..short + MACHINES.1).map(move |n| (n, site)));
        let ways: Vec<(usize, Site)> = ways.filter(|(n, _)| *n <= MACHINES.0).collect();
        let remedy = |(machines, site)| Remedy::Machines { machines, like, site };
        let (mut least, site) = ways.into_iter().find(|way| self.works(&remedy(*way)))?;
        // Pods of several shapes may need fewer than the count of one shape says.
        while least > 1 && least <= short && self.works(&remedy((least - 1, site))) {
            least -= 1;
        }
        Some(remedy((least, site)))
    }
}

/// Whether a clause may need domains that are not used yet.
fn apart(kind: &ClauseKind) -> bool {
    matches!(
        kind,
        ClauseKind::Spread { .. }
            | ClauseKind::Apart { .. }
            | ClauseKind::Exclusive { .. }
            | ClauseKind::Survive { .. }
    )
}

fn relaxed(parts: &[Part]) -> Remedy {
    let (clauses, edges) = split(parts);
    Remedy::Relax { clauses, edges }
}

/// The clause with smaller numbers, the least change first.
fn smaller(kind: &ClauseKind) -> impl Iterator<Item = ClauseKind> {
    let kind = kind.clone();
    (1..=LOOSER).filter_map(move |step| {
        let mut kind = kind.clone();
        match &mut kind {
            ClauseKind::Spread { max_skew: Some(skew), at_least: None, .. } => *skew = skew.checked_add(step)?,
            ClauseKind::Spread { max_skew: None, at_least: Some(least), .. } => {
                *least = least.checked_sub(step).filter(|least| *least > 1)?;
            }
            ClauseKind::Survive { count, .. } => *count = count.checked_sub(step).filter(|count| *count > 0)?,
            _ => return None,
        }
        Some(kind)
    })
}
