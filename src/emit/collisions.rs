//! Whether the paths of a compilation go together.

use std::collections::BTreeMap;

use super::Group;
use crate::diag::{Code, Diagnostic};
use crate::lock::path::{Fault, check_of_group};

/// Checks all paths of a compilation: each sound and below its group's directory or a delivery's,
/// none a directory of another, and none the same as another but for case, because some file
/// systems make no difference. Returns what is wrong.
pub fn check_all(groups: &[Group]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let locks: Vec<String> = groups.iter().map(Group::lock_path).collect();
    for (group, lock) in groups.iter().zip(&locks) {
        for path in group.files.keys() {
            if let Err(fault) = check_of_group(&group.name, path) {
                problems.push(bad_path(path, fault));
            }
        }
        for path in group.files.keys().chain([lock]) {
            match seen.insert(path.to_ascii_lowercase(), path) {
                Some(other) if other == path => problems.push(written_twice(path)),
                Some(other) => problems.push(differs_in_case(path, other)),
                None => {}
            }
        }
    }
    for (lower, path) in &seen {
        let parents = lower.match_indices('/').map(|(at, _)| &lower[..at]);
        problems.extend(parents.filter_map(|parent| seen.get(parent)).map(|file| file_and_directory(file, path)));
    }
    problems
}

fn bad_path(path: &str, fault: Fault) -> Diagnostic {
    Diagnostic::nowhere(Code::OutsideOutput, format!("the path `{}` {}", path.escape_debug(), fault.text()))
        .help("rename the group, role or file that it is made from")
}

fn written_twice(path: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::NameCollision, format!("`{path}` would be written twice"))
        .help("rename one of the objects")
}

fn differs_in_case(path: &str, other: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::NameCollision, format!("`{path}` and `{other}` differ only in case"))
        .help("rename one of the objects: some file systems make no difference")
}

fn file_and_directory(file: &str, below: &str) -> Diagnostic {
    Diagnostic::nowhere(Code::NameCollision, format!("`{file}` would be a file, and a directory for `{below}`"))
        .help("rename one of the two")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emit::{Files, Lock};

    #[test]
    fn paths_do_not_collide() {
        let count = |paths: &[&str]| {
            let files = paths.iter().map(|path| (path.to_string(), String::new())).collect();
            check_all(&[Group {
                name: "g".into(),
                files,
                lock: Lock::default(),
                changes: Vec::new(),
                deferred: Vec::new(),
                rollouts: Vec::new(),
            }])
            .len()
        };
        assert_eq!(count(&["g/a.yaml", "g/b/a.yaml", "argocd/g.yaml"]), 0);
        assert_eq!(count(&["g/a.yaml", "g/A.yaml"]), 1);
        assert_eq!(count(&["g/a", "g/A/b"]), 1);
        assert_eq!(count(&["g/../a"]), 1);
        assert_eq!(count(&["g/rbgc.lock/x"]), 1);
        let files = Files::from([("argocd/g.yaml".to_string(), String::new())]);
        let group = |name: &str| Group::new(name, files.clone(), Lock::default());
        assert_eq!(check_all(&[group("g"), group("h")]).len(), 1);
    }
}
