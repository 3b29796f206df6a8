//! What the tests look at: what an engine was asked, and what became of each call.

use std::sync::{Arc, Mutex};

use kitelogik::core::{BoxFuture, EngineError, PolicyInput};
use kitelogik::prelude::*;
use kitelogik::{
    AuditError, AuditFailure, AuditSink, DecisionRecord, Outcome, PolicyDecision, PolicyEngine,
    RecordId,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A gate over real Rego that keeps what was asked and what came of it.
#[derive(Clone, Default)]
pub(crate) struct Evidence {
    asked: Arc<Mutex<Vec<Value>>>,
    outcomes: Arc<Mutex<Vec<Option<Outcome>>>>,
    told: Arc<Notify>,
}

impl Evidence {
    /// A session under the rules of `rego`, a body of `kitelogik.userpolicy`.
    pub(crate) fn session(&self, rego: &str) -> Session {
        let module = format!("package kitelogik.userpolicy\nimport rego.v1\n{rego}");
        let policy = Policy::builder().rego("test.rego", module).build().unwrap();
        self.session_of(Embedded::new(policy).unwrap())
    }

    /// A session in which every call is allowed, without a policy engine's cost.
    pub(crate) fn allowing(&self) -> Session {
        self.session_of(AllowAll)
    }

    fn session_of(&self, engine: impl PolicyEngine + 'static) -> Session {
        let engine = Recording {
            engine,
            asked: Arc::clone(&self.asked),
        };
        let gate = PolicyGate::builder(engine)
            .audit(self.clone(), AuditFailure::Deny)
            .build();
        gate.session(SessionContext::new("example_01").role("support_agent"))
    }

    /// The input documents, in the order they were asked.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// The arguments that the policy saw last.
    pub(crate) fn judged(&self) -> Value {
        self.asked().last().unwrap()["args"].clone()
    }

    /// What became of each call, in the order of the decisions.
    pub(crate) fn outcomes(&self) -> Vec<Option<Outcome>> {
        self.outcomes.lock().unwrap().clone()
    }

    /// Waits until the first call has an outcome.
    pub(crate) async fn first_outcome(&self) -> Outcome {
        loop {
            let told = self.told.notified();
            if let Some(outcome) = self.outcomes().first().copied().flatten() {
                return outcome;
            }
            told.await;
        }
    }
}

impl AuditSink for Evidence {
    fn record_decision<'a>(
        &'a self,
        _record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        let mut outcomes = self.outcomes.lock().unwrap();
        outcomes.push(None);
        let id = RecordId(outcomes.len() as u64 - 1);
        Box::pin(async move { Ok(id) })
    }

    fn record_outcome(&self, record: RecordId, outcome: Outcome) {
        let mut outcomes = self.outcomes.lock().unwrap();
        let slot = &mut outcomes[usize::try_from(record.0).unwrap()];
        assert!(slot.is_none(), "an outcome is told once");
        *slot = Some(outcome);
        self.told.notify_one();
    }
}

struct Recording<E> {
    engine: E,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl<E: PolicyEngine> PolicyEngine for Recording<E> {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        self.asked
            .lock()
            .unwrap()
            .push(serde_json::to_value(input).unwrap());
        self.engine.decide(input)
    }
}

struct AllowAll;

impl PolicyEngine for AllowAll {
    fn decide<'a>(
        &'a self,
        _input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async { PolicyDecision::from_result(&json!({ "allow": true }), "allow_all") })
    }
}
