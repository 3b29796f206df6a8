//! Where OPA is on this machine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::Server;

/// The version of OPA that this project is built for and tested with.
pub const VERSION: &str = "1.22.2";

/// Finds OPA in the pinned version, looking once per process.
///
/// # Errors
///
/// See [`Lookup::find`].
pub fn find() -> Result<Opa, FindError> {
    static FOUND: OnceLock<Result<Opa, FindError>> = OnceLock::new();
    FOUND.get_or_init(|| Lookup::from_env().find()).clone()
}

/// An OPA program in the pinned version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opa {
    path: PathBuf,
}

impl Opa {
    /// Where the program is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A server of this program, to be filled and started.
    pub fn server(&self) -> Server {
        Server::new(&self.path)
    }
}

/// The places to look in, in the order of the fields.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// `OPA_BIN`: a program that is meant, so one that does not fit is an error.
    pub opa_bin: Option<OsString>,
    /// `PATH`: its first `opa` is taken if it has the pinned version, and passed over if not.
    pub path: Option<OsString>,
    /// Where `cargo xtask opa provide` puts the program it builds.
    pub cached: Option<PathBuf>,
}

impl Lookup {
    /// The places that the environment names.
    ///
    /// The cache is `kitelogik/opa-1.22.2/opa` in `XDG_CACHE_HOME`, or else in `.cache` of the home folder.
    pub fn from_env() -> Self {
        let caches = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| {
                env::home_dir()
                    .filter(|home| home.is_absolute())
                    .map(|home| home.join(".cache"))
            });
        Self {
            opa_bin: env::var_os("OPA_BIN").filter(|path| !path.is_empty()),
            path: env::var_os("PATH"),
            cached: caches.map(|caches| {
                caches
                    .join("kitelogik")
                    .join(format!("opa-{VERSION}"))
                    .join(program())
            }),
        }
    }

    /// The first OPA in the pinned version.
    ///
    /// # Errors
    ///
    /// [`FindError::Unfit`] when `OPA_BIN` names something else, [`FindError::Absent`] when there is none.
    pub fn find(&self) -> Result<Opa, FindError> {
        if let Some(path) = &self.opa_bin {
            let path = PathBuf::from(path);
            return match version_of(&path) {
                Ok(version) if version == VERSION => Ok(Opa { path }),
                Ok(version) => Err(FindError::Unfit {
                    path,
                    what: format!("is OPA {version}"),
                }),
                Err(what) => Err(FindError::Unfit { path, what }),
            };
        }
        let mut passed_over = Vec::new();
        for path in self
            .on_path()
            .into_iter()
            .chain(self.cached.clone().filter(|path| path.is_file()))
        {
            match version_of(&path) {
                Ok(version) if version == VERSION => return Ok(Opa { path }),
                Ok(version) => passed_over.push(format!("`{}` is OPA {version}", path.display())),
                Err(what) => passed_over.push(format!("`{}` {what}", path.display())),
            }
        }
        Err(FindError::Absent { passed_over })
    }

    fn on_path(&self) -> Option<PathBuf> {
        env::split_paths(self.path.as_ref()?)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(program()))
            .find(|path| path.is_file())
    }
}

/// Why there is no OPA to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// None in any place; what was found in another version is listed.
    #[error(
        "there is no OPA {VERSION} on this machine{}; set `OPA_BIN` to one, put one on PATH, \
         or run `cargo xtask opa provide`, which builds it into the cache where Go is present",
        notes(passed_over)
    )]
    Absent {
        /// One sentence for each program passed over.
        passed_over: Vec<String>,
    },
    /// `OPA_BIN` names a program that is not OPA in the pinned version.
    #[error("`OPA_BIN` must name OPA {VERSION}, but `{}` {what}; correct it or unset it", path.display())]
    Unfit {
        /// What `OPA_BIN` says.
        path: PathBuf,
        /// What is wrong with it, as a predicate.
        what: String,
    },
}

fn notes(passed_over: &[String]) -> String {
    if passed_over.is_empty() {
        String::new()
    } else {
        format!(" ({})", passed_over.join("; "))
    }
}

/// The version that the OPA program at `path` says it has.
///
/// # Errors
///
/// A predicate that says what is wrong with the program.
pub fn version_of(path: &Path) -> Result<String, String> {
    let output = Command::new(path)
        .arg("version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot be run: {error}"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))
        .map(|version| version.trim().to_owned())
        .ok_or_else(|| "does not answer `version` as OPA does".to_owned())
}

fn program() -> String {
    format!("opa{}", env::consts::EXE_SUFFIX)
}
