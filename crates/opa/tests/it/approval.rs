//! Approvals: what is judged again, and which grants count.

use std::sync::{Arc, Mutex};

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, ApproverError, BoxFuture, EngineError, FailClosed,
    PolicyDecision, PolicyEngine, PolicyInput, Use, Verdict,
};
use kitelogik_opa::{CallRequest, PolicyGate};
use serde_json::{Map, Value, json};

use crate::gate::{Reviewer, call, denial, reviewed, session};

/// The reason, the resources and the tool's schema of a request.
type Seen = (String, Vec<String>, Option<String>);

/// Grants at once, and lets a test look at, and change, what happens before the grant is used.
pub(crate) struct Granting {
    asked: Arc<Mutex<Vec<Seen>>>,
    uses: Arc<Mutex<Vec<Use>>>,
    after_asking: Box<dyn Fn() + Send + Sync>,
}

impl Granting {
    pub(crate) fn new(uses: &[Use], after_asking: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            asked: Arc::default(),
            uses: Arc::new(Mutex::new(uses.to_vec())),
            after_asking: Box::new(after_asking),
        }
    }
}

impl Approver for Granting {
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        let mut asked = self.asked.lock().unwrap();
        asked.push((
            request.decision.reason.clone(),
            request.resources.to_vec(),
            request.tool_schema.map(str::to_owned),
        ));
        (self.after_asking)();
        let request = format!("apr_{}", asked.len());
        Box::pin(async move {
            Ok(Approval::Granted {
                request,
                approver: "ann".into(),
            })
        })
    }

    fn use_up<'a>(
        &'a self,
        _: &'a ApprovalRequest<'a>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Use, ApproverError>> {
        let mut uses = self.uses.lock().unwrap();
        let answer = if uses.is_empty() {
            Err(ApproverError::new("the store is gone"))
        } else {
            Ok(uses.remove(0))
        };
        Box::pin(async move { answer })
    }
}

/// Answers with what was set last.
#[derive(Clone)]
pub(crate) struct Changing(Arc<Mutex<Value>>);

impl Changing {
    pub(crate) fn new(result: Value) -> Self {
        Self(Arc::new(Mutex::new(result)))
    }

    fn set(&self, result: Value) {
        *self.0.lock().unwrap() = result;
    }
}

impl PolicyEngine for Changing {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let result = self.0.lock().unwrap().clone();
        Box::pin(async move { PolicyDecision::from_result(&result, "data.kitelogik.main") })
    }
}

pub(crate) fn reviewed_for(reason: &str) -> Value {
    json!({"requires_hitl": true, "hitl_reason": [reason], "rules": [reason]})
}

/// What is reviewed as large, with one more thing said of it.
fn with(key: &str, value: &str) -> Value {
    let mut result = reviewed_for("large");
    result[key] = json!(value);
    result
}

#[tokio::test]
async fn a_grant_counts_only_while_the_policy_wants_the_same_or_allows() {
    for (later, runs, asked) in [
        (reviewed_for("large"), true, 1),
        (json!({"allow": true}), true, 1),
        (json!({"deny": ["closed"]}), false, 1),
        (json!({}), false, 1),
        // Other reasons, another rule or more harm are asked for anew.
        (reviewed_for("larger"), true, 2),
        (with("rule_matched", "another"), true, 2),
        (with("risk_tier", "DESTRUCTIVE"), true, 2),
        (with("risk_tier", "INFORMATIONAL"), true, 1),
    ] {
        let policy = Changing::new(reviewed_for("large"));
        let (changed, next) = (policy.clone(), later.clone());
        let approver = Granting::new(&[Use::Taken], move || changed.set(next.clone()));
        let seen = Arc::clone(&approver.asked);
        let gate = PolicyGate::builder(policy).approver(approver).build();
        let permit = session(&gate).authorize(call("act")).await;
        assert_eq!(permit.is_ok(), runs, "{later}");
        assert_eq!(seen.lock().unwrap().len(), asked, "{later}");
        if let Ok(permit) = permit {
            let approval = permit.decision().approval.clone().unwrap();
            assert_eq!(approval.request(), format!("apr_{asked}"));
        }
    }
}

