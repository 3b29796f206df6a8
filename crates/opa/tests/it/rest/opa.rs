//! The real program.

use std::time::Duration;

use kitelogik_core::{FailClosed, PolicyEngine, Verdict};
use kitelogik_opa::{OpaClient, OpaClientBuilder};
use kitelogik_opa_process::{Opa, OpaProcess, opa_or_skip};

use super::proxy::Proxy;
use super::{code, decide, fault};

pub(crate) const POLICY: &str = r#"
package kitelogik.main

allow if input.action == "read"

deny contains "never" if input.action == "drop"

requires_hitl if input.action == "pay"

# Silently lost where built-in errors are not strict.
deny contains "failed" if {
	input.action == "fail"
	to_number("x") > 1
}

allow if input.action == "fail"

risk_tier := "OPERATIONAL" if input.action == "conflict"

risk_tier := "DESTRUCTIVE" if input.action == "conflict"

allow if {
	input.action == "ponder"
	every i in numbers.range(1, 100000) {
		every j in numbers.range(1, 100000) { i * j > 0 }
	}
}
"#;

pub(crate) fn start(opa: &Opa) -> OpaProcess {
    opa.server().module("main.rego", POLICY).start().unwrap()
}

/// Patient enough for a slow machine.
pub(crate) fn builder(url: impl Into<String>) -> OpaClientBuilder {
    OpaClient::builder()
        .base_url(url)
        .timeout(Duration::from_secs(30))
}

fn client(url: impl Into<String>) -> OpaClient {
    builder(url).build().unwrap()
}

#[tokio::test]
async fn each_verdict_comes_from_the_policy() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let client = client(opa.url());
    for (action, verdict, rule) in [
        ("read", Verdict::Allow, Some("data.kitelogik.main.allow")),
        ("drop", Verdict::Deny, Some("data.kitelogik.main.deny[_]")),
        (
            "pay",
            Verdict::RequireApproval,
            Some("data.kitelogik.main.requires_hitl"),
        ),
        ("sing", Verdict::Refuse, None),
    ] {
        let decision = decide(&client, action).await.unwrap();
        assert_eq!(decision.verdict, verdict, "{action}");
        assert_eq!(decision.rule_matched.as_deref(), rule, "{action}");
        assert_eq!(decision.fail_closed, None);
    }
}

