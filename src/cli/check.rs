//! `rbgc check`: everything but writing.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use super::disk::Disk;
use super::jobs::{self, Inputs, Job};
use super::report::{self, Gathered};
use super::{Exit, Terminal, locks};
use crate::diag::Session;
use crate::fit::leaving::ScaleIn;
use crate::fit::{names, target};
use crate::order::Delivery;
use crate::{check, graph, resolve};

/// Check sources, and that the cluster can hold them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc check qwen.rbg                            names, types, rules
  rbgc check qwen.rbg --inventory lab.yaml       and whether the cluster can hold it
  rbgc check --format github --deny-warnings     all of rbgc.toml, for a workflow")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    report: report::Arguments,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let jobs = match jobs::plan(&arguments.inputs, None, &mut gathered) {
        Ok(jobs) => jobs,
        Err(refusal) => return refusal.show(&gathered, &arguments.report, terminal),
    };
    let world = Disk::default();
    for job in &jobs {
        let mut session = Session::new(&world, &job.root);
        terminal.busy("checking", || look(&mut session, job));
        gathered.take(session);
    }
    gathered.show(&arguments.report, terminal, Exit::Fine)
}

/// Compiles as far as is possible, and forgets the result.
fn look(session: &mut Session<'_>, job: &Job) {
    let Some(inventory) = &job.inventory else {
        let program = resolve::resolve(session, &job.files);
        let model = check::check(session, &program, &job.parameters());
        graph::stages(session, &model);
        names::check(session, &model, job.target);
        target::check(session, &model, job.target);
        return;
    };
    // The groups stand where they were placed when the tree was written.
    let locks = job.out().map_or_else(BTreeMap::new, |out| locks::read(session, &out));
    let options = crate::Options {
        check: job.parameters(),
        delivery: Delivery::Plain,
        kustomization: false,
        prune: BTreeSet::new(),
        install: false,
        scale_in: ScaleIn::AtLast,
        effort: 1,
    };
    crate::compile(session, &job.files, inventory, &locks, &options);
}
