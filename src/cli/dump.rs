//! `rbgc dump`: every form that a program takes on its way, for people who look into the compiler.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

use clap::{Args, ValueEnum};

use super::disk::Disk;
use super::jobs::{self, Inputs, Job, Refusal};
use super::report::{self, Gathered};
use super::{Exit, Terminal};
use crate::check::{self, Model};
use crate::diag::Session;
use crate::fit::{self, Fitted};
use crate::graph::{self, Stages};
use crate::inventory::{self, Inventory};
use crate::place::{self, Placement};
use crate::syntax::{parse, print};
use crate::target;
use crate::target::standards::{self, Need, Standard};
use crate::{plan, resolve};

/// Print an intermediate form of a program
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc dump ast qwen.rbg                            the tree as it was read
  rbgc dump graph qwen.rbg                          who starts when
  rbgc dump placement qwen.rbg -i lab.yaml          which pod runs where
  rbgc dump security qwen.rbg -i lab.yaml           what its namespaces must allow

The forms are for reading, and change with the compiler.")]
pub(super) struct Arguments {
    /// Which form
    form: Form,
    #[command(flatten)]
    inputs: Inputs,
}

/// A form, in the order of the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The tree as it was read
    Ast,
    /// Groups and roles, all values known
    Model,
    /// The stages in which roles start
    Graph,
    /// The machines of every instance
    Placement,
    /// What is to run
    Plan,
    /// The Pod Security Standard that every namespace and role needs, and why
    Security,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    one(&arguments.inputs, terminal, |session, job| dump(session, job, arguments.form))
}

/// Makes a text of one job and prints it, unless a problem was reported. For commands whose result
/// is about one cluster.
pub(super) fn one(
    inputs: &Inputs,
    terminal: &Terminal,
    make: impl FnOnce(&mut Session<'_>, &Job) -> Option<String>,
) -> Exit {
    let mut gathered = Gathered::default();
    let report = report::Arguments::default();
    let job = match jobs::one(inputs, &mut gathered) {
        Ok(job) => job,
        Err(refusal) => return refusal.show(&gathered, &report, terminal),
    };
    let world = Disk::default();
    let mut session = Session::new(&world, &job.root);
    let text = make(&mut session, &job);
    gathered.take(session);
    match (gathered.show(&report, terminal, Exit::Fine), text) {
        (Exit::Fine, Some(text)) => terminal.result(&text, Exit::Fine),
        (Exit::Fine, None) => Refusal::no_cluster().show(&gathered, &report, terminal),
        (exit, _) => exit,
    }
}

/// The form as text; `None` when a problem was reported, or when an inventory is needed and missing.
fn dump(session: &mut Session<'_>, job: &Job, form: Form) -> Option<String> {
    if form == Form::Ast {
        return Some(job.files.iter().filter_map(|file| tree(session, job, file)).collect());
    }
    let program = resolve::resolve(session, &job.files);
    let model = check::check(session, &program, &job.parameters());
    let stages = graph::stages(session, &model);
    match form {
        Form::Ast | Form::Model => return Some(debug(&model)),
        Form::Graph => return Some(stages_of(&model, &stages?)),
        Form::Placement | Form::Plan | Form::Security => {}
    }
    let path = job.inventory.as_deref()?;
    let name = resolve::display_name(&session.root, path);
    let inventory = inventory::load(session, path, &name)?;
    session.gate()?;
    let fitted =
        fit::fit(session, model, stages?, &inventory, &BTreeMap::new(), (job.target, fit::leaving::Commit::default()))?;
    let placement = place::place(session, &fitted.problem)?;
    if form == Form::Placement {
        return Some(places(&fitted, &inventory, &placement));
    }
    let plan = plan::plan(&fitted, &inventory, &placement);
    if form == Form::Security {
        return Some(standards_of(&plan));
    }
    Some(debug(&plan.groups) + &debug(&plan.applications))
}

fn tree(session: &mut Session<'_>, job: &Job, file: &std::path::Path) -> Option<String> {
    let name = resolve::display_name(&job.root, file);
    let id = session.read(file, &name, None)?;
    let ast = parse::parse(session, id);
    Some(format!("// {name}\n{}", print::dump(&ast)))
}

fn debug(form: &impl Debug) -> String {
    format!("{form:#?}\n")
}

/// One line a stage, one line an Application.
fn stages_of(model: &Model, stages: &Stages) -> String {
    let mut by_stage: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (id, role) in model.roles() {
        let stage = stages.stage.get(id.group).and_then(|g| g.get(id.role)).copied().unwrap_or(0);
        by_stage.entry(stage).or_default().push(format!("{}/{}", model.group_of(id).name, role.name));
    }
    let mut out: String = by_stage.iter().map(|(n, roles)| format!("stage {n}: {}\n", roles.join(" "))).collect();
    for application in &stages.applications {
        let groups: Vec<&str> = application.groups.iter().map(|g| model.groups[*g].name.as_str()).collect();
        let _ = writeln!(out, "application {}: {}", application.name, groups.join(" "));
    }
    out
}

/// One line an instance: its machines in the order of its pods.
fn places(fitted: &Fitted, inventory: &Inventory, placement: &Placement) -> String {
    let mut out = String::new();
    for (group, roles) in fitted.model.groups.iter().zip(&placement.groups) {
        for (role, instances) in group.roles.iter().zip(roles) {
            for (index, machines) in instances.iter().enumerate() {
                let names: Vec<&str> = machines.iter().map(|m| inventory.nodes[*m].name.as_str()).collect();
                let _ = writeln!(out, "{}/{}/{index}: {}", group.stem, role.name, names.join(" "));
            }
        }
    }
    for criterion in &placement.objective {
        let _ = writeln!(out, "{}: {}", criterion.name, criterion.value);
    }
    out
}

/// One line a namespace, one line a role with what keeps it from a stricter standard.
fn standards_of(plan: &plan::Plan<'_>) -> String {
    let mut namespaces: BTreeMap<&str, Standard> = BTreeMap::new();
    let mut roles: BTreeMap<(usize, usize), Need> = BTreeMap::new();
    for manifest in (0..plan.groups.len()).flat_map(|group| target::lower_group(plan, group)) {
        let group = &plan.groups[manifest.group];
        for need in standards::needed(&manifest) {
            let namespace = namespaces.entry(group.source.namespace.as_str()).or_insert(need.standard);
            *namespace = need.standard.max(*namespace);
            let named = || group.roles.iter().position(|role| Some(&role.source.name) == need.role.as_ref());
            let Some(role) = manifest.role.or_else(named) else { continue };
            let known = roles.entry((manifest.group, role)).or_insert_with(|| need.clone());
            if need.standard > known.standard {
                *known = need;
            }
        }
    }
    let mut out: String = namespaces.iter().map(|(n, s)| format!("namespace {n}: {}\n", s.name())).collect();
    for ((group, role), Need { standard, reasons, .. }) in &roles {
        let group = &plan.groups[*group];
        let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
        let _ = writeln!(out, "{}/{}: {}{why}", group.source.stem, group.roles[*role].source.name, standard.name());
    }
    out
}
