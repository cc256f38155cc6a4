//! Files that the compilation makes: their ConfigMaps, where they are mounted, and what restarts a pod.
//!
//! A file that its process reads once is mounted alone (`subPath`), which hides nothing of the
//! image and never changes under a running pod; a checksum restarts the pods when it changes. A
//! file that its process reads again cannot be mounted so, because the kubelet never refreshes a
//! `subPath`: its whole directory is the mount.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::check::{self, File};
use crate::naming;
use crate::plan::template::{Mount, Source, Volume};

/// A ConfigMap with files.
#[derive(Debug, Clone)]
pub struct FileSet<'m> {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: &'m [File],
}

/// The ConfigMaps of a role: one when all parts with files have the same, else one a part.
pub fn sets<'m>(group: &str, role: &'m check::Role) -> Vec<FileSet<'m>> {
    let mut parts = role.parts.iter().filter(|p| !p.pod.files.is_empty()).peekable();
    let Some(first) = parts.peek().copied() else { return Vec::new() };
    if shared(role) {
        return vec![FileSet { name: naming::files(group, &role.name, None), files: &first.pod.files }];
    }
    parts
        .map(|part| FileSet { name: naming::files(group, &role.name, Some(part.kind.name())), files: &part.pod.files })
        .collect()
}

/// The ConfigMap of a part.
pub fn set_name(group: &str, role: &check::Role, part: &check::Part) -> String {
    naming::files(group, &role.name, (!shared(role)).then(|| part.kind.name()))
}

fn shared(role: &check::Role) -> bool {
    role.parts.iter().all(|p| p.pod.files == role.parts[0].pod.files)
}

/// The files of one pod, made ready for its template.
#[derive(Debug, Default)]
pub struct Mounted<'m> {
    /// Volumes.
    pub volumes: Vec<Volume<'m>>,
    /// Mounts of the main container.
    pub mounts: Vec<Mount<'m>>,
    /// Of the data of the files that restart the pod; `None` when none does.
    pub checksum: Option<String>,
}

/// Mounts the files of a part from the ConfigMap `set`.
pub fn mount<'m>(set: &str, pod: &'m check::Pod) -> Mounted<'m> {
    let live = live_directories(pod);
    let mut result = Mounted::default();
    let (whole, single): (Vec<&File>, Vec<&File>) = pod.files.iter().partition(|f| live.contains(split(&f.path).0));
    if !single.is_empty() {
        let modes = single.iter().any(|f| f.mode.is_some());
        let items = if modes { single.iter().map(|f| item(f, &f.key)).collect() } else { Vec::new() };
        result.add_volume("rbg-files".into(), set, items);
        result.mounts.extend(single.iter().map(|f| Mount {
            volume: "rbg-files".into(),
            path: Cow::Borrowed(&f.path),
            read_only: true,
            sub_path: Some(Cow::Borrowed(&f.key)),
        }));
    }
    for (number, directory) in live.iter().enumerate() {
        let name = format!("rbg-files-{number}");
        let files = whole.iter().filter(|f| split(&f.path).0 == *directory);
        result.add_volume(name.clone(), set, files.map(|f| item(f, split(&f.path).1)).collect());
        result.mounts.push(Mount {
            volume: name.into(),
            path: Cow::Borrowed(directory),
            read_only: true,
            sub_path: None,
        });
    }
    let restarting = pod.files.iter().filter(|f| f.restart || !live.contains(split(&f.path).0));
    result.checksum = checksum(restarting);
    result
}

impl<'m> Mounted<'m> {
    fn add_volume(&mut self, name: String, set: &str, items: Vec<Item<'m>>) {
        let source = Source::Config { name: set.to_string().into(), items };
        self.volumes.push(Volume { name: name.into(), source });
    }
}

/// A key of a ConfigMap and the file that it becomes.
#[derive(Debug, Clone)]
pub struct Item<'m> {
    /// The key.
    pub key: &'m str,
    /// The path in the volume.
    pub path: &'m str,
    /// Permission bits.
    pub mode: Option<u32>,
}

fn item<'m>(file: &'m File, path: &'m str) -> Item<'m> {
    Item { key: &file.key, path, mode: file.mode }
}

/// The directories that are mounted whole: those of files that are read again. The root and
/// directories that hold another mount cannot be; files there restart their pod instead.
fn live_directories(pod: &check::Pod) -> BTreeSet<&str> {
    pod.files
        .iter()
        .filter(|f| !f.restart)
        .map(|f| split(&f.path).0)
        .filter(|d| *d != "/" && !pod.main.mounts.iter().any(|m| m.path.trim_end_matches('/') == *d))
        .collect()
}

/// Directory and name of an absolute path.
fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((directory, name)) => (directory, name),
        None => ("/", path),
    }
}

/// Of keys and contents alone, in the order of the keys.
fn checksum<'m>(files: impl Iterator<Item = &'m File>) -> Option<String> {
    let data: BTreeMap<&str, &str> = files.map(|f| (f.key.as_str(), f.text.as_str())).collect();
    if data.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    for (key, text) in data {
        for field in [key, text] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field.as_bytes());
        }
    }
    Some(hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
