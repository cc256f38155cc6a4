//! `rbgc graph`: who waits for whom and who talks to whom, as a picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use clap::{Args, ValueEnum};

use super::dump;
use super::jobs::Inputs;
use super::{Exit, Terminal};
use crate::check::{self, Group, Model, Role, RoleId};
use crate::{graph, resolve};

/// Draw who waits for whom and who talks to whom
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc graph qwen.rbg                                  for Markdown on GitHub and GitLab
  rbgc graph qwen.rbg --format dot | dot -Tsvg > qwen.svg

An arrow leads from the role that starts first to the one that waits for it (`wait`: whenever it
starts); a double one is a connection, a dotted one leads to a role that is named by its address or
port.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// The language of the picture
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    format: Picture,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    dump::one(&arguments.inputs, terminal, |session, job| {
        let program = resolve::resolve(session, &job.files);
        let model = check::check(session, &program, &job.parameters());
        graph::stages(session, &model)?;
        Some(draw(&model, arguments.format))
    })
}

/// A language of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Picture {
    /// Mermaid, which GitHub and GitLab draw in Markdown
    Mermaid,
    /// DOT, for Graphviz
    Dot,
}

/// What an arrow says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Arrow {
    /// The target starts when the source is ready.
    Before,
    /// The source and the target exchange data.
    Connects,
    /// The source names the target: by address, Service or port.
    Names,
}

/// The picture of a model: a box for each group, a node for each role.
fn draw(model: &Model, picture: Picture) -> String {
    let mut out = String::new();
    let drawn = match picture {
        Picture::Mermaid => mermaid(model, &mut out),
        Picture::Dot => dot(model, &mut out),
    };
    drawn.expect("invariant: writing to a String does not fail");
    out
}

fn mermaid(model: &Model, out: &mut String) -> fmt::Result {
    writeln!(out, "flowchart TD")?;
    for (g, group) in model.groups.iter().enumerate() {
        writeln!(out, "  subgraph g{g}[\"{}\"]", title(group))?;
        for (r, role) in group.roles.iter().enumerate() {
            writeln!(out, "    g{g}r{r}[\"{}<br/>{}\"]", role.name, shape(role))?;
        }
        writeln!(out, "  end")?;
    }
    for (arrow, from, to, text) in arrows(model) {
        let line = match (arrow, text.as_str()) {
            (Arrow::Before, "") => "-->".to_owned(),
            (Arrow::Before, text) => format!("-->|{text}|"),
            (Arrow::Connects, "") => "<==>".to_owned(),
            (Arrow::Connects, text) => format!("<==>|{text}|"),
            (Arrow::Names, "") => "-.->".to_owned(),
            (Arrow::Names, text) => format!("-.->|{text}|"),
        };
        writeln!(out, "  {} {line} {}", node(from), node(to))?;
    }
    Ok(())
}

fn dot(model: &Model, out: &mut String) -> fmt::Result {
    writeln!(out, "digraph rbgc {{\n  node [shape=box];")?;
    for (g, group) in model.groups.iter().enumerate() {
        writeln!(out, "  subgraph cluster_g{g} {{\n    label=\"{}\";", title(group))?;
        for (r, role) in group.roles.iter().enumerate() {
            writeln!(out, "    g{g}r{r} [label=\"{}\\n{}\"];", role.name, shape(role))?;
        }
        writeln!(out, "  }}")?;
    }
    for (arrow, from, to, text) in arrows(model) {
        let style = match arrow {
            Arrow::Before if text.is_empty() => String::new(),
            Arrow::Before => format!(" [label=\"{text}\"]"),
            Arrow::Connects => format!(" [dir=both, style=bold, label=\"{text}\"]"),
            Arrow::Names => format!(" [style=dotted, label=\"{text}\"]"),
        };
        writeln!(out, "  {} -> {}{style};", node(from), node(to))?;
    }
    writeln!(out, "}}")
}

fn node(id: RoleId) -> String {
    format!("g{}r{}", id.group, id.role)
}

fn title(group: &Group) -> String {
    format!("{}/{}", group.namespace, group.stem)
}

/// `2 x 4 pods`, `1..4 pods`.
fn shape(role: &Role) -> String {
    let replicas = role.replicas;
    let count =
        if replicas.autoscaled() { format!("{}..{}", replicas.min, replicas.max) } else { replicas.max.to_string() };
    match role.pods() {
        1 if count == "1" => "1 pod".to_owned(),
        1 => format!("{count} pods"),
        pods => format!("{count} x {pods} pods"),
    }
}

/// All arrows, each once, in the order of their kinds and ends.
fn arrows(model: &Model) -> Vec<(Arrow, RoleId, RoleId, String)> {
    let mut arrows: BTreeMap<(Arrow, RoleId, RoleId), BTreeSet<String>> = BTreeMap::new();
    let mut add = |arrow, from, to, words: Vec<String>| arrows.entry((arrow, from, to)).or_default().extend(words);
    for (id, role) in model.roles() {
        for after in &role.after {
            add(Arrow::Before, after.role, id, after.wait.then(|| "wait".to_owned()).into_iter().collect());
        }
    }
    for (group, g) in model.groups.iter().enumerate() {
        let role = |role: usize| RoleId { group, role };
        for c in &g.connections {
            let floor = c.floor.as_ref().map(|(link, _)| link.name().to_owned());
            add(Arrow::Connects, role(c.from), role(c.to), c.edge.clone().into_iter().chain(floor).collect());
        }
        for r in &g.references {
            add(Arrow::Names, role(r.from), r.to, r.port.iter().cloned().collect());
        }
    }
    let text = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
    arrows.into_iter().map(|((arrow, from, to), words)| (arrow, from, to, text(words))).collect()
}
