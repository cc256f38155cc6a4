//! Reads the sources and follows their imports.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::{Module, ModuleId, std_lib};
use crate::diag::{self, Code, Diagnostic, Session, suggestion};
use crate::source::{FileId, Span};
use crate::syntax::{Ast, Ident, ItemKind, UsePath, parse};

/// The most files that one compilation reads.
pub const MAX_MODULES: usize = 20_000;

/// All files, and for each of its `use` items the module that it names.
pub(super) struct Loaded {
    pub modules: Vec<Module>,
    pub uses: Vec<BTreeMap<u32, ModuleId>>,
}

/// The resolved path of a source, its name, and its text or what is wrong with that.
type Fetched = (PathBuf, String, Result<String, Diagnostic>);

struct Loader<'s, 'w> {
    session: &'s mut Session<'w>,
    loaded: Loaded,
    known: BTreeMap<PathBuf, State>,
    path: Vec<(PathBuf, Span)>,
    /// Sources that were read and parsed together before their imports are followed.
    ahead: BTreeMap<PathBuf, (FileId, Ast, Vec<Diagnostic>)>,
}

#[derive(Clone, Copy)]
enum State {
    Busy,
    Done(Option<ModuleId>),
}

pub(super) fn load(session: &mut Session, sources: &[PathBuf]) -> Loaded {
    let loaded = Loaded { modules: Vec::new(), uses: Vec::new() };
    let known = BTreeMap::new();
    let mut loader = Loader { session, loaded, known, path: Vec::new(), ahead: BTreeMap::new() };
    let paths = loader.read_ahead(sources);
    for path in paths {
        if let Some(ModuleId(index)) = loader.file(&path, None) {
            loader.loaded.modules[index as usize].entry = true;
        }
    }
    loader.loaded
}

impl Loader<'_, '_> {
    /// Reads and parses all sources, both on all cores, and returns their resolved paths.
    fn read_ahead(&mut self, sources: &[PathBuf]) -> Vec<PathBuf> {
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        let mut files: Vec<(PathBuf, FileId)> = Vec::with_capacity(sources.len());
        for (source, fetched) in sources.iter().zip(self.fetch(sources)) {
            match fetched {
                Ok((path, _, _)) if !seen.insert(path.clone()) => {}
                Ok((path, name, text)) => match self.session.add(&name, text, None) {
                    Some(file) => files.push((path, file)),
                    // Reported; whoever imports it finds nothing, without a second report.
                    None => {
                        self.known.insert(path, State::Done(None));
                    }
                },
                Err(e) => {
                    let message = format!("cannot read `{}`: {e}", source.display());
                    self.session.report(Diagnostic::nowhere(Code::UnreadableFile, message));
                }
            }
        }
        let ids: Vec<FileId> = files.iter().map(|(_, file)| *file).collect();
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        let parsed = parse::parse_all(&self.session.sources, &ids);
        for ((path, file), (ast, problems)) in files.into_iter().zip(parsed) {
            self.ahead.insert(path, (file, ast, problems));
        }
        paths
    }

    /// The resolved path, the name and the text of each source, or why its path has none.
    fn fetch(&self, sources: &[PathBuf]) -> Vec<io::Result<Fetched>> {
        let (world, root) = (self.session.world, &self.session.root);
        let fetch = |source: &PathBuf| {
            let path = world.resolve(source)?;
            let name = display_name(root, &path);
            let text = diag::fetch(world, &path, &name, None, diag::MAX_FILE_BYTES);
            Ok((path, name, text))
        };
        sources.par_iter().map(fetch).collect()
    }

    /// Loads a file by its resolved path, once.
    fn file(&mut self, path: &Path, blame: Option<Span>) -> Option<ModuleId> {
        if let Some(state) = self.known.get(path) {
            return match *state {
                State::Done(module) => module,
                State::Busy => self.cycle(path, blame?),
            };
        }
        let name = display_name(&self.session.root, path);
        if self.known.len() >= MAX_MODULES {
            // Told once: whatever comes after is too much for the same reason.
            if self.known.len() == MAX_MODULES {
                let message = format!("more than {MAX_MODULES} files");
                self.session.report(Diagnostic::nowhere(Code::LimitExceeded, message));
            }
            self.known.insert(path.to_owned(), State::Done(None));
            return None;
        }
        self.known.insert(path.to_owned(), State::Busy);
        self.path.push((path.to_owned(), blame.unwrap_or_default()));
        if let Some((file, ast, problems)) = self.ahead.remove(path) {
            self.session.problems.extend(problems);
            let module = Some(self.module(file, ast, name, path.parent()));
            self.path.pop();
            self.known.insert(path.to_owned(), State::Done(module));
            return module;
        }
        let module = match path.to_str().and_then(std_lib::find) {
            Some(std) => {
                let file = self.session.sources.add(format!("{}.rbg", std.name), std.text);
                file.map(|file| self.parsed(file, std.name.to_owned(), None))
            }
            None => {
                let file = self.session.read(path, &name, blame);
                file.map(|file| self.parsed(file, name, path.parent()))
            }
        };
        self.path.pop();
        self.known.insert(path.to_owned(), State::Done(module));
        module
    }

