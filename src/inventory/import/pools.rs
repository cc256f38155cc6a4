//! Machines that are alike become pools with hostlists; what differs is told node by node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Machines;
use super::alias::{ELASTIC, GPUS, INSTANCE_TYPE, POOL_LABELS, PRODUCT_LABELS, SPOT};
use super::before::{Before, Said};
use super::fold;
use super::found::{Amounts, Machine};
use super::levels::Levels;
use super::names::{Names, short};
use crate::inventory::{GpuLinks, HOSTNAME, Taint};
use crate::naming::natural;

/// Labels that belong to a machine or pool.
pub type Labels<'m> = BTreeMap<&'m str, &'m str>;

/// Machines of one kind.
#[derive(Debug)]
pub struct Pool<'m> {
    /// Its name.
    pub name: String,
    /// The product by the name of sources, where the label says another.
    pub product: Option<String>,
    /// Labels that all of them carry, those of levels excepted.
    pub labels: Labels<'m>,
    /// Taints of all of them.
    pub taints: &'m [Taint],
    /// They may be taken away.
    pub spot: bool,
    /// An autoscaler makes them.
    pub elastic: bool,
    /// The name is not the one that follows from its machines.
    pub renamed: bool,
    /// What was said of it by hand.
    pub said: Said,
    /// What all of them have, with the amounts of most.
    pub allocatable: Amounts,
    /// Links that all of them have.
    pub gpu_links: Option<Arc<GpuLinks>>,
    /// The machines that are as the pool says.
    pub hosts: Option<String>,
    /// By level one value for all, or a pattern for `hosts`.
    pub domains: Vec<(&'m str, String)>,
}

/// A machine that differs from its pool.
#[derive(Debug)]
pub struct Single<'m> {
    /// Its name.
    pub name: &'m str,
    /// Its pool.
    pub pool: String,
    /// Labels beside those of the pool.
    pub labels: Labels<'m>,
    /// Values of levels that the pool does not tell for all.
    pub domains: Vec<(&'m str, &'m str)>,
    /// Amounts that differ from the pool's.
    pub allocatable: Amounts,
    /// What was said of it by hand.
    pub said: Option<Said>,
    /// The machine.
    pub machine: &'m Machine,
    /// Links that the pool does not tell.
    pub gpu_links: Option<Arc<GpuLinks>>,
}

/// All machines.
#[derive(Debug, Default)]
pub struct Fleet<'m> {
    /// Pools by name.
    pub pools: Vec<Pool<'m>>,
    /// Machines that are listed, by name.
    pub singles: Vec<Single<'m>>,
}

/// The name that a machine's pool has, unless another kind of machines has it too.
pub fn base_name(machine: &Machine) -> String {
    let value = |label: &&str| machine.labels.get(label).map(|value| value.value.as_str()).filter(|v| !v.is_empty());
    let pool = POOL_LABELS.iter().find_map(value).map(str::to_owned);
    let product = || PRODUCT_LABELS.iter().find_map(value).map(|value| short(value).to_ascii_lowercase());
    let gpus = GPUS.iter().any(|gpu| machine.allocatable.contains_key(gpu));
    let kind = if gpus {
        "gpu"
    } else if machine.allocatable.is_empty() {
        "nodes"
    } else {
        "cpu"
    };
    pool.or_else(product).unwrap_or_else(|| kind.to_owned())
}

/// What tells kinds of machines apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'m> {
    base: String,
    product: Option<&'m str>,
    instance: Option<&'m str>,
    taints: &'m [Taint],
    spot: bool,
    elastic: bool,
}

impl<'m> Kind<'m> {
    fn of(machine: &'m Machine, names: &Names) -> Self {
        let marked = |(label, value): &(&str, &str)| machine.labels.get(label).is_some_and(|own| own.value == *value);
        Kind {
            base: base_name(machine),
            product: names.product(machine),
            instance: machine.labels.get(INSTANCE_TYPE).map(|value| value.value.as_str()),
            taints: &machine.taints,
            spot: SPOT.iter().any(marked),
            elastic: ELASTIC.iter().any(|label| machine.labels.contains_key(label)),
        }
    }
}

/// Machines by name.
type List<'m> = Vec<(&'m str, &'m Machine)>;

