use std::sync::Arc;

use kitelogik_core::{Arguments, Outcome, PolicyDecision, SessionContext};
use serde::de::DeserializeOwned;

use crate::budget::CountedCall;
use crate::record::Record;
use crate::telemetry::{self, Watched};

/// The gate's leave to run one call once.
///
/// Only [`Session::authorize`](crate::Session::authorize) makes one, and only for a call that was
/// allowed, or that its approver granted. It cannot be built, cloned or decoded; it is bound to the
/// tool, the action, the session, the decision and the arguments that were judged, and opening it
/// uses it up.
///
/// What it proves is that *a* gate allowed the call; choosing the gate is the application's trust.
///
/// Dropped without being opened, the call is recorded as one that never ran, and the session's
/// budget gets it back.
#[derive(Debug)]
#[must_use = "a permit that is not opened is a call that never runs"]
pub struct Permit {
    granted: Granted,
}

struct Granted {
    tool: String,
    action: String,
    args: Arguments,
    context: Arc<SessionContext>,
    decision: Arc<PolicyDecision>,
    counted: CountedCall,
    record: Record,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Granted")
            .field("tool", &self.tool)
            .field("action", &self.action)
            .field("session_id", &self.context.session_id)
            .field("decision_id", &self.decision.decision_id)
            .finish_non_exhaustive()
    }
}

impl Permit {
    pub(crate) fn grant(
        tool: String,
        action: String,
        args: Arguments,
        context: Arc<SessionContext>,
        decision: Arc<PolicyDecision>,
        counted: CountedCall,
        record: Record,
    ) -> Self {
        Self {
            granted: Granted {
                tool,
                action,
                args,
                context,
                decision,
                counted,
                record,
            },
        }
    }

    /// The decision that allowed the call.
    pub fn decision(&self) -> &Arc<PolicyDecision> {
        &self.granted.decision
    }

    /// The arguments that were judged.
    pub fn arguments(&self) -> &Arguments {
        &self.granted.args
    }

    /// Uses the permit up, and gives what the body of `tool` runs on: the judged arguments,
    /// decoded from their canonical JSON.
    ///
    /// # Errors
    ///
    /// The permit is for another tool or action, or its arguments do not decode to `A`. The call is
    /// then recorded as one that never ran.
    pub fn open<A: DeserializeOwned>(
        self,
        tool: &str,
        action: &str,
    ) -> Result<Permitted<A>, PermitError> {
        let Granted {
            tool: for_tool,
            action: for_action,
            args,
            context,
            decision,
            counted,
            record,
        } = self.granted;
        if for_tool != tool || for_action != action {
            return Err(PermitError::OtherTool {
                permitted: for_tool,
                wanted: tool.to_owned(),
            });
        }
        let args = serde_json::from_str(args.text())
            .map_err(|error| PermitError::Arguments(error.to_string()))?;
        Ok(Permitted {
            args,
            context,
            running: Running {
                watched: telemetry::body(&decision),
                decision,
                begun: true,
                settled: false,
                counted,
                record,
            },
        })
    }
}

/// What the body of a permitted call runs on. Only opening a [`Permit`] yields one.
#[derive(Debug)]
#[must_use = "dropped, the call is recorded as cancelled"]
pub struct Permitted<A> {
    args: A,
    context: Arc<SessionContext>,
    running: Running,
}

impl<A> Permitted<A> {
    /// The judged arguments, the session that calls, and what to tell when the body has ended.
    pub fn into_parts(self) -> (A, Arc<SessionContext>, Running) {
        (self.args, self.context, self.running)
    }
}

/// A body that has begun. Whoever runs it says how it ended; dropped before, it is recorded as
/// panicked where the thread is unwinding, else as cancelled.
///
/// A body that has to wait for its turn, as in the queue of a thread pool, has not begun yet:
/// [`queued`](Self::queued) says so.
#[must_use = "dropped, the call is recorded as cancelled"]
pub struct Running {
    watched: Watched,
    decision: Arc<PolicyDecision>,
    begun: bool,
    settled: bool,
    counted: CountedCall,
    record: Record,
}

impl Running {
    /// The decision that allowed the call.
    pub fn decision(&self) -> &Arc<PolicyDecision> {
        &self.decision
    }

    /// The span in which the body runs.
    pub fn span(&self) -> &tracing::Span {
        self.watched.span()
    }

    /// The same, for whoever runs the body and wants none of its listeners' panics.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The body waits for its turn.
    pub fn queued(mut self) -> Queued {
        self.begun = false;
        Queued { waiting: self }
    }

    /// The body has ended with `outcome`.
    pub fn ended(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.settled, true) {
            // What is recorded counts; who listens to spans and metrics may panic.
            self.record.complete(outcome);
            telemetry::ended(&self.watched, outcome);
        }
    }
}

/// A permitted body that waits for its turn.
///
/// Dropped before it begins, the call is recorded as one that never ran, and the session's budget
/// gets it back.
#[derive(Debug)]
#[must_use = "dropped, the call never runs"]
pub struct Queued {
    waiting: Running,
}

impl Queued {
    /// The body begins.
    pub fn begin(mut self) -> Running {
        self.waiting.begun = true;
        self.waiting
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Running")
            .field("decision_id", &self.decision.decision_id)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.begun {
            return; // The record and the counted call, dropped as they are, say that it never ran.
        }
        self.counted.begin();
        self.settle(if std::thread::panicking() {
            Outcome::Panicked
        } else {
            Outcome::Cancelled
        });
    }
}

/// Why a permit does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermitError {
    /// It was granted for another tool or action.
    #[error("the permit is for `{permitted}`, not for `{wanted}`")]
    OtherTool {
        /// The tool it was granted for.
        permitted: String,
        /// The tool it was to open.
        wanted: String,
    },
    /// The judged arguments do not decode to what the body takes.
    #[error("the judged arguments do not fit the tool: {0}")]
    Arguments(String),
}
