//! Edits of a program, each with the objects and pods that `diff` must name: all of them, and no
//! other.
//!
//! A file of `tests/edits` begins with a program `--- base ---`. Every other part is an edit of it:
//!
//! ```text
//! --- the image of one role ---
//! - engine:1.0.0
//! + engine:1.1.0
//! rolling-restart StatefulSet pair-decode-0  restart pair-decode-0-0
//! ```
//!
//! - `- old` and `+ new` replace the first place of a text in `main.rbg` or `inventory.yaml`; `\n` is
//!   a line break. `delivery argocd` delivers the new tree, `both argocd` both. `target lws` and
//!   `kustomization on` compile the new tree so; `old` before one of these is about the old tree.
//! - Each other line is an object that differs: its effect, kind and name, then what happens to which
//!   of its pods. `move group/role/0` is an instance that moves, `nothing` says that nothing does.
//!
//! What is written there is what `diff` says; that it is true is checked by comparing the two trees
//! as serde_yaml reads them, with the names of all pods written out.
//!
//! `UPDATE_EDITS=1 cargo test edits` writes what `diff` says; the difference in git is the review.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rbgc::diag::Session;
use rbgc::diag::render::{Colour, Report, human};
use rbgc::diff::{self, Action, Changes, Effect};
use rbgc::emit::{Group, Lock};
use rbgc::kinds::Target;
use rbgc::order::{Delivery, Tool, argo, flux};
use serde_yaml::Value;

use crate::support::compile::HOME;
use crate::support::program::{self, Program};
use crate::support::tree::{self, Object, Tree};
use crate::support::{Memory, files, lws, none, rbg, read, root, shown};

/// The number of edits that there must be at least.
const EDITS: usize = 30;

/// A source and an inventory.
#[derive(Clone)]
struct Shop {
    files: BTreeMap<String, String>,
}

/// How a tree is compiled.
#[derive(Debug, Clone, PartialEq)]
struct Form {
    target: Target,
    delivery: Tool,
    kustomization: bool,
}

impl Default for Form {
    fn default() -> Self {
        Form { target: Target::Native, delivery: Tool::Plain, kustomization: false }
    }
}

/// An edit and what it does.
#[derive(Default)]
struct Edit {
    replacements: Vec<(String, String)>,
    /// How the old and the new tree are compiled.
    forms: (Form, Form),
    expected: BTreeSet<String>,
}

