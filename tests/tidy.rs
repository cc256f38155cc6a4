//! The rules of the house that no lint knows.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use rbgc::diag::Code;

use crate::support::{directories, files, none, read, root, shown};

/// Files may have this many lines that are neither empty, nor comments, nor tests.
const MOST_LINES: usize = 600;
/// So many files may have more than 300 of them.
const LONG_FILES: usize = 20;

/// The lines of a Rust file that are neither empty nor comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//")
    })
}

/// The modules in the order of `lib.rs`.
fn layers() -> Vec<String> {
    let text = read(&root().join("src/lib.rs"));
    text.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';').map(String::from)).collect()
}

/// The module that a source file belongs to.
fn layer(path: &Path) -> Option<String> {
    let path = path.strip_prefix(root().join("src")).ok()?;
    Some(path.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned())
}

/// The names after `crate::` in a text: modules of the library, or items of its root.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for word in list.split_inclusive([',', '{', '}', ':', ' ', '\n']) {
                    let name = word.trim_end_matches([',', '{', '}', ':', ' ', '\n']);
                    if depth == 0 && start && !name.is_empty() {
                        names.insert(name.to_owned());
                    }
                    start = word.ends_with(',') || (start && name.is_empty());
                    depth += i32::from(word.ends_with('{')) - i32::from(word.ends_with('}'));
                    if depth < 0 {
                        break;
                    }
                }
            }
            None => drop(names.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())),
        }
    }
    names
}

#[test]
fn modules_import_only_from_above() {
    let layers = layers();
    let mut problems = Vec::new();
    for path in files("src", &[".rs"]) {
        let Some(own) = layer(&path).filter(|own| own != "lib" && own != "main") else { continue };
        let Some(index) = layers.iter().position(|l| *l == own) else {
            problems.push(format!("{}: `{own}` is not in lib.rs", shown(&path)));
            continue;
        };
        // Tests may use everything.
        for name in imports(&split_tests(&path, &read(&path)).0) {
            match layers.iter().position(|l| *l == name) {
                Some(other) if other > index => {
                    problems.push(format!("{}: `{own}` imports `{name}`, which stands below it", shown(&path)));
                }
                None if own != "cli" && own != "lsp" => {
                    problems.push(format!("{}: `{own}` imports `crate::{name}` of lib.rs", shown(&path)));
                }
                _ => {}
            }
        }
    }
    none(&problems);
}

#[test]
fn imports_are_found() {
    let text = "use crate::a::X;\nuse crate::{b, c::{d, e}, f};\n// crate::g\nlet x = crate::h::i();\n";
    assert_eq!(imports(text).into_iter().collect::<Vec<_>>(), ["a", "b", "c", "f", "h"]);
}

#[test]
fn every_file_says_what_it_is_for() {
    let sources = ["src", "tests", "benches"].iter().flat_map(|d| files(d, &[".rs"]));
    let silent: Vec<_> = sources.filter(|p| !read(p).starts_with("//! ")).map(|p| shown(&p)).collect();
    none(&silent);
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["TO\u{44}O", "FIX\u{4d}E", "XX\u{58}", "todo\u{21}", "unimplemented\u{21}", "dbg\u{21}"];
    let mut problems = Vec::new();
    for directory in ["src", "tests", "grammar", "stdlib", "examples", "docs", "benches", ".ci"] {
        for path in files(directory, &[".rs", ".rbg", ".pest", ".md", ".yaml", "run"]) {
            let text = read(&path);
            let found = text.lines().enumerate().filter(|(_, l)| marks.iter().any(|m| l.contains(m)));
            problems.extend(found.map(|(i, line)| format!("{}:{}: {}", shown(&path), i + 1, line.trim())));
        }
    }
    none(&problems);
}

#[test]
fn files_are_short() {
    let mut lengths: Vec<(usize, PathBuf)> = files("src", &[".rs"])
        .into_iter()
        .map(|p| (code(&split_tests(&p, &read(&p)).0).count(), p))
        .filter(|(n, _)| *n > 300)
        .collect();
    lengths.sort_by(|a, b| b.cmp(a));
    let list: Vec<String> = lengths.iter().map(|(n, p)| format!("{n:5} {}", shown(p))).collect();
    println!("{}", list.join("\n"));
    assert!(lengths.iter().all(|(n, _)| *n <= MOST_LINES), "too long:\n{}", list.join("\n"));
    assert!(lengths.len() <= LONG_FILES, "too many files above 300 lines:\n{}", list.join("\n"));
}

