//! The gallery "When nothing fits" of docs/placement.md: each program prints what stands below it,
//! and every change that is offered lets its groups be placed.

use std::path::Path;

use rbgc::check;
use rbgc::diag::render::{Colour, Report, human};
use rbgc::diag::{Code, Session};
use rbgc::place::{self, Conflict, Problem};

use crate::docs::{Block, blocks};
use crate::support::compile::{HOME, compile_program};
use crate::support::program::Program;
use crate::support::{Memory, none, program, read, root};

/// Programs that the gallery has at least.
const PROGRAMS: usize = 10;

/// The programs of the gallery, each with the block that shows what it prints.
fn gallery() -> Vec<(Program, Block)> {
    let mut found = Vec::new();
    let mut blocks = blocks(&root().join("docs/placement.md")).into_iter().peekable();
    while let Some(block) = blocks.next() {
        let infeasible = block.is("rbg", Some(Code::NothingFits.text()));
        if infeasible && let Some(shown) = blocks.next_if(|next| next.is("text", Some("printed"))) {
            found.push((program::program(&block.place, &block.text, block.line), shown));
        }
    }
    found
}

#[test]
fn the_gallery_shows_what_is_printed() {
    let gallery = gallery();
    assert!(gallery.len() >= PROGRAMS, "only {} programs", gallery.len());
    let mut problems = Vec::new();
    for (program, shown) in &gallery {
        let outcome = compile_program(program);
        let report = Report::new(&outcome.problems, &outcome.sources, |code| Some(code.severity()));
        let printed = human(&report, Colour::None);
        // The last lines say how to read more, which is the same for all.
        let end = printed.find("\n1 error").unwrap_or(printed.len());
        let lines = |text: &str| text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        if lines(&printed[..end]) != lines(&shown.text) {
            problems.push(format!("{}: prints\n{}", shown.place, lines(&printed[..end])));
        }
    }
    none(&problems);
}

/// The placement problem of a program.
fn problem(program: &Program) -> Option<Problem> {
    let mut world = Memory::default();
    world.add(Path::new(HOME).join("inventory.yaml"), read(&root().join("tests/inventory.yaml")));
    for file in &program.files {
        world.add(Path::new(HOME).join(&file.path), file.text.as_str());
    }
    let mut session = Session::new(&world, HOME);
    let sources = [Path::new(HOME).join("main.rbg")];
    let inventory = Path::new(HOME).join("inventory.yaml");
    let options = check::Options::default();
    Some(
        rbgc::prepare(&mut session, &sources, &inventory, &Default::default(), (&options, Default::default()))?
            .0
            .problem,
    )
}

/// What goes wrong with the changes that a conflict offers.
fn broken_promises(problem: &Problem, conflict: &Conflict, place: &str) -> Vec<String> {
    let fails = |remedy: &&place::conflict::Remedy| {
        let mut changed = problem.clone();
        remedy.apply(&mut changed, problem, conflict.group, conflict.role);
        place::solve(&changed).is_err()
    };
    conflict.remedies.iter().filter(fails).map(|remedy| format!("{place}: {remedy:?} does not help")).collect()
}

#[test]
fn every_change_that_is_offered_helps() {
    let mut problems = Vec::new();
    for (program, _) in gallery() {
        let Some(problem) = problem(&program) else {
            problems.push(format!("{}: does not reach placement", program.name));
            continue;
        };
        let conflicts = place::solve(&problem).err().unwrap_or_default();
        if conflicts.len() != 1 || conflicts[0].remedies.is_empty() {
            problems.push(format!("{}: {} groups without a place", program.name, conflicts.len()));
        }
        for conflict in &conflicts {
            problems.extend(broken_promises(&problem, conflict, &program.name));
        }
    }
    none(&problems);
}
