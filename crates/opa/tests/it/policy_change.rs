//! That another policy came into force is part of the record.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};
use std::thread;

use kitelogik_core::{
    AuditError, AuditSink, BoxFuture, DecisionRecord, EngineError, GateChange, Outcome,
    PolicyDecision, PolicyEngine, PolicyInput, RecordId,
};
use kitelogik_opa::{AuditFailure, PolicyGate};
use serde_json::json;

use crate::gate::{call, session};

/// Allows everything, by the revision that was set last.
#[derive(Clone, Default)]
struct Revised(Arc<Mutex<Option<Arc<str>>>>);

impl PolicyEngine for Revised {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let result = json!({"allow": true});
        Box::pin(async move { PolicyDecision::from_result(&result, "data.kitelogik.main") })
    }

    fn revision(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap().clone()
    }
}

/// Keeps what it is told, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl AuditSink for Told {
    fn record_decision<'a>(
        &'a self,
        _: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        self.0.lock().unwrap().push("decision".to_owned());
        Box::pin(async { Ok(RecordId(0)) })
    }

    fn record_outcome(&self, _: RecordId, _: Outcome) {}

    fn record_change(&self, change: &GateChange<'_>) {
        if let GateChange::Policy { before, after } = change {
            let told = format!(
                "{} -> {}",
                before.unwrap_or("none"),
                after.unwrap_or("none")
            );
            self.0.lock().unwrap().push(told);
        }
    }
}

#[tokio::test]
async fn another_policy_is_recorded_once_and_before_the_first_decision_under_it() {
    let (engine, told) = (Revised::default(), Told::default());
    let gate = PolicyGate::builder(engine.clone())
        .audit(told.clone(), AuditFailure::Deny)
        .build();
    for revision in ["one", "one", "two"] {
        *engine.0.lock().unwrap() = Some(revision.into());
        assert!(session(&gate).authorize(call("act")).await.is_ok());
    }
    let told = told.0.lock().unwrap();
    assert_eq!(
        *told,
        [
            "none -> one",
            "decision",
            "decision",
            "one -> two",
            "decision"
        ]
    );
}

/// Decides, and panics when it is asked for its revision.
struct Unnamed;

impl PolicyEngine for Unnamed {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let result = json!({"deny": ["no"]});
        Box::pin(async move { PolicyDecision::from_result(&result, "data.kitelogik.main") })
    }

    fn revision(&self) -> Option<Arc<str>> {
        panic!("the engine panics when it is asked for its revision")
    }
}

#[tokio::test]
async fn an_engine_that_panics_when_asked_for_its_revision_ends_no_call() {
    let told = Told::default();
    let gate = PolicyGate::builder(Unnamed)
        .audit(told.clone(), AuditFailure::Deny)
        .build();
    let denied = session(&gate).authorize(call("act")).await.unwrap_err();
    assert_eq!(denied.decision.reason, "no");
    assert_eq!(*told.0.lock().unwrap(), ["decision"]);
}

/// Holds up whoever tells it of a change until it is let go, and calls its own gate meanwhile.
#[derive(Clone)]
struct Slow {
    told: Told,
    gate: Arc<OnceLock<PolicyGate>>,
    /// Says that it was told of something, and waits.
    held: Arc<(Sender<()>, Mutex<Receiver<()>>)>,
}

impl AuditSink for Slow {
    fn record_decision<'a>(
        &'a self,
        record: &'a DecisionRecord<'a>,
    ) -> BoxFuture<'a, Result<RecordId, AuditError>> {
        self.told.record_decision(record)
    }

    fn record_outcome(&self, _: RecordId, _: Outcome) {}

    fn record_change(&self, change: &GateChange<'_>) {
        self.told.record_change(change);
        if let Some(gate) = self.gate.get() {
            let session = session(gate);
            let mut call = Box::pin(session.authorize(call("again")));
            let mut context = Context::from_waker(Waker::noop());
            assert!(call.as_mut().poll(&mut context).is_ready());
        }
        let (told, go) = &*self.held;
        told.send(()).unwrap();
        go.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn a_sink_that_is_slow_or_calls_the_gate_again_holds_up_no_other_call_and_hears_of_the_last_change()
{
    let (engine, told) = (Revised::default(), Told::default());
    let (is_told, hears) = channel();
    let (lets_go, goes) = channel();
    let sink = Slow {
        told: told.clone(),
        gate: Arc::default(),
        held: Arc::new((is_told, Mutex::new(goes))),
    };
    let gate = PolicyGate::builder(engine.clone())
        .audit(sink.clone(), AuditFailure::Deny)
        .build();
    assert!(sink.gate.set(gate.clone()).is_ok());
    let ask = |gate: &PolicyGate| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime
            .block_on(session(gate).authorize(call("act")))
            .is_ok()
    };
    let set = |revision: &str| *engine.0.lock().unwrap() = Some(revision.into());
    set("one");
    let first = {
        let gate = gate.clone();
        thread::spawn(move || ask(&gate))
    };
    hears.recv().unwrap();
    // The first call is held up, no other one is.
    for revision in ["two", "three", "three"] {
        set(revision);
        assert!(ask(&gate));
    }
    lets_go.send(()).unwrap();
    hears.recv().unwrap();
    lets_go.send(()).unwrap();
    assert!(first.join().unwrap());
    let told = told.0.lock().unwrap();
    let changes: Vec<_> = told.iter().filter(|told| *told != "decision").collect();
    assert_eq!(changes, ["none -> one", "one -> three"]);
    assert_eq!(told.iter().filter(|told| *told == "decision").count(), 6);
}
