//! Guards before the layer that grants.

mod faults;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kitelogik_core::{
    BoxFuture, BudgetUsage, EngineError, FailClosed, GovernanceEvent, LayerAnswer, LayerTrace,
    PolicyDecision, PolicyEngine, PolicyInput, RiskTier, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::{Layered, LayersError};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a layer of these tests answers.
#[derive(Clone, Debug)]
enum Says {
    Result(Value),
    Fault(FailClosed),
    FaultInADecision(FailClosed),
    PanicAtOnce,
    PanicWhenPolled,
}

struct Layer {
    says: Says,
    revision: Option<Arc<str>>,
    has_no_name: bool,
    asked: Arc<AtomicUsize>,
}

fn layer(says: Says) -> Layer {
    Layer {
        says,
        revision: None,
        has_no_name: false,
        asked: Arc::default(),
    }
}

fn answers(document: Value) -> Layer {
    layer(Says::Result(document))
}

impl PolicyEngine for Layer {
    fn decide<'a>(
        &'a self,
        _input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(!matches!(self.says, Says::PanicAtOnce), "broken engine");
        Box::pin(async {
            match &self.says {
                Says::Result(document) => {
                    let mut decision = PolicyDecision::from_result(document, "data.layer")?;
                    decision.revision.clone_from(&self.revision);
                    Ok(decision)
                }
                Says::Fault(code) => Err(EngineError::new(*code, "the cause")),
                Says::FaultInADecision(code) => {
                    let mut decision =
                        PolicyDecision::fail_closed(&EngineError::new(*code, "the cause"));
                    decision.verdict = Verdict::Allow;
                    Ok(decision)
                }
                Says::PanicAtOnce | Says::PanicWhenPolled => panic!("broken engine"),
            }
        })
    }

    fn revision(&self) -> Option<Arc<str>> {
        assert!(!self.has_no_name, "broken engine");
        self.revision.clone()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), EngineError>> {
        Box::pin(async {
            match &self.says {
                Says::Fault(code) => Err(EngineError::new(*code, "the cause")),
                _ => Ok(()),
            }
        })
    }
}

async fn decide(layered: &Layered) -> PolicyDecision {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("ping", serde_json::Map::new()));
    let context = SessionContext::new("example_01");
    let input = PolicyInput::new(&event, &context, BudgetUsage::default());
    layered.decide(&input).await.unwrap()
}

async fn two(guard: Value, grant: Value) -> PolicyDecision {
    let layered = Layered::builder()
        .guard("organisation", answers(guard))
        .grant("team", answers(grant))
        .build()
        .unwrap();
    decide(&layered).await
}

fn names(trace: &[LayerTrace]) -> Vec<&str> {
    trace.iter().map(|layer| layer.layer.as_str()).collect()
}

#[tokio::test]
async fn a_guards_allow_grants_nothing() {
    let decision = two(json!({"allow": true}), json!({})).await;
    assert_eq!(decision.verdict, Verdict::Refuse);
    assert_eq!(decision.reason, "no rule allows this call");
}

#[tokio::test]
async fn a_guards_silence_blocks_nothing() {
    let decision = two(json!({}), json!({"allow": true})).await;
    assert_eq!(decision.verdict, Verdict::Allow);
    assert_eq!(decision.rule_matched.as_deref(), Some("data.layer.allow"));
}

