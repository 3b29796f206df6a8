use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Programs;

/// A PostgreSQL server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    folder: TempDir,
    databases: AtomicU32,
    watchdog: Option<Child>,
    /// The loopback port, where it listens on one besides its socket.
    port: Option<u16>,
}

/// The password of the user `postgres` of a server that listens on a port.
const PASSWORD: &str = "kitelogik";

/// How often a server that was killed is tried to be started again: until the last of its processes is
/// gone, PostgreSQL refuses.
const ATTEMPTS: u32 = 50;

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
        let mut server = Self::made(programs, &["-A", "trust"])?;
        server.resume()?;
        Ok(server)
    }

    /// Makes a server that speaks TLS on a loopback port, too, with this certificate and its key (PEM).
    /// Whoever comes that way needs a password, which is in [`secured_database`](Self::secured_database).
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with_tls(
        programs: Programs,
        certificate: &str,
        key: &str,
    ) -> Result<Self, ServerError> {
        let password = tempfile::NamedTempFile::new()?;
        fs::write(password.path(), PASSWORD)?;
        give(password.path(), owner()?)?;
        let file = format!("--pwfile={}", password.path().display());
        let methods = ["--auth-local=trust", "--auth-host=scram-sha-256", &file];
        let mut server = Self::made(programs, &methods)?;
        server.write("server.pem", certificate)?;
        server.write("server-key.pem", key)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        server.configure(&format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\n\
             ssl_cert_file = '../server.pem'\nssl_key_file = '../server-key.pem'\n"
        ))?;
        server.port = Some(port);
        server.resume()?;
        Ok(server)
    }

    /// A server with its files, which does not run yet.
    fn made(programs: Programs, methods: &[&str]) -> Result<Self, ServerError> {
        let folder = tempfile::Builder::new().prefix("kitelogik-pg-").tempdir()?;
        // PostgreSQL runs as `postgres`, and keeps others out of its folder.
        give(folder.path(), owner()?)?;
        let server = Self {
            programs,
            folder,
            databases: AtomicU32::new(0),
            watchdog: None,
            port: None,
        };
        let always = ["-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync"];
        server.run("initdb", &[&always, methods].concat())?;
        server.configure("max_connections = 200\nfsync = off\nlisten_addresses = ''\n")?;
        Ok(server)
    }

    /// Adds lines to the server's configuration; of two about the same, the later counts.
    fn configure(&self, lines: &str) -> io::Result<()> {
        let path = self.folder.path().join("data/postgresql.conf");
        let mut text = fs::read_to_string(&path)?;
        text.push_str(lines);
        fs::write(path, text)
    }

    /// Writes a file that the server alone may read.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        give(&path, owner()?)
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    ///
    /// The server does not run.
    pub fn database(&self) -> Result<String, ServerError> {
        let socket = self.folder.path().display().to_string();
        let name = self.create_database()?;
        let port = self.socket_port();
        Ok(format!(
            "postgres://postgres@{}:{port}/{name}",
            socket.replace('/', "%2F")
        ))
    }

    /// Makes an empty database and gives its URL on the loopback port, under this name of the server, with
    /// the password.
    ///
    /// # Errors
    ///
    /// The server does not run, or does not listen on a port.
    pub fn secured_database(&self, host: &str) -> Result<String, ServerError> {
        let port = self
            .port
            .ok_or_else(|| io::Error::other("the server listens on no port"))?;
        let name = self.create_database()?;
        Ok(format!(
            "postgres://postgres:{PASSWORD}@{host}:{port}/{name}?hostaddr=127.0.0.1"
        ))
    }

    /// The file of the socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        let name = format!(".s.PGSQL.{}", self.socket_port());
        self.folder.path().join(name)
    }

    fn socket_port(&self) -> u16 {
        self.port.unwrap_or(5432)
    }

    fn create_database(&self) -> Result<String, ServerError> {
        let number = self
            .databases
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        let name = format!("test_{number}");
        let socket = self.folder.path().display().to_string();
        let port = self.socket_port().to_string();
        let arguments = ["-h", &socket, "-p", &port, "-U", "postgres", &name];
        checked("createdb", &mut self.command("createdb", &arguments))?;
        Ok(name)
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

    /// Kills the server's main process (`SIGKILL`), which can do nothing about it; the others end when they
    /// notice.
    ///
    /// # Errors
    ///
    /// The server does not run.
    pub fn kill_at_once(&mut self) -> Result<(), ServerError> {
        self.dismiss_watchdog();
        let pid = self.pid()?;
        kill_process(pid, Signal::KILL).map_err(io::Error::from)?;
        // Were the process left as a zombie, its id in these would look as if the server ran.
        fs::remove_file(self.folder.path().join("data/postmaster.pid"))?;
        let lock = format!("{}.lock", self.socket().display());
        Ok(fs::remove_file(lock)?)
    }

    /// Starts the server again, with the same databases at the same addresses.
    ///
    /// # Errors
    ///
    /// It runs already, or does not start.
    pub fn resume(&mut self) -> Result<(), ServerError> {
        let socket = self.folder.path().display().to_string();
        let log = self.folder.path().join("log").display().to_string();
        let options = format!("-k {socket}");
        let start = ["-l", &log, "-o", &options, "-w", "start"];
        let mut attempt = 1;
        while let Err(error) = self.run("pg_ctl", &start) {
            // Of a server that was killed, the last processes may still be there.
            let log = fs::read_to_string(&log)?;
            let last = log.lines().rev().take(8);
            let is_busy = last
                .into_iter()
                .any(|line| line.contains("pre-existing shared memory"));
            if !is_busy || attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
        self.watch()
    }

    fn pid(&self) -> Result<Pid, ServerError> {
        let text = fs::read_to_string(self.folder.path().join("data/postmaster.pid"))?;
        let number = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        let pid = number.and_then(Pid::from_raw);
        Ok(pid.ok_or_else(|| io::Error::other("the server's file of its process names none"))?)
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
        let pid = self.pid()?.as_raw_nonzero().to_string();
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

/// The user that PostgreSQL runs as, where that is another than this process's.
fn owner() -> io::Result<Option<u32>> {
    if !is_root() {
        return Ok(None);
    }
    let owner = Command::new("id").args(["-u", "postgres"]).output()?;
    let owner = String::from_utf8_lossy(&owner.stdout).trim().parse();
    Ok(owner.ok())
}

fn give(path: &Path, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(owner) => chown(path, Some(owner), None),
        None => Ok(()),
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
