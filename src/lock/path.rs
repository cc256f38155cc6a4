//! Which paths may be written: the one place that decides it, for rendered files and for what a
//! lock names.

/// File name of a group's lock. It ends in nothing that Argo CD or Flux would read as a manifest.
pub const LOCK: &str = "rbgc.lock";

/// File name of the list of resources that kustomize reads.
pub const KUSTOMIZATION: &str = "kustomization.yaml";

/// Directories beside those of the groups, with the objects of delivery tools. No group can have
/// one of these names.
pub const DELIVERIES: [&str; 2] = ["argocd", "flux"];

/// The longest path, in bytes.
pub const LONGEST: usize = 1024;

/// Prefix of temporary files: they begin with a dot, as no path of ours does.
pub const TEMPORARY: &str = ".rbgc-";

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Longer than [`LONGEST`].
    TooLong,
    /// Absolute, or with an empty component, `.` or `..`.
    Escapes,
    /// A character other than ASCII letters, digits, `-`, `_` and `.`, or a component that begins
    /// with a dot or is longer than 255 bytes.
    Characters,
    /// A name that changes how Argo CD or kustomize reads the directory.
    Reserved,
    /// Not below the group's directory or a delivery's.
    Elsewhere,
}

impl Fault {
    /// The fault in words, to stand behind the path.
    pub fn text(self) -> &'static str {
        match self {
            Fault::TooLong => "is longer than 1024 bytes",
            Fault::Escapes => "leaves its directory",
            Fault::Characters => "has a component that is no plain file name",
            Fault::Reserved => "has a name that changes how Argo CD or kustomize reads the directory",
            Fault::Elsewhere => "is neither below its group's directory nor in a delivery's",
        }
    }
}

/// Checks a relative path with `/` between its components, of which each must be a plain file name.
///
/// Argo CD takes a directory with `Chart.yaml` for a chart and reads parameters from
/// `.argocd-source*.yaml`; kustomize also takes two other spellings of its file.
///
/// # Errors
/// The first fault.
pub fn check(path: &str) -> Result<(), Fault> {
    if path.len() > LONGEST {
        return Err(Fault::TooLong);
    }
    for component in path.split('/') {
        if matches!(component, "" | "." | "..") {
            return Err(Fault::Escapes);
        }
        let plain = component.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !plain || component.starts_with('.') || component.len() > 255 {
            return Err(Fault::Characters);
        }
        let lower = component.to_ascii_lowercase();
        let kustomization = matches!(lower.as_str(), "kustomization.yaml" | "kustomization.yml" | "kustomization");
        if lower == "chart.yaml" || kustomization && component != KUSTOMIZATION {
            return Err(Fault::Reserved);
        }
    }
    Ok(())
}

/// Checks a path, from the output directory, of a file that a group may have. Its lock is none.
///
/// # Errors
/// The first fault.
pub fn check_of_group(group: &str, path: &str) -> Result<(), Fault> {
    check(path)?;
    check_in_lock(&in_lock(group, path))
}

/// Where a group's lock stands, from the output directory.
pub fn lock_of(group: &str) -> String {
    format!("{group}/{LOCK}")
}

/// A path as it stands in a group's lock: from the group's directory.
pub fn in_lock(group: &str, path: &str) -> String {
    match path.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')) {
        Some(own) => own.to_string(),
        None => format!("../{path}"),
    }
}

/// Checks a path as it stands in a lock: below the directory of the lock, or `../` and below that
/// of a delivery. What is outside of these can be neither written nor deleted.
///
/// # Errors
/// The first fault.
pub fn check_in_lock(path: &str) -> Result<(), Fault> {
    let Some(outside) = path.strip_prefix("../") else {
        return check(path).and_then(|()| if path.eq_ignore_ascii_case(LOCK) { Err(Fault::Elsewhere) } else { Ok(()) });
    };
    check(outside)?;
    let (top, rest) = outside.split_once('/').ok_or(Fault::Elsewhere)?;
    if DELIVERIES.contains(&top) && !rest.eq_ignore_ascii_case(LOCK) { Ok(()) } else { Err(Fault::Elsewhere) }
}

/// A checked path of a group's lock, from the output directory.
pub fn from_lock(group: &str, path: &str) -> String {
    match path.strip_prefix("../") {
        Some(outside) => outside.to_string(),
        None => format!("{group}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_the_output() {
        for path in ["a", "a/b.yaml", "a/kustomization.yaml", "A_b-1/x.y.z"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/."] {
            assert_eq!(check(path), Err(Fault::Escapes), "{path}");
        }
        for path in ["a\\b", "C:", "a\0", "a\n", "é", ".git/config", "a/.argocd-source.yaml", "a b", &"a".repeat(256)]
        {
            assert_eq!(check(path), Err(Fault::Characters), "{path}");
        }
        for path in ["a/Chart.yaml", "chart.yaml/x", "a/Kustomization", "a/kustomization.yml", "KUSTOMIZATION.YAML"] {
            assert_eq!(check(path), Err(Fault::Reserved), "{path}");
        }
    }

    #[test]
    fn paths_are_not_endless() {
        assert_eq!(check(&"a/".repeat(1 << 20)), Err(Fault::TooLong));
        assert_eq!(check_in_lock(&format!("../argocd{}", "/a".repeat(1 << 20))), Err(Fault::TooLong));
    }

    #[test]
    fn a_group_has_its_directory_and_the_deliveries() {
        for path in ["g/x.yaml", "g/r/x.yaml", "argocd/g.yaml", "flux/g/x.yaml"] {
            assert_eq!(check_of_group("g", path), Ok(()), "{path}");
            assert_eq!(from_lock("g", &in_lock("g", path)), path);
        }
        for path in ["g", "x.yaml", "h/x.yaml", "gg/x.yaml", "g/rbgc.lock", "argocd/rbgc.lock", "argocd"] {
            assert_eq!(check_of_group("g", path), Err(Fault::Elsewhere), "{path}");
        }
        for path in
            ["../g/x", "../../x", "../argocd/../x", "/etc/passwd", "../h/x.yaml", "rbgc.lock", "..", "../argocd"]
        {
            assert!(check_in_lock(path).is_err(), "{path}");
        }
    }
}
