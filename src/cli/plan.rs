//! `rbgc plan`: the placement before it happens, and what becomes of it when machines are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

pub(super) mod commits;

use super::disk::{self, Disk};
use super::jobs::{self, Inputs, Job, Refusal};
use super::report::{self, Gathered};
use super::{Exit, Terminal, locks};
use crate::diag::Session;
use crate::fit::Fitted;
use crate::fit::leaving::Commit;
use crate::inventory::Inventory;
use crate::lock::Lock;
use crate::place::{self, Conflict, Placement};
use crate::plan;
use crate::view::loss::{self, Loss};
use crate::view::{self, Overview, Scene, capacity, page, text};

/// Show which pod runs where, and why it cannot be better
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc plan qwen.rbg -i lab.yaml                       domains, nodes, pods; what is left
  rbgc plan qwen.rbg -i lab.yaml --json | jq .moves    for programs
  rbgc plan qwen.rbg -i lab.yaml --html plan.html      a picture of racks, nodes and links
  rbgc plan --cluster prod-east --without rack=b1/r3   a rack is lost: what moves, what to do
  rbgc plan --cluster prod-east --fail-each rack       every rack, one at a time
  rbgc plan qwen.rbg -i fresh.yaml -o deploy --verify  does what is committed still hold?
  rbgc plan --cluster prod-east --steps                the commits that the next change takes
  rbgc plan --cluster prod-east --steps --prune-group chat
                                                       the same, when a group goes with it

Nothing is written. Instances stay where the locks of the output directory say that they are.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// The tree whose locks say what is placed where; by default that of the cluster in rbgc.toml
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A tree: domains, nodes, pods (default)
    #[arg(long, group = "form")]
    tree: bool,
    /// A table: one line a pod
    #[arg(long, group = "form")]
    table: bool,
    /// JSON, as `rbgc schema plan` describes it
    #[arg(long, group = "form")]
    json: bool,
    /// Write a page with a picture of the machines to this file; `-` is standard output
    #[arg(long, group = "form", value_name = "FILE")]
    html: Option<PathBuf>,
    /// Does the committed plan still hold on this inventory? List what does not, and exit with 3 if
    /// anything does not
    #[arg(long, conflicts_with_all = ["without", "tree", "table", "html", "steps"])]
    verify: bool,
    /// The commits that bring the plan about, one after the other, each with the instances that
    /// come, move and go
    #[arg(long, conflicts_with_all = ["without", "tree", "table", "html"])]
    steps: bool,
    /// Plan as if this group, which the sources no longer declare, went with the same change; may be
    /// repeated
    #[arg(long = "prune-group", value_name = "NAME", conflicts_with = "verify")]
    prune: Vec<String>,
    /// Place anew without this domain or node; may be repeated
    #[arg(long, value_name = "LEVEL=NAME")]
    without: Vec<String>,
    /// Lose each domain of this level, one at a time: who dies, who finds another place
    #[arg(long, value_name = "LEVEL", conflicts_with_all = ["without", "tree", "table", "html", "verify", "steps"])]
    fail_each: Option<String>,
    /// How hard to look for a better plan: a factor of the work, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    effort: u32,
}

/// The command line speaks of something that the inventory does not have.
struct Misuse(String);

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    let mut gathered = Gathered::default();
    let report = report::Arguments::default();
    let job = match jobs::one(&arguments.inputs, &mut gathered) {
        Ok(job) => job,
        Err(refusal) => return refusal.show(&gathered, &report, terminal),
    };
    if job.inventory.is_none() {
        return Refusal::no_cluster().show(&gathered, &report, terminal);
    }
    let world = Disk::default();
    let mut session = Session::new(&world, &job.root);
    let made = terminal.busy("planning", || make(&mut session, arguments, &job));
    gathered.take(session);
    let exit = gathered.show(&report, terminal, Exit::Fine);
    match made {
        Err(Misuse(message)) => terminal.misuse(&message),
        Ok(None) => exit,
        Ok(Some((text, end))) => {
            let exit = if exit == Exit::Fine { end } else { exit };
            match &arguments.html {
                Some(path) => write(path, &text, exit, terminal),
                None => terminal.result(&text, exit),
            }
        }
    }
}

/// Writes a page.
fn write(path: &Path, text: &str, exit: Exit, terminal: &Terminal) -> Exit {
    if path == Path::new("-") {
        return terminal.result(text, exit);
    }
    match disk::replace(path, text) {
        Ok(()) => {
            terminal.note(&format!("{}\n", path.display()));
            exit
        }
        Err(e) => {
            terminal.error(&format!("cannot write `{}`: {e}", path.display()));
            Exit::Problems
        }
    }
}

