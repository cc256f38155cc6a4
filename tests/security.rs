//! The Pod Security Standard that is printed against another evaluation of the pods that are written:
//! the rules of <https://kubernetes.io/docs/concepts/security/pod-security-standards/> once more, over
//! YAML.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rbgc::kinds::Target;
use rbgc::order::Delivery;
use serde_yaml::Value;

use crate::support::compile::compile_for;
use crate::support::tree::{self, Object, at};
use crate::support::{Memory, directories, none, rbg, read, root};
use crate::{cli, golden};

/// Standards from the strictest on.
const STANDARDS: [&str; 3] = ["restricted", "baseline", "privileged"];

/// Fields of a pod that is `restricted` otherwise, and what it needs with them.
const CASES: [(&str, &str); 36] = [
    ("", "restricted"),
    ("hostNetwork = true", "privileged"),
    ("hostPID = true", "privileged"),
    ("hostIPC = true", "privileged"),
    ("volumes v { hostPath { path = \"/dev\" } }", "privileged"),
    ("volumes v { nfs { server = \"a\" path = \"/\" } }", "baseline"),
    ("volumes v { emptyDir { } }", "restricted"),
    ("securityContext { seccompProfile { type = \"Unconfined\" } }", "privileged"),
    ("securityContext { seccompProfile { type = \"Localhost\" localhostProfile = \"a\" } }", "restricted"),
    ("securityContext { appArmorProfile { type = \"Unconfined\" } }", "privileged"),
    ("securityContext { seLinuxOptions { level = \"s0:c1,c2\" } }", "restricted"),
    ("securityContext { seLinuxOptions { type = \"container_init_t\" } }", "restricted"),
    ("securityContext { seLinuxOptions { type = \"spc_t\" } }", "privileged"),
    ("securityContext { seLinuxOptions { user = \"root\" } }", "privileged"),
    ("securityContext { sysctls = [{ name = \"net.ipv4.tcp_rmem\"  value = \"4096\" }] }", "restricted"),
    ("securityContext { sysctls = [{ name = \"kernel.msgmax\"  value = \"1\" }] }", "privileged"),
    ("securityContext { windowsOptions { hostProcess = true } }", "privileged"),
    ("securityContext { runAsUser = 0 }", "baseline"),
    ("securityContext { runAsNonRoot = false }", "baseline"),
    ("containers main { securityContext { privileged = true } }", "privileged"),
    ("containers main { securityContext { seccompProfile { type = \"Unconfined\" } } }", "privileged"),
    ("containers main { securityContext { appArmorProfile { type = \"Unconfined\" } } }", "privileged"),
    ("containers main { securityContext { seLinuxOptions { role = \"r\" } } }", "privileged"),
    ("containers main { securityContext { procMount = \"Unmasked\" } }", "privileged"),
    ("containers main { securityContext { allowPrivilegeEscalation = true } }", "baseline"),
    ("containers main { securityContext { runAsUser = 0 } }", "baseline"),
    ("containers main { securityContext { runAsNonRoot = false } }", "baseline"),
    ("containers main { securityContext { capabilities { drop = [\"NET_RAW\"] } } }", "baseline"),
    ("containers main { securityContext { capabilities { add = [\"NET_BIND_SERVICE\"] } } }", "restricted"),
    ("containers main { securityContext { capabilities { add = [\"CHOWN\"] } } }", "baseline"),
    ("containers main { securityContext { capabilities { add = [\"SYS_PTRACE\"] } } }", "privileged"),
    ("containers main { ports = [{ containerPort = 80  hostPort = 80 }] }", "privileged"),
    ("containers main { lifecycle { preStop { httpGet { host = \"a\" port = 80 } } } }", "privileged"),
    ("containers main { livenessProbe { tcpSocket { host = \"a\" port = 80 } } }", "privileged"),
    ("initContainers other { image = \"example.com/a:1\" }", "baseline"),
    ("containers other { image = \"example.com/a:1\" securityContext { privileged = true } }", "privileged"),
];

/// For each case a group in a namespace of its own, with a role of single pods and one of several.
fn program() -> String {
    let group = |(number, (fields, _)): (usize, &(&str, &str))| {
        let role = |name: &str, more: &str| {
            format!(
                "  role {name} {{\n    image = \"example.com/a:1\"  {more}\n    \
                 security {{ user = 1000  non-root = true }}\n    pod {{ {fields} }}\n  }}\n"
            )
        };
        let (one, several) = (role("one", ""), role("several", "pods = 2"));
        format!("group g{number} {{\n  namespace = \"n{number}\"\n{one}{several}}}\n")
    };
    CASES.iter().enumerate().map(group).collect()
}

