//! A grant lets its own call run, once.

use std::time::Duration;

use kitelogik_core::{Approval, Use};
use kitelogik_ledger::{ApprovalOptions, ApprovalState};
use serde_json::json;

use super::desk::{ann, refund, refund_of, steps};
use crate::stores::on_both_stores;

on_both_stores! {
    async fn an_approved_call_runs_once_and_the_next_is_asked_for_anew(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Gone);
        ledger.approvals().approve(&id, &ann(), "fine").await.unwrap();
        let granted = Approval::Granted {
            request: id.clone(),
            approver: "ann@example.com".into(),
        };
        assert_eq!(refund().ask(&ledger).await, granted);
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Gone);
        let view = ledger.approvals().get(&id, &ann()).await.unwrap();
        assert_eq!(view.state, ApprovalState::Used);
        assert!(view.used_at.is_some());
        assert_ne!(refund().pending(&ledger).await, id);
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "refused: use of a request that is pending",
                "approved",
                "used",
                "refused: use of a request that is used"
            ]
        );
    }

    async fn no_other_call_and_no_other_session_uses_a_grant(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        let larger = refund_of(json!({"customer": "cust_001", "amount": 1500}));
        assert_eq!(larger.use_up(&ledger, &id).await, Use::Gone);
        let elsewhere = refund().with(|call| call.context.session_id = "s2".into());
        assert_eq!(elsewhere.use_up(&ledger, &id).await, Use::Gone);
        let scoped = refund().with(|call| call.context.session_scopes.push("admin".into()));
        assert_eq!(scoped.use_up(&ledger, &id).await, Use::Gone);
        assert_eq!(refund().use_up(&ledger, "apr_nothing").await, Use::Gone);
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "approved",
                "refused: use by another call",
                "refused: use by another session: s2",
                "refused: use by another call"
            ]
        );
        assert_eq!(
            steps(&ledger, "apr_nothing").await,
            ["refused: use of a request that is not there"]
        );
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Taken);
    }

    async fn a_grant_that_is_not_used_in_time_is_gone(store: TestStore) {
        let options = ApprovalOptions::new().expiry(Duration::from_millis(400));
        let ledger = store.with(options).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().approve(&id, &ann(), "").await.unwrap();
        crate::approvals::waiting::until_expired(&ledger, &id).await;
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Gone);
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "approved",
                "refused: use of a request that is expired",
                "expired: approved, and not used in time"
            ]
        );
    }

    async fn a_grant_outlives_the_process_and_works_in_another(store: TestStore) {
        let first = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&first).await;
        first.close().await.unwrap();
        drop(first);
        let reviewer = store.with(ApprovalOptions::new()).await;
        reviewer.approvals().approve(&id, &ann(), "").await.unwrap();
        let second = store.with(ApprovalOptions::new()).await;
        assert!(matches!(
            refund().ask(&second).await,
            Approval::Granted { .. }
        ));
        assert_eq!(refund().use_up(&second, &id).await, Use::Taken);
    }

    async fn of_many_that_use_one_grant_exactly_one_wins(store: TestStore) {
        let ledgers = [
            store.with(ApprovalOptions::new()).await,
            store.with(ApprovalOptions::new()).await,
        ];
        let id = refund().pending(&ledgers[0]).await;
        ledgers[0].approvals().approve(&id, &ann(), "").await.unwrap();
        let uses: Vec<_> = (0..200)
            .map(|task| {
                let (ledger, id) = (ledgers[task % 2].clone(), id.clone());
                tokio::spawn(async move { refund().use_up(&ledger, &id).await })
            })
            .collect();
        let mut taken = 0;
        for used in uses {
            taken += usize::from(used.await.unwrap() == Use::Taken);
        }
        assert_eq!(taken, 1);
    }
}
