//! Every example becomes the tree below `golden/<name>/<target>-<delivery>/`, byte for byte.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` rewrites the trees; the difference in git is the review.
//! `GOLDEN_DUMP=file` writes what serde_yaml reads of them, for `.ci/goldens`.

use std::fs;
use std::path::{Path, PathBuf};

use rbgc::diag::Code;
use rbgc::diag::render::{Colour, Report, human};
use rbgc::kinds::Target;
use rbgc::order::{Delivery, argo, flux};

use crate::support::compile::{HOME, compile_for, targets};
use crate::support::tree::{self, Tree};
use crate::support::{Memory, directories, none, root};

/// A directory below the golden of an example, and the target and delivery that it shows.
struct Form {
    name: String,
    target: Target,
    delivery: Delivery,
}

/// What a cluster must have for RoleBasedGroups.
const ROLE_BASED_GROUPS: &str = "workloads.x-k8s.io/v1alpha2";

/// The forms that an example is compiled in: for its own targets, and for `rbg` where it is for
/// `native`. The plain delivery is no matter of the target, so one target shows it.
fn forms(example: &str) -> Vec<Form> {
    let repo = "https://git.example.com/llm/deploy.git";
    let argocd = argo::Options { repo: repo.into(), ..argo::Options::default() };
    let source = flux::Source::new(None, Some(repo), None).unwrap();
    let flux = flux::Options { source, ..flux::Options::default() };
    let form = |target: Target, word: &str, delivery: Delivery| Form {
        name: format!("{}-{word}", target.name()),
        target,
        delivery,
    };
    let deliveries = |target: Target| {
        let plain = (target == Target::Native).then(|| form(target, "plain", Delivery::Plain));
        let ordered = [
            form(target, "argocd", Delivery::Argocd(argocd.clone())),
            form(target, "flux", Delivery::Flux(flux.clone())),
        ];
        ordered.into_iter().chain(plain).collect::<Vec<Form>>()
    };
    let own = targets(example);
    let more = own.contains(&Target::Native).then_some(Target::Rbg);
    own.into_iter().chain(more).flat_map(deliveries).collect()
}

/// Examples that a target refuses, and by which codes.
const REFUSED: [(&str, Target, &[&str]); 3] = [
    ("custom-engine", Target::Rbg, &["E0911"]),
    ("hybrid", Target::Rbg, &["E0703"]),
    ("nvl72-pd", Target::Rbg, &["E0911"]),
];

fn refused(example: &str, target: Target) -> Option<&'static [&'static str]> {
    REFUSED.iter().find(|(name, by, _)| (*name, *by) == (example, target)).map(|(.., codes)| *codes)
}

/// The tree of an example, locks included; `None` where its target refuses it.
#[track_caller]
fn built(example: &str, form: &Form) -> Option<Tree> {
    let mut world = Memory::default();
    let mut sources = Vec::new();
    for (path, mut text) in tree::read(&root().join("examples").join(example)) {
        if path == "inventory.yaml" {
            text = equipped(&text, form.target);
        }
        world.add(Path::new(HOME).join(&path), text);
        if path.ends_with(".rbg") {
            sources.push(path);
        }
    }
    let names: Vec<&str> = sources.iter().map(String::as_str).collect();
    let outcome = compile_for(form.target, &world, &names, &[], &form.delivery);
    if let Some(codes) = refused(example, form.target) {
        assert_eq!(outcome.codes(), codes, "examples/{example} for `{}`", form.target.name());
        return None;
    }
    // The tree brings the script that the first warning asks for; templates of `rbg` name no nodes.
    let expected = |code: Code| match code {
        Code::UngatedWave => form.target != Target::Native,
        Code::UnboundWarmUp => form.target == Target::Rbg,
        _ => false,
    };
    let told = |code: Code| Some(code.severity()).filter(|_| !expected(code));
    let errors = Report::new(&outcome.problems, &outcome.sources, told);
    assert!(errors.problems.is_empty(), "examples/{example}:\n{}", human(&errors, Colour::None));
    let mut tree = Tree::new();
    for group in outcome.groups.unwrap_or_default() {
        tree.insert(group.lock_path(), group.lock.render());
        tree.extend(group.files);
    }
    assert!(!tree.is_empty(), "examples/{example} makes nothing");
    Some(tree)
}

