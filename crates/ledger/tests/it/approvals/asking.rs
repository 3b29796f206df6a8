//! What is put to people, and what is not.

use std::time::Duration;

use kitelogik_core::{AgentPlan, Approval, Approver, GovernanceEvent, Masking, PlanStep};
use kitelogik_ledger::{ApprovalFilter, ApprovalOptions, ApprovalState, Tenants};
use serde_json::json;

use super::desk::{Asking, ann, bo, call, object, refund, refund_of, review, steps};
use crate::stores::on_both_stores;

/// A call that is other in one thing.
type Change = fn(&mut Asking);

const CHANGES: [Change; 15] = [
    |call| call.event = self::call("pay", json!({"customer": "cust_001", "amount": 150})),
    |call| call.event = self::call("refund", json!({"customer": "cust_001", "amount": 151})),
    |call| call.event = self::call("refund", json!({"customer": "cust_001", "amount": 150.0})),
    |call| {
        if let GovernanceEvent::ToolCall(input) = &mut call.event {
            input.action = "pay".into();
        }
    },
    |call| call.schema = None,
    |call| call.schema = Some(String::new()),
    |call| call.resources = vec!["/orders/1".into()],
    |call| call.context.session_id = "s2".into(),
    |call| call.context.principal = Some("kim@example.com".into()),
    |call| call.context.principal = None,
    |call| call.context.user_role = "manager".into(),
    |call| call.context.session_scopes.push("pay".into()),
    |call| call.context.tenant_id = None,
    |call| call.context.sandbox_verified = true,
    |call| call.decision = review("refunds over 120 need a person"),
];

