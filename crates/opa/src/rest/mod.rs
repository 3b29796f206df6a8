mod address;
mod answer;
mod builder;
mod connection;
mod connector;
mod entry_point;
mod error;
mod pool;
mod tls;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use kitelogik_core::{
    BoxFuture, BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine,
    PolicyInput, SessionContext, ToolCallInput,
};
use serde::Serialize;

pub use self::builder::OpaClientBuilder;
pub use self::error::OpaConfigError;

use self::connection::{Answer, Connection, Failure};
use self::connector::Connector;
use self::pool::Pool;

/// Asks an OPA server over its REST API.
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
/// | time for one decision, connection and retry included | 500 ms |
/// | largest answer | 1 MiB |
/// | connections kept open while unused | up to 64, for 30 s |
/// | redirects, cookies, proxy from the environment | none |
/// | TLS | 1.2 and 1.3, with the CA certificates of the system |
///
/// # What is asked
///
/// `POST <base URL>/v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true`, over
/// HTTP/1.1. Strict, because OPA otherwise lets a rule whose built-in fails silently not fire: a
/// `deny` would be lost. With the provenance the decision carries its bundle's revision, and where
/// OPA logs decisions, [`decision_id`](PolicyDecision::decision_id) is the id in that log.
///
/// A question is sent a second time only if the connection could not be made, or broke before the
/// first byte of an answer, as a connection does that the server closed while it was idle. Both
/// attempts share the time of one decision. To drop the future is to drop the question: the
/// connection is closed, and OPA stops evaluating.
///
/// # How it fails
///
/// | what happened | code |
/// |---|---|
/// | refused, no such host, TLS failure, connection lost, also in the middle of an answer | [`EngineUnreachable`](FailClosed::EngineUnreachable) |
/// | no whole answer in time | [`EngineTimeout`](FailClosed::EngineTimeout) |
/// | a status other than 200, a redirect, a body that is not OPA's or has duplicate keys | [`EngineProtocol`](FailClosed::EngineProtocol) |
/// | the entry point is undefined | [`UndefinedDecision`](FailClosed::UndefinedDecision) |
/// | a result document of the wrong shape | [`MalformedDecision`](FailClosed::MalformedDecision) |
/// | a built-in error, two rules that conflict | [`EvaluationError`](FailClosed::EvaluationError) |
/// | an answer over the size limit, an evaluation that OPA cancelled | [`LimitExceeded`](FailClosed::LimitExceeded) |
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

    fn assemble(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                pool: Pool::default(),
                revision: Mutex::new(None),
            }),
        }
    }
}

impl Default for OpaClient {
    /// A client of `http://localhost:8181`, with every setting at its default.
    fn default() -> Self {
        Self::assemble(builder::default_parts())
    }
}

impl fmt::Debug for OpaClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &self.inner.parts;
        formatter
            .debug_struct("OpaClient")
            .field("base_url", &parts.base_url)
            .field("target", &parts.target)
            .field("entry_point", &parts.entry_point)
            .field("timeout", &parts.timeout)
            .field("max_response_bytes", &parts.max_response_bytes)
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
        self.inner.last_revision().clone()
    }

    /// Asks the entry point about a call without a name, session or arguments, and drops the
    /// verdict: OPA's own `/health` answers 200 without any policy.
    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async {
            let event = GovernanceEvent::ToolCall(ToolCallInput::default());
            let context = SessionContext::default();
            let input = PolicyInput::new(&event, &context, BudgetUsage::default());
            self.inner.decide(&input).await.map(drop)
        })
    }
}

/// What the builder has checked and put together.
struct Parts {
    /// For logs.
    base_url: String,
    connector: Connector,
    target: Uri,
    headers: HeaderMap,
    entry_point: Arc<str>,
    timeout: Duration,
    max_response_bytes: usize,
}

struct Inner {
    parts: Parts,
    pool: Pool,
    revision: Mutex<Option<Arc<str>>>,
}

#[derive(Serialize)]
struct Question<'a> {
    input: &'a PolicyInput<'a>,
}

impl Inner {
    async fn decide(&self, input: &PolicyInput<'_>) -> Result<PolicyDecision, EngineError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(EngineError::new(
                FailClosed::InternalError,
                "the OPA client was used outside of a Tokio runtime",
            ));
        }
        let question = serde_json::to_vec(&Question { input }).map_err(|error| {
            EngineError::new(
                FailClosed::MalformedInput,
                format!("the input document cannot be written as JSON: {error}"),
            )
        })?;
        let limit = self.parts.timeout;
        let answer = tokio::time::timeout(limit, self.ask(Bytes::from(question)))
            .await
            .unwrap_or_else(|_| {
                Err(EngineError::new(
                    FailClosed::EngineTimeout,
                    format!("no whole answer within {limit:?}"),
                ))
            })
            .and_then(|answer| answer::read(&answer, &self.parts.entry_point));
        match answer {
            Ok(mut decision) => {
                self.note_revision(&mut decision);
                Ok(decision)
            }
            Err(error) => Err(EngineError::new(
                error.code(),
                format!("OPA at {}: {}", self.parts.base_url, error.detail()),
            )),
        }
    }

    /// Sends the question, and once more if nothing of an answer came.
    async fn ask(&self, question: Bytes) -> Result<Answer, EngineError> {
        let first = match self.pool.take().await {
            Some(connection) => self.exchange(connection, question.clone()).await,
            None => self.ask_anew(question.clone()).await,
        };
        let answer = match first {
            Err(failure) if failure.unanswered => {
                tracing::debug!(error = %failure.error, "asking OPA a second time");
                // Never over another idle connection: it may have died with the first.
                self.ask_anew(question).await
            }
            other => other,
        };
        answer.map_err(|failure| failure.error)
    }

    async fn ask_anew(&self, question: Bytes) -> Result<Answer, Failure> {
        let connection = self.parts.connector.connect().await?;
        self.exchange(connection, question).await
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        question: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(question));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.parts.target.clone();
        *request.headers_mut() = self.parts.headers.clone();
        let answer = connection
            .exchange(request, self.parts.max_response_bytes)
            .await?;
        if connection.is_reusable() {
            self.pool.put(connection);
        }
        Ok(answer)
    }

    /// Keeps the revision, as one and the same text for as long as it stays.
    fn note_revision(&self, decision: &mut PolicyDecision) {
        let mut last = self.last_revision();
        if *last == decision.revision {
            decision.revision.clone_from(&last);
        } else {
            last.clone_from(&decision.revision);
        }
    }

    fn last_revision(&self) -> std::sync::MutexGuard<'_, Option<Arc<str>>> {
        // It is replaced whole: nothing half-written can be seen.
        self.revision.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
