//! `rbgc rollout`: update coordinated roles commit by commit.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::compile::{self, Compilation};
use super::disk::Disk;
use super::jobs::Job;
use super::report::{self, Gathered};
use super::{Exit, Terminal, locks};
use crate::diag::Session;
use crate::emit::{Group, Lock, Progress, progress};
use crate::fit::leaving::ScaleIn;
use crate::plan::Brings;
use crate::transition::{Deferred, Ladder};

/// Update coordinated roles commit by commit
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
`rbgc compile` writes a whole rollout at once, and Argo CD carries it out wave by wave. These
commands write it in steps instead: commit each, look at what it does, and go on when it is well.
Roles that are scaled in step get and lose instances by the same commands.

Examples:
  rbgc rollout plan --cluster prod-east      the steps, and which of them are written
  rbgc rollout next --cluster prod-east      write the next one
  rbgc rollout status --cluster prod-east    how far is it? 3 is returned when a step is left"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the steps, and which of them are written
    Plan(Compilation),
    /// Write the next step of every rollout; commit it, let it sync, and go on
    Next(compile::Arguments),
    /// Say how far each rollout is; exit with 3 when a step is left
    Status(Compilation),
}

pub(super) fn run(arguments: Arguments, terminal: &Terminal) -> Exit {
    match arguments.command {
        Command::Plan(compilation) => survey(&compilation, terminal, steps),
        Command::Status(compilation) => survey(&compilation, terminal, status),
        Command::Next(mut arguments) => {
            arguments.next_step = true;
            compile::run(&arguments, terminal)
        }
    }
}

/// Compiles, and shows something of the groups and of the locks of what was written.
fn survey(
    compilation: &Compilation,
    terminal: &Terminal,
    show: impl Fn(&[Group], &BTreeMap<String, Lock>) -> (String, Exit),
) -> Exit {
    let mut gathered = Gathered::default();
    let report = report::Arguments::default();
    let misuse = |jobs: &[Job]| {
        let homeless = jobs.iter().any(|job| compilation.tree(job).is_none());
        homeless.then_some("which tree? give the output directory by `-o DIR`")
    };
    let jobs = match compilation.jobs(&mut gathered, misuse) {
        Ok(jobs) => jobs,
        Err(refusal) => return refusal.show(&gathered, &report, terminal),
    };
    let world = Disk::default();
    let (mut text, mut end) = (String::new(), Exit::Fine);
    for (job, delivery) in jobs {
        let mut session = Session::new(&world, &job.root);
        let locks = compilation.tree(&job).map_or_else(BTreeMap::new, |tree| locks::read(&mut session, &tree));
        let groups = terminal
            .busy("compiling", || compilation.make(&mut session, (&job, delivery), (&locks, ScaleIn::NextStep)));
        if let Some(groups) = groups {
            let (shown, exit) = show(&groups, &locks);
            text.push_str(&shown);
            end = if exit == Exit::Fine { end } else { exit };
        }
        gathered.take(session);
    }
    let exit = gathered.show(&report, terminal, end);
    terminal.result(&text, exit)
}

/// Each rollout with its group and how far its steps are.
fn rollouts<'g>(
    groups: &'g [Group],
    locks: &'g BTreeMap<String, Lock>,
) -> impl Iterator<Item = (&'g Group, &'g Ladder, Vec<Progress>)> {
    let of = |group: &'g Group| {
        let lock = locks.get(&group.name);
        group.rollouts.iter().map(move |ladder| (group, ladder, progress(group, ladder, lock)))
    };
    groups.iter().flat_map(of)
}

/// The roles of a rollout, in the order of their names.
fn roles(ladder: &Ladder) -> String {
    let mut names: Vec<&str> = ladder.steps.iter().flatten().map(|one| one.instance.role.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn steps(groups: &[Group], locks: &BTreeMap<String, Lock>) -> (String, Exit) {
    let mut text = String::new();
    for (group, ladder, progress) in rollouts(groups, locks) {
        let bounds = bounds(ladder);
        text += &format!("{}: {} in {} steps; {bounds}\n", group.name, roles(ladder), ladder.steps.len());
        for (number, (step, progress)) in ladder.steps.iter().zip(progress).enumerate() {
            let names = names(step);
            let word = if progress == Progress::Written { "written" } else { "open   " };
            text += &format!("  {:>3}  {word}  {}\n", number + 1, names);
        }
    }
    (if text.is_empty() { NONE.to_owned() } else { text }, Exit::Fine)
}

/// The instances of a step.
fn names(step: &[Deferred]) -> String {
    let names: Vec<String> = step.iter().map(|one| one.instance.to_string()).collect();
    if names.is_empty() { "take them out of whoever lists them".to_owned() } else { names.join(" ") }
}

/// How far the roles are apart.
fn bounds(ladder: &Ladder) -> String {
    let (after, during) = (ladder.skew.percent(), ladder.under_way.percent());
    match ladder.brings {
        Brings::Updates | Brings::Nothing => {
            format!("updated shares differ by at most {after}% after a step, {during}% during one")
        }
        Brings::Removals => {
            format!("instances leave; shares of what stood differ by at most {during}% at any moment")
        }
        Brings::Instances => format!("new instances; ready shares differ by at most {during}% at any moment"),
    }
}

fn status(groups: &[Group], locks: &BTreeMap<String, Lock>) -> (String, Exit) {
    let (mut text, mut exit) = (String::new(), Exit::Fine);
    for (group, ladder, progress) in rollouts(groups, locks) {
        let written = progress.iter().filter(|step| **step == Progress::Written).count();
        let rest = match progress.iter().position(|step| *step == Progress::Open) {
            None => "done".to_owned(),
            Some(next) => {
                exit = Exit::Stale;
                format!("next {}", names(&ladder.steps[next]))
            }
        };
        text += &format!("{}: {}: {written} of {} steps written, {rest}\n", group.name, roles(ladder), progress.len());
    }
    (if text.is_empty() { NONE.to_owned() } else { text }, exit)
}

const NONE: &str = "no roles are updated or scaled in step: `coordinate a, b { rollout { … } }`\n";
