//! Files written whole or not at all.

use std::fs;
use std::io::Write;
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
    let directory = match file.path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: &std::io::Error| cannot_write(&file.path, error);
    fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let mut builder = Builder::new();
    builder.prefix(".kitelogik-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut temporary = builder
        .tempfile_in(directory)
        .map_err(|error| failed(&error))?;
    temporary
        .write_all(&file.content)
        .map_err(|error| failed(&error))?;
    temporary
        .as_file()
        .sync_all()
        .map_err(|error| failed(&error))?;
    Ok(temporary)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot write `{}`: {error}", path.display()))
}
