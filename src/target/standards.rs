//! The Pod Security Standard that pods need: what their namespace must allow.
//!
//! Rules: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, all of them for
//! Linux, because `pod { … }` can write any field.

use super::{Manifest, lws, rbg};
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

/// Sysctls that `baseline` allows to set.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];

/// SELinux types that `baseline` allows.
const SELINUX: [&str; 4] = ["container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// Volumes that `restricted` allows.
const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

/// The strictest standard that allows something, and what that is.
type Finding = (Standard, String);

/// What the pods of a role need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The role, where the object holds those of several.
    pub role: Option<String>,
    /// The strictest standard that allows them.
    pub standard: Standard,
    /// What keeps them from a stricter one.
    pub reasons: Vec<String>,
}

/// What the pods of an object need, role by role; nothing for objects that hold none.
pub fn needed(manifest: &Manifest) -> Vec<Need> {
    let template = |path: &[&str]| manifest.body.at(path)?.at(&["spec"])?.as_map().cloned();
    let templates = |paths: &[&[&str]]| vec![(None, paths.iter().filter_map(|path| template(path)).collect())];
    let roles: Vec<(Option<String>, Vec<Map>)> = match manifest.kind {
        rbg::KIND => rbg::pod_specs(&manifest.body).into_iter().map(|(role, specs)| (Some(role), specs)).collect(),
        lws::KIND => {
            let part = |part| ["spec", "leaderWorkerTemplate", part];
            templates(&[&part("leaderTemplate"), &part("workerTemplate")])
        }
        _ => templates(&[&["spec", "template"]]),
    };
    roles.into_iter().filter(|(_, specs)| !specs.is_empty()).map(|(role, specs)| need(role, &specs)).collect()
}

fn need(role: Option<String>, specs: &[Map]) -> Need {
    let found: Vec<Finding> = specs.iter().flat_map(needed_by).collect();
    let standard = found.iter().map(|(standard, _)| *standard).max().unwrap_or(Standard::Restricted);
    let mut reasons = Vec::new();
    for (_, reason) in found.into_iter().filter(|(allowing, _)| *allowing == standard) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Need { role, standard, reasons }
}

/// What a pod asks for that `restricted` does not allow.
fn needed_by(spec: &Map) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |standard, reason: String| found.push((standard, reason));
    for field in ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|f| spec.get(f) == Some(&Data::Bool(true))) {
        add(Standard::Privileged, format!("`{field}` is set"));
    }
    for volume in maps(spec.get("volumes")) {
        let name = text(volume.get("name"));
        let Some((kind, _)) = volume.iter().find(|(field, _)| *field != "name") else { continue };
        if kind == "hostPath" {
            add(Standard::Privileged, format!("volume `{name}` is a directory of the node"));
        } else if !VOLUMES.contains(&kind) {
            add(Standard::Baseline, format!("volume `{name}` is of the type {kind}"));
        }
    }
    let common = spec.get("securityContext");
    for name in maps(common.and_then(|c| c.at(&["sysctls"]))).map(|s| text(s.get("name"))) {
        if !SYSCTLS.contains(&name) {
            add(Standard::Privileged, format!("the pod sets the sysctl {name}"));
        }
    }
    found.extend(context("the pod", common));
    for container in ["initContainers", "containers"].into_iter().flat_map(|list| maps(spec.get(list))) {
        found.extend(container_needs(container, common));
    }
    found
}