#[test]
fn every_code_has_a_page() {
    let mut problems = Vec::new();
    for code in Code::ALL {
        let page = code.page();
        let head = format!("# {}: {}\n", code.text(), code.title());
        if !page.starts_with(&head) {
            problems.push(format!("{}: the page begins with `{}`", code.text(), head.trim_end()));
        }
        let example = page.split_once("\n## Example\n").map(|(_, rest)| rest);
        if !example.is_some_and(|rest| rest.contains("```")) {
            problems.push(format!("{}: no `## Example` with a fenced block", code.text()));
        }
        if !example.is_some_and(|rest| rest.contains("\n## What to do\n")) {
            problems.push(format!("{}: no `## What to do` after the example", code.text()));
        }
    }
    let known: Vec<String> = Code::ALL.iter().map(|c| format!("docs/diagnostics/{}.md", c.text())).collect();
    problems.extend(files("docs/diagnostics", &[".md"]).iter().map(|p| shown(p)).filter(|p| !known.contains(p)));
    none(&problems);
}

#[test]
fn codes_are_sorted_and_unique() {
    let texts: Vec<&str> = Code::ALL.iter().map(|c| c.text()).collect();
    let mut sorted = texts.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(texts, sorted);
}

/// The part of a source that runs, and the part that tests it.
fn split_tests(path: &Path, text: &str) -> (String, String) {
    let only_tests = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        ["tests", "testing", "properties"].contains(&name.trim_end_matches(".rs"))
    };
    if path.strip_prefix(root().join("src")).is_ok_and(|path| path.components().any(only_tests)) {
        return (String::new(), text.to_owned());
    }
    match text.split_once("#[cfg(test)]") {
        Some((code, tests)) => (code.to_owned(), tests.to_owned()),
        None => (text.to_owned(), String::new()),
    }
}

#[test]
fn every_code_is_raised_and_tested() {
    let (mut raised, mut tested) = (String::new(), String::new());
    for path in files("src", &[".rs"]).into_iter().filter(|p| !p.ends_with("diag/codes.rs")) {
        let (code, tests) = split_tests(&path, &read(&path));
        raised.push_str(&code);
        tested.push_str(&tests);
    }
    let cases = files("tests", &[".rs", ".rbg"]).into_iter().filter(|p| !p.ends_with("support/expect.rs"));
    cases.for_each(|path| tested.push_str(&read(&path)));
    let mut problems = Vec::new();
    for code in Code::ALL {
        let variant = format!("Code::{code:?}");
        let names = |text: &str| text.match_indices(&variant).any(|(i, _)| !continues(&text[i + variant.len()..]));
        if !names(&raised) {
            problems.push(format!("{} ({variant}) is never raised", code.text()));
        }
        if !names(&tested) && !tested.contains(code.text()) {
            problems.push(format!("{} ({variant}) has no case and no test", code.text()));
        }
    }
    none(&problems);
}

fn continues(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[test]
fn the_standard_library_and_the_examples_are_documented() {
    let docs: String = files("docs", &[".md"]).iter().map(|p| read(p)).collect();
    let readme = read(&root().join("README.md"));
    let mut problems = Vec::new();
    for path in files("stdlib", &[".rbg"]) {
        let module = path.file_stem().and_then(|s| s.to_str()).map(|s| format!("std.{s}")).unwrap_or_default();
        if !docs.contains(&module) {
            problems.push(format!("docs/ does not mention {module}"));
        }
    }
    for example in directories("examples") {
        if !readme.contains(&format!("examples/{example}")) {
            problems.push(format!("README.md does not list examples/{example}"));
        }
        for file in [format!("{example}.rbg"), "inventory.yaml".into()] {
            if !root().join("examples").join(&example).join(&file).is_file() {
                problems.push(format!("examples/{example} has no {file}"));
            }
        }
    }
    for golden in directories("golden") {
        if !root().join("examples").join(&golden).is_dir() {
            problems.push(format!("golden/{golden} belongs to no example"));
        }
    }
    none(&problems);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read(&root().join("Cargo.toml"));
    let house = read(&root().join("docs/architecture.md"));
    let mut problems = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside)
            && !house.contains(&format!("`{name}`"))
        {
            problems.push(format!("docs/architecture.md gives no reason for `{name}`"));
        }
    }
    none(&problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    let readme = [root().join("README.md"), root().join("CHANGELOG.md")];
    for path in readme.into_iter().chain(files("docs", &[".md"])) {
        let text = read(&path);
        for (at, _) in text.match_indices("](") {
            let target: String = text[at + 2..].chars().take_while(|c| *c != ')' && *c != '\n').collect();
            let file = target.split('#').next().unwrap_or("");
            let outside = file.is_empty() || file.contains("://") || file.contains(' ');
            if !outside && !path.parent().is_some_and(|d| d.join(file).exists()) {
                problems.push(format!("{}: `{target}` leads nowhere", shown(&path)));
            }
        }
    }
    none(&problems);
}
