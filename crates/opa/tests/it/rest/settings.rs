use std::process::Command;
use std::time::Duration;

use kitelogik_core::FailClosed;
use kitelogik_opa::{OpaClient, OpaConfigError};
use serde_json::Value;

use super::peer::{Peer, Reply, answer, ok};
use super::{code, decide, fault};

const ALLOW: &str = r#"{"result": {"allow": true}}"#;

#[tokio::test]
async fn the_request_is_a_strict_post_of_the_input_document() {
    let peer = Peer::with_body(ALLOW).await;
    decide(&peer.client(), "approve_refund").await.unwrap();

    let request = peer.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(
        lines.next().unwrap(),
        "POST /v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true HTTP/1.1"
    );
    let names: Vec<&str> = lines.map(|line| line.split_once(':').unwrap().0).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "accept",
            "content-length",
            "content-type",
            "host",
            "user-agent"
        ]
    );
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(body["input"]["action"], "approve_refund");
    assert_eq!(body["input"]["args"]["amount"], 42);
    assert_eq!(body["input"]["context"]["user_role"], "support_agent");
}

#[tokio::test]
async fn base_path_entry_point_and_headers_are_sent_as_given() {
    let peer = Peer::with_body(ALLOW).await;
    let client = OpaClient::builder()
        .base_url(format!("{}/opa/", peer.url))
        .entry_point(r#"data.team["refunds v2/ü"].main"#)
        .bearer_token("s3cret")
        .header("X-Team", "refunds")
        .header("X-Team", "billing")
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let decision = decide(&client, "read").await.unwrap();

    let request = peer.requests().remove(0);
    let path = "POST /opa/v1/data/team/refunds%20v2%2F%C3%BC/main?strict-builtin-errors=true&";
    assert!(request.starts_with(path), "{request}");
    assert!(request.contains("\r\nauthorization: Bearer s3cret\r\n"));
    assert!(request.contains("\r\nx-team: refunds\r\nx-team: billing\r\n"));
    assert_eq!(
        decision.rule_matched.as_deref(),
        Some(r#"data.team["refunds v2/ü"].main.allow"#)
    );
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let peer = Peer::start(|_| Reply::Say(answer("200 OK", "set-cookie: a=b\r\n", ALLOW))).await;
    let client = peer.client();
    for _ in 0..2 {
        decide(&client, "read").await.unwrap();
    }
    assert!(
        peer.requests()
            .iter()
            .all(|request| !request.contains("cookie"))
    );
}

#[tokio::test]
async fn the_answer_s_decision_id_and_revision_are_the_decision_s() {
    for (provenance, revision) in [
        (r#"{"bundles": {"main": {"revision": "r7"}}}"#, Some("r7")),
        (
            r#"{"bundles": {"b": {"revision": "2"}, "a": {"revision": "1"}}}"#,
            Some("a=1,b=2"),
        ),
        (r#"{"bundles": {"main": {"revision": ""}}}"#, None),
        (r#"{"bundles": {"main": {}}}"#, None),
        (r#"{"revision": "r6"}"#, Some("r6")),
        (r#"{"version": "1.22.2"}"#, None),
    ] {
        let body =
            format!(r#"{{"result": {{}}, "decision_id": "d-1", "provenance": {provenance}}}"#);
        let peer = Peer::start(move |_| Reply::Say(ok(&body))).await;
        let client = peer.client();
        let decision = decide(&client, "read").await.unwrap();
        assert_eq!(decision.engine_decision_id.as_deref(), Some("d-1"));
        assert_ne!(decision.decision_id, "d-1");
        assert_eq!(decision.revision.as_deref(), revision, "{provenance}");
        assert_eq!(
            kitelogik_core::PolicyEngine::revision(&client).as_deref(),
            revision
        );
    }
}

#[test]
fn default_and_an_untouched_builder_are_the_same_client() {
    let built = OpaClient::builder().build().unwrap();
    let shown = format!("{:?}", OpaClient::default());
    assert_eq!(shown, format!("{built:?}"));
    for part in [
        "http://localhost:8181",
        "/v1/data/kitelogik/main?strict-builtin-errors=true&provenance=true",
        "500ms",
        "1048576",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn a_base_url_that_cannot_be_meant_is_refused() {
    for url in [
        "",
        "localhost:8181",
        "ftp://localhost",
        "unix:///run/opa.sock",
        "http://",
        "http://:8181",
        "http://localhost:",
        "http://localhost:99999",
        "http://localhost:8181/?explain=full",
        "http://localhost:8181/#x",
        "http://local host",
        "/v1/data",
    ] {
        let error = OpaClient::new(url).unwrap_err();
        assert!(
            matches!(error, OpaConfigError::BaseUrl { .. }),
            "{url}: {error}"
        );
    }
    for url in [
        "http://[::1]:8181",
        "https://opa.internal/base/",
        "http://127.0.0.1",
    ] {
        OpaClient::new(url).unwrap();
    }
}

#[test]
fn an_entry_point_that_is_no_path_below_data_is_refused() {
    for entry_point in [
        "",
        "data",
        "data.",
        "database.main",
        "kitelogik.main",
        "kitelogik/main",
        "data.kitelogik/main",
        "data..main",
        "data.1st",
        "data.kitelogik.main ",
        "data.kitelogik.main?explain=full",
        r#"data[""]"#,
        r#"data[".."].main"#,
        r#"data["a\"]b"]"#,
        r#"data["a"#,
        r#"data["a"]main"#,
    ] {
        let error = OpaClient::builder()
            .entry_point(entry_point)
            .build()
            .unwrap_err();
        assert!(
            matches!(error, OpaConfigError::EntryPoint { .. }),
            "{entry_point}: {error}"
        );
    }
}

#[test]
fn headers_that_http_needs_cannot_be_set() {
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Accept-Encoding",
    ] {
        let error = OpaClient::builder().header(name, "x").build().unwrap_err();
        assert!(matches!(error, OpaConfigError::Header { .. }), "{error}");
    }
    let twice = OpaClient::builder()
        .header("authorization", "x")
        .bearer_token("y");
    assert!(matches!(
        twice.build().unwrap_err(),
        OpaConfigError::Header { .. }
    ));
}

#[test]
fn limits_of_nothing_and_certificates_without_https_are_refused() {
    let error = OpaClient::builder()
        .timeout(Duration::ZERO)
        .build()
        .unwrap_err();
    assert_eq!(error.to_string(), "the timeout must be more than zero");
    for builder in [
        OpaClient::builder().max_response_bytes(0),
        OpaClient::builder().max_connections(0),
        OpaClient::builder().open_after(0),
        OpaClient::builder().probe_interval(Duration::ZERO),
    ] {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, OpaConfigError::ZeroLimit { .. }), "{error}");
    }
    let error = OpaClient::builder()
        .ca_certificates("…")
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("need `https`"), "{error}");
}

#[tokio::test]
async fn secrets_are_in_no_error_and_no_debug_output() {
    const SECRET: &str = "s3cret";
    let builder = OpaClient::builder()
        .bearer_token(SECRET)
        .header("x-api-key", SECRET)
        .base_url("http://127.0.0.1:1");
    let mut shown = format!("{builder:?}");
    let client = builder.build().unwrap();
    shown += &format!("{client:?}");
    shown += &fault(&client, "read").await.to_string();

    let peer = Peer::start(|_| Reply::Say(answer("401 Unauthorized", "", "{}"))).await;
    let refused = OpaClient::builder()
        .base_url(&peer.url)
        .bearer_token(SECRET);
    shown += &fault(&refused.build().unwrap(), "read").await.to_string();

    for error in [
        OpaClient::builder()
            .bearer_token(format!("{SECRET}\n"))
            .build(),
        OpaClient::builder()
            .header("x-api-key", format!("{SECRET}\n"))
            .build(),
        OpaClient::builder()
            .base_url(format!("http://me:{SECRET}@localhost"))
            .build(),
        OpaClient::builder()
            .base_url(format!("http://localhost?key={SECRET}"))
            .build(),
        OpaClient::builder()
            .base_url(format!("http://localhost?to=me@{SECRET}"))
            .build(),
        OpaClient::builder()
            .base_url(format!("http://{SECRET}?x:{SECRET}@localhost"))
            .build(),
    ] {
        let error = error.unwrap_err();
        shown += &format!("{error} {error:?}");
    }
    assert!(!shown.contains(SECRET), "{shown}");
}

/// The environment of a process cannot be changed safely while it runs: the test runs itself again.
#[tokio::test]
async fn the_environment_s_proxy_is_used_only_when_asked_for() {
    const CHILD: &str = "KITELOGIK_TEST_PROXIED_URL";
    if let Ok(url) = std::env::var(CHILD) {
        let builder = || {
            OpaClient::builder()
                .base_url(&url)
                .timeout(Duration::from_secs(30))
        };
        assert!(
            decide(&builder().build().unwrap(), "read")
                .await
                .unwrap()
                .allowed()
        );
        let proxied = builder().proxy_from_environment().build().unwrap();
        let decision = decide(&proxied, "read").await.unwrap();
        assert_eq!(decision.reason, "from the proxy");
        let tunnelled = builder()
            .base_url("https://opa.invalid")
            .proxy_from_environment();
        let error = fault(&tunnelled.build().unwrap(), "read").await;
        assert_eq!(code(&error), FailClosed::EngineUnreachable);
        return;
    }
    let server = Peer::with_body(ALLOW).await;
    let proxy = Peer::start(|number| match number {
        0 => Reply::Say(ok(r#"{"result": {"deny": ["from the proxy"]}}"#)),
        _ => Reply::Close(answer("403 Forbidden", "", "")),
    })
    .await;
    let with_login = proxy.url.replace("http://", "http://me:pw@");
    let name = "rest::settings::the_environment_s_proxy_is_used_only_when_asked_for";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", name])
        .env(CHILD, &server.url)
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for variable in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
    ] {
        child.env(variable, &with_login);
    }
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(server.requests().len(), 1);
    let asked = proxy.requests();
    let whole = format!("POST {}/v1/data/kitelogik/main?", server.url);
    assert!(asked[0].starts_with(&whole), "{asked:?}");
    assert!(
        asked[0].contains("\r\nproxy-authorization: Basic "),
        "{asked:?}"
    );
    assert!(
        asked[1].starts_with("CONNECT opa.invalid:443 "),
        "{asked:?}"
    );
}
