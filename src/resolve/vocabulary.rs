//! The words that the language knows: fields of roles and groups, built-in functions, values of
//! the running pod. One table each; the reference in `docs/language.md` follows them.

/// What a field of a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A whole number of at least the given one.
    Int(i64),
    /// A number of instances.
    Range,
    /// `true` or `false`.
    Bool,
    /// A text.
    Text,
    /// A container image.
    Image,
    /// An amount that is not negative.
    Quantity,
    /// A time that is not negative.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A list of texts in which values of the running pod are legal.
    RuntimeTexts,
    /// A list of maps.
    Maps,
    /// A map that is merged key by key; values of the running pod are legal.
    RuntimeMap,
    /// A map that is merged key by key, with the given keys.
    Options(&'static [&'static str]),
    /// A map of texts that is merged key by key.
    TextMap,
    /// A map of quantities that is merged key by key.
    QuantityMap,
    /// A part of a PodSpec, merged deeply.
    PodSpec,
    /// The ports by name; declared by `port`, not by assignment.
    Ports,
    /// Described by the language, refused for now.
    Later,
}

/// A field of a role.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// It also is a field of a sidecar or init container.
    pub container: bool,
}

const fn role(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, container: false }
}

const fn both(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, container: true }
}

/// All fields of a role, sorted by name.
pub const ROLE_FIELDS: &[Field] = &[
    role("annotations", FieldKind::TextMap),
    both("args", FieldKind::RuntimeTexts),
    role("autoscale", FieldKind::Options(&["activation", "cooldown", "cpu", "memory", "metric", "stabilization"])),
    both("command", FieldKind::RuntimeTexts),
    both("cpu", FieldKind::Quantity),
    role("discovers", FieldKind::Bool),
    role("drain", FieldKind::Duration),
    role("engine-runtimes", FieldKind::Maps),
    both("env", FieldKind::RuntimeMap),
    both("ephemeral", FieldKind::Quantity),
    role(
        "expose",
        FieldKind::Options(&[
            "type",
            "host",
            "hosts",
            "path",
            "port",
            "tls",
            "timeout",
            "weight",
            "backends",
            "picker",
            "picker-port",
            "annotations",
        ]),
    ),
    both("flag-style", FieldKind::Word(&["space", "equals"])),
    both("flags", FieldKind::RuntimeMap),
    role("gpu", FieldKind::Text),
    role("gpus", FieldKind::Int(0)),
    role("grace", FieldKind::Duration),
    role("hugepages", FieldKind::Quantity),
    role("identity", FieldKind::Word(&["stable", "none"])),
    both("image", FieldKind::Image),
    role("image-pull-secrets", FieldKind::Texts),
    role("interpreter", FieldKind::Word(&["python3", "bash"])),
    role("labels", FieldKind::TextMap),
    both("memory", FieldKind::Quantity),
    role("metrics", FieldKind::Options(&["port", "path", "interval"])),
    role("min-ready", FieldKind::Duration),
    role("network", FieldKind::Options(&["namespaces", "blocks", "ports"])),
    role("pod", FieldKind::PodSpec),
    role("pods", FieldKind::Int(1)),
    both("port", FieldKind::Ports),
    role("priority", FieldKind::Text),
    both("pull", FieldKind::Word(&["Always", "IfNotPresent", "Never"])),
    role("rdma", FieldKind::Int(0)),
    role("recover", FieldKind::Word(&["pod", "instance", "role", "group"])),
    role("replicas", FieldKind::Range),
    both("resources", FieldKind::QuantityMap),
    role("rollout", FieldKind::Later),
    role("scale", FieldKind::Later),
    role(
        "security",
        FieldKind::Options(&["user", "non-root", "read-only-root", "writable", "capabilities", "privileged"]),
    ),
    role("service-account", FieldKind::Text),
    role("shm", FieldKind::Quantity),
    role("tolerate", FieldKind::Maps),
    role("traffic-distribution", FieldKind::Word(&["PreferClose", "PreferSameZone", "PreferSameNode"])),
    role("warm-up", FieldKind::Options(&["command", "cpu", "deadline", "images", "memory", "nodes", "retries"])),
];

/// The field of a role with this name.
pub fn role_field(name: &str) -> Option<&'static Field> {
    ROLE_FIELDS.binary_search_by_key(&name, |f| f.name).ok().map(|i| &ROLE_FIELDS[i])
}

/// Statements of a role body that are not fields, for suggestions.
pub const ROLE_STATEMENTS: &[&str] = &[
    "after",
    "assert",
    "claim",
    "component",
    "file",
    "init",
    "leader",
    "let",
    "live",
    "mount",
    "place",
    "port",
    "ready",
    "sidecar",
    "startup",
    "volume",
    "worker",
];

/// Fields of a group.
pub const GROUP_FIELDS: &[&str] = &["annotations", "generation", "labels", "namespace", "objective", "pin"];

/// Statements of a group body that are not fields, for suggestions.
pub const GROUP_STATEMENTS: &[&str] = &["after", "assert", "connect", "coordinate", "defaults", "let", "place", "role"];

/// Fields of an edge.
pub const EDGE_FIELDS: &[&str] = &["handshake", "over", "revision", "weight"];

/// Built-in functions, sorted.
pub const BUILTINS: &[&str] = &[
    "ceil",
    "claim",
    "config",
    "ends-with",
    "external",
    "flatten",
    "float",
    "floor",
    "indent",
    "int",
    "join",
    "json",
    "keys",
    "len",
    "lower",
    "matches",
    "max",
    "merge",
    "metric",
    "min",
    "model",
    "prometheus",
    "quantity",
    "range",
    "replace",
    "round",
    "secret",
    "sort",
    "split",
    "starts-with",
    "string",
    "sum",
    "template",
    "unique",
    "upper",
    "values",
    "yaml",
    "zip",
];

/// The built-in function with this name.
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTINS.binary_search(&name).ok().map(|i| BUILTINS[i])
}

/// Values of the running pod, and of the nodes that it may use: the word, and what it offers.
pub const RUNTIME: &[(&str, &[&str])] = &[
    ("leader", &["address"]),
    ("node", &["nics"]),
    ("pod", &["host-ip", "ip", "name", "namespace", "node"]),
    ("self", &["index", "instance", "rank"]),
];

/// Properties of a role value besides its fields.
pub const ROLE_PROPERTIES: &[&str] =
    &["addresses", "autoscaled", "group", "headless", "name", "namespace", "selector", "service", "url", "urls"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(ROLE_FIELDS.is_sorted_by_key(|f| f.name));
        assert!(BUILTINS.is_sorted());
        assert!(role_field("tolerate").is_some() && builtin("zip").is_some());
    }
}
