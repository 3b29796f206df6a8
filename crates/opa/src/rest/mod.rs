mod address;
mod answer;
mod breaker;
mod builder;
mod connection;
mod connector;
mod deadline;
mod endpoint;
mod entry_point;
mod error;
mod failover;
#[cfg(feature = "reload")]
mod get;
mod headers;
mod places;
mod pool;
mod question;
mod revision;
mod status;
mod tls;

use std::fmt;
use std::sync::{Arc, Mutex};

use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput,
};

pub use self::breaker::BreakerState;
pub use self::builder::OpaClientBuilder;
pub use self::error::OpaConfigError;
#[cfg(feature = "reload")]
pub(crate) use self::get::{Getter, Got};
pub use self::status::{BreakerChange, EndpointStatus};

use self::deadline::Deadline;
use self::endpoint::Shared;
use self::failover::Endpoints;
use self::revision::LastRevision;

/// Asks an OPA server over its REST API, or the first of several that answers.
///
/// It is a [`PolicyEngine`]: give it to a [`PolicyGate`](crate::PolicyGate). Clones share their
/// connections, so one client serves a whole process.
///
/// ```no_run
/// use std::time::Duration;
///
/// use kitelogik_core::SessionContext;
/// use kitelogik_opa::{OpaClient, PolicyGate};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // OPA on this machine, as `opa run --server` starts it:
/// let gate = PolicyGate::new(OpaClient::default());
///
/// // OPA elsewhere, with all that a network asks for:
/// let opa = OpaClient::builder()
///     .base_url("https://opa.internal:8443")
///     .ca_certificates(std::fs::read("ca.pem")?)
///     .client_certificate(std::fs::read("client.pem")?, std::fs::read("client-key.pem")?)
///     .bearer_token(std::env::var("OPA_TOKEN")?)
///     .timeout(Duration::from_millis(250))
///     // Asked where the first does not answer:
///     .endpoint("https://opa-2.internal:8443")
///     .build()?;
/// let gate = PolicyGate::new(opa);
/// let session = gate.session(SessionContext::new("example_01").role("support_agent"));
/// # Ok(())
/// # }
/// ```
///
/// # Defaults
///
/// | setting | default |
/// |---|---|
/// | base URL | `http://localhost:8181` |
/// | entry point | `data.kitelogik.main` |
/// | time for one decision, waiting, connection, retry and failover included | 500 ms |
/// | largest answer | 1 MiB |
/// | questions under way at once, each with a connection of its own | 64 for each server; 16 times as many may wait |
/// | connections kept open while unused | as many, for 30 s |
/// | failures in a row that call for a probe | 3 |
/// | longest time between two probes of a server that does not answer | 2 s |
/// | redirects, cookies, proxy from the environment | none |
/// | TLS | 1.2 and 1.3, with the CA certificates of the system |
///
/// # What is asked
///
/// `POST <base URL>/v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true`, over
/// HTTP/1.1. Strict, because OPA otherwise lets a rule whose built-in fails silently not fire: a
/// `deny` would be lost. With the provenance the decision carries its bundle's revision, and where
/// OPA logs decisions, [`engine_decision_id`](PolicyDecision::engine_decision_id) is the id in that log.
///
/// A question is sent a second time only if the connection could not be made, or broke before the
/// first byte of an answer, as a connection does that the server closed while it was idle. All
/// attempts share the time of one decision. To drop the future is to drop the question: the
/// connection is closed, and OPA stops evaluating.
///
/// # A server that does not answer
///
/// Each server has a circuit breaker, so that a dead one costs microseconds and a probe now and
/// then, and not the whole time limit of every call:
///
/// * **Closed**, it is asked. Three questions in a row ([`open_after`](OpaClientBuilder::open_after))
///   that bring nothing - the connection is refused or lost, the time is up, the caller gave up, or
///   the answer is a 5xx other than OPA's own for a policy that fails - make the client send a
///   *probe*, in the background: it asks for the entry point with no caller's session or arguments,
///   and has four times the time of a decision. Only if that brings nothing either, and nobody was
///   answered meanwhile, the breaker opens.
/// * **Open**, it is not asked, and a call is denied with
///   [`EngineUnreachable`](FailClosed::EngineUnreachable) at once. From time to time, at most
///   [`probe_interval`](OpaClientBuilder::probe_interval) apart and sooner at first, one call's
///   arrival sends another probe.
/// * **Half open**, that probe is under way, and nothing else. The call that sent it waits for it,
///   within its own time, if nobody else can be asked; others are denied at once. A probe that is
///   answered closes the breaker.
///
/// So no caller can close a server to others by what it asks: a policy made to ponder for too long,
/// a request that a proxy resets, a call given up again and again, all lead to a probe, which is
/// answered. What remains is to keep a server so busy for so long that it answers nobody: that no
/// client can tell from one that is dead.
///
/// [`endpoints`](Self::endpoints) tells the state of each; a change is an event of `tracing`, and is told to
/// [`on_breaker_change`](OpaClientBuilder::on_breaker_change).
///
/// # Several servers
///
/// They are asked in the order in which they were given ([`base_url`](OpaClientBuilder::base_url), then
/// each [`endpoint`](OpaClientBuilder::endpoint)). Where a question cannot be sent, or the connection
/// breaks before the first byte of an answer, or the breaker is open, the next one is asked within
/// the same time; a connection that is not made counts as refused after an equal share of it. An
/// answer, whatever it says, is final: an evaluation error, a 503 or an undefined entry point is not
/// asked again elsewhere, for a caller might otherwise choose who decides. A server whose breaker is
/// open is passed over until a probe has brought back the policy itself: one that is up without its
/// policy is not taken while another answers. All servers must hold the same policy; bearer token,
/// headers, certificates and time limits are the same for all.
///
/// # How it fails
///
/// | what happened | code |
/// |---|---|
/// | refused, no such host, TLS failure, connection lost, also in the middle of an answer; a breaker is open | [`EngineUnreachable`](FailClosed::EngineUnreachable) |
/// | no whole answer in time | [`EngineTimeout`](FailClosed::EngineTimeout) |
/// | a status other than 200, a redirect, a body that is not OPA's or has duplicate keys | [`EngineProtocol`](FailClosed::EngineProtocol) |
/// | the entry point is undefined | [`UndefinedDecision`](FailClosed::UndefinedDecision) |
/// | a result document of the wrong shape | [`MalformedDecision`](FailClosed::MalformedDecision) |
/// | a built-in error, two rules that conflict | [`EvaluationError`](FailClosed::EvaluationError) |
/// | an answer over the size limit, an evaluation that OPA cancelled, too many questions at once | [`LimitExceeded`](FailClosed::LimitExceeded) |
///
/// # The server's side
///
/// Whoever reaches OPA may replace its policies unless an authorization policy forbids it. Run it
/// on loopback or a Unix socket, with `--authorization=basic` and a policy that leaves `POST` to
/// the entry point and nothing else: this client, [`health`](PolicyEngine::health) included, needs
/// no more.
#[derive(Clone)]
pub struct OpaClient {
    inner: Arc<Inner>,
}

