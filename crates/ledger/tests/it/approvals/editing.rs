//! A reviewer who wants other arguments.

use kitelogik_core::{Approval, Masking, Use};
use kitelogik_ledger::{ApprovalError, ApprovalOptions, ApprovalState};
use serde_json::json;

use super::desk::{ann, bo, object, refund, refund_of, review, steps};
use crate::stores::on_both_stores;

on_both_stores! {
    async fn an_edited_call_is_denied_and_the_one_with_the_reviewers_arguments_may_run(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        let wanted = json!({"customer": "cust_001", "amount": 120});
        let view = ledger
            .approvals()
            .edit(&id, &ann(), object(wanted.clone()), "120 at most")
            .await
            .unwrap();
        assert_eq!(view.state, ApprovalState::Denied);
        let edited = view.edited_to.unwrap();
        assert_eq!(
            refund().ask(&ledger).await,
            Approval::Edited {
                request: id.clone(),
                approver: "ann@example.com".into(),
                arguments: object(wanted.clone()),
            }
        );
        assert_eq!(refund().use_up(&ledger, &id).await, Use::Gone);
        assert_eq!(refund().use_up(&ledger, &edited).await, Use::Gone);
        let second = refund_of(wanted);
        assert!(matches!(
            second.ask(&ledger).await,
            Approval::Granted { request, .. } if request == edited
        ));
        assert_eq!(second.use_up(&ledger, &edited).await, Use::Taken);
        assert_eq!(
            steps(&ledger, &id).await[..2],
            ["requested".to_owned(), format!("edited: see {edited}")]
        );
        assert_eq!(
            steps(&ledger, &edited).await,
            [
                format!("approved: 1 of 1 approvals, by the edit of {id}"),
                "refused: use by another call".to_owned(),
                "used".to_owned()
            ]
        );
        // The offer was taken: what was asked for first stays denied.
        assert!(matches!(
            refund().ask(&ledger).await,
            Approval::Denied { request, .. } if request == id
        ));
    }

    async fn the_edited_call_counts_for_the_same_reasons_and_session_only(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        let wanted = json!({"customer": "cust_001", "amount": 9000});
        ledger
            .approvals()
            .edit(&id, &ann(), object(wanted.clone()), "")
            .await
            .unwrap();
        let elsewhere = refund_of(wanted.clone()).with(|call| call.context.session_id = "s2".into());
        elsewhere.pending(&ledger).await;
        let other = refund_of(wanted)
            .with(|call| call.decision = review("refunds over 5000 need the board"));
        other.pending(&ledger).await;
    }

    async fn where_two_people_are_needed_an_edit_is_the_first_of_them(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new().approvals_needed(2)).await;
        let approvals = ledger.approvals();
        let id = refund().pending(&ledger).await;
        let wanted = json!({"customer": "cust_001", "amount": 120});
        let view = approvals
            .edit(&id, &ann(), object(wanted.clone()), "")
            .await
            .unwrap();
        let edited = view.edited_to.unwrap();
        assert_eq!(refund_of(wanted.clone()).pending(&ledger).await, edited);
        let again = approvals.approve(&edited, &ann(), "").await;
        assert!(matches!(again, Err(ApprovalError::AlreadyApproved { .. })));
        approvals.approve(&edited, &bo(), "").await.unwrap();
        assert_eq!(refund_of(wanted).use_up(&ledger, &edited).await, Use::Taken);
    }

    async fn an_edit_takes_the_place_of_a_request_for_the_same_call(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let smaller = json!({"customer": "cust_001", "amount": 120});
        let waiting = refund_of(smaller.clone()).pending(&ledger).await;
        let id = refund().pending(&ledger).await;
        let view = ledger
            .approvals()
            .edit(&id, &ann(), object(smaller.clone()), "")
            .await
            .unwrap();
        let old = ledger.approvals().get(&waiting, &ann()).await.unwrap();
        assert_eq!(old.state, ApprovalState::Expired);
        let edited = view.edited_to.unwrap();
        assert_eq!(refund_of(smaller).use_up(&ledger, &edited).await, Use::Taken);
    }

    async fn what_cannot_be_edited_is_refused_and_stays_pending(store: TestStore) {
        let masking = Masking::builder().path("args.card").unwrap().build();
        let ledger = store.masked(masking).await;
        let asking = refund_of(json!({"amount": 150, "card": "4111"}));
        let id = asking.pending(&ledger).await;
        let deep = (0..70).fold(json!(1), |value, _| json!([value]));
        for arguments in [
            json!({"amount": 120, "card": "[masked]"}),
            json!({"amount": 120, "card": "4111"}),
            json!({"amount": 120, "note": "x".repeat(300_000)}),
            json!({"amount": deep}),
        ] {
            let edit = ledger.approvals().edit(&id, &ann(), object(arguments), "").await;
            assert!(matches!(edit, Err(ApprovalError::Edit { .. })), "{edit:?}");
        }
        assert_eq!(asking.pending(&ledger).await, id);

        let plain = refund().pending(&ledger).await;
        let same = json!({"amount": 150, "customer": "cust_001"});
        let edit = ledger.approvals().edit(&plain, &ann(), object(same), "").await;
        assert!(matches!(edit, Err(ApprovalError::Edit { .. })), "{edit:?}");
        // A reviewer does not edit their own call either.
        let own = kitelogik_ledger::Reviewer::new("sam@example.com");
        let edit = ledger.approvals().edit(&plain, &own, object(json!({})), "").await;
        assert!(matches!(edit, Err(ApprovalError::OwnCall { .. })), "{edit:?}");
    }
}
