//! `rbgc graph`: who waits for whom and who talks to whom, as a picture.

use std::fmt::{self, Write};

use clap::ValueEnum;

use crate::check::{Group, Model, Role, RoleId};

/// A language of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Picture {
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
pub(super) fn draw(model: &Model, picture: Picture) -> String {
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
            (Arrow::Before, _) => "-->".to_owned(),
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
            Arrow::Before => String::new(),
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
    format!("{}/{}", group.namespace, group.name)
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
    let mut arrows = Vec::new();
    for (id, role) in model.roles() {
        arrows.extend(role.after.iter().map(|after| (Arrow::Before, after.role, id, String::new())));
    }
    for (group, g) in model.groups.iter().enumerate() {
        let role = |role: usize| RoleId { group, role };
        for c in &g.connections {
            let floor = c.floor.as_ref().map(|(link, _)| link.name().to_owned());
            let words: Vec<String> = c.edge.clone().into_iter().chain(floor).collect();
            arrows.push((Arrow::Connects, role(c.from), role(c.to), words.join(" ")));
        }
        for r in &g.references {
            arrows.push((Arrow::Names, role(r.from), r.to, r.port.clone().unwrap_or_default()));
        }
    }
    arrows.sort();
    arrows.dedup();
    arrows
}
