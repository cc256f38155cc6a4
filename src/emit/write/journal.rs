//! Doing it, so that it can be undone.
//!
//! First everything that needs room or can be refused: directories, temporary files with the new
//! texts, and second names (hard links) for the files that will be replaced or deleted. Then only
//! renames and removals, each noted with what undoes it; locks last. The second names vanish at the
//! end, and with them what they kept.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::{Builder, TempPath};

use super::plan::{Item, Plan, State};
use super::tree::parent;
use crate::emit::path::TEMPORARY;

/// Why the plan was not carried out.
#[derive(Debug)]
pub(super) struct Failure {
    /// What was tried: a verb.
    pub doing: &'static str,
    /// At which file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
    /// Files that could not be put back, each with the file that has its old content.
    pub lost: Vec<(PathBuf, PathBuf)>,
}

/// Makes steps fail in tests, one after another. Otherwise it does nothing.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Steps that still succeed.
    #[cfg(test)]
    pub steps_left: Option<usize>,
}

impl Faults {
    fn step(&mut self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(left) = &mut self.steps_left {
            *left = left.checked_sub(1).ok_or(ErrorKind::StorageFull)?;
        }
        Ok(())
    }
}

#[cfg(test)]
use std::io::ErrorKind;

/// Carries out a plan below `out`.
///
/// # Errors
/// When a step fails; everything is then as it was, but for `lost` files of the failure.
pub(super) fn apply(out: &Path, plan: &Plan, faults: Faults) -> Result<(), Failure> {
    let mut journal = Journal { faults, undo: Vec::new() };
    match journal.carry_out(out, plan) {
        Ok(()) => {
            journal.undo.clear();
            remove_empty_directories(out, plan);
            Ok(())
        }
        Err(mut failure) => {
            failure.lost = journal.roll_back();
            Err(failure)
        }
    }
}

/// What undoes a step.
enum Undo {
    /// Removes a directory that was made.
    Directory(PathBuf),
    /// Removes a file that was not there before.
    Created(PathBuf),
    /// Gives the old file, by its second name, its name back.
    Restore { backup: TempPath, target: PathBuf },
}

/// A text that waits under a temporary name, and the old file under a second one.
struct Staged {
    temporary: Option<TempPath>,
    backup: Option<TempPath>,
    target: PathBuf,
}

/// How many locks are synced at once. They wait for the disk, not for a processor.
const SYNCING_THREADS: usize = 32;

struct Journal {
    faults: Faults,
    undo: Vec<Undo>,
}

