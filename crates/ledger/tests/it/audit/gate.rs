//! A gate that records to the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, Outcome, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, Verdict,
};
use kitelogik_ledger::{AuditFilter, Order};
use kitelogik_opa::{AuditFailure, CallRequest, PolicyGate, Session, Stop};
use serde_json::json;

use super::world::decision;
use crate::stores::on_both_stores;

/// Allows, or denies what is switched off.
#[derive(Clone, Default)]
struct Engine {
    denies: Arc<AtomicBool>,
}

impl PolicyEngine for Engine {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let document = if self.denies.load(Ordering::Relaxed) {
            json!({"deny": ["not today"]})
        } else {
            json!({"allow": true})
        };
        Box::pin(async move { Ok(decision(&document)) })
    }
}

fn refund() -> CallRequest {
    CallRequest {
        tool: "refund".to_owned(),
        action: "refund".to_owned(),
        ..CallRequest::default()
    }
}

async fn run(session: &Session, outcome: Outcome) {
    let permit = session.authorize(refund()).await.unwrap();
    let permitted = permit
        .open::<serde_json::Value>("refund", "refund")
        .unwrap();
    permitted.into_parts().2.ended(outcome);
}

on_both_stores! {
    async fn every_call_is_in_the_record_with_what_came_of_it(store: TestStore) {
        let ledger = store.open().await;
        let engine = Engine::default();
        let gate = PolicyGate::builder(engine.clone())
            .audit(ledger.audit(), AuditFailure::Deny)
            .build();
        let session = gate.session(SessionContext::new("s1"));
        run(&session, Outcome::Ran).await;
        run(&session, Outcome::Failed).await;
        drop(session.authorize(refund()).await.unwrap());
        let permit = session.authorize(refund()).await.unwrap();
        drop(permit.open::<serde_json::Value>("refund", "refund").unwrap());
        engine.denies.store(true, Ordering::Relaxed);
        session.authorize(refund()).await.unwrap_err();
        session.spawn(["read"]).await.unwrap_err();
        gate.kill_switch().stop(Stop::Everything, "an incident");
        session.authorize(refund()).await.unwrap_err();

        let log = ledger.audit();
        log.flush().await.unwrap();
        let mut filter = AuditFilter::all();
        filter.order = Order::OldestFirst;
        let mut records = log.query(&filter).await.unwrap().records;
        records.sort_by_key(|record| record.sequence);
        let found: Vec<_> = records
            .iter()
            .map(|record| (record.event_type.as_str(), record.verdict, record.outcome))
            .collect();
        let call = "tool_call";
        assert_eq!(
            found,
            [
                (call, Verdict::Allow, Some(Outcome::Ran)),
                (call, Verdict::Allow, Some(Outcome::Failed)),
                (call, Verdict::Allow, Some(Outcome::NeverRan)),
                (call, Verdict::Allow, Some(Outcome::Cancelled)),
                (call, Verdict::Deny, Some(Outcome::NeverRan)),
                ("agent.spawn", Verdict::Deny, None),
                (call, Verdict::Deny, Some(Outcome::NeverRan)),
            ]
        );
        assert_eq!(records[6].rule.as_deref(), Some("kill_switch"));
        assert!(log.verify(&Default::default(), |_| ()).await.unwrap().is_intact());
    }

    async fn a_gate_whose_ledger_is_gone_denies_or_goes_on_as_it_was_told(store: TestStore) {
        let ledger = store.open().await;
        ledger.close().await.unwrap();
        let strict = PolicyGate::builder(Engine::default())
            .audit(ledger.audit(), AuditFailure::Deny)
            .build();
        let denied = strict.session(SessionContext::new("s1")).authorize(refund()).await.unwrap_err();
        assert_eq!(denied.decision.fail_closed, Some(FailClosed::AuditUnavailable));
        let lenient = PolicyGate::builder(Engine::default())
            .audit(ledger.audit(), AuditFailure::Continue)
            .build();
        run(&lenient.session(SessionContext::new("s1")), Outcome::Ran).await;
    }
}
