//! On a real disk, in directories that vanish. No clock: whether a file was touched is told by its
//! inode and time of change. Mistakes that would need another user (no permission) or another disk
//! (full) are made by the journal's faults, because the tests may run as root.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::emit::{Files, Lock};
use crate::source::World;

struct Nothing;

impl World for Nothing {
    fn read(&self, _: &Path, _: u64) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, _: &Path) -> std::io::Result<PathBuf> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// A group from lines `path: text`.
fn group(name: &str, files: &[(&str, &str)]) -> Group {
    let files: Files = files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
    Group::new(name, files, Lock::default())
}

pub(super) struct Disk(TempDir);

pub(super) type Outcome = (Option<Changes>, Vec<String>);

impl Disk {
    pub(super) fn new() -> Self {
        Disk(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(super) fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    pub(super) fn run<T>(&self, act: impl FnOnce(&mut Session, &Path) -> T) -> (T, Vec<String>) {
        let mut s = Session::new(&Nothing, ".");
        let result = act(&mut s, &self.out());
        assert!(s.problems.iter().all(|p| p.help.is_some()));
        let out = self.out().to_string_lossy().into_owned();
        let problems = s.problems.iter().map(|p| format!("{} {}", p.code.text(), p.message.replace(&out, "out")));
        (result, problems.collect())
    }

    pub(super) fn write(&self, groups: &[Group]) -> Outcome {
        self.write_with(groups, &Options::default())
    }

    fn write_with(&self, groups: &[Group], options: &Options) -> Outcome {
        self.run(|s, out| write(s, out, groups, options))
    }

    pub(super) fn write_until(&self, groups: &[Group], steps: usize) -> Outcome {
        let faults = Faults { steps_left: Some(steps) };
        self.run(|s, out| write_with(s, out, groups, &Options::default(), faults))
    }

    #[track_caller]
    fn written(&self, groups: &[Group]) -> Changes {
        let (changes, problems) = self.write(groups);
        assert_eq!(problems, [] as [String; 0]);
        changes.expect("changes")
    }

    /// Refused with these problems, and nothing changed.
    #[track_caller]
    fn refused(&self, groups: &[Group], expected: &[&str]) {
        let before = self.snapshot();
        let (changes, problems) = self.write(groups);
        assert_eq!((changes, problems.iter().map(String::as_str).collect::<Vec<_>>()), (None, expected.to_vec()));
        assert_eq!(self.snapshot(), before);
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.out().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let mut file = fs::File::create(path).expect("a file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("room");
    }

    pub(super) fn text(&self, path: &str) -> String {
        read(&self.out().join(path))
    }

    /// All files and directories, each with what tells whether it was touched.
    pub(super) fn snapshot(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for entry in walkdir::WalkDir::new(self.0.path()).min_depth(1) {
            let entry = entry.expect("readable");
            let metadata = entry.metadata().expect("metadata");
            let path = entry.path().strip_prefix(self.0.path()).expect("below").to_string_lossy().into_owned();
            let mark = match metadata.is_file() {
                true => {
                    format!("{} {:?} {}", identity(&metadata), metadata.modified(), read(entry.path()))
                }
                false => format!("{:?}", metadata.file_type()),
            };
            found.insert(path, mark);
        }
        found
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.snapshot().into_keys().filter_map(|p| p.strip_prefix("out/").map(String::from)).collect()
    }
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    fs::File::open(path).and_then(|mut file| std::io::Read::read_to_string(&mut file, &mut text)).expect("a file");
    text
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn identity(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

fn demo() -> Group {
    group("demo", &[("demo/base/c.yaml", "c: 1\n"), ("demo/r/s.yaml", "s: 1\n"), ("argocd/demo.yaml", "a: 1\n")])
}

#[test]
fn a_tree_is_written_and_stays() {
    let disk = Disk::new();
    let all = ["argocd/demo.yaml", "demo/base/c.yaml", "demo/r/s.yaml", "demo/rbgc.lock"];
    assert_eq!(disk.written(&[demo()]).written, all);
    assert_eq!(disk.text("demo/rbgc.lock"), demo().lock.render());
    let before = disk.snapshot();
    assert_eq!(disk.written(&[demo()]), Changes { unchanged: all.map(String::from).to_vec(), ..Changes::default() });
    assert_eq!(disk.snapshot(), before);
}

#[test]
fn only_what_changes_is_touched() {
    let disk = Disk::new();
    disk.written(&[demo()]);
    let before = disk.snapshot();
    let changes = disk.written(&[group(
        "demo",
        &[("demo/base/c.yaml", "c: 1\n"), ("demo/r/s.yaml", "s: 2\n"), ("demo/n.yaml", "n: 1\n")],
    )]);
    assert_eq!(changes.written, ["demo/n.yaml", "demo/r/s.yaml", "demo/rbgc.lock"]);
    assert_eq!(
        (changes.unchanged, changes.deleted),
        (vec!["demo/base/c.yaml".into()], vec!["argocd/demo.yaml".into()])
    );
    let after = disk.snapshot();
    assert_eq!(after["out/demo/base/c.yaml"], before["out/demo/base/c.yaml"]);
    assert!(!after.contains_key("out/argocd"), "an empty directory stays");
    assert_eq!(disk.text("demo/r/s.yaml"), "s: 2\n");
}

#[test]
fn new_files_can_be_read_by_others() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let disk = Disk::new();
        disk.put("plain", "");
        disk.written(&[demo()]);
        let mode = |path: &str| fs::metadata(disk.out().join(path)).expect(path).permissions().mode();
        assert_eq!(mode("demo/r/s.yaml"), mode("plain"));
    }
}

#[test]
fn files_of_others_are_safe() {
    let disk = Disk::new();
    disk.put("demo/r/s.yaml", "mine\n");
    disk.refused(&[demo()], &["E0801 `out/demo/r/s.yaml` exists and is not ours: no lock names it"]);
    // The same bytes do no harm.
    disk.put("demo/r/s.yaml", "s: 1\n");
    assert_eq!(disk.written(&[demo()]).unchanged, ["demo/r/s.yaml"]);
    disk.put("demo/extra.yaml", "mine\n");
    disk.written(&[group("demo", &[])]);
    assert_eq!(disk.paths(), ["demo", "demo/extra.yaml", "demo/rbgc.lock"]);
}

#[test]
fn what_was_edited_is_replaced_but_never_deleted() {
    let disk = Disk::new();
    disk.written(&[demo()]);
    disk.put("demo/r/s.yaml", "edited\n");
    assert_eq!(disk.written(&[demo()]).written, ["demo/r/s.yaml"]);
    disk.put("demo/r/s.yaml", "edited\n");
    let (changes, problems) = disk.write(&[group("demo", &[])]);
    let changes = changes.expect("changes");
    assert_eq!(problems, ["W0006 `out/demo/r/s.yaml` is no longer made, but was changed since it was written"]);
    assert_eq!(
        (changes.kept, changes.deleted),
        (vec!["demo/r/s.yaml".into()], vec!["argocd/demo.yaml".into(), "demo/base/c.yaml".into()])
    );
    assert_eq!(disk.text("demo/r/s.yaml"), "edited\n");
    assert_eq!(disk.write(&[group("demo", &[])]).1, [] as [String; 0]);
}

#[test]
fn other_groups_are_left_alone() {
    let disk = Disk::new();
    disk.written(&[demo(), group("other", &[("other/x.yaml", "x: 1\n")])]);
    let before = disk.snapshot();
    assert_eq!(disk.written(&[demo()]).deleted, [] as [String; 0]);
    let declared = Options { declared: Some(["demo".to_string()].into()), ..Options::default() };
    let (_, problems) = disk.write_with(&[demo()], &declared);
    assert_eq!(problems, ["W0005 no source declares the group in `out/other`"]);
    assert_eq!(disk.snapshot(), before);
    let prune = Options { prune: ["other".to_string(), "gone".to_string()].into(), ..declared };
    let (changes, problems) = disk.write_with(&[demo()], &prune);
    assert_eq!(
        (changes.expect("changes").deleted, problems.len()),
        (vec!["other/rbgc.lock".into(), "other/x.yaml".into()], 0)
    );
    assert!(!disk.out().join("other").exists());
}

#[test]
fn pruning_keeps_what_was_edited_and_what_another_group_makes_now() {
    let disk = Disk::new();
    disk.written(&[group("a", &[("a/x.yaml", "x: 1\n"), ("argocd/app.yaml", "app: 1\n")])]);
    disk.put("a/x.yaml", "edited\n");
    let b = group("b", &[("argocd/app.yaml", "app: 2\n")]);
    let prune = Options { prune: ["a".to_string()].into(), ..Options::default() };
    let (changes, problems) = disk.write_with(&[b], &prune);
    let changes = changes.expect("changes");
    assert_eq!(problems, ["W0006 `out/a/x.yaml` is no longer made, but was changed since it was written"]);
    assert_eq!((changes.deleted, changes.kept), (vec!["a/rbgc.lock".into()], vec!["a/x.yaml".into()]));
    assert_eq!(disk.text("argocd/app.yaml"), "app: 2\n");
}

#[test]
fn a_file_of_a_delivery_belongs_to_one_group() {
    let disk = Disk::new();
    disk.written(&[group("a", &[("argocd/app.yaml", "app: 1\n")])]);
    let b = |text: &'static str| group("b", &[("argocd/app.yaml", text)]);
    disk.refused(&[b("app: 2\n")], &["E0801 `out/argocd/app.yaml` belongs to group `a`"]);
    disk.written(&[b("app: 1\n")]);
    // Both name it now: neither takes it from the other.
    assert_eq!(disk.written(&[group("b", &[])]).deleted, [] as [String; 0]);
    assert_eq!(disk.text("argocd/app.yaml"), "app: 1\n");
    // It moves when both are compiled.
    disk.written(&[group("a", &[]), b("app: 2\n")]);
    assert_eq!(disk.text("argocd/app.yaml"), "app: 2\n");
}

#[test]
fn what_stands_in_the_way_is_named() {
    let disk = Disk::new();
    fs::create_dir_all(disk.out().join("demo/r/s.yaml/x")).expect("directories");
    disk.put("demo/base", "a file\n");
    disk.refused(
        &[demo()],
        &[
            "E0801 `out/demo/base` is no directory, and one is needed there",
            "E0801 `out/demo/r/s.yaml` is a directory, and a file is to be written there",
        ],
    );
    let disk = Disk::new();
    fs::File::create(disk.out()).expect("a file");
    disk.refused(&[demo()], &["E0801 `out` is no directory, and one is needed there"]);
    let disk = Disk::new();
    fs::create_dir_all(disk.out().join("demo/rbgc.lock")).expect("directories");
    disk.refused(&[demo()], &["E0801 `out/demo/rbgc.lock` is a directory, and a file is to be written there"]);
}

#[cfg(unix)]
#[test]
fn links_are_refused() {
    use std::os::unix::fs::symlink;
    let elsewhere = |disk: &Disk| {
        disk.put("../elsewhere/s.yaml", "s: 1\n");
        disk.out().join("../elsewhere")
    };
    let disk = Disk::new();
    let target = elsewhere(&disk);
    fs::create_dir_all(disk.out().join("demo")).expect("directories");
    symlink(&target, disk.out().join("demo/r")).expect("a link");
    disk.refused(&[demo()], &["E0802 `out/demo/r` is a symbolic link"]);

    let disk = Disk::new();
    let target = elsewhere(&disk);
    fs::create_dir_all(disk.out()).expect("directories");
    symlink(&target, disk.out().join("demo")).expect("a link");
    disk.refused(&[demo()], &["E0802 `out/demo` is a symbolic link"]);

    let disk = Disk::new();
    let target = elsewhere(&disk);
    fs::create_dir_all(disk.out().join("demo/r")).expect("directories");
    symlink(target.join("s.yaml"), disk.out().join("demo/r/s.yaml")).expect("a link");
    symlink("nowhere", disk.out().join("demo/base")).expect("a link");
    disk.refused(
        &[demo()],
        &["E0802 `out/demo/base` is a symbolic link", "E0802 `out/demo/r/s.yaml` is a symbolic link"],
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_deleted_through_a_link() {
    let disk = Disk::new();
    disk.written(&[demo()]);
    fs::rename(disk.out().join("demo/r"), disk.out().join("../elsewhere")).expect("a move");
    std::os::unix::fs::symlink(disk.out().join("../elsewhere"), disk.out().join("demo/r")).expect("a link");
    let (changes, problems) = disk.write(&[group("demo", &[])]);
    assert_eq!(changes.expect("changes").kept, ["demo/r/s.yaml"]);
    assert_eq!(problems, ["W0006 `out/demo/r/s.yaml` is no longer made, but was changed since it was written"]);
    assert_eq!(disk.text("../elsewhere/s.yaml"), "s: 1\n");
}

#[cfg(unix)]
#[test]
fn the_output_itself_may_be_a_link() {
    let disk = Disk::new();
    fs::create_dir(disk.0.path().join("real")).expect("a directory");
    std::os::unix::fs::symlink("real", disk.out()).expect("a link");
    disk.written(&[demo()]);
    assert_eq!(disk.text("../real/demo/r/s.yaml"), "s: 1\n");
}

#[test]
fn what_is_read_only_is_respected() {
    let lock_up = |path: PathBuf, read_only: bool| {
        let mut permissions = fs::metadata(&path).expect("metadata").permissions();
        #[cfg(unix)]
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, if read_only { 0o555 } else { 0o755 });
        #[cfg(not(unix))]
        permissions.set_readonly(read_only);
        fs::set_permissions(path, permissions).expect("permissions");
    };
    let disk = Disk::new();
    disk.written(&[demo()]);
    lock_up(disk.out().join("demo/r/s.yaml"), true);
    disk.written(&[demo()]);
    let changed = group("demo", &[("demo/r/s.yaml", "s: 2\n")]);
    disk.refused(&[changed], &["E0803 `out/demo/r/s.yaml` is read-only"]);
    disk.refused(&[group("demo", &[])], &["E0803 `out/demo/r/s.yaml` is read-only"]);
    lock_up(disk.out().join("demo/r/s.yaml"), false);
    if cfg!(unix) {
        lock_up(disk.out().join("demo/base"), true);
        let more = group("demo", &[("demo/base/c.yaml", "c: 1\n"), ("demo/base/new/d.yaml", "d: 1\n")]);
        disk.refused(&[more], &["E0803 `out/demo/base` is read-only"]);
        lock_up(disk.out().join("demo/base"), false);
    }
}

#[test]
fn a_damaged_lock_stops_its_own_group_only() {
    let disk = Disk::new();
    disk.written(&[demo()]);
    let lock = disk.text("demo/rbgc.lock");
    disk.put("demo/rbgc.lock", &format!("{lock}file ../../../etc/passwd x\n"));
    disk.refused(&[demo()], &["E0804 the lock is damaged: `../../../etc/passwd` leaves its directory"]);
    disk.written(&[group("other", &[])]);
}

#[test]
fn a_lock_that_lies_deletes_nothing() {
    let disk = Disk::new();
    disk.written(&[demo(), group("other", &[("argocd/other.yaml", "o: 1\n")])]);
    disk.put("demo/mine.yaml", "mine\n");
    let mut lying = demo().lock;
    let hash = crate::emit::lock::Digest::of(b"o: 1\n");
    lying.files.insert("../argocd/other.yaml".into(), hash);
    lying.files.insert("mine.yaml".into(), hash);
    disk.put("demo/rbgc.lock", &lying.render());
    let (changes, problems) = disk.write(&[demo()]);
    assert_eq!(changes.expect("changes").deleted, [] as [String; 0]);
    assert_eq!(problems, ["W0006 `out/demo/mine.yaml` is no longer made, but was changed since it was written"]);
    assert_eq!((disk.text("argocd/other.yaml"), disk.text("demo/mine.yaml")), ("o: 1\n".into(), "mine\n".into()));
}

#[test]
fn bad_names_are_refused() {
    let disk = Disk::new();
    disk.refused(&[group("..", &[])], &["E0601 `..` is no name of a group"]);
    disk.refused(&[group("argocd", &[])], &["E0603 `argocd` is the directory of a delivery tool, and of this group"]);
    disk.refused(
        &[group("a", &[]), group("a", &[])],
        &["E0603 two groups are named `a`", "E0603 `a/rbgc.lock` would be written twice"],
    );
    let outside = "E0802 the path `b/x.yaml` is neither below its group's directory nor in a delivery's";
    disk.refused(&[group("a", &[("b/x.yaml", "")])], &[outside]);
    let prune =
        |name: &str| disk.write_with(&[demo()], &Options { prune: [name.to_string()].into(), ..Options::default() });
    assert_eq!(prune("../x").1, ["E0601 `../x` is no name of a group"]);
    assert_eq!(prune("demo").1, ["E0203 group `demo` is to be pruned, but the sources declare it"]);
    assert_eq!(disk.paths(), [] as [String; 0]);
}

#[test]
fn comparing_changes_nothing() {
    let disk = Disk::new();
    let compare = |groups: &[Group]| {
        let before = disk.snapshot();
        let (differences, problems) = disk.run(|s, out| compare(s, out, groups, &Options::default()));
        assert_eq!(disk.snapshot(), before);
        assert_eq!(problems, [] as [String; 0]);
        let shown = |stale: Stale| format!("{:?} {}", stale.difference, stale.path);
        differences.expect("differences").into_iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(compare(&[group("a", &[])]), ["Missing a/rbgc.lock"]);
    disk.written(&[demo()]);
    assert_eq!(compare(&[demo()]), [] as [String; 0]);
    let next = group("demo", &[("demo/base/c.yaml", "c: 2\n"), ("demo/r/t.yaml", ""), ("argocd/demo.yaml", "a: 1\n")]);
    assert_eq!(
        compare(&[next]),
        ["Stale demo/base/c.yaml", "Extra demo/r/s.yaml", "Missing demo/r/t.yaml", "Stale demo/rbgc.lock"]
    );
}

#[test]
fn a_failure_at_any_step_leaves_the_old_tree() {
    let next = || {
        let demo = [("demo/base/c.yaml", "c: 2\n"), ("demo/r/s.yaml", "s: 1\n"), ("demo/new/deep/n.yaml", "n: 1\n")];
        [group("demo", &demo), group("more", &[("more/x.yaml", "x: 1\n"), ("argocd/more.yaml", "m: 1\n")])]
    };
    for old in [vec![], vec![demo()]] {
        let mut steps = 0;
        loop {
            let disk = Disk::new();
            if !old.is_empty() {
                disk.written(&old);
            }
            let before = disk.snapshot();
            let (changes, problems) = disk.write_until(&next(), steps);
            if changes.is_some() {
                break;
            }
            assert_eq!(disk.snapshot(), before, "after {steps} steps: {problems:?}");
            assert!(problems.len() == 1 && problems[0].starts_with("E0803 cannot "), "{problems:?}");
            // And nothing stands in the way of another try.
            disk.written(&next());
            steps += 1;
        }
        assert!(steps > 15, "{steps}");
    }
}

#[test]
fn a_killed_run_is_completed_by_the_next() {
    let disk = Disk::new();
    disk.written(&[demo()]);
    // One file is new, the lock still old, a temporary file left over.
    disk.put("demo/r/t.yaml", "t: 1\n");
    disk.put("demo/r/.rbgc-abc", "half");
    let next = group("demo", &[("demo/r/s.yaml", "s: 2\n"), ("demo/r/t.yaml", "t: 1\n")]);
    assert_eq!(disk.written(&[next]).written, ["demo/r/s.yaml", "demo/rbgc.lock"]);
}
