use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kitelogik_core::{AuditSink, GateChange, PolicyEngine};

use crate::telemetry::say;

/// What a decision becomes that the audit sink could not record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditFailure {
    /// A denial with [`AuditUnavailable`](kitelogik_core::FailClosed::AuditUnavailable): what cannot be proven does not happen.
    #[default]
    Deny,
    /// The decision stands unrecorded, and the loss is logged.
    Continue,
}

/// The sink that a gate records to.
pub(crate) struct Audit {
    pub(crate) sink: Arc<dyn AuditSink>,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: AuditFailure,
    noted: Mutex<Noted>,
}

/// Of a policy, where it is known.
type Revision = Option<Arc<str>>;

/// Which policy is in force, and which of them the sink knows.
#[derive(Default)]
struct Noted {
    in_force: Revision,
    told: Revision,
    /// Whether somebody is telling the sink at this moment.
    telling: bool,
}

impl Audit {
    pub(crate) fn new(sink: Arc<dyn AuditSink>, on_failure: AuditFailure) -> Self {
        Self {
            sink,
            timeout: Duration::from_secs(5),
            on_failure,
            noted: Mutex::default(),
        }
    }

    /// Tells the sink where another policy is in force than when it last heard of one.
    ///
    /// One call at a time tells it, without holding up the others: of several changes while a slow sink is being told, it is
    /// told of the last one, afterwards. Each decision carries its own revision in any case.
    pub(crate) fn note_policy(&self, engine: &dyn PolicyEngine) {
        if !self.sees_change(engine) {
            return;
        }
        while let Some((before, after)) = self.next_change() {
            // The sink's code: a panic of it must not end the call.
            let tell = AssertUnwindSafe(|| {
                self.sink.record_change(&GateChange::Policy {
                    before: before.as_deref(),
                    after: after.as_deref(),
                });
            });
            if catch_unwind(tell).is_err() {
                say(|| tracing::error!("another policy could not be noted: the sink panicked"));
            }
        }
    }

    /// Whether there is a change that nobody is telling.
    fn sees_change(&self, engine: &dyn PolicyEngine) -> bool {
        // Held while the engine is asked, so that of two revisions the later one stands here last.
        let mut noted = self.noted();
        match catch_unwind(AssertUnwindSafe(|| engine.revision())) {
            Ok(revision) => noted.in_force = revision,
            Err(_) => {
                drop(noted);
                say(|| tracing::error!("another policy could not be noted: the engine panicked"));
                return false;
            }
        }
        if noted.telling || noted.told == noted.in_force {
            return false;
        }
        noted.telling = true;
        true
    }

    /// What the sink knows to be in force, and what is; none, and nobody is telling any more, where they are the same.
    fn next_change(&self) -> Option<(Revision, Revision)> {
        let mut noted = self.noted();
        if noted.told == noted.in_force {
            noted.telling = false;
            return None;
        }
        let after = noted.in_force.clone();
        let before = std::mem::replace(&mut noted.told, after.clone());
        Some((before, after))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