on_both_stores! {
    async fn the_same_call_asked_again_shares_one_request(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        let again = refund_of(json!({"amount": 150, "customer": "cust_001"}));
        assert_eq!(again.pending(&ledger).await, id);
        // Also of another process, and with the scopes in another order.
        let other = store.with(ApprovalOptions::new()).await;
        let scopes = |call: &mut Asking| call.context.session_scopes = vec!["refund".into(); 2];
        assert_eq!(refund().with(scopes).pending(&other).await, id);
        assert_eq!(steps(&ledger, &id).await, ["requested"]);
    }

    async fn whatever_of_a_call_is_other_makes_another_request(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let mut ids = vec![refund().pending(&ledger).await];
        for change in CHANGES {
            let id = refund().with(change).pending(&ledger).await;
            assert!(!ids.contains(&id), "{ids:?}");
            ids.push(id);
        }
    }

    async fn fields_do_not_run_into_one_another(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let two = |role: &str, resources: &[&str]| {
            refund().with(|call| {
                call.context.user_role = role.to_owned();
                call.resources = resources.iter().map(|text| (*text).to_owned()).collect();
            })
        };
        let mut ids = Vec::new();
        for asking in [two("ab", &["c"]), two("a", &["bc"]), two("ab", &["c", ""]), two("", &["abc"])] {
            let id = asking.pending(&ledger).await;
            assert!(!ids.contains(&id));
            ids.push(id);
        }
    }

    async fn the_same_call_for_other_reasons_ends_the_request_and_asks_anew(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let first = refund().pending(&ledger).await;
        ledger.approvals().approve(&first, &ann(), "").await.unwrap();
        let other = refund().with(|call| call.decision = review("a new customer"));
        let second = other.pending(&ledger).await;
        let view = ledger.approvals().get(&first, &ann()).await.unwrap();
        assert_eq!(view.state, ApprovalState::Expired);
        assert_eq!(
            steps(&ledger, &first).await,
            ["requested", "approved", "expired: the policy asks for other reasons"]
        );
        assert_ne!(first, second);
    }

    async fn a_denial_sticks_for_its_time_and_then_the_call_is_asked_for_again(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let id = refund().pending(&ledger).await;
        ledger.approvals().deny(&id, &bo(), "no").await.unwrap();
        let denied = Approval::Denied {
            request: id.clone(),
            approver: "bo@example.com".into(),
        };
        assert_eq!(refund().ask(&ledger).await, denied);
        // Also for other reasons: the call is the same.
        let other = refund().with(|call| call.decision = review("a new customer"));
        assert_eq!(other.ask(&ledger).await, denied);
        assert_eq!(steps(&ledger, &id).await, ["requested", "denied"]);

        let brief = ApprovalOptions::new().denial_sticks(Duration::ZERO);
        let ledger = store.with(brief).await;
        let another = refund_of(json!({"amount": 7}));
        let id = another.pending(&ledger).await;
        ledger.approvals().deny(&id, &bo(), "no").await.unwrap();
        assert_ne!(another.pending(&ledger).await, id);
    }

    async fn nobody_floods_the_reviewers(store: TestStore) {
        let options = ApprovalOptions::new()
            .pending_per_session(2)
            .pending_per_tenant(3);
        let ledger = store.with(options).await;
        let of = |session: &str, amount: i32| {
            refund_of(json!({"amount": amount}))
                .with(|call| call.context.session_id = session.to_owned())
        };
        let first = of("s1", 1).pending(&ledger).await;
        of("s1", 2).pending(&ledger).await;
        let refused = |asking: Asking| {
            let approver = ledger.approvals().pending();
            async move {
                let answer = approver.approve(&asking.request()).await;
                let error = answer.unwrap_err();
                error.public_reason().unwrap().to_owned()
            }
        };
        let reason = refused(of("s1", 3)).await;
        assert_eq!(
            reason,
            "as many calls of this session wait for a person as may (2), so nobody was asked; wait until they are decided"
        );
        // What waits already still does, and another session may ask.
        assert_eq!(of("s1", 1).pending(&ledger).await, first);
        of("s2", 1).pending(&ledger).await;
        let reason = refused(of("s3", 1)).await;
        assert!(reason.starts_with("too many calls wait"), "{reason}");
        // One that is decided makes place.
        ledger.approvals().deny(&first, &ann(), "").await.unwrap();
        of("s1", 3).pending(&ledger).await;
    }

    async fn the_limit_holds_however_many_ask_at_once(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new().pending_per_session(5)).await;
        let asked = (0..40).map(|amount| {
            let approver = ledger.approvals().pending();
            tokio::spawn(async move {
                let asking = refund_of(json!({"amount": amount % 20}));
                approver.approve(&asking.request()).await.is_ok()
            })
        });
        for asked in asked.collect::<Vec<_>>() {
            asked.await.unwrap();
        }
        assert_eq!(ledger.approvals().count_pending(&ann()).await.unwrap(), 5);
    }

    async fn a_request_that_nobody_decides_in_time_expires_and_is_asked_for_anew(store: TestStore) {
        let ledger = store
            .with(ApprovalOptions::new().expiry(Duration::from_millis(1)))
            .await;
        let id = refund().pending(&ledger).await;
        let expired = crate::approvals::waiting::until_expired(&ledger, &id).await;
        assert_eq!(expired.state, ApprovalState::Expired);
        assert_ne!(refund().pending(&ledger).await, id);
        assert_eq!(
            steps(&ledger, &id).await,
            ["requested", "expired: not decided in time"]
        );
    }

    async fn other_events_than_calls_are_asked_for_too(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let step = PlanStep::new("refund", object(json!({"amount": 150})));
        let plan = refund().with(|call| {
            call.event = GovernanceEvent::AgentPlan(AgentPlan {
                steps: vec![step.clone()],
                ..AgentPlan::default()
            });
        });
        let id = plan.pending(&ledger).await;
        let view = ledger.approvals().get(&id, &ann()).await.unwrap();
        assert_eq!(view.event_type, "agent.plan");
        assert_eq!(
            serde_json::Value::Object(view.arguments),
            json!({"steps": [{"action": "refund", "args": {"amount": 150}}]})
        );
    }

    async fn what_reviewers_see_is_masked_and_what_is_compared_is_not(store: TestStore) {
        let masking = Masking::builder()
            .path("args.card")
            .unwrap()
            .path("resource")
            .unwrap()
            .pattern(r"cust_\d+")
            .unwrap()
            .build();
        let ledger = store.masked(masking).await;
        let of = |card: &str| {
            refund_of(json!({"card": card, "customer": "cust_001"})).with(|call| {
                call.resources = vec!["/secret".into()];
                call.decision = review("cust_001 is new");
                call.decision.rules = ["ask about cust_001".to_owned()].into();
            })
        };
        let id = of("4111").pending(&ledger).await;
        assert_ne!(of("4112").pending(&ledger).await, id);
        let view = ledger.approvals().get(&id, &ann()).await.unwrap();
        assert_eq!(
            serde_json::Value::Object(view.arguments.clone()),
            json!({"card": "[masked]", "customer": "[masked]"})
        );
        assert_eq!(view.resources, ["[masked]"]);
        assert_eq!(view.reason, "[masked] is new");
        assert_eq!(view.rules, ["ask about [masked]"]);
        let view = ledger
            .approvals()
            .deny(&id, &ann(), "cust_001 called")
            .await
            .unwrap();
        assert_eq!(view.decisions[0].note, "[masked] called");
        let history = ledger.approvals().history(&id, &ann()).await.unwrap();
        let text = serde_json::to_string(&history).unwrap();
        assert!(!text.contains("4111") && !text.contains("cust_001"), "{text}");
    }

    async fn lists_hold_what_is_asked_for_and_no_more(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let approvals = ledger.approvals();
        let mut ids = Vec::new();
        for amount in 0..5 {
            let tenant = if amount == 4 { "globex" } else { "acme" };
            let asking = refund_of(json!({"amount": amount}))
                .with(|call| call.context.tenant_id = Some(tenant.to_owned()));
            ids.push(asking.pending(&ledger).await);
        }
        ids.sort();
        let listed = async |filter: ApprovalFilter, tenants: Tenants| -> Vec<String> {
            let mut reviewer = ann();
            reviewer.tenants = tenants;
            let list = approvals.list(&filter, &reviewer).await.unwrap();
            list.into_iter().map(|view| view.id).collect()
        };
        assert_eq!(listed(ApprovalFilter::pending(), Tenants::All).await, ids);
        let newest = listed(ApprovalFilter::all().newest_first().limit(2), Tenants::All).await;
        assert_eq!(newest, [ids[4].clone(), ids[3].clone()]);
        let next = ApprovalFilter::all().newest_first().limit(2).after(&newest[1]);
        assert_eq!(
            listed(next, Tenants::All).await,
            [ids[2].clone(), ids[1].clone()]
        );
        let acme = Tenants::Only(["acme".to_owned()].into());
        assert_eq!(listed(ApprovalFilter::all(), acme.clone()).await.len(), 4);
        let other = ApprovalFilter::all().tenant("globex");
        assert_eq!(listed(other, acme).await.len(), 0);
        assert_eq!(
            listed(ApprovalFilter::all(), Tenants::Only([].into())).await.len(),
            0
        );
        approvals.deny(&ids[0], &ann(), "").await.unwrap();
        assert_eq!(listed(ApprovalFilter::history(), Tenants::All).await, ids[..1]);
        let of_session = ApprovalFilter::pending().session("s1").tool("refund");
        assert_eq!(listed(of_session, Tenants::All).await.len(), 4);
        let nobody = ApprovalFilter::all().principal("nobody");
        assert_eq!(listed(nobody, Tenants::All).await.len(), 0);
    }
}
