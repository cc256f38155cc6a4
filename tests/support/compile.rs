//! Programs through the whole compiler, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rbgc::check;
use rbgc::diag::{Diagnostic, Session};
use rbgc::emit::Group;
use rbgc::order::{Delivery, flux};
use rbgc::source::SourceMap;
use rbgc::target::Target;

use super::program::Program;
use super::{Memory, read, root};

/// The directory that programs in memory stand in.
pub const HOME: &str = "/project";

/// What a compilation ends with.
pub struct Outcome {
    /// All problems, in the order of finding.
    pub problems: Vec<Diagnostic>,
    /// The texts that they point into.
    pub sources: SourceMap,
    /// What would be written.
    pub groups: Option<Vec<Group>>,
}

impl Outcome {
    /// The codes of all problems, sorted, each once.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes: Vec<_> = self.problems.iter().map(|p| p.code.text()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Compiles the sources of a world with the inventory `/project/inventory.yaml`.
pub fn compile(world: &Memory, sources: &[&str], set: &[(String, String)], delivery: &Delivery) -> Outcome {
    compile_with(world, sources, set, delivery, false)
}

/// The same, with lists for kustomize or without.
pub fn compile_with(
    world: &Memory,
    sources: &[&str],
    set: &[(String, String)],
    delivery: &Delivery,
    kustomization: bool,
) -> Outcome {
    let mut session = Session::new(world, HOME);
    let sources: Vec<PathBuf> = sources.iter().map(|s| Path::new(HOME).join(s)).collect();
    let options = rbgc::Options {
        check: check::Options { set: set.to_vec() },
        target: Target::Native,
        delivery: delivery.clone(),
        kustomization,
        prune: BTreeSet::new(),
        install: false,
        effort: 1,
    };
    let inventory = Path::new(HOME).join("inventory.yaml");
    let groups = rbgc::compile(&mut session, &sources, &inventory, &BTreeMap::new(), &options);
    Outcome { problems: session.problems, sources: session.sources, groups }
}

/// Compiles a program; the common inventory of the tests stands in where it brings none.
pub fn compile_program(program: &Program) -> Outcome {
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("inventory.yaml"), read(&root().join("tests/inventory.yaml")));
    for file in &program.files {
        world.add(Path::new(HOME).join(&file.path), file.text.as_str());
    }
    let sets = program.files[0].text.lines().filter_map(|line| line.strip_prefix("//@ set ")?.split_once('='));
    let set: Vec<_> = sets.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let flux = program.files[0].text.lines().any(|line| line.trim() == "//@ delivery flux");
    let delivery = if flux { Delivery::Flux(flux::Options::default()) } else { Delivery::Plain };
    compile(&world, &["main.rbg"], &set, &delivery)
}