/// What `rbgc dump security` prints: the standards of namespaces, and of `group/role`.
#[track_caller]
fn printed(sources: &Path, inventory: &Path, target: &str) -> BTreeMap<String, String> {
    let arguments = ["dump", "security", sources.to_str().unwrap(), "-i", inventory.to_str().unwrap()];
    let run = cli::run(&root(), &[&arguments[..], &["--target", target]].concat());
    assert_eq!(run.exit, 0, "{}", run.err);
    let line = |line: &str| {
        let (name, rest) = line.split_once(": ").expect("a name and a standard");
        let standard = rest.split(':').next().unwrap_or(rest);
        // What is not allowed is told, and nothing else is.
        assert_eq!(rest.contains(':'), standard != "restricted" && !name.starts_with("namespace "), "{line}");
        (name.to_owned(), standard.to_owned())
    };
    run.out.lines().map(line).collect()
}

/// The same of the pods of a tree.
fn evaluated(objects: &[Object]) -> BTreeMap<String, String> {
    let mut needed: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects {
        for (role, pod) in pods(object) {
            let standard = needs(&pod);
            let group = object.text(&["metadata", "labels", "rbg.workloads.x-k8s.io/group-name"]);
            for name in [format!("namespace {}", object.namespace()), format!("{group}/{role}")] {
                let known = needed.entry(name).or_default();
                *known = standard.max(*known);
            }
        }
    }
    needed.into_iter().map(|(name, standard)| (name, STANDARDS[standard].to_owned())).collect()
}

/// The PodSpecs of an object, each with its role.
fn pods(object: &Object) -> Vec<(String, Value)> {
    let own = object.text(&["metadata", "labels", "rbg.workloads.x-k8s.io/role-name"]).to_owned();
    let spec = |value: &Value, path: &[&str]| at(value, path).cloned();
    if object.kind() != "RoleBasedGroup" {
        let paths = [
            &["spec", "template", "spec"][..],
            &["spec", "leaderWorkerTemplate", "leaderTemplate", "spec"],
            &["spec", "leaderWorkerTemplate", "workerTemplate", "spec"],
        ];
        return paths.iter().filter_map(|path| Some((own.clone(), spec(&object.value, path)?))).collect();
    }
    let roles = list(at(&object.value, &["spec", "roles"]));
    let of_role = |role: &Value| -> Vec<(String, Value)> {
        let single = spec(role, &["standalonePattern", "template", "spec"]);
        let patched = |patch: &str| {
            let template = at(role, &["leaderWorkerPattern", "template"])?;
            let whole = rbg::patched(template, at(role, &["leaderWorkerPattern", patch]));
            spec(&whole, &["spec"])
        };
        let several = ["leaderTemplatePatch", "workerTemplatePatch"].into_iter().filter_map(patched);
        let components = list(at(role, &["customComponentsPattern", "components"]));
        let components = components.filter_map(|component| spec(component, &["template", "spec"]));
        let name = role["name"].as_str().unwrap_or_default();
        single.into_iter().chain(several).chain(components).map(|pod| (name.to_owned(), pod)).collect()
    };
    roles.flat_map(of_role).collect()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_sequence).into_iter().flatten()
}

fn word<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The index of the standard that a pod needs.
fn needs(pod: &Value) -> usize {
    if !is_baseline(pod) {
        return 2;
    }
    usize::from(!is_restricted(pod))
}

/// The containers of a pod, the pod itself first: each may have a security context.
fn contexts(pod: &Value) -> Vec<&Value> {
    let containers = ["initContainers", "containers"].into_iter().flat_map(|field| list(pod.get(field)));
    std::iter::once(pod).chain(containers).collect()
}

fn is_baseline(pod: &Value) -> bool {
    const CAPABILITIES: &str = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP \
                                SETGID SETPCAP SETUID SYS_CHROOT";
    const SYSCTLS: &str = "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start \
                           net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports \
                           net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl \
                           net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem";
    let has = |words: &str, name: &str| words.split_whitespace().any(|word| word == name);
    let host = ["hostNetwork", "hostPID", "hostIPC"].iter().any(|field| pod[*field] == true);
    let paths = list(pod.get("volumes")).any(|volume| volume.get("hostPath").is_some());
    let sysctls = list(at(pod, &["securityContext", "sysctls"])).all(|sysctl| has(SYSCTLS, word(sysctl, &["name"])));
    let context = |of: &&Value| {
        let context = &of["securityContext"];
        let selinux = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
        let added = list(at(context, &["capabilities", "add"])).filter_map(Value::as_str);
        context["privileged"] != true
            && at(context, &["windowsOptions", "hostProcess"]).is_none_or(|host| *host == false)
            && selinux.contains(&word(context, &["seLinuxOptions", "type"]))
            && word(context, &["seLinuxOptions", "user"]).is_empty()
            && word(context, &["seLinuxOptions", "role"]).is_empty()
            && ["", "RuntimeDefault", "Localhost"].contains(&word(context, &["appArmorProfile", "type"]))
            && ["", "RuntimeDefault", "Localhost"].contains(&word(context, &["seccompProfile", "type"]))
            && ["", "Default"].contains(&word(context, &["procMount"]))
            && added.into_iter().all(|name| has(CAPABILITIES, name))
            && list(of.get("ports")).all(|port| port.get("hostPort").is_none_or(|port| *port == 0))
            && !tree::texts(of).iter().any(|(path, text)| is_host(path) && !text.is_empty())
    };
    !host && !paths && sysctls && contexts(pod).iter().all(context)
}

