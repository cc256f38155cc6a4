//! The world as it is on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::diag::{Code, Diagnostic};
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

/// What standard input is called in messages.
pub(super) const STDIN: &str = "<stdin>";

/// Reads a text of at most so many bytes from standard input.
pub(super) fn stdin(limit: u64) -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    let unreadable = |e: io::Error| Diagnostic::nowhere(Code::UnreadableFile, format!("cannot read `{STDIN}`: {e}"));
    io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        let message = format!("`{STDIN}` is larger than {} MiB", limit >> 20);
        return Err(Diagnostic::nowhere(Code::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|_| Diagnostic::nowhere(Code::NotUtf8, format!("`{STDIN}` is not UTF-8")))
}

/// Writes a file as a whole; one that exists keeps its permissions. What is no file, such as a pipe
/// or a device, is written to, not replaced.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = match fs::metadata(path) {
        Ok(about) if !about.is_file() && !about.is_dir() => return fs::write(path, text),
        Ok(about) => Some(about.permissions()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".rbgc-");
    // Without it a temporary file is for its owner only.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(path)?;
    Ok(())
}

/// A file that could not be written.
pub(super) fn unwritable(name: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::nowhere(Code::WriteFailed, format!("cannot write `{name}`: {error}"))
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
