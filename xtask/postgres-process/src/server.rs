use std::io;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::Programs;

/// A PostgreSQL server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    folder: TempDir,
    databases: AtomicU32,
    watchdog: Option<Child>,
}

/// Why a server does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A program could not be run.
    #[error("PostgreSQL cannot be run: {0}")]
    Run(#[from] io::Error),
    /// A program failed.
    #[error("`{program}` failed: {output}")]
    Failed {
        /// Which.
        program: String,
        /// What it wrote.
        output: String,
    },
}

impl Server {
    /// Makes a server and starts it: one to two seconds.
    ///
    /// # Errors
    ///
    /// A program of PostgreSQL fails.
    pub fn start(programs: Programs) -> Result<Self, ServerError> {
        let folder = tempfile::Builder::new().prefix("kitelogik-pg-").tempdir()?;
        if is_root() {
            // PostgreSQL runs as `postgres`, and keeps others out of its folder.
            let owner = Command::new("id").args(["-u", "postgres"]).output()?;
            let owner = String::from_utf8_lossy(&owner.stdout).trim().parse();
            chown(folder.path(), owner.ok(), None)?;
        }
        let mut server = Self {
            programs,
            folder,
            databases: AtomicU32::new(0),
            watchdog: None,
        };
        server.run(
            "initdb",
            &[
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
            ],
        )?;
        server.resume()?;
        Ok(server)
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    ///
    /// The server does not run.
    pub fn database(&self) -> Result<String, ServerError> {
        let number = self
            .databases
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        let name = format!("test_{number}");
        let socket = self.folder.path().display().to_string();
        let mut command = self.command("createdb", &["-h", &socket, "-U", "postgres", &name]);
        checked("createdb", &mut command)?;
        Ok(format!(
            "postgres://postgres@{}/{name}",
            socket.replace('/', "%2F")
        ))
    }

    /// Ends the server as a crash would: connections break, nothing is written in order.
    ///
    /// # Errors
    ///
    /// The server does not run.
    pub fn kill(&mut self) -> Result<(), ServerError> {
        self.dismiss_watchdog();
        self.run("pg_ctl", &["-m", "immediate", "-w", "stop"])
    }

    /// Starts the server again, with the same databases at the same addresses.
    ///
    /// # Errors
    ///
    /// It runs already, or does not start.
    pub fn resume(&mut self) -> Result<(), ServerError> {
        let socket = self.folder.path().display().to_string();
        let log = self.folder.path().join("log").display().to_string();
        let options =
            format!("-k {socket} -c listen_addresses= -c max_connections=200 -c fsync=off");
        self.run("pg_ctl", &["-l", &log, "-o", &options, "-w", "start"])?;
        self.watch()
    }

    /// Runs a program on the server's data, as the user that PostgreSQL may run as.
    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), ServerError> {
        let data = self.folder.path().join("data").display().to_string();
        let mut all = vec!["-D", &data];
        all.extend_from_slice(arguments);
        checked(program, &mut self.command(program, &all))
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let path = self.programs.path(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args([
                    "--reuid=postgres",
                    "--regid=postgres",
                    "--clear-groups",
                    "--",
                ])
                .arg(path);
            command
        } else {
            Command::new(path)
        };
        command
            .args(arguments)
            .current_dir(Path::new("/"))
            .stdin(Stdio::null());
        command
    }

    /// Stops the server when this process ends without having done so: the kernel closes the pipe that
    /// the shell reads from.
    fn watch(&mut self) -> Result<(), ServerError> {
        let pid = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid"))?;
        let pid = pid.lines().next().unwrap_or_default().trim().to_owned();
        let folder = self.folder.path().display().to_string();
        let shell = Command::new("sh")
            .args([
                "-c",
                "read -r _; kill -QUIT \"$1\"; while kill -0 \"$1\" 2>/dev/null; do sleep 0.1; done; rm -rf \"$2\"",
                "sh",
                &pid,
                &folder,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.watchdog = Some(shell);
        Ok(())
    }

    fn dismiss_watchdog(&mut self) {
        if let Some(mut shell) = self.watchdog.take() {
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.dismiss_watchdog();
        // It may have been killed by its test.
        let _ = self.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn checked(program: &str, command: &mut Command) -> Result<(), ServerError> {
    // Into a file, not a pipe: the server that `pg_ctl` starts would keep a pipe open.
    let output = tempfile::tempfile()?;
    let status = command
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .status()?;
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    let mut output = output;
    io::Seek::rewind(&mut output)?;
    io::Read::read_to_string(&mut output, &mut text)?;
    Err(ServerError::Failed {
        program: program.to_owned(),
        output: text.trim().to_owned(),
    })
}
