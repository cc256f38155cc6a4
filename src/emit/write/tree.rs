//! The output directory as it is: looks, and never changes or follows a link.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::Digest as _;

use crate::emit::lock::Digest;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nothing.
    Missing,
    /// A regular file.
    File {
        /// Its length in bytes.
        length: u64,
        /// Nobody may write it.
        read_only: bool,
    },
    /// A directory.
    Directory {
        /// Nobody may change it.
        read_only: bool,
    },
    /// A symbolic link, to whatever.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// Why a path cannot be looked at.
#[derive(Debug, Clone)]
pub(super) enum Obstacle {
    /// A directory on the way is a link.
    LinkOnTheWay(String),
    /// A directory on the way is something else, such as a file.
    NoDirectory(String),
    /// The system says no.
    Unreadable(String, String),
}

/// The output directory. Paths are relative to it, separated by `/`, and checked before.
pub(super) struct Tree<'o> {
    /// Its path.
    pub out: &'o Path,
    /// What is known of the directories, by path; the root is empty.
    directories: BTreeMap<String, Result<Entry, Obstacle>>,
}

impl<'o> Tree<'o> {
    /// A directory that was not looked at yet.
    pub fn new(out: &'o Path) -> Self {
        Tree { out, directories: BTreeMap::new() }
    }

    /// What stands at a path, when all directories above it are directories or missing.
    pub fn entry(&mut self, path: &str) -> Result<Entry, Obstacle> {
        match self.directory(parent(path))? {
            Entry::Missing => Ok(Entry::Missing),
            _ => self.look(path),
        }
    }

    /// A directory that is there or could be made: never a file or a link.
    pub fn directory(&mut self, path: &str) -> Result<Entry, Obstacle> {
        if let Some(known) = self.directories.get(path) {
            return known.clone();
        }
        let found = if path.is_empty() { self.root() } else { self.entry(path) };
        let found = match found {
            Ok(Entry::Link) => Err(Obstacle::LinkOnTheWay(path.to_string())),
            Ok(Entry::File { .. } | Entry::Other) => Err(Obstacle::NoDirectory(path.to_string())),
            sound => sound,
        };
        self.directories.insert(path.to_string(), found.clone());
        found
    }

    /// The names of the directories in the output, sorted; links are none.
    pub fn top_directories(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.out) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is not UTF-8 is none of ours.
            if let (true, Ok(name)) = (entry.file_type()?.is_dir(), entry.file_name().into_string()) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The bytes of a regular file that has, as far as is known, this length.
    ///
    /// # Errors
    /// Whatever the system says; `FileTooLarge` for a file that is longer.
    pub fn read(&self, path: &str, length: u64) -> io::Result<Vec<u8>> {
        // Room for one more byte: the end is then found without another buffer.
        let room = usize::try_from(length).ok().and_then(|length| length.checked_add(1));
        let mut bytes = Vec::with_capacity(room.ok_or(io::ErrorKind::FileTooLarge)?);
        File::open(self.full(path))?.take(length.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > length { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    /// Whether a regular file of this length has this text.
    pub fn has_text(&self, path: &str, length: u64, text: &str) -> bool {
        length == text.len() as u64 && self.read(path, length).is_ok_and(|bytes| bytes == text.as_bytes())
    }

    /// The hash of a regular file.
    pub fn digest(&self, path: &str) -> io::Result<Digest> {
        let mut file = File::open(self.full(path))?;
        let mut hasher = sha2::Sha256::new();
        let mut buffer = [0; 16 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Digest(hasher.finalize().into())),
                read => hasher.update(&buffer[..read]),
            }
        }
    }

    fn full(&self, path: &str) -> PathBuf {
        self.out.join(path)
    }

    /// The output directory itself may be a link: the user chose it.
    fn root(&self) -> Result<Entry, Obstacle> {
        kind(fs::metadata(self.out)).map_err(|e| Obstacle::Unreadable(String::new(), e.to_string()))
    }

    fn look(&self, path: &str) -> Result<Entry, Obstacle> {
        kind(fs::symlink_metadata(self.full(path))).map_err(|e| Obstacle::Unreadable(path.to_string(), e.to_string()))
    }
}

/// The directory part of a path; empty at the top.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn kind(found: io::Result<fs::Metadata>) -> io::Result<Entry> {
    let metadata = match found {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Entry::Missing),
        found => found?,
    };
    let read_only = metadata.permissions().readonly();
    Ok(match metadata.file_type() {
        kind if kind.is_symlink() => Entry::Link,
        kind if kind.is_dir() => Entry::Directory { read_only },
        kind if kind.is_file() => Entry::File { length: metadata.len(), read_only },
        _ => Entry::Other,
    })
}
