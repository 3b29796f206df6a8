use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, FailClosed, GovernanceEvent, Masking, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext,
};
use tokio::runtime::Runtime;

use super::{Flip, OnFlip, Shared, Side};
use crate::fault::bounded;
use crate::telemetry;

/// A question that waits for the candidate.
pub(super) struct Question {
    event: GovernanceEvent,
    context: SessionContext,
    usage: BudgetUsage,
    old: Side,
    pub(super) bytes: usize,
}

impl Question {
    pub(super) fn new(input: &PolicyInput<'_>, decision: &PolicyDecision) -> Self {
        Self {
            event: input.event().clone(),
            context: input.context().clone(),
            usage: input.usage(),
            old: Side::of(decision, &Masking::none()),
            bytes: size(input, &decision.reason),
        }
    }
}

/// About how much a question takes: the texts in it that may be long, and 1 KiB for everything else.
fn size(input: &PolicyInput<'_>, reason: &str) -> usize {
    let all = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let asked = match input.event() {
        GovernanceEvent::ToolCall(call) => {
            let resource = call.resource_path.as_deref().unwrap_or_default();
            call.args.text().len().saturating_add(resource.len())
        }
        GovernanceEvent::AgentPlan(plan) => {
            serde_json::to_string(&plan.steps).map_or(0, |steps| steps.len())
        }
        GovernanceEvent::AgentSpawn(spawn) => all(&spawn.requested_capabilities),
        GovernanceEvent::AgentDelegate(delegate) => {
            let target = delegate.delegation_target.as_deref().unwrap_or_default();
            all(&delegate.requested_capabilities).saturating_add(target.len())
        }
        GovernanceEvent::AgentBudget(_) => 0,
    };
    [asked, all(&input.context().session_scopes), reason.len()]
        .into_iter()
        .fold(1024, usize::saturating_add)
}

impl Side {
    fn of(decision: &PolicyDecision, masking: &Masking) -> Self {
        Self {
            verdict: decision.verdict,
            reason: masking.text("reason", &decision.reason).into_owned(),
            rule_matched: decision.rule_matched.clone(),
            decision_id: decision.decision_id.clone(),
            revision: decision.revision.clone(),
        }
    }
}

/// What works on the candidate's thread.
pub(super) struct Worker {
    pub(super) runtime: Runtime,
    pub(super) candidate: Box<dyn PolicyEngine>,
    pub(super) shared: Arc<Shared>,
    pub(super) max_flips: usize,
    pub(super) masking: Masking,
    pub(super) on_flip: Option<OnFlip>,
}

/// How long the candidate may take for one question.
const LIMIT: Duration = Duration::from_secs(5);

impl Worker {
    pub(super) fn work(self, questions: &Receiver<Question>) {
        for question in questions {
            let bytes = question.bytes;
            self.compare(question);
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::SeqCst);
        }
    }

    fn compare(&self, question: Question) {
        let input = PolicyInput::new(&question.event, &question.context, question.usage);
        let ask = async { self.candidate.decide(&input).await };
        let answer = self
            .runtime
            .block_on(bounded(ask, LIMIT))
            .unwrap_or_else(|fault| Err(fault.of_engine()));
        let failed = match &answer {
            Ok(decision) => decision.fail_closed,
            Err(error) => Some(error.code()),
        };
        if let Some(code) = failed {
            count(&mut self.shared.observed().counts.candidate_failed, code);
            return;
        }
        let Ok(decision) = answer else { return };
        let (old, new) = (question.old.verdict, decision.verdict);
        let flip = (old != new).then(|| {
            let bytes = question.bytes.saturating_add(decision.reason.len());
            (Arc::new(self.flip(question, &decision)), bytes)
        });
        let mut observed = self.shared.observed();
        let counts = &mut observed.counts;
        counts.compared = counts.compared.saturating_add(1);
        let Some((flip, bytes)) = flip else { return };
        counts.flips = counts.flips.saturating_add(1);
        observed.keep(Arc::clone(&flip), bytes, self.max_flips);
        drop(observed);
        telemetry::flipped(old, new);
        self.tell(&flip);
    }

    fn flip(&self, question: Question, decision: &PolicyDecision) -> Flip {
        let mut old = question.old;
        old.reason = self.masking.text("reason", &old.reason).into_owned();
        Flip {
            event: self.masking.event(&question.event),
            session_id: question.context.session_id,
            old,
            new: Side::of(decision, &self.masking),
        }
    }

    fn tell(&self, flip: &Flip) {
        let said = || {
            tracing::info!(
                action = flip.event.action(),
                session_id = flip.session_id,
                decision_id = flip.old.decision_id,
                old = %flip.old.verdict,
                new = %flip.new.verdict,
                rule = flip.new.rule_matched,
                "the shadow policy would decide otherwise"
            )
        };
        telemetry::say(said);
        if let Some(on_flip) = &self.on_flip {
            // The host's code: its panic must not end the comparison.
            let tell = std::panic::AssertUnwindSafe(|| on_flip(flip));
            if std::panic::catch_unwind(tell).is_err() {
                telemetry::say(|| tracing::error!("the listener for flips panicked"));
            }
        }
    }
}

pub(super) fn count(codes: &mut BTreeMap<&'static str, u64>, code: FailClosed) {
    let times = codes.entry(code.as_str()).or_default();
    *times = times.saturating_add(1);
}