/// The inventory of an example, with the API of RoleBasedGroups where these are asked for.
pub fn equipped(inventory: &str, target: Target) -> String {
    let capability = match target {
        Target::Native | Target::Lws => return inventory.to_owned(),
        Target::Rbg => ROLE_BASED_GROUPS,
    };
    match inventory.split_once("capabilities: [") {
        Some((before, after)) => format!("{before}capabilities: [{capability}, {after}"),
        None => format!("{inventory}capabilities: [{capability}]\n"),
    }
}

fn directory(example: &str, form: &str) -> PathBuf {
    root().join("golden").join(example).join(form)
}

#[test]
fn golden() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut problems = Vec::new();
    for example in directories("examples") {
        for form in forms(&example) {
            let directory = directory(&example, &form.name);
            let Some(tree) = built(&example, &form) else {
                assert!(!directory.exists(), "{} is refused", directory.display());
                continue;
            };
            let form = &form.name;
            if update {
                rewrite(&directory, &tree);
            } else if directory.is_dir() {
                problems
                    .extend(differences(&directory, &tree).into_iter().map(|d| format!("golden/{example}/{form}/{d}")));
            } else {
                problems.push(format!("golden/{example}/{form} does not exist"));
            }
        }
    }
    if !problems.is_empty() {
        problems.push("`UPDATE_GOLDEN=1 cargo test golden` rewrites the trees".into());
    }
    none(&problems);
}

fn rewrite(directory: &Path, tree: &Tree) {
    if directory.is_dir() {
        fs::remove_dir_all(directory).unwrap();
    }
    for (path, text) in tree {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// One entry for each file that differs, with its first lines that do.
fn differences(directory: &Path, built: &Tree) -> Vec<String> {
    let golden = tree::read(directory);
    let mut paths: Vec<&String> = golden.keys().chain(built.keys()).collect();
    paths.sort();
    paths.dedup();
    let describe = |path: &&String| match (golden.get(*path), built.get(*path)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(format!("{path}:\n{}", lines(old, new))),
        (Some(_), None) => Some(format!("{path} is no longer made")),
        (None, _) => Some(format!("{path} is new")),
    };
    paths.iter().filter_map(describe).collect()
}

/// The lines of two texts between their common beginning and their common end.
fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(rest);
    let part = |sign: char, lines: &[&str]| -> String {
        let shown: String = lines.iter().take(6).map(|line| format!("    {sign} {line}\n")).collect();
        let more = lines.len().saturating_sub(6);
        if more > 0 { format!("{shown}    {sign} ({more} more lines)\n") } else { shown }
    };
    let place = format!("    line {}\n", start + 1);
    place + &part('-', &old[start..old.len() - end]) + &part('+', &new[start..new.len() - end])
}

#[test]
fn differences_are_small() {
    assert_eq!(lines("a\nb\nc\n", "a\nx\ny\nc\n"), "    line 2\n    - b\n    + x\n    + y\n");
    assert_eq!(lines("a\nb\n", "a\n"), "    line 2\n    - b\n");
}

/// serde_yaml reads every file of the trees; what it reads is dumped when `GOLDEN_DUMP` names a file.
#[test]
fn serde_yaml_reads_every_file() {
    let mut dump = String::new();
    for example in directories("examples") {
        for form in forms(&example) {
            for (path, text) in
                built(&example, &form).unwrap_or_default().iter().filter(|(path, _)| path.ends_with(".yaml"))
            {
                let path = format!("golden/{example}/{}/{path}", form.name);
                let read = |document| -> serde_json::Value {
                    serde::Deserialize::deserialize(document).unwrap_or_else(|e| panic!("{path}: {e}"))
                };
                let documents: Vec<_> = serde_yaml::Deserializer::from_str(text).map(read).collect();
                assert!(documents.iter().all(|d| d.is_object()), "{path}");
                dump.push_str(&serde_json::json!({ "path": path, "documents": documents }).to_string());
                dump.push('\n');
            }
        }
    }
    if let Some(file) = std::env::var_os("GOLDEN_DUMP") {
        fs::write(file, dump).unwrap();
    }
}
