//! The gate: review, record, budget, and every fault on the way to a decision.

mod record;
mod resources;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kitelogik_core::{
    Approval, ApprovalRequest, Approver, ApproverError, BoxFuture, EngineError, FailClosed,
    Outcome, PlanStep, PolicyDecision, PolicyEngine, PolicyInput, RiskTier, SessionContext,
    Verdict,
};
use kitelogik_opa::{CallRequest, PermitError, PolicyGate, Session};
use serde_json::{Map, Value, json};

pub(crate) use self::record::Memory;

/// Answers with what the action is named after, and remembers the input documents it saw.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    seen: Arc<Mutex<Vec<Value>>>,
}

impl PolicyEngine for Scripted {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        let document = serde_json::to_value(input).unwrap();
        self.seen.lock().unwrap().push(document.clone());
        let action = input.event().action().to_owned();
        assert_ne!(
            action, "panic_at_once",
            "the engine panics before its future"
        );
        Box::pin(async move {
            let used = document["context"]["budget_used_api_calls"]
                .as_u64()
                .unwrap();
            let result = match action.as_str() {
                "deny" => json!({"deny": ["no"]}),
                "deny_tmp" => json!({
                    "allow": true,
                    "deny": document["resource_path"].as_str().filter(|path| path.starts_with("/tmp"))
                        .map(|path| vec![format!("not {path}")]).unwrap_or_default(),
                }),
                "copy" => match document["resource_path"].as_str() {
                    Some("flagged") => json!({"allow": true, "requires_hitl": true}),
                    Some("allowed") => json!({"allow": true}),
                    _ => json!({}),
                },
                "slow" => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    json!({"allow": true})
                }
                "faulty" => {
                    let mut decision = PolicyDecision::from_result(
                        &json!({"allow": true}),
                        "data.kitelogik.main",
                    )?;
                    if document["resource_path"] != "a" {
                        decision.fail_closed = Some(FailClosed::EngineTimeout);
                    }
                    return Ok(decision);
                }
                "review" => json!({"allow": true, "requires_hitl": true}),
                "refuse" => json!({}),
                "limited" => json!({"allow": used < 3}),
                "panic" => panic!("the engine panics inside its future"),
                "hang" => std::future::pending().await,
                "unreachable" => {
                    return Err(EngineError::new(
                        FailClosed::EngineUnreachable,
                        "10.0.0.1 refused",
                    ));
                }
                "granted_by_the_engine" => {
                    let mut decision = PolicyDecision::from_result(
                        &json!({"requires_hitl": true}),
                        "data.kitelogik.main",
                    )?;
                    decision.approval = Some(Approval::Granted {
                        request: "apr_0".into(),
                        approver: "nobody".into(),
                    });
                    return Ok(decision);
                }
                _ => json!({"allow": true}),
            };
            PolicyDecision::from_result(&result, "data.kitelogik.main")
        })
    }
}

pub(crate) fn call(action: &str) -> CallRequest {
    CallRequest {
        tool: "tool".into(),
        action: action.into(),
        ..CallRequest::default()
    }
}

pub(crate) fn session(gate: &PolicyGate) -> Session {
    gate.session(SessionContext::new("s1"))
}

pub(crate) async fn denial(gate: &PolicyGate, action: &str) -> Arc<PolicyDecision> {
    let error = session(gate).authorize(call(action)).await.unwrap_err();
    assert_eq!(error.tool, "tool");
    error.decision
}

#[tokio::test]
async fn only_an_allow_gives_a_permit() {
    let gate = PolicyGate::new(Scripted::default());
    assert!(session(&gate).authorize(call("allow")).await.is_ok());
    assert_eq!(denial(&gate, "deny").await.verdict, Verdict::Deny);
    assert_eq!(
        denial(&gate, "review").await.verdict,
        Verdict::RequireApproval
    );
    assert_eq!(denial(&gate, "refuse").await.verdict, Verdict::Refuse);
}

