//! Who decides, and how often.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kitelogik_core::{
    Approval, BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput,
};
use kitelogik_ledger::{
    ApprovalError, ApprovalOptions, ApprovalState, MAX_NOTE_CHARS, Reviewer, Timestamp,
};
use serde_json::{Value, json};

use super::desk::{ann, bo, refund, steps};
use crate::stores::on_both_stores;

on_both_stores! {
    async fn a_request_is_decided_once(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let approvals = ledger.approvals();
        let id = refund().pending(&ledger).await;
        let view = approvals.approve(&id, &ann(), " as agreed ").await.unwrap();
        assert_eq!(view.state, ApprovalState::Approved);
        assert_eq!(view.decisions[0].note, "as agreed");
        for again in [
            approvals.approve(&id, &ann(), "").await,
            approvals.approve(&id, &bo(), "").await,
            approvals.deny(&id, &bo(), "").await,
        ] {
            let state = ApprovalState::Approved;
            assert!(
                matches!(&again, Err(ApprovalError::NotPending { state: now, .. }) if *now == state),
                "{again:?}"
            );
        }
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "approved",
                "refused: approve of a request that is approved",
                "refused: approve of a request that is approved",
                "refused: deny of a request that is approved"
            ]
        );
    }

    async fn of_many_that_decide_one_request_exactly_one_wins(store: TestStore) {
        let ledgers = [
            store.with(ApprovalOptions::new()).await,
            store.with(ApprovalOptions::new()).await,
        ];
        let id = refund().pending(&ledgers[0]).await;
        let decided: Vec<_> = (0..200)
            .map(|task| {
                let (ledger, id) = (ledgers[task % 2].clone(), id.clone());
                tokio::spawn(async move {
                    let reviewer = Reviewer::new(format!("reviewer {task}"));
                    if task % 3 == 0 {
                        ledger.approvals().deny(&id, &reviewer, "").await.is_ok()
                    } else {
                        ledger.approvals().approve(&id, &reviewer, "").await.is_ok()
                    }
                })
            })
            .collect();
        let mut won = 0;
        for decided in decided {
            won += usize::from(decided.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    async fn a_denial_that_sticks_is_not_removed(store: TestStore) {
        let options = ApprovalOptions::new().expiry(Duration::from_secs(1));
        let ledger = store.with(options).await;
        let id = refund().pending(&ledger).await;
        let denied = ledger.approvals().deny(&id, &ann(), "").await.unwrap();
        while Timestamp::now() <= denied.expires_at {
            tokio::task::yield_now().await;
        }
        assert_eq!(ledger.approvals().remove_over(Timestamp::now()).await.unwrap(), 0);
        let again = refund().ask(&ledger).await;
        assert!(matches!(again, Approval::Denied { .. }), "{again:?}");
    }

    async fn nobody_decides_their_own_call(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let approvals = ledger.approvals();
        let id = refund().pending(&ledger).await;
        for name in ["sam@example.com", " Sam@Example.COM ", "sam@example\u{200b}.com"] {
            let own = approvals.approve(&id, &Reviewer::new(name).role("admin"), "").await;
            assert!(matches!(own, Err(ApprovalError::OwnCall { .. })), "{own:?}");
        }
        for none in [" ", "\u{200b}"] {
            let nobody = approvals.approve(&id, &Reviewer::new(none), "").await;
            assert!(matches!(nobody, Err(ApprovalError::NoName)));
        }
        let jose = refund().with(|call| call.context.principal = Some("Jos\u{e9}".to_owned()));
        let of_jose = jose.pending(&ledger).await;
        for name in ["Jose\u{301}", "\u{ff2a}OS\u{c9}"] {
            let own = approvals.approve(&of_jose, &Reviewer::new(name), "").await;
            assert!(matches!(own, Err(ApprovalError::OwnCall { .. })), "{own:?}");
        }
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "refused: approve of their own call",
                "refused: approve of their own call",
                "refused: approve of their own call"
            ]
        );
        approvals.deny(&id, &ann(), "").await.unwrap();
    }

    async fn a_reviewer_sees_and_decides_only_their_tenants(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let approvals = ledger.approvals();
        let id = refund().pending(&ledger).await;
        let other = Reviewer::new("kim").tenants(["globex"]);
        let not_found = |result: Result<_, ApprovalError>| {
            assert!(matches!(result, Err(ApprovalError::NotFound { .. })));
        };
        not_found(approvals.get(&id, &other).await.map(drop));
        not_found(approvals.history(&id, &other).await.map(drop));
        not_found(approvals.approve(&id, &other, "").await.map(drop));
        not_found(approvals.deny(&id, &other, "").await.map(drop));
        let arguments = serde_json::Map::new();
        not_found(approvals.edit(&id, &other, arguments, "").await.map(drop));
        assert_eq!(approvals.count_pending(&other).await.unwrap(), 0);
        assert_eq!(
            steps(&ledger, &id).await[..2],
            [
                "requested".to_owned(),
                "refused: approve by a reviewer who does not see this tenant".to_owned()
            ]
        );
        let own = Reviewer::new("kim").tenants(["acme"]);
        approvals.approve(&id, &own, "").await.unwrap();
        // What has no tenant is for those who see all.
        let none = refund().with(|call| call.context.tenant_id = None);
        let id = none.pending(&ledger).await;
        not_found(approvals.approve(&id, &own, "").await.map(drop));
    }

    async fn where_two_people_are_needed_one_is_not_enough_but_one_denies(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new().approvals_needed(2)).await;
        let approvals = ledger.approvals();
        let id = refund().pending(&ledger).await;
        let view = approvals.approve(&id, &ann(), "").await.unwrap();
        assert_eq!(view.state, ApprovalState::Pending);
        assert_eq!((view.approvals_had, view.approvals_needed), (1, 2));
        assert_eq!(refund().pending(&ledger).await, id);
        let again = Reviewer::new("ANN@example.com");
        let again = approvals.approve(&id, &again, "").await;
        assert!(matches!(again, Err(ApprovalError::AlreadyApproved { .. })));
        let view = approvals.approve(&id, &bo(), "").await.unwrap();
        assert_eq!(view.state, ApprovalState::Approved);
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "approved: 1 of 2 approvals",
                "refused: approve by a person who did already",
                "approved: 2 of 2 approvals"
            ]
        );

        let other = refund().with(|call| call.context.session_id = "s2".into());
        let id = other.pending(&ledger).await;
        approvals.approve(&id, &ann(), "").await.unwrap();
        let view = approvals.deny(&id, &ann(), "on reflection").await.unwrap();
        assert_eq!(view.state, ApprovalState::Denied);
    }

    async fn after_its_time_a_request_is_not_decided(store: TestStore) {
        let options = ApprovalOptions::new().expiry(Duration::from_millis(1));
        let ledger = store.with(options).await;
        let id = refund().pending(&ledger).await;
        crate::approvals::waiting::until_expired(&ledger, &id).await;
        let late = ledger.approvals().approve(&id, &ann(), "").await;
        let expired = ApprovalState::Expired;
        assert!(matches!(late, Err(ApprovalError::NotPending { state, .. }) if state == expired));
        assert_eq!(
            steps(&ledger, &id).await,
            [
                "requested",
                "refused: approve of a request that is expired",
                "expired: not decided in time"
            ]
        );
    }
}