#[test]
fn edits() {
    let (mut problems, mut count) = (Vec::new(), 0);
    for path in files("tests/edits", &[".rbg"]) {
        let text = read(&path);
        let programs = program::programs(&text).unwrap_or_else(|e| panic!("{}: {e}", shown(&path)));
        let (base, edits) = programs.split_first().expect("a base");
        assert_eq!(base.name, "base", "{}", shown(&path));
        let base = Shop::new(base);
        let mut said = BTreeMap::new();
        for program in edits {
            count += 1;
            let name = format!("{}: {}", shown(&path), program.name);
            let edit = Edit::parse(&program.files[0].text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let (changes, differences) = judge(&base, &edit, &name);
            problems.extend(differences.into_iter().map(|d| format!("{name}: {d}")));
            let lines = lines(&changes);
            if std::env::var_os("UPDATE_EDITS").is_none() {
                let list = |of: &BTreeSet<String>, sign: char| {
                    of.iter().map(|l| format!("{name}\n  {sign} {l}")).collect::<Vec<_>>()
                };
                problems.extend(list(&edit.expected.difference(&lines).cloned().collect(), '-'));
                problems.extend(list(&lines.difference(&edit.expected).cloned().collect(), '+'));
            }
            said.insert(program.name.clone(), lines);
        }
        if std::env::var_os("UPDATE_EDITS").is_some() {
            std::fs::write(&path, rewritten(&text, &said)).unwrap();
        }
    }
    none(&problems);
    assert!(count >= EDITS, "only {count} edits");
}

/// The test file with what was said below each edit.
fn rewritten(text: &str, said: &BTreeMap<String, BTreeSet<String>>) -> String {
    const END: &str = "--- end ---";
    let mut out = String::new();
    let mut pending: Option<&BTreeSet<String>> = None;
    for line in text.lines().chain([END]) {
        if let Some(name) = line.strip_prefix("--- ").and_then(|line| line.strip_suffix(" ---")) {
            if let Some(lines) = pending.take() {
                out.truncate(out.trim_end().len());
                lines.iter().for_each(|line| out.push_str(&format!("\n{line}")));
                out.push_str("\n\n");
            }
            pending = said.get(name);
        } else if pending.is_some() && !Edit::is_instruction(line) {
            continue;
        }
        out.push_str(&format!("{line}\n"));
    }
    out.trim_end().trim_end_matches(END).trim_end().to_owned() + "\n"
}

impl Edit {
    fn is_instruction(line: &str) -> bool {
        ["- ", "+", "//", "delivery ", "both ", "target ", "kustomization ", "old "]
            .iter()
            .any(|start| line.starts_with(start))
            || line.is_empty()
    }

    fn parse(text: &str) -> Result<Edit, String> {
        let mut edit = Edit::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
            let unescaped = |text: &str| text.replace("\\n", "\n");
            if let Some(old) = line.strip_prefix("- ") {
                edit.replacements.push((unescaped(old), String::new()));
            } else if let Some(new) = line.strip_prefix('+') {
                edit.replacements.last_mut().ok_or("`+` without `-`")?.1 = unescaped(new.trim_start());
            } else if let Some(name) = line.strip_prefix("both ") {
                edit.forms.0.set("delivery", name)?;
                edit.forms.1.set("delivery", name)?;
            } else if Edit::is_instruction(line) {
                let (old, setting) = line.strip_prefix("old ").map_or((false, line), |setting| (true, setting));
                let (name, value) = setting.split_once(' ').ok_or("no value")?;
                if old { &mut edit.forms.0 } else { &mut edit.forms.1 }.set(name, value)?;
            } else {
                edit.expected.insert(line.into());
            }
        }
        let same = edit.replacements.is_empty() && edit.forms.0 == edit.forms.1;
        if same { Err("no edit".into()) } else { Ok(edit) }
    }
}

impl Form {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "delivery" => self.delivery = Tool::parse(value).ok_or(value)?,
            "target" => self.target = Target::parse(value).map_err(|_| value)?,
            "kustomization" => self.kustomization = value == "on",
            _ => return Err(name.into()),
        }
        Ok(())
    }
}

impl Shop {
    fn new(program: &Program) -> Self {
        let mut files: BTreeMap<_, _> = program.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
        files.entry("inventory.yaml".into()).or_insert_with(|| read(&root().join("tests/inventory.yaml")));
        Shop { files }
    }

    /// The shop with its texts replaced.
    #[track_caller]
    fn edited(&self, edit: &Edit, name: &str) -> Shop {
        let mut shop = self.clone();
        for (old, new) in &edit.replacements {
            let text = shop.files.values_mut().find(|text| text.contains(old));
            let text = text.unwrap_or_else(|| panic!("{name}: there is no `{old}`"));
            *text = text.replacen(old, new, 1);
        }
        shop
    }

