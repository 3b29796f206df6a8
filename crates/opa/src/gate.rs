mod builder;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audit::{Audit, AuditFailure};
use crate::fault::{Fault, bounded};
use crate::question::Question;
use crate::record::Record;
use crate::telemetry::{self, Watched, quietly, say};
use crate::{KillSwitch, Session};

pub use self::builder::PolicyGateBuilder;
use kitelogik_core::{
    Approval, ApprovalRequest, Approver, ApproverError, Arguments, BudgetUsage, EngineError,
    FailClosed, GovernanceEvent, Masking, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, Use, Verdict,
};

/// Asks a policy before anything happens, and lets nothing through that is not clearly allowed.
///
/// A gate has one [`PolicyEngine`], and, if it is told so, an [`Approver`] for the calls that a
/// person decides and an [`AuditSink`](kitelogik_core::AuditSink) that keeps every decision. It is built once and cloned
/// cheaply; a [`Session`] is what calls run in.
///
/// Whatever goes wrong inside - an engine that fails, hangs or panics, an approver that cannot be
/// asked, a record that cannot be written - is a [`Verdict::Deny`] with a [`FailClosed`] code.
///
/// Time limits need a Tokio runtime with its timer enabled, as `#[tokio::main]` has it. Without
/// one, every decision is a denial with [`FailClosed::InternalError`].
#[derive(Clone)]
pub struct PolicyGate {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Box<dyn PolicyEngine>,
    decision_timeout: Duration,
    approver: Option<Arc<dyn Approver>>,
    approval_timeout: Duration,
    audit: Option<Audit>,
    kill_switch: KillSwitch,
    traced_arguments: Option<Masking>,
    /// What of an event does not show in the log where a fault names it.
    logged: Masking,
}

impl std::fmt::Debug for PolicyGate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PolicyGate")
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

impl PolicyGate {
    /// A gate that asks `engine`, without approver or audit.
    ///
    /// A call that a person must approve then does not run.
    pub fn new(engine: impl PolicyEngine + 'static) -> Self {
        Self::builder(engine).build()
    }

    /// A gate that asks `engine`, with more to say about it.
    pub fn builder(engine: impl PolicyEngine + 'static) -> PolicyGateBuilder {
        PolicyGateBuilder::new(Box::new(engine))
    }

    /// What calls of one agent session run in.
    pub fn session(&self, context: SessionContext) -> Session {
        Session::new(self.clone(), context)
    }

    /// Judges `event` for `context`, and records the decision. Nothing runs, nobody is asked for
    /// approval, and no budget is counted: the figures are those of `context`.
    pub async fn evaluate(
        &self,
        event: &GovernanceEvent,
        context: &SessionContext,
    ) -> Arc<PolicyDecision> {
        let question = Question::event(event, context);
        let watched = self.decision_span(&question);
        let deciding = async {
            let limit = self.shared.decision_timeout;
            let decision = self.judge(event, context, context.into(), limit).await;
            self.record(&question, event, decision).await
        };
        let decided = watched.over(deciding).await;
        self.told(&question, &watched, decided).await.0
    }

    /// The switch that stops everything, one session or one tool at once, whatever policies and
    /// approvals say.
    pub fn kill_switch(&self) -> &KillSwitch {
        &self.shared.kill_switch
    }

    /// The revision (digest) of the policy in force, where the engine knows it.
    pub fn revision(&self) -> Option<Arc<str>> {
        self.shared.engine.revision()
    }

    /// Whether the engine can decide at this moment.
    ///
    /// # Errors
    ///
    /// What a decision made at this moment would fail with.
    pub async fn health(&self) -> Result<(), EngineError> {
        let health = async { self.shared.engine.health().await };
        bounded(health, self.shared.decision_timeout)
            .await
            .unwrap_or_else(|fault| Err(fault.of_engine()))
    }

    /// How long the engine may take for one call, however many resources it has.
    pub(crate) fn decision_timeout(&self) -> Duration {
        self.shared.decision_timeout
    }

    /// The span of deciding `question`.
    pub(crate) fn decision_span(&self, question: &Question<'_>) -> Watched {
        let watched = telemetry::decision(question);
        if let Some(masking) = &self.shared.traced_arguments {
            telemetry::arguments(&watched, question, masking);
        }
        watched
    }

    /// Tells who listens what was decided. Where one of them panicked over it, nothing is allowed; what was recorded before
    /// then never runs.
    pub(crate) async fn told(
        &self,
        question: &Question<'_>,
        watched: &Watched,
        decided: (Arc<PolicyDecision>, Record),
    ) -> (Arc<PolicyDecision>, Record) {
        telemetry::decided(watched, &decided.0);
        match watched.fault() {
            Some(error) if !decided.0.denied() => {
                drop(decided);
                let event = question.asked_event();
                let denial = self.fail_closed(&event, &error);
                self.record(question, &event, denial).await
            }
            _ => decided,
        }
    }

    /// Asks the engine, for at most `limit`, unless calls like this one are stopped.
    pub(crate) async fn judge(
        &self,
        event: &GovernanceEvent,
        context: &SessionContext,
        usage: BudgetUsage,
        limit: Duration,
    ) -> PolicyDecision {
        if let Some(stopped) = self.shared.kill_switch.denial(event, context) {
            return stopped;
        }
        let (watched, begun) = (telemetry::engine(), Instant::now());
        let input = PolicyInput::new(event, context, usage);
        let ask = async { self.shared.engine.decide(&input).await };
        let answer = watched
            .over(bounded(ask, limit))
            .await
            .unwrap_or_else(|fault| Err(fault.of_engine()));
        let decision = match answer {
            Ok(mut decision) => {
                // What an engine says of an approval is not an approval, and a fault is no allow.
                decision.approval = None;
                if decision.fail_closed.is_some() {
                    decision.verdict = Verdict::Deny;
                }
                decision
            }
            Err(error) => self.fail_closed(event, &error),
        };
        telemetry::answered(&watched, &decision, begun.elapsed());
        match watched.fault() {
            Some(error) if !decision.denied() => self.fail_closed(event, &error),
            _ => decision,
        }
    }