#[tokio::test]
async fn a_built_in_error_in_a_deny_rule_is_not_a_silent_allow() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let error = fault(&client(opa.url()), "fail").await;
    assert_eq!(code(&error), FailClosed::EvaluationError);
    for part in ["main.rego:13:", "eval_builtin_error", "to_number"] {
        assert!(error.detail().contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn rules_that_conflict_are_an_evaluation_error() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let error = fault(&client(opa.url()), "conflict").await;
    assert_eq!(code(&error), FailClosed::EvaluationError);
    assert!(error.detail().contains("eval_conflict_error"), "{error}");
}

#[tokio::test]
async fn an_opa_without_the_entry_point_is_undefined_and_unhealthy() {
    let Some(opa) = opa_or_skip!() else { return };
    let empty = opa.server().start().unwrap();
    let full = start(&opa);
    let elsewhere = builder(full.url()).entry_point("data.kitelogik.mian");
    for client in [client(empty.url()), elsewhere.build().unwrap()] {
        assert_eq!(
            code(&fault(&client, "read").await),
            FailClosed::UndefinedDecision
        );
        let unhealthy = client.health().await.unwrap_err();
        assert_eq!(code(&unhealthy), FailClosed::UndefinedDecision);
    }
    client(full.url()).health().await.unwrap();
}

#[tokio::test]
async fn a_name_that_is_no_identifier_is_reached() {
    let Some(opa) = opa_or_skip!() else { return };
    let rego = "package team[\"refunds v2/ü\"].main\nallow := true";
    let opa = opa.server().module("main.rego", rego).start().unwrap();
    let client = builder(opa.url()).entry_point(r#"data.team["refunds v2/ü"].main"#);
    assert!(
        decide(&client.build().unwrap(), "read")
            .await
            .unwrap()
            .allowed()
    );
}

#[tokio::test]
async fn an_opa_that_lets_nothing_but_the_question_through_is_enough() {
    let Some(opa) = opa_or_skip!() else { return };
    const POST_ONLY: &str = r#"
package system.authz

default allow := false

allow if {
	input.method == "POST"
	input.path == ["v1", "data", "kitelogik", "main"]
}
"#;
    let server = || opa.server().module("main.rego", POLICY);
    for server in [
        server().queries_only(["kitelogik/main"]),
        server().authorization(POST_ONLY),
    ] {
        let opa = server.start().unwrap();
        let client = client(opa.url());
        assert!(decide(&client, "read").await.unwrap().allowed());
        client.health().await.unwrap();
    }
}

#[tokio::test]
async fn the_bearer_token_is_what_opa_reads() {
    let Some(opa) = opa_or_skip!() else { return };
    const TOKEN: &str = r#"
package system.authz

default allow := false

allow if input.identity == "s3cret"

allow if input.path == ["health"]
"#;
    let opa = opa
        .server()
        .module("main.rego", POLICY)
        .authorization(TOKEN)
        .argument("--authentication=token")
        .start()
        .unwrap();
    let known = builder(opa.url()).bearer_token("s3cret").build().unwrap();
    assert!(decide(&known, "read").await.unwrap().allowed());
    for stranger in [builder(opa.url()), builder(opa.url()).bearer_token("guess")] {
        let error = fault(&stranger.build().unwrap(), "read").await;
        assert_eq!(code(&error), FailClosed::EngineProtocol);
        assert!(error.detail().contains("401"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_as_good_as_a_port() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = opa
        .server()
        .module("main.rego", POLICY)
        .unix_socket()
        .start()
        .unwrap();
    let socket = opa.socket().unwrap();
    let reached = builder("http://localhost")
        .unix_socket(socket)
        .build()
        .unwrap();
    for _ in 0..3 {
        assert!(decide(&reached, "read").await.unwrap().allowed());
    }
    let missing = builder("http://localhost").unix_socket(socket.with_extension("none"));
    let error = fault(&missing.build().unwrap(), "read").await;
    assert_eq!(code(&error), FailClosed::EngineUnreachable);
}

#[tokio::test]
async fn a_decision_carries_the_id_that_opa_logs() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = opa
        .server()
        .module("main.rego", POLICY)
        .argument("--set=decision_logs.console=true")
        .argument("--log-level=info")
        .start()
        .unwrap();
    let decision = decide(&client(opa.url()), "read").await.unwrap();
    let id = decision.engine_decision_id.unwrap();
    assert!(opa.log().contains(&id), "{}", opa.log());
    assert_ne!(decision.decision_id, id);
    assert_eq!(decision.engine.as_deref(), Some("opa"));
}

#[tokio::test]
async fn a_decision_carries_the_revision_of_its_bundle() {
    let Some(opa) = opa_or_skip!() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (policy, bundle) = (
        folder.path().join("main.rego"),
        folder.path().join("bundle.tar.gz"),
    );
    std::fs::write(&policy, POLICY).unwrap();
    let build = std::process::Command::new(opa.path())
        .args(["build", "--revision", "r7", "--output"])
        .args([&bundle, &policy])
        .status()
        .unwrap();
    assert!(build.success());
    let opa = opa
        .server()
        .argument("--bundle")
        .argument(bundle)
        .start()
        .unwrap();
    let client = client(opa.url());
    assert_eq!(client.revision(), None);
    let decision = decide(&client, "read").await.unwrap();
    assert_eq!(decision.revision.as_deref(), Some("r7"));
    assert_eq!(client.revision(), decision.revision);
}

#[tokio::test]
async fn an_opa_killed_in_mid_call_is_unreachable_and_comes_back() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let client = client(&proxy.url);
    assert!(decide(&client, "read").await.unwrap().allowed());

    let (error, ()) = tokio::join!(fault(&client, "ponder"), async {
        proxy.asked("ponder", 1).await;
        opa.kill().unwrap();
    });

    assert_eq!(code(&error), FailClosed::EngineUnreachable, "{error}");
    opa.restart().unwrap();
    assert!(decide(&client, "read").await.unwrap().allowed());
}

#[tokio::test]
async fn an_opa_that_stands_still_is_a_timeout() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let client = builder(opa.url())
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    opa.pause().unwrap();
    assert_eq!(
        code(&fault(&client, "read").await),
        FailClosed::EngineTimeout
    );
    assert_eq!(
        code(&client.health().await.unwrap_err()),
        FailClosed::EngineTimeout
    );
}

#[tokio::test]
async fn a_policy_that_ponders_too_long_is_a_timeout() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let client = builder(opa.url())
        .timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    assert_eq!(
        code(&fault(&client, "ponder").await),
        FailClosed::EngineTimeout
    );
}

#[tokio::test]
async fn a_restarted_opa_costs_no_denial() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut opa = start(&opa);
    let client = client(opa.url());
    for _ in 0..3 {
        assert!(decide(&client, "read").await.unwrap().allowed());
        opa.restart().unwrap();
    }
    assert!(decide(&client, "read").await.unwrap().allowed());
}
