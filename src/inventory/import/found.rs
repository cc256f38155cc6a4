//! What the files of an import say about machines, before it is put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::problems;
use super::shared::{Facts, Words};
use crate::diag::Diagnostic;
use crate::inventory::{GpuLinks, Taint};
use crate::quantity::Quantity;
use crate::source::Span;
use crate::tree::{At, Reader};

/// Amounts by the name of the resource.
pub type Amounts = Facts<Quantity>;

/// A machine as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Where it is named first.
    pub span: Span,
    /// What the provider calls it; some tools know only this name.
    pub instance: Option<String>,
    /// Its labels, those of the levels included.
    pub labels: Facts<At<String>>,
    /// Its taints, sorted, without those that tell of its condition.
    pub taints: Vec<Taint>,
    /// What pods may use; `None` when no file tells.
    pub allocatable: Amounts,
    /// What pods use already.
    pub used: Amounts,
    /// It is down.
    pub not_ready: bool,
    /// It is cordoned.
    pub cordoned: bool,
    /// Version of its kubelet: major and minor.
    pub kubelet: Option<(u32, u32)>,
    /// How its accelerators are connected.
    pub gpu_links: Option<Arc<GpuLinks>>,
}

impl Machine {
    /// Adds a label. Two values are reported, for the machine of this name.
    pub fn label(&mut self, name: &str, label: Arc<str>, value: At<String>, reader: &mut Reader<'_>) {
        match self.labels.get(&label) {
            Some(first) if first.value != value.value => {
                reader.report(|_| problems::two_values(name, &label, first, &value));
            }
            Some(_) => {}
            None => self.labels.insert(label, value),
        }
    }
}

/// A matrix of links between accelerators, and whom it is about.
#[derive(Debug)]
pub struct Matrix {
    /// The links.
    pub links: Arc<GpuLinks>,
    /// Where they stand.
    pub span: Span,
    /// A pool or a hostlist; without it all machines with so many accelerators.
    pub of: Option<String>,
}

/// Everything found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Machines of which a Node object was read, by name.
    pub objects: BTreeMap<String, Machine>,
    /// What other formats say about machines, by the name that they use.
    pub named: BTreeMap<String, Machine>,
    /// What pods use, by the name of their node, and where the first of them stands.
    pub usage: BTreeMap<String, (Span, Amounts)>,
    /// Labels that a file lists as levels, widest first, and whether their order is declared: that of
    /// columns is not.
    pub chains: Vec<(Vec<At<String>>, bool)>,
    /// Labels that describe levels although no Node object has to carry them.
    pub described: BTreeSet<String>,
    /// Matrices of accelerators.
    pub matrices: Vec<Matrix>,
    /// APIs that custom resource definitions serve, as group and version.
    pub capabilities: BTreeSet<String>,
    /// The pool or hostlist that a matrix in the current file is about.
    pub matrix_of: Option<String>,
    /// Names of levels that the user gave, with their labels.
    pub asked: Vec<(String, String)>,
    /// Keys of labels and names of resources.
    pub words: Words,
    /// Problems between files.
    pub problems: Vec<Diagnostic>,
}

impl Found {
    /// Adds a Node object.
    pub fn object(&mut self, name: At<String>, machine: Machine, reader: &mut Reader<'_>) {
        match self.objects.get(&name.value) {
            Some(first) => {
                let first = first.span;
                reader.report(|_| problems::two_objects(&name, first));
            }
            None => drop(self.objects.insert(name.value, machine)),
        }
    }

    /// What another format says about a machine.
    pub fn named(&mut self, name: &At<String>) -> &mut Machine {
        let blank = || Machine { span: name.span, ..Machine::default() };
        self.named.entry(name.value.clone()).or_insert_with(blank)
    }

    /// Gives a machine of another format a label. Two values are reported.
    pub fn label(&mut self, name: &At<String>, label: &str, value: At<String>, reader: &mut Reader<'_>) {
        let label = self.words.shared(label);
        self.named(name).label(&name.value, label, value, reader);
    }

    /// Adds what a pod uses. `None` when a sum is too large to be counted.
    pub fn uses(&mut self, node: &At<String>, amounts: Amounts) -> Option<()> {
        let (_, sum) = self.usage.entry(node.value.clone()).or_insert_with(|| (node.span, Amounts::default()));
        add(sum, amounts)
    }
}

/// Adds amounts to others; `None` when a sum is too large.
pub fn add(sum: &mut Amounts, amounts: Amounts) -> Option<()> {
    for (resource, amount) in amounts {
        let total = match sum.get(&resource) {
            Some(so_far) => so_far.checked_add(amount)?,
            None => amount,
        };
        sum.insert(resource, total);
    }
    Some(())
}
