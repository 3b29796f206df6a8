use std::convert::Infallible;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use kitelogik_core::{EngineError, FailClosed, GovernanceError, PolicyDecision};
use kitelogik_opa::{CallRequest, Running, Session, Watched};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::body::{Body, Fault};
use crate::canonical::canonical;
use crate::{CallError, Opened, resource};

/// What the attribute `#[governed]` knows of a function. Written by the attribute, not by hand.
///
/// The body takes [`Opened`] arguments, which only a permit for this very function yields: there is
/// no way from this trait to the body that does not pass a gate.
pub trait GovernedFunction: Sized + Send + Sync + 'static {
    /// The tool's name: the function's.
    const NAME: &'static str;
    /// What the tool is for: the function's doc comment.
    const DESCRIPTION: &'static str;
    /// The policy's name for it.
    const ACTION: &'static str;
    /// The arguments that carry the paths or URLs it touches.
    const RESOURCES: &'static [&'static str];
    /// Whether its results are sanitised before a model reads them.
    const SANITISE: bool;
    /// Its arguments.
    type Args: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// What it gets from the host besides them.
    type State: Send + 'static;
    /// What it returns where it does not fail.
    type Output: Serialize + Send + 'static;
    /// What it fails with, or [`Infallible`].
    type Error: Display + Send + 'static;
    /// What a direct call returns.
    type Returned: GovernedReturn<Self::Output, Self::Error>;

    /// The body, ready to run.
    fn body(state: Self::State, opened: Opened<Self>)
    -> (Body<Self::Output, Self::Error>, Running);
}

/// A call of a governed function, with its arguments, that has not run yet.
#[must_use = "a governed call does nothing until it is run in a session: `.run(&session).await`"]
pub struct Call<F: GovernedFunction> {
    state: F::State,
    args: F::Args,
}

impl<F: GovernedFunction> Call<F> {
    /// A call with these arguments. What `#[governed]` functions return.
    pub fn new(state: F::State, args: F::Args) -> Self {
        Self { state, args }
    }

    /// Puts the call to the session's gate and, if it is let through, runs the body.
    ///
    /// The body gets what was judged: the arguments decoded from the JSON that the policy saw. A
    /// `fn` body runs off the async threads. The value is returned untouched. A panic of the body
    /// is recorded and goes on.
    ///
    /// # Errors
    ///
    /// The decision, where the gate did not let it through; the function's own error, where it has
    /// one. Arguments that JSON cannot hold, or that do not survive the round trip, are denied with
    /// [`FailClosed::MalformedInput`]. A `fn` body that does not get its thread, because no Tokio
    /// runtime runs here or it is shutting down, is denied with [`FailClosed::InternalError`].
    pub async fn run(self, session: &Session) -> F::Returned {
        F::Returned::from_result(self.run_inner(session).await)
    }

    /// As [`run`](Self::run), for code without an async runtime. Blocks the thread until the call
    /// has ended. Inside a runtime it works too, but blocks one of its threads.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). A runtime that cannot be started is a denial with
    /// [`FailClosed::InternalError`].
    pub fn run_blocking(self, session: &Session) -> F::Returned {
        let runtime = match shared_runtime() {
            Ok(runtime) => runtime,
            Err(why) => {
                let error = EngineError::new(FailClosed::InternalError, why);
                let decision = Arc::new(PolicyDecision::fail_closed(&error));
                let denied = GovernanceError::new(F::NAME, decision);
                return F::Returned::from_result(Err(CallError::Denied(denied)));
            }
        };
        if Handle::try_current().is_err() {
            return F::Returned::from_result(runtime.block_on(self.run_inner(session)));
        }
        // A thread that belongs to a runtime must not block on another one.
        let result = std::thread::scope(|scope| {
            scope
                .spawn(|| runtime.block_on(self.run_inner(session)))
                .join()
        });
        match result {
            Ok(result) => F::Returned::from_result(result),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    async fn run_inner(self, session: &Session) -> Result<F::Output, CallError<F::Error>> {
        let watched = Watched::new(session.call_span(F::NAME));
        let result = watched.over(self.run_in_span(session)).await;
        if let Err(error) = &result {
            watched.tell(|span| {
                span.record("error.type", error.kind());
            });
        }
        result
    }

    async fn run_in_span(self, session: &Session) -> Result<F::Output, CallError<F::Error>> {
        let mut request = CallRequest {
            tool: F::NAME.to_owned(),
            action: F::ACTION.to_owned(),
            ..CallRequest::default()
        };
        let malformed = |why: String| EngineError::new(FailClosed::MalformedInput, why);
        let judged = canonical(&self.args)
            .map_err(|error| error.to_string())
            .and_then(|args| {
                request.resources = resource::named(F::RESOURCES, args.object())
                    .map_err(|problem| problem.to_string())?;
                Ok(args)
            });
        // What the caller built is not what the body runs on.
        drop(self.args);
        match judged {
            Ok(args) => request.args = args,
            Err(why) => return Err(session.reject(request, &malformed(why)).await.into()),
        }
        let permit = session.authorize(request).await?;
        let decision = Arc::clone(permit.decision());
        let opened = match Opened::<F>::open(permit, F::ACTION) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(%error, decision_id = decision.decision_id, "permit not opened");
                let decision = PolicyDecision::fail_closed(&malformed(error.to_string()));
                return Err(GovernanceError::new(F::NAME, Arc::new(decision)).into());
            }
        };
        let (body, running) = F::body(self.state, opened);
        match body.run(running).await {
            Ok(value) => Ok(value),
            Err(Fault::Failed(error)) => Err(CallError::Failed(error)),
            Err(Fault::Panicked(panic)) => std::panic::resume_unwind(panic),
            Err(Fault::NeverRan(why)) => {
                let error = EngineError::new(
                    FailClosed::InternalError,
                    format!("the call was allowed, and its body did not run: {why}"),
                );
                let decision = Arc::new(PolicyDecision::fail_closed(&error));
                Err(GovernanceError::new(F::NAME, decision).into())
            }
        }
    }
}

/// What a direct call returns: `Result<T, GovernanceError>` for a function that does not fail,
/// `Result<T, CallError<E>>` for one that does.
pub trait GovernedReturn<T, E> {
    /// The result as the caller gets it.
    fn from_result(result: Result<T, CallError<E>>) -> Self;
}

impl<T> GovernedReturn<T, Infallible> for Result<T, GovernanceError> {
    fn from_result(result: Result<T, CallError<Infallible>>) -> Self {
        result.map_err(|error| match error {
            CallError::Denied(denied) => denied,
            CallError::Failed(never) => match never {},
        })
    }
}

impl<T, E> GovernedReturn<T, E> for Result<T, CallError<E>> {
    fn from_result(result: Result<T, CallError<E>>) -> Self {
        result
    }
}

/// One runtime for all blocking calls, so that connections outlive the call that made them.
fn shared_runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            // With a worker of its own: a body that blocks in a call of its own must not be what
            // keeps the timers and connections of that call from running.
            Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("kitelogik-blocking")
                .enable_all()
                .build()
                .map_err(|error| format!("no runtime for a blocking call: {error}"))
        })
        .as_ref()
        .map_err(Clone::clone)
}
