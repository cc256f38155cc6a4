//! A compiler from role groups to Kubernetes manifests for GitOps.
//!
//! The modules stand in pipeline order; each imports only from those above it.

pub mod source;
pub mod diag;
pub mod tree;
pub mod data;
pub mod quantity;
pub mod naming;
pub mod link;
pub mod rollout;
pub mod kinds;
pub mod lock;
pub mod yaml;
pub mod project;
pub mod syntax;
pub mod resolve;
pub mod check;
pub mod graph;
pub mod inventory;
pub mod scheduler;
pub mod place;
pub mod fit;
pub mod plan;
pub mod robust;
pub mod target;
pub mod view;
pub mod order;
pub mod record;
pub mod transition;
pub mod emit;
pub mod diff;
pub mod cli;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a compilation is told besides its sources.
#[derive(Debug, Clone)]
pub struct Options {
    /// Settings of the sources, and the target.
    pub check: check::Options,
    /// How they reach the cluster.
    pub delivery: order::Delivery,
    /// Whether each group has a `kustomization.yaml`, which lists its objects for kustomize.
    pub kustomization: bool,
    /// Groups that go with this compilation: their room is free once they are gone.
    pub prune: BTreeSet<String>,
    /// Nothing stands yet: roles that are updated in step start at once.
    pub install: bool,
    /// How instances may leave that are scaled in step.
    pub scale_in: fit::leaving::ScaleIn,
    /// How hard to look for a better plan: a factor of the work, from 1.
    pub effort: u32,
}

/// Compiles sources for a cluster. `locks` are those of all groups in the output, by name; without
/// them nothing stands anywhere yet.
///
/// `None` when an error was reported; nothing is written either way.
pub fn compile(
    session: &mut diag::Session,
    sources: &[PathBuf],
    inventory: &Path,
    locks: &BTreeMap<String, lock::Lock>,
    options: &Options,
) -> Option<Vec<emit::Group>> {
    let (removed, locks) = without(locks, &options.prune);
    let prunes_first = matches!(options.delivery, order::Delivery::Flux(_));
    let commit = fit::leaving::Commit { scale_in: options.scale_in, prunes_first, install: options.install };
    let (mut fitted, inventory) = prepare(session, sources, inventory, &locks, (&options.check, commit))?;
    if let order::Delivery::Flux(flux) = &options.delivery {
        let divided = target::divides(fitted.target);
        fit::names::check_kustomizations(session, &fitted.model, divided, &flux.namespace)?;
    }
    if !options.install {
        fit::revision::check(session, &fitted, options.delivery.removes_first())?; // old beside new
    }
    fitted.problem.effort = options.effort;
    let placement = place::place(session, &fitted.problem)?; // which instance where
    let plan = plan::plan(&fitted, &inventory, &placement); // what to run
    let mut plan = robust::robust(session, &fitted.problem, plan)?; // true in whatever order pods come
    target::rollout::schedule(&mut plan, &fitted, options.install); // who is updated with whom
    let order = order::Order::new(&plan, &options.delivery, options.kustomization); // when, and in which file
    let lower = |group| order.documents(group, target::lower_group(&plan, group));
    let changes = record::changes(&fitted, &plan, &placement); // what moves, and why
    let change =
        transition::Before { fitted: &fitted, plan: &plan, placement: &placement, order: &order, removed: &removed };
    let transition = transition::transition(&change).map_err(|problem| session.report(problem)).ok()?; // one commit, or more
    fit::revision::whole(session, &fitted, transition.deferred.iter().map(|one| one.group.as_str()))?;
    let locks = record::locks(&fitted, &plan, &placement); // what is remembered
    let lists = options.delivery.lists(options.kustomization);
    let (mut groups, warnings) = emit::render(locks, &order, lists, lower); // objects, then bytes
    warnings.into_iter().for_each(|problem| session.report(problem));
    emit::tell(&mut groups, changes, transition::ladders(&change), transition.deferred);
    // Large compilations take long to take apart; the caller need not wait for it.
    rayon::spawn(move || drop(fitted));
    Some(groups)
}

/// The locks of some groups, and those of all others, which are copied only when there are any of the former.
fn without<'l>(
    locks: &'l BTreeMap<String, lock::Lock>,
    groups: &BTreeSet<String>,
) -> (BTreeMap<String, lock::Lock>, Cow<'l, BTreeMap<String, lock::Lock>>) {
    if locks.keys().all(|name| !groups.contains(name)) {
        return (BTreeMap::new(), Cow::Borrowed(locks));
    }
    let (removed, rest) = locks.clone().into_iter().partition(|(name, _)| groups.contains(name));
    (removed, Cow::Owned(rest))
}

/// Everything before placement: what is to be placed, and where. Parameters as in [`compile`].
///
/// `None` when an error was reported.
pub fn prepare(
    session: &mut diag::Session,
    sources: &[PathBuf],
    inventory: &Path,
    locks: &BTreeMap<String, lock::Lock>,
    (options, commit): (&check::Options, fit::leaving::Commit),
) -> Option<(fit::Fitted, inventory::Inventory)> {
    let program = resolve::resolve(session, sources); // imports, standard library, names
    let model = check::check(session, &program, options); // types, values, assertions
    let stages = graph::stages(session, &model); // who waits for whom
    let name = resolve::display_name(&session.root, inventory);
    let inventory = inventory::load(session, inventory, &name); // machines and topology
    session.gate()?; // everything wrong so far was reported
    let (stages, inventory) = (stages?, inventory?);
    rayon::spawn(move || drop(program)); // takes long when it is large
    let fitted = fit::fit(session, model, stages, &inventory, locks, (options.target, commit))?; // names, levels, shapes
    Some((fitted, inventory))
}