/// Sorts machines into pools. One whose machines were in another pool before has its name.
pub fn fleet<'m>(machines: &'m Machines, levels: &'m Levels, names: &Names, before: Option<&Before>) -> Fleet<'m> {
    let mut kinds: BTreeMap<Kind<'m>, List<'m>> = BTreeMap::new();
    for (name, machine) in machines {
        kinds.entry(Kind::of(machine, names)).or_default().push((name, machine));
    }
    let mut lists: Vec<(Kind<'m>, List<'m>)> = kinds.into_iter().collect();
    lists.iter_mut().for_each(|(_, list)| list.sort_by(|(a, _), (b, _)| natural(a, b)));
    // Of kinds that would have one name the one with the first machine gets it.
    lists.sort_by(|(a, x), (b, y)| natural(&a.base, &b.base).then_with(|| natural(x[0].0, y[0].0)));
    let hosts: Vec<Vec<&str>> = lists.iter().map(|(_, list)| list.iter().map(|(name, _)| *name).collect()).collect();
    let old = before.map_or_else(|| vec![None; lists.len()], |before| before.pool_names(&hosts));
    let mut taken: BTreeSet<String> = lists.iter().map(|(kind, _)| kind.base.clone()).collect();
    let mut used: BTreeSet<String> = old.iter().flatten().cloned().collect();
    taken.extend(used.iter().cloned());
    let mut fleet = Fleet::default();
    for ((kind, list), old) in lists.into_iter().zip(old) {
        let fresh = || if used.contains(&kind.base) { next(&kind.base, &mut taken) } else { kind.base.clone() };
        let name = old.unwrap_or_else(fresh);
        used.insert(name.clone());
        let said = before.and_then(|before| before.pool(&name)).cloned().unwrap_or_default();
        pool(blank((name, said), &kind, &list, levels, names), &list, (levels, before), &mut fleet);
    }
    fleet.pools.sort_by(|a, b| natural(&a.name, &b.name));
    fleet.singles.sort_by(|a, b| natural(a.name, b.name));
    fleet
}

/// A name with a number that is free.
fn next(base: &str, taken: &mut BTreeSet<String>) -> String {
    let name = (2_u32..).map(|n| format!("{base}-{n}")).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// A pool before it is known which machines are as it says.
fn blank<'m>(
    (name, said): (String, Said),
    kind: &Kind<'m>,
    list: &List<'m>,
    levels: &Levels,
    names: &Names,
) -> Pool<'m> {
    let renamed = name != kind.base;
    let product = kind.product.and_then(|value| Some((value, names.products.get(value)?)));
    let links = list[0].1.gpu_links.as_ref();
    Pool {
        name,
        product: product
            .filter(|(value, name)| value != name)
            .map(|(_, name)| name.clone())
            .or_else(|| said.gpu.clone().filter(|_| kind.product.is_none())),
        renamed,
        said,
        labels: common_labels(list, levels),
        taints: kind.taints,
        spot: kind.spot,
        elastic: kind.elastic,
        allocatable: common_amounts(list),
        gpu_links: links.filter(|links| list.iter().all(|(_, m)| m.gpu_links.as_ref() == Some(*links))).cloned(),
        hosts: None,
        domains: Vec::new(),
    }
}

/// The machines that are as their pool says, and the others.
fn split<'m>(pool: &Pool<'m>, list: &List<'m>, (levels, before): (&Levels, Option<&Before>)) -> (List<'m>, List<'m>) {
    let plain: Vec<Option<usize>> = list
        .iter()
        .map(|(name, m)| (is_plain(name, m, pool, levels) && own(before, name).is_none()).then(|| levels.depth(m)))
        .collect();
    let depth = most(plain.iter().flatten().copied());
    let (mut alike, mut others) = (Vec::new(), Vec::new());
    for (machine, plain) in list.iter().zip(plain) {
        if plain.is_some() && plain == depth { alike.push(*machine) } else { others.push(*machine) }
    }
    // One of several would be taken for the pattern of all.
    if alike.len() == 1 && !others.is_empty() { (Vec::new(), list.clone()) } else { (alike, others) }
}

/// Adds a pool: the machines that are as it says in its hostlist, the others by themselves.
fn pool<'m>(
    mut pool: Pool<'m>,
    list: &List<'m>,
    (levels, before): (&'m Levels, Option<&Before>),
    fleet: &mut Fleet<'m>,
) {
    let (alike, others) = split(&pool, list, (levels, before));
    let first = levels.path(list[0].1);
    let shared: Vec<bool> = (0..levels.0.len())
        .map(|level| {
            let value = first.get(level).copied();
            value.is_some() && list.iter().all(|(_, machine)| levels.domain(machine, level) == value)
        })
        .collect();
    if !alike.is_empty() {
        let (hosts, patterns) = shortest(&alike, levels, &shared);
        pool.hosts = Some(hosts);
        pool.domains = levels.0.iter().map(|level| level.name.as_str()).zip(patterns).collect();
    } else {
        let constant = |(level, _): (usize, &bool)| (levels.0[level].name.as_str(), first[level].to_owned());
        pool.domains = shared.iter().enumerate().filter(|(_, shared)| **shared).map(constant).collect();
    }
    for (name, machine) in others {
        let domains = levels.0.iter().zip(levels.path(machine)).zip(&shared).filter(|(_, shared)| !**shared);
        fleet.singles.push(Single {
            name,
            pool: pool.name.clone(),
            labels: own_labels(name, machine, &pool.labels, levels),
            domains: domains.map(|((level, value), _)| (level.name.as_str(), value)).collect(),
            allocatable: difference(&machine.allocatable, &pool.allocatable),
            said: own(before, name).cloned(),
            machine,
            gpu_links: machine.gpu_links.clone().filter(|links| pool.gpu_links.as_ref() != Some(links)),
        });
    }
    fleet.pools.push(pool);
}

