//! What the groups that are still missing need and break at least, counted.

use std::collections::BTreeMap;

use super::layout::Layout;
use crate::place::slots::room;
use crate::place::state::State;

/// Whether there is room for every class of the groups from a position on, each for itself.
pub(super) fn fits(state: &State, layout: &Layout, order: usize) -> bool {
    layout.classes[order].iter().all(|(class, need)| {
        let mut left = *need;
        layout.machines.iter().any(|m| {
            left -= room(state.index, &state.free, *class, *m);
            left <= 0
        }) || left <= 0
    })
}

/// The fragmentation at the end, at least, when the groups from a position on are placed. With leave
/// to leave out groups it may stay as it is.
pub(super) fn least(state: &State, layout: &Layout, order: usize) -> i64 {
    let index = state.index;
    if index.problem.partial {
        return state.fragmentation;
    }
    let classes = &layout.classes[order];
    let gpus = |class: usize| index.classes[class].request.get(index.problem.gpu).copied().unwrap_or(0);
    let mut sizes: BTreeMap<i64, i64> = BTreeMap::new();
    for (class, count) in classes.iter().filter(|(class, _)| gpus(**class) > 0) {
        *sizes.entry(gpus(*class)).or_default() += count;
    }
    let strangers = classes.iter().filter(|(c, _)| gpus(**c) <= 0).map(|(c, n)| plain(state, layout, *c, *n)).max();
    let (mut machines, mut grains) = (0, 0);
    let mut need = 0;
    for (size, count) in sizes.iter().rev() {
        need += count;
        let (a, b) = begun(state, layout, |free| free / size, need);
        (machines, grains) = (a.max(machines), b.max(grains));
    }
    let amount: i64 = sizes.iter().map(|(size, count)| size * count).sum();
    let (a, b) = begun(state, layout, |free| free, amount);
    state.fragmentation + machines.max(a) + grains.max(b) + strangers.unwrap_or(0)
}

/// How many more whole machines and domains of the grain must be begun to hold so much, when a
/// machine holds what `measure` makes of its free accelerators.
fn begun(state: &State, layout: &Layout, measure: impl Fn(i64) -> i64, need: i64) -> (i64, i64) {
    let index = state.index;
    let (mut machines, mut grains) = (need, need);
    let (mut largest, mut fullest): (i64, i64) = (0, 0);
    let mut sums: BTreeMap<usize, i64> = BTreeMap::new();
    for machine in layout.machines.iter().copied() {
        let open = index.problem.machines[machine].closed.is_none();
        let free = state.free.get(machine * index.columns + index.problem.gpu).copied().filter(|_| open);
        let holds = measure(free.unwrap_or(0));
        let load = state.load(machine);
        if index.whole.0[machine] && load.0 == 0 {
            largest = largest.max(holds);
        } else {
            machines -= holds;
        }
        let Some(level) = index.grain else { continue };
        let domain = index.topology.domain(machine, level);
        if index.whole.1[domain] && load.1 == 0 {
            let sum = sums.entry(domain).or_default();
            *sum += holds;
            fullest = fullest.max(*sum);
        } else {
            grains -= holds;
        }
    }
    let more = |left: i64, each: i64| if left > 0 { (left + each.max(1) - 1) / each.max(1) } else { 0 };
    (more(machines, largest), if index.grain.is_some() { more(grains, fullest) } else { 0 })
}

/// What pods without accelerators cost at least: each a stranger, or a machine without accelerators begun.
fn plain(state: &State, layout: &Layout, class: usize, need: i64) -> i64 {
    let index = state.index;
    let (mut left, mut largest) = (need, 1);
    for machine in layout.machines.iter().copied().filter(|m| !index.has_gpu(*m)) {
        let fits = room(index, &state.free, class, machine);
        if index.whole.0[machine] && state.load(machine).0 == 0 {
            largest = largest.max(fits);
        } else {
            left -= fits;
        }
    }
    if left > 0 { (left + largest - 1) / largest } else { 0 }
}
