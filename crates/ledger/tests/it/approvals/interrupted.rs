//! Steps that nobody waits for to the end, and that take their transaction down.

#[cfg(feature = "postgres")]
use std::time::Duration;

use futures_util::future::{join_all, join3};
use kitelogik_core::{Approver, AuditSink, DecisionRecord, PolicyDecision};
use kitelogik_ledger::{ApprovalOptions, VerifyOptions};
use serde_json::json;

use super::desk::{Asking, refund_of, review};
#[cfg(feature = "postgres")]
use super::desk::{ann, refund};
use crate::stores::TestStore;

/// Every commit of a step of an approval takes half a second.
#[cfg(feature = "postgres")]
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind = 4) EXECUTE FUNCTION slow()";

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_still_on_its_way_does_not_break_the_chain() {
    let Some(url) = kitelogik_postgres_process::postgres_or_skip!() else {
        return;
    };
    let store = TestStore::postgres(url);
    let ledger = store.with(ApprovalOptions::new()).await;
    let approvals = ledger.approvals();
    let id = refund().pending(&ledger).await;
    let ann = ann();
    // So that the next step has another connection.
    join_all((0..4).map(|_| approvals.get(&id, &ann))).await;
    store.sql(SLOW).await.unwrap();
    let given_up = approvals.approve(&id, &ann, "");
    tokio::time::timeout(Duration::from_millis(200), given_up)
        .await
        .unwrap_err();
    refund_of(json!({"amount": 7})).pending(&ledger).await;
    refund_of(json!({"amount": 8})).pending(&ledger).await;
    let found = ledger.audit().verify(&VerifyOptions::new(), |_| ()).await;
    assert!(found.unwrap().is_intact());
}

#[tokio::test]
async fn a_step_that_rolls_everything_back_takes_no_acknowledged_record_with_it() {
    let store = TestStore::sqlite();
    let ledger = store.with(ApprovalOptions::new()).await;
    // As the database does by itself where the disk is full.
    store
        .sql(
            "CREATE TRIGGER full BEFORE INSERT ON approvals
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        )
        .await
        .unwrap();
    let (log, approver) = (ledger.audit(), ledger.approvals().pending());
    let calls: Vec<_> = (0..100)
        .map(|amount| (refund_of(json!({"amount": amount})), review("why")))
        .collect();
    let record = async |(asking, decision): &(Asking, PolicyDecision)| {
        let record = DecisionRecord::new(&asking.event, &asking.context, decision);
        log.record_decision(&record).await.is_ok()
    };
    let ask = async |(asking, _): &(Asking, PolicyDecision)| {
        approver.approve(&asking.request()).await.unwrap_err();
    };
    // Before and behind the steps, so that one transaction holds all.
    let (first, last) = calls.split_at(50);
    let recorded = join_all(first.iter().map(record));
    let asked = join_all(calls.iter().map(ask));
    let later = join_all(last.iter().map(record));
    let (mut recorded, _, later) = join3(recorded, asked, later).await;
    recorded.extend(later);
    for ((_, decision), recorded) in calls.iter().zip(recorded) {
        let there = log.get(&decision.decision_id).await.unwrap().is_some();
        assert_eq!(there, recorded, "{}", decision.decision_id);
    }
    let found = log.verify(&VerifyOptions::new(), |_| ()).await.unwrap();
    assert!(found.is_intact(), "{:?}", found.problems);
}
