//! Spans and metrics of decisions and bodies.
//!
//! Spans go to `tracing`; their attributes are named as OpenTelemetry's semantic conventions for
//! generative AI name them (`execute_tool` spans), and `kitelogik.*` where those have no name.
//! Metrics go to the `metrics` facade with the feature `metrics`, else nowhere.

use std::time::Duration;

use kitelogik_core::{
    Arguments, FailClosed, GovernanceEvent, Masking, Outcome, PolicyDecision, Verdict,
};
use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::question::{Asked, Question};

/// The span of a whole tool call: from the gate's question to the body's end.
pub(crate) fn call(tool: &str, session_id: &str) -> Span {
    info_span!(
        "execute_tool",
        otel.name = format_args!("execute_tool {tool}"),
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool,
        gen_ai.tool.r#type = "function",
        gen_ai.conversation.id = session_id,
        error.r#type = Empty,
    )
}

/// The span of deciding one question, waiting for a person and recording included.
pub(crate) fn decision(question: &Question<'_>) -> Span {
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
}

/// Adds the arguments, masked, to the span of a decision.
pub(crate) fn arguments(span: &Span, question: &Question<'_>, masking: &Masking) {
    if span.is_disabled() {
        return;
    }
    let event = match question.asked {
        Asked::Call(request) => masking.event(&request.event(None)),
        Asked::Event(event) => masking.event(event),
    };
    if let GovernanceEvent::ToolCall(call) = event {
        span.record("gen_ai.tool.call.arguments", Arguments::text(&call.args));
    }
}

/// What was decided in the end.
pub(crate) fn decided(span: &Span, decision: &PolicyDecision) {
    let code = decision.fail_closed.map(FailClosed::as_str);
    if !span.is_disabled() {
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
    }
    meter::decided(decision.verdict, code);
}

/// The span of one question to the engine.
pub(crate) fn engine() -> Span {
    info_span!(
        "kitelogik.engine",
        kitelogik.engine = Empty,
        kitelogik.verdict = Empty,
        error.r#type = Empty,
    )
}

/// What the engine answered.
pub(crate) fn answered(span: &Span, decision: &PolicyDecision, took: Duration) {
    let code = decision.fail_closed.map(FailClosed::as_str);
    let engine = decision.engine.as_deref();
    if !span.is_disabled() {
        span.record("kitelogik.engine", engine);
        span.record("kitelogik.verdict", decision.verdict.as_str());
        span.record("error.type", code);
    }
    meter::answered(engine, decision.verdict, took);
}

/// The span of a body.
pub(crate) fn body(decision: &PolicyDecision) -> Span {
    info_span!(
        "kitelogik.body",
        kitelogik.decision.id = decision.decision_id,
        kitelogik.outcome = Empty,
        error.r#type = Empty,
    )
}

/// How a body ended.
pub(crate) fn ended(span: &Span, outcome: Outcome) {
    span.record("kitelogik.outcome", outcome.as_str());
    if !matches!(outcome, Outcome::Ran) {
        span.record("error.type", outcome.as_str());
    }
    meter::ended(outcome);
}

/// A verdict of the shadow policy that differs.
pub(crate) fn flipped(old: Verdict, new: Verdict) {
    meter::flipped(old, new);
}

/// How many stops of the kill switch are in force.
pub(crate) fn stops(count: usize) {
    meter::stops(count);
}

/// What came of a look at a policy's source.
#[cfg(feature = "reload")]
pub(crate) fn reload(event: &'static str) {
    meter::reload(event);
}

/// The state of the breaker of an OPA endpoint.
#[cfg(feature = "rest")]
pub(crate) fn breaker(endpoint: &str, state: crate::BreakerState) {
    meter::breaker(endpoint, state);
}

#[cfg(feature = "metrics")]
mod meter {
    use std::time::Duration;

    use kitelogik_core::{Outcome, Verdict};
    use metrics::{counter, gauge, histogram};

    pub(super) fn decided(verdict: Verdict, code: Option<&'static str>) {
        let labels = [
            ("verdict", verdict.as_str()),
            ("code", code.unwrap_or("none")),
        ];
        counter!("kitelogik_decisions_total", &labels).increment(1);
    }

    pub(super) fn answered(engine: Option<&str>, verdict: Verdict, took: Duration) {
        let engine = engine.unwrap_or("unknown").to_owned();
        histogram!("kitelogik_decision_duration_seconds", "engine" => engine, "verdict" => verdict.as_str())
            .record(took);
    }

    pub(super) fn ended(outcome: Outcome) {
        counter!("kitelogik_outcomes_total", "outcome" => outcome.as_str()).increment(1);
    }

    pub(super) fn flipped(old: Verdict, new: Verdict) {
        counter!("kitelogik_shadow_flips_total", "old" => old.as_str(), "new" => new.as_str())
            .increment(1);
    }

    #[cfg(feature = "reload")]
    pub(super) fn reload(event: &'static str) {
        counter!("kitelogik_reloads_total", "event" => event).increment(1);
    }

    /// 1 for the state that the endpoint is in, 0 for the others.
    #[cfg(feature = "rest")]
    pub(super) fn breaker(endpoint: &str, state: crate::BreakerState) {
        use crate::BreakerState::{Closed, HalfOpen, Open};
        for one in [Closed, Open, HalfOpen] {
            let labels = [
                ("endpoint", endpoint.to_owned()),
                ("state", one.as_str().to_owned()),
            ];
            gauge!("kitelogik_breaker_state", &labels).set(if one == state { 1.0 } else { 0.0 });
        }
    }

    pub(super) fn stops(count: usize) {
        gauge!("kitelogik_kill_switch_stops").set(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

#[cfg(not(feature = "metrics"))]
mod meter {
    use std::time::Duration;

    use kitelogik_core::{Outcome, Verdict};

    pub(super) fn decided(_: Verdict, _: Option<&'static str>) {}
    pub(super) fn answered(_: Option<&str>, _: Verdict, _: Duration) {}
    pub(super) fn ended(_: Outcome) {}
    pub(super) fn flipped(_: Verdict, _: Verdict) {}
    #[cfg(feature = "reload")]
    pub(super) fn reload(_: &'static str) {}
    #[cfg(feature = "rest")]
    pub(super) fn breaker(_: &str, _: crate::BreakerState) {}
    pub(super) fn stops(_: usize) {}
}