    /// Puts a call that a person must approve to the approver, if there is one.
    ///
    /// Who approved is in the decision's `approval`; the grant is not used up yet.
    pub(crate) async fn review(
        &self,
        request: &ApprovalRequest<'_>,
        mut decision: PolicyDecision,
    ) -> PolicyDecision {
        let Some(approver) = &self.shared.approver else {
            return decision;
        };
        let ask = async { approver.approve(request).await };
        match self.of_approver(ask).await {
            Err(failure) if failure.public_reason().is_some() => {
                decision.reason = failure.to_string();
                decision
            }
            Err(failure) => self.not_approved(
                request.event,
                failure,
                "the approval could not be asked for",
            ),
            Ok(approval) => {
                match &approval {
                    Approval::Denied { .. } => {
                        decision.verdict = Verdict::Deny;
                        "a reviewer denied this call".clone_into(&mut decision.reason);
                    }
                    Approval::Edited { arguments, .. } => {
                        decision.verdict = Verdict::Refuse;
                        decision.reason = format!(
                            "a reviewer asks for other arguments: {}",
                            Arguments::from(arguments.clone()).text()
                        );
                    }
                    Approval::Granted { .. }
                    | Approval::Pending { .. }
                    | Approval::Expired { .. } => {}
                }
                decision.approval = Some(approval);
                decision
            }
        }
    }

    /// Takes the grant for this call.
    ///
    /// # Errors
    ///
    /// The denial that follows from not knowing whether it was taken.
    pub(crate) async fn use_up(
        &self,
        request: &ApprovalRequest<'_>,
        granted: &str,
    ) -> Result<Use, PolicyDecision> {
        let Some(approver) = &self.shared.approver else {
            return Ok(Use::Gone);
        };
        let take = async { approver.use_up(request, granted).await };
        self.of_approver(take).await.map_err(|failure| {
            self.not_approved(request.event, failure, "the approval could not be used")
        })
    }

    async fn of_approver<T>(
        &self,
        work: impl Future<Output = Result<T, ApproverError>>,
    ) -> Result<T, ApproverError> {
        bounded(work, self.shared.approval_timeout)
            .await
            .unwrap_or_else(|fault| {
                Err(ApproverError::new(match fault {
                    Fault::Elapsed => "no answer within the approval timeout".to_owned(),
                    Fault::Panicked(message) => format!("panicked: {message}"),
                }))
            })
    }

    /// Records the decision; what cannot be recorded is denied where the gate requires it.
    pub(crate) async fn record(
        &self,
        question: &Question<'_>,
        event: &GovernanceEvent,
        decision: PolicyDecision,
    ) -> (Arc<PolicyDecision>, Record) {
        let Some(audit) = &self.shared.audit else {
            return (Arc::new(decision), Record::none());
        };
        audit.note_policy(&*self.shared.engine);
        let record = question.record(event, &decision);
        let write = async { audit.sink.record_decision(&record).await };
        let failure = match bounded(write, audit.timeout).await {
            Ok(Ok(id)) => return (Arc::new(decision), Record::new(audit.sink.clone(), id)),
            Ok(Err(error)) => error.to_string(),
            Err(Fault::Elapsed) => "not written in time".to_owned(),
            Err(Fault::Panicked(message)) => format!("panicked: {message}"),
        };
        let decision = match audit.on_failure {
            AuditFailure::Deny => {
                let error = EngineError::new(FailClosed::AuditUnavailable, failure);
                self.fail_closed(event, &error)
            }
            AuditFailure::Continue => {
                let failure = self.shared.logged.told("detail", &failure, event);
                let said = quietly(|| {
                    tracing::error!(
                        decision_id = decision.decision_id,
                        failure,
                        "decision not recorded"
                    );
                });
                match said {
                    Ok(()) => decision,
                    // Then the loss would show nowhere.
                    Err(message) => {
                        let detail = format!("the loss of a record could not be logged: {message}");
                        let error = EngineError::new(FailClosed::AuditUnavailable, detail);
                        self.fail_closed(event, &error)
                    }
                }
            }
        };
        (Arc::new(decision), Record::none())
    }

    fn not_approved(
        &self,
        event: &GovernanceEvent,
        failure: ApproverError,
        reason: &str,
    ) -> PolicyDecision {
        let error = EngineError::new(FailClosed::InternalError, format!("approver: {failure}"));
        let mut denial = self.fail_closed(event, &error);
        reason.clone_into(&mut denial.reason);
        denial
    }

    /// The log tells no more of the event than spans do: its reader is not the caller.
    fn fail_closed(&self, event: &GovernanceEvent, error: &EngineError) -> PolicyDecision {
        let decision = PolicyDecision::fail_closed(error);
        say(|| {
            tracing::warn!(
                subject = event.subject(),
                decision_id = decision.decision_id,
                code = error.code().as_str(),
                detail = self.shared.logged.told("detail", error.detail(), event),
                "denied: the policy could not be checked",
            );
        });
        decision
    }
}