/// What was said of a machine by hand.
fn own<'b>(before: Option<&'b Before>, name: &str) -> Option<&'b Said> {
    before?.node(name)
}

/// Whether a machine is as its pool says, but for its domains.
fn is_plain(name: &str, machine: &Machine, pool: &Pool<'_>, levels: &Levels) -> bool {
    own_labels(name, machine, &pool.labels, levels).is_empty()
        && machine.allocatable == pool.allocatable
        && machine.used.is_empty()
        && !machine.not_ready
        && !machine.cordoned
        && machine.gpu_links == pool.gpu_links
}

/// Labels that a pool does not have, without those of levels; the hostname where it differs.
fn own_labels<'m>(name: &str, machine: &'m Machine, pool: &Labels<'_>, levels: &Levels) -> Labels<'m> {
    let own = |(key, value): &(&str, &str)| match *key {
        HOSTNAME => *value != name && !value.is_empty(),
        key => !levels.has(key) && pool.get(key) != Some(value),
    };
    machine.labels.iter().map(|(key, value)| (&**key, value.value.as_str())).filter(own).collect()
}

/// Labels that all machines carry.
fn common_labels<'m>(list: &[(&'m str, &'m Machine)], levels: &Levels) -> Labels<'m> {
    let first = list[0].1.labels.iter().map(|(key, value)| (&**key, value.value.as_str()));
    let mut common: Labels<'m> = first.filter(|(key, _)| *key != HOSTNAME && !levels.has(key)).collect();
    for (_, machine) in &list[1..] {
        common.retain(|key, value| machine.labels.get(key).is_some_and(|other| other.value == *value));
    }
    common
}

/// The resources that all machines have, with the amounts that most have.
fn common_amounts(list: &[(&str, &Machine)]) -> Amounts {
    let mut keys: BTreeSet<&str> = list[0].1.allocatable.keys().collect();
    for (_, machine) in &list[1..] {
        keys.retain(|key| machine.allocatable.contains_key(key));
    }
    let mut counts: BTreeMap<Vec<i128>, (usize, &Machine)> = BTreeMap::new();
    for (_, machine) in list {
        let amounts = keys.iter().map(|key| machine.allocatable[*key].milli).collect();
        counts.entry(amounts).or_insert((0, machine)).0 += 1;
    }
    let most = counts.into_iter().max_by(|(a, (x, _)), (b, (y, _))| x.cmp(y).then_with(|| b.cmp(a)));
    let amounts = most.map(|(_, (_, machine))| &machine.allocatable);
    keys.into_iter().filter_map(|key| Some((key.into(), *amounts?.get(key)?))).collect()
}

/// Amounts that are not the pool's.
fn difference(amounts: &Amounts, pool: &Amounts) -> Amounts {
    amounts.iter().filter(|(key, amount)| pool.get(key) != Some(amount)).map(|(k, a)| (Arc::clone(k), *a)).collect()
}

/// The number that occurs most often; of several the largest.
fn most(numbers: impl Iterator<Item = usize>) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_insert(0) += 1);
    counts.into_iter().max_by_key(|(number, count)| (*count, *number)).map(|(number, _)| number)
}

/// A hostlist and the patterns of its domains: by name, or by domain where that is shorter. Where a
/// value is not that of all machines of the pool, it is written with its number, so that it does not
/// hold for those that are listed.
fn shortest(alike: &[(&str, &Machine)], levels: &Levels, shared: &[bool]) -> (String, Vec<String>) {
    let mut machines: Vec<(&str, Vec<&str>)> =
        alike.iter().map(|(name, machine)| (*name, levels.path(machine))).collect();
    let folded = |machines: &[(&str, Vec<&str>)]| {
        let depth = machines[0].1.len();
        let pattern = |level: usize| {
            let values: Vec<&str> = machines.iter().map(|(_, path)| path[level]).collect();
            if shared[level] { values[0].to_owned() } else { fold::pattern(&values) }
        };
        (
            fold::hostlist(&machines.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
            (0..depth).map(pattern).collect::<Vec<String>>(),
        )
    };
    let length =
        |(hosts, patterns): &(String, Vec<String>)| hosts.len() + patterns.iter().map(String::len).sum::<usize>();
    let by_name = folded(&machines);
    machines.sort_by(|(a, x), (b, y)| {
        let by_path = x.iter().zip(y).map(|(x, y)| natural(x, y)).find(|order| order.is_ne());
        by_path.unwrap_or(std::cmp::Ordering::Equal).then_with(|| natural(a, b))
    });
    let by_path = folded(&machines);
    if length(&by_path) < length(&by_name) { by_path } else { by_name }
}