/// A policy for reviewers: managers may; for the rest, what it was told to answer.
struct Managers {
    asked: Arc<Mutex<Vec<Value>>>,
    otherwise: Result<Value, FailClosed>,
}

impl PolicyEngine for Managers {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let input = serde_json::to_value(input).unwrap();
        let answer = if input["context"]["user_role"] == "manager" {
            Ok(json!({"allow": true}))
        } else {
            self.otherwise.clone()
        };
        self.asked.lock().unwrap().push(input);
        Box::pin(async move {
            let document = answer.map_err(|code| EngineError::new(code, "gone"))?;
            PolicyDecision::from_result(&document, "data.kitelogik.main")
        })
    }
}

on_both_stores! {
    async fn who_may_decide_what_is_a_question_to_a_policy(store: TestStore) {
        for otherwise in [
            Ok(json!({"deny": ["managers only"]})),
            Ok(json!({})),
            Ok(json!({"requires_hitl": true})),
            Err(FailClosed::EngineUnreachable),
        ] {
            let asked = Arc::default();
            let policy = Managers {
                asked: Arc::clone(&asked),
                otherwise,
            };
            let options = ApprovalOptions::new().reviewers(policy).expiry(Duration::from_secs(60));
            let ledger = store.with(options.denial_sticks(Duration::ZERO)).await;
            let approvals = ledger.approvals();
            let id = refund().pending(&ledger).await;
            let refused = approvals.approve(&id, &ann(), "").await;
            assert!(
                matches!(refused, Err(ApprovalError::NotAllowed { .. })),
                "{refused:?}"
            );
            approvals.deny(&id, &ann().role("manager"), "").await.unwrap();
            assert_eq!(
                steps(&ledger, &id).await,
                [
                    "requested",
                    "refused: approve that the policy for reviewers refuses",
                    "denied"
                ]
            );
            let asked = asked.lock().unwrap();
            assert_eq!(asked[0]["action"], "approval.decide");
            assert_eq!(asked[0]["context"]["principal"], "ann@example.com");
            assert_eq!(asked[0]["context"]["tenant_id"], "acme");
            assert_eq!(asked[0]["args"]["answer"], "approve");
            assert_eq!(asked[0]["args"]["arguments"]["amount"], 150);
            assert_eq!(asked[1]["args"]["answer"], "deny");
        }
    }

    async fn a_note_is_cut_at_its_limit(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        let note = "ä".repeat(MAX_NOTE_CHARS + 1);
        let view = ledger.approvals().deny(&id, &ann(), &note).await.unwrap();
        assert_eq!(view.decisions[0].note.chars().count(), MAX_NOTE_CHARS);
    }
}
