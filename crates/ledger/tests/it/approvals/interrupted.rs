//! Steps that nobody waits for to the end.

use std::time::Duration;

use futures_util::future::join_all;
use kitelogik_ledger::{ApprovalOptions, VerifyOptions};
use serde_json::json;

use super::desk::{ann, refund, refund_of};
use crate::stores::TestStore;

/// Every commit of a step of an approval takes half a second.
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind = 4) EXECUTE FUNCTION slow()";

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
