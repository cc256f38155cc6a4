//! Volumes, mounts and files.

use super::container::{SKIP_MARKER, Source, skip_marker};
use super::mistakes;
use super::state::{Checker, Context, View};
use super::table::{ChildKind, Contribution};
use super::value::Value;
use super::{File, Mount, Volume, VolumeKind};
use crate::diag::{Code, Diagnostic, suggestion};
use crate::naming;
use crate::quantity::Quantity;
use crate::resolve::Type;
use crate::source::Span;
use crate::syntax::StatementKind;

/// Options of each kind of volume; the first one tells the kind.
const VOLUME_OPTIONS: &[(&str, &[&str])] = &[
    ("claim", &["claim", "read-only"]),
    ("empty", &["empty", "memory"]),
    ("config", &["config"]),
    ("secret", &["secret"]),
    ("host", &["host"]),
];

impl<'p> Checker<'_, '_, 'p> {
    /// The mounts of a container.
    pub fn mounts(&mut self, source: Source<'_, 'p>) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for (path, contributions) in source.table.children(ChildKind::Mount) {
            let Some(top) = self.present_child(contributions, source.view) else { continue };
            let StatementKind::Mount { path: ident, .. } = &top.statement.kind else { continue };
            self.check_path(path, ident.span);
            let value = contributions.iter().rev().find_map(|c| match &c.statement.kind {
                StatementKind::Mount { value: Some(value), .. } => Some((value, c.frame)),
                _ => None,
            });
            let Some((expr, frame)) = value else { continue };
            let value = self.eval(expr, Context::of(frame, source.view));
            let (volume, claimed_read_only) = match value {
                Value::Claim(name, read_only) => (claim_volume(&name), read_only),
                other => match self.convert(other, &Type::String, expr.span) {
                    Value::Str(name) => (name.to_string(), false),
                    _ => continue,
                },
            };
            let read_only = self.bool_option(contributions, source.view, "read-only", claimed_read_only);
            let (sub, span) = self.option(contributions, source.view, "sub-path");
            let sub_path = match self.convert(sub, &Type::String, span) {
                Value::Str(text) => Some(text.to_string()),
                _ => None,
            };
            mounts.push(Mount { path: path.to_owned(), volume, read_only, sub_path });
        }
        mounts
    }

    fn check_path(&mut self, path: &str, span: Span) {
        if path == "/etc/rbg" || path.starts_with("/etc/rbg/") {
            let problem = Diagnostic::new(Code::FieldConflict, span, "`/etc/rbg` holds the discovery file");
            self.report(problem.help("use another path"));
        }
        if !path.starts_with('/') || path.contains(':') || path.split('/').any(|part| part == "..") {
            let message = format!("\"{path}\" is not an absolute path");
            self.report(
                Diagnostic::new(Code::OutOfRange, span, message).help("begin it with `/`, without `..` and `:`"),
            );
        }
    }

    fn bool_option(&mut self, contributions: &[Contribution<'p>], view: View, key: &str, default: bool) -> bool {
        let (value, span) = self.option(contributions, view, key);
        match self.convert(value, &Type::Bool, span) {
            Value::Bool(b) => b,
            _ => default,
        }
    }

    /// The volumes of a pod: declared ones, and claims that a mount names directly.
    pub fn volumes(&mut self, source: Source<'_, 'p>) -> Vec<Volume> {
        let mut volumes = Vec::new();
        for (name, contributions) in source.table.children(ChildKind::Volume) {
            let Some(top) = self.present_child(contributions, source.view) else { continue };
            let StatementKind::Volume { keyword, name: ident, .. } = &top.statement.kind else { continue };
            if name.len() > naming::DNS_LABEL {
                self.report(mistakes::too_long_for_a_label("volume", ident));
            }
            if name.starts_with("rbg-") {
                let message = format!("`{name}` belongs to the compiler, like all volumes that begin with `rbg-`");
                self.report(Diagnostic::new(Code::FieldConflict, ident.span, message).help("choose another name"));
            }
            let kind = match keyword.name.as_str() {
                "claim" => self.claim_template(contributions, source.view, ident.span),
                _ => self.volume_kind(contributions, source.view, ident.span),
            };
            if let Some(kind) = kind {
                volumes.push(Volume { name: name.to_owned(), kind, span: ident.span });
            }
        }
        for (_, contributions) in source.table.children(ChildKind::Mount) {
            for contribution in contributions {
                let StatementKind::Mount { value: Some(expr), .. } = &contribution.statement.kind else { continue };
                let cx = Context::of(contribution.frame, source.view);
                let holds = match &contribution.statement.when {
                    Some(when) => self.condition(when, cx) == Some(true),
                    None => true,
                };
                if !holds {
                    continue;
                }
                if let Value::Claim(claim, read_only) = self.eval(expr, cx) {
                    let name = claim_volume(&claim);
                    if !volumes.iter().any(|v: &Volume| v.name == name) {
                        let kind = VolumeKind::Claim { name: claim.to_string(), read_only };
                        volumes.push(Volume { name, kind, span: expr.span });
                    }
                }
            }
        }
        volumes
    }

    fn volume_kind(&mut self, contributions: &[Contribution<'p>], view: View, span: Span) -> Option<VolumeKind> {
        // Two in one body are reported as such; what else they disagree in has the same cause.
        let twice = contributions.windows(2).any(|w| w[0].layer == w[1].layer);
        let given: Vec<&(&str, &[&str])> =
            VOLUME_OPTIONS.iter().filter(|(k, _)| self.option(contributions, view, k).0 != Value::Unset).collect();
        let [(kind, known)] = given.as_slice() else {
            let message = if given.is_empty() { "this volume says nothing" } else { "this volume is two things" };
            let help = "one of `claim = \"…\"`, `empty = 10Gi`, `config = \"…\"`, `secret = \"…\"`, `host = \"/…\"`";
            if !twice {
                self.report(Diagnostic::new(Code::FieldConflict, span, message).help(help));
            }
            return None;
        };
        self.known_options(contributions, known);
        let (value, at) = self.option(contributions, view, kind);
        if *kind == "empty" {
            let memory = self.bool_option(contributions, view, "memory", false);
            let size = match value {
                Value::Bool(true) => None,
                other => match self.convert(other, &Type::Quantity, at) {
                    Value::Quantity(size) => Some(size),
                    _ => return None,
                },
            };
            return Some(VolumeKind::Empty { size, memory });
        }
        let Value::Str(text) = self.convert(value, &Type::String, at) else { return None };
        let text = text.to_string();
        Some(match *kind {
            "claim" => {
                VolumeKind::Claim { name: text, read_only: self.bool_option(contributions, view, "read-only", false) }
            }
            "config" => VolumeKind::Config(text),
            "secret" => VolumeKind::Secret(text),
            _ => {
                self.check_path(&text, at);
                VolumeKind::Host(text)
            }
        })
    }

    /// Reports options that a child statement does not have.
    pub fn known_options(&mut self, contributions: &[Contribution<'p>], known: &[&str]) {
        for contribution in contributions {
            let Some(options) = super::container::options_of(&contribution.statement.kind) else { continue };
            for entry in &options.entries {
                if let crate::syntax::MapEntry::Set { key: crate::syntax::Key::Name(name), .. } = entry
                    && !known.contains(&name.name.as_str())
                {
                    self.report(mistakes::unknown_option(name, known));
                }
            }
        }
    }

    fn claim_template(&mut self, contributions: &[Contribution<'p>], view: View, span: Span) -> Option<VolumeKind> {
        self.known_options(contributions, &["size", "class", "access"]);
        let (value, at) = self.option(contributions, view, "size");
        let size = match self.convert(value, &Type::Quantity, at) {
            Value::Quantity(size) if size > Quantity::units(0) => size,
            Value::Unset => {
                self.report(Diagnostic::new(Code::MissingValue, span, "this claim has no size").help("`size = 100Gi`"));
                return None;
            }
            Value::Quantity(_) => {
                self.report(Diagnostic::new(Code::OutOfRange, at, "the size is not above zero"));
                return None;
            }
            _ => return None,
        };
        let (class, at) = self.option(contributions, view, "class");
        let class = match self.convert(class, &Type::String, at) {
            Value::Str(text) => Some(text.to_string()),
            _ => None,
        };
        let modes = ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"];
        let (access, at) = self.option(contributions, view, "access");
        let words = modes.iter().map(|m| (*m).to_owned()).collect();
        let access = match self.convert(access, &Type::Union(words), at) {
            Value::Str(word) => modes.iter().copied().find(|m| **m == *word).unwrap_or(modes[0]),
            _ => modes[0],
        };
        Some(VolumeKind::Template { size, class, access })
    }

    /// The files that the compilation makes for the main container.
    pub fn files(&mut self, source: Source<'_, 'p>) -> Vec<File> {
        let mut files: Vec<File> = Vec::new();
        for (path, contributions) in source.table.children(ChildKind::File) {
            let Some(top) = self.present_child(contributions, source.view) else { continue };
            let StatementKind::File { path: ident, .. } = &top.statement.kind else { continue };
            self.check_path(path, ident.span);
            self.known_options(contributions, &["mode", "restart"]);
            let value = contributions.iter().rev().find_map(|c| match &c.statement.kind {
                StatementKind::File { value: Some(value), .. } => Some((value, c.frame)),
                _ => None,
            });
            let Some((expr, frame)) = value else {
                self.report(Diagnostic::new(Code::MissingValue, ident.span, "this file has no content"));
                continue;
            };
            let value = self.eval(expr, Context::of(frame, source.view));
            if matches!(value, Value::Error) {
                continue;
            }
            let Some(text) = self.known_text(value, expr.span) else { continue };
            if text.contains(SKIP_MARKER) {
                self.report(skip_marker(expr.span));
            }
            let mode = self.file_mode(contributions, source.view);
            let restart = self.bool_option(contributions, source.view, "restart", true);
            let key = file_key(path, &files);
            files.push(File { path: path.to_owned(), key, text, mode, restart });
        }
        files
    }

    fn file_mode(&mut self, contributions: &[Contribution<'p>], view: View) -> Option<u32> {
        let (value, span) = self.option(contributions, view, "mode");
        match self.convert(value, &Type::Int, span) {
            Value::Int(mode) if (0..=0o777).contains(&mode) => u32::try_from(mode).ok(),
            Value::Int(mode) => {
                let message = format!("{mode} is not a set of permission bits");
                self.report(Diagnostic::new(Code::OutOfRange, span, message).help("0 to 511; `rw-r--r--` is 420"));
                None
            }
            _ => None,
        }
    }

    /// Every mount names a volume that is there.
    pub fn check_mounts(&mut self, source: Source<'_, 'p>, mounts: &[Mount], volumes: &[Volume]) {
        for mount in mounts {
            if volumes.iter().any(|v| v.name == mount.volume) {
                continue;
            }
            let span = source.table.child(ChildKind::Mount, &mount.path).and_then(|list| list.last()).map_or(
                Span::default(),
                |c| match &c.statement.kind {
                    StatementKind::Mount { value: Some(value), .. } => value.span,
                    _ => c.statement.span,
                },
            );
            let known: Vec<&str> = volumes.iter().map(|v| v.name.as_str()).collect();
            let message = format!("no volume `{}`", mount.volume);
            let mut problem = Diagnostic::new(Code::UnknownName, span, message);
            problem.help = suggestion(&mount.volume, &known)
                .or(Some(format!("declare it: `volume {} {{ claim = \"…\" }}`", mount.volume)));
            self.report(problem);
        }
    }
}

/// The name of the volume for a claim that a mount names directly.
fn claim_volume(claim: &str) -> String {
    format!("claim-{}", claim.replace('.', "-"))
}

/// The key of a file in its ConfigMap: its name, made unique by its directories where needed.
fn file_key(path: &str, others: &[File]) -> String {
    let clean = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
    };
    let name = clean(path.rsplit('/').next().unwrap_or(path));
    if !name.is_empty() && !name.starts_with("..") && name != "." && !others.iter().any(|f| f.key == name) {
        return name;
    }
    clean(path.trim_start_matches('/'))
}
