use std::sync::Arc;
use std::time::Duration;

use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput,
};

use crate::OpaClient;

/// An OPA server, and a copy of its bundle in process for the time in which it does not answer.
///
/// Off unless a gate is given it, and narrow:
///
/// * The copy is asked only where OPA could not be: [`EngineUnreachable`](FailClosed::EngineUnreachable)
///   or [`EngineTimeout`](FailClosed::EngineTimeout). Whatever OPA answers stands, also an
///   evaluation error, an undefined entry point or an answer that nobody understands.
/// * Its decision counts only if it was made by the very revision that OPA named in its last
///   decision, not longer ago than the [window](Self::seen_within). An OPA that has its policy from
///   files names none: there is no fallback for it.
/// * The decision says so: [`fallback`](PolicyDecision::fallback) is the fault, and
///   [`detail`](PolicyDecision::detail) tells of it.
///
/// Otherwise OPA's fault stands, as it would without the copy.
///
/// ```no_run
/// use kitelogik_opa::{Embedded, Fallback, OpaClient, PolicyGate};
/// use kitelogik_policy::Policy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The same bundle that OPA loads, built by `kitelogik bundle` or `Bundle::of`: its revision
/// // is the policy's digest.
/// let copy = Embedded::new(Policy::load("refunds.tar.gz")?)?;
/// let gate = PolicyGate::new(Fallback::new(OpaClient::default(), copy));
/// # Ok(())
/// # }
/// ```
///
/// # What is trusted
///
/// That a revision names one policy and one only, and that the bundle is all that the server
/// decides by: data that is pushed into OPA beside it is not in the copy. And that it may be a
/// caller who makes OPA miss its time, by what it asks: whoever can do that chooses between the two
/// engines, which promise the same answer or a denial but for what
/// [`Embedded`](crate::Embedded) lists as known to differ.
///
/// The copy needs time of its own after OPA's: the gate's limit has to leave it, and a caller's.
pub struct Fallback {
    opa: OpaClient,
    copy: Box<dyn PolicyEngine>,
    /// What the copy calls its policy, and what OPA does.
    name: Option<(Arc<str>, Arc<str>)>,
    window: Duration,
}

impl Fallback {
    /// Asks `opa`, and `copy` in its place where it does not answer. `copy` is an
    /// [`Embedded`](crate::Embedded) engine, or any that names the revision that made a decision.
    pub fn new(opa: OpaClient, copy: impl PolicyEngine + 'static) -> Self {
        Self {
            opa,
            copy: Box::new(copy),
            name: None,
            window: Duration::from_secs(60),
        }
    }

    /// What the bundle's manifest calls the policy that the copy has at this moment, where that is not the
    /// policy's digest: for a bundle from `opa build --revision`, take `Bundle::revision`.
    ///
    /// An empty name, and a copy that does not know its own revision, leave everything as it was.
    #[must_use]
    pub fn known_as(mut self, revision: impl Into<Arc<str>>) -> Self {
        let name = revision.into();
        if !name.is_empty() {
            self.name = self.copy.revision().map(|own| (own, name));
        }
        self
    }

    /// How long ago OPA may have named the copy's revision. Default: 60 s.
    ///
    /// The longer, the longer calls are decided while OPA is away, and the longer by a policy that
    /// OPA may have replaced meanwhile.
    #[must_use]
    pub fn seen_within(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// The decision of the copy in OPA's place, or why there is none.
    async fn instead(
        &self,
        input: &PolicyInput<'_>,
        fault: &EngineError,
    ) -> Result<PolicyDecision, String> {
        let seen = self.seen()?;
        let mut decision = self
            .copy
            .decide(input)
            .await
            .map_err(|error| format!("the copy in process met {error}"))?;
        self.holds(decision.revision.as_ref(), &seen)?;
        decision.revision = Some(seen);
        decision.fallback = Some(fault.code());
        decision.detail = Some(fault.detail().to_owned());
        Ok(decision)
    }

    /// The revision that OPA named recently.
    fn seen(&self) -> Result<Arc<str>, String> {
        let seen = self.opa.revision_within(self.window);
        seen.filter(|revision| !revision.is_empty()).ok_or_else(|| {
            format!(
                "OPA has not decided by a named revision within {:?}",
                self.window
            )
        })
    }

    /// Whether what the copy calls `own` is what OPA calls `seen`.
    fn holds(&self, own: Option<&Arc<str>>, seen: &Arc<str>) -> Result<(), String> {
        let name = match (&self.name, own) {
            (Some((known, name)), Some(own)) if known == own => Some(name),
            _ => own,
        };
        if name == Some(seen) {
            return Ok(());
        }
        Err(format!(
            "the copy in process holds revision `{}`, and OPA decided last by `{seen}`",
            name.map_or("unknown", |name| name)
        ))
    }
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fallback")
            .field("opa", &self.opa)
            .field("copy", &self.copy.revision())
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl PolicyEngine for Fallback {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            let fault = match self.opa.decide(input).await {
                Err(fault) if is_absence(&fault) => fault,
                answered => return answered,
            };
            self.instead(input, &fault).await.map_err(|problem| {
                EngineError::new(
                    fault.code(),
                    format!("{}; no fallback: {problem}", fault.detail()),
                )
            })
        })
    }

    /// The revision that OPA named last.
    fn revision(&self) -> Option<Arc<str>> {
        self.opa.revision()
    }

    /// OPA's health; where it does not answer and the copy would be asked, the copy's.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async {
            let fault = match self.opa.health().await {
                Err(fault) if is_absence(&fault) => fault,
                answered => return answered,
            };
            let own = self.copy.revision();
            match self.seen().and_then(|seen| self.holds(own.as_ref(), &seen)) {
                Ok(()) => self.copy.health().await,
                Err(_) => Err(fault),
            }
        })
    }
}

/// Whether nobody answered, as against an answer that is no decision.
fn is_absence(fault: &EngineError) -> bool {
    matches!(
        fault.code(),
        FailClosed::EngineUnreachable | FailClosed::EngineTimeout
    )
}
