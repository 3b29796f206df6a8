//! A copy of OPA's bundle in process, and when it may decide.

use std::time::Duration;

use kitelogik_core::{
    BudgetUsage, EngineError, FailClosed, GovernanceEvent, PolicyDecision, PolicyEngine,
    PolicyInput, SessionContext, ToolCallInput, Verdict,
};
use kitelogik_opa::{Embedded, Fallback, Layered, OpaClient};
use kitelogik_opa_process::{Opa, OpaProcess, opa_or_skip};
use kitelogik_policy::Policy;
use serde_json::{Map, json};

use crate::rest::peer::{Peer, Reply, answer, ok};

const POLICY: &str = r#"
package kitelogik.main

allow if input.action == "read"

deny contains "never" if input.action == "drop"

deny contains "failed" if {
	input.action == "fail"
	to_number("x") > 1
}
"#;

/// An OPA that has its policy from a bundle of this revision, and that bundle's folder.
fn bundled(opa: &Opa, revision: &str) -> (OpaProcess, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (policy, bundle) = (
        folder.path().join("main.rego"),
        folder.path().join("bundle.tar.gz"),
    );
    std::fs::write(&policy, POLICY).unwrap();
    let build = std::process::Command::new(opa.path())
        .args(["build", "--revision", revision, "--output"])
        .args([&bundle, &policy])
        .status()
        .unwrap();
    assert!(build.success());
    let server = opa.server().argument("--bundle").argument(bundle);
    (server.start().unwrap(), folder)
}

fn copy() -> Embedded {
    let policy = Policy::builder().rego("main.rego", POLICY);
    Embedded::new(policy.without_builtin_bundle().build().unwrap()).unwrap()
}

fn client(url: &str) -> OpaClient {
    let builder = OpaClient::builder().base_url(url);
    builder.timeout(Duration::from_secs(30)).build().unwrap()
}

/// OPA with the copy of revision `r7`.
fn with_copy(url: &str) -> Fallback {
    Fallback::new(client(url), copy()).known_as("r7")
}

async fn decide(engine: &dyn PolicyEngine, action: &str) -> Result<PolicyDecision, EngineError> {
    let event = GovernanceEvent::ToolCall(ToolCallInput::new(action, Map::new()));
    let context = SessionContext::new("example_01");
    engine
        .decide(&PolicyInput::new(&event, &context, BudgetUsage::default()))
        .await
}

/// A server that says this first, and then nothing any more.
async fn says_once(body: &'static str) -> Peer {
    Peer::start(move |number| match number {
        0 => Reply::Say(ok(body)),
        _ => Reply::Reset,
    })
    .await
}

#[tokio::test]
async fn the_copy_decides_while_opa_is_gone_and_the_decision_says_so() {
    let Some(opa) = opa_or_skip!() else { return };
    let (mut opa, _folder) = bundled(&opa, "r7");
    let engine = with_copy(&opa.url());
    let by_opa = decide(&engine, "read").await.unwrap();
    assert_eq!(
        (by_opa.fallback, by_opa.engine.as_deref()),
        (None, Some("opa"))
    );

    opa.kill().unwrap();
    for (action, verdict) in [
        ("read", Verdict::Allow),
        ("drop", Verdict::Deny),
        ("sing", Verdict::Refuse),
    ] {
        let decision = decide(&engine, action).await.unwrap();
        assert_eq!(decision.verdict, verdict);
        assert_eq!(decision.fallback, Some(FailClosed::EngineUnreachable));
        assert_eq!(decision.revision.as_deref(), Some("r7"));
        assert_eq!(decision.engine.as_deref(), Some("embedded"));
        assert!(decision.detail.as_ref().unwrap().contains(&opa.url()));
        assert_eq!(decision.fail_closed, None);
        let written = serde_json::to_value(&decision).unwrap();
        assert_eq!(written["fallback"], json!("engine_unreachable"));
    }
    engine.health().await.unwrap();

    opa.restart().unwrap();
    loop {
        let decision = decide(&engine, "read").await.unwrap();
        assert!(decision.allowed());
        if decision.fallback.is_none() {
            break;
        }
    }
}

#[tokio::test]
async fn the_copy_decides_while_opa_stands_still() {
    let Some(opa) = opa_or_skip!() else { return };
    let (opa, _folder) = bundled(&opa, "r7");
    let builder = OpaClient::builder()
        .base_url(opa.url())
        .timeout(Duration::from_millis(500));
    let engine = Fallback::new(builder.build().unwrap(), copy()).known_as("r7");
    while decide(&engine, "read").await.is_err() {}
    opa.pause().unwrap();
    let decision = decide(&engine, "read").await.unwrap();
    assert_eq!(decision.fallback, Some(FailClosed::EngineTimeout));
    opa.resume().unwrap();
}

#[tokio::test]
async fn a_copy_of_another_revision_decides_nothing() {
    let Some(opa) = opa_or_skip!() else { return };
    let (mut opa, _folder) = bundled(&opa, "r8");
    let engines = [
        with_copy(&opa.url()),
        // Known by its digest only.
        Fallback::new(client(&opa.url()), copy()),
    ];
    for engine in &engines {
        assert!(decide(engine, "read").await.unwrap().allowed());
    }
    opa.kill().unwrap();
    for engine in &engines {
        let error = decide(engine, "read").await.unwrap_err();
        assert_eq!(error.code(), FailClosed::EngineUnreachable);
        for part in ["no fallback", "`r8`"] {
            assert!(error.detail().contains(part), "{part} in {error}");
        }
        let unhealthy = engine.health().await.unwrap_err();
        assert_eq!(unhealthy.code(), FailClosed::EngineUnreachable);
    }
}

