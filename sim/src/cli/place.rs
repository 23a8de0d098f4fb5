//! A file to be: it appears when it is complete, or not at all. It is written under another name in its
//! directory (which is made if need be) and then renamed. That it can be made is tried before anything is
//! run.

use super::output::talk;
use super::status::Status;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Where text goes that is to be a file.
pub(crate) enum Place {
    /// A new file, under another name until it is complete.
    New(BufWriter<NamedTempFile>),
    /// What is no file (`/dev/null`, a pipe) is written as it is.
    Device(BufWriter<File>),
}

impl Place {
    /// The place of `path`, with the directories above it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            let words = "this is a file, not standard output; ./- is a file of that name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        match std::fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(meta) if !meta.is_file() => OpenOptions::new()
                .write(true)
                .open(path)
                .map(|file| Self::Device(BufWriter::new(file))),
            Ok(_) | Err(_) => {
                let directory = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                std::fs::create_dir_all(directory)?;
                let mut builder = tempfile::Builder::new();
                builder.prefix(".ackproof-");
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    // As any other new file: others may read it, as far as the umask lets them.
                    builder.permissions(std::fs::Permissions::from_mode(0o666));
                }
                builder.tempfile_in(directory).map(|file| Self::New(BufWriter::new(file)))
            }
        }
    }

    /// Adds text, or whatever else a file holds.
    pub(crate) fn write(&mut self, content: impl AsRef<[u8]>) -> io::Result<()> {
        match self {
            Self::New(out) => out.write_all(content.as_ref()),
            Self::Device(out) => out.write_all(content.as_ref()),
        }
    }

    /// All is written: it takes its name.
    pub(crate) fn complete(self, path: &Path) -> io::Result<()> {
        match self {
            Self::New(out) => {
                let file = out.into_inner()?;
                file.persist(path)?;
                Ok(())
            }
            Self::Device(mut out) => out.flush(),
        }
    }
}

/// A page, or another file, that is to be beside what is printed, or none. That it can be made is tried first.
pub(crate) struct Page<'a>(Option<(&'a Path, Place)>);

impl<'a> Page<'a> {
    /// The page at `file`.
    ///
    /// # Errors
    /// Why it cannot be written, as it is shown.
    pub(crate) fn open(file: Option<&'a Path>) -> Result<Self, String> {
        let Some(file) = file else { return Ok(Self(None)) };
        let place = Place::open(file).map_err(|error| refusal(file, &error))?;
        Ok(Self(Some((file, place))))
    }

    /// Whether there is to be one.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.is_some()
    }

    /// Writes it; the status is `Met` unless it could not be written.
    pub(crate) fn write<T: AsRef<[u8]>>(self, page: impl FnOnce() -> T) -> Status {
        let Some((file, mut place)) = self.0 else { return Status::Met };
        match place.write(page()).and_then(|()| place.complete(file)) {
            Ok(()) => Status::Met,
            Err(error) => {
                told(file, &error);
                Status::Usage
            }
        }
    }
}

/// Writes `text` to `file`, with the directories above it: all of it, or nothing.
pub(crate) fn whole(file: &Path, text: &str) -> io::Result<()> {
    let mut place = Place::open(file)?;
    place.write(text)?;
    place.complete(file)
}

/// Whether a file that the user may have edited can be written: there is none yet, or it may be replaced,
/// and its directory can be written.
///
/// # Errors
/// Why not, as it is shown.
pub(crate) fn free(file: &Path, force: bool) -> Result<(), String> {
    if !force && std::fs::metadata(file).is_ok_and(|meta| meta.is_file()) {
        let file = file.display();
        return Err(format!(
            "error: {file}: there is one already, and it stays as it is; --force replaces it\n"
        ));
    }
    Place::open(file).map(drop).map_err(|error| refusal(file, &error))
}

/// Whether files can be written below `directory`; it is not made yet.
///
/// # Errors
/// Why not, as it is shown.
pub(crate) fn below(directory: &Path) -> Result<(), String> {
    let there = directory.ancestors().find(|one| one.as_os_str().is_empty() || one.exists());
    let there = there.filter(|one| !one.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map(drop).map_err(|error| refusal(directory, &error))
}

/// That `path` cannot be written.
pub(crate) fn refusal(path: &Path, error: &io::Error) -> String {
    format!("error: cannot write {}: {error}\n", path.display())
}

/// Says that `path` cannot be written.
pub(crate) fn told(path: &Path, error: &io::Error) {
    talk(&refusal(path, error));
}
