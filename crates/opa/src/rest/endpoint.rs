use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use kitelogik_core::{EngineError, FailClosed, PolicyDecision};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::answer;
use super::breaker::{Admission, Breaker, BreakerState, Change, Epoch, Lease, Refusal};
use super::connection::{Answer, Connection, Failure};
use super::connector::Connector;
use super::deadline::Deadline;
use super::places::Places;
use super::pool::Pool;
use super::question;
use super::status::{BreakerChange, EndpointStatus, Observer};

/// One server: how it is reached, its connections, and whether it is asked at all.
pub(super) struct Endpoint {
    /// For logs.
    pub(super) url: String,
    pub(super) connector: Connector,
    pub(super) target: Uri,
    pub(super) headers: HeaderMap,
    pub(super) shared: Arc<Shared>,
    pub(super) pool: Pool,
    pub(super) places: Places,
    pub(super) breaker: Breaker,
}

/// What holds for all endpoints of a client.
pub(super) struct Shared {
    pub(super) entry_point: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) max_response_bytes: usize,
    pub(super) observer: Option<Observer>,
}

/// What a probe must bring for an endpoint to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// An answer, whatever it says: there is nobody else to ask.
    Answer,
    /// That its policy is there: as long as it is not, others are asked.
    Policy,
}

/// What became of a wish to ask.
pub(super) enum Admitted {
    /// Ask.
    Ask(Epoch),
    /// Send a probe first.
    Probe(Leased),
    /// Do not ask, for this reason.
    Refuse(EngineError),
}

/// How many times the time of a decision a probe has that decides whether a server is left alone.
pub(super) const PATIENCE: u32 = 4;

/// How a question may be put to an endpoint.
pub(super) struct Attempt<'a> {
    pub(super) question: &'a Bytes,
    pub(super) deadline: Deadline,
    /// How many endpoints are left to be asked if this one does not answer.
    pub(super) others: u32,
}

impl Endpoint {
    /// Whether a question may be sent.
    pub(super) fn admit(self: &Arc<Self>) -> Admitted {
        let (admission, change) = self.breaker.admit(Instant::now());
        self.tell(change);
        match admission {
            Admission::Ask(epoch) => Admitted::Ask(epoch),
            Admission::Probe(lease) => Admitted::Probe(Leased::new(self, lease)),
            Admission::Refuse(refusal) => Admitted::Refuse(not_asked(&refusal)),
        }
    }

    /// Sends a question that was admitted, and reads the decision.
    pub(super) async fn ask(
        self: &Arc<Self>,
        epoch: Epoch,
        attempt: Attempt<'_>,
    ) -> Result<PolicyDecision, Failure> {
        let asked = Asked {
            endpoint: self,
            epoch,
            settled: false,
        };
        let limit = attempt.deadline.left();
        let outcome = tokio::time::timeout(limit, self.exchange(&attempt))
            .await
            .unwrap_or_else(|_| Err(late(self.shared.timeout)))
            .and_then(|answer| self.read(&answer));
        asked.settle(outcome.as_ref().map(drop));
        outcome
    }

    /// Asks for the entry point with nothing of a caller's, over a connection of its own.
    pub(super) async fn prove(&self, limit: Duration) -> Result<PolicyDecision, Failure> {
        let ask = async {
            let question = question::of_nobody().map_err(Failure::ours)?;
            let connection = self.connector.connect().await?;
            self.send(connection, question).await
        };
        tokio::time::timeout(limit, ask)
            .await
            .unwrap_or_else(|_| Err(late(limit)))
            .and_then(|answer| self.read(&answer))
    }

    /// The endpoint answered a question that holds nothing of a caller's.
    pub(super) fn proven(&self) {
        self.tell(self.breaker.proven());
    }

    pub(super) fn status(&self) -> EndpointStatus {
        EndpointStatus {
            url: self.url.clone(),
            breaker: self.breaker.state(),
        }
    }

    /// Says of an error which server it is about.
    pub(super) fn named(&self, error: &EngineError) -> EngineError {
        EngineError::new(
            error.code(),
            format!("OPA at {}: {}", self.url, error.detail()),
        )
    }

    /// Over a kept connection or a new one; once more if nothing of an answer came.
    async fn exchange(&self, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        let kept = self.pool.take().await;
        // Where somebody else can be asked, a server that takes no connection is not tried twice.
        let again = kept.is_some() || attempt.others == 0;
        let question = attempt.question.clone();
        let first = match kept {
            Some(connection) => self.send(connection, question).await,
            None => self.send_anew(attempt).await,
        };
        match first {
            Err(failure) if failure.unanswered && again => {
                tracing::debug!(error = %failure.error, "asking OPA a second time");
                // Never over another idle connection: it may have died with the first.
                self.send_anew(attempt).await
            }
            other => other,
        }
    }