#[tokio::test]
async fn each_fault_of_an_engine_is_a_denial_with_its_code() {
    let gate = PolicyGate::builder(Scripted::default())
        .decision_timeout(Duration::from_millis(20))
        .build();
    for (action, code) in [
        ("panic", FailClosed::InternalError),
        ("panic_at_once", FailClosed::InternalError),
        ("hang", FailClosed::EngineTimeout),
        ("unreachable", FailClosed::EngineUnreachable),
    ] {
        let decision = denial(&gate, action).await;
        assert_eq!(decision.verdict, Verdict::Deny, "{action}");
        assert_eq!(decision.fail_closed, Some(code), "{action}");
        assert_eq!(decision.risk_tier, RiskTier::SecurityCritical, "{action}");
        assert_eq!(decision.reason, code.public_reason(), "{action}");
    }
    let detail = denial(&gate, "panic").await.detail.clone().unwrap();
    assert!(
        detail.contains("the engine panics inside its future"),
        "{detail}"
    );
}

#[test]
fn without_a_timer_every_decision_is_a_denial() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let gate = PolicyGate::new(Scripted::default());
    let decision = runtime.block_on(denial(&gate, "allow"));
    assert_eq!(decision.fail_closed, Some(FailClosed::InternalError));
}

#[tokio::test]
async fn a_permit_opens_only_for_its_tool_and_action_and_yields_the_judged_arguments() {
    let gate = PolicyGate::new(Scripted::default());
    let args: Map<String, Value> = json!({"b": [1, 2.5], "a": "x"})
        .as_object()
        .unwrap()
        .clone();
    let request = || CallRequest {
        args: args.clone().into(),
        ..call("allow")
    };
    let permit = session(&gate).authorize(request()).await.unwrap();
    let (opened, context, running) = permit.open::<Value>("tool", "allow").unwrap().into_parts();
    assert_eq!(opened, Value::Object(args.clone()));
    assert_eq!(context.session_id, "s1");
    running.ended(Outcome::Ran);

    for (tool, action) in [("other", "allow"), ("tool", "other")] {
        let permit = session(&gate).authorize(request()).await.unwrap();
        let error = permit.open::<Value>(tool, action).unwrap_err();
        assert!(matches!(error, PermitError::OtherTool { .. }), "{error}");
    }
    let permit = session(&gate).authorize(request()).await.unwrap();
    let error = permit.open::<Vec<u8>>("tool", "allow").unwrap_err();
    assert!(matches!(error, PermitError::Arguments(_)), "{error}");
}

#[tokio::test]
async fn the_longest_time_limit_there_is_is_one() {
    let gate = PolicyGate::builder(Scripted::default())
        .decision_timeout(Duration::MAX)
        .build();
    let request = CallRequest {
        resources: ["a", "b"].map(str::to_owned).into(),
        ..call("allow")
    };
    assert!(session(&gate).authorize(request).await.is_ok());
}

pub(crate) enum Reviewer {
    Says(Approval),
    Fails,
    Panics,
    Hangs,
}

impl Approver for Reviewer {
    fn approve<'a>(
        &'a self,
        request: &'a ApprovalRequest<'a>,
    ) -> BoxFuture<'a, Result<Approval, ApproverError>> {
        assert_eq!(request.decision.verdict, Verdict::RequireApproval);
        Box::pin(async move {
            match self {
                Self::Says(approval) => Ok(approval.clone()),
                Self::Fails => Err(ApproverError::new("nobody on duty")),
                Self::Panics => panic!("the approver panics"),
                Self::Hangs => std::future::pending().await,
            }
        })
    }
}

pub(crate) fn reviewed(reviewer: Reviewer) -> PolicyGate {
    PolicyGate::builder(Scripted::default())
        .approver(reviewer)
        .approval_timeout(Duration::from_millis(20))
        .build()
}

#[tokio::test]
async fn a_granted_approval_gives_a_permit_for_a_review_and_for_nothing_else() {
    let granted = || Approval::Granted {
        request: "apr_1".into(),
        approver: "ada".into(),
    };
    let gate = reviewed(Reviewer::Says(granted()));
    let permit = session(&gate).authorize(call("review")).await.unwrap();
    assert_eq!(permit.decision().approval, Some(granted()));
    // The reviewer asserts that it is asked about reviews alone.
    assert_eq!(denial(&gate, "deny").await.verdict, Verdict::Deny);
    assert_eq!(denial(&gate, "refuse").await.verdict, Verdict::Refuse);
}

