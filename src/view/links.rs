//! The links that the traffic of a plan uses.

use std::collections::BTreeMap;

use super::Scene;
use crate::link::Link;

/// The traffic of an edge, or inside the instances of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traffic {
    /// The group.
    pub group: usize,
    /// The role that speaks first.
    pub from: usize,
    /// The role that answers.
    pub to: usize,
    /// Between the pods of each instance; else between the leaders of instances.
    pub inside: bool,
    /// The worst link that the sources allow.
    pub floor: Option<Link>,
    /// Pairs of pods by the narrowest level that they share, narrowest first; `None` is nothing but
    /// the cluster. Never empty.
    pub pairs: Vec<(Option<usize>, u64)>,
}

/// The class of the link between pods that share a level and no narrower one.
pub(super) fn class(scene: &Scene<'_>, level: Option<usize>) -> Link {
    level.and_then(|level| scene.problem().links.get(level)).copied().unwrap_or(Link::Vpc)
}

/// All traffic, group by group: inside instances, then edge by edge.
pub(super) fn traffic(scene: &Scene<'_>) -> Vec<Traffic> {
    let mut all = Vec::new();
    for (group, placed) in scene.placement.groups.iter().enumerate() {
        for (role, instances) in placed.iter().enumerate() {
            let mut pairs: BTreeMap<Option<usize>, u64> = BTreeMap::new();
            for pods in instances.iter().filter(|pods| pods.len() > 1) {
                for (level, count) in within(scene, pods) {
                    *pairs.entry(level).or_default() += count;
                }
            }
            let pairs: Vec<_> = pairs.into_iter().rev().collect();
            if !pairs.is_empty() {
                all.push(Traffic { group, from: role, to: role, inside: true, floor: None, pairs });
            }
        }
        for edge in &scene.problem().groups[group].edges {
            let leaders =
                |role: usize| -> Vec<usize> { placed[role].iter().filter_map(|pods| pods.first().copied()).collect() };
            let (from, to) = (leaders(edge.from), leaders(edge.to));
            let pairs = if edge.from == edge.to { within(scene, &from) } else { between(scene, &from, &to) };
            if !pairs.is_empty() {
                let (from, to, floor) = (edge.from, edge.to, edge.floor);
                all.push(Traffic { group, from, to, inside: false, floor, pairs });
            }
        }
    }
    all
}

/// Pairs of one pod here and one there.
fn between(scene: &Scene<'_>, from: &[usize], to: &[usize]) -> Vec<(Option<usize>, u64)> {
    narrowest(scene, (from.len() * to.len()) as u64, |level| {
        let (here, there) = (count(scene, from, level), count(scene, to, level));
        here.iter().map(|(domain, n)| n * there.get(domain).copied().unwrap_or(0)).sum()
    })
}

/// Pairs of two of these pods.
fn within(scene: &Scene<'_>, pods: &[usize]) -> Vec<(Option<usize>, u64)> {
    let pairs = |n: u64| n * n.saturating_sub(1) / 2;
    narrowest(scene, pairs(pods.len() as u64), |level| count(scene, pods, level).into_values().map(pairs).sum())
}

/// From pairs that share at least a level to pairs that share it and no narrower one.
fn narrowest(scene: &Scene<'_>, all: u64, sharing: impl Fn(usize) -> u64) -> Vec<(Option<usize>, u64)> {
    let mut found = Vec::new();
    let mut narrower = 0;
    for level in (0..scene.inventory.levels.len()).rev() {
        let pairs = sharing(level).max(narrower);
        if pairs > narrower {
            found.push((Some(level), pairs - narrower));
        }
        narrower = pairs;
    }
    if all > narrower {
        found.push((None, all - narrower));
    }
    found
}

/// Pods by domain; a machine without a known one shares it with nobody else.
fn count(scene: &Scene<'_>, machines: &[usize], level: usize) -> BTreeMap<Result<usize, usize>, u64> {
    let mut count = BTreeMap::new();
    for machine in machines {
        let domain = scene.inventory.nodes[*machine].domains[level].ok_or(*machine);
        *count.entry(domain).or_default() += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{plan, testing};
    use crate::target::Target;

    /// The pairs counted one by one.
    fn one_by_one(scene: &Scene<'_>, pairs: impl Iterator<Item = (usize, usize)>) -> Vec<(Option<usize>, u64)> {
        let mut count: BTreeMap<Option<usize>, u64> = BTreeMap::new();
        for (a, b) in pairs {
            let last = scene.inventory.levels.len() - 1;
            let level = if a == b { Some(last) } else { scene.inventory.shared_level(a, b) };
            *count.entry(level).or_default() += 1;
        }
        count.into_iter().rev().collect()
    }

    #[test]
    fn pairs_are_those_counted_one_by_one() {
        let mut inventory = testing::inventory(4, 4);
        // A machine of which only the node is known shares nothing with others.
        inventory.nodes[5].domains.iter_mut().rev().skip(1).for_each(|domain| *domain = None);
        let fitted = testing::fit(vec![testing::service("a")], Vec::new());
        let placement = testing::place(&fitted, &inventory);
        let plan = plan(&fitted, &inventory, &placement);
        let (locks, target) = (BTreeMap::new(), Target::Native);
        let scene =
            Scene { fitted: &fitted, inventory: &inventory, plan: &plan, placement: &placement, locks: &locks, target };
        for machines in [vec![0, 0, 1, 4, 5, 5, 15], (0..16).collect()] {
            let every = (0..machines.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let every = every.map(|(a, b)| (machines[a], machines[b]));
            assert_eq!(within(&scene, &machines), one_by_one(&scene, every));
            let others = [3, 5, 9];
            let across = machines.iter().flat_map(|a| others.map(|b| (*a, b)));
            assert_eq!(between(&scene, &machines, &others), one_by_one(&scene, across));
        }
        let found = traffic(&scene);
        let edges: Vec<_> = found.iter().map(|t| (t.inside, t.from, t.to)).collect();
        assert_eq!(edges, [(true, 0, 0), (false, 0, 1)]);
        assert_eq!(found[1].pairs.iter().map(|(_, pairs)| pairs).sum::<u64>(), 6);
    }
}
