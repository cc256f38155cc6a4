//! `rbgc std`: the standard library that the compiler carries.

use clap::{Args, Subcommand};

use super::disk::Disk;
use super::{Exit, Terminal};
use crate::diag::{Session, suggestion};
use crate::resolve::item_name;
use crate::resolve::std_lib::{self, MODULES};
use crate::source::SourceMap;
use crate::syntax::{Item, ItemKind, Param, parse};

/// Show the standard library
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbgc std list                   list the modules
  rbgc std show sglang            print the source of std.sglang, with its rules and their reasons
  rbgc std show sglang.Prefill    print what one template is for and takes")]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the modules
    List,
    /// Print the source of a module, or the parameters of a template or edge
    Show {
        /// The module or what it declares, with or without `std.`
        name: String,
    },
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Exit {
    match &arguments.action {
        Action::List => {
            let width = MODULES.iter().map(|m| m.name.len()).max().unwrap_or(0);
            let line = |m: &std_lib::StdModule| {
                format!("{:width$}  {}\n", m.name, purpose(m.text)).trim_end().to_owned() + "\n"
            };
            terminal.result(&MODULES.iter().map(line).collect::<String>(), Exit::Fine)
        }
        Action::Show { name } => show(name, terminal),
    }
}

fn show(name: &str, terminal: &Terminal) -> Exit {
    let full = if name.starts_with("std.") { name.to_owned() } else { format!("std.{name}") };
    let (module, member) = match full.rsplit_once('.') {
        Some((module, member)) if member.starts_with(|c: char| c.is_ascii_uppercase()) => (module, Some(member)),
        _ => (full.as_str(), None),
    };
    let Some(found) = std_lib::find(module) else {
        let known: Vec<&str> = MODULES.iter().map(|m| m.name).collect();
        let near = suggestion(module, &known).map_or(String::new(), |s| format!("; {s}"));
        return terminal.misuse(&format!("the standard library has no module `{module}`{near}"));
    };
    let Some(member) = member else { return terminal.result(found.text, Exit::Fine) };
    let world = Disk::default();
    let mut session = Session::new(&world, "");
    let Some(file) = session.sources.add(found.name, found.text) else { return Exit::Internal };
    let ast = parse::parse(&mut session, file);
    let public = ast.items.iter().filter(|item| !item.private && head(item).is_some());
    let (names, items): (Vec<&str>, Vec<&Item>) =
        public.filter_map(|item| Some((item_name(item)?.name.as_str(), item))).unzip();
    match names.iter().position(|name| *name == member) {
        Some(at) => terminal.result(&interface(items[at], &session.sources), Exit::Fine),
        None => {
            let near = suggestion(member, &names).map_or(String::new(), |s| format!("; {s}"));
            terminal.misuse(&format!("`{module}` has no template or edge `{member}`{near}"))
        }
    }
}

/// The word, name and parameters of a template or edge.
fn head(item: &Item) -> Option<(&'static str, &[Param])> {
    match &item.kind {
        ItemKind::Template(template) => Some(("template", &template.params)),
        ItemKind::Edge(edge) => Some(("edge", &edge.params)),
        _ => None,
    }
}

/// What a template or edge is for, and what it takes, each parameter with its documentation.
fn interface(item: &Item, sources: &SourceMap) -> String {
    let (Some((word, params)), Some(name)) = (head(item), item_name(item)) else { return String::new() };
    let mut out = format!("{word} {}\n", name.name);
    let mut lines = |indent: &str, texts: &[String]| {
        for text in texts {
            out += format!("{indent}{text}").trim_end();
            out += "\n";
        }
    };
    lines("  ", &item.doc);
    for param in params {
        let default = param.default.as_ref().map_or(String::new(), |e| format!(" = {}", sources.text(e.span)));
        let declared = format!("{}: {}{default}", param.name.name, sources.text(param.ty.span));
        lines("", &[String::new()]);
        lines("  ", &[declared]);
        lines("    ", &param.doc);
    }
    out
}

/// The first line of the comment at the head of a module.
fn purpose(text: &str) -> &str {
    text.lines().next().and_then(|line| line.strip_prefix("//")).map_or("", |line| line.trim_start_matches('/').trim())
}
