//! Files written whole or not at all.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::answer::{Failure, Outcome};

/// A file to be.
pub(crate) struct NewFile {
    pub(crate) path: PathBuf,
    pub(crate) content: Vec<u8>,
}

/// Writes each file anew beside its place, and then puts them there one by one: nobody reads half a file, and where
/// one cannot be written, none is replaced.
pub(crate) fn replace(files: &[NewFile]) -> Outcome<()> {
    let mut written = Vec::new();
    for file in files {
        written.push((file, write_beside(file)?));
    }
    for (file, temporary) in written {
        temporary
            .persist(&file.path)
            .map_err(|error| cannot_write(&file.path, &error.error))?;
    }
    Ok(())
}

fn write_beside(file: &NewFile) -> Outcome<NamedTempFile> {
    let failed = |error: &std::io::Error| cannot_write(&file.path, error);
    let mut temporary = beside(&file.path)?;
    temporary
        .write_all(&file.content)
        .map_err(|error| failed(&error))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(|error| failed(&error))?;
    Ok(temporary)
}

/// An empty file beside `path`.
fn beside(path: &Path) -> Outcome<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: &std::io::Error| cannot_write(path, error);
    fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut builder = Builder::new();
    builder.prefix(".kitelogik-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
        .tempfile_in(directory)
        .map_err(|error| failed(&error))
}

/// A file too large to be gathered first: written to beside its place, and put there when it is whole.
pub(crate) struct Growing {
    path: PathBuf,
    temporary: BufWriter<NamedTempFile>,
}

impl Growing {
    /// Begins a file that will be at `path`.
    pub(crate) fn begin(path: &Path) -> Outcome<Self> {
        Ok(Self {
            path: path.to_owned(),
            temporary: BufWriter::new(beside(path)?),
        })
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> Outcome<()> {
        let failed = |error: &std::io::Error| cannot_write(&self.path, error);
        let temporary = self
            .temporary
            .into_inner()
            .map_err(|error| failed(error.error()))?;
        temporary
            .as_file()
            .sync_all()
            .map_err(|error| failed(&error))?;
        temporary
            .persist(&self.path)
            .map_err(|error| failed(&error.error))?;
        Ok(())
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.temporary.flush()
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot write `{}`: {error}", path.display()))
}
