//! `rbgc rollout`: update coordinated roles commit by commit.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::{Exit, Terminal, compile};
use crate::emit::{Group, Lock, Progress, progress};
use crate::transition::Ladder;

/// Update coordinated roles commit by commit
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "\
`rbgc compile` writes a whole rollout at once, and Argo CD carries it out wave by wave. These
commands write it in steps instead: commit each, look at what it does, and go on when it is well.

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
    Plan(Inputs),
    /// Write the next step of every rollout; commit it, let it sync, and go on
    Next(Inputs),
    /// Say how far each rollout is; exit with 3 when a step is left
    Status(Inputs),
}

#[derive(Debug, Args)]
#[command(mut_arg("step", |a| a.hide(true)), mut_arg("install", |a| a.hide(true)), mut_arg("check", |a| a.hide(true)))]
struct Inputs {
    #[command(flatten)]
    compile: compile::Arguments,
}

pub(super) fn run(arguments: Arguments, terminal: &Terminal) -> Exit {
    match arguments.command {
        Command::Plan(inputs) => compile::survey(&inputs.compile, terminal, steps),
        Command::Status(inputs) => compile::survey(&inputs.compile, terminal, status),
        Command::Next(mut inputs) => {
            inputs.compile.next_step = true;
            compile::run(&inputs.compile, terminal)
        }
    }
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
        let (after, during) = (ladder.skew.percent(), ladder.under_way.percent());
        text += &format!(
            "{}: {} in {} steps; updated shares differ by at most {after}% after a step, {during}% during one\n",
            group.name,
            roles(ladder),
            ladder.steps.len()
        );
        for (number, (step, progress)) in ladder.steps.iter().zip(progress).enumerate() {
            let names: Vec<String> = step.iter().map(|one| one.instance.to_string()).collect();
            let word = if progress == Progress::Written { "written" } else { "open   " };
            text += &format!("  {:>3}  {word}  {}\n", number + 1, names.join(" "));
        }
    }
    (if text.is_empty() { NONE.to_owned() } else { text }, Exit::Fine)
}

fn status(groups: &[Group], locks: &BTreeMap<String, Lock>) -> (String, Exit) {
    let (mut text, mut exit) = (String::new(), Exit::Fine);
    for (group, ladder, progress) in rollouts(groups, locks) {
        let written = progress.iter().filter(|step| **step == Progress::Written).count();
        let rest = match progress.iter().position(|step| *step == Progress::Open) {
            None => "done".to_owned(),
            Some(next) => {
                exit = Exit::Stale;
                let names: Vec<String> = ladder.steps[next].iter().map(|one| one.instance.to_string()).collect();
                format!("next {}", names.join(" "))
            }
        };
        text += &format!("{}: {}: {written} of {} steps written, {rest}\n", group.name, roles(ladder), progress.len());
    }
    (if text.is_empty() { NONE.to_owned() } else { text }, exit)
}

const NONE: &str = "no roles are updated in step: `coordinate a, b { rollout { … } }`\n";
