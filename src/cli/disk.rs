//! The world as it is on disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::source::World;

/// Reads regular files from disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk;

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
        fs::canonicalize(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "12345").unwrap();
        assert_eq!(Disk.read(&path, 5).unwrap(), b"12345");
        assert_eq!(Disk.read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(Disk.read(directory.path(), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(Disk.read(&directory.path().join("y"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
        if cfg!(target_os = "linux") {
            assert_eq!(Disk.read(Path::new("/dev/zero"), 9).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
