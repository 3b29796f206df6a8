//! Spans and metrics of decisions and bodies.
//!
//! Spans go to `tracing`; their attributes are named as OpenTelemetry's semantic conventions for
//! generative AI name them (`execute_tool` spans), and `kitelogik.*` where those have no name.
//! Metrics go to the `metrics` facade with the feature `metrics`, else nowhere. Who listens to either is not this crate's code:
//! what panics there is caught here.

#[cfg(feature = "metrics")]
mod meter;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/no_meter.rs"]
mod meter;
mod watched;

use std::time::Duration;

use kitelogik_core::{
    Arguments, FailClosed, GovernanceEvent, Masking, Outcome, PolicyDecision, Verdict,
};
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::question::{Asked, Question};

pub use self::watched::Watched;
pub(crate) use self::watched::{quietly, say};

/// The span of a whole tool call: from the gate's question to the body's end.
pub(crate) fn call(tool: &str, session_id: &str) -> Span {
    let open = || {
        info_span!(
            "execute_tool",
            otel.name = format_args!("execute_tool {tool}"),
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = tool,
            gen_ai.tool.r#type = "function",
            gen_ai.conversation.id = session_id,
            error.r#type = Empty,
        )
    };
    quietly(open).unwrap_or_else(|_| Span::none())
}

/// The span of deciding one question, waiting for a person and recording included.
pub(crate) fn decision(question: &Question<'_>) -> Watched {
    let (action, tool, event_type) = match question.asked {
        Asked::Call(request) => (
            request.action.as_str(),
            Some(request.tool.as_str()),
            "tool_call",
        ),
        Asked::Event(GovernanceEvent::ToolCall(call)) => (
            call.action.as_str(),
            Some(call.tool_name.as_str()),
            "tool_call",
        ),
        Asked::Event(event) => (event.action(), None, event.event_type()),
    };
    Watched::open(|| {
        info_span!(
            "kitelogik.decide",
            gen_ai.tool.name = tool,
            gen_ai.conversation.id = question.session_id(),
            gen_ai.tool.call.arguments = Empty,
            kitelogik.event_type = event_type,
            kitelogik.action = action,
            kitelogik.decision.id = Empty,
            kitelogik.verdict = Empty,
            kitelogik.risk_tier = Empty,
            kitelogik.rule = Empty,
            kitelogik.policy.revision = Empty,
            kitelogik.approval.id = Empty,
            error.r#type = Empty,
        )
    })
}

/// Adds the arguments, masked, to the span of a decision.
pub(crate) fn arguments(watched: &Watched, question: &Question<'_>, masking: &Masking) {
    watched.tell(|span| {
        if let GovernanceEvent::ToolCall(call) = masking.event(&question.asked_event()) {
            span.record("gen_ai.tool.call.arguments", Arguments::text(&call.args));
        }
    });
}

/// What was decided in the end.
pub(crate) fn decided(watched: &Watched, decision: &PolicyDecision) {
    let code = decision.fail_closed.map(FailClosed::as_str);
    watched.tell(|span| {
        span.record("kitelogik.decision.id", &decision.decision_id);
        span.record("kitelogik.verdict", decision.verdict.as_str());
        span.record("kitelogik.risk_tier", decision.risk_tier.as_str());
        span.record("kitelogik.rule", decision.rule_matched.as_deref());
        span.record("kitelogik.policy.revision", decision.revision.as_deref());
        let approval = decision.approval.as_ref();
        span.record(
            "kitelogik.approval.id",
            approval.map(kitelogik_core::Approval::request),
        );
        span.record("error.type", code);
    });
    watched.watch(|| meter::decided(decision.verdict, code));
}

/// The span of one question to the engine.
pub(crate) fn engine() -> Watched {
    Watched::open(|| {
        info_span!(
            "kitelogik.engine",
            kitelogik.engine = Empty,
            kitelogik.verdict = Empty,
            error.r#type = Empty,
        )
    })
}

/// What the engine answered.
pub(crate) fn answered(watched: &Watched, decision: &PolicyDecision, took: Duration) {
    let code = decision.fail_closed.map(FailClosed::as_str);
    let engine = decision.engine.as_deref();
    watched.tell(|span| {
        span.record("kitelogik.engine", engine);
        span.record("kitelogik.verdict", decision.verdict.as_str());
        span.record("error.type", code);
    });
    watched.watch(|| meter::answered(engine, decision.verdict, took));
}

/// The span of a body.
pub(crate) fn body(decision: &PolicyDecision) -> Watched {
    Watched::open(|| {
        info_span!(
            "kitelogik.body",
            kitelogik.decision.id = decision.decision_id,
            kitelogik.outcome = Empty,
            error.r#type = Empty,
        )
    })
}

/// How a body ended.
pub(crate) fn ended(watched: &Watched, outcome: Outcome) {
    watched.tell(|span| {
        span.record("kitelogik.outcome", outcome.as_str());
        if !matches!(outcome, Outcome::Ran) {
            span.record("error.type", outcome.as_str());
        }
    });
    watched.watch(|| meter::ended(outcome));
}

/// A verdict of the shadow policy that differs.
pub(crate) fn flipped(old: Verdict, new: Verdict) {
    say(|| meter::flipped(old, new));
}

/// How many stops of the kill switch are in force.
pub(crate) fn stops(count: usize) {
    say(|| meter::stops(count));
}

/// What came of a look at a policy's source.
#[cfg(feature = "reload")]
pub(crate) fn reload(event: &'static str) {
    say(|| meter::reload(event));
}

/// The state of the breaker of an OPA endpoint.
#[cfg(feature = "rest")]
pub(crate) fn breaker(endpoint: &str, state: crate::BreakerState) {
    say(|| meter::breaker(endpoint, state));
}
