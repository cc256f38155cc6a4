//! Programs through the whole compiler, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rbgc::check;
use rbgc::diag::{Diagnostic, Session};
use rbgc::emit::Group;
use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo, flux};
use rbgc::source::SourceMap;

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

/// The targets that an example is for: that which its name begins with, or `native`, and also `lws`
/// where its cluster has LeaderWorkerSets.
pub fn targets(example: &str) -> Vec<Target> {
    let inventory = read(&root().join("examples").join(example).join("inventory.yaml"));
    let own = Target::NAMES.iter().find(|name| example.starts_with(&format!("{name}-")));
    match own {
        Some(name) => vec![Target::parse(name).expect("a target")],
        None if inventory.contains("leaderworkerset.x-k8s.io/v1") => vec![Target::Native, Target::Lws],
        None => vec![Target::Native],
    }
}

/// Compiles the sources of a world with the inventory `/project/inventory.yaml`.
pub fn compile(world: &Memory, sources: &[&str], set: &[(String, String)], delivery: &Delivery) -> Outcome {
    compile_for(Target::Native, world, sources, set, delivery)
}

/// The same for a target.
pub fn compile_for(
    target: Target,
    world: &Memory,
    sources: &[&str],
    set: &[(String, String)],
    delivery: &Delivery,
) -> Outcome {
    compile_with(target, world, sources, set, (delivery, false))
}

/// The same, with lists for kustomize or without.
pub fn compile_with(
    target: Target,
    world: &Memory,
    sources: &[&str],
    set: &[(String, String)],
    (delivery, kustomization): (&Delivery, bool),
) -> Outcome {
    let mut session = Session::new(world, HOME);
    let sources: Vec<PathBuf> = sources.iter().map(|s| Path::new(HOME).join(s)).collect();
    let options = rbgc::Options {
        check: check::Options { set: set.to_vec(), target },
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

/// Compiles a program; the common inventory of the tests stands in where it brings none. A line
/// `//@ set NAME=VALUE` sets a parameter, and a line `//@ target NAME` chooses a target.
pub fn compile_program(program: &Program) -> Outcome {
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("inventory.yaml"), read(&root().join("tests/inventory.yaml")));
    for file in &program.files {
        world.add(Path::new(HOME).join(&file.path), file.text.as_str());
    }
    let sets = program.files[0].text.lines().filter_map(|line| line.strip_prefix("//@ set ")?.split_once('='));
    let set: Vec<_> = sets.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    let setting = |word: &str| program.files[0].text.lines().find_map(|line| line.strip_prefix(word)).map(str::trim);
    let delivery = match setting("//@ delivery ") {
        Some("argocd") => Delivery::Argocd(argo::Options::default()),
        Some("flux") => Delivery::Flux(flux::Options::default()),
        _ => Delivery::Plain,
    };
    let target = Target::parse(setting("//@ target ").unwrap_or("native")).expect("a target");
    compile_for(target, &world, &["main.rbg"], &set, &delivery)
}