/// What a pod and its containers can set alike.
fn context(whose: &str, security: Option<&Data>) -> Vec<Finding> {
    let field = |path: &[&str]| security.and_then(|s| s.at(path));
    let mut found = Vec::new();
    let mut add = |standard, reason: &str| found.push((standard, format!("{whose} {reason}")));
    if field(&["windowsOptions", "hostProcess"]) == Some(&Data::Bool(true)) {
        add(Standard::Privileged, "is a process of the node");
    }
    let selinux = |part: &str| text(field(&["seLinuxOptions", part]));
    let kind = selinux("type");
    if !(selinux("user").is_empty() && selinux("role").is_empty() && (kind.is_empty() || SELINUX.contains(&kind))) {
        add(Standard::Privileged, "chooses its SELinux context");
    }
    for (profile, name) in [("appArmorProfile", "AppArmor"), ("seccompProfile", "seccomp")] {
        if text(field(&[profile, "type"])) == "Unconfined" {
            add(Standard::Privileged, &format!("has no {name} profile"));
        }
    }
    if field(&["runAsUser"]) == Some(&Data::Int(0)) {
        add(Standard::Baseline, "runs as root");
    }
    found
}

/// What a container asks for, in a pod with a security context for all.
fn container_needs(container: &Map, common: Option<&Data>) -> Vec<Finding> {
    let whose = format!("container `{}`", text(container.get("name")));
    let own = container.get("securityContext");
    let field = |path: &[&str]| own.and_then(|s| s.at(path));
    let inherited = |path: &[&str]| field(path).or_else(|| common.and_then(|c| c.at(path)));
    let is = |path: &[&str], value: bool| field(path) == Some(&Data::Bool(value));
    let mut found = context(&whose, own);
    let mut add = |standard, reason: &str| found.push((standard, format!("{whose} {reason}")));
    if is(&["privileged"], true) {
        add(Standard::Privileged, "is privileged");
    }
    for capability in texts(field(&["capabilities", "add"])).filter(|name| *name != "NET_BIND_SERVICE") {
        let standard = if BASELINE.contains(&capability) { Standard::Baseline } else { Standard::Privileged };
        add(standard, &format!("adds the capability {capability}"));
    }
    if !matches!(text(field(&["procMount"])), "" | "Default") {
        add(Standard::Privileged, "sees all of /proc");
    }
    if maps(container.get("ports")).any(|port| port.get("hostPort").is_some_and(|port| *port != Data::Int(0))) {
        add(Standard::Privileged, "listens on a port of the node");
    }
    if asks_hosts(container) {
        add(Standard::Privileged, "has a probe or hook that asks a host of its choice");
    }
    if inherited(&["runAsNonRoot"]) != Some(&Data::Bool(true)) {
        add(Standard::Baseline, "may run as root");
    }
    if !texts(field(&["capabilities", "drop"])).any(|name| name == "ALL") {
        add(Standard::Baseline, "keeps capabilities");
    }
    if !is(&["allowPrivilegeEscalation"], false) {
        add(Standard::Baseline, "may gain privileges");
    }
    if text(inherited(&["seccompProfile", "type"])).is_empty() {
        add(Standard::Baseline, "has no seccomp profile of its own");
    }
    found
}

/// Since Kubernetes 1.34.
fn asks_hosts(container: &Map) -> bool {
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"].into_iter().filter_map(|f| container.get(f));
    let hooks = ["postStart", "preStop"].into_iter().filter_map(|f| container.get("lifecycle")?.at(&[f]));
    let mut actions = probes.chain(hooks);
    actions.any(|action| ["httpGet", "tcpSocket"].into_iter().any(|kind| !text(action.at(&[kind, "host"])).is_empty()))
}

fn maps(list: Option<&Data>) -> impl Iterator<Item = &Map> {
    list.and_then(Data::as_list).unwrap_or_default().iter().filter_map(Data::as_map)
}

fn texts(list: Option<&Data>) -> impl Iterator<Item = &str> {
    list.and_then(Data::as_list).unwrap_or_default().iter().filter_map(Data::as_str)
}

fn text(data: Option<&Data>) -> &str {
    data.and_then(Data::as_str).unwrap_or_default()
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
        let found: Vec<Need> = lower(&plan).iter().flat_map(needed).take(1).collect();
        assert_eq!(found, [Need { role: None, standard, reasons: reasons.iter().map(ToString::to_string).collect() }]);
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
