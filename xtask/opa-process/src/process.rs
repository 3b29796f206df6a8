//! A server that runs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

use crate::port::Lease;
use crate::probe::Address;
use crate::watchdog::Watchdog;
use crate::{StartError, port};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct OpaProcess {
    child: Child,
    watchdog: Watchdog,
    address: Address,
    launch: Launch,
    /// Keeps other servers of ours off the port, also while this one is killed and may come back.
    _lease: Option<Lease>,
    folder: TempDir,
}

impl OpaProcess {
    /// The base URL, for example `http://127.0.0.1:20417`. On a Unix socket it is `http://localhost`.
    pub fn url(&self) -> String {
        match &self.address {
            Address::Port(port) => format!("http://127.0.0.1:{port}"),
            Address::Socket(_) => "http://localhost".to_owned(),
        }
    }

    /// The loopback port, if it listens on one.
    pub fn port(&self) -> Option<u16> {
        match self.address {
            Address::Port(port) => Some(port),
            Address::Socket(_) => None,
        }
    }

    /// The Unix socket, if it listens on one.
    pub fn socket(&self) -> Option<&Path> {
        match &self.address {
            Address::Port(_) => None,
            Address::Socket(path) => Some(path),
        }
    }

    /// What the server wrote so far: errors only, unless `--log-level` was given as an argument.
    pub fn log(&self) -> String {
        log(&self.folder)
    }

    /// Stops the process (`SIGSTOP`): the kernel still accepts connections, nothing answers.
    ///
    /// # Errors
    ///
    /// When the process was killed.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        // The signal reaches each thread in its own time: until then one may still answer.
        let pid = Pid::from_child(&self.child);
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT,
        )?;
        Ok(())
    }

    /// Lets a paused process go on (`SIGCONT`).
    ///
    /// # Errors
    ///
    /// When the process was killed.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends the process at once (`SIGKILL`): open connections break, new ones are refused.
    /// Killing it a second time does nothing.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        // First, so that it never acts on a process id that is free for others.
        self.watchdog.dismiss();
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Kills the process if it runs, and starts it with the same policies at the same address.
    ///
    /// # Errors
    ///
    /// As [`Server::start`](crate::Server::start).
    pub fn restart(&mut self) -> Result<(), StartError> {
        self.kill()?;
        if let Address::Socket(path) = &self.address {
            // A killed OPA leaves its socket behind, and OPA refuses to start over it.
            fs::remove_file(path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        (self.child, self.watchdog) = self.launch.run(&self.folder, &self.address)?;
        Ok(())
    }

    pub(crate) fn on_free_port(launch: Launch, folder: TempDir) -> Result<Self, StartError> {
        let mut attempts_left = 5;
        loop {
            let lease = port::lease()?;
            let address = Address::Port(lease.port());
            match launch.run(&folder, &address) {
                Ok((child, watchdog)) => {
                    return Ok(Self {
                        child,
                        watchdog,
                        address,
                        launch,
                        _lease: Some(lease),
                        folder,
                    });
                }
                // A stranger took the port in the moment between the lease's check and OPA's bind.
                Err(StartError::Ended { log, .. })
                    if attempts_left > 0 && log.contains("Listener failed") =>
                {
                    attempts_left -= 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn on_port(launch: Launch, folder: TempDir, port: u16) -> Result<Self, StartError> {
        // Whoever listens there already would answer the probe in OPA's place.
        drop(std::net::TcpListener::bind(("127.0.0.1", port))?);
        let address = Address::Port(port);
        let (child, watchdog) = launch.run(&folder, &address)?;
        Ok(Self {
            child,
            watchdog,
            address,
            launch,
            _lease: None,
            folder,
        })
    }

    pub(crate) fn on_socket(launch: Launch, folder: TempDir) -> Result<Self, StartError> {
        let address = Address::Socket(folder.path().join("opa.sock"));
        let (child, watchdog) = launch.run(&folder, &address)?;
        Ok(Self {
            child,
            watchdog,
            address,
            launch,
            _lease: None,
            folder,
        })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }
}

impl Drop for OpaProcess {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!(
                "an OPA server is left behind, process {}: {error}",
                self.child.id()
            );
        }
    }
}

/// How to run the program, whatever its address.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) patience: Duration,
}

impl Launch {
    fn run(&self, folder: &TempDir, address: &Address) -> Result<(Child, Watchdog), StartError> {
        let output = File::create(folder.path().join(LOG))?;
        let mut command = Command::new(&self.program);
        command
            .args([
                "run",
                "--server",
                "--skip-version-check",
                "--log-level",
                "error",
                "--log-format",
                "text",
            ])
            .args(["--addr", &address.for_opa()])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut child = command.spawn()?;
        let running = Watchdog::over(&child)
            .map_err(StartError::from)
            .and_then(|watchdog| self.wait(&mut child, folder, address).map(|()| watchdog));
        match running {
            Ok(watchdog) => Ok((child, watchdog)),
            Err(error) => {
                // It may have ended by itself, and it was not given to anybody: nothing more can be done.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    fn wait(
        &self,
        child: &mut Child,
        folder: &TempDir,
        address: &Address,
    ) -> Result<(), StartError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = child.try_wait()? {
                return Err(StartError::Ended {
                    status,
                    log: log(folder),
                });
            }
            if address.answers() {
                return Ok(());
            }
            if begin.elapsed() > self.patience {
                return Err(StartError::Silent {
                    waited: begin.elapsed(),
                    log: log(folder),
                });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

const LOG: &str = "opa.log";

fn log(folder: &TempDir) -> String {
    fs::read(folder.path().join(LOG))
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .unwrap_or_default()
}
