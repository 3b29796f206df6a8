//! Callers that record, and how long each call waits for that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kitelogik_core::{
    AuditSink, DecisionRecord, GovernanceEvent, Outcome, PolicyDecision, SessionContext,
    ToolCallInput,
};
use serde_json::json;

/// How many callers record at the same time.
pub(crate) const CALLERS: usize = 64;

/// What a call writes: its decision, for which the caller waits, and its outcome, for which it does not.
pub(crate) const RECORDS: usize = 2;

pub(crate) fn event() -> GovernanceEvent {
    let args = json!({"customer_id": "cust_001", "amount": 42.5, "note": "as agreed by telephone"});
    GovernanceEvent::ToolCall(ToolCallInput::new(
        "approve_refund",
        args.as_object().unwrap().clone(),
    ))
}

pub(crate) fn decision() -> PolicyDecision {
    let document =
        json!({"allow": true, "rules": ["small_refunds"], "risk_tier": "TRANSACTIONAL_LOW"});
    PolicyDecision::from_result(&document, "data.kitelogik.main").unwrap()
}

pub(crate) fn context(session: usize) -> SessionContext {
    SessionContext::new(format!("session_{session:06}"))
        .role("support_agent")
        .scopes(["read_customer", "approve_refund_under_100"])
        .principal("ann@example.com")
        .tenant("acme")
}

/// How long calls waited.
pub(crate) struct Waits {
    sorted: Vec<Duration>,
    took: Duration,
}

impl Waits {
    pub(crate) fn new(mut waits: Vec<Duration>, took: Duration) -> Self {
        waits.sort();
        Self {
            sorted: waits,
            took,
        }
    }

    /// So many in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.sorted.len() as f64 / self.took.as_secs_f64()
    }

    /// What `part` of the calls waited at most, in milliseconds.
    pub(crate) fn at(&self, part: f64) -> f64 {
        let place = (self.sorted.len() as f64 * part) as usize;
        let wait = self.sorted.get(place).or(self.sorted.last()).copied();
        wait.unwrap_or_default().as_secs_f64() * 1e3
    }
}

impl std::fmt::Display for Waits {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [half, most, nearly, longest] = [0.5, 0.99, 0.999, 1.0].map(|part| self.at(part));
        write!(
            formatter,
            "p50 {half:.2} ms, p99 {most:.2} ms, p99.9 {nearly:.2} ms, longest {longest:.2} ms"
        )
    }
}

/// `count` calls from 64 callers, each of which makes its next call when it has its answer.
pub(crate) async fn at_once(sink: &Arc<dyn AuditSink>, count: usize) {
    let callers = (0..CALLERS).map(|number| {
        let caller = Caller::new(sink, number);
        tokio::spawn(async move {
            for _ in 0..count / CALLERS {
                caller.call().await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

/// `count` calls from 64 callers, `rate` in a second.
///
/// A call that is due while its caller still waits for the answer to the one before has waited since it was
/// due: a stall counts for every call that it delays. That the timer wakes a caller late, by up to a
/// millisecond, does not count.
pub(crate) async fn at_rate(sink: &Arc<dyn AuditSink>, count: usize, rate: u32) -> Waits {
    let every = Duration::from_secs(CALLERS as u64) / rate;
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|number| {
        let caller = Caller::new(sink, number);
        let first = begun + every.mul_f64(number as f64 / CALLERS as f64);
        tokio::spawn(async move {
            let mut waits = Vec::with_capacity(count / CALLERS);
            let mut pace = tokio::time::interval_at(first.into(), every);
            let mut free = first;
            for _ in 0..count / CALLERS {
                let due = pace.tick().await.into_std();
                let from = if free > due { due } else { Instant::now() };
                caller.call().await;
                free = Instant::now();
                waits.push(free - from);
            }
            waits
        })
    });
    let mut all = Vec::with_capacity(count);
    for caller in callers.collect::<Vec<_>>() {
        all.extend(caller.await.unwrap());
    }
    Waits::new(all, begun.elapsed())
}

struct Caller {
    sink: Arc<dyn AuditSink>,
    event: GovernanceEvent,
    context: SessionContext,
}

impl Caller {
    fn new(sink: &Arc<dyn AuditSink>, number: usize) -> Self {
        Self {
            sink: Arc::clone(sink),
            event: event(),
            context: context(number),
        }
    }

    async fn call(&self) {
        let decision = decision();
        let record = DecisionRecord::new(&self.event, &self.context, &decision);
        let id = self.sink.record_decision(&record).await.unwrap();
        self.sink.record_outcome(id, Outcome::Ran);
    }
}
