//! A candidate policy beside the one in force.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, GovernanceEvent, MASKED, Masking, PolicyDecision,
    PolicyEngine, PolicyInput, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::{Flip, PolicyGate, Shadow, ShadowBuilder, ShadowCounts};
use serde_json::json;

use crate::gate::{Scripted, call, denial, session};

/// Denies the action `allow`, and cannot decide `unknown`.
struct Candidate;

impl PolicyEngine for Candidate {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            let result = match input.event().action() {
                "allow" => json!({"deny": ["ann@example.com is away"], "rule_matched": "away"}),
                "unknown" => panic!("the candidate panics"),
                _ => json!({"allow": true}),
            };
            PolicyDecision::from_result(&result, "data.kitelogik.main")
        })
    }
}

fn watched(builder: ShadowBuilder) -> (Shadow, Receiver<Flip>) {
    let (flips, told) = channel();
    let shadow = builder.on_flip(move |flip| flips.send(flip.clone()).unwrap());
    (shadow.build().unwrap(), told)
}

/// Waits until the shadow has seen what `done` asks for.
async fn counts(shadow: &Shadow, done: impl Fn(&ShadowCounts) -> bool) -> ShadowCounts {
    loop {
        let counts = shadow.counts();
        if done(&counts) {
            return counts;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn only_flips_are_told_and_no_decision_changes() {
    let (shadow, told) = watched(Shadow::builder(Scripted::default(), Candidate));
    let gate = PolicyGate::new(shadow.clone());
    assert!(session(&gate).authorize(call("allow")).await.is_ok());
    assert!(session(&gate).authorize(call("same")).await.is_ok());
    assert_eq!(denial(&gate, "refuse").await.verdict, Verdict::Refuse);

    let flip = told.recv().unwrap();
    assert_eq!(flip.event.action(), "allow");
    assert_eq!(flip.session_id, "s1");
    assert_eq!(
        (flip.old.verdict, flip.new.verdict),
        (Verdict::Allow, Verdict::Deny)
    );
    assert_eq!(flip.new.rule_matched.as_deref(), Some("away"));
    let flip = told.recv().unwrap();
    assert_eq!(
        (flip.old.verdict, flip.new.verdict),
        (Verdict::Refuse, Verdict::Allow)
    );
    let counts = shadow.counts();
    assert_eq!((counts.compared, counts.flips, counts.dropped), (3, 2, 0));
    assert_eq!(shadow.flips().len(), 2);
}

#[tokio::test]
async fn what_either_could_not_decide_is_counted_and_no_flip() {
    let (shadow, _told) = watched(Shadow::builder(Scripted::default(), Candidate));
    let gate = PolicyGate::new(shadow.clone());
    assert!(session(&gate).authorize(call("unknown")).await.is_ok());
    assert_eq!(
        denial(&gate, "unreachable").await.fail_closed,
        Some(FailClosed::EngineUnreachable)
    );
    let counts = counts(&shadow, |counts| !counts.candidate_failed.is_empty()).await;
    assert_eq!(counts.candidate_failed.get("internal_error"), Some(&1));
    assert_eq!(counts.active_failed.get("engine_unreachable"), Some(&1));
    assert_eq!((counts.compared, counts.flips), (0, 0));
}

/// Answers once it is let go.
struct Held(Arc<tokio::sync::Semaphore>);

impl PolicyEngine for Held {
    fn decide<'a>(
        &'a self,
        _: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        Box::pin(async move {
            let _held = self.0.acquire().await.unwrap();
            PolicyDecision::from_result(&json!({"deny": ["no"]}), "data.kitelogik.main")
        })
    }
}

#[tokio::test]
async fn a_candidate_that_does_not_keep_up_delays_nothing_and_its_queue_is_bounded() {
    let gone = Arc::new(tokio::sync::Semaphore::new(0));
    let builder = Shadow::builder(Scripted::default(), Held(Arc::clone(&gone))).max_queued(4);
    let (shadow, _told) = watched(builder.max_flips(2));
    let gate = PolicyGate::new(shadow.clone());
    for _ in 0..50 {
        assert!(session(&gate).authorize(call("allow")).await.is_ok());
    }
    let dropped = shadow.counts().dropped;
    assert!((45..=46).contains(&dropped), "{dropped}");

    gone.add_permits(1);
    let counts = counts(&shadow, |counts| counts.compared + counts.dropped == 50).await;
    assert_eq!(counts.flips, counts.compared);
    assert_eq!(shadow.flips().len(), 2);
    assert_eq!(counts.forgotten, counts.flips - 2);
}

#[tokio::test]
async fn large_questions_are_bounded_by_their_size() {
    let gone = Arc::new(tokio::sync::Semaphore::new(0));
    let builder = Shadow::builder(Scripted::default(), Held(gone));
    let shadow = builder.max_queued_bytes(100_000).build().unwrap();
    let gate = PolicyGate::new(shadow.clone());
    let args = json!({"text": "x".repeat(60_000)});
    let event = ToolCallInput::new("allow", args.as_object().cloned().unwrap());
    for _ in 0..3 {
        session(&gate)
            .evaluate(&GovernanceEvent::ToolCall(event.clone()))
            .await;
    }
    assert_eq!(shadow.counts().dropped, 2);
}

#[tokio::test]
async fn what_else_than_arguments_makes_a_question_large_counts_as_well() {
    let gone = Arc::new(tokio::sync::Semaphore::new(0));
    let builder = Shadow::builder(Scripted::default(), Held(gone));
    let shadow = builder.max_queued_bytes(100_000).build().unwrap();
    let gate = PolicyGate::new(shadow.clone());
    let large = || "x".repeat(120_000);
    let resource = ToolCallInput {
        resource_path: Some(large()),
        ..ToolCallInput::new("allow", serde_json::Map::new())
    };
    session(&gate)
        .evaluate(&GovernanceEvent::ToolCall(resource))
        .await;
    assert!(session(&gate).spawn([large()]).await.is_ok());
    assert!(session(&gate).handoff(large(), ["a"]).await.is_ok());
    assert_eq!(shadow.counts().dropped, 3);
}

#[tokio::test]
async fn flips_that_are_kept_are_bounded_by_their_size() {
    let (shadow, told) = watched(Shadow::builder(Scripted::default(), Candidate));
    let gate = PolicyGate::new(shadow.clone());
    let args = json!({"text": "x".repeat(6 * 1024 * 1024)});
    let event = ToolCallInput::new("allow", args.as_object().cloned().unwrap());
    let event = GovernanceEvent::ToolCall(event);
    for _ in 0..4 {
        session(&gate).evaluate(&event).await;
        told.recv().unwrap();
    }
    assert_eq!(shadow.flips().len(), 2);
    assert_eq!(shadow.counts().forgotten, 2);
}

#[tokio::test]
async fn flips_are_masked_and_a_listener_that_panics_ends_nothing() {
    let rules = Masking::builder()
        .path("args.pin")
        .and_then(|rules| rules.pattern("[a-z]+@[a-z.]+"))
        .unwrap()
        .build();
    let calls = Arc::new(Mutex::new(0));
    let heard = Arc::clone(&calls);
    let shadow = Shadow::builder(Scripted::default(), Candidate)
        .masking(rules)
        .on_flip(move |_| {
            *heard.lock().unwrap() += 1;
            panic!("the listener panics");
        })
        .build()
        .unwrap();
    let gate = PolicyGate::new(shadow.clone());
    let args = json!({"pin": 1234}).as_object().cloned().unwrap();
    let event = GovernanceEvent::ToolCall(ToolCallInput::new("allow", args));
    let session = gate.session(SessionContext::new("s1").token("secret"));
    session.evaluate(&event).await;
    session.evaluate(&event).await;
    counts(&shadow, |counts| counts.flips == 2).await;
    let GovernanceEvent::ToolCall(call) = &shadow.flips()[0].event else {
        panic!("another event");
    };
    assert_eq!(call.args.object()["pin"], MASKED);
    assert_eq!(shadow.flips()[0].new.reason, "[masked] is away");
}