/// `None` when nothing can be shown; the problems were reported.
fn make(session: &mut Session<'_>, arguments: &Arguments, job: &Job) -> Result<Option<(String, Exit)>, Misuse> {
    let all = locks(session, arguments, job);
    let prune: BTreeSet<String> = arguments.prune.iter().cloned().collect();
    if let Some(unknown) = prune.iter().find(|name| !all.contains_key(*name)) {
        return Err(Misuse(format!("no group `{unknown}` was written to the tree: give it by `-o DIR`")));
    }
    let (removed, locks) = crate::without(&all, &prune);
    let Some(path) = &job.inventory else { return Ok(None) };
    let prepared = crate::prepare(session, &job.files, path, &locks, (&job.parameters(), Commit::default()));
    let Some((mut fitted, inventory)) = prepared else { return Ok(None) };
    if let Some(group) = fitted.model.groups.iter().find(|group| prune.contains(&group.stem)) {
        return Err(Misuse(format!("group `{}` is to be pruned, but the sources declare it", group.stem)));
    }
    if arguments.verify {
        return Ok(Some(commits::verify(&fitted, &inventory, &locks, arguments.json)));
    }
    let losses: Result<Vec<_>, _> = arguments.without.iter().map(|text| loss::find(&inventory, text)).collect();
    let mut losses = losses.map_err(Misuse)?;
    losses.dedup();
    let level = arguments.fail_each.as_deref().map(|level| loss::level_of(&inventory, level));
    let level = level.transpose().map_err(Misuse)?;
    let fine = |text| (text, Exit::Fine);
    fitted.problem.effort = arguments.effort;
    let stage = Stage { arguments, job, inventory: &inventory, locks: &locks };
    let placement = match place::solve(&fitted.problem) {
        Ok(placement) => placement,
        Err(conflicts) => {
            conflicts.iter().for_each(|conflict| session.report(conflict.diagnostic(&fitted.problem)));
            return Ok(stage.part(fitted, &conflicts).map(fine));
        }
    };
    if arguments.steps {
        let text = commits::steps(session, job, (&fitted, &inventory), (&placement, &removed), arguments.json);
        return Ok(text.map(fine));
    }
    Ok(Some(fine(match level {
        Some(level) => stage.fail_each(&fitted, &placement, level),
        None if losses.is_empty() => stage.show(&fitted, &placement, |_| ()),
        None => stage.without(session, fitted, &placement, &losses),
    })))
}

/// The locks of the tree that was written last.
fn locks(session: &mut Session<'_>, arguments: &Arguments, job: &Job) -> BTreeMap<String, Lock> {
    let out = arguments.output.clone().or_else(|| job.out());
    out.map_or_else(BTreeMap::new, |out| locks::read(session, &out))
}

/// What all views of a run share.
struct Stage<'a> {
    arguments: &'a Arguments,
    job: &'a Job,
    inventory: &'a Inventory,
    locks: &'a BTreeMap<String, Lock>,
}

impl Stage<'_> {
    /// Calls `look` with the scene of a placement.
    fn scene<T>(&self, fitted: &Fitted, placement: &Placement, look: impl FnOnce(&Scene<'_>) -> T) -> T {
        let plan = plan::plan(fitted, self.inventory, placement);
        let (inventory, locks, target) = (self.inventory, self.locks, self.job.target);
        look(&Scene { fitted, inventory, plan: &plan, placement, locks, target })
    }

    /// Shows a plan, with what `complete` adds to it.
    fn show(&self, fitted: &Fitted, placement: &Placement, complete: impl FnOnce(&mut Overview)) -> String {
        self.scene(fitted, placement, |scene| {
            let mut overview = view::overview(scene);
            complete(&mut overview);
            if self.arguments.json {
                return json(&overview);
            }
            if self.arguments.html.is_some() {
                return page::page(scene, &overview).expect("invariant: the template is part of the program");
            }
            if self.arguments.table {
                return text::table(scene);
            }
            let aftermath = overview.without.as_ref().map_or(String::new(), |a| format!("\n{}", text::aftermath(a)));
            format!("{}\n{}{aftermath}", text::tree(scene), text::summary(scene, &overview))
        })
    }

    /// What fits when not everything does. `None` when that was not even tried.
    fn part(&self, mut fitted: Fitted, conflicts: &[Conflict]) -> Option<String> {
        let shortfalls = capacity::shortfalls(&fitted, |group| conflicts.iter().any(|c| c.group == group));
        for (id, role) in fitted.model.roles().filter(|(_, role)| role.replicas.autoscaled()) {
            let name = (&fitted.model.group_of(id).name, &role.name);
            let alone = shortfalls.len() == 1;
            let short = shortfalls.iter().find(|r| (&r.group, &r.role) == name);
            if let Some(short) = short {
                let fits = short.fits.filter(|_| alone).unwrap_or(role.replicas.min);
                fitted.problem.groups[id.group].roles[id.role].instances = fits as usize;
            }
        }
        fitted.problem.partial = true;
        let placement = place::solve(&fitted.problem).ok()?;
        Some(self.show(&fitted, &placement, |overview| overview.capacity.correct(shortfalls)))
    }

    fn fail_each(&self, fitted: &Fitted, placement: &Placement, level: usize) -> String {
        let failures = self.scene(fitted, placement, |scene| loss::each(scene, level));
        if self.arguments.json { json(&failures) } else { text::failures(&failures) }
    }

    fn without(&self, session: &mut Session<'_>, mut fitted: Fitted, before: &Placement, losses: &[Loss]) -> String {
        let machines = loss::machines(losses);
        let outcome = loss::lose(&fitted, before, &machines);
        let aftermath = self.scene(&fitted, before, |scene| loss::aftermath(scene, losses, &outcome));
        fitted.problem = loss::without(&fitted.problem, before, &machines);
        for conflict in &outcome.conflicts {
            session.report(conflict.diagnostic(&fitted.problem));
        }
        let shortfalls = if outcome.reduced { capacity::shortfalls(&fitted, |_| true) } else { Vec::new() };
        self.show(&fitted, &outcome.placement, |overview| {
            overview.without = Some(aftermath);
            overview.capacity.correct(shortfalls);
        })
    }
}

fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("invariant: these types have JSON forms");
    text + "\n"
}
