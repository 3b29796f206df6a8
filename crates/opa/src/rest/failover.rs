use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kitelogik_core::{EngineError, FailClosed, PolicyDecision, PolicyInput};
use tokio::task::JoinHandle;

use super::breaker::{BreakerState, Epoch};
use super::deadline::Deadline;
use super::endpoint::{Admitted, Attempt, Demand, Endpoint, Leased};
use super::places::Place;
use super::question;

/// The servers of a client, the preferred one first.
pub(super) struct Endpoints(pub(super) Vec<Arc<Endpoint>>);

impl Endpoints {
    /// Asks the first endpoint that answers, within `deadline`.
    pub(super) async fn decide(
        &self,
        input: &PolicyInput<'_>,
        deadline: Deadline,
    ) -> Result<PolicyDecision, EngineError> {
        let mut search = Search {
            input,
            deadline,
            question: None,
            unanswered: Vec::new(),
        };
        let mut probes = Vec::new();
        let mut others = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        for endpoint in &self.0 {
            others = others.saturating_sub(1);
            match search.ask(endpoint, others).await {
                Ok(decision) => return Ok(decision),
                Err(Turn::Denied(error)) => return Err(error),
                Err(Turn::Next) => {}
                Err(Turn::Probe(leased)) => {
                    let probe = leased.probe(self.demand());
                    probes.extend(probe.map(|probe| (endpoint, probe)));
                }
            }
        }
        search.after(probes).await
    }

    /// What a decision would meet: asks the endpoint that decisions are asked of for the entry
    /// point, and where it takes no question, the next.
    pub(super) async fn health(&self) -> Result<PolicyDecision, EngineError> {
        let (asked, left_alone): (Vec<_>, Vec<_>) = self
            .0
            .iter()
            .partition(|endpoint| endpoint.breaker.state() == BreakerState::Closed);
        let count = asked.len();
        let mut unanswered = Vec::new();
        for (index, endpoint) in asked.into_iter().chain(left_alone).enumerate() {
            match endpoint.prove(endpoint.shared.timeout).await {
                Ok(decision) => {
                    endpoint.proven();
                    return Ok(decision);
                }
                Err(failure) if failure.unanswered || (failure.unavailable && index >= count) => {
                    unanswered.push(endpoint.named(&failure.error));
                }
                Err(failure) => return Err(endpoint.named(&failure.error)),
            }
        }
        Err(joined(unanswered))
    }

    /// As long as one endpoint is asked, another comes back only with its policy.
    fn demand(&self) -> Demand {
        let asked = |endpoint: &Arc<Endpoint>| endpoint.breaker.state() == BreakerState::Closed;
        match self.0.iter().any(asked) {
            true => Demand::Policy,
            false => Demand::Answer,
        }
    }
}

/// One decision on its way from endpoint to endpoint.
struct Search<'a> {
    input: &'a PolicyInput<'a>,
    deadline: Deadline,
    /// Written when somebody is to read it.
    question: Option<Bytes>,
    /// What each endpoint met that gave no answer.
    unanswered: Vec<EngineError>,
}

/// Why an endpoint has not decided.
enum Turn {
    /// That is final.
    Denied(EngineError),
    /// No answer began: another endpoint may be asked.
    Next,
    /// A probe has to be sent before it is asked.
    Probe(Leased),
}

impl Search<'_> {
    /// Puts the question to `endpoint`; `others` may be asked after it.
    async fn ask(&mut self, endpoint: &Arc<Endpoint>, others: u32) -> Result<PolicyDecision, Turn> {
        let (epoch, _place) = self.enter(endpoint).await?;
        let question = match &self.question {
            Some(question) => question,
            None => {
                let question = question::of(self.input).map_err(Turn::Denied)?;
                self.question.insert(question)
            }
        };
        let attempt = Attempt {
            question,
            deadline: self.deadline,
            others,
        };
        endpoint.ask(epoch, attempt).await.map_err(|failure| {
            let error = endpoint.named(&failure.error);
            if !failure.unanswered {
                return Turn::Denied(error);
            }
            self.unanswered.push(error);
            Turn::Next
        })
    }

    /// Waits for a place at `endpoint` if it is asked at all.
    async fn enter<'e>(&mut self, endpoint: &'e Arc<Endpoint>) -> Result<(Epoch, Place<'e>), Turn> {
        let epoch = self.admitted(endpoint)?;
        match endpoint.places.take(self.deadline.left()).await {
            // It may have been found dead in the meantime.
            Ok(place) if place.waited => Ok((self.admitted(endpoint)?, place)),
            Ok(place) => Ok((epoch, place)),
            Err(full) => Err(Turn::Denied(endpoint.named(&full))),
        }
    }

    fn admitted(&mut self, endpoint: &Arc<Endpoint>) -> Result<Epoch, Turn> {
        match endpoint.admit() {
            Admitted::Ask(epoch) => Ok(epoch),
            Admitted::Probe(leased) => Err(Turn::Probe(leased)),
            Admitted::Refuse(error) => {
                self.unanswered.push(endpoint.named(&error));
                Err(Turn::Next)
            }
        }
    }

    /// Nobody answered. Where this call has sent probes, it is asked who they show to be back.
    async fn after(
        mut self,
        probes: Vec<(&Arc<Endpoint>, JoinHandle<bool>)>,
    ) -> Result<PolicyDecision, EngineError> {
        let mut probes: FuturesUnordered<_> = probes
            .into_iter()
            .map(|(endpoint, probe)| async move { (endpoint, probe.await.unwrap_or(false)) })
            .collect();
        let limit = self.deadline;
        while let Ok(Some((endpoint, back))) =
            tokio::time::timeout(limit.left(), probes.next()).await
        {
            if !back {
                let error = EngineError::new(
                    FailClosed::EngineUnreachable,
                    "not asked: a probe found that it does not answer",
                );
                self.unanswered.push(endpoint.named(&error));
                continue;
            }
            match self.ask(endpoint, 0).await {
                Ok(decision) => return Ok(decision),
                Err(Turn::Denied(error)) => return Err(error),
                Err(Turn::Next | Turn::Probe(_)) => {}
            }
        }
        Err(joined(self.unanswered))
    }
}

/// Why nobody answered: what each endpoint met, on one line.
fn joined(unanswered: Vec<EngineError>) -> EngineError {
    let details: Vec<&str> = unanswered.iter().map(EngineError::detail).collect();
    let detail = match details.as_slice() {
        [] => "OPA was not asked: a probe has found nothing out in time".to_owned(),
        details => details.join("; "),
    };
    EngineError::new(FailClosed::EngineUnreachable, detail)
}