#[tokio::test]
async fn a_guards_deny_ends_the_call_and_the_layers_after_it_are_not_asked() {
    let grant = answers(json!({"allow": true}));
    let asked = grant.asked.clone();
    let layered = Layered::builder()
        .guard("law", answers(json!({})))
        .guard(
            "organisation",
            answers(json!({"deny": ["never"], "risk_tier": "DESTRUCTIVE"})),
        )
        .guard("region", answers(json!({})))
        .grant("team", grant)
        .build()
        .unwrap();
    let decision = decide(&layered).await;
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(decision.reason, "never");
    assert_eq!(decision.risk_tier, RiskTier::Destructive);
    assert_eq!(decision.fail_closed, None);
    assert_eq!(
        names(&decision.trace),
        ["law", "organisation", "region", "team"]
    );
    let skipped: Vec<_> = decision
        .trace
        .iter()
        .map(|layer| layer.answer == LayerAnswer::Skipped)
        .collect();
    assert_eq!(skipped, [false, false, true, true]);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_guards_request_for_review_is_not_loosened_by_the_grant() {
    let decision = two(
        json!({"hitl_reason": ["over 200"], "rules": ["ask_a_person"]}),
        json!({"allow": true, "rules": ["team_allows"]}),
    )
    .await;
    assert_eq!(decision.verdict, Verdict::RequireApproval);
    assert_eq!(decision.reason, "over 200");
    assert_eq!(
        decision.rule_matched.as_deref(),
        Some("data.layer.hitl_reason[_]")
    );
    assert!(decision.rules.contains("ask_a_person") && decision.rules.contains("team_allows"));
}

#[tokio::test]
async fn approving_what_a_guard_flagged_cannot_grant_what_no_layer_allows() {
    let decision = two(json!({"hitl_reason": ["over 200"]}), json!({})).await;
    assert_eq!(decision.verdict, Verdict::Refuse);
    assert_eq!(decision.reason, "no rule allows this call");
}

#[tokio::test]
async fn a_guard_that_must_allow_refuses_by_its_silence() {
    for (grant, verdict) in [
        (json!({"allow": true}), Verdict::Refuse),
        (json!({"requires_hitl": true}), Verdict::Refuse),
        (json!({"deny": true}), Verdict::Deny),
    ] {
        let layered = Layered::builder()
            .guard("organisation", answers(json!({})))
            .must_allow()
            .grant("team", answers(grant))
            .build()
            .unwrap();
        assert_eq!(decide(&layered).await.verdict, verdict);
    }
    let layered = Layered::builder()
        .guard("organisation", answers(json!({"allow": true})))
        .must_allow()
        .grant("team", answers(json!({"allow": true})))
        .build()
        .unwrap();
    assert!(decide(&layered).await.allowed());
}

#[tokio::test]
async fn reasons_of_several_layers_that_ask_for_review_are_joined() {
    let layered = Layered::builder()
        .guard("law", answers(json!({"hitl_reason": ["abroad"]})))
        .guard(
            "organisation",
            answers(json!({"hitl_reason": ["over 200"]})),
        )
        .grant("team", answers(json!({"allow": true})))
        .build()
        .unwrap();
    assert_eq!(decide(&layered).await.reason, "abroad; over 200");
}

#[tokio::test]
async fn layers_within_layers_show_in_the_trace_under_both_names() {
    let inner = Layered::builder()
        .guard("law", answers(json!({})))
        .grant("house", answers(json!({"allow": true})))
        .build()
        .unwrap();
    let layered = Layered::builder()
        .guard("organisation", inner)
        .must_allow()
        .grant("team", answers(json!({"allow": true})))
        .build()
        .unwrap();
    let decision = decide(&layered).await;
    assert!(decision.allowed());
    assert_eq!(
        names(&decision.trace),
        [
            "organisation",
            "organisation/law",
            "organisation/house",
            "team"
        ]
    );
}

#[test]
fn layers_that_make_no_engine_are_refused() {
    let any = || answers(json!({}));
    let table = [
        (Layered::builder().guard("a", any()), LayersError::NoGrant),
        (
            Layered::builder().grant("a", any()).grant("b", any()),
            LayersError::SecondGrant {
                first: "a".to_owned(),
                second: "b".to_owned(),
            },
        ),
        (
            Layered::builder().guard("a", any()).grant("a", any()),
            LayersError::DuplicateName("a".to_owned()),
        ),
        (Layered::builder().grant(" ", any()), LayersError::EmptyName),
        (
            Layered::builder().must_allow().grant("a", any()),
            LayersError::MustAllowWithoutGuard,
        ),
        (
            Layered::builder().grant("a", any()).must_allow(),
            LayersError::MustAllowWithoutGuard,
        ),
    ];
    for (builder, wanted) in table {
        assert_eq!(builder.build().err(), Some(wanted));
    }
}

fn says() -> impl Strategy<Value = Says> {
    let tier = prop::sample::select(vec!["INFORMATIONAL", "OPERATIONAL", "DESTRUCTIVE"]);
    prop_oneof![
        8 => (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), tier).prop_map(
            |(allow, review, deny, tier)| Says::Result(json!({
                "allow": allow,
                "requires_hitl": review,
                "deny": deny,
                "risk_tier": tier,
            }))
        ),
        1 => Just(Says::Fault(FailClosed::EngineUnreachable)),
        1 => Just(Says::FaultInADecision(FailClosed::EvaluationError)),
    ]
}

/// A layer's verdict; none where it failed.
fn verdict(says: &Says) -> Option<Verdict> {
    match says {
        Says::Result(document) => PolicyDecision::from_result(document, "data.layer")
            .ok()
            .map(|decision| decision.verdict),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn an_allow_needs_every_guard_to_let_pass_and_the_grant_to_allow(
        guards in prop::collection::vec((says(), any::<bool>()), 0..4),
        grant in says(),
    ) {
        let mut builder = Layered::builder();
        for (number, (says, must_allow)) in guards.iter().enumerate() {
            builder = builder.guard(format!("guard {number}"), layer(says.clone()));
            if *must_allow {
                builder = builder.must_allow();
            }
        }
        let layered = builder.grant("grant", layer(grant.clone())).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decision = runtime.block_on(decide(&layered));

        let guards: Vec<_> = guards
            .iter()
            .map(|(says, must_allow)| (verdict(says), *must_allow))
            .collect();
        let grant = verdict(&grant);
        let blocks = |verdict: Option<Verdict>| matches!(verdict, None | Some(Verdict::Deny));
        let denied = guards.iter().any(|(verdict, _)| blocks(*verdict)) || blocks(grant);
        let refused = grant == Some(Verdict::Refuse)
            || guards.iter().any(|(verdict, must_allow)| {
                *must_allow && *verdict == Some(Verdict::Refuse)
            });
        let review = grant == Some(Verdict::RequireApproval)
            || guards.iter().any(|(verdict, _)| *verdict == Some(Verdict::RequireApproval));
        let wanted = match (denied, refused, review) {
            (true, _, _) => Verdict::Deny,
            (_, true, _) => Verdict::Refuse,
            (_, _, true) => Verdict::RequireApproval,
            (false, false, false) => Verdict::Allow,
        };
        prop_assert_eq!(decision.verdict, wanted);

        let asked = decision.trace.iter().filter_map(|layer| match &layer.answer {
            LayerAnswer::Asked { risk_tier, .. } => Some(*risk_tier),
            LayerAnswer::Skipped => None,
        });
        prop_assert_eq!(Some(decision.risk_tier), asked.max());
        prop_assert_eq!(decision.trace.len(), guards.len() + 1);
    }
}