    /// Compiles against the locks of what was written before; a group that is gone is pruned.
    #[track_caller]
    fn compile(&self, before: &[Group], form: &Form, name: &str) -> Vec<Group> {
        let mut world = Memory::default();
        self.files.iter().for_each(|(path, text)| world.add(Path::new(HOME).join(path), text.as_str()));
        let mut session = Session::new(&world, HOME);
        let mut locks = BTreeMap::new();
        for group in before {
            let file = session.sources.add(group.lock_path(), group.lock.render()).unwrap();
            locks.insert(group.name.clone(), Lock::parse(&mut session, file).expect("a sound lock"));
        }
        let main = &self.files["main.rbg"];
        let gone = before.iter().map(|group| &group.name).filter(|name| !main.contains(&format!("group {name} ")));
        let options = rbgc::Options {
            check: rbgc::check::Options { set: Vec::new(), target: form.target },
            delivery: match form.delivery {
                Tool::Argocd => Delivery::Argocd(argo::Options::default()),
                Tool::Flux => Delivery::Flux(flux::Options::default()),
                Tool::Plain => Delivery::Plain,
            },
            kustomization: form.kustomization,
            install: false,
            scale_in: Default::default(),
            prune: gone.cloned().collect(),
            effort: 1,
        };
        let sources = [PathBuf::from(HOME).join("main.rbg")];
        let inventory = Path::new(HOME).join("inventory.yaml");
        let groups = rbgc::compile(&mut session, &sources, &inventory, &locks, &options);
        groups.unwrap_or_else(|| {
            let report = Report::new(&session.problems, &session.sources, |code| Some(code.severity()));
            panic!("{name}:\n{}", human(&report, Colour::None))
        })
    }
}

/// What `diff` says of an edit, and what a comparison of the trees says against it.
#[track_caller]
fn judge(base: &Shop, edit: &Edit, name: &str) -> (Changes, Vec<String>) {
    let old = base.compile(&[], &edit.forms.0, name);
    let new = base.edited(edit, name).compile(&old, &edit.forms.1, name);
    let side = |groups: &[Group]| diff::Tree {
        files: groups.iter().flat_map(|group| group.files.clone()).collect(),
        locks: groups.iter().map(|group| (group.name.clone(), group.lock.clone())).collect(),
    };
    let (old, new) = (side(&old), side(&new));
    let changes = diff::compare(&old, &new).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    assert_eq!(diff::compare(&old, &old).unwrap().objects, [], "{name}: a tree differs from itself");
    let differences = oracle(&changes, &old.files, &new.files);
    (changes, differences)
}

/// The lines of an edit: one an object.
fn lines(changes: &Changes) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for change in changes.objects.iter() {
        let pods = change.pods.iter().map(|pods| format!("  {} {}", verb(pods.action), pods.names));
        lines.insert(format!("{} {} {}{}", change.effect.name(), change.kind, change.name, pods.collect::<String>()));
    }
    lines.extend(changes.moves.iter().map(|m| format!("move {}/{}/{}", m.group, m.role, m.instance)));
    if lines.is_empty() {
        lines.insert("nothing".into());
    }
    lines
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Restart => "restart",
        Action::Create => "create",
        Action::Delete => "delete",
    }
}

type Key = (String, String, String);

