#[cfg(feature = "rest")]
mod bundle_url;
#[cfg(feature = "rest")]
mod download;
mod error;
mod event;
mod freshness;
mod order;
mod reader;
mod reading;
mod settings;
mod source;
mod state;
mod status;
mod task;
mod version;
mod watching;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use kitelogik_core::{
    BoxFuture, EngineError, GovernanceEvent, Masking, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

#[cfg(feature = "rest")]
pub use self::bundle_url::BundleUrl;
pub use self::error::ReloadError;
pub use self::event::{PolicyChange, ReloadEvent, ReloadEvents};
pub use self::settings::ReloadingBuilder;
pub use self::source::PolicySource;
pub use self::status::ReloadStatus;

use self::state::State;
use self::task::Wake;
use crate::{EmbeddedError, Explanation};

/// Answers from a policy in this process that follows its source: a directory, a bundle file, or, with the feature
/// `rest`, a bundle on a server.
///
/// It is a [`PolicyEngine`]: give it to a [`PolicyGate`](crate::PolicyGate). Clones are cheap and are the same engine.
///
/// ```
/// use kitelogik_opa::{PolicyGate, Reloading};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let policies = folder.path();
/// # std::fs::write(policies.join("a.rego"), "package kitelogik.userpolicy\n\nallow if input.action == \"get_page\"\n")?;
/// let policy = Reloading::watch(policies).start().await?;
/// let gate = PolicyGate::new(policy.clone());
///
/// println!("{} is in force", policy.status().revision);
/// # Ok(())
/// # }
/// ```
///
/// # What a new version goes through
///
/// 1. It is read: files twice, with [`quiet_for`](ReloadingBuilder::quiet_for) between, and both readings must be the
///    same, so that what is being copied is not taken half-made. What was read is what is tested and what decides.
/// 2. A bundle must not come before the one in force, and its signature must be the key's.
/// 3. It is loaded, [checked](kitelogik_policy::check) for errors, compiled, put through its own tests, and asked for
///    one decision.
/// 4. If it drops rules that deny or ask for review, and [that is asked for](ReloadingBuilder::confirm_removals), it
///    waits for [`confirm`](Self::confirm).
/// 5. One pointer is changed. A decision reads that pointer once: it is made by one version from beginning to end, and
///    carries that version's revision.
///
/// All of it happens away from the threads that decide. What fails is refused: the version in force stays, an event and
/// a warning say so, and so does [`status`](Self::status). An empty or deleted directory is refused like anything else
/// that is no policy. [`health`](PolicyEngine::health) stays good: the gate can still decide.
///
/// # Defaults
///
/// | setting | default |
/// |---|---|
/// | looked at every | 5 s (files), 60 s (URL), give or take a fifth; at once where the system tells of changes |
/// | quiet for | 250 ms |
/// | signature of a bundle | none, and a signed bundle is refused |
/// | check, self-test | yes |
/// | waits for a confirmation | no |
/// | an older bundle | refused |
/// | in force without being refreshed | for ever |
///
/// # How it fails
///
/// As [`Embedded`](crate::Embedded) does, and with [`PolicyStale`](kitelogik_core::FailClosed::PolicyStale) where the
/// policy could not be refreshed for [`max_stale`](ReloadingBuilder::max_stale).
///
/// # The async runtime
///
/// New versions are looked for on the runtime it was [started](ReloadingBuilder::start) on; decisions are made on any.
/// When that runtime ends, the last version stays in force, and `watching` in the [status](Self::status) says that
/// nobody looks any more; with `max_stale` it becomes stale. When the last clone is dropped, looking ends.
#[derive(Clone)]
pub struct Reloading {
    inner: Arc<Inner>,
}

/// What came of a look at the source that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadOutcome {
    /// What the source holds was in force already.
    Unchanged,
    /// A new version is in force.
    Reloaded(PolicyChange),
    /// A new version waits for a [confirmation](Reloading::confirm).
    Waiting(PolicyChange),
    /// The source holds what was [rolled back](Reloading::roll_back) from.
    KeptOut,
}

