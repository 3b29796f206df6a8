//! Runs the body of a permitted call, and says what came of it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use kitelogik_core::Outcome;
use kitelogik_opa::{Queued, Running};
use tokio::runtime::Handle;

/// The body of a tool, ready to run.
pub enum Body<T, E> {
    /// An `async fn`: runs where it is awaited.
    Async(Pin<Box<dyn Future<Output = Result<T, E>> + Send>>),
    /// A `fn`: runs off the async threads.
    Blocking(Box<dyn FnOnce() -> Result<T, E> + Send>),
}

impl<T: Send + 'static, E: Send + 'static> Body<T, E> {
    /// Runs to the end. What came of it is recorded through `running`: also where this future is
    /// dropped. A blocking body that has begun then goes on, and is recorded when it has ended; one
    /// that still waits for a thread never runs.
    pub(crate) async fn run(self, running: Running) -> Result<T, Fault<E>> {
        let function = match self {
            Self::Async(future) => {
                let caught = AssertUnwindSafe(future).catch_unwind();
                let ended = running.watched().over(caught).await;
                return settle(running, ended);
            }
            Self::Blocking(function) => function,
        };
        let queued = running.queued();
        let runtime = Handle::try_current().map_err(|error| Fault::NeverRan(error.to_string()))?;
        let place = Place(Arc::new(Mutex::new(Some((queued, function)))));
        let theirs = Arc::clone(&place.0);
        let work = move || {
            let (queued, function) = take(&theirs)?;
            let running = queued.begin();
            let caught = || std::panic::catch_unwind(AssertUnwindSafe(function));
            let ended = running.watched().inside(caught);
            Some(settle(running, ended))
        };
        match runtime.spawn_blocking(work).await {
            Ok(Some(settled)) => settled,
            Ok(None) => Err(Fault::NeverRan("it was given up".to_owned())),
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => Fault::Panicked(panic),
                // The runtime shut down before it began.
                Err(cancelled) => Fault::NeverRan(cancelled.to_string()),
            }),
        }
    }
}

type Work<T, E> = (Queued, Box<dyn FnOnce() -> Result<T, E> + Send>);
type Slot<T, E> = Arc<Mutex<Option<Work<T, E>>>>;

/// A place in the queue for a thread. Dropped, what still waits there is taken out and never runs;
/// that is so at once, and not only when a thread gets to it.
struct Place<T, E>(Slot<T, E>);

impl<T, E> Drop for Place<T, E> {
    fn drop(&mut self) {
        drop(take(&self.0));
    }
}

fn take<T, E>(slot: &Slot<T, E>) -> Option<Work<T, E>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Why a body has no result.
pub(crate) enum Fault<E> {
    Failed(E),
    Panicked(Box<dyn Any + Send>),
    /// It did not begin: there is no runtime, or it shut down. Says which.
    NeverRan(String),
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