/// What differs between two trees, found by other means: a problem for each thing on which `diff`
/// does not agree.
fn oracle(changes: &Changes, old: &Tree, new: &Tree) -> Vec<String> {
    let (before, after) = (by_key(old), by_key(new));
    let mut problems = Vec::new();
    let said: BTreeMap<Key, &diff::Change> = changes
        .objects
        .iter()
        .filter(|change| change.effect != Effect::NoOp)
        .map(|c| ((c.kind.clone(), c.namespace.clone().unwrap_or_default(), c.name.clone()), c))
        .collect();
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let (a, b) = (before.get(key), after.get(key));
        let effect = said.get(key).map(|change| change.effect);
        let expected = match (a, b) {
            (None, _) => Some(Effect::Create),
            (_, None) => Some(Effect::Delete),
            (Some(a), Some(b)) if handed_over(a, b, &before, &after) => Some(Effect::Recreate),
            (Some(a), Some(b)) if a.value == b.value => None,
            (Some(a), Some(b)) if frozen_differ(a, b) => Some(Effect::Recreate),
            (Some(a), Some(b)) if !restarted(a, b, &before, &after).is_empty() => Some(Effect::RollingRestart),
            (Some(a), Some(b)) if without_metadata(&a.value) == without_metadata(&b.value) => Some(Effect::Metadata),
            _ => Some(Effect::InPlace),
        };
        if effect != expected {
            problems.push(format!("{key:?}: diff says {effect:?}, the trees say {expected:?}"));
        }
    }
    let both = before.iter().filter_map(|(key, a)| Some((a, after.get(key)?)));
    let restarted: Vec<String> = both.flat_map(|(a, b)| restarted(a, b, &before, &after)).collect();
    // A pod may go with one object and come with another of the same name.
    let more = |of: &BTreeMap<Key, Object>, than: &BTreeMap<Key, Object>| -> Vec<String> {
        let own = |(key, object): (&Key, &Object)| -> Vec<String> {
            let known: BTreeSet<String> = than.get(key).into_iter().flat_map(|other| pods(other, than)).collect();
            pods(object, of).into_iter().filter(|pod| !known.contains(pod)).collect()
        };
        of.iter().flat_map(own).collect()
    };
    for (action, mut expected) in
        [(Action::Restart, restarted), (Action::Create, more(&after, &before)), (Action::Delete, more(&before, &after))]
    {
        let place = |change: &diff::Change| format!("{}/", change.namespace.as_deref().unwrap_or_default());
        let all = changes.objects.iter().flat_map(|change| change.pods.iter().map(move |pods| (place(change), pods)));
        let listed = all.filter(|(_, pods)| pods.action == action);
        let mut named: Vec<String> =
            listed.flat_map(|(place, pods)| expand(&format!("{place}{}", pods.names), pods.count)).collect();
        // The pods of a Deployment have no names of their own: only how many they are counts.
        [&mut named, &mut expected].into_iter().for_each(|names| {
            names.iter_mut().for_each(|name| name.truncate(name.find('*').map_or(name.len(), |at| at + 1)));
            names.sort();
        });
        if named != expected {
            problems.push(format!("{} {named:?}, the trees say {expected:?}", verb(action)));
        }
    }
    problems
}

/// The pods of an object that stay and start anew.
fn restarted(a: &Object, b: &Object, before: &BTreeMap<Key, Object>, after: &BTreeMap<Key, Object>) -> Vec<String> {
    let again = frozen_differ(a, b) || handed_over(a, b, before, after);
    let (old, new) = (workloads(a, before), workloads(b, after));
    let replaced = |one: &&Object| {
        let first = |set: &Object| tree::at(&set.value, &["spec", "ordinals", "start"]).cloned();
        let other = new.iter().find(|other| other.name() == one.name() && first(other) == first(one));
        other.is_some_and(|other| again || other.template() != one.template())
    };
    let kept: BTreeSet<String> = pods(b, after).into_iter().collect();
    let all = old.iter().filter(replaced).flat_map(|one| pods_of(one, before));
    all.filter(|pod| kept.contains(pod)).collect()
}

/// What holds the pods of an object: itself, or what a controller makes of it.
fn workloads(object: &Object, all: &BTreeMap<Key, Object>) -> Vec<Object> {
    match object.kind() {
        "LeaderWorkerSet" => {
            // All of an instance starts anew.
            let template = tree::at(&object.value, &["spec", "leaderWorkerTemplate"]).cloned().unwrap_or_default();
            let made = lws::made(object, None).into_iter().filter(|made| made.kind() == "StatefulSet");
            let whole = |mut made: Object| {
                made.value["spec"]["template"] = template.clone();
                made
            };
            made.map(whole).collect()
        }
        "RoleBasedGroup" => {
            let all: Vec<Object> = all.values().cloned().collect();
            rbg::made(object, &all).into_iter().filter(|made| made.kind() != "Service").collect()
        }
        _ => vec![object.clone()],
    }
}

fn by_key(tree: &Tree) -> BTreeMap<Key, Object> {
    let key = |o: &Object| (o.kind().to_owned(), o.namespace().to_owned(), o.name().to_owned());
    let list = |o: &Object| o.text(&["apiVersion"]).starts_with("kustomize.config.k8s.io/");
    tree::written(tree).into_iter().filter(|o| !list(o)).map(|object| (key(&object), object)).collect()
}

fn without_metadata(value: &Value) -> Value {
    let mut value = value.clone();
    value.as_mapping_mut().unwrap().remove("metadata");
    value
}