    fn parsed(&mut self, file: FileId, name: String, directory: Option<&Path>) -> ModuleId {
        let ast = parse::parse(self.session, file);
        self.module(file, ast, name, directory)
    }

    fn module(&mut self, file: FileId, ast: Ast, name: String, directory: Option<&Path>) -> ModuleId {
        let mut uses = BTreeMap::new();
        for (index, item) in ast.items.iter().enumerate() {
            let ItemKind::Use(import) = &item.kind else { continue };
            let target = match &import.path {
                UsePath::Module(parts) => self.std_module(parts),
                UsePath::File(text) => self.imported(text, directory),
            };
            if let Some(target) = target {
                uses.insert(index as u32, target);
            }
        }
        self.loaded.modules.push(Module { file, ast, entry: false, name });
        self.loaded.uses.push(uses);
        ModuleId(self.loaded.modules.len() as u32 - 1)
    }

    fn std_module(&mut self, parts: &[Ident]) -> Option<ModuleId> {
        let name = parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".");
        let span = parts.first()?.span.to(parts.last()?.span);
        if std_lib::find(&name).is_none() {
            self.session.report(unknown_module(&name, span));
            return None;
        }
        self.file(Path::new(&name), Some(span))
    }

    fn imported(&mut self, text: &Ident, directory: Option<&Path>) -> Option<ModuleId> {
        let relative = Path::new(&text.name);
        let base = directory.unwrap_or(Path::new(""));
        if relative.is_absolute() || relative.components().any(|c| matches!(c, Component::Prefix(_))) {
            self.session.report(outside_root(text, "it is absolute"));
            return None;
        }
        // The text is judged before the file system is asked, so that a message about a foreign
        // file never tells whether it exists.
        let joined = normalize(&base.join(relative));
        if !joined.starts_with(&self.session.root) {
            self.session.report(outside_root(text, "it leads out of the project root"));
            return None;
        }
        match self.session.world.resolve(&joined) {
            Ok(path) if path.starts_with(&self.session.root) => self.file(&path, Some(text.span)),
            Ok(_) => {
                self.session.report(outside_root(text, "a link on the way leads out of the project root"));
                None
            }
            Err(e) => {
                let message = format!("cannot import `{}`: {e}", text.name);
                let help = "paths are relative to the file that imports and begin with `./` or `../`";
                self.session.report(Diagnostic::new(Code::UnknownModule, text.span, message).help(help));
                None
            }
        }
    }

    fn cycle(&mut self, path: &Path, blame: Span) -> Option<ModuleId> {
        let start = self.path.iter().position(|(p, _)| p == path).unwrap_or(0);
        let names: Vec<String> = self.path[start..].iter().map(|(p, _)| display_name(&self.session.root, p)).collect();
        let chain = names.iter().chain(names.first()).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" → ");
        let mut problem = Diagnostic::new(Code::ImportCycle, blame, format!("files import each other: {chain}"))
            .here(format!("closes the cycle to `{}`", names[0]));
        for (target, (_, span)) in names.iter().zip(&self.path[start..]).skip(1) {
            problem = problem.label(*span, format!("imports `{target}`"));
        }
        self.session.report(problem.help("move what both files need into a third one"));
        None
    }
}

/// The path with `.` and `..` taken out by their text.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// A path as people see it: below the project root, with forward slashes.
pub fn display_name(root: &Path, path: &Path) -> String {
    let Ok(shown) = path.strip_prefix(root) else { return path.display().to_string() };
    shown.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn unknown_module(name: &str, span: Span) -> Diagnostic {
    let known: Vec<&str> = std_lib::MODULES.iter().map(|m| m.name).collect();
    let mut problem = Diagnostic::new(Code::UnknownModule, span, format!("unknown module `{name}`"));
    problem.help = suggestion(name, &known).or(Some("a file is imported by its path: `use \"./x.rbg\" { A }`".into()));
    problem
}

fn outside_root(text: &Ident, why: &str) -> Diagnostic {
    let message = format!("`{}` cannot be imported: {why}", text.name);
    Diagnostic::new(Code::ImportOutsideRoot, text.span, message)
        .help("import only files below the directory of `rbgc.toml`, by a relative path")
}
