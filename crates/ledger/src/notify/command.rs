use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::outbox::Outbox;
use super::{Notifier, message};
use crate::ApprovalView;

/// Runs a program for every new request, and gives it the request as JSON on its standard input.
///
/// The program is run as it is, with the arguments as they are: no shell reads them, and nothing of
/// the request is among them. What it prints goes nowhere. At most four run at once; of requests that
/// wait for their turn, 1,000 are kept.
///
/// ```
/// use kitelogik_ledger::{ApprovalOptions, CommandNotifier};
///
/// let options = ApprovalOptions::new().notify(CommandNotifier::new("notify-team", ["--urgent"]));
/// # let _ = options;
/// ```
///
/// The JSON is `{"type": "approval.requested", "timestamp": …, "data": {…}}`, with an
/// [`ApprovalView`] as `data`.
#[derive(Clone)]
#[must_use]
pub struct CommandNotifier {
    program: OsString,
    arguments: Vec<OsString>,
    timeout: Duration,
    outbox: Outbox,
}

impl CommandNotifier {
    /// Runs `program`, which is looked for as a shell would, with these arguments.
    pub fn new<S: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let arguments = arguments.into_iter();
        Self {
            program: program.as_ref().to_owned(),
            arguments: arguments.map(|text| text.as_ref().to_owned()).collect(),
            timeout: Duration::from_secs(10),
            outbox: Outbox::new(),
        }
    }

    /// How long the program may run before it is killed. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many requests were not told: the program could not be run, failed, took too long, or too
    /// many were waiting for it.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.outbox.lost()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

impl Notifier for CommandNotifier {
    fn notify(&self, request: &ApprovalView) {
        let Some(text) = message(request) else {
            return;
        };
        let (command, timeout) = (self.command(), self.timeout);
        let name = self.program.to_string_lossy();
        self.outbox.send(&name, &request.id, |turns| async move {
            let _turn = turns.acquire_owned().await;
            tokio::time::timeout(timeout, run(command, text))
                .await
                .unwrap_or_else(|_| Err("it did not end in time and was killed".to_owned()))
        });
    }
}

impl std::fmt::Debug for CommandNotifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An argument may be a secret.
        formatter
            .debug_struct("CommandNotifier")
            .field("program", &self.program)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

async fn run(mut command: Command, text: String) -> Result<(), String> {
    let mut child = command
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read it all is its own affair.
        let _ = stdin.write_all(text.as_bytes()).await;
    }
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("it failed: {status}")),
        Err(error) => Err(format!("it was lost: {error}")),
    }
}
