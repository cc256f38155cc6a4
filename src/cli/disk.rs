//! The world as it is on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::source::World;

/// Reads regular files from disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Directories with their links resolved: sources of one directory ask for it again and again.
    directories: Mutex<BTreeMap<PathBuf, PathBuf>>,
}

impl Disk {
    fn directory(&self, path: &Path) -> io::Result<PathBuf> {
        let mut known = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resolved) = known.get(path) {
            return Ok(resolved.clone());
        }
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolved = fs::canonicalize(here)?;
        known.insert(path.to_owned(), resolved.clone());
        Ok(resolved)
    }
}

impl World for Disk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        // Asked before opening, because opening a named pipe waits for somebody to write.
        let about = fs::metadata(path)?;
        if about.is_dir() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory"));
        }
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        if about.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
        // The file may grow while it is read.
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if !fs::symlink_metadata(path)?.is_symlink() => {
                Ok(self.directory(parent)?.join(name))
            }
            _ => fs::canonicalize(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let disk = Disk::default();
        fs::write(&path, "12345").unwrap();
        assert_eq!(disk.read(&path, 5).unwrap(), b"12345");
        assert_eq!(disk.read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(disk.read(directory.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(disk.read(&directory.path().join("y"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
        if cfg!(target_os = "linux") {
            assert_eq!(disk.read(Path::new("/dev/zero"), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
