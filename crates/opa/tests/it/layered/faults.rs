//! What an engine that fails, or does what it must not, is to the other layers.

use kitelogik_core::{
    Approval, BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput,
    RiskTier, Verdict,
};
use kitelogik_opa::Layered;
use serde_json::json;

use super::{Says, answers, decide, layer};

#[tokio::test]
async fn any_fault_of_any_layer_denies_with_its_code_and_names_the_layer() {
    let faults = [
        (
            Says::Fault(FailClosed::EngineTimeout),
            FailClosed::EngineTimeout,
        ),
        (
            Says::FaultInADecision(FailClosed::EvaluationError),
            FailClosed::EvaluationError,
        ),
        (Says::PanicAtOnce, FailClosed::InternalError),
        (Says::PanicWhenPolled, FailClosed::InternalError),
        (
            Says::Result(json!({"allow": "yes"})),
            FailClosed::MalformedDecision,
        ),
    ];
    for (fault, code) in faults {
        for broken in ["organisation", "team"] {
            let says = |name| {
                if name == broken {
                    fault.clone()
                } else {
                    Says::Result(json!({"allow": true}))
                }
            };
            let layered = Layered::builder()
                .guard("organisation", layer(says("organisation")))
                .grant("team", layer(says("team")))
                .build()
                .unwrap();
            let decision = decide(&layered).await;
            assert!(decision.denied(), "{fault:?} in {broken}");
            assert_eq!(decision.fail_closed, Some(code));
            assert_eq!(decision.risk_tier, RiskTier::SecurityCritical);
            let detail = decision.detail.unwrap();
            assert!(
                detail.starts_with(&format!("layer `{broken}`: ")),
                "{detail}"
            );
            assert_eq!(decision.reason, code.public_reason());
        }
    }
}

#[tokio::test]
async fn an_engine_cannot_bring_an_approval_along() {
    struct Approved;
    impl PolicyEngine for Approved {
        fn decide<'a>(
            &'a self,
            _input: &'a PolicyInput<'a>,
        ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
            Box::pin(async {
                let document = json!({"requires_hitl": true});
                let mut decision = PolicyDecision::from_result(&document, "data.layer")?;
                decision.approval = Some(Approval::Granted {
                    request: "apr_1".to_owned(),
                    approver: "nobody".to_owned(),
                });
                Ok(decision)
            })
        }
    }
    let layered = Layered::builder().grant("team", Approved).build().unwrap();
    let decision = decide(&layered).await;
    assert_eq!(decision.verdict, Verdict::RequireApproval);
    assert!(!decision.permits());
}

#[tokio::test]
async fn the_revision_names_every_layers_own() {
    let mut guard = answers(json!({"deny": true}));
    guard.revision = Some("5f3a".into());
    let mut team = answers(json!({"allow": true}));
    team.revision = Some("09bc".into());
    let layered = Layered::builder()
        .guard("organisation", guard)
        .guard("region", answers(json!({})))
        .grant("team", team)
        .build()
        .unwrap();
    let wanted = "organisation=5f3a,region=unknown,team=09bc";
    assert_eq!(layered.revision().as_deref(), Some(wanted));
    assert_eq!(decide(&layered).await.revision.as_deref(), Some(wanted));

    let layered = Layered::builder()
        .grant("team", answers(json!({})))
        .build()
        .unwrap();
    assert_eq!(layered.revision(), None);
}

#[tokio::test]
async fn a_layer_that_is_not_asked_cannot_turn_a_deny_into_a_fault_by_its_revision() {
    let mut team = answers(json!({"allow": true}));
    team.has_no_name = true;
    let layered = Layered::builder()
        .guard(
            "organisation",
            answers(json!({"deny": ["no refunds today"]})),
        )
        .grant("team", team)
        .build()
        .unwrap();
    let decision = decide(&layered).await;
    assert_eq!(decision.reason, "no refunds today");
    assert_eq!(decision.fail_closed, None);
    assert_eq!(decision.revision, None);
    assert_eq!(layered.revision(), None);
}

#[tokio::test]
async fn health_is_the_health_of_every_layer() {
    let layered = Layered::builder()
        .guard("organisation", answers(json!({})))
        .grant("team", layer(Says::Fault(FailClosed::EngineUnreachable)))
        .build()
        .unwrap();
    let error = layered.health().await.unwrap_err();
    assert_eq!(error.code(), FailClosed::EngineUnreachable);
    assert_eq!(error.detail(), "layer `team`: the cause");
}
