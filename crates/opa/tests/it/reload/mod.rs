//! A policy that follows its source: real directories, real bundles, a real server.

mod bundle;
mod concurrent;
mod confirmation;
mod directory;
mod explain;
mod links;
mod stale;
#[cfg(feature = "rest")]
mod tls;
#[cfg(feature = "rest")]
mod url;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyDecision, PolicyEngine, PolicyInput, SessionContext,
    ToolCallInput, Verdict,
};
use kitelogik_opa::{
    PolicySource, ReloadError, ReloadEvent, ReloadEvents, Reloading, ReloadingBuilder,
};
use serde_json::Map;
use tempfile::TempDir;

/// Allows what is asked for, and nothing else.
fn allows(action: &str) -> String {
    format!("package kitelogik.userpolicy\n\nallow if input.action == \"{action}\"\n")
}

/// A directory of policies within a directory of the test's own.
struct Folder {
    home: TempDir,
}

impl Folder {
    fn new(module: &str) -> Self {
        let folder = Self {
            home: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(folder.path()).unwrap();
        folder.write("a.rego", module);
        folder
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("policies")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Puts a file in place whole.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        put(&self.path().join(name), text.as_ref());
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }

    async fn start(&self) -> Reloading {
        quick(PolicySource::directory(self.path()))
            .start()
            .await
            .unwrap()
    }
}

/// Written beside its place and renamed into it.
fn put(path: &Path, bytes: &[u8]) {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".tmp");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

/// Looks often, so that a test does not wait.
fn quick(source: impl Into<PolicySource>) -> ReloadingBuilder {
    Reloading::builder(source)
        .poll_interval(Duration::from_millis(20))
        .quiet_for(Duration::from_millis(20))
}

/// What the gate makes of the engine's answer.
async fn decide(engine: &Reloading, action: &str) -> PolicyDecision {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(action, Map::new()));
    let context = SessionContext::new("example_01");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    engine
        .decide(&input)
        .await
        .unwrap_or_else(|error| PolicyDecision::fail_closed(&error))
}

async fn allowed(engine: &Reloading, action: &str) -> bool {
    decide(engine, action).await.verdict == Verdict::Allow
}

/// The next event; a test that waits for one that does not come fails.
async fn next(events: &mut ReloadEvents) -> ReloadEvent {
    let next = tokio::time::timeout(Duration::from_secs(60), events.next());
    next.await.unwrap().unwrap()
}

async fn refusal(events: &mut ReloadEvents) -> ReloadError {
    match next(events).await {
        ReloadEvent::Refused(error) => error,
        other => panic!("no refusal: {other:?}"),
    }
}
