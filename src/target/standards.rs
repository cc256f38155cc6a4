//! The Pod Security Standard that pods need: what their namespace must allow.
//!
//! Rules: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use std::cmp::Ordering;

use super::{Manifest, rbg};
use crate::data::{Data, Map};

/// A Pod Security Standard, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standard {
    /// `restricted`.
    Restricted,
    /// `baseline`.
    Baseline,
    /// `privileged`.
    Privileged,
}

impl Standard {
    /// The value of the namespace label `pod-security.kubernetes.io/enforce`.
    pub fn name(self) -> &'static str {
        match self {
            Standard::Restricted => "restricted",
            Standard::Baseline => "baseline",
            Standard::Privileged => "privileged",
        }
    }
}

/// Capabilities that `baseline` allows to add.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The standard that the pods of a workload need, and what keeps it from a stricter one; `None`
/// for objects that hold no pods.
pub fn needed(manifest: &Manifest) -> Option<(Standard, Vec<String>)> {
    let specs = match manifest.kind {
        rbg::KIND => rbg::pod_specs(&manifest.body),
        _ => vec![manifest.body.at(&["spec", "template", "spec"])?.as_map()?.clone()],
    };
    let found = specs.iter().map(needed_by);
    found.reduce(|a, b| match a.0.cmp(&b.0) {
        Ordering::Less => b,
        Ordering::Greater => a,
        Ordering::Equal => {
            let more = b.1.into_iter().filter(|reason| !a.1.contains(reason)).collect::<Vec<_>>();
            (a.0, a.1.into_iter().chain(more).collect())
        }
    })
}

/// The same of one pod.
fn needed_by(spec: &Map) -> (Standard, Vec<String>) {
    let mut privileged = host_access(spec);
    let mut baseline = Vec::new();
    let non_root = is(spec.get("securityContext"), "runAsNonRoot");
    for container in containers(spec) {
        let security = container.get("securityContext");
        let name = container.get("name").and_then(Data::as_str).unwrap_or_default();
        if is(security, "privileged") {
            privileged.push(format!("container `{name}` is privileged"));
        }
        for capability in added(security) {
            let list = if BASELINE.contains(&capability) { &mut baseline } else { &mut privileged };
            if capability != "NET_BIND_SERVICE" {
                list.push(format!("container `{name}` adds the capability {capability}"));
            }
        }
        if !non_root && !is(security, "runAsNonRoot") {
            baseline.push(format!("container `{name}` may run as root"));
        }
    }
    match (privileged.is_empty(), baseline.is_empty()) {
        (false, _) => (Standard::Privileged, privileged),
        (true, false) => (Standard::Baseline, baseline),
        (true, true) => (Standard::Restricted, Vec::new()),
    }
}

fn host_access(spec: &Map) -> Vec<String> {
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
    let mut found: Vec<String> =
        host.filter(|f| spec.get(f) == Some(&Data::Bool(true))).map(|f| format!("`{f}` is set")).collect();
    let volumes = spec.get("volumes").and_then(Data::as_list).unwrap_or_default();
    for volume in volumes.iter().filter_map(Data::as_map).filter(|v| v.get("hostPath").is_some()) {
        let name = volume.get("name").and_then(Data::as_str).unwrap_or_default();
        found.push(format!("volume `{name}` is a directory of the node"));
    }
    found
}

fn containers(spec: &Map) -> impl Iterator<Item = &Map> {
    let lists = ["initContainers", "containers"].into_iter().filter_map(|f| spec.get(f)?.as_list());
    lists.flatten().filter_map(Data::as_map)
}

fn is(security: Option<&Data>, switch: &str) -> bool {
    security.and_then(|s| s.at(&[switch])) == Some(&Data::Bool(true))
}

fn added(security: Option<&Data>) -> impl Iterator<Item = &str> {
    let list = security.and_then(|s| s.at(&["capabilities", "add"])).and_then(Data::as_list);
    list.unwrap_or_default().iter().filter_map(Data::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Form, Role};
    use crate::plan::testing::{fit, gang, group, inventory, place, role};
    use crate::target::lower;

    #[track_caller]
    fn check(role: Role, standard: Standard, reasons: &[&str]) {
        let fitted = fit(vec![group("g", vec![role])], vec![]);
        let inventory = inventory(1, 4);
        let plan = crate::plan::plan(&fitted, &inventory, &place(&fitted, &inventory));
        let found = lower(&plan).iter().find_map(needed);
        assert_eq!(found, Some((standard, reasons.iter().map(ToString::to_string).collect())));
    }

    #[test]
    fn the_strictest_standard_that_holds() {
        let mut plain = role("r", Form::Deployment, 1);
        check(plain.clone(), Standard::Baseline, &["container `r` may run as root"]);
        plain.parts[0].pod.security.non_root = true;
        check(plain.clone(), Standard::Restricted, &[]);
        plain.parts[0].pod.security.capabilities = vec!["CHOWN".into()];
        check(plain.clone(), Standard::Baseline, &["container `r` adds the capability CHOWN"]);
        plain.parts[0].pod.overrides = Map::new().with("hostNetwork", true).into();
        check(plain, Standard::Privileged, &["`hostNetwork` is set"]);
        check(gang("p", 1, 2), Standard::Privileged, &["container `p` adds the capability IPC_LOCK"]);
    }
}