/// Whether fields differ that the API server refuses to change, of the kinds that edits touch.
fn frozen_differ(a: &Object, b: &Object) -> bool {
    let frozen: &[&[&str]] = match a.kind() {
        "StatefulSet" => &[
            &["spec", "serviceName"],
            &["spec", "selector"],
            &["spec", "podManagementPolicy"],
            &["spec", "volumeClaimTemplates"],
        ],
        "Deployment" => &[&["spec", "selector"]],
        "RoleBinding" => &[&["roleRef"]],
        "ComputeDomain" => &[&["spec"]],
        "Service" => &[&["spec", "clusterIP"]],
        _ => &[],
    };
    frozen.iter().any(|keys| tree::at(&a.value, keys) != tree::at(&b.value, keys))
}

/// Whether an object is of another Application than before while that one is still there: it prunes
/// the object before the other can have it.
fn handed_over(a: &Object, b: &Object, before: &BTreeMap<Key, Object>, after: &BTreeMap<Key, Object>) -> bool {
    let applications = |objects: &BTreeMap<Key, Object>| -> Vec<(String, String)> {
        let all = objects.values().filter(|o| o.kind() == "Application");
        let globs = |o: &Object| match o.text(&["spec", "source", "directory", "include"]) {
            "" => o.text(&["spec", "source", "path"]).to_owned(),
            globs => globs.to_owned(),
        };
        all.map(|o| (o.name().to_owned(), globs(o))).collect()
    };
    let of = |object: &Object, applications: &[(String, String)]| {
        let group = object.path.split('/').next().unwrap().to_owned();
        let has = |globs: &str| globs.split(['{', '}', ',']).any(|glob| glob.trim_end_matches("/**") == group);
        applications.iter().find(|(_, globs)| has(globs)).map(|(name, _)| name.clone())
    };
    let (old, new) = (applications(before), applications(after));
    let first = of(a, &old);
    first.is_some() && first != of(b, &new) && new.iter().any(|(name, _)| Some(name) == first.as_ref())
}

/// The names of the pods of an object.
fn pods(object: &Object, all: &BTreeMap<Key, Object>) -> Vec<String> {
    workloads(object, all).iter().flat_map(|workload| pods_of(workload, all)).collect()
}

/// The names of the pods of a workload; those of a Deployment are numbered.
fn pods_of(object: &Object, all: &BTreeMap<Key, Object>) -> Vec<String> {
    let same = |o: &&Object| (o.namespace(), o.name()) == (object.namespace(), object.name());
    let scaled = all.values().filter(same).find(|o| o.kind() == "HorizontalPodAutoscaler");
    let least = scaled.and_then(|o| tree::at(&o.value, &["spec", "minReplicas"])?.as_u64());
    let replicas = least.unwrap_or(object.replicas());
    let name = format!("{}/{}", object.namespace(), object.name());
    match object.kind() {
        "StatefulSet" => {
            let first = tree::at(&object.value, &["spec", "ordinals", "start"]).and_then(Value::as_u64).unwrap_or(0);
            (first..first + replicas).map(|ordinal| format!("{name}-{ordinal}")).collect()
        }
        "Deployment" => (0..replicas).map(|number| format!("{name}-*{number}")).collect(),
        _ => Vec::new(),
    }
}

/// The names that `web-[0-3]`, or `web-*` of some pods, stands for.
fn expand(names: &str, count: u64) -> Vec<String> {
    if names.ends_with('*') {
        return (0..count).map(|_| names.to_owned()).collect();
    }
    let all = expand_ranges(names);
    assert_eq!(all.len() as u64, count, "{names}");
    all
}

fn expand_ranges(names: &str) -> Vec<String> {
    let Some((stem, rest)) = names.split_once('[') else { return vec![names.to_owned()] };
    let (range, rest) = rest.split_once(']').unwrap();
    let (from, to) = range.split_once('-').unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    (from..=to).flat_map(|ordinal| expand_ranges(&format!("{stem}{ordinal}{rest}"))).collect()
}
