//! Statements as written: what stands between the braces of a group, role, template or edge.

use super::{AfterTarget, Assert, Clause, Connect, Expr, Ident, Let, MapBody, TemplateCall};
use crate::source::Span;

/// The statements between two braces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// In order.
    pub statements: Vec<Statement>,
    /// Braces included.
    pub span: Span,
}

/// A statement in a role, group, template, edge, component or container.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Lines of `///` before it.
    pub doc: Vec<String>,
    /// The whole statement.
    pub span: Span,
    /// After `when`: the statement counts only if this holds. Allowed for `role`, `port`, `file`,
    /// `volume`, `mount`, `claim`, `init`, `sidecar`, `component`, `after`, `connect` and probes.
    pub when: Option<Expr>,
    /// What it says.
    pub kind: StatementKind,
}

/// The kinds of statements.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `replicas = 2`, `namespace = "llm"`, `flags = { a = 1 }`, `ready = unset`.
    Field {
        /// The field.
        name: Ident,
        /// Its value.
        value: Expr,
    },
    /// `flags { tp-size = 16 }`, `env { … }`, `rollout { … }`, `pod { … }`: merges key by key.
    Map {
        /// The field.
        name: Ident,
        /// The entries.
        body: MapBody,
    },
    /// `let x = 1`.
    Let(Let),
    /// `assert …`.
    Assert(Assert),
    /// `role NAME [is T(a) + M] { … }`.
    Role(Role),
    /// `leader { … }`, `worker { … }`, `defaults { … }`, and in an edge the names of its ends.
    Part {
        /// The word.
        name: Ident,
        /// What differs there.
        body: Body,
    },
    /// `component NAME { … }`, `init NAME { … }`, `sidecar NAME { … }`.
    Child {
        /// `component`, `init` or `sidecar`.
        keyword: Ident,
        /// Its name.
        name: Ident,
        /// Its content.
        body: Body,
    },
    /// `port http = 8000 { protocol = "UDP" }`.
    Port {
        /// Its name.
        name: Ident,
        /// Its number; absent in a block that only changes options.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `file "/etc/x.yaml" = expr { mode = 420 }`.
    File {
        /// Where it is mounted: the text of the string.
        path: Ident,
        /// Its content; absent in a block that only changes options.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `volume NAME { … }` or `claim NAME { … }`.
    Volume {
        /// `volume` or `claim`.
        keyword: Ident,
        /// Its name.
        name: Ident,
        /// What it is.
        body: MapBody,
    },
    /// `mount "/models" = "weights" { read-only = true }`.
    Mount {
        /// Where it is mounted: the text of the string.
        path: Ident,
        /// The volume.
        value: Option<Expr>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `ready http "/health" on http { every = 10s }`.
    Probe(Probe),
    /// `after a, b { wait = true }`, `after group store`.
    After {
        /// Who must be ready before.
        targets: Vec<AfterTarget>,
        /// Options.
        options: Option<MapBody>,
    },
    /// `connect a -> b as Edge over rdma weight 10`.
    Connect(Connect),
    /// `place { … }`.
    Place(Vec<Clause>),
    /// `coordinate a, b { … }`.
    Coordinate {
        /// The roles.
        roles: Vec<Ident>,
        /// `ratio`, `rollout { … }`, `scale { … }`, `recover`.
        body: MapBody,
    },
}

/// A role of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: Ident,
    /// After `is`: base, then mixins.
    pub bases: Vec<TemplateCall>,
    /// Its content.
    pub body: Body,
}

/// A health check.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// `ready`, `live` or `startup`.
    pub kind: Ident,
    /// How it is checked; absent in a block that only changes options (`ready { every = 5s }`).
    pub check: Option<ProbeCheck>,
    /// `every`, `delay`, `timeout`, `failures`, `successes`.
    pub options: Option<MapBody>,
}

/// How a probe looks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeCheck {
    /// `http "/health" on http`.
    Http {
        /// The path.
        path: Expr,
        /// The port's name.
        port: Ident,
    },
    /// `tcp on http`.
    Tcp {
        /// The port's name.
        port: Ident,
    },
    /// `grpc on grpc` or `grpc "service" on grpc`.
    Grpc {
        /// The service asked for.
        service: Option<Expr>,
        /// The port's name.
        port: Ident,
    },
    /// `exec ["sh", "-c", "true"]`.
    Exec {
        /// The command: a list.
        command: Expr,
    },
}
