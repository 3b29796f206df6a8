//! Ends a server whose owner is gone.

use std::io;
use std::process::{Child, Command, Stdio};

/// Kills a server when this process ends without having done so.
///
/// A `static` is never dropped, and neither is anything in a process that aborts or is killed. The
/// watchdog is a shell that reads from a pipe only this process holds: the kernel closes it in each case.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    pub(crate) fn over(server: &Child) -> io::Result<Self> {
        let shell = Command::new("sh")
            .args([
                "-c",
                "read -r _; kill -9 \"$1\"",
                "sh",
                &server.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { shell })
    }

    /// Ends the watch. The server lives on.
    pub(crate) fn dismiss(&mut self) {
        // Both fail only where the shell has ended, which is what is wanted.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.dismiss();
    }
}