    async fn send_anew(&self, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        // A host that is gone does not refuse, it stays silent: that must leave time for others.
        let limit = attempt.deadline.left() / attempt.others.saturating_add(1);
        let connection = if attempt.others == 0 {
            self.connector.connect().await?
        } else {
            tokio::time::timeout(limit, self.connector.connect())
                .await
                .unwrap_or_else(|_| {
                    Err(Failure::unanswered(format!(
                        "no connection within {limit:.0?}"
                    )))
                })?
        };
        self.send(connection, attempt.question.clone()).await
    }

    async fn send(&self, mut connection: Connection, question: Bytes) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(question));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let answer = connection
            .exchange(request, self.shared.max_response_bytes)
            .await?;
        if connection.is_reusable() {
            self.pool.put(connection);
        }
        Ok(answer)
    }

    fn read(&self, answer: &Answer) -> Result<PolicyDecision, Failure> {
        answer::read(answer, &self.shared.entry_point).map_err(|error| Failure {
            unanswered: false,
            // OPA says 500 of a policy that fails, too: that is an answer.
            unavailable: answer.status.is_server_error()
                && error.code() == FailClosed::EngineProtocol,
            error,
        })
    }

    fn tell(&self, change: Option<Change>) {
        let Some(change) = change else { return };
        let change = BreakerChange {
            endpoint: self.url.clone(),
            from: change.from,
            to: change.to,
            reason: change.why.map(|why| why.to_string()),
        };
        change.log();
        if let Some(observer) = &self.shared.observer {
            observer.tell(&change);
        }
    }
}

impl Demand {
    fn is_met_despite(self, failure: &Failure) -> bool {
        match self {
            Self::Answer => !failure.unavailable,
            // They come from a policy that was asked; all others from somewhere before it.
            Self::Policy => matches!(
                failure.error.code(),
                FailClosed::EvaluationError
                    | FailClosed::LimitExceeded
                    | FailClosed::MalformedDecision
            ),
        }
    }
}

/// A question under way. Dropped without an answer it counts as unanswered: whoever asks may have
/// less patience than this client, and the breaker must hear of it nevertheless.
struct Asked<'a> {
    endpoint: &'a Arc<Endpoint>,
    epoch: Epoch,
    settled: bool,
}

impl Asked<'_> {
    fn settle(mut self, outcome: Result<(), &Failure>) {
        self.settled = !outcome.is_err_and(|failure| failure.unavailable);
        if self.settled {
            self.endpoint.breaker.answered(self.epoch);
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if let Some(lease) = self.endpoint.breaker.failed(self.epoch, Instant::now()) {
            // Nobody waits for it, so that a denial is not held up, and a server that is only slow,
            // because of what callers made it ponder, has the time to answer.
            let limit = self.endpoint.shared.timeout.saturating_mul(PATIENCE);
            drop(Leased::new(self.endpoint, lease).probe_within(limit, Demand::Answer));
        }
    }
}

/// The right to send a probe. Dropped without an outcome, as with its runtime, it makes room for
/// another.
pub(super) struct Leased {
    endpoint: Arc<Endpoint>,
    lease: Option<Lease>,
}

impl Leased {
    fn new(endpoint: &Arc<Endpoint>, lease: Lease) -> Self {
        Self {
            endpoint: Arc::clone(endpoint),
            lease: Some(lease),
        }
    }

    /// Sends a probe, and says whether the endpoint is asked from then on.
    ///
    /// It goes on when nobody waits for it. None outside of a runtime.
    pub(super) fn probe(self, demand: Demand) -> Option<JoinHandle<bool>> {
        let limit = self.endpoint.shared.timeout;
        self.probe_within(limit, demand)
    }

    fn probe_within(self, limit: Duration, demand: Demand) -> Option<JoinHandle<bool>> {
        let runtime = Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            let found = match self.endpoint.prove(limit).await {
                Ok(_) => Ok(()),
                Err(failure) if demand.is_met_despite(&failure) => Ok(()),
                Err(failure) => Err(Arc::from(failure.error.to_string())),
            };
            self.settle(found)
        }))
    }

    fn settle(mut self, found: Result<(), Arc<str>>) -> bool {
        if let Some(lease) = self.lease.take() {
            let breaker = &self.endpoint.breaker;
            let change = breaker.probed(lease, found, Instant::now(), chance());
            self.endpoint.tell(change);
        }
        self.endpoint.breaker.state() == BreakerState::Closed
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            let change = self.endpoint.breaker.abandoned(lease, Instant::now());
            self.endpoint.tell(change);
        }
    }
}

fn late(limit: Duration) -> Failure {
    Failure {
        error: EngineError::new(
            FailClosed::EngineTimeout,
            format!("no whole answer within {limit:?}"),
        ),
        unanswered: false,
        unavailable: true,
    }
}

fn not_asked(refusal: &Refusal) -> EngineError {
    let next = match refusal.wait {
        Some(wait) => format!("the next probe is due in {wait:.0?}"),
        None => "another is under way".to_owned(),
    };
    EngineError::new(
        FailClosed::EngineUnreachable,
        format!("not asked: the last probe met {}; {next}", refusal.why),
    )
}

/// A number that differs from client to client; nothing depends on how random it is.
fn chance() -> u16 {
    let [first, second, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    u16::from_ne_bytes([first, second])
}
