//! What an inventory tells that stands already and the files of an import do not: it is kept, so that
//! an import which runs every night changes only what has changed in the cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::pools::Fleet;
use crate::data::{Data, Map};
use crate::diag::{Code, Session};
use crate::inventory::raw::RawInventory;
use crate::inventory::{self, HOSTNAME, Inventory, Namespaces, Node, Routing, yaml};
use crate::tree::{FromTree, Reader};

/// The inventory that stands.
#[derive(Debug)]
pub struct Before {
    /// What it means.
    pub inventory: Inventory,
    /// Ports that pods on the host network must not use.
    pub ports: Option<String>,
    /// By label whether each value of a level names one domain, where that is said.
    pub unique: BTreeMap<String, bool>,
    pools: BTreeMap<String, Said>,
    nodes: BTreeMap<String, Said>,
}

/// What is said of a pool or node that its Node objects may not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether only pods of this compiler run there.
    pub dedicated: Option<bool>,
    /// Pods may lock memory.
    pub memlock: bool,
    /// An autoscaler makes and removes its machines.
    pub elastic: bool,
    /// Its machines may be taken away.
    pub spot: bool,
    /// Its product.
    pub gpu: Option<String>,
    /// Its RDMA adapters, a hostlist in the order of the rails.
    pub nics: Option<String>,
}

impl Said {
    /// What is said and not found, by its keys.
    fn words(&self, elastic: bool, spot: bool) -> Vec<&'static str> {
        let all = [
            ("dedicated", self.dedicated.is_some()),
            ("elastic", self.elastic && !elastic),
            ("spot", self.spot && !spot),
            ("memlock", self.memlock),
            ("nics", self.nics.is_some()),
        ];
        all.into_iter().filter(|(_, said)| *said).map(|(word, _)| word).collect()
    }
}

/// The name and what is said of it, of a pool or of a node.
macro_rules! said {
    ($raw:expr) => {{
        let raw = $raw;
        let said = Said {
            dedicated: raw.dedicated,
            memlock: raw.memlock.is_some(),
            elastic: raw.elastic == Some(true),
            spot: raw.spot == Some(true),
            gpu: raw.gpu.map(|gpu| gpu.value),
            nics: raw.nics.map(|nics| nics.value),
        };
        raw.name.map(|name| (name.value, said))
    }};
}

impl Before {
    /// Reads the inventory. `None` when it cannot be read, which is reported.
    pub fn read(session: &mut Session<'_>, name: &str, text: &str) -> Option<Before> {
        let file = session.sources.add(name, text)?;
        let inventory = inventory::parse(session, file)?;
        // It is known by now that nothing is wrong with it.
        let mut reader = Reader::new(Code::BadInventory, session.sources.file(file));
        let tree = yaml::parse(&mut reader)?;
        let raw = RawInventory::from_tree(tree, &mut reader)?;
        let levels = raw.levels.unwrap_or_default().into_iter();
        let pools = raw.pools.unwrap_or_default().into_iter();
        let nodes = raw.nodes.unwrap_or_default().into_iter();
        Some(Before {
            inventory,
            ports: raw.reserved.and_then(|reserved| reserved.ports).map(|ports| ports.value),
            unique: levels.filter_map(|level| Some((level.label?.value, level.unique?))).collect(),
            pools: pools.filter_map(|pool| said!(pool)).collect(),
            nodes: nodes.filter_map(|node| said!(node)).filter(|(_, said)| *said != Said::default()).collect(),
        })
    }

    /// The levels above the node, widest first: name and label.
    pub fn levels(&self) -> Vec<(String, String)> {
        let above = self.inventory.levels.iter().filter(|level| level.label != HOSTNAME);
        above.map(|level| (level.name.clone(), level.label.clone())).collect()
    }

    /// The link of a level as it is written.
    pub fn link(&self, level: &str) -> Option<Data> {
        let link = self.inventory.levels[self.inventory.level(level)?].link.as_ref()?;
        let class = link.class.name();
        Some(match &link.needs {
            Some(needs) => Map::new().with("class", class).with("needs", needs.clone()).into(),
            None => class.into(),
        })
    }

    /// What is said of a pool.
    pub fn pool(&self, name: &str) -> Option<&Said> {
        self.pools.get(name)
    }

    /// What is said of a node and differs from its pool.
    pub fn node(&self, name: &str) -> Option<&Said> {
        self.nodes.get(name)
    }

    /// By value of the label that tells products the name that sources use.
    pub fn products(&self) -> BTreeMap<String, String> {
        let told = |node: &Node| {
            let value = node.labels.get(&self.inventory.gpu_label)?;
            Some((value.clone(), node.gpu.clone()?))
        };
        self.inventory.nodes.iter().filter_map(told).collect()
    }

    /// What is kept although files do not tell it, or tell it otherwise, in words.
    pub fn kept(&self, capabilities: &BTreeSet<String>, links: &Map, fleet: &Fleet<'_>) -> Vec<String> {
        let old = &self.inventory;
        let mut kept = Vec::new();
        if capabilities.is_empty() && !old.capabilities.is_empty() {
            kept.push("`capabilities`".to_owned());
        }
        let names = old.levels.iter().map(|level| level.name.as_str());
        let linked = names.filter(|level| self.link(level).is_some_and(|link| links.get(level) != Some(&link)));
        kept.extend(linked.map(|level| format!("the link of `{level}`")));
        for pool in &fleet.pools {
            if pool.renamed {
                kept.push(format!("the name of the pool `{}`", pool.name));
            }
            let words = pool.said.words(pool.elastic, pool.spot);
            kept.extend(words.into_iter().map(|word| format!("`{word}` of the pool `{}`", pool.name)));
        }
        let nodes = fleet.singles.iter().filter(|single| single.said.is_some());
        kept.extend(nodes.map(|single| format!("what is said of the node `{}`", single.name)));
        if self.ports.is_some() {
            kept.push("`reserved`".to_owned());
        }
        if old.namespaces != Namespaces::default() {
            kept.push("`namespaces`".to_owned());
        }
        if old.routing != Routing::default() {
            kept.push("what roles are exposed and measured by".to_owned());
        }
        kept
    }

    /// For each list of machines the pool that most of them are in, each pool once.
    pub fn pool_names(&self, lists: &[Vec<&str>]) -> Vec<Option<String>> {
        let nodes = self.inventory.nodes.iter();
        let pools: BTreeMap<&str, usize> = nodes.filter_map(|node| Some((node.name.as_str(), node.pool?))).collect();
        let mut shared: Vec<(usize, usize, usize)> = Vec::new();
        for (list, machines) in lists.iter().enumerate() {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            machines.iter().filter_map(|name| pools.get(name)).for_each(|pool| *counts.entry(*pool).or_default() += 1);
            shared.extend(counts.into_iter().map(|(pool, count)| (count, list, pool)));
        }
        shared.sort_by_key(|(count, list, pool)| (std::cmp::Reverse(*count), *list, *pool));
        let mut names: Vec<Option<String>> = vec![None; lists.len()];
        let mut taken = BTreeSet::new();
        for (_, list, pool) in shared {
            if names[list].is_none() && taken.insert(pool) {
                names[list] = Some(self.inventory.pools[pool].name.clone());
            }
        }
        names
    }
}
