//! What is made of files, and what is said about them.

use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::inventory::Inventory;
use crate::source::World;

mod formats;
mod hostile;
mod kubectl;
mod levels;
mod merging;

/// A world without files: all texts are given.
struct Nothing;

impl World for Nothing {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

/// What an import made and said.
pub struct Outcome {
    /// The text, without its first line.
    pub text: Option<String>,
    /// What the text means.
    pub inventory: Option<Inventory>,
    /// The problems as `E0507 a:3:7 message`, one a line.
    pub problems: String,
}

/// Imports texts, each a name with what stands in it.
pub fn imported(files: &[(&str, &str)]) -> Outcome {
    with(files, |_| ())
}

/// The same with further settings.
pub fn with(files: &[(&str, &str)], change: impl FnOnce(&mut Request)) -> Outcome {
    let mut request =
        Request { name: Some("c".into()), kubernetes: Some((1, 33)), output: "out".into(), ..Request::default() };
    let input = |(name, text): &(&str, &str)| Input { path: name.into(), text: Some((*text).into()), of: None };
    request.files = files.iter().map(input).collect();
    change(&mut request);
    let mut session = Session::new(&Nothing, "");
    let text = import(&mut session, &request).map(|made| made.text);
    let mut lines = Vec::new();
    for problem in &session.problems {
        let place = problem.span().and_then(|span| session.sources.locate(span));
        let place = place.map_or_else(String::new, |p| format!(" {}:{}:{}", p.file, p.line, p.column));
        lines.push(format!("{}{place} {}", problem.code.text(), problem.message));
    }
    let inventory = text.as_ref().and_then(|text| {
        let file = session.sources.add("again", text.as_str())?;
        crate::inventory::parse(&mut session, file)
    });
    inventory.iter().for_each(crate::inventory::tests::consistent);
    let text = text.map(|text| text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned()));
    Outcome { text, inventory, problems: lines.join("\n") }
}

/// Imports texts without any problem, and returns what comes behind the version of Kubernetes.
#[track_caller]
pub fn made(files: &[(&str, &str)]) -> String {
    let outcome = imported(files);
    assert_eq!(outcome.problems, "");
    body(&outcome)
}

/// What comes behind the version of Kubernetes.
#[track_caller]
pub fn body(outcome: &Outcome) -> String {
    let text = outcome.text.as_deref().expect(&outcome.problems);
    text.split_once("kubernetes: \"1.33\"\n").expect("a version").1.to_owned()
}

/// A Node object.
pub fn node(name: &str, labels: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  labels: {{ {labels} }}\n{rest}\n\
         status:\n  allocatable: {{ cpu: '8', nvidia.com/gpu: '8' }}\n---\n"
    )
}