struct Inner {
    state: Arc<State>,
    wakes: mpsc::Sender<Wake>,
    task: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reloading {
    /// Follows a directory, a file, or a bundle file, whichever lies at `path`; see [`PolicySource::path`].
    pub fn watch(path: impl Into<PathBuf>) -> ReloadingBuilder {
        ReloadingBuilder::new(PolicySource::path(path))
    }

    /// Follows any source.
    pub fn builder(source: impl Into<PolicySource>) -> ReloadingBuilder {
        ReloadingBuilder::new(source.into())
    }

    /// What is in force, what waits, and what became of the last look at the source.
    pub fn status(&self) -> ReloadStatus {
        self.inner.state.status(!self.inner.task.is_finished())
    }

    /// What happens from here on. See [`on_event`](ReloadingBuilder::on_event) for a function that is called.
    pub fn events(&self) -> ReloadEvents {
        self.inner.state.events()
    }

    /// Looks at the source now, and waits for what comes of it. A version that was refused is tried again.
    ///
    /// # Errors
    ///
    /// Why what the source holds is not in force.
    pub async fn reload_now(&self) -> Result<ReloadOutcome, ReloadError> {
        let (sender, outcome) = oneshot::channel();
        let asked = self.inner.wakes.send(Wake::Asked(sender)).await;
        asked.map_err(|_| ReloadError::Stopped)?;
        outcome.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Puts the version that waits in force, if it has this revision: it is the one whose changes somebody looked at.
    ///
    /// # Errors
    ///
    /// [`ReloadError::NotWaiting`]: none waits, or another.
    pub fn confirm(&self, revision: &str) -> Result<PolicyChange, ReloadError> {
        self.inner.state.confirm(revision)
    }

    /// Puts the version before in force, whatever the source holds.
    ///
    /// What was rolled back from, and what the source holds at this time, is kept out until the source holds something
    /// that comes into force, or is the version before. To take a roll-back back, [`confirm`](Self::confirm) the
    /// revision that was rolled back from. One version is kept.
    ///
    /// # Errors
    ///
    /// [`ReloadError::NothingBefore`]: there was none before, or it was rolled back to already.
    pub fn roll_back(&self) -> Result<PolicyChange, ReloadError> {
        self.inner.state.roll_back()
    }
}

impl Reloading {
    /// What the version in force decides about `event`, and why; see [`Embedded::explain`](crate::Embedded::explain).
    ///
    /// The one version explains all of it, whatever comes into force meanwhile; its revision is the decision's. Where the policy
    /// [is stale](ReloadingBuilder::max_stale), the decision is the denial that says so, nothing is suggested, and the rules
    /// are those of the version in force.
    ///
    /// # Errors
    ///
    /// As for [`Embedded::explain`](crate::Embedded::explain).
    pub fn explain(
        &self,
        event: &GovernanceEvent,
        context: &SessionContext,
        masking: &Masking,
    ) -> Result<Explanation, EmbeddedError> {
        let state = &self.inner.state;
        let fresh = state.freshness.check();
        let engine = state.current.load().engine.clone();
        let explanation = engine.explain(event, context, masking)?;
        Ok(match fresh {
            Ok(()) => explanation,
            Err(stale) => explanation.instead(&stale),
        })
    }
}

impl PolicyEngine for Reloading {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            self.inner.state.freshness.check()?;
            let version = self.inner.state.current.load();
            version.engine.answer(input).await
        })
    }

    /// The digest of the policy in force.
    fn revision(&self) -> Option<Arc<str>> {
        Some(Arc::clone(&self.inner.state.current.load().revision))
    }

    /// Whether the version in force can decide, and may still. That a new version was refused does not show here, but in
    /// the [status](Reloading::status).
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async move {
            self.inner.state.freshness.check()?;
            let engine = self.inner.state.current.load().engine.clone();
            engine.health().await
        })
    }
}

impl fmt::Debug for Reloading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reloading")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
