//! Runs the body of a permitted call, and says what came of it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;
use kitelogik_core::Outcome;
use kitelogik_opa::Running;

/// The body of a tool, ready to run.
pub enum Body<T, E> {
    /// An `async fn`: runs where it is awaited.
    Async(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>),
    /// A `fn`: runs off the async threads.
    Blocking(Box<dyn FnOnce() -> Result<T, E> + Send>),
}

impl<T: Send + 'static, E: Send + 'static> Body<T, E> {
    /// Runs to the end. What came of it is recorded through `running`: also where this future is
    /// dropped, and then, for a blocking body that goes on, when that body has ended.
    pub(crate) async fn run(self, running: Running) -> Result<T, Fault<E>> {
        match self {
            Self::Async(future) => {
                let ended = AssertUnwindSafe(future).catch_unwind().await;
                settle(running, ended)
            }
            Self::Blocking(function) => {
                let work = move || {
                    let ended = std::panic::catch_unwind(AssertUnwindSafe(function));
                    settle(running, ended)
                };
                match tokio::task::spawn_blocking(work).await {
                    Ok(settled) => settled,
                    // The runtime shut down, and the work never began or never ended.
                    Err(error) => Err(Fault::Panicked(Box::new(error.to_string()))),
                }
            }
        }
    }
}

/// Why a body has no result.
pub(crate) enum Fault<E> {
    Failed(E),
    Panicked(Box<dyn Any + Send>),
}

fn settle<T, E>(
    running: Running,
    ended: Result<Result<T, E>, Box<dyn Any + Send>>,
) -> Result<T, Fault<E>> {
    let (outcome, settled) = match ended {
        Ok(Ok(value)) => (Outcome::Ran, Ok(value)),
        Ok(Err(error)) => (Outcome::Failed, Err(Fault::Failed(error))),
        Err(panic) => (Outcome::Panicked, Err(Fault::Panicked(panic))),
    };
    running.ended(outcome);
    settled
}
