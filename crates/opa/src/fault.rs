use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use kitelogik_core::{EngineError, FailClosed};

/// Why foreign code gave no answer.
pub(crate) enum Fault {
    Elapsed,
    Panicked(String),
}

impl Fault {
    pub(crate) fn of_engine(self) -> EngineError {
        match self {
            Self::Elapsed => EngineError::new(
                FailClosed::EngineTimeout,
                "no decision within the gate's limit",
            ),
            Self::Panicked(message) => {
                EngineError::new(FailClosed::InternalError, format!("panicked: {message}"))
            }
        }
    }
}

/// Runs foreign code within a time limit and catches its panics.
pub(crate) async fn bounded<T>(work: impl Future<Output = T>, limit: Duration) -> Result<T, Fault> {
    // The timer is made inside, so that a runtime without one ends in a denial, not in a panic.
    let work = async { tokio::time::timeout(limit, work).await };
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_elapsed)) => Err(Fault::Elapsed),
        Err(panic) => Err(Fault::Panicked(panic_message(&*panic))),
    }
}

pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
