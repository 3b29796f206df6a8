//! Files written whole or not at all.

use std::fs::{self, File, OpenOptions};
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
/// one cannot be written, none is replaced. A device or a pipe is written to, not replaced.
pub(crate) fn replace(files: &[NewFile]) -> Outcome<()> {
    let mut written = Vec::new();
    for file in files {
        let mut growing = Growing::begin(&file.path)?;
        growing
            .write_all(&file.content)
            .map_err(|error| cannot_write(&file.path, &error))?;
        written.push(growing.synced()?);
    }
    for whole in written {
        whole.put()?;
    }
    Ok(())
}

/// Whether `path` is, or stands for, something that a file must not take the place of: a device, a pipe, an open file.
fn is_special(path: &Path) -> bool {
    let there = fs::metadata(path);
    there.is_ok_and(|there| {
        let named_by_system = path.starts_with("/dev") || path.starts_with("/proc");
        !there.is_dir() && (named_by_system || !there.is_file())
    })
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

/// A file written to beside its place, and put there when it is whole: also one too large to be gathered first.
pub(crate) struct Growing {
    path: PathBuf,
    target: BufWriter<Target>,
}

enum Target {
    /// Takes the place when it is whole.
    Beside(NamedTempFile),
    /// Is the place: a device or a pipe.
    There(File),
}

/// A file that is whole, and not yet in its place.
struct Whole {
    path: PathBuf,
    target: Target,
}

impl Growing {
    /// Begins a file that will be at `path`.
    pub(crate) fn begin(path: &Path) -> Outcome<Self> {
        let target = if is_special(path) {
            let there = OpenOptions::new().write(true).open(path);
            Target::There(there.map_err(|error| cannot_write(path, &error))?)
        } else {
            Target::Beside(beside(path)?)
        };
        Ok(Self {
            path: path.to_owned(),
            target: BufWriter::new(target),
        })
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> Outcome<()> {
        self.synced()?.put()
    }

    fn synced(self) -> Outcome<Whole> {
        let path = self.path;
        let target = self
            .target
            .into_inner()
            .map_err(|error| cannot_write(&path, error.error()))?;
        if let Target::Beside(temporary) = &target {
            let synced = temporary.as_file().sync_all();
            synced.map_err(|error| cannot_write(&path, &error))?;
        }
        Ok(Whole { path, target })
    }
}

impl Whole {
    fn put(self) -> Outcome<()> {
        if let Target::Beside(temporary) = self.target {
            temporary
                .persist(&self.path)
                .map_err(|error| cannot_write(&self.path, &error.error))?;
        }
        Ok(())
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.target.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.target.flush()
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(bytes),
            Self::There(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Beside(file) => file.flush(),
            Self::There(file) => file.flush(),
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot write `{}`: {error}", path.display()))
}
