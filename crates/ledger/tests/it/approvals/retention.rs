//! Requests that are over and old.

use std::time::Duration;

use kitelogik_core::{Approver as _, Use};
use kitelogik_ledger::{
    ApprovalError, ApprovalOptions, ApprovalState, AuditFilter, EntryKind, ExportFormat, Ledger,
    Timestamp,
};
use serde_json::json;

use super::desk::{Asking, ann, refund_of, steps};
use super::waiting::until_expired;
use crate::stores::{TestStore, on_both_stores};

fn numbered(amount: u64) -> Asking {
    refund_of(json!({"amount": amount}))
}

/// A ledger whose requests are over at once, and whose denials do not stick.
async fn brief(store: &TestStore) -> Ledger {
    let options = ApprovalOptions::new()
        .expiry(Duration::from_millis(300))
        .denial_sticks(Duration::ZERO);
    store.with(options).await
}

/// What the record says of requests that were removed.
async fn told(ledger: &Ledger) -> Vec<u64> {
    let mut lines = Vec::new();
    let log = ledger.audit();
    log.export(ExportFormat::Chain, &AuditFilter::all(), &mut lines)
        .await
        .unwrap();
    let entries = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let entries =
        entries.map(|line| serde_json::from_slice::<kitelogik_ledger::AuditEntry>(line).unwrap());
    let of_approvals = entries.filter(|entry| {
        entry.content.kind == EntryKind::Retention
            && entry.content.what.as_deref() == Some("approvals")
    });
    of_approvals
        .map(|entry| entry.content.count.unwrap())
        .collect()
}

on_both_stores! {
    async fn one_call_removes_old_entries_and_old_requests_and_the_record_keeps_what_is_younger(store: TestStore) {
        let ledger = brief(&store).await;
        let approvals = ledger.approvals();
        let denied = numbered(0).pending(&ledger).await;
        approvals.deny(&denied, &ann(), "no").await.unwrap();
        ledger.audit().checkpoint().await.unwrap();

        let used = numbered(1).pending(&ledger).await;
        approvals.approve(&used, &ann(), "").await.unwrap();
        assert_eq!(numbered(1).use_up(&ledger, &used).await, Use::Taken);
        let forgotten = numbered(2).pending(&ledger).await;
        for id in [&used, &forgotten] {
            let over = approvals.get(id, &ann()).await.unwrap().expires_at;
            while Timestamp::now() <= over {
                tokio::task::yield_now().await;
            }
        }
        let open = store.with(ApprovalOptions::new()).await;
        let waiting = numbered(3).pending(&open).await;
        store.keep().await;

        let retained = ledger.retain(Timestamp::now()).await.unwrap();
        assert!(retained.removed > 0);
        assert_eq!(retained.approvals, 3);
        for id in [&denied, &used, &forgotten] {
            let gone = approvals.get(id, &ann()).await;
            assert!(matches!(gone, Err(ApprovalError::NotFound { .. })), "{gone:?}");
        }
        assert_eq!(steps(&ledger, &denied).await.len(), 0, "older than the checkpoint");
        assert_eq!(steps(&ledger, &used).await, ["requested", "approved", "used"]);
        assert_eq!(steps(&ledger, &forgotten).await, ["requested", "expired: not decided in time"]);
        assert_eq!(told(&ledger).await, [3]);
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);

        // What was open is, and what was removed and put back counts as little as before.
        let still = approvals.get(&waiting, &ann()).await.unwrap();
        assert_eq!(still.state, ApprovalState::Pending);
        store
            .sql("INSERT INTO approvals SELECT * FROM kept WHERE id NOT IN (SELECT id FROM approvals)")
            .await
            .unwrap();
        let approver = approvals.pending();
        for (number, id) in [(0, &denied), (1, &used), (2, &forgotten)] {
            let used = approver.use_up(&numbered(number).request(), id).await;
            assert!(!matches!(used, Ok(Use::Taken)), "{id}");
        }
        assert_eq!(ledger.retain(Timestamp::now()).await.unwrap().approvals, 3);
    }

    async fn the_steps_of_a_request_stay_until_its_time_is_over(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let early = ledger.audit().checkpoint().await.unwrap();
        while Timestamp::now() <= early.at {
            tokio::task::yield_now().await;
        }
        let id = numbered(1).pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        store.keep().await;
        assert_eq!(numbered(1).use_up(&ledger, &id).await, Use::Taken);
        let late = ledger.audit().checkpoint().await.unwrap();
        let at = late.at.after(Duration::from_millis(1));
        assert_eq!(ledger.retain(at).await.unwrap().checkpoint, early.number);
        assert_eq!(steps(&ledger, &id).await, ["requested", "approved", "used"]);
        let found = ledger.audit().verify(&Default::default(), |_| ()).await.unwrap();
        assert!(found.is_intact(), "{:?}", found.problems);
        store.put_back().await;
        let approver = ledger.approvals().pending();
        approver.use_up(&numbered(1).request(), &id).await.unwrap_err();

        // One that waits is not made worthless.
        let waiting = numbered(2).pending(&ledger).await;
        ledger.approvals().approve(&waiting, &ann(), "").await.unwrap();
        ledger.audit().checkpoint().await.unwrap();
        ledger.retain(Timestamp::now()).await.unwrap();
        assert_eq!(numbered(2).use_up(&ledger, &waiting).await, Use::Taken);
    }

    async fn nothing_is_removed_where_no_checkpoint_is_old_enough(store: TestStore) {
        let ledger = brief(&store).await;
        let id = numbered(0).pending(&ledger).await;
        until_expired(&ledger, &id).await;
        ledger.retain(Timestamp::now()).await.unwrap_err();
        ledger.approvals().get(&id, &ann()).await.unwrap();
        assert!(told(&ledger).await.is_empty());
    }
}
