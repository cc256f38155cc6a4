//! Files to disk: the only part of the compiler that writes.
//!
//! What holds, whatever happens:
//!
//! - Everything is looked at before anything is written: a refusal changes nothing.
//! - All new texts are written to temporary files beside their targets before the first of them is
//!   renamed, so that a full disk changes nothing. If a later step fails all the same, what was
//!   done is undone from hard links to the old files; see `journal`. A file is its old or
//!   its new self at every moment, never a part. Locks come last, and are synced.
//! - Only a process that is killed between two renames leaves a mixture: each file old or new, locks
//!   old, temporary files `.rbgc-…` left over. Compiling the same sources again completes it.
//! - A file is replaced only when the lock of a group being written names it, or when nothing would
//!   change. It is deleted only when such a lock names it with the hash that it has.
//! - No link below the output directory is followed. (Somebody who swaps a directory for a link
//!   while this runs is not defended against.)
//! - Files that do not change are not touched.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Group, path};
use crate::diag::{Session, Stop};
use crate::naming::is_dns_label;

mod claims;
mod journal;
mod plan;
#[cfg(test)]
mod properties;
mod report;
#[cfg(test)]
mod tests;
mod tree;

use journal::Faults;
use plan::{Plan, State};

/// What to do beyond writing the groups.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Groups that go: `--prune-group`. What their locks name is deleted, as long as it is as it
    /// was written. A group that is not there is no mistake.
    pub prune: BTreeSet<String>,
    /// All groups that the sources declare, when all sources were read: each other group in the
    /// output is then worth a warning. `None` when only some of the sources were compiled.
    pub declared: Option<BTreeSet<String>>,
}

/// What was done, as paths from the output directory, sorted; locks among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New and replaced files.
    pub written: Vec<String>,
    /// Files that were already as they should be.
    pub unchanged: Vec<String>,
    /// Files that are no longer made.
    pub deleted: Vec<String>,
    /// Files that are no longer made but were changed by somebody, and stay. Each has a warning.
    pub kept: Vec<String>,
}

/// How a file in the output differs from what would be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// It is not there.
    Missing,
    /// It has another content.
    Stale,
    /// It is no longer made, and would be deleted.
    Extra,
}

/// A file that is not as it would be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stale {
    /// Its path from the output directory.
    pub path: String,
    /// How it differs.
    pub difference: Difference,
}

/// Writes groups to the directory `out`, which need not exist, and reports warnings. Reports errors
/// and returns `None` when it must not or cannot; the output is then as it was.
pub fn write(s: &mut Session, out: &Path, groups: &[Group], options: &Options) -> Option<Changes> {
    write_with(s, out, groups, options, Faults::default())
}

/// Compares the directory `out` with what [`write()`] would make of it, and writes nothing: `--check`.
/// Returns the differences, sorted by path. Reports as `write` does.
pub fn compare(s: &mut Session, out: &Path, groups: &[Group], options: &Options) -> Option<Vec<Stale>> {
    let out = if out.as_os_str().is_empty() { Path::new(".") } else { out };
    let locks = render_locks(groups);
    let plan = survey(s, out, groups, &locks, options).ok()?;
    let stale = |path: &str, difference| Stale { path: path.to_string(), difference };
    let mut differences: Vec<Stale> = plan
        .files
        .iter()
        .chain(&plan.locks)
        .filter_map(|item| match item.state {
            State::Missing => Some(stale(item.path, Difference::Missing)),
            State::Differs => Some(stale(item.path, Difference::Stale)),
            State::Same => None,
        })
        .chain(plan.deleted.iter().chain(&plan.deleted_locks).map(|path| stale(path, Difference::Extra)))
        .collect();
    differences.sort_unstable();
    Some(differences)
}

fn write_with(s: &mut Session, out: &Path, groups: &[Group], options: &Options, faults: Faults) -> Option<Changes> {
    let out = if out.as_os_str().is_empty() { Path::new(".") } else { out };
    let locks = render_locks(groups);
    let plan = survey(s, out, groups, &locks, options).ok()?;
    if let Err(failure) = journal::apply(out, &plan, faults) {
        s.report(report::failed(out, &failure));
        return None;
    }
    Some(changes(plan))
}

/// Path and text of each group's lock.
fn render_locks(groups: &[Group]) -> Vec<(String, String)> {
    groups.iter().map(|group| (group.lock_path(), group.lock.render())).collect()
}

/// Looks at everything, reports all that forbids writing, and says what is to be done.
fn survey<'g>(
    s: &mut Session,
    out: &Path,
    groups: &'g [Group],
    locks: &'g [(String, String)],
    options: &Options,
) -> Result<Plan<'g>, Stop> {
    let before = s.problems.len();
    check_names(s, groups, options);
    super::collisions::check_all(groups).into_iter().for_each(|problem| s.report(problem));
    if errors_since(s, before) {
        return Err(Stop);
    }
    let mut tree = tree::Tree::new(out);
    let claims = claims::read(s, &mut tree, groups, options);
    if errors_since(s, before) {
        drop_repetitions(s, before);
        return Err(Stop);
    }
    let plan = plan::make(s, &mut tree, groups, locks, &claims);
    drop_repetitions(s, before);
    if errors_since(s, before) { Err(Stop) } else { Ok(plan) }
}

/// Says once what stands in the way of many files.
fn drop_repetitions(s: &mut Session, before: usize) {
    let mut seen = BTreeSet::new();
    let fresh: Vec<_> =
        s.problems.drain(before..).filter(|p| !p.labels.is_empty() || seen.insert(p.message.clone())).collect();
    s.problems.extend(fresh);
}

/// Whether an error was reported after the first `before` problems.
fn errors_since(s: &Session, before: usize) -> bool {
    s.problems[before..].iter().any(|p| p.code.severity() == crate::diag::Severity::Error)
}

fn check_names(s: &mut Session, groups: &[Group], options: &Options) {
    let mut seen = BTreeSet::new();
    for group in groups {
        if !is_dns_label(&group.name) {
            s.report(report::bad_group(&group.name));
        } else if path::DELIVERIES.contains(&group.name.as_str()) {
            s.report(report::reserved_group(&group.name));
        } else if !seen.insert(group.name.as_str()) {
            s.report(report::group_twice(&group.name));
        }
    }
    for name in &options.prune {
        if !is_dns_label(name) || path::DELIVERIES.contains(&name.as_str()) {
            s.report(report::bad_group(name));
        } else if seen.contains(name.as_str()) {
            s.report(report::pruned_and_declared(name));
        }
    }
}

fn changes(plan: Plan) -> Changes {
    let mut changes = Changes { deleted: plan.deleted, kept: plan.kept, ..Changes::default() };
    for item in plan.files.iter().chain(&plan.locks) {
        let list = if item.state == State::Same { &mut changes.unchanged } else { &mut changes.written };
        list.push(item.path.to_string());
    }
    changes.deleted.extend(plan.deleted_locks);
    for list in [&mut changes.written, &mut changes.unchanged, &mut changes.deleted, &mut changes.kept] {
        list.sort_unstable();
    }
    changes
}