#[tokio::test]
async fn the_digest_is_a_name_where_the_bundle_has_no_other() {
    let Some(opa) = opa_or_skip!() else { return };
    let copy = copy();
    let (mut opa, _folder) = bundled(&opa, &copy.revision().unwrap());
    let engine = Fallback::new(client(&opa.url()), copy);
    assert!(decide(&engine, "read").await.unwrap().allowed());
    opa.kill().unwrap();
    let decision = decide(&engine, "read").await.unwrap();
    assert_eq!(decision.fallback, Some(FailClosed::EngineUnreachable));
}

#[tokio::test]
async fn an_opa_that_never_decided_or_names_no_revision_has_no_fallback() {
    let nobody = Peer::start(|_| Reply::Reset).await;
    let nameless =
        says_once(r#"{"result": {"allow": true}, "provenance": {"version": "1"}}"#).await;
    let empty = says_once(
        r#"{"result": {"allow": true}, "provenance": {"bundles": {"b": {"revision": ""}}}}"#,
    )
    .await;
    for (peer, answers) in [(nobody, false), (nameless, true), (empty, true)] {
        let engine = with_copy(&peer.url).known_as("");
        if answers {
            assert!(decide(&engine, "read").await.unwrap().allowed());
        }
        let error = decide(&engine, "read").await.unwrap_err();
        assert_eq!(error.code(), FailClosed::EngineUnreachable);
        assert!(error.detail().contains("named revision"), "{error}");
    }
}

const BY_R7: &str =
    r#"{"result": {"allow": true}, "provenance": {"bundles": {"main": {"revision": "r7"}}}}"#;

#[tokio::test]
async fn a_revision_seen_too_long_ago_does_not_count() {
    let peer = says_once(BY_R7).await;
    let engine = with_copy(&peer.url).seen_within(Duration::ZERO);
    assert!(decide(&engine, "read").await.unwrap().allowed());
    let error = decide(&engine, "read").await.unwrap_err();
    assert_eq!(error.code(), FailClosed::EngineUnreachable);
}

#[tokio::test]
async fn the_last_revision_counts_and_no_older_one() {
    let peer = Peer::start(|number| match number {
        0 => Reply::Say(ok(BY_R7)),
        1 => Reply::Say(ok(&BY_R7.replace("r7", "r8"))),
        _ => Reply::Reset,
    })
    .await;
    let engine = with_copy(&peer.url);
    for revision in ["r7", "r8"] {
        let decision = decide(&engine, "read").await.unwrap();
        assert_eq!(decision.revision.as_deref(), Some(revision));
    }
    assert!(decide(&engine, "read").await.is_err());
}

#[tokio::test]
async fn what_opa_answers_stands_whatever_it_is() {
    let conflict = r#"{"code": "internal_error", "errors": [{"code": "eval_conflict_error"}]}"#;
    for (bytes, code) in [
        (ok("{}"), FailClosed::UndefinedDecision),
        (
            ok(r#"{"result": {"allow": 1}}"#),
            FailClosed::MalformedDecision,
        ),
        (ok("no JSON"), FailClosed::EngineProtocol),
        (answer("503 Busy", "", ""), FailClosed::EngineProtocol),
        (answer("401 No", "", "{}"), FailClosed::EngineProtocol),
        (
            answer("500 Internal Server Error", "", conflict),
            FailClosed::EvaluationError,
        ),
    ] {
        let peer = Peer::start(move |number| match number {
            0 => Reply::Say(ok(BY_R7)),
            _ => Reply::Say(bytes.clone()),
        })
        .await;
        let engine = with_copy(&peer.url);
        assert!(decide(&engine, "read").await.unwrap().allowed());
        let error = decide(&engine, "read").await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test]
async fn a_copy_that_cannot_decide_leaves_the_fault_as_it_was() {
    let peer = says_once(BY_R7).await;
    let engine = with_copy(&peer.url);
    assert!(decide(&engine, "read").await.unwrap().allowed());
    let error = decide(&engine, "fail").await.unwrap_err();
    assert_eq!(error.code(), FailClosed::EngineUnreachable);
    assert!(error.detail().contains("evaluation_error"), "{error}");
}

#[tokio::test]
async fn a_layer_that_fell_back_marks_the_whole_decision() {
    let peer = says_once(BY_R7).await;
    let guard = with_copy(&peer.url);
    assert!(decide(&guard, "read").await.unwrap().allowed());
    let engine = Layered::builder()
        .guard("organisation", guard)
        .grant("team", copy())
        .build()
        .unwrap();
    let decision = decide(&engine, "read").await.unwrap();
    assert!(decision.allowed());
    assert_eq!(decision.fallback, Some(FailClosed::EngineUnreachable));
    let written = serde_json::to_value(&decision).unwrap();
    assert_eq!(
        written["resolution_trace"][0]["fallback"],
        json!("engine_unreachable")
    );
    assert_eq!(written["resolution_trace"][1]["fallback"], json!(null));
}