impl OpaClient {
    /// A client of the server at this base URL, as in `http://localhost:8181`, with every other
    /// setting at its default.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn new(base_url: impl Into<String>) -> Result<Self, OpaConfigError> {
        Self::builder().base_url(base_url).build()
    }

    /// To say more than the base URL.
    pub fn builder() -> OpaClientBuilder {
        OpaClientBuilder::default()
    }

    /// Each server and the state of its breaker, in the order in which they are asked.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        let endpoints = self.inner.endpoints.0.iter();
        endpoints.map(|endpoint| endpoint.status()).collect()
    }

    /// The breaker of the server that is asked first.
    pub fn breaker(&self) -> BreakerState {
        let first = self.inner.endpoints.0.first();
        first.map_or(BreakerState::Open, |endpoint| endpoint.breaker.state())
    }

    /// The revision that the last decision named, if that was not longer ago than `window`.
    #[cfg(feature = "embedded")]
    pub(crate) fn revision_within(&self, window: std::time::Duration) -> Option<Arc<str>> {
        self.inner.revision.within(window)
    }

    fn assemble(shared: Arc<Shared>, endpoints: Endpoints) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared,
                endpoints,
                revision: LastRevision::default(),
            }),
        }
    }
}

impl Default for OpaClient {
    /// A client of `http://localhost:8181`, with every setting at its default.
    fn default() -> Self {
        let (shared, endpoints) = builder::default_parts();
        Self::assemble(shared, endpoints)
    }
}

impl fmt::Debug for OpaClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            shared, endpoints, ..
        } = &*self.inner;
        let targets = endpoints.0.first().map(|first| &first.target);
        let urls: Vec<&str> = endpoints.0.iter().map(|it| it.url.as_str()).collect();
        formatter
            .debug_struct("OpaClient")
            .field("endpoints", &urls)
            .field("target", &targets)
            .field("entry_point", &shared.entry_point)
            .field("timeout", &shared.timeout)
            .field("max_response_bytes", &shared.max_response_bytes)
            .finish_non_exhaustive()
    }
}

impl PolicyEngine for OpaClient {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(self.inner.decide(input))
    }

    /// The revision that the last decision named; none before the first, and none where OPA has
    /// its policy from files instead of a bundle.
    fn revision(&self) -> Option<Arc<str>> {
        self.inner.revision.last()
    }

    /// Asks the entry point about a call without a name, session or arguments, and drops the
    /// verdict: OPA's own `/health` answers 200 without any policy.
    ///
    /// It is the server that decisions are asked of that is asked, whatever its breaker says; one
    /// that answers is asked again from then on.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async {
            in_runtime()?;
            let mut decision = self.inner.endpoints.health().await?;
            self.inner.revision.note(&mut decision);
            Ok(())
        })
    }
}

struct Inner {
    shared: Arc<Shared>,
    endpoints: Endpoints,
    revision: LastRevision,
}

impl Inner {
    async fn decide(&self, input: &PolicyInput<'_>) -> Result<PolicyDecision, EngineError> {
        in_runtime()?;
        let deadline = Deadline::within(self.shared.timeout);
        let mut decision = self.endpoints.decide(input, deadline).await?;
        self.revision.note(&mut decision);
        Ok(decision)
    }
}

fn in_runtime() -> Result<(), EngineError> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(EngineError::new(
            FailClosed::InternalError,
            "the OPA client was used outside of a Tokio runtime",
        )),
    }
}