#[tokio::test]
async fn a_grant_that_another_call_used_asks_anew_and_one_that_cannot_be_used_denies() {
    let gate = |uses: &[Use]| {
        let approver = Granting::new(uses, || {});
        let asked = Arc::clone(&approver.asked);
        let policy = Changing::new(reviewed_for("large"));
        (
            PolicyGate::builder(policy).approver(approver).build(),
            asked,
        )
    };
    let (second, asked) = gate(&[Use::Gone, Use::Taken]);
    let permit = session(&second).authorize(call("act")).await.unwrap();
    assert_eq!(
        permit.decision().approval.as_ref().unwrap().request(),
        "apr_2"
    );
    assert_eq!(asked.lock().unwrap().len(), 2);

    let (never, asked) = gate(&[Use::Gone; 9]);
    assert_eq!(
        denial(&never, "act").await.fail_closed,
        Some(FailClosed::InternalError)
    );
    assert_eq!(asked.lock().unwrap().len(), 3, "it gives up");

    let (broken, _) = gate(&[]);
    let decision = denial(&broken, "act").await;
    assert_eq!(decision.fail_closed, Some(FailClosed::InternalError));
    assert_eq!(decision.reason, "the approval could not be used");
}

#[tokio::test]
async fn the_approver_sees_every_resource_and_the_schema_of_the_tool() {
    let approver = Granting::new(&[Use::Taken], || {});
    let asked = Arc::clone(&approver.asked);
    let policy = Changing::new(reviewed_for("large"));
    let gate = PolicyGate::builder(policy).approver(approver).build();
    let request = CallRequest {
        resources: vec!["/a".into(), "/b".into()],
        tool_schema: Some("{}".into()),
        ..call("act")
    };
    assert!(session(&gate).authorize(request).await.is_ok());
    let expected = (
        "large".to_owned(),
        vec!["/a".to_owned(), "/b".to_owned()],
        Some("{}".to_owned()),
    );
    assert_eq!(*asked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn other_arguments_that_a_reviewer_wants_are_told_and_nothing_runs() {
    let arguments = Map::from_iter([("amount".to_owned(), json!(50))]);
    let gate = reviewed(Reviewer::Says(Approval::Edited {
        request: "apr_1".into(),
        approver: "ann".into(),
        arguments,
    }));
    let decision = denial(&gate, "review").await;
    assert_eq!(decision.verdict, Verdict::Refuse);
    assert_eq!(
        decision.reason,
        r#"a reviewer asks for other arguments: {"amount":50}"#
    );
}

#[tokio::test]
async fn an_approval_that_expired_does_not_run() {
    let gate = reviewed(Reviewer::Says(Approval::Expired {
        request: "apr_1".into(),
    }));
    let decision = denial(&gate, "review").await;
    assert_eq!(decision.verdict, Verdict::RequireApproval);
}

/// Has too much to do to ask anybody.
struct Busy;

impl Approver for Busy {
    fn approve<'a>(
        &'a self,
        _: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        Box::pin(async { Err(ApproverError::not_asked("20 calls wait already")) })
    }
}

#[tokio::test]
async fn a_call_that_nobody_was_asked_about_says_why_and_does_not_run() {
    let policy = Changing::new(reviewed_for("large"));
    let gate = PolicyGate::builder(policy).approver(Busy).build();
    let error = session(&gate).authorize(call("act")).await.unwrap_err();
    assert_eq!(error.decision.verdict, Verdict::RequireApproval);
    assert_eq!(error.decision.reason, "20 calls wait already");
    assert_eq!(error.decision.fail_closed, None);
}

/// Grants once it is let go.
struct Patient(Arc<tokio::sync::Semaphore>);

impl Approver for Patient {
    fn approve<'a>(
        &'a self,
        _: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        Box::pin(async {
            let _go = self.0.acquire().await.unwrap();
            Ok(Approval::Granted {
                request: "apr_1".into(),
                approver: "ann".into(),
            })
        })
    }
}

/// Lets the first call of a session run, once a person has approved it, and no other.
struct FirstOnly;

impl PolicyEngine for FirstOnly {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let first = input.usage().api_calls == Some(0);
        let result = json!({"allow": first, "requires_hitl": first});
        Box::pin(async move { PolicyDecision::from_result(&result, "data.kitelogik.main") })
    }
}

#[tokio::test]
async fn calls_that_come_while_a_person_decides_do_not_push_a_call_over_its_limit() {
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let gate = PolicyGate::builder(FirstOnly)
        .approver(Patient(Arc::clone(&go)))
        .build();
    let session = session(&gate);
    let waiting = session.authorize(call("act"));
    let meanwhile = async {
        // The first call has its place by now: this one comes after it, and is refused.
        let second = session.authorize(call("act")).await.unwrap_err();
        assert_eq!(second.decision.verdict, Verdict::Refuse);
        let third = session.clone();
        let held = tokio::spawn(async move { third.authorize(call("act")).await.is_ok() });
        assert!(!held.await.unwrap());
        go.add_permits(1);
    };
    let (first, ()) = tokio::join!(waiting, meanwhile);
    assert!(first.is_ok());
}