/// The host of a probe or a hook; not the host in the address of an image, or a header.
fn is_host(path: &str) -> bool {
    path.ends_with("/httpGet/host") || path.ends_with("/tcpSocket/host")
}

fn is_restricted(pod: &Value) -> bool {
    const VOLUMES: [&str; 8] =
        ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];
    let volumes = list(pod.get("volumes")).all(|volume| VOLUMES.iter().any(|kind| volume.get(kind).is_some()));
    let common = &pod["securityContext"];
    let container = |container: &&Value| {
        let own = &container["securityContext"];
        let of = |field: &str| own.get(field).or_else(|| common.get(field));
        let dropped = list(at(own, &["capabilities", "drop"])).any(|name| name == "ALL");
        let added = list(at(own, &["capabilities", "add"])).all(|name| name == "NET_BIND_SERVICE");
        own["allowPrivilegeEscalation"] == false
            && of("runAsNonRoot").is_some_and(|flag| *flag == true)
            && own["runAsUser"] != 0
            && of("seccompProfile").is_some_and(|profile| profile.get("type").is_some())
            && dropped
            && added
    };
    volumes && common["runAsUser"] != 0 && contexts(pod)[1..].iter().all(container)
}

#[test]
fn the_printed_standard_is_that_of_the_pods() {
    let (directory, inventory) = (tempfile::tempdir().unwrap(), root().join("tests/inventory.yaml"));
    let source = directory.path().join("main.rbg");
    fs::write(&source, program()).unwrap();
    let mut problems = Vec::new();
    for target in [Target::Native, Target::Lws, Target::Rbg] {
        let mut world = Memory::default();
        world.add("/project/inventory.yaml", read(&inventory));
        world.add("/project/main.rbg", program());
        let outcome = compile_for(target, &world, &["main.rbg"], &[], &Delivery::Plain);
        let groups = outcome.groups.unwrap_or_else(|| panic!("{:?}", outcome.problems));
        let tree = groups.into_iter().flat_map(|group| group.files).collect();
        let (printed, evaluated) = (printed(&source, &inventory, target.name()), evaluated(&tree::written(&tree)));
        for (number, (fields, expected)) in CASES.iter().enumerate() {
            for name in [format!("namespace n{number}"), format!("g{number}/one"), format!("g{number}/several")] {
                let found = [&printed, &evaluated].map(|standards| standards.get(&name).map(String::as_str));
                if found != [Some(*expected); 2] {
                    problems.push(format!("{} {name}: {found:?}, not {expected}: {fields}", target.name()));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn the_standards_of_the_examples_are_right() {
    let directory = tempfile::tempdir().unwrap();
    let (mut problems, mut count) = (Vec::new(), 0);
    for example in directories("golden") {
        for form in directories(&format!("golden/{example}")) {
            let Some(target) = form.strip_suffix("-argocd") else { continue };
            let tree = tree::read(&root().join("golden").join(&example).join(&form));
            let home = root().join("examples").join(&example);
            let inventory = directory.path().join("inventory.yaml");
            let target = Target::parse(target).expect("a target");
            fs::write(&inventory, golden::equipped(&read(&home.join("inventory.yaml")), target)).unwrap();
            let (printed, evaluated) = (printed(&home, &inventory, target.name()), evaluated(&tree::written(&tree)));
            count += evaluated.len();
            if printed != evaluated {
                problems.push(format!("{example}/{form}: printed {printed:?}, written {evaluated:?}"));
            }
        }
    }
    none(&problems);
    assert!(count > 40, "only {count} namespaces and roles were looked at");
}

/// The compiler has nothing to say about the example that is to be an example for others, and its
/// pods may run where only `restricted` ones may.
#[test]
fn the_hardened_example_is_restricted_and_without_a_warning() {
    let home = root().join("examples/hardened");
    let inventory = home.join("inventory.yaml");
    let arguments =
        ["compile", home.to_str().unwrap(), "-i", inventory.to_str().unwrap(), "--deny-warnings", "-o", "-"];
    let run = cli::run(&root(), &arguments);
    assert_eq!((run.exit, run.err.as_str()), (0, ""));
    let standards = printed(&home, &inventory, "native");
    assert!(standards.len() >= 3 && standards.values().all(|standard| standard == "restricted"), "{standards:?}");
}