impl Journal {
    fn carry_out(&mut self, out: &Path, plan: &Plan) -> Result<(), Failure> {
        let changed = |items: &'_ [Item<'_>]| items.iter().any(|item| item.state != State::Same);
        if !changed(&plan.files) && !changed(&plan.locks) && plan.deleted.is_empty() && plan.deleted_locks.is_empty() {
            return Ok(());
        }
        self.make_directories(out, plan)?;
        let mut staged = Vec::new();
        for item in plan.files.iter().filter(|item| item.state != State::Same) {
            staged.push(self.stage(out, item)?);
        }
        for path in &plan.deleted {
            staged.push(self.stage_removal(out, path)?);
        }
        let first_lock = staged.len();
        for item in plan.locks.iter().filter(|item| item.state != State::Same) {
            staged.push(self.stage(out, item)?);
        }
        self.sync(&staged[first_lock..])?;
        for path in &plan.deleted_locks {
            staged.push(self.stage_removal(out, path)?);
        }
        staged.into_iter().try_for_each(|file| self.commit(file))
    }

    /// Makes `out` and every directory below it that is missing.
    fn make_directories(&mut self, out: &Path, plan: &Plan) -> Result<(), Failure> {
        let mut missing: Vec<&Path> =
            out.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
        missing.reverse();
        for directory in missing {
            self.make_directory(directory.to_path_buf())?;
        }
        let mut seen = BTreeSet::new();
        for item in plan.files.iter().chain(&plan.locks).filter(|item| item.state == State::Missing) {
            let directory = parent(item.path);
            if !seen.insert(directory) {
                continue;
            }
            for end in directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]) {
                let directory = out.join(&directory[..end]);
                if fs::symlink_metadata(&directory).is_err() {
                    self.make_directory(directory)?;
                }
            }
        }
        Ok(())
    }

    fn make_directory(&mut self, directory: PathBuf) -> Result<(), Failure> {
        let made = self.faults.step().and_then(|()| fs::create_dir(&directory));
        made.map_err(|e| failure("make", &directory, e))?;
        self.undo.push(Undo::Directory(directory));
        Ok(())
    }

    /// Writes a new text under a temporary name beside its target.
    fn stage(&mut self, out: &Path, item: &Item) -> Result<Staged, Failure> {
        let target = out.join(item.path);
        let write = || -> io::Result<TempPath> {
            let mut file = builder().tempfile_in(directory_of(&target))?;
            file.write_all(item.text.as_bytes())?;
            // Closes the file: there may be more of them than a process may have open.
            Ok(file.into_temp_path())
        };
        let temporary = self.faults.step().and_then(|()| write()).map_err(|e| failure("write", &target, e))?;
        let backup = match item.state {
            State::Differs => Some(self.second_name(&target)?),
            State::Missing | State::Same => None,
        };
        Ok(Staged { temporary: Some(temporary), backup, target })
    }

    /// Brings the texts of locks to the disk before they get their names: a lock is never torn, not
    /// even by a power cut. Many at once, because a journalling file system commits them together.
    fn sync(&mut self, locks: &[Staged]) -> Result<(), Failure> {
        let Some(first) = locks.first() else { return Ok(()) };
        self.faults.step().map_err(|e| failure("sync", &first.target, e))?;
        thread::scope(|scope| {
            let threads = locks.chunks(locks.len().div_ceil(SYNCING_THREADS)).map(|share| {
                let thread = thread::Builder::new().spawn_scoped(scope, || share.iter().try_for_each(sync_text));
                thread.map_err(|e| failure("sync", &first.target, e))
            });
            let threads: Vec<_> = threads.collect::<Result<_, _>>()?;
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    fn stage_removal(&mut self, out: &Path, path: &str) -> Result<Staged, Failure> {
        let target = out.join(path);
        let backup = self.second_name(&target)?;
        Ok(Staged { temporary: None, backup: Some(backup), target })
    }

    /// A second name for a file, or a copy where the file system knows no second names.
    fn second_name(&mut self, target: &Path) -> Result<TempPath, Failure> {
        let directory = directory_of(target);
        let link = || match builder().make_in(directory, |name| fs::hard_link(target, name)) {
            Ok(backup) => Ok(backup.into_temp_path()),
            Err(_) => {
                let copy = builder().tempfile_in(directory)?.into_temp_path();
                fs::copy(target, &copy).map(|_| copy)
            }
        };
        self.faults.step().and_then(|()| link()).map_err(|e| failure("keep a copy of", target, e))
    }

    /// Brings one file to its new state.
    fn commit(&mut self, file: Staged) -> Result<(), Failure> {
        let Staged { temporary, backup, target } = file;
        let renamed = |result: Result<(), tempfile::PathPersistError>| result.map_err(|e| e.error);
        let done = self.faults.step().and_then(|()| match (temporary, &backup) {
            (Some(temporary), Some(_)) => renamed(temporary.persist(&target)),
            (Some(temporary), None) => renamed(temporary.persist_noclobber(&target)),
            (None, _) => fs::remove_file(&target),
        });
        done.map_err(|e| failure("replace", &target, e))?;
        self.undo.push(match backup {
            Some(backup) => Undo::Restore { backup, target },
            None => Undo::Created(target),
        });
        Ok(())
    }

    /// Undoes everything, last first. Returns the files that could not be put back.
    fn roll_back(self) -> Vec<(PathBuf, PathBuf)> {
        let mut lost = Vec::new();
        for undo in self.undo.into_iter().rev() {
            match undo {
                // A leftover of ours does no harm: what is new is in no lock.
                Undo::Directory(directory) => drop(fs::remove_dir(directory)),
                Undo::Created(target) => drop(fs::remove_file(target)),
                Undo::Restore { backup, target } => {
                    if let Err(e) = backup.persist(&target) {
                        lost.extend(e.path.keep().map(|backup| (target, backup)));
                    }
                }
            }
        }
        lost
    }
}

fn sync_text(file: &Staged) -> Result<(), Failure> {
    let Some(text) = &file.temporary else { return Ok(()) };
    let synced = File::options().write(true).open(text).and_then(|text| text.sync_data());
    synced.map_err(|e| failure("sync", &file.target, e))
}

fn failure(doing: &'static str, path: &Path, error: io::Error) -> Failure {
    Failure { doing, path: path.to_path_buf(), error, lost: Vec::new() }
}

/// Temporary names, and the permissions of an ordinary new file.
fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Removes the directories that deletions left empty. One that stays does no harm.
fn remove_empty_directories(out: &Path, plan: &Plan) {
    for path in plan.deleted.iter().chain(&plan.deleted_locks) {
        let mut directory = parent(path);
        while !directory.is_empty() && fs::remove_dir(out.join(directory)).is_ok() {
            directory = parent(directory);
        }
    }
}
