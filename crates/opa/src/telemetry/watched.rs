//! Spans whose listeners may panic.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::OnceLock;

use kitelogik_core::{EngineError, FailClosed};
use tracing::Span;

use crate::fault::panic_message;

/// A span that no panic of a `tracing` subscriber gets out of: not where it opens, not where work enters and leaves it, not
/// where it closes.
///
/// For whoever calls [`Session::authorize`](crate::Session::authorize) and runs the body themselves; a toolbox and a governed
/// function use it as it is. Such a panic within a decision makes it a denial with
/// [`InternalError`](kitelogik_core::FailClosed::InternalError); around a body, and after it, it changes nothing.
#[derive(Debug)]
pub struct Watched {
    span: Span,
    panicked: OnceLock<String>,
}

impl Watched {
    /// Watches `span` from now on.
    pub fn new(span: Span) -> Self {
        Self {
            span,
            panicked: OnceLock::new(),
        }
    }

    /// The span that `open` gives.
    pub(crate) fn open(open: impl FnOnce() -> Span) -> Self {
        match quietly(open) {
            Ok(span) => Self::new(span),
            Err(message) => {
                let watched = Self::new(Span::none());
                watched.note(message);
                watched
            }
        }
    }

    /// The span itself. What is done to it there is not watched.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Does `work` within the span.
    pub async fn over<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| self.inside(|| work.as_mut().poll(context))).await
    }

    /// Does `work`, which does not wait, within the span.
    pub fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.span.is_disabled() {
            return work();
        }
        let entered = quietly(|| self.span.enter());
        // The span is left in any case, and out of an unwinding stack nothing else may panic.
        let done = catch_unwind(AssertUnwindSafe(work));
        let left = entered.and_then(|entered| quietly(|| drop(entered)));
        if let Err(message) = left {
            self.note(message);
        }
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Tells the span something, as in `span.record("error.type", …)`.
    pub fn tell(&self, tell: impl FnOnce(&Span)) {
        if self.span.is_disabled() {
            return;
        }
        self.watch(|| tell(&self.span));
    }

    /// Tells other listeners something that belongs to the span.
    pub(crate) fn watch(&self, tell: impl FnOnce()) {
        if let Err(message) = quietly(tell) {
            self.note(message);
        }
    }

    /// Why nothing may come of what was decided within the span: somebody who listened panicked.
    pub(crate) fn fault(&self) -> Option<EngineError> {
        let message = self.panicked.get()?;
        Some(EngineError::new(
            FailClosed::InternalError,
            format!("what listens to spans or metrics panicked: {message}"),
        ))
    }

    /// The first one is kept.
    fn note(&self, message: String) {
        let _ = self.panicked.set(message);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let span = std::mem::replace(&mut self.span, Span::none());
        let _ = quietly(|| drop(span));
    }
}

/// Tells listeners something that nothing depends on.
pub(crate) fn say(tell: impl FnOnce()) {
    let _ = quietly(tell);
}

/// Does what may panic within the code of others; the panic's message where it does.
pub(crate) fn quietly<T>(tell: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(tell)).map_err(|panic| panic_message(&*panic))
}
