//! The lock of a group, `rbgc.lock`: what was written and what was placed where, so that the next
//! compilation keeps places, deletes what it no longer makes, and touches nothing of others.
//!
//! A text: the first line is `rbgc.lock 1`, every other one an entry, sorted.
//!
//! ```text
//! rbgc.lock 1
//! affinity prefill/0/leader asked:… need:zone=a&x/rack=r03 like:100:kubernetes.io/hostname=gpu-001
//! edition 2026
//! exclusive rack
//! file prefill/statefulset-demo-prefill-0.yaml sha256:…
//! file ../argocd/demo.yaml sha256:…
//! generation 2
//! leaving prefill/1 2
//! pin prefill/0 rack=a/b1/r03
//! place prefill/0 gpu-001,gpu-002
//! revision prefill decode --page-size=64 image=example.com/engine:1.0.0
//! step prefill/0 3
//! template prefill sha256:…
//! uses prefill cpu=64,nvidia.com/gpu=8 cpu=64,nvidia.com/gpu=8
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use sha2::Digest as _;

use affinity::{Affinity, Site};

pub mod affinity;
mod parse;
pub mod path;

/// The edition of the compiler that locks are written for when nothing else is said.
pub const EDITION: u32 = 2026;

/// The first line of every lock.
pub const FIRST_LINE: &str = "rbgc.lock 1";

/// What is remembered of a group between two compilations.
///
/// Names of roles are DNS labels; those of nodes, levels, domains and resources are not empty and
/// have no blanks, commas or, but for domains, equals signs. No list is empty: [`Lock::render`]
/// leaves out what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What the pods of each part were told about nodes: it is kept until their instance must move.
    pub affinities: BTreeMap<Site, Affinity>,
    /// The edition of the compiler: a year.
    pub edition: u32,
    /// Levels on which the group holds its domains alone.
    pub exclusive: BTreeSet<String>,
    /// What was written: the hash of each file, by its path from the group's directory; see
    /// [`path::check_in_lock`].
    pub files: BTreeMap<String, Digest>,
    /// The generation of the group: 1 where no line says so.
    pub generation: u32,
    /// Instances that nobody lists any more, and that leave in a later commit. For each how many of its
    /// role stood before the first of them left.
    pub leaving: BTreeMap<Instance, u32>,
    /// For each instance the levels and domains that its affinity names, in the order given.
    pub pins: BTreeMap<Instance, Vec<(String, String)>>,
    /// For each instance the node of each pod, in the order of its parts.
    pub places: BTreeMap<Instance, Vec<String>>,
    /// For each pair of connected roles what both must agree on at any time, by name, as
    /// [`remembered`] has it. A pair that is not there is not known.
    pub revisions: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// For each instance of a role that is updated in step with others the step that updates it.
    pub steps: BTreeMap<Instance, u32>,
    /// For each of these roles what its instances were made from, when the steps were chosen.
    pub templates: BTreeMap<String, Digest>,
    /// For each role what each pod of an instance requests, in the order of its parts, in the
    /// units of the inventory: so that groups that are not compiled keep their room.
    pub uses: BTreeMap<String, Vec<BTreeMap<String, i64>>>,
}

impl Default for Lock {
    fn default() -> Self {
        Lock {
            affinities: BTreeMap::new(),
            edition: EDITION,
            exclusive: BTreeSet::new(),
            files: BTreeMap::new(),
            generation: 1,
            leaving: BTreeMap::new(),
            pins: BTreeMap::new(),
            places: BTreeMap::new(),
            revisions: BTreeMap::new(),
            steps: BTreeMap::new(),
            templates: BTreeMap::new(),
            uses: BTreeMap::new(),
        }
    }
}

/// An instance of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// Name of the role.
    pub role: String,
    /// Index of the instance, from 0.
    pub index: u32,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.index)
    }
}

/// A SHA-256, by which a file is known to be as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Digest(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Lock {
    /// The instances of a role that stand, in the order of their numbers.
    pub fn standing<'l>(&'l self, role: &str) -> impl Iterator<Item = u32> + 'l {
        let ends = [0, u32::MAX].map(|index| Instance { role: role.to_owned(), index });
        let [first, last] = ends;
        self.places.range(first..=last).map(|(instance, _)| instance.index)
    }

    /// The lock as text: sorted, one entry a line.
    pub fn render(&self) -> String {
        let mut out = format!("{FIRST_LINE}\n");
        self.write_entries(&mut out).expect("invariant: writing to a String does not fail");
        out
    }

    fn write_entries(&self, out: &mut String) -> fmt::Result {
        for (site, affinity) in self.affinities.iter().filter(|(_, affinity)| affinity.is_writable()) {
            writeln!(out, "affinity {site} {affinity}")?;
        }
        writeln!(out, "edition {}", self.edition)?;
        for level in &self.exclusive {
            writeln!(out, "exclusive {level}")?;
        }
        for (path, digest) in &self.files {
            writeln!(out, "file {path} {digest}")?;
        }
        if self.generation > 1 {
            writeln!(out, "generation {}", self.generation)?;
        }
        for (instance, stood) in &self.leaving {
            writeln!(out, "leaving {instance} {stood}")?;
        }
        for (instance, pins) in self.pins.iter().filter(|(_, pins)| !pins.is_empty()) {
            let pins = pins.iter().map(|(level, domain)| format!("{level}={domain}"));
            writeln!(out, "pin {instance} {}", join(pins, ","))?;
        }
        for (instance, nodes) in self.places.iter().filter(|(_, nodes)| !nodes.is_empty()) {
            writeln!(out, "place {instance} {}", nodes.join(","))?;
        }
        for ((from, to), values) in self.revisions.iter().filter(|(_, values)| !values.is_empty()) {
            let values = values.iter().map(|(name, value)| format!("{name}={value}"));
            writeln!(out, "revision {from} {to} {}", join(values, " "))?;
        }
        for (instance, step) in &self.steps {
            writeln!(out, "step {instance} {step}")?;
        }
        for (role, digest) in &self.templates {
            writeln!(out, "template {role} {digest}")?;
        }
        for (role, pods) in self.uses.iter().filter(|(_, pods)| !pods.is_empty()) {
            let pods = pods.iter().map(|amounts| match amounts.is_empty() {
                true => "-".to_string(),
                false => join(amounts.iter().map(|(resource, amount)| format!("{resource}={amount}")), ","),
            });
            writeln!(out, "uses {role} {}", join(pods, " "))?;
        }
        Ok(())
    }
}

/// The longest value that a lock shows as it is.
const SHOWN: usize = 200;

/// A value as a lock remembers it: as it is, so that people can read it, or by its digest where it
/// is long or could not stand in a line.
pub fn remembered(value: &str) -> String {
    let plain = (1..=SHOWN).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
    if plain { value.to_owned() } else { Digest::of(value.as_bytes()).to_string() }
}

fn join(parts: impl Iterator<Item = String>, separator: &str) -> String {
    parts.collect::<Vec<_>>().join(separator)
}
