//! Approvals in the hands of a gate with a real policy.

use std::sync::{Arc, Mutex};

use kitelogik_core::{
    Approval, BoxFuture, EngineError, GovernanceError, PolicyDecision, PolicyEngine, PolicyInput,
    SessionContext, Verdict,
};
use kitelogik_ledger::{ApprovalOptions, ApprovalState, ApprovalView, Ledger};
use kitelogik_opa::{CallRequest, Embedded, Permit, PolicyGate, Session};
use kitelogik_policy::Policy;
use serde_json::json;

use super::desk::{ann, object, steps};
use crate::stores::on_both_stores;

const REVIEWED: &str = r#"package kitelogik.userpolicy
hitl contains "a person looks at refunds over $100" if input.args.amount > 100
rules contains "large_refund" if input.args.amount > 100
"#;

/// A policy that can be another one from one moment to the next.
#[derive(Clone)]
struct Changing(Arc<Mutex<Arc<Embedded>>>);

fn engine(rego: &str) -> Arc<Embedded> {
    let policy = Policy::builder()
        .rego("refunds.rego", rego)
        .build()
        .unwrap();
    Arc::new(Embedded::new(policy).unwrap())
}

impl Changing {
    fn new(rego: &str) -> Self {
        Self(Arc::new(Mutex::new(engine(rego))))
    }

    fn change(&self, rego: &str) {
        *self.0.lock().unwrap() = engine(rego);
    }
}

impl PolicyEngine for Changing {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let engine = Arc::clone(&self.0.lock().unwrap());
        Box::pin(async move { engine.decide(input).await })
    }
}

fn session(policy: &Changing, ledger: &Ledger) -> Session {
    let gate = PolicyGate::builder(policy.clone())
        .approver(ledger.approvals().waiting())
        .build();
    gate.session(SessionContext::new("s1").principal("sam"))
}

async fn refund(session: &Session, amount: u32) -> Result<Permit, GovernanceError> {
    let call = CallRequest {
        tool: "approve_refund".into(),
        action: "approve_refund".into(),
        args: object(json!({"amount": amount})).into(),
        ..CallRequest::default()
    };
    session.authorize(call).await
}

/// What becomes of a refund of 150 that is approved after `policy` became `meanwhile`, and of its
/// request. Where it is asked for anew, that is denied.
async fn changed(
    ledger: &Ledger,
    meanwhile: &str,
) -> (Result<Permit, GovernanceError>, ApprovalView) {
    let policy = Changing::new(REVIEWED);
    let session = session(&policy, ledger);
    let approvals = ledger.approvals();
    let reviewer = ann();
    let mut requests = approvals.watch(&reviewer);
    let people = async {
        let first = requests.next().await.unwrap();
        policy.change(meanwhile);
        approvals.approve(&first.id, &reviewer, "").await.unwrap();
        loop {
            let next = requests.next().await.unwrap();
            if next.id != first.id {
                approvals.deny(&next.id, &reviewer, "").await.unwrap();
            }
            if next.id != first.id || next.state == ApprovalState::Used {
                return first.id;
            }
        }
    };
    let mut people = std::pin::pin!(people);
    let mut call = std::pin::pin!(refund(&session, 150));
    let mut first = None;
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer,
            id = &mut people, if first.is_none() => first = Some(id),
        }
    };
    let all = kitelogik_ledger::ApprovalFilter::all();
    let oldest = approvals.list(&all, &reviewer).await.unwrap().remove(0);
    (answer, oldest)
}

on_both_stores! {
    async fn an_approval_counts_while_the_policy_asks_for_the_same(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let (answer, request) = changed(&ledger, REVIEWED).await;
        assert_eq!(request.state, ApprovalState::Used);
        let approval = answer.unwrap().decision().approval.clone().unwrap();
        assert_eq!(approval.request(), request.id);
    }

    async fn a_call_that_the_policy_now_allows_uses_its_approval(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let allowing = "package kitelogik.userpolicy\nallow if input.args.amount <= 200";
        let (answer, request) = changed(&ledger, allowing).await;
        assert!(answer.unwrap().decision().allowed());
        assert_eq!(request.state, ApprovalState::Used);
    }

    async fn a_call_that_the_policy_now_denies_does_not_run_whatever_was_approved(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let closed = "package kitelogik.userpolicy\ndeny contains \"closed\" if true";
        let (answer, request) = changed(&ledger, closed).await;
        let decision = answer.unwrap_err().decision;
        assert_eq!((decision.verdict, &*decision.reason), (Verdict::Deny, "closed"));
        assert_eq!(request.state, ApprovalState::Approved);
    }

    async fn a_call_that_the_policy_asks_about_for_other_reasons_is_asked_for_anew(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let other = REVIEWED.replace("refunds over $100", "refunds of new customers");
        let (answer, request) = changed(&ledger, &other).await;
        let decision = answer.unwrap_err().decision;
        assert_eq!(decision.reason, "a reviewer denied this call");
        assert_eq!(request.state, ApprovalState::Expired);
        assert_eq!(
            steps(&ledger, &request.id).await,
            ["requested", "approved", "expired: the policy asks for other reasons"]
        );
        assert!(matches!(
            &decision.approval,
            Some(Approval::Denied { request: id, .. }) if *id != request.id
        ));
    }

    async fn two_that_wait_for_one_request_do_not_both_run_on_it(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let policy = Changing::new(REVIEWED);
        let session = session(&policy, &ledger);
        let approvals = ledger.approvals();
        let reviewer = ann();
        let mut requests = approvals.watch(&reviewer);
        let people = async {
            let mut asked = std::collections::BTreeSet::new();
            while asked.len() < 2 {
                let request = requests.next().await.unwrap();
                if asked.insert(request.id.clone()) {
                    approvals.approve(&request.id, &reviewer, "").await.unwrap();
                }
            }
        };
        let (one, other, ()) =
            tokio::join!(refund(&session, 150), refund(&session, 150), people);
        let id = |permit: Result<Permit, GovernanceError>| {
            let permit = permit.unwrap();
            permit.decision().approval.clone().unwrap().request().to_owned()
        };
        assert_ne!(id(one), id(other));
    }

    async fn the_model_learns_that_too_much_waits(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new().pending_per_session(1)).await;
        let policy = Changing::new(REVIEWED);
        let gate = PolicyGate::builder(policy)
            .approver(ledger.approvals().pending())
            .build();
        let session = gate.session(SessionContext::new("s1"));
        refund(&session, 150).await.unwrap_err();
        let decision = refund(&session, 151).await.unwrap_err().decision;
        assert_eq!(decision.verdict, Verdict::RequireApproval);
        assert_eq!(decision.fail_closed, None);
        assert!(decision.reason.starts_with("as many calls of this session wait for a person as may (1)"));
    }
}