#[tokio::test]
async fn an_approver_that_denies_fails_hangs_or_panics_is_a_denial() {
    let denied = Approval::Denied {
        request: "apr_1".into(),
        approver: "ada".into(),
    };
    let decision = denial(&reviewed(Reviewer::Says(denied)), "review").await;
    assert_eq!(
        (decision.verdict, decision.fail_closed),
        (Verdict::Deny, None)
    );

    for reviewer in [Reviewer::Fails, Reviewer::Panics, Reviewer::Hangs] {
        let decision = denial(&reviewed(reviewer), "review").await;
        assert_eq!(decision.verdict, Verdict::Deny);
        assert_eq!(decision.fail_closed, Some(FailClosed::InternalError));
    }
}

#[tokio::test]
async fn a_pending_approval_does_not_run_and_names_its_request() {
    let pending = Approval::Pending {
        request: "apr_1".into(),
    };
    let decision = denial(&reviewed(Reviewer::Says(pending.clone())), "review").await;
    assert_eq!(decision.verdict, Verdict::RequireApproval);
    assert_eq!(decision.approval, Some(pending));
}

#[tokio::test]
async fn an_engine_cannot_approve() {
    let decision = denial(
        &PolicyGate::new(Scripted::default()),
        "granted_by_the_engine",
    )
    .await;
    assert_eq!(decision.approval, None);
}

#[tokio::test]
async fn parallel_calls_share_no_figure_of_the_budget_and_a_limit_of_three_lets_three_run() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let session = session(&gate);
    let calls = (0..50).map(|_| session.authorize(call("limited")));
    let permits: Vec<_> = futures_util::future::join_all(calls).await;
    assert_eq!(permits.iter().filter(|permit| permit.is_ok()).count(), 3);
    drop(permits);
    assert_eq!(
        session.usage().api_calls,
        Some(0),
        "calls that never ran are given back"
    );
}

#[tokio::test]
async fn a_call_whose_body_began_stays_counted() {
    let gate = PolicyGate::new(Scripted::default());
    let session = session(&gate);
    let permit = session.authorize(call("allow")).await.unwrap();
    drop(permit.open::<Value>("tool", "allow").unwrap());
    session.authorize(call("deny")).await.unwrap_err();
    assert_eq!(session.usage().api_calls, Some(1));
}

#[tokio::test]
async fn what_the_host_says_was_spent_is_what_the_policy_sees() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let session = gate.session(SessionContext::new("s1").budget_tokens(1000));
    session.spend(400, 0);
    session.clone().spend(u64::MAX, 7);
    session.budget().await.unwrap();
    let seen = engine.seen.lock().unwrap();
    let context = &seen[0]["context"];
    assert_eq!(context["budget_total_tokens"], 1000);
    assert_eq!(
        context["budget_used_tokens"],
        u64::MAX,
        "it never wraps around"
    );
    assert_eq!(context["budget_used_cost_cents"], 7);
    assert_eq!(context["budget_total_cost_cents"], Value::Null);
}

#[tokio::test]
async fn the_other_events_have_calls_of_their_own() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let session = session(&gate);
    session
        .plan([PlanStep::new("read", Map::new())])
        .await
        .unwrap();
    session.handoff("billing", ["refund"]).await.unwrap();
    session.spawn(["refund"]).await.unwrap();
    session.budget().await.unwrap();
    let seen = engine.seen.lock().unwrap();
    let kinds: Vec<_> = seen
        .iter()
        .map(|input| input["event_type"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "agent.plan",
            "agent.delegate",
            "agent.spawn",
            "agent.budget"
        ]
    );
    assert_eq!(seen[0]["steps"], json!([{"action": "read", "args": {}}]));
    assert_eq!(seen[1]["delegation_target"], "billing");
    assert_eq!(seen[2]["requested_capabilities"], json!(["refund"]));
}

#[tokio::test]
async fn a_deadline_of_the_caller_is_kept_and_lengthens_nothing() {
    let gate = PolicyGate::builder(Scripted::default())
        .decision_timeout(Duration::from_millis(20))
        .build();
    for deadline in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        let session = session(&gate).within(deadline);
        let error = session.authorize(call("hang")).await.unwrap_err();
        assert_eq!(
            error.decision.fail_closed,
            Some(FailClosed::EngineTimeout),
            "{deadline:?}"
        );
    }
    assert!(
        session(&gate)
            .within(Duration::from_secs(1))
            .authorize(call("allow"))
            .await
            .is_ok()
    );
}
