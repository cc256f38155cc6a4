//! What a group would like for one more instance: the guide of the search, not its measure.

use std::collections::BTreeMap;

use super::ClauseKind;
use super::candidates::leaders;
use super::state::State;

/// A level, instances by domain there, and what each of them costs an instance beside it; negative
/// where company is wanted.
pub(super) type Wish = (usize, BTreeMap<usize, i64>, i64);

/// Wishes of an instance, from clauses preferred and required; required ones only guide here.
pub(super) fn wishes(state: &State, instance: usize) -> Vec<Wish> {
    let index = state.index;
    let row = &index.instances[instance];
    let first = index.groups[row.group].roles.start;
    let own = row.role - first;
    let mut wishes = Vec::new();
    for clause in &index.problem.groups[row.group].clauses {
        let weight = i64::from(clause.prefer.unwrap_or(1));
        let mut wish = |roles: &[usize], level: usize, cost: i64| {
            let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
            for machine in roles.iter().flat_map(|r| leaders(state, first + r)) {
                *counts.entry(index.topology.domain(machine, level + 1)).or_default() += 1;
            }
            wishes.push((level + 1, counts, cost));
        };
        match &clause.kind {
            ClauseKind::Together { roles, level } if roles.contains(&own) => wish(roles, *level, -weight),
            ClauseKind::Near { role, to, level } if *role == own => wish(&[*to], *level, -weight),
            ClauseKind::Near { role, to, level } if *to == own => wish(&[*role], *level, -weight),
            ClauseKind::Spread { role, level, .. } if *role == own => wish(&[own], *level, weight),
            ClauseKind::Survive { level, .. } => wish(&[own], *level, weight),
            ClauseKind::Apart { role, from, level } if *role == own => wish(&[from.unwrap_or(own)], *level, weight),
            ClauseKind::Apart { role, from: Some(from), level } if *from == own => wish(&[*role], *level, weight),
            ClauseKind::Cells { shares, level } if shares.iter().any(|(r, _)| *r == own) => {
                let cells = index.cells(first, shares);
                let mine = cells.iter().find(|cell| {
                    cell.iter().any(|(r, from, n)| *r == row.role && (*from..from + n).contains(&row.number))
                });
                let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
                for (role, from, count) in mine.into_iter().flatten() {
                    let start = index.roles[*role].first_instance + from;
                    for machine in (start..start + count).filter_map(|i| state.leader(i)) {
                        *counts.entry(index.topology.domain(machine, level + 1)).or_default() += 1;
                    }
                }
                wishes.push((level + 1, counts, -weight));
            }
            _ => {}
        }
    }
    wishes
}
