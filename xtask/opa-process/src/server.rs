//! What a server should hold and where it should listen.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Launch;
use crate::{OpaProcess, StartError, queries_only};

/// The files of a policy folder that are no policy, as `opa run --ignore` takes them: tests, hidden files, backups.
pub const IGNORED: [&str; 6] = ["*_test.rego", ".*", "*~", "*.bak", "*.orig", "*.swp"];

/// What a server should hold and where it should listen; [`start`](Server::start) runs it.
///
/// Without any call it is an OPA with no policy at all, on a free loopback port, that lets anybody
/// who reaches it do anything, which is what OPA does by default.
#[derive(Clone, Debug)]
pub struct Server {
    program: PathBuf,
    paths: Vec<PathBuf>,
    modules: Vec<(String, String)>,
    data: Vec<String>,
    authorization: Authorization,
    place: Place,
    arguments: Vec<OsString>,
    patience: Duration,
}

#[derive(Clone, Debug)]
enum Authorization {
    Off,
    Module(String),
    QueriesOnly(Vec<String>),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    FreePort,
    Port(u16),
    Socket,
}

impl Server {
    pub(crate) fn new(program: &Path) -> Self {
        Self {
            program: program.to_owned(),
            paths: Vec::new(),
            modules: Vec::new(),
            data: Vec::new(),
            authorization: Authorization::Off,
            place: Place::FreePort,
            arguments: Vec::new(),
            patience: Duration::from_secs(20),
        }
    }

    /// Loads a file or folder of Rego, JSON and YAML.
    ///
    /// Of a folder, tests, hidden files and backups are left out ([`IGNORED`]), as the embedded engine does.
    pub fn policy(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Loads a module given as text; `name` is what OPA calls it in errors, for example `main.rego`.
    ///
    /// The name may hold folders (`refunds/main.rego`). It must not repeat.
    pub fn module(mut self, name: impl Into<String>, rego: impl Into<String>) -> Self {
        self.modules.push((name.into(), rego.into()));
        self
    }

    /// Loads a JSON object as data, at the root of `data`.
    pub fn data(mut self, json: impl Into<String>) -> Self {
        self.data.push(json.into());
        self
    }

    /// Has each request judged by this module of package `system.authz`.
    pub fn authorization(mut self, rego: impl Into<String>) -> Self {
        self.authorization = Authorization::Module(rego.into());
        self
    }

    /// Has each request judged by the policy of [`queries_only`](crate::queries_only()): these entry points
    /// may be asked, for example `kitelogik/main`, and nothing else is allowed.
    pub fn queries_only<I>(mut self, entry_points: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.authorization =
            Authorization::QueriesOnly(entry_points.into_iter().map(Into::into).collect());
        self
    }

    /// Listens on this loopback port instead of a free one. A port that is taken makes the start fail.
    pub fn port(mut self, port: u16) -> Self {
        self.place = Place::Port(port);
        self
    }

    /// Listens on a Unix socket of its own ([`OpaProcess::socket`]) instead of a port.
    pub fn unix_socket(mut self) -> Self {
        self.place = Place::Socket;
        self
    }

    /// Hands `opa run` one more argument, for example `--set` and then `decision_logs.console=true`.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// How long the server may take until it answers. Default: 20 seconds.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs the server and waits until it answers.
    ///
    /// # Errors
    ///
    /// When the server cannot be run, ends (the error holds what OPA wrote), or stays silent.
    pub fn start(self) -> Result<OpaProcess, StartError> {
        let folder = tempfile::Builder::new().prefix("opa-").tempdir()?;
        let mut arguments = self.arguments.clone();
        arguments.extend(self.files(&folder)?);
        let launch = Launch {
            program: self.program,
            arguments,
            patience: self.patience,
        };
        match self.place {
            Place::FreePort => OpaProcess::on_free_port(launch, folder),
            Place::Port(port) => OpaProcess::on_port(launch, folder, port),
            Place::Socket => OpaProcess::on_socket(launch, folder),
        }
    }

    /// Writes what was given as text, and names everything that OPA is to load.
    fn files(&self, folder: &TempDir) -> Result<Vec<OsString>, StartError> {
        let mut arguments = Vec::new();
        // Only where a folder may have been given: a bundle's own `.manifest` would be left out too.
        if !self.paths.is_empty() {
            for pattern in IGNORED {
                arguments.extend(["--ignore".into(), pattern.into()]);
            }
        }
        let mut write = |name: &Path, text: &str| {
            let path = folder.path().join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            // A file that is there was given twice: the second would silently replace the first.
            fs::File::create_new(&path)?;
            fs::write(&path, text)?;
            arguments.push(path.into_os_string());
            Ok::<(), StartError>(())
        };
        for (name, text) in &self.modules {
            write(&Path::new("modules").join(name), text)?;
        }
        for (index, text) in self.data.iter().enumerate() {
            write(Path::new(&format!("data-{index}.json")), text)?;
        }
        match &self.authorization {
            Authorization::Off => {}
            Authorization::Module(rego) => write(Path::new("authz.rego"), rego)?,
            Authorization::QueriesOnly(entry_points) => {
                write(Path::new("authz.rego"), &queries_only(entry_points)?)?
            }
        }
        if !matches!(self.authorization, Authorization::Off) {
            arguments.push("--authorization=basic".into());
        }
        arguments.extend(self.paths.iter().map(|path| path.clone().into_os_string()));
        Ok(arguments)
    }
}
