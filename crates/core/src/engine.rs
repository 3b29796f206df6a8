use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{FailClosed, PolicyDecision, PolicyInput, text};

/// A boxed future, so that the traits of this crate can be used as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers whether a call may happen.
///
/// The gate asks one engine. An implementation reads the input, evaluates a policy, and turns the
/// result document into a decision with [`PolicyDecision::from_result`], the strict parser that
/// every engine shares. Whatever goes wrong on the way is an [`EngineError`] with its code; the
/// gate makes it a denial. A panic is caught by the gate and denies as well.
///
/// An engine bounds its own time: the gate waits as long as the engine does.
pub trait PolicyEngine: Send + Sync {
    /// Decides `input`.
    ///
    /// # Errors
    ///
    /// Why the decision could not be made; the gate denies with that code.
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>>;

    /// The revision (digest) of the policy in force, where the engine knows it.
    fn revision(&self) -> Option<Arc<str>> {
        None
    }

    /// Whether the engine can decide at this moment: reachable, and with its entry point there.
    ///
    /// # Errors
    ///
    /// What a decision made at this moment would fail with.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async { Ok(()) })
    }
}

impl<E: PolicyEngine + ?Sized> PolicyEngine for Arc<E> {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        (**self).decide(input)
    }

    fn revision(&self) -> Option<Arc<str>> {
        (**self).revision()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        (**self).health()
    }
}

impl<E: PolicyEngine + ?Sized> PolicyEngine for Box<E> {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        (**self).decide(input)
    }

    fn revision(&self) -> Option<Arc<str>> {
        (**self).revision()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        (**self).health()
    }
}

/// How many bytes of a detail are kept: it may quote arguments of any length.
const MAX_DETAIL: usize = 4 * 1024;

/// Why an engine could not decide: a code, and a detail for logs and records.
///
/// The detail may name addresses and internals; it never reaches a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct EngineError {
    code: FailClosed,
    detail: String,
}

impl EngineError {
    /// An error with its code and what there is to say about it: 4 KiB of it, [marked](crate::text::cut) where there is more.
    pub fn new(code: FailClosed, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if detail.len() > MAX_DETAIL {
            detail = text::cut(&detail, MAX_DETAIL).into_owned();
        }
        Self { code, detail }
    }

    /// What the decision becomes.
    pub fn code(&self) -> FailClosed {
        self.code
    }

    /// What is known about the cause.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}
