//! One who can write the store, but has not the key.

use kitelogik_core::{Approver, Use};
use kitelogik_ledger::{ApprovalError, ApprovalFilter, ApprovalOptions};

use super::desk::{ann, refund, steps};
use crate::stores::on_both_stores;

const SEAL: &str = "refused: it does not carry the ledger's seal";

on_both_stores! {
    async fn a_request_that_was_approved_past_the_ledger_lets_nothing_run(store: TestStore) {
        for forged in [
            "UPDATE approvals SET state = 'approved'",
            "UPDATE approvals SET document = replace(document, '\"pending\"', '\"approved\"')",
            "UPDATE approvals SET state = 'approved', document = replace(document, '\"pending\"', '\"approved\"')",
            "UPDATE approvals SET expires_at = expires_at + 1000000",
            "UPDATE approvals SET document = replace(document, '150', '1')",
            "UPDATE approvals SET tenant = 'globex'",
            "UPDATE approvals SET basis = frame",
            "UPDATE approvals SET seal = basis",
        ] {
            let ledger = store.with(ApprovalOptions::new()).await;
            let session = format!("s{}", forged.len());
            let asking = refund().with(|call| call.context.session_id = session);
            let id = asking.pending(&ledger).await;
            let forged_one = format!("{forged} WHERE id = '{id}'");
            store.sql(&forged_one).await.unwrap();
            let approver = ledger.approvals().pending();
            assert!(approver.approve(&asking.request()).await.is_err(), "{forged}");
            let used = approver.use_up(&asking.request(), &id).await;
            assert!(used.is_err(), "{forged}");
            let approved = ledger.approvals().approve(&id, &ann(), "").await;
            assert!(matches!(approved, Err(ApprovalError::Forged { .. })), "{forged}");
            let edited = ledger.approvals().edit(&id, &ann(), serde_json::Map::new(), "").await;
            assert!(matches!(edited, Err(ApprovalError::Forged { .. })), "{forged}");
            let got = ledger.approvals().get(&id, &ann()).await;
            assert!(matches!(got, Err(ApprovalError::Forged { .. })), "{forged}");
            let all = ledger.approvals().list(&ApprovalFilter::all(), &ann()).await;
            assert!(all.unwrap().iter().all(|view| view.id != id));
            assert_eq!(
                steps(&ledger, &id).await,
                ["requested", SEAL, SEAL, SEAL, SEAL],
                "{forged}"
            );
        }
    }

    async fn a_request_that_is_put_back_as_it_was_before_its_use_lets_nothing_run(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        store.sql("CREATE TABLE kept AS SELECT * FROM approvals").await.unwrap();
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        store
            .sql("DELETE FROM approvals; INSERT INTO approvals SELECT * FROM kept")
            .await
            .unwrap();
        let approver = ledger.approvals().pending();
        let used = approver.use_up(&refund().request(), &id).await;
        assert!(used.is_err(), "{used:?}");
        let why = "refused: use of a request that is over, and was put back as it had been before";
        assert_eq!(steps(&ledger, &id).await, ["requested", "approved", "used", why]);
    }

    async fn what_is_over_stays_as_it_is_in_the_store_too(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        let changed = store
            .sql("UPDATE approvals SET state = 'approved'")
            .await;
        assert!(changed.unwrap_err().contains("stays as it is"));
    }
}
